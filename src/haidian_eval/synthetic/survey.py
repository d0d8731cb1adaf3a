"""Two waves of a survey of the example firms and residents, as they would be handed in.

Firms are drawn within strata; of residents first communities within streets, then persons. Every
unit has a permanent random number; the second wave begins further on by the share that is replaced,
so that the others are asked again, under the same pseudonym.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from haidian_eval.params import SurveyChoice
from haidian_eval.synthetic.marks import stream
from haidian_eval.synthetic.population import Population, known, true_values
from haidian_eval.synthetic.told import Told, as_table, declared, picked

OUTCOMES = ("complete", "ineligible", "refused", "noncontact", "other")
SIZES = ["street_id", "stratum_size", "psus", "psus_drawn", "psu_size", "issued", "design_weight"]
NO_FILE_HAS = ("weight",)


def draw_survey(chosen: SurveyChoice, seed: int, sample_seed: int | None = None) -> Told:
    """Return both waves of both populations; another `sample_seed` asks others of the same.

    Tables: questionnaire, survey_design, control_totals, responses. Truth: as `true_values`.
    """
    populations = known(chosen, seed)
    parts: dict[str, list[pd.DataFrame]] = {"questionnaire": [questionnaire()]}
    for own in populations.values():
        for wave, year in enumerate(chosen.waves):
            again = seed if sample_seed is None else sample_seed
            asked = take(own, chosen, wave, again)
            made = {
                "survey_design": design_rows(own, asked),
                "responses": answered(own, asked, wave, again),
                "control_totals": control_rows(own).assign(as_of=f"{year}-06-30"),
            }  # fmt: skip
            for name, rows in made.items():
                labelled = rows.assign(population=own.name, wave=str(year))
                parts.setdefault(name, []).append(labelled)
    source = declared("survey")["source"]["source_id"]
    whole = {name: pd.concat(rows, ignore_index=True) for name, rows in parts.items()}
    tables = {
        name: as_table(name, rows, source, without=NO_FILE_HAS) for name, rows in whole.items()
    }
    return Told(tables, true_values(populations, chosen.waves))


def take(own: Population, chosen: SurveyChoice, wave: int, seed: int) -> pd.DataFrame:
    """Return the issued units of a wave (0, 1), in the order of their pseudonyms.

    Adds to the units stratum_size, psus, psus_drawn, psu_size, issued (of the primary unit),
    design_weight, outcome, and a column per item, answers of those included who do not respond.
    """
    rng, field = stream(seed, "survey", own.name), stream(seed, "survey", own.name, wave)
    shift, psus = (1 - chosen.overlap) * wave, primary_units(own, chosen)
    number, lot = rng.random(len(own.units)), rng.random(len(psus))
    kept = turn(lot, psus["stratum_id"], psus["psus_drawn"], size=psus["psus"], shift=shift)
    units = own.units.assign(number=number).join(psus[kept][SIZES[1:]], on="psu_id", how="inner")
    of, count, size = (units[name] for name in ("psu_id", "issued", "psu_size"))
    units = units[turn(units["number"], of, count, size=size, shift=shift)]
    lost = picked(field, declared("survey")["lost"], len(units))
    responds = field.random(len(units)) < units["respond"]
    outcome = np.where(units["eligible"], np.where(responds, "complete", lost), "ineligible")
    asked = units.assign(outcome=outcome).join(own.answers[wave])
    return asked.sort_values("respondent_id", ignore_index=True)


def primary_units(own: Population, chosen: SurveyChoice) -> pd.DataFrame:
    """Return every primary unit with its stratum, its sizes and what of it is issued.

    A stratum of firms is one primary unit; what is issued there follows from the share of its size
    class in the sample, and from its part of the class.
    """
    by = own.units.groupby("psu_id")
    psus = by.agg(stratum_id=("stratum_id", "first"), psu_size=("stratum_id", "size"))
    within = psus.groupby("stratum_id")["psu_size"]
    psus = psus.assign(stratum_size=within.transform("sum"), psus=within.transform("size"))
    psus["psus_drawn"] = psus["psus"].clip(upper=chosen.communities_drawn)
    issued = pd.Series(chosen.community_issued, psus.index)
    for column, shares in declared("survey")["populations"][own.name].get("sample", {}).items():
        level = by[column].first()
        part = psus["psu_size"] / psus.groupby(level)["psu_size"].transform("sum")
        issued = (chosen.firms_issued * part * level.map(shares)).round().clip(lower=2)
    psus["issued"] = np.minimum(issued, psus["psu_size"]).astype("int64")
    weight = psus["psus"] / psus["psus_drawn"] * psus["psu_size"] / psus["issued"]
    return psus.assign(design_weight=weight)


def turn(number: Any, group: Any, count: Any, *, size: Any, shift: float) -> np.ndarray:
    """Return whose turn it is: `count` of each group by their numbers, from a start onwards.

    The start lies `shift` counts after the lowest number; after the highest comes the lowest.
    """
    rank = pd.Series(np.asarray(number), group.index).groupby(group).rank(method="first") - 1
    return np.asarray((rank - (shift * count).round()) % size < count)


def design_rows(own: Population, asked: pd.DataFrame) -> pd.DataFrame:
    """Return what became of the issued, a row per primary unit; firms are drawn in one stage."""
    rows = asked.groupby(["stratum_id", "psu_id"])[SIZES].first().reset_index()
    if own.name == "enterprise":
        rows[["street_id", "psus", "psus_drawn", "psu_size"]] = None
    became = pd.crosstab(asked["psu_id"], asked["outcome"]).reindex(columns=OUTCOMES, fill_value=0)
    frame = declared("survey")["populations"][own.name]["frame"]
    return rows.round({"design_weight": 4}).join(became, on="psu_id").assign(frame=frame)


def control_rows(own: Population) -> pd.DataFrame:
    """Return how many eligible units of the frame have each level of the controls."""
    eligible, controls = own.units[own.units["eligible"]], declared("survey")["populations"]
    counts = {name: eligible[name].value_counts() for name in controls[own.name]["controls"]}
    totals = pd.concat(counts, names=["variable", "level"]).rename("total")
    return totals.sort_index().reset_index()


def answered(own: Population, asked: pd.DataFrame, wave: int, seed: int) -> pd.DataFrame:
    """Return the answers of those who responded, a row per person and item of the version."""
    plan, rng = declared("survey"), stream(seed, "survey", own.name, wave, "answers")
    group = plan["populations"][own.name]
    version = group["versions"][wave]
    who = asked[asked["outcome"] == "complete"].reset_index(drop=True)
    items = list(plan["versions"][version]["items"])
    silent = [group["items"][item]["silent"] for item in items]
    shares = [{"": 1 - sum(own.values())} | own for own in silent]
    why = np.column_stack([picked(rng, one, len(who)) for one in shares])
    value = np.where(why == "", who[items].to_numpy(), np.nan)
    who["mode"] = picked(rng, group["modes"], len(who))
    rows = who.loc[np.repeat(who.index, len(items))].drop(columns=list(group["items"]))
    return rows.assign(
        scheme_version=version, item_id=np.tile(items, len(who)), value=value.ravel(),
        na_reason=why.ravel(), scale_max=len(plan["cuts"]) + 1,
    )  # fmt: skip


def questionnaire() -> pd.DataFrame:
    """Return every version of the questionnaires, a row per question."""
    plan, rows = declared("survey"), []
    for group in plan["populations"].values():
        for version in dict.fromkeys(group["versions"]):
            form = plan["versions"][version]
            for item, words in form["items"].items():
                row = {"scheme_version": version, "item_id": item, **form, **group["items"][item]}
                rows.append(row | {"wording": words["zh"], "wording_en": words["en"]})
    return pd.DataFrame(rows).assign(scale_min=1, scale_max=len(plan["cuts"]) + 1)
