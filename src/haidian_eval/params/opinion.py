"""How comments and interviews are coded, and what coded text must show before it may be used."""

from __future__ import annotations

from pydantic import Field

from haidian_eval.params.section import Section


class TextRule(Section):
    """What texts must show before anything machine-coded is used; shares of one.

    segments: hand-coded ones, near-duplicates counted once. doubly: of them coded by two or more.
    agreement: lower end of Krippendorff's alpha, of theme and polarity. theme, polarity: lower end
    of the held-out accuracy. calibration: largest expected calibration error.
    """

    segments: int = Field(ge=1)
    doubly: int = Field(ge=2)
    agreement: float = Field(gt=0, le=1)
    theme: float = Field(gt=0, le=1)
    polarity: float = Field(gt=0, le=1)
    calibration: float = Field(gt=0, le=1)


class OpinionRule(Section):
    """How texts are coded and shown.

    lead_coder: whose coding counts where coders are evenly divided. near: Jaccard similarity of
    character pairs from which on two texts are near-duplicates. folds, repeats: of the held-out
    accuracy. costs: inverse penalties among which training folds choose. level: of intervals.
    draws, seed: of the bootstrap and of folds. persons: cells with fewer are not shown.
    quotation: longest one, in characters.
    """

    lead_coder: str
    near: float = Field(default=0.6, gt=0, le=1)
    folds: int = Field(default=5, ge=2)
    repeats: int = Field(default=5, ge=1)
    costs: tuple[float, ...] = Field(default=(1.0, 3.0, 10.0, 30.0, 100.0), min_length=1)
    level: float = Field(default=0.95, gt=0.5, lt=1)
    draws: int = Field(default=1000, ge=99)
    seed: int = 0
    persons: int = Field(default=10, ge=1)
    quotation: int = Field(default=60, ge=10)
    rule: TextRule
