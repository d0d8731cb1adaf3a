"""What weights do: said and real influence, more of one weight, which choice moves the ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from haidian_eval.figures.house import (
    ACCENT,
    INK,
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

RISE, FALL = "#2f7f5f", "#b58900"


@house_style()
def weights_against_influence(rows: pd.DataFrame, text: Text) -> Figure:
    """Return the weight of every node beside its real influence, in the order of the tree.

    `rows`: indicator, heads (whether others stand below it), weight and influence (per cent within
    the parent), flag ("more" | "less" | ""): whether they are far apart.
    """
    figure = Figure(figsize=(WIDTH, 1.0 + 0.24 * len(rows)), layout="constrained")
    panel, places = figure.subplots(), range(len(rows))
    far = (rows["flag"] != "").to_numpy()
    colours = [ACCENT if one else PALE for one in far]
    panel.hlines(places, rows["weight"], rows["influence"], color=colours, linewidth=2, zorder=1)
    said: Any = {"s": 30, "facecolors": "white", "edgecolors": INK, "linewidths": 1.2}
    panel.scatter(rows["weight"], places, label=text("figures.weight"), zorder=2, **said)
    real: Any = {"s": 30, "linewidths": 0}
    panel.scatter(rows["influence"], places, color=INK, label=text("figures.influence"), zorder=3,
                  **real)  # fmt: skip
    panel.set_yticks(places, rows["indicator"])
    for place, heads, label in zip(places, rows["heads"], panel.get_yticklabels(), strict=True):
        label.set_color(ACCENT if far[place] else INK)
        if heads:
            panel.axhspan(place - 0.5, place + 0.5, color=PALE, alpha=0.4, linewidth=0)
    panel.set_ylim(len(rows) - 0.4, -0.6)
    panel.set_xlim(left=0)
    panel.set_xlabel(text("figures.within_parent"))
    explain(figure, "outside upper left", ncols=2)
    return figure


@house_style()
def break_even(lines: pd.DataFrame, points: pd.DataFrame, text: Text) -> Figure:
    """Return the index of each unit over the share of one node, and where two of them are level.

    `lines`: unit_name, share (per cent), index, side ("up" | "down" | "": how its rank moves from
    the first share to the last); `points`: share, index, at which two units are level.
    """
    figure = Figure(figsize=(WIDTH, 6.4), layout="constrained")
    panel, colours = figure.subplots(), {"up": RISE, "down": FALL, "": PALE}
    for side, own in lines.groupby("side", sort=False):
        ends = own.pivot(index="share", columns="unit_name", values="index")
        words = [text(f"figures.{side or 'same'}"), *["_"] * (ends.shape[1] - 1)]
        panel.plot(ends.index, ends, color=colours[str(side)], linewidth=1.4, label=words)
    level: Any = {"s": 16, "facecolors": "white", "edgecolors": INK, "zorder": 4, "linewidths": 1}
    panel.scatter(points["share"], points["index"], label=text("figures.level"), **level)
    first, last = lines["share"].min(), lines["share"].max()
    panel.set_xlim(first - 0.02 * (last - first), last + 0.36 * (last - first))
    name_ends(panel, lines[lines["share"] == last])
    panel.set_xticks([share for share in range(0, 101, 10) if first <= share <= last])
    panel.set_xlabel(text("figures.public_share"))
    panel.set_ylabel(text("figures.index"))
    explain(figure, "outside upper left", ncols=4)
    return figure


def name_ends(panel: Axes, ends: pd.DataFrame) -> None:
    """Write the name of each line beside its end, apart from its neighbours."""
    low, high = panel.get_ylim()
    left, right = panel.get_xlim()
    away, places = 0.06 * (right - left), spread(ends["index"], (high - low) / 30)
    line: Any = {"arrowstyle": "-", "color": PALE, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0}
    look: Any = {"fontsize": 8, "ha": "left", "va": "center"}
    for row, place in zip(ends.itertuples(index=False), places, strict=True):
        at, to = (row.share, row.index), (row.share + away, place)
        panel.annotate(str(row.unit_name), at, xytext=to, arrowprops=line, **look)


@house_style()
def sensitivity_bars(rows: pd.DataFrame, text: Text) -> Figure:
    """Return what each choice explains alone and with all its interactions, with intervals.

    `rows`: factor (in words), first_order, total, each with _low and _high, in per cent.
    """
    figure = Figure(figsize=(WIDTH, 1.1 + 0.62 * len(rows)), layout="constrained")
    panel = figure.subplots()
    for at, (name, colour) in enumerate((("total", PALE), ("first_order", QUIET))):
        places = [place + 0.36 * (at - 0.5) for place in range(len(rows))]
        panel.barh(places, rows[name], height=0.34, color=colour, label=text(f"figures.{name}"))
        ends = [rows[name] - rows[f"{name}_low"], rows[f"{name}_high"] - rows[name]]
        style: Any = {"fmt": "none", "ecolor": INK, "elinewidth": 1, "capsize": 2.5}
        panel.errorbar(rows[name], places, xerr=ends, **style)
        for top, place, value in zip(rows[f"{name}_high"], places, rows[name], strict=True):
            words = "—" if pd.isna(value) else f"{round(value)}".replace("-", "−")
            write(panel, words, (np.nanmax([top, 0.0]), place), (5, 0), va="center", color=QUIET)
    panel.set_yticks(range(len(rows)), rows["factor"])
    panel.set_ylim(len(rows) - 0.4, -0.6)
    panel.axvline(0, color=QUIET, linewidth=0.8)
    panel.grid(visible=False, axis="y")
    panel.set_xlabel(text("figures.variance"))
    explain(figure, "outside upper left", ncols=2)
    return figure
