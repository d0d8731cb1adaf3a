"""The command line: what users see, in their words, with the right exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from haidian_eval.__main__ import main


def call(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def test_check_of_the_shipped_edition_is_clean() -> None:
    result = call("check")
    assert result.exit_code == 0
    assert "left out: road_dust_residue 2025-10, 18 values of source S39" in result.output
    assert "2024: 0 defects, 21 tables can be used" in result.output


def test_check_speaks_chinese_and_exits_1_when_a_table_cannot_be_used(edition: Path) -> None:
    (edition / "points.csv").unlink()
    result = call("check", "--data", str(edition.parent), "--lang", "zh")
    assert result.exit_code == 1
    assert "points.csv：缺少文件" in result.output
    assert "处理办法：把文件放到该处" in result.output


def test_check_tries_scheme_rule_and_focus_unit(edition: Path) -> None:
    for setting, message in (
        ("scoring.rule=minmx", "did you mean 'minmax'"),
        ("scoring.scheme=other", "scoring.scheme = 'other' is not known"),
        ("report.focus_unit=999", "report.focus_unit = '999' is not known"),
    ):
        result = call("check", "--data", str(edition.parent), "--set", setting)
        assert result.exit_code == 2
        assert message in result.output


def test_place_that_cannot_be_written_is_one_message(edition: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = call("run", "--data", str(edition.parent), "--out", str(tmp_path / "file"))
    assert result.exit_code in (1, 2)
    assert "Traceback" not in result.output
    assert "file" in result.output


def test_check_lists_faulty_cells_and_still_exits_0(edition: Path) -> None:
    path = edition / "values.csv"
    path.write_text(path.read_text("utf-8").replace(",8.1,", ",x,", 1), "utf-8")
    result = call("check", "--data", str(edition.parent))
    assert result.exit_code == 0
    assert "values.csv, row 3, column value: not a number; found x." in result.output


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("run", "2031"), 1, "there is no edition 2031"),
        (("run", "--set", "scoring.rul=x"), 2, "did you mean 'rule'"),
        (("run", "--lang", "fr"), 2, "--lang 'fr' is not known; choose one of ['zh', 'en']"),
        (("run", "--lang", ","), 2, "--lang is empty"),
        (("run", "--only", "appeals"), 2, "'appeals' is not known"),
        (("run", "--nothing"), 2, "No such option"),
        (("check", "2031"), 1, "there is no edition 2031"),
    ],
)
def test_wrong_call_is_one_message_without_traceback(
    edition: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    place = () if "--nothing" in words else ("--data", str(edition.parent))
    result = call(*words, *place)
    assert result.exit_code == code
    assert message in result.output
    assert "Traceback" not in result.output


def test_run_with_a_missing_column_says_so_and_names_its_log(edition: Path) -> None:
    path = edition / "values.csv"
    path.write_text(path.read_text("utf-8").replace("value,", "valeu,", 1), "utf-8")
    command = [sys.executable, "-m", "haidian_eval", "run", "--quiet", "--lang", "zh"]
    ran = subprocess.run(
        [*command, "--data", str(edition.parent)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1
    assert "values.csv, row 1, column value: column missing" in ran.stderr
    assert "Traceback" not in ran.stderr
    log = Path(ran.stderr.partition("log: ")[2].splitlines()[0])
    assert "column value: column missing" in log.read_text("utf-8")


def test_command_line_starts_without_heavy_imports() -> None:
    code = "import sys, haidian_eval.__main__; print([m for m in sys.modules if m in {heavy}])"
    heavy = {"pandas", "numpy", "matplotlib", "papermill", "nbconvert", "pydantic"}
    ran = subprocess.run(
        [sys.executable, "-c", code.format(heavy=heavy)],
        capture_output=True, text=True, check=True, env=os.environ,
    )  # fmt: skip
    assert ran.stdout.strip() == "[]"
