"""Small pictures of images."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np
from skimage.transform import resize

from napari_vitrail.files import written_aside
from napari_vitrail.imagefile import jpeg_bytes
from napari_vitrail.picture import shown

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SIDE = 400
"""Of the longer side of a thumbnail, in pixels, unless another is asked for."""


def thumbnail_shape(shape: tuple[int, ...], side: int = SIDE) -> tuple[int, int]:
    """Return height and width of the thumbnail of an image (H, W), whose longer side is `side` at most."""
    shrunk = min(1.0, side / max(shape[:2]))
    return max(1, round(shape[0] * shrunk)), max(1, round(shape[1] * shrunk))


def shrunk_to(image: NDArray[np.generic], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return an image (H, W[, C]) at a smaller size, as numbers of the same range."""
    sparse = _sparse(image, shape).astype(np.float32)
    return np.asarray(resize(sparse, (*shape, *image.shape[2:]), order=1, anti_aliasing=True))


def _sparse(image: NDArray[np.generic], shape: tuple[int, int]) -> NDArray[np.generic]:
    """Return every so-manieth pixel of an image, twice as many as are wanted: what is large takes no time."""
    step = max(1, min(image.shape[0] // (2 * shape[0]), image.shape[1] // (2 * shape[1])))
    return image[::step, ::step]


def thumbnail(image: NDArray[np.generic], side: int = SIDE) -> NDArray[np.uint8]:
    """Return a small picture (h, w, 3) of an image (H, W) or (H, W, 3)."""
    shape = thumbnail_shape(image.shape, side)
    picture = shown(_sparse(image, shape))
    return picture if shape == picture.shape[:2] else np.rint(shrunk_to(picture, shape)).astype(np.uint8)


def labels_at(labels: NDArray[np.integer], shape: tuple[int, ...]) -> NDArray[np.integer]:
    """Return labels (H, W) at the places of the pixels of a smaller picture."""
    rows, columns = (
        ((np.arange(small) + 0.5) * side / small).astype(np.intp)
        for small, side in zip(shape, labels.shape, strict=False)
    )
    return labels[np.ix_(rows, columns)]


def thumbnail_source(picture: NDArray[np.uint8], path: Path | None, folder: Path) -> str:
    """Return the address of a thumbnail on a page in a folder: the file that it is written to, or itself."""
    data = jpeg_bytes(picture)
    if path is None:
        return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
    with written_aside(path) as aside:
        aside.write_bytes(data)
    return quote(path.relative_to(folder).as_posix())
