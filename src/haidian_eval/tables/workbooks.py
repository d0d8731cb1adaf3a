"""Workbooks out: no text ever becomes a formula, and numbers stay numbers."""

from __future__ import annotations

import datetime as dt
import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from haidian_eval.tables.cells import BLANKS
from haidian_eval.tables.guard import MOST_SIGNS
from haidian_eval.tables.store import replace

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "＝", "＋", "－", "＠")
SAFE = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
MADE = dt.datetime(2000, 1, 1)  # the same rows give the same bytes
WIDEST = 46
FORBIDDEN = str.maketrans(dict.fromkeys("[]:*?/\\'", "_"))


def safe_cell(value: Any) -> Any:
    """Return a cell for CSV that no spreadsheet takes for a formula; numbers stay as they are."""
    if not isinstance(value, str):
        return value
    dangerous = any(text.startswith(FORMULA_STARTS) for text in (value, value.lstrip(BLANKS)))
    return f"'{value}" if dangerous else value


def write_workbook(path: Path, sheets: Mapping[str, pd.DataFrame]) -> None:
    """Write frames as the sheets of a workbook, whole or not at all.

    Text is written as text whatever it begins with; missing cells are blank; a text longer than a
    cell holds is cut with a sign that says so.
    """
    book, buffer = open_workbook()
    for name, frame in sheets.items():
        add_sheet(book, name, frame)
    save_workbook(book, buffer, path)


def open_workbook() -> tuple[Any, io.BytesIO]:
    """Return a new workbook and the buffer that it is written to."""
    import xlsxwriter

    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {**SAFE, "in_memory": True})
    book.set_properties({"created": MADE})
    return book, buffer


def save_workbook(book: Any, buffer: io.BytesIO, path: Path) -> None:
    """Write a finished workbook to its place."""
    book.close()
    replace(path, buffer.getvalue())


def add_sheet(book: Any, name: str, frame: pd.DataFrame) -> Any:
    """Add a sheet with a frozen header, a filter and columns as wide as their cells."""
    sheet = book.add_worksheet(sheet_name(name, [s.get_name() for s in book.worksheets()]))
    head = book.add_format(
        {"bold": True, "text_wrap": True, "valign": "top", "bg_color": "#E8EDF2"}
    )
    body = book.add_format({"text_wrap": True, "valign": "top"})
    for place, column in enumerate(frame):
        sheet.write_string(0, place, str(column), head)
        widths = [wide(str(column)), *(wide(str(cell)) for cell in frame[column].head(200))]
        sheet.set_column(place, place, min(WIDEST, max(widths) + 2))
        for row, value in enumerate(frame[column], 1):
            write_cell(sheet, row, place, value, body)
    sheet.freeze_panes(1, 0)
    if len(frame):
        sheet.autofilter(0, 0, len(frame), max(0, frame.shape[1] - 1))
    return sheet


def write_cell(sheet: Any, row: int, place: int, value: Any, form: Any = None) -> None:
    """Write one cell by its kind."""
    if value is None or value is pd.NA or value is pd.NaT:
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, place, value, form)
    elif isinstance(value, int | float) or hasattr(value, "dtype"):
        if math.isfinite(float(value)):
            sheet.write_number(row, place, float(value), form)
    else:
        text = str(value)
        cut = text if len(text) <= MOST_SIGNS else text[: MOST_SIGNS - 1] + "…"
        sheet.write_string(row, place, cut, form)


def sheet_name(wanted: str, taken: list[str]) -> str:
    """Return a name that a sheet may have and no other has: at most 31 letters."""
    plain = wanted.translate(FORBIDDEN).strip()[:31] or "_"
    name, number = plain, 2
    while name.casefold() in {other.casefold() for other in taken}:
        name, number = f"{plain[:27]}_{number}", number + 1
    return name


def wide(words: str) -> int:
    """Return how many Latin letters wide a text is."""
    return max(
        (len(line) + sum(ord(c) > 0x2E7F for c in line) for line in words.split("\n")), default=0
    )
