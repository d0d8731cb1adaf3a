"""Grades, vetoes, bonus points and ranks: boundaries, ties and what is refused, by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from score_trees import branch, frame, framework, leaf

from haidian_eval import scoring
from haidian_eval.errors import ParameterError

NAN = math.nan
BANDS = [
    {"grade": "中", "lower": 60, "condition": None},
    {"grade": "优", "lower": 90, "condition": "a >= 60"},
    {"grade": "差", "lower": 0, "condition": ""},
    {"grade": "良", "lower": 80, "condition": None},
]


def tree(*rows: dict, bands: list[dict] | None = BANDS, **columns: object) -> scoring.Framework:
    """Leaves a and b of equal weight under the root; keywords set columns of a."""
    return framework(branch("root", None), leaf("a", **columns), leaf("b"), *rows, bands=bands)


def both(*values: float) -> pd.DataFrame:
    return frame(a=values, b=values)


def grades(scores: scoring.Scores) -> list[str]:
    return scores.grade.fillna("").tolist()


@pytest.mark.parametrize(
    ("index", "grade", "distance"),
    [
        (95, "优", NAN),
        (90, "优", NAN),  # the lower end belongs to the band
        (89.9999, "良", 0.0001),  # held against the unrounded score
        (80, "良", 10),
        (79.99, "中", 0.01),
        (60, "中", 20),
        (12.5, "差", 47.5),
        (0, "差", 60),
    ],
)
def test_grade_is_that_of_the_highest_band_reached(index, grade, distance) -> None:
    actual = scoring.score(both(index), tree())
    assert grades(actual) == [grade]
    expected = pytest.approx(distance, abs=1e-9, nan_ok=True)
    assert actual.distance_to_next.iloc[0] == expected


def test_condition_of_a_band_holds_back_a_high_index() -> None:
    # (50 + 140) / 2 = 95, yet a is 10 short of the 60 that the highest band asks for
    actual = scoring.score(frame(a=[50, 58], b=[140, 120]), tree())
    assert grades(actual) == ["良", "良"]
    # second: index 89 is 1 short, a is 2 short; the larger counts
    assert actual.distance_to_next.tolist() == pytest.approx([10, 2])


def test_unit_without_index_has_no_grade_and_below_all_bands_it_is_blank() -> None:
    bands = [{"grade": "优", "lower": 90}, {"grade": "良", "lower": 80}]
    actual = scoring.score(both(NAN, 50, 85), tree(bands=bands))
    assert grades(actual) == ["", "", "良"]
    assert actual.distance_to_next.tolist() == pytest.approx([NAN, 30, 5], nan_ok=True)


def test_without_bands_there_is_no_grade() -> None:
    actual = scoring.score(both(95), tree(bands=None))
    assert grades(actual) in ([""], ["未设等次"])
    assert actual.distance_to_next.isna().all()


def test_conditions_join_and_read_base_score_index_and_nodes() -> None:
    condition = "base_score >= 85 and index >= 88 and b >= 80"
    bands = [{"grade": "优", "lower": 80, "condition": condition}, {"grade": "良", "lower": 0}]
    extra = leaf("extra", bonus="yes", weight=5)
    # base 85, 84, 85, 83; with 5, 5, 2, 5 bonus points: 90, 89, 87, 88; b 80 but for the last
    x = frame(a=[90, 88, 90, 90], b=[80, 80, 80, 76], extra=[100, 100, 40, 100])
    actual = scoring.score(x, tree(extra, bands=bands))
    assert actual.base_index.tolist() == pytest.approx([85, 84, 85, 83])
    assert actual.index.tolist() == pytest.approx([90, 89, 87, 88])
    assert grades(actual) == ["优", "良", "良", "良"]
    assert actual.distance_to_next.tolist() == pytest.approx([NAN, 1, 1, 4], nan_ok=True)


@pytest.mark.parametrize(
    "condition", ["nobody >= 5", "a > about 5", "a", "__import__('os') >= 1", "a >= 5 or b >= 5"]
)
def test_condition_that_cannot_be_read_is_refused(condition: str) -> None:
    with pytest.raises(ParameterError, match=r"condition"):
        tree(bands=[{"grade": "优", "lower": 90, "condition": condition}])


def test_bonus_stays_out_of_the_mean_and_adds_its_points() -> None:
    # (60 + 80) / 2 = 70; 4 points x 50 % = 2 on top, 10 x 30 % = 3 off
    rows = (leaf("extra", weight=4, bonus="yes"), leaf("complaints", weight=10, bonus="deduct"))
    x = frame(a=[60, 60, 60], b=[80, 80, 80], extra=[50, NAN, 50], complaints=[30, 30, NAN])
    actual = scoring.score(x, tree(*rows))
    assert actual.base_index.tolist() == pytest.approx([70, 70, 70])
    assert actual.index.tolist() == pytest.approx([69, 67, 72])
    assert actual.effective_weights[["a", "b"]].to_numpy().tolist() == [[0.5, 0.5]] * 3
    assert actual.nodes["extra"].tolist() == pytest.approx([50, NAN, 50], nan_ok=True)


def test_bonus_of_a_branch_adds_the_points_of_the_branch() -> None:
    # the branch scores (100 + 3 * 20) / 4 = 40; 40 % of 5 points
    rows = (branch("extra", weight=5, bonus="yes"), leaf("x", "extra", 1), leaf("y", "extra", 3))
    actual = scoring.score(frame(a=[70], b=[70], x=[100], y=[20]), tree(*rows))
    assert actual.index.iloc[0] == pytest.approx(72)
    assert actual.base_index.iloc[0] == pytest.approx(70)


def test_rank_and_grade_use_the_index_with_its_bonus() -> None:
    actual = scoring.score(
        frame(a=[89, 90], b=[89, 90], extra=[100, 0]),
        tree(leaf("extra", weight=2, bonus="yes")),
    )
    assert actual.rank.tolist() == [1, 2]
    assert grades(actual) == ["优", "优"]


def test_missed_binding_target_caps_the_grade_at_the_second_highest() -> None:
    # a below its target 70 caps; at the target it does not; a missing value does not
    x = frame(a=[69.9, 70, NAN], b=[125, 125, 95])
    bands = [band | {"condition": None} for band in BANDS]
    actual = scoring.score(x, tree(veto="yes", target=70, bands=bands))
    assert grades(actual) == ["良", "优", "优"]
    assert actual.capped_by.fillna("").tolist() == ["a", "", ""]


def test_missed_binding_target_names_the_grade_and_costs_count_above() -> None:
    x = frame(a=[95, 95, 40], b=[95, 95, 40], c=[5.1, 5, 9])
    limit = leaf("c", weight=0, veto="中", target=5, direction="cost")
    actual = scoring.score(x, tree(limit))
    assert grades(actual) == ["中", "优", "差"]  # the third is lower than its cap anyhow
    assert actual.capped_by.fillna("").tolist() == ["c", "", "c"]


def test_lowest_of_several_caps_holds_and_all_are_named() -> None:
    rows = (
        leaf("c", weight=0, veto="差", target=5, direction="cost"),
        leaf("d", weight=0, veto="中", target=5),
    )
    actual = scoring.score(frame(a=[95], b=[95], c=[6], d=[4]), tree(*rows))
    assert grades(actual) == ["差"]
    assert actual.capped_by.tolist() == ["c;d"]


def test_cap_leaves_index_and_rank_alone() -> None:
    x = frame(a=[95, 90], b=[95, 90], c=[9, 0])
    limit = leaf("c", weight=0, veto="差", target=5, direction="cost")
    actual = scoring.score(x, tree(limit))
    assert actual.index.tolist() == [95, 90]
    assert actual.rank.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"veto": "优秀", "target": 5}, "a.*优秀"),
        ({"veto": "yes"}, "a.*target"),
        ({"bonus": "perhaps"}, "a.*perhaps"),
    ],
)
def test_veto_or_bonus_that_cannot_be_read_is_refused(columns, message) -> None:
    with pytest.raises(ParameterError, match=message):
        scoring.score(both(1, 2), tree(**columns))


def test_ranks_leave_gaps_after_ties_and_skip_the_missing() -> None:
    actual = scoring.score(both(80, NAN, 90, 80, 70), tree())
    assert actual.rank.tolist() == [2, pd.NA, 1, 2, 4]
    assert str(actual.rank.dtype) == "Int64"


def test_group_rank_counts_within_the_peer_group() -> None:
    x = both(80, 90, 80, 70, NAN)
    groups = pd.Series(["n", "s", "n", "n", "s"], index=x.index)
    actual = scoring.score(x, tree(), groups=groups)
    assert actual.group_rank.tolist() == [1, 1, 1, 3, pd.NA]


def test_improvement_rank_orders_by_the_change_of_the_index() -> None:
    x, before = both(80, 90, 70, 60), both(70, 90, 60, NAN)
    actual = scoring.score(x, tree(), previous=before)
    assert actual.improvement_rank.tolist() == [1, 3, 1, pd.NA]  # +10, 0, +10, not known
