"""Planted effects are found and empty panels are not: fifty panels; five hundred by the script."""

from __future__ import annotations

import effect_recovery
import numpy as np
import pytest

PANELS = 50
WIDE = 3.5  # Monte-Carlo errors: ten estimators are looked at once


@pytest.fixture(scope="module")
def recovered() -> list[tuple[str, float, float]]:
    """Estimator, bias in standard errors and coverage."""
    found = effect_recovery.recover(PANELS, seed=3)
    rows = []
    for name, own in found.groupby("estimator", sort=False):
        error = own["value"] - own["true"]
        covered = own["true"].between(own["low"], own["high"]).mean()
        rows.append((str(name), error.mean() / error.std(ddof=1), float(covered)))
    return rows


def test_intervals_cover_the_truth_as_often_as_they_say(
    recovered: list[tuple[str, float, float]],
) -> None:
    assert len(recovered) == 10
    error = np.sqrt(0.95 * 0.05 / PANELS)
    assert {name: share for name, _, share in recovered if share < 0.95 - WIDE * error} == {}


def test_estimators_are_right_on_average(recovered: list[tuple[str, float, float]]) -> None:
    far = WIDE / np.sqrt(PANELS)
    assert {name: bias for name, bias, _ in recovered if abs(bias) > far} == {}


def test_tests_for_few_clusters_reject_empty_panels_as_often_as_they_say() -> None:
    error = np.sqrt(0.05 * 0.95 / PANELS)
    sizes = effect_recovery.sizes(PANELS, seed=3)
    asked = sizes.drop([name for name in sizes.index if "not asked" in name])
    assert len(asked) == 3
    assert (asked <= 0.05 + WIDE * error).all(), asked


def test_a_planted_effect_is_seen() -> None:
    panel, size = effect_recovery.parks_panel(np.random.default_rng(1), size=0.3)
    middle, low, high = effect_recovery.wild_interval(panel, 1)
    assert low > 0
    assert abs(middle - size) < high - low
