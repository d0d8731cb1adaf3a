"""What stands behind the overall answer of a survey: reliability, an ordinal model, drivers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import pandas as pd

from haidian_eval.errors import ParameterError
from haidian_eval.params import Satisfaction as Plan
from haidian_eval.params import Surveyed
from haidian_eval.satisfaction.calibration import AnyDesign
from haidian_eval.satisfaction.drivers import Drivers, importance_performance
from haidian_eval.satisfaction.ordinal import OrdinalModel, ordinal_model, proportional_odds
from haidian_eval.satisfaction.reading import Survey
from haidian_eval.satisfaction.reliability import alpha, omega
from haidian_eval.satisfaction.sample import read_sample

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Explained:
    """What stands behind the overall answer; none where the survey does not carry it.

    reliability: measure, value, low, high, n, items. why: what could not be had -> the reason.
    """

    reliability: pd.DataFrame
    ordinal: OrdinalModel | None
    odds: pd.DataFrame
    drivers: Drivers | None
    why: Mapping[str, str]


def tried(why: dict[str, str], name: str, make: Callable[[], T]) -> T | None:
    """Return what can be had; what cannot leaves its reason."""
    try:
        return make()
    except ParameterError as error:
        why[name] = str(error)
        return None


def told_of(count: int, plan: Plan, make: Callable[[], T]) -> T:
    """Return what rests on a number of respondents; nothing is told of too few."""
    if not count >= plan.threshold:
        raise ParameterError(f"fewer than {plan.threshold} respondents to tell of")
    return make()


def explained(
    survey: Survey, overall: str, design: AnyDesign, choice: Surveyed, plan: Plan
) -> Explained:
    """Return reliability, the ordinal model and drivers of the overall answer."""
    frame, drivers = survey.frame, survey.named("driver")
    why: dict[str, str] = {}
    final = read_sample(frame, design).weights
    measures = {"alpha": lambda: alpha(frame[drivers], final, level=plan.level),
                "omega": lambda: omega(frame[drivers], final, level=plan.level)}  # fmt: skip
    complete = int(frame[drivers].notna().all(axis=1).sum())
    found = {name: tried(why, name, partial(told_of, complete, plan, make))
             for name, make in measures.items()}  # fmt: skip
    reliability = pd.DataFrame([
        {"measure": name, "estimate": own.value, "low": own.low, "high": own.high, "n": own.n,
         "items": own.items, "negative": ";".join(own.negative)}
        for name, own in found.items() if own is not None
    ])  # fmt: skip
    answered = frame.assign(**{overall: joined_low(frame[overall], plan.threshold)})
    formula = f"{overall} ~ " + " + ".join(f"C({name})" for name in choice.explained_by)
    levels = answered[answered[overall].notna()]
    fewest = min((levels[name].value_counts().min() for name in choice.explained_by),
                 default=len(levels))  # fmt: skip
    odds = tried(
        why,
        "ordinal",
        lambda: told_of(
            fewest, plan, lambda: ordinal_model(answered, design, formula, level=plan.level)
        ),
    )
    parallel = None if odds is None else tried(
        why, "parallel", lambda: proportional_odds(answered, design, formula))  # fmt: skip
    cuts = survey.items.loc[drivers, "satisfied_from"].astype("float64")
    matter = tried(why, "drivers", lambda: told_of(complete, plan, lambda: importance_performance(
        frame, design, overall, drivers, satisfied_from=cuts, draws=plan.draws, seed=plan.seed,
        level=plan.level)))  # fmt: skip
    return Explained(reliability, odds, pd.DataFrame() if parallel is None else parallel, matter,
                     why)  # fmt: skip


def joined_low(answers: pd.Series, threshold: int) -> pd.Series:
    """Return answers with the lowest joined until at least `threshold` gave each."""
    counts = answers.value_counts().sort_index()
    enough = counts.cumsum() >= threshold
    return answers.clip(lower=enough.idxmax()) if enough.any() else answers
