"""A file of one table: its sheets found, its header found, its rows cut out, checked, converted."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from haidian_eval.params import LANGUAGES
from haidian_eval.tables.checks import clean, suspicious
from haidian_eval.tables.columns import BLANK, matching
from haidian_eval.tables.contracts import BRACKETS, DTYPES, Contract, plain_header
from haidian_eval.tables.defects import Defects
from haidian_eval.tables.guard import RefusedError
from haidian_eval.tables.personal import masked
from haidian_eval.tables.rows import Raw
from haidian_eval.tables.sheets import Sheet, read_sheets
from haidian_eval.tables.units import ratio, read_unit
from haidian_eval.text import Text

ENDINGS = ("csv", "csv.gz", "xlsx", "parquet")
UNIT_LINE = re.compile(r"(?:计量)?单位\s*:\s*(\S+)|Unit\s*:\s*(.+)", re.IGNORECASE)
NOTES = "^\\s*(注|备注|说明|附注|填表|填报|制表|审核|联系|数据来源|资料来源|来源|Note|Source)"
TOTALS = "^\\s*(合\\s*计|总\\s*计|小\\s*计|全部合计|Total|Sum)\\s*[:：]?\\s*$"
ENOUGH_COLUMNS = 3  # below that a row of one cell may be a whole row


@dataclass(frozen=True, slots=True)
class Reading:
    """A table read from files: the rows that count, and what is wrong with the others.

    frame: the contract's columns with `_file`, `_sheet`, `_row` (as a person counts them) and
    `_repair` (what stood in repaired cells); empty where no sheet could be used.
    """

    frame: pd.DataFrame
    defects: Defects


@dataclass(frozen=True, slots=True)
class Header:
    """Where the header stands, which column each place holds, and the units that it states."""

    row: int
    places: Mapping[str, int]
    heads: Mapping[str, str]
    units: Mapping[str, str] = field(default_factory=dict)
    twice: tuple[str, ...] = ()


def read_file(
    path: Path | str, contract: Contract, *, tables: Mapping[str, pd.DataFrame] | None = None,
    name: str = "",
) -> Reading:  # fmt: skip
    """Return one table from a CSV, XLSX or Parquet file; every fault is a named defect.

    tables: clean frames to which references and dictionaries point, by name. name: how the file
    is called in defects.
    """
    defects, file = Defects(), name or Path(path).name
    try:
        sheets = read_sheets(path)
    except RefusedError as error:
        rule, found = error.rule, error.found
    except UnicodeDecodeError as error:
        rule, found = "encoding", f"byte {error.start}"
    except (csv.Error, OSError) as error:
        rule, found = "csv", str(error)
    else:
        frames = [
            table_of(sheet, file, header, contract, tables or {}, defects)
            for sheet, header in with_headers(sheets, file, contract, defects)
        ]
        return Reading(stacked(frames, contract) if frames else empty_table(contract), defects)
    defects.add(rule, file, severity="stops", found=found, table=contract.name)
    return Reading(empty_table(contract), defects)


def stacked(frames: list[pd.DataFrame], contract: Contract) -> pd.DataFrame:
    """Return the rows of several sheets or files as one table."""
    kept = [frame for frame in frames if len(frame)] or frames[:1]
    whole = pd.concat(kept, ignore_index=True) if len(kept) > 1 else kept[0]
    return whole.astype({n: DTYPES[c.kind] for n, c in contract.columns.items() if n in whole})


def empty_table(contract: Contract) -> pd.DataFrame:
    """Return the table without a row."""
    columns = {name: pd.Series(dtype=DTYPES[c.kind]) for name, c in contract.columns.items()}
    origin = {name: pd.Series(dtype="str") for name in ("_file", "_sheet", "_repair")}
    return pd.DataFrame(columns | origin | {"_row": pd.Series(dtype="int64")})


def with_headers(
    sheets: list[Sheet], file: str, contract: Contract, defects: Defects
) -> list[tuple[Sheet, Header]]:
    """Return the sheets that hold the table, each with its header; what is not read is said."""
    own = {Text(lang)(f"template.{page}") for lang in LANGUAGES for page in ("notes", "lists")}
    sheets = [sheet for sheet in sheets if sheet.name not in own]
    found = [(sheet, find_header(sheet, contract)) for sheet in sheets]
    ready = [(sheet, header) for sheet, header in found if header is not None]
    for sheet, header in found:
        for rule, seen in sheet.notes.items():
            severity = "repaired" if rule == "encoding_read" else "noted"
            defects.add(rule, file, severity=severity, sheet=sheet.name, found=seen,
                        table=contract.name)  # fmt: skip
        if ready and header is None and len(sheet.numbers):
            defects.add("sheet_unread", file, severity="noted", sheet=sheet.name,
                        table=contract.name)  # fmt: skip
    if not ready:
        top = sheets[0].top[:1] if sheets and sheets[0].columns else []
        seen = ", ".join(cell for cell in top[0] if cell) if top else "∅"
        for column in contract.needed:
            defects.add("header", file, severity="stops", row=1, column=column,
                        found=masked(seen), table=contract.name)  # fmt: skip
    return ready


def find_header(sheet: Sheet, contract: Contract) -> Header | None:
    """Return the header of a sheet: the row among the first that names most columns, or None."""
    forms = contract.headers
    read = (read_header(row, cells, forms) for row, cells in enumerate(sheet.top))
    best = max(read, key=lambda header: len(header.places), default=None)
    enough = min(len(contract.needed), max(2, len(contract.needed) // 2))
    if best is None or len(best.places) < enough:
        return None
    stated = unit_above(sheet.top[: best.row])
    kept = {name: column.unit for name, column in contract.columns.items() if column.unit}
    units = {n: stated for n, unit in kept.items() if stated and ratio(stated, unit) is not None}
    return Header(best.row, best.places, best.heads, units | dict(best.units), best.twice)


def read_header(row: int, cells: list[str], forms: Mapping[str, str]) -> Header:
    """Return which columns a row names, with the units that stand in brackets behind them."""
    places: dict[str, int] = {}
    units: dict[str, str] = {}
    twice = []
    for place, cell in enumerate(cells):
        name, unit = column_named(cell, forms)
        if name in places:
            twice.append(name)
        elif name:
            places[name] = place
            units |= {name: unit} if unit else {}
    heads = {name: cells[place].strip() for name, place in places.items()}
    return Header(row, places, heads, units, tuple(twice))


def column_named(cell: str, forms: Mapping[str, str]) -> tuple[str, str]:
    """Return the column that a header cell names, or a blank, and the unit in its brackets."""
    words = plain_header(cell)
    if words in forms:
        return forms[words], ""
    bracket = BRACKETS.search(words)
    name = forms.get(words[: bracket.start()].rstrip("*"), "") if bracket else ""
    unit = bracket[1].removeprefix("单位:") if bracket else ""
    return name, unit if name and read_unit(unit) else ""


def unit_above(rows: list[list[str]]) -> str:
    """Return the unit that a line above the header states, such as 单位：万元, or a blank."""
    for cell in (cell for cells in rows for cell in cells):
        match = UNIT_LINE.search(unicodedata.normalize("NFKC", cell))
        if match:
            return (match[1] or match[2]).rstrip(")]】 ")
    return ""


def table_of(
    sheet: Sheet, file: str, header: Header, contract: Contract,
    tables: Mapping[str, pd.DataFrame], defects: Defects,
) -> pd.DataFrame:  # fmt: skip
    """Return the clean rows under the header of one sheet."""
    about = {"file": file, "sheet": sheet.name, "table": contract.name}
    tell_header(sheet, header, contract, defects, about)
    body = [column.slice(header.row + 1) for column in sheet.columns]
    named = {name: body[place] for name, place in header.places.items()}
    raw = pd.DataFrame({n: pd.Series(c.to_pandas(), dtype="str") for n, c in named.items()})
    raw = raw.assign(_file=file, _sheet=sheet.name, _row=sheet.numbers[header.row + 1 :])
    keep = cut_rows(raw, body, header, contract, defects, about)
    keep &= ~too_wide(sheet, body, header, raw, defects, about)
    raw = raw if keep.all() else raw[keep].reset_index(drop=True)
    filled, unread = (
        {n: np.flatnonzero(raw["_row"].isin(at.get(p, []))) for n, p in header.places.items()}
        for at in (sheet.filled, sheet.unread)
    )
    return clean(Raw(raw, header.units, filled, unread, header.heads), contract, tables, defects)


def tell_header(
    sheet: Sheet, header: Header, contract: Contract, defects: Defects, about: dict[str, str]
) -> None:
    """Record columns that are missing, stand twice, or are not the contract's."""
    cells = [cell.strip() for cell in sheet.top[header.row]]
    row, forms = int(sheet.numbers[header.row]), contract.headers
    known = set(header.places.values())
    others = [(n, cell) for n, cell in enumerate(cells) if cell and n not in known]
    for name in contract.needed:
        if name not in header.places:
            near = [cell for _, cell in others if near_name(cell, name, contract)]
            found = ", ".join(near) or ", ".join(masked(c) for c in cells if c)
            defects.add("renamed" if near else "header", **about, severity="stops", row=row,
                        column=name, found=found)  # fmt: skip
            others = [(place, cell) for place, cell in others if cell not in near]
    for name in header.twice:
        defects.add("header", **about, severity="stops", row=row, column=name, found=f"{name} × 2")
        others = [(n, cell) for n, cell in others if column_named(cell, forms)[0] != name]
    for name, unit in header.units.items():
        kept = contract.columns[name].unit
        if kept and ratio(unit, kept) not in (None, 1):
            defects.add("converted", **about, severity="repaired", row=row, column=name, found=unit,
                        expected=kept)  # fmt: skip
    for place, cell in others:
        defects.add("column_unknown", **about, severity="noted", row=row, column=masked(cell))
        body = pd.Series(sheet.columns[place].slice(header.row + 1).to_pandas(), dtype="str")
        at = suspicious(body)
        rows = pd.DataFrame({
            "row": sheet.numbers[header.row + 1 :][at], "column": masked(cell),
            "found": [masked(word) for word in body.iloc[at]],
        })  # fmt: skip
        defects.add_rows(rows.assign(**about), rule="personal", severity="noted")


def near_name(cell: str, name: str, contract: Contract) -> bool:
    """Tell whether an unknown header may be meant for a column: one contains the other."""
    words, column = plain_header(cell), contract.columns[name]
    forms = [plain_header(form) for form in (name, column.zh, column.en) if form]
    return any(form in words or words in form for form in forms)


def cut_rows(
    raw: pd.DataFrame, body: list[pa.ChunkedArray], header: Header, contract: Contract,
    defects: Defects, about: dict[str, str],
) -> np.ndarray:  # fmt: skip
    """Return which rows are data: neither blank nor notes, totals or a header printed again."""
    wanted = [n for n in header.places if contract.columns[n].required] or list(header.places)
    lacking = np.sum([matching(body[header.places[name]], BLANK) for name in wanted], axis=0)
    half = lacking * 2 >= max(len(wanted), 2)
    summed = np.any([matching(column, TOTALS) for column in body[:3]], axis=0) & (lacking > 0)
    same = np.sum([raw[name] == header.heads[name] for name in header.places], axis=0)
    again = same >= max(2, len(header.places) - 1)
    last = np.flatnonzero(~half).max(initial=-1)
    keep = np.ones(len(raw), dtype=bool)
    for at in np.flatnonzero(half | summed | again):
        filled = [cell for column in body if (cell := str(column[int(at)])).strip()]
        alone = at > last and len(filled) == 1 and len(wanted) >= ENOUGH_COLUMNS
        note = again[at] or alone or bool(filled and re.match(NOTES, filled[0]))
        rule = "total_row" if summed[at] else "note_row" if note else ""
        keep[at] = bool(filled) and not rule
        if rule and filled:
            found = masked(" ".join(dict.fromkeys(filled)))
            defects.add(rule, **about, severity="noted", row=int(raw["_row"].iloc[at]), found=found)
    return keep


def too_wide(
    sheet: Sheet, body: list[pa.ChunkedArray], header: Header, raw: pd.DataFrame,
    defects: Defects, about: dict[str, str],
) -> np.ndarray:  # fmt: skip
    """Return the rows with a cell that stands under no header.

    In a CSV file all of its cells may have moved by one, so the row does not count; in a workbook
    such a cell is a remark beside the table.
    """
    heads = sheet.top[header.row]
    wide = np.zeros(len(raw), dtype=bool)
    for place, column in enumerate(body):
        if place >= len(heads) or not heads[place].strip():
            more = np.flatnonzero(~matching(column, BLANK))
            rows = pd.DataFrame({
                "row": raw["_row"].to_numpy()[more],
                "found": [masked(str(column[int(at)])) for at in more],
            })  # fmt: skip
            new = rows[~wide[more]].assign(**about)
            severity = "noted" if sheet.name else "excluded"
            defects.add_rows(new, rule="width", severity=severity)
            wide[more] = True
    return wide if not sheet.name else np.zeros(len(raw), dtype=bool)
