"""Draws against scores made one by one, ranks by counting, and indices that are known."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from score_trees import alone, branch, family, frame, framework, leaf

from haidian_eval import robustness, scoring
from haidian_eval.errors import ParameterError
from haidian_eval.robustness.ranks import ranks_of

EXACT = 1e-10  # relative; the same sums in another order
NAN = math.nan
RULES = ("minmax:1,100", "zscore:60,10", "goalposts")
ENDS = {"low": -10, "high": 120}
TREE = [
    branch("root", None, aggregation="mazziotta_pareto"),
    branch("p", weight=3, aggregation="harmonic"),
    branch("p1", "p", weight=2, aggregation="generalised:0.5"),
    branch("p2", "p", weight=0.5, aggregation="geometric"),
    branch("q", weight=1.5, aggregation="minimum"),
    *[leaf(f"a{i}", "p1", 1 + i, rule="minmax:1,100", **ENDS) for i in range(3)],
    *[leaf(f"b{i}", "p2", 2 - i, rule="goalposts", **ENDS) for i in range(2)],
    leaf("c0", "q", 1, rule="zscore:60,10", **ENDS),
    leaf("c1", "q", 4, rule="goalposts", **ENDS),
]
BANDS = [
    {"grade": "优", "lower": 60, "condition": "p >= 50"},
    {"grade": "良", "lower": 45, "condition": None},
    {"grade": "差", "lower": 0, "condition": None},
]


def values(gaps: float = 0, units: int = 12, seed: int = 3) -> pd.DataFrame:
    """Skewed values, so that outlier treatment has something to do; a share is missing."""
    leaves = [row["node_id"] for row in TREE if "rule" in row]
    rng = np.random.default_rng(seed)
    x = pd.DataFrame(10 + 10 * rng.lognormal(0, 0.7, (units, len(leaves))), columns=leaves)
    x.iloc[0, :3] = 110.0  # one unit far out in three indicators
    x = x.mask(rng.random(x.shape) < gaps)
    return x.set_axis([f"u{i:02}" for i in range(units)])


def changed(rows: list[dict], draw: dict[str, Any], sets: pd.DataFrame | None) -> list[dict]:
    """The rows of a framework with the choices of one draw written into them."""
    parents = {row["parent_id"] for row in rows}
    found = []
    for row in rows:
        node, new = row["node_id"], dict(row)
        step = "aggregation" if node in parents else "rule"
        if step in draw:
            new[step] = draw[step]
        if step == "rule" and "missing" in draw:
            new["missing"] = draw["missing"]
        if "weight_set" in draw and sets is not None and node in sets.index:
            chosen = sets.at[node, draw["weight_set"]]
            new["weight"] = row["weight"] if np.isnan(chosen) else chosen
        new["weight"] = draw.get(f"w:{node}", draw.get(f"node:{node}", new["weight"]))
        found.append(new)
    return found


def one_by_one(
    x: pd.DataFrame, rows: list[dict], design: pd.DataFrame, sets: pd.DataFrame | None = None
) -> np.ndarray:
    """The index of every draw through `score`; outliers are treated after gaps are filled."""
    found = []
    for _, draw in design.iterrows():
        y, known = x, draw.dropna().to_dict()
        if "winsorised" in known:
            y = x.fillna(x.median()) if known.get("missing") == "median" else x
            treated = scoring.treat_outliers(y, max_winsorised=int(known["winsorised"]))
            y = treated.values  # noqa: PD011 (a field of Treated)
        found.append(scoring.score(y, framework(*changed(rows, known, sets))).index.to_numpy())
    return np.array(found)


def same(actual: Any, expected: Any) -> None:
    np.testing.assert_allclose(actual, expected, rtol=EXACT, atol=EXACT)


WEIGHT_SETS = pd.DataFrame(
    {"s1": [1.0, 2.0, NAN, 0.5], "s2": [4.0, 1.0, 3.0, NAN]}, index=["p", "q", "a1", "c1"]
)
DESIGNS = {
    "rule": {"rule": RULES},
    "aggregation": {"aggregation": ("arithmetic", "geometric", "generalised:-1", "minimum")},
    "winsorised": {"winsorised": (0, 1, 2, 5)},
    "node": {"node:p": (1.0, 2.5), "node:a2": (0.0, 7.0)},
    "sets": {"weight_set": ("s1", "s2"), "rule": RULES[:2]},
    "all": {
        "winsorised": (1, 3), "rule": RULES[:2], "aggregation": ("arithmetic", "harmonic"),
        "missing": ("reweight", "median"), "weight_set": ("s1", "s2"), "node:q": (0.7, 2.0),
    },
}  # fmt: skip


@pytest.mark.parametrize("gaps", [0, 0.2])
@pytest.mark.parametrize("name", DESIGNS)
def test_draws_give_the_scores_made_one_by_one(name: str, gaps: float) -> None:
    table = pd.DataFrame(itertools.product(*DESIGNS[name].values()), columns=list(DESIGNS[name]))
    table = table.sample(min(len(table), 20), random_state=1)
    x = values(gaps)
    actual = robustness.evaluate(x, framework(*TREE), table, weight_sets=WEIGHT_SETS)
    assert actual.index.equals(table.index)
    assert actual.columns.equals(x.index)
    same(actual, one_by_one(x, TREE, table, WEIGHT_SETS))
    assert actual.round(6).drop_duplicates().shape[0] > 1  # the choices do make a difference


@pytest.mark.parametrize("gaps", [0, 0.3])
def test_drawn_weights_give_the_scores_made_one_by_one(gaps: float) -> None:
    rng = np.random.default_rng(5)
    nodes = [row["node_id"] for row in TREE[1:]]
    table = pd.DataFrame(rng.uniform(0.1, 3, (9, len(nodes))), columns=[f"w:{n}" for n in nodes])
    table.loc[3, "w:a0"] = 0.0
    x = values(gaps)
    same(robustness.evaluate(x, framework(*TREE), table), one_by_one(x, TREE, table))


@pytest.mark.parametrize("policy", ["reweight", "propagate", "zero", "mean", "median"])
def test_draws_know_every_missing_policy(policy: str) -> None:
    rows = [row | ({"aggregation": "arithmetic"} if "rule" not in row else {}) for row in TREE]
    rows[0]["missing"] = rows[2]["missing"] = "propagate"  # p1 asks for all of its indicators
    table = pd.DataFrame({"missing": [policy], "rule": ["minmax:1,100"]})
    x = values(0.25)
    actual = robustness.evaluate(x, framework(*rows), table)
    same(actual, one_by_one(x, rows, table))
    assert actual.isna().any(axis=None) == (policy in ("reweight", "propagate"))


def test_draws_add_bonus_points_and_take_deductions_off() -> None:
    rows = [*TREE, leaf("more", weight=4, bonus="yes"), leaf("less", weight=6, bonus="deduct")]
    x = values(0.1).assign(more=50.0, less=[NAN, *[20.0] * 11])
    table = pd.DataFrame({"w:p": [1.0, 2.0], "aggregation": ["arithmetic", "geometric"]})
    same(robustness.evaluate(x, framework(*rows), table), one_by_one(x, rows, table))


def test_blank_cells_of_a_design_leave_the_framework_as_it_is() -> None:
    x, tree = values(), framework(*TREE)
    table = pd.DataFrame(
        {"rule": [None, "goalposts"], "node:p": [NAN, 3.0], "winsorised": [NAN] * 2}
    )
    actual = robustness.evaluate(x, tree, table)
    same(actual.iloc[0], scoring.score(x, tree).index)
    same(actual, one_by_one(x, TREE, table))


def test_draws_of_a_design_are_independent_of_their_order() -> None:
    table = pd.DataFrame(itertools.product(*DESIGNS["all"].values()), columns=list(DESIGNS["all"]))
    x = values(0.1)
    order = np.random.default_rng(1).permutation(len(table))
    args = {"framework": framework(*TREE), "weight_sets": WEIGHT_SETS}
    first = robustness.evaluate(x, design=table, **args)
    moved = robustness.evaluate(x.iloc[::-1], design=table.iloc[order], **args)
    same(moved.loc[first.index, first.columns], first)


def ranks_by_counting(index: np.ndarray) -> np.ndarray:
    """One more than the number of better units; missing where a unit has no index."""
    better = (index[:, None, :] > index[:, :, None] + 1e-9).sum(axis=2) + 1.0
    return np.where(np.isnan(index), NAN, better)


CHOICES = robustness.Choices(
    weights=0, rules=RULES[:2], aggregations=("arithmetic", "geometric", "harmonic"),
    node_weights={"p": (2, 3, 4)}, interval=0.8, top=4,
)  # fmt: skip


@pytest.mark.parametrize("gaps", [0, 0.5])
def test_rank_intervals_are_the_quantiles_of_the_ranks(gaps: float) -> None:
    x, tree = values(gaps, units=9), framework(*TREE, bands=BANDS)
    found = robustness.uncertainty(x, tree, CHOICES, draws=5, seed=2)
    index = robustness.evaluate(x, tree, found.design).to_numpy()
    ranks = ranks_by_counting(index)
    known = ~np.isnan(ranks)
    for at, unit in enumerate(x.index):
        own = ranks[known[:, at], at]
        expected = np.quantile(own, [0.1, 0.5, 0.9]) if len(own) else [NAN] * 3
        same([found.rank_low[unit], found.rank_median[unit], found.rank_high[unit]], expected)
    same(found.top_share, ((ranks <= 4) & known).mean(axis=0))
    for one, other in itertools.permutations(range(9), 2):
        ahead = np.where(known[:, one], known[:, one] & ~(ranks[:, one] >= ranks[:, other]), False)
        share = found.ahead.iloc[one, other]
        assert share == pytest.approx(ahead.mean()), (one, other)


def test_shares_of_the_grades_are_counted_over_the_draws() -> None:
    x, tree = values(0.1), framework(*TREE, bands=BANDS)
    found = robustness.uncertainty(x, tree, CHOICES, draws=5, seed=2)
    count = pd.DataFrame(0.0, index=x.index, columns=["优", "良", "差"])
    for _, draw in found.design.iterrows():
        rows = changed(TREE, draw.dropna().to_dict(), None)
        grade = scoring.score(x, framework(*rows, bands=BANDS)).grade
        for unit, one in grade.items():
            if one in count:
                count.loc[unit, one] += 1
    same(found.grade_share[count.columns], count / len(found.design))
    assert (count.max(axis=1) < len(found.design)).any()  # some grade does change


def test_full_factorial_makes_every_combination_once() -> None:
    found = robustness.uncertainty(values(), framework(*TREE), CHOICES, draws=5, seed=2)
    assert found.full_factorial
    assert len(found.design) == 2 * 3 * 3
    chosen = found.design[["rule", "aggregation", "node:p"]]
    assert not chosen.duplicated().any()
    other = robustness.uncertainty(values(), framework(*TREE), CHOICES, draws=99, seed=3)
    pd.testing.assert_frame_equal(found.ahead, other.ahead)


def test_drawn_weights_are_no_factorial_and_stay_within_their_spread() -> None:
    choices = replace(CHOICES, weights=0.2, node_weights={})
    found = robustness.uncertainty(values(), framework(*TREE), choices, draws=64, seed=2)
    assert not found.full_factorial
    assert len(found.design) == 64
    for row in TREE[1:]:
        drawn = found.design[f"w:{row['node_id']}"] / row["weight"]
        assert drawn.between(0.8, 1.2).all()
        assert drawn.std() == pytest.approx(0.4 / math.sqrt(12), rel=0.15)  # uniform
    assert not any(map(pd.api.types.is_object_dtype, found.design.dtypes))


def test_seed_decides_the_draws_and_row_order_does_not() -> None:
    x, tree = values(0.1), framework(*TREE)
    args = {"choices": robustness.Choices(rules=RULES[:2]), "draws": 50}
    first = robustness.uncertainty(x, tree, seed=4, **args)
    again = robustness.uncertainty(x.sample(frac=1, random_state=1), tree, seed=4, **args)
    other = robustness.uncertainty(x, tree, seed=5, **args)
    pd.testing.assert_frame_equal(first.design, again.design)
    assert not first.design.equals(other.design)
    for name in ("rank_low", "rank_median", "rank_high", "top_share"):
        same(getattr(again, name)[x.index], getattr(first, name))


def test_ranks_of_a_row_are_1_2_2_4_and_missing_ones_zero() -> None:
    rows = [[5, 3, 3, 1], [1, 1, 2, NAN], [NAN] * 4, [0.1 + 0.2, 0.3, 0, 9], [4, 4, 4, 4]]
    expected = [[1, 2, 2, 4], [2, 2, 1, 0], [0] * 4, [2, 2, 4, 1], [1] * 4]
    assert ranks_of(np.array(rows)).tolist() == expected


def test_factorial_is_made_up_to_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    choices = replace(CHOICES, node_weights={})  # 2 rules x 3 means
    for most, full in ((6, True), (5, False)):
        for room in (robustness.ranks, robustness.indices):
            monkeypatch.setattr(room, "LARGEST_FACTORIAL", most)
        found = robustness.uncertainty(values(), framework(*TREE), choices, draws=8, seed=2)
        assert (found.full_factorial, len(found.design)) == (full, 6 if full else 8)
        indices = robustness.sensitivity(values(), framework(*TREE), choices, samples=8, seed=2)
        assert (indices.full_factorial, indices.runs) == (full, 6 if full else 8 * 4)


def test_tied_units_share_a_rank_and_neither_is_ahead() -> None:
    x = frame(a=[50, 50, 10], b=[20, 20, 10])
    found = robustness.uncertainty(x, family([1, 2]), robustness.Choices(), draws=40, seed=1)
    assert found.rank_low.tolist() == found.rank_high.tolist() == [1, 1, 3]
    assert found.ahead.loc["u0", "u1"] == found.ahead.loc["u1", "u0"] == 0
    assert found.ahead.loc["u0", "u2"] == 1
    # equal by different roads: 40 + 20 and 20 + 40 with equal weights in every draw
    level = robustness.Choices(weights=0, aggregations=("arithmetic", "geometric"))
    crossed = frame(a=[0.1, 0.3], b=[0.3, 0.1])
    even = robustness.uncertainty(crossed, family([1, 1]), level, draws=1, seed=1)
    assert even.rank_high.tolist() == [1, 1]


def test_unit_without_values_is_never_ranked() -> None:
    x = frame(a=[50, NAN, 10], b=[20, NAN, 10])
    found = robustness.uncertainty(x, family([1, 2]), robustness.Choices(top=3), draws=20, seed=1)
    assert found.rank_median.isna().tolist() == [False, True, False]
    assert found.top_share.tolist() == [1, 0, 1]
    assert found.rank_high.tolist()[2] == 2
    assert found.ahead.loc["u1"].tolist() == [0, 0, 0]


def test_no_units_have_no_ranks() -> None:
    none = frame(a=[50], b=[20]).iloc[:0]
    found = robustness.uncertainty(none, family([1, 2]), robustness.Choices(), draws=4, seed=1)
    assert len(found.rank_low) == len(found.top_share) == 0
    assert found.ranks.shape == (4, 0)


def test_standard_error_and_half_width_move_the_values_they_belong_to() -> None:
    # the difference of two values with se 3 and 4 has se 5: ahead by 5 in Phi(1) = 84 %
    x = frame(a=[55, 50, 20])
    se = frame(a=[3, 4, 0])
    noisy = robustness.Choices(weights=0, noise={"se": se})
    found = robustness.uncertainty(x, alone(), noisy, draws=4000, seed=1)
    assert not found.full_factorial
    assert found.ahead.loc["u0", "u1"] == pytest.approx(0.8413, abs=0.02)
    assert found.ahead.loc["u0", "u2"] == 1
    # uniform within 4: 52 + U(-4, 4) exceeds 50 in 6 of 8
    wide = robustness.Choices(weights=0, noise={"half_width": frame(a=[4, 0, 0])})
    found = robustness.uncertainty(frame(a=[52, 50, 20]), alone(), wide, draws=4000, seed=1)
    assert found.ahead.loc["u0", "u1"] == pytest.approx(0.75, abs=0.02)


def test_errors_of_the_values_may_come_from_their_table() -> None:
    table = pd.DataFrame(
        {"unit_id": ["u0", "u1"], "indicator_id": "a", "se": [3, 4], "half_width": NAN}
    )
    choices = [robustness.Choices(weights=0, noise=n) for n in (table, {"se": frame(a=[3, 4])})]
    x = frame(a=[55, 50])
    one, other = (robustness.uncertainty(x, alone(), c, draws=200, seed=9) for c in choices)
    pd.testing.assert_frame_equal(one.ahead, other.ahead)
    assert 0 < one.ahead.loc["u1", "u0"] < 0.5


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"rules": ("minmax", "min max")}, "min max.*minmax"),
        ({"aggregations": ("owa",)}, "owa.*geometric"),
        ({"missing": ("guess",)}, "guess.*median"),
        ({"winsorised": (-1,)}, "winsorised.*-1"),
        ({"node_weights": {"nobody": (1, 2)}}, "nobody"),
        ({"weight_sets": pd.DataFrame({"s": [1.0]}, index=["nobody"])}, "nobody"),
        ({"weights": -0.1}, "weights.*-0.1"),
        ({"weights": 1.5}, "weights.*1.5"),
        ({"interval": 1.2}, "interval.*1.2"),
        ({"node_weights": {"a": (1, -2)}}, "weight"),
    ],
)
def test_choice_that_is_not_known_is_refused_by_name(choices, message) -> None:
    given = robustness.Choices(**choices)
    for run in (robustness.uncertainty, robustness.sensitivity):
        size = {"draws": 8} if run is robustness.uncertainty else {"samples": 8}
        with pytest.raises(ParameterError, match=message):
            run(frame(a=[1, 2, 4], b=[3, 4, 1]), family([1, 1]), given, seed=1, **size)


@pytest.mark.parametrize(
    ("design", "message"),
    [
        ({"rule": ["min max"]}, "min max"),
        ({"aggregation": ["owa"]}, "owa"),
        ({"normalisation": ["minmax"]}, "normalisation"),
        ({"node:nobody": [1.0]}, "nobody"),
        ({"w:nobody": [1.0]}, "nobody"),
        ({"weight_set": ["s9"]}, "s9|weight_set"),
        ({"node:a": [-1.0]}, "weight"),
        ({"missing": ["group_mean"]}, "group_mean.*groups"),
    ],
)
def test_design_that_names_no_known_step_is_refused(design, message) -> None:
    x = frame(a=[1, NAN, 4], b=[3, 4, 1])
    with pytest.raises(ParameterError, match=message):
        robustness.evaluate(x, family([1, 1]), pd.DataFrame(design))
