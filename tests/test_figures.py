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
