"""Scores: hand arithmetic, a foreign result, properties, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from haidian_eval import scoring, tables
from haidian_eval.errors import ParameterError, TableError
from haidian_eval.params import load_params

GOLDEN = Path(__file__).with_name("golden") / "road_dust_scores.csv"
TOLERANCE = 1e-12  # printed to 15 digits; scores are below 100
COINR_TOLERANCE = 1e-9  # relative; COINr prints 15 digits


def tree(**leaf: object) -> pd.DataFrame:
    """A root with the leaf "a"; keywords set its columns."""
    columns = list(tables.contracts()["indicators"].columns)
    rows = [
        {"node_id": "root", "weight": 1.0},
        {"node_id": "a", "parent_id": "root", "weight": 1.0, "rule": "identity"} | leaf,
    ]
    return pd.DataFrame(rows, columns=columns).assign(scheme_id="s")


def points(*pairs: tuple[float, float]) -> pd.DataFrame:
    rows = [{"scheme_id": "s", "node_id": "a", "at": at, "score": score} for at, score in pairs]
    return pd.DataFrame(rows)


def family(weights: list[float], aggregation: str = "arithmetic") -> scoring.Framework:
    """A root over the leaves a, b, c ... with these weights."""
    columns = list(tables.contracts()["indicators"].columns)
    rows = [{"node_id": "root", "weight": 1.0, "aggregation": aggregation}]
    rows += [
        {"node_id": chr(97 + i), "parent_id": "root", "weight": w, "rule": "identity"}
        for i, w in enumerate(weights)
    ]
    return scoring.build_framework(pd.DataFrame(rows, columns=columns).assign(scheme_id="s"))


@pytest.fixture
def dust(root: Path) -> scoring.Framework:
    edition = tables.read_edition(root / "data" / "raw" / "2024", strict=True)
    params = load_params(root / "data" / "raw" / "2024")
    return scoring.framework_of(
        edition.tables["indicators"], edition.tables["points"], params.scoring
    )


def scored(root: Path, as_of: str) -> scoring.Alone:
    """The shipped edition as it stands on a day."""
    folder = root / "data" / "raw" / "2024"
    params = load_params(folder, [f"edition.as_of={as_of}"])
    edition = tables.read_edition(folder, strict=True, params=params)
    parts = edition.tables
    framework = scoring.framework_of(parts["indicators"], parts["points"], params.scoring)
    share, units = params.scoring.full_marks_share, tables.assessed_units(parts["units"], params)
    return scoring.score_alone(parts["values"], framework, units, full_marks_share=share)


@pytest.mark.parametrize(
    ("value", "expected"),
    # (70 - 15.3) * 100 / 60 = 91.1666...; at and below 10 full marks; at and above 70 nothing
    [
        (15.3, 91.1666666666667),
        (13.9, 93.5),
        (10.1, 99.8333333333333),
        (10.0, 100.0),
        (0.0, 100.0),
        (40.0, 50.0),
        (70.0, 0.0),
        (99.0, 0.0),
    ],
)
def test_dust_rule_gives_the_published_arithmetic(
    dust: scoring.Framework, value: float, expected: float
) -> None:
    values = pd.DataFrame({"road_dust_residue": [value]}, index=["u"])
    actual = scoring.score(values, dust).index["u"]
    assert actual == pytest.approx(expected, abs=1e-10)


def test_shipped_values_score_as_worked_by_hand(root: Path) -> None:
    golden = pd.read_csv(GOLDEN, comment="#", dtype={"unit_id": str})
    actual = scored(root, "2025-12-31").scores.merge(golden, on=["period", "unit_id"])
    assert len(actual) == len(golden) == 12
    assert (actual["value_x"] == actual["value_y"]).all()
    np.testing.assert_allclose(actual["score_x"], actual["score_y"], rtol=TOLERANCE)


def test_all_17_units_have_full_marks_in_october_2025_and_none_is_ranked(root: Path) -> None:
    alone = scored(root, "2025-12-31")
    rows = alone.scores[alone.scores["period"] == "2025-10"]
    verdict = alone.discrimination.set_index("period").loc["2025-10"]
    assert (rows["score"] == 100).all()
    assert len(rows) == 17
    assert (verdict["units"], verdict["full_marks"], verdict["distinct"]) == (17, 17, 1)
    assert verdict["reason"] == "full_marks"
    assert rows["score_rank"].isna().all()


def test_edition_leaves_october_2025_out(root: Path) -> None:
    alone = scored(root, "2025-06-30")
    assert sorted(set(alone.scores["period"])) == ["2022-02", "2023-11"]
    assert list(alone.discrimination["full_marks"]) == [11, 16]
    assert list(alone.discrimination["units"]) == [16, 17]


def test_level_rank_of_ties_is_1_1_3_with_their_interval(root: Path) -> None:
    alone = scored(root, "2025-06-30")
    rows = alone.scores[alone.scores["period"] == "2023-11"].set_index("unit_id")
    # 7.7 three times after seven lower values: rank 8 for all, next is 11
    for unit in ("110101", "110113", "110114"):
        assert tuple(rows.loc[unit, ["level_rank", "rank_best", "rank_worst"]]) == (8, 8, 10)
    assert rows.loc["110105", "level_rank"] == 11
    assert rows.loc["110119", "level_rank"] == 1


def test_unit_without_value_has_neither_score_nor_rank(root: Path) -> None:
    alone = scored(root, "2025-06-30")
    row = alone.scores[alone.scores["period"] == "2022-02"].set_index("unit_id").loc["1101BDA"]
    assert row[["value", "score", "score_rank", "level_rank", "rank_best"]].isna().all()


def test_rounding_moves_a_dust_score_by_a_twelfth_at_most(root: Path) -> None:
    # slope 100 / 60 per g/m2 times the half width 0.05 = 0.08333
    rounding = scored(root, "2025-06-30").discrimination["rounding"]
    np.testing.assert_allclose(rounding, 0.05 * 100 / 60, rtol=1e-9)


def test_competition_rank_is_1_1_3_and_leaves_missing_unranked() -> None:
    actual = scoring.competition_rank(pd.Series([90.0, np.nan, 95.0, 95.0]))
    assert actual.tolist() == [3, pd.NA, 1, 1]


def test_rank_bounds_widen_with_rounding() -> None:
    # 1.0 and 1.1 rounded to 0.1: known in order; to 0.2: each may be first
    value = pd.Series([1.0, 1.1, 5.0])
    narrow = scoring.rank_bounds(value, pd.Series(0.05, value.index), ascending=True)
    wide = scoring.rank_bounds(value, pd.Series(0.1, value.index), ascending=True)
    assert narrow.to_numpy().tolist() == [[1, 1], [2, 2], [3, 3]]
    assert wide.to_numpy().tolist() == [[1, 2], [1, 2], [3, 3]]


@given(
    st.lists(st.integers(0, 60), min_size=1, max_size=12),
    st.integers(0, 20),
    st.randoms(use_true_random=False),
)
def test_every_possible_rank_lies_within_its_bounds(values, half, random) -> None:
    value = pd.Series(values, dtype=float)
    width = pd.Series(half / 10, value.index)
    bounds = scoring.rank_bounds(value, width, ascending=True)
    true = value + [random.uniform(-0.999, 0.999) * half / 10 for _ in values]
    rank = scoring.competition_rank(true, ascending=True)
    # a tie of true values may share the lower number, never a worse one than the bound
    assert (rank <= bounds["rank_worst"]).all()
    assert (true.rank(method="max") >= bounds["rank_best"]).all()


@pytest.mark.parametrize(
    ("score", "reason"),
    [
        ([100.0, 100.0, 90.0], "full_marks"),  # 2 of 3 is more than half
        ([100.0, 90.0], ""),  # exactly half is not more than half
        ([80.0, 80.0], "one_score"),
        ([np.nan, np.nan], "no_score"),
        ([80.0, 90.0, np.nan], ""),
    ],
)
def test_discrimination_says_why_an_indicator_cannot_rank(score, reason) -> None:
    actual = scoring.discrimination(pd.Series(score), full_marks_share=0.5)
    assert actual.reason == reason
    assert actual.units == int(np.isfinite(score).sum())


@given(st.lists(st.floats(0, 100), min_size=2, max_size=9))
def test_piecewise_score_never_rises_with_more_dust(values) -> None:
    framework = scoring.build_framework(
        tree(rule="piecewise", direction="cost"), points((10, 100), (70, 0))
    )
    x = pd.DataFrame({"a": sorted(values)})
    score = scoring.score(x, framework).index
    assert (score.diff().dropna() <= 1e-12).all()
    assert score.between(0, 100).all()


def test_step_takes_the_last_point_at_or_below_the_value() -> None:
    framework = scoring.build_framework(tree(rule="step"), points((0, 60), (80, 80), (90, 100)))
    x = pd.DataFrame({"a": [79.9, 80.0, 95.0, -5.0, np.nan]})
    actual = scoring.score(x, framework).index
    assert actual.tolist()[:4] == [60, 80, 100, 60]
    assert np.isnan(actual.iloc[4])


def test_goalposts_turn_round_for_a_cost_and_are_clipped() -> None:
    framework = scoring.build_framework(tree(rule="goalposts", low=10, high=50, direction="cost"))
    x = pd.DataFrame({"a": [10.0, 20.0, 50.0, 60.0]})
    assert scoring.score(x, framework).index.tolist() == [100, 75, 0, 0]


def test_cap_limits_a_score() -> None:
    framework = scoring.build_framework(tree(rule="identity", cap=100))
    assert scoring.score(pd.DataFrame({"a": [120.0, 90.0]}), framework).index.tolist() == [100, 90]


def test_missing_child_is_reweighted_and_the_weights_used_are_reported() -> None:
    framework = family([1, 2, 1])
    x = pd.DataFrame({"a": [80.0, 80.0], "b": [60.0, np.nan], "c": [40.0, 40.0]})
    actual = scoring.score(x, framework)
    # (80 + 2*60 + 40) / 4 = 60; without b (80 + 40) / 2 = 60
    assert actual.index.tolist() == [60, 60]
    assert actual.effective_weights.to_numpy().tolist() == [[0.25, 0.5, 0.25], [0.5, 0, 0.5]]
    assert actual.coverage.tolist() == [1, 2 / 3]


def test_propagate_makes_a_missing_child_the_parents_loss() -> None:
    framework = family([1, 1])
    nodes = framework.nodes.copy()
    nodes.loc["root", "missing"] = "propagate"
    strict = scoring.Framework(nodes, framework.points, framework.root)
    x = pd.DataFrame({"a": [80.0, 80.0], "b": [60.0, np.nan]})
    actual = scoring.score(x, strict).index
    assert actual.iloc[0] == 70
    assert np.isnan(actual.iloc[1])


def test_geometric_mean_matches_hand_arithmetic() -> None:
    # (25^1 * 100^1)^(1/2) = 50
    actual = scoring.score(pd.DataFrame({"a": [25.0], "b": [100.0]}), family([1, 1], "geometric"))
    assert actual.index.iloc[0] == pytest.approx(50, rel=1e-12)


@given(st.lists(st.floats(0.1, 10), min_size=3, max_size=3), st.integers(0, 2**32 - 1))
def test_index_is_between_its_children_and_ignores_the_scale_of_weights(weights, seed) -> None:
    x = pd.DataFrame(np.random.default_rng(seed).uniform(1, 99, (5, 3)), columns=list("abc"))
    index = scoring.score(x, family(weights)).index
    scaled = scoring.score(x, family([7 * w for w in weights])).index
    assert (index >= x.min(axis=1) - 1e-9).all()
    assert (index <= x.max(axis=1) + 1e-9).all()
    np.testing.assert_allclose(index, scaled, rtol=1e-12)


def test_weights_argument_replaces_those_of_the_table() -> None:
    x = pd.DataFrame({"a": [100.0], "b": [0.0]})
    actual = scoring.score(x, family([1, 1]), weights=pd.Series({"a": 3.0}))
    assert actual.index.iloc[0] == 75
    with pytest.raises(ParameterError, match=r"the node 'c' is not known"):
        scoring.score(x, family([1, 1]), weights=pd.Series({"c": 3.0}))
    with pytest.raises(ParameterError, match="finite and zero or more"):
        scoring.score(x, family([1, 1]), weights=pd.Series({"a": -1.0}))


def test_unknown_rounding_gives_no_interval_and_no_error(root: Path) -> None:
    value, half = pd.Series([1.0, 2.0, np.nan]), pd.Series([0.1, np.nan, np.nan])
    assert scoring.rank_bounds(value, half, ascending=True).isna().all(axis=None)
    known = scoring.rank_bounds(value, pd.Series([0.1, 0.1, np.nan]), ascending=True)
    assert known["rank_best"].tolist() == [1, 2, pd.NA]


def test_highest_score_and_where_it_begins_follow_the_rule() -> None:
    dust = scoring.build_framework(
        tree(rule="piecewise", direction="cost"), points((10, 100), (70, 0))
    )
    ten = scoring.build_framework(tree(rule="piecewise"), points((0, 0), (5, 10), (9, 10)))
    capped = scoring.build_framework(
        tree(rule="piecewise", direction="cost", cap=95), points((10, 100), (70, 0))
    )
    free = scoring.build_framework(tree(rule="identity"))
    assert [scoring.full_marks_at(f, "a") for f in (dust, ten)] == [10, 5]
    assert np.isnan([scoring.full_marks_at(f, "a") for f in (capped, free)]).all()
    assert [scoring.highest_score(f, "a") for f in (dust, ten, capped)] == [100, 10, 95]
    assert np.isnan(scoring.highest_score(free, "a"))


def test_rounding_interval_of_a_score_sees_the_points_inside_it() -> None:
    # up to 10 and down again: 9 +- 2 may score 70 (at 7), 100 (at 10) and 90 (at 11)
    framework = scoring.build_framework(tree(rule="piecewise"), points((0, 0), (10, 100), (20, 0)))
    units = pd.DataFrame({"unit_id": ["u"], "unit_type": ["district"], "peer_group": ["g"]})
    row = {"unit_id": "u", "indicator_id": "a", "period": "2024", "vintage": "v", "value": 9.0}
    values = pd.DataFrame([row | {"half_width": 2.0, "source_id": "S"}])
    actual = scoring.score_alone(values, framework, units, full_marks_share=0.5).scores.iloc[0]
    assert (actual["score_low"], actual["score"], actual["score_high"]) == (70, 90, 100)


def test_groups_and_previous_period_have_ranks_of_their_own() -> None:
    x = pd.DataFrame({"a": [90.0, 80.0, 70.0, 60.0]}, index=list("wxyz"))
    groups = pd.Series({"w": "one", "x": "two", "y": "one", "z": "two"})
    before = pd.DataFrame({"a": [90.0, 70.0, 65.0]}, index=list("wxy"))
    actual = scoring.score(x, family([1]), groups=groups, previous=before)
    assert actual.group_rank.tolist() == [1, 1, 2, 2]
    assert actual.improvement_rank.tolist() == [3, 1, 2, pd.NA]


def test_row_order_does_not_matter() -> None:
    x = pd.DataFrame({"a": [3.0, 1.0, 2.0]}, index=list("xyz"))
    framework = scoring.build_framework(tree(rule="minmax"))
    shuffled = scoring.score(x.loc[list("zxy")], framework).rank.loc[list("xyz")]
    assert shuffled.tolist() == scoring.score(x, framework).rank.tolist() == [1, 3, 2]


@pytest.mark.parametrize(
    ("leaf", "message"),
    [
        ({"rule": "zscor"}, "a: rule = 'zscor' is not known.*goalposts"),
        ({"missing": "guess"}, "a: missing = 'guess' is not known.*reweight"),
        ({"rule": "piecewise"}, "two points or more"),
        ({"rule": "goalposts"}, "goalposts needs low and high"),
        ({"rule": None}, "a: rule = None is not known"),
        ({"direction": "Cost"}, "a: direction = 'Cost' is not known.*'benefit', 'cost'"),
        ({"direction": "both"}, "a: direction = 'both' is not known"),
        ({"low": "ten"}, "a: low = 'ten' is not a number"),
        ({"weight": -1.0}, "weights must be finite and zero or more"),
        ({"weight": float("inf")}, "weights must be finite and zero or more"),
        ({"weight": 0.0}, "all weights under .*root.* are zero"),
        ({"parent_id": "elsewhere"}, "do not lead to the root"),
    ],
)
def test_what_cannot_be_scored_is_named(leaf, message) -> None:
    with pytest.raises(ParameterError, match=message):
        scoring.score(pd.DataFrame({"a": [1.0, 2.0]}), scoring.build_framework(tree(**leaf)))


def test_constant_indicator_under_minmax_is_a_named_error() -> None:
    framework = scoring.build_framework(tree(rule="minmax"))
    with pytest.raises(ParameterError, match="minmax needs two different values"):
        scoring.score(pd.DataFrame({"a": [5.0, 5.0]}), framework)


def test_zero_under_geometric_and_log_are_named_errors() -> None:
    with pytest.raises(ParameterError, match="above zero, and one is 0"):
        scoring.score(pd.DataFrame({"a": [0.0], "b": [1.0]}), family([1, 1], "geometric"))
    with pytest.raises(ParameterError, match="logarithm needs values above zero"):
        scoring.score(pd.DataFrame({"a": [0.0]}), scoring.build_framework(tree(transform="log")))


def test_frames_of_any_origin_score_alike() -> None:
    table = pd.DataFrame(
        {
            "node_id": ["r", "d", "a", "b"],
            "parent_id": ["", "r", "d", "d"],
            "weight": [1, 2, 1, 3],
            "rule": ["", "", "minmax", "goalposts"],
            "low": ["", "", "", 0],
            "high": [None, None, None, 10],
            "direction": ["", "", "cost", ""],
        }
    )
    framework = scoring.build_framework(table)
    values = pd.DataFrame({"a": [1, 2, 3], "b": pd.array([5, None, 10], dtype="Int64")})
    for frame in (values, values.astype("object"), values.astype("Float64")):
        actual = scoring.score(frame, framework)
        # (100 + 3*50)/4 = 62.5; a alone = 50; (0 + 3*100)/4 = 75
        assert actual.index.tolist() == [62.5, 50, 75]
        assert actual.rank.tolist() == [2, 3, 1]
    none = scoring.score(values.iloc[:0], framework)
    assert len(none.index) == len(none.rank) == 0


def test_values_that_are_no_numbers_or_no_units_are_named() -> None:
    framework = family([1])
    for wrong in ("x", float("inf")):
        with pytest.raises(ParameterError, match=r"a: .* of the unit 'v' is not a finite number"):
            scoring.score(pd.DataFrame({"a": [1.0, wrong]}, index=["u", "v"]), framework)
    with pytest.raises(ParameterError, match=r"more than one row for the units \['u'\]"):
        scoring.score(pd.DataFrame({"a": [1.0, 2.0]}, index=["u", "u"]), framework)
    with pytest.raises(ParameterError, match=r"no column for the indicators \['a'\]"):
        scoring.score(pd.DataFrame({"b": [1.0]}), framework)


def test_indicator_without_any_value_has_no_score() -> None:
    actual = scoring.score(pd.DataFrame({"a": [np.nan, np.nan]}), family([1]))
    assert actual.index.isna().all()
    assert actual.effective_weights.isna().all(axis=None)


def test_two_schemes_or_two_roots_are_refused() -> None:
    two = pd.concat([tree(), tree().assign(scheme_id="t")])
    with pytest.raises(ParameterError, match="one scheme makes a framework"):
        scoring.build_framework(two)
    with pytest.raises(ParameterError, match="one node without a parent"):
        scoring.build_framework(tree(parent_id=None))


def test_two_vintages_of_one_period_are_refused(root: Path) -> None:
    edition = tables.read_edition(root / "data" / "raw" / "2024", strict=True)
    params = load_params(root / "data" / "raw" / "2024")
    parts = edition.tables
    framework = scoring.framework_of(parts["indicators"], parts["points"], params.scoring)
    values = pd.concat([parts["values"], parts["values"].assign(vintage="revised")])
    units = tables.assessed_units(parts["units"], params)
    with pytest.raises(TableError, match=r"18 units have values of the vintages"):
        scoring.score_alone(values, framework, units, full_marks_share=0.5)


def test_choice_of_an_unknown_rule_names_the_parameter(root: Path) -> None:
    folder = root / "data" / "raw" / "2024"
    params = load_params(folder, ["scoring.rule=minmx"])
    parts = tables.read_edition(folder, strict=True).tables
    with pytest.raises(ParameterError, match=r"scoring.rule = 'minmx'.*did you mean 'minmax'"):
        scoring.framework_of(parts["indicators"], parts["points"], params.scoring)


def test_minmax_and_arithmetic_mean_match_coinr_on_asem(reference: Path) -> None:
    """COINr 1.1.14, 51 units x 49 indicators, three levels, 2.5 % missing (reweighted)."""
    folder = reference / "scoring" / "asem"
    meta = pd.read_csv(folder / "ASEM_iMeta.csv")
    meta = meta[meta["Type"].isin(["Indicator", "Aggregate"])]
    columns = list(tables.contracts()["indicators"].columns)
    indicators = pd.DataFrame(
        {
            "node_id": meta["iCode"],
            "parent_id": meta["Parent"],
            "weight": meta["Weight"].astype(float),
            "direction": meta["Direction"].map({1: "benefit", -1: "cost"}),
            "rule": np.where(meta["Type"] == "Indicator", "minmax", None),
        },
        columns=columns,
    ).assign(scheme_id="asem")
    framework = scoring.build_framework(indicators)
    raw = pd.read_csv(folder / "ASEM_iData.csv").set_index("uCode")
    actual = scoring.score(raw[framework.leaves], framework)
    expected = pd.read_csv(folder / "a_minmax_amean_scores.csv").set_index("uCode")
    nodes = [node for node in expected.columns if node in actual.nodes]
    assert len(nodes) == 49 + 8 + 2 + 1
    np.testing.assert_allclose(
        actual.nodes.loc[expected.index, nodes], expected[nodes], rtol=COINR_TOLERANCE, atol=1e-9
    )
    ranks = pd.read_csv(folder / "a_minmax_amean_ranks.csv").set_index("uCode")
    assert (actual.rank.loc[ranks.index] == ranks[framework.root]).all()
