"""What repeats: weakness in several periods, runs against the median, first places."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from haidian_eval.environment.levels import Levels, joined
from haidian_eval.scoring import PERIOD

SERIES = ["indicator_id", "vintage"]
UNIT = ["indicator_id", "unit_id"]


def repeated(frame: pd.DataFrame, *, weak_share: float, weak_periods: int) -> pd.DataFrame:
    """Return, per indicator and unit, in how many of its latest ranked periods it was weak.

    frame: that of `Levels`. Weak in a period: among the worst `weak_share` of the units with a
    value, whatever rounding did (rank_best > (1 - weak_share) n). verdict: "repeated" when each of
    the latest `weak_periods` ranked periods was weak, "single" when some were, "none" when none
    was; "too_few" when there are fewer periods than that and some were weak, "one_period" when
    there is only one.
    """
    ranked = frame[frame["rank_best"].notna()]
    size = ranked.groupby(PERIOD)["value"].transform("count")
    is_weak = (ranked["rank_best"] > (1 - weak_share) * size).astype("bool")
    ranked = ranked.assign(weak=is_weak, weak_in=ranked["period"].where(is_weak))
    latest = ranked.sort_values("period", kind="stable").groupby(UNIT).tail(weak_periods)
    found = latest.sort_index().groupby(UNIT, sort=False).agg(
        periods=("weak", "size"),
        weak=("weak", "sum"),
        weak_in=("weak_in", lambda periods: ";".join(sorted(periods.dropna()))),
        source_id=("source_id", joined),
    )  # fmt: skip
    verdicts = {
        "none": found["weak"] == 0,
        "repeated": found["weak"] == weak_periods,
        "single": found["periods"] == weak_periods,
        "one_period": found["periods"] == 1,
    }
    verdict = np.select(list(verdicts.values()), list(verdicts), "too_few")
    return found.assign(verdict=verdict).reset_index()


def latest_places(levels: Levels, weak: pd.DataFrame, unit: str) -> pd.DataFrame:
    """Return where one unit stood in the latest ranked month of each indicator, and what repeats.

    One row per indicator: the row of `Levels.frame`, with_value (units ranked beside it), and from
    `repeated` weak, periods, verdict.
    """
    frame = levels.frame[levels.frame["unit_id"] == unit].dropna(subset="level_rank")
    last = frame.sort_values("period", kind="stable").drop_duplicates("indicator_id", keep="last")
    counted = levels.discrimination[[*PERIOD, "units"]].rename(columns={"units": "with_value"})
    table = last.sort_index().merge(counted, on=PERIOD, validate="1:1")
    return table.merge(weak.drop(columns=["source_id", "weak_in"]), on=UNIT, validate="1:1")


def runs(frame: pd.DataFrame, unit: str, *, cost: bool) -> pd.DataFrame:
    """Return where one unit stood against the median of all units, period by period.

    frame: that of `Levels` for one indicator. median, lowest, highest: of all units. side: better |
    worse | tied (the printed values are equal); run: how many periods in a row, among those
    published, it has been on that side.
    """
    known = frame.dropna(subset="value")
    values = known.groupby("period")["value"]
    spread = values.agg(median="median", lowest="min", highest="max")
    own = known[known["unit_id"] == unit].join(spread, on="period", validate="1:1")
    own = own.sort_values("period", ignore_index=True)
    gap = (own["value"] - own["median"]) * (1 if cost else -1)
    side = pd.Series(np.select([gap < 0, gap > 0], ["better", "worse"], "tied"), dtype="str")
    run = side.groupby((side != side.shift()).cumsum()).cumcount() + 1
    return own.assign(side=side, run=run)


def places(values: pd.DataFrame, unit: str, rivals: Sequence[str], *, cost: bool) -> pd.DataFrame:
    """Return the place of one unit among its rivals in every period in which it has a value.

    One row per indicator, vintage and period. place: 1 is best. outcome: first | tied (first with
    others) | not_first. best: the best value of the others. streak: months in a row first or tied;
    a month without values ends it. absent: rivals without a value.
    """
    key = [*SERIES, "period"]
    inside = values[values["unit_id"].isin([unit, *rivals])]
    own = inside.loc[inside["unit_id"] == unit, [*key, "value"]]
    both = inside.merge(own, on=key, suffixes=("", "_own"), validate="m:1")
    others = both["value"].where(both["unit_id"] != unit)
    ahead = others < both["value_own"] if cost else others > both["value_own"]
    found = both.assign(others=others, ahead=ahead).groupby(key, as_index=False).agg(
        value=("value_own", "first"),
        best=("others", "min" if cost else "max"),
        place=("ahead", lambda ahead: 1 + ahead.sum()),
        among=("unit_id", "size"),
        absent=("unit_id", lambda seen: ";".join(r for r in rivals if r not in set(seen))),
        source_id=("source_id", joined),
    )  # fmt: skip
    found = found[found["best"].notna()]
    first, equal = found["place"] == 1, found["value"] == found["best"]
    month = pd.to_datetime(found["period"], format="%Y-%m", errors="coerce").dt
    step = (12 * month.year + month.month).groupby([found[name] for name in SERIES]).diff()
    streak = first.groupby((~first | (step != 1)).cumsum()).cumsum()
    return found.assign(
        outcome=np.select([~first, equal], ["not_first", "tied"], "first"), streak=streak
    )
