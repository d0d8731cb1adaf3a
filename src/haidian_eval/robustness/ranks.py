"""How sure the ranks are: intervals, shares of grades and of top ranks, who is ahead of whom."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError
from haidian_eval.robustness.design import (
    LARGEST_FACTORIAL,
    Choices,
    Plan,
    factorial,
    latin_hypercube,
    plan,
    sampled,
)
from haidian_eval.robustness.draws import blocks, source_of
from haidian_eval.scoring.framework import Framework
from haidian_eval.scoring.grades import highest_left, places
from haidian_eval.scoring.ranking import TIES


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """Ranks over all draws; series and frames are indexed by unit.

    rank_low, rank_median, rank_high: quantiles of the rank (linear), missing where a unit has none.
    grade_share: unit x grade, share of the draws (those that miss a condition of all bands and
    those without index in none). top_share: share of the draws among the first `top`. design: one
    row per draw with what was chosen. full_factorial: every combination once, `draws` not used.
    ranks: draws x units, 0 where a unit has no index.
    """

    rank_low: pd.Series
    rank_median: pd.Series
    rank_high: pd.Series
    grade_share: pd.DataFrame
    top_share: pd.Series
    design: pd.DataFrame
    full_factorial: bool
    ranks: np.ndarray = field(repr=False)

    @property
    def ahead(self) -> pd.DataFrame:
        """Unit x unit: share of the draws in which the unit of the row is ahead of the other."""
        units = self.rank_low.index
        first = np.where(self.ranks == 0, np.iinfo(self.ranks.dtype).max, self.ranks)
        shares = [(own[:, None] < self.ranks).mean(axis=0) for own in first.T]
        return pd.DataFrame(np.reshape(shares, (len(units), len(units))), units, units)


def make_design(varied: Plan, draws: int, seed: int) -> tuple[pd.DataFrame, bool]:
    """Return the design and whether it is the full factorial."""
    if varied.cells is not None and varied.cells <= LARGEST_FACTORIAL:
        return factorial(varied), True
    if draws < 1:
        raise ParameterError(f"draws = {draws}: at least one draw is needed")
    rng = np.random.default_rng(seed)
    unit = latin_hypercube(draws, len(varied.levels) + len(varied.drawn), rng)
    return sampled(varied, unit, rng.integers(2**31, size=draws)), False


def ranks_of(index: np.ndarray) -> np.ndarray:
    """Return ranks 1, 1, 3 of each row, the highest score 1; 0 where there is no score."""
    key = np.negative(np.round(index, TIES))
    order = np.argsort(key, axis=1)
    ordered = np.take_along_axis(key, order, axis=1)
    place = np.broadcast_to(np.arange(1, key.shape[1] + 1, dtype=np.uint16), key.shape)
    same = ordered[:, 1:] == ordered[:, :-1]
    if same.any():
        place = place.copy()
        place[:, 1:][same] = 0
        place = np.maximum.accumulate(place, axis=1)
    ranks = np.empty(key.shape, dtype=np.uint16)
    np.put_along_axis(ranks, order, place, axis=1)
    missing = np.isnan(key)
    return np.where(missing, 0, ranks).astype(np.uint16) if missing.any() else ranks


def uncertainty(
    values: pd.DataFrame, framework: Framework, choices: Choices, *, draws: int, seed: int,
    groups: pd.Series | None = None, previous: pd.DataFrame | None = None,
) -> Uncertainty:  # fmt: skip
    """Return how far the listed choices and errors of the values move every rank.

    With discrete choices only and at most 100,000 combinations, each is made once; else `draws`
    points of a Latin hypercube. `groups` and `previous` serve missing policies, as in
    `scoring.score`. Raises ParameterError where a choice names what is not known.
    """
    varied = plan(choices, framework, values)
    design, full = make_design(varied, draws, seed)
    source = source_of(values, framework, noise=varied.noise, weight_sets=varied.sets,
                       groups=groups, previous=previous)  # fmt: skip
    ranks = np.zeros((len(design), len(values)), dtype=np.uint16)
    bands, veto = framework.bands, framework.nodes["veto"]
    shares = np.zeros((len(bands), len(values)))
    for block in blocks(source, framework, design):
        shape = (len(block.rows), len(values))
        index = np.broadcast_to(block.scores[framework.root], shape)
        ranks[block.rows] = ranks_of(index)
        if bands:
            won = places({**block.scores, "index": index}, bands)
            place = np.maximum(won, highest_left(block.misses, veto, bands))
            known = ~np.isnan(index)
            shares += [((place == at) & known).sum(axis=0) for at in range(len(bands))]
    low, middle, high = rank_quantiles(ranks, choices.interval, values.index)
    top = ((ranks > 0) & (ranks <= choices.top)).mean(axis=0)
    grades = [band.grade for band in bands]
    return Uncertainty(
        low, middle, high, pd.DataFrame(shares.T / len(design), values.index, grades),
        pd.Series(top, values.index), design, full, ranks,
    )  # fmt: skip


def rank_quantiles(ranks: np.ndarray, interval: float, units: pd.Index) -> list[pd.Series]:
    """Return the lower end, the median and the upper end of each unit's ranks, from their counts.

    Quantiles are linear between order statistics (Hyndman and Fan 1996, type 7).
    """
    count = ranks.shape[1]
    codes = ranks + np.arange(count, dtype=np.int64) * (count + 1)
    table = np.bincount(codes.ravel(), minlength=count * (count + 1)).reshape(count, count + 1)
    below = np.cumsum(table[:, 1:], axis=1)
    total = below[:, -1] if count else np.zeros(0)
    found = []
    for share in ((1 - interval) / 2, 0.5, (1 + interval) / 2):
        at = np.maximum(total - 1, 0) * share
        lower, part = np.floor(at), at - np.floor(at)
        ends = [(below <= np.minimum(k, total - 1)[:, None]).sum(axis=1) + 1
                for k in (lower, lower + 1)]  # fmt: skip
        value = ends[0] + part * (ends[1] - ends[0])
        found.append(pd.Series(np.where(total > 0, value, np.nan), units))
    return found
