"""Outliers: an indicator with a long tail is winsorised, or else its logarithm is taken."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError

FEWEST = 4  # the kurtosis divides by n - 3
OFFSET = 0.01  # of the range: keeps the logarithm of the lowest value finite


@dataclass(frozen=True, slots=True)
class Treated:
    """Values after the treatment, and what it changed.

    values: unit x indicator, as given but for the changed cells. cells: one row per changed cell:
    unit_id, indicator_id, before, after, method ("winsorised" | "log").
    """

    values: pd.DataFrame
    cells: pd.DataFrame


def moments(x: np.ndarray) -> tuple[float, float]:
    """Return skewness G1 and excess kurtosis G2; missing below four values or without a range."""
    n = len(x)
    if n < FEWEST or x.min() == x.max():
        return float("nan"), float("nan")
    centred = (x - x.mean()) / (x.max() - x.min())  # scaled, or tiny values would underflow
    squares = centred * centred
    m2 = squares.mean()
    skew = (squares * centred).mean() / m2**1.5 * np.sqrt(n * (n - 1)) / (n - 2)
    excess = squares @ squares / n / m2**2 - 3
    return float(skew), float((n - 1) * ((n + 1) * excess + 6) / ((n - 2) * (n - 3)))


def skewness(x: pd.Series) -> float:
    """Return G1 = g1 sqrt(n (n - 1)) / (n - 2), g1 = m3 / m2^1.5 (Joanes and Gill 1998).

    Missing, like the kurtosis, below four values and where all are the same.
    """
    return moments(x.dropna().to_numpy(dtype="float64"))[0]


def kurtosis(x: pd.Series) -> float:
    """Return the excess G2 = (n - 1) ((n + 1) g2 + 6) / ((n - 2) (n - 3)), g2 = m4 / m2^2 - 3.

    0 for a normal distribution (Joanes and Gill 1998). Missing below four values and where all are
    the same.
    """
    return moments(x.dropna().to_numpy(dtype="float64"))[1]


def drawn_in(x: np.ndarray, limit: int, skewness: float, kurtosis: float) -> np.ndarray | None:
    """Return the values with extremes drawn in until they pass; None where `limit` is not enough.

    The highest value (the lowest where the skewness is negative), with those tied to it, takes the
    next one; all values at an end that was moved count.
    """
    drawn, moved = x.copy(), {True: 0, False: 0}
    while True:
        skew, kurt = moments(drawn)
        if not (abs(skew) >= skewness and kurt >= kurtosis):
            return None if np.isnan(skew) and not np.isnan(moments(x)[0]) else drawn
        if sum(moved.values()) >= limit:
            return None
        upper = skew >= 0
        end = drawn == (drawn.max() if upper else drawn.min())
        drawn[end] = drawn[~end].max() if upper else drawn[~end].min()
        moved[upper] = int(end.sum())


def treat_outliers(
    values: pd.DataFrame, max_winsorised: int = 5, skewness: float = 2, kurtosis: float = 3.5
) -> Treated:
    """Return the values with long tails drawn in, and every cell that this changed (OECD 2008).

    An indicator with |skewness| and kurtosis both at or above the limits is winsorised one value at
    a time, at most `max_winsorised`; where that is not enough it is left whole and becomes
    ln(x - min + 0.01 (max - min)), as COINr 1.1.14 has it. Fewer than four values or one value only
    stay as they are, and so does what is missing.
    """
    if max_winsorised < 0 or values.columns.has_duplicates or values.index.has_duplicates:
        raise ParameterError(
            f"treat_outliers needs max_winsorised of zero or more (found {max_winsorised}) and"
            " units and indicators that stand once"
        )
    treated, changes = {}, []
    for name in values.columns:
        before = pd.to_numeric(values[name], errors="coerce").to_numpy("float64", na_value=np.nan)
        wrong = values.index[~np.isfinite(before) & values[name].notna().to_numpy()]
        if len(wrong):
            raise ParameterError(f"{name}: {wrong[0]} has no finite number; correct the value")
        known, after = ~np.isnan(before), before.copy()
        x, method = before[known], "winsorised"
        drawn = drawn_in(x, max_winsorised, skewness, kurtosis)
        if drawn is None:
            drawn, method = np.log(x - x.min() + OFFSET * np.ptp(x)), "log"
        after[known] = drawn
        at = np.flatnonzero(known & ((after != before) | (method == "log")))
        changes += [(values.index[i], name, before[i], after[i], method) for i in at]
        treated[name] = after
    columns = ["unit_id", "indicator_id", "before", "after", "method"]
    frame = pd.DataFrame(treated, index=values.index, columns=values.columns)
    return Treated(frame, pd.DataFrame(changes, columns=columns))
