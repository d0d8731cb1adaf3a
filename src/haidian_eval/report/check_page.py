"""The page that `check` writes: the defects of an edition whose report may not be made yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import nbformat.v4
import pandas as pd

from haidian_eval.params import Params
from haidian_eval.report.annex import defects as in_words
from haidian_eval.report.exhibit import Exhibit, csv_text, table_html
from haidian_eval.report.export import Frame, render
from haidian_eval.tables.defects import SEVERITIES
from haidian_eval.text import Text


def by_file(frame: pd.DataFrame, text: Text) -> pd.DataFrame:
    """Return how many defects of each severity a file has."""
    counts = frame.pivot_table(index="file", columns="severity", values="rule", aggfunc="count")
    counts = counts.reindex(columns=list(SEVERITIES)).fillna(0).astype("int64")
    counts.columns = [f"severity_{name}" for name in counts]
    return counts.reset_index().assign(source_id="")


def output_of(key: str, number: int, rows: pd.DataFrame, text: Text) -> Any:
    """Return a table as the output of a cell, as notebooks publish it."""
    caption = text(f"check.{key}.caption")
    sources = pd.DataFrame({"kind": pd.Series(dtype="str")})
    exhibit = Exhibit("table", f"{number}", key, caption, "", rows, sources, text)
    bundle = {"text/html": table_html(exhibit, heads=1), "text/csv": csv_text(exhibit)}
    mark = {"kind": "table", "id": exhibit.anchor, "label": exhibit.label}
    return nbformat.v4.new_output("display_data", bundle, metadata={"haidian_eval": mark})


def section(key: str, words: str, text: Text) -> Any:
    """Return a heading as the output of a cell."""
    title = text(f"check.{key}_title")
    mark = {"kind": "section", "key": key, "title": title}
    bundle = {"text/markdown": f"## {title}\n\n{words}"}
    return nbformat.v4.new_output("display_data", bundle, metadata={"haidian_eval": mark})


def check_page(frame: pd.DataFrame, params: Params, text: Text, *, sums: Mapping[str, str]) -> str:
    """Return the page of all defects: counted by file, then one by one.

    sums: file -> SHA-256 of what was checked.
    """
    title = text("check.title")
    stops = (frame["severity"] == "stops").any()
    lead = text("check.unusable") if stops else "" if len(frame) else text("check.none")
    outputs = [
        section("counts", lead, text),
        output_of("counts", 1, by_file(frame, text), text),
        section("list", "", text),
        output_of("list", 2, in_words(frame, text), text),
    ]
    cell = nbformat.v4.new_code_cell(outputs=outputs)
    around = Frame(
        title=title, edition_title=getattr(params.edition.title, text.lang),
        foot=getattr(params.report.foot, text.lang), status=text("page.status_draft"),
        watermark=text("page.watermark"), scenario="", pages=(), other_language="", provenance=sums,
    )  # fmt: skip
    notebook = nbformat.v4.new_notebook(cells=[cell])
    return render(notebook, file_stem="check", frame=around, text=text)
