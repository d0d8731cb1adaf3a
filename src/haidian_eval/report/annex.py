"""What stands behind a report: its sources, what is absent, left out or faulty, its terms."""

from __future__ import annotations

import pandas as pd

from haidian_eval.params import Params
from haidian_eval.report.layout import lay_out
from haidian_eval.report.leaf import Leaf
from haidian_eval.tables import told
from haidian_eval.text import Text, read_words


def engagement(params: Params, text: Text) -> dict[str, object]:
    """Return the words of the engagement in the language of the page."""
    words = {name: getattr(value, text.lang) for name, value in params.engagement}
    return words | {"as_of": str(params.edition.as_of)}


def limits(params: Params, text: Text) -> str:
    """Return the limits of the edition's data, one a line."""
    return "\n".join(f"- {line}" for line in getattr(params.report.limits, text.lang))


def sources(rows: pd.DataFrame, text: Text) -> pd.DataFrame:
    """Return the sources with class, content, publisher and where they were found."""
    return lay_out("tables.sources", rows, text)


def reconciliation(
    rows: pd.DataFrame, units: pd.DataFrame, indicators: pd.DataFrame, text: Text
) -> pd.DataFrame:
    """Return how the districts' values add up to the city's; a capacity where values are absent."""
    missing = rows["verdict"].isin(["incomplete", "open"])
    shown = rows.assign(capacity=rows["capacity"].where(missing))
    return lay_out("tables.reconcile", shown, text, units=units, indicators=indicators)


def left_out(rows: pd.DataFrame, indicators: pd.DataFrame, text: Text) -> pd.DataFrame:
    """Return what does not count in this edition, by name, with the reason."""
    counted = rows.astype({"rows": "int64"})
    return lay_out("tables.left_out", counted, text, indicators=indicators)


def defects(rows: pd.DataFrame, text: Text) -> pd.DataFrame:
    """Return the defects in words; of many alike the first ones, and how many there are more."""
    shown = told(rows)
    more = shown["more"].where(shown["more"] > 0).astype("Int64")
    return lay_out("tables.defects", shown.assign(more=more, source_id=""), text)


def glossary(leaves: list[Leaf], text: Text) -> pd.DataFrame:
    """Return what the indicators and the terms of the report mean; terms are the study's own."""
    keys = [key.split(".")[1] for key in read_words(text.lang) if key.startswith("glossary.")]
    rows = [(leaf.name, leaf.definition, leaf.source_id) for leaf in leaves]
    rows += [
        (text(f"glossary.{term}.term"), text(f"glossary.{term}.meaning"), "")
        for term in dict.fromkeys(keys)
    ]
    return pd.DataFrame(rows, columns=["term", "meaning", "source_id"])
