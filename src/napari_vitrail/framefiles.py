"""Stacks and movies on disk as sequences of frames, of which none is held."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, overload

import numpy as np

from napari_vitrail.arrayfile import UNKNOWN, is_zarr, open_array
from napari_vitrail.batch import find_images, is_pattern
from napari_vitrail.image import Picture, as_image
from napari_vitrail.naming import natural_order
from napari_vitrail.reading import Reading, named

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari_vitrail.arrayfile import FileArray, Index

FILMS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".mpg")
"""Endings of files that others are to take apart into frames."""
Place = tuple[str, int]
"""An axis, by its number or its letter, and a place along it."""


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


@dataclass(frozen=True)
class StackAxes:
    """Which axis of an array counts frames.

    Attributes
    ----------
    ndim : int
        Of the array.
    frame : int
    channel : int or None
    fixed : dict of int to int
        Where along each other axis, but for rows and columns, frames are.
    """

    ndim: int
    frame: int
    channel: int | None
    fixed: dict[int, int]

    def index(self, number: int) -> Index:
        """Return where a frame is in the array."""
        places = {**self.fixed, self.frame: number}
        return tuple(places.get(axis, slice(None)) for axis in range(self.ndim))

    @property
    def channel_of_frame(self) -> int | None:
        """The axis of a frame that holds its channels."""
        if self.channel is None:
            return None
        return self.channel - sum(axis < self.channel for axis in (self.frame, *self.fixed))

    @property
    def without_channels(self) -> StackAxes:
        """Those of an array of the same frames that has no channels, as labels have none."""
        if self.channel is None:
            return self
        own = {axis: axis - (axis > self.channel) for axis in (self.frame, *self.fixed)}
        fixed = {own[axis]: place for axis, place in self.fixed.items()}
        return StackAxes(self.ndim - 1, own[self.frame], None, fixed)


@dataclass(frozen=True)
class ArrayFrames(Sequence[Picture]):
    """The frames of an array in a file, each read when it is asked for.

    Attributes
    ----------
    path : Path
    array : FileArray
    axes : StackAxes
    channels : tuple of int, optional
        The one or three to use.
    numbers : range
        Of the frames.
    """

    path: Path
    array: FileArray
    axes: StackAxes
    channels: tuple[int, ...] | None
    numbers: range

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, index: int) -> Picture: ...
    @overload
    def __getitem__(self, index: slice) -> ArrayFrames: ...
    def __getitem__(self, index: int | slice) -> Picture | ArrayFrames:
        if isinstance(index, slice):
            return replace(self, numbers=self.numbers[index])
        pixels = np.asarray(self.array.values[self.axes.index(self.numbers[index])])
        channel = self.axes.channel_of_frame
        if self.channels is None and channel == 2 and pixels.shape[2] == 4:
            channel = None  # colours with alpha, which is dropped
        with named(self.path):
            return as_image(pixels, channel_axis=channel, channels=self.channels)


Frames = FileImages | ArrayFrames


@contextmanager
def open_frames(path: Path, reading: Reading, at: Sequence[Place] = ()) -> Iterator[Frames]:
    """Open a stack or a movie.

    Parameters
    ----------
    path : Path
        A folder of images or a pattern, whose files are frames in the order of the numbers in their names;
        a TIFF or a zarr, see `open_array`.
    reading : Reading
        Of the channels.
    at : sequence of (str, int)
        Where along axes that count something else frames are taken: ``("Z", 3)``, or ``("1", 3)``.

    Raises
    ------
    OSError
        If there is no such file, or it cannot be opened.
    ValueError
        If it is damaged, no stack, or it is not clear which axis counts frames; the message names the file.
    """
    if (path.is_dir() and not is_zarr(path)) or is_pattern(str(path)):
        if at:
            raise ValueError(f"--at is of a file that holds a whole stack, and {path} is a folder of frames")
        yield FileImages(tuple(sorted(find_images([path]), key=natural_order)), reading)
        return
    if path.suffix.lower() in FILMS:
        raise ValueError(
            f"{path} is a film, which is not read: make a folder of its frames, for instance with "
            f"ffmpeg -i {path.name} frames/%05d.png"
        )
    with open_array(path) as array:
        with named(path):
            axes = stack_axes(array, reading.channel_axis, at)
            _check_channels(array, axes, reading.channels)
        yield ArrayFrames(path, array, axes, reading.channels, range(array.shape[axes.frame]))


def stack_axes(array: FileArray, channel_axis: int | None = None, at: Sequence[Place] = ()) -> StackAxes:
    """Return which axis of an array counts frames: the only one that is left.

    Rows and columns are the last two axes, those of channels aside; axes of length 1 count nothing, unless
    there are no others: then it is a stack of one frame. Channels
    are the axis that the file says, or the last one of 3 or 4 where the file says nothing.

    Raises
    ------
    ValueError
        If no axis is left, or several are.
    """
    shape, ndim = array.shape, len(array.shape)
    channel = _channel_axis(array) if channel_axis is None else _axis(str(channel_axis), array)
    others = [axis for axis in range(ndim) if axis != channel][:-2]
    single = [axis for axis in others if shape[axis] == 1]
    fixed = dict.fromkeys(single if len(single) < len(others) else single[1:], 0)
    for name, place in at:
        axis = _axis(name, array)
        if axis not in others:
            raise ValueError(f"--at {name}={place} must be of an axis that counts planes, of {_said(array)}")
        if not 0 <= place < shape[axis]:
            raise ValueError(f"--at {name}={place} must be 0 to {shape[axis] - 1}")
        fixed[axis] = place
    left = [axis for axis in others if axis not in fixed]
    if len(left) == 1:
        return StackAxes(ndim, left[0], channel, fixed)
    if not left:
        raise ValueError(f"it must be a stack, with an axis that counts frames, got {_said(array)}")
    raise ValueError(
        f"one axis must count its frames, and {_said(array)} has {len(left)}: say where along the others "
        f"with --at, as in --at {_name(array, left[1])}=0, or which one holds channels with --channel-axis"
    )


def _channel_axis(array: FileArray) -> int | None:
    for letter in "SC":
        if letter in array.axes:
            return array.axes.index(letter)
    is_colours = array.axes[-1:] == UNKNOWN and array.shape[-1] in (3, 4)
    return len(array.shape) - 1 if is_colours and len(array.shape) > 2 else None


def _axis(name: str, array: FileArray) -> int:
    """Return an axis by its number, which may count from the end, or its letter."""
    count = len(array.shape)
    if name.lstrip("-").isdecimal():
        if -count <= int(name) < count:
            return int(name) % count
    elif array.axes.count(name.upper()) == 1:
        return array.axes.index(name.upper())
    raise ValueError(f"there is no axis {name} among those of {_said(array)}")


def _name(array: FileArray, axis: int) -> str:
    letter = array.axes[axis]
    return letter.lower() if letter != UNKNOWN else str(axis)


def _said(array: FileArray) -> str:
    letters = f" ({array.axes})" if set(array.axes) != {UNKNOWN} else ""
    return f"shape {array.shape}{letters}"


def _check_channels(array: FileArray, axes: StackAxes, channels: tuple[int, ...] | None) -> None:
    """Raise ValueError where the channels that are seen have to be chosen."""
    count = 1 if axes.channel is None else array.shape[axes.channel]
    is_colours = count == 4 and axes.channel == len(array.shape) - 1
    if channels is None and count not in (1, 3) and not is_colours:
        raise ValueError(f"it has {count} channels: choose the one or three to see with --channels")
    if channels and not (len(channels) in (1, 3) and min(channels) >= 0 and max(channels) < count):
        raise ValueError(f"--channels must be one or three of 0 to {count - 1}, got {list(channels)}")
