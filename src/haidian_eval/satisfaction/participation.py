"""Who takes part and what comes of it: coverage against the population, proposals and replies."""

from __future__ import annotations

import datetime as dt
import warnings
from typing import Any

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError, not_known
from haidian_eval.satisfaction.design import Names, named
from haidian_eval.satisfaction.intervals import Spread, check_level, limits, wilson

DECIDED = ("adopted", "partly", "refused")
HALF = 0.5 + 1e-9  # half, however its last binary digit came out
DATES = ("submitted_on", "due_on", "replied_on")


def population_of(
    control_totals: pd.DataFrame, wave: str, population: str, variable: str
) -> pd.Series:
    """Return the population count of each level; raise ParameterError where there is none."""
    own = control_totals[control_totals["population"] == population]
    own = own[own["wave"].astype("str") == str(wave)]
    found = own[own["variable"] == variable].set_index("level")["total"].astype("float64")
    if found.empty:
        raise ParameterError(
            f"control_totals has no {variable!r} of {population!r} for {wave}; it has "
            f"{sorted(own['variable'].unique())}"
        )
    return found.rename_axis(variable).rename("population")


def coverage(
    participation: pd.DataFrame, totals: pd.Series, *, population: str, level: float = 0.95
) -> pd.DataFrame:
    """Return how participants spread over the levels of a variable, against the population.

    totals: population count by level, the name of its index a column of participation. Rows: the
    levels of totals, then others that participants have. Columns: the variable; persons (as often
    as they came), population, per_thousand, share (of persons whose level is known), share_low,
    share_high, population_share, ratio (1: like the population), ratio_low, ratio_high, events.
    Intervals are Wilson's at the effective size: who comes to one event is alike, so the spread
    between events counts; missing for a single event. Persons of unknown level are in `attrs`.
    """
    check_level(level)
    variable = str(totals.index.name)
    for name in (variable, "population", "persons", "event_id"):
        if name not in participation:
            raise ParameterError(not_known(f"column {name!r}", name, participation.columns))
    own = participation[participation["population"] == population]
    own = own.assign(persons=own["persons"].astype("float64").fillna(0.0))
    cells = own.groupby(["event_id", variable])["persons"].sum().unstack(fill_value=0.0)
    others = [one for one in cells.columns if one not in totals.index]
    cells = cells.loc[cells.sum(axis=1) > 0].reindex(columns=[*totals.index, *others], fill_value=0)
    persons, known = cells.sum(), float(cells.to_numpy().sum())
    share = persons / known if known else persons * np.nan
    low, high = limits("wilson", spread(cells, share, level))
    people = totals.reindex(share.index)
    against = people / people.sum()
    found = pd.DataFrame({
        "persons": persons.astype("int64"), "population": people,
        "per_thousand": 1000 * persons / people, "share": share, "share_low": low,
        "share_high": high, "population_share": against, "ratio": share / against,
        "ratio_low": low / against, "ratio_high": high / against, "events": (cells > 0).sum(),
    })  # fmt: skip
    found = found.rename_axis(variable).reset_index()
    found.attrs["unknown"] = int(own["persons"].sum() - known)
    return found


def spread(cells: pd.DataFrame, share: pd.Series, level: float) -> Spread:
    """Return shares with standard errors from the spread between events (ratio estimator).

    cells: event x level, persons. A level that nobody or everybody has counts an event as one.
    """
    events, known = len(cells), float(cells.to_numpy().sum())
    apart = cells.to_numpy() - np.outer(cells.sum(axis=1), share)
    factor = events / (events - 1) if events > 1 else np.nan
    se = np.sqrt(factor * (apart**2).sum(axis=0)) / known if known else np.full(len(share), np.nan)
    size = np.where(se > 0, known, events)  # where nobody or everybody is of a level
    df = np.full(len(share), events - 1 if events > 1 else np.nan)
    return Spread(share.to_numpy(), se, size, df, level)


def attendance(events: pd.DataFrame, by: Names = "kind", *, level: float = 0.95) -> pd.DataFrame:
    """Return how many events were held and how many of those invited came.

    Columns: by; events, invited, attended (events that tell both), value, low, high (attended of
    invited; Wilson at the effective size), untold (events that do not tell both).
    """
    names, rows = named(by), []
    told = events[["invited", "attended"]].notna().all(axis=1)
    own = events.assign(told=told, **{name: events[name].astype("float64").where(told, 0.0)
                                      for name in ("invited", "attended")})  # fmt: skip
    for unit, part in groups(own, names):
        came = part[part["told"]]
        cells = pd.DataFrame({"attended": came["attended"]}).assign(
            stayed=came["invited"] - came["attended"]
        )
        invited, attended = came["invited"].sum(), came["attended"].sum()
        share = cells.sum() / invited if invited else cells.sum() * np.nan
        over = (cells["stayed"] < 0).any()  # more came than were invited: no share of the invited
        low, high = limits("wilson", spread(cells, share, level)) if not over else ([np.nan],) * 2
        rows.append(unit | {
            "events": len(part), "invited": int(invited), "attended": int(attended),
            "value": share["attended"], "low": low[0], "high": high[0],
            "untold": int((~part["told"]).sum()),
        })  # fmt: skip
    return pd.DataFrame(rows)


def groups(rows: pd.DataFrame, names: tuple[str, ...]) -> list[tuple[dict[str, Any], pd.DataFrame]]:
    """Return the rows of each unit; without names those of all."""
    for name in names:
        if name not in rows:
            raise ParameterError(not_known(f"by={name!r}", name, rows.columns))
    if not names:
        return [({}, rows)]
    grouped = rows.groupby(list(names), dropna=False)
    return [(dict(zip(names, unit, strict=True)), part) for unit, part in grouped]


def proposals_of(participation: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """Return the proposals handed in up to a day, as they stood on that day.

    Dates as timestamps; replies and outcomes after the day are not known yet.
    """
    own = participation[participation["proposal"].notna()]
    own = own.assign(**{name: pd.to_datetime(own[name]) for name in DATES})
    day = pd.Timestamp(as_of)
    own = own[~(own["submitted_on"] > day)]
    late = own["replied_on"] > day
    return own.assign(
        replied_on=own["replied_on"].mask(late), outcome=own["outcome"].mask(late, "open")
    )


def replies(
    participation: pd.DataFrame, as_of: dt.date, by: Names = (), *, level: float = 0.95
) -> pd.DataFrame:
    """Return what came of proposals up to a day, a row per unit and rate.

    rate: reply (replied, of those due by the day), in_time (by the due date, of the same), adopted
    and partly (of those with an outcome). Columns: by; rate, value, low, high (Wilson), numerator,
    denominator, proposals, undated (without due date, not in the first two rates).
    """
    check_level(level)
    rows = []
    for unit, own in groups(proposals_of(participation, as_of), named(by)):
        due = own[own["due_on"] <= pd.Timestamp(as_of)]
        decided = own[own["outcome"].isin(DECIDED)]
        asked = {
            "reply": (due["replied_on"].notna().sum(), len(due)),
            "in_time": ((due["replied_on"] <= due["due_on"]).sum(), len(due)),
            "adopted": ((decided["outcome"] == "adopted").sum(), len(decided)),
            "partly": ((decided["outcome"] == "partly").sum(), len(decided)),
        }
        for rate, (numerator, denominator) in asked.items():
            value = numerator / denominator if denominator else np.nan
            low, high = wilson(np.array(value), np.array(denominator), level)
            rows.append(unit | {
                "rate": rate, "value": value, "low": float(low), "high": float(high),
                "numerator": int(numerator), "denominator": denominator, "proposals": len(own),
                "undated": int(own["due_on"].isna().sum()),
            })  # fmt: skip
    return pd.DataFrame(rows)


def days_to_reply(
    participation: pd.DataFrame, as_of: dt.date, by: Names = (), *, level: float = 0.95
) -> pd.DataFrame:
    """Return the median days from a proposal to its reply, those still waiting counted as such.

    Kaplan and Meier (1958): the day by which half were answered, missing where fewer were; limits
    where the log-log interval of the share still waiting meets one half. Columns: by; median, low,
    high (days), replied, waiting (censored at the day), undated (without the day of submission,
    left out).
    """
    check_level(level)
    rows = []
    for unit, own in groups(proposals_of(participation, as_of), named(by)):
        dated = own[own["submitted_on"].notna()]
        end = dated["replied_on"].fillna(pd.Timestamp(as_of))
        days = (end - dated["submitted_on"]).dt.days.to_numpy(dtype=float)
        waiting = dated["replied_on"].isna().to_numpy()
        middle = half_answered(days, waiting, level)
        rows.append(unit | dict(zip(("median", "low", "high"), middle, strict=True)) | {
            "replied": int((~waiting).sum()), "waiting": int(waiting.sum()),
            "undated": len(own) - len(dated),
        })  # fmt: skip
    return pd.DataFrame(rows)


def half_answered(
    days: np.ndarray, waiting: np.ndarray, level: float
) -> tuple[float, float, float]:
    """Return the median and its limits from right-censored days."""
    from scipy import stats  # a second that the rest need not wait

    if waiting.all():
        return (float("nan"),) * 3
    curve = stats.ecdf(stats.CensoredData(uncensored=days[~waiting], right=days[waiting])).sf
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        warnings.filterwarnings("ignore", "The confidence interval is undefined at some")
        ends = curve.confidence_interval(level, method="log-log")
    at = [np.nan_to_num(one.probabilities, nan=2.0) <= HALF for one in (curve, ends.low, ends.high)]
    found = (float(curve.quantiles[one.argmax()]) if one.any() else np.nan for one in at)
    middle, low, high = found
    return middle, low, high
