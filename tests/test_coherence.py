"""Coherence and the evaluation of the evaluation: hand arithmetic, properties, edges."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haidian_eval import scoring
from haidian_eval.errors import ParameterError
from haidian_eval.scoring.coherence import (
    alpha_by_family,
    balance,
    cronbach_alpha,
    dominance,
    influence,
    main_effect,
    parent_correlation,
    redundancy,
)
from haidian_eval.scoring.evaluation import (
    Limits,
    indicator_advice,
    marginal_value,
    overlapping,
    pairs_told_apart,
    smallest_detectable_difference,
)

TOLERANCE = 1e-9
NAN = float("nan")
UNITS = ["u1", "u2", "u3", "u4"]


def frame(**columns: list[float]) -> pd.DataFrame:
    size = len(next(iter(columns.values())))
    return pd.DataFrame(columns, index=[f"u{i + 1}" for i in range(size)], dtype="float64")


def framework(root: str = "arithmetic", rule: str = "identity", **leaves: object):
    """A root over the dimensions x (a, b) and y (c, d); keywords set columns of the leaves."""
    own = {name: leaves.pop(name, {}) for name in "abcd"}
    rows = [
        {"node_id": "root", "aggregation": root},
        {"node_id": "x", "parent_id": "root"},
        {"node_id": "y", "parent_id": "root"},
    ]
    rows += [
        {"node_id": name, "parent_id": "x" if name in "ab" else "y", "rule": rule} | leaves | extra
        for name, extra in own.items()
    ]
    return scoring.build_framework(pd.DataFrame([{"weight": 1.0} | row for row in rows]))


def flat(**weights: float):
    """A root over leaves with these weights."""
    rows = [{"node_id": "root", "weight": 1.0}]
    rows += [
        {"node_id": name, "parent_id": "root", "weight": w, "rule": "identity"}
        for name, w in weights.items()
    ]
    return scoring.build_framework(pd.DataFrame(rows))


def scored(x: pd.DataFrame, tree) -> pd.DataFrame:
    return scoring.score(x, tree).nodes


FOUR = frame(a=[10, 20, 30, 40], b=[20, 10, 40, 30], c=[40, 30, 20, 10], d=[10, 10, 40, 40])


def test_alpha_by_hand() -> None:
    # variances 1 and 4, covariance 2: 2 / 1 x (1 - 5 / 9) = 8 / 9
    assert cronbach_alpha(frame(a=[1, 2, 3], b=[2, 4, 6])) == pytest.approx(8 / 9)
    assert cronbach_alpha(frame(a=[1, 2, 3], b=[1, 2, 3])) == pytest.approx(1)


def test_alpha_takes_every_pair_of_values_there_is() -> None:
    # var a 1 (of three), var b 2 (of two), cov 1 / 2 x (1 x 1 ...) over u1 u2: a 1 2, b 2 4: 1
    assert cronbach_alpha(frame(a=[1, 2, 3], b=[2, 4, NAN])) == pytest.approx(2 * (1 - 3 / 5))


def test_alpha_is_missing_where_it_is_not_defined() -> None:
    for x in (frame(a=[1, 2, 3]), frame(a=[1, 1], b=[2, 2]), frame(a=[1, 2], b=[2, 1])):
        assert np.isnan(cronbach_alpha(x))


def test_every_family_has_its_alpha() -> None:
    table = alpha_by_family(scored(FOUR, framework()), framework()).set_index("node_id")
    assert table.loc["x", "alpha"] == pytest.approx(cronbach_alpha(FOUR[["a", "b"]]))
    assert table["children"].to_dict() == {"root": 2, "x": 2, "y": 2}
    assert table["units"].tolist() == [4, 4, 4]


def test_a_pair_is_redundant_by_correlation_within_its_family_alone() -> None:
    x = FOUR.assign(b=2 * FOUR["a"] + 1, c=FOUR["a"])
    pairs = redundancy(x, framework())
    assert pairs[["first", "second", "parent_id", "reason"]].to_numpy().tolist() == [
        ["a", "b", "x", "correlation"]
    ]
    assert redundancy(x, framework(), threshold=1).empty


def test_a_pair_is_redundant_by_its_values_anywhere_and_by_its_source_in_the_family() -> None:
    values = FOUR.assign(d=FOUR["a"] * (1 + 1e-9))
    sources = pd.Series({"a": "yearbook", "b": "yearbook", "c": "yearbook", "d": None})
    pairs = redundancy(FOUR, framework(), values=values, sources=sources)
    found = pairs.set_index(["first", "second"])
    assert found["reason"].to_dict() == {("a", "b"): "source", ("a", "d"): "values"}
    assert found.loc[("a", "d"), "same_values"] == 1
    assert found.loc[("a", "d"), "parent_id"] == ""


def test_sources_that_are_not_known_are_not_the_same() -> None:
    sources = pd.Series({"a": None, "b": None, "c": NAN, "d": NAN})
    assert redundancy(FOUR, framework(), sources=sources).empty


def test_values_nearly_the_same_in_nine_of_ten_units_are_flagged() -> None:
    x = frame(a=list(range(1, 11)), b=[*range(1, 10), 99], c=[0] * 10, d=[NAN] * 10)
    pairs = redundancy(x, framework(), values=x, threshold=0.9)
    assert pairs["reason"].tolist() == ["values"]
    assert pairs["same_values"].tolist() == [0.9]


def test_a_node_that_runs_against_its_parent_is_flagged() -> None:
    # with weights 10 and 1 the parent follows a; b falls as a rises
    tree = flat(a=10, b=1, c=1)
    x = frame(a=[10, 20, 30, 40], b=[4, 3, 2, 1], c=[5, 5, 5, 5])
    table = parent_correlation(scored(x, tree), tree).set_index("node_id")
    assert table["flag"].to_dict() == {"a": "", "b": "negative", "c": "undefined"}
    assert table.loc["b", "correlation"] == pytest.approx(-1)
    assert table.loc["a", "with_index"] == pytest.approx(1)


def test_a_node_without_relation_to_its_parent_is_flagged() -> None:
    tree = flat(a=1000, b=1)
    x = frame(a=[1, -1, 1, -1], b=[1, 1, -1, -1])
    table = parent_correlation(scored(x, tree), tree).set_index("node_id")
    assert table.loc["b", "correlation"] == pytest.approx(0.001, abs=1e-4)
    assert table["flag"].to_dict() == {"a": "", "b": "near_zero"}


def test_influence_of_unrelated_children_by_hand() -> None:
    # unrelated, deviations 3 and 1, weights 1 to 1: variance of the sum 9 to 1
    tree = flat(a=1, b=1)
    x = frame(a=[3, -3, 3, -3], b=[1, 1, -1, -1])
    table = influence(scored(x, tree), tree).query("kind == 'parent'").set_index("node_id")
    assert table["main_effect"].to_dict() == pytest.approx({"a": 0.9, "b": 0.1})
    assert table["influence"].tolist() == pytest.approx([0.9, 0.1])
    assert table["ratio"].tolist() == pytest.approx([1.8, 0.2])
    assert table["flag"].tolist() == ["", "less"]
    closer = influence(scored(x, tree), tree, factor=1.5).query("kind == 'parent'")
    assert closer["flag"].tolist() == ["more", "less"]


def test_influence_on_the_index_has_the_weights_of_the_whole_tree() -> None:
    table = influence(scored(FOUR, framework()), framework()).query("kind == 'index'")
    assert table["node_id"].tolist() == list("abcd")
    assert table["weight"].tolist() == pytest.approx([0.25] * 4)
    assert table["influence"].sum() == pytest.approx(1)
    assert set(table["on"]) == {"root"}


def test_what_does_not_vary_has_no_influence_and_no_parent_gives_none() -> None:
    tree = flat(a=1, b=1)
    still = influence(scored(frame(a=[1, 2, 3], b=[5, 5, 5]), tree), tree)
    assert still["influence"].tolist() == [1, 0, 1, 0]
    level = influence(scored(frame(a=[1, 1, 1], b=[5, 5, 5]), tree), tree)
    assert level["influence"].isna().all()
    assert (level["flag"] == "").all()


def test_a_weight_of_zero_has_no_ratio() -> None:
    tree = flat(a=1, b=0)
    table = influence(scored(frame(a=[1, 2, 3], b=[1, 2, 4]), tree), tree)
    assert table["ratio"].isna().tolist() == [False, True, False, True]


def test_a_bent_relation_is_seen_by_a_polynomial() -> None:
    x = pd.Series([-2.0, -1, 0, 1, 2])
    assert main_effect(x, x**2) == pytest.approx(0, abs=TOLERANCE)
    assert main_effect(x, x**2, degree=2) == pytest.approx(1)
    assert np.isnan(main_effect(x, x * 0 + 1))
    assert np.isnan(main_effect(x[:2], x[:2]))


def test_dominating_pairs_by_hand() -> None:
    x = frame(a=[1, 2, 2, 1], b=[1, 1, 2, 3])
    pairs = dominance(x, pd.Series([1.0, 1.5, 0.5, 1.0], UNITS))
    assert pairs.to_numpy().tolist() == [
        ["u2", "u1", 1, 0.5, "kept"],
        ["u3", "u1", 2, -0.5, "reversed"],
        ["u3", "u2", 1, -1.0, "reversed"],
        ["u4", "u1", 1, 0.0, "equal"],
    ]


def test_units_with_other_indicators_or_the_same_scores_do_not_dominate() -> None:
    x = frame(a=[9, 1, 1, 1], b=[NAN, 1, 1, NAN])
    assert dominance(x, x["a"])[["better", "worse"]].to_numpy().tolist() == [["u1", "u4"]]
    none = dominance(x.iloc[:0], x["a"])
    assert none.empty
    assert list(none.columns) == ["better", "worse", "indicators", "difference", "verdict"]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.integers(1, 5), min_size=4, max_size=4), min_size=2, max_size=8))
def test_no_mean_reverses_a_dominating_pair(rows: list[list[int]]) -> None:
    x = pd.DataFrame(rows, columns=list("abcd"), dtype="float64")
    for mean in ("arithmetic", "geometric", "minimum"):
        pairs = dominance(x, scoring.score(x, framework(mean)).index)
        assert "reversed" not in set(pairs["verdict"])


def test_a_penalty_for_imbalance_may_reverse_a_pair() -> None:
    tree = flat(a=1, b=1, c=1)
    tree.nodes.loc["root", "aggregation"] = "mazziotta_pareto"
    x = frame(a=[10, 2], b=[1, 1], c=[1, 1])
    # 2 M - mean square / M: 8 - 34 / 4 = -0.5 for 10, 1, 1; 8 / 3 - 2 / (4 / 3) = 7 / 6 for 2, 1, 1
    pairs = dominance(x, scoring.score(x, tree).index)
    assert pairs["verdict"].tolist() == ["reversed"]
    assert pairs["difference"].tolist() == pytest.approx([-0.5 - 7 / 6])


def test_balance_by_hand() -> None:
    tree = flat(a=1, b=1)
    x = frame(a=[90, 60, 50], b=[10, 40, 50])
    table = balance(scored(x, tree), tree, floor=20)
    assert table["lowest"].tolist() == ["b", "b", "a"]
    assert table["lowest_score"].tolist() == [10, 40, 50]
    assert table["spread"].tolist() == [80, 20, 0]
    assert table["arithmetic"].tolist() == pytest.approx([50, 50, 50])
    assert table["geometric"].tolist() == pytest.approx([30, 2400**0.5, 50])
    assert table["arithmetic_rank"].tolist() == [1, 1, 1]
    assert table["places_lost"].tolist() == [2, 1, 0]
    assert table["below_floor"].tolist() == ["b", "", ""]


def test_balance_without_a_dimension_or_with_zero() -> None:
    tree = flat(a=1, b=3)
    x = frame(a=[80, 0, NAN], b=[NAN, 40, NAN])
    table = balance(scored(x, tree), tree)
    assert table["geometric"].tolist() == pytest.approx([80, 0, NAN], nan_ok=True)
    assert table["arithmetic"].tolist() == pytest.approx([80, 30, NAN], nan_ok=True)
    assert table["places_lost"].isna().tolist() == [False, False, True]
    assert table["below_floor"].tolist() == ["", "", ""]


def test_balance_refuses_scores_below_zero() -> None:
    tree = flat(a=1, b=1)
    with pytest.raises(ParameterError, match="b has a score of -1"):
        balance(scored(frame(a=[1], b=[-1]), tree), tree)


def test_marginal_value_by_hand() -> None:
    # goalposts 0-50, one of two in a dimension, one dimension of two: 5 more is 10 x 1/4 points
    tree = framework(rule="goalposts", low=0.0, high=50.0)
    x = frame(a=[10, 20, 48], b=[0] * 3, c=[0] * 3, d=[0] * 3)
    steps = pd.Series({"a": 5.0, "b": 60.0, "c": 1.0, "d": 1.0})
    table = marginal_value(x, tree, steps=steps).set_index(["indicator_id", "unit_id"])
    assert table.loc["a", "points"].tolist() == pytest.approx([2.5, 2.5, 1])
    assert table.loc["a", "ranks"].tolist() == [0, 0, 0]
    # 60 more of b is full marks, 25 points: 5 + 25 and 10 + 25 against 24
    assert table.loc["b", "points"].tolist() == pytest.approx([25, 25, 25])
    assert table.loc["b", "ranks"].tolist() == [2, 1, 0]


def test_a_step_is_one_standard_deviation_and_a_cost_goes_down_to_zero() -> None:
    tree = flat(a=1, b=1)
    tree.nodes.loc["b", ["rule", "direction", "low", "high"]] = ["goalposts", "cost", 0.0, 10.0]
    x = frame(a=[1, 2, 3], b=[1, 4, 7])
    table = marginal_value(x, tree).set_index(["indicator_id", "unit_id"])
    assert table.loc["a", "step"].tolist() == [1, 1, 1]
    assert table.loc["b", "step"].tolist() == [-1, -3, -3]
    assert table.loc["b", "points"].tolist() == pytest.approx([5, 15, 15])


def test_targets_and_bands_are_approached_and_not_passed() -> None:
    tree = flat(a=1, b=1)
    tree.nodes.loc["a", ["rule", "direction", "low", "high", "target"]] = [
        "goalposts", "target", 0.0, 10.0, 5.0,
    ]  # fmt: skip
    tree.nodes.loc["b", ["rule", "direction", "low", "high"]] = ["minmax", "range", 4.0, 6.0]
    x = frame(a=[1, 4.5, 8, 5], b=[1, 5, 9, 3.5])
    table = marginal_value(x, tree, steps=pd.Series({"a": 1.0, "b": 1.0}))
    steps = table.set_index(["indicator_id", "unit_id"])["step"]
    assert steps["a"].tolist() == [1, 0.5, -1, 0]
    assert steps["b"].tolist() == [1, 0, -1, 0.5]


@pytest.mark.parametrize("rule", ["minmax", "zscore:50,10", "percentile_rank", "goalposts"])
def test_marginal_value_is_what_scoring_again_gives(rule: str) -> None:
    tree = framework(rule=rule, low=0.0, high=50.0)
    before = scoring.score(FOUR, tree)
    table = marginal_value(FOUR, tree).set_index(["unit_id", "indicator_id"])
    for unit in UNITS:
        for leaf in "ac":
            changed = FOUR.copy()
            changed.loc[unit, leaf] += FOUR[leaf].std()
            after = scoring.score(changed, tree)
            expected = after.index[unit] - before.index[unit]
            assert table.loc[(unit, leaf), "points"] == pytest.approx(expected, abs=TOLERANCE)
            assert table.loc[(unit, leaf), "ranks"] == before.rank[unit] - after.rank[unit]


def test_a_value_that_is_missing_has_no_marginal_value() -> None:
    table = marginal_value(frame(a=[1, NAN, 3], b=[1, 2, 3]), flat(a=1, b=1))
    missing = table[(table["unit_id"] == "u2") & (table["indicator_id"] == "a")]
    assert missing[["step", "points", "ranks"]].isna().all(axis=None)
    assert table.drop(missing.index)["points"].notna().all()


def test_a_step_below_zero_is_refused() -> None:
    with pytest.raises(ParameterError, match="the step of b is -1"):
        marginal_value(frame(a=[1], b=[1]), flat(a=1, b=1), steps=pd.Series({"a": 1, "b": -1}))


def test_marginal_values_of_a_city_take_no_time() -> None:
    rng = np.random.default_rng(1)
    names = [f"i{i}" for i in range(12)]
    tree = flat(**dict.fromkeys(names, 1.0))
    tree.nodes.loc[names, "rule"] = "minmax"
    x = pd.DataFrame(rng.random((29, 12)), columns=names)
    start = time.perf_counter()
    assert len(marginal_value(x, tree)) == 29 * 12
    assert time.perf_counter() - start < 2


def test_intervals_that_all_meet_cannot_be_ranked() -> None:
    value = pd.Series([1.0, 2, 3], ["a", "b", "c"])
    assert overlapping(value, pd.Series(1.1, value.index))
    assert not overlapping(value, pd.Series(0.9, value.index))
    assert not overlapping(value, pd.Series(1.0, value.index))  # 2 and 2: they only touch
    assert overlapping(value[:1], pd.Series(0.0, value.index))
    with pytest.raises(ParameterError, match="half_width of b is nan"):
        overlapping(value, pd.Series({"a": 1.0, "c": 1.0}))


INDEX = pd.Series([50.0, 60, 70, NAN], UNITS)


def ahead(**share: float) -> pd.DataFrame:
    """The share of draws in which the first of a pair such as "u2u1" is ahead."""
    table = pd.DataFrame(0.5, UNITS, UNITS)
    for pair, value in share.items():
        table.loc[pair[:2], pair[2:]], table.loc[pair[2:], pair[:2]] = value, 1 - value
    return table


def test_pairs_are_told_apart_by_the_draws() -> None:
    told = pairs_told_apart(INDEX, ahead=ahead(u2u1=0.89, u3u1=0.99, u3u2=0.9))
    assert told.pairs[["first", "second", "difference", "told_apart"]].to_numpy().tolist() == [
        ["u3", "u2", 10, True],
        ["u3", "u1", 20, True],
        ["u2", "u1", 10, False],
    ]
    assert (told.number, told.total) == (2, 3)
    assert told.share == pytest.approx(2 / 3)


def test_draws_that_contradict_the_index_tell_nothing_apart() -> None:
    assert pairs_told_apart(INDEX[:2], ahead=ahead(u2u1=0.01)).number == 0


def test_pairs_are_told_apart_by_intervals() -> None:
    half = pd.Series([4, 6, 3, 1], UNITS)
    told = pairs_told_apart(INDEX, low=INDEX - half, high=INDEX + half)
    # 54-54 touch and so are apart; 66 and 67 are apart
    assert told.pairs["told_apart"].tolist() == [True, True, True]
    wider = pairs_told_apart(INDEX, low=INDEX - 7, high=INDEX + 7)
    assert wider.pairs["told_apart"].tolist() == [False, True, False]
    assert wider.pairs["share_ahead"].isna().all()


def test_ties_and_single_units_are_not_told_apart() -> None:
    tied = pairs_told_apart(pd.Series([5.0, 5], UNITS[:2]), ahead=ahead(u2u1=1, u1u2=1))
    assert (tied.number, tied.total) == (0, 1)
    alone = pairs_told_apart(INDEX[:1], ahead=ahead())
    assert (alone.number, alone.total) == (0, 0)
    assert np.isnan(alone.share)


def test_draws_or_intervals_are_needed_and_not_both() -> None:
    for given_ends in ({}, {"low": INDEX}, {"ahead": ahead(), "low": INDEX, "high": INDEX}):
        with pytest.raises(ParameterError, match="either `ahead`, or both"):
            pairs_told_apart(INDEX, **given_ends)


def test_the_smallest_difference_that_is_seen_by_hand() -> None:
    index = pd.Series([0.0, 1, 3, 7], UNITS)
    # differences 7 6 4 3 2 1 (u4u1 u4u2 u4u3 u3u1 u3u2 u2u1)
    shares = {"u4u1": 1, "u4u2": 1, "u4u3": 0.95, "u3u1": 0.92, "u3u2": 0.7, "u2u1": 0.95}
    seen = ahead(**shares)
    assert smallest_detectable_difference(index, seen) == 3
    assert smallest_detectable_difference(index, seen, almost=0.8) == 1  # 5 of 6
    assert smallest_detectable_difference(index, seen, level=0.94) == 4
    assert np.isnan(smallest_detectable_difference(index, ahead()))


def test_pairs_equally_far_apart_count_together() -> None:
    # both 10 apart, one told: half of them; the pair 20 apart is told
    seen = ahead(u2u1=0.5, u3u1=1, u3u2=1)
    assert smallest_detectable_difference(INDEX, seen, almost=0.7) == 20
    assert smallest_detectable_difference(INDEX, seen, almost=0.6) == 10


def advice(x: pd.DataFrame, tree, **more: object) -> pd.DataFrame:
    table = indicator_advice(x, tree, nodes=scored(x, tree), **more)
    return table.set_index("indicator_id")


def test_advice_says_what_each_indicator_is_worth() -> None:
    tree = flat(a=10, b=1, c=1, d=1, e=1, f=1, g=1)
    x = frame(
        a=[1, 2, 3, 4, 5, 6],
        b=[100] * 6,
        c=[100, 100, 100, 100, 100, 100 - 1e-12],  # the computer's arithmetic is no difference
        d=[NAN] * 6,
        e=[2, 4, 6, 8, 10, 12],
        f=[3, 1, 2, 2, 1, 1],
        g=[1, 5, 2, 6, 3, 4],
    )
    tree.nodes.loc["c", "veto"] = "yes"
    table = advice(x, tree)
    assert table["reason"].to_dict() == {
        "a": "", "b": "one_score", "c": "binding", "d": "no_score", "e": "redundant",
        "f": "against_parent", "g": "",
    }  # fmt: skip
    assert table["advice"].to_dict() == {
        "a": "keep", "b": "delete", "c": "keep", "d": "modify", "e": "merge", "f": "modify",
        "g": "keep",
    }  # fmt: skip
    assert table.loc["e", "partner"] == "a"
    # f: 15 pairs less three of the three 1s and one of the two 2s
    assert table.loc["f", "separated"] == pytest.approx(11 / 15)


def test_an_indicator_that_separates_little_or_costs_much_should_change() -> None:
    tree = flat(a=1, b=1, c=1)
    x = frame(a=[1, 2, 3, 4, 5, 6], b=[1, 3, 2, 5, 6, 4], c=[0, 0, 0, 0, 0, 9])
    costs = pd.Series({"a": 15, "b": 60, "c": 5})
    table = advice(x, tree, hours=costs, limits=Limits(separated=0.4))
    # hours per pair 1, 4, 1; three times the median of 1
    assert table["hours_per_pair"].tolist() == [1, 4, 1]
    assert table["reason"].to_dict() == {"a": "", "b": "costly", "c": "discriminates_little"}


def test_the_cheaper_of_two_that_say_the_same_is_kept() -> None:
    tree = flat(a=1, b=1)
    x = frame(a=[1, 2, 3], b=[2, 4, 6])
    assert advice(x, tree)["partner"].to_dict() == {"a": "", "b": "a"}
    dear = advice(x, tree, hours=pd.Series({"a": 9, "b": 1}))
    assert dear["partner"].to_dict() == {"a": "b", "b": ""}


def test_one_unit_says_nothing_and_so_does_none() -> None:
    tree = flat(a=1, b=1)
    assert advice(frame(a=[1], b=[2]), tree)["reason"].tolist() == ["one_score"] * 2
    assert advice(frame(a=[NAN], b=[NAN]), tree)["reason"].tolist() == ["no_score"] * 2
