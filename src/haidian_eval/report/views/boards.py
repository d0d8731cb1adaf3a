"""Schemes scored over their units, as a reader's tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from haidian_eval.params import Params
from haidian_eval.report.exhibit import joined
from haidian_eval.report.layout import lay_out
from haidian_eval.report.leaf import choice_words
from haidian_eval.report.operations import Words
from haidian_eval.report.views import administrative
from haidian_eval.robustness.board import Board
from haidian_eval.robustness.scenarios import shares
from haidian_eval.scoring.framework import Framework
from haidian_eval.scoring.leaf import parse_choice
from haidian_eval.scoring.reasons import reasons
from haidian_eval.scoring.selection import alone
from haidian_eval.scoring.trail import Trail, downwards, explain

MOST = 3  # indicators that a unit's table of lost points names
SMALL = 0.005  # share of the draws below which a grade is not named


def node_name(framework: Framework, node: str, words: Words) -> str:
    """Return the name of a node in the language of the page."""
    return str(words.text.choose(framework.nodes.loc[node], "name"))


def said(board: Board, words: Words) -> dict[str, object]:
    """Return what captions and notes say of a scheme."""
    root, drawn = board.framework.root, board.uncertainty
    ranked = board.scores.rank.notna()
    return {
        "scheme": node_name(board.framework, root, words), "units": int(ranked.sum()),
        "period": words.text.period(board.period), "draws": len(drawn.design),
        "interval": board.choices.interval, "top": board.choices.top,
        "indicators": len(board.framework.leaves),
    }  # fmt: skip


def cited(board: Board, units: pd.Index | None = None) -> pd.Series | str:
    """Return the sources behind the scores of each unit, or behind all of them."""
    scheme = board.framework.nodes.at[board.framework.root, "source_id"]
    rows = board.selected.rows
    if units is None:
        return joined(scheme, *rows["source_id"].unique())
    own = rows.groupby("unit_id")["source_id"].agg(lambda ids: joined(scheme, *ids.unique()))
    return own.reindex(units).fillna(scheme)


def method_words(node: pd.Series, words: Words) -> str:
    """Return in words how a node is scored: the standard of its table, its rule, or its mean."""
    text = words.text
    if isinstance(node["rule"], str) and node["rule"]:
        return text.choose(node, "scoring_standard") or choice_words("rule", node["rule"], text)
    name, numbers = parse_choice(str(node["aggregation"]))
    return text(f"means.{name}") + (f" p = {numbers[0]:g}" if numbers else "")


def scheme(board: Board, words: Words) -> pd.DataFrame:
    """Return the tree of a scheme: nodes with weight, share of the whole, direction and rule."""
    framework = board.framework
    whole, walk = shares(framework), downwards(framework, framework.root)
    rows = []
    for name, depth in walk:
        node = framework.nodes.loc[name]
        leaf = isinstance(node["rule"], str) and bool(node["rule"])
        rows.append({
            "node": "　" * depth + node_name(framework, name, words),
            "weight": node["weight"] if depth else np.nan, "share": 100 * whole.get(name, np.nan),
            "direction": words.text(f"directions.{node['direction']}") if leaf else "—",
            "rule": method_words(node, words),
            "source_id": joined(node["source_id"], framework.nodes.at[framework.root, "source_id"]),
        })  # fmt: skip
    return lay_out("scoring.scheme", pd.DataFrame(rows), words)


def standing(board: Board, bands: pd.DataFrame, words: Words) -> pd.DataFrame:
    """Return the main table: index, rank with its interval, grade and how sure it is."""
    scores, moved, text = board.scores, board.uncertainty, words.text
    units = scores.index.index
    grades = grade_names(bands, board.scheme, words)
    rows = pd.DataFrame({
        "unit_id": units, "index": scores.index, "rank": scores.rank,
        "rank_low": np.floor(moved.rank_low).astype("Int64"),
        "rank_high": np.ceil(moved.rank_high).astype("Int64"),
        "grade": scores.grade.map(grades).fillna(text("grades.none")),
        "grade_share": [share_words(row, grades, words) for _, row in moved.grade_share.iterrows()],
        "top_share": 100 * moved.top_share, "distance_to_next": scores.distance_to_next,
        "coverage": 100 * scores.coverage, "special": board.special,
        "capped_by": [capped_words(cell, board.framework, words) for cell in scores.capped_by],
        "source_id": cited(board, units),
    })  # fmt: skip
    ordered = administrative(rows, words.units, text)
    return lay_out("scoring.standing", ordered, words)


def grade_names(bands: pd.DataFrame, scheme: str, words: Words) -> dict[str, str]:
    """Return grade -> its name in the language of the page."""
    own = bands[bands["scheme_id"] == scheme]
    named = own["grade_en"] if words.text.lang == "en" and "grade_en" in own else own["grade"]
    return dict(zip(own["grade"], named.fillna(own["grade"]), strict=True))


def share_words(row: pd.Series, grades: dict[str, str], words: Words) -> str:
    """Return the grades of a unit over all draws with their shares."""
    shown = row[row >= SMALL]
    said = [words.text("grades.share", grade=grades[at], share=x) for at, x in shown.items()]
    return words.text.listing(said) or "—"


def capped_words(cell: str, framework: Framework, words: Words) -> Any:
    """Return the names of the binding indicators missed; missing where there is none."""
    names = [node_name(framework, node, words) for node in cell.split(";") if node]
    return words.text.listing(names) if names else np.nan


def bars(board: Board, bands: pd.DataFrame, words: Words) -> tuple[pd.DataFrame, dict[str, float]]:
    """Return the rows of the figure of ranks, best first, and where each grade begins."""
    scores, moved = board.scores, board.uncertainty
    grades = grade_names(bands, board.scheme, words)
    rows = pd.DataFrame({
        "unit_id": scores.index.index, "unit_name": scores.index.index.map(words.unit),
        "index": scores.index, "rank": scores.rank, "grade": scores.grade.map(grades),
        "rank_low": moved.rank_low, "rank_high": moved.rank_high,
    })  # fmt: skip
    own = bands[bands["scheme_id"] == board.scheme].sort_values("lower", ascending=False)
    lines = {grades[grade]: lower for grade, lower in zip(own["grade"], own["lower"], strict=True)}
    return rows[rows["rank"].notna()].sort_values("rank", kind="stable", ignore_index=True), lines


def lost(board: Board, words: Words) -> pd.DataFrame:
    """Return where each unit lost most: points of the index by indicator, and the sum closed."""
    scores, framework = board.scores, board.framework
    points = scores.effective_weights * scores.lost[framework.leaves]
    names = {leaf: node_name(framework, leaf, words) for leaf in framework.leaves}
    rows = []
    for unit, own in points.iterrows():
        largest = own[own > 0].nlargest(MOST)
        line = {f"most_{at}": words.text("lost.line", indicator=names[leaf], points=x)
                for at, (leaf, x) in enumerate(largest.items(), 1)}  # fmt: skip
        rest = scores.lost.at[unit, framework.root] - largest.sum()
        rows.append({"unit_id": unit, "lost": scores.lost.at[unit, framework.root], **line,
                     "rest": rest})  # fmt: skip
    table = pd.DataFrame(rows).assign(source_id=list(cited(board, scores.index.index)))
    return lay_out("scoring.lost", administrative(table, words.units, words.text), words)


def trail_nodes(trail: Trail, board: Board, words: Words) -> pd.DataFrame:
    """Return the way of one score from the index to its indicators."""
    nodes, text = board.framework.nodes, words.text
    rows = trail.nodes.assign(
        node=[
            "　" * depth + node_name(board.framework, node, words)
            for node, depth in zip(trail.nodes["node_id"], trail.nodes["depth"], strict=True)
        ],
        method=[method_words(nodes.loc[node], words) for node in trail.nodes["node_id"]],
        share=100 * trail.nodes["share"],
        value=trail.nodes["node_id"].map(trail.cells.set_index("node_id")["value"]),
        asks=trail.nodes["asks"].where(trail.nodes["asks"] != "", text("exhibit.none")),
        source_id=cited(board),
    )
    return lay_out("scoring.trail", rows, words)


def trail_values(trail: Trail, board: Board, words: Words) -> pd.DataFrame:
    """Return the rows of the files behind one score."""
    own, scheme = trail.cells, board.framework.nodes.at[board.framework.root, "source_id"]
    rows = own.assign(
        node=[node_name(board.framework, node, words) for node in own["node_id"]],
        unit=[words.text.unit(unit) if isinstance(unit, str) else "—" for unit in own["unit"]],
        treated=own["filled"].map(lambda x: words.text(f"missing_policies.{x}"), na_action="ignore")
        .fillna(own["repair"].replace("", None)),
        source_id=own["source_id"].fillna(scheme),
    )  # fmt: skip
    return lay_out("scoring.trail_values", rows, words)


def known(
    values: pd.DataFrame, framework: Framework, words: Words
) -> tuple[pd.DataFrame, dict[str, object]]:
    """Return what is known of the focus unit under a scheme, and how much of it that is."""
    rows = alone(values, framework, words.focus)
    seen = rows[rows["value"].notna()]
    scheme = framework.nodes.at[framework.root, "source_id"]
    table = seen.assign(
        node=[node_name(framework, node, words) for node in seen["indicator_id"]],
        unit=[words.text.unit(framework.nodes.at[n, "unit"]) for n in seen["indicator_id"]],
        scheme_source=scheme,
    )
    told = {"scheme": node_name(framework, framework.root, words), "known": len(seen),
            "indicators": len(rows), "unit": words.unit(words.focus)}  # fmt: skip
    return lay_out("scoring.known", table, words), told


def middle_unit(board: Board) -> str:
    """Return the unit in the middle of the ranks, the better one of two."""
    ranked = board.scores.rank.dropna().sort_values(kind="stable").index
    return str(ranked[(len(ranked) - 1) // 2])


def middle_trail(
    board: Board, checksums: Mapping[str, str], words: Words
) -> tuple[Trail, dict[str, object]]:
    """Return the trail of the unit in the middle of the ranks, and what is said of it."""
    unit, framework = middle_unit(board), board.framework
    rows = board.selected.rows
    trail = explain(board.scores, framework, rows, unit, framework.root, checksums=checksums)
    scheme = node_name(framework, framework.root, words)
    return trail, {"unit": words.unit(unit), "scheme": scheme}


def results(found: list[Board]) -> pd.DataFrame:
    """Return one row per scheme and unit with all that its standing says, for later stages."""
    parts = []
    for board in found:
        own, moved = board.scores, board.uncertainty
        frame = pd.DataFrame({
            "scheme_id": board.scheme, "period": board.period, "unit_id": own.index.index,
            "index": own.index, "base_index": own.base_index, "rank": own.rank,
            "group_rank": own.group_rank, "improvement_rank": own.improvement_rank,
            "grade": own.grade, "distance_to_next": own.distance_to_next,
            "capped_by": own.capped_by, "coverage": own.coverage, "rank_low": moved.rank_low,
            "rank_median": moved.rank_median, "rank_high": moved.rank_high,
            "top_share": moved.top_share, "special": board.special,
            "source_id": cited(board, own.index.index),
        })  # fmt: skip
        parts.append(frame.reset_index(drop=True))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["scheme_id"])


def reasons_of(found: list[Board]) -> pd.DataFrame:
    """Return every reason for lost points: scheme_id, unit_id, node_id, reason, points."""
    parts = [reasons(b.scores, b.framework).assign(scheme_id=b.scheme) for b in found]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["scheme_id"])


def absent(found: list[Board], params: Params, words: Words) -> str:
    """Return the names of the schemes that are to be scored and have no value in this edition."""
    wanted = [own.scheme for own in params.scoring.composites]
    missing = [name for name in wanted if name not in {board.scheme for board in found}]
    return words.text.listing([words.indicator(name)["indicator"] for name in missing])
