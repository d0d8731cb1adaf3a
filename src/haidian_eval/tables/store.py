"""Clean tables and results in Parquet; the checksum of each is checked before it is read."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from haidian_eval.errors import TableError
from haidian_eval.tables.contracts import contracts, schema

MANIFEST = "manifest.json"
MARK = "run"


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checksums(folder: Path) -> dict[str, str]:
    """Return file -> SHA-256 of all files in a folder, by their names in it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256(path) for path in files}


def replace(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new, never a half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def read_manifest(folder: Path) -> dict[str, str]:
    """Return table -> SHA-256 of the tables in a folder."""
    path = folder / MANIFEST
    try:
        sums: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # what cannot be read vouches for nothing
    return sums if isinstance(sums, dict) else {}


def write_tables(folder: Path, frames: Mapping[str, pd.DataFrame]) -> None:
    """Write frames as Parquet and enter their checksums; the index is not kept.

    What bears the name of an edition's table must be as its contract says, whatever happened to
    it since it was read; else TableError.
    """
    for name, frame in frames.items():
        if name in contracts() and len(frame):
            look_at_frame(name, frame)
        content = frame.reset_index(drop=True).to_parquet(index=False)
        replace(folder / f"{name}.parquet", content)
    enter(folder, frames)


def look_at_frame(name: str, frame: pd.DataFrame) -> None:
    """Refuse a frame that is no longer what the contract of its table says."""
    from pandera.errors import SchemaErrors

    try:
        schema(contracts()[name]).validate(frame.reset_index(drop=True), lazy=True)
    except SchemaErrors as error:
        cases = error.failure_cases[["column", "check", "failure_case"]].head(3)
        wrong = cases.to_dict("records")
        raise TableError(f"the table {name!r} breaks its contract: {wrong}") from None


def enter(folder: Path, names: Mapping[str, object]) -> None:
    """Enter the checksums of tables that stand in the folder into its manifest."""
    sums = {name: sha256(folder / f"{name}.parquet") for name in names}
    manifest = dict(sorted({**read_manifest(folder), **sums}.items()))
    replace(folder / MANIFEST, json.dumps(manifest, indent=1).encode())


def adopt(folder: Path, staged: Path) -> None:
    """Copy all tables of a staging folder into `folder` and enter their checksums.

    From here on the folder may hold tables of two runs, so its mark is taken away.
    """
    mark(folder, "")
    sums = read_manifest(staged)
    for name in sums:
        replace(folder / f"{name}.parquet", (staged / f"{name}.parquet").read_bytes())
    enter(folder, sums)


def is_whole(folder: Path, files: Mapping[str, str] | None = None) -> bool:
    """Tell whether files are there with these checksums; unless given, the manifest's tables."""
    if files is None:
        files = {f"{name}.parquet": own for name, own in read_manifest(folder).items()}
    return all((folder / n).is_file() and sha256(folder / n) == s for n, s in files.items())


def mark(folder: Path, run_id: str) -> None:
    """Note which run made all tables of a folder; a blank where they are not of one run."""
    replace(folder / MARK, run_id.encode())


def marked(folder: Path) -> str:
    """Return which run made all tables of a folder, or a blank."""
    path = folder / MARK
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def read_table(folder: Path, name: str) -> pd.DataFrame:
    """Return a table that the manifest vouches for."""
    path = folder / f"{name}.parquet"
    expected = read_manifest(folder).get(name)
    if expected is None or not path.is_file():
        raise TableError(
            f"the table {name!r} is not in {folder}: expected {path.name}, which an earlier stage"
            " writes; run all stages"
        )
    if sha256(path) != expected:
        raise TableError(f"{path} was changed after it was written; run all stages again")
    return pd.read_parquet(path)
