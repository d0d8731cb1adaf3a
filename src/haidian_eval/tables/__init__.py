"""Tables as departments send them: read, checked, converted; what does not count is named."""

from haidian_eval.tables.contracts import contracts, read_contracts, schema
from haidian_eval.tables.defects import Defects, sentence
from haidian_eval.tables.edition import Edition, assessed_units, coverage, read_edition
from haidian_eval.tables.guard import refuse_hostile
from haidian_eval.tables.personal import masked, personal
from haidian_eval.tables.reader import Reading, clean_text, read_file
from haidian_eval.tables.reconcile import reconcile
from haidian_eval.tables.store import mark, read_table, write_tables
from haidian_eval.tables.vintages import changes, newest

__all__ = [
    "Defects",
    "Edition",
    "Reading",
    "assessed_units",
    "changes",
    "clean_text",
    "contracts",
    "coverage",
    "mark",
    "masked",
    "newest",
    "personal",
    "read_contracts",
    "read_edition",
    "read_file",
    "read_table",
    "reconcile",
    "refuse_hostile",
    "schema",
    "sentence",
    "write_tables",
]
