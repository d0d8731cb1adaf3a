"""Effects by cohort and period (Callaway and Sant'Anna 2021, Journal of Econometrics 225)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd

from haidian_eval.effect.comparison import METHODS, compare
from haidian_eval.effect.estimate import check_level, interval
from haidian_eval.effect.panel import Panel, named, read_panel, refuse_without_comparison
from haidian_eval.effect.within import by_cluster
from haidian_eval.errors import ParameterError, not_known

FIELDS = ["cohort", "time", "value", "se", "low", "high", "n", "controls", "base"]
CONTROLS = ("never", "notyet")
BASES = ("varying", "universal")


@dataclass(frozen=True, slots=True)
class GroupTimeEffects:
    """Effects by cohort and period.

    frame: cohort, time, value, se, low, high, n (treated units), controls (units compared with),
    base (the period compared with); periods as the panel writes them. numbers: row x (cohort, time,
    base), periods as numbers. influence: unit x row of the
    frame; times 1 / units it adds up to the estimate's error. cohorts: of the units, inf for never.
    cluster: of the units; none where they are taken as independent. dropped: units treated
    from the first period on, which have no period before. anticipation: periods. df, rule, level:
    of the errors.
    """

    frame: pd.DataFrame
    numbers: np.ndarray = field(repr=False)
    labels: dict[float, object] = field(repr=False)
    influence: np.ndarray = field(repr=False)
    cohorts: np.ndarray = field(repr=False)
    cluster: Clusters | None = field(repr=False)
    clusters: int
    dropped: int
    anticipation: int
    df: float
    rule: str
    level: float


@dataclass(frozen=True, slots=True)
class Cell:
    """One cohort in one period: places of the period and of its base, who is compared."""

    cohort: float
    time: int
    base: int
    own: np.ndarray
    other: np.ndarray


@dataclass(frozen=True, slots=True)
class Clusters:
    """Which units belong together. of: codes of the units. factor: by cluster, on its influence.

    Where a cluster adopts as a whole, its cohort of m clusters shows (m - 1) / m of its variance
    about its own mean: sqrt(m / (m - 1)), df = clusters less cohorts, the comparison being one.
    Where units of a cluster adopt at different times: sqrt(G / (G - 1)), df = G - 1.
    """

    of: np.ndarray
    factor: np.ndarray
    df: float


def clusters_of(panel: Panel) -> Clusters:
    """Return the clusters of a panel with their small-sample factors."""
    own = np.full(len(panel.clusters), np.inf)
    np.minimum.at(own, panel.cluster, panel.cohort)
    whole = (own[panel.cluster] == panel.cohort).all()
    _, code, count = np.unique(own if whole else np.zeros(len(own)),
                               return_inverse=True, return_counts=True)  # fmt: skip
    size = count[code].astype("float64")
    factor = np.sqrt(size / np.maximum(size - 1, 1))
    return Clusters(panel.cluster, factor, float(max(len(own) - len(count), 1)))


def covariance(influence: np.ndarray, clusters: Clusters | None) -> np.ndarray:
    """Return the covariance of estimates from their influence (unit x estimate)."""
    whole = summed(influence, clusters)
    return whole.T @ whole / len(influence) ** 2


def summed(influence: np.ndarray, clusters: Clusters | None) -> np.ndarray:
    """Return influence by cluster, with its factor; by unit where there are no clusters."""
    if clusters is None:
        return influence
    whole = by_cluster(clusters.of, influence, len(clusters.factor))
    return whole * clusters.factor[:, None]


def errors(influence: np.ndarray, clusters: Clusters | None) -> np.ndarray:
    """Return standard errors of estimates from their influence."""
    whole = summed(influence, clusters)
    found: np.ndarray = np.sqrt(np.einsum("ij,ij->j", whole, whole)) / len(influence)
    return found


def att_gt(
    panel: pd.DataFrame, outcome: str, unit: str, time: str, cohort: str, *,
    control: Literal["never", "notyet"] = "never", covariates: str | Sequence[str] | None = None,
    method: str = "dr", anticipation: int = 0, base: str = "varying", cluster: str | None = None,
    level: float = 0.95,
) -> GroupTimeEffects:  # fmt: skip
    """Return the effect on each cohort in each period, against units never or not yet treated.

    Change since the last period before adoption (less `anticipation`), less that of the comparison;
    before adoption the change from the period before (base="varying") or against the same base
    ("universal"). covariates: their values in the earlier of both periods; "dr" doubly robust,
    "reg" outcome model, "ipw" weights. A unit counts where both periods are observed. Errors from
    influence functions, normal. With `cluster` each cohort's share of the variance is taken times
    m / (m - 1), m its clusters, and t has clusters less cohorts degrees of freedom (where units of
    a cluster adopt at different times: G / (G - 1) and G - 1). A cohort or
    comparison that is one cluster has no error. Raises ParameterError for names that are not known
    and unusable panels.
    """
    for what, given, known in (("control", control, CONTROLS), ("method", method, METHODS),
                               ("base", base, BASES)):  # fmt: skip
        if given not in known:
            raise ParameterError(not_known(f"{what}={given!r}", given, known))
    check_level(level)
    whole = read_panel(panel, outcome, unit, time, cohort=cohort, cluster=cluster,
                       covariates=named(covariates))  # fmt: skip
    return group_time(whole, control=control, method=method, anticipation=anticipation, base=base,
                      clustered=cluster is not None, level=level)  # fmt: skip


def group_time(
    panel: Panel, *, control: str = "never", method: str = "dr", anticipation: int = 0,
    base: str = "varying", clustered: bool = True, level: float = 0.95,
) -> GroupTimeEffects:  # fmt: skip
    """Return effects by cohort and period of a panel; see att_gt."""
    refuse_without_comparison(panel)
    own, dropped = comparable(panel, control, anticipation)
    cells = list(cells_of(own, control, anticipation, base))
    if not cells:
        raise ParameterError("no cohort has a period before it and units to compare with in it")
    codes = clusters_of(own) if clustered else None
    rows, influence = estimate_cells(own, cells, method)
    influence[:, alone(own, cells, clustered)] = np.nan
    df = codes.df if codes else np.inf
    se = errors(influence, codes)
    low, high = interval(rows["value"].to_numpy(), se, df=df, level=level)
    whole, labels = ["cohort", "time", "base"], dict(zip(own.times, own.labels, strict=True))
    written = {name: rows[name].map(partial(as_written, labels)) for name in whole}
    frame = rows.assign(se=se, low=low, high=high, **written)[FIELDS]
    how = f"clustered, m/(m-1), {codes.df:g} df" if codes else "by unit, normal"
    rule = f"influence functions, {how}"
    return GroupTimeEffects(
        frame, rows[whole].to_numpy(), labels, influence, own.cohort, codes, len(own.clusters),
        dropped, anticipation, df, rule, level,
    )  # fmt: skip


def comparable(panel: Panel, control: str, anticipation: int) -> tuple[Panel, int]:
    """Return the panel without units treated from the start on, and how many those are.

    Without units never treated the last cohort serves as comparison, until it adopts.
    """
    if anticipation < 0:
        raise ParameterError(f"anticipation = {anticipation}: a number of periods, 0 or more")
    early = panel.cohort <= panel.times[0] + anticipation
    own, count = panel.keep(~early), int(early.sum())
    if np.isinf(own.cohort).all():
        raise ParameterError(
            f"all {count} units that adopt are treated from the first period on; none shows what"
            " was before. Earlier periods are needed"
        )
    if np.isinf(own.cohort).any():
        return own, count
    if control == "never":
        raise ParameterError(
            'control="never": no unit is never treated; use control="notyet", which compares with'
            " units that adopt later"
        )
    last = own.cohort.max()
    before = own.times < last - anticipation
    if before.sum() < 2 or (own.cohort == last).all():
        raise ParameterError("all units adopt at one date or too early to compare; nobody is left")
    kept = own.keep(np.ones(len(own.units), dtype=bool), before)
    return replace(kept, cohort=np.where(own.cohort == last, np.inf, own.cohort)), count


def cells_of(panel: Panel, control: str, anticipation: int, base: str) -> Iterator[Cell]:
    """Return all comparisons that can be made, cohort by cohort."""
    for cohort in np.unique(panel.cohort[np.isfinite(panel.cohort)]):
        last = int(np.flatnonzero(panel.times + anticipation < cohort)[-1])
        for at in range(len(panel.times)):
            before = last if panel.times[at] >= cohort or base == "universal" else at - 1
            if before == at or before < 0:
                continue
            both = panel.seen[:, at] & panel.seen[:, before]
            own = both & (panel.cohort == cohort)
            until = panel.times[max(at, before)] + anticipation
            late = np.isinf(panel.cohort) if control == "never" else panel.cohort > until
            other = both & late & ~own & (panel.cohort != cohort)
            if own.any() and other.any():
                yield Cell(float(cohort), at, before, own, other)


def estimate_cells(panel: Panel, cells: list[Cell], method: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the effect in every cell and the influence of every unit on it."""
    n, rows = len(panel.units), []
    influence = np.zeros((n, len(cells)), order="F")
    for place, cell in enumerate(cells):
        use = np.flatnonzero(cell.own | cell.other)
        change = panel.outcome[use, cell.time] - panel.outcome[use, cell.base]
        x = None
        if panel.covariates:
            ones = np.ones(len(use))
            early = min(cell.time, cell.base)
            x = np.column_stack([ones, *(v[use, early] for v in panel.covariates.values())])
            known = ~np.isnan(x).any(axis=1)
            use, change, x = use[known], change[known], x[known]
        treated = cell.own[use]
        found = compare(change, treated, x, method)
        influence[use, place] = found.influence * (n / len(use))
        rows.append((cell.cohort, panel.times[cell.time], found.value, int(treated.sum()),
                     int((~treated).sum()), panel.times[cell.base]))  # fmt: skip
    frame = pd.DataFrame(rows, columns=["cohort", "time", "value", "n", "controls", "base"])
    if frame["value"].isna().all():
        raise ParameterError(
            f"covariates {list(panel.covariates)}: no cohort can be compared with them; they are"
            " constant, repeat each other or tell treated units from all others. Leave some out"
        )
    return frame, influence


def as_written(labels: dict[float, object], number: float) -> object:
    """Return a period as the panel writes it; one that it has not, as a number."""
    return labels.get(number, int(number) if number % 1 == 0 else number)


def alone(panel: Panel, cells: list[Cell], clustered: bool) -> np.ndarray:
    """Return which cells have one cluster on a side: nothing shows how far that one varies."""
    sides = [(cell.own, cell.other) for cell in cells]
    if not clustered:
        return np.array([min(one.sum(), other.sum()) < 2 for one, other in sides])
    return np.array(
        [min(len(np.unique(panel.cluster[side])) for side in both) < 2 for both in sides]
    )
