"""Read a table as text, with file and row of every record, then check and convert its cells."""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from haidian_eval.tables.contracts import Column, Contract
from haidian_eval.tables.defects import Defects

ORIGIN = ["_file", "_row"]
MONTH = "(0[1-9]|1[0-2])"
PERIOD = re.compile(
    rf"\d{{4}}(Q[1-4]|-{MONTH}|-(?P<first>{MONTH})\.\.(?P<last>{MONTH}))?", re.ASCII
)
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def decode(content: bytes) -> str:
    """Return the text of a file: strictly UTF-8 first, since GB18030 accepts most of it."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("gb18030")


def read_text(path: Path, contract: Contract, defects: Defects) -> pd.DataFrame | None:
    """Return the cells of a CSV file as text with their row numbers, or None with a defect."""
    if not path.is_file():
        others = sorted(p.name for p in path.parent.glob(f"{path.stem}.*"))
        if contract.may_be_absent and not others:
            return pd.DataFrame(columns=[*contract.columns, *ORIGIN], dtype="str")
        found = ", ".join(others)
        defects.add("file", path.name, severity="stops", found=found, expected=str(path))
        return None
    try:
        content = decode(path.read_bytes())
    except UnicodeDecodeError as error:
        defects.add("encoding", path.name, severity="stops", found=f"byte {error.start}")
        return None
    return records(content, path.name, contract, defects)


def records(content: str, file: str, contract: Contract, defects: Defects) -> pd.DataFrame | None:
    """Return the records under the header; a missing column stops, an over-wide row is excluded."""
    reader = csv.reader(io.StringIO(content, newline=""), strict=True)
    header = [cell.strip() for cell in next(reader, [])]
    missing = [name for name in contract.needed if name not in header]
    for name in missing:
        found = ", ".join(header)
        defects.add("header", file, severity="stops", row=1, column=name, found=found)
    twice = sorted({name for name in header if name in contract.columns and header.count(name) > 1})
    for name in twice:
        defects.add("header", file, severity="stops", row=1, column=name, found=f"{name} twice")
    if missing or twice:
        return None
    rows, numbers, line = [], [], reader.line_num + 1
    for cells in reader:
        if len(cells) > len(header):
            defects.add("width", file, severity="excluded", row=line, found=cells[len(header)])
        elif any(cell.strip() for cell in cells):
            rows.append([c.strip() for c in cells] + [""] * (len(header) - len(cells)))
            numbers.append(line)
        line = reader.line_num + 1
    frame = pd.DataFrame(rows, columns=header, dtype="str")
    known_columns = [name for name in contract.columns if name in header]
    return frame[known_columns].assign(_file=file, _row=numbers)


def to_number(cell: str) -> float | None:
    """Return the number that a cell holds, or None."""
    number = float(cell) if NUMBER.fullmatch(cell) else math.inf
    return number if math.isfinite(number) else None


def to_amount(cell: str) -> float | None:
    """Return the number of zero or more that a cell holds, or None."""
    number = to_number(cell)
    return number if number is not None and number >= 0 else None


def to_date(cell: str) -> dt.date | None:
    """Return the date that a cell holds, or None."""
    try:
        return dt.date.fromisoformat(cell) if len(cell) == 10 else None
    except ValueError:
        return None


def to_period(cell: str) -> str | None:
    """Return the period that a cell holds, or None; 2024-01..06 is January to June."""
    match = PERIOD.fullmatch(cell)
    if match is None or (match["first"] and match["first"] >= match["last"]):
        return None
    return cell


CONVERTERS: Mapping[str, Callable[[str], Any]] = {
    "text": lambda cell: cell,
    "number": to_number,
    "amount": to_amount,
    "date": to_date,
    "period": to_period,
}
DTYPES = {
    "text": "str",
    "number": "float64",
    "amount": "float64",
    "date": "object",
    "period": "str",
}


def check_column(cells: pd.Series, column: Column) -> pd.Series:
    """Return, for every cell, the name of the rule that it breaks, or a blank."""
    blank = cells == ""
    converted = cells[~blank].map(CONVERTERS[column.kind])
    broken = pd.Series("", index=cells.index)
    broken[converted.index[converted.isna()]] = column.kind
    if column.allowed:
        broken[~blank & ~cells.isin(column.allowed)] = "allowed"
    if column.required:
        broken[blank] = "required"
    return broken


def convert(cells: pd.Series, kind: str) -> pd.Series:
    """Return the values of cells that passed their check; blanks are missing."""
    filled = cells[cells != ""].map(CONVERTERS[kind])
    return filled.reindex(cells.index).astype(DTYPES[kind])


def clean(raw: pd.DataFrame, contract: Contract, defects: Defects) -> pd.DataFrame:
    """Return the rows whose every cell passed, converted; each other row is a named defect."""
    columns = {name: column for name, column in contract.columns.items() if name in raw}
    broken = pd.DataFrame({name: check_column(raw[name], c) for name, c in columns.items()})
    for name in columns:
        for index in broken.index[broken[name] != ""]:
            note_cell(raw, index, name, broken.at[index, name], contract, defects)
    passed = raw[(broken == "").all(axis=1)] if len(raw) else raw
    values = {name: convert(passed[name], column.kind) for name, column in columns.items()}
    return pd.DataFrame(values | {name: passed[name] for name in ORIGIN})


def note_cell(
    raw: pd.DataFrame, index: Any, name: str, rule: str, contract: Contract, defects: Defects
) -> None:
    """Record one faulty cell; its row does not count."""
    defects.add(
        rule, raw.at[index, "_file"], severity="excluded", row=raw.at[index, "_row"], column=name,
        found=raw.at[index, name], expected=", ".join(contract.columns[name].allowed),
    )  # fmt: skip


def drop_repeated_keys(frame: pd.DataFrame, contract: Contract, defects: Defects) -> pd.DataFrame:
    """Return the rows whose key stands once; of repeated ones none counts, all are named."""
    repeated = frame.duplicated(list(contract.key), keep=False)
    for _, row in frame[repeated].iterrows():
        found = " ".join(str(row[name]) for name in contract.key)
        defects.add(
            "key", row["_file"], severity="excluded", row=row["_row"],
            column=" ".join(contract.key), found=found,
        )  # fmt: skip
    return frame[~repeated]
