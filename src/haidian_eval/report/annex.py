"""What a report says first, and what stands behind it: what is absent or faulty, its terms."""

from __future__ import annotations

import pandas as pd

from haidian_eval.claims import Claims
from haidian_eval.params import Params
from haidian_eval.report.exhibit import joined
from haidian_eval.report.layout import lay_out
from haidian_eval.report.leaf import Leaf
from haidian_eval.report.operations import Words
from haidian_eval.report.views import claims, pick
from haidian_eval.tables import told
from haidian_eval.text import Text, read_words

CARD = ("figure", "label", "about")


def engagement(params: Params, text: Text) -> dict[str, object]:
    """Return the words of the engagement in the language of the page."""
    words = {name: getattr(value, text.lang) for name, value in params.engagement}
    return words | {"as_of": str(params.edition.as_of)}


def limits(params: Params, text: Text) -> str:
    """Return the limits of the edition's data, one a line."""
    return "\n".join(f"- {line}" for line in getattr(params.report.limits, text.lang))


def reconciliation(
    rows: pd.DataFrame, units: pd.DataFrame, indicators: pd.DataFrame, text: Text
) -> pd.DataFrame:
    """Return how the districts' values add up to the city's; a capacity where values are absent."""
    missing = rows["verdict"].isin(["incomplete", "open"])
    shown = rows.assign(capacity=rows["capacity"].where(missing))
    return lay_out("tables.reconcile", shown, text, units=units, indicators=indicators)


def defects(rows: pd.DataFrame, text: Text) -> pd.DataFrame:
    """Return the defects in words; of many alike the first ones, and how many there are more."""
    shown = told(rows)
    more = shown["more"].where(shown["more"] > 0).astype("Int64")
    return lay_out("tables.defects", shown.assign(more=more, source_id=""), text)


def glossary(leaves: list[Leaf], text: Text) -> pd.DataFrame:
    """Return what the indicators and the terms of the report mean; terms are the study's own."""
    keys = dict.fromkeys(
        key.rpartition(".")[0] for key in read_words(text.lang) if key.startswith("glossary.")
    )
    rows = [(leaf.name, leaf.definition, leaf.source_id) for leaf in leaves]
    rows += [(text(f"{key}.term"), text(f"{key}.meaning"), "") for key in keys]
    return pd.DataFrame(rows, columns=["term", "meaning", "source_id"])


def cited(*frames: pd.DataFrame) -> pd.DataFrame:
    """Return the sources of several results as one column, for a sentence that speaks of all."""
    return pd.concat([frame[["source_id"]] for frame in frames], ignore_index=True)


def cards(spots: pd.DataFrame, shares: pd.DataFrame, found: Claims, words: Words) -> pd.DataFrame:
    """Return the key figures: the focus unit's latest months, its share, claims by class.

    Of each: figure, label, about (what is to be known of it), source_id.
    """
    own = pick(shares, {"unit_id": words.focus}).dropna(subset="share").sort_values("period")
    said = [("place", words.told(row)) for _, row in spots.iterrows()]
    said += [("share", words.told(row)) for _, row in own.tail(1).iterrows()]
    count: dict[str, object] = {"all": len(found.frame)}
    count |= {"count": len(pick(found.frame, {"class": "differs"}))}
    count |= {"source_id": joined(*found.frame["source_id"])}
    said.append(("claims", claims.finding(found, words.text) | count))
    return pd.DataFrame(
        {part: words.text(f"report.cards.{kind}.{part}", **row) for part in CARD}
        | {"source_id": row["source_id"]}
        for kind, row in said
    )
