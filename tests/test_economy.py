"""Economy: shares and growth inside a vintage, refused across vintages."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest
from study_runs import ROOT, Ran

from haidian_eval import economy, tables
from haidian_eval.params import load_params

FOLDER = ROOT / "data" / "raw" / "2024"
HAIDIAN, CITY = "110108", "110000"


@pytest.fixture(scope="module")
def values() -> pd.DataFrame:
    params = load_params(FOLDER)
    return tables.read_edition(FOLDER, strict=True, params=params).tables["values"]


@pytest.fixture(scope="module")
def growth(values: pd.DataFrame) -> pd.DataFrame:
    found = economy.growth(values, "gdp", "gdp_growth")
    return found.set_index(["unit_id", "period"])


@pytest.fixture(scope="module")
def shares(values: pd.DataFrame) -> pd.DataFrame:
    return economy.shares(values, "gdp", CITY).set_index(["unit_id", "period"])


def row(unit: str, period: str, value: float, vintage: str = "v", **more: object) -> dict:
    return {
        "unit_id": unit, "indicator_id": "gdp", "period": period, "vintage": vintage,
        "value": value, "half_width": 0.5, "confidence": "seen", "as_of": dt.date(2024, 1, 1),
        "source_id": "S",
    } | more  # fmt: skip


def test_share_of_2024_by_hand(shares: pd.DataFrame) -> None:
    own = shares.loc[(HAIDIAN, "2024")]
    assert own["share"] == pytest.approx(100 * 12907.1 / 49843.1, abs=1e-12)
    assert own["low"] == pytest.approx(100 * 12907.05 / 49843.15, abs=1e-12)
    assert own["high"] == pytest.approx(100 * 12907.15 / 49843.05, abs=1e-12)
    assert round(own["share"], 1) == 25.9


@pytest.mark.parametrize("year", ["2022", "2023", "2024"])
def test_share_is_the_one_that_was_published(values, shares, year: str) -> None:
    key = (values["indicator_id"] == "gdp_share_city") & (values["period"] == year)
    assert round(shares.loc[(HAIDIAN, year), "share"], 1) == values.loc[key, "value"].item()


def test_share_across_vintages_is_refused() -> None:
    rows = [row("a", "2024", 20.0), row("w", "2024", 80.0, "other"), row("a", "2023", 10.0)]
    found = economy.shares(pd.DataFrame([*rows, row("w", "2023", 40.0)]), "gdp", "w")
    found = found.set_index("period")
    assert found.loc["2023", "share"] == 25.0
    assert pd.isna(found.loc["2024", "share"])
    assert found.loc["2024", "reason"] == "vintage"


def test_shares_of_all_parts_of_a_whole_add_up() -> None:
    rows = [row(u, "2024", v) for u, v in (("a", 20.0), ("b", 30.0), ("c", 50.0), ("w", 100.0))]
    assert economy.shares(pd.DataFrame(rows), "gdp", "w")["share"].sum() == 100.0


def test_growth_from_2023_to_2024_is_refused_with_its_reason(growth: pd.DataFrame) -> None:
    own = growth.loc[(HAIDIAN, "2024")]
    assert own[["base_value", "value"]].tolist() == [11020.2, 12907.1]
    assert own["reason"] == "vintage"
    assert own[["base_vintage", "vintage"]].tolist() == [
        "preliminary", "preliminary_after_census_5",
    ]  # fmt: skip
    assert own[["relative", "low", "high", "change", "price"]].isna().all()
    assert own["naive"] == pytest.approx(100 * (12907.1 / 11020.2 - 1), abs=1e-12)
    assert own["comparable"] == pytest.approx(12907.1 / 1.06, abs=1e-9)
    assert own["revision"] == pytest.approx(100 * (12907.1 / 1.06 / 11020.2 - 1), abs=1e-9)
    assert set(own["source_id"].split(";")) == {"S02", "S03"}


def test_growth_inside_a_vintage_and_the_price_change_it_implies(growth: pd.DataFrame) -> None:
    own = growth.loc[(HAIDIAN, "2020")]
    assert own["relative"] == pytest.approx(100 * (8504.6 / 7926.0 - 1), abs=1e-12)
    assert own["price"] == pytest.approx(100 * (8504.6 / 7926.0 / 1.059 - 1), abs=1e-12)
    assert own[["naive", "comparable", "revision"]].isna().all()
    assert own["low"] < own["relative"] < own["high"]


def test_every_break_of_the_shipped_series_is_refused(growth: pd.DataFrame) -> None:
    refused = growth[growth["reason"] == "vintage"]
    assert sorted(refused.loc[HAIDIAN].index) == ["2017", "2019", "2024"]
    assert sorted(refused.loc[CITY].index) == ["2019", "2024"]
    assert refused["relative"].isna().all()


def test_base_of_the_same_vintage_is_preferred_and_growth_then_computed() -> None:
    rows = [
        row("a", "2023", 100.0, "first"), row("a", "2023", 110.0, "revised"),
        row("a", "2024", 121.0, "revised", as_of=dt.date(2025, 1, 1)),
        row("a", "2024", 130.0, "second", as_of=dt.date(2025, 9, 1)),
    ]  # fmt: skip
    found = tables.changes(pd.DataFrame(rows))
    assert found[["base_value", "value", "reason"]].to_numpy().tolist() == [[110.0, 121.0, ""]]
    assert found["relative"].item() == pytest.approx(10.0)


def test_change_does_not_depend_on_the_unit_of_measure() -> None:
    rows = pd.DataFrame([row("a", "2023", 100.0), row("a", "2024", 121.0)])
    thousand = rows.assign(value=rows["value"] * 1000, half_width=500.0)
    one, other = (tables.changes(x)[["relative", "low", "high"]] for x in (rows, thousand))
    pd.testing.assert_frame_equal(one, other)


@pytest.mark.parametrize("base", [0.0, -5.0])
def test_base_that_is_not_positive_has_no_relative_change(base: float) -> None:
    found = tables.changes(pd.DataFrame([row("a", "2023", base), row("a", "2024", 10.0)]))
    assert found["reason"].tolist() == ["base"]
    assert found["relative"].isna().all()
    assert found["change"].tolist() == [10.0 - base]


def test_rounding_wider_than_the_base_leaves_no_upper_end() -> None:
    rows = [row("a", "2023", 0.4), row("a", "2024", 10.0)]
    found = tables.changes(pd.DataFrame(rows)).iloc[0]
    assert pd.isna(found["high"])
    assert found["low"] == pytest.approx(100 * (9.5 / 0.9 - 1))


def test_interval_of_a_change_holds_for_every_true_value_within_rounding() -> None:
    found = tables.changes(pd.DataFrame([row("a", "2023", 20.0), row("a", "2024", 19.0)])).iloc[0]
    ends = [100 * ((19 + i) / (20 + j) - 1) for i in (-0.5, 0, 0.5) for j in (-0.5, 0, 0.5)]
    assert found["low"] == pytest.approx(min(ends))
    assert found["high"] == pytest.approx(max(ends))


def test_years_without_the_year_before_have_no_row(growth: pd.DataFrame) -> None:
    assert (HAIDIAN, "2012") not in growth.index
    assert (HAIDIAN, "2016") not in growth.index


def test_parts_of_a_year_are_compared_with_the_same_part() -> None:
    rows = [row("a", "2023-01..06", 100.0), row("a", "2024-01..06", 110.0), row("a", "2024", 300.0)]
    found = tables.changes(pd.DataFrame(rows))
    assert found["period"].tolist() == ["2024-01..06"]


def test_every_vintage_of_a_year_has_a_row_of_its_own(values: pd.DataFrame) -> None:
    key = (values["unit_id"] == HAIDIAN) & (values["period"] == "2024")
    final = values[key & (values["indicator_id"] == "gdp")]
    final = final.assign(vintage="final", value=13000.0, as_of=dt.date(2025, 6, 1))
    more = pd.concat([values, final])
    shares, growth = economy.shares(more, "gdp", CITY), economy.growth(more, "gdp", "gdp_growth")
    names = {"total": "gdp", "real": "gdp_growth", "share": "gdp_share_city"}
    found = economy.by_year(more, shares, growth, HAIDIAN, **names)
    own = found[found["period"] == "2024"].set_index("vintage")
    assert own["value"].to_dict() == {"preliminary_after_census_5": 12907.1, "final": 13000.0}
    assert own["real"].tolist() == [6.0, 6.0]
    assert pd.isna(own.loc["final", "share"])  # the city has no final figure
    assert own.loc["preliminary_after_census_5", "share"] > 25


def test_two_vintages_of_the_real_growth_count_once(values: pd.DataFrame) -> None:
    key = (values["indicator_id"] == "gdp_growth") & (values["unit_id"] == HAIDIAN)
    later = values[key].assign(vintage="later", value=9.0, as_of=dt.date(2025, 6, 1))
    found = economy.growth(pd.concat([values, later]), "gdp", "gdp_growth")
    assert not found.duplicated(["unit_id", "period"]).any()
    own = found[(found["unit_id"] == HAIDIAN) & (found["period"] == "2024")]
    assert own["real"].tolist() == [9.0]


def test_without_any_total_there_are_no_shares_and_no_growth(values: pd.DataFrame) -> None:
    none = values[values["indicator_id"] != "gdp"]
    assert economy.shares(none, "gdp", CITY).empty
    assert economy.growth(none, "gdp", "gdp_growth").empty


def test_pages_refuse_in_words_and_keep_targets_and_forecasts_apart(ran: Ran) -> None:
    content = (ran.site / "zh" / "24_economy.html").read_text("utf-8")
    assert "海淀区2023年公布11020.2亿元，2024年为12907.1亿元，直接相除得17.1%" in content
    assert "与2024年可比的2023年数约为12176.5亿元（不计价格变动），比原公布数高10.5%" in content
    assert "2023年为初步核算数，2024年为初步核算数（第五次经济普查后）" in content
    apart = content.partition("目标、上限与预计数，不是结果</caption>")[2].partition("</table>")[0]
    assert apart.count("目标或上限") == 4
    assert apart.count("预计数</t") == 5
    singles = content.partition("：其他已见数值</caption>")[2].partition("</table>")[0]
    assert "73,555,170" in singles
    assert "目标" not in singles


def test_districts_are_not_ranked_by_gdp(ran: Ran) -> None:
    content = (ran.site / "zh" / "24_economy.html").read_text("utf-8")
    panel = content.partition("各区地区生产总值（亿元）")[2].partition("</table>")[0]
    assert panel.count("<tr>") == 18
    assert "位次" not in panel
