"""An image layer as a stack: its planes along one axis, those of a slider."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from napari.components import Dims, LayerList
from napari.layers import Image

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

    def show(self, dims: Dims, frame: int) -> None:
        """Move the sliders to a frame."""
        position = [0 if isinstance(at, slice) else at for at in self.planes[frame].index]
        world = np.asarray(self.layer.data_to_world(position))
        first = dims.ndim - self.layer.ndim
        for axis, at in enumerate(self.planes[frame].index):
            if not isinstance(at, slice) and len(world) > axis:
                dims.set_point(first + axis, world[axis])
