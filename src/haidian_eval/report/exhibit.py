"""Tables and figures as HTML and CSV: numbered, with source, data class, notes and download."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unicodedata import east_asian_width

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pandas.api.types import is_numeric_dtype

from haidian_eval.errors import TableError
from haidian_eval.params import read_toml
from haidian_eval.tables.workbooks import safe_cell
from haidian_eval.text import Text

KINDS = ("official", "published", "survey", "derived", "claim", "synthetic")
TEMPLATES = Path(__file__).with_name("templates")
DOWNLOAD = "<!--download-->"
MINUS = re.compile(r"(?<![\d–])-(?=\d)")  # not the hyphens of a date
SHORT, LONG = 18, 34  # widths of a column's longest cell, in Latin letters
MANY = 12  # sources beyond which only their numbers are cited
COLUMNS = read_toml(Path(__file__).with_name("columns.toml"))  # how columns are set


@dataclass(frozen=True, slots=True)
class Column:
    """A column as a reader sees it; `setting` is its CSS class, or a blank."""

    heading: str
    setting: str
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A numbered table or figure.

    `rows` holds what is shown plus `source_id`, the sources of each row (several stand with `;`).
    """

    kind: str  # "table" or "figure"
    number: str
    caption: str
    note: str
    rows: pd.DataFrame
    sources: pd.DataFrame  # the edition's table of sources, indexed by source_id
    text: Text
    method_only: bool = False  # a demonstration of the method, whatever its data
    touched: pd.DataFrame | None = None  # source_id, severity, size: rows with defects

    @property
    def anchor(self) -> str:
        """The id of the exhibit in its page."""
        return f"{self.kind}-{self.number}"

    @property
    def label(self) -> str:
        """The number and the caption, as a reader cites them."""
        return self.text(f"exhibit.{self.kind}", number=self.number, caption=self.caption)

    @property
    def downloaded(self) -> pd.DataFrame:
        """The columns of the download, without sources and class."""
        return self.rows.drop(columns="source_id")

    @property
    def columns(self) -> list[Column]:
        """The columns that a reader sees; those that begin with `_` are for the download."""
        frame = self.downloaded.loc[:, ~self.downloaded.columns.str.startswith("_")]
        places = digits(frame)
        return [read_column(frame[name], places.get(name), self.text) for name in frame]

    @property
    def source_ids(self) -> list[str]:
        """All sources of the rows, in the order of the table of sources."""
        cited = split_ids(self.rows["source_id"])
        unknown = sorted(cited - set(self.sources.index))
        if unknown:
            raise TableError(f"{self.label}: the sources {unknown} are not in the table sources")
        return [name for name in self.sources.index if name in cited]

    @property
    def cited(self) -> str:
        """The sources in words; of many only the numbers."""
        text, cited = self.text, self.sources.loc[self.source_ids]
        if len(cited) > MANY:
            return text("exhibit.many", ids=text.listing(self.source_ids))
        words = [
            {"id": name} | {part: text.choose(row, part) for part in ("publisher", "title")}
            for name, row in cited.iterrows()
        ]
        return text("exhibit.between_sources").join(text("exhibit.cited", **own) for own in words)

    @property
    def is_demonstration(self) -> bool:
        """Whether it only demonstrates a method, or is made with synthetic data."""
        return self.method_only or "synthetic" in set(self.sources.loc[self.source_ids, "kind"])

    @property
    def queried(self) -> dict[str, int]:
        """How many rows of its sources were left out or repaired."""
        if self.touched is None:
            return {}
        own = self.touched[self.touched["source_id"].isin(self.source_ids)]
        sums = own.groupby("severity")["size"].sum()
        return {name: int(sums.get(name, 0)) for name in ("excluded", "repaired")}

    def classes(self, ids: Iterable[str]) -> list[str]:
        """Return the classes of data of some sources in words, the firmest first."""
        found = set(self.sources.loc[list(ids), "kind"])
        return [self.text(f"kinds.{kind}") for kind in KINDS if kind in found]


@cache
def templates() -> Environment:
    """Return the templates of the pages; whatever they are given is text, not markup."""
    loader = FileSystemLoader(TEMPLATES / "study")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined)


def html(exhibit: Exhibit, shape: str, *, heads: int = 1) -> str:
    """Return an exhibit with everything that a reader needs beside it.

    shape: "table", of which the first `heads` columns head their rows; "cards", key figures side by
    side (rows: figure, label, about, source_id); "figure", what stands under a picture.
    """
    template = templates().get_template("exhibit.html.j2")
    return template.render(exhibit=exhibit, text=exhibit.text, shape=shape, heads=heads)


def split_ids(cells: Iterable[object]) -> set[str]:
    """Return the single ids in cells such as "S37;R01"; missing cells have none."""
    return {part for cell in cells if isinstance(cell, str) for part in cell.split(";") if part}


def joined(*ids: object) -> str:
    """Return several cells of source ids as one, without repeats."""
    return ";".join(sorted(split_ids(ids)))


def label(name: str, text: Text) -> str:
    """Return the heading of a column; "value@2023-11" is the value in that period.

    "short@2023-11" is headed by the period alone.
    """
    column, _, period = name.partition("@")
    if column == "short":
        return period
    words = text(f"columns.{column}")
    return text("exhibit.in_period", words=words, period=text.period(period)) if period else words


def show(value: Any, digits: int | None) -> str:
    """Return a cell as a reader sees it; missing is a dash."""
    if pd.isna(value):
        return "—"
    if isinstance(value, float):
        whole = 0.0 if digits is not None and round(value, digits) == 0 else value  # no minus zero
        return f"{whole:.{digits}f}" if digits is not None else plain_number(value)
    return str(value)


def plain_number(value: float) -> str:
    """Return a number with at most six significant digits and no power of ten."""
    return np.format_float_positional(value, 6, unique=False, fractional=False, trim="-")


def decimals(values: Iterable[float]) -> int:
    """Return the decimals that a column of values needs, so that all show the same number."""
    shown = (plain_number(value) for value in values if not pd.isna(value))
    return max((len(words.partition(".")[2]) for words in shown), default=0)


def digits(shown: pd.DataFrame) -> dict[str, int]:
    """Return the decimals of the columns by their names: fixed ones, or those that values have."""
    together = {name: group for group in COLUMNS["measured"] for name in group}
    found = {}
    for name in shown:
        column, at, period = name.partition("@")
        alike = [f"{one}{at}{period}" for one in together.get(column, ())]
        own = [shown[one] for one in alike if one in shown and is_numeric_dtype(shown[one])]
        if column in COLUMNS["decimals"]:
            found[name] = COLUMNS["decimals"][column]
        elif own:
            found[name] = max(decimals(values.dropna()) for values in own)
    return found


def exact(value: Any) -> str:
    """Return a printed number as it was printed: thousands grouped, a true minus, no rounding."""
    return "—" if pd.isna(value) else f"{float(value):,.12g}".replace("-", "−")


def read_column(values: pd.Series, digits: int | None, text: Text) -> Column:
    """Return a column in words; numbers have a true minus."""
    name = str(values.name)
    setting, cells = column_class(values, name), [show(value, digits) for value in values]
    if setting == "number":
        cells = [MINUS.sub("−", cell) for cell in cells]
    return Column(label(name, text), setting, cells)


def column_class(cells: pd.Series, name: str) -> str:
    """Return how a column is set: numbers to the right, short words on one line, long ones wide."""
    own = name.partition("@")[0]
    if own in (*COLUMNS["right"], "short") or is_numeric_dtype(cells):
        return "number"
    longest = max((width(show(cell, None)) for cell in cells), default=0)
    return "short" if longest <= SHORT else "long" if longest > LONG else ""


def width(words: str) -> int:
    """Return how many Latin letters wide a text is; a Chinese sign is two."""
    return sum(2 if east_asian_width(sign) in "WF" else 1 for sign in words)


def csv_cell(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula; numbers keep ten digits."""
    if pd.isna(value):
        return ""
    return f"{value:.10g}" if isinstance(value, float) else safe_cell(value)


def csv_text(exhibit: Exhibit) -> str:
    """Return the rows as CSV; the sources and the class of data stand in every row."""
    text, cited = exhibit.text, exhibit.rows["source_id"]
    demo = [text("exhibit.method_only")] * exhibit.method_only
    classes = [text.listing(exhibit.classes(split_ids([ids])) + demo) for ids in cited]
    rows = exhibit.downloaded.assign(source_id=cited, data_class=classes).map(csv_cell)
    headings = [label(name.removeprefix("_"), text) for name in rows]
    return str(rows.to_csv(index=False, header=headings, lineterminator="\n"))
