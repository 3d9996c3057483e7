"""Send parts to Paint to segment: as strokes of classes of the same names and colours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

import numpy as np
from napari import Viewer
from napari.layers import Image, Labels
from numpy.typing import NDArray
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_vitrail.progress import Progress, Steps
from napari_vitrail.strokes import inner_strokes
from napari_vitrail.widgets._form import allow
from napari_vitrail.widgets._found import Found
from napari_vitrail.widgets._gallery_images import LayerImage
from napari_vitrail.widgets._layers import add_strokes, class_table, strokes_name
from napari_vitrail.widgets._naming import Naming
from napari_vitrail.widgets._packed import set_data, write
from napari_vitrail.widgets._planes import full_resolution, shape_of
from napari_vitrail.widgets._sharing import Sharing

_HINT = (
    "Paint a stroke along the middle of each part, and of the background, into a strokes layer on each "
    "image, and open Paint to segment: correct the strokes there and let them be learned from"
)
_NOT_HERE = "open an image: double-click it in the gallery"
_PAINTER = "Paint to segment"

Strokes = list[tuple[int, NDArray[np.uint8]]]
"""Numbers of images, and the strokes (H, W) on each."""
PlaneStrokes = tuple[LayerImage, NDArray[np.uint8]]
"""A plane of an image layer, and the strokes (H, W) on it."""


class SendParts(QWidget):
    """A button that makes strokes of parts.

    Parameters
    ----------
    sharing : Sharing
    """

    def __init__(self, sharing: Sharing) -> None:
        super().__init__()
        self._sharing = sharing
        self._send = QPushButton("Send parts to Paint to segment")
        self._send.clicked.connect(self._on_clicked)
        for signal in (sharing.shown, sharing.changed):
            signal.connect(self._allow)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._send)
        self._allow()

    def _obstacle(self) -> str:
        if obstacle := self._sharing.found_obstacle():
            return obstacle
        if not self._sharing.naming.kept:
            return "there is no part"
        return "" if self._sharing.here else _NOT_HERE

    def _allow(self) -> None:
        allow(self._send, _HINT, self._obstacle())

    def _on_clicked(self) -> None:
        if self._sharing.found is None:
            return
        here, naming = self._sharing.here, self._sharing.naming
        self._sharing.job.run(
            strokes_steps(self._sharing.found, naming, here),
            on_done=partial(self._on_done, here, naming),
            title="Making strokes",
        )

    def _on_done(self, images: Mapping[int, LayerImage], naming: Naming, strokes: Strokes) -> str:
        names = {**naming.all_names(), naming.background_label: "background"}
        return send_strokes(self._sharing.viewer, [(images[number], own) for number, own in strokes], names)


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


def strokes_steps(found: Found, naming: Naming, indices: Iterable[int]) -> Steps[Strokes]:
    """Yield Progress; return strokes along the middle of each part and of the background of some images."""
    wanted, made = sorted(indices), []
    for done, index in enumerate(wanted, start=1):
        made.append((index, inner_strokes(naming.with_background(found.parts.labels(index)))))
        yield Progress(done, len(wanted), "images")
    return made


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
