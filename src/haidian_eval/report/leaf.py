"""Indicators as a reader knows them: name, unit, rule and rounding in words."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from haidian_eval.report.exhibit import joined, show
from haidian_eval.scoring import Framework, full_marks_at
from haidian_eval.scoring.leaf import parse_choice
from haidian_eval.text import Text

METHODS = {"rule": "score_rules", "aggregation": "means", "missing": "missing_policies"}


@dataclass(frozen=True, slots=True)
class Leaf:
    """An indicator in words.

    standard: the rule as the table words it, or as the study does where the table is silent.
    full_marks_at: missing where no value is enough. source_id: those of its rule and of the
    framework, so that whatever shows its scores says that the study has derived them.
    """

    id: str
    name: str
    unit: str
    definition: str
    rule: str
    standard: str
    direction: str
    full_marks_at: float
    source_id: str


def read_leaves(framework: Framework, text: Text) -> list[Leaf]:
    """Return the indicators of a framework in words."""
    leaves, own_source = [], framework.nodes.at[framework.root, "source_id"]
    for name in framework.leaves:
        row = framework.nodes.loc[name]
        standard = text.choose(row, "scoring_standard") or text(f"score_rules.{row['rule']}")
        words = {part: text.choose(row, part) for part in ("name", "definition")}
        rule = {"rule": row["rule"], "standard": standard, "direction": row["direction"]}
        best, cited = full_marks_at(framework, name), joined(row["source_id"], own_source)
        unit = text.unit(row["unit"])
        leaves.append(Leaf(name, unit=unit, **words, **rule, full_marks_at=best, source_id=cited))
    return leaves


def choice_words(kind: str, choice: str, text: Text) -> str:
    """Return one alternative of a method step in words."""
    if not choice:
        return text("robustness.as_stated")
    name, numbers = parse_choice(choice)
    words = text(f"{METHODS[kind]}.{name}")
    return f"{words} ({', '.join(f'{x:g}' for x in numbers)})" if numbers else words


def line_words(own: Leaf, text: Text) -> str:
    """Return what the line of full marks means, or a blank where there is none."""
    if pd.isna(own.full_marks_at):
        return ""
    return text(f"scoring.line.{own.direction}", at=own.full_marks_at)


def rounding_words(scores: pd.DataFrame, error: float, text: Text) -> str:
    """Return what is known of the rounding of values and what it does to scores and places."""
    widths = scores.loc[scores["value"].notna(), "half_width"]
    if widths.isna().any():
        return text("scoring.rounding.unknown")
    shown = " / ".join(f"{width:g}" for width in sorted(widths.unique()))
    if pd.isna(error):
        return text("scoring.rounding.relative", half_width=shown)
    return text("scoring.rounding.known", half_width=shown, error=show(error, 2))
