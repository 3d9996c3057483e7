"""Points on a plane that can be panned, zoomed and picked."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget
from vispy.scene import PanZoomCamera, SceneCanvas
from vispy.scene.visuals import Markers

_SIZE = 6
_NEAR = 8
"""Pixels on the screen within which a click means a point."""


class Scatter(QWidget):
    """A scatter plot.

    Parameters
    ----------
    background : str
        Its colour.
    """

    picked = Signal(int)
    """A point was clicked: its number."""

    def __init__(self, background: str) -> None:
        super().__init__()
        self._canvas = SceneCanvas(keys=None, bgcolor=background)
        self._view = self._canvas.central_widget.add_view()
        self._view.camera = PanZoomCamera(aspect=1)
        self._points: Any = Markers(parent=self._view.scene)
        self._points.set_gl_state("translucent", depth_test=False)  # else points cut rims into others
        self._positions = np.zeros((0, 2), np.float32)
        self._canvas.events.mouse_release.connect(self._on_released)
        self.setMinimumHeight(240)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._canvas.native)

    def show_points(self, positions: NDArray[np.floating], colours: NDArray[np.floating]) -> None:
        """Show points (n, 2) in their colours (n, 4), all of them in view."""
        moved = not np.array_equal(positions, self._positions)
        self._positions = np.asarray(positions, np.float32)
        self._points.set_data(
            self._positions, face_color=colours, edge_color=colours, edge_width=0, size=_SIZE
        )
        if moved:
            low, high = self._positions.min(axis=0), self._positions.max(axis=0)
            self._view.camera.set_range(x=(low[0], high[0]), y=(low[1], high[1]))

    def nearest(self, place: tuple[float, float]) -> int | None:
        """Return the number of the point nearest to a pixel of the canvas (x, y); None if none is near."""
        if not len(self._positions):
            return None
        on_screen = self._points.get_transform("visual", "canvas").map(self._positions)
        distances = np.linalg.norm(on_screen[:, :2] / on_screen[:, 3:] - place, axis=1)
        number = int(distances.argmin())
        return number if distances[number] <= _NEAR else None

    def _on_released(self, event: Any) -> None:
        """Tell which point was clicked, unless the mouse was dragged."""
        if event.press_event is None:  # the button was pressed elsewhere
            return
        dragged = np.abs(np.subtract(event.pos, event.press_event.pos)).max() > 2
        number = None if dragged else self.nearest(tuple(event.pos))
        if number is not None:
            self.picked.emit(number)
