"""Qt's event loop while something is measured: let it run, wait for something, see where it hangs."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from qtpy.QtCore import QEventLoop, Qt, QTimer

HEARTBEAT_MS = 5
LONGEST = 600.0
"""Seconds after which waiting is given up."""


class Heartbeat:
    """Notes when the event loop comes round."""

    def __init__(self) -> None:
        self._beats = [time.perf_counter()]
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(lambda: self._beats.append(time.perf_counter()))
        self._timer.start(HEARTBEAT_MS)

    def gaps(self) -> list[float]:
        """Return the seconds between beats since the last call."""
        gaps = np.diff(self._beats).tolist()
        self._beats = self._beats[-1:]
        return gaps


def wait_for(done: Callable[[], bool]) -> None:
    """Let the viewer work until something holds."""
    limit = time.perf_counter() + LONGEST
    while not done():
        if time.perf_counter() > limit:
            raise TimeoutError("the viewer did not come to what was waited for")
        pass_time(0.01)


def pass_time(seconds: float) -> None:
    """Let Qt's own loop run, as it does for a user: polling would fight the worker for the interpreter."""
    loop = QEventLoop()
    QTimer.singleShot(round(1000 * seconds), loop.quit)
    loop.exec()
