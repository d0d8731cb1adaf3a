"""Which cells of a table of counts to hide, so that small ones cannot be inferred from totals.

A reader is taken to know every published number, that cells add up to totals, that none is negative
and, where zeros are shown, that a hidden cell is none. Of a small cell such a reader must find all
counts possible from 0 (1 where zeros are shown) to the threshold: no more than the rule tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra, maximum_flow

from haidian_eval.errors import ParameterError, not_known

CHECKS = 2_000  # of a cell, spent on showing again what need not be hidden
Cell = tuple[int, int]
Zeros = Literal["hide", "show"]


@dataclass(frozen=True, slots=True)
class Grid:
    """Counts, (r + 1) x (c + 1) with totals last; the other arrays have the same shape.

    primary: too small to show. floor: least count that a reader allows for. fixed: never hidden for
    the sake of others. hidden: from the start. unpublished: totals that no table shows.
    threshold: what primary cells must seem able to reach. width: least range of any hidden cell.
    """

    counts: np.ndarray
    primary: np.ndarray
    floor: np.ndarray
    fixed: np.ndarray
    hidden: np.ndarray
    unpublished: np.ndarray
    threshold: int
    width: int


def with_totals(cells: np.ndarray) -> np.ndarray:
    """Return r x c cells as (r + 1) x (c + 1) with their sums."""
    rows = np.vstack([cells, cells.sum(axis=0)])
    return np.column_stack([rows, rows.sum(axis=1)])


def grid_of(
    counts: np.ndarray, threshold: int, *, zeros: Zeros = "hide", width: int | None = None,
    structural: np.ndarray | bool = False, published: tuple[bool, bool] = (True, True),
) -> Grid:  # fmt: skip
    """Return r x c counts as a grid; published: whether the row and the column of totals are."""
    for name, value, least in (("threshold", threshold, 2), ("width", width, 1)):
        if value is not None and (value < least or value != int(value)):
            raise ParameterError(f"{name} = {value}; give a whole number of at least {least}")
    if zeros not in ("hide", "show"):
        raise ParameterError(not_known(f"zeros = {zeros!r}", zeros, ("hide", "show")))
    known = (counts == 0) & (structural if zeros == "hide" else True)
    floor = with_totals((~known & (zeros == "show")).astype("int64"))
    whole, empty = with_totals(counts), with_totals(~known) == 0
    unpublished = np.zeros(whole.shape, dtype=bool)
    unpublished[-1] |= not published[0]
    unpublished[:, -1] |= not published[1]
    primary = (whole < threshold) & ~empty & ~unpublished
    width = threshold - 1 if width is None else width
    return Grid(whole, primary, floor, empty, unpublished, unpublished, threshold, width)


def network(rise: np.ndarray, fall: np.ndarray) -> np.ndarray:
    """Return cells as arcs between their row and their column, totals running backwards.

    What adds up is then in balance at every node, so that the range of a cell is a maximal flow and
    ends at whole numbers (Ahuja, Magnanti and Orlin 1993). rise, fall: how far each cell can move.
    """
    m, n = rise.shape
    forward = (np.arange(m) < m - 1)[:, None] == (np.arange(n) < n - 1)
    arcs = np.zeros((m + n, m + n), dtype=rise.dtype)
    arcs[:m, m:] = np.where(forward, rise, fall)
    arcs[m:, :m] = np.where(forward, fall, rise).T
    return arcs


@dataclass(frozen=True, slots=True)
class Move:
    """How far a cell can move; left: what others can still take up, from start to end."""

    value: int
    left: np.ndarray
    start: int
    end: int


def room_of(grid: Grid, hidden: np.ndarray) -> np.ndarray:
    """Return the network of hidden cells; none need move further than any cell is asked to."""
    most = grid.threshold + grid.width
    return network(hidden * most, hidden * np.minimum(grid.counts - grid.floor, most))


def move(room: np.ndarray, grid: Grid, cell: Cell, upward: bool) -> Move:
    """Return how far the other hidden cells let this one rise or fall."""
    m, n = grid.counts.shape
    ends = m + cell[1], cell[0]
    forward = (cell[0] < m - 1) == (cell[1] < n - 1)
    start, end = ends if upward == forward else ends[::-1]
    others = room.astype("int32")
    others[start, end] = others[end, start] = 0
    flow = maximum_flow(csr_array(others), start, end)
    return Move(flow.flow_value, others - flow.flow, start, end)


def too_narrow(grid: Grid, room: np.ndarray, cell: Cell) -> Move | None:
    """Return the move that a hidden cell lacks; None where it cannot be inferred too well."""
    small, count = bool(grid.primary[cell]), int(grid.counts[cell])
    above, fall = count - int(grid.floor[cell]), 0
    if above > 0:
        down = move(room, grid, cell, upward=False)
        if small and down.value < above:
            return down
        fall = min(above, down.value)
    rise = max(grid.threshold - count if small else 0, grid.width - fall)
    if rise <= 0 or (up := move(room, grid, cell, upward=True)).value >= rise:
        return None
    return up


def cheapest(grid: Grid, hidden: np.ndarray, short: Move) -> list[Cell]:
    """Return the cells of least count to hide, so that a cell moves on; none where none helps."""
    shown = ~hidden & ~grid.fixed
    cost = shown * (1 + 1_000.0 * grid.counts)
    price = (short.left > 0) + network(cost, cost * (grid.counts > grid.floor))
    _, before = dijkstra(csr_array(price), indices=short.start, return_predecessors=True)
    found, at = [], short.end
    while at != short.start:
        if (last := int(before[at])) < 0:
            return []
        cell = min(at, last), max(at, last) - hidden.shape[0]
        found += [cell] if shown[cell] else []
        at = last
    return found


def ascending(grid: Grid, cells: np.ndarray) -> list[Cell]:
    """Return marked cells, small counts first."""
    found = [(int(row), int(column)) for row, column in np.argwhere(cells)]
    return sorted(found, key=lambda cell: int(grid.counts[cell]))


def search(grid: Grid) -> np.ndarray:
    """Return what is to be hidden: small cells, and the cheapest cycles that let them move.

    What is safe stays safe when more is hidden, so this ends; where nothing suffices, all that may
    be hidden is. On tables up to 8 x 8 the optimum by integer programming (Fischetti and Salazar
    2000) hid 0 to 6 % fewer respondents besides the small cells, and took up to minutes.
    """
    hidden = grid.hidden | grid.primary
    queue = ascending(grid, hidden & ~grid.unpublished)
    for cell in queue:
        while (short := too_narrow(grid, room_of(grid, hidden), cell)) is not None:
            if not (more := cheapest(grid, hidden, short)):
                return hidden | ~grid.fixed
            hidden[tuple(np.transpose(more))] = True
            queue += more
    return fewer(grid, hidden)


def fewer(grid: Grid, hidden: np.ndarray) -> np.ndarray:
    """Return what stays hidden when needless secondary cells are shown, large counts first."""
    own = ascending(grid, hidden & ~grid.primary & ~grid.hidden)[::-1]
    for cell in own[: CHECKS // max(1, int(hidden.sum()))]:
        trial = hidden.copy()
        trial[cell] = False
        room, rest = room_of(grid, trial), ascending(grid, trial & ~grid.unpublished)
        near = sorted(rest, key=lambda own: own[0] != cell[0] and own[1] != cell[1])
        if all(too_narrow(grid, room, own) is None for own in near):
            hidden = trial
    return hidden
