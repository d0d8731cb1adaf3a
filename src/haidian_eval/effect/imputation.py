"""Effects by imputing what treated units would have shown (Borusyak, Jaravel and Spiess 2024)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from math import sqrt

import numpy as np
import pandas as pd

from haidian_eval.effect.estimate import Estimate, estimated, table
from haidian_eval.effect.panel import Panel, read_panel, refuse_without_comparison
from haidian_eval.effect.within import Effects, by_cluster, effects_of
from haidian_eval.errors import ParameterError, not_known

DUST = 1e-12  # of the largest outcome: differences that rounding alone makes
ENOUGH = 10  # clusters in every cohort, below which effects are compared with one mean of all


@dataclass(frozen=True, slots=True)
class Imputed:
    """What treated units show beyond what was to be expected.

    panel: of the units that can be used. effects: of untreated rows. gap: unit x period, the
    difference from what unit and period effects lead one to expect. treated: unit x period, rows
    whose gap is an effect.
    """

    panel: Panel
    effects: Effects
    gap: np.ndarray
    treated: np.ndarray


def impute(panel: Panel, anticipation: int = 0) -> Imputed:
    """Return effects by row; a row counts where untreated rows tell its unit and its period.

    anticipation: periods before adoption that count neither as treated nor as untreated. Raises
    ParameterError where there is no such row.
    """
    refuse_without_comparison(panel)
    untreated = np.asarray(panel.seen & (panel.since < -anticipation))
    effects = effects_of(panel, seen=untreated)
    known = np.where(untreated, panel.outcome, 0.0)
    left = untreated * (known - (known.sum(axis=1) * effects.share)[:, None])
    period = effects.inverse @ left.sum(axis=0)
    unit = (known - untreated * period).sum(axis=1) * effects.share
    gap = np.where(panel.seen, panel.outcome - unit[:, None] - period, 0.0)
    treated = panel.seen & panel.treated & reached(untreated)
    if not treated.any():
        raise ParameterError(
            "no treated row can be imputed: its unit needs a period before adoption, and its period"
            " a unit that is not treated yet"
        )
    return Imputed(panel, effects, gap, treated)


def reached(untreated: np.ndarray) -> np.ndarray:
    """Return unit x period: whether untreated rows tell the unit and the period together."""
    from scipy.sparse.csgraph import connected_components

    together = untreated.T.astype("float64") @ untreated
    part = connected_components(together > 0, directed=False)[1]
    there = np.asarray(untreated.any(axis=1))
    own = np.where(there, part[untreated.argmax(axis=1)], -1)
    seen = untreated.any(axis=0)
    known: np.ndarray = (own[:, None] == part) & there[:, None] & seen
    return known


def influence(found: Imputed, weight: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Return by unit its part in the error of a weighted sum of effects.

    Treated rows count with `weight` and what they differ from `expected`, untreated rows with what
    they weigh in the sum through unit and period effects, times their residual.
    """
    effects, untreated = found.effects, found.effects.seen
    of_unit = weight.sum(axis=1) * effects.share
    period = effects.inverse @ (weight.sum(axis=0) - untreated.T @ of_unit)
    unit = of_unit - (untreated @ period) * effects.share
    before = -((unit[:, None] + period) * untreated * found.gap).sum(axis=1)
    own: np.ndarray = before + (weight * (found.gap - expected)).sum(axis=1)
    return own


def expected_effects(found: Imputed) -> np.ndarray | None:
    """Return the mean effect by cohort and period, where every cohort has enough clusters for one.

    Else none: rows are compared with the mean of all, which counts differences between effects as
    error, since a cohort of one park shows no error of its own.
    """
    panel, cohorts = found.panel, np.unique(found.panel.cohort[found.treated.any(axis=1)])
    sizes = [len(np.unique(panel.cluster[panel.cohort == one])) for one in cohorts]
    if min(sizes) < ENOUGH:
        return None
    expected = np.zeros(found.gap.shape)
    for one in cohorts:
        own = panel.cohort == one
        count = found.treated[own].sum(axis=0)
        expected[own] = (found.gap * found.treated)[own].sum(axis=0) / np.maximum(count, 1)
    return expected


def imputation(
    panel: pd.DataFrame, outcome: str, unit: str, time: str, cohort: str, *,
    cluster: str | None = None, errors: str = "influence", anticipation: int = 0,
    level: float = 0.95,
) -> Estimate:  # fmt: skip
    """Return the mean effect over treated rows against what untreated rows lead one to expect.

    Unit and period effects come from untreated rows alone; a unit with one period before adoption
    is enough. errors: "influence" (conservative, equations 7-8) or, for few clusters, "jackknife":
    each cluster left out once. t with clusters - 1 degrees of freedom. anticipation: periods before
    adoption that count neither way. `by`: by periods since adoption.
    dropped: treated units without a usable row. Raises ParameterError for an unusable panel and
    where no row can be imputed.
    """
    if errors not in ("influence", "jackknife"):
        raise ParameterError(not_known(f"errors={errors!r}", errors, ("influence", "jackknife")))
    known = read_panel(panel, outcome, unit, time, cohort=cohort, cluster=cluster)
    found = summed_up(impute(known, anticipation), level=level)
    return found if errors == "influence" else jackknifed(known, found, anticipation, level=level)


def means_of(found: Imputed, keys: np.ndarray) -> np.ndarray:
    """Return the mean effect over all treated rows, then by periods since adoption."""
    since = np.where(found.treated, found.panel.since, -1)
    parts = [found.gap[own] for own in (found.treated, *(since == key for key in keys))]
    return np.array([own.mean() if own.size else np.nan for own in parts])


def left_out(panel: Panel, keys: np.ndarray, anticipation: int = 0) -> np.ndarray:
    """Return the means of effects without each cluster in turn: cluster x (1 + keys)."""
    found = np.full((len(panel.clusters), 1 + len(keys)), np.nan)
    for cluster in range(len(panel.clusters)):
        with suppress(ParameterError):  # without it nothing can be imputed: no value
            rest = impute(panel.keep(panel.cluster != cluster), anticipation)
            found[cluster] = means_of(rest, keys)
    return found


def jackknife_errors(values: np.ndarray) -> np.ndarray:
    """Return sqrt((G - 1) / G x sum of squared differences from the mean), none with a gap."""
    count = len(values)
    spread = ((values - values.mean(axis=0)) ** 2).sum(axis=0)
    own: np.ndarray = np.sqrt((count - 1) / count * spread)
    return own


def jackknifed(panel: Panel, found: Estimate, anticipation: int, *, level: float) -> Estimate:
    """Return an estimate with errors from leaving out each cluster (Efron and Tibshirani 1993)."""
    assert found.by is not None
    se = jackknife_errors(left_out(panel, found.by["key"].to_numpy(), anticipation))
    se = np.where(se > DUST * np.nanmax(np.abs(panel.outcome)), se, 0.0 * se)
    by = table(found.by["key"], found.by["value"].to_numpy(), se[1:], df=found.df, level=level)
    return estimated(found.value, float(se[0]), n=found.n, clusters=found.clusters, df=found.df,
                     level=level, rule="jackknife over clusters, t with clusters - 1",
                     dropped=found.dropped, by=by.assign(n=found.by["n"]))  # fmt: skip


def summed_up(found: Imputed, *, level: float = 0.95) -> Estimate:
    """Return the mean effect with its error, and by periods since adoption."""
    panel, clusters = found.panel, len(found.panel.clusters)
    expected = expected_effects(found)
    means = "their mean (small cohorts)" if expected is None else "means by cohort and period"
    since = np.where(found.treated, panel.since, -1)
    keys = np.unique(since[found.treated])
    rows = [found.treated, *(since == key for key in keys)]
    values = [found.gap[own].mean() for own in rows]
    se = [error(found, own, value, expected) for own, value in zip(rows, values, strict=True)]
    by = table(
        keys.astype("int64"), np.array(values[1:]), np.array(se[1:]), df=clusters - 1, level=level
    )
    usable = found.treated.any(axis=1)
    dropped = int((np.isfinite(panel.cohort) & ~usable).sum())
    return estimated(values[0], se[0], n=panel.n, clusters=clusters, df=clusters - 1.0, level=level,
                     rule=f"conservative, clustered, effects against {means}", dropped=dropped,
                     by=by.assign(n=[int(own.sum()) for own in rows[1:]]))  # fmt: skip


def error(found: Imputed, rows: np.ndarray, value: float, expected: np.ndarray | None) -> float:
    """Return the standard error of the mean effect over some rows; of one cluster none is known."""
    panel = found.panel
    if len(np.unique(panel.cluster[rows.any(axis=1)])) < 2:
        return float("nan")
    own = np.full(rows.shape, value) if expected is None else expected
    parts = influence(found, rows / rows.sum(), own)
    return sqrt((by_cluster(panel.cluster, parts[:, None], len(panel.clusters)) ** 2).sum())
