"""Level ranks of each indicator in each period, and whether the period can rank at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError, TableError, not_known
from haidian_eval.scoring import PERIOD, blurred, competition_rank, every_unit, rank_bounds

COLUMNS = [
    "unit_id", "indicator_id", "period", "vintage", "value", "half_width", "source_id", "_file",
    "_row",
]  # fmt: skip
RANKS = ["level_rank", "rank_best", "rank_worst", "group_rank", "group_best", "group_worst"]


@dataclass(frozen=True, slots=True)
class Levels:
    """Indicators ranked one by one, period by period.

    frame: one row per indicator, period and assessed unit, in the order of the units: value,
    half_width, vintage, source_id; level_rank (1, 1, 3), rank_best and rank_worst under rounding;
    the same inside the peer group, with group_size. No ranks where the verdict is not a blank.
    discrimination: one row per indicator and period: units, assessed, distinct, lowest, highest,
    blurred (share of the pairs of units that rounding cannot tell apart; missing where the
    rounding of any is not known), reason: "" | "partial"
    (too few units have a value) | "one_value" | "overlap" (all rank intervals overlap).
    """

    frame: pd.DataFrame
    discrimination: pd.DataFrame


def one_vintage(values: pd.DataFrame) -> pd.DataFrame:
    """Return, per indicator and period, the vintage that most units have, the newest of equals."""
    key = [*PERIOD, "vintage"]
    size = values.groupby(key, as_index=False).agg(
        units=("unit_id", "nunique"), at=("as_of", "max")
    )
    chosen = size.sort_values(["units", "at"], kind="stable").drop_duplicates(PERIOD, keep="last")
    return values.merge(chosen[key], on=key, validate="m:1")


def is_cost(indicators: pd.DataFrame, name: str) -> bool:
    """Tell whether lower is better; an indicator without a direction cannot be ranked."""
    directions = indicators.drop_duplicates("node_id").set_index("node_id")["direction"]
    if name not in directions:
        raise ParameterError(not_known(f"environment: the indicator {name!r}", name, directions))
    if directions[name] not in ("cost", "benefit"):
        raise ParameterError(
            f"{name}: direction = {directions[name]!r}; only benefit and cost can be ranked"
        )
    return bool(directions[name] == "cost")


def signs(names: pd.Series, indicators: pd.DataFrame) -> pd.Series:
    """Return, for every row, 1 where lower is better and -1 where higher is."""
    return names.map({name: 1 if is_cost(indicators, name) else -1 for name in names.unique()})


def levels(
    values: pd.DataFrame, indicators: pd.DataFrame, units: pd.DataFrame, *,
    names: Sequence[str], needed_share: float,
) -> Levels:  # fmt: skip
    """Return the levels of the named indicators; ranks need values of `needed_share` of the units.

    `units`: the assessed units alone, with peer_group.
    """
    own = values[values["indicator_id"].isin(names) & values["unit_id"].isin(units["unit_id"])]
    table = every_unit(one_vintage(own).filter(COLUMNS), names, units)
    if table.empty:
        raise TableError(f"no value of the indicators {list(names)} counts in this edition")
    verdicts = tell_apart(table, needed_share)
    value = table["value"] * signs(table["indicator_id"], indicators)  # the lowest is the best
    period = [table[name] for name in PERIOD]
    group = [*period, table["peer_group"].fillna("")]
    found = [ranked(value, value, table["half_width"], by=within) for within in (period, group)]
    ranks = where_ranked(pd.concat(found, axis=1).set_axis(RANKS, axis=1), table, verdicts)
    size = table["value"].groupby(group).transform("count")
    return Levels(table.join(ranks).assign(group_size=size), verdicts)


def ranked(value: pd.Series, middle: pd.Series, half: pd.Series, *, by: Any) -> pd.DataFrame:
    """Return ranks of values, the lowest the best, and their intervals: middle +- half."""
    rank = competition_rank(value, ascending=True, by=by)
    return pd.concat([rank, rank_bounds(middle, half, ascending=True, by=by)], axis=1)


def where_ranked(ranks: pd.DataFrame, table: pd.DataFrame, verdicts: pd.DataFrame) -> pd.DataFrame:
    """Return the ranks of a table's rows, blank in periods whose verdict is not a blank."""
    reason = table[PERIOD].merge(verdicts, on=PERIOD, how="left", validate="m:1")["reason"]
    return ranks.mask(reason != "")


def tell_apart(table: pd.DataFrame, needed_share: float) -> pd.DataFrame:
    """Return how well each period tells units apart, and why it does not rank, if so."""
    periods = table.groupby(PERIOD, sort=False)
    found = periods.agg(
        units=("value", "count"),
        assessed=("unit_id", "size"),
        distinct=("value", "nunique"),
        lowest=("value", "min"),
        highest=("value", "max"),
        source_id=("source_id", joined),
    )
    found["blurred"] = [blurred(rows["value"], rows["half_width"]) for _, rows in periods]
    faults = {
        "partial": found["units"] < needed_share * found["assessed"],
        "one_value": found["distinct"] < 2,
        "overlap": found["blurred"] == 1,
    }
    reason = np.select(list(faults.values()), list(faults), "")
    return found.assign(reason=reason).reset_index()


def joined(ids: pd.Series) -> str:
    """Return the sources of several rows as one cell."""
    return ";".join(sorted({part for cell in ids.dropna() for part in cell.split(";")}))
