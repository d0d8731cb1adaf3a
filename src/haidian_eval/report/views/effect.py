"""What is known of the effect of a policy, and what speaks against it, as a reader's tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from haidian_eval.effect.assessment import FIELDS
from haidian_eval.effect.estimate import Estimate
from haidian_eval.params import Outcome
from haidian_eval.report.exhibit import joined
from haidian_eval.report.layout import lay_out, layout
from haidian_eval.report.operations import Words
from haidian_eval.report.views.parks import of_units, outcome_name
from haidian_eval.report.views.policy import (
    Case,
    by_test,
    effects,
    kept,
    p_words,
    primary_shown,
    shown,
    unit_of,
    unmoved_name,
)

BINS = 40
RULE_OF = {"imputation": "jackknife", "group_time": "influence", "never_treated": "influence",
           "sun_abraham": "fixest", "twfe": "fixest", "twfe_cr2": "cr2", "eligible_units": "cr2",
           "interrupted_series": "one_series"}  # fmt: skip


def rule_words(name: str, row: Any, words: Words) -> str:
    """Return the rule of a standard error in words."""
    key = RULE_OF.get(name, "jackknife")
    if name == "synthetic_did":
        key = "no_se" if pd.isna(row.se) else "placebo"
    return words.text(f"effect.rules.{key}", clusters=row.clusters)


def ruled(rows: pd.DataFrame, key: str, case: Case, table: str) -> pd.DataFrame:
    """Return estimates under different names as a table, with names and rules in words."""
    text = case.words.text
    said = [rule_words(name, row, case.words)
            for name, row in zip(rows[key], rows.itertuples(), strict=True)]  # fmt: skip
    named = [text(f"effect.{key}s.{name}") for name in rows[key]]
    whole = primary_shown(rows, case).assign(rule=said, **{key: named})
    return lay_out(table, whole, case.words)


def estimates(case: Case) -> pd.DataFrame:
    """Return what each estimator says."""
    return ruled(case.own.effects.estimates, "estimator", case, "effect.estimates")


def variations(case: Case) -> pd.DataFrame:
    """Return the effect under other choices."""
    return ruled(case.own.effects.variations, "variation", case, "effect.variations")


def substitutes(case: Case) -> pd.DataFrame:
    """Return what can be said where all parks adopt at one date."""
    assert case.alone is not None
    rows = case.alone.estimates.replace({"estimator": {"eligible": "eligible_units"}})
    series = rows["estimator"] == "interrupted_series"  # one series, no parks in it
    rows = rows.assign(clusters=rows["clusters"].astype("Int64").mask(series))
    return ruled(rows, "estimator", case, "effect.substitutes")


def tests(case: Case) -> pd.DataFrame:
    """Return the tests for few parks, the smallest p that each can give, and its interval."""
    text, rows = case.words.text, []
    for name, test in case.own.doubts.tests.items():
        low, high = effects(np.array([test.low, test.high]), case.plan.primary)
        rows.append({
            "test": text(f"effect.tests.{name}"), "statistic": test.statistic, "p": p_words(test.p),
            "floor": p_words(test.floor), "draws": test.draws, "low": low, "high": high,
            "enumerated": text(f"effect.enumerated.{'yes' if test.enumerated else 'no'}"),
            "source_id": case.source,
        })  # fmt: skip
    return lay_out("effect.tests_table", pd.DataFrame(rows), case.words)


def dynamics(case: Case) -> pd.DataFrame:
    """Return effects by quarters since adoption, with the interval of each and the band."""
    rows = case.own.effects.dynamics.by
    names = ["value", "low", "high", "band_low", "band_high"]
    return rows.assign(**effects(rows[names], case.plan.primary), source_id=case.source)


def cells(case: Case) -> pd.DataFrame:
    """Return effects by cohort and quarter with simultaneous intervals."""
    rows = case.own.effects.dynamics.cells
    ends = effects(rows[["value", "low", "high"]], case.plan.primary)
    return rows.assign(**ends, source_id=case.source)


def left_out(case: Case) -> pd.DataFrame:
    """Return the effect without each park, by their ids: parks are never ranked by effect."""
    rows = case.own.doubts.left_out.sort_values("cluster", kind="stable", ignore_index=True)
    sources = [joined(case.source, own) for own in of_units(case.words, rows["cluster"])]
    named = [case.words.unit(park) for park in rows["cluster"]]
    kind = rows["treated"].map({True: "adopts", False: "never"})
    return rows.assign(value=effects(rows["value"], case.plan.primary), unit_name=named, kind=kind,
                       source_id=sources)  # fmt: skip


def placebo_bins(case: Case) -> pd.DataFrame:
    """Return how many exchanged adoptions gave an effect between two values."""
    counts, ends = np.histogram(effects(case.own.doubts.placebos, case.plan.primary), BINS)
    return pd.DataFrame({"low": ends[:-1], "high": ends[1:], "count": counts,
                         "source_id": case.source})  # fmt: skip


def placebos(case: Case) -> pd.DataFrame:
    """Return the effect of an adoption too early, and on what should not move."""
    own, plan, text = case.own, case.plan, case.words.text
    told = {"shift": plan.shift, "outcome": unmoved_name(case)}
    pairs: list[tuple[str, Estimate | None, Outcome]] = [
        ("early", own.doubts.placebo, plan.primary)
    ]
    pairs += [("unmoved", own.effects.unmoved, plan.unmoved)] if plan.unmoved else []
    seen = [(name, found, outcome) for name, found, outcome in pairs if found is not None]
    rows = pd.DataFrame([
        {"placebo": text(f"effect.placebos.{name}", **told), "unit": unit_of(outcome, case.words),
         "rule": rule_words(name, found, case.words)}
        | {part: getattr(found, part) for part in FIELDS if part != "rule"}
        for name, found, outcome in seen
    ])  # fmt: skip
    if rows.empty:
        return pd.DataFrame(columns=list(layout("effect.placebo_table")))
    return lay_out("effect.placebo_table", shown(rows, [one for *_, one in seen], case), case.words)


def magnitudes(case: Case) -> pd.DataFrame:
    """Return the interval of the mean effect by how much larger a break is than before."""
    rows = case.own.doubts.magnitudes
    return rows.assign(**effects(rows[["low", "high"]], case.plan.primary), source_id=case.source)


def sizes(case: Case) -> pd.DataFrame:
    """Return how often each test rejects where nothing happened, and whether it keeps its level."""
    rows, text = case.own.doubts.sizes.frame, case.words.text
    p, sound = by_test(case), kept(case)
    return pd.DataFrame({
        "test": [text(f"effect.tests.{name}") for name in rows["test"]],
        "rejected": 100 * rows["rejected"], "error": 100 * rows["se"],
        "p": [p_words(p[name]) for name in rows["test"]], "name": rows["test"],
        "kept": sound.map({True: "yes", False: "no"}).to_numpy(), "source_id": case.source,
    })  # fmt: skip


def exploratory(case: Case) -> pd.DataFrame:
    """Return effects on further outcomes, with p adjusted for their number."""
    rows, known = case.own.effects.exploratory, {o.column: o for o in case.plan.exploratory}
    if rows.empty:
        return pd.DataFrame(columns=list(layout("effect.exploratory")))
    outcomes = [known[name] for name in rows["outcome"]]
    named = [outcome_name(one.column, case.words) for one in outcomes]
    units = [unit_of(one, case.words) for one in outcomes]
    holm = [p_words(one) for one in rows["holm"]]
    whole = shown(rows, outcomes, case).assign(outcome=named, unit=units, holm=holm)
    return lay_out("effect.exploratory", whole, case.words)


def kept_estimates(case: Case) -> pd.DataFrame:
    """Return all estimates on the primary outcome in its own unit, for later stages."""
    if case.found is None:
        return pd.DataFrame(columns=["policy_id", "kind", "name"])
    own = case.found.effects
    parts = [
        own.estimates.rename(columns={"estimator": "name"}).assign(kind="estimator"),
        own.variations.rename(columns={"variation": "name"}).assign(kind="variation"),
        own.exploratory.rename(columns={"outcome": "name"}).assign(kind="exploratory"),
    ]
    whole = pd.concat([part for part in parts if len(part)], ignore_index=True)
    return whole.assign(policy_id=case.plan.policy, source_id=case.source)


def kept_dynamics(case: Case) -> pd.DataFrame:
    """Return effects by periods since adoption in the unit of the outcome, for later stages."""
    if case.found is None:
        return pd.DataFrame(columns=["policy_id", "key"])
    rows = case.found.effects.dynamics.by
    return rows.assign(policy_id=case.plan.policy, source_id=case.source)


def series(case: Case) -> pd.DataFrame:
    """Return the mean outcome by period; one in logarithms as an index, first period 100."""
    assert case.alone is not None, "not all parks adopt at one date"
    values = case.alone.series["value"]
    if case.plan.primary.scale == "log":
        sign = 1 if case.plan.primary.wanted == "rise" else -1
        values = 100 * np.exp(sign * (values - values.iloc[0]))
    return case.alone.series.assign(value=values, source_id=case.source)


def series_unit(case: Case) -> str:
    """Return the unit of the mean outcome by period."""
    log = case.plan.primary.scale == "log"
    return case.words.text("effect.series_unit") if log else unit_of(case.plan.primary, case.words)
