"""How satisfaction is measured: which surveys, held against which population, told with what."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from haidian_eval.params.hotline import HotlineRule
from haidian_eval.params.section import Section

Share = Annotated[float, Field(gt=0, lt=1)]


class Surveyed(Section):
    """One population that was asked.

    margins: variables of control_totals to which answers are raked. domains: background columns by
    which the rate is told. explained_by: those of the ordinal model.
    """

    population: Literal["enterprise", "resident", "parent"]
    margins: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    explained_by: tuple[str, ...] = ()


class Satisfaction(Section):
    """What the page of surveys, the hotline and participation tells, and how sure.

    wave, before: the year that is told, and the one it is compared with. threshold: respondents
    below whom nothing is told. level, interval: of all intervals of rates. singleton: what a
    stratum with one sampling unit does. draws, seed: of the intervals of drivers. told_apart: two
    rates, power: chance of telling them apart for the n that is asked after. hotline: its rates.
    """

    wave: str
    before: str
    surveys: tuple[Surveyed, ...]
    threshold: int = Field(ge=1)
    level: Share = 0.95
    interval: Literal["t", "normal", "logit", "wilson", "beta"] = "logit"
    singleton: Literal["fail", "remove", "adjust", "average", "certainty"] = "fail"
    draws: int = Field(default=999, ge=19)
    seed: int = 0
    told_apart: tuple[Share, Share] = (0.92, 0.90)
    power: Share = 0.8
    hotline: HotlineRule = HotlineRule()
