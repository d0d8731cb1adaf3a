"""The tables of parameters, one for each stage, and all of them together."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import Field

from haidian_eval.params.effect import Effect
from haidian_eval.params.examples import Synthetic
from haidian_eval.params.opinion import OpinionRule
from haidian_eval.params.satisfaction import Satisfaction
from haidian_eval.params.section import Lists, Section, Words

Confidence = Literal[
    "seen_official", "seen_confirmed", "seen", "seen_doubtful", "seen_forecast",
    "derived_exact", "derived", "computed", "seed_claim", "synthetic",
]  # fmt: skip


class Edition(Section):
    """edition.toml: which edition this is and up to which date its values count."""

    schema_version: int
    year: int
    as_of: dt.date
    title: Words


class Engagement(Section):
    """Who evaluates whom, for whom, on what basis."""

    commissioner: Words
    evaluator: Words
    lead_evaluator: Words
    subject: Words
    purpose: Words
    conflict_of_interest: Words


class Tables(Section):
    """Which values of the edition count, which units it assesses, what must add up.

    cumulative: cumulative indicator -> the one of single months or quarters. stale_months: the
    age at the as-of date beyond which a yearly, quarterly or monthly series is late.
    """

    accepted_confidence: tuple[Confidence, ...]
    assessed: tuple[str, ...] = ("district", "development_zone")
    additive: tuple[str, ...] = ()
    cumulative: dict[str, str] = Field(default_factory=dict)
    stale_months: dict[str, int] = Field(default_factory=dict)


class Composite(Section):
    """A scheme scored over all units of one kind in one period, and the period before it."""

    scheme: str
    kind: str
    period: str
    previous: str = ""


class Scoring(Section):
    """How values become scores; an empty name leaves the choice to the table of indicators.

    weights: how the indicators of a family are weighted: as in the table (blank), "equal", or from
    the data ("entropy", "critic", "pca"; refused below five units per indicator). max_winsorised:
    outliers that may be drawn in per indicator before scoring; 0: none are treated.
    composites: the schemes whose index is formed. special_block: a node that is scored apart, added
    as bonus or left inside, as `special` says.
    """

    scheme: str
    rule: str = ""
    aggregation: str = ""
    missing: str = ""
    full_marks_share: float = Field(ge=0, le=1)
    weights: str = ""
    max_winsorised: int = Field(ge=0, default=0)
    composites: tuple[Composite, ...] = ()
    special_block: str = ""
    special: Literal["apart", "bonus", "inside"] = "apart"

    def scenario(self) -> dict[str, str]:
        """Return the choices that replace those of the table: a run with any is a scenario."""
        choices = {"rule": self.rule, "aggregation": self.aggregation, "missing": self.missing}
        return {name: choice for name, choice in choices.items() if choice}


class WeightShift(Section):
    """A node whose share of the whole is raised, the points taken pro rata from all others."""

    scheme: str
    node: str
    shares: tuple[float, ...]


class RunPair(Section):
    """Two schemes in two periods over the same kind of unit, whose ranks are compared."""

    before: Composite
    after: Composite


class Robustness(Section):
    """What could have been chosen otherwise; a blank name is the choice of the framework.

    weights: half-width of the factor on every weight. interval: share of the draws between the ends
    of a rank interval. told_apart: share of the draws in which one of a pair must be ahead.
    """

    weights: float = Field(ge=0, lt=1)
    rules: tuple[str, ...] = ()
    aggregations: tuple[str, ...] = ()
    winsorised: tuple[int, ...] = ()
    missing: tuple[str, ...] = ()
    draws: int = Field(ge=1)
    samples: int = Field(ge=2)
    seed: int
    interval: float = Field(gt=0, lt=1)
    top: int = Field(ge=1)
    told_apart: float = Field(gt=0.5, le=1)
    weight_shift: WeightShift | None = None
    pair: RunPair | None = None


class MarkedYear(Words):
    """A year that is a poor base of comparison, and the words that say why."""

    year: int


class Environment(Section):
    """Which indicators are watched, when a period ranks, and what may be called a weak spot."""

    indicators: tuple[str, ...]
    shown_only: tuple[str, ...]
    needed_share: float = Field(gt=0, le=1)
    weak_share: float = Field(gt=0, lt=1)
    weak_periods: int = Field(ge=1)
    marked_years: tuple[MarkedYear, ...] = ()
    demonstration_scheme: str
    demonstration: dict[str, str]


class Economy(Section):
    """Which indicator is the total, which the published growth and share, and what the whole is."""

    total: str
    growth: str
    share: str
    whole: str
    groups: tuple[str, ...]
    targets: str


class Claims(Section):
    """With which series the claims about first places are also tested month by month."""

    monthly: tuple[str, ...]
    background_stations: tuple[str, ...] = ()


class Report(Section):
    """What the report puts first, and the words at the foot of each page."""

    focus_unit: str
    limits: Lists
    foot: Words


class Params(Section):
    """All parameters of an edition."""

    edition: Edition
    engagement: Engagement
    tables: Tables
    scoring: Scoring
    robustness: Robustness
    environment: Environment
    economy: Economy
    effect: Effect
    satisfaction: Satisfaction
    opinion: OpinionRule
    claims: Claims
    report: Report
    synthetic: Synthetic
