"""Time surveys and hotline rates at full size on every engine, with the memory that each took.

`python tests/benchmarks/satisfaction_speed.py [--times 3] [--beside PYTHON] [--rows N]` makes
the data (in stretches, not timed) in a temporary folder; every job runs in a process of its
own, whose peak memory is printed. PYTHON is an interpreter that can import svy.
Survey: respondents in 58 strata (two in each street) with population counts, a score from 1 to 10,
raked to street, age, sex and education; then its mean and standard error. Reading is not timed for
pandas; DuckDB and Dask read Parquet inside the time. Tickets: rates of 29 streets x 40 departments
x 12 months.
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
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROWS, TICKETS, SMALL = 10_000_000, 20_000_000, 1_000_000
STRATA, STRETCH, GROUP = 58, 1_000_000, 122_880  # rows made at a time, rows of a Parquet group
LEVELS = {"street": 29, "age": 6, "sex": 2, "education": 5}
ANSWERS = ["satisfied", "basically", "dissatisfied", None]
STRATUM = ["stratum", *LEVELS]
FOLDER = Path(os.environ.get("SATISFACTION_SPEED", "."))
SAME = 1e-12
GOALS = {  # seconds, peak MB
    "survey, pandas": (2.0, None),
    "survey, DuckDB": (0.6, 300),
    "tickets, DuckDB": (3.0, 300),
}
EQUAL = [("survey, pandas", "survey, DuckDB"), ("survey, pandas", "survey, Dask"),
         ("tickets, DuckDB", "tickets, Dask"),
         ("survey of a million, pandas", "survey of a million, svy")]  # fmt: skip
BESIDE = {"survey of a million, svy": "survey of a million, pandas",
          "survey, group-by by hand": "survey, pandas",
          "tickets, group-by by hand": "tickets, DuckDB"}  # fmt: skip


def survey(rng: Any, rows: int, whole: int) -> dict[str, Any]:
    """Return a stretch of respondents; the young are too few and like things less."""
    import numpy as np

    stratum = rng.integers(1, STRATA + 1, rows)
    drawn = {"stratum": stratum, "street": (stratum + 1) // 2}
    for name in ("age", "sex", "education"):
        drawn[name] = np.minimum(rng.integers(1, LEVELS[name] + 2, rows), LEVELS[name])
    score = np.clip(np.round(rng.normal(6.5 + 0.3 * drawn["age"], 2)), 1, 10).astype("int64")
    return drawn | {"score": score, "size": 3 * whole // STRATA + 7 * stratum}


def tickets(rng: Any, rows: int, whole: int) -> dict[str, Any]:
    """Return a stretch of tickets."""
    import numpy as np
    import pyarrow as pa

    def words(names: list[str | None], shares: Any = None) -> Any:
        codes = rng.choice(len(names), rows, p=shares).astype("int8")
        return pa.DictionaryArray.from_arrays(codes, pa.array(names)).cast(pa.string())

    day = np.datetime64("2024-01-01") + rng.integers(0, 366, rows).astype("timedelta64[D]")
    return {
        "street_id": words([f"SYN-ST{at:02d}" for at in range(1, 30)]),
        "department_id": words([f"SYN-DP{at:02d}" for at in range(1, 41)]),
        "received_on": day, "dispatched_on": day,
        "callback_reached": rng.random(rows) < 0.8, "responded": rng.random(rows) < 0.99,
        "resolved": rng.random(rows) < 0.95,
        "satisfied": words(ANSWERS, [0.7, 0.2, 0.04, 0.06]),
        "excluded_reason": words([None, "repeated"], [0.96, 0.04]),
    }  # fmt: skip


def make(name: str, rows: int, draw: Callable[..., dict[str, Any]]) -> None:
    """Write a table in stretches."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng, writer = np.random.default_rng(20), None
    for begin in range(0, rows, STRETCH):
        table = pa.table(draw(rng, min(STRETCH, rows - begin), rows))
        writer = writer or pq.ParquetWriter(FOLDER / f"{name}.parquet", table.schema)
        writer.write_table(table, row_group_size=GROUP)
    assert writer is not None
    writer.close()


def margins(whole: int) -> dict[str, Any]:
    """Return population counts by level that lean a little against the sample."""
    import numpy as np

    people = sum(3 * whole // STRATA + 7 * at for at in range(1, STRATA + 1))
    shares = {name: np.linspace(1, 1.3, count) for name, count in LEVELS.items()}
    return {name: people * own / own.sum() for name, own in shares.items()}


def read(name: str, engine: str) -> Any:
    """Return a table as pandas (read), DuckDB relation or Dask frame (not read yet)."""
    path = str(FOLDER / f"{name}.parquet")
    if engine == "pandas":
        import pandas as pd

        return pd.read_parquet(path)
    if engine == "duckdb":
        import duckdb

        return duckdb.read_parquet(path)
    import dask.dataframe as dd

    return dd.read_parquet(path, split_row_groups=8)


# --- the project ------------------------------------------------------------------------------


def raked(source: Any, rows: int) -> Any:
    import pandas as pd

    from haidian_eval.satisfaction import Design, estimate, rake

    wanted = [pd.Series(own, pd.RangeIndex(1, len(own) + 1, name=name))
              for name, own in margins(rows).items()]  # fmt: skip
    design = Design(strata="stratum", fpc="size")
    return estimate(source, rake(source, design, wanted), "score")


def rates(source: Any, rows: int) -> Any:
    from haidian_eval.params.hotline import HotlineRule
    from haidian_eval.satisfaction.hotline import hotline_rates

    return hotline_rates(source, HotlineRule(), ("street", "department", "month"))


# --- beside it --------------------------------------------------------------------------------


def survey_by_hand(frame: Any, rows: int) -> Any:
    """Return the raked mean of one group-by and a loop, without standard error."""
    own = frame.assign(n=1.0).groupby(STRATUM)[["n", "score"]].sum().reset_index()
    weight = own["n"] * 3
    for _ in range(100):
        for name, wanted in margins(rows).items():
            weight = weight * wanted[own[name] - 1] / weight.groupby(own[name]).transform("sum")
    import pandas as pd

    return pd.DataFrame({"estimate": [(weight * own["score"] / own["n"]).sum() / weight.sum()]})


def tickets_by_hand(frame: Any, rows: int) -> Any:
    """Return the counts of one group-by."""
    sent = frame["excluded_reason"].isna() & frame["dispatched_on"].notna()
    reached = sent & frame["callback_reached"]
    yes = frame["satisfied"].isin(["satisfied", "basically"])
    parts = {"of": sent, "contact": reached, "responded": sent & frame["responded"],
             "resolved": reached & frame["resolved"], "satisfied": reached & yes}  # fmt: skip
    month = frame["received_on"].astype("datetime64[s]").dt.month.rename("month")
    import pandas as pd

    keys = [frame["street_id"], frame["department_id"], month]
    return pd.DataFrame(parts).groupby(keys).sum().reset_index()


def svy_raked(frame: Any, rows: int) -> Any:
    import polars as pl
    import svy

    own = pl.from_pandas(frame).with_columns((pl.col("size") / pl.len().over("stratum")).alias("w"))
    design = svy.Design(wgt="w", stratum="stratum", pop_size="size")
    sample = svy.Sample(data=own, design=design)
    wanted = {name: {at: float(total) for at, total in enumerate(totals, 1)}
              for name, totals in margins(rows).items()}  # fmt: skip
    sample = sample.weighting.rake(controls=wanted, wgt_name="raked", tol=1e-10, max_iter=200)
    found = sample.estimation.mean("score").to_polars().to_pandas()
    return found.rename(columns={"est": "estimate"})


Work = Callable[[Any, int], Any]
JOBS: dict[str, tuple[Work, str, str]] = {
    "survey, pandas": (raked, "survey", "pandas"),
    "survey, DuckDB": (raked, "survey", "duckdb"),
    "survey, Dask": (raked, "survey", "dask"),
    "survey, group-by by hand": (survey_by_hand, "survey", "pandas"),
    "survey of a million, pandas": (raked, "small", "pandas"),
    "survey of a million, svy": (svy_raked, "small", "pandas"),
    "tickets, DuckDB": (rates, "tickets", "duckdb"),
    "tickets, Dask": (rates, "tickets", "dask"),
    "tickets, group-by by hand": (tickets_by_hand, "tickets", "pandas"),
}
MAKE = {"survey": survey, "small": survey, "tickets": tickets}


def measure(job: str, rows: int) -> dict[str, float]:
    """Return seconds of the first call and of later ones, processor seconds, peak memory in MB.

    The first call imports what it needs. On a busy machine the processor seconds of all cores,
    not the time on the clock, say what the work costs.
    """
    work, name, engine = JOBS[job]
    source, seconds, busy = read(name, engine), [], []
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        for _ in range(3):
            begun, used = time.perf_counter(), time.process_time()
            found = work(source, rows)
            seconds.append(time.perf_counter() - begun)
            busy.append(time.process_time() - used)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found.to_pickle(FOLDER / f"{job}.pkl")
    again, cpu = (statistics.median(own[1:]) for own in (seconds, busy))
    return {"first": seconds[0], "again": again, "cpu": cpu, "peak": peak}


def child(job: str, rows: int, python: str, made: bool = False) -> dict[str, float] | None:
    """Return what one process measured, or nothing where it cannot do its job."""
    order = ["--make" if made else "--job", job, "--rows", str(rows)]
    ran = subprocess.run([python, __file__, *order], capture_output=True, text=True, check=False)
    if ran.returncode:
        print(f"{job}: not measured ({ran.stderr.strip().splitlines()[-1:]})")
        return None
    return None if made else dict(json.loads(ran.stdout.splitlines()[-1]))


def difference(one: str, other: str) -> float:
    """Return the largest relative difference between the numbers of two results."""
    import numpy as np
    import pandas as pd

    found = [pd.read_pickle(FOLDER / f"{job}.pkl").select_dtypes("number") for job in (one, other)]
    shared = [name for name in found[0] if name in found[1]]
    a, b = (own[shared].to_numpy(dtype=float) for own in found)
    if np.isnan(a).tolist() != np.isnan(b).tolist():
        return float("inf")
    return float(np.nanmax(np.abs(a - b) / np.maximum(np.abs(a), 1e-300)))


def compare(runs: dict[str, dict[str, float]]) -> None:
    """Print every job, who takes longer than whom, what is equal, which goals are kept."""
    for job, found in runs.items():
        print(f"{job:28} first {found['first']:7.3f} s  again {found['again']:7.3f} s"
              f"  processor {found['cpu']:7.3f} s  peak {found['peak']:6.0f} MB")  # fmt: skip
    for other, job in BESIDE.items():
        if other in runs and job in runs:
            longer, more, room = (
                runs[other][at] / runs[job][at] for at in ("again", "cpu", "peak")
            )
            print(f"{other}: {longer:.1f} times as long as {job}, {more:.1f} times the processor,"
                  f" {room:.1f} times the memory")  # fmt: skip
    for one, other in EQUAL:
        if one in runs and other in runs:
            apart = difference(one, other)
            kept = "" if "svy" in other else "kept" if apart <= SAME else "MISSED"
            print(f"{one} = {other}: {apart:.1e} {kept}")
    for job, goals in GOALS.items():
        for goal, at, unit in zip(goals, ("again", "peak"), ("s", "MB"), strict=True):
            if goal is not None and job in runs:
                kept = "kept" if runs[job][at] <= goal else "MISSED"
                print(f"{job}: {runs[job][at]:.2f} of {goal} {unit} {kept}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--beside", default="")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--tickets", type=int, default=TICKETS)
    parser.add_argument("--job", default="")
    parser.add_argument("--make", default="")
    given = parser.parse_args()
    if given.job:
        print(json.dumps(measure(given.job, given.rows)))
    elif given.make:
        make(given.make, given.rows, MAKE[given.make])
    else:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["SATISFACTION_SPEED"] = folder
            globals()["FOLDER"] = Path(folder)
            run_all(given)


def run_all(given: argparse.Namespace) -> None:
    sizes = {"survey": given.rows, "small": min(SMALL, given.rows), "tickets": given.tickets}
    for name, rows in sizes.items():
        child(name, rows, sys.executable, made=True)
    found: dict[str, list[dict[str, float]]] = {}
    for _ in range(given.times):
        for job, (work, name, _) in JOBS.items():
            python = given.beside if work is svy_raked else sys.executable
            measured = child(job, sizes[name], python) if python else None
            if measured:
                found.setdefault(job, []).append(measured)
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, {given.times} runs, medians;"
          f" {given.rows:,} respondents, {given.tickets:,} tickets")  # fmt: skip
    compare({job: {at: statistics.median(run[at] for run in runs) for at in runs[0]}
             for job, runs in found.items()})  # fmt: skip


if __name__ == "__main__":
    main()
