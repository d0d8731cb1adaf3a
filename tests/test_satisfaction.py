"""Satisfaction from tables to one survey told in full: reading, disposition, assessment."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from haidian_eval.errors import ParameterError, TableError
from haidian_eval.params import Satisfaction as Plan
from haidian_eval.params import Surveyed
from haidian_eval.satisfaction.assessment import (
    Change,
    assess_satisfaction,
    changed,
    joined_levels,
)
from haidian_eval.satisfaction.disposition import disposition, weights_of
from haidian_eval.satisfaction.explained import joined_low
from haidian_eval.satisfaction.intervals import wilson
from haidian_eval.satisfaction.reading import Survey, read_survey

Tables = dict[str, pd.DataFrame]
ITEMS = ("overall", "speed", "attitude", "online")
SIZES = {"A": 90, "B": 40}  # respondents of the strata


def questionnaire(version: str = "Q1", weighting: str = "W1") -> pd.DataFrame:
    rows = {
        "item_id": ITEMS, "role": ["overall", *["driver"] * 3], "wording": [f"{x}?" for x in ITEMS],
        "construct": ITEMS, "scale_min": 1, "scale_max": 5, "satisfied_from": 4,
    }  # fmt: skip
    return pd.DataFrame(rows).assign(scheme_version=version, weighting_version=weighting)


def wave(year: str, seed: int, *, shift: float = 0.0, version: str = "Q1") -> Tables:
    """One wave: stratum A 900 firms, 120 issued, 90 answer; B 200, 60, 40. Half small, half big."""
    rng, rows = np.random.default_rng(seed), []
    for stratum, n in SIZES.items():
        for at in range(n):
            mood = rng.normal(shift)
            row = {"respondent_id": f"{stratum}{at:03d}", "stratum_id": stratum, "psu_id": stratum,
                   "size_class": "small" if at % 2 else "large",
                   "mode": "web" if at % 3 else "phone",
                   "street_id": f"ST{at % 4}" if at >= 4 else "ST9"}  # fmt: skip
            values = np.clip(np.round(4.1 + 0.8 * mood + 0.5 * rng.normal(size=4)), 1, 5)
            rows += [row | {"item_id": item, "value": value}
                     for item, value in zip(ITEMS, values, strict=True)]  # fmt: skip
    answers = pd.DataFrame(rows).assign(scheme_version=version, source_id="S1", park_id=None)
    drawn = pd.DataFrame({
        "stratum_id": ["A", "B"], "psu_id": ["A", "B"], "stratum_size": [900, 200],
        "issued": [120, 60], "complete": [90, 40], "ineligible": [10, 0], "refused": [12, 10],
        "noncontact": [6, 6], "other": [2, 4], "design_weight": [7.5, 200 / 60],
        "frame": "register", "source_id": "S1",
    })  # fmt: skip
    drawn[["psus", "psus_drawn", "psu_size"]] = np.nan
    totals = pd.DataFrame({"variable": "size_class", "level": ["large", "small"],
                           "total": [300.0, 725.0], "source_id": "S2"})  # fmt: skip
    label = {"wave": year, "population": "enterprise"}
    found = {"responses": answers, "survey_design": drawn, "control_totals": totals}
    return {name: frame.assign(**label) for name, frame in found.items()}


def both(**more: Any) -> Tables:
    """Two waves with one questionnaire."""
    parts = wave("2023", 1, **more), wave("2024", 2, shift=0.6)
    tables = {name: pd.concat([one[name] for one in parts], ignore_index=True) for name in parts[0]}
    return tables | {"questionnaire": questionnaire()}


def plan_of(**more: Any) -> Plan:
    own = {"wave": "2024", "before": "2023", "threshold": 10, "draws": 49, "surveys": []}
    return Plan.model_validate(own | more)


CHOICE = Surveyed(population="enterprise", margins=("size_class",),
                  domains=("size_class", "street_id"), explained_by=("size_class",))  # fmt: skip


def survey(tables: Tables | None = None, margins: tuple[str, ...] = ("size_class",)) -> Survey:
    return read_survey(tables or both(), "2024", "enterprise", margins=margins)


def replaced(tables: Tables, name: str, rows: Any, column: str, value: Any) -> Tables:
    """The tables with some cells of one of them replaced."""
    frame = tables[name].copy()
    frame.loc[rows(frame), column] = value
    return tables | {name: frame}


def test_survey_has_a_row_per_respondent_and_a_column_per_question() -> None:
    found = survey()
    assert len(found.frame) == found.frame["respondent_id"].nunique() == 130
    assert set(ITEMS) <= set(found.frame.columns)
    assert found.design.strata == ("stratum_id",)
    assert (found.design.clusters, found.design.fpc) == ((), ("stratum_size",))
    assert (found.version, found.weighting, found.source) == ("Q1", "W1", "S1;S2")
    assert found.named("driver") == ["speed", "attitude", "online"]
    assert found.frame.groupby("stratum_id")["weight"].first().tolist() == [7.5, 200 / 60]
    assert found.margins[0].to_dict() == {"large": 300, "small": 725}


def test_order_of_rows_does_not_matter() -> None:
    tables = both()
    shuffled = {name: frame.sample(frac=1, random_state=3) for name, frame in tables.items()}
    one, other = survey(tables), survey(shuffled)
    pd.testing.assert_frame_equal(one.frame, other.frame, check_like=True)


def test_weight_of_a_respondent_wins_over_that_of_its_place() -> None:
    tables = both()
    answers = tables["responses"].assign(weight=np.nan)
    answers.loc[answers["respondent_id"] == "A000", "weight"] = 3.0
    found = survey(tables | {"responses": answers}).frame.set_index("respondent_id")["weight"]
    assert (found["A000"], found["A001"]) == (3.0, 7.5)


def clustered(tables: Tables) -> Tables:
    """Two communities of ten drawn in each stratum; the design says how large each is."""
    answers, drawn = tables["responses"], tables["survey_design"]
    half = answers["respondent_id"].str[1:].astype(int) % 2
    answers = answers.assign(psu_id=answers["stratum_id"] + half.astype(str))
    parts = [drawn.assign(psu_id=drawn["stratum_id"] + str(at), issued=drawn["issued"] // 2,
                          complete=drawn["complete"] // 2, psus=10, psus_drawn=2,
                          psu_size=drawn["stratum_size"] // 10) for at in (0, 1)]  # fmt: skip
    return tables | {"responses": answers, "survey_design": pd.concat(parts, ignore_index=True)}


def test_communities_make_a_design_of_two_stages() -> None:
    found = survey(clustered(both()))
    assert found.design.clusters == ("psu_id", "respondent_id")
    assert found.design.fpc == ("psus", "psu_size")
    # 10 / 2 communities x 90 persons / 60 issued = 7.5; 10 / 2 x 20 / 30 = 3.33
    weights = found.frame.groupby("stratum_id")["issued_weight"].first()
    assert weights.to_numpy() == pytest.approx([7.5, 10 / 3])


BAD = {
    "outside the scale": (("responses", lambda f: f.index == len(f) - 1, "value", 6.0), TableError,
                          r"1 answers are outside the scale.*first 6 to 'online' \(1 to 5\).*B039"),
    "no whole answer": (("responses", lambda f: f.index == len(f) - 1, "value", 3.5), TableError,
                        "outside the scale"),
    "two backgrounds": (("responses", lambda f: f.index == len(f) - 1, "size_class", "micro"),
                        TableError, "1 respondents stand in twice.*B039 in 'size_class'"),
    "answered twice": (("responses", lambda f: f.index == len(f) - 1, "item_id", "speed"),
                       TableError, "B039 answers 'speed' twice"),
    "unknown question": (("responses", lambda f: f.index == len(f) - 1, "item_id", "x"),
                         TableError, r"items \['x'\] are not in the questionnaire"),
    "unknown stratum": (("responses", lambda f: f["respondent_id"] == "B039", "stratum_id", "C"),
                        TableError, r"\['C'\] are not in survey_design"),
    "unknown unit": (("responses", lambda f: f["respondent_id"] == "B039", "psu_id", "C"),
                     TableError, r"\['C'\] are not in survey_design"),
    "mixed versions": (("responses", lambda f: f["respondent_id"] == "B039", "scheme_version",
                        "Q2"), TableError, "a wave has one version"),
    "wrong count": (("survey_design", lambda f: f["stratum_id"] == "B", "complete", 41),
                    TableError, "41 complete answers in stratum B, unit B, responses have 40"),
    "weight of nothing": (("survey_design", lambda f: f["stratum_id"] == "B", "design_weight", 0),
                          TableError, "not above 0 for 40 respondents, first in stratum B"),
    "more than issued": (("survey_design", lambda f: f["stratum_id"] == "B", "ineligible", 21),
                         TableError, "stratum B, unit B has more complete and ineligible"),
    "blank count": (("survey_design", lambda f: f["stratum_id"] == "B", "stratum_size", np.nan),
                    TableError, "stratum_size is blank in 1 of 2 rows"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_tables_that_contradict_each_other_are_refused_with_the_place(name: str) -> None:
    (table, rows, column, value), kind, message = BAD[name]
    tables = replaced(both(), table, rows, column, value)
    with pytest.raises(kind, match=message):
        survey(tables)


def test_control_totals_of_different_populations_are_refused() -> None:
    tables = both()
    own = tables["control_totals"]
    modes = {"variable": "mode", "level": ["web", "phone"], "total": [1, 2.0]}
    more = own[own["wave"] == "2024"].assign(**modes)
    tables["control_totals"] = pd.concat([tables["control_totals"], more], ignore_index=True)
    with pytest.raises(TableError, match=r"different sums \(size_class 1,025, mode 3\)"):
        survey(tables, ("size_class", "mode"))


def test_what_the_edition_has_not_is_named_with_what_it_has() -> None:
    with pytest.raises(ParameterError, match=r"'resident 2024'.*enterprise 2023"):
        read_survey(both(), "2024", "resident", margins=())
    with pytest.raises(ParameterError, match=r"'age_band' in the control totals.*size_class"):
        survey(margins=("age_band",))
    with pytest.raises(TableError, match="no rows of the version 'Q1'"):
        survey(both() | {"questionnaire": questionnaire("Q7")})


def test_response_rates_by_hand() -> None:
    found = disposition(survey())
    assert found["stratum_id"].tolist()[:2] == ["A", "B"]
    a, _, whole = (found.iloc[at] for at in range(3))
    # A: 90 of 120 issued; 90 / 110; e = 104 / 114; 90 / (104 + e 6); 90 / 104; 104 / 110
    assert a[["raw", "rr1", "e", "cooperation", "contact"]].tolist() == pytest.approx(
        [90 / 120, 90 / 110, 104 / 114, 90 / 104, 104 / 110]
    )
    assert a["rr3"] == pytest.approx(90 / (104 + 104 / 114 * 6))
    assert whole["rr1"] == pytest.approx(130 / 170)
    # weighted: 7.5 x 90 + 10/3 x 40 over 7.5 x 110 + 10/3 x 60
    assert whole["weighted"] == pytest.approx((675 + 400 / 3) / (825 + 200))
    assert (a["rr1"] > a["low"]) & (a["rr1"] < a["high"]) & (a["raw_low"] < a["raw"])


def test_wilson_reproduces_the_known_interval_and_knows_nothing_of_nobody() -> None:
    assert wilson(0.92, 500, 0.95) == pytest.approx((0.8929, 0.9407), abs=1e-4)  # field notes, 1c
    assert np.isnan(wilson(0.0, 0, 0.95)).all()


def test_weights_summary_by_hand() -> None:
    own = survey()
    found = weights_of(own, pd.Series(1.0, own.frame.index))
    design, final = (found.summary.iloc[at] for at in range(2))
    w = np.repeat([7.5, 10 / 3], [90, 40])
    assert design["kish"] == pytest.approx(130 * (w**2).sum() / w.sum() ** 2)
    assert design["effective"] == pytest.approx(w.sum() ** 2 / (w**2).sum())
    assert (final["kish"], final["cv"], final["ratio"]) == (1, 0, 1)
    large = found.margins.set_index("level").loc["large"]
    assert (large["n"], large["unweighted"]) == (65, 0.5)
    assert large["population"] == pytest.approx(300 / 1025)


@pytest.fixture(scope="module")
def told() -> Any:
    return assess_satisfaction(both(), CHOICE, plan_of())


def test_headline_is_the_raked_rate(told: Any) -> None:
    rates = told.rates
    assert rates.weightings["weighting"].tolist() == ["unweighted", "design", "adjusted", "raked"]
    frame = told.survey.frame
    good = frame["overall"] >= 4
    assert rates.weightings["estimate"].iloc[0] == pytest.approx(good.mean())
    w = frame["weight"]
    assert rates.weightings["estimate"].iloc[1] == pytest.approx((w * good).sum() / w.sum())
    # non-response: stratum A stands for 7.5 x 110 firms, B for 10/3 x 60
    by = good.groupby(frame["stratum_id"]).mean()
    assert rates.weightings["estimate"].iloc[2] == pytest.approx(
        (825 * by["A"] + 200 * by["B"]) / 1025
    )
    assert rates.headline["estimate"] == rates.weightings["estimate"].iloc[3]
    shares = told.weights.margins.set_index("level")
    assert shares["final"].to_numpy() == pytest.approx(shares["population"].to_numpy())
    assert rates.headline["low"] < rates.headline["estimate"] < rates.headline["high"]


def test_rows_of_few_have_no_numbers_and_cannot_be_worked_out(told: Any) -> None:
    rows = told.rates.domains[told.rates.domains["by"] == "street_id"].set_index("class")
    assert told.survey.frame["street_id"].value_counts()["ST9"] == 8
    assert (rows["suppressed"] != "").sum() >= 2  # one alone would follow from the total
    hidden = rows[rows["suppressed"] != ""]
    assert "ST9" in hidden.index
    assert hidden[["estimate", "se", "low", "high", "n", "deff", "df"]].isna().all(axis=None)


def test_answers_of_few_are_joined_and_shares_add_up(told: Any) -> None:
    rows, frame = told.rates.answers, told.survey.frame
    assert rows.groupby("item_id")["share"].sum().to_numpy() == pytest.approx([1] * 4)
    for row in rows.itertuples(index=False):
        levels = [float(one) for one in row.levels.split(",")]
        assert frame[row.item_id].isin(levels).sum() >= 10


def test_change_uses_who_answered_in_both_waves(told: Any) -> None:
    row = told.change.rows.set_index("item_id").loc["overall"]
    assert told.change.refused == ""
    assert row["estimate"] == pytest.approx(row["after"] - row["before"])
    assert row["after"] == pytest.approx(told.rates.headline["estimate"])
    assert (row["overlap"], row["n_before"], row["n_after"]) == (130, 130, 130)
    assert row["low"] < row["estimate"] < row["high"]


def change_of(tables: Tables) -> Change:
    return changed(survey(tables), tables, CHOICE, plan_of())


@pytest.mark.parametrize(("version", "weighting"), [("Q2", "W1"), ("Q2", "W2")])
def test_waves_of_different_versions_are_refused(version: str, weighting: str) -> None:
    tables = both(version=version)
    forms = [questionnaire(), questionnaire(version, weighting)]
    found = change_of(tables | {"questionnaire": pd.concat(forms)})
    assert (found.refused, found.versions) == ("version", ((version, weighting), ("Q1", "W1")))
    assert found.rows.empty


def test_a_wave_that_is_not_there_or_cannot_be_read_leaves_its_reason() -> None:
    tables = both()
    alone = {name: frame[frame["wave"] == "2024"] for name, frame in tables.items()
             if "wave" in frame} | {"questionnaire": questionnaire()}  # fmt: skip
    assert "enterprise 2023" in change_of(alone).refused
    broken = replaced(tables, "survey_design", lambda f: f["wave"] == "2023", "complete", 1)
    assert "complete answers" in change_of(broken).refused


def test_explained_has_what_the_survey_carries_and_reasons_for_the_rest(told: Any) -> None:
    own = told.explained
    assert own.reliability["measure"].tolist() == ["alpha", "omega"]
    assert own.drivers.frame["share"].sum() == pytest.approx(1)
    assert own.ordinal.frame["term"].tolist() == ["C(size_class)[T.small]"]
    forms = questionnaire().assign(role=["overall", "driver", "profile", "profile"])
    poor = assess_satisfaction(both() | {"questionnaire": forms}, CHOICE, plan_of()).explained
    assert poor.drivers is None
    assert {"alpha", "omega", "drivers"} <= set(poor.why)


def test_numbers_that_tell_two_rates_apart(told: Any) -> None:
    row = told.needed.iloc[0]
    # Fleiss 1981: 92 against 90 %, power .8, two-sided .05: 3,213 each
    assert row["each"] == 3213
    assert row["each_deff"] >= row["each"] > row["fixed"] / row["deff"]
    assert row["lower"] < told.rates.headline["estimate"]


def test_survey_without_an_overall_question_is_refused() -> None:
    forms = questionnaire().assign(role="driver")
    with pytest.raises(ParameterError, match="no question whose role is overall"):
        assess_satisfaction(both() | {"questionnaire": forms}, CHOICE, plan_of())


def kept(people: Any) -> Tables:
    """The tables with some respondents alone, by the first letter and the number of their id."""
    tables = both()
    ids = tables["responses"]["respondent_id"]
    answers = tables["responses"][[people(one[0], int(one[1:])) for one in ids]]
    n = answers.drop_duplicates(["wave", "respondent_id"]).groupby(["wave", "stratum_id"]).size()
    drawn = tables["survey_design"]
    places = zip(drawn["wave"], drawn["stratum_id"], strict=True)
    complete = [int(n.get(place, 0)) for place in places]
    return tables | {"responses": answers, "survey_design": drawn.assign(complete=complete)}


def test_nothing_is_told_of_a_survey_or_a_question_that_few_answered() -> None:
    with pytest.raises(ParameterError, match=r"enterprise 2024.*answered by enough"):
        assess_satisfaction(kept(lambda _, at: at < 3), CHOICE, plan_of())
    tables = both()
    answers = tables["responses"]
    rare = (answers["item_id"] == "speed") & (answers["respondent_id"] > "A005")
    found = assess_satisfaction(
        tables | {"responses": answers.assign(value=answers["value"].mask(rare))}, CHOICE, plan_of()
    )
    for rows in (found.rates.items, found.rates.answers, found.change.rows):
        assert "speed" not in set(rows["item_id"])


def test_one_stratum_of_few_hides_all_since_domains_tell_their_sums() -> None:
    rows = assess_satisfaction(kept(lambda own, at: own == "A" or at < 5), CHOICE, plan_of()).strata
    assert rows["issued"].tolist() == [120, 60]
    assert rows[["complete", "raw", "raw_low", "raw_high", "refused"]].isna().all(axis=None)


def test_few_who_were_in_both_waves_are_not_counted_out() -> None:
    tables = both()
    answers = tables["responses"]
    other = (answers["wave"] == "2023") & (answers["respondent_id"] > "A004")
    renamed = answers["respondent_id"].mask(other, "X" + answers["respondent_id"])
    found = change_of(tables | {"responses": answers.assign(respondent_id=renamed)})
    assert found.rows["overlap"].isna().all()


def test_where_all_are_satisfied_no_nearest_rate_is_told() -> None:
    tables = both()
    answers = tables["responses"].assign(value=5.0)
    found = assess_satisfaction(tables | {"responses": answers}, CHOICE, plan_of())
    assert found.needed[["lower", "higher"]].isna().all(axis=None)
    assert {"alpha", "ordinal", "drivers"} <= set(found.explained.why)


def test_each_driver_has_the_cut_of_its_own_scale() -> None:
    forms = questionnaire()
    forms["satisfied_from"] = forms["satisfied_from"].mask(forms["item_id"] == "speed", 5)
    found = assess_satisfaction(both() | {"questionnaire": forms}, CHOICE, plan_of())
    does = found.explained.drivers.frame.set_index("driver")["performance"]
    rates = found.rates.items.set_index("item_id")["estimate"]
    assert does["speed"] == pytest.approx(rates["speed"])
    blank = forms.assign(satisfied_from=forms["satisfied_from"].where(forms["item_id"] != "speed"))
    why = assess_satisfaction(both() | {"questionnaire": blank}, CHOICE, plan_of()).explained.why
    assert "speed" in why["drivers"]


def test_answers_are_joined_with_their_neighbours_alone() -> None:
    counts = pd.Series([3, 12, 50, 40, 30, 20, 11, 10, 10, 4], range(1, 11))
    assert joined_levels(counts, 10).unique().tolist() == [
        "1,2", "3", "4", "5", "6", "7", "8", "9,10",
    ]  # fmt: skip
    assert joined_levels(pd.Series([3, 2], [1, 2]), 10).unique().tolist() == ["1,2"]


def test_low_answers_are_joined_until_enough_gave_each() -> None:
    answers = pd.Series([1.0] * 3 + [2.0] * 4 + [3.0] * 5 + [5.0] * 9)
    assert joined_low(answers, 5).value_counts().to_dict() == {2.0: 7, 3.0: 5, 5.0: 9}
    assert joined_low(answers, 99).equals(answers)
