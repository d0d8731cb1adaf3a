"""One cell: what its text means, whether that was a repair, or which rule it breaks.

Every reading here is lossless: what can be meant in two ways is a defect, never a guess.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from haidian_eval.tables.units import MAGNITUDES, read_unit

BLANKS = " \t\r\n\v\f\u00a0\u3000\u200b\u200c\u200d\u2060\ufeff"
SIGNS_ONLY = ("-", "—", "——", "–", "--", "…", "……", "...", "......", "/", "\\", "*")
NOT_AVAILABLE = ("n/a", "na", "n.a.", "#n/a")
WORDS = (
    "无", "暂无", "暂缺", "缺", "缺失", "未填", "未报", "未填报", "不详", "待定", "待补", "待报",
    "空", "null", "none", "nil",
)  # fmt: skip
# 0.1% and 1_000 are no plain numbers; a leading zero group such as 0,480 is no thousand.
PLAIN_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
NUMBER = re.compile(
    r"(?P<open>\()?(?P<sign>[+\-−–‐])?(?P<yuan>¥)?\s*"
    r"(?P<digits>[1-9]\d{0,2}(?P<by>[, ])\d{3}(?:(?P=by)\d{3})*(?:\.\d+)?|\d+\.?\d*|\.\d+)"
    r"(?P<exponent>[eE][+-]?\d{1,3})?\s*(?P<unit>[^\d\s.,()+\-−–‐][^+()>≥<≤]{0,24})?(?P<close>\))?",
    re.ASCII,
)
ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
DATE = re.compile(
    r"(\d{4})(?:年(\d{1,2})月(\d{1,2})日|([-/.])(\d{1,2})\4(\d{1,2})|(\d{2})(\d{2}))"
    r"(?:[ T]00:00(?::00(?:\.0+)?)?)?",
    re.ASCII,
)
SERIAL = re.compile(r"\d{5}", re.ASCII)
SERIALS = range(20_000, 80_001)  # 1954 to 2119
MONTH = "(0[1-9]|1[0-2])"
PERIOD = re.compile(
    rf"[1-9]\d{{3}}(Q[1-4]|-{MONTH}|-(?P<first>{MONTH})\.\.(?P<last>{MONTH}))?", re.ASCII
)
# 2024.1 is none: a spreadsheet makes it of January and of October alike.
WRITTEN_PERIOD = re.compile(
    r"(?P<year>[1-9]\d{3})(?:"
    r"(?P<whole>年度?)"
    r"|年?第?(?P<quarter>[一二三四1-4])季度?|年?[Qq](?P<q>[1-4])|-Q(?P<dash>[1-4])"
    r"|年(?P<half>[上下])半年"
    r"|年(?P<first>\d{1,2})月?(?:-|—|–|~|至|到)(?P<last>\d{1,2})月"
    r"|年(?P<month>\d{1,2})月份?|[-/](?P<short>\d{1,2})|\.?(?P<glued>\d{2})"
    r")",
    re.ASCII,
)
FLAGS = {"yes": "yes", "no": "no", "是": "yes", "否": "no"}
OTHER_FLAGS = {"y": "yes", "n": "no", "true": "yes", "false": "no", "√": "yes", "×": "no"}
ERRORS = ("#ref!", "#div/0!", "#value!", "#name?", "#null!", "#num!")
NO_ID = re.compile(r"\s|^\d+\.0+$", re.ASCII)
LOST_DIGITS = re.compile(r"\d(\.\d+)?[eE]\+\d+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cell:
    """What a cell holds: a value (None: missing), how it was written, or the rule it breaks."""

    value: Any = None
    repaired: bool = False
    rule: str = ""
    converted: bool = False  # by the unit beside the cell, not by one in it


@dataclass(frozen=True, slots=True)
class Quantity:
    """A written number with the unit or magnitude behind it; `rule` when it is none."""

    number: Decimal | None
    unit: str = ""
    plain: bool = False
    rule: str = ""


def folded(text: str) -> str:
    """Return a cell with half-width letters and no blanks around it."""
    return unicodedata.normalize("NFKC", text.strip(BLANKS)).strip(BLANKS)


def is_missing(text: str, *, words: bool) -> bool:
    """Tell whether a cell says that there is nothing; `words` admits 无, 暂缺 and their like."""
    known = folded(text)
    if known in SIGNS_ONLY or known.casefold() in NOT_AVAILABLE:
        return True
    return words and known.casefold() in WORDS


def read_quantity(text: str) -> Quantity:
    """Return the number that a cell holds with its unit, exactly as written."""
    known = folded(text)
    if not known or is_missing(known, words=True):
        return Quantity(None)
    if known.casefold() in ERRORS:
        return Quantity(None, rule="formula")
    small = (place for place, sign in enumerate(text) if unicodedata.category(sign) == "No")
    if any(not text[:place][-1:].isalpha() for place in small):
        return Quantity(None, rule="number")  # ² or ① behind a figure; behind a letter it may stand
    match = NUMBER.fullmatch(known)
    if match is None or bool(match["open"]) != bool(match["close"]):
        return Quantity(None, rule="number")
    unit = (match["unit"] or "").strip()
    if match["yuan"]:
        unit = "CNY" if not unit else unit if read_unit(unit) else f"{unit}元"
    unknown = unit and unit not in MAGNITUDES and read_unit(unit) is None
    if unknown or (match["open"] and match["sign"]):
        return Quantity(None, rule="number")
    digits = match["digits"].replace(",", "").replace(" ", "") + (match["exponent"] or "")
    negative = match["open"] or match["sign"] in ("-", "−", "–", "‐")
    number = -Decimal(digits) if negative else Decimal(digits)
    return Quantity(number, unit, plain=bool(re.fullmatch(PLAIN_NUMBER, text)))


def read_date(known: str) -> Cell:
    """Return the date that a cell holds; a month, or day and month in doubt, is none."""
    try:
        if SERIAL.fullmatch(known) and int(known) in SERIALS:
            return Cell(dt.date(1899, 12, 30) + dt.timedelta(days=int(known)), repaired=True)
        match = DATE.fullmatch(known)
        if match is None:
            return Cell(rule="date")
        year, month, day = (int(part) for part in match.groups() if part and part.isdigit())
        return Cell(dt.date(year, month, day), repaired=not ISO_DATE.fullmatch(known))
    except ValueError:
        return Cell(rule="date")


def read_period(known: str) -> Cell:
    """Return the period that a cell holds; 2024-01..06 is January to June."""
    match = PERIOD.fullmatch(known)
    if match and (not match["first"] or match["first"] < match["last"]):
        return Cell(known)
    written = WRITTEN_PERIOD.fullmatch(re.sub(r"\s+", "", known))
    period = "" if written is None else period_of(written.groupdict())
    return Cell(period, repaired=True) if period else Cell(rule="period")


def period_of(parts: Mapping[str, str | None]) -> str:
    """Return the period of a written year, quarter, half, month or span, or a blank."""
    year = parts["year"]
    if parts["whole"]:
        return f"{year}"
    if quarter := parts["quarter"] or parts["q"] or parts["dash"]:
        return f"{year}Q{'一二三四'.find(quarter) + 1 or quarter}"
    if parts["half"]:
        return f"{year}-01..06" if parts["half"] == "上" else f"{year}-07..12"
    if parts["first"] and parts["last"]:
        first, last = int(parts["first"]), int(parts["last"])
        return f"{year}-{first:02d}..{last:02d}" if 1 <= first < last <= 12 else ""
    month = int(parts["month"] or parts["short"] or parts["glued"] or 0)
    return f"{year}-{month:02d}" if 1 <= month <= 12 else ""


def read_name(known: str) -> Cell:
    """Return an id, as text; digits that a spreadsheet dropped are gone."""
    return Cell(rule="digits") if LOST_DIGITS.fullmatch(known) else Cell(known)


def read_id(known: str) -> Cell:
    """Return an id; one with a blank inside, or made a decimal number, is none."""
    return Cell(rule="id") if NO_ID.search(known) else read_name(known)


def read_flag(known: str) -> Cell:
    """Return yes or no."""
    if known.casefold() in FLAGS:
        return Cell(FLAGS[known.casefold()])
    found = OTHER_FLAGS.get(known.casefold())
    return Cell(found, repaired=True) if found else Cell(rule="flag")


def read_code(known: str, codes: tuple[str, ...], labels: Mapping[str, str]) -> Cell:
    """Return the allowed code that a cell names, by itself or by its official word."""
    named = {folded(label): code for code, label in labels.items()} | {c: c for c in codes}
    loose = {code.casefold(): code for code in codes}
    if known in named:
        return Cell(named[known])
    found = loose.get(known.casefold())
    return Cell(found, repaired=True) if found else Cell(rule="allowed")


READERS: dict[str, Callable[[str], Cell]] = {
    "text": Cell, "id": read_id, "name": read_name, "date": read_date, "period": read_period,
    "flag": read_flag,
}  # fmt: skip
LITERAL = frozenset({"text", "code"})  # where 无 is a word, not a missing cell


def read_cell(text: str, reader: Callable[[str], Cell], kind: str) -> Cell:
    """Return what a cell of a kind holds: nothing, an error of the spreadsheet, or what it says.

    Blanks around it and full-width letters are taken away; a text keeps its own letters.
    """
    known = text.strip(BLANKS) if kind == "text" else folded(text)
    if not known or is_missing(known, words=kind not in LITERAL):
        return Cell(repaired=bool(text))
    if known.casefold() in ERRORS:
        return Cell(rule="formula")
    cell = reader(known)
    return cell if cell.rule else Cell(cell.value, cell.repaired or known != text)
