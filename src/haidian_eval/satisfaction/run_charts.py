"""Run charts of rates: centre line, limits, signals, and how often nothing at all would signal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError
from haidian_eval.params.hotline import ChartRule

Array = np.ndarray
MOVING_RANGE = 2 / np.sqrt(np.pi)  # mean difference of two standard normal numbers, d2 = 1.128
TOUCHING = 1e-12  # shares that differ by rounding alone
FEWEST = 2  # points of a chart


@dataclass(frozen=True, slots=True)
class RunCharts:
    """Charts of one rate, a series for each unit, or one series.

    frame: unit columns, month, value, denominator, centre, low, high, beyond (outside the limits),
    run (points so far on this side, 0 on the centre), signal ("" | "beyond" | "run" | "both"; a run
    signals from the point that completes it). series: unit columns, months, centre, dispersion
    (spread from month to month over that of a binomial; 1: no more than chance), signals (points
    beyond and runs completed), expected (of those if nothing ever changed), chance (that there
    is at least one). Points without denominator are left out; runs count the points shown;
    a unit with fewer than two has no chart.
    """

    frame: pd.DataFrame
    series: pd.DataFrame


def run_charts(rates: pd.DataFrame, rate: str, rule: ChartRule | None = None) -> RunCharts:
    """Return run charts from the `hotline_rates` by month, or by a unit and month.

    Limits: centre -+ sigmas standard deviations of a binomial share, times the dispersion where
    `overdispersed` (Laney 2002: mean moving range of the standardised values over 1.128). Raises
    ParameterError where no unit has two months with tickets.
    """
    rule = rule or ChartRule()
    own = rates[(rates["rate"] == rate) & (rates["denominator"] > 0)]
    if "month" not in own:
        raise ParameterError("a run chart needs months; ask hotline_rates(..., by='month')")
    units = [name for name in rates.columns[: rates.columns.get_loc("rate")] if name != "month"]
    frames, series = [], []
    for unit, rows in own.groupby(units, sort=False) if units else [((), own)]:
        named = dict(zip(units, unit, strict=True))
        rows = rows.dropna(subset="month").sort_values("month", ignore_index=True)
        if len(rows) < FEWEST:
            series.append(named | {"months": len(rows)})
            continue
        frame, found = chart(rows, rule)
        frames.append(frame.assign(**named)[[*units, *frame.columns]])
        series.append(named | found)
    if not frames:
        raise ParameterError(
            f"rate={rate!r} has tickets in fewer than two months; nothing to chart"
        )
    return RunCharts(pd.concat(frames, ignore_index=True), pd.DataFrame(series))


def chart(rows: pd.DataFrame, rule: ChartRule) -> tuple[pd.DataFrame, dict[str, float]]:
    """Return the points of one series in order of months, and what is said of it as a whole."""
    size = rows["denominator"].to_numpy(dtype=float)
    own = judge(rows["value"].to_numpy(dtype=float)[None, :], size, rule)
    signal = np.select([own.beyond & own.long, own.beyond, own.long], ["both", "beyond", "run"], "")
    centre = float(own.centre[0])
    frame = rows[["month", "value", "denominator"]].assign(
        centre=centre, low=own.low[0], high=own.high[0], beyond=own.beyond[0], run=own.run[0],
        signal=signal[0],
    )  # fmt: skip
    expected, chance = false_alarms(size, centre, rule)
    found = {"months": len(size), "centre": centre, "dispersion": float(own.dispersion[0]),
             "signals": int(own.alarms[0]), "expected": expected, "chance": chance}  # fmt: skip
    return frame, found


@dataclass(frozen=True, slots=True)
class Judged:
    """Series (series, months) held against their own centre (series,).

    low, high: limits. beyond: outside them. run: points so far on this side. long: in a run that is
    complete. dispersion, alarms (series,): points beyond and runs completed.
    """

    centre: Array
    dispersion: Array
    low: Array
    high: Array
    beyond: Array
    run: Array
    long: Array
    alarms: Array


def judge(value: Array, size: Array, rule: ChartRule, centre: float | None = None) -> Judged:
    """Return what a chart says of series of shares (series, months) of sizes (months,).

    centre: where it is known beforehand; else the share of all months together.
    """
    middle = value @ size / size.sum() if centre is None else np.full(len(value), centre)
    sigma = np.sqrt(middle * (1 - middle))[:, None] / np.sqrt(size)
    apart = value - middle[:, None]
    scaled = np.divide(apart, sigma, out=np.zeros_like(apart), where=sigma > 0)
    spread = np.abs(np.diff(scaled)).mean(axis=1) / MOVING_RANGE
    half = rule.sigmas * sigma * (spread[:, None] if rule.overdispersed else 1.0)
    beyond = np.abs(apart) > half + TOUCHING
    run = run_lengths(np.where(np.abs(apart) > TOUCHING, np.sign(apart), 0))
    low, high = (np.clip(middle[:, None] + side * half, 0, 1) for side in (-1, 1))
    alarms = beyond.sum(axis=1) + (run == rule.run).sum(axis=1)
    return Judged(middle, spread, low, high, beyond, run, run >= rule.run, alarms)


def run_lengths(side: Array) -> Array:
    """Return how many points in a row, up to each, lie on its side; 0 on the centre."""
    length = np.zeros(side.shape, dtype=np.int64)
    length[:, 0] = side[:, 0] != 0
    for at in range(1, side.shape[1]):
        so_far = np.where(side[:, at] == side[:, at - 1], length[:, at - 1], 0)
        length[:, at] = np.where(side[:, at] != 0, so_far + 1, 0)
    return length


def false_alarms(size: Array, centre: float, rule: ChartRule) -> tuple[float, float]:
    """Return how many alarms a series gives on average, and how often any, if nothing changes.

    Binomial shares of the same sizes round one rate are drawn and charted in the same way, centre
    and dispersion estimated anew from each.
    """
    rng = np.random.default_rng(rule.seed)
    drawn = rng.binomial(size.astype(np.int64), centre, (rule.draws, len(size))) / size
    alarms = judge(drawn, size, rule).alarms
    return float(alarms.mean()), float((alarms > 0).mean())
