"""What stands behind the overall answer, as a reader's tables: reliability, odds, drivers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from haidian_eval.report.operations import Said
from haidian_eval.report.views.policy import p_words
from haidian_eval.report.views.surveys import (
    Case,
    item_name,
    level_name,
    put_together,
    said,
    variable_name,
)


def reliability(cases: Sequence[Case]) -> pd.DataFrame:
    """Return how far the questions on single aspects measure one thing."""
    parts = [case.told(rows.assign(**{x: rows[x] / 100 for x in ("estimate", "low", "high")}))
             for case in cases if len(rows := case.own.explained.reliability)]  # fmt: skip
    return put_together(cases, parts, "reliability")


def term_name(term: str, case: Case) -> str:
    """Return a term of the model, such as C(mode)[T.web], in words."""
    by, _, level = term.removeprefix("C(").removesuffix("]").partition(")[T.")
    if not level:
        return term
    base = case.own.survey.frame[by].dropna().min()  # levels are in the order of their codes
    return case.words.text("satisfaction.term", by=variable_name(by, case.words),
                           level=level_name(by, level, case.words),
                           base=level_name(by, base, case.words))  # fmt: skip


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


def models(cases: Sequence[Case]) -> dict[str, pd.DataFrame]:
    """Return the tables of what could be modelled, by name."""
    tables = {"reliability": reliability(cases), "ordinal": ordinal(cases)}
    return {name: table for name, table in tables.items() if len(table)}


def lacking(cases: Sequence[Case]) -> str:
    """Return what could not be had of which survey, and why."""
    return "\n".join(
        case.words.text("satisfaction.lacking.line", **said(case), why=why,
                        what=case.words.text(f"satisfaction.lacking.{part}"))
        for case in cases for part, why in case.own.explained.why.items() if part != "parallel"
    )  # fmt: skip


def explained(cases: Sequence[Case]) -> list[Case]:
    """Return the surveys whose overall answer can be explained."""
    return [case for case in cases if case.own.explained.drivers is not None]


def shares(case: Case) -> pd.DataFrame:
    """Return what each aspect explains of the overall answer, and how well it does."""
    found = case.own.explained.drivers
    assert found is not None, "no drivers"
    rows = found.frame
    parts = [name for name in rows if name.split("_")[0] in ("share", "low", "high", "performance")]
    whole = rows.assign(**{name: 100 * rows[name] for name in parts})
    return whole.assign(
        label=[item_name(item, case) for item in rows["driver"]], source_id=case.source,
        top_share=100 * rows["top_share"], quadrant_share=100 * rows["quadrant_share"],
        **{name: rows[name].astype("Int64") for name in ("rank", "rank_low", "rank_high")},
    )  # fmt: skip


def told(case: Case) -> Said:
    """Return what captions say of drivers."""
    found = case.own.explained.drivers
    assert found is not None, "no drivers"
    r2 = {"r2": found.r2, "r2_low": found.r2_low, "r2_high": found.r2_high}
    return said(case) | {name: f"{one:.2f}" for name, one in r2.items()} | {
        "draws": case.plan.draws, "n": found.n, "complete": found.complete}  # fmt: skip


def importance(case: Case) -> pd.DataFrame:
    """Return how much each aspect matters beside how well it does."""
    named = {"share": "importance", "low": "importance_low", "high": "importance_high"}
    return shares(case).rename(columns=named)


def middle(case: Case) -> tuple[float, float]:
    """Return performance and importance at which the quadrants part, in per cent."""
    found = case.own.explained.drivers
    assert found is not None, "no drivers"
    return 100 * found.performance_line, 100 * found.importance_line
