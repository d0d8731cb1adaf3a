"""What moves answers up their scale: proportional odds in a survey (McCullagh 1980)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import pi, sqrt
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionDtype
from pandas.api.types import is_numeric_dtype
from scipy.special import expit, fdtrc, logit, ndtr, ndtri, stdtr

from haidian_eval.errors import ParameterError, TableError, not_known
from haidian_eval.satisfaction.calibration import AnyDesign
from haidian_eval.satisfaction.intervals import Spread, check_level, limits
from haidian_eval.satisfaction.sample import Sample, read_sample

STEPS, CLOSE = 25, 1e-18  # Newton steps (ten do); what the last may add to mean log-likelihood
MOVING = 1e-3  # over the range of a column: how far an estimate on its way to infinity still steps
REPEATED = 1e-9  # share of a column's length that it must have beside those before it


@dataclass(frozen=True, slots=True)
class Link:
    """A distribution function, its quantile, density, and slope of the density over the density."""

    share: Callable[[Any], Any]
    quantile: Callable[[Any], Any]
    density: Callable[[Any], Any]
    bend: Callable[[Any], Any]


LINKS = {
    "logit": Link(expit, logit, lambda z: expit(z) * expit(-z), lambda z: -np.tanh(z / 2)),
    "probit": Link(ndtr, ndtri, lambda z: np.exp(-z * z / 2) / sqrt(2 * pi), lambda z: -z),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class OrdinalModel:
    """P(answer <= level) = F(threshold - x b): a positive b moves answers up the scale.

    frame: term, estimate, se, low, high, p, odds_ratio, odds_low, odds_high (of a higher answer;
    missing for probit). thresholds: threshold (level|next), estimate, se, low, high. n: respondents
    used. df: sampling units less strata less terms. covariance: of terms, then thresholds.
    """

    frame: pd.DataFrame
    thresholds: pd.DataFrame
    n: int
    df: int
    covariance: pd.DataFrame = field(repr=False)


@dataclass(frozen=True, slots=True)
class Rows:
    """What a model reads: x (n, p), y (n,) positions in levels; used: mask of the sample's rows."""

    sample: Sample
    used: np.ndarray
    x: pd.DataFrame
    y: np.ndarray
    levels: list[str]


def ordinal_model(
    frame: pd.DataFrame, design: AnyDesign, formula: str, *, link: str = "logit",
    level: float = 0.95,
) -> OrdinalModel:  # fmt: skip
    """Return the survey-weighted ordinal regression `answer ~ terms` (patsy), as R's svyolr.

    Weighted maximum likelihood; covariance H^-1 V H^-1, V that of the scores by the design (Binder
    1983), or all refitted with replicate weights. Rows with a gap are outside of the domain. Raises
    ParameterError for a single level, columns that follow from others and estimates that are
    infinite, TableError for an answer in words without an order.
    """
    check_level(level)
    rows = rows_of(frame, design, formula)
    found, covariance = fitted(rows, [rows.y], len(rows.levels), link)
    p, names = rows.x.shape[1], list(rows.x.columns)
    df = rows.sample.df_within(rows.used) - p
    if df < 1:
        raise ParameterError(f"{p} terms leave {df} degrees of freedom; fewer terms are needed")
    se = np.sqrt(np.diag(covariance))
    spread = Spread(found, se, np.full(len(found), len(rows.y)), np.full(len(found), df), level)
    low, high = limits("t", spread)
    table = pd.DataFrame({"estimate": found, "se": se, "low": low, "high": high})
    terms = table[:p].assign(p=2 * stdtr(df, -np.abs(found / se)[:p]))
    odds = np.exp(terms[["estimate", "low", "high"]]) if link == "logit" else np.nan
    terms[["odds_ratio", "odds_low", "odds_high"]] = odds
    edges = [f"{a}|{b}" for a, b in zip(rows.levels, rows.levels[1:], strict=False)]
    thresholds = table[p:].set_axis(edges).rename_axis("threshold").reset_index()
    labels = [*names, *edges]
    return OrdinalModel(terms.set_axis(names).rename_axis("term").reset_index(), thresholds,
                        len(rows.y), df, pd.DataFrame(covariance, labels, labels))  # fmt: skip


def proportional_odds(
    frame: pd.DataFrame, design: AnyDesign, formula: str, *, link: str = "logit"
) -> pd.DataFrame:
    """Return whether terms move answers alike at all thresholds: term, statistic, df1, df2, p.

    Brant's (1990) comparison of the binary models at the thresholds, with their joint covariance by
    the design; F tests of Korn and Graubard (1990), missing where degrees of freedom run out. Term
    "all" comes first. Raises as `ordinal_model`, and for two levels.
    """
    rows = rows_of(frame, design, formula)
    cuts, p = len(rows.levels) - 1, rows.x.shape[1]
    if cuts < 2 or not p:
        raise ParameterError(f"{p} terms, {cuts} threshold: nothing to compare")
    found, covariance = fitted(rows, [(rows.y > cut) * 1 for cut in range(cuts)], 2, link)
    df, unit, tests = rows.sample.df_within(rows.used), np.eye(len(found)), []
    for name, terms in (("all", range(p)), *((n, [at]) for at, n in enumerate(rows.x.columns))):
        change = np.array([unit[t + c * (p + 1)] - unit[t] for t in terms for c in range(1, cuts)])
        move, k, left = change @ found, len(change), df - len(change) + 1
        wald = move @ np.linalg.pinv(change @ covariance @ change.T) @ move
        f = wald * left / (df * k) if left > 0 else np.nan
        tests.append((name, f, k, left, fdtrc(k, max(left, 1), f)))
    return pd.DataFrame(tests, columns=["term", "statistic", "df1", "df2", "p"])


def rows_of(frame: pd.DataFrame, design: AnyDesign, formula: str) -> Rows:
    """Return outcome and design matrix of the rows without gaps."""
    from patsy import PatsyError, dmatrix

    name, tilde, right = (part.strip() for part in formula.partition("~"))
    if not tilde or name not in frame.columns:
        raise ParameterError(
            f"{formula!r}: 'answer ~ terms' is needed, answer the name of a column"
        )
    plain = frame.reset_index(drop=True)
    kinds = plain.dtypes[[isinstance(kind, ExtensionDtype) and is_numeric_dtype(kind)
                          for kind in plain.dtypes]]  # fmt: skip
    plain = plain.astype(dict.fromkeys(kinds.index, "float64"))  # patsy knows no pd.NA
    try:
        with np.errstate(all="ignore"):
            matrix = dmatrix(right, plain, return_type="dataframe")
    except (PatsyError, NameError) as error:
        raise ParameterError(f"{formula!r}: {str(error).splitlines()[0]}") from None
    sample, codes = read_sample(frame, design), ordered(plain[name])
    used = plain.index.isin(matrix.index) & codes.notna().to_numpy() & (sample.weights > 0)
    known, y = np.unique(codes[used], return_inverse=True)
    if len(known) < 2:
        raise ParameterError(f"{name!r}: {len(known)} level in {used.sum()} answers, 2 are needed")
    shown = plain[name].cat.categories[known.astype(int)] if hasattr(plain[name], "cat") else known
    x = matrix.reindex(plain.index)[used].drop(columns="Intercept", errors="ignore")
    check_apart(x)
    return Rows(sample, used, x, y, [f"{v:g}" if isinstance(v, float) else str(v) for v in shown])


def check_apart(x: pd.DataFrame) -> None:
    """Refuse columns that follow from the constant and the columns before them."""
    whole = np.column_stack([np.ones(len(x)), x])
    if not np.isfinite(whole).all():
        raise ParameterError(f"{list(x.columns[np.isinf(x).any()])} hold infinite values")
    size, own = np.linalg.norm(whole, axis=0), np.zeros(whole.shape[1])
    beside = np.abs(np.diag(np.linalg.qr(whole / np.where(size > 0, size, 1), mode="r")))
    own[: len(beside)] = beside  # fewer rows than columns: the rest follows
    repeated = list(x.columns[own[1:] < REPEATED])
    if repeated:
        raise ParameterError(f"{repeated} are constant or follow from the columns before them")


def ordered(answer: pd.Series) -> pd.Series:
    """Return an answer as numbers in the order of its scale."""
    if isinstance(answer.dtype, pd.CategoricalDtype) and answer.cat.ordered:
        return answer.cat.codes.astype("float64").where(answer.notna())
    if not is_numeric_dtype(answer):
        raise TableError(
            f"{answer.name!r} has words without an order; make it an ordered category or numbers"
        )
    return answer.astype("float64")


def fitted(
    rows: Rows, outcomes: list[np.ndarray], levels: int, link: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the estimates of a model per outcome, stacked, and their joint covariance."""
    if link not in LINKS:
        raise ParameterError(not_known(f"link={link!r}", link, LINKS))
    sample, w = rows.sample, rows.sample.weights[rows.used]
    models = [maximum(rows.x, y, w, levels, LINKS[link]) for y in outcomes]
    if sample.replicates is not None:
        drawn = [
            np.concatenate([maximum(rows.x, y, own, levels, LINKS[link]) for y in outcomes])
            for own in sample.replicates.weights[rows.used].T
        ]
        return np.concatenate(models), sample.replicates.covariance(np.array(drawn))
    parts = []
    for y, at in zip(outcomes, models, strict=True):
        _, scores, hessian = likelihood(at, rows.x.to_numpy(), y, w, LINKS[link])
        parts.append(w[:, None] * np.linalg.solve(-hessian, scores.T).T)
    influence = np.zeros((len(rows.used), sum(map(len, models))))
    influence[rows.used] = np.hstack(parts)
    return np.concatenate(models), sample.covariance(influence)


def maximum(
    columns: pd.DataFrame, y: np.ndarray, weights: np.ndarray, levels: int, link: Link
) -> np.ndarray:
    """Return slopes and thresholds at which weighted answers are most likely."""
    w, size = weights / weights.sum(), np.abs(columns.to_numpy()).max(axis=0)
    x, p = columns.to_numpy() / size, len(size)
    each = np.bincount(y, w, levels)
    if not each.all():
        raise ParameterError("a level has no weight in a replicate; join it with its neighbour")
    at = np.append(np.zeros(p), link.quantile(np.cumsum(each)[:-1]))
    for _ in range(STEPS):
        value, scores, hessian = likelihood(at, x, y, w, link)
        gradient = w @ scores
        move = np.linalg.lstsq(-hessian, gradient, rcond=None)[0]
        gain, length = gradient @ move, 1.0
        while likelihood(at + length * move, x, y, w, link)[0] < value - 1e-14 and length > 1e-9:
            length /= 2
        at = at + length * move
        if gain < CLOSE:
            return np.append(at[:p] / size, at[p:])
    still = np.abs(move[:p]) * np.ptp(x, axis=0) > MOVING
    raise ParameterError(
        f"{list(columns.columns[still])}: no finite estimate, since all answers of a group lie at "
        "one end of the scale; join groups or leave the term out"
    )


def likelihood(
    at: np.ndarray, x: np.ndarray, y: np.ndarray, w: np.ndarray, link: Link
) -> tuple[float, np.ndarray, np.ndarray]:
    """Return weighted log-likelihood, unweighted scores (n, k) and weighted Hessian (k, k)."""
    p, eta = x.shape[1], x @ at[: x.shape[1]]
    edges = np.concatenate([[-np.inf], at[p:], [np.inf]])
    upper, lower = edges[y + 1] - eta, edges[y] - eta
    turn = np.where(lower > 0, -1.0, 1.0)  # to the tail in which differences keep their digits
    share = turn * (link.share(turn * upper) - link.share(turn * lower))
    scores, hessian = np.zeros((len(y), len(at))), np.zeros((len(at), len(at)))
    if not (share > 0).all():
        return -np.inf, scores, hessian
    for sign, end, edge in ((1, upper, y), (-1, lower, y - 1)):
        inner = np.flatnonzero(np.isfinite(end))
        own = np.zeros((len(inner), len(at)))
        own[:, :p], own[np.arange(len(inner)), p + edge[inner]] = -x[inner], 1
        pull = sign * link.density(end[inner]) / share[inner]
        scores[inner] += own * pull[:, None]
        hessian += own.T @ (own * (w[inner] * pull * link.bend(end[inner]))[:, None])
    return float(w @ np.log(share)), scores, hessian - scores.T @ (scores * w[:, None])
