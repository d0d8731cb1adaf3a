"""The page that `check` writes: the defects of an edition whose report may not be made yet."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import nbformat.v4
import pandas as pd

from haidian_eval.params import Params
from haidian_eval.report.annex import defects as in_words
from haidian_eval.report.exhibit import Exhibit, csv_text, html
from haidian_eval.report.export import render
from haidian_eval.tables.defects import SEVERITIES
from haidian_eval.text import Text


def check_page(frame: pd.DataFrame, params: Params, text: Text, *, sums: Mapping[str, str]) -> str:
    """Return the page of all defects: counted by file, then one by one.

    sums: file -> SHA-256 of what was checked.
    """
    stops = (frame["severity"] == "stops").any()
    lead = "" if len(frame) and not stops else text("check.unusable" if stops else "check.none")
    counts = frame.pivot_table(index="file", columns="severity", values="rule", aggfunc="count")
    counts = counts.reindex(columns=list(SEVERITIES)).fillna(0).astype("int64")
    by_file = counts.add_prefix("severity_").reset_index().assign(source_id="")
    outputs = [
        *part("counts", 1, lead, by_file, text),
        *part("list", 2, "", in_words(frame, text), text),
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=outputs)])
    stage = SimpleNamespace(name="check", page="")
    alone = {"params": params, "ordered": (), "langs": ()}  # a page that belongs to no report
    site = SimpleNamespace(**alone, scenario=lambda _: "", box=lambda _: sums)
    return render(notebook, file_stem="check", text=text, site=site, stage=stage)


def part(key: str, number: int, lead: str, rows: pd.DataFrame, text: Text) -> list[Any]:
    """Return a section with its table, as notebooks publish them."""
    sources = pd.DataFrame({"kind": pd.Series(dtype="str")})
    caption, title = text(f"check.{key}.caption"), text(f"check.{key}_title")
    own = Exhibit("table", f"{number}", caption, "", rows, sources, text)
    head = (
        {"text/markdown": f"## {title}\n\n{lead}"},
        {"title": title, "kind": "section", "key": key},
    )
    body = {"text/html": html(own, "table"), "text/csv": csv_text(own)}
    bundles = [head, (body, {"kind": "table", "id": own.anchor, "label": own.label})]
    return [nbformat.v4.new_output("display_data", bundle, metadata={"haidian_eval": mark})
            for bundle, mark in bundles]  # fmt: skip
