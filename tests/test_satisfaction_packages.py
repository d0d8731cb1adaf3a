"""Designs of several stages, lonely units, calibration and replicates against R `survey`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from survey_oracles import FRAMES

from haidian_eval.errors import ParameterError
from haidian_eval.satisfaction import (
    Design,
    Replicates,
    calibrate,
    chi_square,
    contrast,
    estimate,
    post_stratify,
    rake,
    read_sample,
    trim,
)

R_DIGITS = 1e-10  # relative; 14 digits are printed
SWEEPS = 2e-9  # R projects raking margins in ten sweeps, which is not yet the limit
GLM = 5e-9  # svyciprop "logit" searches its mean by glm
SLACK = 1e-9  # of totals: what calibration leaves of an error that is none
FIELDS = ["estimate", "se", "low", "high", "deff", "df"]
POLICIES = ("remove", "certainty", "adjust", "average")
SIZE = pd.Series({"small": 1700.0, "middle": 1300.0, "large": 1400.0}).rename_axis("size")
SECTOR = pd.Series({"A": 1750.0, "B": 1450.0, "C": 1200.0}).rename_axis("sector")
MOOD = pd.Series({"yes": 2000.0, "no": 2400.0}).rename_axis("mood")
CELLS = pd.Series(
    [450.0, 720, 690, 460, 540, 360, 400, 220, 560],
    index=pd.MultiIndex.from_product(
        [["A", "B", "C"], ["large", "middle", "small"]], names=["sector", "size"]
    ),
)
TOTALS = {"intercept": 4400.0, "staff": 130_000.0, "years": 50_000.0}
STAGES = {"clusters": ("psu", "unit"), "fpc": ("psus", "units")}
HALVES = {"strata": ("stratum", "half"), "fpc": ("psus", "halves")}
BASE = Design(strata="stratum", clusters="psu", weights="w", fpc="psus")
TWO_STAGE = Design(strata="stratum", weights="w", **STAGES)
JKN = Design(strata="stratum", clusters="psu", weights="w", fpc="psus", replicates="jkn")


def columns(kind: str, n: int) -> tuple[str, ...]:
    return tuple(f"{kind}{i + 1}" for i in range(n))


def given(name: str, n: int, **options: Any) -> Design:
    options = {"kind": name} | options
    return Design(weights="w", replicates=Replicates(columns(name, n), **options))


FAY = given("fay", 8, fay=0.3)
OTHER = Replicates(columns("boot", 20), kind="other", scale=0.04, rscales=(0.5, 1.5) * 10)
DESIGNS: dict[str, tuple[str, Design]] = {
    "firms": ("firms", BASE),
    "elements": ("elements", Design(strata="stratum", weights="w")),
    "elements_counted": ("elements", Design(strata="stratum", weights="w", fpc="psus")),
    "two_stage": ("two_stage", TWO_STAGE),
    "two_stage_first": ("two_stage", Design(strata="stratum", clusters="psu", weights="w")),
    "two_stage_nested": (
        "two_stage",
        Design(strata="stratum", clusters=("number", "place"), weights="w",
               fpc=("psus", "units"), nest=True),
    ),
    "two_stage_halves": ("two_stage", Design(clusters=("psu", "unit"), weights="w", **HALVES)),
    "two_stage_no_weights": ("two_stage", Design(strata="stratum", **STAGES)),
    "three_stage": (
        "three_stage",
        Design(strata="stratum", clusters=("psu", "house", "person"), weights="w",
               fpc=("psus", "houses", "persons")),
    ),
    "jk1": ("plain", Design(clusters="psu", weights="w", replicates="jk1")),
    "jk1_counted": ("plain", Design(clusters="psu", weights="w", fpc="psus", replicates="jk1")),
    "jkn": ("firms", Design(strata="stratum", clusters="psu", weights="w", replicates="jkn")),
    "jkn_counted": ("firms", JKN),
    "given_brr": ("paired", given("brr", 8)),
    "given_fay": ("paired", FAY),
    "given_jkn": ("paired", given("jkn", 14, scale=1.0, rscales=(0.5,) * 14)),
    "given_boot": ("paired", given("boot", 20, kind="bootstrap")),
    "given_other": ("paired", Design(weights="w", replicates=OTHER)),
}  # fmt: skip
for policy in POLICIES:
    lone = {"strata": "stratum", "clusters": "psu", "weights": "w", "singleton": policy}
    DESIGNS[f"lonely_{policy}"] = ("lonely", Design(**lone))
    DESIGNS[f"lonely_counted_{policy}"] = ("lonely", Design(**lone, fpc="psus"))
    if policy != "average":  # R has no number where no stratum of a PSU can be estimated
        DESIGNS[f"lonely_inside_{policy}"] = ("lonely_inside", Design(**lone | STAGES))

Adjust = Callable[[pd.DataFrame], Any]
SHORT = SECTOR * 0 + [420.0, 380.0, 500.0]
CALIBRATED: dict[str, tuple[str, Adjust]] = {
    "post": ("firms", lambda f: post_stratify(f, BASE, CELLS)),
    "rake": ("firms", lambda f: rake(f, BASE, [SIZE, SECTOR, MOOD], tolerance=1e-13)),
    "linear": ("firms", lambda f: calibrate(f, BASE, TOTALS)),
    "linear_no_intercept": (
        "firms",
        lambda f: calibrate(f, BASE, {k: TOTALS[k] for k in ("staff", "years")}),
    ),
    "exponential": ("firms", lambda f: calibrate(f, BASE, TOTALS, method="raking")),
    "trim": ("firms", lambda f: trim(f, CALIBRATED["rake"][1](f), 15, 60)),
    "trim_plain": ("firms", lambda f: trim(f, BASE, 15, 60)),
    "two_stage_rake": (
        "two_stage",
        lambda f: rake(
            f, TWO_STAGE,
            [pd.Series({"A": 120.0, "B": 105.0, "C": 190.0}).rename_axis("sector"),
             pd.Series({"yes": 190.0, "no": 225.0}).rename_axis("mood")], tolerance=1e-13,
        ),
    ),
    "jkn_counted_rake": ("firms", lambda f: rake(f, JKN, [SIZE, SECTOR, MOOD], tolerance=1e-13)),
    "jkn_counted_post": ("firms", lambda f: post_stratify(f, JKN, SECTOR)),
    "jkn_counted_linear": ("firms", lambda f: calibrate(f, JKN, TOTALS)),
    "given_fay_rake": (
        "paired",
        lambda f: rake(
            f, FAY, [SHORT, pd.Series({"yes": 610.0, "no": 690.0}).rename_axis("mood")],
            tolerance=1e-13,
        ),
    ),
}  # fmt: skip
CONTRASTS: dict[str, tuple[Any, dict[str, float], dict[str, Any]]] = {
    "mean speed - clarity": (["speed", "clarity"], {"speed": 1, "clarity": -1}, {}),
    "total speed + clarity - 2 cost": (
        ["speed", "clarity", "cost"],
        {"speed": 1, "clarity": 1, "cost": -2},
        {"kind": "total"},
    ),
    "mean y A - (B + C) / 2": ("y", {"A": 1, "B": -0.5, "C": -0.5}, {"by": "sector"}),
    "total y A - B": ("y", {"A": 1, "B": -1}, {"by": "sector", "kind": "total"}),
}


GOLDEN = Path(__file__).parent / "golden"


@cache
def golden() -> pd.DataFrame:
    texts = dict.fromkeys(["variable", "by", "option", "domain", "level"], str)
    rows = pd.read_csv(GOLDEN / "survey_packages.csv", comment="#", dtype=texts)
    return rows.fillna(dict.fromkeys(texts, ""))


@cache
def sample(name: str) -> tuple[pd.DataFrame, Any]:
    if name in CALIBRATED:
        source, adjust = CALIBRATED[name]
        frame = FRAMES[source]()
        return frame, adjust(frame)
    source, design = DESIGNS[name]
    return FRAMES[source](), design


def keyed(table: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """The rows of a result under `domain` and `level`, as they stand in the golden file."""
    domain = table[by].astype(str).agg(";".join, axis=1) if by else ""
    level = table["level"].astype(object).where(table["level"].notna(), "").astype(str)
    return table.assign(domain=domain, level=level).set_index(["domain", "level"])[FIELDS]


def results(name: str, kind: str, variable: str, by: str, option: str) -> pd.DataFrame:
    frame, design = sample(name)
    names = by.split(";") if by else []
    options: dict[str, Any] = {"kind": kind, "by": names or None}
    if kind == "ratio":
        options["denominator"] = option
    elif kind == "quantile":
        options["quantile"] = float(option)
    else:
        options["interval"] = option
    return keyed(estimate(frame, design, variable, **options), names)


def differences(rows: pd.DataFrame, actual: pd.DataFrame, near: float) -> list[Any]:
    """What differs, of the fields that R gives; a missing number is a number that R has not."""
    wrong: list[Any] = []
    for _, row in rows.iterrows():
        key = (row["domain"], row["level"])
        if key not in actual.index:
            wrong.append((key, "no such row"))
            continue
        found = actual.loc[key]
        for field in FIELDS:
            if pd.isna(row[field]) and (row["kind"] != "quantile" or field == "deff"):
                continue
            slack = SLACK * abs(row["estimate"]) if field in ("se", "low", "high") else 0.0
            slack = max(slack, SLACK if field == "deff" else 0.0)
            if not np.isclose(found[field], row[field], near, slack, equal_nan=True):
                wrong.append((key, field, found[field], row[field]))
    return wrong


def nearness(name: str, option: str) -> float:
    if option == "logit":
        return GLM
    return SWEEPS if "rake" in name or "trim" in name else R_DIGITS


ESTIMATED = ("mean", "total", "proportion", "ratio", "quantile")


def estimated(name: str) -> pd.DataFrame:
    rows = golden()
    return rows[(rows["design"] == name) & rows["kind"].isin(ESTIMATED)]


@pytest.mark.parametrize("name", [*DESIGNS, *CALIBRATED])
def test_estimates_agree_with_r_survey(name: str) -> None:
    rows = estimated(name)
    assert len(rows) >= 9
    wrong = []
    for keys, group in rows.groupby(["kind", "variable", "by", "option"]):
        near = nearness(name, str(keys[3]))
        differing = differences(group, results(name, *keys), near)
        wrong += [(*keys, *what) for what in differing]
    assert not wrong, "\n".join(map(str, wrong[:12]))


@pytest.mark.parametrize("name", sorted(set(golden().query("kind == 'contrast'")["design"])))
def test_contrasts_agree_with_r_survey(name: str) -> None:
    frame, design = sample(name)
    rows = golden().query("design == @name and kind == 'contrast'").set_index("option")
    assert set(rows.index) == set(CONTRASTS)
    fields = ["estimate", "se", "low", "high", "df"]
    wrong = []
    for option, (variable, coefficients, options) in CONTRASTS.items():
        actual = contrast(frame, design, variable, coefficients, **options)
        assert len(actual) == 1
        expected = rows.loc[option, fields].astype(float)
        slack = SLACK * expected["se"]  # a difference of nearly equal totals
        for field in fields:
            found = float(actual[field].iloc[0])
            if not np.isclose(found, expected[field], nearness(name, option), slack):
                wrong.append((option, field, found, expected[field]))
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.parametrize("name", sorted(set(golden().query("kind == 'chi_square'")["design"])))
def test_tests_of_independence_agree_with_r_survey(name: str) -> None:
    frame, design = sample(name)
    rows = golden().query("design == @name and kind == 'chi_square'")
    for (row, column), group in rows.groupby(["variable", "by"]):
        found = chi_square(frame, design, row, column)
        actual = {"F": found.statistic, "df1": found.df1, "df2": found.df2, "p": found.p}
        expected = group.set_index("option")["estimate"]
        np.testing.assert_allclose(
            [actual[key] for key in expected.index], expected, 10 * nearness(name, "")
        )


@pytest.mark.parametrize("name", ["post", "rake", "linear", "exponential", "trim"])
def test_calibrated_weights_agree_with_r_survey(name: str) -> None:
    rows = golden().query("design == @name and kind == 'weight'")
    assert len(rows) == 3
    weights = read_sample(*sample(name)).weights
    actual = np.asarray(weights)[rows["domain"].astype(int)]
    np.testing.assert_allclose(actual, rows["estimate"], nearness(name, ""))


@pytest.mark.parametrize("frame", ["lonely", "lonely_inside"])
def test_stratum_with_one_unit_is_refused_by_name(frame: str) -> None:
    options = STAGES if frame == "lonely_inside" else {"clusters": "psu"}
    design = Design(strata="stratum", weights="w", **options)
    lone = {"lonely": r"\bb\b", "lonely_inside": "s01"}[frame]
    with pytest.raises(ParameterError, match=lone):
        estimate(FRAMES[frame](), design, "y")


def test_policies_for_lonely_units_differ_as_they_should() -> None:
    """A lonely unit counts nothing, as much as it lies off, or as much as the others' mean."""
    se = {p: estimate(*sample(f"lonely_{p}"), "y")["se"].iloc[0] for p in POLICIES}
    assert se["remove"] == se["certainty"] < se["adjust"] < se["average"]
    # 8 strata, 5 of which can be estimated: the variance is 8/5 of theirs
    assert se["average"] == pytest.approx(se["remove"] * np.sqrt(8 / 5), rel=1e-12)


def test_stratum_that_was_taken_whole_needs_no_policy() -> None:
    """Stratum h holds one unit in all: it adds no error, and no policy for it is asked."""
    frame = FRAMES["lonely"]().query("stratum not in ['b', 'e']")
    found = estimate(frame, BASE, "y")
    assert found["se"].iloc[0] > 0


def test_replicates_vary_around_their_own_mean() -> None:
    """R's default (mse = FALSE); around the full sample the sum of squares is larger."""
    frame, design = sample("given_boot")
    y, w = frame["y"], frame["w"]
    sets = np.array([frame[c] for c in columns("boot", 20)])
    means = (sets @ y) / sets.sum(axis=1)
    around = np.sqrt(((means - means.mean()) ** 2).sum() / 19)
    found = estimate(frame, design, "y").iloc[0]
    assert found["se"] == pytest.approx(around, rel=1e-12)
    assert found["se"] < np.sqrt(((means - (w @ y) / w.sum()) ** 2).sum() / 19)


def test_bare_columns_are_balanced_half_samples() -> None:
    frame = FRAMES["paired"]()
    bare = estimate(frame, Design(weights="w", replicates=columns("brr", 8)), "y")
    pd.testing.assert_frame_equal(bare, estimate(frame, given("brr", 8), "y"))
