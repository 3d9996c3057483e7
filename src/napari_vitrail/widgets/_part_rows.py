"""The table of parts: colour, name and area of each, and what can be done to those that are selected."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import Qt
from qtpy.QtGui import QBrush, QColor, QKeyEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QGridLayout,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_vitrail.picture import Colour
from napari_vitrail.widgets._form import allow, wrapped
from napari_vitrail.widgets._part_layers import part_colours
from napari_vitrail.widgets._sharing import Sharing
from napari_vitrail.widgets._table_heads import give_heads

_COLOUR, _NAME, _AREA = range(3)
_ROW = 26
"""Height of a row in pixels."""
_HEADS = {
    "": "The label, in its colour",
    "Part": "What the part is called; double-click or press F2 to rename it",
    "Area": "The share of the images that the part covers, on average",
}
_HELP = "The parts: the selected ones are highlighted in all pictures and layers; Escape shows all again"
_CHOOSE = "select a part in the table, or click it in a picture"
_MERGE = "Let the selected parts be one, with the first one's label"
_DELETE = "Take the selected parts away; what they cover is neither a part nor background"
_BACKGROUND = (
    "Take the selected parts away; what they cover is background, as is all that no part covers, and is sent "
    "as such to Paint to segment"
)


class PartRows(QTableWidget):
    """A table whose selected rows are renamed and deleted by keys.

    Parameters
    ----------
    on_delete, on_escape : callable
        Called without arguments when the key is pressed.
    """

    def __init__(self, on_delete: Callable[[], None], on_escape: Callable[[], None]) -> None:
        super().__init__(0, len(_HEADS))
        self._on_delete, self._on_escape = on_delete, on_escape
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self.setTabKeyNavigation(False)  # Tab leads on, to what comes after the table

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Delete what is selected, select nothing, or edit the name."""
        is_editing = self.state() == QAbstractItemView.State.EditingState
        if is_editing:
            super().keyPressEvent(event)
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self._on_delete()
        elif event.key() == Qt.Key.Key_Escape:
            self._on_escape()
        elif event.key() in (Qt.Key.Key_F2, Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentRow() >= 0:
            self.editItem(self.item(self.currentRow(), _NAME))
        else:
            super().keyPressEvent(event)


class PartTable(QWidget):
    """The parts, and buttons that merge them, take them away, undo and redo.

    Parameters
    ----------
    sharing : Sharing
    """

    def __init__(self, sharing: Sharing) -> None:
        super().__init__()
        self._sharing = sharing
        self._labels: list[int] = []  # of each row
        self._is_filling = False
        self._table = PartRows(self._delete, lambda: sharing.highlight(()))
        self._buttons = {
            "Merge": self._merge,
            "Background": self._as_background,
            "Delete": self._delete,
            "Undo": sharing.undo,
            "Redo": sharing.redo,
        }
        self._pushed = {text: QPushButton(text) for text in self._buttons}
        for text, button in self._pushed.items():
            button.clicked.connect(self._buttons[text])
        self._table.itemSelectionChanged.connect(self._on_selected)
        self._table.itemChanged.connect(self._on_item_changed)
        sharing.shown.connect(self._show)
        self._lay_out()
        self._show()

    def _lay_out(self) -> None:
        give_heads(self._table, _HEADS, _NAME).setDefaultSectionSize(_ROW)
        self._table.setMinimumHeight(5 * _ROW)
        self._table.setToolTip(wrapped(_HELP))
        grid = QGridLayout()
        for row, texts in enumerate((("Merge", "Background", "Delete"), ("Undo", "Redo"))):
            span = 6 // len(texts)
            for number, text in enumerate(texts):
                grid.addWidget(self._pushed[text], row, span * number, 1, span)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._table, 1)
        layout.addLayout(grid)

    @property
    def _selected(self) -> list[int]:
        return [self._labels[row] for row in sorted({index.row() for index in self._table.selectedIndexes()})]

    def _show(self) -> None:
        """Write the rows, and select those of the parts that stand out."""
        self._is_filling = True
        sharing = self._sharing
        self._labels = [] if sharing.found is None else sharing.naming.kept
        areas = {} if sharing.found is None else sharing.found.areas(sharing.naming)
        colours = part_colours(self._labels)
        self._table.setRowCount(len(self._labels))
        for row, label in enumerate(self._labels):
            show_label(self._item(row, _COLOUR), label, colours[label])
            self._item(row, _NAME, is_editable=True).setText(sharing.naming.name(label))
            self._item(row, _AREA).setText(f"{areas[label]:.1%}")
        self._select()
        self._is_filling = False
        self._allow()

    def _select(self) -> None:
        """Select the rows of the parts that stand out."""
        chosen = self._sharing.highlighted
        if set(self._selected) == chosen:
            return
        self._table.clearSelection()
        for row, label in enumerate(self._labels):
            for column in (_NAME, _AREA):
                self._item(row, column).setSelected(label in chosen)

    def _item(self, row: int, column: int, *, is_editable: bool = False) -> QTableWidgetItem:
        item = self._table.item(row, column)
        if item is None:
            item = QTableWidgetItem()
            self._table.setItem(row, column, item)
            item.setToolTip(wrapped(list(_HEADS.values())[column]))
            if not is_editable:
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
        return item

    def _allow(self) -> None:
        """Let be done what can be; else the tooltips say what stands in the way."""
        obstacle, chosen = self._sharing.found_obstacle(), self._selected
        none = obstacle or ("" if chosen else _CHOOSE)
        several = obstacle or ("" if len(chosen) > 1 else "select two parts or more, with Ctrl")
        allow(self._pushed["Merge"], _MERGE, several)
        allow(self._pushed["Background"], _BACKGROUND, none)
        allow(self._pushed["Delete"], _DELETE, none)
        undo = "" if self._sharing.can_undo else "nothing was changed"
        redo = "" if self._sharing.can_redo else "nothing was taken back"
        allow(self._pushed["Undo"], "Take the last change of the parts back", undo)
        allow(self._pushed["Redo"], "Make the change again that was taken back last", redo)

    def _merge(self) -> None:
        if len(chosen := self._selected) > 1:
            self._sharing.edit(self._sharing.naming.merged(chosen))

    def _delete(self) -> None:
        if chosen := self._selected:
            self._sharing.edit(self._sharing.naming.deleted(chosen))

    def _as_background(self) -> None:
        if chosen := self._selected:
            self._sharing.edit(self._sharing.naming.as_background(chosen))

    def _on_selected(self) -> None:
        if not self._is_filling:
            self._sharing.highlight(self._selected)

    def _on_item_changed(self, item: QTableWidgetItem) -> None:
        if not self._is_filling and item.column() == _NAME:
            naming, label = self._sharing.naming, self._labels[item.row()]
            if (name := item.text().strip()) != naming.name(label):
                self._sharing.edit(naming.renamed(label, name))
            else:
                self._show()


def show_label(item: QTableWidgetItem, label: int, colour: Colour) -> None:
    """Write a label into a cell of its colour."""
    item.setText(str(label))
    item.setBackground(QBrush(QColor(*colour)))
    item.setForeground(QColor("black" if sum(colour) > 3 * 128 else "white"))
    item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsSelectable)  # it would lose its colour
