"""Scores as a reader's tables."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from haidian_eval.report.exhibit import joined
from haidian_eval.report.layout import lay_out
from haidian_eval.report.leaf import Leaf, line_words, rounding_words
from haidian_eval.report.views import administrative, names, pick, side_by_side
from haidian_eval.scoring import Alone
from haidian_eval.text import Text


def points(frame: pd.DataFrame, own: list[Leaf], text: Text) -> pd.DataFrame:
    """Return the points of the rules that have points, with the names of their indicators."""
    by_id = {leaf.id: leaf for leaf in own if leaf.rule in ("piecewise", "step")}
    rows = frame[frame["node_id"].isin(by_id)]
    leaves = [by_id[node] for node in rows["node_id"]]
    words = {"indicator": [own.name for own in leaves], "unit": [own.unit for own in leaves]}
    return lay_out("scoring.points", rows.assign(**words), text)


def by_month(alone: Alone, own: list[Leaf]) -> Iterator[tuple[Leaf, Alone]]:
    """Yield each indicator and period with its scores and its verdict alone."""
    for leaf in own:
        verdicts = alone.discrimination[alone.discrimination["indicator_id"] == leaf.id]
        for period in verdicts["period"]:
            keep = {"indicator_id": leaf.id, "period": period}
            yield leaf, Alone(pick(alone.scores, keep), pick(alone.discrimination, keep))


def month(part: Alone, units: pd.DataFrame, leaf: Leaf, text: Text) -> pd.DataFrame:
    """Return one indicator in one month; ranks by score and intervals only where there are any."""
    rule = part.scores["source_id"].where(part.scores["source_id"].isna(), leaf.source_id)
    rows = administrative(part.scores.assign(rule_source=rule), units, text)
    return lay_out("scoring.month", rows, text)


def overview_words(alone: Alone, leaf: Leaf, text: Text) -> dict[str, object]:
    """Return what caption and note say of an indicator; alone: all its periods or one of them."""
    scores = pick(alone.scores, {"indicator_id": leaf.id})
    error = pick(alone.discrimination, {"indicator_id": leaf.id})["rounding"].max(skipna=False)
    rounding = rounding_words(scores, error, text)
    return {"indicator": leaf.name, "unit": leaf.unit, "rounding": rounding}


def month_words(part: Alone, leaf: Leaf, text: Text) -> dict[str, object]:
    """Return what the caption and the note of a month's table say."""
    verdict = part.discrimination.iloc[0]
    said = text(f"verdicts.{verdict['reason'] or 'ranked'}")
    words = {"period": text.period(verdict["period"]), "verdict": said}
    return overview_words(part, leaf, text) | words


def scored(alone: Alone, own: list[Leaf]) -> list[Leaf]:
    """Return the indicators that have a value in any period."""
    there = set(alone.discrimination["indicator_id"])
    return [leaf for leaf in own if leaf.id in there]


def levels(alone: Alone, leaf: Leaf, units: pd.DataFrame, text: Text) -> pd.DataFrame:
    """Return the values of one indicator in all periods for the figure of levels."""
    own = pick(alone.scores, {"indicator_id": leaf.id})
    return lay_out("scoring.levels", administrative(own, units, text), text)


def level_words(shown: pd.DataFrame, leaf: Leaf, text: Text) -> dict[str, object]:
    """Return what the caption and the description of the figure of levels say."""
    line = line_words(leaf, text)
    periods = text.listing([text.period(period) for period in sorted(set(shown["period"]))])
    return {"indicator": leaf.name, "unit": leaf.unit, "line": line, "periods": periods}


def overview(alone: Alone, leaf: Leaf, units: pd.DataFrame, text: Text) -> pd.DataFrame:
    """Return one row per unit with value and score of each period side by side."""
    scores = pick(alone.scores, {"indicator_id": leaf.id})
    cited = [joined(ids, leaf.source_id) for ids in scores["source_id"]]
    columns = {"value": "value", "score": "score"}
    return side_by_side(scores.assign(source_id=cited), units, text, columns)


def finding(part: Alone, units: pd.DataFrame, share: float, text: Text) -> str:
    """Return the sentence that says what one indicator's month can and cannot tell."""
    verdict, scores = part.discrimination.iloc[0], part.scores
    lowest = scores.loc[scores["score"] == scores["score"].min(), "unit_id"].map(names(units, text))
    words = {"period": text.period(verdict["period"]), "lowest_unit": text.listing(list(lowest))}
    key = f"findings.{verdict['reason'] or 'ranked'}"
    return text(key, **(verdict.to_dict() | words | {"share": share}))


def findings(alone: Alone, own: list[Leaf], units: pd.DataFrame, share: float, text: Text) -> str:
    """Return one sentence per indicator and month, as a list."""
    parts, there = by_month(alone, own), scored(alone, own)
    said = [(leaf.name, finding(part, units, share, text)) for leaf, part in parts]
    said += [(leaf.name, text("findings.none")) for leaf in own if leaf not in there]
    lines = [text("findings.line", indicator=name, finding=words) for name, words in said]
    return "\n".join(f"- {line}" for line in lines)


def discrimination(alone: Alone, own: list[Leaf], text: Text) -> pd.DataFrame:
    """Return, per indicator and month, how many units have full marks and whether it can rank."""
    rows = []
    for leaf, part in by_month(alone, own):
        cited = joined(*part.scores["source_id"], leaf.source_id)
        words = {"indicator": leaf.name, "source_id": cited}
        rows.append(part.discrimination.iloc[0].to_dict() | words)
    return lay_out("scoring.discrimination", pd.DataFrame(rows), text)
