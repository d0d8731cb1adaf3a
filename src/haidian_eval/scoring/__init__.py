"""Scores from values: framework, rules, aggregation, grades, ranks, discrimination."""

from haidian_eval.scoring.aggregation import AGGREGATORS
from haidian_eval.scoring.composite import Scores, score
from haidian_eval.scoring.framework import (
    Framework,
    build_framework,
    framework_named,
    framework_of,
    full_marks_at,
    highest_score,
)
from haidian_eval.scoring.missing import MISSING
from haidian_eval.scoring.monthly import PERIOD, Alone, as_named, every_unit, score_alone
from haidian_eval.scoring.ranking import (
    TOUCHING,
    blurred,
    competition_rank,
    discrimination,
    rank_bounds,
)
from haidian_eval.scoring.reasons import reasons
from haidian_eval.scoring.rules import RULES

__all__ = [
    "AGGREGATORS", "MISSING", "PERIOD", "RULES", "TOUCHING", "Alone", "Framework", "Scores",
    "as_named", "blurred", "build_framework", "competition_rank", "discrimination", "every_unit",
    "framework_named", "framework_of", "full_marks_at", "highest_score", "rank_bounds", "reasons",
    "score", "score_alone",
]  # fmt: skip
