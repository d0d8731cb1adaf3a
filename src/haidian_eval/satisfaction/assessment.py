"""One survey told with everything that its rate must carry: how it was drawn, how sure, of whom.

Shares are of 1. The headline is raked to the population; answers of single respondents do not
leave this module, and what is told of few is hidden here, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError, TableError
from haidian_eval.params import Satisfaction as Plan
from haidian_eval.params import Surveyed
from haidian_eval.satisfaction.calibration import AnyDesign
from haidian_eval.satisfaction.comparison import compare_waves
from haidian_eval.satisfaction.design import Design
from haidian_eval.satisfaction.disposition import Weights, disposition, weights_of
from haidian_eval.satisfaction.estimates import estimate
from haidian_eval.satisfaction.explained import Explained, explained
from haidian_eval.satisfaction.reading import PSU, RESPONDENT, STRATUM, Survey, read_survey
from haidian_eval.satisfaction.rows import suppress_rows
from haidian_eval.satisfaction.sample import read_sample
from haidian_eval.satisfaction.size import sample_needed, smallest_difference
from haidian_eval.satisfaction.weighting import non_response, rake

TOLD = ["estimate", "se", "low", "high", "n", "deff", "df"]
FINAL = "raked"  # the weights of all results


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares that count as satisfied, and how questions were answered.

    headline: one row: estimate, se, low, high, n, deff, df. weightings: weighting (unweighted,
    design, adjusted, raked), the same. items: item_id, the same. domains: by, class, the same,
    suppressed (as `suppress_rows`). answers: item_id, levels (of the scale, those of
    few joined: "1,2"), share, low, high, n (answers to the question).
    """

    headline: pd.Series
    weightings: pd.DataFrame
    items: pd.DataFrame
    domains: pd.DataFrame
    answers: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Change:
    """The rate against the wave before; positive: more are satisfied.

    rows: item_id, before, after, estimate (difference), se, low, high, p, n_before, n_after,
    overlap (respondents of both). refused: why there is no comparison, in words of the program.
    versions: of the questionnaire and the weights, before and now.
    """

    rows: pd.DataFrame
    refused: str
    versions: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Satisfaction:
    """All that one wave says of one population.

    overall: the question of the headline. disposition: of the whole sample, as `disposition`.
    strata: of strata; of all of them what was issued alone where one has few answers: strata are
    cells of which domains and control variables tell the sums.
    needed: respondents that tell two rates apart, as `needed_of`.
    """

    survey: Survey
    choice: Surveyed
    overall: str
    rates: Rates
    disposition: pd.Series
    strata: pd.DataFrame
    weights: Weights
    change: Change
    explained: Explained
    needed: pd.DataFrame


def rate_of(item: str) -> str:
    """Return the column that says whether an answer counts as satisfied."""
    return f"satisfied_{item}"


def counted(survey: Survey) -> pd.DataFrame:
    """Return respondents with a column per question: 1.0 satisfied, 0.0 not, missing no answer."""
    asked = survey.items.loc[[*survey.named("overall"), *survey.named("driver"),
                              *survey.named("loyalty")]]  # fmt: skip
    cuts = asked["satisfied_from"].dropna()
    found = {
        rate_of(item): (survey.frame[item] >= cut).astype(float).where(survey.frame[item].notna())
        for item, cut in cuts.items()
    }
    return survey.frame.assign(**found)


def weighted(survey: Survey, frame: pd.DataFrame) -> dict[str, tuple[pd.DataFrame, AnyDesign]]:
    """Return frame and design of each way to weight: the last one is that of all results."""
    issued = with_silent(survey, frame)
    adjusted = non_response(issued, survey.design, "responded", [STRATUM])
    raked = rake(frame, survey.design, list(survey.margins)) if survey.margins else survey.design
    return {"unweighted": (frame, Design()), "design": (frame, survey.design),
            "adjusted": (issued, adjusted), "raked": (frame, raked)}  # fmt: skip


def with_silent(survey: Survey, frame: pd.DataFrame) -> pd.DataFrame:
    """Return respondents and, without answers, the eligible who did not respond."""
    drawn = survey.drawn.assign(
        weight=survey.drawn["design_weight"],
        silent=survey.drawn["issued"] - survey.drawn["ineligible"] - survey.drawn["complete"],
    )
    rows = drawn.loc[drawn.index.repeat(drawn["silent"].astype(int))]
    names = [name for name in rows if name in frame.columns]
    silent = rows[names].assign(**{RESPONDENT: [f"silent-{at}" for at in range(len(rows))]})
    whole = pd.concat([frame.assign(responded=True), silent.assign(responded=False)])
    return whole.reset_index(drop=True)


def rates_of(survey: Survey, choice: Surveyed, plan: Plan) -> tuple[Rates, AnyDesign]:
    """Return all rates of a survey, and the design that they were estimated with."""
    overall = rate_of(headline_item(survey))
    frame = counted(survey)
    ways = weighted(survey, frame)
    told: dict[str, Any] = {"interval": plan.interval, "level": plan.level}
    by_way = [estimate(rows, design, overall, **told).assign(weighting=name)
              for name, (rows, design) in ways.items()]  # fmt: skip
    rows, design = ways[FINAL]
    known = [rate_of(item) for item in survey.items.index if rate_of(item) in rows]
    items = estimate(rows, design, known, **told)
    items["item_id"] = items["variable"].str.removeprefix(rate_of(""))
    return Rates(
        by_way[-1].iloc[0], pd.concat(by_way, ignore_index=True)[["weighting", *TOLD]],
        items[["item_id", *TOLD]], domains_of(rows, design, overall, choice, plan),
        answers_of(rows, design, survey, plan),
    ), design  # fmt: skip


def headline_item(survey: Survey) -> str:
    """Return the question of the headline: the first overall one."""
    cuts = survey.items["satisfied_from"].notna()
    found = [item for item in survey.named("overall") if cuts[item]]
    if not found:
        raise ParameterError(
            f"{survey.population} {survey.wave}: the questionnaire {survey.version} has no question"
            " whose role is overall, with satisfied_from, and answered by enough respondents to be"
            " told; the rate is its share of satisfied answers"
        )
    return found[0]


def read_told(
    tables: Mapping[str, pd.DataFrame], wave: str, choice: Surveyed, plan: Plan
) -> Survey:
    """Return a survey as `read_survey`, without questions that fewer answered than may be told."""
    survey = read_survey(tables, wave, choice.population, margins=choice.margins,
                         singleton=plan.singleton)  # fmt: skip
    asked = [item for item in survey.items.index if item in survey.frame]
    few = survey.frame[asked].notna().sum() < plan.threshold
    return replace(survey, frame=survey.frame.drop(columns=few.index[few]))


def domains_of(
    frame: pd.DataFrame, design: AnyDesign, overall: str, choice: Surveyed, plan: Plan
) -> pd.DataFrame:
    """Return the rate by each background column, rows of few hidden in each."""
    parts = [pd.DataFrame(columns=["by", "class", *TOLD, "suppressed"])]
    for by in choice.domains:
        own = estimate(frame, design, overall, by=by, interval=plan.interval, level=plan.level)
        told = own.rename(columns={by: "class"})[["class", *TOLD]]
        shown = suppress_rows(told, "class", threshold=plan.threshold)
        parts.append(shown.astype(dict.fromkeys(TOLD, "float64")).assign(by=by))
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)


def answers_of(frame: pd.DataFrame, design: AnyDesign, survey: Survey, plan: Plan) -> pd.DataFrame:
    """Return the share of each answer to each question, answers of few joined."""
    parts = []
    for item in (name.removeprefix(rate_of("")) for name in frame if name.startswith(rate_of(""))):
        low, high = survey.items.loc[item, ["scale_min", "scale_max"]].astype(int)
        levels = pd.Index(range(low, high + 1), name="value")
        counts = frame[item].value_counts().reindex(levels, fill_value=0).astype("int64")
        named = joined_levels(counts, plan.threshold)
        joined = frame.assign(_answer=frame[item].map(named))
        found = estimate(joined, design, "_answer", kind="proportion", interval=plan.interval,
                         level=plan.level)  # fmt: skip
        found = found.set_index("level").loc[named.unique()].reset_index()
        parts.append(found.assign(item_id=item, levels=found["level"], share=found["estimate"]))
    return pd.concat(parts, ignore_index=True)[["item_id", "levels", "share", "low", "high", "n"]]


def joined_levels(counts: pd.Series, threshold: int) -> pd.Series:
    """Return the name of each answer, those of few joined with the next ones: "1,2".

    counts: by level in the order of the scale. Every name has at least `threshold` answers where
    all of them have.
    """
    groups: list[list[int]] = []
    for level in counts.index:
        if groups and counts[groups[-1]].sum() < threshold:
            groups[-1].append(level)
        else:
            groups.append([level])
    if len(groups) > 1 and counts[groups[-1]].sum() < threshold:
        groups[-2:] = [groups[-2] + groups[-1]]
    return pd.Series({level: ",".join(map(str, own)) for own in groups for level in own})


def changed(
    survey: Survey, tables: Mapping[str, pd.DataFrame], choice: Surveyed, plan: Plan
) -> Change:
    """Return the rates against the wave before, or why they cannot be compared."""
    now = survey.version, survey.weighting
    try:
        earlier = read_told(tables, plan.before, choice, plan)
        headline_item(earlier)
    except (ParameterError, TableError) as error:
        return Change(pd.DataFrame(), str(error), (now,))
    versions = (earlier.version, earlier.weighting), now
    if versions[0] != versions[1]:
        return Change(pd.DataFrame(), "version", versions)
    return Change(differences(earlier, survey, plan), "", versions)


def differences(earlier: Survey, survey: Survey, plan: Plan) -> pd.DataFrame:
    """Return the change of every rate that both waves have, with the covariance of who was in both.

    Of elements drawn without clusters these are respondents, else primary units.
    """
    frames = [counted(one) for one in (earlier, survey)]
    before, after = (weighted(one, own)[FINAL][1]
                     for one, own in zip((earlier, survey), frames, strict=True))  # fmt: skip
    unit = PSU if survey.design.clusters else RESPONDENT
    rows = []
    for name in [one for one in frames[1] if one.startswith(rate_of("")) and one in frames[0]]:
        found = compare_waves(frames[0], frames[1], after, name, before_design=before, overlap=unit,
                              level=plan.level)  # fmt: skip
        n = {f"n_{wave}": int(own[name].notna().sum())
             for wave, own in zip(("before", "after"), frames, strict=True)}  # fmt: skip
        rows.append(found.assign(item_id=name.removeprefix(rate_of("")), **n))
    found = pd.concat(rows, ignore_index=True).rename(columns={"change": "estimate"})
    few = found["overlap"].between(1, plan.threshold - 1) & (unit == RESPONDENT)
    return found.assign(overlap=found["overlap"].astype("Int64").mask(few))


def needed_of(rates: Rates, plan: Plan) -> pd.DataFrame:
    """Return how many respondents tell two rates apart, and what this survey tells apart.

    One row: each (of two surveys, each drawn at random), each_deff (with the design effect found),
    fixed (against a target, with it); n and deff of this survey, lower and higher (the nearest
    rates that another one like it would be told from).
    """
    one, n, p = rates.headline, int(rates.headline["n"]), float(rates.headline["estimate"])
    deff = max(1.0, float(one["deff"]))
    told: dict[str, Any] = {"power": plan.power, "significance": 1 - plan.level}
    first, second = plan.told_apart
    nearest = pd.Series({"lower": np.nan, "higher": np.nan})
    if 0 < p < 1:  # where all answer alike nothing is known of the spread
        nearest = smallest_difference(n, n, p, deff=deff, **told)
    return pd.DataFrame([{
        "each": sample_needed(first, second, **told),
        "each_deff": sample_needed(first, second, deff=deff, **told),
        "fixed": sample_needed(first, second, deff=deff, one_sample=True, **told),
        "n": n, "deff": deff, **nearest.to_dict(),
    }])  # fmt: skip


def assess_satisfaction(
    tables: Mapping[str, pd.DataFrame], choice: Surveyed, plan: Plan
) -> Satisfaction:
    """Return all that the wave of the plan says of one population.

    tables: as `read_survey`. Raises TableError and ParameterError as it does, and for a survey
    without answers to an overall question.
    """
    survey = read_told(tables, plan.wave, choice, plan)
    rates, design = rates_of(survey, choice, plan)
    final = pd.Series(read_sample(survey.frame, design).weights, survey.frame.index)
    parts = disposition(survey, plan.level)
    strata = parts.iloc[:-1].assign(suppressed="")
    if (strata["complete"] < plan.threshold).any():
        told = strata[[STRATUM, "issued"]]
        strata = told.reindex(columns=strata.columns).assign(suppressed="primary")
    return Satisfaction(
        survey, choice, headline_item(survey), rates, parts.iloc[-1], strata,
        weights_of(survey, final),
        changed(survey, tables, choice, plan),
        explained(survey, headline_item(survey), design, choice, plan), needed_of(rates, plan),
    )  # fmt: skip
