"""What surveys say of satisfaction, as a reader's tables; shares in per cent, answers hidden if few.

Everything that a rate must carry stands beside it: interval, n, design, frame, response, scale cut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from haidian_eval.params import Satisfaction as Plan
from haidian_eval.report.exhibit import MINUS, joined
from haidian_eval.report.layout import lay_out
from haidian_eval.report.operations import Said, Words
from haidian_eval.report.views import names
from haidian_eval.report.views.policy import p_words
from haidian_eval.satisfaction.assessment import Satisfaction, assess_satisfaction
from haidian_eval.tables.contracts import contracts

UNITS = ("street_id", "park_id")  # domains whose levels are units of the edition
SHARES = ["estimate", "se", "low", "high"]
KEPT = ["unit_id", "indicator_id", "period", "value", "se", "n", "source_id"]
SHORT = 10  # levels of a control variable that are all shown


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
        return self.words.text(f"satisfaction.populations.{self.own.survey.population}")

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
        "deff": f"{rate['deff']:.2f}", "level": f"{case.plan.level:.0%}",
        "response": percent(own.disposition["rr1"]), "cut": cut_of(item), "before": case.plan.before,
        "frame": listed(own.survey.drawn["frame"], case), "threshold": case.plan.threshold,
        "question": wording(item, case), "version": own.survey.version,
        "weighting": own.survey.weighting,
    }  # fmt: skip


def wording(item: pd.Series, case: Case) -> str:
    """Return a question as it was asked."""
    return case.words.text.choose(item, "wording")


def cut_of(item: pd.Series) -> str:
    """Return which answers count as satisfied, such as "≥4 (1–5)"."""
    return f"≥{item['satisfied_from']:.0f} ({item['scale_min']:.0f}–{item['scale_max']:.0f})"


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


def level_name(by: str, level: str, case: Case) -> str:
    """Return the level of a background column in words."""
    text, key = case.words.text, f"satisfaction.levels.{level}"
    if by in UNITS:
        return str(names(case.words.units, text).get(level, level))
    return text(key) if text.has(key) else level


def variable_name(by: str, case: Case) -> str:
    """Return a background column in words."""
    text, key = case.words.text, f"satisfaction.variables.{by}"
    declared = contracts()["responses"].columns[by]
    return text(key) if text.has(key) else declared.zh if text.lang == "zh" else declared.en


def remark(rows: pd.DataFrame) -> pd.Series:
    """Return why a row has no numbers; missing where it has them."""
    return rows["hidden"].map({True: "hidden", False: None})


def cards(cases: Sequence[Case]) -> pd.DataFrame:
    """Return the rate of each population with what it needs beside it."""
    return pd.DataFrame([
        {part: case.words.text(f"satisfaction.card.{part}", **said(case))
         for part in ("figure", "label", "about")} | {"source_id": case.source}
        for case in cases
    ])  # fmt: skip


def headline(cases: Sequence[Case]) -> pd.DataFrame:
    """Return the rates with question, cut, interval, n, design effect, frame and response."""
    parts = []
    for case in cases:
        own, told = case.own, said(case)
        row = own.rates.headline.to_frame().T.astype({name: float for name in [*SHARES, "deff"]})
        responses = {name: 100 * own.disposition[name] for name in ("rr1", "rr3")}
        texts = {name: told[name] for name in ("question", "cut", "frame")}
        parts.append(case.told(row, **texts, **responses))
    return put_together(cases, parts, "headline")


def disposition(cases: Sequence[Case]) -> pd.DataFrame:
    """Return what became of the whole sample."""
    parts = []
    for case in cases:
        row = case.own.disposition.to_frame().T.infer_objects()
        shares = {name: 100 * row[name] for name in ("raw", "rr1", "rr3", "weighted")}
        parts.append(case.told(row, **shares))
    return put_together(cases, parts, "disposition")


def strata(cases: Sequence[Case]) -> pd.DataFrame:
    """Return what was issued and answered in each stratum; small ones are not published."""
    parts = []
    for case in cases:
        rows = case.own.strata
        ends = {name: 100 * rows[name] for name in ("raw", "raw_low", "raw_high")}
        counts = {name: rows[name].astype("Int64") for name in ("issued", "complete")}
        parts.append(case.told(rows, **counts, **ends, remark=remark(rows)))
    return put_together(cases, parts, "strata")


def weights(cases: Sequence[Case]) -> pd.DataFrame:
    """Return how unequal the weights are."""
    parts = [case.told(case.own.weights.summary) for case in cases]
    return put_together(cases, parts, "weights")


def margins(cases: Sequence[Case]) -> pd.DataFrame:
    """Return shares of levels before and after weighting; of many levels the largest gap."""
    parts = []
    for case in cases:
        rows, text = case.own.weights.margins, case.words.text
        for name, own in rows.groupby("variable", sort=False):
            shares = own[["population", "unweighted", "design", "final"]]
            if len(own) > SHORT:
                gaps = shares.sub(shares["population"], axis=0).abs().max().to_frame().T
                shares = gaps.assign(population=np.nan)
                label = [text("satisfaction.largest_gap", levels=len(own))]
            else:
                label = [level_name(str(name), level, case) for level in own["level"]]
            told = 100 * shares.rename(columns={"population": "in_population"})
            parts.append(case.told(told, label=label, variable=variable_name(str(name), case)))
    return put_together(cases, parts, "margins")


def weightings(cases: Sequence[Case]) -> pd.DataFrame:
    """Return the rate unweighted, by design weights, adjusted for non-response and raked."""
    parts = [case.told(case.own.rates.weightings) for case in cases]
    return put_together(cases, parts, "weightings")


def answers(case: Case) -> pd.DataFrame:
    """Return how each question was answered, those of few joined.

    level: place on the scale, missing for joined ones; below: the part of it under the middle.
    """
    rows, items = case.told(case.own.rates.answers), case.own.survey.items
    ends = items.loc[rows["item_id"], ["scale_min", "scale_max"]].to_numpy(float)
    first = rows["levels"].str.split(",").str[0].astype(float).to_numpy()
    several, middle = rows["levels"].str.contains(",").to_numpy(), ends.mean(axis=1)
    below = np.where(first < middle, 1.0, np.where(first == middle, 0.5, 0.0))
    name = case.words.text("satisfaction.joined")
    said_levels = [levels.replace(",", "、") if case.words.text.lang == "zh" else levels.replace(
        ",", ", ") for levels in rows["levels"]]  # fmt: skip
    return rows.assign(
        item=[item_name(item, case) for item in rows["item_id"]], share=100 * rows["share"],
        below=below, level=np.where(several, np.nan, first - ends[:, 0] + 1), answer=said_levels,
        scale=ends[:, 1] - ends[:, 0] + 1, label=np.where(several, name, rows["levels"]),
    )  # fmt: skip


def domains(case: Case, by: str) -> pd.DataFrame:
    """Return the rate by the levels of a background column, in their official order."""
    own = case.own.rates.domains
    rows = case.told(own[own["by"] == by])
    order = list(contracts()["responses"].columns[by].allowed)
    rows = rows.sort_values("class", key=lambda x: x.map(order.index), ignore_index=True) if order \
        else rows.reset_index(drop=True)  # fmt: skip
    if by in UNITS:
        of_unit = case.words.units.set_index("unit_id")["source_id"]
        named_by = rows["class"].map(of_unit).tolist()
        rows["source_id"] = [joined(case.source, one) for one in named_by]
    label = [level_name(by, level, case) for level in rows["class"]]
    n = [f"{one:.0f}" if pd.notna(one) else "—" for one in rows["n"]]
    return rows.assign(label=label, value=rows["estimate"], n_said=n, remark=remark(rows))


def split_by(case: Case, by: str) -> Said:
    """Return what captions say of a background column."""
    return said(case) | {"by": variable_name(by, case)}


def groups(case: Case) -> list[str]:
    """Return the background columns by which the rate is told."""
    return list(case.own.rates.domains["by"].unique())


def everybody(case: Case) -> tuple[float, float, float]:
    """Return the rate of all with its interval, in per cent."""
    low, rate, high = (100 * float(case.own.rates.headline[x]) for x in ("low", "estimate", "high"))
    return rate, low, high


def drawn_so(case: Case) -> dict[str, Any]:
    """Return what a forest plot of a survey is told besides its rows."""
    text = case.words.text
    return {"axis": text("figures.rate"), "main": everybody(case), "unseen": text("figures.unseen")}


def changes(cases: Sequence[Case]) -> pd.DataFrame:
    """Return differences from the wave before, in percentage points, where they can be compared."""
    parts = []
    for case in cases:
        rows = case.own.change.rows
        if len(rows):
            names_ = [item_name(item, case) for item in rows["item_id"]]
            both = {name: 100 * rows[name] for name in ("before", "after")}
            p = [p_words(one) for one in rows["p"]]
            more = {"label": names_, "p": p, "n_said": rows["n_after"].map("{:.0f}".format)}
            parts.append(case.told(rows, **both, **more, value=100 * rows["estimate"]))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def refusals(cases: Sequence[Case]) -> Said:
    """Return which populations are not compared with the wave before, and why."""
    lines = []
    for case in cases:
        change, text = case.own.change, case.words.text
        if change.refused:
            kind = "version" if change.refused == "version" else "other"
            versions = [" / ".join(one) for one in change.versions]
            told = {"was": versions[0], "now": versions[-1], "why": change.refused}
            lines.append(text(f"satisfaction.refused.{kind}", **said(case), **told))
    return {"refusals": "\n".join(lines)}


def needed(cases: Sequence[Case]) -> pd.DataFrame:
    """Return how many respondents tell two rates apart, and what these surveys tell apart."""
    parts = []
    for case in cases:
        rows = case.own.needed
        near = {name: 100 * rows[name] for name in ("lower", "higher")}
        parts.append(case.told(rows, **near, rate=100 * case.own.rates.headline["estimate"]))
    return put_together(cases, parts, "needed")


def reliability(cases: Sequence[Case]) -> pd.DataFrame:
    """Return how far the questions on single aspects measure one thing."""
    parts = [case.told(rows.assign(**{x: rows[x] / 100 for x in ("estimate", "low", "high")}))
             for case in cases if len(rows := case.own.explained.reliability)]  # fmt: skip
    return put_together(cases, parts, "reliability")


def term_name(term: str, case: Case) -> str:
    """Return a term of the model, such as C(mode)[T.web], in words."""
    by, _, level = term.removeprefix("C(").removesuffix("]").partition(")[T.")
    return f"{variable_name(by, case)}: {level_name(by, level, case)}" if level else term


def ordinal(cases: Sequence[Case]) -> pd.DataFrame:
    """Return odds of a higher answer by what a respondent is."""
    parts = []
    for case in cases:
        if (model := case.own.explained.ordinal) is None:
            continue
        rows, odds = model.frame, case.own.explained.odds
        same = odds.set_index("term")["p"] if len(odds) else pd.Series(dtype=float)
        parts.append(rows.assign(
            label=[term_name(term, case) for term in rows["term"]], n=model.n,
            p=[p_words(one) for one in rows["p"]], source_id=case.source,
            parallel=[p_words(same.get(term, np.nan)) for term in rows["term"]],
            population=case.population,
        ))  # fmt: skip
    return put_together(cases, parts, "ordinal")


def drivers(case: Case) -> pd.DataFrame:
    """Return what each aspect explains of the overall answer, and how well it does."""
    found = case.own.explained.drivers
    assert found is not None, "no drivers"
    rows = found.frame
    shares = [name for name in rows if name.split("_")[0] in ("share", "low", "high", "performance")]
    told = rows.assign(**{name: 100 * rows[name] for name in shares})
    return told.assign(
        label=[item_name(item, case) for item in rows["driver"]], source_id=case.source,
        top_share=100 * rows["top_share"], quadrant_share=100 * rows["quadrant_share"],
        **{name: rows[name].astype("Int64") for name in ("rank", "rank_low", "rank_high")},
    )  # fmt: skip


def with_drivers(cases: Sequence[Case]) -> list[Case]:
    """Return the surveys whose overall answer can be explained."""
    return [case for case in cases if case.own.explained.drivers is not None]


def explains(case: Case) -> Said:
    """Return what captions say of drivers."""
    found = case.own.explained.drivers
    assert found is not None, "no drivers"
    r2 = {"r2": found.r2, "r2_low": found.r2_low, "r2_high": found.r2_high}
    return said(case) | {name: f"{one:.2f}" for name, one in r2.items()} | {
        "draws": case.plan.draws, "n": found.n, "complete": found.complete}  # fmt: skip


def importance(case: Case) -> pd.DataFrame:
    """Return how much each aspect matters beside how well it does."""
    named = {"share": "importance", "low": "importance_low", "high": "importance_high"}
    return drivers(case).rename(columns=named)


def middle(case: Case) -> tuple[float, float]:
    """Return performance and importance at which the quadrants part, in per cent."""
    found = case.own.explained.drivers
    assert found is not None, "no drivers"
    return 100 * found.performance_line, 100 * found.importance_line


def questionnaire(cases: Sequence[Case]) -> pd.DataFrame:
    """Return the questions that were asked, their scales and versions."""
    parts = []
    for case in cases:
        rows = case.own.survey.items.reset_index()
        asked = [wording(row, case) for _, row in rows.iterrows()]
        cuts = [cut_of(row) for _, row in rows.iterrows()]
        version = rows["scheme_version"] if "scheme_version" in rows else case.own.survey.version
        parts.append(case.told(rows, asked=asked, cut=cuts, version=version,
                               about=[item_name(item, case) for item in rows["item_id"]]))  # fmt: skip
    return put_together(cases, parts, "questionnaire")


def kept(cases: Sequence[Case]) -> pd.DataFrame:
    """Return the rates in the shape of the table `values`, in per cent, for later stages.

    That of everybody has no unit: whom a survey stands for is its frame, not a unit of the edition.
    """
    parts = [pd.DataFrame(columns=KEPT)]
    for case in cases:
        own, rates = case.own.survey, case.own.rates
        domains = rates.domains[rates.domains["by"].isin(UNITS) & ~rates.domains["hidden"].astype(bool)]
        whole = rates.headline.to_frame().T.assign(**{"class": None})
        rows = pd.concat([whole, domains])
        parts.append(pd.DataFrame({
            "unit_id": rows["class"], "indicator_id": f"satisfaction_{own.population}",
            "period": own.wave, "value": 100 * rows["estimate"].astype(float),
            "se": 100 * rows["se"].astype(float), "n": rows["n"].astype("int64"),
            "source_id": case.source,
        }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def finding(cases: Sequence[Case]) -> Said:
    """Return what the page ends with."""
    if not cases:
        return {"findings": ""}
    text = cases[0].words.text
    lines = [text("satisfaction.findings.rate", **said(case)) for case in cases]
    changed = changes(cases)
    overall = changed[changed["item_id"].isin({case.own.overall for case in cases})] \
        if len(changed) else changed  # fmt: skip
    for row in overall.itertuples(index=False):
        way = "sure" if row.low > 0 or row.high < 0 else "open"
        told = {name: percent(getattr(row, name) / 100) for name in ("value", "low", "high")}
        lines.append(text(f"satisfaction.findings.change_{way}", population=row.population,
                          before=cases[0].plan.before, p=row.p, **told))  # fmt: skip
    lines += [refusals([case])["refusals"] for case in cases if case.own.change.refused]
    return {"findings": "\n".join(filter(None, lines))}
