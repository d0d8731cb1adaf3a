"""The verdict on a policy as a reader sees it: in a word, by which conditions, on which plan."""

from __future__ import annotations

import pandas as pd

from haidian_eval.report.layout import lay_out
from haidian_eval.report.operations import Said
from haidian_eval.report.views.policy import (
    Case,
    effect_words,
    measured,
    number,
    p_words,
    told,
    unmoved_name,
)

CARDS = ("verdict", "effect", "detectable", "believed", "plan")
ROLES = ("ground", "found", "sound", "further", "absence")
# How a condition is written, of what kind it is, and what it is for.
WRITTEN = {
    "treated": ("≥", "count", "ground"), "others": ("≥", "count", "ground"),
    "pretrend": (">", "p", "ground"), "placebo": (">", "p", "ground"),
    "tests": ("≤", "p", "found"), "sign": (">", "effect", "found"),
    "size": ("≥", "effect", "further"), "pretrend_power": ("≥", "share", "sound"),
    "carried": (">", "effect", "sound"), "sturdy": ("≥", "share", "sound"),
    "left_out": ("≥", "share", "further"), "breakdown": ("≥", "share", "further"),
    "detectable": ("≤", "effect", "absence"), "excluded": ("<", "effect", "absence"),
    "unmoved": (">", "p", "sound"),
}  # fmt: skip


def conditions(case: Case) -> pd.DataFrame:
    """Return every condition of the verdict: what was found, what is needed, whether it is met.

    Where the tests do not reject, conditions on the effect's standing and size are not used.
    """
    text, rule, rows = case.words.text, case.plan.verdict, case.own.verdict.conditions
    told = {
        "tests": text.listing([text(f"effect.tests.{name}") for name in rule.tests]),
        "shift": case.plan.shift, "unmoved": unmoved_name(case), "power": f"{rule.power:.0%}",
    }  # fmt: skip
    significant = rows.set_index("condition").at["tests", "met"]
    unused = ("sound", "further") if pd.isna(significant) or not significant else ()
    lines = []
    for row in rows.itertuples(index=False):
        relation, kind, role = WRITTEN[row.condition]
        met = "unseen" if pd.isna(row.met) else "yes" if row.met else "no"
        lines.append({
            "condition": text(f"effect.conditions.{row.condition}", **told), "role": role,
            "found": in_kind(row.found, kind, case), "source_id": case.source,
            "needed": f"{relation} {needed(row.needed, kind, case)}",
            "met": f"{met}_unused" if role in unused else met,
        })  # fmt: skip
    ordered = pd.DataFrame(lines).sort_values(
        "role", key=lambda x: x.map(ROLES.index), kind="stable"
    )
    return lay_out("effect.conditions_table", ordered, case.words)


def needed(value: float, kind: str, case: Case) -> str:
    """Return a limit of the rule as it is written."""
    return f"{value:g}" if kind != "effect" or value == 0 else effect_words(value, case)


def in_kind(value: float, kind: str, case: Case) -> str:
    """Return what was found as its kind is written."""
    if pd.isna(value):
        return "—"
    if kind == "effect":
        return effect_words(value, case)
    return (
        f"{value:.0f}" if kind == "count" else p_words(value) if kind == "p" else number(value, 2)
    )


def late(case: Case) -> str:
    """Return why the plan counts as set afterwards, in words; a blank where it does not."""
    if case.found is None or not case.found.late:
        return ""
    registered = case.plan.registered
    blank = registered is None or not registered.checksum
    own = "blank" if case.found.late == "changed" and blank else case.found.late
    on = str(registered.on) if registered else "—"
    return case.words.text(f"effect.late.{own}", on=on)


def heading(case: Case) -> Said:
    """Return what the verdict is headed by: whether its plan was set afterwards, and why."""
    text, why = case.words.text, late(case)
    key = case.found.verdict.key if case.found else "insufficient"
    return {"verdict": text(f"effect.verdicts.{key}"),
            "mark": text("effect.set_afterwards") if why else "", "why": why,
            "meaning": text(f"effect.meanings.{key}")}  # fmt: skip


def cards(case: Case) -> pd.DataFrame:
    """Return the verdict, the effect and what the design could find, which p, and the plan."""
    text = case.words.text
    said = measured(case) | heading(case) | {"checksum": case.plan.plan[:12]}
    said["on"] = text("effect.afterwards") if said["why"] else case.plan.planned_on
    said["standing"] = said["why"] or text("effect.cards.registered")
    return pd.DataFrame([
        {part: text(f"effect.cards.{name}.{part}", **said) for part in ("figure", "label", "about")}
        | {"source_id": case.source}
        for name in CARDS
    ])  # fmt: skip


def why(case: Case) -> str:
    """Return why parks were not compared, where anything was refused."""
    return case.refused or (case.alone.refused if case.alone else "")


def finding(case: Case) -> Said:
    """Return what the page ends with."""
    if case.found is None:
        said = told(case) | {"why": why(case)}
        return {"findings": case.words.text(f"effect.findings.{case.state}", **said)}
    said = measured(case) | heading(case)
    lines = [case.words.text(f"effect.findings.{name}", **said)
             for name in ("verdict", "effect", "doubt", "policy")]  # fmt: skip
    return {"findings": "\n".join(lines)}


def kept(case: Case) -> pd.DataFrame:
    """Return the conditions of the verdict with its key, for later stages."""
    if case.found is None:
        return pd.DataFrame({"policy_id": [case.plan.policy], "verdict": ["insufficient"],
                             "state": [case.state]})  # fmt: skip
    own = case.found
    return own.verdict.conditions.assign(policy_id=case.plan.policy, verdict=own.verdict.key,
                                         state=case.state, late=own.late)  # fmt: skip
