"""How alike any place is to every place: cosine similarity of dense features."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from napari_vitrail.features._product import product

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from napari_vitrail.grid import FeatureGrid, Grid

BLOCK_VALUES = 1 << 24
"""Similarities that are there at a time: 64 MB."""


def unit_rows(values: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return rows (..., d) scaled to length 1; a row of zeros stays zero."""
    rows = np.ascontiguousarray(values, np.float32)
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    lengths[lengths == 0] = 1
    return rows / lengths.astype(np.float32, copy=False)


class Descriptors(ABC):
    """One descriptor of length 1 for every cell of a grid: the product of two is their cosine similarity.

    Attributes
    ----------
    values : (h, w, D) float array
        What the cells themselves hold.
    grid : Grid
        Where the cells sit in the image.
    """

    values: NDArray[np.floating]
    grid: Grid

    @property
    @abstractmethod
    def width(self) -> int:
        """Number of values of a descriptor."""

    @property
    @abstractmethod
    def plain(self) -> DescriptorGrid:
        """The descriptors of the cells alone, without their neighbours."""

    @abstractmethod
    def placed(self, grid: Grid) -> Descriptors:
        """Return the same descriptors on a grid of the same shape."""

    @abstractmethod
    def rows(self, cells: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return the descriptors (n, d) of cells (n, 2)."""

    @abstractmethod
    def similarities(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the cosine similarities (n, h * w) of every cell to descriptors (n, d) of any image."""

    @abstractmethod
    def blocks(self, other: Descriptors) -> Iterator[tuple[NDArray[np.intp], Tensor]]:
        """Yield some cells (k,), counted in raster order, and their similarities to another's (k, m)."""

    def cell_at(self, pixel: ArrayLike) -> tuple[int, int]:
        """Return row and column of the cell whose centre is nearest to a row/column pixel (2,)."""
        row, column = self.grid.nearest(pixel)
        return int(row), int(column)

    def at(self, pixel: ArrayLike) -> NDArray[np.float32]:
        """Return the descriptor (d,) of the cell nearest to a row/column pixel (2,)."""
        return self.rows(self.grid.nearest(pixel)[None])[0]

    def similarity(self, descriptor: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the cosine similarity (h, w) of every cell to one descriptor (d,) of any image.

        Raises
        ------
        ValueError
            If the descriptor is of another length.
        """
        if descriptor.shape != (self.width,):
            raise ValueError(f"descriptor must have {self.width} values, got {descriptor.shape}")
        return self.similarities(descriptor[None]).reshape(self.grid.shape)

    def similarity_at(self, pixel: ArrayLike) -> NDArray[np.float32]:
        """Return the cosine similarity (h, w) of every cell to the one nearest to a row/column pixel (2,)."""
        return self.similarity(self.at(pixel))


@dataclass(frozen=True)
class DescriptorGrid(Descriptors):
    """Features of length 1 on a grid: the product of two is their cosine similarity.

    Attributes
    ----------
    values : (h, w, d) float32
        One row of length 1 per cell; zeros where there is no feature.
    grid : Grid
        Where the cells sit in the image.
    """

    values: NDArray[np.float32]
    grid: Grid

    @classmethod
    def of(cls, features: FeatureGrid) -> DescriptorGrid:
        """Return the descriptors of dense features, normalised once for all comparisons to come."""
        return cls(unit_rows(features.values), features.grid)

    @property
    def width(self) -> int:
        """Number of values of a descriptor."""
        return self.values.shape[2]

    @property
    def plain(self) -> DescriptorGrid:
        """The descriptors themselves."""
        return self

    def placed(self, grid: Grid) -> DescriptorGrid:
        """Return the same descriptors on a grid of the same shape."""
        return replace(self, grid=grid)

    def rows(self, cells: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return the descriptors (n, d) of cells (n, 2)."""
        return self.values[tuple(cells.T)]

    def similarities(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the cosine similarities (n, h * w) of every cell to descriptors (n, d) of any image."""
        return product(rows, self.values.reshape(-1, self.width).T)

    def blocks(self, other: Descriptors) -> Iterator[tuple[NDArray[np.intp], Tensor]]:
        """Yield some cells (k,), counted in raster order, and their similarities to another's (k, m)."""
        assert isinstance(other, DescriptorGrid)  # of the same spec
        own, others = self.values.reshape(-1, self.width), other.values.reshape(-1, other.width)
        yield from product_blocks(own, others)


def product_blocks(
    rows0: NDArray[np.floating], rows1: NDArray[np.floating]
) -> Iterator[tuple[NDArray[np.intp], Tensor]]:
    """Yield some rows (k,) of the first set and their products with all rows of the second (k, m)."""
    second = torch.from_numpy(np.ascontiguousarray(rows1)).float().T
    step = max(BLOCK_VALUES // len(rows1), 1)
    for start in range(0, len(rows0), step):
        part = np.ascontiguousarray(rows0[start : start + step])
        yield np.arange(start, start + len(part)), torch.from_numpy(part).float() @ second
