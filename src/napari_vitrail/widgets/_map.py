"""The map of tokens: one part of the feature explorer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from magicgui.widgets import ComboBox
from napari import Viewer
from napari.layers import Labels
from napari.utils.theme import get_theme
from numpy.typing import NDArray
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_vitrail.grid import FeatureGrid
from napari_vitrail.progress import Steps
from napari_vitrail.widgets._choice import refresh
from napari_vitrail.widgets._form import allow, label_of, wrapped, yield_space
from napari_vitrail.widgets._scatter import Scatter
from napari_vitrail.widgets._tokens import TokenPlane, labels_of

if TYPE_CHECKING:
    from napari_vitrail.features import TokenMap

Mapped = tuple["TokenMap", NDArray[np.floating]]
"""A map of tokens and the colour (n, 4) of each by its features."""

_UNLABELLED = (0.5, 0.5, 0.5, 0.35)
_HINT = "Place the tokens of the ticked images by t-SNE: those alike lie together. A click on one moves there"


@dataclass(frozen=True)
class DrawnMap:
    """A map of tokens as it is shown, and what its tokens are of."""

    planes: Sequence[TokenPlane]
    tokens: TokenMap
    colours: NDArray[np.floating]


class MapPanel(QWidget):
    """Asks for a map of tokens, shows it, coloured by labels or features, and goes where it is clicked.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose labels layers are offered, and which moves to a token.
    """

    requested = Signal()
    """A map of the tokens is wanted."""

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self._viewer = viewer
        self._labels = ComboBox(
            label="Colours",
            choices=lambda _: [("by features", None), *((layer.name, layer) for layer in _offered(viewer))],
            tooltip=wrapped("By the label that most of a token's patch has, or by its features"),
        )
        self._draw = QPushButton("Map of tokens")
        self._scatter: Scatter | None = None  # has a canvas of its own, which not everyone needs
        self._drawn: DrawnMap | None = None
        self._layout = QVBoxLayout(self)
        for name in ("inserted", "removed", "reordered", "renamed"):
            getattr(viewer.layers.events, name).connect(self._on_layers_changed)
        self._labels.changed.connect(self._on_labels_chosen)
        self._draw.clicked.connect(self.requested)
        self._lay_out()

    def allow(self, obstacle: str = "") -> None:
        """Let a map be asked for unless something stands in the way, which becomes the tooltip."""
        allow(self._draw, _HINT, obstacle)

    def show_map(self, planes: Sequence[TokenPlane], mapped: Mapped) -> str:
        """Draw a map; return what to say of it."""
        tokens, colours = mapped
        self._drawn = DrawnMap(planes, tokens, colours)
        if self._scatter is None:
            self._scatter = Scatter(get_theme(self._viewer.theme).canvas.as_hex())
            self._scatter.setToolTip(wrapped("Each point is a token; a click moves the viewer there"))
            self._scatter.picked.connect(self._on_picked)
            self._layout.insertWidget(1, self._scatter, 1)
        self._paint()
        return f"{len(tokens.positions)} tokens on the map."

    def _lay_out(self) -> None:
        """Put the choice and the button into one row, the map below."""
        yield_space(self._labels)
        row = QHBoxLayout()
        row.addWidget(self._draw)
        row.addWidget(label_of(self._labels))
        row.addWidget(self._labels.native, 1)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.addLayout(row)
        self._layout.addStretch()  # holds the row up while there is no map

    def _paint(self) -> None:
        """Show the map in the colours that are chosen now."""
        if self._drawn is None or self._scatter is None:
            return
        labels = self._labels.value
        colours = self._drawn.colours if labels is None else self._label_colours(self._drawn, labels)
        self._scatter.show_points(self._drawn.tokens.positions, colours)

    def _label_colours(self, drawn: DrawnMap, layer: Labels) -> NDArray[np.floating]:
        """Return the colour (n, 4) of each token's label; grey where it has none."""
        from napari_vitrail.features import majority  # loads torch

        colours = np.tile(_UNLABELLED, (len(drawn.tokens.images), 1))
        for number, plane in enumerate(drawn.planes):
            own = np.flatnonzero(drawn.tokens.images == number)
            labels = majority(labels_of(plane, drawn.tokens.cells[own], layer, self._viewer.dims))
            for label in np.setdiff1d(labels, 0):
                colours[own[labels == label]] = layer.colormap.map(label)
        return colours

    def _on_layers_changed(self) -> None:
        refresh(self._labels)

    def _on_labels_chosen(self) -> None:
        self._paint()

    def _on_picked(self, number: int) -> None:
        """Move the viewer to a token, in its plane."""
        if self._drawn is None:
            return
        plane = self._drawn.planes[self._drawn.tokens.images[number]]
        position = plane.world_at(self._drawn.tokens.cells[number])
        dims = self._viewer.dims
        for axis, at in enumerate(position, start=dims.ndim - len(position)):
            if axis not in dims.displayed:
                dims.set_point(axis, at)
        shown = [position[axis - (dims.ndim - len(position))] for axis in dims.displayed]
        camera = getattr(self._viewer, "scene", self._viewer).camera  # napari 0.9 moved it
        camera.center = (0, *shown)


def _offered(viewer: Viewer) -> list[Labels]:
    """Return the labels layers of a viewer; segmentations may colour the map as well as strokes."""
    return [layer for layer in viewer.layers if isinstance(layer, Labels)]


def map_steps(features: Sequence[FeatureGrid]) -> Steps[Mapped]:
    """Yield Progress; return the map of the tokens of some images, and their colours by features."""
    from napari_vitrail.features import pca_colours, token_map_steps  # loads torch

    tokens = yield from token_map_steps(features)
    images = pca_colours(features)
    colours = np.ones((len(tokens.images), 4))
    for number, image in enumerate(images):
        own = tokens.images == number
        colours[own, :3] = image[tuple(tokens.cells[own].T)] / 255
    return tokens, colours
