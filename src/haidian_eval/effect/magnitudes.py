"""How large a break of parallel trends an event study bears, measured by those before the event.

The sets are those of Rambachan and Roth (2023), the test that of Andrews, Roth and Pakes (2023),
the choices those of the R package HonestDiD: method C-LF, kappa = alpha / 10. HonestDiD draws its
critical value 1,000 times, which moves an end by some hundredths of a standard error, and searches
20 standard errors to either side of 0, where a wide interval is cut off; here neither happens.
With one period after the event it leaves out the cut at the critical value, which the test has by
definition: its interval is then wider by some 0.05 standard errors at each end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import log_ndtr, ndtr, ndtri

from haidian_eval.errors import ParameterError

FIRST_STAGE = 0.1  # of alpha: kappa, the size of the first stage of the hybrid
POINTS = 1000  # on which a test is inverted, as in HonestDiD
FEWEST_POINTS = 100  # fewer could step over a whole interval
PRECISION = 1e-4  # of the breakdown, in units of Mbar
MOST = 2.0**20  # the largest Mbar that the search for the breakdown looks at
FAR = 9.0  # standard errors beyond which a normal density is nothing
CLOSE = 1e-6  # of the critical value, in standard errors
SAME = 1e-9  # a smaller share is rounding
NODES, SHARES = np.polynomial.legendre.leggauss(100)


@dataclass(frozen=True, slots=True)
class Study:
    """An event study in first differences, in the unit of its coefficients.

    effect: target' beta_post. breaks: differences before the event, the reference period taken as
    0. reach: weight in the effect of each difference after it. cov: of (effect, before, after).
    """

    effect: float
    breaks: np.ndarray
    reach: np.ndarray
    cov: np.ndarray


@dataclass(frozen=True, slots=True)
class Moments:
    """The moments of one polyhedron: at most 0 in expectation where the effect is the true one.

    point: estimates of (effect, signed largest break). cov: their covariance. slopes: moments x
    point, per standard error; the first falls as the effect rises, the second rises with it.
    """

    point: np.ndarray
    cov: np.ndarray
    slopes: np.ndarray


def relative_magnitudes(
    beta: ArrayLike,
    sigma: ArrayLike,
    n_pre: int,
    n_post: int,
    *,
    mbar: float | Sequence[float],
    level: float = 0.95,
    target: ArrayLike | None = None,
    points: int = POINTS,
) -> pd.DataFrame:
    """Return the robust interval of the effect for each Mbar: columns mbar, low, high.

    Delta^RM(Mbar) = {delta: |delta[t+1] - delta[t]| <= Mbar max_{s<0} |delta[s+1] - delta[s]| for
    t >= 0} (Rambachan and Roth 2023), a union of polyhedra over s and the sign of the largest
    break. The interval is the hull of the effects that the test of any polyhedron accepts (which
    may have gaps), found on `points` values and again between neighbours; at Mbar = 0 it is the
    usual one. Nothing is drawn: the least-favourable critical value is an integral.

    beta: coefficients before the event, earliest first and without the reference period, then
    those after it. target: weights of the periods after the event; unless given, the first alone.

    attrs["breakdown"]: the largest Mbar, less at most 0.0001, whose interval leaves out 0; 0.0 if
    it holds 0 at Mbar = 0 already, inf if it leaves out 0 still at 2^20.
    """
    asked = np.atleast_1d(np.asarray(mbar, dtype=float))
    _check_options(asked, level, points)
    b, s = _estimates(beta, sigma, n_pre, n_post)
    study = _study(b, s, n_pre, _weights(target, n_post))

    def interval(of: float) -> tuple[float, float]:
        return _hull(study, of, 1 - level, points)

    rows = [(of, *interval(of)) for of in asked.tolist()]
    frame = pd.DataFrame(rows, columns=["mbar", "low", "high"])
    frame.attrs["breakdown"] = _breakdown(interval)
    return frame


def _check_options(mbar: np.ndarray, level: float, points: int) -> None:
    """Refuse options that no interval answers to."""
    if mbar.ndim != 1 or not mbar.size or not (np.isfinite(mbar) & (mbar >= 0)).all():
        raise ParameterError(f"mbar = {mbar.tolist()}: give one or more finite values, 0 or more")
    if not 0 < level < 1:
        raise ParameterError(f"level = {level!r} is not between 0 and 1; write 0.95 for 95 %")
    if points < FEWEST_POINTS:
        raise ParameterError(f"points = {points!r} are too few; take {FEWEST_POINTS} or more")


def _weights(target: ArrayLike | None, n_post: int) -> np.ndarray:
    """Return the weights of the periods after the event: the first alone unless given."""
    weights = np.eye(n_post)[0] if target is None else np.asarray(target, dtype=float)
    if weights.shape != (n_post,) or not np.isfinite(weights).all() or not weights.any():
        raise ParameterError(
            f"target = {weights.tolist()}: give {n_post} finite weights, one for each period"
            " after the event, not all of them 0"
        )
    return weights


def _estimates(
    beta: ArrayLike, sigma: ArrayLike, n_pre: int, n_post: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return coefficients and covariance as arrays that fit each other."""
    b, s, n = np.asarray(beta, dtype=float), np.asarray(sigma, dtype=float), n_pre + n_post
    if n_pre < 1 or n_post < 1:
        raise ParameterError(
            f"n_pre = {n_pre}, n_post = {n_post}: one pre-period difference is needed and one"
            " period after the event; add periods"
        )
    if b.shape != (n,) or s.shape != (n, n):
        raise ParameterError(
            f"beta has shape {b.shape} and sigma {s.shape}; n_pre + n_post = {n} asks for {(n,)}"
            f" and {(n, n)}, without the reference period"
        )
    if not (np.isfinite(b).all() and np.isfinite(s).all()):
        raise ParameterError("beta or sigma has missing or infinite values; leave those out")
    if (apart := np.abs(s - s.T).max()) > SAME * np.abs(s).max():
        raise ParameterError(f"sigma is not symmetric, by up to {apart:.3g}; give a covariance")
    roots = np.linalg.eigvalsh(s)
    if roots[0] < -SAME * roots[-1]:
        raise ParameterError(f"sigma is not positive semi-definite ({roots}); give a covariance")
    return b, s


def _study(beta: np.ndarray, sigma: np.ndarray, n_pre: int, target: np.ndarray) -> Study:
    """Return the study in first differences, each of which must have a variance."""
    differences = np.diff(np.insert(np.eye(len(beta)), n_pre, 0, axis=0), axis=0)
    effect = np.append(np.zeros(n_pre), target)
    rows = np.vstack([effect, differences])
    cov = rows @ sigma @ rows.T
    if (np.diag(cov) <= SAME**2 * np.diag(cov).max()).any():
        raise ParameterError(
            "sigma leaves the effect, or a difference of neighbouring periods, without variance;"
            " leave out periods that are not estimated"
        )
    reach = np.cumsum(target[::-1])[::-1]
    return Study(float(effect @ beta), (differences @ beta)[:n_pre], reach, cov)


def _polyhedra(study: Study, mbar: float) -> Iterator[Moments]:
    """Yield the moments for each break before the event as the largest, of either sign.

    With d the estimated differences after the event, v the signed break and g the differences of
    the true effects, reach' g = effect, the moments are +-(d_t - g_t) - Mbar v, their standard
    errors c_t+-. The least over g of the largest of them in standard errors is the largest over
    the vertices of the dual (Andrews, Roth and Pakes 2023), and these are known:
    (+-(estimate - effect) - Mbar v sum |reach|) / sum |reach_t| c_t+- (signs as in reach), and
    -2 Mbar v / (c_t+ + c_t-) for each t.
    """
    first = len(study.breaks) + 1
    far, after = np.abs(study.reach), np.diag(study.cov)[first:]
    for s, sign in ((s, sign) for s in range(1, first) for sign in (1.0, -1.0)):
        both = after + mbar**2 * study.cov[s, s]
        shared = 2 * mbar * sign * study.cov[first:, s]
        floor = SAME**2 * both  # a moment without error must not divide by 0
        plus, minus = (np.sqrt(np.maximum(both + x, floor)) for x in (-shared, shared))
        up = far @ np.where(study.reach > 0, plus, minus)
        down = far @ np.where(study.reach > 0, minus, plus)
        reached = mbar * far.sum()
        pairs = np.column_stack([np.zeros(len(far)), -2 * mbar / (plus + minus)])
        slopes = np.vstack([(1 / up, -reached / up), (-1 / down, -reached / down), pairs])
        flip = np.array([1.0, sign])
        cov = study.cov[np.ix_([0, s], [0, s])] * np.outer(flip, flip)
        yield Moments(np.array([study.effect, sign * study.breaks[s - 1]]), cov, slopes)


def _least_favourable(moments: Moments, kappa: float) -> float:
    """Return the 1 - kappa quantile of the largest moment where all are 0 in expectation."""
    most = 1 - ndtri(kappa / 3)  # three differ, each at most standard normal; 1 for rounding
    return float(brentq(lambda c: _below(c, moments) - (1 - kappa), 0.0, most, xtol=CLOSE))


def _below(c: float, moments: Moments) -> float:
    """Return P(largest moment <= c), c >= 0: over the break an integral, over the effect exact."""
    (rise, fall), (rise_v, fall_v) = moments.slopes[:2].T
    (variance, shared), (_, variance_v) = moments.cov
    steepest = moments.slopes[2:, 1].min() * np.sqrt(variance_v)
    start = max(-FAR, c / steepest) if steepest < 0 else -FAR
    z = start + (FAR - start) * (NODES + 1) / 2
    v = np.sqrt(variance_v) * z
    mean = shared / variance_v * v
    spread = np.sqrt(max(variance - shared**2 / variance_v, SAME**2 * variance))
    high = ((c - rise_v * v) / rise - mean) / spread
    low = ((c - fall_v * v) / fall - mean) / spread
    inside = np.maximum(ndtr(high) - ndtr(low), 0) * np.exp(-(z**2) / 2)
    return float((FAR - start) / 2 * (SHARES @ inside) / np.sqrt(2 * np.pi))


def _accepted(effects: np.ndarray, moments: Moments, alpha: float, critical: float) -> np.ndarray:
    """Return which effects the hybrid test does not reject (Andrews, Roth and Pakes 2023).

    It rejects where the largest moment exceeds `critical`, or else max(0, q): q is the quantile at
    1 - (alpha - kappa) / (1 - kappa) of its normal distribution cut to the values below `critical`
    at which it stays the largest, given the part of the estimates that is independent of it.
    """
    size = (1 - FIRST_STAGE) * alpha / (1 - FIRST_STAGE * alpha)
    slopes, (effect, largest) = moments.slopes, moments.point
    values = slopes[:, :1] * (effect - effects) + slopes[:, 1:] * largest
    best, top = values.argmax(axis=0), values.max(axis=0)
    cov = slopes @ moments.cov @ slopes.T
    variance = np.where(np.diag(cov) > 0, np.diag(cov), 1.0)[best]
    follows = cov[:, best] / variance
    gap = np.where(np.abs(1 - follows) > SAME, 1 - follows, np.nan)
    limit = (values - follows * top) / gap
    low = np.where(gap > 0, limit, -np.inf).max(axis=0)
    high = np.minimum(np.where(gap < 0, limit, np.inf).min(axis=0), critical)
    rare = _tail(*(x / np.sqrt(variance) for x in (top, low, high))) < size
    return np.asarray((top <= 0) | ((top <= critical) & ~rare))


def _tail(x: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return P(Z > x | low <= Z <= high), by logarithms: far out the plain ones are all 0."""
    at, whole, none = (log_ndtr(-np.clip(y, low, high)) for y in (x, low, high))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.exp(at - whole) * np.expm1(none - at) / np.expm1(none - whole))


def _hull(study: Study, mbar: float, alpha: float, points: int) -> tuple[float, float]:
    """Return the lowest and the highest effect that the test of any polyhedron accepts."""
    kept = []
    for moments in _polyhedra(study, mbar):
        critical = _least_favourable(moments, FIRST_STAGE * alpha)
        room = critical - moments.slopes[:2, 1] * moments.point[1]
        first, last = moments.point[0] - room / moments.slopes[:2, 0]
        grid = np.linspace(first, last, points)
        inside = np.flatnonzero(_accepted(grid, moments, alpha, critical))
        if first < last and inside.size:
            for end, beyond in ((inside[0], inside[0] - 1), (inside[-1], inside[-1] + 1)):
                fine = np.linspace(grid[end], grid[np.clip(beyond, 0, points - 1)], points)
                kept.append(fine[_accepted(fine, moments, alpha, critical)])
    effects = np.concatenate(kept)
    return float(effects.min()), float(effects.max())


def _breakdown(interval: Callable[[float], tuple[float, float]]) -> float:
    """Return the largest Mbar whose interval leaves out 0, by doubling and then by halves."""

    def holds(mbar: float) -> bool:
        low, high = interval(mbar)
        return low <= 0 <= high

    low, high = 0.0, 1.0
    if holds(low):
        return low
    while not holds(high):
        low, high = high, 2 * high
        if high > MOST:
            return float("inf")
    while high - low > PRECISION:
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return low
