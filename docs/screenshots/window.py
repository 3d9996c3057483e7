"""Drive a real viewer and take pictures of its window: what the screenshot scripts share."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import napari
import numpy as np
from PIL import Image
from qtpy.QtCore import QEvent, QEventLoop, QPointF, Qt, QTimer
from qtpy.QtGui import QMouseEvent
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtWidgets import QApplication, QLabel, QPushButton, QWidget

IMAGES = Path(__file__).resolve().parents[1] / "images"
SIZE = (1280, 800)

os.environ["VITRAIL_DATA_DIR"] = tempfile.mkdtemp()  # strokes of pictures are nothing to restore


def open_viewer(widget: str, theme: str = "dark") -> tuple[napari.Viewer, QWidget]:
    """Return a viewer with one of our widgets docked, in the size of the pictures."""
    viewer = napari.Viewer(show_welcome_screen=False)
    viewer.theme = theme
    _, docked = viewer.window.add_plugin_dock_widget("napari-vitrail", widget)
    viewer.window.resize(*SIZE)
    return viewer, docked


def press(widget: QWidget, text: str) -> None:
    """Press a button by what it says."""
    next(button for button in widget.findChildren(QPushButton) if button.text() == text).click()


def drag(
    viewer: napari.Viewer, canvas: QOpenGLWidget, start: tuple[float, float], end: tuple[float, float]
) -> None:
    """Drag the left mouse button over the canvas between two positions in the world, as a hand would."""
    left = Qt.MouseButton.LeftButton
    _send(viewer, canvas, QEvent.Type.MouseButtonPress, start, left)
    for fraction in np.linspace(0, 1, 12):
        between = tuple(np.asarray(start) + fraction * (np.asarray(end) - start))
        _send(viewer, canvas, QEvent.Type.MouseMove, between, Qt.MouseButton.NoButton)
        wait(20)
    _send(viewer, canvas, QEvent.Type.MouseButtonRelease, end, left)


def click(viewer: napari.Viewer, canvas: QOpenGLWidget, position: Sequence[float]) -> None:
    """Press and release the left mouse button over the canvas at a position in the world."""
    _send(viewer, canvas, QEvent.Type.MouseButtonPress, position, Qt.MouseButton.LeftButton)
    _send(viewer, canvas, QEvent.Type.MouseButtonRelease, position, Qt.MouseButton.LeftButton)


def _send(
    viewer: napari.Viewer, canvas: QOpenGLWidget, kind: QEvent.Type, position: Sequence[float],
    button: Qt.MouseButton,
) -> None:  # fmt: skip
    camera = getattr(viewer, "scene", viewer).camera  # napari 0.9 moved it
    middle = np.array([canvas.height(), canvas.width()]) / 2
    row, column = (np.asarray(position) - camera.center[-2:]) * camera.zoom + middle
    held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else Qt.MouseButton.LeftButton
    at = QPointF(column, row)
    event = QMouseEvent(kind, at, canvas.mapToGlobal(at), button, held, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(canvas, event)


def says(widget, text: str) -> bool:
    """Tell whether a label says a text."""
    return any(text in label.text() for label in widget.findChildren(QLabel))


def wait(milliseconds: int) -> None:
    """Let the viewer draw and its threads deliver."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def wait_until(condition: Callable[[], bool], seconds: int = 600) -> None:
    """Wait until a condition holds."""
    for _ in range(10 * seconds):
        if condition():
            return
        wait(100)
    raise TimeoutError(f"nothing came of it in {seconds} s")


def save(viewer: napari.Viewer, target: Path) -> None:
    """Save what the window shows as a small PNG of 256 colours."""
    wait(500)
    pixels = viewer.screenshot(canvas_only=False, flash=False)
    target.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels).convert("RGB")
    palette = {"method": Image.Quantize.MAXCOVERAGE, "kmeans": 2, "dither": Image.Dither.NONE}
    image.quantize(256, **palette).save(target, optimize=True)
    print(f"{target}: {image.width} x {image.height}, {target.stat().st_size / 1000:.0f} kB")
