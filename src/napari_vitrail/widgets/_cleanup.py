"""Clean up: a segmentation freed of specks that keeps small structures; previewed, kept on, undone."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari.layers import Labels
from napari.utils.notifications import show_error
from qtpy.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_vitrail.cleanup import ChosenCleanUp
from napari_vitrail.crf import DenseCRF, check_installed
from napari_vitrail.errors import MissingExtra
from napari_vitrail.smoothing import Smoothing
from napari_vitrail.widgets._cleaning import Cleaned, clean_up_steps, spoken
from napari_vitrail.widgets._form import allow, choice, label_of, wrapped
from napari_vitrail.widgets._image_plane import ImagePlane
from napari_vitrail.widgets._planes import shown_window
from napari_vitrail.widgets._timer import timer
from napari_vitrail.widgets._workbench import Workbench

if TYPE_CHECKING:
    from napari_vitrail.classify import PixelClassifier

TURN_MS = 400
"""After the last turn of a setting, until a clean-up that is on follows it."""
_SMOOTHING, _CRF = "smoothing", "crf"
_METHODS = {"Smoothing": _SMOOTHING, "Dense CRF": _CRF}
_METHOD_HELP = (
    "Smoothing asks the neighbours of each pixel; the dense CRF (an extra package) also draws borders where "
    "colours change. Both leave what is small for its class alone only if it is a speck"
)
_SIGMA_HELP = "How far each pixel asks its neighbours, in pixels; more is smoother"
_ON_HELP = (
    "Clean up every result from now on: what follows the strokes as soon as you rest, and what Segment, all "
    "slices, other images and files give. Apply switches this on, Undo off"
)
_HELP = {
    "Preview": "Clean up the part of the image that is in view; Undo takes it back",
    "Apply": "Clean up the whole plane in view, and every result from now on; Undo takes it back",
    "Undo": "Show the segmentation as it was before the clean-up, and clean up no more",
}


class CleanUp(QWidget):
    """A choice of method and strength, a box that keeps it on, and buttons to preview, apply and undo.

    Parameters
    ----------
    bench : Workbench
    """

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self._bench = bench
        self._crf = DenseCRF()  # a project may bring another one
        self._method = choice("Clean up", _METHODS.items(), _SMOOTHING, _METHOD_HELP)
        self._sigma = QDoubleSpinBox()
        self._sigma.setRange(0.5, 20)
        self._sigma.setSingleStep(0.5)
        self._sigma.setDecimals(1)
        self._sigma.setValue(Smoothing().sigma)
        self._sigma.setSuffix(" px")
        self._sigma.setToolTip(wrapped(_SIGMA_HELP))
        self._keeps_on = QCheckBox("Clean up every result")
        self._keeps_on.setToolTip(wrapped(_ON_HELP))
        self._keeps_on.toggled.connect(self._on_toggled)
        self._turned = timer(self, TURN_MS, self._on_turned)
        self._buttons = {name: QPushButton(name) for name in _HELP}
        self._buttons["Preview"].clicked.connect(lambda: self._start(is_preview=True))
        self._buttons["Apply"].clicked.connect(self._on_apply_clicked)
        self._buttons["Undo"].clicked.connect(self._on_undo_clicked)
        self._method.changed.connect(lambda method: self._sigma.setVisible(method == _SMOOTHING))
        for signal in (self._method.changed, self._sigma.valueChanged):
            signal.connect(lambda _: self._turned.start())
        for signal in (bench.changed, bench.learned, bench.shown):
            signal.connect(self._allow)
        self._lay_out()
        self._allow()

    @property
    def chosen(self) -> ChosenCleanUp:
        """What is chosen, and whether it is on."""
        return ChosenCleanUp(self._how, self._keeps_on.isChecked())

    def choose(self, chosen: ChosenCleanUp) -> None:
        """Choose a clean-up, for the results from now on; those that are shown are left alone."""
        if isinstance(chosen.how, Smoothing):
            self._method.value = _SMOOTHING
            self._sigma.setValue(chosen.how.sigma)
        else:
            self._method.value = _CRF
            self._crf = chosen.how
        is_on = chosen.is_on and self._is_at_hand()
        self._turned.stop()
        self._keeps_on.blockSignals(True)
        self._keeps_on.setChecked(is_on)
        self._keeps_on.blockSignals(False)
        self._bench.cleaning.how = self._how if is_on else None

    @property
    def _how(self) -> Smoothing | DenseCRF:
        return Smoothing(self._sigma.value()) if self._method.value == _SMOOTHING else self._crf

    def _lay_out(self) -> None:
        rows = QFormLayout()
        rows.addRow(label_of(self._method), self._method.native)
        rows.addRow("", self._sigma)
        buttons = QHBoxLayout()
        for button in self._buttons.values():
            buttons.addWidget(button, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(rows)
        layout.addWidget(self._keeps_on)
        layout.addLayout(buttons)

    def _obstacle(self) -> str:
        """Return why nothing can be cleaned up, nothing if it can."""
        obstacle = self._bench.classifier_obstacle()
        if not obstacle and self._bench.result() is None:
            return "there is no segmentation to clean up: press Segment"
        return obstacle

    def _allow(self) -> None:
        obstacle = self._obstacle()
        nothing = "" if self._bench.cleaning.can_go_back else "nothing was cleaned up"
        for name, hint in _HELP.items():
            reason = nothing if name == "Undo" else obstacle
            allow(self._buttons[name], hint, reason)

    def _on_apply_clicked(self) -> None:
        if self._keeps_on.isChecked() or self._obstacle():
            self._start(is_preview=False)
        else:
            self._keeps_on.setChecked(True)

    def _on_undo_clicked(self) -> None:
        if self._keeps_on.isChecked():
            self._keeps_on.setChecked(False)
        else:
            self._go_back()

    def _on_toggled(self, is_on: bool) -> None:
        """Clean up what is shown and will be, or show what was before and clean up no more."""
        if is_on and not self._is_at_hand():
            self._keeps_on.setChecked(False)
            return
        self._bench.cleaning.how = self._how if is_on else None
        if not is_on:
            self._go_back()
        elif not self._obstacle():
            self._start(is_preview=False)

    def _is_at_hand(self) -> bool:
        """Whether the chosen clean-up is installed; say what would do, once and not after every stroke."""
        try:
            if self._method.value == _CRF:
                check_installed()
        except MissingExtra as error:
            show_error(str(error))
            return False
        return True

    def _on_turned(self) -> None:
        """Follow a setting that was turned while the clean-up is on."""
        if self._bench.cleaning.how not in (None, self._how):
            self._on_toggled(is_on=True)

    def _go_back(self) -> None:
        self._bench.cleaning.go_back()
        self._allow()

    def _start(self, *, is_preview: bool) -> None:
        obstacle, classifier = self._obstacle(), self._bench.classifier
        if obstacle or classifier is None:
            self._bench.job.refuse(obstacle)
            return
        plane, strokes = self._bench.plane(), self._bench.layers.strokes
        window = shown_window(self._bench.viewer, self._bench.layers.image, plane) if is_preview else None
        self._bench.job.run(
            clean_up_steps(plane, classifier, self._how, window),
            on_done=partial(self._on_done, plane, strokes, classifier, is_preview),
            title=f"Cleaning up {plane.layer_name}",
        )

    def _on_done(
        self, plane: ImagePlane, strokes: Labels | None, classifier: PixelClassifier, is_preview: bool,
        cleaned: Cleaned,
    ) -> str:  # fmt: skip
        if not is_preview and self._bench.cleaning.how is None:
            return "the clean-up was switched off meanwhile; nothing was changed."
        changed = self._bench.cleaning.write(plane, strokes, cleaned, classifier, is_preview=is_preview)
        if changed is None:
            return "the segmentation was removed meanwhile; nothing is left to clean up."
        where = "in the part in view; Apply does all of it" if is_preview else "in the plane in view"
        return self._bench.report(
            plane, f"{changed:,} pixels have another class by {spoken(cleaned.how)}, {where}."
        )
