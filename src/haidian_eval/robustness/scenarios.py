"""What single steps would change: an indicator less, more weight for one node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError, not_known
from haidian_eval.robustness.draws import evaluate
from haidian_eval.scoring.composite import Scores, score
from haidian_eval.scoring.framework import Framework, below
from haidian_eval.scoring.normalise import score_leaf
from haidian_eval.scoring.ranking import TOUCHING, competition_rank

NORMAL = 1.959963984540054  # 97.5 % quantile of the standard normal distribution


def remove_one(values: pd.DataFrame, framework: Framework, **aside: Any) -> pd.DataFrame:
    """Return unit x indicator: the rank that each unit has without the indicator.

    `aside`: groups and previous, as `scoring.score` takes them for missing policies.
    """
    leaves = [leaf for leaf in framework.leaves if leaf not in framework.bonuses]
    design = pd.DataFrame(np.where(np.eye(len(leaves)) > 0, 0.0, np.nan), leaves,
                          [f"node:{leaf}" for leaf in leaves])  # fmt: skip
    index = evaluate(values, framework, design, **aside)
    return pd.DataFrame({leaf: competition_rank(index.loc[leaf]) for leaf in leaves})


def shares(framework: Framework) -> pd.Series:
    """Return node -> share of the whole, the root 1: products of the shares within parents."""
    weight = framework.nodes["weight"]
    found = dict.fromkeys(framework.bonuses, 0.0) | {framework.root: 1.0}
    for node, children in framework.families.items():
        whole = weight[children].sum()
        found |= {child: found[node] * weight[child] / whole for child in children}
    return pd.Series(found)


def score_errors(
    cells: pd.DataFrame, se: pd.DataFrame, framework: Framework, node: str
) -> pd.Series:
    """Return unit -> standard error of the node's score, in points, from those of the values.

    An indicator: half of what its score moves from a standard error below the unit's value to one
    above it, the other units as they are; indicators without a value below zero are turned back at
    zero. A parent: the root of the summed squares of share x error of the children, the shares of
    those with a value; exact for arithmetic means and independent errors. An indicator without a
    standard error counts 0 beside others; a unit without any has none.
    """
    if node not in framework.nodes.index:
        raise ParameterError(not_known(f"the node {node!r}", node, framework.nodes.index))
    if node in framework.leaves:
        x, error = cells[node].to_numpy(), se[node].reindex(cells.index)
        step, rule = np.diag(error.fillna(0.0)), framework.rules[node]
        ends = np.stack([x - step, x + step])  # each row of an end moves one unit alone
        ends = ends if (x < 0).any() else np.abs(ends)
        low, high = (np.diagonal(score_leaf(end, rule)) for end in ends)
        return pd.Series(np.abs(high - low) / 2, cells.index).where(error.notna())
    kin = framework.families[node]
    errors = pd.DataFrame({one: score_errors(cells, se, framework, one) for one in kin})
    present = {one: cells[cells.columns.intersection([one, *below(framework, one)])] for one in kin}
    there = pd.DataFrame({one: own.notna().any(axis=1) for one, own in present.items()})
    weight = there * framework.nodes.loc[kin, "weight"]
    squares = errors.mul(weight.div(weight.sum(axis=1), axis=0)) ** 2
    return np.sqrt(squares.sum(axis=1, min_count=1))


def line_of(framework: Framework, node: str) -> list[str]:
    """Return a node and all nodes above it but the root."""
    if node not in framework.nodes.index or node == framework.root:
        raise ParameterError(not_known(f"the node {node!r}", node, framework.nodes.index))
    line = []
    while node != framework.root:
        line.append(node)
        node = str(framework.nodes.at[node, "parent_id"])
    return line


def weights_with_share(framework: Framework, node: str, share: float) -> pd.Series:
    """Return node -> weight such that `node` has `share` of the whole, taken pro rata from others.

    Every other indicator keeps its proportion to the rest. Weights are shares of the whole in the
    families on the way from the root to the node; all others, and bonus points, stay as they are.
    """
    if not 0 <= share < 1:
        raise ParameterError(f"share = {share}: a share of the whole from 0 to below 1")
    now, line = shares(framework), line_of(framework, node)
    own, weight = now[node], framework.nodes["weight"].drop(framework.root)
    if not own < 1:
        raise ParameterError(f"{node!r} has all the weight: nothing is left to take it from")
    if points := sorted(framework.bonuses.keys() & set(line)):
        raise ParameterError(
            f"{node!r} has no share: the points of {points} are added to the index"
        )
    above = pd.Series(now.index.isin(line), now.index)
    scaled = (now - own * above) * (1 - share) / (1 - own) + share * above
    for parent in framework.nodes.loc[line, "parent_id"]:
        kin = framework.families[parent]
        if scaled[kin].sum() > 0:
            weight[kin] = scaled[kin]
    return weight


@dataclass(frozen=True, slots=True)
class WeightScenario:
    """More weight for one node.

    frame: one row per unit and share: unit_id, share, index, rank, grade, change (points gained
    more than the average unit) with low and high from the sampling error of the node's score, and
    verdict: "gains", "loses" (only beyond that error) or "open". break_even: one row per pair of
    units that change places: ahead, behind (now), share (at which they are level).
    """

    frame: pd.DataFrame
    break_even: pd.DataFrame


def weight_scenario(
    values: pd.DataFrame, framework: Framework, node: str, node_shares: Sequence[float], *,
    se: pd.Series | None = None, **aside: Any,
) -> WeightScenario:  # fmt: skip
    """Return what every share of `node` would change, points taken pro rata from all others.

    `se`: unit -> standard error of the node's score, in points (`score_errors`); without it
    nobody's gain is sure.
    """
    base, parts = score(values, framework, **aside), []
    now = shares(framework)[node]
    for share in node_shares:
        weights = weights_with_share(framework, node, share)
        chosen = score(values, framework, weights=weights, **aside)
        parts.append(one_share(base, chosen, share, se, abs(share - now)))
    return WeightScenario(pd.concat(parts, ignore_index=True), break_even(base, framework, node))


def one_share(
    base: Scores, chosen: Scores, share: float, se: pd.Series | None, slope: float
) -> pd.DataFrame:
    """Return every unit's standing at one share, and whether its gain is beyond sampling error.

    A unit's index is (1 - share) rest + share score, so that an error of the score enters the
    gain with `slope` = |share - now|.
    """
    gain = chosen.index - base.index
    change = gain - gain.mean()
    error = pd.Series(np.nan, change.index) if se is None else se.reindex(change.index)
    half = NORMAL * slope * error
    low, high = change - half, change + half
    verdict = np.select([low > TOUCHING, high < -TOUCHING], ["gains", "loses"], "open")
    columns = {"unit_id": change.index, "share": share, "index": chosen.index, "rank": chosen.rank,
               "grade": chosen.grade, "change": change, "low": low, "high": high,
               "verdict": verdict}  # fmt: skip
    return pd.DataFrame(columns).reset_index(drop=True)


def break_even(base: Scores, framework: Framework, node: str) -> pd.DataFrame:
    """Return the share of `node` at which each pair of units is level; pairs without one have none.

    The index is (1 - p) rest + p score + bonus for arithmetic means on the way to the root (others
    are refused), so that p = (d + b) / (d - e), d, e and b the differences of the rests, scores and
    bonus points. It is not for units with a gap among the nodes on the way: they have no pairs.
    """
    way = [framework.root, *line_of(framework, node)[1:]]
    methods = framework.nodes.loc[way, "aggregation"]
    if (methods != "arithmetic").any():
        raise ParameterError(f"break-even weights need arithmetic means above {node}; found"
                             f" {sorted(set(methods))}")  # fmt: skip
    own = float(shares(framework)[node])
    public, index = base.nodes[node], base.base_index
    rest, bonus = (index - own * public) / (1 - own), base.index - index
    beside = [child for parent in way for child in framework.families[parent]
              if framework.nodes.at[child, "weight"] > 0]  # fmt: skip
    known = base.nodes[beside].notna().all(axis=1) & public.notna()
    first, second = np.triu_indices(int(known.sum()), 1)
    d, e, b = (x[known].to_numpy()[first] - x[known].to_numpy()[second]
               for x in (rest, public, bonus))  # fmt: skip
    with np.errstate(divide="ignore", invalid="ignore"):
        at = (d + b) / (d - e)
    ahead = (1 - own) * d + own * e + b >= 0
    units = index.index[known].to_numpy()
    pairs = pd.DataFrame({
        "ahead": np.where(ahead, units[first], units[second]),
        "behind": np.where(ahead, units[second], units[first]), "share": at,
    })  # fmt: skip
    inside = pairs["share"].between(0, 1, inclusive="neither")
    return pairs[inside].sort_values("share", ignore_index=True)
