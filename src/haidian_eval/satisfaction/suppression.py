"""Protection of small cells, applied once, before a table is shown or exported.

Not covered: what respondents know of their own cell, other publications, and tables that share a
total which one of them hides. A table and its margin (street x size, street) are one table here.
Tables that share published totals alone are as safe together as each by itself.
"""

from __future__ import annotations

import logging
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, eye_array, kron

from haidian_eval.errors import ParameterError, TableError, not_known
from haidian_eval.satisfaction.hiding import Zeros, grid_of, search, with_totals

LOG = logging.getLogger(__name__)
TOTAL = "total"
AT_ONCE = 3_000  # unknowns of the linear programs that are solved together
Totals = tuple[Hashable | None, Hashable | None]


@dataclass(frozen=True, slots=True)
class Protected:
    """A table that may be published.

    table: counts and totals, missing where hidden. marks: "", "primary" or "secondary" by cell.
    Print one mark for both: a cell known to be primary is known to lie below the threshold.
    """

    table: pd.DataFrame
    marks: pd.DataFrame

    @property
    def hidden(self) -> int:
        """Number of hidden cells, totals included."""
        return int((self.marks != "").to_numpy().sum())


@dataclass(frozen=True, slots=True)
class Layout:
    """A table with all its totals last, (r + 1) x (c + 1), and what of it is published.

    published: whether the row and the column of totals are. index, columns: labels of the table.
    """

    full: pd.DataFrame
    published: tuple[bool, bool]
    index: pd.Index
    columns: pd.Index

    def framed(self, cells: np.ndarray) -> pd.DataFrame:
        """Return cells of the full table's shape as a frame in the order of the table."""
        own = pd.DataFrame(cells, self.full.index, self.full.columns, dtype=cells.dtype)
        return own.reindex(index=self.index, columns=self.columns)

    def marked(self, mask: pd.DataFrame | None) -> np.ndarray:
        """Return a mask by label in the full table's shape; cells that it lacks are not marked."""
        own = (
            pd.DataFrame() if mask is None else pd.DataFrame(mask.to_numpy(), *map(flat, mask.axes))
        )
        own = own.reindex(index=self.full.index, columns=self.full.columns, fill_value=False)
        return own.to_numpy(dtype=bool)


def flat(labels: Iterable[Hashable]) -> pd.Index:
    """Return labels as an index, those of several levels as tuples."""
    return pd.Index([*labels], dtype=object, tupleize_cols=False)


def checked(table: pd.DataFrame) -> pd.DataFrame:
    """Return counts as whole numbers; raises TableError for what is no count."""
    for axis, labels in zip(("row", "column"), table.axes, strict=True):
        if not labels.is_unique:
            twice = labels[labels.duplicated()][0]
            raise TableError(f"two {axis}s are labelled {twice!r}; add them up or rename one")
    try:
        values = table.to_numpy(dtype="float64", na_value=np.nan)
    except (TypeError, ValueError):
        raise TableError("the table of counts holds texts; give counts alone") from None
    for wrong, says in (
        (np.isnan(values), "is missing; write 0 for nobody, and protect a table once only"),
        (values < 0, "is negative; counts are 0 or more"),
        (np.isinf(values) | (np.floor(values) != values), "is no whole number; protect respondents"
         " counted without weights, and hide the same cells of the weighted table"),
    ):  # fmt: skip
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            where = f"row {table.index[row]!r}, column {table.columns[column]!r}"
            raise TableError(f"{where}: {values[row, column]:g} {says}")
    return pd.DataFrame(values.astype("int64"), *map(flat, table.axes))


def laid_out(table: pd.DataFrame, totals: Totals | None, margins: bool) -> Layout:
    """Return a table with all its totals; equal tables in another order have equal layouts.

    Raises TableError for totals that do not add up, ParameterError for labels that it lacks.
    """
    counts = checked(table)
    row, column = ([] if own is None else [own] for own in totals or (None, None))
    for own, labels in zip((row, column), counts.axes, strict=True):
        if own and own[0] not in labels:
            raise ParameterError(not_known(f"totals: the label {own[0]!r}", own[0], labels))
    rows, columns = (sorted((label for label in labels if label not in own), key=repr)
                     for own, labels in zip((row, column), counts.axes, strict=True))  # fmt: skip
    if TOTAL in [*rows, *columns]:
        raise ParameterError(f"a row or column is labelled {TOTAL!r}; name it in `totals`")
    ends = flat([*rows, *(row or [TOTAL])]), flat([*columns, *(column or [TOTAL])])
    full = pd.DataFrame(with_totals(counts.loc[rows, columns].to_numpy()), *ends)
    if totals is None and margins:
        index, columns = (flat([*labels, TOTAL]) for labels in counts.axes)
        return Layout(full, (True, True), index, columns)
    refuse_wrong_totals(counts, full)
    return Layout(full, (bool(row), bool(column)), counts.index, counts.columns)


def refuse_wrong_totals(counts: pd.DataFrame, full: pd.DataFrame) -> None:
    """Raise a TableError for a total that is not the sum of its cells."""
    sums = full.reindex(index=counts.index, columns=counts.columns)
    for row, column in np.argwhere(sums.to_numpy() != counts.to_numpy())[:1]:
        raise TableError(
            f"row {counts.index[row]!r}, column {counts.columns[column]!r}: the total is"
            f" {counts.iloc[row, column]}, its cells sum to {sums.iloc[row, column]}; add a line"
            " for those without an answer"
        )


def protect(
    table: pd.DataFrame, threshold: int = 10, *, margins: bool = True, totals: Totals | None = None,
    zeros: Zeros = "hide", structural: pd.DataFrame | None = None, width: int | None = None,
) -> Protected:  # fmt: skip
    """Return a table of counts with its totals, as it may be published.

    margins: totals are published; those that the table lacks are added as "total". totals: labels
    of the row and the column that are totals already, None for an axis without. zeros: "hide"
    counts 0 among the small ones (UK LLC): that nobody is in a cell tells of everybody else.
    structural: True for cells that anybody knows to be 0. width: least range of a hidden cell,
    threshold - 1 where not given. Raises TableError for what is no table of counts.
    """
    layout = laid_out(table, totals, margins)
    known = layout.marked(structural)[:-1, :-1]
    counts = layout.full.to_numpy()[:-1, :-1]
    if counts[known].any():
        raise TableError("a cell marked as `structural` zero holds a count; unmark it")
    grid = grid_of(counts, threshold, zeros=zeros, width=width, structural=known,
                   published=layout.published)  # fmt: skip
    hidden = search(grid)
    words = np.where(grid.primary, "primary", np.where(hidden, "secondary", "")).astype(object)
    marks, gone = layout.framed(words), layout.framed(hidden)
    if gone.size and gone.to_numpy().all():
        LOG.warning("all %s cells of a table are hidden", gone.size)
    return Protected(layout.framed(grid.counts).astype("Int64").mask(gone), marks)


def suppress(table: pd.DataFrame, threshold: int = 10, **options: Any) -> pd.DataFrame:
    """Return counts in the shape given, missing where hidden; options: those of `protect`.

    Totals beside the result must be those of `protect`, which hides small ones too.
    """
    found = protect(table, threshold, **options)
    inner = slice(len(table)), slice(table.shape[1])
    beside(found.hidden - int((found.marks.iloc[inner] != "").to_numpy().sum()))
    return found.table.iloc[inner].set_axis(table.index).set_axis(table.columns, axis=1)


def beside(hidden: int) -> None:
    """Log that totals are hidden which a table does not show but others may."""
    if hidden:
        LOG.warning("%s totals that the table does not show must be hidden where shown", hidden)


def audit(
    table: pd.DataFrame, hidden: pd.DataFrame, *, margins: bool = True,
    totals: Totals | None = None, zeros: Zeros = "hide",
) -> pd.DataFrame:  # fmt: skip
    """Return row, column, low, high of each hidden cell: all that a reader can infer of it.

    By linear programs over the hidden cells, not by the flows of the search. Totals that `hidden`
    does not mark are taken to be published. high: inf where nothing limits it.
    """
    layout = laid_out(table, totals, margins)
    (m, n), away = layout.full.shape, layout.marked(hidden)
    told = ~away & ~grid_of(np.zeros((m - 1, n - 1)), 2, published=layout.published).unpublished
    sums = np.kron(with_totals(np.eye(m - 1))[:, :-1], with_totals(np.eye(n - 1))[:, :-1])
    unknown, counts = away[:-1, :-1].ravel(), layout.full.to_numpy()
    known = (sums[:, ~unknown] @ counts[:-1, :-1].ravel()[~unknown]).reshape(m, n)
    facts = sums[:, unknown]
    least = int(zeros == "show")
    low, high = ranges(facts[told.ravel()], (counts - known)[told], facts[away.ravel()], least)
    rows, columns = np.nonzero(away)
    found = {"row": layout.full.index[rows], "column": layout.full.columns[columns]}
    return pd.DataFrame({**found, "low": known[away] + low, "high": known[away] + high})


def ranges(
    facts: np.ndarray, sums: np.ndarray, asked: np.ndarray, least: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return minima and maxima of asked @ x over all x >= least with facts @ x = sums."""
    from scipy.optimize import linprog  # 24 MB and half a second that estimates need not wait

    goals, n = np.vstack([asked, -asked]), asked.shape[1]
    values, step = np.zeros(len(goals)), max(1, AT_ONCE // max(n, 1))
    for start in range(0, len(goals) if n else 0, step):
        part = goals[start : start + step]
        solved = linprog(
            part.ravel(), A_eq=kron(eye_array(len(part)), csr_array(facts)),
            b_eq=np.tile(sums, len(part)), bounds=(least, max(least, sums.max(initial=0))),
        )  # fmt: skip
        assert solved.success, solved.message
        values[start : start + step] = (part * solved.x.reshape(-1, n)).sum(axis=1).round()
    endless = asked @ ~facts.any(axis=0) > 0
    return values[: len(asked)], np.where(endless, np.inf, -values[len(asked) :])


def round_counts(table: pd.DataFrame, base: int = 5, seed: int | None = None) -> pd.DataFrame:
    """Return counts rounded to multiples of a base; missing ones stay missing.

    To the nearest, or with a seed up or down at random, right on average: by the labels of the cell
    alone, so that it is rounded alike in any order and table. Totals are rounded by themselves and
    no longer equal the sums of their cells; each number is off by up to half a base, with a seed
    by less than one. This does not replace `suppress`: a count of 3 becomes 5 and is still seen.
    """
    if base < 1 or base != int(base):
        raise ParameterError(f"base = {base}; give a whole number of at least 1")
    share: np.ndarray | float = 0.5
    if seed is not None:
        names = [f"{seed}|{row!r}|{column!r}" for row in table.index for column in table.columns]
        hashed = pd.util.hash_array(np.array(names, dtype=object))
        share = hashed.reshape(table.shape) / 2.0**64
    rounded = np.floor(table.to_numpy(dtype="float64", na_value=np.nan) / base + share) * base
    return pd.DataFrame(rounded, table.index, table.columns).astype("Int64")
