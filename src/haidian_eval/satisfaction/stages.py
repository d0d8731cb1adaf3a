"""Stages of a draw as integer codes, and the variance that each of them adds (Taylor)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError
from haidian_eval.satisfaction.design import Design, named

Array = np.ndarray
CERTAIN = 1e-7  # strata of which less than this share was not drawn add nothing


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: sampling units within strata, which are those of the stage before it.

    stratum (cells,): code. unit (cells,): code of the sampling unit; None: every row is one.
    stratum_of (units,). drawn, population, share (strata,): units drawn, units there are (may be
    infinite), and the product of the sampling fractions of earlier stages. label: of each stratum.
    """

    stratum: Array
    unit: Array | None
    stratum_of: Array
    drawn: Array
    population: Array
    share: Array
    label: tuple[str, ...]
    number: int

    @property
    def left(self) -> Array:
        """The share of each stratum that was not drawn."""
        return 1 - self.drawn / self.population

    @property
    def alone(self) -> Array:
        """Which strata have one sampling unit drawn of several (strata,)."""
        return (self.drawn == 1) & (self.left > CERTAIN)


def coded(*keys: Array | pd.Series) -> Array:
    """Return one code for each combination of keys that occurs, in sorted order."""
    code = np.zeros(len(keys[0]), dtype=np.int64)
    for key in keys:
        own = pd.factorize(pd.Series(key), sort=True, use_na_sentinel=False)[0]
        code = pd.factorize(code * (int(own.max(initial=0)) + 1) + own, sort=True)[0]
    return code


def read_stages(keys: pd.DataFrame, design: Design, rows: Array) -> tuple[Stage, ...]:
    """Return the stages of a design; rows (cells,): rows of each cell.

    Raises ParameterError for clusters in several strata and counts that cannot be.
    """
    strata, clusters = named(design.strata), named(design.clusters)
    counts = named(design.fpc)
    for name in (*strata, *clusters):
        if keys[name].isna().any():
            raise ParameterError(
                f"column {name!r} is blank in {int(rows[keys[name].isna()].sum())} rows; every "
                "respondent needs the stratum and the sampling unit that it was drawn from"
            )
    unit: Array | None = None
    share: Array = np.ones(len(keys))
    stages: list[Stage] = []
    for at in range(max(len(counts), 1)):
        above = [] if unit is None else [unit]
        own = [keys[strata[at]]] if at < len(strata) else []
        stratum = coded(*above, *own) if above or own else np.zeros(len(keys), dtype=np.int64)
        unit = sampling_unit(keys, design, stratum, above, at)
        stage = build(keys, design, stratum, unit, share, rows, at)
        stages.append(stage)
        share = share * (stage.drawn / stage.population)[stratum]
    return tuple(stages)


def sampling_unit(
    keys: pd.DataFrame, design: Design, stratum: Array, above: list[Array], at: int
) -> Array | None:
    """Return the code of the sampling unit of a stage, none for elements."""
    clusters = named(design.clusters)
    if not clusters:
        return None
    if above or design.nest:
        return coded(*above, stratum, keys[clusters[at]])
    unit = coded(keys[clusters[at]])
    pairs = pd.DataFrame({"unit": unit, "stratum": stratum}).drop_duplicates()
    if pairs["unit"].duplicated().any():
        twice = pairs.loc[pairs["unit"].duplicated(), "unit"].iloc[0]
        name = keys[clusters[at]].to_numpy()[np.flatnonzero(unit == twice)[0]]
        raise ParameterError(
            f"{clusters[at]}={name!r} lies in several strata of {named(design.strata)[at]!r}; set "
            "nest=True when ids begin anew in each stratum, else mend the rows"
        )
    return unit


def build(
    keys: pd.DataFrame, design: Design, stratum: Array, unit: Array | None, share: Array,
    rows: Array, at: int,
) -> Stage:  # fmt: skip
    """Return a stage with its counts."""
    total = int(stratum.max(initial=-1)) + 1
    first = np.zeros(total, dtype=np.int64)
    first[stratum[::-1]] = np.arange(len(stratum))[::-1]
    if unit is None:
        of = np.arange(total)
        drawn = np.bincount(stratum, weights=rows, minlength=total)
    else:
        of = np.zeros(int(unit.max(initial=-1)) + 1, dtype=np.int64)
        of[unit] = stratum
        drawn = np.bincount(of, minlength=total).astype(float)
    names = [*named(design.clusters)[:at], *named(design.strata)[at : at + 1]]
    label = tuple(", ".join(f"{name}={keys[name].iloc[row]}" for name in names) for row in first)
    population = np.full(total, np.inf)
    if at < len(named(design.fpc)):
        population = counts_of(keys[named(design.fpc)[at]], stratum, drawn, label)
    return Stage(stratum, unit, of, drawn, population, share[first], label, at + 1)


def counts_of(column: pd.Series, stratum: Array, drawn: Array, label: Sequence[str]) -> Array:
    """Return the population count of each stratum."""
    try:
        value = column.to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"column {column.name!r} holds no numbers: {error}") from error
    if np.isnan(value).any() or (value <= 0).any():
        raise ParameterError(
            f"column {column.name!r} must hold population counts or fractions above 0 in every row"
        )
    found = np.zeros(len(drawn))
    found[stratum] = value
    if (uneven := np.abs(value - found[stratum]) > 1e-9 * value).any():
        at = stratum[np.flatnonzero(uneven)[0]]
        raise ParameterError(
            f"column {column.name!r} varies within stratum {label[at] or 'of all rows'}: "
            f"{sorted(set(value[stratum == at]))[:3]}; a stratum has one population count"
        )
    population = found if (value > 1).any() else drawn / found
    if (short := population < drawn * (1 - 1e-12)).any():
        at = int(np.flatnonzero(short)[0])
        raise ParameterError(
            f"column {column.name!r} says {population[at]:g} for stratum {label[at] or 'all'}, "
            f"of which {drawn[at]:g} were drawn; give the number of units in the population"
        )
    return population


def scales(stage: Stage) -> Array:
    """Return the factor of the sum of squares of each stratum (strata,)."""
    bessel = np.where(stage.drawn > 1, stage.drawn / np.maximum(stage.drawn - 1, 1), 1.0)
    left = np.where(stage.left > CERTAIN, stage.left, 0.0)
    return stage.share * left * bessel


def refuse_alone(stage: Stage, concerned: Array) -> None:
    """Raise ParameterError for strata with one sampling unit."""
    if len(at := np.flatnonzero(stage.alone & concerned)):
        names = "; ".join(stage.label[own] or "all rows" for own in at[:3])
        raise ParameterError(
            f"{len(at)} strata have a single sampling unit at stage {stage.number} ({names}), from "
            "which no variance follows; merge strata, or choose singleton='adjust', 'average', "
            "'certainty' or 'remove' in Design"
        )


def stage_covariance(
    stage: Stage, totals: Array, rows: Array, policy: str, concerned: Array
) -> Array:
    """Return what differences between units (between cells, for elements) add, (k, k).

    totals (cells, k). concerned (strata,): strata with rows of the domain.
    """
    if policy == "fail":
        refuse_alone(stage, concerned)
    of, count = stage.stratum, rows
    if stage.unit is not None:
        of, count = stage.stratum_of, np.ones(len(stage.stratum_of))
        totals = sums_by(stage.unit, totals, len(of))
    mean = sums_by(of, totals, len(stage.drawn)) / np.maximum(stage.drawn, 1)[:, None]
    if policy == "adjust":
        mean = np.where(stage.alone[:, None], 0.0, mean)
    apart = totals / count[:, None] - mean[of]
    found: Array = (apart * (scales(stage)[of] * count)[:, None]).T @ apart
    if policy == "average":
        some = int(np.count_nonzero(concerned))
        found = found * (some / max(some - int(np.count_nonzero(stage.alone & concerned)), 1))
    return found


def sums_by(code: Array, values: Array, size: int) -> Array:
    """Return sums (size, k) of values (cells, k) by code."""
    return np.stack([np.bincount(code, weights=own, minlength=size) for own in values.T], axis=1)


def taylor(
    stages: Sequence[Stage], totals: Array, rows: Array, policy: str, active: Array
) -> Array:
    """Return the covariance (k, k) of totals over all stages.

    totals (cells, k), rows (cells,), active (cells,): cells of the domain. What rows of a cell
    differ among themselves is not in it. Recursive over stages (Bellhouse 1985), as in R's survey.
    """
    found = np.zeros((totals.shape[1], totals.shape[1]))
    for stage in stages:
        concerned = np.bincount(stage.stratum, weights=active, minlength=len(stage.drawn)) > 0
        found += stage_covariance(stage, totals, rows, policy, concerned)
    return found
