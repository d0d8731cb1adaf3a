"""The one group-by: rows of any engine become sums per cell, and all that follows works on cells.

A pandas frame is reduced by integer codes, a DuckDB relation (`duckdb.read_parquet(path)`) by one
streamed query, a Dask frame partition by partition.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from narwhals.dependencies import is_dask_dataframe, is_duckdb_relation
from narwhals.exceptions import ColumnNotFoundError

from haidian_eval.errors import ParameterError, not_known

Asked = Mapping[str, "nw.Expr | str"]
DENSE = 1 << 20  # cells that are counted without looking which of them occur
CLOSE = 1 << 16  # range of whole numbers that need no dictionary
STRETCH = 1 << 19  # rows summed at a time
FULL = 1 << 62  # codes beyond this would run over


def reduce(source: Any, keys: Asked, sums: Asked) -> pd.DataFrame:
    """Return the sums of each cell: one row per combination of keys that occurs, sorted by keys.

    source: a pandas frame, a DuckDB relation or a Dask frame. keys, sums: name -> column or
    narwhals expression; `nw.lit(1)` counts rows. Missing summands count as 0, missing keys are a
    level of their own, sorted last. Without keys there is one row, without rows there is none. Key
    columns come as str, int64 (Int64 where some are missing), float64, bool (boolean) or
    datetime64[us], whatever the engine; sums as float64. A comparison with a missing value is
    False in pandas and missing in DuckDB: do not negate it. Raises ParameterError for a source or
    column that is not known.
    """
    known = columns_of(source)
    for name in (asked for asked in [*keys.values(), *sums.values()] if isinstance(asked, str)):
        if name not in known:
            raise ParameterError(not_known(f"column {name!r}", name, known))
    own = {name: expression(asked) for name, asked in keys.items()} or {"": nw.lit(0)}
    added = {name: expression(asked).cast(nw.Float64) for name, asked in sums.items()}
    try:
        cells = engine_of(source)(source, own, added)
    except ColumnNotFoundError as error:
        raise ParameterError(f"{error}".replace("\n", " ")) from error
    tidy = cells.assign(**{name: plain(cells[name]) for name in own})
    ordered = tidy.sort_values(list(own), ignore_index=True, kind="stable", na_position="last")
    return ordered if keys else ordered.drop(columns="")


def columns_of(source: Any) -> dict[str, Any]:
    """Return the columns of a source and their narwhals types."""
    if is_dask_dataframe(source):
        return dict(nw.from_native(source._meta).schema)
    if isinstance(source, pd.DataFrame) and source.columns.has_duplicates:
        twice = sorted(map(str, source.columns[source.columns.duplicated()]))
        raise ParameterError(f"columns {twice} stand twice in the table; rename or drop one")
    if isinstance(source, pd.DataFrame) or is_duckdb_relation(source):
        return dict(nw.from_native(source).collect_schema())
    raise ParameterError(
        f"a table was handed in as {type(source).__name__}; a pandas frame, a DuckDB relation "
        "(duckdb.read_parquet(path)) or a Dask frame is needed"
    )


def expression(asked: nw.Expr | str) -> nw.Expr:
    """Return a column by its name as an expression."""
    return nw.col(asked) if isinstance(asked, str) else asked


def engine_of(source: Any) -> Any:
    """Return the reduction that suits a source."""
    if isinstance(source, pd.DataFrame):
        return by_codes
    return by_query if is_duckdb_relation(source) else by_partition


def by_query(source: Any, keys: Mapping[str, nw.Expr], sums: Mapping[str, nw.Expr]) -> pd.DataFrame:
    """Return unsorted sums by one query, which DuckDB streams; only the cells are fetched."""
    names = {f"k{at}": name for at, name in enumerate(keys)}  # a sum may be named like a column
    names |= {f"s{at}": name for at, name in enumerate(sums)}
    asked = dict(zip(names, [*keys.values(), *(sums[n].fill_nan(0) for n in sums)], strict=True))
    rows = nw.from_native(source).select(**asked)
    totals = [nw.col(name).sum() for name in names if name[0] == "s"]
    grouped = rows.group_by(*(name for name in names if name[0] == "k")).agg(*totals)
    cells: pd.DataFrame = grouped.to_native().df().rename(columns=names)
    return cells.fillna(dict.fromkeys(sums, 0.0))


def by_partition(
    source: Any, keys: Mapping[str, nw.Expr], sums: Mapping[str, nw.Expr]
) -> pd.DataFrame:
    """Return unsorted sums of the sums of each partition."""
    dask: Any = import_module("dask")  # time that the other engines need not wait
    partial = [dask.delayed(by_codes)(part, keys, sums) for part in source.to_delayed()]
    parts = [part.assign(**{name: plain(part[name]) for name in keys})
             for part in dask.compute(*partial) if len(part)]  # fmt: skip
    if not parts:
        return by_codes(source._meta, keys, sums)
    return pd.concat(parts).groupby(list(keys), dropna=False, as_index=False).sum()


def by_codes(
    source: pd.DataFrame, keys: Mapping[str, nw.Expr], sums: Mapping[str, nw.Expr]
) -> pd.DataFrame:
    """Return sums by integer codes, a stretch of rows at a time, so that all stays in the cache."""
    code, known, levels = one_code(nw.from_native(source), keys)
    totals = {name: np.zeros(len(known)) for name in sums}
    for at in range(0, len(code), STRETCH) if sums else ():
        own, part = code[at : at + STRETCH], nw.from_native(source.iloc[at : at + STRETCH])
        for name, summand in part.select(**sums).to_native().items():
            totals[str(name)] += total(summand, own, len(known))
    places = np.unravel_index(known, [len(level) for level in levels])
    named = zip(keys, levels, places, strict=True)
    return pd.DataFrame({name: level.take(at).array for name, level, at in named} | totals)


def one_code(
    rows: nw.DataFrame[Any], keys: Mapping[str, nw.Expr]
) -> tuple[np.ndarray, np.ndarray, list[pd.Series]]:
    """Return the cell of each row, the combination of levels of each cell, the levels of each key.

    Combinations that do not occur are left out on the way, so that keys that follow from others
    (the street of a stratum, its population) cost little.
    """
    code, known, levels = np.zeros(len(rows), dtype=np.int64), np.zeros(1, dtype=np.int64), []
    for key in keys.values():
        own, level, low = codes_of(rows.select(key.alias("key")).to_native()["key"])
        levels.append(level)
        if combinations(levels) > FULL:
            raise ParameterError(f"the keys {[*keys]} have too many combinations for one table")
        code *= len(level)
        code += own
        code -= low
        code, seen = occurring(code, len(known) * len(level))
        known = known[seen // len(level)] * len(level) + seen % len(level)
    return code, known, levels


def occurring(code: np.ndarray, space: int) -> tuple[np.ndarray, np.ndarray]:
    """Return codes 0, 1, ... in place of those that occur, and those that occur."""
    if space > max(DENSE, len(code)):
        return pd.factorize(code)
    seen = np.flatnonzero(np.bincount(code, minlength=space))
    if len(seen) == space:
        return code, seen
    place = np.zeros(space, dtype=np.int64)
    place[seen] = np.arange(len(seen))
    return np.take(place, code, out=code), seen


def combinations(levels: list[pd.Series]) -> int:
    """Return how many cells there could be."""
    return math.prod(len(level) for level in levels)


def total(summand: pd.Series, code: np.ndarray, space: int) -> np.ndarray:
    """Return the sum in every cell; missing summands count as 0, a constant stands for each row."""
    own = summand.to_numpy(dtype="float64", na_value=np.nan)
    if np.isnan(own.sum()):
        own = np.where(np.isnan(own), 0.0, own)
    return np.asarray(np.bincount(code, np.broadcast_to(own, len(code)), space))


def codes_of(key: pd.Series) -> tuple[np.ndarray, pd.Series, int]:
    """Return a code for each row, the level of each (missing: the last one), the lowest code."""
    if narrow(key):
        low, high = int(key.min()), int(key.max())
        return key.to_numpy(), pd.Series(np.arange(low, high + 1)).astype(key.dtype), low
    if isinstance(key.dtype, pd.CategoricalDtype):
        own, level = key.cat.codes.to_numpy(), pd.Series(key.cat.categories)
    else:
        own, found = pd.factorize(key)
        level = pd.Series(found)
    if len(own) and own.min() < 0:
        own = np.where(own < 0, len(level), own)
        level = level.reindex(range(len(level) + 1))
    return own, level, 0


def narrow(key: pd.Series) -> bool:
    """Return whether a key holds whole numbers so close that each can be its own code."""
    whole = isinstance(key.dtype, np.dtype) and key.dtype.kind in "bui" and key.dtype != "uint64"
    return whole and len(key) > 0 and int(key.max()) - int(key.min()) < CLOSE


def plain(key: pd.Series) -> pd.Series:
    """Return the levels of a key in the one type that all engines share."""
    kind = pd.api.types.infer_dtype(key, skipna=True)
    if kind in ("date", "datetime", "datetime64"):
        return pd.to_datetime(key).astype("datetime64[us]")
    if kind == "boolean":
        return key.astype("boolean" if key.hasnans else "bool")
    if pd.api.types.is_numeric_dtype(key.dtype):
        own = key.astype("Float64")
        whole = (own.dropna() % 1 == 0).all()
        return own.astype(("Int64" if own.isna().any() else "int64") if whole else "float64")
    return key.astype("str")
