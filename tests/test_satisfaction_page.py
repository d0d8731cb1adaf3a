"""Page Satisfaction: every rate with what it must carry, nobody's own answer, in both languages."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from study_runs import Ran
from test_satisfaction import CHOICE, both, plan_of, questionnaire

from haidian_eval import figures
from haidian_eval.params.hotline import BASICALLY, HotlineRule
from haidian_eval.report import lay_out
from haidian_eval.report.layout import LAYOUTS
from haidian_eval.report.operations import Words
from haidian_eval.report.views import drivers, hotline, participation, surveys
from haidian_eval.report.views import satisfaction as views
from haidian_eval.satisfaction.assessment import Change
from haidian_eval.satisfaction.hotline import BARRED
from haidian_eval.text import Text

LANGS = ("zh", "en")
PLAN = plan_of(surveys=[CHOICE.model_dump()])


def words(lang: str = "zh") -> Words:
    ids = [f"ST{at}" for at in (*range(4), 9)]
    units = pd.DataFrame({"unit_id": ids, "name_zh": [f"街{x}" for x in ids],
                          "name_en": [f"Street {x}" for x in ids], "unit_type": "street",
                          "peer_group": None, "source_id": "U1"})  # fmt: skip
    return Words(Text(lang), units)


@pytest.fixture(scope="module")
def case() -> surveys.Case:
    (found,) = surveys.read(both(), PLAN, words())
    return found


def in_language(case: surveys.Case, lang: str) -> surveys.Case:
    return replace(case, words=words(lang))


def said(figure: Any) -> list[str]:
    """All words in a figure."""
    return [one.get_text() for panel in figure.axes for one in panel.texts]


def test_edition_without_answers_has_no_surveys() -> None:
    empty = both()
    assert surveys.read(empty | {"responses": empty["responses"].head(0)}, PLAN, words()) == []
    assert views.finding([]) == ""
    assert views.kept([]).columns.tolist() == surveys.KEPT


@pytest.mark.parametrize("lang", LANGS)
def test_card_carries_all_without_which_a_rate_cannot_be_assessed(
    case: surveys.Case, lang: str
) -> None:
    own = in_language(case, lang)
    row, rate = views.cards([own]).iloc[0], case.own.rates.headline
    assert row["figure"].startswith(f"{100 * rate['estimate']:.1f}")
    cut = own.words.text("satisfaction.cut", at=4, low=1, high=5)
    needed = [f"{100 * rate['low']:.1f}", f"{100 * rate['high']:.1f}", "130", "register",
              f"{rate['deff']:.2f}", "76.5", cut]  # fmt: skip
    assert [one for one in needed if one not in row["about"]] == []  # 130 / 170 = 76.5 %


def test_no_table_has_a_rate_without_interval_and_number() -> None:
    rates = {"rate", "rate_change", "hotline_value", "answer_share", "standard_rate",
             "participant_share", "attendance", "response_rr1", "reliability", "odds_ratio",
             "driver_share", "response_raw"}  # fmt: skip
    numbers = {"n_answers", "denominator", "persons", "invited", "n_after", "completed", "issued",
               "needed_each"}  # fmt: skip
    bare = [
        key for key, columns in LAYOUTS["satisfaction"].items()
        if rates & set(columns) and key != "needed"
        and not (any("interval" in name or name == "limits" for name in columns)
                 and (numbers & set(columns) or key == "importance"))
    ]  # fmt: skip
    assert bare == []


@pytest.mark.parametrize("lang", LANGS)
def test_all_tables_of_a_survey_can_be_laid_out(case: surveys.Case, lang: str) -> None:
    cases = [in_language(case, lang)]
    makers = (views.headline, views.disposition, views.strata, views.weights, views.margins,
              views.weightings, views.needed, views.questionnaire, drivers.reliability,
              drivers.ordinal)  # fmt: skip
    for make in makers:
        table = make(cases)
        assert len(table), make
        assert table["source_id"].notna().all()
    assert views.headline(cases)["rate"].iloc[0] == pytest.approx(
        100 * case.own.rates.headline["estimate"]
    )


def test_hidden_rows_have_no_number_in_table_and_download(case: surveys.Case) -> None:
    rows = views.domains(case, "street_id")
    table = lay_out("satisfaction.domain", rows, case.words)
    hidden = table[table["shown_or_not"] == "不公布"]
    assert "街ST9" in hidden["level_name"].tolist()
    assert len(hidden) >= 2
    assert hidden[["rate", "deff"]].isna().all(axis=None)
    assert (hidden["n_answers"] == "—").all()
    assert hidden["interval_of"].isna().all()
    assert not {"ST9"} & set(views.kept([case])["unit_id"].dropna())


def test_rows_stand_in_administrative_order_whatever_their_rate(case: surveys.Case) -> None:
    assert views.domains(case, "street_id")["label"].tolist() == [
        "街ST0", "街ST1", "街ST2", "街ST3", "街ST9",
    ]  # fmt: skip
    assert views.domains(case, "size_class")["label"].tolist() == ["大型", "小型"]
    assert views.domains(case, "street_id")["source_id"].iloc[0] == "S1;S2;U1"


def test_forest_has_a_point_per_published_row_and_words_for_the_others(case: surveys.Case) -> None:
    rows = views.domains(case, "street_id")
    figure = figures.forest(rows, Text("zh"), **views.drawn_so(case))
    hidden = int(rows["remark"].notna().sum())
    assert said(figure).count("不公布") == hidden
    assert said(figure).count("—") == hidden  # in place of n
    (points,) = [one for one in figure.axes[0].lines if one.get_marker() == "o"]
    assert np.isfinite(np.asarray(points.get_xdata(), float)).sum() == len(rows) - hidden


def test_answers_are_drawn_around_the_middle_and_joined_ones_are_hatched() -> None:
    rows = pd.DataFrame({
        "item": "甲", "n": 50, "level": [np.nan, 3, 4, 5], "scale": 5.0, "below": [1, 0.5, 0, 0],
        "share": [10.0, 20, 30, 40], "label": ["合并", "3", "4", "5"],
    })  # fmt: skip
    figure = figures.answers(rows, Text("zh"))
    bars = figure.axes[0].patches
    assert [bar.get_x() for bar in bars] == pytest.approx([-20, -10, 10, 40])
    assert [bool(bar.get_hatch()) for bar in bars] == [True, False, False, False]
    assert [one.get_text() for one in figure.legends[0].get_texts()] == ["合并", "3", "4", "5"]


def test_change_is_told_with_its_interval_and_refused_changes_with_their_reason(
    case: surveys.Case,
) -> None:
    rows = views.changes([case])
    overall = rows.set_index("item_id").loc["overall"]
    assert overall["value"] == pytest.approx(overall["after"] - overall["before"])
    assert views.refusals([case]) == ""
    versions = (("Q0", "W1"), ("Q1", "W1"))
    refused = replace(
        case, own=replace(case.own, change=Change(pd.DataFrame(), "version", versions))
    )
    assert "不作年度比较" in views.refusals([refused])
    assert "Q0 / W1" in views.finding([refused])
    assert views.changes([refused]).empty
    other = Change(pd.DataFrame(), "no such wave", (("Q1", "W1"),))
    english = in_language(replace(case, own=replace(case.own, change=other)), "en")
    assert "not compared" in views.refusals([english])
    assert "no such wave" in views.refusals([english])


@pytest.mark.parametrize("lang", LANGS)
def test_finding_says_rate_interval_n_response_and_what_it_does_not_say(
    case: surveys.Case, lang: str
) -> None:
    found = views.finding([in_language(case, lang)])
    for part in ("130", "76.5", f"{100 * case.own.rates.headline['low']:.1f}"):
        assert part in found
    assert ("不说明" if lang == "zh" else "does not say") in found


def test_drivers_are_told_with_intervals_and_the_quadrants_in_words(case: surveys.Case) -> None:
    assert drivers.explained([case]) == [case]
    rows = drivers.shares(case)
    assert rows["share"].sum() == pytest.approx(100)
    table = lay_out("satisfaction.importance", drivers.importance(case), case.words)
    assert set(table["quadrant"]) <= {"保持", "优先改进", "其次改进", "已足够"}
    figure = figures.importance_map(
        drivers.importance(case), Text("zh"), middle=drivers.middle(case)
    )
    assert {"优先改进", "保持", "办理效率"} <= set(said(figure))
    assert len(figures.driver_bars(rows, Text("en")).axes[0].patches) == 3
    assert drivers.told(case)["r2"] == f"{case.own.explained.drivers.r2:.2f}"


def test_a_question_without_known_name_is_called_by_what_it_is_about(case: surveys.Case) -> None:
    items = case.own.survey.items.rename(index={"speed": "x"}).assign(construct="新题")
    own = replace(case, own=replace(case.own, survey=replace(case.own.survey, items=items)))
    assert surveys.item_name("x", own) == "新题"
    assert surveys.item_name("x", in_language(own, "en")) == "x"


def test_kept_rates_have_the_shape_of_values(case: surveys.Case) -> None:
    rows = views.kept([case])
    assert rows.columns.tolist() == surveys.KEPT
    assert pd.isna(rows["unit_id"].iloc[0])  # a frame is no unit
    assert rows["value"].iloc[0] == pytest.approx(100 * case.own.rates.headline["estimate"])
    assert set(rows["indicator_id"]) == {"satisfaction_enterprise"}
    assert rows["n"].min() >= PLAN.threshold


def tickets(n: int = 240) -> pd.DataFrame:
    """Four streets of 60 tickets over a year; every fifth not reached, every tenth not resolved."""
    at = np.arange(n)
    days = [dt.date(2024, 1 + one % 12, 5) for one in at]
    reached = at % 5 != 0
    return pd.DataFrame({
        "ticket_id": [f"T{one}" for one in at], "received_on": days, "dispatched_on": days,
        "street_id": [f"ST{one % 4}" for one in at], "department_id": None,
        "category_code": np.where(at % 3 == 0, "noise", "new"),
        "callback_reached": np.where(reached, "yes", "no"), "responded": "yes",
        "resolved": np.where(reached, np.where(at % 10 == 1, "no", "yes"), None),
        "satisfied": np.where(reached, np.where(at % 10 == 1, "dissatisfied", "basically"), None),
        "excluded_reason": np.where(at == 7, "重复来电", None), "source_id": "T1",
    })  # fmt: skip


def line(lang: str = "zh", **more: Any) -> hotline.Hotline:
    plan = plan_of(surveys=[CHOICE.model_dump()], **more)
    return hotline.Hotline(tickets(), plan, words(lang))


@pytest.mark.parametrize("lang", LANGS)
def test_every_rule_of_a_rate_has_its_words(lang: str) -> None:
    bases = ("dispatched", "callback_reached", "answered")
    for base, basically in itertools.product(bases, BASICALLY):
        rule = HotlineRule(response=base, resolution=base, satisfaction=base, basically=basically)
        for rate in ("response", "resolution", "satisfaction", "contact"):
            assert Text(lang)(f"satisfaction.rate_rules.{rule.sentence(rate)}")
    assert all(Text(lang)(f"satisfaction.barred.{why}") for why in BARRED)


def test_rates_stand_with_rule_numerator_and_denominator() -> None:
    rows = hotline.rates(line()).set_index("hotline_rate")
    # 239 count; 48 of 240 not reached, none of them ticket 7: 191 reached of 239
    assert rows["denominator"].to_dict() == {
        "响应率": 239, "解决率": 191, "满意率": 191, "回访接通率": 239,
    }  # fmt: skip
    assert rows.loc["解决率", "numerator"] == 191 - 24  # every tenth, 1, 11, ...
    assert rows.loc["满意率", "rate_rule"] == "（满意＋基本满意）÷回访接通"
    strict = hotline.rates(line(hotline={"basically": "no"})).set_index("hotline_rate")
    assert strict.loc["满意率", "numerator"] == 0
    assert "基本满意不计满意" in strict.loc["满意率", "rate_rule"]


def test_splits_name_units_in_order_and_keep_few_tickets_back() -> None:
    streets = lay_out("satisfaction.split", hotline.split(line(), "street"), words())
    assert streets["unit_or_kind"].tolist() == ["街ST0", "街ST1", "街ST2", "街ST3"]
    assert re.fullmatch(r"[\d.]+ \[[\d.]+–[\d.]+\] / 4[78]", streets["resolution_shown"].iloc[0])
    departments = hotline.split(line(), "department")
    assert departments["label"].tolist() == ["街镇自办"]
    kinds = hotline.split(line(), "category")
    assert kinds["label"].tolist() == ["new", "噪声"]
    own = line()
    few = replace(own, tickets=own.tickets.assign(
        street_id=own.tickets["street_id"].mask(own.tickets.index < 5, "ST9")))  # fmt: skip
    rows = lay_out("satisfaction.split", hotline.split(few, "street"), words())
    hidden = rows[rows["resolution_shown"].isna()]
    assert "街ST9" in hidden["unit_or_kind"].tolist()
    assert len(hidden) >= 2
    gone = set(hidden["unit_or_kind"])
    assert not {name.removeprefix("街") for name in gone} & set(hotline.kept(few)["unit_id"])
    compared = hotline.streets(few).set_index("unit_name")
    assert compared.loc[list(gone), "denominator"].isna().all()  # what one table hides, none shows
    assert compared.drop(index=list(gone))["denominator"].notna().all()


def test_streets_hide_alike_whatever_each_rate_is_a_share_of() -> None:
    rare = tickets().assign(resolved=lambda f: f["resolved"].where(
        (f["street_id"] != "ST1") | (f.index > 225)))  # fmt: skip
    own = replace(line(hotline={"resolution": "answered"}), tickets=rare)
    assert hotline.split(own, "street")["satisfaction_of"].isna().sum() == 2
    assert hotline.streets(own)["denominator"].isna().sum() == 2
    streets = hotline.kept(own)["unit_id"].dropna()
    assert streets.str.startswith("ST").sum() == 2 * 4


def test_months_of_few_and_rates_without_answers_are_not_charted() -> None:
    at = tickets()["received_on"].map(lambda day: day.month)
    few = replace(line(), tickets=tickets()[(at > 1) | (tickets().index < 60)])
    months = hotline.months(few)
    assert "2024-01" not in set(months["month"])
    assert months["denominator"].min() >= PLAN.threshold
    blind = tickets().assign(callback_reached="no", resolved=None, satisfied=None)
    none = replace(line(), tickets=blind)
    assert hotline.months(none).empty
    assert hotline.alarms(none)["charts"] == 0
    assert "满意率为" not in hotline.high(none)
    assert hotline.streets(none)["standard_rate"].isna().all()


def test_reasons_of_few_tickets_are_not_counted_out() -> None:
    assert hotline.excluded(line())["tickets"].isna().all()
    many = tickets().assign(excluded_reason=["重复来电" if x < 20 else None for x in range(240)])
    assert hotline.excluded(replace(line(), tickets=many))["tickets"].tolist() == [20]


def test_streets_are_compared_with_contact_and_mix_beside_or_not_at_all() -> None:
    rows = hotline.streets(line())
    assert rows["unit_name"].tolist() == ["街ST0", "街ST1", "街ST2", "街ST3"]
    assert rows[["contact_rate", "standard_rate", "mix_covered"]].notna().all(axis=None)
    blind = replace(line(), tickets=tickets().assign(callback_reached=None))
    assert hotline.streets(blind).empty
    assert "不作街镇间的比较" in hotline.high(blind)


def test_funnel_counts_by_hand_and_months_signal() -> None:
    steps = hotline.funnel(line()).set_index("step")["tickets"].to_dict()
    assert steps == {"received": 240, "counted": 239, "dispatched": 239, "reached": 191,
                     "resolved": 167, "satisfied": 167}  # fmt: skip
    months = hotline.months(line())
    assert len(months) == 36
    figure = figures.rate_charts(months, Text("zh"))
    assert [panel.get_title(loc="left") for panel in figure.axes] == ["响应率", "解决率", "满意率"]
    assert set(hotline.alarms(line())) == {"charts", "signals", "expected", "months"}
    assert "239" in said(figures.funnel(hotline.funnel(line()), Text("en")))[1]


@pytest.mark.parametrize("lang", LANGS)
def test_high_rates_are_warned_of(lang: str) -> None:
    said_so = hotline.high(line(lang, hotline={"ceiling": 0.5}))
    assert ("难以分清" if lang == "zh" else "hardly tells") in said_so
    assert len(said_so.splitlines()) == 3
    assert "191" in hotline.finding(line(lang))


def taken(rows: pd.DataFrame | None = None, lang: str = "zh") -> participation.Participation:
    events = pd.DataFrame({"event_id": [f"E{x}" for x in range(6)], "kind": "deliberation",
                           "street_id": ["ST0", "ST1"] * 3, "invited": 30, "attended": 20,
                           "source_id": "N1"})  # fmt: skip
    came = pd.DataFrame({
        "event_id": np.repeat(events["event_id"], 2), "population": "enterprise",
        "size_class": ["large", "small"] * 6, "persons": [12, 8] * 6, "street_id": "ST0",
        "proposal": ["p", None] * 6, "submitted_on": dt.date(2024, 4, 1),
        "due_on": dt.date(2024, 5, 1), "replied_on": dt.date(2024, 4, 20), "outcome": "adopted",
        "source_id": "N1",
    })  # fmt: skip
    tables = both() | {"events": events, "participation": came if rows is None else rows}
    return participation.read(tables, PLAN, dt.date(2024, 12, 31), words(lang))


def test_coverage_is_held_against_the_population() -> None:
    own = taken()
    assert own.groups == [("enterprise", "size_class")]
    rows = participation.covered(own, own.groups[0])
    # 72 of 120 attendances are of large firms, 300 of 1,025 firms are large
    assert rows["share"].tolist() == pytest.approx([60, 40])
    assert rows["population_share"].iloc[0] == pytest.approx(100 * 300 / 1025)
    assert rows["label"].tolist() == ["大型", "小型"]
    assert len(figures.coverage(rows, Text("zh")).axes[0].get_yticks()) == 2
    assert participation.told(own, own.groups[0])["by"] == "企业规模"
    assert participation.said(own)["streets"] == 2


@pytest.mark.parametrize("lang", LANGS)
def test_events_and_proposals_by_hand(lang: str) -> None:
    held = participation.held(taken(lang=lang)).iloc[0]
    assert (held["events_held"], held["invited"], held["attended"]) == (6, 180, 120)
    rows = participation.answered(taken(lang=lang))
    assert rows["proposal_value"].tolist() == pytest.approx([100, 100, 100, 0, 19])  # 1 to 20 April
    assert rows["denominator"].tolist() == [6, 6, 6, 6, 6]


def test_kinds_of_events_to_which_few_came_are_hidden_with_another() -> None:
    own = taken()
    kinds = ["talk", "training", "online", "online", "online", "online"]
    came = [4, 20, 20, 20, 20, 20]
    rows = participation.held(replace(own, events=own.events.assign(kind=kinds, attended=came)))
    assert rows["attended"].isna().sum() == 2
    assert rows[rows["attended"].isna()][["invited", "attendance"]].isna().all(axis=None)


def test_nobody_came_leaves_no_coverage() -> None:
    own = taken()
    assert taken(own.rows.head(0)).groups == []


def test_no_answer_and_no_ticket_of_anybody_is_on_the_page_or_in_a_download(ran: Ran) -> None:
    own = re.compile(r"SYN-(?:[ER]\d{4}|T\d{7}|PT\d{4})\b")
    files = [*ran.site.glob("*/40_satisfaction.html"),
             *ran.site.glob("downloads/*/40_satisfaction_*.csv")]  # fmt: skip
    assert len(files) == 2 + 2 * 38
    assert [path.name for path in files if own.search(path.read_text("utf-8-sig"))] == []


def few_of(level: str, people: list[str]) -> dict[str, pd.DataFrame]:
    """The tables with some respondents of a size class of their own."""
    tables = both()
    answers, totals = tables["responses"], tables["control_totals"]
    own = answers["size_class"].mask(answers["respondent_id"].isin(people), level)
    more = totals[totals["level"] == "small"].assign(level=level, total=50.0)
    return tables | {"responses": answers.assign(size_class=own),
                     "control_totals": pd.concat([totals, more])}  # fmt: skip


def test_a_control_variable_with_a_level_of_few_is_not_told_of_the_sample() -> None:
    (found,) = surveys.read(few_of("micro", ["A000", "A001", "A002"]), PLAN, words())
    rows = views.margins([found])
    assert rows["level_name"].tolist() == ["大型", "小型", "微型"]  # as declared
    assert rows[["in_sample", "by_design"]].isna().all(axis=None)
    assert rows[["in_population", "by_final"]].notna().all(axis=None)
    assert found.own.explained.ordinal is None
    assert "序次模型" in drivers.lacking([found])
    assert drivers.ordinal([found]).empty


def test_a_survey_without_control_variables_has_no_table_of_them(case: surveys.Case) -> None:
    plan = plan_of(surveys=[CHOICE.model_dump() | {"margins": ()}])
    assert views.margins(surveys.read(both(), plan, words())).empty
    assert "（基准：大型）" in drivers.ordinal([case])["odds_term"].iloc[0]


def test_versions_of_the_questionnaire_stand_in_the_annex(case: surveys.Case) -> None:
    rows = views.questionnaire([case])
    assert rows["version"].unique().tolist() == ["Q1"]
    assert len(rows) == len(questionnaire())
    assert rows["item_role"].unique().tolist() == ["总体", "分项"]
