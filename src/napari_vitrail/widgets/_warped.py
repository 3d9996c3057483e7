"""The moving image, or all planes of a stack, as it looks in the frame of the fixed one."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np
from napari import Viewer
from napari.layers import Image
from numpy.typing import NDArray

from napari_vitrail.alignment import Alignment, warp_image
from napari_vitrail.progress import Progress, Steps
from napari_vitrail.widgets._annotations import numbers_of
from napari_vitrail.widgets._layers import add_quietly, mark, written
from napari_vitrail.widgets._matching import Subject
from napari_vitrail.widgets._plane_points import plane_matrix
from napari_vitrail.world import Frame

WARPED = "warped"


def warp_steps(moving: Subject, alignment: Alignment, sides: tuple[int, int]) -> Steps[Any]:
    """Yield Progress; return the moving image in the frame of the fixed one, which has these sides.

    Of a stack each plane is warped alike, when it is looked at. A single plane is lazy if its image is.
    """
    ndim = moving.image.ndim
    if ndim == 2:
        yield Progress(0, 1, "warping")
        return warp_image(moving.plane.pixels, alignment, sides)
    data = moving.plane.data
    places = list(np.ndindex(data.shape[: ndim - 2]))
    planes = []
    for done, place in enumerate(places):
        yield Progress(done, len(places), "planes")
        plane = da.asarray(data[place])  # of an array in memory no copy
        planes.append(warp_image(plane, alignment, sides))
    return da.stack(planes).reshape(*data.shape[: ndim - 2], *planes[0].shape)


def write_warped(viewer: Viewer, fixed: Subject, moving: Subject, warped: Any) -> Image:
    """Add a warped image, in place of an earlier one, below the points; return its layer."""
    image, name = moving.image, moving.plane.layer_name
    for layer in written(viewer.layers, name, WARPED):
        viewer.layers.remove(layer)
    looks = {} if image.rgb else {"colormap": image.colormap, "contrast_limits": image.contrast_limits}
    layer = Image(
        warped, name=f"{name} {WARPED}", metadata=mark(name, WARPED), rgb=image.rgb,
        affine=_matrix(fixed.image, image),
        units=(*image.units[:-2], *fixed.image.units[-2:]),
        axis_labels=(*image.axis_labels[:-2], *fixed.image.axis_labels[-2:]), **looks,
    )  # fmt: skip
    there = [viewer.layers.index(own.image) for own in (fixed, moving) if own.image in viewer.layers]
    add_quietly(viewer, layer, 1 + max(there) if there else None)
    return layer


def _matrix(fixed: Image, moving: Image) -> NDArray[np.float64]:
    """Return where the warped image lies in the world: its planes where the fixed one's, else as it lay."""
    matrix = Frame.of(numbers_of(moving), moving.ndim).matrix.copy()
    matrix[-3:-1, :-3], matrix[:-3, -3:-1] = 0, 0
    matrix[-3:, -3:] = plane_matrix(fixed)
    return matrix
