"""How a sample was drawn: strata, clusters by stage, weights, population counts, replicates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from haidian_eval.errors import ParameterError, not_known

Singleton = Literal["fail", "remove", "adjust", "average", "certainty"]
SINGLETON = ("fail", "remove", "adjust", "average", "certainty")
KINDS = ("jk1", "jkn", "brr", "fay", "bootstrap", "other")
Names = str | Sequence[str] | None


@dataclass(frozen=True, slots=True)
class Replicates:
    """Replicate weights that a survey came with.

    columns: of the frame, combined weights (not factors). kind: fixes the scale where none is
    given: 1/R for brr, 1/(R-1) for bootstrap, 1/(R (1-fay)^2) for fay, (R-1)/R for jk1; jkn needs
    `rscales` (one number a column), other needs `scale` or `rscales`.
    """

    columns: tuple[str, ...]
    kind: str = "brr"
    scale: float | None = None
    rscales: tuple[float, ...] | None = None
    fay: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", named(self.columns))
        if self.kind not in KINDS:
            raise ParameterError(not_known(f"kind={self.kind!r}", self.kind, KINDS))
        if self.rscales is not None and len(self.rscales) != len(self.columns):
            raise ParameterError(
                f"rscales has {len(self.rscales)} numbers for {len(self.columns)} replicate "
                "weights; give one for each"
            )
        bare = self.rscales is None and self.scale is None
        if bare and self.kind in ("jkn", "other"):
            raise ParameterError(f"replicates of kind {self.kind!r} need scale or rscales")
        if not 0 <= self.fay < 1:
            raise ParameterError(f"fay={self.fay!r} must lie in [0, 1)")

    def factor(self) -> float:
        """Return the number that the sum of squares is multiplied with."""
        count = len(self.columns)
        if self.scale is not None:
            return self.scale
        if self.kind == "jk1":
            return (count - 1) / count
        if self.kind in ("jkn", "other"):
            return 1.0
        if self.kind == "bootstrap":
            return 1 / max(count - 1, 1)
        return 1 / (count * (1 - self.fay) ** 2)


@dataclass(frozen=True, slots=True)
class Design:
    """Column names, a str or a tuple by stage; see Lumley (2010), Complex Surveys.

    strata: of the first stage, then of later ones. clusters: sampling units by stage; none:
    elements. weights: design weights; blank: from `fpc`, else 1. fpc: population counts of
    sampling units by stage, values <= 1 are sampling fractions; later stages without one count as
    complete. nest: cluster ids repeat between strata. replicates: "jk1" or "jkn" (built from strata
    and clusters), `Replicates`, or columns of BRR weights. singleton: what a stratum with one
    sampling unit contributes: "fail" stops, "remove" and "certainty" nothing, "adjust" its distance
    from the grand mean, "average" the mean of the other strata.
    """

    strata: Names = None
    clusters: Names = ()
    weights: str | None = None
    fpc: Names = ()
    nest: bool = False
    replicates: str | Sequence[str] | Replicates | None = None
    singleton: Singleton = "fail"

    def __post_init__(self) -> None:
        for name in ("strata", "clusters", "fpc"):
            object.__setattr__(self, name, named(getattr(self, name)))
        if self.singleton not in SINGLETON:
            raise ParameterError(
                not_known(f"singleton={self.singleton!r}", self.singleton, SINGLETON)
            )
        stages = max(len(self.clusters or ()), 1)
        for name in ("strata", "fpc"):
            if len(getattr(self, name)) > stages:
                raise ParameterError(
                    f"{name} names {len(getattr(self, name))} stages, clusters {stages}; name a "
                    "cluster column for every stage, the last one that of the respondents"
                )
        object.__setattr__(self, "replicates", self._replicates())

    def _replicates(self) -> str | Replicates | None:
        given = self.replicates
        if given is None or isinstance(given, Replicates):
            return given
        if isinstance(given, str):
            if given not in ("jk1", "jkn"):
                raise ParameterError(
                    f"replicates={given!r} is not known; choose 'jk1' or 'jkn', or name columns "
                    "of replicate weights in a tuple"
                )
            return given
        return Replicates(named(given))

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that the design reads, without replicate weights."""
        weights = (self.weights,) if self.weights else ()
        return tuple(dict.fromkeys((*self.stage_columns, *weights)))

    @property
    def stage_columns(self) -> tuple[str, ...]:
        """Strata, clusters and population counts of all stages."""
        return tuple(dict.fromkeys((*named(self.strata), *named(self.clusters), *named(self.fpc))))


def named(columns: Names) -> tuple[str, ...]:
    """Return column names as a tuple; raise ParameterError for anything else."""
    if columns is None:
        return ()
    found = (columns,) if isinstance(columns, str) else tuple(columns)
    if not all(isinstance(name, str) for name in found):
        raise ParameterError(f"{columns!r}: columns are given by name")
    return found
