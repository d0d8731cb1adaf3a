"""Sensitivity indices where they are known: additive and multiplicative toys, worked by hand."""

from __future__ import annotations

import inspect

import numpy as np
import pandas as pd
import pytest
from score_trees import branch, family, frame, framework, leaf

from haidian_eval import robustness
from haidian_eval.errors import ParameterError
from haidian_eval.robustness.design import factorial, plan
from haidian_eval.robustness.draws import source_of
from haidian_eval.robustness.indices import USUAL, outcome_of
from haidian_eval.scoring.outliers import treat_outliers

SAMPLED = 0.05  # 2,048 points; published estimators are within 0.02 at this size


def test_additive_choices_have_the_indices_of_their_variances() -> None:
    # index = 50 + the points of two bonus nodes that are chosen apart
    tree = framework(
        branch("root", None), leaf("a"),
        leaf("x", weight=1, bonus="yes"), leaf("y", weight=1, bonus="yes"),
    )  # fmt: skip
    x = frame(a=[50, 50], x=[100, 100], y=[100, 100])
    choices = robustness.Choices(weights=0, node_weights={"x": (0, 2), "y": (0, 4)})
    found = robustness.sensitivity(x, tree, choices, samples=64, seed=1, output="index")
    rows = found.frame.set_index("factor")
    # points x: 0 or 2, variance 1; points y: 0 or 4, variance 4; whole 5, no interaction
    for factor, share in (("node:x", 0.2), ("node:y", 0.8)):
        assert rows.loc[factor, "first_order"] == pytest.approx(share, abs=1e-9)
        assert rows.loc[factor, "total"] == pytest.approx(share, abs=1e-9)


def test_interaction_counts_in_the_total_of_both_alone() -> None:
    # a scores 100 and b 0: index 100 w_a / (w_a + w_b) for weights 1 or 3 each:
    # (1,1) 50, (1,3) 25, (3,1) 75, (3,3) 50: additive, 25 each way; ranks of two units never move
    x = frame(a=[100], b=[0])
    choices = robustness.Choices(weights=0, node_weights={"a": (1, 3), "b": (1, 3)})
    found = robustness.sensitivity(x, family([1, 1]), choices, samples=8, seed=1, output="index")
    assert found.frame["first_order"].tolist() == pytest.approx([0.5, 0.5])
    # weights 0 or 1 of b, 1 or 2 of a: 100, 50, 100, 66.7: means 75 and 83.3, 100 and 58.3
    choices = robustness.Choices(weights=0, node_weights={"a": (1, 2), "b": (0, 1)})
    found = robustness.sensitivity(x, family([1, 1]), choices, samples=8, seed=1, output="index")
    grid = np.array([[100, 50], [100, 200 / 3]])
    whole = grid.var()
    rows = found.frame.set_index("factor")
    first = [grid.mean(axis=1).var() / whole, grid.mean(axis=0).var() / whole]
    total = [grid.var(axis=0).mean() / whole, grid.var(axis=1).mean() / whole]
    assert rows.loc[["node:a", "node:b"], "first_order"].tolist() == pytest.approx(first)
    assert rows.loc[["node:a", "node:b"], "total"].tolist() == pytest.approx(total)
    assert (rows["total"] > rows["first_order"] + 0.01).all()


def test_shift_of_ranks_counts_units_ranked_in_the_draw_and_in_the_framework() -> None:
    # reweight: 65, 15, 50, ranks 1, 3, 2; propagate: ranks 1, 2 and none: (0 + 1) / 2
    x, tree = frame(a=[60, 20, None], b=[70, 10, 50]), family([1, 1])
    choices = robustness.Choices(weights=0, missing=("reweight", "propagate"))
    varied = plan(choices, tree, x)
    outcome = outcome_of(source_of(x, tree), varied, factorial(varied), "rank_shift")
    assert outcome.tolist() == [0, 0.5]


def test_outputs_are_the_index_a_rank_and_the_shift_of_all_ranks() -> None:
    # b alone decides who leads: u0 with weight 0 on b, u1 with weight 3
    x = frame(a=[60, 50, 0], b=[0, 30, 0])
    choices = robustness.Choices(weights=0, node_weights={"b": (0, 3), "a": (1, 1.001)})
    for output in ("rank_shift", "rank:u0", "rank:u1"):
        found = robustness.sensitivity(
            x, family([1, 0]), choices, samples=8, seed=1, output=output
        ).frame.set_index("factor")
        assert found.loc["node:b", "first_order"] == pytest.approx(1)
        assert found.loc["node:a", "total"] == pytest.approx(0)


def test_rank_that_never_moves_has_no_indices() -> None:
    x = frame(a=[60, 50], b=[60, 50])
    choices = robustness.Choices(weights=0, node_weights={"b": (0, 3)})
    found = robustness.sensitivity(x, family([1, 1]), choices, samples=8, seed=1)
    assert found.frame[["first_order", "total"]].isna().all(axis=None)


def test_drawn_weights_and_noise_are_estimated_with_intervals_around() -> None:
    # index = value + noise (variance 4) + a bonus of 0 or 4 points (variance 4): half each
    tree = framework(branch("root", None), leaf("a"), leaf("x", weight=1, bonus="yes"))
    x = frame(a=[50], x=[100])
    choices = robustness.Choices(weights=0, node_weights={"x": (0, 4)}, noise={"se": frame(a=[2])})
    found = robustness.sensitivity(x, tree, choices, samples=2048, seed=3, output="index")
    rows = found.frame.set_index("factor")
    for factor in ("node:x", "noise"):
        assert rows.loc[factor, "first_order"] == pytest.approx(0.5, abs=SAMPLED)
        assert rows.loc[factor, "total"] == pytest.approx(0.5, abs=SAMPLED)
    between = found.frame.drop(columns="factor")
    assert (between["first_order_low"] <= between["first_order"]).all()
    assert (between["total"] <= between["total_high"]).all()


def test_same_seed_gives_the_same_indices_whatever_the_order_of_rows() -> None:
    rng = np.random.default_rng(0)
    x = pd.DataFrame(rng.uniform(10, 90, (8, 3)), columns=list("abc"), index=list("stuvwxyz"))
    choices = robustness.Choices(aggregations=("arithmetic", "geometric"))
    one, other = (
        robustness.sensitivity(frame_, family([1, 2, 3]), choices, samples=128, seed=5).frame
        for frame_ in (x, x.iloc[::-1])
    )
    pd.testing.assert_frame_equal(one, other)
    assert set(one["factor"]) == {"aggregation", "weights"}


@pytest.mark.parametrize("output", ["rank", "rank:nobody", "score", ""])
def test_output_that_is_not_known_is_refused(output: str) -> None:
    choices = robustness.Choices(weights=0, node_weights={"b": (0, 3)})
    with pytest.raises(ParameterError, match=r"output|nobody"):
        robustness.sensitivity(
            frame(a=[1, 2], b=[2, 1]), family([1, 1]), choices, samples=8, seed=1, output=output
        )


def test_nothing_to_vary_is_refused() -> None:
    with pytest.raises(ParameterError, match="nothing"):
        robustness.sensitivity(
            frame(a=[1, 2]), family([1]), robustness.Choices(weights=0), samples=8, seed=1
        )


@pytest.mark.parametrize(
    "choices",
    [
        robustness.Choices(),
        robustness.Choices(weights=0, aggregations=("arithmetic", "geometric")),
    ],
)
def test_output_that_never_moves_has_no_indices(choices: robustness.Choices) -> None:
    x = frame(a=[50, 10], b=[40, 5])  # the first leads whatever is chosen
    found = robustness.sensitivity(x, family([1, 1]), choices, samples=8, seed=1)
    assert found.frame["factor"].tolist() == ["weights" if choices.weights else "aggregation"]
    assert found.frame.drop(columns="factor").isna().all(axis=None)
    assert found.frame.shape == (1, 7)


def test_nominal_ranks_have_the_usual_treatment_of_outliers() -> None:
    assert inspect.signature(treat_outliers).parameters["max_winsorised"].default == USUAL
