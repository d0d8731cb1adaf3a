"""The files of a report: pages, portal, downloads, executed notebooks and their manifest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from pydantic import TypeAdapter

from haidian_eval.params import LANGUAGES, Params
from haidian_eval.runner.provenance import Provenance
from haidian_eval.runner.stages import Stage
from haidian_eval.tables.store import replace
from haidian_eval.text import Text

MANIFEST = "manifest.json"


def languages(folder: Path, langs: Sequence[str]) -> list[str]:
    """Return the languages in which a folder has pages, or will have them in a moment."""
    there = {name.partition("/")[0] for name in read_manifest(folder).files}
    return [lang for lang in LANGUAGES if lang in langs or lang in there]


@dataclass(frozen=True, slots=True)
class Site:
    """What all pages of a report have in common; `langs`: those that it has after the run."""

    stages: Sequence[Stage]
    langs: Sequence[str]
    params: Params
    provenance: Provenance

    @property
    def ordered(self) -> list[Stage]:
        """The stages as the contents list them: the report comes first."""
        return sorted(self.stages, key=lambda one: (one.name != "report", one.notebook.name))

    def scenario(self, text: Text) -> str:
        """Return the heading of a run whose choices are not those of the edition, or a blank."""
        own = [f"scoring.{name}={rule}" for name, rule in self.params.scoring.scenario().items()]
        choices = list(dict.fromkeys([*self.provenance.settings, *own]))
        return text("page.scenario", choices=text.listing(choices)) if choices else ""

    def box(self, text: Text) -> dict[str, str]:
        """Return label -> value of what the run was made from."""
        made, own = self.provenance, self.params.edition
        settings = "; ".join(made.settings) or text("provenance.no_settings")
        edition = {"edition": str(own.year), "as_of": str(own.as_of)}
        planned = made.planned_on or text("provenance.set_afterwards")
        shown = {"settings": settings, "planned_on": planned}
        values = {"run": made.run_id} | edition | asdict(made) | shown
        return {text(f"provenance.{name}"): value for name, value in values.items()}


@dataclass(frozen=True, slots=True)
class Published:
    """What an earlier run says of itself; `files`: path in the report -> SHA-256."""

    run: str
    files: Mapping[str, str]


def read_manifest(folder: Path) -> Published:
    """Return what the run that published the folder says of itself; blank where none did."""
    try:
        found = TypeAdapter(Published).validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return Published("", {})  # what cannot be read vouches for nothing
    return Published(found.run, {name: found.files[name] for name in found.files if within(name)})


def within(name: str) -> bool:
    """Tell whether a name of the manifest stays in the folder of the report."""
    parts = PurePosixPath(name).parts
    return not PurePosixPath(name).is_absolute() and ".." not in parts and ":" not in name


def publish(
    folder: Path, files: Mapping[str, bytes], provenance: Provenance, *, whole: bool
) -> None:
    """Write the files of a run, each whole or not at all; the manifest last.

    A `whole` run takes away what an earlier one left and this one does not make.
    """
    earlier = read_manifest(folder).files
    for name, content in files.items():
        replace(folder / name, content)
    for name in set(earlier) - set(files) if whole else ():
        (folder / name).unlink(missing_ok=True)
    kept = {name: s for name, s in earlier.items() if (folder / name).is_file()}
    sums = kept | {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    manifest = (
        {"run": provenance.run_id} | asdict(provenance) | {"files": dict(sorted(sums.items()))}
    )
    replace(folder / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1).encode())
