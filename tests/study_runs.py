"""A run of the study in a folder of its own, and where the project stands."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from haidian_eval.places import Study, open_study

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Ran:
    """A run of the study in a folder of its own: `site` holds the report's files."""

    data: Path
    site: Path
    processed: Path
    run_id: str


def run_study(
    base: Path,
    *,
    langs: list[str],
    jobs: int,
    sets: tuple[str, ...] = (),
    without: tuple[str, ...] = (),
) -> Ran:
    """Run all stages on a copy of the shipped edition, `without` some of its files."""
    from haidian_eval.runner import run

    shutil.copytree(ROOT / "data" / "raw" / "2024", base / "raw" / "2024")
    for name in without:
        (base / "raw" / "2024" / name).unlink()
    study: Study = open_study(2024, data=base / "raw", sets=sets)
    outcome = run(study, ROOT / "notebooks", langs=langs, settings=sets, jobs=jobs)
    return Ran(base / "raw", outcome.folder, study.processed, outcome.run_id)
