"""What the tables of an edition say of one survey: respondents, design, population, questionnaire.

Cells were checked one by one when the tables were read; here stands what only several rows show.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError, TableError, not_known
from haidian_eval.satisfaction.design import Design

RESPONDENT, STRATUM, PSU = "respondent_id", "stratum_id", "psu_id"
PLACE = [STRATUM, PSU]
BACKGROUND = [
    *PLACE, "street_id", "park_id", "industry_code", "size_class", "age_band", "sex", "mode",
    "completed_on", "weight", "scheme_version", "source_id",
]  # fmt: skip
COUNTS = ["stratum_size", "psus", "psus_drawn", "psu_size", "design_weight"]


@dataclass(frozen=True, slots=True)
class Survey:
    """One wave of one population.

    frame: a row per respondent: background, `weight` (design weight, units per respondent), `issued
    _weight` (units per issued unit), counts of the design, one column per item. drawn: the rows of
    survey_design. items: the questionnaire by item_id. margins: population counts by level, a
    series per control variable. version: of the questionnaire; weighting: of the weights.
    """

    wave: str
    population: str
    frame: pd.DataFrame
    design: Design
    drawn: pd.DataFrame
    items: pd.DataFrame
    margins: tuple[pd.Series, ...]
    version: str
    weighting: str
    source: str

    def named(self, role: str) -> list[str]:
        """Return the items of one role that somebody answered, in the questionnaire's order."""
        own = self.items.index[self.items["role"] == role]
        return [item for item in own if item in self.frame and self.frame[item].notna().any()]


def read_survey(
    tables: Mapping[str, pd.DataFrame], wave: str, population: str, *, margins: Iterable[str],
    singleton: str = "fail",
) -> Survey:  # fmt: skip
    """Return the survey of one wave and population.

    tables: responses, survey_design, control_totals, questionnaire. margins: the control variables.
    Raises TableError where the tables contradict each other, ParameterError for what they have not.
    """
    where = f"{population} {wave}"
    answers = part(tables["responses"], wave, population, "responses")
    drawn = part(tables["survey_design"], wave, population, "survey_design")
    version = only(answers, "scheme_version", where)
    items = questions(tables["questionnaire"], version)
    refuse_scale(answers, items, where)
    people = respondents(answers, where)
    refuse_counts(people, drawn, where)
    design, counted = designed(people, drawn, where, singleton)
    wide = answers.pivot(index=RESPONDENT, columns="item_id", values="value").astype("float64")
    weighting = only(items, "weighting_version", f"questionnaire {version}")
    frame = counted.merge(wide, on=RESPONDENT, validate="1:1").assign(weighting_version=weighting)
    totals = part(tables["control_totals"], wave, population, "control_totals")
    cited = sorted({*frame["source_id"], *drawn["source_id"], *totals["source_id"]})
    return Survey(wave, population, frame, design, drawn, items, margins_of(totals, margins, where),
                  version, weighting, ";".join(cited))  # fmt: skip


def part(table: pd.DataFrame, wave: str, population: str, name: str) -> pd.DataFrame:
    """Return the rows of one wave and population, or say which there are."""
    own = table[(table["wave"] == wave) & (table["population"] == population)]
    if own.empty:
        known = sorted({f"{one} {two}" for one, two in zip(table["population"], table["wave"],
                                                           strict=True)})  # fmt: skip
        asked = f"{population} {wave}"
        raise ParameterError(not_known(f"[satisfaction]: {asked!r} in the table {name}", asked,
                                       known))  # fmt: skip
    return own.reset_index(drop=True)


def only(rows: pd.DataFrame, column: str, where: str) -> str:
    """Return the one value of a column; several mean that versions were mixed."""
    found = sorted(rows[column].dropna().unique())
    if len(found) != 1:
        raise TableError(
            f"{where}: {column} is {found}; a wave has one version, else its answers cannot be"
            " put together. Split the wave, or bring the answers to one version"
        )
    return str(found[0])


def questions(questionnaire: pd.DataFrame, version: str) -> pd.DataFrame:
    """Return the questions of a version by item_id."""
    own = questionnaire[questionnaire["scheme_version"] == version]
    if own.empty:
        raise TableError(
            f"the questionnaire has no rows of the version {version!r}, which the responses name;"
            " add its questions with their scales"
        )
    return own.set_index("item_id")


def refuse_scale(answers: pd.DataFrame, items: pd.DataFrame, where: str) -> None:
    """Refuse answers to questions that were not asked, and values outside their scales."""
    if strange := sorted(set(answers["item_id"]) - set(items.index)):
        raise TableError(f"responses of {where}: the items {strange} are not in the questionnaire")
    ends = items.reindex(answers["item_id"])[["scale_min", "scale_max"]].astype("float64")
    value = answers["value"].to_numpy(float)
    low, high = ends["scale_min"].to_numpy(), ends["scale_max"].to_numpy()
    if (bad := np.flatnonzero((value < low) | (value > high) | (value % 1 > 0))).size:
        first = answers.iloc[bad[0]]
        raise TableError(
            f"responses of {where}: {bad.size} answers are outside the scale of their question,"
            f" first {first['value']:g} to {first['item_id']!r} ({low[bad[0]]:g} to"
            f" {high[bad[0]]:g}) by {first[RESPONDENT]}; correct them, or the scale in the"
            " questionnaire"
        )


def respondents(answers: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return one row per respondent; one whose rows contradict each other is refused."""
    if (twice := answers.duplicated([RESPONDENT, "item_id"])).any():
        first = answers[twice].iloc[0]
        raise TableError(
            f"responses of {where}: {first[RESPONDENT]} answers {first['item_id']!r} twice"
            f" ({int(twice.sum())} such rows); keep one"
        )
    known = [name for name in BACKGROUND if name in answers]
    told = answers.groupby(RESPONDENT, sort=True)[known]
    several = told.nunique(dropna=False).gt(1)
    if several.to_numpy().any():
        who = several.index[several.any(axis=1)]
        column = several.columns[several.loc[who[0]]][0]
        raise TableError(
            f"responses of {where}: {len(who)} respondents stand in twice with different"
            f" backgrounds, first {who[0]} in {column!r}; each respondent needs an id of its own"
        )
    first_rows = answers.drop_duplicates(RESPONDENT)[[RESPONDENT, *known]]
    return first_rows.sort_values(RESPONDENT, ignore_index=True)


def refuse_counts(people: pd.DataFrame, drawn: pd.DataFrame, where: str) -> None:
    """Refuse respondents of places that were not drawn, and completes that nobody handed in."""
    if (strange := sorted(set(people[STRATUM]) - set(drawn[STRATUM]))) or (
        strange := sorted(set(people[PSU]) - set(drawn[PSU]))
    ):
        raise TableError(
            f"responses of {where}: {strange[:5]} are not in survey_design, so these respondents"
            " have no design; add the rows, or correct stratum_id and psu_id"
        )
    found = people.groupby(PLACE).size()
    counted = drawn.set_index(PLACE)["complete"].astype("int64")
    both = pd.concat({"counted": counted, "found": found}, axis=1).fillna(0).astype("int64")
    if len(wrong := both[both["counted"] != both["found"]]):
        (stratum, psu), row = wrong.index[0], wrong.iloc[0]
        raise TableError(
            f"{where}: survey_design counts {row['counted']} complete answers in stratum {stratum},"
            f" unit {psu}, responses have {row['found']} respondents ({len(wrong)} such units);"
            " correct `complete`, or hand in the missing answers"
        )
    lost = drawn["issued"] < drawn["complete"] + drawn["ineligible"]
    if lost.any():
        first = drawn[lost].iloc[0]
        raise TableError(
            f"{where}: stratum {first[STRATUM]}, unit {first[PSU]} has more complete and ineligible"
            f" units than were issued ({int(lost.sum())} such units); correct the counts"
        )


def designed(
    people: pd.DataFrame, drawn: pd.DataFrame, where: str, singleton: Any
) -> tuple[Design, pd.DataFrame]:
    """Return the design and the respondents with its counts.

    Units without clusters bear the id of their stratum; with them, the second stage is drawn inside
    the primary unit. Weights of respondents win over that of their place.
    """
    clustered = bool((drawn[PSU] != drawn[STRATUM]).any())
    sizes = ["psus", "psu_size"] if clustered else ["stratum_size"]
    for name in [*sizes, *(["psus_drawn"] if clustered else [])]:
        if 0 < (blank := int(drawn[name].isna().sum())) < len(drawn):
            raise TableError(f"survey_design of {where}: {name} is blank in {blank} of {len(drawn)}"
                             " rows; give it for all, or for none")  # fmt: skip
    known = [name for name in sizes if drawn[name].notna().all()]
    fpc = tuple(known) if known == sizes else ()
    counts = drawn[[*PLACE, *COUNTS]].assign(issued_weight=issued_weights(drawn))
    frame = people.merge(counts, on=PLACE, how="left", validate="m:1")
    own = frame["weight"] if "weight" in frame else pd.Series(np.nan, frame.index)
    frame["weight"] = own.astype("float64").fillna(frame["design_weight"].astype("float64"))
    if (bad := ~(frame["weight"] > 0)).any():
        first = frame[bad].iloc[0]
        raise TableError(
            f"survey_design of {where}: design_weight is blank or not above 0 for {int(bad.sum())}"
            f" respondents, first in stratum {first[STRATUM]}; give the units that each stands for"
        )
    clusters = (PSU, RESPONDENT) if clustered and fpc else (PSU,) if clustered else ()
    return Design(STRATUM, clusters, "weight", fpc, singleton=singleton), frame


def issued_weights(drawn: pd.DataFrame) -> pd.Series:
    """Return the units of the population for which one issued unit stands.

    Sampled units of the stratum times units per issued one; those of the stratum where there are no
    primary units, or where their numbers are not known.
    """
    inside = drawn["psus"] / drawn["psus_drawn"] * drawn["psu_size"] / drawn["issued"]
    issued = drawn.groupby(STRATUM)["issued"].transform("sum")
    return inside.astype("float64").fillna((drawn["stratum_size"] / issued).astype("float64"))


def margins_of(
    totals: pd.DataFrame, variables: Iterable[str], where: str
) -> tuple[pd.Series, ...]:  # fmt: skip
    """Return the population counts of the control variables, which must have one sum."""
    known = {str(name): own for name, own in totals.groupby("variable")}
    found = []
    for name in variables:
        if name not in known:
            what = f"satisfaction.margins: {name!r} in the control totals of {where}"
            raise ParameterError(not_known(what, name, known))
        own = known[name].set_index("level")["total"].astype("float64")
        found.append(own.rename(name).rename_axis(name))
    sums = {str(own.name): float(own.sum()) for own in found}
    if sums and max(sums.values()) - min(sums.values()) > 1e-6 * max(sums.values()):
        said = ", ".join(f"{name} {total:,.0f}" for name, total in sums.items())
        raise TableError(
            f"control totals of {where} have different sums ({said}); all variables must count the"
            " same population, at the same date"
        )
    return tuple(found)
