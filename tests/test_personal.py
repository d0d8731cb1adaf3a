"""Personal data: found in every way of writing it, not found where there is none, masked."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import seeded

EACH = 200
RECALL = 0.99  # field/reliability.md, G9
FALSE_ALARMS = 0.001
SHOWN_BEFORE, SHOWN_AFTER = 3, 2
SECOND = {
    "3": "0123456789", "4": "5679", "5": "012356789", "6": "2567", "7": "012345678",
    "8": "0123456789", "9": "0123456789",
}  # fmt: skip
PROVINCES = ("11", "12", "13", "31", "32", "37", "44", "51", "65")
CHINESE = "零一二三四五六七八九"
SENTENCES = (
    "{}", "请联系{}，谢谢", "联系人王芳{}（办）", "电话：{}。", "经办人李四，{}；备用见附件",
    "「{}」", "手机{}转办公室", "Tel:{}", "（{}）", "联系方式:{}",
)  # fmt: skip
CONTRACT = """
[notes]
zh = "备注"
en = "Notes"
about = { zh = "一行为一条备注。", en = "One row is a note." }
key = ["note_id"]
[notes.columns]
note_id = { is = "id!", zh = "编号", en = "Note id" }
words = { is = "text", zh = "内容", en = "Words" }
amount = { is = "number", zh = "金额", en = "Amount" }
"""


def phone(rng: np.random.Generator) -> str:
    """Return a number of a mobile phone; synthetic."""
    first = str(rng.choice(list(SECOND)))
    rest = "".join(str(d) for d in rng.integers(0, 10, 8))
    return f"1{first}{rng.choice(list(SECOND[first]))}{rest}"


def check_digit(seventeen: str) -> str:
    """Return the last character of an ID number (GB 11643, ISO 7064 MOD 11-2)."""
    total = sum(int(d) * (2 ** (17 - i) % 11) for i, d in enumerate(seventeen))
    return "10X98765432"[total % 11]


def id_number(rng: np.random.Generator, *, last: str = "") -> str:
    """Return a synthetic ID number, if asked with this last character."""
    while True:
        born = dt.date(1940, 1, 1) + dt.timedelta(days=int(rng.integers(0, 25_000)))
        place = f"{rng.choice(PROVINCES)}{rng.integers(1, 10):02d}{rng.integers(1, 30):02d}"
        seventeen = f"{place}{born:%Y%m%d}{rng.integers(0, 1000):03d}"
        number = seventeen + check_digit(seventeen)
        if not last or number.endswith(last):
            return number


def full_width(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def in_words(number: str, rng: np.random.Generator) -> str:
    zero = str(rng.choice(["零", "〇"]))
    return "".join(zero if d == "0" else CHINESE[int(d)] for d in number)


def spaced(number: str, gap: str) -> str:
    return gap.join((number[:3], number[3:7], number[7:]))


# name of the form: how a number is written, what it is
FORMS: Mapping[str, tuple[Callable[[np.random.Generator], str], str]] = {
    "plain": (phone, "phone"),
    "spaced": (lambda rng: spaced(phone(rng), " "), "phone"),
    "dashed": (lambda rng: spaced(phone(rng), "-"), "phone"),
    "full-width": (lambda rng: full_width(phone(rng)), "phone"),
    "+86 spaced": (lambda rng: f"+86 {spaced(phone(rng), ' ')}", "phone"),
    "+86 glued": (lambda rng: f"+86{phone(rng)}", "phone"),
    "E notation": (lambda rng: f"{exponent(phone(rng))}E{rng.choice(['', '+'])}10", "phone"),
    "in words": (lambda rng: in_words(phone(rng), rng), "phone"),
    "id plain": (id_number, "id_number"),
    "id spaced": (lambda rng: spaced_id(id_number(rng)), "id_number"),
    "id full-width x": (
        lambda rng: full_width(id_number(rng, last="X"))[:-1] + str(rng.choice(["ｘ", "Ｘ", "x"])),
        "id_number",
    ),
}


def exponent(number: str) -> str:
    """Return 1.3812345678 for 13812345678, without zeros at the end, as Excel shows it."""
    return f"{number[0]}.{number[1:]}".rstrip("0")


def spaced_id(number: str) -> str:
    return f"{number[:6]} {number[6:14]} {number[14:]}"


def sentence(number: int) -> str:
    """Return a sentence around a place."""
    return SENTENCES[number % len(SENTENCES)]


def written(form: str) -> list[str]:
    """Return 200 numbers in one written form."""
    rng = np.random.default_rng([86, list(FORMS).index(form)])
    return [FORMS[form][0](rng) for _ in range(EACH)]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("embedded", [False, True], ids=["alone", "in a sentence"])
def test_written_form_is_recognised(form: str, embedded: bool) -> None:
    from haidian_eval import tables

    texts = [sentence(i).format(t) if embedded else t for i, t in enumerate(written(form))]
    missed = [text for text in texts if tables.personal(text) != FORMS[form][1]]
    assert len(missed) <= EACH * (1 - RECALL), missed[:5]


def test_generated_numbers_are_what_they_claim() -> None:
    assert check_digit("11010519491231002") == "X"  # the example of the standard
    assert all(re.fullmatch(r"1[3-9]\d{9}", number) for number in written("plain"))
    assert all(check_digit(n[:17]) == n[17] for n in written("id plain"))
    assert {len(set(written(form))) > EACH * 0.95 for form in FORMS} == {True}


# --- false alarms ----------------------------------------------------------------------------


def credit_code(rng: np.random.Generator) -> str:
    """Return a unified social credit code with its right check character (GB 32100)."""
    letters = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    organ = "".join(letters[i] for i in rng.integers(0, 31, 9))
    body = f"{rng.choice(['91', '11', '12', '52', '92'])}110108{organ}"
    total = sum(letters.index(c) * 3**i for i, c in enumerate(body))
    return body + letters[-total % 31]


def day(rng: np.random.Generator) -> dt.date:
    return dt.date(2000, 1, 1) + dt.timedelta(days=int(rng.integers(0, 10_000)))


def whole(rng: np.random.Generator, digits: int) -> int:
    return int(rng.integers(10 ** (digits - 1), 10**digits))


HARMLESS: Mapping[str, Callable[[np.random.Generator], str]] = {
    "credit code": credit_code,
    "credit code in words": lambda rng: f"统一社会信用代码：{credit_code(rng)}",
    "document": lambda rng: f"京海政发〔{rng.integers(1990, 2026)}〕{rng.integers(1, 400)}号",
    "amount": lambda rng: f"{rng.integers(10**3, 10**11):,}元",
    "amount with cents": lambda rng: f"{rng.integers(10**5, 10**11) / 100:,.2f}元",
    "amount in ten thousands": lambda rng: f"{rng.integers(1, 10**8) / 100}万元",
    "date": lambda rng: day(rng).isoformat(),
    "Chinese date": lambda rng: f"{day(rng):%Y年%m月%d日}",
    "glued date": lambda rng: f"{day(rng):%Y%m%d}",
    "time": lambda rng: f"{day(rng)} {rng.integers(24):02d}:{rng.integers(60):02d}:00",
    "time stamp": lambda rng: f"{day(rng):%Y%m%d}{rng.integers(24):02d}{rng.integers(60):02d}30",
    "span": lambda rng: f"{day(rng)}至{day(rng)}",
    "glued span": lambda rng: f"{day(rng):%Y%m%d}-{day(rng):%Y%m%d}",
    "address": lambda rng: (
        f"https://www.bjhd.gov.cn/zwdt/{day(rng):%Y%m}/t{day(rng):%Y%m%d}_{whole(rng, 7)}.shtml"
    ),
    "indicator": lambda rng: (
        f"PM2.5年均浓度{rng.integers(10, 90)}微克/立方米，同比下降"
        f"{rng.integers(1, 99) / 10}%，居全市第{rng.integers(1, 17)}位"
    ),
    "list": lambda rng: "、".join(f"{v / 100}" for v in rng.integers(0, 10_000, 6)),
    "years": lambda rng: " ".join(str(y) for y in range(2015, 2015 + int(rng.integers(2, 9)))),
    "whole numbers": lambda rng: "；".join(str(v) for v in rng.integers(0, 100_000, 5)),
    "Chinese year": lambda rng: f"二〇{CHINESE[rng.integers(1, 10)]}四年一月三十一日",
    "unit code": lambda rng: f"1101{rng.integers(1, 30):02d}{rng.integers(0, 10**6):06d}",
    "scientific": lambda rng: f"{rng.integers(100, 999) / 100}E{rng.integers(2, 9)}",
    "hash": lambda rng: "".join(f"{v:x}" for v in rng.integers(0, 16, 8)),
    "words": lambda rng: "一三五七九" + str(rng.choice(["号线", "条", "届"])),
}


@pytest.mark.parametrize("kind", HARMLESS)
def test_harmless_text_raises_no_alarm(kind: str) -> None:
    from haidian_eval import tables

    rng = np.random.default_rng([10, list(HARMLESS).index(kind)])
    texts = [HARMLESS[kind](rng) for _ in range(2000)]
    alarms = [text for text in texts if tables.personal(text)]
    assert len(alarms) <= len(texts) * FALSE_ALARMS, alarms[:5]


def test_id_numbers_with_a_wrong_check_digit_or_date_are_none() -> None:
    from haidian_eval import tables

    rng = np.random.default_rng(11)
    numbers = [id_number(rng) for _ in range(500)]
    wrong = [n[:17] + ("0" if n[17] != "0" else "1") for n in numbers]
    assert sum(tables.personal(n) == "id_number" for n in wrong) == 0
    undated = [n[:10] + "1399" + n[14:17] for n in numbers]
    whole = [n + check_digit(n) for n in undated]
    assert sum(tables.personal(n) == "id_number" for n in whole) == 0


def read(path: Path, declared: str = CONTRACT, name: str = "notes") -> Any:
    from haidian_eval import tables

    return tables.read_file(path, seeded.contract(path.parent / "contract", declared, name))


def write(folder: Path, frame: pd.DataFrame, suffix: str = "csv") -> Path:
    path = folder / f"notes.{suffix}"
    if suffix == "csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_excel(path, index=False)
    return path


def test_numbers_of_eleven_digits_in_number_columns_raise_no_alarm(tmp_path: Path) -> None:
    rng = np.random.default_rng(12)
    amounts = rng.integers(13 * 10**9, 20 * 10**9, 3000)
    frame = pd.DataFrame(
        {"note_id": [f"N{i}" for i in range(3000)], "words": "正常", "amount": amounts}
    )
    reading = read(write(tmp_path, frame))
    assert reading.defects.frame.empty
    assert reading.frame["amount"].astype("int64").tolist() == amounts.tolist()


# --- masking ---------------------------------------------------------------------------------


def digits(text: str) -> str:
    """Return the digits of a text, whichever way they are written, and the X of an ID number."""
    folded = unicodedata.normalize("NFKC", text).upper().replace("〇", "零")
    for value, sign in enumerate(CHINESE):
        folded = folded.replace(sign, str(value))
    return re.sub(r"[^0-9X*]", "", folded)


def shown(text: str, number: str) -> bool:
    """Whether a text shows more of a number than its first three and last two digits."""
    seen, whole = digits(text), digits(number).removeprefix("86")
    if "E" in number.upper():  # the exponent is none of the digits
        whole = digits(re.split("[Ee]", number)[0])
    middle = whole[SHOWN_BEFORE:-SHOWN_AFTER]
    pieces = {middle[i : i + 4] for i in range(len(middle) - 3)}
    more = {whole[: SHOWN_BEFORE + 1], whole[-SHOWN_AFTER - 1 :]} if len(seen) <= 8 else set()
    return any(piece in seen for piece in pieces | more)


def masked_cases() -> pd.DataFrame:
    """Twenty numbers of each form, each in a sentence without any other digit."""
    cases = [
        {"words": sentence(i).format(number), "number": number}
        for form in FORMS
        for i, number in enumerate(written(form)[:20])
    ]
    frame = pd.DataFrame(cases).assign(amount="1")
    return frame.assign(note_id=[f"K{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in frame.index])


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_masked_cell_shows_at_most_three_digits_before_and_two_after(
    suffix: str, tmp_path: Path
) -> None:
    import openpyxl

    from haidian_eval import tables

    cases = masked_cases()
    reading = read(write(tmp_path, cases.drop(columns="number"), suffix))
    frame, defects = reading.frame, reading.defects.frame
    assert len(frame) == len(cases), "the rows count"
    assert (defects["rule"] == "personal").sum() == len(cases)
    assert set(defects["column"]) <= {"words", "内容"}
    tables.write_workbook(tmp_path / "out.xlsx", {"frame": frame, "defects": defects})
    book = openpyxl.load_workbook(tmp_path / "out.xlsx")
    from_book = [str(c.value) for page in book for line in page.iter_rows() for c in line]
    everything = "\n".join([frame.to_csv(), defects.to_csv(), *from_book])
    cells = dict(zip(frame["note_id"], frame["words"], strict=True))
    found = dict(zip(defects["row"].astype(int), defects["found"], strict=True))
    for place, case in enumerate(cases.to_dict("records")):
        assert not shown(cells[case["note_id"]], case["number"]), case
        assert not shown(found[place + 2], case["number"]), case
        assert case["number"] not in everything
        assert digits(case["number"])[2:] not in re.sub(r"[\s-]", "", everything), case


def test_text_around_a_masked_number_stays(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"note_id": ["N1"], "words": ["请联系张三13812345678，谢谢"], "amount": ["5"]}
    )
    cell = read(write(tmp_path, frame)).frame["words"].iloc[0]
    assert cell.startswith("请联系张三")
    assert cell.endswith("，谢谢")


def test_two_numbers_in_one_cell_are_both_masked(tmp_path: Path) -> None:
    words = "甲13812345678、乙+86 139 8765 4321，证11010519491231002X"
    frame = pd.DataFrame({"note_id": ["N1"], "words": [words], "amount": ["5"]})
    reading = read(write(tmp_path, frame))
    assert len(reading.defects.frame) == 1
    for text in (reading.frame["words"].iloc[0], reading.defects.frame["found"].iloc[0]):
        for part in ("12345", "8765", "19491231"):
            assert part not in digits(text)


def test_row_is_excluded_where_the_key_is_personal(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"note_id": ["13812345678", "N2"], "words": ["甲", "乙"], "amount": ["1", "2"]}
    )
    reading = read(write(tmp_path, frame))
    assert reading.frame["note_id"].tolist() == ["N2"]
    record = reading.defects.frame.iloc[0]
    assert (record["rule"], record["severity"], record["row"]) == ("personal", "excluded", 2)
    assert "13812345678" not in reading.defects.frame.to_string()


def test_columns_that_are_not_read_are_scanned_as_well(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"note_id": ["N1"], "words": ["甲"], "amount": ["1"], "经办人": ["张三 13812345678"]}
    )
    defects = read(write(tmp_path, frame)).defects.frame
    assert "personal" in set(defects["rule"])
    assert "13812345678" not in defects.to_string()


@pytest.mark.parametrize(
    "line",
    [
        "制表：张三 13812345678",
        "13812345678",
        "N9,一,13812345678x",
        "N9,无,13812345678;13987654321",
    ],
)
def test_numbers_outside_text_cells_are_shown_nowhere(line: str, tmp_path: Path) -> None:
    path = tmp_path / "notes.csv"
    path.write_text(f"note_id,words,amount\nN1,甲,1\n{line}\n", "utf-8")
    assert "13812345678" not in read(path).defects.frame.to_string()
