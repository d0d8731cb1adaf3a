"""Indicators watched month by month, as a reader's tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from haidian_eval.environment import Improvement, Levels, is_cost, runs
from haidian_eval.params import Params
from haidian_eval.report.exhibit import show
from haidian_eval.report.layout import lay_out
from haidian_eval.report.views import Named, administrative, named, pick, side_by_side
from haidian_eval.tables import newest
from haidian_eval.text import Text

FEWEST_PERIODS = 3  # for a run chart


def wide(frame: pd.DataFrame, name: str, units: pd.DataFrame, text: Text) -> pd.DataFrame:
    """Return one indicator: a row for every unit with any value, a column for every period."""
    own = pick(frame, {"indicator_id": name})
    own = newest(own) if "as_of" in own else own
    own = own[own.groupby("unit_id")["value"].transform("count") > 0]
    return side_by_side(own, units, text, {"value": "short"})


def latest(found: Levels, indicators: pd.DataFrame, text: Text) -> Iterator[tuple[Named, str]]:
    """Yield every indicator with its latest period that ranks."""
    ranked = found.discrimination[found.discrimination["reason"] == ""]
    for name, rows in ranked.groupby("indicator_id", sort=False):
        yield named(indicators, str(name), text), str(rows["period"].max())


def level(found: Levels, name: str, period: str, units: pd.DataFrame, text: Text) -> pd.DataFrame:
    """Return the levels of one indicator in one month, with ranks over all and in the group."""
    own = pick(found.frame, {"indicator_id": name, "period": period})
    return lay_out("environment.level", administrative(own, units, text), text)


def change_months(found: Improvement) -> Iterator[tuple[str, pd.Series]]:
    """Yield key ("change" where it ranks, else "partial") and summary of every comparison."""
    if found.summary.empty:
        return
    for _, row in found.summary.sort_values("reason", kind="stable").iterrows():
        yield "partial" if row["reason"] else "change", row


def refused(found: Improvement, indicators: pd.DataFrame, text: Text) -> Iterator[str]:
    """Yield a sentence for each month that could not be compared with the year before."""
    for _, row in found.refused.iterrows():
        yield text(
            "environment.not_compared",
            indicator=named(indicators, row["indicator_id"], text).name, units=row["units"],
            period=text.period(row["period"]), base=text.period(row["base_period"]),
            reason=text(f"economy.reasons.{row['reason']}"),
        )  # fmt: skip


def change(
    found: Improvement, levels: Levels, summary: pd.Series, units: pd.DataFrame, text: Text
) -> pd.DataFrame:
    """Return level and improvement side by side; ranks only where the comparison ranks."""
    keep = {"indicator_id": summary["indicator_id"], "period": summary["period"]}
    ranks = pick(levels.frame, keep)[["unit_id", "level_rank", "rank_best", "rank_worst"]]
    merged = pick(found.frame, keep).merge(ranks, on="unit_id", validate="1:1")
    return lay_out("environment.change", administrative(merged, units, text), text)


def change_words(
    summary: pd.Series, indicators: pd.DataFrame, params: Params, text: Text
) -> dict[str, object]:
    """Return what caption and note of a comparison say; mark: of the year of the base, if any."""
    own, base = named(indicators, summary["indicator_id"], text), summary["base_period"]
    years = [year for year in params.environment.marked_years if str(year.year) == base[:4]]
    mark = text.listing([getattr(year, text.lang) for year in years])
    words = {"indicator": own.name, "unit": own.unit, "period": text.period(summary["period"])}
    return words | {
        "base": text.period(base),
        "mark": text("environment.marked", period=text.period(base), mark=mark) if years else "",
        **{name: summary[name] for name in ("units", "assessed")},
        "correlation": show(summary["correlation"], 2).replace("-", "−"),
    }


def base_panels(
    compared: Mapping[tuple[str, str], pd.DataFrame], indicators: pd.DataFrame, text: Text
) -> Iterator[tuple[Named, dict[str, pd.DataFrame]]]:
    """Yield each indicator with its comparisons that rank: title -> rows, for the figure."""
    for name in dict.fromkeys(name for name, _ in compared):
        own = {text.period(period): rows for (n, period), rows in compared.items() if n == name}
        yield named(indicators, name, text), own


def base_rows(panels: Mapping[str, pd.DataFrame], text: Text) -> pd.DataFrame:
    """Return the rows behind the figure of changes over their base."""
    parts = [rows.assign(period=title) for title, rows in panels.items()]
    return lay_out("environment.base", pd.concat(parts), text)


def run_charts(
    found: Levels, indicators: pd.DataFrame, params: Params, text: Text
) -> Iterator[tuple[Named, pd.DataFrame, pd.DataFrame]]:
    """Yield each indicator with enough periods for a run chart, its runs and all units' values."""
    unit = params.report.focus_unit
    for name in params.environment.indicators:
        own = pick(found.frame, {"indicator_id": name})
        rows = runs(own, unit, cost=is_cost(indicators, name))
        if len(rows) >= FEWEST_PERIODS:
            points = own.loc[own["value"].notna(), ["period", "value"]]
            yield named(indicators, name, text), rows, points[points["period"].isin(rows["period"])]


def run_words(rows: pd.DataFrame, own: Named, focus: str, text: Text) -> dict[str, object]:
    """Return what the run chart of one indicator says in words."""
    counts = rows["side"].value_counts()
    longest = int(rows["run"].max())
    sides = dict.fromkeys(rows.loc[rows["run"] == longest, "side"])
    return {
        **{"indicator": own.name, "unit": own.unit, "name": focus, "periods": len(rows)},
        **{side: int(counts.get(side, 0)) for side in ("better", "tied", "worse")},
        "run": longest,
        "side": text.listing([text(f"sides.{side}") for side in sides]),
    }


def shown_only(
    values: pd.DataFrame, indicators: pd.DataFrame, units: pd.DataFrame, params: Params, text: Text
) -> Iterator[tuple[Named, pd.DataFrame]]:
    """Yield the indicators that are shown and never ranked: a row for every unit with a value."""
    groups = units[["unit_id", "peer_group"]]
    for name in params.environment.shown_only:
        own = pick(values, {"indicator_id": name}).merge(groups, on="unit_id", validate="m:1")
        if len(own):
            yield named(indicators, name, text), wide(own, name, units, text)
