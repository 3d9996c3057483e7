"""Where pixels lie in the world, from the numbers that a project keeps of a layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from napari_vitrail.entries import Geometry


@dataclass(frozen=True, eq=False)
class Frame:
    """The pixels of a layer in the world: what napari does with the same numbers, to the bit.

    Attributes
    ----------
    matrix : (n + 1, n + 1) float array
        From positions in the data to those in the world.
    """

    matrix: NDArray[np.float64]

    @classmethod
    def of(cls, geometry: Geometry, ndim: int) -> Frame:
        """Return the frame of a layer with some axes; what the geometry leaves out is as napari has it.

        It is ``affine @ (rotate @ shear @ scale, translate)``.
        """
        own = np.eye(ndim + 1)
        shear = np.eye(ndim)
        shear[np.triu_indices(ndim, 1)] = geometry.get("shear", 0.0)
        rotate = np.array(geometry.get("rotate", np.eye(ndim)), np.float64)
        scale = np.diag(np.array(geometry.get("scale", np.ones(ndim)), np.float64))
        own[:-1, :-1] = rotate @ shear @ scale
        own[:-1, -1] = geometry.get("translate", 0.0)
        return cls(np.array(geometry.get("affine", np.eye(ndim + 1)), np.float64) @ own)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.matrix) - 1

    def data_to_world(self, position: ArrayLike) -> NDArray[np.float64]:
        """Return where a position in the data lies in the world."""
        return _moved(self.matrix, np.asarray(position, np.float64))

    def world_to_data(self, position: ArrayLike) -> NDArray[np.float64]:
        """Return where a position in the world, of which the last axes count, lies in the data."""
        return _moved(
            np.asarray(np.linalg.inv(self.matrix), np.float64), np.asarray(position, np.float64)[-self.ndim :]
        )


def _moved(matrix: NDArray[np.float64], position: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a position as an affine matrix maps it."""
    moved: NDArray[np.float64] = position[None] @ matrix[:-1, :-1].T + matrix[:-1, -1]
    return moved[0]
