"""A scheme scored over its units, with the intervals of its ranks: what a page shows of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from haidian_eval.errors import ParameterError
from haidian_eval.params import Composite, Params, Robustness
from haidian_eval.robustness.design import Choices
from haidian_eval.robustness.ranks import Uncertainty, uncertainty
from haidian_eval.scoring.comparison import Comparison, Run, compare
from haidian_eval.scoring.composite import Scores, score, with_weights
from haidian_eval.scoring.framework import (
    Framework,
    framework_named,
    subtree,
    with_choices,
    with_special,
)
from haidian_eval.scoring.outliers import Treated, treat_outliers
from haidian_eval.scoring.rules import BY_DISTANCE
from haidian_eval.scoring.selection import Selected, select
from haidian_eval.scoring.weights import official_weights

Tables = Mapping[str, pd.DataFrame]
COMPARING = BY_DISTANCE | {"fraction_of_max"}


@dataclass(frozen=True, slots=True)
class Board:
    """One scheme over the units of one kind in one period.

    units: the rows of the table of units, those that were scored. special: the index of the special
    block that is scored apart, by unit; missing where there is none. choices: what was varied.
    treated: one row per outlier that was drawn in or logged before scoring, see `treat_outliers`.
    aside: groups and previous, as `score` takes them.
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
    treated: pd.DataFrame
    aside: Mapping[str, Any]


def choices_of(params: Robustness, selected: Selected, framework: Framework) -> Choices:
    """Return the choices that the parameters list, with the errors that the values carry."""
    fixed = sorted(set(framework.leaves) - set(treatable(framework)))
    if params.winsorised and fixed:
        raise ParameterError(f"robustness.winsorised: the rules of {fixed} have fixed ends, which"
                             " treated outliers would leave behind; leave it empty")  # fmt: skip
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


def selected(tables: Tables, framework: Framework, chosen: Composite, period: str) -> Selected:
    """Return the values of all units of the kind that have any of the scheme's indicators."""
    units, rows = tables["units"], tables["values"]
    there = rows.loc[rows["indicator_id"].isin(framework.leaves), "unit_id"]
    own = units.loc[(units["unit_type"] == chosen.kind) & units["unit_id"].isin(there), "unit_id"]
    if own.empty:
        raise ParameterError(f"{chosen.scheme}: no unit of the kind {chosen.kind!r} has a value")
    return select(rows, framework, own, period)


def treatable(framework: Framework) -> list[str]:
    """Return the indicators whose outliers may be treated: those whose rule compares units.

    Fixed ends and the targets of binding indicators are in the unit of the values; logarithms would
    leave them behind.
    """
    veto = framework.nodes["veto"]
    return [leaf for leaf, rule in framework.rules.items() if rule.rule in COMPARING
            and rule.direction in ("benefit", "cost") and veto[leaf] == "no"]  # fmt: skip


def treat(cells: pd.DataFrame, framework: Framework, params: Params) -> Treated:
    """Return values with outliers treated where the parameters ask for it and a rule compares."""
    limit, leaves = params.scoring.max_winsorised, treatable(framework)
    if not limit or not leaves:
        return Treated(cells, pd.DataFrame(columns=["unit_id", "indicator_id"]))
    done = treat_outliers(cells[leaves], max_winsorised=limit)
    return Treated(cells.assign(**dict(done.values.items())), done.cells)  # noqa: PD011


def with_data_weights(framework: Framework, cells: pd.DataFrame, method: str) -> Framework:
    """Return the framework with weights from the data in families of indicators; blank: as it is.

    Raises ParameterError below five units per indicator.
    """
    if not method:
        return framework
    scores, leaves = score(cells, framework).normalised, set(framework.leaves)
    families = [kin for kin in framework.families.values() if leaves.issuperset(kin)]
    return with_weights(
        framework, pd.concat([official_weights(scores[k], method) for k in families])
    )


def block_index(rows: pd.DataFrame, block: Framework, units: pd.Index, period: str) -> pd.Series:
    """Return the index of a block scored apart, by unit; missing without a value of it."""
    own = rows[rows["unit_id"].isin(units) & rows["indicator_id"].isin(block.leaves)]
    if not (own["period"] == period).any():
        return pd.Series(float("nan"), units)
    return score(select(own, block, units, period).cells, block).index


def board(tables: Tables, chosen: Composite, params: Params) -> Board:
    """Return one scheme scored, with the uncertainty of its ranks.

    Raises ParameterError where the scheme, the kind of unit or the period has no values.
    """
    framework, whole = scored(tables, chosen, params)
    now = selected(tables, framework, chosen, chosen.period)
    done = treat(now.cells, framework, params)
    cells, units = done.values, tables["units"].set_index("unit_id").loc[now.cells.index]  # noqa: PD011
    framework = with_data_weights(framework, cells, params.scoring.weights)
    more: dict[str, Any] = {}
    if units["peer_group"].notna().all():
        more["groups"] = units["peer_group"]
    if chosen.previous:
        before = select(tables["values"], framework, units.index, chosen.previous).cells
        more["previous"] = treat(before, framework, params).values  # noqa: PD011
    choices, drawn = choices_of(params.robustness, now, framework), params.robustness
    moved = uncertainty(cells, framework, choices, draws=drawn.draws, seed=drawn.seed, **more)
    special, block = pd.Series(float("nan"), cells.index), params.scoring.special_block
    if block in whole.nodes.index and params.scoring.special == "apart":
        special = block_index(tables["values"], subtree(whole, block), cells.index, chosen.period)
    return Board(
        chosen.scheme, chosen.period, framework, replace(now, cells=cells),
        score(cells, framework, **more), special, choices, moved, units.reset_index(),
        done.cells, more,
    )  # fmt: skip


def boards(tables: Tables, params: Params) -> list[Board]:
    """Return every scheme that the parameters name and the edition has values of, scored."""
    named = params.scoring.composites
    return [board(tables, own, params) for own in named if has_values(tables, own)]


def has_values(tables: Tables, chosen: Composite) -> bool:
    """Tell whether any unit of the kind has a value of the scheme in the period.

    A scheme that is not in the table counts as one that has: it is named where it is scored.
    """
    units, nodes, values = tables["units"], tables["indicators"], tables["values"]
    if chosen.scheme not in set(nodes["scheme_id"]):
        return True
    own = units.loc[units["unit_type"] == chosen.kind, "unit_id"]
    leaves = nodes.loc[(nodes["scheme_id"] == chosen.scheme) & nodes["rule"].notna(), "node_id"]
    rows = values[(values["period"] == chosen.period) & values["unit_id"].isin(own)]
    return bool(rows["indicator_id"].isin(leaves).any())


def run_of(tables: Tables, chosen: Composite, params: Params) -> Run:
    """Return what a scheme scores in a period, for a comparison."""
    framework, _ = scored(tables, chosen, params)
    raw = selected(tables, framework, chosen, chosen.period).cells
    cells = treat(raw, framework, params).values  # noqa: PD011
    framework = with_data_weights(framework, cells, params.scoring.weights)
    return Run(cells.dropna(how="all"), framework)


def compared(tables: Tables, params: Params) -> Comparison | None:
    """Return the comparison of the two schemes and periods that the parameters name, if any."""
    pair = params.robustness.pair
    if pair is None or not all(has_values(tables, own) for own in (pair.before, pair.after)):
        return None
    return compare(*(run_of(tables, chosen, params) for chosen in (pair.before, pair.after)))
