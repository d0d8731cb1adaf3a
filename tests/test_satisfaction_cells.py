"""The one group-by: three engines, the same sums."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask.dataframe as dd
import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from haidian_eval.errors import ParameterError
from haidian_eval.satisfaction.cells import columns_of, reduce

SAME = 1e-12  # the same sums in another order
Frame = pd.DataFrame
KEYS = {name: name for name in ("word", "kind", "whole", "gap", "flag", "maybe", "day")}
SUMS = {"n": nw.lit(1), "x": "x", "xx": nw.col("x") * nw.col("x"), "yes": nw.col("maybe")}


def by_duckdb(rows: Frame) -> Any:
    return duckdb.from_df(rows)


def by_dask(rows: Frame) -> Any:
    return dd.from_pandas(rows, npartitions=3)


ENGINES: dict[str, Callable[[Frame], Any]] = {"duckdb": by_duckdb, "dask": by_dask}


def example() -> Frame:
    return pd.DataFrame({"street": ["b", "a", "b", None, "a"], "age": [2, 1, 2, 1, 1],
                         "x": [1.0, 2.0, np.nan, 4.0, 5.0]})  # fmt: skip


def test_sums_by_hand() -> None:
    # a,1: 2 + 5 = 7 and 4 + 25 = 29; b,2: 1 and a missing one; no street, age 1: 4 and 16
    actual = reduce(
        example(),
        {"street": "street", "age": "age"},
        {"n": nw.lit(1), "x": "x", "xx": nw.col("x") ** 2},
    )
    expected = pd.DataFrame({"street": pd.Series(["a", "b", None], dtype="str"), "age": [1, 2, 1],
                             "n": [2.0, 2, 1], "x": [7.0, 1, 4], "xx": [29.0, 1, 16]})  # fmt: skip
    assert_frame_equal(actual, expected)


@pytest.mark.parametrize("engine", ["pandas", *ENGINES])
def test_without_keys_there_is_one_row_and_without_rows_none(engine: str) -> None:
    made = ENGINES.get(engine, lambda rows: rows)
    whole = reduce(made(example()), {}, {"x": "x", "n": nw.lit(1)})
    assert whole.to_dict("list") == {"x": [12.0], "n": [5.0]}
    for keys in ({}, {"street": "street", "age": "age"}):
        empty = reduce(made(example().iloc[:0]), keys, {"x": "x", "n": nw.lit(1)})
        assert list(empty) == [*keys, "x", "n"]
        assert len(empty) == 0


@pytest.mark.parametrize("engine", ["pandas", *ENGINES])
def test_key_may_be_an_expression_and_bear_the_name_of_another_column(engine: str) -> None:
    rows = pd.DataFrame({"d": pd.to_datetime(["2024-01-31", "2024-02-01", None]), "x": [1, 2, 4]})
    source = ENGINES.get(engine, lambda own: own)(rows)
    actual = reduce(source, {"x": nw.col("d").dt.truncate("1mo")}, {"d": "x"})
    assert actual["x"].astype("str").tolist()[:2] == ["2024-01-01", "2024-02-01"]
    assert actual["d"].tolist() == [1, 2, 4]


optional = st.none() | st.sampled_from(["a", "b", "溪"])
row = st.tuples(
    optional,
    optional,
    st.integers(-3, 3) | st.sampled_from([-(2**40), 2**40]),
    st.none() | st.integers(0, 2),
    st.booleans(),
    st.none() | st.booleans(),
    st.none() | st.dates(dt.date(2023, 12, 30), dt.date(2024, 1, 2)),
    st.none() | st.floats(-1e3, 1e3),
)


def frame_of(rows: list[tuple[Any, ...]]) -> Frame:
    own = pd.DataFrame(rows, columns=[*KEYS, "x"])
    types = {"word": "str", "whole": "int64", "gap": "float64", "flag": "bool", "x": "float64"}
    typed = own.astype({**types, "maybe": "boolean"})
    return typed.assign(
        kind=pd.Categorical(own["kind"], ["溪", "c", "b", "a"]),
        day=pd.to_datetime(own["day"]).astype("datetime64[us]"),
    )


def assert_same(actual: Frame, expected: Frame, size: float) -> None:
    sums = list(SUMS)
    assert_frame_equal(actual.drop(columns=sums), expected.drop(columns=sums))
    np.testing.assert_allclose(actual[sums], expected[sums], rtol=SAME, atol=SAME * size)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(row, min_size=1, max_size=40), st.sets(st.sampled_from([*KEYS]), min_size=1))
def test_three_engines_give_the_same_cells(rows: list[tuple[Any, ...]], asked: set[str]) -> None:
    frame, keys = frame_of(rows), {name: name for name in KEYS if name in asked}
    expected = reduce(frame, keys, SUMS)
    size = float((frame["x"].abs() + frame["x"] ** 2).sum()) + 1
    assert expected["n"].sum() == len(frame)
    assert not expected.duplicated([*keys]).any()
    for engine in ENGINES.values():
        assert_same(reduce(engine(frame), keys, SUMS), expected, size)
    assert_same(reduce(frame.iloc[::-1], keys, SUMS), expected, size)


@settings(max_examples=25, deadline=None)
@given(st.lists(row, min_size=1, max_size=40))
def test_cells_are_those_of_a_group_by(rows: list[tuple[Any, ...]]) -> None:
    frame = frame_of(rows).assign(n=1.0, kind=lambda own: own["kind"].astype("str"))
    keys = ["word", "kind", "whole"]
    expected = frame.groupby(keys, dropna=False)[["n", "x"]].sum().reset_index()
    actual = reduce(frame, {name: name for name in keys}, {"n": "n", "x": "x"})
    assert_frame_equal(actual, expected.sort_values(keys, ignore_index=True), rtol=SAME, atol=1e-9)


@pytest.mark.parametrize("engine", ["pandas", *ENGINES])
def test_more_combinations_than_rows_are_counted_all_the_same(engine: str) -> None:
    n = 3000  # 3,000 x 3,000 x 3,000 possible cells, 3,000 that occur
    rows = pd.DataFrame({"a": np.arange(n), "b": np.arange(n)[::-1], "c": np.arange(n), "x": 1.0})
    source = ENGINES.get(engine, lambda own: own)(rows)
    actual = reduce(source, {"a": "a", "b": "b", "c": "c"}, {"x": "x"})
    assert_frame_equal(actual, rows)


def test_parquet_with_nan_and_missing_values_counts_both_as_nothing(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    duckdb.sql(
        "select * from (values ('a', 'NaN'::double), ('a', 2.0), ('b', null)) as rows(k, x)"
    ).write_parquet(str(path))
    actual = reduce(duckdb.read_parquet(str(path)), {"k": "k"}, {"x": "x"})
    assert actual.to_dict("list") == {"k": ["a", "b"], "x": [2.0, 0.0]}


@pytest.mark.parametrize("engine", ["pandas", *ENGINES])
def test_column_that_is_not_there_is_named_with_the_nearest(engine: str) -> None:
    source = ENGINES.get(engine, lambda own: own)(example())
    with pytest.raises(
        ParameterError, match=r"column 'stret' is not known \(did you mean 'street'"
    ):
        reduce(source, {"street": "stret"}, {"x": "x"})
    with pytest.raises(ParameterError, match="age"):
        reduce(source, {"street": "street"}, {"x": nw.col("nowhere") * 2})
    assert list(columns_of(source)) == ["street", "age", "x"]


def test_source_of_no_known_engine_is_refused() -> None:
    with pytest.raises(ParameterError, match="handed in as list; a pandas frame"):
        reduce([1, 2], {}, {})


def test_keys_with_more_combinations_than_a_code_holds_are_refused() -> None:
    n = 3000
    rows = pd.DataFrame({f"k{at}": np.arange(n) * 1000 for at in range(6)})
    with pytest.raises(ParameterError, match="too many combinations"):
        reduce(rows, {name: name for name in rows}, {"n": nw.lit(1)})
