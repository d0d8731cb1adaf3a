"""The contracts of all tables: declared as data in contracts/*.toml, read by one engine."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError, model_validator

from haidian_eval.errors import ParameterError
from haidian_eval.params import Section, read_toml

if TYPE_CHECKING:
    import pandera.pandas as pa

FOLDER = Path(__file__).with_name("contracts")
# The groups in the order in which tables refer to each other.
GROUPS = ("edition", "policy", "effect", "satisfaction", "verification", "feedback")
DECLARATION = re.compile(
    r"(?P<kind>\w+)(?P<required>!?)(?P<optional>\??)(?:\|(?P<allowed>[\w,]+))?(?:>(?P<target>\w+))?"
)
ENDS = {"low": "min", "high": "max"}
BRACKETS = re.compile(r"\(([^()]*)\)$")
DTYPES = {
    "text": "str", "id": "str", "flag": "str", "period": "str", "date": "object",
    "number": "float64", "amount": "float64", "count": "Int64",
}  # fmt: skip
NUMERIC = ("number", "amount", "count")


class Column(Section):
    """What the cells of one column must be, and what the column is called.

    kind: text, id, number, amount (zero or more), count (whole), date, period, flag.
    labels: code -> official Chinese word; a cell may hold either. low, high: inclusive.
    """

    kind: Literal["text", "id", "flag", "period", "date", "number", "amount", "count"]
    required: bool = False
    optional: bool = False
    allowed: tuple[str, ...] = ()
    references: str | None = None
    zh: str = ""
    en: str = ""
    unit: str = ""
    example: str = ""
    low: float | str | None = None
    high: float | str | None = None
    aliases: tuple[str, ...] = ()
    labels: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def as_declared(cls, declared: Any) -> Any:
        """Return the fields that "text!?|a,b>table" stands for, alone or under the name `is`."""
        more = {"is": declared} if isinstance(declared, str) else dict(declared)
        if "is" not in more:
            return more
        match = DECLARATION.fullmatch(words := str(more.pop("is")))
        if match is None:
            raise ValueError(f"the declaration {words!r} is not of the form kind!?|a,b>table")
        ends = {name: more.pop(old) for name, old in ENDS.items() if old in more}
        return more | ends | {
            "kind": match["kind"], "references": match["target"],
            "required": bool(match["required"]), "optional": bool(match["optional"]),
            "allowed": match["allowed"].split(",") if match["allowed"] else (),
        }  # fmt: skip


class Measured(Section):
    """A number column whose unit stands in a column beside it; a dictionary declares the unit.

    also: other columns in the same unit, which convert with it.
    """

    value: str
    unit: str
    by: str
    dictionary: str
    key: str
    declared: str
    low: str = ""
    high: str = ""
    also: tuple[str, ...] = ()


class Contract(Section):
    """The key, the columns and the rules of one table.

    sums: "total = a + b" per row. ordered: "first <= second" per row. compare: the groups within
    which the order of magnitude of measured values is compared. department: the column that
    names who answers for a row. absent: the table may have no file.
    """

    name: str
    key: tuple[str, ...]
    columns: dict[str, Column]
    zh: str = ""
    en: str = ""
    about: dict[str, str] = Field(default_factory=dict)
    absent: bool = False
    department: str = ""
    sums: tuple[str, ...] = ()
    ordered: tuple[str, ...] = ()
    compare: tuple[str, ...] = ()
    measured: Measured | None = None

    @property
    def needed(self) -> list[str]:
        """The columns that the header must have."""
        return [name for name, column in self.columns.items() if not column.optional]

    @property
    def headers(self) -> dict[str, str]:
        """Every written form of a header (plain letters) -> the column that it names."""
        found: dict[str, str] = {}
        columns = self.columns.items()
        written = [(getattr(c, of) if of else n, n) for of in ("", "zh", "en") for n, c in columns]
        written += [(form, name) for name, c in columns for form in c.aliases]
        for form, name in written:  # a code always wins over another's alias
            found.setdefault(plain_header(form), name)
        found.pop("", None)
        return found


def plain_header(words: str) -> str:
    """Return a header without full-width letters, blanks, case and a mark for required columns."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", words)).rstrip("*").casefold()


def read_contracts(path: Path | str) -> dict[str, Contract]:
    """Return the contracts that a TOML file declares, or those of all files of a folder."""
    path = Path(path)
    files = [path]
    if path.is_dir():
        order = {group: place for place, group in enumerate(GROUPS)}
        files = sorted(path.glob("*.toml"), key=lambda f: (order.get(f.stem, len(order)), f.stem))
    found: dict[str, Contract] = {}
    for file in files:
        for name, table in read_toml(file).items():
            try:
                found[name] = Contract.model_validate({"name": name, **table})
            except ValidationError as error:
                raise ParameterError(f"{file}, table {name!r}: {error}") from None
    return found


@cache
def contracts() -> Mapping[str, Contract]:
    """Return the contract of every table, in the order in which tables refer to each other."""
    return read_contracts(FOLDER)


def schema(contract: Contract) -> pa.DataFrameSchema:
    """Return the pandera schema of a clean frame: what one stage may rely on from another.

    Columns and types, allowed codes, ranges, required values and the key; the frame may hold
    more columns.
    """
    import pandera.pandas as pa

    columns = {}
    for name, column in contract.columns.items():
        checks = [pa.Check.isin(column.allowed)] if column.allowed else []
        if column.kind in ("amount", "count"):
            checks.append(pa.Check.ge(0))
        if column.kind in NUMERIC and column.low is not None:
            checks.append(pa.Check.ge(column.low))
        if column.kind in NUMERIC and column.high is not None:
            checks.append(pa.Check.le(column.high))
        columns[name] = pa.Column(
            DTYPES[column.kind], checks, nullable=not column.required, required=not column.optional
        )
    return pa.DataFrameSchema(columns, unique=list(contract.key), name=contract.name)
