"""Shares of themes and polarity over all segments, coded by hand or by machine.

Machine coding alone is biased by its mistakes. Here the mistakes that it makes on hand-coded
segments correct it (prediction-powered inference with a weight that never does worse than the
coded segments alone: Angelopoulos et al. 2023; predictions for coded segments are held out: Zrnic
and Candes 2024). It assumes that the coded segments are a random part of all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from haidian_eval.opinion.accuracy import Share, effective_number, wilson


@dataclass(frozen=True, slots=True)
class Read:
    """Segments in order: what coders said and what the classifier thinks.

    coded: whether by hand. documents: what belongs together. truth, thought: segments x kinds (0-1;
    probabilities); truth counts where coded, thought is held out there.
    """

    coded: np.ndarray
    documents: np.ndarray
    truth: np.ndarray
    thought: np.ndarray


def pulled(y: np.ndarray, f: np.ndarray, coded: np.ndarray) -> float:
    """Return the weight on predictions of the least variance, between 0 and 1 (PPI++)."""
    n, others = coded.sum(), (~coded).sum()
    spread = float(np.var(f[coded])) if n > 1 else 0.0
    if not others or spread <= 0:
        return 0.0
    together = float(np.cov(y[coded], f[coded])[0, 1])
    return float(np.clip(together / ((1 + n / others) * spread), 0, 1))


def part(read: Read, above: np.ndarray, below: np.ndarray, *, level: float, machine: bool) -> Share:
    """Return the ratio of two kinds of segment with its interval, clustered by documents.

    above, below: columns of truth and thought that are summed (masks); machine: whether predictions
    enter. Wilson's interval for as many segments as have the linearised variance.
    """
    coded, n = read.coded, int(read.coded.sum())
    y, d = read.truth[:, above].sum(axis=1), read.truth[:, below].sum(axis=1)
    fy, fd = read.thought[:, above].sum(axis=1), read.thought[:, below].sum(axis=1)
    if not n or not d[coded].sum():
        return Share(float("nan"), float("nan"), float("nan"), 0, 0.0)
    first = y[coded].sum() / d[coded].sum()
    use = pulled(y - first * d, fy - first * fd, coded) if machine else 0.0
    over, under = rectified(y, fy, coded, use), rectified(d, fd, coded, use)
    value = float(np.clip(over / under, 0, 1)) if under > 0 else first
    residual = scores(y - value * d, fy - value * fd, coded, use) / max(under, 1e-12)
    sums = pd.Series(residual).groupby(read.documents).sum().to_numpy()
    m, cases = len(sums), int(d[coded].sum())
    variance = float(((sums - sums.mean()) ** 2).sum()) * m / max(m - 1, 1)
    there = cases if not machine else len(coded)
    groups = len(np.unique(read.documents[coded & (d > 0)]))
    worth = effective_number(value, variance, groups, there)
    return Share(value, *wilson(value, worth, level), cases, worth)


def rectified(y: np.ndarray, f: np.ndarray, coded: np.ndarray, use: float) -> float:
    """Return the mean of y: of predictions elsewhere, plus what they are wrong by where coded."""
    elsewhere = f[~coded].mean() if use else 0.0
    return float(use * elsewhere + (y[coded] - use * f[coded]).mean())


def scores(y: np.ndarray, f: np.ndarray, coded: np.ndarray, use: float) -> np.ndarray:
    """Return what each segment adds to the error of the mean."""
    own = np.zeros(len(y))
    own[coded] = (y - use * f)[coded]
    own[coded] = (own[coded] - own[coded].mean()) / coded.sum()
    if use:
        rest = use * f[~coded]
        own[~coded] = (rest - rest.mean()) / len(rest)
    return own
