"""Where the cells of a feature map sit in the image, and feature maps that carry it with them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Grid:
    """Where the cells of a feature grid sit in the image, in pixels (a pixel's centre is an integer).

    Attributes
    ----------
    shape : (rows, columns)
        Number of cells along each axis.
    origin : (y, x) in pixels
        Centre of cell (0, 0).
    spacing : (y, x) in pixels
        Distance between the centres of neighbouring cells.
    """

    shape: tuple[int, int]
    origin: tuple[float, float] = (0.0, 0.0)
    spacing: tuple[float, float] = (1.0, 1.0)

    @classmethod
    def of_pixels(cls, image_shape: tuple[int, int]) -> Grid:
        """Return the grid with one cell on every pixel of an image."""
        return cls((int(image_shape[0]), int(image_shape[1])))

    @classmethod
    def of_window(cls, window: tuple[slice, slice]) -> Grid:
        """Return the grid with one cell on every pixel of a window of an image."""
        rows, columns = window
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        return cls(shape, (float(rows.start), float(columns.start)))

    @classmethod
    def of_tokens(cls, image_shape: tuple[int, int], patch_size: int, stride: int) -> Grid:
        """Return the grid of a ViT's tokens: ``1 + (side - patch_size) // stride`` cells a side.

        Token (i, j) is computed from the pixels ``stride * i ... stride * i + patch_size - 1``, so its
        centre is ``(patch_size - 1) / 2 + stride * i``; `stride` need not divide `patch_size`.
        """
        rows, columns = (1 + (side - patch_size) // stride for side in image_shape)
        centre = (patch_size - 1) / 2
        return cls((rows, columns), (centre, centre), (float(stride), float(stride)))

    @classmethod
    def stretched(cls, shape: tuple[int, int], image_shape: tuple[int, int]) -> Grid:
        """Return `shape` cells stretched over the whole image, as the papers' code places them.

        It displaces tokens by up to ``(patch_size - stride) / 2`` pixels at the borders; for parity only.
        """
        spacing = (image_shape[0] / shape[0], image_shape[1] / shape[1])
        return cls(shape, ((spacing[0] - 1) / 2, (spacing[1] - 1) / 2), spacing)

    def to_pixels(self, cells: ArrayLike) -> NDArray[np.float64]:
        """Return the pixel positions (n, 2) of cell positions (n, 2), whole or fractional."""
        return np.asarray(cells, float) * self.spacing + self.origin

    def to_cells(self, pixels: ArrayLike) -> NDArray[np.float64]:
        """Return the fractional cell positions (n, 2) of pixel positions (n, 2); not clipped."""
        return (np.asarray(pixels, float) - self.origin) / self.spacing

    def nearest(self, pixels: ArrayLike) -> NDArray[np.intp]:
        """Return the cells (..., 2) whose centres are nearest to pixel positions (..., 2)."""
        nearest = np.floor(self.to_cells(pixels) + 0.5).astype(np.intp)
        return np.clip(nearest, 0, np.array(self.shape) - 1)

    def centres(self) -> NDArray[np.float64]:
        """Return the pixel positions (rows * columns, 2) of all cells, in raster order."""
        cells = np.indices(self.shape).reshape(2, -1).T
        return self.to_pixels(cells)

    def along(self, axis: int) -> NDArray[np.float64]:
        """Return the pixel rows (0) or columns (1) that the cells sit on."""
        return self.origin[axis] + self.spacing[axis] * np.arange(self.shape[axis], dtype=np.float64)

    def magnified(self, factors: tuple[float, float]) -> Grid:
        """Return this grid of an image enlarged by `factors` in the pixels of the image as it was.

        Enlarging maps pixel u of the image to ``(u + 1/2) * factor - 1/2``.
        """
        origin = [(start + 0.5) / factor - 0.5 for start, factor in zip(self.origin, factors, strict=True)]
        spacing = [step / factor for step, factor in zip(self.spacing, factors, strict=True)]
        return Grid(self.shape, (origin[0], origin[1]), (spacing[0], spacing[1]))

    def read_at(self, pixels: ArrayLike, interpolation: str = "bilinear") -> NDArray[np.bool_]:
        """Return which cells (rows, columns) make up the features at pixel positions (n, 2)."""
        cells = self.to_cells(pixels)
        rows, _ = _axis_weights(cells[:, 0], self.shape[0], interpolation)
        columns, _ = _axis_weights(cells[:, 1], self.shape[1], interpolation)
        read = np.zeros(self.shape, bool)
        for row, column in product(rows, columns):
            read[row, column] = True
        return read

    def read_in(self, window: tuple[slice, slice], interpolation: str = "bilinear") -> NDArray[np.bool_]:
        """Return which cells (rows, columns) make up the features anywhere in a window of pixels."""
        rows, columns = (np.arange(part.start, part.stop) for part in window)
        along_rows = self.read_at(np.column_stack([rows, np.zeros_like(rows)]), interpolation).any(axis=1)
        along_columns = self.read_at(np.column_stack([np.zeros_like(columns), columns]), interpolation)
        return np.outer(along_rows, along_columns.any(axis=0))


@dataclass(frozen=True)
class FeatureGrid:
    """Feature values and the grid they sit on.

    Attributes
    ----------
    values : (h, w, d) float array
        One row of d features per cell.
    grid : Grid
        Where the h x w cells sit in the image.
    channels : dict of name to slice
        Which of the d features belong to ``vit``, ``attention``, ``classical`` ...
    """

    values: NDArray[np.floating]
    grid: Grid
    channels: dict[str, slice] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.values.ndim != 3 or self.values.shape[:2] != self.grid.shape:
            raise ValueError(
                f"values must have the shape (rows, columns, features) of the grid {self.grid.shape}, "
                f"got {self.values.shape}"
            )

    @property
    def width(self) -> int:
        """Number of features in each cell."""
        return int(self.values.shape[2])

    def at(self, pixels: ArrayLike, *, interpolation: str = "bilinear") -> NDArray[np.float32]:
        """Return the features (n, d) at pixel positions (n, 2), rows and columns.

        Between the outermost cell centres values are interpolated; outside they are replicated.

        Parameters
        ----------
        pixels : (n, 2) array
            Row/column positions, whole or fractional.
        interpolation : {"bilinear", "nearest"}
            How values between cell centres are made.
        """
        cells = self.grid.to_cells(pixels)
        rows, row_weights = _axis_weights(cells[:, 0], self.grid.shape[0], interpolation)
        columns, column_weights = _axis_weights(cells[:, 1], self.grid.shape[1], interpolation)
        result = np.zeros((len(cells), self.width), np.float32)
        for row, row_weight in zip(rows, row_weights, strict=True):
            for column, column_weight in zip(columns, column_weights, strict=True):
                weight = (row_weight * column_weight)[:, None].astype(np.float32)
                result += weight * self.values[row, column]
        return result

    def on(self, grid: Grid, *, interpolation: str = "bilinear") -> FeatureGrid:
        """Return these features resampled onto another grid (a window of pixels, for instance)."""
        if grid == self.grid:
            return self
        ends = grid.to_pixels(np.array([(0, 0), (grid.shape[0] - 1, grid.shape[1] - 1)]))
        positions = [np.linspace(ends[0, axis], ends[1, axis], grid.shape[axis]) for axis in (0, 1)]
        cells = [(positions[axis] - self.grid.origin[axis]) / self.grid.spacing[axis] for axis in (0, 1)]
        values = _along_axis(self.values, cells[0], 0, interpolation)
        return FeatureGrid(_along_axis(values, cells[1], 1, interpolation), grid, self.channels)

    def within(self, window: tuple[slice, slice]) -> FeatureGrid:
        """Return the cells that the features in a window of pixels are made of, as a grid of their own."""
        corners = self.grid.to_cells([[part.start for part in window], [part.stop - 1 for part in window]])
        last = np.array(self.grid.shape) - 1
        first = np.clip(np.floor(corners[0]), 0, last).astype(int)
        stop = np.clip(np.ceil(corners[1]), first, last).astype(int) + 1
        origin = self.grid.to_pixels(first[None])[0]
        shape = (int(stop[0] - first[0]), int(stop[1] - first[1]))
        grid = replace(self.grid, shape=shape, origin=(float(origin[0]), float(origin[1])))
        return FeatureGrid(self.values[first[0] : stop[0], first[1] : stop[1]], grid, self.channels)

    def concat(self, other: FeatureGrid) -> FeatureGrid:
        """Return both sets of features side by side; they must sit on the same grid."""
        if other.grid != self.grid:
            raise ValueError(f"features sit on different grids: {self.grid} and {other.grid}; use on()")
        moved = {
            name: slice(part.start + self.width, part.stop + self.width)
            for name, part in other.channels.items()
        }
        values = np.concatenate([self.values, other.values], axis=2)
        return FeatureGrid(values, self.grid, self.channels | moved)


def _axis_weights(
    cells: NDArray[np.float64], size: int, interpolation: str
) -> tuple[list[NDArray[np.intp]], list[NDArray[np.float64]]]:
    """Return the cells along one axis that make up each position, and their weights."""
    if interpolation == "nearest":
        nearest = np.clip(np.floor(cells + 0.5), 0, size - 1).astype(np.intp)
        return [nearest], [np.ones(len(cells))]
    if interpolation != "bilinear":
        raise ValueError(f"interpolation must be 'bilinear' or 'nearest', got {interpolation!r}")
    inside = np.clip(cells, 0, size - 1)
    lower = np.minimum(np.floor(inside), max(size - 2, 0)).astype(np.intp)
    upper = np.minimum(lower + 1, size - 1)
    fraction = inside - lower
    return [lower, upper], [1 - fraction, fraction]


def _along_axis(
    values: NDArray[np.floating], cells: NDArray[np.float64], axis: int, interpolation: str
) -> NDArray[np.float32]:
    """Return `values` interpolated at the fractional cell positions along one axis."""
    indices, weights = _axis_weights(cells, values.shape[axis], interpolation)
    shape = [1, 1, 1]
    shape[axis] = len(cells)
    terms = (
        values.take(index, axis=axis) * weight.astype(np.float32).reshape(shape)
        for index, weight in zip(indices, weights, strict=True)
    )
    return sum(terms).astype(np.float32, copy=False)  # type: ignore[union-attr]
