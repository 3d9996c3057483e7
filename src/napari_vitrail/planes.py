"""Planes of arrays with any axes, as the core takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_vitrail.image import LayeredImage, Picture, channel_name

Index = tuple[int | slice, ...]
"""Where a plane sits in an array."""


def plane_pixels(data: Any, index: Index, axis: int | None = None, chosen: Sequence[int] = ()) -> Any:
    """Return a plane of an array, (H, W) or (H, W, C); (C, H, W) of channels along an axis.

    Parameters
    ----------
    data : array, or lazy array
        Which stays lazy.
    index : tuple of int and slice
        Two slices, and a number for each other axis; that of the channels counts for nothing.
    axis : int, optional
        That holds channels, colours apart.
    chosen : sequence of int
        Channels along it.
    """
    if axis is None:
        return data[index]
    pixels = data[(*index[:axis], slice(None), *index[axis + 1 :])]
    first = sum(isinstance(at, slice) for at in index[:axis])  # where that axis is now
    order = [first, *(other for other in range(pixels.ndim) if other != first)]
    return pixels.transpose(*order)[list(chosen)]


class PlanePixels(NamedTuple):
    """The pixels of `plane_pixels`, read, and further channels by name."""

    pixels: NDArray[Any]
    extra: Mapping[str, NDArray[Any]]


def as_picture(
    pixels: NDArray[Any], chosen: Sequence[int] = (), extra: Mapping[str, NDArray[Any]] | None = None,
    overview: PlanePixels | None = None,
) -> Picture:  # fmt: skip
    """Return the pixels of `plane_pixels` with further channels by name as the core takes them.

    Of several chosen channels each is also seen by itself, see `LayeredImage.of_channels`. A block of a
    plane is seen as the plane is of which there is an overview.
    """
    extra = extra or {}
    whole = None if overview is None else as_picture(overview.pixels, chosen, overview.extra)
    if len(chosen) > 1:
        names = list(map(channel_name, chosen))
        seen = None if overview is None else dict(zip(names, overview.pixels, strict=True))
        image = LayeredImage.of_channels(dict(zip(names, pixels, strict=True)), seen)
        return replace(image, extra={**image.extra, **extra}, overview=whole)
    if chosen:
        pixels = pixels[0]
    return LayeredImage(pixels, extra, whole) if extra or whole is not None else pixels


def grey(plane: NDArray[Any]) -> NDArray[Any]:
    """Return a plane (H, W) of one that may have colours."""
    return plane if plane.ndim == 2 else np.asarray(plane[..., :3].mean(axis=2))
