"""What people say of policies and services, and how sure a sample makes us of it."""

from haidian_eval.satisfaction.calibration import Calibrated
from haidian_eval.satisfaction.cells import reduce
from haidian_eval.satisfaction.comparison import chi_square, compare_waves, contrast
from haidian_eval.satisfaction.design import Design, Replicates
from haidian_eval.satisfaction.drivers import importance_performance, key_drivers
from haidian_eval.satisfaction.estimates import estimate
from haidian_eval.satisfaction.ordinal import ordinal_model
from haidian_eval.satisfaction.reliability import alpha, omega
from haidian_eval.satisfaction.sample import Sample, read_sample
from haidian_eval.satisfaction.weighting import (
    calibrate,
    non_response,
    post_stratify,
    rake,
    trim,
)

__all__ = [
    "Calibrated", "Design", "Replicates", "Sample", "alpha", "calibrate", "chi_square",
    "compare_waves", "contrast", "estimate", "importance_performance", "key_drivers",
    "non_response", "omega", "ordinal_model", "post_stratify", "rake", "read_sample", "reduce",
    "trim",
]  # fmt: skip
