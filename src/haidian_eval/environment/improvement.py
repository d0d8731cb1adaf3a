"""Changes against the same month of the year before, ranked where rounding lets them be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from haidian_eval.environment.levels import joined, one_vintage, signs, where_ranked
from haidian_eval.scoring import PERIOD, TOUCHING, competition_rank, every_unit, rank_bounds
from haidian_eval.tables import changes

CHANGE_RANKS = ["change_rank", "change_best", "change_worst"]
REFUSED = [*PERIOD, "base_period", "vintage", "base_vintage", "reason"]
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
    values: pd.DataFrame, indicators: pd.DataFrame, units: pd.DataFrame, *,
    names: Sequence[str], needed_share: float,
) -> Improvement:  # fmt: skip
    """Return the changes of the named indicators against the same month of the year before."""
    own = values[values["indicator_id"].isin(names) & values["unit_id"].isin(units["unit_id"])]
    pairs = changes(own)
    refused = pairs[pairs["reason"] != ""].groupby(REFUSED, as_index=False).size()
    refused = refused.rename(columns={"size": "units"})
    usable = pairs[(pairs["reason"] == "") & pairs["relative"].notna()].drop(columns="reason")
    key = [*PERIOD, "vintage"]
    shown = usable.merge(one_vintage(own)[key].drop_duplicates(), on=key, validate="m:1")
    if shown.empty:
        return Improvement(pd.DataFrame(), pd.DataFrame(), refused)
    table = every_unit(shown, names, units)
    summary = summarised(table, needed_share)
    sign = signs(table["indicator_id"], indicators)
    within = [table[name] for name in PERIOD]
    middle, half = (table["low"] + table["high"]) / 2, (table["high"] - table["low"]) / 2
    rank = competition_rank(table["relative"] * sign, ascending=True, by=within)
    bounds = rank_bounds(middle * sign, half, ascending=True, by=within)
    ranks = pd.concat([rank, bounds], axis=1).set_axis(CHANGE_RANKS, axis=1)
    ranks = where_ranked(ranks, table, summary)
    changed = pd.concat([table.assign(status=status(table, sign)), ranks], axis=1)
    return Improvement(with_regression(changed), summary, refused)


def summarised(table: pd.DataFrame, needed_share: float) -> pd.DataFrame:
    """Return how each comparison went over all units, and why it does not rank, if so."""
    periods = table.groupby(PERIOD, sort=False)
    found = periods.agg(
        base_period=("base_period", "first"),
        units=("relative", "count"),
        assessed=("unit_id", "size"),
        source_id=("source_id", joined),
    )
    found.insert(3, "slope", [line_through(rows)[1] for _, rows in periods])
    found.insert(4, "correlation", [correlation(rows) for _, rows in periods])
    few = found["units"] < needed_share * found["assessed"]
    found.insert(5, "reason", np.where(few, "partial", ""))
    return found.reset_index()


def correlation(table: pd.DataFrame) -> float:
    """Return the correlation of base and relative change, missing where either is constant."""
    known = table.loc[table["relative"].notna(), ["base_value", "relative"]]
    varies = known.nunique().min() > 1
    return float(known["base_value"].corr(known["relative"])) if varies else float("nan")


def status(table: pd.DataFrame, sign: pd.Series) -> pd.Series:
    """Return whether each change is for the better, for the worse, or within rounding."""
    ends = table[["low", "high"]].mul(sign, axis=0)
    verdict = pd.Series("flat", index=table.index)
    verdict = verdict.mask(ends.max(axis=1, skipna=False) < -TOUCHING, "improved")
    verdict = verdict.mask(ends.min(axis=1, skipna=False) > TOUCHING, "worse")
    return verdict.where(table["relative"].notna(), None)


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
    lines = [
        line_through(rows.drop(index=row))
        for _, rows in table.groupby(PERIOD, sort=False)
        for row in rows.index
    ]
    intercept, slope = (pd.Series(part, table.index) for part in zip(*lines, strict=True))
    expected = 100 * ((intercept + slope * table["base_value"]) / table["base_value"] - 1)
    inside = (table["low"] <= expected) & (expected <= table["high"])
    beyond = (table["relative"] - expected).mask(inside)
    return table.assign(expected=expected, beyond=beyond)
