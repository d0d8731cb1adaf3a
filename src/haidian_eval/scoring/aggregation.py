"""How children's scores become their parent's, for one set of weights or for many at once.

Scores of a node have the shape (1, units) or, where they differ from draw to draw, (draws, units);
weights have the shape (1, children) or (draws, children). A missing score leaves its weight to its
siblings. Arithmetic, geometric, harmonic and generalised means are arithmetic means of transformed
scores, so that one routine serves all of them: a matrix product where no score differs by draw.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from haidian_eval.errors import ParameterError
from haidian_eval.scoring.leaf import FULL_MARKS, parse_choice

Children = Sequence[np.ndarray]
BASE = "base_score"  # the root before added and deducted points, among the scores of the nodes


def linear_mean(children: Children, weights: np.ndarray) -> np.ndarray:
    """Return the weighted arithmetic mean of the known scores; missing where there is none."""
    if all(len(child) == 1 for child in children):
        block = np.concatenate(children)
        known = ~np.isnan(block)
        top, total = weights @ np.where(known, block, 0.0), weights.sum(axis=1, keepdims=True)
        if (gaps := ~known.all(axis=0)).any():
            total = np.repeat(total, block.shape[1], axis=1)
            total[:, gaps] = weights @ known[:, gaps].astype("float64")
    else:
        top, total = np.zeros((1, 1)), np.zeros((1, 1))
        for child, weight in zip(children, weights.T[:, :, None], strict=True):
            missing = np.isnan(child)
            if missing.any():
                child, weight = np.where(missing, 0.0, child), np.where(missing, 0.0, weight)
            top, total = top + weight * child, total + weight
    with np.errstate(invalid="ignore"):
        return top / total


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
    if power in (0, 1):
        return (a_arithmetic if power else a_geometric)(children, weights, ())
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
    variance = linear_mean([child**2 for child in children], weights) - mean**2
    spread = np.where(variance > 1e-12 * mean**2, variance, 0.0)
    if ((mean <= 0) & (spread > 0)).any() or (mean < 0).any():
        raise ParameterError(
            f"mazziotta_pareto aggregation needs means above zero, and one is {np.nanmin(mean):g};"
            " choose another aggregation or a rule that stays above zero"
        )
    return mean - np.divide(spread, mean, out=np.zeros_like(mean), where=mean > 0)


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


@dataclass(frozen=True, slots=True)
class Family:
    """A parent, its children and their places among the weights, its mean, which children halt it.

    A missing child that halts makes its parent missing; others leave their weight to the rest.
    """

    name: str
    children: tuple[str, ...]
    places: np.ndarray
    choice: str
    halts: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Tree:
    """Families from the leaves up, and the nodes whose points are added (1) or taken off (-1)."""

    root: str
    families: tuple[Family, ...]
    extras: tuple[tuple[str, int, float], ...]


def aggregate(family: Family, scores: Mapping[str, np.ndarray], weights: np.ndarray) -> np.ndarray:
    """Return a parent's scores; children without any weight do not enter, whatever their scores.

    Where none has any, as without its only indicator, the parent is missing.
    """
    own = weights[:, family.places]
    if parse_choice(family.choice)[0] != "arithmetic" and ((own > 0) != (own[:1] > 0)).any():
        return by_pattern(family, scores, weights)
    enters = [bool(column.any()) for column in (own > 0).T]
    used = [scores[child] for child, is_in in zip(family.children, enters, strict=True) if is_in]
    if not used:
        return np.full_like(scores[family.children[0]], np.nan)
    method, numbers = parse_choice(family.choice)
    try:
        score = AGGREGATORS[method](used, own if all(enters) else own[:, enters], numbers)
    except ParameterError as error:
        raise ParameterError(f"{family.name}: {error}") from None
    for at, (child, halts) in enumerate(zip(family.children, family.halts, strict=True)):
        if halts and (gone := np.isnan(scores[child]) & (own[:, at, None] > 0)).any():
            score = np.where(gone, np.nan, score)
    return score


def by_pattern(family: Family, scores: Mapping[str, np.ndarray], weights: np.ndarray) -> np.ndarray:
    """Return a parent's scores where other children have a weight in one draw than in another."""
    patterns, which = np.unique(weights[:, family.places] > 0, axis=0, return_inverse=True)
    units = np.broadcast_shapes(*(scores[child].shape for child in family.children))[1]
    found = np.empty((len(weights), units))
    for at in range(len(patterns)):
        rows = np.flatnonzero(which.ravel() == at)
        part = {c: scores[c] if len(scores[c]) == 1 else scores[c][rows] for c in family.children}
        found[rows] = aggregate(family, part, weights[rows])
    return found


def score_nodes(
    leaves: Mapping[str, np.ndarray], tree: Tree, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """Return node -> scores from the leaves up, the root with its extra points, and `BASE`.

    Scores have the shape (1, units) or (draws, units), weights (1, nodes) or (draws, nodes).
    """
    scores = dict(leaves)
    for family in tree.families:
        scores[family.name] = aggregate(family, scores, weights)
    scores[BASE] = index = scores[tree.root]
    for node, place, sign in tree.extras:
        points = sign * weights[:, place, None] / FULL_MARKS
        index = index + points * np.nan_to_num(scores[node])
    return scores | {tree.root: index}
