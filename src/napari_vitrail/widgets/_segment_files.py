"""Segment files with the classifier at hand, as the command line does: folders and patterns."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from napari.utils.notifications import show_warning
from qtpy.QtWidgets import QFileDialog, QFormLayout, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from napari_vitrail.progress import Steps
from napari_vitrail.widgets._cleaning import spoken
from napari_vitrail.widgets._form import allow, wrapped
from napari_vitrail.widgets._further_files import FurtherFiles
from napari_vitrail.widgets._planes import full_resolution
from napari_vitrail.widgets._workbench import Workbench

if TYPE_CHECKING:
    from napari_vitrail.batch import FileDone
    from napari_vitrail.classify import PixelClassifier
    from napari_vitrail.reading import Reading
    from napari_vitrail.refinement import Refinement

_FILES_HELP = "A folder whose images are segmented, one image file, or a pattern such as plate/**/*.tif"
_INTO_HELP = "The folder that gets NAME_segmentation.tif for each image; made if it is not there"
_HELP = (
    "Segment every image with the classifier at hand and write the results into the folder, to the bit what "
    "the command line writes: vitrail segment. Channels and stacks are read as those of the chosen image; a "
    "clean-up that is on is done here too"
)


class SegmentFiles(QWidget):
    """Where the images are, where the results go, and a button.

    Parameters
    ----------
    bench : Workbench
    """

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self._bench = bench
        self._files, self._into = QLineEdit(), QLineEdit()
        self._start = QPushButton("Segment files")
        self._start.clicked.connect(self._on_start_clicked)
        self._further = FurtherFiles(self._allow)
        for signal in (bench.learned, bench.changed, self._files.textChanged, self._into.textChanged):
            signal.connect(self._allow)
        rows = QFormLayout()
        rows.addRow("Files", self._with_browser(self._files, _FILES_HELP))
        rows.addRow("Into", self._with_browser(self._into, _INTO_HELP))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(rows)
        layout.addWidget(self._further)
        layout.addWidget(self._start)
        self._allow()

    def _with_browser(self, line: QLineEdit, hint: str) -> QHBoxLayout:
        """Return a line with a button that asks for a folder to write there."""
        browse = QPushButton("Browse...")
        for part in (line, browse):
            part.setToolTip(wrapped(hint))
        browse.clicked.connect(partial(self._browse, line))
        row = QHBoxLayout()
        row.addWidget(line, 1)
        row.addWidget(browse)
        return row

    def _browse(self, line: QLineEdit) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Choose a folder", line.text())
        if folder:
            line.setText(folder)

    def _obstacle(self) -> str:
        """Return why nothing can be segmented, nothing if it can."""
        if self._bench.classifier is None:
            return "let it learn from strokes, or apply a classifier"
        channels = self._bench.layers.channels
        if channels.level:
            return "files hold no levels of a pyramid; choose level 0 under Channels"
        if unsaid := [name for name, pattern in self._further.extra if not pattern]:
            return f"say where the files of {', '.join(map(repr, unsaid))} are"
        if not self._files.text().strip():
            return "say where the images are"
        return "" if self._into.text().strip() else "say which folder gets the results"

    def _allow(self) -> None:
        self._further.show_layers(self._bench.layers.image, self._bench.layers.channels.layers)
        allow(self._start, _HELP, self._obstacle())

    def _on_start_clicked(self) -> None:
        if self._bench.classifier is None:
            self._bench.job.refuse(self._obstacle())
            return
        names, into = self._files.text().strip(), Path(self._into.text().strip()).expanduser()
        how = self._bench.cleaning.how
        self._bench.job.run(
            segment_files_steps(names, into, self._bench.classifier, self._reading(), how),
            on_done=partial(self._on_done, into, "" if how is None else f", cleaned up by {spoken(how)}"),
            title=f"Segmenting {names}",
        )

    def _reading(self) -> Reading:
        """Return how the axes of the chosen image are meant, which the files are taken to share."""
        return replace(self._axes(), extra=self._further.extra)

    def _axes(self) -> Reading:
        from napari_vitrail.reading import Reading

        image, channels = self._bench.layers.image, self._bench.layers.channels
        if image is None:
            return Reading()
        if image.rgb:
            return Reading(-1, channels=(0, 1, 2), stack=True) if image.ndim > 2 else Reading()
        n_planes_axes = full_resolution(image).ndim - (2 if channels.axis is None else 3)
        several = channels.chosen if len(channels.chosen) > 1 else None
        return Reading(
            channels.axis,
            channels=channels.chosen if len(channels.chosen) == 1 else None,
            stains=several,
            stack=n_planes_axes > 0,
        )

    def _on_done(self, into: Path, cleaned: str, done: list[FileDone]) -> str:
        errors = [file.error for file in done if file.error]
        if errors:
            show_warning(f"{len(errors)} of {len(done)} images could not be segmented:\n" + "\n".join(errors))
        return f"{len(done) - len(errors)} of {len(done)} images segmented into {into}{cleaned}."


def segment_files_steps(
    names: str, into: Path, classifier: PixelClassifier, reading: Reading, how: Refinement | None = None
) -> Steps[list[FileDone]]:
    """Yield Progress; segment what a name or a pattern stands for, return what came of each file.

    They are cleaned up where that is asked for.
    """
    from napari_vitrail import batch
    from napari_vitrail.results import Wanted
    from napari_vitrail.store import shared_store

    reading.check_names(classifier)
    images = reading.without_extra(batch.find_images([Path(names).expanduser()]))
    reading.check_files(images)
    extra = [file for path in images for file in reading.extra_files(path)]
    wanted = Wanted(refinement=how)
    outputs = batch.plan_outputs(images, wanted, into, extra)
    into.mkdir(parents=True, exist_ok=True)
    steps = batch.segment_files_steps(images, outputs, classifier, wanted, reading, store=shared_store())
    return (yield from steps)
