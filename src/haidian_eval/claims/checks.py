"""The checks of claims: each returns whether the claim holds and the cells that say so."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from haidian_eval.claims.places import YEAR, is_whole_year, yearly_places
from haidian_eval.economy import shares

CELLS = [
    "claim_id", "what", "unit_id", "indicator_id", "period", "vintage", "value", "limit",
    "outcome", "note", "standing", "source_id", "file", "row",
]  # fmt: skip
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
    standing_in = rows.rename(columns={"_file": "file", "_row": "row"})
    return standing_in.assign(**words).reindex(columns=CELLS)


def share_above(asked: Any, tables: Tables) -> Outcome:
    """Return whether a unit's share of the whole is above a limit in every vintage that is seen.

    Where rounding, or rounding that is not known, leaves a vintage open, so is the claim.
    """
    values = tables["values"]
    wanted = (values["indicator_id"] == asked.indicator) & (values["period"] == asked.period)
    own = values[wanted & values["unit_id"].isin([asked.unit, asked.whole])]
    share = shares(own, asked.indicator, asked.whole).set_index("vintage").reindex(asked.vintages)
    verdicts = [share["share"].isna(), share["low"] > asked.limit, share["high"] <= asked.limit]
    outcome = pd.Series(np.select(verdicts, ["absent", "holds", "fails"], "open"), share.index)
    seen = outcome[outcome != "absent"]
    holds = False if "fails" in set(seen) else True if set(seen) == {"holds"} else None
    limit = share["share"].where(share["share"].isna(), asked.limit)
    computed = share.assign(what="share", limit=limit, value=share["share"]).reset_index()
    computed = computed.assign(
        unit_id=asked.unit, indicator_id=asked.indicator, period=asked.period
    )
    printed = own.assign(what=own["unit_id"].map({asked.unit: "part", asked.whole: "whole"}))
    printed = printed[printed["vintage"].isin(seen.index)].sort_values("what", kind="stable")
    rows = pd.concat([printed, computed]).set_index("vintage", drop=False)
    rows = rows.loc[list(asked.vintages)].assign(outcome=outcome)
    return Outcome(holds, cells(rows))


def first_every_year(asked: Any, tables: Tables) -> Outcome:
    """Return whether a unit was first among its rivals (ties count) in every year asked.

    A whole year that is not first decides against. A year without a whole-year value, or with
    values of some of the rivals only, leaves the whole open.
    """
    found = yearly_places(asked, tables).assign(year=lambda rows: rows["period"].str[:YEAR])
    years = pd.DataFrame({"year": [str(n) for n in range(asked.first, asked.last + 1)]})
    rows = years.merge(found, on="year", how="left").fillna({"outcome": "absent", "absent": ""})
    part = np.array([isinstance(p, str) and not is_whole_year(p) for p in rows["period"]], "bool")
    without = ("without:" + rows["absent"].str.replace(";", ",")).where(rows["absent"] != "", "")
    notes = pd.Series(np.where(part, "part_year;", ""), dtype="str").str.cat(without).str.strip(";")
    rows = rows.assign(period=rows["period"].fillna(rows["year"]), unit_id=asked.unit, note=notes)
    shown = cells(rows, what="year", limit=rows["best"])
    if (rows["outcome"].eq("not_first") & ~part).any():
        return Outcome(False, shown)
    settled = rows.loc[notes.eq("") & rows["outcome"].isin(["first", "tied"]), "year"]
    return Outcome(True if settled.nunique() == len(years) else None, shown)


def named_rules(names: Sequence[str], tables: Tables) -> pd.DataFrame:
    """Return the rules of these ids, in the order of the table."""
    rules = tables["rules"]
    own = rules[rules["rule_id"].isin(names)]
    return own.assign(indicator_id=own["rule_id"], period=own["dated"], note=None)


def seen_whole(rules: pd.DataFrame, said: pd.Series) -> bool:
    """Tell whether any of the rules that say so was seen as a whole."""
    return bool((said & (rules["completeness"] == "whole")).any())


def rule_number(asked: Any, tables: Tables) -> Outcome:
    """Return whether a rule seen as a whole states the number.

    Where none of the rules seen does, the claim fails; where only one seen in part or at second
    hand does, the documents disagree and it stays open.
    """
    own = named_rules(asked.rules, tables)
    equal = own["number"] == asked.number
    words = {"value": own["number"], "limit": asked.number, "note": own["unit"]}
    shown = cells(own, what="rule", outcome=np.where(equal, "holds", "fails"), **words)
    return Outcome(seen_whole(own, equal) or (None if equal.any() else False), shown)


def rule_exists(asked: Any, tables: Tables) -> Outcome:
    """Return whether a rule seen as a whole contains all the words."""
    own = named_rules(asked.rules, tables)
    said = own["rule_zh"].map(lambda rule: all(word in rule for word in asked.words)).astype("bool")
    shown = cells(own, what="document", outcome=np.where(said, "holds", "absent"))
    return Outcome(seen_whole(own, said) or None, shown)


def launched_by(asked: Any, tables: Tables) -> Outcome:
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
