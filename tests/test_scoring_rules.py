"""The fourteen rules: hand arithmetic, edges, and what each refuses by name."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from score_trees import alone, branch, framework, leaf, scored

from haidian_eval import scoring
from haidian_eval.errors import ParameterError
from haidian_eval.scoring.leaf import Leaf

EXACT = 1e-12  # relative; a handful of operations on doubles
NAN = math.nan
STAIRS = [(0, 0), (50, 60), (100, 100)]
COMPLETE = {
    "identity": {},
    "minmax": {},
    "zscore": {},
    "goalposts": {"low": 0, "high": 10},
    "completion_rate": {"target": 5},
    "efficacy_coefficient": {"low": 1, "high": 9},
    "piecewise": {"points": STAIRS},
    "step": {"points": STAIRS},
    "deduction": {},
    "rank": {},
    "percentile_rank": {},
    "borda": {},
    "distance_to_target": {"target": 9},
    "fraction_of_max": {},
}
GOLDEN = [
    # identity: the value is the score; a cost is not turned round
    ("identity", {}, [-3, 0, 140], [-3, 0, 140]),
    ("identity", {"direction": "cost"}, [-3, 0, 140], [-3, 0, 140]),
    ("identity", {"cap": 100}, [90, 140], [90, 100]),
    # minmax: (4 - 2) / (10 - 2) = 0.25
    ("minmax", {}, [2, 4, 10], [0, 25, 100]),
    ("minmax", {"direction": "cost"}, [2, 4, 10], [100, 75, 0]),
    ("minmax:1,100", {}, [2, 4, 10], [1, 25.75, 100]),  # 1 + 99 * 0.25
    ("minmax:1,100", {"direction": "cost"}, [2, 4, 10], [100, 75.25, 1]),  # 1 + 100 - 25.75
    ("minmax", {"to_low": 60, "to_high": 100}, [2, 4, 10], [60, 70, 100]),  # 60 + 40 * 0.25
    ("minmax", {"to_low": 40}, [2, 4, 10], [40, 55, 100]),  # up to 100 where to_high is blank
    ("minmax", {"to_high": 20, "direction": "cost"}, [2, 4, 10], [20, 15, 0]),
    ("minmax", {"cap": 80}, [2, 4, 10], [0, 25, 80]),
    ("minmax", {"transform": "log"}, [1, 10, 100], [0, 50, 100]),  # lg 0, 1, 2
    ("minmax", {"direction": "target", "target": 5}, [3, 5, 9], [50, 100, 0]),  # 2, 0, 4 away
    # 1, 0, 3 away from the band 4-6: 100 (3 - 1) / 3
    ("minmax", {"direction": "range", "low": 4, "high": 6}, [3, 5, 9], [200 / 3, 100, 0]),
    ("minmax", {}, [2, NAN, 10], [0, NAN, 100]),
    # zscore: mean 2, sd (n - 1) 1
    ("zscore", {}, [1, 2, 3], [-1, 0, 1]),
    ("zscore:10,2", {}, [1, 2, 3], [8, 10, 12]),
    ("zscore:10,2", {"direction": "cost"}, [1, 2, 3], [12, 10, 8]),
    ("zscore", {"direction": "target", "target": 5}, [3, 5, 9], [0, 1, -1]),  # 2, 0, 4: sd 2
    ("zscore:50,10", {"cap": 55}, [1, 2, 3], [40, 50, 55]),
    ("zscore", {}, [1, NAN, 3], [-math.sqrt(0.5), NAN, math.sqrt(0.5)]),  # sd sqrt 2
    # goalposts 10-50: (20 - 10) / 40, clipped beyond both ends
    ("goalposts", {"low": 10, "high": 50}, [0, 10, 20, 50, 60], [0, 0, 25, 100, 100]),
    (
        "goalposts", {"low": 10, "high": 50, "direction": "cost"},
        [0, 10, 20, 50, 60], [100, 100, 75, 0, 0],
    ),
    ("goalposts", {"low": 1, "high": 100, "transform": "log"}, [0.1, 1, 10, 999], [0, 0, 50, 100]),
    ("goalposts", {"low": 10, "high": 50, "to_low": 0, "to_high": 1}, [20, 60], [0.25, 1]),
    (
        "goalposts", {"low": 0, "high": 10, "target": 4, "direction": "target"},
        [-1, 0, 2, 4, 7, 10, 11], [0, 0, 50, 100, 50, 0, 0],  # 2 of 4 up, 3 of 6 down
    ),
    # completion rate, target 80: 40 is half of it
    ("completion_rate", {"target": 80}, [-8, 0, 40, 80, 100], [0, 0, 50, 100, 100]),
    ("completion_rate", {"target": 80, "direction": "target"}, [40, 100], [50, 100]),
    ("completion_rate", {"target": 80, "cap": 120}, [90, 100], [112.5, 120]),  # 125 is capped
    ("completion_rate", {"target": 80, "cap": 90}, [60, 80], [75, 90]),
    ("completion_rate", {"target": 80, "to_high": 20}, [40, 80], [10, 20]),
    # cost: target 10 over 20 is half, 10 over 5 is above full marks
    ("completion_rate", {"target": 10, "direction": "cost"}, [20, 10, 5], [50, 100, 100]),
    ("completion_rate", {"target": 10, "direction": "cost", "cap": 125}, [9, 8], [1000 / 9, 125]),
    ("completion_rate", {"target": 10, "direction": "cost"}, [0], [100]),  # nothing spent is best
    # challenge: 80 -> 100 points, 100 -> 120 points, straight between
    (
        "completion_rate", {"target": 80, "challenge": 100, "cap": 120},
        [40, 80, 90, 100, 130], [50, 100, 110, 120, 120],
    ),
    (
        "completion_rate", {"target": 10, "challenge": 5, "cap": 120, "direction": "cost"},
        [20, 10, 7.5, 5, 4], [50, 100, 110, 120, 120],
    ),
    ("completion_rate", {"target": 80, "challenge": 100}, [40, 90], [50, 100]),  # no cap above 100
    # efficacy: 60 at the unacceptable value, 100 at the satisfactory one, a point per unit here
    (
        "efficacy_coefficient", {"low": 60, "high": 100},
        [-10, 0, 30, 60, 80, 100, 120], [0, 0, 30, 60, 80, 100, 100],
    ),
    ("efficacy_coefficient", {"low": 60, "high": 100, "cap": 110}, [110, 200], [110, 110]),
    # unacceptable 10, satisfactory 2: whichever way round a cost is written
    ("efficacy_coefficient", {"low": 10, "high": 2, "direction": "cost"}, [10, 6], [60, 80]),
    ("efficacy_coefficient", {"low": 2, "high": 10, "direction": "cost"}, [10, 6], [60, 80]),
    ("efficacy_coefficient", {"low": 10, "high": 2}, [10, 6, 2, 14], [60, 80, 100, 40]),
    # piecewise: half-way from (0, 0) to (50, 60); flat beyond; a cost does not turn the points
    ("piecewise", {"points": STAIRS}, [-5, 25, 50, 75, 120], [0, 30, 60, 80, 100]),
    ("piecewise", {"points": STAIRS, "direction": "cost"}, [25, 75], [30, 80]),
    ("piecewise", {"points": STAIRS, "to_high": 10}, [25, 75], [3, 8]),
    ("step", {"points": STAIRS}, [-5, 0, 49.9, 50, 100, 999], [0, 0, 0, 60, 100, 100]),
    ("step", {"points": STAIRS, "direction": "cost", "cap": 90}, [50, 100], [60, 90]),
    # deduction: full marks less the count times the points of one
    ("deduction", {}, [0, 3, 120], [100, 97, 0]),
    ("deduction:2", {}, [0, 3, 60], [100, 94, 0]),
    ("deduction:2", {"high": 20}, [0, 3, 11], [20, 14, 0]),
    ("deduction", {"cap": 10}, [0, 3], [10, 7]),
    ("deduction", {"to_high": 30}, [0, 3], [30, 27]),
    ("deduction:2", {"high": 20, "to_low": 0, "to_high": 100}, [0, 3], [100, 70]),  # 14 of 20
    ("deduction", {"points": [(1, 5)]}, [0, 3], [100, 85]),  # one row: 5 points each
    ("deduction", {"points": [(1, 2), (3, 10)]}, [0, 1, 2, 3, 9], [100, 98, 98, 90, 90]),
    # ranks: 1 is worst, ties share the lower number
    ("rank", {}, [10, 20, 20, 30], [1, 2, 2, 4]),
    ("rank", {}, [30, 20, 30, 10, 20, 30], [4, 2, 4, 1, 2, 4]),
    ("rank", {"direction": "cost"}, [10, 20, 20, 30], [4, 2, 2, 1]),
    ("rank", {"direction": "target", "target": 5}, [3, 5, 9], [2, 3, 1]),
    ("rank", {}, [10, NAN, 5], [2, NAN, 1]),
    ("borda", {}, [10, 20, 20, 30], [0, 1, 1, 3]),
    ("borda", {"direction": "cost"}, [10, 20, 20, 30], [3, 1, 1, 0]),
    ("percentile_rank", {}, [10, 20, 20, 30], [0, 100 / 3, 100 / 3, 100]),
    ("percentile_rank", {}, [10, NAN, 20, 30], [0, NAN, 50, 100]),  # three units with a value
    ("percentile_rank", {"direction": "cost", "to_high": 1}, [10, 20, 30], [1, 0.5, 0]),
    # from the lowest value to the target 12: (4 - 2) / 10
    ("distance_to_target", {"target": 12}, [2, 4, 10], [0, 20, 80]),
    ("distance_to_target", {"target": 6}, [2, 4, 10], [0, 50, 100]),  # beyond the target: 100
    ("distance_to_target", {"target": 0, "direction": "cost"}, [2, 4, 10], [80, 60, 0]),
    ("distance_to_target", {"target": 4, "direction": "cost"}, [2, 7, 10], [100, 50, 0]),
    ("fraction_of_max", {}, [0, 4, 10], [0, 40, 100]),
    ("fraction_of_max", {"direction": "cost"}, [2, 4, 10], [100, 50, 20]),
    ("fraction_of_max", {"to_low": 0, "to_high": 1}, [4, 10], [0.4, 1]),
    # all equal: where a score needs no spread it is one for all
    ("rank", {}, [7, 7, 7], [1, 1, 1]),
    ("percentile_rank", {}, [7, 7, 7], [0, 0, 0]),
    ("fraction_of_max", {}, [7, 7], [100, 100]),
    ("goalposts", {"low": 0, "high": 10}, [7], [70]),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "columns", "values", "expected"), GOLDEN)
def test_rule_gives_the_hand_arithmetic(rule, columns, values, expected) -> None:
    actual = scored(values, rule=rule, **columns)
    np.testing.assert_allclose(actual, expected, rtol=EXACT, atol=EXACT)


def test_every_rule_is_tested_here() -> None:
    golden = {rule.partition(":")[0] for rule, *_ in GOLDEN}
    assert set(scoring.RULES) == golden == set(COMPLETE)


@pytest.mark.parametrize("rule", COMPLETE)
def test_leaf_without_any_value_has_no_score_and_is_no_error(rule) -> None:
    assert np.isnan(scored([NAN, NAN], rule=rule, **COMPLETE[rule])).all()


@pytest.mark.parametrize("rule", COMPLETE)
def test_missing_value_has_no_score_and_leaves_the_others_alone(rule) -> None:
    with_gap = scored([3, NAN, 7, 5], rule=rule, **COMPLETE[rule])
    without = scored([3, 7, 5], rule=rule, **COMPLETE[rule])
    assert np.isnan(with_gap[1])
    np.testing.assert_array_equal([with_gap[i] for i in (0, 2, 3)], without)


@pytest.mark.parametrize(
    "rule",
    ["identity", "goalposts", "completion_rate", "efficacy_coefficient", "piecewise", "step"],
)
def test_rule_with_fixed_ends_scores_a_unit_alone_as_among_others(rule) -> None:
    among = scored([3, 7, 5], rule=rule, **COMPLETE[rule])
    assert scored([7], rule=rule, **COMPLETE[rule]) == [among[1]]


REFUSED = [
    ("minmax", {}, [5, 5], "minmax"),  # all equal
    ("minmax", {}, [5], "minmax"),  # one unit
    ("zscore", {}, [5, 5], "zscore"),
    ("zscore", {}, [5], "zscore"),
    ("goalposts", {}, [5], "goalposts.*low.*high"),
    ("goalposts", {"low": 5}, [5], "goalposts.*high"),
    ("goalposts", {"low": 5, "high": 5}, [5], "low.*high"),
    ("goalposts", {"low": 9, "high": 5, "direction": "cost"}, [5], "low.*high"),
    ("goalposts", {"low": 0, "high": 5, "transform": "log"}, [5], "log"),
    ("goalposts", {"low": 0, "high": 5, "direction": "range"}, [5], "range"),
    ("goalposts", {"low": 0, "high": 5, "direction": "target"}, [5], "target"),
    ("goalposts", {"low": 0, "high": 5, "direction": "target", "target": 6}, [5], "target"),
    ("completion_rate", {}, [5], "target"),
    ("completion_rate", {"target": 0}, [5], "target"),
    ("completion_rate", {"target": -3}, [5], "target"),
    ("completion_rate", {"target": 5, "direction": "range"}, [5], "range"),
    ("efficacy_coefficient", {"low": 5}, [5], "high"),
    ("efficacy_coefficient", {"low": 5, "high": 5}, [5], "low.*high"),
    ("efficacy_coefficient", {"low": 1, "high": 5, "direction": "range"}, [5], "range"),
    ("piecewise", {}, [5], "points"),
    ("piecewise", {"points": [(0, 1)]}, [5], "points"),
    ("step", {}, [5], "points"),
    ("distance_to_target", {}, [5, 6], "target"),
    ("distance_to_target", {"target": 5}, [5, 6], "target"),  # not beyond the lowest
    ("distance_to_target", {"target": 6, "direction": "cost"}, [5, 6], "target"),
    ("fraction_of_max", {}, [-1, 6], "-1"),
    ("fraction_of_max", {}, [0, 0], "0"),
    ("fraction_of_max", {"direction": "cost"}, [0, 6], "0"),
    ("minmax", {"direction": "target"}, [5, 6], "target"),
    ("minmax", {"direction": "range", "low": 1}, [5, 6], "high"),
    ("minmax", {"transform": "log"}, [0, 6], "logarithm"),
    ("minmax:1", {}, [5, 6], "minmax:1"),
    ("minmax:a,b", {}, [5, 6], "minmax:a,b"),
    ("identity:3", {}, [5, 6], "identity:3"),
    ("zscore:10,2,3", {}, [5, 6], "zscore:10,2,3"),
    ("minmax:0,inf", {}, [5, 6], "inf"),
    ("completion_rate", {"target": 5, "challenge": 3, "cap": 120}, [5], "challenge"),
    (
        "completion_rate", {"target": 5, "challenge": 7, "cap": 120, "direction": "cost"},
        [5], "challenge",
    ),
    ("min max", {}, [5, 6], "min max.*minmax"),
    ("minmax", {"low": "ten"}, [5, 6], "low.*ten"),
    ("minmax", {"cap": "full"}, [5, 6], "cap.*full"),
    ("minmax", {"missing": "guess"}, [5, 6], "guess.*carry_forward"),
    ("minmax", {"direction": "up"}, [5, 6], "up.*range"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "columns", "values", "message"), REFUSED)
def test_what_a_rule_cannot_take_is_refused_with_the_indicator(
    rule, columns, values, message
) -> None:
    with pytest.raises(ParameterError, match=message) as caught:
        scored(values, rule=rule, **columns)
    assert str(caught.value).startswith("a") or "a:" in str(caught.value)


def test_points_stand_in_any_order() -> None:
    assert scored([25, 75], STAIRS[::-1], rule="piecewise") == [30, 80]


def test_ends_are_turned_by_the_log_like_the_values() -> None:
    # ln(1000/100) / ln(75000/100) = 0.34778
    rule = {"rule": "goalposts", "low": 100, "high": 75000, "transform": "log"}
    actual = scored([1000], **rule)
    assert actual == pytest.approx([100 * math.log(10) / math.log(750)], rel=EXACT)


def test_values_beyond_the_ends_of_a_log_are_clipped_whatever_their_logarithms() -> None:
    # ln 10 = 2.3 and ln 100 = 4.6 lie between 1 and 5, the values do not
    rule = {"rule": "goalposts", "low": 1, "high": 5, "transform": "log"}
    assert scored([10, 100], **rule) == [100, 100]
    assert scored([3, 10, 100], **rule)[1:] == [100, 100]


@pytest.mark.parametrize(("low", "high"), [(100 / 3, 200 / 3), (1000 / 7, 9000 / 7), (0.2, 0.7)])
def test_ends_of_a_log_with_many_decimals_stand_in_the_unit_of_the_values(low, high) -> None:
    # the geometric mean of the ends lies half-way
    rule = {"rule": "goalposts", "low": low, "high": high, "transform": "log"}
    assert scored([math.sqrt(low * high)], **rule) == pytest.approx([50])


@pytest.mark.parametrize("direction", ["cost", "target", "range"])
@pytest.mark.parametrize("rule", ["identity", "piecewise", "step", "deduction"])
def test_rule_that_says_itself_what_is_good_ignores_the_direction(rule, direction) -> None:
    columns = COMPLETE[rule] | {"direction": direction, "target": 5, "low": 2}
    assert scored([3, 7, 60], rule=rule, **columns) == scored(
        [3, 7, 60], rule=rule, **COMPLETE[rule]
    )


def test_values_of_the_caller_are_left_as_they_were() -> None:
    x = pd.DataFrame({"a": [2.0, NAN, 10.0]})
    before = x.copy()
    scoring.score(x, alone(rule="minmax", missing="zero"))
    pd.testing.assert_frame_equal(x, before)


def test_two_leaves_are_scored_by_their_own_rules() -> None:
    both = framework(
        branch("root", None),
        leaf("a", rule="minmax"),
        leaf("b", weight=3, rule="step"),
        points=[("b", 0, 20), ("b", 5, 80)],
    )
    actual = scoring.score(pd.DataFrame({"a": [0.0, 1.0], "b": [5.0, 1.0]}), both)
    # (0 + 3 * 80) / 4 = 60; (100 + 3 * 20) / 4 = 40
    assert actual.index.tolist() == [60, 40]


@pytest.mark.parametrize(
    ("rule", "second"),
    [
        ("minmax", [3, 3]),
        ("zscore", [3, 3]),
        ("percentile_rank", [3, NAN]),
        ("distance_to_target", [6, 7]),  # the target is 5
        ("fraction_of_max", [-1, 2]),
    ],
)
def test_one_draw_that_a_rule_cannot_take_is_refused_among_others(
    rule: str, second: list[float]
) -> None:
    own = Leaf("a", rule, target=5.0)
    assert scoring.RULES[rule](np.array([[1.0, 2.0]]), own).shape == (1, 2)
    with pytest.raises(ParameterError, match=f"a: {rule}"):
        scoring.RULES[rule](np.array([[1.0, 2.0], second]), own)


def test_zero_beside_a_logarithm_is_the_logarithm_of_one() -> None:
    # low 0 = ln 1, high 4.605... = ln 100: 10 is half the way
    ends = {"transform": "log", "low": 0, "high": math.log(100)}
    assert scored([1, 10, 100], rule="goalposts", **ends) == pytest.approx([0, 50, 100])
