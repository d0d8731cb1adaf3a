"""A composite of indicators of different months: a demonstration of the method, no result."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from haidian_eval.environment.levels import joined, one_vintage
from haidian_eval.errors import ParameterError
from haidian_eval.robustness import remove_one
from haidian_eval.scoring import Framework, score

COLUMNS = ["index", "rank", "rank_best", "rank_worst", "source_id"]


def demonstration(
    values: pd.DataFrame, framework: Framework, units: pd.DataFrame, periods: Mapping[str, str]
) -> pd.DataFrame:
    """Return a composite over indicators of different months, with what each of them moves.

    One row per unit: index, rank, and the best and worst rank when each indicator in turn is left
    out. A demonstration of the method: it stands for no period. Empty where an indicator has no
    value in its month.
    """
    absent = [leaf for leaf in framework.leaves if leaf not in periods]
    if absent:
        raise ParameterError(f"environment.demonstration names no period for {absent}")
    months = values["indicator_id"].map(dict(periods)) == values["period"]
    inside = one_vintage(values[months & values["unit_id"].isin(units["unit_id"])])
    own = units[["unit_id", "peer_group"]].reset_index(drop=True)
    if set(inside["indicator_id"]) != set(framework.leaves):
        return own.head(0).reindex(columns=[*own, *COLUMNS])
    wide = inside.pivot(index="unit_id", columns="indicator_id", values="value")
    wide = wide.reindex(index=units["unit_id"], columns=framework.leaves)
    scores = score(wide, framework)
    ranks = pd.concat([scores.rank, remove_one(wide, framework)], axis=1)
    table = scores.normalised.assign(
        index=scores.index,
        rank=scores.rank,
        rank_best=ranks.min(axis=1).astype("Int64"),
        rank_worst=ranks.max(axis=1).astype("Int64"),
        source_id=inside.groupby("unit_id")["source_id"].agg(joined),
    )
    return own.join(table, on="unit_id")
