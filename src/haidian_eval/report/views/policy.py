"""A policy whose effect is asked after: what is known of it, and how its effects are said.

Effects in logarithms are shown in per cent, 100 (exp(b) - 1), their standard errors as 100 times
differences of logarithms.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from haidian_eval.effect.assessment import Assessment, assess
from haidian_eval.effect.one_date import StandIn, adopts_at_one_date, stand_in
from haidian_eval.effect.reading import ADOPTED, PERIOD, UNIT, rows_of
from haidian_eval.errors import ParameterError
from haidian_eval.params import Effect, Outcome
from haidian_eval.report.exhibit import MINUS, joined
from haidian_eval.report.operations import Said, Words
from haidian_eval.report.views.parks import before, by_park, outcome_name, outcome_unit

STATES = ("none", "nobody", "one_date", "refused", "compared")
SMALLEST = 1e-4  # p below which only that is said
P_OF = {"cr2": "twfe_cr2", "fixest": "twfe"}  # tests that are an estimator's own
LEVEL = 0.05  # at which simulated sizes are taken
TAKE_UP = "applications"  # an outcome that no firm can have before adoption
SURE = 2.0  # standard errors of a simulated size within which a test keeps its level


@dataclass(frozen=True, slots=True)
class Case:
    """A policy and what is known of it.

    state: one of STATES. rows: of the panel. found: where parks could be compared. alone: where all
    adopt at one date. refused: why the comparison could not be made. name: of the policy.
    """

    state: str
    rows: pd.DataFrame
    plan: Effect
    words: Words
    found: Assessment | None = None
    alone: StandIn | None = None
    refused: str = ""
    name: str = ""

    @property
    def own(self) -> Assessment:
        """The assessment of parks that were compared."""
        assert self.found is not None, "parks were not compared"
        return self.found

    @property
    def source(self) -> str:
        """The sources of the rows."""
        return joined(*self.rows["source_id"].unique())


def state(panel: pd.DataFrame, plan: Effect) -> str:
    """Return whether there is a panel, whether anybody adopts, and whether all do at one date."""
    if panel.empty:
        return "none"
    adopted = rows_of(panel, plan.policy)[ADOPTED].replace("", None)
    if adopted.isna().all():
        return "nobody"
    return "one_date" if adopts_at_one_date(panel, plan) else "compared"


def title(policies: pd.DataFrame, plan: Effect, words: Words) -> str:
    """Return the title of the policy, or its id where the edition has no row of it."""
    own = policies[policies["policy_id"] == plan.policy]
    return words.text.choose(own.iloc[0], "title") if len(own) else plan.policy


def read(panel: pd.DataFrame, plan: Effect, words: Words, *, name: str = "") -> Case:
    """Return what is known of the policy; a comparison that cannot be made is said, not raised."""
    now, said = state(panel, plan), name or plan.policy
    rows = panel if panel.empty else rows_of(panel, plan.policy)
    if now == "one_date":
        reason = words.text("effect.one_date.reason")
        return Case(now, rows, plan, words, alone=stand_in(panel, plan, reason), name=said)
    if now != "compared":
        return Case(now, rows, plan, words, name=said)
    try:
        return Case(now, rows, plan, words, found=assess(panel, plan), name=said)
    except ParameterError as error:
        return Case("refused", rows, plan, words, refused=str(error), name=said)


def effects(values: Any, outcome: Outcome) -> Any:
    """Return effects as they are shown: in per cent of an outcome in logarithms."""
    if outcome.scale == "level":
        return values
    return 100 * np.expm1(values) if outcome.wanted == "rise" else -100 * np.expm1(-values)


def number(value: float, digits: int = 1) -> str:
    """Return a number in a sentence, with a true minus."""
    if pd.isna(value) or np.isinf(value):
        return "—" if pd.isna(value) else "∞"
    return MINUS.sub("−", f"{value:.{digits}f}")


def p_words(p: float) -> str:
    """Return a p as a reader sees it; a very small one is only said to be so."""
    if pd.isna(p):
        return "—"
    return f"<{SMALLEST:.4f}" if p < SMALLEST else f"{p:.4f}" if p < 0.01 else f"{p:.3f}"


def unit_of(outcome: Outcome, words: Words) -> str:
    """Return the unit of effects on an outcome."""
    return "%" if outcome.scale == "log" else outcome_unit(outcome.column, words)


def effect_words(value: float, case: Case) -> str:
    """Return an effect on the primary outcome with its unit."""
    gap = "" if (unit := unit_of(case.plan.primary, case.words)) == "%" else " "
    return f"{number(effects(value, case.plan.primary))}{gap}{unit}"


def shown(rows: pd.DataFrame, outcomes: Iterable[Outcome], case: Case) -> pd.DataFrame:
    """Return estimates as they are shown, each in the unit of its outcome."""
    text, each = case.words.text, list(outcomes)
    factor = [100.0 if one.scale == "log" else 1.0 for one in each]
    ends = {name: [effects(value, one) for value, one in zip(rows[name], each, strict=True)]
            for name in ("value", "low", "high")}  # fmt: skip
    df = ["—" if pd.isna(se) else text("effect.normal") if np.isinf(one) else f"{round(one, 1):g}"
          for one, se in zip(rows["df"], rows["se"], strict=True)]  # fmt: skip
    p = [p_words(one) for one in rows["p"]]
    return rows.assign(**ends, se=rows["se"] * factor, p=p, df=df, source_id=case.source)


def primary_shown(rows: pd.DataFrame, case: Case) -> pd.DataFrame:
    """Return estimates of the effect on the primary outcome as they are shown."""
    return shown(rows, [case.plan.primary] * len(rows), case)


def unmoved_name(case: Case) -> str:
    """Return the name of the outcome that should not move."""
    own = case.plan.unmoved
    return in_sentence(own.column, case.words) if own else "—"


def in_sentence(column: str, words: Words) -> str:
    """Return a column in words as it stands inside a sentence: no capital, but in R&D."""
    name = outcome_name(column, words)
    return name[:1].lower() + name[1:] if name[1:2].islower() else name


def by_test(case: Case) -> dict[str, float]:
    """Return the p of every test whose size is known."""
    p = case.own.effects.estimates.set_index("estimator")["p"]
    tests = {name: test.p for name, test in case.own.doubts.tests.items()}
    return tests | {name: float(p.get(own, np.nan)) for name, own in P_OF.items()}


def kept(case: Case) -> pd.Series:
    """Return by test whether it rejects no more often than it says where nothing happened."""
    rows = case.own.doubts.sizes.frame.set_index("test")
    return rows["rejected"] <= LEVEL + SURE * rows["se"]


def believed(case: Case) -> tuple[str, float]:
    """Return the test whose p is to be believed: the largest p of those that keep their level."""
    sound, p = kept(case), by_test(case)
    known = {name: p[name] for name in sound.index[sound] if not np.isnan(p[name])}
    name = max(known, key=lambda one: known[one], default="")
    return name, known.get(name, float("nan"))


def told(case: Case) -> Said:
    """Return what sentences and captions say of the panel and of the policy."""
    parks, outcome, text = by_park(case.rows), case.plan.primary, case.words.text
    adopts = parks["adopted"].notna()
    periods = sorted(case.rows[PERIOD].unique()) or ["—"]
    tracked_only = parks["tracked"].notna() & ~adopts
    unit = unit_of(outcome, case.words)
    return {
        "policy": case.name, "outcome": in_sentence(outcome.column, case.words),
        "unit": unit, "se_unit": text(f"effect.se_units.{outcome.scale}"),
        "parks": len(parks), "treated": int(adopts.sum()), "others": int((~adopts).sum()),
        "tracked_only": int(tracked_only.sum()), "firms": case.rows[UNIT].nunique(),
        "first": periods[0], "last": periods[-1], "quarters": len(periods),
        "adopted": min(parks.loc[adopts, "adopted_in"], default="—"),
        "early": len(before(case.rows)[PERIOD].unique()) if adopts.any() else 0,
        "zeros": case.found.zeros if case.found else 0,
    }  # fmt: skip


def measured(case: Case) -> Said:
    """Return what sentences and captions say of the evidence."""
    own, text, plan = case.own, case.words.text, case.plan
    headline, moves, doubts = own.effects.headline, own.effects.dynamics, own.doubts
    name, p = believed(case)
    noise, alone = doubts.sizes.noise, [case.words.unit(one) for one in moves.left_out]
    ends = [effect_words(end, case) for end in (headline.low, headline.high)]
    said, take_up = told(case), TAKE_UP in {one.column for one in plan.exploratory}
    return said | {
        "scale": text(f"effect.scales.{plan.primary.scale}", **said),
        "take_up": text("effect.take_up") if take_up else "",
        "effect": effect_words(headline.value, case), "low": ends[0], "high": ends[1],
        "se": number(100 * headline.se if plan.primary.scale == "log" else headline.se, 2),
        "clusters": headline.clusters, "df": number(headline.df, 0), "n": headline.n,
        "detectable": effect_words(doubts.detectable, case), "power": f"{plan.verdict.power:.0%}",
        "worthwhile": effect_words(plan.verdict.worthwhile, case),
        "significance": f"{plan.verdict.significance:.0%}",
        "pre_p": p_words(moves.pretrend.p), "pre_df": number(moves.pretrend.df, 0),
        "pre_power": "—" if np.isnan(moves.pretrend.power) else f"{moves.pretrend.power:.0%}",
        "critical": number(moves.critical, 2), "alone": text.listing(alone) or text("exhibit.none"),
        "breakdown": number(float(doubts.magnitudes.attrs["breakdown"]), 2), "shift": plan.shift,
        "believed": text(f"effect.tests.{name}") if name else "—", "believed_p": p_words(p),
        "draws": plan.draws, "panels": doubts.sizes.panels, "null_draws": plan.null_draws,
        "seed": plan.seed, "unmoved": unmoved_name(case), "shared_sd": number(noise.shared_sd, 3),
        "shared_rho": number(noise.shared_rho, 2), "own_sd": number(noise.own_sd, 3),
        "own_rho": number(noise.own_rho, 2), "tests": len(own.effects.exploratory),
        "space_p": p_words(doubts.tests["randomisation"].p),
        "space_floor": p_words(doubts.tests["randomisation"].floor),
    }  # fmt: skip


def asked(plan: Effect, words: Words, name: str) -> Said:
    """Return what the page asks after."""
    return {"policy": name, "outcome": in_sentence(plan.primary.column, words)}


def headline(case: Case) -> float:
    """Return the main estimate as it is shown; NaN where parks were not compared."""
    found = case.found
    return float(effects(found.effects.headline.value, case.plan.primary)) if found else np.nan


def two_way(case: Case) -> float:
    """Return the two-way estimate of the actual adoption as it is shown."""
    return float(effects(case.own.doubts.tests["randomisation"].statistic, case.plan.primary))


def breakdown(case: Case) -> float:
    """Return the multiple of earlier breaks of trend from which on the interval holds zero."""
    return float(case.own.doubts.magnitudes.attrs["breakdown"])
