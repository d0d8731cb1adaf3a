"""Parameters of an edition: typed, frozen, unknown keys refused."""

from haidian_eval.params.effect import Effect, Outcome, Registered, VerdictRule
from haidian_eval.params.examples import (
    HotlineChoice,
    PanelChoice,
    ParticipationChoice,
    SurveyChoice,
    Synthetic,
)
from haidian_eval.params.loading import load_params, parse_setting, read_toml
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
    "LANGUAGES", "Claims", "Composite", "Economy", "Effect", "Environment",
    "HotlineChoice", "Lists", "Outcome", "PanelChoice", "Params", "ParticipationChoice",
    "Registered", "Robustness", "Satisfaction", "Scoring", "Section", "SurveyChoice", "Surveyed",
    "Synthetic", "VerdictRule", "Words", "load_params", "parse_setting", "read_toml",
]  # fmt: skip
