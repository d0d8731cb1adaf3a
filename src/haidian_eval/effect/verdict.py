"""The verdict on a policy, by a rule that was fixed before its data could be seen."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from haidian_eval.effect.estimate import Estimate, Test
from haidian_eval.params import Effect, VerdictRule

VERDICTS = ("effective", "partly", "insufficient", "no_effect")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the rule looks at; effects in units of the primary outcome, positive as wanted.

    treated, others: clusters that adopt, and the rest.
    estimate: the effect. tests: p by name. pretrend: of the periods before. placebo: of an adoption
    too early. unmoved: of an outcome that should not move, where there is one. left_out: the
    smallest effect without one cluster. detectable: the smallest effect the design finds.
    breakdown: up to which multiple of the differences before adoption the effect stays above zero.
    """

    treated: int
    others: int
    estimate: Estimate
    tests: Mapping[str, float]
    pretrend: Test
    placebo: Estimate | None
    unmoved: Estimate | None
    left_out: float
    detectable: float
    breakdown: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """One of VERDICTS, and by what: condition, found, needed, met (missing: could not be seen)."""

    key: str
    conditions: pd.DataFrame


def conditions(found: Evidence, rule: VerdictRule) -> pd.DataFrame:
    """Return every condition of the rule with what was found and what is needed.

    What could not be had is missing, and counts as not met.
    """
    own, share = found.estimate, rule.significance
    every = [found.tests.get(name) for name in rule.tests]
    worst = np.max([np.nan if p is None else p for p in every])
    left = found.left_out / own.value if own.value > 0 else np.nan
    power = found.pretrend.power
    rows = [
        ("treated", found.treated, rule.treated, found.treated >= rule.treated),
        ("others", found.others, rule.others, found.others >= rule.others),
        ("pretrend", found.pretrend.p, share, found.pretrend.p > share),
        ("pretrend_power", power, rule.pretrend_power, power >= rule.pretrend_power),
        ("placebo", p_of(found.placebo), share, p_of(found.placebo) > share),
        ("tests", worst, share, worst <= share),
        ("sign", own.value, 0.0, own.value > 0),
        ("carried", found.left_out, 0.0, found.left_out > 0),
        ("sturdy", found.breakdown, rule.least_breakdown, found.breakdown >= rule.least_breakdown),
        ("size", own.value, rule.worthwhile, own.value >= rule.worthwhile),
        ("left_out", left, rule.left_out, left >= rule.left_out),
        ("breakdown", found.breakdown, rule.breakdown, found.breakdown >= rule.breakdown),
        ("detectable", found.detectable, rule.worthwhile, found.detectable <= rule.worthwhile),
        ("excluded", own.high, rule.worthwhile, own.high < rule.worthwhile),
    ]
    if found.unmoved is not None:
        rows.append(("unmoved", found.unmoved.p, share, found.unmoved.p > share))
    frame = pd.DataFrame(rows, columns=["condition", "found", "needed", "met"])
    return frame.assign(met=frame["met"].astype("boolean").where(frame["found"].notna(), pd.NA))


def p_of(estimate: Estimate | None) -> float:
    """Return the p of an estimate, if there is one."""
    return float("nan") if estimate is None else estimate.p


GROUND = ("treated", "others", "pretrend", "placebo")
SOUND = ("pretrend_power", "carried", "sturdy", "unmoved")
FURTHER = ("size", "left_out", "breakdown")


def decide(found: Evidence, rule: VerdictRule) -> Verdict:
    """Return the verdict.

    Insufficient: too few parks, or parks that moved apart before. No effect: the design would have
    found a worthwhile one and the interval holds none, or all tests reject against what is wanted.
    Where all reject as wanted: insufficient when the test of earlier trends could have seen
    nothing, one park carries it, trends could easily explain it or what should not move did;
    effective when it is large, lasts without any park and outlasts crooked trends; else partly. All
    others are insufficient: what is not significant is never no effect.
    """
    table = conditions(found, rule)
    met = table.set_index("condition")["met"].fillna(value=False).astype(bool)
    sound = met[[name for name in SOUND if name in met.index]].all()
    key = "insufficient"
    if met[list(GROUND)].all():
        if (met["detectable"] and met["excluded"]) or (met["tests"] and not met["sign"]):
            key = "no_effect"
        elif met["tests"] and sound:
            key = "effective" if met[list(FURTHER)].all() else "partly"
    return Verdict(key, table)


def post_hoc(params: Effect, first_seen: dt.date) -> str:
    """Return why the plan does not count as fixed beforehand: "", "changed" or "late".

    first_seen: the first day on which an outcome after adoption could have been seen.
    """
    if not params.planned_on:
        return "changed"
    return "late" if dt.date.fromisoformat(params.planned_on) >= first_seen else ""
