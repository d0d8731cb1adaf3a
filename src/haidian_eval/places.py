"""Where a study stands: its folders, its edition, and the way that a notebook finds it again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter

from haidian_eval.errors import EvaluationError, TableError
from haidian_eval.params import Params, load_params


@dataclass(frozen=True, slots=True)
class Places:
    """Where a study reads and writes; `processed` and `reports` are disposable."""

    raw: Path
    processed: Path
    reports: Path

    def edition(self, year: int) -> Path:
        """Return the folder of one edition, or say which editions there are."""
        folder = self.raw / str(year)
        if (folder / "edition.toml").is_file():
            return folder
        found = sorted(path.parent.name for path in self.raw.glob("*/edition.toml"))
        raise TableError(
            f"there is no edition {year}: expected the file {folder / 'edition.toml'};"
            f" editions found in {self.raw}: {', '.join(found) or 'none'}"
        )


@dataclass(frozen=True, slots=True)
class Study:
    """One edition, its parameters and its places; `scratch` is set while the runner executes."""

    places: Places
    params: Params
    scratch: Path | None = None

    @property
    def year(self) -> int:
        """The report year."""
        return self.params.edition.year

    @property
    def processed(self) -> Path:
        """The folder of the edition's clean tables and results."""
        return self.places.processed / str(self.year)

    def within(self, folder: Path) -> Study:
        """Return the study with results and pages in a folder of its own, as a run needs it."""
        return replace(self, places=Places(self.places.raw, folder / "results", folder))


def project_root() -> Path:
    """Return the project: upwards from the working folder, else where the package stands."""
    candidates = [Path.cwd(), *Path.cwd().parents, *Path(__file__).resolve().parents]
    for folder in candidates:
        if (folder / "data" / "raw").is_dir() and (folder / "notebooks").is_dir():
            return folder
    raise TableError(
        f"no study found: expected the folders data/raw and notebooks in {Path.cwd()} or above;"
        " start the command inside the project"
    )


def default_places(data: Path | None = None, out: Path | None = None) -> Places:
    """Return the places of the project, or those beside `data` when it stands elsewhere."""
    root = project_root()
    raw = (data or root / "data" / "raw").resolve()
    inside = raw == (root / "data" / "raw").resolve()
    processed = (root / "data" if inside else raw.parent) / "processed"
    reports = out or (root if inside else raw.parent) / "reports"
    return Places(raw, processed, reports.resolve())


def open_study(
    year: int, *, data: Path | None = None, out: Path | None = None, sets: Iterable[str] = ()
) -> Study:
    """Return the study of one edition with its parameters."""
    places = default_places(data, out)
    return Study(places, load_params(places.edition(year), sets))


def write_run(study: Study, path: Path) -> None:
    """Write the file by which an executing notebook finds its study again."""
    path.write_bytes(TypeAdapter(Study).dump_json(study, indent=1))


def read_run(path: Path) -> Study:
    """Return the study that the runner wrote down; results go to the folder of that file."""
    if not path.is_file():
        raise EvaluationError(f"run = {str(path)!r}: no such file; leave run empty to work by hand")
    study = TypeAdapter(Study).validate_json(path.read_bytes())
    return replace(study, scratch=path.resolve().parent)
