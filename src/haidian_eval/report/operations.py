"""What a column of a table can show: one function per kind of cell, by the name layouts use."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from haidian_eval.report.exhibit import decimals, exact, joined
from haidian_eval.report.views import names
from haidian_eval.text import Text

Said = dict[str, Any]  # what a caption or a sentence says


@dataclass(frozen=True, slots=True)
class Words:
    """What names in a page are made from.

    text: the language. units and indicators: the edition's, where names of theirs are shown.
    focus: the unit that the report puts first.
    """

    text: Text
    units: pd.DataFrame = None
    indicators: pd.DataFrame = None
    focus: str = ""

    def unit(self, unit_id: str) -> str:
        """Return the name of a unit."""
        assert self.units is not None, "lay_out(..., units=...) is needed for names of units"
        return str(names(self.units, self.text)[unit_id])

    def indicator(self, node_id: str) -> dict[str, str]:
        """Return the name of an indicator and its unit of measure."""
        assert self.indicators is not None, "lay_out(..., indicators=...) is needed"
        known = self.indicators.drop_duplicates("node_id", keep="last").set_index("node_id")
        row = known.loc[node_id]
        return {"indicator": self.text.choose(row, "name"), "unit": self.text.unit(row["unit"])}

    def told(self, row: Any) -> Said:
        """Return a row for a sentence about the focus unit.

        Its indicator, periods, vintages and what rounding does to its rank are in words.
        """
        said = ({"name": self.unit(self.focus)} if self.focus else {}) | dict(row)
        if "indicator_id" in row:
            said |= self.indicator(row["indicator_id"])
        if "level_range" in row:
            kind = "wide" if "–" in row["level_range"] else "one"
            said["rounding"] = self.text(f"ranges.{kind}", span=row["level_range"])
        said |= {n: self.text.period(row[n]) for n in ("period", "base_period") if n in row}
        there = [name for name in ("vintage", "base_vintage") if name in row]
        return said | {name: vintage_words(row[name], self.text) for name in there}


def unit_names(words: Words, ids: str) -> str:
    """Return the names of units such as "110101;110102"; none is said."""
    listed = words.text.listing([words.unit(one) for one in ids.split(";") if one])
    return listed or words.text("exhibit.none")


def vintage_words(vintage: object, text: Text) -> str:
    """Return a vintage in words; table_2021-08 is the table published for that month."""
    if not isinstance(vintage, str):
        return "—"
    if vintage.startswith("table_"):
        return text("vintages.table", period=text.period(vintage.removeprefix("table_")))
    key = f"vintages.{vintage}"
    return text(key) if text.has(key) else vintage


def word(words: Words, cell: object, *, among: str, blank: str = "", missing: str = "") -> str:
    """Return the text `among`.cell; `blank` and `missing` are the texts of cells that are so."""
    if not isinstance(cell, str):
        return words.text(missing) if missing else "—"
    return words.text(f"{among}.{cell}" if cell or not blank else blank)


def as_printed(value: float, half_width: float) -> str:
    """Return a value with the decimals it was printed with, by the half-width of its rounding."""
    if pd.isna(half_width) or half_width <= 0:
        return f"{value:.{decimals([value])}f}"
    return f"{value:.{max(0, round(-math.log10(2 * half_width)))}f}"


def number_range(_: Words, low: float, high: float, *, digits: int) -> str | None:
    """Return an interval of numbers, with a true minus."""
    if pd.isna(low) or pd.isna(high):
        return None
    shown = [f"{0.0 if round(x, digits) == 0 else x:.{digits}f}" for x in (low, high)]
    return " ~ ".join(shown).replace("-", "−")


def rank_range(best: object, worst: object) -> str | None:
    """Return a rank interval as a reader sees it."""
    if best is pd.NA or worst is pd.NA:
        return None
    return str(best) if best == worst else f"{best}–{worst}"


def rank_with_range(_: Words, rank: object, best: object, worst: object) -> str | None:
    """Return a rank with its interval in brackets, where that leaves more than one place."""
    span = rank_range(best, worst)
    return None if pd.isna(rank) else str(rank) if str(rank) == span else f"{rank} [{span}]"


def rank_in_group(words: Words, best: object, worst: object, size: object) -> str | None:
    """Return the rank interval inside the group with the size of the group."""
    place = rank_range(best, worst)
    return words.text("environment.in_group", place=place, size=size) if place else None


def places_in_file(_: Words, *cells: Any) -> str:
    """Return file and row of the values behind a row, for the download; `cells`: pairs of both."""
    pairs = zip(cells[::2], cells[1::2], strict=True)
    return " ".join(f"{file}:{int(row)}" for file, row in pairs if isinstance(file, str))


def file_and_row(words: Words, file: object, row: float) -> str:
    """Return in words where a cell stands."""
    return words.text("claims.file_row", file=file, row=int(row)) if isinstance(file, str) else "—"


OPERATIONS: dict[str, Callable[..., object]] = {
    "unit name": lambda words, cell: words.unit(cell),
    "unit names": unit_names,
    "indicator name": lambda words, cell: words.indicator(cell)["indicator"],
    "indicator with unit": lambda words, cell: words.text(
        "exhibit.with_unit", **words.indicator(cell)
    ),
    "unit of measure": lambda words, cell: words.indicator(cell)["unit"],
    "period": lambda words, cell: words.text.period(cell),
    "periods": lambda words, cell: words.text.listing(
        [words.text.period(one) for one in cell.split(";")]
    ),
    "vintage": lambda words, cell: vintage_words(cell, words.text),
    "year and vintage": lambda words, year, vintage: words.text(
        "economy.year_of", **words.told({"year": year, "vintage": vintage})
    ),
    "series": lambda words, node_id, vintage: words.text(
        "claims.series", **words.told({"indicator_id": node_id, "vintage": vintage})
    ),
    "word": word,
    "in language": lambda words, zh, en=None: words.text.choose(
        {"cell_zh": zh, "cell_en": en}, "cell"
    ),
    "table and key": lambda _, table, key: f"{table}: {key}",
    "short": lambda _, cell: f"{cell[:12]}…" if isinstance(cell, str) else "—",
    "exact": lambda _, cell: exact(cell),
    "as printed": lambda _, value, half_width: as_printed(value, half_width),
    "number range": number_range,
    "place among": lambda _, place, among: f"{place} / {among}",
    "rank range": lambda _, best, worst: rank_range(best, worst),
    "rank with range": rank_with_range,
    "rank in group": rank_in_group,
    "sources": lambda _, *cells: joined(*cells),
    "places in file": places_in_file,
    "file and row": file_and_row,
}
MAY_LACK = frozenset({"in language", "places in file"})  # columns that not every table has
