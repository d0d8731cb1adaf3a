"""Synthetic control and synthetic difference in differences: a few treated units against donors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from haidian_eval.effect.estimate import Estimate, check_level, estimated
from haidian_eval.effect.panel import (
    Panel,
    label,
    numbers,
    read_panel,
    refuse_without_comparison,
)
from haidian_eval.errors import ParameterError

NEVER = float("nan")
Spans = Mapping[str, Any]  # name -> None, (first, last) or a list of periods


@dataclass(frozen=True, slots=True)
class Case:
    """Treated units of one cohort, drawn together, and their donors.

    treated: T. donors: J x T. before: T, periods before adoption. count: treated units. traits:
    predictor x (1 + J), the treated first, none for outcomes alone. fit: T, periods whose fit
    decides the weights of predictors.
    """

    treated: np.ndarray
    donors: np.ndarray
    before: np.ndarray
    count: int
    traits: np.ndarray | None
    fit: np.ndarray


@dataclass(frozen=True, slots=True)
class Matched:
    """What donors lead one to expect: T values, weights of donors and of periods before."""

    expected: np.ndarray
    units: np.ndarray
    times: np.ndarray


Match = Callable[[Case], Matched]


def on_simplex(columns: np.ndarray, target: np.ndarray, ridge: float = 0.0) -> np.ndarray:
    """Return weights >= 0 with sum 1 that minimise |columns w - target|^2 + ridge |w|^2.

    With B = columns - target (1 ... 1) that is min |B w| on the simplex, and non-negative least
    squares of [B; 1 ... 1] on (0, ..., 0, 1) gives a multiple of it.
    """
    from scipy.optimize import nnls

    count = columns.shape[1]
    gap = np.vstack([columns - target[:, None], np.sqrt(ridge) * np.eye(count)])
    size = np.sqrt((gap**2).sum(axis=0)).mean()
    if size == 0:
        return np.full(count, 1 / count)
    found = nnls(np.vstack([gap / size, np.ones(count)]), np.append(np.zeros(len(gap)), 1.0))[0]
    own: np.ndarray = found / found.sum()
    return own


def by_outcome(case: Case) -> Matched:
    """Return the synthetic control of outcomes before adoption, each weighted alike."""
    before = case.before
    weights = on_simplex(case.donors[:, before].T, case.treated[before])
    return Matched(weights @ case.donors, weights, np.full(before.sum(), 1 / before.sum()))


def by_traits(case: Case) -> Matched:
    """Return the synthetic control of predictors, weighted so that the outcome fits best.

    Abadie, Diamond and Hainmueller 2010: predictors in standard deviations, their weights by
    Nelder-Mead from equal ones and from the shares of a regression.
    """
    from scipy.optimize import minimize

    assert case.traits is not None
    spread = case.traits.std(axis=1, ddof=1)
    traits = case.traits[spread > 0] / spread[spread > 0, None]

    def weights(logs: np.ndarray) -> np.ndarray:
        root = np.exp((logs - logs.max()) / 2)[:, None]
        return on_simplex(root * traits[:, 1:], (root * traits[:, :1])[:, 0])

    def misfit(logs: np.ndarray) -> float:
        gap = case.treated[case.fit] - weights(logs) @ case.donors[:, case.fit]
        return float((gap**2).mean())

    tried, scale = [], float(case.treated[case.fit].var()) or 1.0
    options = {"maxiter": 100 * len(traits), "xatol": 1e-3, "fatol": 1e-9 * scale, "adaptive": True}
    for start in starts(traits, np.vstack([case.treated, case.donors])[:, case.fit]):
        simplex = {"initial_simplex": np.vstack([start, start + 2 * np.eye(len(start))])}
        tried.append(minimize(misfit, start, method="Nelder-Mead", options=options | simplex))
    own = weights(min(tried, key=lambda one: one.fun).x)
    return Matched(own @ case.donors, own, np.full(case.before.sum(), 1 / case.before.sum()))


def starts(traits: np.ndarray, outcome: np.ndarray) -> Iterator[np.ndarray]:
    """Return where the search begins: equal weights, and those of outcomes regressed on traits."""
    yield np.zeros(len(traits))
    x = np.column_stack([np.ones(traits.shape[1]), traits.T])
    slopes = np.linalg.lstsq(x, outcome, rcond=None)[0][1:]
    size = (slopes**2).sum(axis=1)
    yield np.log(np.maximum(size / size.sum(), 1e-4))


def by_differences(case: Case) -> Matched:
    """Return what synthetic difference in differences leads one to expect.

    Arkhangelsky, Athey, Hirshberg, Imbens and Wager 2021, algorithm 1: units weighted with a ridge
    of (treated rows)^(1/4) standard deviations of the donors' changes, periods by the donors alone.
    """
    before, donors = case.before, case.donors
    changes = np.diff(donors[:, before], axis=1)
    noise = changes.std(ddof=1) if changes.size > 1 else 0.0
    earlier, after = donors[:, before], donors[:, ~before].mean(axis=1)
    ridge = np.sqrt(case.count * (~before).sum()) * noise**2 * before.sum()
    own = case.treated[before]
    units = on_simplex((earlier - earlier.mean(axis=1, keepdims=True)).T, own - own.mean(), ridge)
    times = on_simplex(earlier - earlier.mean(axis=0), after - after.mean(),
                       (1e-6 * noise) ** 2 * len(donors))  # fmt: skip
    path = units @ donors
    return Matched(path + times @ (own - path[before]), units, times)


def periods_of(panel: Panel, span: Any, before: Any) -> np.ndarray:
    """Return the periods of a predictor: all before adoption, (first, last), or those listed."""
    if span is None:
        return before
    given = pd.Series(list(span))
    listed = numbers(given, "predictors")
    if isinstance(span, tuple) and len(span) == 2:
        found = (panel.times >= listed[0]) & (panel.times <= listed[1])
    else:
        found = np.isin(panel.times, listed)
    if not found.any():
        raise ParameterError(f"predictors: no period of the panel lies in {span}")
    return found


def traits_of(panel: Panel, cohort: float, spans: Spans) -> np.ndarray | None:
    """Return predictor x unit the means over their periods; one that a unit lacks is refused."""
    before, rows = panel.times < cohort, []
    for name, span in spans.items():
        own = panel.covariates[name][:, periods_of(panel, span, before)]
        count = (~np.isnan(own)).sum(axis=1)
        if (count == 0).any():
            raise ParameterError(
                f"predictor {name!r}: the unit {panel.units[count.argmin()]!r} has no value in its"
                " periods; choose others or leave the unit out"
            )
        rows.append(np.nansum(own, axis=1) / count)
    return np.array(rows) if rows else None


@dataclass(frozen=True, slots=True)
class Setting:
    """What all cases of a panel share. traits: by cohort, predictor x unit."""

    panel: Panel
    donors: np.ndarray
    cohorts: dict[float, np.ndarray]
    traits: dict[float, np.ndarray | None]
    fit: np.ndarray

    def case(self, cohort: float, own: np.ndarray, donors: np.ndarray) -> Case:
        """Return the case of some units (codes) as if they adopted at `cohort`."""
        outcome, before, traits = self.panel.outcome, self.panel.times < cohort, self.traits[cohort]
        if traits is not None:
            traits = np.column_stack([traits[:, own].mean(axis=1), traits[:, donors]])
        return Case(outcome[own].mean(axis=0), outcome[donors], before, len(own), traits,
                    before & self.fit)  # fmt: skip


def setting_of(panel: Panel, spans: Spans, fit: tuple[Any, Any] | None) -> tuple[Setting, int]:
    """Return donors and treated units, and how many with gaps had to be left out.

    Raises ParameterError where no donor or no treated unit with every period is left.
    """
    refuse_without_comparison(panel)
    whole = panel.seen.all(axis=1)
    early = panel.cohort <= panel.times[0]
    own = panel.keep(whole & ~early)
    donors = np.flatnonzero(np.isinf(own.cohort))
    cohorts = {
        c: np.flatnonzero(own.cohort == c) for c in np.unique(own.cohort[own.cohort < np.inf])
    }
    if len(donors) < 2 or not cohorts:
        raise ParameterError(
            f"{len(donors)} never treated and {len(own.units) - len(donors)} treated units are"
            " observed in every period; at least two donors and one treated unit are needed"
        )
    at = np.ones(len(own.times), dtype=bool) if fit is None else periods_of(own, tuple(fit), whole)
    traits = {cohort: traits_of(own, cohort, spans) for cohort in cohorts}
    return Setting(own, donors, cohorts, traits, at), int((~(whole & ~early)).sum())


@dataclass(frozen=True, slots=True)
class Outcome:
    """The mean gap over treated rows, the ratio of its misfit after and before, and each match."""

    value: float
    ratio: float
    matched: dict[float, Matched]


def outcome_of_cases(cases: dict[float, Case], match: Match) -> Outcome:
    """Return the effect over all cohorts, weighted by treated rows."""
    matched = {cohort: match(case) for cohort, case in cases.items()}
    rows = np.array([case.count * (~case.before).sum() for case in cases.values()])
    gaps = [case.treated - matched[cohort].expected for cohort, case in cases.items()]
    each = list(zip(gaps, (case.before for case in cases.values()), strict=True))
    means = np.array([gap[~before].mean() for gap, before in each])
    after, misfit = (np.array([(gap[at] ** 2).mean() for gap, at in own]) @ rows / rows.sum()
                     for own in ([(g, ~b) for g, b in each], each))  # fmt: skip
    ratio = float(np.sqrt(after / misfit)) if misfit > 0 else np.inf
    return Outcome(float(means @ rows / rows.sum()), ratio, matched)


def placebos(found: Setting, match: Match, draws: int, seed: int) -> list[Outcome]:
    """Return the outcome of donors put in the place of the treated units, against the others.

    With one treated unit each donor once; else `draws` random choices. None where donors are too
    few to stand in for all treated units and leave one to compare with.
    """
    sizes = {cohort: len(own) for cohort, own in found.cohorts.items()}
    total, rng = sum(sizes.values()), np.random.default_rng(seed)
    if total >= len(found.donors):
        return []
    drawn = [np.roll(found.donors, -at) for at in range(len(found.donors))] if total == 1 else [
        rng.permutation(found.donors) for _ in range(draws)]  # fmt: skip
    outcomes = []
    for order in drawn:
        ends = np.cumsum(list(sizes.values()))
        parts = np.split(order[:total], ends[:-1])
        cases = {cohort: found.case(cohort, own, np.sort(order[total:]))
                 for cohort, own in zip(sizes, parts, strict=True)}  # fmt: skip
        outcomes.append(outcome_of_cases(cases, match))
    return outcomes


def described(found: Setting, whole: Outcome) -> dict[str, Any]:
    """Return weights and paths of all cohorts; of one cohort alone the weights are series."""
    panel, names = found.panel, {c: label(found.panel, c) for c in found.cohorts}
    units = pd.DataFrame({names[c]: own.units for c, own in whole.matched.items()},
                         panel.units[found.donors])  # fmt: skip
    times = pd.DataFrame({names[c]: pd.Series(own.times, panel.labels[panel.times < c])
                          for c, own in whole.matched.items()})  # fmt: skip
    paths = [pd.DataFrame({"time": panel.labels, "cohort": names[c], "counterfactual": own.expected,
                           "observed": panel.outcome[found.cohorts[c]].mean(axis=0)})
             for c, own in whole.matched.items()]  # fmt: skip
    one = len(names) == 1
    return {"unit_weights": units.iloc[:, 0] if one else units,
            "time_weights": times.iloc[:, 0] if one else times,
            "path": pd.concat(paths, ignore_index=True)}  # fmt: skip


def spans_of(predictors: Spans | Sequence[str] | str | None) -> dict[str, Any]:
    """Return predictors and their periods."""
    if predictors is None or isinstance(predictors, str):
        return {predictors: None} if predictors else {}
    return dict(predictors) if isinstance(predictors, Mapping) else dict.fromkeys(predictors)


def synthetic_control(
    panel: pd.DataFrame, outcome: str, unit: str, time: str, cohort: str, *,
    predictors: Spans | Sequence[str] | str | None = None, fit: tuple[Any, Any] | None = None,
    draws: int = 200, seed: int = 0,
) -> Estimate:  # fmt: skip
    """Return the mean gap after adoption to weighted never treated units (Abadie et al. 2010).

    predictors: names (means before adoption) or name -> None, (first, last) or a list of periods;
    none: every outcome before adoption. fit: (first, last) period whose outcome decides the weights
    of predictors, by default all before adoption. There is no standard error: p is the place of the
    ratio of misfit after to before among donors put in the treated units' place. Units with gaps
    are dropped. Raises ParameterError without donors and for predictors without values.
    """
    spans = spans_of(predictors)
    known = read_panel(panel, outcome, unit, time, cohort=cohort, covariates=list(spans))
    found, dropped = setting_of(known, spans, fit)
    match = by_traits if spans else by_outcome
    cases = {c: found.case(c, own, found.donors) for c, own in found.cohorts.items()}
    whole = outcome_of_cases(cases, match)
    others = placebos(found, match, draws, seed)
    beyond = sum(other.ratio >= whole.ratio for other in others)
    p = (1 + beyond) / (1 + len(others)) if others else NEVER
    rule = f"no standard error; p from {len(others)} placebos among {len(found.donors)} donors"
    return Estimate(whole.value, NEVER, NEVER, NEVER, p, int(found.panel.n), len(found.panel.units),
                    np.inf, rule, dropped=dropped, **described(found, whole))  # fmt: skip


def synthetic_did(
    panel: pd.DataFrame, outcome: str, unit: str, time: str, cohort: str, *, seed: int = 0,
    draws: int = 200, level: float = 0.95,
) -> Estimate:  # fmt: skip
    """Return synthetic difference in differences (Arkhangelsky et al. 2021), cohort by cohort.

    The effect is the mean over treated rows. Its error is that of donors put in the treated units'
    place (algorithm 4), normal; none where donors are not more than treated units. Units with gaps
    are dropped. Raises ParameterError without donors.
    """
    check_level(level)
    known = read_panel(panel, outcome, unit, time, cohort=cohort)
    found, dropped = setting_of(known, {}, None)
    cases = {c: found.case(c, own, found.donors) for c, own in found.cohorts.items()}
    whole = outcome_of_cases(cases, by_differences)
    others = [one.value for one in placebos(found, by_differences, draws, seed)]
    se = float(np.std(others)) if len(others) > 1 else NEVER
    rule = f"placebo variance, {len(others)} placebos among {len(found.donors)} donors"
    more = described(found, whole) | {"rule": rule, "level": level, "dropped": dropped}
    units = len(found.panel.units)
    return estimated(whole.value, se, n=found.panel.n, clusters=units, df=np.inf, **more)
