"""What must not move an effect does not move it; what must scale it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from effect_oracles import staggered
from hypothesis import given, settings
from hypothesis import strategies as st

from haidian_eval import effect

SAME = 1e-7  # the same sums in another order; weights from a quadratic programme below
WEIGHED = 1e-5  # relative to effects of size 1
Panel = pd.DataFrame
NAMES = ("unit", "time", "cohort")


def cells(panel: Panel, **options: Any) -> np.ndarray:
    frame = effect.att_gt(panel, "y", *NAMES, **options).frame
    return frame.sort_values(["cohort", "time"])[["value", "se"]].to_numpy(dtype=float)


def simple(panel: Panel) -> np.ndarray:
    overall = effect.aggregate(effect.att_gt(panel, "y", *NAMES), "simple").overall
    return np.array([overall.value, overall.se])


def pair(estimate: Any) -> np.ndarray:
    return np.array([estimate.value, estimate.se])


def two_way(panel: Panel, rule: str = "fixest") -> np.ndarray:
    return pair(
        effect.twfe(panel, "y", "treated", "unit", "time", cluster="park", small_sample=rule)
    )


def studied(panel: Panel) -> np.ndarray:
    frame = effect.event_study(panel, "y", *NAMES, cluster="park", window=(-2, 2)).frame
    return frame[["value", "se"]].to_numpy(dtype=float)


ESTIMATORS: dict[str, Callable[[Panel], np.ndarray]] = {
    "cells": cells,
    "cells, doubly robust": lambda p: cells(p, covariates=["x1", "x2"], control="notyet"),
    "simple": simple,
    "two-way": two_way,
    "two-way, cr2": lambda p: two_way(p, "cr2"),
    "event study": studied,
    "imputation": lambda p: pair(effect.imputation(p, "y", *NAMES, cluster="park")),
    "interacted": lambda p: pair(effect.sun_abraham(p, "y", *NAMES, cluster="park")),
}
WEIGHTED: dict[str, Callable[[Panel], np.ndarray]] = {
    "synthetic control": lambda p: np.array([effect.synthetic_control(p, "y", *NAMES).value]),
    "synthetic did": lambda p: pair(effect.synthetic_did(p, "y", *NAMES, seed=1, draws=10)),
}
ALL = ESTIMATORS | WEIGHTED


def made(name: str, seed: int) -> Panel:
    if name in WEIGHTED:
        return staggered(seed, {0: 8, 7: 2}, periods=range(1, 11))
    return staggered(seed, {0: 14, 4: 7, 6: 7}, parks=9, lost=0.1)


def same(name: str, actual: np.ndarray, expected: np.ndarray) -> None:
    tolerance = WEIGHED if name in WEIGHTED else SAME
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", ALL)
def test_order_of_rows_and_of_columns_moves_nothing(name: str) -> None:
    panel = made(name, 101)
    turned = panel.sample(frac=1, random_state=2)[panel.columns[::-1]]
    same(name, ALL[name](turned), ALL[name](panel))


@pytest.mark.parametrize("name", ALL)
def test_index_of_the_frame_moves_nothing(name: str) -> None:
    panel = made(name, 102)
    doubled = panel.set_axis(np.zeros(len(panel), dtype=int))
    same(name, ALL[name](doubled), ALL[name](panel))


@pytest.mark.parametrize("name", ALL)
def test_names_of_units_move_nothing(name: str) -> None:
    panel = made(name, 103)
    units = sorted(panel["unit"].unique())
    turned = dict(zip(units, [f"园区{i}" for i in range(len(units))][::-1], strict=True))
    numbers = {unit: 900 - 7 * i for i, unit in enumerate(units)}
    expected = ALL[name](panel)
    if name == "synthetic did":  # its placebo draws go by the order of names
        same(name, ALL[name](panel.assign(unit=panel["unit"].map(turned)))[:1], expected[:1])
        return
    same(name, ALL[name](panel.assign(unit=panel["unit"].map(turned))), expected)
    same(name, ALL[name](panel.assign(unit=panel["unit"].map(numbers))), expected)


@pytest.mark.parametrize("kind", ["category", "string", "object"])
@pytest.mark.parametrize("name", ALL)
def test_type_of_the_unit_column_moves_nothing(name: str, kind: str) -> None:
    panel = made(name, 104)
    same(name, ALL[name](panel.assign(unit=panel["unit"].astype(kind))), ALL[name](panel))


@pytest.mark.parametrize("name", ALL)
def test_first_year_of_the_calendar_moves_nothing(name: str) -> None:
    panel = made(name, 105)
    later = panel.assign(
        time=panel["time"] + 2010, cohort=(panel["cohort"] + 2010).where(panel["cohort"] > 0, 0)
    )
    same(name, ALL[name](later), ALL[name](panel))


@pytest.mark.parametrize("name", ALL)
def test_constants_of_units_and_periods_move_nothing(name: str) -> None:
    """Unit effects stay out of synthetic control, whose weights look at levels."""
    panel = made(name, 106)
    rng = np.random.RandomState(1)
    by_unit = dict(zip(sorted(panel["unit"].unique()), 3 * rng.normal(size=99), strict=False))
    by_time = dict(zip(sorted(panel["time"].unique()), 3 * rng.normal(size=99), strict=False))
    moved = panel["y"] + panel["time"].map(by_time) + 7
    if name not in WEIGHTED:
        moved = moved + panel["unit"].map(by_unit)
    expected = ALL[name](panel)
    actual = ALL[name](panel.assign(y=moved))
    if name == "synthetic did":  # period effects move sigma, and with it the ridge
        actual, expected = ALL[name](panel.assign(y=panel["y"] + 7)), expected
    same(name, actual, expected)


@pytest.mark.parametrize("factor", [1000.0, -0.001])
@pytest.mark.parametrize("name", ALL)
def test_effect_and_error_scale_with_the_outcome(name: str, factor: float) -> None:
    panel = made(name, 107)
    before = ALL[name](panel)
    after = ALL[name](panel.assign(y=factor * panel["y"])).reshape(-1, before.shape[-1])
    before = before.reshape(after.shape)
    same(name, after[:, 0] / factor, before[:, 0])
    if before.shape[1] > 1:
        same(name, after[:, 1] / abs(factor), before[:, 1])


@pytest.mark.parametrize("name", ["two-way", "cells", "simple", "imputation"])
def test_effect_added_to_treated_rows_is_added_to_the_estimate(name: str) -> None:
    panel = made(name, 108)
    moved = ALL[name](panel.assign(y=panel["y"] + 2.5 * panel["treated"]))
    before = ALL[name](panel)
    if name == "cells":
        frame = effect.att_gt(panel, "y", *NAMES).frame.sort_values(["cohort", "time"])
        post = (frame["time"] >= frame["cohort"]).to_numpy()
        np.testing.assert_allclose(moved[post, 0], before[post, 0] + 2.5, atol=SAME)
        np.testing.assert_allclose(moved[~post, 0], before[~post, 0], atol=SAME)
        return
    np.testing.assert_allclose(moved, before + np.array([2.5, 0]), atol=SAME)


@pytest.mark.parametrize("name", ["cells", "simple", "imputation"])
def test_every_unit_twice_leaves_values_and_divides_errors(name: str) -> None:
    panel = made(name, 109)
    twin = panel.assign(unit=panel["unit"] + "'", park=panel["park"] + "'")
    before = ALL[name](panel).reshape(-1, 2)
    after = ALL[name](pd.concat([panel, twin], ignore_index=True)).reshape(-1, 2)
    np.testing.assert_allclose(after[:, 0], before[:, 0], atol=SAME)
    np.testing.assert_allclose(after[:, 1], before[:, 1] / np.sqrt(2), atol=SAME)


def test_effect_without_noise_is_found_by_all() -> None:
    """y = unit + period + 0.7 treated: nothing is left to the error."""
    panel = staggered(110, {0: 16, 5: 4, 7: 3})
    unit = panel["unit"].str[1:].astype(float) / 10
    panel["y"] = unit + np.sin(panel["time"]) + 0.7 * panel["treated"]
    for estimate in (
        effect.twfe(panel, "y", "treated", "unit", "time", cluster="unit"),
        effect.aggregate(effect.att_gt(panel, "y", *NAMES), "group").overall,
        effect.imputation(panel, "y", *NAMES),
        effect.sun_abraham(panel, "y", *NAMES),
        effect.synthetic_did(panel, "y", *NAMES, draws=50),
    ):
        assert estimate.value == pytest.approx(0.7, abs=1e-6)
        assert estimate.se == pytest.approx(0, abs=1e-6)


@settings(max_examples=15)
@given(
    seed=st.integers(0, 10_000),
    never=st.integers(2, 8),
    early=st.integers(2, 5),
    late=st.integers(2, 5),
    lost=st.sampled_from([0.0, 0.1]),
)
def test_any_small_panel_agrees_with_the_difference_of_means(
    seed: int, never: int, early: int, late: int, lost: float
) -> None:
    """A cell without covariates: mean change of the cohort less mean change of the never."""
    panel = staggered(seed, {0: never, 3: early, 5: late}, periods=range(1, 7), lost=lost)
    wide = panel.pivot(index="unit", columns="time", values="y")
    cohort = panel.groupby("unit")["cohort"].first()
    if set(cohort) != {0, 3, 5} or wide.shape[1] < 6:
        return
    for row in effect.att_gt(panel, "y", *NAMES).frame.itertuples():
        change = (wide[row.time] - wide[row.base]).dropna()
        own, other = (change[cohort.reindex(change.index) == g] for g in (row.cohort, 0))
        assert row.value == pytest.approx(own.mean() - other.mean(), abs=SAME)
        if min(len(own), len(other)) < 2:
            assert np.isnan(row.se)  # one unit shows no error of its own
            continue
        variance = own.var(ddof=0) / len(own) + other.var(ddof=0) / len(other)
        assert row.se == pytest.approx(np.sqrt(variance), abs=SAME)


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), g=st.integers(2, 6))
def test_all_estimators_agree_with_one_cohort_and_two_periods_worth_of_freedom(
    seed: int, g: int
) -> None:
    """One cohort, balanced: two-way, imputation and interacted averages weigh alike."""
    panel = staggered(seed, {0: 6, g: 5}, periods=range(1, 8))
    plain = effect.twfe(panel, "y", "treated", "unit", "time", cluster="unit").value
    assert effect.imputation(panel, "y", *NAMES).value == pytest.approx(plain, abs=SAME)
    wide = panel.pivot(index="unit", columns="time", values="y")
    cohort = panel.groupby("unit")["cohort"].first()
    change = wide.loc[:, g:].mean(axis=1) - wide.loc[:, : g - 1].mean(axis=1)
    by_hand = change[cohort > 0].mean() - change[cohort == 0].mean()
    assert plain == pytest.approx(by_hand, abs=SAME)


def test_estimates_leave_the_frame_as_it_was() -> None:
    panel = made("cells", 111).sample(frac=1, random_state=4)
    before = panel.copy(deep=True)
    for function in ESTIMATORS.values():
        function(panel)
    effect.wild_cluster_bootstrap(
        panel, "y", "treated", "unit", "time", cluster="park", draws=99, seed=1
    )
    effect.randomisation_test(panel, "y", "treated", "unit", "time", draws=99, seed=1)
    pd.testing.assert_frame_equal(panel, before)
    small = made("synthetic control", 111)
    before = small.copy(deep=True)
    for function in WEIGHTED.values():
        function(small)
    pd.testing.assert_frame_equal(small, before)


def test_results_cannot_be_changed() -> None:
    panel = made("cells", 112)
    estimate = effect.twfe(panel, "y", "treated", "unit", "time", cluster="park")
    with pytest.raises(AttributeError):
        estimate.value = 0.0
    with pytest.raises(AttributeError):
        effect.att_gt(panel, "y", *NAMES).frame = None


@pytest.mark.parametrize("name", ["imputation", "interacted", "two-way", "simple"])
def test_interval_holds_the_value_and_p_fits_it(name: str) -> None:
    panel = made(name, 113)
    estimate = {
        "imputation": lambda: effect.imputation(panel, "y", *NAMES),
        "interacted": lambda: effect.sun_abraham(panel, "y", *NAMES),
        "two-way": lambda: effect.twfe(panel, "y", "treated", "unit", "time", cluster="unit"),
        "simple": lambda: effect.aggregate(effect.att_gt(panel, "y", *NAMES), "simple").overall,
    }[name]()
    assert estimate.low < estimate.value < estimate.high
    assert (estimate.p < 0.05) == (not estimate.low < 0 < estimate.high)
    assert estimate.clusters == panel["unit"].nunique()
    assert estimate.rule
