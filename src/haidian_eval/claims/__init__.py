"""Claims of the article against the data: five classes, each decided by cells that are named."""

from haidian_eval.claims.asked import FirstEveryYear, asked_of
from haidian_eval.claims.checks import PART_OF_YEAR, is_whole_year, yearly_places
from haidian_eval.claims.classes import CLASSES, Claims, check, class_of, weakest
from haidian_eval.claims.months import by_district, month_by_month

__all__ = [
    "CLASSES", "PART_OF_YEAR", "Claims", "FirstEveryYear", "asked_of", "by_district", "check",
    "class_of", "is_whole_year", "month_by_month", "weakest", "yearly_places",
]  # fmt: skip
