"""What a worker process does: execute one notebook in one language and make its page."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from haidian_eval.kernels import Task, execute
from haidian_eval.report.export import downloads, render
from haidian_eval.runner.site import Site
from haidian_eval.runner.stages import Stage
from haidian_eval.text import Text


@dataclass(frozen=True, slots=True)
class Job:
    """A notebook to execute, and the stage and the site that stand around its page."""

    task: Task
    stage: Stage
    site: Site


@dataclass(frozen=True, slots=True)
class Product:
    """The files of one page (path in the report -> content), seconds taken, kernel messages."""

    files: Mapping[str, bytes]
    seconds: float
    messages: str


def work(job: Job) -> Product:
    """Return the page, downloads and executed notebook of a job."""
    import nbformat

    began = time.perf_counter()
    execute(job.task)
    task, stem = job.task, job.task.notebook.stem
    notebook = nbformat.read(task.output, as_version=4)
    around = {"site": job.site, "stage": job.stage}
    page = render(notebook, file_stem=stem, text=Text(task.lang), **around)
    files = {
        f"{task.lang}/{stem}.html": page.encode(),
        f"notebooks/{task.lang}/{stem}.ipynb": task.output.read_bytes(),
    }
    for name, content in downloads(notebook, stem).items():
        files[f"downloads/{task.lang}/{name}"] = content.encode("utf-8-sig")
    messages = task.messages.read_text(encoding="utf-8", errors="replace")
    return Product(files, time.perf_counter() - began, messages)
