"""Reliability, ordinal models and key drivers: other programs' numbers, brute force, properties."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import expit, logit
from survey_oracles import FRAMES

from haidian_eval.errors import ParameterError, TableError
from haidian_eval.satisfaction import Design, drivers, estimate, ordinal, rake
from haidian_eval.satisfaction.drivers import importance_performance, key_drivers
from haidian_eval.satisfaction.ordinal import ordinal_model, proportional_odds
from haidian_eval.satisfaction.reliability import alpha, mcdonald, moments_of, omega, one_factor

EXACT = 1e-10  # the same sums in another order
SAME_FIT = 1e-7  # R's maximum and Hessian are numerical; they agree with Newton's to 2e-8
GOLDEN = Path(__file__).parent / "golden"
ALONE = Design()
CLUSTERED = Design(strata="stratum", clusters="psu", weights="w", fpc="psus")
ELEMENTS = Design(strata="stratum", weights="w")
SCALE = ["speed", "clarity", "cost"]


@cache
def golden(name: str) -> pd.DataFrame:
    return pd.read_csv(GOLDEN / f"{name}.csv", comment="#")


def attitude() -> pd.DataFrame:
    return golden("attitude")


@cache
def firms() -> pd.DataFrame:
    frame = FRAMES["firms"]()
    return frame.assign(size=pd.Categorical(frame["size"], ["small", "middle", "large"]))


@cache
def elements() -> pd.DataFrame:
    return FRAMES["elements"]()


# --- reliability


def test_alpha_by_hand() -> None:
    # variances 1 and 1, covariance 1/2: 2 (1 - 2 / 3) = 2/3; without an item nothing is left
    found = alpha(pd.DataFrame({"a": [1, 2, 3], "b": [2, 4, 3]}))
    assert float(found) == pytest.approx(2 / 3, abs=EXACT)
    assert (found.n, found.items) == (3, 2)
    assert found.if_dropped.isna().all()


def test_alpha_of_attitudes_is_that_of_psych() -> None:
    """R psych 2.2.9, alpha(attitude) and its Feldt interval."""
    found = alpha(attitude())
    assert found.value == pytest.approx(0.84314277, abs=1e-8)
    assert (found.low, found.high) == pytest.approx((0.7393757, 0.9157731), abs=1e-7)
    expected = [0.8097602063, 0.7969174573, 0.8278477659, 0.8030309750, 0.7953865742,
                0.8638723114, 0.8404648683]  # fmt: skip
    assert found.if_dropped.tolist() == pytest.approx(expected, abs=EXACT)
    assert found.negative == ()


@pytest.mark.parametrize(
    ("missing", "value"), [("pairwise", 0.82812336270094), ("listwise", 0.7720583874821)]
)
def test_gaps_are_handled_as_psych_handles_them(missing: Any, value: float) -> None:
    """R psych 2.2.9, use = "pairwise" and "complete.obs"; a cell is lost where 11 | 7 i + k."""
    rows, columns = np.indices(attitude().shape) + 1
    gaps = attitude().mask((7 * rows + columns) % 11 == 0)
    known = gaps.notna().to_numpy().astype(int)
    found = alpha(gaps, missing=missing)
    assert found.value == pytest.approx(value, abs=EXACT)
    assert found.n == ((known.T @ known).min() if missing == "pairwise" else 11)
    assert missing in found.rule


@pytest.mark.parametrize(
    ("case", "make", "items", "weights"),
    [("alpha_clustered", firms, SCALE, "w"), ("alpha_strata", elements, [*SCALE, "overall"], "w"),
     ("alpha_plain", firms, SCALE, None)],
)  # fmt: skip
def test_weighted_alpha_is_svycralpha(
    case: str, make: Callable[[], pd.DataFrame], items: list[str], weights: str | None
) -> None:
    expected = golden("survey_models").set_index("case").loc[case, "estimate"]
    frame = make()
    found = alpha(frame[items], frame[weights] if weights else None)
    assert found.value == pytest.approx(expected, rel=1e-12)


def test_weights_count_as_repeated_rows_and_are_found_by_label() -> None:
    frame, times = attitude(), pd.Series(np.arange(30) % 3)
    repeated = alpha(frame.loc[frame.index.repeat(times)])
    weighted = alpha(frame, times.sample(frac=1, random_state=1))
    # divisors differ (n - 1), yet by the same factor above and below
    assert weighted.value == pytest.approx(repeated.value, abs=EXACT)
    # Kish: (10 x 0 + 10 x 1 + 10 x 2)^2 / (10 x 1 + 10 x 4) = 18 in place of 30 rows
    assert "n = 18" in weighted.rule
    assert weighted.high - weighted.low > repeated.high - repeated.low


def test_omega_of_attitudes_is_that_of_r() -> None:
    """R 4.2.2 factanal(attitude, 1), loadings and uniquenesses times variances."""
    found = omega(attitude())
    assert found.value == pytest.approx(0.856326792898, abs=1e-8)
    loadings = one_factor(attitude().cov().to_numpy())[0]
    expected = [10.37683349366, 12.01312090650, 7.25200737498, 8.57619620207, 7.95381858455,
                2.43506520777, 3.88753923466]  # fmt: skip
    assert loadings == pytest.approx(expected, rel=1e-7)


def test_interval_of_omega_is_about_that_of_a_bootstrap() -> None:
    items = firms()[[*SCALE, "overall"]]
    found, rng = omega(items), np.random.default_rng(3)
    picks = rng.integers(0, len(items), (60, len(items)))
    drawn = [mcdonald(np.cov(items.to_numpy()[pick].T)) for pick in picks]
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.03)


def exact_items(covariance: np.ndarray, n: int = 60) -> pd.DataFrame:
    """Rows whose sample covariance is exactly the one given."""
    noise = np.random.default_rng(8).normal(size=(n, len(covariance)))
    noise -= noise.mean(axis=0)
    white = noise @ np.linalg.inv(np.linalg.cholesky(np.cov(noise.T)).T)
    return pd.DataFrame(white @ np.linalg.cholesky(covariance).T).add_prefix("q")


@given(k=st.integers(3, 8), common=st.floats(0.2, 3))
@settings(max_examples=8, deadline=None)
def test_alpha_and_omega_agree_where_items_share_alike(k: int, common: float) -> None:
    # every loading sqrt(c), every unique variance 1: k^2 c / (k^2 c + k)
    items = exact_items(np.full((k, k), common) + np.eye(k))
    expected = k * common / (k * common + 1)
    assert float(alpha(items)) == pytest.approx(expected, abs=1e-9)
    assert float(omega(items)) == pytest.approx(expected, abs=1e-7)


def test_interval_of_omega_follows_from_its_slopes() -> None:
    """Where one factor fits exactly, slopes by differences of refitted covariances are the same."""
    loadings = np.array([0.9, 0.5, 1.2, 0.7])
    items = exact_items(np.outer(loadings, loadings) + np.diag([1.0, 0.6, 1.5, 0.8]))
    found, moments, at = omega(items), moments_of(items, None, "listwise"), np.triu_indices(4)
    slopes = []
    for a, b in zip(*at, strict=True):
        move = np.zeros((4, 4))
        move[a, b] = move[b, a] = 1e-4
        ends = mcdonald(moments.covariance + move), mcdonald(moments.covariance - move)
        slopes.append((ends[0] - ends[1]) / 2e-4)
    se = np.linalg.norm(moments.influence(at) @ np.array(slopes))
    half = 1.959964 * se / (found.value * (1 - found.value))
    assert found.low == pytest.approx(expit(logit(found.value) - half), abs=1e-5)
    assert found.high == pytest.approx(expit(logit(found.value) + half), abs=1e-5)


@pytest.mark.parametrize("missing", ["pairwise", "listwise"])
def test_influence_is_the_derivative_by_weight(missing: str) -> None:
    rng, at = np.random.default_rng(7), np.triu_indices(3)
    frame = pd.DataFrame(rng.normal(5, 2, (14, 3))).mask(rng.uniform(size=(14, 3)) < 0.2)
    w, unit = rng.uniform(1, 3, 14), 1e-5 * np.eye(14)
    found = moments_of(frame, w, missing).influence(at)
    expected = [
        (
            moments_of(frame, w + e, missing).covariance
            - moments_of(frame, w - e, missing).covariance
        )[at]
        for e in unit
    ]
    assert found == pytest.approx(np.array(expected) / 2e-5, abs=1e-7)


def test_an_item_that_runs_against_the_others_is_named_and_not_turned() -> None:
    turned = attitude().assign(learning=100 - attitude()["learning"])
    found = alpha(turned)
    assert found.negative == ("learning",)
    assert found.value < 0.65 < alpha(attitude()).value
    assert omega(turned).negative == ("learning",)


def test_an_item_without_anything_of_its_own_is_named_improper() -> None:
    both = attitude().assign(again=attitude()["rating"])
    assert "'rating', 'again'" in omega(both).rule


def test_items_without_anything_in_common_are_not_reliable() -> None:
    found = omega(exact_items(np.eye(4)))
    assert found.value == pytest.approx(0, abs=1e-6)
    assert abs(float(alpha(exact_items(np.eye(4))))) < EXACT


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x: alpha(x[["rating"]]), ParameterError, "at least 2 columns"),
        (lambda x: omega(x[["rating", "raises"]]), ParameterError, "2 items"),
        (lambda x: omega(x.assign(raises=1)), ParameterError, "'raises'.*three that vary"),
        (lambda x: alpha(x * 0), ParameterError, "does not vary"),
        (lambda x: alpha(x.head(2)), ParameterError, "2 answer both"),
        (lambda x: alpha(x.assign(raises="好")), TableError, "'raises'.* hold words"),
        (lambda x: alpha(x.assign(raises=np.inf)), TableError, "infinite"),
        (lambda x: alpha(x, missing="fill"), ParameterError, "choose one of .'listwise'"),
        (lambda x: alpha(x, -np.ones(30)), ParameterError, "weights: one for each"),
        (lambda x: alpha(x, pd.Series(1.0, range(20))), ParameterError, "none missing"),
        (lambda x: alpha(x, np.zeros(30)), ParameterError, "weights: one"),
        (lambda x: alpha(x[["rating", "rating"]]), ParameterError, "stands twice"),
    ],
)
def test_scales_that_cannot_be_judged_are_refused(call: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        call(attitude())


# --- ordinal models


def raked() -> tuple[pd.DataFrame, Any]:
    frame = FRAMES["firms"]()
    size = pd.Series({"large": 300, "middle": 260, "small": 340}).rename_axis("size")
    sector = pd.Series({"A": 320, "B": 280, "C": 300}).rename_axis("sector")
    return frame, rake(frame, CLUSTERED, [size, sector], tolerance=1e-13)


WITHOUT_COUNT = Design(strata="stratum", clusters="psu", weights="w")
MODELS: dict[str, Callable[[], tuple[pd.DataFrame, Any, str]]] = {
    "clustered": lambda: (firms(), CLUSTERED, "overall ~ staff + years"),
    "factor": lambda: (firms(), CLUSTERED, "overall ~ np.log(staff) + size"),
    "probit": lambda: (firms(), CLUSTERED, "overall ~ staff + years"),
    "strata": lambda: (elements(), ELEMENTS, "overall ~ years + sector"),
    "missing": lambda: (elements(), ELEMENTS, "overall ~ years + part"),
    "three_grades": lambda: (firms().assign(overall=firms()["overall"].clip(upper=3)),
                             WITHOUT_COUNT, "overall ~ years + speed"),
    "raked": lambda: (*raked(), "overall ~ staff + years"),
}  # fmt: skip


def named(found: ordinal.OrdinalModel) -> pd.DataFrame:
    """Terms and thresholds by the names that R gives them."""
    terms = found.frame.assign(
        term=found.frame["term"].str.replace(r"\[T\.|\]|np\.", "", regex=True)
    )
    both = pd.concat([terms, found.thresholds.rename(columns={"threshold": "term"})])
    return both.set_index("term")


@pytest.mark.parametrize("case", MODELS)
def test_ordinal_models_are_those_of_svyolr(case: str) -> None:
    frame, design, formula = MODELS[case]()
    found = ordinal_model(frame, design, formula, link="probit" if case == "probit" else "logit")
    expected = golden("survey_models").query("case == @case").set_index("term")
    actual = named(found).loc[expected.index]
    for column in ("estimate", "se"):
        assert actual[column].to_numpy() == pytest.approx(expected[column].to_numpy(), rel=SAME_FIT)
    assert (
        found.n
        == frame[["overall", "years", "part" if case == "missing" else "staff"]].dropna().shape[0]
    )
    if case != "missing":  # R counts units of the whole sample here
        assert found.df == expected["df"].iloc[0] - len(found.frame)


def test_two_levels_are_a_logistic_regression() -> None:
    """R survey 4.1.1, svyglm(happy ~ staff + years, clustered, quasibinomial)."""
    found = named(ordinal_model(firms(), CLUSTERED, "happy ~ staff + years"))
    estimates = [0.03958457594697, -0.03096453202441, 0.91240586883139]  # - intercept
    errors = [0.009816642968405, 0.034738253268006, 0.469471747834578]
    assert found["estimate"].to_numpy() == pytest.approx(np.array(estimates), rel=SAME_FIT)
    assert found["se"].to_numpy() == pytest.approx(np.array(errors), rel=1e-6)


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_unweighted_estimates_are_those_of_statsmodels(link: str) -> None:
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    frame = elements().assign(A=lambda x: (x["sector"] == "A") * 1.0)
    other = OrderedModel(frame["overall"], frame[["years", "A"]], distr=link)
    fit = other.fit(method="newton", disp=False, maxiter=100)
    found = ordinal_model(frame, ALONE, "overall ~ years + A", link=link)
    assert found.frame["estimate"].to_numpy() == pytest.approx(fit.params[:2].to_numpy(), rel=1e-6)
    edges = other.transform_threshold_params(fit.params.to_numpy())[1:-1]
    assert found.thresholds["estimate"].to_numpy() == pytest.approx(edges, rel=1e-6)


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_scores_and_hessian_are_derivatives_of_the_likelihood(link: str) -> None:
    rng = np.random.default_rng(5)
    x, y, w = rng.normal(size=(40, 2)), rng.integers(0, 4, 40), rng.uniform(0.5, 2, 40)
    at, unit, step = np.array([0.4, -0.7, -1.1, 0.2, 1.3]), np.eye(5), 1e-5

    def value(where: np.ndarray) -> tuple[float, np.ndarray]:
        found = ordinal.likelihood(where, x, y, w, ordinal.LINKS[link])
        return found[0], w @ found[1]

    _, scores, hessian = ordinal.likelihood(at, x, y, w, ordinal.LINKS[link])
    ends = [(value(at + step * e), value(at - step * e)) for e in unit]
    slope = np.array([(up[0] - down[0]) / (2 * step) for up, down in ends])
    bend = np.array([(up[1] - down[1]) / (2 * step) for up, down in ends])
    assert w @ scores == pytest.approx(slope, abs=1e-7)
    assert hessian == pytest.approx(bend, abs=1e-6)


def test_shares_far_out_in_a_tail_keep_their_digits() -> None:
    # e^-40 - e^-41 in the tail; as a difference of two ones it would be lost
    at, x = np.array([40.0, 41.0]), np.zeros((1, 0))
    for turn, y in ((1.0, 1), (-1.0, 1)):
        ends = np.sort(turn * at)
        value = ordinal.likelihood(ends, x, np.array([y]), np.ones(1), ordinal.LINKS["logit"])[0]
        assert value == pytest.approx(-40 + math.log(1 - math.exp(-1)), rel=1e-12)


def test_thresholds_alone_are_the_log_odds_of_weighted_shares() -> None:
    frame = firms()
    found = ordinal_model(frame, CLUSTERED, "overall ~ 1")
    below = [frame["w"][frame["overall"] <= cut].sum() / frame["w"].sum() for cut in (1, 2, 3, 4)]
    assert found.thresholds["estimate"].to_numpy() == pytest.approx(logit(below), abs=1e-9)
    share = estimate(frame.assign(low=frame["overall"] <= 2), CLUSTERED, "low").iloc[0]
    se = share["se"] / (share["estimate"] * (1 - share["estimate"]))
    assert found.thresholds["se"].iloc[1] == pytest.approx(se, rel=1e-9)
    assert found.frame.empty


def test_replicates_are_refitted_one_by_one() -> None:
    frame, formula = firms(), "overall ~ staff + years"
    found = ordinal_model(frame, Design("stratum", "psu", "w", replicates="jkn"), formula)
    every, scales = [], []
    for psu, rows in frame.groupby("psu"):
        stratum = rows["stratum"].iloc[0]
        count = frame.loc[frame["stratum"] == stratum, "psu"].nunique()
        more = np.where(frame["stratum"] == stratum, count / (count - 1), 1.0)
        weights = np.where(frame["psu"] == psu, 0.0, frame["w"] * more)
        one = ordinal_model(frame.assign(w=weights), WITHOUT_COUNT, formula)
        every.append([*one.frame["estimate"], *one.thresholds["estimate"]])
        scales.append((count - 1) / count)
    apart = np.array(every) - np.mean(every, axis=0)
    expected = (apart * np.array(scales)[:, None]).T @ apart
    assert found.covariance.to_numpy() == pytest.approx(expected, rel=1e-6)
    linear = ordinal_model(frame, WITHOUT_COUNT, formula)
    assert named(found)["se"].to_numpy() == pytest.approx(named(linear)["se"].to_numpy(), rel=0.35)


def test_an_ordered_answer_in_words_is_the_same_as_its_numbers() -> None:
    words = ["很不满意", "不满意", "一般", "满意", "很满意", "没有人"]
    frame = firms().assign(
        mark=pd.Categorical.from_codes(firms()["overall"].astype(int) - 1, words, ordered=True)
    )
    by_words = ordinal_model(frame, CLUSTERED, "mark ~ years")
    by_number = ordinal_model(frame, CLUSTERED, "overall ~ years")
    assert by_words.thresholds["threshold"].tolist() == [
        "很不满意|不满意", "不满意|一般", "一般|满意", "满意|很满意",
    ]  # fmt: skip
    assert by_words.covariance.to_numpy() == pytest.approx(by_number.covariance.to_numpy())


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_neither_the_order_of_rows_nor_the_unit_of_weights_matters(link: str) -> None:
    base = ordinal_model(firms(), WITHOUT_COUNT, "overall ~ staff + sector", link=link)
    shuffled = firms().sample(frac=1, random_state=2).assign(w=lambda x: x["w"] * 1000)
    other = ordinal_model(shuffled, WITHOUT_COUNT, "overall ~ staff + sector", link=link)
    assert named(other)["estimate"].to_numpy() == pytest.approx(named(base)["estimate"].to_numpy())
    assert named(other)["se"].to_numpy() == pytest.approx(named(base)["se"].to_numpy())
    assert base.frame["odds_ratio"].isna().all() == (link == "probit")


def test_columns_that_know_missing_numbers_are_read() -> None:
    frame = firms().assign(years=firms()["years"].mask(firms().index < 9))
    found = ordinal_model(frame, CLUSTERED, "overall ~ years")
    other = ordinal_model(frame.astype({"years": "Int64", "overall": "Int64"}), CLUSTERED,
                          "overall ~ years")  # fmt: skip
    pd.testing.assert_frame_equal(found.frame, other.frame)
    assert found.n == 121


def test_the_scale_turned_round_turns_the_signs() -> None:
    found = ordinal_model(firms(), CLUSTERED, "overall ~ staff + years")
    turned = ordinal_model(firms().assign(overall=-firms()["overall"]), CLUSTERED,
                           "overall ~ staff + years")  # fmt: skip
    assert turned.frame["estimate"].to_numpy() == pytest.approx(-found.frame["estimate"].to_numpy())
    assert turned.frame["odds_low"].to_numpy() == pytest.approx(
        1 / found.frame["odds_high"].to_numpy()
    )


def test_a_large_unit_of_a_column_does_no_harm() -> None:
    found = ordinal_model(firms(), CLUSTERED, "overall ~ staff + years").frame
    large = firms().assign(staff=firms()["staff"] * 1e8)
    other = ordinal_model(large, CLUSTERED, "overall ~ staff + years").frame
    assert other["p"].to_numpy() == pytest.approx(found["p"].to_numpy(), rel=1e-6)


@pytest.mark.parametrize(
    ("formula", "changed", "error", "words"),
    [
        ("overall ~ years", {"overall": 3}, ParameterError, "1 level in 130 answers"),
        ("mood ~ years", {}, TableError, "'mood' has words without an order"),
        ("overall ~ years + twice", {"twice": lambda x: 2 * x["years"]}, ParameterError,
         "'twice'. are constant or follow"),
        ("overall ~ years + one", {"one": 1.0}, ParameterError, "'one'"),
        ("overal ~ years", {}, ParameterError, "answer the name of a column"),
        ("overall", {}, ParameterError, "'answer ~ terms' is needed"),
        ("overall ~ np.log(years)", {"years": lambda x: x["years"] - 1}, ParameterError,
         "log.years.*infinite values"),
        ("overall ~ yeers", {}, ParameterError, "yeers"),
        ("overall ~ C(psu)", {}, ParameterError, "degrees of freedom; fewer terms"),
    ],
)  # fmt: skip
def test_models_that_cannot_be_are_refused(
    formula: str, changed: dict[str, Any], error: Any, words: str
) -> None:
    with pytest.raises(error, match=words):
        ordinal_model(firms().assign(**changed), CLUSTERED, formula)


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_an_infinite_estimate_is_named(link: str) -> None:
    frame = elements().assign(park=np.where(np.arange(220) < 30, "西区", "东区"))
    frame.loc[frame["park"] == "西区", "overall"] = 5
    with pytest.raises(ParameterError, match=r"西区.*no finite estimate.*join groups"):
        ordinal_model(frame, ELEMENTS, "overall ~ years + C(park)", link=link)


def test_an_unknown_link_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"link='logti' is not known.*'logit'"):
        ordinal_model(firms(), CLUSTERED, "overall ~ years", link="logti")


# --- proportional odds


def test_tests_of_proportional_odds_compare_the_binary_models() -> None:
    """Three levels, one term: F is the squared change of its two coefficients over its variance."""
    frame = firms().assign(grade=firms()["overall"].clip(2, 4))
    tests = proportional_odds(frame, WITHOUT_COUNT, "grade ~ staff")
    low, high = (
        ordinal_model(frame.assign(up=frame["grade"] > cut), WITHOUT_COUNT, "up ~ staff").frame
        for cut in (2, 3)
    )
    change = high["estimate"].iloc[0] - low["estimate"].iloc[0]
    replicated = proportional_odds(frame, Design("stratum", "psu", "w", replicates="jkn"),
                                   "grade ~ staff")  # fmt: skip
    assert tests["df1"].tolist() == [1, 1]
    assert tests["df2"].tolist() == [14, 14]
    variance = change**2 / tests["statistic"]
    spread = (low["se"] + high["se"]).iloc[0] ** 2, (low["se"] - high["se"]).iloc[0] ** 2
    assert spread[1] < variance.iloc[0] < spread[0]  # whatever their correlation
    assert replicated["statistic"].iloc[0] == pytest.approx(tests["statistic"].iloc[0], rel=0.5)


def test_tests_of_several_terms_are_those_of_korn_and_graubard() -> None:
    """F = W (df - k + 1) / (df k) with k = 2 terms x 3 further thresholds, 14 units less strata."""
    formula = "overall ~ staff + years"
    rows = ordinal.rows_of(firms(), WITHOUT_COUNT, formula)
    found, covariance = ordinal.fitted(rows, [(rows.y > c) * 1 for c in range(4)], 2, "logit")
    slopes = found.reshape(4, 3)[:, :2].ravel()
    keep = np.arange(12).reshape(4, 3)[:, :2].ravel()
    change = np.kron(np.column_stack([-np.ones(3), np.eye(3)]), np.eye(2))
    inner = change @ covariance[np.ix_(keep, keep)] @ change.T
    wald = (change @ slopes) @ np.linalg.solve(inner, change @ slopes)
    test = proportional_odds(firms(), WITHOUT_COUNT, formula).iloc[0]
    assert (test["df1"], test["df2"]) == (6, 9)
    assert test["statistic"] == pytest.approx(wald * 9 / (14 * 6))
    assert test["p"] == pytest.approx(stats.f.sf(wald * 9 / (14 * 6), 6, 9))


def simulated(slopes: tuple[float, float], seed: int, n: int = 500) -> pd.DataFrame:
    """Answers 1 to 3 whose two thresholds feel x by two slopes."""
    rng = np.random.default_rng(seed)
    x, u = rng.normal(size=n), rng.uniform(size=n)
    above = (
        expit(1 + slopes[0] * x),
        np.minimum(expit(-1 + slopes[1] * x), expit(1 + slopes[0] * x)),
    )
    return pd.DataFrame({"x": x, "answer": 1 + (u < above[0]) + (u < above[1])})


def test_odds_that_are_not_proportional_are_found_out() -> None:
    assert proportional_odds(simulated((0.2, 1.0), 4), ALONE, "answer ~ x")["p"].max() < 1e-4


def test_proportional_odds_are_seldom_rejected() -> None:
    p = [proportional_odds(simulated((0.6, 0.6), s), ALONE, "answer ~ x")["p"].iloc[0]
         for s in range(60)]  # fmt: skip
    assert np.mean(np.array(p) < 0.05) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 60)
    assert 0.3 < np.mean(p) < 0.7


def test_two_levels_have_no_odds_to_compare() -> None:
    with pytest.raises(ParameterError, match="1 threshold: nothing to compare"):
        proportional_odds(firms(), CLUSTERED, "happy ~ staff")


# --- key drivers


def swiss() -> pd.DataFrame:
    return golden("swiss_fertility")


def over_every_order(
    frame: pd.DataFrame, outcome: str, names: list[str], weights: np.ndarray | None = None
) -> dict[str, float]:
    """Increases of R2, averaged over all orders, by weighted least squares."""
    w = np.sqrt(np.ones(len(frame)) if weights is None else weights)

    @cache
    def r2(chosen: frozenset[str]) -> float:
        design = np.column_stack([np.ones(len(frame)), frame[sorted(chosen)]]) * w[:, None]
        y = frame[outcome].to_numpy() * w
        left = [np.sum((y - x @ np.linalg.lstsq(x, y, rcond=None)[0]) ** 2)
                for x in (design, w[:, None])]  # fmt: skip
        return float(1 - left[0] / left[1])

    parts = dict.fromkeys(names, 0.0)
    orders = list(itertools.permutations(names))
    for order in orders:
        for at, name in enumerate(order):
            parts[name] += r2(frozenset(order[: at + 1])) - r2(frozenset(order[:at]))
    return {name: part / len(orders) for name, part in parts.items()}


def test_shares_of_swiss_fertility_are_those_of_r() -> None:
    """R 4.2.2 lm, R2 over the 120 orders: what relaimpo calls lmg (Groemping 2006)."""
    names = ["Agriculture", "Examination", "Education", "Catholic", "Infant.Mortality"]
    found = key_drivers(swiss(), ALONE, "Fertility", names, seed=1)
    expected = [0.0570912207681, 0.1711730289002, 0.2601346786244, 0.1055701503735, 0.1127659229265]
    assert (found.frame["share"] * found.r2).tolist() == pytest.approx(expected, abs=EXACT)
    assert found.frame["rank"].tolist() == [5, 2, 1, 4, 3]
    assert (found.n, found.complete, found.importance_line) == (47, 47, 0.2)


def test_weighted_shares_are_those_of_every_order() -> None:
    frame = firms()
    names = [*SCALE, "years"]
    expected = over_every_order(frame, "overall", names, frame["w"].to_numpy())
    found = key_drivers(frame, CLUSTERED, "overall", names, draws=19, seed=1)
    actual = found.frame.set_index("driver")["share"] * found.r2
    assert actual.to_dict() == pytest.approx(expected, abs=EXACT)
    assert found.r2 == pytest.approx(sum(expected.values()))


def test_two_drivers_by_hand() -> None:
    # r1 = .6, r2 = .5, r12 = .4: R2 = (.36 + .25 - 2 .6 .5 .4) / .84 = .440476
    # first: (.36 + R2 - .25) / 2 = .275238; second: .165238
    matrix = np.array([[1, 0.4, 0.6], [0.4, 1, 0.5], [0.6, 0.5, 1]])
    parts = drivers.importance(matrix[None], np.random.default_rng(1))
    assert parts[0] == pytest.approx([0.2752381, 0.1652381], abs=1e-7)


def test_drawn_orders_come_near_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [*SCALE, "staff", "years"]
    whole = key_drivers(firms(), CLUSTERED, "overall", names, draws=19, seed=1)
    monkeypatch.setattr(drivers, "MOST", 4)
    found = key_drivers(firms(), CLUSTERED, "overall", names, draws=19, seed=1)
    assert "120 drawn orders" in found.rule
    assert "all subsets" in whole.rule
    assert found.frame["share"].to_numpy() == pytest.approx(whole.frame["share"], abs=0.01)
    assert found.r2 == pytest.approx(whole.r2)


@given(seed=st.integers(0, 10**6), k=st.integers(2, 6))
@settings(max_examples=20, deadline=None)
def test_shares_are_positive_add_up_and_do_not_know_order_or_unit(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(k + 1, k + 3))
    matrix = root @ root.T
    parts = drivers.importance(matrix[None], rng)[0]
    r2 = matrix[-1, :-1] @ np.linalg.solve(matrix[:-1, :-1], matrix[:-1, -1]) / matrix[-1, -1]
    order, unit = rng.permutation(k), rng.uniform(0.1, 9, k + 1)
    at = np.append(order, k)
    other = drivers.importance((matrix * np.outer(unit, unit))[at][:, at][None], rng)[0]
    assert parts.sum() == pytest.approx(r2, abs=1e-9)
    assert (parts > -1e-12).all()
    assert other == pytest.approx(parts[order], abs=1e-9)


def test_pairwise_uses_every_answer_and_listwise_complete_respondents() -> None:
    frame = firms().assign(speed=lambda x: x["speed"].where(x.index % 3 > 0),
                           clarity=lambda x: x["clarity"].where(x.index % 3 > 1))  # fmt: skip
    names = [*SCALE]
    pairwise = key_drivers(frame, CLUSTERED, "overall", names, draws=49, seed=1)
    listwise = key_drivers(frame, CLUSTERED, "overall", names, draws=49, seed=1, missing="listwise")
    assert (pairwise.n, pairwise.complete, listwise.n) == (130, 43, 43)
    assert pairwise.frame["n"].tolist() == [86, 43, 130]
    kept = frame[names].notna().all(axis=1)
    expected = over_every_order(frame[kept], "overall", names, frame["w"][kept].to_numpy())
    actual = (listwise.frame["share"] * listwise.r2).tolist()
    assert actual == pytest.approx(list(expected.values()), abs=EXACT)
    # pairwise: covariances of the pairs that there are, as pandas has them for equal weights
    whole = moments_of(frame[[*names, "overall"]], None, "pairwise").covariance
    assert whole == pytest.approx(frame[[*names, "overall"]].cov().to_numpy(), abs=EXACT)


def test_draws_spread_as_replicates_do() -> None:
    """Standard deviation of drawn covariances against the jackknife's standard errors."""
    frame, names = firms(), [*SCALE, "overall"]
    found = drivers.read_draws(frame, WITHOUT_COUNT, names, 4000, 1, "pairwise")
    jackknife = Design("stratum", "psu", "w", replicates="jkn")
    other = drivers.read_draws(frame, jackknife, names, 4000, 1, "pairwise")
    assert other.se == pytest.approx(found.se, rel=0.05)
    spread = [one.matrix[1:, 3, :3].std(axis=0) for one in (found, other)]
    assert spread[1] == pytest.approx(spread[0], rel=0.25)
    assert (np.linalg.eigvalsh(found.matrix) > 0).all()


def test_drawn_matrices_have_the_covariance_asked_for() -> None:
    rng = np.random.default_rng(4)
    matrix = np.array([[1, 0.3, 0.5], [0.3, 1, 0.2], [0.5, 0.2, 1]])
    root = rng.normal(size=(7, 7)) * 0.005
    whole = np.append(matrix[np.triu_indices(3)], 4.0)
    found, level = drivers.drawn_from(whole, root @ root.T, 3, 1e9, 20000, rng)
    drawn = np.column_stack([found[1:][:, *np.triu_indices(3)], level[1:]])
    assert found[0] == pytest.approx(matrix, abs=1e-12)
    assert np.cov(drawn.T) == pytest.approx(root @ root.T, rel=0.1, abs=1e-5)


def population(clusters: int) -> pd.DataFrame:
    rng = np.random.default_rng(6)
    psu = np.repeat(np.arange(clusters), 8)
    common = rng.normal(size=len(psu))
    shared = 0.5 * rng.normal(size=(clusters, 4))[psu]
    x = 0.6 * common[:, None] + rng.normal(size=(len(psu), 3)) + shared[:, :3]
    y = x @ np.array([0.6, 0.3, 0.0]) + rng.normal(size=len(psu)) + shared[:, 3]
    scored = np.clip(np.round(3.4 + np.column_stack([x, y])), 1, 5)
    return pd.DataFrame(scored, columns=["a", "b", "c", "y"]).assign(psu=psu)


def test_intervals_hold_the_share_of_the_population() -> None:
    whole, names = population(6000), ["a", "b", "c"]
    truth = key_drivers(whole, ALONE, "y", names, draws=19, seed=1).frame["share"]
    rng, surveys, held = np.random.default_rng(2), 150, np.zeros(3)
    for seed in range(surveys):
        chosen = rng.choice(6000, 60, replace=False)
        rows = whole.loc[(chosen[:, None] * 8 + np.arange(8)).ravel()]
        found = key_drivers(rows, Design(clusters="psu"), "y", names, draws=199, seed=seed).frame
        held += (found["low"] <= truth) & (truth <= found["high"])
    assert (np.abs(held / surveys - 0.95) < 3 * math.sqrt(0.95 * 0.05 / surveys)).all()


def test_neither_order_of_rows_nor_repetition_changes_the_draws() -> None:
    found = key_drivers(firms(), CLUSTERED, "overall", SCALE, seed=5).frame
    shuffled = firms().sample(frac=1, random_state=1)
    again = key_drivers(shuffled, CLUSTERED, "overall", SCALE, seed=5).frame
    pd.testing.assert_frame_equal(found, again, rtol=1e-6)
    assert found["top_share"].sum() == pytest.approx(1)
    assert (found["rank_low"] <= found["rank"]).all()
    assert (found["rank"] <= found["rank_high"]).all()


# --- importance and performance


def test_performance_is_the_estimate_of_the_design() -> None:
    gaps = firms()["clarity"].where(firms().index % 4 > 0)
    frame = firms().assign(clarity=gaps)
    means = importance_performance(frame, CLUSTERED, "overall", SCALE, seed=1).frame
    shares = importance_performance(frame, CLUSTERED, "overall", SCALE, seed=1,
                                    satisfied_from=4).frame  # fmt: skip
    for at, name in enumerate(SCALE):
        mean = estimate(frame, CLUSTERED, name).iloc[0]
        yes = frame.assign(yes=(frame[name] >= 4).where(frame[name].notna()).astype("float64"))
        share = estimate(yes, CLUSTERED, "yes", interval="logit").iloc[0]
        for found, expected in ((means, mean), (shares, share)):
            actual = found.loc[at, ["performance", "performance_low", "performance_high"]]
            assert actual.tolist() == pytest.approx(expected[["estimate", "low", "high"]].tolist())


def test_quadrants_follow_from_the_lines() -> None:
    rng = np.random.default_rng(9)
    x = rng.normal(size=(800, 4))
    frame = pd.DataFrame(x + np.array([4.0, 2.0, 4.0, 2.0]), columns=["k", "c", "o", "l"])
    frame["y"] = x[:, 0] + x[:, 1] + 0.05 * x[:, 2] + rng.normal(size=800)
    found = importance_performance(frame, ALONE, "y", ["k", "c", "o", "l"], seed=1)
    expected = ["keep", "concentrate", "overkill", "low_priority"]
    assert found.frame["quadrant"].tolist() == expected
    assert (found.frame["quadrant_share"] == 1).all()
    assert found.performance_line == pytest.approx(found.frame["performance"].mean())
    raised = importance_performance(frame, ALONE, "y", ["k", "c", "o", "l"], seed=1,
                                    performance_line=4.0)  # fmt: skip
    assert raised.performance_line == 4
    assert raised.frame["quadrant_share"][0] < 0.9  # its mean is about the line


def test_an_answer_that_all_find_good_has_no_width() -> None:
    frame = firms().assign(extra=firms()["speed"] + 10)
    found = importance_performance(frame, CLUSTERED, "overall", ["extra", "cost"], seed=1,
                                   satisfied_from=4).frame  # fmt: skip
    assert found["performance"][0] == 1
    assert np.isnan(found["performance_low"][0])


@pytest.mark.parametrize(
    ("names", "changed", "options", "words"),
    [
        (["speed"], {}, {}, "1 drivers, 99 draws"),
        (SCALE, {}, {"draws": 5}, "5 draws"),
        (["speed", "sped"], {}, {}, "'sped' is not known .did you mean 'speed'"),
        (["speed", "speed"], {}, {}, "stands twice"),
        (["speed", "overall"], {}, {}, "'overall' stands twice"),
        ([*SCALE, "again"], {"again": lambda x: 2 * x["cost"]}, {}, "'again'. repeat each other"),
        (SCALE, {"cost": 3.0}, {}, "'cost'.: everybody answers the same"),
        (SCALE, {}, {"level": 95}, "level=95 must be a number between 0 and 1"),
        (SCALE, {}, {"missing": "mean"}, "missing='mean' is not known"),
        (SCALE, {"cost": lambda x: x["cost"].where(x.index < 2)}, {}, "2 answer both"),
    ],
)
def test_drivers_that_cannot_be_compared_are_refused(
    names: list[str], changed: dict[str, Any], options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ParameterError, match=words):
        key_drivers(firms().assign(**changed), CLUSTERED, "overall", names,
                    **{"draws": 99, "seed": 1} | options)  # fmt: skip
