"""Reconciliation: how the published parts add up to the published total."""

from __future__ import annotations

import pandas as pd

from haidian_eval.params import Params
from haidian_eval.tables.edition import Edition, assessed_units

COLUMNS = [
    "indicator_id", "period", "vintage", "total", "parts", "other", "difference", "allowed",
    "capacity", "with_value", "absent", "verdict", "source_id",
]  # fmt: skip


def printed(edition: Edition) -> pd.DataFrame:
    """Return what was printed as a result up to the as-of date, doubtful figures included."""
    withheld = edition.withheld
    doubtful = withheld[withheld["reason"] == "confidence"]
    return pd.concat([edition.tables["values"], doubtful.drop(columns="reason")])


def reconcile(edition: Edition, params: Params) -> pd.DataFrame:
    """Return, per additive indicator, period and vintage with a total, how the parts add up to it.

    Periods in which no more than half of the units have a value are not compared.
    parts: sum over the assessed units with a value. other: what the publisher assigns to no unit.
    difference: parts + other - total, `allowed` is what rounding of all of them can make of it.
    capacity: what the units without a value could hold if each had the highest value of its peer
    group. verdict: exact | rounding | differs (every unit there) | incomplete (the gap is within
    the capacity) | open (the gap is larger than that).
    """
    values = printed(edition)
    values = values[values["indicator_id"].isin(params.tables.additive)]
    units = assessed_units(edition.tables["units"], params).set_index("unit_id")
    kinds = edition.tables["units"].set_index("unit_id")["unit_type"]
    rows = []
    key = ["indicator_id", "period", "vintage"]
    for (indicator, period, vintage), group in values.groupby(key, sort=False):
        by_unit = group.set_index("unit_id")
        kind = kinds.reindex(by_unit.index)
        total, other = by_unit[kind == "city"], by_unit[kind == "not_by_district"]
        parts = by_unit[by_unit.index.isin(units.index)]
        if len(total) == 1 and len(parts) > len(units) / 2:
            row = {"indicator_id": indicator, "period": period, "vintage": vintage}
            rows.append(row | compare(total, parts, other, units))
    return pd.DataFrame(rows, columns=COLUMNS)


def compare(
    total: pd.DataFrame, parts: pd.DataFrame, other: pd.DataFrame, units: pd.DataFrame
) -> dict[str, object]:
    """Return one comparison of parts with their total."""
    both = pd.concat([total, parts, other])
    whole = float(total["value"].iloc[0])
    digits = max(len(f"{value:.10g}".partition(".")[2]) for value in both["value"])  # as printed
    difference = round(float(parts["value"].sum() + other["value"].sum()) - whole, digits)
    absent = [unit for unit in units.index if unit not in parts.index]
    peers, known = units["peer_group"], parts["value"]
    most = known.groupby(parts.index.map(peers)).max()  # in each peer group
    capacity = float(most.reindex(peers[absent]).fillna(known.max()).sum())
    allowed = float(both["half_width"].sum(skipna=False))
    return {
        "total": whole,
        "parts": float(parts["value"].sum()),
        "other": float(other["value"].sum(min_count=1)),
        "difference": difference,
        "allowed": allowed,
        "capacity": capacity,
        "with_value": len(parts),
        "absent": ";".join(absent),
        "verdict": verdict(difference, allowed, capacity, bool(absent)),
        "source_id": ";".join(dict.fromkeys(";".join(both["source_id"]).split(";"))),
    }


def verdict(difference: float, allowed: float, capacity: float, any_absent: bool) -> str:
    """Return how the parts add up."""
    if difference == 0:
        return "exact"
    if abs(difference) <= allowed:
        return "rounding"
    if not any_absent:
        return "differs"
    return "incomplete" if 0 <= -difference <= capacity else "open"
