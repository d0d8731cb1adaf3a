"""Two runs side by side: every move of a rank, split into what made it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from math import factorial

import pandas as pd

from haidian_eval.errors import ParameterError
from haidian_eval.scoring.composite import score
from haidian_eval.scoring.framework import Framework, check_weights

CAUSES = ("value", "rule", "weight", "membership")


@dataclass(frozen=True, slots=True)
class Run:
    """What a run scored: `matrix` unit x indicator, and the framework with its weights."""

    matrix: pd.DataFrame
    framework: Framework


@dataclass(frozen=True, slots=True)
class Comparison:
    """How ranks moved from one run to another.

    frame: one row per unit of both runs with a rank in both and at every step between: unit_id,
    rank_before, rank_after, move (places gained) and its parts value, rule, weight, membership,
    which sum to it exactly.
    entered, left: units of one run alone.
    """

    frame: pd.DataFrame
    entered: list[str]
    left: list[str]


def compare(before: Run, after: Run) -> Comparison:
    """Return every rank move between two runs, split by cause.

    A part is the mean over all orders of changing values, rules, weights and membership one after
    the other of what the change of that cause alone moved the rank (Shapley 1953; Shorrocks 2013),
    so that no order is preferred and nothing is left over. A unit whose values the other run has
    not keeps its own; a weight that the other framework has not keeps its own.
    """
    both = before.matrix.index.intersection(after.matrix.index, sort=False)
    if both.empty:
        raise ParameterError("the two runs have no unit in common")
    ranks = {chosen: ranks_with(chosen, before, after, both)
             for chosen in itertools.product((False, True), repeat=len(CAUSES))}  # fmt: skip
    first, last = ranks[(False,) * 4], ranks[(True,) * 4]
    parts = {cause: part_of(at, ranks) for at, cause in enumerate(CAUSES)}
    frame = pd.DataFrame({"rank_before": first, "rank_after": last, "move": first - last, **parts})
    known = frame.dropna().rename_axis("unit_id").reset_index()
    whole = {"rank_before": "Int64", "rank_after": "Int64", "move": "Int64"}
    return Comparison(
        known.astype(whole), [str(u) for u in after.matrix.index.difference(both)],
        [str(u) for u in before.matrix.index.difference(both)],
    )  # fmt: skip


def ranks_with(chosen: tuple[bool, ...], before: Run, after: Run, both: pd.Index) -> pd.Series:
    """Return the ranks of the units of both runs; `chosen` says which causes are the later ones."""
    late = dict(zip(CAUSES, chosen, strict=True))
    runs = (after, before) if late["value"] else (before, after)
    members = (after if late["membership"] else before).matrix.index
    rules = (after if late["rule"] else before).framework
    weights = (after if late["weight"] else before).framework.nodes["weight"]
    nodes = rules.nodes.assign(
        weight=weights.reindex(rules.nodes.index).fillna(rules.nodes["weight"])
    )
    framework = replace(rules, nodes=nodes)
    check_weights(framework)
    own, other = (run.matrix.reindex(columns=rules.leaves) for run in runs)
    strange = members.difference(own.index)
    values = pd.concat([own.reindex(members.intersection(own.index)), other.reindex(strange)])
    missing = [leaf for leaf in rules.leaves if leaf not in runs[0].matrix]
    values[missing] = other.reindex(values.index)[missing]
    return score(values, framework).rank.reindex(both).astype("Float64")


def part_of(at: int, ranks: dict[tuple[bool, ...], pd.Series]) -> pd.Series:
    """Return the Shapley value of one cause: places gained by it, averaged over all orders."""
    count, total = len(CAUSES), 0.0
    for chosen, rank in ranks.items():
        if not chosen[at]:
            size = sum(chosen)
            share = factorial(size) * factorial(count - size - 1) / factorial(count)
            changed = (*chosen[:at], True, *chosen[at + 1 :])
            total = total + share * (rank - ranks[changed])
    return total
