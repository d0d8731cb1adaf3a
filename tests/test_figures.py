"""Figures: the data that they show, in type that every machine has, the same every time."""

from __future__ import annotations

import warnings

import matplotlib as mpl
import pandas as pd
import pytest

from haidian_eval import figures
from haidian_eval.report.page import png
from haidian_eval.text import Text

ROWS = pd.DataFrame(
    {
        "unit_name": ["东城区", "海淀区", "东城区", "海淀区"],
        "group": ["核心区和城市副中心", "中心城区"] * 2,
        "period": ["2022-02", "2022-02", "2023-11", "2023-11"],
        "value": [8.1, 15.3, 7.7, float("nan")],
    }
)


def draw(lang: str = "zh", **changes: object) -> figures.Figure:
    settings = {"full_marks_at": 10.0, "unit": "克/平方米", "highlight": "海淀区"} | changes
    return figures.levels_by_unit(ROWS, Text(lang), **settings)


def words(figure: figures.Figure) -> list[str]:
    found = figure.findobj(mpl.text.Text)
    return [text.get_text() for text in found if text.get_text()]


def test_every_value_stands_at_its_point_and_the_absent_is_said() -> None:
    shown = words(draw())
    assert [word for word in shown if word in ("8.1", "15.3", "7.7")] == ["8.1", "15.3", "7.7"]
    assert "无计入值" in shown
    assert {"2022年2月", "2023年11月", "东城区", "海淀区", "克/平方米"} <= set(shown)


def test_points_lie_where_the_values_are() -> None:
    figure = draw()
    offsets = [panel.collections[0].get_offsets().tolist() for panel in figure.axes]
    assert offsets[0] == [[8.1, 0.0], [15.3, 1.0]]
    assert offsets[1][0] == [7.7, 0.0]


def test_every_sign_has_a_glyph_in_both_languages() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for lang in ("zh", "en"):
            png(draw(lang))
        with pytest.raises(UserWarning, match="missing from font"):
            png(draw(unit="🙂"))


def test_picture_is_the_same_bytes_whatever_the_readers_own_settings() -> None:
    first = png(draw())
    with mpl.rc_context({"font.size": 20, "axes.facecolor": "yellow", "lines.linewidth": 9}):
        second = png(draw())
    assert first == second


def test_line_of_full_marks_is_left_out_where_there_is_none() -> None:
    assert "满分线 10" in words(draw())
    assert not any("满分线" in word for word in words(draw(full_marks_at=float("nan"))))


RUNS = pd.DataFrame(
    {
        "period": ["2021-08", "2021-09", "2023-05"],
        "value": [19.0, 18.0, 30.0],
        "median": [19.0, 19.0, 30.0],
        "lowest": [16.0, 16.0, 27.0],
        "highest": [20.0, 20.0, 36.0],
        "level_range": ["5–14", None, "7–9"],
        "side": ["tied", "better", "worse"],
    }
)


def test_run_chart_shows_months_intervals_and_sides_and_no_blank_as_a_word() -> None:
    points = RUNS[["period", "value"]]
    figure = figures.runs_against_median(RUNS, points, Text("zh"), unit="微克", name="海淀区")
    shown = words(figure)
    assert {"2021\n08", "2023\n05", "5–14", "7–9", "微克", "海淀区：优于中位数"} <= set(shown)
    assert not {"nan", "None"} & set(shown)
    # a broken line only between months that are not adjacent
    lines = [line for line in figure.axes[0].lines if line.get_linestyle() != "-"]
    assert [line.get_xdata()[0] for line in lines] == [1.5]


def test_vintages_are_joined_only_among_themselves() -> None:
    rows = pd.DataFrame(
        {
            "year": ["2022", "2023", "2024"],
            "total": [10206.9, 11020.2, 12907.1],
            "vintage": ["初步核算数", "初步核算数", "普查后"],
            "share": [24.5, 25.2, float("nan")],
        }
    )
    figure = figures.vintages(rows, Text("zh"), unit="亿元")
    joined = [tuple(line.get_xdata()) for line in figure.axes[0].lines]
    assert joined == [(2022, 2023), (2024,)]
    assert {"12907.1", "25.2", "初步核算数", "普查后"} <= set(words(figure))


def test_first_places_are_below_the_line_and_each_outcome_has_its_own_shape() -> None:
    rows = pd.DataFrame(
        {
            "period": ["2024-01", "2024-02", "2024-03"],
            "series": "甲",
            "value": [1.0, 2.0, 3.0],
            "best": [2.0, 2.0, 2.0],
            "outcome": ["first", "tied", "not_first"],
            "streak": [1, 2, 0],
        }
    )
    figure = figures.first_places(rows, Text("zh"), unit="微克", name="海淀区")
    (panel,) = figure.axes
    drawn = {
        c.get_label(): c.get_offsets()[0][1] for c in panel.collections if c.get_offsets().size
    }
    assert {k: v for k, v in drawn.items() if not k.startswith("_")} == {
        "第一": -1.0, "并列第一": 0.0, "不是第一": 1.0,
    }  # fmt: skip
    assert "最长：连续2个月" in words(figure)
    alone = figures.first_places(rows.assign(streak=[1, 0, 1]), Text("zh"), unit="", name="")
    assert not any("最长" in word for word in words(alone))


def test_change_over_base_shows_the_expected_beside_the_seen() -> None:
    rows = pd.DataFrame(
        {
            "unit_name": ["东城区", "海淀区"],
            "base": [30.0, 24.0],
            "relative": [-36.7, -20.8],
            "expected": [-37.3, -22.0],
        }
    )
    panels = {"2021年8月": rows, "2021年9月": rows}
    figure = figures.change_on_base(panels, Text("zh"), highlight="海淀区")
    assert len(figure.axes) == 2
    assert {"2021年8月", "2021年9月", "海淀区", "按回归均值预期"} <= set(words(figure))


RANKED = pd.DataFrame(
    {
        "unit_name": ["甲", "乙", "丙"],
        "index": [91.5, 80.25, float("nan")],
        "rank": pd.array([1, 2, None], dtype="Int64"),
        "rank_low": [1.0, 2.0, float("nan")],
        "rank_high": [2.0, 2.0, float("nan")],
        "grade": ["优", "良", float("nan")],
    }
)


def test_ranked_bars_show_index_grade_and_the_interval_of_the_rank() -> None:
    figure = figures.ranked_bars(RANKED, Text("zh"), lines={"优": 90.0, "良": 80.0, "差": 0.0})
    shown = words(figure)
    assert {"甲", "91.50", "80.25", "1–2", "2", "优", "良"} <= set(shown)
    assert not {"nan", "差"} & set(shown)  # a grade that nobody has needs no colour
    left, right = figure.axes
    assert [line.get_xdata()[0] for line in left.lines] == [90.0, 80.0]
    (spans,) = [c for c in right.collections if len(c.get_paths()) == 3]
    assert [path.vertices[:, 0].tolist() for path in spans.get_paths()][:2] == [[1, 2], [2, 2]]
    figures.ranked_bars(RANKED.assign(grade=float("nan")), Text("en"))  # no bands


def test_heat_map_frames_the_rank_of_each_unit_and_leaves_blank_what_never_happened() -> None:
    shares = pd.DataFrame([[75.0, 25.0], [25.0, 75.0]], index=["甲", "乙"], columns=[1, 2])
    figure = figures.rank_heat_map(shares.replace(25.0, 0.0), RANKED["rank"][:2], Text("zh"))
    panel = figure.axes[0]
    assert panel.images[0].get_array().filled(-1).tolist() == [[75, -1], [-1, 75]]
    assert [patch.get_xy() for patch in panel.patches] == [(-0.5, -0.5), (0.5, 0.5)]


def test_slopes_join_the_ranks_and_ties_are_written_apart() -> None:
    rows = pd.DataFrame(
        {
            "unit_name": ["甲", "乙", "丙"],
            "rank_before": [1, 2, 3],
            "rank_after": [1, 1, 3],
            "cause": ["", "数值", ""],
        }
    )
    figure = figures.rank_slope(rows, Text("zh"), before="2022", after="2023")
    (panel,) = figure.axes
    assert [list(line.get_ydata()) for line in panel.lines] == [[1, 1], [3, 3], [2, 1]]
    places = {text.get_text(): text.xy[1] for text in panel.texts}
    assert places["1  乙"] - places["1  甲"] == pytest.approx(0.95)
    assert places["丙  3"] == 3.0
    assert "数值" in words(figure)


def test_weight_and_influence_are_joined_and_marked_where_far_apart() -> None:
    rows = pd.DataFrame(
        {
            "indicator": ["维度", "指标一"],
            "heads": [True, False],
            "weight": [50.0, 50.0],
            "influence": [45.0, 10.0],
            "flag": ["", "less"],
        }
    )
    figure = figures.weights_against_influence(rows, Text("zh"))
    panel = figure.axes[0]
    assert [c.get_offsets().tolist() for c in panel.collections[1:]] == [
        [[50, 0], [50, 1]], [[45, 0], [10, 1]],
    ]  # fmt: skip
    colours = [label.get_color() for label in panel.get_yticklabels()]
    assert colours[0] != colours[1]
    assert len(panel.patches) == 1


def test_break_even_lines_end_in_names_and_level_points_are_marked() -> None:
    lines = pd.DataFrame(
        {
            "unit_name": ["甲", "乙"] * 2,
            "share": [20.0, 20.0, 50.0, 50.0],
            "index": [80.0, 79.0, 78.0, 79.0],
            "side": ["down", "up"] * 2,
        }
    )
    points = pd.DataFrame({"share": [35.0], "index": [79.0]})
    figure = figures.break_even(lines, points, Text("zh"))
    panel = figure.axes[0]
    assert [list(line.get_ydata()) for line in panel.lines] == [[80, 78], [79, 79]]
    assert panel.collections[-1].get_offsets().tolist() == [[35, 79]]
    assert {"甲", "乙", "名次上升", "名次下降", "持平点"} <= set(words(figure))


def test_sensitivity_bars_say_their_shares_with_a_true_minus() -> None:
    parts = ("first_order", "first_order_low", "first_order_high")
    rows = pd.DataFrame(
        {"factor": ["折算方法"]}
        | dict(zip(parts, [[-2.0], [-4.0], [1.0]], strict=True))
        | {"total": [60.0], "total_low": [50.0], "total_high": [70.0]}
    )
    assert {"折算方法", "60", "−2"} <= set(words(figures.sensitivity_bars(rows, Text("zh"))))
