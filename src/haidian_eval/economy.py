"""Totals with their vintages: shares and growth inside one vintage, refused across vintages."""

from __future__ import annotations

import pandas as pd

from haidian_eval.tables import changes, newest
from haidian_eval.tables.vintages import cited, quotient_bounds

PLAIN = ["unit_id", "period", "vintage", "value", "half_width", "confidence", "as_of", "source_id"]
OWN = ["unit_id", "confidence", "as_of"]  # of a value, not of the whole that it is a part of


def of(values: pd.DataFrame, indicator: str) -> pd.DataFrame:
    """Return the values of one indicator."""
    return values.loc[values["indicator_id"] == indicator, PLAIN]


def shares(values: pd.DataFrame, indicator: str, whole: str) -> pd.DataFrame:
    """Return every unit's share (per cent) of the whole in the same period and vintage.

    low and high: what the rounding of both leaves. reason: "vintage" where the whole is known for
    the period in another vintage only, and no share is computed.
    """
    key = ["unit_id", "period", "vintage"]
    own = of(values, indicator)
    total = own[own["unit_id"] == whole].drop(columns=OWN).add_prefix("whole_")
    total = total.rename(columns={"whole_period": "period"})
    pairs = own[own["unit_id"] != whole].merge(total, on="period")
    pairs = pairs.assign(same=pairs["vintage"] == pairs["whole_vintage"])
    pairs = pairs.sort_values([*key, "same"], kind="stable").drop_duplicates(key, keep="last")
    least, most = quotient_bounds(pairs, "whole_")
    return pairs.assign(
        share=(100 * pairs["value"] / pairs["whole_value"]).where(pairs["same"]),
        low=(100 * least).where(pairs["same"]),
        high=(100 * most).where(pairs["same"]),
        reason=pairs["same"].map({True: "", False: "vintage"}),
        source_id=cited(pairs["source_id"], pairs["whole_source_id"]),
    ).drop(columns=["same", "whole_source_id"]).reset_index(drop=True)  # fmt: skip


def growth(values: pd.DataFrame, indicator: str, real: str) -> pd.DataFrame:
    """Return the nominal change of a total from year to year beside the published real growth.

    relative: per cent at current prices, inside one vintage only. price: per cent, what relative
    leaves beyond real: the change of prices, and any revision of the base after it was published.
    Of several vintages of the real growth the newest is taken. Across vintages (reason "vintage")
    nothing is computed but what the refusal rests on: `naive`, the quotient of the two printed
    figures, `comparable`, the base that the published real growth leads back to (prices ignored),
    and `revision`, the per cent by which it exceeds the base as published.
    """
    key = ["unit_id", "period"]
    published = of(newest(values), real)[[*key, "value", "source_id"]]
    published = published.rename(columns={"value": "real", "source_id": "source_id_real"})
    table = changes(values[values["indicator_id"] == indicator])
    table = table.merge(published, on=key, how="left", validate="m:1")
    refused = table["reason"] == "vintage"
    factor = 1 + table["real"] / 100
    comparable = (table["value"] / factor).where(refused)
    return table.assign(
        price=100 * ((1 + table["relative"] / 100) / factor - 1),
        naive=(100 * (table["value"] / table["base_value"] - 1)).where(refused),
        comparable=comparable,
        revision=100 * (comparable / table["base_value"] - 1),
        source_id=table["source_id"] + (";" + table["source_id_real"]).fillna(""),
    ).drop(columns="source_id_real")


def by_year(
    values: pd.DataFrame, share_frame: pd.DataFrame, growth_frame: pd.DataFrame, unit: str,
    *, total: str, real: str, share: str,
) -> pd.DataFrame:  # fmt: skip
    """Return one unit's total year by year, a row for every vintage, with share and growth.

    Columns: period, vintage, value, whole_value and share (per cent, of one vintage), relative and
    price (see `growth`), reason (missing without the year before), share_published and real (the
    newest published figures of the year), source_id and, where known, _file and _row.
    """
    own = values[values["unit_id"] == unit]
    own = own[own["period"].str.fullmatch(r"\d{4}")].sort_values(["period", "as_of"], kind="stable")
    key = ["period", "vintage"]
    table = own[own["indicator_id"] == total].filter([*key, "value", "source_id", "_file", "_row"])
    for frame, columns in (
        (share_frame, ["whole_value", "share"]), (growth_frame, ["relative", "price", "reason"])
    ):  # fmt: skip
        parts = frame.loc[frame["unit_id"] == unit, [*key, *columns, "source_id"]]
        table = table.merge(parts, on=key, how="left", suffixes=("", f"_{columns[0]}"))
    last = newest(own)
    for name, indicator in (("share_published", share), ("real", real)):
        printed = last.loc[last["indicator_id"] == indicator, ["period", "value", "source_id"]]
        printed = printed.rename(columns={"value": name, "source_id": f"source_id_{name}"})
        table = table.merge(printed, on="period", how="left", validate="m:1")
    sources = table.filter(like="source_id")
    found = cited(*(sources[name] for name in sources))
    return table.drop(columns=sources.columns).assign(source_id=found).reset_index(drop=True)
