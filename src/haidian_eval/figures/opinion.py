"""What texts say and how well machines read them: shares, confusion, calibration."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from haidian_eval.figures.house import ACCENT, INK, PALE, QUIET, WIDTH, explain, house_style
from haidian_eval.text import Text

BLUE = "#1f4e79"
SHADES = LinearSegmentedColormap.from_list("house", ["white", BLUE])
SIGNS = {"negative": (ACCENT, "o"), "neutral": (QUIET, "s"), "positive": (BLUE, "D")}


@house_style()
def themes_and_signs(rows: pd.DataFrame, text: Text) -> Figure:
    """Return the share of each theme, and beside it that of each polarity inside the theme.

    `rows`: theme, polarity (blank: the theme among all), value, low, high in per cent, in order.
    """
    themes = list(rows["theme"].unique())
    figure = Figure(figsize=(WIDTH, 1.3 + 0.46 * len(themes)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[1, 1.6])
    places, line = {theme: at for at, theme in enumerate(themes)}, {"fmt": "none", "capsize": 2.5}
    whole = rows[rows["polarity"] == ""]
    at = whole["theme"].map(places)
    left.barh(at, whole["value"], height=0.55, color=PALE)
    left.errorbar(whole["value"], at, xerr=ends(whole), ecolor=INK, elinewidth=1.2, **line)
    for shift, (sign, (colour, marker)) in zip((-0.22, 0, 0.22), SIGNS.items(), strict=True):
        own = rows[rows["polarity"].eq(sign) & rows["value"].notna()]
        style: Any = {"color": colour, "markersize": 5, "elinewidth": 1.2, "capsize": 2.5}
        down = own["theme"].map(places).astype(float) + shift
        right.errorbar(own["value"], down, xerr=ends(own), fmt=marker,
                       label=text(f"opinion.signs.{sign}"), **style)  # fmt: skip
    for theme in set(themes) - set(
        rows.loc[rows["polarity"].ne("") & rows["value"].notna(), "theme"]
    ):
        right.text(50, places[theme], text("figures.suppressed"), ha="center", va="center",
                   fontsize=8, color=QUIET)  # fmt: skip
    left.set_yticks(range(len(themes)), themes)
    left.set_ylim(len(themes) - 0.4, -0.6)
    left.set_xlim(left=0)
    right.set_xlim(0, 100)
    left.set_xlabel(text("figures.share_of_segments"))
    right.set_xlabel(text("figures.share_in_theme"))
    for panel in (left, right):
        panel.grid(visible=False, axis="y")
    explain(figure, "outside upper left", ncols=3)
    return figure


def ends(rows: pd.DataFrame) -> list[pd.Series]:
    """Return the lengths of intervals to both sides."""
    return [rows["value"] - rows["low"], rows["high"] - rows["value"]]


@house_style()
def confusion_matrices(tables: dict[str, pd.DataFrame], text: Text) -> Figure:
    """Return, by what is coded, which class was taken for which, in per cent of the true one.

    `tables`: truth x predicted texts, by the heading of the panel.
    """
    sizes = [len(one) for one in tables.values()]
    figure = Figure(figsize=(WIDTH, 1.5 + 0.4 * max(sizes)), layout="constrained")
    panels = figure.subplots(1, len(tables), squeeze=False, width_ratios=[n + 2 for n in sizes])[0]
    for panel, (heading, table) in zip(panels, tables.items(), strict=True):
        total = table.sum(axis=1).to_numpy()[:, None]
        shown = 100 * table.to_numpy() / np.where(total > 0, total, np.nan)
        panel.imshow(shown, cmap=SHADES, vmin=0, vmax=100, aspect="auto")
        for (down, across), value in np.ndenumerate(shown):
            if value >= 0.5:
                panel.text(across, down, f"{value:.0f}", ha="center", va="center", fontsize=8,
                           color="white" if value > 55 else INK)  # fmt: skip
        panel.set_yticks(range(len(table)), table.index)
        panel.set_xticks(range(len(table)), table.columns, rotation=45, ha="right")
        panel.set_title(heading, loc="left", fontsize=10)
        panel.set_xlabel(text("figures.predicted"))
        panel.grid(visible=False)
        panel.tick_params(length=0)
    panels[0].set_ylabel(text("figures.coded_as"))
    return figure


@house_style()
def calibration_curves(rows: pd.DataFrame, text: Text) -> Figure:
    """Return how often codings of like confidence were right, by what is coded.

    `rows`: target, confidence, right, low, high in per cent.
    """
    targets = list(rows["target"].unique())
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    panels = figure.subplots(1, len(targets), sharex=True, sharey=True, squeeze=False)[0]
    low = 10 * np.floor(min(rows["confidence"].min(), rows["low"].min()) / 10)
    for panel, target in zip(panels, targets, strict=True):
        own = rows[rows["target"] == target]
        panel.plot([low, 100], [low, 100], color=QUIET, linewidth=1, linestyle=(0, (4, 3)),
                   label=text("figures.calibrated"))  # fmt: skip
        reach = [own["right"] - own["low"], own["high"] - own["right"]]
        panel.errorbar(own["confidence"], own["right"], yerr=reach, fmt="o", color=BLUE,
                       markersize=5, capsize=2.5, elinewidth=1.2, label=text("figures.right_share"),
                       )  # fmt: skip
        panel.set_title(target, loc="left", fontsize=10)
        panel.set_xlabel(text("figures.confidence"))
        panel.set_xlim(low, 102)
        panel.set_xticks(np.arange(20 * np.ceil((low + 1) / 20), 101, 20))
        panel.set_ylim(low, 102)
    panels[0].set_ylabel(text("figures.right_share"))
    explain(figure, "outside upper left", ncols=2)
    return figure
