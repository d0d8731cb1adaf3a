"""How the three rates of the hotline are formed, and what their charts signal."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from haidian_eval.params.section import Section

Denominator = Literal["dispatched", "callback_reached", "answered"]
Share = Annotated[float, Field(gt=0, lt=1)]
BASICALLY = {"counts": 1.0, "half": 0.5, "no": 0.0}


class ChartRule(Section):
    """When a run chart signals.

    sigmas: distance of the limits from the centre. run: points in a row on one side of the centre.
    overdispersed: limits follow the spread that the series shows from month to month (Laney 2002).
    draws, seed: of series in which nothing changes, for the expected number of false alarms.
    """

    sigmas: float = Field(default=3.0, gt=0)
    run: int = Field(default=8, ge=2)
    overdispersed: bool = False
    draws: int = Field(default=5000, ge=100)
    seed: int = 0


class HotlineRule(Section):
    """What the rates of tickets are shares of; printed under each rate.

    response, resolution, satisfaction: all tickets dispatched, those whose caller the callback
    reached, or those with an answer; in the first two a ticket without an answer counts as not.
    basically: what basically satisfied counts for. exclusions_count: reasons of exclusion whose
    tickets count all the same. level: of intervals. ceiling: rate from which on little may be left
    to tell apart. indistinct: share of units not told from the overall rate at which the page
    warns. least_covered: share of the common mix in which a ranked unit must have tickets.
    """

    response: Denominator = "dispatched"
    resolution: Denominator = "callback_reached"
    satisfaction: Denominator = "callback_reached"
    basically: Literal["counts", "half", "no"] = "counts"
    exclusions_count: tuple[str, ...] = ()
    level: Share = 0.95
    ceiling: Share = 0.95
    indistinct: Share = 0.5
    least_covered: Share = 0.8
    chart: ChartRule = ChartRule()

    def sentence(self, rate: str) -> str:
        """Return the key of the sentence that says what a rate is a share of."""
        if rate == "contact":
            return "contact.dispatched"
        basis = f"{rate}.{getattr(self, rate)}"
        return f"{basis}.{self.basically}" if rate == "satisfaction" else basis
