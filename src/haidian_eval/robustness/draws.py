"""Every draw of a design scored, many at a time: what the same method step gives is made once.

Draws that share outlier treatment, rule, missing policy and aggregation share one matrix of
normalised scores; the tree above it is a few matrix products for thousands of sets of weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError
from haidian_eval.robustness.design import weights_of
from haidian_eval.robustness.noise import Noise, noisy, read_noise
from haidian_eval.scoring.aggregation import score_nodes
from haidian_eval.scoring.composite import normalise, numeric
from haidian_eval.scoring.framework import Framework, with_choices
from haidian_eval.scoring.missing import fill_leaf, fill_missing
from haidian_eval.scoring.normalise import score_leaf
from haidian_eval.scoring.outliers import treat_outliers

STEPS = ("winsorised", "rule", "missing", "aggregation")
BLOCK = 50_000  # cells of draws x units: scores of all nodes stay near the core, and small products
# are not spread over threads that wait for each other
COLUMNS = {*STEPS, "weight_set", "noise"}


@dataclass(frozen=True, slots=True)
class Block:
    """Draws scored together: their places in the design, and node -> draws x units."""

    rows: np.ndarray
    scores: Mapping[str, np.ndarray]


def evaluate(
    values: pd.DataFrame, framework: Framework, design: pd.DataFrame, *,
    weight_sets: pd.DataFrame | None = None, noise: Any = None,
) -> pd.DataFrame:  # fmt: skip
    """Return draw x unit: the index.

    `design` has one row per draw and any of the columns winsorised, rule, aggregation, missing,
    weight_set (looked up in `weight_sets`), node:<id> and w:<id> (weight of a node; blank: the
    framework's), noise (a number from which the errors `noise` of the values are drawn).
    """
    index = np.empty((len(design), len(values)))
    for block in blocks(values, framework, design, weight_sets=weight_sets, noise=noise):
        index[block.rows] = block.scores[framework.root]
    return pd.DataFrame(index, design.index, values.index)


def blocks(
    values: pd.DataFrame, framework: Framework, design: pd.DataFrame, *,
    weight_sets: pd.DataFrame | None = None, noise: Any = None,
) -> Iterator[Block]:  # fmt: skip
    """Yield the scores of all nodes for the draws of a design, as many at a time as fit."""
    check_columns(design, framework, weight_sets)
    raw = numeric(values, framework)
    errors = read_noise(noise, framework.leaves, values.index)
    if "noise" in design and errors is None:
        raise ParameterError("design: the column noise needs the errors of the values; give noise")
    weights = weights_of(design, framework, weight_sets).to_numpy()
    seeds = design["noise"].to_numpy() if "noise" in design else None
    for steps, rows in by_steps(design):
        chosen = with_choices(framework, {k: v for k, v in steps.items() if k != "winsorised"})
        limit, tree = steps.get("winsorised"), chosen.tree
        still = leaf_scores(raw, chosen, limit) if seeds is None else {}
        own = len(framework.leaves) // 10 + 1 if seeds is not None else 1
        size = max(1, BLOCK // (max(len(values), 1) * own))
        for part in np.array_split(rows, -(-len(rows) // size)):
            leaves = still
            if seeds is not None:
                leaves = noisy_scores(raw, chosen, limit, errors, seeds[part])
            yield Block(part, score_nodes(leaves, tree, weights[part]))


def check_columns(
    design: pd.DataFrame, framework: Framework, weight_sets: pd.DataFrame | None
) -> None:
    """Refuse columns that say nothing, and a name of weights that nothing explains."""
    for column in map(str, design.columns):
        if column not in COLUMNS and not column.startswith(("node:", "w:")):
            raise ParameterError(f"design: column {column!r} is none of {sorted(COLUMNS)},"
                                 " node:<id>, w:<id>")  # fmt: skip
    drawn = any(str(column).startswith("w:") for column in design)
    if "weight_set" in design and weight_sets is None and not drawn:
        raise ParameterError("design: the column weight_set needs weight_sets")


def by_steps(design: pd.DataFrame) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Yield each combination of method steps with the places of its draws."""
    columns = [step for step in STEPS if step in design]
    if not columns:
        yield {}, np.arange(len(design))
        return
    grouped = design.groupby(columns, dropna=False, observed=True, sort=False).indices
    for names, rows in grouped.items():
        key = names if isinstance(names, tuple) else (names,)
        pairs = zip(columns, key, strict=True)
        yield {c: name for c, name in pairs if not pd.isna(name) and name != ""}, rows


def leaf_scores(
    raw: pd.DataFrame, framework: Framework, winsorised: float | None
) -> dict[str, np.ndarray]:
    """Return indicator -> 1 x units: values filled, treated and normalised."""
    policies = framework.nodes["missing"].reindex(framework.leaves)
    values, _ = fill_missing(raw, policies)
    if winsorised is not None:
        treated = treat_outliers(values, max_winsorised=int(winsorised))
        values = treated.values  # noqa: PD011 (a field of Treated)
    return normalise(values, framework)


def noisy_scores(
    raw: pd.DataFrame, framework: Framework, winsorised: float | None, errors: Noise | None,
    seeds: np.ndarray,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Return indicator -> draws x units: values with the errors of each draw, filled, normalised.

    Outlier treatment looks at all values of an indicator again and is made draw by draw.
    """
    drawn = noisy(raw, errors, seeds) if errors is not None else raw.to_numpy()[None]
    policies = framework.nodes["missing"]
    if winsorised is None:
        return {
            leaf: score_leaf(fill_leaf(drawn[:, :, at], policies[leaf], leaf), rule)
            for at, (leaf, rule) in enumerate(framework.rules.items())
        }
    frames = (pd.DataFrame(values, raw.index, raw.columns) for values in drawn)
    singles = [leaf_scores(frame, framework, winsorised) for frame in frames]
    return {leaf: np.concatenate([single[leaf] for single in singles]) for leaf in raw}
