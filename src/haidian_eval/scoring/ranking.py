"""Ranks: competition ranks, how far rounding alone could move them, and whether to rank at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from haidian_eval.scoring.leaf import FULL_MARKS

TOUCHING = 1e-9  # decimals such as 7.6 + 0.05 and 7.7 - 0.05 differ in their last binary digit
TIES = 10  # decimals up to which two scores are compared
BOUNDS = ("rank_best", "rank_worst")


@dataclass(frozen=True, slots=True)
class Discrimination:
    """Whether an indicator can tell units apart; `reason` is a blank where it can.

    units: number with a score. distinct: number of different scores. full_marks: number at full
    marks. lowest: the lowest score. reason: "" | "no_score" | "one_score" | "full_marks",
    and "overlap" where rounding alone could level every pair.
    """

    units: int
    distinct: int
    full_marks: int
    lowest: float
    reason: str


def competition_rank(score: pd.Series, *, ascending: bool = False, by: Any = None) -> pd.Series:
    """Return ranks 1, 1, 3 on the unrounded score, inside each group; what is missing has none.

    Scores that differ in the eleventh decimal alone differ by the order of adding: they are ties.
    """
    exact = score.astype("float64").round(TIES)
    scores = exact if by is None else exact.groupby(by)
    return scores.rank(method="min", ascending=ascending).astype("Int64")


def surely_ahead(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return, unit x unit, whether the second is below the first whatever rounding did."""
    ahead: np.ndarray = high[None, :] <= low[:, None] + TOUCHING
    np.fill_diagonal(ahead, val=False)
    return ahead


def rank_bounds(
    value: pd.Series, half_width: pd.Series, *, ascending: bool, by: Any = None
) -> pd.DataFrame:
    """Return the best and the worst rank that each unit could have inside its group.

    Every true value lies within `half_width` of the printed one. best = 1 + units surely ahead,
    worst = number ranked - units surely behind. Where the half-width of any value is not known,
    no bounds are: every one of them depends on it.
    """
    if by is not None:
        groups = value.groupby(by).groups.values()
        parts = [rank_bounds(value[own], half_width[own], ascending=ascending) for own in groups]
        return pd.concat(parts).reindex(value.index)
    if (half_width.isna() & value.notna()).any():
        return pd.DataFrame(pd.NA, index=value.index, columns=BOUNDS, dtype="Int64")
    middle, half = value.to_numpy() * (1.0 if ascending else -1.0), half_width.to_numpy()
    ahead = surely_ahead(middle - half, middle + half)
    places = [1 + ahead.sum(axis=1), value.count() - ahead.sum(axis=0)]
    bounds = pd.DataFrame(dict(zip(BOUNDS, places, strict=True)), index=value.index)
    return bounds.astype("Int64").where(value.notna(), pd.NA)


def blurred(value: pd.Series, half_width: pd.Series) -> float:
    """Return the share of the pairs of units that rounding cannot tell apart, if that is known."""
    known = value.notna()
    middle, half = value[known].to_numpy(), half_width[known].to_numpy()
    if len(middle) < 2 or np.isnan(half).any():
        return float("nan")
    ahead = surely_ahead(middle - half, middle + half)
    return float(1 - (ahead | ahead.T)[np.triu_indices(len(middle), 1)].mean())


def discrimination(
    score: pd.Series, *, full_marks_share: float, full_marks: float = FULL_MARKS
) -> Discrimination:
    """Return whether the scores can rank: not when more than the share has `full_marks`.

    A missing `full_marks` says that the rule knows no highest score.
    """
    known = score.dropna()
    full, distinct = int((known >= full_marks).sum()), int(known.nunique())
    reason = "one_score" if distinct < 2 else ""
    if full > full_marks_share * len(known):
        reason = "full_marks"
    if known.empty:
        reason = "no_score"
    return Discrimination(len(known), distinct, full, float(known.min()), reason)
