"""The stages of the study: one per notebook, ordered by the tables that they load and save."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from haidian_eval.errors import EvaluationError, ParameterError, not_known
from haidian_eval.tables.contracts import contracts


@dataclass(frozen=True, slots=True)
class Stage:
    """One notebook; `reads` and `writes` are the tables named in its own load and save calls."""

    name: str
    notebook: Path
    reads: frozenset[str]
    writes: frozenset[str]

    @property
    def page(self) -> str:
        """The file name of its page."""
        return f"{self.notebook.stem}.html"


def page_calls(code: str, method: str) -> list[ast.Call]:
    """Return the calls of a method of `page`, such as page.load(...)."""
    return [
        node
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == method
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "page"
    ]


def read_stage(notebook: Path) -> Stage:
    """Return a stage with the tables that its notebook names in words; others are refused."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    reads: set[str] = set()
    for call in page_calls(code, "load"):
        if not (call.args and isinstance(call.args[0], ast.Constant)):
            raise EvaluationError(f"{notebook.name}: page.load needs the table's name in quotes")
        reads.add(str(call.args[0].value))
    keywords = [k for call in page_calls(code, "save") for k in call.keywords]
    writes = {k.arg for k in keywords if k.arg}
    if any(k.arg is None for k in keywords):
        writes |= set(contracts())  # page.save(**edition.tables)
    name = notebook.stem.partition("_")[2]
    return Stage(name, notebook, frozenset(reads), frozenset(writes))


def read_stages(folder: Path) -> list[Stage]:
    """Return all stages in an order in which each finds its tables; ties go by number."""
    stages = [read_stage(path) for path in sorted(folder.glob("[0-9][0-9]_*.ipynb"))]
    if not stages:
        raise EvaluationError(
            f"no stage found: expected notebooks such as 10_tables.ipynb in {folder}"
        )
    return in_order(stages)


def writers(stages: Iterable[Stage]) -> dict[str, Stage]:
    """Return table -> the one stage that writes it."""
    found: dict[str, Stage] = {}
    for stage in stages:
        for table in sorted(stage.writes):
            if table in found:
                both = f"{found[table].name!r} and {stage.name!r}"
                raise EvaluationError(f"two stages write the table {table!r}: {both}")
            found[table] = stage
    return found


def needs(stage: Stage, writer: dict[str, Stage]) -> set[str]:
    """Return the names of the stages whose tables a stage reads."""
    for table in sorted(stage.reads):
        if table not in writer:
            what = f"{stage.notebook.name} loads the table {table!r}, which no stage saves; it"
            raise EvaluationError(not_known(what, table, writer))
    return {writer[table].name for table in stage.reads} - {stage.name}


def in_order(stages: list[Stage]) -> list[Stage]:
    """Return stages so that each comes after those whose tables it reads."""
    writer = writers(stages)
    sorter = TopologicalSorter({stage.name: needs(stage, writer) for stage in stages})
    try:
        sorter.prepare()
    except CycleError as error:
        circle = " -> ".join(error.args[1])
        raise EvaluationError(f"stages wait for each other's tables: {circle}") from None
    by_name = {stage.name: stage for stage in stages}
    ordered: list[Stage] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=lambda name: by_name[name].notebook.name)
        ordered += [by_name[name] for name in ready]
        sorter.done(*ready)
    return ordered


def choose(stages: list[Stage], *, only: str = "", start: str = "") -> list[Stage]:
    """Return the stages of a run: all, one alone, or one and all that come after it."""
    known = [stage.name for stage in stages]
    for option, name in (("--only", only), ("--from", start)):
        if name and name not in known:
            raise ParameterError(not_known(f"{option} {name}: the stage {name!r}", name, known))
    if only:
        return [stage for stage in stages if stage.name == only]
    return stages[known.index(start) :] if start else stages
