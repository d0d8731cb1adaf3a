"""Claims of the article against the data: five classes, each decided by cells that are named."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from haidian_eval.environment import joined, places
from haidian_eval.environment.standing import PLACES
from haidian_eval.errors import TableError

CLASSES = ("independent", "publisher", "differs", "unknown", "not_a_fact")
CELLS = [
    "claim_id", "what", "unit_id", "indicator_id", "period", "vintage", "value", "limit",
    "outcome", "note", "standing", "source_id", "file", "row",
]  # fmt: skip
YEAR = 4
PART_OF_YEAR = "part_year"
MONTH = r"\d{4}-\d{2}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a check found.

    holds: missing when the cells leave it open. cells: one row per cell that decided, or that was
    looked for and is absent: what, unit_id, indicator_id, period, vintage, value, limit, outcome,
    note, source_id, file, row.
    """

    holds: bool | None
    cells: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims with their class, and the cells that decided.

    frame: the table of claims with `class` (one of CLASSES) and `cells` (their number).
    cells: see `Outcome`, with claim_id and the standing of the source.
    """

    frame: pd.DataFrame
    cells: pd.DataFrame


def check(tables: Mapping[str, pd.DataFrame]) -> Claims:
    """Return the class of every claim.

    tables: claims, values, rules, sources, units of the edition. A proposal is not a fact; a fact
    without a check, or whose cells are absent, is unknown; one that fails differs from the
    documents seen; one that holds is confirmed by independent data when every deciding cell comes
    from raw records that others keep and anybody can recompute, else it agrees with the publisher
    only. What a proposal would change is shown as its baseline.
    """
    standing = tables["sources"].set_index("source_id")["standing"]
    rows, blocks = [], [pd.DataFrame(columns=CELLS)]
    for _, claim in tables["claims"].iterrows():
        outcome = run_check(claim, tables)
        cells = outcome.cells.reindex(columns=CELLS).assign(claim_id=claim["claim_id"])
        cells["standing"] = [weakest(ids, standing) for ids in cells["source_id"]]
        if claim["kind"] == "proposal":
            cells["outcome"] = "baseline"
        name = class_of(str(claim["kind"]), outcome.holds, cells)
        rows.append(claim.to_dict() | {"class": name, "cells": len(cells)})
        blocks.append(cells)
    columns = [*tables["claims"].columns, "class", "cells"]
    filled = [block for block in blocks if len(block)] or blocks[:1]
    return Claims(pd.DataFrame(rows, columns=columns), pd.concat(filled, ignore_index=True))


def run_check(claim: pd.Series, tables: Mapping[str, pd.DataFrame]) -> Outcome:
    """Return what the claim's own check finds; without one, nothing."""
    if pd.isna(claim["check"]):
        return Outcome(None, pd.DataFrame(columns=CELLS))
    return CHECKS[claim["check"]](asked_by(claim), tables)


def asked_by(claim: pd.Series) -> dict[str, Any]:
    """Return what a claim asks of its check, or say what is wrong with the cell."""
    where = f"{claim['_file']}, row {claim['_row']}, column asked"
    try:
        asked: dict[str, Any] = tomllib.loads(f"asked = {{{claim['asked']}}}")["asked"]
    except tomllib.TOMLDecodeError as error:
        raise TableError(f"{where}: {claim['asked']!r} is not name=value, ...: {error}") from None
    absent = sorted(NEEDED[claim["check"]] - asked.keys())
    if absent:
        raise TableError(f"{where}: the check {claim['check']!r} also needs {absent}")
    return asked


def asked_of(claims: pd.DataFrame, check: str) -> list[dict[str, Any]]:
    """Return what the claims that use a check ask of it."""
    return [asked_by(claim) for _, claim in claims[claims["check"] == check].iterrows()]


def weakest(ids: object, standing: pd.Series) -> str:
    """Return the standing of the sources of one cell; not independent unless all of them are."""
    if not isinstance(ids, str) or not ids:
        return ""
    found = {str(standing.get(one)) for one in ids.split(";")}
    return "independent" if found == {"independent"} else "self" if "self" in found else "authority"


def class_of(kind: str, holds: bool | None, cells: pd.DataFrame) -> str:
    """Return the class that the kind of statement, the finding and its cells lead to."""
    if kind == "proposal":
        return "not_a_fact"
    if holds is None:
        return "unknown"
    if not holds:
        return "differs"
    decided = cells[cells["outcome"] != "absent"]
    return "independent" if (decided["standing"] == "independent").all() else "publisher"


def cell(row: pd.Series | None = None, **words: object) -> dict[str, Any]:
    """Return one deciding cell; `row` is the table row that it stands in."""
    known = {}
    if row is not None:
        columns = ("unit_id", "indicator_id", "period", "vintage", "value", "source_id")
        known = {name: row[name] for name in columns if name in row}
        known |= {"file": row["_file"], "row": row["_row"]}
    return known | words


def share_above(asked: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> Outcome:
    """Return whether a unit's share of the whole is above a limit in every vintage that is seen."""
    values = tables["values"]
    wanted = (values["indicator_id"] == asked["indicator"]) & (values["period"] == asked["period"])
    rows, verdicts = [], []
    for vintage in asked["vintages"]:
        own = values[wanted & (values["vintage"] == vintage)].set_index("unit_id", drop=False)
        if not {asked["unit"], asked["whole"]} <= set(own.index):
            lead = {"what": "share", "unit_id": asked["unit"], "indicator_id": asked["indicator"]}
            place = {"period": asked["period"], "vintage": vintage}
            rows.append(cell(**lead, **place, outcome="absent"))
            continue
        part, whole = own.loc[asked["unit"]], own.loc[asked["whole"]]
        share = 100 * part["value"] / whole["value"]
        least = 100 * (part["value"] - part["half_width"]) / (whole["value"] + whole["half_width"])
        verdicts.append(bool(least > asked["limit"]))
        outcome = "holds" if verdicts[-1] else "fails"
        rows += [
            cell(part, what="part", outcome=outcome),
            cell(whole, what="whole", outcome=outcome),
            cell(what="share", unit_id=asked["unit"], indicator_id=asked["indicator"],
                 period=asked["period"], vintage=vintage, value=share, limit=asked["limit"],
                 outcome=outcome, source_id=f"{part['source_id']};{whole['source_id']}"),
        ]  # fmt: skip
    return Outcome(all(verdicts) if verdicts else None, pd.DataFrame(rows))


def first_every_year(asked: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> Outcome:
    """Return whether a unit was first among its rivals (ties count) in every year asked.

    A whole year that is not first decides against. A year without a whole-year value, or with
    values of some of the rivals only, leaves the whole open.
    """
    found = yearly_places(asked, tables)
    rows = []
    for year in range(asked["first"], asked["last"] + 1):
        own = found[found["period"].str[:YEAR] == str(year)]
        if own.empty:
            place = {"unit_id": asked["unit"], "period": str(year)}
            rows.append(cell(what="year", **place, outcome="absent"))
        rows += [year_cell(row) for _, row in own.iterrows()]
    cells = pd.DataFrame(rows).reindex(columns=CELLS)
    note = cells["note"].fillna("")
    part = note.str.contains(PART_OF_YEAR)
    if (cells["outcome"].eq("not_first") & ~part).any():
        return Outcome(False, cells)
    settled = cells[note.eq("") & cells["outcome"].isin(["first", "tied"])]["period"].nunique()
    return Outcome(True if settled == asked["last"] - asked["first"] + 1 else None, cells)


def year_cell(row: pd.Series) -> dict[str, Any]:
    """Return the place in one year as a deciding cell; the note says what it does not cover."""
    notes = [PART_OF_YEAR] if len(row["period"]) > YEAR else []
    notes += [f"without:{row['absent'].replace(';', ',')}"] if row["absent"] else []
    words = {"limit": row["best"], "outcome": row["outcome"], "note": ";".join(notes)}
    return cell(row, what="year", **words)


def yearly_places(asked: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the unit's place in every year, or part of a year from January, that has values."""
    values = tables["values"]
    found = []
    for name in asked["indicators"]:
        own = values[values["indicator_id"] == name]
        long = own[
            (own["period"].str.len() == YEAR) | own["period"].str.contains("..", regex=False)
        ]
        for vintage, rows in long.groupby("vintage"):
            seen = places(rows, asked["unit"], asked["rivals"], cost=True)
            own_rows = rows[rows["unit_id"] == asked["unit"]]
            where = own_rows[["period", "unit_id", "_file", "_row"]]
            seen = seen.assign(indicator_id=name, vintage=vintage)
            found.append(seen.merge(where, on="period", validate="1:1"))
    return pd.concat(found, ignore_index=True).sort_values("period", kind="stable")


def rule_number(asked: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> Outcome:
    """Return whether a rule seen as a whole states the number.

    Where none of the rules seen does, the claim fails; where only one seen in part or at second
    hand does, the documents disagree and it stays open, as it does without any of them.
    """
    rules = tables["rules"]
    own = rules[rules["rule_id"].isin(asked["rules"])]
    equal = own["number"] == asked["number"]
    rows = [
        cell(row, what="rule", indicator_id=row["rule_id"], period=row["dated"],
             value=row["number"], limit=asked["number"], note=row["unit"],
             outcome="holds" if same else "fails")
        for (_, row), same in zip(own.iterrows(), equal, strict=True)
    ]  # fmt: skip
    firm = bool((equal & (own["completeness"] == "whole")).any())
    holds = True if firm else None if equal.any() or own.empty else False
    return Outcome(holds, pd.DataFrame(rows, columns=CELLS))


def rule_exists(asked: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> Outcome:
    """Return whether the rules seen contain the words; one seen in part does not settle it."""
    rules = tables["rules"]
    own = rules[rules["rule_id"].isin(asked["rules"])]
    said = own["rule_zh"].map(lambda rule: all(word in rule for word in asked["words"]))
    rows = [
        cell(row, what="document", indicator_id=row["rule_id"], period=row["dated"],
             outcome="holds" if there else "absent")
        for (_, row), there in zip(own.iterrows(), said, strict=True)
    ]  # fmt: skip
    whole = bool((said.astype("bool") & (own["completeness"] == "whole")).any())
    return Outcome(True if whole else None, pd.DataFrame(rows, columns=CELLS))


def launched_by(asked: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> Outcome:
    """Return whether the rule, here a platform, was in place by the day that the claim needs."""
    rules = tables["rules"].set_index("rule_id", drop=False)
    if asked["rule"] not in rules.index:
        return Outcome(None, pd.DataFrame(columns=CELLS))
    row = rules.loc[asked["rule"]]
    holds = dt.date.fromisoformat(row["dated"]) <= dt.date.fromisoformat(asked["by"])
    outcome = "holds" if holds else "fails"
    words = {"indicator_id": row["rule_id"], "period": row["dated"], "outcome": outcome}
    return Outcome(holds, pd.DataFrame([cell(row, what="launch", note=asked["by"], **words)]))


CHECKS: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, pd.DataFrame]], Outcome]] = {
    "share_above": share_above,
    "first_every_year": first_every_year,
    "rule_number": rule_number,
    "rule_exists": rule_exists,
    "launched_by": launched_by,
}
NEEDED = {
    "share_above": {"indicator", "unit", "whole", "period", "limit", "vintages"},
    "first_every_year": {"indicators", "unit", "rivals", "first", "last"},
    "rule_number": {"rules", "number"},
    "rule_exists": {"rules", "words"},
    "launched_by": {"rule", "by"},
}


def by_district(values: pd.DataFrame, units: pd.DataFrame, without: Sequence[str]) -> pd.DataFrame:
    """Return values of stations as means over their districts, beside those that are districts'.

    A district is the plain mean of its stations; `without` names background stations that stand
    for no district. Grain: district, indicator, period, vintage.
    """
    rows = units[(units["unit_type"] == "station") & ~units["unit_id"].isin(without)]
    parent = rows.set_index("unit_id")["parent_id"]
    stations = values[values["unit_id"].isin(parent.index)]
    stations = stations.assign(unit_id=stations["unit_id"].map(parent))
    key = ["unit_id", "indicator_id", "period", "vintage"]
    how = {"value": ("value", "mean"), "source_id": ("source_id", joined)}
    means = stations.groupby(key, as_index=False).agg(**how)
    others = values[~values["unit_id"].isin(units.loc[units["unit_type"] == "station", "unit_id"])]
    return pd.concat([means, others[[*key, "value", "source_id"]]], ignore_index=True)


def month_by_month(
    values: pd.DataFrame, unit: str, rivals: Sequence[str], indicators: Sequence[str]
) -> pd.DataFrame:
    """Return a unit's place among its rivals in every single month, for several indicators.

    values: of districts. Columns: those of `places`, indicator_id and vintage; the tables published
    month by month are one series, every set of station data is another.
    """
    monthly = values[
        values["period"].str.fullmatch(MONTH) & values["indicator_id"].isin(indicators)
    ]
    parts = []
    for name in indicators:
        own = monthly[monthly["indicator_id"] == name]
        # the tables of the months are one series; each set of station data is one of its own
        sets = own["vintage"].where(~own["vintage"].str.startswith("table_"), "published")
        for series, rows in own.groupby(sets):
            seen = places(rows, unit, rivals, cost=True)
            parts.append(seen.assign(indicator_id=name, vintage=series))
    columns = [*PLACES, "indicator_id", "vintage"]
    found = [part for part in parts if len(part)] or [pd.DataFrame(columns=columns)]
    return pd.concat(found, ignore_index=True)
