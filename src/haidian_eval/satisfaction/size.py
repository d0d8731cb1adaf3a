"""What n tells 92 from 90 %: respondents and differences, before a survey goes out."""

from __future__ import annotations

from math import ceil, inf, sqrt

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import ndtri

from haidian_eval.errors import ParameterError


def sample_needed(
    p1: float, p2: float, *, power: float = 0.8, significance: float = 0.05, deff: float = 1.0,
    one_sample: bool = False, population: float | None = None,
) -> int:  # fmt: skip
    """Return how many respondents tell share p1 from p2: in each of two surveys, or in one.

    deff (z_a sqrt(2 p q) + z_b sqrt(p1 q1 + p2 q2))^2 / (p1 - p2)^2, p the mean of both (Fleiss
    1981, no continuity correction); one_sample: p1 is a fixed target. population: of each survey,
    n / (1 + (n - 1) / N). Two-sided, normal. Raises ParameterError for shares that do not differ.
    """
    check(deff, p1=p1, p2=p2, power=power, significance=significance)
    if p1 == p2 or (population is not None and not population >= 2):
        raise ParameterError(f"p1 = {p1}, p2 = {p2}, population = {population}: shares must differ,"
                             " a population counts 2 or more")  # fmt: skip
    gap = detectable(p1, p2, (inf if one_sample else 1, 1), power, significance)
    n = (gap / (p1 - p2)) ** 2 * deff
    return ceil(n / (1 + (n - 1) / (population or inf)) - 1e-9)


def smallest_difference(
    n1: float, n2: float | None, p: float, *, power: float = 0.8, significance: float = 0.05,
    deff: float = 1.0,
) -> pd.Series:  # fmt: skip
    """Return the nearest shares, `lower` and `higher`, that n2 respondents tell from p among n1.

    n2 = None: n1 respondents, p a fixed target. Missing where no share is far enough.
    """
    check(deff, p=p, power=power, significance=significance)
    if not min(n1, inf if n2 is None else n2) >= 2:
        raise ParameterError(f"n1 = {n1}, n2 = {n2}: at least 2 respondents are needed")
    sizes = (inf, n1 / deff) if n2 is None else (n1 / deff, n2 / deff)

    def lack(other: float) -> float:
        return detectable(p, other, sizes, power, significance) - abs(p - other)

    ends = {"lower": 0.0, "higher": 1.0}
    return pd.Series({side: brentq(lack, end, p, xtol=1e-12) if lack(end) < 0 else np.nan
                      for side, end in ends.items()})  # fmt: skip


def detectable(
    p1: float, p2: float, sizes: tuple[float, float], power: float, significance: float
) -> float:
    """Return how far p1 and p2 must be apart in surveys of such sizes; inf: p1 is known."""
    one, two = 1 / sizes[0], 1 / sizes[1]
    both = (p1 * two + p2 * one) / (one + two)
    none = sqrt(both * (1 - both) * (one + two))
    some = sqrt(p1 * (1 - p1) * one + p2 * (1 - p2) * two)
    return float(ndtri(1 - significance / 2) * none + ndtri(power) * some)


def check(deff: float, **shares: float) -> None:
    """Refuse shares outside of 0 and 1 and design effects that are none."""
    for name, share in shares.items():
        if not 0 < share < 1:
            raise ParameterError(f"{name} = {share!r}: a share between 0 and 1 is needed")
    if not 0 < deff < inf:
        raise ParameterError(f"deff = {deff!r}: a design effect above 0 is needed, 1 for none")
