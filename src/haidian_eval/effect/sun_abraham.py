"""Interaction-weighted effects (Sun and Abraham 2021, Journal of Econometrics 225)."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
import pandas as pd

from haidian_eval.effect.estimate import Estimate, estimated, table
from haidian_eval.effect.group_time import comparable
from haidian_eval.effect.panel import (
    Panel,
    complete,
    named,
    read_panel,
    refuse_without_comparison,
)
from haidian_eval.effect.regression import RULES, covariance, fit
from haidian_eval.effect.within import effects_of


def cells_of(panel: Panel) -> list[tuple[float, float]]:
    """Return cohort and periods since adoption of every effect, references left out."""
    found = []
    for cohort in np.unique(panel.cohort[np.isfinite(panel.cohort)]):
        seen = panel.seen[panel.cohort == cohort].any(axis=0)
        since = panel.times[seen] - cohort
        reference = since[since < 0].max() if (since < 0).any() else since.min()
        found += [(cohort, key) for key in since if key != reference]
    return found


def sun_abraham(
    panel: pd.DataFrame, outcome: str, unit: str, time: str, cohort: str, *,
    cluster: str | None = None, covariates: str | Sequence[str] | None = None,
    small_sample: str = "fixest", level: float = 0.95,
) -> Estimate:  # fmt: skip
    """Return the mean effect of a regression with an effect for each cohort in each period.

    Against units never treated, or the last cohort until it adopts. `by`: by periods since
    adoption, weighted by treated rows; the shares of cohorts are taken as known, as fixest does.
    dropped: units treated from the first period on. Raises ParameterError for an unusable panel.
    """
    whole = complete(read_panel(panel, outcome, unit, time, cohort=cohort, cluster=cluster,
                                covariates=named(covariates)))  # fmt: skip
    return interaction_weighted(whole, small_sample=small_sample, level=level)


def interaction_weighted(
    panel: Panel, *, small_sample: str = "fixest", level: float = 0.95
) -> Estimate:
    """Return the interaction-weighted effect of a panel; see sun_abraham."""
    refuse_without_comparison(panel)
    known, dropped = comparable(panel, "notyet", 0)
    effects = effects_of(known, known.cohort[:, None])
    pairs = np.array(cells_of(known))
    own, since = known.cohort[effects.kinds.first], known.since[effects.kinds.first]
    design = (own[:, None, None] == pairs[:, 0]) & (since[:, :, None] == pairs[:, 1])
    wanted = (
        "the effect on a cohort in a period cannot be told from unit and period effects; leave out"
        " cohorts with few rows"
    )
    fitted = fit(known, effects, design.astype("float64"), wanted)
    found, df = covariance(fitted, small_sample)
    found, slopes = found[: len(pairs), : len(pairs)], fitted.coefficients[: len(pairs)]
    rows = (design * effects.mask[:, :, None]).sum(axis=1).T @ effects.kinds.count
    keys = np.unique(pairs[:, 1])
    weights = [rows * (pairs[:, 1] >= 0), *(rows * (pairs[:, 1] == key) for key in keys)]
    means = [own / own.sum() for own in weights]
    values = [float(own @ slopes) for own in means]
    se = [sqrt(own @ found @ own) for own in means]
    clusters, least = len(known.clusters), float(df[: len(pairs)].min())
    by = table(keys.astype("int64"), np.array(values[1:]), np.array(se[1:]), df=least, level=level)
    return estimated(
        values[0], se[0], n=known.n, clusters=clusters, df=least, rule=RULES[small_sample],
        level=level, dropped=dropped, by=by.assign(n=[int(own.sum()) for own in weights[1:]]),
    )  # fmt: skip
