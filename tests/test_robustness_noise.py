"""Errors of the values: the draws that they make, and what every draw then scores."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from score_trees import alone, branch, family, frame, framework, leaf

from haidian_eval import robustness, scoring
from haidian_eval.errors import ParameterError

EXACT = 1e-10  # relative; the same sums in another order
NAN = math.nan
LEAVES = ["a", "b", "c"]


def values() -> pd.DataFrame:
    x = pd.DataFrame(20 + 5 * np.random.default_rng(8).lognormal(0, 1, (14, 3)), columns=LEAVES)
    x.iloc[2, 1] = NAN
    return x.set_axis([f"u{i:02}" for i in range(14)])


def errors(x: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Standard errors of a and b, half-widths of b and c."""
    se = pd.DataFrame({"a": 2.0, "b": 0.5}, index=x.index)
    return {"se": se, "half_width": pd.DataFrame({"b": 1.0, "c": 3.0}, index=x.index)}


def drawn(x: pd.DataFrame, *seeds: int) -> list[pd.DataFrame]:
    """The values with their errors: each indicator alone has all the weight once per seed."""
    alone_in_turn = np.tile(np.eye(3), (len(seeds), 1))
    design = pd.DataFrame(alone_in_turn, columns=[f"w:{name}" for name in LEAVES])
    design["noise"] = np.repeat(seeds, 3)
    index = robustness.evaluate(x, family([1, 1, 1]), design, noise=errors(x))
    parts = np.split(index.to_numpy(), len(seeds))
    return [pd.DataFrame(part.T, x.index, LEAVES) for part in parts]


def test_errors_stay_within_their_half_widths_and_leave_gaps() -> None:
    x = values()
    moved = pd.concat([y - x for y in drawn(x, *range(60))])
    assert moved["b"].isna().sum() == 60
    assert moved["c"].abs().max() <= 3
    assert moved["c"].std() == pytest.approx(3 / math.sqrt(3), rel=0.1)
    assert moved["a"].std() == pytest.approx(2, rel=0.1)
    assert moved["b"].std() == pytest.approx(math.sqrt(0.25 + 1 / 3), rel=0.1)
    assert moved[["a", "c"]].corr().iloc[0, 1] == pytest.approx(0, abs=0.1)
    assert moved.groupby(level=0)["a"].nunique().eq(60).all()  # every draw another error


@pytest.mark.parametrize("policy", ["reweight", "mean"])
@pytest.mark.parametrize("winsorised", [None, 2])
def test_draw_with_errors_is_the_score_of_the_values_with_errors(policy, winsorised) -> None:
    rows = [
        branch("root", None, aggregation="geometric"),
        leaf("a", weight=2, rule="minmax:1,100", missing=policy),
        leaf("b", weight=1, rule="goalposts", low=-10, high=99, missing=policy),
        leaf("c", weight=3, rule="zscore:60,5", missing=policy),
    ]
    x, tree = values(), framework(*rows)
    design = pd.DataFrame({"noise": [3, 4, 3], "w:a": [2.0, 1.0, 5.0]})
    if winsorised is not None:
        design["winsorised"] = winsorised
    actual = robustness.evaluate(x, tree, design, noise=errors(x))
    for at, draw in design.iterrows():
        [y] = drawn(x, int(draw["noise"]))
        if winsorised is not None:
            filled = y.fillna(y.mean()) if policy == "mean" else y
            y = scoring.treat_outliers(filled, max_winsorised=winsorised).values  # noqa: PD011
        expected = scoring.score(y, tree, weights=pd.Series({"a": draw["w:a"]})).index
        np.testing.assert_allclose(actual.loc[at], expected, rtol=EXACT)


def test_recorded_design_gives_its_ranks_again() -> None:
    x, tree = (
        values(),
        framework(branch("root", None), *[leaf(name, rule="minmax:1,100") for name in LEAVES]),
    )
    choices = robustness.Choices(aggregations=("arithmetic", "geometric"), noise=errors(x))
    found = robustness.uncertainty(x, tree, choices, draws=200, seed=6)
    index = robustness.evaluate(x, tree, found.design, noise=errors(x))
    ranks = index.rank(axis=1, ascending=False, method="min")
    np.testing.assert_allclose(ranks.median(), found.rank_median, rtol=EXACT)
    np.testing.assert_allclose(ranks.quantile(0.05), found.rank_low, rtol=EXACT)
    np.testing.assert_allclose((ranks <= 10).mean(), found.top_share, rtol=EXACT)


def test_thousands_of_draws_are_scored_like_single_ones() -> None:
    x, tree = values(), family([1, 2, 3], "geometric")
    weights = pd.DataFrame(np.random.default_rng(2).uniform(0.5, 2, (20_000, 3)))
    design = weights.set_axis([f"w:{name}" for name in LEAVES], axis=1)
    actual = robustness.evaluate(x, tree, design)
    assert actual.shape == (20_000, 14)
    for at in (0, 3570, 3571, 3572, 9999, 14_285, 19_999):  # 50,000 cells end at draw 3,571
        own = design.loc[at].set_axis(LEAVES)
        expected = scoring.score(x, tree, weights=own).index
        np.testing.assert_allclose(actual.loc[at], expected, rtol=EXACT)


def test_binding_target_is_missed_in_the_draws_whose_error_takes_the_value_below() -> None:
    # 96 with se 2 is below 95 in Phi(-0.5) = 30.85 % of the draws, 94 in 69.15 %
    bands = [{"grade": "优", "lower": 80}, {"grade": "良", "lower": 60}]
    tree = framework(branch("root", None), leaf("a", veto="yes", target=95), bands=bands)
    choices = robustness.Choices(weights=0, noise={"se": frame(a=[2, 2, 0])})
    found = robustness.uncertainty(frame(a=[96, 94, 99]), tree, choices, draws=4000, seed=1)
    assert found.grade_share["优"].tolist() == pytest.approx([0.6915, 0.3085, 1], abs=0.025)


def test_error_of_an_unknown_unit_or_of_none_changes_nothing() -> None:
    x = frame(a=[3, 2, 1])
    for noise in ({"se": frame(a=[0, 0, 0])}, {"se": pd.DataFrame({"a": [5.0]}, index=["else"])}):
        choices = robustness.Choices(weights=0, noise=noise)
        found = robustness.uncertainty(x, alone(), choices, draws=30, seed=1)
        assert found.rank_low.tolist() == found.rank_high.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    "noise", [{"sd": frame(a=[1.0])}, {"se": frame(a=[-1.0])}, frame(a=[1.0]), "survey"]
)
def test_errors_that_cannot_be_read_are_refused(noise) -> None:
    choices = robustness.Choices(weights=0, noise=noise)
    with pytest.raises(ParameterError, match="noise"):
        robustness.uncertainty(frame(a=[1.0]), alone(), choices, draws=3, seed=1)


def test_design_without_draws_has_no_scores_and_no_draws_are_refused() -> None:
    none = robustness.evaluate(frame(a=[1, 2]), alone(), pd.DataFrame({"w:a": []}))
    assert none.shape == (0, 2)
    with pytest.raises(ParameterError, match="draws"):
        robustness.uncertainty(frame(a=[1, 2]), alone(), robustness.Choices(), draws=0, seed=1)


def test_table_of_errors_has_one_row_per_unit_and_indicator() -> None:
    table = pd.DataFrame(
        {"unit_id": ["u0", "u0", "u1"], "indicator_id": "a", "se": [1, 2, 3], "half_width": 0}
    )
    with pytest.raises(ParameterError, match="noise: the table has more than one row"):
        robustness.uncertainty(
            frame(a=[1, 2]), family([1]), robustness.Choices(noise=table), draws=2, seed=1
        )
