"""Send what was found to Paint to segment: as strokes, to be corrected and learned from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_vitrail.widgets._form import allow
from napari_vitrail.widgets._gallery_images import LayerImage
from napari_vitrail.widgets._part_strokes import send_strokes
from napari_vitrail.widgets._scene_steps import strokes_steps
from napari_vitrail.widgets._scenes import Scenes

_HINT = (
    "Paint a stroke along the middle of each object, and of the ground, into a strokes layer on each image "
    "that was looked at, and open Paint to segment: correct the strokes there and let them be learned from"
)


class SendObjects(QWidget):
    """A button that makes strokes of objects.

    Parameters
    ----------
    scenes : Scenes
    """

    def __init__(self, scenes: Scenes) -> None:
        super().__init__()
        self._scenes = scenes
        self._send = QPushButton("Send to Paint to segment")
        self._send.clicked.connect(self._on_clicked)
        for signal in (scenes.shown, scenes.changed):
            signal.connect(self._allow)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._send)
        self._allow()

    def _allow(self) -> None:
        allow(self._send, _HINT, "" if self._scenes.here else self._scenes.obstacle())

    def _on_clicked(self) -> None:
        self._scenes.job.run(
            strokes_steps(self._scenes.here, self._scenes.scale),
            on_done=self._on_done,
            title="Making strokes",
        )

    def _on_done(self, made: tuple[list[tuple[LayerImage, NDArray[np.uint8]]], dict[int, str]]) -> str:
        return send_strokes(self._scenes.viewer, *made)
