"""What a run is made from, as checksums: the same for the same inputs, parameters and program."""

from __future__ import annotations

import hashlib
import platform
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from haidian_eval import __version__
from haidian_eval.params import load_params
from haidian_eval.places import Study
from haidian_eval.tables.store import sha256

PACKAGE = Path(__file__).resolve().parents[1]
HIDDEN = re.compile(r"(^|/)(\.|__pycache__(/|$))")
LIBRARIES = ("numpy", "pandas", "matplotlib", "papermill", "nbconvert")


@dataclass(frozen=True, slots=True)
class Provenance:
    """Checksums (hex SHA-256) of what a run is made from; `settings` differ from the edition's.

    plan: of the plan by which policies are judged. planned_on: the day on which it was fixed, blank
    for a plan changed since.
    """

    inputs: str
    parameters: str
    plan: str
    planned_on: str
    settings: tuple[str, ...]
    code: str
    lock: str
    versions: str

    @property
    def run_id(self) -> str:
        """A short name of the run."""
        parts = [self.inputs, self.parameters, self.code, self.lock, self.versions]
        return digest(parts)[:12]


def digest(parts: Iterable[str]) -> str:
    """Return one checksum of several texts."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def digest_files(folder: Path, paths: Iterable[Path]) -> str:
    """Return one checksum of files, with their names in `folder`; hidden ones and caches aside."""
    named = {path.relative_to(folder).as_posix(): path for path in paths if path.is_file()}
    shown = [name for name in sorted(named) if not HIDDEN.search(name)]
    return digest(f"{name} {sha256(named[name])}" for name in shown)


def trace(study: Study, notebooks: Path, settings: Iterable[str]) -> Provenance:
    """Return the provenance of a run of these notebooks on this study."""
    edition = study.places.edition(study.year)
    differs = study.params != load_params(edition)
    lock = notebooks.parent / "requirements.lock"
    code = [(PACKAGE, PACKAGE.rglob("*")), (notebooks, notebooks.glob("*.ipynb"))]
    names = [f"Python {platform.python_version()}", f"haidian-eval {__version__}"]
    return Provenance(
        inputs=digest_files(edition, edition.rglob("*")),
        parameters=digest([study.params.model_dump_json()]),
        plan=study.params.effect.plan,
        planned_on=study.params.effect.planned_on,
        settings=tuple(settings) if differs else (),
        code=digest(digest_files(folder, paths) for folder, paths in code),
        lock=sha256(lock) if lock.is_file() else "",
        versions=", ".join(names + [f"{name} {version(name)}" for name in LIBRARIES]),
    )
