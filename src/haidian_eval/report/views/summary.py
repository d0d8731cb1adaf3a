"""The report's first page: one line and one card for what every stage found."""

from __future__ import annotations

from typing import Any

import pandas as pd

from haidian_eval.claims import Claims
from haidian_eval.report.exhibit import joined
from haidian_eval.report.operations import Words
from haidian_eval.report.views import claims, environment, pick
from haidian_eval.text import Text


def cited(*frames: pd.DataFrame) -> pd.DataFrame:
    """Return the sources of several results as one column, for a sentence that speaks of all."""
    return pd.concat([frame[["source_id"]] for frame in frames], ignore_index=True)


def card(kind: str, words: dict[str, Any], text: Text) -> dict[str, str]:
    """Return one key figure, what it is and what is to be known of it."""
    parts = ("figure", "label", "about")
    shown = {part: text(f"report.cards.{kind}.{part}", **words) for part in parts}
    return shown | {"source_id": words["source_id"]}


def cards(spots: pd.DataFrame, shares: pd.DataFrame, found: Claims, words: Words) -> pd.DataFrame:
    """Return the key figures: the focus unit's latest months, its share, claims by class."""
    rows = [card("place", row, words.text) for row in environment.spots_told(spots, words)]
    own = pick(shares, {"unit_id": words.focus}).dropna(subset="share").sort_values("period")
    for _, row in own.tail(1).iterrows():
        rows.append(card("share", words.told(row) | {"name": words.focus_name}, words.text))
    count = {"count": len(pick(found.frame, {"class": "differs"})), "all": len(found.frame)}
    cited = {"source_id": joined(*found.frame["source_id"])}
    said = claims.finding(found, words.text) | count | cited
    return pd.DataFrame([*rows, card("claims", said, words.text)])
