"""An image layer as a stack: its planes along one axis, those of a slider."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from napari.components import Dims, LayerList
from napari.layers import Image, Layer
from numpy.typing import NDArray

from napari_vitrail.planes import Index
from napari_vitrail.widgets._gallery_images import LayerImage, Readings
from napari_vitrail.widgets._image_plane import ImagePlane
from napari_vitrail.widgets._planes import plane_index, planes_along


@dataclass(frozen=True, eq=False)
class Stack:
    """The planes of an image layer along one axis; along its other sliders it is as it was in view.

    Attributes
    ----------
    layer : Image
    axis : int
        Of the layer's data.
    planes : tuple of ImagePlane
        In the order of the slider: its frames.
    """

    layer: Image
    axis: int
    planes: tuple[ImagePlane, ...]

    @classmethod
    def along(cls, layer: Image, dims: Dims, axis: int) -> Stack:
        """Return the stack that a layer is along an axis which has a slider.

        Raises
        ------
        ValueError
            If the viewer shows no planes of it.
        """
        return cls(layer, axis, tuple(planes_along(layer, dims, axis)))

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.planes)

    @property
    def indices(self) -> list[Index]:
        """Where each frame lies in the data."""
        return [plane.index for plane in self.planes]

    @property
    def pictures(self) -> Readings:
        """The frames, each read when it is asked for."""
        return Readings([LayerImage(self.layer, plane, plane.layer_name) for plane in self.planes])

    def is_like(self, other: Stack) -> bool:
        """Whether both are the same frames of the same pixels."""
        own, another = self.planes[0], other.planes[0]
        return self.layer == other.layer and own.source is another.source and self.indices == other.indices

    def is_here(self, layers: LayerList) -> bool:
        """Whether the layer is still among some, with the pixels that it had."""
        return self.layer in layers and self.layer.data is self.planes[0].source

    def frame_in_view(self, dims: Dims) -> int | None:
        """Return which frame the viewer shows; None where that is none of them."""
        try:
            shown = plane_index(self.layer, dims)
        except ValueError:  # a volume, another side of it, or beyond its end
            return None
        indices = self.indices
        return indices.index(shown) if shown in indices else None

    def lacks_slider(self, layer: Layer) -> bool:
        """Whether a layer has no slider where the stack has one: it is about one frame."""
        return layer.ndim - self.layer.ndim + self.axis < 0

    def frames_of(self, positions: NDArray[np.floating]) -> NDArray[np.intp]:
        """Return in which frame positions (n, ndim) in the data lie (n,); -1 where in none."""
        nearest = np.rint(positions).astype(np.intp)
        frames = nearest[:, self.axis]
        is_in = (frames >= 0) & (frames < len(self))
        for axis, at in enumerate(self.planes[0].index):
            if axis != self.axis and not isinstance(at, slice):
                is_in &= nearest[:, axis] == at
        return np.where(is_in, frames, -1)

    def pixels_of(self, positions: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return rows and columns (..., 2) in a frame of positions (..., ndim) in the data."""
        return positions[..., self._sides]

    def positions_of(self, frames: NDArray[np.integer], pixels: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return where rows and columns (n, ..., 2) in frames (n,) lie in the data (n, ..., ndim)."""
        fixed = [0 if isinstance(at, slice) else at for at in self.planes[0].index]
        positions = np.broadcast_to(np.array(fixed, float), (*pixels.shape[:-1], len(fixed))).copy()
        positions[..., self.axis] = frames.reshape(-1, *[1] * (pixels.ndim - 2))
        positions[..., self._sides] = pixels
        return positions

    @property
    def _sides(self) -> list[int]:
        """The axes of the data that a frame extends along."""
        return [axis for axis, at in enumerate(self.planes[0].index) if isinstance(at, slice)]

    def show(self, dims: Dims, frame: int) -> None:
        """Move the sliders to a frame."""
        position = [0 if isinstance(at, slice) else at for at in self.planes[frame].index]
        world = np.asarray(self.layer.data_to_world(position))
        first = dims.ndim - self.layer.ndim
        for axis, at in enumerate(self.planes[frame].index):
            if not isinstance(at, slice) and len(world) > axis:
                dims.set_point(first + axis, world[axis])
