"""Results as a reader's tables: names in place of ids, in administrative order, with sources."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from haidian_eval.errors import ParameterError, not_known
from haidian_eval.params import Params
from haidian_eval.report.exhibit import joined
from haidian_eval.text import Text


def names(units: pd.DataFrame, text: Text) -> pd.Series:
    """Return unit_id -> name in the language of the page."""
    return units.set_index("unit_id")[f"name_{text.lang}"]


def focus_name(units: pd.DataFrame, params: Params, text: Text) -> str:
    """Return the name of the unit that the report puts first."""
    name, wanted = names(units, text), params.report.focus_unit
    if wanted not in name:
        raise ParameterError(not_known(f"report.focus_unit = {wanted!r}", wanted, name.index))
    return str(name[wanted])


def administrative(frame: pd.DataFrame, units: pd.DataFrame, text: Text) -> pd.DataFrame:
    """Return rows with unit_name, group and the source of both, by group and code."""
    place, of_unit = pd.Series(range(len(units)), units["unit_id"]), units.set_index("unit_id")
    name, own = names(units, text), frame["unit_id"]
    group = frame["peer_group"] if "peer_group" in frame else own.map(of_unit["peer_group"])
    keys = {"_group": group.map(place), "_unit": own.map(place)}
    words = {
        "unit_name": own.map(name),
        "group": group.map(name).fillna("—"),
        "unit_source": own.map(of_unit["source_id"]),
    }
    ordered = frame.assign(**words, **keys).sort_values(["_group", "_unit"], kind="stable")
    return ordered.drop(columns=list(keys)).reset_index(drop=True)


def pick(frame: pd.DataFrame, keep: Mapping[str, object]) -> pd.DataFrame:
    """Return the rows that have these values."""
    for column, value in keep.items():
        frame = frame[frame[column] == value]
    return frame


def side_by_side(
    rows: pd.DataFrame, units: pd.DataFrame, text: Text, columns: dict[str, str]
) -> pd.DataFrame:
    """Return a row for every unit and, for every period, the columns side by side, with sources.

    rows: unit_id, period, source_id and the columns; columns: each with its heading before the
    period ("short": the period alone).
    """
    own = administrative(rows.drop_duplicates("unit_id"), units, text).set_index("unit_id")
    table = own[["unit_name", "group"]]
    for period, part in rows.groupby("period"):
        named_so = {column: f"{heading}@{period}" for column, heading in columns.items()}
        table = table.join(part.set_index("unit_id")[list(columns)].rename(columns=named_so))
    cited = rows.groupby("unit_id")["source_id"].agg(lambda ids: joined(*ids))
    both = own.assign(own_source=cited)[["own_source", "unit_source"]]
    return table.assign(source_id=[joined(*pair) for pair in both.itertuples(index=False)])
