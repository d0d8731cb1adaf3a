"""The place of a unit among its rivals, year by year and month by month."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from haidian_eval.claims.asked import asked_of
from haidian_eval.environment import joined, one_vintage, places
from haidian_eval.params import Claims
from haidian_eval.scoring import as_named

YEAR = 4


def is_whole_year(period: str) -> bool:
    """Tell whether a period is a year: 2024, or 2024-01..12."""
    return len(period) == YEAR or period.endswith("-01..12")


def yearly_places(asked: Any, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the unit's place in every year, or longer part of a year, that has values.

    Columns: those of `environment.places`, indicator_id, vintage, unit_id, _file and _row.
    """
    values = tables["values"]
    span = values["period"].str.len().eq(YEAR) | values["period"].str.contains("..", regex=False)
    found = as_named(places(values[span], asked.unit, asked.rivals, cost=True), asked.indicators)
    key = ["indicator_id", "vintage", "period"]
    own = values.loc[values["unit_id"] == asked.unit, [*key, "unit_id", "_file", "_row"]]
    return found.merge(own, on=key, validate="1:1").sort_values("period", kind="stable")


def by_district(values: pd.DataFrame, units: pd.DataFrame, without: Sequence[str]) -> pd.DataFrame:
    """Return values of stations as means over their districts, beside those that are districts'.

    A district is the plain mean of its stations; `without` names background stations that stand
    for no district. Of several vintages of a month the one that most units have is taken. Grain:
    district, indicator, period, vintage.
    """
    chosen, stations = one_vintage(values), units[units["unit_type"] == "station"]
    own = chosen[~chosen["unit_id"].isin(without)]
    parent = own["unit_id"].map(stations.set_index("unit_id")["parent_id"])
    key = ["unit_id", "indicator_id", "period", "vintage"]
    published = parent.isna().rename("published")  # never averaged with what stations lead to
    district = own.assign(unit_id=parent.fillna(own["unit_id"])).groupby([*key, published])
    return district.agg(value=("value", "mean"), source_id=("source_id", joined)).reset_index()


def month_by_month(
    values: pd.DataFrame, unit: str, rivals: Sequence[str], indicators: Sequence[str]
) -> pd.DataFrame:
    """Return a unit's place among its rivals in every single month, for several indicators.

    values: of districts. Columns: those of `places` and unit_id; as their vintage the tables
    published month by month are one series, every set of station data is another.
    """
    monthly = values[values["period"].str.fullmatch(r"\d{4}-\d{2}")]
    series = monthly["vintage"].where(~monthly["vintage"].str.startswith("table_"), "published")
    found = places(monthly.assign(vintage=series), unit, rivals, cost=True)
    return as_named(found, indicators).assign(unit_id=unit)


def first_places(tables: Mapping[str, pd.DataFrame], choice: Claims) -> pd.DataFrame:
    """Return `month_by_month` for every claim to be first every year, with the series chosen."""
    district = by_district(tables["values"], tables["units"], choice.background_stations)
    found = [
        month_by_month(district, asked.unit, asked.rivals, choice.monthly)
        for asked in asked_of(tables, "first_every_year")
    ]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=["unit_id"])
