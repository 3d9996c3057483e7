"""Which files are read and written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_vitrail.batch import check_spared, without_made
from napari_vitrail.naming import output_names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True)
class ObjectFiles:
    """The files of images and of what is found in them.

    Attributes
    ----------
    images : tuple of Path
    names : tuple of str
        See `output_names`.
    folder : Path
        That everything is written to.
    """

    images: tuple[Path, ...]
    names: tuple[str, ...]
    folder: Path

    def labels(self, number: int) -> Path:
        """Return the file of an image's classes."""
        return self.folder / "labels" / f"{self.names[number]}.tif"

    def mask(self, number: int) -> Path:
        """Return the file that says where its objects are."""
        return self.folder / "masks" / f"{self.names[number]}.tif"

    def overlay(self, number: int, plane: int | None = None) -> Path:
        """Return the file of the picture of an image; of a stack those of its planes lie in a folder."""
        own = "" if plane is None else f"/{plane:04}"
        return self.folder / "overlays" / f"{self.names[number]}{own}.png"

    def record(self, number: int) -> Path:
        """Return the file that says what was found in an image, and of which pixels."""
        return self.folder / "objects" / f"{self.names[number]}.json"

    @property
    def coco(self) -> Path:
        """The boxes of all images as COCO has them."""
        return self.folder / "boxes.json"

    @property
    def boxes(self) -> Path:
        """The boxes of all images as a table."""
        return self.folder / "boxes.csv"

    @property
    def classes(self) -> Path:
        """The classes of all images as a table."""
        return self.folder / "classes.csv"

    @property
    def settings(self) -> Path:
        """The file that says how it was all found."""
        return self.folder / "settings.json"


def check_ours(files: ObjectFiles, images: Sequence[Path]) -> None:
    """Raise ValueError where an image would be replaced, or what no run has written that left its settings.

    Masks that were drawn by hand often lie in ``masks`` beside ``images``.
    """
    count = range(len(files.names))
    made = [path for number in count for path in (files.labels(number), files.mask(number))]
    check_spared(made, images)
    there = [path for path in made if path.exists()]
    if there and not files.settings.exists():
        raise ValueError(
            f"{there[0]} would be replaced, and without {files.settings.name} beside it it is not of an "
            "earlier run: choose another folder, or remove it"
        )


def plan_objects(images: Sequence[Path], folder: Path) -> ObjectFiles:
    """Return which files are read and written.

    Labels, masks and overlays of an earlier run, which a pattern may find too, are no images.

    Raises
    ------
    ValueError
        If no image is left, results of two would have one name, an image or what no run has written would be
        replaced, or the folder is a file.
    """
    kept = without_made(images, folder, ("labels", "masks", "overlays"))
    files = ObjectFiles(kept, tuple(output_names(kept)), folder)
    check_spared([files.coco, files.boxes, files.classes, files.settings], kept)
    check_ours(files, kept)
    return files
