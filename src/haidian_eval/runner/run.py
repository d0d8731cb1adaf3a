"""One run: every stage in every language, results kept once, pages published together."""

from __future__ import annotations

import itertools
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

from haidian_eval.errors import EvaluationError
from haidian_eval.kernels import Task, check_parameters
from haidian_eval.places import Study, write_run
from haidian_eval.report.export import render_portal
from haidian_eval.runner import site
from haidian_eval.runner.provenance import Provenance, trace
from haidian_eval.runner.stages import Stage, choose, needs, read_stages, writers
from haidian_eval.runner.work import Job, Product, work
from haidian_eval.tables import store
from haidian_eval.text import Text

log = logging.getLogger(__name__)
Key = tuple[str, str]  # stage, language
Notify = Callable[[str], None]
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
    try:
        held = FileLock(folder / ".lock").acquire(timeout=wait)
    except Timeout:
        raise EvaluationError(f"another run is writing {folder}; wait until it has ended") from None
    with held:
        yield


def run(
    study: Study, notebooks: Path, *, langs: Sequence[str], settings: Sequence[str] = (),
    only: str = "", start: str = "", jobs: int = 0, force: bool = False,
    notify: Notify = lambda what: None,
) -> Outcome:  # fmt: skip
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
    pages = tuple(f"{lang}/{stage.page}" for lang in langs for stage in chosen)
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
        around = site.Site(stages, shown, study.params, provenance)
        products = execute(own, prepare(own, chosen, langs, around), stages, jobs, notify)
        files = {name: content for product in products for name, content in product.files.items()}
        files["index.html"] = render_portal([Text(lang) for lang in shown], around).encode()
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
        published.run == provenance.run_id
        and set(pages) <= set(published.files)
        and store.is_whole(folder, published.files)
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
    pages = site.read_manifest(folder).run or provenance.run_id
    for place, made_by in ((study.processed, store.marked(study.processed)), (folder, pages)):
        if made_by != provenance.run_id:
            raise EvaluationError(
                f"what stands in {place} is not of one run with these inputs, parameters and this"
                " program; run all stages (without --only and --from)"
            )


def prepare(
    study: Study, chosen: Sequence[Stage], langs: Sequence[str], around: site.Site
) -> dict[Key, Job]:
    """Return the job of every stage and language, its folder made and its parameters checked."""
    jobs = {}
    for stage, lang in itertools.product(chosen, langs):
        place = study.places.reports / f"{stage.notebook.stem}.{lang}"
        parameters = {"year": study.year, "lang": lang, "root": "", "run": "run.json"}
        check_parameters(stage.notebook, parameters)
        place.mkdir(parents=True)
        write_run(study, place / "run.json")
        task = Task(lang, stage.notebook, place, parameters)
        jobs[stage.name, lang] = Job(task, stage, around)
    return jobs


def execute(
    study: Study, jobs: dict[Key, Job], stages: Sequence[Stage], workers: int, notify: Notify
) -> list[Product]:
    """Execute jobs as soon as the results that they read are there; stop at the first failure."""
    writer, by_name = writers(stages), {stage.name: stage for stage in stages}
    first = next(lang for _, lang in jobs)
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
        running: dict[Future[Product], Key] = {}
        while sorter.is_active():
            for key in sorted(sorter.get_ready(), key=list(jobs).index):
                log.info("start %s (%s)", *key)
                running[pool.submit(work, jobs[key])] = key
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                key = running.pop(future)
                if future.exception():
                    log.error("%s (%s) failed", *key)
                    pool.shutdown(wait=True, cancel_futures=True)
                products[key] = future.result()
                if key[1] == first:
                    store.adopt(study.processed, jobs[key].task.folder)
                log.info("done %s (%s): %.1f s", *key, products[key].seconds)
                if products[key].messages:
                    log.info("kernel of %s (%s) says: %s", *key, products[key].messages)
                notify(f"{key[0]} ({key[1]})")
                sorter.done(key)
    refuse_language_differences(jobs)
    return [products[key] for key in jobs]


def refuse_language_differences(jobs: dict[Key, Job]) -> None:
    """Refuse results that differ between languages: words must never change numbers."""
    for stage in dict.fromkeys(stage for stage, _ in jobs):
        of_lang = {lang: job.task.folder for (name, lang), job in jobs.items() if name == stage}
        first, *others = map(store.read_manifest, of_lang.values())
        if any(other != first for other in others):
            raise RuntimeError(f"the results of {stage!r} differ between {', '.join(of_lang)}")
