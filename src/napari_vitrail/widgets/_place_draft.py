"""A layer of points or boxes that is written frame by frame, and that a hand corrects meanwhile."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import numpy as np
from napari.components import Dims
from napari.layers import Layer
from napari.layers.base import ActionType
from napari.utils.events import Event
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Qt, Signal
from qtpy.QtWidgets import QApplication

from napari_vitrail.widgets._place_kinds import PlaceKind
from napari_vitrail.widgets._placed import ID, Placed, leave_new_unnamed, named, places_on
from napari_vitrail.widgets._stack import Stack
from napari_vitrail.widgets._timer import timer

_DONE = (ActionType.ADDED, ActionType.CHANGED, ActionType.REMOVED)
_NEAR = 0.01
"""Pixels up to which a place is where it was: napari keeps some as float32."""
_PATIENCE_MS = 100


class Shown(NamedTuple):
    """Places of one frame as a layer shows them.

    Attributes
    ----------
    ids : (n,) int64
    places : (n, k) float64
    confidence : (n,) float64
    visible : (n,) bool
        What is not visible stays where it was seen last.
    given : (n,) bool
        By hand.
    """

    ids: NDArray[np.int64]
    places: NDArray[np.float64]
    confidence: NDArray[np.float64]
    visible: NDArray[np.bool_]
    given: NDArray[np.bool_]

    def rows(self, chosen: NDArray[Any]) -> Shown:
        """Return some of the rows."""
        return Shown(*(column[chosen] for column in self))

    @property
    def table(self) -> dict[str, NDArray[Any]]:
        """What a layer tells of them, by the words of the tables that ``vitrail propagate`` writes."""
        return {
            ID: self.ids, "confidence": self.confidence, "visible": self.visible, "by_hand": self.given,
        }  # fmt: skip

    def is_like(self, other: Shown) -> bool:
        """Whether the same ids are in the same places."""
        order, others = np.argsort(self.ids), np.argsort(other.ids)
        return np.array_equal(self.ids[order], other.ids[others]) and np.allclose(
            self.places[order], other.places[others], rtol=0, atol=_NEAR
        )


class PlaceDraft(QObject):
    """What was written into each frame of a layer, and which frames are something else by now.

    As of `Draft`: a frame is corrected while it differs from what was written there last, and is then
    written no more.

    Parameters
    ----------
    layer : Points or Shapes
        With an axis for each of the image's.
    kind : PlaceKind
    stack : Stack
    dims : Dims
    """

    changed = Signal()
    """Other frames may be corrected."""
    shown = Signal()
    """The layer was written."""

    def __init__(self, layer: Layer, kind: PlaceKind, stack: Stack, dims: Dims) -> None:
        super().__init__()
        self.layer: Any = layer
        self._kind, self._stack, self._dims = kind, stack, dims
        self._written: dict[int, Shown] = {}
        self._by_hand: dict[int, Shown] = {}
        self._accepted: set[int] = set()
        self._corrected: list[int] = []
        self._is_writing = False
        self._waiting: list[tuple[int, Shown]] = []
        self._later = timer(self, _PATIENCE_MS, self._write_waiting)
        layer.events.data.connect(self._on_data)

    @property
    def corrected(self) -> list[int]:
        """The frames that a hand has changed, or that were accepted as they are."""
        return self._corrected

    @property
    def frames(self) -> Mapping[int, Shown]:
        """What each frame holds, ascending."""
        return dict(sorted({**self._written, **self._by_hand}.items()))

    def given(self, frame: int) -> Placed:
        """Return what is visible in a frame that was corrected."""
        own = self._by_hand[frame]
        return Placed(own.ids[own.given], own.places[own.given])

    def write(self, frame: int, found: Shown) -> None:
        """Write what was found of some ids in a frame, unless a hand has changed it.

        While a hand holds the mouse that waits: napari moves places by their rows.
        """
        self._waiting.append((frame, found))
        self._write_waiting()

    def keep(self, ids: Collection[int]) -> None:
        """Forget what was found of all but some ids."""
        wanted = np.array(sorted(ids), np.int64)
        self._written = {frame: own.rows(np.isin(own.ids, wanted)) for frame, own in self._written.items()}
        self._show()

    def accept(self, frame: int) -> None:
        """Let a frame count as corrected as it is."""
        self._accepted.add(frame)
        self._look()

    def restore(self, frame: int) -> None:
        """Take back what a hand has made of a frame."""
        self._accepted.discard(frame)
        self._by_hand.pop(frame, None)
        self._show()
        self._look()

    def close(self) -> None:
        """Let go of the layer."""
        self._later.stop()
        self.layer.events.data.disconnect(self._on_data)

    def _write_waiting(self) -> None:
        if QApplication.mouseButtons() != Qt.MouseButton.NoButton:
            self._later.start()
            return
        for frame, found in self._waiting:
            self._take(frame, found)
        self._waiting.clear()
        self._show()

    def _take(self, frame: int, found: Shown) -> None:
        """Put what was found of some ids beside what is known of others, unless a hand has."""
        if frame in self._by_hand:
            return
        before = self._written.get(frame)
        if before is not None:
            others = before.rows(~np.isin(before.ids, found.ids))
            found = Shown(*(np.concatenate(pair) for pair in zip(others, found, strict=True)))
        self._written[frame] = found.rows(np.argsort(found.ids, kind="stable"))

    def _show(self) -> None:
        """Write all frames into the layer."""
        frames = self.frames
        if not frames:
            return
        at = np.concatenate([np.full(len(own.ids), frame) for frame, own in frames.items()])
        every = Shown(*(np.concatenate(column) for column in zip(*frames.values(), strict=True)))
        outlines = self._stack.positions_of(at, self._kind.corners(every.places))
        held = self._selected()
        self._is_writing = True
        try:
            self._kind.write(self.layer, outlines, every.table)
            leave_new_unnamed(self.layer)
            rows = zip(at.tolist(), every.ids.tolist(), strict=True)
            self.layer.selected_data = {row for row, own in enumerate(rows) if own in held}
        finally:
            self._is_writing = False
        self.shown.emit()

    def _selected(self) -> set[tuple[int, int]]:
        """Return which are selected, by frame and id."""
        chosen = sorted(self.layer.selected_data)
        if not chosen:
            return set()
        frames = self._places().frames[chosen].tolist()
        return set(zip(frames, self.layer.features[ID].to_numpy()[chosen].tolist(), strict=True))

    def _places(self) -> Any:
        return places_on(self.layer, self._kind, self._stack, self._dims, None)

    def _on_data(self, event: Event) -> None:
        if not self._is_writing and event.action in _DONE:
            self._look()

    def _look(self) -> None:
        """Find the frames that are corrected, and say so if they are others than before."""
        if not self._written:
            return
        now, nothing = self._read(), next(iter(self._written.values())).rows(np.zeros(0, np.intp))
        changed = {
            frame: now.get(frame, nothing)
            for frame in {*now, *self._written}
            if frame in self._accepted
            or not now.get(frame, nothing).is_like(self._written.get(frame, nothing))
        }
        self._by_hand = {frame: own._replace(given=own.visible) for frame, own in changed.items()}
        corrected = sorted(self._by_hand)
        if corrected != self._corrected:
            self._corrected = corrected
            self.changed.emit()

    def _read(self) -> dict[int, Shown]:
        """Return what the layer holds; what a hand has put somewhere is seen there."""
        placed = self._places()
        ids = named(self.layer, placed.frames)
        places = np.array([self._kind.place(own) for own in placed.corners])
        found = {}
        for frame in placed.labelled:
            rows = np.flatnonzero(placed.frames == frame)
            found[frame] = self._judged(frame, Placed(ids[rows], places[rows]))
        return found

    def _judged(self, frame: int, own: Placed) -> Shown:
        """Return places of a frame with what was found of them, where they are as they were written."""
        before = self._written.get(frame)
        if before is None or not len(before.ids):
            yes = np.ones(len(own.ids), bool)
            return Shown(own.ids, own.places, yes.astype(float), yes, yes)
        at = np.searchsorted(before.ids, own.ids).clip(max=len(before.ids) - 1)  # they are in order
        is_kept = (before.ids[at] == own.ids) & (np.abs(before.places[at] - own.places) <= _NEAR).all(axis=1)
        confidence = np.where(is_kept, before.confidence[at], 1.0)
        return Shown(
            own.ids, own.places, confidence, before.visible[at] | ~is_kept, before.given[at] | ~is_kept
        )
