"""Cut the font of pages and figures out of Noto Sans CJK SC; see the README beside the font."""

from __future__ import annotations

import bz2
import sys
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTCollection, TTFont

from haidian_eval.fonts import FAMILY, PATH

SIGNS = "–—‘’“”•…‰′″※€℃№™←↑→↓∅−√∞∧∨∩∪≈≠≡≤≥⌀─│■□▲△▶▼▽◀◆◇○◎●★☆♀♂✓✗²³¹₀₁₂₃"
RANGES = [
    (0x20, 0x7E),  # Latin
    (0xA0, 0xFF),  # Latin-1
    (0x391, 0x3C9),  # Greek
    (0x2150, 0x218B),  # fractions and Roman numerals
    (0x2460, 0x249B),  # circled and bracketed numbers
    (0x3000, 0x3029),  # CJK punctuation
    (0x3220, 0x3229),  # bracketed ideographs
    (0xFF01, 0xFF5E),  # full-width forms
    (0xFFE0, 0xFFE6),  # full-width currency signs
]


def standard_characters(unihan: Path) -> set[int]:
    """Return the code points of 通用规范汉字表 (Unihan property kTGH)."""
    lines = bz2.decompress(unihan.read_bytes()).decode().splitlines()
    fields = [line.split("\t") for line in lines if not line.startswith("#")]
    return {int(f[0][2:], 16) for f in fields if len(f) == 3 and f[1] == "kTGH"}


def simplified_chinese(collection: Path) -> TTFont:
    """Return the member of the collection whose full name ends in "CJK SC"."""
    fonts: list[TTFont] = TTCollection(str(collection)).fonts
    return next(font for font in fonts if font["name"].getDebugName(4) == "Noto Sans CJK SC")


def rename(font: TTFont) -> None:
    """Give the subset its own name; the copyright and licence records stay."""
    names = font["name"]
    names.names = [n for n in names.names if n.platformID == 3 and n.langID == 0x409]
    own = {1: FAMILY, 3: f"{FAMILY};subset", 4: FAMILY, 6: FAMILY.replace(" ", "")}
    for number, text in own.items():
        names.setName(text, number, 3, 1, 0x409)
    font["CFF "].cff.fontNames = [own[6]]


def make_subset(collection: Path, unihan: Path) -> None:
    """Write the subset to its place in the package."""
    font = simplified_chinese(collection)
    wanted = standard_characters(unihan) | {ord(sign) for sign in SIGNS}
    wanted |= {code for first, last in RANGES for code in range(first, last + 1)}
    options = Options(hinting=False, layout_features=["kern"], name_IDs=["*"], notdef_outline=True)
    options.recalc_timestamp = False
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=wanted)
    subsetter.subset(font)
    rename(font)
    font.recalcTimestamp = False
    font.save(PATH)


if __name__ == "__main__":
    make_subset(Path(sys.argv[1]), Path(sys.argv[2]))
