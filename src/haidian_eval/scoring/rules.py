"""How one indicator's values become scores: fourteen rules, each a function of an array.

A rule takes the values of one indicator, units on the last axis, and the `Leaf` that says what the
table of indicators asks; it returns scores of the same shape. Missing stays missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from haidian_eval.errors import ParameterError
from haidian_eval.scoring.leaf import FULL_MARKS, NO_POINTS, Leaf


def lowest(x: np.ndarray) -> np.ndarray:
    """Return the lowest known value over the units, kept as an axis."""
    return np.fmin.reduce(x, axis=-1, keepdims=True)


def highest(x: np.ndarray) -> np.ndarray:
    """Return the highest known value over the units, kept as an axis."""
    return np.fmax.reduce(x, axis=-1, keepdims=True)


def mean_and_sd(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation (n - 1) of the known values over the units."""
    known = ~np.isnan(x)
    count = known.sum(axis=-1, keepdims=True)
    mean = np.where(known, x, 0).sum(axis=-1, keepdims=True) / np.maximum(count, 1)
    squares = np.where(known, (x - mean) ** 2, 0).sum(axis=-1, keepdims=True)
    return mean, np.sqrt(squares / np.maximum(count - 1, 1))


def ascending_rank(x: np.ndarray) -> np.ndarray:
    """Return ranks 1..n over the last axis, the lowest 1, ties the lower number, missing none."""
    order = np.argsort(x, axis=-1, kind="stable")
    ordered = np.take_along_axis(x, order, axis=-1)
    first = np.ones(x.shape, dtype=bool)
    first[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    places = np.where(first, np.arange(x.shape[-1]), 0)
    ranks = np.empty(x.shape)
    np.put_along_axis(ranks, order, np.maximum.accumulate(places, axis=-1) + 1.0, axis=-1)
    return np.where(np.isnan(x), np.nan, ranks)


def r_identity(x: np.ndarray, leaf: Leaf) -> np.ndarray:
    """Return the value itself, whatever the direction: it is the score."""
    return x


def r_minmax(x: np.ndarray, leaf: Leaf) -> np.ndarray:
    """Return (x - min) / (max - min) on 0-100 or on the range given (OECD 2008, step 5)."""
    low, high = lowest(x), highest(x)
    if not (high > low).all():
        raise leaf.refuse(
            f"needs two different values and all {int((~np.isnan(x)).sum())} are {low.min():g}",
            "choose a rule with fixed ends, such as goalposts",
        )
    share = (x - low) / (high - low)
    start, end = leaf.numbers or (0.0, FULL_MARKS)
    return start + (end - start) * (1 - share if leaf.is_cost else share)


def r_zscore(x: np.ndarray, leaf: Leaf) -> np.ndarray:
    """Return m + s (x - mean) / sd, sd with n - 1; m 0 and s 1 unless given (OECD 2008, step 5)."""
    mean, sd = mean_and_sd(x)
    if not (highest(x) > lowest(x)).all():
        raise leaf.refuse("needs two different values", "choose a rule with fixed ends")
    middle, spread = leaf.numbers or (0.0, 1.0)
    return middle + spread * (-1 if leaf.is_cost else 1) * (x - mean) / sd


def r_goalposts(x: np.ndarray, leaf: Leaf) -> np.ndarray:
    """Return 100 (x - low) / (high - low), clipped to 0-100; a target has 100 at its peak."""
    low, high = leaf.need("low", "high")
    if leaf.direction == "range":
        raise leaf.refuse("cannot serve a range", "choose piecewise and give the points")
    if not high > low:
        raise ParameterError(f"{leaf.name}: low = {low:g} must be below high = {high:g}")
    if leaf.direction == "target":
        (target,) = leaf.need("target")
        if not low < target < high:
            raise leaf.refuse(f"needs low < target < high, and target is {target:g}", "mend it")
        return np.interp(x, [low, target, high], [0, FULL_MARKS, 0])
    share = np.clip((x - low) / (high - low), 0, 1)
    return FULL_MARKS * (1 - share if leaf.is_cost else share)


def r_completion_rate(x: np.ndarray, leaf: Leaf) -> np.ndarray:
    """Return 100 x / target, for a cost 100 target / x, from 0 to the cap, 100 unless given.

    With a challenge value the points above 100 are earned on the way from target to challenge.
    """
    (target,), cap = leaf.need("target"), leaf.ceiling
    if not target > 0:
        raise leaf.refuse(f"needs a target above zero; {target:g} found", "choose goalposts")
    if leaf.is_cost:
        with np.errstate(divide="ignore"):
            rate = np.where(x <= 0, np.inf, target / x) * FULL_MARKS
    else:
        rate = FULL_MARKS * x / target
    easy = leaf.challenge >= target if leaf.is_cost else leaf.challenge <= target
    if np.isfinite(leaf.challenge) and easy:
        raise leaf.refuse("has a challenge value that is easier than its target", "mend them")
    if np.isfinite(leaf.challenge) and cap > FULL_MARKS:
        over = (x - target) / (leaf.challenge - target)
        rate = np.where(rate > FULL_MARKS, FULL_MARKS + (cap - FULL_MARKS) * over, rate)
    return np.clip(rate, 0, cap)


def r_efficacy_coefficient(x: np.ndarray, leaf: Leaf) -> np.ndarray:
    """Return 60 + 40 (x - bad) / (good - bad) (功效系数法), from 0 to the cap, 100 unless given.

    low is the unacceptable value 不允许值, high the satisfactory one 满意值; low may be above high.
    """
    bad, good = leaf.need("low", "high")
    if bad == good:
        raise leaf.refuse("needs two different ends", "mend low and high")
    if leaf.is_cost and bad < good:
        bad, good = good, bad
    return np.clip(60 + 40 * (x - bad) / (good - bad), 0, leaf.ceiling)


def r_piecewise(x: np.ndarray, leaf: Leaf) -> np.ndarray:
    """Return the score on the straight lines through the points, flat beyond both ends."""
    at, score = need_points(leaf)
    return np.where(np.isnan(x), np.nan, np.interp(x, at, score))


def r_step(x: np.ndarray, leaf: Leaf) -> np.ndarray:
    """Return the score of the last point at or below the value; below all, that of the first."""
    at, score = need_points(leaf)
    position = np.searchsorted(at, x, side="right") - 1
    return np.where(np.isnan(x), np.nan, score[position.clip(0, len(at) - 1)])


def need_points(leaf: Leaf) -> np.ndarray:
    """Return places and scores of a rule's points, or say that there are too few."""
    found = 0 if leaf.points is None else len(leaf.points)
    if found < 2:
        raise ParameterError(
            f"{leaf.name}: the rule {leaf.rule!r} needs two points or more in the table points;"
            f" found {found}"
        )
    pairs: np.ndarray = np.asarray(leaf.points, dtype="float64").T
    return pairs


def full_points(leaf: Leaf) -> float:
    """Return full marks of a deduction scheme: high, else cap, else to_high, else 100."""
    known = [at for at in (leaf.high, leaf.cap, leaf.to_high) if np.isfinite(at)]
    return known[0] if known else FULL_MARKS


def r_deduction(x: np.ndarray, leaf: Leaf) -> np.ndarray:
    """Return full marks - count x points, floor 0 (扣分制), on to_low..to_high where high is given.

    The points of one finding stand behind the colon or in a single row of points (else 1); several
    rows of points give the points lost by count, in steps.
    """
    if np.fmin.reduce(x, axis=None, initial=0) < 0:
        raise leaf.refuse(f"needs counts of zero or more; {np.nanmin(x):g} found", "mend the value")
    full, rows = full_points(leaf), NO_POINTS if leaf.points is None else np.asarray(leaf.points)
    if len(rows) > 1:
        steps = np.concatenate([[0.0], rows[:, 1]])
        lost = np.where(np.isnan(x), np.nan, steps[np.searchsorted(rows[:, 0], x, side="right")])
    else:
        lost = x * (leaf.numbers[0] if leaf.numbers else rows[0, 1] if len(rows) else 1.0)
    score = np.maximum(full - lost, 0)
    return FULL_MARKS * score / full if np.isfinite([leaf.high, leaf.to_high]).all() else score


def r_rank(x: np.ndarray, leaf: Leaf) -> np.ndarray:
    """Return ranks 1..n over the units, 1 the worst, ties the lower number."""
    return ascending_rank(-x if leaf.is_cost else x)


def r_percentile_rank(x: np.ndarray, leaf: Leaf) -> np.ndarray:
    """Return 100 (rank - 1) / (n - 1), n the number of units with a value."""
    count = (~np.isnan(x)).sum(axis=-1, keepdims=True)
    if (count == 1).any():
        raise leaf.refuse("needs two units or more", "choose a rule with fixed ends")
    return FULL_MARKS * (r_rank(x, leaf) - 1) / (count - 1)


def r_borda(x: np.ndarray, leaf: Leaf) -> np.ndarray:
    """Return rank - 1: 0 for the worst, n - 1 for the best."""
    return r_rank(x, leaf) - 1


def r_distance_to_target(x: np.ndarray, leaf: Leaf) -> np.ndarray:
    """Return 100 (x - min) / (target - min), for a cost (max - x) / (max - target); 100 at most."""
    (target,), start = leaf.need("target"), highest(x) if leaf.is_cost else lowest(x)
    way = start - target if leaf.is_cost else target - start
    if not (way > 0).all():
        beyond = "below the highest" if leaf.is_cost else "above the lowest"
        raise leaf.refuse(f"needs a target {beyond} value; {target:g} found", "use completion_rate")
    return np.minimum(FULL_MARKS * np.abs(x - start) / way, FULL_MARKS)


def r_fraction_of_max(x: np.ndarray, leaf: Leaf) -> np.ndarray:
    """Return 100 x / max, for a cost 100 min / x (OECD 2008, step 5)."""
    least, most = lowest(x), highest(x)
    if not ((least > 0) | ((least == 0) & (most > 0) & (not leaf.is_cost))).all():
        raise leaf.refuse(f"needs values above zero; {least.min():g} found", "choose goalposts")
    return FULL_MARKS * (least / x if leaf.is_cost else x / most)


Rule = Callable[[np.ndarray, Leaf], np.ndarray]
RULES: Mapping[str, Rule] = {
    "identity": r_identity,
    "minmax": r_minmax,
    "zscore": r_zscore,
    "goalposts": r_goalposts,
    "completion_rate": r_completion_rate,
    "efficacy_coefficient": r_efficacy_coefficient,
    "piecewise": r_piecewise,
    "step": r_step,
    "deduction": r_deduction,
    "rank": r_rank,
    "percentile_rank": r_percentile_rank,
    "borda": r_borda,
    "distance_to_target": r_distance_to_target,
    "fraction_of_max": r_fraction_of_max,
}
NUMBERS = {"minmax": 2, "zscore": 2, "deduction": 1}  # how many may stand behind the colon
BY_DISTANCE = frozenset({"minmax", "zscore", "rank", "percentile_rank", "borda"})
RELATIVE = BY_DISTANCE | {"distance_to_target", "fraction_of_max"}  # one score hangs on the others
AS_IT_IS = frozenset({"identity", "zscore", "rank", "borda"})  # without the range 0-100
POINTED = frozenset({"piecewise", "step"})
