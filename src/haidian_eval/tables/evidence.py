"""Evidence: what each unit has to hand in, and how much of it has come."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from haidian_eval.params import Params

STATES = ("verified", "partial", "insufficient", "missing")


def evidence_asked(tables: Mapping[str, pd.DataFrame], params: Params) -> pd.DataFrame:
    """Return unit_id, indicator_id, title: the evidence that the scheme asks of each unit."""
    indicators = tables["indicators"]
    own = indicators[indicators["scheme_id"] == params.scoring.scheme]
    own = own[own["evidence_required"].notna()].drop_duplicates("node_id")
    units = tables["units"]
    assessed = units[units["unit_type"].isin(params.tables.assessed)]
    asked = assessed[["unit_id"]].merge(own[["node_id", "evidence_required"]], how="cross")
    return asked.rename(columns={"node_id": "indicator_id", "evidence_required": "title"})


def evidence_completeness(tables: Mapping[str, pd.DataFrame], params: Params) -> pd.DataFrame:
    """Return, per unit, how many indicators ask for evidence and how it stands; absent ones named.

    An indicator counts once, by the best state of its evidence. Without a table of evidence there
    is nothing to report.
    """
    handed = tables.get("evidence", pd.DataFrame())
    names = ["unit_id", "asked", *STATES, "absent", "source_id"]
    if handed.empty:
        return pd.DataFrame(columns=names)
    asked = evidence_asked(tables, params)
    order = {state: place for place, state in enumerate(STATES)}
    best = handed.assign(_place=handed["state"].map(order)).sort_values("_place", kind="stable")
    best = best.drop_duplicates(["unit_id", "indicator_id"])
    known = best[["unit_id", "indicator_id", "state"]]
    both = asked.merge(known, on=["unit_id", "indicator_id"], how="left", validate="1:1")
    both["state"] = both["state"].fillna("missing")
    counts = pd.crosstab(both["unit_id"], both["state"]).reindex(columns=STATES, fill_value=0)
    absent = both[both["state"] == "missing"].groupby("unit_id")["indicator_id"].agg(";".join)
    source = ";".join(sorted({part for ids in handed["source_id"] for part in ids.split(";")}))
    result = counts.assign(
        asked=counts.sum(axis=1), absent=absent.reindex(counts.index).fillna(""), source_id=source
    )
    return result.reindex(asked["unit_id"].drop_duplicates()).reset_index()[names]
