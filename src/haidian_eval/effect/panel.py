"""A panel of units over periods, checked and laid out as unit x period."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Number
from typing import Any

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError, not_known

PERIOD = re.compile(r"(\d{4})(?:-?(Q|H|M|-)(\d{1,2}))?")
A_YEAR = {None: 1, "H": 2, "Q": 4, "M": 12, "-": 12}  # periods in a year by their mark


@dataclass(frozen=True)
class Panel:
    """Outcomes of units over periods.

    units: N labels. times: T numbers, rising. labels: T periods as they were written. outcome: N x
    T, missing where not observed. cohort: N, number of the first treated period, inf for never.
    treated: N x T, False where not observed. cluster: N codes. clusters: labels of the codes.
    covariates: by name N x T.
    """

    units: pd.Index
    times: np.ndarray
    labels: pd.Index
    outcome: np.ndarray
    cohort: np.ndarray
    treated: np.ndarray
    cluster: np.ndarray
    clusters: pd.Index
    covariates: dict[str, np.ndarray]

    @cached_property
    def seen(self) -> np.ndarray:
        """Unit x period: whether the outcome is observed."""
        return ~np.isnan(self.outcome)

    @property
    def n(self) -> int:
        """Number of observed rows."""
        return int(self.seen.sum())

    @property
    def since(self) -> np.ndarray:
        """Unit x period: periods since adoption, -inf for units that never adopt."""
        return self.times[None, :] - self.cohort[:, None]

    def keep(self, own: Any, periods: np.ndarray | None = None) -> Panel:
        """Return the panel of some units, and of some periods, alone."""
        at = np.ones(len(self.times), dtype=bool) if periods is None else periods
        codes, clusters = pd.factorize(self.cluster[own])
        return Panel(
            self.units[own], self.times[at], self.labels[at], self.outcome[own][:, at],
            self.cohort[own], self.treated[own][:, at], codes, self.clusters[clusters],
            {name: own_values[own][:, at] for name, own_values in self.covariates.items()},
        )  # fmt: skip


def complete(panel: Panel) -> Panel:
    """Return the panel without the rows in which a covariate is missing."""
    gaps = np.isnan(np.array(list(panel.covariates.values()))).any(axis=0)
    if not panel.covariates or not (gaps & panel.seen).any():
        return panel
    known = replace(panel, outcome=np.where(gaps, np.nan, panel.outcome))
    return known.keep(known.seen.any(axis=1))


def named(covariates: str | Sequence[str] | None) -> list[str]:
    """Return the names of covariates: none, one or several."""
    return [covariates] if isinstance(covariates, str) else list(covariates or ())


def column(frame: pd.DataFrame, name: str, role: str) -> pd.Series:
    """Return a column of the panel, or say which there are."""
    if name not in frame.columns:
        raise ParameterError(not_known(f"{role} = {name!r}: the column", name, frame.columns))
    if isinstance(found := frame[name], pd.DataFrame):
        raise ParameterError(f"{role} = {name!r}: two columns have this name; rename one")
    return found


def numbers(values: pd.Series, role: str) -> np.ndarray:
    """Return periods as numbers that rise by one a period; missing ones are NaN.

    Raises ParameterError for texts that are no periods and for periods of several lengths.
    """
    if pd.api.types.is_datetime64_any_dtype(values):
        raise ParameterError(f"{role}: dates are found; give periods such as 2023Q1 or 2023-01")
    numeric = pd.api.types.is_numeric_dtype(values)
    codes, texts = (values, ()) if numeric else pd.factorize(values)
    if numeric or all(isinstance(text, Number) for text in texts):
        found = pd.to_numeric(values).to_numpy(dtype="float64", na_value=np.nan)
        if (found[~np.isnan(found)] % 1 != 0).any():
            raise ParameterError(
                f"{role}: periods must be whole numbers, such as year x 4 + quarter"
            )
        return found
    pairs = [(text, PERIOD.fullmatch(str(text).strip())) for text in texts]
    if wrong := [text for text, found in pairs if not found and str(text).strip() not in ("", "0")]:
        raise ParameterError(f"{role}: {wrong[0]!r} is no period; write 2023, 2023Q1 or 2023-01")
    if len(marks := {A_YEAR[found[2]] for _, found in pairs if found}) > 1:
        raise ParameterError(f"{role}: years, quarters and months are mixed; use one of them")
    each = [int(f[1]) * A_YEAR[f[2]] + int(f[3] or 1) - 1 if f else np.nan for _, f in pairs]
    return (
        np.append(each, np.nan)[codes] if len(marks) or len(each) else np.full(len(codes), np.nan)
    )


@dataclass(frozen=True, slots=True)
class Places:
    """Where the rows of a table stand.

    unit, time: codes by row. units, labels: what they stand for. times: the periods as numbers.
    """

    unit: np.ndarray
    time: np.ndarray
    units: pd.Index
    times: np.ndarray
    labels: pd.Index

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Return unit x period, missing where there is no row."""
        grid = np.full((len(self.units), len(self.times)), np.nan)
        grid[self.unit, self.time] = values
        return grid


def places_of(frame: pd.DataFrame, unit: str, time: str) -> Places:
    """Return where rows stand; a unit with two rows in one period is refused."""
    code, units = pd.factorize(column(frame, unit, "unit"), sort=True)
    period = numbers(column(frame, time, "time"), f"time = {time!r}")
    if (code < 0).any() or np.isnan(period).any():
        raise ParameterError(f"{unit!r} or {time!r} is missing in a row; each row needs both")
    at, times = pd.factorize(period, sort=True)
    first = np.zeros(len(times), dtype=np.int64)
    first[at[::-1]] = np.arange(len(at))[::-1]
    found = Places(code, at, units, times, pd.Index(frame[time].iloc[first]))
    refuse_duplicates(found)
    return found


def constant(places: Places, values: np.ndarray, says: str) -> np.ndarray:
    """Return one value per unit; one that changes within a unit is refused."""
    own = np.zeros(len(places.units), dtype=values.dtype)
    own[places.unit] = values
    differs = own[places.unit] != values
    if differs.any():
        raise ParameterError(says.format(unit=places.units[places.unit[differs.argmax()]]))
    return own


def read_panel(
    frame: pd.DataFrame, outcome: str, unit: str, time: str, *, cohort: str | None = None,
    treatment: str | None = None, cluster: str | None = None, covariates: Sequence[str] = (),
) -> Panel:  # fmt: skip
    """Return a checked panel; rows without outcome are left out.

    Raises ParameterError for a column that is not there, a unit with two rows in one period, an
    outcome that is no number or missing everywhere, a treatment that is not 0 or 1 or switches off,
    a cohort that changes or looks like a treatment, a unit in two clusters and a single cluster.
    """
    values, places = (
        outcome_of(column(frame, outcome, "outcome"), outcome),
        places_of(frame, unit, time),
    )
    units, times = places.units, places.times
    of_unit, clusters = clusters_of(frame, cluster or unit, unit, places)
    first = np.full(len(units), np.inf)
    treated = np.zeros((len(units), len(times)), dtype=bool)
    if cohort is not None:
        first = cohort_of(column(frame, cohort, "cohort"), cohort, places)
        treated = times[None, :] >= first[:, None]
    if treatment is not None:
        given = places.spread(treatment_of(column(frame, treatment, "treatment"), treatment))
        treated = given == 1
        first = adoption(treated, given == 0, places)
    more = {name: places.spread(outcome_of(column(frame, name, "covariates"), name))
            for name in covariates}  # fmt: skip
    grid = places.spread(values)
    own = ~np.isnan(grid).all(axis=1)
    known = Panel(units, times, places.labels, grid, first, treated, of_unit, clusters, more)
    return known if own.all() else known.keep(own)


def clusters_of(
    frame: pd.DataFrame, name: str, unit: str, places: Places
) -> tuple[np.ndarray, pd.Index]:
    """Return the cluster of each unit; a unit in two and a single cluster are refused."""
    if name == unit:
        of_unit, clusters = np.arange(len(places.units)), places.units
    else:
        codes, clusters = pd.factorize(column(frame, name, "cluster"), sort=True)
        if (codes < 0).any():
            raise ParameterError(f"cluster = {name!r} is missing in a row; each row needs it")
        says = (
            f"cluster = {name!r}: the unit {{unit!r}} lies in two clusters; a unit belongs to one"
        )
        of_unit = constant(places, codes, says)
    if len(clusters) < 2:
        raise ParameterError(
            f"cluster = {name!r}: one cluster alone; errors need at least two, and trustworthy ones"
            " ten"
        )
    return of_unit, pd.Index(clusters)


def outcome_of(values: pd.Series, name: str) -> np.ndarray:
    """Return a column of numbers; one without any is refused."""
    if not pd.api.types.is_numeric_dtype(values):
        raise ParameterError(f"{name!r} holds texts such as {values.iloc[0]!r}; numbers are needed")
    found = values.to_numpy(dtype="float64", na_value=np.nan)
    if not np.isfinite(found).any():
        raise ParameterError(f"{name!r} is missing in every row; nothing can be estimated from it")
    if np.isinf(found).any():
        raise ParameterError(f"{name!r} is infinite in a row (a logarithm of 0?); mend or blank it")
    return found


def refuse_duplicates(places: Places) -> None:
    """Refuse a unit with two rows in one period."""
    flat = places.unit.astype("int64") * len(places.times) + places.time
    if np.bincount(flat, minlength=1).max() > 1:
        twice = flat[pd.Series(flat).duplicated()]
        unit, period = divmod(int(twice[0]), len(places.times))
        raise ParameterError(
            f"unit {places.units[unit]!r} has more than one row in {places.labels[period]!r}"
            f" ({len(twice)} such rows); keep one row per unit and period"
        )


def cohort_of(values: pd.Series, name: str, places: Places) -> np.ndarray:
    """Return the first treated period of each unit, inf for those never treated in the panel."""
    found = numbers(values, f"cohort = {name!r}")
    found = np.where(np.isnan(found) | (found == 0), np.inf, found)
    kinds = np.unique(found[np.isfinite(found)])
    if len(kinds) == 1 and kinds[0] == 1 and places.times[0] > 1:
        raise ParameterError(
            f"cohort = {name!r} holds 0 and 1 only; the first treated period of the unit is needed"
            " (0 or missing: never treated)"
        )
    low, high = places.times[0], places.times[-1]
    if len(kinds) and (kinds[0] > high or kinds[-1] < low):
        written = values[pd.Series(np.isfinite(found), values.index)].iloc[0]
        where = "after the last" if kinds[0] > high else "before the first"
        raise ParameterError(
            f"cohort = {name!r}: every first treated period, such as {written}, lies {where} period"
            f" of the panel ({places.labels[0]} to {places.labels[-1]}); nobody changes in it, or"
            " the two columns write periods differently"
        )
    says = f"cohort = {name!r} changes within the unit {{unit!r}}; the first treated period is one"
    own = constant(places, found, says)
    return np.where(own > places.times[-1], np.inf, own)


def treatment_of(values: pd.Series, name: str) -> np.ndarray:
    """Return a treatment as 0 and 1."""
    found = outcome_of(values.astype("int8") if values.dtype == bool else values, name)
    if wrong := sorted(set(np.unique(found[~np.isnan(found)])) - {0.0, 1.0}):
        raise ParameterError(
            f"treatment = {name!r} holds {wrong[0]:g}; 1 from the first treated period on, else 0"
        )
    if np.isnan(found).any():
        raise ParameterError(f"treatment = {name!r} is missing in a row; it must be 0 or 1")
    return found


def adoption(treated: np.ndarray, untreated: np.ndarray, places: Places) -> np.ndarray:
    """Return the first treated period of each unit; a treatment that switches off is refused."""
    first = np.where(treated.any(axis=1), treated.argmax(axis=1), len(places.times))
    off = untreated & (np.arange(len(places.times))[None, :] > first[:, None])
    if off.any():
        unit, period = np.argwhere(off)[0]
        raise ParameterError(
            f"the treatment of unit {places.units[unit]!r} switches off in"
            f" {places.labels[period]!r}; these estimators take a policy that stays. Leave out the"
            " periods after it ended"
        )
    return np.append(places.times, np.inf)[first]


def refuse_without_comparison(panel: Panel) -> None:
    """Refuse a panel in which nobody adopts, or everybody at one date."""
    kinds = np.unique(panel.cohort)
    if np.isinf(kinds).all():
        raise ParameterError(
            "no unit is treated in any period of the panel; there is no effect to estimate"
        )
    if len(kinds) == 1:
        raise ParameterError(
            f"all {len(panel.units)} units adopt in the same period ({label(panel, kinds[0])}):"
            " nobody is left to compare with, and no difference estimator can tell the policy from"
            " the times. Use interrupted_series, or compare eligible with other firms"
        )


def label(panel: Panel, number: float) -> str:
    """Return a period as it was written; outside the panel, its number."""
    at = np.flatnonzero(panel.times == number)
    return str(panel.labels[at[0]]) if len(at) else f"{number:g}"
