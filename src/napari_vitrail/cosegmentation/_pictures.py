"""Pictures of a set: in memory as far as a number of bytes goes, and beyond it in a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, overload

import numpy as np

from napari_vitrail.scratch import FiledArray, Scratch

if TYPE_CHECKING:
    from napari_vitrail.cosegmentation._picture import SeenPicture


class Pictures(Sequence["SeenPicture"]):
    """Pictures of a set, of which those that come first are held in memory and the others in a file.

    A picture in the file is mapped when it is asked for, and only as long as somebody has it. The file goes
    with the pictures.

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
        self._scratch = Scratch()

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
        descriptors = self._scratch.put(picture.descriptors)
        saliency = self._scratch.put(picture.saliency)
        nothing = replace(picture, descriptors=np.empty(0, np.float16), saliency=np.empty(0, np.float32))
        return _FiledPicture(nothing, descriptors, saliency)


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
class _FiledPicture:
    """A picture whose arrays lie in a file."""

    picture: SeenPicture
    descriptors: FiledArray
    saliency: FiledArray

    def read(self) -> SeenPicture:
        """Return the whole picture."""
        return replace(self.picture, descriptors=self.descriptors.read(), saliency=self.saliency.read())
