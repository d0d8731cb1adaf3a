"""Exports: text never becomes a formula, numbers stay numbers."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

DANGEROUS = [
    "=1+1", "=SUM(A1:A9)", '=HYPERLINK("http://127.0.0.1/?"&A1,"点击")', "=cmd|' /C calc'!A0",
    '=DDE("cmd";"/C calc";"x")', "=IMPORTXML(A1)", '=WEBSERVICE("http://127.0.0.1")', "==1", "=",
    "=A1", "=-1", "={1,2}", "=@SUM(1)", "=甲", "=1+1,文字", "+1+1", "+SUM(1)", "+", "+cmd|' /C'!A0",
    "-1+1", "-SUM(1)", "-", "-cmd|' /C calc'!A0", "-甲", "@SUM(1)", "@", "@甲", "\t=1+1", "\tx",
    "\r=1+1", "\rx", "-2+3+cmd|' /C calc'!A0", "+86 138", "--1",
]  # fmt: skip
# not in the list of the specification, but programs fold or trim before they look
FOLDED = ["＝1+1", "＋1", "－1+1", "＠SUM(1)", " =1+1", "　=1+1", "\n=1+1", "\u200b=1+1"]
HARMLESS_PREFIX = ["|cmd", "'=1+1"]
PLAIN = [
    "海淀区", "3-5", "a=b", "", "2024-03", "110108", "0110", "100%", "x@y", "（1,234）", "1e5",
    "〔2024〕12号", "C+", "a\nb",
]  # fmt: skip
CORPUS = [*DANGEROUS, *FOLDED, *HARMLESS_PREFIX]


def write(path: Path, **sheets: pd.DataFrame) -> Any:
    """Write a workbook and open it again."""
    import openpyxl

    from haidian_eval import tables

    tables.write_workbook(path, sheets)
    return openpyxl.load_workbook(path)


def unescaped(text: object) -> str:
    """Return a text without what XML and its escapes do to the ends of lines."""
    plain = "" if text is None else str(text)
    return plain.replace("_x000D_", "\r").replace("\r\n", "\n").replace("\r", "\n")


def test_corpus_holds_forty_texts() -> None:
    assert len(CORPUS) == len(set(CORPUS)) >= 40


def test_text_in_cells_never_becomes_a_formula(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": CORPUS, "again": CORPUS[::-1]})
    page = write(tmp_path / "a.xlsx", cells=frame).worksheets[0]
    cells = [cell for line in page.iter_rows() for cell in line]
    assert [c.coordinate for c in cells if c.data_type == "f"] == []
    read = [unescaped(page.cell(i, 1).value) for i in range(2, len(CORPUS) + 2)]
    assert read == [unescaped(text) for text in CORPUS]


def test_header_never_becomes_a_formula(tmp_path: Path) -> None:
    frame = pd.DataFrame([range(len(CORPUS))], columns=CORPUS)
    page = write(tmp_path / "a.xlsx", cells=frame).worksheets[0]
    assert [c.value for c in page[1] if c.data_type == "f"] == []
    assert [unescaped(c.value) for c in page[1]] == [unescaped(text) for text in CORPUS]
    assert [c.value for c in page[2]] == list(range(len(CORPUS)))


def test_workbook_holds_no_links_that_a_program_made(tmp_path: Path) -> None:
    import zipfile

    frame = pd.DataFrame(
        {"a": ["http://127.0.0.1:9/x", "file:///etc/passwd", "mailto:a@b", *CORPUS]}
    )
    page = write(tmp_path / "a.xlsx", cells=frame).worksheets[0]
    assert [c.coordinate for line in page.iter_rows() for c in line if c.hyperlink] == []
    with zipfile.ZipFile(tmp_path / "a.xlsx") as archive:
        xml = b"".join(archive.read(n) for n in archive.namelist() if n.startswith("xl/work"))
    assert b"<f>" not in xml
    assert b"<f " not in xml


def test_every_sheet_is_written_under_its_name(tmp_path: Path) -> None:
    sheets = {"统计局": pd.DataFrame({"a": ["=1"]}), "=1+1": pd.DataFrame({"b": [1.5]})}
    found = write(tmp_path / "a.xlsx", **sheets)
    assert found.sheetnames == list(sheets)
    assert found["统计局"]["A2"].data_type == "s"
    assert found["=1+1"]["A2"].value == 1.5


@pytest.mark.parametrize("value", [-5, -0.25, -1e-9, 0, 3, 1234567.875, -(10**12)])
def test_negative_numbers_stay_numbers_in_a_workbook(value: float, tmp_path: Path) -> None:
    frame = pd.DataFrame({"float": [float(value)], "object": pd.Series([value], dtype="object")})
    page = write(tmp_path / "a.xlsx", cells=frame).worksheets[0]
    for cell in page[2]:
        assert cell.data_type == "n"
        assert cell.value == value


def test_missing_values_are_blank_cells(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "number": [np.nan, 1.0],
            "text": pd.Series([pd.NA, "x"], dtype="str"),
            "object": [None, "y"],
        }
    )
    page = write(tmp_path / "a.xlsx", cells=frame).worksheets[0]
    assert [c.value for c in page[2]] == [None, None, None]
    assert [c.value for c in page[3]] == [1, "x", "y"]


def test_ids_stay_text_in_a_workbook(tmp_path: Path) -> None:
    ids = ["0110", "110108", "201900000000000001", "1e5", "TRUE", "2024-03-31", "#REF!", "1_000"]
    page = write(tmp_path / "a.xlsx", cells=pd.DataFrame({"id": ids})).worksheets[0]
    cells = [page.cell(i, 1) for i in range(2, len(ids) + 2)]
    assert [c.value for c in cells] == ids
    assert {c.data_type for c in cells} == {"s"}


# --- CSV -------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [*DANGEROUS, *FOLDED], ids=repr)
def test_text_for_csv_is_marked_as_text(text: str) -> None:
    from haidian_eval import tables

    assert tables.safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", HARMLESS_PREFIX, ids=repr)
def test_text_that_starts_otherwise_is_kept(text: str) -> None:
    from haidian_eval import tables

    assert tables.safe_cell(text) in (text, f"'{text}")


@pytest.mark.parametrize("text", PLAIN, ids=repr)
def test_plain_text_for_csv_is_untouched(text: str) -> None:
    from haidian_eval import tables

    assert tables.safe_cell(text) == text


@pytest.mark.parametrize(
    "value",
    [-5, -0.25, 0, 7, -1e-9, np.float64(-5.5), np.int64(-3), True, False],
    ids=repr,
)
def test_numbers_for_csv_stay_numbers(value: object) -> None:
    from haidian_eval import tables

    actual = tables.safe_cell(value)
    assert actual == value
    assert not isinstance(actual, str)


def test_missing_for_csv_stays_missing() -> None:
    from haidian_eval import tables

    assert tables.safe_cell(None) is None
    assert math.isnan(tables.safe_cell(math.nan))
    assert tables.safe_cell(pd.NA) is pd.NA


def test_csv_of_safe_cells_reads_back_with_one_mark_more() -> None:
    from haidian_eval import tables

    safe = pd.DataFrame({"text": DANGEROUS, "number": -1.5}).map(tables.safe_cell)
    again = pd.read_csv(
        io.StringIO(safe.to_csv(index=False, lineterminator="\n"), newline=""),
        dtype={"text": "str"}, keep_default_na=False, lineterminator="\n",
    )  # fmt: skip
    assert again["text"].tolist() == [f"'{text}" for text in DANGEROUS]
    assert again["number"].tolist() == [-1.5] * len(DANGEROUS)
