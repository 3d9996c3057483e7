"""Something to be done a little later, unless it is put off again."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QObject, Qt, QTimer, Signal


def timer(parent: QObject, milliseconds: int, slot: Callable[[], None]) -> QTimer:
    """Return a timer that fires once when it is started, and not at all when its parent is gone."""
    waiting = QTimer(parent)
    waiting.setSingleShot(True)
    waiting.setInterval(milliseconds)
    waiting.timeout.connect(slot)
    return waiting


class Soon(QObject):
    """Something to be done as soon as the event under way is over, before anything is drawn.

    A timer of no milliseconds fires after what has changed was drawn: a frame later.

    Parameters
    ----------
    parent : QObject
        With which it ends.
    slot : callable
        Called without arguments, once for all that was asked for meanwhile.
    """

    _asked = Signal()

    def __init__(self, parent: QObject, slot: Callable[[], None]) -> None:
        super().__init__(parent)
        self._slot = slot
        self._is_wanted = False
        self._asked.connect(self._on_asked, Qt.ConnectionType.QueuedConnection)

    @property
    def is_wanted(self) -> bool:
        """Whether it was asked for and is still to be done."""
        return self._is_wanted

    def ask(self) -> None:
        """Ask for it."""
        if not self._is_wanted:
            self._is_wanted = True
            self._asked.emit()

    def forget(self) -> None:
        """Do not do what was asked for."""
        self._is_wanted = False

    def _on_asked(self) -> None:
        if self._is_wanted:
            self._is_wanted = False
            self._slot()
