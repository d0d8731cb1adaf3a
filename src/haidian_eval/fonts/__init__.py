"""The type of pages and figures: one font file that the study brings along."""

from __future__ import annotations

import base64
import io
from functools import cache
from pathlib import Path

FAMILY = "Haidian Eval Sans SC"
PATH = Path(__file__).with_name("HaidianEvalSansSC.otf")


@cache
def characters() -> frozenset[int]:
    """Return the code points that the font can show."""
    from fontTools.ttLib import TTFont

    return frozenset(TTFont(PATH, lazy=True).getBestCmap())


def subset(text: str) -> str:
    """Return a base64 WOFF font with just the characters of a text, the same for the same text."""
    from fontTools.subset import Options, Subsetter
    from fontTools.ttLib import TTFont

    font = TTFont(PATH, recalcTimestamp=False)
    options = Options(hinting=False, layout_features=[], notdef_outline=True, flavor="woff")
    subsetter = Subsetter(options)
    subsetter.populate(text=text)
    subsetter.subset(font)
    font.flavor = "woff"
    buffer = io.BytesIO()
    font.save(buffer)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


@cache
def register() -> str:
    """Make the font known to matplotlib and return its family name."""
    from matplotlib import font_manager

    font_manager.fontManager.addfont(PATH)
    return FAMILY
