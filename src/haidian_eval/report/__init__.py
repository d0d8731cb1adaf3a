"""What a reader sees: numbered tables and figures with their sources, pages, portal, downloads."""

from haidian_eval.report.page import Page

__all__ = ["Page"]
