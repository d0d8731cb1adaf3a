"""Held-out accuracy, calibration and speed on public corpora, beside a plain pipeline.

python tests/benchmarks/opinion_speed.py [FOLDER]   (a folder with the two samples of text/)

Both see the same texts, de-duplicated, in the same folds. Documents a second: training with the
choice of the penalty, and prediction, each alone; then every text read once per fold; all in
processor time, so that other programs do not count.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from haidian_eval.opinion import grouped, hold_out, train
from haidian_eval.opinion.accuracy import accuracy
from haidian_eval.opinion.classifier import split

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "reference" / "text"
FILES = {
    "hotel": "zh_ChnSentiCorp_htl_all_sample.csv.gz",
    "takeaway": "zh_waimai_10k_sample.csv.gz",
}
SEEDS = range(5)


def plain() -> Any:
    """Return a pipeline with the defaults of scikit-learn."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    vectors = TfidfVectorizer(analyzer="char", ngram_range=(1, 3))
    return make_pipeline(vectors, LogisticRegression(solver="liblinear"))


def plainly(texts: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """Return accuracy and documents a second of the plain pipeline in the same folds."""
    begun, right = time.process_time(), 0
    for seed in SEEDS:
        for a, b in split(labels, groups, 5, seed):
            right += (plain().fit(texts[a], labels[a]).predict(texts[b]) == labels[b]).sum()
    read = 5 * len(texts) * len(SEEDS)
    return right / (len(texts) * len(SEEDS)), read / (time.process_time() - begun)


def timed(texts: list[str], labels: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """Return documents a second of training and of prediction, the best of three."""
    learning, reading = [], []
    for _ in range(3):
        begun = time.process_time()
        own = train(texts, labels, groups=groups)
        learnt = time.process_time()
        own.predict(texts)
        learning.append(learnt - begun)
        reading.append(time.process_time() - learnt)
    return len(texts) / min(learning), len(texts) / min(reading)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    for name, file in FILES.items():
        frame = pd.read_csv(folder / file).dropna()
        groups = grouped(frame["review"].tolist(), range(len(frame)))
        kept = ~pd.Series(groups).duplicated().to_numpy()
        texts, labels = frame.loc[kept, "review"].tolist(), frame.loc[kept, "label"].astype(str)
        labels, groups = labels.to_numpy(), groups[kept]
        begun = time.process_time()
        held = hold_out(texts, labels, groups, repeats=len(SEEDS))
        every = 5 * len(texts) * len(SEEDS) / (time.process_time() - begun)
        found, other = accuracy(held), plainly(np.array(texts, object), labels, groups)
        learning, reading = timed(texts, labels, groups)
        print(f"{name}: {len(texts)} texts, {len(frame) - len(texts)} near-duplicates left out")
        print(f"  accuracy {found.right.value:.4f} [{found.right.low:.4f}, {found.right.high:.4f}],"
              f" splits {found.by_repeat.min():.4f} to {found.by_repeat.max():.4f};"
              f" plain {other[0]:.4f}; majority {found.baseline.value:.4f}")  # fmt: skip
        print(f"  calibration error {found.error.value:.4f} [{found.error.low:.4f},"
              f" {found.error.high:.4f}], chance alone below {found.by_chance:.4f}; Brier"
              f" {found.brier:.4f} against {found.brier_baseline:.4f}")  # fmt: skip
        print(f"  documents a second: training {learning:.0f}, prediction {reading:.0f}, folds"
              f" {every:.0f}; plain in folds {other[1]:.0f}")  # fmt: skip
        print(found.calibration.round(3).to_string(index=False))


if __name__ == "__main__":
    main()
