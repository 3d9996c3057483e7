"""The frames that are labelled: ticked ones count, a click goes there."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import QListView, QListWidget, QListWidgetItem

from napari_vitrail.widgets._focus import COLOUR
from napari_vitrail.widgets._form import EMPTY_BOXES, wrapped

_ROWS = 2
_HINT = (
    "The frames that are labelled; those that were corrected have a pencil. Labels come from the ticked "
    "ones; click a number to go there"
)
_CORRECTED = "✎"


class FrameList(QListWidget):
    """A box for each labelled frame, side by side."""

    changed = Signal()
    """Others may be ticked."""
    wanted = Signal(int)
    """A frame is to be shown."""

    def __init__(self) -> None:
        super().__init__()
        self._frames: list[int] = []  # of each item
        self._corrected: set[int] = set()
        self._left_out: set[int] = set()
        self.setToolTip(wrapped(_HINT))
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keyboard to the viewer
        self.setStyleSheet(f"{EMPTY_BOXES} ::item:focus {{ border: 1px solid {COLOUR} }}")
        self.itemChanged.connect(self._on_item_changed)
        self.itemClicked.connect(lambda item: self.wanted.emit(self._frames[self.row(item)]))

    @property
    def left_out(self) -> frozenset[int]:
        """The frames that are not ticked."""
        return frozenset(self._left_out)

    @property
    def ticked(self) -> list[int]:
        """The frames that are."""
        return [frame for frame in self._frames if frame not in self._left_out]

    def sizeHint(self) -> QSize:
        """Ask for the height of a few rows."""
        return QSize(super().sizeHint().width(), _ROWS * self.fontMetrics().height() * 8 // 5)

    def minimumSizeHint(self) -> QSize:
        """Give way where there is little space, down to one row."""
        return QSize(60, self.sizeHint().height() // 2 + 4)

    def show_frames(self, frames: list[int], corrected: list[int]) -> None:
        """Show which frames are labelled, and which of them because they were corrected."""
        if (frames, set(corrected)) == (self._frames, self._corrected):
            return
        self._frames, self._corrected = frames, set(corrected)
        self._left_out &= set(frames)
        self.blockSignals(True)  # an item that is written is no tick
        self.clear()
        for frame in frames:
            item = QListWidgetItem(f"{frame} {_CORRECTED}" if frame in self._corrected else f"{frame}", self)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
            out = frame in self._left_out
            item.setCheckState(Qt.CheckState.Unchecked if out else Qt.CheckState.Checked)
        self.blockSignals(False)

    def _on_item_changed(self, item: QListWidgetItem) -> None:
        frame = self._frames[self.row(item)]
        if item.checkState() == Qt.CheckState.Checked:
            self._left_out.discard(frame)
        else:
            self._left_out.add(frame)
        self.changed.emit()
