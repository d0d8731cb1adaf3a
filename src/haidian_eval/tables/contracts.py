"""The contracts of the edition's tables, read from contracts.toml beside this file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from haidian_eval.params import read_toml

COLUMN = re.compile(r"(?P<kind>\w+)(?P<required>!?)(?:\|(?P<allowed>[\w,]+))?(?:>(?P<target>\w+))?")


@dataclass(frozen=True, slots=True)
class Column:
    """What the cells of one column must be."""

    kind: str
    required: bool
    allowed: tuple[str, ...]
    references: str | None


@dataclass(frozen=True, slots=True)
class Contract:
    """The key and the columns of one table.

    optional: columns that may be absent. may_be_absent: the table may have no file.
    """

    name: str
    key: tuple[str, ...]
    columns: Mapping[str, Column]
    optional: frozenset[str]
    may_be_absent: bool = False

    @property
    def needed(self) -> list[str]:
        """The columns that the header must have."""
        return [name for name in self.columns if name not in self.optional]


def read_column(declaration: str) -> Column:
    """Return the column that a declaration such as "text!|a,b" stands for."""
    match = COLUMN.fullmatch(declaration)
    assert match, declaration
    allowed = tuple(match["allowed"].split(",")) if match["allowed"] else ()
    return Column(match["kind"], bool(match["required"]), allowed, match["target"])


@cache
def contracts() -> Mapping[str, Contract]:
    """Return the contract of every table, in the order in which tables refer to each other."""
    declared = read_toml(Path(__file__).with_name("contracts.toml"))
    return {
        name: Contract(
            name,
            tuple(table["key"]),
            {c: read_column(d) for c, d in {**table["columns"], **table["optional"]}.items()},
            frozenset(table["optional"]),
            bool(table.get("absent", False)),
        )
        for name, table in declared.items()
    }
