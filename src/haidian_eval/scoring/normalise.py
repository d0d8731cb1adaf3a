"""One indicator's way from value to score: transform, direction, rule, range, cap."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from haidian_eval.errors import ParameterError
from haidian_eval.scoring.leaf import FULL_MARKS, Leaf
from haidian_eval.scoring.rules import AS_IT_IS, BY_DISTANCE, POINTED, RULES, full_points


def transformed(x: np.ndarray, leaf: Leaf) -> tuple[np.ndarray, Leaf]:
    """Return values and ends as the rule reads them: their logarithms where the table asks.

    Ends stand in the unit of the values; ends written as the exact logarithms of round numbers
    (4.605170185988092 for 100) are taken as they stand.
    """
    if leaf.transform == "none":
        return x, leaf
    if np.fmin.reduce(x, axis=None, initial=np.inf) <= 0:
        fault = f"{leaf.name}: the logarithm needs values above zero; {np.nanmin(x):g} found"
        raise ParameterError(fault)
    ends = np.array([leaf.low, leaf.high, leaf.target, leaf.challenge])
    given = ends[np.isfinite(ends)]
    if is_logarithm(given).any() and (is_logarithm(given) | (given == 0)).all():
        return np.log(x), leaf
    if (given <= 0).any():
        raise ParameterError(f"{leaf.name}: low, high and target of a logarithm are above zero")
    low, high, target, challenge = np.log(ends)
    return np.log(x), replace(leaf, low=low, high=high, target=target, challenge=challenge)


def is_logarithm(ends: np.ndarray) -> np.ndarray:
    """Return which are exact logarithms of numbers up to 1e8 with at most three decimals."""
    back = np.exp(np.minimum(ends, 50))
    exact = np.abs(back - np.round(back, 3)) <= 1e-12 * back
    return exact & (back < 1e8) & (np.round(ends, 4) != ends)


def oriented(x: np.ndarray, leaf: Leaf) -> tuple[np.ndarray, Leaf]:
    """Return the distance from the target or from the good band, a cost, where that is asked."""
    if leaf.direction == "range" and leaf.rule in BY_DISTANCE:
        low, high = leaf.need("low", "high")
        return np.maximum(np.maximum(low - x, x - high), 0), replace(leaf, direction="cost")
    if leaf.direction == "target" and leaf.rule in BY_DISTANCE:
        return np.abs(x - leaf.need("target")[0]), replace(leaf, direction="cost")
    free = POINTED | {"identity", "deduction", "goalposts"}
    if leaf.direction == "range" and leaf.rule not in free:
        raise leaf.refuse("cannot serve a range", "choose minmax, or piecewise with points")
    if leaf.direction == "target" and leaf.rule not in free | {"completion_rate"}:
        raise leaf.refuse("cannot serve a target", "choose goalposts or completion_rate")
    return x, leaf


def score_leaf(x: np.ndarray, leaf: Leaf) -> np.ndarray:
    """Return the scores of one indicator: transform, direction, rule, range, cap."""
    if np.isnan(x).all():
        return np.full(x.shape, np.nan)
    score = RULES[leaf.rule](*oriented(*transformed(x, leaf)))
    ranged = leaf.rule not in AS_IT_IS and not (leaf.rule == "minmax" and leaf.numbers)
    if leaf.rule == "deduction":
        ranged = bool(np.isfinite(leaf.high))
    if ranged and (np.isfinite(leaf.to_low) or np.isfinite(leaf.to_high)):
        low, high = np.nan_to_num(leaf.to_low), np.nan_to_num(leaf.to_high, nan=FULL_MARKS)
        score = low + (high - low) * score / FULL_MARKS
    own_cap = leaf.rule in ("completion_rate", "efficacy_coefficient")
    return score if np.isnan(leaf.cap) or own_cap else np.minimum(score, leaf.cap)


def best_score(leaf: Leaf) -> float:
    """Return full marks of a leaf; missing where its rule has none."""
    if leaf.rule in AS_IT_IS:
        return leaf.cap if leaf.rule == "identity" else float("nan")
    full = FULL_MARKS
    if leaf.rule in POINTED and leaf.points is not None and len(leaf.points):
        full = float(np.asarray(leaf.points)[:, 1].max())
    elif leaf.rule == "minmax" and leaf.numbers:
        return leaf.numbers[1]
    elif leaf.rule == "deduction" and not np.isfinite([leaf.high, leaf.to_high]).all():
        return full_points(leaf)
    elif leaf.rule in ("completion_rate", "efficacy_coefficient"):
        full = min(FULL_MARKS, leaf.ceiling)
    low, high = np.nan_to_num(leaf.to_low), np.nan_to_num(leaf.to_high, nan=FULL_MARKS)
    full = low + (high - low) * full / FULL_MARKS
    return full if np.isnan(leaf.cap) else min(full, leaf.cap)
