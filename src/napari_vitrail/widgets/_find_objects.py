"""Find objects: what is in an image, without a label, and boxes round it."""

from __future__ import annotations

import napari.viewer
from qtpy.QtWidgets import QCheckBox, QVBoxLayout

from napari_vitrail.imports import import_ahead
from napari_vitrail.widgets._clicks import StillClicks
from napari_vitrail.widgets._detail import DetailSlider
from napari_vitrail.widgets._dock import DockedWidget
from napari_vitrail.widgets._form import wrapped
from napari_vitrail.widgets._judging import Judging
from napari_vitrail.widgets._network import NetworkChoice
from napari_vitrail.widgets._object_rows import ObjectTable
from napari_vitrail.widgets._object_strokes import SendObjects
from napari_vitrail.widgets._save_objects import SaveObjects
from napari_vitrail.widgets._scenes import SIDE, Scenes

_SIDES = [("448 pixels", 448), ("672 pixels", 672), ("896 pixels", 896)]
_PLANES_HINT = "Look at every plane of a stack that is parallel to the one in view, that one first"


class FindObjectsWidget(DockedWidget):
    """Tick images, press Find objects, get what is in them as labels and boxes; correct it by clicks.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers are read and written.
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self._scenes = Scenes(viewer)
        self._planes = QCheckBox("All planes of a stack")
        self._planes.setToolTip(wrapped(_PLANES_HINT))
        self._planes.toggled.connect(self._scenes.look_at_all_planes)
        self._detail = DetailSlider(self._scenes)
        self._rows = ObjectTable(self._scenes)
        self._judging = Judging(self._scenes)
        self._send = SendObjects(self._scenes)
        self._save = SaveObjects(self._scenes)
        self._network = NetworkChoice(self._scenes.look_by, _SIDES, SIDE)
        self._clicks = StillClicks(viewer, self._scenes.toggle_at)
        self._lay_out()

    def come(self) -> None:
        """Begin to load what takes as long as the first image; listen to clicks and keys."""
        import_ahead("napari_vitrail.objects", "timm")
        self._clicks.open()
        self._judging.come()

    def leave(self) -> None:
        """Cancel the running job, leave clicks and keys to the viewer."""
        self._scenes.cancel()
        self._save.cancel()
        self._clicks.close_down()
        self._judging.leave()

    def _lay_out(self) -> None:
        """Put what is looked at on top, then the job, what was found, and what can be done with it."""
        layout = QVBoxLayout(self)
        layout.addWidget(self._scenes.source)
        layout.addWidget(self._planes)
        layout.addWidget(self._scenes.job)
        layout.addWidget(self._detail)
        layout.addWidget(self._rows, 1)
        layout.addWidget(self._judging)
        layout.addWidget(self._send)
        layout.addWidget(self._save)
        layout.addWidget(self._network)
