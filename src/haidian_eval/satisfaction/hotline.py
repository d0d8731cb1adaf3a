"""The three rates of the hotline: response, resolution, satisfaction, with callback contact beside.

Intervals treat the tickets of a unit as draws from what it goes on doing; they say nothing of the
callers whom no callback reached.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError, not_known
from haidian_eval.params.hotline import BASICALLY, HotlineRule
from haidian_eval.satisfaction.cells import columns_of, reduce
from haidian_eval.satisfaction.design import Names, named
from haidian_eval.satisfaction.intervals import wilson
from haidian_eval.scoring.ranking import competition_rank

ANSWER = {"response": "responded", "resolution": "resolved", "satisfaction": "satisfied"}
RATES = (*ANSWER, "contact")
BY = {"street": "street_id", "department": "department_id", "category": "category_code"}
REACHED, RECEIVED, SENT, WHY = "callback_reached", "received_on", "dispatched_on", "excluded_reason"
BARRED = {
    "contact": "column 'callback_reached' is absent or blank in every ticket, and nobody can say "
    "how many callers the rate speaks for; hand in the callback contact of each ticket",
    "category": "column 'category_code' is absent or blank in every ticket, and units with "
    "harder requests would look worse; hand in the category of each ticket",
}


def hotline_rates(tickets: Any, rule: HotlineRule, by: Names = ()) -> pd.DataFrame:
    """Return the rates of each unit, a row per unit and rate.

    tickets: a pandas frame, a DuckDB relation or a Dask frame with the columns of the table. by:
    street, department, category, month (of receipt) or columns. Columns: by; rate (response,
    resolution, satisfaction, contact: callback reached of dispatched); value, low, high (shares,
    Wilson 1927); numerator, denominator, n (tickets that count), excluded (tickets that do not);
    rule (key of the sentence that says what the rate is a share of). Raises ParameterError for
    columns that are absent.
    """
    names = named(by)
    cells = reduce(tickets, {name: key(tickets, name) for name in names}, counted(tickets, rule))
    if "month" in names:
        cells["month"] = as_month(cells["month"])
    parts = [cells[[*names]].assign(
        rate=rate, **of_rate(cells[f"{rate}_yes"], cells[f"{rate}_of"], rule.level),
        n=cells["n"].astype("int64"), excluded=cells["excluded"].astype("int64"),
        rule=rule.sentence(rate), at=cells.index) for rate in RATES]  # fmt: skip
    whole = pd.concat(parts).sort_values("at", kind="stable", ignore_index=True)
    return whole.drop(columns="at")


def of_rate(numerator: pd.Series, denominator: pd.Series, level: float) -> dict[str, Any]:
    """Return the columns of one rate; nothing is a share of nothing."""
    value = numerator / denominator.where(denominator > 0)
    low, high = wilson(value.to_numpy(), denominator.to_numpy(), level)
    return {"value": value, "low": low, "high": high, "numerator": numerator,
            "denominator": denominator.astype("int64")}  # fmt: skip


def exclusions(tickets: Any, rule: HotlineRule, by: Names = ()) -> pd.DataFrame:
    """Return how many tickets were excluded for which reason, and whether they count all the same.

    Columns: by; reason, tickets, counts.
    """
    names = named(by)
    keys = {name: key(tickets, name) for name in names} | {"reason": key(tickets, WHY)}
    cells = reduce(tickets, keys, {"tickets": nw.lit(1)})
    found = cells[cells["reason"].fillna("") != ""].astype({"tickets": "int64"})
    found = found.assign(counts=found["reason"].isin(rule.exclusions_count))
    if "month" in names:
        found["month"] = as_month(found["month"])
    return found.reset_index(drop=True)


def key(tickets: Any, name: str) -> nw.Expr:
    """Return the expression of a key; months of real dates as numbers such as 202403."""
    known = columns_of(tickets)
    column = BY.get(name, RECEIVED if name == "month" else name)
    if column not in known:
        names = known if column != name else ["month", *BY, *known]
        raise ParameterError(not_known(f"by={name!r}: column {column!r}", column, names))
    own = nw.col(column)
    if name != "month":
        return own
    if known[column] in (nw.Date, nw.Datetime):
        day = own.dt
        return day.year().cast(nw.Int64) * 100 + day.month().cast(nw.Int64)
    return own.cast(nw.String).str.slice(0, 7)


def as_month(keys: pd.Series) -> pd.Series:
    """Return months as written in periods: 2024-03."""
    text = keys.astype("str")
    whole = pd.api.types.is_numeric_dtype(keys)
    return text.str.slice(0, 4) + "-" + text.str.slice(4, 6) if whole else text


def counted(tickets: Any, rule: HotlineRule) -> dict[str, nw.Expr]:
    """Return the sums that make the rates: n, excluded, and of each rate the yes and the all."""
    known = columns_of(tickets)
    for name in (SENT, REACHED, *ANSWER.values()):
        if name not in known:
            raise ParameterError(not_known(f"column {name!r} of the tickets", name, known))
    inside = nw.lit(True)
    if WHY in known:
        why = nw.col(WHY)
        inside = why.is_null() | why.is_in(["", *rule.exclusions_count])
    sent = inside & ~nw.col(SENT).is_null()
    reached = sent & flag(known, REACHED)
    sums = {"n": one(inside), "excluded": nw.lit(1.0) - one(inside),
            "contact_yes": one(reached), "contact_of": one(sent)}  # fmt: skip
    for rate, column in ANSWER.items():
        basis = getattr(rule, rate)
        base = reached if basis == "callback_reached" else sent
        if basis == "answered":
            base = base & ~nw.col(column).is_null()
        sums[f"{rate}_of"] = one(base)
        if rate != "satisfaction":
            sums[f"{rate}_yes"] = one(base & flag(known, column))
            continue
        basically = one(base & (nw.col(column) == "basically")) * BASICALLY[rule.basically]
        sums[f"{rate}_yes"] = one(base & (nw.col(column) == "satisfied")) + basically
    return sums


def flag(known: dict[str, Any], column: str) -> nw.Expr:
    """Return a column of yes and no, or of true and false, as true or false."""
    if known[column] == nw.Boolean:
        return nw.col(column).fill_null(False)
    return nw.col(column).is_in(["yes"] if known[column] == nw.String else ["yes", True])


def one(condition: nw.Expr) -> nw.Expr:
    """Return 1 where a condition holds, else 0, also where it is not known."""
    return nw.when(condition).then(nw.lit(1.0)).otherwise(nw.lit(0.0))


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Whether a rate is so high that it hardly tells units apart.

    overall: the rate of all. units: how many have a rate. inside: how many intervals hold the
    overall rate. by_chance: how many would not although all units were alike. warned: the rate is
    at the ceiling and too few units stand out.
    """

    overall: float
    units: int
    inside: int
    by_chance: float
    warned: bool


def ceiling(rates: pd.DataFrame, rate: str, rule: HotlineRule) -> Ceiling:
    """Return whether one of the `hotline_rates` by units is at the ceiling."""
    own = of(rates, rate)
    overall = float(own["numerator"].sum() / max(own["denominator"].sum(), 1))
    shown = own.dropna()  # units with a name and a rate
    inside = int(shown["low"].le(overall).mul(shown["high"].ge(overall)).sum())
    warned = overall >= rule.ceiling and inside >= rule.indistinct * len(shown)
    return Ceiling(overall, len(shown), inside, (1 - rule.level) * len(shown), warned)


def of(rates: pd.DataFrame, rate: str) -> pd.DataFrame:
    """Return the rows of one rate; raise ParameterError for one that is not known."""
    if rate not in RATES:
        raise ParameterError(not_known(f"rate={rate!r}", rate, RATES))
    return rates[rates["rate"] == rate].drop(columns="rate").reset_index(drop=True)


def standardised(
    tickets: Any, rule: HotlineRule, rate: str = "satisfaction", *, unit: str = "street",
    mix: str = "category",
) -> pd.DataFrame:  # fmt: skip
    """Return what the rate of each unit would be with the common mix of categories.

    Direct standardisation: the unit's rates by category, weighted with the categories' shares of
    all denominators; categories in which it has no tickets are left out of its mean. Columns: unit;
    value (as it is), standard, low, high (Wilson at the size of a sample with the same variance if
    all categories were alike), denominator, covered (share of the common mix in which it has
    tickets). Indirect standardisation is not used: its results may not be compared with each other.
    """
    cells = of(hotline_rates(tickets, rule, (unit, mix)), rate)
    row, units = pd.factorize(cells[unit], use_na_sentinel=False)
    column, kinds = pd.factorize(cells[mix], use_na_sentinel=False)
    size, yes = (np.zeros((len(units), len(kinds))) for _ in range(2))
    size[row, column], yes[row, column] = cells["denominator"], cells["numerator"]
    weight = np.where(size > 0, size.sum(axis=0) / max(size.sum(), 1), 0.0)
    covered, there = weight.sum(axis=1), np.where(size > 0, size, 1.0)
    shown = np.where(covered > 0, covered, np.nan)
    standard = (weight * yes / there).sum(axis=1) / shown
    spread = np.where(covered > 0, (weight**2 / there).sum(axis=1), np.nan)
    low, high = wilson(standard, shown**2 / spread, rule.level)
    return pd.DataFrame({
        unit: units, "value": yes.sum(axis=1) / np.where(covered > 0, size.sum(axis=1), np.nan),
        "standard": standard, "low": low, "high": high,
        "denominator": size.sum(axis=1).astype("int64"), "covered": covered,
    })  # fmt: skip


def barred(tickets: Any) -> str:
    """Return why units must not be ranked: blank, or a key of BARRED."""
    known = columns_of(tickets)
    columns = {"contact": REACHED, "category": BY["category"]}
    there = {why: one(~nw.col(name).is_null())
             for why, name in columns.items() if name in known}  # fmt: skip
    filled = reduce(tickets, {}, there).sum()
    return next((why for why in columns if not filled.get(why, 0.0)), "")


def rank_streets(
    tickets: Any, rule: HotlineRule, rate: str = "satisfaction", *, unit: str = "street"
) -> pd.DataFrame:
    """Return units by their standardised rate, the callback contact and rank interval beside.

    Columns: those of `standardised`; contact, contact_low, contact_high; rank (1, 1, 3; missing
    below `least_covered`); rank_best (1 + units whose interval is wholly above), rank_worst. Raises
    ParameterError where contact or categories are not known.
    """
    if why := barred(tickets):
        raise ParameterError(f"{unit}s are not ranked by the {rate} rate: {BARRED[why]}")
    rows = standardised(tickets, rule, rate, unit=unit).dropna(subset=unit)
    contact = of(hotline_rates(tickets, rule, unit), "contact").set_index(unit)
    for name, column in {"contact": "value", "contact_low": "low", "contact_high": "high"}.items():
        rows[name] = rows[unit].map(contact[column])
    fit = rows["covered"] >= rule.least_covered
    standard, low, high = (rows[name].where(fit) for name in ("standard", "low", "high"))
    lows, highs = low.to_numpy(), high.to_numpy()
    above = (lows[None, :] > highs[:, None]).sum(axis=1)
    below = (highs[None, :] < lows[:, None]).sum(axis=1)
    best = pd.Series(1 + above, rows.index).where(fit).astype("Int64")
    worst = pd.Series(int(fit.sum()) - below, rows.index).where(fit).astype("Int64")
    ranked = rows.assign(rank=competition_rank(standard), rank_best=best, rank_worst=worst)
    return ranked.sort_values(["rank", unit], ignore_index=True, na_position="last")
