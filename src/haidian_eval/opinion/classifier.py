"""Themes and polarity of a text by logistic regression on runs of characters, and held-out proof.

Everything that is learnt, the penalty included, is learnt inside the training folds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from haidian_eval.errors import ParameterError
from haidian_eval.opinion.features import Vocabulary, learn

COSTS = (1.0, 3.0, 10.0, 30.0, 100.0)
INNER = 3  # folds inside a training set, by which the penalty is chosen
FEWEST = 5  # texts of a class that can be learnt
SMALLEST = 1e-15  # probability that counts in a logarithm


@dataclass(frozen=True, slots=True)
class Classifier:
    """A trained classifier: classes in order, its penalty (inverse) and log loss by penalty."""

    classes: np.ndarray
    vocabulary: Vocabulary
    model: Any
    cost: float

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """Return texts x classes, rows that sum to one."""
        if not len(texts):
            return np.empty((0, len(self.classes)))
        return self.model.predict_proba(self.vocabulary.vectors(texts))

    def predict(self, texts: Sequence[str]) -> np.ndarray:
        """Return the likeliest class of each text."""
        return self.classes[self.probabilities(texts).argmax(axis=1)]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Probabilities of texts by classifiers that have not seen them.

    classes: all that stand in `truth`, sorted. probabilities: repeats x texts x classes; a class
    that could not be learnt has none. majority: repeats x texts, the commonest class of the others.
    folds: repeats x texts. costs: penalties chosen.
    """

    classes: np.ndarray
    truth: np.ndarray
    groups: np.ndarray
    probabilities: np.ndarray
    majority: np.ndarray
    folds: np.ndarray
    costs: np.ndarray

    @property
    def predicted(self) -> np.ndarray:
        """The likeliest class, repeats x texts."""
        return self.classes[self.probabilities.argmax(axis=2)]


def regression(vectors: sparse.csr_array, labels: np.ndarray, cost: float) -> Any:
    """Return logistic regressions of each class against the others, normalised."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    one = LogisticRegression(C=cost, solver="liblinear", random_state=0)
    return OneVsRestClassifier(one).fit(vectors, labels)


def split(
    labels: np.ndarray, groups: np.ndarray, folds: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return training and test places; texts of one group never stand on both sides."""
    import warnings

    from sklearn.model_selection import StratifiedGroupKFold

    few = min(folds, len(np.unique(groups)))
    if few < 2:
        raise ParameterError("texts of one group only: nothing can be held out; code more of them")
    maker = StratifiedGroupKFold(few, shuffle=True, random_state=seed)
    with warnings.catch_warnings():  # a class rarer than folds is counted, not warned of
        warnings.filterwarnings("ignore", message="The least populated class")
        return [(a, b) for a, b in maker.split(labels, labels, groups) if len(a) and len(b)]


def loss(model: Any, vectors: sparse.csr_array, labels: np.ndarray) -> np.ndarray:
    """Return minus the logarithm of the probability of the true class."""
    found = model.predict_proba(vectors)
    at = np.searchsorted(model.classes_, labels)
    right = np.minimum(at, len(model.classes_) - 1)
    known = model.classes_[right] == labels
    own = np.where(known, found[np.arange(len(labels)), right], 0.0)
    return -np.log(np.maximum(own, SMALLEST))


def choose(
    vectors: sparse.csr_array, labels: np.ndarray, groups: np.ndarray, costs: Sequence[float]
) -> float:
    """Return the penalty (inverse) of the least log loss over folds inside these texts.

    Log loss rather than accuracy, so that probabilities mean what they say.
    """
    if len(costs) == 1:
        return float(costs[0])
    inner = split(labels, groups, INNER, 0)
    inner = [(a, b) for a, b in inner if len(np.unique(labels[a])) > 1]
    losses = [
        sum(loss(regression(vectors[a], labels[a], cost), vectors[b], labels[b]).sum()
            for a, b in inner)
        for cost in costs
    ]  # fmt: skip
    return float(costs[int(np.argmin(losses))])


def train(
    texts: Sequence[str], labels: np.ndarray, *, groups: np.ndarray | None = None,
    costs: Sequence[float] = COSTS,
) -> Classifier:  # fmt: skip
    """Return a classifier of texts; groups: texts that belong together.

    Classes of fewer than five texts are not learnt. Raises ParameterError where that leaves one.
    """
    own = np.asarray(labels, dtype=object)
    names, often = np.unique(own.astype(str), return_counts=True)
    keep = np.isin(own.astype(str), names[often >= FEWEST])
    if (often >= FEWEST).sum() < 2:
        counted = dict(zip(names.tolist(), often.tolist(), strict=True))
        raise ParameterError(
            f"two classes of {FEWEST} texts or more are needed, and these were coded: {counted};"
            " code more texts"
        )
    kept, place = own[keep].astype(str), np.flatnonzero(keep)
    together = np.arange(len(own)) if groups is None else np.asarray(groups)
    vocabulary, vectors = learn([texts[int(at)] for at in place])
    with threadpool_limits(1, user_api="blas"):  # threads wait for each other on vectors this short
        cost = choose(vectors, kept, together[keep], costs)
        model = regression(vectors, kept, cost)
    return Classifier(np.unique(kept), vocabulary, model, cost)


def hold_out(
    texts: Sequence[str], labels: np.ndarray, groups: np.ndarray, *, folds: int = 5,
    repeats: int = 5, seed: int = 0, costs: Sequence[float] = COSTS,
) -> HeldOut:  # fmt: skip
    """Return what classifiers trained without a text's fold say of it, over several splits.

    A text of a class too rare to learn counts as one that is not recognised.
    """
    truth = np.asarray(labels).astype(str)
    classes, shape = np.unique(truth), (repeats, len(truth))
    found, common = np.zeros((*shape, len(classes))), np.empty(shape, dtype=classes.dtype)
    fold_of, chosen = np.zeros(shape, dtype=int), []
    for repeat in range(repeats):
        for number, (a, b) in enumerate(split(truth, groups, folds, seed + repeat)):
            own = train([texts[at] for at in a], truth[a], groups=groups[a], costs=costs)
            at = np.searchsorted(classes, own.classes)
            found[repeat, b[:, None], at] = own.probabilities([texts[one] for one in b])
            names, often = np.unique(truth[a], return_counts=True)
            common[repeat, b], fold_of[repeat, b] = names[often.argmax()], number
            chosen.append(own.cost)
    return HeldOut(classes, truth, groups, found, common, fold_of, np.array(chosen))
