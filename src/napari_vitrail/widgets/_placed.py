"""Points and boxes of a layer, as they lie on the frames of a stack, and what each is called by."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from napari.components import Dims
from napari.layers import Layer
from numpy.typing import NDArray

from napari_vitrail.widgets._annotations import numbers_of
from napari_vitrail.widgets._place_kinds import PlaceKind
from napari_vitrail.widgets._stack import Stack
from napari_vitrail.world import Frame

ID = "id"
"""The column of a layer's features that says what each place is called by."""
_NEW = -1
"""The id of a place that nobody has named yet."""


class Placed(NamedTuple):
    """Places of one frame.

    Attributes
    ----------
    ids : (n,) int64
    places : (n, k) float64
        As the library takes them.
    """

    ids: NDArray[np.int64]
    places: NDArray[np.float64]

    def of(self, ids: NDArray[np.int64]) -> Placed:
        """Return those of some ids."""
        rows = np.isin(self.ids, ids)
        return Placed(self.ids[rows], self.places[rows])


class PlacedLayer(NamedTuple):
    """All places of a layer.

    Attributes
    ----------
    frames : (n,) int
        Which frame of the stack each lies in, -1 where in none.
    corners : list of (v, 2) arrays
        In pixels of the frame.
    """

    frames: NDArray[np.intp]
    corners: list[NDArray[np.floating]]

    @property
    def labelled(self) -> list[int]:
        """The frames that have any, ascending."""
        return [frame for frame in np.unique(self.frames).tolist() if frame >= 0]


def places_on(layer: Any, kind: PlaceKind, stack: Stack, dims: Dims, at: int | None) -> PlacedLayer:
    """Return where the places of a layer lie on a stack.

    Parameters
    ----------
    layer : Layer
        Where it lies on the stack in the world counts, whatever its axes and scale.
    kind : PlaceKind
    stack : Stack
    dims : Dims
    at : int or None
        The frame that a layer without a slider labels.
    """
    outlines = kind.outlines(layer)
    if not outlines:
        return PlacedLayer(np.empty(0, np.intp), [])
    ends = np.cumsum([len(own) for own in outlines])[:-1]
    corners = np.concatenate(outlines)
    positions = np.split(_on_stack(layer, corners, stack, at), ends)
    frames = stack.frames_of(np.array([own.mean(axis=0) for own in positions]))
    if at is None and stack.lacks_slider(layer):
        frames[:] = -1
    extra = max(0, layer.ndim - stack.layer.ndim)
    here = np.rint(np.asarray(layer.world_to_data(dims.point))[:extra])
    firsts = np.rint(np.array([own[0, :extra] for own in outlines]))
    frames[(firsts != here).any(axis=1)] = -1
    return PlacedLayer(frames, [stack.pixels_of(own) for own in positions])


def named(layer: Any, frames: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return what the places of a layer are called by (n,), which it keeps from now on.

    Those without an id get one, and so do those that have that of another one in the same frame.

    Raises
    ------
    ValueError
        If what the layer has for ids are no whole numbers.
    """
    known = _ids_of(layer)
    ids, taken, free = known.copy(), set(), max(0, known.max(initial=0)) + 1
    for row, (frame, own) in enumerate(zip(frames.tolist(), known.tolist(), strict=True)):
        if own < 0 or (frame, own) in taken:
            ids[row], free = free, free + 1
        taken.add((frame, int(ids[row])))
    if ID not in layer.features or not np.array_equal(ids, layer.features[ID]):
        layer.features = {**{name: layer.features[name] for name in layer.features}, ID: ids}
    leave_new_unnamed(layer)
    return ids


def leave_new_unnamed(layer: Any) -> None:
    """Let a place that is added to a layer have no id, where napari would repeat another one's."""
    layer.feature_defaults = {**{name: own[0] for name, own in layer.feature_defaults.items()}, ID: _NEW}


def _ids_of(layer: Any) -> NDArray[np.int64]:
    """Return the ids that a layer has, -1 where it has none."""
    if ID not in layer.features:
        return np.full(len(layer.features) or len(layer.data), _NEW, np.int64)
    try:
        values = np.asarray(layer.features[ID], float)
    except ValueError as error:
        raise ValueError(f"the column {ID!r} of {layer.name!r} must hold whole numbers") from error
    missing = ~np.isfinite(values)
    values[missing] = _NEW
    if (values != np.rint(values)).any():
        raise ValueError(f"the column {ID!r} of {layer.name!r} must hold whole numbers")
    return values.astype(np.int64)


def _on_stack(
    layer: Layer, corners: NDArray[np.floating], stack: Stack, at: int | None
) -> NDArray[np.float64]:
    """Return where positions (n, ndim) in a layer lie in the data of a stack."""
    own, other = (Frame.of(numbers_of(each), each.ndim).matrix for each in (layer, stack.layer))
    world = corners @ own[:-1, :-1].T + own[:-1, -1]
    ndim = stack.layer.ndim
    missing = max(0, ndim - layer.ndim)
    frame = stack.positions_of(np.array([at or 0]), np.zeros((1, 2)))[0]
    before = (other[:-1, :-1] @ frame + other[:-1, -1])[:missing]
    whole = np.column_stack([np.broadcast_to(before, (len(world), missing)), world[:, -ndim:]])
    back = np.linalg.inv(other)
    return np.asarray(whole @ back[:-1, :-1].T + back[:-1, -1])
