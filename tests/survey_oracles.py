"""Small samples from seeds and tables, on which R `survey` was run.

`python tests/survey_oracles.py FOLDER` writes every sample as CSV into FOLDER; then
`Rscript tests/survey_models.R FOLDER tests/golden` and `Rscript tests/survey_oracles.R FOLDER
tests/golden` write what R finds in them. The stream of RandomState is frozen, so that the numbers
of R stay those of these samples.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import linalg

Frame = pd.DataFrame
Stratum = tuple[str, int, Sequence[tuple[int, int]]]  # name, PSUs in all, (taken, in all) of each


def answers(frame: Frame, seed: int) -> Frame:
    """Questions answered by every row; rows of one PSU answer alike."""
    rng = np.random.RandomState(seed)
    n, psu = len(frame), pd.factorize(frame["psu"])[0]
    common = rng.normal(size=psu.max() + 1)[psu]
    staff = np.round(np.exp(rng.normal(3.0, 0.8, n) + 0.2 * common)) + 1
    years = rng.randint(1, 25, n).astype(float)
    size = np.where(staff < 15, "small", np.where(staff < 30, "middle", "large"))
    latent = 0.6 * np.log(staff) - 0.05 * years + 0.7 * common + rng.logistic(size=n)
    rest = {name: latent + rng.normal(scale=1.5, size=n) for name in ("speed", "clarity", "cost")}
    score = {
        name: 1.0 + np.searchsorted([-0.5, 0.8, 2.0, 3.4], value) for name, value in rest.items()
    }
    made = {
        "staff": staff, "years": years, "size": size, "sector": rng.choice(list("ABC"), n),
        "y": np.round(10 + 3 * latent + rng.normal(size=n), 2),
        "overall": 1.0 + np.searchsorted([-0.5, 0.8, 2.0, 3.4], latent),
        "happy": (latent > 1.5).astype(float), "cases": np.round(staff * rng.uniform(0.1, 2, n)),
        **score,
    }  # fmt: skip
    made["pace"] = np.where(score["speed"] > 2, "fast", "slow")
    gone = rng.uniform(size=n) < 0.12
    made["part"] = np.where(gone, np.nan, made["y"])
    made["mood"] = np.where(made["happy"] > 0, "yes", "no")
    made["branch"] = np.where(years % 6 == 0, None, made["sector"])
    return frame.assign(**made)


def staged(seed: int, strata: Sequence[Stratum], uneven: float = 0.0) -> Frame:
    """Two stages: PSUs from each stratum, elements from each PSU; weights, and counts by stage."""
    rng = np.random.RandomState(seed)
    rows = [
        (name, f"{name}{k:02}", f"{name}{k:02}-{i:02}", all_psus, all_units, k + 1, i + 1,
         all_psus / len(psus) * all_units / m)
        for name, all_psus, psus in strata
        for k, (m, all_units) in enumerate(psus)
        for i in range(m)
    ]  # fmt: skip
    names = ["stratum", "psu", "unit", "psus", "units", "number", "place", "w"]
    frame = pd.DataFrame(rows, columns=names)
    frame["w"] = np.round(frame["w"] * np.exp(uneven * rng.normal(size=len(frame))), 3)
    return answers(frame.astype({"psus": float, "units": float}), seed + 1)


def firms() -> Frame:
    """Four strata of clusters, weights that vary, first-stage counts."""
    sizes = [[9, 7, 8, 6, 9], [6, 8, 7, 5], [8, 9, 6, 7, 8, 6], [7, 5, 9]]
    strata = [
        (name, total, [(m, 4 * m) for m in taken])
        for name, total, taken in zip("efgh", (40, 22, 60, 15), sizes, strict=True)
    ]
    return staged(11, strata, uneven=0.35)


def elements() -> Frame:
    """Four strata of single firms with unequal weights."""
    rng = np.random.RandomState(21)
    stratum = np.repeat(list("klmn"), [70, 40, 50, 60])
    total = np.repeat([900.0, 150.0, 400.0, 260.0], [70, 40, 50, 60])
    taken = np.repeat([70, 40, 50, 60], [70, 40, 50, 60])
    frame = pd.DataFrame({"stratum": stratum, "psus": total})
    frame["psu"] = [f"k{i:03}" for i in range(len(frame))]
    frame["w"] = np.round(total / taken * rng.uniform(0.6, 1.5, len(frame)), 3)
    return answers(frame, 22)


def two_stage() -> Frame:
    """Three strata, two to four PSUs of each; one PSU is asked in full (r01: 4 of 4)."""
    strata = [
        ("p", 12, [(4, 9), (6, 15), (5, 10)]),
        ("q", 20, [(7, 12), (4, 8), (5, 30), (6, 11)]),
        ("r", 9, [(5, 6), (4, 4)]),
    ]
    frame = staged(31, strata, uneven=0.1)
    half = np.where(frame["place"] % 2, "odd", "even")
    taken = frame.groupby(["psu", half])["unit"].transform("size")
    return frame.assign(half=half, halves=taken + frame["units"].floordiv(3))


def three_stage() -> Frame:
    """Two strata of PSUs, houses in PSUs, persons in houses, a count at every stage."""
    taken = {
        "u": (10, [(7, [(3, 5), (2, 4), (4, 4)]), (6, [(2, 3), (3, 6)]), (9, [(2, 2), (4, 7)])]),
        "v": (6, [(5, [(3, 4), (2, 5)]), (8, [(2, 6), (3, 3), (2, 4)])]),
    }
    rows = [
        (s, f"{s}{i}", f"{s}{i}{j}", f"{s}{i}{j}{k}", all_psus, all_houses, all_persons,
         all_psus / len(psus) * all_houses / len(houses) * all_persons / m)
        for s, (all_psus, psus) in taken.items()
        for i, (all_houses, houses) in enumerate(psus)
        for j, (m, all_persons) in enumerate(houses)
        for k in range(m)
    ]  # fmt: skip
    names = ["stratum", "psu", "house", "person", "psus", "houses", "persons", "w"]
    counts = dict.fromkeys(["psus", "houses", "persons"], float)
    return answers(pd.DataFrame(rows, columns=names).astype(counts), 42)


def lonely() -> Frame:
    """Eight strata, three of them with one PSU; that of stratum h is the whole stratum."""
    sizes = {"a": 3, "b": 1, "c": 2, "d": 4, "e": 1, "f": 2, "g": 3, "h": 1}
    strata = [
        (name, 1 if name == "h" else 5 * n + 3, [(3 + (i + n) % 3, 20) for i in range(n)])
        for name, n in sizes.items()
    ]
    return staged(51, strata, uneven=0.2)


def lonely_inside() -> Frame:
    """Two stages; one element alone was asked in PSU s01."""
    strata = [("s", 14, [(4, 10), (1, 8), (3, 9)]), ("t", 11, [(3, 7), (5, 12)])]
    return staged(55, strata)


def plain() -> Frame:
    """36 of 150 firms by simple random sampling."""
    frame = pd.DataFrame({"psu": [f"x{i:02}" for i in range(36)], "psus": 150.0, "w": 150 / 36})
    return answers(frame, 62)


def paired() -> Frame:
    """Seven strata of two PSUs, with the columns of five sets of replicate weights."""
    frame = staged(71, [(name, 9, [(4, 20), (3, 20)]) for name in "abcdefg"], uneven=0.2)
    rng, w = np.random.RandomState(73), frame["w"].to_numpy()
    stratum, first = pd.factorize(frame["stratum"])[0], frame["number"].to_numpy() == 1
    sign = linalg.hadamard(8)[1:][stratum] * np.where(first, 1, -1)[:, None]
    psu = pd.factorize(frame["psu"])[0]
    left_out = [np.where(psu == k, 0, np.where(stratum == k // 2, 2, 1)) for k in range(14)]
    picked = rng.randint(0, 2, size=(20, 7))  # one PSU of each stratum, taken twice
    sets = {
        "brr": w[:, None] * (1 + sign),
        "fay": w[:, None] * (1 + 0.7 * sign),
        "jkn": w[:, None] * np.array(left_out).T,
        "boot": w[:, None] * 2.0 * ((~first)[:, None] == picked[:, stratum].T),
    }
    named = {f"{k}{i + 1}": v[:, i] for k, v in sets.items() for i in range(v.shape[1])}
    return frame.assign(**named)


FRAMES: dict[str, Callable[[], Frame]] = {
    made.__name__: made
    for made in (firms, elements, two_stage, three_stage, lonely, lonely_inside, plain, paired)
}


def write(folder: Path) -> None:
    for name, make in FRAMES.items():
        make().to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
