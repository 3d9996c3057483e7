"""What all widgets have in common: a dock that comes and goes, and computes as Preferences say."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QSize, Qt
from qtpy.QtGui import QCloseEvent, QKeyEvent, QShowEvent
from qtpy.QtWidgets import QPushButton, QWidget

from napari_vitrail.widgets._focus import FocusRing
from napari_vitrail.widgets._settings import apply_computing, follow

WIDTH = 320
"""Width in pixels that a dock is asked for; every part also fits into a little less."""


class DockedWidget(QWidget):
    """A widget for a dock of the viewer, which knows when it is shown and when it is let go.

    Every part can be reached by Tab, shows that it was, and buttons are pressed by Enter as well as by Space.
    """

    def __init__(self) -> None:
        super().__init__()
        self._ring = FocusRing(self)
        apply_computing()
        self.destroyed.connect(follow("computing", apply_computing))

    def come(self) -> None:
        """Listen to the viewer; called whenever the widget is shown, also where it listens already."""
        raise NotImplementedError

    def leave(self) -> None:
        """Leave the viewer as if the widget were not there; it may come again."""
        raise NotImplementedError

    def sizeHint(self) -> QSize:
        """Ask the dock for the width that everything is made for."""
        return super().sizeHint().expandedTo(QSize(WIDTH, 0))

    def showEvent(self, event: QShowEvent) -> None:
        """Come, also after the dock was hidden."""
        super().showEvent(event)
        self.come()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Leave."""
        self.leave()
        super().closeEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Press the button that has the keyboard by Enter, as in a dialog; leave other keys to the viewer."""
        part = self.focusWidget()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and isinstance(part, QPushButton):
            part.showMenu() if part.menu() is not None else part.click()
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Leave when the dock lets go of the widget, which sends no close event."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.leave()
        super().changeEvent(event)
