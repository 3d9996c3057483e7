"""Likeness under the cursor, and labels where it is large: one part of the feature explorer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from napari import Viewer
from napari.layers import Labels
from numpy.typing import NDArray
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QDoubleSpinBox, QHBoxLayout, QLabel, QPushButton, QSpinBox, QVBoxLayout, QWidget

from napari_vitrail.grid import FeatureGrid, Grid
from napari_vitrail.progress import Progress, Steps
from napari_vitrail.widgets._form import allow, wrapped
from napari_vitrail.widgets._hover import HoverSimilarity, SimilarityLayer
from napari_vitrail.widgets._layers import ALIKE, add_quietly, class_colours, mark, written
from napari_vitrail.widgets._planes import GEOMETRY
from napari_vitrail.widgets._tokens import TokenPlane

Mask = NDArray[np.bool_]

_HINT = "Write the label wherever a kept map reaches the threshold, in a labels layer over each image"


class SimilarityPanel(QWidget):
    """Says which key to hold over an image; makes labels of the maps that a click has kept.

    Parameters
    ----------
    viewer : napari.Viewer
    tokens : callable
        Returns the tokens of the images to compare, the topmost first.
    """

    labels_requested = Signal()
    """The button was pressed."""

    def __init__(self, viewer: Viewer, *, tokens: Callable[[], list[TokenPlane]]) -> None:
        super().__init__()
        self._hover = HoverSimilarity(viewer, tokens=tokens, on_keep=self._on_kept)
        self._says = QLabel()
        self._threshold = QDoubleSpinBox()
        self._label = QSpinBox()
        self._make = QPushButton("Make labels")
        self._make.clicked.connect(self.labels_requested)
        self._says.setWordWrap(True)
        self._says.setToolTip(wrapped("A click while the key is held keeps the maps as layers"))
        self._lay_out()
        self.allow("compute the features of an image")

    @property
    def kept(self) -> list[SimilarityLayer]:
        """The maps that labels can be made of."""
        return self._hover.kept

    @property
    def threshold(self) -> float:
        """Similarity from which on a place counts as alike."""
        return float(self._threshold.value())

    @property
    def label(self) -> int:
        """Which label is to be written."""
        return int(self._label.value())

    def open(self) -> None:
        """Listen to the key."""
        self._hover.bind()

    def close_down(self) -> None:
        """Listen no more."""
        self._hover.unbind()

    def allow(self, obstacle: str = "") -> None:
        """Say which key to hold, or what stands in the way."""
        if not obstacle and not self._hover.key:
            obstacle = "all keys are taken; free the key H in napari's preferences and reopen this widget"
        told = f"Hold {self._hover.key} and move over an image; a click keeps the map."
        self._says.setText(f"Not yet: {obstacle}." if obstacle else told)
        self._on_kept()

    def _lay_out(self) -> None:
        """Put the sentence on top, and what makes labels in one row; what a number means is in its box."""
        self._threshold.setRange(-1, 1)
        self._threshold.setSingleStep(0.05)
        self._threshold.setValue(0.6)
        self._threshold.setPrefix("≥ ")
        self._threshold.setToolTip(wrapped("Similarity, at most 1, from which on a place counts as alike"))
        self._label.setRange(1, 255)
        self._label.setPrefix("label ")
        self._label.setToolTip("Which label is written")
        row = QHBoxLayout()
        row.addWidget(self._make, 1)
        row.addWidget(self._threshold)
        row.addWidget(self._label)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._says)
        layout.addLayout(row)

    def _on_kept(self) -> None:
        nothing = "" if self._hover.kept else "keep a map by a click while the key is held"
        allow(self._make, _HINT, nothing)


def masks_steps(kept: Sequence[SimilarityLayer], threshold: float) -> Steps[list[Mask]]:
    """Return the work of finding where each map reaches a threshold, on the pixels of its image.

    The maps are copied by this call.

    Returns
    -------
    steps : generator of Progress
        Returns (H, W) bool arrays.
    """
    maps = [
        (
            FeatureGrid(similar.values[..., None].copy(), similar.tokens.grid),
            Grid.of_pixels(_sides(similar.tokens)),
        )
        for similar in kept
    ]
    return _masks_steps(maps, threshold)


def _masks_steps(maps: Sequence[tuple[FeatureGrid, Grid]], threshold: float) -> Steps[list[Mask]]:
    """Yield Progress after every map; interpolate between the centres of its tokens."""
    masks = []
    for done, (similarity, pixels) in enumerate(maps, start=1):
        masks.append(similarity.on(pixels).values[..., 0] >= threshold)
        yield Progress(done, len(maps), "labels")
    return masks


def _sides(tokens: TokenPlane) -> tuple[int, int]:
    rows, columns = (tokens.plane.shape[axis] for axis in tokens.axes)
    return rows, columns


def write_alike(viewer: Viewer, tokens: TokenPlane, mask: Mask, label: int) -> Labels:
    """Write a label where a mask of an image says so, and nowhere else in its plane; return the layer.

    The layer ``<image> alike`` is made where there is none. It is for painting on, and for use as
    strokes: other labels stay where the mask leaves them alone.
    """
    layer = _alike_layer(viewer, tokens)
    data = layer.data
    plane = data[tokens.plane.index]
    plane[plane == label] = 0
    plane[mask] = label
    layer.data = data
    return layer


def _alike_layer(viewer: Viewer, tokens: TokenPlane) -> Labels:
    """Return the labels layer of an image, a new one if need be; the selected layer stays selected."""
    for layer in written(viewer.layers, tokens.image.name, ALIKE):
        if layer.data.shape == tokens.plane.shape:
            return layer
    layer = Labels(
        np.zeros(tokens.plane.shape, np.uint8),
        name=f"{tokens.image.name} {ALIKE}",
        metadata=mark(tokens.image.name, ALIKE),
        colormap=class_colours(),
        **{name: getattr(tokens.image, name) for name in GEOMETRY},
    )
    add_quietly(viewer, layer)
    return layer
