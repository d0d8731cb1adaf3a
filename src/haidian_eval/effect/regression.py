"""Two-way fixed effects: one effect, or one by period since adoption; errors by cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import sqrt

import numpy as np
import pandas as pd

from haidian_eval.effect.estimate import Estimate, check_level, estimated, table
from haidian_eval.effect.panel import (
    Panel,
    complete,
    label,
    named,
    read_panel,
    refuse_without_comparison,
)
from haidian_eval.effect.within import (
    Effects,
    beside,
    by_cluster,
    by_kind,
    effects_of,
    scores,
    take_out,
    take_out_of_kinds,
)
from haidian_eval.errors import ParameterError, not_known

SINGULAR = 1e-9  # of the largest: below it a direction is taken to be none
RULES = {
    "hc0": "cluster-robust, no small-sample factor",
    "plm": "cluster-robust, G/(G-1) x (n-1)/(n-k), k slopes (plm)",
    "fixest": "cluster-robust, G/(G-1) x (n-1)/(n-K), K = slopes + period effects (fixest)",
    "stata": "cluster-robust, G/(G-1) x (n-1)/(n-K), K = slopes + unit and period effects (Stata)",
    "cr2": "cluster-robust, CR2 with Satterthwaite degrees of freedom (Bell and McCaffrey 2002)",
}


@dataclass(frozen=True, slots=True)
class Fit:
    """A regression with unit and period effects.

    design: kind x period x slope, effects taken out. bread: inverse of its cross product.
    coefficients: by slope. residual: unit x period. scores: cluster x slope.
    """

    panel: Panel
    effects: Effects
    design: np.ndarray
    bread: np.ndarray
    coefficients: np.ndarray
    residual: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True, slots=True)
class EventStudy:
    """Effects by period since adoption, against the period before it.

    frame: key, value, se, low, high, n (treated rows). covariance: key x key.
    """

    frame: pd.DataFrame
    covariance: pd.DataFrame = field(repr=False)
    clusters: int
    df: float
    rule: str


def fit(panel: Panel, effects: Effects, design: np.ndarray, wanted: str) -> Fit:
    """Return the least-squares fit of a design by kind, and of the panel's covariates after it.

    `wanted` names what is not identified.
    """
    design = beside(panel, effects, design)
    inside = take_out_of_kinds(effects, design)
    weighted = inside * effects.kinds.count[:, None, None]
    cross = np.tensordot(weighted, inside, axes=([0, 1], [0, 1]))
    raw = np.einsum("p,ptk,ptk->k", effects.kinds.count, design, design)
    scale = np.sqrt(np.where(raw > 0, raw, 1.0))
    scaled = cross / np.outer(scale, scale)
    if np.linalg.eigvalsh(scaled)[0] < SINGULAR:
        raise ParameterError(to_blame(panel, scaled) or wanted)
    bread = np.linalg.inv(cross)
    outcome = take_out(effects, panel.outcome)
    slopes = bread @ np.tensordot(inside, by_kind(effects.kinds, outcome), axes=([0, 1], [0, 1]))
    residual = outcome - (inside @ slopes)[effects.kinds.of]
    own = scores(effects.kinds, inside, residual)
    whole = by_cluster(panel.cluster, own, len(panel.clusters))
    return Fit(panel, effects, inside, bread, slopes, residual, whole)


def to_blame(panel: Panel, scaled: np.ndarray) -> str:
    """Return which covariate says nothing beside unit and period effects, if one does."""
    names, slopes = list(panel.covariates), len(scaled) - len(panel.covariates)
    flat = [
        name for name, own in zip(names, np.diag(scaled)[slopes:], strict=True) if own < SINGULAR
    ]
    if flat:
        return (f"covariates: {flat[0]!r} is constant within units or periods and cannot be told"
                " from their effects; leave it out")  # fmt: skip
    if names and (not slopes or np.linalg.eigvalsh(scaled[:slopes, :slopes])[0] >= SINGULAR):
        return f"covariates {names} repeat each other or the treatment; leave some out"
    return ""


def factor(fitted: Fit, small_sample: str) -> float:
    """Return the small-sample factor of a cluster-robust variance."""
    rows, clusters, slopes = fitted.panel.n, len(fitted.panel.clusters), len(fitted.bread)
    units, periods = fitted.panel.outcome.shape
    taken = {"hc0": 0, "plm": slopes, "fixest": slopes + periods,
             "stata": slopes + units + periods - 1}  # fmt: skip
    if small_sample not in taken:
        raise ParameterError(not_known(f"small_sample={small_sample!r}", small_sample, RULES))
    if small_sample == "hc0":
        return 1.0
    left = rows - taken[small_sample]
    if left < 1:
        raise ParameterError(
            f"small_sample={small_sample!r}: {taken[small_sample]} parameters, {rows} rows;"
            " more rows, fewer effects or another rule are needed"
        )
    return clusters / (clusters - 1) * (rows - 1) / left


def covariance(fitted: Fit, small_sample: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the covariance of the slopes and the degrees of freedom of each."""
    clusters = len(fitted.panel.clusters)
    if small_sample == "cr2":
        return bell_mccaffrey(fitted)
    meat = fitted.scores.T @ fitted.scores
    found = fitted.bread @ meat @ fitted.bread * factor(fitted, small_sample)
    return found, np.full(len(found), clusters - 1.0)


@dataclass(frozen=True, slots=True)
class Levers:
    """What CR2 needs of a design: with which weights scores enter each slope, and its df.

    whole: kind x period x column, slopes first and then periods. weights: cluster x column x slope.
    """

    whole: np.ndarray
    weights: np.ndarray
    df: np.ndarray


def levers(fitted: Fit) -> Levers:
    """Return the CR2 weights of cluster scores and Satterthwaite degrees of freedom.

    Scores of cluster g are multiplied by f(G_g M), f(x) = (1 - x)^(-1/2), where G_g is the
    cluster's cross product and M the inverse of all: X'(I - X M X')^(-1/2) = f(X'X M) X'. Period
    effects are columns of X; unit effects lie inside clusters and may be taken out before (Bell and
    McCaffrey 2002; Pustejovsky and Tipton 2018). Directions that a cluster alone decides get no
    weight, as with a pseudo-inverse.
    """
    mask, slopes = fitted.effects.mask[:, :, None], len(fitted.bread)
    period = mask * np.eye(mask.shape[1])[None, :, 1:]
    period -= mask * period.sum(axis=1, keepdims=True) / np.maximum(mask.sum(1, keepdims=True), 1)
    whole = np.concatenate([fitted.design, period], axis=2)
    each = np.einsum("ptk,ptl->pkl", whole, whole)
    root, back = square_roots(np.tensordot(fitted.effects.kinds.count, each, axes=1))
    grams = cluster_grams(fitted, each)
    told = [adjusted(root @ gram @ root, back, root) for gram in grams]
    inverse = (root @ root)[:, :slopes]
    squares = np.array([np.einsum("ka,kl,la->a", inverse, s, inverse) for _, s in told])
    cross = np.stack([f @ gram @ inverse for (f, _), gram in zip(told, grams, strict=True)])
    df = satterthwaite(squares, cross, root @ root)
    return Levers(whole, np.stack([f.T @ inverse for f, _ in told]), df)


def bell_mccaffrey(fitted: Fit) -> tuple[np.ndarray, np.ndarray]:
    """Return the CR2 covariance of the slopes and Satterthwaite degrees of freedom."""
    found = levers(fitted)
    own = scores(fitted.effects.kinds, found.whole, fitted.residual)
    whole = by_cluster(fitted.panel.cluster, own, len(fitted.panel.clusters))
    parts = np.einsum("gk,gka->ga", whole, found.weights)
    return parts.T @ parts, found.df


def satterthwaite(squares: np.ndarray, cross: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """Return degrees of freedom by slope: (sum of p_g'p_g)^2 over the sum of all (p_g'p_h)^2.

    squares: cluster x slope. cross: cluster x column x slope. inverse: of all columns.
    """
    found = []
    for at in range(squares.shape[1]):
        between = cross[:, :, at] @ inverse @ cross[:, :, at].T
        products = np.diag(squares[:, at]) - between
        found.append(np.trace(products) ** 2 / (products**2).sum())
    return np.array(found)


def square_roots(cross: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the symmetric roots of the inverse of a cross product and of itself."""
    size, axes = np.linalg.eigh(cross)
    known = size > SINGULAR * size[-1]
    inverse = np.where(known, 1 / np.sqrt(np.where(known, size, 1)), 0)
    return (axes * inverse) @ axes.T, (axes * np.sqrt(np.where(known, size, 0))) @ axes.T


def adjusted(
    inner: np.ndarray, back: np.ndarray, root: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return f(G M) of a cluster and f(G M) squared times G, from R G R with R the root of M."""
    size, axes = np.linalg.eigh(inner)
    free = 1 - size > SINGULAR
    weight = np.where(free, 1 / np.sqrt(np.where(free, 1 - size, 1)), 0)
    return back @ (axes * weight) @ axes.T @ root, back @ (
        axes * (weight**2 * size)
    ) @ axes.T @ back


def cluster_grams(fitted: Fit, grams: np.ndarray) -> np.ndarray:
    """Return the cross products of all columns by cluster."""
    clusters, kinds = fitted.panel.cluster, fitted.effects.kinds
    counts = np.zeros((len(fitted.panel.clusters), len(kinds.count)))
    np.add.at(counts, (clusters, kinds.of), 1)
    return np.tensordot(counts, grams, axes=1)


def twfe(
    panel: pd.DataFrame, outcome: str, treatment: str, unit: str, time: str, *, cluster: str,
    small_sample: str = "fixest", covariates: str | Sequence[str] | None = None,
    level: float = 0.95,
) -> Estimate:  # fmt: skip
    """Return the coefficient of a 0/1 treatment beside unit and period effects.

    In units of the outcome; gaps are allowed, rows without a covariate are left out. Where adoption
    is staggered and effects differ it is no average of effects (Goodman-Bacon 2021): see att_gt and
    imputation. t distribution with clusters - 1 degrees of freedom, or Satterthwaite's for "cr2".
    Raises ParameterError for a panel that cannot be used and for a rule that is not known.
    """
    known = read_panel(panel, outcome, unit, time, treatment=treatment, cluster=cluster,
                       covariates=named(covariates))  # fmt: skip
    return static(complete(known), small_sample=small_sample, level=level)


def static_fit(panel: Panel) -> Fit:
    """Return the regression on the treatment."""
    refuse_without_comparison(panel)
    effects = effects_of(panel, np.packbits(panel.treated, axis=1))
    design = panel.treated[effects.kinds.first][:, :, None].astype("float64")
    return fit(panel, effects, design, "the treatment cannot be told from unit and period effects;"
               " a unit is needed that adopts while another has not")  # fmt: skip


def static(panel: Panel, *, small_sample: str = "fixest", level: float = 0.95) -> Estimate:
    """Return the effect of the treatment of a panel."""
    fitted = static_fit(panel)
    found, df = covariance(fitted, small_sample)
    return estimated(
        fitted.coefficients[0], sqrt(found[0, 0]), n=panel.n, clusters=len(panel.clusters),
        df=float(df[0]), rule=RULES[small_sample], level=level,
    )  # fmt: skip


def event_study(
    panel: pd.DataFrame, outcome: str, unit: str, time: str, cohort: str, *, cluster: str,
    window: tuple[int, int] | None = None, small_sample: str = "fixest",
    covariates: str | Sequence[str] | None = None, level: float = 0.95,
) -> EventStudy:  # fmt: skip
    """Return effects by period since adoption from a regression with unit and period effects.

    The reference is the period before adoption (the nearest there is). window = (-4, 6): what lies
    outside is counted with the ends. Assumes equal effects in all cohorts (Sun and Abraham 2021);
    see sun_abraham and att_gt for what does not. Raises ParameterError as `twfe`, and without
    window where no unit is never treated: then effects are known up to a straight line only.
    """
    check_level(level)
    known = complete(read_panel(panel, outcome, unit, time, cohort=cohort, cluster=cluster,
                                covariates=named(covariates)))  # fmt: skip
    refuse_without_comparison(known)
    keys = event_keys(known, window)
    effects = effects_of(known, known.cohort[:, None])
    own = clipped(known.since[effects.kinds.first], window)
    design = (own[:, :, None] == keys).astype("float64")
    fitted = fit(known, effects, design, unidentified(known, window))
    found, df = covariance(fitted, small_sample)
    found, df = found[: len(keys), : len(keys)], df[: len(keys)]
    se = np.sqrt(np.diag(found))
    shown = table(keys, fitted.coefficients[: len(keys)], se, df=df, level=level)
    treated = (design * effects.mask[:, :, None]).sum(axis=1)
    rows = (treated * effects.kinds.count[:, None]).sum(axis=0)
    return EventStudy(
        shown.assign(n=rows.astype("int64")), pd.DataFrame(found, keys, keys),
        len(known.clusters), float(df.min()), RULES[small_sample],
    )  # fmt: skip


def clipped(since: np.ndarray, window: tuple[int, int] | None) -> np.ndarray:
    """Return periods since adoption, those outside the window counted with its ends."""
    if window is None:
        return since
    return np.where(np.isinf(since), since, np.clip(since, *window))


def event_keys(panel: Panel, window: tuple[int, int] | None) -> np.ndarray:
    """Return the periods since adoption that are estimated."""
    if window is not None and not window[0] < -1 < window[1]:
        raise ParameterError(f"window = {window}: it must hold -1, the reference, between its ends")
    since = clipped(panel.since, window)[panel.seen]
    keys = np.unique(since[np.isfinite(since)])
    if not (keys < 0).any():
        raise ParameterError(
            "no unit is observed before its adoption, and that is the reference; give more periods"
        )
    own: np.ndarray = keys[keys != keys[keys < 0].max()].astype("int64")
    return own


def unidentified(panel: Panel, window: tuple[int, int] | None) -> str:
    """Return what to do where effects by period cannot be told apart."""
    if np.isinf(panel.cohort).any():
        return ("some effects by period since adoption cannot be told from unit and period effects;"
                " give a narrower window")  # fmt: skip
    last = label(panel, panel.cohort.max())
    advice = "another window" if window else "a window such as (-4, 4)"
    return (f"every unit adopts, the last in {last}: effects by period since adoption are known up"
            f" to a straight line only. Give {advice}, to count far periods together")  # fmt: skip
