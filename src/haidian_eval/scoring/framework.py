"""The framework: a table of indicators as a tree, checked before anything is scored."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from haidian_eval.errors import ParameterError, not_known
from haidian_eval.params import Scoring
from haidian_eval.scoring.aggregation import AGGREGATORS, Family, Tree
from haidian_eval.scoring.grades import Band, check_vetoes, read_bands
from haidian_eval.scoring.leaf import FULL_MARKS, Leaf, parse_choice
from haidian_eval.scoring.missing import MISSING
from haidian_eval.scoring.normalise import best_score
from haidian_eval.scoring.rules import NUMBERS, RULES

CHOICES: Mapping[str, Collection[str]] = {
    "rule": RULES,
    "aggregation": AGGREGATORS,
    "missing": MISSING,
    "transform": ("none", "log"),
    "direction": ("benefit", "cost", "target", "range"),
    "bonus": ("no", "yes", "deduct"),
}
DEFAULTS = {
    "direction": "benefit", "transform": "none", "missing": "reweight", "bonus": "no", "veto": "no",
}  # fmt: skip
OF_PARENTS = ("reweight", "propagate")
WORDING = ("scoring_standard", "scoring_standard_en")
WORDS = (
    "parent_id", "direction", "transform", "rule", "aggregation", "missing", "bonus", "veto",
)  # fmt: skip
NEEDED = ("node_id", "parent_id", "weight")
OF_RULES = ("low", "high", "target", "challenge", "cap", "to_low", "to_high")
MANY = {**NUMBERS, "generalised": 1}


@dataclass(frozen=True, slots=True)
class Framework:
    """A tree of nodes; leaves are indicators.

    `nodes` is indexed by node_id with the columns of the table of indicators, blanks filled with
    their defaults; `points` maps a leaf to its (at, score) pairs, ascending, shape (k, 2); `bands`
    has the grades, the highest first.
    """

    nodes: pd.DataFrame
    points: Mapping[str, np.ndarray]
    root: str
    bands: tuple[Band, ...] = ()

    @property
    def leaves(self) -> list[str]:
        """The indicators, in the order of the table."""
        parents = set(self.nodes["parent_id"].dropna())
        return [node for node in self.nodes.index if node not in parents]

    @property
    def families(self) -> dict[str, list[str]]:
        """Every parent with the children that enter its mean, from the root down."""
        inside = self.nodes["bonus"] == "no"
        own = {node: [c for c in kin if inside[c]] for node, kin in self.kindred.items()}
        return {node: kin for node, kin in own.items() if kin}

    @property
    def bonuses(self) -> dict[str, float]:
        """The nodes whose points are added to the index, with their points; taken off: below 0."""
        extra = self.nodes[self.nodes["bonus"] != "no"]
        sign = extra["bonus"].map({"yes": 1.0, "deduct": -1.0})
        return {str(node): points for node, points in (sign * extra["weight"]).items()}

    @property
    def kindred(self) -> dict[str, list[str]]:
        """Every parent that the root leads to, with all its children, from the root down."""
        children = self.nodes.groupby("parent_id").groups
        walk = [self.root]
        for node in walk:
            walk.extend(children.get(node, []))
        return {node: list(children[node]) for node in walk if node in children}

    @property
    def tree(self) -> Tree:
        """The families and extra points as scoring walks them, weights in the order of `nodes`."""
        at = {node: place for place, node in enumerate(self.nodes.index)}
        strict = (self.nodes["missing"] == "propagate").to_dict()
        choice = self.nodes["aggregation"].to_dict()
        families = [
            Family(
                node, tuple(kin), np.array([at[child] for child in kin]), str(choice[node]),
                tuple(strict[child] or strict[node] for child in kin),
            )
            for node, kin in reversed(self.families.items())
        ]  # fmt: skip
        extras = [(n, at[n], 1.0 if p >= 0 else -1.0) for n, p in self.bonuses.items()]
        return Tree(self.root, tuple(families), tuple(extras))

    @property
    def rules(self) -> dict[str, Leaf]:
        """What the table says of each indicator, in the order of `leaves`."""
        own = self.nodes.loc[self.leaves]
        columns = [own[name].tolist() for name in ("rule", "direction", "transform", *OF_RULES)]
        found = {}
        for node, choice, direction, transform, *ends in zip(own.index, *columns, strict=True):
            rule, numbers = parse_choice(str(choice))
            pairs = self.points.get(node)
            named = dict(zip(OF_RULES, ends, strict=True))
            found[node] = Leaf(node, rule, numbers, direction, transform, points=pairs, **named)
        return found

    def deciding(self, column: str) -> pd.Index:
        """Return the nodes that a choice is made for: aggregation for parents, else for leaves."""
        leaves = pd.Index(self.leaves)
        return self.nodes.index.difference(leaves) if column == "aggregation" else leaves


def build_framework(
    indicators: pd.DataFrame, points: pd.DataFrame | None = None, bands: pd.DataFrame | None = None
) -> Framework:
    """Return the tree of one scheme, checked; blank cells take the defaults of the interface.

    Raises ParameterError on a tree, a weight, a choice or a number that cannot be used.
    """
    missing = [name for name in NEEDED if name not in indicators]
    if missing:
        raise ParameterError(f"the table of indicators has no column {missing}")
    ids = {name: indicators[name].map(as_id, na_action="ignore") for name in NEEDED[:2]}
    indicators = indicators.assign(**ids)
    if "scheme_id" not in indicators:
        named = points is not None and len(points) and "scheme_id" in points
        own = points["scheme_id"].iloc[0] if named and points is not None else ""
        indicators = indicators.assign(scheme_id=own)
    schemes = list(indicators["scheme_id"].unique())
    if len(schemes) != 1:
        raise ParameterError(f"one scheme makes a framework; found {schemes}")
    repeated = sorted(set(indicators.loc[indicators["node_id"].duplicated(), "node_id"]))
    if repeated:
        raise ParameterError(f"scheme {schemes[0]!r}: node_id stands twice: {repeated}")
    nodes = with_defaults(indicators.set_index("node_id"))
    roots = list(nodes.index[nodes["parent_id"].isna()])
    if len(roots) != 1:
        raise ParameterError(f"a framework has one node without a parent; found {roots}")
    pairs = points_by_leaf(points, schemes[0])
    framework = Framework(nodes, pairs, str(roots[0]), read_bands(bands, schemes[0], nodes.index))
    lost = sorted(set(nodes.index) - {framework.root}.union(*framework.kindred.values()))
    if lost:
        raise ParameterError(f"these nodes do not lead to the root {framework.root!r}: {lost}")
    if empty := sorted(set(framework.kindred) - set(framework.families)):
        raise ParameterError(
            f"all children of {empty} are bonus nodes; a mean needs one that is not"
        )
    turned = nodes.index[nodes["to_low"].fillna(0) >= nodes["to_high"].fillna(FULL_MARKS)]
    if len(turned):
        raise ParameterError(f"{turned[0]}: to_low must be below to_high; direction turns a scale")
    check_names(framework)
    check_weights(framework)
    check_vetoes(nodes, framework.leaves, framework.bands)
    return framework


def as_id(cell: object) -> object:
    """Return an id as text; a number that a reader made of it loses its decimal point."""
    whole = isinstance(cell, float) and cell.is_integer()
    return str(int(cell)) if whole else str(cell)  # type: ignore[call-overload]


def with_defaults(nodes: pd.DataFrame) -> pd.DataFrame:
    """Return the nodes with every column that scoring reads; blank and absent cells alike.

    What should be a number and is neither that nor blank is named.
    """
    filled = nodes.copy()
    for name in WORDS:
        cells = filled.get(name, pd.Series(None, filled.index, dtype="object")).astype("object")
        filled[name] = cells.where(cells.notna() & (cells != ""), DEFAULTS.get(name))
    for name in ("weight", *OF_RULES):
        cells = filled.get(name, pd.Series(np.nan, filled.index))
        parsed = pd.to_numeric(cells, errors="coerce")
        wrong = cells[parsed.isna() & cells.notna() & (cells != "")]
        if len(wrong):
            raise ParameterError(f"{wrong.index[0]}: {name} = {wrong.iloc[0]!r} is not a number")
        filled[name] = parsed.astype("float64")
    is_parent = filled.index.isin(filled["parent_id"].dropna())
    filled.loc[is_parent, "aggregation"] = filled["aggregation"].fillna("arithmetic")
    filled["weight"] = filled["weight"].where(filled["parent_id"].notna(), 1.0)
    return filled


def points_by_leaf(points: pd.DataFrame | None, scheme: str) -> dict[str, np.ndarray]:
    """Return the points of each leaf in ascending order."""
    if points is None:
        return {}
    own = points if "scheme_id" not in points else points[points["scheme_id"] == scheme]
    own = own.assign(**{name: pd.to_numeric(own[name]) for name in ("at", "score")})
    own = own.sort_values(["node_id", "at"])
    return {str(leaf): group[["at", "score"]].to_numpy() for leaf, group in own.groupby("node_id")}


def check_names(framework: Framework) -> None:
    """Refuse rules, aggregations, transforms and missing policies that are not known."""
    for column, known in CHOICES.items():
        at = framework.nodes.index if column == "bonus" else framework.deciding(column)
        for node, choice in framework.nodes.loc[at, column].items():
            check_choice(choice, known, f"{node}: {column} = {choice!r}")
    above = framework.nodes.loc[framework.deciding("aggregation"), "missing"]
    for node, name in above.items():
        if name not in OF_PARENTS:
            raise ParameterError(not_known(f"{node}: missing = {name!r}", name, OF_PARENTS))


def check_choice(choice: object, known: Collection[str], what: str) -> None:
    """Refuse a name that is not known and numbers behind it that it does not take."""
    name, numbers = parse_choice(str(choice), what)
    if choice is None or pd.isna(choice) or name not in known:
        raise ParameterError(not_known(what, name, known))
    if numbers and len(numbers) != MANY.get(name, 0):
        raise ParameterError(f"{what}: {name} takes {MANY.get(name, 0)} numbers behind the colon")
    if (name == "minmax" and numbers and numbers[0] >= numbers[1]) or (
        name == "zscore" and numbers and numbers[1] <= 0
    ):
        raise ParameterError(f"{what}: the numbers turn the scale round; direction does that")


def check_weights(framework: Framework) -> None:
    """Refuse negative or missing weights and families whose weights sum to zero."""
    weight = framework.nodes["weight"]
    wrong = sorted(weight.index[~(np.isfinite(weight) & (weight >= 0))])
    if wrong:
        raise ParameterError(f"weights must be finite and zero or more; see the nodes {wrong}")
    inside = framework.nodes["bonus"] == "no"
    family = weight[inside].groupby(framework.nodes.loc[inside, "parent_id"]).sum()
    if (family <= 0).any():
        raise ParameterError(f"all weights under {sorted(family.index[family <= 0])} are zero")


def with_choices(framework: Framework, choices: Mapping[str, str]) -> Framework:
    """Return the framework with a rule (all leaves), aggregation or missing policy replaced."""
    nodes = framework.nodes.copy()
    for column, name in choices.items():
        check_choice(name, CHOICES[column], f"scoring.{column} = {name!r}")
        at = framework.deciding(column)
        if column == "rule":  # findings are a cost, whatever scores them
            counts = nodes.loc[at, "rule"].astype(str).str.startswith("deduction")
            nodes.loc[at[counts], "direction"] = "cost"
        nodes.loc[at, column] = name
        if column == "rule":  # the table's wording and source speak of its own rule
            nodes.loc[at, list(nodes.columns.intersection(WORDING))] = None
            if "source_id" in nodes:
                nodes.loc[at, "source_id"] = nodes.at[framework.root, "source_id"]
    chosen = replace(framework, nodes=nodes)
    check_names(chosen)
    return chosen


def with_special(framework: Framework, block: str, entry: str) -> Framework:
    """Return the framework with a special block apart (left out), as bonus, or inside as it is."""
    if entry == "inside" or block not in framework.nodes.index:
        return framework
    nodes = framework.nodes
    if entry == "bonus":
        return replace(
            framework, nodes=nodes.assign(bonus=nodes["bonus"].mask(nodes.index == block, "yes"))
        )
    return replace(framework, nodes=nodes.drop(index=[block, *below(framework, block)]))


def below(framework: Framework, node: str) -> list[str]:
    """Return all nodes under a node."""
    found = [node]
    for name in found:
        found.extend(framework.kindred.get(name, []))
    return found[1:]


def subtree(framework: Framework, node: str) -> Framework:
    """Return what stands under a node as a framework of its own, without bands."""
    nodes = framework.nodes.loc[[node, *below(framework, node)]].copy()
    nodes.loc[node, "parent_id"] = None
    return replace(framework, nodes=nodes, root=node, bands=())


def framework_named(
    indicators: pd.DataFrame, name: str, points: pd.DataFrame | None = None,
    bands: pd.DataFrame | None = None, *, what: str = "scheme", on: dt.date | None = None,
) -> Framework:  # fmt: skip
    """Return the framework of one scheme of the table; `what` names the parameter that asks.

    `on`: the day on which the nodes must be valid; blank ends of a node's validity are open.
    """
    schemes = sorted(indicators["scheme_id"].unique())
    if name not in schemes:
        raise ParameterError(not_known(f"{what} = {name!r}", name, schemes))
    own = indicators[indicators["scheme_id"] == name]
    if on is not None and {"valid_from", "valid_to"} <= set(own):
        begun = ~(pd.to_datetime(own["valid_from"]) > pd.Timestamp(on))
        valid = own[begun & ~(pd.to_datetime(own["valid_to"]) < pd.Timestamp(on))]
        if valid.empty:
            first, last = own["valid_from"].min(), own["valid_to"].max()
            raise ParameterError(f"{what} = {name!r} is valid from {first} to {last}, not on {on}")
        own = valid
    return build_framework(own, points, bands)


def framework_of(
    indicators: pd.DataFrame, points: pd.DataFrame, params: Scoring,
    bands: pd.DataFrame | None = None,
) -> Framework:  # fmt: skip
    """Return the framework that the parameters name, with their choices in place of the table's."""
    framework = framework_named(indicators, params.scheme, points, bands, what="scoring.scheme")
    return with_choices(framework, params.scenario())


def highest_score(framework: Framework, leaf: str) -> float:
    """Return the highest score that a leaf's rule can give; missing where there is none."""
    return best_score(framework.rules[leaf])


def full_marks_at(framework: Framework, leaf: str) -> float:
    """Return the value from which on a piecewise rule gives its highest score; else missing."""
    own = framework.rules[leaf]
    if own.rule != "piecewise" or own.points is None or own.transform != "none":
        return float("nan")
    at, score = own.points.T
    best = at[score >= score.max()]
    if own.cap < score.max():
        return float("nan")
    return float(best.max() if own.is_cost else best.min())
