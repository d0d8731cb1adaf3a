"""Effects against numbers that R did, plm, fixest and Synth printed on data of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from effect_oracles import simulated_by_did

from haidian_eval import effect

R_DIGITS = 1e-6  # absolute: what was asked for; R did prints 15 digits
ROUNDED = 6e-6  # half a unit of the fifth digit, to which R stores the p of the pre-test
PRINTED = 6e-7  # half a unit of the sixth digit, as on the pages of fixest and plm
WEIGHTS = 0.006  # Synth prints .851 and .149; V is found by search
SCENARIOS: dict[str, dict[str, Any]] = {
    "mpdta_nev_dr": {},
    "mpdta_nyt_dr": {"control": "notyet"},
    "mpdta_nev_reg_cov": {"method": "reg", "covariates": "lpop"},
    "mpdta_nev_ipw": {"method": "ipw"},
    "sim_nev_dr": {"covariates": ["x"]},
}
KINDS = ("simple", "dynamic", "group", "calendar")
# R did on mpdta, est_method = "reg": base_period = "universal", then anticipation = 1 (file
# ref_gaps.csv of the tests of csdid, MIT; cells in which the two agree with the default left out).
UNIVERSAL = {
    (2006, 2003): (-0.0037692936737142, 0.0313420276018159),
    (2006, 2004): (0.00275081875051881, 0.0195585610358817),
    (2006, 2006): (-0.00459460695286304, 0.0177551966592763),
    (2007, 2003): (0.00330635669251235, 0.0244518729439318),
    (2007, 2004): (0.0338130122758051, 0.0211291749243127),
    (2007, 2005): (0.0310871193896889, 0.0178775113133435),
    (2007, 2007): (-0.0260544107191966, 0.0166554353492522),
}
ANTICIPATED = {
    (2006, 2004): (0.006520112424233, 0.0233268051418047),
    (2006, 2005): (-0.00275081875051881, 0.0195585610358817),
    (2006, 2006): (-0.00734542570338184, 0.022942862267559),
    (2006, 2007): (-0.0439752902967363, 0.0265787670169677),
    (2007, 2004): (0.0305066555832928, 0.01503356028013),
    (2007, 2005): (-0.00272589288611625, 0.0163958328955344),
    (2007, 2006): (-0.0310871193896889, 0.0178775113133435),
    (2007, 2007): (-0.0571415301088855, 0.020210163218686),
}
# fixest: feols(y ~ sunab(year_treated, year) | id + year, base_stagg), as its author printed it.
SUNAB = {
    -9: (2.343297, 1.122482), -8: (-0.866391, 1.186767), -7: (-0.345837, 0.713641),
    -6: (-0.471113, 0.731894), -5: (-0.796544, 0.527162), -4: (-0.280033, 0.429222),
    -3: (-0.315766, 0.528401), -2: (0.241325, 0.457825),
}  # fmt: skip
NAMES = ("unit", "time", "cohort")


@pytest.fixture(scope="session")
def folder(reference: Path) -> Path:
    return reference / "effect"


@pytest.fixture(scope="session")
def mpdta(folder: Path) -> pd.DataFrame:
    names = {"countyreal": "unit", "year": "time", "first.treat": "cohort", "lemp": "y"}
    frame = pd.read_csv(folder / "mpdta.csv").rename(columns=names)
    on = (frame["cohort"] > 0) & (frame["time"] >= frame["cohort"])
    return frame.assign(treated=on.astype(int))


@pytest.fixture(scope="session")
def panels(mpdta: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return {"mpdta": mpdta, "sim": simulated_by_did()}


@pytest.fixture(scope="session")
def fitted(panels: dict[str, pd.DataFrame]) -> dict[str, Any]:
    return {
        scenario: effect.att_gt(panels[scenario.split("_")[0]], "y", *NAMES, **options)
        for scenario, options in SCENARIOS.items()
    }


def expected_of(folder: Path, table: str, scenario: str) -> pd.DataFrame:
    frame = pd.read_csv(folder / f"mpdta_R_did_ref_{table}.csv")
    return frame[frame["scenario"] == scenario]


def test_panel_of_the_vignette_is_remade_from_its_seed() -> None:
    actual = simulated_by_did()
    assert len(actual) == 15_916  # nrow(dta) in the vignette
    first = actual.iloc[:4]["y"].to_numpy()  # the first unit in sim_data.csv, cohort 3
    expected = [5.56255635757505, 4.34921277942755, 7.13403726066075, 6.2430559679899]
    np.testing.assert_allclose(first, expected, atol=1e-12)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_cell_and_its_error_agree_with_r_did(
    folder: Path, fitted: dict[str, Any], scenario: str
) -> None:
    expected = expected_of(folder, "attgt", scenario).set_index(["group", "t"])
    actual = fitted[scenario].frame.set_index(["cohort", "time"]).reindex(expected.index)
    assert len(fitted[scenario].frame) == len(expected)
    np.testing.assert_allclose(actual["value"], expected["att"], rtol=0, atol=R_DIGITS)
    np.testing.assert_allclose(actual["se"], expected["se"], rtol=0, atol=R_DIGITS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_aggregation_agrees_with_r_did(
    folder: Path, fitted: dict[str, Any], scenario: str, kind: str
) -> None:
    expected = expected_of(folder, "aggte", scenario).query("type == @kind")
    actual = effect.aggregate(fitted[scenario], kind)
    overall = [actual.overall.value, actual.overall.se]
    printed = expected[["overall_att", "overall_se"]].iloc[0]
    np.testing.assert_allclose(overall, printed, rtol=0, atol=R_DIGITS)
    if kind != "simple":
        by = actual.by.set_index("key").reindex(expected["egt"])
        np.testing.assert_allclose(by["value"], expected["att_egt"], rtol=0, atol=R_DIGITS)
        np.testing.assert_allclose(by["se"], expected["se_egt"], rtol=0, atol=R_DIGITS)
        assert len(actual.by) == len(expected)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_joint_test_of_earlier_periods_agrees_with_r_did(
    folder: Path, fitted: dict[str, Any], scenario: str
) -> None:
    expected = expected_of(folder, "pretest", scenario).iloc[0]
    actual = effect.pretrend_test(fitted[scenario])
    assert actual.statistic == pytest.approx(expected["W"], abs=R_DIGITS)
    assert actual.p == pytest.approx(expected["Wpval"], abs=ROUNDED)
    assert actual.df == (3 if scenario.startswith("sim") else 5)


@pytest.mark.parametrize(
    ("options", "expected"),
    [({"base": "universal"}, UNIVERSAL), ({"anticipation": 1}, ANTICIPATED)],
    ids=["universal", "anticipation"],
)
def test_other_base_periods_agree_with_r_did(
    mpdta: pd.DataFrame, options: dict[str, Any], expected: dict[Any, Any]
) -> None:
    actual = effect.att_gt(mpdta, "y", *NAMES, method="reg", **options).frame
    printed = pd.DataFrame(expected, index=["value", "se"]).T
    found = actual.set_index(["cohort", "time"]).reindex(printed.index)[["value", "se"]]
    np.testing.assert_allclose(found, printed, rtol=0, atol=R_DIGITS)


def test_cohort_treated_within_the_anticipated_periods_has_no_cell(mpdta: pd.DataFrame) -> None:
    actual = effect.att_gt(mpdta, "y", *NAMES, method="reg", anticipation=1).frame
    assert set(actual["cohort"]) == {2006, 2007}  # 2004 has no period before 2003
    assert len(actual) == len(ANTICIPATED)


@pytest.mark.parametrize(
    ("rule", "se"),
    # pyfixest and fixest; plm vcovHC; all dummies in the count (R lm, Stata)
    [("fixest", 0.0132652), ("hc0", 0.0132387), ("stata", 0.0148316), ("plm", 0.0132519)],
)
def test_two_way_effect_of_mpdta_has_the_error_of_each_rule(
    mpdta: pd.DataFrame, rule: str, se: float
) -> None:
    actual = effect.twfe(mpdta, "y", "treated", "unit", "time", cluster="unit", small_sample=rule)
    assert actual.value == pytest.approx(-0.0365489, abs=PRINTED)
    assert actual.se == pytest.approx(se, abs=PRINTED)
    assert (actual.n, actual.clusters) == (2500, 500)


def test_imputation_of_mpdta_uses_counties_with_one_earlier_year(mpdta: pd.DataFrame) -> None:
    actual = effect.imputation(mpdta, "y", *NAMES)
    assert actual.value == pytest.approx(-0.0477099, abs=PRINTED)
    assert actual.se == pytest.approx(0.0132225, abs=PRINTED)
    assert actual.dropped == 0


def staggered_example(folder: Path) -> pd.DataFrame:
    names = {"id": "unit", "year": "time", "year_treated": "cohort"}
    return pd.read_csv(folder / "base_stagg.csv").rename(columns=names)


def test_interacted_effects_by_period_agree_with_fixest(folder: Path) -> None:
    by = effect.sun_abraham(staggered_example(folder), "y", *NAMES).by.set_index("key")
    expected = pd.DataFrame(SUNAB, index=["value", "se"]).T
    actual = by.reindex(expected.index)[["value", "se"]]
    np.testing.assert_allclose(actual, expected, rtol=0, atol=PRINTED)


def test_interacted_effect_beside_a_covariate_agrees_with_fixest(folder: Path) -> None:
    """feols(y ~ x1 + sunab(year_treated, year) | id + year): ATT -1.133749 (0.205070)."""
    actual = effect.sun_abraham(staggered_example(folder), "y", *NAMES, covariates="x1")
    assert actual.value == pytest.approx(-1.133749, abs=PRINTED)
    assert actual.se == pytest.approx(0.205070, abs=PRINTED)


def test_basque_country_is_made_of_catalonia_and_madrid(folder: Path) -> None:
    raw = pd.read_csv(folder / "basque.csv").query("regionno != 1")
    schools = ["school.illit", "school.prim", "school.med", "school.higher"]
    raw["school.higher"] = raw["school.high"] + raw["school.post.high"]
    raw[schools] = 100 * raw[schools].div(raw[schools].sum(axis=1), axis=0)
    treated = raw["regionname"].str.startswith("Basque")
    sectors = [name for name in raw if name.startswith("sec.")]
    predictors: dict[str, Any] = {
        "gdpcap": (1960, 1969),
        **dict.fromkeys([*schools, "invest"], (1964, 1969)),
        **{name: [1961, 1963, 1965, 1967, 1969] for name in sectors},
        "popdens": [1969],
    }
    actual = effect.synthetic_control(
        raw.assign(cohort=np.where(treated, 1970, 0)), "gdpcap", "regionname", "year", "cohort",
        predictors=predictors, fit=(1960, 1969),
    )  # fmt: skip
    large = actual.unit_weights[actual.unit_weights > 0.01]
    assert large.index.str[:6].tolist() == ["Catalu", "Madrid"]
    np.testing.assert_allclose(large, [0.851, 0.149], atol=WEIGHTS)


def test_seat_belt_law_agrees_with_newey_west_of_r(folder: Path) -> None:
    raw = pd.read_csv(folder / "uk_seatbelts.csv")
    month = raw["year"].astype(str) + "-" + raw["month"].astype(str).str.zfill(2)
    frame = raw.assign(when=month, y=np.log(raw["drivers"]), petrol=np.log(raw["PetrolPrice"]))
    actual = effect.interrupted_series(
        frame, "y", "when", "1983-02", covariates=("petrol", "C(month)"), lags=12
    )
    assert actual.value == pytest.approx(-0.1451647, abs=PRINTED)
    assert actual.se == pytest.approx(0.0316095, abs=PRINTED)
    assert actual.n == 192
