"""Example events, who came to them and what was proposed, with the young and small under-represented."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from haidian_eval.params import ParticipationChoice, Section, read_toml
from haidian_eval.synthetic.marks import MARK, numbered, stream
from haidian_eval.synthetic.population import survey_plan
from haidian_eval.synthetic.values import ids
from haidian_eval.tables.contracts import contracts

SOURCE = f"{MARK}N1"
LEVELS = {"resident": "age_band", "enterprise": "size_class"}


class Kind(Section):
    """A kind of event: its share, who hosts it for whom, its topic, whether proposals are taken."""

    share: float
    host: str
    audience: str
    zh: str
    policy: bool = False
    proposing: bool = False


class ParticipationPlan(Section):
    """Everything about events that no edition chooses: participation.toml beside this module."""

    invited: float
    attended: float
    proposals: float
    due: int
    days: float
    open: float
    outcomes: dict[str, float]
    topics: tuple[str, ...]
    kinds: dict[str, Kind]
    turnout: dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class DrawnParticipation:
    """Events, participants and proposals, and who was expected to come.

    tables: events, participation. truth: population, variable, level, share (of the population),
    expected (of the participants).
    """

    tables: dict[str, pd.DataFrame]
    truth: pd.DataFrame


@cache
def participation_plan() -> ParticipationPlan:
    """Return what no edition chooses."""
    return ParticipationPlan.model_validate(
        read_toml(Path(__file__).with_name("participation.toml"))
    )


def draw_participation(chosen: ParticipationChoice, seed: int) -> DrawnParticipation:
    """Return the events of a year in the order of their dates, and what came of them."""
    held, truth = events(chosen, seed), turnout()
    rows = pd.concat([groups(held, truth, seed), proposals(held, seed)], ignore_index=True)
    rows = rows.sort_values("event_id", kind="stable", ignore_index=True)
    made = {
        "events": held,
        "participation": rows.assign(participation_id=numbered("PT", len(rows), digits=4)),
    }
    tables = {
        name: frame.assign(source_id=SOURCE).reindex(columns=list(contracts()[name].columns))
        for name, frame in made.items()
    }
    return DrawnParticipation(tables, truth)


def turnout() -> pd.DataFrame:
    """Return the share of each level in the population and, expected, among participants."""
    rows = []
    for name, column in LEVELS.items():
        shares = pd.Series(survey_plan().populations[name].shares[column])
        often = shares * pd.Series(participation_plan().turnout[name])
        found = pd.DataFrame({"share": shares, "expected": often / often.sum()})
        rows.append(
            found.rename_axis("level").reset_index().assign(population=name, variable=column)
        )
    columns = ["population", "variable", "level", "share", "expected"]
    return pd.concat(rows, ignore_index=True)[columns]


def events(chosen: ParticipationChoice, seed: int) -> pd.DataFrame:
    """Return what was held when and where by whom, with the numbers of persons."""
    plan, rng, count = participation_plan(), stream(seed, "events"), chosen.events
    chances = [one.share for one in plan.kinds.values()]
    names = rng.choice(list(plan.kinds), count, p=np.array(chances) / sum(chances))
    kinds = [plan.kinds[name] for name in names]
    days = np.sort(
        rng.choice(pd.bdate_range(f"{chosen.year}-01-02", f"{chosen.year}-11-30"), count)
    )
    hosts = [str(rng.choice(ids(kind.host))) for kind in kinds]
    streets = [
        host if kind.host == "street" else str(rng.choice(ids("street")))
        for host, kind in zip(hosts, kinds, strict=True)
    ]
    about = rng.choice(list(plan.topics), count)
    invited = 10 + rng.poisson(plan.invited - 10, count)
    return pd.DataFrame({
        "event_id": numbered("EV", count, digits=3), "kind": names,
        "held_on": pd.DatetimeIndex(days).strftime("%Y-%m-%d"), "host_id": hosts,
        "street_id": streets, "policy_id": [f"{MARK}P01" if kind.policy else "" for kind in kinds],
        "topic": [
            f"示例{kind.zh}" + (f"：{what}" if kind.host == "street" else "")
            for kind, what in zip(kinds, about, strict=True)
        ],
        "audience": [kind.audience for kind in kinds], "invited": invited,
        "attended": rng.binomial(invited, plan.attended),
    })  # fmt: skip


def groups(held: pd.DataFrame, truth: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return those who came to each event, a row per level of age or of size."""
    rng, parts = stream(seed, "participants"), []
    for event in held.itertuples():
        own = truth[truth["population"] == event.audience]
        rows = pd.DataFrame({
            "event_id": event.event_id, "population": event.audience, "street_id": event.street_id,
            LEVELS[event.audience]: own["level"],
            "persons": rng.multinomial(event.attended, own["expected"]),
        })  # fmt: skip
        parts.append(rows[rows["persons"] > 0])
    return pd.concat(parts, ignore_index=True)


def proposals(held: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return what was proposed at events that take proposals, with the replies in time or late."""
    plan, rng = participation_plan(), stream(seed, "proposals")
    taking = held[[plan.kinds[kind].proposing for kind in held["kind"]]]
    rows = taking.loc[taking.index.repeat(rng.poisson(plan.proposals, len(taking)))]
    day, count = pd.to_datetime(rows["held_on"]), len(rows)
    took = np.ceil(plan.days * np.exp(0.6 * rng.standard_normal(count)))
    waiting = rng.random(count) < plan.open
    outcome = rng.choice(list(plan.outcomes), count, p=list(plan.outcomes.values()))
    replied = (day + pd.to_timedelta(took, unit="D")).dt.strftime("%Y-%m-%d")
    return rows[["event_id", "street_id"]].assign(
        population=rows["audience"], persons=0, submitted_on=rows["held_on"],
        proposal=[f"改进{topic.removeprefix('示例')}的示例建议" for topic in rows["topic"]],
        due_on=(day + pd.Timedelta(days=plan.due)).dt.strftime("%Y-%m-%d"),
        replied_on=replied.mask(waiting, ""), outcome=np.where(waiting, "open", outcome),
    )  # fmt: skip
