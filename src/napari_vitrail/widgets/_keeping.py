"""The file of unsaved strokes: written by a worker or at once, and never by what is out of date."""

from __future__ import annotations

import itertools
from pathlib import Path
from threading import Lock

from napari_vitrail.annotations import Annotations, save_annotations


class KeptFile:
    """A file that holds what was read last, whoever writes it when.

    Parameters
    ----------
    path : path
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()
        self._numbers = itertools.count(1)
        self._latest = 0  # the number of what is in the file, or of what made it superfluous

    def number(self) -> int:
        """Return the number of what is read from now on, to be written with."""
        return next(self._numbers)

    def write(self, annotations: Annotations, number: int) -> bool:
        """Write what was painted, unless the file is ahead of it or was removed since; return whether."""
        with self._lock:
            if number < self._latest:
                return False
            save_annotations(self.path, annotations)
            self._latest = number
            return True

    def remove(self) -> None:
        """Remove the file, and let nothing be written that was read before."""
        with self._lock:
            self._latest = self.number()
            self.path.unlink(missing_ok=True)
