"""Images that are looked at together: planes of layers, and files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, overload

from napari.components import Dims
from napari.layers import Image

from napari_vitrail.widgets._image_plane import ImagePlane
from napari_vitrail.widgets._planes import all_planes, position_of

if TYPE_CHECKING:
    from napari_vitrail.image import Picture


class GalleryImage(Protocol):
    """An image that can be read, in any thread."""

    @property
    def name(self) -> str:
        """What it is called."""

    def read(self) -> Picture:
        """Return its pixels as the core takes them.

        Raises
        ------
        OSError, ValueError
            If it cannot be read.
        """


@dataclass(frozen=True, eq=False)
class LayerImage:
    """A plane of an image layer.

    Attributes
    ----------
    layer : Image
    plane : ImagePlane
    name : str
    """

    layer: Image
    plane: ImagePlane
    name: str

    def read(self) -> Picture:
        """Return the pixels of the plane."""
        return self.plane.read()


@dataclass(frozen=True)
class FileImage:
    """An image file.

    Attributes
    ----------
    path : Path
    """

    path: Path

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.path.name

    def read(self) -> Picture:
        """Return the pixels of the file, as the command line sees them."""
        from napari_vitrail.reading import Reading  # loads torch

        [image] = Reading().read(self.path).planes
        return image


class Readings(Sequence["Picture"]):
    """Images that are read whenever they are asked for, so that one is in memory at a time.

    Parameters
    ----------
    images : sequence of GalleryImage
    """

    def __init__(self, images: Sequence[GalleryImage]) -> None:
        self._images = images

    def __len__(self) -> int:
        return len(self._images)

    @overload
    def __getitem__(self, index: int) -> Picture: ...
    @overload
    def __getitem__(self, index: slice) -> Readings: ...
    def __getitem__(self, index: int | slice) -> Picture | Readings:
        if isinstance(index, slice):
            return Readings(self._images[index])
        return self._images[index].read()


def planes_of(layer: Image, dims: Dims) -> list[LayerImage]:
    """Return every plane of a layer that is parallel to the one in view, in the order of the slider.

    Raises
    ------
    ValueError
        If the viewer shows a volume, or an axis that the layer lacks.
    """
    planes = sorted(all_planes(layer, dims), key=lambda plane: position_of(plane.index))
    if len(planes) == 1:
        return [LayerImage(layer, planes[0], layer.name)]
    places = [", ".join(map(str, position_of(plane.index))) for plane in planes]
    return [
        LayerImage(layer, plane, f"{layer.name} {place}") for plane, place in zip(planes, places, strict=True)
    ]
