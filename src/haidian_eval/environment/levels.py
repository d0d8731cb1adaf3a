"""Level ranks of each indicator in each period, and whether the period can rank at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError, TableError, not_known
from haidian_eval.scoring import competition_rank, rank_bounds

TOUCHING = 1e-9
ORIGIN = ["_file", "_row"]
COLUMNS = ["unit_id", "indicator_id", "period", "vintage", "value", "half_width", "source_id"]
RANKS = ["level_rank", "rank_best", "rank_worst", "group_rank", "group_best", "group_worst"]


@dataclass(frozen=True, slots=True)
class Levels:
    """Indicators ranked one by one, period by period.

    frame: one row per indicator, period and assessed unit, in the order of the units: value,
    half_width, vintage, source_id; level_rank (1, 1, 3), rank_best and rank_worst under rounding;
    the same inside the peer group, with group_size. No ranks where the verdict is not a blank.
    discrimination: one row per indicator and period: units, assessed, distinct, lowest, highest,
    blurred (share of the pairs of units that rounding cannot tell apart; missing where the
    rounding of any is not known), reason: "" | "partial"
    (too few units have a value) | "one_value" | "overlap" (all rank intervals overlap).
    """

    frame: pd.DataFrame
    discrimination: pd.DataFrame


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
    for name in dict.fromkeys(names):
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
    own = values[values["indicator_id"].isin(names) & values["unit_id"].isin(units["unit_id"])]
    columns = [*COLUMNS, *values.columns.intersection(ORIGIN)]
    frames, verdicts = [], []
    for name, period, table in by_period(one_vintage(own)[columns], names, units):
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
    told = len(known) > 1 and known["half_width"].notna().all()
    blurred = float(1 - apart[upper].mean()) if told else float("nan")
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
