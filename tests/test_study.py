"""study.py: finds a fitting Python, prepares once, says in one sentence what lacks."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from study_runs import ROOT

POSIX = pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")


@pytest.fixture
def study(tmp_path: Path) -> ModuleType:
    """study.py in a folder of its own, with the files that its fingerprint reads."""
    for name in ("study.py", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    spec = importlib.util.spec_from_file_location("study_under_test", tmp_path / "study.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stand_in(folder: Path, name: str, script: str) -> None:
    """A program of this name that runs a shell script."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def prepared(study: ModuleType) -> None:
    """Make it look as if the environment had been prepared."""
    python = Path(study.VENV_PYTHON)
    python.parent.mkdir(parents=True)
    python.touch()
    Path(study.STAMP).write_text(study.fingerprint())


def test_environment_is_current_until_lock_project_or_place_changes(
    study: ModuleType, tmp_path: Path
) -> None:
    assert not study.is_current()
    prepared(study)
    assert study.is_current()
    for name in ("requirements.lock", "pyproject.toml"):
        path = tmp_path / name
        before = path.read_bytes()
        path.write_bytes(before + b"\n")
        assert not study.is_current(), name
        path.write_bytes(before)
    assert study.is_current()
    study.ROOT = str(tmp_path / "moved")
    assert not study.is_current()


def test_half_an_environment_never_counts(study: ModuleType) -> None:
    prepared(study)
    Path(study.VENV_PYTHON).unlink()
    assert not study.is_current()


@POSIX
def test_python_without_venv_is_said_in_one_sentence(
    study: ModuleType, tmp_path: Path, monkeypatch, capsys
) -> None:
    stand_in(tmp_path, "python3.12", 'echo "3.12"; exit 1')
    stand_in(tmp_path, "python3.13", "echo pyenv: not found >&2; exit 127")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(study.sys, "executable", str(tmp_path / "python3.13"))
    with pytest.raises(SystemExit) as caught:
        study.fitting_python()
    assert str(caught.value) == (
        "study.py: Python 3.12 lacks the modules venv and ensurepip; install them (on Debian and"
        " Ubuntu: apt install python3.12-venv) and run this again."
    )


@POSIX
def test_no_fitting_python_is_said_in_one_sentence(
    study: ModuleType, tmp_path: Path, monkeypatch
) -> None:
    stand_in(tmp_path, "python3", 'echo "3.9"')
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(study.sys, "executable", str(tmp_path / "python3"))
    with pytest.raises(SystemExit, match=r"needs Python 3.11, 3.12 or 3.13 and this is 3\.1\d"):
        study.fitting_python()


@POSIX
def test_a_fitting_python_is_found_past_those_that_do_not_fit(
    study: ModuleType, tmp_path: Path, monkeypatch
) -> None:
    stand_in(tmp_path, "python3", 'echo "3.9"')
    stand_in(tmp_path, "python3.13", "exit 127")
    stand_in(tmp_path, "python3.12", 'echo "3.12"')
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(study.sys, "executable", str(tmp_path / "python3"))
    assert study.fitting_python() == [str(tmp_path / "python3.12")]


def test_running_python_fits_and_is_preferred(study: ModuleType) -> None:
    assert study.fitting_python() == [sys.executable]


def test_failed_step_leaves_no_stamp(study: ModuleType, monkeypatch) -> None:
    class Failed:
        returncode = 1
        stdout = b""

    monkeypatch.setattr(study, "fitting_python", lambda: ["python"])
    monkeypatch.setattr(study.subprocess, "run", lambda *a, **k: Failed())
    with pytest.raises(SystemExit, match="the step above failed"):
        study.install()
    assert not study.is_current()


def test_help_names_the_two_commands() -> None:
    ran = subprocess.run(
        [sys.executable, str(ROOT / "study.py")], capture_output=True, text=True, check=False
    )
    assert "study.py report" in ran.stderr
    assert "study.py test" in ran.stderr
