"""Indicators watched month by month, as a reader's tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from haidian_eval.environment import Improvement, Levels, is_cost, runs
from haidian_eval.params import Environment
from haidian_eval.report.exhibit import decimals, joined, show
from haidian_eval.report.layout import lay_out
from haidian_eval.report.operations import Words
from haidian_eval.report.views import pick, side_by_side
from haidian_eval.scoring import PERIOD

FEWEST_PERIODS = 3  # for a run chart


def of_month(frame: pd.DataFrame, row: Any) -> pd.DataFrame:
    """Return the rows of the indicator and the period of another row."""
    return pick(frame, {name: row[name] for name in PERIOD})


def wide(frame: pd.DataFrame, name: str, words: Words) -> pd.DataFrame:
    """Return one indicator: a row for every unit with any value, a column for every period."""
    own = pick(frame, {"indicator_id": name}).dropna(subset="value")
    return side_by_side(own, words.units, words.text, {"value": "short"})


def run_charts(
    found: Levels, words: Words
) -> Iterator[tuple[dict[str, Any], pd.DataFrame, pd.DataFrame]]:
    """Yield what a run chart says, its runs and all units' values, where there are enough."""
    for name, own in found.frame.dropna(subset="value").groupby("indicator_id", sort=False):
        rows = runs(own, words.focus, cost=is_cost(words.indicators, str(name)))
        if len(rows) >= FEWEST_PERIODS:
            points = own[own["period"].isin(rows["period"])]
            said = words.told({"indicator_id": str(name)}) | run_words(rows, words)
            yield said, rows, points


def run_words(rows: pd.DataFrame, words: Words) -> dict[str, Any]:
    """Return what the runs of one indicator say in words."""
    counts = {side: int((rows["side"] == side).sum()) for side in ("better", "tied", "worse")}
    longest = int(rows["run"].max())
    sides = rows.loc[rows["run"] == longest, "side"].unique()
    said = words.text.listing([words.text(f"sides.{side}") for side in sides])
    return counts | {"run": longest, "side": said, "periods": len(rows)}


def level(found: Levels, words: Words) -> Iterator[tuple[pd.DataFrame, dict[str, Any]]]:
    """Yield each indicator's levels in its latest period that ranks, and what they say."""
    ranked = found.discrimination[found.discrimination["reason"] == ""]
    for _, months in ranked.groupby("indicator_id", sort=False):
        row = months.sort_values("period").iloc[-1]
        yield lay_out("environment.level", of_month(found.frame, row), words), words.told(row)


def change(
    found: Improvement, levels: Levels, choice: Environment, words: Words
) -> Iterator[tuple[str, pd.DataFrame, dict[str, Any]]]:
    """Yield every comparison: key ("change" where it ranks, else "partial"), level and change."""
    key = [*PERIOD, "unit_id"]
    ranks = levels.frame[[*key, "level_rank", "rank_best", "rank_worst"]]
    rows = found.frame.merge(ranks, on=key, validate="1:1")
    for _, row in found.summary.sort_values("reason", kind="stable").iterrows():
        shown = lay_out("environment.change", of_month(rows, row), words)
        yield "partial" if row["reason"] else "change", shown, change_words(row, choice, words)


def change_words(row: pd.Series, choice: Environment, words: Words) -> dict[str, Any]:
    """Return what caption and note of a comparison say; mark: of the year of the base, if any."""
    text, said, year = words.text, words.told(row), row["base_period"][:4]
    marks = [getattr(one, text.lang) for one in choice.marked_years if str(one.year) == year]
    marked = {"period": said["base_period"], "mark": text.listing(marks)}
    return said | {
        "mark": text("environment.marked", **marked) if marks else "",
        "correlation": show(row["correlation"], 2).replace("-", "−"),
    }


def base_panels(
    found: Improvement, words: Words
) -> Iterator[tuple[dict[str, Any], dict[str, pd.DataFrame]]]:
    """Yield each indicator and its comparisons that rank: title -> rows, for the figure."""
    ranked = found.summary[found.summary["reason"] == ""]
    for name, months in ranked.groupby("indicator_id", sort=False):
        panels = {
            words.text.period(row["period"]): lay_out(
                "environment.base", of_month(found.frame, row), words
            )
            for _, row in months.iterrows()
        }
        yield words.indicator(str(name)) | {"periods": words.text.listing(list(panels))}, panels


def streets(rows: pd.DataFrame, words: Words) -> pd.DataFrame:
    """Return what the bureaux published of the streets of one unit, in the order of time."""
    own = pick(words.units, {"parent_id": words.focus})["unit_id"]
    found = rows[rows["unit_id"].isin(own)].sort_values("period", kind="stable")
    return lay_out("environment.streets", found, words)


def spot_words(places: pd.DataFrame, choice: Environment, words: Words) -> pd.DataFrame:
    """Return what the focus unit's latest months can carry, indicator by indicator."""
    text, pairs = words.text, places[["weak", "periods"]].to_dict("records")
    verdicts = [text(f"weakness.{v}", periods=choice.weak_periods) for v in places["verdict"]]
    said = {"periods_weak": [text("weakness.times", **own) for own in pairs], "saying": verdicts}
    return lay_out("environment.weak", places.assign(**said), words)


def discrimination(found: Levels, words: Words) -> pd.DataFrame:
    """Return, per indicator and month, how well it tells units apart."""
    rows = found.discrimination
    places = found.frame.groupby("indicator_id")["value"].agg(decimals)
    ends = zip(rows["lowest"], rows["highest"], rows["indicator_id"].map(places), strict=True)
    spread = [f"{low:.{d}f} ~ {high:.{d}f}" for low, high, d in ends]
    shown = rows.assign(spread=spread, blurred=100 * rows["blurred"])
    return lay_out("environment.discrimination", shown, words)


def demonstration(
    rows: pd.DataFrame, choice: Environment, words: Words
) -> tuple[pd.DataFrame, dict[str, object]]:
    """Return the composite and the words that name its months."""
    framework = pick(words.indicators, {"scheme_id": choice.demonstration_scheme})
    cited = rows.assign(framework_source=joined(*framework["source_id"]))
    chosen = [{"indicator_id": n, "period": p} for n, p in choice.demonstration.items()]
    months = [words.text("environment.month_of", **words.told(one)) for one in chosen]
    shifts = rows[["rank_best", "rank_worst"]].sub(rows["rank"], axis=0).abs()
    moved = int(shifts.max(axis=None)) if len(rows) else 0
    shown = lay_out("environment.demonstration", cited, words)
    return shown, {"months": words.text.listing(months), "moved": moved}


def finding(spots: pd.DataFrame, words: Words) -> str:
    """Return, one line per indicator, what can be said of the focus unit."""
    rows = [words.told(row) for _, row in spots.iterrows()]
    return "\n".join(f"- {words.text('environment.line', **row)}" for row in rows)
