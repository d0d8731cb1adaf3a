"""Small cells: none shown, none to be inferred, and nothing hidden without need."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from haidian_eval.errors import ParameterError, TableError
from haidian_eval.satisfaction.hiding import grid_of, room_of, search, too_narrow, with_totals
from haidian_eval.satisfaction.rows import Rates, suppress_rows
from haidian_eval.satisfaction.suppression import TOTAL, audit, protect, round_counts, suppress


def table(rows: list[list[int]], names: str = "ABCDEFGH") -> pd.DataFrame:
    return pd.DataFrame(rows, list(names[: len(rows)]), list("xyzuvw"[: len(rows[0])]))


def whole(frame: pd.DataFrame) -> pd.DataFrame:
    sums = with_totals(frame.to_numpy())
    return pd.DataFrame(sums, [*frame.index, TOTAL], [*frame.columns, TOTAL])


def hidden_in(frame: pd.DataFrame) -> set[str]:
    """Hidden cells as row + column."""
    return {f"{frame.index[i]}{frame.columns[j]}" for i, j in np.argwhere(frame.isna())}


def ranges_of(frame: pd.DataFrame, gone: pd.DataFrame, **options: object) -> dict[str, tuple]:
    found = audit(frame, gone, **options)
    return {f"{own.row}{own.column}": (own.low, own.high) for own in found.itertuples()}


# By hand. B x = 8 is small. One more cell of row B, one of column x and the cell where these meet
# must go; the cheapest three are B z, C x, C z: 22 + 17 + 12 = 51 (with A: 22 + 20 + 10 = 52).
TEXTBOOK = [[20, 50, 10], [8, 19, 22], [17, 32, 12]]


def test_the_cheapest_cycle_through_a_small_cell_is_hidden() -> None:
    actual = suppress(table(TEXTBOOK))
    assert hidden_in(actual) == {"Bx", "Bz", "Cx", "Cz"}
    assert actual.loc["A"].tolist() == [20, 50, 10]
    assert (actual.dtypes == "Int64").all()


def test_a_cell_hidden_on_the_way_is_shown_again_where_others_suffice() -> None:
    # A z 4 first goes with C y 11 (A y 29, C z 18), B x 9 then with B y 14, C x 17. Without C y:
    # A z = t, A y = 33 - t, B y = 10 + t, B x = 13 - t, C x = 13 + t, C z = 22 - t: t = 0 .. 13
    frame = table([[37, 29, 4], [9, 14, 29], [17, 11, 18]])
    actual = suppress(frame)
    assert hidden_in(actual) == {"Ay", "Az", "Bx", "By", "Cx", "Cz"}
    assert ranges_of(frame, actual.isna())["Bx"] == (0, 13)


def test_marks_say_what_is_small_and_what_goes_with_it() -> None:
    found = protect(table(TEXTBOOK))
    assert found.marks.loc["B", "x"] == "primary"
    assert [found.marks.loc[own, "z"] for own in "BC"] == ["secondary", "secondary"]
    assert found.hidden == 4
    assert found.table.loc[TOTAL].tolist() == [45, 101, 44, 190]


def test_audit_gives_the_ranges_worked_out_by_hand() -> None:
    # B x = t: B z = 30 - t, C x = 25 - t, C z = 34 - (30 - t) = 4 + t, none negative: t = 0 .. 25
    gone = table(TEXTBOOK).isin([8, 22, 17, 12])
    expected = {"Bx": (0, 25), "Bz": (5, 30), "Cx": (0, 25), "Cz": (4, 29)}
    assert ranges_of(table(TEXTBOOK), gone) == expected


def test_audit_finds_what_hiding_small_cells_alone_gives_away() -> None:
    gone = table(TEXTBOOK) < 10
    assert ranges_of(table(TEXTBOOK), gone) == {"Bx": (8, 8)}
    # in a row of three one more does not help: the columns tell both
    gone.loc["B", "y"] = True
    assert ranges_of(table(TEXTBOOK), gone) == {"Bx": (8, 8), "By": (19, 19)}


def test_audit_says_where_nothing_limits_a_cell() -> None:
    # nothing but A y = 50 is told; totals are hidden as well
    frame = table([[3, 50]])
    gone = whole(frame) != 50
    gone.loc[TOTAL, "y"] = True
    limits = ranges_of(frame, gone)
    assert limits["Ax"] == (0, np.inf)
    assert limits["A" + TOTAL] == (50, np.inf)
    assert limits[TOTAL + "y"] == (50, 50)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([7, 12, 50], {"A", "B"}),  # the next lowest goes too: 19 between the two
        ([7, 3, 50], {"A", "B"}),  # 10 between the two: each may be 0 to 10
        ([7, 2, 50], {"A", "B", "C"}),  # 9 between the two would say that both are small
        ([10, 11, 50], set()),
        ([9, 10, 50], {"A", "B"}),
        ([0, 12, 50], {"A", "B"}),
    ],
)
def test_one_dimension_by_hand(counts: list[int], expected: set[str]) -> None:
    actual = suppress(table([[n] for n in counts]), totals=None)
    assert {own[0] for own in hidden_in(actual)} == expected
    turned = suppress(table([counts]))
    assert int(turned.isna().sum(axis=1).iloc[0]) == len(expected)


@pytest.mark.parametrize(("threshold", "expected"), [(9, 0), (10, 2), (11, 2), (13, 2)])
def test_a_count_equal_to_the_threshold_is_shown(threshold: int, expected: int) -> None:
    actual = suppress(table([[9], [13], [50]]), threshold)
    assert len(hidden_in(actual)) == expected


def test_a_small_total_goes_with_its_row_and_another_total() -> None:
    # row A sums to 7; with the grand total 117 shown the row total of B or C must go as well
    frame = table([[3, 4], [20, 30], [30, 30]])
    found = protect(frame)
    assert found.marks.loc["A"].tolist() == ["primary"] * 3
    assert found.marks[TOTAL].tolist() == ["primary", "secondary", "", ""]
    assert found.table.loc[TOTAL, TOTAL] == 117


def test_a_small_grand_total_hides_all_and_the_log_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = protect(table([[2, 1], [3, 0]]))
    assert found.table.isna().all(axis=None)
    assert found.hidden == 9
    assert "all 9 cells of a table are hidden" in caplog.text


def test_totals_hidden_outside_the_table_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    suppress(table([[3, 4], [20, 30], [30, 30]]))
    assert "2 totals that the table does not show must be hidden where shown" in caplog.text
    caplog.clear()
    suppress(table(TEXTBOOK))
    assert caplog.text == ""


def test_zeros_are_small_unless_shown() -> None:
    frame = table([[0, 30, 40], [20, 30, 40], [50, 20, 30]])
    assert hidden_in(suppress(frame)) == {"Ax", "Ay", "Bx", "By"}
    assert hidden_in(suppress(frame, zeros="show")) == set()


def test_where_zeros_are_shown_a_hidden_cell_is_known_to_be_none() -> None:
    # 11 between two cells, none of them 0: 1 to 10 each, enough; of 10 the most is 9, so C goes too
    assert len(hidden_in(suppress(table([[2], [9], [40]]), zeros="show"))) == 2
    assert len(hidden_in(suppress(table([[2], [8], [40]]), zeros="show"))) == 3
    frame = table([[2, 0], [9, 30], [40, 60]])
    limits = ranges_of(frame, protect(frame, zeros="show").marks != "", zeros="show")
    assert limits["Ax"] == (1, 10)


def test_structural_zeros_stay_and_protect_nothing() -> None:
    # Ay and By can hold nobody: A and B are protected by C in no other way than through the totals
    frame = table([[5, 0], [30, 0], [40, 60]])
    known = frame == 0
    found = protect(frame, structural=known)
    assert found.table.loc["A", "y"] == 0
    assert found.table.loc["B", "y"] == 0
    limits = audit(frame, (found.marks != ""))
    assert (limits["high"] - limits["low"] >= 9).all()
    with pytest.raises(TableError, match="structural"):
        protect(frame, structural=frame == 30)


def test_totals_within_the_table_are_found_wherever_they_stand() -> None:
    frame = table([[3, 4, 20], [20, 40, 11], [30, 30, 60]])
    full = whole(frame).rename(index={TOTAL: "合计"}, columns={TOTAL: "全区"})
    turned = full.loc[["B", "合计", "A", "C"], ["全区", "z", "x", "y"]]
    actual = suppress(turned, totals=("合计", "全区"))
    expected = protect(frame).table.rename(index={TOTAL: "合计"}, columns={TOTAL: "全区"})
    pd.testing.assert_frame_equal(
        actual.loc[expected.index, expected.columns], expected, check_index_type=False,
        check_column_type=False,
    )  # fmt: skip


def test_without_totals_small_cells_alone_are_hidden() -> None:
    assert hidden_in(suppress(table(TEXTBOOK), margins=False)) == {"Bx"}
    # totals of columns alone: a second cell of the column, none of the row
    columns = whole(table(TEXTBOOK)).drop(columns=TOTAL)
    assert hidden_in(suppress(columns, totals=(TOTAL, None))) == {"Bx", "Cx"}
    rows = whole(table(TEXTBOOK)).drop(index=TOTAL)
    assert hidden_in(suppress(rows, totals=(None, TOTAL))) == {"Bx", "By"}


def test_order_of_rows_and_columns_changes_nothing() -> None:
    ties = table([[5, 20, 20, 20], [20, 20, 20, 20], [20, 20, 20, 20]])
    for frame in (ties, drawn(5, rows=8, columns=6)):
        actual = suppress(frame.iloc[::-1, ::-1]).loc[frame.index, frame.columns]
        pd.testing.assert_frame_equal(actual, suppress(frame))


def test_labels_of_several_levels_are_kept() -> None:
    frame = table(TEXTBOOK)
    frame.index = pd.MultiIndex.from_tuples([("A", 1), ("A", 2), ("B", 1)])
    for options in ({}, {"totals": (("B", 1), None)}, {"margins": False}):
        own = frame if "totals" not in options else frame.assign(x=[1, 16, 17], z=[0, 12, 12], y=32)
        own.loc[("A", 1), "y"] = 0 if "totals" in options else 50
        actual = suppress(own, structural=own == 0, **options)
        assert actual.index.equals(frame.index)
        assert actual.isna().any(axis=None)


def test_an_empty_table_stays_empty() -> None:
    assert suppress(table(TEXTBOOK).iloc[:0]).shape == (0, 3)


# --- 1,000 tables -------------------------------------------------------------------------------


def drawn(seed: int, rows: int | None = None, columns: int | None = None) -> pd.DataFrame:
    """Counts with row and column effects, some of them sparse."""
    random = np.random.default_rng(seed)
    largest = 9 if seed % 8 == 0 else 5
    r, c = rows or random.integers(1, largest), columns or random.integers(1, largest)
    mean = random.choice([2, 10, 40]) * np.outer(random.gamma(2, 0.5, r), random.gamma(2, 0.5, c))
    counts = random.poisson(mean) * (random.random((r, c)) > random.choice([0, 0.4]))
    return pd.DataFrame(counts, [f"r{i}" for i in range(r)], [f"c{i}" for i in range(c)])


@pytest.mark.parametrize("block", range(10))
def test_no_hidden_cell_can_be_recovered(block: int) -> None:
    for seed in range(100 * block, 100 * block + 100):
        zeros = "show" if seed % 3 == 0 else "hide"
        frame = drawn(seed)
        found, full = protect(frame, zeros=zeros), whole(frame)
        shown, counts = found.table.notna().to_numpy(), full.to_numpy()
        small = (counts < 10) & ((counts > 0) | (zeros == "hide"))
        assert not (small & shown).any(), seed
        assert small.any() or shown.all(), seed
        assert (found.table.to_numpy()[shown] == counts[shown]).all(), seed
        limits = audit(frame, found.table.isna(), zeros=zeros)
        at = full.index.get_indexer(limits["row"]), full.columns.get_indexer(limits["column"])
        low, high = limits["low"].to_numpy(), limits["high"].to_numpy()
        assert len(limits) == found.hidden == (~shown).sum(), seed
        assert ((low <= counts[at]) & (counts[at] <= high) & (high - low >= 9)).all(), seed
        assert (high[small[at]] >= 10).all(), seed
        # what is known without any table: nothing, or that none of its hidden cells is empty
        some = with_totals((frame.to_numpy() > 0) & (zeros == "show"))[at]
        assert (low[small[at]] <= some[small[at]]).all(), seed


def test_a_width_asked_for_holds_for_every_hidden_cell() -> None:
    for seed in range(40):
        frame = drawn(seed, rows=5, columns=4)
        limits = audit(frame, protect(frame, width=30).table.isna())
        assert (limits["high"] - limits["low"] >= 30).all(), seed


def solutions(frame: pd.DataFrame, gone: np.ndarray) -> np.ndarray | None:
    """All tables of whole numbers that go with what is shown; None where there are too many."""
    away, counts = gone[:-1, :-1], whole(frame).to_numpy()
    most = counts[-1, -1] + 1
    if gone[-1, -1] or not gone.any() or most ** away.sum() > 200_000:
        return None
    guesses = np.indices((most,) * away.sum()).reshape(away.sum(), most ** away.sum())
    every = np.repeat(frame.to_numpy()[None], guesses.shape[1], axis=0)
    every[:, away] = guesses.T
    every = np.concatenate([every, every.sum(axis=1, keepdims=True)], axis=1)
    every = np.concatenate([every, every.sum(axis=2, keepdims=True)], axis=2)
    return every[((every == counts) | gone).all(axis=(1, 2))]


def test_audit_agrees_with_counting_all_tables() -> None:
    compared = 0
    for seed in range(80):
        random = np.random.default_rng(seed)
        frame = pd.DataFrame(random.integers(0, 4, random.integers(1, 4, 2)))
        marks = protect(frame, 3).marks
        gone = (marks != "").to_numpy() if seed % 2 else random.random(marks.shape) < 0.4
        if (every := solutions(frame, gone)) is None:
            continue
        limits = audit(frame, pd.DataFrame(gone, marks.index, marks.columns))
        np.testing.assert_array_equal(limits["low"], every.min(axis=0)[gone])
        np.testing.assert_array_equal(limits["high"], every.max(axis=0)[gone])
        if seed % 2:
            assert (np.ptp(every, axis=0)[gone] >= 2).all()
            assert (every.max(axis=0)[(marks == "primary").to_numpy()] >= 3).all()
        compared += 1
    assert compared > 30


def test_little_more_is_hidden_than_the_best_choice_would_hide() -> None:
    hidden, best = 0, 0
    for seed in range(12):
        grid = grid_of(np.random.default_rng(seed).integers(4, 40, (2, 3)), 10)
        own = np.argwhere(~grid.primary[:-1, :-1])
        costs = [np.inf]
        for chosen in product([False, True], repeat=len(own)):
            trial = grid.primary.copy()
            trial[tuple(own[list(chosen)].T)] = True
            cells = [tuple(map(int, cell)) for cell in np.argwhere(trial)]
            if all(too_narrow(grid, room_of(grid, trial), cell) is None for cell in cells):
                costs.append(grid.counts[trial].sum())
        if np.isfinite(min(costs)):  # without hiding totals that are large
            found = search(grid)
            assert not (found & ~grid.primary)[-1].any()
            hidden, best = hidden + grid.counts[found].sum(), best + min(costs)
    assert best <= hidden <= 1.05 * best
    assert best > 0


def test_streets_by_industry_are_protected() -> None:
    for mean in (8, 40):
        random = np.random.default_rng(1)
        rates = mean * np.outer(random.gamma(2, 0.5, 29), random.gamma(2, 0.5, 12))
        assert protect(pd.DataFrame(random.poisson(rates))).hidden > 20


def test_a_large_table_ends() -> None:
    random = np.random.default_rng(2)
    frame = pd.DataFrame(random.poisson(20 * random.gamma(1, 1, (200, 12))))
    found = protect(frame)
    assert (found.table.fillna(10) >= 10).all(axis=None)


# --- rows of estimates ----------------------------------------------------------------------------


def estimates(n: list[int], satisfied: list[int] | None = None) -> pd.DataFrame:
    """Rates by street with the district's as the last row."""
    k = satisfied or [own - 12 for own in n]
    frame = pd.DataFrame({"street": [*"ABCDEFGH"[: len(n)], "all"], "n": [*n, sum(n)],
                          "k": [*k, sum(k)], "wave": "2024"})  # fmt: skip
    rate = frame["k"] / frame["n"]
    return frame.assign(estimate=rate, low=rate - 0.1, high=rate + 0.1)


def test_a_hidden_row_keeps_neither_count_nor_anything_to_work_it_out() -> None:
    frame = estimates([7, 12, 50])
    actual = suppress_rows(frame, "street", total="all")
    assert actual["suppressed"].tolist() == ["primary", "secondary", "", ""]
    assert actual.loc[:1, ["n", "k", "estimate", "low", "high"]].isna().all(axis=None)
    assert actual["wave"].notna().all()
    pd.testing.assert_frame_equal(actual.loc[2:, frame.columns], frame.loc[2:], check_dtype=False)
    assert "suppressed" not in frame


def test_values_named_are_blanked_and_no_others() -> None:
    actual = suppress_rows(estimates([7, 12, 50]), "street", values=["estimate"], total="all")
    assert actual["estimate"].isna().tolist() == [True, True, False, False]
    assert actual["low"].notna().all()


def test_rows_of_several_answers_go_together() -> None:
    frame = pd.DataFrame({"street": list("AABBCC"), "level": [0, 1] * 3, "estimate": 0.5,
                          "n": [7, 7, 12, 12, 50, 50]})  # fmt: skip
    actual = suppress_rows(frame, "street", values=["estimate"])
    assert actual["suppressed"].tolist() == ["primary"] * 2 + ["secondary"] * 2 + [""] * 2
    with pytest.raises(TableError, match="1 domains have rows with different counts"):
        suppress_rows(frame.assign(n=[7, 8, 12, 12, 50, 50]), "street")


def test_a_missing_street_is_a_domain() -> None:
    frame = pd.DataFrame({"street": ["A", "B", None], "n": [50, 60, 3], "estimate": 0.5})
    assert suppress_rows(frame, "street")["suppressed"].tolist() == ["secondary", "", "primary"]


def test_two_dimensions_are_hidden_as_their_wide_table() -> None:
    frame = table(TEXTBOOK)
    full = whole(frame).rename_axis("street").reset_index()
    long = full.melt("street", var_name="size", value_name="n")
    actual = suppress_rows(long.sample(frac=1, random_state=3), ["street", "size"], total=TOTAL)
    gone = actual[actual["suppressed"] != ""]
    assert set(gone["street"] + gone["size"]) == {"Bx", "Bz", "Cx", "Cz"}
    assert gone["n"].isna().all()


def test_a_domain_without_a_row_is_known_to_be_empty() -> None:
    # A y 4 goes with C y 50, A x 30, C x 40. (B, y) has no row: nothing of B can help or is small
    counts = {"A": (30, 4, 20), "B": (30, 0, 40), "C": (40, 50, 60)}
    rows = [(s, z, n) for s, own in counts.items() for z, n in zip("xyz", own, strict=True) if n]
    actual = suppress_rows(pd.DataFrame(rows, columns=["street", "size", "n"]), ["street", "size"])
    gone = actual[actual["suppressed"] != ""]
    assert set(gone["street"] + gone["size"]) == {"Ax", "Ay", "Cx", "Cy"}


def test_totals_that_tell_of_people_left_out_are_refused() -> None:
    frame = estimates([7, 12, 50])
    frame.loc[3, "n"] = 72
    with pytest.raises(TableError, match="totals counts 72, its domains 69; add a row for those"):
        suppress_rows(frame, "street", total="all")


# Satisfied and not, by street: A 30 of 33, B 40 of 60, C 30 of 50. The 3 of A are few: its rate
# goes, and with the district's rate shown the rate of C (20 not satisfied) goes before B's (20
# against 40 satisfied: 30 + 20 = 50 is less than 60).
def test_a_rate_with_few_on_one_side_is_blanked_and_a_second_with_it() -> None:
    frame = estimates([33, 60, 50], [30, 40, 30])
    actual = suppress_rows(frame, "street", total="all", rates=Rates("k"))
    assert actual["suppressed"].tolist() == ["rate", "", "rate", ""]
    assert actual["n"].tolist() == [33, 60, 50, 143]
    assert actual["estimate"].isna().tolist() == [True, False, True, False]
    assert actual["k"].isna().tolist() == [True, False, True, False]


def test_counts_that_are_shown_protect_no_rate() -> None:
    # hiding the counts of A 3 of 33 and B 12 of 12 would be cheapest, but they are published
    actual = suppress_rows(
        estimates([33, 12, 1_000], [3, 12, 400]), "street", total="all", rates=Rates("k")
    )
    assert actual["suppressed"].tolist() == ["rate", "", "rate", ""]


def test_large_populations_may_show_few_and_everybody_may_be_hidden() -> None:
    frame = estimates([33, 60, 50], [30, 40, 30]).assign(people=[1_001, 500, 500, 2_001])
    rates = Rates("k", population="people")
    actual = suppress_rows(frame, "street", total="all", rates=rates)
    assert (actual["suppressed"] == "").all()
    assert actual["people"].notna().all()
    all_of_a = estimates([33, 60, 50], [33, 40, 30])
    for zeros, expected in (("show", 0), ("hide", 2)):
        found = suppress_rows(all_of_a, "street", total="all", rates=Rates("k", zeros=zeros))
        assert (found["suppressed"] == "rate").sum() == expected


def test_answers_on_several_levels_are_a_table_of_their_own() -> None:
    rows = [(s, a, n, k) for s, n, own in (("A", 40, (2, 18, 20)), ("B", 60, (20, 20, 20)),
            ("C", 60, (30, 20, 10))) for a, k in zip("xyz", own, strict=True)]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["street", "answer", "n", "k"]).assign(estimate=0.5)
    actual = suppress_rows(frame, "street", rates=Rates("k", level="answer"))
    gone = actual[actual["suppressed"] == "rate"]
    # 2 of A x with one more of its row and two of another: A y 18, with B 20 + 20 or C 30 + 20
    assert set(gone["street"] + gone["answer"]) == {"Ax", "Ay", "Bx", "By"}


@pytest.mark.parametrize("zeros", ["hide", "show"])
def test_no_hidden_rate_can_be_recovered(zeros: str) -> None:
    for seed in range(40):
        random = np.random.default_rng(seed)
        n = random.integers(3, 60, random.integers(2, 9))
        k = random.binomial(n, random.choice([0.5, 0.9]))
        frame = estimates(n.tolist(), k.tolist())
        found = suppress_rows(frame, "street", total="all", rates=Rates("k", zeros=zeros))
        answers = frame.set_index("street")[["k"]].assign(
            rest=frame["n"].to_numpy() - frame["k"].to_numpy()
        )
        answers[TOTAL] = answers.sum(axis=1)
        gone = found.set_index("street")[["k", "k", "n"]].isna().set_axis(answers.columns, axis=1)
        limits = audit(answers, gone, totals=("all", TOTAL))
        for own in limits.itertuples():
            assert own.high - own.low >= 4, (seed, own)
            count = answers.loc[own.row, own.column]
            if 0 < count < 5 or (zeros == "hide" and count == 0):
                assert own.low <= min(count, 1), (seed, own)
                assert own.high >= 5, (seed, own)
        few = limits[(limits["column"] == TOTAL) & (limits["row"] != "all")]
        few = few[few["row"].map(answers[TOTAL]) < 10]
        assert ((few["low"] == 0) & (few["high"] >= 10)).all(), seed
        shown = found["k"].notna().to_numpy()
        sides = answers.loc[shown, ["k", "rest"]]
        assert not ((sides > 0) & (sides < 5)).any(axis=None), seed


# --- rounding -----------------------------------------------------------------------------------


def test_counts_are_rounded_to_the_nearest_multiple() -> None:
    frame = table([[0, 2, 3], [7, 8, 12]]).astype("Int64")
    frame.loc["B", "z"] = pd.NA
    actual = round_counts(frame)
    assert actual.fillna(-1).to_numpy().tolist() == [[0, 0, 5], [5, 10, -1]]
    assert round_counts(table([[4, 5, 14]]), 10).to_numpy().tolist() == [[0, 10, 10]]


def test_random_rounding_is_right_on_average_and_alike_in_any_order() -> None:
    frame = pd.DataFrame(np.full((200, 50), 12))
    actual = round_counts(frame, seed=7)
    assert set(np.unique(actual)) == {10, 15}
    # 12 = 10 + 2: up with probability 0.4, se of the mean 5 sqrt(0.24 / 10000) = 0.0245
    assert abs(actual.to_numpy(dtype=float).mean() - 12) < 4 * 0.0245
    turned = round_counts(frame.iloc[::-1, ::-1], seed=7)
    pd.testing.assert_frame_equal(turned.sort_index().sort_index(axis=1), actual)
    assert not round_counts(frame, seed=8).equals(actual)
    assert round_counts(frame * 5, seed=7).eq(60).all(axis=None)


# --- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda own: own.replace(8, -8), r"row 'B', column 'x': -8 is negative"),
        (lambda own: own.replace(8, 8.5), r"8.5 is no whole number; protect respondents counted"),
        (lambda own: own.replace(8, np.nan), r"column 'x': nan is missing; write 0 for nobody"),
        (lambda own: own.astype("Int64").replace(8, pd.NA), "is missing"),
        (lambda own: own.replace(8, np.inf), "inf is no whole number"),
        (lambda own: own.astype(object).replace(8, "<10"), "holds texts"),
        (lambda own: own.set_axis(["A", "B", "A"]), "two rows are labelled 'A'"),
        (lambda own: own.set_axis(["x", "y", "x"], axis=1), "two columns are labelled 'x'"),
    ],
)  # fmt: skip
def test_what_is_no_table_of_counts_is_refused(change: object, says: str) -> None:
    with pytest.raises(TableError, match=says):
        suppress(change(table(TEXTBOOK)))  # type: ignore[operator]


def test_totals_that_do_not_add_up_are_refused() -> None:
    frame = whole(table(TEXTBOOK))
    frame.loc["B", TOTAL] = 50
    with pytest.raises(
        TableError, match="row 'B', column 'total': the total is 50, its cells sum to 49"
    ):
        suppress(frame, totals=(TOTAL, TOTAL))
    with pytest.raises(ParameterError, match="labelled 'total'; name it in `totals`"):
        suppress(frame)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"threshold": 1}, "threshold = 1; give a whole number of at least 2"),
        ({"threshold": 9.5}, "threshold = 9.5"),
        ({"width": 0}, "width = 0; give a whole number of at least 1"),
        ({"zeros": "shown"}, "did you mean 'show'"),
        ({"totals": ("sum", None)}, "totals: the label 'sum' is not known"),
    ],
)
def test_options_that_are_none_are_refused(options: dict, says: str) -> None:
    with pytest.raises(ParameterError, match=says):
        suppress(table(TEXTBOOK), **options)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"by": "town"}, "the column 'town' is not known"),
        ({"by": "street", "count": "N"}, "the column 'N' is not known"),
        ({"by": "street", "rates": Rates("satisfied")}, "'satisfied' is not known"),
        ({"by": ["street", "wave"], "rates": Rates("k")}, "with `rates` one"),
        ({"by": ["street", "wave", "k"]}, "at most two columns"),
    ],
)
def test_columns_that_rows_lack_are_named(options: dict, says: str) -> None:
    with pytest.raises(ParameterError, match=says):
        suppress_rows(estimates([33, 60]), **options)


def test_numerators_that_cannot_be_are_refused() -> None:
    with pytest.raises(TableError, match="'k' exceeds the count"):
        suppress_rows(estimates([33, 60], [34, 5]), "street", total="all", rates=Rates("k"))
    twice = pd.concat([estimates([33, 60])] * 2)
    with pytest.raises(TableError, match=r"name the column in Rates\.level"):
        suppress_rows(twice, "street", total="all", rates=Rates("k"))
    with pytest.raises(ParameterError, match="base = 0"):
        round_counts(table(TEXTBOOK), 0)
