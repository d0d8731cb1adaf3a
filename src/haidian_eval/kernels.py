"""Execute one notebook with papermill in a kernel of its own, away from the user's settings."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from haidian_eval import errors
from haidian_eval.errors import ParameterError, not_known

LONGEST_FOLDER = 60  # a socket's path may have about a hundred characters
NOISE = ("papermill", "execution")  # metadata that differs from run to run


@dataclass(frozen=True, slots=True)
class Task:
    """One notebook in one language, executed in `folder`, where its run.json lies."""

    stage: str
    lang: str
    notebook: Path
    folder: Path
    parameters: Mapping[str, Any]

    @property
    def output(self) -> Path:
        """Where the executed notebook is written."""
        return self.folder / self.notebook.name

    @property
    def messages(self) -> Path:
        """What the kernel writes to standard error outside of cells."""
        return self.folder / "kernel.log"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a notebook stopped; `mendable` when a user can do something about it."""

    task: Task
    name: str
    message: str
    traceback: str
    mendable: bool


def declared_parameters(notebook: Path) -> list[str]:
    """Return the names that the notebook's parameters cell assigns."""
    import papermill

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sorted(papermill.inspect_notebook(str(notebook)))


def check_parameters(notebook: Path, parameters: Mapping[str, Any]) -> None:
    """Refuse parameters that the notebook does not declare; papermill itself only warns."""
    known = declared_parameters(notebook)
    for name in parameters:
        if name not in known:
            raise ParameterError(not_known(f"{notebook.name}: the parameter {name!r}", name, known))


def private_environment(folder: Path) -> dict[str, str]:
    """Return settings that keep a user's IPython start-up files out of a run."""
    return {"IPYTHONDIR": str(folder / "ipython"), "PYTHONUTF8": "1", "PYTHONWARNINGS": "default"}


def kernel_options() -> dict[str, Any]:
    """Return how papermill reaches the kernel: by sockets in a folder where the system has them."""
    if os.name == "nt" or len(tempfile.gettempdir()) > LONGEST_FOLDER:
        return {}
    from jupyter_client.manager import AsyncKernelManager

    class SocketKernelManager(AsyncKernelManager):
        """A kernel reached through files that only this user may open; no port can clash."""

        def __init__(self, **options: Any) -> None:
            folder = tempfile.mkdtemp(prefix="he-")
            super().__init__(transport="ipc", ip=str(Path(folder) / "k"), **options)

        def cleanup_ipc_files(self) -> None:
            super().cleanup_ipc_files()
            shutil.rmtree(Path(self.ip).parent, ignore_errors=True)

    return {"kernel_manager_class": SocketKernelManager}


def redirect_errors(path: Path) -> None:
    """Let what this process and its kernels write to standard error go to a file."""
    with path.open("wb") as file:
        os.dup2(file.fileno(), 2)


def execute(task: Task) -> Failure | None:
    """Execute a notebook; None when all its cells ran, else why not. Runs in a worker process."""
    import papermill
    from nbclient.exceptions import DeadKernelError

    os.environ.update(private_environment(task.folder))
    os.chdir(task.folder)
    redirect_errors(task.messages)
    try:
        papermill.execute_notebook(
            str(task.notebook),
            str(task.output),
            parameters=dict(task.parameters),
            kernel_name="python3",
            progress_bar=False,
            log_output=False,
            record_timing=False,
            **kernel_options(),
        )
    except papermill.PapermillExecutionError as error:
        mendable = isinstance(getattr(errors, error.ename, None), type)
        trace = "\n".join(error.traceback)
        return Failure(task, error.ename, error.evalue, trace, mendable)
    except DeadKernelError as error:
        return Failure(task, "DeadKernelError", str(error), "", mendable=False)
    with task.messages.open("a", encoding="utf-8") as file:
        file.write(normalise(task.output))
    return None


def normalise(path: Path) -> str:
    """Take out of an executed notebook what differs from run to run; return its warnings.

    Warnings name places of the machine: they belong in the log, not on a page.
    """
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    for part in (notebook, *notebook.cells):
        for name in NOISE:
            part.metadata.pop(name, None)
    for cell in notebook.cells:
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.id = "injected-parameters"
    warned = []
    for cell in notebook.cells:
        outputs = cell.get("outputs", [])
        warned += [output.text for output in outputs if output.get("name") == "stderr"]
        if outputs:
            cell.outputs = [output for output in outputs if output.get("name") != "stderr"]
    nbformat.write(notebook, path)
    return "".join(warned)
