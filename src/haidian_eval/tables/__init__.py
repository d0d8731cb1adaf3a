"""Tables as departments send them: read, checked, converted; what does not count is named."""

from haidian_eval.tables.contracts import contracts
from haidian_eval.tables.defects import Defects, sentence
from haidian_eval.tables.edition import Edition, assessed_units, coverage, read_edition
from haidian_eval.tables.reconcile import reconcile
from haidian_eval.tables.store import mark, read_table, write_tables
from haidian_eval.tables.vintages import changes, newest

__all__ = [
    "Defects",
    "Edition",
    "assessed_units",
    "changes",
    "contracts",
    "coverage",
    "mark",
    "newest",
    "read_edition",
    "read_table",
    "reconcile",
    "sentence",
    "write_tables",
]
