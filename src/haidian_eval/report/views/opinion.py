"""What comments and interviews say, and what that is worth, as a reader's tables and words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from haidian_eval.opinion import Accuracy, Opinion, Share, assess_opinion
from haidian_eval.opinion.reading import POLARITY
from haidian_eval.params import OpinionRule
from haidian_eval.report.exhibit import joined
from haidian_eval.report.operations import Said, Words

MERGED = "merged"  # themes of too few persons, together
COUNTS = ("segments", "doubly", "across")  # conditions that are numbers, not shares
RELATIONS = {"calibration": "≤", "across": "="}


@dataclass(frozen=True, slots=True)
class Case:
    """The texts of an edition and what is known of them; found: where there are any."""

    found: Opinion | None
    rule: OpinionRule
    words: Words

    @property
    def own(self) -> Opinion:
        """The assessment of texts that are there."""
        assert self.found is not None, "the edition has no texts"
        return self.found

    @property
    def source(self) -> str:
        """The sources of the segments."""
        return joined(*self.own.segments["source_id"].unique())

    def word(self, group: str, name: str) -> str:
        """Return a code in words; a theme of the user's own stands as it is."""
        key = f"opinion.{group}.{name}"
        return self.words.text(key) if self.words.text.has(key) else name


def read(comments: pd.DataFrame, interviews: pd.DataFrame, rule: OpinionRule, words: Words) -> Case:
    """Return what the texts of an edition say; without any, a case without findings."""
    there = len(comments) or len(interviews)
    return Case(assess_opinion(comments, interviews, rule) if there else None, rule, words)


def percent(value: float, digits: int = 1) -> str:
    """Return a share of one in per cent."""
    return "—" if pd.isna(value) else f"{100 * value:.{digits}f}%"


def with_range(found: Share) -> dict[str, object]:
    """Return a share and its interval in per cent, for a table."""
    return {"value": 100 * found.value, "low": 100 * found.low, "high": 100 * found.high}


def listed(case: Case, names: list[str], group: str) -> str:
    """Return codes in words, as the language lists them."""
    return case.words.text.listing([case.word(group, name) for name in names])


def verdict(case: Case) -> Said:
    """Return what the page says of the use of texts, with every number that a sentence needs."""
    own, text = case.own, case.words.text
    state = "usable" if own.usable else "not_usable"
    sizes = own.leakage.set_index("what")["n"].to_dict()
    why = listed(case, list(own.reasons), "conditions") or text("exhibit.none")
    return {
        "verdict": text(f"opinion.verdicts.{state}"), "meaning": text(f"opinion.meanings.{state}"),
        "why": text("opinion.failing", reasons=why) if own.reasons else "",
        "method": text(f"opinion.methods.{state}"), "likeness": f"{case.rule.near:g}",
        "folds": case.rule.folds, "repeats": case.rule.repeats, "persons": case.rule.persons,
        "documents": own.segments["document"].nunique(), "lead": case.rule.lead_coder,
        "draws": case.rule.draws, "longest": case.rule.quotation, **sizes,
    } | worth(case)  # fmt: skip


def between(case: Case, low: float, high: float, *, digits: int = 1) -> str:
    """Return the ends of an interval: of shares in per cent, of coefficients with two decimals."""
    if pd.isna(low):
        return "—"
    shown = [percent(x) if digits == 1 else f"{x:.{digits}f}" for x in (low, high)]
    return case.words.text("opinion.between", low=shown[0], high=shown[1])


def worth(case: Case) -> Said:
    """Return accuracy, agreement and calibration for sentences, with intervals."""
    own, nan, said = case.own, np.nan, dict[str, object]()
    whole = own.agreement[own.agreement["who"] == ""].set_index("target")
    ends = whole.reindex(["theme", "polarity"])[["value", "low", "high"]].astype(float)
    for target, row in ends.iterrows():
        proof = own.proof.get(str(target))
        found = proof.right if proof else Share(nan, nan, nan, 0, 0)
        spread = proof.by_repeat if proof else np.array([nan])
        said |= {
            f"{target}_right": percent(found.value),
            f"{target}_range": between(case, found.low, found.high),
            f"{target}_base": percent(proof.baseline.value if proof else nan),
            f"{target}_error": percent(proof.error.value if proof else nan),
            f"{target}_spread": between(case, spread.min(), spread.max()),
            f"{target}_alpha": "—" if pd.isna(row["value"]) else f"{row['value']:.2f}",
            f"{target}_alpha_range": between(case, row["low"], row["high"], digits=2),
        }
    return said


def cards(case: Case) -> pd.DataFrame:
    """Return the verdict, what was coded, agreement and accuracy."""
    said, parts = verdict(case), ("figure", "label", "about")
    return pd.DataFrame([
        {part: case.words.text(f"opinion.cards.{name}.{part}", **said) for part in parts}
        | {"source_id": case.source}
        for name in ("verdict", "coded", "agreement", "theme", "polarity")
    ])  # fmt: skip


def conditions(case: Case) -> pd.DataFrame:
    """Return the conditions in words: what was found, what is needed, whether it is met."""
    rows = case.own.conditions
    shown = [
        [f"{x:.0f}" if name in COUNTS else f"{x:.3f}" if x == x else "—" for x in (found, needed)]
        for name, found, needed in rows[["condition", "found", "needed"]].to_numpy()
    ]
    return pd.DataFrame({
        "condition": [case.word("conditions", name) for name in rows["condition"]],
        "seen": [found for found, _ in shown],
        "needed": [f"{relation(name)} {needed}"
                   for name, (_, needed) in zip(rows["condition"], shown, strict=True)],
        "met": rows["met"].map({True: "yes", False: "no"}), "source_id": case.source,
    })  # fmt: skip


def relation(condition: str) -> str:
    """Return how a condition is written."""
    return ">" if condition.endswith("baseline") else RELATIONS.get(condition, "≥")


def composition(case: Case, by: str) -> pd.DataFrame:
    """Return segments by channel or month and the share negative; small ones are not shown."""
    rows = case.own.composition
    rows = rows[rows["by"] == by]
    level = [case.word("channels", one) if by == "channel" else case.words.text.period(one)
             for one in rows["level"]]  # fmt: skip
    counts = rows.loc[rows["shown"], ["segments", "documents", "coded"]]
    per_cent = rows.loc[rows["shown"], ["value", "low", "high"]].mul(100)
    shown = counts.join(per_cent).reindex(rows.index)
    return shown.assign(level=level, source_id=case.source)


def agreement(case: Case) -> pd.DataFrame:
    """Return coefficients of agreement in words."""
    rows, text = case.own.agreement, case.words.text
    who = [text.listing(one.split(";")) if one else text("opinion.all_coders")
           for one in rows["who"]]  # fmt: skip
    return rows.assign(
        who=who, target=[case.word("targets", one) for one in rows["target"]],
        measure=[case.word("measures", one) for one in rows["measure"]],
        observed=100 * rows["observed"], source_id=case.source,
    )  # fmt: skip


def accuracies(case: Case) -> pd.DataFrame:
    """Return what held-out coding is worth, a row per target and measure."""
    rows = []
    for target, proof in case.own.proof.items():
        for measure, found in measures(proof).items():
            rows.append({"target": case.word("targets", target),
                         "measure": case.word("measures", measure), **found,
                         "source_id": case.source})  # fmt: skip
    return pd.DataFrame(rows)


def measures(proof: Accuracy) -> dict[str, dict[str, object]]:
    """Return the measures of one target in per cent, each with its interval where it has one."""
    none = {"low": np.nan, "high": np.nan}
    return {
        "accuracy": with_range(proof.right), "baseline": with_range(proof.baseline),
        "balanced": with_range(proof.balanced), "error": with_range(proof.error),
        "by_chance": {"value": 100 * proof.by_chance, **none},
        "brier": {"value": 100 * proof.brier, **none},
        "brier_baseline": {"value": 100 * proof.brier_baseline, **none},
    }  # fmt: skip


def themes_shown(case: Case) -> list[str]:
    """Return the themes of enough persons, in the order of their share."""
    rows = case.own.shares
    whole = rows[(rows["polarity"] == "") & rows["shown"]]
    return list(whole.sort_values("value", ascending=False, kind="stable")["theme"])


def confusion(case: Case) -> dict[str, pd.DataFrame]:
    """Return truth x predicted, all in words, by target; themes of few persons are one row."""
    found = {}
    for target, proof in case.own.proof.items():
        order = themes_shown(case) if target == "theme" else list(POLARITY)
        table = proof.confusion
        names = [name if name in order else MERGED for name in table.index]
        merged = table.set_axis(names).set_axis(names, axis=1).groupby(level=0).sum()
        merged = merged.T.groupby(level=0).sum().T
        kept = [name for name in [*order, MERGED] if name in merged.index]
        words = [case.word("themes" if target == "theme" else "signs", name) for name in kept]
        found[case.word("targets", target)] = (
            merged.loc[kept, kept].set_axis(words).set_axis(words, axis=1)
        )
    return found


def classes(case: Case) -> pd.DataFrame:
    """Return the confusion matrix in rows: target, truth, predicted, n, share of the truth."""
    rows = []
    for target, table in confusion(case).items():
        long = table.rename_axis("truth").reset_index().melt("truth", var_name="predicted",
                                                             value_name="n")  # fmt: skip
        whole = long.groupby("truth")["n"].transform("sum")
        rows.append(long.assign(target=target, share=100 * long["n"] / whole))
    return pd.concat(rows, ignore_index=True).assign(source_id=case.source)


def by_class(case: Case) -> pd.DataFrame:
    """Return precision and recall of each class that may be shown."""
    rows = []
    for target, proof in case.own.proof.items():
        order = themes_shown(case) if target == "theme" else list(POLARITY)
        own = proof.by_class.set_index("label").loc[[x for x in order if x in proof.confusion]]
        group = "themes" if target == "theme" else "signs"
        per_cent = own[["precision", "recall", "low", "high"]] * 100
        rows.append(per_cent.assign(
            label=[case.word(group, one) for one in own.index], n=own["n"],
            target=case.word("targets", target), source_id=case.source,
        ))  # fmt: skip
    return pd.concat(rows, ignore_index=True)


def calibration(case: Case) -> pd.DataFrame:
    """Return confidence and share right by bins, in per cent."""
    parts = [
        (100 * proof.calibration[["confidence", "right", "low", "high"]]).assign(
            n=proof.calibration["n"], target=case.word("targets", target), source_id=case.source
        )
        for target, proof in case.own.proof.items()
    ]
    return pd.concat(parts, ignore_index=True)


def leakage(case: Case) -> pd.DataFrame:
    """Return how many segments repeat others, in words."""
    rows = case.own.leakage
    what = [case.word("leaks", name) for name in rows["what"]]
    return rows.assign(what=what, source_id=case.source)


def shares(case: Case) -> pd.DataFrame:
    """Return themes and the polarity inside them, in per cent, the commonest theme first."""
    rows, order = case.own.shares, themes_shown(case)
    kept = rows[rows["theme"].isin(order)]
    place = kept["theme"].map(order.index)
    sign = kept["polarity"].map(["", *POLARITY].index)
    kept = kept.assign(_a=place, _b=sign).sort_values(["_a", "_b"]).drop(columns=["_a", "_b"])
    numbers = kept.loc[kept["shown"], ["value", "low", "high"]].mul(100).reindex(kept.index)
    counts = kept.loc[kept["shown"], ["n", "persons"]].reindex(kept.index)
    return kept.assign(
        theme=[case.word("themes", one) for one in kept["theme"]],
        sign=[case.word("signs", one or "all") for one in kept["polarity"]],
        **numbers, **counts, source_id=case.source,
    )  # fmt: skip


def quoted(case: Case) -> pd.DataFrame:
    """Return representative quotations with how many segments stand behind each."""
    order = case.own.quotations["theme"].map(themes_shown(case).index)
    rows = case.own.quotations.iloc[order.argsort(kind="stable")]
    words = {"theme": "themes", "polarity": "signs", "channel": "channels"}
    said = {name: [case.word(group, one) for one in rows[name]] for name, group in words.items()}
    return rows.assign(**said)


def finding(case: Case) -> Said:
    """Return what the page ends with: the verdict, the plainest theme, the limits."""
    said = verdict(case)
    rows = shares(case)
    whole = rows[rows["polarity"] == ""]
    lines = [case.words.text("opinion.findings.verdict", **said)]
    if len(whole):
        top = whole.iloc[0]
        more = {"theme": top["theme"], "share": percent(top["value"] / 100),
                "range": between(case, top["low"] / 100, top["high"] / 100)}  # fmt: skip
        lines.append(case.words.text("opinion.findings.theme", **said, **more))
        lines += negative_line(case, rows[rows["theme"] == top["theme"]], said)
    lines.append(case.words.text("opinion.findings.limits", **said))
    return {"findings": "\n".join(lines)}


def negative_line(case: Case, rows: pd.DataFrame, said: Said) -> list[str]:
    """Return the share negative inside the commonest theme, where it may be shown."""
    own = rows[(rows["polarity"] == "negative") & rows["shown"]]
    return [
        case.words.text(
            "opinion.findings.negative", theme=row.theme, share=percent(row.value / 100),
            range=between(case, row.low / 100, row.high / 100), n=int(row.n),
        )
        for row in own.itertuples()
    ]  # fmt: skip


def kept(case: Case) -> dict[str, pd.DataFrame]:
    """Return the results that later stages may read; shares carry whether they may be used."""
    if case.found is None:
        empty = pd.DataFrame({"condition": pd.Series(dtype=str)})
        return {"opinion_shares": empty, "opinion_conditions": empty}
    own = case.found
    shown = own.shares[own.shares["shown"]]
    return {"opinion_shares": shown.assign(usable=own.usable, source_id=case.source),
            "opinion_conditions": own.conditions}  # fmt: skip
