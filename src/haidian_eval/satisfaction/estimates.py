"""Means, totals, shares, ratios and quantiles of a population from a designed sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from scipy import special

from haidian_eval.errors import ParameterError, not_known
from haidian_eval.satisfaction.calibration import AnyDesign
from haidian_eval.satisfaction.cells import columns_of
from haidian_eval.satisfaction.design import Names, named
from haidian_eval.satisfaction.intervals import INTERVALS, Spread, check_level, limits
from haidian_eval.satisfaction.sample import PRESENT, Sample, read_cells

Array = np.ndarray
KINDS = ("mean", "total", "proportion", "ratio", "quantile")
MOST_LEVELS = 200
COLUMNS = ["variable", "level", "estimate", "se", "low", "high", "n", "deff", "df"]


@dataclass(frozen=True, slots=True)
class Share:
    """A sum over a sum, or a sum alone: numerator and denominator as directions of v.

    above, below (cells, p): nothing below means a total. domain (cells,): cells that count.
    """

    above: Array
    below: Array | None
    domain: Array


@dataclass(frozen=True, slots=True)
class Found:
    """Estimates (k,) of a domain with their covariance (k, k), rows, design effects and df."""

    estimate: Array
    covariance: Array
    n: Array
    deff: Array
    df: Array

    @property
    def se(self) -> Array:
        """Standard errors (k,)."""
        found: Array = np.sqrt(np.maximum(np.diag(self.covariance), 0.0))
        return found


def estimate(
    frame: Any, design: AnyDesign, variable: str | Sequence[str], *, kind: str = "mean",
    denominator: str | None = None, by: Names = None, quantile: float = 0.5, interval: str = "t",
    level: float = 0.95,
) -> pd.DataFrame:  # fmt: skip
    """Return design-based estimates: a row per level of `by` and of the variable.

    frame: respondents, as a pandas frame, a DuckDB relation or a Dask frame. kind: mean, total,
    proportion, ratio (over `denominator`) or quantile; proportions, and totals of texts, have a row
    per level. interval: t, normal, or logit, wilson, beta for shares. Columns: by, variable, level,
    estimate, se, low, high, n (respondents), deff (against simple random sampling without
    replacement), df. Rows without an answer are outside the domain. Standard errors by
    linearisation or the design's replicates (Lumley 2010; Woodruff 1952 for quantiles). Raises
    ParameterError for columns, weights, strata or options that cannot be used.
    """
    check(kind, denominator, quantile, interval, level)
    names, domains = [variable] if isinstance(variable, str) else list(variable), named(by)
    for name in domains:
        if name in COLUMNS:
            raise ParameterError(f"by={name!r} is the name of a result column; rename the column")
    parts = []
    for name in names:
        sample, split = read(frame, design, name, kind, denominator, domains)
        for values, inside in domains_of(sample, domains):
            known = answered(sample, split, name) & inside
            if kind == "quantile":
                part = one_quantile(sample, name, known, quantile, interval, level)
            else:
                labels, shares = ask(sample, name, kind, split, known)
                found = solve(sample, shares)
                part = table(name, labels, found, interval, level)
            parts.append(part.assign(**dict(zip(domains, values, strict=True))))
    return pd.concat(parts, ignore_index=True)[[*domains, *COLUMNS]]


def check(kind: str, denominator: str | None, quantile: float, interval: str, level: float) -> None:
    """Raise ParameterError for options that are not known or do not fit."""
    if kind not in KINDS:
        raise ParameterError(not_known(f"kind={kind!r}", kind, KINDS))
    if interval not in INTERVALS:
        raise ParameterError(not_known(f"interval={interval!r}", interval, INTERVALS))
    check_level(level)
    if (denominator is None) == (kind == "ratio"):
        raise ParameterError("kind='ratio' needs a denominator" if kind == "ratio" else
                             f"denominator={denominator!r} needs kind='ratio'")  # fmt: skip
    if not 0 < quantile < 1:
        raise ParameterError(f"quantile={quantile!r} must lie between 0 and 1, such as 0.5")


def read(
    frame: Any, design: AnyDesign, name: str, kind: str, denominator: str | None,
    domains: Sequence[str],
) -> tuple[Sample, bool]:  # fmt: skip
    """Return the sample and whether the variable is split into its levels."""
    known = columns_of(frame)
    textual = name in known and not (known[name].is_numeric() or known[name] == nw.Boolean)
    split = kind in ("proportion", "quantile") or (kind == "total" and textual)
    if kind == "quantile" and textual:
        raise ParameterError(f"column {name!r} holds {known[name]}; quantiles are of numbers")
    if split:
        return read_cells(frame, design, (), tuple(dict.fromkeys((*domains, name)))), True
    numbers = (name,) if denominator is None else (name, denominator)
    if name == denominator:
        raise ParameterError(f"column {name!r} is divided by itself; name another denominator")
    return read_cells(frame, design, numbers, domains), False


def answered(sample: Sample, split: bool, name: str) -> Array:
    """Return the cells whose rows have an answer and a weight."""
    there = sample.keys[name].notna() if split else sample.keys[PRESENT].astype(bool)
    found: Array = there.to_numpy() & (sample.weights > 0)
    return found


def domains_of(sample: Sample, domains: Sequence[str]) -> list[tuple[tuple[Any, ...], Array]]:
    """Return the levels of the domains with their cells, in order; all cells without domains."""
    if not domains:
        return [((), np.ones(len(sample.n), dtype=bool))]
    keys = sample.keys[list(domains)]
    code = keys.groupby(list(domains), sort=True, dropna=True).ngroup().to_numpy()
    levels = keys[code >= 0].drop_duplicates().sort_values(list(domains))
    return [(tuple(row), code == at) for at, row in enumerate(levels.itertuples(index=False))]


def ask(
    sample: Sample, name: str, kind: str, split: bool, inside: Array, at: int = 1
) -> tuple[list[Any], list[Share]]:
    """Return what is asked of a domain: labels of levels, and sums over sums.

    at: place of the variable in v; the denominator of a ratio is the last.
    """
    unit = inside[:, None] * direction(sample, 0)
    if split:
        own = sample.keys[name]
        labels = sorted(own.dropna().unique().tolist())
        if len(labels) > MOST_LEVELS:
            raise ParameterError(
                f"column {name!r} has {len(labels)} levels; a share or total by levels is of a "
                f"variable with at most {MOST_LEVELS}"
            )
        masks = [(own == label).fillna(False).to_numpy(dtype=bool) for label in labels]
        below = unit if kind == "proportion" else None
        return labels, [Share(unit * mask[:, None], below, inside) for mask in masks]
    last = inside[:, None] * direction(sample, len(sample.shift) - 1)
    below = {"mean": unit, "total": None, "ratio": last}[kind]
    return [None], [Share(inside[:, None] * direction(sample, at), below, inside)]


def direction(sample: Sample, at: int) -> Array:
    """Return the direction (p,) of v that gives 1, or a variable without its shift."""
    found = np.zeros(len(sample.shift))
    found[0] = sample.shift[at] if at else 1.0
    if at:
        found[at] = 1.0
    return found


def solve(sample: Sample, shares: Sequence[Share]) -> Found:
    """Return estimates of sums over sums with their joint covariance."""
    value, way = linearised(sample, shares)
    n = np.array([sample.n[own.domain].sum() for own in shares]).astype(int)
    df = np.array([sample.df_within(own.domain) for own in shares])
    covariance = np.full((len(shares), len(shares)), np.nan)
    if not np.isnan(value).any():
        final = way * sample.factors[-1][:, None, None]
        covariance = sample.linear(final) if sample.replicates is None else again(sample, shares)
    simple = np.array(
        [simple_variance(sample, way[:, at], own.domain) for at, own in enumerate(shares)]
    )
    deff = np.full(len(shares), np.nan)
    np.divide(np.diag(covariance), simple, out=deff, where=simple > 0)
    return Found(value, covariance, n, deff, df)


def linearised(sample: Sample, shares: Sequence[Share]) -> tuple[Array, Array]:
    """Return estimates (k,) and their influence (cells, k, p) as directions of v, unweighted."""
    weighted = sample.weighted * sample.factors[-1][:, None]
    value, ways = [], []
    for own in shares:
        above = float((own.above * weighted).sum())
        below = float((own.below * weighted).sum()) if own.below is not None else 1.0
        value.append(above / below if below and own.domain.any() else np.nan)
        pull = own.above if own.below is None else own.above - value[-1] * own.below
        ways.append(pull / below if below else np.full_like(pull, np.nan))
    return np.array(value), np.stack(ways, axis=1)


def again(sample: Sample, shares: Sequence[Share]) -> Array:
    """Return the covariance of the estimates over replicates."""
    assert sample.replicates is not None
    factors, found = sample.replicates.factors, []
    for own in shares:
        above = (own.above * sample.weighted).sum(axis=1) @ factors
        if own.below is not None:
            below = (own.below * sample.weighted).sum(axis=1) @ factors
            above = np.divide(above, below, out=np.full_like(above, np.nan), where=below != 0)
        found.append(above)
    return sample.replicates.covariance(np.stack(found, axis=1))


def simple_variance(sample: Sample, pull: Array, domain: Array) -> float:
    """Return the variance of a total of pull . v under simple random sampling of n from N."""
    factor = sample.factors[-1]
    size = float((sample.weighted[:, 0] * factor)[domain].sum())
    n = float(sample.n[domain].sum())
    if n < 2 or size <= 0 or np.isnan(pull).any():
        return float("nan")
    mean = float((pull * sample.weighted * factor[:, None])[domain].sum()) / size
    square = np.einsum("cp,cpq,cq->c", pull, sample.spread, pull) * factor
    variance = (float(square[domain].sum()) / size - mean**2) * n / (n - 1)
    return size**2 * variance / n * max(1 - n / size, 0.0)


def table(
    name: str, labels: Sequence[Any], found: Found, interval: str, level: float
) -> pd.DataFrame:
    """Return the rows of estimates of one domain."""
    low, high = limits(interval, Spread(found.estimate, found.se, found.n, found.df, level))
    return pd.DataFrame({
        "variable": name, "level": labels, "estimate": found.estimate, "se": found.se, "low": low,
        "high": high, "n": found.n, "deff": found.deff, "df": found.df,
    })  # fmt: skip


def one_quantile(
    sample: Sample, name: str, inside: Array, quantile: float, interval: str, level: float
) -> pd.DataFrame:
    """Return the smallest value that the share of the population reaches, with Woodruff's interval.

    Woodruff (1952): limits are the quantiles at the limits of the share at or below the value; the
    standard error is their distance over twice the quantile of t.
    """
    value = sample.keys[name].to_numpy(dtype=float, na_value=np.nan)
    order = np.flatnonzero(inside)[np.argsort(value[inside], kind="stable")]
    reached = np.cumsum(sample.weights[order])

    def at(share: float) -> float:
        if not len(order) or not 0 <= share <= 1:
            return float("nan")
        place = np.searchsorted(reached, share * reached[-1] * (1 - 1e-12))
        return float(value[order[min(int(place), len(order) - 1)]])

    middle = at(quantile)
    unit = np.zeros((len(sample.n), len(sample.shift)))
    unit[inside, 0] = 1.0
    found = solve(sample, [Share(unit * (value <= middle)[:, None], unit, inside)])
    part = table(name, [None], found, interval, level)
    low, high = at(float(part.at[0, "low"])), at(float(part.at[0, "high"]))
    tail, df = (1 + level) / 2, max(int(part.at[0, "df"]), 1)
    crit = special.ndtri(tail) if interval == "normal" else special.stdtrit(df, tail)
    se = (high - low) / (2 * crit)
    return part.assign(estimate=middle, se=se, low=low, high=high)
