"""Estimates and tests: values that never travel without their uncertainty and its rule."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, isinf
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from haidian_eval.errors import ParameterError


@dataclass(frozen=True, slots=True)
class Estimate:
    """An effect in units of the outcome, with its standard error and how that was made.

    low, high: ends of the interval. p: two-sided. n: rows used. clusters: number of clusters.
    df: degrees of freedom of the t distribution, inf: normal. rule: the small-sample rule in words.
    by: the effect by `key`, periods since adoption. dropped: units that could not be used.
    unit_weights: by donor. time_weights: by period. path: time, cohort, observed, counterfactual.
    terms: every coefficient of a regression.
    """

    value: float
    se: float
    low: float
    high: float
    p: float
    n: int
    clusters: int
    df: float
    rule: str
    by: pd.DataFrame | None = field(default=None, repr=False)
    dropped: int = 0
    unit_weights: pd.Series | pd.DataFrame | None = field(default=None, repr=False)
    time_weights: pd.Series | pd.DataFrame | None = field(default=None, repr=False)
    path: pd.DataFrame | None = field(default=None, repr=False)
    terms: pd.DataFrame | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Test:
    """A test: its statistic and p, and what limits them.

    df: degrees of freedom (of a Wald test). power: probability of rejecting at 5 % what `rule`
    says. draws: how many draws or assignments were looked at. floor: the smallest p that the design
    can give. enumerated: every possible draw was looked at, once. low, high: the effects that the
    test does not reject, where it was asked.
    """

    __test__ = False  # not one of pytest's

    statistic: float
    p: float
    df: float = inf
    power: float = float("nan")
    draws: int = 0
    floor: float = 0.0
    enumerated: bool = False
    rule: str = ""
    low: float = float("nan")
    high: float = float("nan")


def check_level(level: float) -> None:
    """Refuse a confidence level that is not a share."""
    if not 0 < level < 1:
        raise ParameterError(f"level = {level!r}: a share between 0 and 1 is needed, such as 0.95")


def check_draws(draws: int) -> None:
    """Refuse a number of draws below one."""
    if draws < 1:
        raise ParameterError(f"draws = {draws}: at least one draw is needed")


def quantile(share: float, df: Any = inf) -> Any:
    """Return a quantile of the t distribution; df = inf: of the normal."""
    whole = np.asarray(df, dtype="float64")
    found = np.where(
        np.isinf(whole), ndtri(share), stdtrit(np.where(np.isinf(whole), 1, whole), share)
    )
    return found if found.ndim else float(found)


def two_sided(statistic: Any, df: float = inf) -> Any:
    """Return the two-sided p of t statistics."""
    size = -np.abs(statistic)
    return 2 * (ndtr(size) if isinf(df) else stdtr(df, size))


def interval(value: Any, se: Any, *, df: Any = inf, level: float = 0.95) -> tuple[Any, Any]:
    """Return both ends of an interval."""
    half = quantile((1 + level) / 2, df) * se
    return value - half, value + half


def estimated(
    value: float, se: float, *, n: int, clusters: int, df: float, rule: str, level: float = 0.95,
    **more: Any,
) -> Estimate:  # fmt: skip
    """Return an estimate with its t interval and p."""
    check_level(level)
    low, high = interval(value, se, df=df, level=level)
    p = float(two_sided(value / se, df)) if se > 0 else float("nan")
    return Estimate(float(value), float(se), float(low), float(high), p, int(n), int(clusters),
                    float(df), rule, **more)  # fmt: skip


def table(key: Any, value: Any, se: Any, *, df: Any = inf, level: float = 0.95) -> pd.DataFrame:
    """Return estimates by key with pointwise intervals."""
    low, high = interval(np.asarray(value), np.asarray(se), df=df, level=level)
    return pd.DataFrame({"key": key, "value": value, "se": se, "low": low, "high": high})
