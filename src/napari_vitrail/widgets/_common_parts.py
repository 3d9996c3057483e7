"""Find common parts: what images share, in the same colours in all of them."""

from __future__ import annotations

import napari.viewer
from qtpy.QtWidgets import QVBoxLayout

from napari_vitrail.imports import import_ahead
from napari_vitrail.widgets._amount import AmountSlider
from napari_vitrail.widgets._dock import DockedWidget
from napari_vitrail.widgets._gallery import Gallery
from napari_vitrail.widgets._how import HowPanel
from napari_vitrail.widgets._part_clicks import PartClicks
from napari_vitrail.widgets._part_rows import PartTable
from napari_vitrail.widgets._part_strokes import SendParts
from napari_vitrail.widgets._save_found import SaveFound
from napari_vitrail.widgets._seen_layers import SeenLayers
from napari_vitrail.widgets._sharing import Sharing


class CommonPartsWidget(DockedWidget):
    """Choose images, press Find, get what they share as labels layers and in a gallery.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers are read and written.
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self._sharing = Sharing(viewer)
        self._amount = AmountSlider(self._sharing)
        self._how = HowPanel(self._sharing)
        self._gallery = Gallery(self._sharing)
        self._parts = PartTable(self._sharing)
        self._layers = SeenLayers(self._sharing)
        self._send = SendParts(self._sharing)
        self._save = SaveFound(self._sharing)
        self._clicks = PartClicks(self._sharing)
        self._lay_out()

    def come(self) -> None:
        """Begin to load what takes as long as the first images, and what draws a curve; listen to clicks."""
        import_ahead("napari_vitrail.cosegmentation", "timm", "matplotlib.backends.backend_qtagg")
        self._clicks.open()

    def leave(self) -> None:
        """Cancel the running job, leave clicks to the viewer."""
        self._sharing.cancel()
        self._save.cancel()
        self._clicks.close_down()

    def _lay_out(self) -> None:
        """Put what is looked at on top, then the job, what was found, and what can be done with it."""
        layout = QVBoxLayout(self)
        layout.addWidget(self._sharing.source)
        layout.addWidget(self._sharing.job)
        layout.addWidget(self._amount)
        layout.addWidget(self._how)
        layout.addWidget(self._how.curve)
        layout.addWidget(self._gallery, 2)
        layout.addWidget(self._parts, 1)
        layout.addWidget(self._layers)
        layout.addWidget(self._send)
        layout.addWidget(self._save)
