"""Missing values of one indicator: filled by a named policy, with a record, or left missing.

A policy takes values with the units on the last axis, and returns what to put in their gaps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError
from haidian_eval.scoring.rules import mean_and_sd

FILLED = ["unit_id", "indicator_id", "policy", "value"]
Aside = np.ndarray | None  # codes of the peer groups, or values of the previous period, by unit


def m_zero(x: np.ndarray, groups: Aside, before: Aside) -> np.ndarray:
    """Return zero for every unit."""
    return np.zeros(x.shape)


def m_mean(x: np.ndarray, groups: Aside, before: Aside) -> np.ndarray:
    """Return the mean of the known values; missing where none is known."""
    known = (~np.isnan(x)).any(axis=-1, keepdims=True)
    return np.broadcast_to(np.where(known, mean_and_sd(x)[0], np.nan), x.shape)


def m_median(x: np.ndarray, groups: Aside, before: Aside) -> np.ndarray:
    """Return the median of the known values; missing where none is known."""
    if not x.shape[-1]:
        return x
    count = (~np.isnan(x)).sum(axis=-1, keepdims=True)
    ordered = np.sort(x, axis=-1)  # missing values come last
    ends = [np.take_along_axis(ordered, np.maximum(at, 0), axis=-1)
            for at in ((count - 1) // 2, np.minimum(count // 2, x.shape[-1] - 1))]  # fmt: skip
    return np.broadcast_to((ends[0] + ends[1]) / 2, x.shape)


def m_group_mean(x: np.ndarray, groups: Aside, before: Aside) -> np.ndarray:
    """Return the mean of the known values of the unit's peer group; without any, missing."""
    if groups is None:
        raise ParameterError("missing = 'group_mean' needs groups; none were given")
    filled = np.full(x.shape, np.nan)
    for code in set(groups.tolist()) - {-1}:
        own = groups == code
        filled[..., own] = m_mean(x[..., own], None, None)
    return filled


def m_carry_forward(x: np.ndarray, groups: Aside, before: Aside) -> np.ndarray:
    """Return the unit's value of one period earlier; without any, missing."""
    if before is None:
        raise ParameterError("missing = 'carry_forward' needs the previous period; none was given")
    return np.broadcast_to(before, x.shape)


FILLS: Mapping[str, Callable[[np.ndarray, Aside, Aside], np.ndarray]] = {
    "zero": m_zero,
    "mean": m_mean,
    "median": m_median,
    "group_mean": m_group_mean,
    "carry_forward": m_carry_forward,
}
MISSING = ("reweight", "propagate", *FILLS)


def fill_leaf(
    x: np.ndarray, policy: str, name: str, groups: Aside = None, before: Aside = None
) -> np.ndarray:
    """Return the values of one indicator with their gaps filled as far as the policy knows."""
    if policy not in FILLS:
        return x
    try:
        return np.where(np.isnan(x), FILLS[policy](x, groups, before), x)
    except ParameterError as error:
        raise ParameterError(f"{name}: {error}") from None


def fill_missing(
    values: pd.DataFrame, policies: pd.Series, groups: pd.Series | None = None,
    previous: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """Return the values with missing cells filled, and one row per filled cell.

    Parameters: `values` unit x indicator; `policies` indicator -> policy. Indicators whose policy
    fills nothing, and cells for which a policy knows no value, stay as they are.
    Raises ParameterError where a policy needs groups or a previous period that is not given.
    """
    filling = policies[policies.isin(list(FILLS))]
    codes = None if groups is None else pd.factorize(groups.reindex(values.index))[0]
    earlier = None if previous is None else previous.reindex(values.index)
    filled, records = {}, []
    for leaf, policy in filling.items():
        x = values[leaf].to_numpy(dtype="float64")
        before = None if earlier is None or leaf not in earlier else earlier[leaf].to_numpy()
        filled[leaf] = fill_leaf(x, policy, str(leaf), codes, before)
        new = np.isnan(x) & ~np.isnan(filled[leaf])
        table = {"unit_id": values.index[new], "indicator_id": leaf, "policy": policy}
        records.append(pd.DataFrame(table | {"value": filled[leaf][new]}))
    whole = pd.concat(records, ignore_index=True) if records else pd.DataFrame(columns=FILLED)
    return values.assign(**filled) if filled else values, whole
