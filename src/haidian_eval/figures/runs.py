"""Values over time: month by month against the others, year by year by vintage."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from haidian_eval.figures.house import (
    ACCENT,
    INK,
    LIMIT,
    PALE,
    QUIET,
    WIDTH,
    colours_of,
    explain,
    house_style,
    write,
)
from haidian_eval.text import Text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEW = 6  # points that a low panel holds


@house_style()
def runs_against_median(
    rows: pd.DataFrame, points: pd.DataFrame, text: Text, *, unit: str, name: str
) -> Figure:
    """Return the run chart of one unit: its value, the median and the spread of all units.

    `rows`: period, value, median, lowest, highest, level_range, side, by period; `points`: period,
    value of every unit. Months that were not published have no place on the axis; a gap is drawn
    where the next month shown is not the next month.
    """
    figure = Figure(figsize=(WIDTH, 3.9), layout="constrained")
    panel, places = figure.subplots(), range(len(rows))
    spread: Any = {"label": text("figures.spread"), "color": PALE, "linewidth": 7, "zorder": 1}
    panel.vlines(places, rows["lowest"], rows["highest"], **spread)
    at = points["period"].map({period: place for place, period in enumerate(rows["period"])})
    dots: Any = {"label": text("figures.each_unit"), "color": QUIET, "s": 9, "zorder": 2}
    panel.scatter(at, points["value"], alpha=0.7, linewidth=0, **dots)
    middle: Any = {"label": text("figures.median"), "color": INK, "s": 240, "zorder": 3}
    panel.scatter(places, rows["median"], marker="_", linewidth=1.6, **middle)
    shape = {"better": "o", "tied": "s", "worse": "^"}
    for side, own in rows.assign(place=places).groupby("side", sort=False):
        words = text("figures.side", name=name, side=text(f"sides.{side}"))
        of_side: Any = {"label": words, "color": ACCENT, "s": 52, "zorder": 4}
        panel.scatter(own["place"], own["value"], marker=shape[str(side)], **of_side)
    for place, row in zip(places, rows.itertuples(), strict=True):
        words = row.level_range if isinstance(row.level_range, str) else ""
        write(panel, words, (place, row.value), (7, 0), zorder=5, va="center")
    set_months(panel, rows["period"], step=1)
    panel.set_xlim(-0.6, len(rows) - 0.3)
    panel.set_ylim(bottom=0)
    panel.set_ylabel(unit)
    explain(figure, "outside lower center", ncols=3)
    return figure


def set_months(panel: Axes, periods: pd.Series, *, step: int) -> None:
    """Name every `step`th month; a broken line stands where the next shown is not the next one."""
    for place, (one, other) in enumerate(itertools.pairwise(periods)):
        if pd.Period(one, "M") + 1 != pd.Period(other, "M"):
            panel.axvline(place + 0.5, color=PALE, linewidth=0.8, linestyle=(0, (2, 3)))
    ticks = list(range(0, len(periods), step))
    panel.set_xticks(ticks, [period.replace("-", "\n") for period in periods.iloc[ticks]])
    panel.grid(visible=False, axis="x")


def mark_streak(panel: Axes, rows: pd.DataFrame, text: Text) -> None:
    """Draw a line over the longest run of adjacent periods in which the unit was first or tied."""
    end, length = int(rows["streak"].argmax()), int(rows["streak"].max())
    if length < 2:
        return
    low, high = panel.get_ylim()
    top = high + 0.06 * (high - low)
    panel.set_ylim(low, high + 0.22 * (high - low))
    panel.plot([end - length + 0.75, end + 0.25], [top, top], color=INK, linewidth=1.4)
    words, middle = text("figures.streak", months=length), end - (length - 1) / 2
    panel.annotate(words, (middle, top), xytext=(0, 3), textcoords="offset points", fontsize=8,
                   ha="center", va="bottom")  # fmt: skip


@house_style()
def vintages(rows: pd.DataFrame, text: Text, *, unit: str) -> Figure:
    """Return a total by year, joined within a vintage only, above its share of the whole.

    `rows`: year, total, vintage, share.
    """
    names = list(rows["vintage"].unique())
    colours, shapes = colours_of(names), dict(zip(names, "osD^vPX", strict=False))
    figure = Figure(figsize=(WIDTH, 5.4), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    for name, own in rows.astype({"year": int}).groupby("vintage", sort=False):
        style: Any = {"color": colours[str(name)], "marker": shapes[str(name)], "markersize": 6}
        upper.plot(own["year"], own["total"], label=name, linewidth=1.6, **style)
        lower.plot(own["year"], own["share"], linewidth=1.6, **style)
    for row in rows.itertuples():
        for panel, value in ((upper, row.total), (lower, row.share)):
            if not pd.isna(value):
                write(panel, f"{value:.1f}", (int(row.year), value), (0, 7), ha="center")
    lower.axhline(25, **LIMIT)
    upper.set_ylabel(unit)
    lower.set_ylabel(text("figures.share"))
    upper.set_ylim(0, rows["total"].max() * 1.12)
    lower.margins(y=0.25)
    lower.xaxis.set_major_locator(MaxNLocator(integer=True))
    explain(figure, "outside upper left", ncols=2)
    return figure


@house_style()
def first_places(rows: pd.DataFrame, text: Text, *, unit: str, name: str) -> Figure:
    """Return, month by month, how far a unit lay from the best of its rivals, and how it came out.

    `rows`: period, series, value, best, outcome, streak; a panel for every series.
    """
    series = list(rows["series"].unique())
    heights = [1.5 if (rows["series"] == one).sum() < FEW else 2.7 for one in series]
    figure = Figure(figsize=(WIDTH, 0.4 + sum(heights)), layout="constrained")
    grid = figure.subplots(len(series), 1, squeeze=False, height_ratios=heights)
    for panel, one in zip(grid.flat, series, strict=True):
        draw_gaps(panel, rows[rows["series"] == one].reset_index(drop=True), text)
        panel.set_title(one, loc="left", fontsize=10)
    figure.supylabel(text("figures.gap", name=name, unit=unit), fontsize=10)
    explain(figure, "outside lower center", ncols=3)
    return figure


def draw_gaps(panel: Axes, rows: pd.DataFrame, text: Text) -> None:
    """Draw how far one series lay from the best of the others, each outcome in its own shape."""
    looks = {"first": ("#2f7f5f", "o"), "tied": ("#b58900", "s"), "not_first": (ACCENT, "^")}
    gap = rows["value"] - rows["best"]
    panel.axhline(0, color=INK, linewidth=0.9)
    panel.vlines(rows.index, 0, gap, color=PALE, linewidth=2, zorder=1)
    for outcome, part in gap.groupby(rows["outcome"]):
        colour, shape = looks[str(outcome)]
        style: Any = {"color": colour, "marker": shape, "label": text(f"outcomes.{outcome}")}
        panel.scatter(part.index, part, s=26, zorder=3, linewidth=0, **style)
    set_months(panel, rows["period"], step=1 if len(rows) < 15 else 6)
    mark_streak(panel, rows, text)
