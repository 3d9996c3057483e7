"""Send what was found to Paint to segment: as strokes, to be corrected and learned from."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping

import numpy as np
from napari import Viewer
from napari.layers import Image, Labels
from numpy.typing import NDArray
from qtpy.QtCore import SignalInstance
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_vitrail.widgets._form import allow
from napari_vitrail.widgets._gallery_images import LayerImage
from napari_vitrail.widgets._layers import add_strokes, class_table, strokes_name
from napari_vitrail.widgets._packed import set_data, write
from napari_vitrail.widgets._planes import full_resolution, shape_of

_PAINTER = "Paint to segment"

PlaneStrokes = tuple[LayerImage, NDArray[np.uint8]]
"""A plane of an image layer, and the strokes (H, W) on it."""


class SendStrokes(QWidget):
    """A button that makes strokes of what was found.

    Parameters
    ----------
    text, hint : str
        What the button says, and what it says that it does.
    signals : iterable of SignalInstance
        After which it may be possible, or no longer.
    """

    def __init__(self, text: str, hint: str, signals: Iterable[SignalInstance]) -> None:
        super().__init__()
        self._hint = hint
        self._send = QPushButton(text)
        self._send.clicked.connect(self._on_clicked)
        for signal in signals:
            signal.connect(self._allow)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._send)
        self._allow()

    @abstractmethod
    def _obstacle(self) -> str:
        """Return what stands in the way, nothing if nothing does."""

    @abstractmethod
    def _on_clicked(self) -> None:
        """Make the strokes, and send them."""

    def _allow(self) -> None:
        allow(self._send, self._hint, self._obstacle())


def send_strokes(viewer: Viewer, strokes: Iterable[PlaneStrokes], names: Mapping[int, str]) -> str:
    """Write strokes on each image that has none yet, and open Paint to segment on the first; say so."""
    by_layer: dict[Image, list[PlaneStrokes]] = {}
    for image, own in strokes:
        by_layer.setdefault(image.layer, []).append((image, own))
    here = {layer: planes for layer, planes in by_layer.items() if layer in viewer.layers}
    kept = [layer.name for layer in here if _is_painted(viewer, layer)]
    written = {
        layer: write_strokes(viewer, layer, planes, names)
        for layer, planes in here.items()
        if layer.name not in kept
    }
    if written:
        _open_painter(viewer, *next(iter(written.items())))
    said = f"strokes on {len(written)} image layer{'' if len(written) == 1 else 's'}."
    return f"{said} Painted strokes stay as they are on {', '.join(kept)}." if kept else said


def write_strokes(
    viewer: Viewer, image: Image, planes: Iterable[PlaneStrokes], names: Mapping[int, str]
) -> Labels:
    """Write strokes on the planes of an image into its strokes layer, which has none, or a new one."""
    layer = _strokes_of(viewer, image) or add_strokes(viewer, image)
    for plane, strokes in planes:
        write(layer, plane.plane.index, strokes)
    layer.features = class_table(names)
    set_data(layer, layer.data)
    return layer


def _strokes_of(viewer: Viewer, image: Image) -> Labels | None:
    """Return the layer that Paint to segment takes for the strokes on an image, if there is one."""
    name = strokes_name(image)
    return next((own for own in viewer.layers if isinstance(own, Labels) and own.name == name), None)


def _is_painted(viewer: Viewer, image: Image) -> bool:
    """Whether there are strokes on an image, or a layer in their place that no strokes can be written to."""
    layer = _strokes_of(viewer, image)
    if layer is None:
        return False
    data = full_resolution(layer)
    return layer.multiscale or data.shape != shape_of(image) or bool(np.asarray(data).any())


def _open_painter(viewer: Viewer, image: Image, strokes: Labels) -> None:
    _, painter = viewer.window.add_plugin_dock_widget("napari-vitrail", _PAINTER, tabify=True)
    painter.choose(image, strokes)
    viewer.layers.selection.active = strokes
