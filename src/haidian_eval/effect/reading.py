"""What the table `panel` of an edition says of one policy: its rows, its outcomes, its dates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import numpy as np
import pandas as pd

from haidian_eval.effect.panel import A_YEAR, Panel, read_panel
from haidian_eval.effect.panel import PERIOD as PERIOD_TEXT
from haidian_eval.errors import ParameterError, not_known
from haidian_eval.params import Outcome

LAST_YEAR = 2200  # larger numbers of four digits count quarters or months
UNIT, PERIOD, PARK, ADOPTED = "unit_id", "period", "park_id", "adopted_in"


def scaled(rows: pd.DataFrame, outcome: Outcome) -> pd.Series:
    """Return an outcome on its scale and positive as wanted."""
    name = outcome.column
    refuse_unknown(rows, (outcome,))
    values = pd.to_numeric(rows[name]).astype("float64")
    own = np.log(values.where(values > 0)) if outcome.scale == "log" else values
    if own.notna().sum() == 0:
        why = (
            "no value above zero, and logarithms are asked" if values.notna().any() else "no number"
        )
        raise ParameterError(f"[effect]: the column {name!r} of the panel holds {why}")
    return own if outcome.wanted == "rise" else -own


def panel_of(rows: pd.DataFrame, outcome: Outcome, cluster: str = PARK) -> Panel:
    """Return the panel of an outcome, parks as clusters."""
    known = rows.assign(**{outcome.column: scaled(rows, outcome)})
    return read_panel(known, outcome.column, UNIT, PERIOD, cohort=ADOPTED, cluster=cluster)


def refuse_unknown(rows: pd.DataFrame, outcomes: Iterable[Outcome]) -> None:
    """Refuse a planned outcome that the panel has not or that is no number.

    Left out unseen, it would take a condition or a hypothesis out of the plan.
    """
    for name in (one.column for one in outcomes):
        if name not in rows:
            raise ParameterError(
                not_known(f"[effect]: the column {name!r} of the panel", name, rows)
            )
        own = rows[name].dropna()
        if (text := own[pd.to_numeric(own, errors="coerce").isna()]).size:
            raise ParameterError(
                f"[effect]: the column {name!r} holds {text.iloc[0]!r}; numbers are needed"
            )


def rows_of(panel: pd.DataFrame, policy: str) -> pd.DataFrame:
    """Return the rows of one policy and of parks under none, or say which policies there are."""
    if lacking := [name for name in (UNIT, PERIOD, PARK, ADOPTED) if name not in panel]:
        raise ParameterError(f"the panel has no column {lacking[0]!r}; see the table `panel`")
    if "policy_id" not in panel or panel["policy_id"].isna().all():
        return panel
    if policy not in set(panel["policy_id"]):
        known = sorted(panel["policy_id"].dropna().unique())
        raise ParameterError(not_known(f"effect.policy = {policy!r}", policy, known))
    return panel[panel["policy_id"].isna() | (panel["policy_id"] == policy)]


def first_seen(panel: Panel) -> dt.date:
    """Return the first day on which a treated outcome could be seen: after the first such period.

    The earliest day there is where periods are plain numbers, which have no date.
    """
    first = str(panel.labels[panel.times >= panel.cohort.min()][0])
    found = PERIOD_TEXT.fullmatch(first)
    if not found or not 1900 <= int(found[1]) <= LAST_YEAR:
        return dt.date.min
    months = 12 // A_YEAR[found[2]] * int(found[3] or 1)
    return dt.date(int(found[1]) + months // 12, months % 12 + 1, 1)
