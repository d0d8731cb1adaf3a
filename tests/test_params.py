"""Parameters: every wrong name or value is refused in words that say what to do."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from pydantic import ValidationError

from haidian_eval.errors import EvaluationError, ParameterError, TableError
from haidian_eval.params import load_params, parse_setting
from haidian_eval.places import default_places, open_study, read_run, write_run


def test_shipped_parameters_load_and_are_frozen(edition: Path) -> None:
    params = load_params(edition)
    assert params.edition.as_of == dt.date(2025, 6, 30)
    assert params.scoring.full_marks_share == 0.5
    with pytest.raises(ValidationError, match="frozen"):
        params.scoring.scheme = "other"  # type: ignore[misc]


def test_unknown_key_in_the_file_names_the_known_ones(edition: Path) -> None:
    path = edition / "parameters.toml"
    path.write_text(path.read_text("utf-8").replace("scheme =", "schema =", 1), "utf-8")
    with pytest.raises(ParameterError, match=r"'scoring.schema' is not known.*mean 'scheme'"):
        load_params(edition)


def test_unknown_table_in_the_file_names_the_known_ones(edition: Path) -> None:
    path = edition / "parameters.toml"
    path.write_text(path.read_text("utf-8") + "\n[scorings]\nx = 1\n", "utf-8")
    with pytest.raises(ParameterError, match=r"'scorings' is not known.*'scoring'.*'tables'"):
        load_params(edition)


def test_missing_parameter_has_no_default(edition: Path) -> None:
    path = edition / "parameters.toml"
    path.write_text(path.read_text("utf-8").replace("full_marks_share = 0.5", ""), "utf-8")
    with pytest.raises(ParameterError, match=r"'scoring.full_marks_share' is missing"):
        load_params(edition)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("scoring.rul=x", "'scoring.rul' is not known.*did you mean 'rule'"),
        ("scorin.rule=x", "'scorin' is not known.*did you mean 'scoring'"),
        ("scoring.full_marks_share=2", "less than or equal to 1"),
        ("scoring.full_marks_share=half", "'scoring.full_marks_share' = 'half'"),
        ("report.focus_unit=[1]", "'report.focus_unit' = "),
        ("scoring", "not of the form section.name=value"),
        ("scoring.rule.more=1", "'rule' holds a value"),
        ("edition.year=2023", "an edition's folder bears its year"),
        ("edition.schema_version.x=1", "'schema_version' holds a value"),
    ],
)
def test_wrong_setting_is_refused_by_name(edition: Path, setting: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        load_params(edition, [setting])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a.b=0110", "0110"),
        ("a.b=0.3", 0.3),
        ("a.b=geometric", "geometric"),
        ("a.b=2025-12-31", dt.date(2025, 12, 31)),
        ('a.b=["x", "y"]', ["x", "y"]),
        ("a.b=x = 1; import os", "x = 1; import os"),
        ("a.b=", ""),
    ],
)
def test_setting_keeps_the_type_of_its_value(text: str, value: object) -> None:
    assert parse_setting(text) == (["a", "b"], value)


def test_settings_replace_values_and_leave_the_rest(edition: Path) -> None:
    params = load_params(edition, ["scoring.rule=minmax", "edition.as_of=2025-12-31"])
    assert params.scoring.scenario() == {"rule": "minmax"}
    assert params.edition.as_of == dt.date(2025, 12, 31)
    assert params.scoring.scheme == "environment"


def test_older_schema_says_what_to_do(edition: Path) -> None:
    path = edition / "edition.toml"
    path.write_text(path.read_text("utf-8").replace("schema_version = 1", "schema_version = 0"))
    with pytest.raises(TableError, match=r"schema_version = 0.*reads 1"):
        load_params(edition)


def test_broken_toml_names_file_and_line(edition: Path) -> None:
    (edition / "parameters.toml").write_text("[scoring\n", "utf-8")
    with pytest.raises(ParameterError, match=r"parameters.toml is not valid TOML: .*line 1"):
        load_params(edition)


def test_toml_of_other_encodings_is_read_or_said(edition: Path) -> None:
    path = edition / "parameters.toml"
    words = path.read_text("utf-8")
    path.write_bytes(words.encode("utf-8-sig"))
    assert load_params(edition, ["report.focus_unit=110107"]).report.focus_unit == "110107"
    path.write_bytes(words.encode("gb18030"))
    with pytest.raises(ParameterError, match="is not UTF-8; save it again as UTF-8"):
        load_params(edition)


def test_missing_file_is_named(edition: Path) -> None:
    (edition / "parameters.toml").unlink()
    with pytest.raises(TableError, match=r"parameters.toml is missing"):
        load_params(edition)


def test_missing_year_says_which_editions_there_are(edition: Path) -> None:
    with pytest.raises(TableError, match=r"no edition 2031: expected .*2031/edition.toml.*: 2024"):
        open_study(2031, data=edition.parent)


def test_reports_lie_beside_data_that_stands_elsewhere(edition: Path, root: Path) -> None:
    elsewhere = default_places(edition.parent)
    assert elsewhere.processed == edition.parent.parent.resolve() / "processed"
    assert elsewhere.reports == edition.parent.parent.resolve() / "reports"
    assert default_places().reports == root / "reports"
    assert default_places(out=edition).reports == edition.resolve()


def test_run_file_brings_the_study_back(edition: Path, tmp_path: Path) -> None:
    study = open_study(2024, data=edition.parent, sets=["scoring.rule=minmax"])
    write_run(study, tmp_path / "run.json")
    again = read_run(tmp_path / "run.json")
    assert again.params == study.params
    assert again.places == study.places
    assert again.scratch == tmp_path.resolve()
    with pytest.raises(EvaluationError, match="leave run empty"):
        read_run(tmp_path / "none.json")
