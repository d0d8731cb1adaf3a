"""Execute the notebooks as they stand and keep their outputs: the shipped edition, in Chinese.

python tests/refresh_notebooks.py
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import papermill

from haidian_eval.kernels import kernel_options, normalise

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


def main() -> None:
    os.environ["IPYTHONDIR"] = tempfile.mkdtemp()
    os.environ["HAIDIAN_EVAL_PROCESSED"] = tempfile.mkdtemp()
    os.chdir(NOTEBOOKS)
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        papermill.execute_notebook(
            path, path, kernel_name="python3", record_timing=False, **kernel_options()
        )
        normalise(path)


if __name__ == "__main__":
    main()
