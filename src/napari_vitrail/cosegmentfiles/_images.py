"""Image files as a set: those that cannot be read are found first."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from napari_vitrail.framefiles import FileImages
from napari_vitrail.image import main_of
from napari_vitrail.progress import Progress, Steps
from napari_vitrail.thumbnails import thumbnail, thumbnail_source

if TYPE_CHECKING:
    from pathlib import Path

    from napari_vitrail.cosegmentfiles._plan import SetFiles
    from napari_vitrail.reading import Reading


class CheckedImage(NamedTuple):
    """An image that can be read.

    Attributes
    ----------
    number : int
        Among all images of the set, readable or not.
    path : Path
    name : str
        That no other image has; see `output_names`.
    shape : (H, W)
    thumbnail : str
        The address of a small picture of it, or the picture itself as such.
    size : (height, width)
        Of the thumbnail.
    """

    number: int
    path: Path
    name: str
    shape: tuple[int, int]
    thumbnail: str
    size: tuple[int, int]


class FailedImage(NamedTuple):
    """An image that cannot be read, and why; the reason names it."""

    path: Path
    error: str


def check_images_steps(
    files: SetFiles, reading: Reading
) -> Steps[tuple[list[CheckedImage], list[FailedImage]]]:
    """Read every image once; make its thumbnail, and leave out what cannot be read.

    Yields
    ------
    progress : Progress
        After an image that cannot be read ``so_far`` is its `FailedImage`.

    Returns
    -------
    checked : list of CheckedImage
    failed : list of FailedImage
    """
    images = FileImages(files.images, reading)
    checked, failed = [], []
    for number, path in enumerate(files.images):
        told = None
        try:
            picture = main_of(images[number])
        except (ValueError, OSError) as error:
            told = FailedImage(path, str(error))
            failed.append(told)
        else:
            small = thumbnail(picture)
            source = thumbnail_source(small, files.thumbnail(number), files.folder)
            shape = (picture.shape[0], picture.shape[1])
            size = (small.shape[0], small.shape[1])
            checked.append(CheckedImage(number, path, files.names[number], shape, source, size))
        yield Progress(number + 1, len(files.images), path.name, told)
    return checked, failed
