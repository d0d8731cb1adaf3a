"""Opinion: coders' agreement, held-out accuracy, leakage, shares, quotations, and the rule."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from study_runs import ROOT

from haidian_eval.errors import ParameterError
from haidian_eval.opinion import (
    assess_opinion,
    cohen_kappa,
    grouped,
    hold_out,
    krippendorff_alpha,
    overlap,
    train,
)
from haidian_eval.opinion.accuracy import accuracy, share_right, wilson
from haidian_eval.opinion.agreement import METRICS
from haidian_eval.opinion.assessment import hidden
from haidian_eval.opinion.classifier import HeldOut, split
from haidian_eval.opinion.features import learn, normalise
from haidian_eval.opinion.leakage import repeated, similar
from haidian_eval.opinion.quotations import de_identified, found_in, quotations
from haidian_eval.opinion.reading import read
from haidian_eval.opinion.shares import Read, part
from haidian_eval.params import load_params
from haidian_eval.synthetic.comments import Voices, voices

EXACT = 1e-9  # sums of small integers
PRINTED = 5e-4  # published coefficients have three decimals
PARAMS = load_params(ROOT / "data" / "raw" / "2024")
QUICK = PARAMS.opinion.model_copy(update={"repeats": 1, "costs": (30.0,), "draws": 99})
CHOSEN = PARAMS.synthetic.comments


def codes(*coders: str) -> pd.DataFrame:
    """Units x coders from a line of codes for each coder; a dot is not coded."""
    return pd.DataFrame(
        {at: [float(c) if c != "." else np.nan for c in line.split()]
         for at, line in enumerate(coders)}
    )  # fmt: skip


# Krippendorff (2011), Computing Krippendorff's alpha-reliability, section C: four observers, twelve
# units, gaps. The same source prints .743 nominal, .815 ordinal, .849 interval.
FOUR = codes(
    "1 2 3 3 2 1 4 1 2 . . .", "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .", "1 2 3 3 2 4 4 1 2 5 1 .",
)  # fmt: skip
# Three coders, fifteen units, as encyclopaedias print it: .691 nominal, .811 interval.
THREE = codes(
    ". . . . . 3 4 1 2 1 1 3 3 . 3", "1 . 2 1 3 3 4 3 . . . . . . .",
    ". . 2 1 3 4 4 . 2 1 1 3 3 . 4",
)  # fmt: skip


@pytest.mark.parametrize(
    ("given_codes", "metric", "expected"),
    [
        (FOUR, "nominal", 0.743), (FOUR, "ordinal", 0.815), (FOUR, "interval", 0.849),
        (THREE, "nominal", 0.691), (THREE, "interval", 0.811),
    ],
)  # fmt: skip
def test_alpha_of_published_examples(
    given_codes: pd.DataFrame, metric: str, expected: float
) -> None:
    actual = krippendorff_alpha(given_codes, metric=metric, draws=99)
    assert actual.value == pytest.approx(expected, abs=PRINTED)
    assert actual.low < actual.value < actual.high


def two_coders(table: list[list[int]]) -> tuple[pd.Series, pd.Series]:
    """Two codings with this table, first coder x second."""
    flat, k = np.ravel(table), len(table)
    first = np.repeat(np.repeat(range(k), k), flat)
    return pd.Series(first), pd.Series(np.repeat(np.tile(range(k), k), flat))


def test_kappa_of_cohen_1960() -> None:
    # Table 2 of Cohen (1960), 200 patients: agreement .70, by chance .30 + .09 + .02 = .41, so
    # kappa = .29 / .59 = .492; its large-sample error .0507 gives .39 to .59.
    actual = cohen_kappa(*two_coders([[88, 14, 18], [10, 40, 10], [2, 6, 12]]), draws=2000)
    assert actual.value == pytest.approx(0.29 / 0.59, abs=EXACT)
    assert (actual.low, actual.high) == pytest.approx((0.392, 0.591), abs=0.012)
    assert (actual.n, actual.observed) == (200, pytest.approx(0.70))


def test_alpha_tends_to_kappa_and_perfect_agreement_is_one() -> None:
    first, second = two_coders([[300, 20], [25, 155]])
    pair = pd.DataFrame({"a": first, "b": second})
    # Two coders without gaps: alpha = 1 - (1 - 1/2n)(1 - pi), between kappa and one.
    found, kappa = krippendorff_alpha(pair, draws=99), cohen_kappa(first, second, draws=99)
    assert found.value == pytest.approx(kappa.value, abs=2e-3)
    assert krippendorff_alpha(pair.assign(b=pair["a"]), draws=99).value == 1
    assert cohen_kappa(first, first, draws=99).value == 1


cells = st.lists(st.lists(st.sampled_from([1.0, 2.0, 3.0, np.nan]), min_size=3, max_size=3),
                 min_size=4, max_size=12)  # fmt: skip


@given(cells, st.permutations(range(3)))
def test_alpha_knows_neither_the_order_of_units_nor_of_coders(
    rows: list[list[float]], order: list[int]
) -> None:
    frame = pd.DataFrame(rows)
    try:
        expected = krippendorff_alpha(frame, draws=99)
    except ParameterError:
        assert (frame.notna().sum(axis=1) < 2).all()
        return
    actual = krippendorff_alpha(frame[order].iloc[::-1], draws=99).value
    assert actual == pytest.approx(expected.value, abs=EXACT, nan_ok=True)
    assert np.isnan(actual) or actual <= 1


def test_ordinal_alpha_forgives_the_next_level_more_than_the_farthest() -> None:
    base = ["negative", "neutral", "positive"] * 10
    near, far = base.copy(), base.copy()
    near[0], far[0] = "neutral", "positive"
    levels = ("negative", "neutral", "positive")
    value = [
        krippendorff_alpha(pd.DataFrame({"a": base, "b": other}), metric="ordinal", levels=levels,
                           draws=99).value
        for other in (near, far)
    ]  # fmt: skip
    assert 1 > value[0] > value[1]


def test_agreement_by_documents_is_less_sure_than_by_segments() -> None:
    rng = np.random.default_rng(3)
    wrong = np.repeat(rng.random(30) < 0.3, 10)  # whole documents are disputed
    first = pd.Series(rng.integers(0, 3, 300))
    second = first.where(~wrong, (first + 1) % 3)
    loose = cohen_kappa(first, second, clusters=np.repeat(range(30), 10))
    tight = cohen_kappa(first, second)
    assert loose.high - loose.low > 2 * (tight.high - tight.low)


def test_agreement_refuses_what_it_cannot_know() -> None:
    with pytest.raises(ParameterError, match="no unit was coded by two coders"):
        krippendorff_alpha(codes("1 . 2", ". 1 ."))
    with pytest.raises(ParameterError, match=r"metric='ordnal' is not known \(did you mean"):
        krippendorff_alpha(FOUR, metric="ordnal")
    with pytest.raises(ParameterError, match="the code 'good' is not known"):
        krippendorff_alpha(pd.DataFrame({"a": ["good"], "b": ["bad"]}), levels=["bad", "fine"])
    with pytest.raises(ParameterError, match="no unit was coded by both"):
        cohen_kappa(pd.Series([1, None]), pd.Series([None, 1]))
    assert np.isnan(
        krippendorff_alpha(codes("1 1", "1 1"), draws=99).value
    )  # nothing to tell apart
    assert set(METRICS) == {"nominal", "ordinal", "interval"}


def test_features_are_those_of_scikit_learn() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = ["材料偏多，材料重复", "Ｗｉ-Fi  很慢", "办理快，𠮷字也认得", "材料少了", "办理 快"]
    other = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True, min_df=2,
                            preprocessor=normalise)  # fmt: skip
    expected = other.fit_transform(words).toarray()
    vocabulary, vectors = learn(words)
    assert vectors.shape == expected.shape
    order = np.argsort([sum(ord(c) << 21 * (len(run) - 1 - at) for at, c in enumerate(run))
                        for run in other.get_feature_names_out()])  # fmt: skip
    assert vectors.toarray() == pytest.approx(expected[:, order], abs=EXACT)
    again = vocabulary.vectors(["材料重复，Wi-Fi慢", ""])
    assert again.toarray() == pytest.approx(
        other.transform(["材料重复，Wi-Fi慢", ""]).toarray()[:, order], abs=EXACT
    )


def two_kinds(n: int, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """Texts of two kinds that a few characters tell apart, with noise."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 2, n)
    noise = ["".join(rng.choice(list("天地玄黄宇宙洪荒日月盈昃辰宿列张"), 12)) for _ in range(n)]
    said = [text + ("很好" if good else "不行") if rng.random() < 0.9 else text
            for text, good in zip(noise, kind, strict=True)]  # fmt: skip
    return said, np.where(kind == 1, "positive", "negative")


def test_classifier_learns_and_its_probabilities_sum_to_one() -> None:
    texts, labels = two_kinds(300)
    own = train(texts, labels)
    found = own.probabilities(["天地很好", "日月不行"])
    assert found.sum(axis=1) == pytest.approx(1)
    assert own.predict(["天地很好", "日月不行"]).tolist() == ["positive", "negative"]
    assert own.probabilities([]).shape == (0, 2)
    assert own.predict([""]).shape == (1,)


def test_text_of_one_group_is_never_on_both_sides() -> None:
    rng = np.random.default_rng(0)
    groups, labels = rng.integers(0, 40, 200), rng.choice(["a", "b", "c"], 200)
    for a, b in split(labels, groups, 5, 7):
        assert not set(groups[a]) & set(groups[b])


def test_copies_would_flatter_and_groups_do_not() -> None:
    rng = np.random.default_rng(1)
    letters = [chr(at) for at in range(0x4E00, 0x4E00 + 900)]
    single = ["".join(rng.choice(letters, 12)) for _ in range(150)]
    texts, labels = single * 3, np.tile(rng.choice(["a", "b"], 150), 3)  # nothing can be learnt
    told = {"folds": 5, "repeats": 1, "costs": (10.0,)}
    careless = hold_out(texts, labels, np.arange(450), **told)
    careful = hold_out(texts, labels, grouped(texts, range(450)), **told)
    assert (careless.predicted == labels).mean() > 0.95
    assert (careful.predicted == labels).mean() == pytest.approx(0.5, abs=0.12)


def test_class_too_rare_to_learn_counts_as_not_recognised() -> None:
    texts, labels = two_kinds(100)
    rare = np.where(np.arange(100) < 3, "neutral", labels)
    held = hold_out(texts, rare, np.arange(100), repeats=1, costs=(10.0,))
    found = accuracy(held, draws=99)
    assert held.classes.tolist() == ["negative", "neutral", "positive"]
    row = found.by_class.set_index("label").loc["neutral"]
    assert (row["n"], row["recall"]) == (3, 0)
    with pytest.raises(ParameterError, match=r"two classes of 5 texts or more are needed"):
        train(texts[:4], labels[:4])
    with pytest.raises(ParameterError, match="texts of one group only"):
        hold_out(texts, labels, np.zeros(100))


def test_wilson_by_hand() -> None:
    # p = 0.8, n = 20, z = 1.96: centre (0.8 + 0.0960) / 1.1921 = 0.7517, half 0.1678.
    assert wilson(0.8, 20, 0.95) == pytest.approx((0.5840, 0.9193), abs=PRINTED)
    assert wilson(1.0, 10, 0.95)[0] == pytest.approx(1 / (1 + 1.96**2 / 10), abs=PRINTED)


def test_share_of_like_texts_is_worth_as_many_as_there_are_groups() -> None:
    same = np.repeat([1.0, 0.0, 1.0, 1.0], 25)
    found = share_right(same, np.repeat(range(4), 25), 0.95)
    # variance of four means (0.25 apart): (3 x .0625 + .5625) x 4/3 / 16 = .0625: .1875 / .0625 = 3
    assert (found.value, found.effective) == (0.75, pytest.approx(3))
    alone = share_right(same, np.arange(100), 0.95)
    assert alone.effective == pytest.approx(99)
    assert alone.high - alone.low < found.high - found.low


def held_of(truth: list[str], said: list[str], sure: float) -> HeldOut:
    """Held-out codings with one confidence throughout."""
    classes = np.array(sorted(set(truth) | set(said)))
    hot = (np.array(said)[:, None] == classes).astype(float)
    found = np.where(hot == 1, sure, (1 - sure) / (len(classes) - 1))
    n = len(truth)
    most = np.full((1, n), max(set(truth), key=truth.count))
    return HeldOut(classes, np.array(truth), np.arange(n), found[None], most,
                   np.zeros((1, n), int), np.array([1.0]))  # fmt: skip


def test_accuracy_by_hand() -> None:
    held = held_of(["a"] * 6 + ["b"] * 4, ["a"] * 5 + ["b"] * 2 + ["a"] * 1 + ["b"] * 2, 0.9)
    found = accuracy(held, draws=199)
    # Right: 5 of 6 a, 3 of 4 b; always a: 6 of 10. Balanced (5/6 + 3/4) / 2. Gap |0.8 - 0.9|.
    assert found.right.value == 0.8
    assert found.baseline.value == 0.6
    assert found.balanced.value == pytest.approx((5 / 6 + 3 / 4) / 2)
    assert found.confusion.to_numpy().tolist() == [[5, 1], [1, 3]]
    assert found.by_class["precision"].tolist() == pytest.approx([5 / 6, 3 / 4])
    # Brier: 8 right give 2 x 0.01, 2 wrong 2 x 0.81: (0.16 + 3.24) / 10; shares: 1 - .36 - .16.
    assert (found.brier, found.brier_baseline) == (pytest.approx(0.34), pytest.approx(0.48))
    assert found.right.low < 0.8 < found.right.high


def test_calibration_error_sees_overconfidence_and_passes_right_probabilities() -> None:
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.5, 1, 2000)
    truth = np.where(rng.random(2000) < sure, "a", "b")
    two = np.stack([sure, 1 - sure], axis=1)[None]
    right = HeldOut(np.array(["a", "b"]), truth, np.arange(2000), two, np.full((1, 2000), "a"),
                    np.zeros((1, 2000), int), np.array([1.0]))  # fmt: skip
    good = accuracy(right, draws=99)
    assert good.error.value < good.by_chance
    assert good.calibration["confidence"].is_monotonic_increasing
    bold = replace(right, probabilities=np.where(two > 0.5, 0.5 + two / 2, two / 2))
    poor = accuracy(bold, draws=99)
    assert poor.error.low > poor.by_chance
    # Twice as sure above one half: 0.75 + u/4... the mean gap is E[0.5 + s/2 - s] = 0.125.
    assert poor.error.value == pytest.approx(0.125, abs=0.03)


ONE_WORD = (
    "材料需要重复提交三次，窗口人员也说不清楚到底为什么",
    "材料需要重复提交两次，窗口人员也说不清楚到底为什么",
)


def test_planted_leakage_is_caught(made: Voices) -> None:
    words = made.comments.drop_duplicates(["comment_id", "segment"])["text"].tolist()
    first = repeated(words)["text"].to_numpy()
    single = [text for at, text in enumerate(words) if at not in set(first)]
    train_set, fresh = single[:250], single[250:]
    changes: dict[str, Callable[[str], str]] = {
        "copy": lambda x: x, "signs": lambda x: "　" + x.replace("，", " ! ").replace("。", "…"),
        "width": lambda x: x.replace("，", ","), "word": lambda x: x[:6] + "真的" + x[8:],
    }  # fmt: skip
    long = [text for text in train_set if len(text) >= 20][:100]
    for name, change in changes.items():
        caught = overlap(train_set, [change(text) for text in long])
        assert caught.share == 1, name
        assert [train_set[at] for at in caught.pairs["train"]] == long, name
    assert overlap(train_set, fresh).share < 0.02
    assert overlap(train_set, [long[0].replace("，", "、")]).pairs["kind"].tolist() == ["exact"]


def test_near_duplicates_by_hand() -> None:
    # abcdefgh has 7 pairs, abcdefgx 7; 6 are shared: 6 / 8.
    pairs = similar(["abcdefgh", "ABC-defgx", "zzz"], near=0.7)
    assert pairs[["first", "second", "similarity", "kind"]].to_numpy().tolist() == [
        [0, 1, 0.75, "near"]
    ]
    assert similar(["abcdefgh", "abcdefgx"], near=0.76).empty
    assert similar(["", "！！", ""], near=0.5).empty  # nothing said is no copy
    assert overlap([], ["很好"]).share == 0
    assert overlap(["很好"], []).share == 0
    assert overlap(["好"], ["好！"]).pairs["kind"].tolist() == ["exact"]


texts_drawn = st.lists(st.text(alphabet="甲乙丙丁", max_size=8), max_size=14)


@given(texts_drawn, st.sampled_from([0.4, 0.6, 0.8, 1.0]))
def test_all_pairs_above_the_threshold_are_found(words: list[str], near: float) -> None:
    def pairs_in(text: str) -> set[str]:
        return {text[at : at + 2] for at in range(len(text) - 1)}

    expected = {
        (a, b)
        for b in range(len(words)) for a in range(b)
        if words[a] != words[b] and (pairs_in(words[a]) or pairs_in(words[b]))
        and len(pairs_in(words[a]) & pairs_in(words[b]))
        >= near * len(pairs_in(words[a]) | pairs_in(words[b])) - 1e-9
    }  # fmt: skip
    found = similar(words, near=near).query("kind == 'near'")
    firsts = [words.index(word) for word in words]
    assert {(words[a], words[b]) for a, b in zip(found["first"], found["second"], strict=True)} == {
        (words[min(firsts[a], firsts[b])], words[max(firsts[a], firsts[b])]) for a, b in expected
    }


def test_groups_join_documents_and_their_copies() -> None:
    words = [
        "甲乙丙丁戊己庚辛",
        "子丑寅卯辰巳午未",
        "子丑寅卯辰巳午申",
        "天地玄黄宇宙洪荒",
        "日月盈昃",
    ]
    found = grouped(words, ["a", "a", "b", "c", "d"], near=0.6)
    assert found[0] == found[1] == found[2]
    assert len(set(found)) == 3


LISTS = tomllib.loads((ROOT / "tests" / "golden" / "identities.toml").read_text("utf-8"))


def identities() -> list[tuple[str, str]]:
    """Sentences with what must not be left in them."""
    made = [(form.format(name + title), name)
             for name in LISTS["people"] for title in LISTS["titles"]
             for form in LISTS["with_name"]]  # fmt: skip
    made += [(form.format(name), name) for name in LISTS["people"] for form in LISTS["introduced"]]
    made += [(f"我住{one}，楼道灯坏了", one) for one in LISTS["addresses"]]
    made += [(f"请联系{one}，谢谢", one) for many in LISTS["numbers"].values() for one in many]
    return [*made, ("张某某反映停车难", "张"), ("老李，办事很快", "李"), ("小陈帮忙填了表", "陈")]


def test_identities_are_masked_wherever_they_stand() -> None:
    missed = []
    for sentence, secret in identities():
        shown = de_identified(sentence)
        left = re.sub(r"\D", "", secret) if re.search(r"\d{5}", secret) else secret
        if left in shown or shown == sentence or not found_in(sentence):
            missed.append((sentence, shown))
    assert len(missed) <= 0.01 * len(identities()), missed


def test_surname_alone_goes_too() -> None:
    assert de_identified("找王先生和李晓梅女士反映") == "找某先生和某女士反映"
    assert de_identified("张某某、欧阳老师都在") == "某某、某老师都在"
    assert de_identified("我叫赵建国，电话13912345678") == "我叫某某，电话〔电话〕"
    assert de_identified("住在示例小区3号楼2单元501，停车难") == "〔住址〕，停车难"


def test_what_identifies_nobody_stays() -> None:
    changed = [(one, de_identified(one)) for one in LISTS["harmless"] if de_identified(one) != one]
    assert len(changed) <= 0.03 * len(LISTS["harmless"]), changed


@pytest.fixture(scope="module")
def made() -> Voices:
    return voices(CHOSEN, PARAMS.synthetic.seed, 2024)


@pytest.fixture(scope="module")
def found(made: Voices) -> Any:
    return assess_opinion(made.comments, made.interviews, QUICK)


def cell(**more: Any) -> dict[str, Any]:
    base = {"kind": "comments", "theme": "burden", "polarity": "negative", "channel": "survey",
            "text": "材料偏多，跑了两趟", "quotable": True, "document": "a", "unanimous": True,
            "source_id": "S"}  # fmt: skip
    return base | more


def test_quotations_are_allowed_short_and_never_from_a_forum_in_public() -> None:
    rows = pd.DataFrame([
        cell(channel="forum"), cell(quotable=False), cell(text="材料" * 40), cell(unanimous=False),
        cell(text="材料偏多，王经理不解释", document="b"),
    ])  # fmt: skip
    public = quotations(rows)
    assert public["quotation"].tolist() == ["材料偏多，某经理不解释"]
    assert public[["n", "persons"]].to_numpy().tolist() == [[5, 2]]
    assert quotations(rows, public=False)["channel"].tolist() == ["forum"]  # nearest to the others
    assert quotations(rows.iloc[1:4]).empty


def test_majority_decides_and_the_lead_coder_a_tie() -> None:
    def coding(segment: int, coder: str, theme: str) -> dict[str, Any]:
        return {"comment_id": "C1", "segment": segment, "coder_id": coder, "theme": theme,
                "received_on": "2024-05-08", "channel": "survey", "text": f"第{segment}段",
                "polarity": "neutral", "quotable": "yes", "source_id": "S"}  # fmt: skip

    rows = pd.DataFrame([
        coding(1, "K1", "a"), coding(1, "K2", "b"), coding(2, "K1", "a"), coding(2, "K2", "b"),
        coding(2, "K3", "b"), coding(3, "K2", "a"), coding(3, "K3", "b"), coding(4, "uncoded", ""),
    ])  # fmt: skip
    own = read(rows, pd.DataFrame(), "K1").segments
    assert own["theme"].astype(object).where(own["theme"].notna(), None).tolist() == [
        "a", "b", None, None,
    ]  # fmt: skip
    assert own["coders"].tolist() == [2, 3, 2, 0]
    assert not own["unanimous"].any()


def test_themes_of_few_persons_are_hidden_so_that_nothing_gives_them_away() -> None:
    rows = pd.DataFrame(
        [(theme, sign, persons) for theme, many in
         {"a": (90, 40, 30, 20), "b": (60, 30, 21, 9), "c": (7, 3, 2, 2), "d": (50, 20, 20, 10)}
         .items() for sign, persons in zip(("", "x", "y", "z"), many, strict=True)],
        columns=["theme", "polarity", "persons"],
    )  # fmt: skip
    shown = hidden(rows, 10).set_index(["theme", "polarity"])["shown"]
    # c is too small; alone it would follow from the total, so d, the next smallest, goes with it.
    assert shown[shown].index.tolist() == [
        ("a", ""), ("a", "x"), ("a", "y"), ("a", "z"), ("b", "")
    ]  # fmt: skip


def drawn_read(rng: np.random.Generator, right: float) -> tuple[Read, float]:
    """Segments of documents with a common mood, a classifier, 3 in 10 coded; and the true share."""
    mood = np.repeat(rng.beta(3, 5, 150), 4)
    truth = rng.random(600) < mood
    thought = np.where(rng.random(600) < right, truth, ~truth) * 0.8 + 0.1
    both = np.stack([truth, ~truth], axis=1).astype(float)
    machine = np.stack([thought, 1 - thought], axis=1)
    return Read(rng.random(600) < 0.3, np.repeat(range(150), 4), both, machine), 3 / 8


def test_shares_cover_the_truth_and_machine_coding_makes_them_surer() -> None:
    rng, one, every = np.random.default_rng(8), np.array([True, False]), np.ones(2, bool)
    inside, width = {True: 0, False: 0}, {True: 0.0, False: 0.0}
    for _ in range(400):
        own, true = drawn_read(rng, 0.9)
        for machine in (True, False):
            share = part(own, one, every, level=0.95, machine=machine)
            inside[machine] += share.low <= true <= share.high
            width[machine] += share.high - share.low
    # 400 intervals of 95 %: one sd of the share inside is 1.1 points.
    assert inside[True] / 400 == pytest.approx(0.95, abs=0.033)
    assert inside[False] / 400 == pytest.approx(0.95, abs=0.033)
    assert width[True] < 0.85 * width[False]


def test_useless_classifier_leaves_the_coded_segments_alone() -> None:
    own, _ = drawn_read(np.random.default_rng(2), 0.5)
    constant = Read(own.coded, own.documents, own.truth, np.full_like(own.thought, 0.5))
    one, every = np.array([True, False]), np.ones(2, bool)
    told = {"level": 0.95}
    assert part(constant, one, every, machine=True, **told).value == pytest.approx(
        part(own, one, every, machine=False, **told).value
    )


def test_biased_classifier_is_corrected() -> None:
    own, _ = drawn_read(np.random.default_rng(5), 0.9)
    shifted = Read(own.coded, own.documents, own.truth,
                   np.stack([own.thought[:, 0] * 0.3, 1 - own.thought[:, 0] * 0.3], 1))  # fmt: skip
    one, every = np.array([True, False]), np.ones(2, bool)
    values = [part(x, one, every, level=0.95, machine=True).value for x in (own, shifted)]
    assert values[0] == pytest.approx(values[1], abs=0.02)


def test_nothing_to_tell_is_missing_not_zero() -> None:
    none = Read(np.zeros(3, bool), np.arange(3), np.zeros((3, 2)), np.full((3, 2), 0.5))
    assert np.isnan(
        part(none, np.array([True, False]), np.ones(2, bool), level=0.95, machine=False).value
    )


def test_planted_truth_is_found(found: Any, made: Voices) -> None:
    assert found.usable
    assert found.reasons == ()
    assert len(found.segments) == len(made.truth)
    whole = found.shares[found.shares["polarity"] == ""].set_index("theme")
    true = made.truth["theme"].value_counts(normalize=True)
    inside = (whole["low"] <= true.reindex(whole.index)) & (
        true.reindex(whole.index) <= whole["high"]
    )
    assert inside.sum() >= len(whole) - 1
    # Coders err in 6 and 5 of 100; the observed share of like codings follows: about 0.89 and 0.90.
    own = found.agreement.set_index(["target", "measure"])
    assert own.at[("theme", "nominal"), "observed"] == pytest.approx(0.94**2, abs=0.04)
    assert own.at[("polarity", "ordinal"), "observed"] == pytest.approx(0.95**2, abs=0.04)


def test_planted_copies_are_counted_once(found: Any) -> None:
    sizes = found.leakage.set_index("what")["n"]
    assert sizes["removed"] == sizes["exact"] + sizes["near"]
    assert sizes["used"] == sizes["coded"] - sizes["removed"]
    assert sizes["exact"] >= 0.4 * CHOSEN.copies  # about half of the planted pairs are coded twice
    assert sizes["across"] == 0


@pytest.mark.parametrize(
    ("update", "reason"),
    [({"segments": 5000}, "segments"), ({"doubly": 5000}, "doubly"),
     ({"theme": 0.99}, "theme_accuracy"), ({"agreement": 0.99}, "theme_agreement"),
     ({"calibration": 0.001}, "calibration")],
)  # fmt: skip
def test_one_condition_that_fails_keeps_machine_coding_out(
    made: Voices, update: dict[str, float], reason: str
) -> None:
    rule = QUICK.model_copy(update={"rule": QUICK.rule.model_copy(update=update)})
    few = made.comments[made.comments["comment_id"] < "SYN-CM0130"]
    own = assess_opinion(few, pd.DataFrame(), rule)
    assert not own.usable
    assert reason in own.reasons
    coded = own.segments.dropna(subset=["theme", "polarity"])
    whole = own.shares[own.shares["polarity"] == ""].set_index("theme")["value"]
    expected = coded["theme"].value_counts(normalize=True)
    assert whole.to_numpy() == pytest.approx(expected.reindex(whole.index).to_numpy())


def test_texts_that_nobody_coded_are_told_without_failing(made: Voices) -> None:
    bare = made.comments.assign(coder_id="uncoded", theme=None, polarity=None)
    own = assess_opinion(bare.drop_duplicates(["comment_id", "segment"]), pd.DataFrame(), QUICK)
    assert not own.usable
    assert own.proof == {}
    assert own.shares.empty
    assert own.quotations.empty
    assert set(own.reasons) >= {"segments", "theme_agreement", "theme_accuracy", "calibration"}


def test_order_of_rows_changes_nothing(found: Any, made: Voices) -> None:
    mixed = assess_opinion(
        made.comments.sample(frac=1, random_state=1), made.interviews.iloc[::-1], QUICK
    )
    pd.testing.assert_frame_equal(mixed.shares, found.shares)
    pd.testing.assert_frame_equal(mixed.quotations, found.quotations)
    pd.testing.assert_frame_equal(mixed.agreement, found.agreement)


def test_examples_are_marked_repeatable_and_known(made: Voices) -> None:
    again = voices(CHOSEN, PARAMS.synthetic.seed, 2024)
    assert again.comments.equals(made.comments)
    assert not voices(CHOSEN, 1, 2024).comments.equals(made.comments)
    for frame, prefix in ((made.comments, "SYN-CM"), (made.interviews, "SYN-I")):
        assert frame.iloc[:, 0].str.startswith(prefix).all()
        assert frame["source_id"].str.startswith("SYN-").all()
        assert not frame.duplicated([frame.columns[0], "segment", "coder_id"]).any()
    key = ["document", "segment"]
    both = pd.concat([made.comments.rename(columns={"comment_id": "document"}),
                      made.interviews.rename(columns={"interview_id": "document"})])  # fmt: skip
    own = both[both["coder_id"] == "SYN-K1"].merge(made.truth, on=key, suffixes=("", "_true"))
    # Errors of 6 in 100 towards any of seven themes, one of them right: 6 x 6/7 in 100; sd 1 point.
    assert (own["theme"] != own["theme_true"]).mean() == pytest.approx(0.06 * 6 / 7, abs=0.03)
    assert (own["polarity"] != own["polarity_true"]).mean() == pytest.approx(0.05, abs=0.03)
    named = both.drop_duplicates(key)["text"].map(lambda x: found_in(x)["name"] > 0)
    assert named.mean() == pytest.approx(CHOSEN.named, abs=0.025)
