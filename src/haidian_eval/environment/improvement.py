"""Changes against the same month of the year before, ranked where rounding lets them be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from haidian_eval.environment.levels import joined, one_vintage, ranked, signs, where_ranked
from haidian_eval.scoring import PERIOD, TOUCHING, every_unit
from haidian_eval.tables import changes

CHANGE_RANKS = ["change_rank", "change_best", "change_worst"]
REFUSED = [*PERIOD, "base_period", "vintage", "base_vintage", "reason"]
FEWEST_FOR_A_LINE = 5  # other units


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
        none = pd.DataFrame(columns=[*PERIOD, "unit_id", "base_period", "correlation", "reason"])
        return Improvement(none, none, refused)
    table = every_unit(shown, names, units)
    summary, sign = summarised(table, needed_share), signs(table["indicator_id"], indicators)
    within = [table[name] for name in PERIOD]
    middle, half = (table["low"] + table["high"]) / 2, (table["high"] - table["low"]) / 2
    ranks = ranked(table["relative"] * sign, middle * sign, half, by=within)
    ranks = where_ranked(ranks.set_axis(CHANGE_RANKS, axis=1), table, summary)
    found = table.assign(status=status(table, sign)).join(ranks)
    expected = pd.concat([expected_change(rows) for _, rows in table.groupby(PERIOD)])
    found = found.assign(expected=expected)
    inside = found["expected"].between(found["low"], found["high"])
    beyond = (found["relative"] - found["expected"]).mask(inside)
    return Improvement(found.assign(beyond=beyond), summary, refused)


def summarised(table: pd.DataFrame, needed_share: float) -> pd.DataFrame:
    """Return how each comparison went over all units, and why it does not rank, if so."""
    periods = table.groupby(PERIOD, sort=False)
    found = periods.agg(
        base_period=("base_period", "first"),
        units=("relative", "count"),
        assessed=("unit_id", "size"),
        source_id=("source_id", joined),
    )
    few = found["units"] < needed_share * found["assessed"]
    return found.assign(
        slope=[slope(rows["base_value"], rows["value"]) for _, rows in periods],
        correlation=[correlation(rows["base_value"], rows["relative"]) for _, rows in periods],
        reason=np.where(few, "partial", ""),
    ).reset_index()


def status(table: pd.DataFrame, sign: pd.Series) -> pd.Series:
    """Return whether each change is for the better, for the worse, or within rounding."""
    ends = table[["low", "high"]].mul(sign, axis=0)
    verdict = pd.Series("flat", index=table.index)
    verdict = verdict.mask(ends.max(axis=1, skipna=False) < -TOUCHING, "improved")
    verdict = verdict.mask(ends.min(axis=1, skipna=False) > TOUCHING, "worse")
    return verdict.where(table["relative"].notna(), None)


def varies(values: pd.Series) -> bool:
    """Tell whether the values differ; without that there is no line and no correlation."""
    return bool(values.max() > values.min())


def slope(base: pd.Series, value: pd.Series) -> float:
    """Return the slope of the least-squares line of value on base."""
    return float(base.cov(value) / base.var()) if varies(base) else float("nan")


def correlation(one: pd.Series, other: pd.Series) -> float:
    """Return the correlation of two columns."""
    return float(one.corr(other)) if varies(one) and varies(other) else float("nan")


def expected_change(rows: pd.DataFrame) -> pd.Series:
    """Return the change (per cent) that each unit's base alone would lead to expect, in a period.

    The line of value on base is fitted to the other units, so that no unit sets its own
    expectation (leave one out: the residual over one minus the leverage). High bases tend to be
    followed by falls and low ones by rises whatever anybody does (regression to the mean: Galton
    1886; Barnett et al. 2005); weather and real convergence are in the line as well and cannot be
    told apart from it. Missing with too few other units for a line, or with a constant base.
    """
    known = rows[["base_value", "value"]].dropna()
    base, value = known["base_value"], known["value"]
    apart = base - base.mean()
    residual = value - value.mean() - slope(base, value) * apart
    weight = 1 - 1 / max(len(known), 1) - apart**2 / (apart**2).sum()
    alone = (weight < TOUCHING) | (len(known) <= FEWEST_FOR_A_LINE)
    return (100 * ((value - residual / weight) / base - 1)).mask(alone).reindex(rows.index)
