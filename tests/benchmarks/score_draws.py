"""Time draws of ranks, sensitivity indices and twenty years of scores, beside two plain loops.

`python tests/benchmarks/score_draws.py [--times 5] [--pymcdm PYTHON]` prints medians, each run in a
process of its own, jobs in turn; PYTHON is an interpreter that can import pymcdm, if this cannot.
The data are invented: 51 units x 49 indicators in a tree 49 -> 8 -> 2 -> 1.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

TIMES = 5
UNITS, LEAVES, PILLARS, GAPS = 51, 49, 8, 63
SPREAD, RULES, MEANS = 0.25, ("minmax:1,100", "zscore:10,2"), ("arithmetic", "geometric")
DRAWS, LOOPS, TOPSIS = 100_000, 200, 2_000
MANY_UNITS, MANY_LEAVES, YEARS = 2846, 50, 20
GOALS = {  # per CPU-second, at least; or seconds, at most
    "draws, complete": 100_000, "draws, 63 missing": 100_000, "10,000 draws": 0.3,
    "98,304 runs of sensitivity": 3.0, "2,846 x 50 x 20 years": 1.0,
}  # fmt: skip
BESIDE = [
    ("draws, complete", "pandas loop, complete"), ("draws, 63 missing", "pandas loop, 63 missing"),
    ("draws, complete", "TOPSIS loop, numpy"), ("draws, complete", "TOPSIS loop, pymcdm"),
]  # fmt: skip
Figures = dict[str, Any]


def tree(leaves: int) -> pd.DataFrame:
    """Return the table of indicators: leaves under pillars, pillars under two halves of a root."""
    rng = np.random.default_rng(49)
    rows: list[tuple[str, str | None]] = [("root", None), ("h0", "root"), ("h1", "root")]
    rows += [(f"p{at}", f"h{at % 2}") for at in range(PILLARS)]
    rows += [(f"i{at:02}", f"p{at % PILLARS}") for at in range(leaves)]
    table = pd.DataFrame(rows, columns=["node_id", "parent_id"])
    table["weight"] = rng.uniform(0.5, 2, len(table)).round(2)
    is_leaf = table["node_id"].str.startswith("i")
    cost = table["node_id"].isin([f"i{at:02}" for at in range(0, leaves, 3)])
    return table.assign(
        scheme_id="s", rule=np.where(is_leaf, RULES[0], None),
        direction=np.where(cost, "cost", "benefit"),
    )  # fmt: skip


def cells(units: int, leaves: int, gaps: int, seed: int) -> pd.DataFrame:
    """Return values, a third of the columns with long tails; `gaps` of them are missing."""
    rng = np.random.default_rng(seed)
    x = rng.lognormal(2, np.where(np.arange(leaves) % 3 == 1, 0.9, 0.2), (units, leaves))
    x.ravel()[rng.choice(x.size, gaps, replace=False)] = np.nan
    return pd.DataFrame(x, [f"u{at}" for at in range(units)], [f"i{at:02}" for at in range(leaves)])


def seconds_of(work: Callable[[], Any], count: int) -> Figures:
    """Return wall and CPU seconds (of all threads) of `count` pieces of work."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"wall": wall, "cpu": cpu, "rate": count / cpu}


# --- the project ------------------------------------------------------------------------------


def choices() -> Any:
    from haidian_eval import robustness

    return robustness.Choices(weights=SPREAD, rules=RULES, aggregations=MEANS, interval=0.90)


def run_draws(gaps: int, draws: int) -> Figures:
    """Time an analysis of uncertainty: ranks, intervals, and the choices of every draw."""
    from haidian_eval import robustness, scoring

    x, framework = cells(UNITS, LEAVES, gaps, 1), scoring.build_framework(tree(LEAVES))
    robustness.uncertainty(x, framework, choices(), draws=100, seed=1)
    kept: list[Any] = []
    figures = seconds_of(
        lambda: kept.append(robustness.uncertainty(x, framework, choices(), draws=draws, seed=2)),
        draws,
    )
    assert kept[0].design.shape == (draws, 2 + LEAVES + PILLARS + 2)
    assert (kept[0].rank_low <= kept[0].rank_high).all()
    return figures


def run_sensitivity() -> Figures:
    """Time sensitivity indices of four choices: 16,384 x (4 + 2) runs."""
    from haidian_eval import robustness, scoring

    x, framework = cells(UNITS, LEAVES, 0, 1), scoring.build_framework(tree(LEAVES))
    four = robustness.Choices(
        weights=SPREAD, rules=RULES, aggregations=MEANS, winsorised=(1, 2, 3, 4, 5)
    )
    robustness.sensitivity(x, framework, four, samples=16, seed=1)
    kept: list[Any] = []
    figures = seconds_of(
        lambda: kept.append(robustness.sensitivity(x, framework, four, samples=16384, seed=2)),
        98_304,
    )
    assert (kept[0].runs, len(kept[0].frame)) == (98_304, 4)
    return figures


def run_years() -> Figures:
    """Time twenty years of scores: every node, ranks, shares of the indicators."""
    from haidian_eval import scoring

    framework = scoring.build_framework(tree(MANY_LEAVES))
    years = [cells(MANY_UNITS, MANY_LEAVES, 3000, 100 + year) for year in range(YEARS)]
    scoring.score(years[0], framework)
    return seconds_of(lambda: [scoring.score(x, framework) for x in years], YEARS)


# --- what a careful person would write by hand ------------------------------------------------


def drawn_weights(table: pd.DataFrame, rng: np.random.Generator) -> pd.Series:
    """Return the weights of one draw."""
    return table["weight"] * rng.uniform(1 - SPREAD, 1 + SPREAD, len(table))


def by_hand(x: pd.DataFrame, table: pd.DataFrame, draws: int) -> pd.DataFrame:
    """Return draw x unit: ranks, one draw after the other; both normalised frames are made once."""
    rng = np.random.default_rng(3)
    cost = table.set_index("node_id")["direction"].reindex(x.columns) == "cost"
    share = (x - x.min()) / (x.max() - x.min())
    z = (x - x.mean()) / x.std()
    normalised = [1 + 99 * share.where(~cost, 1 - share, axis=1), 10 + 2 * z * (1 - 2 * cost)]
    keyed = table.set_index("node_id")
    families = [(str(node), list(own.index)) for node, own in keyed.groupby("parent_id")]
    families.sort(key=lambda pair: "phr".index(pair[0][0]))  # pillars, halves, root
    ranks, record = [], []
    for _ in range(draws):
        rule, mean = rng.integers(2, size=2)
        weight, scores = drawn_weights(keyed, rng), normalised[rule].copy()
        for node, children in families:
            block = np.log(scores[children]) if mean else scores[children]
            own = weight[children]
            total = block.notna().astype(float) @ own
            found = block.fillna(0.0) @ own / total
            scores[node] = np.exp(found) if mean else found
        ranks.append(scores["root"].rank(ascending=False, method="min"))
        record.append({"rule": rule, "aggregation": mean, **weight})
    frame = pd.DataFrame(ranks)
    frame.quantile([0.05, 0.5, 0.95])
    pd.DataFrame(record)
    return frame


def run_pandas(gaps: int) -> Figures:
    """Time the loop in pandas."""
    x, table = cells(UNITS, LEAVES, gaps, 1), tree(LEAVES)
    by_hand(x, table, 5)
    return seconds_of(lambda: by_hand(x, table, LOOPS), LOOPS)


def topsis(x: np.ndarray, weight: np.ndarray, sign: np.ndarray) -> np.ndarray:
    """Return the closeness to the ideal of each unit (Hwang and Yoon 1981)."""
    low, high = x.min(axis=0), x.max(axis=0)
    share = np.where(sign > 0, x - low, high - x) / (high - low) * weight
    best, worst = share.max(axis=0), share.min(axis=0)
    to_best = np.sqrt(((share - best) ** 2).sum(axis=1))
    to_worst = np.sqrt(((share - worst) ** 2).sum(axis=1))
    return to_worst / (to_best + to_worst)


def run_topsis(score: Callable[..., Any]) -> Figures:
    """Time TOPSIS draw by draw on the complete matrix; a gap would make all scores missing."""
    table = tree(LEAVES).set_index("node_id")
    x = cells(UNITS, LEAVES, 0, 1).to_numpy()
    leaves = table.index.str.startswith("i")
    sign = np.where(table.loc[leaves, "direction"] == "cost", -1, 1)
    base, rng = table.loc[leaves, "weight"].to_numpy(), np.random.default_rng(3)

    def loop(draws: int) -> None:
        ranks = np.empty((draws, len(x)))
        for at in range(draws):
            weight = base * rng.uniform(1 - SPREAD, 1 + SPREAD, len(base))
            own = score(x, weight / weight.sum(), sign)
            ranks[at] = len(own) - own.argsort().argsort()
        np.quantile(ranks, [0.05, 0.5, 0.95], axis=0)

    loop(5)
    return seconds_of(lambda: loop(TOPSIS), TOPSIS)


def run_pymcdm() -> Figures:
    """Time the TOPSIS of pymcdm, where it can be imported."""
    try:
        from pymcdm import methods
    except ImportError:
        return {"note": "pymcdm cannot be imported; see --pymcdm"}
    return run_topsis(methods.TOPSIS()) | {"note": f"pymcdm {metadata.version('pymcdm')}"}


JOBS: dict[str, Callable[[], Figures]] = {
    "draws, complete": lambda: run_draws(0, DRAWS),
    "draws, 63 missing": lambda: run_draws(GAPS, DRAWS),
    "10,000 draws": lambda: run_draws(GAPS, 10_000),
    "98,304 runs of sensitivity": run_sensitivity,
    "2,846 x 50 x 20 years": run_years,
    "pandas loop, complete": lambda: run_pandas(0),
    "pandas loop, 63 missing": lambda: run_pandas(GAPS),
    "TOPSIS loop, numpy": lambda: run_topsis(topsis),
    "TOPSIS loop, pymcdm": run_pymcdm,
}


# --- each in a process of its own -------------------------------------------------------------


def child(name: str, python: str) -> Figures:
    """Return the figures of one job in a process of its own."""
    done = subprocess.run(
        [python, __file__, "--child", name], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{name} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def row_of(name: str, runs: list[Figures]) -> tuple[str, bool]:
    """Return the line of one job, and whether its goal is missed."""
    if "rate" not in runs[0]:
        return f"{name:27} {runs[0]['note']}", False
    wall, cpu, rate = (statistics.median(r[key] for r in runs) for key in ("wall", "cpu", "rate"))
    spread = f"{min(r['rate'] for r in runs):,.0f}-{max(r['rate'] for r in runs):,.0f}"
    goal, said, missed = GOALS.get(name), "", False
    if goal is not None:
        ratio = rate / goal if goal > 100 else goal / wall  # above 1: better than the goal
        said = f"{goal:>9,.10g} {'/CPU-s' if goal > 100 else 's wall'} {ratio:>7.2f}"
        missed = ratio < 1
    peak = max(r["peak"] for r in runs)
    line = f"{name:27} {wall:>8.3f} {cpu:>8.3f} {rate:>11,.0f} {spread:>19} {peak:>6.0f}  {said}"
    note = runs[0].get("note")
    return line + (f"  ({note})" if note else ""), missed


def report(times: int, other: str | None) -> int:
    """Run all jobs in turn, print the figures; return whether a goal is missed."""
    threads = os.environ.get("OPENBLAS_NUM_THREADS", "unset")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = os.getloadavg()[0]
    runs: dict[str, list[Figures]] = {name: [] for name in JOBS}
    for _ in range(times):
        for name in JOBS:
            python = other if other and name.endswith("pymcdm") else sys.executable
            runs[name].append(child(name, python))
    print(f"{cores} cores, OPENBLAS_NUM_THREADS {threads}, medians of {times},", end="")
    print(f" load {load:.1f} before and {os.getloadavg()[0]:.1f} after")
    print(f"{'':27} {'wall s':>8} {'CPU s':>8} {'per CPU-s':>11} {'lowest-highest':>19}", end="")
    print(f" {'MB':>6}  {'goal':>16} {'ratio':>7}")
    missed = []
    for name, figures in runs.items():
        line, fails = row_of(name, figures)
        print(line)
        missed += [name] * fails
    rate = {n: statistics.median(r.get("rate", np.nan) for r in runs[n]) for n in JOBS}
    for ours, plain in BESIDE:
        print(f"{ours}: {rate[ours] / rate[plain]:,.0f} times as many as {plain}")
    print("goals (ratio 1 or more): " + (f"missed by {', '.join(missed)}" if missed else "met"))
    return int(bool(missed))


def main() -> int:
    """Run one job, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=TIMES)
    parser.add_argument("--pymcdm", metavar="PYTHON", type=Path)
    parser.add_argument("--child", choices=JOBS)
    args = parser.parse_args()
    if args.child:
        figures = JOBS[args.child]()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(figures | {"peak": peak}))
        return 0
    return report(args.times, args.pymcdm and str(args.pymcdm))


if __name__ == "__main__":
    sys.exit(main())
