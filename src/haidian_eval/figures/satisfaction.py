"""Surveys: what was answered, how sure it is, what goes with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from haidian_eval.figures.house import (
    ACCENT,
    INK,
    LEGEND,
    PALE,
    QUIET,
    WIDTH,
    explain,
    house_style,
    spread,
    write,
)
from haidian_eval.text import Text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE = "#1f4e79"
LEVELS = {3: ("#d9a441", PALE, BLUE), 4: ("#a8641a", "#e3b873", "#9fbfd9", BLUE),
          5: ("#a8641a", "#e3b873", PALE, "#9fbfd9", BLUE)}  # fmt: skip
DARK = {"#a8641a", BLUE}
WRITTEN = 5.0  # per cent from which a bar has room for its figure
LINE: Any = {"color": QUIET, "linewidth": 0.9}
POINT: Any = {"color": BLUE, "markersize": 5, "capsize": 2.5, "elinewidth": 1.2, "zorder": 3}


def shades(levels: int) -> list[Any]:
    """Return a colour for each level of a scale, the lowest first."""
    from matplotlib import colormaps

    if levels in LEVELS:
        return list(LEVELS[levels])
    return [colormaps["BrBG"](at) for at in np.linspace(0.1, 0.9, levels)]


@house_style()
def answers(rows: pd.DataFrame, text: Text) -> Figure:
    """Return how each question was answered, as bars around the middle of the scale.

    `rows`: item (words), n, level (1 is the lowest of the scale; missing: several that are joined),
    scale (levels that it has), below (the part of the bar left of the middle, 0 to 1), share (per
    cent), label.
    """
    items = list(rows["item"].unique())
    figure = Figure(figsize=(WIDTH, 1.3 + 0.42 * len(items)), layout="constrained")
    panel = figure.subplots()
    colours = shades(int(rows["scale"].max()))
    for at, item in enumerate(items):
        own = rows[rows["item"] == item]
        left = -float((own["share"] * own["below"]).sum())
        for row in own.itertuples(index=False):
            joined = pd.isna(row.level)
            colour = "white" if joined else colours[int(row.level) - 1]
            look: Any = {"hatch": "////", "edgecolor": QUIET} if joined else {"edgecolor": "white"}
            panel.barh(at, row.share, left=left, height=0.66, color=colour, linewidth=0.6,
                       label=str(row.label), **look)  # fmt: skip
            if row.share >= WRITTEN and not joined:
                panel.annotate(f"{row.share:.0f}", (left + row.share / 2, at), fontsize=8,
                               ha="center", va="center_baseline",
                               color="white" if colour in DARK else INK)  # fmt: skip
            left += row.share
    panel.axvline(0, **(LINE | {"zorder": 0.5}))
    panel.set_xlim(panel.get_xlim()[0] - 2)
    named = [f"{item} (n={rows.loc[rows['item'] == item, 'n'].iloc[0]:,})" for item in items]
    panel.set_yticks(range(len(items)), named)
    panel.set_ylim(len(items) - 0.4, -0.6)
    panel.xaxis.set_major_formatter(lambda value, _: f"{abs(value):.0f}")
    panel.set_xlabel(text("figures.answers"))
    panel.grid(visible=False, axis="y")
    handles = dict(zip(*panel.get_legend_handles_labels()[::-1], strict=True))
    ordered = sorted(handles, key=lambda word: (word.isdigit(), word))
    figure.legend([handles[word] for word in ordered], ordered, loc="outside upper left", ncols=6,
                  **LEGEND)  # fmt: skip
    return figure


@house_style()
def forest(
    rows: pd.DataFrame, text: Text, *, axis: str, main: tuple[float, float, float] | None = None,
    unseen: str = "",
) -> Figure:  # fmt: skip
    """Return estimates with intervals and n, in the order in which they come.

    `rows`: label, value, low, high (missing: not shown), n_said. `main`: value and interval of all.
    `unseen`: what stands in place of a value that is not shown.
    """
    figure = Figure(figsize=(WIDTH, 1.1 + 0.23 * len(rows)), layout="constrained")
    panel, places = figure.subplots(), np.arange(len(rows))
    if main is None:
        panel.axvline(0, **LINE)
    else:
        panel.axvspan(main[1], main[2], color=PALE, alpha=0.6, linewidth=0)
        panel.axvline(main[0], color=ACCENT, linewidth=1.2, label=text("figures.all"))
    ends = [rows["value"] - rows["low"], rows["high"] - rows["value"]]
    panel.errorbar(rows["value"], places, xerr=ends, fmt="o", label=text("figures.interval"),
                   **POINT)  # fmt: skip
    panel.set_yticks(places, rows["label"])
    panel.set_ylim(len(rows) - 0.4, -0.6)
    right: Any = {"xycoords": ("axes fraction", "data"), "fontsize": 8, "va": "center_baseline",
                  "annotation_clip": False, "xytext": (4, 0),
                  "textcoords": "offset points"}  # fmt: skip
    for place, n in zip(places, rows["n_said"], strict=True):
        panel.annotate(str(n), (1, place), **right)
    panel.annotate("n", (1, -1), **right)
    span = panel.get_xlim()
    for place in places[rows["value"].isna()]:
        write(panel, unseen, (sum(span) / 2, place), (0, 0), color=QUIET, ha="center",
              va="center_baseline")  # fmt: skip
    panel.set_xlim(span)
    panel.set_xlabel(axis)
    panel.grid(visible=False, axis="y")
    explain(figure, "outside upper left", ncols=3)
    return figure


@house_style()
def importance_map(rows: pd.DataFrame, text: Text, *, middle: tuple[float, float]) -> Figure:
    """Return importance by performance with the interval of both.

    `rows`: label, performance, performance_low, performance_high, importance, importance_low,
    importance_high. `middle`: performance and importance where the quadrants meet.
    """
    figure = Figure(figsize=(WIDTH, 4.6), layout="constrained")
    panel = figure.subplots()
    across, up = ([rows[x] - rows[f"{x}_low"], rows[f"{x}_high"] - rows[x]]
                  for x in ("performance", "importance"))  # fmt: skip
    panel.errorbar(rows["performance"], rows["importance"], xerr=across, yerr=up, fmt="o",
                   **(POINT | {"ecolor": "#9fbfd9"}))  # fmt: skip
    panel.axvline(middle[0], **LINE)
    panel.axhline(middle[1], **LINE)
    panel.margins(0.12)
    label_apart(panel, rows)
    corners = {"concentrate": (0, 1), "keep": (1, 1), "low_priority": (0, 0), "overkill": (1, 0)}
    for name, (x, y) in corners.items():
        panel.annotate(text(f"satisfaction.quadrants.{name}"), (x, y), xycoords="axes fraction",
                       xytext=(6 - 12 * x, 6 - 12 * y), textcoords="offset points", color=QUIET,
                       ha="right" if x else "left", va="top" if y else "bottom",
                       fontsize=9)  # fmt: skip
    panel.set_xlabel(text("figures.performance"))
    panel.set_ylabel(text("figures.importance"))
    return figure


def label_apart(panel: Axes, rows: pd.DataFrame) -> None:
    """Write the names beside the points, apart from each other."""
    low, high = panel.get_ylim()
    places = spread(rows["importance"], (high - low) / 18)
    for place, row in zip(places, rows.itertuples(index=False), strict=True):
        write(panel, str(row.label), (row.performance, place), (6, 3), color=INK)


@house_style()
def driver_bars(rows: pd.DataFrame, text: Text) -> Figure:
    """Return how much of what can be explained goes with each item, with its interval.

    `rows`: label, share, low, high (per cent), in their order.
    """
    figure = Figure(figsize=(WIDTH, 1.1 + 0.34 * len(rows)), layout="constrained")
    panel, places = figure.subplots(), range(len(rows))
    ends = [rows["share"] - rows["low"], rows["high"] - rows["share"]]
    panel.barh(places, rows["share"], color="#9fbfd9", height=0.62)
    panel.errorbar(rows["share"], places, xerr=ends, fmt="none", ecolor=BLUE, capsize=3,
                   elinewidth=1.2)  # fmt: skip
    panel.set_yticks(places, rows["label"])
    panel.set_ylim(len(rows) - 0.4, -0.6)
    panel.set_xlim(left=min(0.0, float(rows["low"].min())))
    panel.set_xlabel(text("figures.driver_share"))
    panel.grid(visible=False, axis="y")
    return figure


@house_style()
def funnel(rows: pd.DataFrame, text: Text) -> Figure:
    """Return how many tickets reach each step.

    `rows`: label, tickets, share (per cent of the first), in their order.
    """
    figure = Figure(figsize=(WIDTH, 0.9 + 0.36 * len(rows)), layout="constrained")
    panel, places = figure.subplots(), range(len(rows))
    panel.barh(places, rows["tickets"], color="#9fbfd9", height=0.66)
    for place, row in zip(places, rows.itertuples(index=False), strict=True):
        words = f"{row.tickets:,.0f} ({row.share:.1f}%)"
        panel.annotate(words, (0, place), xytext=(6, 0), textcoords="offset points", fontsize=9,
                       va="center_baseline", color=INK)  # fmt: skip
    panel.set_yticks(places, rows["label"])
    panel.set_ylim(len(rows) - 0.4, -0.6)
    panel.set_xlabel(text("figures.tickets"))
    panel.grid(visible=False, axis="y")
    return figure


@house_style()
def rate_charts(rows: pd.DataFrame, text: Text) -> Figure:
    """Return a run chart per rate: months, centre, limits, and the months that signal.

    `rows`: title, month, value, centre, low, high, signal (blank: none), in the order of months.
    """
    titles = list(rows["title"].unique())
    figure = Figure(figsize=(WIDTH, 0.8 + 2.0 * len(titles)), layout="constrained")
    for panel, title in zip(figure.subplots(len(titles), 1, squeeze=False).ravel(), titles,
                            strict=True):  # fmt: skip
        own = rows[rows["title"] == title].reset_index(drop=True)
        panel.fill_between(own.index, own["low"], own["high"], step="mid", color=PALE, alpha=0.5,
                           linewidth=0, label=text("figures.limits"))  # fmt: skip
        panel.plot(own.index, own["centre"], label=text("figures.centre"), **LINE)
        panel.plot(own.index, own["value"], color=BLUE, marker="o", markersize=4.5, linewidth=1.2,
                   label=text("figures.month_rate"))  # fmt: skip
        odd = own[own["signal"] != ""]
        panel.scatter(odd.index, odd["value"], s=110, facecolor="none", edgecolor=ACCENT, zorder=4,
                      linewidth=1.6, label=text("figures.signal"))  # fmt: skip
        panel.margins(y=0.14)
        panel.set_title(title, loc="left", fontsize=10)
        panel.set_xticks(own.index, own["month"].str.slice(2).str.replace("-", "/"))
        panel.set_ylabel("%")
        panel.grid(visible=False, axis="x")
    explain(figure, "outside upper left", ncols=4)
    return figure


@house_style()
def coverage(rows: pd.DataFrame, text: Text) -> Figure:
    """Return the share of each group among those who took part, beside that of the population.

    `rows`: label, share, share_low, share_high (missing: not shown), population_share (per cent).
    """
    figure = Figure(figsize=(WIDTH, 1.1 + 0.26 * len(rows)), layout="constrained")
    panel, places = figure.subplots(), np.arange(len(rows))
    panel.scatter(rows["population_share"], places, marker="|", s=150, color=ACCENT, linewidth=2,
                  label=text("figures.in_population"))  # fmt: skip
    ends = [rows["share"] - rows["share_low"], rows["share_high"] - rows["share"]]
    panel.errorbar(rows["share"], places, xerr=ends, fmt="o", label=text("figures.taking_part"),
                   **POINT)  # fmt: skip
    for place in places[rows["share"].isna()]:
        at = (rows["population_share"].max(), place)
        write(panel, text("figures.unseen"), at, (6, 0), color=QUIET, va="center_baseline")
    panel.set_yticks(places, rows["label"])
    panel.set_ylim(len(rows) - 0.4, -0.6)
    panel.set_xlim(left=0)
    panel.set_xlabel(text("figures.group_share"))
    panel.grid(visible=False, axis="y")
    explain(figure, "outside upper left", ncols=2)
    return figure
