"""A table looked at before it is read: are its columns there, are its weights weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError, not_known
from haidian_eval.satisfaction.calibration import AnyDesign, base, needed
from haidian_eval.satisfaction.cells import columns_of
from haidian_eval.satisfaction.design import Design, Replicates


def first_number(source: Any, name: str) -> float:
    """Return a number near those of a column: sums of differences from it keep their digits."""
    if isinstance(source, pd.DataFrame):
        at = source[name].first_valid_index()
        value = float(source[name].loc[[at]].iloc[0]) if at is not None else 0.0
    else:
        rows = reduce_first(source, name)
        value = float(rows) if rows is not None else 0.0
    return value if np.isfinite(value) else 0.0


def reduce_first(source: Any, name: str) -> Any:
    """Return the first number of a column of a DuckDB relation or a Dask frame."""
    if hasattr(source, "dask"):
        some = source[name].head(1, npartitions=-1)
        return None if not len(some) or pd.isna(some.iloc[0]) else some.iloc[0]
    some = source.limit(1000).df()[name].dropna()
    return some.iloc[0] if len(some) else None


def check_columns(
    source: Any, design: AnyDesign, numbers: Sequence[str], keys: Sequence[str]
) -> dict[str, Any]:
    """Return the columns of a table; raise ParameterError for absent, double or textual ones."""
    own = base(design)
    known = columns_of(source)
    weights = [own.weights] if own.weights else []
    extra = list(own.replicates.columns) if isinstance(own.replicates, Replicates) else []
    for name in (*needed(design), *weights, *numbers, *keys, *extra):
        if name not in known:
            raise ParameterError(not_known(f"column {name!r}", name, known))
    for name in (*weights, *numbers):
        if not (known[name].is_numeric() or known[name] == nw.Boolean):
            raise ParameterError(
                f"column {name!r} holds {known[name]}, not numbers; for levels choose "
                "kind='proportion'"
            )
    return known


def check_weights(cells: pd.DataFrame, design: Design, source: Any) -> None:
    """Raise ParameterError for weights that are missing, negative, infinite or nothing in sum."""
    if not design.weights:
        return
    none, bad = int(cells["_none"].sum()), int(cells["_bad"].sum())
    if none or bad:
        what = f"blank in {none} rows" if none else f"negative in {bad} rows"
        raise ParameterError(
            f"weights in column {design.weights!r} are {what}; every respondent needs a weight of "
            "at least 0 (0: not in the sample)"
        )
    total = float(cells["_w0"].sum())
    if not np.isfinite(total):
        raise ParameterError(f"weights in column {design.weights!r} are infinite in some rows")
    if total <= 0:
        raise ParameterError(f"weights in column {design.weights!r} add up to nothing")
