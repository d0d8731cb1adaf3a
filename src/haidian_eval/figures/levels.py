"""Values of all units beside each other: levels, and changes against where they began."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from haidian_eval.figures.house import (
    ACCENT,
    INK,
    LIMIT,
    QUIET,
    WIDTH,
    colours_of,
    embolden,
    explain,
    house_style,
    write,
)
from haidian_eval.report.exhibit import decimals
from haidian_eval.text import Text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ACROSS = 3  # panels side by side


@house_style()
def levels_by_unit(
    rows: pd.DataFrame, text: Text, *, full_marks_at: float, unit: str, highlight: str
) -> Figure:
    """Return one panel per period: the value of every unit against the line of full marks.

    `rows`: period, group, unit_name, value (missing is said), in the order in which they are drawn.
    """
    periods, names, groups = (
        list(rows[name].unique()) for name in ("period", "unit_name", "group")
    )
    across = min(len(periods), ACROSS)
    down = -(-len(periods) // across)
    figure = Figure(figsize=(WIDTH, 0.6 + down * (0.9 + 0.27 * len(names))), layout="constrained")
    panels = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False).ravel()
    for spare in panels[len(periods) :]:
        spare.remove()
    for panel, period in zip(panels, periods, strict=False):
        own = rows[rows["period"] == period].assign(place=lambda r: r["unit_name"].map(names.index))
        draw_levels(panel, own, colours_of(groups), full_marks_at, text)
        panel.set_title(text.period(period), loc="left", fontsize=11)
        panel.set_xlabel(unit)
        panel.set_yticks(range(len(names)), names)
    panels[0].set_ylim(len(names) - 0.5, -0.5)
    ends = [0.0, full_marks_at, *rows["value"]]
    low, high = np.nanmin(ends), np.nanmax(ends)
    panels[0].set_xlim(low - 0.12 * (high - low) * (low < 0), high + 0.12 * (high - low))
    panels[0].xaxis.set_major_locator(MaxNLocator(5))
    embolden(panels[0], highlight)
    explain(figure, "outside upper left", ncols=len(groups))
    return figure


def draw_levels(
    panel: Axes, rows: pd.DataFrame, colours: dict[str, Any], full_marks_at: float, text: Text
) -> None:
    """Draw the points of one period, their values, the line of full marks and who is absent."""
    import seaborn as sns

    if not pd.isna(full_marks_at):
        panel.axvline(full_marks_at, **LIMIT)
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
        shift, side = ((-6, 0), "right") if left else ((6, 0), "left")
        at = (0 if absent else row.value, row.place)
        write(panel, words, at, shift, ha=side, va="center", color=QUIET)


@house_style()
def change_on_base(panels: dict[str, pd.DataFrame], text: Text, *, highlight: str) -> Figure:
    """Return, per comparison, the change of every unit over its base, and what the base expects.

    `panels`: title -> unit_name, base, relative, expected; values in per cent.
    """
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)
    expected, each = text("figures.expected"), text("figures.each_unit")
    for panel, (title, rows) in zip(grid.flat, panels.items(), strict=True):
        base, change, own = rows["base"], rows["relative"], rows[rows["unit_name"] == highlight]
        panel.axhline(0, color=QUIET, linewidth=0.8)
        panel.scatter(base, rows["expected"], marker="_", s=90, color=INK, zorder=2, label=expected)
        panel.scatter(base, change, s=22, color=QUIET, zorder=3, linewidth=0, label=each)
        shown: Any = {"s": 52, "color": ACCENT, "zorder": 4, "label": highlight}
        panel.scatter(own["base"], own["relative"], **shown)
        panel.set_title(title, loc="left", fontsize=10)
        panel.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    grid.flat[0].set_ylabel(text("figures.change"))
    figure.supxlabel(text("figures.base"), fontsize=10)
    explain(figure, "outside upper left", ncols=3)
    return figure
