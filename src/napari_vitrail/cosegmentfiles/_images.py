"""Image files as a set: each is read when it is asked for, and those that cannot be read are found first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, overload

from napari_vitrail.image import Picture, main_of
from napari_vitrail.progress import Progress, Steps
from napari_vitrail.reading import Reading
from napari_vitrail.thumbnails import thumbnail, thumbnail_source

if TYPE_CHECKING:
    from pathlib import Path

    from napari_vitrail.cosegmentfiles._plan import SetFiles


@dataclass(frozen=True)
class FileImages(Sequence[Picture]):
    """Image files as a sequence of images, of which none is held.

    Attributes
    ----------
    paths : tuple of Path
    reading : Reading
        How their axes are meant.
    """

    paths: tuple[Path, ...]
    reading: Reading = Reading()  # noqa: RUF009  frozen

    def __len__(self) -> int:
        return len(self.paths)

    @overload
    def __getitem__(self, index: int) -> Picture: ...
    @overload
    def __getitem__(self, index: slice) -> FileImages: ...
    def __getitem__(self, index: int | slice) -> Picture | FileImages:
        if isinstance(index, slice):
            return FileImages(self.paths[index], self.reading)
        [image] = self.reading.read(self.paths[index]).planes
        return image


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
