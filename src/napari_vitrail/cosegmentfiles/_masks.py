"""Masks of all images, written as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from napari_vitrail.cosegmentfiles._areas import PartArea, part_areas
from napari_vitrail.cosegmentfiles._images import FailedImage
from napari_vitrail.cosegmentfiles._outlines import outlines
from napari_vitrail.errors import ComputeError, MissingExtra
from napari_vitrail.imagefile import read_image, write_png, write_tiff
from napari_vitrail.progress import Progress, Steps, part_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from napari_vitrail.cosegmentfiles._images import CheckedImage
    from napari_vitrail.cosegmentfiles._plan import SetFiles
    from napari_vitrail.cosegmentfiles._shared import SharedLabels


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
    shared: SharedLabels, images: Sequence[CheckedImage], files: SetFiles
) -> Steps[tuple[list[ImageFound], list[FailedImage]]]:
    """Write the mask of each image, one after the other; one that is there already is taken over.

    Yields
    ------
    progress : Progress
        After each image ``so_far`` is its `ImageFound`, or `FailedImage`.

    Returns
    -------
    found : list of ImageFound
    failed : list of FailedImage
        Whose file has gone meanwhile, or whose mask could not be refined.

    Raises
    ------
    OSError
        If a mask cannot be written.
    """
    found, failed = [], []
    for index, image in enumerate(images):
        told: ImageFound | FailedImage
        path = files.mask(image.number)
        try:
            labels = yield from part_of(_labels_steps(shared, index, path), index, len(images))
        except MissingExtra:
            raise  # true of every image
        except (ValueError, OSError, ComputeError) as error:
            told = FailedImage(image.path, f"{image.path}: {error}")
            failed.append(told)
        else:
            told = _kept(path, labels, image)
            found.append(told)
        yield Progress(index + 1, len(images), image.path.name, told)
    return found, failed


def _labels_steps(shared: SharedLabels, index: int, path: Path) -> Steps[NDArray[np.uint8]]:
    """Yield Progress; return the labels of an image, those of its mask where that is there already."""
    return read_image(path) if path.exists() else (yield from shared.labels_steps(index))


def _kept(path: Path, labels: NDArray[np.uint8], image: CheckedImage) -> ImageFound:
    """Write a mask unless it is there, and describe it; a disk that is full is so for every image."""
    if not path.exists():
        _write_mask(path, labels)
    areas = part_areas(labels)
    return ImageFound(image, path, areas, outlines(labels, [area.id for area in areas], image.size))


def _write_mask(path: Path, labels: NDArray[np.uint8]) -> None:
    if path.suffix == ".png":
        write_png(path, labels)
    else:
        write_tiff(path, labels)
