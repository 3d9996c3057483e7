"""How alike any place is to every place: cosine similarity of dense features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from napari_vitrail.grid import FeatureGrid, Grid


def unit_rows(values: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return rows (..., d) scaled to length 1; a row of zeros stays zero."""
    rows = np.ascontiguousarray(values, np.float32)
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    lengths[lengths == 0] = 1
    return rows / lengths.astype(np.float32, copy=False)


@dataclass(frozen=True)
class DescriptorGrid:
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

    def cell_at(self, pixel: ArrayLike) -> tuple[int, int]:
        """Return row and column of the cell whose centre is nearest to a row/column pixel (2,)."""
        nearest = np.floor(self.grid.to_cells(pixel) + 0.5)
        row, column = np.clip(nearest, 0, np.array(self.grid.shape) - 1)
        return int(row), int(column)

    def at(self, pixel: ArrayLike) -> NDArray[np.float32]:
        """Return the descriptor (d,) of the cell nearest to a row/column pixel (2,)."""
        return self.values[self.cell_at(pixel)]

    def similarity(self, descriptor: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the cosine similarity (h, w) of every cell to one descriptor (d,) of any image.

        Raises
        ------
        ValueError
            If the descriptor is of another length.
        """
        if descriptor.shape != self.values.shape[2:]:
            raise ValueError(f"descriptor must have {self.values.shape[2]} values, got {descriptor.shape}")
        return self.values @ descriptor

    def similarity_at(self, pixel: ArrayLike) -> NDArray[np.float32]:
        """Return the cosine similarity (h, w) of every cell to the one nearest to a row/column pixel (2,)."""
        return self.similarity(self.at(pixel))
