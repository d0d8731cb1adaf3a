"""Results as a reader's tables: names in place of ids, in administrative order, with sources."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from haidian_eval.errors import ParameterError, not_known
from haidian_eval.params import Params
from haidian_eval.report.exhibit import decimals
from haidian_eval.text import Text


def names(units: pd.DataFrame, text: Text) -> pd.Series:
    """Return unit_id -> name in the language of the page."""
    return units.set_index("unit_id")[f"name_{text.lang}"]


def focus_name(units: pd.DataFrame, params: Params, text: Text) -> str:
    """Return the name of the unit that the report puts first."""
    name, wanted = names(units, text), params.report.focus_unit
    if wanted not in name:
        raise ParameterError(not_known(f"report.focus_unit = {wanted!r}", wanted, name.index))
    return str(name[wanted])


def administrative(frame: pd.DataFrame, units: pd.DataFrame, text: Text) -> pd.DataFrame:
    """Return rows with unit_name, group and the source of both, by group and code."""
    place = pd.Series(range(len(units)), index=units["unit_id"])
    keys = {"_group": frame["peer_group"].map(place), "_unit": frame["unit_id"].map(place)}
    name = names(units, text)
    words = {
        "unit_name": frame["unit_id"].map(name),
        "group": frame["peer_group"].map(name).fillna("—"),
        "unit_source": frame["unit_id"].map(units.set_index("unit_id")["source_id"]),
    }
    ordered = frame.assign(**words, **keys).sort_values(["_group", "_unit"], kind="stable")
    return ordered.drop(columns=list(keys)).reset_index(drop=True)


def rank_range(best: object, worst: object) -> str | None:
    """Return a rank interval as a reader sees it."""
    if best is pd.NA or worst is pd.NA:
        return None
    return str(best) if best == worst else f"{best}–{worst}"


def pick(frame: pd.DataFrame, keep: dict[str, str]) -> pd.DataFrame:
    """Return the rows that have these values."""
    for column, value in keep.items():
        frame = frame[frame[column] == value]
    return frame


def range_words(shown: str, text: Text) -> str:
    """Return a rank interval in words; one place says that rounding moves nothing."""
    return text("ranges.wide", span=shown) if "–" in shown else text("ranges.one")


def places_in_file(rows: pd.DataFrame, *suffixes: str) -> list[str]:
    """Return file and row of the values behind each row, for the download."""
    found = []
    for _, row in rows.iterrows():
        pairs = [(row.get(f"{s}_file"), row.get(f"{s}_row")) for s in suffixes or ("",)]
        found.append(
            " ".join(f"{file}:{int(line)}" for file, line in pairs if isinstance(file, str))
        )
    return found


def as_printed(value: float, half_width: float) -> str:
    """Return a value with the decimals it was printed with, by the half-width of its rounding."""
    if pd.isna(half_width) or half_width <= 0:
        return f"{value:.{decimals([value])}f}"
    return f"{value:.{max(0, round(-math.log10(2 * half_width)))}f}"


@dataclass(frozen=True, slots=True)
class Named:
    """An indicator by its name and unit of measure, as a reader knows them."""

    id: str
    name: str
    unit: str


def named(indicators: pd.DataFrame, name: str, text: Text) -> Named:
    """Return an indicator of the table in words."""
    rows = indicators.drop_duplicates("node_id", keep="last").set_index("node_id")
    if name not in rows.index:
        raise ParameterError(not_known(f"the indicator {name!r}", name, rows.index))
    row = rows.loc[name]
    return Named(name, text.choose(row, "name"), text.unit(row["unit"]))


def vintage_words(vintage: Any, text: Text) -> str:
    """Return a vintage in words; table_2021-08 is the table published for that month."""
    if not isinstance(vintage, str):
        return "—"
    if vintage.startswith("table_"):
        return text("vintages.table", period=text.period(vintage.removeprefix("table_")))
    key = f"vintages.{vintage}"
    return text(key) if text.has(key) else vintage
