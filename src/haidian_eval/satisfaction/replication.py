"""Replicate weights: given with the data, or one sampling unit left out at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError
from haidian_eval.satisfaction.design import Replicates
from haidian_eval.satisfaction.stages import Stage

Array = np.ndarray
MOST = 50_000_000  # numbers in the matrix of replicate weights


@dataclass(frozen=True, slots=True)
class Replication:
    """Replicate weights as factors on the design weight, calibration included.

    factors (cells, R). weights (cells, R): sums of replicate weights; of rows where cells are rows.
    scales (R,): of the squared distances from the mean of the replicates. df: of a mask of cells;
    none: that of the design.
    """

    factors: Array
    weights: Array
    scales: Array
    df: Callable[[Array], int] | None = None

    def covariance(self, estimates: Array, full: Array | None = None) -> Array:
        """Return the covariance (k, k) of estimates (R, k), around the mean of the replicates.

        full (k,): distances are taken from the estimates of the whole sample instead (mse).
        """
        used = estimates[self.scales > 0]
        centre = used.mean(axis=0) if full is None else full
        apart = used - centre
        found: Array = (apart * self.scales[self.scales > 0][:, None]).T @ apart
        return found


def jackknife(kind: str, stage: Stage, weight: Array, policy: str) -> Replication:
    """Return delete-one-unit replicates of the first stage ("jk1" without strata, or "jkn").

    weight (cells,): sums of design weights. The finite-population correction of the first stage is
    in the scales (Rust and Rao 1996). Raises ParameterError where it cannot be built.
    """
    strata = len(stage.drawn)
    if kind == "jk1" and strata > 1:
        raise ParameterError(
            f"replicates='jk1' knows no strata, the design has {strata}; choose 'jkn'"
        )
    unit = np.arange(len(weight)) if stage.unit is None else stage.unit
    of = stage.stratum if stage.unit is None else stage.stratum_of
    if (alone := stage.alone).any() and policy not in ("remove", "certainty"):
        names = "; ".join(stage.label[at] for at in np.flatnonzero(alone)[:3])
        raise ParameterError(
            f"{int(alone.sum())} strata have a single sampling unit ({names}), which a jackknife "
            "cannot leave out; merge strata, or choose singleton='certainty' or 'remove'"
        )
    kept = np.flatnonzero(stage.drawn[of] > 1)
    if len(kept) * len(weight) > MOST:
        raise ParameterError(
            f"a jackknife of {len(kept)} sampling units over {len(weight)} cells is too large; "
            "leave `replicates` blank (linearisation), or draw units together as clusters"
        )
    drawn = stage.drawn[of[kept]]
    same = stage.stratum[:, None] == of[kept][None, :]
    factors = np.where(same, drawn / (drawn - 1), 1.0)
    factors[unit[:, None] == kept[None, :]] = 0.0
    scales = (drawn - 1) / drawn * stage.left[of[kept]]
    return Replication(factors, factors * weight[:, None], scales)


def given(frame: pd.DataFrame, chosen: Replicates, weight: Array) -> Replication:
    """Return replicates that a frame holds; weight (rows,): the design weights."""
    columns = list(chosen.columns)
    try:
        own = frame[columns].to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"replicate weights must be numbers: {error}") from error
    wrong = ~np.isfinite(own) | (own < 0)
    if wrong.any():
        name = columns[int(np.flatnonzero(wrong.any(axis=0))[0])]
        raise ParameterError(
            f"replicate weights in column {name!r} are blank, negative or infinite in "
            f"{int(wrong.any(axis=1).sum())} rows; every row needs a weight of at least 0"
        )
    if ((weight == 0)[:, None] & (own > 0)).any():
        raise ParameterError("rows with design weight 0 have replicate weights above 0")
    factors = np.divide(own, weight[:, None], out=np.zeros_like(own), where=weight[:, None] > 0)
    each = np.ones(len(columns)) if chosen.rscales is None else np.asarray(chosen.rscales)
    scales = each * chosen.factor()
    return Replication(factors, own, scales, lambda rows: int(np.linalg.matrix_rank(own[rows])) - 1)
