"""Panels from a seed, and estimators of effects in dense matrices: short, slow, by definition."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize, special

NAMES = ("y", "unit", "time", "cohort")  # outcome and keys of the panels made here


def staggered(
    seed: int,
    cohorts: Mapping[float, int],
    *,
    periods: Sequence[int] = tuple(range(1, 9)),
    parks: int | None = None,
    lost: float = 0.0,
    noise: float = 1.0,
) -> pd.DataFrame:
    """Unit x period with units of each cohort (0 = never), an effect that grows, covariates.

    The stream of RandomState is frozen, so that numbers of foreign packages stay those of this
    panel. `lost`: the share of rows that are missing at random.
    """
    rng = np.random.RandomState(seed)
    first = np.repeat(list(cohorts), list(cohorts.values()))
    n, when = len(first), np.asarray(periods, dtype=float)
    x1, x2 = rng.normal(size=n), rng.binomial(1, 0.4, n).astype(float)
    park = rng.randint(0, parks, n) if parks else np.arange(n)
    common = rng.normal(scale=0.5, size=(park.max() + 1, len(when))).cumsum(axis=1)
    step = np.arange(len(when))
    past = np.where((first > 0)[:, None], when - first[:, None], -1.0)
    y = rng.normal(size=n)[:, None] + 0.2 * step * (1 + 0.3 * x1[:, None] - 0.5 * x2[:, None])
    y = y + common[park] + np.where(past >= 0, 0.5 + 0.15 * past, 0.0)
    y = y + noise * rng.normal(size=y.shape)
    frame = pd.DataFrame(
        {
            "unit": np.repeat([f"u{i:03}" for i in range(n)], len(when)),
            "time": np.tile(periods, n),
            "cohort": np.repeat(first, len(when)),
            "park": np.repeat([f"p{p:02}" for p in park], len(when)),
            "treated": (past >= 0).astype(int).ravel(),
            "y": y.ravel(),
            "x1": np.repeat(x1, len(when)),
            "x2": np.repeat(x2, len(when)),
            "z": (0.5 * x1[:, None] + rng.normal(size=y.shape)).ravel(),
        }
    )
    return frame[rng.uniform(size=len(frame)) >= lost].reset_index(drop=True)


PANELS: dict[str, dict[str, Any]] = {
    "G1": {"seed": 7, "cohorts": {0: 30, 4: 12, 5: 10, 7: 14}},
    "no_never": {"seed": 8, "cohorts": {4: 15, 6: 15, 8: 15}},
    "first_and_late": {"seed": 9, "cohorts": {0: 30, 4: 15, 6: 15, 1: 6, 12: 8}},
    "step_two": {"seed": 10, "cohorts": {0: 30, 5: 15, 9: 15}, "periods": (1, 3, 5, 7, 9, 11)},
    "varying_covariate": {"seed": 10, "cohorts": {0: 30, 5: 15, 9: 15}},
    "clustered": {"seed": 11, "cohorts": {0: 40, 4: 20, 6: 20}, "parks": 12},
    "parks": {"seed": 11, "cohorts": {0: 14, 4: 7, 6: 7}, "parks": 8, "lost": 0.15},
    "imputation": {"seed": 12, "cohorts": {0: 30, 4: 18, 6: 18}, "parks": 30, "lost": 0.1},
    "sdid_21": {"seed": 21, "cohorts": {0: 10, 8: 2}, "periods": range(1, 13)},
    "sdid_22": {"seed": 22, "cohorts": {0: 10, 6: 2}, "periods": range(1, 13)},
}


def panel_of(case: str) -> pd.DataFrame:
    return staggered(**PANELS[case])


def dummies(values: pd.Series, *, drop_first: bool = False) -> np.ndarray:
    return pd.get_dummies(values, drop_first=drop_first).to_numpy(dtype=float)


def two_way(panel: pd.DataFrame) -> np.ndarray:
    """All unit effects and all period effects but one."""
    return np.hstack([dummies(panel["unit"]), dummies(panel["time"], drop_first=True)])


@dataclass(frozen=True)
class Dense:
    """Coefficients of the slopes and what their sandwich needs; `hat` holds all dummies."""

    beta: np.ndarray
    covariance: np.ndarray
    df: np.ndarray
    fitted: np.ndarray


def least_squares(
    panel: pd.DataFrame, slopes: np.ndarray, cluster: str, rule: str, outcome: str = "y"
) -> Dense:
    """Slopes beside full dummies, with the sandwich of one small-sample rule."""
    y = panel[outcome].to_numpy(dtype=float)
    slopes = slopes.reshape(len(y), -1)
    k, (n, periods, units) = slopes.shape[1], (len(y), *panel[["time", "unit"]].nunique())
    design = np.hstack([slopes, two_way(panel)])
    bread = np.linalg.pinv(design.T @ design)
    beta = bread @ design.T @ y
    residual = y - design @ beta
    labels = panel[cluster].to_numpy()
    rows = [np.flatnonzero(labels == g) for g in pd.unique(labels)]
    groups = len(rows)
    absorbed = {"plm": 0, "fixest": periods, "stata": units + periods - 1}
    if rule == "cr2":
        return cr2(design, bread, residual, beta, rows, k)
    factor = 1.0
    if rule != "hc0":
        factor = groups / (groups - 1) * (n - 1) / (n - k - absorbed[rule])
    scores = np.array([design[r].T @ residual[r] for r in rows])
    covariance = factor * (bread @ scores.T @ scores @ bread)[:k, :k]
    return Dense(beta[:k], covariance, np.full(k, groups - 1.0), design @ beta)


def cr2(
    design: np.ndarray, bread: np.ndarray, residual: np.ndarray, beta: np.ndarray,
    rows: Sequence[np.ndarray], k: int,
) -> Dense:  # fmt: skip
    """Bell and McCaffrey 2002: A_g is the symmetric pseudo-root of (I - H_gg)."""
    annihilator = np.eye(len(design)) - design @ bread @ design.T
    carriers, scores = [], []
    for r in rows:
        values, vectors = np.linalg.eigh(annihilator[np.ix_(r, r)])
        root = np.where(values > 1e-10, 1 / np.sqrt(np.where(values > 1e-10, values, 1.0)), 0.0)
        adjust = vectors * root @ vectors.T
        carriers.append(annihilator[:, r] @ adjust @ design[r] @ bread[:, :k])
        scores.append(bread[:k] @ design[r].T @ adjust @ residual[r])
    df = []
    for j in range(k):
        p = np.array([carrier[:, j] for carrier in carriers])
        gram = p @ p.T
        df.append(np.trace(gram) ** 2 / (gram**2).sum())
    stacked = np.array(scores)
    return Dense(beta[:k], stacked.T @ stacked, np.array(df), design @ beta)


def relative_periods(panel: pd.DataFrame, window: tuple[int, int] | None = None) -> pd.Series:
    """Periods since adoption, NaN for the never treated, ends binned."""
    since = (panel["time"] - panel["cohort"]).where(panel["cohort"] > 0)
    return since if window is None else since.clip(*window)


def event_columns(
    panel: pd.DataFrame, window: tuple[int, int] | None = None
) -> tuple[list[float], np.ndarray]:
    since = relative_periods(panel, window)
    keys = [key for key in sorted(since.dropna().unique()) if key != -1]
    return keys, np.column_stack([(since == key).to_numpy(dtype=float) for key in keys])


# --- group-time effects -------------------------------------------------------------------------


def logit(x: np.ndarray, d: np.ndarray) -> np.ndarray:
    beta = np.zeros(x.shape[1])
    for _ in range(60):
        p = special.expit(x @ beta)
        beta = beta + np.linalg.solve((x.T * (p * (1 - p))) @ x, x.T @ (d - p))
    return beta


def did_of_pair(dy: np.ndarray, d: np.ndarray, x: np.ndarray, method: str) -> Any:
    """ATT of two periods and its influence (mean zero over the n units of the pair).

    Formulas of Sant'Anna and Zhao 2020: reg (outcome regression), ipw (Hajek weights),
    dr (logit and least squares, their section 3.1 for panels).
    """
    n, c = len(dy), 1 - d
    ols = np.linalg.solve((x.T * c) @ x, x.T @ (c * dy))
    rest = dy - x @ ols
    by_ols = (c * rest)[:, None] * x @ np.linalg.inv((x.T * c) @ x / n)
    if method == "reg":
        att = d @ rest / d.sum()
        treated = d * (dy - d @ dy / d.sum())
        fitted = d * (x @ ols - d @ (x @ ols) / d.sum())
        return att, (treated - fitted - by_ols @ (d @ x / n)) / d.mean()
    gamma = logit(x, d)
    p = special.expit(x @ gamma)
    by_logit = (d - p)[:, None] * x @ np.linalg.inv((x.T * (p * (1 - p))) @ x / n)
    w = p * c / (1 - p)
    value = dy if method == "ipw" else rest
    eta1, eta0 = d @ value / d.sum(), w @ value / w.sum()
    one, zero = d * (value - eta1), w * (value - eta0)
    zero = zero + by_logit @ ((w * (value - eta0)) @ x / n)
    if method == "dr":
        one = one - by_ols @ (d @ x / n)
        zero = zero - by_ols @ (w @ x / n)
    return eta1 - eta0, one / d.mean() - zero / w.mean()


@dataclass(frozen=True)
class Cells:
    """`frame`: cohort, time, base, value, se, n, controls; `psi` unit x cell: se = |psi|."""

    frame: pd.DataFrame
    psi: np.ndarray
    cohort: pd.Series

    def se(self, column: np.ndarray, cluster: pd.Series | None = None) -> float:
        if cluster is None:
            return float(np.sqrt((column**2).sum()))
        sums = pd.Series(column, index=self.cohort.index).groupby(cluster).sum()
        return float(np.sqrt((sums**2).sum()))


def base_of(times: np.ndarray, t: float, cohort: float, anticipation: int, base: str) -> Any:
    """The period a cell is compared with; None where there is none.

    R did 2.1, as here, steps back over the anticipated periods from adoption on only; csdid 0.4.3
    does so from the first of them on. With one such period that is the same.
    """
    early = times[times + anticipation < cohort]
    if not len(early):
        return None
    if base == "universal" or t >= cohort:
        return early[-1]
    before = times[times < t]
    return before[-1] if len(before) else None


def group_time(
    panel: pd.DataFrame, *, control: str = "never", covariates: Sequence[str] = (),
    method: str = "dr", anticipation: int = 0, base: str = "varying",
    cluster: str | None = None,
) -> Cells:  # fmt: skip
    """All cells, each from the two periods and the units it needs; covariates of the earlier."""
    rows = panel.assign(cohort=panel["cohort"].fillna(0).astype(float))
    times = np.sort(rows["time"].unique())
    rows.loc[rows["cohort"] > times[-1], "cohort"] = 0.0
    rows = rows[~rows["cohort"].between(0, times[0], inclusive="right")]
    treated = np.sort(rows.loc[rows["cohort"] > 0, "cohort"].unique())
    if not (rows["cohort"] == 0).any():
        rows = rows[rows["time"] < treated[-1] - anticipation]
        times, treated = np.sort(rows["time"].unique()), treated[:-1]
    cohort = rows.groupby("unit")["cohort"].first()
    wide = rows.pivot(index="unit", columns="time", values="y").reindex(cohort.index)
    early = {
        name: rows.pivot(index="unit", columns="time", values=name).reindex(cohort.index)
        for name in covariates
    }
    found, influences = [], []
    for g, t in itertools.product(treated, times):
        b = base_of(times, t, g, anticipation, base)
        if b is None or b == t:
            continue
        last = max(t, b) + anticipation
        free = (cohort == 0) | ((cohort > last) if control == "notyet" else False)
        seen = wide[t].notna() & wide[b].notna()
        use = ((cohort == g) | (free & (cohort != g))) & seen
        d = (cohort[use] == g).to_numpy(dtype=float)
        if not 0 < d.sum() < len(d):
            continue
        x = np.column_stack(
            [np.ones(len(d)), *(early[name][min(t, b)][use] for name in covariates)]
        )
        att, part = did_of_pair((wide[t] - wide[b])[use].to_numpy(), d, x, method)
        psi = np.zeros(len(cohort))
        psi[use.to_numpy()] = part / len(d)
        found.append((g, t, b, att, int(d.sum()), int((1 - d).sum())))
        influences.append(psi)
    frame = pd.DataFrame(found, columns=["cohort", "time", "base", "value", "n", "controls"])
    cells = Cells(frame, np.array(influences).T, cohort)
    inside = None if cluster is None else panel.groupby("unit")[cluster].first()
    frame["se"] = [cells.se(column, inside) for column in cells.psi.T]
    return cells


@dataclass(frozen=True)
class Summary:
    value: float
    se: float
    by: pd.DataFrame  # key, value, se


def weighted(cells: Cells, where: np.ndarray, shares: np.ndarray) -> tuple[float, np.ndarray]:
    """The mean of cells by cohort size, and its influence with that of the sizes."""
    n = len(cells.cohort)
    total = shares[where].sum()
    value = float(cells.frame["value"].to_numpy()[where] @ shares[where] / total)
    psi = cells.psi[:, where] @ shares[where] / total
    for at in where:
        centred = (cells.cohort == cells.frame["cohort"][at]).to_numpy() - shares[at]
        psi = psi + centred / n * (cells.frame["value"][at] - value) / total
    return value, psi


def aggregated(cells: Cells, kind: str, cluster: pd.Series | None = None) -> Summary:
    """Callaway and Sant'Anna 2021, section 3.1, with the influence of estimated cohort shares."""
    frame = cells.frame
    shares = frame["cohort"].map(cells.cohort.value_counts(normalize=True)).to_numpy()
    post = (frame["time"] >= frame["cohort"]).to_numpy()
    if kind == "simple":
        value, psi = weighted(cells, np.flatnonzero(post), shares)
        return Summary(value, cells.se(psi, cluster), pd.DataFrame())
    label = {
        "dynamic": frame["time"] - frame["cohort"],
        "group": frame["cohort"].where(post),
        "calendar": frame["time"].where(post),
    }[kind]
    keys = np.sort(label.dropna().unique())
    parts = [weighted(cells, np.flatnonzero(label == key), shares) for key in keys]
    by = pd.DataFrame(
        [(key, v, cells.se(p, cluster)) for key, (v, p) in zip(keys, parts, strict=True)],
        columns=["key", "value", "se"],
    )
    if kind == "group":
        sizes = np.array([(cells.cohort == key).mean() for key in keys])
        grouped = Cells(
            pd.DataFrame({"cohort": keys, "value": by["value"]}),
            np.array([p for _, p in parts]).T,
            cells.cohort,
        )
        value, psi = weighted(grouped, np.arange(len(keys)), sizes)
        return Summary(value, cells.se(psi, cluster), by)
    kept = [part for key, part in zip(keys, parts, strict=True) if kind == "calendar" or key >= 0]
    psi = np.mean([p for _, p in kept], axis=0)
    return Summary(float(np.mean([v for v, _ in kept])), cells.se(psi, cluster), by)


# --- imputation and cohort-interacted regression -------------------------------------------------


@dataclass(frozen=True)
class Imputed:
    value: float
    se: float
    by: pd.DataFrame  # key, value, se, n
    dropped: list[str]


def imputed(panel: pd.DataFrame, cluster: str = "unit", *, pooled: bool = False) -> Imputed:
    """Borusyak, Jaravel and Spiess 2024: effects from untreated rows alone, all treated rows.

    Variance: their theorem 3, with effects centred on the mean of cohort and period, or, pooled,
    on the mean of the rows in question.
    """
    rows = panel.assign(cohort=panel["cohort"].fillna(0)).reset_index(drop=True)
    on = ((rows["cohort"] > 0) & (rows["time"] >= rows["cohort"])).to_numpy()
    bare = ~rows["unit"].isin(rows.loc[~on, "unit"])
    bare |= ~rows["time"].isin(rows.loc[~on, "time"])
    dropped = sorted(set(rows.loc[bare, "unit"]) - set(rows.loc[~bare, "unit"]))
    rows, on = rows[~bare].reset_index(drop=True), on[~bare.to_numpy()]
    z, y = two_way(rows), rows["y"].to_numpy()
    fit = np.linalg.pinv(z[~on])
    effect = y - z @ (fit @ y[~on])
    cell = rows["cohort"].astype(str) + "|" + rows["time"].astype(str)

    def mean_and_se(pick: np.ndarray) -> tuple[float, float]:
        v = np.where(pick, 1 / pick.sum(), 0.0)
        v[~on] = -(v[on] @ z[on]) @ fit
        rest = effect.copy()
        means = pd.Series(np.where(on, effect, np.nan)).groupby(cell).transform("mean")
        rest[on] -= effect[pick].mean() if pooled else means[on]
        sums = pd.Series(v * rest).groupby(rows[cluster]).sum()
        return float(effect[pick].mean()), float(np.sqrt((sums**2).sum()))

    since = (rows["time"] - rows["cohort"]).to_numpy()
    lines = [
        (key, *mean_and_se(on & (since == key)), int((on & (since == key)).sum()))
        for key in np.unique(since[on])
    ]
    by = pd.DataFrame(lines, columns=["key", "value", "se", "n"])
    return Imputed(*mean_and_se(on), by, dropped)


def interacted(panel: pd.DataFrame, cluster: str = "unit") -> Summary:
    """Sun and Abraham 2021: cohort x period effects, then means by the rows of each."""
    since = relative_periods(panel)
    cells = sorted({(g, e) for g, e in zip(panel["cohort"], since, strict=True) if g > 0})
    cells = [cell for cell in cells if cell[1] != -1]
    columns = np.column_stack([(panel["cohort"] == g) & (since == e) for g, e in cells])
    fit = least_squares(panel, columns.astype(float), cluster, "fixest")
    size, at = columns.sum(axis=0), np.array([e for _, e in cells])

    def mean_and_se(where: np.ndarray) -> tuple[float, float]:
        w = np.where(where, size, 0) / size[where].sum()
        return float(w @ fit.beta), float(np.sqrt(w @ fit.covariance @ w))

    by = pd.DataFrame(
        [(key, *mean_and_se(at == key)) for key in np.unique(at)], columns=["key", "value", "se"]
    )
    return Summary(*mean_and_se(at >= 0), by)


# --- weights on the simplex -----------------------------------------------------------------------


def simplex_fit(a: np.ndarray, b: np.ndarray, ridge: float = 0.0) -> np.ndarray:
    """Least squares with a ridge over weights w >= 0 of sum 1: NNLS, then the KKT system."""
    k = a.shape[1]
    heavy = 1e4 * max(np.abs(a).max(), 1.0)
    tall = np.vstack([a, np.sqrt(ridge) * np.eye(k), np.full((1, k), heavy)])
    w, _ = optimize.nnls(tall, np.concatenate([b, np.zeros(k), [heavy]]), maxiter=50 * k)
    on = w > 1e-9
    gram = a[:, on].T @ a[:, on] + ridge * np.eye(on.sum())
    ones = np.ones((on.sum(), 1))
    system = np.block([[gram, ones], [ones.T, np.zeros((1, 1))]])
    exact = np.linalg.lstsq(system, np.append(a[:, on].T @ b, 1.0), rcond=None)[0][:-1]
    w = np.zeros(k)
    w[on] = exact
    return w


@dataclass(frozen=True)
class Synthetic:
    value: float
    unit: pd.Series
    time: pd.Series


def synthetic_did_of(wide: pd.DataFrame, treated: Sequence[str], start: float) -> Synthetic:
    """Arkhangelsky et al. 2021, algorithm 1; `wide`: unit x time."""
    pre = [t for t in wide.columns if t < start]
    post = [t for t in wide.columns if t >= start]
    control = wide.drop(index=list(treated))
    target = wide.loc[list(treated)].mean()
    sigma = np.diff(control[pre].to_numpy(), axis=1).std(ddof=1)
    zeta = (len(treated) * len(post)) ** 0.25 * sigma

    def centred(frame: pd.DataFrame) -> np.ndarray:
        return (frame - frame.mean()).to_numpy()

    over_time = control[pre].T
    omega = simplex_fit(
        centred(over_time), (target[pre] - target[pre].mean()).to_numpy(), zeta**2 * len(pre)
    )
    goal = control[post].mean(axis=1)
    lam = simplex_fit(
        centred(control[pre]), (goal - goal.mean()).to_numpy(),
        (1e-6 * sigma) ** 2 * len(control),
    )  # fmt: skip
    gap = target - omega @ control.to_numpy()
    value = gap[post].mean() - lam @ gap[pre].to_numpy()
    return Synthetic(float(value), pd.Series(omega, control.index), pd.Series(lam, pre))


# --- inference with few clusters ------------------------------------------------------------------


def wild_statistics(
    panel: pd.DataFrame, treatment: str, cluster: str, null: float = 0.0
) -> tuple[float, np.ndarray]:
    """t and t* of all 2^G sign vectors: restricted residuals, full dummies in every sample."""
    d, y = panel[treatment].to_numpy(dtype=float), panel["y"].to_numpy()
    z = two_way(panel)
    design = np.hstack([d[:, None], z])
    bread = np.linalg.pinv(design.T @ design)
    restricted = z @ np.linalg.lstsq(z, y - null * d, rcond=None)[0] + null * d
    codes, names = pd.factorize(panel[cluster])

    def t_of(sample: np.ndarray) -> float:
        beta = bread @ (design.T @ sample)
        part = (design @ bread[0]) * (sample - design @ beta)
        return float((beta[0] - null) / np.sqrt((np.bincount(codes, part) ** 2).sum()))

    draws = [
        t_of(restricted + np.asarray(signs)[codes] * (y - restricted))
        for signs in itertools.product((1.0, -1.0), repeat=len(names))
    ]
    return t_of(y), np.array(draws)


def coefficient(panel: pd.DataFrame, d: np.ndarray) -> float:
    design = np.hstack([d.reshape(-1, 1), two_way(panel)])
    return float(np.linalg.lstsq(design, panel["y"].to_numpy(), rcond=None)[0][0])


def reassigned(panel: pd.DataFrame, treatment: str, group: str) -> np.ndarray:
    """The two-way coefficient under every different assignment of adoption to groups."""
    adopted = panel["time"].where(panel[treatment] == 1).groupby(panel[group]).min()
    adopted = adopted.fillna(np.inf)
    found = []
    for order in sorted(set(itertools.permutations(adopted))):
        given = panel[group].map(dict(zip(adopted.index, order, strict=True)))
        found.append(coefficient(panel, (panel["time"] >= given).to_numpy(dtype=float)))
    return np.array(found)


# --- the stream of R ------------------------------------------------------------------------------


class Stream:
    """unif_rand and rnorm of R (Mersenne Twister, inversion) from set.seed(seed)."""

    def __init__(self, seed: int) -> None:
        key = []
        for step in range(50 + 625):
            seed = (69069 * seed + 1) & 0xFFFFFFFF
            if step > 50:
                key.append(seed)
        self.twister = np.random.RandomState()
        self.twister.set_state(("MT19937", np.array(key, dtype=np.uint32), 624))

    def uniform(self, n: int) -> np.ndarray:
        return self.twister.randint(0, 2**32, n, dtype=np.uint32) * 2.3283064365386963e-10

    def normal(self, n: int) -> np.ndarray:
        u = self.uniform(2 * n)
        return special.ndtri((np.floor(2**27 * u[::2]) + u[1::2]) / 2**27)


def simulated_by_did(seed: int = 1814, n: int = 5000, periods: int = 4) -> pd.DataFrame:
    """The panel of the vignette of R `did`: set.seed(1814), te = 0, te.e = 1:4."""
    draw = Stream(seed)
    t = np.arange(1, periods + 1)
    x = draw.normal(n)
    weight = np.exp(np.outer(x, np.arange(periods + 1) / (2 * periods)))
    share = weight / weight.sum(axis=1, keepdims=True)
    order = np.argsort(-share, axis=1, kind="stable")
    edges = np.take_along_axis(share, order, axis=1).cumsum(axis=1)
    place = (edges < draw.uniform(n)[:, None]).sum(axis=1)
    group = order[np.arange(n), place]
    on, g = group > 0, group[group > 0]
    effect = np.resize(group, len(g)) + draw.normal(len(g))  # R recycles mean = G here
    before = [s + effect + x[on] * s + draw.normal(len(g)) for s in t]
    after = [
        s + effect + x[on] * s + (g <= s) * np.maximum(s - g + 1, 1) + draw.normal(len(g))
        for s in t
    ]
    own = draw.normal(n - len(g))
    never = [s + own + draw.normal(n - len(g)) + x[~on] * s for s in t]
    y = np.vstack([np.where(g[:, None] <= t, np.transpose(after), np.transpose(before)),
                   np.transpose(never)])  # fmt: skip
    frame = pd.DataFrame(
        {
            "unit": np.repeat(np.arange(1, n + 1), periods),
            "time": np.tile(t, n),
            "cohort": np.repeat(np.concatenate([g, np.zeros(n - len(g), dtype=int)]), periods),
            "x": np.repeat(np.concatenate([x[on], x[~on]]), periods),
            "y": y.ravel(),
        }
    )
    return frame[frame["cohort"] != 1].reset_index(drop=True)
