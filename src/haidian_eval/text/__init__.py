"""Words for readers, from zh.toml and en.toml beside this file, which have equal keys."""

from __future__ import annotations

import string
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from haidian_eval.errors import EvaluationError, ParameterError, not_known
from haidian_eval.params import LANGUAGES

MONTHS_EN = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip


@cache
def read_words(lang: str) -> dict[str, str]:
    """Return all words of one language as dotted key -> text."""
    if lang not in LANGUAGES:
        raise ParameterError(not_known(f"lang = {lang!r}", lang, LANGUAGES))
    path = Path(__file__).with_name(f"{lang}.toml")
    return flatten(tomllib.loads(path.read_text(encoding="utf-8")))


def flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Return a tree of tables as dotted key -> text."""
    flat: dict[str, str] = {}
    for name, value in tree.items():
        key = f"{prefix}{name}"
        flat |= flatten(value, f"{key}.") if isinstance(value, dict) else {key: str(value)}
    return flat


def placeholders(template: str) -> set[str]:
    """Return the names that a template asks for."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


@dataclass(frozen=True, slots=True)
class Text:
    """The words of one language."""

    lang: str

    def __call__(self, key: str, /, **values: object) -> str:
        """Return the text of a key with its placeholders filled; all must be given."""
        words = read_words(self.lang)
        if key not in words:
            raise EvaluationError(f"text/{self.lang}.toml has no key {key!r}")
        missing = placeholders(words[key]) - values.keys()
        if missing:
            raise EvaluationError(f"text {key!r} needs values for {sorted(missing)}")
        return words[key].format(**values)

    def has(self, key: str) -> bool:
        """Tell whether there is such a text."""
        return key in read_words(self.lang)

    def choose(self, row: Any, name: str) -> str:
        """Return the column `name` in this language; where it is blank, the Chinese one."""
        cells = (row.get(column) for column in (f"{name}_{self.lang}", f"{name}_zh", name))
        return next((str(cell) for cell in cells if cell == cell and cell not in (None, "")), "")

    def unit(self, unit: object) -> str:
        """Return a unit of measure as a reader says it; one without words stands as it is."""
        key = f"units_of_measure.{unit}"
        return self(key) if self.has(key) else str(unit) if unit == unit and unit else "—"

    def period(self, period: str) -> str:
        """Return a period as a reader says it: 2023-11 is 2023年11月, November 2023.

        2023-01..05 is 2023年1—5月, January–May 2023.
        """
        year, _, month = period.partition("-")
        first, _, last = month.partition("..")
        if not first.isdigit():
            return period
        months = [int(part) for part in (first, last) if part]
        if self.lang == "zh":
            return f"{year}年{'—'.join(str(m) for m in months)}月"
        return f"{'–'.join(MONTHS_EN[m - 1] for m in months)} {year}"

    def listing(self, items: list[str]) -> str:
        """Return items as the language lists them."""
        return ("、" if self.lang == "zh" else ", ").join(items)
