"""The three rates of the hotline as a reader's tables: each with interval, denominator and rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from haidian_eval.params import Satisfaction as Plan
from haidian_eval.report.exhibit import joined
from haidian_eval.report.layout import lay_out, layout
from haidian_eval.report.operations import Said, Words
from haidian_eval.report.views import administrative
from haidian_eval.report.views.surveys import KEPT, percent
from haidian_eval.satisfaction.hotline import (
    RATES,
    barred,
    ceiling,
    exclusions,
    hotline_rates,
    rank_streets,
)
from haidian_eval.satisfaction.rows import suppress_rows
from haidian_eval.satisfaction.run_charts import FEWEST, RunCharts, run_charts

CHARTED = RATES[:3]  # those that are called the three rates
ENDS = ("value", "low", "high")
OF_UNITS = ("street", "department")
SPLITS = (*OF_UNITS, "category")


@dataclass(frozen=True, slots=True)
class Hotline:
    """The tickets of an edition, what their rates are shares of, and the words."""

    tickets: pd.DataFrame
    plan: Plan
    words: Words

    @property
    def source(self) -> str:
        """The sources of the tickets."""
        return joined(*self.tickets["source_id"].unique())


def rates(case: Hotline) -> pd.DataFrame:
    """Return the rates of all tickets with numerator, denominator and the rule in words."""
    rows = hotline_rates(case.tickets, case.plan.hotline)
    rules = [case.words.text(f"satisfaction.rate_rules.{key}") for key in rows["rule"]]
    shown = rows.assign(**{name: 100 * rows[name] for name in ENDS}, said=rules,
                        source_id=case.source)  # fmt: skip
    return lay_out("satisfaction.hotline", shown, case.words)


def told(case: Hotline) -> Said:
    """Return what sentences and captions say of the tickets and of their rates."""
    rule, rows = case.plan.hotline, hotline_rates(case.tickets, case.plan.hotline)
    found: Said = {"wave": year_of(case.tickets["received_on"]), "level": f"{rule.level:.0%}",
                   "threshold": case.plan.threshold,
                   "received": int(rows["n"].iloc[0] + rows["excluded"].iloc[0]),
                   "n": int(rows["n"].iloc[0]), "excluded": int(rows["excluded"].iloc[0]),
                   "sigmas": f"{rule.chart.sigmas:g}", "run": rule.chart.run}  # fmt: skip
    for row in rows.itertuples(index=False):
        found |= {f"{row.rate}_{name}": percent(getattr(row, name)) for name in ENDS}
        found |= {f"{row.rate}_of": row.denominator}
        found[f"{row.rate}_rule"] = case.words.text(f"satisfaction.rate_rules.{row.rule}")
    return found | {"ceiling": f"{rule.ceiling:.0%}"}


def excluded(case: Hotline) -> pd.DataFrame:
    """Return why tickets do not count."""
    rows = exclusions(case.tickets, case.plan.hotline)
    rows = suppress_rows(rows, "reason", count="tickets", threshold=case.plan.threshold)
    rows = rows.assign(counted=rows["counts"].astype(str).str.lower(), source_id=case.source)
    return lay_out("satisfaction.exclusions", rows, case.words)


def funnel(case: Hotline) -> pd.DataFrame:
    """Return how many tickets reach each step, as a share of those received and of one before."""
    rows = hotline_rates(case.tickets, case.plan.hotline).set_index("rate")
    n, excluded = (int(rows[name].iloc[0]) for name in ("n", "excluded"))
    steps = {"received": n + excluded, "counted": n,
             "dispatched": int(rows.at["contact", "denominator"]),
             "reached": int(rows.at["contact", "numerator"]),
             "resolved": int(rows.at["resolution", "numerator"]),
             "satisfied": float(rows.at["satisfaction", "numerator"])}  # fmt: skip
    found = pd.DataFrame({"step": list(steps), "tickets": list(steps.values())})
    return found.assign(
        share=100 * found["tickets"] / found["tickets"].iloc[0], source_id=case.source,
        label=[case.words.text(f"satisfaction.steps.{step}") for step in steps],
    )  # fmt: skip


def months(case: Hotline) -> pd.DataFrame:
    """Return the three rates by month with centre, limits and signals, in per cent."""
    parts = []
    for rate, frame in ((rate, one.frame) for rate, one in charts(case).items()):
        ends = {name: 100 * frame[name] for name in ("value", "centre", "low", "high")}
        parts.append(frame.assign(**ends, rate=rate,
                                  title=case.words.text(f"satisfaction.rates.{rate}")))  # fmt: skip
    return pd.concat(parts or [pd.DataFrame()], ignore_index=True).assign(source_id=case.source)


def charts(case: Hotline) -> dict[str, RunCharts]:
    """Return the run chart of each rate that has two months with enough tickets."""
    rows = protected(case, "month")
    rows = rows[rows["suppressed"] == ""].astype({"denominator": "int64"})
    months = rows[rows["month"].notna()].groupby("rate")["month"].nunique()
    return {rate: run_charts(rows, rate, case.plan.hotline.chart)
            for rate in CHARTED if months.get(rate, 0) >= FEWEST}  # fmt: skip


def alarms(case: Hotline) -> Said:
    """Return how often the charts signal, and how often they would if nothing had changed."""
    series = [one.series.iloc[0] for one in charts(case).values()]
    return {
        "charts": len(series), "signals": sum(int(one["signals"]) for one in series),
        "expected": f"{sum(one['expected'] for one in series):.2f}",
        "months": max((int(one["months"]) for one in series), default=0),
    }  # fmt: skip


def split(case: Hotline, by: str) -> pd.DataFrame:
    """Return the rates by street, department, category; those of few tickets are not shown."""
    wide = protected(case, by).pivot(index=by, columns="rate").reset_index()
    table = pd.DataFrame({by: wide[by]})
    for rate in RATES:
        table[f"{rate}_of"] = wide[("denominator", rate)]
        for name in ENDS:
            table[f"{rate}_{name}"] = 100 * wide[(name, rate)].astype(float)
    spans = {f"{rate}_shown": [with_ends(row, rate) for row in table.to_dict("records")]
             for rate in RATES}  # fmt: skip
    return named_rows(case, by, table.assign(**spans, source_id=case.source))


def protected(case: Hotline, by: str) -> pd.DataFrame:
    """Return the rates by a column, all of a unit blank where one would tell of few tickets.

    Every table takes them from here: what one hides, another must not show.
    """
    rows = hotline_rates(case.tickets, case.plan.hotline, by)
    least = rows.groupby(by, dropna=False)["denominator"].transform("min")
    return suppress_rows(rows.assign(least=least), by, count="least",
                         values=[*ENDS, "numerator", "denominator", "n", "excluded"],
                         threshold=case.plan.threshold)  # fmt: skip


def with_ends(row: Mapping[str, Any], rate: str) -> str | None:
    """Return a rate with its interval and denominator."""
    value, low, high = (row[f"{rate}_{name}"] for name in ENDS)
    return None if pd.isna(value) else (f"{value:.1f} [{low:.1f}–{high:.1f}] / {row[f'{rate}_of']}")


def named_rows(case: Hotline, by: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with the names of what they are of; units in administrative order."""
    text = case.words.text
    if by not in OF_UNITS:
        keys = [f"satisfaction.categories.{one}" for one in rows[by]]
        return rows.assign(label=[text(key) if text.has(key) else key.rsplit(".", 1)[-1]
                                  for key in keys])  # fmt: skip
    known = rows[rows[by].notna()].rename(columns={by: "unit_id"})
    ordered = administrative(known, case.words.units, text)
    cited = [joined(*pair) for pair in zip(ordered["source_id"], ordered["unit_source"],
                                           strict=True)]  # fmt: skip
    found = ordered.rename(columns={"unit_name": "label"}).assign(source_id=cited)
    rest = rows[rows[by].isna()].assign(label=text("satisfaction.no_department"))
    return pd.concat([found.drop(columns=["unit_source", "group"]), rest], ignore_index=True)


def streets(case: Hotline) -> pd.DataFrame:
    """Return streets with the common mix of requests, contact beside; none where that is unknown.

    In administrative order: a rank stands as the interval that it may have.
    """
    if barred(case.tickets):
        return pd.DataFrame(columns=list(layout("satisfaction.streets")))
    rows = rank_streets(case.tickets, case.plan.hotline)
    shares = ["value", "standard", "low", "high", "contact", "contact_low", "contact_high"]
    told = rows.assign(**{x: 100 * rows[x] for x in [*shares, "covered"]}, source_id=case.source)
    known = protected(case, "street")
    few = told["street"].isin(known.loc[known["suppressed"] != "", "street"])
    numbers = told.columns.drop(["street", "source_id"])
    told[numbers] = told[numbers].mask(few)
    return lay_out("satisfaction.streets", named_rows(case, "street", told), case.words)


def high(case: Hotline) -> str:
    """Return what is said of rates so high that they hardly tell streets apart."""
    text, rule = case.words.text, case.plan.hotline
    words = {rate: text(f"satisfaction.rates.{rate}") for rate in CHARTED}
    rows, lines = hotline_rates(case.tickets, rule, "street"), []
    for rate in CHARTED:
        if not (found := ceiling(rows, rate, rule)).units:
            continue
        key = "high" if found.warned else "spread"
        said: Said = {
            "overall": percent(found.overall),
            "units": found.units,
            "inside": found.inside,
        }
        said |= {"chance": f"{found.by_chance:.1f}", "limit": f"{rule.ceiling:.0%}"}
        lines.append(text(f"satisfaction.ceilings.{key}", rate=words[rate], **said))
    why = barred(case.tickets)
    lines += [text(f"satisfaction.barred.{why}")] if why else []
    return "\n".join(lines)


def kept(case: Hotline) -> pd.DataFrame:
    """Return the rates of streets and departments in the shape of the table `values`."""
    parts: list[pd.DataFrame] = [pd.DataFrame(columns=KEPT)]
    for by in ["", *OF_UNITS] if len(case.tickets) else []:
        rows = protected(case, by) if by else hotline_rates(case.tickets, case.plan.hotline)
        rows = rows[rows["denominator"].ge(case.plan.threshold).fillna(False)]
        rows = rows[rows[by].notna()] if by else rows
        se = np.sqrt(rows["value"] * (1 - rows["value"]) / rows["denominator"])
        parts.append(pd.DataFrame({
            "unit_id": rows[by] if by else None, "indicator_id": "hotline_" + rows["rate"],
            "period": year_of(case.tickets["received_on"]), "value": 100 * rows["value"],
            "se": 100 * se, "n": rows["denominator"].astype("int64"), "source_id": case.source,
        }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def year_of(days: Sequence[Any]) -> str:
    """Return the years that some dates span, such as 2024 or 2023..2024."""
    years = sorted({str(day)[:4] for day in days})
    return years[0] if len(years) == 1 else f"{years[0]}..{years[-1]}"


def finding(case: Hotline) -> str:
    """Return what the page ends with on the hotline."""
    if case.tickets.empty:
        return ""
    return case.words.text("satisfaction.findings.hotline", **told(case))
