"""How a policy is judged: what is measured, how, and by which rule; fixed before the data."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import Annotated, Literal

from pydantic import Field

from haidian_eval.params.section import Section

PLAN = ("policy", "primary", "exploratory", "unmoved", "window", "shift", "verdict")


class Outcome(Section):
    """A column of the panel; "log": effects are differences of logarithms, zeros are left out.

    wanted: whether the policy means it to rise or to fall.
    """

    column: str
    scale: Literal["log", "level"] = "level"
    wanted: Literal["rise", "fall"] = "rise"


class VerdictRule(Section):
    """When a verdict is reached; shares of one and units of the primary outcome.

    significance: of every test. tests: which must all reject. worthwhile: the smallest effect worth
    having. power: of the smallest detectable effect. treated, others: fewest parks that adopt, and
    that do not. pretrend_power: fewest chances of seeing a trend that would explain the effect.
    left_out: share of the effect that must be left without any one park. breakdown,
    least_breakdown: multiples of the differences before adoption that an effect must outlast to be
    effective, and to be partly so.
    """

    significance: float = Field(gt=0, lt=0.5)
    tests: tuple[Literal["cr2", "wild", "randomisation", "jackknife"], ...] = Field(min_length=1)
    worthwhile: float = Field(gt=0)
    power: float = Field(gt=0.5, lt=1)
    treated: int = Field(ge=1)
    others: int = Field(ge=1)
    pretrend_power: float = Field(ge=0, lt=1)
    left_out: float = Field(ge=0, le=1)
    breakdown: float = Field(ge=0)
    least_breakdown: float = Field(ge=0)


class Registered(Section):
    """On which day the plan was fixed, and the checksum that it had."""

    on: dt.date
    checksum: str


class Effect(Section):
    """How the effect of a policy on its parks is judged.

    policy: its id in the panel. primary: the one outcome that decides. exploratory: others, never
    decisive. unmoved: an outcome that the policy should not move. balance: columns compared before
    the first adoption. window: periods since adoption that are shown. shift: periods of the placebo
    adoption. magnitudes: of differences before adoption. draws, null_panels, null_draws, seed: of
    the simulations.
    """

    policy: str
    primary: Outcome
    exploratory: tuple[Outcome, ...] = ()
    unmoved: Outcome | None = None
    balance: tuple[str, ...] = ()
    window: tuple[Annotated[int, Field(le=-2)], Annotated[int, Field(ge=0)]] = (-4, 4)
    shift: int = Field(default=2, ge=1)
    magnitudes: tuple[float, ...] = Field(default=(0.5, 1.0, 1.5, 2.0), min_length=1)
    draws: int = Field(default=9999, ge=99)
    null_panels: int = Field(default=1000, ge=1)
    null_draws: int = Field(default=499, ge=19)
    seed: int = 0
    verdict: VerdictRule
    registered: Registered | None = None

    @property
    def plan(self) -> str:
        """The SHA-256 of what was planned: policy, outcomes, window, rule; no draws, no seeds."""
        plan = self.model_dump(mode="json", include=set(PLAN))
        return hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()

    @property
    def planned_on(self) -> str:
        """The day on which this very plan was fixed; blank for a plan that was changed since."""
        kept = self.registered is not None and self.registered.checksum == self.plan
        return str(self.registered.on) if self.registered is not None and kept else ""
