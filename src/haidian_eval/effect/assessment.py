"""One panel and one plan: the whole evidence on a policy, and the verdict."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pandas as pd

from haidian_eval.effect.aggregation import aggregate
from haidian_eval.effect.credibility import (
    by_parks,
    leave_one_out,
    minimum_detectable_effect,
    placebo_in_space,
    placebo_in_time,
)
from haidian_eval.effect.donors import synthetic_did
from haidian_eval.effect.dynamics import NONE, Dynamics, dynamics_of, several_parks
from haidian_eval.effect.estimate import Estimate, Test
from haidian_eval.effect.few import assigned, cohort_of_cluster, exchange, moments, wild_test
from haidian_eval.effect.group_time import GroupTimeEffects, group_time
from haidian_eval.effect.imputation import impute
from haidian_eval.effect.panel import Panel
from haidian_eval.effect.reading import first_seen, panel_of, refuse_unknown, rows_of
from haidian_eval.effect.regression import static, static_fit
from haidian_eval.effect.size import Sizes, null_size
from haidian_eval.effect.sun_abraham import interaction_weighted
from haidian_eval.effect.verdict import Evidence, Verdict, decide, post_hoc
from haidian_eval.effect.within import effects_of
from haidian_eval.errors import ParameterError
from haidian_eval.params import Effect, Outcome

FIELDS = ("value", "se", "low", "high", "p", "n", "clusters", "df", "rule")


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

    p = found["p"].fillna(1.0).tolist() + [1.0] * (len(makers) - len(found))  # planned is planned
    return found.assign(holm=multipletests(p, method="holm")[1][: len(found)])


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
