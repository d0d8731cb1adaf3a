"""How made-up tables are drawn."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from haidian_eval.params.section import Section

Quarter = Annotated[str, Field(pattern=r"^[1-9]\d{3}Q[1-4]$")]


class Cohort(Section):
    """How many example parks adopt the example policy in one quarter."""

    adopted_in: Quarter
    parks: int = Field(ge=1)


class NotHandedIn(Section):
    """A quarter for which a park (1: the first) handed in nothing: its rows are left out."""

    park: int = Field(ge=1)
    period: Quarter


class PanelChoice(Section):
    """How the example park panel is drawn; effects and errors are in logarithms.

    first, quarters: the periods. cohorts: the first parks, in this order; all others never adopt.
    tracked: parks tracked from the first period on, adopters first. effect, growth, largest: effect
    on revenue in the quarter of adoption, what each later one adds, what its size never exceeds.
    rd_effect: effect on R&D. anticipation: quarters that effects begin early. pre_trend: growth per
    quarter that adopting parks have anyway. spillover: share of the adopting parks' mean effect
    that parks felt which never adopt. missing_share: firm-quarters whose outcomes are blank.
    park_sd, park_rho, firm_sd, firm_rho: stationary spread and memory, from one quarter to the
    next, of the errors of revenue.
    """

    parks: int = Field(default=14, ge=1)
    firms_per_park: int = Field(default=15, ge=1)
    first: Quarter = "2022Q1"
    quarters: int = Field(default=12, ge=1)
    cohorts: tuple[Cohort, ...] = (
        Cohort(adopted_in="2022Q2", parks=1), Cohort(adopted_in="2023Q1", parks=3),
        Cohort(adopted_in="2023Q3", parks=3),
    )  # fmt: skip
    tracked: int = Field(default=10, ge=0)
    effect: float = 0.08
    growth: float = 0.01
    largest: float = Field(default=0.12, ge=0)
    rd_effect: float = 0.05
    anticipation: int = Field(default=0, ge=0)
    pre_trend: float = 0.0
    spillover: float = 0.0
    missing_share: float = Field(default=0.0, ge=0, lt=1)
    missing_quarters: tuple[NotHandedIn, ...] = ()
    park_sd: float = Field(default=0.015, ge=0)
    park_rho: float = Field(default=0.4, gt=-1, lt=1)
    firm_sd: float = Field(default=0.08, ge=0)
    firm_rho: float = Field(default=0.5, gt=-1, lt=1)


class SurveyChoice(Section):
    """How the example surveys are drawn: of firms by strata, of residents by communities.

    waves: two years. firms, residents: in the frames, of which a share is ineligible. parks: of the
    example parks in which firms sit. communities_drawn: of each street; community_issued: persons
    of each. overlap: share of the first wave that is issued again. response: factor on the
    probabilities to respond. change: what the second wave adds to how everybody is disposed, in
    standard deviations of that among like units.
    """

    waves: tuple[int, int] = (2023, 2024)
    firms: int = Field(default=6000, ge=200)
    firms_issued: int = Field(default=1300, ge=64)
    parks: int = Field(default=14, ge=1)
    residents: int = Field(default=40000, ge=5000)
    communities_drawn: int = Field(default=4, ge=1)
    community_issued: int = Field(default=16, ge=1)
    ineligible: float = Field(default=0.03, ge=0, lt=1)
    overlap: float = Field(default=0.4, ge=0, le=1)
    response: float = Field(default=1.0, gt=0)
    change: float = 0.4


class HotlineChoice(Section):
    """How the example tickets are drawn.

    special: the month (1 to 12) in which `special_drop` is taken from the logarithm of the odds
    that a request is resolved. street_sd: spread between streets of these odds for like requests;
    contact_sd: of the odds that the callback reaches who called.
    """

    year: int = 2024
    tickets: int = Field(default=12000, ge=100)
    special: int = Field(default=8, ge=1, le=12)
    special_drop: float = 1.0
    street_sd: float = Field(default=0.35, ge=0)
    contact_sd: float = Field(default=0.3, ge=0)
    excluded_share: float = Field(default=0.04, ge=0, lt=1)


class ParticipationChoice(Section):
    """How the example events and what came of them are drawn: the year, how many events."""

    year: int = 2024
    events: int = Field(default=60, ge=1)


class CommentsChoice(Section):
    """How example comments and interviews are drawn; shares of one.

    comments, interviews: documents, of one or two and of four to six segments. mood: spread of the
    mood of documents, in log odds. second, aside, named: segments with a second point, with a
    remark on another theme, with somebody's name. copies: near-duplicates in documents of their
    own. doubly, singly: segments coded by two coders and by one; the others are not coded.
    theme_error, polarity_error: how often a coder errs.
    """

    comments: int = Field(default=400, ge=1)
    interviews: int = Field(default=40, ge=1)
    mood: float = Field(default=0.5, ge=0)
    second: float = Field(default=0.35, ge=0, le=1)
    aside: float = Field(default=0.25, ge=0, le=1)
    named: float = Field(default=0.05, ge=0, le=1)
    copies: int = Field(default=18, ge=0)
    doubly: float = Field(default=0.5, ge=0, le=1)
    singly: float = Field(default=0.15, ge=0, le=1)
    theme_error: float = Field(default=0.06, ge=0, le=1)
    polarity_error: float = Field(default=0.05, ge=0, le=1)


class Synthetic(Section):
    """How made-up tables are drawn: the seed, the latest year, the share of values left out.

    panel: park panel, survey, hotline, participation, comments (with interviews): without one its
    tables are not drawn.
    """

    seed: int = Field(ge=0)
    year: int | None = None  # blank: that of the edition
    missing_share: float = Field(default=0.0, ge=0, lt=1)
    panel: PanelChoice | None = None
    survey: SurveyChoice | None = None
    hotline: HotlineChoice | None = None
    participation: ParticipationChoice | None = None
    comments: CommentsChoice | None = None
