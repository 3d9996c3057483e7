"""Values that the most similar cells of other images give a cell, looked for in a window round it."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_vitrail.grid import Grid

BLOCK_CELLS = 16
"""Cells a side that look for others together: few look far beyond their own windows then."""
BLOCK_VALUES = 1 << 24
"""Similarities that are there at a time: 64 MB."""
ROUNDING = 1e-3
"""Pixels by which a cell on the rim of a window may seem to lie beyond it."""


def vote_in_window(
    asking: NDArray[np.floating], asking_grid: Grid, voting: NDArray[np.floating], voting_grid: Grid,
    values: NDArray[np.floating], *,
    radius: float, topk: int, temperature: float, spread: float = 0.0,
    voters: NDArray[np.bool_] | None = None,
) -> NDArray[np.float32]:  # fmt: skip
    """Return the mean value (h, w, k) of the cells most like each cell of an image, near it in others.

    Where nobody may vote it is zero.

    Parameters
    ----------
    asking : (h, w, D) float array
        Descriptors of length 1.
    asking_grid, voting_grid : Grid
        Where cells sit, in the same pixels.
    voting : (f, h', w', D) float array
        Descriptors of f other images.
    values : (f, h', w', k) float array
        What their cells have to give.
    radius : float, pixels
        How far a cell that votes may be along either axis; 0 is any distance.
    topk : int
        Most similar cells of all images that vote, and those that are as similar as the last of them.
    temperature : float
        A vote weighs ``exp(cosine / temperature)``.
    spread : float, pixels
        A vote from a distance d weighs ``exp(-d² / (2 spread²))`` as much, and the topk are those that weigh
        most; 0 is as much from any distance.
    voters : (f, h', w') bool, optional
        Which cells may vote; else all.

    Notes
    -----
    Squares of `BLOCK_CELLS` cells look together at what any of them may see, by one product of matrices.
    """
    shape, width = asking_grid.shape, values.shape[-1]
    found = np.zeros((*shape, width), np.float32)
    costs = [temperature * _apart(asking_grid, voting_grid, axis, radius, spread) for axis in (0, 1)]
    for rows, columns in product(*(_spans(side) for side in shape)):
        cells = (rows, columns)
        windows = tuple(_window(costs[axis][cells[axis]]) for axis in (0, 1))
        others = (slice(None), *windows)
        cost = _both([costs[axis][cells[axis], windows[axis]] for axis in (0, 1)])
        may_vote = None if voters is None else _tensor(voters[others]).ravel()
        part = _votes(
            _rows(asking[cells]), _rows(voting[others]), _rows(values[others]), cost, may_vote,
            topk, temperature,
        )  # fmt: skip
        found[cells] = part.reshape(found[cells].shape)
    return found


def _votes(
    asking: Tensor, voting: Tensor, values: Tensor, cost: Tensor, may_vote: Tensor | None,
    topk: int, temperature: float,
) -> NDArray[np.float32]:  # fmt: skip
    """Return values (n, k) of cells; `cost` is (n, m) of one image's cells, off their cosines."""
    found = torch.zeros(len(asking), values.shape[1])
    total = torch.zeros(len(asking))
    step = max(BLOCK_VALUES // len(voting), 1)
    for start in range(0, len(asking), step):
        part = slice(start, start + step)
        liking = asking[part] @ voting.T
        liking.view(len(liking), -1, cost.shape[1]).sub_(cost[part, None])
        if may_vote is not None:
            liking.masked_fill_(~may_vote, -torch.inf)
        best = liking.topk(min(topk, len(voting)), dim=1).values
        chosen = (liking >= best[:, -1:]) & (liking > -torch.inf)  # fewer than topk may be allowed
        cells, others = chosen.nonzero(as_tuple=True)
        weights = ((liking[cells, others] - best[cells, 0]) / temperature).exp()  # quotients: none overflows
        cells += start
        found.index_add_(0, cells, weights[:, None] * values[others])
        total.index_add_(0, cells, weights)
    total[total == 0] = 1
    return (found / total[:, None]).numpy()


def _apart(asking: Grid, voting: Grid, axis: int, radius: float, spread: float) -> NDArray[np.float32]:
    """Return d² / (2 spread²) of rows, or columns, (n, m) of two grids; infinite beyond a radius."""
    apart = np.abs(asking.along(axis)[:, None] - voting.along(axis))
    squares = (apart / spread) ** 2 / 2 if spread else np.zeros(apart.shape)
    return np.where(apart <= (radius + ROUNDING if radius else np.inf), squares, np.inf).astype(np.float32)


def _spans(side: int) -> Iterator[slice]:
    for start in range(0, side, BLOCK_CELLS):
        yield slice(start, min(start + BLOCK_CELLS, side))


def _window(cost: NDArray[np.float32]) -> slice:
    """Return the rows, or columns, that any of some (n, m) may look at."""
    reached = np.flatnonzero(np.isfinite(cost).any(axis=0))
    return slice(int(reached[0]), int(reached[-1]) + 1) if reached.size else slice(0, 1)


def _both(costs: list[NDArray[np.float32]]) -> Tensor:
    """Return what it costs each of some cells to look at those of a window (n, m)."""
    both = costs[0][:, None, :, None] + costs[1][None, :, None, :]
    return _tensor(both.reshape(costs[0].shape[0] * costs[1].shape[0], -1))


def _rows(values: NDArray[np.floating]) -> Tensor:
    return _tensor(values).float().flatten(0, -2)


def _tensor(values: NDArray[np.generic]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values))
