"""Masks of all images, written as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from napari_vitrail.cosegmentfiles._areas import PartArea, part_areas
from napari_vitrail.cosegmentfiles._outlines import outlines
from napari_vitrail.files import written_aside
from napari_vitrail.imagefile import png_bytes, read_image, write_tiff
from napari_vitrail.progress import Progress, Steps

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_vitrail.cosegmentfiles._images import CheckedImage
    from napari_vitrail.cosegmentfiles._plan import SetFiles


class Shared(Protocol):
    """What a set of images shares, such as `napari_vitrail.CoSegmentation`."""

    def mask(self, index: int) -> NDArray[np.bool_]:
        """Return where it is in an image of the set (H, W)."""


class ImageFound(NamedTuple):
    """What was found in an image.

    Attributes
    ----------
    image : CheckedImage
    mask : Path
    areas : tuple of PartArea
    outlines : dict of int to str
        Of each part, over the thumbnail; see `outlines`.
    """

    image: CheckedImage
    mask: Path
    areas: tuple[PartArea, ...]
    outlines: dict[int, str]

    @property
    def share(self) -> float:
        """Of the image that is of any part."""
        return sum(area.share for area in self.areas)


def write_masks_steps(
    found: Shared, images: Sequence[CheckedImage], files: SetFiles
) -> Steps[list[ImageFound]]:
    """Write the mask of each image, one after the other; one that is there already is taken over.

    Yields
    ------
    progress : Progress
        After each image ``so_far`` is its `ImageFound`.
    """
    done = []
    for index, image in enumerate(images):
        path = files.mask(image.number)
        if path.exists():
            labels = read_image(path)
        else:
            labels = found.mask(index).astype(np.uint8)
            _write_mask(path, labels)
        areas = part_areas(labels)
        drawn = outlines(labels, [area.id for area in areas], image.size)
        done.append(ImageFound(image, path, areas, drawn))
        yield Progress(index + 1, len(images), image.path.name, done[-1])
    return done


def _write_mask(path: Path, labels: NDArray[np.uint8]) -> None:
    if path.suffix == ".png":
        with written_aside(path) as aside:
            aside.write_bytes(png_bytes(labels))
    else:
        write_tiff(path, labels)
