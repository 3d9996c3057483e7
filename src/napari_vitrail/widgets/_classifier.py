"""Paint to segment: a few strokes on an image become a segmentation of all of it."""

from __future__ import annotations

import napari.viewer
from napari.layers import Image, Labels
from qtpy.QtWidgets import QFormLayout, QFrame, QTabWidget, QToolButton, QVBoxLayout, QWidget

from napari_vitrail.imports import import_ahead
from napari_vitrail.widgets._autosave import Autosave
from napari_vitrail.widgets._classes import ClassTable
from napari_vitrail.widgets._cleanup import CleanUp
from napari_vitrail.widgets._dock import DockedWidget
from napari_vitrail.widgets._file import ClassifierFile
from napari_vitrail.widgets._form import folded
from napari_vitrail.widgets._keys import KeyAction, PaintingKeys
from napari_vitrail.widgets._live import LiveUpdate
from napari_vitrail.widgets._more import SegmentMore
from napari_vitrail.widgets._objects import Objects
from napari_vitrail.widgets._paintable import paint_obstacle
from napari_vitrail.widgets._presets import Presets
from napari_vitrail.widgets._probabilities import Probabilities
from napari_vitrail.widgets._project import ProjectFile
from napari_vitrail.widgets._recovery import Recovery
from napari_vitrail.widgets._segment_files import SegmentFiles
from napari_vitrail.widgets._segmenting import segment_painted
from napari_vitrail.widgets._trust import TrustPage
from napari_vitrail.widgets._uncertain import Uncertainty
from napari_vitrail.widgets._view import View
from napari_vitrail.widgets._workbench import Workbench


class ClassifierWidget(DockedWidget):
    """Choose an image and the strokes on it, press Segment, get a labels layer; keep what was learned.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers are read and written.
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self._is_closed = False
        self._bench = Workbench(viewer)
        self._classes = ClassTable(viewer, result=self._bench.result)
        self._live = LiveUpdate(self._bench)
        self._uncertain = Uncertainty(self._bench)
        self._probabilities = Probabilities(self._bench)
        self._clean_up = CleanUp(self._bench)
        self._objects = Objects(self._bench)
        self._autosave = Autosave(self._bench)
        self._project = ProjectFile(self._bench, self._autosave, self._clean_up)
        self._recovery = Recovery(self._project.restore)
        self._view = View(self._bench, self._uncertain, self._probabilities)
        self._presets = Presets(self._bench)
        self._keys = PaintingKeys(viewer, self._key_actions())
        self._file = ClassifierFile(self._bench)
        self._more = SegmentMore(self._bench)
        self._segment_files = SegmentFiles(self._bench)
        self._trust = TrustPage(self._bench)
        self._trust.requested.connect(self._live.stop)
        self._bench.job.requested.connect(self._on_segment_requested)
        self._bench.changed.connect(self._on_changed)
        self._bench.shown.connect(self._classes.refresh_soon)
        self._lay_out()
        self._on_changed()

    def come(self) -> None:
        """Follow the strokes; begin to load what takes as long as the first of them."""
        import_ahead("napari_vitrail.live", "timm")
        self._is_closed = False
        self._on_changed()

    def leave(self) -> None:
        """Cancel the running job, keep what was painted, give strokes and keys back."""
        self._is_closed = True
        self._autosave.flush()
        self._live.leave()
        self._classes.leave()
        self._keys.leave()
        self._presets.leave()
        self._bench.job.cancel()

    def choose(self, image: Image, strokes: Labels) -> None:
        """Take an image and the strokes on it."""
        self._bench.layers.choose(image, strokes)

    def _lay_out(self) -> None:
        """Put each kind of work on a page, in the order in which it is done, and the job below them all."""
        pages = QTabWidget()
        for arrow in pages.findChildren(QToolButton):
            arrow.setToolTip("Show the other pages")
        for title, page, hint in (
            ("Paint", self._painting_page(), "Choose the image and paint"),
            ("Results", self._results_page(), "What else can be made of the strokes"),
            ("Trust", self._trust, "How well strokes are predicted that were left out"),
            ("Batch", self._batch_page(), "Segment stacks, other images and files"),
            ("Settings", self._settings_page(), "Features and classifier; the defaults suit most images"),
        ):
            pages.setTabToolTip(pages.addTab(page, title), hint)
        layout = QVBoxLayout(self)
        layout.addWidget(self._recovery)
        layout.addWidget(pages, 1)
        layout.addWidget(self._bench.job)

    def _painting_page(self) -> QWidget:
        rows = _rows()
        self._bench.layers.add_rows(rows)
        self._presets.add_rows(rows)
        self._live.add_rows(rows)
        self._view.add_rows(rows)
        return _column(rows, self._classes, self._project)

    def _results_page(self) -> QWidget:
        return _column(
            self._uncertain, self._probabilities, _line(), self._clean_up, _line(), self._objects,
        )  # fmt: skip

    def _batch_page(self) -> QWidget:
        return _column(self._more, _line(), self._segment_files, _line(), self._file)

    def _settings_page(self) -> QWidget:
        rows = _rows()
        self._bench.form.add_rows(rows)
        keys = folded("Keys", self._keys, "Which keys there are, and what they do")
        return _column(rows, self._bench.form.advanced(), keys)

    def _key_actions(self) -> list[KeyAction]:
        """Return what there are keys for, in the order of the list."""
        return [
            KeyAction("view", "next view", self._view.show_next),
            KeyAction("brush", "brush, on the strokes", lambda: self._take_up("paint")),
            KeyAction("eraser", "eraser, on the strokes", lambda: self._take_up("erase")),
            KeyAction("spot", "most uncertain spot", self._uncertain.go),
            KeyAction("segment", "Segment", self._on_segment_requested),
        ]

    def _take_up(self, mode: str) -> None:
        """Select the strokes and take up a tool, whatever was selected."""
        strokes = self._bench.layers.strokes
        if strokes is None:
            self._bench.job.refuse(self._bench.obstacle())
            return
        if obstacle := paint_obstacle(strokes):
            self._bench.job.refuse(f"no brush can write to {strokes.name!r}: {obstacle}")
            return
        self._bench.viewer.layers.selection.active = strokes
        strokes.mode = mode

    def _on_changed(self) -> None:
        if self._is_closed:  # someone may still hold it: the keys and the strokes are others' now
            return
        self._live.follow(self._bench.layers.strokes)
        self._classes.show_classes(self._bench.layers.strokes)
        self._keys.bind(self._bench.layers.strokes)
        self._presets.follow()
        self._bench.job.allow(self._bench.obstacle())

    def _on_segment_requested(self) -> None:
        if obstacle := self._bench.obstacle():  # a layer may change without a word: in place, by a script
            self._bench.job.refuse(obstacle)
            return
        self._live.stop()
        segment_painted(self._bench)


def _rows() -> QFormLayout:
    """Return a layout of labelled rows whose fields take the width there is."""
    rows = QFormLayout()
    rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return rows


def _line() -> QFrame:
    """Return what parts one kind of result from the next."""
    line = QFrame()
    line.setFrameShape(QFrame.Shape.HLine)
    return line


def _column(*parts: QWidget | QFormLayout) -> QWidget:
    """Return a page of parts one below the other."""
    page = QWidget()
    layout = QVBoxLayout(page)
    layout.setContentsMargins(2, 6, 2, 2)
    for part in parts:
        if isinstance(part, QWidget):
            layout.addWidget(part)
        else:
            layout.addLayout(part)
    layout.addStretch()
    return page
