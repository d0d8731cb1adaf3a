"""Opinion against public corpora (no licence: read where they are, never kept) and a program."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from haidian_eval.opinion import grouped, hold_out, overlap
from haidian_eval.opinion.accuracy import accuracy

FILES = {
    "hotel": ("zh_ChnSentiCorp_htl_all_sample.csv.gz", 0.85),
    "takeaway": ("zh_waimai_10k_sample.csv.gz", 0.865),
}
SEEDS = (0, 1, 2, 3, 4)


def corpus(folder: Path, name: str) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Texts, labels and groups of near-duplicates; texts that stand twice stand once."""
    path = folder / "text" / FILES[name][0]
    if not path.is_file():
        pytest.fail(f"no {path.name} in {folder}")
    frame = pd.read_csv(path).dropna()
    texts = frame["review"].tolist()
    groups = grouped(texts, range(len(texts)))
    kept = np.flatnonzero(~pd.Series(groups).duplicated())
    labels = frame["label"].astype(str).to_numpy()
    return [texts[at] for at in kept], labels[kept], groups[kept]


@pytest.mark.parametrize("name", FILES)
def test_held_out_accuracy_over_five_splits_of_five_folds(reference: Path, name: str) -> None:
    texts, labels, groups = corpus(reference, name)
    held = hold_out(texts, labels, groups, folds=5, repeats=len(SEEDS), costs=(10.0, 30.0, 100.0))
    found = accuracy(held, draws=199)
    assert found.right.value >= FILES[name][1]
    assert found.by_repeat.min() >= FILES[name][1] - 0.005  # no lucky split carries it
    assert found.right.low > found.baseline.high
    assert found.error.value < 0.06
    assert found.brier < 0.5 * found.brier_baseline


def test_one_changed_word_is_caught_and_different_texts_are_not(reference: Path) -> None:
    rng = np.random.default_rng(1)
    texts, _, _ = corpus(reference, "takeaway")
    order = rng.permutation(len(texts))
    half = len(texts) // 2
    here, there = [texts[at] for at in order[:half]], [texts[at] for at in order[half:]]
    assert (
        overlap(here, there).share < 0.02
    )  # those are nearly alike by chance: 不好吃 and the like
    long = [text for text in here if len(text) >= 30][:300]
    changed = [text[:9] + "真的" + text[11:] for text in long]
    assert overlap(here, changed).share >= 0.99
    assert overlap(here, [f"{text[:5]}！ {text[5:]}。。" for text in long]).share == 1


def test_copies_are_found_among_ten_thousand_texts(reference: Path) -> None:
    rng, texts = np.random.default_rng(0), corpus(reference, "hotel")[0]
    parts = np.array([one for text in texts for one in text.split("，") if len(one) > 3])
    drawn = ["，".join(rng.choice(parts, rng.integers(1, 8))) for _ in range(20_000)]
    here, there = drawn[:10_000], drawn[10_000:]
    found = overlap(here, [*there[:-100], *here[:100]])
    assert found.share >= 100 / 10_000
