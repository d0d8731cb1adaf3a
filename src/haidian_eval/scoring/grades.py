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
    rows = own.sort_values("lower", ascending=False).to_dict("records")
    if own["lower"].isna().any() or own["lower"].duplicated().any():
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
        if cap != "yes" and grades and cap not in grades:
            raise ParameterError(not_known(f"{node}: veto = {cap!r}", cap, ["yes", *grades]))


def missed(values: pd.DataFrame, nodes: pd.DataFrame) -> pd.DataFrame:
    """Return unit x binding indicator: whether the value is known and misses its target.

    Without a target nothing can be missed; a missing value is not a miss, coverage shows it.
    """
    binding = nodes[(nodes["veto"] != NO) & nodes["target"].notna()]
    found = {}
    for leaf, row in binding.iterrows():
        x, cost = values[leaf], row["direction"] == "cost"
        found[leaf] = x > row["target"] if cost else x < row["target"]
    return pd.DataFrame(found, index=values.index, dtype=bool)


def meets(scores: Mapping[str, Any], condition: Condition) -> Any:
    """Return which units meet a condition; a missing score meets none."""
    return COMPARE[condition.compare](scores[condition.of], condition.points)


def places(scores: Mapping[str, Any], bands: tuple[Band, ...]) -> np.ndarray:
    """Return the place of the band of each score, 0 the highest; len(bands) where none holds.

    `scores`: name -> series or arrays of one shape, such as draws x units.
    """
    held = [np.logical_and.reduce([meets(scores, c) for c in band.conditions]) for band in bands]
    none_left = np.ones(np.shape(scores["index"]), dtype=bool)
    found: np.ndarray = np.argmax([*held, none_left], axis=0)
    return found


def shortfall(scores: Mapping[str, pd.Series], band: Band) -> np.ndarray:
    """Return the largest number of points that a unit lacks for a band."""
    short = [c.points - scores[c.of] for c in band.conditions if c.compare in (">=", ">")]
    lacking: np.ndarray = np.maximum.reduce([s.to_numpy(dtype="float64") for s in short])
    return np.maximum(lacking, 0)


def highest_left(missed: pd.DataFrame, veto: pd.Series, bands: tuple[Band, ...]) -> np.ndarray:
    """Return the place of the highest band that the missed indicators leave to each unit."""
    left = np.zeros(len(missed), dtype=int)
    names = [band.grade for band in bands]
    for leaf in missed if bands else ():
        limit = min(1, len(bands) - 1) if veto[leaf] == "yes" else names.index(veto[leaf])
        left = np.where(missed[leaf], np.maximum(left, limit), left)
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
    capped = missed.apply(lambda row: ";".join(row.index[row]), axis=1).reindex(index.index)
    names = [band.grade for band in bands]
    place = places(scores, bands) if bands else np.zeros(len(index), dtype=int)
    distance = np.full(len(index), np.nan)
    for at in range(1, len(bands) + 1):
        distance = np.where(place == at, shortfall(scores, bands[at - 1]), distance)
    place = np.maximum(place, highest_left(missed, veto, bands))
    words = np.array([*names, ""], dtype=object)[place] if bands else np.full(len(index), "")
    return Grades(
        pd.Series(np.where(missing, "", words), index.index, dtype="str"),
        pd.Series(np.where(missing, np.nan, distance), index.index),
        capped.fillna("").astype("str"),
    )
