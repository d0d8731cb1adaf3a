"""One indicator as the table describes it, and what its rules read of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from haidian_eval.errors import ParameterError

FULL_MARKS = 100.0
NO_POINTS = np.empty((0, 2))


@dataclass(frozen=True, slots=True)
class Leaf:
    """What the table says of one indicator; numbers that it leaves blank are missing.

    rule: its name; numbers: what stands behind the colon ("minmax:1,100"). low, high, target and
    challenge are in the unit of the values; cap, to_low and to_high in points. points: (at, score)
    pairs in ascending order, shape (k, 2).
    """

    name: str
    rule: str
    numbers: tuple[float, ...] = ()
    direction: str = "benefit"
    transform: str = "none"
    low: float = np.nan
    high: float = np.nan
    target: float = np.nan
    challenge: float = np.nan
    cap: float = np.nan
    to_low: float = np.nan
    to_high: float = np.nan
    points: Any = None

    @property
    def is_cost(self) -> bool:
        """Whether a lower value is the better one."""
        return self.direction == "cost"

    @property
    def ceiling(self) -> float:
        """The highest score allowed on the way to to_low..to_high, 100 where no cap is set."""
        low, high = np.nan_to_num(self.to_low), np.nan_to_num(self.to_high, nan=FULL_MARKS)
        share = FULL_MARKS * (self.cap - low) / (high - low)
        return FULL_MARKS if np.isnan(self.cap) else float(share)

    def need(self, *names: str) -> list[float]:
        """Return numbers that the rule cannot do without, or say which the table lacks."""
        found = [float(getattr(self, name)) for name in names]
        if lacking := [name for name, at in zip(names, found, strict=True) if np.isnan(at)]:
            said = " and ".join(lacking)
            raise ParameterError(
                f"{self.name}: {self.rule} needs {said} in the table of indicators"
            )
        return found

    def refuse(self, fault: str, advice: str) -> ParameterError:
        """Return the error that says what this rule cannot take, and what to do."""
        return ParameterError(f"{self.name}: {self.rule} {fault}; {advice}")


def parse_choice(text: str, what: str = "") -> tuple[str, tuple[float, ...]]:
    """Return name and numbers of a choice such as "zscore:10,2"."""
    name, _, behind = text.partition(":")
    try:
        numbers = tuple(float(part) for part in behind.split(",") if part.strip())
    except ValueError:
        numbers = (np.nan,)
    if not np.isfinite(numbers).all():
        raise ParameterError(f"{what or repr(text)}: numbers are expected behind the colon")
    return name.strip(), numbers
