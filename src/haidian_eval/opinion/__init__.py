"""Comments and interviews: what they say, how sure that is, and whether it may be used."""

from haidian_eval.opinion.accuracy import Accuracy, Share, accuracy
from haidian_eval.opinion.agreement import Agreement, cohen_kappa, krippendorff_alpha
from haidian_eval.opinion.assessment import Opinion, assess_opinion
from haidian_eval.opinion.classifier import Classifier, HeldOut, hold_out, train
from haidian_eval.opinion.leakage import Overlap, grouped, overlap
from haidian_eval.opinion.quotations import de_identified, quotations

__all__ = [
    "Accuracy", "Agreement", "Classifier", "HeldOut", "Opinion", "Overlap", "Share", "accuracy",
    "assess_opinion", "cohen_kappa", "de_identified", "grouped", "hold_out", "krippendorff_alpha",
    "overlap", "quotations", "train",
]  # fmt: skip
