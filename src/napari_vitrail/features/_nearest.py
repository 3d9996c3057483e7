"""Nearest neighbours of all places of one image among those of another, in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from napari_vitrail.features._similarity import product_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_vitrail.features._similarity import Descriptors


class Nearest(NamedTuple):
    """Nearest neighbours both ways.

    Attributes
    ----------
    chosen0 : (n,) int
        For every row of the first set, the most similar row of the second.
    chosen1 : (m,) int
        For every row of the second set, the most similar row of the first.
    similarity : (n,) float32
        Of the rows of the first set to their choice.
    """

    chosen0: NDArray[np.intp]
    chosen1: NDArray[np.intp]
    similarity: NDArray[np.float32]

    @property
    def buddies(self) -> NDArray[np.intp]:
        """Rows (k,) of the first set that their own choice chooses: the best buddies."""
        return np.flatnonzero(self.chosen1[self.chosen0] == np.arange(len(self.chosen0)))


def nearest_both_ways(rows0: NDArray[np.floating], rows1: NDArray[np.floating]) -> Nearest:
    """Return who is nearest to whom, by the product of rows of length 1; the first one where several are.

    Parameters
    ----------
    rows0, rows1 : (n, d) and (m, d) float arrays
        In single or half precision; at least one row each.
    """
    return _nearest(product_blocks(rows0, rows1), len(rows0), len(rows1))


def nearest_cells(first: Descriptors, second: Descriptors) -> Nearest:
    """Return which cells of two grids are nearest to each other; cells are counted in raster order."""
    sizes = (int(np.prod(one.grid.shape)) for one in (first, second))
    return _nearest(first.blocks(second), *sizes)


def _nearest(blocks: Iterator[tuple[NDArray[np.intp], Tensor]], count: int, others: int) -> Nearest:
    chosen0, similarity = np.empty(count, np.intp), np.empty(count, np.float32)
    best = torch.full((others,), -torch.inf)
    chosen1 = torch.zeros(others, dtype=torch.long)
    for rows, block in blocks:
        along = block.max(dim=1)
        chosen0[rows], similarity[rows] = along.indices, along.values
        across = block.max(dim=0)
        closer = across.values > best
        chosen1[closer] = torch.from_numpy(rows)[across.indices[closer]]
        best = torch.maximum(best, across.values)
    return Nearest(chosen0, chosen1.numpy(), similarity)
