"""The files of an edition that synthetic tables are written to."""

from __future__ import annotations

import csv
from pathlib import Path

from haidian_eval.errors import TableError
from haidian_eval.synthetic.edition import Synthetic
from haidian_eval.synthetic.marks import MARK
from haidian_eval.tables.store import replace

FILE = "synthetic.csv"


def write_synthetic(folder: Path, made: Synthetic, *, force: bool = False) -> list[Path]:
    """Write the tables into the folder of an edition, each as a file beside the real ones.

    Raises TableError when such a file holds a row that is not synthetic, unless `force` is given.
    """
    paths = [folder / name / FILE for name in made.tables]
    for path in paths:
        if path.exists() and not force and not is_own(path):
            raise TableError(
                f"{path} holds rows that are not synthetic; move it, or overwrite it with --force"
            )
    for path, frame in zip(paths, made.tables.values(), strict=True):
        replace(path, frame.to_csv(index=False, float_format="%.10g", lineterminator="\n").encode())
    return paths


def is_own(path: Path) -> bool:
    """Tell whether every row of a file is synthetic, by its source."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (UnicodeDecodeError, csv.Error):
        return False
    cited = all((row.get("source_id") or "").startswith(MARK) for row in rows)
    return cited and (
        path.parent.name != "sources" or all(r.get("kind") == "synthetic" for r in rows)
    )
