"""One column: all its cells read at once; only unusual ones are looked at one by one, each once."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from haidian_eval.tables import cells as one
from haidian_eval.tables.contracts import NUMERIC, Column
from haidian_eval.tables.units import in_unit, ratio

PLAIN_NUMBER = "^-?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?$"
PLAIN_NAME = "^[!$-,.0-~\u4e00-\u9fff][!-~\u4e00-\u9fff]*$"  # neither a sign alone nor full-width
AROUND = "\\s\u00a0\u3000\u200b-\u200d\u2060\ufeff"
UNUSUAL_TEXT = f"^$|^[{AROUND}#/\\\\*–—….\uff0d\uff0f\uff0e\uff3c\uff0a-]|[{AROUND}]$|^[nNｎＮ]"
BLANK = f"^[{AROUND}]*$"
Positions = np.ndarray


@dataclass(frozen=True, slots=True)
class Read:
    """The cells of a column, and the positions of those that are not as they should be.

    faults: rule -> positions; the rule row_unit blames the unit beside the number. repaired:
    positions of cells that were read after a repair, converted: of numbers that stand in another
    unit than they are kept in. blank: which cells hold nothing.
    """

    cells: pd.Series
    blank: np.ndarray
    faults: dict[str, Positions] = field(default_factory=dict)
    repaired: Positions = field(default_factory=lambda: np.array([], dtype=int))
    converted: Positions = field(default_factory=lambda: np.array([], dtype=int))


@dataclass(frozen=True, slots=True)
class UnitsOf:
    """In what unit each cell of a number column is given: its row's, and the declared one."""

    row: pd.Series | None  # the unit in the row or the header, or none
    declared: pd.Series | None  # the unit in which the values are kept, or none


def text_cells(cells: pd.Series) -> pa.ChunkedArray:
    """Return cells as Arrow text; a missing cell is a blank."""
    found = pa.array(cells, from_pandas=True)
    if not pa.types.is_large_string(found.type):
        found = found.cast(pa.large_string())
    chunks = found if isinstance(found, pa.ChunkedArray) else pa.chunked_array([found])
    return pc.fill_null(chunks, "")


def matching(cells: pa.ChunkedArray, pattern: str) -> np.ndarray:
    """Return which cells match a pattern."""
    return np.asarray(pc.match_substring_regex(cells, pattern))


def read_column(cells: pd.Series, column: Column, units: UnitsOf) -> Read:
    """Return the cells of one column as what the contract says that they are."""
    texts = text_cells(cells)
    is_number = column.kind in NUMERIC
    return read_numbers(texts, column, units) if is_number else read_words(texts, column)


def read_words(texts: pa.ChunkedArray, column: Column) -> Read:
    """Return the cells of a column of text, ids, codes, dates, periods or flags."""
    kind: str = "name" if column.references and not column.allowed else column.kind
    reader: Callable[[str], one.Cell] = one.READERS[kind]
    unusual = looks_unusual(texts, column)
    if column.allowed:
        kind = "code"
        reader = partial(one.read_code, codes=column.allowed, labels=column.labels)
    at = np.flatnonzero(unusual)
    asked = texts if unusual.all() else texts.take(pa.array(at))
    found = pc.dictionary_encode(asked.combine_chunks())
    read = [one.read_cell(word, reader, kind) for word in found.dictionary.to_pylist()]
    which = found.indices.to_numpy(zero_copy_only=False)
    objects = np.empty(len(read), dtype=object)
    objects[:] = [cell.value for cell in read]
    values = placed(texts, at, objects[which] if len(read) else objects, column.kind)
    rules = np.array([cell.rule for cell in read], dtype=object)
    faults = {str(rule): at[rules[which] == rule] for rule in sorted(set(rules)) if rule}
    repaired = np.array([cell.repaired for cell in read], dtype=bool)
    done = at[repaired[which]] if len(read) else at
    blank = np.array(values.isna())
    blank[np.concatenate([*faults.values(), np.array([], dtype=int)]).astype(int)] = False
    return Read(values, blank, faults, done)


def looks_unusual(texts: pa.ChunkedArray, column: Column) -> np.ndarray:
    """Return which cells need to be read one by one; codes, dates, periods and flags all do."""
    if not column.allowed and (column.kind == "id" or column.references):
        words = np.asarray(pc.is_in(texts, pa.array(one.WORDS, texts.type)))
        odd = ~matching(texts, PLAIN_NAME) | matching(texts, "^[0-9.]+[eE][+]|^[nN]|[.]0$")
        return np.asarray(odd | words)
    if not column.allowed and column.kind == "text":
        return matching(texts, UNUSUAL_TEXT)
    return np.ones(len(texts), dtype=bool)


def placed(texts: pa.ChunkedArray, at: Positions, values: np.ndarray, kind: str) -> pd.Series:
    """Return the cells as a series, those at some positions replaced by their values."""
    if kind == "date":
        return pd.Series(values, dtype="object")  # every date was read one by one
    if len(at) == len(texts):
        return pd.Series(values, dtype="str")
    series = pd.Series(texts.to_pandas(), dtype="str")
    series.iloc[at] = values
    return series


def read_numbers(texts: pa.ChunkedArray, column: Column, units: UnitsOf) -> Read:
    """Return the cells of a number column in the declared unit."""
    plain = matching(texts, PLAIN_NUMBER)
    empty = matching(texts, "^$")
    other_unit = in_other_unit(units, len(texts))
    simple = plain & ~other_unit
    values = np.full(len(texts), np.nan)
    values[simple] = pc.cast(texts.filter(pa.array(simple)), pa.float64()).to_numpy()
    at = np.flatnonzero(~simple & ~empty)
    read = by_cell(texts, at, units)
    values[at] = [math.nan if cell.value is None else cell.value for cell in read]
    rules = np.array([cell.rule for cell in read], dtype=object)
    faults = {str(rule): at[rules == rule] for rule in sorted(set(rules)) if rule}
    endless = np.flatnonzero(np.isinf(values))
    kind = wrong_kind(values, column.kind)
    for rule, where in (("number", endless), (column.kind, kind)):
        if len(where):
            faults[rule] = np.union1d(faults.get(rule, where), where)
            values[where] = np.nan
    blank = np.isnan(values)
    blank[np.concatenate([*faults.values(), np.array([], dtype=int)]).astype(int)] = False
    series = pd.Series(values)
    kept = series.astype("Int64") if column.kind == "count" else series
    repaired = at[[cell.repaired for cell in read]] if len(at) else at
    converted = at[[cell.converted for cell in read]] if len(at) else at
    return Read(kept, blank, faults, repaired, converted)


def wrong_kind(values: np.ndarray, kind: str) -> Positions:
    """Return where numbers are negative or broken although the column holds amounts or counts."""
    if kind == "number":
        return np.array([], dtype=int)
    finite = np.isfinite(values)
    negative = finite & (values < 0)
    broken = finite & (values != np.floor(values)) & (kind == "count")
    return np.flatnonzero(negative | broken)


def in_other_unit(units: UnitsOf, size: int) -> np.ndarray:
    """Return which rows are given in another unit than the declared one."""
    if units.row is None or units.declared is None:
        return np.zeros(size, dtype=bool)
    both = pd.DataFrame({"row": units.row.to_numpy(), "kept": units.declared.to_numpy()})
    asked = both[(both["row"] != "") & (both["kept"] != "") & (both["row"] != both["kept"])]
    other = np.zeros(size, dtype=bool)
    pairs = asked.drop_duplicates()
    same = [ratio(row, kept) == 1 for row, kept in pairs.itertuples(index=False, name=None)]
    wrong = pd.MultiIndex.from_frame(pairs[~np.array(same, dtype=bool)])
    other[asked.index[pd.MultiIndex.from_frame(asked).isin(wrong)]] = True
    return other


def by_cell(texts: pa.ChunkedArray, at: Positions, units: UnitsOf) -> np.ndarray:
    """Return what the cells at some positions hold, every kind of cell read once."""
    asked = pd.DataFrame({"cell": texts.take(pa.array(at)).to_pandas()}, dtype="object")
    for name, unit in (("row", units.row), ("declared", units.declared)):
        asked[name] = "" if unit is None else unit.to_numpy(dtype=object)[at]
    asked = asked.fillna("")
    which = asked.groupby(list(asked), sort=False).ngroup().to_numpy()
    kinds = asked.drop_duplicates().itertuples(index=False, name=None)
    read = np.empty(which.max(initial=-1) + 1, dtype=object)
    read[:] = [number_in(cell, row, declared) for cell, row, declared in kinds]
    return np.asarray(read[which])


def number_in(cell: str, row: str, declared: str) -> one.Cell:
    """Return the number of a cell in the declared unit, exactly converted."""
    quantity = one.read_quantity(cell)
    if quantity.rule:
        return one.Cell(rule=quantity.rule)
    if quantity.number is None:
        return one.Cell(repaired=bool(cell))
    number = in_unit(quantity.number, quantity.unit, row, declared)
    if number is None:
        return one.Cell(rule="unit" if quantity.unit else "row_unit")
    by_row = not quantity.unit and number != quantity.number
    return one.Cell(float(number), repaired=not quantity.plain, converted=by_row)


def out_of_range(values: pd.Series, column: Column) -> Positions:
    """Return where values lie outside the range that the contract sets."""
    outside = np.zeros(len(values), dtype=bool)
    for end, beyond in ((column.low, pd.Series.lt), (column.high, pd.Series.gt)):
        if end is not None:
            known = values.dropna()
            is_date = column.kind == "date"
            edge: Any = dt.date.fromisoformat(str(end)) if is_date else end
            if column.kind in ("text", "period"):
                known, edge = known.str.slice(0, len(str(edge))), str(edge)
            wrong = beyond(known, edge)
            outside[wrong.index[wrong.to_numpy(dtype=bool)]] = True
    return np.flatnonzero(outside)
