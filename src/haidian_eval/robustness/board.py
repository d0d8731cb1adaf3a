"""A scheme scored over its units, with the intervals of its ranks: what a page shows of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from haidian_eval.errors import ParameterError
from haidian_eval.params import Composite, Params, Robustness
from haidian_eval.robustness.design import Choices
from haidian_eval.robustness.ranks import Uncertainty, uncertainty
from haidian_eval.scoring.comparison import Comparison, Run, compare
from haidian_eval.scoring.composite import Scores, score
from haidian_eval.scoring.framework import (
    Framework,
    framework_named,
    subtree,
    with_choices,
    with_special,
)
from haidian_eval.scoring.selection import Selected, select

Tables = Mapping[str, pd.DataFrame]


@dataclass(frozen=True, slots=True)
class Board:
    """One scheme over the units of one kind in one period.

    units: the rows of the table of units, those that were scored. special: the index of the special
    block that is scored apart, by unit; missing where there is none. choices: what was varied.
    """

    scheme: str
    period: str
    framework: Framework
    selected: Selected
    scores: Scores
    special: pd.Series
    choices: Choices
    uncertainty: Uncertainty
    units: pd.DataFrame


def choices_of(params: Robustness, selected: Selected) -> Choices:
    """Return the choices that the parameters list, with the errors that the values carry."""
    return Choices(
        weights=params.weights, rules=params.rules, aggregations=params.aggregations,
        winsorised=params.winsorised, missing=params.missing, interval=params.interval,
        top=params.top, noise={"se": selected.se, "half_width": selected.half_width},
    )  # fmt: skip


def scored(tables: Tables, chosen: Composite, params: Params) -> tuple[Framework, Framework]:
    """Return the framework of a scheme as the parameters have it, and as it stands in the table."""
    bands = tables.get("bands")
    whole = framework_named(tables["indicators"], chosen.scheme, tables["points"], bands,
                            what="scoring.composites")  # fmt: skip
    entered = with_special(whole, params.scoring.special_block, params.scoring.special)
    return with_choices(entered, params.scoring.scenario()), whole


def board(tables: Tables, chosen: Composite, params: Params) -> Board:
    """Return one scheme scored, with the uncertainty of its ranks.

    Raises ParameterError where the scheme, the kind of unit or the period has no values.
    """
    framework, whole = scored(tables, chosen, params)
    units = tables["units"][tables["units"]["unit_type"] == chosen.kind]
    rows = tables["values"]
    own = units[
        units["unit_id"].isin(rows.loc[rows["indicator_id"].isin(framework.leaves), "unit_id"])
    ]
    if own.empty:
        raise ParameterError(f"{chosen.scheme}: no unit of the kind {chosen.kind!r} has a value")
    now = select(rows, framework, own["unit_id"], chosen.period)
    before = select(rows, framework, own["unit_id"], chosen.previous) if chosen.previous else None
    groups = own.set_index("unit_id")["peer_group"]
    scores = score(now.cells, framework, groups=groups if groups.notna().all() else None,
                   previous=None if before is None else before.cells)  # fmt: skip
    choices = choices_of(params.robustness, now)
    moved = uncertainty(now.cells, framework, choices, draws=params.robustness.draws,
                        seed=params.robustness.seed)  # fmt: skip
    special = pd.Series(float("nan"), scores.index.index)
    block = params.scoring.special_block
    if block in whole.nodes.index and params.scoring.special == "apart":
        apart = subtree(whole, block)
        special = score(select(rows, apart, own["unit_id"], chosen.period).cells, apart).index
    return Board(chosen.scheme, chosen.period, framework, now, scores, special, choices, moved, own)


def boards(tables: Tables, params: Params) -> list[Board]:
    """Return every scheme that the parameters name, scored."""
    return [board(tables, chosen, params) for chosen in params.scoring.composites]


def run_of(tables: Tables, chosen: Composite, params: Params) -> Run:
    """Return what a scheme scores in a period, for a comparison."""
    framework, _ = scored(tables, chosen, params)
    units = tables["units"]
    kind = units.loc[units["unit_type"] == chosen.kind, "unit_id"]
    cells = select(tables["values"], framework, kind, chosen.period).cells
    return Run(cells.dropna(how="all"), framework)


def compared(tables: Tables, params: Params) -> Comparison | None:
    """Return the comparison of the two schemes and periods that the parameters name, if any."""
    pair = params.robustness.pair
    if pair is None:
        return None
    return compare(*(run_of(tables, chosen, params) for chosen in (pair.before, pair.after)))
