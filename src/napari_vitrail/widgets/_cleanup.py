"""Clean up: a segmentation freed of specks that keeps small structures; seen in part first, and undone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray
from qtpy.QtWidgets import QDoubleSpinBox, QFormLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_vitrail.crf import DenseCRF
from napari_vitrail.progress import Steps, part_of
from napari_vitrail.refinement import Refinement
from napari_vitrail.smoothing import Smoothing
from napari_vitrail.widgets._form import choice, label_of, wrapped
from napari_vitrail.widgets._layers import result_at, write_patch
from napari_vitrail.widgets._planes import ImagePlane, shown_window
from napari_vitrail.widgets._workbench import Workbench

if TYPE_CHECKING:
    from napari_vitrail.classify import PixelClassifier
    from napari_vitrail.tiling import Window

_SMOOTHING, _CRF = "smoothing", "crf"
_METHODS = {"Smoothing": _SMOOTHING, "Dense CRF": _CRF}
_METHOD_HELP = (
    "Smoothing asks the neighbours of each pixel; the dense CRF (an extra package) also draws borders where "
    "colours change. Both leave what is small for its class alone only if it is a speck"
)
_SIGMA_HELP = "How far each pixel asks its neighbours, in pixels; more is smoother"
_HELP = {
    "Preview": "Clean up the part of the image that is in view; Undo takes it back",
    "Apply": "Clean up the whole plane in view; Undo takes it back",
    "Undo": "Show the segmentation as it was before the clean-up",
}


@dataclass(frozen=True)
class _Before:
    """What a plane of a segmentation was before it was cleaned up."""

    layer: Labels
    strokes: Labels | None
    plane: ImagePlane
    classes: NDArray[np.integer]
    is_preview: bool


class CleanUp(QWidget):
    """A choice of method and strength, and buttons to preview, apply and undo.

    Parameters
    ----------
    bench : Workbench
    """

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self._bench = bench
        self._before: _Before | None = None
        self._is_writing = False
        self._method = choice("Clean up", _METHODS.items(), _SMOOTHING, _METHOD_HELP)
        self._sigma = QDoubleSpinBox()
        self._sigma.setRange(0.5, 20)
        self._sigma.setSingleStep(0.5)
        self._sigma.setDecimals(1)
        self._sigma.setValue(Smoothing().sigma)
        self._sigma.setSuffix(" px")
        self._sigma.setToolTip(wrapped(_SIGMA_HELP))
        self._buttons = {name: QPushButton(name) for name in _HELP}
        self._buttons["Preview"].clicked.connect(lambda: self._start(is_preview=True))
        self._buttons["Apply"].clicked.connect(lambda: self._start(is_preview=False))
        self._buttons["Undo"].clicked.connect(self._on_undo_clicked)
        self._method.changed.connect(lambda method: self._sigma.setVisible(method == _SMOOTHING))
        for signal in (bench.changed, bench.learned):
            signal.connect(self._allow)
        bench.shown.connect(self._on_shown)
        self._lay_out()
        self._allow()

    @property
    def _how(self) -> Refinement:
        return Smoothing(self._sigma.value()) if self._method.value == _SMOOTHING else DenseCRF()

    def _lay_out(self) -> None:
        method = QHBoxLayout()
        method.addWidget(self._method.native, 1)
        method.addWidget(self._sigma)
        rows = QFormLayout()
        label: QLabel = label_of(self._method)
        rows.addRow(label, method)
        buttons = QHBoxLayout()
        for button in self._buttons.values():
            buttons.addWidget(button, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(rows)
        layout.addLayout(buttons)

    def _obstacle(self) -> str:
        """Return why nothing can be cleaned up, nothing if it can."""
        obstacle = self._bench.classifier_obstacle()
        if not obstacle and self._bench.result() is None:
            return "there is no segmentation to clean up: press Segment"
        return obstacle

    def _allow(self) -> None:
        obstacle = self._obstacle()
        nothing = "" if self._before is not None else "nothing was cleaned up"
        for name, hint in _HELP.items():
            reason = nothing if name == "Undo" else obstacle
            self._buttons[name].setEnabled(not reason)
            self._buttons[name].setToolTip(wrapped(f"Not yet: {reason}" if reason else hint))

    def _start(self, *, is_preview: bool) -> None:
        obstacle, classifier = self._obstacle(), self._bench.classifier
        if obstacle or classifier is None:
            self._bench.job.refuse(obstacle)
            return
        plane, strokes = self._bench.plane(), self._bench.layers.strokes
        window = shown_window(self._bench.layers.image, plane) if is_preview else None
        self._bench.job.run(
            clean_up_steps(plane, classifier, self._how, window),
            on_done=partial(self._on_done, plane, strokes, window),
            title=f"Cleaning up {plane.layer_name}",
        )

    def _on_done(
        self, plane: ImagePlane, strokes: Labels | None, window: Window | None, classes: NDArray[np.integer]
    ) -> str:
        if self._before is not None and self._before.is_preview:
            self._put_back(self._before)
        layer = result_at(self._bench.viewer.layers, plane)  # another image may be chosen by now
        if layer is None:
            return "the segmentation was removed meanwhile; nothing is left to clean up."
        before = _Before(layer, strokes, plane, np.array(layer.data[plane.index]), window is not None)
        at = (slice(None), slice(None)) if window is None else window
        changed = np.count_nonzero(before.classes[at] != classes)
        self._before = before
        self._write(before, at, classes)
        where = "in the part in view; Apply does all of it" if window is not None else "in the plane in view"
        return self._bench.report(plane, f"{changed:,} pixels have another class, {where}.")

    def _on_undo_clicked(self) -> None:
        before, self._before = self._before, None
        if before is not None:
            self._put_back(before)
        self._allow()

    def _put_back(self, before: _Before) -> None:
        if before.layer in self._bench.viewer.layers:
            self._write(before, (slice(None), slice(None)), before.classes)

    def _write(self, before: _Before, window: Window, classes: NDArray[np.integer]) -> None:
        self._is_writing = True
        try:
            write_patch(self._bench.viewer, before.plane, window, classes, before.strokes, is_finished=True)
            self._bench.shown.emit()
        finally:
            self._is_writing = False
        self._allow()

    def _on_shown(self) -> None:
        """Forget what was before once there is another segmentation."""
        if not self._is_writing:
            self._before = None
            self._allow()


def clean_up_steps(
    plane: ImagePlane, classifier: PixelClassifier, how: Refinement, window: Window | None
) -> Steps[NDArray[np.integer]]:
    """Yield Progress; return the cleaned segmentation of a plane, or of a window of it."""
    from napari_vitrail.image import main_of
    from napari_vitrail.refinement import refine_steps
    from napari_vitrail.segmentation import probabilities_steps  # loads torch
    from napari_vitrail.store import shared_store

    image = plane.read()
    asking = probabilities_steps(image, classifier, window=window, store=shared_store())
    probabilities = yield from part_of(asking, 0, 2)
    seen = main_of(image) if window is None else main_of(image)[window]
    cleaning = refine_steps(probabilities, how, image=seen, classes=classifier.classes_)
    classes = yield from part_of(cleaning, 1, 2)
    return classes.astype(classifier.dtype)
