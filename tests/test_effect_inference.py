"""Tests of effects with few clusters: every assignment and sign vector counted by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from effect_oracles import (
    coefficient,
    group_time,
    panel_of,
    reassigned,
    staggered,
    wild_statistics,
)
from scipy import stats

from haidian_eval import effect

TIES = 1e-9  # relative: mirrored sign vectors give the same |t| but for rounding
EXACT = 1e-8  # the same sums in another order
MONTE_CARLO = 4  # standard errors of a share by which a drawn p may miss the exact one
NAMES = ("unit", "time", "cohort")


def share_as_large(statistics: np.ndarray, observed: float) -> float:
    return float((np.abs(statistics) >= abs(observed) * (1 - TIES)).mean())


def drawn(exact: float, draws: int) -> float:
    """How far a p from `draws` may lie from `exact`."""
    return MONTE_CARLO * math.sqrt(max(exact * (1 - exact), 0.01) / draws) + 1 / draws


def wild(panel: pd.DataFrame, **options: Any) -> Any:
    options = {"cluster": "park", "seed": 1} | options
    return effect.wild_cluster_bootstrap(panel, "y", "treated", "unit", "time", **options)


def shuffled(panel: pd.DataFrame, **options: Any) -> Any:
    return effect.randomisation_test(panel, "y", "treated", "unit", "time", **{"seed": 1} | options)


# --- wild cluster bootstrap

PARKS: dict[str, dict[str, Any]] = {
    "six parks": {"seed": 81, "cohorts": {0: 8, 4: 5}, "parks": 6},
    "seven, of unequal size": {"seed": 82, "cohorts": {0: 9, 3: 6, 6: 4}, "parks": 7},
    "eight, with gaps": {"seed": 83, "cohorts": {0: 10, 4: 8}, "parks": 8, "lost": 0.2},
}


@pytest.mark.parametrize("null", [0.0, 0.6])
@pytest.mark.parametrize("name", PARKS)
def test_enumerated_bootstrap_counts_every_sign_vector(name: str, null: float) -> None:
    panel = staggered(**PARKS[name])
    observed, statistics = wild_statistics(panel, "treated", "park", null)
    actual = wild(panel, weights="rademacher", null=null)
    assert actual.p == pytest.approx(share_as_large(statistics, observed), abs=1e-12)
    assert actual.enumerated
    assert actual.draws == len(statistics)
    assert math.copysign(1, actual.statistic) == math.copysign(1, observed)


def test_enumerated_bootstrap_agrees_with_wildboottest() -> None:
    """wildboottest 0.3.2, Rademacher, 8 clusters: 0.421875 with |t*| > |t|, so two more tie."""
    actual = wild(panel_of("parks"), weights="rademacher")
    assert actual.p == pytest.approx(0.421875 + 2 / 256, abs=1e-12)


def test_statistic_of_the_bootstrap_is_that_of_the_estimate() -> None:
    panel = staggered(**PARKS["eight, with gaps"])
    estimate = effect.twfe(panel, "y", "treated", "unit", "time", cluster="park")
    plain = effect.twfe(panel, "y", "treated", "unit", "time", cluster="park", small_sample="hc0")
    possible = [e.value / e.se for e in (estimate, plain)]
    assert min(abs(wild(panel).statistic - t) for t in possible) < EXACT


@pytest.mark.parametrize("weights", ["webb", "rademacher"])
def test_drawn_bootstrap_is_near_the_enumerated_one(weights: str) -> None:
    """Fewer draws than sign vectors: the share is drawn; Webb's six points give nearly the same."""
    panel = staggered(84, {0: 12, 4: 8}, parks=11)
    observed, statistics = wild_statistics(panel, "treated", "park")
    exact = share_as_large(statistics, observed)
    actual = wild(panel, weights=weights, draws=499)
    assert len(statistics) == 512
    assert not actual.enumerated
    assert actual.draws == 499
    slack = 0.03 if weights == "webb" else 0.0
    assert abs(actual.p - exact) < drawn(exact, 499) + slack
    assert (actual.p * 500) % 1 == pytest.approx(0, abs=1e-6)  # (1 + count) / (1 + draws)
    assert actual.p >= 1 / 500


def test_interval_holds_every_null_that_the_bootstrap_does_not_reject() -> None:
    panel = panel_of("parks")
    actual = wild(panel, weights="rademacher", level=0.95)
    step = 1e-5
    for end, inward in ((actual.low, step), (actual.high, -step)):
        for null, rejected in ((end + inward, False), (end - inward, True)):
            observed, statistics = wild_statistics(panel, "treated", "park", null)
            assert (share_as_large(statistics, observed) < 0.05) == rejected


def test_floor_of_the_bootstrap_is_its_smallest_p() -> None:
    assert wild(panel_of("parks"), weights="rademacher").floor == pytest.approx(2 / 256)
    assert wild(panel_of("parks"), weights="webb", draws=99).floor == pytest.approx(1 / 100)


def test_automatic_weights_are_webb_for_few_clusters_and_signs_for_many() -> None:
    few = staggered(85, {0: 12, 4: 8}, parks=9)
    many = staggered(86, {0: 30, 4: 20}, parks=16)
    assert wild(few, draws=499).p == wild(few, draws=499, weights="webb").p
    assert wild(many, draws=499).p == wild(many, draws=499, weights="rademacher").p
    assert "webb" in wild(few, draws=499).rule.lower()
    assert "rademacher" in wild(many, draws=499).rule.lower()


def test_bootstrap_repeats_with_its_seed_and_in_any_order_of_rows() -> None:
    panel = staggered(87, {0: 12, 4: 8}, parks=11)
    p = wild(panel, draws=299, seed=5).p
    assert wild(panel, draws=299, seed=5).p == p
    assert wild(panel.sample(frac=1, random_state=3), draws=299, seed=5).p == p
    others = {wild(panel, draws=299, seed=seed).p for seed in range(6, 12)}
    assert len(others | {p}) > 1


def test_bootstrap_finds_a_large_effect_and_not_its_own_value() -> None:
    panel = staggered(88, {0: 30, 4: 30}, parks=None)
    strong = panel.assign(y=panel["y"] + 3 * panel["treated"])
    value = effect.twfe(strong, "y", "treated", "unit", "time", cluster="unit").value
    assert wild(strong, cluster="unit", draws=999).p == pytest.approx(1 / 1000)
    assert wild(strong, cluster="unit", draws=999, null=value).p > 0.95


# --- randomisation test

ASSIGNED: dict[str, dict[str, Any]] = {
    "two of seven": {"seed": 91, "cohorts": {0: 5, 4: 2}},
    "two dates among six": {"seed": 92, "cohorts": {0: 3, 3: 2, 6: 1}},
    "gaps": {"seed": 93, "cohorts": {0: 4, 4: 2}, "lost": 0.15},
    "two dates, nobody untreated": {"seed": 94, "cohorts": {3: 3, 6: 3}},
}
COUNTS = (21, 60, 15, 20)


@pytest.mark.parametrize(("name", "count"), [*zip(ASSIGNED, COUNTS, strict=True)], ids=[*ASSIGNED])
def test_randomisation_counts_every_assignment(name: str, count: int) -> None:
    panel = staggered(**ASSIGNED[name])
    statistics = reassigned(panel, "treated", "unit")
    assert len(statistics) == count
    observed = coefficient(panel, panel["treated"].to_numpy(dtype=float))
    actual = shuffled(panel)
    assert actual.statistic == pytest.approx(observed, abs=EXACT)
    assert actual.p == pytest.approx(share_as_large(statistics, observed), abs=1e-12)
    assert actual.enumerated
    assert actual.draws == count
    assert actual.floor == pytest.approx(1 / count)


def parks_treated_as_one(seed: int = 95) -> pd.DataFrame:
    """Six parks with one to four firms; the firms of a park are treated together."""
    panel = staggered(seed, {0: 15}, periods=range(1, 6))
    sizes = [1, 2, 3, 4, 2, 3]
    park = np.repeat([f"q{i}" for i in range(6)], sizes)
    names = dict(zip(sorted(panel["unit"].unique()), park, strict=True))
    panel["park"] = panel["unit"].map(names)
    starts = panel["park"].map({"q1": 3, "q4": 3})
    panel["treated"] = (panel["time"] >= starts).astype(int)
    return panel.assign(y=panel["y"] + 0.8 * panel["treated"])


def test_randomisation_moves_whole_parks() -> None:
    panel = parks_treated_as_one()
    statistics = reassigned(panel, "treated", "park")
    observed = coefficient(panel, panel["treated"].to_numpy(dtype=float))
    actual = shuffled(panel, cluster="park")
    assert actual.p == pytest.approx(share_as_large(statistics, observed), abs=1e-12)
    assert actual.draws == 15  # two of six
    assert actual.floor == pytest.approx(1 / 15)


def test_drawn_randomisation_is_near_the_enumerated_one() -> None:
    panel = staggered(96, {0: 6, 4: 4})  # 210 assignments
    exact = shuffled(panel)
    assert exact.enumerated
    actual = shuffled(panel, draws=199)
    assert not actual.enumerated
    assert actual.draws == 199
    assert abs(actual.p - exact.p) < drawn(exact.p, 199)
    assert (actual.p * 200) % 1 == pytest.approx(0, abs=1e-6)
    assert shuffled(panel, draws=199).p == actual.p
    assert shuffled(panel.sample(frac=1, random_state=1), draws=199).p == actual.p


def test_assignment_is_enumerated_when_there_are_as_many_as_draws() -> None:
    panel = staggered(**ASSIGNED["two of seven"])
    assert shuffled(panel, draws=21).enumerated
    assert not shuffled(panel, draws=20).enumerated


# --- joint bands


def implied(frame: pd.DataFrame) -> np.ndarray:
    real = frame[frame["se"] > 0]
    return ((real["high"] - real["value"]) / real["se"]).to_numpy()


def simulated_critical(correlation: np.ndarray, level: float = 0.95) -> float:
    rng = np.random.RandomState(1)
    draws = rng.multivariate_normal(np.zeros(len(correlation)), correlation, 40_000)
    return float(np.quantile(np.abs(draws).max(axis=1), level))


def correlation_of(panel: pd.DataFrame) -> np.ndarray:
    return np.corrcoef(group_time(panel).psi.T)


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_band_over_all_cells_has_the_quantile_of_the_largest(level: float) -> None:
    panel = panel_of("G1")
    cells = effect.att_gt(panel, "y", *NAMES)
    frame = effect.bands(cells, draws=4999, seed=1, level=level)
    expected = simulated_critical(correlation_of(panel), level)
    assert np.ptp(implied(frame)) < EXACT
    # Mammen's draws over 66 units are no normal draws: within six in a hundred
    assert implied(frame)[0] == pytest.approx(expected, rel=0.06)
    np.testing.assert_allclose(frame["value"], cells.frame["value"], atol=EXACT)
    np.testing.assert_allclose(frame["value"] - frame["low"], frame["high"] - frame["value"])
    assert any(
        value == pytest.approx(implied(frame)[0], rel=1e-6)
        for value in frame.attrs.values()
        if isinstance(value, float)
    )


def test_band_of_an_aggregation_is_wider_than_its_intervals() -> None:
    cells = effect.att_gt(panel_of("G1"), "y", *NAMES)
    dynamic = effect.aggregate(cells, "dynamic")
    frame = effect.bands(dynamic, draws=1999, seed=2)
    assert frame["key"].tolist() == dynamic.by["key"].tolist()
    assert (implied(frame) > stats.norm.ppf(0.975)).all()
    bonferroni = stats.norm.ppf(1 - 0.025 / len(frame))
    assert (implied(frame) < 1.08 * bonferroni).all()


def test_bands_repeat_with_their_seed() -> None:
    cells = effect.att_gt(panel_of("G1"), "y", *NAMES)
    first, again = (effect.bands(cells, draws=199, seed=4) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    other = effect.bands(cells, draws=199, seed=5)
    assert not np.allclose(first["low"], other["low"])


# --- earlier periods


def wald(panel: pd.DataFrame, **options: Any) -> tuple[float, np.ndarray, np.ndarray, Any]:
    cells = group_time(panel, **options)
    pre = (cells.frame["time"] < cells.frame["cohort"]).to_numpy()
    value, psi = cells.frame["value"].to_numpy()[pre], cells.psi[:, pre]
    inverse = np.linalg.inv(psi.T @ psi)
    return float(value @ inverse @ value), value, inverse, cells.frame


@pytest.mark.parametrize("base", ["varying", "universal"])
def test_joint_test_of_earlier_cells_is_wald(base: str) -> None:
    panel = panel_of("G1")
    expected, value, _, _ = wald(panel, base=base)
    actual = effect.pretrend_test(effect.att_gt(panel, "y", *NAMES, base=base))
    assert actual.statistic == pytest.approx(expected, rel=1e-7)
    assert actual.df == len(value)
    assert actual.p == pytest.approx(stats.chi2.sf(expected, len(value)), rel=1e-6)


@pytest.mark.parametrize("slope", [0.05, 0.3])
def test_joint_test_with_few_clusters_is_that_of_hotelling(slope: float) -> None:
    """T2 (G - q) / (q (G - 1)) is F with q and G - q; its power that of noncentral F."""
    panel = staggered(97, {0: 20, 3: 14, 4: 14}, parks=9)
    groups = panel["park"].nunique()
    cells = group_time(panel)
    pre = (cells.frame["time"] < cells.frame["cohort"]).to_numpy()
    sums = pd.DataFrame(cells.psi[:, pre], index=cells.cohort.index)
    sums = sums.groupby(panel.groupby("unit")["park"].first()).sum().to_numpy()
    inverse = np.linalg.inv(sums.T @ sums) * (groups - 1) / groups
    value, q = cells.frame["value"].to_numpy()[pre], int(pre.sum())
    expected = float(value @ inverse @ value)
    share = (groups - q) / (q * (groups - 1))
    actual = effect.pretrend_test(effect.att_gt(panel, "y", *NAMES, cluster="park"), slope=slope)
    assert actual.statistic == pytest.approx(expected, rel=1e-7)
    assert actual.p == pytest.approx(stats.f.sf(share * expected, q, groups - q), rel=1e-6)
    shift = slope * (cells.frame["time"] - cells.frame["base"]).to_numpy(dtype=float)[pre]
    edge = stats.f.ppf(0.95, q, groups - q)
    power = stats.ncf.sf(edge, q, groups - q, shift @ inverse @ shift)
    assert actual.power == pytest.approx(power, rel=1e-5)


def test_more_restrictions_than_clusters_give_no_test_and_say_so() -> None:
    panel = staggered(98, {0: 20, 4: 10, 6: 10, 7: 10}, parks=6)
    actual = effect.pretrend_test(effect.att_gt(panel, "y", *NAMES, cluster="park"))
    assert np.isnan(actual.p)
    assert "6 clusters" in actual.rule


@pytest.mark.parametrize("base", ["varying", "universal"])
@pytest.mark.parametrize("slope", [0.05, 0.3])
def test_power_is_that_of_a_linear_trend_between_cell_and_base(slope: float, base: str) -> None:
    """A trend of s per period moves a cell by s (t - base): noncentral chi-square."""
    panel = panel_of("G1")
    _, value, inverse, frame = wald(panel, base=base)
    pre = frame[frame["time"] < frame["cohort"]]
    shift = slope * (pre["time"] - pre["base"]).to_numpy(dtype=float)
    q = len(value)
    expected = stats.ncx2.sf(stats.chi2.ppf(0.95, q), q, shift @ inverse @ shift)
    cells = effect.att_gt(panel, "y", *NAMES, base=base)
    assert effect.pretrend_test(cells, slope=slope).power == pytest.approx(expected, rel=1e-6)


def test_trend_behind_the_whole_effect_is_its_mean_distance_from_the_base() -> None:
    """A slope s biases the simple effect by s times the weighted mean of t - base."""
    panel = panel_of("G1")
    cells = effect.att_gt(panel, "y", *NAMES)
    frame = group_time(panel).frame
    post = frame[frame["time"] >= frame["cohort"]]
    size = post["cohort"].map(panel.groupby("cohort")["unit"].nunique())
    distance = ((post["time"] - post["base"]) * size).sum() / size.sum()
    slope = effect.aggregate(cells, "simple").overall.value / distance
    expected = effect.pretrend_test(cells, slope=slope).power
    assert effect.pretrend_test(cells).power == pytest.approx(expected, rel=1e-6)


def test_group_time_error_of_whole_clusters_is_that_of_two_means() -> None:
    """Three parks adopt, four never do, two periods: the variance of a difference of two means.

    Changes 1, 2, 6 (mean 3, variance 7) and 0, 0, 2, 2 (mean 1, variance 4/3):
    2 +- sqrt(7/3 + (4/3)/4) = sqrt(8/3), t with 7 - 2 degrees of freedom.
    """
    change, first = [1, 2, 6, 0, 0, 2, 2], [2, 2, 2, 0, 0, 0, 0]
    panel = pd.DataFrame([
        {"park": f"p{at}", "unit": f"p{at}-{firm}", "time": time, "cohort": first[at],
         "y": 10.0 * at + firm + change[at] * (time == 2)}
        for at in range(7) for firm in range(2) for time in (1, 2)
    ])  # fmt: skip
    found = effect.att_gt(panel, "y", "unit", "time", "cohort", cluster="park")
    row = found.frame.iloc[0]
    assert row["value"] == pytest.approx(2.0)
    assert row["se"] == pytest.approx(np.sqrt(8 / 3))
    assert found.df == 5
    assert row["high"] == pytest.approx(2 + stats.t.ppf(0.975, 5) * np.sqrt(8 / 3))
