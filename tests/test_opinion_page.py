"""The page Comments and interviews: everything that it says follows from the assessment."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from study_runs import ROOT, Ran

from haidian_eval import figures
from haidian_eval.opinion.quotations import found_in
from haidian_eval.params import load_params
from haidian_eval.report import lay_out
from haidian_eval.report.operations import Words
from haidian_eval.report.views import opinion as views
from haidian_eval.synthetic.comments import voices
from haidian_eval.tables import read_table
from haidian_eval.text import Text, read_words

LANGS = ("zh", "en")
PARAMS = load_params(ROOT / "data" / "raw" / "2024")
RULE = PARAMS.opinion.model_copy(update={"repeats": 1, "costs": (30.0,), "draws": 99})


@pytest.fixture(scope="module")
def case() -> views.Case:
    said = voices(PARAMS.synthetic.comments, PARAMS.synthetic.seed, 2024)
    return views.read(said.comments, said.interviews, RULE, Words(Text("zh")))


def in_language(case: views.Case, lang: str) -> views.Case:
    return replace(case, words=Words(Text(lang)))


def barred(case: views.Case) -> views.Case:
    rows = case.own.conditions.copy()
    rows.loc[rows["condition"] == "theme_agreement", ["found", "met"]] = [0.5, False]
    return replace(case, found=replace(case.own, conditions=rows, usable=False))


@pytest.mark.parametrize("lang", LANGS)
def test_every_table_of_the_page_can_be_laid_out(case: views.Case, lang: str) -> None:
    own = in_language(case, lang)
    made = {
        "conditions_table": views.conditions(own), "agreement": views.agreement(own),
        "channels_table": views.composition(own, "channel"), "leakage": views.leakage(own),
        "months": views.composition(own, "month"), "accuracy": views.accuracies(own),
        "classes": views.by_class(own), "confusion": views.classes(own),
        "calibration": views.calibration(own), "shares": views.shares(own),
        "quotations": views.quoted(own),
    }  # fmt: skip
    said = views.verdict(own)
    for name, rows in made.items():
        shown = lay_out(f"opinion.{name}", rows, own.words)
        assert len(shown)
        assert shown["source_id"].str.contains("SYN-O").all()
        assert own.words.text(f"opinion.{name}.caption", **said)
        assert own.words.text(f"opinion.{name}.note", **said)
    assert len(views.cards(own)) == 5


@pytest.mark.parametrize("lang", LANGS)
def test_verdict_and_its_reasons_are_said(case: views.Case, lang: str) -> None:
    own = in_language(case, lang)
    yes, no = views.verdict(own), views.verdict(barred(own))
    expected = {"zh": ("可以使用", "不得使用", "主题一致性"),
                "en": ("may be used", "must not be used", "Agreement on themes")}[lang]  # fmt: skip
    assert expected[0] in yes["verdict"] and yes["why"] == ""
    assert expected[1] in no["verdict"] and expected[2] in no["why"]
    assert expected[1] in views.finding(barred(own))["findings"]
    shown = views.conditions(barred(own)).set_index("condition")
    assert (shown["met"] == "no").sum() == 1


def test_every_share_in_the_summary_has_its_interval(case: views.Case) -> None:
    lines = views.finding(case)["findings"].splitlines()
    assert len(lines) == 4
    for line in lines[:3]:
        numbers = re.findall(r"(?<![～\d.])\d+\.\d%(?!～)", re.sub(r"[（(][^）)]*[）)]", "", line))
        assert len(numbers) == line.count("%～")
        assert numbers


def test_numbers_on_the_page_are_those_of_the_assessment(case: views.Case) -> None:
    proof = case.own.proof["theme"]
    rows = views.accuracies(case)
    first = rows[rows["measure"] == "正确率"].iloc[0]
    assert first["value"] == pytest.approx(100 * proof.right.value)
    assert first["low"] < first["value"] < first["high"]
    whole = sum(table.to_numpy().sum() for table in views.confusion(case).values())
    assert whole == pytest.approx(2 * case.own.leakage.set_index("what").at["used", "n"])
    shown = views.shares(case)
    themes = shown[shown["polarity"] == ""]
    assert themes["value"].is_monotonic_decreasing
    assert (shown["low"] <= shown["value"]).all() and (shown["value"] <= shown["high"]).all()
    inside = shown[shown["polarity"] != ""].groupby("theme")["value"].sum()
    assert inside.to_numpy() == pytest.approx(100, abs=1.5)


def test_themes_of_few_persons_stand_nowhere(case: views.Case) -> None:
    hidden = {"其他"}  # 1 segment in 100
    for rows, column in ((views.shares(case), "theme"), (views.quoted(case), "theme"),
                         (views.by_class(case), "label")):  # fmt: skip
        assert not hidden & set(rows[column])
    assert "未单列的主题" in views.confusion(case)["主题"].index
    strict = replace(case, rule=case.rule, found=replace(
        case.own, composition=case.own.composition.assign(shown=False)))  # fmt: skip
    shown = views.composition(strict, "month")
    assert shown[["segments", "documents", "value"]].isna().all(axis=None)


def test_quotations_show_nobody_and_no_forum(case: views.Case) -> None:
    shown = views.quoted(case)
    assert len(shown) >= 12
    assert not [one for one in shown["quotation"] if found_in(one)]
    assert "报送的论坛摘录" not in set(shown["channel"])
    assert shown["quotation"].str.len().max() <= RULE.quotation + 10  # masks may be longer


def test_themes_of_the_examples_have_words_and_others_stand_as_they_are(case: views.Case) -> None:
    for lang in LANGS:
        words = read_words(lang)
        assert not [t for t in case.own.segments["theme"].dropna().unique()
                    if f"opinion.themes.{t}" not in words]  # fmt: skip
        names = [f"opinion.conditions.{c}" for c in case.own.conditions["condition"]]
        names += [f"opinion.leaks.{c}" for c in case.own.leakage["what"]]
        names += [f"opinion.channels.{c}" for c in case.own.segments["channel"].unique()]
        assert not [name for name in names if name not in words]
    assert case.word("themes", "parking") == "parking"


def test_figures_draw_the_numbers_of_their_tables(case: views.Case) -> None:
    text, shares = Text("zh"), views.shares(case)
    left, right = figures.themes_and_signs(shares, text).axes
    whole = shares[shares["polarity"] == ""]
    assert [bar.get_width() for bar in left.patches] == pytest.approx(whole["value"].tolist())
    drawn = np.concatenate([one.lines[0].get_xdata() for one in right.containers])
    known = shares.loc[(shares["polarity"] != "") & shares["value"].notna(), "value"]
    assert sorted(drawn) == pytest.approx(sorted(known))
    blank = shares.assign(value=shares["value"].where(shares["polarity"] == ""))
    notes = figures.themes_and_signs(blank, text).axes[1].texts
    assert {note.get_text() for note in notes} == {"人数不足，不列"}
    assert len(notes) == len(whole)
    tables = views.confusion(case)
    panels = figures.confusion_matrices(tables, text).axes
    for panel, table in zip(panels, tables.values(), strict=True):
        shown = np.asarray(panel.images[0].get_array())
        assert shown.sum(axis=1) == pytest.approx(np.full(len(table), 100))
    curve = views.calibration(case)
    for panel, target in zip(
        figures.calibration_curves(curve, text).axes, ("主题", "倾向"), strict=True
    ):
        points = panel.containers[0].lines[0].get_ydata()
        assert points == pytest.approx(curve.loc[curve["target"] == target, "right"].to_numpy())


def test_results_are_kept_with_whether_they_may_be_used(case: views.Case) -> None:
    kept = views.kept(case)
    assert kept["opinion_shares"]["usable"].all()
    assert not views.kept(barred(case))["opinion_shares"]["usable"].any()
    assert (kept["opinion_shares"]["persons"] >= RULE.persons).all()


def test_edition_without_texts_says_so(tmp_path: Any) -> None:
    case = views.read(pd.DataFrame(), pd.DataFrame(), RULE, Words(Text("zh")))
    assert case.found is None
    assert all(frame.empty for frame in views.kept(case).values())


def test_page_stands_in_both_languages_and_is_headed_as_synthetic(ran: Ran) -> None:
    for lang, mark in (("zh", "方法演示"), ("en", "demonstration")):
        page = (ran.site / lang / "45_opinion.html").read_text("utf-8")
        assert mark in page
        assert page.count("<figure") >= 3
    shares = read_table(ran.processed, "opinion_shares")
    assert shares["usable"].all()
    assert (shares["persons"] >= PARAMS.opinion.persons).all()
