"""The values that a scheme scores: units by indicator, with their errors, from the table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from haidian_eval.errors import ParameterError, TableError
from haidian_eval.scoring.framework import Framework
from haidian_eval.scoring.normalise import score_leaf
from haidian_eval.scoring.rules import RELATIVE


@dataclass(frozen=True, slots=True)
class Selected:
    """What one scheme scores in one period.

    cells, se, half_width: unit x indicator, in the unit of the indicator, blank where missing.
    rows: the rows of the table behind them, one per cell.
    """

    cells: pd.DataFrame
    se: pd.DataFrame
    half_width: pd.DataFrame
    rows: pd.DataFrame


def select(
    table: pd.DataFrame, framework: Framework, units: Iterable[str], period: str, *,
    periods: Mapping[str, str] | None = None,
) -> Selected:  # fmt: skip
    """Return the values of `units` in one period; `periods` names indicators with one of their own.

    Raises TableError where a cell has more than one vintage, ParameterError where nothing is known.
    """
    leaves, own = framework.leaves, list(dict.fromkeys(units))
    wanted = pd.Series(dict.fromkeys(leaves, period) | dict(periods or {}))
    rows = table[table["unit_id"].isin(own) & table["indicator_id"].isin(leaves)]
    rows = rows[rows["period"] == rows["indicator_id"].map(wanted)]
    if rows.empty:
        raise ParameterError(f"{framework.root}: no unit has a value of {period}")
    twice = rows[rows.duplicated(["unit_id", "indicator_id"])]
    if len(twice):
        row = twice.iloc[0]
        raise TableError(
            f"{row['indicator_id']}, {row['period']}: the unit {row['unit_id']} has values of more"
            " than one vintage; keep one vintage in the table values"
        )
    wide = rows.pivot(index="unit_id", columns="indicator_id")
    frames = {
        name: wide[name].reindex(index=own, columns=leaves).astype("float64")
        for name in ("value", "se", "half_width")
    }
    return Selected(frames["value"], frames["se"], frames["half_width"], rows)


def alone(rows: pd.DataFrame, framework: Framework, unit: str) -> pd.DataFrame:
    """Return the latest value of every indicator of one unit, scored where no other is needed.

    Columns: indicator_id, period, value, score (missing where the rule compares units), source_id.
    Nothing is combined: the values are of different periods and most are missing.
    """
    own = rows[(rows["unit_id"] == unit) & rows["indicator_id"].isin(framework.leaves)]
    latest = own.sort_values("period", kind="stable").drop_duplicates("indicator_id", keep="last")
    table = latest.set_index("indicator_id").reindex(framework.leaves)
    values = table["value"].to_numpy(dtype="float64")[:, None]
    scores = [
        float("nan") if rule.rule in RELATIVE else float(score_leaf(value, rule)[0])
        for value, rule in zip(values, framework.rules.values(), strict=True)
    ]
    return table.assign(score=scores)[["period", "value", "score", "source_id"]].reset_index()
