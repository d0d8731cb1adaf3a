"""Outliers: hand arithmetic, foreign moments, properties, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from haidian_eval.errors import ParameterError
from haidian_eval.scoring.outliers import kurtosis, skewness, treat_outliers

TOLERANCE = 1e-12
NAN = float("nan")
EVEN = [float(i) for i in range(1, 11)]


def one(*values: float) -> pd.DataFrame:
    """One indicator over units u0, u1 ..."""
    units = [f"u{i}" for i in range(len(values))]
    return pd.DataFrame({"a": values}, index=units, dtype="float64")


def after(x: pd.DataFrame, limit: int = 5) -> pd.Series:
    """The values of the one indicator after the treatment."""
    return treat_outliers(x, limit).values["a"]  # noqa: PD011 - the field of Treated


def test_moments_by_hand() -> None:
    # 0 0 0 4: mean 1, deviations -1 -1 -1 3; m2 = 3, m3 = 6, m4 = 21
    # g1 = 6 / 3^1.5, G1 = g1 x 12^.5 / 2 = 2; g2 = 21/9 - 3 = -2/3, G2 = 3 (5 g2 + 6) / 2 = 4
    x = pd.Series([0.0, 0, 0, 4, NAN])
    assert skewness(x) == pytest.approx(2, abs=TOLERANCE)
    assert kurtosis(x) == pytest.approx(4, abs=TOLERANCE)
    assert skewness(-x) == pytest.approx(-2, abs=TOLERANCE)


@given(st.lists(st.integers(-1000, 1000), min_size=5, max_size=30).filter(lambda x: len({*x}) > 1))
def test_moments_are_those_that_pandas_knows(values: list[int]) -> None:
    x = pd.Series(values, dtype="float64")
    assert skewness(x) == pytest.approx(x.skew(), rel=1e-6, abs=1e-9)
    assert kurtosis(x) == pytest.approx(x.kurt(), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("values", [[], [1.0, 2, 9], [5.0] * 9, [NAN] * 6, [1.0, 2, 9, NAN]])
def test_moments_are_missing_where_they_are_not_defined(values: list[float]) -> None:
    x = pd.Series(values, dtype="float64")
    assert np.isnan([skewness(x), kurtosis(x)]).all()
    treated = treat_outliers(x.to_frame("a"))
    assert after(x.to_frame("a")).equals(x)
    assert treated.cells.empty


def test_one_outlier_takes_the_next_value() -> None:
    treated = treat_outliers(one(*EVEN, 100))
    assert after(one(*EVEN, 100)).tolist() == [*EVEN, 10]
    assert treated.cells.to_dict("records") == [
        {"unit_id": "u10", "indicator_id": "a", "before": 100, "after": 10, "method": "winsorised"}
    ]


def test_a_low_outlier_takes_the_next_one_up() -> None:
    assert after(one(*EVEN, -90)).tolist() == [*EVEN, 1]


def test_two_outliers_take_the_third_value_and_ties_move_together() -> None:
    # 30 of 12 values is still too far after 100 has become 30; tied 100s count as two
    values = [*EVEN, *EVEN, 60, 100]
    assert after(one(*values)).tolist() == [*EVEN, *EVEN, 10, 10]
    tied = treat_outliers(one(*EVEN, *EVEN, *EVEN, 100, 100), 2)
    assert tied.cells["after"].tolist() == [10, 10]


def test_what_winsorising_cannot_mend_is_left_whole_and_logged() -> None:
    values = np.array([*EVEN, *EVEN, 60, 100])
    treated = treat_outliers(one(*values), 1)
    # ln(x - 1 + .01 x 99)
    expected = np.log(values - 1 + 0.99)
    assert after(one(*values), 1).tolist() == pytest.approx(expected.tolist(), rel=TOLERANCE)
    assert treated.cells["method"].tolist() == ["log"] * 22
    assert treated.cells["before"].tolist() == values.tolist()


def test_without_winsorising_the_logarithm_is_taken_at_once() -> None:
    assert set(treat_outliers(one(*EVEN, 100), 0).cells["method"]) == {"log"}


def test_one_value_against_equal_ones_is_logged_not_levelled() -> None:
    # drawing 2 in would leave nothing to tell: ln(.01), ln(1.01)
    expected = [np.log(0.01)] * 9 + [np.log(1.01)]
    assert after(one(*[1.0] * 9, 2)).tolist() == pytest.approx(expected, rel=TOLERANCE)


def test_limits_are_met_from_the_limit_on_and_both_are_needed() -> None:
    x = one(*EVEN, 100)
    skew, kurt = skewness(x["a"]), kurtosis(x["a"])
    assert not treat_outliers(x, skewness=skew, kurtosis=kurt).cells.empty
    assert treat_outliers(x, skewness=skew + 1e-9, kurtosis=kurt).cells.empty
    assert treat_outliers(x, skewness=skew, kurtosis=kurt + 1e-9).cells.empty


def test_missing_values_stay_missing_and_the_argument_stays_as_it_was() -> None:
    x = one(NAN, *EVEN, 100)
    before = x.copy()
    treated = treat_outliers(x)
    assert after(x).isna().tolist() == [True] + [False] * 11
    assert treated.cells["unit_id"].tolist() == ["u11"]
    assert x.equals(before)


@given(st.lists(st.integers(-1000, 1000), min_size=4, max_size=40), st.integers(0, 5))
def test_the_order_of_the_units_is_never_turned(values: list[int], limit: int) -> None:
    x = one(*map(float, values))
    treated = after(x, limit)
    assert np.isfinite(treated).all()
    ordered = treated[x["a"].sort_values(kind="stable").index]
    assert (ordered.diff().dropna() >= 0).all()
    changed = x["a"] != treated
    assert set(treat_outliers(x, limit).cells["unit_id"]) >= set(changed.index[changed])
    turned = after(x.iloc[::-1], limit)
    assert turned[x.index].tolist() == pytest.approx(treated.tolist())


def test_what_is_no_frame_of_finite_numbers_is_refused() -> None:
    with pytest.raises(ParameterError, match="a: u10 has no finite number"):
        treat_outliers(one(*EVEN, np.inf))
    with pytest.raises(ParameterError, match="a: u3 has no finite number"):
        treat_outliers(one(*EVEN).astype("object").replace(4.0, "four"))
    with pytest.raises(ParameterError, match="found -1"):
        treat_outliers(one(*EVEN), -1)
    with pytest.raises(ParameterError, match="stand once"):
        treat_outliers(pd.concat([one(*EVEN), one(*EVEN)]))
