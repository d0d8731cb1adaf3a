"""One function per figure: a result in, a Figure out; nothing is computed here."""

from __future__ import annotations

import itertools
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from haidian_eval import fonts
from haidian_eval.report.exhibit import decimals
from haidian_eval.text import Text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, QUIET, ACCENT = "#1a2733", "#5d6b78", "#b3261e"
GROUP_PALETTE = "colorblind"
LEGEND: Any = {"frameon": False, "fontsize": 9, "columnspacing": 1.2, "handletextpad": 0.2}
ACROSS = 3  # panels side by side
FEW = 6  # points that a low panel holds
HALO = [withStroke(linewidth=2.5, foreground="white")]  # figures beside a line stay readable


def house_style() -> AbstractContextManager[None]:
    """Return the drawing style; a reader's own matplotlib settings do not enter."""
    settings: dict[str, Any] = {
        "font.family": [fonts.register()],
        "font.size": 10,
        "axes.edgecolor": QUIET,
        "axes.labelcolor": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.grid.axis": "both",
        "axes.axisbelow": True,
        "grid.color": "#e4e8ec",
        "text.color": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "ytick.left": False,
    }
    defaults = {k: v for k, v in mpl.rcParamsDefault.items() if not k.startswith("backend")}
    style: Any = defaults | settings
    return mpl.rc_context(style)


def levels_by_unit(
    rows: pd.DataFrame, text: Text, *, full_marks_at: float, unit: str, highlight: str
) -> Figure:
    """Return one panel per period: the value of every unit against the line of full marks.

    `rows`: period, group, unit_name, value (missing is said), in the order in which they are drawn.
    """
    import seaborn as sns

    periods = list(dict.fromkeys(rows["period"]))
    names = list(dict.fromkeys(rows["unit_name"]))
    groups = list(dict.fromkeys(rows["group"]))
    colours = dict(zip(groups, sns.color_palette(GROUP_PALETTE, len(groups)), strict=True))
    with house_style():
        across = min(len(periods), ACROSS)
        down = -(-len(periods) // across)
        size = (7.4, 0.6 + down * (0.9 + 0.27 * len(names)))
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
        panels = list(grid.flat)
        for spare in panels[len(periods) :]:
            spare.remove()
        panels = panels[: len(periods)]
        for panel, period in zip(panels, periods, strict=True):
            own = rows[rows["period"] == period].assign(
                place=lambda r: r["unit_name"].map(names.index)
            )
            draw_levels(panel, own, colours, full_marks_at, text)
            panel.set_title(text.period(period), loc="left", fontsize=11)
            panel.set_xlabel(unit)
            panel.set_yticks(range(len(names)), names)
        panels[0].set_ylim(len(names) - 0.5, -0.5)
        ends = [0.0, full_marks_at, *rows["value"]]
        low, high = np.nanmin(ends), np.nanmax(ends)
        panels[0].set_xlim(low - 0.12 * (high - low) * (low < 0), high + 0.12 * (high - low))
        panels[0].xaxis.set_major_locator(MaxNLocator(5))
        embolden(panels[0], highlight)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=len(groups), **LEGEND)
    return figure


def draw_levels(
    panel: Axes, rows: pd.DataFrame, colours: dict[str, Any], full_marks_at: float, text: Text
) -> None:
    """Draw the points of one period, their values, the line of full marks and who is absent."""
    import seaborn as sns

    if not pd.isna(full_marks_at):
        panel.axvline(full_marks_at, color=ACCENT, linewidth=1, linestyle=(0, (4, 3)))
        words = text("figures.full_marks", at=full_marks_at)
        panel.text(full_marks_at, -0.6, words, color=ACCENT, fontsize=8, ha="center", va="bottom")
    sns.scatterplot(
        rows, x="value", y="place", hue="group", palette=colours, s=42, linewidth=0, ax=panel,
        style="group", legend="full",
    )  # fmt: skip
    if legend := panel.get_legend():
        legend.remove()
    panel.set_ylabel("")
    places = decimals(rows["value"])
    for row in rows.itertuples(index=False):
        absent = pd.isna(row.value)
        words = text("figures.absent") if absent else f"{row.value:.{places}f}"
        left = not absent and row.value <= full_marks_at
        panel.annotate(
            words, (0 if absent else row.value, row.place), xytext=(-6 if left else 6, 0),
            textcoords="offset points", ha="right" if left else "left", va="center", fontsize=8,
            color=QUIET, path_effects=HALO,
        )  # fmt: skip


def embolden(panel: Axes, name: str) -> None:
    """Let the unit that the report is about stand out among the labels."""
    for label in panel.get_yticklabels():
        if label.get_text() == name:
            label.set_color(ACCENT)


def runs_against_median(
    rows: pd.DataFrame, points: pd.DataFrame, text: Text, *, unit: str, name: str
) -> Figure:
    """Return the run chart of one unit: its value, the median and the spread of all units.

    `rows`: period, value, median, lowest, highest, level_range, side, by period; `points`: period,
    value of every unit. Months that were not published have no place on the axis; a gap is drawn
    where the next month shown is not the next month.
    """
    places = range(len(rows))
    with house_style():
        figure = Figure(figsize=(7.4, 3.9), layout="constrained")
        panel = figure.subplots()
        panel.vlines(places, rows["lowest"], rows["highest"], color="#c9d2da", linewidth=7,
                     zorder=1, label=text("figures.spread"))  # fmt: skip
        at = {period: place for place, period in enumerate(rows["period"])}
        panel.scatter(points["period"].map(at), points["value"], s=9, color=QUIET, zorder=2,
                      alpha=0.7, linewidth=0, label=text("figures.each_unit"))  # fmt: skip
        panel.scatter(places, rows["median"], marker="_", s=240, color=INK, zorder=3, linewidth=1.6,
                      label=text("figures.median"))  # fmt: skip
        shape = {"better": "o", "tied": "s", "worse": "^"}
        for side, own in rows.assign(place=places).groupby("side", sort=False):
            words = text("figures.side", name=name, side=text(f"sides.{side}"))
            panel.scatter(own["place"], own["value"], s=52, color=ACCENT, marker=shape[str(side)],
                          zorder=4, label=words)  # fmt: skip
        for place, row in zip(places, rows.itertuples(), strict=True):
            words = row.level_range if isinstance(row.level_range, str) else ""
            panel.annotate(
                words, (place, row.value), xytext=(7, 0), zorder=5, textcoords="offset points",
                va="center", fontsize=8, path_effects=HALO,
            )  # fmt: skip
        mark_gaps(panel, list(rows["period"]))
        panel.set_xticks(list(places), [period.replace("-", "\n") for period in rows["period"]])
        panel.set_xlim(-0.6, len(rows) - 0.3)
        panel.set_ylim(bottom=0)
        panel.set_ylabel(unit)
        panel.grid(visible=False, axis="x")
        figure.legend(loc="outside lower center", ncols=3, **LEGEND)
    return figure


def mark_gaps(panel: Axes, periods: list[str]) -> None:
    """Draw a broken line wherever the next period shown is not the next month."""
    for place, (one, other) in enumerate(itertools.pairwise(periods)):
        if pd.Period(one, "M") + 1 != pd.Period(other, "M"):
            panel.axvline(place + 0.5, color="#c9d2da", linewidth=0.8, linestyle=(0, (2, 3)))


def mark_streak(panel: Axes, rows: pd.DataFrame, text: Text) -> None:
    """Draw a line over the longest run of adjacent periods in which the unit was first or tied."""
    end, length = int(rows["streak"].argmax()), int(rows["streak"].max())
    if length < 2:
        return
    low, high = panel.get_ylim()
    top = high + 0.06 * (high - low)
    panel.set_ylim(low, high + 0.22 * (high - low))
    panel.plot([end - length + 0.75, end + 0.25], [top, top], color=INK, linewidth=1.4)
    words = text("figures.streak", months=length)
    panel.annotate(words, (end - (length - 1) / 2, top), xytext=(0, 3), fontsize=8,
                   textcoords="offset points", ha="center", va="bottom")  # fmt: skip


def change_on_base(panels: dict[str, pd.DataFrame], text: Text, *, highlight: str) -> Figure:
    """Return, per comparison, the change of every unit over its base, and what the base expects.

    `panels`: title -> unit_name, base, relative, expected; values in per cent.
    """
    with house_style():
        figure = Figure(figsize=(7.4, 3.4), layout="constrained")
        grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)
        for panel, (title, rows) in zip(grid.flat, panels.items(), strict=True):
            panel.axhline(0, color=QUIET, linewidth=0.8)
            panel.scatter(rows["base"], rows["expected"], marker="_", s=90, color=INK, zorder=2,
                          label=text("figures.expected"))  # fmt: skip
            panel.scatter(rows["base"], rows["relative"], s=22, color=QUIET, zorder=3, linewidth=0,
                          label=text("figures.each_unit"))  # fmt: skip
            own = rows[rows["unit_name"] == highlight]
            panel.scatter(own["base"], own["relative"], s=52, color=ACCENT, zorder=4,
                          label=highlight)  # fmt: skip
            panel.set_title(title, loc="left", fontsize=10)
            panel.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        grid.flat[0].set_ylabel(text("figures.change"))
        figure.supxlabel(text("figures.base"), fontsize=10)
        handles, labels = grid.flat[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=3, **LEGEND)
    return figure


def vintages(rows: pd.DataFrame, text: Text, *, unit: str) -> Figure:
    """Return a total by year, joined within a vintage only, above its share of the whole.

    `rows`: year, total, vintage, share.
    """
    import seaborn as sns

    names = list(dict.fromkeys(rows["vintage"]))
    colours = dict(zip(names, sns.color_palette(GROUP_PALETTE, len(names)), strict=True))
    shapes = dict(zip(names, ("o", "s", "D", "^", "v", "P", "X"), strict=False))
    with house_style():
        figure = Figure(figsize=(7.4, 5.4), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        for name, own in rows.astype({"year": int}).groupby("vintage", sort=False):
            style: Any = {"color": colours[name], "marker": shapes[name], "markersize": 6}
            upper.plot(own["year"], own["total"], label=name, linewidth=1.6, **style)
            lower.plot(own["year"], own["share"], linewidth=1.6, **style)
        for row in rows.itertuples():
            for panel, value, high in ((upper, row.total, 7), (lower, row.share, 7)):
                if not pd.isna(value):
                    panel.annotate(f"{value:.1f}", (int(row.year), value), xytext=(0, high),
                                   textcoords="offset points", ha="center", fontsize=8,
                                   path_effects=HALO)  # fmt: skip
        lower.axhline(25, color=ACCENT, linewidth=1, linestyle=(0, (4, 3)))
        upper.set_ylabel(unit)
        lower.set_ylabel(text("figures.share"))
        upper.set_ylim(0, rows["total"].max() * 1.12)
        lower.margins(y=0.25)
        lower.xaxis.set_major_locator(MaxNLocator(integer=True))
        figure.legend(loc="outside upper left", ncols=2, **LEGEND)
    return figure


def first_places(rows: pd.DataFrame, text: Text, *, unit: str, name: str) -> Figure:
    """Return, month by month, how far a unit lay from the best of its rivals, and how it came out.

    `rows`: period, series, value, best, outcome, streak; a panel for every series.
    """
    series = list(dict.fromkeys(rows["series"]))
    colours = {"first": "#2f7f5f", "tied": "#b58900", "not_first": ACCENT}
    shapes = {"first": "o", "tied": "s", "not_first": "^"}
    with house_style():
        heights = [1.5 if (rows["series"] == one).sum() < FEW else 2.7 for one in series]
        figure = Figure(figsize=(7.4, 0.4 + sum(heights)), layout="constrained")
        grid = figure.subplots(len(series), 1, squeeze=False, height_ratios=heights)
        for panel, one in zip(grid.flat, series, strict=True):
            own = rows[rows["series"] == one].reset_index(drop=True)
            gap = own["value"] - own["best"]
            panel.axhline(0, color=INK, linewidth=0.9)
            panel.vlines(own.index, 0, gap, color="#c9d2da", linewidth=2, zorder=1)
            for outcome, part in own.assign(gap=gap).groupby("outcome"):
                panel.scatter(part.index, part["gap"], s=26, color=colours[str(outcome)], zorder=3,
                              marker=shapes[str(outcome)], label=text(f"outcomes.{outcome}"),
                              linewidth=0)  # fmt: skip
            mark_gaps(panel, list(own["period"]))
            mark_streak(panel, own, text)
            step = 1 if len(own) < 15 else 6
            ticks = list(own.index[::step])
            panel.set_xticks(ticks, [own["period"][place].replace("-", "\n") for place in ticks])
            panel.set_title(one, loc="left", fontsize=10)
            panel.grid(visible=False, axis="x")
        figure.supylabel(text("figures.gap", name=name, unit=unit), fontsize=10)
        pairs = [panel.get_legend_handles_labels() for panel in grid.flat]
        found = {
            word: handle
            for handles, words in pairs
            for handle, word in zip(handles, words, strict=True)
        }
        figure.legend(found.values(), found.keys(), loc="outside lower center", ncols=3, **LEGEND)
    return figure
