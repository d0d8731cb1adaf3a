"""Time the reading of a million rows against hand-written pandas that finds the same defects.

`python tests/benchmarks/check_million.py [--rows 1000000] [--folder /tmp/million]` prints medians
of three, alternating, each in a process of its own; the goal is at most twice the time and 1 GB.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

TIMES = 3
GOAL_RATIO, GOAL_MEGABYTES = 2.0, 1024
DEFECTS = 1000
PERIODS = [f"{year}Q{quarter}" for year in range(2020, 2025) for quarter in range(1, 5)]
DEPARTMENTS = {
    "stats": "统计局", "science": "科委", "ip": "知识产权局", "police": "公安局",
    "ecology": "生态环境局", "energy": "发改委",
}  # fmt: skip
STAGES = ("budget", "allocated", "disbursed")
CONTRACT = """
[million]
zh = "百万行"
en = "A million rows"
about = { zh = "一行为一个单位一个时期的一项指标。", en = "One row is an indicator of a unit." }
key = ["unit_id", "period", "indicator_id"]
department = "department"
[million.columns]
unit_id = { is = "id!>units", zh = "单位代码", en = "Unit id" }
unit_name = { is = "text!", zh = "单位名称", en = "Unit name" }
period = { is = "period!", zh = "统计时期", en = "Period", min = "2015", max = "2030" }
reported_on = { is = "date!", zh = "填报日期", en = "Reported on" }
indicator_id = { is = "id!>indicators", zh = "指标代码", en = "Indicator id" }
department = { is = "text!", zh = "填报部门", en = "Department" }
value = { is = "number!", zh = "数值", en = "Value", min = -1000, max = 100000 }
satisfaction = { is = "amount!", zh = "满意度", en = "Satisfaction", unit = "%", max = 100 }
award = { is = "amount", zh = "奖励金额", en = "Award", unit = "10k CNY", max = 1000000 }
persons = { is = "count", zh = "人数", en = "Persons", unit = "persons" }
note = { is = "text", zh = "备注", en = "Note" }
"""
LABELS = """
[million.columns.stage]
is = "text!|budget,allocated,disbursed"
zh = "环节"
en = "Stage"
[million.columns.stage.labels]
budget = "预算下达"
allocated = "分配"
disbursed = "拨付"
"""
NUMBERS = {"value": (-1000, 1e5), "satisfaction": (0, 100), "award": (0, 1e6), "persons": (0, 9e9)}
REQUIRED = [
    "unit_id", "unit_name", "period", "reported_on", "indicator_id", "department", "stage",
    "value", "satisfaction",
]  # fmt: skip
BROKEN: list[tuple[str, str]] = [
    ("satisfaction", "120.5"), ("value", "约100"), ("value", ""), ("award", "-35"),
    ("stage", "planned"), ("reported_on", "3/5/2024"), ("unit_id", "U9999"), ("department", ""),
    ("indicator_id", "Z9"), ("persons", "十二"), ("period", "一季度"),
]  # fmt: skip


def known() -> dict[str, pd.DataFrame]:
    """Return the units and indicators to which the table refers."""
    return {
        "units": pd.DataFrame({"unit_id": [f"U{i:04d}" for i in range(1000)]}, dtype="str"),
        "indicators": pd.DataFrame({"node_id": [f"I{i:02d}" for i in range(50)]}, dtype="str"),
    }


def make(path: Path, rows: int) -> pd.DataFrame:
    """Write the table with its defects; return where they stand."""
    rng = np.random.default_rng(1_000_000)
    index = np.arange(rows)
    unit, rest = index // 1000 % 1000, index % 1000
    month = rng.integers(1, 13, rows)
    frame = pd.DataFrame(
        {
            "unit_id": np.char.add("U", np.char.zfill(unit.astype(str), 4)),
            "unit_name": np.char.add("第", np.char.add(unit.astype(str), "单位")),
            "period": np.asarray(PERIODS)[rest // 50],
            "reported_on": np.char.add(
                "2024-", np.char.add(np.char.zfill(month.astype(str), 2), "-15")
            ),
            "indicator_id": np.char.add("I", np.char.zfill((rest % 50).astype(str), 2)),
            "department": np.asarray(list(DEPARTMENTS.values()))[rest % 6],
            "stage": np.asarray(STAGES)[rng.integers(0, 3, rows)],
            "value": np.char.mod("%.2f", rng.uniform(-500, 50_000, rows)),
            "satisfaction": np.char.mod("%.1f", rng.uniform(50, 99.9, rows)),
            "award": np.char.mod("%d", rng.integers(0, 900_000, rows)),
            "persons": np.char.mod("%d", rng.integers(0, 90_000, rows)),
            "note": np.asarray(["", "已核", "初步数，待年度核定", "见附件"])[
                rng.integers(0, 4, rows)
            ],
        },
        dtype="object",
    )
    places = np.sort(rng.choice(np.arange(2, rows, 3), min(DEFECTS, rows // 10), replace=False))
    truth, kinds = [], [*BROKEN, ("", "")]
    for number, place in enumerate(places):
        column, cell = kinds[number % len(kinds)]
        if column:
            frame.at[place, column] = cell
        else:  # the key of the row above, another value
            frame.loc[place, ["unit_id", "period", "indicator_id"]] = frame.loc[
                place - 1, ["unit_id", "period", "indicator_id"]
            ].to_numpy()
        truth.append({"row": int(place) + 2, "column": column})
    frame.to_csv(path, index=False)
    return pd.DataFrame(truth)


# --- what a careful person would write by hand -----------------------------------------------


def text_frame(path: Path) -> pd.DataFrame:
    """Return all cells as text."""
    return pd.read_csv(path, dtype="str", keep_default_na=False)


def by_hand(frame: pd.DataFrame, tables: dict[str, pd.DataFrame]) -> dict[str, np.ndarray]:
    """Return the file rows that break each rule: masks of pandas, one after the other."""
    masks: dict[str, pd.Series] = {}
    for column in REQUIRED:
        masks[f"required {column}"] = frame[column] == ""
    for column, (low, high) in NUMBERS.items():
        number = pd.to_numeric(frame[column], errors="coerce")
        filled = frame[column] != ""
        masks[f"number {column}"] = number.isna() & filled
        masks[f"range {column}"] = (number < low) | (number > high)
    whole = pd.to_numeric(frame["persons"], errors="coerce")
    masks["whole persons"] = whole.notna() & (whole % 1 != 0)
    dates = pd.to_datetime(frame["reported_on"], format="%Y-%m-%d", errors="coerce")
    masks["date"] = dates.isna() & (frame["reported_on"] != "")
    period = r"\d{4}(?:Q[1-4]|-(?:0[1-9]|1[0-2])(?:\.\.(?:0[1-9]|1[0-2]))?)?"
    masks["period"] = ~frame["period"].str.fullmatch(period)
    masks["allowed stage"] = ~frame["stage"].isin(STAGES)
    masks["unit"] = ~frame["unit_id"].isin(tables["units"]["unit_id"])
    masks["indicator"] = ~frame["indicator_id"].isin(tables["indicators"]["node_id"])
    masks["key"] = frame.duplicated(["unit_id", "period", "indicator_id"], keep=False)
    return {rule: np.flatnonzero(mask.to_numpy()) + 2 for rule, mask in masks.items()}


# --- each in a process of its own ------------------------------------------------------------


def seconds_of(work: Any) -> tuple[float, Any]:
    """Return how long a piece of work takes, and its result."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def peak() -> float:
    """Return the largest memory of this process and of its children so far, in MB."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(w).ru_maxrss for w in who) / 1024


def run_hand(path: Path) -> dict[str, Any]:
    """Time hand-written pandas."""
    tables = known()
    base = peak()
    reading, frame = seconds_of(lambda: text_frame(path))
    masks, found = seconds_of(lambda: by_hand(frame, tables))
    rows = sorted(set(np.concatenate(list(found.values())).tolist()))
    return {"total": reading + masks, "checks": masks, "peak": peak(), "base": base, "rows": rows}


def declared(path: Path) -> Any:
    """Return the contract of the table."""
    from haidian_eval import tables

    place = path.with_suffix(".toml")
    place.write_text(CONTRACT + LABELS, "utf-8")
    return tables.read_contracts(place)["million"]


def run_ours(path: Path) -> dict[str, Any]:
    """Time the project's reader."""
    from haidian_eval import tables

    contract, others = declared(path), known()
    small = path.with_name("small.csv")
    with path.open(encoding="utf-8") as file:  # nothing is imported within the time
        small.write_text("".join(next(file) for _ in range(50)), "utf-8")
    tables.read_file(small, contract, tables=others)
    base = peak()
    total, reading = seconds_of(lambda: tables.read_file(path, contract, tables=others))
    frame = reading.defects.frame
    rows = sorted({int(r) for r in frame["row"].dropna()})
    result = {"total": total, "peak": peak(), "base": base, "rows": rows, "messages": len(frame)}
    return result | {"counted": len(reading.frame)}


def run_checks(path: Path) -> dict[str, Any]:
    """Time the project's checks on a frame of text that is in memory already."""
    from haidian_eval import tables
    from haidian_eval.tables.checks import clean
    from haidian_eval.tables.rows import Raw

    contract, others = declared(path), known()
    frame = text_frame(path).assign(_file=path.name, _sheet="")
    frame["_row"] = np.arange(2, len(frame) + 2)
    clean(Raw(frame.head(50)), contract, others, tables.Defects())
    seconds, _ = seconds_of(lambda: clean(Raw(frame), contract, others, tables.Defects()))
    return {"checks": seconds, "peak": peak()}


def run_make(path: Path) -> dict[str, Any]:
    """Write the table: here, since a child starts with the peak of its parent."""
    return {"truth": make(path, int(path.stem.partition("-")[2])).to_dict("list")}


RUNS = {"hand": run_hand, "ours": run_ours, "checks": run_checks}
WORK = RUNS | {"make": run_make}


def child(name: str, path: Path) -> dict[str, Any]:
    """Return the figures of a run in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--child", name, "--file", str(path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{name} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def report(path: Path, truth: pd.DataFrame) -> int:
    """Run all three times, print the figures; return whether the goal is missed."""
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in RUNS}
    for _ in range(TIMES):
        for name in RUNS:
            runs[name].append(child(name, path))
    median = {n: statistics.median(r["total"] for r in runs[n]) for n in ("hand", "ours")}
    peaks = {n: max(r["peak"] for r in runs[n]) for n in ("hand", "ours")}
    for name in ("hand", "ours"):
        times = ", ".join(f"{r['total']:.2f}" for r in runs[name])
        base = runs[name][0]["base"]
        print(f"{name:5} median {median[name]:.2f} s ({times}), peak {peaks[name]:.0f} MB", end="")
        print(f" (before reading {base:.0f} MB)")
    ratio = median["ours"] / median["hand"]
    print(f"ratio with reading {ratio:.2f}")
    checks = [r["checks"] for r in runs["checks"]]
    if None not in checks:
        hand = statistics.median(r["checks"] for r in runs["hand"])
        ours = statistics.median(checks)
        print(f"checks alone: hand {hand:.2f} s, ours {ours:.2f} s, ratio {ours / hand:.2f}")
    planted = set(truth["row"])
    found = {name: set(runs[name][0]["rows"]) for name in ("hand", "ours")}
    for name, rows in found.items():
        print(f"{name:5} located {len(planted & rows)} of {len(planted)} rows planted")
    beside = len(found["ours"] - found["hand"])
    print(f"ours  {runs['ours'][0]['messages']} messages, on {beside} rows that hand has not")
    missed = ratio > GOAL_RATIO or peaks["ours"] > GOAL_MEGABYTES or not planted <= found["ours"]
    print(f"goal: ratio <= {GOAL_RATIO}, peak <= {GOAL_MEGABYTES} MB, all rows located: ", end="")
    print("missed" if missed else "met")
    return int(missed)


def main() -> int:
    """Make the table once and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--child", choices=WORK)
    parser.add_argument("--file", type=Path)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(WORK[args.child](args.file)))
        return 0
    with tempfile.TemporaryDirectory() as own:
        folder = args.folder or Path(own)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"million-{args.rows}.csv"
        truth = pd.DataFrame(child("make", path)["truth"])
        size = path.stat().st_size / 1e6
        print(f"{args.rows} rows x 12 columns, {size:.0f} MB, {len(truth)} defects planted")
        return report(path, truth)


if __name__ == "__main__":
    sys.exit(main())
