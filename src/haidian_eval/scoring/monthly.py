"""Each indicator alone, period by period: nothing is combined over different months."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd

from haidian_eval.errors import TableError
from haidian_eval.scoring.evaluation import overlapping
from haidian_eval.scoring.framework import Framework, highest_score
from haidian_eval.scoring.normalise import score_leaf
from haidian_eval.scoring.ranking import competition_rank, discrimination, rank_bounds
from haidian_eval.scoring.rules import RELATIVE

PERIOD = ["indicator_id", "period"]
KEY = [*PERIOD, "unit_id"]


@dataclass(frozen=True, slots=True)
class Alone:
    """Indicators scored one by one.

    scores: one row per indicator, period and assessed unit, in administrative order: value,
    half_width, score (unrounded), score_low and score_high (its range under the rounding of the
    value; missing where a score depends on the other units), score_rank (1, 1, 3; missing where
    the indicator cannot rank), level_rank of the printed value with rank_best and rank_worst
    under its rounding, source_id.
    discrimination: one row per indicator and period, see `Discrimination`; rounding: largest error
    of a score that rounding of the values can cause, missing where the rounding is not known.
    """

    scores: pd.DataFrame
    discrimination: pd.DataFrame


def score_alone(
    values: pd.DataFrame, framework: Framework, units: pd.DataFrame, *, full_marks_share: float
) -> Alone:
    """Return the scores of every indicator in every period over the units to be assessed.

    `units`: unit_id and peer_group of these units, one row each, and of no others.
    Indicators without any value that counts have no rows; with none at all, or with values of one
    unit and period in more than one vintage, TableError.
    """
    wanted = values[values["indicator_id"].isin(framework.leaves)]
    twice = wanted[wanted.duplicated(KEY, keep=False)]
    if len(twice):  # which vintage counts is a choice
        row, vintages = twice.iloc[0], sorted(set(twice["vintage"]))
        raise TableError(
            f"{row['indicator_id']}, {row['period']}: {twice['unit_id'].nunique()} units have"
            f" values of the vintages {vintages}; keep one vintage in values.csv"
        )
    table = every_unit(wanted[[*KEY, "value", "half_width", "source_id"]], framework.leaves, units)
    if table.empty:
        raise TableError(
            f"no value of the indicators {framework.leaves} counts in this edition; look at the"
            " rows that the stage 'tables' left out"
        )
    parts = [
        score_period(rows, framework, full_marks_share)
        for _, rows in table.groupby(PERIOD, sort=False)
    ]
    scores = pd.concat([part.scores for part in parts])
    return Alone(scores, pd.concat([part.discrimination for part in parts], ignore_index=True))


def as_named(rows: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return the rows of the named indicators, in the order of the names."""
    named = pd.DataFrame({"indicator_id": [*dict.fromkeys(names)]}, dtype="str")
    return named.merge(rows, on="indicator_id", validate="1:m")


def every_unit(values: pd.DataFrame, names: Sequence[str], units: pd.DataFrame) -> pd.DataFrame:
    """Return a row for every unit, with its value if any, wherever an indicator has a value.

    Order: indicators as named, periods, units as in `units`. values: one vintage of a period.
    """
    periods = as_named(values[PERIOD].drop_duplicates().sort_values("period"), names)
    grid = periods.merge(units[["unit_id", "peer_group"]], how="cross")
    return grid.merge(values, on=KEY, how="left", validate="1:1")


def score_period(table: pd.DataFrame, framework: Framework, full_marks_share: float) -> Alone:
    """Return one indicator's scores in one period, and whether they can rank."""
    key = table[PERIOD].iloc[0].to_dict()
    indicator = key["indicator_id"]
    is_cost = framework.nodes.at[indicator, "direction"] == "cost"
    score = score_series(table["value"], framework, indicator)
    best = highest_score(framework, indicator)
    verdict = discrimination(score, full_marks_share=full_marks_share, full_marks=best)
    known = table[table["value"].notna()]
    if known["half_width"].notna().all() and overlapping(known["value"], known["half_width"]):
        verdict = replace(verdict, reason=verdict.reason or "overlap")
    ranks = competition_rank(score)
    scores = table.assign(
        score=score,
        **score_bounds(table, indicator, framework),
        score_rank=ranks.mask(ranks.notna() & bool(verdict.reason)),
        level_rank=competition_rank(table["value"], ascending=is_cost),
        **rank_bounds(table["value"], table["half_width"], ascending=is_cost),
    )
    errors = pd.concat([scores["score_high"] - score, score - scores["score_low"]])
    known = errors.notna().sum() == 2 * score.count()
    rounding = {"rounding": float(errors.max()) if known else float("nan")}
    return Alone(scores, pd.DataFrame([key | asdict(verdict) | rounding]))


def score_series(x: pd.Series, framework: Framework, indicator: str) -> pd.Series:
    """Return the scores of one indicator; without any value it has none."""
    return pd.Series(score_leaf(x.to_numpy(dtype="float64"), framework.rules[indicator]), x.index)


def score_bounds(table: pd.DataFrame, indicator: str, framework: Framework) -> pd.DataFrame:
    """Return the lowest and highest score of each unit before its value was rounded.

    Rules are monotone between their points, so both ends and the points in between suffice.
    """
    node = framework.nodes.loc[indicator]
    value, half = table["value"], table["half_width"]
    low, high = value - half, value + half
    if node["transform"] == "log":
        low = low.clip(lower=0).replace(0, float("nan"))
    if node["rule"] in RELATIVE or low.isna().all():
        return pd.DataFrame({"score_low": float("nan"), "score_high": float("nan")}, table.index)
    points = framework.points.get(indicator, np.empty((0, 2)))[:, 0]
    between = [low.clip(lower=point).clip(upper=high) for point in points]
    places = [low, value.where(half.notna()), high, *between]
    block = pd.concat([score_series(x, framework, indicator) for x in places], axis=1)
    bounds = {"score_low": block.min(axis=1), "score_high": block.max(axis=1)}
    return pd.DataFrame(bounds).where(block.notna().all(axis=1))
