"""Changes against the same month of the year before, ranked where rounding lets them be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from haidian_eval.environment.levels import (
    TOUCHING,
    by_period,
    is_cost,
    joined,
    one_vintage,
    without,
)
from haidian_eval.scoring import competition_rank, rank_bounds
from haidian_eval.tables import changes

CHANGE_RANKS = ["change_rank", "change_best", "change_worst"]
REFUSED = ["indicator_id", "period", "base_period", "vintage", "base_vintage", "reason"]
FEWEST_FOR_A_LINE = 5


@dataclass(frozen=True, slots=True)
class Improvement:
    """Changes against the same month of the year before, in one vintage.

    frame: one row per indicator, period and assessed unit: base, value, relative (per cent) with
    low and high, status (improved | worse | flat: within rounding), change_rank (1, 1, 3 on the
    printed change) with change_best and change_worst under rounding: units whose intervals overlap
    are ties; expected (per cent: what the base alone leads to expect) and beyond (relative -
    expected; missing where the difference is within the rounding of the change).
    summary: one row per indicator and period: units, slope of value on base, correlation of base
    and relative change, reason as in `Levels`.
    refused: indicator, period, base_period, both vintages, reason ("vintage" | "base"), units: how
    many comparisons could not be made.
    """

    frame: pd.DataFrame
    summary: pd.DataFrame
    refused: pd.DataFrame


def improvement(
    values: pd.DataFrame,
    indicators: pd.DataFrame,
    units: pd.DataFrame,
    *,
    names: Sequence[str],
    needed_share: float,
) -> Improvement:
    """Return the changes of the named indicators against the same month of the year before."""
    own = values[values["indicator_id"].isin(names) & values["unit_id"].isin(units["unit_id"])]
    pairs = changes(own)
    refused = pairs[pairs["reason"] != ""].groupby(REFUSED, as_index=False).size()
    usable = pairs[(pairs["reason"] == "") & pairs["relative"].notna()].drop(columns="reason")
    key = ["indicator_id", "period", "vintage"]
    shown = usable.merge(one_vintage(own)[key].drop_duplicates(), on=key, validate="m:1")
    frames, summaries = [], []
    for name, period, table in by_period(shown, names, units):
        changed = with_regression(with_change_ranks(table, cost=is_cost(indicators, name)))
        verdict = {"indicator_id": name, "period": period} | summary_of(table, needed_share)
        frames.append(without(changed, CHANGE_RANKS) if verdict["reason"] else changed)
        summaries.append(verdict)
    whole = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    return Improvement(whole, pd.DataFrame(summaries), refused.rename(columns={"size": "units"}))


def summary_of(table: pd.DataFrame, needed_share: float) -> dict[str, Any]:
    """Return how one comparison went over all units, and why it does not rank, if so."""
    known = table["relative"].notna()
    spread = table.loc[known, ["base_value", "relative"]].nunique().min() > 1
    correlation = table["base_value"].corr(table["relative"]) if spread else float("nan")
    return {
        "base_period": table["base_period"].dropna().iloc[0],
        "units": int(known.sum()),
        "assessed": len(table),
        "slope": line_through(table)[1],
        "correlation": float(correlation),
        "reason": "partial" if known.sum() < needed_share * len(table) else "",
        "source_id": joined(table["source_id"]),
    }


def with_change_ranks(table: pd.DataFrame, *, cost: bool) -> pd.DataFrame:
    """Return the table with status and ranks; changes that rounding may explain are ties."""
    middle, half = (table["low"] + table["high"]) / 2, (table["high"] - table["low"]) / 2
    bounds = rank_bounds(middle, half, ascending=cost)
    sign = 1 if cost else -1
    status = pd.Series("flat", index=table.index)
    status[np.where(cost, table["high"], table["low"]) * sign < -TOUCHING] = "improved"
    status[np.where(cost, table["low"], table["high"]) * sign > TOUCHING] = "worse"
    return table.assign(
        status=status.where(table["relative"].notna(), None),
        change_rank=competition_rank(table["relative"], ascending=cost),
        change_best=bounds["rank_best"],
        change_worst=bounds["rank_worst"],
    )


def line_through(table: pd.DataFrame) -> tuple[float, float]:
    """Return intercept and slope of the least-squares line of value on base, or missing."""
    known = table.dropna(subset=["base_value", "value"])
    x, y = known["base_value"].to_numpy(), known["value"].to_numpy()
    if len(known) < FEWEST_FOR_A_LINE or np.ptp(x) == 0:
        return float("nan"), float("nan")
    slope = float(((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum())
    return float(y.mean() - slope * x.mean()), slope


def with_regression(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with the change that each unit's base alone would lead to expect.

    The line of value on base is fitted to the other units, so that no unit sets its own
    expectation (leave one out). High bases tend to be followed by falls and low ones by rises
    whatever anybody does (regression to the mean: Galton 1886; Barnett et al. 2005); weather and
    real convergence are in the line as well and cannot be told apart from it.
    """
    lines = [line_through(table.drop(index=row)) for row in table.index]
    intercept, slope = (pd.Series(part, table.index) for part in zip(*lines, strict=True))
    expected = 100 * ((intercept + slope * table["base_value"]) / table["base_value"] - 1)
    inside = (table["low"] <= expected) & (expected <= table["high"])
    beyond = (table["relative"] - expected).mask(inside)
    return table.assign(expected=expected, beyond=beyond)
