"""Steps that make weights agree with known totals, and what each takes out of the variance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError
from haidian_eval.satisfaction.cells import plain
from haidian_eval.satisfaction.design import Design
from haidian_eval.satisfaction.stages import coded, sums_by

if TYPE_CHECKING:
    from haidian_eval.satisfaction.sample import Sample

Array = np.ndarray
SWEEPS = 10  # of the residuals of raking, as many as R's survey takes
MOST_ITERATIONS = 500
FACTOR = "_factor"


@dataclass(frozen=True, slots=True)
class Step:
    """One calibration: which columns it looks at, and the factor that it gave their levels.

    kind: how replicates are calibrated anew and what is projected out. known: columns, _factor.
    targets: what `FITS[kind]` needs. total: of all weights after the step.
    """

    kind: str
    columns: tuple[str, ...]
    targets: Any
    known: pd.DataFrame | None = None
    total: float = 0.0

    def fit(self, keys: pd.DataFrame, weights: Array, rows: Array) -> Array:
        """Return the factor (cells,) that makes sums of weights (cells,) agree with the targets."""
        return FITS[self.kind](self, keys, weights, rows)

    def factor(self, keys: pd.DataFrame) -> Array:
        """Return the factor of each cell as it was fixed; raise ParameterError for new levels."""
        assert self.known is not None
        own = keys[list(self.columns)].merge(self.known, on=list(self.columns), how="left")
        found: Array = own[FACTOR].to_numpy(dtype=float)
        if (new := np.isnan(found)).any():
            row = keys[list(self.columns)][new].iloc[0].to_dict()
            raise ParameterError(
                f"{row} was not among the rows that were calibrated; calibrate the table that is "
                "estimated from, and name domains with `by`"
            )
        return found

    def project(self, sample: Sample, direction: Array, before: Array, after: Array) -> Array:
        """Return directions (cells, k, p) less what the step explains.

        before, after (cells,): factors on the design weight.
        """
        return PROJECTIONS[self.kind](self, sample, direction, before, after)


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A design and the steps of calibration upon it, first to last; goes wherever a Design goes."""

    design: Design
    steps: tuple[Step, ...]


AnyDesign = Design | Calibrated


def base(design: AnyDesign) -> Design:
    """Return the design below all calibration; raise ParameterError for anything else."""
    own = design.design if isinstance(design, Calibrated) else design
    if not isinstance(own, Design):
        raise ParameterError(f"a Design or Calibrated is needed, not {type(design).__name__}")
    return own


def steps_of(design: AnyDesign) -> tuple[Step, ...]:
    """Return the steps of calibration, first to last."""
    return design.steps if isinstance(design, Calibrated) else ()


def calibrated_by(design: AnyDesign) -> list[str]:
    """Return the columns that the steps of calibration look at."""
    return list(dict.fromkeys(name for step in steps_of(design) for name in step.columns))


def groups(keys: pd.DataFrame, columns: Sequence[str]) -> Array:
    """Return a code for each combination of levels."""
    if not columns:
        return np.zeros(len(keys), dtype=np.int64)
    return coded(*(keys[name] for name in columns))


def over(above: Array, below: Array) -> Array:
    """Return a quotient, 0 where nothing is divided by."""
    below = np.broadcast_to(below, above.shape)
    return np.divide(above, below, out=np.zeros(above.shape), where=below != 0)


def less(direction: Array, constant: Array) -> Array:
    """Return directions whose constant is lowered by (cells, k)."""
    lowered = direction.copy()
    lowered[:, :, 0] -= constant
    return lowered


def wanted(totals: pd.Series, keys: pd.DataFrame, columns: Sequence[str]) -> Array:
    """Return the target of each cell's level."""
    found = totals.reset_index()
    found.columns = [*columns, FACTOR]
    return keys[list(columns)].merge(found, on=list(columns), how="left")[FACTOR].to_numpy(float)


def fit_groups(step: Step, keys: pd.DataFrame, weights: Array, rows: Array) -> Array:
    """Return total over sum of weights of each cell's group."""
    code = groups(keys, step.columns)
    target = wanted(step.targets, keys, step.columns)
    own = np.bincount(code, weights=weights)[code]
    refuse_empty(own, target, keys, step.columns)
    return over(target, own)


def refuse_empty(own: Array, target: Array, keys: pd.DataFrame, columns: Sequence[str]) -> None:
    """Raise ParameterError where a group without weight has a total."""
    if (empty := (own <= 0) & (target > 0)).any():
        raise ParameterError(
            f"{keys[list(columns)][empty].iloc[0].to_dict()} has a population total but no weight "
            "in the sample; merge it with a neighbouring level"
        )


def fit_raking(step: Step, keys: pd.DataFrame, weights: Array, rows: Array) -> Array:
    """Return factors by iterative proportional fitting (Deming and Stephan 1940)."""
    margins, tolerance = step.targets
    codes = [groups(keys, names) for names, _ in margins]
    goals = []
    for (names, totals), code in zip(margins, codes, strict=True):
        target = wanted(totals, keys, names)
        refuse_empty(np.bincount(code, weights=weights)[code], target, keys, names)
        goal = np.zeros(int(code.max()) + 1)
        goal[code] = target
        goals.append(goal)
    joint = coded(*codes)
    first = np.unique(joint, return_index=True)[1]
    own, small = np.bincount(joint, weights=weights), [code[first] for code in codes]
    current = iterate(own.copy(), small, goals, tolerance)
    return over(current, own)[joint]


def iterate(own: Array, codes: list[Array], goals: list[Array], tolerance: float) -> Array:
    """Return sums of weights that meet all margins to a relative tolerance."""
    for _ in range(MOST_ITERATIONS):
        for code, goal in zip(codes, goals, strict=True):
            own *= over(goal, np.bincount(code, weights=own, minlength=len(goal)))[code]
        gaps = [np.abs(np.bincount(code, weights=own, minlength=len(goal)) - goal).max()
                / goal.max() for code, goal in zip(codes, goals, strict=True)]  # fmt: skip
        if max(gaps) <= tolerance:
            return own
    raise ParameterError(
        f"raking does not meet all margins after {MOST_ITERATIONS} rounds (gap {max(gaps):.2g} of "
        f"the largest total, {tolerance:g} asked): the sample has too few combinations of levels; "
        "merge levels"
    )


def design_matrix(step: Step, keys: pd.DataFrame) -> Array:
    """Return the columns of a calibration (cells, q) as numbers."""
    names = step.targets[0].index
    return np.stack([np.ones(len(keys)) if name == "intercept"
                     else keys[name].to_numpy(dtype=float) for name in names], axis=1)  # fmt: skip


def fit_regression(step: Step, keys: pd.DataFrame, weights: Array, rows: Array) -> Array:
    """Return factors 1 + x'b, or exp(x'b), that meet the totals (Deville and Sarndal 1992)."""
    totals, method = step.targets
    x, goal = design_matrix(step, keys), totals.to_numpy(dtype=float)
    size = np.sqrt(np.maximum((weights[:, None] * x**2).sum(axis=0), 1e-300))
    x, goal = x / size, goal / size
    slope, factor = np.zeros(x.shape[1]), np.ones(len(keys))
    for _ in range(1 if method == "linear" else 100):
        gap = goal - (weights * factor) @ x
        if np.abs(gap).max() <= 1e-13 * np.abs(goal).max():
            break
        bend = x.T @ (x * (weights * (1.0 if method == "linear" else factor))[:, None])
        slope = slope + np.linalg.lstsq(bend, gap, rcond=None)[0]
        factor = 1 + x @ slope if method == "linear" else np.exp(np.clip(x @ slope, -50, 50))
    if np.abs(goal - (weights * factor) @ x).max() > 1e-8 * np.abs(goal).max():
        raise ParameterError(
            f"the totals of {[*totals.index]} cannot be met together by this sample; check their "
            "units and whether one follows from the others"
        )
    return factor


def fit_trim(step: Step, keys: pd.DataFrame, weights: Array, rows: Array) -> Array:
    """Return factors that keep row weights inside the limits; the excess goes to all others."""
    low, high = step.targets
    start = over(weights, rows)
    own = start.copy()
    used = start > 0
    for _ in range(MOST_ITERATIONS):
        outside = used & ((own < low * (1 - 1e-12)) | (own > high * (1 + 1e-12)))
        if not outside.any():
            return over(own, start)
        kept = np.clip(own, low, high)
        spare = float((rows * (own - kept))[outside].sum())
        others = used & ~outside
        if not others.any():
            break
        own = np.where(outside, kept, own + others * spare / rows[others].sum())
    raise ParameterError(
        f"weights cannot be kept between {low:g} and {high:g} and add up to the same total "
        f"(mean weight {over(weights.sum(), rows[used].sum()):g}); widen the limits"
    )


def fit_response(step: Step, keys: pd.DataFrame, weights: Array, rows: Array) -> Array:
    """Return all weight over respondents' weight of each cell, 0 for those who did not answer."""
    answered = step.targets
    here = keys[answered].to_numpy(dtype=float) == 1
    code = groups(keys, [name for name in step.columns if name != answered])
    everybody, some = (np.bincount(code, weights=own)[code] for own in (weights, weights * here))
    if (empty := (some <= 0) & (everybody > 0)).any():
        cell = keys[list(step.columns)][empty].iloc[0].drop(answered).to_dict()
        raise ParameterError(f"nobody answered in the cell {cell or 'of all'}; merge cells")
    return np.where(here, over(everybody, some), 0.0)


def project_groups(
    step: Step, sample: Sample, direction: Array, before: Array, after: Array
) -> Array:
    """Take out the group means, weighted as before the step."""
    code = groups(sample.keys, step.columns)
    share = over(before, after)[:, None]
    summed = sums_by(code, share * np.einsum("ckp,cp->ck", direction, sample.weighted), 0)
    weight = np.bincount(code, weights=before * sample.weighted[:, 0])
    return less(direction, after[:, None] * over(summed, weight[:, None])[code])


def project_raking(
    step: Step, sample: Sample, direction: Array, before: Array, after: Array
) -> Array:
    """Take out the margins' unweighted means in ten rounds, as R's survey does."""
    codes = [groups(sample.keys, names) for names, _ in step.targets[0]]
    own = over(np.einsum("ckp,cp->ck", direction, sample.plain), after[:, None])
    used = sample.n * (after * sample.weighted[:, 0] > 0)
    sizes = [np.bincount(code, weights=used)[:, None] for code in codes]
    taken = np.zeros_like(own)
    for _ in range(SWEEPS):
        for code, size in zip(codes, sizes, strict=True):
            taken += over(sums_by(code, own - used[:, None] * taken, 0), size)[code]
    return less(direction, after[:, None] * taken)


def project_regression(
    step: Step, sample: Sample, direction: Array, before: Array, after: Array
) -> Array:
    """Take out the regression on the calibrated columns, weighted as before the step."""
    x, weight = design_matrix(step, sample.keys), before * sample.weighted[:, 0]
    own = over(before, after)[:, None] * np.einsum("ckp,cp->ck", direction, sample.weighted)
    root = np.sqrt(weight)[:, None]
    slope = np.linalg.lstsq(root * x, over(own, root), rcond=None)[0]
    return less(direction, after[:, None] * (x @ slope))


def project_response(
    step: Step, sample: Sample, direction: Array, before: Array, after: Array
) -> Array:
    """Put the respondents' cell mean in the place of those who did not answer."""
    code = groups(sample.keys, [name for name in step.columns if name != step.targets])
    summed = sums_by(code, np.einsum("ckp,cp->ck", direction, sample.weighted), 0)
    weight = np.bincount(code, weights=after * sample.weighted[:, 0])
    mean = over(summed, weight[:, None])[code]
    return less(direction, (after - before)[:, None] * mean)


def unchanged(step: Step, sample: Sample, direction: Array, before: Array, after: Array) -> Array:
    """Take out nothing: trimming knows no totals."""
    return direction


FITS: dict[str, Callable[[Step, pd.DataFrame, Array, Array], Array]] = {
    "groups": fit_groups, "raking": fit_raking, "regression": fit_regression, "trim": fit_trim,
    "response": fit_response,
}  # fmt: skip
PROJECTIONS: dict[str, Callable[[Step, Any, Array, Array, Array], Array]] = {
    "groups": project_groups, "raking": project_raking, "regression": project_regression,
    "trim": unchanged, "response": project_response,
}  # fmt: skip


def levels(totals: pd.Series) -> pd.Series:
    """Return totals with their index in the types that cells have."""
    index = totals.index.to_frame(index=False)
    tidy = {name: plain(index[name]) for name in index.columns}
    return pd.Series(totals.to_numpy(dtype=float),
                     pd.MultiIndex.from_frame(pd.DataFrame(tidy)), name=FACTOR)  # fmt: skip
