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
from haidian_eval.scoring.outliers import Treated, treat_outliers
from haidian_eval.scoring.ranking import (
    TOUCHING,
    blurred,
    competition_rank,
    discrimination,
    rank_bounds,
)
from haidian_eval.scoring.reasons import reasons
from haidian_eval.scoring.rules import RULES
from haidian_eval.scoring.weights import (
    AHP,
    ahp_weights,
    combine_weights,
    critic_weights,
    entropy_weights,
    equal_weights,
    group_judgements,
    official_weights,
    pca_weights,
)

__all__ = [
    "AGGREGATORS", "AHP", "MISSING", "PERIOD", "RULES", "TOUCHING", "Alone", "Framework", "Scores",
    "Treated", "ahp_weights", "as_named", "blurred", "build_framework", "combine_weights",
    "competition_rank", "critic_weights", "discrimination", "entropy_weights", "equal_weights",
    "every_unit", "framework_named", "framework_of", "full_marks_at", "group_judgements",
    "highest_score", "official_weights", "pca_weights", "rank_bounds", "reasons", "score",
    "score_alone", "treat_outliers",
]  # fmt: skip
