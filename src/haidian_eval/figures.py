"""One function per figure: a result in, a Figure out; nothing is computed here."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

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

Place = Literal["outside upper left", "outside lower center"]
STYLE = Path(__file__).with_name("house.mplstyle")
INK, QUIET, PALE, ACCENT = "#1a2733", "#5d6b78", "#c9d2da", "#b3261e"
WIDTH = 7.4  # inches
GROUP_PALETTE = "colorblind"
LEGEND: Any = {"frameon": False, "fontsize": 9, "columnspacing": 1.2, "handletextpad": 0.2}
LIMIT: Any = {"color": ACCENT, "linewidth": 1, "linestyle": (0, (4, 3))}
ACROSS = 3  # panels side by side
FEW = 6  # points that a low panel holds
HALO = [withStroke(linewidth=2.5, foreground="white")]  # figures beside a line stay readable


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the style of the house; a reader's own matplotlib settings do not enter."""
    style: Any = mpl.rc_params_from_file(STYLE) | {"font.family": [fonts.register()]}
    with mpl.rc_context({k: v for k, v in style.items() if not k.startswith("backend")}):
        yield


def colours_of(names: list[str]) -> dict[str, Any]:
    """Return a colour for each name that readers of any colour vision can tell apart."""
    import seaborn as sns

    return dict(zip(names, sns.color_palette(GROUP_PALETTE, len(names)), strict=True))


def explain(figure: Figure, place: Place, *, ncols: int) -> None:
    """Set the legend of all panels outside of them; what several would say is said once."""
    pairs = [zip(*panel.get_legend_handles_labels(), strict=True) for panel in figure.axes]
    found = {word: handle for pair in pairs for handle, word in pair}
    figure.legend(found.values(), found.keys(), loc=place, ncols=ncols, **LEGEND)


def write(panel: Axes, words: str, at: Any, shift: tuple[int, int], **style: Any) -> None:
    """Write small words beside a point, `shift` points away."""
    panel.annotate(
        words, at, xytext=shift, textcoords="offset points", fontsize=8, path_effects=HALO, **style
    )


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


def embolden(panel: Axes, name: str) -> None:
    """Let the unit that the report is about stand out among the labels."""
    for label in panel.get_yticklabels():
        if label.get_text() == name:
            label.set_color(ACCENT)


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
