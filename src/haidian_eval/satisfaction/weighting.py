"""Weights made to agree with what is known of the population, and kept from growing wild."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError, not_known
from haidian_eval.satisfaction.calibration import (
    FACTOR,
    AnyDesign,
    Calibrated,
    Step,
    base,
    calibrated_by,
    levels,
    steps_of,
)
from haidian_eval.satisfaction.sample import Sample, read_cells

Totals: TypeAlias = pd.Series | pd.DataFrame | Mapping[str, Any]
AGREE = 1e-6  # relative difference between the sums of margins that rounding explains


def post_stratify(frame: Any, design: AnyDesign, totals: Totals) -> Calibrated:
    """Return the design with weights that add up to known totals of groups.

    totals: population counts, indexed by level, the index named after its column, or columns; or
    {column: {level: count}}, or a frame with the counts in its last column.
    Standard errors by the residuals of the group means. Raises ParameterError for levels that the
    sample or the totals lack, and for counts that are none.
    """
    columns, target = margin(totals)
    sample = read_cells(frame, design, (), columns, staged=False)
    both_ways(sample, columns, target)
    return calibrated(sample, design, Step("groups", columns, target))


def rake(
    frame: Any, design: AnyDesign, margins: Sequence[Totals] | Totals, tolerance: float = 1e-10
) -> Calibrated:
    """Return the design with weights that meet several margins at once.

    margins: as the totals of `post_stratify`, each. tolerance: largest gap left, as a share of a
    margin's largest total. Standard errors follow R's `rake`: residuals of unweighted means over
    the margins, in ten rounds. Raises ParameterError as `post_stratify` does, for margins of
    different sums, and where the margins cannot be met.
    """
    given = [margins] if isinstance(margins, pd.Series) else list(margins)
    if isinstance(margins, Mapping):
        given = [{column: counts} for column, counts in margins.items()]
    if not given:
        raise ParameterError("raking needs at least one margin")
    if not tolerance > 0:
        raise ParameterError(f"tolerance={tolerance!r} must be above 0")
    found = [margin(totals) for totals in given]
    sums = {"+".join(columns): float(target.sum()) for columns, target in found}
    if max(sums.values()) - min(sums.values()) > AGREE * max(sums.values()):
        raise ParameterError(f"the margins add up to different totals: {sums}; scale them to one")
    columns = tuple(dict.fromkeys(name for names, _ in found for name in names))
    sample = read_cells(frame, design, (), columns, staged=False)
    for names, target in found:
        both_ways(sample, names, target)
    return calibrated(sample, design, Step("raking", columns, (found, tolerance)))


def calibrate(
    frame: Any, design: AnyDesign, totals: Mapping[str, float] | pd.Series, method: str = "linear"
) -> Calibrated:
    """Return the design with weights that meet totals of numeric columns (Deville, Sarndal 1992).

    totals: column -> total, "intercept" for the population size; or counts by level as in
    `post_stratify`. method: "linear" (weights times 1 + x'b) or "raking" (times exp(x'b)). Raises
    ParameterError for columns without numbers and totals that cannot be met.
    """
    if method not in ("linear", "raking"):
        raise ParameterError(not_known(f"method={method!r}", method, ("linear", "raking")))
    if isinstance(totals, pd.Series) and totals.index.name is not None:
        return post_stratify(frame, design, totals)
    target = pd.Series(dict(totals), dtype=float)
    if not len(target) or not np.isfinite(target).all():
        raise ParameterError(f"totals must be finite numbers by column: {dict(totals)}")
    columns = tuple(str(name) for name in target.index if name != "intercept")
    sample = read_cells(frame, design, (), columns, staged=False)
    for name in columns:
        column = sample.keys[name]
        if not pd.api.types.is_numeric_dtype(column.dtype) or column.isna().any():
            raise ParameterError(f"column {name!r} must hold a number in every row")
    return calibrated(sample, design, Step("regression", columns, (target, method)))


def trim(frame: Any, design: AnyDesign, low: float = 0.0, high: float = float("inf")) -> Calibrated:
    """Return the design with weights between two limits; what is cut off goes to all others alike.

    Repeated until all weights lie inside, as R's trimWeights(strict=TRUE). Raises ParameterError
    for limits that cannot hold the total.
    """
    if not 0 <= low < high:
        raise ParameterError(f"low={low!r} and high={high!r} must be limits, 0 <= low < high")
    own = base(design)
    weights = (own.weights,) if own.weights else ()
    columns = tuple(dict.fromkeys((*(weights or own.stage_columns), *calibrated_by(design))))
    sample = read_cells(frame, design, (), weights, staged=False)
    return calibrated(sample, design, Step("trim", columns, (low, high)))


def non_response(
    frame: Any, design: AnyDesign, responded: str, cells: str | Sequence[str] = ()
) -> Calibrated:
    """Return the design in which respondents carry the weight of those who did not answer.

    frame: all units that were drawn and eligible. responded: column of 0 and 1. cells: columns in
    whose combinations answering is taken to be random. Standard errors by linearisation of the
    weighting-class estimator (Sarndal, Swensson and Wretman 1992, 15.6, the response model taken
    as known). Raises ParameterError for a cell that nobody answered.
    """
    own = (cells,) if isinstance(cells, str) else tuple(cells)
    columns = (*own, responded)
    sample = read_cells(frame, design, (), columns, staged=False)
    found = sample.keys[responded]
    values = pd.to_numeric(found, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    if not np.isin(values, (0.0, 1.0)).all():
        raise ParameterError(f"column {responded!r} must hold 0 or 1 in every row, without blanks")
    refuse_blank(sample, own)
    return calibrated(sample, design, Step("response", columns, responded))


def calibrated(sample: Sample, design: AnyDesign, step: Step) -> Calibrated:
    """Return the design with one more step, its factors fixed from the sample."""
    factor = step.fit(sample.keys, sample.weights, sample.n)
    columns = list(step.columns)
    known = sample.keys[columns].assign(**{FACTOR: factor}).drop_duplicates(columns)
    done = replace(step, known=known, total=float(sample.weights @ factor))
    return Calibrated(base(design), (*steps_of(design), done))


def margin(totals: Totals) -> tuple[tuple[str, ...], pd.Series]:
    """Return the columns of a margin and its totals by level; ParameterError if it is none."""
    counts = as_series(totals)
    columns = tuple(counts.index.names)
    if not all(isinstance(name, str) for name in columns):
        raise ParameterError("name the index of the totals after the column that it lists")
    value = pd.to_numeric(counts, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    if not len(value) or not np.isfinite(value).all() or (value < 0).any() or value.sum() <= 0:
        raise ParameterError(f"totals of {columns} must be counts, none negative, not all 0")
    if counts.index.has_duplicates:
        twice = counts.index[counts.index.duplicated()][0]
        raise ParameterError(f"totals of {columns} name the level {twice!r} twice")
    return columns, levels(counts)


def as_series(totals: Any) -> pd.Series:
    """Return counts by level, also from {column: {level: count}} or a frame with counts last."""
    if isinstance(totals, pd.DataFrame) and totals.shape[1] > 1:
        return totals.set_index(list(totals.columns[:-1])).iloc[:, 0]
    if isinstance(totals, Mapping) and len(totals) == 1:
        column, counts = next(iter(totals.items()))
        if isinstance(counts, Mapping | pd.Series):
            return pd.Series(counts).rename_axis(column)
    if not isinstance(totals, pd.Series):
        raise ParameterError(
            f"totals are counts by level: a Series whose index is named after the column, a frame "
            f"with the counts last, or {{column: {{level: count}}}}; not {type(totals).__name__}"
        )
    return totals


def both_ways(sample: Sample, columns: Sequence[str], target: pd.Series) -> None:
    """Raise ParameterError for levels that only the sample, or only the totals, have."""
    refuse_blank(sample, columns)
    used = sample.keys[sample.weights > 0]
    here = pd.MultiIndex.from_frame(used[list(columns)].drop_duplicates())
    there = target.index[target > 0]
    if len(new := here.difference(there)):
        raise ParameterError(
            f"{[*columns]} has levels {say(new)} without a population total (known: "
            f"{say(target.index)}); add totals, or recode the rows"
        )
    if len(empty := there.difference(here)):
        raise ParameterError(
            f"{[*columns]} has totals for {say(empty)}, which the sample has no weight in; merge "
            "the level with a neighbour"
        )


def refuse_blank(sample: Sample, columns: Sequence[str]) -> None:
    """Raise ParameterError where a column that weights are built from is blank."""
    for name in columns:
        if (blank := sample.keys[name].isna()).any():
            raise ParameterError(
                f"column {name!r} is blank in {int(sample.n[blank].sum())} rows; fill it, or give "
                "the blank a level of its own in rows and totals"
            )


def say(index: pd.Index) -> list[object]:
    """Return some levels for a message."""
    found = [level[0] if isinstance(level, tuple) and len(level) == 1 else level for level in index]
    return found[:8]
