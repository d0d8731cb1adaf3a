"""A panel of firms in example parks, some adopting an example policy, and its true effects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError
from haidian_eval.params import PanelChoice
from haidian_eval.synthetic.marks import MARK, numbered, stream
from haidian_eval.synthetic.outcomes import effect_by_park, of_parks, reported
from haidian_eval.synthetic.parks import panel_plan, park_ids, quarter_of
from haidian_eval.tables.contracts import contracts

SOURCE = f"{MARK}E1"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A panel as `tables` would read it, and what was planted in it.

    panel: a row per firm and quarter, columns of the contract `panel`. truth: unit_id, period,
    outcome, effect (difference of logarithms; zero where nothing was planted), of every firm and
    quarter, those without outcomes or rows included.
    """

    panel: pd.DataFrame
    truth: pd.DataFrame


def park_panel(chosen: PanelChoice, seed: int) -> Drawn:
    """Return a panel and its true effects, in the order of firms and periods.

    A firm that did not report has its row, without the outcomes that firms report; for a quarter
    that a park did not hand in there are no rows.
    """
    refuse_impossible(chosen)
    plan, shape = panel_plan(), (chosen.parks, chosen.firms_per_park, chosen.quarters)
    shares = [one["share"] for one in plan.sizes.values()]
    size = stream(seed, "panel", "size").choice(len(shares), shape[:2], p=shares)
    able = stream(seed, "panel", "eligible").random(shape[:2]) < plan.eligible
    cells = labels(chosen) | of_firms(chosen, seed, size, able)
    for name, found in of_parks(chosen, seed).items():
        column = stretched(chosen, "pt", found)
        cells[name] = column if column.dtype.kind == "f" else pd.array(column, dtype="Int64")
    blank = stream(seed, "panel", "gap").random(shape) < chosen.missing_share
    for name, found in reported(chosen, seed, size, able).items():
        cells[name] = pd.arrays.IntegerArray(found.ravel().astype("int64"), blank.ravel())
    rows = pd.DataFrame({name: cells[name] for name in contracts()["panel"].columns})
    return Drawn(rows[handed_in(chosen)].reset_index(drop=True), planted(chosen, rows))


def refuse_impossible(chosen: PanelChoice) -> None:
    """Refuse more adopting parks than parks, gaps outside the panel, a cap below the effect."""
    adopting, periods = sum(c.parks for c in chosen.cohorts), set(periods_of(chosen))
    gaps = [
        f"park {gap.park} in {gap.period}" for gap in chosen.missing_quarters
        if gap.park > chosen.parks or gap.period not in periods
    ]  # fmt: skip
    if adopting > chosen.parks:
        raise ParameterError(
            f"synthetic.panel: {adopting} parks adopt, but parks = {chosen.parks}; raise `parks`,"
            " or let fewer adopt in `cohorts`"
        )
    if gaps:
        raise ParameterError(
            f"synthetic.panel.missing_quarters names {', '.join(gaps)}, outside the panel of"
            f" {chosen.parks} parks and {chosen.quarters} quarters from {chosen.first}; mend it"
        )
    if abs(chosen.effect) > chosen.largest:
        raise ParameterError(
            f"synthetic.panel.largest = {chosen.largest} would cut effect = {chosen.effect};"
            " raise `largest` to at least the size of `effect`"
        )


def stretched(chosen: PanelChoice, along: str, found: Any) -> np.ndarray:
    """Return an array by park, firm or time (letters p, f, t) as a column of the panel."""
    at = tuple(slice(None) if axis in along else None for axis in "pft")
    shape = (chosen.parks, chosen.firms_per_park, chosen.quarters)
    return np.broadcast_to(np.asarray(found)[at], shape).ravel()


def periods_of(chosen: PanelChoice) -> np.ndarray:
    """Return the periods of the panel in order."""
    quarters = quarter_of(chosen.first) + np.arange(chosen.quarters)
    return np.array([f"{quarter // 4}Q{quarter % 4 + 1}" for quarter in quarters], dtype=object)


def labels(chosen: PanelChoice) -> dict[str, Any]:
    """Return the columns that say who, when and under which policy; no chance is in them."""
    plan, number = panel_plan(), chosen.parks * chosen.firms_per_park
    firms = np.array(numbered(plan.firm_prefix, number, digits=4), dtype=object)
    adopted, tracked = np.full((2, chosen.parks), None, dtype=object)
    steps = [cohort.adopted_in for cohort in chosen.cohorts for _ in range(cohort.parks)]
    adopted[: len(steps)], tracked[: chosen.tracked] = steps, chosen.first
    parks = np.array(park_ids(chosen), dtype=object)
    return {
        "unit_id": stretched(chosen, "pf", firms.reshape(chosen.parks, -1)),
        "period": stretched(chosen, "t", periods_of(chosen)),
        "park_id": stretched(chosen, "p", parks),
        "policy_id": plan.policy["policy_id"], "source_id": SOURCE,
        "adopted_in": stretched(chosen, "p", adopted),
        "tracked_in": stretched(chosen, "p", tracked),
    }  # fmt: skip


def of_firms(chosen: PanelChoice, seed: int, size: np.ndarray, able: np.ndarray) -> dict[str, Any]:
    """Return what a firm is for all periods; `size`: places among the sizes, `able`: eligible."""
    plan = panel_plan()
    shares = list(plan.industries.values())
    industry = stream(seed, "panel", "industry").choice(len(shares), size.shape, p=shares)
    weights = np.array([one["weight"] for one in plan.sizes.values()])
    return {
        "eligible": stretched(chosen, "pf", np.where(able, "yes", "no").astype(object)),
        "industry_code": stretched(chosen, "pf", np.array(list(plan.industries), object)[industry]),
        "size_class": stretched(chosen, "pf", np.array(list(plan.sizes), dtype=object)[size]),
        "weight": stretched(chosen, "pf", weights[size]),
    }


def handed_in(chosen: PanelChoice) -> np.ndarray:
    """Return whether the park handed in the quarter, by row."""
    there = np.ones((chosen.parks, chosen.quarters), dtype=bool)
    for gap in chosen.missing_quarters:
        there[gap.park - 1, periods_of(chosen) == gap.period] = False
    return stretched(chosen, "pt", there)


def planted(chosen: PanelChoice, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the true effects on the outcomes in logarithms, a row per firm, quarter, outcome."""
    who = rows[["unit_id", "period"]]
    parts = [
        who.assign(outcome=name, effect=stretched(chosen, "pt", effect_by_park(chosen, name)))
        for name in panel_plan().outcomes
    ]
    return pd.concat(parts, ignore_index=True)
