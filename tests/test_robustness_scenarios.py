"""What single steps would change, and schemes as the parameters have them, worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from score_trees import alone, branch, family, frame, framework, leaf
from study_runs import ROOT

from haidian_eval import robustness, scoring
from haidian_eval.errors import ParameterError
from haidian_eval.params import Composite, Params, load_params
from haidian_eval.robustness.board import board, compared
from haidian_eval.scoring.framework import with_choices, with_special

EXACT = 1e-12  # relative: the same few sums in another order
NAN = math.nan
TREE = framework(
    branch("root", None),
    branch("p", weight=3),
    branch("q", weight=1),
    leaf("a", "p", 1),
    leaf("b", "p", 4),
    leaf("c", "q", 1),
    leaf("d", "q", 3),
)
VALUES = frame(a=[90, 20, 50, 10], b=[10, 60, 40, 80], c=[30, 80, 20, 50], d=[70, 10, 60, 20])


def leaf_shares(tree: scoring.Framework, weights: pd.Series | None = None) -> pd.Series:
    """Each indicator's share of the index, from what `score` says it made the index with."""
    x = pd.DataFrame(1.0, index=["u0", "u1"], columns=tree.leaves)
    return scoring.score(x, tree, weights=weights).effective_weights.loc["u0"]


# --- shares and weights -------------------------------------------------------------------------


def test_shares_are_products_of_the_shares_within_parents() -> None:
    found = robustness.shares(TREE)
    # p 3/4, q 1/4; a 1/5 of p, b 4/5; c 1/4 of q, d 3/4
    expected = {"root": 1, "p": 0.75, "q": 0.25, "a": 0.15, "b": 0.6, "c": 0.0625, "d": 0.1875}
    assert found[list(expected)].to_dict() == pytest.approx(expected, rel=EXACT)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.75, 0.99])
@pytest.mark.parametrize("node", ["p", "q", "a", "b", "c", "d"])
def test_node_gets_its_share_and_all_others_keep_their_proportions(node: str, share: float) -> None:
    now = leaf_shares(TREE)
    inside = {"p": ["a", "b"], "q": ["c", "d"]}.get(node, [node])
    own = now[inside].sum()
    chosen = leaf_shares(TREE, robustness.weights_with_share(TREE, node, share))
    expected = now * (1 - share) / (1 - own)
    expected[inside] = now[inside] * share / own
    np.testing.assert_allclose(chosen, expected, rtol=EXACT, atol=EXACT)
    assert chosen[inside].sum() == pytest.approx(share, rel=EXACT, abs=EXACT)


def test_node_without_weight_may_get_some() -> None:
    tree = framework(
        branch("root", None), branch("p", weight=0), branch("q"),
        leaf("a", "p", 1), leaf("b", "p", 3), leaf("c", "q", 2), leaf("d", "q", 0),
    )  # fmt: skip
    chosen = leaf_shares(tree, robustness.weights_with_share(tree, "p", 0.4))
    assert chosen.to_dict() == pytest.approx({"a": 0.1, "b": 0.3, "c": 0.6, "d": 0}, rel=EXACT)
    chosen = leaf_shares(tree, robustness.weights_with_share(tree, "d", 0.4))
    assert chosen.to_dict() == pytest.approx({"a": 0, "b": 0, "c": 0.6, "d": 0.4}, rel=EXACT)


def test_bonus_points_stay_what_they_are() -> None:
    tree = framework(
        branch("root", None), leaf("a", weight=3), leaf("b"), branch("more", weight=8, bonus="yes"),
        leaf("m0", "more", 1), leaf("m1", "more", 3), leaf("less", weight=4, bonus="deduct"),
    )  # fmt: skip
    x = frame(a=[60, 40], b=[20, 80], m0=[50, 0], m1=[50, 100], less=[0, 25])
    chosen = scoring.score(x, tree, weights=robustness.weights_with_share(tree, "b", 0.5))
    # means 40 and 60; 8 points x 50 % and 75 %; 4 points x 0 and 25 % off
    assert chosen.index.tolist() == pytest.approx([44, 65], rel=EXACT)
    assert tree.bonuses == {"more": 8, "less": -4}
    for node in ("more", "m0", "less"):
        with pytest.raises(ParameterError, match=f"'{node}' has no share.*added to the index"):
            robustness.weights_with_share(tree, node, 0.5)


@pytest.mark.parametrize(
    ("node", "share", "message"),
    [
        ("p", 1.0, "share = 1.0"),
        ("p", -0.1, "share = -0.1"),
        ("root", 0.5, "'root'"),
        ("pp", 0.5, "'pp'"),
    ],
)
def test_share_that_cannot_be_had_is_refused(node: str, share: float, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        robustness.weights_with_share(TREE, node, share)


def test_node_that_has_all_the_weight_can_give_none() -> None:
    with pytest.raises(ParameterError, match=r"'a' has all the weight"):
        robustness.weights_with_share(family([2, 0]), "a", 0.5)


# --- more weight for one node -------------------------------------------------------------------


def test_scenario_holds_the_index_of_every_share_by_hand() -> None:
    x = frame(a=[90, 40, 50], b=[10, 60, 40])
    found = robustness.weight_scenario(x, family([3, 1]), "b", [0.25, 0.5])
    assert found.frame["unit_id"].tolist() == ["u0", "u1", "u2"] * 2
    assert found.frame["share"].tolist() == [0.25] * 3 + [0.5] * 3
    # 3 : 1 gives 70, 45, 47.5; half and half 50, 50, 45
    assert found.frame["index"].tolist() == pytest.approx([70, 45, 47.5, 50, 50, 45], rel=EXACT)
    assert found.frame["rank"].tolist() == [1, 3, 2, 1, 1, 3]
    # gains -20, 5, -2.5 with the mean -35 / 6
    mean = -17.5 / 3
    expected = [0, 0, 0, -20 - mean, 5 - mean, -2.5 - mean]
    assert found.frame["change"].tolist() == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert (found.frame["verdict"] == "open").all()  # no standard error, no certainty
    assert found.frame[["low", "high"]].isna().all(axis=None)


def test_gain_counts_only_beyond_its_sampling_error() -> None:
    x = frame(a=[90, 40, 50], b=[10, 60, 40])
    # the share moves by 0.25; changes -14.17, 10.83, 3.33; half-widths 0.49 se
    edge = (5 + 17.5 / 3) / (1.959963984540054 * 0.25)
    for se, verdict in ((0.999 * edge, "gains"), (1.001 * edge, "open")):
        given = pd.Series({"u1": se, "u0": 1.0, "u2": 100.0})
        found = robustness.weight_scenario(x, family([3, 1]), "b", [0.5], se=given).frame
        assert found["verdict"].tolist() == ["loses", verdict, "open"]
        half = found.set_index("unit_id")["high"] - found.set_index("unit_id")["change"]
        assert half.to_dict() == pytest.approx((1.959963984540054 * 0.25 * given).to_dict())
        np.testing.assert_allclose(found["change"] - found["low"], half)


def test_more_and_less_weight_have_the_same_error() -> None:
    x, se = frame(a=[90, 40], b=[10, 60]), pd.Series({"u0": 8.0, "u1": 8.0})
    found = robustness.weight_scenario(x, family([1, 1]), "b", [0.3, 0.7], se=se).frame
    np.testing.assert_allclose(found["high"] - found["low"], 2 * 1.959963984540054 * 0.2 * 8)


def test_error_of_an_indicators_score_is_in_points_whatever_the_rule() -> None:
    x = frame(a=[20, 30, 60, NAN])
    se = frame(a=[1, 2, NAN, 3])
    # goalposts 0..50: 2 points a unit of value; 60 +- 10 stays at full marks
    tree = alone(rule="goalposts", low=0, high=50)
    found = robustness.score_errors(x, se.fillna({"a": 10}), tree, "a")
    assert found.tolist()[:3] == pytest.approx([2, 4, 0], rel=EXACT)
    # minmax:1,100 over 20..60: u1 moves 2 x 99 / 40; u0 up by 1 is still the lowest, at 1 point
    tree = alone(rule="minmax:1,100")
    found = robustness.score_errors(x, se, tree, "a")
    assert found.tolist() == pytest.approx([0, 2 * 99 / 40, NAN, NAN], nan_ok=True, rel=EXACT)
    # a cost of 0.5 points each, nothing below zero: 3 - 4 is turned back to 1
    tree = alone(rule="deduction:0.5", direction="cost", high=10)
    found = robustness.score_errors(frame(a=[3]), frame(a=[4]), tree, "a")
    assert found.tolist() == pytest.approx([0.5 * (7 - 1) / 2], rel=EXACT)


def test_error_of_a_parents_score_sums_those_of_its_children_in_squares() -> None:
    se = frame(a=[10, NAN, NAN, 10], b=[5, 5, NAN, NAN], c=[4, 8, NAN, NAN], d=[NAN] * 4)
    # p: a 1/5, b 4/5; root: p 3/4, c 1/4 x 1/4; no standard error counts 0 beside others
    p = [math.hypot(2, 4), 4, NAN, 2]
    q = [1, 2, NAN, NAN]
    root = [math.hypot(0.75 * p[0], 0.25), math.hypot(3, 0.5), NAN, 1.5]
    for node, expected in (("p", p), ("q", q), ("root", root)):
        found = robustness.score_errors(VALUES, se, TREE, node)
        assert found.tolist() == pytest.approx(expected, rel=EXACT, nan_ok=True)
    gap = VALUES.assign(b=[NAN, 60, 40, 80])  # a makes u0's score of p alone
    assert robustness.score_errors(gap, se, TREE, "p")["u0"] == pytest.approx(10, rel=EXACT)
    with pytest.raises(ParameterError, match="'pp'"):
        robustness.score_errors(VALUES, se, TREE, "pp")


@pytest.mark.parametrize("node", ["p", "a", "d"])
def test_two_units_are_level_at_their_break_even_share(node: str) -> None:
    found = robustness.weight_scenario(VALUES, TREE, node, [0.5]).break_even
    assert len(found) > 1
    assert found["share"].is_monotonic_increasing
    now = scoring.score(VALUES, TREE).index
    for _, pair in found.iterrows():
        assert now[pair["ahead"]] >= now[pair["behind"]]
        for move, sign in ((-1e-6, 1), (0, 0), (1e-6, -1)):
            weights = robustness.weights_with_share(TREE, node, pair["share"] + move)
            index = scoring.score(VALUES, TREE, weights=weights).index
            gap = index[pair["ahead"]] - index[pair["behind"]]
            if pair["share"] < robustness.shares(TREE)[node]:
                sign = -sign
            assert np.sign(np.round(gap, 9)) == sign, (pair, move)


def test_pairs_that_never_change_places_have_no_break_even() -> None:
    x = frame(a=[90, 40, 50], b=[80, 60, 60])  # u0 leads in both; u1 and u2 are level at share 1
    found = robustness.weight_scenario(x, family([3, 1]), "b", [0.5]).break_even
    assert found.empty
    # 90 p' + 10 p = 40 p' + 60 p at p = 1/2: 50 (1 - p) = 50 p
    x = frame(a=[90, 40], b=[10, 60])
    found = robustness.weight_scenario(x, family([3, 1]), "b", [0.5]).break_even
    assert found.loc[0, ["ahead", "behind"]].tolist() == ["u0", "u1"]
    assert found.loc[0, "share"] == pytest.approx(0.5, rel=EXACT)
    turned = robustness.weight_scenario(x, family([1, 3]), "b", [0.5]).break_even
    assert turned.loc[0, ["ahead", "behind"]].tolist() == ["u1", "u0"]


def test_bonus_points_move_the_break_even_share() -> None:
    tree = framework(branch("root", None), leaf("a"), leaf("b"), leaf("m", weight=10, bonus="yes"))
    x = frame(a=[90, 40], b=[10, 60], m=[0, 100])
    found = robustness.weight_scenario(x, tree, "b", [0.5]).break_even
    # 90 (1 - p) + 10 p = 40 (1 - p) + 60 p + 10 at p = 0.4; now, at 0.5, u1 is ahead
    assert found.loc[0, "share"] == pytest.approx(0.4, rel=EXACT)
    assert found.loc[0, ["ahead", "behind"]].tolist() == ["u1", "u0"]


def test_unit_with_a_gap_on_the_way_has_no_break_even() -> None:
    x = frame(a=[90, 40, 70], b=[10, 60, 40], c=[50, 50, NAN])
    found = robustness.weight_scenario(x, family([1, 1, 1]), "b", [0.5]).break_even
    assert found[["ahead", "behind"]].to_numpy().tolist() == [["u0", "u1"]]
    below = VALUES.assign(a=[90, NAN, 50, 10])  # b alone makes the score of p: no gap on its way
    found = robustness.weight_scenario(below, TREE, "q", [0.5]).break_even
    assert "u1" in {*found["ahead"], *found["behind"]}


def test_break_even_above_another_mean_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"arithmetic means above b.*geometric"):
        robustness.weight_scenario(
            frame(a=[1, 2], b=[2, 1]), family([1, 1], "geometric"), "b", [0.5]
        )


# --- an indicator less --------------------------------------------------------------------------


def test_rank_without_an_indicator_is_that_of_the_framework_without_it() -> None:
    found = robustness.remove_one(VALUES, TREE)
    assert found.columns.tolist() == ["a", "b", "c", "d"]
    for name in TREE.leaves:
        weights = TREE.nodes["weight"].drop("root")
        weights[name] = 0.0
        expected = scoring.score(VALUES, TREE, weights=weights).rank
        assert found[name].tolist() == expected.tolist()
    assert found.nunique(axis=1).max() > 1  # somebody's rank hangs on one indicator


def test_pillar_that_loses_its_only_indicator_leaves_its_weight_to_the_rest() -> None:
    tree = framework(branch("root", None), branch("p"), branch("q"),
                     leaf("a", "p"), leaf("b", "q"), leaf("m", weight=50, bonus="yes"))  # fmt: skip
    x = frame(a=[90, 10, 50], b=[10, 80, 40], m=[0, 0, 100])
    found = robustness.remove_one(x, tree)
    assert found.columns.tolist() == ["a", "b"]
    # without a: 10, 80, 40 + 50; without b: 90, 10, 50 + 50
    assert found["a"].tolist() == [3, 2, 1]
    assert found["b"].tolist() == [2, 3, 1]


def test_family_without_any_weight_has_no_score() -> None:
    design = pd.DataFrame({"node:a": [0.0], "node:b": [0.0]})
    index = robustness.evaluate(VALUES, TREE, design)
    expected = (VALUES["c"] + 3 * VALUES["d"]) / 4  # q alone
    np.testing.assert_allclose(index.loc[0], expected, rtol=EXACT)
    alone = robustness.evaluate(frame(a=[1, 2]), family([1]), pd.DataFrame({"node:a": [0.0]}))
    assert alone.isna().all(axis=None)


# --- schemes as the parameters have them --------------------------------------------------------

SCHEME = [
    branch("root", None),
    leaf("a", weight=3),
    leaf("b", weight=1),
    branch("block", weight=10),
    leaf("s", "block", 1),
    leaf("t", "block", 3),
]
CELLS = {  # unit -> a, b, s, t of 2024
    "u0": (60, 20, 40, 80), "u1": (40, 80, NAN, 20), "u2": (50, 50, NAN, NAN),
}  # fmt: skip
MEANS = {"u0": 50.0, "u1": 50.0, "u2": 50.0}  # of a and b, 3 : 1
BLOCK = {"u0": 70.0, "u1": 20.0, "u2": NAN}  # of s and t, 1 : 3


def shipped(**scoring_sections: Any) -> Params:
    """The shipped parameters, with this scheme and few draws."""
    params = load_params(ROOT / "data" / "raw" / "2024")
    chosen = (Composite(scheme="s", kind="town", period="2024"),)
    own = params.scoring.model_copy(
        update={"composites": chosen, "special_block": "block", **scoring_sections}
    )
    few = params.robustness.model_copy(update={"draws": 20, "rules": (), "pair": None})
    return params.model_copy(update={"scoring": own, "robustness": few})


def tables(cells: dict[str, tuple] = CELLS, period: str = "2024") -> dict[str, pd.DataFrame]:
    """The tables of an edition with this scheme alone."""
    long = [(u, i, v) for u, row in cells.items() for i, v in zip("abst", row, strict=True)]
    values = pd.DataFrame(long, columns=["unit_id", "indicator_id", "value"]).dropna()
    values = values.assign(period=period, se=NAN, half_width=NAN)
    units = pd.DataFrame({"unit_id": [*cells, "other"], "unit_type": "town", "peer_group": None})
    units.loc[len(cells), "unit_type"] = "station"
    points = pd.DataFrame(columns=["scheme_id", "node_id", "at", "score"])
    indicators = pd.DataFrame(SCHEME).assign(scheme_id="s")
    return {"indicators": indicators, "points": points, "units": units, "values": values}


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("apart", MEANS),
        ("bonus", {"u0": 57.0, "u1": 52.0, "u2": 50.0}),  # 10 points x 70 %, 20 %, none
        ("inside", {"u0": 900 / 14, "u1": 400 / 14, "u2": 50.0}),  # 4 : 10, of u2 the means alone
    ],
)
def test_special_block_is_scored_apart_added_or_left_inside(
    entry: str, expected: dict[str, float]
) -> None:
    params = shipped(special=entry)
    found = board(tables(), params.scoring.composites[0], params)
    assert found.scores.index.to_dict() == pytest.approx(expected, rel=EXACT)
    apart = BLOCK if entry == "apart" else dict.fromkeys(BLOCK, NAN)
    assert found.special.to_dict() == pytest.approx(apart, rel=EXACT, nan_ok=True)
    assert found.units["unit_id"].tolist() == ["u0", "u1", "u2"]
    assert len(found.uncertainty.design) == 20


def test_board_stands_where_no_unit_has_a_value_of_the_special_block() -> None:
    cells = {unit: (*row[:2], NAN, NAN) for unit, row in CELLS.items()}
    params = shipped(special="apart")
    found = board(tables(cells), params.scoring.composites[0], params)
    assert found.scores.index.to_dict() == pytest.approx(MEANS, rel=EXACT)
    assert found.special.to_dict() == pytest.approx(dict.fromkeys(CELLS, NAN), nan_ok=True)


def test_scheme_without_values_of_the_kind_or_the_period_is_refused() -> None:
    params = shipped()
    other = Composite(scheme="s", kind="station", period="2024")
    with pytest.raises(ParameterError, match="s: no unit of the kind 'station'"):
        board(tables(), other, params)
    earlier = Composite(scheme="s", kind="town", period="2020")
    with pytest.raises(ParameterError, match="no unit has a value of 2020"):
        board(tables(), earlier, params)


def test_two_periods_named_by_the_parameters_are_compared() -> None:
    params = shipped()
    assert compared(tables(), params) is None
    later = {"u0": (20, 20, NAN, NAN), "u1": (40, 80, NAN, NAN), "u2": (45, 45, NAN, NAN)}
    both = tables()
    both["values"] = pd.concat([both["values"], tables(later, "2025")["values"]])
    before, after = (Composite(scheme="s", kind="town", period=p) for p in ("2024", "2025"))
    pair = params.robustness.model_copy(
        update={"pair": type("Pair", (), {"before": before, "after": after})()}
    )
    found = compared(both, params.model_copy(update={"robustness": pair}))
    assert found is not None
    # all at 50, then 20, 50, 45: ranks 1, 1, 1 and 3, 1, 2, by values alone
    assert found.frame["value"].tolist() == found.frame["move"].tolist() == [-2, 0, -1]


def test_special_block_that_is_all_of_its_parent_cannot_be_left_out() -> None:
    tree = framework(branch("root", None), leaf("a"), branch("p"), leaf("block", "p"))
    with pytest.raises(ParameterError, match="p: rule"):
        with_choices(with_special(tree, "block", "apart"), {})
