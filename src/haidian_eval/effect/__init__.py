"""Did a policy work, and how sure can a few parks make us: estimators, tests, a verdict."""

from haidian_eval.effect.aggregation import Aggregate, aggregate, bands, pretrend_test
from haidian_eval.effect.donors import synthetic_control, synthetic_did
from haidian_eval.effect.estimate import Estimate, Test
from haidian_eval.effect.few import randomisation_test, wild_cluster_bootstrap
from haidian_eval.effect.group_time import GroupTimeEffects, att_gt
from haidian_eval.effect.imputation import imputation
from haidian_eval.effect.magnitudes import relative_magnitudes
from haidian_eval.effect.regression import EventStudy, event_study, twfe
from haidian_eval.effect.series import interrupted_series
from haidian_eval.effect.sun_abraham import sun_abraham

__all__ = [
    "Aggregate", "Estimate", "EventStudy", "GroupTimeEffects", "Test", "aggregate", "att_gt",
    "bands", "event_study", "imputation", "interrupted_series", "pretrend_test",
    "randomisation_test", "relative_magnitudes", "sun_abraham", "synthetic_control",
    "synthetic_did", "twfe", "wild_cluster_bootstrap",
]  # fmt: skip
