"""Tables as data: every column that is declared can be shown, every operation has its case."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from haidian_eval.errors import ParameterError
from haidian_eval.report import lay_out, layout
from haidian_eval.report.operations import OPERATIONS, Words, vintage_words
from haidian_eval.text import Text, read_words

NA = pd.NA
UNITS = pd.DataFrame(
    {"unit_id": ["u", "v"], "name_zh": ["甲", "乙"], "name_en": ["A", "B"], "source_id": "S1"}
)
INDICATORS = pd.DataFrame(
    {"node_id": ["x"], "name_zh": ["尘"], "name_en": ["dust"], "unit": "g/m2"}
)
NAN = float("nan")
CASES: list[tuple[str, tuple[Any, ...], dict[str, Any], str | None]] = [
    ("unit name", ("u",), {}, "甲"),
    ("unit names", ("u;v",), {}, "甲、乙"),
    ("unit names", ("",), {}, "无"),
    ("indicator name", ("x",), {}, "尘"),
    ("indicator with unit", ("x",), {}, "尘（克/平方米）"),
    ("unit of measure", ("x",), {}, "克/平方米"),
    ("period", ("2023-11",), {}, "2023年11月"),
    ("periods", ("2023-11;2024-01",), {}, "2023年11月、2024年1月"),
    ("vintage", ("final",), {}, "最终核实数"),
    ("year and vintage", ("2023", "final"), {}, "2023年，最终核实数"),
    ("series", ("x", "published"), {}, "尘，公布数"),
    ("word", ("holds",), {"among": "outcomes"}, "成立"),
    ("word", ("",), {"among": "verdicts", "blank": "verdicts.ranked"}, "可以排序"),
    ("word", (NAN,), {"among": "outcomes", "missing": "exhibit.none"}, "无"),
    ("word", (NAN,), {"among": "outcomes"}, "—"),
    ("in language", ("标题", "title"), {}, "标题"),
    ("table and key", ("values", "u;x;2024"), {}, "values: u;x;2024"),
    ("short", ("0123456789abcdef",), {}, "0123456789ab…"),
    ("short", (NAN,), {}, "—"),
    ("exact", (-73555170.5,), {}, "−73,555,170.5"),
    ("as printed", (0.8, 0.005), {}, "0.80"),
    ("as printed", (30.0, 0.5), {}, "30"),
    ("as printed", (6.8, 0.05), {}, "6.8"),
    ("as printed", (6.84, NAN), {}, "6.84"),
    ("number range", (-0.04, 5.0), {"digits": 1}, "0.0 ~ 5.0"),
    ("number range", (-9.76, -5.0), {"digits": 1}, "−9.8 ~ −5.0"),
    ("number range", (NAN, 5.0), {"digits": 1}, None),
    ("place among", (2, 6), {}, "2 / 6"),
    ("rank range", (5, 9), {}, "5–9"),
    ("rank range", (5, 5), {}, "5"),
    ("rank range", (NA, NA), {}, None),
    ("rank with range", (1, 1, 1), {}, "1"),
    ("rank with range", (5, 5, 9), {}, "5 [5–9]"),
    ("rank with range", (NA, NA, NA), {}, None),
    ("rank in group", (1, 2, 6), {}, "1–2（共6个）"),
    ("rank in group", (NA, NA, 6), {}, None),
    ("sources", ("S2;S1", NAN, "S2"), {}, "S1;S2"),
    ("places in file", ("a.csv", 3.0, "b.csv", 4), {}, "a.csv:3 b.csv:4"),
    ("places in file", ("a.csv", 3, NAN, NAN), {}, "a.csv:3"),
    ("file and row", ("a.csv", 3.0), {}, "a.csv 第3行"),
    ("file and row", (NAN, NAN), {}, "—"),
]


def columns() -> Iterator[tuple[str, str, layout.Column]]:
    """Table, name and column of everything that is declared."""
    for stage, tables in layout.LAYOUTS.items():
        for key in tables:
            for name, column in layout.layout(f"{stage}.{key}").items():
                yield f"{stage}.{key}", name, column


@pytest.mark.parametrize(("name", "cells", "settings", "expected"), CASES)
def test_operation_shows_its_cells(name, cells, settings, expected) -> None:
    actual = OPERATIONS[name](Words(Text("zh"), UNITS, INDICATORS), *cells, **settings)
    assert actual == expected


def test_every_operation_has_a_case_and_a_table_that_uses_it() -> None:
    assert {name for name, *_ in CASES} == set(OPERATIONS)
    assert {column.show for _, _, column in columns()} - {""} == set(OPERATIONS)


def test_every_column_has_a_heading_and_its_operation_takes_what_it_is_given() -> None:
    text = Text("zh")
    for table, name, column in columns():
        assert text.has(f"columns.{name.removeprefix('_')}"), (table, name)
        if column.show:
            inspect.signature(OPERATIONS[column.show]).bind(text, *column.of, **column.settings)
        else:
            assert not column.settings, (table, name)
        words = [words for name, words in column.settings.items() if name != "digits"]
        assert all(any(key.startswith(word) for key in read_words("zh")) for word in words), table


def test_every_layout_ends_with_its_sources() -> None:
    last = {table: name for table, name, _ in columns()}
    assert set(last.values()) == {"source_id"}


def test_unknown_operation_is_refused_by_name() -> None:
    message = r"\[economy.x\] vintage: show = 'vintge' is not known \(did you mean 'vintage'"
    with pytest.raises(ParameterError, match=message):
        layout.read_column("vintage", {"show": "vintge"}, "economy.x")


def test_unknown_layout_is_refused_by_name() -> None:
    with pytest.raises(ParameterError, match=r"'economy.serie' is not known.*'economy.series'"):
        lay_out("economy.serie", pd.DataFrame(), Text("zh"))


def test_columns_stand_in_the_order_declared_and_optional_ones_go_when_empty(monkeypatch) -> None:
    declared = {
        "unit_name": {"show": "unit name", "of": "unit_id"},
        "value": "value",
        "level_rank": {"optional": True},
        "level_range": {"show": "rank range", "of": ["low", "high"], "optional": True},
        "source_id": "source_id",
    }
    monkeypatch.setitem(layout.LAYOUTS, "trial", {"table": declared})
    ranks = pd.array([1, NA], dtype="Int64")
    rows = pd.DataFrame(
        {"unit_id": ["v", "u"], "value": [1.0, 2.0], "level_rank": ranks, "low": ranks,
         "high": ranks, "source_id": "S1"}, index=[7, 7],
    )  # fmt: skip
    actual = lay_out("trial.table", rows, Text("en"), units=UNITS)
    assert list(actual) == list(declared)
    assert actual["unit_name"].tolist() == ["B", "A"]
    assert actual["level_range"].tolist()[0] == "1"
    assert actual["level_rank"].dtype == "Int64"
    none = rows.assign(**dict.fromkeys(["level_rank", "low", "high"], NA))
    actual = lay_out("trial.table", none, Text("en"), units=UNITS)
    assert list(actual) == ["unit_name", "value", "source_id"]
    assert lay_out("trial.table", rows.head(0), Text("en"), units=UNITS).empty


def test_columns_that_an_edition_may_lack_are_left_blank() -> None:
    rows = pd.DataFrame(
        {"source_id": ["S1"], "kind": ["official"], "title": ["表"], "publisher": ["局"],
         "reference": ["x"], "note": [NAN]}
    )  # fmt: skip
    actual = lay_out("tables.sources", rows, Text("en")).iloc[0]
    assert (actual["title"], actual["note"], actual["kind"]) == ("表", "", "official data")


def test_name_of_a_unit_needs_the_table_of_units() -> None:
    with pytest.raises(AssertionError, match="units="):
        OPERATIONS["unit name"](Words(Text("zh")), "u")


def test_vintages_are_said_in_words() -> None:
    assert vintage_words("table_2021-08", Text("zh")) == "2021年8月公布表"
    assert vintage_words("preliminary", Text("en")) == "preliminary"
    assert vintage_words("another", Text("en")) == "another"
    assert vintage_words(None, Text("en")) == "—"
