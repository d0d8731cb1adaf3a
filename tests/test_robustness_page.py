"""Page Robustness: what it shows is what was computed, and the words say what it covers."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from study_runs import ROOT, Ran

from haidian_eval import tables
from haidian_eval.params import Params, load_params
from haidian_eval.report.operations import Said, Words
from haidian_eval.report.views import evaluation
from haidian_eval.report.views import robustness as views
from haidian_eval.robustness import WeightScenario
from haidian_eval.robustness.board import Board, boards, compared
from haidian_eval.tables import read_table
from haidian_eval.text import Text

FOLDER = ROOT / "data" / "raw" / "2024"
DRAWS = 400
ROUNDED = 0.0051  # per cent with two decimals


@pytest.fixture(scope="module")
def edition() -> dict[str, pd.DataFrame]:
    return dict(tables.read_edition(FOLDER, strict=True, params=load_params(FOLDER)).tables)


@pytest.fixture(scope="module")
def params() -> Params:
    return load_params(FOLDER, [f"robustness.draws={DRAWS}"])


@pytest.fixture(scope="module")
def found(edition: dict[str, pd.DataFrame], params: Params) -> list[Board]:
    return boards(edition, params)


@pytest.fixture(scope="module")
def words(edition: dict[str, pd.DataFrame]) -> Words:
    return Words(Text("zh"), edition["units"], edition["indicators"])


@pytest.fixture(scope="module")
def case(found: list[Board], params: Params, words: Words) -> tuple[Board, WeightScenario, Said]:
    (only,) = views.weight_cases(found, params.robustness, words)
    return only


def test_shares_of_the_ranks_of_a_unit_sum_to_all_draws(found: list[Board], words: Words) -> None:
    for board in found:
        shown = views.heat_map(board, words)
        shares = views.shaded(shown)
        assert shares.sum(axis=1).to_numpy() == pytest.approx(100, abs=ROUNDED * len(shares))
        assert shown["rank"].is_monotonic_increasing
        first = board.scores.rank.index.get_loc(board.scores.rank.idxmin())
        expected = 100 * (board.uncertainty.ranks[:, first] == 1).mean()
        assert shares.loc[shown["unit_name"].iloc[0], 1] == pytest.approx(expected, abs=ROUNDED)


def test_choices_name_every_alternative_and_how_many_values_carry_errors(
    found: list[Board], words: Words
) -> None:
    shown = views.choices(found, words).set_index("factor")["alternatives"]
    assert shown["合成方法"] == "指标体系规定的做法；加权广义平均 (0.5)"
    assert "0.75至1.25" in shown["权重"]
    noise = [line for factor, line in shown.items() if factor.startswith("数值误差")]
    assert len(noise) == len(found)
    assert f"有标准误的{int(found[0].selected.se.gt(0).sum().sum())}个" in noise[0]


def test_a_full_factorial_is_called_so(found: list[Board], words: Words) -> None:
    moved = replace(found[0].uncertainty, full_factorial=True)
    assert "全部组合" in views.drawn(replace(found[0], uncertainty=moved), words)["design"]
    assert "拉丁超立方" in views.drawn(found[0], words)["design"]


def test_neighbours_are_one_fewer_than_the_units_and_none_is_skipped(
    found: list[Board], params: Params, words: Words
) -> None:
    level = params.robustness.told_apart
    for board in found:
        shown = views.pairs(board, level, words)
        assert len(shown) == board.scores.rank.notna().sum() - 1
        assert (shown["second_unit"].iloc[:-1].to_numpy() == shown["first_unit"].iloc[1:]).all()
        told = shown["apart"] == "可区分"
        assert (told == (shown["share_ahead"] >= 100 * level)).all()
    summary = views.apart(found, level, words)
    assert (summary["number"] / summary["total"] * 100 == summary["share"]).all()


def test_public_weight_at_its_present_share_has_no_verdict(
    case: tuple[Board, WeightScenario, Said], edition: dict[str, pd.DataFrame], words: Words
) -> None:
    board, scenario, told = case
    shown = views.scenario(board, scenario, told, edition["bands"], words)
    assert [name for name in shown if name.startswith("sure")] == ["sure@30%", "sure@40%"]
    at = shown.set_index("unit_name")
    without = board.selected.cells.index[board.selected.cells[told["node"]].isna()]
    names = edition["units"].set_index("unit_id").loc[without, "name_zh"]
    assert (at.loc[names, "sure@40%"] == "不能确定").all()
    sure = at["sure@40%"] != "不能确定"
    ends = at["change_range@40%"].fillna("0 ~ 0").str.replace("−", "-").str.split(" ~ ")
    signs = ends.map(lambda pair: [np.sign(float(end)) for end in pair])
    assert all(low * high >= 0 for low, high in signs[sure])
    assert all(low * high <= 0 for low, high in signs[~sure])


def test_lines_of_two_units_meet_where_they_are_level(
    case: tuple[Board, WeightScenario, Said], words: Words
) -> None:
    board, scenario, told = case
    points = views.level_pairs(board, scenario, told, words)
    lines = views.level_lines(board, scenario, told, words)
    lines = lines.assign(share=lines["share"].round(9)).set_index(["unit_name", "share"])
    name = words.units.set_index("unit_id")["name_zh"]
    assert len(points) > 5
    for row in points.itertuples(index=False):
        for unit in (row.ahead, row.behind):
            ends = [lines.at[(name[unit], share), "index"] for share in (20.0, 50.0)]
            part = (row.share - 20) / 30
            assert ends[0] * (1 - part) + ends[1] * part == pytest.approx(row.index)


def test_scenario_of_weights_is_left_out_where_means_do_not_allow_it(
    case: tuple[Board, WeightScenario, Said], params: Params, words: Words
) -> None:
    frame = case[0].framework
    nodes = frame.nodes.assign(
        aggregation=frame.nodes["aggregation"].replace({"arithmetic": "minimum"})
    )
    other = replace(case[0], framework=replace(frame, nodes=nodes))
    assert list(views.weight_cases([other], params.robustness, words)) == []


def test_moves_of_ranks_are_the_sum_of_their_parts(
    edition: dict[str, pd.DataFrame], params: Params, words: Words
) -> None:
    comparison = compared(edition, params)
    assert comparison is not None
    shown, told = views.moves(comparison, edition, params, words)
    parts = shown[["by_value", "by_rule", "by_weight", "by_membership"]].astype(float)
    assert parts.sum(axis=1).to_numpy() == pytest.approx(shown["move"].astype(float).to_numpy())
    assert told["moved"] == (shown["cause"] != "—").sum()
    assert (shown["rank_before"] - shown["rank_after"] == shown["move"]).all()


def test_weights_stand_in_the_order_of_the_tree_and_sum_within_parents(
    found: list[Board], words: Words
) -> None:
    rows = evaluation.influence(found[2], words)
    sums = rows.groupby("on")[["weight", "influence"]].sum()
    assert sums.to_numpy() == pytest.approx(100)
    heads = rows.loc[rows["heads"], "node_id"].to_list()
    assert heads == found[2].framework.families[found[2].framework.root]
    after = rows["node_id"].shift(-1)[rows["heads"]]
    assert [found[2].framework.nodes.at[node, "parent_id"] for node in after] == heads


def test_advice_keeps_what_binds_and_modifies_what_nearly_all_meet(
    found: list[Board], params: Params
) -> None:
    board = found[0]
    leaves = board.framework.leaves
    many = board.scores.normalised.copy()
    many.iloc[: len(many) - 3, :2] = 100.0
    nodes = board.framework.nodes.assign(veto="no")
    nodes.loc[leaves[1], "veto"] = "yes"
    changed = replace(
        board, scores=replace(board.scores, normalised=many),
        framework=replace(board.framework, nodes=nodes),
    )  # fmt: skip
    rows = evaluation.judged(changed, params).set_index("indicator_id")
    assert rows.loc[leaves[0], ["advice", "verdict"]].to_list() == ["modify", "full_marks"]
    assert rows.loc[leaves[1], ["advice", "reason"]].to_list() == ["keep", "binding"]


def test_points_beyond_a_target_are_above_full_marks(found: list[Board], params: Params) -> None:
    rows = evaluation.judged(found[0], params).set_index("indicator_id")
    beyond = found[0].scores.normalised["SA03"]
    assert (beyond > 100).any()
    assert rows.at["SA03", "full"] == 100 * (beyond == beyond.max()).sum() / beyond.count()


def test_balance_is_for_schemes_whose_top_level_are_dimensions(found: list[Board]) -> None:
    assert [board.scheme for board in evaluation.even(found)] == ["haidian_four_dimensions"]
    nodes = found[2].scores.nodes.copy()
    nodes.iloc[0] = -1.0
    below = replace(found[2], scores=replace(found[2].scores, nodes=nodes))
    assert evaluation.even([below]) == []


def test_every_exhibit_is_headed_as_a_demonstration_and_says_what_intervals_cover(
    ran: Ran,
) -> None:
    page = (ran.site / "zh" / "25_robustness.html").read_text("utf-8")
    exhibits = set(re.findall(r'id="((?:table|figure)-25-\d+)"', page))
    headed = page.count(f'<p class="demonstration">{Text("zh")("page.demonstration")}</p>')
    assert headed == len(exhibits) == 24
    assert page.count("区间只反映所列方法选择与数据误差") >= 8
    assert not re.search(r">(nan|None|<NA>|&lt;NA&gt;)<", page)


def test_results_of_all_schemes_are_kept(ran: Ran) -> None:
    intervals = read_table(ran.processed, "rank_intervals")
    assert intervals.groupby("scheme")["unit_id"].count().to_dict() == {
        "special_action_12": 29, "three_effects_one_innovation": 24,
        "haidian_four_dimensions": 16,
    }  # fmt: skip
    ranked = intervals.dropna(subset="rank")
    assert (ranked["rank_low"] <= ranked["rank_median"]).all()
    assert (ranked["rank_median"] <= ranked["rank_high"]).all()
