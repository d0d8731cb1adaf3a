"""Claims of the article against the data: five classes, each decided by cells that are named."""

from haidian_eval.claims.asked import asked_of
from haidian_eval.claims.classes import CLASSES, Claims, check, years
from haidian_eval.claims.places import by_district, first_places, month_by_month, yearly_places

__all__ = [
    "CLASSES", "Claims", "asked_of", "by_district", "check", "first_places", "month_by_month",
    "yearly_places", "years",
]  # fmt: skip
