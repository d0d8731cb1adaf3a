"""Example units and their values from a seed, with the truth behind them.

A unit has a latent quality q, standard normal. The true value of an indicator follows from
z = a q + sqrt(1 - a^2) e, turned round for costs, where e is the unit's own and partly lasts from
year to year; what is observed adds the error of a sample, rounding and gaps. Every column of
numbers comes from a generator of its own, seeded by the seed and by what it is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError
from haidian_eval.params import Params, Section, Words, read_toml
from haidian_eval.params import Synthetic as Chosen
from haidian_eval.synthetic.marks import MARK, numbered, stream

LASTING = 0.8  # share of an indicator's own variance that lasts from year to year
VALUES = [
    "unit_id", "indicator_id", "period", "vintage", "value", "unit", "as_of", "confidence", "se",
    "half_width", "n", "evidence", "source_id",
]  # fmt: skip


class Group(Section):
    """One kind of example unit: how many, and what they are called before their number."""

    prefix: str
    count: int
    zh: str
    en: str
    groups: int = 0
    under: str = ""


class Leaf(Section):
    """How one indicator is drawn, its centre and spread in its unit of measure.

    linear: c + s z; log: c exp(s z); count: Poisson around that; share: 100 / (1 + exp(-y)) with
    y = logit(c / 100) + s z, of n cases where n is given (around n, by `n_spread` in logarithms).
    se: standard error of the observed value. part_of: its percentage of another indicator's sum;
    number_of: the cases that another indicator's share stands for.
    """

    shape: Literal["linear", "log", "count", "share"] = "linear"
    centre: float = 0.0
    spread: float = 0.0
    quality: float = 0.7  # a in the formula above
    digits: int = 1
    n: int = 0
    n_spread: float = 0.0
    se: float = 0.0
    part_of: str = ""
    number_of: str = ""

    @property
    def follows(self) -> bool:
        """Whether another indicator decides its values."""
        return bool(self.part_of or self.number_of)


class Scheme(Words):
    """Which units have values under a scheme, in which years (0: the latest; 2022: that year)."""

    units: str
    years: tuple[int, ...]
    leaves: dict[str, Leaf]


class Plan(Section):
    """Everything that is drawn: values.toml beside this module."""

    units: dict[str, Group]
    schemes: dict[str, Scheme]


@dataclass(frozen=True, slots=True)
class Draw:
    """One indicator in one year, by unit: true and observed value, standard error and cases."""

    truth: np.ndarray
    value: np.ndarray
    se: np.ndarray
    n: np.ndarray


@cache
def plan() -> Plan:
    """Return what is drawn."""
    return Plan.model_validate(read_toml(Path(__file__).with_suffix(".toml")))


def draw_values(
    indicators: pd.DataFrame, params: Params, quality: Mapping[str, np.ndarray]
) -> pd.DataFrame:
    """Return the rows of those schemes of the plan that the edition has, with `truth` and `gap`.

    quality: kind of unit -> latent quality of its units.
    """
    chosen, latest = params.synthetic, params.synthetic.year or params.edition.year
    parts = []
    for place, (name, scheme) in enumerate(plan().schemes.items(), 1):
        own = indicators[indicators["scheme_id"] == name].set_index("node_id")
        if lacking := sorted(set(scheme.leaves) - set(own.index)) if len(own) else []:
            raise ParameterError(f"scheme {name!r}: the plan draws {lacking}, which it has not")
        for year in scheme.years if len(own) else ():
            period = year if year > 1000 else latest + year
            rows = draw_scheme(chosen, scheme, own, period, quality[scheme.units])
            parts.append(rows.assign(source_id=f"{MARK}V{place}"))
    none = pd.DataFrame(columns=[*VALUES, "truth", "gap"])
    return pd.concat(parts, ignore_index=True) if parts else none


def ids(kind: str) -> list[str]:
    """Return the ids of all example units of a kind."""
    group = plan().units[kind]
    return numbered(group.prefix, group.count)


def draw_scheme(
    chosen: Chosen, scheme: Scheme, own: pd.DataFrame, period: int, quality: np.ndarray
) -> pd.DataFrame:
    """Return the rows of all indicators of a scheme in one year, with `truth` and `gap`."""
    drawn: dict[str, Draw] = {}
    for name, leaf in sorted(scheme.leaves.items(), key=lambda item: item[1].follows):
        base = drawn.get(leaf.part_of or leaf.number_of)
        z = latent(chosen.seed, name, period, quality, leaf.quality)
        z = -z if own.at[name, "direction"] == "cost" else z
        rng = stream(chosen.seed, name, period)
        found = follow(leaf, base) if base is not None else draw(leaf, z, rng)
        ends = own.loc[name, ["min_value", "max_value"]].astype("float64").to_numpy()
        drawn[name] = within(found, *ends)
    frames = []
    for name, leaf in scheme.leaves.items():
        gap = stream(chosen.seed, name, period, "gap").random(len(quality)) < chosen.missing_share
        rows = rows_of(drawn[name], leaf, period)
        frames.append(rows.assign(indicator_id=name, unit=own.at[name, "unit"], gap=gap))
    whole = pd.concat(frames, ignore_index=True)
    return whole.assign(unit_id=ids(scheme.units) * len(frames))


def latent(seed: int, name: str, period: int, quality: np.ndarray, share: float) -> np.ndarray:
    """Return z of all units: their quality and what is their own in this indicator and year."""
    lasting = stream(seed, name, "lasting").standard_normal(len(quality))
    passing = stream(seed, name, period, "passing").standard_normal(len(quality))
    own = np.sqrt(LASTING) * lasting + np.sqrt(1 - LASTING) * passing
    z: np.ndarray = share * quality + np.sqrt(1 - share**2) * own
    return z


def draw(leaf: Leaf, z: np.ndarray, rng: np.random.Generator) -> Draw:
    """Return the true values of an indicator and what a sample or a count shows of them."""
    nothing = np.full(len(z), np.nan)
    if leaf.shape == "share":
        odds = np.exp(leaf.spread * z) * leaf.centre / (100 - leaf.centre)
        truth = 100 * odds / (1 + odds)
    else:
        exponential = leaf.centre * np.exp(leaf.spread * z)
        truth = leaf.centre + leaf.spread * z if leaf.shape == "linear" else exponential
    cases = np.round(leaf.n * np.exp(leaf.n_spread * rng.standard_normal(len(z))))
    if leaf.shape == "count":
        return Draw(truth, rng.poisson(truth).astype("float64"), nothing, nothing)
    if leaf.se:
        error = np.full(len(z), leaf.se)
        return Draw(truth, rng.normal(truth, error), error, cases)
    if leaf.n:
        share = rng.binomial(cases.astype("int64"), truth / 100) / cases
        return Draw(truth, 100 * share, 100 * np.sqrt(share * (1 - share) / cases), cases)
    return Draw(truth, truth, nothing, nothing)


def follow(leaf: Leaf, base: Draw) -> Draw:
    """Return an indicator that another one decides: its part of the sum, or the cases behind it."""
    nothing = np.full(len(base.value), np.nan)
    if leaf.part_of:
        part = 100 * base.truth / base.truth.sum()
        return Draw(part, part, nothing, nothing)
    return Draw(base.truth * base.n / 100, base.value * base.n / 100, nothing, nothing)


def within(found: Draw, low: float, high: float) -> Draw:
    """Return an indicator kept between the ends that the table of indicators admits."""
    ends = (np.nan_to_num(low, nan=-np.inf), np.nan_to_num(high, nan=np.inf))
    return Draw(np.clip(found.truth, *ends), np.clip(found.value, *ends), found.se, found.n)


def rows_of(found: Draw, leaf: Leaf, period: int) -> pd.DataFrame:
    """Return what was observed as rows of values, rounded, with its half-width; and the truth."""
    digits = 0 if leaf.shape == "count" or leaf.number_of else leaf.digits
    half = 0.0 if leaf.shape == "count" or leaf.number_of else 0.5 * 10.0**-digits
    return pd.DataFrame({
        "period": str(period), "vintage": "v1", "value": found.value.round(digits),
        "as_of": f"{period + 1}-01-31", "confidence": "synthetic", "se": found.se.round(3),
        "half_width": half, "n": found.n, "evidence": "", "truth": found.truth,
    })  # fmt: skip
