"""Run charts of rates: centre line, limits, signals, and how often nothing at all would signal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from haidian_eval.errors import ParameterError
from haidian_eval.params.hotline import ChartRule

Array = np.ndarray
MOVING_RANGE = 2 / np.sqrt(np.pi)  # mean difference of two standard normal numbers, d2 = 1.128
FEWEST = 2  # points of a chart


@dataclass(frozen=True, slots=True)
class RunCharts:
    """Charts of one rate, a series for each unit, or one series.

    frame: unit columns, month, value, denominator, centre, low, high, beyond (outside the limits),
    run (points so far on this side, 0 on the centre), signal ("" | "beyond" | "run" | "both"; a run
    signals from the point that completes it). series: unit columns, months, centre, dispersion
    (spread from month to month over that of a binomial, 1: none is allowed for), signals (points
    beyond and runs completed), expected (of those if nothing ever changed), chance (that there is
    at least one). Points without denominator are left out; runs count the points shown.
    """

    frame: pd.DataFrame
    series: pd.DataFrame


def run_charts(rates: pd.DataFrame, rate: str, rule: ChartRule | None = None) -> RunCharts:
    """Return run charts from the `hotline_rates` by month, or by a unit and month.

    Limits: centre -+ sigmas standard deviations of a binomial share, times the dispersion where
    `overdispersed` (Laney 2002: mean moving range of the standardised values over 1.128). Raises
    ParameterError where there is no month or fewer than two points.
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
            raise ParameterError(f"{named or 'the rate'}: a run chart needs two months with tickets")
        frame, found = chart(rows, rule)
        frames.append(frame.assign(**named)[[*units, *frame.columns]])
        series.append(named | found)
    if not frames:
        raise ParameterError(f"rate={rate!r} has no month with a denominator; nothing to chart")
    return RunCharts(pd.concat(frames, ignore_index=True), pd.DataFrame(series))


def chart(rows: pd.DataFrame, rule: ChartRule) -> tuple[pd.DataFrame, dict[str, float]]:
    """Return the points of one series in order of months, and what is said of it as a whole."""
    value, size = rows["value"].to_numpy(dtype=float), rows["denominator"].to_numpy(dtype=float)
    centre = float(value @ size / size.sum())
    sigma = np.sqrt(centre * (1 - centre) / size)
    spread = dispersion(value, centre, sigma) if rule.overdispersed else 1.0
    low, high = (np.clip(centre + side * rule.sigmas * spread * sigma, 0, 1) for side in (-1, 1))
    beyond = (value < low) | (value > high)
    run = run_lengths(np.sign(np.round(value - centre, 12)))
    kind = np.select([beyond & (run >= rule.run), beyond, run >= rule.run],
                     ["both", "beyond", "run"], "")  # fmt: skip
    frame = rows[["month", "value", "denominator"]].assign(
        centre=centre, low=low, high=high, beyond=beyond, run=run, signal=kind
    )
    sides = expected_sides(size, centre, low, high, rule)
    found = {"months": len(value), "centre": centre, "dispersion": spread,
             "signals": int(beyond.sum() + (run == rule.run).sum()),
             "expected": expected_alarms(sides, rule.run),
             "chance": any_alarm(sides, rule.run)}  # fmt: skip
    return frame, found


def dispersion(value: Array, centre: float, sigma: Array) -> float:
    """Return the spread from month to month in binomial standard deviations (Laney 2002)."""
    if not 0 < centre < 1:
        return 1.0
    return float(np.abs(np.diff((value - centre) / sigma)).mean() / MOVING_RANGE)


def run_lengths(side: Array) -> Array:
    """Return how many points in a row, up to each, lie on its side; 0 on the centre."""
    length = np.zeros(len(side), dtype=np.int64)
    for at, own in enumerate(side):
        same = at > 0 and own == side[at - 1]
        length[at] = 0 if own == 0 else 1 + (length[at - 1] if same else 0)
    return length


@dataclass(frozen=True, slots=True)
class Sides:
    """Probabilities of each point (months,) if nothing changes.

    low, high: of a value below, above the limits. below, above: of one below, above the centre.
    """

    low: Array
    high: Array
    below: Array
    above: Array


def expected_sides(size: Array, centre: float, low: Array, high: Array, rule: ChartRule) -> Sides:
    """Return the probabilities as if the centre were the truth: binomial; normal if overdispersed.

    Without anything to vary (a centre of 0 or 1) all points are on the centre.
    """
    if not 0 < centre < 1:
        return Sides(*np.zeros((4, len(size))))
    if rule.overdispersed:
        outside = np.full(len(size), special.ndtr(-rule.sigmas))
        return Sides(outside, outside, *np.full((2, len(size)), 0.5))
    n = np.round(size)
    under, over, middle = (np.round(n * limit, 9) for limit in (low, high, centre))
    below, beneath = (special.bdtr(np.ceil(at) - 1, n, centre) for at in (under, middle))
    above, aloft = (special.bdtrc(np.floor(at), n, centre) for at in (over, middle))
    return Sides(*(np.nan_to_num(share) for share in (below, above, beneath, aloft)))


def expected_alarms(sides: Sides, run: int) -> float:
    """Return the expected number of points beyond the limits and of runs completed.

    Exact for independent points: a run is completed where the last `run` points lie on one side and
    the one before them does not.
    """
    found = float((sides.low + sides.high).sum())
    for way in (sides.below, sides.above):
        for last in range(run - 1, len(way)):
            before = 1 - way[last - run] if last >= run else 1.0
            found += float(np.prod(way[last - run + 1 : last + 1]) * before)
    return found


def any_alarm(sides: Sides, run: int) -> float:
    """Return the probability of at least one alarm, by a Markov chain over side and run length."""
    ways = ((sides.below, sides.low), (sides.above, sides.high))
    quiet = np.zeros((2, run))  # side x length of the run so far, no alarm yet; length 0 in row 0
    quiet[0, 0] = 1.0
    for at in range(len(sides.below)):
        after = np.zeros_like(quiet)
        after[0, 0] = quiet.sum() * (1 - sides.below[at] - sides.above[at])
        for side, (whole, outside) in enumerate(ways):
            inside = whole[at] - outside[at]
            after[side, 1] += inside * (quiet[1 - side].sum() + quiet[side, 0])
            after[side, 2:] += inside * quiet[side, 1:-1]
        quiet = after
    return float(1 - quiet.sum())
