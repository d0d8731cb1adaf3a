"""Do the questions of a scale measure one thing: alpha (Cronbach 1951), omega (McDonald 1999)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.special import expit, fdtri, logit, ndtri

from haidian_eval.errors import ParameterError, TableError, not_known

SMALLEST = 0.005  # share of its variance that an item keeps for itself, at least
TINY = 1e-12  # an omega of nothing
Missing = Literal["listwise", "pairwise"]


@dataclass(frozen=True, slots=True)
class Reliability:
    """The share of the variance of a sum of items that they have in common; also a float.

    n: respondents (pairwise: fewest behind a pair of items). if_dropped: by item, without it.
    negative: items that run against the others; none is turned round. rule: in words.
    """

    value: float
    low: float
    high: float
    n: int
    items: int
    if_dropped: pd.Series = field(repr=False)
    negative: tuple[str, ...]
    rule: str

    def __float__(self) -> float:
        return self.value


@dataclass(frozen=True, slots=True)
class Moments:
    """Weighted covariances (divisor n - 1) of pairs of columns (k, k), each from all rows it has.

    values, known: rows x columns, 0 where missing. mean[a, b]: of a where b is known too.
    """

    values: np.ndarray
    known: np.ndarray
    weights: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray
    n: np.ndarray

    def influence(self, at: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """Return what weight in a row does to the covariances of pairs `at` (rows, pairs)."""
        a, b = at
        both = self.known[:, a] & self.known[:, b]
        product = (self.values[:, a] - self.mean[a, b]) * (self.values[:, b] - self.mean[b, a])
        factor = (self.n / (self.n - 1))[at]
        return both * (product * factor - self.covariance[at]) / (self.weights @ both)


def alpha(
    items: pd.DataFrame, weights: Any = None, *, missing: Missing = "listwise", level: float = 0.95
) -> Reliability:
    """Return Cronbach's alpha, k/(k-1) (1 - sum of item variances / variance of the sum).

    items: respondent x item. weights: by respondent, as R's svycralpha. Feldt's (1965) interval,
    which knows no clusters; with weights for Kish's effective n. Raises ParameterError for fewer
    than two items or three respondents, TableError for answers that are no numbers.
    """
    moments = moments_of(answers(items, items.columns), weights, missing)
    w, k, value = moments.weights, items.shape[1], cronbach(moments.covariance)
    n = moments.n.min() * w.sum() ** 2 / (w**2).sum() / (w > 0).sum()
    tails = np.array([(1 + level) / 2, (1 - level) / 2])
    ends = 1 - (1 - value) * fdtri(n - 1, (n - 1) * (k - 1), tails)
    return reported(moments, items, cronbach, (value, *ends), f"{missing}; Feldt, n = {n:.0f}")


def omega(
    items: pd.DataFrame, weights: Any = None, *, missing: Missing = "listwise", level: float = 0.95
) -> Reliability:
    """Return McDonald's omega, l^2 / (l^2 + u): l the sum of loadings, u of unique variances.

    One factor by maximum likelihood, in the unit of the answers. Delta-method interval on the logit
    scale, for independent rows, normal or not. Raises as `alpha`, and ParameterError for fewer than
    three items or an item that all answer alike.
    """
    moments = moments_of(answers(items, items.columns), weights, missing)
    still = list(items.columns[np.diag(moments.covariance) <= 0])
    if still or items.shape[1] < 3:
        raise ParameterError(
            f"{items.shape[1]} items, all answer {still} alike: three that vary are needed"
        )
    value, (loadings, unique) = mcdonald(moments.covariance), one_factor(moments.covariance)
    at, slopes = np.triu_indices(len(unique)), omega_slopes(loadings, unique)
    influence = moments.influence(at) @ (2 * slopes - np.diag(np.diag(slopes)))[at]
    se = float(np.linalg.norm(moments.weights * influence))
    half = ndtri((1 + level) / 2) * se / max(value * (1 - value), TINY)
    ends = expit(logit(value) + np.array([-half, half])) if value > TINY else (np.nan, np.nan)
    improper = list(items.columns[unique < 1.01 * SMALLEST * np.diag(moments.covariance)])
    rule = f"{missing}; one factor, maximum likelihood, delta method"
    rule += f"; improper, {improper} keep nothing for themselves" if improper else ""
    return reported(moments, items, mcdonald, (value, *ends), rule)


def reported(
    moments: Moments, items: pd.DataFrame, method: Callable[[np.ndarray], float],
    found: tuple[float, ...], rule: str,
) -> Reliability:  # fmt: skip
    """Return the result with what each item does to it."""
    whole, k, fewest = moments.covariance, items.shape[1], 2 if method is cronbach else 3
    dropped = [
        method(np.delete(np.delete(whole, at, 0), at, 1)) if k > fewest else np.nan
        for at in range(k)
    ]
    scale = np.sqrt(np.where(np.diag(whole) > 0, np.diag(whole), 1))
    first = np.linalg.eigh(whole / np.outer(scale, scale))[1][:, -1]
    negative = items.columns[first * np.sign(first.sum()) < -1e-9].astype(str)
    value, low, high = map(float, found)
    return Reliability(value, low, high, int(moments.n.min()), k,
                       pd.Series(dropped, items.columns), tuple(negative), rule)  # fmt: skip


def answers(frame: pd.DataFrame, columns: Any) -> pd.DataFrame:
    """Return columns as finite floats; missing stays missing."""
    names = list(columns)
    for at, name in enumerate(names):
        if name not in frame.columns:
            raise ParameterError(not_known(f"column {name!r}", name, frame.columns))
        if name in names[:at]:
            raise ParameterError(f"{name!r} stands twice; name each column once")
    try:
        found = frame[names].astype("float64")
    except (TypeError, ValueError):
        words = [n for n in names if not pd.api.types.is_numeric_dtype(frame[n])]
        raise TableError(f"{words} hold words; code the answers as numbers first") from None
    if len(endless := found.columns[np.isinf(found).any()]):
        raise TableError(f"{list(endless)} hold infinite values; correct them")
    return found


def moments_of(found: pd.DataFrame, weights: Any, missing: str) -> Moments:
    """Return weighted moments of the rows that a rule for gaps leaves."""
    if missing not in ("listwise", "pairwise"):
        raise ParameterError(not_known(f"missing={missing!r}", missing, ("listwise", "pairwise")))
    if found.shape[1] < 2:
        raise ParameterError(f"{list(found.columns)}: at least 2 columns are needed")
    w = checked(weights, found.index)
    known = found.notna().to_numpy() & (w > 0)[:, None]
    if missing == "listwise":
        known &= known.all(axis=1, keepdims=True)
    n = known.T.astype("float64") @ known
    if n.min() < 3:
        pair = [found.columns[at] for at in np.unravel_index(n.argmin(), n.shape)]
        raise ParameterError(f"{pair}: {n.min():.0f} answer both ({missing}); 3 are the fewest")
    values = np.where(known, found - found.mean(), 0.0)
    weighted, total = values * w[:, None], (known * w[:, None]).T @ known
    mean = weighted.T @ known / total
    covariance = (weighted.T @ values / total - mean * mean.T) * n / (n - 1)
    return Moments(values, known, w, mean, covariance, n)


def checked(weights: Any, index: pd.Index) -> np.ndarray:
    """Return weights by row; a Series is aligned by label."""
    if weights is None:
        return np.ones(len(index))
    own = weights.reindex(index) if isinstance(weights, pd.Series) else weights
    found = np.asarray(own, dtype="float64")
    if found.shape != (len(index),) or not (found >= 0).all() or not 0 < found.sum() < np.inf:
        raise ParameterError("weights: one for each respondent is needed, none missing or below 0")
    return found


def cronbach(covariance: np.ndarray) -> float:
    """Return alpha of a covariance matrix."""
    k, whole = len(covariance), covariance.sum()
    if whole <= 0:
        raise ParameterError("the sum of the items does not vary; alpha has no value")
    return float(k / (k - 1) * (1 - np.trace(covariance) / whole))


def mcdonald(covariance: np.ndarray) -> float:
    """Return omega of a covariance matrix."""
    loadings, unique = one_factor(covariance)
    common = loadings.sum() ** 2
    return float(common / (common + unique.sum()))


def one_factor(covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return loadings and unique variances of one factor by maximum likelihood (Joreskog 1967)."""
    scale = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(scale, scale)

    def factor(own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values, vectors = np.linalg.eigh(correlation / np.sqrt(np.outer(own, own)))
        return values[:-1], vectors[:, -1] * np.sqrt(own * max(values[-1] - 1, 0))

    def misfit(own: np.ndarray) -> tuple[float, np.ndarray]:
        others, loading = factor(own)
        return (others - np.log(np.maximum(others, 1e-9))).sum(), (loading**2 + own - 1) / own**2

    from scipy.optimize import minimize  # 24 MB and half a second that estimates need not wait

    start = np.clip(0.5 / np.abs(np.diag(np.linalg.pinv(correlation))), 0.05, 0.95)
    best = minimize(misfit, start, jac=True, method="L-BFGS-B", bounds=[(SMALLEST, 1)] * len(scale),
                    options={"ftol": 1e-16, "gtol": 1e-11, "maxiter": 5000}).x  # fmt: skip
    loading = factor(best)[1] * scale
    return loading * (np.sign(loading.sum()) or 1), best * scale**2


def omega_slopes(loadings: np.ndarray, unique: np.ndarray) -> np.ndarray:
    """Return by how much omega moves with each covariance (k, k), to first order (Browne 1984)."""
    inverse, unit = (
        np.linalg.inv(np.outer(loadings, loadings) + np.diag(unique)),
        np.eye(len(unique)),
    )
    moves = np.array([np.outer(e, loadings) + np.outer(loadings, e) for e in unit]
                     + [np.outer(e, e) for e in unit])  # fmt: skip
    turned = inverse @ moves @ inverse
    information = np.einsum("kab,lba->kl", turned, moves)
    common, own = loadings.sum(), unique.sum()
    slope = np.repeat([2 * common * own, -(common**2)], len(unique)) / (common**2 + own) ** 2
    return np.einsum("k,kab->ab", np.linalg.pinv(information) @ slope, turned)
