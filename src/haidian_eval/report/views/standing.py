"""What months can carry of a unit, what repeats, what tells units apart, as a reader's tables."""

from __future__ import annotations

import pandas as pd

from haidian_eval.environment import Levels
from haidian_eval.params import Params
from haidian_eval.report.exhibit import decimals, joined
from haidian_eval.report.layout import lay_out
from haidian_eval.report.views import administrative, named, pick, range_words
from haidian_eval.text import Text


def spot_words(
    places: pd.DataFrame, units: pd.DataFrame, indicators: pd.DataFrame, params: Params, text: Text
) -> pd.DataFrame:
    """Return what the focus unit's latest months can carry, indicator by indicator."""
    needed = params.environment.weak_periods
    both = zip(places["weak"], places["periods"], strict=True)
    words = {
        "periods_weak": [text("weakness.times", weak=weak, periods=n) for weak, n in both],
        "saying": [text(f"weakness.{v}", periods=needed) for v in places["verdict"]],
    }
    rows = administrative(places.assign(**words), units, text)
    return lay_out("environment.weak", rows, text, indicators=indicators)


def repeated(
    weak: pd.DataFrame, units: pd.DataFrame, indicators: pd.DataFrame, text: Text
) -> pd.DataFrame:
    """Return the units that were weak in each of the latest periods, in administrative order."""
    groups = units[["unit_id", "peer_group"]]
    found = pick(weak, {"verdict": "repeated"}).merge(groups, on="unit_id", validate="m:1")
    rows = administrative(found, units, text)
    return lay_out("environment.repeated", rows, text, indicators=indicators)


def streets(rows: pd.DataFrame, units: pd.DataFrame, focus: str, text: Text) -> pd.DataFrame:
    """Return what the bureaux published of the streets of one unit, in the order of time."""
    own = rows[rows["unit_id"].isin(units.loc[units["parent_id"] == focus, "unit_id"])]
    ordered = own.sort_values("period", kind="stable")
    return lay_out("environment.streets", ordered, text, units=units)


def discrimination(found: Levels, indicators: pd.DataFrame, text: Text) -> pd.DataFrame:
    """Return, per indicator and month, how well it tells units apart."""
    rows = found.discrimination
    places = found.frame.groupby("indicator_id")["value"].agg(decimals)
    ends = zip(rows["lowest"], rows["highest"], rows["indicator_id"].map(places), strict=True)
    spread = [f"{low:.{d}f} ~ {high:.{d}f}" for low, high, d in ends]
    shown = rows.assign(spread=spread, blurred=100 * rows["blurred"])
    return lay_out("environment.discrimination", shown, text, indicators=indicators)


def demonstration(
    rows: pd.DataFrame, units: pd.DataFrame, indicators: pd.DataFrame, params: Params, text: Text
) -> tuple[pd.DataFrame, dict[str, object]]:
    """Return the composite and the words that name its months."""
    framework = indicators[indicators["scheme_id"] == params.environment.demonstration_scheme]
    cited = rows.assign(framework_source=joined(*framework["source_id"]))
    shown = lay_out("environment.demonstration", administrative(cited, units, text), text)
    chosen = params.environment.demonstration.items()
    pairs = [(named(indicators, name, text).name, text.period(period)) for name, period in chosen]
    months = [text("environment.month_of", indicator=name, period=p) for name, p in pairs]
    shifts = rows[["rank_best", "rank_worst"]].sub(rows["rank"], axis=0).abs()
    moved = int(shifts.max(axis=None)) if len(rows) else 0
    return shown, {"months": text.listing(months), "moved": moved}


def finding(spots: pd.DataFrame, focus: str, text: Text) -> str:
    """Return, one line per indicator, what can be said of the focus unit."""
    lines = [
        text("environment.line", name=focus, rounding=range_words(row["level_range"], text),
             **row.to_dict())
        for _, row in spots.iterrows()
    ]  # fmt: skip
    return "\n".join(f"- {line}" for line in lines)
