"""What a claim asks of its check: the cell `asked`, read, typed, and checked for unknown ids."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError, create_model

from haidian_eval.errors import TableError, not_known
from haidian_eval.params import Section, read_toml

ASKED = read_toml(Path(__file__).with_name("asked.toml"))
TYPES: Mapping[str, type] = {"number": float, "year": int, "day": dt.date}
KEYS = {"node_id": "indicators", "unit_id": "units", "rule_id": "rules"}


def model(check: str, kinds: Mapping[str, str | list[str]]) -> type[Section]:
    """Return the model of what a check is told; nothing has a default."""
    of: dict[str, Any] = {
        name: (tuple[str, ...] if isinstance(kind, list) else TYPES.get(kind, str), ...)
        for name, kind in kinds.items()
    }
    return create_model(check, __base__=Section, **of)


MODELS = {check: model(check, kinds) for check, kinds in ASKED.items()}


def asked_by(claim: pd.Series, tables: Mapping[str, pd.DataFrame]) -> Any:
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
    for name, kind in ASKED[claim["check"]].items():
        several = isinstance(kind, list)
        key = kind[0] if several else kind
        known = sorted(set(tables[KEYS[key]][key])) if key in KEYS else []
        for one in (read[name] if several else [read[name]]) if known else ():
            if one not in known:
                raise TableError(not_known(f"{where}: {name} = {one!r}", one, known))
    return asked


def asked_of(tables: Mapping[str, pd.DataFrame], check: str) -> Iterator[Any]:
    """Yield what each claim that uses a check asks of it."""
    claims = tables["claims"]
    for _, claim in claims[claims["check"] == check].iterrows():
        yield asked_by(claim, tables)
