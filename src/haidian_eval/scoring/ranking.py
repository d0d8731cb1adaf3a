"""Ranks: competition ranks, how far rounding alone could move them, and whether to rank at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from haidian_eval.scoring.rules import FULL_MARKS

TOUCHING = 1e-9  # decimals such as 7.6 + 0.05 and 7.7 - 0.05 differ in their last binary digit


@dataclass(frozen=True, slots=True)
class Discrimination:
    """Whether an indicator can tell units apart; `reason` is a blank where it can.

    units: number with a score. distinct: number of different scores. full_marks: number at full
    marks. lowest: the lowest score. reason: "" | "no_score" | "one_score" | "full_marks".
    """

    units: int
    distinct: int
    full_marks: int
    lowest: float
    reason: str


def competition_rank(score: pd.Series, *, ascending: bool = False) -> pd.Series:
    """Return ranks 1, 1, 3 on the unrounded score; what is missing has none."""
    return score.rank(method="min", ascending=ascending).astype("Int64")


def rank_bounds(value: pd.Series, half_width: pd.Series, *, ascending: bool) -> pd.DataFrame:
    """Return the best and the worst rank that each unit could have.

    Every true value lies within `half_width` of the printed one. best = 1 + units surely ahead,
    worst = number ranked - units surely behind. Where the half-width of any value is not known,
    no bounds are: every one of them depends on it.
    """
    if (half_width.isna() & value.notna()).any():
        empty = pd.array([pd.NA] * len(value), dtype="Int64")
        return pd.DataFrame({"rank_best": empty, "rank_worst": empty}, index=value.index)
    sign = 1.0 if ascending else -1.0
    half = half_width.to_numpy()
    low, high = sign * value.to_numpy() - half, sign * value.to_numpy() + half
    surely_ahead = high[None, :] <= low[:, None] + TOUCHING
    surely_behind = low[None, :] >= high[:, None] - TOUCHING
    itself = np.eye(len(value), dtype=bool)
    best = 1 + (surely_ahead & ~itself).sum(axis=1)
    worst = value.count() - (surely_behind & ~itself).sum(axis=1)
    bounds = pd.DataFrame({"rank_best": best, "rank_worst": worst}, index=value.index)
    return bounds.astype("Int64").where(value.notna(), pd.NA)


def discrimination(
    score: pd.Series, *, full_marks_share: float, full_marks: float = FULL_MARKS
) -> Discrimination:
    """Return whether the scores can rank: not when more than the share has `full_marks`.

    A missing `full_marks` says that the rule knows no highest score.
    """
    known = score.dropna()
    full = int((known >= full_marks).sum())
    if known.empty:
        reason = "no_score"
    elif full > full_marks_share * len(known):
        reason = "full_marks"
    elif known.nunique() < 2:
        reason = "one_score"
    else:
        reason = ""
    lowest = float(known.min()) if len(known) else float("nan")
    return Discrimination(len(known), int(known.nunique()), full, lowest, reason)
