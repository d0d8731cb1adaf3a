"""What surveys say of satisfaction, as a reader's tables; shares in per cent.

Everything that a rate must carry stands beside it: interval, n, design, frame, response, scale cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from haidian_eval.report.operations import Said
from haidian_eval.report.views.policy import p_words
from haidian_eval.report.views.surveys import (
    KEPT,
    UNITS,
    Case,
    cut_of,
    item_name,
    level_name,
    official,
    percent,
    put_together,
    remark,
    said,
    variable_name,
    with_units,
    wording,
)

SHORT = 10  # levels of a control variable that are all shown


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
        row = own.rates.headline.to_frame().T.infer_objects()
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
    """Return shares of levels before and after weighting; of many levels the largest gap.

    A variable with a level of few is not told of the sample.
    """
    parts = []
    for case in cases:
        rows, text = case.own.weights.margins, case.words.text
        for name, own in rows.groupby("variable", sort=False):
            own = official(own, str(name), "level")
            shares = own[["population", "unweighted", "design", "final"]]
            if own["n"].min() < case.plan.threshold:  # a share of the sample is a number of people
                shares = shares.assign(unweighted=np.nan, design=np.nan)
            if len(own) > SHORT:
                gaps = shares.sub(shares["population"], axis=0).abs().max().to_frame().T
                shares = gaps.assign(population=np.nan)
                label = [text("satisfaction.largest_gap", levels=len(own))]
            else:
                label = [level_name(str(name), level, case.words) for level in own["level"]]
            told = 100 * shares.rename(columns={"population": "in_population"})
            parts.append(
                case.told(told, label=label, variable=variable_name(str(name), case.words))
            )
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
    rows = official(case.told(own[own["by"] == by]), by, "class")
    rows["source_id"] = with_units(rows["class"], by, case.source, case.words)
    label = [level_name(by, level, case.words) for level in rows["class"]]
    n = [f"{one:.0f}" if pd.notna(one) else "—" for one in rows["n"]]
    return rows.assign(label=label, value=rows["estimate"], n_said=n, remark=remark(rows))


def split_by(case: Case, by: str) -> Said:
    """Return what captions say of a background column."""
    return said(case) | {"by": variable_name(by, case.words)}


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


def refusals(cases: Sequence[Case]) -> str:
    """Return which populations are not compared with the wave before, and why."""
    lines = []
    for case in cases:
        change = case.own.change
        if change.refused:
            kind = "version" if change.refused == "version" else "other"
            versions = [" / ".join(one) for one in change.versions]
            told = {"was": versions[0], "now": versions[-1], "why": change.refused}
            lines.append(case.words.text(f"satisfaction.refused.{kind}", **said(case), **told))
    return "\n".join(lines)


def needed(cases: Sequence[Case]) -> pd.DataFrame:
    """Return how many respondents tell two rates apart, and what these surveys tell apart."""
    parts = []
    for case in cases:
        rows = case.own.needed
        near = {name: 100 * rows[name] for name in ("lower", "higher")}
        parts.append(case.told(rows, **near, rate=100 * case.own.rates.headline["estimate"]))
    return put_together(cases, parts, "needed")


def questionnaire(cases: Sequence[Case]) -> pd.DataFrame:
    """Return the questions that were asked, their scales and versions."""
    parts = []
    for case in cases:
        rows = case.own.survey.items.reset_index()
        own = [row for _, row in rows.iterrows()]
        parts.append(case.told(
            rows, asked=[wording(row, case) for row in own], version=case.own.survey.version,
            cut=[cut_of(row, case.words) for row in own],
            about=[item_name(row["item_id"], case) for row in own],
        ))  # fmt: skip
    return put_together(cases, parts, "questionnaire")


def kept(cases: Sequence[Case]) -> pd.DataFrame:
    """Return the rates in the shape of the table `values`, in per cent, for later stages.

    That of everybody has no unit: whom a survey stands for is its frame, not a unit of the edition.
    """
    parts = [pd.DataFrame(columns=KEPT)]
    for case in cases:
        own, rates = case.own.survey, case.own.rates
        domains = rates.domains[
            rates.domains["by"].isin(UNITS) & (rates.domains["suppressed"] == "")
        ]
        whole = rates.headline.to_frame().T.assign(**{"class": None})
        rows = pd.concat([whole, domains])
        parts.append(pd.DataFrame({
            "unit_id": rows["class"], "indicator_id": f"satisfaction_{own.population}",
            "period": own.wave, "value": 100 * rows["estimate"].astype(float),
            "se": 100 * rows["se"].astype(float), "n": rows["n"].astype("int64"),
            "source_id": case.source,
        }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def finding(cases: Sequence[Case]) -> str:
    """Return what the page ends with on surveys."""
    if not cases:
        return ""
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
    lines += [refusals(cases)]
    return "\n".join(lines)
