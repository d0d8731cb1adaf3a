"""The report's first page: one line and one card for what every stage found."""

from __future__ import annotations

import pandas as pd

from haidian_eval.claims import Claims
from haidian_eval.params import Params
from haidian_eval.report.exhibit import show
from haidian_eval.report.leaf import joined
from haidian_eval.report.operations import vintage_words
from haidian_eval.report.views import claims, focus_name, range_words
from haidian_eval.text import Text


def cited(*frames: pd.DataFrame) -> pd.DataFrame:
    """Return the sources of several results as one column, for a sentence that speaks of all."""
    return pd.concat([frame[["source_id"]] for frame in frames], ignore_index=True)


def cards(
    spots: pd.DataFrame, shares: pd.DataFrame, found: Claims, units: pd.DataFrame, params: Params,
    text: Text,
) -> pd.DataFrame:  # fmt: skip
    """Return the key figures: the focus unit's latest months, its share, claims by class."""
    focus = focus_name(units, params, text)
    rows = [
        {
            "figure": text("report.cards.place", place=spot["place_of"]),
            "label": text("report.cards.level", name=focus, **spot[["indicator", "period"]]),
            "about": text(
                "report.cards.about", value=spot["figure"],
                rounding=range_words(spot["level_range"], text), **spot[["unit", "saying"]],
            ),
            "source_id": spot["source_id"],
        }
        for _, spot in spots.iterrows()
    ]  # fmt: skip
    own = shares[(shares["unit_id"] == params.report.focus_unit) & shares["share"].notna()]
    for _, row in own.sort_values("period").tail(1).iterrows():
        words = {"name": focus, "year": row["period"]}
        rows.append(
            {
                "figure": f"{show(row['share'], 1)} %",
                "label": text("report.cards.gdp", **words),
                "about": text("report.cards.vintage", vintage=vintage_words(row["vintage"], text)),
                "source_id": row["source_id"],
            }
        )
    differs = found.frame["class"].eq("differs")
    counted = claims.finding(found, text)
    rows.append(
        {
            "figure": text("report.cards.claims", count=int(differs.sum()), all=len(found.frame)),
            "label": text("report.cards.differs"),
            "about": str(counted["classes"]),
            "source_id": joined(*found.frame["source_id"]),
        }
    )
    return pd.DataFrame(rows)
