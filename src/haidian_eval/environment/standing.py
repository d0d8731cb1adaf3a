"""What repeats: weakness in several periods, runs against the median, first places."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from haidian_eval.environment.levels import Levels, joined

RUNS = [
    "period", "value", "median", "lowest", "highest", "level_rank", "rank_best", "rank_worst",
    "source_id", "side", "run",
]  # fmt: skip
WEAK = ["indicator_id", "unit_id", "periods", "weak", "weak_in", "verdict", "source_id"]
PLACES = ["period", "value", "best", "place", "among", "absent", "outcome", "streak", "source_id"]


def repeated(frame: pd.DataFrame, *, weak_share: float, weak_periods: int) -> pd.DataFrame:
    """Return, per indicator and unit, in how many of its latest ranked periods it was weak.

    frame: that of `Levels`. Weak in a period: among the worst `weak_share` of the units with a
    value, whatever rounding did (rank_best > (1 - weak_share) n). verdict: "repeated" when each of
    the latest `weak_periods` ranked periods was weak, "single" when some were, "none" when none
    was; "too_few" when there are fewer periods than that and some were weak, "one_period" when
    there is only one.
    """
    ranked = frame[frame["rank_best"].notna()].copy()
    size = ranked.groupby(["indicator_id", "period"])["value"].transform("count")
    ranked["weak"] = (ranked["rank_best"] > (1 - weak_share) * size).astype("bool")
    rows = []
    for (name, unit), own in ranked.groupby(["indicator_id", "unit_id"], sort=False):
        latest = own.sort_values("period").tail(weak_periods)
        weak = int(latest["weak"].sum())
        few = "one_period" if len(latest) == 1 else "too_few"
        all_of_them = "repeated" if weak == weak_periods else "single"
        verdict = few if len(latest) < weak_periods else all_of_them
        rows.append(
            {
                "indicator_id": name,
                "unit_id": unit,
                "periods": len(latest),
                "weak": weak,
                "weak_in": ";".join(latest.loc[latest["weak"], "period"]),
                "verdict": verdict if weak else "none",
                "source_id": joined(latest["source_id"]),
            }
        )
    return pd.DataFrame(rows, columns=WEAK)


def latest_places(levels: Levels, weak: pd.DataFrame, unit: str) -> pd.DataFrame:
    """Return where one unit stood in the latest ranked month of each indicator, and what repeats.

    One row per indicator: the row of `Levels.frame`, with_value (units ranked beside it), and from
    `repeated` weak, periods, verdict.
    """
    own = levels.frame[(levels.frame["unit_id"] == unit) & levels.frame["level_rank"].notna()]
    last = own.sort_values("period", kind="stable").drop_duplicates("indicator_id", keep="last")
    counted = levels.discrimination[["indicator_id", "period", "units"]]
    said = weak.drop(columns=["source_id", "weak_in"])
    table = last.sort_index().merge(counted, on=["indicator_id", "period"], validate="1:1")
    table = table.merge(said, on=["indicator_id", "unit_id"], validate="1:1")
    return table.rename(columns={"units": "with_value"})


def runs(frame: pd.DataFrame, unit: str, *, cost: bool) -> pd.DataFrame:
    """Return where one unit stood against the median of all units, period by period.

    frame: that of `Levels` for one indicator. side: better | worse | tied (the printed values are
    equal); run: how many periods in a row, among those published, it has been on that side.
    """
    rows, run, last = [], 0, ""
    for period, table in frame.groupby("period"):
        own = table[(table["unit_id"] == unit) & table["value"].notna()]
        if own.empty:
            continue
        row = own.iloc[0]
        gap = (row["value"] - table["value"].median()) * (1 if cost else -1)
        side = "better" if gap < 0 else "worse" if gap > 0 else "tied"
        run, last = (run + 1 if side == last else 1), side
        lead = {"period": period, "value": row["value"], "median": table["value"].median()}
        spread = {"lowest": table["value"].min(), "highest": table["value"].max()}
        ranks = row[["level_rank", "rank_best", "rank_worst", "source_id"]].to_dict()
        rows.append(lead | spread | ranks | {"side": side, "run": run})
    table = pd.DataFrame(rows, columns=RUNS)
    return table.astype(dict.fromkeys(["level_rank", "rank_best", "rank_worst"], "Int64"))


def follows(last: str, period: str) -> bool:
    """Tell whether a period comes directly after another: the next month, or the next year."""
    if len(last) != len(period) or len(period) not in (4, 7):
        return False
    return bool(pd.Period(last) + 1 == pd.Period(period))


def places(values: pd.DataFrame, unit: str, rivals: Sequence[str], *, cost: bool) -> pd.DataFrame:
    """Return the place of one unit among its rivals in every period in which it has a value.

    values: of one indicator and one vintage a period. place: 1 is best. outcome: first | tied
    (first with others) | not_first. best: the best value of the others. streak: periods in a row
    first or tied; a period without values ends it. absent: rivals without a value.
    """
    rows, streak, last = [], 0, ""
    inside = values[values["unit_id"].isin([unit, *rivals])]
    for period, table in inside.groupby("period"):
        own, others = table[table["unit_id"] == unit], table[table["unit_id"] != unit]
        if own.empty or others.empty:
            continue
        value = float(own["value"].iloc[0])
        best = float(others["value"].min() if cost else others["value"].max())
        ahead = int((others["value"] < value).sum() if cost else (others["value"] > value).sum())
        outcome = "not_first" if ahead else "tied" if value == best else "first"
        streak = 0 if ahead else streak + 1 if follows(last, str(period)) else 1
        last = str(period)
        rows.append(
            {
                "period": period,
                "value": value,
                "best": best,
                "place": 1 + ahead,
                "among": len(table),
                "absent": ";".join(r for r in rivals if r not in set(others["unit_id"])),
                "outcome": outcome,
                "streak": streak,
                "source_id": joined(table["source_id"]),
            }
        )
    return pd.DataFrame(rows, columns=PLACES)
