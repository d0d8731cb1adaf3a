"""Tables of the report as data: layouts.toml says which columns a table has and what they show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from haidian_eval.errors import ParameterError, not_known
from haidian_eval.params import read_toml
from haidian_eval.report.operations import MAY_LACK, OPERATIONS, Words
from haidian_eval.report.views import administrative
from haidian_eval.text import Text

LAYOUTS = read_toml(Path(__file__).with_name("layouts.toml"))


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    show: a name in OPERATIONS, or a blank for cells as they are. of: the columns of the rows that
    it shows. optional: left out where no row has any. settings: what else the operation is told.
    """

    show: str
    of: tuple[str, ...]
    optional: bool
    settings: Mapping[str, Any]


def read_column(name: str, declaration: str | dict[str, Any], table: str) -> Column:
    """Return a column as it is declared: the one of the rows that it is, or what it shows."""
    if isinstance(declaration, str):
        return Column("", (declaration,), False, {})
    more = dict(declaration)
    show, of, optional = more.pop("show", ""), more.pop("of", name), more.pop("optional", False)
    if show and show not in OPERATIONS:
        place = f"layouts.toml, [{table}] {name}: show = {show!r}"
        raise ParameterError(not_known(place, show, OPERATIONS))
    return Column(show, (of,) if isinstance(of, str) else tuple(of), optional, more)


def layout(name: str) -> dict[str, Column]:
    """Return the columns of the table `name`, such as "economy.series", in their order."""
    known = {f"{stage}.{key}": own for stage, of in LAYOUTS.items() for key, own in of.items()}
    if name not in known:
        raise ParameterError(not_known(f"the layout {name!r}", name, known))
    return {own: read_column(own, given, name) for own, given in known[name].items()}


def lay_out(
    name: str, rows: pd.DataFrame, words: Words | Text, **tables: pd.DataFrame
) -> pd.DataFrame:
    """Return rows as the table `name` of layouts.toml shows them.

    tables: with the language alone, the edition's `units` and `indicators`, where the table shows
    names of theirs. A table that cites the source of units names them in administrative order.
    """
    told, columns = Words(words, **tables) if isinstance(words, Text) else words, layout(name)
    if "unit_source" not in rows and any("unit_source" in own.of for own in columns.values()):
        rows = administrative(rows, told.units, told.text)
    plain = rows.reset_index(drop=True)
    table = pd.DataFrame({own: cells(plain, column, told) for own, column in columns.items()})
    empty = [own for own, column in columns.items() if column.optional and table[own].isna().all()]
    return table.drop(columns=empty)


def cells(rows: pd.DataFrame, column: Column, words: Words) -> pd.Series | list[object]:
    """Return the cells of one column."""
    if not column.show:
        return rows[column.of[0]]
    there = [name for name in column.of if name in rows or column.show not in MAY_LACK]
    show = OPERATIONS[column.show]
    lines = zip(*(rows[name] for name in there), strict=True) if there else [()] * len(rows)
    return [show(words, *line, **column.settings) for line in lines]
