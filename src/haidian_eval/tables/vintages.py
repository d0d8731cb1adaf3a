"""Vintages: a change is computed between two values of one vintage, and refused across vintages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

SERIES = ["unit_id", "indicator_id", "period"]
BASE = ["unit_id", "indicator_id", "base_period"]
CARRIED = ["value", "half_width", "vintage", "as_of", "source_id"]
ORIGIN = ["_file", "_row"]  # carried along where there are any


def earlier(period: str, years: int) -> str:
    """Return the same part of an earlier year: 2021-08 becomes 2020-08."""
    return f"{int(period[:4]) - years:04d}{period[4:]}"


def newest(values: pd.DataFrame) -> pd.DataFrame:
    """Return, per unit, indicator and period, the value that was published last."""
    ordered = values.sort_values("as_of", kind="stable")
    return ordered.drop_duplicates(SERIES, keep="last").sort_index()


def changes(values: pd.DataFrame) -> pd.DataFrame:
    """Return the change of every value against the same period one year earlier.

    One row per unit, indicator and period that has a base: value, base, their half_width and
    vintage, `change` (same unit as the value), `relative` (per cent) with `low` and `high` (what
    rounding of both values leaves), source_id. A base of the same vintage is taken where there is
    one. Where there is none, nothing is computed and `reason` is "vintage"; a base of zero or less
    has no relative change ("base").
    """
    carried = [*CARRIED, *values.columns.intersection(ORIGIN)]
    later = values[[*SERIES, *carried]].astype({"period": "str"})
    base = later.rename(columns={"period": "base_period"} | {n: f"base_{n}" for n in carried})
    before = pd.Series([earlier(period, 1) for period in later["period"]], later.index, dtype="str")
    pairs = later.assign(base_period=before).merge(base, on=BASE)
    pairs = pairs.assign(same=pairs["vintage"] == pairs["base_vintage"])
    order = pairs.sort_values(["same", "as_of", "base_as_of"], kind="stable")
    chosen = order.drop_duplicates(SERIES, keep="last").sort_values(SERIES, ignore_index=True)
    value, base_value, same = chosen["value"], chosen["base_value"], chosen["same"]
    low, high = quotient_bounds(chosen, "base_")
    bounded = base_value > chosen["base_half_width"]
    percent = {"relative": value / base_value, "low": low, "high": high.where(bounded)}
    return chosen.assign(
        change=(value - base_value).where(same),
        **{n: (100 * (x - 1)).where(same & (base_value > 0)) for n, x in percent.items()},
        reason=np.select([~same, base_value <= 0], ["vintage", "base"], ""),
        source_id=cited(chosen["source_id"], chosen["base_source_id"]),
    ).drop(columns=["same", "base_source_id", "as_of", "base_as_of"])


def quotient_bounds(pairs: Any, whole: str) -> tuple[Any, Any]:
    """Return the lowest and highest quotient that the rounding of both values leaves open.

    pairs: a frame or a row with value and half_width, and those of the divisor after `whole`.
    """
    value, half = pairs["value"], pairs["half_width"]
    divisor, divisor_half = pairs[f"{whole}value"], pairs[f"{whole}half_width"]
    return (value - half) / (divisor + divisor_half), (value + half) / (divisor - divisor_half)


def cited(*columns: pd.Series) -> pd.Series:
    """Return the sources of several columns row by row, as they come and without repeats."""
    rows = zip(*(column.fillna("") for column in columns), strict=True)
    found = [";".join(dict.fromkeys(";".join(filter(None, ids)).split(";"))) for ids in rows]
    return pd.Series(found, columns[0].index, dtype="str")
