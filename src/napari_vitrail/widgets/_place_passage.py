"""Points or boxes on their way through a stack."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from napari import Viewer
from napari.layers import Layer, Tracks

from napari_vitrail.progress import Steps
from napari_vitrail.widgets._layers import PROPAGATED, add_quietly, mark
from napari_vitrail.widgets._passage import Passage
from napari_vitrail.widgets._passage_steps import Wish, following_steps
from napari_vitrail.widgets._place_draft import PlaceDraft, Shown
from napari_vitrail.widgets._place_kinds import PlaceKind, place_colours
from napari_vitrail.widgets._placed import Placed, PlacedLayer, named, places_on
from napari_vitrail.widgets._stack import Stack

_TRACKS = "tracks"


class PlacePassage(Passage):
    """What was propagated from a layer of points or boxes, see `Passage`.

    Parameters
    ----------
    viewer : napari.Viewer
    stack : Stack
    source : Points or Shapes
    kind : PlaceKind
    """

    strokes_obstacle = "choose labels: points and boxes are no strokes"
    draft: PlaceDraft | None

    def __init__(self, viewer: Viewer, stack: Stack, source: Layer, kind: PlaceKind) -> None:
        super().__init__(viewer, stack, source)
        self._kind = kind
        self.unlabelled = f"{source.name!r} has no {kind.name} on the stack: add some to a frame"
        self._tracks: Tracks | None = None
        self._computed: set[int] = set()
        self._known: dict[int, tuple[Any, ...]] = {}  # what each id was followed from, and how
        self._running: dict[int, tuple[Any, ...]] = {}

    @property
    def values(self) -> Mapping[int, float]:
        """The mean confidence of each frame's places: what is lost lowers it."""
        frames = {} if self.draft is None else self.draft.frames
        return {frame: float(own.confidence.mean()) for frame, own in frames.items() if len(own.ids)}

    @property
    def n_computed(self) -> int:
        """The number of frames that were found, and not labelled by hand."""
        return len(self._computed)

    def labelled_frames(self) -> list[int]:
        """Return the frames in which the source has places."""
        return self._placed().labelled

    def steps(self, wish: Wish, without: Collection[int]) -> Steps[int]:
        """Return the work; what was followed to its end from the same places is not followed again."""
        given = {frame: own for frame, own in self._given().items() if frame not in without}
        keys = _keys_of(given, wish)
        if self.draft is not None:
            self.draft.keep(keys)
        self._known = {own: key for own, key in self._known.items() if keys.get(own) == key}
        self._running = keys
        todo = np.array([own for own in keys if own not in self._known], np.int64)
        wanted = {frame: own.of(todo) for frame, own in given.items()}
        return following_steps(self.stack, self._kind, wanted, wish)

    def end(self) -> None:
        """Take note that the last run came to its end."""
        self._known = self._running

    def take(self, found: Any) -> int:
        """Take what was followed into a frame, and show it; return which frame that is."""
        frame = int(found.frames[0])
        self._sent |= {frame} if found.given.all() else set()
        self._computed |= set() if found.given.all() else {frame}
        if self.draft is None:
            self._add_layer()
        assert self.draft is not None
        places = self._kind.places(found)
        self.draft.write(frame, Shown(found.ids, places, found.confidence, found.visible, found.given))
        return frame

    def take_in_hand(self) -> None:
        """Let a hand move what was found."""
        if self.draft is not None:
            self.draft.layer.mode = "select"

    def _placed(self) -> PlacedLayer:
        return places_on(self.source, self._kind, self.stack, self.viewer.dims, self.at)

    def _given(self) -> dict[int, Placed]:
        """Return the places of each labelled frame, those of a corrected one as a hand has left them."""
        placed = self._placed()
        ids = named(self.source, placed.frames)
        places = [self._kind.place(own) for own in placed.corners]
        given = {}
        for frame in placed.labelled:
            rows = np.flatnonzero(placed.frames == frame)
            given[frame] = Placed(ids[rows], np.array([places[row] for row in rows]))
        if self.draft is not None:
            given |= {frame: self.draft.given(frame) for frame in self.corrected}
        return given

    def _add_layer(self) -> None:
        """Add a layer above all others, in hand where the source was: what is moved there corrects it."""
        viewer, source, plane = self.viewer, self.source, self.stack.planes[0]
        layer = self._kind.new(
            source,
            plane.sides,
            name=f"{source.name} {PROPAGATED}",
            metadata=mark(source.name, PROPAGATED),
            **plane.to_world,
        )
        was_in_hand = viewer.layers.selection.active == source
        add_quietly(viewer, layer)
        source.visible = False  # the labelled frames are in both
        draft = PlaceDraft(layer, self._kind, self.stack, viewer.dims)
        for signal in (draft.shown, draft.changed):
            signal.connect(self._draw_tracks)
        self._correct(draft)
        if was_in_hand:
            viewer.layers.selection.active = layer
            self.take_in_hand()

    def _draw_tracks(self) -> None:
        """Draw the way of what is seen, in a layer of tracks below."""
        assert self.draft is not None
        rows = self._track_rows(self.draft.frames)
        if not len(rows):
            return
        if self._tracks is None:
            self._tracks = self._tracks_there() or self._new_tracks(rows)
        if self._tracks in self.viewer.layers:
            self._tracks.data = rows

    def _tracks_there(self) -> Tracks | None:
        """Return the layer of tracks that was made of the same source before."""
        made = mark(self.source.name, PROPAGATED)
        layers = (own for own in self.viewer.layers if isinstance(own, Tracks))
        return next((own for own in layers if made.items() <= own.metadata.items()), None)

    def _new_tracks(self, rows: np.ndarray) -> Tracks:
        """Add a layer of tracks below that of places."""
        assert self.draft is not None
        layer = Tracks(
            rows,
            name=f"{self.source.name} {_TRACKS}",
            metadata=mark(self.source.name, PROPAGATED),
            colormaps_dict={"track_id": place_colours()},
            blending="translucent",  # added up, all colours are white on a bright image
            **self.stack.planes[0].to_world,
        )
        add_quietly(self.viewer, layer, self.viewer.layers.index(self.draft.layer))
        return layer

    def _track_rows(self, frames: Mapping[int, Shown]) -> np.ndarray:
        """Return the id and the position (n, 1 + ndim) of each thing where it is seen, by ids and frames."""
        seen = [(frame, own.rows(own.visible)) for frame, own in frames.items()]
        ids = np.concatenate([own.ids for _, own in seen])
        middles = [self._kind.corners(own.places).mean(axis=1) for _, own in seen]
        at = np.concatenate([np.full(len(own.ids), frame) for frame, own in seen])
        positions = self.stack.positions_of(at, np.concatenate(middles))
        return np.column_stack([ids, positions])[np.lexsort((at, ids))]


def _keys_of(given: Mapping[int, Placed], wish: Wish) -> dict[int, tuple[Any, ...]]:
    """Return what each id is followed from, and how."""
    keys: dict[int, tuple[Any, ...]] = {}
    for frame, own in sorted(given.items()):
        for id_, place in zip(own.ids.tolist(), own.places.tolist(), strict=True):
            keys[id_] = (*keys.get(id_, (wish,)), (frame, *place))
    return keys
