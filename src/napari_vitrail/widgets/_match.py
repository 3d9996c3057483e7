"""Match points: a click in one image, and the same place of another gets a point too."""

from __future__ import annotations

import napari.viewer
from qtpy.QtWidgets import QFormLayout, QFrame, QVBoxLayout

from napari_vitrail.imports import import_ahead
from napari_vitrail.widgets._aligning import Aligning
from napari_vitrail.widgets._beside import SideBySide
from napari_vitrail.widgets._dock import DockedWidget
from napari_vitrail.widgets._form import label_of
from napari_vitrail.widgets._matching import Matching
from napari_vitrail.widgets._network import NetworkChoice
from napari_vitrail.widgets._pair_hover import PairHover
from napari_vitrail.widgets._pairs_file import PairsFile
from napari_vitrail.widgets._proposals import Proposals


class MatchWidget(DockedWidget):
    """Choose two images, press Match, click; correct and accept pairs; lay one image on the other.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers are read and written.
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self._matching = Matching(viewer)
        self._beside = SideBySide(self._matching)
        self._proposals = Proposals(self._matching)
        self._hover = PairHover(self._matching)
        self._aligning = Aligning(self._matching, self._beside)
        self._file = PairsFile(self._matching)
        self._network = NetworkChoice(self._matching.look_by)
        self._lay_out()

    def come(self) -> None:
        """Begin to load what takes as long as the first click."""
        import_ahead("napari_vitrail.matching", "timm")
        self._hover.open()

    def leave(self) -> None:
        """Cancel the running job, let go of the points, put the image back."""
        self._hover.close_down()
        self._matching.unlink()
        self._beside.give_back()

    def _lay_out(self) -> None:
        """Put each kind of work below the one that it needs, and the job below them all."""
        rows = QFormLayout()
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for combo in (self._matching.fixed, self._matching.moving):
            rows.addRow(label_of(combo), combo.native)
        rows.addRow(self._beside)
        layout = QVBoxLayout(self)
        layout.addLayout(rows)
        layout.addWidget(self._matching.job)
        layout.addWidget(self._hover)
        for part in (self._proposals, self._aligning, self._file):
            layout.addWidget(_line())
            layout.addWidget(part)
        layout.addWidget(self._network)
        layout.addStretch(1)


def _line() -> QFrame:
    """Return what parts one kind of work from the next."""
    line = QFrame()
    line.setFrameShape(QFrame.Shape.HLine)
    return line
