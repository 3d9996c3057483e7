"""Which stack to go through, along which slider, from which labels, and how far."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from napari import Viewer
from napari.layers import Image, Labels, Layer, Points, Shapes
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QWidget,
)

from napari_vitrail.blocks import is_large
from napari_vitrail.widgets._choice import layer_combo, refresh
from napari_vitrail.widgets._form import allow, choice, label_of, wrapped
from napari_vitrail.widgets._frame_list import FrameList
from napari_vitrail.widgets._planes import shape_of, slider_axes
from napari_vitrail.widgets._stack import Stack

_SOURCES = (Labels, Points, Shapes)
_IMAGE_HINT = "The stack or movie to go through: an image with a slider"
_SOURCE_HINT = (
    "The layer in which a frame or several are labelled: painted on, a segmentation, found objects; or "
    "points to be followed, or rectangles. One without a slider labels the frame that is in view while it "
    "is chosen or worked on"
)
_NEW_HINT = "Add an empty labels layer on the stack and take up the brush: label any one frame"
_AXIS_HINT = "The slider to go along"
_RANGE_HINT = "The first and the last frame that are wanted"
_NARROW = "QSpinBox { min-width: 30px }"
"""Napari's style would have each as wide as a menu."""
_DIRECTIONS = [("Both directions", "both"), ("Forward", "forward"), ("Backward", "backward")]
_DIRECTION_HINT = (
    "From each labelled frame to both sides, which blend between two of them, or to one side only: forward "
    "for what changes for good, as cells that divide"
)
_MODES = [("Background", "dense"), ("Unknown", "scribble")]
_MODE_HINT = (
    "What a pixel without a label is in a labelled frame. Background: objects are painted as a whole. "
    "Unknown: strokes say what is where, those of the background have a label of their own"
)


class StackChoice(QWidget):
    """An image, an axis of it, the layer that labels frames, a range of frames, a direction.

    Parameters
    ----------
    viewer : napari.Viewer
    is_offered : callable
        Whether a layer may be one that labels frames.
    on_new : callable
        Called without arguments when a layer to paint on is asked for.

    Attributes
    ----------
    labelled : FrameList
        The frames that labels come from.
    """

    changed = Signal()
    """Something else may be chosen."""

    def __init__(
        self, viewer: Viewer, is_offered: Callable[[Layer], bool], on_new: Callable[[], None]
    ) -> None:
        super().__init__()
        self._viewer = viewer
        self.labelled = FrameList()
        self._image = layer_combo(viewer, Image, "Stack", _IMAGE_HINT)
        self._source = layer_combo(viewer, _SOURCES, "Labels", _SOURCE_HINT, is_offered=is_offered)
        self._new = QPushButton("New")
        self._axis = QComboBox()  # at first there may be no slider, which magicgui's boxes refuse
        self._axis.setToolTip(_AXIS_HINT)
        self._axis.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._direction = choice("Direction", _DIRECTIONS, "both", _DIRECTION_HINT)
        self._mode = choice("Unpainted is", _MODES, "dense", _MODE_HINT)
        self._first, self._last = QSpinBox(), QSpinBox()
        self._is_whole = True  # a range that was not touched is that of whatever stack is chosen
        self._new.clicked.connect(lambda: on_new())
        for combo in (self._image, self._source, self._direction, self._mode):
            combo.changed.connect(self._on_chosen)
        self._axis.currentIndexChanged.connect(self._on_chosen)
        for spin in (self._first, self._last):
            spin.setToolTip(_RANGE_HINT)
            spin.setStyleSheet(_NARROW)
            spin.valueChanged.connect(self._on_range)
        for name in ("inserted", "removed", "reordered", "renamed"):
            getattr(viewer.layers.events, name).connect(self._on_layers_changed)
        self._lay_out()
        self._prefer_a_stack()
        self.look()

    @property
    def image(self) -> Image | None:
        """The chosen image layer."""
        return self._image.value

    @property
    def source(self) -> Labels | Points | Shapes | None:
        """The layer that labels frames."""
        return self._source.value

    @property
    def axis(self) -> int | None:
        """The axis of the image's data to go along."""
        axis: int | None = self._axis.currentData()
        return axis

    @property
    def frames(self) -> range:
        """The frames that are wanted."""
        return range(self._first.value(), self._last.value() + 1)

    @property
    def direction(self) -> Literal["both", "forward", "backward"]:
        """Where labels go to."""
        return self._direction.value

    @property
    def mode(self) -> Literal["dense", "scribble"]:
        """What a pixel without a label is: background, or unknown."""
        return self._mode.value

    def choose_source(self, source: Labels) -> None:
        """Take a layer that labels frames."""
        refresh(self._source)
        self._source.value = source

    def stack(self) -> Stack:
        """Return the stack; see `obstacle` first.

        Raises
        ------
        ValueError
            If the viewer shows no planes of the image.
        """
        assert self.image is not None
        return Stack.along(self.image, self._viewer.dims, self.axis or 0)

    def stack_obstacle(self) -> str:
        """Return why there is no stack to go through, nothing if there is one."""
        if self.image is None:
            return "open a stack or a movie first"
        try:
            if not slider_axes(self.image, self._viewer.dims):
                return f"{self.image.name!r} has no slider: open a stack or a movie"
            [plane, *_] = self.stack().planes
        except ValueError as error:
            return str(error)
        if is_large(plane.sides):
            return f"{self.image.name!r} has more than 64 megapixels: open a smaller copy of it"
        return ""

    def obstacle(self) -> str:
        """Return why nothing can be propagated, nothing if it can."""
        if obstacle := self.stack_obstacle():
            return obstacle
        if self.source is None:
            return "press New and label a frame"
        return "" if len(self.frames) else "the last frame lies before the first"

    def look(self) -> None:
        """Offer the sliders that the image has now, and its frames."""
        self._offer_axes()
        self._offer_frames()
        allow(self._new, _NEW_HINT, self.stack_obstacle())
        is_painted = self.source is None or isinstance(self.source, Labels)
        allow(self._mode.native, _MODE_HINT, "" if is_painted else "only labels are painted")

    def _offer_axes(self) -> None:
        try:
            axes = [] if self.image is None else slider_axes(self.image, self._viewer.dims)
        except ValueError:  # a volume: what was offered stays
            return
        titles = [self._title(axis) for axis in axes]
        if titles == [self._axis.itemText(row) for row in range(self._axis.count())]:
            return
        chosen = self.axis
        self._axis.blockSignals(True)
        self._axis.clear()
        for title, axis in zip(titles, axes, strict=True):
            self._axis.addItem(title, axis)
        self._axis.setCurrentIndex(axes.index(chosen) if chosen in axes else 0)
        self._axis.blockSignals(False)

    def _title(self, axis: int) -> str:
        assert self.image is not None
        return f"slider {self.image.axis_labels[axis]}: {shape_of(self.image)[axis]} frames"

    def _offer_frames(self) -> None:
        """Let the range be one of the stack."""
        count = 1
        if self.image is not None and self.axis is not None:
            count = shape_of(self.image)[self.axis]
        wanted = (0, count - 1) if self._is_whole else (self._first.value(), self._last.value())
        for spin, value in zip((self._first, self._last), wanted, strict=True):
            spin.blockSignals(True)
            spin.setRange(0, count - 1)
            spin.setValue(value)
            spin.blockSignals(False)

    def _prefer_a_stack(self) -> None:
        """Choose the top image with more than two axes where the chosen one has no more."""
        stacks = [own for own in reversed(self._image.choices) if own.ndim > 2]
        if stacks and self.image not in stacks:
            with self._image.changed.blocked():
                self._image.value = stacks[0]

    def _lay_out(self) -> None:
        rows = QFormLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        rows.addRow(label_of(self._image), self._image.native)
        rows.addRow(_titled("Along", _AXIS_HINT), self._axis)
        row = QHBoxLayout()
        row.addWidget(self._source.native, 1)
        row.addWidget(self._new)
        rows.addRow(label_of(self._source), row)
        rows.addRow(_titled("Labelled", self.labelled.toolTip()), self.labelled)
        rows.addRow(label_of(self._mode), self._mode.native)
        between = QHBoxLayout()
        between.addWidget(self._first, 1)
        between.addWidget(QLabel("to"))
        between.addWidget(self._last, 1)
        rows.addRow(_titled("Frames", _RANGE_HINT), between)
        rows.addRow(label_of(self._direction), self._direction.native)

    def _on_layers_changed(self) -> None:
        for combo in (self._image, self._source):
            refresh(combo)
        self._prefer_a_stack()
        self._on_chosen()

    def _on_range(self) -> None:
        self._is_whole = (self._first.value(), self._last.value()) == (0, self._last.maximum())
        self.changed.emit()

    def _on_chosen(self) -> None:
        self.look()
        self.changed.emit()


def _titled(text: str, hint: str) -> QLabel:
    title = QLabel(text)
    title.setToolTip(wrapped(hint))
    return title
