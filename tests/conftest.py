"""What several tests need: the project, a copy of its edition, one whole run of the study."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings
from study_runs import ROOT, Ran, run_study

# No deadline: a machine under load is not a fault. In CI the same examples every time.
settings.register_profile("house", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("house")


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture
def edition(tmp_path: Path) -> Path:
    """A copy of what was observed, one file a table, that a test may change."""
    folder = ROOT / "data" / "raw" / "2024"
    beside = shutil.ignore_patterns(*(p.name for p in folder.iterdir() if p.is_dir()))
    return Path(shutil.copytree(folder, tmp_path / "raw" / "2024", ignore=beside))


@pytest.fixture
def whole_edition(tmp_path: Path) -> Path:
    """A copy of the shipped edition with its presets and example units, that a test may change."""
    return Path(shutil.copytree(ROOT / "data" / "raw" / "2024", tmp_path / "whole" / "2024"))


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """One run in both languages, as `haidian-eval run` makes it."""
    return run_study(tmp_path_factory.mktemp("first"), langs=["zh", "en"], jobs=2)


@pytest.fixture(scope="session")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """A run that admits the values of October 2025 and replaces the rule."""
    sets = ("edition.as_of=2025-12-31",)
    return run_study(tmp_path_factory.mktemp("later"), langs=["zh"], jobs=1, sets=sets)


@pytest.fixture(scope="session")
def reference() -> Path:
    """Other people's numbers; a missing folder fails where HAIDIAN_EVAL_REFERENCE names it."""
    named = os.environ.get("HAIDIAN_EVAL_REFERENCE")
    folder = Path(named) if named else ROOT.parent / "shared" / "reference"
    if not folder.is_dir():
        if named:
            pytest.fail(f"HAIDIAN_EVAL_REFERENCE names {folder}, which is not there")
        pytest.skip("no reference folder; set HAIDIAN_EVAL_REFERENCE to run this test")
    return folder
