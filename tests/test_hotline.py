"""The three rates of the hotline: whose share of what, who is told apart, what a chart signals."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask.dataframe as dd
import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from haidian_eval.errors import ParameterError
from haidian_eval.params.hotline import ChartRule, HotlineRule
from haidian_eval.satisfaction import hotline, run_charts
from haidian_eval.satisfaction.hotline import hotline_rates, rank_streets, standardised

SAME = 1e-12  # the same sums in another order
RULE = HotlineRule()
Frame = pd.DataFrame
ENGINES: dict[str, Callable[[Frame], Any]] = {
    "duckdb": duckdb.from_df,
    "dask": lambda rows: dd.from_pandas(rows, npartitions=2),
}
COLUMNS = ["street_id", "received_on", "callback_reached", "responded", "resolved", "satisfied",
           "excluded_reason"]  # fmt: skip


def tickets() -> Frame:
    """Six tickets of A in March, one of them excluded, one not sent on; two of B in April."""
    rows = [
        ("A", "2024-03-01", "yes", "yes", "yes", "satisfied", None),
        ("A", "2024-03-02", "yes", "yes", "yes", "basically", None),
        ("A", "2024-03-03", "yes", "yes", "no", "dissatisfied", None),
        ("A", "2024-03-04", "yes", "no", None, None, None),
        ("A", "2024-03-05", "no", "yes", "yes", "satisfied", "repeated"),
        ("A", "2024-03-06", None, None, None, None, None),
        ("B", "2024-04-07", "no", "yes", None, None, None),
        ("B", "2024-04-08", "yes", "yes", "yes", "satisfied", None),
    ]
    made = pd.DataFrame(rows, columns=COLUMNS).astype("str")
    sent = made["received_on"].mask(made["received_on"] == "2024-03-06")
    return made.assign(dispatched_on=sent, department_id="D1", category_code="heating")


def drawn(n: int, seed: int = 5) -> Frame:
    """Return tickets of three streets over a year, with everything blank now and then."""
    rng = np.random.default_rng(seed)
    pick = lambda *levels: rng.choice(np.array(levels, dtype=object), n)  # noqa: E731
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 366, n), unit="D")
    made = pd.DataFrame({
        "street_id": pick("A", "B", "C", None), "department_id": pick("D1", None),
        "category_code": pick("heating", "noise"), "received_on": day, "dispatched_on": day,
        "callback_reached": pick("yes", "yes", "no", None), "responded": pick("yes", "no", None),
        "resolved": pick("yes", "yes", "no", None), "excluded_reason": pick(None, None, "repeated"),
        "satisfied": pick("satisfied", "basically", "dissatisfied", None),
    })  # fmt: skip
    return made.astype({name: "str" for name in made if not name.endswith("_on")})


def counts(rates: Frame) -> dict[str, tuple[float, int]]:
    rows = zip(rates["rate"], rates["numerator"], rates["denominator"], strict=True)
    return {rate: (numerator, denominator) for rate, numerator, denominator in rows}


def test_rates_by_hand() -> None:
    # A: 5 not excluded, 4 of them sent, the callback reached 4; 3 responded, 2 resolved, 1 is
    # satisfied and 1 basically. B: 2 sent, 1 reached.
    actual = hotline_rates(tickets(), RULE, "street")
    assert counts(actual[actual["street"] == "A"]) == {
        "response": (3, 4), "resolution": (2, 4), "satisfaction": (2, 4), "contact": (4, 4),
    }  # fmt: skip
    assert counts(actual[actual["street"] == "B"]) == {
        "response": (2, 2), "resolution": (1, 1), "satisfaction": (1, 1), "contact": (1, 2),
    }  # fmt: skip
    first = actual.iloc[0]
    assert (first["value"], first["n"], first["excluded"]) == (0.75, 5, 1)
    assert (first["low"], first["high"]) == pytest.approx(proportion_confint(3, 4, method="wilson"))


@pytest.mark.parametrize(
    ("rule", "rate", "expected"),
    [
        ({"resolution": "dispatched"}, "resolution", (3, 6)),  # of A 2 of 4, of B 1 of 2
        ({"resolution": "answered"}, "resolution", (3, 4)),  # three answers of A, one of B
        ({"satisfaction": "dispatched"}, "satisfaction", (3, 6)),
        ({"basically": "half"}, "satisfaction", (2.5, 5)),  # 1 + 1/2 of A, 1 of B
        ({"basically": "no"}, "satisfaction", (2, 5)),
        ({"response": "answered"}, "response", (5, 6)),
        ({"response": "callback_reached"}, "response", (4, 5)),
        ({"exclusions_count": ("repeated",)}, "response", (6, 7)),
    ],
)
def test_the_rule_says_what_is_divided_by_what(
    rule: dict[str, Any], rate: str, expected: tuple[float, int]
) -> None:
    assert counts(hotline_rates(tickets(), HotlineRule(**rule)))[rate] == expected


def test_every_rate_names_the_sentence_of_its_rule() -> None:
    rule = HotlineRule(satisfaction="answered", basically="half")
    assert hotline_rates(tickets(), rule)["rule"].tolist() == [
        "response.dispatched", "resolution.callback_reached", "satisfaction.answered.half",
        "contact.dispatched",
    ]  # fmt: skip


def test_excluded_tickets_are_counted_by_reason() -> None:
    rows = tickets().assign(excluded_reason=["repeated", "", None, *["withdrawn"] * 2, *[None] * 3])
    actual = hotline.exclusions(rows, HotlineRule(exclusions_count=("withdrawn",)))
    expected = pd.DataFrame({"reason": ["repeated", "withdrawn"], "tickets": [1, 2],
                             "counts": [False, True]})  # fmt: skip
    assert_frame_equal(actual, expected)
    assert hotline_rates(rows, RULE)["excluded"].tolist() == [3] * 4
    by_month = hotline.exclusions(rows, RULE, "month")
    assert by_month[["month", "reason"]].to_numpy().tolist() == [
        ["2024-03", "repeated"], ["2024-03", "withdrawn"],
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["text", "date", "timestamp"])
def test_months_of_any_kind_of_date_are_the_same(kind: str) -> None:
    rows = tickets()
    day = pd.to_datetime(rows["received_on"])
    made = {"text": rows["received_on"], "date": day.dt.date, "timestamp": day}[kind]
    actual = hotline_rates(rows.assign(received_on=made), RULE, ("month", "street"))
    assert actual.loc[::4, ["month", "street"]].to_numpy().tolist() == [
        ["2024-03", "A"], ["2024-04", "B"],
    ]  # fmt: skip


@settings(max_examples=5)
@given(st.integers(1, 60), st.integers(0, 99), st.sampled_from(["counts", "half", "no"]))
def test_three_engines_give_the_same_rates(n: int, seed: int, basically: Any) -> None:
    rows, rule = drawn(n, seed), HotlineRule(basically=basically, resolution="answered")
    expected = hotline_rates(rows, rule, ("street", "month"))
    assert expected["n"].sum() + expected["excluded"].sum() == 4 * n
    for engine in ENGINES.values():
        assert_frame_equal(hotline_rates(engine(rows), rule, ("street", "month")), expected,
                           rtol=SAME)  # fmt: skip


@pytest.mark.parametrize("kind", ["boolean", "object"])
def test_flags_are_words_or_true_and_false(kind: str) -> None:
    rows = drawn(200)
    flags = {name: rows[name].map({"yes": True, "no": False}).astype(kind)
             for name in ("callback_reached", "responded", "resolved")}  # fmt: skip
    assert_frame_equal(
        hotline_rates(rows.assign(**flags), RULE, "street"), hotline_rates(rows, RULE, "street")
    )


def test_rates_lie_inside_their_intervals_and_both_inside_0_and_1() -> None:
    rates = hotline_rates(drawn(3000), RULE, ("street", "department", "category", "month"))
    known = rates.dropna(subset="value")
    assert (known["low"] >= 0).all() and (known["high"] <= 1).all()
    assert known["value"].between(known["low"] - SAME, known["high"] + SAME).all()
    assert rates.loc[rates["denominator"] == 0, ["value", "low", "high"]].isna().all(axis=None)


def test_unknown_columns_and_keys_are_named() -> None:
    with pytest.raises(ParameterError, match=r"by='steet': column 'steet' is not known \(did"):
        hotline_rates(tickets(), RULE, "steet")
    with pytest.raises(ParameterError, match="column 'resolved' of the tickets is not known"):
        hotline_rates(tickets().drop(columns="resolved"), RULE)
    with pytest.raises(ParameterError, match="by='month': column 'received_on' is not known"):
        hotline_rates(tickets().drop(columns="received_on"), RULE, "month")


def test_no_tickets_give_no_rates() -> None:
    assert len(hotline_rates(tickets().iloc[:0], RULE, ("street", "month"))) == 0
    assert len(hotline_rates(tickets().iloc[:0], RULE)) == 0
    assert len(hotline.exclusions(tickets().iloc[:0], RULE, "street")) == 0
    with pytest.raises(ParameterError, match="nobody can say how many callers"):
        rank_streets(tickets().iloc[:0], RULE)


def many(rates: dict[tuple[str, str], tuple[int, int]]) -> Frame:
    """Return reached tickets by (street, category): (satisfied, all)."""
    parts = [pd.DataFrame({"street_id": street, "category_code": kind,
                           "satisfied": ["satisfied"] * yes + ["dissatisfied"] * (n - yes)})
             for (street, kind), (yes, n) in rates.items()]  # fmt: skip
    day = dt.date(2024, 5, 1)
    return pd.concat(parts, ignore_index=True).assign(
        received_on=day, dispatched_on=day, callback_reached="yes", responded="yes", resolved="yes"
    )


MIXED = many({("A", "easy"): (90, 100), ("A", "hard"): (15, 30), ("B", "easy"): (9, 10),
              ("B", "hard"): (50, 100), ("C", "easy"): (45, 60)})  # fmt: skip


def test_standardised_rates_by_hand() -> None:
    # common mix: 170 easy, 130 hard of 300. A and B have the same rates in both categories, 0.9 and
    # 0.5: 0.9 x 17/30 + 0.5 x 13/30 = 21.8/30. C has easy ones alone: 0.75, covered 17/30.
    actual = standardised(MIXED, RULE).set_index("street")
    assert actual["value"].to_list() == pytest.approx([105 / 130, 59 / 110, 0.75])
    assert actual["standard"].to_list() == pytest.approx([21.8 / 30, 21.8 / 30, 0.75])
    assert actual["covered"].to_list() == pytest.approx([1, 1, 17 / 30])
    # size of B: 1 / ((17/30)^2 / 10 + (13/30)^2 / 100) = 1 / 0.033989
    n = 1 / ((17 / 30) ** 2 / 10 + (13 / 30) ** 2 / 100)
    low, high = proportion_confint(21.8 / 30 * n, n, method="wilson")
    assert actual.loc["B", ["low", "high"]].to_list() == pytest.approx([low, high])
    alone = proportion_confint(45, 60, method="wilson")  # one category: its own 60 tickets
    assert actual.loc["C", ["low", "high"]].to_list() == pytest.approx(alone)


def test_with_one_category_the_standardised_rate_is_the_rate() -> None:
    rows = MIXED.assign(category_code="one")
    actual = standardised(rows, RULE)
    rates = hotline.of(hotline_rates(rows, RULE, "street"), "satisfaction")
    for name, column in {"standard": "value", "low": "low", "high": "high"}.items():
        np.testing.assert_allclose(actual[name], rates[column], rtol=SAME)


def test_ranks_come_with_their_interval_and_the_contact_rate() -> None:
    rows = many({("A", "x"): (990, 1000), ("B", "x"): (985, 1000), ("C", "x"): (800, 1000),
                 ("D", "x"): (3, 3)})  # fmt: skip
    rows.loc[rows.index[:100], "callback_reached"] = "no"
    actual = rank_streets(rows, RULE).set_index("street")
    # D is first with three tickets, and could be last: C alone is surely behind A and B
    assert actual["rank"].to_dict() == {"D": 1, "A": 2, "B": 3, "C": 4}
    assert actual["rank_best"].to_dict() == {"D": 1, "A": 1, "B": 1, "C": 3}
    assert actual["rank_worst"].to_dict() == {"D": 4, "A": 3, "B": 3, "C": 4}
    assert actual.loc["A", "contact"] == 0.9
    assert actual.loc["B", "contact"] == 1.0


def test_a_street_that_covers_too_little_of_the_mix_has_no_rank() -> None:
    actual = rank_streets(MIXED, RULE).set_index("street")
    assert pd.isna(actual.loc["C", "rank"])
    assert actual["rank"].to_list()[:2] == [1, 1]


@pytest.mark.parametrize(
    ("column", "words"),
    [("callback_reached", "how many callers the rate"), ("category_code", "harder requests")],
)
def test_no_street_is_ranked_without_contact_or_case_mix(column: str, words: str) -> None:
    for rows in (MIXED.drop(columns=column), MIXED.assign(**{column: pd.Series([None] * 300)})):
        with pytest.raises(ParameterError, match=f"streets are not ranked.*{column}.*{words}"):
            rank_streets(rows, RULE)
    assert hotline.barred(MIXED) == ""


def test_ceiling_warns_when_a_high_rate_tells_few_apart() -> None:
    alike = many({(name, "x"): (97, 100) for name in "ABCDEFGHIJ"} | {("Z", "x"): (60, 100)})
    rates = hotline_rates(alike, HotlineRule(ceiling=0.9), "street")
    found = hotline.ceiling(rates, "satisfaction", HotlineRule(ceiling=0.9))
    assert (found.units, found.inside, found.warned) == (11, 10, True)
    assert found.overall == pytest.approx(1030 / 1100)
    assert found.by_chance == pytest.approx(0.55)
    assert not hotline.ceiling(rates, "satisfaction", HotlineRule(ceiling=0.95)).warned
    strict = HotlineRule(ceiling=0.9, indistinct=0.95)
    assert not hotline.ceiling(rates, "satisfaction", strict).warned
    with pytest.raises(ParameterError, match="rate='satisfied' is not known"):
        hotline.ceiling(rates, "satisfied", RULE)


# --- run charts -------------------------------------------------------------------------------


def monthly(values: list[float], size: int = 100) -> Frame:
    months = [f"2024-{at:02d}" for at in range(1, len(values) + 1)]
    return pd.DataFrame({"month": months, "rate": "satisfaction", "value": values,
                         "denominator": size})  # fmt: skip


def test_limits_and_dispersion_by_hand() -> None:
    # centre 0.8, sigma sqrt(0.8 x 0.2 / 100) = 0.04: limits 0.68 and 0.92; standardised values
    # 0, 1, -1, 0: moving ranges 1, 2, 1, mean 4/3, over 1.12838
    charts = run_charts.run_charts(monthly([0.8, 0.84, 0.76, 0.8]), "satisfaction")
    assert charts.frame["low"].to_list() == pytest.approx([0.68] * 4)
    assert charts.frame["high"].to_list() == pytest.approx([0.92] * 4)
    assert charts.frame["run"].tolist() == [0, 1, 1, 0]
    assert charts.series.loc[0, "dispersion"] == pytest.approx(4 / 3 / 1.1283791670955126)
    wide = run_charts.run_charts(
        monthly([0.8, 0.84, 0.76, 0.8]), "satisfaction", ChartRule(overdispersed=True)
    )
    factor = charts.series.loc[0, "dispersion"]
    assert wide.frame.loc[0, "high"] == pytest.approx(0.8 + 0.12 * factor)


def test_signals_are_points_beyond_and_runs_completed() -> None:
    values = [0.9] * 3 + [0.5] + [0.8] * 3 + [0.93] * 3
    found = run_charts.run_charts(monthly(values), "satisfaction", ChartRule(run=3))
    # centre 0.834: 0.5 beyond 0.834 - 3 x 0.0372; sides + + + - - - - + + +: three runs of 3
    assert found.frame["signal"].tolist() == [
        "", "", "run", "beyond", "", "run", "run", "", "", "run",
    ]  # fmt: skip
    assert found.series.loc[0, "signals"] == 4  # one point beyond, three runs


def exact(size: np.ndarray, p: float, run: int, sigmas: float = 3) -> tuple[float, float]:
    """Expected alarms and the chance of any of binomial shares round a centre known beforehand."""
    expected, quiet = 0.0, {(0, 0): 1.0}  # (side, length of its run) -> probability, no alarm yet
    whole = {(0, 0): 1.0}
    for n in size:
        value = np.arange(n + 1) / n
        chance = stats.binom.pmf(np.arange(n + 1), n, p)
        apart = np.round(value - p, 12)
        beyond = np.abs(apart) > sigmas * np.sqrt(p * (1 - p) / n) + 1e-12
        expected += chance[beyond].sum()
        steps = {(side, out): chance[(np.sign(apart) == side) & (beyond == out)].sum()
                 for side in (-1, 0, 1) for out in (False, True)}  # fmt: skip
        after: dict[tuple[int, int], float] = {}
        still: dict[tuple[int, int], float] = {}
        for states, next_states, only_quiet in ((whole, after, False), (quiet, still, True)):
            for (side, length), mass in states.items():
                for (way, out), step in steps.items():
                    ahead = min(length + 1, run + 1) if way == side and way else int(way != 0)
                    if only_quiet and (out or ahead >= run):
                        continue
                    if not only_quiet and ahead == run:
                        expected += mass * step
                    next_states[way, ahead] = next_states.get((way, ahead), 0.0) + mass * step
        whole, quiet = after, still
    return expected, 1 - sum(quiet.values())


@pytest.mark.parametrize(("months", "run"), [(12, 8), (24, 4)])
def test_drawn_alarms_agree_with_a_markov_chain_where_the_centre_is_known(
    months: int, run: int
) -> None:
    size, p, draws = np.linspace(40, 90, months).astype(int), 0.93, 20_000
    rule = ChartRule(run=run)
    drawn_shares = np.random.default_rng(3).binomial(size, p, (draws, months)) / size
    alarms = run_charts.judge(drawn_shares, size.astype(float), rule, centre=p).alarms
    expected, chance = exact(size, p, run)
    assert alarms.mean() == pytest.approx(expected, abs=4 * alarms.std() / draws**0.5)
    assert (alarms > 0).mean() == pytest.approx(chance, abs=4 * (chance / draws) ** 0.5)


def test_false_alarms_printed_are_those_of_series_in_which_nothing_changes() -> None:
    # other draws than those of the chart's own seed: 2,000 years with 35 tickets a month
    size, rule = np.full(12, 35.0), ChartRule()
    expected, chance = run_charts.false_alarms(size, 0.97, rule)
    shares = np.random.default_rng(99).binomial(35, 0.97, (2000, 12)) / 35
    alarms = run_charts.judge(shares, size, rule).alarms
    assert alarms.mean() == pytest.approx(
        expected, abs=4 * alarms.std() * (1 / 2000 + 1 / 5000) ** 0.5
    )
    assert 0.0027 * 12 < expected < 1  # shares near 1 are skewed: more than a normal chart promises
    assert chance <= expected


def test_a_planted_drop_signals_and_a_level_series_does_not() -> None:
    level = monthly([0.9] * 12, size=1000)
    assert run_charts.run_charts(level, "satisfaction").series.loc[0, "signals"] == 0
    drop = monthly([0.9] * 11 + [0.8], size=1000)
    assert run_charts.run_charts(drop, "satisfaction").frame["signal"].iloc[-1] == "beyond"


@pytest.mark.parametrize("overdispersed", [False, True])
def test_rates_of_all_or_nothing_have_no_alarms(overdispersed: bool) -> None:
    rule = ChartRule(overdispersed=overdispersed)
    for value in (0.0, 1.0):
        found = run_charts.run_charts(monthly([value] * 12), "satisfaction", rule).series.loc[0]
        assert (found["signals"], found["expected"], found["chance"]) == (0, 0, 0)


def test_charts_of_units_stand_side_by_side_and_too_short_ones_are_named() -> None:
    rows = pd.concat([monthly([0.8] * 4).assign(street="A"), monthly([0.9]).assign(street="B")])
    found = run_charts.run_charts(rows[["street", *monthly([0.8]).columns]], "satisfaction")
    assert found.frame["street"].unique().tolist() == ["A"]
    assert found.series[["street", "months"]].to_numpy().tolist() == [["A", 4], ["B", 1]]
    assert pd.isna(found.series.loc[1, "expected"])


def test_a_chart_without_months_is_refused() -> None:
    with pytest.raises(ParameterError, match="a run chart needs months"):
        run_charts.run_charts(hotline_rates(tickets(), RULE), "satisfaction")
    with pytest.raises(ParameterError, match="fewer than two months"):
        run_charts.run_charts(monthly([0.8]), "satisfaction")


def test_tickets_on_parquet_give_the_rates_of_the_frame(tmp_path: Path) -> None:
    rows = drawn(500).assign(received_on=lambda own: own["received_on"].dt.date)
    path = tmp_path / "tickets.parquet"
    rows.to_parquet(path)
    actual = hotline_rates(duckdb.read_parquet(str(path)), RULE, ("category", "month"))
    assert_frame_equal(actual, hotline_rates(rows, RULE, ("category", "month")), rtol=SAME)
