"""Relations that hold for any values: metamorphic tests of rules, means and ranks."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from score_trees import MEANS, alone, branch, family, framework, leaf

from haidian_eval import scoring

CLOSE = 1e-9  # values reach 1000; scores differ by rounding of their operations only
TOTAL = ("minmax", "zscore", "rank", "borda", "percentile_rank")  # score by place among the others
FIXED: dict[str, dict[str, object]] = {
    "goalposts": {"low": 10, "high": 500},
    "completion_rate": {"target": 300},
    "efficacy_coefficient": {"low": 100, "high": 400},
    "piecewise": {"points": [(0, 0), (300, 70), (800, 100)]},
    "step": {"points": [(0, 0), (300, 70), (800, 100)]},
}
BOUNDED = {
    **FIXED,
    "minmax": {},
    "percentile_rank": {},
    "fraction_of_max": {},
    "distance_to_target": {"target": 1200},
    "deduction:0.3": {},
}

# steps of 1/8 are exact in binary, so that ties stay ties when values are moved
value = st.integers(8, 8000).map(lambda step: step / 8)
values = st.lists(value, min_size=2, max_size=10).filter(lambda x: len(set(x)) > 1)
distinct = st.lists(value, min_size=2, max_size=10, unique=True)
weights = st.lists(st.floats(0.1, 10), min_size=3, max_size=3)
seeds = st.integers(0, 2**32 - 1)


def holds(**drawn: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Draw 8 examples without a deadline: scoring a whole framework takes some milliseconds."""
    return lambda test: settings(max_examples=8, deadline=None)(given(**drawn)(test))


def scores(x: list[float], rule: str, **columns: object) -> np.ndarray:
    tree = alone(rule=rule, **columns)
    return scoring.score(pd.DataFrame({"a": np.asarray(x, float)}), tree).index.to_numpy()


def three(seed: int, gaps: float = 0.2) -> pd.DataFrame:
    """Seven units with the leaves a, b, c; a share of the cells is missing."""
    rng = np.random.default_rng(seed)
    x = pd.DataFrame(rng.uniform(1, 99, (7, 3)), columns=list("abc"), index=list("tuvwxyz"))
    return x.mask(rng.random(x.shape) < gaps)


def close(actual: object, expected: object) -> None:
    np.testing.assert_allclose(actual, expected, rtol=CLOSE, atol=CLOSE)


@pytest.mark.parametrize("rule", TOTAL)
@holds(x=values, factor=st.sampled_from([0.25, 1e4, 3.0]), shift=st.integers(-500, 500))
def test_relative_rule_ignores_the_unit_of_the_values(rule, x, factor, shift) -> None:
    close(scores([factor * v + shift for v in x], rule), scores(x, rule))


@holds(x=values, factor=st.floats(0.01, 100))
def test_share_of_the_highest_ignores_the_unit_of_the_values(x, factor) -> None:
    close(scores([factor * v for v in x], "fraction_of_max"), scores(x, "fraction_of_max"))


@pytest.mark.parametrize("rule", ["goalposts", "efficacy_coefficient", "completion_rate"])
@holds(x=values, factor=st.sampled_from([0.25, 1e4]))
def test_rule_with_ends_follows_their_unit(rule, x, factor) -> None:
    scaled = {name: factor * end for name, end in FIXED[rule].items()}
    close(scores([factor * v for v in x], rule, **scaled), scores(x, rule, **FIXED[rule]))


@pytest.mark.parametrize(("rule", "columns"), [("minmax", {}), ("goalposts", FIXED["goalposts"])])
@holds(x=values)
def test_cost_scores_what_a_benefit_lacks_of_100(rule, columns, x) -> None:
    close(scores(x, rule, direction="cost", **columns), 100 - scores(x, rule, **columns))


@holds(x=values)
def test_cost_turns_the_sign_of_z_and_the_order_of_ranks(x) -> None:
    close(scores(x, "zscore", direction="cost"), -scores(x, "zscore"))
    close(scores(x, "rank", direction="cost"), scores([-v for v in x], "rank"))


@pytest.mark.parametrize("rule", [*BOUNDED, "zscore", "rank", "borda"])
@holds(x=values)
def test_better_value_never_scores_lower(rule, x) -> None:
    columns = BOUNDED.get(rule, {})
    sign = -1 if rule.startswith("deduction") else 1
    actual = sign * scores(sorted(x), rule, **columns)
    assert (np.diff(actual) >= -CLOSE).all()


@pytest.mark.parametrize(
    "rule", ["minmax", "goalposts", "completion_rate", "fraction_of_max", "rank", "zscore"]
)
@holds(x=values)
def test_higher_cost_never_scores_higher(rule, x) -> None:
    actual = scores(sorted(x), rule, direction="cost", **FIXED.get(rule, {}))
    assert (np.diff(actual) <= CLOSE).all()


@pytest.mark.parametrize("rule", BOUNDED)
@holds(x=values)
def test_score_stays_between_0_and_100(rule, x) -> None:
    actual = scores(x, rule, **BOUNDED[rule])
    assert ((actual >= -CLOSE) & (actual <= 100 + CLOSE)).all()


@pytest.mark.parametrize("rule", ["minmax", "percentile_rank"])
@holds(x=distinct)
def test_best_scores_100_and_worst_nothing(rule, x) -> None:
    actual = scores(x, rule)
    assert actual[int(np.argmax(x))] == pytest.approx(100)
    assert actual[int(np.argmin(x))] == pytest.approx(0)


@pytest.mark.parametrize("rule", FIXED)
@holds(x=values)
def test_other_units_do_not_move_a_score_with_fixed_ends(rule, x) -> None:
    among = scores(x, rule, **FIXED[rule])
    twice = scores([*x, x[0]], rule, **FIXED[rule])
    worst = int(np.argmin(x))
    without = scores([v for i, v in enumerate(x) if i != worst], rule, **FIXED[rule])
    np.testing.assert_array_equal(twice[: len(x)], among)
    np.testing.assert_array_equal(without, np.delete(among, worst))


@pytest.mark.parametrize("rule", [*BOUNDED, *TOTAL])
@holds(x=values, seed=seeds)
def test_order_of_the_units_does_not_matter(rule, x, seed) -> None:
    order = np.random.default_rng(seed).permutation(len(x))
    columns = BOUNDED.get(rule, {})
    moved = scores([x[i] for i in order], rule, **columns)
    close(moved, scores(x, rule, **columns)[order])


@pytest.mark.parametrize("method", MEANS)
@holds(weight=weights, factor=st.floats(0.01, 100), seed=seeds)
def test_scale_of_the_weights_does_not_matter(method, weight, factor, seed) -> None:
    x = three(seed)
    scaled = [factor * w for w in weight]
    close(
        scoring.score(x, family(scaled, method)).index,
        scoring.score(x, family(weight, method)).index,
    )


@pytest.mark.parametrize("method", MEANS)
@holds(weight=weights, seed=seeds)
def test_indicator_without_weight_counts_as_dropped(method, weight, seed) -> None:
    x = three(seed)
    kept = scoring.score(x, family([*weight[:2], 0], method))
    dropped = scoring.score(x[["a", "b"]], family(weight[:2], method))
    close(kept.index, dropped.index)
    assert kept.rank.equals(dropped.rank)


@pytest.mark.parametrize("method", MEANS)
@holds(weight=weights, share=st.floats(0.1, 0.9), seed=seeds)
def test_indicator_split_in_two_leaves_the_index(method, weight, share, seed) -> None:
    x = three(seed)
    halves = [*weight[:2], weight[2] * share, weight[2] * (1 - share)]
    split = scoring.score(x.assign(d=x["c"]), family(halves, method)).index
    close(split, scoring.score(x, family(weight, method)).index)


@pytest.mark.parametrize("method", MEANS)
@holds(weight=weights, seed=seeds)
def test_mean_lies_between_its_children_and_grows_with_each(method, weight, seed) -> None:
    x = three(seed)
    index = scoring.score(x, family(weight, method)).index
    known = index.notna()
    assert (index[known] <= x.max(axis=1)[known] + CLOSE).all()
    if method == "mazziotta_pareto":  # its penalty may take it below the weakest child
        return
    assert (index[known] >= x.min(axis=1)[known] - CLOSE).all()
    raised = scoring.score(x.assign(a=x["a"] + 3), family(weight, method)).index
    assert (raised[known] >= index[known] - CLOSE).all()


@holds(weight=weights, seed=seeds)
def test_more_balance_asked_for_never_gives_more_points(weight, seed) -> None:
    # power means rise with their power: minimum <= -1 <= 0 <= 0.5 <= 1 <= 2
    methods = ("minimum", "harmonic", "geometric", "generalised:0.5", "arithmetic", "generalised:2")
    x = three(seed)
    index = [scoring.score(x, family(weight, method)).index.dropna() for method in methods]
    for lower, higher in itertools.pairwise(index):
        assert (lower <= higher + CLOSE).all()


@holds(weight=weights, seed=seeds)
def test_nested_arithmetic_tree_equals_its_flat_weights(weight, seed) -> None:
    x = three(seed, gaps=0)
    one, two, three_ = weight
    nested = framework(
        branch("root", None), branch("p", weight=one + two),
        leaf("a", "p", one), leaf("b", "p", two), leaf("c", weight=three_),
    )  # fmt: skip
    close(scoring.score(x, nested).index, scoring.score(x, family(weight)).index)


@holds(x=st.lists(value, min_size=1, max_size=12))
def test_rank_is_one_more_than_the_number_of_better_units(x) -> None:
    actual = scoring.score(pd.DataFrame({"a": x}), alone()).rank
    assert actual.tolist() == [1 + sum(other > own for other in x) for own in x]


@holds(x=st.lists(value, min_size=2, max_size=12), shift=st.integers(-100, 100))
def test_rank_ignores_an_equal_shift_and_any_rising_transform(x, shift) -> None:
    base = scoring.score(pd.DataFrame({"a": x}), alone()).rank
    for moved in ([v + shift for v in x], [v**3 for v in x], [np.log(v) for v in x]):
        assume(len(set(moved)) == len(set(x)))
        assert scoring.score(pd.DataFrame({"a": moved}), alone()).rank.equals(base)


@pytest.mark.parametrize("rule", ["minmax", "identity", "rank", "zscore"])
@holds(seed=seeds, gain=st.floats(0.1, 50))
def test_unit_that_gains_is_never_ranked_worse(rule, seed, gain) -> None:
    x = three(seed, gaps=0)
    tree = framework(branch("root", None), *[leaf(name, rule=rule) for name in "abc"])
    before = scoring.score(x, tree).rank["v"]
    x.loc["v", "b"] += gain
    assert scoring.score(x, tree).rank["v"] <= before


@holds(seed=seeds, weight=weights)
def test_weights_in_use_make_the_index(seed, weight) -> None:
    x = three(seed)
    actual = scoring.score(x, family(weight))
    made = (actual.effective_weights * x).sum(axis=1, min_count=1)
    close(made, actual.index)


@holds(seed=seeds)
def test_columns_in_any_order_and_of_no_indicator_change_nothing(seed) -> None:
    x = three(seed)
    actual = scoring.score(x[["c", "a", "b"]].assign(note=1.0), family([1, 2, 3]))
    expected = scoring.score(x, family([1, 2, 3]))
    pd.testing.assert_series_equal(actual.index, expected.index)
