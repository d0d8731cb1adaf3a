"""What stands in where all parks adopt at one date; none of it tells policy from the times."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from haidian_eval.effect.assessment import FIELDS
from haidian_eval.effect.estimate import Estimate
from haidian_eval.effect.panel import A_YEAR, Panel, numbers
from haidian_eval.effect.panel import PERIOD as PERIOD_TEXT
from haidian_eval.effect.reading import (
    ADOPTED,
    PARK,
    PERIOD,
    UNIT,
    panel_of,
    rows_of,
    scaled,
)
from haidian_eval.effect.regression import twfe
from haidian_eval.effect.series import interrupted_series
from haidian_eval.effect.within import effects_of
from haidian_eval.errors import ParameterError
from haidian_eval.params import Effect

LEAST = 12  # periods of a series on which a break can be looked for


@dataclass(frozen=True, slots=True)
class StandIn:
    """What can be said without a comparison; the verdict is insufficient evidence.

    adopted: the one date. refused: why no difference estimator is used. series: period, time,
    value, what periods add to the units' own levels. estimates: the break of that series, without
    error, and, where the panel says who is eligible, eligible against other units.
    """

    adopted: str
    refused: str
    series: pd.DataFrame
    estimates: pd.DataFrame


def adopts_at_one_date(panel: pd.DataFrame, params: Effect) -> bool:
    """Tell whether all units of a policy adopt in the same period of the panel."""
    rows = rows_of(panel, params.policy)
    first, period = numbers(rows[ADOPTED], ADOPTED), numbers(rows[PERIOD], PERIOD)
    return len(np.unique(first)) == 1 and bool(first[0] <= period.max())


def stand_in(panel: pd.DataFrame, params: Effect, refused: str) -> StandIn:
    """Return what can be said where all parks adopt at one date.

    Raises ParameterError for a panel that cannot be used, and where parks can be compared.
    """
    if not adopts_at_one_date(panel, params):
        raise ParameterError(
            "parks adopt at different dates, or none does: nothing has to stand in"
        )
    rows = rows_of(panel, params.policy)
    own = panel_of(rows, params.primary, UNIT)
    series = mean_series(own)
    found = {"interrupted_series": broken(series, own.cohort.min()),
             "eligible": by_eligibility(rows, params)}  # fmt: skip
    estimates = pd.DataFrame([{"estimator": name} | {field: getattr(one, field) for field in FIELDS}
                              for name, one in found.items() if one is not None],
                             columns=["estimator", *FIELDS])  # fmt: skip
    return StandIn(str(rows[ADOPTED].dropna().iloc[0]), refused, series, estimates)


def mean_series(panel: Panel) -> pd.DataFrame:
    """Return what periods add to the units' own levels, whoever enters or leaves the panel."""
    effects = effects_of(panel)
    known = np.where(panel.seen, panel.outcome, 0.0)
    left = panel.seen * (known - (known.sum(axis=1) * effects.share)[:, None])
    values = effects.inverse @ left.sum(axis=0)
    values += known.sum() / panel.n - (panel.seen.sum(axis=0) @ values) / panel.n
    return pd.DataFrame({"period": panel.labels, "time": panel.times, "value": values})


def broken(series: pd.DataFrame, start: float) -> Estimate | None:
    """Return the change of level at the start beside a trend and seasons, without an error.

    Of a dozen periods Newey and West's errors are far too small: under no change at all their test
    rejects in four panels of ten. Fewer periods cannot tell a season from a break.
    """
    found = PERIOD_TEXT.fullmatch(str(series["period"].iloc[0]))
    a_year = A_YEAR[found[2]] if found else 1
    season = ("C(season)",) if a_year > 1 else ()
    own = series.assign(season=(series["time"] % a_year).astype(int))
    if len(series) < LEAST:
        return None
    try:
        one = interrupted_series(own, "value", "time", start, covariates=season, lags=0)
    except ParameterError:
        return None
    none = float("nan")
    rule = "no error: too few periods to know how they vary by themselves"
    return replace(one, se=none, low=none, high=none, p=none, rule=rule)


def by_eligibility(rows: pd.DataFrame, params: Effect) -> Estimate | None:
    """Return how eligible units moved against others in the same parks after the date.

    Units of which nobody says whether they are eligible are left out.
    """
    if "eligible" not in rows or not set(rows["eligible"].dropna()) >= {"yes", "no"}:
        return None
    own = rows[rows["eligible"].notna()]
    after = numbers(own[PERIOD], PERIOD) >= numbers(own[ADOPTED], ADOPTED)
    frame = own.assign(**{params.primary.column: scaled(own, params.primary)},
                       _on=(after & (own["eligible"] == "yes")).astype(int))  # fmt: skip
    try:
        return twfe(frame, params.primary.column, "_on", UNIT, PERIOD, cluster=PARK,
                    small_sample="cr2")  # fmt: skip
    except ParameterError:
        return None
