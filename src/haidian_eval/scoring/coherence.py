"""Coherence of a scored framework: whether its indicators measure together what they should."""

from __future__ import annotations

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError
from haidian_eval.scoring.framework import Framework
from haidian_eval.scoring.ranking import TOUCHING, competition_rank

SAME_VALUE = 1e-6  # relative: two prints of one number
FEWEST = 3  # any two points lie on a line


def cronbach_alpha(x: pd.DataFrame) -> float:
    """Return k / (k - 1) (1 - sum of variances / sum of covariances) (Cronbach 1951).

    Covariances are pairwise, over the units with both values, as COINr has it. Below 0 where
    columns run against each other; missing for one column or where nothing varies.
    """
    k, covariance = x.shape[1], x.cov().to_numpy()
    total = covariance.sum()
    if k < 2 or not total > 0:
        return float("nan")
    return float(k / (k - 1) * (1 - np.trace(covariance) / total))


def alpha_by_family(nodes: pd.DataFrame, framework: Framework) -> pd.DataFrame:
    """Return one row per parent: node_id, children, units (with every child's score), alpha."""
    rows = [
        (parent, len(children), len(nodes[children].dropna()), cronbach_alpha(nodes[children]))
        for parent, children in framework.families.items()
    ]
    return pd.DataFrame(rows, columns=["node_id", "children", "units", "alpha"])


def redundancy(
    normalised: pd.DataFrame, framework: Framework, *, values: pd.DataFrame | None = None,
    sources: pd.Series | None = None, threshold: float = 0.9,
) -> pd.DataFrame:  # fmt: skip
    """Return the pairs of indicators that say nearly the same, and by what they do.

    Columns: first, second, parent_id (blank where they differ), units (with both scores),
    correlation, same_values (share of the units), reason: "correlation" (Pearson's above the
    threshold) and "source" (both from one) within a family, "values" (the same in that share of the
    units) anywhere, joined by ";". `values` unit x indicator; `sources` indicator -> source.
    """
    leaves = framework.leaves
    first, second = np.triu_indices(len(leaves), 1)
    parent = framework.nodes["parent_id"].reindex(leaves).to_numpy()
    known = normalised[leaves].notna().to_numpy().astype("float64")
    correlation = normalised[leaves].corr(min_periods=FEWEST).to_numpy()[first, second]
    related = parent[first] == parent[second]
    same = np.full(len(first), np.nan) if values is None else same_values(values[leaves])
    source = np.full(len(leaves), None) if sources is None else sources.reindex(leaves).to_numpy()
    sourced = (source[first] == source[second]) & pd.notna(source)[first]
    marks = {
        "correlation": related & (correlation > threshold),
        "values": same >= threshold,
        "source": related & sourced,
    }
    rows = zip(*marks.values(), strict=True)
    table = pd.DataFrame({
        "first": np.array(leaves)[first], "second": np.array(leaves)[second],
        "parent_id": np.where(related, parent[first], ""),
        "units": (known.T @ known)[first, second].astype("int64"),
        "correlation": correlation, "same_values": same,
        "reason": [";".join(np.compress(row, list(marks))) for row in rows],
    })  # fmt: skip
    return table[table["reason"] != ""].reset_index(drop=True)


def same_values(values: pd.DataFrame) -> np.ndarray:
    """Return for every pair of indicators the share of the units that have one value in both."""
    x = values.to_numpy(dtype="float64")
    first, second = np.triu_indices(x.shape[1], 1)
    a, b = x[:, first], x[:, second]
    both = (~np.isnan(a) & ~np.isnan(b)).sum(axis=0)
    alike = (np.abs(a - b) <= SAME_VALUE * np.maximum(np.abs(a), np.abs(b))).sum(axis=0)
    return np.divide(alike, both, out=np.full(len(both), np.nan), where=both > 0)


def parent_correlation(
    nodes: pd.DataFrame, framework: Framework, *, weak: float = 0.3
) -> pd.DataFrame:
    """Return how each node correlates with its parent and with the index (OECD 2008, step 8).

    Columns: node_id, parent_id, units, correlation, with_index, flag: "negative" below -`weak`,
    "near_zero" between it and `weak`, "undefined" (fewer than three units, or one does not vary),
    else blank. A parent holds its child, so a family of k unrelated children correlates 1 / k^.5.
    """
    rows = []
    for parent, children in framework.families.items():
        for child in children:
            both = nodes[[child]].notna().to_numpy()[:, 0] & nodes[parent].notna().to_numpy()
            r = correlate(nodes[child], nodes[parent])
            flag = "negative" if r < -weak else "near_zero" if r < weak else ""
            overall = correlate(nodes[child], nodes[framework.root])
            flag = "undefined" if np.isnan(r) else flag
            rows.append((child, parent, int(both.sum()), r, overall, flag))
    columns = ["node_id", "parent_id", "units", "correlation", "with_index", "flag"]
    return pd.DataFrame(rows, columns=columns)


def correlate(x: pd.Series, y: pd.Series) -> float:
    """Return Pearson's correlation over the units with both; missing where it is not defined."""
    both = x.notna() & y.notna()
    a, b = x[both], y[both]
    if len(a) < FEWEST or a.max() - a.min() <= TOUCHING or b.max() - b.min() <= TOUCHING:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def main_effect(x: pd.Series, y: pd.Series, degree: int = 1) -> float:
    """Return V(E(y | x)) / V(y), E(y | x) a polynomial in x: with degree 1 the squared correlation.

    Pearson's correlation ratio (Paruolo, Saisana and Saltelli 2013). 0 where x does not vary;
    missing where y does not or there are fewer than degree + 2 units.
    """
    both = x.notna() & y.notna()
    a, b = x[both].to_numpy(dtype="float64"), y[both].to_numpy(dtype="float64")
    if len(a) < degree + 2 or np.ptp(b) <= TOUCHING:
        return float("nan")
    if np.ptp(a) <= TOUCHING:
        return 0.0
    fit = np.polynomial.Polynomial.fit(a, b, min(degree, len(np.unique(a)) - 1))(a)
    return float(np.clip(1 - ((b - fit) ** 2).sum() / ((b - b.mean()) ** 2).sum(), 0, 1))


def influence(
    nodes: pd.DataFrame, framework: Framework, *, degree: int = 1, factor: float = 2.0
) -> pd.DataFrame:
    """Return the nominal weight of each node beside its real influence (Paruolo et al. 2013).

    One row per child on its parent, and per indicator on the index. Columns: node_id, on, weight
    (share, sums to 1 within `on` and kind), main_effect, influence (its share likewise), ratio =
    influence / weight, kind ("parent" | "index"), flag: "more" or "less" from `factor` on.
    """
    weight, parts = framework.nodes["weight"], []
    overall = dict.fromkeys(framework.bonuses, 0.0) | {framework.root: 1.0}
    for parent, children in framework.families.items():
        share = weight[children] / weight[children].sum()
        overall |= {child: overall[parent] * share[child] for child in children}
        parts.append(effects(nodes, share, parent, degree).assign(kind="parent"))
    leaves = [leaf for leaf in framework.leaves if leaf in overall]
    shares = pd.Series(overall)[leaves]
    parts.append(effects(nodes, shares, framework.root, degree).assign(kind="index"))
    table = pd.concat(parts, ignore_index=True)
    ratio = table["ratio"]
    return table.assign(
        flag=np.select([ratio >= factor, ratio <= 1 / factor], ["more", "less"], "")
    )


def effects(nodes: pd.DataFrame, share: pd.Series, on: str, degree: int) -> pd.DataFrame:
    """Return the rows of `influence` for the nodes that have a share in one other."""
    effect = pd.Series({node: main_effect(nodes[node], nodes[on], degree) for node in share.index})
    part = effect / effect.sum() if effect.sum() > 0 else effect * np.nan
    ratio = (part / share).where(share > 0)
    table = {"weight": share, "main_effect": effect, "influence": part, "ratio": ratio}
    return pd.DataFrame(
        {"node_id": share.index, "on": on} | {k: v.to_numpy() for k, v in table.items()}
    )


def dominance(normalised: pd.DataFrame, index: pd.Series) -> pd.DataFrame:
    """Return the pairs of units of which one is nowhere worse and somewhere better.

    Both must have scores of the same indicators. Columns: better, worse, indicators (on which it is
    better), difference (of the index, in points), verdict: "kept" | "equal" | "reversed", as the
    index has it. A mean never reverses one; a penalty for imbalance may (see `a_mazziotta_pareto`).
    """
    x, known = normalised.to_numpy(dtype="float64"), normalised.notna().to_numpy()
    rows, units = [], normalised.index
    score = index.reindex(units).to_numpy(dtype="float64")
    for i in range(len(units)):
        comparable = (known == known[i]).all(axis=1) & known[i].any()
        gain = np.where(known[i], x[i] - x, 0.0)
        above = comparable & (gain >= 0).all(axis=1) & (gain > 0).any(axis=1)
        rows += [(units[i], units[j], int((gain[j] > 0).sum()), score[i] - score[j])
                 for j in np.flatnonzero(above)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["better", "worse", "indicators", "difference"])
    change = table["difference"].astype("float64")
    words = np.select([change > TOUCHING, change < -TOUCHING, change.notna()],
                      ["kept", "reversed", "equal"], "")  # fmt: skip
    return table.assign(verdict=words)


def balance(
    nodes: pd.DataFrame, framework: Framework, *, floor: float | None = None
) -> pd.DataFrame:
    """Return by unit how even its dimensions are, those right below the root (避免唯GDP论).

    Columns: lowest (dimension), lowest_score, spread (highest less lowest, points), arithmetic and
    geometric (weighted means), arithmetic_rank and geometric_rank, places_lost (how many an index
    without compensation would cost), below_floor (dimensions under `floor`, joined by ";").
    Missing dimensions leave their weight to the others; a score of zero makes the geometric zero.
    """
    names = framework.families[framework.root]
    scores = nodes[names].astype("float64")
    if (scores < 0).any(axis=None):
        name = (scores < 0).any().idxmax()
        raise ParameterError(
            f"{name} has a score of {scores[name].min():g}; balance compares geometric means and"
            " needs scores of zero or more: choose another rule"
        )
    share = scores.notna() * framework.nodes.loc[names, "weight"]
    share = share.div(share.sum(axis=1).where(lambda total: total > 0), axis=0)
    arithmetic = (scores * share).sum(axis=1, min_count=1)
    logs = np.log(scores.where(scores > 0)).where(scores.isna() | (scores > 0), -np.inf)
    geometric = np.exp((logs * share).where(share > 0).sum(axis=1, min_count=1))
    some = scores.dropna(how="all").index
    places = [competition_rank(mean) for mean in (arithmetic, geometric)]
    low = (scores < (-np.inf if floor is None else floor)).to_numpy()
    return pd.DataFrame({
        "lowest": scores.loc[some].idxmin(axis=1).reindex(scores.index),
        "lowest_score": scores.min(axis=1), "spread": scores.max(axis=1) - scores.min(axis=1),
        "arithmetic": arithmetic, "geometric": geometric,
        "arithmetic_rank": places[0], "geometric_rank": places[1],
        "places_lost": places[1] - places[0],
        "below_floor": [";".join(np.compress(row, names)) for row in low],
    }, index=scores.index)  # fmt: skip
