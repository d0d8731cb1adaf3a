"""A table looked at before it is read: are its columns there, are its weights weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError, not_known
from haidian_eval.satisfaction.calibration import AnyDesign, base, calibrated_by
from haidian_eval.satisfaction.cells import columns_of
from haidian_eval.satisfaction.design import Replicates

SAME = 1e-9  # relative variance of a number that does not vary


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
    counts = [own.weights] if own.weights else []
    counts += own.fpc or ()
    extra = list(own.replicates.columns) if isinstance(own.replicates, Replicates) else []
    for name in (*own.columns, *calibrated_by(design), *numbers, *keys, *extra):
        if name not in known:
            raise ParameterError(not_known(f"column {name!r}", name, known))
    for name in (*counts, *numbers):
        if not (known[name].is_numeric() or known[name] == nw.Boolean):
            raise ParameterError(
                f"column {name!r} holds {known[name]}, not numbers; for levels choose "
                "kind='proportion'"
            )
    return known


def check_weights(source: Any, name: str | None) -> None:
    """Raise ParameterError for weights that are missing, negative, infinite or nothing in sum."""
    if not name:
        return
    least, most, none = weight_range(source, name)
    if none or not least >= 0:
        what = f"blank in {none} rows" if none else f"negative in some rows (as low as {least:g})"
        raise ParameterError(
            f"weights in column {name!r} are {what}; every respondent needs a weight of at least 0 "
            "(0: not in the sample)"
        )
    if not np.isfinite(most) or most <= 0:
        what = "are infinite in some rows" if most > 0 else "add up to nothing"
        raise ParameterError(f"weights in column {name!r} {what}")


def weight_range(source: Any, name: str) -> tuple[float, float, int]:
    """Return the least and the largest weight and the number of rows without one."""
    if isinstance(source, pd.DataFrame):
        own = source[name].to_numpy(dtype=float, na_value=np.nan)
        if not len(own):
            return 0.0, 1.0, 0
        least, most = float(own.min()), float(own.max())
        return least, most, int(np.isnan(own).sum()) if np.isnan(least) else 0
    if hasattr(source, "dask"):
        return dask_range(source[name])
    column = f'cast("{name}" as double)'
    least, most, none = source.aggregate(
        f"min({column}), max({column}), count(*) filter ({column} is null or isnan({column}))"
    ).fetchall()[0]
    return (0.0, 1.0, 0) if least is None and not none else (least or 0.0, most or 0.0, none)


def dask_range(column: Any) -> tuple[float, float, int]:
    """Return the range of a column of a Dask frame."""
    least, most = float(column.min().compute()), float(column.max().compute())
    return least, most, int(column.isna().sum().compute())


def there(name: str, kind: Any) -> nw.Expr:
    """Return whether a number is one, for types that know NaN as well."""
    blank = nw.col(name).is_null()
    return ~(blank | nw.col(name).is_nan()) if kind.is_float() else ~blank


def may_lack(source: Any, name: str) -> bool:
    """Return whether a column may have missing numbers."""
    return not isinstance(source, pd.DataFrame) or bool(source[name].hasnans)


def counted(cells: pd.DataFrame, name: str) -> np.ndarray:
    """Return the population count of each cell; raise ParameterError where its rows differ."""
    n = cells["_v0"].to_numpy()
    mean, square = (cells[f"{own}_{name}"].to_numpy() / n for own in ("_n", "_nn"))
    if (np.isfinite(mean) & (square - mean**2 > SAME * mean**2)).any():
        raise ParameterError(
            f"column {name!r} varies within a stratum, or is blank in some rows; a stratum has one "
            "population count"
        )
    whole = np.round(mean)
    return np.where(np.abs(mean - whole) < SAME * whole, whole, mean)
