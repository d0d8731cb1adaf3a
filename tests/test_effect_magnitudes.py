"""Bounds on relative magnitudes: R's numbers, hand arithmetic, coverage, properties, edges."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from haidian_eval.effect.magnitudes import relative_magnitudes
from haidian_eval.errors import ParameterError

# R HonestDiD 0.2.8 (C-LF, 1000 draws, grid of 0.0008) on its data BCdata_EventStudy, as kept in
# tests/honest_did_rm_ref.json and honest_did_rm_avg_ref.json of github.com/tkragholm/did_methods.
BC_FIRST = {0.5: (0.118129486, 0.271583866), 1.0: (0.067231251, 0.318683725)}
BC_MEAN = {0.5: (0.067754398, 0.369191389), 1.0: (-0.069686179, 0.506631967)}
# moderndid 0.4.1 on the same data, with 20,000 draws in place of its 1,000 and a grid of 0.0002.
BC_FINE = {
    0.5: (0.117919, 0.271896),
    1.0: (0.066533, 0.319360),
    1.5: (0.012736, 0.370115),
    2.0: (-0.042241, 0.424492),
}
# README of R HonestDiD, Medicaid: what it prints. Its estimates are not printed; these are those of
# its specification (two-way fixed effects, by state) on its data, covariances times 10^6.
MEDICAID = {
    0.5: (0.0240, 0.0672),
    1: (0.0170, 0.0720),
    1.5: (0.00824, 0.0797),
    2: (-0.000916, 0.0881),
}
MEDICAID_BETA = (-5.285355, -11.29732, -2.675992, -1.419312, 0.3396635, 46.44685, 69.20618)
MEDICAID_SIGMA = (
    (74.8848,),
    (60.3987, 72.665),
    (44.4462, 37.8933, 50.5205),
    (33.8576, 28.6658, 26.7368, 40.0322),
    (43.2801, 45.4332, 27.7819, 24.1286, 54.6266),
    (47.6588, 44.2885, 30.6064, 23.8087, 36.8253, 83.7567),
    (24.2513, 28.2466, 9.63753, 2.92388, 9.72295, 63.214, 107.124),
)
# moderndid 0.4.1 with 40,000 draws and grids of 0.001 and 0.01, where breaks before the event are
# small beside their errors, so that the moments of single later periods decide: beta, se, rho of
# covariances se_i se_j rho^|i-j|, n_pre, target, interval at Mbar = 1.
SMALL_BREAKS = [
    ([0.4, 1.2, 1.7], [0.5, 0.6, 2.0], 0.6, 1, [1, 0], (-0.245, 3.334)),
    (
        [0.5, -0.4, 1.8, 1.2, -0.6, 0.7],
        [0.6, 1.5, 1.2, 1.5, 0.6, 0.6],
        -0.1,
        2,
        [0, 0, 0, 1],
        (-14.17, 15.57),
    ),
]
COARSE = 1e-3  # an end of R: its grid and its 1000 draws
FINE = 2e-4  # the finer grid
WIDEST = 0.01  # the grid of the widest interval
EXACT = 1e-6  # a thousandth of a thousandth, as the search goes
PRECISION = 1e-4  # of the breakdown, as documented
DRAWS = 300
COVERED = 0.93  # of 300 draws at 95 %, less two standard errors of 300 draws

Z = float(norm.ppf(0.975))


def benzarti_carloni(reference: Path) -> tuple[np.ndarray, np.ndarray]:
    beta = pd.read_csv(reference / "effect" / "BC_eventstudy_beta.csv")["betahat"]
    sigma = pd.read_csv(reference / "effect" / "BC_eventstudy_sigma.csv", header=None)
    return beta.to_numpy(), sigma.to_numpy()


def medicaid() -> tuple[np.ndarray, np.ndarray]:
    lower = np.zeros((7, 7))
    for row, values in enumerate(MEDICAID_SIGMA):
        lower[row, : row + 1] = values
    return np.array(MEDICAID_BETA) * 1e-3, (lower + np.tril(lower, -1).T) * 1e-6


def drawn(seed: int, n_pre: int, n_post: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    n = n_pre + n_post
    root = rng.normal(size=(n, 2 * n))
    sigma = root @ root.T / (200 * n)
    return rng.normal(size=n) * 0.1 + np.repeat([0.0, 0.5], [n_pre, n_post]), sigma


def ends(frame: pd.DataFrame) -> np.ndarray:
    return frame[["low", "high"]].to_numpy()


STUDIES = [(1, 1, 1), (2, 3, 1), (3, 1, 3), (4, 4, 2), (5, 2, 4)]


@pytest.mark.parametrize(
    ("expected", "target", "tolerance"),
    [(BC_FIRST, None, COARSE), (BC_MEAN, [0.25] * 4, COARSE), (BC_FINE, None, FINE)],
    ids=["R, first period", "R, mean of periods", "moderndid, first period"],
)
def test_profits_after_a_tax_cut_have_the_intervals_of_other_programs(
    reference: Path,
    expected: dict[float, tuple[float, float]],
    target: list[float] | None,
    tolerance: float,
) -> None:
    beta, sigma = benzarti_carloni(reference)
    actual = relative_magnitudes(beta, sigma, 4, 4, mbar=list(expected), target=target)
    np.testing.assert_allclose(ends(actual), list(expected.values()), rtol=0, atol=tolerance)


def test_medicaid_has_the_intervals_that_r_prints() -> None:
    actual = relative_magnitudes(*medicaid(), 5, 2, mbar=list(MEDICAID))
    assert actual["mbar"].tolist() == [0.5, 1.0, 1.5, 2.0]
    np.testing.assert_allclose(ends(actual), list(MEDICAID.values()), rtol=0, atol=COARSE)
    # R leaves out 0 at 1.5 and holds it at 2.
    assert 1.5 < actual.attrs["breakdown"] < 2


@pytest.mark.parametrize(("beta", "se", "rho", "n_pre", "target", "expected"), SMALL_BREAKS)
def test_small_breaks_have_the_intervals_of_another_program(
    beta: list[float],
    se: list[float],
    rho: float,
    n_pre: int,
    target: list[float],
    expected: tuple[float, float],
) -> None:
    apart = np.abs(np.subtract.outer(np.arange(len(se)), np.arange(len(se))))
    sigma = np.outer(se, se) * rho**apart
    actual = relative_magnitudes(beta, sigma, n_pre, len(target), mbar=1, target=target)
    np.testing.assert_allclose(ends(actual), [expected], rtol=0, atol=WIDEST)


def test_without_noise_the_interval_is_the_identified_set() -> None:
    # One break before the event, |0 - 0.2| = 0.2: the effect 1 lies within 0.2 Mbar, 0 is reached
    # at Mbar = 5.
    actual = relative_magnitudes([0.2, 1.0], np.eye(2) * 1e-16, 1, 1, mbar=[0.5, 2])
    np.testing.assert_allclose(ends(actual), [[0.9, 1.1], [0.6, 1.4]], atol=EXACT)
    assert actual.attrs["breakdown"] == pytest.approx(5, abs=PRECISION)


@pytest.mark.parametrize(
    ("target", "effect", "breaks"),
    [
        (None, 1.0, 1),  # one step from the reference period
        ([0, 0, 1], 3.0, 3),  # three steps
        ([1 / 3, 1 / 3, 1 / 3], 2.0, 2),  # 1 + 2/3 + 1/3 of a step
        ([-1, 1, 0], 1.0, 1),  # from the first to the second period alone
    ],
)
def test_breaks_add_up_over_the_periods_that_the_target_reaches(
    target: list[float] | None, effect: float, breaks: float
) -> None:
    # Differences before the event 0.3 and -0.4; at Mbar = 0.5 a break is at most 0.2.
    actual = relative_magnitudes(
        [0.1, 0.4, 1, 2, 3], np.eye(5) * 1e-16, 2, 3, mbar=0.5, target=target
    )
    expected = [[effect - 0.2 * breaks, effect + 0.2 * breaks]]
    np.testing.assert_allclose(ends(actual), expected, atol=EXACT)


def test_a_break_known_without_error_leaves_a_test_of_one_side() -> None:
    # Only the near bound can bind. The first stage, |z| at 1 - kappa with kappa = 0.005, lets pass
    # 0.9975 below; of these the second keeps 0.95 / 0.995. Standard error 0.01, break 0.2.
    q = 0.01 * float(norm.ppf(0.9975 * 0.95 / 0.995))
    actual = relative_magnitudes([0.2, 1.0], np.diag([1e-14, 1e-4]), 1, 1, mbar=[1, 2])
    expected = [[0.8 - q, 1.2 + q], [0.6 - q, 1.4 + q]]
    np.testing.assert_allclose(ends(actual), expected, atol=EXACT)
    assert actual.attrs["breakdown"] == pytest.approx((1 - q) / 0.2, abs=PRECISION)


@pytest.mark.parametrize(("seed", "n_pre", "n_post"), STUDIES)
def test_parallel_trends_leave_the_usual_interval(seed: int, n_pre: int, n_post: int) -> None:
    beta, sigma = drawn(seed, n_pre, n_post)
    weights = np.linspace(-0.3, 1, n_post)
    effect, se = weights @ beta[n_pre:], np.sqrt(weights @ sigma[n_pre:, n_pre:] @ weights)
    actual = relative_magnitudes(beta, sigma, n_pre, n_post, mbar=0, target=weights)
    np.testing.assert_allclose(ends(actual), [[effect - Z * se, effect + Z * se]], atol=EXACT)


def test_a_late_period_among_many_noisy_ones_keeps_the_usual_interval() -> None:
    # Its moment is divided by 12 standard errors of differences, so that it is far out in its
    # normal distribution where the first stage would still let it pass.
    beta = np.r_[0.1, -0.1, np.ones(12)]
    actual = relative_magnitudes(beta, np.eye(14) * 0.01, 2, 12, mbar=0, target=np.eye(12)[-1])
    np.testing.assert_allclose(ends(actual), [[1 - Z * 0.1, 1 + Z * 0.1]], atol=EXACT)


def test_another_level_is_another_usual_interval() -> None:
    actual = relative_magnitudes([0.1, 1.0], np.eye(2) * 0.01, 1, 1, mbar=0, level=0.9)
    assert actual["high"].item() == pytest.approx(1 + 0.1 * norm.ppf(0.95), abs=EXACT)


def test_a_true_effect_at_the_edge_is_covered_as_often_as_promised() -> None:
    # The break after the event is as large as the one before it: 0.3, three standard errors. The
    # effect undoes it, so that the breakdown is 0 at once in most draws and costs no time.
    sigma = 0.01 * (np.full((4, 4), 0.5) + 0.5 * np.eye(4))
    effect, covered = -0.3, 0
    draws = np.random.default_rng(7).multivariate_normal([0.3, 0, 0, 0], sigma, size=DRAWS)
    for beta in draws:
        interval = relative_magnitudes(beta, sigma, 3, 1, mbar=1, points=100)
        covered += interval["low"].item() <= effect <= interval["high"].item()
    assert COVERED <= covered / DRAWS < 0.99


@pytest.mark.parametrize(("seed", "n_pre", "n_post"), STUDIES)
def test_a_larger_mbar_widens_an_interval_that_holds_the_estimate(
    seed: int, n_pre: int, n_post: int
) -> None:
    beta, sigma = drawn(seed, n_pre, n_post)
    actual = relative_magnitudes(beta, sigma, n_pre, n_post, mbar=np.linspace(0, 3, 13))
    assert (np.diff(actual["low"]) < 0).all()
    assert (np.diff(actual["high"]) > 0).all()
    assert actual["low"].max() < beta[n_pre] < actual["high"].min()


@pytest.mark.parametrize(("seed", "n_pre", "n_post"), STUDIES)
def test_unit_sign_and_size_of_the_effect_carry_over(seed: int, n_pre: int, n_post: int) -> None:
    beta, sigma = drawn(seed, n_pre, n_post)
    shift = np.repeat([0.0, 0.7], [n_pre, n_post])
    first = relative_magnitudes(beta, sigma, n_pre, n_post, mbar=[0.5, 2])
    scaled = relative_magnitudes(1000 * beta, 1e6 * sigma, n_pre, n_post, mbar=[0.5, 2])
    mirrored = relative_magnitudes(-beta, sigma, n_pre, n_post, mbar=[0.5, 2])
    shifted = relative_magnitudes(beta + shift, sigma, n_pre, n_post, mbar=[0.5, 2])
    np.testing.assert_allclose(ends(scaled), 1000 * ends(first), atol=1000 * EXACT)
    np.testing.assert_allclose(ends(mirrored), -ends(first)[:, ::-1], atol=EXACT)
    np.testing.assert_allclose(ends(shifted), ends(first) + 0.7, atol=EXACT)
    assert scaled.attrs["breakdown"] == pytest.approx(first.attrs["breakdown"], abs=PRECISION)
    assert mirrored.attrs == first.attrs


def test_the_breakdown_is_where_the_interval_comes_to_hold_zero() -> None:
    beta, sigma = drawn(3, 4, 2)
    breakdown = relative_magnitudes(beta, sigma, 4, 2, mbar=0).attrs["breakdown"]
    actual = relative_magnitudes(beta, sigma, 4, 2, mbar=[breakdown, breakdown + PRECISION])
    assert actual["low"].iloc[0] > 0 >= actual["low"].iloc[1]


def test_the_breakdown_is_zero_without_an_effect_and_infinite_without_breaks() -> None:
    none = relative_magnitudes([0.1, 0.1], np.eye(2) * 0.01, 1, 1, mbar=1)
    still = relative_magnitudes([0.0, 1.0], np.diag([1e-16, 1e-4]), 1, 1, mbar=1)
    assert none.attrs["breakdown"] == 0
    assert still.attrs["breakdown"] == np.inf


@pytest.mark.parametrize("mbar", [0, 0.5, 0.999, 1, 1.001, 3])
@pytest.mark.parametrize("together", [1, -1])
def test_an_effect_that_moves_only_with_the_break_is_no_obstacle(
    mbar: float, together: int
) -> None:
    root = np.array([0.1, together * 0.1])
    actual = relative_magnitudes([0.2, 1.0], np.outer(root, root), 1, 1, mbar=mbar)
    assert actual["low"].item() <= 1 - 0.2 * mbar + 2 * EXACT
    assert actual["high"].item() >= 1 + 0.2 * mbar - 2 * EXACT


def test_fewer_clusters_than_periods_are_no_obstacle() -> None:
    root = np.random.default_rng(0).normal(size=(6, 3)) * 0.1  # a covariance of rank 3
    beta = np.array([0.1, 0.05, 0.02, 0.5, 0.6, 0.7])
    actual = relative_magnitudes(beta, root @ root.T, 3, 3, mbar=[0, 1])
    assert np.isfinite(ends(actual)).all()
    assert actual["low"].is_monotonic_decreasing


def test_frames_lists_and_one_number_are_taken_and_left_as_they_are() -> None:
    beta, sigma = medicaid()
    series, frame = pd.Series(beta), pd.DataFrame(sigma)
    one = relative_magnitudes(series, frame, 5, 2, mbar=1)
    two = relative_magnitudes(beta.tolist(), sigma.tolist(), 5, 2, mbar=(2, 1), target=(1, 0))
    assert one.columns.tolist() == ["mbar", "low", "high"]
    pd.testing.assert_frame_equal(one, two.iloc[[1]].reset_index(drop=True))
    np.testing.assert_array_equal(series, medicaid()[0])
    np.testing.assert_array_equal(frame, medicaid()[1])


GOOD = {"beta": [0.1, 0.2, 1.0], "sigma": np.eye(3), "n_pre": 2, "n_post": 1, "mbar": 1.0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_pre": 0, "n_post": 3}, "one pre-period difference is needed"),
        ({"n_pre": 3, "n_post": 0}, "one period after the event"),
        ({"n_post": 2}, r"beta has shape \(3,\) and sigma \(3, 3\).* = 4 .*reference period"),
        ({"sigma": np.eye(2)}, r"sigma \(2, 2\)"),
        ({"beta": [0.1, np.nan, 1.0]}, "missing or infinite"),
        ({"sigma": np.diag([1.0, np.inf, 1.0])}, "missing or infinite"),
        ({"sigma": np.eye(3) + np.eye(3, k=1) / 2}, "not symmetric, by up to 0.5"),
        ({"sigma": np.diag([1.0, -1.0, 1.0])}, "not positive semi-definite"),
        ({"sigma": np.diag([1.0, 1.0, 0.0])}, "without variance"),
        ({"sigma": np.ones((3, 3))}, "without variance"),
        ({"sigma": np.zeros((3, 3))}, "without variance"),
        ({"mbar": -0.5}, r"mbar = \[-0.5\]: .*0 or more"),
        ({"mbar": [0, np.nan]}, "finite"),
        ({"mbar": []}, "one or more"),
        ({"target": [1.0, 0.0]}, "give 1 finite weights"),
        ({"target": [0.0]}, "not all of them 0"),
        ({"target": [np.nan]}, "finite weights"),
        ({"level": 95}, "write 0.95"),
        ({"points": 10}, "take 100 or more"),
    ],
)
def test_what_cannot_be_tested_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        relative_magnitudes(**(GOOD | change))
