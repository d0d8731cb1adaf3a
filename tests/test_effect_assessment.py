"""One panel, one plan: the evidence, what speaks against it, and the verdict by the rule."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import cache
from math import nan, sqrt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student
from study_runs import ROOT

from haidian_eval.effect.assessment import assess
from haidian_eval.effect.credibility import (
    by_parks,
    leave_one_out,
    minimum_detectable_effect,
    placebo_in_space,
    placebo_in_time,
)
from haidian_eval.effect.estimate import Estimate, Test, estimated
from haidian_eval.effect.one_date import adopts_at_one_date, mean_series, stand_in
from haidian_eval.effect.reading import panel_of, scaled
from haidian_eval.effect.size import TESTS, noise_of, null_size
from haidian_eval.effect.verdict import Evidence, decide, post_hoc
from haidian_eval.errors import ParameterError
from haidian_eval.params import Effect, Outcome, PanelChoice, Registered, load_params
from haidian_eval.params.examples import Cohort
from haidian_eval.synthetic import park_panel

CLOSE = 1e-9  # least squares in plain loops against sums by kind: rounding alone differs

PARAMS = load_params(ROOT / "data" / "raw" / "2024")
PLAN = PARAMS.effect.model_copy(update={"null_panels": 2, "null_draws": 19, "draws": 199})
RULE = PLAN.verdict
REVENUE = PLAN.primary


def plan(**changes: Any) -> Effect:
    """The plan with other parameters and without exploratory outcomes, which decide nothing."""
    return PLAN.model_copy(update={"exploratory": ()} | changes)


def ruled(**changes: Any) -> Effect:
    """The plan with another rule."""
    return plan(verdict=RULE.model_copy(update=changes))


def cohorts(**parks: int) -> tuple[Cohort, ...]:
    """`Y2023Q1=3`: three parks adopt in 2023Q1."""
    return tuple(Cohort(adopted_in=name[1:], parks=count) for name, count in parks.items())


@cache
def made(seed: int = 1, **changes: Any) -> pd.DataFrame:
    """A park panel without gaps; whoever changes it takes a copy."""
    assert PARAMS.synthetic.panel is not None
    whole = {"missing_share": 0.0, "missing_quarters": ()} | changes
    chosen = PanelChoice.model_validate(PARAMS.synthetic.panel.model_dump() | {
        name: [one.model_dump() for one in value] if name == "cohorts" else value
        for name, value in whole.items()})  # fmt: skip
    return park_panel(chosen, seed).panel


def one_date(**changes: Any) -> pd.DataFrame:
    return made(cohorts=cohorts(Y2023Q1=14), tracked=14, **changes)


def small(seed: int = 4) -> pd.DataFrame:
    """Eight parks of two firms over eight quarters; four adopt in two steps."""
    return made(seed, parks=8, firms_per_park=2, quarters=8, tracked=4,
                cohorts=cohorts(Y2022Q4=2, Y2023Q2=2))  # fmt: skip


def changed(frame: pd.DataFrame, rows: Any, column: str, value: Any) -> pd.DataFrame:
    own = frame.copy()
    own.loc[rows, column] = value
    return own


def renamed_periods(frame: pd.DataFrame, write: Callable[[int], Any]) -> pd.DataFrame:
    """The same panel with its periods, in order, written by `write`."""
    names = {old: write(at) for at, old in enumerate(sorted(frame["period"].unique()))}
    columns = ("period", "adopted_in", "tracked_in")
    return frame.assign(**{c: frame[c].astype(object).map(names) for c in columns})


def met(found: Any) -> pd.Series:
    return found.verdict.conditions.set_index("condition")["met"]


def guess(value: float, se: float = 0.01) -> Estimate:
    return estimated(value, se, n=100, clusters=14, df=13.0, rule="made up")


def evidence(value: float = 0.1, se: float = 0.01, **changes: Any) -> Evidence:
    """Evidence that meets every condition, but for `changes`."""
    own = Evidence(
        treated=7, others=7, estimate=guess(value, se),
        tests={"jackknife": 0.001, "wild": 0.001, "randomisation": 0.001},
        pretrend=Test(1.0, 0.8, power=0.9), placebo=guess(0.001), unmoved=guess(0.001),
        left_out=0.9 * value, detectable=0.028, breakdown=0.8,
    )  # fmt: skip
    return replace(own, **changes)


NO_TEST = {"jackknife": 0.3, "wild": 0.3, "randomisation": 0.3}


def test_everything_met_is_effective() -> None:
    assert decide(evidence(), RULE).key == "effective"


@pytest.mark.parametrize(
    "less",
    [
        {"treated": 3}, {"others": 3}, {"placebo": None}, {"placebo": guess(0.1)},
        {"pretrend": Test(9.0, 0.01, power=0.9)}, {"pretrend": Test(nan, nan)},
    ],
)  # fmt: skip
def test_without_ground_the_verdict_is_insufficient_however_large_the_effect(less: Any) -> None:
    assert decide(evidence(**less), RULE).key == "insufficient"


@pytest.mark.parametrize(
    "less",
    [
        {"left_out": 0.04}, {"breakdown": 0.4}, {"estimate": guess(0.029, 0.001)},
    ],
)  # fmt: skip
def test_one_further_condition_unmet_is_partly(less: Any) -> None:
    assert decide(evidence(**less), RULE).key == "partly"


def test_one_test_that_does_not_reject_is_insufficient() -> None:
    tests = {"jackknife": 0.001, "wild": 0.051, "randomisation": 0.001}
    assert decide(evidence(tests=tests), RULE).key == "insufficient"


def test_not_significant_is_no_effect_only_where_a_worthwhile_one_would_have_been_found() -> None:
    # high = 0.001 + t(0.975; 13) x 0.01 = 0.001 + 2.160 x 0.01 = 0.0226 < 0.03
    seen = decide(evidence(0.001, tests=NO_TEST), RULE)
    blind = decide(evidence(0.001, tests=NO_TEST, detectable=0.031), RULE)
    wide = decide(evidence(0.02, tests=NO_TEST), RULE)  # high = 0.0416
    assert (seen.key, blind.key, wide.key) == ("no_effect", "insufficient", "insufficient")


def test_an_effect_whose_negative_control_moved_too_is_not_partly_effective() -> None:
    """what moves employees as well is not this policy."""
    assert decide(evidence(unmoved=guess(0.1)), RULE).key == "insufficient"


def test_a_pretrend_test_that_could_see_nothing_is_no_ground() -> None:
    """its p of 0.3 is "not significant", never "no trend"."""
    assert decide(evidence(pretrend=Test(1.0, 0.3, power=0.06)), RULE).key == "insufficient"


def test_harm_that_all_tests_see_has_no_word_of_its_own_and_its_sign_is_told() -> None:
    """Of the four verdicts 未见成效 comes nearest; the page says that the direction is opposite."""
    found = decide(evidence(-0.1), RULE)
    assert found.key == "no_effect"
    assert not found.conditions.set_index("condition").loc["sign", "met"]


def test_an_effect_against_what_is_wanted_is_never_partly() -> None:
    assert decide(evidence(-0.1), RULE).key not in ("effective", "partly")


def test_a_condition_that_could_not_be_seen_is_missing_and_not_met() -> None:
    found = decide(evidence(placebo=None), RULE).conditions.set_index("condition")
    assert found.loc["placebo", "met"] is pd.NA


@pytest.mark.parametrize("blind", ["jackknife", "wild", "randomisation"])
def test_a_named_test_without_p_is_not_met_wherever_it_stands(blind: str) -> None:
    found = decide(evidence(tests=evidence().tests | {blind: nan}), RULE)
    assert found.key == "insufficient"


def test_a_named_test_that_could_not_be_had_is_not_met() -> None:
    rule = RULE.model_copy(update={"tests": ("wild", "cr2")})
    assert decide(evidence(tests={"wild": 0.001, "cr2": None}), rule).key == "insufficient"


def test_an_effect_of_exactly_zero_has_a_verdict() -> None:
    found = decide(evidence(0.0, tests=NO_TEST, left_out=-0.01), RULE)
    assert found.key == "no_effect"


def test_a_precise_effect_too_small_to_be_worth_having_is_not_partly_effective() -> None:
    """the interval, 0.0016 to 0.0024, excludes 0.03 whatever p is."""
    assert decide(evidence(0.002, 0.0002), RULE).key == "no_effect"


def test_a_significant_effect_that_vanishes_without_one_park_is_not_partly_effective() -> None:
    """of one park's luck no part is the policy's."""
    assert decide(evidence(left_out=-0.02), RULE).key == "insufficient"


def test_a_plan_fixed_after_outcomes_could_be_seen_is_late() -> None:
    params = plan(exploratory=PLAN.exploratory)  # the registered plan itself
    day = date.fromisoformat(params.planned_on)
    assert post_hoc(params, date(day.year, day.month, day.day + 1)) == ""
    assert post_hoc(params, day) == "late"


def test_a_changed_rule_is_a_changed_plan() -> None:
    assert post_hoc(ruled(worthwhile=0.01), date(2030, 1, 1)) == "changed"


def test_numbered_periods_do_not_hide_a_late_plan() -> None:
    """Whole numbers (year x 4 + quarter - 1) are periods that the panel accepts."""
    late = Registered(on=date(2029, 1, 1), checksum=PLAN.plan)
    rows = renamed_periods(small(), lambda at: 2022 * 4 + at)
    assert assess(rows, PLAN.model_copy(update={"registered": late})).late == "late"


FEW = {"firms_per_park": 4, "growth": 0.0, "rd_effect": 0.0}


def verdicts(panels: int, **changes: Any) -> list[str]:
    params = plan(draws=99, null_panels=1)
    return [assess(made(100 + at, **FEW | changes), params).verdict.key for at in range(panels)]


def test_noise_is_never_effective() -> None:
    """Of 300 panels without effect none was effective and three were partly."""
    found = verdicts(12, effect=0.0)
    assert found.count("effective") == 0
    assert found.count("partly") <= 2


def test_a_large_effect_is_mostly_seen() -> None:
    found = verdicts(6, effect=0.2, largest=0.2)
    assert found.count("effective") + found.count("partly") >= 3
    assert "no_effect" not in found


def test_growth_that_adopters_have_anyway_is_not_effective() -> None:
    """A pre-trend of 0.01 a quarter: of 150 panels none was effective, 53 % were partly."""
    assert "effective" not in verdicts(5, effect=0.0, pre_trend=0.01)


def test_one_park_that_jumps_is_not_effective() -> None:
    rows = made(7, **FEW, effect=0.0)
    jump = (rows["park_id"] == "SYN-PARK03") & (rows["period"] >= "2023Q1")
    value = rows["revenue_fen"].where(~jump, (rows["revenue_fen"] * 1.65).round().astype("Int64"))
    found = assess(rows.assign(revenue_fen=value), plan())
    assert not met(found)["left_out"]
    assert found.verdict.key == "insufficient"


def test_two_adopters_are_insufficient_however_large_the_effect() -> None:
    rows = made(cohorts=cohorts(Y2023Q1=2), tracked=2, effect=0.5, largest=0.5)
    found = assess(rows, plan())
    assert (found.verdict.key, met(found)["treated"]) == ("insufficient", False)


def test_parks_treated_from_the_first_quarter_on_do_not_count_as_adopters() -> None:
    """Nothing of theirs can be imputed: two parks carry the whole effect, and four are asked."""
    rows = made(parks=12, cohorts=cohorts(Y2022Q1=3, Y2023Q1=2), tracked=5, effect=0.1)
    found = assess(rows, plan())
    assert found.effects.headline.dropped == 3 * 15
    assert not met(found)["treated"]


def test_outcomes_meant_to_fall_are_judged_by_their_fall() -> None:
    fall = Outcome(column="revenue_fen", scale="log", wanted="fall")
    rise, against = assess(made(), plan()), assess(made(), plan(primary=fall))
    assert against.effects.headline.value == pytest.approx(-rise.effects.headline.value)
    assert against.verdict.key not in ("effective", "partly")


def imputed_by_loops(frame: pd.DataFrame) -> float:
    """Mean of treated rows less unit and period effects, which untreated rows alone decide."""
    treated = frame["adopted_in"].notna() & (frame["period"] >= frame["adopted_in"].fillna("9"))
    y = np.log(frame["revenue_fen"].astype("float64"))
    dummies = pd.get_dummies(frame[["unit_id", "period"]], dtype=float)
    slopes = np.linalg.lstsq(dummies[~treated].to_numpy(), y[~treated].to_numpy(), rcond=None)[0]
    return float((y - dummies.to_numpy() @ slopes)[treated].mean())


def without(frame: pd.DataFrame, park: str) -> pd.DataFrame:
    return frame[frame["park_id"] != park]


def test_left_out_parks_are_those_of_a_plain_loop() -> None:
    rows = small()
    actual = leave_one_out(panel_of(rows, REVENUE)).set_index("cluster")
    expected = {park: imputed_by_loops(without(rows, park)) for park in rows["park_id"].unique()}
    assert actual["value"].to_dict() == pytest.approx(expected, rel=0, abs=CLOSE)
    adopting = set(rows.loc[rows["adopted_in"].notna(), "park_id"])
    assert set(actual.index[actual["treated"]]) == adopting


def test_the_jackknife_is_that_of_a_plain_loop() -> None:
    rows = small()
    each = [imputed_by_loops(without(rows, park)) for park in rows["park_id"].unique()]
    se = sqrt((8 - 1) / 8 * sum((one - sum(each) / 8) ** 2 for one in each))
    actual = by_parks(panel_of(rows, REVENUE))
    assert actual.value == pytest.approx(imputed_by_loops(rows), abs=CLOSE)
    assert actual.se == pytest.approx(se, abs=CLOSE)
    assert actual.high == pytest.approx(actual.value + student.ppf(0.975, 7) * se, abs=CLOSE)


def test_the_placebo_in_time_sees_no_treated_row() -> None:
    """Adoption two quarters early in the rows before adoption, by hand."""
    rows = small()
    early = {"2022Q4": "2022Q2", "2023Q2": "2022Q4"}
    before = rows[rows["adopted_in"].isna() | (rows["period"] < rows["adopted_in"].fillna("9"))]
    fake = before.assign(adopted_in=before["adopted_in"].map(early))
    actual = placebo_in_time(panel_of(rows, REVENUE), 2)
    assert actual.value == pytest.approx(imputed_by_loops(fake), abs=CLOSE)
    jumps = changed(rows, rows.index.difference(before.index), "revenue_fen", 10**9)
    assert placebo_in_time(panel_of(jumps, REVENUE), 2).value == pytest.approx(actual.value)


def test_a_placebo_earlier_than_the_panel_is_refused() -> None:
    with pytest.raises(ParameterError, match="before adoption"):
        placebo_in_time(panel_of(small(), REVENUE), 30)


def test_the_smallest_detectable_effect_is_two_quantiles_of_t() -> None:
    # t(0.975; 13) + t(0.8; 13) = 2.160369 + 0.870152 = 3.030520
    assert minimum_detectable_effect(guess(0.1, 0.02)) == pytest.approx(0.0606104, abs=1e-7)
    # t(0.95; 13) + t(0.9; 13) = 1.770933 + 1.350171
    found = minimum_detectable_effect(guess(0.1, 0.02), power=0.9, significance=0.1)
    assert found == pytest.approx(0.0624221, abs=1e-7)


def test_placebos_in_space_are_two_way_effects_of_exchanged_adoption() -> None:
    """Every one of them is among the effects of all assignments, by least squares."""
    rows = made(5, parks=4, firms_per_park=2, quarters=5, tracked=2, cohorts=cohorts(Y2022Q3=2))
    y = np.log(rows["revenue_fen"].astype("float64"))
    parks = sorted(rows["park_id"].unique())
    possible = []
    for one in range(4):
        for two in range(one + 1, 4):
            chosen = rows["park_id"].isin([parks[one], parks[two]])
            on = (chosen & (rows["period"] >= "2022Q3")).astype(float).rename("on")
            x = pd.get_dummies(rows[["unit_id", "period"]], dtype=float).join(on)
            possible.append(np.linalg.lstsq(x.to_numpy(), y.to_numpy(), rcond=None)[0][-1])
    actual = placebo_in_space(panel_of(rows, REVENUE), draws=50, seed=1)
    apart = np.abs(actual[:, None] - np.array(possible)).min(axis=1)
    assert apart.max() < CLOSE


def test_the_mean_series_of_a_whole_panel_is_the_mean_by_period() -> None:
    rows = one_date()
    own = np.log(rows["revenue_fen"].astype("float64")).groupby(rows["period"]).mean()
    actual = mean_series(panel_of(rows, REVENUE)).set_index("period")["value"]
    np.testing.assert_allclose(actual, own.reindex(actual.index), atol=CLOSE)


def test_firms_that_enter_after_the_date_do_not_shrink_the_break_of_the_mean_series() -> None:
    """All firms jump by 0.1 at one date; half of them are seen from it on alone."""
    rows = one_date()
    value = np.round(1e9 * np.exp(0.1 * (rows["period"] >= "2023Q1"))).astype("int64")
    late = pd.factorize(rows["unit_id"])[0] % 2 == 1
    seen = rows.assign(revenue_fen=value)[~late | (rows["period"] >= "2023Q1")]
    series = mean_series(panel_of(seen, REVENUE)).set_index("period")["value"]
    assert series["2023Q1"] - series["2022Q4"] == pytest.approx(0.1, abs=1e-6)


NOISY = {"park_sd": 0.05, "park_rho": 0.8, "effect": 0.0, "growth": 0.0, "rd_effect": 0.0}


def mean_noise(**changes: Any) -> dict[str, float]:
    found = [noise_of(panel_of(made(seed, **NOISY | changes), REVENUE)) for seed in range(8)]
    names = ("shared_sd", "shared_rho", "own_sd", "own_rho")
    return {name: float(np.mean([getattr(one, name) for one in found])) for name in names}


def test_noise_of_long_panels_of_many_parks_is_what_was_planted() -> None:
    found = mean_noise(parks=40, firms_per_park=8, quarters=40, park_sd=0.03, park_rho=0.4)
    planted = {"shared_sd": 0.03, "shared_rho": 0.4, "own_sd": 0.08, "own_rho": 0.5}
    assert found == pytest.approx(planted, rel=0.15)


def test_noise_of_a_panel_as_short_as_ours_is_what_was_planted() -> None:
    found = mean_noise()
    assert found["shared_rho"] == pytest.approx(0.8, abs=0.12)  # of 12 quarters
    assert found["shared_sd"] == pytest.approx(0.05, rel=0.2)


def test_an_effect_that_grows_is_not_counted_as_noise() -> None:
    own = {"park_sd": 0.015, "park_rho": 0.4}
    still = mean_noise(**own)
    growing = mean_noise(**own, effect=0.1, growth=0.02, largest=0.4)
    assert growing["shared_rho"] == pytest.approx(still["shared_rho"], abs=0.1)
    assert growing["shared_sd"] == pytest.approx(still["shared_sd"], rel=0.2)


def test_sizes_are_the_same_for_a_seed_and_differ_between_seeds() -> None:
    panel = panel_of(small(), REVENUE)
    first, again, other = (null_size(panel, panels=60, draws=39, seed=s) for s in (3, 3, 4))
    pd.testing.assert_frame_equal(first.frame, again.frame)
    assert list(first.frame["test"]) == list(TESTS)
    assert not first.frame["rejected"].equals(other.frame["rejected"])


def test_sizes_do_not_hang_on_the_order_of_rows() -> None:
    rows = small()
    mixed = rows.sample(frac=1, random_state=9)
    one, two = (null_size(panel_of(own, REVENUE), panels=20, draws=39, seed=1)
                for own in (rows, mixed))  # fmt: skip
    pd.testing.assert_frame_equal(one.frame, two.frame)


def numbers_of(found: Any) -> dict[str, Any]:
    effects, doubts = found.effects, found.doubts
    return {
        "conditions": found.verdict.conditions["found"].to_numpy(),
        "estimates": effects.estimates[["value", "se", "p"]].to_numpy(),
        "variations": effects.variations[["value", "se", "p"]].to_numpy(),
        "dynamics": effects.dynamics.by.to_numpy(dtype=float),
        "magnitudes": doubts.magnitudes.to_numpy(),
        "placebos": doubts.placebos,
        "sizes": doubts.sizes.frame["rejected"].to_numpy(),
    }


def test_nothing_hangs_on_the_order_of_rows() -> None:
    rows = made(2, effect=0.02)
    first, mixed = (numbers_of(assess(own, PLAN))
                    for own in (rows, rows.sample(frac=1, random_state=3)))  # fmt: skip
    for name, values in first.items():
        np.testing.assert_allclose(mixed[name], values, rtol=0, atol=1e-12, err_msg=name)


def test_what_is_not_drawn_does_not_hang_on_names_of_parks() -> None:
    rows = made(2, effect=0.02)
    parks = sorted(rows["park_id"].unique())
    names = dict(zip(parks, reversed(parks), strict=True))
    first, other = (assess(own, plan()) for own in
                    (rows, rows.assign(park_id=rows["park_id"].map(names))))  # fmt: skip
    drawn = ["tests"]
    one, two = (a.verdict.conditions.set_index("condition")["found"].drop(drawn)
                for a in (first, other))  # fmt: skip
    np.testing.assert_allclose(one, two, atol=CLOSE)
    wild = [a.doubts.tests["wild"].p for a in (first, other)]
    assert wild[0] == pytest.approx(wild[1], abs=0.1)  # 199 draws: 3 sqrt(1/4 / 199)


def refused(rows: pd.DataFrame, params: Effect, *parts: str) -> None:
    """The error names every part, and nothing that a user never wrote."""
    with pytest.raises(ParameterError) as caught:
        assess(rows, params)
    message = str(caught.value)
    for part in parts:
        assert any(one in message for one in part.split("|")), (part, message)
    assert "_outcome" not in message, message


def test_an_outcome_that_the_panel_has_not_is_named() -> None:
    refused(made(), plan(primary=Outcome(column="profit")), "profit")


def test_an_unknown_policy_is_named_beside_those_there_are() -> None:
    refused(made(), plan(policy="SYN-P99"), "SYN-P99", "SYN-P01")


def test_an_unknown_policy_is_named_also_where_parks_under_none_have_rows() -> None:
    rows = made()
    refused(changed(rows, rows["adopted_in"].isna(), "policy_id", None), plan(policy="SYN-P99"),
            "SYN-P99", "SYN-P01")  # fmt: skip


def test_an_outcome_without_a_logarithm_anywhere_is_named_as_the_user_wrote_it() -> None:
    refused(made().assign(revenue_fen=0), plan(), "revenue_fen")


@pytest.mark.parametrize("role", ["primary", "exploratory", "unmoved"])
def test_an_outcome_of_text_is_refused(role: str) -> None:
    text = Outcome(column="industry_code")
    refused(made(), plan(**{role: (text,) if role == "exploratory" else text}), "industry_code")


@pytest.mark.parametrize("role", ["exploratory", "unmoved"])
def test_a_planned_outcome_that_the_panel_has_not_is_refused(role: str) -> None:
    """A misspelt name would else take a condition, or a hypothesis, out of the plan unseen."""
    absent = Outcome(column="employes")
    refused(made(), plan(**{role: (absent,) if role == "exploratory" else absent}), "employes")


def test_zeros_and_negative_values_are_counted_where_logarithms_are_asked() -> None:
    rows = made()
    for value in (0, -5):
        found = assess(changed(rows, rows.index[:40], "revenue_fen", value), plan())
        assert found.zeros == 40
        assert found.panel.n == len(rows) - 40


def test_a_fall_in_logarithms_is_the_negative_of_a_rise() -> None:
    rows = pd.DataFrame({"x": [1.0, np.e, 0.0]})
    rise, fall = (
        scaled(rows, Outcome(column="x", scale="log", wanted=w)) for w in ("rise", "fall")
    )
    np.testing.assert_allclose(rise, [0, 1, np.nan])
    np.testing.assert_allclose(fall, [0, -1, np.nan])


@pytest.mark.parametrize("lost", ["SYN-PARK02", "SYN-PARK12"])
def test_a_park_without_outcomes_is_out(lost: str) -> None:
    rows = made()
    found = assess(changed(rows, rows["park_id"] == lost, "revenue_fen", pd.NA), plan())
    gone = assess(rows[rows["park_id"] != lost], plan())
    assert found.effects.headline.value == pytest.approx(gone.effects.headline.value, abs=CLOSE)
    assert lost not in found.panel.clusters


def test_nobody_treated_and_all_at_one_date_are_refused_with_reasons() -> None:
    refused(made().assign(adopted_in=None), plan(), "no unit is treated")
    refused(one_date(), plan(), "same period (2023Q1)")


def test_a_firm_in_two_parks_and_a_firm_twice_are_refused() -> None:
    rows = made()
    moved = (rows["unit_id"] == "SYN-ENT0001") & (rows["period"] >= "2023Q4")
    refused(changed(rows, moved, "park_id", "SYN-PARK02"), plan(), "SYN-ENT0001", "two")
    refused(pd.concat([rows, rows.iloc[:3]]), plan(), "more than one row")


def test_firms_of_a_park_that_adopt_at_different_times_are_refused() -> None:
    rows = changed(made(), made()["unit_id"] == "SYN-ENT0020", "adopted_in", "2024Q1")
    refused(rows, plan(), "SYN-PARK02", "different times")


@pytest.mark.parametrize("write", [
    lambda at: f"{2022 + at // 12}-{at % 12 + 1:02d}", lambda at: 8088 + at,
    lambda at: f"{2018 + at // 2}H{at % 2 + 1}",
], ids=["months", "numbers", "halves"])  # fmt: skip
def test_periods_of_all_kinds_give_the_same_effect(write: Callable[[int], Any]) -> None:
    expected = assess(made(), plan()).effects.headline.value
    actual = assess(renamed_periods(made(), write), plan()).effects.headline.value
    assert actual == pytest.approx(expected, abs=CLOSE)


@pytest.mark.parametrize("parks", [1, 3])
def test_parks_that_adopted_before_the_panel_begins_do_not_stop_the_assessment(parks: int) -> None:
    early = [f"SYN-PARK{at:02d}" for at in range(1, parks + 1)]
    rows = changed(made(), made()["park_id"].isin(early), "adopted_in", "2021Q3")
    assert np.isfinite(assess(rows, plan()).effects.headline.value)


def test_a_first_quarter_of_treatment_that_nobody_reported_does_not_stop_it() -> None:
    rows = made()
    found = assess(rows[rows["period"] != "2022Q2"], plan())
    assert np.isfinite(found.effects.headline.value)


def test_parks_that_each_adopt_at_a_date_of_their_own_have_a_verdict() -> None:
    """The commonest roll-out: one park a quarter. Its imputed effect and its tests all exist."""
    dates = ("Y2022Q3", "Y2022Q4", "Y2023Q1", "Y2023Q2", "Y2023Q3", "Y2023Q4", "Y2024Q1")
    rows = made(cohorts=cohorts(**dict.fromkeys(dates, 1)), tracked=7, effect=0.1)
    assert assess(rows, plan()).effects.headline.value == pytest.approx(0.1, abs=0.05)


@pytest.mark.parametrize(
    "few",
    [
        {"parks": 8, "cohorts": cohorts(Y2023Q1=3, Y2023Q3=4), "tracked": 7},
        {"parks": 8, "cohorts": cohorts(Y2023Q1=7), "tracked": 7},
        {"parks": 8, "cohorts": cohorts(Y2023Q1=1), "tracked": 1},
    ],
    ids=["one other park, two dates", "one other park", "one adopter"],
)  # fmt: skip
def test_one_park_on_a_side_is_insufficient_or_refused_in_words_of_the_panel(few: Any) -> None:
    """The rule has the conditions treated and others; algebra is no answer to a commissioner."""
    try:
        assert assess(made(**few), plan()).verdict.key == "insufficient"
    except ParameterError as error:
        assert "park" in str(error), error


@pytest.mark.parametrize("window", [(4, -4), (0, 4), (20, 30), (-4, -1), (-1, 1)])
def test_a_window_without_both_sides_is_refused_by_its_name(window: tuple[int, int]) -> None:
    refused(made(), plan(window=window), "window")


@pytest.mark.parametrize("quarters", [4, 5])
def test_a_panel_too_short_for_a_placebo_is_insufficient(quarters: int) -> None:
    found = assess(made(quarters=quarters, cohorts=cohorts(Y2022Q3=7)), plan())
    assert (found.verdict.key, found.doubts.placebo) == ("insufficient", None)


@pytest.mark.parametrize("choice", [
    {"firms_per_park": 1}, {"cohorts": cohorts(Y2024Q4=7)}, {"missing_share": 0.5},
    {"parks": 7, "cohorts": cohorts(Y2023Q1=3, Y2023Q3=4), "tracked": 7},
], ids=["one firm a park", "last quarter", "half blank", "none never treated"])  # fmt: skip
def test_thin_panels_are_judged(choice: Any) -> None:
    found = assess(made(**choice), plan())
    assert found.verdict.key in ("effective", "partly", "insufficient")
    assert np.isfinite(found.effects.headline.se)


def test_the_example_panel_is_judged_without_a_warning() -> None:
    assert PARAMS.synthetic.panel is not None
    rows = park_panel(PARAMS.synthetic.panel, PARAMS.synthetic.seed).panel  # with its gaps
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        assess(rows, plan())


def test_holm_counts_every_exploratory_outcome() -> None:
    found = assess(made(), PLAN).effects.exploratory.sort_values("p")
    steps = found["p"].to_numpy() * np.arange(len(found), 0, -1)
    expected = np.minimum(np.maximum.accumulate(steps), 1)
    np.testing.assert_allclose(found["holm"], expected)


def test_holm_counts_a_planned_outcome_that_never_moved() -> None:
    found = assess(made().assign(patents=3), PLAN).effects.exploratory.set_index("outcome")
    assert found["holm"].min() == pytest.approx(4 * found["p"].min())


def test_holm_counts_a_planned_outcome_that_cannot_be_estimated() -> None:
    """Four are planned, three can be had: the smallest p is still taken times four."""
    found = assess(made().assign(patents=float("nan")), PLAN).effects.exploratory
    assert len(found) == 3
    assert found["holm"].min() == pytest.approx(4 * found["p"].min())


def test_exploratory_outcomes_never_decide() -> None:
    assert (assess(made(), PLAN).verdict.key, len(met(assess(made(), PLAN)))) == (
        assess(made(), plan()).verdict.key, len(met(assess(made(), plan()))))  # fmt: skip


def test_an_outcome_that_should_not_move_and_cannot_be_estimated_is_an_unmet_condition() -> None:
    found = assess(made().assign(employees=pd.NA), plan())
    assert "unmoved" in met(found).index
    assert found.verdict.key != "effective"


def test_a_constant_outcome_did_not_move_significantly() -> None:
    found = assess(made().assign(employees=5), plan()).effects.unmoved
    assert found is not None
    assert not found.p < 0.5  # rounding errors have no significance


def test_one_date_is_told_from_several_and_from_some_parks() -> None:
    assert adopts_at_one_date(one_date(), plan())
    assert not adopts_at_one_date(made(), plan())
    assert not adopts_at_one_date(made(cohorts=cohorts(Y2023Q1=7)), plan())
    assert not adopts_at_one_date(made().assign(adopted_in=None), plan())


def test_a_stand_in_shows_series_and_eligible_against_others() -> None:
    found = stand_in(one_date(), plan(), "all adopt at once")
    assert found.adopted == "2023Q1"
    assert list(found.estimates["estimator"]) == ["interrupted_series", "eligible"]
    assert len(found.series) == 12


def test_a_stand_in_is_refused_where_parks_can_be_compared() -> None:
    """With others left to compare with, a break of the mean of all is no estimate of anything."""
    for rows in (made(), made().assign(adopted_in=None)):
        with pytest.raises(ParameterError):
            stand_in(rows, plan(), "")


def test_a_single_park_has_its_interrupted_series() -> None:
    rows = made(parks=1, cohorts=cohorts(Y2023Q1=1), tracked=1)
    assert list(stand_in(rows, plan(), "").estimates["estimator"])[:1] == ["interrupted_series"]


def test_who_is_not_said_to_be_eligible_is_not_taken_as_not_eligible() -> None:
    rows = one_date()
    unknown = rows["unit_id"].isin(rows["unit_id"].unique()[::3])
    both = (changed(rows, unknown, "eligible", None), rows[~unknown])
    tables = [stand_in(own, plan(), "").estimates.set_index("estimator") for own in both]
    blank, gone = (table["value"]["eligible"] for table in tables)
    assert blank == pytest.approx(gone, abs=CLOSE)


@pytest.mark.parametrize("write", [
    lambda at: 8 + at, lambda at: f"{2022 + (at + 5) // 12}-{(at + 5) % 12 + 1}",
], ids=["numbers of one and two digits", "months of one and two digits"])  # fmt: skip
def test_periods_are_compared_as_periods_not_as_text(write: Callable[[int], Any]) -> None:
    eligible = [stand_in(rows, plan(), "").estimates.set_index("estimator")["value"].get("eligible")
                for rows in (one_date(), renamed_periods(one_date(), write))]  # fmt: skip
    assert eligible[1] == pytest.approx(eligible[0], abs=CLOSE)


def test_months_have_seasons_too() -> None:
    """36 months with a season and no break: beside months of the year the level is unmoved."""
    rows = made(parks=3, firms_per_park=2, quarters=36, cohorts=cohorts(Y2027Q3=3), tracked=3)
    months = renamed_periods(rows, lambda at: f"{2022 + at // 12}-{at % 12 + 1:02d}")
    month = months["period"].astype(str).str[5:].astype(int)
    season = np.where(month <= 6, 0.5, 0.0)
    value = np.round(1e12 * np.exp(season)).astype("int64")
    found = stand_in(months.assign(revenue_fen=value), plan(), "").estimates
    assert found["value"].iloc[0] == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("quarters", [8, 11])
def test_a_series_too_short_to_tell_seasons_does_not_take_them_for_a_break(quarters: int) -> None:
    """A season of 0.3 in every fourth quarter, no break: an estimate is zero or is not given."""
    rows = one_date(quarters=quarters)
    value = np.round(1e9 * np.exp(0.3 * rows["period"].str.endswith("Q4"))).astype("int64")
    found = stand_in(rows.assign(revenue_fen=value, eligible=None), plan(), "").estimates
    if len(found):
        assert found["value"].iloc[0] == pytest.approx(0.0, abs=1e-6)


def test_an_interrupted_series_of_noise_rejects_in_some_five_panels_of_a_hundred() -> None:
    """One date, nothing happened. 60 panels: 5 % +- three Monte-Carlo errors ends at 13.4 %."""
    none = {"effect": 0.0, "growth": 0.0, "rd_effect": 0.0, "firms_per_park": 3, "tracked": 14}
    panels = [made(seed, cohorts=cohorts(Y2023Q3=14), **none) for seed in range(60)]
    p = [stand_in(rows.assign(eligible=None), plan(), "").estimates["p"].iloc[0] for rows in panels]
    assert np.mean(np.array(p) <= 0.05) <= 0.134
