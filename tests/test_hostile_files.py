"""Hostile files are refused with a reason, at once and in little memory; honest ones are read."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hostile_files import BENIGN, HOSTILE, Outcome, is_right

SECONDS = 3.0  # the goal is 1; machines under test are loaded
MEGABYTES = 300  # field/reliability.md, G7
REASONED = 30


@pytest.fixture(scope="module")
def outcomes() -> Mapping[str, Outcome]:
    """Each file read in a child of its own, all from one warmed process."""
    script = Path(__file__).with_name("hostile_files.py")
    done = subprocess.run(
        [sys.executable, str(script), "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    read = [Outcome(**json.loads(line)) for line in done.stdout.splitlines()]
    return {outcome.name: outcome for outcome in read}


def test_corpus_is_as_large_as_was_asked() -> None:
    assert len(HOSTILE) >= REASONED
    assert sum("classified" in file.rules for file in HOSTILE.values()) >= 6


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_is_refused_with_a_reason(name: str, outcomes: Mapping[str, Outcome]) -> None:
    assert is_right(outcomes[name]) == ""


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_costs_little(name: str, outcomes: Mapping[str, Outcome]) -> None:
    assert outcomes[name].seconds < SECONDS
    assert 0 <= outcomes[name].growth < MEGABYTES


@pytest.mark.parametrize("name", BENIGN)
def test_honest_file_is_read_in_full(name: str, outcomes: Mapping[str, Outcome]) -> None:
    assert is_right(outcomes[name]) == ""


def test_edition_with_a_hostile_file_names_it_and_reads_the_others(edition: Path) -> None:
    from haidian_eval import tables

    (edition / "claims.csv").write_bytes(b"claim_id,\0\n")
    read = tables.read_edition(edition)
    stopped = read.defects.frame[read.defects.frame["severity"] == "stops"]
    assert set(stopped["file"]) == {"claims.csv"}
    assert set(stopped["rule"]) == {"refused"}
    assert len(read.tables["units"]) > 0


@pytest.mark.parametrize("name", ["dimbomb.xlsx", "laughs.xlsx", "xxe.xlsx"])
def test_hostile_workbooks_of_the_reference_are_refused(
    name: str, reference: Path, tmp_path: Path
) -> None:
    from hostile_files import read_in_child, warm

    path = reference / "reliability" / name
    if not path.is_file():
        pytest.skip(f"no {path}")
    outcome = read_in_child(name, path, tmp_path, warm(tmp_path / "warm"))
    assert outcome.status == 0, outcome.error
    assert {d["rule"] for d in outcome.defects if d["severity"] == "stops"} == {"refused"}
    assert outcome.seconds < SECONDS
    assert outcome.growth < MEGABYTES
