"""Features as colours over their images: one part of the feature explorer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from napari import Viewer
from napari.layers import Image
from numpy.typing import NDArray
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QPushButton, QWidget

from napari_vitrail.grid import FeatureGrid
from napari_vitrail.progress import Progress, Steps
from napari_vitrail.widgets._form import allow, wrapped
from napari_vitrail.widgets._layers import COLOURS, add_quietly, mark, written
from napari_vitrail.widgets._tokens import TokenPlane, in_plane, placed_over

_HINT = "Show the three leading principal components of the features as red, green and blue, over each image"
_SHARED_HINT = "Like colours mean like features in all ticked images; else each image has its own colours"


class ColoursPanel(QWidget):
    """A button that asks for colours, and whether all images share them."""

    requested = Signal()
    """Colours are wanted."""

    def __init__(self) -> None:
        super().__init__()
        self._show = QPushButton("Show colours")
        self._shared = QCheckBox("One basis for all")
        self._shared.setChecked(True)
        self._shared.setToolTip(wrapped(_SHARED_HINT))
        self._show.clicked.connect(self.requested)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._show, 1)
        layout.addWidget(self._shared)

    @property
    def is_shared(self) -> bool:
        """Whether one basis serves all images."""
        return self._shared.isChecked()

    def allow(self, obstacle: str = "") -> None:
        """Let colours be asked for unless something stands in the way, which becomes the tooltip."""
        allow(self._show, _HINT, obstacle)


def colours_steps(features: Sequence[FeatureGrid], *, shared: bool) -> Steps[list[NDArray[np.uint8]]]:
    """Yield Progress; return features as colours (h, w, 3), on one basis or on one for each image."""
    from napari_vitrail.features import pca_colours  # loads torch

    groups = [list(features)] if shared else [[grid] for grid in features]
    colours = []
    for done, group in enumerate(groups, start=1):
        colours += pca_colours(group)
        yield Progress(done, len(groups), "colours")
    return colours


def write_colours(viewer: Viewer, tokens: TokenPlane, colours: NDArray[np.uint8]) -> Image:
    """Write the colours of tokens into the layer ``<image> PCA`` right above their image.

    The layer that an earlier run has made is updated, and put where the image lies; the selected
    layer stays selected.
    """
    data = in_plane(colours, tokens.plane.index)
    for layer in written(viewer.layers, tokens.image.name, COLOURS):
        if layer.ndim == tokens.image.ndim:  # of the same name, an image opened earlier may have been a stack
            layer.data = data
            for name, value in placed_over(tokens).items():
                setattr(layer, name, value)
            return layer
    layer = Image(
        data,
        rgb=True,
        name=f"{tokens.image.name} {COLOURS}",
        metadata=mark(tokens.image.name, COLOURS),
        interpolation2d="linear",  # which gives the colours of interpolated features: both are linear
        **placed_over(tokens),
    )
    add_quietly(viewer, layer, viewer.layers.index(tokens.image) + 1)
    return layer
