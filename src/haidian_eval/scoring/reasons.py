"""Where points were lost: full marks less score, closed by reasons at every node."""

from __future__ import annotations

import numpy as np
import pandas as pd

from haidian_eval.scoring.composite import Scores, shares_of
from haidian_eval.scoring.framework import Framework

FORMULA = "aggregation"


def reasons(scores: Scores, framework: Framework) -> pd.DataFrame:
    """Return one row per unit, node and reason: unit_id, node_id, reason, points.

    The points of a node's reasons sum to `scores.lost`. A leaf has one reason, its rule. A parent
    has its children, each with its share of what the child lost, and `aggregation` for what the
    mean itself takes (nothing for an arithmetic mean); points added or taken off at the root are
    reasons of their own, added ones negative. Nodes without full marks or score have no rows.
    """
    weight, parts = framework.nodes["weight"], []
    for node, own in scores.lost.items():
        kin = framework.families.get(str(node), [])
        if not kin:
            parts.append(told(own, node, str(framework.nodes.at[node, "rule"])))
            continue
        shares = shares_of(scores.nodes[kin].to_numpy().T, weight[kin].to_numpy())
        taken = pd.DataFrame(shares.T * scores.lost[kin].fillna(0.0).to_numpy(), own.index, kin)
        if node == framework.root:
            for extra, points in framework.bonuses.items():
                taken[extra] = -points * scores.nodes[extra].fillna(0.0) / 100
        parts += [told(taken[child].where(own.notna()), node, child) for child in taken]
        rest = own - taken.sum(axis=1)
        parts.append(told(rest.where(rest.abs() > 1e-9), node, FORMULA))
    return pd.concat(parts, ignore_index=True)


def told(points: pd.Series, node: object, reason: str) -> pd.DataFrame:
    """Return the rows of one reason; what is missing has none."""
    known = points.dropna()
    table = {"unit_id": known.index, "node_id": node, "reason": reason}
    return pd.DataFrame(table | {"points": known.to_numpy(dtype=np.float64)})
