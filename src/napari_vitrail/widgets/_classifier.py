"""Paint to segment: a few strokes on an image become a segmentation of all of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import napari.viewer
import numpy as np
from napari.layers import Labels
from numpy.typing import ArrayLike, NDArray
from qtpy.QtCore import QEvent, QSize
from qtpy.QtGui import QCloseEvent
from qtpy.QtWidgets import QFormLayout, QVBoxLayout, QWidget

from napari_vitrail.progress import Steps
from napari_vitrail.spec import SEGMENTATION, FeatureSpec
from napari_vitrail.widgets._choice import LayerChoice
from napari_vitrail.widgets._form import SpecForm
from napari_vitrail.widgets._job import JobPanel
from napari_vitrail.widgets._layers import (
    ImagePlane,
    class_names,
    read_plane,
    read_strokes,
    write_segmentation,
)

if TYPE_CHECKING:
    from napari_vitrail.classify import PixelClassifier

WIDTH = 320
"""Width in pixels that a dock is asked for; every part also fits into a little less."""

Painted = tuple[ArrayLike, NDArray[np.integer]]


class ClassifierWidget(QWidget):
    """Choose an image and the strokes on it, press Segment, get a labels layer.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers are read and written.
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self._viewer = viewer
        self._layers = LayerChoice(viewer, on_change=self._on_changed)
        self._form = SpecForm(SEGMENTATION, on_change=self._on_changed)
        self._job = JobPanel(
            "Segment",
            "Learn from the strokes and segment the plane in view",
            "Paint a few strokes of each class, one label for each, then press Segment.",
        )
        self._job.requested.connect(self._on_segment_requested)
        viewer.dims.events.connect(self._on_changed)
        self._lay_out()
        self._on_changed()

    def sizeHint(self) -> QSize:
        """Ask the dock for the width that everything is made for."""
        return super().sizeHint().expandedTo(QSize(WIDTH, 0))

    def closeEvent(self, event: QCloseEvent) -> None:
        """Cancel the running job."""
        self._job.cancel()
        super().closeEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Cancel the running job when the dock lets go of the widget, which sends no close event."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self._job.cancel()
        super().changeEvent(event)

    def _lay_out(self) -> None:
        """Put what everyone needs on top, and what few need below, folded."""
        rows = QFormLayout()
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._layers.add_rows(rows)
        self._form.add_rows(rows)
        layout = QVBoxLayout(self)
        layout.addLayout(rows)
        layout.addWidget(self._job)
        layout.addWidget(self._form.advanced(), 1)

    def _obstacle(self) -> str:
        """Return why Segment cannot be pressed, or nothing if it can."""
        try:
            self._form.spec  # noqa: B018  asks whether the values go together
        except ValueError as error:
            return str(error)
        return self._layers.obstacle(self._viewer.dims)

    def _on_changed(self) -> None:
        self._job.allow(self._obstacle())

    def _on_segment_requested(self) -> None:
        image, strokes, dims = self._layers.image, self._layers.strokes, self._viewer.dims
        plane = read_plane(image, dims)
        painted = read_strokes(strokes, image, dims)
        steps = segment_painted_steps(
            plane.pixels,
            painted,
            self._form.spec,
            estimator=self._form.estimator,
            class_names=class_names(strokes),
        )
        self._job.run(
            steps,
            on_done=partial(self._on_segmented, plane, strokes),
            title=f"Segmenting {plane.layer_name}",
        )

    def _on_segmented(
        self, plane: ImagePlane, strokes: Labels, result: tuple[PixelClassifier, NDArray[np.integer]]
    ) -> str:
        classifier, segmentation = result
        write_segmentation(self._viewer, plane, segmentation, strokes)
        if plane.layer_name in self._viewer.layers:
            return classifier.report
        return f"{classifier.report} {plane.layer_name!r} was removed meanwhile; its segmentation is kept."


def segment_painted_steps(
    pixels: ArrayLike,
    painted: Sequence[Painted],
    spec: FeatureSpec,
    *,
    estimator: str | None = None,
    class_names: dict[int, str] | None = None,
) -> Steps[tuple[PixelClassifier, NDArray[np.integer]]]:
    """Yield Progress; return a classifier trained on painted images and the segmentation of an image.

    Parameters
    ----------
    pixels : (H, W) or (H, W, C) array, or lazy array
        The image to segment.
    painted : sequence of (image, strokes)
        The images to learn from and the strokes on each.
    spec : FeatureSpec
        What the classifier sees.
    estimator : str, optional
        Name of an estimator that `napari_vitrail.fit_classifier` knows.
    class_names : dict of int to str, optional
        What each class is called.
    """
    from napari_vitrail.classify import fit_classifier_steps, segment_steps  # loads torch

    images = [np.asarray(image) for image, _ in painted]
    labels = [strokes for _, strokes in painted]
    classifier = yield from fit_classifier_steps(
        images, labels, spec, estimator=estimator, class_names=class_names
    )
    segmentation = yield from segment_steps(np.asarray(pixels), classifier)
    return classifier, segmentation
