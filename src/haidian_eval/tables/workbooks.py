"""Workbooks out: no text ever becomes a formula, and numbers stay numbers."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from haidian_eval.tables.cells import BLANKS
from haidian_eval.tables.store import replace

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "＝", "＋", "－", "＠")
SAFE = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
MADE = dt.datetime(2000, 1, 1)  # the same rows give the same bytes
WIDEST = 360  # pixels
HEAD = {"bold": True, "text_wrap": True, "valign": "top", "bg_color": "#E8EDF2"}
FORBIDDEN = str.maketrans(dict.fromkeys("[]:*?/\\'", "_"))


def safe_cell(value: Any) -> Any:
    """Return a cell for CSV that no spreadsheet takes for a formula; numbers stay as they are."""
    if not isinstance(value, str):
        return value
    dangerous = any(text.startswith(FORMULA_STARTS) for text in (value, value.lstrip(BLANKS)))
    return f"'{value}" if dangerous else value


def write_workbook(path: Path, sheets: Mapping[str, pd.DataFrame]) -> None:
    """Write frames as the sheets of a workbook, whole or not at all.

    Text is written as text whatever it begins with; missing cells are blank.
    """
    with new_workbook(path) as book:
        for name, frame in sheets.items():
            add_sheet(book, name, frame)


@contextmanager
def new_workbook(path: Path) -> Iterator[pd.ExcelWriter[Any]]:
    """Yield a workbook to write to; it comes to its place when it is finished."""
    buffer, options = io.BytesIO(), {"options": {**SAFE, "in_memory": True}}
    with pd.ExcelWriter(buffer, engine="xlsxwriter", engine_kwargs=options) as book:
        book.book.set_properties({"created": MADE})
        yield book
    replace(path, buffer.getvalue())


def add_sheet(book: pd.ExcelWriter[Any], name: str, frame: pd.DataFrame) -> Any:
    """Return a new sheet with a frozen header, a filter and columns as wide as their cells."""
    wanted = name.translate(FORBIDDEN).strip()[:31] or "_"  # a sheet's name: at most 31 letters
    own, number, taken = wanted, 2, {other.casefold() for other in book.sheets}
    while own.casefold() in taken:
        own, number = f"{wanted[:27]}_{number}", number + 1
    plain = frame.astype("object").where(frame.notna(), None)
    plain.to_excel(book, sheet_name=own, index=False, header=False, startrow=1)
    sheet = book.sheets[own]
    for place, column in enumerate(frame):
        sheet.write_string(0, place, str(column), book.book.add_format(HEAD))
    sheet.autofit(WIDEST)
    sheet.freeze_panes(1, 0)
    if len(frame):
        sheet.autofilter(0, 0, len(frame), max(0, frame.shape[1] - 1))
    return sheet
