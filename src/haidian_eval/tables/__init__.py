"""Tables as departments send them: read, checked, converted; what does not count is named."""

from haidian_eval.tables.contracts import contracts
from haidian_eval.tables.defects import Defects, sentence
from haidian_eval.tables.edition import Edition, coverage, read_edition
from haidian_eval.tables.store import mark, read_table, write_tables

__all__ = [
    "Defects",
    "Edition",
    "contracts",
    "coverage",
    "mark",
    "read_edition",
    "read_table",
    "sentence",
    "write_tables",
]
