"""One run: every stage in every language, results kept once, pages published together."""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

from filelock import FileLock, Timeout

from haidian_eval import errors
from haidian_eval.errors import EvaluationError
from haidian_eval.kernels import Failure, Task, check_parameters
from haidian_eval.params import Study, write_run
from haidian_eval.runner import site
from haidian_eval.runner.provenance import Provenance, trace
from haidian_eval.runner.stages import Stage, choose, needs, read_stages, writers
from haidian_eval.runner.work import Job, Product, work
from haidian_eval.tables import store
from haidian_eval.text import Text

log = logging.getLogger(__name__)
Key = tuple[str, str]  # stage, language
PATIENCE = 60  # seconds that a run waits for another to hand over its results


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run has made in `folder`; not `anew` when all of it stood there already."""

    run_id: str
    folder: Path
    anew: bool


@contextmanager
def alone(folder: Path, *, wait: float = 0) -> Iterator[None]:
    """Hold a folder for one run; a second one is refused after `wait` seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=wait)
    except Timeout:
        raise EvaluationError(f"another run is writing {folder}; wait until it has ended") from None
    try:
        yield
    finally:
        lock.release()


def run(
    study: Study,
    notebooks: Path,
    *,
    langs: Sequence[str],
    settings: Sequence[str] = (),
    only: str = "",
    start: str = "",
    jobs: int = 0,
    force: bool = False,
    notify: Callable[[str], None] = lambda what: None,
) -> Outcome:
    """Execute the stages in all languages and publish their pages; `notify` hears of each task.

    What stands there already, made from the same inputs, parameters and program, is left as it is
    unless `force` is set.
    """
    stages = read_stages(notebooks)
    chosen = choose(stages, only=only, start=start)
    provenance = trace(study, notebooks, settings)
    folder = study.places.reports / str(study.year)
    whole = len(chosen) == len(stages)
    if not whole:
        refuse_other_results(study, folder, provenance)
    pages = tuple(f"{lang}/{site.page_name(stage)}" for lang in langs for stage in chosen)
    with alone(folder):
        if not force and stands(study, folder, provenance, pages):
            log.info("run %s stands already; nothing to do", provenance.run_id)
            return Outcome(provenance.run_id, folder, anew=False)
        work_folder = folder / ".work"
        shutil.rmtree(work_folder, ignore_errors=True)
        own = study.within(work_folder)
        if not whole:
            store.adopt(own.processed, study.processed)
        shown = langs if whole else site.languages(folder, langs)
        prepared = prepare(own, chosen, stages, langs, shown, provenance)
        products = execute(own, prepared, stages, langs, jobs, notify)
        files = {name: content for product in products for name, content in product.files.items()}
        files["index.html"] = site.portal(stages, shown, study.params, provenance).encode()
        with alone(study.processed, wait=PATIENCE):
            store.adopt(study.processed, own.processed)
            store.mark(study.processed, provenance.run_id)
        site.publish(folder, files, provenance, whole=whole)
        shutil.rmtree(work_folder)
    return Outcome(provenance.run_id, folder, anew=True)


def stands(study: Study, folder: Path, provenance: Provenance, pages: Sequence[str]) -> bool:
    """Tell whether the pages and results of this very run are there, every byte of them."""
    published = site.read_manifest(folder)
    return (
        published.run_id == provenance.run_id
        and set(pages) <= set(published.files)
        and site.is_whole(folder, published.files)
        and store.marked(study.processed) == provenance.run_id
        and store.is_whole(study.processed)
    )


def refuse_other_results(study: Study, folder: Path, provenance: Provenance) -> None:
    """Refuse to go on from results or pages of other inputs, parameters or program."""
    if not store.marked(study.processed):
        raise EvaluationError(
            f"there are no results of a whole run in {study.processed}; run all stages first"
            " (without --only and --from)"
        )
    pages = site.read_manifest(folder).run_id or provenance.run_id
    for place, made_by in ((study.processed, store.marked(study.processed)), (folder, pages)):
        if made_by != provenance.run_id:
            raise EvaluationError(
                f"what stands in {place} is not of one run with these inputs, parameters and this"
                " program; run all stages (without --only and --from)"
            )


def prepare(
    study: Study,
    chosen: Sequence[Stage],
    stages: Sequence[Stage],
    langs: Sequence[str],
    shown: Sequence[str],
    provenance: Provenance,
) -> dict[Key, Job]:
    """Return the job of every stage and language, its folder made and its parameters checked.

    `shown`: the languages that the report has when the run is done.
    """
    jobs = {}
    for stage in chosen:
        for lang in langs:
            place = study.places.reports / f"{stage.notebook.stem}.{lang}"
            parameters = {"year": study.year, "lang": lang, "root": "", "run": "run.json"}
            check_parameters(stage.notebook, parameters)
            place.mkdir(parents=True)
            write_run(study, place / "run.json")
            task = Task(stage.name, lang, stage.notebook, place, parameters)
            text = Text(lang)
            around = site.frame(stage, stages, shown, study.params, provenance, text)
            jobs[stage.name, lang] = Job(task, around)
    return jobs


def execute(
    study: Study,
    jobs: dict[Key, Job],
    stages: Sequence[Stage],
    langs: Sequence[str],
    workers: int,
    notify: Callable[[str], None],
) -> list[Product]:
    """Execute jobs as soon as the results that they read are there; stop at the first failure."""
    writer, by_name = writers(stages), {stage.name: stage for stage in stages}
    first = langs[0]
    waits = {
        key: {(name, first) for name in needs(by_name[key[0]], writer) if (name, first) in jobs}
        for key in jobs
    }
    sorter: TopologicalSorter[Key] = TopologicalSorter(waits)
    sorter.prepare()
    products: dict[Key, Product] = {}
    context = multiprocessing.get_context("spawn")
    count = workers or min(len(jobs), os.cpu_count() or 1)
    with ProcessPoolExecutor(count, mp_context=context) as pool:
        running: dict[Future[Product | Failure], Key] = {}
        while sorter.is_active():
            for key in sorted(sorter.get_ready(), key=list(jobs).index):
                log.info("start %s (%s)", *key)
                running[pool.submit(work, jobs[key])] = key
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                key = running.pop(future)
                products[key] = accept(future.result(), pool)
                if key[1] == first:
                    store.adopt(study.processed, jobs[key].task.folder)
                log.info("done %s (%s): %.1f s", *key, products[key].seconds)
                if products[key].messages:
                    log.info("kernel of %s (%s) says: %s", *key, products[key].messages)
                notify(f"{key[0]} ({key[1]})")
                sorter.done(key)
    refuse_language_differences(jobs, langs)
    return [products[key] for key in jobs]


def accept(result: Product | Failure, pool: ProcessPoolExecutor) -> Product:
    """Return a product, or raise the failure: a user's to mend, or a fault of ours."""
    if not isinstance(result, Failure):
        return result
    pool.shutdown(wait=True, cancel_futures=True)
    task = result.task
    log.error("%s (%s) failed: %s: %s", task.stage, task.lang, result.name, result.message)
    if result.mendable:
        raise getattr(errors, result.name)(f"{task.notebook.name}: {result.message}")
    raise RuntimeError(
        f"{task.notebook.name} ({task.lang}) failed; the cells that ran are in {task.output}\n"
        f"{result.traceback}"
    )


def refuse_language_differences(jobs: dict[Key, Job], langs: Sequence[str]) -> None:
    """Refuse results that differ between languages: words must never change numbers."""
    for stage in dict.fromkeys(stage for stage, _ in jobs):
        sums = [store.read_manifest(jobs[stage, lang].task.folder) for lang in langs]
        if any(other != sums[0] for other in sums):
            raise RuntimeError(f"the results of {stage!r} differ between {', '.join(langs)}")
