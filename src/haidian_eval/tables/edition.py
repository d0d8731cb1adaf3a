"""An edition: its tables read, checked against their contracts and against each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

import pandas as pd

from haidian_eval.errors import ParameterError, TableError, not_known
from haidian_eval.params import Params, load_params
from haidian_eval.tables.contracts import Contract, contracts
from haidian_eval.tables.corrections import apply_corrections
from haidian_eval.tables.defects import Defects, sentence
from haidian_eval.tables.reader import ENDINGS, empty_table, read_file, stacked
from haidian_eval.text import Text

COVERAGE = [
    "indicator_id", "period", "units_with_value", "units_assessed", "absent", "vintage",
    "source_id",
]  # fmt: skip
FORECAST = "seen_forecast"
# Which parameters name nodes of the indicators, units, and kinds of unit.
NAMING = {
    "nodes": "tables.additive tables.cumulative environment.indicators environment.shown_only"
    " environment.demonstration economy.total economy.growth economy.share economy.groups"
    " economy.targets claims.monthly",
    "units": "economy.whole claims.background_stations report.focus_unit",
    "kinds": "tables.assessed",
}
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
        frame = read_table_files(folder, contract, tables, defects)
        if frame is not None:
            sources = tables.get("sources")
            tables[name] = with_sources(frame, contract, sources, defects) if len(frame) else frame
    tables = apply_corrections(tables, defects)
    defects.name_departments(tables.get("units"))
    if strict:
        if lines := [sentence(record, Text("en")) for record in defects.stops()]:
            raise TableError("the edition cannot be used:\n  " + "\n  ".join(lines))
        refuse_unknown_names(params, tables)
    if {"values", "indicators"} <= tables.keys():
        return leave_out(tables, defects, params)
    none = pd.DataFrame(columns=[*LEFT_OUT_KEY, "reason"])
    return Edition(tables, defects, none.assign(rows=0), none)


def refuse_unknown_names(params: Params, tables: Mapping[str, pd.DataFrame]) -> None:
    """Refuse parameters that name indicators, units or kinds of unit which the edition has not."""
    nodes, units = tables["indicators"]["node_id"], tables["units"]
    known = {"nodes": nodes, "units": units["unit_id"], "kinds": units["unit_type"]}
    for kind, parameters in NAMING.items():
        for parameter in parameters.split():
            chosen = attrgetter(parameter)(params)
            names = [chosen] if isinstance(chosen, str) else list(chosen)
            more = list(chosen.values()) if parameter == "tables.cumulative" else []
            for name in names + more:
                if name not in set(known[kind]):
                    stated, there = f"{parameter} = {name!r}", sorted(set(known[kind]))
                    raise ParameterError(not_known(stated, name, there))


def files_of(folder: Path, name: str) -> list[Path]:
    """Return the files that hold a table: one of its name, or all in a folder of its name."""
    alone = [folder / f"{name}.{ending}" for ending in ENDINGS]
    parts = sorted(p for p in (folder / name).glob("*") if not p.name.startswith((".", "~$")))
    return [path for path in alone if path.exists()] + parts


def read_table_files(
    folder: Path, contract: Contract, tables: Mapping[str, pd.DataFrame], defects: Defects
) -> pd.DataFrame | None:
    """Return the clean rows of a table from its file or files, or None when it cannot be used."""
    paths = files_of(folder, contract.name)
    if not paths:
        others = sorted(p.name for p in folder.glob(f"{contract.name}.*"))
        if contract.absent and not others:
            return empty_table(contract)
        expected = folder / f"{contract.name}.csv"
        defects.add("file", expected.name, severity="stops", found=", ".join(others),
                    expected=str(expected), table=contract.name)  # fmt: skip
        return None
    found = []
    for path in paths:
        reading = read_file(path, contract, tables=tables, name=path.relative_to(folder).as_posix())
        found.append(reading)
        defects.parts += answered(reading.defects, path, folder).parts
        defects.originals |= reading.defects.originals
    if any(reading.defects.stops() for reading in found):
        return None
    return keys_over_files(stacked([r.frame for r in found], contract), contract, defects)


def answered(defects: Defects, path: Path, folder: Path) -> Defects:
    """Return defects with the department that sent the file, where the rows do not name one."""
    if path.parent == folder:
        return defects
    for number, part in enumerate(defects.parts):
        named = part["department"] if "department" in part else pd.Series("", index=part.index)
        defects.parts[number] = part.assign(department=named.replace("", path.stem))
    return defects


def keys_over_files(frame: pd.DataFrame, contract: Contract, defects: Defects) -> pd.DataFrame:
    """Return the rows whose key stands in one file only; keys shared by files count for none."""
    shared = frame.duplicated(list(contract.key), keep=False)
    rows = frame[shared]
    keys = [" ".join(map(str, cells)) for cells in rows[list(contract.key)].to_numpy()]
    place = rows[["_file", "_sheet", "_row"]].set_axis(["file", "sheet", "row"], axis=1)
    defects.add_rows(
        place.assign(column=" ".join(contract.key), found=keys, table=contract.name), rule="key",
        severity="excluded",
    )  # fmt: skip
    return frame[~shared]


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
    rows = frame.loc[source_id.isna(), ["_file", "_sheet", "_row"]]
    rows = rows.set_axis(["file", "sheet", "row"], axis=1)
    defects.add_rows(
        rows.assign(column="source_id", table=contract.name), rule="source", severity="excluded"
    )
    return frame.assign(source_id=source_id)[source_id.notna()]


def touched(edition: Edition) -> pd.DataFrame:
    """Return, per source and severity, how many rows were excluded or read after a repair.

    Columns: source_id, severity, size. A row without a source of its own counts for that of its
    whole table, where there is one.
    """
    frame, sources = edition.defects.frame, edition.tables.get("sources")
    rows = frame[frame["severity"].isin(["excluded", "repaired"]) & frame["row"].notna()]
    rows = rows.drop_duplicates(["file", "sheet", "row", "severity"])
    whole = {t: "" if sources is None else sources_of_table(t, sources) for t in set(rows["table"])}
    whole = {table: ids for table, ids in whole.items() if ";" not in ids}  # else nobody can tell
    cited = rows["source_id"].where(rows["source_id"] != "", rows["table"].map(whole))
    single = rows.assign(source_id=cited.str.split(";")).explode("source_id")
    single = single[single["source_id"].fillna("") != ""]
    return single.groupby(["source_id", "severity"], as_index=False).size()


def leave_out(tables: dict[str, pd.DataFrame], defects: Defects, params: Params) -> Edition:
    """Return the edition without the values that came too late or are not firm enough, by name."""
    values = tables["values"]
    reason = pd.Series("", index=values.index)
    reason[~values["confidence"].isin(params.tables.accepted_confidence)] = "confidence"
    reason[(reason != "") & (values["confidence"] == FORECAST)] = "forecast"
    reason[values["as_of"].map(lambda published: published > params.edition.as_of)] = "as_of"
    gone = values.assign(reason=reason)[reason != ""]
    groups = gone.groupby([*LEFT_OUT_KEY, "reason"], as_index=False, dropna=False)
    left_out = groups.size().rename(columns={"size": "rows"})
    return Edition({**tables, "values": values[reason == ""]}, defects, left_out, gone)


def assessed_units(units: pd.DataFrame, params: Params) -> pd.DataFrame:
    """Return the units that the edition assesses, in the order of the table."""
    return units[units["unit_type"].isin(params.tables.assessed)]


def coverage(edition: Edition, params: Params) -> pd.DataFrame:
    """Return, per indicator and period, how many assessed units have a value and who has none."""
    assessed = assessed_units(edition.tables["units"], params)["unit_id"]
    values = edition.tables["values"]
    counted = values[values["unit_id"].isin(assessed)]
    order = {name: place for place, name in enumerate(edition.tables["indicators"]["node_id"])}
    counted = counted.assign(_place=counted["indicator_id"].map(order))
    groups = counted.groupby(["_place", "indicator_id", "period"])
    rows = groups.agg(
        absent=("unit_id", lambda units: ";".join(assessed[~assessed.isin(units)])),
        units_with_value=("unit_id", "nunique"),
        vintage=("vintage", lambda cells: ";".join(sorted(set(cells)))),
        source_id=("source_id", lambda cells: ";".join(sorted(set(cells)))),
    )
    return rows.assign(units_assessed=len(assessed)).reset_index()[COVERAGE]
