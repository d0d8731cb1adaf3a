"""Vintages: a change is computed between two values of one vintage, and refused across vintages."""

from __future__ import annotations

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


def changes(values: pd.DataFrame, *, years: int = 1) -> pd.DataFrame:
    """Return the change of every value against the same period some years earlier.

    One row per unit, indicator and period that has a base: value, base, their half_width and
    vintage, `change` (same unit as the value), `relative` (per cent) with `low` and `high` (what
    rounding of both values leaves), source_id. A base of the same vintage is taken where there is
    one. Where there is none, nothing is computed and `reason` is "vintage"; a base of zero or less
    has no relative change ("base").
    """
    carried = [*CARRIED, *values.columns.intersection(ORIGIN)]
    later = values[[*SERIES, *carried]].astype({"period": "str"})
    base = later.rename(columns={"period": "base_period"} | {n: f"base_{n}" for n in carried})
    before = [earlier(period, years) for period in later["period"]]
    later = later.assign(base_period=pd.Series(before, later.index, dtype="str"))
    pairs = later.merge(base, on=BASE, how="inner")
    same = pairs["vintage"] == pairs["base_vintage"]
    order = pairs.assign(_same=same).sort_values(["_same", "as_of", "base_as_of"], kind="stable")
    chosen = order.drop_duplicates(SERIES, keep="last").sort_values(SERIES, ignore_index=True)
    usable = chosen["_same"] & (chosen["base_value"] > 0)
    low, high = relative_bounds(chosen)
    both = zip(chosen["source_id"], chosen["base_source_id"], strict=True)
    return chosen.assign(
        change=(chosen["value"] - chosen["base_value"]).where(chosen["_same"]),
        relative=(100 * (chosen["value"] / chosen["base_value"] - 1)).where(usable),
        low=low.where(usable),
        high=high.where(usable),
        reason=reasons(chosen),
        source_id=[";".join(dict.fromkeys([*a.split(";"), *b.split(";")])) for a, b in both],
    ).drop(columns=["_same", "base_source_id", "as_of", "base_as_of"])


def relative_bounds(pairs: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Return the lowest and highest relative change (per cent) that rounding leaves open."""
    value, base = pairs["value"], pairs["base_value"]
    half, base_half = pairs["half_width"], pairs["base_half_width"]
    low = 100 * ((value - half) / (base + base_half) - 1)
    high = 100 * ((value + half) / (base - base_half) - 1)
    return low, high.where(base > base_half)


def reasons(pairs: pd.DataFrame) -> pd.Series:
    """Return why a change was not computed, or a blank."""
    reason = pd.Series("", index=pairs.index)
    reason[pairs["base_value"] <= 0] = "base"
    reason[~pairs["_same"]] = "vintage"
    return reason
