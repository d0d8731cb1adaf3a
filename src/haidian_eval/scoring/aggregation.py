"""How children's scores become their parent's, for one set of weights or for many at once.

Scores of a node have the shape (1, units) or, where they differ from draw to draw, (draws, units);
weights have the shape (1, children) or (draws, children). A missing score leaves its weight to its
siblings. Arithmetic, geometric, harmonic and generalised means are arithmetic means of transformed
scores, so that one routine serves all of them: a matrix product where no score differs by draw.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from haidian_eval.errors import ParameterError
from haidian_eval.scoring.leaf import parse_choice

Children = Sequence[np.ndarray]


def linear_mean(children: Children, weights: np.ndarray) -> np.ndarray:
    """Return the weighted arithmetic mean of the known scores; missing where there is none."""
    if all(len(child) == 1 for child in children):
        block = np.concatenate(children)
        known = ~np.isnan(block)
        top = weights @ np.where(known, block, 0.0)
        total = weights.sum(axis=1, keepdims=True) if known.all() else weights @ known.astype(float)
    else:
        top, total = np.zeros((1, 1)), np.zeros((1, 1))
        for child, weight in zip(children, weights.T[:, :, None], strict=True):
            missing = np.isnan(child)
            if missing.any():
                child, weight = np.where(missing, 0.0, child), np.where(missing, 0.0, weight)
            top, total = top + weight * child, total + weight
    with np.errstate(invalid="ignore"):
        mean: np.ndarray = np.where(total > 0, top, np.nan) / total
    return mean


def a_arithmetic(children: Children, weights: np.ndarray, numbers: tuple[float, ...]) -> np.ndarray:
    """Return sum(w s) / sum(w); a weak child can be made up for (OECD 2008, step 6)."""
    return linear_mean(children, weights)


def a_geometric(children: Children, weights: np.ndarray, numbers: tuple[float, ...]) -> np.ndarray:
    """Return exp(sum(w ln s) / sum(w)); a weak child cannot be bought off (OECD 2008, step 6)."""
    need_positive(children, "geometric")
    return np.exp(linear_mean([np.log(child) for child in children], weights))


def a_harmonic(children: Children, weights: np.ndarray, numbers: tuple[float, ...]) -> np.ndarray:
    """Return sum(w) / sum(w / s), harder on a weak child than the geometric mean."""
    need_positive(children, "harmonic")
    return 1 / linear_mean([1 / child for child in children], weights)


def a_generalised(
    children: Children, weights: np.ndarray, numbers: tuple[float, ...]
) -> np.ndarray:
    """Return (sum(w s^p) / sum(w))^(1/p); p 1 arithmetic, 0 geometric, -1 harmonic."""
    power = numbers[0] if numbers else 1.0
    if power == 0:
        return a_geometric(children, weights, ())
    need_positive(children, "generalised", allowed=0.0 if power > 0 else None)
    return linear_mean([child**power for child in children], weights) ** (1 / power)


def a_minimum(children: Children, weights: np.ndarray, numbers: tuple[float, ...]) -> np.ndarray:
    """Return the lowest score of the children that have a weight (短板)."""
    lowest = np.full((1, 1), np.nan)
    for child, weight in zip(children, weights.T[:, :, None], strict=True):
        lowest = np.fmin(lowest, np.where(weight > 0, child, np.nan))
    return lowest


def a_mazziotta_pareto(
    children: Children, weights: np.ndarray, numbers: tuple[float, ...]
) -> np.ndarray:
    """Return M - S^2 / M, the mean less a penalty for imbalance (Mazziotta and Pareto 2013).

    M and S are the weighted mean and standard deviation (n) of the unit's children.
    """
    mean = linear_mean(children, weights)
    if np.fmin.reduce(mean, axis=None, initial=np.inf) <= 0:
        raise ParameterError(
            f"mazziotta_pareto aggregation needs means above zero, and one is {np.nanmin(mean):g};"
            " choose another aggregation or a rule that stays above zero"
        )
    square = linear_mean([child**2 for child in children], weights)
    return 2 * mean - square / mean


def need_positive(children: Children, name: str, *, allowed: float | None = None) -> None:
    """Refuse scores that a mean cannot take; `allowed` is a limit that may be reached."""
    lowest = min(np.fmin.reduce(child, axis=None, initial=np.inf) for child in children)
    if lowest < 0 or (allowed is None and lowest <= 0):
        above = "above zero" if allowed is None else "of zero or more"
        raise ParameterError(
            f"{name} aggregation needs scores {above}, and one is {lowest:g};"
            " choose another aggregation or a rule that stays above zero"
        )


Aggregator = Callable[[Children, np.ndarray, tuple[float, ...]], np.ndarray]
AGGREGATORS: Mapping[str, Aggregator] = {
    "arithmetic": a_arithmetic,
    "geometric": a_geometric,
    "harmonic": a_harmonic,
    "generalised": a_generalised,
    "minimum": a_minimum,
    "mazziotta_pareto": a_mazziotta_pareto,
}


def aggregate(
    children: Children, weights: np.ndarray, choice: str, strict: Sequence[bool], name: str
) -> np.ndarray:
    """Return a parent's scores; a missing child marked `strict` makes its parent missing.

    Children without any weight do not enter, whatever their scores.
    """
    enters = [bool(own) for own in (weights > 0).any(axis=0)]
    used = [child for child, own in zip(children, enters, strict=True) if own]
    method, numbers = parse_choice(choice)
    try:
        score = AGGREGATORS[method](used, weights[:, enters], numbers)
    except ParameterError as error:
        raise ParameterError(f"{name}: {error}") from None
    for child, own, halts in zip(children, enters, strict, strict=True):
        if own and halts and np.isnan(child).any():
            score = np.where(np.isnan(child), np.nan, score)
    return score
