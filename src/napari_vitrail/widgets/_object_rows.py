"""The table of classes in the image in view: colour, name, area, and a box to tick for objects."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QAbstractItemView, QTableWidget, QTableWidgetItem

from napari_vitrail.widgets._form import EMPTY_BOXES, wrapped
from napari_vitrail.widgets._part_layers import part_colours
from napari_vitrail.widgets._part_rows import show_label
from napari_vitrail.widgets._scenes import Scenes
from napari_vitrail.widgets._table_heads import give_heads

_COLOUR, _OBJECT, _NAME, _AREA, _LOOKED = range(5)
_ROW = 26
"""Height of a row in pixels."""
_HEADS = {
    "": "The label, in its colour",
    "Object": "Whether the class is an object; tick it, press Space, or click the class in the image",
    "Class": "What the class is called; double-click or press F2 to rename it",
    "Area": "The share of the image that the class covers",
    "Looked at": "How many times more than the mean place of the image the network looks at the class",
}
_HELP = "The classes in the image in view: those that are ticked are objects, the others are ground"


class ObjectTable(QTableWidget):
    """The classes of the image in view, each an object or ground.

    Parameters
    ----------
    scenes : Scenes
    """

    def __init__(self, scenes: Scenes) -> None:
        super().__init__(0, len(_HEADS))
        self._scenes = scenes
        self._labels: tuple[int, ...] = ()
        self._is_filling = False
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self.setTabKeyNavigation(False)  # Tab leads on, to what comes after the table
        self.setStyleSheet(EMPTY_BOXES)
        self.setToolTip(wrapped(_HELP))
        give_heads(self, _HEADS, _NAME).setDefaultSectionSize(_ROW)
        self.setMinimumHeight(5 * _ROW)
        self.itemChanged.connect(self._on_item_changed)
        scenes.shown.connect(self._show)
        self._show()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Let Space tick the row that the keyboard is on, and F2 or Enter rename it, whatever the column."""
        is_free = self.currentRow() >= 0 and self.state() != QAbstractItemView.State.EditingState
        if is_free and event.key() == Qt.Key.Key_Space:
            self._scenes.toggle(self._labels[self.currentRow()])
        elif is_free and event.key() in (Qt.Key.Key_F2, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.editItem(self.item(self.currentRow(), _NAME))
        else:
            super().keyPressEvent(event)

    def _show(self) -> None:
        """Write the rows."""
        self._is_filling = True
        scene = self._scenes.current
        cut = None if scene is None else self._scenes.cut_of(scene)
        self._labels = () if cut is None else cut.labels
        self.setRowCount(len(self._labels))
        if scene is not None and cut is not None:
            areas = cut.areas(scene.found.pieces.sizes)
            colours = part_colours(self._labels)
            objects = cut.objects
            for row, label in enumerate(self._labels):
                show_label(self._item(row, _COLOUR), label, colours[label])
                ticked = Qt.CheckState.Checked if label in objects else Qt.CheckState.Unchecked
                self._item(row, _OBJECT).setCheckState(ticked)
                self._item(row, _NAME).setText(cut.name(label))
                self._item(row, _AREA).setText(f"{areas[row]:.1%}")
                self._item(row, _LOOKED).setText(f"{cut.proposals.densities[row]:.1f}")
        self._is_filling = False

    def _item(self, row: int, column: int) -> QTableWidgetItem:
        item = self.item(row, column)
        if item is None:
            item = QTableWidgetItem()
            self.setItem(row, column, item)
            item.setToolTip(wrapped(list(_HEADS.values())[column]))
            if column != _NAME:
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
        return item

    def _on_item_changed(self, item: QTableWidgetItem) -> None:
        if self._is_filling:
            return
        if item.column() == _OBJECT:
            self._scenes.toggle(self._labels[item.row()])
        elif item.column() == _NAME:
            self._rename(self._labels[item.row()], item.text().strip())

    def _rename(self, label: int, name: str) -> None:
        scene = self._scenes.current
        if scene is not None and name != self._scenes.cut_of(scene).name(label):
            self._scenes.rename(label, name)
        else:
            self._show()
