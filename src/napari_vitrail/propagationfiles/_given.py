"""Labels of some frames, from files of any kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_vitrail.arrayfile import is_zarr, open_array
from napari_vitrail.batch import find_images
from napari_vitrail.framefiles import ArrayFrames, FileImages, stack_axes
from napari_vitrail.image import main_of
from napari_vitrail.imagefile import read_labels
from napari_vitrail.reading import named

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_vitrail.arrayfile import FileArray
    from napari_vitrail.framefiles import Frames, StackAxes

    Reader = Callable[[], NDArray[np.integer]]


class FrameSource(NamedTuple):
    """Where labels, points or boxes come from.

    Attributes
    ----------
    path : Path
        A label image, a folder of them or labels of a whole stack; or a table.
    frame : int or None
        Whose they are, where the file does not say.
    """

    path: Path
    frame: int | None = None


class GivenFrames(Mapping[int, "NDArray[np.integer]"]):
    """Labels (H, W) by frame, each read when it is asked for.

    Parameters
    ----------
    readers : mapping of int to callable
        What reads the labels of a frame.
    """

    def __init__(self, readers: Mapping[int, Reader]) -> None:
        self._readers = dict(sorted(readers.items()))

    def __getitem__(self, frame: int) -> NDArray[np.integer]:
        return self._readers[frame]()

    def __iter__(self) -> Iterator[int]:
        return iter(self._readers)

    def __len__(self) -> int:
        return len(self._readers)


def open_given(sources: Sequence[FrameSource], frames: Frames, opened: ExitStack) -> GivenFrames:
    """Return the labels of all sources; where two have labels of a frame, those of the later count.

    Frames without any label are not labelled, unless a source names them: then nothing is there.

    Parameters
    ----------
    sources : sequence of FrameSource
    frames : FileImages or ArrayFrames
        What is labelled.
    opened : ExitStack
        Closes the files.

    Raises
    ------
    OSError
        If a file cannot be opened.
    ValueError
        If one is damaged, does not fit the stack, or nothing is labelled; the message names the file.
    """
    shape = main_of(frames[0]).shape[:2]
    readers: dict[int, Reader] = {}
    for source in sources:
        if source.frame is not None:
            own = _of_frame(source.path, source.frame, len(frames), shape)
        elif source.path.is_dir() and not is_zarr(source.path):
            own = _of_folder(source.path, frames, shape)
        else:
            own = _of_stack(source.path, frames, shape, opened)
        readers |= own
    if not readers:
        raise ValueError(f"{', '.join(str(source.path) for source in sources)}: no frame has any label")
    return GivenFrames(readers)


def _of_frame(path: Path, frame: int, count: int, shape: tuple[int, ...]) -> dict[int, Reader]:
    if not 0 <= frame < count:
        raise ValueError(f"--labels {frame}={path} must be of a frame 0 to {count - 1}")
    reader = partial(_labels_of, path, shape)
    reader()
    return {frame: reader}


def _of_folder(folder: Path, frames: Frames, shape: tuple[int, ...]) -> dict[int, Reader]:
    """Return the labels of a folder, whose images are called as their frames or by their numbers."""
    numbers = {f"{number}": number for number in range(len(frames))}
    if isinstance(frames, FileImages):
        stems = [path.stem.casefold() for path in frames.paths]
        often = Counter(stems)
        numbers = {stem: number for number, stem in enumerate(stems) if often[stem] == 1}
    readers: dict[int, Reader] = {}
    for path in find_images([folder]):
        stem = path.stem.casefold()
        number = numbers.get(stem, numbers.get(stem.lstrip("0") or "0"))
        if number is None:
            raise ValueError(
                f"{path} must be called as the frame whose labels it has: as its file, or by its number "
                f"where one file holds all frames, 0 to {len(frames) - 1}"
            )
        reader = partial(_labels_of, path, shape)
        if reader().any():
            readers[number] = reader
    return readers


def _of_stack(path: Path, frames: Frames, shape: tuple[int, ...], opened: ExitStack) -> dict[int, Reader]:
    array = opened.enter_context(open_array(path))
    if len(array.shape) == 2:
        raise ValueError(f"{path} is of one frame: say of which, as in --labels 0={path}")
    with named(path):
        axes = _axes_of_labels(array, frames)
        own_frames = ArrayFrames(path, array, axes, None, range(array.shape[axes.frame]))
        if len(own_frames) != len(frames):
            raise ValueError(f"labels must be of {len(frames)} frames as the stack is, got {len(own_frames)}")
    readers = {number: partial(_labels_in, own_frames, number, shape) for number in range(len(frames))}
    return {number: reader for number, reader in readers.items() if reader().any()}


def _axes_of_labels(array: FileArray, frames: Frames) -> StackAxes:
    """Return the axes of labels: those of the stack where they have as many, as napari makes them."""
    own = frames.axes.without_channels if isinstance(frames, ArrayFrames) else None
    return own if own is not None and own.ndim == len(array.shape) else stack_axes(array)


def _labels_of(path: Path, shape: tuple[int, ...]) -> NDArray[np.integer]:
    labels = read_labels(path)
    with named(path):
        return _checked(labels, shape)


def _labels_in(frames: ArrayFrames, number: int, shape: tuple[int, ...]) -> NDArray[np.integer]:
    with named(frames.path):
        return _checked(main_of(frames[number]), shape)


def _checked(labels: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.integer]:
    """Return labels of a frame, or say what is wrong with them; ids may be as large as they like."""
    if labels.shape != shape:
        raise ValueError(f"labels must be as large as the frame, {shape}, got {labels.shape}")
    if labels.dtype.kind not in "bui":
        raise ValueError(f"labels must be whole numbers, got data type {labels.dtype}")
    if labels.min() < 0:
        raise ValueError(f"labels must be 0 or more, got {labels.min()}")
    return labels.astype(np.uint8) if labels.dtype == bool else labels
