"""Who takes part against who could, and what comes of proposals, as a reader's tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from haidian_eval.params import Satisfaction as Plan
from haidian_eval.report.exhibit import joined
from haidian_eval.report.layout import lay_out
from haidian_eval.report.operations import Said, Words
from haidian_eval.report.views.surveys import (
    level_name,
    official,
    population_name,
    remark,
    variable_name,
    with_units,
)
from haidian_eval.satisfaction.participation import (
    attendance,
    coverage,
    days_to_reply,
    population_of,
    replies,
)
from haidian_eval.satisfaction.rows import suppress_rows

SHARES = ["share", "share_low", "share_high", "population_share"]
ENDS = ["value", "low", "high"]
TOLD = [*SHARES[:3], "ratio", "ratio_low", "ratio_high", "per_thousand", "events"]  # of who came


@dataclass(frozen=True, slots=True)
class Participation:
    """Events and who came, the population that could, the day up to which things are known."""

    events: pd.DataFrame
    rows: pd.DataFrame
    totals: pd.DataFrame
    plan: Plan
    as_of: dt.date
    words: Words

    @property
    def source(self) -> str:
        """The sources of events and participants."""
        return joined(*self.events["source_id"].unique(), *self.rows["source_id"].unique())

    @property
    def groups(self) -> list[tuple[str, str]]:
        """Populations and the columns by which participants are held against them."""
        there = self.rows.groupby("population").count()  # by column, those that are not blank
        return [(one.population, by) for one in self.plan.surveys for by in one.margins
                if one.population in there.index and by in there
                and there.at[one.population, by] > 0]  # fmt: skip


def read(
    tables: Mapping[str, pd.DataFrame], plan: Plan, as_of: dt.date, words: Words
) -> Participation:
    """Return what the edition has of participation."""
    return Participation(tables["events"], tables["participation"], tables["control_totals"], plan,
                         as_of, words)  # fmt: skip


def covered(case: Participation, group: tuple[str, str]) -> pd.DataFrame:
    """Return the share of participants in each group beside that of the population."""
    population, by = group
    totals = population_of(case.totals, case.plan.wave, population, by)
    cited = case.totals.loc[case.totals["population"] == population, "source_id"].unique()
    found = coverage(case.rows, totals, population=population, level=case.plan.level)
    rows = official(
        suppress_rows(found, by, count="persons", values=TOLD, threshold=case.plan.threshold), by
    )
    shares = {name: 100 * rows[name] for name in SHARES}
    return rows.assign(
        **shares, label=[level_name(by, level, case.words) for level in rows[by]],
        remark=remark(rows),
        source_id=with_units(rows[by], by, joined(case.source, *cited), case.words),
    )  # fmt: skip


def told(case: Participation, group: tuple[str, str]) -> Said:
    """Return what captions say of a group."""
    population, by = group
    return {"population": population_name(population, case.words), "wave": case.plan.wave,
            "by": variable_name(by, case.words), "level": f"{case.plan.level:.0%}",
            "threshold": case.plan.threshold}  # fmt: skip


def held(case: Participation) -> pd.DataFrame:
    """Return events by kind, and how many of those invited came."""
    rows = attendance(case.events, "kind", level=case.plan.level)
    rows = suppress_rows(rows, "kind", count="attended", threshold=case.plan.threshold,
                         values=["invited", *ENDS])  # fmt: skip
    ends = {name: 100 * rows[name] for name in ENDS}
    return lay_out("satisfaction.events", rows.assign(**ends, source_id=case.source), case.words)


def answered(case: Participation) -> pd.DataFrame:
    """Return how many proposals were replied to, in time, adopted; and after how many days."""
    text, level = case.words.text, case.plan.level
    rates = replies(case.rows, case.as_of, level=level)
    rows = rates.assign(**{name: 100 * rates[name] for name in ENDS},
                        unit="%")  # fmt: skip
    days = days_to_reply(case.rows, case.as_of, level=level).iloc[0]
    last = {"rate": "days", "value": days["median"], "low": days["low"], "high": days["high"],
            "numerator": days["replied"], "denominator": days["replied"] + days["waiting"],
            "unit": text.unit("days")}  # fmt: skip
    whole = pd.concat([rows, pd.DataFrame([last])], ignore_index=True)
    counts = {name: whole[name].astype("Int64") for name in ("numerator", "denominator")}
    return lay_out("satisfaction.proposals", whole.assign(**counts, source_id=case.source),
                   case.words)  # fmt: skip


def said(case: Participation) -> Said:
    """Return what sentences say of events and proposals."""
    rows, units = case.rows, case.words.units
    streets, where = units.loc[units["unit_type"] == "street", "unit_id"], case.events["street_id"]
    return {"streets": where[where.isin(streets)].nunique(), "as_of": str(case.as_of),
            "level": f"{case.plan.level:.0%}", "events": len(case.events),
            "persons": int(rows["persons"].sum()),
            "proposals": int(rows["proposal"].notna().sum()),
            "threshold": case.plan.threshold}  # fmt: skip
