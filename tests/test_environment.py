"""Environment: levels, improvement, what repeats, and what one month cannot carry."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from study_runs import ROOT, Ran

from haidian_eval import environment, scoring, tables
from haidian_eval.environment.levels import RANKS
from haidian_eval.errors import ParameterError, TableError
from haidian_eval.params import Params, load_params
from haidian_eval.report.operations import Words
from haidian_eval.report.views import environment as views
from haidian_eval.text import Text

FOLDER = ROOT / "data" / "raw" / "2024"
GOLDEN = Path(__file__).parent / "golden" / "environment_ranks.csv"
EXACT = 1e-9  # arithmetic on a few printed digits
DIRECTIONS = pd.DataFrame({"node_id": ["x", "y", "z"], "direction": ["cost", "benefit", None]})


@pytest.fixture(scope="module")
def params() -> Params:
    return load_params(FOLDER)


@pytest.fixture(scope="module")
def edition(params: Params) -> tables.Edition:
    return tables.read_edition(FOLDER, strict=True, params=params)


@pytest.fixture(scope="module")
def units(edition: tables.Edition, params: Params) -> pd.DataFrame:
    return tables.assessed_units(edition.tables["units"], params)


@pytest.fixture(scope="module")
def watched(params: Params) -> dict[str, object]:
    own = params.environment
    return {"names": own.indicators, "needed_share": own.needed_share}


@pytest.fixture(scope="module")
def levels(edition, units, watched) -> environment.Levels:
    return environment.levels(
        edition.tables["values"], edition.tables["indicators"], units, **watched
    )


@pytest.fixture(scope="module")
def change(edition, units, watched) -> environment.Improvement:
    parts = edition.tables
    return environment.improvement(parts["values"], parts["indicators"], units, **watched)


def values(
    period: str, *numbers: float, name: str = "x", half: float = 0.5, **more
) -> pd.DataFrame:
    """Values of the units a, b, c, ... in one period."""
    rows = {
        "unit_id": list("abcdefghijklmnopq"[: len(numbers)]),
        "indicator_id": name,
        "period": period,
        "vintage": "v",
        "value": numbers,
        "half_width": half,
        "as_of": pd.Timestamp("2024-01-01").date(),
        "source_id": "S",
    }
    frame = pd.DataFrame(rows | more)
    return frame[frame["value"].notna()]


def group(count: int, names: str = "g") -> pd.DataFrame:
    return pd.DataFrame({"unit_id": list("abcdefghijklmnopq"[:count]), "peer_group": names})


def rank(frame: pd.DataFrame, count: int, *, name: str = "x", share: float = 0.5):
    return environment.levels(frame, DIRECTIONS, group(count), names=[name], needed_share=share)


def test_ten_ranks_counted_by_hand(levels: environment.Levels) -> None:
    expected = pd.read_csv(GOLDEN, comment="#", dtype={"unit_id": "str"})
    assert len(expected) == 10
    key = ["indicator_id", "period", "unit_id"]
    actual = levels.frame.set_index(key)
    for row in expected.itertuples(index=False):
        own = actual.loc[(row.indicator_id, row.period, row.unit_id)]
        for name in ("value", *RANKS):
            assert own[name] == getattr(row, name), (row, name)


def test_two_changes_worked_by_hand(change: environment.Improvement) -> None:
    rows = change.frame.set_index(["period", "unit_id"])
    august = rows.loc[("2021-08", "110108")]
    # 24 -> 19: 19/24 - 1; between 18.5/24.5 - 1 and 19.5/23.5 - 1
    assert august["relative"] == pytest.approx(-100 * 5 / 24, abs=EXACT)
    assert august["low"] == pytest.approx(100 * (18.5 / 24.5 - 1), abs=EXACT)
    assert august["high"] == pytest.approx(100 * (19.5 / 23.5 - 1), abs=EXACT)
    # surely ahead: three districts 30 -> 19; surely behind: ten with a low end above -17.0
    assert (august["change_best"], august["change_worst"]) == (4, 7)
    # printed changes in front of -20.8: three of -36.7, Huairou -27.3, Shunyi -21.7
    assert august["change_rank"] == 6
    assert august["status"] == "improved"
    november = rows.loc[("2021-11", "110108")]
    assert november["relative"] == pytest.approx(100 * 7 / 36, abs=EXACT)
    assert november["status"] == "worse"
    # in front of +19.4: Yanqing, Shijingshan, then 15.8 twice, 17.5 twice, 17.9 three times
    assert (november["change_rank"], november["change_best"]) == (10, 3)
    # 30 -> 29 may be no change at all: 29.5 -> 29.5
    assert rows.loc[("2021-08", "110118")]["status"] == "flat"


def test_groups_are_the_citys_four_with_three_to_five_units(levels: environment.Levels) -> None:
    may = levels.frame[(levels.frame["indicator_id"] == "pm25_month")]
    may = may[may["period"] == "2023-05"]
    assert may.groupby("peer_group")["group_size"].first().to_dict() == {
        "central": 4, "core_subcentre": 3, "eco": 5, "plain_new_town": 5,
    }  # fmt: skip
    assert (may["group_worst"] <= may["group_size"]).all()


def test_months_with_too_few_units_are_shown_and_not_ranked(levels: environment.Levels) -> None:
    verdicts = levels.discrimination.set_index(["indicator_id", "period"])["reason"]
    partial = verdicts[verdicts == "partial"].index.tolist()
    assert partial == [("pm25_month", "2020-04"), ("pm25_month", "2021-04")]
    april = levels.frame[levels.frame["period"] == "2020-04"]
    assert april["value"].count() == 13
    assert april["level_rank"].isna().all()
    assert str(levels.frame["level_rank"].dtype) == "Int64"


def test_rank_interval_holds_whatever_the_true_values_are() -> None:
    random = np.random.default_rng(7)
    frame = values("2024-01", *random.integers(10, 18, 12).astype(float))
    found = rank(frame, 12).frame
    for _ in range(300):
        true = found["value"] + random.uniform(-0.5, 0.5, len(found))
        place = true.rank(method="min")
        assert ((place >= found["rank_best"]) & (place <= found["rank_worst"])).all()


def test_benefit_is_ranked_from_the_top_and_order_of_rows_does_not_matter() -> None:
    frame = values("2024-01", 1.0, 3.0, 2.0, name="y", half=0.1)
    assert rank(frame, 3, name="y").frame["level_rank"].tolist() == [3, 1, 2]
    turned = rank(frame.iloc[::-1], 3, name="y").frame
    pd.testing.assert_frame_equal(turned, rank(frame, 3, name="y").frame)


@pytest.mark.parametrize(
    ("numbers", "half", "reason"),
    [
        ((1.0, 1.0, 1.0), 0.1, "one_value"),
        ((1.0, 1.1, 1.2), 0.5, "overlap"),
        ((1.0, np.nan, np.nan), 0.1, "partial"),
        ((1.0, 2.0, 3.0), 0.1, ""),
    ],
)
def test_period_that_cannot_tell_units_apart_says_why(numbers, half, reason) -> None:
    found = rank(values("2024-01", *numbers, half=half), 3)
    assert found.discrimination["reason"].tolist() == [reason]
    assert found.frame["level_rank"].isna().all() == bool(reason)


def test_blurred_pairs_are_counted() -> None:
    # 1.0 and 1.1 overlap (+-0.1), 2.0 is apart from both: one pair of three
    found = rank(values("2024-01", 1.0, 1.1, 2.0, half=0.1), 3).discrimination
    assert found["blurred"].tolist() == [pytest.approx(1 / 3)]


def test_one_vintage_is_taken_for_a_period_the_one_most_units_have() -> None:
    first = values("2024-01", 1.0, 2.0, 3.0, vintage="first")
    revised = values("2024-01", 9.0, 8.0, vintage="revised")
    both = pd.concat([first, revised])
    assert set(rank(both, 3).frame["vintage"]) == {"first"}
    later = revised.assign(as_of=pd.Timestamp("2024-05-01").date())
    whole = pd.concat([first, later, values("2024-01", 9.0, 8.0, 7.0, vintage="revised").tail(1)])
    assert set(rank(whole, 3).frame["vintage"]) == {"revised"}


def test_unknown_indicator_direction_and_absence_are_named() -> None:
    frame = values("2024-01", 1.0, 2.0)
    with pytest.raises(ParameterError, match=r"the indicator 'w' is not known"):
        rank(frame.assign(indicator_id="w"), 2, name="w")
    with pytest.raises(ParameterError, match=r"z: direction = .*only benefit and cost"):
        rank(frame.assign(indicator_id="z"), 2, name="z")
    with pytest.raises(TableError, match=r"no value of the indicators \['y'\] counts"):
        rank(frame, 2, name="y")


def improved(before: list[float], after: list[float], **more):
    frame = pd.concat([values("2020-08", *before, **more), values("2021-08", *after, **more)])
    name = more.get("name", "x")
    count = len(before)
    return environment.improvement(frame, DIRECTIONS, group(count), names=[name], needed_share=0.5)


def test_changes_within_rounding_are_ties() -> None:
    # 30 -> 27 (-10.0) and 31 -> 28 (-9.7) differ by less than rounding; 20 -> 30 is surely worse
    found = improved([30, 31, 20], [27, 28, 30]).frame
    assert found["change_rank"].tolist() == [1, 2, 3]
    assert found["change_best"].tolist() == [1, 1, 3]
    assert found["change_worst"].tolist() == [2, 2, 3]
    assert found["status"].tolist() == ["improved", "improved", "worse"]


def test_rise_of_a_benefit_is_an_improvement() -> None:
    found = improved([10, 10], [20, 5], name="y").frame
    assert found["status"].tolist() == ["improved", "worse"]
    assert found["change_rank"].tolist() == [1, 2]


def test_change_rank_interval_holds_whatever_the_true_values_are() -> None:
    random = np.random.default_rng(3)
    before, after = random.integers(15, 30, 10), random.integers(15, 30, 10)
    found = improved(list(before.astype(float)), list(after.astype(float))).frame
    for _ in range(300):
        one, other = (x + random.uniform(-0.5, 0.5, 10) for x in (before, after))
        place = pd.Series(other / one).rank(method="min")
        assert ((place >= found["change_best"]) & (place <= found["change_worst"])).all()


def test_change_of_another_vintage_is_not_compared() -> None:
    old = values("2020-08", 30.0, 31.0, vintage="old")
    found = environment.improvement(
        pd.concat([old, values("2021-08", 20.0, 21.0)]), DIRECTIONS, group(2), names=["x"],
        needed_share=0.5,
    )  # fmt: skip
    assert found.frame.empty
    assert found.summary.empty
    assert found.refused[["period", "base_period", "reason", "units"]].to_numpy().tolist() == [
        ["2021-08", "2020-08", "vintage", 2]
    ]


def test_expected_change_is_that_of_a_line_through_the_other_units(
    change: environment.Improvement,
) -> None:
    for _, rows in change.frame[change.frame["value"].notna()].groupby("period"):
        design = sm.add_constant(rows["base_value"].to_numpy())
        press = sm.OLS(rows["value"].to_numpy(), design).fit().get_influence().resid_press
        expected = 100 * ((rows["value"] - press) / rows["base_value"] - 1)
        np.testing.assert_allclose(rows["expected"], expected, atol=1e-9)
        inside = rows["expected"].between(rows["low"], rows["high"])
        assert rows["beyond"].isna().equals(inside)
        gap = (rows["relative"] - rows["expected"])[~inside]
        np.testing.assert_allclose(rows["beyond"].dropna(), gap, atol=1e-9)
        assert inside.any()


def test_pure_noise_regresses_to_the_mean_and_nothing_lies_beyond_on_average() -> None:
    random = np.random.default_rng(11)
    before, after = random.normal(30, 3, 17), random.normal(30, 3, 17)
    found = improved(list(before), list(after)).frame
    slope = improved(list(before), list(after)).summary["slope"].iloc[0]
    assert abs(slope) < 0.6  # no memory: the slope is that of chance, far from 1
    assert np.corrcoef(before, found["expected"])[0, 1] < -0.8
    assert abs((found["relative"] - found["expected"]).mean()) < 3


def test_line_needs_five_units_and_different_bases() -> None:
    assert improved([30, 31, 32, 33], [20, 21, 22, 23]).frame["expected"].isna().all()
    assert improved([30] * 8, [20, 21, 22, 23, 20, 21, 22, 23]).frame["expected"].isna().all()


def test_weak_spot_is_only_what_repeats_in_three_periods() -> None:
    # of 9 units the worst third are ranks 7 to 9
    months = [values(f"2024-0{m}", *range(1, 10), half=0.1) for m in (1, 2, 3, 4)]
    months[1] = values("2024-02", *[1, 2, 3, 4, 5, 6, 9, 8, 7], half=0.1)
    months[2] = values("2024-03", *[9, 2, 3, 4, 5, 6, 7, 8, 1], half=0.1)
    frame = rank(pd.concat(months), 9).frame
    found = environment.repeated(frame, weak_share=1 / 3, weak_periods=3).set_index("unit_id")
    assert found["verdict"].to_dict() == {
        "a": "single", "b": "none", "c": "none", "d": "none", "e": "none", "f": "none",
        "g": "repeated", "h": "repeated", "i": "single",
    }  # fmt: skip
    assert found.loc["g", "weak_in"] == "2024-02;2024-03;2024-04"
    two = environment.repeated(frame[frame["period"] < "2024-03"], weak_share=1 / 3, weak_periods=3)
    assert set(two["verdict"]) == {"none", "too_few"}
    one = environment.repeated(frame[frame["period"] < "2024-02"], weak_share=1 / 3, weak_periods=3)
    assert set(one["verdict"]) == {"none", "one_period"}


def test_rounding_can_take_a_unit_out_of_the_weak() -> None:
    # 7 to 9 are the worst third, but the last four are printed alike: best rank 6
    frame = rank(values("2024-01", 1, 2, 3, 4, 5, 6, 6, 6, 6, half=0.1), 9).frame
    found = environment.repeated(frame, weak_share=1 / 3, weak_periods=1)
    assert set(found["verdict"]) == {"none"}


def test_haidian_has_no_weak_spot_and_two_units_have_one(levels, params) -> None:
    own = params.environment
    weak = environment.repeated(
        levels.frame, weak_share=own.weak_share, weak_periods=own.weak_periods
    )
    repeated = weak[weak["verdict"] == "repeated"]
    assert sorted(repeated["unit_id"]) == ["110112", "1101BDA"]
    haidian = weak[weak["unit_id"] == "110108"].set_index("indicator_id")
    assert haidian["verdict"].to_dict() == {
        "pm25_month": "none", "road_dust_residue": "none", "road_dust_load": "one_period",
    }  # fmt: skip
    spots = environment.latest_places(levels, weak, "110108").set_index("indicator_id")
    assert spots.loc["road_dust_load", ["level_rank", "with_value", "period"]].tolist() == [
        16, 17, "2023-01",
    ]  # fmt: skip


def test_runs_against_the_median_are_counted_and_ties_end_them() -> None:
    # the median of five is that of the third; unit a stands below, below, at, above it
    rows = [
        values("2024-01", 1, 2, 3, 4, 5), values("2024-02", 2, 3, 4, 5, 6),
        values("2024-03", 3, 1, 3, 4, 5), values("2024-04", 9, 1, 2, 3, 4),
    ]  # fmt: skip
    found = environment.runs(rank(pd.concat(rows), 5).frame, "a", cost=True)
    assert found["side"].tolist() == ["better", "better", "tied", "worse"]
    assert found["run"].tolist() == [1, 2, 1, 1]
    assert environment.runs(rank(pd.concat(rows), 5).frame, "a", cost=False)["side"].tolist() == [
        "worse", "worse", "tied", "better",
    ]  # fmt: skip


def test_first_places_ties_and_streaks_end_at_a_gap() -> None:
    frames = [
        values("2024-01", 1, 2, 3), values("2024-02", 2, 2, 3), values("2024-03", 2, 1, 3),
        values("2024-04", 1, 2, 3), values("2024-06", 1, 2, 3), values("2024-07", 1, 2, np.nan),
    ]  # fmt: skip
    found = environment.places(pd.concat(frames), "a", ["b", "c"], cost=True)
    outcomes = ["first", "tied", "not_first", "first", "first", "first"]
    assert found["outcome"].tolist() == outcomes
    assert found["streak"].tolist() == [1, 2, 0, 1, 1, 2]
    assert found["place"].tolist() == [1, 1, 2, 1, 1, 1]
    assert found["absent"].tolist() == ["", "", "", "", "", "c"]
    assert environment.places(pd.concat(frames), "z", ["b"], cost=True).empty


def test_composite_names_its_months_and_moves_when_an_indicator_goes(
    edition, units, params
) -> None:
    parts, own = edition.tables, params.environment
    framework = scoring.framework_named(parts["indicators"], own.demonstration_scheme)
    found = environment.demonstration(parts["values"], framework, units, own.demonstration)
    rows = found.set_index("unit_id")
    # Haidian: (36-30)/(36-27), (10.1-6.8)/(10.1-5.3), (0.83-0.80)/(0.83-0.32), equal weights
    expected = 100 * (6 / 9 + 3.3 / 4.8 + 0.03 / 0.51) / 3
    assert rows.loc["110108", "index"] == pytest.approx(expected, abs=1e-9)
    assert rows.loc["110108", ["rank_best", "rank"]].is_monotonic_increasing
    assert (rows["rank_best"] <= rows["rank"]).all()
    assert (rows["rank"] <= rows["rank_worst"]).all()
    without = {n: p for n, p in own.demonstration.items() if n != "road_dust_load"}
    with pytest.raises(ParameterError, match=r"names no period for \['road_dust_load'\]"):
        environment.demonstration(parts["values"], framework, units, without)


def test_values_of_2020_follow_from_one_integer_only(edition: tables.Edition) -> None:
    rows = edition.tables["values"]
    monthly = rows[rows["indicator_id"] == "pm25_month"]
    later = monthly.set_index(["unit_id", "period"])["value"]
    derived = monthly[monthly["confidence"] == "derived_exact"]
    assert len(derived) == 64
    for row in derived.itertuples():
        match = re.fullmatch(r"(\d+)/v-1=(-?[\d.]+)%", row.evidence)
        assert match
        after, printed = int(match[1]), float(match[2])
        fits = [v for v in range(1, 500) if abs(100 * (after / v - 1) - printed) <= 0.05 + EXACT]
        assert fits == [row.value]
        year = int(row.period[:4]) + 1
        assert later[(row.unit_id, f"{year}{row.period[4:]}")] == after


def test_no_page_speaks_of_last_places_or_percentiles(ran: Ran) -> None:
    for path in ran.site.glob("*/[0-9][0-9]_*.html"):
        content = re.sub(r"base64,[\w+/=]+", "", path.read_text("utf-8")).partition("<main")[2]
        content = re.sub(r"<pre>.*?</pre>", "", content, flags=re.S)
        for word in ("末位", "倒数", "百分位数", "last place", "z-score"):
            assert word not in content, (path, word)


def test_every_environment_table_bears_its_month_and_the_composite_is_a_demonstration(
    ran: Ran,
) -> None:
    content = (ran.site / "zh" / "22_environment.html").read_text("utf-8")
    captions = re.findall(r"<caption>(.*?)</caption>", content)
    ranked = [c for c in captions if "数值" in c and "位次" in c]
    assert len(ranked) == 3
    assert all(re.search(r"20\d\d年\d+月", c) for c in ranked)
    composite = [c for c in captions if "合成" in c]
    assert len(composite) == 1
    assert "2023年5月" in composite[0]
    assert "2023年11月" in composite[0]
    assert "2024" not in composite[0]
    before = content.partition(composite[0])[0].rpartition("<figure")[2]
    assert "方法演示，不构成对任何单位或政策的评价" in before
    assert "疫情年" in content


def test_appraisal_is_shown_and_never_ranked(ran: Ran) -> None:
    content = (ran.site / "zh" / "22_environment.html").read_text("utf-8")
    table = content.partition("公布的得分（分（满分1000））</caption>")[2].partition("</table>")[0]
    assert table.count("<tr>") == 14  # header and 13 units with any value
    assert "位次" not in table
    assert "821" in table


def test_rounding_that_is_not_known_leaves_ranks_without_intervals() -> None:
    frame = values("2024-01", 1.0, 2.0, 3.0).assign(half_width=[0.1, None, 0.1])
    found = rank(frame, 3)
    assert found.frame["level_rank"].tolist() == [1, 2, 3]
    assert found.frame["rank_best"].isna().all()
    assert found.discrimination["blurred"].isna().all()
    weak = environment.repeated(found.frame, weak_share=1 / 3, weak_periods=3)
    assert weak.empty
    assert "verdict" in weak


def test_indicator_named_twice_is_watched_once() -> None:
    frame = values("2024-01", 1.0, 2.0)
    found = environment.levels(frame, DIRECTIONS, group(2), names=["x", "x"], needed_share=0.5)
    assert len(found.frame) == 2


def test_composite_without_a_month_is_empty_and_says_so(edition, units, params) -> None:
    parts, own = edition.tables, params.environment
    framework = scoring.framework_named(parts["indicators"], own.demonstration_scheme)
    months = own.demonstration | {"pm25_month": "2033-01"}
    found = environment.demonstration(parts["values"], framework, units, months)
    assert found.empty
    shown = Words(Text("zh"), parts["units"], parts["indicators"], params.report.focus_unit)
    table, words = views.demonstration(found, own, shown)
    assert table.empty
    assert words["moved"] == 0


def test_downloads_lead_to_file_and_row(ran: Ran) -> None:
    rows = (FOLDER / "values.csv").read_text("utf-8").splitlines()
    path = ran.site / "downloads" / "zh" / "22_environment_table-22-4.csv"
    table = pd.read_csv(path, encoding="utf-8-sig")
    haidian = table[table["单位"] == "海淀区"].iloc[0]
    file, _, line = haidian["文件与行"].partition(":")
    assert file == "values.csv"
    assert rows[int(line) - 1].startswith("110108,road_dust_load,2023-01,published,0.8,")
    page = (ran.site / "zh" / "22_environment.html").read_text("utf-8")
    assert "values.csv:" not in re.sub(r"base64,[\w+/=]+", "", page)
