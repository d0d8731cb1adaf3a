"""Parameters of an edition: typed, frozen, unknown keys refused."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from haidian_eval.errors import ParameterError, TableError, not_known

SCHEMA = 1
LANGUAGES = ("zh", "en")
Confidence = Literal[
    "seen_official", "seen_confirmed", "seen", "seen_doubtful", "seen_forecast",
    "derived_exact", "derived", "computed", "seed_claim", "synthetic",
]  # fmt: skip
Quarter = Annotated[str, Field(pattern=r"^[1-9]\d{3}Q[1-4]$")]


class Section(BaseModel):
    """A table of parameters; a key that it does not declare is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


class Words(Section):
    """Words for readers that belong to one edition, in both languages."""

    zh: str
    en: str


class Lists(Section):
    """Items for readers that belong to one edition, in both languages."""

    zh: tuple[str, ...]
    en: tuple[str, ...]


class Edition(Section):
    """edition.toml: which edition this is and up to which date its values count."""

    schema_version: int
    year: int
    as_of: dt.date
    title: Words


class Engagement(Section):
    """Who evaluates whom, for whom, on what basis."""

    commissioner: Words
    evaluator: Words
    lead_evaluator: Words
    subject: Words
    purpose: Words
    conflict_of_interest: Words


class Tables(Section):
    """Which values of the edition count, which units it assesses, what must add up.

    cumulative: cumulative indicator -> the one of single months or quarters. stale_months: the
    age at the as-of date beyond which a yearly, quarterly or monthly series is late.
    """

    accepted_confidence: tuple[Confidence, ...]
    assessed: tuple[str, ...] = ("district", "development_zone")
    additive: tuple[str, ...] = ()
    cumulative: dict[str, str] = Field(default_factory=dict)
    stale_months: dict[str, int] = Field(default_factory=dict)


class Composite(Section):
    """A scheme scored over all units of one kind in one period, and the period before it."""

    scheme: str
    kind: str
    period: str
    previous: str = ""


class Scoring(Section):
    """How values become scores; an empty name leaves the choice to the table of indicators.

    weights: how the indicators of a family are weighted: as in the table (blank), "equal", or from
    the data ("entropy", "critic", "pca"; refused below five units per indicator). max_winsorised:
    outliers that may be drawn in per indicator before scoring; 0: none are treated.
    composites: the schemes whose index is formed. special_block: a node that is scored apart, added
    as bonus or left inside, as `special` says.
    """

    scheme: str
    rule: str = ""
    aggregation: str = ""
    missing: str = ""
    full_marks_share: float = Field(ge=0, le=1)
    weights: str = ""
    max_winsorised: int = Field(ge=0, default=0)
    composites: tuple[Composite, ...] = ()
    special_block: str = ""
    special: Literal["apart", "bonus", "inside"] = "apart"

    def scenario(self) -> dict[str, str]:
        """Return the choices that replace those of the table: a run with any is a scenario."""
        choices = {"rule": self.rule, "aggregation": self.aggregation, "missing": self.missing}
        return {name: choice for name, choice in choices.items() if choice}


class WeightShift(Section):
    """A node whose share of the whole is raised, the points taken pro rata from all others."""

    scheme: str
    node: str
    shares: tuple[float, ...]


class RunPair(Section):
    """Two schemes in two periods over the same kind of unit, whose ranks are compared."""

    before: Composite
    after: Composite


class Robustness(Section):
    """What could have been chosen otherwise; a blank name is the choice of the framework.

    weights: half-width of the factor on every weight. interval: share of the draws between the ends
    of a rank interval. told_apart: share of the draws in which one of a pair must be ahead.
    """

    weights: float = Field(ge=0, lt=1)
    rules: tuple[str, ...] = ()
    aggregations: tuple[str, ...] = ()
    winsorised: tuple[int, ...] = ()
    missing: tuple[str, ...] = ()
    draws: int = Field(ge=1)
    samples: int = Field(ge=2)
    seed: int
    interval: float = Field(gt=0, lt=1)
    top: int = Field(ge=1)
    told_apart: float = Field(gt=0.5, le=1)
    weight_shift: WeightShift | None = None
    pair: RunPair | None = None


class MarkedYear(Words):
    """A year that is a poor base of comparison, and the words that say why."""

    year: int


class Environment(Section):
    """Which indicators are watched, when a period ranks, and what may be called a weak spot."""

    indicators: tuple[str, ...]
    shown_only: tuple[str, ...]
    needed_share: float = Field(gt=0, le=1)
    weak_share: float = Field(gt=0, lt=1)
    weak_periods: int = Field(ge=1)
    marked_years: tuple[MarkedYear, ...] = ()
    demonstration_scheme: str
    demonstration: dict[str, str]


class Economy(Section):
    """Which indicator is the total, which the published growth and share, and what the whole is."""

    total: str
    growth: str
    share: str
    whole: str
    groups: tuple[str, ...]
    targets: str


class Claims(Section):
    """With which series the claims about first places are also tested month by month."""

    monthly: tuple[str, ...]
    background_stations: tuple[str, ...] = ()


class Report(Section):
    """What the report puts first, and the words at the foot of each page."""

    focus_unit: str
    limits: Lists
    foot: Words


class Cohort(Section):
    """How many example parks adopt the example policy in one quarter."""

    adopted_in: Quarter
    parks: int = Field(ge=1)


class NotHandedIn(Section):
    """A quarter for which a park (1: the first) handed in nothing: its rows are left out."""

    park: int = Field(ge=1)
    period: Quarter


class PanelChoice(Section):
    """How the example park panel is drawn; effects and errors are in logarithms.

    first, quarters: the periods. cohorts: the first parks, in this order; all others never adopt.
    tracked: parks tracked from the first period on, adopters first. effect, growth, largest: effect
    on revenue in the quarter of adoption, what each later one adds, what its size never exceeds.
    rd_effect: effect on R&D. anticipation: quarters that effects begin early. pre_trend: growth per
    quarter that adopting parks have anyway. spillover: share of the adopting parks' mean effect
    that parks felt which never adopt. missing_share: firm-quarters whose outcomes are blank.
    park_sd, park_rho, firm_sd, firm_rho: stationary spread and memory, from one quarter to the
    next, of the errors of revenue.
    """

    parks: int = Field(default=14, ge=1)
    firms_per_park: int = Field(default=15, ge=1)
    first: Quarter = "2022Q1"
    quarters: int = Field(default=12, ge=1)
    cohorts: tuple[Cohort, ...] = (
        Cohort(adopted_in="2022Q2", parks=1), Cohort(adopted_in="2023Q1", parks=3),
        Cohort(adopted_in="2023Q3", parks=3),
    )  # fmt: skip
    tracked: int = Field(default=10, ge=0)
    effect: float = 0.08
    growth: float = 0.01
    largest: float = Field(default=0.12, ge=0)
    rd_effect: float = 0.05
    anticipation: int = Field(default=0, ge=0)
    pre_trend: float = 0.0
    spillover: float = 0.0
    missing_share: float = Field(default=0.0, ge=0, lt=1)
    missing_quarters: tuple[NotHandedIn, ...] = ()
    park_sd: float = Field(default=0.015, ge=0)
    park_rho: float = Field(default=0.4, gt=-1, lt=1)
    firm_sd: float = Field(default=0.08, ge=0)
    firm_rho: float = Field(default=0.5, gt=-1, lt=1)


class Synthetic(Section):
    """How made-up tables are drawn: the seed, the latest year, the share of values left out.

    panel: the park panel; without it none is drawn.
    """

    seed: int = Field(ge=0)
    year: int | None = None  # blank: that of the edition
    missing_share: float = Field(default=0.0, ge=0, lt=1)
    panel: PanelChoice | None = None


class Params(Section):
    """All parameters of an edition."""

    edition: Edition
    engagement: Engagement
    tables: Tables
    scoring: Scoring
    robustness: Robustness
    environment: Environment
    economy: Economy
    claims: Claims
    report: Report
    synthetic: Synthetic


def read_toml(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file, or say what is wrong with it and where."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise TableError(f"the file {path} is missing; every edition needs it") from None
    except UnicodeDecodeError:
        raise ParameterError(f"{path} is not UTF-8; save it again as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ParameterError(f"{path} is not valid TOML: {error}; mend that line") from None


def parse_setting(text: str) -> tuple[list[str], Any]:
    """Return path and value of one `--set section.name=value`; the value is read as TOML."""
    path, equals, value = text.partition("=")
    if not equals or not path.strip():
        raise ParameterError(f"--set {text!r} is not of the form section.name=value")
    try:
        parsed = tomllib.loads(f"value = {value.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value.strip()
    return path.strip().split("."), parsed


def with_setting(tree: Mapping[str, Any], path: list[str], value: object) -> dict[str, Any]:
    """Return the tree of parameters with one value replaced."""
    branch = tree.get(path[0], {})
    if len(path) > 1 and not isinstance(branch, Mapping):
        raise ParameterError(f"{path[0]!r} holds a value, not a table; write --set {path[0]}=...")
    new = value if len(path) == 1 else with_setting(branch, path[1:], value)
    return {**tree, path[0]: new}


def explain(error: ValidationError, where: str) -> str:
    """Return the first faults of a validation, one line each, with the names that are known."""
    lines = []
    for fault in error.errors()[:5]:
        what = f"the parameter {'.'.join(map(str, fault['loc']))!r}"
        if fault["type"] == "extra_forbidden":
            model: Any = Params
            for name in fault["loc"][:-1]:
                model = model if isinstance(name, int) else model.model_fields[name].annotation
                inside = [part for part in get_args(model) if hasattr(part, "model_fields")]
                model = inside[0] if inside else model
            lines.append(not_known(what, fault["loc"][-1], list(model.model_fields)))
        elif fault["type"] == "missing":
            lines.append(f"{what} is missing; it has no default")
        else:
            lines.append(f"{what} = {fault['input']!r}: {fault['msg']}")
    return f"{where}: " + "; ".join(lines)


def load_params(folder: Path, sets: Iterable[str] = ()) -> Params:
    """Return the parameters of the edition in `folder`, with `--set` replacements applied."""
    edition = read_toml(folder / "edition.toml")
    if edition.get("schema_version") != SCHEMA:
        raise TableError(
            f"{folder / 'edition.toml'}: schema_version = {edition.get('schema_version')!r}, and"
            f" this version of the study reads {SCHEMA}; use the version that wrote the edition,"
            " or bring its tables to the columns that the README lists"
        )
    tree: dict[str, Any] = {"edition": edition, **read_toml(folder / "parameters.toml")}
    settings = [parse_setting(text) for text in sets]
    for path, value in settings:
        tree = with_setting(tree, path, value)
    where = f"parameters of {folder}{' with --set' if settings else ''}"
    try:
        params = Params.model_validate(tree)
    except ValidationError as error:
        raise ParameterError(explain(error, where)) from None
    if str(params.edition.year) != folder.name:
        raise ParameterError(
            f"edition.year = {params.edition.year}, but the folder is {folder}; an edition's"
            " folder bears its year"
        )
    return params
