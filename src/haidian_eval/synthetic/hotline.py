"""Tickets of an example hotline: streets differ in what is asked of them and in how they do.

Whether a request is resolved follows from its category, its street and its month; whether who asked
is satisfied, from that; the callback reaches the satisfied a little more often. What a callback did
not reach is blank in the table and known in the truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from haidian_eval.params import HotlineChoice, Section, read_toml
from haidian_eval.synthetic.marks import MARK, numbered, stream
from haidian_eval.synthetic.values import ids
from haidian_eval.tables.contracts import contracts

SOURCE = f"{MARK}T1"
RATES = ["responded", "resolved", "satisfied", "reached"]


class Category(Section):
    """A kind of request: its share, how it is resolved, which departments answer for it."""

    share: float
    resolved: float
    departments: tuple[int, ...] = ()
    winter: float = 1.0
    firm: float = 0.02


class HotlinePlan(Section):
    """Everything about the tickets that no edition chooses: hotline.toml beside this module."""

    departments: int
    concentration: float
    weekend: float
    same_day: float
    responded: float
    hours: float
    days: float
    resolved: float
    satisfied: tuple[float, float]
    fully: float
    contact: float
    contact_satisfied: float
    channels: dict[str, float]
    excluded: dict[str, float]
    categories: dict[str, Category]


@dataclass(frozen=True, slots=True)
class DrawnTickets:
    """The tickets and what was true of them.

    tickets: columns of the contract. truth: by (blank: all; street_id, department_id,
    category_code, month), level, tickets (those not excluded), responded, resolved, satisfied
    (basically or wholly, of all of them, reached or not), reached (shares). streets: street_id,
    effect (logarithm of the odds that like requests are resolved).
    """

    tickets: pd.DataFrame
    truth: pd.DataFrame
    streets: pd.DataFrame


@cache
def hotline_plan() -> HotlinePlan:
    """Return what no edition chooses."""
    return HotlinePlan.model_validate(read_toml(Path(__file__).with_name("hotline.toml")))


def draw_tickets(chosen: HotlineChoice, seed: int) -> DrawnTickets:
    """Return the tickets of a year in the order of receipt, and their truth."""
    rng = stream(seed, "hotline", "streets")
    streets = pd.Series(chosen.street_sd * rng.standard_normal(len(ids("street"))), ids("street"))
    rows = requests(chosen, seed)
    happened = fates(chosen, rows, streets, seed)
    left_out = stream(seed, "hotline", "excluded")
    reasons = hotline_plan().excluded
    why = left_out.choice(list(reasons), len(rows), p=list(reasons.values()))
    excluded = left_out.random(len(rows)) < chosen.excluded_share
    rows["excluded_reason"] = np.where(excluded, why, "")
    tickets = recorded(rows, happened, seed)
    truth = true_rates(rows.join(happened)[~excluded])
    effects = streets.rename_axis("street_id").reset_index(name="effect")
    return DrawnTickets(tickets, truth, effects)


def requests(chosen: HotlineChoice, seed: int) -> pd.DataFrame:
    """Return who asked what of whom and when: the day, then the category, street, department."""
    plan, rng, count = hotline_plan(), stream(seed, "hotline", "requests"), chosen.tickets
    days = pd.date_range(f"{chosen.year}-01-01", f"{chosen.year}-12-31")
    shares = np.array([one.share for one in plan.categories.values()])
    cold = np.where(days.month.isin([11, 12, 1, 2, 3])[:, None], 1.0, 0.0)
    often = 1 + cold * np.array([one.winter - 1 for one in plan.categories.values()])
    daily = np.where(days.dayofweek >= 5, plan.weekend, 1.0)
    cells = shares * often / often.mean(axis=0) * daily[:, None]
    drawn = rng.choice(cells.size, count, p=cells.ravel() / cells.sum())
    drawn = drawn[np.argsort(drawn // len(shares), kind="stable")]
    category = drawn % len(shares)
    load = rng.uniform(0.5, 1.5, len(ids("street")))
    mixes = rng.dirichlet(plan.concentration * shares, len(load)) * load[:, None]
    street = [rng.choice(len(load), p=mixes[:, one] / mixes[:, one].sum()) for one in category]
    names = np.array(["", *ids("department")])
    lead = [rng.choice(one.departments or (0,), count) for one in plan.categories.values()]
    firm = np.array([one.firm for one in plan.categories.values()])
    return pd.DataFrame({
        "received_on": days[drawn // len(shares)], "street_id": np.array(ids("street"))[street],
        "category_code": np.array(list(plan.categories))[category],
        "department_id": names[np.array(lead)[category, np.arange(count)]],
        "channel": rng.choice(list(plan.channels), count, p=list(plan.channels.values())),
        "from_enterprise": flags(rng.random(count) < firm[category]),
    })  # fmt: skip


def fates(chosen: HotlineChoice, rows: pd.DataFrame, streets: pd.Series, seed: int) -> pd.DataFrame:
    """Return what became of each request, known to nobody as a whole: yes and no, by ticket."""
    plan, rng = hotline_plan(), stream(seed, "hotline", "fates")
    luck = rng.random((4, len(rows)))
    of = {name: one.resolved for name, one in plan.categories.items()}
    odds = plan.resolved + rows["category_code"].map(of) + rows["street_id"].map(streets)
    odds = odds - chosen.special_drop * (rows["received_on"].dt.month == chosen.special)
    resolved = luck[1] < chance(odds)
    satisfied = luck[2] < chance(np.where(resolved, *plan.satisfied))
    reach = plan.contact + chosen.contact_sd * rng.standard_normal(len(streets))
    of_street = rows["street_id"].map(pd.Series(reach, streets.index))
    reached = luck[3] < chance(of_street + plan.contact_satisfied * satisfied)
    return pd.DataFrame({
        "responded": luck[0] < chance(plan.responded), "resolved": resolved,
        "satisfied": satisfied, "reached": reached,
    })  # fmt: skip


def chance(odds: object) -> np.ndarray:
    """Return the probability of which these are the logarithms of the odds."""
    return np.asarray(1 / (1 + np.exp(-np.asarray(odds, dtype="float64"))))


def flags(true: np.ndarray) -> np.ndarray:
    """Return yes and no."""
    return np.where(true, "yes", "no")


def recorded(rows: pd.DataFrame, happened: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return what the hotline knows of it: of those whom the callback reached, and no more."""
    plan, rng, count = hotline_plan(), stream(seed, "hotline", "records"), len(rows)
    wait = (rng.random(count) >= plan.same_day).astype("int64")
    dispatched = rows["received_on"] + pd.to_timedelta(wait, unit="D")
    hours = rng.gamma(2, plan.hours / 2, count).round(1)
    hours = np.where(happened["responded"], np.minimum(hours, 23.9), hours + 24)
    closed = np.maximum(plan.days * np.exp(0.6 * rng.standard_normal(count)), hours // 24)
    kind = np.where(rng.random(count) < plan.fully, "satisfied", "basically")
    kept = rows["excluded_reason"] == ""
    known = kept & happened["reached"]
    tickets = rows.assign(
        ticket_id=numbered("T", count, digits=7), source_id=SOURCE,
        received_on=rows["received_on"].dt.strftime("%Y-%m-%d"),
        dispatched_on=later(dispatched, np.zeros(count)),
        responded_on=later(dispatched, hours // 24).where(kept, ""),
        closed_on=later(dispatched, closed // 1).where(kept, ""),
        response_hours=np.where(kept, hours, np.nan),
        callback_reached=np.where(kept, flags(happened["reached"]), ""),
        responded=np.where(kept, flags(happened["responded"]), ""),
        resolved=np.where(known, flags(happened["resolved"]), ""),
        satisfied=np.where(known, np.where(happened["satisfied"], kind, "dissatisfied"), ""),
    )  # fmt: skip
    return tickets[list(contracts()["tickets"].columns)]


def later(day: pd.Series, days: np.ndarray) -> pd.Series:
    """Return dates so many days after others, as written."""
    return (day + pd.to_timedelta(days, unit="D")).dt.strftime("%Y-%m-%d")


def true_rates(known: pd.DataFrame) -> pd.DataFrame:
    """Return the shares of all tickets that were not excluded, whoever was reached."""
    known = known.assign(month=known["received_on"].dt.strftime("%Y-%m"), all="")
    parts = []
    for by in ("all", "street_id", "department_id", "category_code", "month"):
        own = known[(known[by] != "") | (by == "all")].groupby(by)
        rates = own[RATES].mean().assign(tickets=own.size(), by=by.replace("all", ""))
        parts.append(rates.rename_axis("level").reset_index())
    return pd.concat(parts, ignore_index=True)[["by", "level", "tickets", *RATES]]
