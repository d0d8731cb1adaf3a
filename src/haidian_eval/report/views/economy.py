"""Totals, shares and growth with their vintages, as a reader's tables."""

from __future__ import annotations

import pandas as pd

from haidian_eval.params import Economy
from haidian_eval.report.layout import lay_out
from haidian_eval.report.operations import Words
from haidian_eval.report.views import pick, side_by_side
from haidian_eval.tables import newest

YEAR = 4


def refusal(growth: pd.DataFrame, words: Words) -> tuple[str, dict[str, object]]:
    """Return key and figures of the sentence on the focus unit's latest refusal, if any."""
    own = pick(growth, {"unit_id": words.focus}).dropna(subset="comparable").sort_values("period")
    if own.empty:
        return "nothing_refused", {}
    return "refused_section", words.told(own.iloc[-1])


def breaks(growth: pd.DataFrame, words: Words) -> str:
    """Return the pairs of years between which the focus unit's vintage changes."""
    own = pick(growth, {"unit_id": words.focus, "reason": "vintage"})
    pairs = list(own["base_period"] + "–" + own["period"])
    return words.text.listing(pairs) or words.text("exhibit.none")


def finding(shares: pd.DataFrame, growth: pd.DataFrame, words: Words) -> str:
    """Return what can be said of share and growth of the focus unit."""
    own = pick(shares, {"unit_id": words.focus}).dropna(subset="share").sort_values("period")
    own, lines = own[own["period"].str.len() == YEAR], []
    if len(own):
        ends = {"lowest": own["share"].min(), "highest": own["share"].max()}
        ends |= words.told(own.iloc[-1]) | {"first": own["period"].min()}
        lines.append(words.text("economy.finding_share", **ends))
    if refused := refusal(growth, words)[1]:
        lines.append(words.text("economy.finding_refused", **refused))
    return "\n".join(lines) or words.text("findings.none")


def panel(
    values: pd.DataFrame, shares: pd.DataFrame, assessed: pd.DataFrame, words: Words
) -> tuple[pd.DataFrame, str]:
    """Return the total of every assessed unit by year, and its share in the last year shown.

    values: of the total. Years are shown in which more than half of the units have a value.
    """
    own = newest(values[values["unit_id"].isin(assessed["unit_id"])])
    own = own[own["period"].str.len() == YEAR]
    count = own["period"].value_counts()
    years = sorted(count.index[count > len(assessed) / 2])
    # one decimal, or more where more were printed
    printed = [f"{x:.1f}" if round(x, 1) == x else f"{x:.6g}" for x in own["value"]]
    shown = own.assign(value=printed)[own["period"].isin(years)]
    rows = assessed[["unit_id"]].merge(shown, on="unit_id", how="left", validate="1:m")
    last = years[-1] if years else ""
    share = pick(shares, {"period": last}).dropna(subset="share")
    share = share.drop_duplicates("unit_id", keep="last").set_index("unit_id")["share"]
    table = side_by_side(rows, words.units, words.text, {"value": "short"}).fillna("—")
    table.insert(table.shape[1] - 1, "share", share.reindex(table.index))
    return table, last


def apart(
    values: pd.DataFrame, withheld: pd.DataFrame, choice: Economy, words: Words
) -> pd.DataFrame:
    """Return targets, ceilings and forecasts, which are no results and stand apart from them."""
    wanted = pick(words.indicators, {"parent_id": choice.targets})["node_id"]
    targets = values[values["indicator_id"].isin(wanted)].assign(nature="target")
    forecasts = pick(withheld, {"confidence": "seen_forecast"}).assign(nature="forecast")
    return lay_out("economy.apart", pd.concat([targets, forecasts]), words)


def singles(values: pd.DataFrame, choice: Economy, words: Words) -> pd.DataFrame:
    """Return the focus unit's other figures of the economy, with the city's where it is known."""
    nodes = words.indicators
    wanted = nodes[nodes["parent_id"].isin(choice.groups)]["node_id"].unique()
    order = {one: at for at, one in enumerate(wanted) if one not in (choice.total, choice.share)}
    rows = pick(values, {"unit_id": words.focus})
    rows = rows.assign(order=rows["indicator_id"].map(order)).dropna(subset="order")
    key = ["indicator_id", "period"]
    city = pick(values, {"unit_id": choice.whole}).drop_duplicates(key).set_index(key)
    city = city[["value", "source_id"]].add_prefix("city_")
    both = rows.sort_values(["order", "period"]).join(city, on=key, validate="m:1")
    return lay_out("economy.singles", both, words)
