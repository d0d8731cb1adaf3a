"""Errors that a user can mend: shown without a traceback, saying what, where and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

SHOWN = 40  # names that an error lists


class EvaluationError(Exception):
    """A result cannot be had or cannot be accepted."""


class ParameterError(EvaluationError):
    """A parameter, option or name is not one that the study knows."""


class TableError(EvaluationError):
    """A table of the edition cannot be used."""


def not_known(what: str, wrong: object, known: Iterable[object]) -> str:
    """Return a sentence that names the wrong value, the nearest right one and all right ones."""
    names = [str(name) for name in known]
    near = get_close_matches(str(wrong), names, n=1, cutoff=0.6)
    guess = f" (did you mean {near[0]!r}?)" if near else ""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{what} is not known{guess}; choose one of {names[:SHOWN]}{more}"
