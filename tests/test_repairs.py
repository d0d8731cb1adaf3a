"""Repairs: a cell is read as it was meant, without loss, or it is asked back; never wrongly.

`repairs.csv`: kind (as declared), declared_unit, row_unit (a unit in its own column), cell,
expected, repaired (yes, no, either), silent (yes: the specification says nothing).
expected: the value; blank: missing; `!a/b`: a defect of rule a or b (`!any`: of any rule);
`~value`: that value or a defect, nothing else. Escapes: \\n \\r \\t \\\\ \\uXXXX.
"""

from __future__ import annotations

import csv
import datetime as dt
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import seeded

CASES = Path(__file__).with_name("golden") / "repairs.csv"
LABELS = {"budget": "预算下达", "allocated": "分配", "disbursed": "拨付"}
ESCAPE = re.compile(r"\\(u[0-9a-f]{4}|[nrt\\])")
NUMBERS = ("number", "amount", "count")
HEAD = """
[cells]
zh = "单元格"
en = "Cells"
about = { zh = "一行为一个单元格。", en = "One row is a cell." }
key = ["case_id"]
"""
MEASURED = """
[cells.measured]
value = "content"
unit = "unit"
by = "declared"
dictionary = "dictionary"
key = "node_id"
declared = "unit"
"""
COLUMNS = """
[cells.columns]
case_id = { is = "id!", zh = "编号", en = "Case id" }
content = { is = "KIND", zh = "内容", en = "Content"MORE }
"""
ROW_UNITS = """
unit = { is = "text", zh = "计量单位", en = "Unit of the row" }
declared = { is = "text!>dictionary", zh = "指标代码", en = "Indicator id" }
"""


@dataclass(frozen=True)
class Cell:
    """One row of repairs.csv."""

    number: int
    kind: str
    declared_unit: str
    row_unit: str
    cell: str
    expected: str
    repaired: str
    silent: str

    @property
    def key(self) -> str:
        return f"R{self.number:04d}"

    @property
    def group(self) -> tuple[str, str, bool]:
        """Cells that can stand in one column."""
        measured = bool(self.row_unit)
        return self.kind, "" if measured else self.declared_unit, measured


@dataclass(frozen=True)
class Outcome:
    """What became of a cell: its value where its row counts, and the messages on the row."""

    value: str | None
    messages: tuple[tuple[str, str], ...]  # rule, severity

    @property
    def excluded(self) -> set[str]:
        return {rule for rule, severity in self.messages if severity == "excluded"}

    @property
    def repaired(self) -> bool:
        return any(severity == "repaired" for _, severity in self.messages)


def unescaped(text: str) -> str:
    plain = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}
    return ESCAPE.sub(lambda m: plain.get(m[1]) or chr(int(m[1][1:], 16)), text)


@cache
def cases() -> tuple[Cell, ...]:
    with CASES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return tuple(
        Cell(number, **row | {n: unescaped(row[n]) for n in ("cell", "expected")})
        for number, row in enumerate(rows, start=2)  # the line in repairs.csv
    )


def declaration(kind: str, unit: str, measured: bool) -> str:
    """Return the contract of a table with one column of this kind."""
    named = ", ".join(f'{code} = "{label}"' for code, label in LABELS.items())
    labels = f", labels = {{ {named} }}" if "|" in kind else ""
    more = (f', unit = "{unit}"' if unit else "") + labels
    columns = COLUMNS.replace("KIND", kind).replace("MORE", more)
    return HEAD + MEASURED * measured + columns + ROW_UNITS * measured


def write(path: Path, rows: Sequence[Cell], measured: bool) -> dict[int, str]:
    """Write cells into a file; return the key of the case in each row of the file."""
    header = ["case_id", "content", *(["unit", "declared"] if measured else [])]
    lines = [[r.key, r.cell, *([r.row_unit, r.declared_unit] if measured else [])] for r in rows]
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, quoting=csv.QUOTE_ALL).writerows([header, *lines])
        breaks = [len(re.findall("\r\n|\r|\n", r.cell)) for r in rows]
        return {2 + i + sum(breaks[:i]): r.key for i, r in enumerate(rows)}
    import openpyxl

    book = openpyxl.Workbook()
    for i, line in enumerate([header, *lines], start=1):
        for j, text in enumerate(line, start=1):
            cell = book.active.cell(i, j)
            if text:
                cell.value = text
                cell.data_type = "s"  # as typed, not as a formula or an error
    book.save(path)
    return {2 + i: r.key for i, r in enumerate(rows)}


def outcomes(path: Path, rows: Sequence[Cell], group: tuple[str, str, bool]) -> dict[str, Outcome]:
    """Put cells through a contract of their kind."""
    from haidian_eval import tables

    contract = seeded.contract(path.parent / path.stem, declaration(*group), "cells")
    units = sorted({r.declared_unit for r in rows})
    known = {"dictionary": pd.DataFrame({"node_id": units, "unit": units}, dtype="str")}
    places = write(path, rows, group[2])
    reading = tables.read_file(path, contract, tables=known)
    frame, defects = reading.frame, reading.defects.frame
    values = {k: seeded.as_text(v) for k, v in zip(frame["case_id"], frame["content"], strict=True)}
    found: dict[str, list[tuple[str, str]]] = {r.key: [] for r in rows}
    for row, rule, severity in zip(
        defects["row"], defects["rule"], defects["severity"], strict=True
    ):
        if not pd.isna(row) and int(row) in places:
            found[places[int(row)]].append((rule, severity))
    return {r.key: Outcome(values.get(r.key), tuple(found[r.key])) for r in rows}


def same(value: str, expected: str, kind: str) -> bool:
    """Whether a value is the expected one: numbers to the last bit."""
    if not kind.startswith(NUMBERS) or "" in (value, expected):
        return value == expected
    return float(value) == float(Decimal(expected))


def verdict(case: Cell, outcome: Outcome) -> str:
    """Return what is wrong with the outcome of a case, or nothing."""
    expected, text = case.expected, case.kind.rstrip("!") == "text"
    asked = outcome.value is None and bool(outcome.excluded)
    if expected.startswith("!"):
        rules = set(expected[1:].split("/"))
        right = asked and (rules == {"any"} or bool(rules & outcome.excluded))
        return "" if right else "should have been asked back"
    if expected.startswith("~"):
        kept = outcome.value is not None and not outcome.excluded
        right = kept and (
            same(outcome.value or "", expected[1:], case.kind)
            or (text and outcome.value == case.cell)
        )
        return "" if right or asked else "read wrongly"
    if outcome.value is None or outcome.excluded:
        return "should have been read"
    if not same(outcome.value, expected, case.kind):
        return "read wrongly"
    if case.repaired != "either" and outcome.repaired != (case.repaired == "yes"):
        return "repair not noted" if case.repaired == "yes" else "repair of nothing noted"
    return ""


def alone(case: Cell) -> bool:
    """Whether a cell may make its whole file unreadable."""
    return any(ord(c) < 32 and c not in "\t\n\r" for c in case.cell)


GROUPS = sorted({case.group for case in cases()})


def failures(path: Path, rows: Sequence[Cell], group: tuple[str, str, bool]) -> list[str]:
    results = outcomes(path, rows, group)
    return [
        f"line {c.number} {c.kind} {c.declared_unit} {c.row_unit} {c.cell!r}: {wrong}, expected "
        f"{c.expected!r}, found {results[c.key]}{' (silent)' if c.silent else ''}"
        for c in rows
        if (wrong := verdict(c, results[c.key]))
    ]


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
@pytest.mark.parametrize("group", GROUPS, ids=lambda g: "-".join(str(part) for part in g))
def test_cells_are_repaired_without_loss_or_asked_back(
    group: tuple[str, str, bool], suffix: str, tmp_path: Path
) -> None:
    rows = [case for case in cases() if case.group == group and not alone(case)]
    assert failures(tmp_path / f"cells.{suffix}", rows, group) == []


@pytest.mark.parametrize("case", [c for c in cases() if alone(c)], ids=lambda c: c.key)
def test_control_characters_are_never_read_as_text(case: Cell, tmp_path: Path) -> None:
    path = tmp_path / "cells.csv"
    outcome = outcomes(path, [case], case.group)[case.key]
    assert outcome.value is None or not any(ord(c) < 32 for c in outcome.value)


# --- the table of cases itself ---------------------------------------------------------------

FACTORS = {
    "": 1, "千": 10**3, "万": 10**4, "百万": 10**6, "千万": 10**7, "亿": 10**8, "万亿": 10**12,
}  # fmt: skip
# unit as written: dimension, how many of the smallest unit of the dimension
WORDS = {
    "元": ("money", 100), "分": ("money", 1), "人": ("persons", 1), "件": ("count", 1),
    "个": ("count", 1), "项": ("count", 1), "%": ("share", 10), "‰": ("share", 1),
    "微克/立方米": ("dust", 1), "μg/m3": ("dust", 1), "ug/m3": ("dust", 1),
    "克/平方米": ("residue", 1), "天": ("days", 1), "吨标准煤": ("coal", 1), "吨": ("mass", 1),
    "平方米": ("area", 1), "m2": ("area", 1), "公顷": ("area", 10**4), "平方公里": ("area", 10**6),
    "立方米": ("volume", 1), "户": ("households", 1), "次": ("times", 1),
}  # fmt: skip
DECLARED = {
    "CNY": "元", "10k CNY": "万元", "100m CNY": "亿元", "1k CNY": "千元", "1m CNY": "百万元",
    "fen": "分", "persons": "人", "count": "个", "%": "%", "ug/m3": "微克/立方米",
    "g/m2": "克/平方米", "days": "天", "tce": "吨标准煤", "t": "吨", "m2": "平方米", "ha": "公顷",
    "km2": "平方公里", "m3": "立方米", "households": "户", "times": "次",
}  # fmt: skip
MEASURE = re.compile(
    rf"([-−]?[\d,]*\.?\d+) ?({'|'.join(sorted(FACTORS, key=len, reverse=True))})"
    rf"({'|'.join(sorted(WORDS, key=len, reverse=True))})?"
)


def in_smallest(unit: str) -> tuple[str, int]:
    """Return the dimension of a unit and its size in the smallest unit."""
    match = re.fullmatch(MEASURE, f"1{DECLARED.get(unit, unit)}")
    assert match, unit
    dimension, size = WORDS[match[3]]
    return dimension, size * FACTORS[match[2]]


def by_hand(case: Cell) -> Decimal | None:
    """Return the value of a plain measure by exact arithmetic, or None."""
    match = re.fullmatch(MEASURE, case.cell.strip())
    if not match or not (case.declared_unit or case.row_unit):
        return None
    number = Decimal(match[1].replace(",", "").replace("−", "-")) * FACTORS[match[2]]
    written = match[3] or case.row_unit
    if not written:
        return number
    dimension, size = in_smallest(unicodedata.normalize("NFKC", written).strip())
    declared, unit = in_smallest(case.declared_unit)
    assert dimension == declared, case
    return number * size / unit


def test_expected_values_agree_with_exact_arithmetic() -> None:
    checked = 0
    for case in cases():
        plain = case.expected not in ("", "~") and not case.expected.startswith("!")
        if plain and not case.silent and case.kind.startswith(NUMBERS):
            exact = by_hand(case)
            if exact is not None:
                assert exact == Decimal(case.expected), case
                checked += 1
    assert checked > 150


def test_expected_dates_agree_with_the_serial_numbers() -> None:
    for case in cases():
        if case.kind == "date" and re.fullmatch(r"\d{5}", case.cell) and case.expected[0] != "!":
            day = dt.date(1899, 12, 30) + dt.timedelta(days=int(case.cell))
            assert day.isoformat() == case.expected


def test_table_of_cases_is_large_and_says_what_it_expects() -> None:
    found = cases()
    assert len(found) >= 300
    assert {c.repaired for c in found} == {"yes", "no", "either"}
    assert all(c.repaired == "no" for c in found if c.expected.startswith("!"))
    assert len({(c.kind, c.declared_unit, c.row_unit, c.cell) for c in found}) == len(found)
    kinds: Any = {re.split(r"[!|]", c.kind)[0] for c in found}
    assert kinds == {"text", "id", "number", "amount", "count", "date", "period", "flag"}
