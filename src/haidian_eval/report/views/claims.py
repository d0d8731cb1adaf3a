"""Claims, their classes and the cells that decided, as a reader's tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from haidian_eval.claims import (
    CLASSES,
    PART_OF_YEAR,
    Claims,
    FirstEveryYear,
    class_of,
    is_whole_year,
    weakest,
)
from haidian_eval.report.exhibit import exact
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


def cells(found: Claims, units: pd.DataFrame, indicators: pd.DataFrame, text: Text) -> pd.DataFrame:
    """Return the values that decided, each with the row of the file in which it stands."""
    rows, name = found.cells[~found.cells["what"].isin(OF_RULES)], names(units, text)
    records = [row for _, row in rows.iterrows()]
    return pd.DataFrame(
        {
            "claim": rows["claim_id"],
            "item": [item(row, name, indicators, text) for row in records],
            "period": [text.period(row["period"]) for row in records],
            "vintage": [vintage_words(vintage, text) for vintage in rows["vintage"]],
            "figure": [figure(row) for row in records],
            "against": [exact(value) for value in rows["limit"]],
            "outcome": [text(f"outcomes.{one}") for one in rows["outcome"]],
            "remark": [remark(row["note"], name, text) for row in records],
            "place_in_file": [place(row, text) for row in records],
            "source_id": rows["source_id"].fillna(""),
        }
    )


def documents(found: Claims, rules: pd.DataFrame, text: Text) -> pd.DataFrame:
    """Return the rules that decided, what each says, and the row in which it stands."""
    rows = found.cells[found.cells["what"].isin(OF_RULES)]
    rule = rules.set_index("rule_id")
    said = [rule.loc[name] for name in rows["indicator_id"]]
    records = [row for _, row in rows.iterrows()]
    return pd.DataFrame(
        {
            "claim": rows["claim_id"],
            "item": [
                text("claims.item_rule", id=row["indicator_id"], name=text.choose(own, "name"))
                for row, own in zip(records, said, strict=True)
            ],
            "states": [text.choose(own, "rule") for own in said],
            "found_there": [stated(row, text) for row in records],
            "against": [asked_for(row, text) for row in records],
            "outcome": [text(f"outcomes.{one}") for one in rows["outcome"]],
            "place_in_file": [place(row, text) for row in records],
            "source_id": rows["source_id"].fillna(""),
        }
    )


def stated(row: pd.Series, text: Text) -> str:
    """Return the number or the day that a rule states and that is compared."""
    if row["what"] == "launch":
        return str(row["period"]) if isinstance(row["period"], str) else "—"
    return f"{exact(row['value'])} {text.unit(row['note'])}" if row["what"] == "rule" else "—"


def asked_for(row: pd.Series, text: Text) -> str:
    """Return what the claim asks of a rule."""
    if row["what"] == "launch":
        return text("claims.not_later", day=row["note"])
    return exact(row["limit"]) if row["what"] == "rule" else text("claims.stated")


def figure(row: pd.Series) -> str:
    """Return the number of a cell: a printed one as printed, a computed share to two decimals."""
    if row["what"] == "share" and pd.notna(row["value"]):
        return f"{row['value']:.2f}"
    return exact(row["value"])


def item(row: pd.Series, name: pd.Series, indicators: pd.DataFrame, text: Text) -> str:
    """Return what a cell is: an indicator of a unit."""
    unit = name.get(row["unit_id"], "")
    if pd.isna(row["indicator_id"]):
        return text("claims.item_year", unit=unit)
    own = named(indicators, row["indicator_id"], text)
    key = "claims.item_share" if row["what"] == "share" else "claims.item_value"
    return text(key, unit=unit, name=own.name, measure=own.unit)


def remark(note: object, name: pd.Series, text: Text) -> str:
    """Return what a cell does not cover."""
    words = []
    for part in note.split(";") if isinstance(note, str) and note else ():
        gone = [
            str(name[unit]) for unit in part.removeprefix("without:").split(",") if unit in name
        ]
        is_part = part == PART_OF_YEAR
        words.append(
            text("claims.part_year")
            if is_part
            else text("claims.without", units=text.listing(gone))
        )
    return text.listing(words) or "—"


def place(row: pd.Series, text: Text) -> str:
    """Return file and row of a cell."""
    if not isinstance(row["file"], str):
        return "—"
    return text("claims.file_row", file=row["file"], row=int(row["row"]))


def years(
    rows: pd.DataFrame, asked: FirstEveryYear, tables: Mapping[str, pd.DataFrame], text: Text
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


def year_class(row: Any, asked: FirstEveryYear, standing: str, gone: str, text: Text) -> str:
    """Return the class of one year; a part of a year settles nothing, others are not claimed.

    A year without a rival is settled for the others only, and both are said.
    """
    if not asked.first <= int(row.period[:4]) <= asked.last:
        return text("claims.not_claimed")
    if not is_whole_year(row.period):
        return text("classes.unknown") + text("claims.part_only")
    cell = pd.DataFrame({"outcome": [row.outcome], "standing": [standing]})
    name = class_of("fact", row.outcome != "not_first", cell)
    if not gone:
        return text(f"classes.{name}")
    return text("claims.among_others", found=text(f"classes.{name}"), units=gone)


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


def unit_name(unit: str, units: pd.DataFrame, text: Text) -> str:
    """Return the name of the unit that a claim is about."""
    return str(names(units, text)[unit])


def with_months(
    monthly: Sequence[tuple[str, pd.DataFrame]], units: pd.DataFrame, text: Text
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield name and months of the units that have any: without values nothing can be drawn."""
    yield from ((unit_name(unit, units, text), months) for unit, months in monthly if len(months))


def together(monthly: Sequence[tuple[str, pd.DataFrame]]) -> pd.DataFrame:
    """Return the months of all claims as one table, for the results."""
    parts = [months.assign(unit_id=unit) for unit, months in monthly]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def series_words(shown: pd.DataFrame, text: Text) -> str:
    """Return the names of the series that a figure draws."""
    return text.listing(list(dict.fromkeys(shown["indicator"])))


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
