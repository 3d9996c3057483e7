"""Segment: learn from all strokes thoroughly, or open a classifier, and show what comes of it."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray

from napari_vitrail.imports import importing_steps
from napari_vitrail.progress import Progress, Steps
from napari_vitrail.spec import FeatureSpec
from napari_vitrail.speed import shared_speeds
from napari_vitrail.widgets._cleaning import Cleaned, cleaned_steps
from napari_vitrail.widgets._image_plane import ImagePlane
from napari_vitrail.widgets._layers import class_names, class_table, write_segmentation
from napari_vitrail.widgets._planes import Painted, arrays_of
from napari_vitrail.widgets._runner import Failure, shield
from napari_vitrail.widgets._workbench import Workbench

if TYPE_CHECKING:
    from napari_vitrail.classify import PixelClassifier
    from napari_vitrail.refinement import Refinement

Segmented = tuple["PixelClassifier", NDArray[np.integer], Cleaned | Failure | None]
"""A classifier, the segmentation of an image by it, and what came of the clean-up where one was asked for."""


def segment_painted(bench: Workbench) -> None:
    """Start to learn from the strokes and to segment the plane in view."""
    plane, strokes = bench.plane(), bench.layers.strokes
    steps = segment_painted_steps(
        plane,
        bench.painted_anew(),
        bench.form.spec,
        estimator=bench.form.estimator,
        class_names=class_names(strokes),
        how=bench.cleaning.how,
    )

    def on_done(result: Segmented) -> str:
        classifier, segmentation, cleaned = result
        bench.keep(classifier, plane.layer_name)
        _show(bench, plane, strokes, segmentation, is_finished=True)
        return bench.report(
            plane, classifier.report + show_cleaned(bench, plane, strokes, classifier, cleaned)
        )

    bench.job.run(
        steps,
        on_done=on_done,
        on_preview=partial(_show, bench, plane, strokes, is_finished=False),
        title=f"Segmenting {plane.layer_name}",
    )


def segment_saved(bench: Workbench, path: str) -> None:
    """Start to segment the plane in view with the classifier in a file."""
    plane, strokes, name = bench.plane(), bench.layers.strokes, Path(path).name

    def on_done(result: Segmented) -> str:
        classifier, segmentation, cleaned = result
        bench.keep(classifier, name)
        layer = _show(bench, plane, strokes, segmentation, is_finished=True)
        layer.features = class_table(classifier.class_names)
        report = f"{name}, {classifier.report}" + show_cleaned(bench, plane, strokes, classifier, cleaned)
        return bench.report(plane, report)

    bench.job.run(
        segment_saved_steps(plane, path, how=bench.cleaning.how),
        on_done=on_done,
        on_preview=partial(_show, bench, plane, strokes, is_finished=False),
        title=f"Segmenting {plane.layer_name}",
    )


def _show(
    bench: Workbench,
    plane: ImagePlane,
    strokes: Labels | None,
    segmentation: NDArray[np.integer],
    *,
    is_finished: bool,
) -> Labels:
    layer = write_segmentation(bench.viewer, plane, segmentation, strokes, is_finished=is_finished)
    bench.shown.emit()
    return layer


def show_cleaned(
    bench: Workbench, plane: ImagePlane, strokes: Labels | None, classifier: PixelClassifier,
    cleaned: Cleaned | Failure | None,
) -> str:  # fmt: skip
    """Write what was cleaned up over what it was made of, unless that is not wanted; return how to say so."""
    if cleaned is None or bench.cleaning.how is None:  # maybe it was switched off meanwhile
        return ""
    if isinstance(cleaned, Failure):
        bench.job.tell(cleaned.error)
        return " The clean-up was stopped by an error; this is what was predicted."
    bench.cleaning.write(plane, strokes, cleaned, classifier)
    return f" Cleaned up by {cleaned}."


def segment_painted_steps(
    plane: ImagePlane,
    painted: Steps[list[Painted]],
    spec: FeatureSpec,
    *,
    estimator: str | None = None,
    class_names: dict[int, str] | None = None,
    how: Refinement | None = None,
) -> Steps[Segmented]:
    """Yield Progress; return a classifier trained on painted images and the segmentation of an image.

    Coarser segmentations come with the progress, as soon as they are there.

    Parameters
    ----------
    plane : ImagePlane
        To be segmented.
    painted : generator of Progress
        Returns the images to learn from and the strokes on each.
    spec : FeatureSpec
        What the classifier sees.
    estimator : str, optional
        Name of an estimator that `napari_vitrail.fit_classifier` knows.
    class_names : dict of int to str, optional
        What each class is called.
    how : Smoothing or DenseCRF, optional
        What the segmentation is cleaned up by.
    """
    yield from importing_steps("napari_vitrail.segmentation")
    from napari_vitrail.classify import fit_classifier_steps  # loads torch
    from napari_vitrail.forecast import note_rest
    from napari_vitrail.store import shared_store

    images, labels = arrays_of((yield from painted))
    began, spent = time.perf_counter(), shared_speeds().spent
    classifier = yield from fit_classifier_steps(
        images, labels, spec, estimator=estimator, class_names=class_names, store=shared_store()
    )
    segmentation, probabilities = yield from _predicted_steps(plane, classifier, how)
    network = shared_speeds().spent - spent
    note_rest(spec, classifier, segmentation.size, time.perf_counter() - began - network)
    cleaned = yield from _cleaned_steps(plane, classifier, how, segmentation, probabilities)
    return classifier, segmentation, cleaned


def segment_saved_steps(plane: ImagePlane, path: str, *, how: Refinement | None = None) -> Steps[Segmented]:
    """Yield Progress; return the classifier in a ``.vitrail`` file and its segmentation of an image.

    Coarser segmentations come with the progress, as soon as they are there.

    Parameters
    ----------
    plane : ImagePlane
        To be segmented.
    path : str
        Of the file.
    how : Smoothing or DenseCRF, optional
        What the segmentation is cleaned up by.
    """
    yield from importing_steps("napari_vitrail.segmentation")
    from napari_vitrail.project import load_classifier  # loads torch

    yield Progress(0, 1, "opening the classifier")
    classifier = load_classifier(path)
    segmentation, probabilities = yield from _predicted_steps(plane, classifier, how)
    cleaned = yield from _cleaned_steps(plane, classifier, how, segmentation, probabilities)
    return classifier, segmentation, cleaned


def _predicted_steps(
    plane: ImagePlane, classifier: PixelClassifier, how: Refinement | None
) -> Steps[tuple[NDArray[np.integer], NDArray[np.float32] | None]]:
    """Yield Progress and coarser segmentations; return the segmentation, and probabilities to clean up."""
    from napari_vitrail.segmentation import coarse_to_fine_probabilities_steps, coarse_to_fine_steps
    from napari_vitrail.store import shared_store

    asked = plane.read(), classifier
    where: dict[str, Any] = {"window": plane.window, "store": shared_store()}
    if how is None:
        return (yield from coarse_to_fine_steps(*asked, **where)), None
    probabilities = yield from coarse_to_fine_probabilities_steps(*asked, **where)
    return classifier.classes_[probabilities.argmax(axis=0)].astype(classifier.dtype), probabilities


def _cleaned_steps(
    plane: ImagePlane,
    classifier: PixelClassifier,
    how: Refinement | None,
    segmentation: NDArray[np.integer],
    probabilities: NDArray[np.float32] | None,
) -> Steps[Cleaned | Failure | None]:
    """Yield Progress, the segmentation first; return it cleaned up, None where nobody asks for that."""
    if how is None or probabilities is None:
        return None
    yield Progress(0, 1, "cleaning up", segmentation)
    return (yield from shield(cleaned_steps(plane, classifier, how, probabilities)))
