"""Arrays that wait in a file until they are asked for again."""

from __future__ import annotations

import tempfile
import weakref
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from napari_vitrail.backbones import cache_directory
from napari_vitrail.errors import ComputeError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True)
class FiledArray:
    """An array in a file, and where it is there."""

    file: IO[bytes]
    start: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def read(self) -> NDArray[Any]:
        """Return the array, mapped into memory as long as somebody has it; changes stay out of the file."""
        if 0 in self.shape:  # nothing cannot be mapped
            return np.empty(self.shape, self.dtype)
        return np.asarray(np.memmap(self.file, self.dtype, "c", self.start, self.shape))


class Scratch:
    """A file of arrays that has no name another process could find, and goes with this object.

    It lies in the folder of caches: that of temporary files is in memory on many machines. It is made when
    the first array comes.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None

    def put(self, array: NDArray[Any]) -> FiledArray:
        """Write an array at the end of the file.

        Raises
        ------
        ComputeError
            If the file cannot be written.
        """
        folder = cache_directory()
        try:
            if self._file is None:
                self._file = _nameless_file(folder)
                weakref.finalize(self, self._file.close)
            start = self._file.seek(0, 2)
            array.tofile(self._file)
        except OSError as error:
            raise ComputeError(
                f"what does not fit into memory cannot be written to {folder} ({error}); make room there, or "
                "let VITRAIL_CACHE_DIR name another folder"
            ) from error
        return FiledArray(self._file, start, array.shape, array.dtype)


def _nameless_file(folder: Path) -> IO[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryFile(dir=folder)
