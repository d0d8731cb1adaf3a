"""A composite of indicators of different months: a demonstration of the method, no result."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from haidian_eval.environment.levels import joined, one_vintage
from haidian_eval.errors import ParameterError
from haidian_eval.scoring import Framework, score


def demonstration(
    values: pd.DataFrame, framework: Framework, units: pd.DataFrame, periods: Mapping[str, str]
) -> pd.DataFrame:
    """Return a composite over indicators of different months, with what each of them moves.

    One row per unit: index, rank, and the best and worst rank when each indicator in turn is left
    out. A demonstration of the method: it stands for no period.
    """
    absent = [leaf for leaf in framework.leaves if leaf not in periods]
    if absent:
        raise ParameterError(f"environment.demonstration names no period for {absent}")
    chosen = pd.concat(
        values[(values["indicator_id"] == leaf) & (values["period"] == periods[leaf])]
        for leaf in framework.leaves
    )
    inside = one_vintage(chosen[chosen["unit_id"].isin(units["unit_id"])])
    wide = inside.pivot(index="unit_id", columns="indicator_id", values="value")
    wide = wide.reindex(index=units["unit_id"], columns=framework.leaves)
    scores = score(wide, framework)
    without = [
        score(wide, framework, weights=pd.Series({leaf: 0.0})).rank for leaf in framework.leaves
    ]
    ranks = pd.concat([scores.rank, *without], axis=1)
    table = pd.DataFrame(
        {
            "index": scores.index,
            "rank": scores.rank,
            "rank_best": ranks.min(axis=1).astype("Int64"),
            "rank_worst": ranks.max(axis=1).astype("Int64"),
        }
    )
    cited = inside.groupby("unit_id")["source_id"].agg(joined)
    table = pd.concat([table, scores.normalised], axis=1).assign(source_id=cited)
    return units[["unit_id", "peer_group"]].merge(
        table.rename_axis("unit_id").reset_index(), on="unit_id", validate="1:1"
    )
