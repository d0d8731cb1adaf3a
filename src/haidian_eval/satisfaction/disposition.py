"""What became of the sample: disposition, response rates, and what weights do.

Shares of the sample, from 0 to 1 (AAPOR, Standard Definitions, 2023, by its numbers):
raw          complete / issued
rr1          complete / (issued - ineligible): everybody not known to be ineligible counts; lowest
rr3          complete / (complete + refused + other + e noncontact), where e is the share eligible
             among units whose eligibility is known (CASRO): adjusted for unknown eligibility
cooperation  complete / (complete + refused + other), coop1
contact      (complete + refused + other) / (issued - ineligible), con1
weighted     rr1 with every unit counted as many times as units it stands for
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from haidian_eval.satisfaction.intervals import wilson
from haidian_eval.satisfaction.reading import STRATUM, Survey, issued_weights

OUTCOMES = ["issued", "complete", "ineligible", "refused", "noncontact", "other"]


@dataclass(frozen=True, slots=True)
class Weights:
    """What weights do to the sample.

    summary: kind (design | final), n, lowest, median, highest, ratio (highest / lowest), cv, kish
    (n sum w^2 / (sum w)^2, Kish 1965), effective (n / kish). margins: variable, level, n, shares
    of 1: population, unweighted, design, final.
    """

    summary: pd.DataFrame
    margins: pd.DataFrame


def disposition(survey: Survey, level: float = 0.95) -> pd.DataFrame:
    """Return outcomes and rates by stratum, and in all (`stratum_id` missing).

    low, high; raw_low, raw_high: Wilson's intervals of rr1 and raw, as if each unit answered by
    itself with one probability.
    """
    counts = survey.drawn[[STRATUM, *OUTCOMES]].astype(dict.fromkeys(OUTCOMES, "int64"))
    counts["weight"] = issued_weights(survey.drawn).to_numpy()
    for name in ("complete", "ineligible", "issued"):
        counts[f"w_{name}"] = counts["weight"] * counts[name]
    by_stratum = counts.groupby(STRATUM, as_index=False).sum()
    whole = counts.drop(columns=STRATUM).sum().to_frame().T.assign(**{STRATUM: None})
    rows = pd.concat([by_stratum, whole], ignore_index=True)
    return rates_of(rows.astype(dict.fromkeys(OUTCOMES, "int64")), level)


def rates_of(rows: pd.DataFrame, level: float) -> pd.DataFrame:
    """Return disposition codes with their rates; a rate over nobody is missing."""
    known = rows["complete"] + rows["refused"] + rows["other"]
    eligible = rows["issued"] - rows["ineligible"]
    e = known / (known + rows["ineligible"])
    done = rows["complete"]
    w_eligible = rows["w_issued"] - rows["w_ineligible"]
    with np.errstate(invalid="ignore", divide="ignore"):
        found = rows[[STRATUM, *OUTCOMES]].assign(
            eligible=eligible, e=e, raw=done / rows["issued"], rr1=done / eligible,
            rr3=done / (known + e * rows["noncontact"]), cooperation=done / known,
            contact=known / eligible, weighted=rows["w_complete"] / w_eligible,
        )  # fmt: skip
    for name, of in (("", eligible), ("raw_", rows["issued"])):
        found[f"{name}low"], found[f"{name}high"] = wilson(done / of.where(of > 0), of, level)
    return found


def weights_of(survey: Survey, final: pd.Series) -> Weights:
    """Return what the final weights do beside the design weights (rows as in the frame)."""
    frame = survey.frame
    kinds = {"design": frame["weight"].to_numpy(float), "final": final.to_numpy(float)}
    summary = pd.DataFrame([{"kind": name, **spread(own)} for name, own in kinds.items()])
    parts = []
    for total in survey.margins:
        name = str(total.name)
        shares = {
            kind: pd.Series(own, frame.index).groupby(frame[name]).sum() / own.sum()
            for kind, own in kinds.items()
        }
        n = frame[name].value_counts()
        rows = {"population": total / total.sum(), "n": n, "unweighted": n / len(frame), **shares}
        own = pd.DataFrame(rows).reindex(total.index).rename_axis("level").reset_index()
        parts.append(own.assign(variable=name, n=own["n"].fillna(0).astype("int64")))
    found = pd.concat(parts or [pd.DataFrame({"variable": []})], ignore_index=True)
    return Weights(summary, found)


def spread(weights: np.ndarray) -> dict[str, float]:
    """Return how unequal weights are."""
    n, low, high = len(weights), float(weights.min()), float(weights.max())
    kish = n * float(np.square(weights).sum()) / float(weights.sum()) ** 2
    return {"n": n, "lowest": low, "median": float(np.median(weights)), "highest": high,
            "ratio": high / low if low > 0 else np.nan, "cv": float(np.sqrt(max(0.0, kish - 1))),
            "kish": kish, "effective": n / kish}  # fmt: skip
