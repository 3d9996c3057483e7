"""Two Points layers whose points are pairs: what is added, moved or deleted in one is so in both."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from napari.layers import Image, Points, Vectors
from napari.layers.base import ActionType
from napari.viewer import Viewer
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal
from skimage.color import hsv2rgb

from napari_vitrail.pairs import UNKNOWN, Correspondences, PairStatus, SavedPairs
from napari_vitrail.widgets._annotations import numbers_of
from napari_vitrail.widgets._at_once import at_once
from napari_vitrail.world import Frame

Partners: TypeAlias = Callable[[int, NDArray[np.float64]], Correspondences]
"""From points (n, 2) of image 0 or 1, in its pixels, to their pairs (n,)."""

_BEGUN = (ActionType.ADDING, ActionType.CHANGING, ActionType.REMOVING)
_PLACES = ("scale", "translate", "rotate", "shear", "affine")
_UNDO, _REDO = "Control-Z", "Control-Shift-Z"
_MOST_STEPS = 100
_GOLDEN = 0.618034  # turns of the circle of hues
_LINE = 0.003  # of the longer side of what the pairs span


class LinkedPoints(QObject):
    """Two Points layers of a viewer that hold one list of pairs, and lines between them.

    Row i of both layers is pair i; its id and status are features of both. A pair whose point was moved by
    hand is locked. Ctrl+Z and Ctrl+Shift+Z over either layer undo and redo, which napari's points do not.

    Parameters
    ----------
    viewer : napari.Viewer
    layers : two Points layers of two axes
        They are emptied; pairs come by `write`.
    partners : function
        Which pair a new point of one layer makes, at once; what takes longer comes by `revise`.
    """

    changed = Signal()
    added = Signal(int, object)
    """Side, and ids (k,), of points that came into a layer by hand, after `changed`."""

    def __init__(self, viewer: Viewer, layers: tuple[Points, Points], partners: Partners) -> None:
        super().__init__()
        if any(layer.ndim != 2 for layer in layers):
            raise ValueError(f"layers must have two axes, got {[layer.ndim for layer in layers]}")
        self.layers = layers
        self.pairs = _no_pairs()
        self._viewer, self._partners = viewer, partners
        self._done: list[SavedPairs] = []
        self._undone: list[SavedPairs] = []
        self._next_id = 0
        self._grey: frozenset[int] = frozenset()
        self._writing = False
        self._connections: list[tuple[Any, Callable[..., None]]] = []
        self.lines = self._add_lines()
        for side, layer in enumerate(layers):
            self._connect(layer.events.data, partial(self._on_data, side))
            for place in _PLACES:
                self._connect(getattr(layer.events, place), self._draw_lines)
            layer.bind_key(_UNDO, self.undo, overwrite=True)
            layer.bind_key(_REDO, self.redo, overwrite=True)
        self._connect(viewer.layers.events.removed, self._on_removed)
        self._show(None)

    @classmethod
    def on_images(cls, viewer: Viewer, image0: Image, image1: Image, partners: Partners) -> LinkedPoints:
        """Return linked layers that are new, each lying as its image does, also when that is moved."""
        images = image0, image1
        if any(image.ndim != 2 for image in images):
            raise ValueError(f"images must have two axes, got {[image.ndim for image in images]}")
        layers = [
            viewer.add_points(np.empty((0, 2)), name=f"{image.name} points", **numbers_of(image))
            for image in images
        ]
        linked = cls(viewer, (layers[0], layers[1]), partners)
        for image, layer, place in (
            (*pair, place) for pair in zip(images, layers, strict=True) for place in _PLACES
        ):
            linked._connect(getattr(image.events, place), partial(_place_alike, image, layer, place))
        return linked

    def write(self, pairs: SavedPairs) -> None:
        """Replace the pairs, which can be undone."""
        self._change(pairs, None)

    def amend(self, pairs: SavedPairs) -> None:
        """Replace the pairs by what is better known of them; no step of its own for undo."""
        self.pairs = pairs
        self._show(None)

    def revise(self, correct: Callable[[SavedPairs], SavedPairs]) -> None:
        """Amend the pairs as they are and as undo knows them, which would else bring first guesses back."""
        self._done, self._undone = list(map(correct, self._done)), list(map(correct, self._undone))
        self.amend(correct(self.pairs))

    def grey(self, ids: Collection[int]) -> None:
        """Show these pairs without colour from now on, as rejected ones always are."""
        self._grey = frozenset(ids)
        self._show(None)

    def set_status(self, ids: Iterable[int], status: PairStatus) -> None:
        """Accept, lock or reject some pairs, which can be undone."""
        chosen = set(ids)
        states = [
            status if id_ in chosen else old
            for id_, old in zip(self.pairs.ids.tolist(), self.pairs.status, strict=True)
        ]
        self._change(self.pairs._replace(status=tuple(states)), None)

    def undo(self, _: Any = None) -> None:
        """Take the last change back."""
        self._step(self._done, self._undone)

    def redo(self, _: Any = None) -> None:
        """Make the change again that was taken back last."""
        self._step(self._undone, self._done)

    def close(self) -> None:
        """Let go of the layers, which keep their points."""
        for emitter, listener in self._connections:
            emitter.disconnect(listener)
        self._connections.clear()
        for layer in self.layers:
            layer.bind_key(_UNDO, None, overwrite=True)
            layer.bind_key(_REDO, None, overwrite=True)
        if self.lines in self._viewer.layers:
            self._viewer.layers.remove(self.lines)

    def _connect(self, emitter: Any, listener: Callable[..., None]) -> None:
        """Listen until `close`."""
        emitter.connect(listener)
        self._connections.append((emitter, listener))

    def _on_data(self, side: int, event: Any) -> None:
        if not self._writing and event.action not in _BEGUN:
            known = self.pairs.ids
            self._change(self._read(side), side)
            if len(new := np.setdiff1d(self.pairs.ids, known)):
                self.added.emit(side, new)

    def _on_removed(self, event: Any) -> None:
        if event.value in self.layers:
            self.close()

    def _read(self, side: int) -> SavedPairs:
        """Return the pairs as a layer has them now; what it does not tell is as before."""
        before = {int(id_): row for row, id_ in enumerate(self.pairs.ids)}
        layer = self.layers[side]
        # A new row takes over some id, but below the row that has it.
        rows = [before.pop(id_, -1) for id_ in layer.features["id"].tolist()]
        old = np.array(rows, np.intp)
        new = old < 0
        own = np.array(layer.data, np.float64)
        other = self._points(1 - side)[old] if len(self.pairs.ids) else np.empty_like(own)
        moved = ~new
        moved[~new] = (own[~new] != self._points(side)[old[~new]]).any(axis=1)
        names = [field.name for field in fields(Correspondences)[2:]]
        scores = [self._kept_scores(name, old, new | moved) for name in names]
        if new.any():
            found = self._partners(side, own[new])
            other[new] = found.points0 if side else found.points1
            for name, values in zip(names, scores, strict=True):
                values[new] = getattr(found, name)
        ids = [self._new_id() if row < 0 else int(self.pairs.ids[row]) for row in rows]
        status = tuple(
            "proposed" if row < 0 else "locked" if is_moved else self.pairs.status[row]
            for row, is_moved in zip(rows, moved, strict=True)
        )
        points = (other, own) if side else (own, other)
        return SavedPairs(Correspondences(*points, *scores), np.array(ids, np.int64), status)

    def _kept_scores(self, name: str, old: NDArray[np.intp], lost: NDArray[np.bool_]) -> NDArray[np.float64]:
        if not len(self.pairs.ids):
            return np.full(len(old), UNKNOWN)
        return np.where(lost, UNKNOWN, getattr(self.pairs.correspondences, name)[old])

    def _new_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    def _points(self, side: int) -> NDArray[np.float64]:
        found = self.pairs.correspondences
        return found.points1 if side else found.points0

    def _change(self, pairs: SavedPairs, side: int | None) -> None:
        """Remember the pairs as they were, and show others."""
        self._done = [*self._done, self.pairs][-_MOST_STEPS:]
        self._undone.clear()
        self.pairs = pairs
        self._show(side)

    def _step(self, there: list[SavedPairs], back: list[SavedPairs]) -> None:
        if there:
            back.append(self.pairs)
            self.pairs = there.pop()
            self._show(None)

    def _show(self, side: int | None) -> None:
        """Write the pairs into both layers, whichever of them they were read from."""
        self._next_id = max([self._next_id, *(self.pairs.ids + 1)])
        with self._written():
            for number, layer in enumerate(self.layers):
                with at_once(layer):
                    self._write_layer(layer, self._points(number))
                    if side == 1 - number:
                        layer.selected_data = set(self.layers[side].selected_data)
        self._draw_lines()
        self.changed.emit()

    def _write_layer(self, layer: Points, points: NDArray[np.float64]) -> None:
        if not np.array_equal(layer.data, points):
            layer.selected_data = set()
            layer.data = points.copy()  # napari moves points in place
        layer.features = self._features()
        if len(layer.data):
            layer.face_color = self._colours()

    def _features(self) -> dict[str, NDArray[Any]]:
        """Return what both layers tell of the pairs."""
        found = self.pairs.correspondences
        scores = {item.name: getattr(found, item.name) for item in fields(Correspondences)[2:]}
        return {"id": self.pairs.ids, "status": np.array(self.pairs.status, dtype=object), **scores}

    def _colours(self) -> NDArray[np.float64]:
        """Return the colour of each pair, which it keeps as long as it has its id; neighbours differ most."""
        hue = self.pairs.ids * _GOLDEN % 1
        dull = np.isin(self.pairs.ids, list(self._grey)) | (np.array(self.pairs.status) == "rejected")
        bright = hsv2rgb(np.stack([hue, np.where(dull, 0, 0.8), np.where(dull, 0.5, 1)], axis=-1))
        return np.column_stack([bright, np.ones_like(hue)])

    def _add_lines(self) -> Vectors:
        """Return the layer of lines; what was selected stays so."""
        selected = set(self._viewer.layers.selection)
        lines = self._viewer.add_vectors(np.empty((0, 2, 2)), ndim=2, name="Pairs", vector_style="line")
        self._viewer.layers.selection = selected
        return lines

    def _draw_lines(self, _: Any = None) -> None:
        """Draw a line in the world from each point to its partner."""
        if self.lines not in self._viewer.layers:
            return
        start, end = (self._in_world(side) for side in range(2))
        with at_once(self.lines):
            self.lines.data = np.stack([start, end - start], axis=1)
            if len(start):
                spanned = np.ptp(np.vstack([start, end]), axis=0).max()
                self.lines.edge_color = self._colours()
                self.lines.edge_width = _LINE * max(float(spanned), 1e-9)

    def _in_world(self, side: int) -> NDArray[np.float64]:
        matrix = Frame.of(numbers_of(self.layers[side]), 2).matrix
        return self._points(side) @ matrix[:2, :2].T + matrix[:2, 2]

    @contextmanager
    def _written(self) -> Iterator[None]:
        """Know what the layers then tell as our own doing."""
        self._writing = True
        try:
            yield
        finally:
            self._writing = False


def _place_alike(image: Image, layer: Points, place: str, _: Any) -> None:
    setattr(layer, place, getattr(image, place))


def _no_pairs() -> SavedPairs:
    nothing = np.empty((0, 2))
    return SavedPairs(Correspondences(nothing, nothing), np.empty(0, np.int64), ())
