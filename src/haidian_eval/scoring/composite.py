"""The scores of a set of units: every indicator, every node, the index, ranks and coverage."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError, not_known
from haidian_eval.scoring.framework import Framework, check_weights
from haidian_eval.scoring.ranking import competition_rank
from haidian_eval.scoring.rules import AGGREGATORS, RULES, weighted


@dataclass(frozen=True, slots=True)
class Scores:
    """What a set of units scored; all frames and series are indexed by unit.

    normalised: unit x indicator, on the scale of each rule (0-100 unless the rule says otherwise).
    nodes: unit x node, root and leaves included. index: the root's score.
    rank, group_rank: 1 is best, ties share the lower number (1, 1, 3), missing is never ranked.
    improvement_rank: rank of index minus the previous period's index; missing without `previous`.
    coverage: share of the indicators with a value. effective_weights: unit x indicator, rows sum
    to 1, the weights that each unit's index was really made with (arithmetic aggregation).
    """

    normalised: pd.DataFrame
    nodes: pd.DataFrame
    index: pd.Series
    rank: pd.Series
    group_rank: pd.Series
    improvement_rank: pd.Series
    coverage: pd.Series
    effective_weights: pd.DataFrame


def normalise(values: pd.DataFrame, framework: Framework) -> pd.DataFrame:
    """Return unit x indicator on the scale of each leaf's rule: transform, rule, cap."""
    absent = [leaf for leaf in framework.leaves if leaf not in values]
    if absent:
        raise ParameterError(f"values has no column for the indicators {absent}")
    if values.index.has_duplicates:
        twice = sorted(set(values.index[values.index.duplicated()].astype("str")))
        raise ParameterError(f"values has more than one row for the units {twice}")
    leaves = framework.leaves
    return pd.DataFrame({leaf: normalise_leaf(numbers(values[leaf]), framework) for leaf in leaves})


def numbers(x: pd.Series) -> pd.Series:
    """Return values as floats; what is neither a finite number nor missing is named."""
    parsed = pd.to_numeric(x, errors="coerce").to_numpy(dtype="float64", na_value=np.nan)
    wrong = x[~np.isfinite(parsed) & x.notna().to_numpy()]
    if len(wrong):
        where = f"{x.name}: {wrong.iloc[0]!r} of the unit {wrong.index[0]!r}"
        raise ParameterError(f"{where} is not a finite number; {len(wrong)} such values")
    return pd.Series(parsed, index=x.index, name=x.name)


def normalise_leaf(x: pd.Series, framework: Framework) -> pd.Series:
    """Return the scores of one indicator; without any value it has none."""
    node = framework.nodes.loc[x.name]
    if node["transform"] == "log":
        if (x <= 0).any():
            raise ParameterError(
                f"{x.name}: the logarithm needs values above zero; {x.min():g} found"
            )
        x = np.log(x)
    if x.notna().sum() == 0:
        return x.astype("float64")
    score = RULES[node["rule"]](x, node, framework.points.get(str(x.name)))
    return score if pd.isna(node["cap"]) else score.clip(upper=node["cap"])


def aggregate(normalised: pd.DataFrame, framework: Framework, weight: pd.Series) -> pd.DataFrame:
    """Return unit x node; every parent is made from its children, the root last."""
    nodes, propagates = framework.nodes, framework.nodes["missing"] == "propagate"
    scores = {str(leaf): normalised[leaf] for leaf in framework.leaves}
    for node, children in reversed(framework.families.items()):
        block = pd.concat([scores[child] for child in children], axis=1).to_numpy(dtype="float64")
        mean = AGGREGATORS[nodes.at[node, "aggregation"]](block, weight[children].to_numpy())
        strict = propagates[children].to_numpy() | propagates[node]
        mean[np.isnan(block[:, strict]).any(axis=1)] = np.nan
        scores[node] = pd.Series(mean, index=normalised.index)
    return pd.DataFrame({node: scores[node] for node in nodes.index})


def effective_weights(nodes: pd.DataFrame, framework: Framework, weight: pd.Series) -> pd.DataFrame:
    """Return unit x indicator: the product of the shares on the way from the root to the leaf."""
    shares = {framework.root: np.ones(len(nodes))}
    for node, children in framework.families.items():
        block = weighted(nodes[children].to_numpy(), weight[children].to_numpy())
        shares |= {child: shares[node] * block[:, i] for i, child in enumerate(children)}
    frame = pd.DataFrame({leaf: shares[leaf] for leaf in framework.leaves}, index=nodes.index)
    return frame.where(nodes[framework.root].notna(), np.nan)


def with_weights(framework: Framework, weights: pd.Series) -> Framework:
    """Return the framework with some weights replaced, checked like those of the table."""
    nodes = framework.nodes
    for name in weights.index:
        if name not in nodes.index:
            raise ParameterError(not_known(f"weights: the node {name!r}", name, nodes.index))
    chosen = weights.reindex(nodes.index).astype("float64").fillna(nodes["weight"])
    changed = replace(framework, nodes=nodes.assign(weight=chosen))
    check_weights(changed)
    return changed


def score(
    values: pd.DataFrame, framework: Framework, *, weights: pd.Series | None = None,
    groups: pd.Series | None = None, previous: pd.DataFrame | None = None,
) -> Scores:  # fmt: skip
    """Return the scores of all units.

    Parameters: `values` unit x indicator; `weights` node -> weight in place of the table's;
    `groups` unit -> peer group; `previous` the same frame one period earlier.
    Raises ParameterError where a rule cannot take its values.
    """
    if weights is not None:
        framework = with_weights(framework, weights)
    weight = framework.nodes["weight"]
    normalised = normalise(values, framework)
    nodes = aggregate(normalised, framework, weight)
    index = nodes[framework.root]
    group = pd.Series("", index=values.index) if groups is None else groups.reindex(values.index)
    change = pd.Series(np.nan, index=values.index)
    if previous is not None:
        before = aggregate(normalise(previous, framework), framework, weight)[framework.root]
        change = index - before.reindex(values.index)
    return Scores(
        normalised=normalised, nodes=nodes, index=index, rank=competition_rank(index),
        group_rank=competition_rank(index, by=group), improvement_rank=competition_rank(change),
        coverage=normalised.notna().mean(axis=1),
        effective_weights=effective_weights(nodes, framework, weight),
    )  # fmt: skip
