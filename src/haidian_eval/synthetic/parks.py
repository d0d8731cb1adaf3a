"""Example parks and the example policy: their names, their rows, and what no edition chooses."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd

from haidian_eval.params import PanelChoice, Section, Words, read_toml
from haidian_eval.synthetic.marks import MARK, numbered
from haidian_eval.tables.contracts import contracts


class Named(Words):
    """What examples of a kind are called before their number."""

    prefix: str


class Outcome(Section):
    """How an outcome in logarithms moves; errors as multiples of those of revenue."""

    noise: float
    spread: float
    trend: float
    shock: float
    season: tuple[float, float, float, float]
    step: int


class Parks(Section):
    """What a park has at the start, and how many firms come and go in a quarter."""

    firms: float
    spread: float
    new_firms: float
    closed: float
    high_tech: float


class PanelPlan(Section):
    """Everything about the panel that no edition chooses: panel.toml beside this module."""

    eligible: float
    applications: float
    firm_prefix: str
    park: Named
    policy: dict[str, str]
    parks: Parks
    outcomes: dict[str, Outcome]
    sizes: dict[str, dict[str, float]]
    industries: dict[str, float]


@cache
def panel_plan() -> PanelPlan:
    """Return what no edition chooses."""
    return PanelPlan.model_validate(read_toml(Path(__file__).with_name("panel.toml")))


def park_ids(chosen: PanelChoice) -> list[str]:
    """Return the ids of the example parks."""
    return numbered(panel_plan().park.prefix, chosen.parks, digits=2)


def quarter_of(period: str) -> int:
    """Return a quarter as a number that grows by one from each quarter to the next."""
    return 4 * int(period[:4]) + int(period[5]) - 1


def park_units(chosen: PanelChoice) -> pd.DataFrame:
    """Return the example parks as rows of `units`."""
    named, ids = panel_plan().park, park_ids(chosen)
    numbers = [unit.removeprefix(f"{MARK}{named.prefix}") for unit in ids]
    rows = pd.DataFrame({
        "unit_id": ids, "unit_type": "park",
        "name_zh": [f"{named.zh}{number}" for number in numbers],
        "name_en": [f"{named.en} {number}" for number in numbers],
    })  # fmt: skip
    return rows.reindex(columns=contracts()["units"].needed, fill_value="")


def example_policy(chosen: PanelChoice) -> pd.DataFrame:
    """Return the example policy as a row of `policies`, in force when the first park adopts it."""
    adopted = min((cohort.adopted_in for cohort in chosen.cohorts), default=chosen.first)
    day = f"{adopted[:4]}-{3 * int(adopted[5]) - 2:02d}-01"
    row = panel_plan().policy | {"issued": day, "effective_from": day, "source_id": f"{MARK}D1"}
    columns = [name for name in contracts()["policies"].columns if name in row]
    return pd.DataFrame([row], columns=columns)
