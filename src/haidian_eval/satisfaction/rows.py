"""Protection of small cells in tables of estimates: a row of a small domain is blanked."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError, TableError, not_known
from haidian_eval.satisfaction.hiding import Zeros, grid_of, search
from haidian_eval.satisfaction.suppression import TOTAL, beside, checked, laid_out, protect


@dataclass(frozen=True, slots=True)
class Rates:
    """Which rates are blanked although enough people answered.

    numerator: column of respondents, unweighted, who said so. level: column of the answer where a
    domain has several rows. Numerators and complements of 1 .. small - 1 are hidden, with zeros =
    "hide" 0 as well (0 and 100 % tell of everybody), where the population column holds at most
    `up_to` or there is none (GP Patient Survey: 1-4 in populations up to 1,000).
    """

    numerator: str
    level: str | None = None
    small: int = 5
    zeros: Zeros = "show"
    population: str | None = None
    up_to: int = 1_000


def suppress_rows(
    frame: pd.DataFrame, by: str | Sequence[str], *, count: str = "n",
    values: Sequence[str] | None = None, threshold: int = 10, total: Hashable = None,
    margins: bool = True, zeros: Zeros = "hide", width: int | None = None,
    rates: Rates | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return a table of estimates with hidden rows blank, and why in the column `suppressed`.

    by: one or two columns; rows of one domain share their count, and domains without a row are
    known to be empty. total: what marks rows of totals in `by`. values: columns to blank beside the
    count, where not given all numbers: an estimate and its limits give the count back. suppressed:
    "", "primary", "secondary", or "rate" where the count stays.
    """
    by = [by] if isinstance(by, str) else list(by)
    asked = (rates.numerator, rates.level, rates.population) if rates else ()
    known_columns(frame, [*by, count, *(values or ()), *(own for own in asked if own)])
    if len(by) > (1 if rates else 2):
        raise ParameterError(f"by = {by}: at most two columns, with `rates` one")
    place = placed(frame[by], total)
    wide = by_domain(counted(frame, count), place)
    margins = margins or any(TOTAL in key for key in place)
    found = protect(wide.fillna(0), threshold, margins=margins, zeros=zeros, width=width,
                    structural=wide.isna())  # fmt: skip
    own = found.marks if len(by) == 2 else found.marks[wide.columns]
    beside(sum(1 for key, mark in own.T.unstack().items()
               if mark and TOTAL in key and key not in place))  # fmt: skip
    why = looked_up(found.marks, place)
    if rates:
        small = small_rates(frame, rates, place, wide[0], found.marks[0], margins)
        why = np.where(small & (why == ""), "rate", why)
    if values is None:
        values = frame.select_dtypes("number").columns.difference([*by, count, *asked[1:]])
    gone = dict.fromkeys([*values, *asked[:1]], why != "")
    gone[count] = np.isin(why, ("primary", "secondary"))
    return frame.assign(
        **{name: blanked(frame[name], rows) for name, rows in gone.items()}, suppressed=why
    )


def known_columns(frame: pd.DataFrame, names: Sequence[str]) -> None:
    """Raise a ParameterError for a column that the table lacks."""
    if absent := [name for name in names if name not in frame]:
        raise ParameterError(not_known(f"the column {absent[0]!r}", absent[0], frame.columns))


def blanked(column: pd.Series, gone: np.ndarray) -> pd.Series:
    """Return a column that is missing in some rows; whole numbers stay whole."""
    whole = pd.api.types.is_integer_dtype(column)
    return (column.astype("Int64") if whole else column).mask(gone)


def looked_up(frame: pd.DataFrame, keys: pd.MultiIndex) -> np.ndarray:
    """Return the cells of a wide table by pairs of row and column."""
    rows, columns = (keys.get_level_values(level) for level in (0, 1))
    at = frame.index.get_indexer(rows), frame.columns.get_indexer(columns)
    return frame.to_numpy()[at]


def counted(frame: pd.DataFrame, count: str) -> np.ndarray:
    """Return a column of counts, checked."""
    return checked(frame[[count]].reset_index(drop=True))[count].to_numpy()


def placed(domains: pd.DataFrame, total: Hashable) -> pd.MultiIndex:
    """Return row and column of each domain in a wide table, by number, or TOTAL."""
    own = [np.where(domains[name] == total, TOTAL,
                    pd.factorize(domains[name], use_na_sentinel=False, sort=True)[0].astype(object))
           for name in domains]  # fmt: skip
    return pd.MultiIndex.from_arrays([*own, np.zeros(len(domains), dtype=object)][:2])


def by_domain(counts: np.ndarray, place: pd.MultiIndex) -> pd.DataFrame:
    """Return counts by row and column without totals; a TableError where they do not agree."""
    each = pd.Series(counts, place).groupby(level=[0, 1], sort=False)
    once = each.min()
    if (wrong := (each.max() != once)).any():
        raise TableError(f"{wrong.sum()} domains have rows with different counts; give one each")
    wide = once[[TOTAL not in key for key in once.index]].unstack()
    sums = looked_up(laid_out(wide.fillna(0), None, True).full, once.index)
    if (wrong := sums != once.to_numpy()).any():
        raise TableError(
            f"a row of totals counts {once[wrong].iloc[0]}, its domains {sums[wrong][0]};"
            " add a row for those without an answer"
        )
    return wide


def small_rates(
    frame: pd.DataFrame, rates: Rates, place: pd.MultiIndex, n: pd.Series, marks: pd.Series,
    margins: bool,
) -> np.ndarray:  # fmt: skip
    """Return the rows whose rate is hidden.

    Answers by domain are a table whose row totals are the counts. Domains of hidden count are
    hidden whole: whatever a reader takes their counts for, answers can be found to go with them.
    """
    rows = place.get_level_values(0)
    level = pd.factorize(frame[rates.level])[0] if rates.level else np.zeros(len(frame), dtype=int)
    keys = pd.MultiIndex.from_arrays([rows, level])
    said = pd.Series(counted(frame, rates.numerator), keys)[rows != TOTAL]
    if not said.index.is_unique:
        raise TableError("a domain has several rows of one answer; name the column in Rates.level")
    answers = said.unstack(fill_value=0)
    answers[TOTAL] = n.reindex(answers.index) - answers.sum(axis=1)
    if (answers[TOTAL] < 0).any():
        raise TableError(
            f"{rates.numerator!r} exceeds the count of a domain; give people, once each"
        )
    if not answers[TOTAL].any():
        answers = answers.drop(columns=TOTAL)
    grid = grid_of(answers.to_numpy(dtype="int64"), rates.small, zeros=rates.zeros,
                   published=(margins, True))  # fmt: skip
    away = marks.reindex([*answers.index, TOTAL], fill_value="").ne("").to_numpy()[:, None]
    last = np.arange(grid.counts.shape[1]) == grid.counts.shape[1] - 1
    primary = grid.primary & (away | ~last)
    if rates.population:
        people = pd.Series(frame[rates.population].to_numpy(), rows)
        people = people[rows != TOTAL].groupby(level=0).first().reindex(answers.index)
        primary &= ~(np.append(people, people.sum()) > rates.up_to)[:, None]
    grid = replace(grid, primary=primary, hidden=grid.hidden | away,
                   fixed=grid.fixed | (last & ~away))  # fmt: skip
    hidden = pd.DataFrame(search(grid)[:, :-1], [*answers.index, TOTAL], answers.columns)
    return looked_up(hidden, keys)
