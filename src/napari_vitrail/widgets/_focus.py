"""Where the keys go: a frame round the part of a widget that has the keyboard; napari draws none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, QPoint, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QApplication, QWidget

COLOUR = "#2f6bff"
"""Of the frame: told from napari's dark background as well as from the light one."""
_WIDTH = 2
_PLACES = (QEvent.Type.Move, QEvent.Type.Resize, QEvent.Type.Show, QEvent.Type.Hide)


class FocusRing(QWidget):
    """A frame that follows the keyboard from part to part of a widget, unless the mouse has brought it there.

    It lies over all parts: Qt's own frame is clipped by the parent of the part, and colours of borders
    would change sizes.

    Parameters
    ----------
    whole : QWidget
        The parts of this widget are framed.
    """

    def __init__(self, whole: QWidget) -> None:
        super().__init__(whole)
        self._whole = whole
        self._part: QWidget | None = None
        self._followed: list[QWidget] = []  # the part, and what moves with it inside
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()
        cast(QApplication, QApplication.instance()).focusChanged.connect(self._on_focus_changed)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Follow a part that is moved, scrolled or hidden."""
        if event is not None and event.type() in _PLACES:
            self._place()
        return False

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the frame and nothing in it."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(COLOUR), _WIDTH))
        painter.drawRoundedRect(self.rect().adjusted(1, 1, -1, -1), 3, 3)

    def _on_focus_changed(self, before: QWidget | None, now: QWidget | None) -> None:
        for part in filter(isalive, self._followed):
            part.removeEventFilter(self)
        by_mouse = QApplication.mouseButtons() != Qt.MouseButton.NoButton
        is_ours = now is not None and self._whole.isAncestorOf(now)
        self._part = now if is_ours and not by_mouse else None
        self._followed = list(_between(self._part, self._whole))
        for part in self._followed:
            part.installEventFilter(self)
        self._place()

    def _place(self) -> None:
        """Lie round what can be seen of the part."""
        part = self._part
        seen = None if part is None or not isalive(part) else part.visibleRegion().boundingRect()
        self.setVisible(seen is not None and not seen.isEmpty())
        if part is not None and seen is not None:
            seen.translate(part.mapTo(self._whole, QPoint(0, 0)))
            self.setGeometry(seen.adjusted(-_WIDTH, -_WIDTH, _WIDTH, _WIDTH))
            self.raise_()


def _between(part: QWidget | None, whole: QWidget) -> Iterator[QWidget]:
    """Yield a part and its parents inside the whole."""
    while part is not None and part is not whole:
        yield part
        part = part.parentWidget()
