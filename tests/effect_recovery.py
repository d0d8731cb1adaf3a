"""Do estimators find a planted effect, and do tests reject where there is none: made-up panels.

`python tests/effect_recovery.py [--panels 500] [--seed 1]` prints for each estimator bias in
standard errors, coverage of the 95 % interval and its Monte-Carlo error, then for each test how
often it rejects at 5 % where nothing happened, in 12 parks of which 4 adopt. Exit code 1 when a
coverage or a size lies further than three Monte-Carlo errors from 95 % or 5 %, or a bias is more
than a tenth of a standard error (and of its own Monte-Carlo error).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from math import sqrt

import numpy as np
import pandas as pd

from haidian_eval import effect
from haidian_eval.effect.size import series

PERIODS, UNITS = 10, 240
SHARES = {0: 0.4, 4: 0.2, 6: 0.2, 8: 0.2}  # cohort -> share of the units
PARKS, ADOPTERS, FIRMS = 12, 4, 10
LEVEL, SIGNIFICANCE = 0.95, 0.05
FAR = 3.0  # Monte-Carlo errors


def units_panel(rng: np.random.Generator, *, growing: bool) -> tuple[pd.DataFrame, float]:
    """Return a panel of independent units in staggered cohorts, and the mean true effect."""
    first = np.repeat(list(SHARES), [int(UNITS * share) for share in SHARES.values()])
    time = np.arange(1, PERIODS + 1)
    since = np.where(first[:, None] > 0, time - first[:, None], -1)
    true = np.where(since >= 0, 0.3 + 0.1 * np.minimum(since, 4) * growing, 0.0)
    noise = series(rng, (UNITS, PERIODS), 1.0, 0.4)
    y = rng.normal(size=(UNITS, 1)) + 0.2 * (first[:, None] > 0) + 0.1 * time + true + noise
    frame = long(y, first, np.arange(UNITS))
    return frame, float(true[since >= 0].mean())


def parks_panel(rng: np.random.Generator, *, size: float) -> tuple[pd.DataFrame, float]:
    """Return a panel of firms in 12 parks, 4 of which adopt at once, with shocks by park."""
    first = np.where(np.arange(PARKS) < ADOPTERS, 6, 0).repeat(FIRMS)
    park = np.repeat(np.arange(PARKS), FIRMS)
    shared = series(rng, (PARKS, PERIODS), 0.05, 0.5)
    own = series(rng, (PARKS * FIRMS, PERIODS), 0.1, 0.5)
    time = np.arange(1, PERIODS + 1)
    on = (first[:, None] > 0) & (time >= first[:, None])
    return long(shared[park] + own + size * on, first, park), size


def long(y: np.ndarray, first: np.ndarray, park: np.ndarray) -> pd.DataFrame:
    """Return unit x period as rows."""
    time = np.tile(np.arange(1, PERIODS + 1), len(y))
    whole = np.repeat(first, PERIODS)
    return pd.DataFrame({
        "unit": np.repeat(np.arange(len(y)), PERIODS), "time": time, "first": whole,
        "d": ((whole > 0) & (time >= whole)).astype(int), "y": y.ravel(),
        "park": np.repeat(park, PERIODS),
    })  # fmt: skip


Found = tuple[float, float, float]  # value, low, high


def of(estimate: effect.Estimate) -> Found:
    return estimate.value, estimate.low, estimate.high


COLUMNS = ("y", "unit", "time", "first")
GROWING: dict[str, Callable[[pd.DataFrame], effect.Estimate]] = {
    "imputation": lambda rows: effect.imputation(rows, *COLUMNS),
    "sun_abraham": lambda rows: effect.sun_abraham(rows, *COLUMNS),
    "group-time, never": lambda rows: simple(rows, control="never"),
    "group-time, not yet": lambda rows: simple(rows, control="notyet"),
}
CONSTANT: dict[str, Callable[[pd.DataFrame], effect.Estimate]] = {
    f"two-way, {rule}": lambda rows, rule=rule: effect.twfe(
        rows, "y", "d", "unit", "time", cluster="unit", small_sample=rule
    )
    for rule in ("fixest", "plm", "cr2")
}
IN_PARKS: dict[str, Callable[[pd.DataFrame], effect.Estimate]] = {
    "parks: two-way, cr2": lambda rows: effect.twfe(
        rows, "y", "d", "unit", "time", cluster="park", small_sample="cr2"
    ),
    "parks: imputation, jackknife": lambda rows: effect.imputation(
        rows, *COLUMNS, cluster="park", errors="jackknife"
    ),
}


def simple(rows: pd.DataFrame, **choices: str) -> effect.Estimate:
    return effect.aggregate(effect.att_gt(rows, *COLUMNS, **choices), "simple").overall


def wild_interval(rows: pd.DataFrame, seed: int) -> Found:
    test = effect.wild_cluster_bootstrap(rows, "y", "d", "unit", "time", cluster="park",
                                         draws=1999, seed=seed, level=LEVEL)  # fmt: skip
    return (test.low + test.high) / 2, test.low, test.high


def recover(panels: int, seed: int) -> pd.DataFrame:
    """Return by estimator and panel the value, the interval and the truth."""
    rows: list[tuple[str, float, float, float, float]] = []
    for at in range(panels):
        rng = np.random.default_rng([seed, at])
        for makers, (frame, true) in (
            (GROWING, units_panel(rng, growing=True)), (CONSTANT, units_panel(rng, growing=False)),
            (IN_PARKS, parks_panel(rng, size=0.1)),
        ):  # fmt: skip
            rows += [(name, *of(make(frame)), true) for name, make in makers.items()]
        rows.append(("parks: wild interval", *wild_interval(frame, at), true))
    return pd.DataFrame(rows, columns=["estimator", "value", "low", "high", "true"])


def summary(found: pd.DataFrame) -> Iterator[tuple[str, bool]]:
    """Return a line for each estimator, and whether it keeps what is asked."""
    for name, own in found.groupby("estimator", sort=False):
        error, count = own["value"] - own["true"], len(own)
        spread = error.std(ddof=1)
        covered = ((own["low"] <= own["true"]) & (own["true"] <= own["high"])).mean()
        allowed, bias = sqrt(LEVEL * (1 - LEVEL) / count), error.mean() / spread
        kept = abs(covered - LEVEL) <= FAR * allowed and abs(bias) <= max(0.1, FAR / sqrt(count))
        yield (f"{name:30} bias {bias:+.3f} se (+-{1 / sqrt(count):.3f})  coverage"
               f" {100 * covered:.1f} % (+-{100 * allowed:.1f})  n {count}", kept)  # fmt: skip


def sizes(panels: int, seed: int) -> pd.Series:
    """Return shares of panels without effect in which each test rejects."""
    found = []
    for at in range(panels):
        frame, _ = parks_panel(np.random.default_rng([seed, 7, at]), size=0.0)
        own = {"unit": "unit", "time": "time", "cluster": "park", "draws": 999, "seed": at}
        tests = {
            "wild, Webb": effect.wild_cluster_bootstrap(frame, "y", "d", **own).p,
            "wild, Rademacher": effect.wild_cluster_bootstrap(
                frame, "y", "d", **own | {"weights": "rademacher", "draws": 4096}).p,
            "randomisation": effect.randomisation_test(frame, "y", "d", **own).p,
            "cluster t (fixest), not asked to keep": effect.twfe(
                frame, "y", "d", "unit", "time", cluster="park").p,
        }  # fmt: skip
        found.append({name: p <= SIGNIFICANCE for name, p in tests.items()})
    return pd.DataFrame(found).mean()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--panels", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    all_kept = True
    for line, kept in summary(recover(given.panels, given.seed)):
        print(line, "" if kept else "  OUTSIDE")
        all_kept &= kept
    allowed = sqrt(SIGNIFICANCE * (1 - SIGNIFICANCE) / given.panels)
    for name, share in sizes(given.panels, given.seed).items():
        kept = abs(share - SIGNIFICANCE) <= FAR * allowed or "not asked" in str(name)
        print(f"size of {name:30} {100 * share:.1f} % (+-{100 * allowed:.1f})",
              "" if kept else "  OUTSIDE")  # fmt: skip
        all_kept &= kept
    return 0 if all_kept else 1


if __name__ == "__main__":
    sys.exit(main())
