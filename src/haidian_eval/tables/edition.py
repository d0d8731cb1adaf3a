"""An edition: its tables read, checked against their contracts and against each other."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from haidian_eval.errors import ParameterError, not_known
from haidian_eval.params import Params, load_params
from haidian_eval.tables.contracts import Contract, contracts
from haidian_eval.tables.corrections import apply_corrections
from haidian_eval.tables.defects import Defects, stop_if_unusable
from haidian_eval.tables.reader import clean, drop_repeated_keys, read_text

COVERAGE = [
    "indicator_id", "period", "units_with_value", "units_assessed", "absent", "vintage",
    "source_id",
]  # fmt: skip
FORECAST = "seen_forecast"
LEFT_OUT_KEY = ["indicator_id", "period", "vintage", "source_id", "as_of", "confidence"]


@dataclass(frozen=True, slots=True)
class Edition:
    """The tables of one edition.

    `tables` holds one frame per table: the rows that count, each with `source_id`, `_file`, `_row`.
    `defects.frame` has one row per faulty cell, row or file. `left_out` has one row per indicator,
    period, source and reason: how many values are whole but do not count in this edition.
    `withheld` has these values themselves, with their `reason`.
    """

    tables: Mapping[str, pd.DataFrame]
    defects: Defects
    left_out: pd.DataFrame
    withheld: pd.DataFrame


def read_edition(
    folder: Path | str, *, strict: bool = False, params: Params | None = None
) -> Edition:
    """Return the edition in `folder`; `strict` raises TableError when a table cannot be used."""
    folder = Path(folder)
    params = params or load_params(folder)
    defects = Defects()
    tables: dict[str, pd.DataFrame] = {}
    for name, contract in contracts().items():
        frame = read_table_file(folder / f"{name}.csv", contract, defects)
        if frame is not None:
            frame = with_sources(frame, contract, tables.get("sources"), defects)
            tables[name] = with_valid_references(frame, contract, tables, defects)
    tables = apply_corrections(tables, defects)
    if strict:
        stop_if_unusable(defects)
        refuse_unknown_names(params, tables)
    if {"values", "indicators"} <= tables.keys():
        tables["values"] = in_declared_units(tables["values"], tables["indicators"], defects)
        return leave_out(tables, defects, params)
    none = pd.DataFrame(columns=[*LEFT_OUT_KEY, "reason"])
    return Edition(tables, defects, none.assign(rows=0), none)


def refuse_unknown_names(params: Params, tables: Mapping[str, pd.DataFrame]) -> None:
    """Refuse parameters that name indicators, units or kinds of unit which the edition has not."""
    nodes, units = tables["indicators"]["node_id"], tables["units"]
    watched, economy, own = params.environment, params.economy, params.claims
    for parameter, names, known in (
        ("tables.additive", params.tables.additive, nodes),
        ("tables.assessed", params.tables.assessed, units["unit_type"]),
        ("environment.indicators", watched.indicators, nodes),
        ("environment.shown_only", watched.shown_only, nodes),
        ("environment.demonstration", watched.demonstration, nodes),
        ("economy.total", [economy.total], nodes),
        ("economy.growth", [economy.growth], nodes),
        ("economy.share", [economy.share], nodes),
        ("economy.groups", economy.groups, nodes),
        ("economy.targets", [economy.targets], nodes),
        ("economy.whole", [economy.whole], units["unit_id"]),
        ("claims.monthly", own.monthly, nodes),
        ("claims.background_stations", own.background_stations, units["unit_id"]),
        ("report.focus_unit", [params.report.focus_unit], units["unit_id"]),
    ):
        for name in names:
            if name not in set(known):
                what = f"{parameter} = {name!r}"
                raise ParameterError(not_known(what, name, sorted(set(known))))


def read_table_file(path: Path, contract: Contract, defects: Defects) -> pd.DataFrame | None:
    """Return the clean rows of one file, or None when it cannot be used."""
    try:
        raw = read_text(path, contract, defects)
    except csv.Error as error:
        defects.add("csv", path.name, severity="stops", found=str(error))
        return None
    if raw is None:
        return None
    return drop_repeated_keys(clean(raw, contract, defects), contract, defects)


def sources_of_table(name: str, sources: pd.DataFrame) -> str:
    """Return the ids of the sources that stand for a whole table or one of its columns."""
    named = sources["table"].str.split(";").explode().str.strip()
    covers = named[(named == name) | named.str.startswith(f"{name}.")]
    whole = (covers == name).any()
    return ";".join(sources.loc[covers.index.unique(), "source_id"]) if whole else ""


def with_sources(
    frame: pd.DataFrame, contract: Contract, sources: pd.DataFrame | None, defects: Defects
) -> pd.DataFrame:
    """Return the rows that have a source: each its own, or all that of the whole table."""
    if contract.name == "sources":
        return frame
    own = frame["source_id"] if "source_id" in frame else pd.Series(pd.NA, frame.index, dtype="str")
    whole = "" if sources is None else sources_of_table(contract.name, sources)
    source_id = own.fillna(whole) if whole and own.isna().all() else own
    for index in frame.index[source_id.isna()]:
        defects.add(
            "source", frame.at[index, "_file"], severity="excluded", row=frame.at[index, "_row"],
            column="source_id",
        )  # fmt: skip
    return frame.assign(source_id=source_id)[source_id.notna()]


def with_valid_references(
    frame: pd.DataFrame, contract: Contract, tables: Mapping[str, pd.DataFrame], defects: Defects
) -> pd.DataFrame:
    """Return the rows whose references name rows that exist; several sources stand with `;`."""
    valid = pd.Series(True, index=frame.index)
    for name, column in contract.columns.items():
        target = (
            frame if column.references == contract.name else tables.get(column.references or "")
        )
        if name not in frame or column.references is None or target is None:
            continue
        known = set(target[contracts()[column.references].key[0]])
        parts = frame[name].dropna().str.split(";").explode().str.strip()
        for index, part in parts[~parts.isin(known)].items():
            defects.add(
                "reference", frame.at[index, "_file"], severity="excluded",
                row=frame.at[index, "_row"], column=name, found=part, expected=column.references,
            )  # fmt: skip
            valid[index] = False
    return frame[valid]


def in_declared_units(
    values: pd.DataFrame, indicators: pd.DataFrame, defects: Defects
) -> pd.DataFrame:
    """Return the values of known indicators that are given in the unit which these declare."""
    declared = indicators.drop_duplicates("node_id").set_index("node_id")["unit"]
    expected = values["indicator_id"].map(declared)
    unknown = ~values["indicator_id"].isin(declared.index)
    wrong_unit = ~unknown & expected.notna() & (values["unit"] != expected)
    for rule, mask, column in (
        ("reference", unknown, "indicator_id"),
        ("unit", wrong_unit, "unit"),
    ):
        for index in values.index[mask]:
            defects.add(
                rule, values.at[index, "_file"], severity="excluded", column=column,
                row=values.at[index, "_row"], found=values.at[index, column],
                expected="indicators" if rule == "reference" else expected[index],
            )  # fmt: skip
    return values[~unknown & ~wrong_unit]


def reason_to_leave_out(
    values: pd.DataFrame, as_of: dt.date, accepted: tuple[str, ...]
) -> pd.Series:
    """Return, for every value, why it does not count in the edition, or a blank."""
    reason = pd.Series("", index=values.index)
    reason[~values["confidence"].isin(accepted)] = "confidence"
    reason[(reason != "") & (values["confidence"] == FORECAST)] = "forecast"
    reason[values["as_of"].map(lambda published: published > as_of)] = "as_of"
    return reason


def leave_out(tables: dict[str, pd.DataFrame], defects: Defects, params: Params) -> Edition:
    """Return the edition without the values that came too late or are not firm enough, by name."""
    values = tables["values"]
    as_of, accepted = params.edition.as_of, params.tables.accepted_confidence
    reason = reason_to_leave_out(values, as_of, accepted)
    gone = values.assign(reason=reason)[reason != ""]
    left_out = (
        gone.groupby([*LEFT_OUT_KEY, "reason"], as_index=False, dropna=False)
        .size()
        .rename(columns={"size": "rows"})
    )
    return Edition({**tables, "values": values[reason == ""]}, defects, left_out, gone)


def assessed_units(units: pd.DataFrame, params: Params) -> pd.DataFrame:
    """Return the units that the edition assesses, in the order of the table."""
    return units[units["unit_type"].isin(params.tables.assessed)]


def coverage(edition: Edition, params: Params) -> pd.DataFrame:
    """Return, per indicator and period, how many assessed units have a value and who has none."""
    assessed = assessed_units(edition.tables["units"], params)["unit_id"]
    counted = edition.tables["values"]
    counted = counted[counted["unit_id"].isin(assessed)]
    rows = []
    order = {name: place for place, name in enumerate(edition.tables["indicators"]["node_id"])}
    counted = counted.assign(_place=counted["indicator_id"].map(order))
    for (_, indicator, period), group in counted.groupby(["_place", "indicator_id", "period"]):
        absent = assessed[~assessed.isin(group["unit_id"])]
        rows.append(
            {
                "indicator_id": indicator,
                "period": period,
                "units_with_value": len(assessed) - len(absent),
                "units_assessed": len(assessed),
                "absent": ";".join(absent),
                "vintage": ";".join(sorted(set(group["vintage"]))),
                "source_id": ";".join(sorted(set(group["source_id"]))),
            }
        )
    return pd.DataFrame(rows, columns=COVERAGE)
