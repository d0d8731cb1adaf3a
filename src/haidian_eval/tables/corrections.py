"""Corrections declared in corrections.csv: reading notes, and repairs of what is not official."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from haidian_eval.tables.columns import UnitsOf, read_column
from haidian_eval.tables.contracts import NUMERIC, Column, contracts
from haidian_eval.tables.defects import Defects


def apply_corrections(
    tables: Mapping[str, pd.DataFrame], defects: Defects
) -> dict[str, pd.DataFrame]:
    """Return the tables with the declared corrections applied.

    `key` holds the cells of the table's key, parted by blanks. `flag` changes nothing: it is a
    note to the reader. A correction whose row is not there, or whose `found` is no longer what the
    cell holds, stops; so does one that would overwrite an official figure.
    """
    changed = dict(tables)
    for _, correction in tables.get("corrections", pd.DataFrame()).iterrows():
        frame = changed.get(correction["table"])
        if frame is None and correction["table"] in contracts():
            continue  # the table itself could not be read, which is said already
        fault, row = place(correction, frame)
        if not fault and correction["action"] != "flag":
            fault = not_allowed(correction, frame, row, tables["sources"])
        if fault:
            asked = "found" if fault == "correction_found" else "key"
            where = {"row": correction["_row"], "column": asked, "found": correction[asked]}
            defects.add(fault, correction["_file"], severity="stops", **where)
        elif frame is not None:
            changed[correction["table"]] = corrected(frame, row, correction)
    return changed


def place(correction: pd.Series, frame: pd.DataFrame | None) -> tuple[str, Any]:
    """Return the fault of a correction, or a blank, and the row that it speaks of."""
    if frame is None or correction["column"] not in frame:
        return "correction_row", None
    first, *others = (frame[name].astype("str") for name in contracts()[correction["table"]].key)
    names = first.str.cat(others, sep=" ") if others else first
    rows = frame.index[names == correction["key"]]
    if len(rows) != 1:
        return "correction_row", None
    cell, found = frame.at[rows[0], correction["column"]], correction["found"]
    number = pd.to_numeric(found, errors="coerce")
    by_value = isinstance(cell, float) and pd.notna(number)
    same = cell == float(number) if by_value else str(cell) == found
    return ("" if same else "correction_found"), rows[0]


def not_allowed(correction: pd.Series, frame: Any, row: Any, sources: pd.DataFrame) -> str:
    """Return the fault of a change that must not or cannot be made, or a blank."""
    kinds = sources.set_index("source_id")["kind"]
    cited = str(frame.at[row, "source_id"]).split(";")
    if "official" in set(kinds.reindex(cited)):
        return "correction_official"
    if correction["table"] == "sources":
        return "correction_column"
    if correction["action"] == "drop":
        return ""
    contract, name = contracts()[correction["table"]], correction["column"]
    column = contract.columns[name]
    if name in contract.key or column.references:
        return "correction_column"
    is_scaled, new = correction["action"] == "scale", correction["replacement"]
    if pd.isna(new) or (is_scaled and column.kind not in NUMERIC):
        return "correction_number"
    readable = value_of(str(new), Column(kind="number") if is_scaled else column) is not None
    return "" if readable else "correction_number"


def value_of(cell: str, column: Column) -> Any:
    """Return what a cell of a column holds, or None where it is not what the column may hold."""
    read = read_column(pd.Series([cell]), column, UnitsOf(None, None))
    return None if read.faults or read.blank[0] else read.cells.iloc[0]


def corrected(frame: pd.DataFrame, row: Any, correction: pd.Series) -> pd.DataFrame:
    """Return the table with the correction made; `_repair` says what stood in a cell before."""
    name, action, new = correction[["column", "action", "replacement"]]
    if action == "flag":  # a note for the reader
        return frame
    if action == "drop":
        return frame.drop(index=row)
    cells = frame[name].copy()
    if action == "scale":
        cells[row] = frame.at[row, name] * float(new)
    else:
        cells[row] = value_of(str(new), contracts()[correction["table"]].columns[name])
    repair = frame.get("_repair", pd.Series("", index=frame.index)).copy()
    repair[row] = "; ".join(filter(None, [repair[row], f"{name}: {frame.at[row, name]}"]))
    return frame.assign(**{name: cells, "_repair": repair})
