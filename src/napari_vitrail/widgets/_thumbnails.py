"""Small pictures of images and of what was found in them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_vitrail.image import as_image, main_of
from napari_vitrail.picture import Colour, overlay, shown

if TYPE_CHECKING:
    from napari_vitrail.image import Picture

SIDE = 88
"""Pixels of the longer side."""
_TINT, _DIM = 0.45, 0.35
_READ = 4  # times as many pixels a side as are shown are averaged


def thumbnail(picture: Picture) -> NDArray[np.uint8]:
    """Return a small picture (h, w, 3) of an image, `SIDE` pixels along its longer side.

    Raises
    ------
    ValueError
        If it is no image.
    """
    from skimage.transform import resize

    image = main_of(as_image(picture))
    shape = small_shape(image.shape[:2])
    step = max(1, max(image.shape[:2]) // (_READ * SIDE))
    coarse = shown(image[::step, ::step])
    small = resize(coarse, shape, order=1, anti_aliasing=True, preserve_range=True)
    return np.rint(small).astype(np.uint8)


def small_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return rows and columns of the small picture of an image (H, W)."""
    factor = SIDE / max(shape[:2])
    rows, columns = (max(1, round(side * factor)) for side in shape[:2])
    return rows, columns


def pictured(
    small: NDArray[np.uint8],
    labels: NDArray[np.integer],
    colours: Mapping[int, Colour],
    highlighted: Collection[int],
) -> NDArray[np.uint8]:
    """Return a small picture (h, w, 3) with its parts in colour; where some are highlighted, only those."""
    if not highlighted:
        return overlay(small, labels, dict(colours), opacity=_TINT)
    is_out = np.isin(labels, list(highlighted), invert=True)[..., None]
    dimmed = np.where(is_out, np.rint(small * _DIM), small).astype(np.uint8)
    return overlay(dimmed, labels, {label: colours[label] for label in highlighted}, opacity=_TINT)
