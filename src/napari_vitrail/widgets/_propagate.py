"""Propagate: label one frame of a stack or a movie, get the others; correct where it drifts."""

from __future__ import annotations

import napari.viewer
from qtpy.QtWidgets import QVBoxLayout

from napari_vitrail.imports import import_ahead
from napari_vitrail.widgets._dock import DockedWidget
from napari_vitrail.widgets._frame_tools import FrameTools
from napari_vitrail.widgets._network import NetworkChoice
from napari_vitrail.widgets._passage_steps import SIDE
from napari_vitrail.widgets._passage_strokes import SendFrames
from napari_vitrail.widgets._propagation import Propagation
from napari_vitrail.widgets._quality_curve import QualityCurve

_SIDES = [("320 pixels", 320), ("480 pixels", 480), ("720 pixels", 720)]


class PropagateWidget(DockedWidget):
    """Choose a stack and the labels of a frame, press Propagate; look, correct, continue from there.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers are read and written.
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self._propagation = Propagation(viewer)
        self._curve = QualityCurve(viewer)
        self._curve.wanted.connect(self._propagation.show)
        self._tools = FrameTools(self._propagation)
        self._send = SendFrames(self._propagation)
        self._network = NetworkChoice(self._propagation.look_by, _SIDES, SIDE)
        for signal in (self._propagation.shown, self._propagation.changed):
            signal.connect(self._draw)
        self._lay_out()
        self._draw()

    def come(self) -> None:
        """Begin to load what takes as long as the first frame; listen to keys."""
        import_ahead("napari_vitrail.propagation", "timm")
        self._tools.come()

    def leave(self) -> None:
        """Cancel the running job, leave keys to the viewer."""
        self._propagation.cancel()
        self._tools.leave()

    def _draw(self) -> None:
        self._curve.draw(self._propagation.quality, self._propagation.frame_in_view)

    def _lay_out(self) -> None:
        """Put what is gone through on top, then the job, how good it is, and what can be done about it."""
        layout = QVBoxLayout(self)
        layout.addWidget(self._propagation.choice)
        layout.addWidget(self._propagation.job)
        layout.addWidget(self._curve, 1)
        layout.addWidget(self._tools)
        layout.addWidget(self._send)
        layout.addWidget(self._network)
        layout.addStretch()
