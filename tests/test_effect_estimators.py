"""Estimators of effects against dense matrices and against other people's packages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from effect_oracles import (
    aggregated,
    event_columns,
    group_time,
    imputed,
    interacted,
    least_squares,
    panel_of,
    simplex_fit,
    staggered,
    synthetic_did_of,
)
from scipy import stats

from haidian_eval import effect

EXACT = 1e-8  # the same sums in another order; demeaning by turns stops near 1e-10
PACKAGE = 1e-7  # logits of two programs stop at different points
SHORT = 2e-4  # azcausal stops Frank-Wolfe early
QUADRATIC = 2e-5  # weights from a quadratic programme, effects of size 1
NAMES = ("unit", "time", "cohort")
RULES = ("hc0", "plm", "fixest", "stata", "cr2")
KINDS = ("simple", "dynamic", "group", "calendar")
GOLDEN = pd.read_csv(Path(__file__).parent / "golden" / "effect_packages.csv", comment="#")
CSDID = GOLDEN[GOLDEN["call"].str.startswith("csdid")]


def att(panel: pd.DataFrame, **options: Any) -> Any:
    return effect.att_gt(panel, "y", *NAMES, **options)


def keyed(frame: pd.DataFrame, *keys: str) -> pd.DataFrame:
    return frame.set_index(list(keys)).sort_index()[["value", "se"]].astype(float)


def close(actual: Any, expected: Any, tolerance: float = EXACT) -> None:
    np.testing.assert_allclose(
        np.asarray(actual, dtype=float), np.asarray(expected, dtype=float), rtol=0, atol=tolerance
    )


def same_cells(actual: pd.DataFrame, expected: pd.DataFrame, tolerance: float = EXACT) -> None:
    """All cells of `expected` and no other; a base period that stands as 0 is no cell."""
    real = actual[actual["se"].notna() & (actual["se"] > 0)]
    left, right = keyed(real, "cohort", "time"), keyed(expected, "cohort", "time")
    assert left.index.tolist() == right.index.tolist()
    close(left, right, tolerance)


# --- group-time effects


def few(clusters: int) -> float:
    """R did and csdid sum influence over clusters as it is; here G / (G - 1) stands beside t."""
    return float(np.sqrt(clusters / (clusters - 1)))


def options_of(call: str) -> dict[str, Any]:
    _, control, method, anticipation, base, covariates, cluster = call.split("|")
    return {
        "control": control,
        "method": method,
        "anticipation": int(anticipation),
        "base": base,
        "covariates": covariates.split("+") if covariates else None,
        "cluster": cluster or None,
    }


@pytest.mark.parametrize(
    ("case", "call"), [*CSDID[["case", "call"]].drop_duplicates().itertuples(index=False)]
)
def test_cells_and_aggregations_agree_with_csdid(case: str, call: str) -> None:
    expected = CSDID[(CSDID["case"] == case) & (CSDID["call"] == call)].copy()
    if case == "clustered":
        expected["se"] *= few(12)
    actual = att(panel_of(case), **options_of(call))
    cells = expected[expected["quantity"] == "cell"]
    names = cells["key"].str.split("|", expand=True).astype(int)
    same_cells(actual.frame, cells.assign(cohort=names[0], time=names[1]), PACKAGE)
    for kind in KINDS:
        summary = effect.aggregate(actual, kind)
        rows = expected[expected["quantity"] == kind].set_index("key")[["value", "se"]]
        close([summary.overall.value, summary.overall.se], rows.loc["overall"], PACKAGE)
        by = summary.by
        for key, row in rows.drop("overall").iterrows():
            close(by[by["key"] == int(str(key))][["value", "se"]].iloc[0], row, PACKAGE)


GAPPY: dict[str, dict[str, Any]] = {
    "never": {},
    "not yet": {"control": "notyet"},
    "regression": {"method": "reg", "covariates": ["x1", "x2"]},
    "weights": {"method": "ipw", "covariates": ["x1"], "control": "notyet"},
    "doubly robust": {"covariates": ["x1", "z"], "anticipation": 1},
    "two anticipated periods": {"anticipation": 2, "control": "notyet"},
    "universal": {"base": "universal", "covariates": ["x1"]},
    "universal, anticipated": {"base": "universal", "anticipation": 2},
    "parks": {"cluster": "park", "covariates": "x1"},
}


@pytest.mark.parametrize("name", GAPPY)
def test_panel_with_gaps_uses_each_pair_of_periods_by_itself(name: str) -> None:
    options = GAPPY[name]
    panel = staggered(31, {0: 40, 4: 18, 6: 18}, parks=14, lost=0.12)
    covariates = options.get("covariates") or []
    listed = [covariates] if isinstance(covariates, str) else covariates
    expected = group_time(panel, **options | {"covariates": listed}).frame
    if "cluster" in options:
        expected["se"] *= few(panel["park"].nunique())
    same_cells(att(panel, **options).frame, expected, PACKAGE)


def test_cells_count_treated_and_compared_units_and_name_their_base() -> None:
    panel = staggered(32, {0: 20, 4: 9, 6: 8}, lost=0.1)
    expected = group_time(panel, control="notyet").frame.set_index(["cohort", "time"])
    actual = att(panel, control="notyet").frame.set_index(["cohort", "time"])
    for column in ("n", "controls", "base"):
        assert actual[column].reindex(expected.index).tolist() == expected[column].tolist(), column


@pytest.mark.parametrize("kind", KINDS)
def test_aggregation_over_gaps_weighs_cohorts_by_their_units(kind: str) -> None:
    panel = staggered(33, {0: 30, 4: 15, 6: 11, 7: 9}, lost=0.08)
    expected = aggregated(group_time(panel), kind)
    actual = effect.aggregate(att(panel), kind)
    close([actual.overall.value, actual.overall.se], [expected.value, expected.se])
    if kind != "simple":
        close(actual.by[["key", "value", "se"]], expected.by)


@pytest.mark.parametrize("kind", KINDS)
def test_clustered_aggregation_sums_influence_within_parks(kind: str) -> None:
    panel = panel_of("clustered")
    inside = panel.groupby("unit")["park"].first()
    expected = aggregated(group_time(panel), kind, inside)
    actual = effect.aggregate(att(panel, cluster="park"), kind).overall
    close([actual.value, actual.se], [expected.value, few(12) * expected.se])
    assert (actual.clusters, actual.df) == (12, 11)
    half = stats.t.ppf(0.975, 11) * actual.se
    close([actual.low, actual.high], [actual.value - half, actual.value + half])


def test_intervals_of_cells_are_normal_without_clusters() -> None:
    frame = att(panel_of("G1"), level=0.9).frame
    half = stats.norm.ppf(0.95) * frame["se"]
    close(frame["low"], frame["value"] - half)
    close(frame["high"], frame["value"] + half)


def test_base_period_can_be_the_only_one_before_adoption() -> None:
    panel = staggered(34, {0: 20, 2: 10, 5: 10})
    same_cells(att(panel).frame, group_time(panel).frame)
    assert set(att(panel).frame.query("cohort == 2")["time"]) == set(range(2, 9))


def test_units_treated_from_the_start_take_no_part() -> None:
    panel = staggered(35, {0: 20, 1: 7, 4: 12})
    left = panel[panel["cohort"] != 1]
    same_cells(att(panel).frame, group_time(left).frame)
    assert 1 not in set(att(panel).frame["cohort"])


@pytest.mark.parametrize("estimator", ["att_gt", "imputation", "sun_abraham"])
@pytest.mark.parametrize(
    "never", [0, np.nan, None, pd.NA, 99], ids=["0", "nan", "None", "NA", "after the last period"]
)
def test_never_treated_may_be_written_in_any_way(never: Any, estimator: str) -> None:
    panel = staggered(36, {0: 15, 4: 10, 6: 10})
    first = panel["cohort"].astype(object).where(panel["cohort"] > 0, never)
    function = getattr(effect, estimator)
    expected = function(panel, "y", *NAMES)
    actual = function(panel.assign(cohort=first), "y", *NAMES)
    if estimator == "att_gt":
        same_cells(actual.frame, expected.frame)
    else:
        close([actual.value, actual.se], [expected.value, expected.se])


def quarter(n: float, template: str = "{}Q{}", per_year: int = 4) -> str:
    year, part = divmod(int(n) - 1, per_year)
    return template.format(2021 + year, f"{part + 1:02}" if per_year == 12 else part + 1)


WRITTEN = {
    "years": lambda n: str(2000 + int(n)),
    "quarters": quarter,
    "months": lambda n: quarter(n + 7, "{}-{}", 12),
    "halves": lambda n: quarter(n, "{}H{}", 2),
    "periods of pandas": lambda n: pd.Period("2021Q1") + (int(n) - 1),
}


def written(panel: pd.DataFrame, way: str) -> pd.DataFrame:
    """The panel with its periods written in one way; the never treated have None."""
    write = WRITTEN[way]
    adopted = [write(c) if c else None for c in panel["cohort"]]
    return panel.assign(
        time=[write(t) for t in panel["time"]], cohort=pd.Series(adopted, dtype=object)
    )


@pytest.mark.parametrize("never", [None, pd.NaT, "", "0", 0], ids=repr)
@pytest.mark.parametrize("kind", ["texts", "periods", "periods and texts", "texts and periods"])
def test_periods_of_pandas_and_texts_may_stand_side_by_side(kind: str, never: Any) -> None:
    panel = staggered(39, {0: 12, 4: 8, 6: 8})
    expected = effect.imputation(panel, "y", *NAMES)
    periods, texts = written(panel, "periods of pandas"), written(panel, "quarters")
    time = periods["time"] if kind.startswith("periods") else texts["time"]
    cohort = periods["cohort"] if kind.endswith("periods") else texts["cohort"]
    mixed = panel.assign(time=time, cohort=cohort.where(panel["cohort"] > 0, never))
    actual = effect.imputation(mixed, "y", *NAMES)
    close([actual.value, actual.se], [expected.value, expected.se])


@pytest.mark.parametrize("way", ["years", "quarters", "months", "halves"])
def test_cells_and_cohorts_are_shown_as_they_were_written(way: str) -> None:
    texts = written(staggered(39, {0: 12, 4: 8, 6: 8}), way)
    shown = {*texts["time"], *texts["cohort"].dropna()}
    frame = att(texts).frame
    for column in ("cohort", "time", "base"):
        assert set(frame[column].astype(str)) <= shown, column
    assert set(effect.aggregate(att(texts), "group").by["key"].astype(str)) <= shown
    assert set(effect.aggregate(att(texts), "calendar").by["key"].astype(str)) <= shown


@pytest.mark.parametrize("way", WRITTEN)
def test_periods_written_as_text_count_as_steps(way: str) -> None:
    panel = staggered(37, {0: 15, 4: 10, 6: 10})
    texts = written(panel, way)
    for kind in ("simple", "dynamic"):
        left, right = effect.aggregate(att(panel), kind), effect.aggregate(att(texts), kind)
        close([left.overall.value, left.overall.se], [right.overall.value, right.overall.se])
        close(left.by["key"], right.by["key"]) if kind == "dynamic" else None
    left, right = effect.imputation(panel, "y", *NAMES), effect.imputation(texts, "y", *NAMES)
    close([left.value, left.se], [right.value, right.se])
    close(left.by["key"], right.by["key"])


def test_text_periods_with_a_quarter_that_nobody_has_keep_their_distance() -> None:
    """2021Q1, 2021Q2, 2021Q4, ...: the key counts quarters, not rows."""
    panel = staggered(38, {0: 15, 5: 10}).query("time != 3").reset_index(drop=True)
    texts = panel.assign(
        time=[quarter(t) for t in panel["time"]],
        cohort=pd.Series([quarter(c) if c else None for c in panel["cohort"]], dtype=object),
    )
    left = effect.aggregate(att(panel), "dynamic").by
    right = effect.aggregate(att(texts), "dynamic").by
    close(left[["key", "value", "se"]], right[["key", "value", "se"]])


# --- two-way fixed effects


@pytest.mark.parametrize("cluster", ["park", "unit"])
@pytest.mark.parametrize("rule", RULES)
def test_two_way_errors_agree_with_their_packages(rule: str, cluster: str) -> None:
    rows = GOLDEN[(GOLDEN["quantity"] == f"twfe {rule}") & (GOLDEN["key"] == cluster)]
    actual = effect.twfe(
        panel_of("parks"), "y", "treated", "unit", "time", cluster=cluster, small_sample=rule
    )
    close([actual.value, actual.se], rows[["value", "se"]].iloc[0], EXACT)
    assert actual.n == len(panel_of("parks"))
    assert actual.clusters == (8 if cluster == "park" else 28)
    assert isinstance(actual.rule, str)
    assert actual.rule


@pytest.mark.parametrize(("cluster", "level"), [("park", 0.95), ("unit", 0.95), ("park", 0.9)])
@pytest.mark.parametrize("rule", RULES)
def test_two_way_interval_is_that_of_t(rule: str, cluster: str, level: float) -> None:
    rows = GOLDEN[(GOLDEN["quantity"] == "twfe cr2 df") & (GOLDEN["key"] == cluster)]
    groups = 8 if cluster == "park" else 28
    df = rows["value"].iloc[0] if rule == "cr2" else groups - 1
    actual = effect.twfe(
        panel_of("parks"), "y", "treated", "unit", "time",
        cluster=cluster, small_sample=rule, level=level,
    )  # fmt: skip
    half = stats.t.ppf((1 + level) / 2, df) * actual.se
    assert actual.df == pytest.approx(df, abs=1e-6)
    close([actual.low, actual.high], [actual.value - half, actual.value + half], 1e-7)
    assert actual.p == pytest.approx(2 * stats.t.sf(abs(actual.value / actual.se), df), abs=1e-7)


@pytest.mark.parametrize("rule", RULES)
def test_two_way_errors_agree_with_dense_dummies_in_a_balanced_panel(rule: str) -> None:
    panel = staggered(41, {0: 8, 3: 5, 5: 4}, periods=range(1, 7), parks=6)
    expected = least_squares(panel, panel[["treated"]].to_numpy(float), "park", rule)
    actual = effect.twfe(panel, "y", "treated", "unit", "time", cluster="park", small_sample=rule)
    close([actual.value, actual.se], [expected.beta[0], expected.covariance[0, 0] ** 0.5])


def test_rows_without_an_outcome_are_left_out() -> None:
    panel = staggered(42, {0: 10, 4: 10})
    hidden = panel["y"].mask(np.arange(len(panel)) % 11 == 5)
    left = effect.twfe(panel.assign(y=hidden), "y", "treated", "unit", "time", cluster="unit")
    kept = panel[hidden.notna()]
    right = effect.twfe(kept, "y", "treated", "unit", "time", cluster="unit")
    close([left.value, left.se], [right.value, right.se])
    assert left.n == right.n == len(kept)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("window", [None, (-3, 2)])
def test_event_study_agrees_with_dense_dummies(window: tuple[int, int] | None, rule: str) -> None:
    panel = panel_of("parks")
    keys, columns = event_columns(panel, window)
    expected = least_squares(panel, columns, "park", rule)
    actual = effect.event_study(
        panel, "y", *NAMES, cluster="park", window=window, small_sample=rule
    )
    frame = actual.frame[actual.frame["key"] != -1]
    assert frame["key"].tolist() == keys
    close(frame["value"], expected.beta)
    close(frame["se"], np.sqrt(np.diag(expected.covariance)))
    close(actual.covariance.reindex(index=keys, columns=keys), expected.covariance)


@pytest.mark.parametrize("rule", RULES)
def test_covariates_stand_beside_the_dummies(rule: str) -> None:
    panel = panel_of("parks")
    options: dict[str, Any] = {"cluster": "park", "small_sample": rule, "covariates": ["z"]}
    slopes = np.column_stack([panel["treated"], panel["z"]]).astype(float)
    expected = least_squares(panel, slopes, "park", rule)
    actual = effect.twfe(panel, "y", "treated", "unit", "time", **options)
    close([actual.value, actual.se], [expected.beta[0], expected.covariance[0, 0] ** 0.5])
    keys, columns = event_columns(panel, (-3, 2))
    expected = least_squares(panel, np.column_stack([columns, panel["z"]]), "park", rule)
    study = effect.event_study(panel, "y", *NAMES, window=(-3, 2), **options)
    frame = study.frame[study.frame["key"] != -1]
    assert frame["key"].tolist() == keys
    close(frame["value"], expected.beta[:-1])
    close(frame["se"], np.sqrt(np.diag(expected.covariance))[:-1])


def test_event_study_counts_the_rows_of_each_period() -> None:
    panel = panel_of("parks")
    keys, columns = event_columns(panel, (-3, 2))
    frame = effect.event_study(panel, "y", *NAMES, cluster="park", window=(-3, 2)).frame
    found = frame.set_index("key")["n"].reindex(keys)
    assert found.tolist() == columns.sum(axis=0).tolist()


def test_event_study_without_never_treated_needs_a_window() -> None:
    panel = panel_of("no_never")
    columns = event_columns(panel, (-2, 2))[1]
    expected = least_squares(panel, columns, "unit", "fixest")
    frame = effect.event_study(panel, "y", *NAMES, cluster="unit", window=(-2, 2)).frame
    frame = frame[frame["key"] != -1]
    close(frame["value"], expected.beta)
    close(frame["se"], np.sqrt(np.diag(expected.covariance)))


def test_event_study_holds_units_treated_from_the_start() -> None:
    panel = staggered(44, {0: 14, 1: 4, 4: 7})
    keys, columns = event_columns(panel)
    expected = least_squares(panel, columns, "unit", "fixest")
    frame = effect.event_study(panel, "y", *NAMES, cluster="unit").frame
    assert frame["key"].tolist() == keys
    close(frame["value"], expected.beta)
    close(frame["se"], np.sqrt(np.diag(expected.covariance)))


def test_last_period_before_adoption_is_the_reference_when_steps_are_two() -> None:
    panel = panel_of("step_two")
    since = (panel["time"] - panel["cohort"]).where(panel["cohort"] > 0)
    keys = [-8, -6, -4, 0, 2, 4, 6]
    columns = np.column_stack([(since == key).to_numpy(dtype=float) for key in keys])
    expected = least_squares(panel, columns, "unit", "fixest")
    frame = effect.event_study(panel, "y", *NAMES, cluster="unit").frame
    assert frame["key"].tolist() == keys
    close(frame["value"], expected.beta)
    close(frame["se"], np.sqrt(np.diag(expected.covariance)))


# --- imputation and cohort-interacted regression


@pytest.mark.parametrize("cluster", ["unit", "park"])
def test_imputation_agrees_with_diff_diff(cluster: str) -> None:
    rows = GOLDEN[GOLDEN["quantity"] == "imputation"].set_index("key")[["value", "se"]]
    inside = None if cluster == "unit" else cluster
    actual = effect.imputation(panel_of("imputation"), "y", *NAMES, cluster=inside)
    close([actual.value, actual.se], rows.loc[f"{cluster}|overall"], EXACT)
    expected = [rows.loc[f"{cluster}|{key}"] for key in range(5)]
    close(actual.by.sort_values("key")[["value", "se"]], expected, EXACT)


IMPUTED = {
    "balanced": ({0: 20, 4: 10, 6: 10}, 0.0),
    "gaps": ({0: 20, 4: 14, 6: 14}, 0.15),
    "one earlier period": ({0: 20, 2: 10, 6: 10}, 0.0),
    "treated from the start": ({0: 20, 1: 4, 5: 10}, 0.0),
    "no never-treated": ({4: 12, 6: 12, 8: 12}, 0.0),
    "small cohorts": ({0: 10, 4: 9, 6: 3}, 0.0),
    "small cohorts with gaps": ({0: 10, 4: 6, 6: 1}, 0.1),
}


@pytest.mark.parametrize("cluster", ["unit", "park"])
@pytest.mark.parametrize("name", IMPUTED)
def test_imputation_agrees_with_dense_dummies_on_untreated_rows(name: str, cluster: str) -> None:
    """Effects are centred on their cohort and period, or on one mean with under ten clusters."""
    cohorts, lost = IMPUTED[name]
    panel = staggered(51, cohorts, lost=lost, parks=9)
    pooled = cluster == "park" or "small" in name
    expected = imputed(panel, cluster, pooled=pooled)
    actual = effect.imputation(panel, "y", *NAMES, cluster=cluster)
    close([actual.value, actual.se], [expected.value, expected.se])
    by = actual.by.sort_values("key").set_index("key")
    wanted = expected.by.set_index("key")
    assert by.index.tolist() == wanted.index.tolist()
    close(by[["value", "n"]], wanted[["value", "n"]])
    known = by["se"].notna()  # a period that one unit alone has reached shows no error
    close(by.loc[known, "se"], wanted.loc[known, "se"])
    assert ("small cohorts" in actual.rule) == pooled


def test_imputation_counts_units_that_cannot_be_used() -> None:
    panel = staggered(52, {0: 20, 1: 3, 5: 10})
    actual = effect.imputation(panel, "y", *NAMES)
    assert actual.dropped == 3
    left = effect.imputation(panel[panel["cohort"] != 1], "y", *NAMES)
    close([actual.value, actual.se], [left.value, left.se])


def test_anticipated_periods_count_neither_as_treated_nor_as_untreated() -> None:
    panel = staggered(55, {0: 20, 4: 12, 6: 12})
    near = (panel["cohort"] > 0) & (panel["time"] == panel["cohort"] - 1)
    expected = imputed(panel[~near])
    actual = effect.imputation(panel, "y", *NAMES, anticipation=1)
    close([actual.value, actual.se], [expected.value, expected.se])


def test_jackknife_leaves_each_cluster_out_once() -> None:
    """Efron and Tibshirani 1993: (G - 1) / G times the squares about their mean."""
    panel = staggered(56, {0: 9, 4: 6, 6: 5}, parks=7)
    parks = sorted(panel["park"].unique())
    left = [imputed(panel[panel["park"] != park]).value for park in parks]
    expected = np.sqrt((len(parks) - 1) / len(parks) * ((left - np.mean(left)) ** 2).sum())
    actual = effect.imputation(panel, "y", *NAMES, cluster="park", errors="jackknife")
    close([actual.value, actual.se], [imputed(panel).value, expected])
    assert actual.df == len(parks) - 1


def test_interacted_effects_agree_with_diff_diff() -> None:
    rows = GOLDEN[GOLDEN["quantity"] == "sun_abraham"].set_index("key")[["value", "se"]]
    actual = effect.sun_abraham(panel_of("parks"), "y", *NAMES)
    close([actual.value, actual.se], rows.loc["overall"], EXACT)
    by = actual.by.set_index("key")
    for key, row in rows.drop("overall").iterrows():
        close(by.loc[int(str(key)), ["value", "se"]], row, EXACT)


@pytest.mark.parametrize("cluster", ["unit", "park"])
def test_interacted_effects_agree_with_saturated_dummies(cluster: str) -> None:
    panel = staggered(53, {0: 14, 3: 6, 5: 7}, lost=0.1, parks=9)
    expected = interacted(panel, cluster)
    actual = effect.sun_abraham(panel, "y", *NAMES, cluster=cluster)
    close([actual.value, actual.se], [expected.value, expected.se])
    by = actual.by[actual.by["key"] != -1].sort_values("key")
    close(by[["key", "value", "se"]], expected.by)


def test_always_treated_take_no_part_in_interacted_effects() -> None:
    """fixest leaves them out: their effect before the first period has no reference."""
    panel = staggered(54, {0: 14, 1: 5, 5: 8})
    actual = effect.sun_abraham(panel, "y", *NAMES)
    expected = interacted(panel[panel["cohort"] != 1])
    close([actual.value, actual.se], [expected.value, expected.se])
    assert actual.dropped == 5


def test_last_cohort_is_compared_with_where_nobody_is_never_treated() -> None:
    """Sun and Abraham 2021, section 4.2: its periods from adoption on are left out."""
    panel = panel_of("no_never")
    early = panel[panel["time"] < 8]
    expected = interacted(early.assign(cohort=early["cohort"].where(early["cohort"] < 8, 0)))
    actual = effect.sun_abraham(panel, "y", *NAMES)
    close([actual.value, actual.se], [expected.value, expected.se])
    assert actual.n == len(early)


def test_cohort_that_adopts_in_a_period_nobody_has_starts_at_the_next() -> None:
    panel = staggered(57, {0: 14, 4: 10, 6: 10}, periods=(1, 2, 3, 5, 6, 7, 8))
    same_cells(att(panel).frame, group_time(panel).frame)
    expected = imputed(panel)
    actual = effect.imputation(panel, "y", *NAMES)
    close([actual.value, actual.se], [expected.value, expected.se])
    close(actual.by[["key", "value", "se"]], expected.by[["key", "value", "se"]])


# --- synthetic control


def wide_of(panel: pd.DataFrame) -> pd.DataFrame:
    return panel.pivot(index="unit", columns="time", values="y")


def donor_weights(wide: pd.DataFrame, goal: pd.Series, donors: list[str], start: float) -> Any:
    pre = [t for t in wide.columns if t < start]
    return simplex_fit(wide.loc[donors, pre].T.to_numpy(), goal[pre].to_numpy())


def ratio(wide: pd.DataFrame, unit: str, donors: list[str], start: float) -> float:
    gap = wide.loc[unit] - donor_weights(wide, wide.loc[unit], donors, start) @ wide.loc[donors]
    after = gap.index >= start
    return float(np.sqrt((gap[after] ** 2).mean() / (gap[~after] ** 2).mean()))


@pytest.mark.parametrize("seed", [61, 62, 63])
def test_synthetic_control_is_the_closest_mixture_before_adoption(seed: int) -> None:
    panel = staggered(seed, {0: 9, 9: 1}, periods=range(1, 15), noise=0.3)
    wide = wide_of(panel)
    treated = panel.loc[panel["cohort"] > 0, "unit"].iloc[0]
    donors = [u for u in wide.index if u != treated]
    expected = donor_weights(wide, wide.loc[treated], donors, 9)
    actual = effect.synthetic_control(panel, "y", *NAMES)
    close(actual.unit_weights.reindex(donors), expected, QUADRATIC)
    gap = wide.loc[treated] - expected @ wide.loc[donors]
    assert actual.value == pytest.approx(gap[gap.index >= 9].mean(), abs=QUADRATIC)
    path = actual.path.set_index("time")
    close(path["observed"], wide.loc[treated], EXACT)
    close(path["counterfactual"], expected @ wide.loc[donors].to_numpy(), QUADRATIC)


def test_place_among_placebos_is_the_rank_of_the_ratio() -> None:
    """Donors take the treated part in turn; the treated unit is no donor of theirs."""
    panel = staggered(64, {0: 9, 9: 1}, periods=range(1, 15), noise=0.3)
    wide = wide_of(panel)
    treated = panel.loc[panel["cohort"] > 0, "unit"].iloc[0]
    donors = [u for u in wide.index if u != treated]
    own = ratio(wide, treated, donors, 9)
    others = [ratio(wide, u, [d for d in donors if d != u], 9) for u in donors]
    expected = (1 + sum(r >= own for r in others)) / (1 + len(others))
    assert effect.synthetic_control(panel, "y", *NAMES).p == pytest.approx(expected)


def test_each_cohort_has_its_own_synthetic_control() -> None:
    panel = staggered(65, {0: 9, 7: 1, 10: 2}, periods=range(1, 15), noise=0.3)
    wide = wide_of(panel)
    cohort = panel.groupby("unit")["cohort"].first()
    donors = cohort[cohort == 0].index.tolist()
    actual = effect.synthetic_control(panel, "y", *NAMES)
    assert actual.unit_weights.shape == (9, 2)
    total, cells = 0.0, 0
    for start, n in ((7, 1), (10, 2)):
        goal = wide.loc[cohort[cohort == start].index].mean()
        w = donor_weights(wide, goal, donors, start)
        close(actual.unit_weights[str(start)].reindex(donors), w, QUADRATIC)
        gap = goal - w @ wide.loc[donors]
        total += n * gap[gap.index >= start].sum()
        cells += n * int((gap.index >= start).sum())
    assert actual.value == pytest.approx(total / cells, abs=QUADRATIC)


@pytest.mark.parametrize("case", ["sdid_21", "sdid_22"])
def test_synthetic_did_agrees_with_azcausal_and_with_its_own_optimum(case: str) -> None:
    panel = panel_of(case)
    start = panel["cohort"].max()
    treated = sorted(panel.loc[panel["cohort"] > 0, "unit"].unique())
    expected = synthetic_did_of(wide_of(panel), treated, start)
    actual = effect.synthetic_did(panel, "y", *NAMES, draws=20)
    assert actual.value == pytest.approx(expected.value, abs=QUADRATIC)
    printed = GOLDEN[GOLDEN["case"] == case]["value"].iloc[0]
    assert actual.value == pytest.approx(printed, abs=SHORT)
    close(actual.unit_weights.reindex(expected.unit.index), expected.unit, QUADRATIC)
    close(actual.time_weights.reindex(expected.time.index), expected.time, 10 * QUADRATIC)


def test_synthetic_did_of_several_cohorts_weighs_treated_cells() -> None:
    """Appendix A of Arkhangelsky et al. 2021; Clarke et al. 2023, formula 7."""
    panel = staggered(66, {0: 10, 7: 2, 10: 1}, periods=range(1, 13))
    cohort = panel.groupby("unit")["cohort"].first()
    wide = wide_of(panel)
    total, cells = 0.0, 0
    for start in (7, 10):
        units = cohort[cohort == start].index.tolist()
        part = wide.loc[cohort[(cohort == start) | (cohort == 0)].index]
        size = len(units) * (13 - start)
        total += size * synthetic_did_of(part, units, start).value
        cells += size
    actual = effect.synthetic_did(panel, "y", *NAMES, draws=20)
    assert actual.value == pytest.approx(total / cells, abs=QUADRATIC)
    assert actual.unit_weights.shape == (10, 2)


def test_placebo_error_of_synthetic_did_repeats_with_its_seed() -> None:
    panel = panel_of("sdid_21")
    first = effect.synthetic_did(panel, "y", *NAMES, seed=3, draws=30)
    again = effect.synthetic_did(
        panel.sample(frac=1, random_state=1), "y", *NAMES, seed=3, draws=30
    )
    assert first.se > 0
    assert first.se == pytest.approx(again.se, rel=1e-6)
    half = (first.high - first.low) / 2
    assert half == pytest.approx(stats.norm.ppf(0.975) * first.se, rel=1e-6)


def test_placebo_error_of_synthetic_did_is_the_spread_of_placebo_effects() -> None:
    """Algorithm 4: as many control units as are treated, drawn anew, play the treated."""
    panel = panel_of("sdid_21")
    wide = wide_of(panel[panel["cohort"] == 0])
    rng = np.random.RandomState(5)
    found = [
        synthetic_did_of(wide, list(rng.choice(wide.index, 2, replace=False)), 8).value
        for _ in range(150)
    ]
    actual = effect.synthetic_did(panel, "y", *NAMES, seed=1, draws=300)
    assert actual.se == pytest.approx(np.std(found), rel=0.25)  # both are drawn


# --- interrupted series


def newey_west(design: np.ndarray, scores: np.ndarray, bread: np.ndarray, lags: int) -> Any:
    """Bartlett weights 1 - l / (lags + 1), no small-sample factor."""
    meat = scores.T @ scores
    for lag in range(1, lags + 1):
        part = scores[lag:].T @ scores[:-lag]
        meat = meat + (1 - lag / (lags + 1)) * (part + part.T)
    return bread @ meat @ bread


def series(seed: int = 71, n: int = 60) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.RandomState(seed)
    t = np.arange(n)
    noise = np.zeros(n)
    for i in range(1, n):
        noise[i] = 0.5 * noise[i - 1] + rng.normal()
    frame = pd.DataFrame({"when": 2001 + t, "x": rng.normal(size=n), "kind": t % 3})
    frame["kind"] = frame["kind"].map({0: "a", 1: "b", 2: "c"})
    frame["y"] = 3 + 0.05 * t + 1.5 * (t >= 35) + 0.7 * frame["x"] + noise
    frame["count"] = rng.poisson(np.exp(2 + 0.01 * t + 0.4 * (t >= 35)))
    level = (t >= 35).astype(float)
    return frame, np.column_stack([level, np.ones(n), t, level * (t - 35)])


@pytest.mark.parametrize("slope", [False, True])
@pytest.mark.parametrize("lags", [0, 4])
def test_interrupted_series_agrees_with_newey_west_by_hand(lags: int, slope: bool) -> None:
    frame, design = series()
    used = design[:, : 4 if slope else 3]
    dummy = pd.get_dummies(frame["kind"], drop_first=True).to_numpy(dtype=float)
    used = np.column_stack([used, frame["x"], dummy])
    bread = np.linalg.inv(used.T @ used)
    beta = bread @ used.T @ frame["y"].to_numpy()
    scores = used * (frame["y"].to_numpy() - used @ beta)[:, None]
    se = np.sqrt(np.diag(newey_west(used, scores, bread, lags)))
    actual = effect.interrupted_series(
        frame, "y", "when", 2036, covariates=("x", "kind"), lags=lags, slope=slope
    )
    close([actual.value, actual.se], [beta[0], se[0]])
    assert len(actual.terms) == used.shape[1]
    close(np.sort(actual.terms["value"]), np.sort(beta), 1e-7)
    close(np.sort(actual.terms["se"]), np.sort(se), 1e-7)


def test_interrupted_counts_agree_with_poisson_by_hand() -> None:
    frame, design = series()
    used, y = design[:, :3], frame["count"].to_numpy(dtype=float)
    beta = np.array([0.0, np.log(y.mean()), 0.0])
    for _ in range(50):
        mu = np.exp(used @ beta)
        beta = beta + np.linalg.solve((used.T * mu) @ used, used.T @ (y - mu))
    mu = np.exp(used @ beta)
    covariance = newey_west(used, used * (y - mu)[:, None], np.linalg.inv((used.T * mu) @ used), 3)
    actual = effect.interrupted_series(frame, "count", "when", 2036, lags=3, family="poisson")
    close([actual.value, actual.se], [beta[0], covariance[0, 0] ** 0.5], 1e-6)


def test_order_of_rows_does_not_move_an_interrupted_series() -> None:
    frame, _ = series()
    left = effect.interrupted_series(frame, "y", "when", 2036, lags=4)
    right = effect.interrupted_series(
        frame.sample(frac=1, random_state=2), "y", "when", 2036, lags=4
    )
    close([left.value, left.se], [right.value, right.se])
