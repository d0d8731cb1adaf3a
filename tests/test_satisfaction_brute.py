"""Unbiased by enumeration: every sample that a small population could have given."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from survey_oracles import FRAMES

from haidian_eval.satisfaction import (
    Design,
    calibrate,
    compare_waves,
    contrast,
    estimate,
    non_response,
    rake,
    read_sample,
)

EXACT = 1e-10  # sums of some hundred products in another order
Frame = pd.DataFrame
VERSIONS = {"scheme_version": "s1", "weighting_version": "w1"}
ELEMENTS = Design(weights="w", fpc="all")
PEOPLE = pd.DataFrame(
    {"id": list("abcdefg"), "y": [3.0, 8.0, 1.0, 9.0, 4.0, 12.0, 5.0], "sex": list("fmffmfm")}
)


def samples(n: int, people: Frame = PEOPLE) -> Iterator[Frame]:
    total = len(people)
    for chosen in combinations(range(total), n):
        yield people.iloc[list(chosen)].assign(w=total / n, all=float(total))


def total_and_variance(frame: Frame, design: Design, **options: Any) -> tuple[float, float]:
    found = estimate(frame, design, "y", kind="total", **options).iloc[0]
    return found["estimate"], found["se"] ** 2


def test_variance_of_simple_random_samples_is_right_on_average() -> None:
    found = np.array([total_and_variance(frame, ELEMENTS) for frame in samples(3)])
    assert len(found) == 35
    assert found[:, 0].mean() == pytest.approx(42.0, rel=EXACT)  # 3 + 8 + ... + 5
    assert found[:, 1].mean() == pytest.approx(found[:, 0].var(), rel=EXACT)


def test_variance_of_the_total_of_a_domain_is_right_on_average() -> None:
    """Women, of whom a sample may hold none to three: the others count as nought."""
    rows = []
    for frame in samples(3):
        found = estimate(frame, ELEMENTS, "y", kind="total", by="sex").set_index("sex")
        women = found[["estimate", "se"]].reindex(["f"]).fillna(0.0).iloc[0]
        rows.append((women["estimate"], women["se"] ** 2))
    total, variance = np.array(rows).T
    assert total.mean() == pytest.approx(25.0, rel=EXACT)  # 3 + 1 + 9 + 12
    # a sample without women (m m m) has total 0 and no row: its variance, 0, counts
    assert variance.mean() == pytest.approx(total.var(), rel=EXACT)


def test_variance_of_stratified_samples_is_right_on_average() -> None:
    upper, lower = PEOPLE.iloc[:4].assign(part="u"), PEOPLE.iloc[4:].assign(part="l")
    design = Design(strata="part", weights="w", fpc="all")
    found = np.array(
        [
            total_and_variance(pd.concat(pair), design)
            for pair in product(samples(2, upper), samples(2, lower))
        ]
    )
    assert len(found) == 6 * 3
    assert found[:, 1].mean() == pytest.approx(found[:, 0].var(), rel=EXACT)


VILLAGES = {
    "k": [2.0, 5.0, 3.0], "l": [9.0, 1.0, 4.0, 4.0], "m": [7.0, 8.0], "n": [0.0, 6.0, 10.0],
}  # fmt: skip


def two_stage_samples() -> Iterator[tuple[float, Frame]]:
    """Two of four villages, then two of the houses of each, with the chance of each sample."""
    for pair in combinations(VILLAGES, 2):
        inside = [list(combinations(enumerate(VILLAGES[v]), 2)) for v in pair]
        for chosen in product(*inside):
            rows = [
                (v, f"{v}{k}", y, 4.0, float(len(VILLAGES[v])), 2 * len(VILLAGES[v]) / 2)
                for v, houses in zip(pair, chosen, strict=True)
                for k, y in houses
            ]
            names = ["village", "house", "y", "villages", "houses", "w"]
            chance = 1 / 6 / len(inside[0]) / len(inside[1])
            yield chance, pd.DataFrame(rows, columns=names)


def test_variance_of_two_stage_samples_is_right_on_average() -> None:
    design = Design(clusters=("village", "house"), weights="w", fpc=("villages", "houses"))
    drawn = list(two_stage_samples())
    chance = np.array([chance for chance, _ in drawn])
    total, variance = np.array([total_and_variance(frame, design) for _, frame in drawn]).T
    assert chance.sum() == pytest.approx(1.0)
    assert chance @ total == pytest.approx(59.0, rel=EXACT)  # all houses
    assert chance @ variance == pytest.approx(chance @ (total - 59.0) ** 2, rel=EXACT)


def test_ultimate_clusters_alone_overstate_no_less_than_the_finite_population() -> None:
    """Without counts the first stage stands for all stages: never below the truth on average."""
    drawn = list(two_stage_samples())
    chance = np.array([chance for chance, _ in drawn])
    design = Design(clusters="village", weights="w")
    total, variance = np.array([total_and_variance(frame, design) for _, frame in drawn]).T
    assert chance @ variance > chance @ (total - 59.0) ** 2


# --- two waves -----------------------------------------------------------------------------------


def rotations(kept: int, n: int = 3) -> Iterator[tuple[Frame, Frame]]:
    """All pairs of waves of n of five units, `kept` of which are asked again."""
    later = PEOPLE.iloc[:5].assign(y=[4.0, 6.0, 3.0, 11.0, 2.0], **VERSIONS)
    earlier = PEOPLE.iloc[:5].assign(**VERSIONS)
    for first in combinations(range(5), n):
        rest = [k for k in range(5) if k not in first]
        for again, fresh in product(combinations(first, kept), combinations(rest, n - kept)):
            weigh = {"w": 5 / n, "all": 5.0}
            before = earlier.iloc[list(first)].assign(**weigh)
            yield before, later.iloc[[*again, *fresh]].assign(**weigh)


def change(before: Frame, after: Frame, design: Design, **options: Any) -> pd.Series:
    found = compare_waves(before, after, design, "y", **options)
    assert len(found) == 1
    return found.iloc[0]


@pytest.mark.parametrize("kept", [1, 2, 3])
def test_variance_of_the_change_between_waves_is_right_on_average(kept: int) -> None:
    """With one unit in both waves its covariance cannot be estimated; with two or three it can."""
    rows = [change(*pair, ELEMENTS, kind="total", overlap="id") for pair in rotations(kept)]
    found = pd.DataFrame(rows).astype({"change": float, "se": float})
    assert set(found["overlap"]) == {kept}
    truth = found["change"].var(ddof=0)
    assert found["change"].mean() == pytest.approx(26.0 - 25.0, rel=EXACT)
    if kept > 1:
        assert (found["se"] ** 2).mean() == pytest.approx(truth, rel=EXACT)


def test_units_asked_twice_count_as_pairs() -> None:
    """With all units in both waves the change is the mean of the differences within units."""
    frame = PEOPLE.assign(w=[2.0, 3, 1, 4, 2, 2, 3], later=[4.0, 6, 3, 11, 2, 15, 5], **VERSIONS)
    after = frame.assign(y=frame["later"])
    for extra in ({}, {"fpc": "all"}):
        design = Design(weights="w", **extra)
        waves = [f.assign(all=20.0) for f in (frame, after)]
        paired = contrast(waves[0], design, ["later", "y"], {"later": 1, "y": -1}).iloc[0]
        actual = change(*waves, design, overlap="id")
        assert actual["change"] == pytest.approx(paired["estimate"], rel=EXACT)
        assert actual["se"] == pytest.approx(paired["se"], rel=EXACT)


def test_waves_without_common_units_are_independent() -> None:
    before, after = next(iter(rotations(1)))
    after = after.assign(id=["x", "y", "z"])
    alone = [estimate(frame, ELEMENTS, "y")["se"].iloc[0] ** 2 for frame in (before, after)]
    for options in ({}, {"overlap": "id"}):
        found = change(before, after, ELEMENTS, **options)
        assert found["overlap"] == 0
        assert found["se"] ** 2 == pytest.approx(sum(alone), rel=EXACT)


def test_covariance_of_waves_is_summed_over_strata() -> None:
    """Per stratum (n12 - n1 n2 / N) s12, by hand, of clusters that hold several people."""
    rng = np.random.default_rng(8)
    psu = np.repeat([f"{s}{k}" for s in "ab" for k in range(5)], 3)
    frame = pd.DataFrame({"psu": psu, "stratum": [p[0] for p in psu], "all": 12.0, "w": 2.5})
    one = frame.assign(y=rng.normal(size=30), **VERSIONS).query("psu not in ['a4', 'b3']")
    two = frame.assign(y=rng.normal(size=30), **VERSIONS).query("psu not in ['a0', 'b0', 'b1']")
    design = Design(strata="stratum", clusters="psu", weights="w", fpc="all")
    covariance = 0.0
    for stratum, n12, n1, n2 in (("a", 3, 4, 4), ("b", 2, 4, 3)):
        sums = [(2.5 * f["y"]).groupby(f["psu"]).sum() for f in (one, two)]
        pairs = pd.concat(sums, axis=1, join="inner")
        pairs = pairs[pairs.index.str.startswith(stratum)]
        assert len(pairs) == n12
        covariance += (n12 - n1 * n2 / 12) * np.cov(pairs.to_numpy().T)[0, 1]
    alone = [estimate(f, design, "y", kind="total")["se"].iloc[0] ** 2 for f in (one, two)]
    found = change(one, two, design, kind="total")
    assert found["overlap"] == 5
    assert found["se"] ** 2 == pytest.approx(sum(alone) - 2 * covariance, rel=EXACT)


def test_change_has_its_parts_and_its_test() -> None:
    before, after = list(rotations(2))[7]
    found = change(before, after, ELEMENTS, overlap="id")
    for wave, column in ((before, "before"), (after, "after")):
        assert found[column] == pytest.approx(estimate(wave, ELEMENTS, "y")["estimate"].iloc[0])
    assert found["change"] == pytest.approx(found["after"] - found["before"])
    assert found["t"] == pytest.approx(found["change"] / found["se"])
    assert found["high"] - found["change"] == pytest.approx(found["change"] - found["low"])


# --- non-response --------------------------------------------------------------------------------


def test_answers_are_weighted_up_within_cells_by_hand() -> None:
    """Six of twelve were asked (weight 2), four answered.

    Cell p: four asked, three answered: factor 4/3; mean of y (2 + 4 + 9) / 3 = 5. Cell q: two
    asked, one answered: factor 2, mean 7. Total = 8 x 5 + 4 x 7 = 68, mean 68 / 12.
    """
    frame = pd.DataFrame(
        {"cell": list("ppppqq"), "answered": [1, 1, 1, 0, 1, 0], "w": 2.0, "all": 12.0,
         "y": [2.0, 4.0, 9.0, np.nan, 7.0, np.nan]}
    )  # fmt: skip
    adjusted = non_response(frame, ELEMENTS, "answered", "cell")
    weights = np.asarray(read_sample(frame, adjusted).weights)
    np.testing.assert_allclose(weights, [8 / 3, 8 / 3, 8 / 3, 0, 4, 0], rtol=1e-12)
    total = estimate(frame, adjusted, "y", kind="total").iloc[0]
    assert (total["estimate"], total["n"]) == (pytest.approx(68.0), 4)
    # z = 2 (r g (y - mean of cell) + mean of cell): p: 2 (4/3 (-3) + 5) = 2, 2 (4/3 (-1) + 5),
    # 2 (4/3 4 + 5), 2 x 5; q: 2 (2 x 0 + 7) = 14 and 14
    z = np.array([2.0, 22 / 3, 62 / 3, 10.0, 14.0, 14.0])
    assert z.sum() == pytest.approx(68.0)
    # chance in answering, of the half that was drawn: w^2 g (g - 1) e^2, e = -3, -1, 4, and 0
    chance = 6 / 12 * 4 * 4 / 3 * 1 / 3 * (9 + 1 + 16)
    by_hand = (1 - 6 / 12) * 6 / 5 * ((z - z.mean()) ** 2).sum() + chance
    assert total["se"] ** 2 == pytest.approx(by_hand, rel=EXACT)
    mean = estimate(frame, adjusted, "y").iloc[0]
    u = np.array([2.0, 4.0, 9.0, 0.0, 7.0, 0.0]) - 68 / 12
    answered, inside = frame["answered"].to_numpy(), np.array([5.0] * 4 + [7.0] * 2) - 68 / 12
    z = 2 * (answered * np.array([4 / 3] * 4 + [2] * 2) * (u - inside) + inside) / 12
    by_hand = (1 - 6 / 12) * 6 / 5 * ((z - z.mean()) ** 2).sum() + chance / 12**2
    assert (mean["estimate"], mean["se"] ** 2) == (
        pytest.approx(68 / 12, rel=EXACT), pytest.approx(by_hand, rel=EXACT)
    )  # fmt: skip


def test_linearised_variance_of_adjusted_answers_agrees_with_the_jackknife() -> None:
    rng = np.random.default_rng(5)
    n = 600
    size = rng.choice(["s", "m", "l"], n)
    base = pd.Series(size).map({"s": 0.3, "m": 0.6, "l": 0.8}).to_numpy()
    frame = pd.DataFrame(
        {"unit": np.arange(n), "size": size, "w": rng.uniform(1, 4, n),
         "answered": (rng.uniform(size=n) < base).astype(int), "y": rng.normal(10 * base, 2.0)}
    )  # fmt: skip
    frame["y"] = frame["y"].where(frame["answered"] == 1)
    plain = Design(clusters="unit", weights="w")
    found = estimate(frame, non_response(frame, plain, "answered", "size"), "y").iloc[0]
    w, r, y = frame["w"], frame["answered"], frame["y"].fillna(0.0)
    sums = pd.DataFrame({"all": w, "r": w * r, "ry": w * r * y}).groupby(size).sum()
    code = pd.Categorical(size, categories=sums.index).codes
    left = np.repeat(sums.to_numpy()[None], n, axis=0)
    left[np.arange(n), code] -= np.column_stack([w, w * r, w * r * y])
    means = (left[..., 0] * left[..., 2] / left[..., 1]).sum(axis=1) / left[..., 0].sum(axis=1)
    jackknife = np.sqrt((n - 1) / n * ((means - means.mean()) ** 2).sum())
    assert found["se"] == pytest.approx(jackknife, rel=0.01)
    refitted = Design(clusters="unit", weights="w", replicates="jk1")
    adjusted = non_response(frame, refitted, "answered", "size")
    actual = estimate(frame, adjusted, "y").iloc[0]
    assert actual["se"] == pytest.approx(jackknife, rel=1e-9)
    assert actual["estimate"] == pytest.approx(found["estimate"], rel=1e-12)


def test_everybody_answering_changes_nothing() -> None:
    frame = next(samples(4)).assign(answered=1)
    for kind in ("mean", "total"):
        bare = estimate(frame, ELEMENTS, "y", kind=kind)
        adjusted = estimate(frame, non_response(frame, ELEMENTS, "answered", "sex"), "y", kind=kind)
        columns = ["estimate", "se", "low", "high", "n", "df"]
        pd.testing.assert_frame_equal(adjusted[columns], bare[columns], rtol=1e-12)


@pytest.mark.parametrize(
    ("adjust", "kind"),
    [("drawn", "mean"), ("raked", "mean"), ("raked", "total"), ("calibrated", "ratio")],
)
def test_change_among_the_same_units_is_a_contrast_of_two_answers(adjust: str, kind: str) -> None:
    """Both waves hold the same firms: what a contrast says within one frame, waves must say."""
    base = Design(strata="stratum", clusters="psu", weights="w", fpc="psus")
    before = FRAMES["firms"]().assign(**VERSIONS)
    sizes = pd.Series({"small": 1700.0, "middle": 1300.0, "large": 1400.0}).rename_axis("size")
    sectors = pd.Series({"A": 1750.0, "B": 1450.0, "C": 1200.0}).rename_axis("sector")
    design: Any = {
        "drawn": lambda: base,
        "raked": lambda: rake(before, base, [sizes, sectors]),
        "calibrated": lambda: calibrate(before, base, {"intercept": 4400.0, "staff": 130_000.0}),
    }[adjust]()
    after = before.assign(y=before["cost"] + 0.5 * before["y"])
    both = before.assign(later=after["y"])
    options = {"kind": kind, "denominator": "staff" if kind == "ratio" else None}
    paired = contrast(both, design, ["later", "y"], {"later": 1, "y": -1}, **options).iloc[0]
    found = change(before, after, design, overlap=None, **options)
    assert found["change"] == pytest.approx(paired["estimate"], rel=1e-9)
    assert found["se"] == pytest.approx(paired["se"], rel=1e-9)
    assert found["overlap"] == 18  # clusters
    by = compare_waves(before, after, design, "y", by="sector", **options).set_index("sector")
    weights = {("later", "B"): 1, ("y", "B"): -1}
    inside = contrast(both, design, ["later", "y"], weights, by="sector", **options).iloc[0]
    assert by.loc["B", "change"] == pytest.approx(inside["estimate"], rel=1e-9)
    assert by.loc["B", "se"] == pytest.approx(inside["se"], rel=1e-9)


def test_chance_in_answering_is_not_hidden_by_a_census() -> None:
    """All N are asked, r answer at random: the variance is (1/r - 1/N) times that of answers."""
    answers = np.array([1.0, 4.0, 2.0, 8.0, 5.0])
    frame = pd.DataFrame(
        {"y": [*answers, np.nan, np.nan, np.nan], "N": 8.0, "r": [1] * 5 + [0] * 3}
    )
    design = Design(fpc="N")
    found = estimate(frame, non_response(frame, design, "r"), "y").iloc[0]
    assert found["estimate"] == pytest.approx(4.0)
    assert found["se"] ** 2 == pytest.approx((1 / 5 - 1 / 8) * answers.var(), rel=1e-12)
    clustered = frame.assign(psu=[1, 1, 2, 2, 3, 3, 1, 2], psus=3.0)
    whole = Design(clusters="psu", fpc="psus")
    again = estimate(clustered, non_response(clustered, whole, "r"), "y").iloc[0]
    assert again["se"] == pytest.approx(found["se"], rel=1e-12)
