"""Notebooks: thin, whole, and with pictures that are still those of the shipped edition.

nbval runs them cell by cell and compares words and numbers; it passes changed pictures, so these
are compared here.
"""

from __future__ import annotations

import ast
import base64
import io
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from PIL import Image
from study_runs import ROOT, Ran

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
BLOCK = 16  # pixels
LARGEST_DIFFERENCE = 8.0  # grey levels in the mean of a block; edges drawn elsewhere stay below 3


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def code_cells(path: Path) -> list[Any]:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def pictures(path: Path) -> list[Image.Image]:
    """The pictures in a notebook's outputs, as grey levels."""
    outputs = [o for cell in code_cells(path) for o in cell.outputs]
    coded = [o["data"]["image/png"] for o in outputs if "image/png" in o.get("data", {})]
    return [Image.open(io.BytesIO(base64.b64decode(data))).convert("L") for data in coded]


def difference(one: Image.Image, other: Image.Image) -> float:
    """The largest difference of two pictures in the mean of a block; infinite if sizes differ."""
    if one.size != other.size:
        return float("inf")
    gap = np.abs(np.asarray(one, float) - np.asarray(other, float))
    rows, columns = (size // BLOCK * BLOCK for size in gap.shape)
    blocks = gap[:rows, :columns].reshape(rows // BLOCK, BLOCK, columns // BLOCK, BLOCK)
    return float(blocks.mean(axis=(1, 3)).max())


def test_there_are_notebooks() -> None:
    assert [path.stem for path in NOTEBOOKS] == [
        "10_tables", "20_scoring", "22_environment", "24_economy", "25_robustness", "35_effect",
        "40_satisfaction", "45_opinion", "80_claims", "90_report",
    ]  # fmt: skip


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_thin(path: Path) -> None:
    cells = code_cells(path)
    assert len(cells) <= 12
    for cell in cells:
        assert len(cell.source.splitlines()) <= 10, cell.id
        assert not cell.source.rstrip().endswith(";"), cell.id
        kinds = {type(node) for node in ast.walk(ast.parse(cell.source))}
        assert not kinds & {ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_has_title_parameters_kernel_and_its_own_name(path: Path) -> None:
    book = read(path)
    assert book.metadata.kernelspec.name == "python3"
    assert book.cells[0].metadata.tags == ["title"]
    assert book.cells[1].metadata.tags == ["parameters"]
    assert book.cells[1].source == 'year = 2024\nlang = "zh"\nroot = ""\nrun = ""'
    assert f'Page("{path.stem}"' in book.cells[2].source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_ran_through_from_the_top_and_warned_of_nothing(path: Path) -> None:
    cells = code_cells(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert len(outputs) >= 5
    assert {output.output_type for output in outputs} == {"display_data"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_committed_pictures_are_those_of_the_shipped_edition(path: Path, ran: Ran) -> None:
    executed = ran.site / "notebooks" / "zh" / path.name
    before, now = pictures(path), pictures(executed)
    assert len(before) == len(now)
    for one, other in zip(before, now, strict=True):
        assert difference(one, other) < LARGEST_DIFFERENCE


def test_scoring_has_a_picture_and_a_moved_point_would_be_seen() -> None:
    picture, *_ = pictures(ROOT / "notebooks" / "20_scoring.ipynb")
    moved = picture.copy()
    moved.paste(0, (500, 300, 509, 309))  # a point of nine pixels
    assert difference(picture, moved) > LARGEST_DIFFERENCE
    assert difference(picture, picture.resize((10, 10))) == float("inf")
