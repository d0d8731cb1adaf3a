"""How far coders agree beyond chance: Cohen's kappa and Krippendorff's alpha.

Both are sums over units, so an interval takes units, or whole documents, again with replacement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError, not_known


@dataclass(frozen=True, slots=True)
class Agreement:
    """A coefficient with its bootstrap interval; n: units coded by two or more.

    observed: share of pairs of codings that agree. draws: of the bootstrap.
    """

    value: float
    low: float
    high: float
    n: int
    observed: float
    draws: int


def nominal(levels: np.ndarray, often: np.ndarray) -> np.ndarray:
    """Return 1 for levels that differ."""
    return 1.0 - np.eye(len(levels))


def ordinal(levels: np.ndarray, often: np.ndarray) -> np.ndarray:
    """Return the squared number of codings between two levels, half of their own (2011, 5C)."""
    middle = often.cumsum() - often / 2
    return (middle[:, None] - middle) ** 2


def interval(levels: np.ndarray, often: np.ndarray) -> np.ndarray:
    """Return the squared difference of two levels, which are numbers."""
    number = levels.astype(float)
    return (number[:, None] - number) ** 2


METRICS = {"nominal": nominal, "ordinal": ordinal, "interval": interval}


def levels_of(codes: pd.DataFrame, levels: Sequence[object] | None) -> np.ndarray:
    """Return the levels in their order; what else was coded is refused."""
    found = [one for one in pd.unique(codes.to_numpy().ravel()) if pd.notna(one)]
    if levels is None:
        return np.array(sorted(found, key=lambda x: (str(type(x)), x)), dtype=object)
    for wrong in [one for one in found if one not in list(levels)]:
        raise ParameterError(not_known(f"the code {wrong!r}", wrong, levels))
    return np.array(list(levels), dtype=object)


def tallied(codes: pd.DataFrame, levels: np.ndarray) -> np.ndarray:
    """Return units x levels: how many coders chose which."""
    return np.stack([codes.eq(level).to_numpy(dtype=bool).sum(axis=1) for level in levels], axis=1)


def coincidences(codes: pd.DataFrame, levels: np.ndarray) -> np.ndarray:
    """Return units x levels x levels: pairs of codings of a unit over its codings less one."""
    often = tallied(codes, levels).astype(float)
    total = often.sum(axis=1)
    pairs = often[:, :, None] * often[:, None, :] - np.eye(len(levels)) * often[:, :, None]
    return pairs / np.where(total > 1, total - 1, np.inf)[:, None, None]


def alpha_of(table: np.ndarray, levels: np.ndarray, metric: str) -> float:
    """Return alpha of one table of coincidences: 1 - observed over expected disagreement."""
    often = table.sum(axis=0)
    distance, n = METRICS[metric](levels, often), often.sum()
    expected = (np.outer(often, often) - np.diag(often)) * distance
    if n <= 1 or expected.sum() == 0:
        return float("nan")  # all codings alike: nothing to tell apart, agreement undefined
    return float(1 - (n - 1) * (table * distance).sum() / expected.sum())


def kappa_of(table: np.ndarray) -> float:
    """Return kappa of one table, first coder x second coder (Cohen 1960)."""
    n = table.sum()
    if n == 0:
        return float("nan")
    by_chance = float(table.sum(axis=1) @ table.sum(axis=0)) / n**2
    return (
        float("nan")
        if by_chance == 1
        else float((np.trace(table) / n - by_chance) / (1 - by_chance))
    )


def taken_again(
    tables: np.ndarray, clusters: Sequence[object] | None, draws: int, seed: int
) -> np.ndarray:
    """Return draws x levels x levels: sums over clusters drawn with replacement."""
    own = np.arange(len(tables)) if clusters is None else pd.factorize(pd.Series(clusters))[0]
    sums = np.zeros((own.max() + 1, *tables.shape[1:]))
    np.add.at(sums, own, tables)
    rng, n = np.random.default_rng(seed), len(sums)
    weights = rng.multinomial(n, np.full(n, 1 / n), size=draws)
    return np.tensordot(weights, sums, axes=1)


def ends(values: list[float], level: float) -> tuple[float, float]:
    """Return the ends of the percentile interval; draws without a value are left out."""
    known = np.array(values)[~np.isnan(values)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def krippendorff_alpha(
    codes: pd.DataFrame, *, metric: str = "nominal", levels: Sequence[object] | None = None,
    clusters: Sequence[object] | None = None, draws: int = 1000, seed: int = 0,
    level: float = 0.95,
) -> Agreement:  # fmt: skip
    """Return Krippendorff's alpha of units x coders; missing: not coded (Krippendorff 2011).

    metric: "nominal", "ordinal" (in the order of `levels`) or "interval". clusters: what the
    bootstrap draws, a label per unit; blank: units. Raises ParameterError for an unknown metric or
    code, and where no unit was coded twice.
    """
    if metric not in METRICS:
        raise ParameterError(not_known(f"metric={metric!r}", metric, METRICS))
    twice = codes.notna().sum(axis=1).to_numpy() > 1
    if not twice.any():
        raise ParameterError("no unit was coded by two coders; agreement needs that")
    own = levels_of(codes, levels)
    tables = coincidences(codes, own)
    drawn = [alpha_of(one, own, metric) for one in taken_again(tables, clusters, draws, seed)]
    whole = tables.sum(axis=0)
    low, high = ends(drawn, level)
    share = float(np.trace(whole) / whole.sum())
    return Agreement(alpha_of(whole, own, metric), low, high, int(twice.sum()), share, draws)


def cohen_kappa(
    first: pd.Series, second: pd.Series, *, clusters: Sequence[object] | None = None,
    draws: int = 1000, seed: int = 0, level: float = 0.95,
) -> Agreement:  # fmt: skip
    """Return Cohen's kappa of two coders over the units that both coded (Cohen 1960).

    clusters: what the bootstrap draws, a label per unit; blank: units.
    """
    both = (first.notna() & second.reindex(first.index).notna()).to_numpy()
    codes = pd.DataFrame({"a": first, "b": second.reindex(first.index)})[both]
    if codes.empty:
        raise ParameterError("no unit was coded by both coders; kappa needs that")
    own = levels_of(codes, None)
    a, b = (codes[name].to_numpy()[:, None] == own for name in "ab")
    tables = (a[:, :, None] & b[:, None, :]).astype(float)
    kept = None if clusters is None else np.asarray(list(clusters), dtype=object)[both]
    low, high = ends([kappa_of(one) for one in taken_again(tables, kept, draws, seed)], level)
    whole = tables.sum(axis=0)
    share = float(np.trace(whole) / whole.sum())
    return Agreement(kappa_of(whole), low, high, len(codes), share, draws)


def by_pairs(codes: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the pairs of coders that have units in common."""
    return [
        (a, b)
        for a, b in combinations(codes.columns, 2)
        if (codes[a].notna() & codes[b].notna()).any()
    ]
