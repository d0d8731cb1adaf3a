"""Words: both languages say the same things, and every sign can be shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from haidian_eval import fonts
from haidian_eval.errors import EvaluationError, ParameterError
from haidian_eval.text import Text, placeholders, read_words

ZH, EN = read_words("zh"), read_words("en")
HALF_WIDTH = re.compile(r"[\u4e00-\u9fff][,:;?!]|[,:;?!][\u4e00-\u9fff]")


def missing_characters(text: str) -> list[str]:
    """The characters of a text that the font cannot show, line breaks aside."""
    return sorted(c for c in set(text) if ord(c) not in fonts.characters() and c not in "\n\r\t")


def test_languages_have_equal_keys() -> None:
    assert sorted(ZH) == sorted(EN)


@pytest.mark.parametrize("key", sorted(ZH))
def test_languages_ask_for_the_same_values(key: str) -> None:
    assert placeholders(ZH[key]) == placeholders(EN[key])


def test_chinese_words_use_full_width_punctuation() -> None:
    found = {key: words for key, words in ZH.items() if HALF_WIDTH.search(words)}
    assert found == {}


def test_english_words_hold_no_chinese() -> None:
    chinese = [key for key, words in EN.items() if re.search(r"[\u4e00-\u9fff]", words)]
    assert chinese == ["page.other_language"]


def test_every_character_of_texts_and_edition_can_be_shown(root: Path) -> None:
    files = [*(root / "data" / "raw").rglob("*.*"), *(root / "src").rglob("text/*.toml")]
    assert len(files) >= 9
    for path in files:
        assert missing_characters(path.read_text("utf-8")) == [], path


def test_font_shows_the_standard_characters_and_not_everything() -> None:
    assert missing_characters("海淀区绩效考核体系（研究）：①≥±²—㙍") == []
    assert missing_characters("a龘🙂") == ["🙂"] or "🙂" in missing_characters("a🙂")
    assert len(fonts.characters()) > 8105


def test_subset_is_small_and_the_same_every_time() -> None:
    first = fonts.subset("海淀区 2024")
    assert first == fonts.subset("海淀区 2024")
    assert 500 < len(first) < 20_000


def test_unknown_key_and_missing_value_are_named() -> None:
    with pytest.raises(EvaluationError, match=r"has no key 'scoring.nothing'"):
        Text("zh")("scoring.nothing")
    with pytest.raises(EvaluationError, match=r"'exhibit.note' needs values for \['note'\]"):
        Text("en")("exhibit.note")
    with pytest.raises(ParameterError, match=r"lang = 'fr' is not known.*'zh', 'en'"):
        Text("fr")("page.code")


def test_periods_are_said_as_a_reader_says_them() -> None:
    assert Text("zh").period("2023-11") == "2023年11月"
    assert Text("en").period("2022-02") == "February 2022"
    assert Text("en").period("2024Q1") == "2024Q1"
    assert Text("zh").period("2024") == "2024"
    assert Text("zh").period("2023-01..05") == "2023年1—5月"
    assert Text("en").period("2023-01..05") == "January–May 2023"


def test_blank_english_falls_back_to_the_chinese() -> None:
    row = {"title": "标题", "title_en": float("nan"), "name_zh": "海淀区", "name_en": "Haidian"}
    assert Text("en").choose(row, "title") == "标题"
    assert Text("zh").choose(row, "title") == "标题"
    assert Text("en").choose(row, "name") == "Haidian"
    assert Text("zh").choose(row, "name") == "海淀区"


def test_unit_without_words_stands_as_it_is() -> None:
    assert Text("zh").unit("g/m2") == "克/平方米"
    assert Text("zh").unit("%") == "%"
    assert Text("zh").unit(float("nan")) == "—"
