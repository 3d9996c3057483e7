"""Pictures of a set: in memory as far as a number of bytes goes, and beyond it in a file."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING, Any, overload

import numpy as np

from napari_vitrail.backbones import cache_directory
from napari_vitrail.errors import ComputeError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_vitrail.cosegmentation._seen import SeenPicture


class Pictures(Sequence["SeenPicture"]):
    """Pictures of a set, of which those that come first are held in memory and the others in a file.

    A picture in the file is mapped when it is asked for, and only as long as somebody has it. The file has
    no name that another process could find, and goes with the pictures. It lies in the folder of caches:
    that of temporary files is in memory on many machines.

    Parameters
    ----------
    count : int
        How many there will be.
    memory_bytes : int
        That descriptors and saliency may take in memory.

    Raises
    ------
    ComputeError
        From `put`, if the file cannot be written.
    """

    def __init__(self, count: int, memory_bytes: int) -> None:
        self._entries: list[SeenPicture | _FiledPicture | None] = [None] * count
        self._left = memory_bytes
        self._file: IO[bytes] | None = None

    def put(self, index: int, picture: SeenPicture) -> None:
        """Keep a picture under its index, each once."""
        self._left -= picture.descriptors.nbytes + picture.saliency.nbytes
        self._entries[index] = picture if self._left >= 0 else self._filed(picture)

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, index: int) -> SeenPicture: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[SeenPicture]: ...
    def __getitem__(self, index: int | slice) -> SeenPicture | Sequence[SeenPicture]:
        if isinstance(index, slice):
            return ChosenPictures(self, range(len(self))[index])
        entry = self._entries[index]
        assert entry is not None  # all are put before any is asked for
        return entry.read() if isinstance(entry, _FiledPicture) else entry

    def _filed(self, picture: SeenPicture) -> _FiledPicture:
        folder = cache_directory()
        try:
            if self._file is None:
                self._file = _nameless_file(folder)
                weakref.finalize(self, self._file.close)
            descriptors = _FiledArray.of(picture.descriptors, self._file)
            saliency = _FiledArray.of(picture.saliency, self._file)
        except OSError as error:
            raise ComputeError(
                f"descriptors that do not fit into memory cannot be written to {folder} ({error}); make room "
                "there, or set VITRAIL_CACHE_DIR or memory_bytes otherwise"
            ) from error
        nothing = replace(picture, descriptors=np.empty(0, np.float16), saliency=np.empty(0, np.float32))
        return _FiledPicture(nothing, descriptors, saliency)


def _nameless_file(folder: Path) -> IO[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryFile(dir=folder)


@dataclass(frozen=True)
class ChosenPictures(Sequence["SeenPicture"]):
    """Some of a sequence of pictures, each looked up when it is asked for."""

    pictures: Sequence[SeenPicture]
    indices: Sequence[int]

    def __len__(self) -> int:
        return len(self.indices)

    @overload
    def __getitem__(self, index: int) -> SeenPicture: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[SeenPicture]: ...
    def __getitem__(self, index: int | slice) -> SeenPicture | Sequence[SeenPicture]:
        if isinstance(index, slice):
            return ChosenPictures(self.pictures, self.indices[index])
        return self.pictures[self.indices[index]]


@dataclass(frozen=True)
class _FiledArray:
    """An array in a file, and where it is there."""

    file: IO[bytes]
    start: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, array: NDArray[Any], file: IO[bytes]) -> _FiledArray:
        """Return an array that was written at the end of a file."""
        start = file.seek(0, 2)
        array.tofile(file)
        return cls(file, start, array.shape, array.dtype)

    def read(self) -> NDArray[Any]:
        """Return the array, mapped into memory as long as somebody has it."""
        return np.asarray(np.memmap(self.file, self.dtype, "r", self.start, self.shape))


@dataclass(frozen=True)
class _FiledPicture:
    """A picture whose arrays lie in a file."""

    picture: SeenPicture
    descriptors: _FiledArray
    saliency: _FiledArray

    def read(self) -> SeenPicture:
        """Return the whole picture."""
        return replace(self.picture, descriptors=self.descriptors.read(), saliency=self.saliency.read())
