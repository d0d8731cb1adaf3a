"""Scores from values: framework, rules, aggregation, ranks, discrimination."""

from haidian_eval.scoring.composite import Scores, score
from haidian_eval.scoring.framework import (
    Framework,
    build_framework,
    framework_named,
    framework_of,
    full_marks_at,
    highest_score,
)
from haidian_eval.scoring.monthly import Alone, score_alone
from haidian_eval.scoring.ranking import competition_rank, discrimination, rank_bounds
from haidian_eval.scoring.rules import AGGREGATORS, MISSING, RULES

__all__ = [
    "AGGREGATORS", "MISSING", "RULES", "Alone", "Framework", "Scores",
    "build_framework", "competition_rank", "discrimination", "framework_named",
    "framework_of", "full_marks_at",
    "highest_score", "rank_bounds", "score", "score_alone",
]  # fmt: skip
