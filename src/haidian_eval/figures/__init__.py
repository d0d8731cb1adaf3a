"""One function per figure: a result in, a Figure out; nothing is computed here."""

from matplotlib.figure import Figure

from haidian_eval.figures.effect import (
    adoption_calendar,
    effect_by_cohort,
    effect_over_time,
    left_out_parks,
    placebo_spread,
    sensitivity_to_trends,
    series_around,
)
from haidian_eval.figures.house import house_style
from haidian_eval.figures.levels import change_on_base, levels_by_unit
from haidian_eval.figures.opinion import (
    calibration_curves,
    confusion_matrices,
    themes_and_signs,
)
from haidian_eval.figures.ranks import rank_heat_map, rank_slope, ranked_bars
from haidian_eval.figures.runs import first_places, runs_against_median, vintages
from haidian_eval.figures.satisfaction import (
    answers,
    coverage,
    driver_bars,
    forest,
    funnel,
    importance_map,
    rate_charts,
)
from haidian_eval.figures.weights import break_even, sensitivity_bars, weights_against_influence

__all__ = [
    "Figure", "adoption_calendar", "answers", "break_even", "calibration_curves", "change_on_base",
    "confusion_matrices", "coverage", "driver_bars", "effect_by_cohort", "effect_over_time",
    "first_places", "forest", "funnel", "house_style", "importance_map", "left_out_parks",
    "levels_by_unit", "placebo_spread", "rank_heat_map", "rank_slope", "ranked_bars", "rate_charts",
    "runs_against_median", "sensitivity_bars", "sensitivity_to_trends", "series_around",
    "themes_and_signs", "vintages", "weights_against_influence",
]  # fmt: skip
