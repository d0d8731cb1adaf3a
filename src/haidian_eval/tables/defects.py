"""Defects of an edition's files: where, what is wrong, what was found, what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from haidian_eval.errors import TableError
from haidian_eval.text import Text

COLUMNS = [
    "file", "sheet", "row", "column", "found", "rule", "expected", "hint", "severity", "department",
]  # fmt: skip


@dataclass(slots=True)
class Defects:
    """The defects of an edition's files; grain of `frame`: one faulty cell, row or file.

    severity: stops (the table cannot be used), excluded (the row does not count), noted.
    """

    records: list[dict[str, Any]] = field(default_factory=list)

    def add(self, rule: str, file: str, *, severity: str, **place: object) -> None:
        """Record a defect with the hint that its rule carries."""
        hint = Text("en")(f"hints.{rule}")
        lead = {"rule": rule, "file": file, "severity": severity, "hint": hint}
        self.records.append(lead | place)

    @property
    def frame(self) -> pd.DataFrame:
        """The defects in the order of file and row."""
        frame = pd.DataFrame(self.records, columns=COLUMNS)
        text = frame.columns.difference(["row"])
        frame[text] = frame[text].astype("str").where(frame[text].notna(), "")
        frame["row"] = frame["row"].astype("Int64")
        return frame.sort_values(["file", "row", "column"], kind="stable", ignore_index=True)

    def stops(self) -> list[dict[str, Any]]:
        """Return the defects that keep a table from being used."""
        return [record for record in self.records if record["severity"] == "stops"]


def sentence(record: Mapping[str, Any], text: Text) -> str:
    """Return a defect in words: where, what is wrong, what was found, what to do."""
    filled = {k: v for k, v in record.items() if v is not None and v is not pd.NA and v != ""}
    place = [text(f"defect.{n}", value=filled[n]) for n in ("row", "column") if n in filled]
    seen = [text(f"defect.{n}", value=filled[n]) for n in ("found", "expected") if n in filled]
    rule = filled["rule"]
    return text(
        "defect.line",
        where=text.listing([filled["file"], *place]),
        what=text("defect.between").join([text(f"rules.{rule}"), *seen]),
        todo=text(f"hints.{rule}"),
    )


def stop_if_unusable(defects: Defects) -> None:
    """Raise the defects that keep a table from being used, all at once."""
    lines = [sentence(record, Text("en")) for record in defects.stops()]
    if lines:
        raise TableError("the edition cannot be used:\n  " + "\n  ".join(lines))
