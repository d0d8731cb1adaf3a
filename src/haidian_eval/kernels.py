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


def check_parameters(notebook: Path, parameters: Mapping[str, Any]) -> None:
    """Refuse parameters that the notebook does not declare; papermill itself only warns."""
    import papermill

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        known = sorted(papermill.inspect_notebook(str(notebook)))
    for name in parameters:
        if name not in known:
            raise ParameterError(not_known(f"{notebook.name}: the parameter {name!r}", name, known))


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


def enter(task: Task) -> None:
    """Leave the user's settings behind; standard error of process and kernel goes to a file."""
    os.environ |= {
        "IPYTHONDIR": str(task.folder / "ipython"),  # without the user's start-up files
        "PYTHONUTF8": "1",
        "PYTHONWARNINGS": "default",
    }
    os.chdir(task.folder)
    with task.messages.open("wb") as file:
        os.dup2(file.fileno(), 2)


def execute(task: Task) -> None:
    """Execute a notebook in a worker process; what stops it is a user's to mend or a fault."""
    import papermill
    from nbclient.exceptions import DeadKernelError

    enter(task)
    fault = f"{task.notebook.name} ({task.lang}) failed; the cells that ran are in {task.output}\n"
    try:
        papermill.execute_notebook(
            str(task.notebook), str(task.output), parameters=dict(task.parameters),
            kernel_name="python3", progress_bar=False, log_output=False, record_timing=False,
            **kernel_options(),
        )  # fmt: skip
    except papermill.PapermillExecutionError as error:
        mendable = getattr(errors, error.ename, None)
        if isinstance(mendable, type):
            raise mendable(f"{task.notebook.name}: {error.evalue}") from None
        raise RuntimeError(fault + "\n".join(error.traceback)) from None
    except DeadKernelError as error:
        raise RuntimeError(f"{fault}{error}") from None
    with task.messages.open("a", encoding="utf-8") as file:
        file.write(normalise(task.output))


def normalise(path: Path) -> str:
    """Take out of an executed notebook what differs from run to run; return its warnings.

    Warnings name places of the machine: they belong in the log, not on a page.
    """
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    for part in (notebook, *notebook.cells):
        for name in NOISE:
            part.metadata.pop(name, None)
    warned = []
    for cell in notebook.cells:
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.id = "injected-parameters"
        outputs = cell.get("outputs", [])
        warned += [output.text for output in outputs if output.get("name") == "stderr"]
        if outputs:
            cell.outputs = [output for output in outputs if output.get("name") != "stderr"]
    nbformat.write(notebook, path)
    return "".join(warned)
