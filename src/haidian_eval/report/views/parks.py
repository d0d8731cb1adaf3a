"""Parks and firms of a panel as a reader's tables: who adopted when, and were they alike before."""

from __future__ import annotations

import numpy as np
import pandas as pd

from haidian_eval.effect.panel import numbers
from haidian_eval.effect.reading import ADOPTED, PARK, PERIOD, UNIT
from haidian_eval.params import Effect
from haidian_eval.report.exhibit import joined
from haidian_eval.report.operations import Words
from haidian_eval.tables.contracts import contracts

STATES = ("untracked", "tracked", "treated", "absent")  # of a park in a period
WARNING = 0.25  # of standardised differences (Imbens and Rubin 2015)
FEN = 1e6  # in 10,000 yuan


def outcome_name(column: str, words: Words) -> str:
    """Return a column of the panel in words."""
    declared = contracts()["panel"].columns[column]
    return declared.zh if words.text.lang == "zh" else declared.en


def outcome_unit(column: str, words: Words) -> str:
    """Return the unit in which a column of the panel is shown."""
    unit = contracts()["panel"].columns[column].unit
    own = f"effect.units.{column}"
    known = words.text.has(own)
    return words.text(own) if known else words.text.unit("10k CNY" if unit == "fen" else unit)


def of_units(words: Words, parks: pd.Series) -> pd.Series:
    """Return the sources of the names of parks."""
    return parks.map(words.units.set_index("unit_id")["source_id"])


def by_park(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row per park, those that adopt first: numbers of its first periods, its firms."""
    own = rows.assign(tracked=numbers(rows["tracked_in"], "tracked_in"),
                      adopted=numbers(rows[ADOPTED], ADOPTED))  # fmt: skip
    found = own.groupby(PARK).agg(
        adopted=("adopted", "min"), tracked=("tracked", "min"), firms=(UNIT, "nunique"),
        adopted_in=(ADOPTED, "first"), tracked_in=("tracked_in", "first"),
        source_id=("source_id", lambda ids: joined(*ids.unique())),
    )  # fmt: skip
    order = ["adopted", "tracked", PARK]
    return found.reset_index().sort_values(order, kind="stable", ignore_index=True)


def calendar(rows: pd.DataFrame, words: Words) -> pd.DataFrame:
    """Return what each park was in each period, parks by their adoption, then by their ids."""
    parks = by_park(rows)
    periods = rows[[PERIOD]].drop_duplicates().sort_values(PERIOD)
    periods = periods.assign(time=numbers(periods[PERIOD], PERIOD))
    cells = parks.merge(periods, how="cross")
    there = pd.MultiIndex.from_frame(rows[[PARK, PERIOD]].drop_duplicates())
    absent = ~pd.MultiIndex.from_frame(cells[[PARK, PERIOD]]).isin(there)
    state = np.select(
        [absent, cells["time"] >= cells["adopted"], cells["time"] >= cells["tracked"]],
        ["absent", "treated", "tracked"], "untracked",
    )  # fmt: skip
    named = [words.unit(park) for park in cells[PARK]]
    both = zip(cells["source_id"], of_units(words, cells[PARK]), strict=True)
    return cells.assign(unit_name=named, state=state, source_id=[joined(*ids) for ids in both])


def calendar_wide(cells: pd.DataFrame, words: Words) -> pd.DataFrame:
    """Return the calendar with a column per period, as it is printed under the figure."""
    said = cells.assign(said=[words.text(f"effect.states.{one}") for one in cells["state"]])
    wide = said.pivot(index="unit_name", columns=PERIOD, values="said")
    wide = wide.reindex(said["unit_name"].unique()).add_prefix("short@")
    source = said.drop_duplicates("unit_name").set_index("unit_name")["source_id"]
    return wide.assign(source_id=source).reset_index()


def cohorts(rows: pd.DataFrame, words: Words) -> pd.DataFrame:
    """Return by period of adoption how many parks and firms; the last row are those that never."""
    parks, text = by_park(rows), words.text
    never, untracked = text("effect.never"), text("effect.states.untracked")
    tracked = parks["tracked_in"].replace("", None).fillna(untracked)
    named = parks.assign(
        cohort=parks["adopted_in"].where(parks["adopted"].notna(), never), since=tracked,
        unit_name=[words.unit(park) for park in parks[PARK]],
        unit_source=of_units(words, parks[PARK]),
    )  # fmt: skip
    found = named.groupby(["cohort", "since"], sort=False).agg(
        parks=(PARK, "size"), firms=("firms", "sum"),
        who=("unit_name", lambda own: text.listing(list(own))),
        source_id=("source_id", lambda ids: joined(*ids)),
        unit_source=("unit_source", lambda ids: joined(*ids.unique())),
    )  # fmt: skip
    return found.reset_index()


def before(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the periods before the first adoption."""
    return rows[numbers(rows[PERIOD], PERIOD) < np.nanmin(numbers(rows[ADOPTED], ADOPTED))]


def balance(rows: pd.DataFrame, plan: Effect, words: Words) -> pd.DataFrame:
    """Return means of firms before the first adoption, and their standardised difference.

    Difference of the means over the root of the mean of both variances (Imbens and Rubin 2015).
    """
    early, found = before(rows), []
    adopts = early.groupby(UNIT)[ADOPTED].first().replace("", None).notna()
    for name in [one for one in plan.balance if one in early]:
        divisor = FEN if contracts()["panel"].columns[name].unit == "fen" else 1.0
        means = early[name].astype("float64").groupby(early[UNIT]).mean() / divisor
        one, other = means[adopts].dropna(), means[~adopts].dropna()
        apart = one.mean() - other.mean()
        spread = float(np.sqrt((one.var() + other.var()) / 2))
        smd = apart / spread if spread > 0 else float("nan")
        far = "" if np.isnan(smd) else "far" if abs(smd) > WARNING else "near"
        found.append({"name": outcome_name(name, words), "unit": outcome_unit(name, words),
                      "adopters": one.mean(), "others": other.mean(), "smd": smd, "far": far,
                      "source_id": joined(*early["source_id"].unique())})  # fmt: skip
    return pd.DataFrame(found, columns=["name", "unit", "adopters", "others", "smd", "far",
                                        "source_id"])  # fmt: skip
