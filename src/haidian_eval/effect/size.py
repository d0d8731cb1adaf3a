"""Which p to believe: how often tests reject in panels of the same shape where nothing happened."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
import pandas as pd

from haidian_eval.effect.estimate import two_sided
from haidian_eval.effect.few import (
    Assigned,
    Moments,
    arrangement_draws,
    assigned,
    cohort_of_cluster,
    effect_of,
    moments,
    share_beyond,
    wild_statistics,
    wild_weights,
)
from haidian_eval.effect.panel import Panel
from haidian_eval.effect.regression import Fit, Levers, factor, levers, static_fit
from haidian_eval.effect.within import by_cluster, effects_of, take_out
from haidian_eval.errors import ParameterError

HIGHEST = 0.95  # autocorrelation that a simulated series may have
TESTS = ("fixest", "cr2", "wild", "randomisation")


@dataclass(frozen=True, slots=True)
class Noise:
    """How outcomes move by themselves: standard deviations and autocorrelations.

    shared: of what all units of a cluster have in common. own: of each unit.
    """

    shared_sd: float
    shared_rho: float
    own_sd: float
    own_rho: float


def persistence(values: np.ndarray) -> float:
    """Return the first autocorrelation of rows with gaps, mended for their few periods.

    Taking out unit effects lowers it by some (1 + rho) / (T - 1) (Nickell 1981).
    """
    both = ~np.isnan(values[:, 1:]) & ~np.isnan(values[:, :-1])
    left, right = values[:, :-1][both], values[:, 1:][both]
    below = np.sqrt((left**2).sum() * (right**2).sum())
    raw = (left * right).sum() / below if below > 0 else 0.0
    periods = values.shape[1]
    return float(np.clip((raw * (periods - 1) + 1) / max(periods - 2, 1), 0, HIGHEST))


def noise_of(panel: Panel) -> Noise:
    """Return how outcomes move beside unit, period and treatment effects."""
    fitted = static_fit(panel)
    left = np.where(panel.seen, fitted.residual, np.nan)
    count = by_cluster(panel.cluster, panel.seen.astype("float64"), len(panel.clusters))
    total = by_cluster(panel.cluster, fitted.residual, len(panel.clusters))
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    own = left - mean[panel.cluster]
    if count.max() < 2:  # units are clusters: all noise is shared
        return Noise(float(np.nanstd(mean)), persistence(mean), 0.0, 0.0)
    free = max(panel.n - (count > 0).sum(), 1)
    variance = float(np.nansum(own**2) / free)
    shared = float(np.nanmean(mean**2) - variance * np.mean(1 / count[count > 0]))
    return Noise(np.sqrt(max(shared, 0)), persistence(mean), np.sqrt(variance), persistence(own))


def series(rng: np.random.Generator, shape: tuple[int, int], sd: float, rho: float) -> np.ndarray:
    """Return stationary autoregressive series, one a row."""
    drawn = rng.standard_normal(shape) * sd
    drawn[:, 1:] *= np.sqrt(1 - rho**2)
    for at in range(1, shape[1]):
        drawn[:, at] += rho * drawn[:, at - 1]
    return drawn


@dataclass(frozen=True, slots=True)
class Sizes:
    """Shares of panels without any effect in which each test rejects at `significance`.

    frame: test, rejected, se (of the simulation). noise: what was simulated. panels: how many.
    """

    frame: pd.DataFrame
    noise: Noise
    panels: int


@dataclass(frozen=True, slots=True)
class Shape:
    """What all panels of one shape share.

    design: unit x period, effects taken out. paths: path x period. weights: of the wild bootstrap.
    orders: exchanged assignments.
    """

    fitted: Fit
    design: np.ndarray
    sums: Moments
    lever: Levers
    factor: float
    exchanged: Assigned
    paths: np.ndarray
    weights: np.ndarray
    signs: bool
    orders: np.ndarray
    whole: bool


def shape_of(panel: Panel, draws: int, rng: np.random.Generator) -> Shape:
    """Return what all panels of the shape of this one share."""
    fitted, cohorts = static_fit(panel), cohort_of_cluster(panel)
    exchanged = assigned(panel, effects_of(panel), cohorts)
    weights, _, signs = wild_weights("auto", len(panel.clusters), draws, rng)
    orders, _, whole = arrangement_draws(exchanged.own, draws, rng)
    paths = (panel.times[None, :] >= np.unique(cohorts)[:, None]).astype("float64")
    return Shape(
        fitted, fitted.design[:, :, 0][fitted.effects.kinds.of], moments(fitted), levers(fitted),
        factor(fitted, "fixest"), exchanged, paths, weights, signs, orders, whole,
    )  # fmt: skip


def p_values(shape: Shape, outcome: np.ndarray) -> list[float]:
    """Return the p of each of TESTS for one outcome (unit x period)."""
    panel, clusters = shape.fitted.panel, len(shape.fitted.panel.clusters)
    left = take_out(shape.fitted.effects, outcome)
    own = by_cluster(panel.cluster, left, clusters)
    cross = by_cluster(panel.cluster, (shape.design * left).sum(axis=1), clusters)
    sums = replace(shape.sums, outcome=own, cross=cross)
    statistic, drawn = wild_statistics(sums, shape.weights, 0.0)
    effects = replace(shape.exchanged, outcome=own @ shape.paths.T)
    placed = effect_of(effects, np.vstack([effects.own, shape.orders]))
    return [
        float(two_sided(statistic / sqrt(shape.factor), clusters - 1)),
        bell_mccaffrey_p(shape, sums),
        share_beyond(statistic, drawn, enumerated=shape.signs),
        share_beyond(float(placed[0]), placed[1:], enumerated=shape.whole),
    ]


def bell_mccaffrey_p(shape: Shape, sums: Moments) -> float:
    """Return the p of the CR2 test from sums by cluster."""
    slope = sums.cross.sum() / sums.square.sum()
    periods = (sums.outcome - slope * sums.design)[:, 1:]
    own = np.column_stack([sums.cross - slope * sums.square, periods])
    parts = np.einsum("gk,gk->g", own, shape.lever.weights[:, :, 0])
    return float(two_sided(slope / np.sqrt((parts**2).sum()), float(shape.lever.df[0])))


def null_size(
    panel: Panel, *, panels: int, draws: int, seed: int, significance: float = 0.05
) -> Sizes:
    """Return how often tests reject where nothing happened, in panels of this shape.

    Same units, clusters, adoption and gaps; outcomes drawn with the noise that this panel shows.
    Compared: the usual cluster-robust t test ("fixest"), CR2, the wild bootstrap and exchanged
    assignments, with `draws` each. Raises ParameterError for fewer than one panel or 19 draws.
    """
    if panels < 1 or draws < 19:
        raise ParameterError(f"panels = {panels}, draws = {draws}: at least 1 and 19 are needed")
    noise, rng = noise_of(panel), np.random.default_rng(seed)
    shape, found = shape_of(panel, draws, rng), []
    for _ in range(panels):
        shared = series(rng, (len(panel.clusters), len(panel.times)), noise.shared_sd,
                        noise.shared_rho)  # fmt: skip
        own = series(rng, panel.outcome.shape, noise.own_sd, noise.own_rho)
        found.append(p_values(shape, shared[panel.cluster] + own))
    rejected = (np.array(found) <= significance).mean(axis=0)
    error = np.sqrt(rejected * (1 - rejected) / panels)
    frame = pd.DataFrame({"test": TESTS, "rejected": rejected, "se": error})
    return Sizes(frame, noise, panels)
