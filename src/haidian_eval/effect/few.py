"""Tests for few clusters: the wild bootstrap and exchanged assignments.

Both rest on sums by cluster: with them a draw costs a product of clusters x clusters, whatever the
number of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from math import factorial, inf, prod

import numpy as np
import pandas as pd

from haidian_eval.effect.estimate import Test, check_draws
from haidian_eval.effect.panel import Panel, read_panel, refuse_without_comparison
from haidian_eval.effect.regression import Fit, static_fit
from haidian_eval.effect.within import Effects, by_cluster, effects_of, take_out
from haidian_eval.errors import ParameterError, not_known

WEBB = np.sqrt([0.5, 1.0, 1.5])  # and their negatives (Webb 2023)
FEW = 12  # clusters up to which "auto" takes Webb's weights
SAME = 1e-9  # relative: statistics this near are ties, and ties count against the effect
BLOCK = 500  # assignments looked at together
SMALL = 200_000  # operations of a product, up to which threads cost more than they give
MOST_SIGNS = 20  # clusters whose sign vectors may be listed


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums by cluster of the regression on the treatment, unit and period effects taken out.

    design, outcome: cluster x period sums over units. cross, square: by cluster, of design times
    outcome and of design squared. inverse: T x T, of the period effects.
    """

    design: np.ndarray
    outcome: np.ndarray
    cross: np.ndarray
    square: np.ndarray
    inverse: np.ndarray


def moments(fitted: Fit) -> Moments:
    """Return the sums by cluster of a regression on the treatment alone."""
    panel, kinds = fitted.panel, fitted.effects.kinds
    own = fitted.design[:, :, 0][kinds.of]
    left = fitted.residual + own * fitted.coefficients[0]
    parts = [own, left, (own * left).sum(axis=1), (own**2).sum(axis=1)]
    sums = [by_cluster(panel.cluster, part, len(panel.clusters)) for part in parts]
    return Moments(sums[0], sums[1], sums[2], sums[3], fitted.effects.inverse)


def signs(clusters: int) -> np.ndarray:
    """Return all sign vectors: cluster x 2^clusters."""
    codes = np.arange(2**clusters)
    return 2.0 * ((codes[None, :] >> np.arange(clusters)[:, None]) & 1) - 1


def wild_weights(
    kind: str, clusters: int, draws: int, rng: np.random.Generator
) -> tuple[np.ndarray, str, bool]:
    """Return weights cluster x draw, what they are called and whether they are all there are."""
    chosen = kind if kind != "auto" else "webb" if clusters <= FEW else "rademacher"
    if chosen not in ("webb", "rademacher"):
        raise ParameterError(not_known(f"weights={kind!r}", kind, ("auto", "webb", "rademacher")))
    if chosen == "webb":
        return np.append(-WEBB, WEBB)[rng.integers(6, size=(clusters, draws))], "Webb", False
    if clusters <= MOST_SIGNS and 2**clusters <= draws:
        return signs(clusters), "Rademacher", True
    return 2.0 * rng.integers(2, size=(clusters, draws)) - 1, "Rademacher", False


def wild_statistics(sums: Moments, weights: np.ndarray, null: float) -> tuple[float, np.ndarray]:
    """Return the t statistic of `null` and those of the bootstrap samples that impose it.

    Scores of a sample are C w, with C[h, g] = 1(h = g) s_g - U_h S E_g - q_h s_g / Q: s and E are
    sums of restricted residuals, U and q of the treatment, S takes out period effects.
    """
    cross, total = sums.cross - null * sums.square, sums.square.sum()
    left = sums.outcome - null * sums.design
    inner = np.diag(cross) - sums.design @ sums.inverse @ left.T
    inner -= np.outer(sums.square, cross) / total
    top, below = np.empty(weights.shape[1]), np.empty(weights.shape[1])
    step = max(SMALL // len(cross) ** 2, 1)
    for start in range(0, weights.shape[1], step):
        own = slice(start, start + step)
        top[own] = cross @ weights[:, own]
        below[own] = np.sqrt(((inner @ weights[:, own]) ** 2).sum(axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = np.where(below > 0, top / below, inf * np.sign(top))
    beta = cross.sum() / total
    residual = inner.sum(axis=1)  # scores of the sample itself: all weights are one
    return float(beta * total / np.sqrt((residual**2).sum())), np.nan_to_num(drawn, posinf=inf)


def share_beyond(statistic: float, drawn: np.ndarray, *, enumerated: bool) -> float:
    """Return the two-sided p of a statistic among drawn ones; the sample itself is one of them."""
    beyond = int((np.abs(drawn) >= abs(statistic) * (1 - SAME)).sum())
    return beyond / len(drawn) if enumerated else (1 + beyond) / (1 + len(drawn))


def wild_cluster_bootstrap(
    panel: pd.DataFrame, outcome: str, treatment: str, unit: str, time: str, *, cluster: str,
    draws: int = 9999, weights: str = "auto", seed: int, null: float = 0.0,
    level: float | None = None,
) -> Test:  # fmt: skip
    """Return the restricted wild cluster bootstrap test of the two-way effect.

    Cameron, Gelbach and Miller 2008, with the null imposed.

    weights: "webb", "rademacher" (listed in full when 2^clusters <= draws) or "auto": Webb's up to
    12 clusters, Rademacher's above. null: the effect tested. level: such as 0.95, for the
    interval of effects that the same draws do not reject. Raises ParameterError for an unusable
    panel.
    """
    known = read_panel(panel, outcome, unit, time, treatment=treatment, cluster=cluster)
    own = moments(static_fit(known))
    found = wild_test(own, draws=draws, weights=weights, seed=seed, null=null, level=level)
    treated = np.unique(known.cluster[np.isfinite(known.cohort)])
    if 1 < len(treated) < len(known.clusters) - 1:
        return found
    few = "; one treated or one other cluster: p is not to be trusted (MacKinnon and Webb 2017)"
    return replace(found, rule=found.rule + few)


def wild_test(
    own: Moments, *, draws: int, weights: str, seed: int, null: float = 0.0,
    level: float | None = None,
) -> Test:  # fmt: skip
    """Return the wild bootstrap test from sums by cluster."""
    check_draws(draws)
    clusters = len(own.cross)
    drawn, name, full = wild_weights(weights, clusters, draws, np.random.default_rng(seed))
    statistic, others = wild_statistics(own, drawn, null)
    floor = 2 / len(others) if full else 1 / (1 + len(others))
    how = f"all {len(others)} sign vectors" if full else f"{len(others)} draws"
    rule = f"restricted wild cluster bootstrap, {name} weights, {how}, {clusters} clusters"
    low, high = (np.nan, np.nan) if level is None else not_rejected(own, drawn, full, level)
    return Test(statistic, share_beyond(statistic, others, enumerated=full), draws=len(others),
                floor=floor, enumerated=full, rule=rule, low=low,
                high=high)  # fmt: skip


def not_rejected(
    own: Moments, weights: np.ndarray, full: bool, level: float
) -> tuple[float, float]:
    """Return the ends of the effects that the bootstrap does not reject, by bisection."""
    beta, total = own.cross.sum() / own.square.sum(), own.square.sum()
    left = own.cross - beta * own.square
    step = max(np.sqrt((left**2).sum()) / total, abs(beta) * 1e-6, 1e-12)
    ends = []
    for side in (-1.0, 1.0):
        inside, outside = 0.0, 2.0
        while rejection(own, weights, full, beta + side * outside * step) > 1 - level:
            inside, outside = outside, 2 * outside
            if outside > 1e4:  # nothing is rejected, however far
                break
        for _ in range(30):
            middle = (inside + outside) / 2
            kept = rejection(own, weights, full, beta + side * middle * step) > 1 - level
            inside, outside = (middle, outside) if kept else (inside, middle)
        ends.append(side * inf if outside > 1e4 else beta + side * inside * step)
    return float(ends[0]), float(ends[1])


def rejection(own: Moments, weights: np.ndarray, full: bool, null: float) -> float:
    """Return the bootstrap p of a null."""
    return share_beyond(*wild_statistics(own, weights, null), enumerated=full)


@dataclass(frozen=True, slots=True)
class Assigned:
    """The two-way effect as a function of who adopts when.

    outcome: cluster x path sum of the outcome where the path is treated. square, period: cluster x
    path (x period), of the treatment without unit effects. inverse: T x T. own: the path of each.
    """

    outcome: np.ndarray
    square: np.ndarray
    period: np.ndarray
    inverse: np.ndarray
    own: np.ndarray


def assigned(panel: Panel, effects: Effects, cohort: np.ndarray) -> Assigned:
    """Return what is needed to give each cluster another cluster's path; cohort: by cluster."""
    paths, own = np.unique(cohort, return_inverse=True)
    path = (panel.times[None, :] >= paths[:, None]).astype("float64")
    mask = effects.mask[:, None, :]
    share = 1 / np.maximum(effects.mask.sum(axis=1), 1)[:, None]
    on = mask * path
    inside = mask * (on - (on.sum(axis=2) * share)[:, :, None])
    counts = np.zeros((len(cohort), len(effects.kinds.count)))
    np.add.at(counts, (panel.cluster, effects.kinds.of), 1)
    left = by_cluster(panel.cluster, take_out(effects, panel.outcome), len(cohort))
    square = np.tensordot(counts, (inside**2).sum(axis=2), axes=1)
    return Assigned(
        left @ path.T, square, np.tensordot(counts, inside, axes=1), effects.inverse, own
    )


def effect_of(found: Assigned, assignments: np.ndarray) -> np.ndarray:
    """Return the two-way effect of each assignment (assignment x cluster, codes of paths)."""
    at, parts = np.arange(assignments.shape[1]), []
    for start in range(0, len(assignments), BLOCK):
        own = assignments[start : start + BLOCK]
        period = found.period[at, own].sum(axis=1)
        square = found.square[at, own].sum(axis=1)
        square -= ((period @ found.inverse) * period).sum(axis=1)
        parts.append(found.outcome[at, own].sum(axis=1) / square)
    return np.concatenate(parts)


def arrangements(own: np.ndarray) -> Iterator[np.ndarray]:
    """Return every distinct way of handing out the paths."""
    counts = np.bincount(own)
    if (counts > 0).sum() == 1:
        yield own
        return
    last = int(np.flatnonzero(counts)[-1])
    rest = own[own != last]
    for places in combinations(range(len(own)), int(counts[last])):
        taken = np.zeros(len(own), dtype=bool)
        taken[list(places)] = True
        for other in arrangements(rest):
            found = np.full(len(own), last)
            found[~taken] = other
            yield found


def cohort_of_cluster(panel: Panel) -> np.ndarray:
    """Return when each cluster adopts; units of one that differ are refused."""
    cohort = np.full(len(panel.clusters), inf)
    np.minimum.at(cohort, panel.cluster, panel.cohort)
    wrong = panel.seen & (panel.treated != (panel.times >= cohort[panel.cluster][:, None]))
    if wrong.any():
        at = panel.cluster[wrong.any(axis=1).argmax()]
        raise ParameterError(
            f"units of the cluster {panel.clusters[at]!r} adopt at different times; assignments are"
            " exchanged between whole clusters. Leave out cluster to exchange them between units"
        )
    return cohort


def randomisation_test(
    panel: pd.DataFrame, outcome: str, treatment: str, unit: str, time: str, *,
    cluster: str | None = None, draws: int = 9999, seed: int,
) -> Test:  # fmt: skip
    """Return the test by exchanging who adopts when among units, or among clusters (Fisher 1935).

    Exact where any unit could have been in any other's place. The statistic is the two-way effect.
    All assignments are looked at when there are at most `draws`. floor: the smallest p possible.
    Raises ParameterError for an unusable panel and for a cluster whose units adopt at different
    times.
    """
    known = read_panel(panel, outcome, unit, time, treatment=treatment, cluster=cluster)
    refuse_without_comparison(known)
    static_fit(known)  # says what is not identified
    found = assigned(known, effects_of(known), cohort_of_cluster(known))
    return exchange(found, draws=draws, seed=seed)


def arrangement_draws(
    own: np.ndarray, draws: int, rng: np.random.Generator
) -> tuple[np.ndarray, int, bool]:
    """Return assignments, how many distinct ones there are and whether these are all of them."""
    counts = np.bincount(own)
    ways = factorial(len(own)) // prod(factorial(int(one)) for one in counts)
    if ways <= draws:
        return np.array(list(arrangements(own))), ways, True
    return rng.permuted(np.tile(own, (draws, 1)), axis=1), ways, False


def exchange(found: Assigned, *, draws: int, seed: int) -> Test:
    """Return the test by exchanged assignments."""
    check_draws(draws)
    others, ways, full = arrangement_draws(found.own, draws, np.random.default_rng(seed))
    statistic = float(effect_of(found, found.own[None, :])[0])
    p = share_beyond(statistic, effect_of(found, others), enumerated=full)
    how = f"all {ways} assignments" if full else f"{draws} of {float(ways):.3g} assignments"
    floor = 1 / ways if full else max(1 / ways, 1 / (1 + draws))
    rule = f"two-way effect under exchanged adoption, {how}"
    return Test(statistic, p, draws=len(others), floor=floor, enumerated=full, rule=rule)
