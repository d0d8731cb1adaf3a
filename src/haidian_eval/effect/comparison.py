"""One comparison of treated units with others over two periods, with or without covariates.

Each function takes changes in the outcome (n), who is treated (n, bool) and covariates with a
column of ones (n x k), and returns the effect on the treated and the influence of each unit on it
(n; the mean of its squares over n is the variance). Sant'Anna and Zhao 2020, Journal of
Econometrics 219, equations 2.1-2.6 and their asymptotic linear representations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

STEPS = 50  # Newton steps of the propensity score, after which it does not exist
CLOSE = 1e-10
HIGHEST = 1 - 1e-6  # of a propensity score


@dataclass(frozen=True, slots=True)
class Compared:
    """The effect on the treated and the influence of each unit (n)."""

    value: float
    influence: np.ndarray


UNKNOWN = float("nan")


def plain(change: np.ndarray, treated: np.ndarray) -> Compared:
    """Return the difference of mean changes, without covariates."""
    n, own, other = len(change), change[treated], change[~treated]
    influence = np.empty(n)
    influence[treated] = (own - own.mean()) * (n / len(own))
    influence[~treated] = -(other - other.mean()) * (n / len(other))
    return Compared(float(own.mean() - other.mean()), influence)


def outcome_model(
    change: np.ndarray, treated: np.ndarray, x: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return what untreated units would lead one to expect, and their influence on its slopes."""
    control = ~treated
    cross = x[control].T @ x[control] / len(x)
    if np.linalg.matrix_rank(cross) < x.shape[1]:
        raise np.linalg.LinAlgError
    inverse = np.linalg.inv(cross)
    slopes = inverse @ (x[control].T @ change[control]) / len(x)
    expected = x @ slopes
    return expected, (x * (control * (change - expected))[:, None]) @ inverse


def propensity(treated: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the probability of treatment by a logit, and each unit's influence on its slopes."""
    slopes = np.zeros(x.shape[1])
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-np.clip(x @ slopes, -500, 500)))
        information = (x * (chance * (1 - chance))[:, None]).T @ x
        step = np.linalg.solve(information, x.T @ (treated - chance))
        slopes = slopes + step
        if np.abs(step).max() < CLOSE * (1 + np.abs(slopes).max()):
            chance = 1 / (1 + np.exp(-(x @ slopes)))
            inverse = np.linalg.inv((x * (chance * (1 - chance))[:, None]).T @ x) * len(x)
            return np.minimum(chance, HIGHEST), (x * (treated - chance)[:, None]) @ inverse
    raise np.linalg.LinAlgError


def by_regression(change: np.ndarray, treated: np.ndarray, x: np.ndarray) -> Compared:
    """Return the effect by a model of the outcome of untreated units."""
    expected, slopes = outcome_model(change, treated, x)
    share = treated.mean()
    value = (treated * (change - expected)).mean() / share
    own = treated * (change - expected - value)
    return Compared(float(value), (own - slopes @ (treated[:, None] * x).mean(axis=0)) / share)


def by_weights(change: np.ndarray, treated: np.ndarray, x: np.ndarray) -> Compared:
    """Return the effect by weights from the propensity score, normalised."""
    chance, slopes = propensity(treated, x)
    weight, share = ~treated * chance / (1 - chance), treated.mean()
    own, other = (treated * change).mean() / share, (weight * change).mean() / weight.mean()
    moved = (weight * (change - other))[:, None] * x
    control = (weight * (change - other) + slopes @ moved.mean(axis=0)) / weight.mean()
    return Compared(float(own - other), treated * (change - own) / share - control)


def doubly_robust(change: np.ndarray, treated: np.ndarray, x: np.ndarray) -> Compared:
    """Return the effect by both models: right where either of them is."""
    expected, of_outcome = outcome_model(change, treated, x)
    chance, of_chance = propensity(treated, x)
    left, weight, share = change - expected, ~treated * chance / (1 - chance), treated.mean()
    own, other = (treated * left).mean() / share, (weight * left).mean() / weight.mean()
    treated_part = treated * (left - own) - of_outcome @ (treated[:, None] * x).mean(axis=0)
    moved = ((weight * (left - other))[:, None] * x).mean(axis=0)
    control_part = weight * (left - other) + of_chance @ moved
    control_part -= of_outcome @ (weight[:, None] * x).mean(axis=0)
    return Compared(float(own - other), treated_part / share - control_part / weight.mean())


METHODS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], Compared]] = {
    "dr": doubly_robust,
    "reg": by_regression,
    "ipw": by_weights,
}


def compare(change: np.ndarray, treated: np.ndarray, x: np.ndarray | None, method: str) -> Compared:
    """Return one comparison; where covariates leave nothing to compare with, nothing is known."""
    if x is None:
        return plain(change, treated)
    try:
        return METHODS[method](change, treated, x)
    except np.linalg.LinAlgError:
        return Compared(UNKNOWN, np.full(len(change), UNKNOWN))
