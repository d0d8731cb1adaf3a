"""The checks of claims: each returns whether the claim holds and the cells that say so."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from haidian_eval.claims import asked as ask
from haidian_eval.environment import places
from haidian_eval.scoring import as_named
from haidian_eval.tables.vintages import quotient_bounds

CELLS = [
    "claim_id", "what", "unit_id", "indicator_id", "period", "vintage", "value", "limit",
    "outcome", "note", "standing", "source_id", "file", "row",
]  # fmt: skip
OF_ROWS = ["unit_id", "indicator_id", "period", "vintage", "value", "source_id", "file", "row"]
YEAR = 4
PART_OF_YEAR = "part_year"
Tables = Mapping[str, pd.DataFrame]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a check found.

    holds: missing when the cells leave it open. cells: one row per cell that decided, or that was
    looked for and is absent: what, unit_id, indicator_id (or rule), period, vintage, value, limit,
    outcome (holds | fails | open | absent | first | tied | not_first), note, source_id, file, row.
    """

    holds: bool | None
    cells: pd.DataFrame


def cells(rows: pd.DataFrame, **words: object) -> pd.DataFrame:
    """Return deciding cells; rows: of the tables in which they stand, words: what they say."""
    standing_in = rows.rename(columns={"_file": "file", "_row": "row"}).reindex(columns=OF_ROWS)
    return standing_in.assign(**words).reindex(columns=CELLS)


def share_above(asked: ask.ShareAbove, tables: Tables) -> Outcome:
    """Return whether a unit's share of the whole is above a limit in every vintage that is seen.

    Where rounding, or rounding that is not known, leaves a vintage open, so is the claim.
    """
    values = tables["values"]
    wanted = (values["indicator_id"] == asked.indicator) & (values["period"] == asked.period)
    rows = values[wanted & values["unit_id"].isin([asked.unit, asked.whole])]
    found = [share_cells(rows[rows["vintage"] == one], one, asked) for one in asked.vintages]
    outcomes = {outcome for block in found for outcome in block["outcome"]} - {"absent"}
    holds = False if "fails" in outcomes else True if outcomes == {"holds"} else None
    return Outcome(holds, pd.concat(found or [cells(rows.head(0))]))


def share_cells(rows: pd.DataFrame, vintage: str, asked: ask.ShareAbove) -> pd.DataFrame:
    """Return part, whole and share (per cent) of one vintage, compared with the limit."""
    both = rows.set_index("unit_id", drop=False).reindex([asked.unit, asked.whole])
    part, whole = both.iloc[0], both.iloc[1]
    share = {"unit_id": asked.unit, "indicator_id": asked.indicator, "period": asked.period}
    share = pd.DataFrame([share | {"vintage": vintage}])
    if both["value"].isna().any():
        return cells(share, what="share", outcome="absent")
    least, most = quotient_bounds(pd.concat([part, whole.add_prefix("whole_")]), "whole_")
    least, most = 100 * least, 100 * most
    outcome = "holds" if least > asked.limit else "fails" if most <= asked.limit else "open"
    numbers = {"value": 100 * part["value"] / whole["value"], "limit": asked.limit}
    numbers["source_id"] = f"{part['source_id']};{whole['source_id']}"
    shown = [cells(both, what=["part", "whole"]), cells(share, what="share", **numbers)]
    return pd.concat(shown).assign(outcome=outcome)


def is_whole_year(period: str) -> bool:
    """Tell whether a period is a year: 2024, or 2024-01..12."""
    return len(period) == YEAR or period.endswith("-01..12")


def first_every_year(asked: ask.FirstEveryYear, tables: Tables) -> Outcome:
    """Return whether a unit was first among its rivals (ties count) in every year asked.

    A whole year that is not first decides against. A year without a whole-year value, or with
    values of some of the rivals only, leaves the whole open.
    """
    found = yearly_places(asked, tables).assign(year=lambda rows: rows["period"].str[:YEAR])
    years = pd.DataFrame({"year": [str(n) for n in range(asked.first, asked.last + 1)]})
    rows = years.merge(found, on="year", how="left").fillna({"outcome": "absent", "absent": ""})
    whole = rows["period"].fillna("").map(is_whole_year).astype("bool")
    part = rows["period"].notna() & ~whole
    without = ("without:" + rows["absent"].str.replace(";", ",")).where(rows["absent"] != "", "")
    notes = part.map({True: PART_OF_YEAR, False: ""}).str.cat(without, sep=";").str.strip(";")
    rows = rows.assign(period=rows["period"].fillna(rows["year"]), unit_id=asked.unit)
    words = {"limit": rows["best"], "outcome": rows["outcome"], "note": notes}
    shown = cells(rows, what="year", **words)
    if (rows["outcome"].eq("not_first") & ~part).any():
        return Outcome(False, shown)
    settled = rows.loc[notes.eq("") & rows["outcome"].isin(["first", "tied"]), "year"]
    return Outcome(True if settled.nunique() == len(years) else None, shown)


def yearly_places(asked: ask.FirstEveryYear, tables: Tables) -> pd.DataFrame:
    """Return the unit's place in every year, or longer part of a year, that has values.

    Columns: those of `environment.places`, indicator_id, vintage, unit_id, _file and _row.
    """
    values = tables["values"]
    span = values["period"].str.len().eq(YEAR) | values["period"].str.contains("..", regex=False)
    found = as_named(places(values[span], asked.unit, asked.rivals, cost=True), asked.indicators)
    key = ["indicator_id", "vintage", "period"]
    own = values.loc[values["unit_id"] == asked.unit, [*key, "unit_id", "_file", "_row"]]
    return found.merge(own, on=key, validate="1:1").sort_values("period", kind="stable")


def rule_number(asked: ask.RuleNumber, tables: Tables) -> Outcome:
    """Return whether a rule seen as a whole states the number.

    Where none of the rules seen does, the claim fails; where only one seen in part or at second
    hand does, the documents disagree and it stays open.
    """
    own = named_rules(asked.rules, tables)
    equal = own["number"] == asked.number
    outcome = equal.map({True: "holds", False: "fails"})
    words = {"value": own["number"], "limit": asked.number, "note": own["unit"]}
    firm = (equal & own["firm"]).any()
    holds = True if firm else None if equal.any() else False
    return Outcome(holds, cells(own, what="rule", outcome=outcome, **words))


def named_rules(names: Sequence[str], tables: Tables) -> pd.DataFrame:
    """Return the rules of these ids, in the order of the table; firm: seen as a whole."""
    rules = tables["rules"]
    own = rules[rules["rule_id"].isin(names)]
    return own.assign(
        indicator_id=own["rule_id"], period=own["dated"], firm=own["completeness"] == "whole"
    )


def rule_exists(asked: ask.RuleExists, tables: Tables) -> Outcome:
    """Return whether a rule seen as a whole contains all the words."""
    own = named_rules(asked.rules, tables)
    said = own["rule_zh"].map(lambda rule: all(word in rule for word in asked.words)).astype("bool")
    outcome = said.map({True: "holds", False: "absent"})
    firm = (said & own["firm"]).any()
    return Outcome(True if firm else None, cells(own, what="document", outcome=outcome))


def launched_by(asked: ask.LaunchedBy, tables: Tables) -> Outcome:
    """Return whether what the rule describes was in place by the day; without a day, it is open."""
    own = named_rules([asked.rule], tables)
    try:
        holds: bool | None = dt.date.fromisoformat(str(own["dated"].iloc[0])) <= asked.by
    except ValueError:
        holds = None
    outcome = {True: "holds", False: "fails", None: "absent"}[holds]
    return Outcome(holds, cells(own, what="launch", outcome=outcome, note=asked.by.isoformat()))


FUNCTIONS = (share_above, first_every_year, rule_number, rule_exists, launched_by)
CHECKS: Mapping[str, Callable[[Any, Tables], Outcome]] = {one.__name__: one for one in FUNCTIONS}
