"""The command line `haidian-eval`; nothing heavy is imported before a command needs it."""

from __future__ import annotations

import datetime as dt
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from haidian_eval import __version__
from haidian_eval.errors import EvaluationError, ParameterError, TableError, not_known
from haidian_eval.questions import DATA, FOLDER, SETS, compare_command, explain_command

if TYPE_CHECKING:
    import pandas as pd
    from tqdm import tqdm

    from haidian_eval.places import Study
    from haidian_eval.tables import Defects
    from haidian_eval.text import Text

DEFAULT_YEAR = 2024
COLOURS = {"stops": "bold red", "excluded": "red", "repaired": "yellow", "noted": "cyan"}


class Friendly(click.Group):
    """A group whose commands show a user's mistake as one message, without a traceback."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command; exit 2 for a wrong call, 1 for data or results not acceptable."""
        try:
            return super().invoke(context)
        except EvaluationError as error:
            click.echo(f"haidian-eval: {error}", err=True)
            context.exit(2 if isinstance(error, ParameterError) else 1)
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            click.echo(f"haidian-eval: {place}{error.strerror}; choose another place", err=True)
            context.exit(1)


@click.group(cls=Friendly, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Reproducible evaluation of a district's performance-assessment system."""


def edition_options(command: Any) -> Any:
    """Add the options that say which edition is meant, and with which parameters."""
    for option in (
        click.argument("year", type=int, default=DEFAULT_YEAR), SETS, DATA,
        click.option("--out", type=FOLDER, help="Folder of reports [default: reports]."),
    ):  # fmt: skip
        command = option(command)
    return command


def start_log(study: Study, *, verbose: bool) -> Path:
    """Start the log of this run and return its path; `verbose` shows it on the console too."""
    folder = study.places.reports / str(study.year) / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{dt.datetime.now().astimezone():%Y%m%d-%H%M%S-%f}.log"
    logging.getLogger("fontTools").setLevel(logging.WARNING)
    handlers: list[logging.Handler] = [logging.FileHandler(path, encoding="utf-8")]
    if verbose:
        handlers.append(logging.StreamHandler())
    form = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    logging.basicConfig(level=logging.INFO, format=form, handlers=handlers, force=True)
    return path


def languages(text: str) -> list[str]:
    """Return the languages of `--lang zh,en` in the order given."""
    from haidian_eval.params import LANGUAGES

    langs = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    for lang in langs:
        if lang not in LANGUAGES:
            raise ParameterError(not_known(f"--lang {lang!r}", lang, LANGUAGES))
    if not langs:
        raise ParameterError(f"--lang is empty; choose from {list(LANGUAGES)}")
    return langs


def advance(bar: tqdm[Any], what: str) -> None:
    """Move the progress bar on by one page."""
    bar.set_postfix_str(what, refresh=False)
    bar.update()


def tell_defects(study: Study) -> None:
    """Say how many defects the tables have, by what became of them."""
    from haidian_eval.tables import read_table

    found = read_table(study.processed, "defects")["severity"].value_counts()
    if len(found):
        counts = ", ".join(f"{count} {severity}" for severity, count in found.items())
        click.echo(f"defects: {counts} (haidian-eval check lists them)")


@main.command("run")
@edition_options
@click.option("--lang", default="zh,en", show_default=True, help="Languages of the pages.")
@click.option("--only", default="", metavar="STAGE", help="Run this stage alone.")
@click.option(
    "--from", "start", default="", metavar="STAGE", help="Run this stage and those after it."
)
@click.option(
    "--jobs", type=click.IntRange(min=0), default=0, help="Notebooks at a time [default: cores]."
)
@click.option("--force", is_flag=True, help="Execute even when nothing has changed.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
@click.option("--verbose", is_flag=True, help="Show the log on the console.")
def run_command(
    year: int, sets: tuple[str, ...], data: Path | None, out: Path | None, lang: str, only: str,
    start: str, jobs: int, force: bool, quiet: bool, verbose: bool,
) -> None:  # fmt: skip
    """Make the report of an edition: execute its notebooks and publish their pages."""
    from haidian_eval.places import open_study, project_root

    langs = languages(lang)
    study = open_study(year, data=data, out=out, sets=sets)
    log_path = start_log(study, verbose=verbose)
    logging.info("haidian-eval %s run %s --set %s", __version__, year, list(sets))
    from tqdm import tqdm

    from haidian_eval.runner import choose, read_stages, run

    notebooks = project_root() / "notebooks"
    total = len(choose(read_stages(notebooks), only=only, start=start)) * len(langs)
    try:
        with tqdm(total=total, unit="page", disable=quiet, file=sys.stderr) as bar:
            outcome = run(
                study, notebooks, langs=langs, settings=sets, only=only, start=start, jobs=jobs,
                force=force, notify=lambda what: advance(bar, what),
            )  # fmt: skip
    except Exception as error:
        logging.error("failed: %s", error)
        click.echo(f"log: {log_path}", err=True)
        raise
    logging.info("run %s done", outcome.run_id)
    if not outcome.anew:
        click.echo("nothing has changed; the report stands as it is (--force makes it again)")
    tell_defects(study)
    click.echo(f"report: {outcome.folder / 'index.html'}\nlog: {log_path}")


@main.command("check")
@edition_options
@click.option("--lang", default="en", show_default=True, help="Language of messages and workbooks.")
def check_command(
    year: int, sets: tuple[str, ...], data: Path | None, out: Path | None, lang: str
) -> None:
    """List the defects of an edition: console, page, one workbook per department.

    Exit 1 when a table cannot be used.
    """
    from haidian_eval.places import open_study
    from haidian_eval.tables import read_edition
    from haidian_eval.text import Text

    text = Text(languages(lang)[0])
    study = open_study(year, data=data, out=out, sets=sets)
    edition = read_edition(study.places.edition(year), params=study.params)
    show_defects(edition.defects.frame, text)
    for row in edition.left_out.itertuples(index=False):
        words = {"indicator": row.indicator_id, "period": row.period, "rows": row.rows}
        words |= {"source": row.source_id, "published": row.as_of}
        click.echo(text("defect.left_out", reason=text(f"reasons.{row.reason}"), **words))
    filled = sum(len(frame) > 0 for frame in edition.tables.values())
    count = len(edition.defects.frame)
    click.echo(text("defect.count", year=year, count=count, tables=filled))
    write_check(edition.defects, study, text)
    if edition.defects.stops():
        raise click.exceptions.Exit(1)
    from haidian_eval.report.views import focus_name
    from haidian_eval.scoring import framework_of

    parts, params = edition.tables, study.params
    framework_of(parts["indicators"], parts["points"], params.scoring)
    focus_name(parts["units"], params, text)


def show_defects(frame: pd.DataFrame, text: Text) -> None:
    """Show the defects on the console, of many alike the first ones, coloured by severity."""
    from rich.console import Console
    from rich.text import Text as Line

    from haidian_eval.tables import sentence, told

    console = Console(soft_wrap=True, highlight=False)
    for record in told(frame).to_dict("records"):
        console.print(Line(sentence(record, text), style=COLOURS[record["severity"]]))
        if record["more"]:
            console.print(Line(text("check.more", count=record["more"]), style="dim"))


def write_check(defects: Defects, study: Study, text: Text) -> None:
    """Write the page and the workbooks of the defects in place of those of an earlier check."""
    import shutil

    from haidian_eval.params import LANGUAGES
    from haidian_eval.report.check_page import check_page
    from haidian_eval.tables import write_queries
    from haidian_eval.tables.store import checksums, replace
    from haidian_eval.text import Text

    sums = checksums(study.places.edition(study.year))
    folder = study.places.reports / str(study.year) / "check"
    shutil.rmtree(folder, ignore_errors=True)
    frame = defects.frame
    for lang in LANGUAGES:
        page = check_page(frame, study.params, Text(lang), sums=sums)
        replace(folder / f"defects_{lang}.html", page.encode())
    click.echo(text("check.page", path=folder / f"defects_{text.lang}.html"))
    if paths := write_queries(folder / "departments", defects, text):
        click.echo(text("query.written", count=len(paths), folder=folder / "departments"))


@main.command("template")
@edition_options
@click.option("--table", "names", multiple=True, metavar="NAME", help="Only this table.")
@click.option("--lang", default="zh", show_default=True, help="Language of the workbooks.")
def template_command(
    year: int, sets: tuple[str, ...], data: Path | None, out: Path | None,
    names: tuple[str, ...], lang: str,
) -> None:  # fmt: skip
    """Write empty workbooks to send out, and each unit's list of evidence to hand in."""
    from haidian_eval import tables
    from haidian_eval.places import open_study
    from haidian_eval.text import Text

    text = Text(languages(lang)[0])
    study = open_study(year, data=data, out=out, sets=sets)
    known = list(tables.contracts())
    for name in names:
        if name not in known:
            raise ParameterError(not_known(f"--table {name!r}", name, known))
    edition = tables.read_edition(study.places.edition(year), params=study.params, strict=True)
    folder = study.places.reports / str(year) / "templates"
    paths = tables.write_templates(folder, list(names) or known, edition.tables, text)
    if not names or "evidence" in names:
        asked = tables.evidence_asked(edition.tables, study.params)
        units = edition.tables["units"]
        paths += tables.write_evidence_lists(folder / "evidence", asked, units, text)
    click.echo(text("template.written", count=len(paths), folder=folder))


@main.command("new-edition")
@click.argument("year", type=int)
@click.option(
    "--from", "old", type=int, required=True, metavar="YEAR", help="Edition to start from."
)
@DATA
@click.option("--lang", default="en", show_default=True, help="Language of the messages.")
def new_edition_command(year: int, old: int, data: Path | None, lang: str) -> None:
    """Start a new edition: copy schemes, units and parameters; list what must be replaced."""
    from haidian_eval.places import open_study, project_root
    from haidian_eval.runner import read_stages
    from haidian_eval.tables import new_edition, read_edition
    from haidian_eval.text import Text

    text = Text(languages(lang)[0])
    study = open_study(old, data=data)
    folder = study.places.edition(old)
    edition = read_edition(folder, params=study.params, strict=True)
    to_do = new_edition(folder, folder.with_name(str(year)), edition.tables)
    stages = read_stages(project_root() / "notebooks")
    click.echo(text("renewal.done", year=year, folder=folder.with_name(str(year))))
    for row in to_do.itertuples(index=False):
        words = {"table": row.table, "rows": row.rows, "state": text(f"renewal.{row.state}")}
        readers = [stage.name for stage in stages if row.table in stage.reads]
        more = text("renewal.stages", stages=text.listing(readers)) if readers else ""
        click.echo(text("renewal.line", **words) + (more if row.state != "copied" else ""))
    click.echo(text("renewal.dates"))


@main.command("synth")
@edition_options
@click.option("--force", is_flag=True, help="Overwrite files of these names that hold real rows.")
def synth_command(
    year: int, sets: tuple[str, ...], data: Path | None, out: Path | None, force: bool
) -> None:
    """Write example units and made-up values into an edition; every row says that it is synthetic.

    A real table takes their place when the file synthetic.csv beside it is taken away.
    """
    from haidian_eval.places import open_study
    from haidian_eval.synthetic import generate, write_synthetic
    from haidian_eval.tables import read_edition

    study = open_study(year, data=data, out=out, sets=sets)
    folder = study.places.edition(year)
    edition = read_edition(folder, params=study.params)
    if "indicators" not in edition.tables:
        raise TableError(f"the indicators of {folder} cannot be used; haidian-eval check says why")
    made = generate(edition.tables["indicators"], study.params)
    for path, frame in zip(
        write_synthetic(folder, made, force=force), made.tables.values(), strict=True
    ):
        click.echo(f"{path}: {len(frame)} rows")


main.add_command(explain_command)
main.add_command(compare_command)

if __name__ == "__main__":
    main(prog_name="haidian-eval")
