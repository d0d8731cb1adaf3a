"""Parameters of an edition: typed, frozen, unknown keys refused."""

from haidian_eval.params.effect import Effect, Outcome, Registered, VerdictRule
from haidian_eval.params.examples import (
    CommentsChoice,
    HotlineChoice,
    PanelChoice,
    ParticipationChoice,
    SurveyChoice,
    Synthetic,
)
from haidian_eval.params.loading import load_params, parse_setting, read_toml
from haidian_eval.params.opinion import OpinionRule, TextRule
from haidian_eval.params.satisfaction import Satisfaction, Surveyed
from haidian_eval.params.section import LANGUAGES, Lists, Section, Words
from haidian_eval.params.stages import (
    Claims,
    Composite,
    Economy,
    Environment,
    Params,
    Robustness,
    Scoring,
)

__all__ = [
    "LANGUAGES", "Claims", "CommentsChoice", "Composite", "Economy", "Effect", "Environment",
    "HotlineChoice", "Lists", "OpinionRule", "Outcome", "PanelChoice", "Params",
    "ParticipationChoice", "Registered", "Robustness", "Satisfaction", "Scoring", "Section",
    "SurveyChoice", "Surveyed", "Synthetic", "TextRule", "VerdictRule", "Words", "load_params",
    "parse_setting", "read_toml",
]  # fmt: skip
