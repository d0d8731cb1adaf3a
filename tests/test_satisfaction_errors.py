"""What no survey can be estimated from is refused: what was found, in which column, what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from survey_oracles import FRAMES

from haidian_eval.errors import ParameterError, TableError
from haidian_eval.satisfaction import (
    Design,
    Replicates,
    calibrate,
    chi_square,
    compare_waves,
    contrast,
    estimate,
    non_response,
    post_stratify,
    rake,
    trim,
)

Frame = pd.DataFrame
DESIGN = Design(strata="stratum", clusters="psu", weights="w", fpc="psus")
TWO_STAGE = Design(strata="stratum", clusters=("psu", "unit"), weights="w", fpc=("psus", "units"))
SECTOR = pd.Series({"A": 1750.0, "B": 1450.0, "C": 1200.0}).rename_axis("sector")
MOOD = pd.Series({"yes": 2000.0, "no": 2400.0}).rename_axis("mood")


def firms(**columns: Any) -> Frame:
    return FRAMES["firms"]().assign(**columns)


def changed(column: str, value: Any, row: int = 3) -> Frame:
    frame = firms()
    frame[column] = frame[column].astype(object if isinstance(value, str) else frame[column].dtype)
    frame.loc[row, column] = value
    return frame


def refused(call: Callable[[], Any], *parts: str) -> None:
    """The error names every one of `parts` (a part may offer several with |)."""
    with pytest.raises((ParameterError, TableError)) as caught:
        call()
    message = str(caught.value)
    assert len(message) > 25, message
    for part in parts:
        assert any(word.lower() in message.lower() for word in part.split("|")), (part, message)


def refused_estimate(frame: Frame, *parts: str, design: Design = DESIGN, **options: Any) -> None:
    refused(lambda: estimate(frame, design, options.pop("variable", "y"), **options), *parts)


# --- weights -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "words"),
    [(-1.0, "negative|below 0|less than 0"), (np.nan, "missing|blank|empty"),
     (np.inf, "infinite|finite"), (-np.inf, "infinite|finite|negative")],
)  # fmt: skip
def test_weight_that_is_no_weight_is_refused(value: float, words: str) -> None:
    refused_estimate(changed("w", value), "'w'", words)


def test_weights_that_sum_to_nothing_are_refused() -> None:
    refused_estimate(firms(w=0.0), "'w'", "sum|0|nothing")


def test_weights_of_text_are_refused() -> None:
    refused_estimate(firms(w="heavy"), "'w'", "number|numeric")


def test_a_unit_without_weight_is_not_asked_but_no_error() -> None:
    assert estimate(changed("w", 0.0), DESIGN, "y")["estimate"].notna().all()


# --- design columns ------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["strata", "clusters", "weights", "fpc"])
def test_column_of_the_design_that_is_not_there_is_named(role: str) -> None:
    right = {"strata": "stratum", "clusters": "psu", "weights": "w", "fpc": "psus"}
    wrong = right | {role: right[role] + "x"}
    near = "choose|did you mean|columns" if role != "weights" else "choose|columns"
    refused_estimate(firms(), f"{right[role]}x", near, design=Design(**wrong))


def test_near_name_is_suggested() -> None:
    refused_estimate(firms(), "did you mean 'stratum'", design=Design(strata="strata", weights="w"))


@pytest.mark.parametrize("column", ["stratum", "psu"])
def test_missing_stratum_or_cluster_is_refused(column: str) -> None:
    refused_estimate(changed(column, None), column, "missing|blank|empty|without")


def test_missing_count_of_units_is_refused() -> None:
    refused_estimate(changed("psus", np.nan), "psus", "missing|blank|empty|every row")


@pytest.mark.parametrize("count", [-4.0, 0.0])
def test_count_of_units_that_is_not_positive_is_refused(count: float) -> None:
    refused_estimate(firms(psus=count), "psus", "positive|above 0|0")


def test_count_of_units_below_the_sample_is_refused() -> None:
    frame = firms()
    frame.loc[frame["stratum"] == "g", "psus"] = 5.0  # six PSUs were taken
    refused_estimate(frame, "psus", "g", "5", "6")


def test_count_of_units_that_varies_in_a_stratum_is_refused() -> None:
    refused_estimate(changed("psus", 41.0), "psus", "e", "one|same|var|differ")


def test_count_below_the_sample_at_a_later_stage_is_refused() -> None:
    frame = FRAMES["two_stage"]()
    frame.loc[frame["psu"] == "q01", "units"] = 3.0  # four were taken
    refused_estimate(frame, "units", design=TWO_STAGE)


def test_clusters_that_cross_strata_need_nest() -> None:
    frame = FRAMES["two_stage"]()
    crossing = {"strata": "stratum", "clusters": "number", "weights": "w"}
    refused_estimate(frame, "number", "nest", design=Design(**crossing))
    assert len(estimate(frame, Design(**crossing, nest=True), "y")) == 1


def test_stratum_with_one_cluster_is_refused_with_the_ways_out() -> None:
    frame = FRAMES["lonely"]()
    lone = Design(strata="stratum", clusters="psu", weights="w")
    refused_estimate(frame, "b", "singleton|adjust", design=lone)


def test_unknown_policy_is_refused_at_once() -> None:
    refused(lambda: Design(strata="stratum", singleton="ignore"), "ignore", "adjust", "average")  # type: ignore[arg-type]


def test_column_that_stands_twice_is_refused() -> None:
    frame = firms()
    twice = pd.concat([frame, frame[["y"]]], axis=1)
    refused_estimate(twice, "'y'", "twice|duplicate|more than one|2")
    refused_estimate(pd.concat([frame, frame[["w"]]], axis=1), "'w'", "twice|duplicate|2")


def test_frame_without_rows_is_refused() -> None:
    refused_estimate(firms().iloc[:0], "row|empty")


# --- what is asked -------------------------------------------------------------------------------


def test_variable_that_is_not_there_is_named() -> None:
    refused_estimate(firms(), "overal", "did you mean 'overall'", variable="overal")


@pytest.mark.parametrize("kind", ["mean", "ratio", "quantile"])
def test_text_has_no_mean(kind: str) -> None:
    options = {"denominator": "staff"} if kind == "ratio" else {}
    refused_estimate(firms(), "sector", "number|numeric", variable="sector", kind=kind, **options)


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinite_answers_are_refused(value: float) -> None:
    refused_estimate(changed("y", value), "'y'", "infinite|finite")


@pytest.mark.parametrize("kind", ["mean", "total", "quantile"])
def test_question_that_nobody_answered_has_no_number(kind: str) -> None:
    found = estimate(firms(y=np.nan), DESIGN, "y", kind=kind).iloc[0]
    assert found["n"] == 0
    assert found[["estimate", "se", "low", "high"]].isna().all()


def test_unknown_kind_and_interval_list_the_known() -> None:
    refused_estimate(firms(), "medium", "mean", "quantile", kind="medium")
    refused_estimate(firms(), "walde", "wilson", "beta", interval="walde")


@pytest.mark.parametrize("interval", ["logit", "wilson", "beta"])
def test_interval_for_shares_is_refused_for_means(interval: str) -> None:
    refused_estimate(firms(), interval, "proportion|share", interval=interval)


@pytest.mark.parametrize("level", [0.0, 1.0, 95, -0.5, np.nan, "0.95"])
def test_level_outside_0_and_1_is_refused(level: Any) -> None:
    refused_estimate(firms(), "level", str(level), level=level)


@pytest.mark.parametrize("quantile", [0.0, 1.0, 50, -0.1, np.nan])
def test_quantile_outside_0_and_1_is_refused(quantile: float) -> None:
    refused_estimate(firms(), "quantile", kind="quantile", quantile=quantile)


def test_ratio_needs_its_denominator_and_nothing_else_does() -> None:
    refused_estimate(firms(), "denominator", kind="ratio")
    refused_estimate(firms(), "staf", "staff", kind="ratio", denominator="staf")
    refused_estimate(firms(), "denominator", "ratio", kind="mean", denominator="staff")


def test_ratio_of_a_variable_to_itself_is_one_or_refused() -> None:
    try:
        found = estimate(firms(), DESIGN, "y", kind="ratio", denominator="y").iloc[0]
    except ParameterError as error:
        assert "denominator" in str(error)
    else:
        assert (found["estimate"], found["se"]) == (1.0, pytest.approx(0.0, abs=1e-12))


@pytest.mark.parametrize("name", ["level", "variable", "estimate", "se", "n"])
def test_group_column_with_the_name_of_a_result_is_refused(name: str) -> None:
    """Two columns of one name: one of them would be read for the other."""
    refused_estimate(firms().rename(columns={"sector": name}), name, "rename", by=name)


def test_ratio_to_nothing_has_no_number() -> None:
    found = estimate(firms(staff=0.0), DESIGN, "y", kind="ratio", denominator="staff").iloc[0]
    assert found[["estimate", "se", "low", "high"]].isna().all()


def test_group_column_that_is_not_there_is_named() -> None:
    refused_estimate(firms(), "secto", "sector", by="secto")
    refused_estimate(firms(), "moods", "mood", by=["sector", "moods"])


@pytest.mark.parametrize("kind", ["mean", "total", "quantile", "ratio"])
def test_domain_with_nobody_who_answered_has_no_number(kind: str) -> None:
    frame = firms()
    frame.loc[frame["sector"] == "C", "y"] = np.nan
    options = {"denominator": "staff"} if kind == "ratio" else {}
    rows = estimate(frame, DESIGN, "y", kind=kind, by="sector", **options).set_index("sector")
    assert rows.loc[["A", "B"], "estimate"].notna().all()
    assert rows.loc["C", "n"] == 0
    assert rows.loc["C", ["estimate", "se", "low", "high"]].isna().all()


# --- replicates ----------------------------------------------------------------------------------


def test_replicate_columns_that_are_not_there_are_named() -> None:
    absent = Design(weights="w", replicates=("brr1", "brr9"))
    refused_estimate(FRAMES["paired"](), "brr9", design=absent)


def test_unknown_kind_of_replicates_is_refused() -> None:
    refused(lambda: Replicates(("brr1", "brr2"), kind="jacknife"), "jacknife", "jk1")
    refused(lambda: Design(weights="w", replicates="jk3"), "jk3", "jkn")


@pytest.mark.parametrize("fay", [1.0, -0.1, 2.0])
def test_fay_factor_outside_its_range_is_refused(fay: float) -> None:
    refused(lambda: Replicates(("fay1", "fay2"), kind="fay", fay=fay), "fay", str(fay))


def test_scales_of_another_number_than_columns_are_refused() -> None:
    refused(lambda: Replicates(("a", "b"), kind="jkn", rscales=(0.5,)), "rscales", "1", "2")


def test_jackknife_of_one_kind_for_strata_is_refused() -> None:
    """JK1 leaves out one unit of the whole: with strata that is JKn."""
    one = Design(strata="stratum", clusters="psu", weights="w", replicates="jk1")
    refused_estimate(firms(), "jk1", "jkn", design=one)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_replicate_weight_that_is_no_number_is_refused(value: float) -> None:
    frame = FRAMES["paired"]()
    frame.loc[4, "brr2"] = value
    columns = tuple(f"brr{i + 1}" for i in range(8))
    refused_estimate(frame, "brr2", design=Design(weights="w", replicates=columns))


@pytest.mark.parametrize("kind", ["mean", "quantile"])
def test_domain_that_a_replicate_lacks_has_no_error(
    kind: str, recwarn: pytest.WarningsRecorder
) -> None:
    """Half of the half samples leave out PSU a00: no number of theirs may be made up or dropped."""
    frame = FRAMES["paired"]().assign(here=lambda f: np.where(f["psu"] == "a00", "yes", "no"))
    columns = tuple(f"brr{i + 1}" for i in range(8))
    design = Design(weights="w", replicates=columns)
    found = estimate(frame, design, "y", kind=kind, by="here").set_index("here")
    assert found["estimate"].notna().all()
    assert found["se"].isna().to_dict() == {"no": False, "yes": True}
    assert [str(w.message) for w in recwarn if w.category is RuntimeWarning] == []


# --- calibration ---------------------------------------------------------------------------------


def test_level_that_nobody_in_the_sample_has_is_named() -> None:
    more = pd.concat([SECTOR, pd.Series({"D": 100.0})]).rename_axis("sector")
    refused(lambda: post_stratify(firms(), DESIGN, more), "sector", "D", "sample|nobody|no row")
    refused(lambda: rake(firms(), DESIGN, [more]), "sector", "D", "sample|nobody|no row")


def test_level_without_a_total_is_named() -> None:
    refused(lambda: post_stratify(firms(), DESIGN, SECTOR.drop("C")), "sector", "C", "total")
    refused(lambda: rake(firms(), DESIGN, [SECTOR.drop("C"), MOOD]), "sector", "C", "total")


def test_missing_level_in_the_sample_is_refused() -> None:
    refused(
        lambda: post_stratify(changed("sector", None), DESIGN, SECTOR), "sector", "missing|blank"
    )
    refused(lambda: rake(changed("mood", None), DESIGN, [SECTOR, MOOD]), "mood", "missing|blank")


def test_margins_that_sum_to_different_populations_are_refused() -> None:
    refused(lambda: rake(firms(), DESIGN, [SECTOR, MOOD + 50]), "sector", "mood", "4400", "4500")


@pytest.mark.parametrize("bad", [0.0, -5.0, np.nan, np.inf])
def test_total_that_is_no_count_is_refused(bad: float) -> None:
    wrong = SECTOR.where(SECTOR.index != "B", bad)
    refused(lambda: post_stratify(firms(), DESIGN, wrong), "sector", "B")
    refused(lambda: rake(firms(), DESIGN, [wrong]), "sector", "B")


def test_margin_without_a_column_name_is_refused() -> None:
    bare = pd.Series({"A": 1.0, "B": 2.0, "C": 3.0})
    refused(lambda: post_stratify(firms(), DESIGN, bare), "name|column")
    refused(lambda: rake(firms(), DESIGN, [bare]), "name|column")


def test_margin_of_a_column_that_is_not_there_is_named() -> None:
    refused(lambda: rake(firms(), DESIGN, [SECTOR.rename_axis("sectr")]), "sectr", "sector")
    refused(lambda: post_stratify(firms(), DESIGN, SECTOR.rename_axis("sectr")), "sectr")


def test_total_that_stands_twice_is_refused() -> None:
    twice = pd.concat([SECTOR, SECTOR[["A"]]]).rename_axis("sector")
    refused(lambda: post_stratify(firms(), DESIGN, twice), "sector", "A", "twice|duplicate|once|2")


def test_raking_without_margins_is_refused() -> None:
    refused(lambda: rake(firms(), DESIGN, []), "margin")


def test_margins_that_contradict_each_other_do_not_converge() -> None:
    """Everybody in A says yes and nobody else does, so A and yes must have equal totals."""
    frame = firms(mood=np.where(firms()["sector"] == "A", "yes", "no"))
    refused(lambda: rake(frame, DESIGN, [SECTOR, MOOD]), "converge|contradict|not meet|reach")


def test_calibration_to_unknown_columns_or_texts_is_refused() -> None:
    refused(lambda: calibrate(firms(), DESIGN, {"staf": 1e5}), "staf", "staff")
    refused(lambda: calibrate(firms(), DESIGN, {"sector": 1e5}), "sector", "number|numeric|Series")
    refused(lambda: calibrate(firms(), DESIGN, {}), "total")
    refused(lambda: calibrate(firms(), DESIGN, {"staff": np.nan}), "staff")


def test_calibration_with_missing_values_is_refused() -> None:
    refused(lambda: calibrate(firms(), DESIGN, {"part": 6e4}), "part", "missing|every row")


def test_unknown_method_of_calibration_is_refused() -> None:
    wrong: Any = "logitt"
    refused(lambda: calibrate(firms(), DESIGN, {"staff": 1e5}, method=wrong), "logitt", "linear")


def test_calibration_to_columns_that_repeat_each_other_is_refused() -> None:
    frame = firms(twice=lambda f: 2 * f["staff"])
    totals = {"staff": 130_000.0, "twice": 100_000.0}
    refused(lambda: calibrate(frame, DESIGN, totals), "twice|staff|repeat|rank|singular|depend")


def test_calibration_that_no_positive_weight_can_reach_is_refused() -> None:
    """Years run from 1 to 24, so 4,400 firms cannot have 200,000 of them."""
    totals = {"intercept": 4400.0, "years": 200_000.0}
    refused(lambda: calibrate(firms(), DESIGN, totals, method="raking"), "years|converge|reach")


@pytest.mark.parametrize(("low", "high"), [(60, 15), (np.nan, 60), (5000, 6000), (1, 2)])
def test_bounds_that_no_weights_keep_are_refused(low: float, high: float) -> None:
    """The weights have mean 33: bounds that leave it outside cannot keep their sum."""
    refused(lambda: trim(firms(), DESIGN, low, high), "low|high|bound|limit", str(low))


def test_response_that_is_not_yes_or_no_is_refused() -> None:
    frame = firms(responded=np.where(firms()["years"] > 5, 1.0, 0.0))
    call = non_response
    twos = frame.assign(responded=2.0)
    refused(lambda: call(twos, DESIGN, "responded", "size"), "responded", "0 or 1")
    refused(lambda: call(frame, DESIGN, "respond", "size"), "respond", "responded")
    refused(lambda: call(frame, DESIGN, "responded", "sizes"), "sizes", "size")
    missing = frame.assign(responded=frame["responded"].where(frame["years"] > 2))
    refused(lambda: call(missing, DESIGN, "responded", "size"), "responded", "missing|blank")


def test_cell_in_which_nobody_responded_is_named() -> None:
    frame = firms(responded=np.where(firms()["size"] == "middle", 0.0, 1.0))
    refused(
        lambda: non_response(frame, DESIGN, "responded", "size"),
        "middle",
        "size",
        "merge|join|wider",
    )


# --- comparisons ---------------------------------------------------------------------------------


def test_coefficients_of_unknown_names_are_refused() -> None:
    refused(lambda: contrast(firms(), DESIGN, "y", {"A": 1, "E": -1}, by="sector"), "E", "A")
    both = {"speed": 1, "cla": -1}
    refused(lambda: contrast(firms(), DESIGN, ["speed", "clarity"], both), "cla", "clarity")
    refused(lambda: contrast(firms(), DESIGN, "y", {}, by="sector"), "coefficient")


def test_coefficient_that_is_no_number_is_refused() -> None:
    refused(lambda: contrast(firms(), DESIGN, "y", {"A": np.nan, "B": 1}, by="sector"), "A")


def test_table_with_one_row_or_unknown_columns_is_refused() -> None:
    refused(lambda: chi_square(firms(mood="yes"), DESIGN, "mood", "sector"), "mood", "level|one")
    refused(lambda: chi_square(firms(), DESIGN, "moot", "sector"), "moot", "mood")
    refused(lambda: chi_square(firms(), DESIGN, "mood", "mood"), "mood")


def waves(**after: Any) -> tuple[Frame, Frame]:
    frame = firms(scheme_version="s1", weighting_version="w1")
    return frame, frame.assign(**after)


@pytest.mark.parametrize("column", ["scheme_version", "weighting_version"])
def test_waves_of_different_versions_are_not_compared(column: str) -> None:
    before, after = waves(**{column: "v2"})
    refused(lambda: compare_waves(before, after, DESIGN, "y"), column, "v2")


def test_wave_of_two_versions_is_not_compared() -> None:
    before, after = waves(scheme_version=np.where(firms()["years"] > 9, "s1", "s2"))
    refused(lambda: compare_waves(before, after, DESIGN, "y"), "scheme_version", "s2")


def test_wave_without_its_version_is_not_compared() -> None:
    before, after = waves()
    refused(
        lambda: compare_waves(before, after.drop(columns="scheme_version"), DESIGN, "y"),
        "scheme_version",
    )


def test_wave_without_the_variable_is_named() -> None:
    before, after = waves()
    refused(lambda: compare_waves(before, after.drop(columns="y"), DESIGN, "y"), "y")
    refused(lambda: compare_waves(before, after, DESIGN, "y", overlap="firm"), "firm")
