"""What months can carry of a unit, what repeats, what tells units apart, as a reader's tables."""

from __future__ import annotations

import pandas as pd

from haidian_eval.environment import Levels
from haidian_eval.params import Params
from haidian_eval.report.exhibit import decimals
from haidian_eval.report.leaf import joined
from haidian_eval.report.views import (
    administrative,
    as_printed,
    named,
    names,
    pick,
    range_words,
    rank_range,
)
from haidian_eval.report.views.environment import cited, group_places, ranges
from haidian_eval.text import Text

SPOTS = [
    "indicator", "period", "figure", "unit", "place_of", "level_range", "group_place",
    "periods_weak", "saying", "source_id",
]  # fmt: skip


def spot_words(
    places: pd.DataFrame, units: pd.DataFrame, indicators: pd.DataFrame, params: Params, text: Text
) -> pd.DataFrame:
    """Return what the focus unit's latest months can carry, indicator by indicator."""
    rows = []
    for _, row in places.iterrows():
        own = named(indicators, row["indicator_id"], text)
        one = administrative(row.to_frame().T, units, text)
        rows.append(
            {
                "indicator": own.name,
                "period": text.period(row["period"]),
                "figure": as_printed(row["value"], row["half_width"]),
                "unit": own.unit,
                "place_of": f"{row['level_rank']} / {row['with_value']}",
                "level_range": rank_range(row["rank_best"], row["rank_worst"]),
                "group_place": group_places(one, text)[0],
                "periods_weak": text("weakness.times", weak=row["weak"], periods=row["periods"]),
                "saying": text(
                    f"weakness.{row['verdict']}", periods=params.environment.weak_periods
                ),
                "source_id": joined(row["source_id"], *one["unit_source"]),
            }
        )
    return pd.DataFrame(rows, columns=SPOTS)


def repeated(
    weak: pd.DataFrame, units: pd.DataFrame, indicators: pd.DataFrame, text: Text
) -> pd.DataFrame:
    """Return the units that were weak in each of the latest periods, in administrative order."""
    found = weak[weak["verdict"] == "repeated"].merge(
        units[["unit_id", "peer_group"]], on="unit_id"
    )
    rows = administrative(found, units, text)
    listed = [text.listing([text.period(p) for p in ids.split(";")]) for ids in rows["weak_in"]]
    return pd.DataFrame(
        {
            "unit_name": rows["unit_name"],
            "group": rows["group"],
            "indicator": [named(indicators, name, text).name for name in rows["indicator_id"]],
            "periods": listed,
            "source_id": cited(rows),
        }
    )


def streets(rows: pd.DataFrame, units: pd.DataFrame, focus: str, text: Text) -> pd.DataFrame:
    """Return what the bureaux published of the streets of one unit, in the order of time."""
    name = names(units, text)
    own = rows[rows["unit_id"].isin(units.loc[units["parent_id"] == focus, "unit_id"])]
    ordered = own.sort_values("period", kind="stable")
    records = [row for _, row in ordered.iterrows()]
    return pd.DataFrame(
        {
            "period": [text.period(period) for period in ordered["period"]],
            "unit_name": [name[unit] for unit in ordered["unit_id"]],
            "indicator": [text.choose(row, "programme") for row in records],
            "standing": [text.choose(row, "standing") for row in records],
            "source_id": ordered["source_id"],
        }
    )


def discrimination(found: Levels, indicators: pd.DataFrame, text: Text) -> pd.DataFrame:
    """Return, per indicator and month, how well it tells units apart."""
    rows = found.discrimination
    words = [named(indicators, name, text) for name in rows["indicator_id"]]
    places = [
        decimals(pick(found.frame, {"indicator_id": n})["value"]) for n in rows["indicator_id"]
    ]
    ends = zip(rows["lowest"], rows["highest"], places, strict=True)
    return pd.DataFrame(
        {
            "indicator": [one.name for one in words],
            "period": [text.period(period) for period in rows["period"]],
            "with_value": rows["units"],
            "assessed": rows["assessed"],
            "distinct_values": rows["distinct"],
            "spread": [f"{low:.{d}f} ~ {high:.{d}f}" for low, high, d in ends],
            "unit": [one.unit for one in words],
            "blurred": 100 * rows["blurred"],
            "placing": [text(f"verdicts.{reason or 'placed'}") for reason in rows["reason"]],
            "source_id": rows["source_id"],
        }
    )  # fmt: skip


def demonstration(
    rows: pd.DataFrame, units: pd.DataFrame, indicators: pd.DataFrame, params: Params, text: Text
) -> tuple[pd.DataFrame, dict[str, object]]:
    """Return the composite and the words that name its months."""
    table = administrative(rows, units, text)
    framework = indicators[indicators["scheme_id"] == params.environment.demonstration_scheme]
    shown = pd.DataFrame(
        {
            "unit_name": table["unit_name"],
            "group": table["group"],
            "index": table["index"],
            "demonstration_rank": table["rank"],
            "without_one": ranges(table, "rank_best", "rank_worst"),
            "source_id": [joined(ids, *framework["source_id"]) for ids in cited(table)],
        }
    )
    months = [
        text(
            "environment.month_of",
            indicator=named(indicators, name, text).name,
            period=text.period(p),
        )
        for name, p in params.environment.demonstration.items()
    ]
    shifts = table[["rank_best", "rank_worst"]].sub(table["rank"], axis=0).abs()
    moved = int(shifts.max(axis=None)) if len(table) else 0
    return shown, {"months": text.listing(months), "moved": moved}


def finding(spots: pd.DataFrame, focus: str, text: Text) -> str:
    """Return, one line per indicator, what can be said of the focus unit."""
    lines = [
        text("environment.line", name=focus, rounding=range_words(row["level_range"], text),
             **row.to_dict())
        for _, row in spots.iterrows()
    ]  # fmt: skip
    return "\n".join(f"- {line}" for line in lines)
