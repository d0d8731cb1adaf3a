"""The framework: a table of indicators as a tree, checked before anything is scored."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError, not_known
from haidian_eval.params import Scoring
from haidian_eval.scoring.rules import AGGREGATORS, MISSING, RULES

CHOICES: Mapping[str, Collection[str]] = {
    "rule": RULES,
    "aggregation": AGGREGATORS,
    "missing": MISSING,
}
DEFAULTS = {"direction": "benefit", "transform": "none", "missing": "reweight"}
WORDS = ("parent_id", "direction", "transform", "rule", "aggregation", "missing")
NUMBERS = ("weight", "low", "high", "cap")


@dataclass(frozen=True, slots=True)
class Framework:
    """A tree of nodes; leaves are indicators.

    `nodes` is indexed by node_id with the columns of the table of indicators, blanks filled with
    their defaults; `points` maps a leaf to its (at, score) pairs, ascending, shape (k, 2).
    """

    nodes: pd.DataFrame
    points: Mapping[str, np.ndarray]
    root: str

    @property
    def leaves(self) -> list[str]:
        """The indicators, in the order of the table."""
        parents = set(self.nodes["parent_id"].dropna())
        return [node for node in self.nodes.index if node not in parents]

    def children(self, node: str) -> list[str]:
        """Return the nodes directly under `node`, in the order of the table."""
        return list(self.nodes.index[self.nodes["parent_id"] == node])


def build_framework(indicators: pd.DataFrame, points: pd.DataFrame | None = None) -> Framework:
    """Return the tree of one scheme, checked; blank cells take the defaults of the interface."""
    schemes = list(indicators["scheme_id"].unique()) if "scheme_id" in indicators else [""]
    if len(schemes) != 1:
        raise ParameterError(f"one scheme makes a framework; found {schemes}")
    repeated = sorted(set(indicators.loc[indicators["node_id"].duplicated(), "node_id"]))
    if repeated:
        raise ParameterError(f"scheme {schemes[0]!r}: node_id stands twice: {repeated}")
    nodes = with_defaults(indicators.set_index("node_id"))
    is_parent = nodes.index.isin(nodes["parent_id"].dropna())
    nodes["aggregation"] = nodes["aggregation"].where(
        ~is_parent, nodes["aggregation"].fillna("arithmetic")
    )
    nodes["rule"] = nodes["rule"].where(is_parent, nodes["rule"].fillna("identity"))
    framework = Framework(nodes, points_by_leaf(points, schemes[0]), find_root(nodes))
    check_names(framework)
    check_weights(framework)
    return framework


def with_defaults(nodes: pd.DataFrame) -> pd.DataFrame:
    """Return the nodes with every column that scoring reads; blank and absent cells alike."""
    filled = nodes.copy()
    for name in WORDS:
        cells = filled.get(name, pd.Series(None, filled.index, dtype="object")).astype("object")
        filled[name] = cells.where(cells.notna() & (cells != ""), DEFAULTS.get(name))
    for name in NUMBERS:
        cells = filled.get(name, pd.Series(np.nan, filled.index))
        filled[name] = pd.to_numeric(cells.replace("", np.nan)).astype("float64")
    filled["weight"] = filled["weight"].where(filled["parent_id"].notna(), 1.0)
    return filled


def points_by_leaf(points: pd.DataFrame | None, scheme: str) -> dict[str, np.ndarray]:
    """Return the points of each leaf in ascending order."""
    if points is None:
        return {}
    own = points[points["scheme_id"] == scheme].sort_values(["node_id", "at"])
    return {str(leaf): group[["at", "score"]].to_numpy() for leaf, group in own.groupby("node_id")}


def find_root(nodes: pd.DataFrame) -> str:
    """Return the node without a parent; every other one must lead to it."""
    roots = list(nodes.index[nodes["parent_id"].isna()])
    if len(roots) != 1:
        raise ParameterError(f"a framework has one node without a parent; found {roots}")
    reached, frontier = set(roots), roots
    while frontier:
        frontier = list(nodes.index[nodes["parent_id"].isin(frontier)])
        reached |= set(frontier)
    lost = sorted(set(nodes.index) - reached)
    if lost:
        raise ParameterError(f"these nodes do not lead to the root {roots[0]!r}: {lost}")
    return str(roots[0])


def check_names(framework: Framework) -> None:
    """Refuse rules, aggregations, transforms and missing policies that are not known."""
    nodes, leaves = framework.nodes, framework.leaves
    parents = nodes.index.difference(leaves)
    for column, at, known in (
        ("rule", leaves, CHOICES["rule"]),
        ("aggregation", parents, CHOICES["aggregation"]),
        ("missing", nodes.index, CHOICES["missing"]),
        ("transform", leaves, ("none", "log")),
    ):
        for node, name in nodes.loc[at, column].items():
            if name not in known:
                raise ParameterError(not_known(f"{node}: {column} = {name!r}", name, known))


def check_weights(framework: Framework) -> None:
    """Refuse negative or missing weights and families whose weights sum to zero."""
    weight = framework.nodes["weight"]
    if weight.isna().any() or (weight < 0).any():
        wrong = sorted(weight.index[weight.isna() | (weight < 0)])
        raise ParameterError(f"weights must be zero or more; see the nodes {wrong}")
    family = weight.groupby(framework.nodes["parent_id"]).sum()
    if (family <= 0).any():
        raise ParameterError(f"all weights under {sorted(family.index[family <= 0])} are zero")


def with_choices(framework: Framework, choices: Mapping[str, str]) -> Framework:
    """Return the framework with a rule (all leaves), aggregation or missing policy replaced."""
    nodes = framework.nodes.copy()
    for column, name in choices.items():
        if name not in CHOICES[column]:
            raise ParameterError(not_known(f"scoring.{column} = {name!r}", name, CHOICES[column]))
        at = (
            framework.leaves
            if column != "aggregation"
            else nodes.index.difference(framework.leaves)
        )
        nodes.loc[at, column] = name
    chosen = replace(framework, nodes=nodes)
    check_names(chosen)
    return chosen


def framework_of(indicators: pd.DataFrame, points: pd.DataFrame, params: Scoring) -> Framework:
    """Return the framework that the parameters name, with their choices in place of the table's."""
    schemes = sorted(indicators["scheme_id"].unique())
    if params.scheme not in schemes:
        what = f"scoring.scheme = {params.scheme!r}"
        raise ParameterError(not_known(what, params.scheme, schemes))
    own = indicators[indicators["scheme_id"] == params.scheme]
    return with_choices(build_framework(own, points), params.scenario())


def full_marks_at(framework: Framework, leaf: str) -> float:
    """Return the value at which a piecewise rule reaches its highest score; else missing."""
    pairs = framework.points.get(leaf)
    if framework.nodes.at[leaf, "rule"] != "piecewise" or pairs is None:
        return float("nan")
    at, score = pairs.T
    best = at[score == score.max()]
    return float(best.max() if framework.nodes.at[leaf, "direction"] == "cost" else best.min())
