"""Aggregators, missing policies, trees of four levels, grades, bonus and reasons, by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from score_trees import MEANS, alone, branch, brute, by_row, family, frame, framework, leaf, mean_of

from haidian_eval import scoring
from haidian_eval.errors import ParameterError

EXACT = 1e-12  # relative; sums of a few products
NAN = math.nan


@pytest.mark.parametrize(
    ("method", "expected"),
    # 40, 80, 100 with the weights 1, 2, 1
    [
        ("arithmetic", 75),  # 300 / 4
        ("geometric", (40 * 80 * 80 * 100) ** 0.25),
        ("harmonic", 4 / 0.06),  # 1/40 + 2/80 + 1/100
        ("generalised", 75),  # without a number as with 1
        ("generalised:1", 75),
        ("generalised:0", (40 * 80 * 80 * 100) ** 0.25),
        ("generalised:2", math.sqrt(6100)),  # (1600 + 12800 + 10000) / 4
        ("generalised:-1", 4 / 0.06),
        ("generalised:0.5", ((math.sqrt(40) + 2 * math.sqrt(80) + 10) / 4) ** 2),
        ("minimum", 40),
        ("mazziotta_pareto", 75 - 475 / 75),  # variance (35^2 + 2 * 5^2 + 25^2) / 4 = 475
    ],
)
def test_aggregator_gives_the_hand_arithmetic(method: str, expected: float) -> None:
    x = frame(a=[40], b=[80], c=[100])
    actual = scoring.score(x, family([1, 2, 1], method)).index.iloc[0]
    assert actual == pytest.approx(expected, rel=EXACT)


@pytest.mark.parametrize(
    ("method", "expected"),
    # without b: 40 and 100 with equal weights
    [
        ("arithmetic", 70),
        ("geometric", math.sqrt(4000)),
        ("harmonic", 2 / 0.035),
        ("generalised:0.5", ((math.sqrt(40) + 10) / 2) ** 2),
        ("minimum", 40),
        ("mazziotta_pareto", 70 - 900 / 70),
    ],
)
def test_aggregator_shares_the_weight_of_a_missing_child(method: str, expected: float) -> None:
    x = frame(a=[40, NAN], b=[NAN, NAN], c=[100, NAN])
    actual = scoring.score(x, family([1, 2, 1], method)).index
    assert actual.iloc[0] == pytest.approx(expected, rel=EXACT)
    assert np.isnan(actual.iloc[1])


@pytest.mark.parametrize("method", MEANS)
def test_mean_of_equal_children_or_of_one_child_is_their_score(method: str) -> None:
    actual = scoring.score(frame(a=[64, NAN], b=[64, 49]), family([1, 3], method)).index
    assert actual.tolist() == pytest.approx([64, 49], rel=EXACT)


@pytest.mark.parametrize("method", MEANS)
def test_child_without_weight_enters_no_mean(method: str) -> None:
    x = frame(a=[40], b=[80], c=[0])
    actual = scoring.score(x, family([1, 2, 0], method)).index.iloc[0]
    assert actual == pytest.approx(mean_of([40, 80], [1, 2], method), rel=EXACT)


def test_every_aggregator_is_tested_here() -> None:
    assert set(scoring.AGGREGATORS) == {name.partition(":")[0] for name in MEANS}


@pytest.mark.parametrize(
    ("method", "values", "message"),
    [
        ("geometric", (0, 5), "root.* 0"),
        ("geometric", (-2, 5), "root.*-2"),
        ("harmonic", (0, 5), "root.* 0"),
        ("generalised:0.5", (-1, 5), "root.*-1"),
        ("generalised:0", (0, 5), "root.* 0"),
        ("generalised:-1", (0, 5), "root.* 0"),
        ("generalised:-1", (-2, 5), "root.*-2"),
        ("mazziotta_pareto", (-5, 5), "root.* 0"),
        ("mazziotta_pareto", (-9, 5), "root.*-2"),  # the mean is -2
        ("owa", (1, 5), "root: aggregation = 'owa'.*mazziotta_pareto"),
        ("generalised:a", (1, 5), "generalised:a"),
        ("generalised:nan", (1, 5), "generalised.*nan"),
        ("generalised:inf", (1, 5), "generalised.*inf"),
    ],
)
def test_mean_refuses_what_it_cannot_take(method, values, message) -> None:
    with pytest.raises(ParameterError, match=message):
        scoring.score(frame(a=values[:1], b=values[1:]), family([1, 1], method))


@pytest.mark.parametrize(
    ("method", "low", "expected"),
    [
        ("arithmetic", 0, 4), ("arithmetic", -4, 2), ("minimum", -4, -4), ("generalised:1", 0, 4),
        ("generalised:2", 0, math.sqrt(32)),  # half of 64
        ("generalised:0.5", 0, 2),  # (sqrt(8) / 2) ** 2
    ],
)  # fmt: skip
def test_zero_and_negative_scores_enter_where_the_formula_allows_them(
    method, low, expected
) -> None:
    actual = scoring.score(frame(a=[low], b=[8]), family([1, 1], method)).index.iloc[0]
    assert actual == pytest.approx(expected)


GAP = [10.0, NAN, 40.0, 40.0]  # mean 30, median 40


@pytest.mark.parametrize(
    ("policy", "index", "filled"),
    [
        ("reweight", [10, 50, 40, 40], []),  # b alone scores u1
        ("propagate", [10, NAN, 40, 40], []),
        ("zero", [10, 25, 40, 40], [0]),
        ("mean", [10, 40, 40, 40], [30]),
        ("median", [10, 45, 40, 40], [40]),
        ("group_mean", [10, 37.5, 40, 40], [25]),  # of 10 and 40
        ("carry_forward", [10, 35, 40, 40], [20]),
    ],
)
def test_missing_policy_of_a_leaf_fills_or_leaves_the_raw_value(policy, index, filled) -> None:
    tree = framework(branch("root", None), leaf("a", missing=policy), leaf("b"))
    x = frame(a=GAP, b=[10, 50, 40, 40])
    groups = pd.Series(["n", "n", "n", "s"], index=x.index)
    before = frame(a=[1, 20, 3, 4], b=[1, 1, 1, 1])
    actual = scoring.score(x, tree, groups=groups, previous=before)
    np.testing.assert_allclose(actual.index, index, rtol=EXACT)
    assert actual.filled["value"].tolist() == filled
    record = actual.filled[["unit_id", "indicator_id", "policy"]].to_numpy().tolist()
    assert record == [["u1", "a", policy]] * len(filled)


@pytest.mark.parametrize(
    ("known", "median"),
    [([10], 10), ([10, 40], 25), ([40, 10, 13], 13), ([40, 10, 13, 20], 16.5)],
)
def test_median_of_few_known_values_fills_the_gap(known: list[float], median: float) -> None:
    tree = framework(branch("root", None), leaf("a", missing="median"))
    actual = scoring.score(frame(a=[NAN, *known, NAN]), tree)
    assert actual.filled["value"].tolist() == [median, median]


def test_every_missing_policy_is_tested_here() -> None:
    policies = "reweight propagate zero mean median group_mean carry_forward"
    assert set(scoring.MISSING) == set(policies.split())


def test_filling_comes_before_transform_and_rule() -> None:
    # the filled 0 is the lowest value, so that 5 of 10 scores 50
    actual = scoring.score(frame(a=[NAN, 5, 10]), alone(rule="minmax", missing="zero"))
    assert actual.index.tolist() == [0, 50, 100]
    with pytest.raises(ParameterError, match=r"a.*logarithm"):
        scoring.score(frame(a=[NAN, 5]), alone(transform="log", missing="zero"))


@pytest.mark.parametrize("policy", ["mean", "median", "group_mean", "carry_forward"])
def test_nothing_is_filled_where_nothing_is_known(policy: str) -> None:
    x = frame(a=[NAN, NAN])
    groups = pd.Series("one", index=x.index)
    actual = scoring.score(x, alone(missing=policy), groups=groups, previous=x)
    assert actual.index.isna().all()
    assert actual.filled.empty


@pytest.mark.parametrize(
    ("policy", "message"),
    [("group_mean", "a.*group_mean.*groups"), ("carry_forward", "a.*carry_forward.*previous")],
)
def test_policy_that_lacks_its_source_is_refused(policy: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        scoring.score(frame(a=[1, NAN]), alone(missing=policy))


def test_group_without_any_value_stays_missing() -> None:
    x = frame(a=[1, NAN, 7, NAN])
    groups = pd.Series(["n", "n", "m", "s"], index=x.index)
    actual = scoring.score(x, alone(missing="group_mean"), groups=groups).index
    np.testing.assert_array_equal(actual, [1, 1, 7, NAN])


def test_parent_knows_reweight_and_propagate_only() -> None:
    with pytest.raises(ParameterError, match=r"root.*mean"):
        framework(branch("root", None, missing="mean"), leaf("a"))


def human_development() -> scoring.Framework:
    """Goalposts of the Human Development Report 2023/24, technical note 1."""
    unit = {"rule": "goalposts", "to_low": 0, "to_high": 1}
    return framework(
        branch("hdi", None, aggregation="geometric"),
        leaf("life", "hdi", low=20, high=85, **unit),
        branch("education", "hdi", aggregation="arithmetic"),
        leaf("expected", "education", low=0, high=18, **unit),
        leaf("mean", "education", low=0, high=15, **unit),
        leaf("income", "hdi", low=100, high=75000, transform="log", **unit),
    )


def test_human_development_index_matches_its_formula() -> None:
    invented = frame(
        life=[81.4, 52.5, 90, 66.1], expected=[19.2, 9.9, 18, 12.4], mean=[13.3, 3.3, 16, 7.7],
        income=[48211, 1530, 120000, 9876],
    )  # fmt: skip
    expected = []
    for row in by_row(invented):
        life = min((row["life"] - 20) / 65, 1)
        school = (min(row["expected"] / 18, 1) + min(row["mean"] / 15, 1)) / 2
        income = min(math.log(row["income"] / 100) / math.log(750), 1)
        expected.append((life * school * income) ** (1 / 3))
    actual = scoring.score(invented, human_development())
    np.testing.assert_allclose(actual.index, expected, rtol=EXACT)
    assert actual.index["u2"] == 1  # every end passed
    assert actual.rank.tolist() == [2, 4, 1, 3]


FOUR = [
    branch("root", None, aggregation="arithmetic"),
    branch("p", weight=3, aggregation="geometric"),
    branch("q", weight=1.5, aggregation="harmonic"),
    branch("p1", "p", weight=2, aggregation="mazziotta_pareto"),
    branch("p2", "p", weight=0.5, aggregation="generalised:0.5"),
    branch("q1", "q", weight=1, aggregation="minimum"),
    leaf("q2", "q", weight=4),
    *[leaf(f"a{i}", "p1", weight=1 + i) for i in range(3)],
    *[leaf(f"b{i}", "p2", weight=2 + i % 2) for i in range(3)],
    *[leaf(f"c{i}", "q1", weight=5 - i) for i in range(2)],
]


def invented(tree: scoring.Framework, gaps: float, seed: int = 11) -> pd.DataFrame:
    """Values for 40 units, close enough for every mean; a share of the cells is missing."""
    rng = np.random.default_rng(seed)
    x = pd.DataFrame(rng.uniform(30, 100, (40, len(tree.leaves))), columns=tree.leaves)
    return x.mask(rng.random(x.shape) < gaps).set_axis([f"u{i:02}" for i in range(40)])


@pytest.mark.parametrize("gaps", [0, 0.3, 0.8])
@pytest.mark.parametrize("strict", [(), ("a1",), ("root",), ("c0", "p")])
def test_tree_of_four_levels_matches_plain_loops(gaps: float, strict: tuple[str, ...]) -> None:
    rows = [row | ({"missing": "propagate"} if row["node_id"] in strict else {}) for row in FOUR]
    tree = framework(*rows)
    x = invented(tree, gaps)
    actual = scoring.score(x, tree)
    for node in ("root", "p", "q", "p1", "p2", "q1"):
        known = [brute(node, rows, row)[0] for row in by_row(x)]
        expected = [NAN if one is None else one for one in known]
        np.testing.assert_allclose(actual.nodes[node], expected, rtol=1e-11, err_msg=node)


@pytest.mark.parametrize("gaps", [0, 0.3])
def test_weights_that_each_unit_was_scored_with_match_plain_loops(gaps: float) -> None:
    tree = framework(*FOUR)
    x = invented(tree, gaps)
    actual = scoring.score(x, tree).effective_weights
    for unit, row in zip(x.index, by_row(x), strict=True):
        score, used = brute("root", FOUR, row)
        assert score is not None
        np.testing.assert_allclose(actual.loc[unit, list(used)], list(used.values()), rtol=EXACT)
    np.testing.assert_allclose(actual.sum(axis=1), 1, rtol=EXACT)


def test_coverage_counts_the_values_of_the_source_and_not_the_filled_ones() -> None:
    tree = framework(branch("root", None), leaf("a", missing="zero"), leaf("b"))
    actual = scoring.score(frame(a=[NAN, 1], b=[1, 1]), tree)
    assert actual.coverage.tolist() == [0.5, 1]


def test_weights_of_the_call_reach_every_level() -> None:
    x = invented(framework(*FOUR), 0.2)
    chosen = {"p": 1.0, "a2": 9.0, "q1": 0.0}
    rows = [row | {"weight": chosen.get(row["node_id"], row["weight"])} for row in FOUR]
    actual = scoring.score(x, framework(*FOUR), weights=pd.Series(chosen)).index
    expected = scoring.score(x, framework(*rows)).index
    np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("method", MEANS)
def test_reasons_sum_to_the_points_lost(method: str) -> None:
    rows = [
        branch("root", None, aggregation=method), branch("p", weight=2, aggregation=method),
        leaf("a", "p", 1, rule="goalposts", low=-20, high=100),
        leaf("b", weight=3, rule="minmax:1,100"),
        leaf("c", "p", 2, rule="completion_rate", target=90),
    ]  # fmt: skip
    tree = framework(*rows)
    x = invented(tree, 0.15)
    scores = scoring.score(x, tree)
    found = scoring.reasons(scores, tree)
    total = found.groupby(["unit_id", "node_id"])["points"].sum(min_count=1)
    lost = scores.lost.stack().dropna()  # noqa: PD013 (keeps unit and node as the index)
    assert set(lost.index) <= set(total.index)
    np.testing.assert_allclose(total.reindex(lost.index), lost, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(scores.lost["root"], 100 - scores.index, rtol=1e-9)


def test_reasons_name_rule_children_and_formula() -> None:
    # a loses 75, b nothing: 25 and 100 make 50 as a geometric mean, 62.5 as an arithmetic one
    ends = {"rule": "goalposts", "low": 0, "high": 100}
    tree = framework(
        branch("root", None, aggregation="geometric"), leaf("a", **ends), leaf("b", **ends)
    )
    scores = scoring.score(frame(a=[25], b=[100]), tree)
    found = scoring.reasons(scores, tree).set_index(["node_id", "reason"])["points"]
    assert scores.lost.loc["u0", ["a", "b", "root"]].tolist() == pytest.approx([75, 0, 50])
    assert found["root", "a"] == pytest.approx(37.5)  # half of 75
    assert found["root", "aggregation"] == pytest.approx(12.5)  # 50 - 37.5
    assert found["a", "goalposts"] == pytest.approx(75)


def test_reasons_of_the_index_count_bonus_points_and_deductions() -> None:
    # (60 + 80) / 2 = 70, 2 on top, 3 off: 69; 31 lost are 20 by a, 10 by b, -2 and 3 by the two
    ends = {"rule": "goalposts", "low": 0, "high": 100}
    tree = framework(
        branch("root", None), leaf("a", **ends), leaf("b", **ends),
        leaf("more", weight=4, bonus="yes", **ends),
        leaf("less", weight=10, bonus="deduct", **ends),
    )  # fmt: skip
    scores = scoring.score(frame(a=[60], b=[80], more=[50], less=[30]), tree)
    found = scoring.reasons(scores, tree)
    root = found[found["node_id"] == "root"]
    assert scores.lost.loc["u0", "root"] == pytest.approx(31)
    assert root["points"].sum() == pytest.approx(31)
    by_reason = root.set_index("reason")["points"]
    assert by_reason.to_dict() == pytest.approx({"a": 20, "b": 10, "more": -2, "less": 3})


def test_points_lost_are_missing_where_no_full_marks_are_known() -> None:
    tree = framework(
        branch("root", None), leaf("a", rule="zscore"), leaf("b", rule="deduction", high=20)
    )
    lost = scoring.score(frame(a=[1, 2], b=[3, 25]), tree).lost
    assert lost["a"].isna().all()
    assert lost["b"].tolist() == [3, 20]


def test_rounding_moves_ranks_inside_the_group_alone() -> None:
    # a 9-11 and b 10.5-12.5 overlap, c 19-21 does not; d and e are exact
    value = pd.Series({"a": 10.0, "d": 5, "b": 11.5, "e": 6, "c": 20})
    half = pd.Series({"a": 1.0, "d": 0, "b": 1, "e": 0, "c": 1})
    groups = pd.Series({"a": "n", "d": "s", "b": "n", "e": "s", "c": "n"})
    actual = scoring.rank_bounds(value, half, ascending=True, by=groups)
    assert actual.index.tolist() == ["a", "d", "b", "e", "c"]
    assert actual["rank_best"].tolist() == [1, 1, 1, 2, 3]
    assert actual["rank_worst"].tolist() == [2, 1, 2, 2, 3]
    turned = scoring.rank_bounds(value, half, ascending=False, by=groups)
    assert turned["rank_best"].tolist() == [2, 2, 2, 1, 1]
    assert turned["rank_worst"].tolist() == [3, 2, 3, 1, 1]


@pytest.mark.parametrize(
    ("columns", "full"),
    [
        ({"rule": "goalposts", "low": 0, "high": 200}, 100),
        ({"rule": "goalposts", "low": 0, "high": 200, "to_low": 10, "to_high": 60}, 60),
        ({"rule": "goalposts", "low": 0, "high": 200, "cap": 90}, 90),
        ({"rule": "efficacy_coefficient", "low": 50, "high": 250, "cap": 120}, 100),
        ({"rule": "completion_rate", "target": 5, "cap": 80}, 80),
        ({"rule": "completion_rate", "target": 5, "cap": 120}, 100),
        ({"rule": "minmax:1,10"}, 10),
        ({"rule": "deduction", "high": 20}, 20),
        ({"rule": "deduction", "high": 20, "to_high": 50}, 50),
        ({"rule": "deduction", "cap": 30}, 30),
        ({"rule": "identity", "cap": 70}, 70),
        ({"rule": "rank"}, NAN),
    ],
)
def test_full_marks_are_those_of_the_rule(columns: dict[str, object], full: float) -> None:
    tree = alone(**columns)
    assert scoring.highest_score(tree, "a") == pytest.approx(full, nan_ok=True)
    root = scoring.score(frame(a=[1, 2]), tree).lost["root"]
    index = scoring.score(frame(a=[1, 2]), tree).index
    np.testing.assert_allclose(root, full - index)
