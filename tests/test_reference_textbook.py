"""Weights and an index of textbooks and papers, reproduced to the digits that they print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from haidian_eval import scoring

RELATIVE = 1e-9  # against recomputed values of 15 digits; printed ones state their own


@pytest.fixture(scope="module")
def textbook(reference: Path) -> dict[str, Any]:
    return json.loads((reference / "scoring" / "textbook.json").read_text(encoding="utf-8"))


def same(actual: Any, expected: Any) -> None:
    np.testing.assert_allclose(actual, expected, rtol=RELATIVE)


@pytest.mark.parametrize(
    ("case", "table", "ratio"),
    [("ahp_saaty_school_6x6", "saaty", "CR_saaty_RI1_24"), ("ahp_3x3_criteria", "saaty", "CR_RI0_58")],
)  # fmt: skip
def test_weights_from_judgements_match_the_books(
    textbook: dict[str, Any], case: str, table: str, ratio: str
) -> None:
    known = textbook[case]
    exact = known["independent_numpy"]
    actual = scoring.ahp_weights(np.array(known["matrix"]), random_index=table)
    same(actual.weights, exact["weights"])
    same(
        [actual.lambda_max, actual.consistency_index, actual.consistency_ratio],
        [exact["lambda_max"], exact["CI"], exact[ratio]],
    )
    printed = known.get("expected_weights_4dp")
    if printed:
        np.testing.assert_allclose(actual.weights, printed, atol=6e-5)


def test_other_random_indices_give_their_consistency_ratios(textbook: dict[str, Any]) -> None:
    school, three = textbook["ahp_saaty_school_6x6"], textbook["ahp_3x3_criteria"]
    other = scoring.ahp_weights(np.array(school["matrix"]), textbook["saaty_RI"]["pymcdm"])
    same([other.consistency_ratio], [school["independent_numpy"]["CR_RI_1_2358_used_by_pymcdm"]])
    given = scoring.ahp_weights(np.array(three["matrix"]), random_index=[0, 0, 0.52])
    same([given.consistency_ratio], [three["independent_numpy"]["CR_RI0_52"]])
    assert given.consistency_ratio == pytest.approx(three["expected_CR"], abs=1e-3)


def test_hierarchy_of_judgements_gives_the_printed_points(textbook: dict[str, Any]) -> None:
    known = textbook["ahp_3x3x3_full"]

    def weights(triangle: list[list[float]]) -> np.ndarray:
        lower = np.array([row + [0] * (3 - len(row)) for row in triangle], dtype=float)
        upper = np.where(lower > 0, 1 / np.where(lower > 0, lower, 1), 0).T
        return scoring.ahp_weights(np.where(lower > 0, lower, upper)).weights.to_numpy()

    criteria = weights(known["criteria_lower_triangle"])
    options = np.array([weights(one) for one in known["alternatives_lower_triangles"]])
    # the book averages scaled columns, which differs from the eigenvector where judgements clash
    points = pd.Series(criteria @ options)
    np.testing.assert_allclose(points, known["expected_points"], atol=0.005)
    assert scoring.competition_rank(points).tolist() == known["expected_rank"]


def test_entropy_weights_match_the_paper(textbook: dict[str, Any]) -> None:
    known = textbook["entropy_elsayed2017"]
    actual = scoring.entropy_weights(pd.DataFrame(known["matrix"]))
    np.testing.assert_allclose(actual, known["expected_weights_6dp"], atol=6e-7)


def test_critic_weights_match_both_papers(textbook: dict[str, Any]) -> None:
    first, second = textbook["critic_diakoulaki1995"], textbook["critic_tus2019"]
    for known, printed, digits in (
        (first, first["expected"]["pearson_scaled"], 6e-9), (second, second["expected_3dp"], 6e-4),
    ):  # fmt: skip
        x = pd.DataFrame(known["matrix"])
        scaled = (x - x.min()) / (x.max() - x.min())
        np.testing.assert_allclose(scoring.critic_weights(scaled), printed, atol=digits)


def test_ordinal_scale_with_a_flag_gives_the_published_index(textbook: dict[str, Any]) -> None:
    """OxCGRT: 100 (v - 0.5 (F - f)) / N, nothing where v is 0 or not known; mean of the members."""
    known = textbook["oxcgrt_worked_example"]
    rows = pd.DataFrame(known["rows"]).set_index("indicator")
    lost = 0.5 * (rows["has_flag"] - rows["flag"].fillna(0)) * (rows["value"].fillna(0) > 0)
    value = (rows["value"] - lost).rename("v")
    for name, members in known["members"].items():
        own = members.split()
        leaves = pd.DataFrame(
            {
                "node_id": own, "parent_id": "index", "weight": 1.0, "rule": "goalposts",
                "low": 0.0, "high": rows.loc[own, "max"].to_numpy(), "missing": "zero",
            }
        )  # fmt: skip
        root = pd.DataFrame({"node_id": ["index"], "parent_id": [None], "weight": [1.0]})
        framework = scoring.build_framework(pd.concat([root, leaves]))
        actual = scoring.score(value[own].to_frame("country").T, framework)
        expected = rows.loc[own, "published_subindex"]
        np.testing.assert_allclose(actual.normalised.loc["country"], expected, atol=0.0101)
        assert actual.index["country"] == pytest.approx(known["recomputed_here"][name], rel=1e-12)
        assert actual.index["country"] == pytest.approx(known["published"][name], abs=0.0101)
