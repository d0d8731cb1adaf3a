"""Claims, their classes and the cells that decided, as a reader's tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from haidian_eval.claims import CLASSES, PART_OF_YEAR, YEAR, Claims, class_of, weakest
from haidian_eval.report.exhibit import decimals, exact
from haidian_eval.report.leaf import joined
from haidian_eval.report.views import named, names, vintage_words
from haidian_eval.text import Text

OF_RULES = ("rule", "document", "launch")  # cells of the table of rules


def claims(found: Claims, text: Text) -> pd.DataFrame:
    """Return every claim with its place, its class and the reason."""
    rows = found.frame
    records = [row for _, row in rows.iterrows()]
    cells = found.cells.groupby("claim_id")["source_id"].agg(lambda ids: joined(*ids))
    statement = "quote" if text.lang == "zh" else "statement_en"
    return pd.DataFrame(
        {
            "claim": rows["claim_id"],
            "statement": rows[statement],
            "place": [text(f"where.{place}") for place in rows["place"]],
            "class": [text(f"classes.{name}") for name in rows["class"]],
            "note": [text.choose(row, "note") for row in records],
            "source_id": [joined(row["source_id"], cells.get(row["claim_id"])) for row in records],
        }
    )


def counts(found: Claims, text: Text) -> pd.DataFrame:
    """Return how many claims fall into each class."""
    size = found.frame["class"].value_counts()
    listed = {name: found.frame.loc[found.frame["class"] == name, "claim_id"] for name in CLASSES}
    return pd.DataFrame(
        {
            "class": [text(f"classes.{name}") for name in CLASSES],
            "meaning": [text(f"class_meanings.{name}") for name in CLASSES],
            "claims": [int(size.get(name, 0)) for name in CLASSES],
            "which": [text.listing(list(listed[name])) or text("exhibit.none") for name in CLASSES],
            "source_id": joined(*found.frame["source_id"]),
        }
    )


def cells(
    found: Claims, units: pd.DataFrame, indicators: pd.DataFrame, rules: pd.DataFrame, text: Text
) -> pd.DataFrame:
    """Return the cells that decided, each with the row of the file in which it stands."""
    rows, name = found.cells, names(units, text)
    rule = rules.set_index("rule_id")
    records = [row for _, row in rows.iterrows()]
    return pd.DataFrame(
        {
            "claim": rows["claim_id"],
            "item": [item(row, name, indicators, rule, text) for row in records],
            "period": [text.period(p) if isinstance(p, str) else "—" for p in rows["period"]],
            "vintage": [vintage_words(vintage, text) for vintage in rows["vintage"]],
            "figure": [figure(row) for row in records],
            "against": [against(row) for row in records],
            "outcome": [text(f"outcomes.{one}") for one in rows["outcome"]],
            "remark": [remark(row, name, rule, text) for row in records],
            "place_in_file": [place(row, text) for row in records],
            "source_id": rows["source_id"].fillna(""),
        }
    )


def figure(row: pd.Series) -> str:
    """Return the number of a cell: a printed one as printed, a computed share to two decimals."""
    if row["what"] == "share" and pd.notna(row["value"]):
        return f"{row['value']:.2f}"
    return exact(row["value"])


def item(
    row: pd.Series, name: pd.Series, indicators: pd.DataFrame, rule: pd.DataFrame, text: Text
) -> str:
    """Return what a cell is: an indicator of a unit, or what a rule states."""
    if row["what"] in OF_RULES:
        words = text.choose(rule.loc[row["indicator_id"]], "name")
        return text("claims.item_rule", id=row["indicator_id"], name=words)
    unit = name.get(row["unit_id"], "")
    if pd.isna(row["indicator_id"]):
        return text("claims.item_year", unit=unit)
    own = named(indicators, row["indicator_id"], text)
    key = "claims.item_share" if row["what"] == "share" else "claims.item_value"
    return text(key, unit=unit, name=own.name, measure=own.unit)


def against(row: pd.Series) -> str:
    """Return what a cell is compared with: a number, or for a launch the latest day."""
    return str(row["note"]) if row["what"] == "launch" else exact(row["limit"])


def remark(row: pd.Series, name: pd.Series, rule: pd.DataFrame, text: Text) -> str:
    """Return what a cell does not cover, the unit of a rule's number, or what a document says."""
    if row["what"] in ("document", "launch"):
        return text.choose(rule.loc[row["indicator_id"]], "rule")
    if not isinstance(row["note"], str) or not row["note"]:
        return "—"
    words = []
    for part in row["note"].split(";"):
        if part == PART_OF_YEAR:
            words.append(text("claims.part_year"))
        elif part.startswith("without:"):
            gone = [str(name[unit]) for unit in part.removeprefix("without:").split(",")]
            words.append(text("claims.without", units=text.listing(gone)))
        else:
            words.append(text.unit(part))
    return text.listing(words)


def place(row: pd.Series, text: Text) -> str:
    """Return file and row of a cell."""
    if not isinstance(row["file"], str):
        return "—"
    return text("claims.file_row", file=row["file"], row=int(row["row"]))


def years(
    rows: pd.DataFrame, asked: Mapping[str, Any], tables: Mapping[str, pd.DataFrame], text: Text
) -> pd.DataFrame:
    """Return the place among the rivals year by year, each year of the claim with its own class."""
    name = names(tables["units"], text)
    standing = tables["sources"].set_index("source_id")["standing"]
    table = []
    for row in rows.itertuples():
        gone = text.listing([str(name[unit]) for unit in row.absent.split(";") if unit])
        table.append(
            {
                "period": text.period(row.period),
                "value": row.value,
                "best_other": row.best,
                "place_of": f"{row.place} / {row.among}",
                "outcome": text(f"outcomes.{row.outcome}"),
                "absent": gone or text("exhibit.none"),
                "class": year_class(row, asked, weakest(row.source_id, standing), gone, text),
                "source_id": row.source_id,
            }
        )
    return pd.DataFrame(table)


def year_class(row: Any, asked: Mapping[str, Any], standing: str, gone: str, text: Text) -> str:
    """Return the class of one year: a part of a year settles nothing, others are not claimed."""
    if not asked["first"] <= int(row.period[:YEAR]) <= asked["last"]:
        return text("claims.not_claimed")
    whole = len(row.period) == YEAR
    cell = pd.DataFrame({"outcome": [row.outcome], "standing": [standing]})
    name = class_of("fact", row.outcome != "not_first" if whole else None, cell)
    words = text(f"classes.{name}") + ("" if whole else text("claims.part_only"))
    return words + (text("claims.without_some", units=gone) if gone and whole else "")


def months(rows: pd.DataFrame, indicators: pd.DataFrame, text: Text) -> pd.DataFrame:
    """Return every single month for the figure of first places."""
    return pd.DataFrame(
        {
            "period": rows["period"],
            "indicator": series_names(rows, indicators, text),
            "value": rows["value"],
            "best_other": rows["best"],
            "place_of": [f"{a} / {b}" for a, b in zip(rows["place"], rows["among"], strict=True)],
            "outcome": [text(f"outcomes.{one}") for one in rows["outcome"]],
            "streak": rows["streak"],
            "source_id": rows["source_id"],
        }
    )


def series_names(rows: pd.DataFrame, indicators: pd.DataFrame, text: Text) -> list[str]:
    """Return the name of the series that each month belongs to: its indicator and data set."""
    pairs = zip(rows["indicator_id"], rows["vintage"], strict=True)
    return [
        text("claims.series", indicator=named(indicators, name, text).name,
             vintage=vintage_words(vintage, text))
        for name, vintage in pairs
    ]  # fmt: skip


def month_words(rows: pd.DataFrame, indicators: pd.DataFrame, text: Text) -> str:
    """Return, one line per series, how often the unit was first, tied or not first."""
    lines = []
    for name, own in rows.groupby(series_names(rows, indicators, text), sort=False):
        count = own["outcome"].value_counts()
        not_first = [text.period(p) for p in own.loc[own["outcome"] == "not_first", "period"]]
        words = {
            "indicator": str(name),
            "months": len(own),
            "first": int(count.get("first", 0)),
            "tied": int(count.get("tied", 0)),
            "not_first": int(count.get("not_first", 0)),
            "streak": int(own["streak"].max()),
            "from_period": text.period(own["period"].min()),
            "to_period": text.period(own["period"].max()),
        }
        line = text("claims.series_line", **words)
        if len(not_first) <= 6:
            line += text("claims.series_not_first", periods=text.listing(not_first))
        lines.append(f"- {line}")
    return "\n".join(lines)


def finding(found: Claims, text: Text) -> dict[str, object]:
    """Return how many claims there are and how many fall into each class."""
    size = found.frame["class"].value_counts()
    listed = [
        text("claims.class_count", name=text(f"classes.{name}"), count=int(size.get(name, 0)))
        for name in CLASSES
    ]
    return {"count": len(found.frame), "classes": text.listing(listed)}


def finding_line(found: Claims, text: Text) -> str:
    """Return the finding as a line of a list."""
    words = text("claims.finding.text", **finding(found, text))
    return f"- {text('claims.title')}{text('claims.colon')}{words}"


def digits(shown: pd.DataFrame) -> dict[str, int]:
    """Return the decimals of the columns of measured values."""
    own = [name for name in shown if name in ("value", "best_other")]
    return dict.fromkeys(own, max((decimals(shown[name]) for name in own), default=0))
