"""What n tells 92 from 90 %: against R, statsmodels and hand arithmetic."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from statsmodels.stats.proportion import power_proportions_2indep

from haidian_eval.errors import ParameterError
from haidian_eval.satisfaction.size import (
    detectable,
    sample_needed,
    smallest_difference,
)

CLOSE = 1e-9  # roots are found to 1e-12
SHARES = st.floats(0.03, 0.97)


# R 4.2.2 power.prop.test(p1, p2, power, tol = 1e-12)$n, rounded up; 76.7 stands in its help page
@pytest.mark.parametrize(
    ("p1", "p2", "power", "n"),
    [(0.92, 0.90, 0.8, 3212.9370624961), (0.5, 0.75, 0.9, 76.706928451777),
     (0.15, 0.30, 0.8, 120.47193818475)],
)  # fmt: skip
def test_sizes_are_those_of_r(p1: float, p2: float, power: float, n: float) -> None:
    exact = (detectable(p1, p2, (1, 1), power, 0.05) / (p1 - p2)) ** 2
    assert exact == pytest.approx(n, rel=CLOSE)
    assert sample_needed(p1, p2, power=power) == math.ceil(n)


def test_a_target_needs_what_the_textbook_formula_gives() -> None:
    # (1.959964 sqrt(.9 x .1) + 0.841621 sqrt(.92 x .08))^2 / .02^2 = (.587989 + .228325)^2 / .0004
    assert sample_needed(0.90, 0.92, one_sample=True) == math.ceil(0.816314**2 / 0.0004) == 1666


def test_power_at_the_size_found_is_the_power_asked_for() -> None:
    n = sample_needed(0.92, 0.90)
    at = [power_proportions_2indep(0.02, 0.90, nobs, return_results=False) for nobs in (n, n - 1)]
    assert at[0] >= 0.8 > at[1]


def test_design_effect_multiplies_and_a_small_population_divides() -> None:
    # 3212.94 x 1.5 = 4819.4; of 3000 each: 4819.4 / (1 + 4818.4 / 3000) = 1849.2
    assert sample_needed(0.92, 0.90, deff=1.5) == 4820
    assert sample_needed(0.92, 0.90, deff=1.5, population=3000) == 1850
    assert sample_needed(0.5, 0.51, population=400) <= 400


def test_smallest_difference_is_that_of_r() -> None:
    """R 4.2.2 power.prop.test(n = 500, p1 = .9, power = .8, tol = 1e-14)$p2."""
    found = smallest_difference(500, 500, 0.9)
    assert found["higher"] == pytest.approx(0.94703539691113, abs=CLOSE)
    assert found["lower"] == pytest.approx(0.840533318866, abs=CLOSE)  # uniroot on its power


def test_near_the_ceiling_no_share_is_far_enough_above() -> None:
    found = smallest_difference(100, 100, 0.97)
    assert np.isnan(found["higher"])
    assert found["lower"] == pytest.approx(0.860220727195, abs=CLOSE)  # by R, uniroot


@given(p=SHARES, n1=st.integers(30, 5000), n2=st.integers(30, 5000), deff=st.floats(0.5, 4))
def test_differences_found_are_just_detectable(p: float, n1: int, n2: int, deff: float) -> None:
    for other in smallest_difference(n1, n2, p, deff=deff).dropna():
        gap = detectable(p, other, (n1 / deff, n2 / deff), 0.8, 0.05)
        assert gap == pytest.approx(abs(p - other), abs=1e-8)


@given(p1=SHARES, p2=SHARES)
def test_needed_respondents_detect_exactly_that_difference(p1: float, p2: float) -> None:
    assume(0.01 < abs(p1 - p2) < 0.4)
    n, side = sample_needed(p1, p2), "higher" if p2 > p1 else "lower"
    found = smallest_difference(n, n, p1)[side]
    assert min(abs(p2 - p1) - abs(found - p1), 1) >= -1e-8  # n is rounded up
    target = sample_needed(p1, p2, one_sample=True)
    assert abs(smallest_difference(target, None, p1)[side] - p1) <= abs(p2 - p1) + 1e-8


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: sample_needed(0.9, 0.9), "must differ"),
        (lambda: sample_needed(92, 0.9), "p1 = 92: a share between 0 and 1"),
        (lambda: sample_needed(0.92, 0.9, power=1), "power = 1"),
        (lambda: sample_needed(0.92, 0.9, deff=0), "deff = 0: a design effect above 0"),
        (lambda: sample_needed(0.92, 0.9, deff=math.nan), "deff = nan"),
        (lambda: sample_needed(0.92, 0.9, population=1), "population = 1"),
        (lambda: smallest_difference(1, 500, 0.9), "at least 2"),
        (lambda: smallest_difference(500, 0, 0.9), "n2 = 0"),
    ],
)
def test_what_cannot_be_is_refused(call: Any, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        call()
