"""What people say of policies and services, and how sure a sample makes us of it."""

from haidian_eval.satisfaction.calibration import Calibrated
from haidian_eval.satisfaction.cells import reduce
from haidian_eval.satisfaction.comparison import chi_square, compare_waves, contrast
from haidian_eval.satisfaction.design import Design, Replicates
from haidian_eval.satisfaction.drivers import importance_performance, key_drivers
from haidian_eval.satisfaction.estimates import estimate
from haidian_eval.satisfaction.hotline import hotline_rates, rank_streets, standardised
from haidian_eval.satisfaction.ordinal import ordinal_model, proportional_odds
from haidian_eval.satisfaction.participation import attendance, coverage, days_to_reply, replies
from haidian_eval.satisfaction.reliability import alpha, omega
from haidian_eval.satisfaction.rows import Rates, suppress_rows
from haidian_eval.satisfaction.sample import Sample, read_sample
from haidian_eval.satisfaction.size import sample_needed, smallest_difference
from haidian_eval.satisfaction.suppression import (
    Protected,
    audit,
    protect,
    round_counts,
    suppress,
)
from haidian_eval.satisfaction.weighting import (
    calibrate,
    non_response,
    post_stratify,
    rake,
    trim,
)

__all__ = [
    "Calibrated", "Design", "Protected", "Rates", "Replicates", "Sample", "alpha", "attendance",
    "audit", "calibrate", "chi_square", "compare_waves", "contrast", "coverage", "days_to_reply",
    "estimate", "hotline_rates", "importance_performance", "key_drivers",
    "non_response", "omega", "ordinal_model", "post_stratify", "proportional_odds", "protect",
    "rake", "rank_streets", "read_sample", "reduce", "replies", "round_counts",
    "sample_needed", "smallest_difference", "standardised", "suppress",
    "suppress_rows", "trim",
]  # fmt: skip
