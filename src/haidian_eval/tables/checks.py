"""A table of text cells checked against its contract: what passes is converted, the rest is named.

Every rule looks at every cell that could be read, so no faulty cell hides another.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from haidian_eval.tables.columns import Read, UnitsOf, out_of_range, read_column, text_cells
from haidian_eval.tables.contracts import NUMERIC, Contract
from haidian_eval.tables.defects import Defects
from haidian_eval.tables.personal import masked, personal, suspects
from haidian_eval.tables.rows import ORIGIN, Raw, Teller, dictionary_column, units_of
from haidian_eval.tables.units import ratio

ENOUGH = 5  # values in a group before their order of magnitude says anything
SLIP = 3.0  # powers of ten
SPREAD = 5.0  # times the group's own spread
EXACT = 1e-9
Hits = dict[tuple[str, str], np.ndarray]


def clean(
    raw: Raw, contract: Contract, tables: Mapping[str, pd.DataFrame], defects: Defects
) -> pd.DataFrame:
    """Return the rows whose every cell passed, converted, with `_repair`; the others are named.

    tables: other clean frames, by name, to which references and dictionaries point.
    """
    size = len(raw.frame)
    columns = {name: raw.frame[name] for name in contract.columns if name in raw.frame}
    read, units = read_columns(raw, columns, contract, tables)
    values = pd.DataFrame({name: column.cells for name, column in read.items()})
    excluded, repaired = faults_of(read, raw, contract), repairs_of(read, raw, contract)
    noted: Hits = {}
    values = in_declared_units(values, read, units, contract)
    excluded |= row_faults(values, excluded, contract)
    excluded |= unknown_references(values, contract, tables)
    excluded |= out_of_dictionary(values, contract, tables)
    values, own = without_personal(values, columns, contract)
    for (rule, name), at in own.items():
        key = name in contract.key or contract.columns[name].references
        (excluded if key else noted)[rule, name] = at
    excluded |= repeated_keys(values, excluded, contract)
    out = np.zeros(size, dtype=bool)
    for at in excluded.values():
        out[at] = True
    noted |= wrong_magnitude(values, out, contract)
    teller = Teller(raw, contract, tables, defects)
    for severity, hits in (("excluded", excluded), ("repaired", repaired), ("noted", noted)):
        for (rule, name), at in hits.items():
            teller.tell(rule, name, at, severity)
    teller.keep_originals(np.unique(np.concatenate([
        *excluded.values(), *repaired.values(), *noted.values(), np.array([], dtype=int)
    ]).astype(int)))  # fmt: skip
    origin = raw.frame[ORIGIN].reset_index(drop=True)
    values = values.assign(**origin, _repair=repair_notes(raw, repaired, noted, size))
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


def faults_of(read: Mapping[str, Read], raw: Raw, contract: Contract) -> Hits:
    """Return the cells that are no value of their kind, outside their range, or blank in vain."""
    hits: Hits = {}
    for name, column in read.items():
        unread = raw.unread.get(name, np.array([], dtype=int))
        declared = contract.columns[name]
        for rule, at in column.faults.items():
            told = blamed(rule, name, contract, raw)
            hits[told] = np.union1d(hits.get(told, at), np.setdiff1d(at, unread))
        hits["formula", name] = np.union1d(hits.get(("formula", name), unread), unread)
        if declared.required:
            hits["required", name] = np.setdiff1d(np.flatnonzero(column.blank), unread)
        hits["range", name] = np.setdiff1d(out_of_range(column.cells, declared), unread)
    return {key: at for key, at in hits.items() if len(at)}


def blamed(rule: str, name: str, contract: Contract, raw: Raw) -> tuple[str, str]:
    """Return the rule and the column that a fault is told of: the unit beside a number, or it."""
    if rule not in ("row_unit", "converted"):
        return rule, name
    beside = contract.measured.unit if contract.measured and contract.measured.value == name else ""
    return rule.removeprefix("row_"), beside if beside in raw.frame else name


def repairs_of(read: Mapping[str, Read], raw: Raw, contract: Contract) -> Hits:
    """Return the cells that were read after a lossless repair, and those a merged range filled."""
    hits: Hits = {}
    for name, column in read.items():
        filled = raw.filled.get(name, np.array([], dtype=int))
        bad = np.concatenate([*column.faults.values(), filled]).astype(int)
        missing = np.flatnonzero(column.blank)
        done = np.setdiff1d(column.repaired, bad)
        if not contract.columns[name].required:  # else the blank itself is told
            hits["missing", name] = np.intersect1d(done, missing, assume_unique=True)
        hits["repaired", name] = np.setdiff1d(done, missing)
        hits["merged", name] = filled
        told = blamed("converted", name, contract, raw)
        if len(column.converted) and (told[1] != name or name not in raw.units):
            hits[told] = np.setdiff1d(column.converted, bad)  # a header's unit is told once, there
    return {key: at for key, at in hits.items() if len(at)}


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


def row_faults(values: pd.DataFrame, known: Hits, contract: Contract) -> Hits:
    """Return the rows whose parts do not add up, or whose second of two values comes first."""
    hits: Hits = {}
    for rule in contract.sums:
        total, _, parts = (words.strip() for words in rule.partition("="))
        names = [part.strip() for part in parts.split("+")]
        if {total, *names} <= set(values):
            added = values[names].astype("float64").sum(axis=1, skipna=False)
            gap = (added - values[total].astype("float64")).abs()
            hits["sum", total] = np.flatnonzero(gap > EXACT * added.abs().clip(lower=1))
    for rule in contract.ordered:
        first, _, second = (words.strip() for words in rule.partition("<="))
        if {first, second} <= set(values):
            both = values[[first, second]].dropna()
            wrong = both[first].to_numpy() > both[second].to_numpy()
            hits["ordered", second] = both.index.to_numpy()[wrong]
    return {key: at for key, at in hits.items() if len(at)}


def unknown_references(
    values: pd.DataFrame, contract: Contract, tables: Mapping[str, pd.DataFrame]
) -> Hits:
    """Return the cells that name rows which do not exist; several may stand with `;`."""
    hits: Hits = {}
    for name, column in contract.columns.items():
        if column.references is None or name not in values:
            continue
        own = column.references == contract.name
        target = values if own else tables.get(column.references)
        if target is not None:
            key = contract.key[0] if own else key_of(column.references, target)
            hits["reference", name] = positions_unknown(values[name], set(target[key]))
    rule = contract.measured
    if rule is not None and rule.by in values and rule.dictionary in tables:
        known = set(tables[rule.dictionary][rule.key])
        hits["reference", rule.by] = positions_unknown(values[rule.by], known)
    return {key: at for key, at in hits.items() if len(at)}


def key_of(table: str, frame: pd.DataFrame) -> str:
    """Return the column by which rows of a table are named."""
    from haidian_eval.tables.contracts import contracts

    known = contracts().get(table)
    return known.key[0] if known is not None and known.key[0] in frame else str(frame.columns[0])


def positions_unknown(cells: pd.Series, known: set[str]) -> np.ndarray:
    """Return where cells name something that is not known."""
    named = pd.Series(cells.dropna().unique(), dtype="str")
    parts = named.str.split(r"\s*[;；]\s*", regex=True).explode()
    wrong = set(named[parts.index[~parts.isin(known)].unique()])
    return np.flatnonzero(cells.isin(wrong)) if wrong else np.array([], dtype=int)


def out_of_dictionary(
    values: pd.DataFrame, contract: Contract, tables: Mapping[str, pd.DataFrame]
) -> Hits:
    """Return the measured values outside the range that the dictionary sets for their kind."""
    rule = contract.measured
    if rule is None or rule.value not in values:
        return {}
    columns = {name: values[name] for name in (rule.by,) if name in values}
    outside = np.zeros(len(values), dtype=bool)
    number = values[rule.value].astype("float64")
    for end, beyond in ((rule.low, pd.Series.lt), (rule.high, pd.Series.gt)):
        edge = dictionary_column(columns, end, contract, tables) if end else None
        if edge is not None:
            outside |= beyond(number, edge.astype("float64")).to_numpy()
    at = np.flatnonzero(outside)
    return {("range", rule.value): at} if len(at) else {}


def without_personal(
    values: pd.DataFrame, columns: Mapping[str, pd.Series], contract: Contract
) -> tuple[pd.DataFrame, Hits]:
    """Return the values with the numbers of persons masked, and where they stood."""
    hits: Hits = {}
    for name, cells in columns.items():
        if contract.columns[name].kind in NUMERIC or contract.columns[name].allowed:
            continue
        at = suspects(text_cells(cells))
        words = cells.iloc[at]
        found = at[[bool(personal(word)) for word in words]]
        if len(found):
            series = values[name].copy()
            series.iloc[found] = [masked(word) for word in cells.iloc[found]]
            values = values.assign(**{name: series})
            hits["personal", name] = found
    return values, hits


def repeated_keys(values: pd.DataFrame, known: Hits, contract: Contract) -> Hits:
    """Return rows wholly equal to an earlier one, and rows that share a key but not their cells."""
    key = [name for name in contract.key if name in values]
    if len(key) < len(contract.key):
        return {}
    unread = np.zeros(len(values), dtype=bool)
    for (_, name), at in known.items():
        if name in key:
            unread[at] = True
    shared = values[values[key].duplicated(keep=False) & ~unread]
    shared = shared[shared.duplicated(key, keep=False)]
    again = shared.duplicated(keep="first")
    differing = shared[~again]
    differing = differing[differing.duplicated(key, keep=False)]
    clash = shared.index.isin(differing.index) | in_keys(shared, differing, key)
    hits = {
        ("repeated", contract.key[0]): shared.index[again.to_numpy() & ~clash].to_numpy(),
        ("key", contract.key[0]): shared.index[clash].to_numpy(),
    }
    return {name: at for name, at in hits.items() if len(at)}


def in_keys(rows: pd.DataFrame, others: pd.DataFrame, key: list[str]) -> np.ndarray:
    """Return which rows have a key that others have."""
    if others.empty:
        return np.zeros(len(rows), dtype=bool)
    known = pd.MultiIndex.from_frame(others[key])
    return np.asarray(pd.MultiIndex.from_frame(rows[key]).isin(known))


def wrong_magnitude(values: pd.DataFrame, out: np.ndarray, contract: Contract) -> Hits:
    """Return measured values a thousandfold off their group's median, far outside its own spread.

    They look like a slip of the unit (万 for 亿); a look is asked for and the value counts.
    """
    rule = contract.measured
    groups = [name for name in contract.compare if name in values]
    if rule is None or not groups or rule.value not in values:
        return {}
    number = values[rule.value].astype("float64").abs()
    power = np.log10(number.where((number > 0) & ~out))
    by = [values[name] for name in groups]
    centre = power.groupby(by).transform("median")
    distance = (power - centre).abs()
    if not (distance > SLIP).any():
        return {}
    spread = 1.4826 * distance.groupby(by).transform("median")
    enough = power.groupby(by).transform("count") >= ENOUGH
    far = enough & (distance > SLIP) & (distance > SPREAD * spread)
    return {("magnitude", rule.value): np.flatnonzero(far)} if far.any() else {}


def repair_notes(raw: Raw, repaired: Hits, noted: Hits, size: int) -> pd.Series:
    """Return, per row, what stood in the cells that were repaired or masked."""
    notes = np.full(size, "", dtype=object)
    own = {key: at for key, at in noted.items() if key[0] == "personal"}
    for (_, name), at in {**repaired, **own}.items():
        cells = raw.frame[name].iloc[at].map(masked)
        words = f"{name}: " + cells.to_numpy(dtype=object)
        lead = np.where(notes[at] == "", "", "; ")
        notes[at] = notes[at] + lead + words
    return pd.Series(notes, dtype="str")


def suspicious(cells: pd.Series) -> np.ndarray:
    """Return the positions of cells of a column without contract that hold a number of a person."""
    texts = text_cells(cells)
    at = suspects(texts)
    return at[[bool(personal(word)) for word in pc.take(texts, at).to_pylist()]]
