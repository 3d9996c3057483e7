"""All images as small pictures with their parts in colour; only those in view are drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QAbstractListModel, QModelIndex, QPoint, QRect, QSize, Qt
from qtpy.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPixmap
from qtpy.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from napari_vitrail.widgets._focus import COLOUR
from napari_vitrail.widgets._form import wrapped
from napari_vitrail.widgets._found import Found
from napari_vitrail.widgets._part_layers import part_colours
from napari_vitrail.widgets._sharing import Sharing
from napari_vitrail.widgets._thumbnails import SIDE, pictured

_GAP, _TEXT = 4, 16
_CELL = QSize(SIDE + 2 * _GAP, SIDE + _TEXT + 2 * _GAP)
_KEPT = 500
"""Pictures that are drawn and kept, at most."""
_HELP = (
    "Every image, its parts in the colours that they have everywhere. Click a part to highlight it in all "
    "images, beside the parts to see all again; double-click or press Enter to show the image in the viewer"
)


class Gallery(QListView):
    """A list of small pictures.

    Parameters
    ----------
    sharing : Sharing
    """

    def __init__(self, sharing: Sharing) -> None:
        super().__init__()
        self._sharing = sharing
        self._pictures = Pictures(sharing)
        self.setModel(self._pictures)
        self.setItemDelegate(_Cell(self))
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMovement(QListView.Movement.Static)
        self.setUniformItemSizes(True)
        self.setGridSize(_CELL)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setToolTip(wrapped(_HELP))
        self.setMinimumHeight(_CELL.height() + 8)
        sharing.shown.connect(self._pictures.refresh)
        self.clicked.connect(self._on_clicked)
        self.doubleClicked.connect(lambda index: sharing.open(index.row()))
        self._at = QPoint()

    @property
    def drawn(self) -> int:
        """How many pictures are drawn and kept."""
        return self._pictures.drawn

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Remember where the mouse is: a click means the part that is there."""
        self._at = event.pos()
        super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Show an image by Enter, and all parts again by Escape."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self._sharing.open(self.currentIndex().row())
        elif event.key() == Qt.Key.Key_Escape:
            self._sharing.highlight(())
        else:
            super().keyPressEvent(event)

    def sizeHint(self) -> QSize:
        """Ask for three pictures side by side."""
        return QSize(3 * _CELL.width() + 24, 2 * _CELL.height() + 8)

    def _on_clicked(self, index: QModelIndex) -> None:
        labels = self._pictures.labels(index.row())
        place = self._at - picture_rect(self.visualRect(index), labels.shape).topLeft()
        is_on = 0 <= place.y() < labels.shape[0] and 0 <= place.x() < labels.shape[1]
        label = int(labels[place.y(), place.x()]) if is_on else 0
        self._sharing.highlight({label} if label and {label} != self._sharing.highlighted else ())


def picture_rect(cell: QRect, shape: tuple[int, ...]) -> QRect:
    """Return where in its cell a picture of some rows and columns is drawn."""
    left = cell.left() + (cell.width() - shape[1]) // 2
    top = cell.top() + _GAP + (SIDE - shape[0]) // 2
    return QRect(left, top, shape[1], shape[0])


class Pictures(QAbstractListModel):
    """The small pictures of what was found, each drawn when it is first asked for.

    Parameters
    ----------
    sharing : Sharing
    """

    def __init__(self, sharing: Sharing) -> None:
        super().__init__()
        self._sharing = sharing
        self._count = 0
        self._drawn: dict[int, QPixmap] = {}

    @property
    def drawn(self) -> int:
        """How many pictures are drawn and kept."""
        return len(self._drawn)

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of images."""
        return self._count

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the name of an image, its picture, or what covers it."""
        if not index.isValid():
            return None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._found.seen.images[index.row()].name
        if role == Qt.ItemDataRole.DecorationRole:
            return self._pixmap(index.row())
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._told(index.row())
        return None

    def labels(self, row: int) -> NDArray[np.uint8]:
        """Return the label of each pixel of a picture."""
        return self._sharing.naming.applied(self._found.small[row])

    @property
    def _found(self) -> Found:
        """What there are pictures of."""
        assert self._sharing.found is not None  # else there are no rows
        return self._sharing.found

    def refresh(self) -> None:
        """Draw anew what is in view."""
        found = self._sharing.found
        count = 0 if found is None else len(found.small)
        self._drawn.clear()
        if count != self._count:
            self.beginResetModel()
            self._count = count
            self.endResetModel()
        elif count:
            self.dataChanged.emit(self.index(0), self.index(count - 1))

    def _pixmap(self, row: int) -> QPixmap:
        if row not in self._drawn:
            if len(self._drawn) >= _KEPT:
                del self._drawn[next(iter(self._drawn))]
            self._drawn[row] = self._draw(row)
        return self._drawn[row]

    def _draw(self, row: int) -> QPixmap:
        naming, small = self._sharing.naming, self._found.seen.thumbnails[row]
        pixels = pictured(small, self.labels(row), part_colours(naming.kept), self._sharing.highlighted)
        rows, columns = pixels.shape[:2]
        data = np.ascontiguousarray(pixels).tobytes()
        return QPixmap.fromImage(QImage(data, columns, rows, 3 * columns, QImage.Format.Format_RGB888))

    def _told(self, row: int) -> str:
        """Return the name of an image and how much of it each part covers."""
        labels, naming = self.labels(row), self._sharing.naming
        shares = {label: np.mean(labels == label) for label in naming.kept}
        lines = [f"{naming.name(label)}: {share:.1%}" for label, share in shares.items() if share]
        return "\n".join([self._found.seen.images[row].name, *lines])


class _Cell(QStyledItemDelegate):
    """Draws a picture with its name below."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        """Return the size of every cell: asked for without drawing the picture."""
        return _CELL

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Draw the picture of an image, its name, and a frame round the one that has the keyboard."""
        pixmap = index.data(Qt.ItemDataRole.DecorationRole)
        place = picture_rect(option.rect, (pixmap.height(), pixmap.width()))
        painter.drawPixmap(place, pixmap)
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QColor(COLOUR))
            painter.drawRect(place.adjusted(-1, -1, 0, 0))
        below = QRect(option.rect.left() + 2, option.rect.bottom() - _TEXT, option.rect.width() - 4, _TEXT)
        name = option.fontMetrics.elidedText(index.data(), Qt.TextElideMode.ElideMiddle, below.width())
        painter.setPen(option.palette.text().color())
        painter.drawText(below, Qt.AlignmentFlag.AlignCenter, name)
