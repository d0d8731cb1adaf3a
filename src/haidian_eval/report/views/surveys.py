"""A survey and the words in which it is told: who was asked what, and what a rate must carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from haidian_eval.params import Satisfaction as Plan
from haidian_eval.report.exhibit import MINUS, joined
from haidian_eval.report.layout import lay_out
from haidian_eval.report.layout import layout as columns_of
from haidian_eval.report.operations import Said, Words
from haidian_eval.report.views import names
from haidian_eval.satisfaction.assessment import Satisfaction, assess_satisfaction
from haidian_eval.tables.contracts import contracts

UNITS = ("street_id", "park_id")  # background columns whose levels are units of the edition
KEPT = ["unit_id", "indicator_id", "period", "value", "se", "n", "source_id"]
SHARES = ["estimate", "se", "low", "high"]


@dataclass(frozen=True, slots=True)
class Case:
    """A survey and the words in which it is told."""

    own: Satisfaction
    plan: Plan
    words: Words

    @property
    def source(self) -> str:
        """The sources of its rows."""
        return self.own.survey.source

    @property
    def population(self) -> str:
        """Who was asked, in words."""
        return population_name(self.own.survey.population, self.words)

    def told(self, rows: pd.DataFrame, **more: object) -> pd.DataFrame:
        """Return rows in per cent, with who was asked and the sources."""
        known = [name for name in SHARES if name in rows]
        return rows.assign(**{name: 100 * rows[name] for name in known}, source_id=self.source,
                           population=self.population, **more)  # fmt: skip


def read(tables: Mapping[str, pd.DataFrame], plan: Plan, words: Words) -> list[Case]:
    """Return the surveys of the plan; none where the edition has no responses."""
    if tables["responses"].empty:
        return []
    return [Case(assess_satisfaction(tables, own, plan), plan, words) for own in plan.surveys]


def put_together(cases: Sequence[Case], parts: Sequence[pd.DataFrame], layout: str) -> pd.DataFrame:
    """Return rows of all surveys as a table of layouts.toml."""
    if not parts:
        return pd.DataFrame(columns=list(columns_of(f"satisfaction.{layout}")))
    return lay_out(f"satisfaction.{layout}", pd.concat(parts, ignore_index=True), cases[0].words)


def percent(share: float, digits: int = 1) -> str:
    """Return a share in a sentence, in per cent without the sign."""
    return "—" if pd.isna(share) else MINUS.sub("−", f"{100 * share:.{digits}f}")


def asked(plan: Plan) -> Said:
    """Return what sentences say of how the surveys are told."""
    first, second = (f"{100 * one:g}" for one in plan.told_apart)
    return {"wave": plan.wave, "before": plan.before, "level": f"{plan.level:.0%}",
            "threshold": plan.threshold, "power": f"{plan.power:.0%}", "first": first,
            "second": second, "significance": f"{1 - plan.level:.0%}"}  # fmt: skip


def said(case: Case) -> Said:
    """Return what sentences and captions say of a survey."""
    own, rate = case.own, case.own.rates.headline
    item = own.survey.items.loc[own.overall]
    return {
        "population": case.population, "wave": own.survey.wave, "rate": percent(rate["estimate"]),
        "low": percent(rate["low"]), "high": percent(rate["high"]), "n": int(rate["n"]),
        "deff": "—" if pd.isna(rate["deff"]) else f"{rate['deff']:.2f}",
        "level": f"{case.plan.level:.0%}",
        "response": percent(own.disposition["rr1"]), "cut": cut_of(item, case.words),
        "before": case.plan.before, "frame": listed(own.survey.drawn["frame"], case),
        "threshold": case.plan.threshold,
        "question": wording(item, case), "version": own.survey.version,
        "weighting": own.survey.weighting,
    }  # fmt: skip


def wording(item: pd.Series, case: Case) -> str:
    """Return a question as it was asked."""
    return case.words.text.choose(item, "wording")


def cut_of(item: pd.Series, words: Words) -> str:
    """Return which answers count as satisfied, such as "4 and above (1–5)"."""
    at, low, high = (f"{item[x]:.0f}" for x in ("satisfied_from", "scale_min", "scale_max"))
    return words.text("satisfaction.cut", at=at, low=low, high=high)


def listed(cells: pd.Series, case: Case) -> str:
    """Return the different words of some cells."""
    return case.words.text.listing([str(one) for one in cells.dropna().unique()]) or "—"


def item_name(item: str, case: Case) -> str:
    """Return the short name of a question: what it is about."""
    key = f"satisfaction.items.{item}"
    if case.words.text.has(key):
        return case.words.text(key)
    about = case.own.survey.items.at[item, "construct"]
    return str(about) if case.words.text.lang == "zh" and isinstance(about, str) else item


def population_name(population: str, words: Words) -> str:
    """Return a population in words."""
    return words.text(f"satisfaction.populations.{population}")


def level_name(by: str, level: str, words: Words) -> str:
    """Return the level of a background column in words."""
    text, key = words.text, f"satisfaction.levels.{level}"
    if by in UNITS:
        return str(names(words.units, text).get(level, level))
    return text(key) if text.has(key) else level


def with_units(levels: pd.Series, by: str, source: str, words: Words) -> list[str]:
    """Return sources of rows by levels, with those of the names of units."""
    of_unit = words.units.set_index("unit_id")["source_id"] if by in UNITS else pd.Series(dtype=str)
    return [joined(source, one) for one in levels.map(of_unit)]


def variable_name(by: str, words: Words) -> str:
    """Return a background column in words."""
    text, key = words.text, f"satisfaction.variables.{by}"
    declared = contracts()["responses"].columns[by]
    return text(key) if text.has(key) else declared.zh if text.lang == "zh" else declared.en


def official(rows: pd.DataFrame, by: str, name: str = "") -> pd.DataFrame:
    """Return rows in the order in which the levels of a background column are declared."""
    order = list(contracts()["responses"].columns[by].allowed)
    if not order:
        return rows.reset_index(drop=True)
    return rows.sort_values(name or by, key=lambda x: x.map(order.index), ignore_index=True)


def remark(rows: pd.DataFrame) -> pd.Series:
    """Return why a row has no numbers; missing where it has them."""
    return rows["suppressed"].ne("").map({True: "hidden", False: None})
