"""Values that the most similar cells of other images give a cell, looked for in a window round it."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

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


class WindowVotes(NamedTuple):
    """What cells were given.

    Attributes
    ----------
    values : (h, w, k) float32
        Weighted mean of those that voted; zero where nobody did.
    similarity : (h, w) float32
        Likewise the mean cosine similarity of those that voted.
    """

    values: NDArray[np.float32]
    similarity: NDArray[np.float32]


def vote_in_window(
    asking: NDArray[np.floating], asking_grid: Grid, voting: NDArray[np.floating], voting_grid: Grid,
    values: NDArray[np.floating], *,
    radius: float, topk: int, temperature: float, voters: NDArray[np.bool_] | None = None,
) -> WindowVotes:  # fmt: skip
    """Give every cell of an image the mean value of the cells most like it, near it in other images.

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
    voters : (f, h', w') bool, optional
        Which cells may vote; else all.

    Notes
    -----
    Squares of `BLOCK_CELLS` cells look together at what any of them may see, by one product of matrices.
    """
    shape, width = asking_grid.shape, values.shape[-1]
    found = np.zeros((*shape, width), np.float32)
    alike = np.zeros(shape, np.float32)
    near = [_near(asking_grid, voting_grid, axis, radius) for axis in (0, 1)]
    for rows, columns in product(*(_spans(side) for side in shape)):
        cells = (rows, columns)
        windows = tuple(_window(near[axis][cells[axis]]) for axis in (0, 1))
        others = (slice(None), *windows)
        allowed = _allowed([near[axis][cells[axis], windows[axis]] for axis in (0, 1)])
        may_vote = None if voters is None else _tensor(voters[others]).ravel()
        part, own = _votes(
            _rows(asking[cells]), _rows(voting[others]), _rows(values[others]), allowed, may_vote,
            topk, temperature,
        )  # fmt: skip
        found[cells] = part.reshape(found[cells].shape)
        alike[cells] = own.reshape(alike[cells].shape)
    return WindowVotes(found, alike)


def _votes(
    asking: Tensor, voting: Tensor, values: Tensor, allowed: Tensor, may_vote: Tensor | None,
    topk: int, temperature: float,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:  # fmt: skip
    """Return values (n, k) and similarity (n,) of cells; `allowed` is (n, m) of one image's cells."""
    found = torch.zeros(len(asking), values.shape[1])
    alike, total = torch.zeros(len(asking)), torch.zeros(len(asking))
    step = max(BLOCK_VALUES // len(voting), 1)
    for start in range(0, len(asking), step):
        part = slice(start, start + step)
        similarity = asking[part] @ voting.T
        images = similarity.view(len(similarity), -1, allowed.shape[1])
        images.masked_fill_(~allowed[part, None], -torch.inf)
        if may_vote is not None:
            similarity.masked_fill_(~may_vote, -torch.inf)
        best = similarity.topk(min(topk, len(voting)), dim=1).values
        chosen = (similarity >= best[:, -1:]) & (similarity > -torch.inf)  # fewer than topk may be allowed
        cells, others = chosen.nonzero(as_tuple=True)
        cosine = similarity[cells, others]
        weights = ((cosine - best[cells, 0]) / temperature).exp()  # their quotients count: none overflows
        cells += start
        found.index_add_(0, cells, weights[:, None] * values[others])
        alike.index_add_(0, cells, weights * cosine)
        total.index_add_(0, cells, weights)
    total[total == 0] = 1
    return (found / total[:, None]).numpy(), (alike / total).numpy()


def _near(asking: Grid, voting: Grid, axis: int, radius: float) -> NDArray[np.bool_]:
    """Return which rows, or columns, (n, m) of two grids are no farther apart than a radius."""
    apart = np.abs(asking.along(axis)[:, None] - voting.along(axis))
    return np.asarray(apart <= (radius + ROUNDING if radius else np.inf))


def _spans(side: int) -> Iterator[slice]:
    for start in range(0, side, BLOCK_CELLS):
        yield slice(start, min(start + BLOCK_CELLS, side))


def _window(near: NDArray[np.bool_]) -> slice:
    """Return the rows, or columns, that any of some (n, m) is near to."""
    reached = np.flatnonzero(near.any(axis=0))
    return slice(int(reached[0]), int(reached[-1]) + 1) if reached.size else slice(0, 1)


def _allowed(near: list[NDArray[np.bool_]]) -> Tensor:
    """Return which cells of a window (n, m) each of some cells may look at."""
    both = near[0][:, None, :, None] & near[1][None, :, None, :]
    return _tensor(both.reshape(near[0].shape[0] * near[1].shape[0], -1))


def _rows(values: NDArray[np.floating]) -> Tensor:
    return _tensor(values).float().flatten(0, -2)


def _tensor(values: NDArray[np.generic]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values))
