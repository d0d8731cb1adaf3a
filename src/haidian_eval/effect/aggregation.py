"""Effects by cohort and period as one number, or by cohort, period or time since adoption."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import isinf

import numpy as np
import pandas as pd
from scipy.special import chdtrc, chdtri, chndtr, fdtrc, fdtri, ncfdtr

from haidian_eval.effect.estimate import (
    Estimate,
    Test,
    check_draws,
    check_level,
    estimated,
    table,
)
from haidian_eval.effect.group_time import GroupTimeEffects, as_written, covariance, errors, summed
from haidian_eval.errors import ParameterError, not_known

SINGULAR = 1e-10


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Group-time effects drawn together.

    overall: one estimate. by: key (periods since adoption, cohort or period), value, se, low, high.
    influence: unit x key. span: by key the periods between the one measured and its base. early:
    by key whether it lies before adoption. source: what was drawn together.
    """

    overall: Estimate
    by: pd.DataFrame
    influence: np.ndarray = field(repr=False)
    span: np.ndarray = field(repr=False)
    early: np.ndarray = field(repr=False)
    source: GroupTimeEffects = field(repr=False)


@dataclass(frozen=True, slots=True)
class Part:
    """A weighted mean of cells: its value, the influence of each unit, and its span."""

    value: float
    influence: np.ndarray
    span: float


def mean_of(found: GroupTimeEffects, rows: np.ndarray) -> Part:
    """Return the mean of some cells weighted by the size of their cohorts.

    The influence counts that the shares of the cohorts are themselves estimated.
    """
    cohort, value = found.numbers[rows, 0], found.frame["value"].to_numpy()[rows]
    own = found.cohorts[:, None] == cohort
    share = own.mean(axis=0)
    weight = share / share.sum()
    centred = own - share
    drawn = centred @ (value / share.sum()) - centred.sum(axis=1) * ((value @ weight) / share.sum())
    span = spans(found)[rows] @ weight
    return Part(float(value @ weight), found.influence[:, rows] @ weight + drawn, float(span))


def spans(found: GroupTimeEffects) -> np.ndarray:
    """Return by cell the periods between the one measured and its base."""
    own: np.ndarray = found.numbers[:, 1] - found.numbers[:, 2]
    return own


def plain_mean(found: GroupTimeEffects, rows: np.ndarray) -> Part:
    """Return the mean of some cells, each counted once."""
    value, span = found.frame["value"].to_numpy()[rows].mean(), spans(found)[rows].mean()
    return Part(float(value), found.influence[:, rows].mean(axis=1), float(span))


def across(parts: list[Part]) -> Part:
    """Return the mean of parts, each counted once."""
    influence = np.mean([part.influence for part in parts], axis=0)
    return Part(float(np.mean([part.value for part in parts])), influence,
                float(np.mean([part.span for part in parts])))  # fmt: skip


def by_size(found: GroupTimeEffects, keys: np.ndarray, parts: list[Part]) -> Part:
    """Return the mean over cohorts, weighted by their sizes."""
    own = found.cohorts[:, None] == keys
    share, value = own.mean(axis=0), np.array([part.value for part in parts])
    weight, centred = share / share.sum(), own - share
    drawn = centred @ (value / share.sum()) - centred.sum(axis=1) * ((value @ weight) / share.sum())
    whole = np.column_stack([part.influence for part in parts]) @ weight + drawn
    return Part(float(value @ weight), whole, float(weight @ [part.span for part in parts]))


Kind = tuple[Part, np.ndarray, list[Part]]


def simple(found: GroupTimeEffects, since: np.ndarray) -> Kind:
    """Return the mean over all cells after adoption, by size of cohort."""
    return mean_of(found, np.flatnonzero(since >= 0)), np.array([]), []


def dynamic(found: GroupTimeEffects, since: np.ndarray) -> Kind:
    """Return means by periods since adoption; overall, the mean of those from adoption on."""
    keys = np.unique(since)
    parts = [mean_of(found, np.flatnonzero(since == key)) for key in keys]
    return across([p for key, p in zip(keys, parts, strict=True) if key >= 0]), keys, parts


def group(found: GroupTimeEffects, since: np.ndarray) -> Kind:
    """Return means by cohort; overall, their mean by size of cohort."""
    cohort = found.numbers[:, 0]
    keys = np.unique(cohort[since >= 0])
    parts = [plain_mean(found, np.flatnonzero((cohort == key) & (since >= 0))) for key in keys]
    return by_size(found, keys, parts), keys, parts


def calendar(found: GroupTimeEffects, since: np.ndarray) -> Kind:
    """Return means by period over the cohorts then treated; overall, their mean."""
    time = found.numbers[:, 1]
    keys = np.unique(time[since >= 0])
    parts = [mean_of(found, np.flatnonzero((time == key) & (since >= 0))) for key in keys]
    return across(parts), keys, parts


KINDS: dict[str, Callable[[GroupTimeEffects, np.ndarray], Kind]] = {
    "simple": simple, "dynamic": dynamic, "group": group, "calendar": calendar,
}  # fmt: skip


def aggregate(group_time: GroupTimeEffects, kind: str) -> Aggregate:
    """Return group-time effects drawn together (Callaway and Sant'Anna 2021, section 3.1).

    kind: "simple" over all cells after adoption, "dynamic" by periods since adoption, "group" by
    cohort, "calendar" by period. Raises ParameterError for another kind and where no cell lies
    after adoption.
    """
    if kind not in KINDS:
        raise ParameterError(not_known(f"kind={kind!r}", kind, KINDS))
    frame = group_time.frame
    since = group_time.numbers[:, 1] - group_time.numbers[:, 0]
    if not (since >= 0).any():
        raise ParameterError("no period after adoption can be compared; more periods are needed")
    whole, keys, parts = KINDS[kind](group_time, since)
    n, df, level = len(group_time.influence), group_time.df, group_time.level
    se = float(errors(whole.influence[:, None], group_time.cluster)[0])
    overall = estimated(whole.value, se, n=int(frame.loc[since >= 0, "n"].sum()),
                        clusters=group_time.clusters, df=df, rule=group_time.rule, level=level,
                        dropped=group_time.dropped)  # fmt: skip
    influence = np.column_stack([part.influence for part in parts]) if parts else np.empty((n, 0))
    values = np.array([part.value for part in parts])
    labels = {} if kind == "dynamic" else group_time.labels
    shown = [as_written(labels, key) for key in keys]
    by = table(shown, values, errors(influence, group_time.cluster), df=df, level=level)
    span = np.array([part.span for part in parts])
    early = (keys < -group_time.anticipation) & (kind == "dynamic")
    return Aggregate(overall, by, influence, span, early, group_time)


def mammen(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return Mammen's two-point weights: mean 0, variance 1, third moment 1."""
    root = np.sqrt(5.0)
    return np.where(rng.random(shape) < (root + 1) / (2 * root), (1 - root) / 2, (1 + root) / 2)


def bands(
    found: GroupTimeEffects | Aggregate, *, draws: int = 999, seed: int, level: float = 0.95
) -> pd.DataFrame:
    """Return all estimates with bands that hold for all of them at once, by multiplier bootstrap.

    attrs["critical"]: how many standard errors wide. Estimates without error have no band.
    """
    check_level(level)
    check_draws(draws)
    source = found.source if isinstance(found, Aggregate) else found
    frame = found.by if isinstance(found, Aggregate) else source.frame
    influence, n = summed(found.influence, source.cluster), len(found.influence)
    se = frame["se"].to_numpy()
    known = np.flatnonzero(se > 0)
    rng, own, most = np.random.default_rng(seed), influence[:, known], []
    for start in range(0, draws, 100):
        weights = mammen(rng, (min(100, draws - start), len(own)))
        most.append(np.abs(weights @ own / (n * se[known])).max(axis=1, initial=0.0))
    critical = float(np.quantile(np.concatenate(most), level))
    shown = frame.assign(low=frame["value"] - critical * se, high=frame["value"] + critical * se)
    shown.attrs["critical"] = critical
    return shown


def pretrend_test(group_time: GroupTimeEffects | Aggregate, *, slope: float | None = None) -> Test:
    """Return the joint Wald test that nothing moved before adoption, and what it could have seen.

    power: its probability of rejecting at 5 % where the treated units' trend differs by `slope` a
    period; by default the slope that alone would explain the whole effect. Clustered errors: the
    statistic is compared with Hotelling's distribution. Periods of anticipation are left out. Give
    aggregate(..., "dynamic") where there are more cells than clusters. Raises ParameterError where
    no period before adoption is compared.
    """
    source = group_time.source if isinstance(group_time, Aggregate) else group_time
    value, span, before = pretrends(group_time)
    if not before.any():
        raise ParameterError("no period before adoption can be compared; earlier ones are needed")
    found = covariance(group_time.influence[:, before], source.cluster)
    q, df = int(before.sum()), source.df
    if np.isnan(found).any() or df < q or np.linalg.cond(found) > 1 / SINGULAR:
        says = (
            f"{q} restrictions on {len(group_time.influence)} units in {source.clusters} clusters:"
        )
        says += " no test; draw periods together (dynamic)"
        return Test(float("nan"), float("nan"), q, rule=says)
    inverse = np.linalg.inv(found)
    statistic = float(value[before] @ inverse @ value[before])
    effect = aggregate(source, "simple").overall.value
    steep = effect / mean_of(source, np.flatnonzero(after(source))).span if slope is None else slope
    drift = steep * span[before]
    p, power = wald(statistic, float(drift @ inverse @ drift), q, df)
    how = "chi-squared" if isinf(df) else f"Hotelling, {df:g} degrees of freedom"
    rule = f"Wald, {how}; power against a difference in trend of {steep:.4g} a period"
    return Test(statistic, p, q, power=power, rule=rule)


def after(found: GroupTimeEffects) -> np.ndarray:
    """Return which cells lie after adoption."""
    own: np.ndarray = found.numbers[:, 1] >= found.numbers[:, 0]
    return own


def pretrends(found: GroupTimeEffects | Aggregate) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return values, spans and which of them lie before adoption."""
    if isinstance(found, Aggregate):
        return found.by["value"].to_numpy(), found.span, found.early
    early = found.numbers[:, 1] < found.numbers[:, 0] - found.anticipation
    return found.frame["value"].to_numpy(), spans(found), early


def wald(statistic: float, shift: float, q: int, df: float) -> tuple[float, float]:
    """Return p and the probability of rejecting at 5 % where the truth is `shift` away."""
    if isinf(df):
        return float(chdtrc(q, statistic)), float(1 - chndtr(chdtri(q, 0.05), q, shift))
    left = df - q + 1
    scaled = statistic * left / (q * df)
    return float(fdtrc(q, left, scaled)), float(1 - ncfdtr(q, left, shift, fdtri(q, left, 0.95)))
