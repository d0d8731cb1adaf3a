"""How far other defensible choices and the errors of the values move the ranks."""

from haidian_eval.robustness.board import Board, boards, compared
from haidian_eval.robustness.design import Choices
from haidian_eval.robustness.draws import evaluate
from haidian_eval.robustness.indices import Sensitivity, sensitivity
from haidian_eval.robustness.noise import Noise
from haidian_eval.robustness.ranks import Uncertainty, uncertainty
from haidian_eval.robustness.scenarios import (
    WeightScenario,
    remove_one,
    score_errors,
    shares,
    weight_scenario,
    weights_with_share,
)

__all__ = [
    "Board", "Choices", "Noise", "Sensitivity", "Uncertainty", "WeightScenario", "boards",
    "compared", "evaluate", "remove_one", "score_errors", "sensitivity", "shares",
    "uncertainty", "weight_scenario", "weights_with_share",
]  # fmt: skip
