"""Page Effect: what it shows is what was found, in both languages, and parks are never ranked."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from study_runs import ROOT, Ran

from haidian_eval import figures
from haidian_eval.effect.verdict import VERDICTS, Verdict
from haidian_eval.params import Effect, load_params
from haidian_eval.report import lay_out
from haidian_eval.report.operations import Words
from haidian_eval.report.views import effect as views
from haidian_eval.report.views import parks, policy, verdict
from haidian_eval.synthetic import park_panel
from haidian_eval.tables import read_table
from haidian_eval.text import Text, read_words

PARAMS = load_params(ROOT / "data" / "raw" / "2024")
LIGHT = {"draws": 199, "null_panels": 20, "null_draws": 19}
PLAN = Effect.model_validate(PARAMS.effect.model_dump() | LIGHT)
FIRMS = 5
LANGS = ("zh", "en")


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    """The example panel with a third of its firms, its last park the one that adopts first."""
    own = PARAMS.synthetic.panel
    assert own is not None
    rows = park_panel(own.model_copy(update={"firms_per_park": FIRMS}), 7).panel
    names = sorted(rows["park_id"].unique())
    return rows.assign(park_id=rows["park_id"].map(dict(zip(names, names[::-1], strict=True))))


def words_of(panel: pd.DataFrame, lang: str = "zh") -> Words:
    ids = sorted(panel["park_id"].unique())
    units = pd.DataFrame({"unit_id": ids, "name_zh": [f"园区{one[-2:]}" for one in ids]})
    units = units.assign(name_en=[f"Park {one[-2:]}" for one in ids], source_id="SYN-U1")
    return Words(Text(lang), units)


@pytest.fixture(scope="module")
def case(panel: pd.DataFrame) -> policy.Case:
    return policy.read(panel, PLAN, words_of(panel), name="示例政策01")


def in_english(case: policy.Case) -> policy.Case:
    return replace(case, words=words_of(case.rows, "en"))


def test_state_says_what_the_panel_allows(panel: pd.DataFrame) -> None:
    assert policy.state(panel.head(0), PLAN) == "none"
    assert policy.state(panel.assign(adopted_in=None), PLAN) == "nobody"
    assert policy.state(panel.assign(adopted_in="2023Q1"), PLAN) == "one_date"
    assert policy.state(panel, PLAN) == "compared"


def test_tracking_is_not_adoption(panel: pd.DataFrame) -> None:
    tracked = panel.assign(adopted_in=None, tracked_in="2023Q1")
    assert policy.state(tracked, PLAN) == "nobody"
    cells = parks.calendar(tracked, words_of(panel))
    assert set(cells["state"]) == {"tracked", "untracked", "absent"}


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("adopted", ["", None, "2023Q1"])
def test_page_stands_where_parks_cannot_be_compared(
    panel: pd.DataFrame, adopted: str | None, lang: str
) -> None:
    rows = panel.head(0) if adopted == "" else panel.assign(adopted_in=adopted)
    own = policy.read(rows, PLAN, words_of(panel, lang), name="P")
    said = own.words.text(f"effect.{own.state}.text", **policy.told(own), why=verdict.why(own))
    insufficient = own.words.text("effect.verdicts.insufficient")
    assert (insufficient.lower() in said.lower()) == (own.state != "none")
    assert own.words.text("effect.finding.text", **verdict.finding(own))
    assert views.kept_estimates(own).empty
    assert views.kept_dynamics(own).empty
    assert verdict.kept(own)["verdict"].tolist() == ["insufficient"]


def test_one_date_refuses_differences_by_name_and_shows_what_stands_in(panel: pd.DataFrame) -> None:
    own = policy.read(panel.assign(adopted_in="2023Q1"), PLAN, words_of(panel))
    assert "双重差分" in verdict.why(own)
    shown = views.substitutes(own)
    assert shown["estimator"].tolist() == ["间断时间序列，水平变化", "符合条件与不符合条件的企业"]
    assert shown["se_rule"].str.contains("不列标准误|CR2").all()
    assert shown["park_count"].isna().tolist() == [True, False]
    series = views.series(own)
    assert series["value"].iloc[0] == pytest.approx(100)
    figure = figures.series_around(series, Text("zh"), unit="x", adopted="2023Q1")
    assert len(figure.axes[0].lines[0].get_xdata()) == 12


def test_comparison_that_cannot_be_made_is_said_with_its_reason(panel: pd.DataFrame) -> None:
    own = policy.read(panel.assign(revenue_fen=0), PLAN, words_of(panel))
    assert own.state == "refused"
    assert own.refused
    assert "证据不足" in verdict.finding(own)["findings"]


def test_effects_in_logarithms_are_shown_in_per_cent_as_the_policy_wants_them() -> None:
    primary = PLAN.primary
    assert policy.effects(np.log(1.1), primary) == pytest.approx(10)
    fall = primary.model_copy(update={"wanted": "fall"})
    assert policy.effects(-np.log(0.9), fall) == pytest.approx(10)  # fell by a tenth
    level = primary.model_copy(update={"scale": "level"})
    assert policy.effects(0.1, level) == 0.1


@pytest.mark.parametrize(
    ("p", "expected"),
    [(0.04999, "0.050"), (0.00012, "0.0001"), (0.00002, "<0.0001"), (float("nan"), "—")],
)
def test_p_is_never_said_to_be_zero(p: float, expected: str) -> None:
    assert policy.p_words(p) == expected


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("key", VERDICTS)
def test_every_verdict_has_its_words(case: policy.Case, key: str, lang: str) -> None:
    own = case if lang == "zh" else in_english(case)
    rows = case.own.verdict.conditions
    own = replace(own, found=replace(case.own, verdict=Verdict(key, rows)))
    said = verdict.heading(own)
    expected = {
        "effective": ("成效显著", "Effective"), "partly": ("部分见效", "Partly effective"),
        "insufficient": ("证据不足", "Insufficient evidence"),
        "no_effect": ("未见成效（可检出范围内）", "No effect within the detectable range"),
    }[key]  # fmt: skip
    assert said["verdict"] == expected[LANGS.index(lang)]
    assert verdict.cards(own)["figure"].iloc[0] == said["verdict"]
    assert said["verdict"] in verdict.finding(own)["findings"]


def test_no_word_calls_a_policy_without_effect() -> None:
    words = {key: said for key, said in read_words("zh").items() if key.startswith("effect.")}
    called = re.compile("(?<!没)有效|无效(?!应)")  # not of "no effect" in words
    assert [key for key, said in words.items() if called.search(said)] == []


def with_plan(case: policy.Case, late: str, **registered: Any) -> policy.Case:
    plan = Effect.model_validate(PLAN.model_dump() | {"registered": registered})
    return replace(case, plan=plan, found=replace(case.own, late=late))


def test_plan_that_was_set_afterwards_is_headed_so_with_its_reason(case: policy.Case) -> None:
    day, own = dt.date(2022, 3, 15), PLAN.plan
    cases = {
        "没有登记校验和": with_plan(case, "changed", on=day, checksum=""),
        "不一致": with_plan(case, "changed", on=day, checksum="0" * 64),
        "晚于": with_plan(case, "late", on=dt.date(2023, 1, 1), checksum=own),
    }
    for reason, late in cases.items():
        said = verdict.heading(late)
        assert said["mark"] == "（事后设定）"
        assert said["why"].startswith("事后设定：")
        assert reason in said["why"]
        last = verdict.cards(late).iloc[-1]
        assert (last["figure"], last["about"]) == ("事后设定", said["why"])


def test_plan_registered_beforehand_is_not_headed_so(case: policy.Case) -> None:
    day, own = dt.date(2022, 3, 15), PLAN.plan
    good = with_plan(case, "", on=day, checksum=own)
    assert (verdict.heading(good)["mark"], verdict.heading(good)["why"]) == ("", "")
    last = verdict.cards(good).iloc[-1]
    assert last["figure"] == "2022-03-15"
    assert own[:12] in last["label"]
    assert "登记在先" in last["about"]


def test_conditions_say_which_were_not_used(case: policy.Case) -> None:
    shown = verdict.conditions(case)
    assert len(shown) == len(case.own.verdict.conditions) == 15
    assert shown["role"].drop_duplicates().tolist() == ["前提", "显著", "可信", "充分", "排除"]
    assert not shown["met"].str.contains("本次不使用").any()  # the tests of this panel reject
    rows = case.own.verdict.conditions.set_index("condition")
    rows.loc["tests", "met"] = False
    other = replace(case.own, verdict=Verdict("insufficient", rows.reset_index()))
    again = verdict.conditions(replace(case, found=other))
    assert set(again.loc[again["met"].str.contains("不使用"), "role"]) == {"可信", "充分"}
    rows.loc["placebo", ["found", "met"]] = [np.nan, pd.NA]
    gone = verdict.conditions(
        replace(case, found=replace(other, verdict=Verdict("x", rows.reset_index())))
    )
    assert gone.loc[
        gone["condition"].str.contains("虚设"), ["seen", "met"]
    ].to_numpy().tolist() == [["—", "无法检验"]]


def test_calendar_has_every_park_and_quarter_once_by_adoption(panel: pd.DataFrame) -> None:
    cells = parks.calendar(panel, words_of(panel))
    assert len(cells) == 14 * 12
    assert cells["state"].value_counts().to_dict() == {
        "treated": 11 + 3 * 8 + 3 * 6, "tracked": 10 * 12 - 53 - 1, "untracked": 4 * 12,
        "absent": 1,
    }  # fmt: skip
    order = cells.drop_duplicates("park_id")
    assert order["adopted"].dropna().is_monotonic_increasing
    assert order["adopted"].isna().tolist() == [False] * 7 + [True] * 7
    assert order["park_id"].iloc[0].endswith("14")
    wide = parks.calendar_wide(cells, words_of(panel))
    assert list(wide)[:2] == ["unit_name", "short@2022Q1"]
    assert wide["unit_name"].tolist() == order["unit_name"].tolist()


def test_cohorts_add_up_to_all_parks_and_firms(panel: pd.DataFrame) -> None:
    shown = lay_out("effect.cohorts", parks.cohorts(panel, words_of(panel)), words_of(panel))
    assert shown["park_count"].tolist() == [1, 3, 3, 3, 4]
    assert shown["firm_count"].sum() == panel["unit_id"].nunique()
    assert shown["cohort"].tolist() == ["2022Q2", "2023Q1", "2023Q3", "从未实施", "从未实施"]


def test_balance_is_the_difference_over_the_root_of_the_mean_variance() -> None:
    rows = pd.DataFrame({
        "unit_id": list("abcd") * 2, "period": ["2022Q1"] * 4 + ["2022Q2"] * 4,
        "adopted_in": ["2022Q2", "2022Q2", None, None] * 2, "source_id": "S",
        "employees": [10.0, 14.0, 8.0, 12.0, 99.0, 99.0, 99.0, 99.0],
        "revenue_fen": [3e6, 3e6, 2e6, 2e6] + [0.0] * 4,
    })  # fmt: skip
    plan = PLAN.model_copy(update={"balance": ("employees", "revenue_fen", "absent")})
    shown = parks.balance(rows, plan, Words(Text("zh"))).set_index("name")
    # Means 12 and 10, both variances 8: 2 / sqrt(8).
    assert shown.at["从业人员数", "smd"] == pytest.approx(2 / np.sqrt(8))
    assert shown.at["从业人员数", "far"] == "far"
    assert shown.loc["营业收入", ["adopters", "others", "unit"]].tolist() == [3, 2, "万元"]
    assert list(shown.index) == ["从业人员数", "营业收入"]


@pytest.mark.parametrize("lang", LANGS)
def test_every_estimate_prints_its_rule_parks_and_degrees_of_freedom(
    case: policy.Case, lang: str
) -> None:
    own = case if lang == "zh" else in_english(case)
    shown, found = views.estimates(own), case.own.effects.estimates
    assert len(shown) == len(found)
    assert (shown["park_count"] == found["clusters"]).all()
    assert (shown["se_rule"].str.len() > 5).all()
    assert shown["df"].ne("").all()
    log = found["value"].to_numpy()
    assert shown["effect"].to_numpy() == pytest.approx(100 * (np.exp(log) - 1))
    assert shown["effect_se"].to_numpy() == pytest.approx(100 * found["se"].to_numpy(), nan_ok=True)
    rules = dict(zip(found["estimator"], shown["se_rule"], strict=True))
    assert rules["twfe"] == rules["sun_abraham"] != rules["twfe_cr2"]
    assert "Bell" in rules["twfe_cr2"]


def test_every_estimator_test_and_variation_of_the_code_has_words() -> None:
    from haidian_eval.effect.size import TESTS

    every = {*views.RULE_OF, "synthetic_did"} - {"never_treated"}
    keys = [f"estimators.{one}" for one in sorted(every)]
    keys += [f"tests.{one}" for one in (*TESTS, "jackknife")]
    keys += [f"rules.{one}" for one in ("placebo", "no_se", "jackknife", *views.RULE_OF.values())]
    for lang in LANGS:
        assert [key for key in keys if f"effect.{key}" not in read_words(lang)] == []


@pytest.mark.parametrize("lang", LANGS)
def test_all_tables_and_sentences_can_be_made(case: policy.Case, lang: str) -> None:
    own = case if lang == "zh" else in_english(case)
    told, text = policy.measured(own), own.words.text
    sections = ("calendar", "balance", "dynamics", "estimates", "variations", "placebo",
                "magnitudes", "sizes", "exploratory")  # fmt: skip
    for name in sections:
        assert text(f"effect.{name}_section.text", **told)
    pictured = ("calendar", "dynamics", "cells", "left_out", "placebo_bins", "magnitudes")
    for name in (*pictured, "estimates", "tests_table", "variations", "sizes", "exploratory"):
        assert text(f"effect.{name}.caption", **told) and text(f"effect.{name}.note", **told)
    for name in pictured:
        assert len(text(f"effect.{name}.alt", **told)) > 40
    for make in (views.tests, views.variations, views.placebos, views.exploratory):
        shown = make(own)
        assert len(shown)
        assert shown["source_id"].eq("SYN-E1").all()


def test_parks_are_never_ranked_by_effect(case: policy.Case) -> None:
    found = case.own.doubts.left_out.sample(frac=1, random_state=1)
    own = replace(case, found=replace(case.own, doubts=replace(case.own.doubts, left_out=found)))
    shown = views.left_out(own)
    assert shown["cluster"].is_monotonic_increasing
    assert not shown["value"].is_monotonic_increasing
    assert not shown["value"].is_monotonic_decreasing
    drawn = figures.left_out_parks(shown, Text("zh"), unit="%", main=policy.headline(own))
    labels = [label.get_text() for label in drawn.axes[0].get_yticklabels()]
    assert labels == shown["unit_name"].tolist() == sorted(labels)
    listed = lay_out("effect.left_out", shown, own.words)
    assert not [name for name in listed if "rank" in name]


def test_p_to_believe_is_the_largest_of_the_tests_that_keep_their_level(case: policy.Case) -> None:
    sizes = case.own.doubts.sizes
    frame = sizes.frame.assign(rejected=[0.30, 0.05, 0.06, 0.04], se=[0.01] * 4)
    own = replace(case, found=replace(case.own, doubts=replace(
        case.own.doubts, sizes=replace(sizes, frame=frame))))  # fmt: skip
    p = policy.by_test(own)
    name, believed = policy.believed(own)
    assert policy.kept(own).to_dict() == {
        "fixest": False, "cr2": True, "wild": True, "randomisation": True,
    }  # fmt: skip
    assert believed == max(p["cr2"], p["wild"], p["randomisation"])
    assert p[name] == believed
    shown = lay_out("effect.sizes", views.sizes(own), own.words)
    assert shown["level_kept"].tolist() == ["偏高", "守住", "守住", "守住"]
    none = replace(case, found=replace(own.own, doubts=replace(
        own.own.doubts, sizes=replace(sizes, frame=frame.assign(rejected=0.5)))))  # fmt: skip
    assert policy.believed(none)[0] == ""
    assert policy.measured(none)["believed"] == "—"


def test_figures_show_the_numbers_they_are_given(case: policy.Case) -> None:
    text = Text("zh")
    moves = views.dynamics(case)
    (panel,) = figures.effect_over_time(moves, text, unit="%").axes
    drawn = np.concatenate([line.lines[0].get_xydata() for line in panel.containers])
    assert drawn[:, 0].tolist() == moves["key"].tolist()
    assert drawn[:, 1] == pytest.approx(moves["value"].to_numpy())
    assert len(panel.collections) >= 2  # the band stands apart before and since adoption
    cohorts = figures.effect_by_cohort(views.cells(case), text, unit="%").axes
    assert [one.get_title("left") for one in cohorts] == ["2023Q1实施的园区", "2023Q3实施的园区"]
    bins, actual = views.placebo_bins(case), policy.two_way(case)
    assert bins["count"].sum() == PLAN.draws
    (panel,) = figures.placebo_spread(bins, text, unit="%", actual=actual, words="p").axes
    assert [bar.get_height() for bar in panel.patches] == bins["count"].tolist()
    assert actual in panel.lines[0].get_xdata()
    spans = views.magnitudes(case)
    (panel,) = figures.sensitivity_to_trends(spans, text, unit="%", breakdown=0.6).axes
    assert panel.get_xticks().tolist() == list(PLAN.magnitudes)
    cells = parks.calendar(case.rows, case.words)
    (panel,) = figures.adoption_calendar(cells, text).axes
    assert len(panel.patches) == len(cells)
    assert sum(bar.get_hatch() is not None for bar in panel.patches) == 1


def test_no_further_outcomes_and_no_placebo_leave_empty_tables(case: policy.Case) -> None:
    effects = replace(case.own.effects, exploratory=pd.DataFrame(), unmoved=None)
    doubts = replace(case.own.doubts, placebo=None)
    plan = PLAN.model_copy(update={"unmoved": None, "exploratory": ()})
    bare = replace(case, plan=plan, found=replace(case.own, effects=effects, doubts=doubts))
    assert views.exploratory(bare).empty
    assert views.placebos(bare).empty
    assert policy.measured(bare)["take_up"] == ""


def test_results_are_kept_for_later_stages(ran: Ran) -> None:
    estimates = read_table(ran.processed, "effect_estimates")
    assert set(estimates["kind"]) == {"estimator", "variation", "exploratory"}
    assert not estimates.duplicated(["policy_id", "kind", "name"]).any()
    headline = estimates[estimates["name"] == "imputation"].iloc[0]
    assert 0.08 < headline["value"] < 0.12  # 0.08 to 0.12 was planted
    assert read_table(ran.processed, "effect_dynamics")["key"].tolist() == list(range(-4, 5))
    kept = read_table(ran.processed, "effect_conditions")
    assert set(kept["verdict"]) <= set(VERDICTS)
    assert len(kept) == 15


def test_edition_without_a_panel_has_a_page_that_says_so(tmp_path: Any) -> None:
    from study_runs import run_study

    without = ("panel/synthetic.csv",)
    bare = run_study(tmp_path, langs=["zh"], jobs=1, without=without)
    page = (bare.site / "zh" / "35_effect.html").read_text("utf-8")
    assert "本版没有政策面板" in page
    assert read_table(bare.processed, "effect_estimates").empty
