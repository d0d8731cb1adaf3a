"""Intervals of survey estimates cover what is known: 15 surveys here, 500 by the script."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import satisfaction_coverage
from scipy import stats

SURVEYS = 15
WIDE = 3.5  # Monte-Carlo errors: some twenty estimates are looked at once


@pytest.fixture(scope="module")
def recovered() -> dict[tuple[str, str], pd.DataFrame]:
    """Population and label -> estimates by survey."""
    found = satisfaction_coverage.recover(SURVEYS, seed=5)
    return {key: own for key, own in found.groupby(["name", "label"]) if key[1][0] != "["}


def test_intervals_cover_the_truth_as_often_as_they_say(
    recovered: dict[tuple[str, str], pd.DataFrame],
) -> None:
    least = 0.95 - WIDE * np.sqrt(0.95 * 0.05 / SURVEYS)
    covered = {
        key: float(own["true"].between(own["low"], own["high"]).mean())
        for key, own in recovered.items()
    }
    assert len(covered) > 15
    assert {key: share for key, share in covered.items() if share < least} == {}


def test_estimates_are_right_on_average(recovered: dict[tuple[str, str], pd.DataFrame]) -> None:
    bias = {
        key: float((own["value"] - own["true"]).mean() / own["value"].std(ddof=1))
        for key, own in recovered.items()
    }
    # as far out in t with 14 degrees of freedom as WIDE is in a normal distribution: 4.5
    far = stats.t.isf(stats.norm.sf(WIDE), SURVEYS - 1) / np.sqrt(SURVEYS)
    assert {key: found for key, found in bias.items() if abs(found) > far} == {}


@pytest.mark.parametrize(
    ("shift", "half", "kept"),
    [(0.0, 1.96, True), (0.0, 1.3, False), (0.5, 1.96, False)],  # 95 %, 81 %, biased
)
def test_what_does_not_keep_its_promise_is_told(shift: float, half: float, kept: bool) -> None:
    value = np.random.default_rng(1).normal(shift, 1, 1000)
    found = pd.DataFrame({"value": value, "se": 1.0, "low": value - half, "high": value + half})
    found = found.assign(name="firms", label="rate", true=0.0)
    (line, own), *more = satisfaction_coverage.summary(found)
    assert own == kept and not more and "coverage" in line
    (_, bracketed), *_ = satisfaction_coverage.summary(found.assign(label="[rate, raw]"))
    assert bracketed
