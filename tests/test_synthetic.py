"""Synthetic tables: what is drawn is known, repeatable, marked, and takes nobody's name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from study_runs import ROOT

from haidian_eval import scoring, tables
from haidian_eval.__main__ import main
from haidian_eval.errors import ParameterError
from haidian_eval.params import Params, load_params
from haidian_eval.synthetic import Synthetic, generate, plan

SHIPPED = ROOT / "data" / "raw" / "2024"
KEY = ["unit_id", "indicator_id", "period"]


@pytest.fixture(scope="module")
def params() -> Params:
    return load_params(SHIPPED)


@pytest.fixture(scope="module")
def shipped(params: Params) -> tables.Edition:
    return tables.read_edition(SHIPPED, strict=True, params=params)


@pytest.fixture(scope="module")
def made(shipped: tables.Edition, params: Params) -> Synthetic:
    return generate(shipped.tables["indicators"], params)


def synth(folder: Path, *more: str) -> Result:
    return CliRunner().invoke(main, ["synth", "--data", str(folder.parent), *more])


def same(one: Synthetic, other: Synthetic) -> bool:
    return (
        all(one.tables[name].equals(other.tables[name]) for name in one.tables)
        and one.truth.equals(other.truth)
        and one.quality.equals(other.quality)
        and one.effects.equals(other.effects)
        and all(one.opinion[name].equals(other.opinion[name]) for name in one.opinion)
    )


def test_shipped_edition_with_presets_and_example_units_has_no_defect(
    shipped: tables.Edition,
) -> None:
    assert shipped.defects.frame.empty
    assert {name: len(frame) for name, frame in shipped.tables.items() if len(frame)} == {
        "sources": 82 + 3 + 9 + 3 + 2,
        "units": 71 + 29 + 24 + 16 + 4 + 120 + 14,
        "indicators": 70 + 110,
        "points": 2 + 9,
        "bands": 3 + 4 * 4,
        "values": 2049 + 40 + 4073,
        "corrections": 14,
        "rules": 21,
        "policies": 15 + 1,
        "panel": 14 * 15 * 12 - 15,  # one park did not hand in one quarter
        "external_ranks": 8,
        "claims": 34,
        "questionnaire": 8 + 2 + 4,
        "survey_design": 2 * (16 + 29 * 4),  # strata of firms, four communities of each street
        "control_totals": 2 * (4 + 4 + 29 + 4 + 2),
        "responses": 8 * (699 + 693) + 2 * 984 + 4 * 946,
        "tickets": 12000,
        "events": 60,
        "participation": 331,
        "comments": 919,
        "interviews": 298,
    }


def test_shipped_files_are_what_the_command_writes_and_stay_small(whole_edition: Path) -> None:
    assert synth(whole_edition).exit_code == 0
    paths = sorted(SHIPPED.glob("*/synthetic.csv"))
    assert [path.parent.name for path in paths] == [
        "comments", "control_totals", "events", "interviews", "panel", "participation", "policies",
        "questionnaire", "responses", "sources", "survey_design", "tickets", "units", "values",
    ]  # fmt: skip
    for path in paths:
        assert (whole_edition / path.relative_to(SHIPPED)).read_bytes() == path.read_bytes()
    assert sum(path.stat().st_size for path in paths) < 4_300_000


def test_the_seed_decides_and_the_order_of_rows_does_not(
    shipped: tables.Edition, params: Params, made: Synthetic
) -> None:
    indicators = shipped.tables["indicators"]
    assert same(generate(indicators.sample(frac=1, random_state=1), params), made)
    assert not same(generate(indicators, load_params(SHIPPED, ["synthetic.seed=1"])), made)


def test_year_follows_the_edition_unless_it_is_set(
    shipped: tables.Edition, made: Synthetic
) -> None:
    later = load_params(SHIPPED, ["synthetic.year=2030"])
    own = generate(shipped.tables["indicators"], later).truth
    assert set(made.truth["period"]) == {"2022", "2023", "2024"}
    assert set(own["period"]) == {"2022", "2023", "2029", "2030"}  # two schemes keep their years


def test_every_leaf_of_a_drawn_scheme_is_drawn(shipped: tables.Edition) -> None:
    for name, scheme in plan().schemes.items():
        own = scoring.framework_named(shipped.tables["indicators"], name, shipped.tables["points"])
        assert list(scheme.leaves) == own.leaves


def test_example_units_and_their_numbers(made: Synthetic) -> None:
    units = made.tables["units"]
    assert units["unit_type"].value_counts().to_dict() == {
        "station": 120, "street": 29, "department": 24, "example_district": 16, "peer_group": 4,
        "park": 14,
    }  # fmt: skip
    grouped = units[units["peer_group"] != ""]
    assert grouped.groupby("peer_group").size().to_dict() == {f"SYN-G{c}": 4 for c in "ABCD"}
    assert set(made.quality["unit_id"]) == set(
        units.loc[~units["unit_type"].isin(["peer_group", "park"]), "unit_id"]
    )


def test_no_synthetic_name_or_id_is_a_real_one(shipped: tables.Edition, made: Synthetic) -> None:
    units, words = shipped.tables["units"], ["unit_id", "name_zh", "name_en", "aliases"]
    is_made = units["source_id"] == "SYN-U1"
    real = {
        part for name in words for cell in units.loc[~is_made, name].dropna()
        for part in cell.split(";")
    }  # fmt: skip
    for cell in made.tables["units"][words[:3]].to_numpy().ravel():
        assert not [name for name in real if name in cell], cell
    assert made.tables["units"]["unit_id"].str.startswith("SYN-").all()
    assert made.tables["units"]["name_zh"].str.startswith("示例").all()
    assert made.tables["units"]["name_en"].str.startswith("Example").all()
    assert not units.loc[~is_made, "unit_id"].str.startswith("SYN-").any()


def test_every_synthetic_row_says_so_and_stands_on_example_units_alone(
    shipped: tables.Edition,
) -> None:
    kinds = shipped.tables["sources"].set_index("source_id")["kind"]
    for path in SHIPPED.glob("*/synthetic.csv"):
        name, rows = path.parent.name, shipped.tables[path.parent.name]
        own = rows[rows["_file"] == f"{name}/synthetic.csv"]
        assert len(own) and (own["source_id"].map(kinds) == "synthetic").all()
    values = shipped.tables["values"]
    is_example = values["unit_id"].str.startswith("SYN-")
    assert (is_example == (values["confidence"] == "synthetic")).all()
    assert (is_example == (values["_file"] == "values/synthetic.csv")).all()


def test_example_units_are_never_assessed(shipped: tables.Edition, params: Params) -> None:
    assessed = tables.assessed_units(shipped.tables["units"], params)
    assert len(assessed) == 17
    assert not assessed["unit_id"].str.startswith("SYN-").any()
    cited = tables.coverage(shipped, params)
    assert not cited["source_id"].str.contains("SYN-").any()
    assert not cited["absent"].str.contains("SYN-").any()


def observed(made: Synthetic) -> pd.DataFrame:
    """Values beside their truth."""
    both = made.tables["values"].merge(made.truth, on=KEY, validate="1:1", suffixes=("", "_true"))
    return both.assign(error=both["value"] - both["value_true"])


def test_without_a_sample_only_rounding_parts_value_and_truth(made: Synthetic) -> None:
    both = observed(made)
    exact = both[both["se"].isna() & (both["half_width"] > 0)]
    assert len(exact) > 1000
    assert (exact["error"].abs() <= exact["half_width"] + 1e-9).all()


def test_stated_errors_cover_the_truth(made: Synthetic) -> None:
    both = observed(made)
    survey = both[both["indicator_id"].isin(["SA02", "TE05", "L02", "P01", "P02"])]
    assert survey[["se", "n"]].gt(0).all(axis=None)
    share = (survey["error"].abs() <= 1.96 * survey["se"] + survey["half_width"]).mean()
    assert share == pytest.approx(0.95, abs=0.05)  # 200 values: one sd of the share is 0.015


def test_counts_scatter_as_counts_do(made: Synthetic) -> None:
    both = observed(made)
    counts = both[both["indicator_id"].str.fullmatch("JK(?!01).*")]
    dispersion = (counts["error"] ** 2 / counts["value_true"]).mean()
    assert dispersion == pytest.approx(1, abs=0.15)  # 1,600 counts: one sd is about 0.05


def test_numbers_that_follow_from_others_agree(made: Synthetic) -> None:
    wide = made.truth.pivot(index=["unit_id", "period"], columns="indicator_id", values="value")
    total = wide.groupby("period")["E01"].transform("sum")
    assert np.allclose(wide["E03"], 100 * wide["E01"] / total, equal_nan=True)
    seen = made.tables["values"].set_index(KEY)
    pairs = seen.xs("I06", level=1).join(seen.xs("I05", level=1)["value"].rename("landed"))
    pairs = pairs.dropna(subset=["value", "landed"])
    gap = (100 * pairs["landed"] / pairs["n"] - pairs["value"]).abs()
    assert len(pairs) > 25 and (gap <= 0.05 + 1e-9).all()


def test_gaps_are_as_many_as_asked(made: Synthetic, params: Params) -> None:
    share = 1 - len(made.tables["values"]) / len(made.truth)
    assert share == pytest.approx(params.synthetic.missing_share, abs=0.007)


def test_index_finds_the_quality_behind_it(shipped: tables.Edition, made: Synthetic) -> None:
    parts, quality = shipped.tables, made.quality.set_index("unit_id")["quality"]
    for name in plan().schemes:
        own = scoring.framework_named(parts["indicators"], name, parts["points"], parts["bands"])
        rows = made.tables["values"][made.tables["values"]["indicator_id"].isin(own.leaves)]
        for _, year in rows.groupby("period"):
            wide = year.pivot(index="unit_id", columns="indicator_id", values="value")
            if set(wide) < set(own.leaves):
                continue  # of the other version of a scheme that shares indicators
            index = scoring.score(wide[own.leaves], own).index
            assert index.corr(quality.reindex(index.index), method="spearman") > 0.6, name


def test_scheme_that_an_edition_lacks_is_left_out(shipped: tables.Edition, params: Params) -> None:
    indicators = shipped.tables["indicators"]
    own = generate(indicators[indicators["scheme_id"] == "special_action_12"], params)
    assert set(own.tables["values"]["source_id"]) == {"SYN-V1"}
    none = generate(indicators[indicators["scheme_id"] == "observed"], params)
    assert none.tables["values"].empty and len(none.tables["units"]) == 193 + 14
    with pytest.raises(ParameterError, match=r"'station_audit': the plan draws \['JK15'\]"):
        generate(indicators[indicators["node_id"] != "JK15"], params)


def test_a_file_with_real_rows_is_not_overwritten(whole_edition: Path) -> None:
    path = whole_edition / "values" / "synthetic.csv"
    real = path.read_text("utf-8").replace(",SYN-V1", ",S37", 1)
    path.write_text(real, "utf-8")
    refused = synth(whole_edition)
    assert refused.exit_code == 1
    assert "holds rows that are not synthetic" in refused.output
    assert path.read_text("utf-8") == real
    assert synth(whole_edition, "--force").exit_code == 0
    assert path.read_bytes() == (SHIPPED / "values" / "synthetic.csv").read_bytes()


def test_bytes_that_are_no_text_are_not_overwritten(edition: Path) -> None:
    (edition / "units").mkdir()
    (edition / "units" / "synthetic.csv").write_bytes(b"\xff\xfe\xff")
    assert synth(edition).exit_code == 1
    assert not (edition / "values" / "synthetic.csv").exists()


def test_new_edition_tells_synthetic_rows_from_the_others(whole_edition: Path) -> None:
    args = ["new-edition", "2025", "--from", "2024", "--data", str(whole_edition.parent)]
    result = CliRunner().invoke(main, args)
    assert result.exit_code == 0, result.output
    lines = [line for line in result.output.splitlines() if line.startswith("values (")]
    assert ["synthetic" in line for line in lines] == [False, True]
    assert (whole_edition.with_name("2025") / "indicators" / "presets.csv").is_file()
    assert not (whole_edition.with_name("2025") / "values").exists()
