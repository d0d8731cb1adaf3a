"""Weights: equal, from the data (entropy, CRITIC, principal component), from judgements (AHP)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError, not_known

RANDOM_INDEX: Mapping[str, Sequence[float]] = {  # at 0: the index of a matrix of one row
    "saaty": (0, 0, 0.58, 0.90, 1.12, 1.24, 1.32, 1.41, 1.45, 1.49),
    "tummala_ling": (
        0, 0, 0.5799, 0.8921, 1.1159, 1.2358, 1.3322, 1.3952, 1.4537, 1.4882, 1.5117, 1.5356,
        1.5571, 1.5714, 1.5831,
    ),
}  # fmt: skip
ROUNDING = 0.05  # of a reciprocal: 0.14 written for 1/7, 0.17 for 1/6
Matrix: TypeAlias = pd.DataFrame | np.ndarray | Sequence[Sequence[float]]
SAME = 1e-12  # below it numbers near 1 differ by the computer's arithmetic alone
UNITS_PER_INDICATOR = 5


@dataclass(frozen=True, slots=True)
class AHP:
    """Weights from pairwise judgements and how consistent these are.

    weights: by criterion, sum 1. lambda_max: largest eigenvalue, n where consistent.
    consistency_index: (lambda_max - n) / (n - 1). consistency_ratio: that over the random index of
    size n; below 0.1 is the usual demand. random_index: name of the table used, or "given".
    """

    weights: pd.Series
    lambda_max: float
    consistency_index: float
    consistency_ratio: float
    random_index: str


def complete_units(x: pd.DataFrame, method: str) -> pd.DataFrame:
    """Return the units with a value of every indicator, as floats, or name what forbids them."""
    if x.columns.empty or x.columns.has_duplicates:
        raise ParameterError(f"{method}: needs indicators, each once; found {list(x.columns)}")
    values = x.apply(pd.to_numeric, errors="coerce").astype("float64")
    wrong = (values.isna() & x.notna()) | np.isinf(values)
    if wrong.any(axis=None):
        name = wrong.any().idxmax()
        cell = x.loc[wrong[name], name].iloc[0]
        raise ParameterError(f"{method}: {name}: {str(cell)!r} is not a finite number; correct it")
    complete = values.dropna()
    if len(complete) < 2:
        worst = values.count().idxmin()
        raise ParameterError(
            f"{method}: {len(complete)} of {len(x)} units have every value and two are needed;"
            f" {worst} has the fewest ({values[worst].count()}): fill it or leave it out"
        )
    return complete


def refuse(method: str, wrong: pd.Series, why: str) -> None:
    """Name the first indicator of which `wrong` holds."""
    if wrong.any():
        raise ParameterError(f"{method}: {wrong.idxmax()} {why}: rescale it or leave it out")


def shared(raw: pd.Series, method: str) -> pd.Series:
    """Return weights that sum to 1, or say that there is nothing to share."""
    if not abs(raw.sum()) > SAME:
        found = ", ".join(f"{name} {value:+.3g}" for name, value in raw.items())
        raise ParameterError(f"{method}: weights that sum to 0 ({found}); choose another method")
    return (raw / raw.sum()).rename("weight")


def equal_weights(x: pd.DataFrame) -> pd.Series:
    """Return 1 / number of indicators for each; the values do not matter."""
    if x.columns.empty or x.columns.has_duplicates:
        raise ParameterError(f"equal: needs indicators, each once; found {list(x.columns)}")
    return pd.Series(1 / x.shape[1], index=x.columns, name="weight")


def entropy_weights(x: pd.DataFrame) -> pd.Series:
    """Return weights in proportion to 1 - entropy of each indicator's shares (Shannon 1948).

    p = x / sum(x), e = -sum(p ln p) / ln(n), weight ~ 1 - e (Hwang and Yoon 1981); 0 ln 0 is 0. An
    indicator equal for all n units has entropy 1, weight 0. Over the units with every value; values
    below zero and an indicator of zeros are refused.
    """
    complete = complete_units(x, "entropy")
    refuse("entropy", complete.min() < 0, "has values below zero")
    refuse("entropy", complete.sum() == 0, "is zero for every unit")
    share = complete / complete.sum()
    entropy = -(share * np.log(share.where(share > 0, 1.0))).sum() / np.log(len(share))
    varies = complete.max() > complete.min()  # rounding leaves 1e-16 for a constant
    return shared((1 - entropy).where(varies, 0.0), "entropy")


def critic_weights(
    x: pd.DataFrame, *, correlation: Literal["pearson", "spearman"] = "pearson"
) -> pd.Series:
    """Return weights in proportion to contrast times conflict (Diakoulaki et al. 1995).

    weight_j ~ sd_j sum_k(1 - r_jk), sd of the values scaled to 0-1 by their own minimum and maximum
    (part of the method; changes nothing where they are so scaled). Over the units with every value;
    an indicator that does not vary is refused, and so are indicators that are all one.
    """
    complete = complete_units(x, "CRITIC")
    refuse("CRITIC", complete.max() == complete.min(), "is the same for every unit")
    scaled = (complete - complete.min()) / (complete.max() - complete.min())
    conflict = (1 - scaled.corr(method=correlation)).sum()
    return shared(scaled.std() * (conflict if len(conflict) > 1 else 1.0), "CRITIC")


def pca_weights(x: pd.DataFrame) -> pd.Series:
    """Return the loadings of the first principal component of the correlations, over their sum.

    Loadings of mixed sign stay signed (OECD 2008, step 6, squares them; COINr takes them so); where
    they cancel, or two components explain the same, there are no weights. Over the units with every
    value; an indicator that does not vary is refused.
    """
    complete = complete_units(x, "PCA")
    refuse("PCA", complete.max() == complete.min(), "is the same for every unit")
    roots, vectors = np.linalg.eigh(complete.corr().to_numpy())
    if len(roots) > 1 and roots[-1] - roots[-2] < SAME:
        names = ", ".join(map(str, complete))
        raise ParameterError(f"PCA: no component of {names} comes first; choose another method")
    return shared(pd.Series(vectors[:, -1], index=complete.columns), "PCA")


WEIGHTS: Mapping[str, Callable[[pd.DataFrame], pd.Series]] = {
    "equal": equal_weights,
    "entropy": entropy_weights,
    "critic": critic_weights,
    "pca": pca_weights,
}


def official_weights(x: pd.DataFrame, method: str) -> pd.Series:
    """Return weights fit for an official score: none below zero, five units for each indicator.

    The cases-to-variables rule (OECD 2008, step 4): complete units >= 5 x indicators; equal weights
    take nothing from the data and are free of it.
    """
    if method not in WEIGHTS:
        raise ParameterError(not_known(f"weights = {method!r}", method, WEIGHTS))
    complete, least = len(x.dropna()), UNITS_PER_INDICATOR * x.shape[1]
    if method != "equal" and complete < least:
        raise ParameterError(
            f"{method}: {x.shape[1]} indicators need {least} units with every value and {complete}"
            " have them: fewer than five units per indicator; choose equal weights or judgements"
        )
    weights = WEIGHTS[method](x)
    refuse(method, weights < 0, "would weigh less than zero")
    return weights


def combine_weights(a: pd.Series, b: pd.Series, share: float) -> pd.Series:
    """Return share x a + (1 - share) x b, each first made to sum to 1 (subjective, objective)."""
    if not 0 <= share <= 1:
        raise ParameterError(f"share = {share:g} must lie between 0 and 1")
    apart = sorted(map(str, a.index.symmetric_difference(b.index)))
    if apart or a.index.has_duplicates or b.index.has_duplicates:
        raise ParameterError(f"both weights must name the same indicators once; see {apart}")
    for weights in (a, b):
        if not ((weights >= 0).all() and 0 < weights.sum() < np.inf):
            found = ", ".join(f"{name} {value:g}" for name, value in weights.items())
            raise ParameterError(f"weights must be finite, none below zero, one above: {found}")
    return (share * a / a.sum() + (1 - share) * b.reindex(a.index) / b.sum()).rename("weight")


def judgements(matrix: Matrix) -> pd.DataFrame:
    """Return a pairwise comparison matrix: square, positive, 1 on the diagonal, reciprocal."""
    frame = pd.DataFrame(matrix).astype("float64")
    rows, columns = frame.index, frame.columns
    if frame.empty or rows.has_duplicates or len(rows) != len(columns) or {*rows} != {*columns}:
        raise ParameterError(
            f"judgements must be square, with the same criteria in rows and columns, each once;"
            f" found {list(rows)} against {list(columns)}"
        )
    frame = frame[rows]
    values = frame.to_numpy()
    product = values * values.T
    for wrong, demand in (
        (~(np.isfinite(values) & (values > 0)), "a finite number above zero"),
        (np.eye(len(values), dtype=bool) & (abs(values - 1) > SAME), "1, compared with itself"),
        (~(abs(product - 1) <= ROUNDING), "1 / the judgement the other way round"),
    ):
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            where = f"{frame.index[row]} against {frame.columns[column]}"
            raise ParameterError(f"{where}: {values[row, column]:g} must be {demand}")
    return frame


def group_judgements(matrices: Sequence[Matrix]) -> pd.DataFrame:
    """Return the elementwise geometric mean, which stays reciprocal (Aczel and Saaty 1983)."""
    frames = [judgements(matrix) for matrix in matrices]
    if not frames or any(set(frame.index) != set(frames[0].index) for frame in frames):
        raise ParameterError("a group needs matrices of one set of criteria; found others or none")
    names = frames[0].index
    logs = np.mean([np.log(frame.loc[names, names]) for frame in frames], axis=0)
    return pd.DataFrame(np.exp(logs), index=names, columns=names)


def ahp_weights(matrix: Matrix, random_index: str | Sequence[float] = "saaty") -> AHP:
    """Return the principal eigenvector of the judgements and their consistency (Saaty 1980).

    `random_index`: a table of `RANDOM_INDEX` ("saaty" 1980, "tummala_ling" 1998), or the random
    indices of the sizes 1, 2, 3 ... themselves: tables differ, and the ratio with them.
    """
    frame = judgements(matrix)
    n, name = len(frame), random_index if isinstance(random_index, str) else "given"
    if isinstance(random_index, str) and name not in RANDOM_INDEX:
        raise ParameterError(not_known(f"random_index = {name!r}", name, RANDOM_INDEX))
    table = RANDOM_INDEX[random_index] if isinstance(random_index, str) else random_index
    if n > len(table) or (n > 2 and not table[n - 1] > 0):
        raise ParameterError(
            f"the random index {name!r} has no value above zero for {n} criteria (it ends at"
            f" {len(table)}); group the criteria or give a longer table"
        )
    roots, vectors = np.linalg.eig(frame.to_numpy())
    lambda_max = float(roots.real.max())
    weights = pd.Series(abs(vectors[:, roots.real.argmax()].real), index=frame.index)
    index = max(0.0, (lambda_max - n) / (n - 1)) if n > 2 else 0.0
    ratio = index / table[n - 1] if n > 2 else 0.0
    return AHP(shared(weights, "AHP"), lambda_max, index, ratio, name)
