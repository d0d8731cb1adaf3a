"""What a design reads from a table: sums per cell, or its rows, and the stages of the draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError
from haidian_eval.satisfaction.admission import (
    check_columns,
    check_weights,
    counted,
    first_number,
    may_lack,
    there,
)
from haidian_eval.satisfaction.calibration import (
    AnyDesign,
    Step,
    base,
    calibrated_by,
    less,
    over,
    steps_of,
)
from haidian_eval.satisfaction.cells import plain, reduce
from haidian_eval.satisfaction.design import Design, Replicates, named
from haidian_eval.satisfaction.replication import Replication, given, jackknife
from haidian_eval.satisfaction.stages import Stage, read_stages, scales, taylor

Array = np.ndarray
ROUNDING = 1e-13  # of a sum of squares
SUBSET = 1e-9  # relative difference of sums of weights that rounding explains
PRESENT = "_present"  # key: the row has a number in every variable


@dataclass(frozen=True, slots=True)
class Sample:
    """Sums per cell of rows that share strata, clusters, margins and domains; or single rows.

    A row has the vector v = (1, y1 - shift1, ...), p numbers, y counting as `shift` where missing.
    keys: cell x column. n (cells,): rows. plain, weighted (cells, p): sums of v and of w v, w the
    design weight. spread, square (cells, p, p): sums of w v v' and w^2 v v'. factors: on the design
    weight before the first step of calibration and after each.
    """

    design: Design
    steps: tuple[Step, ...]
    keys: pd.DataFrame
    n: Array
    plain: Array
    weighted: Array
    spread: Array
    square: Array
    shift: Array
    stages: tuple[Stage, ...]
    factors: tuple[Array, ...]
    replicates: Replication | None

    @property
    def weights(self) -> Array:
        """The sum of final weights of each cell; the weight of each row where cells are rows."""
        final: Array = self.weighted[:, 0] * self.factors[-1]
        return final

    @property
    def df(self) -> int:
        """First-stage sampling units less strata, or the rank of given replicates less one."""
        return self.df_within(np.ones(len(self.n), dtype=bool))

    def df_within(self, cells: Array) -> int:
        """Degrees of freedom of a domain, a mask of cells."""
        inside = cells & (self.weights > 0)
        if self.replicates is not None and self.replicates.df is not None:
            return self.replicates.df(inside)
        first = self.stages[0]
        units = int(self.n[inside].sum()) if first.unit is None else distinct(first.unit[inside])
        return units - distinct(first.stratum[inside])

    def linear(self, direction: Array) -> Array:
        """Return the covariance (k, k) of totals of w direction . v over the rows.

        direction (cells, k, p) holds the final factors but not w; each step of calibration takes
        out what it knows. Taylor linearisation.
        """
        active = np.abs(direction).max(axis=(1, 2), initial=0) > 0
        chance = self.answering(direction)
        direction = self.project(direction)
        totals = np.einsum("ckp,cp->ck", direction, self.weighted)
        found = taylor(self.stages, totals, self.n, self.design.singleton, active)
        if self.stages[0].unit is None:
            scaled = direction * scales(self.stages[0])[self.stages[0].stratum][:, None, None]
            found += np.tensordot(scaled @ self.within, direction, axes=([0, 2], [0, 2]))
        return found + chance

    def answering(self, direction: Array) -> Array:
        """Return what chance in answering adds (k, k) where the draw's finite population hides it.

        Answering happens within the sample, so it is no smaller where much of the population was
        drawn: the share drawn of sum w^2 g (g - 1) e^2 is added (Sarndal et al. 1992, 15.6).
        """
        found = np.zeros((direction.shape[1],) * 2)
        final = self.project(direction) if any(s.kind == "response" for s in self.steps) else None
        for step, before, after in zip(self.steps, self.factors, self.factors[1:], strict=False):
            moved = step.project(self, direction, before, after)
            if step.kind == "response" and final is not None:
                kept = less(
                    final, over(before, after - before)[:, None] * (direction - moved)[:, :, 0]
                )
                drawn = np.prod(
                    [(at.drawn / at.population)[at.stratum] for at in self.stages], axis=0
                )
                share = drawn * np.where(after > 0, 1 - over(before, after), 0.0)
                scaled = kept * share[:, None, None]
                found += np.tensordot(scaled @ self.square, kept, axes=([0, 2], [0, 2]))
            direction = moved
        return found

    def project(self, direction: Array) -> Array:
        """Return directions (cells, k, p) less what the steps of calibration explain."""
        for step, before, after in zip(self.steps, self.factors, self.factors[1:], strict=False):
            direction = step.project(self, direction, before, after)
        return direction

    @property
    def within(self) -> Array:
        """Sums (cells, p, p) of squares of w v about its mean in the cell, rounding set to 0."""
        square = np.einsum("cii->ci", self.square)
        largest = np.sqrt(square[:, :, None] * square[:, None, :])
        mean = self.weighted / self.n[:, None]
        apart = self.square - self.weighted[:, :, None] * mean[:, None, :]
        return np.where(np.abs(apart) > ROUNDING * largest, apart, 0.0)

    def covariance(self, scores: Array) -> Array:
        """Return the design-based covariance (k, k) of totals of scores (rows, k).

        scores: the influence of each row times its final weight, 0 outside a domain. Only where
        cells are rows (`read_sample`); replicates are not used.
        """
        own = np.asarray(scores, dtype=float).reshape(len(self.n), -1)
        weight = self.weighted[:, :1]
        direction = np.divide(own, weight, out=np.zeros(own.shape), where=weight > 0)
        return self.linear(direction[:, :, None])


def distinct(codes: Array) -> int:
    """Return how many codes occur."""
    return int(np.count_nonzero(np.bincount(codes)))


def read_sample(frame: pd.DataFrame, design: AnyDesign) -> Sample:
    """Return the rows of a frame as a sample: cells are rows, in their order.

    Raises ParameterError for columns that are absent, weights that are none, strata with problems.
    """
    if not isinstance(frame, pd.DataFrame):
        raise ParameterError("rows are read from a pandas frame; `estimate` takes other tables too")
    return read_rows(frame, design, (), ())


def read_cells(
    source: Any, design: AnyDesign, numbers: Sequence[str] = (), keys: Sequence[str] = (),
    *, staged: bool = True,
) -> Sample:  # fmt: skip
    """Return a table as a sample of cells, by one group-by.

    source: a pandas frame, a DuckDB relation or a Dask frame. numbers: variables that enter v.
    keys: variables and domains by which cells are told apart. staged: variances are wanted; without
    them, and with given weights, the stages of the draw are not read.
    """
    own = base(design)
    alone = own.replicates in ("jk1", "jkn") and not own.clusters
    if staged and (isinstance(own.replicates, Replicates) or alone):
        if not isinstance(source, pd.DataFrame):
            raise ParameterError("replicate weights are read from a pandas frame")
        return read_rows(source, design, numbers, keys)
    known = check_columns(source, design, numbers, keys)
    check_weights(source, own.weights)
    staged = staged or not own.weights
    shift = [0.0, *(first_number(source, name) for name in numbers)]
    draw = (*named(own.strata), *named(own.clusters)) if staged else ()
    asked = {name: nw.col(name) for name in (*draw, *calibrated_by(design), *keys)}
    if gaps := [there(name, known[name]) for name in numbers if may_lack(source, name)]:
        asked[PRESENT] = nw.all_horizontal(*gaps, ignore_nulls=False)
    counts = named(own.fpc) if staged else ()
    shifts = dict(zip(numbers, shift[1:], strict=True))
    answering = any(step.kind == "response" for step in steps_of(design))
    squares = staged and (answering or not own.clusters)
    cells = reduce(source, asked, sums(shifts, own, counts, squares))
    if not len(cells):
        raise ParameterError("the table has no rows; nothing can be estimated")
    cells = cells.assign(**{name: counted(cells, name) for name in counts})
    cells[PRESENT] = cells[PRESENT].astype(bool) if gaps else True
    found = moments(cells, len(shift), own)
    refuse_infinite(found, numbers)
    return assemble(design, cells, found, np.array(shift), staged=staged)


def sums(
    numbers: dict[str, float], design: Design, counts: Sequence[str], squares: bool
) -> dict[str, nw.Expr]:
    """Return the sums that are asked of the group-by; numbers: variable -> shift.

    squares: of w v as well.
    """
    weight = nw.col(design.weights).cast(nw.Float64) if design.weights else None
    vector = [nw.col(name).cast(nw.Float64) for name in numbers]
    vector = [own - at if at else own for own, at in zip(vector, numbers.values(), strict=True)]
    asked = {"_v0": nw.lit(1.0)} | {f"_v{i}": own for i, own in enumerate(vector, 1)}
    if weight is not None:
        asked |= {"_w0": weight} | {f"_w{i}": weight * own for i, own in enumerate(vector, 1)}
    heavy = vector if weight is None else [weight * own for own in vector]
    pairs = [(i, j) for j in range(len(vector)) for i in range(j + 1)]
    asked |= {f"_s{i + 1}{j + 1}": heavy[i] * vector[j] for i, j in pairs}
    for name in counts:
        own = nw.col(name).cast(nw.Float64)
        asked |= {f"_n_{name}": own, f"_nn_{name}": own * own}
    if weight is None or not squares:
        return asked
    asked |= {"_q00": weight * weight}
    asked |= {f"_q0{i}": weight * own for i, own in enumerate(heavy, 1)}
    return asked | {f"_q{i + 1}{j + 1}": heavy[i] * heavy[j] for i, j in pairs}


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums per cell as in `Sample`, where w is 1 as long as weights follow from counts."""

    plain: Array
    weighted: Array
    spread: Array
    square: Array


def moments(cells: pd.DataFrame, p: int, design: Design) -> Moments:
    """Return the sums of a group-by as arrays; squares that were not asked for stay 0."""
    of_plain = np.stack([cells[f"_v{i}"] for i in range(p)], axis=1)
    weighted = of_plain
    if design.weights:
        weighted = np.stack([cells[f"_w{i}"] for i in range(p)], axis=1)
    spread, square = (np.zeros((len(cells), p, p)) for _ in range(2))
    for i in range(p):
        for j in range(i, p):
            spread[:, i, j] = spread[:, j, i] = cells[f"_s{i}{j}"] if i else weighted[:, j]
            if f"_q{i}{j}" in cells:
                square[:, i, j] = square[:, j, i] = cells[f"_q{i}{j}"]
    return Moments(of_plain, weighted, spread, square if design.weights else spread)


def read_rows(
    frame: pd.DataFrame, design: AnyDesign, numbers: Sequence[str], keys: Sequence[str]
) -> Sample:
    """Return every row as a cell of its own."""
    own = base(design)
    check_columns(frame, design, numbers, keys)
    if not len(frame):
        raise ParameterError("the table has no rows; nothing can be estimated")
    rows = frame.reset_index(drop=True)
    asked = (*own.stage_columns, *calibrated_by(design), *keys)
    check_weights(frame, own.weights)
    found = {name: plain(rows[name]) for name in asked}
    cells = pd.DataFrame(found, index=rows.index)  # a design may name no column
    v, shift = np.ones((len(rows), len(numbers) + 1)), np.zeros(len(numbers) + 1)
    for at, name in enumerate(numbers, 1):
        shift[at] = first_number(frame, name)
        v[:, at] = rows[name].to_numpy(dtype=float, na_value=np.nan) - shift[at]
    cells[PRESENT] = ~np.isnan(v).any(axis=1)
    v = np.nan_to_num(v, nan=0.0, posinf=np.inf, neginf=-np.inf)
    w = np.ones(len(rows))
    if own.weights:
        w = rows[own.weights].to_numpy(dtype=float, na_value=np.nan)
    outer = v[:, :, None] * v[:, None, :]
    own_moments = Moments(v, w[:, None] * v, w[:, None, None] * outer,
                          (w**2)[:, None, None] * outer)  # fmt: skip
    refuse_infinite(own_moments, numbers)
    return assemble(design, cells, own_moments, shift, frame)


def refuse_infinite(found: Moments, numbers: Sequence[str]) -> None:
    """Raise ParameterError for a variable that is infinite in some row."""
    for at, name in enumerate(numbers, 1):
        if not np.isfinite(found.weighted[:, at]).all() or not np.isfinite(found.spread).all():
            raise ParameterError(
                f"column {name!r} is infinite in some rows, or too large to be squared; only "
                "finite numbers add up"
            )


def assemble(
    design: AnyDesign, cells: pd.DataFrame, found: Moments, shift: Array,
    frame: pd.DataFrame | None = None, staged: bool = True,
) -> Sample:  # fmt: skip
    """Return a sample from its sums: stages, weights from counts, calibration, replicates."""
    own, steps = base(design), steps_of(design)
    n = found.plain[:, 0]
    stages = read_stages(cells, own, n) if staged else ()
    if not own.weights and own.fpc:
        w = 1 / np.prod([(at.drawn / at.population)[at.stratum] for at in stages], axis=0)
        found = Moments(
            found.plain,
            found.weighted * w[:, None],
            found.spread * w[:, None, None],
            found.square * (w**2)[:, None, None],
        )
    factors = [np.ones(len(n))]
    for step in steps:
        factors.append(factors[-1] * step.factor(cells))
        total = float(found.weighted[:, 0] @ factors[-1])
        if abs(total - step.total) > SUBSET * abs(step.total):
            raise ParameterError(
                f"weights add up to {total:g}, {step.total:g} when they were calibrated: these are "
                "other rows; calibrate the table that is estimated from, name domains with `by`"
            )
    replicates = (
        None
        if not staged
        else replicated(own, steps, cells, found.weighted[:, 0], n, stages, frame)
    )
    return Sample(own, steps, cells, n, found.plain, found.weighted, found.spread, found.square,
                  shift, stages, tuple(factors), replicates)  # fmt: skip


def replicated(
    design: Design, steps: Sequence[Step], cells: pd.DataFrame, weight: Array, n: Array,
    stages: Sequence[Stage], frame: pd.DataFrame | None,
) -> Replication | None:  # fmt: skip
    """Return the replicate weights of a design, each calibrated anew."""
    if design.replicates is None:
        return None
    if isinstance(design.replicates, Replicates):
        assert frame is not None
        made = given(frame, design.replicates, weight)
    else:
        made = jackknife(str(design.replicates), stages[0], weight, design.singleton)
    current = made.weights.copy()
    for step in steps:
        for at in range(current.shape[1]):
            current[:, at] *= step.fit(cells, current[:, at], n)
    factors = np.divide(current, weight[:, None], out=np.zeros_like(current),
                        where=weight[:, None] > 0)  # fmt: skip
    return Replication(factors, current, made.scales, made.df)
