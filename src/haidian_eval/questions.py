"""The commands that ask about scores: explain (where one comes from), compare (what moved)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from haidian_eval.errors import EvaluationError, ParameterError, not_known

if TYPE_CHECKING:
    import pandas as pd

    from haidian_eval.params import Composite
    from haidian_eval.places import Study
    from haidian_eval.report.operations import Words
    from haidian_eval.robustness.board import Board
    from haidian_eval.scoring.trail import Trail
    from haidian_eval.tables import Edition
    from haidian_eval.text import Text

FOLDER = click.Path(file_okay=False, path_type=Path)
LANG = click.option("--lang", default="en", show_default=True, help="Language of the answer.")
DATA = click.option("--data", type=FOLDER, help="Folder of editions [default: data/raw].")
SCHEME = click.option("--scheme", default="", help="The scheme [default: the first that fits].")
SETS = click.option("--set", "sets", multiple=True, metavar="SECTION.NAME=VALUE",
                    help="Replace a parameter of the edition; may be repeated.")  # fmt: skip


def open_run(run: str, data: Path | None, sets: tuple[str, ...]) -> tuple[Study, str]:
    """Return the study that RUN names and the period behind "@", if any.

    RUN is a year, or the folder of a report, which is asked with its own settings as long as its
    data are still those that it was made from.
    """
    from haidian_eval.places import open_study, project_root
    from haidian_eval.runner.provenance import trace

    name, _, period = run.partition("@")
    if name.isdigit() and not Path(name).is_dir():
        return open_study(int(name), data=data, sets=sets), period
    path = Path(name) / "manifest.json"
    if not path.is_file() or not path.parent.resolve().name.isdigit():
        raise ParameterError(f"RUN = {run!r} is neither a year nor the folder of a report")
    made = json.loads(path.read_text("utf-8"))
    year = int(path.parent.resolve().name)
    study = open_study(year, data=data, sets=[*made["settings"], *sets])
    if trace(study, project_root() / "notebooks", ()).inputs != made["inputs"]:
        raise EvaluationError(f"{path.parent}: the data have changed since this report was made;"
                              " run it again, or ask by its year")  # fmt: skip
    return study, period


def read_run(study: Study, lang: str) -> tuple[Edition, Words]:
    """Return the tables of a study and the words of the answer."""
    from haidian_eval.report.operations import Words
    from haidian_eval.tables import read_edition
    from haidian_eval.text import Text

    edition = read_edition(study.places.edition(study.year), strict=True, params=study.params)
    parts = edition.tables
    return edition, Words(Text(lang), parts["units"], parts["indicators"])


def composite_of(study: Study, edition: Edition, scheme: str, unit: str, period: str) -> Composite:
    """Return the scheme to ask: the one named, or the first that scores the unit."""
    from haidian_eval.params import Composite

    known = study.params.scoring.composites
    kinds = dict(edition.tables["units"][["unit_id", "unit_type"]].itertuples(index=False))
    if unit and unit not in kinds:
        raise ParameterError(not_known(f"the unit {unit!r}", unit, kinds))
    fits = [own for own in known
            if scheme in ("", own.scheme) and (not unit or own.kind == kinds[unit])]  # fmt: skip
    if not fits:
        names = [own.scheme for own in known]
        raise ParameterError(
            not_known(f"a scheme {scheme!r} for {unit or 'these runs'}", scheme, names)
        )
    return Composite(**fits[0].model_dump() | ({"period": period} if period else {}))


@click.command("explain")
@click.argument("run")
@click.argument("unit")
@click.argument("node", default="index")
@SCHEME
@SETS
@DATA
@LANG
def explain_command(
    run: str, unit: str, node: str, scheme: str, sets: tuple[str, ...], data: Path | None, lang: str
) -> None:
    """Show where a score comes from: RUN is a year (2024, 2024@2023) or the folder of a report.

    From the index or NODE of UNIT down to the file, row and checksum of every value.
    """
    from haidian_eval.robustness.board import board
    from haidian_eval.scoring.trail import explain
    from haidian_eval.tables import checksums

    study, period = open_run(run, data, sets)
    edition, words = read_run(study, lang)
    found = board(edition.tables, composite_of(study, edition, scheme, unit, period), study.params)
    sums = checksums(study.places.edition(study.year))
    framework, rows = found.framework, found.selected.rows
    trail = explain(found.scores, framework, rows, unit, node, checksums=sums)
    name = words.text.choose(framework.nodes.loc[framework.root], "name")
    place = {"rank": found.scores.rank[unit], "units": int(found.scores.rank.notna().sum())}
    place |= {"low": found.uncertainty.rank_low[unit], "high": found.uncertainty.rank_high[unit]}
    click.echo(words.text("explain.head", unit=words.unit(unit), scheme=name,
                          period=words.text.period(found.period), **place))  # fmt: skip
    lines = [heading(edition, rows, words.text), *trail_lines(trail, found, words)]
    click.echo("\n".join(filter(None, lines)))


def trail_lines(trail: Trail, found: Board, words: Words) -> list[str]:
    """Return a trail line by line, indicators with their value and where it stands."""
    from haidian_eval.report.views.boards import method_words, node_name

    text, lines = words.text, []
    cells = trail.cells.set_index("node_id").to_dict("index")
    for row in trail.nodes.to_dict("records"):
        node, indent = found.framework.nodes.loc[row["node_id"]], "  " * row["depth"]
        told = {"name": node_name(found.framework, row["node_id"], words), "score": row["score"],
                "method": method_words(node, words),
                "asks": f" [{row['asks']}]" if row["asks"] else ""}  # fmt: skip
        key = "explain.node" if row["share"] == row["share"] else "explain.top"
        lines.append(indent + text(key, weight=row["weight"], share=row["share"], **told))
        if row["node_id"] in cells:
            lines.append(f"{indent}  {cell_line(cells[row['node_id']], words)}")
    return lines


def cell_line(cell: dict[str, Any], words: Words) -> str:
    """Return the value behind an indicator: where it stands, or what was filled in."""
    text, none = words.text, words.text("exhibit.none")
    if isinstance(cell["file"], str):
        own = {"unit": text.unit(cell["unit"]), "row": int(cell["row"])}
        own["repair"] = (isinstance(cell["repair"], str) and cell["repair"]) or none
        return text("explain.cell", **cell | own)
    if isinstance(cell["filled"], str):
        policy = text(f"missing_policies.{cell['filled']}")
        return text("explain.filled", policy=policy, value=cell["value"])
    return text("explain.no_cell")


def heading(edition: Edition, rows: pd.DataFrame, text: Text) -> str:
    """Return the line that heads a result made with synthetic data; else a blank."""
    kinds = edition.tables["sources"].set_index("source_id")["kind"]
    made_up = kinds.reindex(rows["source_id"].unique()).eq("synthetic").any()
    return text("page.demonstration") if made_up else ""


@click.command("compare")
@click.argument("before")
@click.argument("after")
@SCHEME
@click.option("--against", default="", metavar="SCHEME", help="The scheme of AFTER, if another.")
@SETS
@DATA
@LANG
def compare_command(
    before: str, after: str, scheme: str, against: str, sets: tuple[str, ...], data: Path | None,
    lang: str,
) -> None:  # fmt: skip
    """Show every rank move from run BEFORE to run AFTER, split into what made it.

    A run is a year, a year and a period (2024@2023), or the folder of a report. `--set` applies to
    AFTER alone.
    """
    from haidian_eval.robustness.board import run_of
    from haidian_eval.scoring.comparison import CAUSES, compare

    runs, head, words = [], "", None
    for run, name, own in ((before, scheme, ()), (after, against or scheme, sets)):
        study, period = open_run(run, data, own)
        edition, words = read_run(study, lang)
        chosen = composite_of(study, edition, name, "", period)
        runs.append(run_of(edition.tables, chosen, study.params))
        values = edition.tables["values"]
        own_rows = values[values["unit_id"].isin(runs[-1].matrix.index)]
        head = head or heading(edition, own_rows, words.text)
    assert words is not None
    found, text = compare(*runs), words.text
    click.echo("\n".join(filter(None, [text("compare.head"), head])))
    for row in found.frame.sort_values("rank_after").to_dict("records"):
        causes = [text("compare.cause", cause=text(f"compare.{cause}"), places=row[cause])
                  for cause in CAUSES if abs(row[cause]) > 1e-9]  # fmt: skip
        told = {"unit": words.unit(row["unit_id"]), "causes": text.listing(causes) or "—"}
        click.echo(text("compare.line", **row | told))
    for key, units in (("entered", found.entered), ("left", found.left)):
        if units:
            click.echo(text(f"compare.{key}", units=text.listing([words.unit(u) for u in units])))
