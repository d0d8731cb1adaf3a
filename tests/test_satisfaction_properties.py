"""What must not move a survey estimate does not move it; what must scale it does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask.dataframe as dd
import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from scipy import stats

from haidian_eval.errors import ParameterError
from haidian_eval.satisfaction import (
    Design,
    calibrate,
    contrast,
    estimate,
    non_response,
    post_stratify,
    rake,
    read_sample,
    trim,
)

SAME = 1e-12  # relative: the same sums in another order
SOLVED = 1e-9  # weights that are searched for
Frame = pd.DataFrame
NUMBERS = ["estimate", "se", "low", "high", "deff"]
DESIGN = Design(strata="stratum", clusters="psu", weights="w", fpc="psus")
OPEN = Design(strata="stratum", clusters="psu", weights="w")
TWO_STAGE = Design(strata="stratum", clusters=("psu", "unit"), weights="w", fpc=("psus", "units"))
JKN = Design(strata="stratum", clusters="psu", weights="w", fpc="psus", replicates="jkn")
ASKED: dict[str, dict[str, Any]] = {
    "mean": {"variable": "y"},
    "mean of domains": {"variable": "y", "by": ["sector", "mood"]},
    "total": {"variable": "part", "kind": "total"},
    "shares": {"variable": "sector", "kind": "proportion", "interval": "logit"},
    "shares of domains": {"variable": "mood", "kind": "proportion", "by": "sector"},
    "ratio": {"variable": "y", "kind": "ratio", "denominator": "staff", "by": "mood"},
    "quantile": {"variable": "y", "kind": "quantile", "quantile": 0.4},
}

EVERYTHING = ("as drawn", "two stages")  # designs of which all this is asked; of others
SOME = ("mean of domains", "total", "quantile")


def drawn(seed: int, strata: int = 3) -> Frame:
    """Strata of three to five PSUs of four to nine rows; every sector and mood is there."""
    rng = np.random.default_rng(seed)
    rows = [
        (f"s{h}", f"s{h}u{i}", f"s{h}u{i}p{j}", float(total), float(inside))
        for h in range(strata)
        for taken, total in [(rng.integers(3, 6), rng.integers(6, 30))]
        for i in range(taken)
        for m, inside in [(rng.integers(4, 10), rng.integers(10, 40))]
        for j in range(m)
    ]
    frame = pd.DataFrame(rows, columns=["stratum", "psu", "unit", "psus", "units"])
    n = len(frame)
    y = np.round(
        rng.normal(7, 3, n) + rng.normal(0, 2, strata)[frame["stratum"].str[1].astype(int)], 1
    )
    frame = frame.assign(
        w=np.round(rng.uniform(0.5, 20, n), 2), y=y, staff=np.round(rng.lognormal(2, 1, n) + 1),
        sector=np.resize(list("ABC"), n), mood=rng.choice(["yes", "no"], n),
        size=rng.choice(["s", "m", "l"], n),
    )  # fmt: skip
    return frame.assign(part=frame["y"].where(rng.uniform(size=n) > 0.15))


def ordered(table: Frame, by: Any = None) -> Frame:
    keys = [*([by] if isinstance(by, str) else by or []), "level"]
    return table.sort_values(keys).reset_index(drop=True)


def same(actual: Frame, expected: Frame, near: float = SAME, columns: list[str] = NUMBERS) -> None:
    assert len(actual) == len(expected)
    a, b = (t[columns].astype(float).reset_index(drop=True) for t in (actual, expected))
    scale = near * np.abs(expected["estimate"].to_numpy(dtype=float))[:, None]
    gap = (a - b).abs().to_numpy()
    fine = (gap <= near * b.abs().to_numpy() + scale) | (a.isna() & b.isna()).to_numpy()
    assert fine.all(), pd.concat([actual, expected])


def asked(frame: Any, design: Any, key: str) -> Frame:
    options = ASKED[key]
    return ordered(estimate(frame, design, **options), options.get("by"))


def totals(frame: Frame, column: str, seed: int) -> pd.Series:
    """Weighted counts of the levels, moved by up to a tenth; they sum to 1000."""
    rng = np.random.default_rng(seed)
    counts = frame.groupby(column)["w"].sum()
    moved = counts * rng.uniform(0.9, 1.1, len(counts))
    return 1000.0 * moved / moved.sum()


def margins(frame: Frame, seed: int) -> list[pd.Series]:
    return [totals(frame, column, seed + k) for k, column in enumerate(("sector", "mood", "size"))]


ADJUSTED: dict[str, Callable[[Any, Frame], Any]] = {
    "as drawn": lambda f, _: DESIGN,
    "two stages": lambda f, _: TWO_STAGE,
    "jackknife": lambda f, _: JKN,
    "post-stratified": lambda f, m: post_stratify(f, DESIGN, totals(m, "sector", 1)),
    "raked": lambda f, m: rake(f, DESIGN, margins(m, 1)),
    "raked jackknife": lambda f, m: rake(f, JKN, margins(m, 1)),
    "calibrated": lambda f, m: calibrate(f, DESIGN, {"intercept": 900.0, "staff": 12_000.0}),
}
seeds = st.integers(0, 10_000)
few = settings(max_examples=2, deadline=None, derandomize=True,
               phases=[Phase.explicit, Phase.generate],
               suppress_health_check=[HealthCheck.too_slow])  # fmt: skip


@pytest.mark.parametrize("adjusted", ADJUSTED)
def test_order_of_rows_does_not_matter(adjusted: str) -> None:
    frame = drawn(3, 2)
    shuffled = frame.sample(frac=1, random_state=4)  # keeps its old index
    near = SOLVED if "raked" in adjusted or "calibrated" in adjusted else SAME
    a, b = (ADJUSTED[adjusted](f, f) for f in (frame, shuffled))
    for key in ASKED if adjusted in EVERYTHING else SOME:
        same(asked(shuffled, b, key), asked(frame, a, key), near)


@given(seeds, st.sampled_from([1e-6, 0.37, 1e7]))
@few
def test_scale_of_the_weights_leaves_means_alone(seed: int, factor: float) -> None:
    frame = drawn(seed)
    scaled = frame.assign(w=frame["w"] * factor)
    for key in ("mean of domains", "shares", "quantile"):
        columns = ["estimate", "se", "low", "high"]  # deff counts the population
        same(asked(scaled, OPEN, key), asked(frame, OPEN, key), 1e-11, columns)
    a, b = (asked(f, OPEN, "total").iloc[0] for f in (frame, scaled))
    assert b["estimate"] == pytest.approx(factor * a["estimate"], rel=1e-12)
    assert b["se"] == pytest.approx(factor * a["se"], rel=1e-12)


# --- engines -------------------------------------------------------------------------------------


def on(engine: str, frame: Frame, folder: Path) -> Any:
    if engine == "dask":
        return dd.from_pandas(frame, npartitions=3)
    path = folder / "sample.parquet"
    frame.to_parquet(path)
    return duckdb.read_parquet(str(path))


@pytest.mark.parametrize("engine", ["duckdb", "dask"])
@pytest.mark.parametrize("adjusted", ADJUSTED)
def test_engines_agree_with_pandas(adjusted: str, engine: str, tmp_path: Path) -> None:
    frame = drawn(11, 2)
    source = on(engine, frame, tmp_path)
    expected = ADJUSTED[adjusted](frame, frame)
    actual = ADJUSTED[adjusted](source, frame)
    near = SOLVED if "raked" in adjusted or "calibrated" in adjusted else SAME
    for key in ASKED if adjusted in EVERYTHING else SOME:
        same(asked(source, actual, key), asked(frame, expected, key), near)


# --- identities ----------------------------------------------------------------------------------


@given(seeds)
@few
def test_mean_of_a_domain_is_a_ratio_of_indicators(seed: int) -> None:
    frame = drawn(seed)
    inside = (frame["sector"] == "B").astype(float)
    flagged = frame.assign(top=frame["y"] * inside, bottom=inside)
    for design in (DESIGN, TWO_STAGE, rake(frame, DESIGN, margins(frame, seed))):
        domain = estimate(frame, design, "y", by="sector").set_index("sector").loc[["B"]]
        ratio = estimate(flagged, design, "top", kind="ratio", denominator="bottom")
        same(ratio, domain, 1e-11, ["estimate", "se"])
        total = estimate(frame, design, "y", kind="total", by="sector").set_index("sector")
        whole = estimate(flagged, design, "top", kind="total")
        same(whole, total.loc[["B"]], 1e-11, ["estimate", "se"])


@given(seeds)
@few
def test_a_share_is_the_mean_of_an_indicator(seed: int) -> None:
    frame = drawn(seed)
    frame["yes"] = (frame["mood"] == "yes").astype(float)
    shares = estimate(frame, DESIGN, "mood", kind="proportion").set_index("level")
    same(shares.loc[["yes"]], estimate(frame, DESIGN, "yes"), 1e-11)
    assert shares["estimate"].sum() == pytest.approx(1.0, rel=SAME)
    assert shares.loc["no", "se"] == pytest.approx(shares.loc["yes", "se"], rel=1e-10)


@pytest.mark.parametrize("interval", ["t", "normal", "logit", "wilson", "beta"])
def test_interval_of_a_share_mirrors_that_of_the_rest(interval: str) -> None:
    frame = drawn(5)
    shares = estimate(frame, DESIGN, "mood", kind="proportion", interval=interval)
    yes, no = (shares.set_index("level").loc[level] for level in ("yes", "no"))
    assert yes["low"] < yes["estimate"] < yes["high"]
    assert yes["low"] == pytest.approx(1 - no["high"], rel=1e-9)
    assert yes["high"] == pytest.approx(1 - no["low"], rel=1e-9)


def test_ninety_two_percent_of_five_hundred_is_89_to_94() -> None:
    """460 of 500, no design: Wilson 89.29-94.07, Clopper-Pearson 89.27-94.22, Wald 89.62-94.38."""
    frame = pd.DataFrame({"satisfied": ["yes"] * 460 + ["no"] * 40})
    known = {"wilson": (0.8929, 0.9407), "beta": (0.8927, 0.9422), "normal": (0.8962, 0.9438)}
    for interval, (low, high) in known.items():
        found = estimate(frame, Design(), "satisfied", kind="proportion", interval=interval)
        yes = found.set_index("level").loc["yes"]
        assert yes["low"] == pytest.approx(low, abs=2e-4)  # n - 1 for n, t for normal
        assert yes["high"] == pytest.approx(high, abs=2e-4)


@pytest.mark.parametrize("level", [0.8, 0.95, 0.999])
def test_level_moves_the_quantile_of_t_alone(level: float) -> None:
    found = estimate(drawn(6), DESIGN, "y", level=level).iloc[0]
    half = stats.t.ppf(0.5 + level / 2, found["df"]) * found["se"]
    assert found["high"] - found["estimate"] == pytest.approx(half, rel=1e-12)
    assert found["estimate"] - found["low"] == pytest.approx(half, rel=1e-12)


@given(seeds, st.floats(-50, 50).filter(lambda b: abs(b) > 1e-3), st.floats(-1e3, 1e3))
@few
def test_means_move_and_scale_with_the_answers(seed: int, factor: float, shift: float) -> None:
    frame = drawn(seed)
    moved = frame.assign(y=shift + factor * frame["y"])
    for design in (TWO_STAGE, rake(frame, DESIGN, margins(frame, seed))):
        a, b = (estimate(f, design, "y").iloc[0] for f in (frame, moved))
        assert b["estimate"] == pytest.approx(shift + factor * a["estimate"], rel=1e-9, abs=1e-9)
        assert b["se"] == pytest.approx(abs(factor) * a["se"], rel=1e-8)
        assert b["deff"] == pytest.approx(a["deff"], rel=1e-8)


@pytest.mark.parametrize("adjusted", [*ADJUSTED])
def test_a_mean_of_a_billion_keeps_the_digits_of_its_error(adjusted: str) -> None:
    """Amounts in fen: squares of 1e9 leave no digit of a variance of 10 unless centred first."""
    frame = drawn(12, 2)
    far = frame.assign(y=frame["y"] + 1e9, part=frame["part"] + 1e9)
    for variable, by in (("part", None), ("y", "sector")):
        a, b = (
            ordered(estimate(f, ADJUSTED[adjusted](f, f), variable, by=by), by)
            for f in (frame, far)
        )
        np.testing.assert_allclose(b["se"].astype(float), a["se"].astype(float), rtol=1e-6)
        np.testing.assert_allclose(b["deff"].astype(float), a["deff"].astype(float), rtol=1e-5)
        np.testing.assert_allclose(b["estimate"] - 1e9, a["estimate"], rtol=1e-6)


# --- designs -------------------------------------------------------------------------------------


@given(seeds)
@few
def test_clusters_of_one_row_are_elements(seed: int) -> None:
    frame = drawn(seed).assign(psus=1000.0)
    elements = Design(strata="stratum", weights="w", fpc="psus")
    clusters = Design(strata="stratum", clusters="unit", weights="w", fpc="psus")
    for key in SOME:
        same(asked(frame, clusters, key), asked(frame, elements, key), SAME, [*NUMBERS, "df"])


@given(seeds)
@few
def test_a_census_has_no_error(seed: int) -> None:
    frame = drawn(seed)
    frame["psus"] = frame.groupby("stratum")["psu"].transform("nunique").astype(float)
    frame["units"] = frame.groupby("psu")["unit"].transform("size").astype(float)
    frame["w"] = 1.0
    for design in (DESIGN, TWO_STAGE):
        for key in ("mean of domains", "ratio"):
            assert (asked(frame, design, key)["se"] == 0).all()


@given(seeds)
@few
def test_counts_and_fractions_say_the_same(seed: int) -> None:
    frame = drawn(seed)
    taken = frame.groupby("stratum")["psu"].transform("nunique")
    inside = frame.groupby("psu")["unit"].transform("size")
    shares = frame.assign(psus=taken / frame["psus"], units=inside / frame["units"])
    for key in SOME:
        same(asked(shares, TWO_STAGE, key), asked(frame, TWO_STAGE, key), 1e-11)


def test_stages_without_a_count_are_complete() -> None:
    frame = drawn(7)
    first = Design(strata="stratum", clusters=("psu", "unit"), weights="w", fpc="psus")
    same(asked(frame, first, "mean"), asked(frame, DESIGN, "mean"))


def test_counts_stand_in_for_weights() -> None:
    """Without weights a row stands for all PSUs / taken x all units / taken of them."""
    frame = drawn(8)
    taken = frame.groupby("stratum")["psu"].transform("nunique")
    inside = frame.groupby("psu")["unit"].transform("size")
    frame["w"] = frame["psus"] / taken * frame["units"] / inside
    bare = Design(strata="stratum", clusters=("psu", "unit"), fpc=("psus", "units"))
    same(asked(frame, bare, "total"), asked(frame, TWO_STAGE, "total"))


def test_later_stages_add_to_the_error() -> None:
    frame = drawn(9)
    first, both = (asked(frame, d, "total")["se"].iloc[0] for d in (DESIGN, TWO_STAGE))
    assert first < both


@given(seeds)
@few
def test_jackknife_of_a_total_is_linearisation(seed: int) -> None:
    """Leaving out PSUs moves a total linearly: n / (n - 1) sum (t - mean)^2 either way."""
    frame = drawn(seed)
    same(asked(frame, JKN, "total"), asked(frame, DESIGN, "total"), 1e-10, ["estimate", "se"])
    one = Design(clusters="psu", weights="w", replicates="jk1")
    plain = Design(clusters="psu", weights="w")
    same(asked(frame, one, "total"), asked(frame, plain, "total"), 1e-10, ["estimate", "se", "df"])


def test_missing_answers_are_a_domain() -> None:
    frame = drawn(10)
    frame["there"] = np.where(frame["part"].notna(), "yes", "no")
    alone = estimate(frame, TWO_STAGE, "part").iloc[0]
    domain = estimate(frame, TWO_STAGE, "y", by="there").set_index("there").loc["yes"]
    for column in (*NUMBERS, "n", "df"):
        assert alone[column] == pytest.approx(domain[column], rel=1e-12), column


def test_answer_columns_of_any_kind_of_number_agree() -> None:
    frame = drawn(13).assign(y=lambda f: f["y"].round())
    expected = estimate(frame, TWO_STAGE, "y")
    for kind in ("int64", "Int64", "float32", "Float64"):
        same(estimate(frame.astype({"y": kind}), TWO_STAGE, "y"), expected, 1e-6)
    yes = frame.assign(y=frame["y"] > 7)
    same(estimate(yes, TWO_STAGE, "y"), estimate(yes.astype({"y": float}), TWO_STAGE, "y"))


def test_ids_that_are_numbers_or_categories_agree_with_texts() -> None:
    frame = drawn(14)
    codes = frame.assign(
        stratum=frame["stratum"].str[1].astype(int), psu=pd.factorize(frame["psu"])[0],
        sector=frame["sector"].astype("category"),
    )  # fmt: skip
    same(asked(codes, DESIGN, "mean of domains"), asked(frame, DESIGN, "mean of domains"))


def test_frames_that_are_read_stay_as_they_were() -> None:
    frame = drawn(15).assign(answered=1)
    kept = frame.copy()
    for adjust in ADJUSTED.values():
        estimate(frame, adjust(frame, frame), "y", by="sector")
    estimate(frame, non_response(frame, DESIGN, "answered", "size"), "y")
    pd.testing.assert_frame_equal(frame, kept)


# --- calibration ---------------------------------------------------------------------------------


@given(seeds)
@few
def test_raked_weights_meet_every_margin(seed: int) -> None:
    frame = drawn(seed)
    wanted = margins(frame, seed)
    raked = rake(frame, DESIGN, wanted)
    for margin in wanted:
        column = str(margin.index.name)
        found = estimate(frame, raked, column, kind="total").set_index("level")
        actual = found["estimate"].reindex(margin.index)
        np.testing.assert_allclose(actual, margin, rtol=1e-9)
        assert (found["se"] < 1e-6 * found["estimate"]).all()
    assert (np.asarray(read_sample(frame, raked).weights) > 0).all()


@given(seeds)
@few
def test_post_stratification_is_calibration_to_indicators(seed: int) -> None:
    frame = drawn(seed)
    wanted = totals(frame, "sector", seed)
    flags = {f"is{level}": (frame["sector"] == level).astype(float) for level in wanted.index}
    flagged = frame.assign(**flags)
    named = {f"is{level}": float(total) for level, total in wanted.items()}
    expected = post_stratify(frame, DESIGN, wanted)
    for other in (
        calibrate(flagged, DESIGN, named),
        calibrate(flagged, DESIGN, named, method="raking"),
        calibrate(frame, DESIGN, wanted),
    ):
        for key in ("mean of domains", "total"):
            columns = ["estimate", "se"]
            same(asked(flagged, other, key), asked(frame, expected, key), SOLVED, columns)
    raked = rake(frame, DESIGN, [wanted])  # its error follows R: residuals without weights
    same(asked(frame, raked, "mean"), asked(frame, expected, "mean"), SOLVED, ["estimate"])


def test_calibration_meets_its_totals_without_error() -> None:
    frame = drawn(16)
    wanted = {"intercept": 900.0, "staff": 12_000.0}
    for method in ("linear", "raking"):
        design = calibrate(frame, DESIGN, wanted, method=method)
        found = estimate(frame, design, "staff", kind="total").iloc[0]
        assert found["estimate"] == pytest.approx(12_000.0, rel=1e-9)
        assert found["se"] < 1e-6
        weights = np.asarray(read_sample(frame, design).weights)
        assert weights.sum() == pytest.approx(900.0, rel=1e-9)


def test_weights_that_meet_their_totals_are_left_as_they_are() -> None:
    frame = drawn(17)
    wanted = totals(frame, "sector", 1)
    once = post_stratify(frame, DESIGN, wanted)
    twice = post_stratify(frame, once, wanted)
    same(asked(frame, twice, "mean"), asked(frame, once, "mean"), 1e-11)


@pytest.mark.parametrize(("low", "high"), [(3, 18), (8, 12), (0, 1e9)])
def test_trimmed_weights_keep_their_bounds_and_their_sum(low: float, high: float) -> None:
    frame = drawn(18)
    weights = np.asarray(read_sample(frame, trim(frame, DESIGN, low, high)).weights)
    assert (weights.min() >= low - 1e-9, weights.max() <= high + 1e-9) == (True, True)
    assert weights.sum() == pytest.approx(frame["w"].sum(), rel=1e-12)
    if high > 1e6:
        np.testing.assert_array_equal(weights, frame["w"])


def test_raking_to_what_the_sample_says_moves_nothing_but_the_error() -> None:
    frame = drawn(19)
    as_it_is = [frame.groupby(column)["w"].sum() for column in ("sector", "size")]
    raked = asked(frame, rake(frame, OPEN, as_it_is), "mean").iloc[0]
    plain = asked(frame, OPEN, "mean").iloc[0]
    assert raked["estimate"] == pytest.approx(plain["estimate"], rel=1e-9)
    assert raked["se"] != pytest.approx(plain["se"], rel=1e-6)


# --- contrasts -----------------------------------------------------------------------------------


@given(seeds)
@few
def test_contrast_of_one_level_is_its_estimate(seed: int) -> None:
    frame = drawn(seed)
    alone = estimate(frame, TWO_STAGE, "y", by="sector").set_index("sector").loc["B"]
    found = contrast(frame, TWO_STAGE, "y", {"B": 1}, by="sector").iloc[0]
    assert found["estimate"] == pytest.approx(alone["estimate"], rel=SAME)
    assert found["se"] == pytest.approx(alone["se"], rel=1e-11)
    assert found["t"] == pytest.approx(found["estimate"] / found["se"])
    assert found["p"] == pytest.approx(2 * stats.t.sf(abs(found["t"]), found["df"]), rel=1e-9)


def test_contrast_of_paired_answers_is_the_mean_of_differences() -> None:
    frame = drawn(20).assign(gap=lambda f: f["staff"] - f["y"])
    single = estimate(frame, TWO_STAGE, "gap").iloc[0]
    found = contrast(frame, TWO_STAGE, ["staff", "y"], {"staff": 1, "y": -1}).iloc[0]
    for column in ("estimate", "se", "low", "high", "df"):
        assert found[column] == pytest.approx(single[column], rel=1e-11)


def test_contrast_of_levels_by_two_columns_and_by_two_variables() -> None:
    frame = drawn(21)
    by_two = contrast(
        frame, DESIGN, "y", {("A", "yes"): 1, ("B", "no"): -1}, by=["sector", "mood"]
    ).iloc[0]
    cells = estimate(frame, DESIGN, "y", by=["sector", "mood"]).set_index(["sector", "mood"])
    gap = cells.loc[("A", "yes"), "estimate"] - cells.loc[("B", "no"), "estimate"]
    assert by_two["estimate"] == pytest.approx(gap, rel=1e-11)
    coefficients = {("y", "A"): 1, ("staff", "A"): -1}
    both = contrast(frame, DESIGN, ["y", "staff"], coefficients, by="sector").iloc[0]
    inside = frame.assign(gap=frame["y"] - frame["staff"])
    alone = estimate(inside, DESIGN, "gap", by="sector").set_index("sector").loc["A"]
    assert both["estimate"] == pytest.approx(alone["estimate"], rel=1e-10)
    assert both["se"] == pytest.approx(alone["se"], rel=1e-10)


def test_contrast_of_totals_is_the_total_of_signed_answers() -> None:
    """No mean of a group is fitted, so the groups take no degrees of freedom."""
    frame = drawn(22)
    sign = frame["mood"].map({"yes": 1.0, "no": -1.0})
    alone = estimate(frame.assign(signed=sign * frame["y"]), DESIGN, "signed", kind="total")
    found = contrast(frame, DESIGN, "y", {"yes": 1, "no": -1}, by="mood", kind="total")
    same(found, alone, 1e-10, ["estimate", "se", "low", "high", "df"])


def test_totals_may_be_a_series_a_frame_or_a_mapping() -> None:
    frame = drawn(5)
    counts = frame.groupby("sector")["w"].sum() * 1.1
    told = [counts, counts.reset_index(), {"sector": counts.to_dict()}]
    expected, *others = (estimate(frame, post_stratify(frame, DESIGN, own), "y") for own in told)
    for actual in others:
        pd.testing.assert_frame_equal(actual, expected)
    moods = frame.groupby("mood")["w"].sum() * counts.sum() / frame["w"].sum()
    by_list = estimate(frame, rake(frame, DESIGN, [counts, moods]), "y")
    mapping = {"sector": counts.to_dict(), "mood": moods.to_dict()}
    pd.testing.assert_frame_equal(estimate(frame, rake(frame, DESIGN, mapping), "y"), by_list)


def test_calibrated_weights_refuse_a_part_of_their_rows() -> None:
    frame = drawn(5)
    raked = rake(frame, DESIGN, [frame.groupby("sector")["w"].sum() * 1.1])
    with pytest.raises(ParameterError, match="other rows"):
        estimate(frame.iloc[1:], raked, "y")
