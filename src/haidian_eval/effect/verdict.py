"""The verdict on a policy, by a rule that was fixed before its data could be seen."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

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
    """Return every condition of the rule with what was found and what is needed."""
    own, share = found.estimate, rule.significance
    worst = max((found.tests[name] for name in rule.tests), default=float("nan"))
    rows = [
        ("treated", found.treated, rule.treated, found.treated >= rule.treated),
        ("others", found.others, rule.others, found.others >= rule.others),
        ("pretrend", found.pretrend.p, share, found.pretrend.p > share),
        ("placebo", p_of(found.placebo), share, p_of(found.placebo) > share),
        ("tests", worst, share, worst <= share),
        ("sign", own.value, 0.0, own.value > 0),
        ("size", own.value, rule.worthwhile, own.value >= rule.worthwhile),
        ("pretrend_power", found.pretrend.power, rule.pretrend_power,
         found.pretrend.power >= rule.pretrend_power),
        ("left_out", found.left_out / own.value, rule.left_out,
         found.left_out / own.value >= rule.left_out),
        ("breakdown", found.breakdown, rule.breakdown, found.breakdown >= rule.breakdown),
        ("detectable", found.detectable, rule.worthwhile, found.detectable <= rule.worthwhile),
        ("excluded", own.high, rule.worthwhile, own.high < rule.worthwhile),
    ]  # fmt: skip
    if found.unmoved is not None:
        rows.append(("unmoved", found.unmoved.p, share, found.unmoved.p > share))
    frame = pd.DataFrame(rows, columns=["condition", "found", "needed", "met"])
    return frame.assign(met=frame["met"].astype("boolean").where(frame["found"].notna(), pd.NA))


def p_of(estimate: Estimate | None) -> float:
    """Return the p of an estimate, if there is one."""
    return float("nan") if estimate is None else estimate.p


def decide(found: Evidence, rule: VerdictRule) -> Verdict:
    """Return the verdict.

    Insufficient: too few clusters, or the parks moved apart before. Where all tests reject and the
    effect is as wanted: effective when every further condition is met, else partly. Against what is
    wanted: no effect. Where they do not reject: no effect when the design would have found a
    worthwhile one and the interval holds none; else insufficient.
    """
    table = conditions(found, rule)
    met = table.set_index("condition")["met"].fillna(value=False).astype(bool)
    ground = ("treated", "others", "pretrend", "placebo")
    further = [name for name in ("size", "pretrend_power", "left_out", "breakdown", "unmoved")
               if name in met.index]  # fmt: skip
    if not met[list(ground)].all():
        key = "insufficient"
    elif met["tests"]:
        key = ("effective" if met[further].all() else "partly") if met["sign"] else "no_effect"
    else:
        key = "no_effect" if met["detectable"] and met["excluded"] else "insufficient"
    return Verdict(key, table)


def post_hoc(params: Effect, first_seen: dt.date) -> str:
    """Return why the plan does not count as fixed beforehand: "", "changed" or "late".

    first_seen: the first day on which an outcome after adoption could have been seen.
    """
    if not params.planned_on:
        return "changed"
    return "late" if dt.date.fromisoformat(params.planned_on) >= first_seen else ""
