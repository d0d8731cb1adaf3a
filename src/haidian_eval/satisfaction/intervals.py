"""Intervals of estimates: t, normal, and those that keep shares inside 0 and 1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from haidian_eval.errors import ParameterError, not_known

Array = np.ndarray


@dataclass(frozen=True, slots=True)
class Spread:
    """What an interval is made of: estimates, standard errors, rows, degrees of freedom."""

    estimate: Array
    se: Array
    n: Array
    df: Array
    level: float

    @property
    def t(self) -> Array:
        """The quantile of t with the design's degrees of freedom."""
        found: Array = special.stdtrit(np.where(self.df > 0, self.df, np.nan), (1 + self.level) / 2)
        return found

    @property
    def effective(self) -> Array:
        """The effective sample size (Korn and Graubard 1998); n where all answers are alike."""
        p, n = self.estimate, np.maximum(self.n, 1)
        variance = np.where(self.se > 0, self.se, np.nan) ** 2
        own = np.where(
            self.n > 1, special.stdtrit(np.maximum(n - 1, 1), (1 + self.level) / 2), np.nan
        )
        found = p * (1 - p) / variance * (own / self.t) ** 2
        return np.where((p <= 0) | (p >= 1), n, found)


def by_t(own: Spread) -> tuple[Array, Array]:
    """Estimate -+ t se."""
    return own.estimate - own.t * own.se, own.estimate + own.t * own.se


def by_normal(own: Spread) -> tuple[Array, Array]:
    """Estimate -+ z se, whatever the degrees of freedom; as R's confint."""
    z = special.ndtri((1 + own.level) / 2)
    return own.estimate - z * own.se, own.estimate + z * own.se


def by_logit(own: Spread) -> tuple[Array, Array]:
    """T interval of the log odds; missing where all answers are alike."""
    p = np.where((own.estimate > 0) & (own.estimate < 1), own.estimate, np.nan)
    half = own.t * own.se / (p * (1 - p))
    return special.expit(special.logit(p) - half), special.expit(special.logit(p) + half)


def by_wilson(own: Spread) -> tuple[Array, Array]:
    """Wilson (1927) at the effective sample size."""
    return wilson(own.estimate, own.effective, own.level)


def wilson(p: Array, n: Array, level: float) -> tuple[Array, Array]:
    """Return the limits of shares p of n (Wilson 1927); missing where n is 0."""
    z, n = special.ndtri((1 + level) / 2), np.where(np.asarray(n) > 0, n, np.nan)
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return np.where(p <= 0, 0 * n, middle - half), np.where(p >= 1, 0 * n + 1, middle + half)


def by_beta(own: Spread) -> tuple[Array, Array]:
    """Clopper and Pearson (1934) at the effective sample size (Korn and Graubard 1998)."""
    tail, n, p = (1 - own.level) / 2, own.effective, own.estimate
    low = np.where(p > 0, special.betaincinv(n * p, n * (1 - p) + 1, tail), 0.0)
    high = np.where(p < 1, special.betaincinv(n * p + 1, n * (1 - p), 1 - tail), 1.0)
    return np.where(np.isnan(n), np.nan, low), np.where(np.isnan(n), np.nan, high)


INTERVALS: dict[str, Callable[[Spread], tuple[Array, Array]]] = {
    "t": by_t, "normal": by_normal, "logit": by_logit, "wilson": by_wilson, "beta": by_beta,
}  # fmt: skip
FOR_SHARES = ("logit", "wilson", "beta")


def limits(interval: str, own: Spread) -> tuple[Array, Array]:
    """Return the limits of each estimate; raise ParameterError for shares that are none."""
    if interval not in INTERVALS:
        raise ParameterError(not_known(f"interval={interval!r}", interval, INTERVALS))
    if interval in FOR_SHARES and ((own.estimate < -1e-12) | (own.estimate > 1 + 1e-12)).any():
        raise ParameterError(
            f"interval={interval!r} is for shares between 0 and 1; choose 't' or 'normal'"
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        return INTERVALS[interval](own)


def check_level(level: float) -> None:
    """Raise ParameterError for a confidence level that is none."""
    if not isinstance(level, float) or not 0 < level < 1:
        raise ParameterError(f"level={level!r} must be a number between 0 and 1, such as 0.95")
