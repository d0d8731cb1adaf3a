"""The effect of a policy: who adopted when, what moved then, and how far it can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from haidian_eval.figures.house import (
    ACCENT,
    LEGEND,
    LIMIT,
    PALE,
    QUIET,
    WIDTH,
    explain,
    house_style,
    write,
)
from haidian_eval.text import Text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE = "#1f4e79"
STATES = {"untracked": "white", "tracked": PALE, "treated": BLUE, "absent": "white"}
BAND: Any = {"color": "#9fbfd9", "alpha": 0.55, "linewidth": 0}
ACROSS = 2  # cohorts side by side
LINE: Any = {"color": QUIET, "linewidth": 0.9}


@house_style()
def adoption_calendar(cells: pd.DataFrame, text: Text) -> Figure:
    """Return, park by period, whether it was tracked, treated, or handed in nothing.

    `cells`: unit_name, period, state ("untracked" | "tracked" | "treated" | "absent"), in order.
    """
    parks, periods = list(cells["unit_name"].unique()), list(cells["period"].unique())
    figure = Figure(figsize=(WIDTH, 1.0 + 0.24 * len(parks)), layout="constrained")
    panel = figure.subplots()
    for row in cells.itertuples(index=False):
        at = (periods.index(row.period), parks.index(row.unit_name))
        draw_state(panel, at, str(row.state))
    panel.set_xlim(-0.55, len(periods) - 0.45)
    panel.set_ylim(len(parks) - 0.45, -0.55)
    panel.set_xticks(range(len(periods)), [period.replace("Q", "\nQ") for period in periods])
    panel.set_yticks(range(len(parks)), parks)
    panel.grid(visible=False)
    panel.spines[:].set_visible(False)
    panel.tick_params(length=0)
    hatch = {"absent": "////"}
    keys = [Patch(facecolor=colour, edgecolor=QUIET, hatch=hatch.get(name),
                  label=text(f"effect.states.{name}"))
            for name, colour in STATES.items()]  # fmt: skip
    style = LEGEND | {"handletextpad": 0.5}
    figure.legend(handles=keys, loc="outside upper left", ncols=len(keys), **style)
    return figure


def draw_state(panel: Axes, at: tuple[int, int], state: str) -> None:
    """Draw one cell of the calendar; states differ by shade and hatching, not by hue alone."""
    style: Any = {"facecolor": STATES[state], "edgecolor": PALE, "linewidth": 0.6}
    if state == "absent":
        style |= {"hatch": "////", "edgecolor": QUIET}
    panel.bar(at[0], 0.86, bottom=at[1] - 0.43, width=0.9, **style)


@house_style()
def effect_over_time(rows: pd.DataFrame, text: Text, *, unit: str) -> Figure:
    """Return effects by periods since adoption: intervals of each, and the band of all at once.

    `rows`: key, value, low, high, band_low, band_high.
    """
    figure = Figure(figsize=(WIDTH, 3.9), layout="constrained")
    panel, own = figure.subplots(), rows.astype({"key": float})
    panel.axhline(0, **LINE)
    panel.axvline(-0.5, **LIMIT)
    for early, marker in ((True, "s"), (False, "o")):
        part = own[(own["key"] < 0) == early]
        panel.fill_between(part["key"], part["band_low"], part["band_high"],
                           label=text("figures.band"), **BAND)  # fmt: skip
        ends = [part["value"] - part["low"], part["high"] - part["value"]]
        words = text("figures.before_adoption" if early else "figures.since_adoption")
        style: Any = {"color": QUIET if early else BLUE, "markersize": 5.5, "capsize": 3}
        panel.errorbar(part["key"], part["value"], yerr=ends, fmt=marker, elinewidth=1.3,
                       label=words, zorder=3, **style)  # fmt: skip
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    panel.set_xlabel(text("figures.since"))
    panel.set_ylabel(text("figures.effect", unit=unit))
    panel.grid(visible=False, axis="x")
    explain(figure, "outside upper left", ncols=3)
    return figure


@house_style()
def effect_by_cohort(rows: pd.DataFrame, text: Text, *, unit: str) -> Figure:
    """Return a panel per cohort: its effect by period with simultaneous intervals.

    `rows`: cohort, time, value, low, high, in the order of time. The broken line is the adoption.
    """
    cohorts, periods = list(rows["cohort"].unique()), sorted(rows["time"].unique())
    down = -(-len(cohorts) // ACROSS)
    figure = Figure(figsize=(WIDTH, 0.7 + 2.5 * down), layout="constrained")
    grid = figure.subplots(down, ACROSS, sharex=True, sharey=True, squeeze=False).ravel()
    for spare in grid[len(cohorts) :]:
        spare.remove()
    for panel, cohort in zip(grid, cohorts, strict=False):
        own = rows[rows["cohort"] == cohort]
        at = [periods.index(period) for period in own["time"]]
        ends = [own["value"] - own["low"], own["high"] - own["value"]]
        panel.axhline(0, **LINE)
        style: Any = {"color": BLUE, "markersize": 4.5, "capsize": 2.5, "elinewidth": 1.2}
        panel.errorbar(at, own["value"], yerr=ends, fmt="o", **style)
        if cohort in periods:
            panel.axvline(periods.index(cohort) - 0.5, **LIMIT)
        panel.set_title(text("figures.cohort", period=cohort), loc="left", fontsize=10)
        step = max(1, -(-len(periods) // 6))
        ticks = range(0, len(periods), step)
        panel.set_xticks(ticks, [periods[one].replace("Q", "\nQ") for one in ticks])
        panel.grid(visible=False, axis="x")
    figure.supylabel(text("figures.effect", unit=unit), fontsize=10)
    return figure


@house_style()
def left_out_parks(rows: pd.DataFrame, text: Text, *, unit: str, main: float) -> Figure:
    """Return the effect without each park beside the one with all; parks as they come.

    `rows`: unit_name, value, kind ("adopts" | "never").
    """
    figure = Figure(figsize=(WIDTH, 1.2 + 0.22 * len(rows)), layout="constrained")
    panel, places = figure.subplots(), pd.Series(range(len(rows)), rows.index)
    panel.axvline(0, **LINE)
    panel.axvline(main, color=ACCENT, linewidth=1.2, linestyle=(0, (4, 3)),
                  label=text("figures.all_parks"))  # fmt: skip
    for kind, colour, marker in (("adopts", BLUE, "o"), ("never", QUIET, "s")):
        own = rows[rows["kind"] == kind]
        words = text(f"figures.without_{kind}")
        panel.scatter(own["value"], places[own.index], color=colour, marker=marker, s=30, zorder=3,
                      label=words, linewidth=0)  # fmt: skip
    panel.set_yticks(places, rows["unit_name"])
    panel.set_ylim(len(rows) - 0.4, -0.6)
    panel.set_xlabel(text("figures.effect", unit=unit))
    low, high = min(0.0, rows["value"].min(), main), max(0.0, rows["value"].max(), main)
    panel.set_xlim(low - 0.06 * (high - low), high + 0.08 * (high - low))
    explain(figure, "outside upper left", ncols=3)
    return figure


@house_style()
def placebo_spread(
    rows: pd.DataFrame, text: Text, *, unit: str, actual: float, words: str
) -> Figure:
    """Return how often exchanged adoptions gave which effect, and the one of the real adoption.

    `rows`: low, high, count; `words`: what is written beside the real one.
    """
    figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
    panel = figure.subplots()
    look: Any = {"color": PALE, "edgecolor": "white", "linewidth": 0.5, "align": "edge"}
    panel.bar(rows["low"], rows["count"], width=rows["high"] - rows["low"],
              label=text("figures.exchanged"), **look)  # fmt: skip
    panel.axvline(actual, color=ACCENT, linewidth=1.8, label=text("figures.actual"))
    low, high = min(rows["low"].min(), actual), max(rows["high"].max(), actual)
    right = actual > (low + high) / 2
    write(panel, words, (actual, 0.9 * rows["count"].max()), (-6 if right else 6, 0),
          ha="right" if right else "left", color=ACCENT)  # fmt: skip
    panel.set_xlim(low - 0.06 * (high - low), high + 0.06 * (high - low))
    panel.set_xlabel(text("figures.effect", unit=unit))
    panel.set_ylabel(text("figures.assignments"))
    panel.grid(visible=False, axis="x")
    explain(figure, "outside upper left", ncols=2)
    return figure


@house_style()
def sensitivity_to_trends(rows: pd.DataFrame, text: Text, *, unit: str, breakdown: float) -> Figure:
    """Return the interval of the effect by how much larger a break of trends is than before.

    `rows`: mbar, low, high; `breakdown`: from which on the interval holds zero.
    """
    figure = Figure(figsize=(WIDTH, 3.3), layout="constrained")
    panel = figure.subplots()
    panel.axhline(0, **LINE)
    for above, colour in ((True, BLUE), (False, QUIET)):
        own = rows[((rows["low"] > 0) | (rows["high"] < 0)) == above]
        words = text("figures.leaves_out" if above else "figures.holds")
        panel.vlines(own["mbar"], own["low"], own["high"], color=colour, linewidth=4, label=words)
        for end, gap in (("low", -11), ("high", 5)):
            for at, value in zip(own["mbar"], own[end], strict=True):
                shown = f"{value:.1f}".replace("-", "−")
                write(panel, shown, (at, value), (0, gap), ha="center", color=QUIET)
    last = float(rows["mbar"].max())
    if 0 < breakdown <= last * 1.1:
        panel.axvline(breakdown, label=text("figures.breakdown", at=f"{breakdown:.2f}"), **LIMIT)
    panel.set_xticks(rows["mbar"], [f"{one:g}" for one in rows["mbar"]])
    panel.set_xlim(0, last * 1.12)
    panel.margins(y=0.16)
    panel.set_xlabel(text("figures.mbar"))
    panel.set_ylabel(text("figures.effect", unit=unit))
    panel.grid(visible=False, axis="x")
    explain(figure, "outside upper left", ncols=3)
    return figure


@house_style()
def series_around(rows: pd.DataFrame, text: Text, *, unit: str, adopted: str) -> Figure:
    """Return the mean of all firms by period, and when the policy began for all at once.

    `rows`: period, value.
    """
    figure = Figure(figsize=(WIDTH, 3.0), layout="constrained")
    panel, periods = figure.subplots(), list(rows["period"])
    panel.plot(range(len(rows)), rows["value"], color=BLUE, marker="o", markersize=5, linewidth=1.4)
    if adopted in periods:
        panel.axvline(periods.index(adopted) - 0.5, label=text("figures.one_date"), **LIMIT)
    step = max(1, -(-len(periods) // 12))
    ticks = range(0, len(periods), step)
    panel.set_xticks(ticks, [str(periods[one]).replace("Q", "\nQ") for one in ticks])
    panel.set_ylabel(unit)
    panel.grid(visible=False, axis="x")
    explain(figure, "outside upper left", ncols=1)
    return figure
