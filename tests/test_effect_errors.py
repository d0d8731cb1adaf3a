"""What cannot be estimated is refused with what was found, where, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from effect_oracles import staggered

from haidian_eval import effect
from haidian_eval.errors import ParameterError

Panel = pd.DataFrame
BY_COHORT = ("att_gt", "imputation", "sun_abraham", "synthetic_control", "synthetic_did")
BY_TREATMENT = ("wild_cluster_bootstrap", "randomisation_test")


def made() -> Panel:
    return staggered(3, {0: 12, 4: 6, 6: 6}, parks=6)


def by_cohort(name: str, panel: Panel, **columns: str) -> Any:
    names = {"outcome": "y", "unit": "unit", "time": "time", "cohort": "cohort"} | columns
    options: dict[str, Any] = {"cluster": "unit"} if name == "event_study" else {}
    return getattr(effect, name)(panel, *names.values(), **options)


def by_treatment(name: str, panel: Panel, **columns: str) -> Any:
    names = {"outcome": "y", "treatment": "treated", "unit": "unit", "time": "time"} | columns
    options: dict[str, Any] = {
        "twfe": {"cluster": "unit"},
        "wild_cluster_bootstrap": {"cluster": "park", "draws": 99, "seed": 1},
        "randomisation_test": {"draws": 99, "seed": 1},
    }[name]
    return getattr(effect, name)(panel, *names.values(), **options)


CALLS: dict[str, Callable[..., Any]] = {
    **dict.fromkeys((*BY_COHORT, "event_study"), by_cohort),
    **dict.fromkeys((*BY_TREATMENT, "twfe"), by_treatment),
}


def refused(name: str, panel: Panel, *parts: str, **columns: str) -> None:
    """The error names every one of `parts` (a part may offer several with |)."""
    with pytest.raises(ParameterError) as caught:
        CALLS[name](name, panel, **columns)
    message = str(caught.value)
    for part in parts:
        assert any(word.lower() in message.lower() for word in part.split("|")), (part, message)


@pytest.mark.parametrize("column", ["outcome", "unit", "time"])
@pytest.mark.parametrize("name", CALLS)
def test_column_that_is_not_there_is_named(name: str, column: str) -> None:
    refused(name, made(), "nowhere", "choose|columns", **{column: "nowhere"})


@pytest.mark.parametrize("name", [*BY_COHORT, "event_study"])
def test_cohort_column_that_is_not_there_is_named(name: str) -> None:
    refused(name, made(), "nowhere", **{"cohort": "nowhere"})


def test_cluster_and_covariate_that_are_not_there_are_named() -> None:
    with pytest.raises(ParameterError, match="nowhere"):
        effect.twfe(made(), "y", "treated", "unit", "time", cluster="nowhere")
    with pytest.raises(ParameterError, match="nowhere"):
        effect.att_gt(made(), "y", "unit", "time", "cohort", covariates=["x1", "nowhere"])
    with pytest.raises(ParameterError, match="nowhere"):
        effect.imputation(made(), "y", "unit", "time", "cohort", cluster="nowhere")


@pytest.mark.parametrize("name", CALLS)
def test_row_that_stands_twice_names_the_unit_and_period(name: str) -> None:
    panel = made()
    twice = panel[(panel["unit"] == "u013") & (panel["time"] == 5)]
    refused(
        name,
        pd.concat([panel, twice], ignore_index=True),
        "u013",
        "5",
        "twice|duplicate|two rows|once|more than",
    )


@pytest.mark.parametrize("name", [*BY_TREATMENT, "twfe"])
def test_treatment_that_switches_off_names_the_unit_and_period(name: str) -> None:
    panel = made()
    off = (panel["unit"] == "u013") & (panel["time"] == 7)
    assert panel.loc[off, "treated"].tolist() == [1]
    refused(name, panel.assign(treated=panel["treated"].mask(off, 0)), "u013", "7")


@pytest.mark.parametrize("value", [2.0, 0.5, -1.0])
@pytest.mark.parametrize("name", [*BY_TREATMENT, "twfe"])
def test_treatment_other_than_0_and_1_shows_the_value(name: str, value: float) -> None:
    panel = made()
    treated = panel["treated"].astype(float).mask(panel["unit"].eq("u013"), value)
    refused(name, panel.assign(treated=treated), f"{value:g}", "0")


@pytest.mark.parametrize("name", [*BY_COHORT, "event_study"])
def test_cohort_that_changes_within_a_unit_names_the_unit(name: str) -> None:
    panel = made()
    other = (panel["unit"] == "u013") & (panel["time"] > 6)
    refused(name, panel.assign(cohort=panel["cohort"].mask(other, 7)), "u013")


@pytest.mark.parametrize("name", [*BY_COHORT, "event_study"])
def test_treatment_column_in_the_place_of_the_cohort_is_noticed(name: str) -> None:
    refused(name, made(), "treated", "first|adopt", cohort="treated")


@pytest.mark.parametrize("name", [*BY_COHORT, "event_study"])
def test_indicator_of_ever_treated_is_no_cohort(name: str) -> None:
    panel = made().assign(ever=lambda f: (f["cohort"] > 0).astype(int))
    panel["time"] = panel["time"] + 2000
    refused(name, panel, "ever", "first|adopt", cohort="ever")


def test_never_as_control_without_never_treated_points_to_notyet() -> None:
    panel = staggered(4, {4: 8, 6: 8, 8: 8})
    with pytest.raises(ParameterError, match="never") as caught:
        effect.att_gt(panel, "y", "unit", "time", "cohort", control="never")
    assert "notyet" in str(caught.value)


@pytest.mark.parametrize("control", ["never", "notyet"])
def test_one_date_for_everybody_points_to_interrupted_series(control: str) -> None:
    panel = staggered(5, {5: 12})
    with pytest.raises(ParameterError, match="interrupted_series"):
        effect.att_gt(panel, "y", "unit", "time", "cohort", control=control)


@pytest.mark.parametrize("name", [*CALLS])
def test_one_date_for_everybody_is_refused_everywhere(name: str) -> None:
    refused(name, staggered(5, {5: 12}, parks=4), "interrupted_series")


@pytest.mark.parametrize("name", [*CALLS])
def test_nobody_treated_is_refused(name: str) -> None:
    refused(name, staggered(6, {0: 12}, parks=4), "treated|adopt")


@pytest.mark.parametrize("name", ["twfe", "event_study", "wild_cluster_bootstrap"])
def test_one_cluster_is_refused(name: str) -> None:
    panel = made().assign(whole="district")
    options: dict[str, Any] = {"cluster": "whole"}
    if name == "wild_cluster_bootstrap":
        options |= {"seed": 1}
    columns = ("unit", "time", "cohort") if name == "event_study" else ("treated", "unit", "time")
    with pytest.raises(ParameterError, match="whole"):
        getattr(effect, name)(panel, "y", *columns, **options)


@pytest.mark.parametrize("name", ["twfe", "event_study", "att_gt", "imputation", "sun_abraham"])
def test_unit_in_two_clusters_is_named(name: str) -> None:
    panel = made()
    moved = (panel["unit"] == "u013") & (panel["time"] > 4)
    panel["park"] = panel["park"].mask(moved, "elsewhere")
    columns = ("treated", "unit", "time") if name == "twfe" else ("unit", "time", "cohort")
    with pytest.raises(ParameterError, match="u013"):
        getattr(effect, name)(panel, "y", *columns, cluster="park")


@pytest.mark.parametrize("name", CALLS)
def test_outcome_that_is_missing_everywhere_is_named(name: str) -> None:
    refused(name, made().assign(y=np.nan), "y", "missing|empty|no value")


@pytest.mark.parametrize("name", CALLS)
def test_outcome_that_is_no_number_is_named(name: str) -> None:
    refused(name, made().assign(y="多"), "y", "number|numeric")


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("twfe", {"small_sample": "hc7"}),
        ("att_gt", {"control": "later"}),
        ("att_gt", {"method": "magic"}),
        ("att_gt", {"base": "floating"}),
    ],
)
def test_option_that_is_not_known_lists_the_known_ones(name: str, option: dict[str, Any]) -> None:
    known = {"small_sample": "fixest", "control": "notyet", "method": "ipw", "base": "universal"}
    columns = ("treated", "unit", "time") if name == "twfe" else ("unit", "time", "cohort")
    if name == "twfe":
        option = option | {"cluster": "unit"}
    with pytest.raises(ParameterError) as caught:
        getattr(effect, name)(made(), "y", *columns, **option)
    key = next(iter(option))
    assert str(option[key]) in str(caught.value) or key in str(caught.value)
    assert known[key] in str(caught.value)


def test_unknown_aggregation_weights_and_family_list_the_known_ones() -> None:
    cells = effect.att_gt(made(), "y", "unit", "time", "cohort")
    with pytest.raises(ParameterError, match="calendar"):
        effect.aggregate(cells, "weekly")
    with pytest.raises(ParameterError, match="webb"):
        effect.wild_cluster_bootstrap(
            made(), "y", "treated", "unit", "time", cluster="park", weights="dice", seed=1
        )
    frame = pd.DataFrame({"t": range(1, 31), "y": np.arange(30.0) % 7})
    with pytest.raises(ParameterError, match="poisson"):
        effect.interrupted_series(frame, "y", "t", 15, lags=2, family="gamma")


def test_event_study_without_never_treated_and_window_is_not_identified() -> None:
    panel = staggered(4, {4: 8, 6: 8, 8: 8})
    with pytest.raises(ParameterError, match="window"):
        effect.event_study(panel, "y", "unit", "time", "cohort", cluster="unit")


def test_time_that_is_no_period_shows_the_value() -> None:
    panel = made()
    texts = panel["time"].map(lambda t: f"2023Q{t}" if t < 5 else "某年")
    with pytest.raises(ParameterError, match="某年"):
        effect.att_gt(panel.assign(time=texts), "y", "unit", "time", "cohort")


@pytest.mark.parametrize("start", [2001, 1990, 2035, 2099])
def test_series_needs_periods_on_both_sides_of_its_start(start: int) -> None:
    frame = pd.DataFrame({"t": range(2001, 2031), "y": np.arange(30.0) % 7})
    with pytest.raises(ParameterError, match=str(start)):
        effect.interrupted_series(frame, "y", "t", start, lags=2)


def test_series_names_what_it_lacks() -> None:
    frame = pd.DataFrame({"t": range(2001, 2031), "y": np.arange(30.0) % 7})
    with pytest.raises(ParameterError, match="nowhere"):
        effect.interrupted_series(frame, "nowhere", "t", 2015, lags=2)
    with pytest.raises(ParameterError, match="nowhere"):
        effect.interrupted_series(frame, "y", "t", 2015, lags=2, covariates=("nowhere",))
    twice = pd.concat([frame, frame.iloc[[4]]])
    with pytest.raises(ParameterError, match="2005"):
        effect.interrupted_series(twice, "y", "t", 2015, lags=2)
    with pytest.raises(ParameterError, match="-1"):
        effect.interrupted_series(frame, "y", "t", 2015, lags=-1)


def test_count_model_refuses_negative_outcomes() -> None:
    frame = pd.DataFrame({"t": range(2001, 2031), "y": np.arange(30.0) - 3})
    with pytest.raises(ParameterError, match=r"negative|-3"):
        effect.interrupted_series(frame, "y", "t", 2015, lags=2, family="poisson")


def test_clean_controls_that_overlap_nowhere_are_refused() -> None:
    """A covariate that tells treated from compared units apart leaves no overlap."""
    panel = made()
    panel["apart"] = (panel["cohort"] > 0).astype(float)
    with pytest.raises(ParameterError, match=r"apart|overlap"):
        effect.att_gt(panel, "y", "unit", "time", "cohort", covariates="apart")


def test_singular_covariates_are_refused() -> None:
    panel = made().assign(again=lambda f: 2 * f["x1"])
    with pytest.raises(ParameterError, match=r"again|x1|collinear"):
        effect.att_gt(
            panel, "y", "unit", "time", "cohort", covariates=["x1", "again"], method="reg"
        )


def test_missing_covariate_is_refused_or_its_units_are_left_out() -> None:
    panel = made()
    bare = panel["unit"].isin(["u001", "u013"])
    holes = panel.assign(x1=panel["x1"].mask(bare))
    actual = effect.att_gt(holes, "y", "unit", "time", "cohort", covariates="x1").frame
    expected = effect.att_gt(panel[~bare], "y", "unit", "time", "cohort", covariates="x1").frame
    columns = ["cohort", "time", "value", "se"]
    np.testing.assert_allclose(actual[columns], expected[columns], atol=1e-9)


@pytest.mark.parametrize("column", ["unit", "time", "treated"])
def test_key_or_treatment_that_is_missing_in_a_row_is_named(column: str) -> None:
    panel = made()
    holes = panel[column].astype(object).mask(panel.index == 40)
    with pytest.raises(ParameterError, match=column):
        effect.twfe(panel.assign(**{column: holes}), "y", "treated", "unit", "time", cluster="park")


@pytest.mark.parametrize("name", ["twfe", "event_study", "att_gt", "imputation", "sun_abraham"])
def test_unit_without_a_cluster_is_named(name: str) -> None:
    """A blank is no cluster, and belongs to none of the others."""
    panel = made()
    panel["park"] = panel["park"].mask(panel["unit"] == "u013")
    columns = ("treated", "unit", "time") if name == "twfe" else ("unit", "time", "cohort")
    with pytest.raises(ParameterError, match="park"):
        getattr(effect, name)(panel, "y", *columns, cluster="park")


def test_outcome_that_is_infinite_is_named() -> None:
    panel = made()
    panel["y"] = panel["y"].mask(panel.index == 7, -np.inf)
    refused("twfe", panel, "y", "infinite")


@pytest.mark.parametrize("draws", [0, -5])
def test_no_draws_are_refused(draws: int) -> None:
    panel = made()
    names = ("y", "treated", "unit", "time")
    with pytest.raises(ParameterError, match="draws"):
        effect.wild_cluster_bootstrap(panel, *names, cluster="park", draws=draws, seed=1)
    with pytest.raises(ParameterError, match="draws"):
        effect.randomisation_test(panel, *names, draws=draws, seed=1)
    with pytest.raises(ParameterError, match="draws"):
        effect.bands(effect.att_gt(panel, "y", "unit", "time", "cohort"), draws=draws, seed=1)


@pytest.mark.parametrize("level", [0.0, 1.0, 95])
def test_level_outside_0_and_1_is_refused(level: float) -> None:
    panel = made()
    with pytest.raises(ParameterError, match="level"):
        effect.twfe(panel, "y", "treated", "unit", "time", cluster="unit", level=level)
    with pytest.raises(ParameterError, match="level"):
        effect.att_gt(panel, "y", "unit", "time", "cohort", level=level)


@pytest.mark.parametrize("anticipation", [-1, 20])
def test_anticipation_must_leave_periods(anticipation: int) -> None:
    with pytest.raises(ParameterError, match=r"anticipation|before"):
        effect.att_gt(made(), "y", "unit", "time", "cohort", anticipation=anticipation)


@pytest.mark.parametrize("window", [(2, -3), (0, 3), (-1, 3)])
def test_window_that_does_not_hold_the_reference_is_refused(window: tuple[int, int]) -> None:
    with pytest.raises(ParameterError, match="window"):
        effect.event_study(made(), "y", "unit", "time", "cohort", cluster="unit", window=window)


def test_covariate_that_never_changes_within_units_is_named() -> None:
    """Unit effects hold it already."""
    with pytest.raises(ParameterError, match="x1"):
        effect.twfe(made(), "y", "treated", "unit", "time", cluster="unit", covariates="x1")


def test_covariate_of_texts_is_named() -> None:
    panel = made().assign(kind="甲")
    with pytest.raises(ParameterError, match="kind"):
        effect.att_gt(panel, "y", "unit", "time", "cohort", covariates="kind")


def test_parks_whose_firms_adopt_apart_cannot_be_exchanged() -> None:
    panel = made()
    with pytest.raises(ParameterError, match="p0"):
        effect.randomisation_test(panel, "y", "treated", "unit", "time", cluster="park", seed=1)


def test_years_and_quarters_in_one_column_are_refused() -> None:
    panel = made()
    mixed = panel["time"].map(lambda t: f"2023Q{t}" if t < 5 else f"2024-0{t}")
    with pytest.raises(ParameterError, match="mixed"):
        effect.imputation(panel.assign(time=mixed), "y", "unit", "time", "cohort")


def test_synthetic_control_needs_two_donors_seen_in_every_period() -> None:
    refused("synthetic_control", staggered(7, {0: 1, 4: 1}), "donor")
    refused("synthetic_did", staggered(7, {0: 1, 4: 1}), "donor")


@pytest.mark.parametrize("name", CALLS)
def test_adopters_without_a_period_before_are_refused(name: str) -> None:
    refused(name, staggered(8, {0: 8, 1: 6}, parks=5), "before|first|adopts|treated")


@pytest.mark.parametrize(
    ("time", "cohort"),
    [("2024Q{}", "2024"), ("2024Q{}", "2024-06"), ("202{}", "2024Q1"), ("2024-0{}", "2024Q2")],
)
@pytest.mark.parametrize("name", BY_COHORT)
def test_cohort_in_other_periods_than_the_time_is_named(name: str, time: str, cohort: str) -> None:
    """A year is no quarter: nothing says in which quarter of it the unit adopted."""
    panel = staggered(8, {0: 8, 3: 6}, periods=(1, 2, 3, 4))
    texts = panel["time"].map(time.format)
    adopted = pd.Series(np.where(panel["cohort"] > 0, cohort, None), dtype=object)
    refused(name, panel.assign(time=texts, cohort=adopted), "cohort", cohort + "|quarter|year")
