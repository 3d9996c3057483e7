"""The pixels of images that a project refers to, from their files: safe whoever wrote the project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_vitrail.errors import ProjectError
from napari_vitrail.imagefile import read_image
from napari_vitrail.reference import ImageReference, pixels_digest, places

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from numpy.typing import NDArray

SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp", ".npy")
"""Of images that are opened on a project's word: their readers run nothing that a file says."""


@dataclass(frozen=True)
class Original:
    """An image that was referred to.

    Attributes
    ----------
    pixels : array
        Of the shape that it had.
    path : Path or None
        Where it was found.
    remark : str
        What is not as it was; empty where nothing is.
    """

    pixels: NDArray[Any]
    path: Path | None
    remark: str = ""


def read_original(reference: ImageReference, project: str | os.PathLike[str]) -> Original:
    """Return an image from its file, if it is one that may be opened on a project's word.

    Raises
    ------
    ProjectError
        If it never was in a file, is not found, cannot be read, or has another shape than it had.
    """
    if reference.path is None:
        raise ProjectError(f"{reference.name!r} was never in a file")
    looked = places(reference, project)
    path = next((place for place in looked if place.exists()), None)
    if path is None:
        where = " nor ".join(map(str, looked)) or "any place on this machine"
        raise ProjectError(f"the image {reference.name!r} is neither at {where}")
    if path.suffix.lower() not in SUFFIXES:
        raise ProjectError(f"{path} is not opened on a project's word, being {path.suffix or 'a folder'}")
    if not path.is_file():  # a pipe would be waited for
        raise ProjectError(f"{path} is no file")
    try:
        npy = path.suffix.lower() == ".npy"
        pixels = np.load(path, allow_pickle=False) if npy else read_image(path)
    except (OSError, ValueError, MemoryError) as error:  # a header may say more than there is
        raise ProjectError(f"the image {reference.name!r} cannot be read: {error}") from error
    return checked_original(pixels, reference, path)


def checked_original(pixels: NDArray[Any], reference: ImageReference, path: Path | None) -> Original:
    """Return an image whose pixels were found; ProjectError if they have another shape than they had."""
    if pixels.shape != reference.shape:
        raise ProjectError(
            f"{path or reference.name} has shape {pixels.shape}, and had {reference.shape} when it was "
            f"painted on as {reference.name!r}"
        )
    remark = ""
    if reference.digest and pixels_digest(pixels, rgb=reference.rgb) != reference.digest:
        remark = f"the pixels of {path or reference.name} have changed since they were painted on"
    return Original(pixels, path, remark)
