"""Other people's 20 defects: all found in the three files, about one message each."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import seeded

MESSAGES = 1.2  # per defect, field/reliability.md, G1
BEST_SEEN = 18  # of 18 row defects: frictionless, with 44 messages
FILES = ("bad_utf8.csv", "bad_gbk_missingcol.csv", "bad.xlsx")
CONTRACT = """
[returns]
zh = "部门指标填报表"
en = "Department returns"
about = { zh = "一行为一个区一年的一项指标。", en = "One row is an indicator of a unit in a year." }
key = ["unit_id", "year", "indicator_id"]
department = "department"
compare = ["indicator_id"]
[returns.measured]
value = "value"
unit = "unit"
by = "indicator_id"
dictionary = "dictionary"
key = "node_id"
declared = "unit"
low = "min_value"
high = "max_value"
[returns.columns]
unit_id = { is = "id!", zh = "区县代码", en = "Unit id" }
unit_name = { is = "text!", zh = "区县", en = "Unit" }
year = { is = "period!", zh = "年份", en = "Year", min = "2015", max = "2030" }
date = { is = "date!", zh = "统计日期", en = "Date" }
indicator_id = { is = "id!>dictionary", zh = "指标代码", en = "Indicator id" }
indicator_name = { is = "text", zh = "指标名称", en = "Indicator name" }
department = { is = "text!", zh = "部门", en = "Department" }
value = { is = "amount!", zh = "数值", en = "Value" }
unit = { is = "text!", zh = "单位", en = "Unit of the value" }
satisfaction = { is = "amount!", zh = "满意度", en = "Satisfaction", unit = "%", max = 100 }
award = { is = "amount", zh = "奖励金额", en = "Award", unit = "CNY" }
contact = { is = "text", zh = "联系人", en = "Contact" }
"""
HEADINGS = {
    "unit_id": "区县代码", "unit_name": "区县", "year": "年份", "date": "统计日期",
    "indicator_id": "指标代码", "indicator_name": "指标名称", "department": "部门", "value": "数值",
    "unit": "单位", "satisfaction": "满意度", "award": "奖励金额", "contact": "联系人",
}  # fmt: skip
CODES = {heading: code for code, heading in HEADINGS.items()}
# `row` of defects.json is the row of the data from 0; -1: the file's. Read off the files:
RENAMED, ENCODING, REPEATED, MERGED, TRAILING = "2", "6", "3", "9", "10"
OTHER_UNIT = "12"  # 15.64 in 万元 where the dictionary has 亿元: the value or its unit may be named
BESIDE = {MERGED: [14], TRAILING: [41]}  # the merged blank is two rows high; the total row
DATA_ROWS = 40
FIRST = {"bad_utf8.csv": 2, "bad_gbk_missingcol.csv": 2, "bad.xlsx": 3}  # a title stands above


@dataclass(frozen=True)
class Read:
    file: str
    reading: Any
    found: list[seeded.Message]


def dictionary() -> pd.DataFrame:
    """The indicators of the reference table with the unit in which each is declared."""
    return pd.DataFrame(
        {
            "node_id": pd.Series(["E1", "E2", "I1", "L1"], dtype="str"),
            "unit": pd.Series(["100m CNY", "%", "count", "count"], dtype="str"),
            "min_value": [np.nan, 0.0, np.nan, np.nan],
            "max_value": [np.nan, 100.0, np.nan, np.nan],
        }
    ).assign(_file="dictionary.csv", _sheet="", _row=range(2, 6), _repair="")


@pytest.fixture(scope="module")
def reads(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Read]:
    """The three files of the reference; a missing one fails where the variable names a folder."""
    from haidian_eval import tables

    folder = reference / "reliability"
    absent = [name for name in (*FILES, "defects.json") if not (folder / name).is_file()]
    if absent and os.environ.get("HAIDIAN_EVAL_REFERENCE"):
        pytest.fail(f"{folder} lacks {', '.join(absent)}")
    if absent:
        pytest.skip(f"no {', '.join(absent)} in {folder}; set HAIDIAN_EVAL_REFERENCE")
    contract = seeded.contract(tmp_path_factory.mktemp("reference"), CONTRACT, "returns")
    known = {"dictionary": dictionary()}
    readings = {name: tables.read_file(folder / name, contract, tables=known) for name in FILES}
    codes = {code: code for code in HEADINGS}
    return {
        name: Read(name, reading, seeded.messages(reading.defects.frame, HEADINGS, codes))
        for name, reading in readings.items()
    }


@pytest.fixture(scope="module")
def truth(reference: Path) -> dict[str, tuple[int, str]]:
    """Number of the defect -> row of the data from 0, column as defects.json names it."""
    listed = json.loads((reference / "reliability" / "defects.json").read_text("utf-8"))
    return {number: (int(where[0]), where[1]) for number, where in listed.items()}


def admissible(number: str, column: str) -> set[str]:
    """The columns in which a defect may be named; none: the whole row's."""
    if number in (REPEATED, TRAILING):
        return set()
    return {"unit", "value"} if number == OTHER_UNIT else {CODES[column]}


def is_found(read: Read, number: str, row: int, column: str) -> bool:
    if number == RENAMED:
        return any("department" in m.columns and m.severity == "stops" for m in read.found)
    if number == ENCODING:
        frame = read.reading.defects.frame
        words = frame[["rule", "found", "expected", "hint"]].agg(" ".join, axis=1)
        return bool(words.str.contains("GB18030|GBK", case=False).any())
    sheet = "Sheet" if read.file.endswith(".xlsx") else ""
    place = seeded.Truth(FIRST[read.file] + row, tuple(admissible(number, column)), number, ())
    return seeded.is_located(place, sheet, read.found)


def stands_in(number: str, file: str) -> bool:
    """Whether a file has the defect; blanks of a column that is not read cannot be seen."""
    gbk = "gbk" in file
    return gbk if number in (RENAMED, ENCODING) else not (gbk and number == MERGED)


@pytest.mark.parametrize("file", FILES)
def test_every_defect_of_the_file_is_located(
    file: str, reads: dict[str, Read], truth: dict[str, tuple[int, str]]
) -> None:
    expected = [number for number in truth if stands_in(number, file)]
    lost = [number for number in expected if not is_found(reads[file], number, *truth[number])]
    assert lost == []
    assert len(expected) == (19 if "gbk" in file else BEST_SEEN)


def test_twenty_of_twenty_defects_are_located(
    reads: dict[str, Read], truth: dict[str, tuple[int, str]]
) -> None:
    seen = {n for n, place in truth.items() for r in reads.values() if is_found(r, n, *place)}
    assert sorted(seen, key=int) == [str(n) for n in range(1, 21)]


@pytest.mark.parametrize("file", FILES)
def test_a_defect_gives_about_one_message(
    file: str, reads: dict[str, Read], truth: dict[str, tuple[int, str]]
) -> None:
    defects = [number for number in truth if stands_in(number, file)]
    found = [(m.row, sorted(m.columns), m.rule) for m in reads[file].found]
    assert len(found) <= MESSAGES * len(defects), found


def faulty_rows(truth: dict[str, tuple[int, str]]) -> set[int]:
    """Rows of the data with a defect, those that share one with the row named included."""
    return {row for row, _ in truth.values() if row >= 0} | {r for b in BESIDE.values() for r in b}


@pytest.mark.parametrize("file", FILES)
def test_clean_rows_get_no_message(
    file: str, reads: dict[str, Read], truth: dict[str, tuple[int, str]]
) -> None:
    known = {FIRST[file] + row for row in faulty_rows(truth)}
    assert [m for m in reads[file].found if m.row >= FIRST[file] and m.row not in known] == []


@pytest.mark.parametrize("file", ["bad_utf8.csv", "bad.xlsx"])
def test_rows_that_count_are_the_clean_and_the_repaired_ones(
    file: str, reads: dict[str, Read], truth: dict[str, tuple[int, str]]
) -> None:
    # repaired: ９２％, 480,000, 万元 into 亿元, blanks around; masked: the phone
    mended = {truth[n][0] for n in ("7", "8", "12", "18", "20")}
    expected = set(range(DATA_ROWS)) - faulty_rows(truth) | mended
    actual = reads[file].reading.frame.set_index("_row")
    assert {int(row) - FIRST[file] for row in actual.index} == expected
    at = {n: FIRST[file] + truth[n][0] for n in truth}
    assert actual.at[at["7"], "satisfaction"] == 92.0
    assert actual.at[at["8"], "award"] == 480000.0
    assert actual.at[at["12"], "value"] == 0.001564  # 15.64 / 10,000
    assert actual.at[at["18"], "unit_name"] == "区08"
    assert "13812345678" not in actual.to_string()


def test_title_of_the_workbook_is_no_defect(reads: dict[str, Read]) -> None:
    assert [m for m in reads["bad.xlsx"].found if 0 < m.row < FIRST["bad.xlsx"]] == []


def test_files_of_one_table_give_the_same_rows(reads: dict[str, Read]) -> None:
    frames = [
        reads[f].reading.frame.drop(columns=["_file", "_sheet", "_row"]).reset_index(drop=True)
        for f in ("bad_utf8.csv", "bad.xlsx")
    ]
    pd.testing.assert_frame_equal(*frames, check_exact=True)
