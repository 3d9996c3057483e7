"""Which files are read and written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_vitrail.batch import check_spared, without_made
from napari_vitrail.naming import output_names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

EMBEDDED_AT_MOST = 150
"""Thumbnails that the gallery holds itself; more lie beside it."""


@dataclass(frozen=True)
class SetFiles:
    """The files of a set of images.

    Attributes
    ----------
    images : tuple of Path
    names : tuple of str
        See `output_names`.
    folder : Path
        That everything is written to.
    mask_suffix : str
        ``.png`` or ``.tif``.
    """

    images: tuple[Path, ...]
    names: tuple[str, ...]
    folder: Path
    mask_suffix: str = ".png"

    def mask(self, index: int) -> Path:
        """Return the file of an image's mask."""
        return self.folder / "masks" / f"{self.names[index]}{self.mask_suffix}"

    def thumbnail(self, index: int) -> Path | None:
        """Return the file of an image's thumbnail; None where the gallery holds it itself."""
        if len(self.images) <= EMBEDDED_AT_MOST:
            return None
        return self.folder / "thumbs" / f"{self.names[index]}.jpg"

    @property
    def areas(self) -> Path:
        """The file that says how large the parts are."""
        return self.folder / "areas.json"

    @property
    def gallery(self) -> Path:
        """The page that shows them."""
        return self.folder / "index.html"

    @property
    def settings(self) -> Path:
        """The file that says of which images and how the masks are made."""
        return self.folder / "settings.json"


def plan_set(images: Sequence[Path], folder: Path, mask_suffix: str = ".png") -> SetFiles:
    """Return which files are read and written of a set of images.

    Masks and thumbnails of an earlier run, which a pattern may find too, are no images.

    Raises
    ------
    ValueError
        If no image is left, two would have one mask, the folder is a file, or masks would be replaced that
        no earlier run has made: drawn ones often lie in ``masks`` beside ``images``.
    """
    kept = without_made(images, folder, ("masks", "thumbs"))
    files = SetFiles(kept, tuple(output_names(kept)), folder, mask_suffix)
    check_spared([files.areas, files.gallery, files.settings], kept)
    _check_masks_are_ours(files)
    return files


def _check_masks_are_ours(files: SetFiles) -> None:
    """Raise ValueError if masks would be replaced where no earlier run has left its settings."""
    if files.settings.exists():
        return
    there = [path for path in map(files.mask, range(len(files.images))) if path.exists()]
    if there:
        others = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise ValueError(
            f"{there[0]}{others} would be replaced, and without {files.settings.name} beside them they are "
            "not of an earlier run: choose another output, or remove them"
        )
