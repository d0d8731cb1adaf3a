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
from haidian_eval.effect.regression import Fit, Levers, factor, fit, levers, static_fit
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


@dataclass(frozen=True, slots=True)
class Spread:
    """How residuals vary: mean square, and mean product of neighbours in time."""

    square: float
    next: float


def spread_of(values: np.ndarray) -> Spread:
    """Return how rows with gaps vary."""
    with np.errstate(invalid="ignore"):
        pairs = values[:, 1:] * values[:, :-1]
        found = [np.nanmean(own) if (~np.isnan(own)).any() else 0.0 for own in (values**2, pairs)]
    return Spread(float(found[0]), float(found[1]))


def stationary(found: Spread, periods: int, kept: float) -> tuple[float, float]:
    """Return standard deviation and autocorrelation of the series that leave such residuals.

    Row means were taken out of `periods` values, and of the variance a share `kept` was left by
    what else was. The autocorrelation is the one whose expected ratio is nearest to that found.
    """
    if found.square <= 0:
        return 0.0, 0.0
    centre = np.eye(periods) - 1 / periods
    apart = np.abs(np.subtract.outer(np.arange(periods), np.arange(periods)))
    grid = np.linspace(0, HIGHEST, 96)
    whole = [centre @ rho**apart @ centre for rho in grid]
    square = np.array([np.trace(one) / periods for one in whole])
    ratio = np.array([np.trace(one, 1) / (periods - 1) for one in whole]) / square
    at = int(np.abs(ratio - found.next / found.square).argmin())
    return sqrt(found.square / (square[at] * kept)), float(grid[at])


def residuals(panel: Panel) -> np.ndarray:
    """Return what is left beside unit and period effects and one effect by time since adoption."""
    keys = np.unique(panel.since[panel.seen & panel.treated])
    effects = effects_of(panel, panel.cohort[:, None])
    own = panel.since[effects.kinds.first]
    try:
        left = fit(panel, effects, (own[:, :, None] == keys).astype("float64"), "").residual
    except ParameterError:
        left = static_fit(panel).residual
    return np.where(panel.seen, left, np.nan)


def noise_of(panel: Panel) -> Noise:
    """Return how outcomes move beside unit, period and treatment effects."""
    left, clusters, periods = residuals(panel), len(panel.clusters), len(panel.times)
    count = by_cluster(panel.cluster, panel.seen.astype("float64"), clusters)
    total = by_cluster(panel.cluster, np.nan_to_num(left), clusters)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    others = 1 - 1 / clusters  # period effects take the mean over clusters out
    shared, apart = spread_of(mean), left - mean[panel.cluster]
    if count.max() < 2:  # units are clusters: all noise is shared
        return Noise(*stationary(shared, periods, others), 0.0, 0.0)
    inverse = float(np.mean(1 / count[count > 0]))
    own = spread_of(apart)
    alone = Spread(own.square / (1 - inverse), own.next / (1 - inverse))
    rest = Spread(shared.square - alone.square * inverse * others,
                  shared.next - alone.next * inverse * others)  # fmt: skip
    return Noise(*stationary(rest, periods, others), *stationary(alone, periods, 1.0))


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
