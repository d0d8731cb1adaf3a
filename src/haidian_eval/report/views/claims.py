"""Claims, their classes and the cells that decided, as a reader's tables."""

from __future__ import annotations

import pandas as pd

from haidian_eval import claims as checked
from haidian_eval.report.exhibit import exact, joined, show
from haidian_eval.report.layout import lay_out
from haidian_eval.report.operations import Words, unit_names
from haidian_eval.report.views import pick
from haidian_eval.text import Text

OF_RULES = ("rule", "document", "launch")  # cells of the table of rules
FEW = 6  # months that a sentence can list


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


def cells(found: checked.Claims, words: Words) -> pd.DataFrame:
    """Return the values that decided, each with the row of the file in which it stands.

    A printed number stands as printed, a computed share with two decimals.
    """
    rows, items = found.cells[~found.cells["what"].isin(OF_RULES)], []
    for row in (words.told(row.dropna()) for _, row in rows.iterrows()):
        key = row["what"] if "indicator" in row else "no_value"
        items.append(words.text(f"claims.item.{key}", unit_name=words.unit(row["unit_id"]), **row))
    pairs = zip(rows["what"], rows["value"], strict=True)
    figures = [show(value, 2) if what == "share" else exact(value) for what, value in pairs]
    remarks = [remark(note, words) for note in rows["note"].fillna("")]
    return lay_out("claims.cells", rows.assign(item=items, figure=figures, remark=remarks), words)


def remark(note: str, words: Words) -> str:
    """Return what a cell does not cover, such as part_year;without:110106,110107."""
    said = []
    for kind, _, units in (part.partition(":") for part in note.split(";") if part):
        gone = unit_names(words, units.replace(",", ";"))
        said.append(words.text(f"claims.{kind}", units=gone))
    return words.text.listing(said) or "—"


def documents(found: checked.Claims, rules: pd.DataFrame, text: Text) -> pd.DataFrame:
    """Return the rules that decided, what each says, and the row in which it stands."""
    own = found.cells[found.cells["what"].isin(OF_RULES)].astype({"indicator_id": "str"})
    said = rules.filter(regex="^(rule|name)_")
    rows = own.merge(said, left_on="indicator_id", right_on="rule_id", validate="m:1")
    told = rows.assign(
        name=[text.choose(row, "name") for _, row in rows.iterrows()],
        measure=rows["note"].map(text.unit), period=rows["period"].fillna("—"),
        value=rows["value"].map(exact), limit=rows["limit"].map(exact),
    ).to_dict("records")  # fmt: skip
    columns = {
        part: [text(f"claims.{part}.{row['what']}", **row) for row in told]
        for part in ("item", "found_there", "against")
    }
    return lay_out("claims.documents", rows.assign(**columns), text)


def years(rows: pd.DataFrame, words: Words) -> pd.DataFrame:
    """Return the place among the rivals year by year, each year with its own class."""
    said = [
        words.text(
            f"claims.years_said.{row.scope}",
            found=words.text(f"classes.{row.found}"), units=unit_names(words, row.absent),
        )
        for row in rows.itertuples()
    ]  # fmt: skip
    return lay_out("claims.years", rows.assign(**{"class": said}), words)


def month_words(rows: pd.DataFrame, text: Text) -> str:
    """Return, one line per series, how often the unit was first, tied or not first."""
    lines = []
    for name, own in rows.groupby("series", sort=False):
        size = {of: int((own["outcome"] == of).sum()) for of in ("first", "tied", "not_first")}
        first, last = map(text.period, own["period"].agg(["min", "max"]))
        span = {"from_period": first, "to_period": last, "months": len(own)}
        line = text(
            "claims.series_line", indicator=name, streak=own["streak"].max(), **size, **span
        )
        if size["not_first"] <= FEW:
            months = map(text.period, pick(own, {"outcome": "not_first"})["period"])
            line += text("claims.series_not_first", periods=text.listing(list(months)))
        lines.append(f"- {line}")
    return "\n".join(lines)


def finding(found: checked.Claims, text: Text) -> dict[str, object]:
    """Return how many claims there are and how many fall into each class."""
    rows = counts(found, text)
    pairs = zip(rows["class"], rows["claims"], strict=True)
    listed = [text("claims.class_count", name=name, count=count) for name, count in pairs]
    return {"count": len(found.frame), "classes": text.listing(listed)}
