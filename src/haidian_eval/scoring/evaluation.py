"""Evaluation of the evaluation: what a scheme can tell apart, and what each indicator is worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError
from haidian_eval.scoring.aggregation import score_nodes
from haidian_eval.scoring.coherence import parent_correlation, redundancy
from haidian_eval.scoring.composite import normalise, numeric
from haidian_eval.scoring.framework import Framework
from haidian_eval.scoring.leaf import Leaf
from haidian_eval.scoring.missing import fill_missing
from haidian_eval.scoring.normalise import score_leaf
from haidian_eval.scoring.ranking import TIES, TOUCHING, surely_ahead


@dataclass(frozen=True, slots=True)
class ToldApart:
    """Which pairs of units a scheme can tell apart.

    pairs: one row per pair with an index: first (the higher index), second, difference (points),
    share_ahead (share of the draws in which the first is ahead; missing with intervals),
    told_apart. number: of the pairs told apart. total: of all pairs. share: number / total.
    """

    pairs: pd.DataFrame
    number: int
    total: int
    share: float


@dataclass(frozen=True, slots=True)
class Limits:
    """When an indicator should change.

    separated: least share of the pairs of units that it separates. correlation: from which on two
    of a family say the same. parent: lowest correlation with the parent. cost: hours per separated
    pair, in times the median of all indicators.
    """

    separated: float = 0.2
    correlation: float = 0.9
    parent: float = 0.0
    cost: float = 3.0


def overlapping(value: pd.Series, half_width: pd.Series) -> bool:
    """Return whether every interval value +- half_width meets every other: then no rank means much.

    `half_width` in the unit of the value; from a standard error 1.645 se for 90 %. Two intervals
    that only touch do not overlap. True for fewer than two values.
    """
    known = value.dropna()
    half = half_width.reindex(known.index).astype("float64")
    if half.isna().any() or (half < 0).any():
        unit = half.index[half.isna() | (half < 0)][0]
        raise ParameterError(f"half_width of {unit} is {half[unit]:g}; give one of zero or more")
    low, high = (known - half).to_numpy("float64"), (known + half).to_numpy("float64")
    return not surely_ahead(low, high).any()


def pairs_told_apart(
    index: pd.Series, *, ahead: pd.DataFrame | None = None, low: pd.Series | None = None,
    high: pd.Series | None = None, level: float = 0.9,
) -> ToldApart:  # fmt: skip
    """Return the pairs of units that the scheme can tell apart.

    With `ahead` (unit x unit, share of the draws in which the row is ahead of the column): where
    the unit of the higher index is ahead in `level` of the draws or more (Saisana, Saltelli and
    Tarantola 2005). Else with `low` and `high`: where the interval of the higher lies above that of
    the lower, stricter than a test of the difference (Goldstein and Healy 1995). Equal indices are
    never told apart.
    """
    if (ahead is None) == (low is None or high is None):
        raise ParameterError("give either `ahead`, or both `low` and `high`")
    ordered = index.dropna().sort_values(ascending=False, kind="stable")
    units, first, second = ordered.index, *np.triu_indices(len(ordered), 1)
    score = ordered.to_numpy(dtype="float64")
    difference, share = score[first] - score[second], np.full(len(first), np.nan)
    if ahead is not None:
        share = ahead.reindex(index=units, columns=units).to_numpy(dtype="float64")[first, second]
        told = share >= level
    if low is not None and high is not None:
        ends = [end.reindex(units).to_numpy(dtype="float64") for end in (low, high)]
        told = ends[0][first] >= ends[1][second] - TOUCHING
    told = told & (difference > TOUCHING)
    pairs = pd.DataFrame({
        "first": units[first], "second": units[second], "difference": difference,
        "share_ahead": share, "told_apart": told,
    })  # fmt: skip
    number, total = int(told.sum()), len(pairs)
    return ToldApart(pairs, number, total, number / total if total else float("nan"))


def smallest_detectable_difference(
    index: pd.Series, ahead: pd.DataFrame, *, level: float = 0.9, almost: float = 0.95
) -> float:
    """Return the difference of the index, in points, from which on almost all pairs are told apart.

    The smallest observed difference d such that of the pairs d or more apart a share of `almost` is
    told apart at `level` (see `pairs_told_apart`). Missing where no difference is large enough.
    """
    pairs = pairs_told_apart(index, ahead=ahead, level=level).pairs
    ordered = pairs.sort_values("difference", ascending=False)
    share = ordered["told_apart"].expanding().mean()
    last = ~ordered["difference"].duplicated(keep="last")  # pairs equally far apart count together
    return float(ordered["difference"][last & (share >= almost)].min())


def marginal_value(
    values: pd.DataFrame, framework: Framework, *, steps: pd.Series | None = None,
    groups: pd.Series | None = None, previous: pd.DataFrame | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return what one step of one indicator is worth to each unit, all else and all others as is.

    Every unit is scored again with its own value one step better: `steps` indicator -> step in the
    unit of the values, else one standard deviation (n - 1). Costs and deductions go down, to zero
    at most where none is below; a target or a band is approached. One row per unit and indicator:
    unit_id, indicator_id, step (as applied), points and ranks gained; missing where the value is.
    Values filled by a policy stay as they were filled.
    """
    raw, tree = numeric(values, framework), framework.tree
    known, _ = fill_missing(raw, framework.nodes["missing"].reindex(raw.columns), groups, previous)
    scores, weight = normalise(known, framework), framework.nodes["weight"].to_numpy()[None, :]
    now = score_nodes(scores, tree, weight)[tree.root]
    size, parts = raw.std() if steps is None else steps.reindex(raw.columns), []
    if (size < 0).any():
        raise ParameterError(f"the step of {size.idxmin()} is {size.min():g}; give its size alone")
    for name, leaf in framework.rules.items():
        x = known[name].to_numpy()
        step = np.where(raw[name].isna(), np.nan, better(x, leaf, size[name]))
        stepped = np.where(np.eye(len(x), dtype=bool), x + np.nan_to_num(step), x)
        then = score_nodes(scores | {name: score_leaf(stepped, leaf)}, tree, weight)[tree.root]
        before, after = (np.broadcast_to(index, stepped.shape) for index in (now, then))
        points = np.where(np.isnan(step), np.nan, np.diag(after) - np.diag(before))
        ranks = pd.Series(own_rank(before) - own_rank(after), dtype="Int64").mask(np.isnan(points))
        own = {"unit_id": values.index, "indicator_id": name, "step": step}
        parts.append(pd.DataFrame(own | {"points": points, "ranks": ranks.array}))
    return pd.concat(parts, ignore_index=True)


def better(x: np.ndarray, leaf: Leaf, size: float) -> np.ndarray:
    """Return by unit the step that improves one indicator, in the unit of its values."""
    if leaf.direction == "target":
        return np.sign(leaf.target - x) * np.minimum(size, np.abs(leaf.target - x))
    if leaf.direction == "range":
        return np.clip(leaf.low - x, 0, size) - np.clip(x - leaf.high, 0, size)
    if leaf.direction == "cost" or leaf.rule == "deduction":
        return -np.minimum(size, x) if np.nanmin(x, initial=0) >= 0 else np.full(x.shape, -size)
    return np.full(x.shape, size)


def own_rank(index: np.ndarray) -> np.ndarray:
    """Return the competition rank of unit i in row i, square, as `competition_rank` has it."""
    exact = index.round(TIES)
    ahead: np.ndarray = (exact > np.diag(exact)[:, None]).sum(axis=1)
    return 1 + ahead


def indicator_advice(
    normalised: pd.DataFrame, framework: Framework, *, nodes: pd.DataFrame | None = None,
    hours: pd.Series | None = None, limits: Limits | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return by indicator what it tells, what it costs, and what to do with it next year.

    Columns: indicator_id, units, separated (share of the pairs of units with different scores: the
    delta of Ferguson 1949 for as many classes as units), hours, hours_per_pair (separated),
    with_parent (correlation; needs `nodes`), advice ("keep" | "modify" | "merge" | "delete":
    保留 修改 合并 删除), reason ("" | "no_score" | "one_score" | "binding" | "redundant" |
    "discriminates_little" | "against_parent" | "costly"; the first that holds), partner (with which
    it is redundant; the cheaper one is kept).
    """
    limit, leaves = limits or Limits(), framework.leaves
    table = pd.DataFrame({"indicator_id": leaves, "units": normalised[leaves].count().to_numpy()})
    counts = [separated_pairs(normalised[leaf]) for leaf in leaves]
    table["separated"] = [told / total if total else np.nan for told, total in counts]
    own = hours.reindex(leaves).to_numpy(dtype="float64") if hours is not None else np.nan
    table["hours"] = own
    told = pd.Series([told for told, _ in counts], dtype="float64")
    table["hours_per_pair"] = table["hours"] / told.where(told > 0)
    found = None if nodes is None else parent_correlation(nodes, framework).set_index("node_id")
    table["with_parent"] = (
        np.nan if found is None else found["correlation"].reindex(leaves).to_numpy()
    )
    partner = partners(redundancy(normalised, framework, threshold=limit.correlation), table)
    table["partner"] = [partner.get(leaf, "") for leaf in leaves]
    dear = table["hours_per_pair"] > limit.cost * table["hours_per_pair"].median()
    one = (table["separated"] == 0) | (table["units"] == 1)
    binding = one & (framework.nodes["veto"].reindex(leaves) != "no").to_numpy()
    verdicts = {
        "no_score": ("modify", table["units"] == 0),
        "binding": ("keep", binding),
        "one_score": ("delete", one),
        "redundant": ("merge", table["partner"] != ""),
        "discriminates_little": ("modify", table["separated"] < limit.separated),
        "against_parent": ("modify", table["with_parent"] < limit.parent),
        "costly": ("modify", dear),
    }
    holds = [mark for _, mark in verdicts.values()]
    table["advice"] = np.select(holds, [advice for advice, _ in verdicts.values()], "keep")
    return table.assign(reason=np.select(holds, list(verdicts), ""))


def separated_pairs(score: pd.Series) -> tuple[int, int]:
    """Return how many pairs of units have different scores, and how many pairs have scores."""
    n, groups = score.count(), score.round(9).value_counts()
    return int((n * n - (groups**2).sum()) // 2), int(n * (n - 1) // 2)


def partners(pairs: pd.DataFrame, table: pd.DataFrame) -> dict[str, str]:
    """Return for each indicator to be merged the one of its pair to keep: cheaper, or more telling.

    Hours that are not known count as most; of equals the first of the table is kept.
    """
    order = table.sort_values(["hours", "separated"], ascending=[True, False], kind="stable")
    place = {name: i for i, name in enumerate(order["indicator_id"])}
    found: dict[str, str] = {}
    for pair in zip(pairs["first"], pairs["second"], strict=True):
        kept, gone = sorted(pair, key=place.__getitem__)
        found.setdefault(gone, kept)
    return found
