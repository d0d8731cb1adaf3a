"""Unit and period effects taken out, gaps and all, by kinds of units that share their regressors.

Units with the same regressors and the same gaps are one kind, so that regressors are worked out
once a kind: a handful in a balanced panel, whatever its number of units.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from haidian_eval.effect.panel import Panel

ZERO = 1e-10  # of the largest singular value: the direction in which nothing differs


@dataclass(frozen=True, slots=True)
class Kinds:
    """Units by kind.

    of: N codes. order: the units, kind by kind. start: where each kind begins in `order`, and the
    end. first: one unit of each kind. count: units of each kind.
    """

    of: np.ndarray
    order: np.ndarray
    start: np.ndarray
    first: np.ndarray
    count: np.ndarray


@dataclass(frozen=True, slots=True)
class Effects:
    """Unit and period effects of a panel.

    seen: N x T. share: 1 / periods seen, by unit. inverse: T x T, of the period effects' normal
    equations once unit effects are out. kinds: of the units. mask: kind x T.
    """

    seen: np.ndarray
    share: np.ndarray
    inverse: np.ndarray
    kinds: Kinds
    mask: np.ndarray


def kinds_of(*columns: np.ndarray) -> Kinds:
    """Return the kinds of units, two of them alike when all their columns (N x anything) are."""
    raw = [np.ascontiguousarray(own).view(np.uint8).reshape(len(own), -1) for own in columns]
    joint = np.ascontiguousarray(np.hstack(raw))
    whole = joint.view(np.dtype((np.void, joint.shape[1]))).ravel()
    same = (joint == joint[:1]).all()
    if same:  # sorting is the dear part
        of, first = np.zeros(len(joint), dtype=np.int64), np.zeros(1, dtype=np.int64)
    else:
        _, first, of = np.unique(whole, return_index=True, return_inverse=True)
    count = np.bincount(of, minlength=len(first))
    return Kinds(of, np.argsort(of, kind="stable"), np.append(0, np.cumsum(count)), first, count)


def effects_of(panel: Panel, *columns: np.ndarray, seen: np.ndarray | None = None) -> Effects:
    """Return unit and period effects, with kinds by gaps and by `columns`.

    With covariates, which are each unit's own, every unit is a kind.
    """
    there = panel.seen if seen is None else seen
    own = [np.arange(len(there))[:, None]] if panel.covariates else columns
    kinds = kinds_of(np.packbits(there, axis=1), *own)
    mask = there[kinds.first].astype("float64")
    share = 1 / np.maximum(mask.sum(axis=1), 1)
    weighted = mask * kinds.count[:, None]
    normal = np.diag(weighted.sum(axis=0)) - (weighted * share[:, None]).T @ mask
    inverse = np.linalg.pinv(normal, rcond=ZERO, hermitian=True)
    return Effects(there, share[kinds.of], inverse, kinds, mask)


def beside(panel: Panel, effects: Effects, design: np.ndarray) -> np.ndarray:
    """Return a design (kind x period x slope) with the panel's covariates beside it."""
    own = [np.nan_to_num(values[effects.kinds.first]) for values in panel.covariates.values()]
    return np.concatenate([design, *(values[:, :, None] for values in own)], axis=2)


def take_out(effects: Effects, values: np.ndarray) -> np.ndarray:
    """Return unit x period values without unit and period effects, 0 where none is seen."""
    whole = effects.seen.all()
    known = values if whole else np.where(effects.seen, values, 0.0)
    left = known - (known.sum(axis=1) * effects.share)[:, None]
    if not whole:
        left *= effects.seen
    period = effects.inverse @ left.sum(axis=0)
    left -= period
    left += ((effects.seen @ period) * effects.share)[:, None]
    return left if whole else left * effects.seen


def take_out_of_kinds(effects: Effects, design: np.ndarray) -> np.ndarray:
    """Return regressors (kind x period x regressor) without unit and period effects."""
    mask = effects.mask[:, :, None]
    share = 1 / np.maximum(mask.sum(axis=1, keepdims=True), 1)
    left = mask * (design - (mask * design).sum(axis=1, keepdims=True) * share)
    period = effects.inverse @ np.tensordot(effects.kinds.count, left, axes=1)
    inside = left - period + (mask * period).sum(axis=1, keepdims=True) * share
    out: np.ndarray = mask * inside
    return out


def by_kind(kinds: Kinds, values: np.ndarray) -> np.ndarray:
    """Return sums over the units of each kind: kind x columns."""
    return np.add.reduceat(values[kinds.order], kinds.start[:-1], axis=0)


def scores(kinds: Kinds, design: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """Return unit x regressor the sums over periods of regressor times residual."""
    found = np.empty((len(residual), design.shape[2]))
    for code, (start, end) in enumerate(zip(kinds.start[:-1], kinds.start[1:], strict=True)):
        own = kinds.order[start:end]
        found[own] = residual[own] @ design[code]
    return found


def by_cluster(codes: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """Return sums over the units of each cluster: cluster x columns."""
    if len(values) == count and (codes == np.arange(count)).all():
        return values
    found = np.zeros((count, *values.shape[1:]))
    np.add.at(found, codes, values)
    return found
