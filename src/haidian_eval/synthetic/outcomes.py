"""What firms and parks of the example panel report, and the effects planted in it.

The logarithm of an outcome is firm + quarter + season + error of the park + error of the firm +
effect; both errors are autoregressive of order one. Each error has a generator of its own, so that
one choice does not change what another one draws.
"""

from __future__ import annotations

import numpy as np

from haidian_eval.params import PanelChoice
from haidian_eval.synthetic.marks import stream
from haidian_eval.synthetic.parks import panel_plan, quarter_of


def adoption(chosen: PanelChoice) -> np.ndarray:
    """Return the place of the first treated period, by park; not a number: never."""
    at = [quarter_of(c.adopted_in) - quarter_of(chosen.first) for c in chosen.cohorts]
    steps = np.repeat(np.array(at, dtype="float64"), [c.parks for c in chosen.cohorts])
    return np.append(steps, np.full(chosen.parks - len(steps), np.nan))


def effect_by_park(chosen: PanelChoice, outcome: str) -> np.ndarray:
    """Return the true effect on an outcome in logarithms, park x quarter."""
    adopted = adoption(chosen)
    since = np.arange(chosen.quarters) - adopted[:, None] + chosen.anticipation
    growing = np.clip(chosen.effect + chosen.growth * since, -chosen.largest, chosen.largest)
    planted = {"revenue_fen": growing, "rd_fen": np.full(since.shape, chosen.rd_effect)}
    effect = np.where(since >= 0, planted.get(outcome, 0.0), 0.0)
    never = np.isnan(adopted)
    if chosen.spillover and not never.all():
        effect[never] = chosen.spillover * effect[~never].mean(axis=0)
    return effect


def wandering(rng: np.random.Generator, shape: tuple[int, ...], rho: float) -> np.ndarray:
    """Return stationary errors of spread one whose last axis is time."""
    errors = rng.standard_normal(shape)
    for at in range(1, shape[-1]):
        errors[..., at] *= np.sqrt(1 - rho**2)
        errors[..., at] += rho * errors[..., at - 1]
    return errors


def logarithms(chosen: PanelChoice, seed: int, name: str, size: np.ndarray) -> np.ndarray:
    """Return an outcome in logarithms, park x firm x quarter, without rounding and gaps."""
    plan, own, shape = panel_plan(), panel_plan().outcomes[name], (*size.shape, chosen.quarters)
    middle = np.log([one[name] for one in plan.sizes.values()])[size]
    kin = stream(seed, "panel", "firm").standard_normal(size.shape)  # large in one, large in all
    alone = stream(seed, "panel", name, "firm").standard_normal(size.shape)
    firm = middle + own.spread * (0.8 * kin + 0.6 * alone)
    time = np.arange(chosen.quarters)
    season = np.array(own.season)[(quarter_of(chosen.first) + time) % 4]
    shock = stream(seed, "panel", name, "quarter").standard_normal(chosen.quarters)
    common = own.trend * time + season + own.shock * shock
    apart = chosen.pre_trend * np.outer(~np.isnan(adoption(chosen)), time)
    of_park = wandering(stream(seed, "panel", name, "park errors"), shape[::2], chosen.park_rho)
    of_firm = wandering(stream(seed, "panel", name, "firm errors"), shape, chosen.firm_rho)
    by_park = common + apart + effect_by_park(chosen, name) + own.noise * chosen.park_sd * of_park
    logs: np.ndarray = firm[:, :, None] + by_park[:, None, :] + own.noise * chosen.firm_sd * of_firm
    return logs


def reported(
    chosen: PanelChoice, seed: int, size: np.ndarray, able: np.ndarray
) -> dict[str, np.ndarray]:
    """Return what firms report, park x firm x quarter, in whole numbers; `able`: the eligible."""
    plan, shape = panel_plan(), (*size.shape, chosen.quarters)
    found = {}
    for name, own in plan.outcomes.items():
        rounded = own.step * np.round(np.exp(logarithms(chosen, seed, name, size)) / own.step)
        found[name] = np.maximum(rounded, own.step)
    often = np.array([one["patents"] for one in plan.sizes.values()])[size]
    often = often * stream(seed, "panel", "inventive").gamma(2.0, 0.5, size.shape)
    draws = stream(seed, "panel", "patents"), stream(seed, "panel", "applications")
    found["patents"] = draws[0].poisson(np.broadcast_to(often[:, :, None], shape))
    since = np.arange(chosen.quarters) >= adoption(chosen)[:, None]
    found["applications"] = draws[1].poisson(plan.applications * able[:, :, None] * since[:, None])
    return found


def of_parks(chosen: PanelChoice, seed: int) -> dict[str, np.ndarray]:
    """Return what is known of a park as a whole, park x quarter."""
    own, shape = panel_plan().parks, (chosen.parks, chosen.quarters)
    rng = {name: stream(seed, "panel", name) for name in ("new", "closed", "firms", "high")}
    new, closed = rng["new"].poisson(own.new_firms, shape), rng["closed"].poisson(own.closed, shape)
    start = own.firms * np.exp(own.spread * rng["firms"].standard_normal((chosen.parks, 1)))
    firms = np.round(start).astype("int64") + np.cumsum(new - closed, axis=1)
    odds = np.exp(own.spread * rng["high"].standard_normal((chosen.parks, 1)))
    high = 100 / (1 + (100 / own.high_tech - 1) / odds) + 0.2 * np.arange(chosen.quarters)
    return {
        "new_firms": new, "firms": np.maximum(firms, chosen.firms_per_park),
        "high_tech_share": np.clip(high, 0, 100).round(1),
    }  # fmt: skip
