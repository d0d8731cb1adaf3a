"""One function per figure: a result in, a Figure out; nothing is computed here."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from haidian_eval import fonts
from haidian_eval.text import Text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, QUIET, ACCENT = "#1a2733", "#5d6b78", "#b3261e"
GROUP_PALETTE = "colorblind"


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
    return mpl.rc_context(defaults | settings)


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
        figure = Figure(figsize=(7.4, 1.5 + 0.27 * len(names)), layout="constrained")
        panels = figure.subplots(1, len(periods), sharex=True, sharey=True, squeeze=False)[0]
        for panel, period in zip(panels, periods, strict=True):
            own = rows[rows["period"] == period].assign(
                place=lambda r: r["unit_name"].map(names.index)
            )
            draw_levels(panel, own, colours, full_marks_at, text)
            panel.set_title(text.period(period), loc="left", fontsize=11)
            panel.set_xlabel(unit)
            panel.set_yticks(range(len(names)), names)
        panels[0].set_ylim(len(names) - 0.5, -0.5)
        panels[0].set_xlim(left=0)
        embolden(panels[0], highlight)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=len(groups), frameon=False)
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
    panel.legend_.remove()
    panel.set_ylabel("")
    for row in rows.itertuples(index=False):
        absent = pd.isna(row.value)
        words = text("figures.absent") if absent else f"{row.value:.1f}"
        panel.annotate(
            words, (0 if absent else row.value, row.place), xytext=(6, 0), fontsize=8,
            textcoords="offset points", va="center", color=QUIET,
        )  # fmt: skip


def embolden(panel: Axes, name: str) -> None:
    """Let the unit that the report is about stand out among the labels."""
    for label in panel.get_yticklabels():
        if label.get_text() == name:
            label.set_color(ACCENT)
