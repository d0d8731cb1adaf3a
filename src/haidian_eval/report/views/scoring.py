"""Scores as a reader's tables."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from haidian_eval.report.leaf import Leaf, joined, line_words, rounding_words
from haidian_eval.report.views import administrative, names, pick, rank_range
from haidian_eval.scoring import Alone
from haidian_eval.text import Text


def points(frame: pd.DataFrame, own: list[Leaf], text: Text) -> pd.DataFrame:
    """Return the points of the rules that have points, with the names of their indicators."""
    by_id = {leaf.id: leaf for leaf in own if leaf.rule in ("piecewise", "step")}
    rows = frame[frame["node_id"].isin(by_id)]
    return pd.DataFrame(
        {
            "indicator": [by_id[node].name for node in rows["node_id"]],
            "unit": [by_id[node].unit for node in rows["node_id"]],
            "at": rows["at"],
            "points": rows["score"],
            "source_id": rows["source_id"],
        }
    )


def by_month(alone: Alone, own: list[Leaf]) -> Iterator[tuple[Leaf, str, Alone]]:
    """Yield each indicator and period with its scores and its verdict alone."""
    for leaf in own:
        verdicts = alone.discrimination[alone.discrimination["indicator_id"] == leaf.id]
        for period in verdicts["period"]:
            keep = {"indicator_id": leaf.id, "period": period}
            yield leaf, period, Alone(pick(alone.scores, keep), pick(alone.discrimination, keep))


def month(part: Alone, units: pd.DataFrame, leaf: Leaf, text: Text) -> pd.DataFrame:
    """Return one indicator in one month; ranks by score and intervals only where there are any."""
    rows = administrative(part.scores, units, text)
    ranges = [rank_range(*pair) for pair in zip(rows["rank_best"], rows["rank_worst"], strict=True)]
    cited = [cite(*pair, leaf) for pair in zip(rows["source_id"], rows["unit_source"], strict=True)]
    columns = ["unit_name", "group", "value", "score", "score_rank", "level_rank"]
    table = rows[columns].assign(level_range=ranges, source_id=cited)
    empty = [name for name in ("score_rank", "level_range") if table[name].isna().all()]
    return table.drop(columns=empty)


def cite(source: object, unit_source: object, leaf: Leaf) -> str:
    """Return the sources of a row: of its value and score, where it has them, and of its unit."""
    rule = leaf.source_id if isinstance(source, str) else ""
    return joined(source, unit_source, rule)


def month_words(part: Alone, leaf: Leaf, text: Text) -> dict[str, object]:
    """Return what the caption and the note of a month's table say."""
    verdict = part.discrimination.iloc[0]
    return {
        "indicator": leaf.name,
        "unit": leaf.unit,
        "period": text.period(verdict["period"]),
        "verdict": text(f"verdicts.{verdict['reason'] or 'ranked'}"),
        "rounding": rounding_words(part.scores, verdict["rounding"], text),
    }


def overview_words(alone: Alone, leaf: Leaf, text: Text) -> dict[str, object]:
    """Return what the caption and the note of the overview say."""
    scores = pick(alone.scores, {"indicator_id": leaf.id})
    error = pick(alone.discrimination, {"indicator_id": leaf.id})["rounding"].max(skipna=False)
    rounding = rounding_words(scores, error, text)
    return {"indicator": leaf.name, "unit": leaf.unit, "rounding": rounding}


def scored(alone: Alone, own: list[Leaf]) -> list[Leaf]:
    """Return the indicators that have a value in any period."""
    there = set(alone.discrimination["indicator_id"])
    return [leaf for leaf in own if leaf.id in there]


def levels(alone: Alone, leaf: Leaf, units: pd.DataFrame, text: Text) -> pd.DataFrame:
    """Return unit_name, group, period, value of one indicator for the figure of levels."""
    rows = administrative(pick(alone.scores, {"indicator_id": leaf.id}), units, text)
    cited = [joined(*pair) for pair in zip(rows["source_id"], rows["unit_source"], strict=True)]
    return rows[["unit_name", "group", "period", "value"]].assign(source_id=cited)


def level_words(shown: pd.DataFrame, leaf: Leaf, text: Text) -> dict[str, object]:
    """Return what the caption and the description of the figure of levels say."""
    line = line_words(leaf, text)
    periods = text.listing([text.period(period) for period in sorted(set(shown["period"]))])
    return {"indicator": leaf.name, "unit": leaf.unit, "line": line, "periods": periods}


def overview(alone: Alone, leaf: Leaf, units: pd.DataFrame, text: Text) -> pd.DataFrame:
    """Return one row per unit with value and score of each period side by side."""
    scores = pick(alone.scores, {"indicator_id": leaf.id})
    table = administrative(scores.drop_duplicates("unit_id"), units, text)
    table = table.set_index("unit_id")
    units_cited = table["unit_source"]
    table = table[["unit_name", "group"]]
    for period, rows in scores.groupby("period"):
        own = rows.set_index("unit_id")[["value", "score"]].add_suffix(f"@{period}")
        table = table.join(own)
    cited = scores.groupby("unit_id")["source_id"].agg(lambda ids: joined(*ids, leaf.source_id))
    both = [joined(*pair) for pair in zip(cited.reindex(table.index), units_cited, strict=True)]
    return table.assign(source_id=both).reset_index(drop=True)


def finding(part: Alone, units: pd.DataFrame, share: float, text: Text) -> str:
    """Return the sentence that says what one indicator's month can and cannot tell."""
    verdict, scores = part.discrimination.iloc[0], part.scores
    lowest = scores.loc[scores["score"] == scores["score"].min(), "unit_id"].map(names(units, text))
    values = verdict.to_dict() | {
        "period": text.period(verdict["period"]),
        "share": share,
        "lowest_unit": text.listing(list(lowest)),
    }
    return text(f"findings.{verdict['reason'] or 'ranked'}", **values)


def findings(alone: Alone, own: list[Leaf], units: pd.DataFrame, share: float, text: Text) -> str:
    """Return one sentence per indicator and month, as a list."""
    lines = [
        text("findings.line", indicator=leaf.name, finding=finding(part, units, share, text))
        for leaf, _, part in by_month(alone, own)
    ]
    silent = [leaf for leaf in own if leaf not in scored(alone, own)]
    lines += [
        text("findings.line", indicator=leaf.name, finding=text("findings.none")) for leaf in silent
    ]
    return "\n".join(f"- {line}" for line in lines)


def discrimination(alone: Alone, own: list[Leaf], text: Text) -> pd.DataFrame:
    """Return, per indicator and month, how many units have full marks and whether it can rank."""
    rows = []
    for leaf, period, part in by_month(alone, own):
        verdict = part.discrimination.iloc[0]
        numbers = verdict[["units", "full_marks", "distinct", "lowest"]].to_dict()
        words = text(f"verdicts.{verdict['reason'] or 'ranked'}")
        cited = joined(*part.scores["source_id"], leaf.source_id)
        lead = {"indicator": leaf.name, "period": text.period(period)}
        rows.append(lead | numbers | {"verdict": words, "source_id": cited})
    return pd.DataFrame(rows)
