"""Effects over time since adoption, with bands, the test of earlier trends and crooked trends."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from haidian_eval.effect.aggregation import Aggregate, aggregate, bands, pretrend_test
from haidian_eval.effect.estimate import Test
from haidian_eval.effect.few import cohort_of_cluster
from haidian_eval.effect.group_time import GroupTimeEffects, covariance, group_time
from haidian_eval.effect.magnitudes import relative_magnitudes
from haidian_eval.effect.panel import Panel
from haidian_eval.errors import ParameterError
from haidian_eval.params import Effect

NONE = float("nan")
BANDED = ["key", "cohort", "time", "value", "se", "low", "high", "band_low", "band_high"]


@dataclass(frozen=True, slots=True)
class Dynamics:
    """Effects over time, of cohorts of more than one park.

    cells: by cohort and period. by: by periods since adoption inside the window, low and high for
    each alone, band_low and band_high for all at once. critical: standard errors that a band is
    wide. pretrend: of the periods before. left_out: parks that are a cohort alone.
    """

    cells: pd.DataFrame
    by: pd.DataFrame
    critical: float
    pretrend: Test
    left_out: tuple[str, ...]


def several_parks(panel: Panel) -> tuple[Panel, tuple[str, ...]]:
    """Return the panel without parks that are a cohort alone, and those parks."""
    cohorts = cohort_of_cluster(panel)
    each, count = np.unique(cohorts, return_counts=True)
    single = np.isin(cohorts, each[(count < 2) & np.isfinite(each)])
    names = tuple(str(name) for name in panel.clusters[single])
    return panel.keep(~single[panel.cluster]), names


def dynamics_of(
    panel: Panel, params: Effect
) -> tuple[Dynamics, GroupTimeEffects | None, pd.DataFrame]:
    """Return effects over time with bands, all cells, and intervals under crooked trends.

    Of parks that are all a cohort alone, or without period before, there are none.
    """
    own, alone = several_parks(panel)
    try:
        cells = group_time(own, control="notyet")
        window = inside(aggregate(cells, "dynamic"), params)
    except ParameterError as error:
        none = pd.DataFrame(columns=BANDED, dtype="float64")
        pretrend = Test(NONE, NONE, rule=str(error))
        return Dynamics(none, none, NONE, pretrend, alone), None, no_magnitudes(params)
    banded = bands(window, seed=params.seed)
    by = window.by.assign(band_low=banded["low"], band_high=banded["high"])
    try:
        pretrend = pretrend_test(window)
    except ParameterError as error:
        pretrend = Test(NONE, NONE, rule=str(error))
    found = Dynamics(bands(cells, seed=params.seed), by.reset_index(drop=True),
                     banded.attrs["critical"], pretrend, alone)  # fmt: skip
    base = aggregate(group_time(own, control="notyet", base="universal"), "dynamic")
    return found, cells, sensitivity(base, params)


def inside(whole: Aggregate, params: Effect) -> Aggregate:
    """Return effects by periods since adoption inside the window."""
    own = whole.by["key"].between(*params.window).to_numpy()
    return replace(whole, by=whole.by[own], influence=whole.influence[:, own],
                   span=whole.span[own], early=whole.early[own])  # fmt: skip


def no_magnitudes(params: Effect) -> pd.DataFrame:
    """Return intervals under crooked trends where there are none."""
    frame = pd.DataFrame({"mbar": params.magnitudes, "low": NONE, "high": NONE})
    frame.attrs["breakdown"] = NONE
    return frame


def sensitivity(base: Aggregate, params: Effect) -> pd.DataFrame:
    """Return intervals of the mean effect where trends may break as much as before adoption."""
    low, high = params.window
    key = base.by["key"]
    before, after = key.between(low, -2).to_numpy(), key.between(0, high).to_numpy()
    use = np.flatnonzero(before | after)
    beta, sigma = base.by["value"].to_numpy()[use], covariance(base.influence[:, use],
                                                               base.source.cluster)  # fmt: skip
    count = int(after.sum())
    try:
        return relative_magnitudes(beta, sigma, int(before.sum()), count, mbar=params.magnitudes,
                                   target=np.full(count, 1 / count))  # fmt: skip
    except ParameterError:  # too few parks or periods before: every condition on it is unmet
        return no_magnitudes(params)
