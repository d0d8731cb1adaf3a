"""Differences: between variables or domains, between waves, between rows and columns of a table."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from haidian_eval.errors import ParameterError, not_known
from haidian_eval.satisfaction.calibration import AnyDesign, base
from haidian_eval.satisfaction.design import Names, named
from haidian_eval.satisfaction.estimates import (
    Found,
    Share,
    answered,
    ask,
    check,
    domains_of,
    linearised,
    read,
    solve,
)
from haidian_eval.satisfaction.intervals import Spread, limits
from haidian_eval.satisfaction.sample import Sample, read_cells

Array = np.ndarray
VERSIONS = ("scheme_version", "weighting_version")


@dataclass(frozen=True, slots=True)
class Independence:
    """The test that rows and columns of a table are independent: F with df1 and df2."""

    statistic: float
    df1: float
    df2: float
    p: float
    n: int


def contrast(
    frame: Any, design: AnyDesign, variable: str | Sequence[str],
    coefficients: Mapping[Any, float], *, kind: str = "mean", denominator: str | None = None,
    by: Names = None, interval: str = "t", level: float = 0.95,
) -> pd.DataFrame:  # fmt: skip
    """Return a weighted sum of estimates with its covariance heeded, in one row.

    coefficients: by the level of `by`, of the variable, or the variable's name, whatever tells the
    estimates apart; a tuple in the order (variable, by, level) where several do. Rows that lack
    any of the variables are left out. Columns: estimate, se, low, high, df, t, p. Raises
    ParameterError for a label that no estimate has.
    """
    check(kind, denominator, 0.5, interval, level)
    names = [variable] if isinstance(variable, str) else list(variable)
    sample, labels, shares = estimates_of(frame, design, names, kind, denominator, named(by))
    if not coefficients:
        raise ParameterError(f"coefficients are needed for some of {labels}")
    for label, number in coefficients.items():
        if not np.isfinite(number):
            raise ParameterError(f"coefficient {label!r} is {number!r}, not a number")
        if label not in labels:
            raise ParameterError(not_known(f"coefficient {label!r}", label, labels))
    chosen = [labels.index(label) for label in coefficients]
    found = solve(sample, [shares[at] for at in chosen])
    weight = np.array(list(coefficients.values()), dtype=float)
    union = np.any([shares[at].domain for at in chosen], axis=0)
    value = float(weight @ found.estimate)
    se = float(np.sqrt(max(weight @ found.covariance @ weight, 0.0)))
    groups = {shares[at].domain.tobytes() for at in chosen if shares[at].below is not None}
    df = sample.df_within(union) + 1 - max(len(groups), 1)  # as in a regression on the groups
    return row_of(value, se, int(union @ sample.n), df, interval, level)


def row_of(value: float, se: float, n: int, df: int, interval: str, level: float) -> pd.DataFrame:
    """Return an estimate as a row with its interval and t test."""
    own = [np.array([float(number)]) for number in (value, se, n, df)]
    low, high = limits(interval, Spread(own[0], own[1], own[2], own[3], level))
    t, p = t_test(value, se, df)
    return pd.DataFrame([{"estimate": value, "se": se, "low": low[0], "high": high[0], "df": df,
                          "t": t, "p": p}])  # fmt: skip


def t_test(value: float, se: float, df: int) -> tuple[float, float]:
    """Return t and its two-sided p; missing without a standard error."""
    if not se > 0 or df < 1:
        return float("nan"), float("nan")
    return value / se, float(2 * special.stdtr(df, -abs(value / se)))


def estimates_of(
    frame: Any, design: AnyDesign, names: Sequence[str], kind: str, denominator: str | None,
    domains: Sequence[str], more: Sequence[str] = (),
) -> tuple[Sample, list[Hashable], list[Share]]:  # fmt: skip
    """Return a sample of cells with labels and sums of every estimate of the variables.

    more: further columns that tell cells apart.
    """
    if kind == "quantile":
        raise ParameterError("kind='quantile' has no contrasts; compare shares below a value")
    first, split = read(frame, design, names[0], kind, denominator, (*domains, *more))
    sample = first
    if len(names) > 1:
        keys = (*domains, *more, *names) if split else (*domains, *more)
        last = () if denominator is None else (denominator,)
        numbers = () if split else (*names, *last)
        sample = read_cells(frame, design, numbers, tuple(dict.fromkeys(keys)))
    labels: list[Hashable] = []
    shares: list[Share] = []
    for values, inside in domains_of(sample, domains):
        for at, name in enumerate(names, 1):
            known = answered(sample, split, name) & inside
            own, asked = ask(sample, name, kind, split, known, at)
            labels += [label_of(name if len(names) > 1 else "", values, level) for level in own]
            shares += asked
    return sample, [label if label != () else names[0] for label in labels], shares


def label_of(name: str, values: tuple[Any, ...], level: Any) -> Hashable:
    """Return what tells an estimate from the others: a value, or a tuple of several."""
    parts = ((name,) if name else ()) + values + ((level,) if level is not None else ())
    return parts[0] if len(parts) == 1 else parts


def compare_waves(
    before: pd.DataFrame, after: pd.DataFrame, design: AnyDesign, variable: str, *,
    before_design: AnyDesign | None = None, kind: str = "mean", denominator: str | None = None,
    by: Names = None, overlap: str | None = None, versions: Sequence[str] = VERSIONS,
    level: float = 0.95,
) -> pd.DataFrame:  # fmt: skip
    """Return the change between two waves with the covariance of units in both.

    design: of the later wave, and of the earlier one unless `before_design` says otherwise.
    overlap: column that names a unit in both waves; by default the first cluster column, without
    which elements of different waves are independent. Per stratum the covariance is (n12 - n1 n2 /
    N) s12 over units in both (Tam 1984; Qualite and Tille 2008). Columns: by, variable, level,
    before, after, change, se, low, high, df, t, p, overlap (units in both). Raises ParameterError
    where a version column differs between the waves or is absent: such waves do not compare.
    """
    same_versions(before, after, versions)
    check(kind, denominator, 0.5, "t", level)
    domains = named(by)
    unit = overlap or next(iter(named(base(design).clusters)), None)
    more = (unit,) if unit else ()
    waves = []
    for frame, own in ((before, before_design or design), (after, design)):
        sample, labels, shares = estimates_of(frame, own, [variable], kind, denominator, domains,
                                              more)  # fmt: skip
        waves.append((sample, dict(zip(labels, shares, strict=True))))
    both = list(dict.fromkeys([*waves[0][1], *waves[1][1]]))
    rows = [change(waves, label, unit, level) for label in both]
    said = [split_label(label, variable, domains) for label in both]
    return pd.concat([pd.DataFrame(said), pd.DataFrame(rows)], axis=1)


def split_label(label: Hashable, variable: str, domains: Sequence[str]) -> dict[str, Any]:
    """Return the columns of a label: those of `by`, the variable and its level."""
    parts = label if isinstance(label, tuple) else () if label == variable else (label,)
    found = dict(zip(domains, parts, strict=False))
    level = parts[len(domains)] if len(parts) > len(domains) else None
    return {**found, "variable": variable, "level": level}


def same_versions(before: pd.DataFrame, after: pd.DataFrame, versions: Sequence[str]) -> None:
    """Raise ParameterError unless both waves have the same single version of everything named."""
    for name in versions:
        for frame in (before, after):
            if name not in frame:
                raise ParameterError(
                    f"column {name!r} is absent, so nobody knows whether the waves compare; add "
                    "it, or set versions=() when they are known to"
                )
        old, new = (sorted(frame[name].dropna().astype(str).unique()) for frame in (before, after))
        if len(old) != 1 or old != new:
            raise ParameterError(
                f"{name} was {', '.join(old) or 'blank'} and is {', '.join(new) or 'blank'}: "
                "waves of different versions do not compare; show them side by side"
            )


Wave = tuple[Sample, dict[Hashable, Share]]


def change(
    waves: Sequence[Wave], label: Hashable, unit: str | None, level: float
) -> dict[str, Any]:
    """Return the change of one estimate; missing where a wave lacks it."""
    if any(label not in shares for _, shares in waves):
        there = [solve(sample, [shares[label]]).estimate[0] if label in shares else np.nan
                 for sample, shares in waves]  # fmt: skip
        blank = dict.fromkeys(("change", "se", "low", "high", "df", "t", "p"), float("nan"))
        return {"before": there[0], "after": there[1], **blank, "overlap": 0}
    old, new = (solve(sample, [shares[label]]) for sample, shares in waves)
    shared, covariance = covariance_of(waves, label, unit) if unit else (0, 0.0)
    variance = float(old.covariance[0, 0] + new.covariance[0, 0] - 2 * covariance)
    value, se = float(new.estimate[0] - old.estimate[0]), float(np.sqrt(max(variance, 0.0)))
    df = degrees(old, new, shared)
    own = row_of(value, se, 0, df, "t", level).iloc[0].to_dict()
    return {"before": old.estimate[0], "after": new.estimate[0], "change": own.pop("estimate"),
            **own, "df": df, "overlap": shared}  # fmt: skip


def degrees(old: Found, new: Found, shared: int) -> int:
    """Return degrees of freedom of a difference: units in both waves count once."""
    both = int(old.df[0] + new.df[0])
    return max(both - shared, min(int(old.df[0]), int(new.df[0])))


def covariance_of(waves: Sequence[Wave], label: Hashable, unit: str) -> tuple[int, float]:
    """Return how many units two estimates share, and their covariance."""
    parts = [totals_by_unit(sample, shares[label], unit) for sample, shares in waves]
    both = parts[0].merge(parts[1], on=["stratum", "unit"], suffixes=("_old", "_new"))
    found = 0.0
    for _, own in both.groupby("stratum"):
        if len(own) > 1:
            joint = float(np.cov(own["score_old"], own["score_new"])[0, 1])
            first = own.iloc[0]
            expected = first["drawn_old"] * first["drawn_new"] / first["population_new"]
            found += (len(own) - expected) * joint
    return int((both["inside_old"] & both["inside_new"]).sum()), found


def totals_by_unit(sample: Sample, share: Share, unit: str) -> pd.DataFrame:
    """Return the linearised total of each first-stage unit: stratum, unit, score, drawn."""
    way = linearised(sample, [share])[1] * sample.factors[-1][:, None, None]
    first, strata = sample.stages[0], named(base(sample.design).strata)
    cells = pd.DataFrame({
        "stratum": sample.keys[strata[0]].astype(str) if strata else "",
        "unit": sample.keys[unit],
        "score": np.einsum("ckp,cp->c", sample.project(way), sample.weighted),
        "inside": share.domain, "rows": sample.n,
        "drawn": first.drawn[first.stratum], "population": first.population[first.stratum],
    })  # fmt: skip
    if first.unit is None and (twice := cells.groupby("unit")["rows"].sum() > 1).any():
        raise ParameterError(f"{unit}={twice.index[twice][0]!r} stands in several rows of a wave; "
                             "a respondent answers once, or is a cluster")  # fmt: skip
    how = {"score": "sum", "inside": "max", "drawn": "first", "population": "first"}
    return cells.groupby(["stratum", "unit"], as_index=False).agg(how)


def chi_square(frame: Any, design: AnyDesign, row: str, column: str) -> Independence:
    """Return the Rao-Scott test of independence, second order (1984), as F like R's svychisq.

    Rows with a blank in either column are left out. Raises ParameterError for fewer than two
    levels.
    """
    if row == column:
        raise ParameterError(f"column {row!r} is compared with itself; name two columns")
    sample = read_cells(frame, design, (), (row, column))
    inside = sample.keys[[row, column]].notna().all(axis=1).to_numpy() & (sample.weights > 0)
    levels = [sorted(sample.keys.loc[inside, name].unique().tolist()) for name in (row, column)]
    for name, own in zip((row, column), levels, strict=True):
        if len(own) < 2:
            raise ParameterError(f"column {name!r} has {len(own)} levels; two are needed at least")
    unit = inside[:, None] * np.eye(len(sample.shift))[0]
    masks = [((sample.keys[row] == r) & (sample.keys[column] == c)).fillna(False).to_numpy(bool)
             for r in levels[0] for c in levels[1]]  # fmt: skip
    found = solve(sample, [Share(unit * mask[:, None], unit, inside) for mask in masks])
    return rao_scott(found, len(levels[0]), len(levels[1]), sample.df)


def rao_scott(found: Found, rows: int, columns: int, df: int) -> Independence:
    """Return the second-order corrected Pearson test of cell shares (rows x columns)."""
    share, n = found.estimate, int(found.n[0])
    table = share.reshape(rows, columns)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0))
    pearson = n * float(((table - expected) ** 2 / expected).sum())
    inverse = np.divide(1.0, share, out=np.zeros_like(share), where=share > 0)
    apart = np.kron(sums_to_zero(rows), sums_to_zero(columns))
    simple = apart.T @ (inverse[:, None] / n * apart)
    actual = apart.T @ (inverse[:, None] * found.covariance * inverse) @ apart
    delta = np.linalg.solve(simple, actual)
    trace = float(np.trace(delta))
    first = trace**2 / float(np.trace(delta @ delta))
    statistic = pearson / trace
    p = float(special.fdtrc(first, first * df, statistic))
    return Independence(statistic, first, first * df, p, n)


def sums_to_zero(levels: int) -> Array:
    """Return contrasts (levels, levels - 1) whose columns sum to 0."""
    return np.vstack([np.eye(levels - 1), -np.ones(levels - 1)])
