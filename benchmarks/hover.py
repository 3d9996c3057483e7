"""Similarity under the cursor in a real viewer: from the mouse event to the map, and to the screen."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import napari
import numpy as np
from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtWidgets import QApplication, QWidget

from napari_vitrail import SEGMENTATION, DescriptorGrid, FeatureGrid, Grid
from napari_vitrail.widgets._hover import HoverSimilarity
from napari_vitrail.widgets._planes import read_plane
from napari_vitrail.widgets._tokens import TokenPlane

PATCH, WIDTH = 14, 384
GAP = 20
SECONDS = 5


@dataclass(frozen=True)
class Hovering:
    """What was measured for some images of one size."""

    n_images: int
    side: int
    to_map: float
    to_map_95: float
    frames: float
    frames_alone: float


def hovering(n_images: int, side: int) -> Hovering:
    """Move the mouse over images in a row, as fast as they are drawn; time from event to map in seconds.

    The features are noise on the patch grid: their values do not matter to the time.
    """
    viewer = napari.Viewer(show_welcome_screen=False)
    canvas = viewer.window.add_dock_widget(QWidget()).window().findChild(QOpenGLWidget)
    hover = HoverSimilarity(viewer, tokens=lambda: planes, on_keep=lambda: None)
    planes = [_noise(viewer, number, side) for number in range(n_images)]
    viewer.reset_view()
    QApplication.processEvents()
    swaps: list[float] = []
    canvas.frameSwapped.connect(lambda: swaps.append(time.perf_counter()))
    alone = _panned_frames(viewer, swaps)
    hover.start()
    waits = _followed(viewer, canvas, swaps)
    hover.stop()
    viewer.close()
    times = float(np.median(waits)), float(np.percentile(waits, 95))
    return Hovering(n_images, side, *times, len(waits) / SECONDS, alone)


def _panned_frames(viewer: napari.Viewer, swaps: Sequence[float]) -> float:
    """Return how many frames a second the viewer draws when only its camera moves."""
    drawn, end = len(swaps), time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        before = len(swaps)
        viewer.scene.camera.center = viewer.scene.camera.center + np.array((0, 0, (-1) ** before))
        _process_until(lambda before=before: len(swaps) > before, 1)
    return (len(swaps) - drawn) / SECONDS


def _followed(viewer: napari.Viewer, canvas: QOpenGLWidget, swaps: Sequence[float]) -> list[float]:
    """Move the mouse as soon as a map is drawn; return the seconds from each event to its map."""
    rng, waits = np.random.default_rng(0), []
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        before, drawn, start = _shown(viewer), len(swaps), time.perf_counter()
        _move(canvas, rng.uniform(0.4, 0.6, 2))
        if _process_until(lambda before=before: _shown(viewer) != before, 0.2):
            waits.append(time.perf_counter() - start)
            _process_until(lambda drawn=drawn: len(swaps) > drawn, 1)
    return waits


def _process_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Let the viewer work until a condition holds; return whether it came to hold in time."""
    end = time.perf_counter() + seconds
    while not condition() and time.perf_counter() < end:
        QApplication.processEvents()
    return condition()


def table(results: Sequence[Hovering]) -> str:
    """Return a Markdown table."""
    lines = [
        "| images | pixels | tokens each | event to map, median (95 %) | drawn a second | viewer alone |",
        "|---|---|---|---|---|---|",
    ]
    for result in results:
        tokens = " x ".join([str(result.side // PATCH)] * 2)
        waits = f"{1000 * result.to_map:.0f} ms ({1000 * result.to_map_95:.0f} ms)"
        pixels = f"{result.side} x {result.side}"
        frames = f"{result.frames:.0f} | {result.frames_alone:.0f}"
        lines.append(f"| {result.n_images} | {pixels} | {tokens} | {waits} | {frames} |")
    return "\n".join(lines)


def _noise(viewer: napari.Viewer, number: int, side: int) -> TokenPlane:
    """Add an image beside those there are, and return tokens for it."""
    rng = np.random.default_rng(number)
    pixels = rng.integers(0, 255, (side, side), np.uint8)
    image = viewer.add_image(pixels, translate=(0, number * (side + GAP)))
    grid = Grid.of_tokens((side, side), PATCH, PATCH)
    features = FeatureGrid(rng.normal(size=(*grid.shape, WIDTH)).astype(np.float32), grid)
    plane = read_plane(image, viewer.dims)
    return TokenPlane(image, plane, SEGMENTATION, features, DescriptorGrid.of(features))


def _shown(viewer: napari.Viewer) -> float:
    """Return a value that tells the map of the top layer from others."""
    return float(np.asarray(viewer.layers[-1].data).flat[0])


def _move(canvas: QOpenGLWidget, place: np.ndarray) -> None:
    """Move the mouse to a place on the canvas, given as shares of its sides."""
    row, column = place * (canvas.height(), canvas.width())
    point, nothing = QPointF(column, row), Qt.MouseButton.NoButton
    modifier = Qt.KeyboardModifier.NoModifier
    moved = QMouseEvent(QEvent.Type.MouseMove, point, canvas.mapToGlobal(point), nothing, nothing, modifier)
    QApplication.sendEvent(canvas, moved)
