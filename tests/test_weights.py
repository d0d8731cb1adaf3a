"""Weights: hand arithmetic, textbook numbers, properties, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from haidian_eval.errors import ParameterError
from haidian_eval.scoring.weights import (
    WEIGHTS,
    ahp_weights,
    combine_weights,
    critic_weights,
    entropy_weights,
    equal_weights,
    group_judgements,
    official_weights,
    pca_weights,
)

TOLERANCE = 1e-12  # hand arithmetic on numbers near 1
FROM_DATA = [entropy_weights, critic_weights, pca_weights]
NAN = float("nan")


def frame(**columns: list[float]) -> pd.DataFrame:
    return pd.DataFrame(columns, dtype="float64")


def table() -> pd.DataFrame:
    """Ten units, two indicators that agree but for one pair."""
    return frame(a=[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], b=[2, 1, 3, 4, 5, 6, 7, 8, 9, 10])


def consistent(weights: list[float]) -> np.ndarray:
    return np.divide.outer(weights, weights)


def test_equal_weights_are_equal_whatever_the_values() -> None:
    assert equal_weights(frame(a=[NAN], b=[0], c=[5], d=[1])).tolist() == [0.25] * 4


def test_entropy_weights_by_hand() -> None:
    # a: shares 1/2 1/2 0 0, entropy ln 2 / ln 4 = 1/2; b: 1 0 0 0, entropy 0; c: all 1/4, entropy 1
    # divergence 1/2, 1, 0
    x = frame(a=[1, 1, 0, 0], b=[7, 0, 0, 0], c=[3, 3, 3, 3])
    assert entropy_weights(x).to_dict() == pytest.approx({"a": 1 / 3, "b": 2 / 3, "c": 0})


def test_critic_weights_by_hand() -> None:
    # scaled: a 0 .5 1 (sd .5), b 1 .5 0 (sd .5), c 0 1 0 (sd 3^-.5); r(a,b) = -1, others 0
    # sd x conflict: .5 x (2 + 1), .5 x (2 + 1), 3^-.5 x (1 + 1)
    x = frame(a=[10, 20, 30], b=[3, 2, 1], c=[0, 1, 0])
    raw = np.array([1.5, 1.5, 2 / np.sqrt(3)])
    assert critic_weights(x).tolist() == pytest.approx((raw / raw.sum()).tolist(), abs=TOLERANCE)


def test_pca_weights_by_hand() -> None:
    # correlations 0 between a and b, 1/2^.5 of each with c = a + b: root 2, vector (1, 1, 2^.5)
    x = frame(a=[1, 1, -1, -1], b=[1, -1, 1, -1], c=[2, 0, 0, -2])
    raw = np.array([1, 1, np.sqrt(2)])
    assert pca_weights(x).tolist() == pytest.approx((raw / raw.sum()).tolist(), abs=TOLERANCE)


def test_pca_weights_of_mixed_sign_stay_signed() -> None:
    x = frame(a=[1, 2, 3, 4], b=[1, 2, 3, 5], c=[4, 3, 2, 1])
    weights = pca_weights(x)
    assert weights.sum() == pytest.approx(1)
    assert weights["a"] > 0 > weights["c"]


@pytest.mark.parametrize("method", FROM_DATA)
def test_only_units_with_every_value_count(method) -> None:
    gap = pd.concat([table(), frame(a=[1000], b=[NAN])], ignore_index=True)
    pd.testing.assert_series_equal(method(gap), method(table()))


@pytest.mark.parametrize("method", WEIGHTS.values())
def test_one_indicator_alone_has_the_whole_weight(method) -> None:
    assert method(frame(a=[1, 2, 4])).to_dict() == pytest.approx({"a": 1})


numbers = st.lists(st.integers(1, 1000), min_size=6, max_size=6, unique=True)


@settings(max_examples=25)
@given(numbers, numbers, numbers)
def test_weights_sum_to_one_and_follow_their_indicator(
    a: list[int], b: list[int], c: list[int]
) -> None:
    x = frame(a=a, b=b, c=c)
    assume(x.corr().min(axis=None) < 0.99)
    for method in (entropy_weights, critic_weights):
        weights = method(x)
        assert weights.sum() == pytest.approx(1)
        assert (weights >= 0).all()
        turned = method(x[["c", "a", "b"]].iloc[::-1])
        assert turned[["a", "b", "c"]].tolist() == pytest.approx(weights.tolist(), abs=1e-9)


@settings(max_examples=25)
@given(numbers, numbers, st.floats(0.01, 100))
def test_the_unit_of_measurement_does_not_matter(a: list[int], b: list[int], k: float) -> None:
    x = frame(a=a, b=b, c=[x + y for x, y in zip(a, b, strict=True)])
    assume(x.corr().min(axis=None) < 0.99)
    for method in (entropy_weights, critic_weights):
        scaled = method(x.assign(b=x["b"] * k))
        assert scaled.tolist() == pytest.approx(method(x).tolist(), abs=1e-9)


@pytest.mark.parametrize(
    ("method", "columns", "says"),
    [
        (critic_weights, {"b": [2, 2, 2]}, "CRITIC: b is the same for every unit.*leave it out"),
        (pca_weights, {"b": [0, 0, 0]}, "PCA: b is the same for every unit"),
        (entropy_weights, {"b": [0, 0, 0]}, "entropy: b is zero for every unit"),
        (entropy_weights, {"b": [1, -1, 3]}, "entropy: b has values below zero"),
        (entropy_weights, {"a": [1, 1, 1], "b": [2, 2, 2]}, "sum to 0"),
        (critic_weights, {"b": [2, 4, 6]}, "CRITIC: weights that sum to 0"),
        (pca_weights, {"b": [3, 2, 1]}, "PCA: weights that sum to 0"),
        (pca_weights, {"a": [-1, 1, 0], "b": [-1, -1, 2]}, "no component of a, b comes first"),
        (pca_weights, {"b": [NAN, NAN, 1]}, "1 of 3 units have every value.*b has the fewest"),
        (critic_weights, {"b": [NAN, NAN, NAN]}, "b has the fewest .0.: fill it or leave it out"),
        (entropy_weights, {"b": [np.inf, 1, 2]}, "b: 'inf' is not a finite number"),
    ],
)
def test_what_a_method_cannot_take_is_named(method, columns, says) -> None:
    with pytest.raises(ParameterError, match=says):
        method(frame(**({"a": [1, 2, 3]} | columns)))


@pytest.mark.parametrize("method", WEIGHTS.values())
def test_no_indicators_or_one_twice_is_refused(method) -> None:
    for x in (pd.DataFrame(index=[1, 2]), table().set_axis(["a", "a"], axis=1)):
        with pytest.raises(ParameterError, match="needs indicators, each once"):
            method(x)


@pytest.mark.parametrize("method", FROM_DATA)
def test_words_and_no_units_are_refused(method) -> None:
    with pytest.raises(ParameterError, match="a: 'many' is not a finite number"):
        method(table().astype("object").replace(7, "many"))
    with pytest.raises(ParameterError, match="0 of 0 units"):
        method(table().iloc[:0])


def test_combined_weights_by_hand() -> None:
    # .25 x (.2, .8) + .75 x (.5, .5), the second given in percent and in the other order
    a, b = pd.Series({"x": 0.2, "y": 0.8}), pd.Series({"y": 50, "x": 50})
    assert combine_weights(a, b, 0.25).to_dict() == pytest.approx({"x": 0.425, "y": 0.575})
    assert combine_weights(a, b, 1).to_dict() == pytest.approx(a.to_dict())
    assert combine_weights(a, b, 0).to_dict() == pytest.approx({"x": 0.5, "y": 0.5})


@pytest.mark.parametrize(
    ("a", "b", "share", "says"),
    [
        ({"x": 1}, {"y": 1}, 0.5, r"see \['x', 'y'\]"),
        ({"x": 1}, {"x": 1}, 1.5, "share = 1.5"),
        ({"x": 1}, {"x": 1}, NAN, "share = nan"),
        ({"x": 2, "y": -1}, {"x": 1, "y": 1}, 0.5, "x 2, y -1"),
        ({"x": 1}, {"x": NAN}, 0.5, "nan"),
        ({"x": 0}, {"x": 1}, 0.5, "one above"),
    ],
)
def test_weights_that_cannot_be_combined_are_refused(a, b, share, says) -> None:
    with pytest.raises(ParameterError, match=says):
        combine_weights(pd.Series(a, dtype="float64"), pd.Series(b, dtype="float64"), share)


def test_official_weights_need_five_units_for_every_indicator() -> None:
    assert official_weights(table(), "entropy").equals(entropy_weights(table()))
    for x in (table().iloc[:9], table().where(table() != 5)):  # nine complete units of ten needed
        with pytest.raises(ParameterError, match="2 indicators need 10 units with every value"):
            official_weights(x, "entropy")
    assert official_weights(table().iloc[:1], "equal").tolist() == [0.5, 0.5]


def test_official_weights_are_known_and_not_below_zero() -> None:
    with pytest.raises(ParameterError, match="did you mean 'entropy'"):
        official_weights(table(), "entropie")
    rise = np.arange(20.0)
    x = pd.DataFrame({"a": rise, "b": rise + rise % 3, "c": -rise})
    with pytest.raises(ParameterError, match="pca: c would weigh less than zero"):
        official_weights(x, "pca")


def test_judgements_that_agree_give_back_their_weights() -> None:
    result = ahp_weights(consistent([0.5, 0.3, 0.2]))
    assert result.weights.tolist() == pytest.approx([0.5, 0.3, 0.2], abs=TOLERANCE)
    assert result.lambda_max == pytest.approx(3)
    assert result.consistency_ratio == pytest.approx(0, abs=TOLERANCE)
    assert result.random_index == "saaty"


# Wang and Chin (2011), Information Sciences 181(23), pp. 5240-5248: choice of a school
SCHOOL = [
    [1, 4, 3, 1, 3, 4],
    [1 / 4, 1, 7, 3, 1 / 5, 1],
    [1 / 3, 1 / 7, 1, 1 / 5, 1 / 5, 1 / 6],
    [1, 1 / 3, 5, 1, 1, 1 / 3],
    [1 / 3, 5, 5, 1, 1, 3],
    [1 / 4, 1, 6, 3, 1 / 3, 1],
]


def test_the_school_of_the_textbook_is_chosen_with_its_weights() -> None:
    result = ahp_weights(SCHOOL)
    expected = [0.3208, 0.1395, 0.0348, 0.1285, 0.2374, 0.1391]
    assert result.weights.round(4).tolist() == expected
    # lambda 7.4199: index (7.4199 - 6) / 5 = .28397, ratio .28397 / 1.24
    assert result.lambda_max == pytest.approx(7.41987, abs=1e-5)
    assert result.consistency_index == pytest.approx(0.283974, abs=1e-6)
    assert result.consistency_ratio == pytest.approx(0.229011, abs=1e-6)


def test_the_ratio_follows_the_table_of_random_indices() -> None:
    index = ahp_weights(SCHOOL).consistency_index
    named, given_table = (
        ahp_weights(SCHOOL, "tummala_ling"),
        ahp_weights(SCHOOL, [0, 0, 1, 1, 1, 2]),
    )
    assert named.consistency_ratio == pytest.approx(index / 1.2358)
    assert given_table.consistency_ratio == pytest.approx(index / 2)
    assert (named.random_index, given_table.random_index) == ("tummala_ling", "given")


@pytest.mark.parametrize("weights", [[0.6, 0.3, 0.1], [0.5, 0.3, 0.2], [5, 3, 1, 2, 9]])
def test_consistency_is_never_below_zero_by_rounding(weights: list[float]) -> None:
    result = ahp_weights(consistent(weights))
    assert 0 <= result.consistency_index < TOLERANCE
    assert 0 <= result.consistency_ratio < TOLERANCE


@pytest.mark.parametrize("size", [1, 2])
def test_two_criteria_are_always_consistent(size: int) -> None:
    result = ahp_weights(consistent([3.0, 1.0][:size]))
    assert (result.consistency_index, result.consistency_ratio) == (0, 0)
    assert result.weights.tolist() == pytest.approx([[1.0], [0.75, 0.25]][size - 1])


def test_labels_of_a_matrix_name_the_weights_in_any_order() -> None:
    matrix = pd.DataFrame(SCHOOL, index=list("abcdef"), columns=list("abcdef"))
    turned = ahp_weights(matrix.loc[list("fbdeca"), list("cabdef")]).weights
    assert turned[list("abcdef")].tolist() == pytest.approx(ahp_weights(SCHOOL).weights.tolist())


def test_reciprocals_written_with_two_decimals_are_taken() -> None:
    assert ahp_weights([[1, 7], [0.14, 1]]).weights[0] == pytest.approx(0.876, abs=1e-3)


@pytest.mark.parametrize(
    ("matrix", "says"),
    [
        ([[1, 2, 3], [0.5, 1, 2]], "square"),
        ([], "square"),
        ([[1, 3], [3, 1]], "0 against 1: 3 must be 1 / the judgement the other way round"),
        ([[1, 3], [0.3, 1]], "the other way round"),
        ([[2, 3], [1 / 3, 1]], "0 against 0: 2 must be 1, compared with itself"),
        ([[1, -3], [-1 / 3, 1]], "0 against 1: -3 must be a finite number above zero"),
        ([[1, 0], [0, 1]], "above zero"),
        ([[1, NAN], [1, 1]], "nan must be a finite number"),
        (consistent([1.0] * 11), "no value above zero for 11 criteria"),
        (pd.DataFrame(1.0, index=["a", "b"], columns=["a", "c"]), "same criteria"),
    ],
)
def test_what_is_no_matrix_of_judgements_is_refused(matrix, says) -> None:
    with pytest.raises(ParameterError, match=says):
        ahp_weights(matrix)


def test_a_table_of_random_indices_must_be_known_and_reach() -> None:
    with pytest.raises(ParameterError, match="did you mean 'saaty'"):
        ahp_weights(SCHOOL, "saatty")
    for short in ([0, 0, 0.58], [0] * 6):
        with pytest.raises(ParameterError, match="'given' has no value above zero for 6"):
            ahp_weights(SCHOOL, short)


def test_a_group_judges_by_the_geometric_mean() -> None:
    # (2 x 8)^.5 = 4 against (1/2 x 1/8)^.5 = 1/4
    mean = group_judgements([[[1, 2], [0.5, 1]], [[1, 8], [0.125, 1]]])
    assert np.allclose(mean, [[1, 4], [0.25, 1]], rtol=TOLERANCE)
    alone = group_judgements([SCHOOL])
    assert np.allclose(alone, SCHOOL, rtol=TOLERANCE)


def test_a_group_that_judges_different_things_is_refused() -> None:
    for matrices in ([], [SCHOOL, [[1, 2], [0.5, 1]]]):
        with pytest.raises(ParameterError, match="one set of criteria"):
            group_judgements(matrices)
