"""Example events, who came, what was proposed; the young and the smallest firms hardly come."""

from __future__ import annotations

import numpy as np
import pandas as pd

from haidian_eval.params import ParticipationChoice
from haidian_eval.synthetic.marks import MARK, numbered, stream
from haidian_eval.synthetic.told import Told, as_table, declared, picked, written
from haidian_eval.synthetic.values import ids

LEVELS = {"resident": "age_band", "enterprise": "size_class"}


def draw_participation(chosen: ParticipationChoice, seed: int) -> Told:
    """Return the events of a year in the order of their dates, and what came of them.

    Tables: events, participation. Truth: population, variable, level, share (of the population),
    expected (of the participants).
    """
    held, truth = events(chosen, seed), turnout()
    rows = pd.concat([groups(held, truth, seed), proposals(held, seed)], ignore_index=True)
    rows = rows.sort_values("event_id", kind="stable", ignore_index=True)
    rows["participation_id"] = numbered("PT", len(rows), digits=4)
    source = declared("participation")["source"]["source_id"]
    made = {"events": held, "participation": rows}
    return Told({name: as_table(name, own, source) for name, own in made.items()}, truth)


def turnout() -> pd.DataFrame:
    """Return the share of each level in the population and, expected, among participants."""
    rows = []
    for name, column in LEVELS.items():
        shares = pd.Series(declared("survey")["populations"][name]["shares"][column])
        often = shares * pd.Series(declared("participation")["turnout"][name])
        found = pd.DataFrame({"share": shares, "expected": often / often.sum()})
        label = {"population": name, "variable": column}
        rows.append(found.rename_axis("level").reset_index().assign(**label))
    columns = ["population", "variable", "level", "share", "expected"]
    return pd.concat(rows, ignore_index=True)[columns]


def events(chosen: ParticipationChoice, seed: int) -> pd.DataFrame:
    """Return what was held when and where by whom, with the numbers of persons."""
    plan, rng, count = declared("participation"), stream(seed, "events"), chosen.events
    names = picked(rng, {name: one["share"] for name, one in plan["kinds"].items()}, count)
    kinds = pd.DataFrame([plan["kinds"][name] for name in names])
    days = pd.bdate_range(f"{chosen.year}-01-02", f"{chosen.year}-11-30")
    in_street = kinds["host"] == "street"
    streets, offices = (rng.choice(ids(kind), count) for kind in ("street", "department"))
    topics = rng.choice(plan["topics"], count)
    invited = 10 + rng.poisson(plan["invited"] - 10, count)
    return pd.DataFrame({
        "event_id": numbered("EV", count, digits=3), "kind": names, "street_id": streets,
        "held_on": written(np.sort(rng.choice(days, count))),
        "host_id": np.where(in_street, streets, offices),
        "policy_id": np.where(kinds["about"] == "policy", f"{MARK}P01", ""),
        "topic": "示例" + kinds["zh"] + np.where(in_street, "：" + pd.Series(topics), ""),
        "audience": kinds["audience"], "invited": invited,
        "attended": rng.binomial(invited, plan["attended"]),
    })  # fmt: skip


def groups(held: pd.DataFrame, truth: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return those who came to each event, a row per level of age or of size."""
    rng, parts = stream(seed, "participants"), []
    for event in held.to_dict("records"):
        own = truth[truth["population"] == event["audience"]]
        label = {"event_id": event["event_id"], "street_id": event["street_id"]}
        rows = own[["population", "level"]].rename(columns={"level": LEVELS[event["audience"]]})
        parts.append(
            rows.assign(persons=rng.multinomial(event["attended"], own["expected"]), **label)
        )
    whole = pd.concat(parts, ignore_index=True)
    return whole[whole["persons"] > 0]


def proposals(held: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return what was proposed at events that take proposals, with the replies in time or late."""
    plan, rng = declared("participation"), stream(seed, "proposals")
    taking = held[held["kind"].isin(plan["proposing"])]
    rows = taking.loc[taking.index.repeat(rng.poisson(plan["proposals"], len(taking)))]
    day, count = pd.to_datetime(rows["held_on"]), len(rows)
    took = np.ceil(plan["days"] * np.exp(0.6 * rng.standard_normal(count)))
    waiting = rng.random(count) < plan["open"]
    outcome = picked(rng, plan["outcomes"], count)
    return rows[["event_id", "street_id"]].assign(
        population=rows["audience"], persons=0, submitted_on=rows["held_on"],
        proposal="改进" + rows["topic"].str.removeprefix("示例") + "的示例建议",
        due_on=written(day + pd.Timedelta(days=plan["due"])),
        replied_on=written(day + pd.to_timedelta(took, unit="D")).mask(waiting, ""),
        outcome=np.where(waiting, "open", outcome),
    )  # fmt: skip
