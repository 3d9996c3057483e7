"""Into how many parts the shared object falls: a slider."""

from __future__ import annotations

from dataclasses import replace

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QSlider, QWidget

from napari_vitrail.widgets._form import wrapped
from napari_vitrail.widgets._sharing import Sharing
from napari_vitrail.widgets._timer import timer

_PATIENCE_MS = 100
_MOST = 12
_HINT = (
    "Into how many parts the object falls that the images share; 1 is the object as a whole. No network is "
    "asked again, and the names that you gave come back with the number"
)


class AmountSlider(QWidget):
    """A slider for the number of parts, which says the number.

    Parameters
    ----------
    sharing : Sharing
    """

    def __init__(self, sharing: Sharing) -> None:
        super().__init__()
        self._sharing = sharing
        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._slider.setRange(1, _MOST)
        self._slider.setValue(sharing.wish.n_parts)
        self._slider.setPageStep(1)
        self._number = QLabel()
        self._number.setMinimumWidth(self.fontMetrics().horizontalAdvance("object"))
        self._soon = timer(self, _PATIENCE_MS, self._find_again)
        self._slider.valueChanged.connect(self._on_changed)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(title := QLabel("Parts"))
        row.addWidget(self._slider, 1)
        row.addWidget(self._number)
        for part in (title, self._slider, self._number):
            part.setToolTip(wrapped(_HINT))
        self._say()

    def _say(self) -> None:
        count = self._slider.value()
        self._number.setText("object" if count == 1 else str(count))

    def _on_changed(self) -> None:
        self._say()
        self._soon.start()

    def _find_again(self) -> None:
        self._sharing.find_again(replace(self._sharing.wish, n_parts=self._slider.value()))
