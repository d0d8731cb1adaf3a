"""How sure ranks are, and what indicators and weights really do, as a reader's tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from haidian_eval.params import Params, Robustness
from haidian_eval.report.exhibit import joined
from haidian_eval.report.layout import lay_out
from haidian_eval.report.leaf import METHODS, choice_words
from haidian_eval.report.operations import Said, Words, number_range
from haidian_eval.report.views import administrative, names
from haidian_eval.report.views.boards import cited, grade_names, node_name, said, share_words
from haidian_eval.robustness import Sensitivity, remove_one, score_errors, shares, weight_scenario
from haidian_eval.robustness.board import Board
from haidian_eval.robustness.scenarios import WeightScenario, line_of
from haidian_eval.scoring import evaluation
from haidian_eval.scoring.comparison import CAUSES, Comparison

UP_TO = 0.5  # share of one node up to which the page looks for units that change places


def by_scheme(boards: list[Board], make: Callable[[Board], pd.DataFrame]) -> pd.DataFrame:
    """Return what `make` finds for each scheme as one table, to be kept."""
    parts = [make(own).assign(scheme=own.scheme) for own in boards]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["scheme"])


def indices(boards: list[Board], moved: Sensitivity | None) -> pd.DataFrame:
    """Return the sensitivity indices of the first scheme, to be kept; none without a scheme."""
    if moved is None:
        return pd.DataFrame(columns=["scheme"])
    return moved.frame.assign(scheme=boards[0].scheme)


def choices(boards: list[Board], words: Words) -> pd.DataFrame:
    """Return what was varied: one row per choice, and the errors of the values of each scheme."""
    text, own = words.text, boards[0].choices
    between = text("exhibit.between_sources")
    found = {
        kind: between.join(choice_words(kind, one, text) for one in chosen)
        for kind, chosen in zip(METHODS, (own.rules, own.aggregations, own.missing), strict=True)
        if chosen
    }
    if own.winsorised:
        most = text.listing([str(one) for one in own.winsorised])
        found["winsorised"] = text("robustness.winsorised", most=most)
    if own.weights:
        ends = {"low": 1 - own.weights, "high": 1 + own.weights}
        found["weights"] = text("robustness.drawn_weights", **ends)
    rows = [
        {"factor": text(f"robustness.factors.{k}"), "alternatives": v} for k, v in found.items()
    ]
    for board in boards:
        counts = {"sampled": int(board.selected.se.gt(0).sum(axis=None)),
                  "rounded": int(board.selected.half_width.gt(0).sum(axis=None))}  # fmt: skip
        factor = text("robustness.noise_of", **said(board, words))
        rows.append({"factor": factor, "alternatives": text("robustness.noise", **counts)})
    sources = joined(*(cited(board) for board in boards))
    return lay_out("robustness.choices", pd.DataFrame(rows).assign(source_id=sources), words)


def drawn(board: Board, words: Words) -> Said:
    """Return what captions and notes say of a scheme, and how its draws were made."""
    kind = "factorial" if board.uncertainty.full_factorial else "hypercube"
    told = said(board, words)
    return told | {"design": words.text(f"robustness.designs.{kind}", draws=told["draws"])}


def heat_map(board: Board, words: Words) -> pd.DataFrame:
    """Return unit by rank the share of the draws in per cent, the best rank first."""
    moved, ranks = board.uncertainty, board.scores.rank
    count = len(ranks)
    at = [np.bincount(own, minlength=count + 1)[1:] for own in moved.ranks.T]
    table = 100 * pd.DataFrame(at, ranks.index, [f"short@{k}" for k in range(1, count + 1)])
    table = (table / len(moved.ranks)).round(2)
    table.insert(0, "rank", ranks)
    table.insert(0, "unit_name", ranks.index.map(names(words.units, words.text)))
    table["source_id"] = sources_of(board, words)
    return table.dropna(subset="rank").sort_values("rank", kind="stable")


def shaded(shown: pd.DataFrame) -> pd.DataFrame:
    """Return the shares of a heat map alone: unit_name by rank."""
    own = shown.set_index("unit_name").filter(like="short@")
    return own.rename(columns=lambda name: int(name.partition("@")[2]))


def sources_of(board: Board, words: Words) -> pd.Series:
    """Return by unit the sources of its name and of its values."""
    units = board.scores.index.index
    of_unit = words.units.set_index("unit_id")["source_id"].reindex(units)
    pairs = zip(cited(board, units), of_unit, strict=True)
    return pd.Series([joined(*pair) for pair in pairs], units)


def joint(board: Board, one: pd.Series, other: pd.Series, words: Words) -> list[str]:
    """Return the sources of pairs of units."""
    sources = sources_of(board, words)
    return [joined(*pair) for pair in zip(sources[one], sources[other], strict=True)]


def interval_rows(board: Board) -> pd.DataFrame:
    """Return by unit its rank, interval, median and share among the first, and of each grade."""
    names = ("rank_low", "rank_median", "rank_high", "top_share")
    rows = pd.DataFrame({name: getattr(board.uncertainty, name) for name in names})
    rows = rows.join(board.uncertainty.grade_share.add_prefix("share_"))
    return rows.assign(rank=board.scores.rank).rename_axis("unit_id").reset_index()


def intervals(board: Board, bands: pd.DataFrame, words: Words) -> pd.DataFrame:
    """Return the ranks of the units with their intervals, medians and shares."""
    rows, grades = interval_rows(board), grade_names(bands, board.scheme, words)
    shown = rows.assign(
        rank_low=np.floor(rows["rank_low"]).astype("Int64"),
        rank_high=np.ceil(rows["rank_high"]).astype("Int64"), top_share=100 * rows["top_share"],
        grade_share=[share_words(own, grades, words)
                     for _, own in board.uncertainty.grade_share.iterrows()],
        source_id=sources_of(board, words).to_numpy(),
    )  # fmt: skip
    return lay_out("robustness.intervals", shown, words)


def apart(boards: list[Board], level: float, words: Words) -> pd.DataFrame:
    """Return by scheme how many pairs it tells apart, and from which difference on."""
    rows = []
    for board in boards:
        index, ahead = board.scores.index, board.uncertainty.ahead
        found = evaluation.pairs_told_apart(index, ahead=ahead, level=level)
        least = evaluation.smallest_detectable_difference(index, ahead, level=level)
        close = neighbours(found)
        rows.append(said(board, words) | {
            "total": found.total, "number": found.number, "share": 100 * found.share,
            "smallest": least, "close": len(close), "close_told": int(close["told_apart"].sum()),
            "source_id": cited(board),
        })  # fmt: skip
    return pd.DataFrame(rows)


def neighbours(found: evaluation.ToldApart) -> pd.DataFrame:
    """Return the pairs of units next to each other: the first of the pairs of each unit."""
    return found.pairs.drop_duplicates("first")


def pairs(board: Board, level: float, words: Words) -> pd.DataFrame:
    """Return the neighbours in the order of the ranks, and how often the first is ahead."""
    index, ranks, ahead = board.scores.index, board.scores.rank, board.uncertainty.ahead
    rows = neighbours(evaluation.pairs_told_apart(index, ahead=ahead, level=level))
    shown = rows.assign(
        rank_first=rows["first"].map(ranks), rank_second=rows["second"].map(ranks),
        share_ahead=100 * rows["share_ahead"],
        apart=rows["told_apart"].map({True: "yes", False: "no"}),
        source_id=joint(board, rows["first"], rows["second"], words),
    )  # fmt: skip
    return lay_out("robustness.pairs", shown, words)


def factors(found: Sensitivity, board: Board, words: Words) -> pd.DataFrame:
    """Return the sensitivity indices in per cent, the largest total effect first."""
    rows = found.frame.sort_values("total", ascending=False, kind="stable")
    numbers = 100 * rows.drop(columns="factor")
    named = [words.text(f"robustness.factors.{name}") for name in rows["factor"]]
    return numbers.assign(factor=named, source_id=cited(board))


def removed(board: Board, words: Words) -> pd.DataFrame:
    """Return by indicator what its removal does to the ranks, and who moves most."""
    ranks = board.scores.rank.astype("Float64")
    without = remove_one(board.selected.cells, board.framework, **board.aside).astype("Float64")
    name, rows = names(words.units, words.text), []
    for leaf, own in without.items():
        move = (ranks - own).abs()
        units = [unit for unit in move.index[move == move.max()] if move.max() > 0]
        shifts = [words.text("robustness.shift", unit=name[unit], before=int(ranks[unit]),
                             after=int(own[unit])) for unit in units[:2]]  # fmt: skip
        rows.append({
            "node": node_name(board.framework, str(leaf), words), "largest": int(move.max()),
            "mean_move": float(move.mean()), "unmoved": int((move == 0).sum()),
            "who": words.text.listing(shifts) or words.text("exhibit.none"),
        })  # fmt: skip
    table = pd.DataFrame(rows).sort_values("mean_move", ascending=False, kind="stable")
    return lay_out("robustness.removed", table.assign(source_id=cited(board)), words)


def weight_cases(
    boards: list[Board], choice: Robustness, words: Words
) -> Iterator[tuple[Board, WeightScenario, Said]]:
    """Yield the scheme whose weights the scenario shifts, with it, where its means allow it."""
    shift = choice.weight_shift
    for board in boards:
        if shift is None or board.scheme != shift.scheme:
            continue
        frame, node = board.framework, shift.node
        above = [frame.root, *line_of(frame, node)[1:]]
        if set(frame.nodes.loc[above, "aggregation"]) == {"arithmetic"}:
            cells = board.selected.cells
            error = score_errors(cells, board.selected.se, frame, node)
            found = weight_scenario(cells, frame, node, (*shift.shares, UP_TO), se=error,
                                    **board.aside)  # fmt: skip
            steps = words.text.listing([f"{one:.0%}" for one in shift.shares])
            told = {"node": node, "now": float(shares(frame)[node]), "end": UP_TO, "steps": steps}
            told |= drawn(board, words) | {"shares": shift.shares, "error": error}
            yield board, found, told


def scenario(
    board: Board, found: WeightScenario, case: Said, bands: pd.DataFrame, words: Words
) -> pd.DataFrame:
    """Return by unit its rank and grade at each share, what it gains, and whether that is sure."""
    node, grades = case["node"], grade_names(bands, board.scheme, words)
    units = board.scores.index.index
    table = pd.DataFrame({"unit_id": units, "public_score": board.scores.nodes[node].to_numpy(),
                          "_public_se": case["error"].to_numpy(),
                          "source_id": sources_of(board, words).to_numpy()})  # fmt: skip
    more: dict[str, Any] = {}
    for share in case["shares"]:
        own = found.frame[found.frame["share"] == share].set_index("unit_id").reindex(units)
        at, ranks = f"@{share:.0%}", own["rank"].astype(str)
        more[f"rank_grade{at}"] = ranks + own["grade"].map(grades).radd(" ").fillna("")
        if np.isclose(share, case["now"]):
            continue
        if share == max(case["shares"]):
            ends = zip(own["low"], own["high"], strict=True)
            more[f"change_range{at}"] = [number_range(words, *pair, digits=2) for pair in ends]
        more[f"sure{at}"] = [words.text(f"robustness.verdicts.{one}") for one in own["verdict"]]
    cells = {name: list(column) for name, column in more.items()}
    ordered = administrative(table.assign(**cells), words.units, words.text)
    return ordered[["unit_name", "public_score", "_public_se", *more, "source_id"]]


def level_pairs(board: Board, found: WeightScenario, case: Said, words: Words) -> pd.DataFrame:
    """Return the pairs that change places between the present share and `UP_TO`."""
    rows = found.break_even[found.break_even["share"].between(case["now"], UP_TO)]
    ends = found.frame.pivot(index="share", columns="unit_id", values="index")
    part = (rows["share"] - case["now"]) / (UP_TO - case["now"])
    first, last = rows["ahead"].map(board.scores.index), rows["ahead"].map(ends.loc[UP_TO])
    sources = joint(board, rows["ahead"], rows["behind"], words)
    level = first * (1 - part) + last * part
    return rows.assign(share=100 * rows["share"], index=level, source_id=sources)


def level_lines(board: Board, found: WeightScenario, case: Said, words: Words) -> pd.DataFrame:
    """Return the ends of the lines of the units that change places, for the figure."""
    pairs = level_pairs(board, found, case, words)
    ends = found.frame[found.frame["share"] == UP_TO].set_index("unit_id")
    place, name = ends["index"].rank(ascending=False), names(words.units, words.text)
    risen = np.sign((board.scores.index.rank(ascending=False) - place).fillna(0))
    sources, there = sources_of(board, words), {*pairs["ahead"], *pairs["behind"]}
    rows = [
        {"unit_name": name[unit], "share": 100 * share, "index": value,
         "side": {1.0: "up", -1.0: "down"}.get(risen[unit], ""), "source_id": sources[unit]}
        for share, index in ((case["now"], board.scores.index), (UP_TO, ends["index"]))
        for unit, value in index.items() if unit in there
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["unit_name", "share", "index", "side", "source_id"])


def moves(
    found: Comparison, tables: Mapping[str, pd.DataFrame], params: Params, words: Words
) -> tuple[pd.DataFrame, Said]:
    """Return every rank move with its parts, and what the caption says of both runs."""
    pair, text = params.robustness.pair, words.text
    assert pair is not None
    schemes, rows = tables["indicators"], tables["values"]
    schemes = schemes[schemes["scheme_id"].isin([pair.before.scheme, pair.after.scheme])]
    rows = rows[rows["indicator_id"].isin(schemes["node_id"])
                & rows["period"].isin([pair.before.period, pair.after.period])]  # fmt: skip
    sources = rows.groupby("unit_id")["source_id"].agg(lambda ids: joined(*ids))
    parts = found.frame[list(CAUSES)].astype("float64")
    cause = parts.abs().idxmax(axis=1).map(lambda name: text(f"robustness.causes.{name}"))
    heads = schemes[schemes["parent_id"].isna()].set_index("scheme_id")
    frame = found.frame.assign(
        cause=cause.where(found.frame["move"] != 0, "—"),
        source_id=[joined(sources[u], *heads["source_id"]) for u in found.frame["unit_id"]],
    )
    told: Said = {f"{side}_scheme": text.choose(heads.loc[one.scheme], "name") for side, one in
            (("before", pair.before), ("after", pair.after))}  # fmt: skip
    told |= {"before": pair.before.period, "after": pair.after.period,
             "moved": int((frame["move"] != 0).sum()), "units": len(frame),
             "entered": len(found.entered), "left": len(found.left)}  # fmt: skip
    return lay_out("robustness.moves", frame, words), told
