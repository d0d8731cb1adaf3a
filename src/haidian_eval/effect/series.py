"""Interrupted time series: one series, one date, no comparison unit."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np
import pandas as pd

from haidian_eval.effect.estimate import Estimate, check_level, interval
from haidian_eval.effect.panel import column, numbers, outcome_of
from haidian_eval.errors import ParameterError, not_known

FAMILIES = ("gaussian", "poisson")


def interrupted_series(
    frame: pd.DataFrame, outcome: str, time: str, start: Any, *, covariates: Sequence[str] = (),
    lags: int, family: str = "gaussian", slope: bool = False, level: float = 0.95,
) -> Estimate:  # fmt: skip
    """Return the change of level at `start` beside a straight trend and covariates.

    y = a + b t + c 1(t >= start) [+ d (t - start) 1(t >= start) with `slope`] + covariates, by
    least squares, or a Poisson regression with logarithmic link (c is then a log ratio). Errors are
    Newey and West's with `lags`, normal. covariates: columns (texts and categories become dummies)
    or terms of a formula such as "C(month)". `terms`: all coefficients. Nothing tells the policy
    from what else began at `start`. Raises ParameterError for periods that repeat, a start outside
    of the series and fewer rows than coefficients.
    """
    check_level(level)
    if family not in FAMILIES:
        raise ParameterError(not_known(f"family={family!r}", family, FAMILIES))
    given = [covariates] if isinstance(covariates, str) else list(covariates)
    known = series_of(frame, outcome, time, start, family)
    design = design_of(known, given, slope=slope)
    if len(known) <= design.shape[1] or not 0 <= lags < len(known):
        raise ParameterError(
            f"{len(known)} periods, {design.shape[1]} coefficients and lags = {lags}: more periods,"
            " fewer covariates or fewer lags are needed"
        )
    fitted = regression(known["_outcome"], design, lags, family)
    found = terms_of(fitted, level)
    own = found.set_index("term").loc["level"]
    gaps = int(known["_at"].iloc[-1] - known["_at"].iloc[0]) + 1 - len(known)
    rule = f"Newey-West, {lags} lags, no small-sample factor, normal; {family}"
    rule += f"; {gaps} periods are missing, lags count those that are there" if gaps else ""
    value, se, low, high, p = own.astype("float64")
    return Estimate(value, se, low, high, p, len(known), 1, inf, rule, terms=found)


def series_of(
    frame: pd.DataFrame, outcome: str, time: str, start: Any, family: str
) -> pd.DataFrame:
    """Return the series in the order of time, with `trend`, `level` and `since`."""
    values = outcome_of(column(frame, outcome, "outcome"), outcome)
    at = numbers(column(frame, time, "time"), f"time = {time!r}")
    twice = frame[time][pd.Series(at, frame.index).duplicated()]
    if len(twice) or np.isnan(at).any():
        what = f"{twice.iloc[0]!r} stands twice" if len(twice) else "one is missing"
        raise ParameterError(
            f"{time!r}: {what}; each period once is needed. Add up units or choose one"
        )
    begin = float(numbers(pd.Series([start]), "start")[0])
    if not at.min() < begin <= at.max():
        raise ParameterError(f"start = {start!r}: periods before it and from it on are needed")
    if family == "poisson" and np.nanmin(values) < 0:
        raise ParameterError(
            f'family="poisson": {outcome!r} has negative values; counts are needed'
        )
    level = (at >= begin).astype("float64")
    known = frame.assign(_outcome=values, _at=at, trend=at - at.min(), level=level,
                         since=(at - begin) * level)  # fmt: skip
    return known[~np.isnan(values)].sort_values("_at").reset_index(drop=True)


def design_of(known: pd.DataFrame, covariates: list[str], *, slope: bool) -> pd.DataFrame:
    """Return the design: a column per coefficient."""
    from patsy import PatsyError, dmatrix

    own = pd.DataFrame({"constant": 1.0, "trend": known["trend"], "level": known["level"]})
    if slope:
        own["since"] = known["since"]
    terms = [f"Q({name!r})" if name in known.columns else name for name in covariates]
    if not terms:
        return own
    try:
        more = dmatrix(" + ".join(terms), known, NA_action="raise", return_type="dataframe")
    except (PatsyError, NameError) as error:
        raise ParameterError(
            f"covariates = {covariates}: {str(error).splitlines()[0]}; columns or terms"
            " such as C(month) are needed, without gaps"
        ) from None
    return own.join(more.drop(columns="Intercept"))


def regression(outcome: pd.Series, design: pd.DataFrame, lags: int, family: str) -> Any:
    """Return the fitted regression with Newey and West's covariance."""
    import statsmodels.api as sm

    if np.linalg.matrix_rank(design.to_numpy()) < design.shape[1]:
        raise ParameterError("covariates repeat each other, the trend or the level; leave some out")
    errors = {"cov_type": "HAC", "cov_kwds": {"maxlags": lags, "use_correction": False}}
    if family == "gaussian":
        return sm.OLS(outcome, design).fit(use_t=False, **errors)
    return sm.GLM(outcome, design, family=sm.families.Poisson()).fit(**errors)


def terms_of(fitted: Any, level: float) -> pd.DataFrame:
    """Return all coefficients with their errors."""
    low, high = interval(fitted.params, fitted.bse, level=level)
    frame = pd.DataFrame({"value": fitted.params, "se": fitted.bse, "low": low, "high": high,
                          "p": fitted.pvalues})  # fmt: skip
    return frame.rename_axis("term").reset_index()
