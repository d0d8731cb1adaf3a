"""What every table of parameters is, and words for readers that belong to one edition."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

LANGUAGES = ("zh", "en")


class Section(BaseModel):
    """A table of parameters; a key that it does not declare is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


class Words(Section):
    """Words for readers that belong to one edition, in both languages."""

    zh: str
    en: str


class Lists(Section):
    """Items for readers that belong to one edition, in both languages."""

    zh: tuple[str, ...]
    en: tuple[str, ...]
