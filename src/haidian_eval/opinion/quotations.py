"""Quotations: what is typical of a theme, with nothing in it that tells who said it."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from haidian_eval.opinion.features import learn
from haidian_eval.params import read_toml
from haidian_eval.tables import masked

IDENTITIES = Path(__file__).with_name("identities.toml")
NUMBER = (
    "(?:(?:[A-Za-z]座?-?)?\\d{1,4}(?:-\\d{1,4}){0,3}|[一二三四五六七八九十百零〇甲乙丙丁]{1,5})"
)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A way of telling who somebody is, and what a quotation shows in its place."""

    kind: str
    shown: str
    match: re.Pattern[str]


@lru_cache(maxsize=1)
def patterns() -> tuple[Pattern, ...]:
    """Return the ways of telling who somebody is, in the order in which they are tried."""
    own: dict[str, Any] = read_toml(IDENTITIES)
    lists = {name: words for name, words in own.items() if isinstance(words, str)}
    plain = "".join(x for x in lists["surnames"] if x not in lists["words"])
    lists |= {"plain": plain, "surname": lists["surnames"], "number": NUMBER,
              "given": given(lists["never"])}  # fmt: skip
    return tuple(
        Pattern(one["kind"], one["shown"], re.compile(filled(one["match"], lists), re.I))
        for one in own["pattern"]
    )


def given(never: str) -> str:
    """Return the inside of a class of the characters that a given name may have."""
    out = sorted({ord(x) for x in never})
    edges = [0x4E00 - 1, *out, 0xA000]
    spans = [(a + 1, b - 1) for a, b in pairwise(edges) if b - a > 1]
    return "".join(f"{chr(a)}-{chr(b)}" for a, b in spans)


def filled(pattern: str, lists: dict[str, str]) -> str:
    """Return a pattern with the lists that it names; {1,2} and the like stay."""
    return re.sub(r"\{([a-z]+)\}", lambda name: lists[name[1]], pattern)


def found_in(text: str) -> Counter[str]:
    """Return how many pieces of each kind would be masked."""
    return cleaned(text)[1]


def de_identified(text: str) -> str:
    """Return a text without names, numbers, addresses and plates that tell who somebody is."""
    return cleaned(text)[0]


@lru_cache(maxsize=4096)
def cleaned(text: str) -> tuple[str, Counter[str]]:
    """Return a de-identified text, and how many pieces of each kind were masked."""
    shown, kinds = half_width(masked(text)), Counter[str]()
    for one in patterns():
        shown, times = one.match.subn(one.shown, shown)
        kinds.update({one.kind: times})
    return (shown if +kinds else masked(text)), +kinds


def half_width(text: str) -> str:
    """Return half-width letters and figures, so that patterns see them; punctuation stays."""
    return "".join(
        unicodedata.normalize("NFKC", x) if unicodedata.category(x)[0] in "NLZ" or x in "＠．－＊＿"
        else x for x in text
    )  # fmt: skip


def quotable(segments: pd.DataFrame, *, public: bool = True, longest: int = 60) -> pd.Series:
    """Return which segments may be quoted: allowed, short, coded alike; no forum in public."""
    allowed = segments["quotable"] & segments["text"].str.len().le(longest) & segments["unanimous"]
    return allowed & ~(segments["channel"].eq("forum") & public)


def quotations(segments: pd.DataFrame, *, public: bool = True, longest: int = 60) -> pd.DataFrame:
    """Return for each theme and polarity the allowed segment nearest to the middle of its cell.

    segments: as in reading.Texts, coded ones. Returns theme,
    polarity, quotation, channel, n (coded segments of the cell), persons, source_id.
    """
    allowed, rows = quotable(segments, public=public, longest=longest), []
    for (theme, polarity), cell in segments.groupby(["theme", "polarity"], sort=True):
        own = allowed.loc[cell.index].to_numpy()
        if own.any():
            best = cell.iloc[nearest(cell["text"].tolist(), own)]
            rows.append({
                "theme": theme, "polarity": polarity, "quotation": de_identified(best["text"]),
                "channel": best["channel"], "n": len(cell), "persons": cell["document"].nunique(),
                "source_id": best["source_id"],
            })  # fmt: skip
    columns = ["theme", "polarity", "quotation", "channel", "n", "persons", "source_id"]
    return pd.DataFrame(rows, columns=columns)


def nearest(texts: list[str], allowed: np.ndarray) -> int:
    """Return the place of the allowed text with the highest mean similarity to all of them."""
    if len(texts) == 1:
        return 0
    vectors = learn(texts)[1]
    likeness = vectors @ np.asarray(vectors.mean(axis=0)).ravel()
    return int(np.where(allowed, likeness, -np.inf).argmax())
