"""A button that asks for a folder and has files written into it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from pathlib import Path

from qtpy.QtCore import SignalInstance
from qtpy.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from napari_vitrail.widgets._job import JobPanel


class SaveFiles(QWidget):
    """A button that asks for a folder and writes files into it, beside all else that may be computed.

    Parameters
    ----------
    text, hint : str
        What the button says, and what it says that it does.
    question : str
        What the dialog asks for.
    signals : iterable of SignalInstance
        After which it may be possible, or no longer.
    """

    def __init__(self, text: str, hint: str, question: str, signals: Iterable[SignalInstance]) -> None:
        super().__init__()
        self._question = question
        self._job = JobPanel(text, hint, untouched="no file was changed")
        self._job.requested.connect(self._on_requested)
        for signal in signals:
            signal.connect(self._allow)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._job)
        self._allow()

    @property
    def is_busy(self) -> bool:
        """Whether something is being written."""
        return self._job.is_busy

    def cancel(self) -> None:
        """Leave files as they were."""
        self._job.cancel()

    @abstractmethod
    def _obstacle(self) -> str:
        """Return what stands in the way, nothing if nothing does."""

    @abstractmethod
    def _write(self, folder: Path) -> None:
        """Begin to write into a folder."""

    def _allow(self) -> None:
        self._job.allow(self._obstacle())

    def _on_requested(self) -> None:
        if folder := QFileDialog.getExistingDirectory(self, self._question):
            self._write(Path(folder))
