"""Points on a plane of an image, on a flat layer that lies as the plane does, of a stack too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari import Viewer
from napari.layers import Image, Layer, Points
from numpy.typing import NDArray

from napari_vitrail.widgets._annotations import numbers_of
from napari_vitrail.widgets._planes import shape_of
from napari_vitrail.world import Frame

if TYPE_CHECKING:
    from napari.utils.events import Event

_POINTS_PER_SIDE = 35
_PLACES = ("scale", "translate", "rotate", "shear", "affine")


class PlanePoints:
    """An empty points layer of two axes that lies as the rows and columns of an image do, wherever that goes.

    Parameters
    ----------
    viewer : napari.Viewer
        To which the layer is added.
    image : Image

    Attributes
    ----------
    image : Image
    layer : Points
    """

    def __init__(self, viewer: Viewer, image: Image) -> None:
        self.image = image
        self.layer: Points = viewer.add_points(
            np.empty((0, 2)),
            name=f"{image.name} points",
            size=max(2.0, max(shape_of(image)[-2:]) / _POINTS_PER_SIDE),
            border_color="white",
            units=image.units[-2:],
            axis_labels=image.axis_labels[-2:],
            affine=plane_matrix(image),
        )
        for name in _PLACES:
            getattr(image.events, name).connect(self._on_moved)

    def let_go(self) -> None:
        """Stay where the image is now."""
        for name in _PLACES:
            getattr(self.image.events, name).disconnect(self._on_moved)

    def _on_moved(self, _: Event) -> None:
        self.layer.affine = plane_matrix(self.image)


def plane_matrix(layer: Layer) -> NDArray[np.float64]:
    """Return where rows and columns of a layer lie in the world, a (3, 3) matrix for ``(row, column, 1)``."""
    geometry: dict[str, Any] = numbers_of(layer)
    matrix: NDArray[np.float64] = Frame.of(geometry, layer.ndim).matrix[-3:, -3:]
    return matrix


def world_box(image: Image) -> NDArray[np.float64]:
    """Return between which two positions in the world, (2, 2), the rows and columns of an image lie."""
    rows, columns = shape_of(image)[-2:]
    corners = np.array([(row, column, 1.0) for row in (-0.5, rows - 0.5) for column in (-0.5, columns - 0.5)])
    placed = corners @ plane_matrix(image).T
    return np.array([placed[:, :2].min(axis=0), placed[:, :2].max(axis=0)])


def is_over(image: Image, position: Any) -> bool:
    """Whether a position in the world lies on the rows and columns of an image."""
    pixel = np.linalg.inv(plane_matrix(image)) @ [*np.asarray(position, float)[-2:], 1.0]
    sides = np.array(shape_of(image)[-2:])
    return bool(((pixel[:2] >= -0.5) & (pixel[:2] < sides - 0.5)).all())
