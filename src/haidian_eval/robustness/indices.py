"""Which choice moves the ranks most: variance-based sensitivity indices of the listed choices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError, not_known
from haidian_eval.robustness.design import (
    LARGEST_FACTORIAL,
    Choices,
    Plan,
    factorial,
    plan,
    sampled,
)
from haidian_eval.robustness.draws import Source, blocks, source_of
from haidian_eval.robustness.ranks import ranks_of
from haidian_eval.scoring.framework import Framework
from haidian_eval.scoring.ranking import TOUCHING

POOL = 1024  # draws of the errors of the values among which a design chooses
LEVEL = 0.95
USUAL = 5.0  # values drawn in at most, the default of `treat_outliers`
COLUMNS = [
    "factor", "first_order", "first_order_low", "first_order_high",
    "total", "total_low", "total_high",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Shares of the variance of an output that each choice explains.

    frame: factor, first_order (alone) and total (with all interactions), each with the ends of its
    95 % interval; the interval has no width where every combination was made. output: what varied.
    runs: number of runs. full_factorial: every combination once.
    """

    frame: pd.DataFrame
    output: str
    runs: int
    full_factorial: bool


def sensitivity(
    values: pd.DataFrame, framework: Framework, choices: Choices, *, samples: int, seed: int,
    output: str = "rank_shift", groups: pd.Series | None = None,
    previous: pd.DataFrame | None = None,
) -> Sensitivity:  # fmt: skip
    """Return first-order and total indices of every choice (Saltelli et al. 2010).

    `output`: "rank_shift" (mean over units of |rank - nominal rank|), "index" (mean over units) or
    "rank:UNIT". With discrete choices only and at most 100,000 combinations the indices are exact
    and `samples` is not used; else `samples` x (factors + 2) runs of a Sobol sequence. All drawn
    weights are one factor, and so are the errors of the values.
    """
    varied = plan(choices, framework, values)
    factors = [*varied.levels, *(["weights"] if varied.drawn else []),
               *(["noise"] if varied.noise is not None else [])]  # fmt: skip
    if not factors:
        raise ParameterError("sensitivity: choices vary nothing; name at least one alternative")
    check_output(output, values.index)
    source = source_of(values, framework, noise=varied.noise, weight_sets=varied.sets,
                       groups=groups, previous=previous)  # fmt: skip
    full = varied.cells is not None and varied.cells <= LARGEST_FACTORIAL
    if full:
        outcome = outcome_of(source, varied, factorial(varied), output)
        frame = exact_indices(outcome, varied)
    else:
        unit, problem = saltelli(varied, factors, samples, seed)
        seeds = (unit[:, -1] * POOL).astype(int) + seed * POOL
        outcome = outcome_of(source, varied, sampled(varied, unit, seeds), output)
        frame = estimated_indices(outcome, problem, factors, seed)
    return Sensitivity(frame, output, len(outcome), full)


def check_output(output: str, units: pd.Index) -> None:
    """Refuse outputs and units that are not known."""
    kind, colon, unit = output.partition(":")
    if (kind, colon) not in {("rank_shift", ""), ("index", ""), ("rank", ":")}:
        raise ParameterError(
            not_known(f"output = {output!r}", output, ["rank_shift", "index", "rank:UNIT"])
        )
    if colon and unit not in set(map(str, units)):
        raise ParameterError(not_known(f"output: the unit {unit!r}", unit, units))


def outcome_of(source: Source, varied: Plan, design: pd.DataFrame, output: str) -> np.ndarray:
    """Return the output of every draw.

    The nominal ranks are those of the framework, with the usual outlier treatment where it varies.
    """
    framework, outcome = varied.framework, np.empty(len(design))
    usual = {"winsorised": [USUAL]} if "winsorised" in varied.levels else {}
    nominal = next(blocks(source, framework, pd.DataFrame(usual, index=range(1))))
    first = ranks_of(nominal.scores[framework.root])
    kind, _, unit = output.partition(":")
    for block in blocks(source, framework, design):
        index = block.scores[framework.root]
        if kind == "index":
            outcome[block.rows] = np.nanmean(index, axis=1)
            continue
        ranks = ranks_of(index)
        if kind == "rank":
            own = ranks[:, list(map(str, source.cells.index)).index(unit)]
            if not own.all():
                raise ParameterError(f"output: the unit {unit!r} has no rank in some of the draws")
            outcome[block.rows] = own
            continue
        ranked = (ranks > 0) & (first > 0)
        shift = np.abs(ranks.astype(float) - first)
        outcome[block.rows] = (shift * ranked).sum(axis=1) / np.maximum(ranked.sum(axis=1), 1)
    return outcome


def exact_indices(outcome: np.ndarray, varied: Plan) -> pd.DataFrame:
    """Return the indices of a full factorial: V(E(y|x)) / V(y) and E(V(y|others)) / V(y)."""
    grid = outcome.reshape([len(names) for names in varied.levels.values()])
    whole, rows = grid.var() if np.ptp(grid) > TOUCHING else 0.0, []
    for at, factor in enumerate(varied.levels):
        others = tuple(axis for axis in range(grid.ndim) if axis != at)
        first, total = grid.mean(axis=others).var(), grid.var(axis=at).mean()
        pair = [np.nan, np.nan] if whole == 0 else [first / whole, total / whole]
        rows.append([factor, *[pair[0]] * 3, *[pair[1]] * 3])
    return pd.DataFrame(rows, columns=COLUMNS)


def saltelli(
    varied: Plan, factors: list[str], samples: int, seed: int
) -> tuple[np.ndarray, dict[str, object]]:
    """Return points of the unit cube for the estimators, and the problem as SALib reads it.

    For each of `samples` points (the next power of two, at which a Sobol sequence is balanced): a
    point a, a with each factor's columns taken from b, b itself (Saltelli et al. 2010).
    """
    from scipy.stats import qmc

    groups = [*varied.levels, *["weights"] * len(varied.drawn)]
    groups += ["noise"] if "noise" in factors else []
    count, power = len(groups), (max(samples, 2) - 1).bit_length()
    pairs = qmc.Sobol(2 * count, rng=np.random.default_rng(seed)).random_base2(power)
    points = np.repeat(pairs[:, None, :count], len(factors) + 2, axis=1)
    for at, factor in enumerate(factors):
        own = np.flatnonzero(np.array(groups) == factor)
        points[:, at + 1, own] = pairs[:, count + own]
    points[:, -1] = pairs[:, count:]
    names = [f"x{at}" for at in range(count)]
    bounds = [[0.0, 1.0]] * count
    problem = {"num_vars": count, "names": names, "groups": groups, "bounds": bounds}
    return np.minimum(points.reshape(-1, count), np.nextafter(1, 0)), problem


def estimated_indices(
    outcome: np.ndarray, problem: dict[str, object], factors: list[str], seed: int
) -> pd.DataFrame:
    """Return the estimated indices with 95 % intervals from 100 resamples."""
    if np.ptp(outcome) <= TOUCHING:
        return pd.DataFrame([[f, *[np.nan] * 6] for f in factors], columns=COLUMNS)
    from SALib.analyze import sobol

    found = sobol.analyze(problem, outcome, calc_second_order=False, conf_level=LEVEL, seed=seed)
    rows = []
    for at, factor in enumerate(factors):
        ends: list[float] = []
        for name in ("S1", "ST"):
            value, half = float(found[name][at]), float(found[f"{name}_conf"][at])
            ends += [value, value - half, value + half]
        rows.append([factor, *ends])
    return pd.DataFrame(rows, columns=COLUMNS)
