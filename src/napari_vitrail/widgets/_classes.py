"""The classes that are painted: their colours, names, how much of each is painted and was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
from napari import Viewer
from napari.layers import Labels
from napari.utils.events import Event, EventEmitter
from qtpy.QtCore import Qt
from qtpy.QtGui import QBrush, QColor
from qtpy.QtWidgets import (
    QColorDialog,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_vitrail.annotations import LARGEST_ID
from napari_vitrail.widgets._class_rows import KEYS_HELP, ClassRows
from napari_vitrail.widgets._counts import PaintedCount, count_in_view
from napari_vitrail.widgets._digits import bind_digits, release_digits
from napari_vitrail.widgets._form import wrapped
from napari_vitrail.widgets._layers import (
    class_names,
    colour_class,
    lock_class,
    locked_classes,
    name_class,
)
from napari_vitrail.widgets._locks import guard, unguard
from napari_vitrail.widgets._table_heads import give_heads
from napari_vitrail.widgets._timer import timer

COUNT_MS = 300
"""Between two counts of pixels, while patches come in."""
_COLOUR, _NAME, _PAINTED, _AREA, _LOCK = range(5)
_HEADS = {
    "": "The label, in its colour; double-click to choose another colour",
    "Class": "What the class is called; double-click to rename it. Kept with the strokes and the classifier",
    "Painted": "How many pixels of the strokes layer are painted with the label",
    "Area": "How much of the plane in view was found to be of the class",
    "Lock": "Keep what is painted with the label from being painted over or erased, and the area that a "
    "finished run found to be of the class as it is",
}


class ClassTable(QWidget):
    """A row for each class of the strokes layer; the selected one is painted with.

    Parameters
    ----------
    viewer : napari.Viewer
    result : callable
        Returns the labels layer that holds the segmentation of the chosen image, if there is one.
    """

    def __init__(self, viewer: Viewer, *, result: Callable[[], Labels | None]) -> None:
        super().__init__()
        self._viewer = viewer
        self._result = result
        self._strokes: Labels | None = None
        self._count = PaintedCount()
        self._rows: list[int] = []  # the label of each
        self._is_filling = False
        self._soon = timer(self, COUNT_MS, self.refresh)
        self._table = ClassRows(len(_HEADS))
        self._add = QPushButton("Add class")
        self._add.setToolTip("Take up the brush with a label that is not used yet")
        self._add.clicked.connect(self._on_add_clicked)
        self._table.itemChanged.connect(self._on_item_changed)
        self._table.itemSelectionChanged.connect(self._on_row_selected)
        self._table.itemClicked.connect(lambda item: self._table.selectRow(item.row()))
        self._table.itemDoubleClicked.connect(self._on_double_clicked)
        self._table.rename_wanted.connect(self._on_rename_wanted)
        self._table.colour_wanted.connect(self._on_colour_wanted)
        self._table.lock_wanted.connect(self._on_lock_wanted)
        self._lay_out()
        self.show_classes(None)

    def show_classes(self, strokes: Labels | None) -> None:
        """Show the classes of this layer from now on; its keys 1 to 9 choose them."""
        if strokes is self._strokes and strokes is not None:  # maybe another plane of it: sliders go fast
            self.refresh_soon()
            return
        self._leave()
        self._strokes = strokes
        if strokes is not None:
            for emitter in _emitters(strokes):
                emitter.connect(self.refresh_soon)
            for emitter in (strokes.events.data, strokes.events.paint):
                emitter.connect(self._on_painted)
            guard(strokes)
            bind_digits(self._viewer, strokes)
        self.refresh()

    def leave(self) -> None:
        """Show no classes any more and give the keys back."""
        self._leave()
        self._strokes = None

    def refresh_soon(self) -> None:
        """Count again in a moment; many calls are one count."""
        if not self._soon.isActive():
            self._soon.start()

    def refresh(self) -> None:
        """Count again, and show the names and colours as they are now; not while a name is being typed."""
        if self._is_typing():
            self.refresh_soon()
            return
        self._is_filling = True
        painted = self._painted()
        self._rows = [] if self._strokes is None else self._labels(self._strokes, painted)
        self._table.setRowCount(len(self._rows))
        if self._strokes is not None:
            self._fill(self._strokes, painted)
        self._is_filling = False
        self._add.setEnabled(self._strokes is not None)

    def _is_typing(self) -> bool:
        """Whether the editor of a name is open."""
        return bool(self._table.findChildren(QLineEdit))

    def _leave(self) -> None:
        self._soon.stop()
        if self._strokes is not None:
            unguard(self._strokes)
            release_digits(self._strokes)
            for emitter in _emitters(self._strokes):
                emitter.disconnect(self.refresh_soon)
            for emitter in (self._strokes.events.data, self._strokes.events.paint):
                emitter.disconnect(self._on_painted)
        self._count.forget()

    def _lay_out(self) -> None:
        give_heads(self._table, _HEADS, _NAME)
        self._table.setMinimumHeight(96)
        self._table.setToolTip(
            wrapped(f"The classes; keys 1 to 9 choose one while the strokes layer is selected. {KEYS_HELP}")
        )
        buttons = QHBoxLayout()
        buttons.addWidget(self._add)
        buttons.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._table, 1)
        layout.addLayout(buttons)

    def _labels(self, strokes: Labels, painted: Counter[int]) -> list[int]:
        """Return the labels that have a row: painted, named or in hand, and fit to be a class."""
        labels = {*painted, *class_names(strokes), int(strokes.selected_label)}
        return sorted(label for label in labels if 1 <= label <= LARGEST_ID)

    def _fill(self, strokes: Labels, painted: Counter[int]) -> None:
        names, areas, locked, labels = (
            class_names(strokes),
            self._areas(),
            locked_classes(strokes),
            self._rows,
        )
        for row, label in enumerate(labels):
            colour = np.asarray(strokes.get_color(label)) * 255
            number = self._item(row, _COLOUR, str(label))
            number.setFlags(
                number.flags() & ~Qt.ItemFlag.ItemIsSelectable
            )  # selected it would lose its colour
            number.setBackground(QBrush(QColor(*(int(part) for part in colour[:3]))))
            number.setForeground(QColor("black" if colour[:3].mean() > 128 else "white"))
            self._item(row, _NAME, names.get(label, f"class {label}"), is_editable=True)
            self._item(row, _PAINTED, f"{painted[label]:,}")
            self._item(row, _AREA, f"{areas[label] / areas.total():.1%}" if areas else "")
            state = Qt.CheckState.Checked if label in locked else Qt.CheckState.Unchecked
            self._item(row, _LOCK, "").setCheckState(state)
        if int(strokes.selected_label) in labels:
            self._table.selectRow(labels.index(int(strokes.selected_label)))

    def _item(self, row: int, column: int, text: str, *, is_editable: bool = False) -> QTableWidgetItem:
        item = self._table.item(row, column)
        if item is None:
            item = QTableWidgetItem()
            self._table.setItem(row, column, item)
            item.setToolTip(wrapped(list(_HEADS.values())[column]))
            if not is_editable:
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
        item.setText(text)
        return item

    def _painted(self) -> Counter[int]:
        """Return how many pixels of the strokes carry each label."""
        if self._strokes is None:
            return Counter()
        return self._count.count(self._strokes, self._viewer.dims)

    def _areas(self) -> Counter[int]:
        """Return how many pixels of the plane in view were found to be of each class."""
        result = self._result()
        return Counter() if result is None else count_in_view(result, self._viewer.dims)

    def _on_painted(self, event: Event) -> None:
        """Count all planes again where the brush, or whoever sets the data, may have reached several."""
        if self._strokes is not None and (event.type == "data" or self._strokes.n_edit_dimensions > 2):
            self._count.forget()

    def _on_row_selected(self) -> None:
        rows = {index.row() for index in self._table.selectedIndexes()}
        if self._strokes is not None and rows and not self._is_filling:
            self._strokes.selected_label = self._rows[rows.pop()]

    def _on_item_changed(self, item: QTableWidgetItem) -> None:
        if self._strokes is None or self._is_filling:
            return
        label = self._rows[item.row()]
        if item.column() == _NAME:
            name_class(self._strokes, label, item.text().strip())
            self.refresh()
        elif item.column() == _LOCK:
            lock_class(self._strokes, label, item.checkState() == Qt.CheckState.Checked)

    def _on_double_clicked(self, item: QTableWidgetItem) -> None:
        if item.column() == _COLOUR:
            self._on_colour_wanted(item.row())

    def _on_lock_wanted(self, row: int) -> None:
        if self._strokes is not None:
            label = self._rows[row]
            lock_class(self._strokes, label, label not in locked_classes(self._strokes))
            self.refresh()

    def _on_rename_wanted(self, row: int) -> None:
        if (item := self._table.item(row, _NAME)) is not None:
            self._table.editItem(item)

    def _on_colour_wanted(self, row: int) -> None:
        if self._strokes is None:
            return
        label = self._rows[row]
        shown = QColor.fromRgbF(*(float(part) for part in self._strokes.get_color(label)))
        chosen = QColorDialog.getColor(shown, self, f"Colour of class {label}")
        if chosen.isValid():
            layers = [layer for layer in (self._strokes, self._result()) if layer is not None]
            for layer in layers:
                colour_class(layer, label, chosen.getRgbF())

    def _on_add_clicked(self) -> None:
        if self._strokes is not None:
            label = max(0, *self._labels(self._strokes, self._painted())) + 1
            name_class(self._strokes, label, f"class {label}")  # so that its row stays
            self._strokes.selected_label = label
            self._strokes.mode = "paint"
            self.refresh()


def _emitters(strokes: Labels) -> list[EventEmitter]:
    """Return what tells that the classes, or how much of them is painted, may have changed."""
    events = strokes.events
    return [
        events.paint, events.set_data, events.data, events.selected_label, events.features, events.colormap,
    ]  # fmt: skip
