"""What stands in where all parks adopt at one date; none of it tells policy from the times."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

import numpy as np
import pandas as pd

from haidian_eval.effect.assessment import FIELDS, PARK, PERIOD, UNIT, panel_of, rows_of, scaled
from haidian_eval.effect.estimate import Estimate
from haidian_eval.effect.panel import Panel, label
from haidian_eval.effect.regression import twfe
from haidian_eval.effect.series import interrupted_series
from haidian_eval.errors import ParameterError
from haidian_eval.params import Effect

LEAST = 8  # periods of a series on which a break can be looked for
SEASONS = 12  # periods from which on quarters or months of the year are told apart


@dataclass(frozen=True, slots=True)
class StandIn:
    """What can be said without a comparison; the verdict is insufficient evidence.

    adopted: the one date. refused: why no difference estimator is used. series: period, value, the
    mean outcome of all units less their own. estimates: interrupted series and, where the panel
    says who is eligible, eligible against other units; each with its rule.
    """

    adopted: str
    refused: str
    series: pd.DataFrame
    estimates: pd.DataFrame


def adopts_at_one_date(panel: pd.DataFrame, params: Effect) -> bool:
    """Tell whether all units of a policy adopt in the same period."""
    own = panel_of(rows_of(panel, params.policy), params.primary)
    return len(np.unique(own.cohort)) == 1 and bool(np.isfinite(own.cohort).all())


def stand_in(panel: pd.DataFrame, params: Effect, refused: str) -> StandIn:
    """Return what can be said where all parks adopt at one date.

    Raises ParameterError for a panel that cannot be used.
    """
    rows = rows_of(panel, params.policy)
    own = panel_of(rows, params.primary)
    series = mean_series(own)
    found = {"interrupted_series": broken(series, own.cohort.min())}
    if set(rows["eligible"]) >= {"yes", "no"}:
        found["eligible"] = by_eligibility(rows, params)
    estimates = pd.DataFrame([{"estimator": name} | {field: getattr(one, field) for field in FIELDS}
                              for name, one in found.items() if one is not None])  # fmt: skip
    return StandIn(label(own, own.cohort.min()), refused, series, estimates)


def mean_series(panel: Panel) -> pd.DataFrame:
    """Return the mean outcome by period, each unit less its own mean, whoever is seen."""
    left = panel.outcome - np.nanmean(panel.outcome, axis=1, keepdims=True)
    values = np.nanmean(left, axis=0) + np.nanmean(panel.outcome)
    return pd.DataFrame({"period": panel.labels, "time": panel.times, "value": values})


def broken(series: pd.DataFrame, start: float) -> Estimate | None:
    """Return the change of level at the start beside a trend and, with enough periods, seasons."""
    n, a_year = len(series), 4 if "Q" in str(series["period"].iloc[0]) else 1
    lags = floor(4 * (n / 100) ** (2 / 9))  # Newey and West 1994
    season = ("C(season)",) if n >= SEASONS and a_year > 1 else ()
    own = series.assign(season=(series["time"] % a_year).astype(int))
    if n < LEAST:
        return None
    try:
        return interrupted_series(own, "value", "time", start, covariates=season, lags=lags)
    except ParameterError:
        return None


def by_eligibility(rows: pd.DataFrame, params: Effect) -> Estimate | None:
    """Return how eligible units moved against others in the same parks after the date."""
    after = rows[PERIOD].astype(str) >= rows["adopted_in"].astype(str)
    eligible = rows["eligible"] == "yes"
    frame = rows.assign(_outcome=scaled(rows, params.primary), _on=(after & eligible).astype(int))
    try:
        return twfe(frame, "_outcome", "_on", UNIT, PERIOD, cluster=PARK, small_sample="cr2")
    except ParameterError:
        return None
