"""What indicators and weights really do, and what a scheme can tell: a reader's tables."""

from __future__ import annotations

import pandas as pd

from haidian_eval.params import Params
from haidian_eval.report.exhibit import show
from haidian_eval.report.layout import lay_out
from haidian_eval.report.operations import Said, Words
from haidian_eval.report.views.boards import cited, middle_unit, node_name
from haidian_eval.report.views.robustness import apart
from haidian_eval.robustness import Sensitivity
from haidian_eval.robustness.board import Board
from haidian_eval.robustness.scenarios import WeightScenario
from haidian_eval.scoring import coherence, evaluation
from haidian_eval.scoring.framework import highest_score
from haidian_eval.scoring.ranking import discrimination
from haidian_eval.scoring.trail import downwards


def alpha(boards: list[Board], words: Words) -> pd.DataFrame:
    """Return the inner consistency of every group of more than one indicator."""
    parts = []
    for board in boards:
        rows = coherence.alpha_by_family(board.scores.nodes, board.framework)
        rows = rows[rows["children"] > 1]
        root, frame = board.framework.root, board.framework
        named = ["　" * (node != root) + node_name(frame, node, words) for node in rows["node_id"]]
        parts.append(rows.assign(node=named, source_id=cited(board)))
    return lay_out("robustness.alpha", pd.concat(parts), words)


def weights(board: Board) -> pd.DataFrame:
    """Return every node below the root: its weight, its influence, its correlations."""
    nodes, framework = board.scores.nodes, board.framework
    found = coherence.influence(nodes, framework)
    found = found[found["kind"] == "parent"].drop(columns="kind")
    related = coherence.parent_correlation(nodes, framework)
    related = related[["node_id", "correlation", "with_index"]]
    return found.merge(related, on="node_id", validate="1:1")


def influence(board: Board, words: Words) -> pd.DataFrame:
    """Return the nodes in the order of the tree with weight and influence in per cent."""
    framework = board.framework
    order = {node: at for at, (node, _) in enumerate(downwards(framework, framework.root))}
    rows = weights(board).sort_values("node_id", key=lambda ids: ids.map(order))
    return rows.assign(
        indicator=[node_name(framework, node, words) for node in rows["node_id"]],
        heads=rows["node_id"].isin(framework.families), source_id=cited(board),
        weight=100 * rows["weight"], influence=100 * rows["influence"],
    )  # fmt: skip


def redundant(boards: list[Board], words: Words) -> pd.DataFrame:
    """Return the pairs of indicators that say nearly the same."""
    parts = []
    for board in boards:
        cells, frame = board.selected.cells, board.framework
        rows = coherence.redundancy(board.scores.normalised, frame, values=cells)
        pairs = {part: [node_name(frame, node, words) for node in rows[part]]
                 for part in ("first", "second")}  # fmt: skip
        same = 100 * rows["same_values"]
        parts.append(rows.assign(**pairs, same_values=same, source_id=cited(board)))
    return lay_out("robustness.redundant", pd.concat(parts), words)


def dominated(board: Board) -> Said:
    """Return how many pairs of units there are of which one is nowhere worse, and as ranked."""
    verdicts = coherence.dominance(board.scores.normalised, board.scores.index)["verdict"]
    return {"pairs": len(verdicts), "reversed": int((verdicts == "reversed").sum())}


def even(boards: list[Board]) -> list[Board]:
    """Return the schemes with dimensions, all of scores that a geometric mean can take."""
    found = []
    for board in boards:
        families = board.framework.families
        scores = board.scores.nodes[families[board.framework.root]]
        if set(scores) <= set(families) and not scores.lt(0).any(axis=None):
            found.append(board)
    return found


def balance(board: Board, words: Words) -> pd.DataFrame:
    """Return by unit its lowest dimension, the spread, and its rank without compensation."""
    rows = coherence.balance(board.scores.nodes, board.framework)
    lowest = [node_name(board.framework, node, words) for node in rows["lowest"].dropna()]
    shown = rows.dropna(subset="lowest").assign(lowest=lowest)
    shown["source_id"] = cited(board, shown.index)
    return lay_out("robustness.balance", shown.rename_axis("unit_id").reset_index(), words)


def steps(board: Board) -> pd.DataFrame:
    """Return what one step of each indicator is worth to each unit."""
    return evaluation.marginal_value(board.selected.cells, board.framework, **board.aside)


def marginal(board: Board, words: Words) -> pd.DataFrame:
    """Return what one step of each indicator is worth to the unit in the middle of the ranks."""
    rows, framework, text = steps(board), board.framework, words.text
    mean = rows.groupby("indicator_id")["points"].mean()
    own = rows[rows["unit_id"] == middle_unit(board)]
    units = [text.unit(framework.nodes.at[node, "unit"]) for node in own["indicator_id"]]
    shown = own.assign(
        node=[node_name(framework, node, words) for node in own["indicator_id"]],
        step=[f"{show(x, 1).replace('-', '−')} {unit}" if pd.notna(x) else "—"
              for x, unit in zip(own["step"], units, strict=True)],
        mean_points=own["indicator_id"].map(mean), source_id=cited(board),
    ).sort_values("points", ascending=False, kind="stable")  # fmt: skip
    return lay_out("robustness.marginal", shown, words)


def judged(board: Board, params: Params) -> pd.DataFrame:
    """Return by indicator what it tells, what to do with it, and whether it can rank.

    One that nearly all meet is not kept as it is, unless it is binding.
    """
    scores, framework = board.scores, board.framework
    rows = evaluation.indicator_advice(scores.normalised, framework, nodes=scores.nodes)
    share = params.scoring.full_marks_share
    found = []
    for leaf in rows["indicator_id"]:
        own, best = scores.normalised[leaf], highest_score(framework, leaf)
        top = best if pd.isna(best) else max(best, own.max())  # points beyond a target count too
        found.append(discrimination(own, full_marks_share=share, full_marks=top))
    marks = pd.Series([own.full_marks for own in found], rows.index)
    rows = rows.assign(full=100 * marks / rows["units"], verdict=[own.reason for own in found])
    weak = rows["reason"].isin(["", "discriminates_little"])
    met = (rows["verdict"] == "full_marks") & weak
    binding = rows["indicator_id"].map(framework.nodes["veto"]) != "no"
    return rows.assign(
        advice=rows["advice"].mask(met & ~binding, "modify").mask(met & binding, "keep"),
        reason=rows["reason"].mask(met, "full_marks").mask(met & binding, "binding"),
    )


def advice(
    boards: list[Board], params: Params, words: Words
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the indicators of the first scheme, and of the others those that should change.

    With the number of all indicators, and of those left out here because they should stay.
    """
    parts, count, kept = [], 0, 0
    for at, board in enumerate(boards):
        rows, frame, text = judged(board, params), board.framework, words.text
        shown = rows if at == 0 else rows[(rows["advice"] != "keep") | (rows["verdict"] != "")]
        count, kept = count + len(rows), kept + len(rows) - len(shown)
        partner = [node_name(frame, one, words) if one else "" for one in shown["partner"]]
        reasons = [text(f"robustness.reasons.{one or 'none'}", partner=other)
                   for one, other in zip(shown["reason"], partner, strict=True)]  # fmt: skip
        named = [node_name(frame, node, words) for node in shown["indicator_id"]]
        parts.append(shown.assign(node=named, advice_reason=reasons, source_id=cited(board),
                                  separated=100 * shown["separated"]))  # fmt: skip
    table = lay_out("robustness.advice", pd.concat(parts), words)
    return table, {"count": count, "kept": kept, "shown": len(table)}


def finding(
    boards: list[Board], params: Params, moved: Sensitivity,
    cases: list[tuple[Board, WeightScenario, Said]], words: Words,
) -> str:  # fmt: skip
    """Return what can and what cannot be concluded, one line each."""
    text, lines = words.text, []
    summary = apart(boards, params.robustness.told_apart, words)
    for board, row in zip(boards, summary.to_dict("records"), strict=True):
        sure = board.uncertainty.grade_share.max(axis=1) >= params.robustness.interval
        wide = (board.uncertainty.rank_high - board.uncertainty.rank_low).max()
        said = row | {"smallest": show(row["smallest"], 1), "wide": f"{wide:.0f}",
                      "close_open": row["close"] - row["close_told"], "unsure": int((~sure).sum()),
                      "interval": params.robustness.interval}  # fmt: skip
        lines.append(text("robustness.can", **said))
        lines.append(text("robustness.cannot", **said))
    most = moved.frame.dropna().nlargest(1, "total")
    for row in most.itertuples():
        factor = text(f"robustness.factors.{row.factor}")
        scheme = node_name(boards[0].framework, boards[0].framework.root, words)
        lines.append(text("robustness.driver", factor=factor, share=row.total, scheme=scheme))
    for _, found, case in cases:
        last = found.frame[found.frame["share"] == max(case["shares"])]["verdict"].value_counts()
        counts = {name: int(last.get(name, 0)) for name in ("gains", "loses", "open")}
        lines.append(
            text("robustness.shifted", now=case["now"], share=max(case["shares"]), **counts)
        )
    return "\n".join(f"- {line}" for line in lines)
