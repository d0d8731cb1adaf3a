"""What an estimate from a few parks is worth: placebos, left-out parks, detectable effects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from haidian_eval.effect.estimate import Estimate, quantile
from haidian_eval.effect.few import assigned, cohort_of_cluster, effect_of
from haidian_eval.effect.imputation import impute, jackknifed, left_out, summed_up
from haidian_eval.effect.panel import Panel
from haidian_eval.effect.within import effects_of


def minimum_detectable_effect(
    estimate: Estimate, *, power: float = 0.8, significance: float = 0.05
) -> float:
    """Return the true effect that the design finds significant with this probability (Bloom 1995).

    In units of the outcome: (t of 1 - significance / 2 plus t of power) standard errors.
    """
    df = estimate.df
    both = quantile(1 - significance / 2, df) + quantile(power, df)
    return float(both) * estimate.se


def by_parks(panel: Panel, anticipation: int = 0, level: float = 0.95) -> Estimate:
    """Return the imputed effect with jackknife errors."""
    found = summed_up(impute(panel, anticipation), level=level)
    return jackknifed(panel, found, anticipation, level=level)


def placebo_in_time(panel: Panel, shift: int, level: float = 0.95) -> Estimate:
    """Return the effect of an adoption `shift` periods too early, without the treated rows.

    Where nothing but the policy moved, it is zero. Raises ParameterError where too few periods are
    left.
    """
    early = replace(
        panel, outcome=np.where(panel.treated, np.nan, panel.outcome), cohort=panel.cohort - shift,
        treated=panel.since >= -shift,
    )  # fmt: skip
    return by_parks(early.keep(early.seen.any(axis=1)), level=level)


def leave_one_out(panel: Panel) -> pd.DataFrame:
    """Return the imputed effect without each cluster: cluster, value, treated."""
    values = left_out(panel, np.empty(0))[:, 0]
    treated = np.zeros(len(panel.clusters), dtype=bool)
    treated[panel.cluster[np.isfinite(panel.cohort)]] = True
    return pd.DataFrame({"cluster": panel.clusters, "value": values, "treated": treated})


def placebo_in_space(panel: Panel, *, draws: int, seed: int) -> np.ndarray:
    """Return two-way effects under exchanged adoption, which the policy did not cause."""
    own = assigned(panel, effects_of(panel), cohort_of_cluster(panel))
    rng = np.random.default_rng(seed)
    return effect_of(own, rng.permuted(np.tile(own.own, (draws, 1)), axis=1))
