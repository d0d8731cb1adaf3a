"""Which choices are varied, and the design: one row per draw with everything that was chosen."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError, not_known
from haidian_eval.robustness.noise import Noise, read_noise
from haidian_eval.scoring.composite import with_weights as with_table_weights
from haidian_eval.scoring.framework import CHOICES, Framework, as_id, check_choice

LARGEST_FACTORIAL = 100_000
METHODS = {"rule": "rules", "aggregation": "aggregations", "missing": "missing"}


@dataclass(frozen=True, slots=True)
class Choices:
    """What could have been chosen otherwise; empty, and a blank name: as the framework has it.

    weights: half-width of the uniform factor on every weight (0.25: w x U(0.75, 1.25),
    renormalised within its parent; 0: weights fixed). rules: for all leaves; aggregations: for all
    parents; missing: for all leaves; winsorised: most values that outlier treatment may draw in
    (of every indicator: meant for rules that compare units).
    weight_sets: node x set, blank = the framework's. node_weights: node -> weights to choose from.
    noise: errors of the values, see `read_noise`. interval: share of the draws between the ends of
    a rank interval. top: the first so many ranks that `top_share` counts.
    """

    weights: float = 0.25
    rules: Sequence[str] = ()
    aggregations: Sequence[str] = ()
    winsorised: Sequence[int] = ()
    missing: Sequence[str] = ()
    weight_sets: pd.DataFrame | None = None
    node_weights: Mapping[str, Sequence[float]] = field(default_factory=dict)
    noise: Any = None
    interval: float = 0.90
    top: int = 10


@dataclass(frozen=True, slots=True)
class Plan:
    """Choices checked against a framework.

    levels: discrete factor -> its alternatives, in the columns of a design. spread: half-width of
    the weights, 0 where they stay. drawn: nodes whose weight is drawn. noise: errors of the values.
    """

    framework: Framework
    levels: Mapping[str, Sequence[Any]]
    spread: float
    drawn: tuple[str, ...]
    sets: pd.DataFrame | None
    noise: Noise | None

    @property
    def cells(self) -> int | None:
        """The number of combinations where all choices are discrete; else None."""
        if self.spread or self.noise is not None:
            return None
        return int(np.prod([len(names) for names in self.levels.values()], dtype=np.int64))


def plan(choices: Choices, framework: Framework, values: pd.DataFrame) -> Plan:
    """Return the choices checked; what names a step or a node that is not known raises."""
    if not 0 <= choices.weights < 1:
        raise ParameterError(f"choices.weights = {choices.weights}: a half-width from 0 to below 1")
    if not 0 < choices.interval < 1:
        raise ParameterError(f"choices.interval = {choices.interval}: a share between 0 and 1")
    levels: dict[str, Sequence[Any]] = {}
    for column, name in METHODS.items():
        chosen = list(dict.fromkeys(choice or "" for choice in getattr(choices, name)))
        for choice in filter(None, chosen):
            check_choice(choice, CHOICES[column], f"choices.{name}: {choice!r}")
        levels |= {column: chosen} if chosen else {}
    if len(choices.winsorised):
        levels["winsorised"] = [float(most) for most in dict.fromkeys(choices.winsorised)]
    if (sets := choices.weight_sets) is not None:
        known_nodes(sets.index, framework, "weight_sets")
        levels["weight_set"] = [str(name) for name in sets.columns]
        for name in sets:
            with_table_weights(framework, sets[name].dropna())
    known_nodes(choices.node_weights, framework, "node_weights")
    for node, own in choices.node_weights.items():
        if not len(own):
            raise ParameterError(f"choices.node_weights: {node!r} has no weight to choose from")
        levels[f"node:{node}"] = list(dict.fromkeys(own))
    drawn = tuple(kid for kin in framework.families.values() for kid in kin)
    drawn = drawn if choices.weights else ()
    noise = read_noise(choices.noise, framework.leaves, values.index)
    return Plan(framework, levels, choices.weights, drawn, choices.weight_sets, noise)


def known_nodes(names: Any, framework: Framework, what: str) -> None:
    """Refuse nodes that the framework has not."""
    for name in names:
        if name not in framework.nodes.index:
            raise ParameterError(
                not_known(f"choices.{what}: {name!r}", name, framework.nodes.index)
            )


def factorial(plan: Plan) -> pd.DataFrame:
    """Return every combination of the discrete choices once, the last factor running fastest."""
    rows = list(itertools.product(*plan.levels.values()))
    table = pd.DataFrame(rows, columns=list(plan.levels)) if rows else pd.DataFrame(index=range(1))
    return with_weights(table, plan, np.empty((len(table), 0)))


def latin_hypercube(count: int, dimensions: int, rng: np.random.Generator) -> np.ndarray:
    """Return numbers in 0-1, count x dimensions, each evenly filled (McKay et al. 1979)."""
    strata = np.tile(np.arange(count, dtype="float64"), (dimensions, 1))
    return (rng.permuted(strata, axis=1, out=strata).T + rng.random((count, dimensions))) / count


def sampled(plan: Plan, unit: np.ndarray, seeds: np.ndarray) -> pd.DataFrame:
    """Return the design for points of the unit cube: discrete factors first, then the weights.

    `seeds`: one number per row from which its errors of the values are drawn, where they have any.
    """
    chosen: dict[str, Any] = {}
    for at, (factor, names) in enumerate(plan.levels.items()):
        codes = (unit[:, at] * len(names)).astype(int)
        text = isinstance(names[0], str)
        chosen[factor] = (
            pd.Categorical.from_codes(codes, list(names)) if text else np.asarray(names)[codes]
        )
    table = pd.DataFrame(chosen, index=range(len(unit)))
    start = len(plan.levels)
    table = with_weights(table, plan, unit[:, start : start + len(plan.drawn)])
    return table if plan.noise is None else table.assign(noise=seeds)


def with_weights(table: pd.DataFrame, plan: Plan, unit: np.ndarray) -> pd.DataFrame:
    """Return the design with the weights of each row: those chosen, times what was drawn.

    A drawn weight is w x U(1 - s, 1 + s); weights count within their parent on any scale, so that
    the mean renormalises them. Bonus points stay.
    """
    if not plan.drawn and plan.sets is None:
        return table
    nodes = pd.Index(plan.drawn or plan.framework.nodes.index.drop(plan.framework.root))
    differ = any(name == "weight_set" or name.startswith("node:") for name in plan.levels)
    chosen = weights_of(table if differ else table.head(1), plan.framework, plan.sets)[nodes]
    drawn = chosen.to_numpy() * (1 + plan.spread * (2 * unit - 1) if plan.drawn else 1.0)
    columns = [f"w:{node}" for node in nodes]
    return pd.concat([table, pd.DataFrame(drawn, table.index, columns, copy=False)], axis=1)


def as_numbers(cells: pd.Series) -> np.ndarray:
    """Return the numbers of a column of a design, blanks as missing; others are named."""
    given = pd.to_numeric(cells.replace("", np.nan), errors="coerce")
    wrong = cells[given.isna() & cells.notna() & (cells != "")]
    if len(wrong):
        row, cell = wrong.index[0], wrong.iloc[0]
        raise ParameterError(f"design: {cells.name} = {cell!r} in row {row} is not a number")
    return given.to_numpy(dtype="float64")


def weights_of(
    design: pd.DataFrame, framework: Framework, sets: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return draw x node: the framework's weights, those of the set, of node:<id>, of w:<id>."""
    nodes, base = framework.nodes.index, framework.nodes["weight"].to_numpy()
    found = np.tile(base, (len(design), 1))
    if "weight_set" in design and sets is not None:
        own = sets.rename(columns=str).reindex(nodes).T
        names = design["weight_set"].map(as_id, na_action="ignore")
        if strange := sorted(set(names.dropna()) - set(own.index)):
            raise ParameterError(not_known(f"weight_set {strange[0]!r}", strange[0], own.index))
        picked = own.reindex(names).to_numpy(dtype="float64")
        found = np.where(np.isnan(picked), found, picked)
    for prefix in ("node:", "w:"):
        for column in (c for c in design if str(c).startswith(prefix)):
            node = str(column).removeprefix(prefix)
            known_nodes([node], framework, column)
            given = as_numbers(design[column])
            at = nodes.get_loc(node)
            found[:, at] = np.where(np.isnan(given), found[:, at], given)
    if (found < 0).any():
        raise ParameterError("design: weights must be zero or more")
    return pd.DataFrame(found, design.index, nodes, copy=False)
