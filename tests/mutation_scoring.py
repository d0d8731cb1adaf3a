"""Change scoring and robustness one place at a time and see whether the tests notice.

`python tests/mutation_scoring.py [--sample 200] [--seed 1] [--seconds 30] [--only MODULE:LINE]`
draws places at random, writes each change into a copy of the source, runs the tests that call the
changed function until the first failure, and prints the changes that no test noticed. Which tests
call which functions is found by one run without change; `--calls FILE` keeps that for another run.
Needs a system with fork.
"""

from __future__ import annotations

import argparse
import ast
import compileall
import copy
import importlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "haidian_eval"
SCORING = (
    "rules", "normalise", "leaf", "aggregation", "missing", "grades", "composite", "framework",
    "ranking", "reasons", "comparison", "selection", "trail", "weights", "outliers",
)  # fmt: skip
ROBUSTNESS = ("design", "draws", "ranks", "noise", "scenarios", "indices", "board")
MODULES = [f"scoring/{m}.py" for m in SCORING] + [f"robustness/{m}.py" for m in ROBUSTNESS]
LIMIT = 30  # seconds, and three times what the tests take; a change that never ends is noticed
GOAL = 0.95
SUITES = (
    "test_scoring", "test_presets", "test_robustness", "test_coherence", "test_weights",
    "test_outliers", "test_reference_scoring", "test_reference_weights",
)  # fmt: skip
COMPARED = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt), ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}  # fmt: skip
OPERATORS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
SWAPPED = {
    "min": "max", "fmin": "fmax", "minimum": "maximum", "nanmin": "nanmax", "any": "all",
    "floor": "ceil", "idxmin": "idxmax", "argmin": "argmax", "mean": "sum", "log": "exp",
    "first": "last", "head": "tail", "triu_indices": "tril_indices",
}  # fmt: skip
SWAPPED |= {other: name for name, other in SWAPPED.items() if name != "mean"}
WARM = (
    "numpy", "pandas", "pydantic", "hypothesis", "pytest", "scipy.stats", "SALib.analyze.sobol",
    "pyarrow", "openpyxl", "statsmodels.api",
)  # fmt: skip


Called = dict[str, tuple[float, list[str]]]  # test -> seconds, functions


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: where it is, what stood there and what stands there now, the whole source."""

    module: str
    line: int
    function: str
    before: str
    after: str
    source: str


# --- changes of one place ---------------------------------------------------------------------


def changes_of(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what a node could be changed into."""
    if isinstance(node, ast.Compare):
        for at, operation in enumerate(node.ops):
            for other in COMPARED[type(operation)]:
                ops = [*node.ops[:at], other(), *node.ops[at + 1 :]]
                yield ast.Compare(node.left, ops, node.comparators)
    elif isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in OPERATORS:
        changed = copy.copy(node)
        changed.op = OPERATORS[type(node.op)]()
        yield changed
    elif isinstance(node, ast.BoolOp):
        other_op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield ast.BoolOp(other_op, node.values)
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield ast.Constant(node.value + 1)
        yield ast.Constant(node.value - 1)
    elif isinstance(node, ast.If | ast.IfExp | ast.While):
        changed_if = copy.copy(node)
        changed_if.test = ast.UnaryOp(ast.Not(), node.test)
        yield changed_if
    elif isinstance(node, ast.comprehension) and node.ifs:
        inverse: list[ast.expr] = [ast.UnaryOp(ast.Not(), node.ifs[0]), *node.ifs[1:]]
        yield ast.comprehension(node.target, node.iter, inverse, node.is_async)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield ast.Pass()
    elif isinstance(node, ast.Return) and isinstance(node.value, ast.Call) and node.value.args:
        yield ast.Return(node.value.args[0])
    elif isinstance(node, ast.Call):
        yield from changes_of_call(node)


def changes_of_call(node: ast.Call) -> Iterator[ast.AST]:
    """Yield a call with its function swapped, or the arms of a choice swapped."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name == "where" and len(node.args) == 3:
        condition, first, second = node.args
        yield ast.Call(node.func, [condition, second, first], node.keywords)
    if name in SWAPPED:
        function = copy.copy(node.func)
        setattr(function, "attr" if isinstance(function, ast.Attribute) else "id", SWAPPED[name])
        yield ast.Call(function, node.args, node.keywords)


def places(node: ast.AST) -> Iterator[tuple[ast.AST, str, int | None]]:
    """Yield parent, field and place of every node that may be changed: no types, no messages."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        for at, child in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(child, ast.AST) or isinstance(child, ast.JoinedStr | ast.Raise):
                continue
            if isinstance(child, ast.keyword) and child.arg == "strict":  # our own invariant
                continue
            yield node, field, at if isinstance(value, list) else None
            yield from places(child)


def mutants_of(module: str) -> list[Mutant]:
    """Return all changes of one module."""
    tree = ast.parse((ROOT / "src" / PACKAGE / module).read_text("utf-8"))
    around = functions(tree)
    found = []
    for parent, field, at in list(places(tree)):
        value = getattr(parent, field)
        node = value if at is None else value[at]
        for changed in changes_of(node):
            line = getattr(node, "lineno", getattr(parent, "lineno", 0))
            put(parent, field, at, ast.fix_missing_locations(ast.copy_location(changed, node)))
            before, after = (" ".join(ast.unparse(n).split())[:90] for n in (node, changed))
            function = f"{module}:{around.get(line, 0)}"
            found.append(Mutant(module, line, function, before, after, ast.unparse(tree)))
            put(parent, field, at, node)
    return found


def functions(tree: ast.Module) -> dict[int, int]:
    """Return line -> first line of the function or method around it."""
    bodies = [tree.body, *(node.body for node in tree.body if isinstance(node, ast.ClassDef))]
    found = {}
    for node in (node for body in bodies for node in body if isinstance(node, ast.FunctionDef)):
        first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
        found |= dict.fromkeys(range(node.body[0].lineno, (node.end_lineno or 0) + 1), first)
    return found


def put(parent: ast.AST, field: str, at: int | None, node: ast.AST) -> None:
    """Write a node into its place."""
    if at is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[at] = node


# --- one change under test --------------------------------------------------------------------


class Calls:
    """What each test calls, found while the tests run: a plugin."""

    def __init__(self, source: Path, log: Path) -> None:
        self.start, self.log = str(source / PACKAGE) + os.sep, log
        self.found: dict[str, tuple[float, list[str]]] = {}
        self.names: dict[object, str] = {}
        self.shared: dict[str, set[str]] = {}
        self.called: set[str] = set()

    def note(self, frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(self.start):
            if code not in self.names:
                path = code.co_filename.removeprefix(self.start).replace(os.sep, "/")
                self.names[code] = f"{path}:{code.co_firstlineno}"
            self.called.add(self.names[code])

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.called = set()
        begun = time.monotonic()
        sys.setprofile(self.note)
        done = yield
        sys.setprofile(None)
        self.found[item.nodeid] = (time.monotonic() - begun, sorted(self.called))
        return done

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[None]:
        done = yield
        self.shared.setdefault(item.nodeid.split("::")[0], set()).update(self.called)
        return done

    def pytest_sessionfinish(self) -> None:
        whole = {
            name: (seconds, sorted({*own, *self.shared[name.split("::")[0]]}))
            for name, (seconds, own) in self.found.items()
        }
        self.log.write_text(json.dumps(whole), "utf-8")


class Chosen:
    """Runs the tests named alone, in the order of the names: a plugin."""

    def __init__(self, names: list[str]) -> None:
        self.order = {name: at for at, name in enumerate(names)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        kept = [item for item in items if item.nodeid in self.order]
        items[:] = sorted(kept, key=lambda item: self.order[item.nodeid])


def tests_for(mutant: Mutant, calls: Called, most: float) -> tuple[list[str], float]:
    """Return the tests that call the changed function and how long they take, quick files first.

    Of more than `most` seconds the quickest are taken. Where no test calls it, or the change stands
    outside of functions, all tests count.
    """
    own = [name for name, (_, called) in calls.items() if mutant.function in called] or [*calls]
    by_file: dict[str, float] = {}
    kept, total = [], 0.0
    for name in sorted(own, key=lambda name: calls[name][0]):
        total += calls[name][0]
        if kept and total > most:
            break
        kept.append(name)
        file = name.split("::")[0]
        by_file[file] = by_file.get(file, 0.0) + calls[name][0]
    return sorted(kept, key=lambda name: by_file[name.split("::")[0]]), sum(by_file.values())


def few_examples() -> None:
    """Make hypothesis try few examples, always the same."""
    from hypothesis import settings

    settings.register_profile("few", max_examples=10, derandomize=True, deadline=None,
                              database=None)  # fmt: skip
    settings.load_profile("few")


def run_tests(source: Path, files: list[str], plugin: object, log: Path) -> int:
    """Run the tests against a copy of the source, in this process; return the exit code."""
    with log.open("w", encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.setpgid(0, 0)
    os.environ["PYTHONPATH"] = str(source)
    sys.path[:0] = [str(source), str(ROOT / "tests")]
    os.chdir(ROOT)
    few_examples()
    arguments = [
        "-x", "-q", "--tb=line", "-p", "no:cacheprovider", "-p", "no:nbval", "-o", "addopts=",
        "-W", "ignore::pytest.PytestAssertRewriteWarning",
    ]  # fmt: skip
    return int(pytest.main([*arguments, *files], plugins=[plugin]))


def started(source: Path, files: list[str], plugin: object, log: Path) -> int:
    """Start tests in a child; return its id."""
    child = os.fork()
    if not child:
        code = 3
        try:
            code = run_tests(source, files, plugin, log)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    return child


def changed_copy(source: Path, mutant: Mutant) -> None:
    """Write a change into a copy of the source."""
    target = source / PACKAGE / mutant.module
    for compiled in (target.parent / "__pycache__").glob(f"{target.stem}.*.pyc"):
        compiled.unlink()
    target.write_text(mutant.source, "utf-8")


def copied(folder: Path) -> Path:
    """Return a copy of the source, compiled."""
    shutil.copytree(ROOT / "src", folder)
    compileall.compile_dir(folder, quiet=1)
    return folder


def ended(child: int, limit: float) -> str:
    """Return how a child of ours ended, a blank while it runs; past the limit it is stopped."""
    done, status = os.waitpid(child, os.WNOHANG)
    if done:
        return "killed" if os.waitstatus_to_exitcode(status) else "survived"
    if time.monotonic() < limit:
        return ""
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "timeout"


def judged(
    mutants: list[Mutant], calls: Called, folder: Path, *, jobs: int, most: float
) -> list[str]:
    """Return the outcome of each change; those that survive are printed as they are found."""
    free = [copied(folder / f"src{at}") for at in range(jobs)]
    waiting, running = list(enumerate(mutants))[::-1], {}
    found = [""] * len(mutants)
    while waiting or running:
        while waiting and free:
            (number, mutant), source = waiting.pop(), free.pop()
            changed_copy(source, mutant)
            names, seconds = tests_for(mutant, calls, most)
            files = list(dict.fromkeys(name.split("::")[0] for name in names))
            child = started(source, files, Chosen(names), folder / f"log{number}")
            running[child] = (number, source, time.monotonic() + LIMIT + 3 * seconds)
        time.sleep(0.05)
        for child, (number, source, limit) in list(running.items()):
            if result := ended(child, limit):
                found[number], mutant = result, mutants[number]
                del running[child]
                shutil.copy2(
                    ROOT / "src" / PACKAGE / mutant.module, source / PACKAGE / mutant.module
                )
                free.append(source)
                tell(mutant, result)
    return found


def calls_of_tests(folder: Path) -> Called:
    """Return test -> seconds and functions that it calls; the tests pass without any change."""
    source = copied(folder / "unchanged")
    found = (p for name in SUITES for p in (ROOT / "tests").glob(f"{name}*.py"))
    files = sorted(str(p) for p in found if not p.stem.endswith("_page"))  # pages run the study
    log, kept = folder / "log", folder / "calls.json"
    child = started(source, list(dict.fromkeys(files)), Calls(source, kept), log)
    _, status = os.waitpid(child, 0)
    if status:
        sys.exit(f"the tests fail without any change:\n{log.read_text('utf-8')}")
    return json.loads(kept.read_text("utf-8"))


def tell(mutant: Mutant, result: str) -> None:
    """Print a mark for a change that was noticed, a line for one that was not or took too long."""
    told = f"\n{result}: {mutant.module}:{mutant.line}: {mutant.before}  ->  {mutant.after}\n"
    print("." if result == "killed" else told, end="", flush=True)


def chosen(args: argparse.Namespace) -> list[Mutant]:
    """Return the changes to try: those named, or a sample."""
    everything = [m for module in MODULES for m in mutants_of(module)]
    if args.only:
        return [m for m in everything if f"{m.module}:{m.line}" in args.only]
    named = [m for m in everything if not args.module or m.module in args.module]
    print(f"{len(named)} changes in {len({m.module for m in named})} modules")
    return random.Random(args.seed).sample(named, min(args.sample, len(named)))


def main() -> int:
    """Try the changes; return whether the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--module", nargs="+", choices=MODULES)
    parser.add_argument("--seconds", type=float, default=30, help="of tests for one change")
    parser.add_argument("--calls", type=Path, metavar="FILE")
    parser.add_argument("--only", nargs="+", metavar="MODULE:LINE")
    args = parser.parse_args()
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    for name in WARM:
        importlib.import_module(name)
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as own:
        folder = Path(own)
        if args.calls and args.calls.is_file():
            calls = json.loads(args.calls.read_text("utf-8"))
        else:
            calls = calls_of_tests(folder)
        if args.calls:
            args.calls.write_text(json.dumps(calls), "utf-8")
        sys.dont_write_bytecode = True  # a stale copy of a change must not outlive it
        mutants = chosen(args)
        found = judged(mutants, calls, folder, jobs=args.jobs, most=args.seconds)
    noticed = sum(result != "survived" for result in found)
    share = noticed / len(found)
    late, seconds = found.count("timeout"), time.monotonic() - start
    print(f"\n{noticed} of {len(found)} changes noticed: {share:.1%} (goal {GOAL:.0%});", end="")
    print(f" {late} of them past the time limit; {seconds:.0f} s")
    return int(share < GOAL)


if __name__ == "__main__":
    sys.exit(main())
