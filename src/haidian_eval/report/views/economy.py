"""Totals, shares and growth with their vintages, as a reader's tables."""

from __future__ import annotations

import pandas as pd

from haidian_eval.params import Params
from haidian_eval.report.layout import lay_out
from haidian_eval.report.operations import vintage_words
from haidian_eval.report.views import names, pick, side_by_side
from haidian_eval.tables import newest
from haidian_eval.text import Text

YEAR = 4


def refused(growth: pd.DataFrame, units: pd.DataFrame, text: Text) -> pd.DataFrame:
    """Return the comparisons that were refused, with both vintages and what the quotient hides."""
    return lay_out("economy.refused", growth[growth["comparable"].notna()], text, units=units)


def refusal(
    growth: pd.DataFrame, units: pd.DataFrame, params: Params, text: Text
) -> tuple[str, dict[str, object]]:
    """Return key and figures of the sentence on the focus unit's latest refusal, if any."""
    own = pick(growth, {"unit_id": params.report.focus_unit})
    own = own[own["comparable"].notna()].sort_values("period")
    if own.empty:
        return "nothing_refused", {}
    row = own.iloc[-1].to_dict()
    vintages = {one: vintage_words(row[one], text) for one in ("base_vintage", "vintage")}
    return "refused_section", row | vintages | {"name": names(units, text)[row["unit_id"]]}


def breaks(growth: pd.DataFrame, params: Params, text: Text) -> str:
    """Return the pairs of years between which the focus unit's vintage changes."""
    own = growth[(growth["unit_id"] == params.report.focus_unit) & (growth["reason"] == "vintage")]
    pairs = zip(own["base_period"], own["period"], strict=True)
    return text.listing([f"{a}–{b}" for a, b in pairs]) or text("exhibit.none")


def finding(
    shares: pd.DataFrame, growth: pd.DataFrame, units: pd.DataFrame, params: Params, text: Text
) -> str:
    """Return what can be said of share and growth of the focus unit."""
    own = pick(shares, {"unit_id": params.report.focus_unit}).dropna(subset=["share"])
    own = own[own["period"].str.len() == YEAR]
    lines = []
    if len(own):
        last = own.sort_values("period").iloc[-1]
        words = {"lowest": own["share"].min(), "highest": own["share"].max()}
        words |= {"first": own["period"].min(), "vintage": vintage_words(last["vintage"], text)}
        lines.append(text("economy.finding_share", **(last.to_dict() | words)))
    _, refused_words = refusal(growth, units, params, text)
    if refused_words:
        lines.append(text("economy.finding_refused", **refused_words))
    return "\n".join(lines) or text("findings.none")


def panel(
    values: pd.DataFrame, shares: pd.DataFrame, units: pd.DataFrame, params: Params, text: Text
) -> tuple[pd.DataFrame, str]:
    """Return the total of every assessed unit by year, and its share in the last year shown.

    Years are shown in which more than half of the units have a value.
    """
    assessed = units[units["unit_type"].isin(params.tables.assessed)]
    own = pick(values, {"indicator_id": params.economy.total})
    own = newest(own[own["unit_id"].isin(assessed["unit_id"])])
    own = own[own["period"].str.len() == YEAR]
    count = own["period"].value_counts()
    years = sorted(count.index[count > len(assessed) / 2])
    # one decimal, or more where more were printed
    words = [f"{x:.1f}" if round(x, 1) == x else f"{x:.6g}" for x in own["value"]]
    printed = own.assign(value=words)[own["period"].isin(years)]
    groups = assessed[["unit_id", "peer_group"]]
    rows = printed.merge(groups, on="unit_id", how="right", validate="m:1")
    last = years[-1] if years else ""
    share = pick(shares, {"period": last}).dropna(subset="share")
    share = share.drop_duplicates("unit_id", keep="last").set_index("unit_id")["share"]
    table = side_by_side(rows, units, text, {"value": "short"}).fillna("—")
    table.insert(table.shape[1] - 1, "share", share.reindex(table.index))
    return table, last


def apart(
    values: pd.DataFrame, withheld: pd.DataFrame, units: pd.DataFrame, indicators: pd.DataFrame,
    params: Params, text: Text,
) -> pd.DataFrame:  # fmt: skip
    """Return targets, ceilings and forecasts, which are no results and stand apart from them."""
    wanted = set(indicators.loc[indicators["parent_id"] == params.economy.targets, "node_id"])
    targets = values[values["indicator_id"].isin(wanted)].assign(nature="target")
    forecasts = withheld[withheld["confidence"] == "seen_forecast"].assign(nature="forecast")
    rows = pd.concat([targets, forecasts], ignore_index=True)
    return lay_out("economy.apart", rows, text, units=units, indicators=indicators)


def singles(
    values: pd.DataFrame, units: pd.DataFrame, indicators: pd.DataFrame, params: Params, text: Text
) -> pd.DataFrame:
    """Return the focus unit's other figures of the economy, with the city's where it is known."""
    choice, unit = params.economy, params.report.focus_unit
    wanted = indicators[indicators["parent_id"].isin(choice.groups)]["node_id"].unique()
    order = {one: at for at, one in enumerate(wanted) if one not in (choice.total, choice.share)}
    rows = values[values["unit_id"] == unit].assign(order=values["indicator_id"].map(order))
    rows = rows.dropna(subset="order").sort_values(["order", "period"])
    key = ["indicator_id", "period"]
    city = values.loc[values["unit_id"] == choice.whole, [*key, "value", "source_id"]]
    city = city.drop_duplicates(key).set_index(key).add_prefix("city_")
    both = rows.join(city, on=key, validate="m:1")
    return lay_out("economy.singles", both, text, indicators=indicators)
