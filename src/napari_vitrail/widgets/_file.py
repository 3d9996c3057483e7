"""A classifier in a file: keep the one just trained, choose one to apply."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QWidget

from napari_vitrail.errors import VitrailError
from napari_vitrail.widgets._form import wrapped

if TYPE_CHECKING:
    from napari_vitrail.classify import PixelClassifier

_KIND = "Vitrail classifiers (*.vitrail)"


class ClassifierFile(QWidget):
    """Two buttons: one saves the classifier trained last, one asks for a saved one to apply."""

    chosen = Signal(str)
    """A file was chosen whose classifier is to be applied."""

    def __init__(self) -> None:
        super().__init__()
        self._classifier: PixelClassifier | None = None
        self._name = ""  # offered for the file
        self._save = QPushButton("Save classifier...")
        self._apply = QPushButton("Apply classifier...")
        self._save.setEnabled(False)
        self._save.setToolTip("Not yet: press Segment, which trains one")
        self._save.clicked.connect(self._on_save_clicked)
        self._apply.clicked.connect(self._on_apply_clicked)
        self._lay_out()

    def keep(self, classifier: PixelClassifier, name: str) -> None:
        """Take the classifier that can be saved from now on, and what it was trained on."""
        self._classifier, self._name = classifier, re.sub(r"[^\w .-]", "_", name)
        self._save.setEnabled(True)
        self._save.setToolTip(wrapped(f"Save the classifier trained last, on {name}, as a .vitrail file"))

    def allow(self, obstacle: str = "") -> None:
        """Let a classifier be applied unless something stands in the way, which becomes the tooltip."""
        hint = "Segment the plane in view with a classifier from a .vitrail file; needs no strokes"
        self._apply.setEnabled(not obstacle)
        self._apply.setToolTip(wrapped(f"Not yet: {obstacle}" if obstacle else hint))

    def _lay_out(self) -> None:
        """Put the buttons side by side, equally wide."""
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for button in (self._save, self._apply):
            layout.addWidget(button, 1)

    def _on_save_clicked(self) -> None:
        path = ask_path(self, "Save classifier", f"{self._name}.vitrail")
        if path and self._classifier is not None:
            save(path, self._classifier)

    def _on_apply_clicked(self) -> None:
        path = ask_path(self, "Apply classifier")
        if path:
            self.chosen.emit(path)


def ask_path(parent: QWidget, title: str, name: str = "") -> str:
    """Return the file that is chosen in a dialog, nothing if none is; a `name` is one to save as."""
    dialog = QFileDialog(parent, title, "", _KIND)
    dialog.setFileMode(QFileDialog.FileMode.AnyFile if name else QFileDialog.FileMode.ExistingFile)
    if name:
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("vitrail")
        dialog.selectFile(name)
    path = dialog.selectedFiles()[0] if dialog.exec() else ""
    dialog.deleteLater()
    return path


def save(path: str, classifier: PixelClassifier) -> None:
    """Save a classifier and say so, or say why it cannot be saved."""
    from napari_vitrail.project import save_classifier  # loads torch

    try:
        save_classifier(path, classifier)
    except (VitrailError, OSError) as error:
        show_error(str(error))
    else:
        show_info(f"The classifier is saved as {path}")
