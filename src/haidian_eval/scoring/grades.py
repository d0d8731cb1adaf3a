"""Grades: bands with a second condition, caps by binding indicators, the way to the next band."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError, not_known
from haidian_eval.scoring.ranking import TIES

PART = re.compile(r"\s*([\w.-]+)\s*(>=|<=|>|<)\s*(-?\d+(?:\.\d+)?)\s*")
COMPARE: Mapping[str, Callable[[Any, float], Any]] = {
    ">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt,
}  # fmt: skip
OWN = ("index", "base_score")
NO = "no"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a band: a score (index, base_score or a node), a comparison, points."""

    of: str
    compare: str
    points: float


@dataclass(frozen=True, slots=True)
class Band:
    """One grade: conditions on unrounded scores, all of which hold; the first is its lower end."""

    grade: str
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Grades:
    """Grade, points to the next band (missing at the top) and missed binding indicators by unit."""

    grade: pd.Series
    distance_to_next: pd.Series
    capped_by: pd.Series


def read_bands(bands: pd.DataFrame | None, scheme: str, nodes: pd.Index) -> tuple[Band, ...]:
    """Return the bands of one scheme, the highest first; conditions that cannot be read raise."""
    if bands is None or bands.empty:
        return ()
    own = bands if "scheme_id" not in bands else bands[bands["scheme_id"] == scheme]
    own = own.assign(lower=pd.to_numeric(own["lower"]))
    rows = own.sort_values("lower", ascending=False).to_dict("records")
    twice = own["lower"].duplicated().any() or own["grade"].duplicated().any()
    if twice or own["lower"].isna().any():
        raise ParameterError(f"bands of {scheme!r}: every grade needs a lower end of its own")
    return tuple(
        Band(str(row["grade"]), (
            Condition("index", ">=", float(row["lower"])),
            *read_conditions(row.get("condition"), f"bands, {row['grade']}", [*OWN, *nodes]),
        ))
        for row in rows
    )  # fmt: skip


def read_conditions(text: object, what: str, known: Sequence[str]) -> list[Condition]:
    """Return the parts of a condition such as "base_score >= 90 and service >= 60"."""
    if not isinstance(text, str) or not text.strip():
        return []
    found = []
    for part in text.split(" and "):
        match = PART.fullmatch(part)
        if match is None:
            raise ParameterError(f"{what}: condition {part!r} is not of the form base_score >= 90")
        if match[1] not in known:
            raise ParameterError(not_known(f"{what}: condition on {match[1]!r}", match[1], known))
        found.append(Condition(match[1], match[2], float(match[3])))
    return found


def check_vetoes(nodes: pd.DataFrame, leaves: list[str], bands: tuple[Band, ...]) -> None:
    """Refuse binding indicators that are no leaves, have no target or cap at an unknown grade."""
    grades = [band.grade for band in bands]
    for node, cap in nodes.loc[nodes["veto"] != NO, "veto"].items():
        if node not in leaves:
            raise ParameterError(f"{node}: veto stands at an indicator, not at a parent")
        if pd.isna(nodes.at[node, "target"]):
            raise ParameterError(
                f"{node}: a binding indicator needs its target; set it or veto = no"
            )
        if cap != "yes" and grades and cap not in grades:
            raise ParameterError(not_known(f"{node}: veto = {cap!r}", cap, ["yes", *grades]))


def missed(values: pd.DataFrame, nodes: pd.DataFrame) -> pd.DataFrame:
    """Return unit x binding indicator: whether the value is known and misses its target.

    A missing value is not a miss; coverage shows it.
    """
    return pd.DataFrame(misses(values, nodes), index=values.index, dtype=bool)


def misses(values: Mapping[str, Any] | pd.DataFrame, nodes: pd.DataFrame) -> dict[str, Any]:
    """Return binding indicator -> which of its values, a series or an array, miss the target."""
    binding = nodes[nodes["veto"] != NO]
    rows = zip(binding.index, binding["target"], binding["direction"] == "cost", strict=True)
    return {
        leaf: values[leaf] > target if cost else values[leaf] < target
        for leaf, target, cost in rows
    }


def meets(scores: Mapping[str, Any], condition: Condition) -> Any:
    """Return which units meet a condition; a missing score meets none, dust of adding aside."""
    return COMPARE[condition.compare](np.round(scores[condition.of], TIES), condition.points)


def places(scores: Mapping[str, Any], bands: tuple[Band, ...]) -> np.ndarray:
    """Return the place of the band of each score, 0 the highest; len(bands) where none holds.

    `scores`: name -> series or arrays of one shape, such as draws x units.
    """
    shape = np.shape(scores["index"])
    held = [
        np.logical_and.reduce([np.broadcast_to(meets(scores, c), shape) for c in band.conditions])
        for band in bands
    ]
    none_left = np.ones(shape, dtype=bool)
    found: np.ndarray = np.argmax([*held, none_left], axis=0)
    return found


def shortfall(scores: Mapping[str, pd.Series], band: Band) -> np.ndarray:
    """Return the largest number of points that a unit lacks for a band."""
    short = [c.points - scores[c.of] for c in band.conditions if c.compare in (">=", ">")]
    lacking: np.ndarray = np.maximum.reduce([s.to_numpy(dtype="float64") for s in short])
    return np.maximum(np.round(lacking, TIES), 0)


def highest_left(missed: Mapping[str, Any], veto: pd.Series, bands: tuple[Band, ...]) -> Any:
    """Return the place of the highest band that missed indicators leave; 0 where all are met.

    `missed`: indicator -> which miss it, series or arrays of one shape.
    """
    left: Any = 0
    names = [band.grade for band in bands]
    for leaf, misses in missed.items() if bands else ():
        limit = min(1, len(bands) - 1) if veto[leaf] == "yes" else names.index(veto[leaf])
        left = np.maximum(left, np.where(misses, limit, 0))
    return left


def grade(
    scores: Mapping[str, pd.Series], bands: tuple[Band, ...], missed: pd.DataFrame, veto: pd.Series
) -> Grades:
    """Return grades.

    Parameters: `scores` "index", "base_score" and every node -> score by unit; `missed` unit x
    binding indicator; `veto` indicator -> "yes" (at most the second band) or the highest grade
    that is left. Units without an index have no grade.
    """
    index = scores["index"]
    missing = index.isna().to_numpy()
    binding = missed.columns.to_numpy(dtype=object)
    named = [";".join(binding[row]) for row in missed.to_numpy(dtype=bool)]
    capped = pd.Series(named, index.index, dtype="str")
    names = [band.grade for band in bands]
    place = places(scores, bands) if bands else np.zeros(len(index), dtype=int)
    distance = np.full(len(index), np.nan)
    for at in range(1, len(bands) + 1):
        distance = np.where(place == at, shortfall(scores, bands[at - 1]), distance)
    place = np.maximum(place, highest_left(dict(missed.items()), veto, bands))
    words = np.array([*names, ""], dtype=object)[place] if bands else np.full(len(index), "")
    return Grades(
        pd.Series(np.where(missing, "", words), index.index, dtype="str"),
        pd.Series(np.where(missing, np.nan, distance), index.index),
        capped,
    )
