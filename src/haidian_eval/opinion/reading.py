"""Comments and interviews as segments: one row each, with what its coders agreed on."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

UNCODED = "uncoded"
POLARITY = ("negative", "neutral", "positive")
COLUMNS = ["kind", "document", "segment", "channel", "month", "text", "quotable", "source_id"]
KEY = ["document", "segment"]
LEAD = 0.5  # what the lead coder's coding counts more: decides a tie, never a majority


@dataclass(frozen=True, slots=True)
class Texts:
    """Segments and their codings.

    segments: COLUMNS, theme, polarity (missing where not coded or evenly divided), coders (how
    many), unanimous (two or more, who all said the same). codings: by target ("theme", "polarity")
    segments x coders, in the order of segments.
    """

    segments: pd.DataFrame
    codings: dict[str, pd.DataFrame]


def rows_of(comments: pd.DataFrame, interviews: pd.DataFrame) -> pd.DataFrame:
    """Return the codings of both tables in common columns; either may be empty."""
    parts = []
    if len(comments):
        parts.append(comments.assign(
            kind="comments", document=comments["comment_id"], date=comments["received_on"],
            may=comments["quotable"],
        ))  # fmt: skip
    if len(interviews):
        parts.append(interviews.assign(
            kind="interviews", document=interviews["interview_id"], date=interviews["held_on"],
            may=interviews["consent"], channel="interview",
        ))  # fmt: skip
    used = ["kind", "document", "segment", "channel", "date", "text", "may", "source_id",
            "coder_id", "theme", "polarity"]  # fmt: skip
    if not parts:
        return pd.DataFrame(columns=[*used, "month", "quotable"])
    rows = pd.concat([one[used] for one in parts], ignore_index=True)
    may = rows["may"].isin([True, "yes"])
    month = pd.to_datetime(rows["date"]).dt.strftime("%Y-%m")
    return rows.assign(month=month, quotable=may)


def read(comments: pd.DataFrame, interviews: pd.DataFrame, lead: str) -> Texts:
    """Return the segments of both tables with their codings.

    Most coders decide; where they are evenly divided, the lead coder does, and without a coding of
    the lead coder the segment counts as not coded.
    """
    rows = rows_of(comments, interviews)
    rows = rows.sort_values(["kind", *KEY, "coder_id"], kind="stable")
    segments = rows.drop_duplicates(KEY)[COLUMNS].reset_index(drop=True)
    coded = rows[rows["coder_id"] != UNCODED]
    order = pd.MultiIndex.from_frame(segments[KEY])
    codings = {
        target: coded.dropna(subset=[target])
        .pivot(index=KEY, columns="coder_id", values=target)
        .reindex(order)
        for target in ("theme", "polarity")
    }
    said = {target: agreed(own, lead).to_numpy() for target, own in codings.items()}
    many = codings["polarity"].notna().sum(axis=1).to_numpy()
    one = [own.nunique(axis=1).eq(1).to_numpy() for own in codings.values()]
    alike = one[0] & one[1] & (many > 1)
    return Texts(segments.assign(**said, coders=many, unanimous=alike), codings)


def agreed(codes: pd.DataFrame, lead: str) -> pd.Series:
    """Return the code of most coders; the lead coder's decides a tie."""
    long = codes.reset_index(names=KEY).melt(KEY, var_name="coder_id", value_name="code").dropna()
    points = long.assign(points=1 + LEAD * (long["coder_id"] == lead))
    sums = points.groupby([*KEY, "code"], sort=True)["points"].sum().reset_index()
    best = sums.groupby(KEY)["points"].transform("max")
    first = sums[sums["points"] == best].drop_duplicates(KEY, keep=False)
    return first.set_index(KEY)["code"].reindex(codes.index)
