"""A table of text cells checked against its contract: what passes is converted, the rest is named.

Every rule looks at every cell that could be read, so no faulty cell hides another.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from haidian_eval.tables.columns import Read, UnitsOf, out_of_range, read_column, text_cells
from haidian_eval.tables.contracts import NUMERIC, Contract, contracts
from haidian_eval.tables.defects import Defects
from haidian_eval.tables.personal import masked, personal, suspects
from haidian_eval.tables.rows import ORIGIN, Raw, Teller, dictionary_column, units_of
from haidian_eval.tables.units import ratio

ENOUGH = 5  # values in a group before their order of magnitude says anything
SLIP = 3.0  # powers of ten
SPREAD = 5.0  # times the group's own spread
EXACT = 1e-9
NOWHERE = np.array([], dtype=np.int64)


class Hits(dict[tuple[str, str], np.ndarray]):
    """(rule, column) -> the positions of the cells that the rule is told of."""

    def mark(self, rule: str, name: str, at: np.ndarray) -> None:
        """Add positions to those of a rule and a column."""
        if len(at):
            self[rule, name] = np.union1d(self.get((rule, name), at), at)

    @property
    def rows(self) -> np.ndarray:
        """All positions, each once."""
        return np.unique(np.concatenate([NOWHERE, *self.values()]))


def clean(
    raw: Raw, contract: Contract, tables: Mapping[str, pd.DataFrame], defects: Defects
) -> pd.DataFrame:
    """Return the rows whose every cell passed, converted, with `_repair`; the others are named.

    tables: other clean frames, by name, to which references and dictionaries point.
    """
    columns = {name: raw.frame[name] for name in contract.columns if name in raw.frame}
    read, units = read_columns(raw, columns, contract, tables)
    values = pd.DataFrame({name: column.cells for name, column in read.items()})
    excluded, repaired, noted = Hits(), Hits(), Hits()
    mark_cells(read, raw, contract, excluded, repaired)
    values = in_declared_units(values, read, units, contract)
    mark_rows(values, contract, excluded)
    mark_references(values, contract, tables, excluded)
    mark_dictionary_range(values, contract, tables, excluded)
    values = without_personal(values, columns, contract, excluded, noted)
    mark_keys(values, contract, excluded)
    out = np.zeros(len(raw.frame), dtype=bool)
    out[excluded.rows] = True
    mark_magnitude(values, out, contract, noted)
    teller = Teller(raw, contract, tables, defects)
    for severity, hits in (("excluded", excluded), ("repaired", repaired), ("noted", noted)):
        for (rule, name), at in hits.items():
            teller.tell(rule, name, at, severity)
    teller.keep_originals(Hits(excluded | repaired | noted).rows)
    origin = raw.frame[ORIGIN].reset_index(drop=True)
    values = values.assign(**origin, _repair=repair_notes(raw, repaired, noted))
    return values[~out].set_axis(raw.frame.index[~out])


def read_columns(
    raw: Raw, columns: Mapping[str, pd.Series], contract: Contract,
    tables: Mapping[str, pd.DataFrame],
) -> tuple[dict[str, Read], dict[str, UnitsOf]]:  # fmt: skip
    """Return every column read, and its units; the measured one last, by the ids as repaired."""
    rule = contract.measured
    names = sorted(columns, key=lambda name: rule is not None and name == rule.value)
    read: dict[str, Read] = {}
    units: dict[str, UnitsOf] = {}
    known = dict(columns)
    for name in names:
        units[name] = units_of(name, known, contract, tables, raw)
        read[name] = read_column(columns[name], contract.columns[name], units[name])
        if rule is not None and name in (rule.by, rule.unit):
            known[name] = read[name].cells.fillna("")
    return {name: read[name] for name in columns}, units


def mark_cells(
    read: Mapping[str, Read], raw: Raw, contract: Contract, excluded: Hits, repaired: Hits
) -> None:
    """Mark cells that are no value of their kind, out of range or blank in vain, and repaired ones.

    A repair that a fault makes idle is not told; nor is a missing word where a value is required.
    """
    for name, column in read.items():
        unread, filled = raw.unread.get(name, NOWHERE), raw.filled.get(name, NOWHERE)
        declared, missing = contract.columns[name], np.flatnonzero(column.blank)
        for rule, at in column.faults.items():
            excluded.mark(*blamed(rule, name, contract, raw), np.setdiff1d(at, unread))
        excluded.mark("formula", name, unread)
        outside = out_of_range(column.cells, declared)
        excluded.mark("range", name, np.setdiff1d(outside, unread))
        bad = np.concatenate([NOWHERE, *column.faults.values(), filled])
        done = np.setdiff1d(column.repaired, bad)
        if declared.required:
            excluded.mark("required", name, np.setdiff1d(missing, unread))
        else:
            repaired.mark("missing", name, np.intersect1d(done, missing, assume_unique=True))
        repaired.mark("repaired", name, np.setdiff1d(done, missing))
        repaired.mark("merged", name, filled)
        told = blamed("converted", name, contract, raw)
        if told[1] != name or name not in raw.units:  # a unit of the header is told once, there
            repaired.mark(*told, np.setdiff1d(column.converted, bad))


def blamed(rule: str, name: str, contract: Contract, raw: Raw) -> tuple[str, str]:
    """Return the rule and the column that a fault is told of: the unit beside a number, or it."""
    if rule not in ("row_unit", "converted"):
        return rule, name
    beside = contract.measured.unit if contract.measured and contract.measured.value == name else ""
    return rule.removeprefix("row_"), beside if beside in raw.frame else name


def in_declared_units(
    values: pd.DataFrame, read: Mapping[str, Read], units: Mapping[str, UnitsOf], contract: Contract
) -> pd.DataFrame:
    """Return the values with the unit beside each number that it is now given in."""
    rule = contract.measured
    if rule is None or rule.unit not in values or rule.value not in units:
        return values
    declared = units[rule.value].declared
    if declared is None:
        return values
    kept = (declared != "") & ~pd.Series(read[rule.value].blank)
    values = values.assign(**{rule.unit: values[rule.unit].mask(kept, declared)})
    at, given = read[rule.value].converted, units[rule.value].row
    also = [name for name in rule.also if name in values]
    if not len(at) or given is None or not also:
        return values
    pairs = zip(given.iloc[at], declared.iloc[at], strict=True)
    factors = [float(ratio(one, kept_in) or 1) for one, kept_in in pairs]
    scaled = values[also].copy()
    scaled.iloc[at] = scaled.iloc[at].mul(factors, axis=0)
    return values.assign(**{name: scaled[name] for name in also})


def mark_rows(values: pd.DataFrame, contract: Contract, hits: Hits) -> None:
    """Mark rows whose parts do not add up, or whose second of two values comes first."""
    for rule in contract.sums:
        total, _, parts = (words.strip() for words in rule.partition("="))
        names = [part.strip() for part in parts.split("+")]
        if {total, *names} <= set(values):
            added = values[names].astype("float64").sum(axis=1, skipna=False)
            gap = (added - values[total].astype("float64")).abs()
            hits.mark("sum", total, np.flatnonzero(gap > EXACT * added.abs().clip(lower=1)))
    for rule in contract.ordered:
        first, _, second = (words.strip() for words in rule.partition("<="))
        if {first, second} <= set(values):
            both = values[[first, second]].dropna()
            wrong = both[first].to_numpy() > both[second].to_numpy()
            hits.mark("ordered", second, both.index.to_numpy()[wrong])


def mark_references(
    values: pd.DataFrame, contract: Contract, tables: Mapping[str, pd.DataFrame], hits: Hits
) -> None:
    """Mark cells that name rows which do not exist; several may stand with `;`."""
    for name, column in contract.columns.items():
        if column.references is None or name not in values:
            continue
        own = column.references == contract.name
        target = values if own else tables.get(column.references)
        if target is not None:
            key = contract.key[0] if own else key_of(column.references, target)
            hits.mark("reference", name, positions_unknown(values[name], set(target[key])))
    rule = contract.measured
    if rule is not None and rule.by in values and rule.dictionary in tables:
        known = set(tables[rule.dictionary][rule.key])
        hits.mark("reference", rule.by, positions_unknown(values[rule.by], known))


def key_of(table: str, frame: pd.DataFrame) -> str:
    """Return the column by which rows of a table are named."""
    known = contracts().get(table)
    return known.key[0] if known is not None and known.key[0] in frame else str(frame.columns[0])


def positions_unknown(cells: pd.Series, known: set[str]) -> np.ndarray:
    """Return where cells name something that is not known."""
    named = pd.Series(cells.dropna().unique(), dtype="str")
    parts = named.str.split(r"\s*[;；]\s*", regex=True).explode()
    wrong = set(named[parts.index[~parts.isin(known)].unique()])
    return np.flatnonzero(cells.isin(wrong)) if wrong else NOWHERE


def mark_dictionary_range(
    values: pd.DataFrame, contract: Contract, tables: Mapping[str, pd.DataFrame], hits: Hits
) -> None:
    """Mark measured values outside the range that the dictionary sets for their kind."""
    rule = contract.measured
    if rule is None or rule.value not in values:
        return
    columns = {name: values[name] for name in (rule.by,) if name in values}
    number = values[rule.value].astype("float64")
    for end, beyond in ((rule.low, pd.Series.lt), (rule.high, pd.Series.gt)):
        edge = dictionary_column(columns, end, contract, tables) if end else None
        if edge is not None:
            outside = beyond(number, edge.astype("float64"))
            hits.mark("range", rule.value, np.flatnonzero(outside))


def without_personal(
    values: pd.DataFrame, columns: Mapping[str, pd.Series], contract: Contract,
    excluded: Hits, noted: Hits,
) -> pd.DataFrame:  # fmt: skip
    """Return the values with the numbers of persons masked; a row that is named by one is out."""
    for name, cells in columns.items():
        column = contract.columns[name]
        if column.kind in NUMERIC or column.allowed:
            continue
        found = suspicious(cells)
        if len(found):
            series = values[name].copy()
            series.iloc[found] = [masked(word) for word in cells.iloc[found]]
            values = values.assign(**{name: series})
            names_rows = name in contract.key or column.references
            (excluded if names_rows else noted).mark("personal", name, found)
    return values


def mark_keys(values: pd.DataFrame, contract: Contract, hits: Hits) -> None:
    """Mark rows wholly equal to an earlier one, and rows that share a key but not their cells."""
    key, first = list(contract.key), contract.key[0]
    if not set(key) <= set(values):
        return
    unread = np.zeros(len(values), dtype=bool)
    for name in key:
        unread[Hits({k: at for k, at in hits.items() if k[1] == name}).rows] = True
    shared = values[values[key].duplicated(keep=False) & ~unread]
    again = shared.duplicated(keep="first").to_numpy()
    keys = pd.MultiIndex.from_frame(shared[key])
    clash = keys.isin(keys[~again][shared[~again].duplicated(key, keep=False)])
    hits.mark("repeated", first, shared.index[again & ~clash].to_numpy())
    hits.mark("key", first, shared.index[clash].to_numpy())


def mark_magnitude(values: pd.DataFrame, out: np.ndarray, contract: Contract, hits: Hits) -> None:
    """Mark measured values a thousandfold off their group's median, far outside its own spread.

    They look like a slip of the unit (万 for 亿); a look is asked for and the value counts.
    """
    rule = contract.measured
    groups = [name for name in contract.compare if name in values]
    if rule is None or not groups or rule.value not in values:
        return
    number = values[rule.value].astype("float64").abs()
    power = np.log10(number.where((number > 0) & ~out))
    by = [values[name] for name in groups]
    centre = power.groupby(by).transform("median")
    distance = (power - centre).abs()
    if not (distance > SLIP).any():
        return  # nothing to look at, which spares the rest
    spread = 1.4826 * distance.groupby(by).transform("median")
    enough = power.groupby(by).transform("count") >= ENOUGH
    far = enough & (distance > SLIP) & (distance > SPREAD * spread)
    hits.mark("magnitude", rule.value, np.flatnonzero(far))


def repair_notes(raw: Raw, repaired: Hits, noted: Hits) -> pd.Series:
    """Return, per row, what stood in the cells that were repaired or masked."""
    notes = np.full(len(raw.frame), "", dtype=object)
    own = {key: at for key, at in noted.items() if key[0] == "personal"}
    for (_, name), at in {**repaired, **own}.items():
        words = f"{name}: " + raw.frame[name].iloc[at].map(masked).to_numpy(dtype=object)
        notes[at] += np.where(notes[at] == "", "", "; ") + words
    return pd.Series(notes, dtype="str")


def suspicious(cells: pd.Series) -> np.ndarray:
    """Return the positions of cells that hold a number of a person."""
    at = suspects(text_cells(cells)).astype("int64")
    held = np.array([bool(personal(word)) for word in cells.iloc[at]], dtype=bool)
    return np.asarray(at[held])
