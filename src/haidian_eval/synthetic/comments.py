"""Example comments and interviews, composed of own sentences, with the true theme and polarity."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from haidian_eval.params import CommentsChoice, read_toml
from haidian_eval.synthetic.marks import MARK, numbered, stream
from haidian_eval.tables.contracts import contracts

PLAN = Path(__file__).with_name("comments.toml")
SIGNS = ("negative", "neutral", "positive")
KINDS = {"comments": ("CM", f"{MARK}O1"), "interviews": ("I", f"{MARK}O2")}
CHANNELS = {"survey": 0.4, "solicitation": 0.25, "letter": 0.1, "meeting": 0.1, "forum": 0.15}
PEOPLE = {"enterprise": 0.62, "resident": 0.28, "parent": 0.1}
TRUTH = ["document", "segment", "theme", "polarity"]


@dataclass(frozen=True, slots=True)
class Voices:
    """Comments and interviews as `tables` would read them, and what was meant.

    truth: document, segment, theme, polarity of every segment, coded or not.
    """

    comments: pd.DataFrame
    interviews: pd.DataFrame
    truth: pd.DataFrame


@lru_cache(maxsize=1)
def plan() -> dict[str, Any]:
    """Return the sentences."""
    return read_toml(PLAN)


def voices(chosen: CommentsChoice, seed: int, year: int) -> Voices:
    """Return comments and interviews of a year with their codings, and the truth."""
    rng = stream(seed, "comments")
    frames, meant = {}, []
    for kind, documents in (("comments", chosen.comments), ("interviews", chosen.interviews)):
        said = with_copies(segments(kind, documents, chosen, rng), kind, chosen, rng)
        meant.append(said[TRUTH])
        frames[kind] = coded(labelled(said, kind, year, rng), chosen, rng)
    return Voices(**frames, truth=pd.concat(meant, ignore_index=True))


def segments(
    kind: str, documents: int, chosen: CommentsChoice, rng: np.random.Generator
) -> pd.DataFrame:
    """Return document, segment, theme, polarity, text; a document has a mood of its own."""
    themes, rows = plan()["themes"], []
    share = np.array([one["share"] for one in themes.values()])
    for document in numbered(KINDS[kind][0], documents, digits=4):
        mood = rng.normal(0, chosen.mood)
        low, high = (1, 2) if kind == "comments" else (4, 6)
        for place in range(1, rng.integers(low, high + 1) + 1):
            theme = str(rng.choice(list(themes), p=share / share.sum()))
            tilted = np.log(themes[theme]["mix"]) + mood * np.array([-1.0, 0.0, 1.0])
            mix = np.exp(tilted) / np.exp(tilted).sum()
            sign = str(rng.choice(SIGNS, p=mix))
            rows.append((document, place, theme, sign, sentence(theme, sign, chosen, rng)))
    return pd.DataFrame(rows, columns=[*TRUTH, "text"])


def sentence(theme: str, sign: str, chosen: CommentsChoice, rng: np.random.Generator) -> str:
    """Return a segment: perhaps an opening, its point, perhaps a second one or another theme's."""
    own, themes = plan(), plan()["themes"]
    points = [filled(one, rng) for one in drawn(themes[theme][sign], rng, 2)]
    text = str(rng.choice(own["openers"])) + points[0]
    if len(points) > 1 and rng.random() < chosen.second:
        text += f"，{points[1]}"
    if rng.random() < chosen.aside:
        other = str(rng.choice([name for name in themes if name != theme]))
        tone = str(rng.choice(SIGNS))
        remark = filled(drawn(themes[other][tone], rng, 1)[0], rng)
        text += f"。{rng.choice(own['links'][tone])}{remark}"
    if rng.random() < chosen.named:
        person = str(rng.choice(own["persons"]))
        text += f"。{str(rng.choice(own['thanks'])).format(person=person)}知道此事"
    return f"{text}。{rng.choice(own['closers'])}"


def drawn(words: list[str], rng: np.random.Generator, count: int) -> list[str]:
    """Return some of the words, none twice."""
    return [words[at] for at in rng.permutation(len(words))[:count]]


def filled(words: str, rng: np.random.Generator) -> str:
    """Return a sentence with its slots filled, each occurrence by itself."""
    for name, among in plan()["slots"].items():
        for one in drawn(among, rng, words.count(f"{{{name}}}")):
            words = words.replace(f"{{{name}}}", one, 1)
    return words


def with_copies(
    said: pd.DataFrame, kind: str, chosen: CommentsChoice, rng: np.random.Generator
) -> pd.DataFrame:
    """Return segments with near-duplicates in documents of their own: equal, or a sign changed."""
    count = chosen.copies if kind == "comments" else 0
    copies = said.iloc[rng.permutation(len(said))[:count]].copy()
    start = said["document"].nunique()
    names = numbered(KINDS[kind][0], start + count, digits=4)[start:]
    changed = [text if at % 2 else text.replace("，", " ", 1).replace("。", "！", 1)
               for at, text in enumerate(copies["text"])]  # fmt: skip
    return pd.concat([said, copies.assign(document=names, segment=1, text=changed)],
                     ignore_index=True)  # fmt: skip


def labelled(said: pd.DataFrame, kind: str, year: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return segments with the columns of their table that belong to the whole document."""
    names = said["document"].unique()
    n, first = len(names), dt.date(year, 1, 8)
    days = [first + dt.timedelta(days=int(day)) for day in rng.integers(0, 340, n)]
    who = rng.choice(list(PEOPLE), n, p=list(PEOPLE.values()))
    may = np.where(rng.random(n) < 0.85, "yes", "no")
    if kind == "comments":
        whole = {"comment_id": names, "received_on": days, "population": who, "quotable": may,
                 "channel": rng.choice(list(CHANNELS), n, p=list(CHANNELS.values())),
                 "street_id": [f"{MARK}ST{one:02d}" for one in rng.integers(1, 30, n)]}  # fmt: skip
    else:
        whole = {"interview_id": names, "held_on": days, "org_type": who, "consent": may,
                 "wave": str(year)}  # fmt: skip
    rows = said.merge(pd.DataFrame({"document": names, **whole}), on="document", validate="m:1")
    asked = {"question_id": f"{MARK}IQ" + rows["segment"].astype(str), "topic_code": "service"}
    return rows.assign(source_id=KINDS[kind][1], **asked)


def coded(said: pd.DataFrame, chosen: CommentsChoice, rng: np.random.Generator) -> pd.DataFrame:
    """Return a row per coder of each segment; some are coded by one coder, some by none.

    A coder errs with known probabilities: on themes towards any other, on polarity towards the
    next, independently of the other coder.
    """
    n, parts = len(said), []
    draw = rng.random(n)
    both, alone = draw < chosen.doubly, draw < chosen.doubly + chosen.singly
    for coder, does in (("K1", alone), ("K2", both)):
        own = said[does]
        parts.append(own.assign(
            coder_id=f"{MARK}{coder}", theme=mistaken(own["theme"], chosen.theme_error, rng),
            polarity=slipped(own["polarity"], chosen.polarity_error, rng),
        ))  # fmt: skip
    parts.append(said[~alone].assign(coder_id="uncoded", theme=None, polarity=None))
    kind = "comments" if "comment_id" in said else "interviews"
    columns = [name for name in contracts()[kind].columns if name in said or name == "coder_id"]
    rows = pd.concat(parts, ignore_index=True)
    return rows.sort_values([columns[0], "segment", "coder_id"])[columns].reset_index(drop=True)


def mistaken(themes: pd.Series, error: float, rng: np.random.Generator) -> np.ndarray:
    """Return themes of which some were taken for another."""
    others = rng.choice(list(plan()["themes"])[:-1], len(themes))
    return np.where(rng.random(len(themes)) < error, others, themes)


def slipped(signs: pd.Series, error: float, rng: np.random.Generator) -> np.ndarray:
    """Return polarities of which some were taken for the next one."""
    place = signs.map(SIGNS.index).to_numpy()
    step = np.where(rng.random(len(place)) < 0.5, -1, 1)
    wrong = np.where(place == 1, 1 + step, 1)
    return np.array(SIGNS)[np.where(rng.random(len(place)) < error, wrong, place)]
