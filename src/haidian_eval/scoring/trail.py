"""The way of one number: from the index down to the row of a file, to be recomputed by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from haidian_eval.errors import ParameterError, not_known
from haidian_eval.scoring.composite import Scores
from haidian_eval.scoring.framework import OF_RULES, Framework

PLACE = ["_file", "_sheet", "_row", "_repair", "vintage", "unit", "source_id"]


@dataclass(frozen=True, slots=True)
class Trail:
    """How one score came about.

    nodes: one row per node from the one asked for down to its leaves: node_id, depth, score, weight
    (of the table), share (in its parent for this unit, after missing values), method (rule or
    mean), direction, transform, asks (numbers and points of the rule). cells: one row per leaf:
    node_id, value, filled (the policy that filled it), file, sheet, row, repair, vintage, unit,
    source_id, checksum of the file.
    """

    unit_id: str
    node_id: str
    nodes: pd.DataFrame
    cells: pd.DataFrame


def explain(
    scores: Scores, framework: Framework, rows: pd.DataFrame, unit: str, node: str, *,
    checksums: Mapping[str, str] | None = None,
) -> Trail:  # fmt: skip
    """Return the trail of one unit's score at one node; "index" is the root.

    `rows`: the rows of the table of values behind the scores; `checksums`: file -> SHA-256.
    Raises ParameterError where the unit or the node is not known.
    """
    start = framework.root if node == "index" else node
    if unit not in scores.nodes.index:
        raise ParameterError(not_known(f"the unit {unit!r}", unit, scores.nodes.index))
    if start not in framework.nodes.index:
        raise ParameterError(not_known(f"the node {node!r}", node, framework.nodes.index))
    walk = downwards(framework, start)
    own = scores.nodes.loc[unit]
    lines = [line(framework, name, depth, own) for name, depth in walk]
    leaves = [name for name, _ in walk if name in set(framework.leaves)]
    return Trail(
        unit, start, pd.DataFrame(lines), behind(scores, rows, unit, leaves, checksums or {})
    )


def downwards(framework: Framework, node: str, depth: int = 0) -> list[tuple[str, int]]:
    """Return a node and all below it with their depth, each before its children."""
    found = [(node, depth)]
    for child in framework.kindred.get(node, []):
        found += downwards(framework, child, depth + 1)
    return found


def line(framework: Framework, name: str, depth: int, own: pd.Series) -> dict[str, object]:
    """Return what is to be said of one node."""
    node, rules = framework.nodes.loc[name], framework.rules
    siblings = framework.families.get(str(node["parent_id"]), [])
    known = [child for child in siblings if pd.notna(own[child])]
    weight = framework.nodes["weight"]
    share = float(weight[name] / weight[known].sum()) if name in known else float("nan")
    asks, method = "", str(node["aggregation"])
    if name in rules:
        method, leaf = str(node["rule"]), rules[name]
        given = {at: getattr(leaf, at) for at in OF_RULES if pd.notna(getattr(leaf, at))}
        pairs = [] if leaf.points is None else [f"({at:g}, {score:g})" for at, score in leaf.points]
        asks = "; ".join([*(f"{at} = {x:g}" for at, x in given.items()), *pairs])
    return {"node_id": name, "depth": depth, "score": own[name], "weight": node["weight"],
            "share": share, "method": method, "direction": node["direction"],
            "transform": node["transform"], "asks": asks}  # fmt: skip


def behind(
    scores: Scores, rows: pd.DataFrame, unit: str, leaves: list[str], checksums: Mapping[str, str]
) -> pd.DataFrame:
    """Return the rows of the files behind a unit's indicators, and what was filled in."""
    own = rows[(rows["unit_id"] == unit) & rows["indicator_id"].isin(leaves)]
    table = own.set_index("indicator_id").reindex(leaves)
    kept = table.reindex(columns=["value", *PLACE]).rename(columns=lambda name: name.lstrip("_"))
    filled = scores.filled[scores.filled["unit_id"] == unit].set_index("indicator_id")
    kept["filled"] = filled["policy"].reindex(leaves)
    kept["value"] = kept["value"].fillna(filled["value"].astype("float64").reindex(leaves))
    kept["checksum"] = kept["file"].map(checksums)
    return kept.rename_axis("node_id").reset_index()
