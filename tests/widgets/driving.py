"""A user's hands and eyes: press, choose, read, move the mouse over the canvas."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QPoint, Qt
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QComboBox, QLabel, QPushButton, QWidget

from docs.screenshots.window import drag
from napari_vitrail.widgets import ClassifierWidget


def dock(viewer, *, features: str | None = "Classical", update: str | None = "Manual") -> ClassifierWidget:
    """Return Paint to segment, docked, on features that take no time and waiting to be asked.

    None leaves what a new widget starts with.
    """
    widget = ClassifierWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Paint to segment")
    for text in (features, update):
        if text is not None:
            combo(widget, text).setCurrentText(text)
    return widget


def button(widget, text: str) -> QPushButton:
    return next(found for found in widget.findChildren(QPushButton) if found.text() == text)


def combo(widget, text: str) -> QComboBox:
    """Return the combo box that offers a text."""
    return next(found for found in widget.findChildren(QComboBox) if found.findText(text) >= 0)


def says(widget, text: str) -> bool:
    return any(text in label.text() for label in widget.findChildren(QLabel))


def canvas_of(widget) -> QOpenGLWidget:
    """Return the canvas of the viewer that a widget is docked to."""
    return widget.window().findChild(QOpenGLWidget)


def pixel_of(viewer, widget, position) -> QPoint:
    """Return where on the canvas a position in the world is drawn."""
    canvas = canvas_of(widget)
    camera = getattr(viewer, "scene", viewer).camera  # napari 0.9 moved it
    middle = np.array([canvas.height(), canvas.width()]) / 2
    row, column = (np.asarray(position) - camera.center[-2:]) * camera.zoom + middle
    return QPoint(round(column), round(row))


def draw(viewer, widget, start, end):
    """Drag the left mouse button over the canvas between two positions in the world.

    pytest-qt's mouse moves hold no button: napari would paint the ends and nothing between.
    """
    drag(viewer, canvas_of(widget), start, end)


def click(viewer, widget, position):
    """Press and release the left mouse button at a position in the world."""
    draw(viewer, widget, position, position)


def double_click(viewer, widget, position):
    """Double-click the canvas at a position in the world."""
    QTest.mouseDClick(canvas_of(widget), Qt.MouseButton.LeftButton, pos=pixel_of(viewer, widget, position))


def press_key(widget, key: str, *modifiers: Qt.KeyboardModifier) -> None:
    """Press a key over the canvas."""
    held = Qt.KeyboardModifier.NoModifier
    for modifier in modifiers:
        held |= modifier
    QTest.keyClick(canvas_of(widget), getattr(Qt.Key, f"Key_{key}"), held)


def activate(qtbot, widget) -> None:
    """Give a widget's window the keyboard."""
    widget.window().activateWindow()
    qtbot.waitUntil(widget.window().isActiveWindow)


def tab_through(qtbot, widget, first) -> list[QWidget]:
    """Press Tab from a part of a widget on until the keyboard has left it; return the parts it went to."""
    first.setFocus(Qt.FocusReason.TabFocusReason)
    reached = []
    while (part := QApplication.focusWidget()) is not None and widget.isAncestorOf(part):
        assert part not in reached, f"Tab comes back to {part}"
        reached.append(part)
        qtbot.keyClick(part, Qt.Key.Key_Tab)
    return reached
