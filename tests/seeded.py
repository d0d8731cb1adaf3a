"""A table as departments send it, with planted defects, in the file shapes that they use."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

Row = dict[str, str]

CONTRACT = """
[reports]
zh = "部门填报表"
en = "Department returns"
about = { zh = "一行为一个区的一项指标。", en = "One row is an indicator of a unit." }
key = ["unit_id", "period", "indicator_id"]
department = "department"
compare = ["indicator_id"]
[reports.measured]
value = "value"
unit = "unit"
by = "indicator_id"
dictionary = "indicators"
key = "node_id"
declared = "unit"
low = "min_value"
high = "max_value"
[reports.columns]
unit_id = { is = "id!>units", zh = "区县代码", en = "Unit id", aliases = ["行政区划代码"] }
unit_name = { is = "text!", zh = "区县名称", en = "Unit name", aliases = ["区县"] }
period = { is = "period!", zh = "统计时期", en = "Period", min = "2015", max = "2030" }
indicator_id = { is = "id!>indicators", zh = "指标代码", en = "Indicator id" }
indicator_name = { is = "text", zh = "指标名称", en = "Indicator name" }
value = { is = "number!", zh = "数值", en = "Value" }
unit = { is = "text!", zh = "计量单位", en = "Unit" }
award = { is = "amount", zh = "奖励金额", en = "Award", unit = "10k CNY", max = 1e6 }
note = { is = "text?", zh = "备注", en = "Note", aliases = ["附注"] }
[reports.columns.reported_on]
is = "date!"
zh = "填报日期"
en = "Reported on"
min = "2019-01-01"
max = "2026-12-31"
[reports.columns.satisfaction]
is = "amount!"
zh = "满意度"
en = "Satisfaction"
unit = "%"
min = 0
max = 100
[reports.columns.department]
is = "text!|stats,science,ip,police,ecology,energy"
zh = "填报部门"
en = "Department"
aliases = ["责任部门"]
[reports.columns.department.labels]
stats = "统计局"
science = "科委"
ip = "知识产权局"
police = "公安局"
ecology = "生态环境局"
energy = "发改委"

[units]
zh = "区县"
en = "Units"
about = { zh = "一行为一个区。", en = "One row is a unit." }
key = ["unit_id"]
[units.columns]
unit_id = { is = "id!", zh = "区县代码", en = "Unit id" }

[indicators]
zh = "指标"
en = "Indicators"
about = { zh = "一行为一项指标。", en = "One row is an indicator." }
key = ["node_id"]
[indicators.columns]
node_id = { is = "id!", zh = "指标代码", en = "Indicator id" }
unit = { is = "text!", zh = "计量单位", en = "Unit" }
min_value = { is = "number", zh = "下限", en = "Lowest value" }
max_value = { is = "number", zh = "上限", en = "Highest value" }
"""

COLUMNS = [
    "unit_id", "unit_name", "period", "reported_on", "indicator_id", "indicator_name",
    "department", "value", "unit", "satisfaction", "award", "note",
]  # fmt: skip
CHINESE = {
    "unit_id": "区县代码", "unit_name": "区县名称", "period": "统计时期",
    "reported_on": "填报日期", "indicator_id": "指标代码", "indicator_name": "指标名称",
    "department": "填报部门", "value": "数值", "unit": "计量单位", "satisfaction": "满意度",
    "award": "奖励金额", "note": "备注",
}  # fmt: skip
MIXED = CHINESE | {
    "unit_id": "行政区划代码", "unit_name": "Unit name", "period": "period", "value": "value",
    "department": "责任部门", "satisfaction": "Satisfaction", "award": "award", "note": "附注",
}  # fmt: skip
BRACKETED = CHINESE | {
    "unit_id": "区县 代码 *", "unit_name": "　区县名称　", "reported_on": "填报日期*",
    "satisfaction": "满意度（%）", "award": "奖励金额（万元）", "note": "备 注",
    "indicator_name": "指标名称＊",
}  # fmt: skip

DISTRICTS = {
    "110101": "东城区", "110102": "西城区", "110105": "朝阳区", "110106": "丰台区",
    "110107": "石景山区", "110108": "海淀区", "110109": "门头沟区", "110111": "房山区",
    "110112": "通州区", "110113": "顺义区", "110114": "昌平区", "110115": "大兴区",
    "110116": "怀柔区", "110117": "平谷区", "110118": "密云区", "110119": "延庆区",
}  # fmt: skip
# id: name, declared unit, unit as written, department, smallest, largest, decimals, range
INDICATORS: Mapping[str, tuple[Any, ...]] = {
    "E1": ("地区生产总值", "100m CNY", "亿元", "统计局", 20, 120, 2, None),
    "E2": ("研发投入强度", "%", "%", "科委", 1, 12, 2, (0, 100)),
    "I1": ("有效发明专利", "count", "件", "知识产权局", 20000, 90000, 0, None),
    "P1": ("常住人口", "persons", "人", "公安局", 300000, 3500000, 0, None),
    "A1": ("PM2.5年均浓度", "ug/m3", "微克/立方米", "生态环境局", 20, 60, 1, (0, 1000)),
    "T1": ("能源消费量", "tce", "吨标准煤", "发改委", 100000, 900000, 0, None),
}
CODES = {
    "统计局": "stats", "科委": "science", "知识产权局": "ip", "公安局": "police",
    "生态环境局": "ecology", "发改委": "energy",
}  # fmt: skip
NOTES = [
    "", "", "", "", "商业秘密保护条例执行情况已核", "同比增长3.2%，快于全市",
    '含"双创"项目，涉及3,200人', "见京海政发〔2024〕12号", "𠮷祥街道", "口径与2023年一致；不含飞地",
    "https://example.org/a?b=1", "无", "A/B两类合并", "统一社会信用代码91110108MA01ABCD2X",
]  # fmt: skip# fmt: skip
NUMERIC = ("value", "satisfaction", "award")
PLAIN_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)


def clean_table(rows: int, rng: np.random.Generator) -> list[Row]:
    """Return rows without any defect; those of a unit stand together."""
    quarters = [f"{year}Q{quarter}" for year in range(2019, 2025) for quarter in range(1, 5)]
    needed = -(-rows // (len(DISTRICTS) * len(INDICATORS)))
    assert needed <= len(quarters), "at most 2,304 rows have a key of their own"
    keys = [(u, p, i) for u in DISTRICTS for p in quarters[:needed] for i in INDICATORS]
    return [clean_row(*key, rng) for key in keys[:rows]]


def clean_row(unit_id: str, period: str, indicator: str, rng: np.random.Generator) -> Row:
    """Return one row in which every cell is as declared."""
    name, _, unit, department, low, high, decimals, _ = INDICATORS[indicator]
    month = 3 * int(period[-1])
    reported = dt.date(int(period[:4]), month, 28) + dt.timedelta(days=int(rng.integers(5, 40)))
    award = "" if rng.random() < 0.05 else str(int(rng.integers(1000, 9000)))
    return {
        "unit_id": unit_id,
        "unit_name": DISTRICTS[unit_id],
        "period": period,
        "reported_on": reported.isoformat(),
        "indicator_id": indicator,
        "indicator_name": name,
        "department": department,
        "value": f"{rng.uniform(low, high):.{decimals}f}",
        "unit": unit,
        "satisfaction": f"{rng.uniform(60, 99.9):.1f}",
        "award": award,
        "note": NOTES[int(rng.integers(len(NOTES)))],
    }


def dictionaries() -> dict[str, pd.DataFrame]:
    """Return the clean frames to which the table refers."""
    units = pd.DataFrame({"unit_id": list(DISTRICTS)}, dtype="str")
    ranges = [INDICATORS[i][7] or (np.nan, np.nan) for i in INDICATORS]
    indicators = pd.DataFrame({"node_id": list(INDICATORS)}, dtype="str").assign(
        unit=pd.Series([INDICATORS[i][1] for i in INDICATORS], dtype="str"),
        min_value=[float(low) for low, _ in ranges],
        max_value=[float(high) for _, high in ranges],
    )
    frames = {"units": units, "indicators": indicators}
    return {
        name: frame.assign(_file=name, _sheet="", _row=range(2, len(frame) + 2), _repair="")
        for name, frame in frames.items()
    }


def contract(folder: Path, declared: str = CONTRACT, name: str = "reports") -> Any:
    """Return a contract declared in text."""
    from haidian_eval import tables

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "declared.toml").write_text(declared, "utf-8")
    return tables.read_contracts(folder / "declared.toml")[name]


# --- defects ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Truth:
    """A planted defect; `row` counts the rows of the table from 0.

    columns: the columns in any of which a message locates it; none: it is the whole row's.
    severities: those that are right. also: rows that rightly get a message of their own.
    """

    row: int
    columns: tuple[str, ...]
    kind: str
    severities: tuple[str, ...]
    also: tuple[int, ...] = ()


@dataclass(frozen=True)
class Kind:
    """How a defect is planted: the change of a row's cells, and the row above if it is needed."""

    columns: tuple[str, ...]
    severities: tuple[str, ...]
    change: Callable[[Row, Row], Row]
    indicator: str = ""  # only in rows of this indicator
    filled: str = ""  # only in rows in which this cell is filled
    both: bool = False  # the row above gets a message as well


def put(column: str, cell: str) -> Callable[[Row, Row], Row]:
    """Return the change that writes a cell."""
    return lambda row, above: {column: cell}


def wide(text: str) -> str:
    """Return the full-width form of ASCII digits, points and percent signs."""
    return "".join(chr(ord(c) + 0xFEE0) if c in "0123456789.%-" else c for c in text)


def serial(iso: str) -> str:
    """Return the number that Excel stores for a date."""
    return str((dt.date.fromisoformat(iso) - dt.date(1899, 12, 30)).days)


def thousands(text: str) -> str:
    """Return a number with thousands separators."""
    return f"{Decimal(text):,}"


def quarter(period: str) -> str:
    """Return 2024年一季度 for 2024Q1."""
    return f"{period[:4]}年{'一二三四'[int(period[-1]) - 1]}季度"


def chinese_date(iso: str) -> str:
    """Return 2024年3月5日 for 2024-03-05."""
    day = dt.date.fromisoformat(iso)
    return f"{day.year}年{day.month}月{day.day}日"


OUT, MENDED, SEEN = ("excluded",), ("repaired",), ("noted",)
MASKED = ("noted", "repaired")
KINDS: Mapping[str, Kind] = {
    "missing word where a value is required": Kind(("value",), OUT, put("value", "暂无")),
    "about": Kind(("value",), OUT, put("value", "约100")),
    "Chinese numeral": Kind(("satisfaction",), OUT, put("satisfaction", "九十二")),
    "above the range": Kind(("satisfaction",), OUT, put("satisfaction", "120.5")),
    "negative amount": Kind(("award",), OUT, put("award", "-35")),
    "unknown unit": Kind(("unit", "value"), OUT, put("unit", "万吨标煤X")),
    "full-width percent": Kind(
        ("satisfaction",), MENDED,
        lambda row, above: {"satisfaction": wide(row["satisfaction"] + "%")},
    ),
    "thousands": Kind(
        ("award",), MENDED, lambda row, above: {"award": thousands(row["award"])}, filled="award"
    ),
    "wrong thousands": Kind(("award",), OUT, put("award", "12,34")),
    "unit in the cell": Kind(
        ("value",), MENDED, lambda row, above: {"value": row["value"] + "亿元"}, indicator="E1"
    ),
    "unit of another dimension": Kind(("value",), OUT, put("value", "3.2亿元"), indicator="E2"),
    "unit of another magnitude": Kind(
        ("unit", "value"), MENDED,
        lambda row, above: {"unit": "万元", "value": str(Decimal(row["value"]) * 10000)},
        indicator="E1",
    ),
    "Chinese date": Kind(
        ("reported_on",), MENDED,
        lambda row, above: {"reported_on": chinese_date(row["reported_on"])},
    ),
    "month for a date": Kind(("reported_on",), OUT, put("reported_on", "2024年3月")),
    "day and month unclear": Kind(("reported_on",), OUT, put("reported_on", "3/5/2024")),
    "Chinese quarter": Kind(
        ("period",), MENDED, lambda row, above: {"period": quarter(row["period"])}
    ),
    "quarter without a year": Kind(("period",), OUT, put("period", "一季度")),
    "indicator not in the dictionary": Kind(("indicator_id",), OUT, put("indicator_id", "Z9")),
    "unit not registered": Kind(("unit_id",), OUT, put("unit_id", "119999")),
    "no department": Kind(("department",), OUT, put("department", "")),
    "department not allowed": Kind(("department",), OUT, put("department", "文旅办")),
    "repeated row": Kind((), OUT, lambda row, above: dict(above)),
    "same key, other cells": Kind(
        (), OUT, lambda row, above: above | {"satisfaction": "55.5"}, both=True
    ),
    "year typed wrongly": Kind(("period",), OUT, put("period", "2042")),
    "blanks around": Kind(
        ("unit_name",), MENDED, lambda row, above: {"unit_name": f" {row['unit_name']}　"}
    ),
    "million times too large": Kind(
        ("value",), SEEN, lambda row, above: {"value": str(Decimal(row["value"]) * 1000000)},
        indicator="E1",
    ),
    "phone": Kind(("note",), MASKED, put("note", "联系人：张三 13812345678")),
    "ID number": Kind(("note",), MASKED, put("note", "经办人身份证号11010519491231002X")),
    "zero-width character": Kind(
        ("unit_name",), MENDED, lambda row, above: {"unit_name": f"\u200b{row['unit_name']}"}
    ),
    "Excel serial": Kind(
        ("reported_on",), MENDED, lambda row, above: {"reported_on": serial(row["reported_on"])}
    ),
    "no value where one is required": Kind(("value",), OUT, put("value", "")),
    "outside the dictionary's range": Kind(("value",), OUT, put("value", "250"), indicator="E2"),
    "magnitude twice": Kind(("award",), OUT, put("award", "48万")),
    "underscore": Kind(("award",), OUT, put("award", "1_000")),
    "error value": Kind(("award",), OUT, put("award", "#REF!")),
    "full-width id": Kind(
        ("unit_id",), MENDED, lambda row, above: {"unit_id": wide(row["unit_id"])}
    ),
    "ten thousand persons": Kind(
        ("value",), MENDED,
        lambda row, above: {"value": f"{Decimal(row['value']) / 10000}万人"}, indicator="P1",
    ),
    "two numbers": Kind(("satisfaction",), OUT, put("satisfaction", "85-90")),
}  # fmt: skip


def seed(
    table: Sequence[Row], count: int, rng: np.random.Generator, *, start: int = 0
) -> tuple[list[Row], list[Truth]]:
    """Return the table with `count` defects, each in its own row, and where they stand.

    The kinds follow each other from number `start`; the rows above a defect stay as they were.
    """
    rows = [dict(row) for row in table]
    free = [int(i) for i in rng.permutation(np.arange(2, len(rows), 5))]
    names = list(KINDS)
    truth = []
    for number in range(count):
        name = names[(start + number) % len(names)]
        kind = KINDS[name]
        index = next(i for i in free if fits(rows[i], kind))
        free.remove(index)
        rows[index] = rows[index] | kind.change(rows[index], rows[index - 1])
        also = (index - 1,) if kind.both else ()
        truth.append(Truth(index, kind.columns, name, kind.severities, also))
    return rows, sorted(truth, key=lambda t: t.row)


def fits(row: Row, kind: Kind) -> bool:
    """Return whether a defect of this kind can stand in the row."""
    return (not kind.indicator or row["indicator_id"] == kind.indicator) and (
        not kind.filled or row[kind.filled] != ""
    )


def counted(rows: Sequence[Row], truth: Sequence[Truth]) -> list[int]:
    """Return the rows that count in spite of their defects."""
    gone = {t.row for t in truth if t.severities == OUT}
    gone |= {i for t in truth for i in t.also}
    return [i for i in range(len(rows)) if i not in gone]


# --- files -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Written:
    """A file with the table: `first` is the file row of the table's first row.

    extra: file rows with a message of their own, (row, columns, kind, severities).
    """

    path: Path
    first: int
    sheet: str = ""
    extra: tuple[Truth, ...] = ()
    headings: Mapping[str, str] = field(default_factory=lambda: CHINESE)

    def row(self, index: int) -> int:
        """Return the file row of a row of the table."""
        return self.first + index

    def places(self, truth: Sequence[Truth]) -> list[Truth]:
        """Return all defects with the row of the file instead of the row of the table."""
        moved = [
            Truth(self.row(t.row), t.columns, t.kind, t.severities, tuple(map(self.row, t.also)))
            for t in truth
        ]
        return [*moved, *self.extra]


TITLES = [["2024年各部门指标填报表"], ["填报单位：北京市海淀区"], ["", "", "单位：万元"]]
TRAILING = [
    (["合计", *[""] * 6, "12345.6"], "total_row"),
    (["注：本表数据由各部门填报。"], "note_row"),
    (["制表：李四", "", "审核：王五"], "note_row"),
]


def cells_of(rows: Sequence[Row]) -> list[list[str]]:
    """Return the cells in the order of the columns."""
    return [[row[c] for c in COLUMNS] for row in rows]


def padded(lines: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return lines as wide as the table."""
    return [[*line, *[""] * (len(COLUMNS) - len(line))] for line in lines]


def write_csv(
    path: Path,
    rows: Sequence[Row],
    *,
    encoding: str = "utf-8",
    headings: Mapping[str, str] = CHINESE,
    above: Sequence[Sequence[str]] = (),
    below: Sequence[Sequence[str]] = (),
) -> Written:
    """Write a CSV file; the file row is the line."""
    lines = [*padded(above), [headings[c] for c in COLUMNS], *cells_of(rows), *padded(below)]
    frame = pd.DataFrame(lines, dtype="object")
    text = frame.to_csv(index=False, header=False, lineterminator="\r\n")
    path.write_bytes(text.encode(encoding))
    return Written(path, len(above) + 2, headings=headings)


def native(column: str, cell: str, *, ids: bool) -> object:
    """Return the cell as a person would have typed it into Excel."""
    if cell == "":
        return None
    if column in NUMERIC and PLAIN_NUMBER.fullmatch(cell):
        return float(cell) if "." in cell else int(cell)
    if column == "reported_on" and re.fullmatch(r"\d{4}-\d\d-\d\d", cell):
        return dt.datetime.fromisoformat(cell)
    whole = column == "reported_on" or (ids and column == "unit_id")
    return int(cell) if whole and cell.isascii() and cell.isdigit() else cell


def write_xlsx(
    path: Path,
    rows: Sequence[Row],
    *,
    sheet: str = "填报表",
    above: Sequence[Sequence[str]] = (),
    merges: Sequence[tuple[int, int, str]] = (),
    notes: bool = False,
    typed: bool = True,
    ids: bool = False,
) -> Written:
    """Write a workbook; merges: first and last row of the table and the column merged."""
    import openpyxl

    book = openpyxl.Workbook()
    page = book.active
    page.title = sheet
    for line in [*padded(above), [CHINESE[c] for c in COLUMNS]]:
        page.append([cell or None for cell in line])
    for row in rows:
        line = [native(c, row[c], ids=ids) if typed else row[c] or None for c in COLUMNS]
        page.append(line)
    first = len(above) + 2
    if above:
        page.merge_cells(start_row=1, end_row=1, start_column=1, end_column=len(COLUMNS))
    for top, bottom, column in merges:
        place = COLUMNS.index(column) + 1
        page.merge_cells(
            start_row=first + top, end_row=first + bottom, start_column=place, end_column=place
        )
    if notes:
        other = book.create_sheet("填表说明")
        for line in ("填表说明", "一、请于每季度后15日内报送。", "二、数据以统计局核定数为准。"):
            other.append([line])
    book.save(path)
    return Written(path, first, sheet)


def merged_pairs(rows: Sequence[Row], truth: Sequence[Truth], count: int) -> list[int]:
    """Return rows that can be merged with the next in the name of the unit."""
    used = {i for t in truth for i in (t.row, t.row - 1, *t.also)}
    return [
        i
        for i in range(0, len(rows) - 1, 3)
        if not used & {i, i + 1} and rows[i]["unit_name"] == rows[i + 1]["unit_name"]
    ][:count]


def csv_utf8(folder: Path, rows: Sequence[Row], truth: Sequence[Truth]) -> Written:
    return write_csv(folder / "utf8.csv", rows)


def csv_bom(folder: Path, rows: Sequence[Row], truth: Sequence[Truth]) -> Written:
    return write_csv(folder / "bom.csv", rows, encoding="utf-8-sig")


def csv_gb18030(folder: Path, rows: Sequence[Row], truth: Sequence[Truth]) -> Written:
    """A file that GBK cannot hold: 𠮷 is beyond it."""
    return write_csv(folder / "gb18030.csv", rows, encoding="gb18030")


def csv_titled(folder: Path, rows: Sequence[Row], truth: Sequence[Truth]) -> Written:
    return write_csv(folder / "titled.csv", rows, above=TITLES)


def csv_aliases(folder: Path, rows: Sequence[Row], truth: Sequence[Truth]) -> Written:
    return write_csv(folder / "aliases.csv", rows, headings=MIXED)


def csv_bracketed(folder: Path, rows: Sequence[Row], truth: Sequence[Truth]) -> Written:
    return write_csv(folder / "bracketed.csv", rows, headings=BRACKETED)


def csv_trailing(folder: Path, rows: Sequence[Row], truth: Sequence[Truth]) -> Written:
    below = [cells for cells, _ in TRAILING]
    written = write_csv(folder / "trailing.csv", rows, below=below)
    extra = tuple(
        Truth(written.row(len(rows) + place), (), kind, SEEN)
        for place, (_, kind) in enumerate(TRAILING)
    )
    return Written(written.path, written.first, extra=extra)


def xlsx_plain(folder: Path, rows: Sequence[Row], truth: Sequence[Truth]) -> Written:
    return write_xlsx(folder / "plain.xlsx", rows)


def xlsx_titled(folder: Path, rows: Sequence[Row], truth: Sequence[Truth]) -> Written:
    return write_xlsx(folder / "titled.xlsx", rows, above=[*TITLES, [""]], ids=True)


def xlsx_notes(folder: Path, rows: Sequence[Row], truth: Sequence[Truth]) -> Written:
    return write_xlsx(folder / "notes.xlsx", rows, sheet="Sheet1", notes=True)


def xlsx_merged(folder: Path, rows: Sequence[Row], truth: Sequence[Truth]) -> Written:
    """Four names of units stand in a merged cell with the row below."""
    tops = merged_pairs(rows, truth, MERGED)
    merges = [(top, top + 1, "unit_name") for top in tops]
    written = write_xlsx(folder / "merged.xlsx", rows, merges=merges)
    extra = tuple(Truth(written.row(t + 1), ("unit_name",), "merged", MENDED) for t in tops)
    return Written(written.path, written.first, written.sheet, extra)


def parquet(folder: Path, rows: Sequence[Row], truth: Sequence[Truth]) -> Written:
    """All columns are text; the first record is row 1."""
    frame = pd.DataFrame(cells_of(rows), columns=[CHINESE[c] for c in COLUMNS], dtype="str")
    frame.to_parquet(folder / "table.parquet", index=False)
    return Written(folder / "table.parquet", 1)


MERGED = 4
Writer = Callable[[Path, Sequence[Row], Sequence[Truth]], Written]
SHAPES: Mapping[str, Writer] = {
    writer.__name__: writer
    for writer in (
        csv_utf8, csv_bom, csv_gb18030, csv_titled, csv_aliases, csv_bracketed, csv_trailing,
        xlsx_plain, xlsx_titled, xlsx_notes, xlsx_merged, parquet,
    )
}  # fmt: skip
OWN = {"csv_trailing": len(TRAILING), "xlsx_merged": MERGED}  # defects that the shape brings


@dataclass(frozen=True)
class Case:
    """A file, its rows and what is planted in it."""

    shape: str
    rows: list[Row]
    truth: list[Truth]
    written: Written

    @property
    def places(self) -> list[Truth]:
        """The defects by the row of the file."""
        return self.written.places(self.truth)


def make(folder: Path, shape: str, *, rows: int, defects: int, number: int) -> Case:
    """Return a file of a shape with `defects` planted; `number` is the seed and the first kind."""
    rng = np.random.default_rng([2024, number])
    planted = max(defects - OWN.get(shape, 0), 0)
    table, truth = seed(clean_table(rows, rng), planted, rng, start=number * 17)
    folder.mkdir(parents=True, exist_ok=True)
    return Case(shape, table, truth, SHAPES[shape](folder, table, truth))


# --- what was found --------------------------------------------------------------------------


@dataclass(frozen=True)
class Message:
    """One defect that was reported; row 0: it is the file's."""

    sheet: str
    row: int
    columns: frozenset[str]
    rule: str
    severity: str


def plain_heading(heading: str) -> str:
    """Return a heading without blanks, unit in brackets and star."""
    folded = re.sub(r"\s", "", unicodedata.normalize("NFKC", heading)).casefold()
    return re.sub(r"\(.*\)", "", folded).rstrip("*")


def messages(defects: pd.DataFrame, *headings: Mapping[str, str]) -> list[Message]:
    """Return the reported defects, columns by code whichever name they are reported by."""
    known = {plain_heading(c): c for c in COLUMNS}
    for names in (CHINESE, MIXED, BRACKETED, *headings):
        known |= {plain_heading(h): c for c, h in names.items()}
    found = []
    for record in defects.to_dict("records"):
        column = str(record["column"])
        parts = [column, *re.split(r"[ ,;、+]+", column)]
        codes = frozenset(known[plain_heading(p)] for p in parts if plain_heading(p) in known)
        row = 0 if pd.isna(record["row"]) else int(record["row"])
        found.append(
            Message(str(record["sheet"]), row, codes, str(record["rule"]), str(record["severity"]))
        )
    return found


def is_located(truth: Truth, sheet: str, found: Sequence[Message]) -> bool:
    """Return whether a message names the sheet, the row and the column of a defect."""
    return any(
        m.row == truth.row
        and (not sheet or m.sheet == sheet)
        and (not truth.columns or m.columns & set(truth.columns))
        for m in found
    )


def in_the_table(found: Sequence[Message], written: Written) -> list[Message]:
    """Return the messages on rows of the table and below; the file's own are left out."""
    return [m for m in found if m.row >= written.first and m.sheet in (written.sheet, "")]


def as_text(value: object) -> str:
    """Return a clean value as it is written into a CSV file, exactly."""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return ""
    if isinstance(value, dt.datetime | pd.Timestamp | np.datetime64):
        return pd.Timestamp(value).date().isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, float | np.floating):
        return repr(float(value))
    return str(value)


def expected_cells(row: Row) -> Row:
    """Return what a clean row must hold after reading; the unit's own spelling is left open."""
    numbers = {c: as_text(float(row[c])) if row[c] else "" for c in NUMERIC}
    typed = row | numbers | {"department": CODES[row["department"]]}
    return {c: typed[c] for c in COLUMNS if c != "unit"}


def frame_cells(frame: pd.DataFrame) -> dict[int, Row]:
    """Return the cells of a clean frame as text, by the row of the file."""
    columns = [c for c in COLUMNS if c != "unit"]
    return {
        int(record["_row"]): {c: as_text(record.get(c)) for c in columns}
        for record in frame.to_dict("records")
    }
