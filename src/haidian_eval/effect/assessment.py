"""One panel and one plan: the whole evidence on a policy, and the verdict."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from haidian_eval.effect.aggregation import Aggregate, aggregate, bands, pretrend_test
from haidian_eval.effect.credibility import (
    by_parks,
    leave_one_out,
    minimum_detectable_effect,
    placebo_in_space,
    placebo_in_time,
)
from haidian_eval.effect.donors import synthetic_did
from haidian_eval.effect.estimate import Estimate, Test
from haidian_eval.effect.few import assigned, cohort_of_cluster, exchange, moments, wild_test
from haidian_eval.effect.group_time import GroupTimeEffects, covariance, group_time
from haidian_eval.effect.imputation import impute
from haidian_eval.effect.magnitudes import relative_magnitudes
from haidian_eval.effect.panel import A_YEAR, Panel, read_panel
from haidian_eval.effect.panel import PERIOD as PERIOD_TEXT
from haidian_eval.effect.regression import static, static_fit
from haidian_eval.effect.size import Sizes, null_size
from haidian_eval.effect.sun_abraham import interaction_weighted
from haidian_eval.effect.verdict import Evidence, Verdict, decide, post_hoc
from haidian_eval.effect.within import effects_of
from haidian_eval.errors import ParameterError, not_known
from haidian_eval.params import Effect, Outcome

LAST_YEAR = 2200  # larger numbers of four digits count quarters or months
UNIT, PERIOD, PARK, ADOPTED = "unit_id", "period", "park_id", "adopted_in"
NONE = float("nan")
BANDED = ["key", "cohort", "time", "value", "se", "low", "high", "band_low", "band_high"]
FIELDS = ("value", "se", "low", "high", "p", "n", "clusters", "df", "rule")


@dataclass(frozen=True, slots=True)
class Dynamics:
    """Effects over time, of cohorts of more than one park.

    cells: by cohort and period. by: by periods since adoption inside the window, low and high for
    each alone, band_low and band_high for all at once. critical: standard errors that a band is
    wide. pretrend: of the periods before. left_out: parks that are a cohort alone.
    """

    cells: pd.DataFrame
    by: pd.DataFrame
    critical: float
    pretrend: Test
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Effects:
    """What the panel says of the policy; positive as wanted, in units of the primary outcome.

    headline: imputed, jackknife over parks. estimates: estimator, value, se, low, high, p, n,
    clusters, df, rule. variations: the same by variation. exploratory: by outcome, with holm.
    unmoved: of the outcome that should not move.
    """

    headline: Estimate
    estimates: pd.DataFrame
    dynamics: Dynamics
    variations: pd.DataFrame
    exploratory: pd.DataFrame
    unmoved: Estimate | None


@dataclass(frozen=True, slots=True)
class Doubts:
    """What speaks against it.

    tests: by name. placebo: of an adoption too early. left_out: cluster, value, treated. placebos:
    two-way effects of exchanged adoption. magnitudes: mbar, low, high. sizes: of the tests.
    detectable: the smallest effect that the design finds.
    """

    tests: dict[str, Test]
    placebo: Estimate | None
    left_out: pd.DataFrame
    placebos: np.ndarray
    magnitudes: pd.DataFrame
    sizes: Sizes
    detectable: float


@dataclass(frozen=True, slots=True)
class Assessment:
    """All that one panel says of one policy.

    panel: of the primary outcome. zeros: rows whose logarithm does not exist. late: why the plan is
    none ("" | "changed" | "late").
    """

    panel: Panel
    zeros: int
    effects: Effects
    doubts: Doubts
    verdict: Verdict
    late: str


def scaled(rows: pd.DataFrame, outcome: Outcome) -> pd.Series:
    """Return an outcome on its scale and positive as wanted."""
    name = outcome.column
    refuse_unknown(rows, (outcome,))
    values = pd.to_numeric(rows[name]).astype("float64")
    own = np.log(values.where(values > 0)) if outcome.scale == "log" else values
    if own.notna().sum() == 0:
        why = (
            "no value above zero, and logarithms are asked" if values.notna().any() else "no number"
        )
        raise ParameterError(f"[effect]: the column {name!r} of the panel holds {why}")
    return own if outcome.wanted == "rise" else -own


def panel_of(rows: pd.DataFrame, outcome: Outcome, cluster: str = PARK) -> Panel:
    """Return the panel of an outcome, parks as clusters."""
    known = rows.assign(**{outcome.column: scaled(rows, outcome)})
    return read_panel(known, outcome.column, UNIT, PERIOD, cohort=ADOPTED, cluster=cluster)


def refuse_unknown(rows: pd.DataFrame, outcomes: Iterable[Outcome]) -> None:
    """Refuse a planned outcome that the panel has not or that is no number.

    Left out unseen, it would take a condition or a hypothesis out of the plan.
    """
    for name in (one.column for one in outcomes):
        if name not in rows:
            raise ParameterError(
                not_known(f"[effect]: the column {name!r} of the panel", name, rows)
            )
        own = rows[name].dropna()
        if (text := own[pd.to_numeric(own, errors="coerce").isna()]).size:
            raise ParameterError(
                f"[effect]: the column {name!r} holds {text.iloc[0]!r}; numbers are needed"
            )


def rows_of(panel: pd.DataFrame, policy: str) -> pd.DataFrame:
    """Return the rows of one policy and of parks under none, or say which policies there are."""
    if lacking := [name for name in (UNIT, PERIOD, PARK, ADOPTED) if name not in panel]:
        raise ParameterError(f"the panel has no column {lacking[0]!r}; see the table `panel`")
    if "policy_id" not in panel or panel["policy_id"].isna().all():
        return panel
    if policy not in set(panel["policy_id"]):
        known = sorted(panel["policy_id"].dropna().unique())
        raise ParameterError(not_known(f"effect.policy = {policy!r}", policy, known))
    return panel[panel["policy_id"].isna() | (panel["policy_id"] == policy)]


def first_seen(panel: Panel) -> dt.date:
    """Return the first day on which a treated outcome could be seen: after the first such period.

    The earliest day there is where periods are plain numbers, which have no date.
    """
    first = str(panel.labels[panel.times >= panel.cohort.min()][0])
    found = PERIOD_TEXT.fullmatch(first)
    if not found or not 1900 <= int(found[1]) <= LAST_YEAR:
        return dt.date.min
    months = 12 // A_YEAR[found[2]] * int(found[3] or 1)
    return dt.date(int(found[1]) + months // 12, months % 12 + 1, 1)


def several_parks(panel: Panel) -> tuple[Panel, tuple[str, ...]]:
    """Return the panel without parks that are a cohort alone, and those parks."""
    cohorts = cohort_of_cluster(panel)
    each, count = np.unique(cohorts, return_counts=True)
    single = np.isin(cohorts, each[(count < 2) & np.isfinite(each)])
    names = tuple(str(name) for name in panel.clusters[single])
    return panel.keep(~single[panel.cluster]), names


def dynamics_of(
    panel: Panel, params: Effect
) -> tuple[Dynamics, GroupTimeEffects | None, pd.DataFrame]:
    """Return effects over time with bands, all cells, and intervals under crooked trends.

    Of parks that are all a cohort alone, or without period before, there are none.
    """
    own, alone = several_parks(panel)
    try:
        cells = group_time(own, control="notyet")
        window = inside(aggregate(cells, "dynamic"), params)
    except ParameterError as error:
        none = pd.DataFrame(columns=BANDED, dtype="float64")
        pretrend = Test(NONE, NONE, rule=str(error))
        return Dynamics(none, none, NONE, pretrend, alone), None, no_magnitudes(params)
    banded = bands(window, seed=params.seed)
    by = window.by.assign(band_low=banded["low"], band_high=banded["high"])
    try:
        pretrend = pretrend_test(window)
    except ParameterError as error:
        pretrend = Test(NONE, NONE, rule=str(error))
    found = Dynamics(bands(cells, seed=params.seed), by.reset_index(drop=True),
                     banded.attrs["critical"], pretrend, alone)  # fmt: skip
    base = aggregate(group_time(own, control="notyet", base="universal"), "dynamic")
    return found, cells, sensitivity(base, params)


def inside(whole: Aggregate, params: Effect) -> Aggregate:
    """Return effects by periods since adoption inside the window."""
    own = whole.by["key"].between(*params.window).to_numpy()
    return replace(whole, by=whole.by[own], influence=whole.influence[:, own],
                   span=whole.span[own], early=whole.early[own])  # fmt: skip


def no_magnitudes(params: Effect) -> pd.DataFrame:
    """Return intervals under crooked trends where there are none."""
    frame = pd.DataFrame({"mbar": params.magnitudes, "low": NONE, "high": NONE})
    frame.attrs["breakdown"] = NONE
    return frame


def sensitivity(base: Aggregate, params: Effect) -> pd.DataFrame:
    """Return intervals of the mean effect where trends may break as much as before adoption."""
    low, high = params.window
    key = base.by["key"]
    before, after = key.between(low, -2).to_numpy(), key.between(0, high).to_numpy()
    use = np.flatnonzero(before | after)
    beta, sigma = base.by["value"].to_numpy()[use], covariance(base.influence[:, use],
                                                               base.source.cluster)  # fmt: skip
    count = int(after.sum())
    try:
        return relative_magnitudes(beta, sigma, int(before.sum()), count, mbar=params.magnitudes,
                                   target=np.full(count, 1 / count))  # fmt: skip
    except ParameterError:  # too few parks or periods before: every condition on it is unmet
        return no_magnitudes(params)


def overall(cells: GroupTimeEffects | None) -> Estimate:
    """Return the mean effect over cohorts and periods."""
    if cells is None:
        raise ParameterError("no cohort of several parks can be compared")
    return aggregate(cells, "simple").overall


def by_park_means(panel: Panel, seed: int) -> Estimate:
    """Return synthetic difference in differences of the parks' means, those without gaps."""
    whole = pd.DataFrame(panel.outcome).groupby(panel.cluster).mean().to_numpy()  # parks in order
    rows = [pd.DataFrame({"park": panel.clusters[at], "time": panel.times, "cohort": first,
                          "value": whole[at]})
            for at, first in enumerate(cohort_of_cluster(panel))]  # fmt: skip
    frame = pd.concat(rows).replace({"cohort": {np.inf: 0.0}})
    return synthetic_did(frame, "value", "park", "time", "cohort", seed=seed)


def estimates_of(
    panel: Panel, cells: GroupTimeEffects | None, headline: Estimate, seed: int
) -> pd.DataFrame:
    """Return what different estimators say; one that cannot be had is left out."""
    makers: dict[str, Callable[[], Estimate]] = {
        "imputation": lambda: headline,
        "group_time": lambda: overall(cells),
        "sun_abraham": lambda: interaction_weighted(panel),
        "synthetic_did": lambda: by_park_means(panel, seed),
        "twfe": lambda: static(panel),
        "twfe_cr2": lambda: static(panel, small_sample="cr2"),
    }
    return named_rows("estimator", makers)


def named_rows(key: str, makers: dict[str, Callable[[], Estimate]]) -> pd.DataFrame:
    """Return a row for each estimate that can be had."""
    rows = []
    for name, make in makers.items():
        with suppress(ParameterError):
            found = make()
            rows.append({key: name} | {field: getattr(found, field) for field in FIELDS})
    return pd.DataFrame(rows)


def variations_of(panel: Panel, rows: pd.DataFrame, params: Effect) -> pd.DataFrame:
    """Return the effect under other choices; one that cannot be had is left out."""
    eligible = rows[rows["eligible"] == "yes"] if "eligible" in rows else rows[:0]
    makers: dict[str, Callable[[], Estimate]] = {
        "main": lambda: by_parks(panel),
        "balanced": lambda: by_parks(panel.keep(panel.seen.all(axis=1))),
        "several_parks": lambda: by_parks(several_parks(panel)[0]),
        "adopters_only": lambda: by_parks(panel.keep(np.isfinite(panel.cohort))),
        "never_treated": lambda: overall(group_time(several_parks(panel)[0], control="never")),
        "anticipation": lambda: by_parks(panel, anticipation=1),
    }
    if len(eligible):
        makers["eligible"] = partial_of(eligible, params.primary)
    return named_rows("variation", makers)


def exploratory_of(rows: pd.DataFrame, params: Effect) -> pd.DataFrame:
    """Return effects on further outcomes with Holm's p over all of them (Holm 1979)."""
    makers = {one.column: partial_of(rows, one) for one in params.exploratory}
    found = named_rows("outcome", makers)
    if found.empty:
        return found
    from statsmodels.stats.multitest import multipletests

    return found.assign(holm=multipletests(found["p"].fillna(1.0), method="holm")[1])


def partial_of(rows: pd.DataFrame, outcome: Outcome) -> Callable[[], Estimate]:
    """Return how the effect on an outcome is estimated."""
    return lambda: by_parks(panel_of(rows, outcome))


def tests_of(panel: Panel, params: Effect) -> dict[str, Test]:
    """Return the tests for few clusters, by name."""
    wild = wild_test(moments(static_fit(panel)), draws=params.draws, weights="auto",
                     seed=params.seed, level=0.95)  # fmt: skip
    own = assigned(panel, effects_of(panel), cohort_of_cluster(panel))
    return {"wild": wild, "randomisation": exchange(own, draws=params.draws, seed=params.seed)}


def named_p(tests: dict[str, Test], estimates: pd.DataFrame) -> dict[str, float]:
    """Return the p of every test that a rule may name."""
    p = estimates.set_index("estimator")["p"]
    more = {"cr2": float(p.get("twfe_cr2", NONE)), "jackknife": float(p.get("imputation", NONE))}
    return {name: test.p for name, test in tests.items()} | more


def tried(make: Callable[[], Estimate]) -> Estimate | None:
    """Return an estimate, or none where the panel does not carry it."""
    with suppress(ParameterError):
        return make()
    return None


def unmoved_of(rows: pd.DataFrame, params: Effect) -> Estimate | None:
    """Return the effect on the outcome that should not move; without value where it has none."""
    if params.unmoved is None:
        return None
    try:
        return partial_of(rows, params.unmoved)()
    except ParameterError as error:
        return Estimate(NONE, NONE, NONE, NONE, NONE, 0, 0, NONE, str(error))


def effects_found(panel: Panel, rows: pd.DataFrame, params: Effect) -> tuple[Effects, pd.DataFrame]:
    """Return what the panel says, and its intervals under crooked trends."""
    headline = by_parks(panel)
    dynamics, cells, magnitudes = dynamics_of(panel, params)
    estimates = estimates_of(panel, cells, headline, params.seed)
    return Effects(headline, estimates, dynamics, variations_of(panel, rows, params),
                   exploratory_of(rows, params), unmoved_of(rows, params)), magnitudes  # fmt: skip


def doubts_found(
    panel: Panel, params: Effect, headline: Estimate, magnitudes: pd.DataFrame
) -> Doubts:
    """Return what speaks against it."""
    rule = params.verdict
    return Doubts(
        tests_of(panel, params), tried(lambda: placebo_in_time(panel, params.shift)),
        leave_one_out(panel), placebo_in_space(panel, draws=params.draws, seed=params.seed),
        magnitudes,
        null_size(panel, panels=params.null_panels, draws=params.null_draws, seed=params.seed),
        minimum_detectable_effect(headline, power=rule.power, significance=rule.significance),
    )  # fmt: skip


def evidence_of(panel: Panel, effects: Effects, doubts: Doubts) -> Evidence:
    """Return what the rule looks at; parks whose effect cannot be seen do not count as treated."""
    seen = panel.cluster[impute(panel).treated.any(axis=1)]
    return Evidence(
        treated=len(np.unique(seen)), others=int(np.isinf(cohort_of_cluster(panel)).sum()),
        estimate=effects.headline, tests=named_p(doubts.tests, effects.estimates),
        pretrend=effects.dynamics.pretrend, placebo=doubts.placebo, unmoved=effects.unmoved,
        left_out=float(np.min(doubts.left_out["value"].to_numpy())), detectable=doubts.detectable,
        breakdown=float(doubts.magnitudes.attrs["breakdown"]),
    )  # fmt: skip


def assess(panel: pd.DataFrame, params: Effect) -> Assessment:
    """Return the evidence on a policy and the verdict by the plan.

    panel: the table `panel` of an edition. Raises ParameterError for a policy or outcome that the
    panel has not, for a panel that cannot be used, and where all parks adopt at one date (see
    stand_in).
    """
    rows = rows_of(panel, params.policy)
    if not (params.window[0] <= -2 and params.window[1] >= 0):
        raise ParameterError(
            f"effect.window = {params.window}: periods since adoption are needed, from -2 or"
            " earlier to 0 or later"
        )
    refuse_unknown(rows, [*params.exploratory, *filter(None, [params.unmoved])])
    own = panel_of(rows, params.primary)
    effects, magnitudes = effects_found(own, rows, params)
    doubts = doubts_found(own, params, effects.headline, magnitudes)
    values = rows[params.primary.column]
    zeros = int(values.le(0).sum()) if params.primary.scale == "log" else 0
    verdict = decide(evidence_of(own, effects, doubts), params.verdict)
    return Assessment(own, zeros, effects, doubts, verdict, post_hoc(params, first_seen(own)))
