"""Indicators watched month by month: level, improvement, repeated weakness, runs, first places.

Every indicator stands alone with its month. Nothing is said of one month but what one month can
carry: a rank with the interval that rounding leaves. Source of the ranking rule: the monthly air
tables of the Beijing ecology bureau (ties 1, 1, 3; level and change ranked side by side).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError, TableError, not_known
from haidian_eval.scoring import Framework, competition_rank, rank_bounds, score
from haidian_eval.tables import changes

TOUCHING = 1e-9
RANKS = ["level_rank", "rank_best", "rank_worst", "group_rank", "group_best", "group_worst"]
PLACES = ["period", "value", "best", "place", "among", "absent", "outcome", "streak", "source_id"]
RUNS = [
    "period", "value", "median", "lowest", "highest", "level_rank", "rank_best", "rank_worst",
    "source_id", "side", "run",
]  # fmt: skip
CHANGE_RANKS = ["change_rank", "change_worst"]
FEWEST_FOR_A_LINE = 5


@dataclass(frozen=True, slots=True)
class Levels:
    """Indicators ranked one by one, period by period.

    frame: one row per indicator, period and assessed unit, in the order of the units: value,
    half_width, vintage, source_id; level_rank (1, 1, 3), rank_best and rank_worst under rounding;
    the same inside the peer group, with group_size. No ranks where the verdict is not a blank.
    discrimination: one row per indicator and period: units, assessed, distinct, lowest, highest,
    blurred (share of the pairs of units that rounding cannot tell apart), reason: "" | "partial"
    (too few units have a value) | "one_value" | "overlap" (all rank intervals overlap).
    """

    frame: pd.DataFrame
    discrimination: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Improvement:
    """Changes against the same month of the year before, in one vintage.

    frame: one row per indicator, period and assessed unit: base, value, relative (per cent) with
    low and high, status (improved | worse | flat: within rounding), change_rank (ties within
    rounding share the lower number) and change_worst, expected (per cent: what regression to the
    mean alone would give) and beyond (relative - expected).
    summary: one row per indicator and period: units, slope of value on base, correlation of base
    and change, reason as in `Levels`.
    """

    frame: pd.DataFrame
    summary: pd.DataFrame


def one_vintage(values: pd.DataFrame) -> pd.DataFrame:
    """Return, per indicator and period, the vintage that most units have, the newest of equals."""
    key = ["indicator_id", "period", "vintage"]
    size = values.groupby(key, as_index=False).agg(
        units=("unit_id", "nunique"), at=("as_of", "max")
    )
    chosen = size.sort_values(["units", "at"], kind="stable").drop_duplicates(key[:2], keep="last")
    return values.merge(chosen[key], on=key, validate="m:1")


def is_cost(indicators: pd.DataFrame, name: str) -> bool:
    """Tell whether lower is better; an indicator without a direction cannot be ranked."""
    directions = indicators.drop_duplicates("node_id").set_index("node_id")["direction"]
    if name not in directions:
        raise ParameterError(not_known(f"environment: the indicator {name!r}", name, directions))
    if directions[name] not in ("cost", "benefit"):
        raise ParameterError(
            f"{name}: direction = {directions[name]!r}; only benefit and cost can be ranked"
        )
    return bool(directions[name] == "cost")


def by_period(
    values: pd.DataFrame, names: Sequence[str], units: pd.DataFrame
) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield indicator, period and a row for every unit, with its value where there is one."""
    assessed = units[["unit_id", "peer_group"]]
    for name in names:
        own = values[(values["indicator_id"] == name) & values["unit_id"].isin(units["unit_id"])]
        for period, rows in own.groupby("period"):
            table = assessed.merge(
                rows.drop(columns=["indicator_id", "period"]), on="unit_id", how="left",
                validate="1:1",
            )  # fmt: skip
            table.insert(0, "indicator_id", name)
            table.insert(1, "period", period)
            yield name, str(period), table


def levels(
    values: pd.DataFrame,
    indicators: pd.DataFrame,
    units: pd.DataFrame,
    *,
    names: Sequence[str],
    needed_share: float,
) -> Levels:
    """Return the levels of the named indicators; ranks need values of `needed_share` of the units.

    `units`: the assessed units alone, with peer_group.
    """
    columns = ["unit_id", "indicator_id", "period", "vintage", "value", "half_width", "source_id"]
    frames, verdicts = [], []
    for name, period, table in by_period(one_vintage(values)[columns], names, units):
        ranked = with_level_ranks(table, ascending=is_cost(indicators, name))
        verdict = {"indicator_id": name, "period": period} | tell_apart(ranked, needed_share)
        if verdict["reason"]:
            ranked = without(ranked, RANKS)
        frames.append(ranked)
        verdicts.append(verdict)
    if not frames:
        raise TableError(f"no value of the indicators {list(names)} counts in this edition")
    return Levels(pd.concat(frames, ignore_index=True), pd.DataFrame(verdicts))


def without(table: pd.DataFrame, ranks: Sequence[str]) -> pd.DataFrame:
    """Return the table with its ranks blank."""
    return table.assign(**{name: pd.array([pd.NA] * len(table), dtype="Int64") for name in ranks})


def with_level_ranks(table: pd.DataFrame, *, ascending: bool) -> pd.DataFrame:
    """Return the table with ranks over all units and inside each peer group."""

    def ranks(rows: pd.DataFrame) -> pd.DataFrame:
        bounds = rank_bounds(rows["value"], rows["half_width"], ascending=ascending)
        rank = competition_rank(rows["value"], ascending=ascending)
        return bounds.assign(level_rank=rank)

    group = table["peer_group"].fillna("")
    inside = pd.concat([ranks(rows) for _, rows in table.groupby(group)]).sort_index()
    inside = inside.set_axis(["group_best", "group_worst", "group_rank"], axis=1)
    size = table["value"].groupby(group).transform("count")
    return pd.concat([table, ranks(table), inside], axis=1).assign(group_size=size)


def tell_apart(table: pd.DataFrame, needed_share: float) -> dict[str, Any]:
    """Return how well one period tells units apart, and why it does not rank, if so."""
    known = table[table["value"].notna()]
    low = (known["value"] - known["half_width"]).to_numpy()
    high = (known["value"] + known["half_width"]).to_numpy()
    apart = (low[:, None] >= high[None, :] - TOUCHING) | (high[:, None] <= low[None, :] + TOUCHING)
    upper = np.triu_indices(len(known), 1)
    blurred = float(1 - apart[upper].mean()) if len(known) > 1 else float("nan")
    if len(known) < needed_share * len(table):
        reason = "partial"
    elif known["value"].nunique() < 2:
        reason = "one_value"
    else:
        reason = "overlap" if blurred == 1 else ""
    return {
        "units": len(known),
        "assessed": len(table),
        "distinct": int(known["value"].nunique()),
        "lowest": float(known["value"].min()),
        "highest": float(known["value"].max()),
        "blurred": blurred,
        "reason": reason,
        "source_id": joined(known["source_id"]),
    }


def joined(ids: pd.Series) -> str:
    """Return the sources of several rows as one cell."""
    return ";".join(sorted({part for cell in ids.dropna() for part in cell.split(";")}))


def improvement(
    values: pd.DataFrame,
    indicators: pd.DataFrame,
    units: pd.DataFrame,
    *,
    names: Sequence[str],
    needed_share: float,
) -> Improvement:
    """Return the changes of the named indicators against the same month of the year before."""
    own = values[values["indicator_id"].isin(names) & values["unit_id"].isin(units["unit_id"])]
    pairs = changes(own)
    pairs = pairs[(pairs["reason"] == "") & pairs["relative"].notna()]
    frames, summaries = [], []
    for name, period, table in by_period(pairs.drop(columns=["reason"]), names, units):
        cost = is_cost(indicators, name)
        changed = with_regression(with_change_ranks(table, cost=cost))
        reason = "partial" if table["relative"].count() < needed_share * len(table) else ""
        if reason:
            changed = without(changed, CHANGE_RANKS)
        frames.append(changed)
        summaries.append(
            {
                "indicator_id": name,
                "period": period,
                "base_period": table["base_period"].dropna().iloc[0],
                "units": int(table["relative"].count()),
                "assessed": len(table),
                "slope": line_through(table)[1],
                "correlation": float(table["base_value"].corr(table["change"])),
                "reason": reason,
                "source_id": joined(table["source_id"]),
            }
        )
    if not frames:
        return Improvement(pd.DataFrame(), pd.DataFrame())
    return Improvement(pd.concat(frames, ignore_index=True), pd.DataFrame(summaries))


def with_change_ranks(table: pd.DataFrame, *, cost: bool) -> pd.DataFrame:
    """Return the table with status and ranks; changes that rounding may explain are ties."""
    middle, half = (table["low"] + table["high"]) / 2, (table["high"] - table["low"]) / 2
    bounds = rank_bounds(middle, half, ascending=cost)
    sign = 1 if cost else -1
    status = pd.Series("flat", index=table.index)
    status[np.where(cost, table["high"], table["low"]) * sign < -TOUCHING] = "improved"
    status[np.where(cost, table["low"], table["high"]) * sign > TOUCHING] = "worse"
    return table.assign(
        status=status.where(table["relative"].notna(), None),
        change_rank=bounds["rank_best"],
        change_worst=bounds["rank_worst"],
    )


def line_through(table: pd.DataFrame) -> tuple[float, float]:
    """Return intercept and slope of the least-squares line of value on base, or missing."""
    known = table.dropna(subset=["base_value", "value"])
    x, y = known["base_value"].to_numpy(), known["value"].to_numpy()
    if len(known) < FEWEST_FOR_A_LINE or np.ptp(x) == 0:
        return float("nan"), float("nan")
    slope = float(((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum())
    return float(y.mean() - slope * x.mean()), slope


def with_regression(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with the change that each unit's base alone would lead to expect.

    The line of value on base is fitted to the other units, so that no unit sets its own
    expectation (leave one out); high bases are followed by falls, low ones by rises, whatever
    anybody does (regression to the mean: Galton 1886; Barnett et al. 2005).
    """
    lines = [line_through(table.drop(index=row)) for row in table.index]
    intercept, slope = (pd.Series(part, table.index) for part in zip(*lines, strict=True))
    expected = 100 * ((intercept + slope * table["base_value"]) / table["base_value"] - 1)
    return table.assign(expected=expected, beyond=table["relative"] - expected)


def repeated(frame: pd.DataFrame, *, weak_share: float, weak_periods: int) -> pd.DataFrame:
    """Return, per indicator and unit, in how many of its latest ranked periods it was weak.

    frame: that of `Levels`. Weak in a period: among the worst `weak_share` of the units with a
    value, whatever rounding did (rank_best > (1 - weak_share) n). verdict: "repeated" when each of
    the latest `weak_periods` ranked periods was weak, "single" when some were, "none" when none
    was; "too_few" when there are fewer periods than that and some were weak.
    """
    ranked = frame[frame["rank_best"].notna()].copy()
    size = ranked.groupby(["indicator_id", "period"])["value"].transform("count")
    ranked["weak"] = (ranked["rank_best"] > (1 - weak_share) * size).astype("bool")
    rows = []
    for (name, unit), own in ranked.groupby(["indicator_id", "unit_id"], sort=False):
        latest = own.sort_values("period").tail(weak_periods)
        weak = int(latest["weak"].sum())
        few = len(latest) < weak_periods
        verdict = "too_few" if few else "repeated" if weak == weak_periods else "single"
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
    return pd.DataFrame(rows)


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


def demonstration(
    values: pd.DataFrame, framework: Framework, units: pd.DataFrame, periods: Mapping[str, str]
) -> pd.DataFrame:
    """Return a composite over indicators of different months, with what each of them moves.

    One row per unit: index, rank, and the best and worst rank when each indicator in turn is left
    out. A demonstration of the method: it stands for no period.
    """
    absent = [leaf for leaf in framework.leaves if leaf not in periods]
    if absent:
        raise ParameterError(f"environment.demonstration names no period for {absent}")
    chosen = pd.concat(
        values[(values["indicator_id"] == leaf) & (values["period"] == periods[leaf])]
        for leaf in framework.leaves
    )
    inside = one_vintage(chosen[chosen["unit_id"].isin(units["unit_id"])])
    wide = inside.pivot(index="unit_id", columns="indicator_id", values="value")
    wide = wide.reindex(index=units["unit_id"], columns=framework.leaves)
    scores = score(wide, framework)
    without = [
        score(wide, framework, weights=pd.Series({leaf: 0.0})).rank for leaf in framework.leaves
    ]
    ranks = pd.concat([scores.rank, *without], axis=1)
    table = pd.DataFrame(
        {
            "index": scores.index,
            "rank": scores.rank,
            "rank_best": ranks.min(axis=1).astype("Int64"),
            "rank_worst": ranks.max(axis=1).astype("Int64"),
        }
    )
    cited = inside.groupby("unit_id")["source_id"].agg(joined)
    table = pd.concat([table, scores.normalised], axis=1).assign(source_id=cited)
    return units[["unit_id", "peer_group"]].merge(
        table.rename_axis("unit_id").reset_index(), on="unit_id", validate="1:1"
    )
