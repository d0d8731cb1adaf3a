"""Errors of the values: standard errors and half-widths of rounding, drawn again for each draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError


@dataclass(frozen=True, slots=True)
class Noise:
    """Standard error and half-width of each value: two frames unit x indicator, 0 where none."""

    se: pd.DataFrame
    half_width: pd.DataFrame


def read_noise(noise: Any, leaves: list[str], units: pd.Index) -> Noise | None:
    """Return the errors of the values, blank as zero; None where there are none.

    `noise`: a `Noise`; a mapping with frames unit x indicator named se and half_width; or the table
    of values with unit_id, indicator_id, se and half_width, one row per unit and indicator.
    """
    if noise is None:
        return None
    if isinstance(noise, pd.DataFrame) and {"unit_id", "indicator_id"} <= set(noise):
        keys = noise[["unit_id", "indicator_id"]]
        if keys.duplicated().any():
            raise ParameterError("noise: the table has more than one row per unit and indicator")
        wide = noise.pivot(index="unit_id", columns="indicator_id")
        noise = {name: wide[name] for name in ("se", "half_width") if name in noise}
    elif isinstance(noise, Noise):
        noise = {"se": noise.se, "half_width": noise.half_width}
    if not isinstance(noise, Mapping) or not set(noise) <= {"se", "half_width"}:
        raise ParameterError("noise: expected frames named 'se' and 'half_width', or a value table")
    frames = {}
    for name in ("se", "half_width"):
        given = noise.get(name)
        frame = pd.DataFrame(index=units, columns=leaves) if given is None else given
        frames[name] = frame.reindex(index=units, columns=leaves).astype("float64").fillna(0.0)
        if (frames[name] < 0).any(axis=None):
            raise ParameterError(f"noise: {name} has values below zero")
    found = Noise(**frames)
    return found if (found.se.any(axis=None) or found.half_width.any(axis=None)) else None


def noisy(values: pd.DataFrame, noise: Noise, seeds: np.ndarray) -> np.ndarray:
    """Return draw x unit x indicator: values with an error drawn for each seed.

    Indicators without a value below zero stay there: what an error takes below is turned back.
    A normal error with the standard error and a uniform one within the half-width. Errors belong to
    the names of unit and indicator, so that the order of rows and columns does not matter.
    """
    shape = values.shape
    rows, columns = np.argsort(values.index.astype(str)), np.argsort(values.columns.astype(str))
    errors = np.empty((len(seeds), *shape))
    for at, seed in enumerate(seeds):
        rng = np.random.default_rng(int(seed))
        drawn = np.empty((2, *shape))
        drawn[:, rows[:, None], columns] = rng.standard_normal(shape), rng.uniform(-1, 1, shape)
        errors[at] = noise.se.to_numpy() * drawn[0] + noise.half_width.to_numpy() * drawn[1]
    drawn_values = values.to_numpy() + errors
    never_below = ~(values < 0).any().to_numpy()  # counts, shares, concentrations: turned back at 0
    return np.where(never_below, np.abs(drawn_values), drawn_values)
