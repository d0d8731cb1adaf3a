"""Time event studies, wild bootstraps and group-time effects beside libraries that do the same.

`python tests/benchmarks/effect_speed.py [--times 5] [--beside PYTHON]` prints medians; every job
runs in a process of its own, jobs in turn, once cold (import included) and then warm. PYTHON is an
interpreter that can import pyfixest, wildboottest, csdid and diff-diff, as far as they are there.
The data are invented: units over ten periods, five cohorts and units never treated.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

TIMES = 5
BEGUN = time.perf_counter()  # before numpy and pandas are imported: cold includes them
UNITS, PERIODS, MIDDLING = 100_000, 10, 50_000
PARKS, FIRMS, DRAWS = 12, 100, 9_999
GOALS = {
    "event study": (0.5, 1.0),
    "wild bootstrap": (0.05, None),
    "group-time effects": (None, None),
}
BESIDE = {
    "event study": ["pyfixest event study"],
    "wild bootstrap": ["wildboottest"],
    "group-time effects": ["csdid", "diff-diff"],
}
Figures = dict[str, Any]


def panel(units: int, parks: int = 0) -> Any:
    """Return unit, time, first (0: never), d, y and park."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(11)
    first = rng.choice([0, 4, 5, 6, 7, 8], units)
    park = np.arange(units) * parks // units if parks else np.arange(units)
    if parks:
        first = np.where(park < parks // 3, 6, 0)
    unit, at = np.repeat(np.arange(units), PERIODS), np.tile(np.arange(1, PERIODS + 1), units)
    whole = np.repeat(first, PERIODS)
    d = ((whole > 0) & (at >= whole)).astype(int)
    y = np.repeat(rng.normal(size=units), PERIODS) + 0.1 * at + 0.2 * d + rng.normal(size=len(unit))
    own = {
        "unit": unit,
        "time": at,
        "first": whole,
        "d": d,
        "y": y,
        "park": np.repeat(park, PERIODS),
    }
    return pd.DataFrame(own)


# --- the project ------------------------------------------------------------------------------


def event_study(rows: Any) -> float:
    from haidian_eval.effect import event_study

    return float(
        event_study(rows, "y", "unit", "time", "first", cluster="unit").frame["se"].iloc[-1]
    )


def wild(rows: Any) -> float:
    from haidian_eval.effect import wild_cluster_bootstrap

    return wild_cluster_bootstrap(rows, "y", "d", "unit", "time", cluster="park", draws=DRAWS,
                                  seed=1).p  # fmt: skip


def group_time(rows: Any) -> float:
    from haidian_eval.effect import aggregate, att_gt

    return aggregate(att_gt(rows, "y", "unit", "time", "first"), "simple").overall.se


# --- beside it --------------------------------------------------------------------------------


def pyfixest_study(rows: Any) -> float:
    import pyfixest as pf

    own = rows.assign(since=(rows["time"] - rows["first"]).where(rows["first"] > 0, -1))
    fitted = pf.feols("y ~ i(since, ref=-1) | unit + time", own, vcov={"CRV1": "unit"})
    return float(fitted.se().iloc[-1])


def wildboottest_draws(rows: Any) -> float:
    import numpy as np
    import pandas as pd
    import statsmodels.api as sm
    from wildboottest.wildboottest import wildboottest

    dummies = [
        pd.get_dummies(rows[name], prefix=name, drop_first=True) for name in ("park", "time")
    ]
    x = pd.concat([rows[["d"]], *dummies], axis=1).astype(float)
    fitted = sm.OLS(rows["y"], sm.add_constant(x))
    found = wildboottest(fitted, B=DRAWS, cluster=np.asarray(rows["park"]), param="d",
                         weights_type="webb", show=False)  # fmt: skip
    return float(found["p-value"].iloc[0])


def csdid_effects(rows: Any) -> float:
    from csdid.att_gt import ATTgt

    own = ATTgt(yname="y", gname="first", idname="unit", tname="time", data=rows,
                control_group="nevertreated")  # fmt: skip
    import numpy as np

    found = own.fit(est_method="dr").aggte("simple").atte["overall_se"]
    return float(np.ravel(found)[0])


def diff_diff_effects(rows: Any) -> float:
    from diff_diff import CallawaySantAnna

    own = CallawaySantAnna(control_group="never_treated")
    return float(
        own.fit(rows, outcome="y", unit="unit", time="time", first_treat="first").overall_se
    )


JOBS: dict[str, tuple[Callable[[Any], float], tuple[int, int]]] = {
    "event study": (event_study, (UNITS, 0)),
    "pyfixest event study": (pyfixest_study, (UNITS, 0)),
    "wild bootstrap": (wild, (PARKS * FIRMS, PARKS)),
    "wildboottest": (wildboottest_draws, (PARKS * FIRMS, PARKS)),
    "group-time effects": (group_time, (MIDDLING, 0)),
    "csdid": (csdid_effects, (MIDDLING, 0)),
    "diff-diff": (diff_diff_effects, (MIDDLING, 0)),
}


def measure(job: str) -> Figures:
    """Return cold and warm seconds, the result and the peak memory in MB; data are not timed."""
    work, (units, parks) = JOBS[job]
    begun = time.perf_counter()
    rows = panel(units, parks)
    made = time.perf_counter() - begun
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        result = work(rows)
        cold = time.perf_counter() - BEGUN - made
        warm = []
        for _ in range(3):
            begun = time.perf_counter()
            work(rows)
            warm.append(time.perf_counter() - begun)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"cold": cold, "warm": statistics.median(warm), "result": result, "peak": peak}


def child(job: str, python: str) -> Figures | None:
    """Return what one process measured, or nothing where it cannot import what it needs."""
    ran = subprocess.run(
        [python, __file__, "--job", job], capture_output=True, text=True, check=False
    )
    if ran.returncode:
        print(f"{job}: not measured ({ran.stderr.strip().splitlines()[-1:]})")
        return None
    found: Figures = json.loads(ran.stdout.splitlines()[-1])
    return found


def median_of(runs: list[Figures]) -> Figures:
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--times", type=int, default=TIMES)
    parser.add_argument("--beside", default=sys.executable)
    parser.add_argument("--job", default="")
    given = parser.parse_args()
    if given.job:
        print(json.dumps(measure(given.job)))
        return
    own = set(GOALS)
    runs: dict[str, list[Figures]] = {job: [] for job in JOBS}
    for _ in range(given.times):
        for job in JOBS:
            found = child(job, sys.executable if job in own else str(Path(given.beside)))
            if found:
                runs[job].append(found)
    medians = {job: median_of(found) for job, found in runs.items() if found}
    print(f"load {os.getloadavg()[0]:.1f}, {given.times} runs, medians")
    for job, found in medians.items():
        print(f"{job:22} cold {found['cold']:7.3f} s  warm {found['warm']:7.4f} s"
              f"  peak {found['peak']:6.0f} MB  result {found['result']:.6g}")  # fmt: skip
    for job, others in BESIDE.items():
        for other in (name for name in others if name in medians):
            ratio = {at: medians[other][at] / medians[job][at] for at in ("cold", "warm")}
            print(f"{other} takes {ratio['warm']:.1f} times as long warm, {ratio['cold']:.1f} cold")
    for job, (warm, cold) in GOALS.items():
        for goal, at in ((warm, "warm"), (cold, "cold")):
            if goal is not None:
                kept = "kept" if medians[job][at] <= goal else "MISSED"
                print(f"{job}: {at} goal {goal} s {kept}")


if __name__ == "__main__":
    main()
