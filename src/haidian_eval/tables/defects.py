"""Defects of an edition's files: where, what is wrong, what was found, what to do, who answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from haidian_eval.text import Text

COLUMNS = [
    "file", "sheet", "row", "column", "found", "rule", "expected", "hint", "severity",
    "department", "table", "source_id", "head",
]  # fmt: skip
SEVERITIES = ("stops", "excluded", "repaired", "noted")
LONGEST = 120  # letters of a cell that a message repeats
FEW = 10  # defects of one kind in one column that are told one by one


@dataclass(slots=True)
class Defects:
    """The defects of an edition's files; grain of `frame`: one faulty cell, row or file.

    severity: stops (the table cannot be used), excluded (the row does not count), repaired (read
    without loss, the value counts), noted (counts; please look). `originals`: per file and sheet
    the rows that are asked about, cells as found, personal numbers masked, indexed by row.
    """

    parts: list[pd.DataFrame] = field(default_factory=list)
    originals: dict[tuple[str, str], pd.DataFrame] = field(default_factory=dict)

    def add(self, rule: str, file: str, *, severity: str, **place: object) -> None:
        """Record one defect with the hint that its rule carries."""
        self.add_rows(pd.DataFrame([{"file": file} | place]), rule=rule, severity=severity)

    def add_rows(self, rows: pd.DataFrame, *, rule: str, severity: str) -> None:
        """Record one defect per row: file, row and what else is known of it."""
        if len(rows):
            hint = Text("en")(f"hints.{rule}")
            self.parts.append(rows.assign(rule=rule, severity=severity, hint=hint))

    def name_departments(self, units: pd.DataFrame | None) -> None:
        """Put the names of units in the place of their ids as departments."""
        names = {} if units is None else dict(zip(units["unit_id"], units["name_zh"], strict=True))
        self.parts = [
            p.replace({"department": names}) if "department" in p else p for p in self.parts
        ]

    @property
    def frame(self) -> pd.DataFrame:
        """The defects in the order of file, sheet, row and column."""
        frame = pd.concat([pd.DataFrame(columns=COLUMNS, dtype="object"), *self.parts])[COLUMNS]
        text = frame.columns.difference(["row"])
        frame[text] = frame[text].astype("str").where(frame[text].notna(), "")
        found = frame["found"]
        frame["found"] = found.where(found.str.len() <= LONGEST, found.str.slice(0, LONGEST) + "…")
        frame["row"] = frame["row"].astype("Int64")
        order = ["file", "sheet", "row", "column"]
        return frame.sort_values(order, kind="stable", ignore_index=True)

    def stops(self) -> list[dict[str, Any]]:
        """Return the defects that keep a table from being used."""
        stopping = [part for part in self.parts if (part["severity"] == "stops").any()]
        return Defects(stopping).frame.to_dict("records") if stopping else []


def sentence(record: Mapping[str, Any], text: Text) -> str:
    """Return a defect in words: where, what is wrong, what was found, what to do."""
    filled = {k: v for k, v in record.items() if v is not None and v is not pd.NA and v != ""}
    filled |= {"column": filled["head"]} if "head" in filled else {}  # as the file calls it
    place = [
        text(f"defect.{n}", value=filled[n]) for n in ("sheet", "row", "column") if n in filled
    ]
    seen = [text(f"defect.{n}", value=filled[n]) for n in ("found", "expected") if n in filled]
    rule = filled["rule"]
    return text(
        "defect.line",
        where=text.listing([filled["file"], *place]),
        what=text("defect.between").join([text(f"rules.{rule}"), *seen]),
        todo=text(f"hints.{rule}"),
    )


def told(frame: pd.DataFrame, few: int = FEW) -> pd.DataFrame:
    """Return the defects that are told one by one, with `more`: how many like each last one."""
    alike = frame.groupby(["file", "sheet", "column", "rule", "severity"], sort=False)
    place, size = alike.cumcount(), alike["row"].transform("size")
    more = (size - few).where((place == few - 1) & (size > few), 0)
    head = frame["head"].where(frame["head"] != "", frame["column"])  # as the file calls it
    return frame.assign(more=more, head=head)[place < few]
