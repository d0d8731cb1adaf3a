"""Tables and figures as HTML and CSV: numbered, with source, data class, notes and download."""

from __future__ import annotations

import base64
import csv
import io
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from unicodedata import east_asian_width

import pandas as pd
from pandas.api.types import is_numeric_dtype

from haidian_eval.errors import TableError
from haidian_eval.params import read_toml
from haidian_eval.tables.workbooks import safe_cell
from haidian_eval.text import Text

KINDS = ("official", "published", "survey", "derived", "claim", "synthetic")
DOWNLOAD = "<!--download-->"
MINUS = re.compile(r"(?<![\d–])-(?=\d)")  # not the hyphens of a date
SHORT, LONG = 18, 34  # widths of a column's longest cell, in Latin letters
MANY = 12  # sources beyond which only their numbers are cited
LOW = 8  # rows up to which a table stays on one printed page
DENSE = 7  # columns from which on a table is set closer
COLUMNS = read_toml(Path(__file__).with_name("columns.toml"))  # how columns are set


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A numbered table or figure.

    `rows` holds what is shown plus `source_id`, the sources of each row (several stand with `;`).
    """

    kind: str  # "table" or "figure"
    number: str
    key: str
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
    def shown(self) -> pd.DataFrame:
        """The columns that a reader sees; those that begin with `_` are for the download."""
        return self.downloaded.loc[:, ~self.downloaded.columns.str.startswith("_")]

    @property
    def downloaded(self) -> pd.DataFrame:
        """The columns of the download, without sources and class."""
        return self.rows.drop(columns="source_id")

    @property
    def source_ids(self) -> list[str]:
        """All sources of the rows, in the order of the table of sources."""
        cited = split_ids(self.rows["source_id"])
        unknown = sorted(cited - set(self.sources.index))
        if unknown:
            raise TableError(f"{self.label}: the sources {unknown} are not in the table sources")
        return [name for name in self.sources.index if name in cited]

    @property
    def kinds(self) -> list[str]:
        """The classes of data in the exhibit, the firmest first."""
        return ordered_kinds(self.sources.loc[self.source_ids, "kind"])


def split_ids(cells: Iterable[object]) -> set[str]:
    """Return the single ids in cells such as "S37;R01"; missing cells have none."""
    return {part for cell in cells if isinstance(cell, str) for part in cell.split(";") if part}


def ordered_kinds(kinds: Iterable[str]) -> list[str]:
    """Return kinds without repeats, the firmest first."""
    found = set(kinds)
    return [kind for kind in KINDS if kind in found]


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
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return "—"
    if isinstance(value, float):
        return f"{value:.{digits}f}" if digits is not None else plain_number(value)
    return str(value)


def plain_number(value: float) -> str:
    """Return a number with at most six significant digits and no power of ten."""
    rounded = float(f"{value:.6g}")
    places = max(0, 5 - math.floor(math.log10(abs(rounded)))) if rounded else 0
    shown = f"{rounded:.{places}f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def decimals(values: Iterable[float]) -> int:
    """Return the decimals that a column of values needs, so that all show the same number."""
    shown = (plain_number(v) for v in values if not math.isnan(v))
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


def column_class(cells: pd.Series, name: str) -> str:
    """Return how a column is set: numbers to the right, short words on one line, long ones wide."""
    if name in COLUMNS["right"] or name.startswith("short@") or is_numeric_dtype(cells):
        return "number"
    longest = max((width(show(cell, None)) for cell in cells), default=0)
    return "short" if longest <= SHORT else "long" if longest > LONG else ""


def width(words: str) -> int:
    """Return how many Latin letters wide a text is; a Chinese sign is two."""
    return sum(2 if east_asian_width(sign) in "WF" else 1 for sign in words)


def html_table(exhibit: Exhibit, *, heads: int = 1, caption: bool = True) -> str:
    """Return the table; its first `heads` columns head their rows."""
    frame, text = exhibit.shown, exhibit.text
    places = digits(frame)
    classes = [column_class(frame[name], name) for name in frame]
    head = "".join(
        f'<th scope="col"{mark(kind)}>{escape(label(name, text))}</th>'
        for name, kind in zip(frame, classes, strict=True)
    )
    body = "".join(
        "<tr>" + "".join(html_cells(row, list(frame), classes, places, heads)) + "</tr>\n"
        for row in frame.itertuples(index=False, name=None)
    )
    if frame.empty:
        body = f'<tr><td colspan="{frame.shape[1]}">{escape(text("exhibit.none"))}</td></tr>'
    title = f"<caption>{escape(exhibit.label)}</caption>" if caption else ""
    kinds = ["dense"] * (frame.shape[1] >= DENSE) + ["low"] * (len(frame) <= LOW)
    table = f"<table{mark(' '.join(kinds))}>"
    return f"{table}{title}<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table>"


def mark(kind: str) -> str:
    """Return the class of a cell as an attribute."""
    return f' class="{kind}"' if kind else ""


def html_cells(
    row: tuple[Any, ...],
    names: list[str],
    classes: list[str],
    digits: Mapping[str, int],
    heads: int,
) -> Iterable[str]:
    """Return the cells of one row."""
    for place, (value, name, kind) in enumerate(zip(row, names, classes, strict=True)):
        shown = escape(show(value, digits.get(name)))
        if kind == "number":
            shown = MINUS.sub("−", shown)
        tag, scope = ("th", ' scope="row"') if place < heads else ("td", "")
        yield f"<{tag}{scope}{mark(kind)}>{shown}</{tag}>"


def source_line(exhibit: Exhibit) -> str:
    """Return note, sources, data class and the place of the download, as HTML."""
    text, lines = exhibit.text, []
    if exhibit.note:
        lines.append(text("exhibit.note", note=exhibit.note))
    cited = [
        text(
            "exhibit.cited",
            id=name,
            publisher=text.choose(row, "publisher"),
            title=text.choose(row, "title"),
        )
        for name, row in exhibit.sources.loc[exhibit.source_ids].iterrows()
    ]
    if len(cited) > MANY:
        cited = [text("exhibit.many", ids=text.listing(exhibit.source_ids))]
    joined = text("exhibit.between_sources").join(cited)
    lines.append(text("exhibit.source", sources=joined or text("exhibit.none")))
    classes = text.listing([text(f"kinds.{kind}") for kind in exhibit.kinds])
    lines.append(text("exhibit.data_class", classes=classes or text("exhibit.none")))
    if queried := queried_rows(exhibit):
        lines.append(text("exhibit.touched", **queried))
    shown = "".join(f"<p>{escape(line)}</p>" for line in lines)
    return f"{shown}<p>{DOWNLOAD}</p>"


def queried_rows(exhibit: Exhibit) -> dict[str, int]:
    """Return how many rows of the exhibit's sources were left out or repaired, if any."""
    if exhibit.touched is None:
        return {}
    own = exhibit.touched[exhibit.touched["source_id"].isin(exhibit.source_ids)]
    sums = own.groupby("severity")["size"].sum()
    both = {name: int(sums.get(name, 0)) for name in ("excluded", "repaired")}
    return both if any(both.values()) else {}


def demonstration(exhibit: Exhibit) -> str:
    """Return the heading that anything made with synthetic data bears, or nothing.

    What only demonstrates a method bears it too.
    """
    if "synthetic" not in exhibit.kinds and not exhibit.method_only:
        return ""
    return f'<p class="demonstration">{escape(exhibit.text("page.demonstration"))}</p>'


def table_html(exhibit: Exhibit, *, heads: int) -> str:
    """Return a table with everything that a reader needs beside it."""
    table = html_table(exhibit, heads=heads)
    return (
        f'<figure class="exhibit" id="{exhibit.anchor}">{demonstration(exhibit)}'
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(exhibit.label)}">{table}'
        f"</div><figcaption>{source_line(exhibit)}</figcaption></figure>"
    )


def cards_html(exhibit: Exhibit) -> str:
    """Return key figures side by side; `rows`: figure, label, about, source_id."""
    cards = "".join(
        f'<div class="card"><p class="figure">{escape(card.figure)}</p>'
        f'<p>{escape(card.label)}</p><p class="about">{escape(card.about)}</p></div>'
        for card in exhibit.rows.itertuples()
    )
    return (
        f'<figure class="exhibit" id="{exhibit.anchor}">{demonstration(exhibit)}'
        f'<p class="label">{escape(exhibit.label)}</p><div class="cards">{cards}</div>'
        f"<figcaption>{source_line(exhibit)}</figcaption></figure>"
    )


def figure_html(exhibit: Exhibit) -> str:
    """Return what stands under a picture: caption, sources, and the rows behind it as a table."""
    table = html_table(exhibit, caption=False)
    summary = escape(exhibit.text("exhibit.behind"))
    return (
        f'<figcaption>{demonstration(exhibit)}<p class="label">{escape(exhibit.label)}</p>'
        f"{source_line(exhibit)}<details><summary>{summary}</summary>"
        f'<div class="wide" tabindex="0" role="region" aria-label="{summary}">{table}</div>'
        "</details></figcaption>"
    )


def csv_cell(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula; numbers keep ten digits."""
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float):
        return f"{value:.10g}"
    return safe_cell(value)


def csv_text(exhibit: Exhibit) -> str:
    """Return the rows as CSV; the sources and the class of data stand in every row."""
    text = exhibit.text
    kind_of = exhibit.sources["kind"].to_dict()
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    names = [*exhibit.downloaded.columns.str.removeprefix("_"), "source_id", "data_class"]
    writer.writerow([label(name, text) for name in names])
    cells = exhibit.downloaded.itertuples(index=False, name=None)
    for row, ids in zip(cells, exhibit.rows["source_id"], strict=True):
        kinds = ordered_kinds(kind_of[name] for name in split_ids([ids]))
        words = [text(f"kinds.{kind}") for kind in kinds]
        classes = text.listing(words + [text("exhibit.method_only")] * exhibit.method_only)
        writer.writerow([csv_cell(value) for value in [*row, ids, classes]])
    return buffer.getvalue()


def download_link(content: str, file_name: str, text: Text) -> str:
    """Return a link that holds the CSV itself; the mark at its start tells Excel it is UTF-8."""
    data = base64.b64encode(content.encode("utf-8-sig")).decode("ascii")
    return (
        f'<a class="download" download="{escape(file_name)}" href="data:text/csv;base64,{data}">'
        f"{escape(text('exhibit.download', file=file_name))}</a>"
    )
