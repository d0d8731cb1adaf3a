"""Seeded defects: each is found where it stands, none is made up, none hides another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import seeded
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from seeded import COLUMNS, SHAPES, Case, Row

DEFECTS = 200
LOCATED = 0.99  # field/reliability.md, G1
MESSAGES = 1.2  # per defect, the same
CLEAN_ROWS = 10_000
BIT_FOR_BIT = ["_file", "_sheet"]  # differ between files by their nature


def read(path: Path, folder: Path) -> Any:
    from haidian_eval import tables

    return tables.read_file(path, seeded.contract(folder), tables=seeded.dictionaries())


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Case, Any]]:
    """One file per shape, 200 defects in all, with its reading."""
    folder = tmp_path_factory.mktemp("seeded")
    share, more = divmod(DEFECTS, len(SHAPES))
    cases = [
        seeded.make(folder / shape, shape, rows=250, defects=share + (n < more), number=n)
        for n, shape in enumerate(SHAPES)
    ]
    return {case.shape: (case, read(case.written.path, folder)) for case in cases}


def missed(case: Case, reading: Any) -> list[str]:
    found = seeded.messages(reading.defects.frame)
    return [
        f"{case.shape} row {t.row} {'/'.join(t.columns)}: {t.kind}"
        for t in case.places
        if not seeded.is_located(t, case.written.sheet, found)
    ]


def test_two_hundred_defects_of_many_kinds_are_planted(
    planted: dict[str, tuple[Case, Any]],
) -> None:
    places = [t for case, _ in planted.values() for t in case.places]
    assert len(places) == DEFECTS
    assert {t.kind for t in places} >= set(seeded.KINDS)
    assert len(SHAPES) >= 10
    for case, _ in planted.values():
        rows = [r for t in case.places for r in (t.row, *t.also)]
        assert len(rows) == len(set(rows)), "each defect stands in rows of its own"


def test_defects_are_located_by_sheet_row_and_column(
    planted: dict[str, tuple[Case, Any]],
) -> None:
    lost = [line for case, reading in planted.values() for line in missed(case, reading)]
    assert len(lost) <= DEFECTS * (1 - LOCATED), "\n".join(lost)


def test_defects_are_treated_as_declared(planted: dict[str, tuple[Case, Any]]) -> None:
    wrong = []
    for case, reading in planted.values():
        found = seeded.messages(reading.defects.frame)
        for t in case.places:
            here = {m.severity for m in found if m.row == t.row}
            if not here & set(t.severities):
                wrong.append(f"{case.shape} row {t.row} {t.kind}: {sorted(here)}")
    assert len(wrong) <= DEFECTS * (1 - LOCATED), "\n".join(wrong)


def test_a_seeded_defect_gives_about_one_message(planted: dict[str, tuple[Case, Any]]) -> None:
    rows: Counter[tuple[str, int]] = Counter()
    for case, reading in planted.values():
        found = seeded.messages(reading.defects.frame)
        rows.update(
            (f"{case.shape} {m.rule}", m.row) for m in seeded.in_the_table(found, case.written)
        )
    assert sum(rows.values()) <= MESSAGES * DEFECTS, rows.most_common(20)


def test_rows_beside_the_defects_get_no_message(planted: dict[str, tuple[Case, Any]]) -> None:
    for case, reading in planted.values():
        known = {r for t in case.places for r in (t.row, *t.also)}
        found = seeded.in_the_table(seeded.messages(reading.defects.frame), case.written)
        assert [m for m in found if m.row not in known] == [], case.shape


def test_file_as_a_whole_gets_few_messages(planted: dict[str, tuple[Case, Any]]) -> None:
    for case, reading in planted.values():
        found = seeded.messages(reading.defects.frame)
        own = [m for m in found if m not in seeded.in_the_table(found, case.written)]
        assert len(own) <= 2, (case.shape, own)
        assert "stops" not in {m.severity for m in own}


def test_rows_that_count_hold_the_right_values(planted: dict[str, tuple[Case, Any]]) -> None:
    for case, reading in planted.values():
        # every repair planted is another way of writing the value that stood there
        original = seeded.clean_table(len(case.rows), generator(list(planted).index(case.shape)))
        excused = {t.row: t.kind for t in case.truth if t.severities not in (("repaired",),)}
        actual = seeded.frame_cells(reading.frame)
        counted = {case.written.row(i): i for i in seeded.counted(case.rows, case.truth)}
        assert sorted(actual) == sorted(counted), case.shape
        for row, i in counted.items():
            if i not in excused:
                assert actual[row] == seeded.expected_cells(original[i]), (case.shape, row)


def generator(number: int) -> np.random.Generator:
    """The generator with which the case of this number was made."""
    return np.random.default_rng([2024, number])


def test_a_message_says_what_was_found_and_what_to_do(
    planted: dict[str, tuple[Case, Any]],
) -> None:
    for case, reading in planted.values():
        frame = reading.defects.frame
        assert (frame["hint"].str.strip() != "").all(), case.shape
        assert (frame["file"] == case.written.path.name).all(), case.shape
        assert frame["severity"].isin(["stops", "excluded", "repaired", "noted"]).all()


def test_ten_thousand_clean_rows_get_no_message(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("clean")
    share = -(-CLEAN_ROWS // len(SHAPES)) + 5
    total = 0
    for number, shape in enumerate(SHAPES):
        case = seeded.make(folder / shape, shape, rows=share, defects=0, number=number)
        reading = read(case.written.path, folder)
        touched = {t.row for t in case.places}
        found = seeded.in_the_table(seeded.messages(reading.defects.frame), case.written)
        assert [m for m in found if m.row not in touched] == [], shape
        actual = seeded.frame_cells(reading.frame)
        expected = {case.written.row(i): seeded.expected_cells(r) for i, r in enumerate(case.rows)}
        assert actual == expected, shape
        total += share - sum(t.kind == "merged" for t in case.places)
    assert total >= CLEAN_ROWS


# --- masking ---------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["csv_utf8", "xlsx_plain", "parquet"])
def test_fifty_text_cells_hide_none_of_fifty_values_out_of_range(
    shape: str, tmp_path: Path
) -> None:
    rows = seeded.clean_table(400, np.random.default_rng(50))
    text, outside = range(0, 200, 4), range(201, 401, 4)
    for i in text:
        rows[i]["satisfaction"] = "满意"
    for i in outside:
        rows[i]["satisfaction"] = "120.5"
    written = SHAPES[shape](tmp_path, rows, [])
    reading = read(written.path, tmp_path)
    found = seeded.messages(reading.defects.frame)
    expected = {written.row(i) for i in [*text, *outside]}
    assert {m.row for m in found if "satisfaction" in m.columns} == expected
    assert {m.row for m in found if m.rule == "range"} == {written.row(i) for i in outside}
    assert len(reading.frame) == 300


def test_several_bad_cells_of_one_row_are_all_named(tmp_path: Path) -> None:
    rows = seeded.clean_table(30, np.random.default_rng(3))
    rows[4] |= {"satisfaction": "120.5", "award": "12,34", "reported_on": "3/5/2024"}
    found = seeded.messages(
        read(seeded.write_csv(tmp_path / "a.csv", rows).path, tmp_path).defects.frame
    )
    named = set().union(*(m.columns for m in found if m.row == 6))
    assert named == {"satisfaction", "award", "reported_on"}


def test_a_missing_column_hides_no_bad_cell(tmp_path: Path) -> None:
    rows = seeded.clean_table(60, np.random.default_rng(4))
    for i in range(0, 60, 3):
        rows[i]["satisfaction"] = "120.5"
    headings = seeded.CHINESE | {"department": "主管处室"}
    path = seeded.write_csv(tmp_path / "a.csv", rows, headings=headings).path
    frame = read(path, tmp_path).defects.frame
    assert "stops" in set(frame["severity"])
    assert (frame["rule"] == "range").sum() == 20


def test_defects_of_each_sheet_are_named_with_their_sheet(tmp_path: Path) -> None:
    import openpyxl

    rows = seeded.clean_table(80, np.random.default_rng(5))
    rows[10]["satisfaction"], rows[50]["satisfaction"] = "120.5", "130.5"
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, part in (("一季度", rows[:40]), ("二季度", rows[40:])):
        page = book.create_sheet(name)
        page.append([seeded.CHINESE[c] for c in COLUMNS])
        for row in part:
            page.append([row[c] or None for c in COLUMNS])
    book.save(tmp_path / "two.xlsx")
    reading = read(tmp_path / "two.xlsx", tmp_path)
    found = seeded.messages(reading.defects.frame)
    assert {(m.sheet, m.row) for m in found} == {("一季度", 12), ("二季度", 12)}
    assert len(reading.frame) == 78


# --- units of a header or of the line above --------------------------------------------------


@pytest.mark.parametrize("where", ["header", "line"])
def test_unit_of_a_header_converts_exactly_and_is_no_defect_of_any_row(
    where: str, tmp_path: Path
) -> None:
    rows = seeded.clean_table(96, np.random.default_rng(6))
    yuan = [r | {"award": str(Decimal(r["award"]) * 10000) if r["award"] else ""} for r in rows]
    if where == "header":
        headings = seeded.CHINESE | {"award": "奖励金额（元）"}
        written = seeded.write_csv(tmp_path / "yuan.csv", yuan, headings=headings)
    else:
        written = seeded.write_csv(tmp_path / "yuan.csv", yuan, above=[["报表"], ["单位：元"]])
    reading = read(written.path, tmp_path)
    found = seeded.in_the_table(seeded.messages(reading.defects.frame), written)
    assert found == []
    expected = {written.row(i): seeded.expected_cells(r) for i, r in enumerate(rows)}
    assert seeded.frame_cells(reading.frame) == expected


# --- the same table in other files -----------------------------------------------------------


def bits(frame: pd.DataFrame) -> dict[str, Any]:
    """Every cell of a frame, numbers by their bytes."""
    return {
        c: frame[c].to_numpy().tobytes()
        if frame[c].dtype.kind in "fiu"
        else [seeded.as_text(v) for v in frame[c]]
        for c in frame.columns.drop(BIT_FOR_BIT, errors="ignore")
    }


def test_gbk_utf8_and_workbook_of_one_table_give_the_same_frame(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    rows, _ = seeded.seed(seeded.clean_table(600, rng), 60, rng)
    gbk = [r | {"note": r["note"].replace("𠮷", "吉").replace("\u200b", "")} for r in rows]
    gbk = [r | {"unit_name": r["unit_name"].strip("\u200b")} for r in gbk]
    files = [
        seeded.write_csv(tmp_path / "utf8.csv", gbk).path,
        seeded.write_csv(tmp_path / "gbk.csv", gbk, encoding="gbk").path,
        seeded.write_xlsx(tmp_path / "text.xlsx", gbk, typed=False).path,
    ]
    first, *others = [read(path, tmp_path).frame for path in files]
    assert len(first) > 500
    for frame in others:
        pd.testing.assert_frame_equal(
            frame.drop(columns=BIT_FOR_BIT), first.drop(columns=BIT_FOR_BIT), check_exact=True
        )
        assert bits(frame) == bits(first)


def test_typed_cells_of_a_workbook_give_the_same_values_as_text(tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    rows = seeded.clean_table(500, rng)
    text = read(seeded.write_csv(tmp_path / "utf8.csv", rows).path, tmp_path).frame
    typed = read(seeded.write_xlsx(tmp_path / "typed.xlsx", rows).path, tmp_path).frame
    assert len(text) == 500
    assert bits(typed) == bits(text)
    assert (typed["_repair"] == "").all()


def test_result_does_not_depend_on_the_order_of_the_columns(tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    rows, _ = seeded.seed(seeded.clean_table(300, rng), 30, rng)
    written = seeded.write_csv(tmp_path / "a.csv", rows)
    turned = pd.read_csv(written.path, dtype="str", keep_default_na=False)[
        [seeded.CHINESE[c] for c in reversed(COLUMNS)]
    ]
    turned.to_csv(tmp_path / "b.csv", index=False)
    first, second = (read(tmp_path / name, tmp_path).frame for name in ("a.csv", "b.csv"))
    assert bits(first) == bits(second[first.columns])


# --- cleaning twice --------------------------------------------------------------------------

CELLS: dict[str, list[str]] = {
    "unit_id": ["110108", "１１０１０１", " 110105", "119999", "", "1101 08", "110106\u200b"],
    "unit_name": [
        "海淀区", " 海淀区　", "海\n淀", "ＡＢ", "=1+1", "", "—", "无", "'海淀", "\ufeff朝阳",
    ],
    "period": [
        "2024", "2024年", "2024Q1", "2024年一季度", "2024-03", "2024年3月", "202403", "2024.03",
        "2024年1-6月", "2024年上半年", "2024-01..06", "2024年1月至6月", "一季度", "2042", "", "无",
        "2024-03-31", "２０２４",
    ],
    "reported_on": [
        "2024-03-31", "2024/3/31", "2024.3.31", "20240331", "2024年3月31日", "45382",
        "2024-03-31 00:00:00", "2024年3月", "3/5/2024", "", "—", "２０２４-０３-３１",
    ],
    "indicator_id": ["E1", "E2", "I1", "P1", "Ｅ１", "Z9", "A1", "T1", ""],
    "indicator_name": ["地区生产总值", "", "—", "N/A", "无", " x ", "138 1234 5678", "\t名称\n"],
    "department": ["统计局", "stats", "科委", " energy ", "文旅办", "", "无", "police"],
    "value": [
        "51.67", "0", "-5", "１２．５", "1,234.5", "12,34", "3.2亿元", "48万", "12.5万人", "92%",
        "(1,234)", "−7", "约100", "无", "", "1E3", "0.1", "1e22", "123456789.123456789", "3‰",
        "0.07亿元", "1 234 567",
    ],
    "unit": [
        "亿元", "万元", "元", "%", "％", "人", "万人", "件", "吨标准煤", "微克/立方米", "", "X",
    ],
    "satisfaction": [
        "92.1", "９２％", "92%", "120.5", "-1", "", "暂无", "100", "0", "5‰", "0.3",
    ],
    "award": [
        "4800", "4,800", "480000元", "0.3元", "3.2亿元", "48万", "", "…", "-35", "7.7万元",
    ],
    "note": [
        "", "-", "联系人13812345678", "+86 138 1234 5678", "一三八一二三四五六七八", "'=1+1", "/",
        "合计", "注：甲", "11010519491231002X", 'a,b"c', "\u3000", "@x",
    ],
}  # fmt: skip


def rows_of_cells() -> st.SearchStrategy[list[Row]]:
    """Rows in which about every cell is the usual one or any way of writing it."""
    usual = {c: CELLS[c][0] for c in COLUMNS}
    changes = st.dictionaries(st.sampled_from(COLUMNS), st.integers(0, 99), max_size=5)
    rows = changes.map(
        lambda chosen: usual | {c: CELLS[c][n % len(CELLS[c])] for c, n in chosen.items()}
    )
    return st.lists(rows, min_size=1, max_size=12)


@given(rows=rows_of_cells())
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_cleaning_a_clean_table_changes_nothing(
    rows: list[Row], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("twice")
    first = read(seeded.write_csv(folder / "first.csv", rows).path, folder).frame
    if first.empty:
        return
    clean = [{c: seeded.as_text(r.get(c)) for c in COLUMNS} for r in first.to_dict("records")]
    reading = read(seeded.write_csv(folder / "second.csv", clean).path, folder)
    found = reading.defects.frame
    assert found[found["severity"] != "noted"].empty, found.to_string()
    assert (reading.frame["_repair"] == "").all()
    origin = ["_file", "_sheet", "_row", "_repair"]
    pd.testing.assert_frame_equal(
        reading.frame.drop(columns=origin).reset_index(drop=True),
        first.drop(columns=origin).reset_index(drop=True),
        check_exact=True,
    )


@pytest.mark.parametrize("changed", [lambda rows: rows[::-1], lambda rows: rows[1::2] + rows[::2]])
def test_result_does_not_depend_on_the_order_of_the_rows(
    changed: Callable[[list[Row]], list[Row]], tmp_path: Path
) -> None:
    rng = np.random.default_rng(10)
    clean = seeded.clean_table(300, rng)
    rows, truth = seeded.seed(clean, 36, rng)
    whole = {t.row for t in truth if not t.columns}  # which of two equal rows counts is by order
    rows = [row for i, row in enumerate(rows) if i not in whole]
    frames = [
        read(seeded.write_csv(tmp_path / name, part).path, tmp_path).frame
        for name, part in (("a.csv", rows), ("b.csv", changed(rows)))
    ]
    key = ["unit_id", "period", "indicator_id"]
    first, second = (
        f.drop(columns=["_file", "_sheet", "_row"]).sort_values(key, ignore_index=True)
        for f in frames
    )
    pd.testing.assert_frame_equal(first, second, check_exact=True)
