"""A labels layer that is written frame by frame, and that a hand corrects meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from napari.layers import Labels
from napari.utils.events import Event
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_vitrail.widgets._layers import zeros
from napari_vitrail.widgets._packed import set_data, strips, write
from napari_vitrail.widgets._painted import places_of
from napari_vitrail.widgets._stack import Stack


class Draft(QObject):
    """What was written into each frame of a layer, and which frames are something else by now.

    A frame is corrected while it differs from what was written there last: painting makes it so, undo takes
    that back, and nothing has to be told. It is then written no more.

    Parameters
    ----------
    layer : Labels
        With an axis for each of the image's.
    stack : Stack
        The frames.
    frame_in_view : callable
        Returns which of them is in view, None if none is.
    """

    changed = Signal()
    """Other frames may be corrected."""

    def __init__(self, layer: Labels, stack: Stack, frame_in_view: Callable[[], int | None]) -> None:
        super().__init__()
        self.layer = layer
        self._stack = stack
        self._frame_in_view = frame_in_view
        self._written: dict[int, NDArray[np.integer]] = {}
        self._touched: set[int] = set()  # those that may differ
        self._accepted: set[int] = set()
        self._corrected: list[int] = []
        layer.events.labels_update.connect(self._on_dab)
        layer.events.paint.connect(self._on_paint)
        layer.events.set_data.connect(self._on_set_data)

    @property
    def corrected(self) -> list[int]:
        """The frames that a hand has changed, or that were accepted as they are."""
        return self._corrected

    def labels(self, frame: int) -> NDArray[np.integer]:
        """Return what a frame holds now, a copy."""
        return np.array(self.layer.data[self._stack.indices[frame]])

    def write(self, frame: int, labels: NDArray[np.integer]) -> None:
        """Write labels (H, W) into a frame, unless a hand has changed it."""
        if frame in self._accepted or (frame in self._touched and self._differs(frame)):
            return
        self._make_room(labels.dtype)
        self._written[frame] = labels
        write(self.layer, self._stack.indices[frame], labels)
        if self._frame_in_view() in (None, frame):
            self.layer.refresh(thumbnail=False, highlight=False, extent=False)

    def accept(self, frame: int) -> None:
        """Let a frame count as corrected as it is."""
        self._accepted.add(frame)
        self._look()

    def restore(self, frame: int) -> None:
        """Take back what a hand has made of a frame."""
        self._accepted.discard(frame)
        self._touched.discard(frame)
        self.write(frame, self._before(frame))
        self._look()

    def close(self) -> None:
        """Let go of the layer."""
        self.layer.events.labels_update.disconnect(self._on_dab)
        self.layer.events.paint.disconnect(self._on_paint)
        self.layer.events.set_data.disconnect(self._on_set_data)

    def _make_room(self, dtype: np.dtype) -> None:
        """Let the layer hold values of a type: there may be higher ids than there were at first."""
        if np.can_cast(dtype, self.layer.data.dtype):
            return
        wider = zeros(self._stack.planes[0], np.promote_types(dtype, self.layer.data.dtype))
        for strip in strips(self.layer.data.shape):  # all of them may not fit into memory
            wider[strip] = np.asarray(self.layer.data[strip])
        set_data(self.layer, wider)

    def _before(self, frame: int) -> NDArray[np.integer]:
        """Return what was written into a frame last; nothing where that is still to come."""
        sides = self._stack.planes[frame].sides
        return self._written.get(frame, np.zeros(sides, self.layer.data.dtype))

    def _differs(self, frame: int) -> bool:
        return not np.array_equal(self.labels(frame), self._before(frame))

    def _on_dab(self, _: Event) -> None:
        """Keep what a brush is about to change from being overwritten: it says so when it is lifted."""
        frame = self._frame_in_view()
        if frame is not None:
            self._touched.add(frame)

    def _on_paint(self, event: Event) -> None:
        for where, *_ in event.value:  # whatever napari keeps for undo, it begins with the index
            self._touched.update(places_of(where[self._stack.axis]))
        self._look()

    def _on_set_data(self, _: Event) -> None:
        if self._touched:  # undo says no more than this, and so does the slider
            self._look()

    def _look(self) -> None:
        """Find the frames that are corrected, and say so if they are others than before."""
        differ = {frame for frame in self._touched if self._differs(frame)}
        corrected = sorted(differ | self._accepted)
        if corrected != self._corrected:
            self._corrected = corrected
            self.changed.emit()
