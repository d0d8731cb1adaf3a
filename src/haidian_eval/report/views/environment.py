"""Indicators watched month by month, as a reader's tables."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from haidian_eval.environment import Improvement, Levels, is_cost, runs
from haidian_eval.params import Environment
from haidian_eval.report.exhibit import decimals, joined, show
from haidian_eval.report.layout import lay_out
from haidian_eval.report.operations import Said, Words
from haidian_eval.report.views import pick, side_by_side
from haidian_eval.scoring import PERIOD
from haidian_eval.text import Text

FEWEST_PERIODS = 3  # for a run chart


def by_month(
    name: str, frame: pd.DataFrame, months: pd.DataFrame, words: Words
) -> Iterator[tuple[Said, pd.DataFrame]]:
    """Yield what each row of `months` says, and the rows of its indicator and period laid out."""
    for _, row in months.iterrows():
        own = pick(frame, {key: row[key] for key in PERIOD})
        yield words.told(row), lay_out(f"environment.{name}", own, words)


def wide(frame: pd.DataFrame, name: str, words: Words) -> pd.DataFrame:
    """Return one indicator: a row for every unit with any value, a column for every period."""
    own = pick(frame, {"indicator_id": name}).dropna(subset="value")
    return side_by_side(own, words.units, words.text, {"value": "short"})


def run_charts(found: Levels, words: Words) -> Iterator[tuple[Said, pd.DataFrame, pd.DataFrame]]:
    """Yield what a run chart says, its runs and all units' values, where there are enough."""
    for name, own in found.frame.dropna(subset="value").groupby("indicator_id", sort=False):
        rows = runs(own, words.focus, cost=is_cost(words.indicators, str(name)))
        if len(rows) >= FEWEST_PERIODS:
            said = words.told({"indicator_id": name}) | run_words(rows, words.text)
            yield said, rows, own[own["period"].isin(rows["period"])]


def run_words(rows: pd.DataFrame, text: Text) -> Said:
    """Return what the runs of one indicator say in words."""
    counts = {side: int((rows["side"] == side).sum()) for side in ("better", "tied", "worse")}
    longest = int(rows["run"].max())
    sides = [text(f"sides.{side}") for side in pick(rows, {"run": longest})["side"].unique()]
    return counts | {"run": longest, "side": text.listing(sides), "periods": len(rows)}


def latest(found: Levels) -> pd.DataFrame:
    """Return the latest month of each indicator that ranks."""
    ranked = pick(found.discrimination, {"reason": ""}).sort_values("period", kind="stable")
    return ranked.drop_duplicates("indicator_id", keep="last").sort_index()


def with_levels(found: Improvement, levels: Levels) -> pd.DataFrame:
    """Return the changes with the ranks of the levels beside them."""
    key = [*PERIOD, "unit_id"]
    ranks = levels.frame[[*key, "level_rank", "rank_best", "rank_worst"]]
    return found.frame.merge(ranks, on=key, validate="1:1")


def compared(found: Improvement, choice: Environment, text: Text) -> pd.DataFrame:
    """Return the comparisons, those that rank first, with what their notes say."""
    rows = found.summary.sort_values("reason", kind="stable")
    marks = [marked(base, choice, text) for base in rows["base_period"]]
    correlations = [show(x, 2).replace("-", "−") for x in rows["correlation"]]
    return rows.assign(mark=marks, correlation=correlations)


def marked(period: str, choice: Environment, text: Text) -> str:
    """Return what is to be known of the year of a period, or a blank."""
    years = [one for one in choice.marked_years if str(one.year) == period[:4]]
    mark = text.listing([getattr(one, text.lang) for one in years])
    return text("environment.marked", period=text.period(period), mark=mark) if years else ""


def base_panels(found: Improvement, words: Words) -> Iterator[tuple[Said, Said]]:
    """Yield each indicator and its comparisons that rank: title -> rows, for the figure."""
    for name, months in pick(found.summary, {"reason": ""}).groupby("indicator_id", sort=False):
        pairs = by_month("base", found.frame, months, words)
        panels = {said["period"]: shown for said, shown in pairs}
        periods = words.text.listing(list(panels))
        yield words.told({"indicator_id": name}) | {"periods": periods}, panels


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
