"""What departments get and hand in: templates, queries, several files, a new edition."""

from __future__ import annotations

import shutil
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from haidian_eval import tables
from haidian_eval.__main__ import main
from haidian_eval.errors import ParameterError, TableError
from haidian_eval.params import load_params
from haidian_eval.tables import check_series, contracts, freshness, read_file
from haidian_eval.text import Text

ROW = "110101,road_dust_residue,2022-02,published,8.1,g/m2,2022-04-26,seen_official,,0.05,,,S37"
CUMULATIVE = "tables.cumulative={retail_sales_ytd='retail_sales_month'}"


def call(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


def with_values(edition: Path, *rows: str) -> tables.Edition:
    """The edition with rows added to its values."""
    path = edition / "values.csv"
    path.write_text(path.read_text("utf-8") + "\n".join(rows) + "\n", "utf-8")
    return tables.read_edition(edition, params=load_params(edition, [CUMULATIVE]))


def messages(edition: tables.Edition) -> list[tuple[str, int, str, str]]:
    found = edition.defects.frame[["file", "row", "rule", "department"]]
    return list(found.itertuples(index=False, name=None))


# --- templates -------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("name", list(contracts()))
def test_template_filled_with_its_examples_reads_back_without_a_defect(
    tmp_path: Path, name: str, lang: str
) -> None:
    contract = contracts()[name]
    (path,) = tables.write_templates(tmp_path, [name], {}, Text(lang))
    book = openpyxl.load_workbook(path)
    assert len(book.worksheets) == 3
    sheet = book.worksheets[0]
    assert sheet.max_row == 1, "a template holds no row"
    for place, column in enumerate(contract.columns.values(), 1):
        to_other_row = column.references == name and not column.required
        sheet.cell(2, place).value = "" if to_other_row else column.example
    book.save(path)
    reading = read_file(path, contract)
    assert reading.defects.frame.empty, reading.defects.frame.to_string()
    assert len(reading.frame) == 1
    assert list(reading.frame.columns[: len(contract.columns)]) == list(contract.columns)


def test_template_offers_the_codes_and_refuses_others(tmp_path: Path) -> None:
    (path,) = tables.write_templates(tmp_path, ["evidence"], {}, Text("zh"))
    book = openpyxl.load_workbook(path)
    lists = list(book.worksheets[0].data_validations.dataValidation)
    offered = {str(rule.sqref): rule.formula1 for rule in lists if rule.type == "list"}
    state = list(contracts()["evidence"].columns).index("state")
    letter = chr(ord("A") + state)
    assert offered[f"{letter}2:{letter}2001"] == f"'选项'!${letter}$2:${letter}$5"
    words = [book["选项"].cell(row, state + 1).value for row in range(2, 6)]
    assert words == ["已核实", "部分", "不足", "缺失"]
    notes = {row[7]: row for row in book["填写说明"].iter_rows(min_row=2, values_only=True)}
    assert notes["state"][3] == "是"


def test_each_unit_gets_its_list_of_evidence(edition: Path, tmp_path: Path) -> None:
    result = call("template", "--data", str(edition.parent), "--table", "evidence")
    assert result.exit_code == 0, result.output
    folder = edition.parents[1] / "reports" / "2024" / "templates" / "evidence"
    paths = sorted(folder.glob("*.xlsx"))
    assert len(paths) == 17
    book = openpyxl.load_workbook(paths[0])
    rows = list(book.worksheets[0].iter_rows(min_row=2, values_only=True))
    assert rows[0][:2] == ("110101-001", "110101")
    assert rows[0][-2:] == ("缺失", None) or "缺失" in rows[0]


def test_wrong_name_of_a_table_is_refused_with_the_nearest(edition: Path) -> None:
    result = call("template", "--data", str(edition.parent), "--table", "value")
    assert result.exit_code == 2
    assert "did you mean 'values'" in result.output


# --- contracts -------------------------------------------------------------------------------


def test_every_table_of_the_study_has_a_contract_in_both_languages() -> None:
    named = {
        "sources", "units", "indicators", "points", "bands", "values", "corrections", "plans",
        "policies", "policy_events", "funds", "clauses", "applications", "enterprises", "panel",
        "responses", "survey_design", "control_totals", "tickets", "interviews", "comments",
        "self_scores", "deductions", "evidence", "site_checks", "expert_scores",
        "indicator_reviews", "replies", "claims", "milestones", "payments", "actions", "promises",
        "external_ranks", "policy_texts", "questionnaire", "audits", "rectifications", "grades",
        "forms", "capabilities", "courses", "events", "participation", "rules",
    }  # fmt: skip
    assert named == set(contracts())
    for contract in contracts().values():
        assert contract.zh and contract.en and set(contract.about) == {"zh", "en"}
        assert set(contract.key) <= set(contract.columns)
        for name, column in contract.columns.items():
            assert column.zh and column.en and column.example, (contract.name, name)
            assert column.references is None or column.references in contracts()
            assert not column.allowed or set(column.labels) == set(column.allowed)


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ('a = "txt!"', "kind"),
        ('a = "text!!"', "not of the form"),
        ('a = { is = "text", maximum = 3 }', "maximum"),
    ],
)
def test_wrong_declaration_is_refused_by_name(tmp_path: Path, declared: str, message: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(f'[own]\nkey = ["a"]\n[own.columns]\n{declared}\n', "utf-8")
    with pytest.raises(ParameterError, match=message):
        tables.read_contracts(path)


def test_frame_that_breaks_its_contract_is_not_kept(edition: Path, tmp_path: Path) -> None:
    values = tables.read_edition(edition).tables["values"]
    tables.write_tables(tmp_path, {"values": values})
    wrong = values.assign(half_width=values["half_width"].mask(values.index == 0, -1.0))
    with pytest.raises(TableError, match=r"breaks its contract.*half_width"):
        tables.write_tables(tmp_path, {"values": wrong})
    with pytest.raises(TableError, match=r"breaks its contract.*unit_id"):
        tables.write_tables(tmp_path, {"values": pd.concat([values, values.head(1)])})


# --- several files, departments, queries -----------------------------------------------------


def test_a_table_may_come_as_a_folder_of_files_each_of_a_department(edition: Path) -> None:
    whole = tables.read_edition(edition).tables["values"]
    path = edition / "values.csv"
    lines = path.read_text("utf-8").splitlines()
    path.unlink()
    (edition / "values").mkdir()
    first, second = lines[:1000], [lines[0], *lines[1000:]]
    (edition / "values" / "统计局.csv").write_text("\n".join(first) + "\n", "utf-8")
    (edition / "values" / "环保局.csv").write_bytes(("\n".join(second) + "\n").encode("gb18030"))
    read = tables.read_edition(edition, strict=True)
    columns = [name for name in whole if not name.startswith("_")]
    order = ["unit_id", "indicator_id", "period", "vintage"]
    actual, expected = (
        frame[columns].sort_values(order, ignore_index=True)
        for frame in (read.tables["values"], whole)
    )
    pd.testing.assert_frame_equal(actual, expected)
    assert messages(read) == []


def test_key_shared_by_two_files_counts_for_neither(edition: Path) -> None:
    (edition / "values").mkdir()
    header = (edition / "values.csv").read_text("utf-8").splitlines()[0]
    again = ROW.replace(",8.1,", ",9.9,")
    (edition / "values" / "late.csv").write_text(f"{header}\n{again}\n", "utf-8")
    read = tables.read_edition(edition)
    found = [(file, rule) for file, _, rule, _ in messages(read)]
    assert found == [("values.csv", "key"), ("values/late.csv", "key")]


def test_unit_names_its_department_and_gets_its_own_workbook(edition: Path) -> None:
    plans = "unit_id,indicator_id,period,planned,unit,basis\n110108,gdp,2024Q1,约8,100m CNY,x\n"
    (edition / "plans.csv").write_text(plans, "utf-8")
    path = edition / "values.csv"
    path.write_text(path.read_text("utf-8").replace(",8.1,", ",八,", 1), "utf-8")
    result = call("check", "--data", str(edition.parent), "--lang", "zh")
    assert result.exit_code == 0
    folder = edition.parents[1] / "reports" / "2024" / "check"
    assert sorted(p.name for p in (folder / "departments").iterdir()) == [
        "北京市城市管理委员会.xlsx", "海淀区.xlsx",
    ]  # fmt: skip
    book = openpyxl.load_workbook(folder / "departments" / "北京市城市管理委员会.xlsx")
    head, row = list(book["指标数值"].iter_rows(values_only=True))
    assert row[:7] == (1, "该行未计入", "values.csv", None, 3, "value", "八")
    assert dict(zip(head, row, strict=True))["原报：value"] == "八"
    for lang in ("zh", "en"):
        page = (folder / f"defects_{lang}.html").read_text("utf-8")
        assert "values.csv" in page and "约8" in page


def test_check_leaves_nothing_of_an_earlier_check(edition: Path) -> None:
    path = edition / "values.csv"
    whole = path.read_text("utf-8")
    path.write_text(whole.replace(",8.1,", ",八,", 1), "utf-8")
    call("check", "--data", str(edition.parent))
    path.write_text(whole, "utf-8")
    result = call("check", "--data", str(edition.parent))
    assert "0 defects" in result.output
    assert not (edition.parents[1] / "reports" / "2024" / "check" / "departments").exists()


def test_many_defects_alike_are_told_once_with_their_number(edition: Path) -> None:
    path = edition / "values.csv"
    lines = path.read_text("utf-8").splitlines()
    wrong = [line.replace(",seen_official,", ",sure,") for line in lines]
    path.write_text("\n".join(wrong) + "\n", "utf-8")
    count = sum(a != b for a, b in zip(lines, wrong, strict=True))
    assert count > 30
    result = call("check", "--data", str(edition.parent))
    assert result.output.count("found sure") == 10
    assert f"and {count - 10} more like it" in result.output


# --- what defects leave in later tables ------------------------------------------------------


def test_excluded_and_repaired_rows_are_counted_by_source(edition: Path) -> None:
    path = edition / "values.csv"
    whole = path.read_text("utf-8").replace(",8.1,", ",八,", 1)
    path.write_text(whole.replace(",7.2,", ",７.２,", 1), "utf-8")
    found = tables.touched(tables.read_edition(edition))
    rows = list(found.itertuples(index=False, name=None))
    assert rows == [("S37", "excluded", 1), ("S37", "repaired", 1)]


def test_value_in_another_unit_converts_with_its_rounding(edition: Path) -> None:
    expected = tables.read_edition(edition).tables["values"]
    path = edition / "values.csv"
    lines = path.read_text("utf-8").splitlines()
    at = next(n for n, line in enumerate(lines) if ",gdp," in line and ",100m CNY," in line)
    cells = lines[at].split(",")
    value, half = float(cells[4]), float(cells[9] or "nan")
    cells[4], cells[5] = f"{value * 10000:.0f}", "万元"
    cells[9] = f"{half * 10000:g}" if half == half else ""
    lines[at] = ",".join(cells)
    path.write_text("\n".join(lines) + "\n", "utf-8")
    read = tables.read_edition(edition)
    assert [rule for _, _, rule, _ in messages(read)] == ["converted"]
    same = ["unit_id", "indicator_id", "period", "value", "unit", "half_width"]
    pd.testing.assert_frame_equal(read.tables["values"][same], expected[same], rtol=1e-12)


# --- series ----------------------------------------------------------------------------------

MONTH = "{unit},retail_sales_{kind},{period},published,{value},10k CNY,2019-01-31,seen,,0.5,,,S37"


def test_month_must_be_the_difference_of_the_cumulative_figures(edition: Path) -> None:
    rows = [
        MONTH.format(unit="110108", kind=kind, period=period, value=value)
        for kind, period, value in (
            ("ytd", "2019-01..02", 300), ("ytd", "2019-01..03", 450), ("month", "2019-03", 160),
            ("ytd", "2019-01", 140), ("month", "2019-01", 140), ("month", "2019-02", 161),
            ("month", "2019-07", 5),
        )
    ]  # fmt: skip
    read = with_values(edition, *rows)
    found = check_series(read, load_params(edition, [CUMULATIVE])).set_index("period")
    own = found[found.index.str.startswith("2019")]
    # 450 - 300 = 150 against 160; 140 - nothing; 300 - 140 = 160 against 161, rounding 3 x 0.5
    assert own["verdict"].to_dict() == {
        "2019-03": "differs", "2019-01": "exact", "2019-02": "rounding",
    }  # fmt: skip
    assert own.at["2019-03", "difference"] == 10


def test_stated_value_of_a_year_before_is_held_against_the_one_known(edition: Path) -> None:
    path = edition / "values.csv"
    lines = path.read_text("utf-8").splitlines()
    lines = [f"{line}," for line in lines]
    lines[0] += "previous"
    more = ROW.replace("2022-02", "2023-02").replace("2022-04-26", "2023-04-26")
    path.write_text("\n".join([*lines, f"{more},8.4"]) + "\n", "utf-8")
    read = tables.read_edition(edition, params=load_params(edition))
    (row,) = check_series(read, load_params(edition)).to_dict("records")
    assert (row["check"], row["stated"], row["found"]) == ("previous", 8.4, 8.1)
    assert row["verdict"] == "differs"  # 0.3 off, rounding leaves 0.1


def test_series_say_their_gaps_and_their_age(edition: Path) -> None:
    params = load_params(edition)
    found = freshness(tables.read_edition(edition), params).set_index("indicator_id")
    gdp = found.loc["gdp"]
    # 2012 and 2016 to 2024 are there; as of June 2025 the year 2024 is six months old
    assert (gdp["periods_seen"], gdp["periods_expected"]) == (10, 13)
    assert (gdp["gaps"], gdp["age"], gdp["late"]) == ("2013;2014;2015", 6, "in_time")
    assert found.loc["pm25_month", "late"] == "late"


# --- evidence --------------------------------------------------------------------------------


def test_evidence_is_counted_by_its_best_state_and_absent_ones_named(edition: Path) -> None:
    rows = """evidence_id,unit_id,indicator_id,title,document_no,dated,sha256,state,source_id
E1,110108,road_dust_residue,月度表,,2024-01-05,,部分,S37
E2,110108,road_dust_residue,复核表,,2024-02-05,,已核实,S37
E3,110105,road_dust_residue,月度表,,2024-01-05,,缺失,S37
"""
    (edition / "evidence.csv").write_text(rows, "utf-8")
    read, params = tables.read_edition(edition, strict=True), load_params(edition)
    found = tables.evidence_completeness(read.tables, params).set_index("unit_id")
    assert found.loc["110108", ["verified", "partial", "missing"]].tolist() == [
        1,
        0,
        found.loc["110108", "asked"] - 1,
    ]
    assert "road_dust_residue" in found.loc["110105", "absent"]
    assert len(found) == 17


# --- a new edition ---------------------------------------------------------------------------


def test_new_edition_copies_the_frame_and_lists_what_to_replace(edition: Path) -> None:
    result = call("new-edition", "2025", "--from", "2024", "--data", str(edition.parent))
    assert result.exit_code == 0, result.output
    new = edition.with_name("2025")
    assert load_params(new).edition.year == 2025
    assert str(load_params(new).edition.as_of) == "2026-06-30"
    assert (new / "units.csv").read_bytes() == (edition / "units.csv").read_bytes()
    assert not (new / "values.csv").exists()
    assert "hand in the new year's" in next(
        line for line in result.output.splitlines() if line.startswith("values (")
    )
    again = call("new-edition", "2025", "--from", "2024", "--data", str(edition.parent))
    assert again.exit_code == 1
    assert "exists already" in again.output


def test_synthetic_table_is_named_with_what_it_makes_invalid(edition: Path) -> None:
    path = edition / "sources.csv"
    path.write_text(
        path.read_text("utf-8").replace("S37,values,official", "S37,values,synthetic"), "utf-8"
    )
    result = call("new-edition", "2025", "--from", "2024", "--data", str(edition.parent))
    lines = [line for line in result.output.splitlines() if line.startswith("values (")]
    assert [("synthetic" in line, "scoring" in line) for line in lines] == [
        (False, True), (True, True),
    ]  # fmt: skip


def test_older_schema_is_refused_with_what_to_do(edition: Path) -> None:
    path = edition / "edition.toml"
    path.write_text(path.read_text("utf-8").replace("schema_version = 1", "schema_version = 0"))
    result = call("check", "--data", str(edition.parent))
    assert result.exit_code == 1
    assert "schema_version = 0" in result.output


def test_hostile_or_classified_file_of_an_edition_is_named_and_the_rest_is_read(
    edition: Path, tmp_path: Path
) -> None:
    shutil.move(edition / "claims.csv", edition / "claims.xlsx")
    (edition / "rules.csv").write_text(
        "机密★10年\n" + (edition / "rules.csv").read_text("utf-8"), "utf-8"
    )
    read = tables.read_edition(edition)
    found = {(file, rule) for file, _, rule, _ in messages(read)}
    assert found == {("claims.xlsx", "refused"), ("rules.csv", "classified")}
    assert "claims" not in read.tables and "values" in read.tables
