"""Reading parameters: TOML files, `--set`, and what is wrong with them in words."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from haidian_eval.errors import ParameterError, TableError, not_known
from haidian_eval.params.stages import Params

SCHEMA = 1


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
