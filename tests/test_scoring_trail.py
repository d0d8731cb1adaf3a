"""Where a score comes from, what moved a rank, which values are scored: small cases by hand."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from score_trees import branch, family, frame, framework, leaf

from haidian_eval import scoring
from haidian_eval.errors import ParameterError, TableError
from haidian_eval.scoring.comparison import CAUSES, Run, compare
from haidian_eval.scoring.selection import alone, select
from haidian_eval.scoring.trail import explain

EXACT = 1e-12  # the same few sums in another order
NAN = math.nan


def rows(*cells: tuple, period: str = "2024") -> pd.DataFrame:
    """Rows of the table of values from (unit, indicator, value)."""
    table = pd.DataFrame(cells, columns=["unit_id", "indicator_id", "value"])
    table["value"] = table["value"].astype(float)
    more = {"se": 0.5, "half_width": NAN, "vintage": "final", "unit": "%", "source_id": "s1"}
    place = {"_file": "values.csv", "_sheet": "", "_row": range(2, len(table) + 2), "_repair": ""}
    return table.assign(period=period, **more, **place)


# --- the trail of a score -----------------------------------------------------------------------

TREE = framework(
    branch("root", None),
    branch("p", weight=3),
    branch("q", weight=1, aggregation="geometric"),
    leaf("a", "p", 2, rule="goalposts", low=0, high=200, cap=90, direction="cost"),
    leaf("b", "p", 6, missing="zero"),
    leaf("c", "q", 1, rule="piecewise", transform="log"),
    leaf("d", "q", 4),
    leaf("more", weight=5, bonus="yes"),
    points=[("c", 1, 10), ("c", 9.5, 100)],
)
VALUES = frame(a=[150, 150], b=[40, NAN], c=[math.e, math.e], d=[NAN, 50], more=[20, 20])


def test_trail_goes_down_from_the_node_asked_for_each_parent_before_its_children() -> None:
    scores = scoring.score(VALUES, TREE)
    whole = explain(scores, TREE, rows(), "u0", "index")
    assert whole.node_id == "root"
    assert list(zip(whole.nodes["node_id"], whole.nodes["depth"], strict=True)) == [
        ("root", 0), ("p", 1), ("a", 2), ("b", 2), ("q", 1), ("c", 2), ("d", 2), ("more", 1),
    ]  # fmt: skip
    part = explain(scores, TREE, rows(), "u0", "q")
    assert part.nodes["node_id"].tolist() == ["q", "c", "d"]
    assert part.nodes["depth"].tolist() == [0, 1, 1]
    assert part.cells["node_id"].tolist() == ["c", "d"]


def test_trail_has_the_share_in_the_parent_after_missing_values() -> None:
    scores = scoring.score(VALUES, TREE)
    first, second = (
        explain(scores, TREE, rows(), unit, "index").nodes.set_index("node_id")
        for unit in ("u0", "u1")
    )
    # p and q 3 : 1; a and b 2 : 6, the missing b is filled with zero; d of the first is missing
    expected = {"p": 0.75, "q": 0.25, "a": 0.25, "b": 0.75}
    for share in (first["share"], second["share"]):
        assert share[list(expected)].to_dict() == expected
        assert share[["root", "more"]].isna().all()  # the root has no parent, points no share
    assert (first.at["c", "share"], second.at["c", "share"]) == (1, 0.2)
    assert math.isnan(first.at["d", "share"])
    assert second.at["d", "share"] == 0.8
    assert first["weight"].to_dict() == {
        "root": 1, "p": 3, "a": 2, "b": 6, "q": 1, "c": 1, "d": 4, "more": 5,
    }  # fmt: skip
    assert first.at["p", "score"] == pytest.approx(0.25 * 25 + 0.75 * 40, rel=EXACT)
    assert second.at["p", "score"] == pytest.approx(0.25 * 25, rel=EXACT)


def test_trail_says_what_the_rule_asks() -> None:
    nodes = explain(scoring.score(VALUES, TREE), TREE, rows(), "u0", "index").nodes
    nodes = nodes.set_index("node_id")
    assert nodes["method"].to_dict() == {
        "root": "arithmetic", "p": "arithmetic", "a": "goalposts", "b": "identity",
        "q": "geometric", "c": "piecewise", "d": "identity", "more": "identity",
    }  # fmt: skip
    assert nodes.at["a", "asks"] == "low = 0; high = 200; cap = 90"
    assert nodes.at["c", "asks"] == "(1, 10); (9.5, 100)"
    assert nodes.at["d", "asks"] == nodes.at["root", "asks"] == ""
    assert (nodes.at["a", "direction"], nodes.at["c", "transform"]) == ("cost", "log")


def test_trail_ends_at_the_row_of_the_file_or_at_what_was_filled_in() -> None:
    table = rows(("u0", "a", 150), ("u1", "a", 149), ("u0", "b", 40), ("u0", "x", 1))
    scores = scoring.score(VALUES, TREE)
    sums = {"values.csv": "f00d"}
    cells = explain(scores, TREE, table, "u0", "index", checksums=sums).cells.set_index("node_id")
    assert list(cells.index) == ["a", "b", "c", "d", "more"]
    assert cells.loc["a", ["value", "file", "row", "checksum", "vintage"]].tolist() == [
        150, "values.csv", 2, "f00d", "final",
    ]  # fmt: skip
    assert cells["row"].tolist()[:2] == [2, 4]
    assert cells.loc["d", ["value", "file", "row", "filled", "checksum"]].isna().all()
    other = explain(scores, TREE, table, "u1", "b").cells.iloc[0]
    assert (other["node_id"], other["value"], other["filled"]) == ("b", 0, "zero")
    assert pd.isna(cells.at["b", "filled"])


def test_trail_of_an_unknown_unit_or_node_is_refused() -> None:
    scores = scoring.score(VALUES, TREE)
    with pytest.raises(ParameterError, match="unit 'u9'"):
        explain(scores, TREE, rows(), "u9", "index")
    with pytest.raises(ParameterError, match="node 'pp'"):
        explain(scores, TREE, rows(), "u0", "pp")


# --- two runs side by side ----------------------------------------------------------------------

BEFORE = Run(frame(a=[90, 60, 30, 50], b=[10, 50, 60, 55]), family([3, 1]))
AFTER = Run(
    pd.DataFrame(
        {"a": [40.0, 70, 30, 99], "b": [20.0, 40, 90, 99]}, index=["u0", "u1", "u2", "u7"]
    ),
    framework(
        branch("root", None, aggregation="minimum"),
        leaf("a", weight=1),
        leaf("b", weight=2, rule="goalposts", low=0, high=80),
    ),
)


def hybrid(late: set[str]) -> pd.Series:
    """Ranks where the causes named are the later ones, from the definitions, cell by cell."""
    members = (AFTER if "membership" in late else BEFORE).matrix.index
    first, second = (AFTER, BEFORE) if "value" in late else (BEFORE, AFTER)
    x = pd.DataFrame(
        [(first if u in first.matrix.index else second).matrix.loc[u] for u in members], members
    )
    weight = (AFTER if "weight" in late else BEFORE).framework.nodes["weight"]
    if "rule" in late:  # goalposts 0-80 for b, the lowest of both whatever their weights
        index = pd.concat([x["a"], x["b"].clip(0, 80) * 1.25], axis=1).min(axis=1)
    else:
        index = (weight["a"] * x["a"] + weight["b"] * x["b"]) / (weight["a"] + weight["b"])
    return index.rank(ascending=False, method="min")


def test_move_is_split_as_the_mean_over_all_orders() -> None:
    found = compare(BEFORE, AFTER)
    moves = found.frame.set_index("unit_id")
    assert moves.index.tolist() == ["u0", "u1", "u2"]
    assert (found.entered, found.left) == (["u7"], ["u3"])
    expected = pd.DataFrame(0.0, index=moves.index, columns=list(CAUSES))
    for order in itertools.permutations(CAUSES):
        late: set[str] = set()
        for cause in order:
            gain = hybrid(late) - hybrid(late | {cause})
            expected[cause] += gain.reindex(moves.index) / math.factorial(4)
            late |= {cause}
    np.testing.assert_allclose(moves[list(CAUSES)].astype(float), expected, atol=EXACT)
    assert (expected.abs().sum() > 0).all()  # every cause moves somebody
    assert moves["rank_before"].tolist() == hybrid(set())[moves.index].tolist()
    assert moves["rank_after"].tolist() == hybrid(set(CAUSES))[moves.index].tolist()
    np.testing.assert_allclose(
        moves[list(CAUSES)].sum(axis=1).astype(float), moves["move"].astype(float), atol=EXACT
    )


@pytest.mark.parametrize("cause", CAUSES)
def test_single_cause_has_the_whole_move(cause: str) -> None:
    x = frame(a=[90, 60, 30], b=[10, 50, 60])
    before = Run(x, family([1, 1]))  # 50, 55, 45: ranks 2, 1, 3
    after = {
        "value": Run(x.assign(a=[10.0, 60, 90]), before.framework),  # 10, 55, 75
        "rule": Run(x, family([1, 1], "minimum")),  # 10, 50, 30
        "weight": Run(x, family([3, 1])),  # 70, 57.5, 37.5
        "membership": Run(x.drop(index="u1"), before.framework),
    }[cause]
    expected = {"value": [-1, -1, 2], "rule": [-1, 0, 1], "weight": [1, -1, 0]}
    moves = compare(before, after).frame
    assert moves["move"].tolist() == expected.get(cause, [1, 1])
    assert moves[cause].tolist() == moves["move"].tolist()
    assert (moves[[c for c in CAUSES if c != cause]] == 0).all(axis=None)


def test_indicator_or_weight_that_the_other_run_has_not_keeps_its_own() -> None:
    before = Run(frame(a=[1, 2]), framework(branch("root", None), leaf("a", weight=2)))
    after = Run(frame(a=[1, 2], n=[9, 3]), framework(branch("root", None), leaf("a"), leaf("n")))
    # with the later rules n counts 1 beside a: 2 with the earlier weight, 1 with the later one.
    # u0: (2 + 9) / 3 against (4 + 3) / 3, and 5 against 2.5; the earlier rules have a alone
    moves = compare(before, after).frame
    assert moves["rule"].tolist() == [1, -1]
    assert moves[["value", "weight", "membership"]].eq(0).all(axis=None)


def test_unit_without_a_rank_between_the_runs_cannot_be_split() -> None:
    # u0 has a alone, then b alone: the later weights leave its earlier values without an index
    before = Run(frame(a=[50, 40, 30], b=[NAN, 1, 2]), family([1, 0]))
    after = Run(frame(a=[NAN, 40, 30], b=[70, 1, 2]), family([0, 1]))
    moves = compare(before, after).frame
    assert moves["unit_id"].tolist() == ["u1", "u2"]
    assert moves["move"].tolist() == [-1, 1]


def test_runs_without_a_unit_in_common_are_refused() -> None:
    other = replace(AFTER, matrix=AFTER.matrix.set_axis(["x0", "x1", "x2", "x3"]))
    with pytest.raises(ParameterError, match="no unit in common"):
        compare(BEFORE, other)


# --- the values of one period -------------------------------------------------------------------


def test_cells_stand_in_the_order_asked_for_and_missing_ones_are_blank() -> None:
    table = pd.concat([
        rows(("u1", "b", 4), ("u0", "a", 1), ("u0", "x", 9), ("u5", "a", 7)),
        rows(("u0", "a", 99), ("u1", "a", 3), period="2023"),
    ])  # fmt: skip
    found = select(table, family([1, 1]), ["u1", "u0", "u2", "u0"], "2024")
    assert found.cells.index.tolist() == ["u1", "u0", "u2"]
    assert found.cells.columns.tolist() == ["a", "b"]
    expected = [[NAN, 4], [1, NAN], [NAN, NAN]]
    np.testing.assert_array_equal(found.cells, expected)
    np.testing.assert_array_equal(found.se, np.where(np.isnan(expected), NAN, 0.5))
    assert found.half_width.isna().all(axis=None)
    assert found.half_width.shape == (3, 2)
    assert sorted(found.rows["value"]) == [1, 4]
    of_two = select(table, family([1, 1]), ["u0", "u1"], "2024", periods={"a": "2023"})
    np.testing.assert_array_equal(of_two.cells, [[99, NAN], [3, 4]])


def test_two_vintages_and_a_period_without_values_are_refused() -> None:
    table = rows(("u0", "a", 1), ("u0", "a", 2))
    with pytest.raises(TableError, match="a, 2024: the unit u0 has values of more than one"):
        select(table, family([1, 1]), ["u0"], "2024")
    with pytest.raises(ParameterError, match="root: no unit has a value of 2022"):
        select(table, family([1, 1]), ["u0"], "2022")


def test_unit_on_its_own_has_its_latest_values_and_no_score_that_needs_others() -> None:
    tree = framework(
        branch("root", None),
        leaf("a", rule="goalposts", low=0, high=50),
        leaf("b", rule="minmax"),
        leaf("c"),
    )
    table = pd.concat([rows(("u0", "a", 10), ("u0", "b", 7), ("u1", "a", 50)),
                       rows(("u0", "a", 40), period="2023")])  # fmt: skip
    found = alone(table, tree, "u0").set_index("indicator_id")
    assert found.index.tolist() == ["a", "b", "c"]
    assert found.loc["a", ["period", "value", "score"]].tolist() == ["2024", 10, 20]
    assert found.at["b", "value"] == 7
    assert found["score"].isna().tolist() == [False, True, True]
