"""Example surveys, tickets and events: what is true of everybody is known, and found again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from pandas.testing import assert_frame_equal
from study_runs import ROOT

from haidian_eval import tables
from haidian_eval.__main__ import main
from haidian_eval.errors import ParameterError
from haidian_eval.params import HotlineChoice, ParticipationChoice, SurveyChoice, load_params
from haidian_eval.synthetic import (
    Population,
    Told,
    draw_participation,
    draw_survey,
    draw_tickets,
    known,
    take,
)
from haidian_eval.synthetic.survey import turn

SHIPPED = ROOT / "data" / "raw" / "2024"
SEED = 7
DRIVERS = ["interpretation", "application", "fulfilment", "speed", "attitude", "online"]


@pytest.fixture(scope="module")
def survey() -> Told:
    return draw_survey(SurveyChoice(), SEED)


@pytest.fixture(scope="module")
def everybody() -> dict[str, Population]:
    return known(SurveyChoice(), SEED)


@pytest.fixture(scope="module")
def hotline() -> Told:
    return draw_tickets(HotlineChoice(), SEED)


@pytest.fixture(scope="module")
def meetings() -> Told:
    return draw_participation(ParticipationChoice(), SEED)


def true(
    told: Told, by: str = "", item: str = "overall", population: str = "enterprise"
) -> pd.DataFrame:
    """Truth of an item, level x wave."""
    own = told.truth.query("by == @by and item_id == @item and population == @population")
    return own.pivot(index="level", columns="wave", values="mean")


def answers(told: Told, population: str, wave: str, item: str = "overall") -> pd.DataFrame:
    """Answers of a wave with their design weights."""
    own = told.tables["responses"].query("population == @population and wave == @wave")
    design = told.tables["survey_design"].query("population == @population and wave == @wave")
    weight = design.set_index("psu_id")["design_weight"]
    own = own[(own["item_id"] == item) & own["value"].notna()]
    return own.assign(weight=own["psu_id"].map(weight).astype(float))


def test_the_seed_decides_and_the_sample_seed_asks_others_of_the_same_people(survey: Told) -> None:
    again, others = draw_survey(SurveyChoice(), SEED), draw_survey(SurveyChoice(), SEED, 8)
    for name, frame in survey.tables.items():
        assert_frame_equal(frame, again.tables[name])
    assert_frame_equal(survey.truth, again.truth)
    assert_frame_equal(survey.truth, others.truth)
    assert_frame_equal(survey.tables["control_totals"], others.tables["control_totals"])
    assert not survey.tables["responses"].equals(others.tables["responses"])
    assert not survey.truth["mean"].equals(draw_survey(SurveyChoice(), SEED + 1).truth["mean"])


def test_tickets_and_events_follow_the_seed_too(hotline: Told, meetings: Told) -> None:
    assert_frame_equal(
        hotline.tables["tickets"], draw_tickets(HotlineChoice(), SEED).tables["tickets"]
    )
    assert_frame_equal(hotline.truth, draw_tickets(HotlineChoice(), SEED).truth)
    again = draw_participation(ParticipationChoice(), SEED)
    for name, frame in meetings.tables.items():
        assert_frame_equal(frame, again.tables[name])
    other = draw_tickets(HotlineChoice(), SEED + 1)
    assert not hotline.tables["tickets"].equals(other.tables["tickets"])


def test_truth_is_that_of_the_eligible(survey: Told, everybody: dict[str, Population]) -> None:
    for name, own in everybody.items():
        there = own.units["eligible"].to_numpy()
        assert there.mean() == pytest.approx(0.97, abs=0.01)
        for wave, by_unit in zip(("2023", "2024"), own.answers, strict=True):
            row = survey.truth.query("population == @name and wave == @wave and by == ''")
            row = row.set_index("item_id").loc["overall"]
            value = by_unit["overall"].to_numpy()[there]
            good = 3 if (name, wave) == ("resident", "2023") else 4
            assert row["units"] == there.sum()
            assert row["mean"] == pytest.approx(value.mean(), abs=1e-12)
            assert row["rate"] == pytest.approx((value >= good).mean(), abs=1e-12)
            assert by_unit.isin([1, 2, 3, 4, 5]).all(axis=None)


def test_domains_of_the_truth_add_up_and_agree_with_the_control_totals(survey: Told) -> None:
    truth = survey.truth.query("item_id == 'overall' and wave == '2024'")
    totals = survey.tables["control_totals"].query("wave == '2024'")
    for (name, by), own in truth.groupby(["population", "by"]):
        if by in ("", "park_id"):  # the whole, and the firms in parks alone
            continue
        whole = truth.query(f"population == '{name}' and by == ''").iloc[0]
        assert own["units"].sum() == whole["units"]
        assert np.average(own["mean"], weights=own["units"]) == pytest.approx(whole["mean"])
        control = totals[(totals["population"] == name) & (totals["variable"] == by)]
        if len(control):
            said = control.set_index("level")["total"].to_dict()
            assert said == own.set_index("level")["units"].to_dict()


def test_weights_of_firms_add_up_to_their_strata(everybody: dict[str, Population]) -> None:
    firms = take(everybody["enterprise"], SurveyChoice(), 0, 3)
    frame = everybody["enterprise"].units["stratum_id"].value_counts()
    sums = firms.groupby("stratum_id")["design_weight"].sum()
    assert sums.to_dict() == pytest.approx(frame.to_dict())


@pytest.mark.parametrize("wave", [0, 1])
def test_weighted_sums_over_samples_are_those_of_the_frame(
    everybody: dict[str, Population], wave: int
) -> None:
    own, found = everybody["resident"], []
    for seed in range(25):
        asked = take(own, SurveyChoice(), wave, seed)
        young = asked["design_weight"] * (asked["age_band"] == "18-29")
        found.append([young.sum(), (asked["design_weight"] * asked["overall"]).sum()])
    expected = [(own.units["age_band"] == "18-29").sum(), own.answers[wave]["overall"].sum()]
    allowed = 4 * np.std(found, axis=0, ddof=1) / 25**0.5
    assert (np.abs(np.mean(found, axis=0) - expected) < allowed).all()
    assert (np.std(found, axis=0) < 0.1 * np.array(expected)).all()


def test_whose_turn_it_is() -> None:
    group = pd.Series(["a"] * 5)
    number = [0.9, 0.1, 0.5, 0.3, 0.7]  # ranks 4 0 2 1 3
    two, five = pd.Series([2] * 5), pd.Series([5] * 5)
    assert turn(number, group, two, size=five, shift=0.0).tolist() == [
        False,
        True,
        False,
        True,
        False,
    ]
    # one of two is kept: from rank 1, so 1 and 2
    assert turn(number, group, two, size=five, shift=0.5).tolist() == [
        False,
        False,
        True,
        True,
        False,
    ]
    four = pd.Series([4] * 5)  # from rank 4: 4, then round again 0, 1, 2
    assert turn(number, group, four, size=five, shift=1.0).tolist() == [
        True,
        True,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("overlap", [0.0, 0.4, 1.0])
def test_the_share_asked_again_is_the_one_that_was_chosen(
    everybody: dict[str, Population], overlap: float
) -> None:
    chosen = SurveyChoice(overlap=overlap)
    first, second = (take(everybody["enterprise"], chosen, wave, 1) for wave in (0, 1))
    small = first["size_class"].isin(["small", "micro"])  # less than half of these are drawn
    again = first["respondent_id"].isin(second["respondent_id"])
    assert again[small].mean() == pytest.approx(overlap, abs=0.01)
    large = first["size_class"] == "large"  # 208 of some 360 are drawn: some come round again
    assert again[large].mean() >= max(overlap, 0.2) - 0.01


def test_answers_last_from_wave_to_wave(survey: Told) -> None:
    both = answers(survey, "enterprise", "2023").merge(
        answers(survey, "enterprise", "2024"), on="respondent_id", suffixes=("_1", "_2")
    )
    assert len(both) > 100
    assert both["value_1"].corr(both["value_2"]) > 0.2
    assert (both["stratum_id_1"] == both["stratum_id_2"]).all()


def test_design_table_agrees_with_the_answers(survey: Told) -> None:
    design, rows = survey.tables["survey_design"], survey.tables["responses"]
    parts = design[["complete", "ineligible", "refused", "noncontact", "other"]].sum(axis=1)
    assert (parts == design["issued"]).all() and (design["issued"] > 0).all()
    people = rows.drop_duplicates(["wave", "population", "respondent_id"])
    found = people.groupby(["wave", "population", "psu_id"]).size()
    said = design.set_index(["wave", "population", "psu_id"])["complete"]
    assert found.to_dict() == said[said > 0].to_dict()
    assert not rows.duplicated(["wave", "respondent_id", "item_id"]).any()
    elements = design["population"] == "enterprise"
    assert (design.loc[elements, "psu_id"] == design.loc[elements, "stratum_id"]).all()
    persons = design[~elements]
    ratio = persons["psus"] / persons["psus_drawn"] * persons["psu_size"] / persons["issued"]
    assert np.allclose(ratio.astype(float), persons["design_weight"], atol=1e-4)


def test_firms_have_one_questionnaire_and_residents_two_that_differ(survey: Told) -> None:
    used = survey.tables["responses"].groupby(["population", "wave"])["scheme_version"].unique()
    assert {key: list(own) for key, own in used.items()} == {
        ("enterprise", "2023"): ["SYN-QE1"], ("enterprise", "2024"): ["SYN-QE1"],
        ("resident", "2023"): ["SYN-QR1"], ("resident", "2024"): ["SYN-QR2"],
    }  # fmt: skip
    form = survey.tables["questionnaire"].set_index(["scheme_version", "item_id"])
    assert form.loc["SYN-QE1", "role"].value_counts().to_dict() == {
        "driver": 6, "overall": 1, "loyalty": 1,
    }  # fmt: skip
    old, new = form.loc[("SYN-QR1", "overall")], form.loc[("SYN-QR2", "overall")]
    for name in ("weighting_version", "wording", "satisfied_from", "scale_words"):
        assert old[name] != new[name]


def test_what_was_planted_is_true(survey: Told) -> None:
    size, whole = true(survey, "size_class"), true(survey)
    assert (size.loc["large"] > size.loc["small"]).all()
    assert (size.loc["small"] > size.loc["micro"]).all()
    age = true(survey, "age_band", population="resident")
    assert age["2024"].is_monotonic_increasing  # 18-29, 30-44, 45-59, 60+
    assert whole["2024"].iloc[0] - whole["2023"].iloc[0] > 0.1
    moved = {item: np.diff(true(survey, item=item).iloc[0]).item() for item in DRIVERS}
    assert moved["online"] < min(moved[item] for item in DRIVERS if item != "online")
    street = true(survey, "street_id", population="resident")["2024"]
    assert len(street) == 29 and street.std() > 0.05


def test_without_change_the_waves_are_alike() -> None:
    still = draw_survey(SurveyChoice(change=0.0), SEED)
    for item in ("overall", "speed", "fulfilment"):
        gap = np.diff(true(still, item=item).iloc[0]).item()
        assert abs(gap) < 0.04  # 5,800 firms, spread about 0.8, half of it lasting: sd 0.013


def test_drivers_matter_as_planted(everybody: dict[str, Population]) -> None:
    own = everybody["enterprise"].answers[0]
    design = np.column_stack([np.ones(len(own)), own[DRIVERS]])
    weight = np.linalg.lstsq(design, own["overall"].to_numpy(), rcond=None)[0][1:]
    order = pd.Series(weight, DRIVERS).sort_values(ascending=False)
    assert order.index[0] == "fulfilment" and order.index[-1] == "attitude"
    assert own.corr().loc["overall", "loyalty"] > 0.4


def test_raw_weighted_and_adjusted_rates_differ(survey: Told) -> None:
    design = survey.tables["survey_design"].query("population == 'enterprise' and wave == '2024'")
    own = answers(survey, "enterprise", "2024")
    rate = design.set_index("psu_id")["complete"] / design.set_index("psu_id")["issued"]
    share = own.groupby("size_class").size() / len(own)
    assert share["large"] > 0.15  # 6 % of the frame
    good = own["value"] >= 4
    raw, weighted = good.mean(), np.average(good, weights=own["weight"])
    adjusted = np.average(good, weights=own["weight"] / own["psu_id"].map(rate).astype(float))
    assert raw > weighted > adjusted


def test_those_who_respond_are_not_like_the_others(everybody: dict[str, Population]) -> None:
    asked = take(everybody["resident"], SurveyChoice(), 1, 5)
    asked = asked[asked["eligible"]].assign(answered=asked["outcome"] == "complete")
    by_age = asked.groupby("age_band")["answered"].mean()
    assert by_age["60+"] - by_age["18-29"] > 0.2  # 0.74 against 0.40
    assert set(asked["outcome"]) == {"complete", "refused", "noncontact", "other"}
    chosen = SurveyChoice(response=10.0)
    every = take(known(chosen, SEED)["resident"], chosen, 1, 5)
    assert (every["outcome"] == "complete").sum() == every["eligible"].sum()


def test_items_left_out_say_why(survey: Told) -> None:
    rows = survey.tables["responses"]
    assert (rows["value"].isna() == (rows["na_reason"] != "")).all()
    own = rows[(rows["item_id"] == "fulfilment")]
    share = (own["na_reason"] == "not_applicable").mean()
    assert share == pytest.approx(0.12, abs=0.04)  # 1,400 answers: one sd is 0.009


def test_ids_are_examples(survey: Told, hotline: Told, meetings: Told) -> None:
    units = tables.read_edition(SHIPPED).tables["units"]
    example = set(units.loc[units["source_id"] == "SYN-U1", "unit_id"])
    made = {**survey.tables, **hotline.tables, **meetings.tables}
    assert set(made) == {
        "questionnaire", "survey_design", "control_totals", "responses", "tickets", "events",
        "participation",
    }  # fmt: skip
    for frame in made.values():
        assert frame["source_id"].str.startswith("SYN-").all()
        for name in {"street_id", "park_id", "department_id", "host_id"} & set(frame):
            assert set(frame[name].dropna()) - {""} <= example
        for name in set(frame) & {"respondent_id", "ticket_id", "event_id", "participation_id"}:
            assert frame[name].str.startswith("SYN-").all()
    order = (
        survey.tables["responses"]
        .drop_duplicates("respondent_id")
        .query("population == 'enterprise'")
    )
    assert order["stratum_id"].ne(order["stratum_id"].shift()).mean() > 0.5  # tells no stratum


def test_tickets_show_what_happened_of_those_who_were_reached(hotline: Told) -> None:
    own = hotline.tables["tickets"]
    counted = own[own["excluded_reason"] == ""]
    assert 1 - len(counted) / len(own) == pytest.approx(0.04, abs=0.008)
    reached = counted["callback_reached"] == "yes"
    for name in ("resolved", "satisfied"):
        assert (counted.loc[reached, name] != "").all() and (
            counted.loc[~reached, name] == ""
        ).all()
    left = own[own["excluded_reason"] != ""]
    assert (left[["responded", "resolved", "satisfied", "closed_on"]] == "").all(axis=None)
    whole = hotline.truth.iloc[0]
    assert whole["tickets"] == len(counted)
    assert reached.mean() == pytest.approx(whole["reached"], abs=1e-12)
    assert (counted["responded"] == "yes").mean() == pytest.approx(whole["responded"], abs=1e-12)
    seen = (counted.loc[reached, "resolved"] == "yes").mean()
    assert seen == pytest.approx(whole["resolved"], abs=0.01)
    happy = (counted.loc[reached, "satisfied"] != "dissatisfied").mean()
    assert happy > whole["satisfied"]  # the callback reaches the satisfied more often
    assert whole[["responded", "resolved", "satisfied"]].tolist() == pytest.approx(
        [0.992, 0.955, 0.965], abs=0.01
    )


def test_the_planted_month_stands_out_and_only_when_planted(hotline: Told) -> None:
    def lag(told: Told) -> float:
        """How far August lies below the mean of the other months, in their standard errors."""
        month = told.truth[told.truth["by"] == "month"].set_index("level")
        others = month.drop("2024-08")["resolved"].mean()
        own = month.loc["2024-08"]
        return float((others - own["resolved"]) / (others * (1 - others) / own["tickets"]) ** 0.5)

    assert lag(hotline) > 5
    assert abs(lag(draw_tickets(HotlineChoice(special_drop=0.0), SEED))) < 4


def test_streets_differ_in_case_mix_contact_and_quality(hotline: Told) -> None:
    own = hotline.tables["tickets"]
    table = pd.crosstab(own["street_id"], own["category_code"])
    expected = np.outer(table.sum(axis=1), table.sum()) / len(own)
    assert ((table - expected) ** 2 / expected).to_numpy().sum() > 1000  # 252 degrees of freedom
    street = hotline.truth[hotline.truth["by"] == "street_id"].set_index("level")
    assert street["reached"].max() - street["reached"].min() > 0.1
    assert street["effect"].corr(street["resolved"]) > 0.5
    assert hotline.truth.loc[hotline.truth["by"] != "street_id", "effect"].isna().all()


def test_dates_of_tickets_are_in_order(hotline: Told) -> None:
    own = hotline.tables["tickets"]
    own = own[own["excluded_reason"] == ""]
    assert (own["received_on"] <= own["dispatched_on"]).all()
    assert (own["dispatched_on"] <= own["responded_on"]).all()
    assert (own["responded_on"] <= own["closed_on"]).all()
    assert (own["response_hours"] < 24).eq(own["responded"] == "yes").all()
    assert hotline.tables["tickets"]["received_on"].is_monotonic_increasing


def test_heating_is_asked_for_in_winter(hotline: Told) -> None:
    own = hotline.tables["tickets"].query("category_code == 'heating'")
    cold = own["received_on"].str[5:7].isin(["11", "12", "01", "02", "03"]).mean()
    assert cold > 0.7  # five months of twelve would be 0.42


def test_participants_add_up_and_the_young_and_smallest_are_few(meetings: Told) -> None:
    rows, events = meetings.tables["participation"], meetings.tables["events"]
    came = rows.groupby("event_id")["persons"].sum()
    assert came.to_dict() == events.set_index("event_id")["attended"].to_dict()
    truth = meetings.truth.set_index("level")
    for column, level in (("age_band", "18-29"), ("size_class", "micro")):
        persons = rows.groupby(column)["persons"].sum()
        share = persons[level] / persons.sum()
        assert share == pytest.approx(truth.loc[level, "expected"], abs=0.04)
        assert share < 0.6 * truth.loc[level, "share"]


def test_proposals_are_answered_in_time_late_or_not_yet(meetings: Told) -> None:
    rows = meetings.tables["participation"]
    own = rows[rows["proposal"].notna()]
    assert (own["persons"] == 0).all() and rows.loc[rows["proposal"].isna(), "persons"].gt(0).all()
    waiting = own["outcome"] == "open"
    assert (own["replied_on"].eq("") == waiting).all()
    done = own[~waiting]
    assert (done["submitted_on"] <= done["replied_on"]).all()
    late = (done["replied_on"] > done["due_on"]).mean()
    assert 0 < late < 0.5 and 0 < waiting.mean() < 0.3
    assert set(own["outcome"]) == {"adopted", "partly", "refused", "open"}


def test_other_choices_make_an_edition_without_defects(whole_edition: Path) -> None:
    choices = [
        "survey.firms=900", "survey.firms_issued=300", "survey.residents=6000",
        "survey.community_issued=5", "hotline.tickets=500", "participation.events=8",
    ]  # fmt: skip
    sets = [part for one in choices for part in ("--set", f"synthetic.{one}")]
    found = CliRunner().invoke(main, ["synth", "--data", str(whole_edition.parent), *sets])
    assert found.exit_code == 0, found.output
    edition = tables.read_edition(whole_edition, strict=True)
    assert edition.defects.frame.empty
    assert len(edition.tables["tickets"]) == 500 and len(edition.tables["events"]) == 8


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("synthetic.survey.overlap=1.5", "synthetic.survey.overlap"),
        ("synthetic.survey.firm=10", "'synthetic.survey.firm' is not known.*did you mean 'firms'"),
        ("synthetic.hotline.special=13", "synthetic.hotline.special"),
        ("synthetic.participation.events=0", "synthetic.participation.events"),
    ],
)
def test_a_wrong_choice_is_refused_by_name(setting: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        load_params(SHIPPED, [setting])
