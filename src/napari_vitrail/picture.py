"""Pictures for people: an image with its classes in colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_vitrail.grey_values import to_rgb
from napari_vitrail.image import IntensityRange

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

Colour = tuple[int, int, int]

PALETTE: tuple[Colour, ...] = (
    (204, 121, 167),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (230, 159, 0),
    (86, 180, 233),
    (213, 94, 0),
)
"""Colours that colour-blind people tell apart, after Okabe and Ito; more classes start anew."""


def class_colours(ids: Iterable[int]) -> dict[int, Colour]:
    """Return a colour for every class id, in order of the ids."""
    return {id_: PALETTE[index % len(PALETTE)] for index, id_ in enumerate(sorted(ids))}


def shown(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Return an image as (H, W, 3) uint8, its grey values stretched as a classifier sees them."""
    scaled = IntensityRange.of([image]).scale(image)
    return np.rint(to_rgb(scaled) * 255).astype(np.uint8)


def overlay(
    picture: NDArray[np.uint8],
    labels: NDArray[np.integer],
    colours: dict[int, Colour],
    *,
    opacity: float = 0.35,
) -> NDArray[np.uint8]:
    """Tint a picture by class and draw the outlines of the classes.

    Parameters
    ----------
    picture : (H, W, 3) uint8 array
    labels : (H, W) int array
        Class ids; 0, and what has no colour, stays as it is.
    colours : dict of int to (red, green, blue)
        From 0 to 255, see `class_colours`.
    opacity : float, 0 to 1
        Of the tint; 0 leaves the outlines only.

    Returns
    -------
    picture : (H, W, 3) uint8 array
    """
    result = picture.copy()
    outlines = _outlines(labels)
    for id_, colour in colours.items():
        inside = labels == id_
        result[inside] = np.rint((1 - opacity) * picture[inside] + opacity * np.array(colour))
        result[inside & outlines] = colour
    return result


def _outlines(labels: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return where a pixel differs from one of its four neighbours."""
    outlines = np.zeros(labels.shape, bool)
    for axis in (0, 1):
        ahead, behind = (np.moveaxis(outlines, axis, 0)[part] for part in (np.s_[:-1], np.s_[1:]))
        differs = np.moveaxis(np.diff(labels.astype(np.int64), axis=axis) != 0, axis, 0)
        ahead |= differs
        behind |= differs
    return outlines
