"""Asking for a file."""

from __future__ import annotations

from qtpy.QtWidgets import QFileDialog, QWidget

VITRAIL, TABLE = "Vitrail projects and classifiers (*.vitrail)", "Tables (*.csv)"
"""Kinds of files, in the manner of Qt."""
_SUFFIXES = {VITRAIL: "vitrail", TABLE: "csv"}


def ask_path(parent: QWidget, title: str, kind: str, name: str = "") -> str:
    """Return the file that is chosen in a dialog, nothing if none is; a `name` is one to save as."""
    dialog = QFileDialog(parent, title, "", kind)
    dialog.setFileMode(QFileDialog.FileMode.AnyFile if name else QFileDialog.FileMode.ExistingFile)
    if name:
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(_SUFFIXES[kind])
        dialog.selectFile(name)
    path = dialog.selectedFiles()[0] if dialog.exec() else ""
    dialog.deleteLater()
    return path
