"""Empty workbooks to send out: headers, units, lists to choose from and a page that explains."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from haidian_eval.tables.contracts import NUMERIC, Column, Contract, contracts
from haidian_eval.tables.workbooks import add_sheet, new_workbook
from haidian_eval.text import Text

ROWS = 2_000  # to which the lists and formats of a template reach


def column_notes(contract: Contract, text: Text) -> pd.DataFrame:
    """Return what is to be filled in: one row per column, from the contract."""
    rows = [
        {
            "header": header(name, column, text),
            "what": text(f"column_kinds.{column.kind}"),
            "unit": text.unit(column.unit) if column.unit else "",
            "needed": text("template.yes" if column.required else "template.no"),
            "choices": choices(column, text),
            "refers": refers(column, text),
            "example": column.example,
            "code": name,
        }
        for name, column in contract.columns.items()
    ]
    notes = pd.DataFrame(rows)
    return notes.rename(columns={name: text(f"template.{name}") for name in notes})


def header(name: str, column: Column, text: Text) -> str:
    """Return the header of a column as it is sent out, with its unit; it reads back."""
    words = getattr(column, text.lang) or name
    said = column.kind in NUMERIC and column.unit not in ("", "count")  # what counts says itself
    unit = f"（{text.unit(column.unit)}）" if said else ""
    return f"{words}{unit}{'*' if column.required else ''}"


def choices(column: Column, text: Text) -> str:
    """Return the words that a column admits."""
    if words := words_of(column, text):
        return text.listing(words)
    low, high = ("" if end is None else end for end in (column.low, column.high))
    return "" if low == high == "" else f"{low}–{high}"


def words_of(column: Column, text: Text) -> list[str]:
    """Return the allowed codes as the reader of the workbook knows them, or yes and no."""
    if column.kind == "flag":
        return [text("template.yes"), text("template.no")]
    if text.lang == "zh":
        return [column.labels.get(code, code) for code in column.allowed]
    return list(column.allowed)


def refers(column: Column, text: Text) -> str:
    """Return the table whose rows a column names."""
    target = contracts().get(column.references or "")
    return text("template.key_of", table=getattr(target, text.lang)) if target else ""


def write_template(
    path: Path, contract: Contract, text: Text, *, known: Mapping[str, list[str]] | None = None,
    rows: pd.DataFrame | None = None,
) -> None:  # fmt: skip
    """Write the empty workbook of a table.

    known: table -> its keys, offered as lists where columns refer to it. rows: cells filled in
    beforehand, under the contract's columns.
    """
    heads = {name: header(name, column, text) for name, column in contract.columns.items()}
    filled = pd.DataFrame(rows, columns=list(heads), dtype="object").rename(columns=heads)
    notes, about = column_notes(contract, text), contract.about.get(text.lang, "")
    notes.loc[len(notes), notes.columns[0]] = f"{text('template.mark')} {about}"
    with new_workbook(path) as book:
        sheet = add_sheet(book, getattr(contract, text.lang), filled)
        lists = add_sheet(book, text("template.lists"), pd.DataFrame(columns=list(heads.values())))
        add_sheet(book, text("template.notes"), notes)
        as_text = book.book.add_format({"num_format": "@"})
        for place, column in enumerate(contract.columns.values()):
            form = None if column.kind in NUMERIC else as_text
            sheet.set_column(place, place, max(12, 2 * len(filled.columns[place])), form)
            offer_choices(sheet, lists, place, column, text, known or {})


def offer_choices(
    sheet: Any, lists: Any, place: int, column: Column, text: Text, known: Mapping[str, list[str]]
) -> None:
    """Put a list or a rule on the cells of a column."""
    words = words_of(column, text) or known.get(column.references or "", [])
    if words:
        from xlsxwriter.utility import xl_range_abs

        lists.write_column(1, place, words)
        source = f"='{lists.get_name()}'!{xl_range_abs(1, place, len(words), place)}"
        error = "warning" if column.references else "stop"  # several ids may stand in one cell
        rule = {"validate": "list", "source": source, "error_type": error}
        sheet.data_validation(1, place, ROWS, place, rule)
    elif column.kind in NUMERIC and (bounds := limits(column)):
        sheet.data_validation(1, place, ROWS, place, {"error_type": "warning"} | bounds)


def limits(column: Column) -> dict[str, Any]:
    """Return the rule of a number column: whole or not, between its ends."""
    low = 0 if column.kind in ("amount", "count") and column.low is None else column.low
    kind = {"validate": "integer" if column.kind == "count" else "decimal"}
    if low is not None and column.high is not None:
        return {**kind, "criteria": "between", "minimum": low, "maximum": column.high}
    if low is not None:
        return {**kind, "criteria": ">=", "value": low}
    return {} if column.high is None else {**kind, "criteria": "<=", "value": column.high}


def write_templates(
    folder: Path, names: list[str], tables: Mapping[str, pd.DataFrame], text: Text
) -> list[Path]:
    """Write one workbook per table; with lists of the edition's units, indicators and policies."""
    known = {
        name: tables[name][contracts()[name].key[0]].drop_duplicates().to_list()
        for name in ("units", "policies", "sources") if name in tables
    }  # fmt: skip
    paths = [folder / f"{name}.xlsx" for name in names]
    for name, path in zip(names, paths, strict=True):
        write_template(path, contracts()[name], text, known=known)
    return paths


def write_evidence_lists(
    folder: Path, asked: pd.DataFrame, units: pd.DataFrame, text: Text
) -> list[Path]:
    """Write every unit's list of evidence to hand in (佐证材料清单), one line per indicator."""
    paths = []
    for unit, rows in asked.groupby("unit_id", sort=False):
        name = units.set_index("unit_id").at[unit, f"name_{text.lang}"]
        path = folder / f"evidence_{unit}_{name}.xlsx".replace("/", "_").replace(" ", "_")
        own = rows.assign(evidence_id=[f"{unit}-{n:03d}" for n in range(1, len(rows) + 1)])
        state = contracts()["evidence"].columns["state"].labels["missing"]
        own = own.assign(state=state if text.lang == "zh" else "missing")
        write_template(path, contracts()["evidence"], text, rows=own)
        paths.append(path)
    return paths
