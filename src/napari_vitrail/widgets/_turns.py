"""Much work for the GUI thread, done a little at a time so that the viewer does not stand still."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable

from qtpy.QtCore import QObject

from napari_vitrail.widgets._timer import timer

TURN_SECONDS = 0.1
"""After each turn the viewer draws everything anew, which may take as long."""


class Turns(QObject):
    """Pieces of work that take turns with what the viewer has to do itself.

    Parameters
    ----------
    parent : QObject
        With which they end.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._waiting: dict[Hashable, Callable[[], None]] = {}
        self._next = timer(self, 0, self._on_turn)

    @property
    def is_busy(self) -> bool:
        """Whether something is still to be done."""
        return bool(self._waiting)

    def put(self, key: Hashable, work: Callable[[], None]) -> None:
        """Let something be done after all that waits, in place of what waits under the same key."""
        self._waiting.pop(key, None)
        self._waiting[key] = work
        self._next.start()

    def forget(self) -> None:
        """Do nothing of what waits."""
        self._waiting.clear()

    def _on_turn(self) -> None:
        """Do at least one piece of work, and more while there is time."""
        end = time.monotonic() + TURN_SECONDS
        try:
            while self._waiting:
                self._waiting.pop(next(iter(self._waiting)))()
                if time.monotonic() > end:
                    break
        finally:  # what goes wrong with one leaves the others their turn
            if self._waiting:
                self._next.start()
