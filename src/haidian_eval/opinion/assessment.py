"""All that texts say and whether it may be used: agreement, accuracy, leakage, shares, quotations.

Nothing that a machine coded is used unless every condition of the rule is met; else segments coded
by hand are all there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError
from haidian_eval.opinion.accuracy import Accuracy, Share, accuracy
from haidian_eval.opinion.agreement import (
    Agreement,
    by_pairs,
    cohen_kappa,
    krippendorff_alpha,
)
from haidian_eval.opinion.classifier import HeldOut, hold_out, train
from haidian_eval.opinion.leakage import grouped, overlap, repeated
from haidian_eval.opinion.quotations import quotations
from haidian_eval.opinion.reading import POLARITY, Texts, read
from haidian_eval.opinion.shares import Read, part
from haidian_eval.params import OpinionRule

TARGETS = ("theme", "polarity")
METRIC = {"theme": "nominal", "polarity": "ordinal"}


@dataclass(frozen=True, slots=True)
class Opinion:
    """What comments and interviews say, and what that is worth.

    segments: see reading.Texts, with group (documents linked by near-duplicates), copy (whether a
    near-duplicate of an earlier one). agreement: target, measure, who, value, low, high, n,
    observed. held, proof: by target, where anything could be learnt. leakage: what, n. conditions:
    condition, found, needed, met. usable: whether all are met. shares: theme, polarity (blank: the
    theme among all), value, low, high, n, persons, shown. composition: by, level, segments,
    documents, coded, value, low, high (share negative), shown. quotations: see quotations.
    """

    segments: pd.DataFrame
    agreement: pd.DataFrame
    held: dict[str, HeldOut]
    proof: dict[str, Accuracy]
    leakage: pd.DataFrame
    conditions: pd.DataFrame
    usable: bool
    shares: pd.DataFrame
    composition: pd.DataFrame
    quotations: pd.DataFrame

    @property
    def reasons(self) -> tuple[str, ...]:
        """The conditions that are not met."""
        return tuple(self.conditions.loc[~self.conditions["met"], "condition"])


def assess_opinion(comments: pd.DataFrame, interviews: pd.DataFrame, rule: OpinionRule) -> Opinion:
    """Return what the tables `comments` and `interviews` say, and whether it may be used."""
    texts = read(comments, interviews, rule.lead_coder)
    segments = marked(texts.segments, rule)
    agreement = agreement_of(texts, segments["document"], rule)
    held, proof = proved(segments, rule)
    leakage = leaks(segments, held, rule)
    conditions = conditions_of(segments, agreement, proof, leakage, rule)
    usable = bool(conditions["met"].all())
    read_as = thoughts(segments, held, rule) if usable else by_hand(segments)
    shown = shares_of(read_as, segments, rule, machine=usable)
    kept = segments.dropna(subset=list(TARGETS))
    said = quotations(kept, longest=rule.quotation)
    cells = shown[shown["shown"]].set_index(["theme", "polarity"]).index
    said = said[pd.MultiIndex.from_frame(said[list(TARGETS)]).isin(cells)].reset_index(drop=True)
    return Opinion(segments, agreement, held, proof, leakage, conditions, usable, shown,
                   composition_of(read_as, segments, rule, machine=usable), said)  # fmt: skip


def marked(segments: pd.DataFrame, rule: OpinionRule) -> pd.DataFrame:
    """Return segments with their group, and of coded ones how they repeat an earlier coded one."""
    coded = segments.dropna(subset=list(TARGETS))
    copies = repeated(coded["text"].tolist(), near=rule.near)
    kind = pd.Series(copies["kind"].to_numpy(), index=coded.index[copies["text"].to_numpy(int)])
    group = grouped(segments["text"].tolist(), segments["document"], near=rule.near)
    return segments.assign(group=group, copy=kind.reindex(segments.index))


def agreement_of(texts: Texts, documents: pd.Series, rule: OpinionRule) -> pd.DataFrame:
    """Return alpha over all coders and kappa of each pair, by target, drawn by documents."""
    rows = []
    for target, codes in texts.codings.items():
        own = codes.reset_index(drop=True)
        told = {"clusters": documents.tolist(), "draws": rule.draws, "seed": rule.seed,
                "level": rule.level}  # fmt: skip
        levels = POLARITY if target == "polarity" else None
        with suppress(ParameterError):
            found = krippendorff_alpha(own, metric=METRIC[target], levels=levels, **told)
            rows.append(agreement_row(target, METRIC[target], "", found))
        for a, b in by_pairs(own):
            rows.append(agreement_row(target, "kappa", f"{a};{b}",
                                      cohen_kappa(own[a], own[b], **told)))  # fmt: skip
    columns = ["target", "measure", "who", "value", "low", "high", "n", "observed"]
    return pd.DataFrame(rows, columns=columns)


def agreement_row(target: str, measure: str, who: str, found: Agreement) -> tuple[object, ...]:
    """Return a row of the table of agreement."""
    return (target, measure, who, found.value, found.low, found.high, found.n, found.observed)


def usable_rows(segments: pd.DataFrame) -> pd.DataFrame:
    """Return the coded segments, near-duplicates counted once."""
    return segments[segments[list(TARGETS)].notna().all(axis=1) & segments["copy"].isna()]


def proved(
    segments: pd.DataFrame, rule: OpinionRule
) -> tuple[dict[str, HeldOut], dict[str, Accuracy]]:
    """Return held-out codings of the coded segments, and what they are worth, by target."""
    rows, held, proof = usable_rows(segments), {}, {}
    for target in TARGETS:
        with suppress(ParameterError):
            own = hold_out(rows["text"].tolist(), rows[target].to_numpy(), rows["group"].to_numpy(),
                           folds=rule.folds, repeats=rule.repeats, seed=rule.seed,
                           costs=rule.costs)  # fmt: skip
            held[target] = own
            proof[target] = accuracy(own, level=rule.level, draws=rule.draws, seed=rule.seed)
    return held, proof


def leaks(segments: pd.DataFrame, held: dict[str, HeldOut], rule: OpinionRule) -> pd.DataFrame:
    """Return how many segments there are and repeat others, and what folds still share."""
    coded, kept = segments.dropna(subset=list(TARGETS)), usable_rows(segments)
    words, left = kept["text"].tolist(), 0
    for own in held.values():
        for fold in np.unique(own.folds[0]):
            inside = own.folds[0] == fold
            test = [word for word, here in zip(words, inside, strict=True) if here]
            rest = [word for word, here in zip(words, inside, strict=True) if not here]
            left += len(overlap(rest, test, near=rule.near).pairs)
    rows = {"segments": len(segments), "coded": len(coded),
            "exact": int(coded["copy"].eq("exact").sum()),
            "near": int(coded["copy"].eq("near").sum()), "removed": len(coded) - len(kept),
            "used": len(kept), "groups": kept["group"].nunique(), "across": left}  # fmt: skip
    return pd.DataFrame({"what": list(rows), "n": list(rows.values())})


def conditions_of(
    segments: pd.DataFrame, agreement: pd.DataFrame, proof: dict[str, Accuracy],
    leakage: pd.DataFrame, rule: OpinionRule,
) -> pd.DataFrame:  # fmt: skip
    """Return every condition: what was found, what is needed; what could not be had is not met."""
    kept, asked, nan = usable_rows(segments), rule.rule, float("nan")
    alpha = agreement[agreement["who"] == ""].set_index("target")["low"]
    across = int(leakage.set_index("what").at["across", "n"])
    low = {target: proof[target].right.low if target in proof else nan for target in TARGETS}
    base = {target: proof[target].baseline.high if target in proof else nan for target in TARGETS}
    wrong = [proof[target].error.value if target in proof else nan for target in TARGETS]
    rows = [
        ("segments", len(kept), asked.segments, len(kept) >= asked.segments),
        ("doubly", (kept["coders"] > 1).sum(), asked.doubly,
         (kept["coders"] > 1).sum() >= asked.doubly),
        *((f"{target}_agreement", alpha.get(target, nan), asked.agreement,
           alpha.get(target, nan) >= asked.agreement) for target in TARGETS),
        ("theme_accuracy", low["theme"], asked.theme, low["theme"] >= asked.theme),
        ("polarity_accuracy", low["polarity"], asked.polarity, low["polarity"] >= asked.polarity),
        *((f"{target}_baseline", low[target], base[target], low[target] > base[target])
          for target in TARGETS),
        ("calibration", np.max(wrong), asked.calibration, np.max(wrong) <= asked.calibration),
        ("across", across, 0, across == 0),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["condition", "found", "needed", "met"])
    return frame.astype({"found": float, "needed": float, "met": bool})


def kinds_of(segments: pd.DataFrame) -> pd.MultiIndex:
    """Return every theme with every polarity."""
    themes = sorted(segments["theme"].dropna().unique())
    return pd.MultiIndex.from_product([themes, POLARITY], names=TARGETS)


def by_hand(segments: pd.DataFrame) -> Read:
    """Return what coders said; segments that nobody coded say nothing."""
    kinds = kinds_of(segments)
    truth = np.stack(
        [(segments["theme"].eq(a) & segments["polarity"].eq(b)).to_numpy(float) for a, b in kinds],
        axis=1,
    ) if len(kinds) else np.zeros((len(segments), 0))  # fmt: skip
    coded = segments[list(TARGETS)].notna().all(axis=1).to_numpy()
    return Read(coded, segments["group"].to_numpy(), truth, np.zeros_like(truth))


def thoughts(segments: pd.DataFrame, held: dict[str, HeldOut], rule: OpinionRule) -> Read:
    """Return what coders said and what classifiers think of each theme with each polarity.

    A coded segment is judged by classifiers that have not seen it; near-duplicates that were left
    out of training are judged as their group was: by none that saw it, so they count as not coded.
    """
    kept, hand = usable_rows(segments), by_hand(segments)
    used = segments.index.isin(kept.index)
    thought = {}
    for target in TARGETS:
        own = held[target]
        whole = train(kept["text"].tolist(), kept[target].to_numpy(),
                      groups=kept["group"].to_numpy(), costs=rule.costs)  # fmt: skip
        found = np.zeros((len(segments), len(own.classes)))
        found[used] = own.probabilities.mean(axis=0)
        rest = segments.loc[~used, "text"].tolist()
        at = np.searchsorted(own.classes, whole.classes)
        found[np.ix_(~used, at)] = whole.probabilities(rest)
        thought[target] = pd.DataFrame(found, columns=own.classes)
    joint = [thought["theme"][a] * thought["polarity"].get(b, 0.0) for a, b in kinds_of(segments)]
    return Read(used, hand.documents, hand.truth, np.stack(joint, axis=1))


def shares_of(
    own: Read, segments: pd.DataFrame, rule: OpinionRule, *, machine: bool
) -> pd.DataFrame:
    """Return the share of each theme, and inside it of each polarity, with intervals.

    Not shown: themes of fewer persons than the rule asks (and one more where only one is hidden);
    inside a theme all shares where any polarity has fewer, since the rest would give it away.
    """
    kinds, rows = kinds_of(segments), []
    every = np.ones(len(kinds), dtype=bool)
    for theme in kinds.levels[0] if len(kinds) else []:
        inside = kinds.get_level_values("theme") == theme
        rows.append(share_row(theme, "", part(own, inside, every, level=rule.level,
                    machine=machine), persons_of(segments, theme)))  # fmt: skip
        for polarity in POLARITY:
            cell = inside & (kinds.get_level_values("polarity") == polarity)
            found = part(own, cell, inside, level=rule.level, machine=machine)
            rows.append(share_row(theme, polarity, found, persons_of(segments, theme, polarity)))
    columns = ["theme", "polarity", "value", "low", "high", "n", "persons"]
    return hidden(pd.DataFrame(rows, columns=columns), rule.persons)


def share_row(theme: str, polarity: str, found: Share, persons: int) -> tuple[object, ...]:
    """Return a row of the table of shares."""
    return theme, polarity, found.value, found.low, found.high, found.n, persons


def persons_of(segments: pd.DataFrame, theme: str, polarity: str = "") -> int:
    """Return by how many documents, which stand for persons, a cell was coded."""
    own = segments[segments["theme"].eq(theme) & segments["polarity"].notna()]
    return int(own[own["polarity"].eq(polarity) | (polarity == "")]["document"].nunique())


def hidden(shares: pd.DataFrame, fewest: int) -> pd.DataFrame:
    """Return shares with `shown`; see shares_of."""
    few = shares["persons"] < fewest
    whole = shares["polarity"] == ""
    themes = set(shares.loc[few & whole, "theme"])
    if len(themes) == 1 and whole.sum() > 1:
        rest = shares[whole & ~shares["theme"].isin(themes)]
        themes.add(rest.loc[rest["persons"].idxmin(), "theme"])
    split = set(shares.loc[few & ~whole, "theme"]) | themes
    gone = shares["theme"].isin(themes) | (shares["theme"].isin(split) & ~whole)
    return shares.assign(shown=~gone)


def composition_of(
    own: Read, segments: pd.DataFrame, rule: OpinionRule, *, machine: bool
) -> pd.DataFrame:
    """Return by channel and by month: segments, documents, coded ones and the share negative."""
    kinds, rows = kinds_of(segments), []
    negative = kinds.get_level_values("polarity") == "negative"
    for by in ("channel", "month"):
        for level, part_of in segments.groupby(by, sort=True):
            inside = segments.index.isin(part_of.index)
            found = negative_of(own, inside, negative, rule.level, machine=machine)
            persons = part_of["document"].nunique()
            rows.append((by, level, len(part_of), persons, found.n, found.value, found.low,
                         found.high, persons >= rule.persons))  # fmt: skip
    columns = ["by", "level", "segments", "documents", "coded", "value", "low", "high", "shown"]
    return pd.DataFrame(rows, columns=columns)


def negative_of(
    own: Read, inside: np.ndarray, negative: Sequence[bool], level: float, *, machine: bool
) -> Share:
    """Return the share negative among some segments."""
    few = Read(own.coded[inside], own.documents[inside], own.truth[inside], own.thought[inside])
    every = np.ones(own.truth.shape[1], dtype=bool)
    return part(few, np.asarray(negative), every, level=level, machine=machine)
