"""How one indicator's values become scores, and how children's scores become their parent's."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError

FULL_MARKS = 100.0


def oriented(x: pd.Series, node: pd.Series, low: float, high: float) -> pd.Series:
    """Return 100 (x - low) / (high - low), turned round for a cost indicator."""
    if not high > low:
        raise ParameterError(f"{node.name}: low = {low:g} must be below high = {high:g}")
    share = (x - low) / (high - low)
    return FULL_MARKS * (1 - share if node["direction"] == "cost" else share)


def r_identity(x: pd.Series, node: pd.Series, points: np.ndarray | None) -> pd.Series:
    """Return the value itself."""
    return x


def r_minmax(x: pd.Series, node: pd.Series, points: np.ndarray | None) -> pd.Series:
    """Return 100 (x - min) / (max - min) over the units, 0 best for costs (OECD 2008, step 5)."""
    if x.nunique() < 2:
        raise ParameterError(
            f"{node.name}: minmax needs two different values and all {x.count()} are"
            f" {x.min():g}; choose a rule with fixed ends, such as goalposts"
        )
    return oriented(x, node, x.min(), x.max())


def r_goalposts(x: pd.Series, node: pd.Series, points: np.ndarray | None) -> pd.Series:
    """Return 100 (x - low) / (high - low), clipped to 0-100, with the ends of the table."""
    if pd.isna(node["low"]) or pd.isna(node["high"]):
        raise ParameterError(
            f"{node.name}: goalposts needs low and high in the table of indicators"
        )
    return oriented(x, node, node["low"], node["high"]).clip(0, FULL_MARKS)


def r_piecewise(x: pd.Series, node: pd.Series, points: np.ndarray | None) -> pd.Series:
    """Return the score on the straight lines through the points, flat beyond both ends."""
    at, score = need_points(node, points).T
    return pd.Series(np.interp(x, at, score), index=x.index).where(x.notna())


def r_step(x: pd.Series, node: pd.Series, points: np.ndarray | None) -> pd.Series:
    """Return the score of the last point at or below the value; below all, that of the first."""
    at, score = need_points(node, points).T
    position = np.searchsorted(at, x, side="right") - 1
    return pd.Series(score[position.clip(0, len(at) - 1)], index=x.index).where(x.notna())


def need_points(node: pd.Series, points: np.ndarray | None) -> np.ndarray:
    """Return the points of a rule, or say that there are too few."""
    found = 0 if points is None else len(points)
    if points is None or found < 2:
        raise ParameterError(
            f"{node.name}: the rule {node['rule']!r} needs two points or more in the table points;"
            f" found {found}"
        )
    return points


def weighted(scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return weights, unit x child, shared out again over the children that have a score."""
    present = np.where(np.isnan(scores), 0.0, weights)
    total = present.sum(axis=1, keepdims=True)
    shares: np.ndarray = np.divide(present, total, out=np.zeros_like(present), where=total > 0)
    return shares


def a_arithmetic(scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted arithmetic mean; a weak child can be made up for (OECD 2008, step 6)."""
    shares = weighted(scores, weights)
    mean = np.nansum(np.where(shares > 0, scores, 0.0) * shares, axis=1)
    return np.where(shares.sum(axis=1) > 0, mean, np.nan)


def a_geometric(scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted geometric mean; a weak child cannot be bought off (OECD 2008, step 6)."""
    if np.nanmin(scores, initial=np.inf) <= 0:
        raise ParameterError(
            "geometric aggregation needs scores above zero, and one is"
            f" {np.nanmin(scores):g}; choose another aggregation or a rule that stays above zero"
        )
    mean: np.ndarray = np.exp(a_arithmetic(np.log(scores), weights))
    return mean


Rule = Callable[[pd.Series, pd.Series, np.ndarray | None], pd.Series]
RULES: Mapping[str, Rule] = {
    "identity": r_identity,
    "minmax": r_minmax,
    "goalposts": r_goalposts,
    "piecewise": r_piecewise,
    "step": r_step,
}
AGGREGATORS: Mapping[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "arithmetic": a_arithmetic,
    "geometric": a_geometric,
}
RELATIVE = frozenset({"minmax"})  # rules whose score of one unit depends on the others
MISSING = ("reweight", "propagate")
