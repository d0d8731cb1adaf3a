"""What tables of voices (surveys, tickets, events) are made of and what they return."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from haidian_eval.params import read_toml
from haidian_eval.tables.contracts import contracts


@dataclass(frozen=True, slots=True)
class Told:
    """Tables as an edition has them by name, and what was true, which no file holds."""

    tables: Mapping[str, pd.DataFrame]
    truth: pd.DataFrame


@cache
def declared(name: str) -> dict[str, Any]:
    """Return what no edition chooses: the TOML file of this name beside this module."""
    return read_toml(Path(__file__).with_name(f"{name}.toml"))


def as_table(name: str, frame: pd.DataFrame, source: str, *, without: tuple[str, ...] = ()) -> Any:
    """Return a frame with the columns of a contract, blank where it has none, citing a source."""
    columns = [column for column in contracts()[name].columns if column not in without]
    return frame.assign(source_id=source).reindex(columns=columns)


def picked(rng: np.random.Generator, shares: Mapping[str, float], count: int) -> np.ndarray:
    """Return names drawn in proportion to their shares."""
    chances = np.array(list(shares.values()))
    return rng.choice(np.array(list(shares)), count, p=chances / chances.sum())


def written(days: Any) -> Any:
    """Return dates as they stand in files."""
    return pd.Series(days).dt.strftime("%Y-%m-%d")
