"""The class of every claim: its kind, what its check found, where the cells come from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from haidian_eval.claims.asked import asked_by
from haidian_eval.claims.checks import CHECKS, Outcome, Tables, cells
from haidian_eval.claims.places import YEAR, is_whole_year, yearly_places

CLASSES = ("independent", "publisher", "differs", "unknown", "not_a_fact")


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims with their class, and the cells that decided.

    frame: the table of claims with `class` (one of CLASSES), `cells` (their number) and
    `cell_sources`.
    cells: see `Outcome`, with claim_id and the standing of the source.
    """

    frame: pd.DataFrame
    cells: pd.DataFrame


def check(tables: Tables) -> Claims:
    """Return the class of every claim.

    tables: claims, values, rules, sources, units, indicators of the edition. A proposal is not a
    fact; a fact without a check, or whose cells are absent or disagree, is unknown; one that fails
    differs from the documents seen; one that holds is confirmed by independent data when every
    deciding cell comes from raw records that others keep and anybody can recompute, else it agrees
    with the publisher only. Beside a proposal stands the present practice. Raises TableError when
    a cell `asked` cannot be used.
    """
    claims = tables["claims"].reset_index(drop=True)
    nothing = Outcome(None, cells(claims.head(0)))
    names, blocks = [], [nothing.cells]
    for _, claim in claims.iterrows():
        has_check = pd.notna(claim["check"])
        found = CHECKS[claim["check"]](asked_by(claim, tables), tables) if has_check else nothing
        cited = [weakest(ids, tables) for ids in found.cells["source_id"]]
        block = found.cells.assign(claim_id=claim["claim_id"], standing=cited)
        decided = block.loc[block["outcome"] != "absent", "standing"]
        names.append(class_of(claim["kind"], found.holds, decided))
        blocks.append(block.assign(outcome="baseline") if claim["kind"] == "proposal" else block)
    filled = [block for block in blocks if len(block)] or blocks
    own = {"class": names, "cells": [len(block) for block in blocks[1:]]}
    own["cell_sources"] = [";".join(block["source_id"].dropna()) for block in blocks[1:]]
    frame = claims.assign(**own)
    return Claims(frame, pd.concat(filled, ignore_index=True))


def weakest(ids: object, tables: Tables) -> str:
    """Return the standing of the sources of one cell; not independent unless all of them are."""
    if not isinstance(ids, str) or not ids:
        return ""
    standing = tables["sources"].set_index("source_id").get("standing", pd.Series(dtype="str"))
    found = {str(standing.get(one)) for one in ids.split(";")}
    return "independent" if found == {"independent"} else "self" if "self" in found else "authority"


def class_of(kind: str, holds: bool | None, decided: Iterable[str]) -> str:
    """Return the class that kind, finding and the standing of what decided lead to."""
    if kind == "proposal":
        return "not_a_fact"
    if holds is None:
        return "unknown"
    if not holds:
        return "differs"
    return "independent" if set(decided) <= {"independent"} else "publisher"


def years(asked: Any, tables: Tables) -> pd.DataFrame:
    """Return the places of `yearly_places` with the class of each year and its scope.

    found: as though the year alone were claimed. scope: outside (not claimed) | part (a part of a
    year settles nothing) | gap (settled for the rivals there are only) | whole.
    """
    rows = yearly_places(asked, tables)
    year, whole = rows["period"].str[:YEAR].astype(int), rows["period"].map(is_whole_year)
    scopes = [~year.between(asked.first, asked.last), ~whole.astype(bool), rows["absent"] != ""]
    cited = [weakest(ids, tables) for ids in rows["source_id"]]
    found = [
        class_of("fact", x != "not_first", [of])
        for x, of in zip(rows["outcome"], cited, strict=True)
    ]
    return rows.assign(found=found, scope=np.select(scopes, ["outside", "part", "gap"], "whole"))
