"""The table of classes as the keyboard sees it: rows, and what a key does to the one it is on."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QAbstractItemView, QTableWidget

from napari_vitrail.widgets._form import EMPTY_BOXES

KEYS_HELP = "Arrows choose a class, F2 or Enter renames it, C changes its colour, Space locks or unlocks it"
_MOVES = {
    Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown,
}  # fmt: skip


class ClassRows(QTableWidget):
    """A table whose rows are chosen and changed by keys, and which leaves all other keys to the viewer.

    Parameters
    ----------
    n_columns : int
    """

    rename_wanted, colour_wanted, lock_wanted = Signal(int), Signal(int), Signal(int)
    """A key asks for something to be done to a row."""

    def __init__(self, n_columns: int) -> None:
        super().__init__(0, n_columns)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked)
        self.setStyleSheet(EMPTY_BOXES)
        self.setTabKeyNavigation(False)  # Tab leads on, to what comes after the table
        self._asks: dict[int, Any] = {
            Qt.Key.Key_F2: self.rename_wanted,
            Qt.Key.Key_Return: self.rename_wanted,
            Qt.Key.Key_Enter: self.rename_wanted,
            Qt.Key.Key_C: self.colour_wanted,
            Qt.Key.Key_Space: self.lock_wanted,
        }

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move to another row or ask for something to be done to this one; digits are the viewer's, say."""
        is_plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
        if self.state() == QAbstractItemView.State.EditingState or not is_plain:
            event.ignore()
        elif event.key() in _MOVES:
            super().keyPressEvent(event)
        elif event.key() in self._asks and self.currentRow() >= 0:
            self._asks[event.key()].emit(self.currentRow())
        else:
            event.ignore()
