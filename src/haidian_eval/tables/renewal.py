"""A new edition from an older one: what is copied, what must be replaced, what becomes invalid."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from haidian_eval.errors import TableError
from haidian_eval.tables.edition import files_of, sources_of_table
from haidian_eval.tables.store import replace

COPIED = ("sources", "units", "indicators", "points", "bands", "rules", "policies")
SETTINGS = "parameters.toml"


def new_edition(old: Path, new: Path, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Make the folder of a new edition from `old`; return what is to be done, one row a table.

    Schemes, units, sources and parameters are copied as they stand; results, corrections and
    claims are of their year and are not. Columns: table, state (copied | replace | synthetic),
    rows (in the old edition), file. Raises TableError when the folder exists already.
    """
    if new.exists():
        raise TableError(f"{new} exists already; take it away or choose another year")
    for name in COPIED:
        for path in files_of(old, name):
            replace(new / path.relative_to(old), path.read_bytes())
    replace(new / SETTINGS, (old / SETTINGS).read_bytes())
    step = int(new.name) - int(old.name)
    lines = (old / "edition.toml").read_text("utf-8").splitlines()
    for place, line in enumerate(lines):
        if re.match(r"(year|as_of|zh|en)\b", line):  # year, as-of date and titles move on
            lines[place] = re.sub(r"(19|20)\d\d", lambda y: str(int(y[0]) + step), line)
    replace(new / "edition.toml", ("\n".join(lines) + "\n").encode())
    return to_do(tables)


def to_do(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return, per table of the old edition, whether it was copied or must be handed in anew.

    synthetic: rows made by the study, apart from the table's others; when real ones take their
    place, everything that was computed from them becomes invalid, and results must be made anew.
    """
    sources, rows = tables["sources"], []
    made = set(sources.loc[sources["kind"] == "synthetic", "source_id"])
    for name, frame in tables.items():
        if frame.empty:
            continue
        is_made = frame["source_id"].map(lambda ids: not made.isdisjoint(ids.split(";")))
        for synthetic, part in frame.groupby(is_made):
            state = "synthetic" if synthetic else "copied" if name in COPIED else "replace"
            file = ";".join(sorted(set(part["_file"])))
            rows.append({"table": name, "state": state, "rows": len(part), "file": file,
                         "sources": sources_of_table(name, sources)})  # fmt: skip
    return pd.DataFrame(rows, columns=["table", "state", "rows", "file", "sources"])
