"""The style of all figures, and what several of them draw."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from haidian_eval import fonts

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Place = Literal["outside upper left", "outside lower center"]
STYLE = Path(__file__).with_name("house.mplstyle")
INK, QUIET, PALE, ACCENT = "#1a2733", "#5d6b78", "#c9d2da", "#b3261e"
WIDTH = 7.4  # inches
GROUP_PALETTE = "colorblind"
GRADES = ("#1f4e79", "#4f86b5", "#9fbfd9", "#d9a441")  # the best grade first
LEGEND: Any = {"frameon": False, "fontsize": 9, "columnspacing": 1.2, "handletextpad": 0.2}
LIMIT: Any = {"color": ACCENT, "linewidth": 1, "linestyle": (0, (4, 3))}
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


def embolden(panel: Axes, name: str) -> None:
    """Let the unit that the report is about stand out among the labels."""
    for label in panel.get_yticklabels():
        if label.get_text() == name:
            label.set_color(ACCENT)


def spread(places: pd.Series, least: float) -> list[float]:
    """Return places for labels, at least `least` apart and as near to theirs as that allows."""
    from scipy.optimize import isotonic_regression

    order = places.rank(method="first").astype(int) - 1
    sorted_places = places.astype("float64").sort_values(kind="stable").to_numpy()
    steps = least * np.arange(len(places))
    return list((isotonic_regression(sorted_places - steps).x + steps)[order])
