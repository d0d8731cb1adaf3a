"""Do 95 % intervals of survey estimates cover the truth: surveys redrawn from one known population.

`python tests/satisfaction_coverage.py [--surveys 500] [--seed 1]` prints for each estimate its bias
in true standard deviations, the mean standard error over the true one, and the coverage with its
Monte-Carlo error: with full response, and with non-response that depends on size, age and sex. Exit
code 1 when a coverage lies further than three Monte-Carlo errors from 95 %, or a bias is more than
a tenth of a standard deviation (and of its own Monte-Carlo error). Lines in brackets are not asked
to keep this: they show what goes wrong without adjustment, or by a known approximation.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from math import sqrt
from typing import Any

import pandas as pd

from haidian_eval.params import SurveyChoice
from haidian_eval.satisfaction import (
    Design,
    compare_waves,
    estimate,
    non_response,
    post_stratify,
    rake,
)
from haidian_eval.synthetic import Population, known, take

LEVEL, FAR = 0.95, 3.0  # Monte-Carlo errors
POPULATION = 20241231  # the seed of the populations: they stay, samples change
CHOSEN = SurveyChoice(ineligible=0)
STRATA = {"strata": "stratum_id", "weights": "design_weight"}
FIRMS = Design(**STRATA, fpc="stratum_size")
PERSONS = Design(**STRATA, clusters=("psu_id", "respondent_id"), fpc=("psus", "psu_size"))
FEW = replace(PERSONS, singleton="average")  # of some communities a single person answered
JACKKNIFE = Design(**STRATA, clusters="psu_id", replicates="jkn")
JACKKNIFE_FPC = Design(**STRATA, clusters="psu_id", fpc="psus", replicates="jkn")
CONTROLS = {
    "enterprise": ("size_class", "industry_code"),
    "resident": ("age_band", "sex", "street_id"),
}
PARK = "SYN-PARK03"
ITEMS = ["overall", "speed", "attitude", "online"]
Case = Callable[..., pd.DataFrame]


def variables(units: pd.DataFrame) -> pd.DataFrame:
    """Return units with what is estimated of them, blank outside a domain; `index` has no ties."""
    number = units["respondent_id"].str[5:].astype(float)  # stays with a unit in every sample
    index = units[ITEMS].sum(axis=1) + number * 0.6180339887 % 1
    good, fast = ((units[item] >= 4).astype(float) for item in ("overall", "speed"))
    return units.assign(
        satisfied=good, fast=fast, both=good * fast, index=index,
        park=good.where(units["park_id"] == PARK), young=good.where(units["age_band"] == "18-29"),
        micro=units["overall"].where(units["size_class"] == "micro"),
    )  # fmt: skip


def rate(frame: pd.DataFrame, design: Any, **more: Any) -> pd.DataFrame:
    return estimate(frame, design, "satisfied", **more)


def raked(frame: pd.DataFrame, design: Any, units: pd.DataFrame, name: str) -> Any:
    return rake(frame, design, [units.groupby(column).size() for column in CONTROLS[name]])


def cells(frame: pd.DataFrame, name: str) -> Any:
    """Return the design that lets those who answered stand for others of their two classes."""
    design = FIRMS if name == "enterprise" else PERSONS
    return non_response(frame, design, "responded", CONTROLS[name][:2])


def answering(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["responded"] == 1]


def change(f: pd.DataFrame, g: pd.DataFrame, design: Any = FIRMS, **more: Any) -> pd.DataFrame:
    more = {"overlap": "respondent_id", "versions": ()} | more
    found = compare_waves(f, g, design, "satisfied", **more)
    return found.assign(estimate=found["change"])


def truths(units: pd.DataFrame, later: pd.DataFrame) -> dict[str, float]:
    """Return the truth by the first word of a label."""
    return {
        "change": later["satisfied"].mean() - units["satisfied"].mean(),
        "rate": units["satisfied"].mean(), "mean": units["overall"].mean(),
        "total": units["satisfied"].sum(), "median": units["index"].quantile(interpolation="lower"),
        "ratio": units["both"].sum() / units["fast"].sum(),
        **{domain: units[domain].mean() for domain in ("park", "micro", "young")},
    }  # fmt: skip


def of_firms(units: pd.DataFrame) -> dict[str, Case]:
    """Return estimates of firms by label; in brackets those that are not asked to cover."""
    totals = units.groupby("size_class").size()
    return {
        "rate": lambda f: rate(f, FIRMS),
        "rate, raked": lambda f: rate(f, raked(f, FIRMS, units, "enterprise")),
        "mean": lambda f: estimate(f, FIRMS, "overall"),
        "ratio": lambda f: estimate(f, FIRMS, "both", kind="ratio", denominator="fast"),
        "median": lambda f: estimate(f, FIRMS, "index", kind="quantile"),
        "micro (mean)": lambda f: estimate(f, FIRMS, "micro"),
        "park (rate, logit)": lambda f: estimate(f, FIRMS, "park", interval="logit"),
        "[rate, answering, design weights]": lambda f: rate(answering(f), FIRMS),
        "rate, answering, cells": lambda f: rate(f, cells(f, "enterprise")),
        "rate, answering, post-stratified": lambda f: rate(
            a := answering(f), post_stratify(a, FIRMS, totals)),
        "rate, answering, raked": lambda f: rate(
            a := answering(f), raked(a, FIRMS, units, "enterprise")),
        "change": change,
        "change, answering, cells": lambda f, g: change(
            f, g, cells(g, "enterprise"), before_design=cells(f, "enterprise")),
    }  # fmt: skip


def of_residents(units: pd.DataFrame) -> dict[str, Case]:
    """Return estimates of residents by label; in brackets those that are not asked to cover."""
    return {
        "rate": lambda f: rate(f, PERSONS),
        "total": lambda f: rate(f, PERSONS, kind="total"),
        "young (rate)": lambda f: estimate(f, PERSONS, "young"),
        "rate, raked": lambda f: rate(f, raked(f, PERSONS, units, "resident")),
        "[rate, jackknife, no correction]": lambda f: rate(f, JACKKNIFE),
        "[rate, jackknife, first stage]": lambda f: rate(f, JACKKNIFE_FPC),
        "[rate, answering, design weights]": lambda f: rate(answering(f), FEW),
        "rate, answering, cells": lambda f: rate(f, cells(f, "resident")),
        "rate, answering, raked": lambda f: rate(
            a := answering(f), raked(a, FEW, units, "resident")),
    }  # fmt: skip


MAKERS = {"enterprise": of_firms, "resident": of_residents}


def sample(own: Population, wave: int, seed: int) -> pd.DataFrame:
    asked = variables(take(own, CHOSEN, wave, seed))
    return asked.assign(responded=(asked["outcome"] == "complete").astype(int))


def recover(
    surveys: int,
    seed: int,
    makers: Mapping[str, Callable[[pd.DataFrame], dict[str, Case]]] = MAKERS,
) -> pd.DataFrame:
    """Return by population, label and survey the estimate, se, interval and truth."""
    rows = []
    for name, make in makers.items():
        own = known(CHOSEN, POPULATION)[name]
        waves = [variables(own.units.join(answers)) for answers in own.answers]
        cases, true = make(waves[0]), truths(*waves)
        for at in range(surveys):
            waves_asked = 2 if name == "enterprise" else 1
            asked = [sample(own, wave, 1_000_000 * seed + at) for wave in range(waves_asked)]
            for label, case in cases.items():
                needed = 2 if "change" in label else 1
                found = case(*asked[:needed]).iloc[0]
                truth = true[label.strip("[]").split(",")[0].split(" ")[0]]
                rows.append((name, label, *found[["estimate", "se", "low", "high"]], truth))
    return pd.DataFrame(rows, columns=["name", "label", "value", "se", "low", "high", "true"])


def summary(found: pd.DataFrame) -> Iterator[tuple[str, bool]]:
    """Return a line for each estimate, and whether it keeps what is asked."""
    for (name, label), own in found.groupby(["name", "label"], sort=False):
        error, count = own["value"] - own["true"], len(own)
        spread, allowed = error.std(ddof=1), sqrt(LEVEL * (1 - LEVEL) / count)
        covered = ((own["low"] <= own["true"]) & (own["true"] <= own["high"])).mean()
        bias, se = error.mean() / spread, sqrt((own["se"] ** 2).mean()) / spread
        kept = abs(covered - LEVEL) <= FAR * allowed and abs(bias) <= max(0.1, FAR / sqrt(count))
        yield (f"{name:10} {label:38} true {own['true'].iloc[0]:9.4f}  bias {bias:+.3f} sd"
               f" (+-{1 / sqrt(count):.3f})  se/sd {se:.3f}  coverage {100 * covered:.1f} %"
               f" (+-{100 * allowed:.1f})", kept or label.startswith("["))  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--surveys", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    all_kept = True
    for line, kept in summary(recover(given.surveys, given.seed)):
        print(line, "" if kept else "  OUTSIDE")
        all_kept &= kept
    return 0 if all_kept else 1


if __name__ == "__main__":
    sys.exit(main())
