"""Claims: each class with the cells that decide it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from study_runs import ROOT, Ran

from haidian_eval import claims, tables
from haidian_eval.errors import TableError
from haidian_eval.params import load_params

FOLDER = ROOT / "data" / "raw" / "2024"
HAIDIAN = "110108"
RIVALS = ["110101", "110102", "110105", "110106", "110107"]
YEARS = [str(year) for year in range(2015, 2025)]
WHOLE = (
    'indicator="gdp", unit="110108", whole="110000", period="2024", limit=25, vintages=["final"]'
)
EXPECTED = {"C02": "publisher", "C10": "unknown", "C15": "publisher", "C19": "differs",
            "C24": "unknown", "C25": "publisher", "C31": "not_a_fact"}  # fmt: skip


@pytest.fixture(scope="module")
def parts() -> dict[str, pd.DataFrame]:
    params = load_params(FOLDER)
    return dict(tables.read_edition(FOLDER, strict=True, params=params).tables)


@pytest.fixture(scope="module")
def found(parts) -> claims.Claims:
    return claims.check(parts)


def class_of(found: claims.Claims, name: str) -> str:
    return found.frame.set_index("claim_id").at[name, "class"]


def cells(found: claims.Claims, name: str) -> pd.DataFrame:
    return found.cells[found.cells["claim_id"] == name]


def changed(parts, table: str, mask: pd.Series, **cells_: object) -> claims.Claims:
    """The claims after some cells of a table were changed."""
    frame = parts[table].copy()
    for column, value in cells_.items():
        frame.loc[mask, column] = value
    return claims.check(parts | {table: frame})


def test_every_statement_has_one_of_five_classes(found: claims.Claims) -> None:
    assert len(found.frame) == 34
    assert set(found.frame["class"]) <= set(claims.CLASSES)
    checked = found.frame[found.frame["check"].notna()].set_index("claim_id")["class"]
    assert checked.to_dict() == EXPECTED
    rest = found.frame[found.frame["check"].isna()].set_index("kind")["class"]
    assert rest.to_dict() == {"fact": "unknown", "proposal": "not_a_fact"}


def test_share_of_gdp_is_decided_by_two_printed_cells(found: claims.Claims, parts) -> None:
    own = cells(found, "C02").set_index("what")
    assert own.loc["part", "value"] == 12907.1
    assert own.loc["whole", "value"] == 49843.1
    share = own.loc["share"]
    seen = share[share["outcome"] == "holds"].iloc[0]
    assert seen["value"] == pytest.approx(25.8955, abs=5e-5)
    assert seen["limit"] == 25
    assert sorted(share[share["outcome"] == "absent"]["vintage"]) == ["final", "forecast"]
    lines = (FOLDER / "values.csv").read_text("utf-8").splitlines()
    for what, words in (("part", f"{HAIDIAN},gdp,2024"), ("whole", "110000,gdp,2024")):
        assert own.loc[what, "file"] == "values.csv"
        assert lines[int(own.loc[what, "row"]) - 1].startswith(words)


def test_share_below_a_quarter_would_differ_and_without_a_cell_be_unknown(parts) -> None:
    values = parts["values"]
    part = (values["unit_id"] == HAIDIAN) & (values["indicator_id"] == "gdp")
    part &= values["period"] == "2024"
    assert class_of(changed(parts, "values", part, value=12460.0), "C02") == "differs"
    # 12460.8 of 49843.1 is 25.0001 %, and rounding of either leaves the quarter open
    narrow = changed(parts, "values", part, value=12460.8)
    assert class_of(narrow, "C02") == "unknown"
    assert set(cells(narrow, "C02")["outcome"]) == {"open", "absent"}
    unknown_rounding = changed(parts, "values", part, half_width=float("nan"))
    assert class_of(unknown_rounding, "C02") == "unknown"
    gone = claims.check(parts | {"values": values[~part]})
    assert class_of(gone, "C02") == "unknown"
    assert set(cells(gone, "C02")["outcome"]) == {"absent"}


def test_share_confirmed_by_independent_sources_only_is_independent(parts) -> None:
    one = parts["sources"]["source_id"].isin(["S03", "S05"])
    assert class_of(changed(parts, "sources", one, standing="independent"), "C02") == "independent"
    half = parts["sources"]["source_id"] == "S05"
    assert class_of(changed(parts, "sources", half, standing="independent"), "C02") == "publisher"


def test_ten_years_of_best_air_are_decided_year_by_year(found: claims.Claims) -> None:
    own = cells(found, "C10").set_index("period")
    outcomes = own["outcome"].to_dict()
    assert outcomes == {
        "2015": "first", "2016": "first", "2017-01..02": "first", "2018": "absent",
        "2019-01..06": "first", "2020": "absent", "2021": "absent", "2022": "absent",
        "2023-01..05": "tied", "2024": "absent",
    }  # fmt: skip
    assert own.loc["2015", ["value", "limit", "standing", "note"]].tolist() == [
        80.5, 83.6, "independent", "without:110106",
    ]  # fmt: skip
    assert own.loc["2019-01..06", ["value", "limit", "standing", "note"]].tolist() == [
        45.0, 48.0, "authority", "part_year",
    ]  # fmt: skip


def yearly(parts, **better: float) -> dict[str, pd.DataFrame]:
    """The edition with whole-year values of all six districts, Haidian's 30 but where named."""
    own = parts["values"][parts["values"]["indicator_id"] != "pm25_stations"]
    own = own[~own["indicator_id"].isin(["pm25_ytd", "pm25"])]
    base = parts["values"].iloc[0].to_dict()
    rows = [
        base | {"unit_id": unit, "indicator_id": "pm25", "period": year, "vintage": "v",
                "value": better.get(f"y{year}", 30.0) if unit == HAIDIAN else 31.0,
                "source_id": "A1"}
        for year in YEARS for unit in [HAIDIAN, *RIVALS]
    ]  # fmt: skip
    return parts | {"values": pd.concat([own, pd.DataFrame(rows)], ignore_index=True)}


def test_ten_whole_years_first_confirm_and_one_that_is_not_refutes(parts) -> None:
    assert class_of(claims.check(yearly(parts)), "C10") == "independent"
    assert class_of(claims.check(yearly(parts, y2018=31.0)), "C10") == "independent"  # a tie
    assert class_of(claims.check(yearly(parts, y2018=31.5)), "C10") == "differs"


def test_year_written_as_its_twelve_months_is_a_year(parts) -> None:
    whole = yearly(parts)
    values = whole["values"]
    months = values["period"].where(values["indicator_id"] != "pm25", values["period"] + "-01..12")
    spelt = whole | {"values": values.assign(period=months)}
    assert class_of(claims.check(spelt), "C10") == "independent"
    part = months.str.replace("2018-01..12", "2018-02..12")
    left_open = whole | {"values": values.assign(period=part)}
    assert class_of(claims.check(left_open), "C10") == "unknown"


def test_a_year_without_one_rival_or_at_all_leaves_ten_years_open(parts) -> None:
    whole = yearly(parts)
    values = whole["values"]
    year = (values["indicator_id"] == "pm25") & (values["period"] == "2020")
    rival = year & (values["unit_id"] == "110106")
    assert class_of(claims.check(whole | {"values": values[~rival]}), "C10") == "unknown"
    assert class_of(claims.check(whole | {"values": values[~year]}), "C10") == "unknown"


def test_reward_of_20_per_cent_stays_open_since_documents_disagree(
    found: claims.Claims, parts
) -> None:
    own = cells(found, "C24").set_index("indicator_id")
    assert own["value"].to_dict() == {"R11": -20.0, "R21": 20.0}
    assert own["outcome"].to_dict() == {"R11": "fails", "R21": "holds"}
    assert class_of(found, "C24") == "unknown"
    rules = parts["rules"]
    second_hand = rules["rule_id"] == "R21"
    assert class_of(changed(parts, "rules", second_hand, number=25.0), "C24") == "differs"
    firm = changed(parts, "rules", rules["rule_id"] == "R21", completeness="whole")
    assert class_of(firm, "C24") == "publisher"


def test_platform_launched_after_the_article_differs(found: claims.Claims, parts) -> None:
    own = cells(found, "C19").iloc[0]
    assert own[["indicator_id", "period", "note", "outcome"]].tolist() == [
        "R20", "2026-01-12", "2025-12-31", "fails",
    ]  # fmt: skip
    rule = parts["rules"]["rule_id"] == "R20"
    assert class_of(changed(parts, "rules", rule, dated="2024-06-01"), "C19") == "publisher"
    assert class_of(changed(parts, "rules", rule, dated="2024"), "C19") == "unknown"
    assert class_of(changed(parts, "rules", rule, dated=None), "C19") == "unknown"


def test_public_weight_is_a_proposal_beside_the_20_per_cent_seen(found: claims.Claims) -> None:
    own = cells(found, "C31").iloc[0]
    assert own[["indicator_id", "value", "limit", "outcome"]].tolist() == [
        "R04", 20.0, 30, "baseline",
    ]  # fmt: skip


def test_rule_seen_in_part_does_not_settle_that_it_exists(parts) -> None:
    rule = parts["rules"]["rule_id"] == "R12"
    assert class_of(changed(parts, "rules", rule, completeness="partial"), "C15") == "unknown"
    assert class_of(changed(parts, "rules", rule, rule_zh="另一规定"), "C15") == "unknown"


def test_every_deciding_cell_names_its_row(found: claims.Claims) -> None:
    own = found.cells[found.cells["outcome"] != "absent"]
    own = own[own["what"] != "share"]  # computed from the two cells above it
    assert own["file"].isin(["values.csv", "rules.csv"]).all()
    for row in own.itertuples():
        line = (FOLDER / row.file).read_text("utf-8").splitlines()[int(row.row) - 1]
        assert line.startswith(row.indicator_id if row.file == "rules.csv" else row.unit_id)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("indicator = ", r"claims.csv, row 3, column asked: .*is not name=value"),
        ('indicator="gdp"', r"row 3.*the check 'share_above' cannot use it: unit: Field required"),
        (WHOLE.replace("25", '"a quarter"'), r"limit: Input should be a valid number"),
        (WHOLE.replace("110108", "999999"), r"row 3, column asked: unit = '999999' is not known"),
        (WHOLE.replace('"gdp"', '"gpd"'), r"indicator = 'gpd' is not known.*did you mean 'gdp'"),
        (WHOLE + ", more=1", r"more: Extra inputs are not permitted"),
    ],
)
def test_what_a_claim_asks_is_checked_with_its_row(parts, asked: str, message: str) -> None:
    with pytest.raises(TableError, match=message):
        changed(parts, "claims", parts["claims"]["claim_id"] == "C02", asked=asked)


def test_months_in_which_haidian_was_not_first(parts) -> None:
    params = load_params(FOLDER)
    own = params.claims
    monthly = claims.by_district(parts["values"], parts["units"], own.background_stations)
    rows = claims.month_by_month(monthly, HAIDIAN, RIVALS, own.monthly)
    official = rows[rows["indicator_id"] == "pm25_month"].set_index("period")["outcome"]
    assert official[official == "not_first"].index.tolist() == [
        "2020-08", "2020-09", "2021-04", "2023-05",
    ]  # fmt: skip
    assert official[official == "tied"].index.tolist() == ["2019-06", "2020-04", "2021-08"]
    assert rows.groupby("vintage").size().to_dict() == {
        "hourly_2017": 48, "hourly_2018": 3, "published": 10,
    }  # fmt: skip
    stations = rows[rows["indicator_id"] == "pm25_stations"].set_index("period")
    early = stations.loc[stations.index < "2015"]["outcome"]
    assert (early == "first").sum() == 2
    # October 2015 to June 2016, and no streak runs over the gap after February 2017
    assert stations["streak"].max() == 9
    assert stations.loc["2018-01", "streak"] == 1


def test_station_years_follow_from_station_months(parts) -> None:
    # a station's year is the mean of its months by valid hours, a district that of its stations
    params, units = load_params(FOLDER), parts["units"].set_index("unit_id")
    rows = parts["values"][parts["values"]["indicator_id"] == "pm25_stations"]
    months = rows[rows["unit_id"].str.startswith("PRSA-")]
    months = months[~months["unit_id"].isin(params.claims.background_stations)]
    months = months.assign(year=months["period"].str[:4], total=months["value"] * months["n"])
    station = months.groupby(["unit_id", "year"])[["total", "n"]].sum()
    station = (station["total"] / station["n"]).rename("mean").reset_index()
    station["district"] = station["unit_id"].map(units["parent_id"])
    district = station.groupby(["district", "year"])["mean"].mean()
    given = rows[~rows["unit_id"].str.startswith("PRSA-") & (rows["vintage"] == "hourly_2017")]
    assert len(given) == 40
    for row in given.itertuples():
        # two roundings to 0.1 at most: that of the months and that of the year
        assert district[(row.unit_id, row.period[:4])] == pytest.approx(row.value, abs=0.1)


def test_haidian_was_fifth_fourth_and_then_twice_first_in_station_years(parts) -> None:
    (asked,) = claims.asked_of(parts, "first_every_year")
    rows = claims.yearly_places(asked, parts).set_index("period")
    assert rows["place"].to_dict() == {
        "2013-03..12": 5, "2014": 4, "2015": 1, "2016": 1, "2017-01..02": 1, "2019-01..06": 1,
        "2023-01..05": 1,
    }  # fmt: skip
    assert rows.loc["2023-01..05", "outcome"] == "tied"


def test_partial_revision_of_a_month_does_not_compete_with_what_it_revises(parts) -> None:
    values, stations = parts["values"], load_params(FOLDER).claims.background_stations
    month = (values["indicator_id"] == "pm25_month") & (values["period"] == "2023-05")
    one = values[month & (values["unit_id"] == "110106")]
    both = pd.concat([values, one.assign(vintage="revised", value=35.0)])
    for frame in (values, both):
        district = claims.by_district(frame, parts["units"], stations)
        rows = claims.month_by_month(district, HAIDIAN, RIVALS, ["pm25_month"])
        assert rows.set_index("period").loc["2023-05", ["place", "among"]].tolist() == [2, 6]


def test_series_without_values_has_no_months(parts) -> None:
    none = parts["values"].head(0)
    district = claims.by_district(none, parts["units"], [])
    assert claims.month_by_month(district, HAIDIAN, RIVALS, ["pm25_month"]).empty


def test_edition_without_claims_has_none(edition: Path) -> None:
    (edition / "claims.csv").unlink()
    read = tables.read_edition(edition, strict=True)
    assert claims.check(read.tables).frame.empty


def test_page_shows_classes_cells_and_years(ran: Ran) -> None:
    content = (ran.site / "zh" / "80_claims.html").read_text("utf-8")
    assert "独立数据证实0条、仅与发布方口径一致3条、与所查资料不符1条、暂无法核实26条" in content
    assert "暂无法核实（缺丰台区）；在其余各区内，独立数据证实" in content
    assert "20 %（公众评价）" in content
    assert "2026-01-12" in content
    assert "2026−01" not in content
    assert "不是第一的月份：2020年8月、2020年9月、2021年4月、2023年5月" in content
    english = (ran.site / "en" / "80_claims.html").read_text("utf-8")
    assert "differs from the documents seen 1" in english
    report = (ran.site / "zh" / "90_report.html").read_text("utf-8")
    assert "1 / 34条" in report
