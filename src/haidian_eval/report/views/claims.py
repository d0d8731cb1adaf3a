"""Claims, their classes and the cells that decided, as a reader's tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from haidian_eval import claims as checked
from haidian_eval.report.exhibit import exact, joined
from haidian_eval.report.layout import lay_out
from haidian_eval.report.operations import Words, unit_names
from haidian_eval.report.views import names, pick
from haidian_eval.text import Text

OF_RULES = ("rule", "document", "launch")  # cells of the table of rules


def claims(found: checked.Claims, text: Text) -> pd.DataFrame:
    """Return every claim with its place, its class and the reason."""
    cited = found.cells.groupby("claim_id")["source_id"].agg(lambda ids: joined(*ids))
    rows = found.frame.assign(cell_sources=found.frame["claim_id"].map(cited))
    return lay_out("claims.table", rows, text)


def counts(found: checked.Claims, text: Text) -> pd.DataFrame:
    """Return how many claims fall into each class."""
    listed = [list(pick(found.frame, {"class": name})["claim_id"]) for name in checked.CLASSES]
    rows = {
        "class": checked.CLASSES,
        "claims": [len(ids) for ids in listed],
        "which": [text.listing(ids) or text("exhibit.none") for ids in listed],
        "source_id": joined(*found.frame["source_id"]),
    }
    return lay_out("claims.counts", pd.DataFrame(rows), text)


def worked_out(rows: pd.DataFrame, **columns: Callable[[pd.Series], str]) -> pd.DataFrame:
    """Return the rows with columns that a function works out of each row."""
    records = [row for _, row in rows.iterrows()]
    return rows.assign(**{name: list(map(work, records)) for name, work in columns.items()})


def cells(
    found: checked.Claims, units: pd.DataFrame, indicators: pd.DataFrame, text: Text
) -> pd.DataFrame:
    """Return the values that decided, each with the row of the file in which it stands."""
    rows = found.cells[~found.cells["what"].isin(OF_RULES)]
    words = Words(text, units, indicators)
    shown = worked_out(
        rows, item=partial(item, words), figure=figure, remark=partial(remark, words)
    )
    return lay_out("claims.cells", shown, text)


def documents(found: checked.Claims, rules: pd.DataFrame, text: Text) -> pd.DataFrame:
    """Return the rules that decided, what each says, and the row in which it stands."""
    said = rules.filter(regex="^(rule|name)_")
    cells = found.cells[found.cells["what"].isin(OF_RULES)].astype({"indicator_id": "str"})
    rows = cells.merge(said, left_on="indicator_id", right_on="rule_id", validate="m:1")
    own = {"item": rule_words, "found_there": stated, "against": asked_for}
    shown = worked_out(rows, **{name: partial(work, text) for name, work in own.items()})
    return lay_out("claims.documents", shown, text)


def rule_words(text: Text, row: pd.Series) -> str:
    """Return a rule by its number and name."""
    return text("claims.item_rule", id=row["rule_id"], name=text.choose(row, "name"))


def stated(text: Text, row: pd.Series) -> str:
    """Return the number or the day that a rule states and that is compared."""
    if row["what"] == "launch":
        return str(row["period"]) if isinstance(row["period"], str) else "—"
    return f"{exact(row['value'])} {text.unit(row['note'])}" if row["what"] == "rule" else "—"


def asked_for(text: Text, row: pd.Series) -> str:
    """Return what the claim asks of a rule."""
    if row["what"] == "launch":
        return text("claims.not_later", day=row["note"])
    return exact(row["limit"]) if row["what"] == "rule" else text("claims.stated")


def figure(row: pd.Series) -> str:
    """Return the number of a cell: a printed one as printed, a computed share to two decimals."""
    if row["what"] == "share" and pd.notna(row["value"]):
        return f"{row['value']:.2f}"
    return exact(row["value"])


def item(words: Words, row: pd.Series) -> str:
    """Return what a cell is: an indicator of a unit."""
    unit = words.unit(row["unit_id"])
    if pd.isna(row["indicator_id"]):
        return words.text("claims.item_year", unit=unit)
    own = words.indicator(row["indicator_id"])
    key = "claims.item_share" if row["what"] == "share" else "claims.item_value"
    return words.text(key, unit=unit, name=own.name, measure=own.unit)


def remark(words: Words, row: pd.Series) -> str:
    """Return what a cell does not cover."""
    found, note = [], row["note"]
    for part in note.split(";") if isinstance(note, str) and note else ():
        if part == checked.PART_OF_YEAR:
            found.append(words.text("claims.part_year"))
        else:
            gone = part.removeprefix("without:").replace(",", ";")
            found.append(words.text("claims.without", units=unit_names(words, gone)))
    return words.text.listing(found) or "—"


def years(
    rows: pd.DataFrame, asked: checked.FirstEveryYear, tables: Mapping[str, pd.DataFrame],
    text: Text,
) -> pd.DataFrame:  # fmt: skip
    """Return the place among the rivals year by year, each year of the claim with its own class."""
    words = Words(text, tables["units"])
    standing = tables["sources"].set_index("source_id")["standing"]
    found = [
        year_class(row, asked, checked.weakest(row.source_id, standing), words)
        for row in rows.itertuples()
    ]
    return lay_out("claims.years", rows.assign(**{"class": found}), text, units=words.units)


def year_class(row: Any, asked: checked.FirstEveryYear, standing: str, words: Words) -> str:
    """Return the class of one year; a part of a year settles nothing, others are not claimed.

    A year without a rival is settled for the others only, and both are said.
    """
    if not asked.first <= int(row.period[:4]) <= asked.last:
        return words.text("claims.not_claimed")
    if not checked.is_whole_year(row.period):
        return words.text("classes.unknown") + words.text("claims.part_only")
    cell = pd.DataFrame({"outcome": [row.outcome], "standing": [standing]})
    found = words.text(f"classes.{checked.class_of('fact', row.outcome != 'not_first', cell)}")
    if not row.absent:
        return found
    return words.text("claims.among_others", found=found, units=unit_names(words, row.absent))


def with_months(
    monthly: Sequence[tuple[str, pd.DataFrame]], units: pd.DataFrame, text: Text
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield name and months of the units that have any: without values nothing can be drawn."""
    yield from ((names(units, text)[unit], months) for unit, months in monthly if len(months))


def together(monthly: Sequence[tuple[str, pd.DataFrame]]) -> pd.DataFrame:
    """Return the months of all claims as one table, for the results."""
    parts = [months.assign(unit_id=unit) for unit, months in monthly]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def month_words(rows: pd.DataFrame, text: Text) -> str:
    """Return, one line per series, how often the unit was first, tied or not first."""
    lines = []
    for name, own in rows.groupby("series", sort=False):
        counts = {of: int((own["outcome"] == of).sum()) for of in ("first", "tied", "not_first")}
        first, last = map(text.period, own["period"].agg(["min", "max"]))
        counts |= {"months": len(own), "streak": int(own["streak"].max())}
        span = {"from_period": first, "to_period": last}
        line = text("claims.series_line", indicator=name, **counts, **span)
        if counts["not_first"] <= 6:
            months = map(text.period, own.loc[own["outcome"] == "not_first", "period"])
            line += text("claims.series_not_first", periods=text.listing(list(months)))
        lines.append(f"- {line}")
    return "\n".join(lines)


def finding(found: checked.Claims, text: Text) -> dict[str, object]:
    """Return how many claims there are and how many fall into each class."""
    size = found.frame["class"].value_counts()
    listed = [
        text("claims.class_count", name=text(f"classes.{name}"), count=int(size.get(name, 0)))
        for name in checked.CLASSES
    ]
    return {"count": len(found.frame), "classes": text.listing(listed)}


def finding_line(found: checked.Claims, text: Text) -> str:
    """Return the finding as a line of a list."""
    words = text("claims.finding.text", **finding(found, text))
    return f"- {text('claims.title')}{text('claims.colon')}{words}"
