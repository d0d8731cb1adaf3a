"""Totals with their vintages: shares and growth inside one vintage, refused across vintages."""

from __future__ import annotations

import pandas as pd

from haidian_eval.tables import changes, newest

PLAIN = ["unit_id", "period", "vintage", "value", "half_width", "confidence", "as_of", "source_id"]


def of(values: pd.DataFrame, indicator: str) -> pd.DataFrame:
    """Return the values of one indicator."""
    return values.loc[values["indicator_id"] == indicator, PLAIN]


def yearly(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose period is a year."""
    return rows[rows["period"].str.fullmatch(r"\d{4}")]


def shares(values: pd.DataFrame, indicator: str, whole: str) -> pd.DataFrame:
    """Return every unit's share (per cent) of the whole in the same period and vintage.

    low and high: what the rounding of both leaves. reason: "vintage" where the whole is known for
    the period in another vintage only, and no share is computed.
    """
    own = of(values, indicator)
    total = own[own["unit_id"] == whole].drop(columns=["unit_id", "confidence", "as_of"])
    total = total.rename(columns={n: f"whole_{n}" for n in ("vintage", "value", "half_width")})
    pairs = own[own["unit_id"] != whole].merge(
        total.rename(columns={"source_id": "whole_source"}), on="period"
    )
    pairs = pairs.assign(same=pairs["vintage"] == pairs["whole_vintage"])
    key = ["unit_id", "period", "vintage"]
    pairs = pairs.sort_values([*key, "same"], kind="stable").drop_duplicates(key, keep="last")
    part, all_of_it = pairs["value"], pairs["whole_value"]
    least = (part - pairs["half_width"]) / (all_of_it + pairs["whole_half_width"])
    most = (part + pairs["half_width"]) / (all_of_it - pairs["whole_half_width"])
    both = zip(pairs["source_id"], pairs["whole_source"], strict=True)
    cited = [";".join(dict.fromkeys(f"{a};{b}".split(";"))) for a, b in both]
    return pairs.assign(
        share=(100 * part / all_of_it).where(pairs["same"]),
        low=(100 * least).where(pairs["same"]),
        high=(100 * most).where(pairs["same"]),
        reason=pairs["same"].map({True: "", False: "vintage"}),
        source_id=cited,
    ).drop(columns=["same", "whole_source"]).reset_index(drop=True)  # fmt: skip


def growth(values: pd.DataFrame, indicator: str, real: str) -> pd.DataFrame:
    """Return the nominal change of a total from year to year beside the published real growth.

    relative: per cent at current prices, inside one vintage only. price: per cent, what relative
    leaves beyond real: the change of prices, and any revision of the base after it was published.
    Of several vintages of the real growth the newest is taken. Across vintages (reason "vintage")
    nothing is computed but what the refusal rests on: `naive`, the quotient of the two printed
    figures, `comparable`, the base that the published real growth leads back to (prices ignored),
    and `revision`, the per cent by which it exceeds the base as published.
    """
    own = values[values["indicator_id"] == indicator]
    pairs = changes(own)
    published = of(newest(values), real)[["unit_id", "period", "value", "source_id"]]
    published = published.rename(columns={"value": "real", "source_id": "real_source"})
    table = pairs.merge(published, on=["unit_id", "period"], how="left", validate="m:1")
    refused = table["reason"] == "vintage"
    factor = 1 + table["real"] / 100
    comparable = (table["value"] / factor).where(refused)
    both = zip(table["source_id"], table["real_source"].fillna(""), strict=True)
    return table.assign(
        price=100 * ((1 + table["relative"] / 100) / factor - 1),
        naive=(100 * (table["value"] / table["base_value"] - 1)).where(refused),
        comparable=comparable,
        revision=100 * (comparable / table["base_value"] - 1),
        source_id=[";".join(part for part in pair if part) for pair in both],
    ).drop(columns="real_source")


def by_year(
    values: pd.DataFrame, share_frame: pd.DataFrame, growth_frame: pd.DataFrame, unit: str,
    *, total: str, real: str, share: str,
) -> pd.DataFrame:  # fmt: skip
    """Return one unit's total year by year, a row for every vintage, with share and growth.

    Columns: period, vintage, value, whole_value and share (per cent, of one vintage), relative and
    price (see `growth`), reason (missing without the year before), share_published and real (the
    newest published figures of the year), source_id and, where known, _file and _row.
    """
    own = values[(values["indicator_id"] == total) & (values["unit_id"] == unit)]
    rows = yearly(own).sort_values(["period", "as_of"], kind="stable")
    key = ["period", "vintage"]
    kept = [*key, "value", "source_id", *rows.columns.intersection(["_file", "_row"])]
    parts = share_frame[share_frame["unit_id"] == unit]
    parts = parts[[*key, "whole_value", "share", "source_id"]]
    changed = growth_frame[growth_frame["unit_id"] == unit]
    changed = changed[[*key, "relative", "price", "reason", "source_id"]]
    table = rows[kept].merge(
        parts.rename(columns={"source_id": "share_source"}), on=key, how="left", validate="1:1"
    )
    table = table.merge(
        changed.rename(columns={"source_id": "growth_source"}), on=key, how="left", validate="1:1"
    )
    last = newest(yearly(values[values["unit_id"] == unit]))
    for name, indicator in (("share_published", share), ("real", real)):
        printed = of(last, indicator)
        printed = printed[["period", "value", "source_id"]]
        printed = printed.rename(columns={"value": name, "source_id": f"{name}_source"})
        table = table.merge(printed, on="period", how="left", validate="m:1")
    sources = [name for name in table if name.endswith("_source")]
    cited = [
        ";".join(dict.fromkeys(i for ids in row if isinstance(ids, str) for i in ids.split(";")))
        for row in table[["source_id", *sources]].itertuples(index=False, name=None)
    ]
    return table.drop(columns=sources).assign(source_id=cited)
