"""How often held-out codings are right, and whether their probabilities can be believed.

Texts of one group (a document and its near-duplicates) stand or fall together in every interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from haidian_eval.opinion.classifier import HeldOut
from haidian_eval.satisfaction import intervals

BINS = 10
SIMULATED = 500  # classifiers with right probabilities, to see what error chance alone gives


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its interval; n: texts, effective: as many independent ones as it is worth."""

    value: float
    low: float
    high: float
    n: int
    effective: float


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What held-out classification is worth; means over the repeated splits.

    right, baseline: share right, and of always saying the commonest class. balanced: mean recall.
    by_repeat: share right of each split. by_class: label, n, precision, recall, low, high (of
    recall). confusion: truth x predicted, texts. calibration: confidence, right, low, high, n by
    bins of equal size. error: expected calibration error; by_chance: what 95 in 100 classifiers
    whose probabilities are right stay below. brier, brier_baseline: summed over classes (0 to 2).
    """

    right: Share
    baseline: Share
    balanced: Share
    by_repeat: np.ndarray
    by_class: pd.DataFrame
    confusion: pd.DataFrame
    calibration: pd.DataFrame
    error: Share
    by_chance: float
    brier: float
    brier_baseline: float


def wilson(value: float, effective: float, level: float) -> tuple[float, float]:
    """Return Wilson's interval of a share for a number of texts that need not be whole (1927)."""
    if not effective > 0:
        return float("nan"), float("nan")
    low, high = intervals.wilson(np.array(value), np.array(effective), level)
    return float(low), float(high)


def effective_number(value: float, variance: float, groups: int, n: int) -> float:
    """Return as many independent texts as have this variance; never more than there are."""
    return float(min(n, value * (1 - value) / variance)) if variance > 0 else float(min(n, groups))


def share_right(x: np.ndarray, groups: np.ndarray, level: float) -> Share:
    """Return the mean of 0-1 values with Wilson's interval, clustered by groups."""
    n, value = len(x), float(np.mean(x)) if len(x) else float("nan")
    if not n:
        return Share(value, value, value, 0, 0.0)
    sums = pd.Series(x - value).groupby(groups).sum().to_numpy()
    m = len(sums)
    variance = float((sums**2).sum()) * m / max(m - 1, 1) / n**2
    worth = effective_number(value, variance, m, n)
    return Share(value, *wilson(value, worth, level), n, worth)


def weights_of_groups(groups: np.ndarray, draws: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the group of each text from 0 on, and draws x groups: how often each was drawn."""
    own = pd.factorize(pd.Series(groups))[0]
    n = own.max() + 1
    return own, np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=draws)


def confusion_by_group(held: HeldOut, own: np.ndarray) -> np.ndarray:
    """Return groups x truth x predicted: texts, the mean over repeats."""
    k = len(held.classes)
    found = np.zeros((own.max() + 1, k, k))
    truth = np.searchsorted(held.classes, held.truth)
    for one in held.probabilities.argmax(axis=2):
        np.add.at(found, (own, truth, one), 1 / len(held.probabilities))
    return found


def recall_of(tables: np.ndarray) -> np.ndarray:
    """Return the recall of each class; a class without texts has none."""
    total = tables.sum(axis=-1)
    right = np.diagonal(tables, axis1=-2, axis2=-1)
    return np.divide(right, total, out=np.full(total.shape, np.nan), where=total > 0)


def bins_of(held: HeldOut) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return, repeats x texts: confidence, whether right, and the bin of equal size."""
    confidence = held.probabilities.max(axis=2)
    right = (held.predicted == held.truth).astype(float)
    edges = np.quantile(confidence, np.linspace(0, 1, BINS + 1)[1:-1])
    return confidence, right, np.searchsorted(edges, confidence, side="right")


def calibration_error(gaps: np.ndarray, texts: float) -> np.ndarray:
    """Return the mean absolute gap between confidence and share right (Naeini et al. 2015)."""
    return np.abs(gaps).sum(axis=-1) / texts


def calibration_of(
    held: HeldOut, level: float, own: np.ndarray, weights: np.ndarray
) -> tuple[pd.DataFrame, Share, float]:
    """Return the table of reliability, its error with a bootstrap interval, and that of chance."""
    confidence, right, place = bins_of(held)
    repeats, n = confidence.shape
    rows, sums = [], np.zeros((own.max() + 1, BINS))
    for number in range(BINS):
        inside = place == number
        np.add.at(sums[:, number], np.broadcast_to(own, place.shape)[inside],
                  (right - confidence)[inside] / repeats)  # fmt: skip
        if inside.any():
            worth = share_right(right[inside], np.broadcast_to(own, place.shape)[inside], level)
            worth_n = min(worth.effective, inside.sum() / repeats)
            low, high = wilson(worth.value, worth_n, level)
            rows.append((confidence[inside].mean(), worth.value, low, high, inside.sum() / repeats))
    drawn = calibration_error(weights @ sums, n)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    value = float(calibration_error(sums.sum(axis=0), n))
    table = pd.DataFrame(rows, columns=["confidence", "right", "low", "high", "n"])
    chance = by_chance(confidence[0], place[0], level)
    return table, Share(value, min(low, value), max(high, value), n, float(n)), chance


def by_chance(confidence: np.ndarray, place: np.ndarray, level: float) -> float:
    """Return the calibration error below which right probabilities stay at this level."""
    rng, hot = np.random.default_rng(0), np.eye(BINS)[place]
    gaps = (rng.random((SIMULATED, len(confidence))) < confidence) - confidence
    return float(np.quantile(calibration_error(gaps @ hot, len(confidence)), level))


def accuracy(held: HeldOut, *, level: float = 0.95, draws: int = 1000, seed: int = 0) -> Accuracy:
    """Return what held-out classification is worth, with intervals clustered by groups."""
    own, weights = weights_of_groups(held.groups, draws, seed)
    right = held.predicted == held.truth
    tables = confusion_by_group(held, own)
    whole = tables.sum(axis=0)
    recall, named = recall_of(whole), whole.sum(axis=0)
    again = np.nanmean(recall_of(np.tensordot(weights, tables, axes=1)), axis=1)
    low, high = np.quantile(again, [(1 - level) / 2, (1 + level) / 2])
    table, error, chance = calibration_of(held, level, own, weights)
    hot = held.truth[:, None] == held.classes
    shares = hot.mean(axis=0)
    value = float(np.nanmean(recall))
    return Accuracy(
        share_right(right.mean(axis=0), held.groups, level),
        share_right((held.majority == held.truth).mean(axis=0), held.groups, level),
        Share(value, float(low), float(high), len(held.truth), float(len(held.truth))),
        right.mean(axis=1), by_class(held, whole, recall, named, level),
        pd.DataFrame(whole, index=held.classes, columns=held.classes), table, error, chance,
        float(((held.probabilities - hot) ** 2).sum(axis=2).mean()), float(1 - (shares**2).sum()),
    )  # fmt: skip


def by_class(
    held: HeldOut, whole: np.ndarray, recall: np.ndarray, named: np.ndarray, level: float
) -> pd.DataFrame:
    """Return precision and recall of each class, the latter with its clustered interval."""
    right, rows = (held.predicted == held.truth).mean(axis=0), []
    for at, label in enumerate(held.classes):
        inside = held.truth == label
        own = share_right(right[inside], held.groups[inside], level)
        precision = whole[at, at] / named[at] if named[at] else float("nan")
        rows.append((label, int(inside.sum()), precision, recall[at], own.low, own.high))
    return pd.DataFrame(rows, columns=["label", "n", "precision", "recall", "low", "high"])
