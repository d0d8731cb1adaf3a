"""What stands behind a report: its sources, what is absent, left out or faulty, its terms."""

from __future__ import annotations

import pandas as pd

from haidian_eval.params import Params
from haidian_eval.report.leaf import Leaf
from haidian_eval.report.views import names
from haidian_eval.text import Text, read_words


def indicator_names(indicators: pd.DataFrame, ids: pd.Series, text: Text) -> list[str]:
    """Return the names of indicators in the language of the page."""
    rows = indicators.drop_duplicates("node_id").set_index("node_id")
    return [text.choose(rows.loc[one], "name") for one in ids]


def engagement(params: Params, text: Text) -> dict[str, object]:
    """Return the words of the engagement in the language of the page."""
    words = {name: getattr(value, text.lang) for name, value in params.engagement}
    return words | {"as_of": str(params.edition.as_of)}


def limits(params: Params, text: Text) -> str:
    """Return the limits of the edition's data, one a line."""
    return "\n".join(f"- {line}" for line in getattr(params.report.limits, text.lang))


def sources(rows: pd.DataFrame, text: Text) -> pd.DataFrame:
    """Return the sources with class, content, publisher and where they were found."""
    records = [row for _, row in rows.iterrows()]
    return pd.DataFrame(
        {
            "id": rows["source_id"],
            "kind": [text(f"kinds.{kind}") for kind in rows["kind"]],
            "title": [text.choose(row, "title") for row in records],
            "publisher": [text.choose(row, "publisher") for row in records],
            "reference": rows["reference"],
            "note": [text.choose(row, "note") for row in records],
            "source_id": rows["source_id"],
        }
    )


def coverage(
    rows: pd.DataFrame, units: pd.DataFrame, indicators: pd.DataFrame, text: Text
) -> pd.DataFrame:
    """Return, per indicator and period, the units with a value and the names of those without."""
    name = names(units, text)
    absent = [text.listing([name[u] for u in ids.split(";") if u]) for ids in rows["absent"]]
    return pd.DataFrame(
        {
            "indicator": indicator_names(indicators, rows["indicator_id"], text),
            "period": [text.period(p) for p in rows["period"]],
            "with_value": rows["units_with_value"],
            "assessed": rows["units_assessed"],
            "absent": [words or text("exhibit.none") for words in absent],
            "source_id": rows["source_id"],
        }
    )


def left_out(rows: pd.DataFrame, indicators: pd.DataFrame, text: Text) -> pd.DataFrame:
    """Return what does not count in this edition, by name, with the reason."""
    return pd.DataFrame(
        {
            "indicator": indicator_names(indicators, rows["indicator_id"], text),
            "period": [text.period(p) for p in rows["period"]],
            "published": [str(day) for day in rows["as_of"]],
            "rows": rows["rows"].astype("int64"),
            "reason": [text(f"reasons.{reason}") for reason in rows["reason"]],
            "source_id": rows["source_id"],
        }
    )


def defects(rows: pd.DataFrame, text: Text) -> pd.DataFrame:
    """Return the defects in words; a defect is a finding of the reading and has no source."""
    return pd.DataFrame(
        {
            "file": rows["file"],
            "row": rows["row"],
            "column": rows["column"],
            "found": rows["found"],
            "rule": [text(f"rules.{rule}") for rule in rows["rule"]],
            "hint": [text(f"hints.{rule}") for rule in rows["rule"]],
            "severity": [text(f"severity.{severity}") for severity in rows["severity"]],
            "source_id": "",
        }
    )


def glossary(leaves: list[Leaf], text: Text) -> pd.DataFrame:
    """Return what the indicators and the terms of the report mean; terms are the study's own."""
    keys = [key.split(".")[1] for key in read_words(text.lang) if key.startswith("glossary.")]
    terms = list(dict.fromkeys(keys))
    return pd.DataFrame(
        {
            "term": [leaf.name for leaf in leaves] + [text(f"glossary.{t}.term") for t in terms],
            "meaning": [leaf.definition for leaf in leaves]
            + [text(f"glossary.{t}.meaning") for t in terms],
            "source_id": [leaf.source_id for leaf in leaves] + [""] * len(terms),
        }
    )
