"""Example firms and residents whose opinions are all known: drawn from a seed, stored nowhere.

How a unit is disposed: f = effects of what it is and of where it is + sqrt(l) a + sqrt(1 - l) b,
where a lasts and b belongs to the wave. A driver z = drift + loading f + sqrt(1 - loading^2) e; the
overall item follows from the drivers by their importance, loyalty from the overall item as a
driver does from f. The answer is the place of centre + z between the cuts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from haidian_eval.params import Section, SurveyChoice, Words, read_toml
from haidian_eval.synthetic.marks import MARK, numbered, stream
from haidian_eval.synthetic.values import ids


class Item(Section):
    """A question and what decides its answers; silent: reason -> share who do not answer it."""

    role: str
    dimension: str
    centre: float
    loading: float = 0.75
    importance: float = 0.0
    drift: float = 0.0  # what the later wave adds
    silent: dict[str, float]


class Asked(Section):
    """A population: levels of its columns by share, by effect and by probability to respond.

    spread: column of a place -> standard deviation of its effects. sample: shares of the issued.
    """

    prefix: str
    stratum: str
    frame: str
    versions: tuple[str, str]
    controls: tuple[str, ...]
    in_parks: float = 0.0
    areas: int = 1
    communities: tuple[int, int] = (1, 1)
    shares: dict[str, dict[str, float]]
    sample: dict[str, dict[str, float]] = {}
    effects: dict[str, dict[str, float]]
    spread: dict[str, float]
    response: dict[str, dict[str, float]]
    modes: dict[str, float]
    items: dict[str, Item]


class Version(Section):
    """A version of a questionnaire: how it is weighted, its scale, its questions in words."""

    weighting: str
    satisfied_from: int
    scale: str
    items: dict[str, Words]


class SurveyPlan(Section):
    """Everything about the surveys that no edition chooses: survey.toml beside this module."""

    cuts: tuple[float, ...]
    lasting: float
    noise: float
    lost: dict[str, float]
    populations: dict[str, Asked]
    versions: dict[str, Version]


@dataclass(frozen=True, slots=True)
class Population:
    """A frame and what everybody in it thinks.

    units: respondent_id, stratum_id, psu_id, street_id, park_id, size_class, age_band, sex (blank
    where they do not apply), eligible, respond (probability). answers: a frame per wave, unit x
    item, 1 to 5.
    """

    name: str
    units: pd.DataFrame
    answers: tuple[pd.DataFrame, pd.DataFrame]


@cache
def survey_plan() -> SurveyPlan:
    """Return what no edition chooses."""
    return SurveyPlan.model_validate(read_toml(Path(__file__).with_name("survey.toml")))


def known(chosen: SurveyChoice, seed: int) -> dict[str, Population]:
    """Return the populations by name."""
    drawn = {"enterprise": firms(chosen, seed), "resident": residents(chosen, seed)}
    return {name: finished(name, units, chosen, seed) for name, units in drawn.items()}


def firms(chosen: SurveyChoice, seed: int) -> pd.DataFrame:
    """Return where each firm is and its stratum: size class x parks or a group of streets."""
    asked, rng = survey_plan().populations["enterprise"], stream(seed, "survey", "firms")
    streets, parks = np.array(ids("street")), np.array(numbered("PARK", chosen.parks, digits=2))
    street = rng.choice(len(streets), chosen.firms, p=uneven(rng, len(streets)))
    park = rng.choice(len(parks), chosen.firms, p=uneven(rng, len(parks)))
    inside = rng.random(chosen.firms) < asked.in_parks
    street = np.where(inside, park * len(streets) // len(parks), street)
    size = classes(asked, "size_class", rng, chosen.firms)
    area = np.where(inside, 0, 1 + street * asked.areas // len(streets))
    places = pd.Index(list(asked.shares["size_class"])).get_indexer(size) * (1 + asked.areas) + area
    strata = np.array(numbered(asked.stratum, len(asked.shares["size_class"]) * (1 + asked.areas)))
    return pd.DataFrame({
        "stratum_id": strata[places], "psu_id": strata[places], "street_id": streets[street],
        "park_id": np.where(inside, parks[park], ""), "size_class": size, "age_band": "", "sex": "",
    })  # fmt: skip


def residents(chosen: SurveyChoice, seed: int) -> pd.DataFrame:
    """Return in which community of which street each resident lives; streets are the strata."""
    asked, rng = survey_plan().populations["resident"], stream(seed, "survey", "residents")
    streets = np.array(ids("street"))
    strata = np.array(numbered(asked.stratum, len(streets)))
    least, most = asked.communities
    number = rng.integers(least, most + 1, len(streets))
    street = np.repeat(np.arange(len(streets)), number)
    place = np.concatenate([np.arange(1, count + 1) for count in number])
    lives = rng.choice(len(street), chosen.residents, p=uneven(rng, len(street)))
    community = np.array([
        f"{strata[at]}-{one:02d}" for at, one in zip(street, place, strict=True)
    ])  # fmt: skip
    own = {name: classes(asked, name, rng, chosen.residents) for name in asked.shares}
    at = street[lives]
    return pd.DataFrame({
        "stratum_id": strata[at], "psu_id": community[lives], "street_id": streets[at],
        "park_id": "", "size_class": "", **own,
    })  # fmt: skip


def uneven(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return shares between which the largest is thrice the smallest at most."""
    weights = rng.uniform(0.5, 1.5, count)
    return weights / weights.sum()


def classes(asked: Asked, column: str, rng: np.random.Generator, count: int) -> np.ndarray:
    """Return a level of a column for each unit, by the shares of the plan."""
    shares = asked.shares[column]
    return np.array(list(shares))[rng.choice(len(shares), count, p=list(shares.values()))]


def finished(name: str, units: pd.DataFrame, chosen: SurveyChoice, seed: int) -> Population:
    """Return a population with pseudonyms in no order, with who is in scope and who responds."""
    asked, rng = survey_plan().populations[name], stream(seed, "survey", name, "state")
    odds = [units[column].map(by) for column, by in asked.response.items()]
    units = units.assign(
        respondent_id=rng.permutation(np.array(numbered(asked.prefix, len(units)))),
        eligible=rng.random(len(units)) >= chosen.ineligible,
        respond=np.minimum(np.prod(odds, axis=0) * chosen.response, 1),
    )
    effects = [units[column].map(by).to_numpy() for column, by in asked.effects.items()]
    for column, spread in asked.spread.items():
        places, of = np.unique(units[column].to_numpy(str), return_inverse=True)
        drawn = spread * stream(seed, "survey", name, column).standard_normal(len(places))
        effects.append(np.where(places == "", 0, drawn)[of])
    fixed, lasting = np.sum(effects, axis=0), survey_plan().lasting
    fixed = fixed + np.sqrt(lasting) * rng.standard_normal(len(units))
    first, second = (thought(name, fixed, chosen, seed, place) for place in (0, 1))
    return Population(name, units, (first, second))


def thought(
    name: str, fixed: np.ndarray, chosen: SurveyChoice, seed: int, place: int
) -> pd.DataFrame:
    """Return the answer of each unit to each item in the first (0) or the second (1) wave."""
    plan, rng = survey_plan(), stream(seed, "survey", name, "wave", place)
    items = plan.populations[name].items
    f = fixed + np.sqrt(1 - plan.lasting) * rng.standard_normal(len(fixed)) + chosen.change * place

    def loaded(item: Item, on: np.ndarray) -> np.ndarray:
        error = np.sqrt(1 - item.loading**2) * rng.standard_normal(len(on))
        return item.drift * place + item.loading * on + error

    z = {key: loaded(item, f) for key, item in items.items() if item.role == "driver"}
    overall = sum((items[key].importance * of for key, of in z.items()), np.zeros(len(f)))
    z["overall"] = overall + plan.noise * rng.standard_normal(len(f))
    z |= {key: loaded(item, overall) for key, item in items.items() if item.role == "loyalty"}
    return pd.DataFrame({
        key: 1.0 + np.searchsorted(plan.cuts, item.centre + z[key]) for key, item in items.items()
    })  # fmt: skip


def true_values(populations: Mapping[str, Population], waves: tuple[int, int]) -> pd.DataFrame:
    """Return what the surveys estimate, over the eligible.

    Columns: population, wave, by (blank: all), level, item_id, units, mean (1 to 5), rate (share of
    those who count as satisfied under the version of the wave).
    """
    rows = []
    for name, own in populations.items():
        asked, there = survey_plan().populations[name], own.units["eligible"]
        units = own.units[there].assign(all="")
        for wave, version, answers in zip(waves, asked.versions, own.answers, strict=True):
            form = survey_plan().versions[version]
            long = answers.loc[there, list(form.items)].melt(ignore_index=False, var_name="item_id")
            long["rate"] = long["value"] >= form.satisfied_from
            for by in ("all", *asked.effects, *asked.spread):
                found = long.assign(level=units[by]).groupby(["level", "item_id"], sort=True)
                row = found.agg(
                    units=("value", "size"), mean=("value", "mean"), rate=("rate", "mean")
                )
                label = {"population": name, "wave": str(wave), "by": by.replace("all", "")}
                rows.append(row.reset_index().assign(**label))
    found = pd.concat(rows, ignore_index=True)
    found = found[(found["by"] == "") | (found["level"] != "")].reset_index(drop=True)
    return found[["population", "wave", "by", "level", "item_id", "units", "mean", "rate"]]
