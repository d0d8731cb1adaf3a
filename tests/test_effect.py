"""The verdict: every branch of the rule, every condition, and a plan that cannot move unseen."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from study_runs import ROOT

from haidian_eval.effect.estimate import Estimate, Test
from haidian_eval.effect.verdict import (
    VERDICTS,
    Evidence,
    conditions,
    decide,
    post_hoc,
)
from haidian_eval.params import Effect, load_params

PLAN = load_params(ROOT / "data" / "raw" / "2024").effect
RULE = PLAN.verdict  # worthwhile 0.03, significance 0.05, shares 0.5, four parks on each side
GROUND = ("treated", "others", "pretrend", "placebo")
SOUND = ("pretrend_power", "carried", "sturdy", "unmoved")
FURTHER = ("size", "left_out", "breakdown")
FIRST_SEEN = dt.date(2022, 7, 1)


def estimate(value: float, *, half: float = 0.02, p: float = 0.5) -> Estimate:
    return Estimate(value, half / 2, value - half, value + half, p, 100, 14, 13.0, "a rule")


def evidence(**changes: Any) -> Evidence:
    """What makes a policy effective, but for `changes`."""
    good = Evidence(
        treated=7, others=7, estimate=estimate(0.10),
        tests={"jackknife": 0.001, "wild": 0.002, "randomisation": 0.003, "cr2": 0.9},
        pretrend=Test(1.0, 0.6, power=0.9), placebo=estimate(0.0), unmoved=estimate(0.0),
        left_out=0.09, detectable=0.02, breakdown=1.0,
    )  # fmt: skip
    return replace(good, **changes)


SPOILT: dict[str, dict[str, Any]] = {
    "treated": {"treated": 3},
    "others": {"others": 3},
    "pretrend": {"pretrend": Test(9.0, 0.04, power=0.9)},
    "placebo": {"placebo": estimate(0.05, p=0.01)},
    "size": {"estimate": estimate(0.02), "left_out": 0.019},
    "pretrend_power": {"pretrend": Test(1.0, 0.6, power=0.49)},
    "left_out": {"left_out": 0.049},
    "breakdown": {"breakdown": 0.49},
    "unmoved": {"unmoved": estimate(0.05, p=0.01)},
    "carried": {"left_out": 0.0},
    "sturdy": {"breakdown": 0.24},
}
INSIGNIFICANT = {"tests": {"jackknife": 0.001, "wild": 0.051, "randomisation": 0.003}}


def met(found: Evidence) -> pd.Series:
    return conditions(found, RULE).set_index("condition")["met"]


def test_policy_that_meets_everything_is_effective() -> None:
    found = decide(evidence(), RULE)
    assert found.key == "effective"
    used = found.conditions.set_index("condition").drop("excluded")["met"]
    assert used.all()


@pytest.mark.parametrize("name", GROUND)
def test_without_its_ground_the_evidence_is_insufficient(name: str) -> None:
    found = evidence(**SPOILT[name])
    assert met(found)[name] == False  # noqa: E712 - a value of pandas, not Python's False
    assert decide(found, RULE).key == "insufficient"


@pytest.mark.parametrize("name", SOUND)
def test_effect_that_does_not_stand_is_not_partly_effective(name: str) -> None:
    found = evidence(**SPOILT[name])
    assert not met(found)[name]
    assert decide(found, RULE).key == "insufficient"
    quiet = evidence(**SPOILT[name] | INSIGNIFICANT, estimate=estimate(0.005, half=0.02))
    assert decide(quiet, RULE).key == "no_effect"  # what is not there need not stand


@pytest.mark.parametrize("name", FURTHER)
def test_one_further_condition_not_met_is_partly_effective(name: str) -> None:
    found = evidence(**SPOILT[name])
    assert met(found)[name] == False  # noqa: E712 - as above
    assert met(found).drop([name, "excluded"]).all()
    assert decide(found, RULE).key == "partly"


def test_significant_effect_against_what_is_wanted_is_no_effect() -> None:
    assert decide(evidence(estimate=estimate(-0.10), left_out=-0.11), RULE).key == "no_effect"


def test_not_significant_is_no_effect_only_where_the_design_would_have_seen_one() -> None:
    small = {"estimate": estimate(0.005, half=0.02), **INSIGNIFICANT}  # interval up to 0.025
    assert decide(evidence(**small, detectable=0.03), RULE).key == "no_effect"
    assert decide(evidence(**small, detectable=0.031), RULE).key == "insufficient"
    wide = {"estimate": estimate(0.005, half=0.03), **INSIGNIFICANT}  # up to 0.035
    assert decide(evidence(**wide, detectable=0.02), RULE).key == "insufficient"


def test_a_placebo_that_cannot_be_had_leaves_the_ground_unseen() -> None:
    found = evidence(placebo=None)
    assert met(found)["placebo"] is pd.NA
    assert decide(found, RULE).key == "insufficient"


def test_a_trend_test_that_cannot_be_had_leaves_the_ground_unseen() -> None:
    found = evidence(pretrend=Test(float("nan"), float("nan")))
    assert met(found)[["pretrend", "pretrend_power"]].isna().all()
    assert decide(found, RULE).key == "insufficient"


def test_an_outcome_that_should_not_move_counts_only_where_there_is_one() -> None:
    found = evidence(unmoved=None)
    assert "unmoved" not in met(found)
    assert decide(found, RULE).key == "effective"


def test_only_the_tests_of_the_rule_decide_and_the_largest_p_counts() -> None:
    shown = conditions(evidence(), RULE).set_index("condition")
    assert shown.at["tests", "found"] == 0.003  # not that of cr2, which the rule does not name
    other = RULE.model_copy(update={"tests": ("cr2",)})
    assert decide(evidence(), other).key == "insufficient"


def test_limits_themselves_are_met_but_for_those_that_must_be_beyond() -> None:
    p, at = RULE.significance, {"treated": 4, "others": 4, "detectable": 0.03, "breakdown": 0.5}
    edge = evidence(**at, tests=dict.fromkeys(RULE.tests, p), pretrend=Test(1.0, p, power=0.5))
    found = met(edge)
    assert found[[*at, "tests", "pretrend_power"]].all()
    assert not found["pretrend"]
    assert not met(evidence(estimate=estimate(0.01, half=0.02)))["excluded"]  # 0.03 < 0.03


def test_every_verdict_can_be_reached() -> None:
    cases = [{}, SPOILT["size"], SPOILT["treated"], {"estimate": estimate(-0.1)}]
    assert [decide(evidence(**one), RULE).key for one in cases] == list(VERDICTS)


def test_checksum_is_that_of_the_plan_and_not_of_draws_and_seeds() -> None:
    own = PLAN.plan
    simulated = {"draws": 99, "null_panels": 1, "null_draws": 19, "seed": 1, "registered": None}
    assert PLAN.model_copy(update=simulated).plan == own
    assert len(own) == 64
    planned: list[dict[str, Any]] = [
        {"policy": "another"}, {"window": (-3, 4)}, {"shift": 1}, {"exploratory": ()},
        {"unmoved": None}, {"primary": PLAN.primary.model_copy(update={"wanted": "fall"})},
        {"verdict": RULE.model_copy(update={"worthwhile": 0.02})},
    ]  # fmt: skip
    others = {PLAN.model_copy(update=change).plan for change in planned}
    assert len(others | {own}) == len(planned) + 1


def registered(on: dt.date, sum_: str | None = None) -> Effect:
    own = {"on": on, "checksum": PLAN.plan if sum_ is None else sum_}
    return Effect.model_validate(PLAN.model_dump() | {"registered": own})


def test_plan_counts_as_fixed_beforehand_when_registered_before_outcomes_could_be_seen() -> None:
    day = dt.timedelta(days=1)
    assert post_hoc(registered(FIRST_SEEN - day), FIRST_SEEN) == ""
    assert post_hoc(registered(FIRST_SEEN), FIRST_SEEN) == "late"
    assert post_hoc(registered(FIRST_SEEN - day, "0" * 64), FIRST_SEEN) == "changed"
    assert post_hoc(PLAN.model_copy(update={"registered": None}), FIRST_SEEN) == "changed"
