"""What a reader sees: numbered tables and figures with their sources, pages, portal, downloads."""

from haidian_eval.report.layout import lay_out
from haidian_eval.report.page import Page

__all__ = ["Page", "lay_out"]
