"""Two waves of a survey of the example firms and residents, as they would be handed in.

Firms are drawn within strata; of residents first communities within streets, then persons. Every
frame unit has a permanent random number; the second wave takes up where the first began, further on
by the share that is replaced, so that the others are asked again under the same pseudonym.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from haidian_eval.params import SurveyChoice
from haidian_eval.synthetic.marks import MARK, stream
from haidian_eval.synthetic.population import Population, known, survey_plan, true_values
from haidian_eval.tables.contracts import contracts

SOURCE = f"{MARK}Y1"
OUTCOMES = ("complete", "ineligible", "refused", "noncontact", "other")
LEFT_OUT = ("industry_code", "weight")  # optional columns of responses that no file has


@dataclass(frozen=True, slots=True)
class DrawnSurvey:
    """The tables of the surveys, and what was true of everybody.

    tables: questionnaire, survey_design, control_totals, responses. truth: as `true_values`.
    """

    tables: Mapping[str, pd.DataFrame]
    truth: pd.DataFrame


def draw_survey(chosen: SurveyChoice, seed: int, sample_seed: int | None = None) -> DrawnSurvey:
    """Return both waves of both populations; another `sample_seed` asks others of the same."""
    populations = known(chosen, seed)
    again = seed if sample_seed is None else sample_seed
    parts: dict[str, list[pd.DataFrame]] = {
        "survey_design": [],
        "control_totals": [],
        "responses": [],
    }
    for name, own in populations.items():
        for place, wave in enumerate(chosen.waves):
            asked = take(own, chosen, place, again)
            label = {"population": name, "wave": str(wave)}
            made = (
                design_rows(own, asked), control_rows(own).assign(as_of=f"{wave}-06-30"),
                answered(own, asked, place, again),
            )  # fmt: skip
            for some, part in zip(parts.values(), made, strict=True):
                some.append(part.assign(**label))
    rows = {name: pd.concat(some, ignore_index=True) for name, some in parts.items()}
    tables = {"questionnaire": questionnaire()} | {
        name: frame.assign(source_id=SOURCE)[columns_of(name)] for name, frame in rows.items()
    }
    return DrawnSurvey(tables, true_values(populations, chosen.waves))


def columns_of(table: str) -> list[str]:
    """Return the columns of a table that a file has."""
    return [column for column in contracts()[table].columns if column not in LEFT_OUT]


def take(
    own: Population, chosen: SurveyChoice, place: int, seed: int, *, everyone: bool = False
) -> pd.DataFrame:
    """Return the issued units of a wave (0, 1), in the order of their pseudonyms.

    Adds stratum_size, psus, psus_drawn, psu_size, issued (of the primary unit), weight (of design)
    and outcome to what the population has, and a column per item. everyone: all eligible respond.
    """
    rng, field = (stream(seed, "survey", own.name, *more) for more in ((), (place,)))
    shift, psus = (1 - chosen.overlap) * place, primary_units(own, chosen)
    number, lot = rng.random(len(own.units)), rng.random(len(psus))
    drawn = turn(lot, psus["stratum_id"], psus["psus_drawn"], size=psus["psus"], shift=shift)
    units = own.units.assign(number=number)
    units = units.join(psus[drawn].drop(columns="stratum_id"), on="psu_id", how="inner")
    of, count = units["psu_id"], units["issued"]
    units = units[turn(units.pop("number"), of, count, size=units["psu_size"], shift=shift)]
    chances = list(survey_plan().lost.values())
    lost = field.choice(list(survey_plan().lost), len(units), p=chances)
    responds = everyone | (field.random(len(units)) < units["respond"])
    outcome = np.where(units["eligible"], np.where(responds, "complete", lost), "ineligible")
    weight = units["psus"] / units["psus_drawn"] * units["psu_size"] / units["issued"]
    asked = units.assign(weight=weight, outcome=outcome).join(own.answers[place])
    return asked.sort_values("respondent_id", ignore_index=True)


def primary_units(own: Population, chosen: SurveyChoice) -> pd.DataFrame:
    """Return every primary unit: stratum_id, stratum_size, psus, psus_drawn, psu_size, issued.

    A stratum of firms is one primary unit; what is issued there follows from the share of its size
    class in the sample, and from its part of the class.
    """
    by = own.units.groupby("psu_id")
    psus = by.agg(stratum_id=("stratum_id", "first"), psu_size=("stratum_id", "size"))
    within = psus.groupby("stratum_id")["psu_size"]
    psus = psus.assign(stratum_size=within.transform("sum"), psus=within.transform("size"))
    psus["psus_drawn"] = psus["psus"].clip(upper=chosen.communities_drawn)
    issued = pd.Series(chosen.community_issued, psus.index)
    for column, shares in survey_plan().populations[own.name].sample.items():
        level = by[column].first()
        part = psus["psu_size"] / psus.groupby(level)["psu_size"].transform("sum")
        issued = (chosen.firms_issued * part * level.map(shares)).round().astype("int64")
    return psus.assign(issued=np.minimum(issued, psus["psu_size"]))


def turn(
    number: Any, group: pd.Series, count: pd.Series, *, size: pd.Series, shift: float
) -> np.ndarray:
    """Return whose turn it is: `count` of each group by their numbers, from a start onwards.

    The start lies `shift` counts after the lowest number; after the highest comes the lowest.
    """
    rank = pd.Series(np.asarray(number), group.index).groupby(group).rank(method="first") - 1
    return np.asarray((rank - (shift * count).round()) % size < count)


def design_rows(own: Population, asked: pd.DataFrame) -> pd.DataFrame:
    """Return what became of the issued, a row per primary unit; firms are drawn in one stage."""
    sizes = ["street_id", "stratum_size", "psus", "psus_drawn", "psu_size", "issued", "weight"]
    rows = asked.groupby(["stratum_id", "psu_id"])[sizes].first().reset_index()
    if own.name == "enterprise":
        rows[["street_id", "psus", "psus_drawn", "psu_size"]] = None
    became = pd.crosstab(asked["psu_id"], asked["outcome"]).reindex(columns=OUTCOMES, fill_value=0)
    rows = rows.join(became, on="psu_id").rename(columns={"weight": "design_weight"})
    return rows.assign(
        design_weight=rows["design_weight"].round(4),
        frame=survey_plan().populations[own.name].frame,
    )


def control_rows(own: Population) -> pd.DataFrame:
    """Return how many eligible units of the frame have each level of the controls."""
    eligible = own.units[own.units["eligible"]]
    parts = [
        eligible.groupby(column).size().rename_axis("level").reset_index(name="total")
        for column in survey_plan().populations[own.name].controls
    ]
    names = survey_plan().populations[own.name].controls
    return pd.concat(parts, keys=names, names=["variable"]).reset_index("variable")


def answered(own: Population, asked: pd.DataFrame, place: int, seed: int) -> pd.DataFrame:
    """Return the answers of those who responded, a row per person and item of the version."""
    plan, group = survey_plan(), survey_plan().populations[own.name]
    rng = stream(seed, "survey", own.name, place, "answers")
    who = asked[asked["outcome"] == "complete"].reset_index(drop=True)
    items = list(plan.versions[group.versions[place]].items)
    why = np.column_stack([silence(group.items[key].silent, rng, len(who)) for key in items])
    modes = rng.choice(list(group.modes), len(who), p=list(group.modes.values()))
    who = who.assign(mode=modes, completed_on="")
    rows = who.loc[np.repeat(who.index, len(items))].drop(columns=list(group.items))
    value = np.where(why == "", who[items].to_numpy(), np.nan)
    return rows.assign(
        scheme_version=group.versions[place], item_id=np.tile(items, len(who)),
        value=value.ravel(), na_reason=why.ravel(), scale_max=len(plan.cuts) + 1,
    )  # fmt: skip


def silence(shares: Mapping[str, float], rng: np.random.Generator, count: int) -> np.ndarray:
    """Return why an item has no answer, by person; blank: it has one."""
    reasons, chances = ["", *shares], [1 - sum(shares.values()), *shares.values()]
    return rng.choice(np.array(reasons), count, p=chances)


def questionnaire() -> pd.DataFrame:
    """Return every version of the questionnaires, a row per question."""
    rows = []
    for group in survey_plan().populations.values():
        for version in dict.fromkeys(group.versions):
            form = survey_plan().versions[version]
            rows += [
                {
                    "scheme_version": version, "item_id": key, "weighting_version": form.weighting,
                    "wording": words.zh, "wording_en": words.en, "role": group.items[key].role,
                    "construct": group.items[key].dimension, "scale_min": 1,
                    "scale_max": len(survey_plan().cuts) + 1, "satisfied_from": form.satisfied_from,
                    "scale_words": form.scale, "source_id": SOURCE,
                }
                for key, words in form.items.items()
            ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(contracts()["questionnaire"].columns))
