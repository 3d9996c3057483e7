"""A classifier in a file: keep the one just trained, choose one to apply."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from napari.utils.notifications import show_error, show_info
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from napari_vitrail.errors import VitrailError
from napari_vitrail.widgets._dialogs import VITRAIL, ask_path
from napari_vitrail.widgets._form import allow
from napari_vitrail.widgets._segmenting import segment_saved
from napari_vitrail.widgets._workbench import Workbench

if TYPE_CHECKING:
    from napari_vitrail.classify import PixelClassifier


class ClassifierFile(QWidget):
    """Two buttons: one saves the classifier at hand, one asks for a saved one to apply.

    Parameters
    ----------
    bench : Workbench
    """

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self._bench = bench
        self._save = QPushButton("Save classifier...")
        self._apply = QPushButton("Apply classifier...")
        self._save.clicked.connect(self._on_save_clicked)
        self._apply.clicked.connect(self._on_apply_clicked)
        for signal in (bench.changed, bench.learned):
            signal.connect(self._allow)
        self._lay_out()
        self._allow()

    def _allow(self) -> None:
        """Let be saved and applied what can be; else the tooltips say what stands in the way."""
        name, obstacle = self._bench.classifier_name, self._bench.image_obstacle()
        nothing = "" if self._bench.classifier is not None else "press Segment, which trains one"
        allow(self._save, f"Save the classifier of {name} as a .vitrail file", nothing)
        hint = "Segment the plane in view with a classifier from a .vitrail file; needs no strokes"
        allow(self._apply, hint, obstacle)

    def _lay_out(self) -> None:
        """Put the buttons side by side, equally wide."""
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for button in (self._save, self._apply):
            layout.addWidget(button, 1)

    def _on_save_clicked(self) -> None:
        name = re.sub(r"[^\w .-]", "_", self._bench.classifier_name.removesuffix(".vitrail"))
        path = ask_path(self, "Save classifier", VITRAIL, f"{name}.vitrail")
        if path and self._bench.classifier is not None:
            save(path, self._bench.classifier)

    def _on_apply_clicked(self) -> None:
        path = ask_path(self, "Apply classifier", VITRAIL)
        if not path:
            return
        if obstacle := self._bench.image_obstacle():
            self._bench.job.refuse(obstacle)
            return
        segment_saved(self._bench, path)


def save(path: str, classifier: PixelClassifier) -> None:
    """Save a classifier and say so, or say why it cannot be saved."""
    from napari_vitrail.project import save_classifier  # loads torch

    try:
        save_classifier(path, classifier)
    except (VitrailError, OSError) as error:
        show_error(str(error))
    else:
        show_info(f"The classifier is saved as {path}")
