"""Ranks and how sure they are: intervals, shares of the draws, moves from one run to another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from haidian_eval.figures.house import (
    ACCENT,
    GRADES,
    INK,
    LIMIT,
    PALE,
    QUIET,
    WIDTH,
    colours_of,
    explain,
    house_style,
    spread,
    write,
)
from haidian_eval.text import Text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHADES = "Blues"


@house_style()
def ranked_bars(
    rows: pd.DataFrame, text: Text, *, lines: Mapping[str, float] | None = None
) -> Figure:
    """Return the index of every unit as a bar, and beside it the interval of its rank.

    `rows`: unit_name, index, rank, rank_low, rank_high, grade (blank or missing where there is
    none), drawn in their order. `lines`: grade -> points from which on it is given, best first.
    """
    figure = Figure(figsize=(WIDTH, 1.1 + 0.24 * len(rows)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    draw_bars(left, rows, lines or {})
    draw_intervals(right, rows, text)
    left.set_yticks(range(len(rows)), rows["unit_name"])
    left.set_ylim(len(rows) - 0.4, -0.6)
    left.set_xlabel(text("figures.index"))
    explain(figure, "outside upper left", ncols=6)
    return figure


def draw_bars(panel: Axes, rows: pd.DataFrame, lines: Mapping[str, float]) -> None:
    """Draw the indices in the shades of their grades, and where each grade begins."""
    shades = dict(zip(lines, GRADES, strict=False))
    places = pd.Series(range(len(rows)), rows.index)
    for grade in [*lines, None]:
        own = rows[rows["grade"] == grade] if grade else rows[~rows["grade"].isin(list(lines))]
        look: Any = {"color": shades.get(str(grade), PALE), "height": 0.66}
        if own.empty:
            continue
        panel.barh(places[own.index], own["index"], label=grade or "_", **look)
        inside: Any = {"xytext": (5, 0), "textcoords": "offset points", "va": "center_baseline"}
        inside |= {"color": "white" if grade in list(lines)[:2] else INK, "fontsize": 8}
        for place, value in zip(places[own.index], own["index"], strict=True):
            words = "" if pd.isna(value) else f"{value:.2f}"
            panel.annotate(words, (0, place), **inside)
    top = float(rows["index"].max())
    for points in lines.values():
        if 0 < points <= top:
            panel.axvline(points, **LIMIT)
    panel.set_xlim(0, top * 1.02)
    panel.grid(visible=False, axis="y")


def draw_intervals(panel: Axes, rows: pd.DataFrame, text: Text) -> None:
    """Draw the interval of each rank as a line, the rank itself as a point on it."""
    places = range(len(rows))
    span: Any = {"color": QUIET, "linewidth": 2.2, "zorder": 2}
    panel.hlines(places, rows["rank_low"], rows["rank_high"], **span)
    panel.scatter(rows["rank"].astype("float64"), places, s=24, color=ACCENT, zorder=3)
    ends = zip(places, rows["rank"], rows["rank_low"], rows["rank_high"], strict=True)
    for place, rank, low, high in ends:
        if not pd.isna(high):
            words = f"{low:g}–{high:g}" if low != high else f"{low:g}"
            write(panel, words, (max(rank, high), place), (5, 0), va="center", color=QUIET)
    last = float(rows[["rank", "rank_high"]].astype("float64").max(axis=None))
    panel.set_xlim(0.3, last * 1.2 + 0.5)
    panel.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    panel.set_xlabel(text("figures.rank_interval"))


@house_style()
def rank_heat_map(
    shares: pd.DataFrame, ranks: pd.Series, text: Text, *, top: int | None = None
) -> Figure:
    """Return, unit by rank, the share of the draws in per cent; each unit's own rank is framed.

    `shares`: unit_name x rank, drawn in their order; `ranks`: the rank of each of the units.
    """
    down, across = shares.shape
    figure = Figure(figsize=(WIDTH, 1.0 + 0.24 * down), layout="constrained")
    panel = figure.subplots()
    drawn = shares.where(shares > 0).to_numpy()
    image = panel.imshow(drawn, cmap=SHADES, vmin=0, vmax=100, aspect="auto")
    frame: Any = {"fill": False, "edgecolor": ACCENT, "linewidth": 1.2}
    for place, rank in enumerate(ranks):
        if not pd.isna(rank):
            corner = (list(shares.columns).index(rank) - 0.5, place - 0.5)
            panel.add_patch(Rectangle(corner, 1, 1, **frame))
    if top is not None and top < across:
        panel.axvline(top - 0.5, **LIMIT)
    panel.set_yticks(range(down), list(shares.index))
    step = max(1, across // 15)
    panel.set_xticks(range(0, across, step), list(shares.columns)[::step])
    panel.set_xlabel(text("figures.rank"))
    panel.grid(visible=False)
    panel.tick_params(axis="x", length=2)
    bar = figure.colorbar(image, ax=panel, shrink=0.6, aspect=30, pad=0.02)
    bar.set_label(text("figures.draws"))
    return figure


@house_style()
def rank_slope(rows: pd.DataFrame, text: Text, *, before: str, after: str) -> Figure:
    """Return the rank of every unit before and after, in the colour of the largest cause.

    `rows`: unit_name, rank_before, rank_after, cause (in words).
    """
    figure = Figure(figsize=(WIDTH, 1.2 + 0.28 * len(rows)), layout="constrained")
    panel, still = figure.subplots(), rows["rank_before"] == rows["rank_after"]
    colours = colours_of(sorted(set(rows.loc[~still, "cause"])))
    for name, own in rows["cause"].mask(still, "_").groupby(rows["cause"].mask(still, "_")):
        line: Any = {"color": colours.get(str(name), PALE), "linewidth": 1.8, "marker": "o"}
        ends = rows.loc[own.index, ["rank_before", "rank_after"]].T.astype("float64")
        panel.plot([0, 1], ends, markersize=4, label=[name, *["_"] * (len(own) - 1)], **line)
    for side, name in enumerate(("rank_before", "rank_after")):
        places = spread(rows[name], 0.95)
        for place, rank, unit in zip(places, rows[name], rows["unit_name"], strict=True):
            words = f"{rank}  {unit}" if side else f"{unit}  {rank}"
            look: Any = {"ha": "left" if side else "right", "va": "center"}
            write(panel, words, (side, place), (8 if side else -8, 0), **look)
    panel.set_xlim(-0.45, 1.45)
    panel.set_xticks([0, 1], [before, after])
    panel.xaxis.tick_top()
    panel.invert_yaxis()
    panel.set_yticks([])
    panel.grid(visible=False)
    panel.spines[:].set_visible(False)
    explain(figure, "outside lower center", ncols=4)
    return figure
