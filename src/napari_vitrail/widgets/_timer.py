"""Something to be done a little later, unless it is put off again."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QObject, QTimer


def timer(parent: QObject, milliseconds: int, slot: Callable[[], None]) -> QTimer:
    """Return a timer that fires once when it is started, and not at all when its parent is gone."""
    waiting = QTimer(parent)
    waiting.setSingleShot(True)
    waiting.setInterval(milliseconds)
    waiting.timeout.connect(slot)
    return waiting
