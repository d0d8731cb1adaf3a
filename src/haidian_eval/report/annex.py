"""What stands behind a report: its sources, what is absent, left out or faulty, its terms."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from haidian_eval.params import Params
from haidian_eval.report.layout import lay_out
from haidian_eval.report.leaf import Leaf, joined
from haidian_eval.report.views import named
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


def coverage(
    rows: pd.DataFrame, indicators: pd.DataFrame, as_of: dt.date, text: Text
) -> pd.DataFrame:
    """Return, per indicator, its periods, its age at the as-of date and how complete they are."""
    records = []
    frequency = indicators.drop_duplicates("node_id", keep="last").set_index("node_id")["frequency"]
    for name, own in rows.groupby("indicator_id", sort=False):
        first, last = own["period"].min(), max(own["period"], key=last_month)
        known = frequency[name]
        span = sorted({int(own["units_with_value"].min()), int(own["units_with_value"].max())})
        records.append(
            {
                "indicator": named(indicators, str(name), text).name,
                "frequency": text(f"frequencies.{known}") if pd.notna(known) else "—",
                "periods_seen": len(own),
                "first_period": text.period(first),
                "last_period": text.period(last),
                "age": months_between(last_month(last), as_of),
                "with_value_range": "–".join(str(count) for count in span),
                "vintages": own["vintage"].str.split(";").explode().nunique(),
                "source_id": joined(*own["source_id"]),
            }
        )
    return pd.DataFrame(records)


def last_month(period: str) -> tuple[int, int]:
    """Return year and last month of a period."""
    year, rest = int(period[:4]), period[4:]
    if rest.startswith("Q"):
        return year, 3 * int(rest[1])
    return year, int(rest[-2:]) if rest else 12


def months_between(month: tuple[int, int], day: dt.date) -> int:
    """Return the whole months from the end of a month to a day."""
    return 12 * (day.year - month[0]) + day.month - month[1]


def reconciliation(
    rows: pd.DataFrame, units: pd.DataFrame, indicators: pd.DataFrame, text: Text
) -> pd.DataFrame:
    """Return how the districts' values add up to the city's; a capacity where values are absent."""
    missing = rows["verdict"].isin(["incomplete", "open"])
    shown = rows.assign(capacity=rows["capacity"].where(missing))
    return lay_out("tables.reconcile", shown, text, units=units, indicators=indicators)


def corrections(rows: pd.DataFrame, text: Text) -> pd.DataFrame:
    """Return the corrections and reading notes in words."""
    records = [row for _, row in rows.iterrows()]
    return pd.DataFrame(
        {
            "what": [f"{row['table']}: {row['key']}" for row in records],
            "found": rows["found"],
            "treatment": [text(f"actions.{action}") for action in rows["action"]],
            "replacement": rows["replacement"].fillna("—"),
            "reading_note": [text.choose(row, "reason") for row in records],
            "source_id": rows["source_id"],
        }
    )


def left_out(rows: pd.DataFrame, indicators: pd.DataFrame, text: Text) -> pd.DataFrame:
    """Return what does not count in this edition, by name, with the reason."""
    counted = rows.astype({"rows": "int64"})
    return lay_out("tables.left_out", counted, text, indicators=indicators)


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
