"""Points and boxes: how napari's layers hold them, and what follows them through a stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from napari.layers import Layer, Points, Shapes
from napari.utils.colormaps import CyclicLabelColormap
from numpy.typing import NDArray
from skimage.color import hsv2rgb

from napari_vitrail.progress import Steps
from napari_vitrail.widgets._at_once import at_once

if TYPE_CHECKING:
    from napari_vitrail.propagation import TrackedBoxes, Tracks

Followed = Any
"""`Tracks` or `TrackedBoxes` of one frame."""

_SEEN, _LOST = "disc", "ring"
_EDGE = 1 / 250
"""Width of edges, as a share of the longer side of a frame."""
_GOLDEN = 0.618034
"""Turns of the circle of hues from one id to the next."""
_N_COLOURS = 200
_FAINT = 0.35
"""Opacity of the edges of what is not seen."""


class PlaceKind(Protocol):
    """A kind of places: outlines (v, ndim) in a layer, and numbers (k,) as the library takes them."""

    name: str
    """Of several, in words."""

    def outlines(self, layer: Any) -> Sequence[NDArray[np.floating]]:
        """Return the corners (v, ndim) of each place that a layer holds."""

    def place(self, corners: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the place (k,) that has corners (v, 2) in a frame."""

    def corners(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the corners (n, v, 2) of places (n, k)."""

    def places(self, found: Followed) -> NDArray[np.float64]:
        """Return the places (n, k) of what was followed."""

    def new(self, source: Any, sides: tuple[int, int], **geometry: Any) -> Layer:
        """Return an empty layer that looks like another one."""

    def write(self, layer: Any, outlines: NDArray[np.float64], table: Mapping[str, NDArray[Any]]) -> None:
        """Put outlines (n, v, ndim) into a layer, and what is known of them into its features."""

    def follow_steps(self, stack: Any, given: Any, *args: Any, **options: Any) -> Steps[None]:
        """Return the work that follows places through a stack."""


class PointKind:
    """Points of a Points layer."""

    name = "points"

    def outlines(self, layer: Points) -> Sequence[NDArray[np.floating]]:
        """Return the place (1, ndim) of each point."""
        return list(np.asarray(layer.data)[:, None])

    def place(self, corners: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return row and column (2,)."""
        return np.asarray(corners[0], float)

    def corners(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the places themselves, (n, 1, 2)."""
        return places[:, None]

    def places(self, found: Tracks) -> NDArray[np.float64]:
        """Return rows and columns (n, 2)."""
        return found.points

    def new(self, source: Points, sides: tuple[int, int], **geometry: Any) -> Points:
        """Return an empty layer with points as large as those of another one."""
        own = np.abs(geometry["scale"][-1])
        size = float(source.current_size) * abs(source.scale[-1]) / own
        return Points(ndim=len(geometry["scale"]), size=size, border_color="black", **geometry)

    def write(self, layer: Points, outlines: NDArray[np.float64], table: Mapping[str, NDArray[Any]]) -> None:
        """Put points into a layer: discs where they are seen, rings where they are lost."""
        with at_once(layer):
            layer.data = outlines[:, 0]
            layer.features = dict(table)
            if len(outlines):
                layer.face_color = colours_of(table["id"])
                layer.symbol = [_SEEN if is_seen else _LOST for is_seen in table["visible"]]

    def follow_steps(self, stack: Any, given: Any, *args: Any, **options: Any) -> Steps[None]:
        """Return the work that follows points through a stack."""
        from napari_vitrail.propagation import propagate_points_steps

        return propagate_points_steps(stack, given, *args, **options)


class BoxKind:
    """Boxes round the shapes of a Shapes layer."""

    name = "boxes"

    def outlines(self, layer: Shapes) -> Sequence[NDArray[np.floating]]:
        """Return the corners of each shape, whatever kind it is."""
        return [np.asarray(own) for own in layer.data]

    def place(self, corners: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the box (4,) round corners, half-open: a pixel's centre is a whole number there."""
        return np.concatenate([corners.min(axis=0), corners.max(axis=0)]) + 0.5

    def corners(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the four corners (n, 4, 2) of boxes (n, 4)."""
        return places[:, [[0, 1], [0, 3], [2, 3], [2, 1]]] - 0.5

    def places(self, found: TrackedBoxes) -> NDArray[np.float64]:
        """Return half-open boxes (n, 4)."""
        return found.boxes

    def new(self, source: Shapes, sides: tuple[int, int], **geometry: Any) -> Shapes:
        """Return an empty layer for boxes that can be seen from afar."""
        layer = Shapes(ndim=len(geometry["scale"]), **geometry)
        layer.current_edge_width = max(1.0, max(sides) * _EDGE)
        return layer

    def write(self, layer: Shapes, outlines: NDArray[np.float64], table: Mapping[str, NDArray[Any]]) -> None:
        """Put rectangles into a layer, faint where what they hold is lost."""
        edges = colours_of(table["id"])
        edges[~table["visible"], 3] = _FAINT
        layer.selected_data = set()
        layer.data = []
        if len(outlines):
            layer.add_rectangles(
                list(outlines), edge_width=layer.current_edge_width, edge_color=edges,
                face_color=edges * [1, 1, 1, 0],
            )  # fmt: skip
        layer.features = dict(table)

    def follow_steps(self, stack: Any, given: Any, *args: Any, **options: Any) -> Steps[None]:
        """Return the work that follows boxes through a stack."""
        from napari_vitrail.propagation import propagate_boxes_steps

        return propagate_boxes_steps(stack, given, *args, **options)


def place_colours() -> CyclicLabelColormap:
    """Return bright colours of ids: those of any that follow each other differ much."""
    hues = np.arange(_N_COLOURS) * _GOLDEN % 1
    bright = hsv2rgb(np.stack([hues, np.full_like(hues, 0.8), np.ones_like(hues)], axis=-1))
    return CyclicLabelColormap(colors=np.vstack([np.zeros((1, 4)), np.insert(bright, 3, 1, axis=1)]))


def colours_of(ids: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return the colour (n, 4) of each id."""
    return np.array(place_colours().map(np.asarray(ids, np.int64)), float).reshape(-1, 4)
