"""The sheets of a workbook as text: per cent and dates as shown, formulas as stored values."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

from haidian_eval.tables.guard import IN_NAME, MOST_CELLS, RefusedError
from haidian_eval.tables.sheets import Sheet, sheet_of_rows

ACTIVE = re.compile(r"vbaProject|externalLinks/\w+\.xml|/embeddings/|activeX", re.IGNORECASE)
MERGED = re.compile(rb'<mergeCell ref="([A-Z]+)(\d+):([A-Z]+)(\d+)"')


def workbook_sheets(path: Path) -> list[Sheet]:
    """Return the sheets of a workbook; values as stored, formulas only where none is stored."""
    import openpyxl

    options = {"read_only": True, "keep_links": False}
    try:
        values = openpyxl.load_workbook(path, data_only=True, **options)
        formulas = None
        sheets = []
        for sheet in values.worksheets:
            if IN_NAME.search(sheet.title):
                raise RefusedError("classified", "a mark in the name of a sheet")
            with values._archive.open(sheet._worksheet_path) as stream:
                merged, calculated = merged_ranges(stream.read())
            if calculated and formulas is None:
                formulas = openpyxl.load_workbook(path, **options)
            written = formulas[sheet.title] if calculated and formulas is not None else None
            sheets.append(one_sheet(sheet, written, merged))
        active = [name for name in values._archive.namelist() if ACTIVE.search(name)]
        if sheets and active:
            sheets[0].notes["active"] = ", ".join(active[:3])
    except (RefusedError, MemoryError):
        raise
    except Exception as error:  # openpyxl names no error of its own for a broken workbook
        raise RefusedError("refused", f"workbook: {error}") from None
    return sheets


def merged_ranges(content: bytes) -> tuple[list[tuple[int, int, int, int]], bool]:
    """Return the merged ranges of a sheet (top, left, bottom, right) and if it has formulas."""
    from openpyxl.utils import column_index_from_string as place

    found = [
        (int(top), place(left.decode()), int(bottom), place(right.decode()))
        for left, top, right, bottom in MERGED.findall(content)
    ]
    if sum((d - b + 1) * (c - a + 1) for a, b, c, d in found) > MOST_CELLS // 100:
        raise RefusedError("refused", "merged ranges without end")
    return found, b"<f>" in content or b"<f " in content or b"<f/" in content


def one_sheet(sheet: Any, written: Any, merged: list[tuple[int, int, int, int]]) -> Sheet:
    """Return one sheet of a workbook as text."""
    sheet.reset_dimensions()
    texts = ([text_of(cell) for cell in cells] for cells in sheet.iter_rows())
    rows = {number: cells for number, cells in enumerate(texts, 1) if any(cells)}
    unread = stored_nowhere(rows, written) if written is not None else {}
    filled: dict[int, list[int]] = {}
    for top, left, bottom, right in merged:
        first = rows.get(top, [])[left - 1 : left]
        for row in range(top, bottom + 1):
            cells = rows.get(row, [])
            for column in range(left - 1, min(right, len(cells)) if first and first[0] else 0):
                if cells[column] == "":
                    cells[column] = first[0]
                    filled.setdefault(column, []).append(row)
    notes = {"hidden": sheet.title} if sheet.sheet_state != "visible" else {}
    return sheet_of_rows(sheet.title, iter(rows.items()), filled=filled, unread=unread, notes=notes)


def stored_nowhere(rows: dict[int, list[str]], written: Any) -> dict[int, list[int]]:
    """Return the places of formulas without a stored value, and write the formulas there."""
    found: dict[int, list[int]] = {}
    written.reset_dimensions()
    for number, cells in enumerate(written.iter_rows(), 1):
        texts = rows.get(number, [])
        for place, cell in enumerate(cells):
            if cell.data_type == "f" and (place >= len(texts) or texts[place] == ""):
                rows[number] = texts = texts + [""] * (place + 1 - len(texts))
                texts[place] = str(cell.value)
                found.setdefault(place, []).append(number)
    return found


def text_of(cell: Any) -> str:
    """Return the text of one cell of a workbook: per cent and dates as they are shown."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dt.datetime | dt.date):
        bare = re.sub(r"\[[^\]]*\]|\"[^\"]*\"|\\.", "", str(cell.number_format)).casefold()
        if "d" not in bare and "y" in bare and "m" in bare:  # shown as a month
            return f"{value:%Y-%m}"
        if isinstance(value, dt.datetime) and value.time() != dt.time():
            return value.isoformat(sep=" ")
        return f"{value:%Y-%m-%d}"
    if isinstance(value, int | float):
        if "%" in str(cell.number_format):
            return f"{(Decimal(repr(value)) * 100).normalize():f}%"
        if abs(value) >= 1e15:
            return f"{value:.15E}" if isinstance(value, float) else f"{Decimal(value):.15E}"
        return str(int(value)) if float(value).is_integer() else repr(value)
    return str(value)
