"""Example firms and residents whose opinions are all known: drawn from a seed, stored nowhere.

How a unit is disposed: f = effects of what it is and of where it is + sqrt(l) a + sqrt(1 - l) b,
where a lasts and b belongs to the wave. A driver z = drift + loading f + sqrt(1 - loading^2) e; the
overall item follows from the drivers by their importance, loyalty from the overall item as a
driver does from f. The answer is the place of centre + z between the cuts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from haidian_eval.params import SurveyChoice
from haidian_eval.synthetic.marks import numbered, stream
from haidian_eval.synthetic.told import declared, picked
from haidian_eval.synthetic.values import ids


@dataclass(frozen=True, slots=True)
class Population:
    """A frame and what everybody in it thinks.

    units: respondent_id, stratum_id, psu_id, street_id, park_id, size_class, industry_code,
    age_band, sex (blank: does not apply), eligible, respond (probability). answers: by wave, unit x
    item, 1 to 5.
    """

    name: str
    units: pd.DataFrame
    answers: tuple[pd.DataFrame, pd.DataFrame]


def known(chosen: SurveyChoice, seed: int) -> dict[str, Population]:
    """Return the populations by name."""
    found = {}
    for name, place in (("enterprise", firms), ("resident", residents)):
        units, rng = place(chosen, seed), stream(seed, "survey", name, "state")
        asked = declared("survey")["populations"][name]
        odds = [units[column].map(by) for column, by in asked["response"].items()]
        units = units.assign(
            respondent_id=rng.permutation(np.array(numbered(asked["prefix"], len(units)))),
            eligible=rng.random(len(units)) >= chosen.ineligible,
            respond=np.minimum(np.prod(odds, axis=0) * chosen.response, 1),
        )
        fixed = disposed(name, units, seed)
        first, second = (thought(name, fixed, chosen, seed, wave) for wave in (0, 1))
        found[name] = Population(name, units, (first, second))
    return found


def firms(chosen: SurveyChoice, seed: int) -> pd.DataFrame:
    """Return where each firm is and its stratum: size class x parks or a group of streets."""
    asked, rng = declared("survey")["populations"]["enterprise"], stream(seed, "survey", "firms")
    streets, parks = np.array(ids("street")), np.array(numbered("PARK", chosen.parks, digits=2))
    street = rng.choice(len(streets), chosen.firms, p=uneven(rng, len(streets)))
    park = rng.choice(len(parks), chosen.firms, p=uneven(rng, len(parks)))
    inside = rng.random(chosen.firms) < asked["in_parks"]
    street = np.where(inside, park * len(streets) // len(parks), street)
    own = {name: picked(rng, by, chosen.firms) for name, by in asked["shares"].items()}
    sizes, areas = pd.Index(list(asked["shares"]["size_class"])), 1 + asked["areas"]
    area = np.where(inside, 0, 1 + street * asked["areas"] // len(streets))
    at = sizes.get_indexer(own["size_class"]) * areas + area
    strata = np.array(numbered(asked["stratum"], len(sizes) * areas))[at]
    return pd.DataFrame({
        "stratum_id": strata, "psu_id": strata, "street_id": streets[street],
        "park_id": np.where(inside, parks[park], ""), "age_band": "", "sex": "", **own,
    })  # fmt: skip


def residents(chosen: SurveyChoice, seed: int) -> pd.DataFrame:
    """Return in which community of which street each resident lives; streets are the strata."""
    asked, rng = declared("survey")["populations"]["resident"], stream(seed, "survey", "residents")
    streets = np.array(ids("street"))
    strata = np.array(numbered(asked["stratum"], len(streets)))
    least, most = asked["communities"]
    number = rng.integers(least, most + 1, len(streets))
    street = np.repeat(np.arange(len(streets)), number)
    places = [f"{strata[at]}-{one:02d}" for at in range(len(streets)) for one in range(number[at])]
    lives = rng.choice(len(street), chosen.residents, p=uneven(rng, len(street)))
    own = {name: picked(rng, by, chosen.residents) for name, by in asked["shares"].items()}
    return pd.DataFrame({
        "stratum_id": strata[street[lives]], "psu_id": np.array(places)[lives],
        "street_id": streets[street[lives]], "park_id": "", "size_class": "", "industry_code": "",
        **own,
    })  # fmt: skip


def uneven(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return shares between which the largest is thrice the smallest at most."""
    weights = rng.uniform(0.5, 1.5, count)
    return np.asarray(weights / weights.sum())


def disposed(name: str, units: pd.DataFrame, seed: int) -> np.ndarray:
    """Return what a unit is disposed to in all waves: what it is, where it is, and its own."""
    plan, rng = declared("survey"), stream(seed, "survey", name, "lasting")
    fixed = np.sqrt(plan["lasting"]) * rng.standard_normal(len(units))
    for column, by in plan["populations"][name]["effects"].items():
        fixed = fixed + units[column].map(by).to_numpy(dtype="float64")
    for column, spread in plan["populations"][name]["spread"].items():
        places, of = np.unique(units[column].to_numpy(str), return_inverse=True)
        drawn = spread * stream(seed, "survey", name, column).standard_normal(len(places))
        fixed = fixed + np.where(places == "", 0, drawn)[of]
    return np.asarray(fixed)


def thought(
    name: str, fixed: np.ndarray, chosen: SurveyChoice, seed: int, wave: int
) -> pd.DataFrame:
    """Return the answer of each unit to each item in the first (0) or the second (1) wave."""
    plan, rng = declared("survey"), stream(seed, "survey", name, "wave", wave)
    items, loading = plan["populations"][name]["items"], plan["loading"]
    error = {key: rng.standard_normal(len(fixed)) for key in ("f", *items)}
    f = fixed + np.sqrt(1 - plan["lasting"]) * error["f"] + chosen.change * wave
    z, overall = {}, plan["noise"] * error["overall"]
    for key, item in items.items():  # the overall item comes after its drivers, before loyalty
        on = overall if item["role"] == "loyalty" else f
        z[key] = loading * on + np.sqrt(1 - loading**2) * error[key] + item.get("drift", 0.0) * wave
        overall = overall + item.get("importance", 0.0) * z[key]
    z["overall"] = overall
    cuts = plan["cuts"]
    return pd.DataFrame({
        key: 1.0 + np.searchsorted(cuts, item["centre"] + z[key]) for key, item in items.items()
    })  # fmt: skip


def true_values(populations: Mapping[str, Population], waves: tuple[int, int]) -> pd.DataFrame:
    """Return what the surveys estimate, over the eligible.

    Columns: population, wave, by (blank: all), level, item_id, units, mean (1 to 5), rate (share of
    those who count as satisfied under the version of the wave).
    """
    rows = []
    for name, own in populations.items():
        asked, there = declared("survey")["populations"][name], own.units["eligible"]
        units = own.units[there].assign(all="all")
        for wave, version, answers in zip(waves, asked["versions"], own.answers, strict=True):
            form = declared("survey")["versions"][version]
            long = answers.loc[there, list(form["items"])].melt(
                ignore_index=False, var_name="item_id"
            )
            long["rate"] = long["value"] >= form["satisfied_from"]
            for by in ("all", *asked["effects"], *asked["spread"]):
                found = long.assign(level=units[by]).groupby(["level", "item_id"])
                row = found.agg(
                    units=("value", "size"), mean=("value", "mean"), rate=("rate", "mean")
                )
                rows.append(row.reset_index().assign(population=name, wave=str(wave), by=by))
    found = pd.concat(rows, ignore_index=True).query("level != ''")
    columns = ["population", "wave", "by", "level", "item_id", "units", "mean", "rate"]
    return found[columns].replace({"by": {"all": ""}, "level": {"all": ""}}).reset_index(drop=True)
