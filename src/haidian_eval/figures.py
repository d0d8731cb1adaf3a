"""One function per figure: a result in, a Figure out; nothing is computed here."""

from __future__ import annotations

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
