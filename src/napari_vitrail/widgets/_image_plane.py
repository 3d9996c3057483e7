"""A plane of an image layer, and what of the layer and of others is looked at together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image
from numpy.typing import ArrayLike

from napari_vitrail.image import channel_name
from napari_vitrail.overlay import LINEAR, PlaneOverlay
from napari_vitrail.planes import Index, PlanePixels, as_picture, plane_pixels

if TYPE_CHECKING:
    from napari_vitrail.image import Picture
    from napari_vitrail.tiling import Tile, Window


@dataclass(frozen=True)
class Channels:
    """What of an image layer, and which other layers, are looked at together.

    Attributes
    ----------
    axis : int or None
        Axis of the image's data that holds its channels; None where there is none, or the image is RGB.
    chosen : tuple of int
        Channels along the axis.
    layers : tuple of Image
        Further layers, each another channel.
    level : int
        Of a pyramid, the finest is 0.
    """

    axis: int | None = None
    chosen: tuple[int, ...] = ()
    layers: tuple[Image, ...] = ()
    level: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the further channels that a plane will be read with, in their order."""
        own = map(channel_name, self.chosen) if len(self.chosen) > 1 else ()
        return tuple(sorted({*own, *(layer.name for layer in self.layers)}))


PLAIN = Channels()
"""The image as it is."""


@dataclass(frozen=True)
class ImagePlane:
    """The plane of an image layer that the viewer shows: the form in which a layer enters the core.

    Attributes
    ----------
    data : array
        All of the layer's, at full resolution. Lazy data stay lazy: the worker reads them.
    layer_name : str
        The layer's name when it was read.
    to_world : mapping
        What makes a new layer lie where this one lies: scale, translate, affine, units ...
    index : tuple of int and slice
        Where the plane sits in a layer of `shape`.
    shape : tuple of int
        Shape of the layer's data, colours left out, and one place along an axis of channels.
    channels : Channels
    extra : mapping of str to PlaneOverlay
        Further channels by name.
    source : object
        The layer's data as the layer held them: others since, and the image is another one.
    block : Tile or None
        Of a plane too large to be worked on as a whole the part that this is, with its margin; the index
        is that of the part without it.
    overview : callable or None
        Returns pixels from all over the plane that this is a block of.
    """

    data: Any
    layer_name: str
    to_world: Mapping[str, Any]
    index: Index
    shape: tuple[int, ...]
    channels: Channels = PLAIN
    extra: Mapping[str, PlaneOverlay] = field(default_factory=dict)
    source: Any = None
    block: Tile | None = None
    overview: Callable[[], PlanePixels] | None = None

    @property
    def sides(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = (part.stop - part.start for part in self._slices())
        return rows, columns

    @property
    def window(self) -> Window | None:
        """The part of what is read of which results are wanted; None where that is all of it."""
        return None if self.block is None else self.block.local

    @property
    def pixels(self) -> ArrayLike:
        """The plane, (H, W) or (H, W, C), not yet read; (C, H, W) of channels along an axis."""
        index = self.index
        if self.block is not None:
            parts = iter(self.block.outer)
            index = tuple(next(parts) if isinstance(at, slice) else at for at in index)
        return plane_pixels(self.data, index, self.channels.axis, self.channels.chosen)

    @property
    def is_lazy(self) -> bool:
        """Whether the image may not fit into memory: it is computed, or read from a file."""
        return is_lazy(self.data)

    def within(self, window: Window) -> Index:
        """Return where a window of the plane sits in a layer of `shape`."""
        own = self._slices()
        parts = iter(
            range(here.start, here.stop)[part] for part, here in zip(window, own, strict=True)
        )  # a range knows where it ends
        found = (next(parts) if isinstance(at, slice) else at for at in self.index)
        return tuple(slice(at.start, at.stop) if isinstance(at, range) else at for at in found)

    def position(self, spot: tuple[int, int]) -> tuple[int, int]:
        """Return the row and column in the layer of a pixel of the plane."""
        row, column = (at.start + here for at, here in zip(self._slices(), spot, strict=True))
        return row, column

    def in_read(self, window: Window) -> Window:
        """Return where a window of the plane lies in what is read of it."""
        return window if self.block is None else _moved(window, self.block.local, 1)

    def of_read(self, window: Window) -> Window:
        """Return which window of the plane a window of what is read is."""
        return window if self.block is None else _moved(window, self.block.local, -1)

    def _slices(self) -> list[slice]:
        """Return the rows and the columns of the layer."""
        sides = zip(self.index, self.shape, strict=True)
        return [slice(*at.indices(side)[:2]) for at, side in sides if isinstance(at, slice)]

    def read(self) -> Picture:
        """Return the pixels as the core takes them, of a block with its margin; lazy ones are computed."""
        overview = None if self.overview is None else self.overview()
        pixels, extra = self.read_pixels()
        return as_picture(pixels, self.channels.chosen, extra, overview)

    def read_pixels(self) -> PlanePixels:
        """Return the pixels as the layers have them."""
        extra = {name: overlay.read(LINEAR) for name, overlay in self.extra.items()}
        return PlanePixels(np.asarray(self.pixels), extra)


def is_lazy(data: Any) -> bool:
    """Whether an array is computed, or read from a file: a memory map is an array, of a kind."""
    return type(data) is not np.ndarray


def _moved(window: Window, origin: Window, sign: int) -> Window:
    rows, columns = (
        slice(part.start + sign * own.start, part.stop + sign * own.start)
        for part, own in zip(window, origin, strict=True)
    )
    return rows, columns
