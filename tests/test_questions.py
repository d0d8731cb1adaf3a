"""explain and compare as a user calls them: numbers that can be recomputed from what is printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from study_runs import ROOT

from haidian_eval.__main__ import main

NUMBER = r"(-?\d+(?:\.\d+)?)"
NODE = re.compile(rf"^( *)(.+?): score {NUMBER}, weight {NUMBER}, share in its parent {NUMBER};")
TOP = re.compile(rf"^(.+?): score {NUMBER};")
PRINTED = 1e-4  # relative: six significant digits are printed


def ask(*words: str) -> Result:
    return CliRunner().invoke(main, list(words), catch_exceptions=False)


def test_index_is_the_mean_of_what_is_printed_under_it() -> None:
    lines = ask("explain", "2024", "SYN-ST01").output.splitlines()
    assert lines[1].startswith("Method demonstration")
    top = float(TOP.match(lines[2])[2])  # type: ignore[index]
    found = [match for line in lines if (match := NODE.match(line))]
    shares = [float(match[5]) for match in found]
    scores = [float(match[3]) for match in found]
    assert sum(shares) == pytest.approx(1, rel=PRINTED)
    total = sum(share * score for share, score in zip(shares, scores, strict=True))
    assert total == pytest.approx(top, rel=PRINTED)


def test_value_is_led_to_its_row_and_checksum() -> None:
    output = ask("explain", "2024", "SYN-DP03", "TE05").output
    cell = re.search(
        rf"value {NUMBER} .*?(values/synthetic\.csv) row (\d+), .*SHA-256 (\w+)", output
    )
    assert cell is not None
    row = (ROOT / "data/raw/2024" / cell[2]).read_text("utf-8").splitlines()[int(cell[3]) - 1]
    assert row.startswith("SYN-DP03,TE05,2024,")
    assert float(row.split(",")[4]) == float(cell[1])
    assert len(cell[4]) == 64


def test_indicator_without_value_says_so() -> None:
    output = ask("explain", "2024", "SYN-ST05").output
    assert "score nan" in output
    assert "no value in this period, none filled in" in output
    assert (
        "the mean of the units"
        in ask("explain", "2024", "SYN-ST05", "--set", "scoring.missing=mean").output
    )


def test_moves_are_the_sum_of_their_causes() -> None:
    same = ask("compare", "2024", "2024").output
    assert set(re.findall(r"\(([+-]\d+)\)", same)) == {"+0"}
    output = ask("compare", "2024@2023", "2024", "--set", "scoring.missing=mean").output
    moved = 0
    for line in output.splitlines()[2:]:
        move, causes = re.search(r"\(([+-]\d+)\): (.*)", line).groups()  # type: ignore[union-attr]
        parts = [float(x) for x in re.findall(r"[+-]\d+\.\d\d", causes)]
        assert sum(parts) == pytest.approx(int(move), abs=0.02), line
        moved += int(move) != 0
    assert moved > 10


def test_schemes_of_two_years_are_compared_part_by_part() -> None:
    schemes = ("--scheme", "special_action_12", "--against", "special_action_12")
    runs = ("2024@2023", "2024@2023")
    output = ask("compare", *runs, *schemes, "--set", "scoring.rule=minmax").output
    assert "rules" in output
    assert "values" not in output.split("\n", 1)[1]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("explain", "nowhere", "X"), 2, "neither a year nor the folder of a report"),
        (("explain", "2024", "SYN-ST99"), 2, "SYN-ST99.*not known.*did you mean"),
        (("explain", "2024", "SYN-ST01", "SA99"), 2, "'SA99' is not known"),
        (("explain", "2024", "110108"), 2, "a scheme '' for 110108 is not known"),
        (("explain", "2024@2019", "SYN-ST01"), 2, "no unit has a value of 2019"),
        (("compare", "2024", "2024", "--scheme", "nothing"), 2, "a scheme 'nothing'"),
    ],
)
def test_wrong_question_is_answered_in_one_sentence(words, code, message) -> None:
    result = ask(*words)
    assert result.exit_code == code
    assert re.search(message, result.output), result.output
    assert "Traceback" not in result.output


def test_report_whose_data_changed_is_not_explained(tmp_path: Path) -> None:
    folder = tmp_path / "2024"
    folder.mkdir()
    (folder / "manifest.json").write_text('{"inputs": "0", "settings": []}', "utf-8")
    result = ask("explain", str(folder), "SYN-ST01")
    assert result.exit_code == 1
    assert "the data have changed since this report was made" in result.output
