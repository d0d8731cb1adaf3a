"""The report's first page: one line and one card for what every stage found."""

from __future__ import annotations

from typing import Any

import pandas as pd

from haidian_eval.claims import Claims
from haidian_eval.params import Params
from haidian_eval.report.exhibit import joined
from haidian_eval.report.operations import vintage_words
from haidian_eval.report.views import claims, focus_name, range_words
from haidian_eval.text import Text


def cited(*frames: pd.DataFrame) -> pd.DataFrame:
    """Return the sources of several results as one column, for a sentence that speaks of all."""
    return pd.concat([frame[["source_id"]] for frame in frames], ignore_index=True)


def card(kind: str, words: dict[str, Any], text: Text) -> dict[str, str]:
    """Return one key figure, what it is and what is to be known of it."""
    parts = ("figure", "label", "about")
    shown = {part: text(f"report.cards.{kind}.{part}", **words) for part in parts}
    return shown | {"source_id": words["source_id"]}


def cards(
    spots: pd.DataFrame, shares: pd.DataFrame, found: Claims, units: pd.DataFrame, params: Params,
    text: Text,
) -> pd.DataFrame:  # fmt: skip
    """Return the key figures: the focus unit's latest months, its share, claims by class."""
    rows, focus = [], focus_name(units, params, text)
    for spot in spots.to_dict("records"):
        words = spot | {"name": focus, "rounding": range_words(spot["level_range"], text)}
        rows.append(card("place", words, text))
    own = shares[(shares["unit_id"] == params.report.focus_unit) & shares["share"].notna()]
    for row in own.sort_values("period").tail(1).to_dict("records"):
        words = row | {"name": focus, "vintage": vintage_words(row["vintage"], text)}
        rows.append(card("share", words, text))
    count = {"count": int(found.frame["class"].eq("differs").sum()), "all": len(found.frame)}
    words = {"source_id": joined(*found.frame["source_id"])} | claims.finding(found, text) | count
    rows.append(card("claims", words, text))
    return pd.DataFrame(rows)
