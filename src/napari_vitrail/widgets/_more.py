"""Segment more than the plane in view: all slices, and other images, with the classifier at hand."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray
from qtpy.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from napari_vitrail.progress import Progress, Steps, part_of
from napari_vitrail.widgets._blocks import blocks_of
from napari_vitrail.widgets._checklist import ImageChecklist
from napari_vitrail.widgets._cleaning import spoken
from napari_vitrail.widgets._form import allow
from napari_vitrail.widgets._image_plane import ImagePlane
from napari_vitrail.widgets._layers import class_names, class_table, write_segmentation
from napari_vitrail.widgets._planes import all_planes, image_index
from napari_vitrail.widgets._workbench import Workbench

if TYPE_CHECKING:
    from napari_vitrail.classify import PixelClassifier
    from napari_vitrail.refinement import Refinement

_SLICES_HELP = (
    "Segment every slice of the chosen image with the classifier at hand, the one in view first, and slices "
    "of more than 64 megapixels block by block. It runs in the background; Cancel keeps what is done"
)
_IMAGES_HELP = "Segment every slice of each ticked image with the classifier at hand"


class SegmentMore(QWidget):
    """A button for all slices of the chosen image, and a list of images with a button for those ticked.

    Parameters
    ----------
    bench : Workbench
    """

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self._bench = bench
        self._slices = QPushButton("Segment all slices")
        self._images = QPushButton("Segment ticked images")
        self._ticked = ImageChecklist(bench.viewer)
        self._slices.clicked.connect(self._on_slices_clicked)
        self._images.clicked.connect(lambda: self._start(self._ticked.chosen))
        for signal in (bench.changed, bench.learned, self._ticked.changed):
            signal.connect(self._allow)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (self._slices, QLabel("Images"), self._ticked, self._images):
            layout.addWidget(part)
        self._allow()

    def _allow(self) -> None:
        """Let be segmented what can be; else the tooltips say what stands in the way."""
        for button, hint, images in (
            (self._slices, _SLICES_HELP, [self._bench.layers.image]),
            (self._images, _IMAGES_HELP, self._ticked.chosen),
        ):
            allow(button, hint, self._obstacle(images))

    def _obstacle(self, images: Sequence[Image | None]) -> str:
        """Return why some images cannot be segmented, nothing if they can."""
        if self._bench.classifier is None:
            return "let it learn from strokes, or apply a classifier"
        if not images or None in images:
            return "open an image first"
        try:
            for image in images:
                image_index(
                    image, self._bench.viewer.dims, self._bench.layers.channels_of(image), clipped=True
                )
        except ValueError as error:
            return str(error)
        return ""

    def _on_slices_clicked(self) -> None:
        self._start([self._bench.layers.image])

    def _start(self, images: Sequence[Image]) -> None:
        obstacle = self._obstacle(images)
        if obstacle or self._bench.classifier is None:
            self._bench.job.refuse(obstacle)
            return
        viewer, classifier = self._bench.viewer, self._bench.classifier
        planes = {image: self._planes(image) for image in images}
        blocks = [
            block for image, own in planes.items() for block in blocks_of(viewer, own, image, classifier.spec)
        ]
        count = sum(map(len, planes.values()))
        names, how = ", ".join(image.name for image in images), self._bench.cleaning.how
        cleaned = "" if how is None else f" and cleaned up by {spoken(how)}"
        self._bench.job.run(
            segment_planes_steps(blocks, classifier, how),
            on_done=lambda _: self._report(
                [own[0] for own in planes.values()],
                f"{count} slice{'s' * (count > 1)} of {names} segmented{cleaned}.",
            ),
            on_preview=partial(self._on_segmented, classifier),
            title=f"Segmenting {names}",
        )

    def _planes(self, image: Image) -> list[ImagePlane]:
        return all_planes(image, self._bench.viewer.dims, self._bench.layers.channels_of(image))

    def _report(self, firsts: Sequence[ImagePlane], report: str) -> str:
        """Return what to say of what was done, and of images that have changed meanwhile."""
        for plane in firsts:
            report = self._bench.report(plane, report)
        return report

    def _on_segmented(self, classifier: PixelClassifier, segmented: tuple[ImagePlane, NDArray]) -> Labels:
        plane, segmentation = segmented
        strokes = self._bench.layers.strokes
        layer = write_segmentation(self._bench.viewer, plane, segmentation, strokes)
        if strokes is None or not class_names(strokes):
            layer.features = class_table(classifier.class_names)
        self._bench.shown.emit()
        return layer


def segment_planes_steps(
    planes: Sequence[ImagePlane], classifier: PixelClassifier, how: Refinement | None = None
) -> Steps[int]:
    """Yield Progress, with each plane and its segmentation as soon as it is there; return how many.

    They are cleaned up where that is asked for.
    """
    for number, plane in enumerate(planes):
        steps = _plane_steps(plane, classifier, how)
        segmentation = yield from part_of(steps, number, len(planes))
        what = "slices" if plane.block is None else "blocks"
        yield Progress(number + 1, len(planes), what, (plane, segmentation))
    return len(planes)


def _plane_steps(
    plane: ImagePlane, classifier: PixelClassifier, how: Refinement | None
) -> Steps[NDArray[np.integer]]:
    from napari_vitrail.results import Wanted, results_steps  # loads torch
    from napari_vitrail.segmentation import segment_steps
    from napari_vitrail.store import shared_store

    if how is None:
        steps = segment_steps(plane.read(), classifier, window=plane.window, store=shared_store())
        return (yield from steps)
    wanted = Wanted(refinement=how)
    segmentation, _ = yield from results_steps(plane.read(), classifier, wanted, store=shared_store())
    return segmentation if plane.window is None else segmentation[plane.window]
