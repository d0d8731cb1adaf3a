"""The rows of a table as text, with where they stand, in what units, and who answers for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from haidian_eval.tables.columns import UnitsOf
from haidian_eval.tables.contracts import Contract
from haidian_eval.tables.defects import Defects
from haidian_eval.tables.personal import masked

ORIGIN = ["_file", "_sheet", "_row"]


@dataclass(frozen=True, slots=True)
class Raw:
    """Cells as text under the names of the contract's columns, with `_file`, `_sheet`, `_row`.

    units: column -> the unit that its header or a line above states. filled, unread: column ->
    positions of cells that a merged range filled, and of formulas without a stored value.
    heads: column -> its header in the file.
    """

    frame: pd.DataFrame
    units: Mapping[str, str] = field(default_factory=dict)
    filled: Mapping[str, np.ndarray] = field(default_factory=dict)
    unread: Mapping[str, np.ndarray] = field(default_factory=dict)
    heads: Mapping[str, str] = field(default_factory=dict)


def units_of(
    name: str, columns: Mapping[str, pd.Series], contract: Contract,
    tables: Mapping[str, pd.DataFrame], raw: Raw,
) -> UnitsOf:  # fmt: skip
    """Return in what units the cells of a column are given and kept."""
    index = pd.RangeIndex(len(raw.frame))
    rule = contract.measured
    if rule is not None and name == rule.value:
        row = columns[rule.unit].str.strip() if rule.unit in columns else None
        head = raw.units.get(name, "")
        row = pd.Series(head, index) if row is None else row.where(row != "", head)
        declared = dictionary_column(columns, rule.declared, contract, tables)
        declared = row if declared is None else declared.where(declared != "", row.to_numpy())
        return UnitsOf(row.reset_index(drop=True), declared.reset_index(drop=True))
    unit, head = contract.columns[name].unit, raw.units.get(name, "")
    return UnitsOf(
        pd.Series(head, index, dtype="str") if head else None,
        pd.Series(unit, index, dtype="str") if unit else None,
    )


def dictionary_column(
    columns: Mapping[str, pd.Series], wanted: str, contract: Contract,
    tables: Mapping[str, pd.DataFrame],
) -> pd.Series | None:  # fmt: skip
    """Return what the dictionary says of every row in one of its columns, or None."""
    rule = contract.measured
    if rule is None or rule.by not in columns or wanted not in tables.get(rule.dictionary, ()):
        return None
    dictionary = tables[rule.dictionary].drop_duplicates(rule.key, keep="last")
    said = dictionary.set_index(rule.key)[wanted]
    found = columns[rule.by].reset_index(drop=True).map(said)
    return found if pd.api.types.is_numeric_dtype(said) else found.astype("str").fillna("")


@dataclass(frozen=True, slots=True)
class Teller:
    """Turns positions into defects: where they stand in the file, and who answers for the row."""

    raw: Raw
    contract: Contract
    tables: Mapping[str, pd.DataFrame]
    defects: Defects

    def tell(self, rule: str, name: str, at: np.ndarray, severity: str) -> None:
        """Record one defect per position."""
        rows = self.raw.frame.iloc[at]
        column = self.contract.columns[name]
        expected = " ".join(filter(None, self.expected(rule, name)))
        place = {
            "file": rows["_file"], "sheet": rows["_sheet"], "row": rows["_row"],
            "column": name, "found": [masked(cell) for cell in rows[name]],
            "expected": expected or ", ".join(column.allowed if rule == "allowed" else ()),
            "department": self.departments(at), "table": self.contract.name,
            "source_id": rows.get("source_id", ""),
            "head": self.raw.heads.get(name, ""),
        }  # fmt: skip
        if rule in ("key", "repeated"):
            key = list(self.contract.key)
            keys = [" ".join(map(masked, cells)) for cells in rows[key].to_numpy()]
            heads = " ".join(self.raw.heads.get(n, n) for n in key)
            place |= {"column": " ".join(key), "found": keys, "head": heads}
        if rule == "unit":
            cells = {n: self.raw.frame[n] for n in self.contract.columns if n in self.raw.frame}
            kept = units_of(name, cells, self.contract, self.tables, self.raw).declared
            place["expected"] = "" if kept is None else kept.iloc[at].to_list()
        self.defects.add_rows(pd.DataFrame(place), rule=rule, severity=severity)

    def expected(self, rule: str, name: str) -> Iterator[str]:
        """Yield what would have been right, where the contract says it."""
        column = self.contract.columns[name]
        if rule == "range":
            ends = ("" if end is None else f"{end}" for end in (column.low, column.high))
            yield "..".join(ends) if (column.low, column.high) != (None, None) else ""
        if rule == "reference":
            measured = self.contract.measured
            by = measured is not None and name == measured.by
            yield measured.dictionary if measured and by else column.references or ""
        if rule in ("sum", "ordered"):
            lists = self.contract.sums if rule == "sum" else self.contract.ordered
            yield from (words for words in lists if name in words.split())

    def departments(self, at: np.ndarray) -> list[str]:
        """Return who answers for each row: as the row says, as the dictionary says, or nobody."""
        frame, name = self.raw.frame, self.contract.department
        if name and name in frame:
            return list(frame[name].iloc[at].str.strip())
        columns = {n: frame[n].iloc[at] for n in self.contract.columns if n in frame}
        said = dictionary_column(columns, "department", self.contract, self.tables)
        return [""] * len(at) if said is None else said.to_list()

    def keep_originals(self, at: np.ndarray) -> None:
        """Keep the rows that are asked about as they stand in the file, personal numbers masked."""
        frame = self.raw.frame
        names = [n for n in self.contract.columns if n in frame]
        for place, rows in frame.iloc[at].groupby(["_file", "_sheet"], sort=False):
            shown = rows[names].map(masked).set_axis(rows["_row"]).rename(columns=self.raw.heads)
            self.defects.originals[place] = shown
