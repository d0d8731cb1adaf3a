"""Tables as departments send them: read, checked, converted; what does not count is named."""

from haidian_eval.tables.contracts import contracts, read_contracts, schema
from haidian_eval.tables.defects import Defects, sentence, told
from haidian_eval.tables.edition import Edition, assessed_units, coverage, read_edition, touched
from haidian_eval.tables.evidence import evidence_asked, evidence_completeness
from haidian_eval.tables.guard import refuse_hostile
from haidian_eval.tables.personal import masked, personal
from haidian_eval.tables.queries import write_queries
from haidian_eval.tables.reader import Reading, read_file
from haidian_eval.tables.reconcile import reconcile
from haidian_eval.tables.renewal import new_edition
from haidian_eval.tables.series import check_series, freshness
from haidian_eval.tables.store import checksums, mark, read_table, write_tables
from haidian_eval.tables.templates import write_evidence_lists, write_templates
from haidian_eval.tables.vintages import changes, newest
from haidian_eval.tables.workbooks import safe_cell, write_workbook

__all__ = [
    "Defects", "Edition", "Reading", "assessed_units", "changes", "check_series", "checksums",
    "contracts", "coverage", "evidence_asked", "evidence_completeness", "freshness",
    "mark", "masked", "new_edition", "newest", "personal", "read_contracts", "read_edition",
    "read_file", "read_table", "reconcile", "refuse_hostile", "safe_cell", "schema", "sentence",
    "told", "touched", "write_evidence_lists", "write_queries", "write_tables", "write_templates",
    "write_workbook",
]  # fmt: skip
