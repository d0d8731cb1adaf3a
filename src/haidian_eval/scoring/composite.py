"""The scores of a set of units: every indicator, every node, the index, ranks and grades."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError, not_known
from haidian_eval.scoring.aggregation import BASE, linear_mean, score_nodes
from haidian_eval.scoring.framework import Framework, check_weights, highest_score
from haidian_eval.scoring.grades import grade, missed
from haidian_eval.scoring.missing import fill_missing
from haidian_eval.scoring.normalise import score_leaf
from haidian_eval.scoring.ranking import competition_rank


@dataclass(frozen=True, slots=True)
class Scores:
    """What a set of units scored; all frames and series are indexed by unit.

    normalised: unit x indicator, on the scale of each rule (0-100 unless the rule says otherwise).
    nodes: unit x node, root and leaves included. base_index: the root before bonus and deducted
    points; index: with them. rank, group_rank: 1 is best, ties share the lower number (1, 1, 3),
    missing is never ranked. improvement_rank: rank of the change of the index against `previous`.
    grade: blank without bands; distance_to_next: points to the next band; capped_by: the binding
    indicators missed, joined by ";". coverage: share of the indicators with a value of their own.
    effective_weights: unit x indicator, rows sum to 1: the shares in the base that each unit's
    index was really made with. filled: one row per cell that a missing policy filled. lost: unit x
    node, full marks less score, missing where a rule has no full marks.
    """

    normalised: pd.DataFrame
    nodes: pd.DataFrame
    index: pd.Series
    base_index: pd.Series
    rank: pd.Series
    group_rank: pd.Series
    improvement_rank: pd.Series
    grade: pd.Series
    distance_to_next: pd.Series
    capped_by: pd.Series
    coverage: pd.Series
    effective_weights: pd.DataFrame
    filled: pd.DataFrame
    lost: pd.DataFrame


def numeric(values: pd.DataFrame, framework: Framework) -> pd.DataFrame:
    """Return the values of the indicators as floats; what cannot be used is named."""
    absent = [leaf for leaf in framework.leaves if leaf not in values]
    if absent:
        raise ParameterError(f"values has no column for the indicators {absent}")
    if values.index.has_duplicates:
        twice = sorted(set(values.index[values.index.duplicated()].astype("str")))
        raise ParameterError(f"values has more than one row for the units {twice}")
    return pd.DataFrame({leaf: numbers(values[leaf]) for leaf in framework.leaves})


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
    score = score_leaf(x.to_numpy(dtype="float64"), framework.leaf(str(x.name)))
    return pd.Series(score, index=x.index, name=x.name)


def normalise(values: pd.DataFrame, framework: Framework) -> pd.DataFrame:
    """Return unit x indicator on the scale of each leaf's rule."""
    return pd.DataFrame(
        {leaf: normalise_leaf(values[leaf], framework) for leaf in framework.leaves}
    )


def effective_weights(nodes: pd.DataFrame, framework: Framework, weight: pd.Series) -> pd.DataFrame:
    """Return unit x indicator: the product of the shares on the way from the root to the leaf."""
    shares = {framework.root: np.ones(len(nodes))}
    for node, children in framework.families.items():
        block = shares_of(nodes[children], weight[children])
        shares |= {child: shares[node] * block[:, i] for i, child in enumerate(children)}
    none = np.zeros(len(nodes))
    frame = pd.DataFrame({leaf: shares.get(leaf, none) for leaf in framework.leaves}, nodes.index)
    return frame.where(nodes[framework.root].notna(), np.nan)


def shares_of(scores: pd.DataFrame, weight: pd.Series) -> np.ndarray:
    """Return weights, unit x child, shared out again over the children that have a score."""
    present = np.where(scores.isna(), 0.0, weight.to_numpy())
    total = present.sum(axis=1, keepdims=True)
    shares: np.ndarray = np.divide(present, total, out=np.zeros_like(present), where=total > 0)
    return shares


def full_marks(framework: Framework, weight: pd.Series) -> pd.Series:
    """Return node -> full marks: those of the rules, and their weighted mean for a parent."""
    full = {leaf: highest_score(framework, leaf) for leaf in framework.leaves}
    for node, children in reversed(framework.families.items()):
        marks = [np.array([[full[child]]]) for child in children]
        unknown = any(np.isnan(full[child]) and weight[child] > 0 for child in children)
        mean = linear_mean(marks, weight[children].to_numpy()[None, :])
        full[node] = np.nan if unknown else float(mean[0, 0])
    return pd.Series(full).reindex(framework.nodes.index)


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


def node_scores(values: pd.DataFrame, framework: Framework) -> tuple[pd.DataFrame, pd.Series]:
    """Return unit x node of filled values, and the base index."""
    leaves = {name: x.to_numpy()[None, :] for name, x in normalise(values, framework).items()}
    scores = score_nodes(leaves, framework.tree, framework.nodes["weight"].to_numpy()[None, :])
    nodes = {node: scores[node][0] for node in framework.nodes.index}
    return pd.DataFrame(nodes, values.index), pd.Series(scores[BASE][0], values.index)


def score(
    values: pd.DataFrame, framework: Framework, *, weights: pd.Series | None = None,
    groups: pd.Series | None = None, previous: pd.DataFrame | None = None,
) -> Scores:  # fmt: skip
    """Return the scores of all units.

    Parameters: `values` unit x indicator; `weights` node -> weight in place of the table's;
    `groups` unit -> peer group; `previous` the same frame one period earlier, scored alike.
    Raises ParameterError where a rule, a missing policy or a mean cannot take its values.
    """
    if weights is not None:
        framework = with_weights(framework, weights)
    policies, raw = framework.nodes["missing"].reindex(framework.leaves), numeric(values, framework)
    before = None if previous is None else numeric(previous, framework)
    known, filled = fill_missing(raw, policies, groups, before)
    nodes, base = node_scores(known, framework)
    index, weight = nodes[framework.root].rename(None), framework.nodes["weight"]
    change = pd.Series(np.nan, index=values.index)
    if before is not None:
        kept = policies.where(policies != "carry_forward", "reweight")
        earlier, _ = node_scores(fill_missing(before, kept, groups)[0], framework)
        change = index - earlier[framework.root].reindex(values.index)
    group = pd.Series("", index=values.index) if groups is None else groups.reindex(values.index)
    named = {**dict(nodes.items()), "index": index, BASE: base}
    won = grade(named, framework.bands, missed(known, framework.nodes), framework.nodes["veto"])
    full = full_marks(framework, weight)
    return Scores(
        normalised=nodes[framework.leaves], nodes=nodes, index=index, base_index=base,
        rank=competition_rank(index), group_rank=competition_rank(index, by=group),
        improvement_rank=competition_rank(change), grade=won.grade,
        distance_to_next=won.distance_to_next, capped_by=won.capped_by,
        coverage=raw.notna().mean(axis=1), filled=filled, lost=full - nodes,
        effective_weights=effective_weights(nodes, framework, weight),
    )  # fmt: skip
