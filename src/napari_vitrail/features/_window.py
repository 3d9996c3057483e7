"""Values that the most similar cells of other images give a cell, looked for in a window round it."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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
    moved: NDArray[np.floating] | None = None, voters: NDArray[np.bool_] | None = None,
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
        How far from the middle of a window a cell that votes may be along either axis; 0 is any distance.
    topk : int
        Most similar cells of all images that vote, and those that are as similar as the last of them.
    temperature : float
        A vote weighs ``exp(cosine / temperature)``.
    spread : float, pixels
        A vote from a distance d weighs ``exp(-d² / (2 spread²))`` as much, and the topk are those that weigh
        most; 0 is as much from any distance.
    moved : (f, h, w, 2) float array, pixels, optional
        Where else than round itself each cell that asks looks in each of the other images: the offset of a
        second window, of which a vote from either counts once, with the larger weight.
    voters : (f, h', w') bool, optional
        Which cells may vote; else all.

    Notes
    -----
    Squares of `BLOCK_CELLS` cells look together at what any of them may see, by one product of matrices.
    """
    shape, width = asking_grid.shape, values.shape[-1]
    places = asking_grid.centres().reshape(*shape, 2)
    found = np.zeros((*shape, width), np.float32)
    for cells in product(*(_spans(side) for side in shape)):
        here = _Near.of(places[cells], voting_grid, radius, spread)
        looks = []
        for image in range(len(voting)):
            windows = [here]
            if moved is not None:
                windows.append(_Near.of(places[cells] + moved[image][cells], voting_grid, radius, spread))
            looks += _looks(image, windows)
        may_vote = None if voters is None else _gathered(voters[..., None], looks)[:, 0]
        part = _votes(
            _rows(asking[cells]), _gathered(voting, looks), _gathered(values, looks), looks, may_vote,
            topk, temperature,
        )  # fmt: skip
        found[cells] = part.reshape(found[cells].shape)
    return found


class _Look(NamedTuple):
    """What some cells look at in an image: a part of its cells, and how far those are from their windows.

    Attributes
    ----------
    image : int
    part : (rows, columns) slices
    apart : sequence of (n, rows), (n, columns)
        d² / (2 spread²) along both axes, from each window that lies here; infinite beyond it.
    """

    image: int
    part: tuple[slice, slice]
    apart: list[tuple[Tensor, Tensor]]

    @property
    def n_cells(self) -> int:
        """How many cells are looked at."""
        rows, columns = self.apart[0]
        return rows.shape[1] * columns.shape[1]

    def cost(self, asking: slice) -> Tensor:
        """Return d² / (2 spread²) (n, cells) from the nearest window of some of those that look."""
        costs = [(rows[asking, :, None] + columns[asking, None]).flatten(1) for rows, columns in self.apart]
        return costs[0] if len(costs) == 1 else torch.minimum(*costs)


class _Near(NamedTuple):
    """Windows of some cells: d² / (2 spread²) of all rows and all columns of an image, infinite beyond.

    Attributes
    ----------
    apart : (n, rows), (n, columns)
    part : (rows, columns) slices
        That any of the windows reaches.
    """

    apart: tuple[NDArray[np.float32], NDArray[np.float32]]
    part: tuple[slice, slice]

    @classmethod
    def of(cls, middles: NDArray[np.floating], grid: Grid, radius: float, spread: float) -> _Near:
        rows, columns = (_apart(middles[..., axis], grid.along(axis), radius, spread) for axis in (0, 1))
        return cls((rows, columns), (_reached(rows), _reached(columns)))

    def within(self, part: tuple[slice, slice]) -> tuple[Tensor, Tensor]:
        """Return what is apart from some rows, and from some columns."""
        rows, columns = self.apart
        return _tensor(rows[:, part[0]]), _tensor(columns[:, part[1]])


def _looks(image: int, windows: Sequence[_Near]) -> list[_Look]:
    """Return what cells look at in an image: windows that overlap together, so that no cell votes twice."""
    groups = [[own] for own in windows]
    if len(windows) == 2 and all(map(_overlap, *(own.part for own in windows))):
        groups = [list(windows)]
    looks = []
    for group in groups:
        rows, columns = (_joined([own.part[axis] for own in group]) for axis in (0, 1))
        looks.append(_Look(image, (rows, columns), [own.within((rows, columns)) for own in group]))
    return looks


def _overlap(one: slice, other: slice) -> bool:
    return one.start < other.stop and other.start < one.stop


def _joined(parts: Sequence[slice]) -> slice:
    return slice(min(own.start for own in parts), max(own.stop for own in parts))


def _votes(
    asking: Tensor, voting: Tensor, values: Tensor, looks: Sequence[_Look], may_vote: Tensor | None,
    topk: int, temperature: float,
) -> NDArray[np.float32]:  # fmt: skip
    """Return values (n, k) of cells, given by those in their windows, one image's after another's."""
    found = torch.zeros(len(asking), values.shape[1])
    total = torch.zeros(len(asking))
    step = max(BLOCK_VALUES // len(voting), 1)
    for start in range(0, len(asking), step):
        part = slice(start, start + step)
        liking = asking[part] @ voting.T
        for look, own in zip(looks, liking.split([look.n_cells for look in looks], dim=1), strict=True):
            own.sub_(look.cost(part), alpha=temperature)
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


def _apart(
    middles: NDArray[np.floating], places: NDArray[np.float64], radius: float, spread: float
) -> NDArray[np.float32]:
    """Return d² / (2 spread²) of rows, or columns, (n, m) from the middles of windows; infinite beyond."""
    apart = np.abs(middles.reshape(-1, 1) - places)
    squares = (apart / spread) ** 2 / 2 if spread else np.zeros(apart.shape)
    return np.where(apart <= (radius + ROUNDING if radius else np.inf), squares, np.inf).astype(np.float32)


def _spans(side: int) -> Iterator[slice]:
    for start in range(0, side, BLOCK_CELLS):
        yield slice(start, min(start + BLOCK_CELLS, side))


def _reached(apart: NDArray[np.float32]) -> slice:
    """Return the rows, or columns, that any of some (n, m) may look at; one in vain if there is none."""
    reached = np.flatnonzero(np.isfinite(apart).any(axis=0))
    return slice(int(reached[0]), int(reached[-1]) + 1) if reached.size else slice(0, 1)


def _gathered(values: NDArray[np.generic], looks: Sequence[_Look]) -> Tensor:
    """Return what the cells in the windows of some images have (m, k), one image's after another's."""
    parts = [values[look.image][look.part].reshape(look.n_cells, values.shape[-1]) for look in looks]
    gathered = _tensor(np.concatenate(parts))
    return gathered if gathered.dtype == torch.bool else gathered.float()


def _rows(values: NDArray[np.floating]) -> Tensor:
    return _tensor(values).float().flatten(0, -2)


def _tensor(values: NDArray[np.generic]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values))
