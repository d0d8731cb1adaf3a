"""Indicators watched month by month: level, improvement, repeated weakness, runs, first places.

Every indicator stands alone with its month. Nothing is said of one month but what one month can
carry: a rank with the interval that rounding leaves. Source of the ranking rule: the monthly air
tables of the Beijing ecology bureau (ties 1, 1, 3; level and change ranked side by side).
"""

from haidian_eval.environment.composite import demonstration
from haidian_eval.environment.improvement import Improvement, improvement
from haidian_eval.environment.levels import Levels, is_cost, joined, levels, one_vintage
from haidian_eval.environment.standing import latest_places, places, repeated, runs

__all__ = [
    "Improvement", "Levels", "demonstration", "improvement", "is_cost", "joined", "latest_places",
    "levels", "one_vintage", "places", "repeated", "runs",
]  # fmt: skip
