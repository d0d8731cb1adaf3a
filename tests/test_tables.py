"""Tables: what is read, what is refused, where it says that it stood."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from haidian_eval import tables
from haidian_eval.errors import ParameterError, TableError
from haidian_eval.params import load_params
from haidian_eval.tables import Defects, sentence
from haidian_eval.text import Text


def edit(path: Path, line: int, old: str, new: str) -> None:
    """Replace a text in one line (the header is line 1) of a file."""
    lines = path.read_text("utf-8").split("\n")
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new, 1)
    path.write_text("\n".join(lines), "utf-8")


def places(edition: tables.Edition) -> list[tuple[str, object, str, str, str]]:
    """The defects as (file, row, column, rule, severity)."""
    columns = ["file", "row", "column", "rule", "severity"]
    return list(edition.defects.frame[columns].itertuples(index=False, name=None))


def test_shipped_edition_has_no_defect(edition: Path) -> None:
    read = tables.read_edition(edition, strict=True)
    assert places(read) == []
    assert {name: len(frame) for name, frame in read.tables.items() if len(frame)} == {
        "sources": 82,
        "units": 71,  # city, other, 4 groups, 16 districts, zone, 29 streets, 12 stations, 7 parks
        "indicators": 70,
        "points": 2,
        "values": 2074 - 18 - 7,  # October 2025, five forecasts and two doubtful figures left out
        "corrections": 14,
        "rules": 21,
        "policies": 15,
        "external_ranks": 8,
        "claims": 34,
    }


def test_streets_stations_and_parks_are_registered_and_not_assessed(edition: Path) -> None:
    units, params = tables.read_edition(edition).tables["units"], load_params(edition)
    kinds = units["unit_type"].value_counts()
    assert kinds[["street", "station", "park"]].tolist() == [29, 12, 7]
    assert len(tables.assessed_units(units, params)) == 17
    streets = units[units["unit_type"] == "street"]
    assert set(streets["parent_id"]) == {"110108"}
    assert streets["name_zh"].str[-1].value_counts().to_dict() == {"道": 22, "镇": 7}


def test_units_are_16_districts_and_a_zone_in_four_groups(edition: Path) -> None:
    units = tables.read_edition(edition).tables["units"]
    grouped = units[units["peer_group"].notna()]
    assert grouped["unit_type"].value_counts().to_dict() == {"district": 16, "development_zone": 1}
    assert grouped.groupby("peer_group").size().to_dict() == {
        "central": 4,
        "core_subcentre": 3,
        "eco": 5,
        "plain_new_town": 5,
    }


def test_every_row_has_its_source_file_and_row(edition: Path) -> None:
    read = tables.read_edition(edition)
    known = set(read.tables["sources"]["source_id"])
    for name, frame in read.tables.items():
        cited = frame["source_id"].str.split(";").explode()
        assert cited.isin(known).all(), name
        assert (frame["_file"] == f"{name}.csv").all()
        assert frame.empty or frame["_row"].min() == 2


def test_values_after_the_as_of_date_are_left_out_by_name(edition: Path) -> None:
    read = tables.read_edition(edition)
    late = read.left_out[read.left_out["reason"] == "as_of"]
    assert late[["period", "source_id", "rows"]].to_numpy().tolist() == [["2025-10", "S39", 18]]
    assert len(read.withheld[read.withheld["reason"] == "as_of"]) == 18
    dust = read.tables["values"]["indicator_id"] == "road_dust_residue"
    assert len(read.tables["values"][dust]) == 35
    assert "2025-10" not in set(read.tables["values"]["period"])
    later = load_params(edition, ["edition.as_of=2025-12-01"])
    admitted = tables.read_edition(edition, params=later)
    assert set(admitted.left_out["reason"]) == {"confidence", "forecast"}
    assert len(admitted.tables["values"]) == len(read.tables["values"]) + 18


def test_doubtful_values_are_left_out_by_name(edition: Path) -> None:
    before = tables.read_edition(edition)
    gone = before.withheld[before.withheld["reason"] != "as_of"]
    assert sorted(zip(gone["unit_id"], gone["indicator_id"], gone["confidence"], strict=True)) == [
        ("110115", "gdp", "seen_doubtful"),
        ("110119", "budget_revenue", "seen_forecast"),
        ("110119", "budget_revenue_growth", "seen_forecast"),
        ("110119", "gdp", "seen_forecast"),
        ("110119", "gdp_growth", "seen_forecast"),
        ("110119", "income_per_capita", "seen_forecast"),
        ("ZONE-ZGC", "zone_revenue_growth", "seen_doubtful"),
    ]
    edit(edition / "values.csv", 3, "seen_official", "seed_claim")
    after = tables.read_edition(edition)
    assert len(after.withheld) == len(before.withheld) + 1
    assert len(after.tables["values"]) == len(before.tables["values"]) - 1


@pytest.mark.parametrize(
    ("file", "line", "old", "new", "column", "rule"),
    [
        ("values.csv", 3, ",8.1,", ",八点一,", "value", "number"),
        ("values.csv", 3, ",8.1,", ",,", "value", "required"),
        ("values.csv", 3, ",8.1,", ",1_0,", "value", "number"),
        ("values.csv", 3, ",8.1,", ",nan,", "value", "number"),
        ("values.csv", 3, ",8.1,", ",1e999,", "value", "number"),
        ("values.csv", 3, ",0.05,", ",-5,", "half_width", "amount"),
        ("values.csv", 3, "2022-02", "2022-13", "period", "period"),
        ("values.csv", 3, "2022-04-26", "26/4/2022", "as_of", "date"),
        ("values.csv", 3, "seen_official", "sure", "confidence", "allowed"),
        ("values.csv", 3, "110101", "999999", "unit_id", "reference"),
        ("values.csv", 3, "road_dust_residue", "road_dust", "indicator_id", "reference"),
        ("values.csv", 3, "g/m2", "kg/m2", "unit", "unit"),
        ("values.csv", 3, ",S37", ",S99", "source_id", "reference"),
        ("values.csv", 3, ",S37", ",", "source_id", "source"),
        ("units.csv", 14, ",district,", ",suburb,", "unit_type", "allowed"),
        ("points.csv", 2, ",10,", ",ten,", "at", "number"),
    ],
)
def test_faulty_cell_excludes_its_row_and_says_where(
    edition: Path, file: str, line: int, old: str, new: str, column: str, rule: str
) -> None:
    whole = tables.read_edition(edition).tables[file[:-4]]
    edit(edition / file, line, old, new)
    read = tables.read_edition(edition)
    assert (file, line, column, rule, "excluded") in places(read)
    rows = read.tables[file[:-4]]["_row"]
    assert line not in set(rows)
    assert len(rows) == len(whole) - 1


def test_a_faulty_cell_hides_no_other_defect(edition: Path) -> None:
    path = edition / "values.csv"
    edit(path, 3, ",8.1,", ",text,")
    edit(path, 4, "seen_official", "sure")
    edit(path, 5, "2022-04-26", "soon")
    assert [row for _, row, *_ in places(tables.read_edition(edition))] == [3, 4, 5]


def test_repeated_key_counts_for_none_of_its_rows(edition: Path) -> None:
    path = edition / "values.csv"
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([*lines, lines[2].replace(",8.1,", ",9.9,")]) + "\n", "utf-8")
    read = tables.read_edition(edition)
    found = [(row, rule) for _, row, _, rule, _ in places(read)]
    assert found == [(3, "key"), (len(lines) + 1, "key")]
    assert not {3, len(lines) + 1} & set(read.tables["values"]["_row"])


def test_row_wider_than_the_header_is_named(edition: Path) -> None:
    path = edition / "values.csv"
    lines = path.read_text("utf-8").splitlines()
    lines[2] += ",more"
    path.write_text("\n".join(lines), "utf-8")
    assert places(tables.read_edition(edition)) == [("values.csv", 3, "", "width", "excluded")]


def test_row_number_counts_lines_of_quoted_cells(edition: Path) -> None:
    path = edition / "sources.csv"
    edit(path, 2, "题名为本研究所拟", '"题名\n为本研究所拟')
    edit(path, 3, "未注明道路等级", '未注明道路等级"')
    edit(path, 5, ",official,", ",officious,")
    read = tables.read_edition(edition)
    assert ("sources.csv", 5, "kind", "allowed", "excluded") in places(read)


def test_gb18030_file_reads_the_same(edition: Path) -> None:
    expected = tables.read_edition(edition).tables["units"]
    path = edition / "units.csv"
    path.write_bytes(path.read_text("utf-8").encode("gb18030"))
    actual = tables.read_edition(edition).tables["units"]
    pd.testing.assert_frame_equal(actual, expected)


def test_mark_at_the_start_of_utf8_is_not_part_of_the_header(edition: Path) -> None:
    path = edition / "units.csv"
    path.write_bytes(path.read_text("utf-8").encode("utf-8-sig"))
    assert places(tables.read_edition(edition)) == []


def test_bytes_that_are_no_text_stop_the_table(edition: Path) -> None:
    (edition / "points.csv").write_bytes(b"scheme_id,\xff\xff\xff")
    with pytest.raises(TableError, match=r"points.csv: encoding not recognised; found byte 10"):
        tables.read_edition(edition, strict=True)


def test_unclosed_quote_stops_the_table_instead_of_swallowing_rows(edition: Path) -> None:
    edit(edition / "values.csv", 5, ",8.4,", ',"8.4,')
    with pytest.raises(TableError, match=r"values.csv.*row 5: an unclosed quote"):
        tables.read_edition(edition, strict=True)


def test_values_without_any_source_do_not_count(edition: Path) -> None:
    (edition / "sources.csv").unlink()
    read = tables.read_edition(edition)
    assert ("sources.csv", "file") in [(file, rule) for file, _, _, rule, _ in places(read)]


def test_missing_file_says_what_was_expected_where(edition: Path) -> None:
    (edition / "values.csv").rename(edition / "values.xls")
    with pytest.raises(TableError, match=r"values.csv: file missing; found values.xls; expected "):
        tables.read_edition(edition, strict=True)
    assert "values" not in tables.read_edition(edition).tables


def test_missing_and_repeated_columns_stop_the_table(edition: Path) -> None:
    edit(edition / "values.csv", 1, "value,", "valeu,")
    edit(edition / "points.csv", 1, "score", "at")
    with pytest.raises(TableError) as caught:
        tables.read_edition(edition, strict=True)
    message = str(caught.value)
    assert "values.csv, row 1, column value: column missing" in message
    assert "points.csv, row 1, column score" in message
    assert "points.csv, row 1, column at: column missing or repeated; found at × 2" in message


def test_defect_is_said_in_both_languages() -> None:
    defects = Defects()
    defects.add("number", "values.csv", severity="excluded", row=3, column="value", found="x")
    record = defects.frame.to_dict("records")[0]
    assert sentence(record, Text("en")) == (
        "values.csv, row 3, column value: not a number; found x. "
        "To do: write a plain number such as 12.5."
    )
    assert sentence(record, Text("zh")) == (
        "values.csv、第3行、value列：应为数字；所见：x。处理办法：填写普通数字，如 12.5。"
    )


def test_every_rule_has_words_in_both_languages(root: Path) -> None:
    rules = {key.split(".")[1] for key in flatten_keys("zh") if key.startswith("rules.")}
    hints = {key.split(".")[1] for key in flatten_keys("zh") if key.startswith("hints.")}
    assert rules == hints
    assert {"number", "date", "period", "required", "allowed", "reference"} <= rules


def flatten_keys(lang: str) -> list[str]:
    from haidian_eval.text import read_words

    return list(read_words(lang))


def test_coverage_names_the_units_without_a_value(edition: Path) -> None:
    rows = tables.coverage(tables.read_edition(edition), load_params(edition))
    rows = rows[rows["indicator_id"] == "road_dust_residue"].set_index("period")
    assert rows.loc["2022-02", ["units_with_value", "units_assessed"]].tolist() == [16, 17]
    assert rows.loc["2022-02", "absent"] == "1101BDA"
    assert rows.loc["2023-11", "absent"] == ""


def test_stored_table_is_vouched_for_by_its_checksum(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", None]})
    tables.write_tables(tmp_path, {"t": frame})
    pd.testing.assert_frame_equal(tables.read_table(tmp_path, "t"), frame, check_dtype=False)
    content = bytearray((tmp_path / "t.parquet").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "t.parquet").write_bytes(content)
    with pytest.raises(TableError, match="was changed after it was written"):
        tables.read_table(tmp_path, "t")
    with pytest.raises(TableError, match=r"expected none.parquet.*run all stages"):
        tables.read_table(tmp_path, "none")


@pytest.mark.parametrize("cell", ["2023-01..05", "2024", "2024Q1", "2024-03"])
def test_periods_that_are_read(edition: Path, cell: str) -> None:
    edit(edition / "values.csv", 3, "2022-02", cell)
    assert places(tables.read_edition(edition)) == []


@pytest.mark.parametrize(
    "cell", ["2023-05..01", "2023-05..05", "2023-01..13", "2023-1..5", "2023Q5"]
)
def test_periods_that_are_none(edition: Path, cell: str) -> None:
    edit(edition / "values.csv", 3, "2022-02", cell)
    found = places(tables.read_edition(edition))
    assert found == [("values.csv", 3, "period", "period", "excluded")]


def correct(edition: Path, *rows: str) -> tables.Edition:
    """The edition with these corrections in place of its own."""
    header = "table,key,column,found,action,replacement,reason,source,date"
    content = "\n".join([header, *rows]) + "\n"
    (edition / "corrections.csv").write_text(content, "utf-8")
    sources = (edition / "sources.csv").read_text("utf-8")
    row = "F01,indicators,derived"
    assert row in sources
    (edition / "sources.csv").write_text(
        sources.replace(row, "F01,indicators;corrections,derived"), "utf-8"
    )
    return tables.read_edition(edition)


KEY = "110108 gdp 2023 preliminary"
CELL = f"{KEY},value,11020.2"


def gdp(read: tables.Edition, year: str = "2023") -> pd.DataFrame:
    rows = read.tables["values"]
    own = (rows["unit_id"] == "110108") & (rows["indicator_id"] == "gdp")
    return rows[own & (rows["period"] == year)]


@pytest.mark.parametrize(
    ("action", "replacement", "expected"),
    [("replace", "11021", 11021.0), ("scale", "10", 110202.0), ("flag", "", 11020.2)],
)
def test_correction_changes_its_cell_and_keeps_what_stood_there(
    edition: Path, action: str, replacement: str, expected: float
) -> None:
    read = correct(edition, f"values,{CELL},{action},{replacement},why,us,2026-01-01")
    assert places(read) == []
    row = gdp(read).iloc[0]
    assert row["value"] == expected
    assert row.get("_repair", "") == ("" if action == "flag" else "value: 11020.2")
    assert len(read.tables["values"]) == len(tables.read_edition(edition).tables["values"])


def test_date_is_corrected_as_a_date_and_both_repairs_are_kept(edition: Path) -> None:
    read = correct(
        edition,
        f"values,{CELL},replace,11021,why,us,2026-01-01",
        "values,110108 gdp 2023 preliminary,as_of,2024-09-27,replace,2024-10-01,why,us,2026-01-01",
    )
    assert places(read) == []
    row = gdp(read).iloc[0]
    assert str(row["as_of"]) == "2024-10-01"
    assert row["_repair"] == "value: 11020.2; as_of: 2024-09-27"


def test_dropped_row_is_gone_and_the_raw_file_untouched(edition: Path) -> None:
    before = (edition / "values.csv").read_bytes()
    read = correct(edition, f"values,{CELL},drop,,why,us,2026-01-01")
    assert gdp(read).empty
    assert len(gdp(read, "2022")) == 1
    assert (edition / "values.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ("values,110108 gdp 2023 preliminary,value,11020.3,flag,,why", "correction_found"),
        ("values,110108 gdp 2033 preliminary,value,11020.2,flag,,why", "correction_row"),
        ("values,110108 gdp 2023 preliminary,valeu,11020.2,flag,,why", "correction_row"),
        ("vals,110108 gdp 2023 preliminary,value,11020.2,flag,,why", "correction_row"),
        ("values,110108 gdp 2023 preliminary,value,11020.2,replace,ten,why", "correction_number"),
        ("values,110108 gdp 2023 preliminary,unit,100m CNY,scale,2,why", "correction_number"),
        (f"values,{CELL},replace,inf,why", "correction_number"),
        (f"values,{KEY},half_width,0.05,replace,-3,why", "correction_number"),
        (
            "values,110108 gdp 2023 preliminary,as_of,2024-09-27,replace,soon,why",
            "correction_number",
        ),
        (
            "values,110108 gdp 2023 preliminary,confidence,seen_confirmed,replace,great,why",
            "correction_number",
        ),
        (
            "values,110108 gdp 2023 preliminary,unit_id,110108,replace,110105,why",
            "correction_column",
        ),
        (f"values,{KEY},source_id,S02,replace,S01,why", "correction_column"),
        ("sources,S01,kind,published,replace,official,why", "correction_column"),
        ("sources,S01,kind,published,drop,,why", "correction_column"),
        (
            "values,110108 road_dust_load 2023-01 published,value,0.80,replace,0.7,why",
            "correction_official",
        ),
    ],
)
def test_correction_that_does_not_fit_stops_and_is_named(
    edition: Path, row: str, rule: str
) -> None:
    read = correct(edition, f"{row},us,2026-01-01")
    assert [(file, line, r, s) for file, line, _, r, s in places(read)] == [
        ("corrections.csv", 2, rule, "stops")
    ]
    with pytest.raises(TableError, match=r"corrections.csv, row 2"):
        tables.read_edition(edition, strict=True)


def test_official_figure_may_be_flagged(edition: Path) -> None:
    row = "values,110108 road_dust_load 2023-01 published,value,0.80,flag,,why,us,2026-01-01"
    assert places(correct(edition, row)) == []


def test_shipped_corrections_are_reading_notes(edition: Path) -> None:
    found = tables.read_edition(edition, strict=True).tables["corrections"]
    assert set(found["action"]) == {"flag"}
    assert found["reason"].str.len().min() > 10


def test_tables_that_may_be_absent_are_empty_and_a_wrong_format_is_named(edition: Path) -> None:
    for name in ("claims", "corrections", "rules", "policies", "external_ranks"):
        (edition / f"{name}.csv").unlink()
    read = tables.read_edition(edition, strict=True)
    assert read.tables["claims"].empty
    (edition / "claims.xls").write_bytes(b"x")
    with pytest.raises(TableError, match=r"claims.csv: file missing; found claims.xls"):
        tables.read_edition(edition, strict=True)


def sums(edition: Path) -> pd.DataFrame:
    params = load_params(edition)
    found = tables.reconcile(tables.read_edition(edition, params=params), params)
    assert not found.duplicated(["indicator_id", "period", "vintage"]).any()
    return found.set_index(["indicator_id", "period"])


def test_reconciliations_of_the_shipped_edition(edition: Path) -> None:
    found = sums(edition)
    census = found.loc[("pop_resident", "2020")]
    assert census[["total", "parts", "difference", "verdict"]].tolist() == [
        21893095, 21893095, 0, "exact",
    ]  # fmt: skip
    retail = found.loc[("retail_sales_ytd", "2018-01..08")]
    assert retail[["total", "difference", "allowed", "verdict"]].tolist() == [
        73555170, -2, 9, "rounding",
    ]  # fmt: skip
    industry = found.loc[("industry_output_ytd", "2017-01..05")]
    assert industry[["total", "other", "difference", "verdict"]].tolist() == [
        68630320, 12142999, 1, "rounding",
    ]  # fmt: skip
    # the month's item that belongs to no district was not seen
    assert found.loc[("industry_output_month", "2017-05"), "verdict"] == "differs"


def test_gdp_does_not_close(edition: Path) -> None:
    found = sums(edition).loc["gdp"]
    assert found["difference"].to_dict() == {
        "2017": -2018.7, "2018": -2062.3, "2019": -1306.6, "2020": -1040.6, "2021": -1271.1,
        "2022": -1356.84,
    }  # fmt: skip
    # 2020: Miyun and Yanqing are missing; Huairou is the largest of their group, 2 x 396.6
    assert found.loc["2020", "capacity"] == pytest.approx(793.2)
    assert found["verdict"].to_dict() == {
        "2017": "open", "2018": "open", "2019": "open", "2020": "open", "2021": "incomplete",
        "2022": "open",
    }  # fmt: skip


def test_one_wrong_digit_no_longer_adds_up(edition: Path) -> None:
    path = edition / "values.csv"
    content = path.read_text("utf-8")
    assert content.count(",3133469,") == 1
    path.write_text(content.replace(",3133469,", ",3133496,"), "utf-8")
    row = sums(edition).loc[("pop_resident", "2020")]
    assert row["difference"] == 27
    assert row["verdict"] != "exact"


def test_missing_part_is_incomplete_and_no_total_is_no_comparison(edition: Path) -> None:
    path = edition / "values.csv"
    lines = path.read_text("utf-8").splitlines()
    kept = [line for line in lines if not line.startswith("110108,pop_resident,2020")]
    path.write_text("\n".join(kept) + "\n", "utf-8")
    row = sums(edition).loc[("pop_resident", "2020")]
    assert row["verdict"] == "incomplete"
    assert row["absent"] == "110108;1101BDA"
    kept = [line for line in lines if not line.startswith("110000,pop_resident,2020")]
    path.write_text("\n".join(kept) + "\n", "utf-8")
    assert ("pop_resident", "2020") not in sums(edition).index


def test_parts_of_one_vintage_are_not_added_to_those_of_another(edition: Path) -> None:
    path = edition / "values.csv"
    row = next(x for x in path.read_text("utf-8").splitlines() if "110108,pop_resident,2020" in x)
    revised = row.replace(",census,", ",revised,").replace("3133469", "9999999")
    path.write_text(path.read_text("utf-8") + revised + "\n", "utf-8")
    assert sums(edition).loc[("pop_resident", "2020"), "verdict"] == "exact"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("environment.indicators=['pm25_moth']", r"environment.indicators = 'pm25_moth' is not"),
        ("environment.shown_only=['nope']", r"environment.shown_only = 'nope' is not known"),
        ("economy.total=gpd", r"economy.total = 'gpd' is not known"),
        ("economy.whole=11", r"economy.whole = '11' is not known"),
        ("claims.background_stations=['x']", r"claims.background_stations = 'x' is not known"),
        ("tables.assessed=['ward']", r"tables.assessed = 'ward' is not known"),
        ("tables.additive=['x']", r"tables.additive = 'x' is not known"),
        ("report.focus_unit=Haidian", r"report.focus_unit = 'Haidian' is not known"),
    ],
)
def test_parameters_that_name_what_the_edition_has_not_are_refused(
    edition: Path, setting: str, message: str
) -> None:
    params = load_params(edition, [setting])
    with pytest.raises(ParameterError, match=message):
        tables.read_edition(edition, strict=True, params=params)


def test_forecasts_are_left_out_as_what_they_are(edition: Path) -> None:
    read = tables.read_edition(edition)
    reasons = read.withheld.groupby("reason").size().to_dict()
    assert reasons == {"as_of": 18, "confidence": 2, "forecast": 5}
