"""Tickets of an example hotline: streets differ in what is asked of them and in how they do.

Whether a request is resolved follows from its category, its street and its month; whether who asked
is satisfied, from that; the callback reaches the satisfied a little more often. What it did not
reach is blank in the table and known in the truth.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from haidian_eval.params import HotlineChoice
from haidian_eval.synthetic.marks import numbered, stream
from haidian_eval.synthetic.told import Told, as_table, declared, picked, written
from haidian_eval.synthetic.values import ids

RATES = ["responded", "resolved", "satisfied", "reached"]


def draw_tickets(chosen: HotlineChoice, seed: int) -> Told:
    """Return the tickets of a year in the order of receipt, and their truth.

    Truth: by (blank: all; street_id, department_id, category_code, month), level, tickets (those
    not excluded), and as shares of all these, reached or not: responded, resolved, satisfied
    (basically or wholly), reached; effect (of a street, logarithm of the odds that like requests
    are resolved).
    """
    plan, rows = declared("hotline"), requests(chosen, seed)
    rng = stream(seed, "hotline", "streets")
    effect = pd.Series(chosen.street_sd * rng.standard_normal(len(ids("street"))), ids("street"))
    contact = pd.Series(chosen.contact_sd * rng.standard_normal(len(effect)), effect.index)
    happened = fates(chosen, rows, effect, contact, stream(seed, "hotline", "fates"))
    left_out = stream(seed, "hotline", "excluded")
    why = picked(left_out, plan["excluded"], len(rows))
    excluded = left_out.random(len(rows)) < chosen.excluded_share
    rows["excluded_reason"] = np.where(excluded, why, "")
    tickets = recorded(rows, happened, stream(seed, "hotline", "records"))
    truth = true_rates(rows.join(happened)[~excluded])
    truth["effect"] = truth["level"].map(effect)
    return Told({"tickets": as_table("tickets", tickets, plan["source"]["source_id"])}, truth)


def requests(chosen: HotlineChoice, seed: int) -> pd.DataFrame:
    """Return who asked what of whom and when."""
    plan, rng, count = declared("hotline"), stream(seed, "hotline", "requests"), chosen.tickets
    kinds, streets = plan["categories"], np.array(ids("street"))
    shares = np.array([one["share"] for one in kinds.values()])
    winter = np.array([one.get("winter", 1.0) for one in kinds.values()])
    days = pd.date_range(f"{chosen.year}-01-01", f"{chosen.year}-12-31")
    often = 1 + np.outer(days.month.isin([11, 12, 1, 2, 3]), winter - 1)
    daily = np.where(days.day_of_week >= 5, plan["weekend"], 1.0)
    cells = shares * often / often.mean(axis=0) * daily[:, None]
    drawn = rng.choice(cells.size, count, p=cells.ravel() / cells.sum())
    drawn = drawn[np.argsort(drawn // len(shares), kind="stable")]
    kind = drawn % len(shares)
    mixes = rng.dirichlet(plan["concentration"] * shares, len(streets)).T
    mixes = np.cumsum(mixes * rng.uniform(0.5, 1.5, len(streets)), axis=1)
    luck = rng.random(count) * mixes[kind, -1]
    lead = [rng.choice(one.get("departments", [0]), count) for one in kinds.values()]
    firm = np.array([one.get("firm", plan["firm"]) for one in kinds.values()])
    return pd.DataFrame({
        "received_on": days[drawn // len(shares)], "category_code": np.array(list(kinds))[kind],
        "street_id": streets[(mixes[kind] < luck[:, None]).sum(axis=1)],
        "department_id": np.array(["", *ids("department")])[np.array(lead)[kind, np.arange(count)]],
        "channel": picked(rng, plan["channels"], count),
        "from_enterprise": flags(rng.random(count) < firm[kind]),
    })  # fmt: skip


def fates(
    chosen: HotlineChoice, rows: pd.DataFrame, effect: pd.Series, contact: pd.Series, rng: Any
) -> pd.DataFrame:
    """Return what became of each request, known to nobody as a whole: true or false, by ticket."""
    plan, luck = declared("hotline"), rng.random((4, len(rows)))
    of = {name: one["resolved"] for name, one in plan["categories"].items()}
    odds = plan["resolved"] + rows["category_code"].map(of) + rows["street_id"].map(effect)
    odds = odds - chosen.special_drop * (rows["received_on"].dt.month == chosen.special)
    resolved = luck[1] < expit(odds)
    satisfied = luck[2] < expit(np.where(resolved, *plan["satisfied"]))
    reach = plan["contact"] + rows["street_id"].map(contact) + plan["contact_satisfied"] * satisfied
    found = (luck[0] < expit(plan["responded"]), resolved, satisfied, luck[3] < expit(reach))
    return pd.DataFrame(dict(zip(RATES, found, strict=True)))


def flags(true: Any) -> np.ndarray:
    """Return yes and no."""
    return np.where(true, "yes", "no")


def recorded(rows: pd.DataFrame, happened: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return what the hotline knows of it: of those whom the callback reached, and no more."""
    plan, count = declared("hotline"), len(rows)
    wait = (rng.random(count) >= plan["same_day"]).astype("int64")
    start = rows["received_on"] + pd.to_timedelta(wait, unit="D")
    hours = np.minimum(rng.gamma(2, plan["hours"] / 2, count).round(1), 23.9)
    hours = np.where(happened["responded"], hours, hours + 24)
    close = np.maximum(plan["days"] * np.exp(0.6 * rng.standard_normal(count)), hours / 24)
    after = (np.zeros(count), hours // 24, close // 1)
    dates = [written(start + pd.to_timedelta(days, unit="D")) for days in after]
    kind = np.where(rng.random(count) < plan["fully"], "satisfied", "basically")
    satisfied = np.where(happened["satisfied"], kind, "dissatisfied")
    kept = rows["excluded_reason"] == ""
    called = kept & happened["reached"]
    return rows.assign(
        ticket_id=numbered("T", count, digits=7), received_on=written(rows["received_on"]),
        dispatched_on=dates[0], responded_on=dates[1].where(kept, ""),
        closed_on=dates[2].where(kept, ""), response_hours=np.where(kept, hours, np.nan),
        callback_reached=np.where(kept, flags(happened["reached"]), ""),
        responded=np.where(kept, flags(happened["responded"]), ""),
        resolved=np.where(called, flags(happened["resolved"]), ""),
        satisfied=np.where(called, satisfied, ""),
    )  # fmt: skip


def true_rates(known: pd.DataFrame) -> pd.DataFrame:
    """Return the shares of all tickets that were not excluded, whoever was reached."""
    known = known.assign(month=known["received_on"].dt.strftime("%Y-%m"), all="all")
    parts = []
    for by in ("all", "street_id", "department_id", "category_code", "month"):
        own = known[known[by] != ""].groupby(by)
        rates = own[RATES].mean().assign(tickets=own.size(), by=by)
        parts.append(rates.rename_axis("level").reset_index())
    whole = pd.concat(parts, ignore_index=True)[["by", "level", "tickets", *RATES]]
    return whole.replace({"by": {"all": ""}, "level": {"all": ""}})
