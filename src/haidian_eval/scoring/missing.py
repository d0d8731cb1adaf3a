"""Missing values of one indicator: filled by a named policy, with a record, or left missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError

FILLED = ["unit_id", "indicator_id", "policy", "value"]


def m_zero(x: pd.Series, groups: pd.Series | None, before: pd.Series | None) -> pd.Series:
    """Return zero for every unit."""
    return pd.Series(0.0, x.index)


def m_mean(x: pd.Series, groups: pd.Series | None, before: pd.Series | None) -> pd.Series:
    """Return the mean of the known values."""
    return pd.Series(x.mean(), x.index)


def m_median(x: pd.Series, groups: pd.Series | None, before: pd.Series | None) -> pd.Series:
    """Return the median of the known values."""
    return pd.Series(x.median(), x.index)


def m_group_mean(x: pd.Series, groups: pd.Series | None, before: pd.Series | None) -> pd.Series:
    """Return the mean of the known values of the unit's peer group; without any, missing."""
    if groups is None:
        raise ParameterError(f"{x.name}: missing = 'group_mean' needs groups; none were given")
    return x.groupby(groups.reindex(x.index).to_numpy()).transform("mean")


def m_carry_forward(x: pd.Series, groups: pd.Series | None, before: pd.Series | None) -> pd.Series:
    """Return the unit's value of one period earlier; without any, missing."""
    if before is None:
        raise ParameterError(
            f"{x.name}: missing = 'carry_forward' needs the previous period; none was given"
        )
    return before.reindex(x.index)


FILLS: Mapping[str, Callable[[pd.Series, pd.Series | None, pd.Series | None], pd.Series]] = {
    "zero": m_zero,
    "mean": m_mean,
    "median": m_median,
    "group_mean": m_group_mean,
    "carry_forward": m_carry_forward,
}
MISSING = ("reweight", "propagate", *FILLS)


def fill_missing(
    values: pd.DataFrame, policies: pd.Series, groups: pd.Series | None = None,
    previous: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """Return the values with missing cells filled, and one row per filled cell.

    Parameters: `values` unit x indicator; `policies` indicator -> policy. Indicators whose policy
    fills nothing, and cells for which a policy knows no value, stay as they are.
    Raises ParameterError where a policy needs groups or a previous period that is not given.
    """
    filled, records = values.copy(), []
    for leaf, policy in policies[policies.isin(list(FILLS))].items():
        x = values[leaf]
        before = None if previous is None or leaf not in previous else previous[leaf]
        new = FILLS[policy](x, groups, before).where(x.isna())
        filled[leaf] = x.fillna(new)
        cells = new.dropna()
        records.append(pd.DataFrame({
            "unit_id": cells.index, "indicator_id": leaf, "policy": policy,
            "value": cells.to_numpy(dtype=np.float64),
        }))  # fmt: skip
    table = pd.concat(records, ignore_index=True) if records else pd.DataFrame(columns=FILLED)
    return filled, table
