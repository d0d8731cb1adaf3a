"""Units of measure: what a written unit means, and how values convert into the declared one."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

from haidian_eval.params import read_toml

MAGNITUDES = {
    "千": 10**3, "万": 10**4, "百万": 10**6, "千万": 10**7, "亿": 10**8, "万亿": 10**12,
}  # fmt: skip
PREFIX = re.compile("(万亿|千万|百万|亿|万|千)?(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: what it measures, and how many of the first unit of its dimension it holds."""

    dimension: str
    factor: Decimal


def plain(words: str) -> str:
    """Return a written unit without full-width letters, blanks and case."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", words)).casefold()


@cache
def known_units() -> dict[str, tuple[Unit, ...]]:
    """Return every written unit, in plain letters -> what it can mean: 分 is money or a score."""
    declared = read_toml(Path(__file__).with_name("units.toml"))
    known: dict[str, tuple[Unit, ...]] = {}
    for dimension, units in declared.items():
        for code, unit in units.items():
            for name in map(plain, (code, *unit["names"])):
                known[name] = (*known.get(name, ()), Unit(dimension, Decimal(unit["factor"])))
    return known


@cache
def meanings(words: str) -> tuple[Unit, ...]:
    """Return what a written unit such as 万元 or "10k CNY" can mean; nothing when not known."""
    written = plain(words)
    if written in known_units():
        return known_units()[written]
    match = PREFIX.fullmatch(written)
    if match is None or not match[1]:
        return ()
    # 万亩 is 10,000 mu, but 万% is nothing.
    return tuple(
        Unit(base.dimension, base.factor * MAGNITUDES[match[1]])
        for base in known_units().get(match[2], ())
        if base.dimension not in ("percent", "percentage_points")
    )


def read_unit(words: str) -> Unit | None:
    """Return the unit that is written, by its first meaning, or None when it is not known."""
    return next(iter(meanings(words)), None)


def ratio(given: str, declared: str) -> Decimal | None:
    """Return the factor by which a value in `given` becomes one in `declared`, or None.

    A rate such as "% yoy" is a kind of per cent: a per-cent sign behind the number is its own.
    """
    if plain(given) == plain(declared):
        return Decimal(1)
    if plain(given) == "%" and plain(declared).startswith("%"):
        return Decimal(1)
    for one in meanings(given):
        for other in meanings(declared):
            if one.dimension == other.dimension:
                return one.factor / other.factor
    return None


def in_unit(number: Decimal, cell: str, row: str, declared: str) -> Decimal | None:
    """Return a number in the declared unit, or None when the written units do not allow it.

    cell: the unit or magnitude written behind the number, row: the unit of the row or the
    header, declared: the unit in which the column is kept; a blank is none.
    """
    stated = row or declared
    if not declared and not row:
        return number * MAGNITUDES.get(cell, 0) if cell in MAGNITUDES else None if cell else number
    if cell in MAGNITUDES:
        unit = read_unit(stated)
        carries = unit is not None and (unit.factor != 1 or unit.dimension == "percent")
        whole = None if unit is None or carries else number * MAGNITUDES[cell]
        number, cell = (whole, "") if whole is not None else (number, "?")
    if cell and row and ratio(cell, row) is None:
        return None
    factor = ratio(cell or stated, declared or stated)
    return None if factor is None else number * factor
