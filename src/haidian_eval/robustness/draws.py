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
from haidian_eval.robustness.design import as_numbers, weights_of
from haidian_eval.robustness.noise import Noise, noisy, read_noise
from haidian_eval.scoring.aggregation import score_nodes
from haidian_eval.scoring.composite import numeric
from haidian_eval.scoring.framework import Framework, with_choices
from haidian_eval.scoring.grades import misses
from haidian_eval.scoring.missing import fill_leaf
from haidian_eval.scoring.normalise import score_leaf
from haidian_eval.scoring.outliers import treat_outliers

STEPS = ("winsorised", "rule", "missing", "aggregation")
BLOCK = 50_000  # cells of draws x units: scores of all nodes stay near the core, and small products
# are not spread over threads that wait for each other
COLUMNS = {*STEPS, "weight_set", "noise"}


@dataclass(frozen=True, slots=True)
class Block:
    """Draws scored together.

    rows: their places in the design. scores: node -> draws x units. misses: binding indicator ->
    which units miss its target, draws x units or 1 x units.
    """

    rows: np.ndarray
    scores: Mapping[str, np.ndarray]
    misses: Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Source:
    """What draws are made from.

    cells: values unit x indicator. noise: their errors. sets: node x set of weights. groups: code
    of each unit's peer group; previous: values one period earlier, for missing policies.
    """

    cells: pd.DataFrame
    noise: Noise | None
    sets: pd.DataFrame | None
    groups: np.ndarray | None
    previous: pd.DataFrame | None


def source_of(
    values: pd.DataFrame, framework: Framework, *, noise: Any = None,
    weight_sets: pd.DataFrame | None = None, groups: pd.Series | None = None,
    previous: pd.DataFrame | None = None,
) -> Source:  # fmt: skip
    """Return what draws are made from, checked."""
    raw, leaves = numeric(values, framework), framework.leaves
    codes = None if groups is None else pd.factorize(groups.reindex(raw.index))[0]
    before = None if previous is None else numeric(previous, framework).reindex(raw.index)
    return Source(raw, read_noise(noise, leaves, raw.index), weight_sets, codes, before)


def evaluate(
    values: pd.DataFrame, framework: Framework, design: pd.DataFrame, *, noise: Any = None,
    weight_sets: pd.DataFrame | None = None, groups: pd.Series | None = None,
    previous: pd.DataFrame | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return draw x unit: the index.

    `design` has one row per draw and any of the columns winsorised, rule, aggregation, missing,
    weight_set (looked up in `weight_sets`), node:<id> and w:<id> (weight of a node; blank: the
    framework's), noise (a number from which the errors `noise` of the values are drawn). `groups`
    and `previous` serve missing policies, as in `scoring.score`.
    """
    more = {"weight_sets": weight_sets, "groups": groups, "previous": previous}
    source = source_of(values, framework, noise=noise, **more)
    index = np.empty((len(design), len(values)))
    for block in blocks(source, framework, design):
        index[block.rows] = block.scores[framework.root]
    return pd.DataFrame(index, design.index, values.index)


def blocks(source: Source, framework: Framework, design: pd.DataFrame) -> Iterator[Block]:
    """Yield the scores of all nodes for the draws of a design, as many at a time as fit."""
    check_columns(design, framework, source)
    weights = weights_of(design, framework, source.sets).to_numpy()
    seeds = as_numbers(design["noise"]) if "noise" in design else None
    if seeds is not None and not (seeds >= 0).all():
        raise ParameterError("design: the column noise needs a number of zero or more in every row")
    if "winsorised" in design:
        design = design.assign(winsorised=as_numbers(design["winsorised"]))
    own = 1 if seeds is None else len(framework.leaves) // 10 + 1
    size = max(1, BLOCK // (max(len(source.cells), 1) * own))
    for steps, rows in by_steps(design):
        limit = steps.pop("winsorised", None)
        chosen = with_choices(framework, steps)
        tree, leaves = chosen.tree, None
        for at in range(0, len(rows), size):
            part = rows[at : at + size]
            if leaves is None or seeds is not None:
                leaves = leaf_scores(source, chosen, limit, None if seeds is None else seeds[part])
            yield Block(part, score_nodes(leaves.scores, tree, weights[part]), leaves.misses)


def check_columns(design: pd.DataFrame, framework: Framework, source: Source) -> None:
    """Refuse columns that say nothing, and those that nothing explains."""
    for column in map(str, design.columns):
        if column not in COLUMNS and not column.startswith(("node:", "w:")):
            raise ParameterError(f"design: column {column!r} is none of {sorted(COLUMNS)},"
                                 " node:<id>, w:<id>")  # fmt: skip
    if "noise" in design and source.noise is None:
        raise ParameterError("design: the column noise needs the errors of the values; give noise")
    drawn = any(str(column).startswith("w:") for column in design)
    if "weight_set" in design and source.sets is None and not drawn:
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


@dataclass(frozen=True, slots=True)
class Leaves:
    """Scores of the indicators, and which values miss a binding target, 1 or draws x units."""

    scores: dict[str, np.ndarray]
    misses: dict[str, np.ndarray]


def leaf_scores(
    source: Source, framework: Framework, winsorised: float | None, seeds: np.ndarray | None
) -> Leaves:
    """Return what each indicator gives: values with their errors, filled, treated, normalised."""
    raw, policies = source.cells, framework.nodes["missing"]
    drawn = raw.to_numpy()[None]
    if seeds is not None and source.noise is not None:
        drawn = noisy(raw, source.noise, seeds)
    filled = {}
    for at, leaf in enumerate(raw):
        before = None if source.previous is None else source.previous[leaf].to_numpy()
        filled[leaf] = fill_leaf(drawn[:, :, at], policies[leaf], leaf, source.groups, before)
    ready = filled if winsorised is None else treated(filled, raw, int(winsorised))
    scores = {leaf: score_leaf(ready[leaf], rule) for leaf, rule in framework.rules.items()}
    known = {leaf: drawn[:, :, at] for at, leaf in enumerate(raw)}
    return Leaves(scores, misses(known, framework.nodes))


def treated(
    filled: dict[str, np.ndarray], raw: pd.DataFrame, winsorised: int
) -> dict[str, np.ndarray]:
    """Return the values after outlier treatment, which looks at all units of a draw: one by one."""
    draws = np.stack(list(filled.values()), axis=-1)
    frames = [treat_outliers(pd.DataFrame(own, raw.index, raw.columns), max_winsorised=winsorised)
              for own in draws]  # fmt: skip
    whole = np.stack([frame.values.to_numpy() for frame in frames])  # noqa: PD011 (a field)
    return {leaf: whole[:, :, at] for at, leaf in enumerate(filled)}
