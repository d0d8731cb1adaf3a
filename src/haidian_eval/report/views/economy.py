"""Totals, shares and growth with their vintages, as a reader's tables."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from haidian_eval.params import Params
from haidian_eval.report.exhibit import exact, show
from haidian_eval.report.leaf import joined
from haidian_eval.report.views import administrative, named, names, pick, vintage_words
from haidian_eval.text import Text

YEAR = 4


def series(
    shares: pd.DataFrame, growth: pd.DataFrame, values: pd.DataFrame, params: Params, text: Text
) -> pd.DataFrame:
    """Return the focus unit's total by year with vintage, share, growth or why there is none."""
    unit, choice = params.report.focus_unit, params.economy
    key = {"indicator_id": choice.total, "unit_id": unit}
    rows = pick(values, key).sort_values("period", kind="stable")
    share = pick(shares, {"unit_id": unit}).set_index("period")
    change = pick(growth, {"unit_id": unit}).set_index("period")
    printed = published(values, unit, choice.share)
    real = published(values, unit, choice.growth)
    years = list(rows["period"])
    sources = [share["source_id"], change["source_id"], printed["source_id"], real["source_id"]]
    cited = [
        joined(own, *(part.get(year) for part in sources))
        for own, year in zip(rows["source_id"], years, strict=True)
    ]
    return pd.DataFrame(
        {
            "year": years,
            "total": rows["value"].to_numpy(),
            "vintage": [vintage_words(vintage, text) for vintage in rows["vintage"]],
            "whole": share["whole_value"].reindex(years).to_numpy(),
            "share": share["share"].reindex(years).to_numpy(),
            "share_published": printed["value"].reindex(years).to_numpy(),
            "real": real["value"].reindex(years).to_numpy(),
            "nominal": change["relative"].reindex(years).to_numpy(),
            "price": change["price"].reindex(years).to_numpy(),
            "growth_note": [growth_note(change, year, text) for year in years],
            "source_id": cited,
        }
    )


def published(values: pd.DataFrame, unit: str, indicator: str) -> pd.DataFrame:
    """Return the published values of one unit's yearly indicator by year."""
    rows = pick(values, {"indicator_id": indicator, "unit_id": unit})
    return rows[rows["period"].str.len() == YEAR].set_index("period")


def growth_note(change: pd.DataFrame, year: str, text: Text) -> str:
    """Return whether a change was computed, and why not."""
    if year not in change.index:
        return text("economy.no_base")
    reason = change.at[year, "reason"]
    return text(f"economy.reasons.{reason}") if reason else text("economy.computed")


def refused(growth: pd.DataFrame, units: pd.DataFrame, text: Text) -> pd.DataFrame:
    """Return the comparisons that were refused, with both vintages and what the quotient hides."""
    rows = growth[growth["reason"] == "vintage"]
    rows = rows[rows["comparable"].notna()]
    name = names(units, text)
    return pd.DataFrame(
        {
            "unit_name": [name[unit] for unit in rows["unit_id"]],
            "from_year": rows["base_period"],
            "base_value": rows["base_value"],
            "base_vintage": [vintage_words(vintage, text) for vintage in rows["base_vintage"]],
            "to_year": rows["period"],
            "total": rows["value"],
            "vintage": [vintage_words(vintage, text) for vintage in rows["vintage"]],
            "naive": rows["naive"],
            "real": rows["real"],
            "comparable": rows["comparable"],
            "revision": rows["revision"],
            "source_id": rows["source_id"],
        }
    ).reset_index(drop=True)


def latest_refusal(growth: pd.DataFrame, unit: str) -> pd.Series | None:
    """Return the unit's latest comparison across vintages with a published growth, if any."""
    own = growth[(growth["unit_id"] == unit) & growth["comparable"].notna()]
    return None if own.empty else own.sort_values("period").iloc[-1]


def refusal(
    growth: pd.DataFrame, units: pd.DataFrame, params: Params, text: Text
) -> tuple[str, dict[str, object]]:
    """Return the key and the figures of the sentence on the focus unit's latest refusal."""
    row = latest_refusal(growth, params.report.focus_unit)
    if row is None:
        return "nothing_refused", {}
    return "refused_section", {
        "name": names(units, text)[row["unit_id"]],
        "base_vintage": vintage_words(row["base_vintage"], text),
        "vintage": vintage_words(row["vintage"], text),
        "base_year": row["base_period"],
        "year": row["period"],
        "base": show(row["base_value"], 1),
        "value": show(row["value"], 1),
    } | {n: show(row[n], 1) for n in ("naive", "real", "comparable", "revision")}


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
    lines = []
    if len(own):
        last = own.sort_values("period").iloc[-1]
        words = {
            "lowest": own["share"].min(),
            "highest": own["share"].max(),
            "share": last["share"],
        }
        shown = {name: show(value, 1) for name, value in words.items()}
        span = {"from_year": own["period"].min(), "year": last["period"]}
        vintage = vintage_words(last["vintage"], text)
        lines.append(text("economy.finding_share", **shown, **span, vintage=vintage))
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
    own = own[own["unit_id"].isin(assessed["unit_id"])]
    count = own["period"].value_counts()
    years = sorted(count.index[count > len(assessed) / 2])
    own = own[own["period"].isin(years)]
    wide = own.pivot(index="unit_id", columns="period", values="value").add_prefix("short@")
    last = years[-1] if years else ""
    share = pick(shares, {"period": last}).set_index("unit_id")["share"]
    source = own.groupby("unit_id")["source_id"].agg(lambda ids: joined(*ids))
    rows = administrative(assessed[["unit_id", "peer_group"]], units, text)
    both = zip(rows["unit_id"], rows["unit_source"], strict=True)
    table = rows[["unit_id", "unit_name", "group"]].join(wide, on="unit_id")
    table = table.assign(
        share=table["unit_id"].map(share),
        source_id=[joined(source.get(unit), cited) for unit, cited in both],
    )
    return table.drop(columns="unit_id"), last


def apart(
    values: pd.DataFrame, withheld: pd.DataFrame, units: pd.DataFrame, indicators: pd.DataFrame,
    params: Params, text: Text,
) -> pd.DataFrame:  # fmt: skip
    """Return targets, ceilings and forecasts, which are no results and stand apart from them."""
    wanted = set(indicators.loc[indicators["parent_id"] == params.economy.targets, "node_id"])
    targets = values[values["indicator_id"].isin(wanted)].assign(nature="target")
    forecasts = withheld[withheld["confidence"] == "seen_forecast"].assign(nature="forecast")
    rows = pd.concat([targets, forecasts], ignore_index=True)
    name = names(units, text)
    words = [named(indicators, one, text) for one in rows["indicator_id"]]
    return pd.DataFrame(
        {
            "nature": [text(f"natures.{one}") for one in rows["nature"]],
            "unit_name": [name[unit] for unit in rows["unit_id"]],
            "indicator": [one.name for one in words],
            "period": [text.period(period) for period in rows["period"]],
            "figure": [exact(value) for value in rows["value"]],
            "unit": [one.unit for one in words],
            "source_id": rows["source_id"],
        }
    )


def singles(
    values: pd.DataFrame, units: pd.DataFrame, indicators: pd.DataFrame, params: Params, text: Text
) -> pd.DataFrame:
    """Return the focus unit's other figures of the economy, with the city's where it is known."""
    choice, unit = params.economy, params.report.focus_unit
    wanted = indicators[indicators["parent_id"].isin(choice.groups)]["node_id"]
    shown = [one for one in dict.fromkeys(wanted) if one not in (choice.total, choice.share)]
    order = {one: place for place, one in enumerate(shown)}
    rows = values[(values["unit_id"] == unit) & values["indicator_id"].isin(shown)]
    rows = rows.sort_values(
        ["indicator_id", "period"], key=lambda c: c.map(order) if c.name == "indicator_id" else c,
        kind="stable",
    )  # fmt: skip
    key = ["indicator_id", "period"]
    city = values[values["unit_id"] == choice.whole].set_index(key)
    city = city[~city.index.duplicated()]
    pairs = list(rows[key].itertuples(index=False, name=None))
    words = [named(indicators, one, text) for one in rows["indicator_id"]]
    known = [city.loc[pair] if pair in city.index else None for pair in pairs]
    return pd.DataFrame(
        {
            "indicator": [one.name for one in words],
            "period": [text.period(period) for period in rows["period"]],
            "figure": [exact(value) for value in rows["value"]],
            "city_figure": ["—" if row is None else exact(row["value"]) for row in known],
            "unit": [one.unit for one in words],
            "firmness": [text(f"firmness.{one}") for one in rows["confidence"]],
            "source_id": [
                joined(own, None if row is None else row["source_id"])
                for own, row in zip(rows["source_id"], known, strict=True)
            ],
        }
    )


def figure_rows(
    shares: pd.DataFrame, values: pd.DataFrame, params: Params, text: Text
) -> pd.DataFrame:
    """Return year, total, vintage and share of the focus unit, for the figure of vintages."""
    key = {"indicator_id": params.economy.total, "unit_id": params.report.focus_unit}
    rows = pick(values, key).sort_values("period", kind="stable")
    share = pick(shares, {"unit_id": params.report.focus_unit}).set_index("period")
    return pd.DataFrame(
        {
            "year": rows["period"].to_numpy(),
            "total": rows["value"].to_numpy(),
            "vintage": [vintage_words(vintage, text) for vintage in rows["vintage"]],
            "share": share["share"].reindex(rows["period"]).to_numpy(),
            "source_id": [
                joined(a, share["source_id"].get(y))
                for a, y in zip(rows["source_id"], rows["period"], strict=True)
            ],
        }
    )


def digits(shown: pd.DataFrame) -> Mapping[str, int]:
    """Return the decimals of the columns of a table."""
    one = (
        "total", "whole", "share", "share_published", "real", "nominal", "price", "naive",
        "comparable", "revision", "base_value",
    )  # fmt: skip
    return dict.fromkeys(one, 1)
