"""The page that a notebook writes: words, numbered exhibits, tables in and results out."""

from __future__ import annotations

import base64
import io
import os
import re
from collections import Counter
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from IPython.display import display

from haidian_eval import tables
from haidian_eval.errors import ParameterError
from haidian_eval.places import open_study, read_run
from haidian_eval.report.exhibit import Exhibit, csv_text, html, split_ids
from haidian_eval.report.operations import Words
from haidian_eval.text import Text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARKDOWN = re.compile(r"([\\`*_\[\]|$~#])")
DPI = 144
COLOURS = 128  # of a picture: a third of its bytes, and no difference that a reader sees
PROCESSED = "HAIDIAN_EVAL_PROCESSED"  # a folder for the tables of a notebook run by hand


class Page:
    """What a notebook reads, writes and shows; numbers its tables and figures as they come."""

    def __init__(self, name: str, *, year: int, lang: str, root: str = "", run: str = "") -> None:
        """Open the study of the notebook `name`, such as "20_scoring".

        It is that of the runner when `run` names its file, else that under the folder `root`.
        """
        self.number, _, self.stage = name.partition("_")
        self.text = Text(lang)
        data = Path(root) / "data" / "raw" if root else None
        self.study = read_run(Path(run)) if run else open_study(year, data=data)
        if not run and PROCESSED in os.environ:
            self.study = self.study.within(Path(os.environ[PROCESSED]))
        self.params = self.study.params
        self.numbers: dict[tuple[str, str], int] = {}
        self.sections: Counter[str] = Counter()
        self.sources: pd.DataFrame | None = None
        self.touched: pd.DataFrame | None = None

    def edition(self) -> tables.Edition:
        """Return the raw tables of the edition, checked; a table that cannot be used stops."""
        folder = self.study.places.edition(self.study.year)
        edition = tables.read_edition(folder, strict=True, params=self.params)
        self.sources = edition.tables["sources"].set_index("source_id")
        self.touched = tables.touched(edition)
        return edition

    def load(self, name: str) -> pd.DataFrame:
        """Return a clean table or a result of an earlier stage."""
        return tables.read_table(self.study.processed, name)

    @cached_property
    def words(self) -> Words:
        """The words of the page, with the edition's units and indicators."""
        unit = self.params.report.focus_unit
        return Words(self.text, self.load("units"), self.load("indicators"), unit)

    def save(self, **results: pd.DataFrame) -> None:
        """Keep tables for the stages that follow."""
        tables.write_tables(self.study.scratch or self.study.processed, results)
        if not self.study.scratch:
            tables.mark(self.study.processed, "")  # written by hand: not the tables of one run

    def say(self, key: str, *, of: pd.DataFrame | None = None, **values: object) -> None:
        """Show a text of this stage; one with a title is a section of the page.

        `of`: the rows that it speaks of; with synthetic ones among them it is headed as what it is.
        """
        shown = {name: plain(value) for name, value in values.items()}
        words = self.text(f"{self.stage}.{key}.text", **shown)
        metadata: dict[str, Any] = {"kind": "text"}
        heading = ""
        if self.text.has(f"{self.stage}.{key}.title"):
            heading = self.text(f"{self.stage}.{key}.title", **shown)
            self.sections[key] += 1
            anchor = f"{key}_{self.sections[key]}" if self.sections[key] > 1 else key
            metadata = {"kind": "section", "key": anchor, "title": heading}
            heading = f"## {heading}\n\n"
        if of is not None and self.synthetic(of):
            words = f"**{self.text('page.demonstration')}**\n\n{words}"
        publish({"text/markdown": heading + words, "text/plain": heading + words}, metadata)

    def known_sources(self) -> pd.DataFrame:
        """Return the edition's table of sources, indexed by source_id."""
        if self.sources is None:
            self.sources = self.load("sources").set_index("source_id")
            self.touched = self.load("touched")
        return self.sources

    def synthetic(self, rows: pd.DataFrame) -> bool:
        """Tell whether any of the rows comes from synthetic data."""
        kinds = self.known_sources()["kind"].to_dict()
        return any(kinds.get(name) == "synthetic" for name in split_ids(rows["source_id"]))

    def exhibit(
        self, kind: str, key: str, rows: pd.DataFrame, values: dict[str, object], **more: Any
    ) -> Exhibit:
        """Return the table or figure with its number; the same key keeps its number."""
        prefix = f"{self.stage}.{key}"
        if "source_id" not in rows:
            raise ParameterError(f"{prefix}: the rows need the column source_id")
        count = sum(1 for other, _ in self.numbers if other == kind)
        name = ".".join([key, *map(str, values.values())])
        place = self.numbers.setdefault((kind, name), count + 1)
        return Exhibit(
            kind=kind, number=f"{self.number}-{place}",
            caption=self.text(f"{prefix}.caption", **values),
            note=self.text(f"{prefix}.note", **values) if self.text.has(f"{prefix}.note") else "",
            rows=rows, sources=self.known_sources(), text=self.text, touched=self.touched, **more,
        )  # fmt: skip

    def table(
        self, key: str, rows: pd.DataFrame, *, heads: int = 1, method_only: bool = False,
        **values: object,
    ) -> None:  # fmt: skip
        """Show rows as a numbered table; they carry `source_id`, `values` fill its caption.

        method_only: it demonstrates a method and is headed so.
        """
        exhibit = self.exhibit("table", key, rows, values, method_only=method_only)
        publish_exhibit(exhibit, "table", heads=heads)

    def cards(self, key: str, rows: pd.DataFrame) -> None:
        """Show key figures as a numbered exhibit; rows: figure, label, about, source_id."""
        publish_exhibit(self.exhibit("table", key, rows, {}), "cards")

    def figure(self, key: str, figure: Figure, rows: pd.DataFrame, **values: object) -> None:
        """Show a numbered figure, its description in words and the rows behind it."""
        exhibit = self.exhibit("figure", key, rows, values)
        alt = self.text(f"{self.stage}.{key}.alt", **values)
        size = {"image/png": {"alt": alt}}
        metadata = {"kind": "picture", "id": exhibit.anchor}
        publish({"image/png": png(figure), "text/plain": exhibit.label}, metadata, **size)
        publish_exhibit(exhibit, "figure")


def plain(value: object) -> object:
    """Return a value that Markdown and HTML take for mere text; numbers stay numbers."""
    if not isinstance(value, str):
        return value
    return MARKDOWN.sub(r"\\\1", escape(value, quote=False)).replace("://", "&#58;//")


def png(figure: Figure) -> str:
    """Return the picture as base64, in few colours, with nothing that changes from run to run."""
    from PIL import Image

    from haidian_eval.figures import house_style

    drawn, kept = io.BytesIO(), io.BytesIO()
    with house_style():
        figure.savefig(drawn, format="png", dpi=DPI, metadata={"Software": None})
    few = Image.open(drawn).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(kept, "PNG", optimize=True)
    return base64.b64encode(kept.getvalue()).decode("ascii")


def publish(bundle: dict[str, str], kind: dict[str, Any], **metadata: Any) -> None:
    """Show a bundle of representations, marked for the export."""
    display(bundle, raw=True, metadata={"haidian_eval": kind, **metadata})


def publish_exhibit(exhibit: Exhibit, shape: str, *, heads: int = 1) -> None:
    """Show an exhibit; its rows travel as CSV and become a download at export."""
    shown = {"text/html": html(exhibit, shape, heads=heads), "text/plain": exhibit.label}
    mark = {"kind": exhibit.kind, "id": exhibit.anchor, "label": exhibit.label}
    publish(shown | {"text/csv": csv_text(exhibit)}, mark)
