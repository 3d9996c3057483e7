"""A click on a part in the viewer highlights it everywhere."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

import numpy as np
from napari import Viewer
from napari.layers import Labels

from napari_vitrail.widgets._part_layers import layers_of_parts
from napari_vitrail.widgets._sharing import Sharing

if TYPE_CHECKING:
    from napari.utils.events import Event

_STILL = 3
"""Pixels of the canvas that a hand may move between press and release of a click."""


class PartClicks:
    """Listens to clicks in the viewer while no tool is in hand.

    Parameters
    ----------
    sharing : Sharing
    """

    def __init__(self, sharing: Sharing) -> None:
        self._sharing = sharing

    def open(self) -> None:
        """Listen."""
        if self._on_pressed not in self._sharing.viewer.mouse_drag_callbacks:
            self._sharing.viewer.mouse_drag_callbacks.append(self._on_pressed)

    def close_down(self) -> None:
        """Listen no more."""
        if self._on_pressed in self._sharing.viewer.mouse_drag_callbacks:
            self._sharing.viewer.mouse_drag_callbacks.remove(self._on_pressed)

    def _on_pressed(self, viewer: Viewer, event: Event) -> Iterator[None]:
        """Wait for the button to be released; a hand that drags moves the view."""
        active = viewer.layers.selection.active
        if self._sharing.found is None or (active is not None and active.mode != "pan_zoom"):
            return
        start = np.array(event.pos)
        yield
        while event.type == "mouse_move":
            yield
        if np.abs(np.array(event.pos) - start).max() <= _STILL:
            self._highlight(event.position, self._layers_at(getattr(event, "viewbox", None)))

    def _layers_at(self, cell: tuple[int, int] | None) -> list[Labels]:
        """Return the layers of parts of the images in a cell of the grid view, of all where there is none."""
        viewer, images = self._sharing.viewer, self._sharing.here.values()
        canvas = getattr(viewer, "canvas", viewer)  # napari 0.9 moved the grid
        if cell is None or not canvas.grid.enabled:
            return layers_of_parts(viewer, images)
        numbers = canvas.grid.contents_at(cell, len(viewer.layers) if canvas is viewer else viewer.layers)
        inside = {viewer.layers[number] for number in numbers}
        owns = ({image.layer, *layers_of_parts(viewer, [image])} for image in images)
        return layers_of_parts(
            viewer, (image for image, own in zip(images, owns, strict=True) if own & inside)
        )

    def _highlight(self, position: tuple[float, ...], layers: Collection[Labels]) -> None:
        """Let the part at a position in the world stand out; all where there is none, or it does already."""
        above = [own for own in reversed(self._sharing.viewer.layers) if own in layers and own.visible]
        label = next((found for layer in above if (found := _label(layer, position))), 0)
        self._sharing.highlight({label} if label and {label} != self._sharing.highlighted else ())


def _label(layer: Labels, position: tuple[float, ...]) -> int:
    """Return the label of a layer at a position in the world, 0 where there is none."""
    return int(layer.get_value(position, world=True) or 0)
