"""Series in themselves: months against cumulative figures, "previous" against last year, age."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from haidian_eval.params import Params
from haidian_eval.tables.edition import Edition, coverage
from haidian_eval.tables.reconcile import printed
from haidian_eval.tables.vintages import earlier

CHECKED = [
    "check", "unit_id", "indicator_id", "period", "vintage", "stated", "found", "difference",
    "allowed", "verdict", "source_id",
]  # fmt: skip
FRESH = [
    "indicator_id", "frequency", "periods_seen", "periods_expected", "gaps", "first_period",
    "last_period", "age", "late", "fewest", "most", "vintages", "source_id",
]  # fmt: skip
STEPS = {"A": 12, "Q": 3, "M": 1}  # months
KEY = ["unit_id", "indicator_id", "period", "vintage"]


def check_series(edition: Edition, params: Params) -> pd.DataFrame:
    """Return how each unit's figures agree with themselves.

    check cumulative: the figure of a month or quarter against the difference of the cumulative
    ones around it (`tables.cumulative`: cumulative indicator -> the one of single periods), of
    one vintage. check previous: what a row calls the value of a year before (column `previous`)
    against the value that the edition has. verdict: exact | rounding | differs; allowed is what
    the rounding of all figures can make of it.
    """
    values = printed(edition)
    rows = [*cumulative(values, params), *previous(values)]
    return pd.DataFrame(rows, columns=CHECKED)


def cumulative(values: pd.DataFrame, params: Params) -> Iterator[dict[str, object]]:
    """Yield the comparisons of single periods with the cumulative figures around them."""
    known = values.drop_duplicates(KEY, keep="last").set_index(KEY)
    for whole, single in params.tables.cumulative.items():
        own = values[values["indicator_id"] == single]
        for row in own.to_dict("records"):
            before, after = months_of(row["period"])
            ends = [(row["unit_id"], whole, p, row["vintage"]) for p in after]
            starts = [(row["unit_id"], whole, p, row["vintage"]) for p in before]
            end = next((known.loc[k] for k in ends if k in known.index), None)
            start = next((known.loc[k] for k in starts if k in known.index), None)
            if end is None or (before and start is None):
                continue
            cells = [end] if start is None else [end, start]
            found = float(end["value"]) - (0.0 if start is None else float(start["value"]))
            yield comparison("cumulative", row, found, cells)


def months_of(period: str) -> tuple[list[str], list[str]]:
    """Return the cumulative periods before and up to the end of a month or a quarter.

    January to one month may be written as that month; January to December as the year.
    """
    year, rest = period[:4], period[4:]
    if rest.startswith("Q"):
        first, last = 3 * int(rest[1]) - 2, 3 * int(rest[1])
    elif rest[1:].isdigit():
        first = last = int(rest[1:])
    else:
        return ["-"], []
    return upto(year, first - 1), upto(year, last)


def upto(year: str, month: int) -> list[str]:
    """Return how January to a month may be written."""
    forms = {0: [], 1: ["-01"], 3: ["-01..03", "Q1"], 12: ["-01..12", ""]}
    return [f"{year}{form}" for form in forms.get(month, [f"-01..{month:02d}"])]


def previous(values: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Yield the comparisons of what rows call last year's value with the one that is known."""
    if "previous" not in values:
        return
    known = values.sort_values("as_of", kind="stable").drop_duplicates(KEY[:3], keep="last")
    known = known.set_index(KEY[:3])
    for row in values[values["previous"].notna()].to_dict("records"):
        key = (row["unit_id"], row["indicator_id"], earlier(row["period"], 1))
        if key in known.index:
            stated = {**row, "value": row["previous"]}
            yield comparison("previous", stated, float(known.loc[key, "value"]), [known.loc[key]])


def comparison(
    check: str, row: dict[str, object], found: float, cells: list[pd.Series]
) -> dict[str, object]:
    """Return one comparison of a stated figure with the one found."""
    half = [float(cell["half_width"]) for cell in cells] + [float(str(row["half_width"]))]
    allowed = sum(half)
    difference = round(float(str(row["value"])) - found, 9)
    same = "exact" if difference == 0 else "rounding" if abs(difference) <= allowed else "differs"
    cited = [str(cell["source_id"]) for cell in cells] + [str(row["source_id"])]
    parts = dict.fromkeys(part for ids in cited for part in ids.split(";"))
    lead = {name: row[name] for name in ("unit_id", "indicator_id", "period", "vintage")}
    return {"check": check, **lead, "stated": row["value"], "found": found,
            "difference": difference, "allowed": allowed, "verdict": same,
            "source_id": ";".join(parts)}  # fmt: skip


def freshness(edition: Edition, params: Params) -> pd.DataFrame:
    """Return, per indicator, its span, gaps and age, and how many assessed units have values.

    Expected are the periods from the first to the last at the indicator's frequency. age: months
    from the end of the last period to the as-of date; late: more than `tables.stale_months`
    allows for that frequency, blank without one. fewest, most: units with a value in a period.
    """
    indicators = edition.tables["indicators"].drop_duplicates("node_id", keep="last")
    known = indicators.set_index("node_id")["frequency"]
    groups = coverage(edition, params).groupby("indicator_id", sort=False)
    rows = [fresh_row(str(name), known.get(name), own, params) for name, own in groups]
    return pd.DataFrame(rows, columns=FRESH)


def fresh_row(name: str, frequency: object, own: pd.DataFrame, params: Params) -> dict[str, object]:
    """Return how fresh and how complete the series of one indicator is; `own`: its periods."""
    ends = sorted(set(own["period"].map(month_number)))
    step = STEPS.get(str(frequency))
    gaps = [n for n in range(ends[0], ends[-1], step) if n not in ends] if step else []
    age = month_number(f"{params.edition.as_of:%Y-%m}") - ends[-1]
    limit = params.tables.stale_months.get(str(frequency))
    cited = dict.fromkeys(part for ids in own["source_id"] for part in ids.split(";"))
    return {
        "indicator_id": name,
        "frequency": frequency,
        "periods_seen": len(own),
        "periods_expected": len(ends) + len(gaps),
        "gaps": ";".join(written(n, str(frequency)) for n in gaps),
        "first_period": min(own["period"], key=month_number),
        "last_period": max(own["period"], key=month_number),
        "age": age,
        "late": None if limit is None else "late" if age > limit else "in_time",
        "fewest": int(own["units_with_value"].min()),
        "most": int(own["units_with_value"].max()),
        "vintages": own["vintage"].str.split(";").explode().nunique(),
        "source_id": ";".join(cited),
    }


def month_number(period: str) -> int:
    """Return the last month of a period, counted from the year 0."""
    rest = period[4:]
    month = 3 * int(rest[1]) if rest.startswith("Q") else int(rest[-2:]) if rest else 12
    return 12 * int(period[:4]) + month - 1


def written(number: int, frequency: str) -> str:
    """Return a counted month as the period of a frequency."""
    year, month = divmod(number, 12)
    if frequency == "A":
        return f"{year}"
    return f"{year}Q{month // 3 + 1}" if frequency == "Q" else f"{year}-{month + 1:02d}"
