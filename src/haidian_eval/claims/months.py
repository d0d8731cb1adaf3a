"""Month by month: stations averaged over their districts, and the places of a unit."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from haidian_eval.environment import joined, one_vintage, places
from haidian_eval.scoring import as_named


def by_district(values: pd.DataFrame, units: pd.DataFrame, without: Sequence[str]) -> pd.DataFrame:
    """Return values of stations as means over their districts, beside those that are districts'.

    A district is the plain mean of its stations; `without` names background stations that stand
    for no district. Of several vintages of a month the one that most units have is taken. Grain:
    district, indicator, period, vintage.
    """
    chosen = one_vintage(values)
    is_station = units["unit_type"] == "station"
    rows = units[is_station & ~units["unit_id"].isin(without)]
    parent = rows.set_index("unit_id")["parent_id"]
    stations = chosen[chosen["unit_id"].isin(parent.index)]
    stations = stations.assign(unit_id=stations["unit_id"].map(parent))
    key = ["unit_id", "indicator_id", "period", "vintage"]
    how = {"value": ("value", "mean"), "source_id": ("source_id", joined)}
    means = stations.groupby(key, as_index=False).agg(**how)
    others = chosen[~chosen["unit_id"].isin(units.loc[is_station, "unit_id"])]
    return pd.concat([means, others[[*key, "value", "source_id"]]], ignore_index=True)


def month_by_month(
    values: pd.DataFrame, unit: str, rivals: Sequence[str], indicators: Sequence[str]
) -> pd.DataFrame:
    """Return a unit's place among its rivals in every single month, for several indicators.

    values: of districts. Columns: those of `places`; as their vintage the tables published month
    by month are one series, every set of station data is another.
    """
    monthly = values[values["period"].str.fullmatch(r"\d{4}-\d{2}")]
    series = monthly["vintage"].where(~monthly["vintage"].str.startswith("table_"), "published")
    return as_named(places(monthly.assign(vintage=series), unit, rivals, cost=True), indicators)
