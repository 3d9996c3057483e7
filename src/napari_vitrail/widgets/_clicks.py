"""Clicks on the canvas while no tool is in hand: press and release at one place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from napari import Viewer
from napari.layers import Layer

if TYPE_CHECKING:
    from napari.utils.events import Event

Position = tuple[float, ...]
_STILL = 3
"""Pixels of the canvas that a hand may move between press and release of a click."""


class StillClicks:
    """Listens to clicks in a viewer; a hand that drags moves the view.

    Parameters
    ----------
    viewer : napari.Viewer
    on_click : callable
        Called with the position in the world, and the layers that the click may be meant for.
    """

    def __init__(self, viewer: Viewer, on_click: Callable[[Position, list[Layer]], None]) -> None:
        self._viewer = viewer
        self._on_click = on_click

    def open(self) -> None:
        """Listen."""
        if self._on_pressed not in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.append(self._on_pressed)

    def close_down(self) -> None:
        """Listen no more."""
        if self._on_pressed in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self._on_pressed)

    def _on_pressed(self, viewer: Viewer, event: Event) -> Iterator[None]:
        """Wait for the button to be released."""
        active = viewer.layers.selection.active
        if active is not None and active.mode != "pan_zoom":
            return
        start = np.array(event.pos)
        yield
        while event.type == "mouse_move":
            yield
        if np.abs(np.array(event.pos) - start).max() <= _STILL:
            self._on_click(event.position, layers_in_cell(viewer, getattr(event, "viewbox", None)))


def layers_in_cell(viewer: Viewer, cell: tuple[int, int] | None) -> list[Layer]:
    """Return the layers in a cell of the grid view; all of them where there is no grid."""
    canvas = getattr(viewer, "canvas", viewer)  # napari 0.9 moved the grid
    if cell is None or not canvas.grid.enabled:
        return list(viewer.layers)
    numbers = canvas.grid.contents_at(cell, len(viewer.layers) if canvas is viewer else viewer.layers)
    return [viewer.layers[number] for number in numbers]
