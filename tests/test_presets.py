"""Presets: each scheme builds, and its index is that of the source's rule, by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import pandas as pd
import pytest
from study_runs import ROOT

from haidian_eval import scoring, tables
from haidian_eval.errors import ParameterError
from haidian_eval.text import Text

TOLERANCE = 1e-9  # hand arithmetic in decimals
SCHEMES = {  # nodes, indicators
    "haidian_four_dimensions": (50, 42),
    "capital_environment_2022": (5, 4),
    "capital_environment_2023": (5, 4),
    "three_effects_one_innovation": (12, 8),
    "energy_demonstration_2013": (3, 2),
    "special_action_12": (13, 12),
    "station_audit": (22, 15),
}
GRADES = ["优", "良", "中", "差"]
Tables = Mapping[str, pd.DataFrame]


@pytest.fixture(scope="module")
def shipped() -> Tables:
    return tables.read_edition(ROOT / "data" / "raw" / "2024", strict=True).tables


def framework(shipped: Tables, scheme: str, on: dt.date | None = None) -> scoring.Framework:
    parts = (shipped[name] for name in ("points", "bands"))
    return scoring.framework_named(shipped["indicators"], scheme, *parts, on=on)


def scored(own: scoring.Framework, rows: Mapping[str, Mapping[str, float]]) -> scoring.Scores:
    """The scores of units given as unit -> indicator -> value; what is not given is missing."""
    values = pd.DataFrame.from_dict(rows, orient="index", dtype="float64")
    return scoring.score(values.reindex(columns=own.leaves), own)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_preset_builds_with_its_nodes_and_words_in_both_languages(
    shipped: Tables, scheme: str
) -> None:
    own = framework(shipped, scheme)
    assert (len(own.nodes), len(own.leaves)) == SCHEMES[scheme]
    assert own.root == scheme
    leaves = own.nodes.loc[own.leaves]
    words = ["definition", "definition_en", "scoring_standard", "scoring_standard_en", "unit"]
    assert leaves[[*words, "frequency"]].notna().all(axis=None)
    assert own.nodes[["name_zh", "name_en", "basis", "source_id"]].notna().all(axis=None)
    assert own.nodes["name_en"].str.isascii().all()
    known = {"%", "m2"}  # stand as they are
    assert all(Text("zh").unit(u) != u or u in known for u in set(leaves["unit"]))


def test_presets_are_all_there_is_beside_the_observed_schemes(shipped: Tables) -> None:
    observed = {"environment", "environment_demonstration", "observed"}
    assert set(shipped["indicators"]["scheme_id"]) - observed == set(SCHEMES)


def test_bands_without_a_source_are_example_bands(shipped: Tables) -> None:
    kinds = shipped["sources"].set_index("source_id")["kind"]
    for scheme, rows in shipped["bands"].groupby("scheme_id"):
        sourced = scheme == "energy_demonstration_2013"
        assert (rows["source_id"].map(kinds) == ("published" if sourced else "synthetic")).all()
        assert set(rows["reference"]) == {"R09" if sourced else "示例等次线"}
        assert sourced or rows["grade"].tolist() == GRADES


def test_placeholders_are_synthetic_and_no_other_node_is(shipped: Tables) -> None:
    kinds = shipped["sources"].set_index("source_id")["kind"]
    rows = shipped["indicators"]
    made = rows["source_id"].map(lambda ids: "synthetic" in {kinds[i] for i in ids.split(";")})
    roots = rows["parent_id"].isna()
    assert rows.loc[made & ~roots, "name_zh"].str.startswith("示例").all()
    assert not rows.loc[~made, "name_zh"].str.startswith("示例").any()
    # ten of twelve indicators, 14 of 15 standards and their six items are not published
    assert (made & ~roots).sum() == 10 + 14 + 6


# --- four dimensions ------------------------------------------------------------------------------


def test_four_dimensions_have_equal_weights_and_the_special_block(shipped: Tables) -> None:
    own = framework(shipped, "haidian_four_dimensions")
    sizes = {node: len(kin) for node, kin in own.families.items()}
    assert sizes == {
        "haidian_four_dimensions": 7, "economy": 7, "innovation": 6, "livelihood": 9, "ecology": 9,
        "public": 2, "governance": 6, "new_productive_forces": 3,
    }  # fmt: skip
    assert all(len(set(own.nodes.loc[kin, "weight"])) == 1 for kin in own.families.values())
    assert own.nodes["basis"].str.contains("权重未公布").all()
    assert (own.nodes["bonus"] == "no").all()


def test_binding_targets_are_not_invented(shipped: Tables) -> None:
    own = framework(shipped, "haidian_four_dimensions").nodes
    binding = own[own["veto"] != "no"]
    assert binding["target"].to_dict() == {"L03": 100, "L04": 100}
    assert own.loc["L01", ["veto", "target"]].fillna("").tolist() == ["no", ""]
    assert "约束性指标" in own.at["L01", "basis"]
    stated = own["target"].notna() & (own["target"] != 100)
    assert own.loc[stated, ["target", "source_id"]].to_numpy().tolist() == [
        [5.5, "F02;S18"], [4.0, "F02;S18"], [3.1, "F02;S17"],
    ]  # fmt: skip


FOUR = {
    # economy: 5.5 / 5.5 and 3.1 / 3.1 -> 100, innovation: lowest 0, livelihood 90,
    # ecology (70 - 40) * 100 / 60 = 50, public 90: 330 / 5 = 66
    "a": {"E02": 5.5, "E08": 3.1, "I01": 10, "L03": 90, "C03": 40, "P01": 90},
    # economy: 2.75 / 5.5 and 3.1 / 6.2 -> 50, then 100, 100, 100, 80: 430 / 5 = 86
    "b": {"E02": 2.75, "E08": 6.2, "I01": 20, "L03": 100, "C03": 10, "P01": 80},
}


def test_four_dimensions_by_hand(shipped: Tables) -> None:
    found = scored(framework(shipped, "haidian_four_dimensions"), FOUR)
    assert found.index.to_dict() == pytest.approx({"a": 66, "b": 86}, abs=TOLERANCE)
    assert found.grade.to_dict() == {"a": "中", "b": "良"}
    assert found.capped_by.to_dict() == {"a": "L03", "b": ""}


def test_a_missed_binding_target_caps_the_grade(shipped: Tables) -> None:
    rows = {"a": {"E02": 5.5, "L03": 99}, "b": {"E02": 5.5, "L03": 100}}
    found = scored(framework(shipped, "haidian_four_dimensions"), rows)
    assert found.index.to_dict() == pytest.approx({"a": 99.5, "b": 100}, abs=TOLERANCE)
    assert found.grade.to_dict() == {"a": "良", "b": "优"}


@pytest.mark.parametrize(
    ("bonus", "expected"),
    [
        ("", (330 + 80) / 6),  # inside: a sixth part
        ("yes", 66 + 10 * 0.8),  # up to ten points more
    ],
)
def test_special_block_enters_inside_or_as_a_bonus(
    shipped: Tables, bonus: str, expected: float
) -> None:
    rows = shipped["indicators"]
    block = rows["node_id"] == "new_productive_forces"
    chosen = {**shipped, "indicators": rows.assign(bonus=rows["bonus"].mask(block, bonus))}
    four = {unit: own | {"N03": 80} for unit, own in FOUR.items()}
    found = scored(framework(chosen, "haidian_four_dimensions"), four)
    assert found.index["a"] == pytest.approx(expected, abs=TOLERANCE)
    assert found.nodes.at["a", "new_productive_forces"] == pytest.approx(80)


def test_known_values_of_the_district_are_those_observed(shipped: Tables) -> None:
    rows = shipped["values"]
    own = rows[rows["_file"] == "values/haidian_2024.csv"]
    assert (len(own), own["indicator_id"].nunique()) == (40, 17)
    assert set(own["unit_id"]) == {"110108"}
    observed = rows[(rows["_file"] == "values.csv") & (rows["unit_id"] == "110108")]
    cell = ["period", "vintage", "value", "as_of", "source_id", "confidence"]
    known = set(observed[["indicator_id", *cell]].itertuples(index=False, name=None))
    for row in own.to_dict("records"):
        if row["confidence"] == "derived" and row["evidence"].startswith("由"):
            continue  # 265 / 2125 and 8 / 8
        same = row["evidence"].partition("同一数值")[0].removeprefix("与")
        assert (same, *(row[name] for name in cell)) in known
    derived = own[own["evidence"].str.startswith("由")].set_index("indicator_id")["value"]
    assert derived.to_dict() == {"I03": round(100 * 265 / 2125, 2), "C06": 100 * 8 / 8}


# --- schemes seen ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("year", "parts"),
    [(2022, ["CE01", "CE02", "CE03", "CE04"]), (2023, ["CE01", "CE02", "CE05", "CE06"])],
)
def test_capital_environment_is_a_thousand_points_less_those_lost(
    shipped: Tables, year: int, parts: list[str]
) -> None:
    own = framework(shipped, f"capital_environment_{year}", on=dt.date(year, 6, 30))
    assert own.nodes.loc[parts, "weight"].tolist() == [400, 300, 200, 100]
    units = {
        "none": dict.fromkeys(parts, 0.0),
        "some": dict(zip(parts, (55, 40, 20, 10), strict=True)),  # 345 + 260 + 180 + 90
        "over": dict(zip(parts, (450, 0, 0, 0), strict=True)),  # nothing below 0: 0 + 600
    }
    found = scored(own, units)
    expected = {"none": 1000, "some": 875, "over": 600}
    assert found.index.to_dict() == pytest.approx(expected, abs=TOLERANCE)
    assert set(found.grade) == {""}  # ordered within groups, without grades


def test_capital_environment_versions_stand_side_by_side(shipped: Tables) -> None:
    spans = {
        year: framework(shipped, f"capital_environment_{year}").nodes.loc[
            f"capital_environment_{year}", ["valid_from", "valid_to"]
        ]
        for year in (2022, 2023)
    }
    assert spans[2022]["valid_to"] + dt.timedelta(days=1) == spans[2023]["valid_from"]
    with pytest.raises(ParameterError, match="is valid from 2022-01-01 to 2022-12-31"):
        framework(shipped, "capital_environment_2022", on=dt.date(2023, 4, 1))


def test_three_effects_by_hand(shipped: Tables) -> None:
    own = framework(shipped, "three_effects_one_innovation")
    assert own.nodes.loc[own.leaves, "weight"].tolist() == [40, 8, 7, 5, 20, 10, 5, 5]
    assert own.nodes.loc[own.families[own.root], "weight"].tolist() == [40, 15, 40, 5]
    marks = dict(zip(own.leaves, (90, 80, 70, 100, 85, 90, 80, 60), strict=True))
    found = scored(own, {"a": marks, "b": dict.fromkeys(own.leaves, 100)})
    # 36 + 6.4 + 4.9 + 5 + 17 + 9 + 4 + 3
    assert found.index.to_dict() == pytest.approx({"a": 85.3, "b": 100}, abs=TOLERANCE)
    assert found.effective_weights.loc["a", "TE05"] == pytest.approx(0.20)


@pytest.mark.parametrize(
    ("base", "bonus", "grade"),
    [
        (95, 15, "优秀"), (90, 20, "优秀"),
        (95, 14.9, "合格"), (89.9, 25, "合格"), (60, 0, "合格"),  # under 110; base under 90
        (59.9, 40, "不合格"), (30, 0, "不合格"),
    ],
)  # fmt: skip
def test_energy_demonstration_needs_total_and_base(
    shipped: Tables, base: float, bonus: float, grade: str
) -> None:
    own = framework(shipped, "energy_demonstration_2013")
    found = scored(own, {"a": {"ED01": base, "ED02": bonus}})
    assert found.base_index["a"] == pytest.approx(base)
    assert found.index["a"] == pytest.approx(base + bonus)
    assert found.grade["a"] == grade


def test_special_action_by_hand(shipped: Tables) -> None:
    own = framework(shipped, "special_action_12")
    assert set(own.nodes.loc[own.leaves, "weight"]) == {1}
    a = {"SA01": 95, "SA02": 80, "SA03": 105, "SA04": 5, "SA05": 81, "SA06": 20, "SA07": 10,
         "SA08": 90, "SA09": 5, "SA10": 500, "SA11": 3, "SA12": 1000}  # fmt: skip
    b = a | {"SA06": 40, "SA07": 14, "SA10": 100, "SA12": 100}
    c = a | {"SA06": 60, "SA07": 16, "SA10": 900, "SA12": 10000}
    found = scored(own, {"a": a, "b": b, "c": c})
    # 100 + 10 (105 - 100) / 10; 60 + 40 (81 - 60) / 35; patrols 0, 2, 4 off the band;
    # between 3 days (100) and 7 (60); second of three; 100 - 3 x 5; halfway on logarithms
    hand = [95, 80, 105, 75, 84, 100, 100, 80, 80, 50, 85, 50]
    assert found.normalised.loc["a"].tolist() == pytest.approx(hand, abs=TOLERANCE)
    assert found.index["a"] == pytest.approx(sum(hand) / 12, abs=TOLERANCE)
    assert found.normalised.loc[["b", "c"], "SA07"].tolist() == pytest.approx([50, 0])


def test_station_audit_by_hand(shipped: Tables) -> None:
    own = framework(shipped, "station_audit")
    assert len(own.families[own.root]) == 6
    clean = dict.fromkeys(own.leaves, 0.0)
    found = scored(own, {"a": clean | {"JK01": 1, "JK02": 2}, "b": clean})
    # the first standard is lost, two findings take 2 x 25 off the second: (0 + 50 + 1300) / 15
    assert found.index.to_dict() == pytest.approx({"a": 90, "b": 100}, abs=TOLERANCE)
    assert found.effective_weights.loc["a"].tolist() == pytest.approx([1 / 15] * 15)
