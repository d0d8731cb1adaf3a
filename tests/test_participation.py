"""Who takes part against the population, and what comes of proposals."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from haidian_eval.errors import ParameterError
from haidian_eval.satisfaction import Design, estimate
from haidian_eval.satisfaction import participation as part

Frame = pd.DataFrame
DAY = dt.date(2024, 6, 30)
TOTALS = pd.Series({"young": 600.0, "old": 400.0, "none": 0.0}).rename_axis("age_band")


def came() -> Frame:
    """Two events of residents, one of firms, one proposal whose author is counted above it."""
    rows = [
        ("E1", "resident", "young", 10), ("E1", "resident", "old", 30),
        ("E2", "resident", "young", 20), ("E2", "resident", "old", 20),
        ("E2", "resident", "old", 0), ("E2", "resident", None, 5), ("E3", "enterprise", None, 7),
    ]  # fmt: skip
    made = pd.DataFrame(rows, columns=["event_id", "population", "age_band", "persons"])
    return made.astype({"age_band": "str", "persons": "Int64"})


def test_coverage_by_hand() -> None:
    # 30 young and 50 old of 80; the population has 60 % and 40 %: ratios 0.625 and 1.5625
    actual = part.coverage(came(), TOTALS, population="resident").set_index("age_band")
    assert actual["persons"].tolist() == [30, 50, 0]
    assert actual["per_thousand"].tolist()[:2] == [50, 125]
    assert actual["share"].tolist() == [0.375, 0.625, 0]
    assert actual["ratio"].tolist()[:2] == pytest.approx([0.625, 1.5625])
    assert actual["events"].tolist() == [2, 2, 0]
    assert part.coverage(came(), TOTALS, population="resident").attrs == {"unknown": 5}


def test_spread_between_events_is_that_of_a_cluster_sample() -> None:
    rng = np.random.default_rng(8)
    rows = pd.DataFrame({"event_id": np.repeat([f"E{at}" for at in range(9)], 2),
                         "age_band": ["young", "old"] * 9, "persons": rng.integers(1, 40, 18),
                         "population": "resident"})  # fmt: skip
    actual = part.coverage(rows, TOTALS.iloc[:2], population="resident").set_index("age_band")
    each = rows.loc[rows.index.repeat(rows["persons"])]
    design = Design(clusters="event_id")
    expected = estimate(each, design, "age_band", kind="proportion", interval="wilson")
    for level, row in expected.set_index("level").iterrows():
        own = actual.loc[level, ["share", "share_low", "share_high"]].to_list()
        assert own == pytest.approx(row[["estimate", "low", "high"]].to_list(), rel=1e-10)


def test_a_level_that_nobody_has_counts_an_event_as_one() -> None:
    actual = part.coverage(came(), TOTALS, population="resident").set_index("age_band")
    low, high = proportion_confint(0, 2, method="wilson")
    assert actual.loc["none", ["share_low", "share_high"]].to_list() == pytest.approx([low, high])


def test_levels_unknown_to_the_population_stay_in_sight() -> None:
    rows = came().assign(age_band=came()["age_band"].replace("old", "ancient"))
    actual = part.coverage(rows, TOTALS, population="resident").set_index("age_band")
    assert actual.loc["ancient", "persons"] == 50
    assert pd.isna(actual.loc["ancient", "ratio"])


def test_one_event_gives_shares_without_interval() -> None:
    actual = part.coverage(came().iloc[:2], TOTALS, population="resident")
    assert actual["share"].tolist() == [0.25, 0.75, 0]
    assert actual["share_low"].iloc[:2].isna().all()


def test_nobody_at_all_is_not_an_error() -> None:
    actual = part.coverage(came(), TOTALS, population="parent")
    assert actual["persons"].tolist() == [0, 0, 0]
    assert actual["share"].isna().all()


def test_population_is_read_by_wave_and_refused_where_absent() -> None:
    rows = pd.DataFrame({"wave": ["2023", "2024"], "population": "resident", "total": [5.0, 6.0],
                         "variable": "age_band", "level": "old"})  # fmt: skip
    assert part.population_of(rows, "2024", "resident", "age_band").to_dict() == {"old": 6.0}
    with pytest.raises(ParameterError, match=r"no 'sex' of 'resident' for 2024.*'age_band'"):
        part.population_of(rows, "2024", "resident", "sex")
    with pytest.raises(ParameterError, match="column 'age_bnad' is not known"):
        part.coverage(came(), TOTALS.rename_axis("age_bnad"), population="resident")


def test_attendance_counts_events_that_tell_both_numbers() -> None:
    events = pd.DataFrame({"kind": ["talk", "talk", "talk", "online"], "invited": [50, 40, None, 5],
                           "attended": [20, 25, 9, 8]})  # fmt: skip
    actual = part.attendance(events).set_index("kind")
    assert actual.loc["talk", ["events", "invited", "attended", "untold"]].to_list() == [
        3,
        90,
        45,
        1,
    ]
    assert actual.loc["talk", "value"] == 0.5
    assert actual.loc["talk", "low"] < 0.5 < actual.loc["talk", "high"]
    assert (
        actual.loc["online", "value"] == 1.6
    )  # more came than were invited: no share, no interval
    assert pd.isna(actual.loc["online", "low"])


def proposed() -> Frame:
    """Three proposals answered in time, 1 late, 1 waiting and due, 1 not due; a row without one."""
    rows = [
        ("a", "2024-05-01", "2024-05-31", "2024-05-11", "adopted"),
        ("b", "2024-05-01", "2024-05-31", "2024-05-21", "partly"),
        ("c", "2024-05-01", "2024-05-31", "2024-05-31", "refused"),
        ("d", "2024-05-01", "2024-05-31", "2024-06-10", "adopted"),
        ("e", "2024-05-01", "2024-05-31", None, "open"),
        ("f", "2024-06-20", "2024-07-20", None, "open"),
        (None, "2024-05-01", "2024-05-31", None, None),
    ]
    made = pd.DataFrame(rows, columns=["proposal", *part.DATES, "outcome"]).astype("str")
    return made.assign(population=["resident"] * 4 + ["enterprise"] * 3)


def of(rates: Frame, rate: str) -> list[float]:
    row = rates[rates["rate"] == rate].iloc[0]
    return [row["numerator"], row["denominator"], row["low"], row["high"]]


def test_replies_by_hand() -> None:
    # five are due by the end of June: 4 replied, 3 in time; of four with an outcome 2 are adopted
    rates = part.replies(proposed(), DAY)
    for rate, yes, n in (("reply", 4, 5), ("in_time", 3, 5), ("adopted", 2, 4), ("partly", 1, 4)):
        expected = [yes, n, *proportion_confint(yes, n, method="wilson")]
        assert of(rates, rate) == pytest.approx(expected)
    assert rates["proposals"].unique().tolist() == [6]


def test_what_happens_after_the_day_is_not_known_yet() -> None:
    rates = part.replies(proposed(), dt.date(2024, 5, 31))
    assert of(rates, "reply")[:2] == [3, 5]  # d is answered in June, f not yet handed in
    assert of(rates, "adopted")[:2] == [1, 3]
    assert rates["proposals"].unique().tolist() == [5]
    early = part.replies(proposed(), dt.date(2024, 5, 1))
    assert of(early, "reply")[:2] == [0, 0]
    assert early["value"].isna().all()


def test_proposals_without_a_due_date_are_named() -> None:
    rates = part.replies(proposed().assign(due_on=None), DAY)
    assert rates["undated"].unique().tolist() == [6]
    assert of(rates, "reply")[:2] == [0, 0]


def test_median_days_by_hand() -> None:
    # replies after 10, 20, 30, 40 days; e waits 60 days, f 10: still waiting 5/6, 5/8, 5/12 of all
    found = part.days_to_reply(proposed(), DAY).iloc[0]
    assert found[["median", "replied", "waiting"]].tolist() == [30, 4, 2]
    by = part.days_to_reply(proposed(), DAY, "population").set_index("population")
    assert pd.isna(by.loc["enterprise", "median"])  # nobody was answered
    assert by.loc["enterprise", "waiting"] == 2


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 60), st.booleans()), min_size=2, max_size=40))
def test_medians_are_those_of_statsmodels(drawn: list[tuple[int, bool]]) -> None:
    days = np.array([day for day, _ in drawn], dtype=float)
    waiting = np.array([open_ for _, open_ in drawn])
    actual = part.half_answered(days, waiting, 0.95)[0]
    if waiting.all():
        assert np.isnan(actual)
        return
    curve = sm.SurvfuncRight(days, (~waiting).astype(int))
    half = np.abs(curve.surv_prob - 0.5) < 1e-9
    if half.any():  # the day on which half were answered; statsmodels takes the next
        assert actual == curve.surv_times[half][0]
    else:
        assert actual == pytest.approx(curve.quantile(0.5), nan_ok=True)


def test_limits_of_the_median_are_those_of_statsmodels() -> None:
    rng = np.random.default_rng(4)
    days = rng.integers(1, 60, 80).astype(float)
    waiting = rng.random(80) < 0.3
    expected = sm.SurvfuncRight(days, (~waiting).astype(int)).quantile_ci(0.5, method="cloglog")
    assert part.half_answered(days, waiting, 0.95)[1:] == pytest.approx(expected)


def test_unknown_units_and_levels_are_refused() -> None:
    with pytest.raises(ParameterError, match="by='knd' is not known"):
        part.replies(proposed(), DAY, "knd")
    with pytest.raises(ParameterError, match=r"level=95"):
        part.days_to_reply(proposed(), DAY, level=95)
