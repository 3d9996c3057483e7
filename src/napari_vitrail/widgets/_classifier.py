"""Paint to segment: a few strokes on an image become a segmentation of all of it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import napari.viewer
import numpy as np
from napari.layers import Labels
from numpy.typing import ArrayLike, NDArray
from qtpy.QtCore import QEvent, QSize
from qtpy.QtGui import QCloseEvent, QShowEvent
from qtpy.QtWidgets import QFormLayout, QVBoxLayout, QWidget

from napari_vitrail.progress import Progress, Steps
from napari_vitrail.spec import SEGMENTATION, FeatureSpec
from napari_vitrail.widgets._choice import LayerChoice
from napari_vitrail.widgets._classes import ClassTable
from napari_vitrail.widgets._file import ClassifierFile
from napari_vitrail.widgets._form import SpecForm
from napari_vitrail.widgets._job import JobPanel
from napari_vitrail.widgets._layers import (
    ImagePlane,
    Painted,
    class_names,
    class_table,
    read_plane,
    read_strokes,
    result_of,
    write_segmentation,
)
from napari_vitrail.widgets._live import LiveUpdate
from napari_vitrail.widgets._uncertain import (
    Uncertainty,
    go_to_most_uncertain,
    uncertainty_steps,
    write_uncertainty,
)

if TYPE_CHECKING:
    from napari_vitrail.classify import PixelClassifier

WIDTH = 320
"""Width in pixels that a dock is asked for; every part also fits into a little less."""

Segmented = tuple["PixelClassifier", NDArray[np.integer]]
"""A classifier and the segmentation of an image by it."""


class ClassifierWidget(QWidget):
    """Choose an image and the strokes on it, press Segment, get a labels layer; keep what was learned.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers are read and written.
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self._viewer = viewer
        self._classifier: PixelClassifier | None = None  # trained or applied last
        self._layers = LayerChoice(viewer, on_change=self._on_changed)
        self._form = SpecForm(SEGMENTATION, on_change=self._on_changed)
        self._job = JobPanel(
            "Segment",
            "Learn from the strokes and segment the plane in view",
            "Paint a few strokes of each class, one label for each.",
        )
        self._file = ClassifierFile()
        self._uncertain = Uncertainty()
        self._classes = ClassTable(viewer, result=lambda: result_of(viewer.layers, self._layers.image))
        self._live = LiveUpdate(
            viewer,
            self._layers,
            self._job,
            obstacle=self._obstacle,
            chosen=lambda: (self._form.spec, self._form.estimator),
            on_learned=self._on_learned,
            on_shown=self._classes.refresh_soon,
        )
        self._job.requested.connect(self._on_segment_requested)
        self._file.chosen.connect(self._on_file_chosen)
        self._uncertain.requested.connect(self._on_uncertainty_requested)
        viewer.dims.events.connect(self._on_changed)
        self._lay_out()
        self._on_changed()

    def sizeHint(self) -> QSize:
        """Ask the dock for the width that everything is made for."""
        return super().sizeHint().expandedTo(QSize(WIDTH, 0))

    def showEvent(self, event: QShowEvent) -> None:
        """Follow the strokes, also after the dock was hidden."""
        super().showEvent(event)
        self._on_changed()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Cancel the running job."""
        self._stop()
        super().closeEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Cancel the running job when the dock lets go of the widget, which sends no close event."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self._stop()
        super().changeEvent(event)

    def _stop(self) -> None:
        self._live.leave()
        self._classes.leave()
        self._job.cancel()

    def _lay_out(self) -> None:
        """Put what everyone needs on top, and what few need below, folded."""
        rows = QFormLayout()
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._layers.add_rows(rows)
        self._form.add_rows(rows)
        self._live.add_rows(rows)
        self._job.add_row(self._uncertain)
        self._job.add_row(self._file)
        layout = QVBoxLayout(self)
        layout.addLayout(rows)
        layout.addWidget(self._classes)
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
        self._live.follow(self._layers.strokes)
        self._classes.show_classes(self._layers.strokes)
        self._job.allow(self._obstacle())
        self._file.allow(self._layers.image_obstacle(self._viewer.dims))

    def _on_segment_requested(self) -> None:
        if obstacle := self._obstacle():  # a layer may change without a word: in place, by a script
            self._job.refuse(obstacle)
            return
        self._live.stop()
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
            on_preview=partial(self._on_preview, plane, strokes),
            title=f"Segmenting {plane.layer_name}",
        )

    def _on_preview(
        self, plane: ImagePlane, strokes: Labels | None, segmentation: NDArray[np.integer]
    ) -> None:
        write_segmentation(self._viewer, plane, segmentation, strokes)
        self._classes.refresh_soon()

    def _on_segmented(self, plane: ImagePlane, strokes: Labels, result: Segmented) -> str:
        classifier, segmentation = result
        self._keep(plane, classifier)
        write_segmentation(self._viewer, plane, segmentation, strokes)
        self._classes.refresh_soon()
        return self._report(plane, classifier.report)

    def _keep(self, plane: ImagePlane, classifier: PixelClassifier) -> None:
        """Take a classifier that was trained, to be saved and to be asked how sure it is."""
        self._file.keep(classifier, plane.layer_name)
        self._classifier = classifier
        self._uncertain.allow()

    def _on_uncertainty_requested(self, then_go: bool) -> None:
        obstacle = self._layers.image_obstacle(self._viewer.dims)
        if obstacle or self._classifier is None:
            self._job.refuse(obstacle or "let it learn from strokes first")
            return
        plane = read_plane(self._layers.image, self._viewer.dims)
        self._job.run(
            uncertainty_steps(plane, self._classifier),
            on_done=partial(self._on_uncertainty, plane, then_go),
            title=f"Asking how sure it is of {plane.layer_name}",
        )

    def _on_uncertainty(self, plane: ImagePlane, then_go: bool, values: NDArray[np.float32]) -> str:
        layer = write_uncertainty(self._viewer, plane, values)
        report = f"uncertainty {values.mean():.2f} on average."
        if then_go:
            row, column = go_to_most_uncertain(self._viewer, layer, self._layers.strokes)
            report += f" Least sure round row {row}, column {column}: a stroke there says most."
        return report

    def _on_learned(self, plane: ImagePlane, classifier: PixelClassifier) -> str:
        self._keep(plane, classifier)
        return self._report(plane, classifier.report)

    def _on_file_chosen(self, path: str) -> None:
        if obstacle := self._layers.image_obstacle(self._viewer.dims):
            self._job.refuse(obstacle)
            return
        plane = read_plane(self._layers.image, self._viewer.dims)
        self._job.run(
            segment_saved_steps(plane.pixels, path),
            on_done=partial(self._on_applied, plane, Path(path).name),
            on_preview=partial(self._on_preview, plane, None),
            title=f"Segmenting {plane.layer_name}",
        )

    def _on_applied(self, plane: ImagePlane, name: str, result: Segmented) -> str:
        classifier, segmentation = result
        self._classifier = classifier
        self._uncertain.allow()
        layer = write_segmentation(self._viewer, plane, segmentation, self._layers.strokes)
        layer.features = class_table(classifier.class_names)
        self._classes.refresh_soon()
        return self._report(plane, f"{name}, {classifier.report}")

    def _report(self, plane: ImagePlane, report: str) -> str:
        """Return what to say of a result, and of its image if that has gone."""
        if plane.layer_name in self._viewer.layers:
            return report
        return f"{report} {plane.layer_name!r} was removed meanwhile; its segmentation is kept."


def segment_painted_steps(
    pixels: ArrayLike,
    painted: Steps[list[Painted]],
    spec: FeatureSpec,
    *,
    estimator: str | None = None,
    class_names: dict[int, str] | None = None,
) -> Steps[Segmented]:
    """Yield Progress; return a classifier trained on painted images and the segmentation of an image.

    Coarser segmentations come with the progress, as soon as they are there.

    Parameters
    ----------
    pixels : (H, W) or (H, W, C) array, or lazy array
        The image to segment.
    painted : generator of Progress
        Returns the images to learn from and the strokes on each.
    spec : FeatureSpec
        What the classifier sees.
    estimator : str, optional
        Name of an estimator that `napari_vitrail.fit_classifier` knows.
    class_names : dict of int to str, optional
        What each class is called.
    """
    from napari_vitrail.classify import fit_classifier_steps  # loads torch
    from napari_vitrail.segmentation import coarse_to_fine_steps
    from napari_vitrail.store import shared_store

    pairs = yield from painted
    images = [np.asarray(image) for image, _ in pairs]
    labels = [strokes for _, strokes in pairs]
    classifier = yield from fit_classifier_steps(
        images, labels, spec, estimator=estimator, class_names=class_names, store=shared_store()
    )
    segmentation = yield from coarse_to_fine_steps(np.asarray(pixels), classifier, store=shared_store())
    return classifier, segmentation


def segment_saved_steps(pixels: ArrayLike, path: str) -> Steps[Segmented]:
    """Yield Progress; return the classifier in a ``.vitrail`` file and its segmentation of an image.

    Coarser segmentations come with the progress, as soon as they are there.

    Parameters
    ----------
    pixels : (H, W) or (H, W, C) array, or lazy array
        The image to segment.
    path : str
        Of the file.
    """
    from napari_vitrail.project import load_classifier  # loads torch
    from napari_vitrail.segmentation import coarse_to_fine_steps
    from napari_vitrail.store import shared_store

    yield Progress(0, 1, "opening the classifier")
    classifier = load_classifier(path)
    segmentation = yield from coarse_to_fine_steps(np.asarray(pixels), classifier, store=shared_store())
    return classifier, segmentation
