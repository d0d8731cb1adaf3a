"""Which aspects move overall satisfaction: what each explains of it, and how well each one does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import factorial

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError
from haidian_eval.satisfaction.calibration import AnyDesign
from haidian_eval.satisfaction.intervals import Spread, check_level, limits
from haidian_eval.satisfaction.reliability import Missing, answers, moments_of
from haidian_eval.satisfaction.sample import Sample, read_sample

MOST, SQUARES, CHUNK = 12, 12, 50  # drivers of which all subsets are taken; else orders drawn
NOTHING = 1e-9  # share of a variance below which nothing is left
QUADRANTS = np.array([["low_priority", "overkill"], ["concentrate", "keep"]])  # matters, does well


@dataclass(frozen=True, slots=True)
class Drivers:
    """What drivers explain of an outcome.

    frame: driver, coefficient (standardised), share (of R2), low, high, rank, rank_low, rank_high,
    top_share (of draws in which it is first), n (answers with the outcome); of a map also
    performance, performance_low, performance_high, quadrant, quadrant_share (of draws in which it
    is the same). n: respondents with the outcome and a driver; complete: without any gap.
    importance_line, performance_line: where quadrants part. rule: in words.
    """

    frame: pd.DataFrame
    r2: float
    r2_low: float
    r2_high: float
    n: int
    complete: int
    rule: str
    importance_line: float
    performance_line: float = np.nan


@dataclass(frozen=True, slots=True)
class Draws:
    """Estimates, then draws of them by the design, along the first axis.

    matrix (1 + draws, k + 1, k + 1): covariances of standardised answers, the outcome last.
    performance (1 + draws, k), with its se and the answers n. pairs (k,): answers with the outcome.
    """

    matrix: np.ndarray
    performance: np.ndarray
    se: np.ndarray
    n: np.ndarray
    pairs: np.ndarray
    used: int
    complete: int
    df: int
    rng: np.random.Generator


def key_drivers(
    frame: pd.DataFrame, design: AnyDesign, outcome: str, drivers: Sequence[str], *,
    draws: int = 999, seed: int, level: float = 0.95, missing: Missing = "pairwise",
) -> Drivers:  # fmt: skip
    """Return the share of R2 that each driver bears, averaged over all orders of entry (LMG).

    Lindeman, Merenda and Gold (1980), Groemping (2006), on weighted covariances. Intervals and
    ranks: quantiles of draws of the covariances from their distribution by the design. missing:
    "pairwise" takes every answer (不了解, 不适用 are gaps), "listwise" complete respondents. Raises
    ParameterError for fewer than two drivers or drivers that repeat each other.
    """
    drawn = read_draws(frame, design, [*drivers, outcome], draws, seed, missing)
    return shares(drawn, list(drivers), level, missing)[0]


def importance_performance(
    frame: pd.DataFrame, design: AnyDesign, outcome: str, drivers: Sequence[str], *,
    satisfied_from: float | pd.Series | None = None, performance_line: float | None = None,
    draws: int = 999, seed: int, level: float = 0.95, missing: Missing = "pairwise",
) -> Drivers:  # fmt: skip
    """Return how much drivers matter and how well they do (Martilla and James 1977).

    Importance: share of R2 as in `key_drivers`. Performance: the mean of all who answer, or with
    `satisfied_from` (one, or one for each driver) the share that answers at least that. The
    quadrants keep, concentrate, overkill and low_priority part at mean importance and
    `performance_line`, else mean performance.
    """
    drawn = read_draws(frame, design, [*drivers, outcome], draws, seed, missing, satisfied_from)
    found, share = shares(drawn, list(drivers), level, missing)
    does, k = drawn.performance, share.shape[1]
    line = does.mean(axis=1) if performance_line is None else np.full(len(does), performance_line)
    quadrant = QUADRANTS[(share >= 1 / k).astype(int), (does >= line[:, None]).astype(int)]
    spread = Spread(does[0], drawn.se, drawn.n, np.full(k, drawn.df), level)
    low, high = limits("t" if satisfied_from is None else "logit", spread)
    table = found.frame.assign(
        performance=does[0], performance_low=low, performance_high=high, quadrant=quadrant[0],
        quadrant_share=(quadrant[1:] == quadrant[0]).mean(axis=0),
    )  # fmt: skip
    return replace(found, frame=table, performance_line=float(line[0]))


def shares(
    drawn: Draws, names: list[str], level: float, missing: str
) -> tuple[Drivers, np.ndarray]:
    """Return importance with intervals and ranks, and the shares of all draws."""
    check_level(level)
    parts, whole = importance(drawn.matrix, drawn.rng), drawn.matrix[0]
    r2, tails = parts.sum(axis=1), ((1 - level) / 2, (1 + level) / 2)
    share = parts / r2[:, None]
    ranks = (-share).argsort(axis=1, kind="stable").argsort(axis=1) + 1
    low, high = np.quantile(share[1:], tails, axis=0)
    first, last = np.quantile(ranks[1:], tails, axis=0, method="nearest")
    table = pd.DataFrame({
        "driver": names, "coefficient": np.linalg.solve(whole[:-1, :-1], whole[:-1, -1]),
        "share": share[0], "low": low, "high": high, "rank": ranks[0], "rank_low": first,
        "rank_high": last, "top_share": (ranks[1:] == 1).mean(axis=0), "n": drawn.pairs,
    })  # fmt: skip
    over = "all subsets" if len(names) <= MOST else f"{2 * len(names) * SQUARES} drawn orders"
    rule = f"Shapley shares of R2 over {over}; {missing}; {len(parts) - 1} draws by the design"
    value, least, most = map(float, (r2[0], *np.quantile(r2[1:], tails)))
    return Drivers(table, value, least, most, drawn.used, drawn.complete, rule,
                   1 / len(names)), share  # fmt: skip


def read_draws(
    frame: pd.DataFrame, design: AnyDesign, names: list[str], draws: int, seed: int,
    missing: Missing, satisfied_from: float | pd.Series | None = None,
) -> Draws:  # fmt: skip
    """Return covariances and performance, with draws from their joint distribution."""
    if len(names) < 3 or draws < 19:
        raise ParameterError(f"{len(names) - 1} drivers, {draws} draws: 2 and 19 are the fewest")
    found, sample = answers(frame, names), read_sample(frame, design)
    moments = moments_of(found, sample.weights, missing)
    check_apart(moments.covariance, names)
    standard = found / np.sqrt(np.diag(moments.covariance))
    asked = found.iloc[:, :-1]
    if isinstance(satisfied_from, pd.Series) and satisfied_from.isna().any():
        raise ParameterError(
            f"satisfied_from is blank for {[*satisfied_from.index[satisfied_from.isna()]]}; name"
            " from which answer on each driver counts as satisfied"
        )
    does = (asked if satisfied_from is None else asked.ge(satisfied_from)).to_numpy("float64")
    answered = (asked.notna().to_numpy() & (sample.weights > 0)[:, None]).astype("float64")
    does = np.where(answered > 0, does, 0.0)
    whole, covariance = estimates(sample, standard, does, answered, missing)
    used = moments.known[:, -1] & moments.known[:, :-1].any(axis=1)
    df, rng = max(sample.df_within(used), 1), np.random.default_rng(seed)
    matrix, performance = drawn_from(whole, covariance, len(names), df, draws, rng)
    se = np.sqrt(np.diag(covariance))[-len(names) + 1 :]
    return Draws(matrix, performance, se, answered.sum(axis=0), moments.n[-1, :-1].astype(int),
                 int(used.sum()), int(moments.known.all(axis=1).sum()), df, rng)  # fmt: skip


def estimates(
    sample: Sample, standard: pd.DataFrame, does: np.ndarray, answered: np.ndarray, missing: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return covariances (upper triangle), then performance, and their covariance by the design."""
    at, w = np.triu_indices(standard.shape[1]), sample.weights

    def found(own: np.ndarray) -> np.ndarray:
        matrix = moments_of(standard, own, missing).covariance[at]
        return np.append(matrix, own @ does / (own @ answered))

    whole = found(w)
    if sample.replicates is not None:
        drawn = np.array([found(own) for own in sample.replicates.weights.T])
        return whole, sample.replicates.covariance(drawn)
    level = (does - answered * whole[len(at[0]) :]) / (w @ answered)
    scores = np.hstack([moments_of(standard, w, missing).influence(at), level])
    return whole, sample.covariance(scores * w[:, None])


def check_apart(covariance: np.ndarray, names: list[str]) -> None:
    """Refuse columns without variance and columns that repeat each other."""
    scale = np.sqrt(np.diag(covariance))
    still = [name for name, own in zip(names, scale, strict=True) if not own > 0]
    if still:
        raise ParameterError(f"{still}: everybody answers the same, which explains nothing")
    values, vectors = np.linalg.eigh(covariance / np.outer(scale, scale))
    if values[0] < NOTHING:
        repeated = [n for n, own in zip(names, vectors[:, 0], strict=True) if abs(own) > 0.1]
        raise ParameterError(
            f"{repeated} repeat each other, or gaps make their correlations disagree; leave one "
            "out, or choose missing='listwise'"
        )


def drawn_from(
    whole: np.ndarray, covariance: np.ndarray, k: int, df: float, draws: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Return estimates and t draws of them: matrices (draws, k, k) first, then the rest.

    Matrices move on the scale of their logarithm (Arsigny and others 2007), so that every one drawn
    is a covariance matrix.
    """
    at, size = np.triu_indices(k), k * (k + 1) // 2
    values, turn = np.linalg.eigh(symmetric(whole[None, :size], k)[0])
    logs = np.log(values)
    apart = np.subtract.outer(values, values)
    close = np.abs(apart) < NOTHING
    rate = np.where(close, 1 / values, np.subtract.outer(logs, logs) / np.where(close, 1, apart))
    change = np.eye(len(whole))
    moved = turn @ (rate * (turn.T @ symmetric(np.eye(size), k) @ turn)) @ turn.T
    change[:size, :size] = moved[:, at[0], at[1]].T
    spread, axes = np.linalg.eigh(change @ covariance @ change.T)
    root = (axes * np.sqrt(np.maximum(spread, 0))) @ axes.T
    step = np.zeros((draws + 1, len(whole)))
    step[1:] = rng.standard_normal((draws, len(whole))) @ root
    step[1:] *= np.sqrt(df / rng.chisquare(df, (draws, 1)))
    own, axes = np.linalg.eigh((turn * logs) @ turn.T + symmetric(step[:, :size], k))
    return (axes * np.exp(own)[:, None, :]) @ axes.swapaxes(1, 2), whole[size:] + step[:, size:]


def symmetric(upper: np.ndarray, k: int) -> np.ndarray:
    """Return symmetric matrices (m, k, k) from their upper triangles (m, k (k + 1) / 2)."""
    at, found = np.triu_indices(k), np.zeros((len(upper), k, k))
    found[:, at[0], at[1]] = found[:, at[1], at[0]] = upper
    return found


def importance(matrix: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the part of R2 (m, k) that each driver adds, averaged over orders of entry."""
    k = matrix.shape[-1] - 1
    if k > MOST:
        return over_orders(matrix, rng) / matrix[:, -1:, -1]
    pieces = np.array_split(matrix, -(-len(matrix) // CHUNK))
    left = np.concatenate([unexplained(piece) for piece in pieces]) / matrix[:, -1:, -1]
    sets = np.arange(2**k)
    size = np.sum([(sets >> at) & 1 for at in range(k)], axis=0)
    weight = np.array([factorial(s) * factorial(k - s - 1) / factorial(k) for s in range(k)])
    without = [sets[(sets >> at) & 1 == 0] for at in range(k)]
    gains = [(left[:, own] - left[:, own | 1 << at], own) for at, own in enumerate(without)]
    return np.column_stack([gain @ weight[size[own]] for gain, own in gains])


def unexplained(matrix: np.ndarray) -> np.ndarray:
    """Return the variance that each subset leaves (m, 2^k), bit j of the subset for driver j."""
    found = matrix[None]
    for _ in range(matrix.shape[-1] - 1):
        rest = found[..., 1:, 1:]
        beside = rest - found[..., 1:, :1] * found[..., :1, 1:] / found[..., :1, :1]
        found = np.concatenate([rest, beside])
    return found[..., 0, 0].T


def over_orders(matrix: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return mean sequential sums of squares (m, k) over orders drawn in Latin squares.

    Every rotation of a drawn order and its reverse: each driver enters at each place as often.
    """
    k, parts = matrix.shape[-1] - 1, np.zeros(matrix[:, 0, 1:].shape)
    for _ in range(SQUARES):
        start = rng.permutation(k)
        for shift in range(k):
            order = np.roll(start, shift)
            for own in (order, order[::-1]):
                at = np.append(own, k)
                parts[:, own] += np.linalg.cholesky(matrix[:, at[:, None], at])[:, -1, :-1] ** 2
    return parts / (2 * k * SQUARES)
