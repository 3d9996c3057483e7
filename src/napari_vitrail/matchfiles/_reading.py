"""Image files as they are matched: one plane each, and whole where they are warped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_vitrail.grey_values import finite_sample
from napari_vitrail.image import main_of
from napari_vitrail.imagefile import read_image
from napari_vitrail.reading import shape_of_file

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_vitrail.image import Picture
    from napari_vitrail.reading import Reading


class WholeImage(NamedTuple):
    """All pixels of a file.

    Attributes
    ----------
    pixels : (H, W, ...) array
        Planes and channels last, in this order.
    axes : str
        TIFF's letters of the array that `for_tiff` returns.
    """

    pixels: NDArray[Any]
    axes: str

    def for_tiff(self) -> NDArray[Any]:
        """Return the pixels with rows and columns last, but for samples of colours."""
        return self.pixels if self.axes == "YXS" else np.moveaxis(self.pixels, (0, 1), (-2, -1))


@dataclass(frozen=True)
class MatchReading:
    """How the axes of image files are meant.

    Attributes
    ----------
    reading : Reading
        Of the channels; and of the one plane that is matched of files that hold stacks.
    """

    reading: Reading

    def read(self, path: Path) -> Picture:
        """Return the image to match.

        Raises
        ------
        OSError
            If there is no file, or it cannot be opened.
        ValueError
            If it is damaged, its axes are not as they were said to be, or there is nothing to see.
        """
        image = self._plane(path)
        pixels = main_of(image)
        if not (_differ(finite_sample(pixels)) or _differ(pixels[np.isfinite(pixels)])):
            raise ValueError(f"{path}: all pixels have the same value, there is nothing to match")
        return image

    def _plane(self, path: Path) -> Picture:
        try:
            [image] = self.reading.read(path).planes
        except ValueError as error:
            is_stack = self.reading.channel_axis is None and self.reading.plane is None
            shape = shape_of_file(path) if is_stack else ()
            if len(shape) < 3:
                raise
            raise ValueError(
                f"{path} must be one image, grey or with 3 or 4 channels last, got shape {shape}: of a "
                "stack choose a plane with --plane, of other channels with --channel-axis and --channels"
            ) from error
        return image

    def read_whole(self, path: Path) -> WholeImage:
        """Return all pixels of a file, whose one plane was read before."""
        pixels = read_image(path)
        channel = self.reading.channel_axis
        if self.reading.plane is None and channel is None and pixels.ndim == 3:
            return WholeImage(pixels, "YXS") if pixels.shape[2] in (3, 4) else _arranged(pixels, 2)
        return _arranged(pixels, channel)


def _arranged(pixels: NDArray[Any], channel: int | None) -> WholeImage:
    """Return pixels with rows and columns first and the channels, if there are any, last."""
    if channel is not None:
        pixels = np.moveaxis(pixels, channel, -1)
    n_planes = pixels.ndim - 2 - (channel is not None)
    pixels = np.moveaxis(pixels, (n_planes, n_planes + 1), (0, 1))
    letters = {0: "", 1: "Z", 2: "TZ"}.get(n_planes, "Q" * n_planes)
    return WholeImage(pixels, f"{letters}{'' if channel is None else 'C'}YX")


def _differ(values: NDArray[Any]) -> bool:
    """Whether there are two values that are not the same."""
    return bool(values.size and values.min() < values.max())
