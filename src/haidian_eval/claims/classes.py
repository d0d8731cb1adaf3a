"""The class of every claim: its kind, what its check found, where the cells come from."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from haidian_eval.claims.asked import asked_by
from haidian_eval.claims.checks import CHECKS, Outcome, Tables, cells

CLASSES = ("independent", "publisher", "differs", "unknown", "not_a_fact")


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims with their class, and the cells that decided.

    frame: the table of claims with `class` (one of CLASSES) and `cells` (their number).
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
    sources = tables["sources"].set_index("source_id")
    standing = sources["standing"] if "standing" in sources else pd.Series(dtype="str")
    claims = tables["claims"]
    nothing = Outcome(None, cells(claims.head(0)))
    names, blocks = [], [nothing.cells]
    for _, claim in claims.iterrows():
        has_check = pd.notna(claim["check"])
        found = CHECKS[claim["check"]](asked_by(claim, tables), tables) if has_check else nothing
        cited = [weakest(ids, standing) for ids in found.cells["source_id"]]
        block = found.cells.assign(claim_id=claim["claim_id"], standing=cited)
        blocks.append(block.assign(outcome="baseline") if claim["kind"] == "proposal" else block)
        names.append(class_of(str(claim["kind"]), found.holds, block))
    filled = [block for block in blocks if len(block)] or blocks
    size = [len(block) for block in blocks[1:]]
    frame = claims.reset_index(drop=True).assign(**{"class": names, "cells": size})
    return Claims(frame, pd.concat(filled, ignore_index=True))


def weakest(ids: object, standing: pd.Series) -> str:
    """Return the standing of the sources of one cell; not independent unless all of them are."""
    if not isinstance(ids, str) or not ids:
        return ""
    found = {str(standing.get(one)) for one in ids.split(";")}
    return "independent" if found == {"independent"} else "self" if "self" in found else "authority"


def class_of(kind: str, holds: bool | None, cells: pd.DataFrame) -> str:
    """Return the class that the kind of statement, the finding and its cells lead to."""
    if kind == "proposal":
        return "not_a_fact"
    if holds is None:
        return "unknown"
    if not holds:
        return "differs"
    decided = cells[cells["outcome"] != "absent"]
    return "independent" if (decided["standing"] == "independent").all() else "publisher"
