"""Personal data in cells: mainland phone and identity numbers as people write them."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

DIGITS = str.maketrans("零〇一二三四五六七八九幺", "001234567891")
WRITTEN = re.compile("[零〇一二三四五六七八九幺]{11,}")
# Eleven digits in a row, whatever signs and blanks stand between: only such cells are looked at.
SUSPECT = (
    "(?:[0-9０-９零〇一二三四五六七八九幺][ \u3000\u00a0.．\\-－]{0,2}){11}"
    "|1[.．][3-9][0-9]{7,9}[eE]"
)
FAST = re.compile(SUSPECT)
PHONE = re.compile(
    r"(?<![0-9A-Za-z.])(?:(?:\+|00)?86[-\s]?)?(?:1[3-9]\d(?:[-\s]?\d{4}){2}|1\.[3-9]\d{7,9}[eE]\+?10)"
    r"(?![0-9A-Fa-f]|\.\d)",
    re.ASCII,
)
IDENTITY = re.compile(
    r"(?<![0-9A-Za-z.])[1-9](?:[-\s]?\d){16}[-\s]?[\dXx](?![0-9A-Za-z])", re.ASCII
)
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999
CHECKS = "10X98765432"


def suspects(cells: pa.ChunkedArray) -> np.ndarray:
    """Return the positions of cells with so many digits that they may be a number of a person."""
    at = pc.indices_nonzero(pc.greater_equal(pc.binary_length(cells), 11))
    likely = pc.match_substring_regex(cells.take(at), SUSPECT)
    return np.asarray(at.filter(likely.combine_chunks()))


def legible(text: str) -> str:
    """Return a text with half-width letters and with figures for written-out long numbers."""
    known = unicodedata.normalize("NFKC", text)
    return WRITTEN.sub(lambda run: run[0].translate(DIGITS), known)


def is_identity(written: str) -> bool:
    """Tell whether 18 signs are an identity number: a date of birth and the right check digit."""
    digits = re.sub(r"[-\s]", "", written).upper()
    try:
        born = dt.date(int(digits[6:10]), int(digits[10:12]), int(digits[12:14]))
    except ValueError:
        return False
    total = sum(w * int(d) for w, d in zip(WEIGHTS, digits, strict=False))
    return born.year >= 1900 and CHECKS[total % 11] == digits[-1]


@lru_cache(maxsize=1024)
def personal(text: str) -> str:
    """Return what personal number a text holds: phone, id_number, or a blank."""
    if not FAST.search(text):
        return ""
    known = legible(text)
    if any(is_identity(match[0]) for match in IDENTITY.finditer(known)):
        return "id_number"
    return "phone" if PHONE.search(known) else ""


def masked(text: str) -> str:
    """Return a text in which no more than three first and two last digits of such numbers stand."""
    if not personal(text):
        return text
    known = legible(text)
    shown = text if len(known) == len(text) else known  # what stands around stays as it is
    spans = [m.span() for m in IDENTITY.finditer(known) if is_identity(m[0])]
    spans += [m.span() for m in PHONE.finditer(known)]
    for start, end in sorted(spans, reverse=True):
        digits = re.sub(r"\D", "", known[start:end])
        stars = "*" * (len(digits) - 5)
        shown = f"{shown[:start]}{digits[:3]}{stars}{digits[-2:]}{shown[end:]}"
    return shown
