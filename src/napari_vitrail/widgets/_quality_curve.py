"""How far each frame can be relied on, as a curve: a click goes to a frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from napari import Viewer
from qtpy.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QToolTip, QWidget

from napari_vitrail.widgets._form import wrapped
from napari_vitrail.widgets._plot import Look

_HEIGHT, _LEAST, _MOST = 120, 70, 160
_LEFT, _RIGHT, _TOP, _BOTTOM = 26, 8, 6, 26
"""Pixels round the curve, for numbers."""
_MARK = 4
_MANY = 60
"""Frames up to which each has a dot."""
_WAITING, _WORST = "#ff8c1a", "#f0389a"
_HINT = (
    "How far each frame can be relied on: how sure its labels are, and how much of them finds its way back; "
    "of points and boxes, how much they look as they did. Triangles are labelled frames, hollow ones are "
    "still to be gone on from; the ring is the worst frame. Click to go to a frame"
)


@dataclass(frozen=True)
class Quality:
    """What is known of the frames of a stack.

    Attributes
    ----------
    n_frames : int
    values : mapping of int to float
        From 0 to 1, of the frames that labels were carried to.
    labelled : frozenset of int
        Frames that labels came from.
    waiting : frozenset of int
        Frames that were labelled since.
    """

    n_frames: int = 0
    values: Mapping[int, float] = field(default_factory=dict)
    labelled: frozenset[int] = frozenset()
    waiting: frozenset[int] = frozenset()

    def worst(self, shown: int | None = None) -> int | None:
        """Return the frame that is worst, or the next worse than the one in view where that is such a one.

        Only frames that are worse than those beside them count, so that the next is another place. None
        where there is no frame to be corrected.
        """
        own = {
            frame: value for frame, value in self.values.items() if frame not in self.labelled | self.waiting
        }
        dips = [
            frame
            for frame in own
            if own[frame] <= own.get(frame - 1, 1.0) and own[frame] < own.get(frame + 1, 1.0 + 1e-9)
        ]
        order = sorted(dips, key=lambda frame: (own[frame], frame))
        if not order:
            return None
        return order[(order.index(shown) + 1) % len(order)] if shown in order else order[0]


class QualityCurve(QWidget):
    """A small plot that is drawn anew with every frame and every move of the slider.

    Painted by Qt: matplotlib takes longer for one picture than a movie has for a frame.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose theme gives the colours.
    """

    wanted = Signal(int)
    """A frame is to be shown."""

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self._viewer = viewer
        self._quality = Quality()
        self._shown: int | None = None
        self.setMinimumHeight(_LEAST)
        self.setMaximumHeight(_MOST)
        self.setMouseTracking(True)

    @property
    def quality(self) -> Quality:
        """What is drawn."""
        return self._quality

    def sizeHint(self) -> QSize:
        """Ask for what can be read."""
        return QSize(super().sizeHint().width(), _HEIGHT)

    def draw(self, quality: Quality, shown: int | None) -> None:
        """Draw what is known of the frames, and which is in view."""
        if (quality, shown) != (self._quality, self._shown):
            self._quality, self._shown = quality, shown
            self.update()

    def frame_at(self, x: float) -> int | None:
        """Return the frame nearest to a place from the left; None where there is none."""
        count = self._quality.n_frames
        if count == 0:
            return None
        share = (x - _LEFT) / max(1, self.width() - _LEFT - _RIGHT)
        return min(max(round(share * (count - 1)), 0), count - 1)

    def place_of(self, frame: int, value: float) -> QPointF:
        """Return where a value of a frame is drawn."""
        width, height = self.width() - _LEFT - _RIGHT, self.height() - _TOP - _BOTTOM
        share = frame / max(1, self._quality.n_frames - 1)
        return QPointF(_LEFT + share * width, _TOP + (1 - min(max(value, 0.0), 1.0)) * height)

    def event(self, event: QEvent) -> bool:
        """Say what is known of the frame under the mouse."""
        if isinstance(event, QHelpEvent):
            frame = self.frame_at(event.pos().x())
            value = None if frame is None else self._quality.values.get(frame)
            said = "" if value is None else f"Frame {frame}: {value:.2f}\n"
            QToolTip.showText(event.globalPos(), said + wrapped(_HINT), self)
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go to the frame."""
        self._go(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go along with a hand that drags."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._go(event)

    def changeEvent(self, event: QEvent) -> None:
        """Draw again in another theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw numbers, the frame in view, the curve, and marks."""
        look = Look.of(self._viewer)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = painter.font()
        font.setPointSizeF(max(6.0, font.pointSizeF() * 0.8))
        painter.setFont(font)
        self._draw_axes(painter, look)
        if self._quality.n_frames:
            self._draw_curve(painter, look)
            self._draw_marks(painter, look)
        painter.end()

    def _go(self, event: QMouseEvent) -> None:
        frame = self.frame_at(event.position().x())
        if frame is not None and frame != self._shown:
            self.wanted.emit(frame)

    def _draw_axes(self, painter: QPainter, look: Look) -> None:
        left, right = _LEFT, self.width() - _RIGHT
        top, bottom = _TOP, self.height() - _BOTTOM
        painter.setPen(QPen(QColor(look.faint), 1))
        for y in (top, (top + bottom) / 2, bottom):
            painter.drawLine(QPointF(left, y), QPointF(right, y))
        painter.setPen(QColor(look.text))
        beside = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for y, text in ((top, "1"), ((top + bottom) / 2, ".5"), (bottom, "0")):
            painter.drawText(QRectF(0, y - 8, left - 5, 16), beside, text)
        count = self._quality.n_frames
        if count == 0:
            middle = QRectF(left, top, right - left, bottom - top)
            painter.drawText(middle, Qt.AlignmentFlag.AlignCenter, "Quality of each frame")
            return
        painter.drawText(QRectF(left, bottom + 11, 60, 14), Qt.AlignmentFlag.AlignLeft, "0")
        painter.drawText(QRectF(right - 60, bottom + 11, 60, 14), Qt.AlignmentFlag.AlignRight, f"{count - 1}")
        if self._shown is not None:
            painter.setPen(QPen(QColor(look.text), 1, Qt.PenStyle.DashLine))
            x = self.place_of(self._shown, 0).x()
            painter.drawLine(QPointF(x, top), QPointF(x, bottom))
            painter.setPen(QColor(look.text))
            if 0 < self._shown < count - 1 and left + 24 < x < right - 24:
                painter.drawText(
                    QRectF(x - 30, bottom + 11, 60, 14), Qt.AlignmentFlag.AlignHCenter, f"{self._shown}"
                )

    def _draw_curve(self, painter: QPainter, look: Look) -> None:
        values = self._quality.values
        painter.setPen(QPen(QColor(look.accent), 1.6))
        for one, other in pairwise(sorted(values)):
            if other == one + 1:
                painter.drawLine(self.place_of(one, values[one]), self.place_of(other, values[other]))
        if self._quality.n_frames <= _MANY:
            painter.setBrush(QColor(look.accent))
            for frame, value in values.items():
                painter.drawEllipse(self.place_of(frame, value), 1.4, 1.4)

    def _draw_marks(self, painter: QPainter, look: Look) -> None:
        for frames, colour, is_hollow in (
            (self._quality.labelled - self._quality.waiting, look.text, False),
            (self._quality.waiting, _WAITING, True),
        ):
            painter.setPen(QPen(QColor(colour), 1.4))
            painter.setBrush(Qt.BrushStyle.NoBrush if is_hollow else QColor(colour))
            for frame in frames:
                foot = self.place_of(frame, 0) + QPointF(0, 2)
                painter.drawPolygon(
                    QPolygonF([foot, foot + QPointF(-_MARK, 2 * _MARK), foot + QPointF(_MARK, 2 * _MARK)])
                )
        worst = self._quality.worst()
        if worst is not None:
            painter.setPen(QPen(QColor(_WORST), 1.6))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(self.place_of(worst, self._quality.values[worst]), _MARK, _MARK)
