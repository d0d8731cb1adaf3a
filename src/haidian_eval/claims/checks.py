"""The checks of claims: each returns whether the claim holds and the cells that say so."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from haidian_eval.claims.asked import (
    FirstEveryYear,
    LaunchedBy,
    RuleExists,
    RuleNumber,
    ShareAbove,
)
from haidian_eval.environment import places
from haidian_eval.scoring import as_named

CELLS = [
    "claim_id", "what", "unit_id", "indicator_id", "period", "vintage", "value", "limit",
    "outcome", "note", "standing", "source_id", "file", "row",
]  # fmt: skip
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


def cell(row: pd.Series | None = None, **words: object) -> dict[str, Any]:
    """Return one deciding cell; `row` is the table row that it stands in."""
    known = {}
    if row is not None:
        columns = ("unit_id", "indicator_id", "period", "vintage", "value", "source_id")
        known = {name: row[name] for name in columns if name in row}
        known |= {"file": row["_file"], "row": row["_row"]}
    return known | words


def framed(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return cells as a frame with all its columns."""
    return pd.DataFrame(rows, columns=CELLS)


def share_above(asked: ShareAbove, tables: Tables) -> Outcome:
    """Return whether a unit's share of the whole is above a limit in every vintage that is seen.

    Where rounding, or rounding that is not known, leaves a vintage open, so is the claim.
    """
    values = tables["values"]
    wanted = (values["indicator_id"] == asked.indicator) & (values["period"] == asked.period)
    rows: list[dict[str, Any]] = []
    for vintage in asked.vintages:
        own = values[wanted & (values["vintage"] == vintage)].set_index("unit_id", drop=False)
        if {asked.unit, asked.whole} <= set(own.index):
            rows += share_cells(own.loc[asked.unit], own.loc[asked.whole], asked.limit)
        else:
            place = {"period": asked.period, "vintage": vintage, "outcome": "absent"}
            lead = {"what": "share", "unit_id": asked.unit, "indicator_id": asked.indicator}
            rows.append(cell(**lead, **place))
    found = {row["outcome"] for row in rows} - {"absent"}
    holds = False if "fails" in found else True if found == {"holds"} else None
    return Outcome(holds, framed(rows))


def share_cells(part: pd.Series, whole: pd.Series, limit: float) -> list[dict[str, Any]]:
    """Return part, whole and share (per cent) of one vintage, compared with the limit."""
    share = 100 * part["value"] / whole["value"]
    least = 100 * (part["value"] - part["half_width"]) / (whole["value"] + whole["half_width"])
    most = 100 * (part["value"] + part["half_width"]) / (whole["value"] - whole["half_width"])
    outcome = "holds" if least > limit else "fails" if most <= limit else "open"
    place = {name: part[name] for name in ("unit_id", "indicator_id", "period", "vintage")}
    cited = f"{part['source_id']};{whole['source_id']}"
    return [
        cell(part, what="part", outcome=outcome),
        cell(whole, what="whole", outcome=outcome),
        cell(what="share", **place, value=share, limit=limit, outcome=outcome, source_id=cited),
    ]


def is_whole_year(period: str) -> bool:
    """Tell whether a period is a year: 2024, or 2024-01..12."""
    return len(period) == YEAR or period.endswith("-01..12")


def first_every_year(asked: FirstEveryYear, tables: Tables) -> Outcome:
    """Return whether a unit was first among its rivals (ties count) in every year asked.

    A whole year that is not first decides against. A year without a whole-year value, or with
    values of some of the rivals only, leaves the whole open.
    """
    found = yearly_places(asked, tables)
    rows: list[dict[str, Any]] = []
    for year in range(asked.first, asked.last + 1):
        own = found[found["period"].str[:YEAR] == str(year)]
        if own.empty:
            place = {"unit_id": asked.unit, "period": str(year)}
            rows.append(cell(what="year", **place, outcome="absent"))
        rows += [year_cell(row) for _, row in own.iterrows()]
    cells = framed(rows)
    note = cells["note"].fillna("")
    if (cells["outcome"].eq("not_first") & ~note.str.contains(PART_OF_YEAR)).any():
        return Outcome(False, cells)
    settled = cells[note.eq("") & cells["outcome"].isin(["first", "tied"])]
    years = settled["period"].str[:YEAR].nunique()
    return Outcome(True if years == asked.last - asked.first + 1 else None, cells)


def year_cell(row: pd.Series) -> dict[str, Any]:
    """Return the place in one year as a deciding cell; the note says what it does not cover."""
    notes = [] if is_whole_year(row["period"]) else [PART_OF_YEAR]
    notes += [f"without:{row['absent'].replace(';', ',')}"] if row["absent"] else []
    words = {"limit": row["best"], "outcome": row["outcome"], "note": ";".join(notes)}
    return cell(row, what="year", **words)


def yearly_places(asked: FirstEveryYear, tables: Tables) -> pd.DataFrame:
    """Return the unit's place in every year, or longer part of a year, that has values.

    Columns: those of `environment.places`, indicator_id, vintage, unit_id, _file and _row.
    """
    values = tables["values"]
    span = values["period"].str.len().eq(YEAR) | values["period"].str.contains("..", regex=False)
    found = as_named(places(values[span], asked.unit, asked.rivals, cost=True), asked.indicators)
    key = ["indicator_id", "vintage", "period"]
    own = values.loc[values["unit_id"] == asked.unit, [*key, "unit_id", "_file", "_row"]]
    return found.merge(own, on=key, validate="1:1").sort_values("period", kind="stable")


def rule_number(asked: RuleNumber, tables: Tables) -> Outcome:
    """Return whether a rule seen as a whole states the number.

    Where none of the rules seen does, the claim fails; where only one seen in part or at second
    hand does, the documents disagree and it stays open.
    """
    own = named_rules(asked.rules, tables)
    equal = own["number"] == asked.number
    rows = [
        cell(row, what="rule", indicator_id=row["rule_id"], period=row["dated"],
             value=row["number"], limit=asked.number, note=row["unit"],
             outcome="holds" if same else "fails")
        for (_, row), same in zip(own.iterrows(), equal, strict=True)
    ]  # fmt: skip
    firm = bool((equal & (own["completeness"] == "whole")).any())
    return Outcome(True if firm else None if equal.any() else False, framed(rows))


def named_rules(names: tuple[str, ...], tables: Tables) -> pd.DataFrame:
    """Return the rules of these ids, in the order of the table."""
    rules = tables["rules"]
    return rules[rules["rule_id"].isin(names)]


def rule_exists(asked: RuleExists, tables: Tables) -> Outcome:
    """Return whether a rule seen as a whole contains all the words."""
    own = named_rules(asked.rules, tables)
    said = [all(word in rule for word in asked.words) for rule in own["rule_zh"]]
    rows = [
        cell(row, what="document", indicator_id=row["rule_id"], period=row["dated"],
             outcome="holds" if there else "absent")
        for (_, row), there in zip(own.iterrows(), said, strict=True)
    ]  # fmt: skip
    firm = bool((pd.Series(said, own.index) & (own["completeness"] == "whole")).any())
    return Outcome(True if firm else None, framed(rows))


def launched_by(asked: LaunchedBy, tables: Tables) -> Outcome:
    """Return whether what the rule describes was in place by the day; without a day, it is open."""
    row = named_rules((asked.rule,), tables).iloc[0]
    words = {"indicator_id": row["rule_id"], "period": row["dated"], "note": asked.by.isoformat()}
    try:
        holds: bool | None = dt.date.fromisoformat(str(row["dated"])) <= asked.by
    except ValueError:
        holds = None
    outcome = {True: "holds", False: "fails", None: "absent"}[holds]
    return Outcome(holds, framed([cell(row, what="launch", outcome=outcome, **words)]))


CHECKS: Mapping[str, Callable[[Any, Tables], Outcome]] = {
    "share_above": share_above,
    "first_every_year": first_every_year,
    "rule_number": rule_number,
    "rule_exists": rule_exists,
    "launched_by": launched_by,
}
