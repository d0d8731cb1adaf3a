"""Small frameworks for tests of scoring, and a scorer in plain loops to hold them against."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from haidian_eval import scoring

Known = float | None
MEANS = ("arithmetic", "geometric", "harmonic", "generalised:0.5", "minimum", "mazziotta_pareto")


def leaf(name: str, parent: str = "root", weight: float = 1, **columns: Any) -> dict[str, Any]:
    """A row of the table of indicators; its rule is identity unless a keyword says otherwise."""
    row = {"node_id": name, "parent_id": parent, "weight": weight, "rule": "identity"}
    return row | columns


def branch(name: str, parent: str | None = "root", weight: float = 1, **columns: Any) -> dict:
    return {"node_id": name, "parent_id": parent, "weight": weight} | columns


def framework(*rows: dict[str, Any], points: Any = None, bands: Any = None) -> scoring.Framework:
    """The framework of these rows; `points` are (leaf, at, score), `bands` rows of their table."""
    at = ["node_id", "at", "score"]
    pairs = None if points is None else pd.DataFrame(points, columns=at).assign(scheme_id="s")
    lines = None if bands is None else pd.DataFrame(bands).assign(scheme_id="s")
    table = pd.DataFrame(list(rows)).assign(scheme_id="s")
    return scoring.build_framework(table, pairs, lines)


def alone(points: Sequence[tuple[float, float]] | None = None, **columns: Any) -> scoring.Framework:
    """A root over the leaf "a" alone."""
    pairs = None if points is None else [("a", at, score) for at, score in points]
    return framework(branch("root", None), leaf("a", **columns), points=pairs)


def family(weights: Sequence[float], aggregation: str = "arithmetic") -> scoring.Framework:
    """A root over the leaves a, b, c ... with these weights."""
    leaves = [leaf(chr(97 + i), weight=weight) for i, weight in enumerate(weights)]
    return framework(branch("root", None, aggregation=aggregation), *leaves)


def scored(values: Sequence[float], points: Any = None, **columns: Any) -> list[float]:
    """The scores of the leaf "a" under its rule."""
    x = pd.DataFrame({"a": np.asarray(values, dtype=float)})
    return scoring.score(x, alone(points, **columns)).normalised["a"].tolist()


def frame(**columns: Sequence[float | None]) -> pd.DataFrame:
    """Values of the leaves named by the keywords; units are u0, u1 ..."""
    x = pd.DataFrame(columns, dtype=float)
    return x.set_axis([f"u{i}" for i in range(len(x))])


def mean_of(scores: Sequence[Known], weights: Sequence[float], method: str) -> Known:
    """One parent's score from its children's, term by term."""
    known = [(s, w) for s, w in zip(scores, weights, strict=True) if s is not None and w > 0]
    total = sum(w for _, w in known)
    if total == 0:
        return None
    name, _, behind = method.partition(":")
    if name == "minimum":
        return min(s for s, _ in known)
    if name == "geometric":
        return math.prod(s ** (w / total) for s, w in known)
    if name == "harmonic":
        return total / sum(w / s for s, w in known)
    if name == "generalised":
        return (sum(w * s ** float(behind) for s, w in known) / total) ** (1 / float(behind))
    mean = sum(w * s for s, w in known) / total
    if name == "arithmetic":
        return mean
    return mean - sum(w * (s - mean) ** 2 for s, w in known) / total / mean


def brute(
    node: str, rows: Sequence[dict[str, Any]], leaves: Mapping[str, Known]
) -> tuple[Known, dict[str, float]]:
    """A node's score and the weight of each leaf below it, by recursion over the rows."""
    own = next(row for row in rows if row["node_id"] == node)
    children = [row for row in rows if row["parent_id"] == node]
    if not children:
        return leaves[node], {node: 1.0}
    below = [brute(row["node_id"], rows, leaves) for row in children]
    scores = [score for score, _ in below]
    weights = [row["weight"] for row in children]
    known = [s is not None and w > 0 for s, w in zip(scores, weights, strict=True)]
    total = sum(w for w, there in zip(weights, known, strict=True) if there)
    used: dict[str, float] = {}
    for (_, shares), weight, there in zip(below, weights, known, strict=True):
        share = weight / total if there and total else 0.0
        used |= {name: share * part for name, part in shares.items()}
    strict = [
        own.get("missing") == "propagate" or r.get("missing") == "propagate" for r in children
    ]
    if any(s and score is None for s, score in zip(strict, scores, strict=True)):
        return None, used
    return mean_of(scores, weights, own.get("aggregation", "arithmetic")), used


def by_row(values: pd.DataFrame) -> list[dict[str, Known]]:
    """Each unit's values, missing ones as None."""
    kept = values.astype("object").where(values.notna(), None)
    return [dict(row) for _, row in kept.iterrows()]
