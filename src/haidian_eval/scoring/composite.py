"""The scores of a set of units: every indicator, every node, the index, ranks and grades."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError, not_known
from haidian_eval.scoring.aggregation import BASE, Tree, score_nodes
from haidian_eval.scoring.framework import Framework, check_weights
from haidian_eval.scoring.grades import grade, missed
from haidian_eval.scoring.missing import fill_missing
from haidian_eval.scoring.normalise import best_score, score_leaf
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
    if not all(isinstance(name, str) for name in values.columns):
        values = values.rename(columns=str)
    absent = [leaf for leaf in framework.leaves if leaf not in values]
    if absent:
        raise ParameterError(f"values has no column for the indicators {absent}")
    if values.index.has_duplicates:
        twice = sorted(set(values.index[values.index.duplicated()].astype("str")))
        raise ParameterError(f"values has more than one row for the units {twice}")
    own = values[framework.leaves]
    if (own.dtypes == "float64").all() and not np.isinf(own.to_numpy()).any():
        return own
    return pd.DataFrame({leaf: numbers(own[leaf]) for leaf in own})


def numbers(x: pd.Series) -> pd.Series:
    """Return values as floats; what is neither a finite number nor missing is named."""
    parsed = pd.to_numeric(x, errors="coerce").to_numpy(dtype="float64", na_value=np.nan)
    wrong = x[~np.isfinite(parsed) & x.notna().to_numpy()]
    if len(wrong):
        where = f"{x.name}: {wrong.iloc[0]!r} of the unit {wrong.index[0]!r}"
        raise ParameterError(f"{where} is not a finite number; {len(wrong)} such values")
    return pd.Series(parsed, index=x.index, name=x.name)


def normalise(values: pd.DataFrame, framework: Framework) -> dict[str, np.ndarray]:
    """Return indicator -> scores of the units, 1 x units, on the scale of its rule."""
    rules, columns = framework.rules, values.to_numpy().T
    return {leaf: score_leaf(columns[at : at + 1], rules[leaf]) for at, leaf in enumerate(values)}


def effective_weights(
    scores: Mapping[str, np.ndarray], framework: Framework, tree: Tree
) -> np.ndarray:
    """Return units x indicator: the product of the shares on the way from the root to the leaf."""
    base = np.where(np.isnan(scores[BASE][0]), np.nan, 1.0)
    shares = {node: base * 0.0 for node, _, _ in tree.extras} | {tree.root: base}
    weight = framework.nodes["weight"].to_numpy()
    for family in reversed(tree.families):
        block = shares_of(np.vstack([scores[c] for c in family.children]), weight[family.places])
        shares |= {
            c: shares[family.name] * own for c, own in zip(family.children, block, strict=True)
        }
    return np.column_stack([shares.get(leaf, base * 0.0) for leaf in framework.leaves])


def shares_of(scores: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return weights, child x unit, shared out again over the children that have a score."""
    present = np.where(np.isnan(scores), 0.0, weight[:, None])
    total = present.sum(axis=0)
    return np.divide(present, total, out=np.zeros_like(present), where=total > 0)


def full_marks(framework: Framework, tree: Tree) -> pd.Series:
    """Return node -> full marks: those of the rules, and their weighted mean for a parent."""
    full = {leaf: best_score(rule) for leaf, rule in framework.rules.items()}
    weight = framework.nodes["weight"].to_numpy()
    for family in tree.families:
        own, marks = weight[family.places], np.array([full[child] for child in family.children])
        full[family.name] = float(own[own > 0] @ marks[own > 0] / own.sum())
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
    tree, weight = framework.tree, framework.nodes["weight"].to_numpy()[None, :]
    scores = score_nodes(normalise(known, framework), tree, weight)
    units, names = values.index, framework.nodes.index
    nodes = pd.DataFrame(np.vstack([scores[node] for node in names]).T, units, names)
    index, base = nodes[tree.root].rename(None), pd.Series(scores[BASE][0], units)
    change = pd.Series(np.nan, index=units)
    if before is not None:
        kept = policies.where(policies != "carry_forward", "reweight")
        earlier = normalise(fill_missing(before, kept, groups)[0], framework)
        past = pd.Series(score_nodes(earlier, tree, weight)[tree.root][0], before.index)
        change = index - past.reindex(units)
    group = pd.Series("", index=units) if groups is None else groups.reindex(units)
    named = {**dict(nodes.items()), "index": index, BASE: base}
    won = grade(named, framework.bands, missed(raw, framework.nodes), framework.nodes["veto"])
    shares = effective_weights(scores, framework, tree)
    return Scores(
        normalised=nodes[framework.leaves], nodes=nodes, index=index, base_index=base,
        rank=competition_rank(index), group_rank=competition_rank(index, by=group),
        improvement_rank=competition_rank(change), grade=won.grade,
        distance_to_next=won.distance_to_next, capped_by=won.capped_by,
        coverage=raw.notna().mean(axis=1), filled=filled,
        lost=full_marks(framework, tree) - nodes,
        effective_weights=pd.DataFrame(shares, units, framework.leaves),
    )  # fmt: skip
