"""What a claim asks of its check: the cell `asked`, read, typed, and checked for unknown ids."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Iterator, Mapping

import pandas as pd
from pydantic import ValidationError

from haidian_eval.errors import TableError, not_known
from haidian_eval.params import Section


class ShareAbove(Section):
    """Is the unit's share of the whole above the limit (per cent) in every vintage seen."""

    indicator: str
    unit: str
    whole: str
    period: str
    limit: float
    vintages: tuple[str, ...]


class FirstEveryYear(Section):
    """Was the unit first among its rivals in every year, the lowest value being the best."""

    indicators: tuple[str, ...]
    unit: str
    rivals: tuple[str, ...]
    first: int
    last: int


class RuleNumber(Section):
    """Does a rule state the number."""

    rules: tuple[str, ...]
    number: float


class RuleExists(Section):
    """Does a rule contain the words."""

    rules: tuple[str, ...]
    words: tuple[str, ...]


class LaunchedBy(Section):
    """Was what the rule describes in place by the day."""

    rule: str
    by: dt.date


MODELS: Mapping[str, type[Section]] = {
    "share_above": ShareAbove,
    "first_every_year": FirstEveryYear,
    "rule_number": RuleNumber,
    "rule_exists": RuleExists,
    "launched_by": LaunchedBy,
}
KEYS = {"indicators": "node_id", "units": "unit_id", "rules": "rule_id"}
NAMES = {
    "indicator": "indicators", "indicators": "indicators", "unit": "units", "whole": "units",
    "rivals": "units", "rule": "rules", "rules": "rules",
}  # fmt: skip


def asked_by(claim: pd.Series, tables: Mapping[str, pd.DataFrame]) -> Section:
    """Return what a claim asks of its check; a cell that cannot be used is a TableError."""
    where = f"{claim['_file']}, row {claim['_row']}, column asked"
    try:
        read = tomllib.loads(f"asked = {{{claim['asked']}}}")["asked"]
        asked = MODELS[claim["check"]].model_validate(read)
    except tomllib.TOMLDecodeError as error:
        raise TableError(f"{where}: {claim['asked']!r} is not name=value, ...: {error}") from None
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, f['loc']))}: {f['msg']}" for f in error.errors()]
        what = f"{where}: the check {claim['check']!r} cannot use it"
        raise TableError(f"{what}: {'; '.join(faults)}") from None
    for field, table in NAMES.items():
        named, known = getattr(asked, field, ()), set(tables[table][KEYS[table]])
        for name in (named,) if isinstance(named, str) else named:
            if name not in known:
                raise TableError(not_known(f"{where}: {field} = {name!r}", name, sorted(known)))
    return asked


def asked_of(tables: Mapping[str, pd.DataFrame], check: str) -> Iterator[Section]:
    """Yield what each claim that uses a check asks of it."""
    claims = tables["claims"]
    for _, claim in claims[claims["check"] == check].iterrows():
        yield asked_by(claim, tables)
