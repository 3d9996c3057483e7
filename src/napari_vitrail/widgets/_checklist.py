"""Which of a viewer's images to work on: a list with a box for each."""

from __future__ import annotations

from napari import Viewer
from napari.layers import Image
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import QListWidget, QListWidgetItem

from napari_vitrail.widgets._focus import COLOUR
from napari_vitrail.widgets._form import EMPTY_BOXES, wrapped
from napari_vitrail.widgets._layers import is_result

_ROWS = 4


class ImageChecklist(QListWidget):
    """The image layers of a viewer, as they are now; the selected one is ticked at first, or all are.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose images are offered; results of ours are not.
    hint : str
        What becomes of those that are ticked.
    is_all : bool
        Whether all are ticked at first, and those that come.
    """

    changed = Signal()
    """Other images may be ticked."""

    def __init__(
        self,
        viewer: Viewer,
        hint: str = "The images to look at; of a stack, the plane in view",
        *,
        is_all: bool = False,
    ) -> None:
        super().__init__()
        self._viewer = viewer
        self._is_all = is_all
        self._images: list[Image] = []  # of each row
        self._ticked: set[Image] = set()
        self.setToolTip(wrapped(hint))
        self.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keyboard to the viewer
        self.setStyleSheet(f"{EMPTY_BOXES} ::item:focus {{ border: 1px solid {COLOUR} }}")
        for name in ("inserted", "removed", "reordered", "renamed"):
            getattr(viewer.layers.events, name).connect(self._on_layers_changed)
        self.itemChanged.connect(self._on_item_changed)
        self._on_layers_changed()

    @property
    def chosen(self) -> list[Image]:
        """The ticked images, in the order of the layer list from the top."""
        return [image for image in self._images if image in self._ticked]

    def sizeHint(self) -> QSize:
        """Ask for the height of a few rows."""
        return QSize(super().sizeHint().width(), _ROWS * self.fontMetrics().height() * 3 // 2)

    def minimumSizeHint(self) -> QSize:
        """Give way where there is little space, down to two rows."""
        return QSize(60, self.sizeHint().height() // 2)

    def _on_layers_changed(self) -> None:
        layers = reversed(self._viewer.layers)
        offered = [layer for layer in layers if isinstance(layer, Image) and not is_result(layer)]
        new = set(offered) - set(self._images) if self._is_all else set()
        self._images, self._ticked = offered, self._ticked & set(offered) | new
        if offered and not self._ticked:
            active = self._viewer.layers.selection.active
            self._ticked = {active if active in offered else offered[0]}
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        """Write one row for each image."""
        self.blockSignals(True)  # a row that is written is no tick
        self.clear()
        for image in self._images:
            item = QListWidgetItem(image.name, self)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
            ticked = image in self._ticked
            item.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
        self.blockSignals(False)

    def _on_item_changed(self, item: QListWidgetItem) -> None:
        image = self._images[self.row(item)]
        if item.checkState() == Qt.CheckState.Checked:
            self._ticked.add(image)
        else:
            self._ticked.discard(image)
        self.changed.emit()
