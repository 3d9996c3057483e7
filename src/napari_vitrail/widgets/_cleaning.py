"""What finished results are cleaned up by, and what the last one was before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from napari import Viewer
from napari.layers import Labels
from numpy.typing import NDArray
from qtpy.QtCore import SignalInstance

from napari_vitrail.progress import Steps, part_of
from napari_vitrail.smoothing import Smoothing
from napari_vitrail.widgets._image_plane import ImagePlane
from napari_vitrail.widgets._layers import result_at, write_patch
from napari_vitrail.widgets._packed import finest

if TYPE_CHECKING:
    from napari_vitrail.classify import PixelClassifier
    from napari_vitrail.refinement import Refinement
    from napari_vitrail.tiling import Window

ALL = (slice(None), slice(None))


@dataclass(frozen=True)
class Cleaned:
    """A cleaned segmentation of a plane, or of a window of it, to be written.

    Attributes
    ----------
    classes : (H, W) int array
    window : (rows, columns) slices
    how : Smoothing or DenseCRF
    """

    classes: NDArray[np.integer]
    window: Window
    how: Refinement

    def __str__(self) -> str:
        return spoken(self.how)


@dataclass(frozen=True)
class _Before:
    """What a plane of a segmentation was before it was cleaned up."""

    layer: Labels
    strokes: Labels | None
    plane: ImagePlane
    classes: NDArray[np.integer]
    is_preview: bool


class Cleaning:
    """The clean-up that is switched on, and the way back from the last one.

    Parameters
    ----------
    viewer : napari.Viewer
    shown : signal
        Emitted when a part of a segmentation is written, by whomever.

    Attributes
    ----------
    how : Smoothing, DenseCRF or None
        What every finished result is cleaned up by from now on; None while that is switched off.
    """

    def __init__(self, viewer: Viewer, shown: SignalInstance) -> None:
        self._viewer, self._shown = viewer, shown
        self.how: Refinement | None = None
        self._before: _Before | None = None
        self._stands: tuple[object, ...] | None = None  # what the last one of a whole plane is about
        self._asked: PixelClassifier | None = None  # and who was asked
        self._is_writing = False
        shown.connect(self._on_shown)

    @property
    def can_go_back(self) -> bool:
        """Whether it is known what was before the last clean-up."""
        return self._before is not None

    def stands(self, plane: ImagePlane, classifier: PixelClassifier) -> bool:
        """Whether all of a plane is shown as a classifier and the clean-up that is on have made it."""
        return self._asked is classifier and self._stands == (*_place(plane), self.how)

    def write(
        self, plane: ImagePlane, strokes: Labels | None, cleaned: Cleaned,
        classifier: PixelClassifier, *, is_preview: bool = False,
    ) -> int | None:  # fmt: skip
        """Write a cleaned segmentation; return how many pixels have another class, None without a layer."""
        before = self._before
        if before is not None and (before.is_preview or _place(before.plane) == _place(plane)):
            self._put_back(before)
        layer = result_at(self._viewer.layers, plane)  # another image may be chosen by now
        if layer is None:
            return None
        self._before = _Before(layer, strokes, plane, np.array(finest(layer)[plane.index]), is_preview)
        self._write(self._before, cleaned.window, cleaned.classes)
        self._stands = (*_place(plane), cleaned.how) if cleaned.window == ALL else None
        self._asked = classifier
        return int(np.count_nonzero(self._before.classes[cleaned.window] != cleaned.classes))

    def go_back(self) -> None:
        """Show the segmentation as it was before the last clean-up."""
        before, self._before, self._stands = self._before, None, None
        if before is not None:
            self._put_back(before)

    def _on_shown(self) -> None:
        """Forget what was before once there is another segmentation."""
        if not self._is_writing:
            self._before = self._stands = None

    def _put_back(self, before: _Before) -> None:
        if before.layer in self._viewer.layers:
            self._write(before, ALL, before.classes)

    def _write(self, before: _Before, window: Window, classes: NDArray[np.integer]) -> None:
        self._is_writing = True
        try:
            write_patch(self._viewer, before.plane, window, classes, before.strokes, is_finished=True)
            self._shown.emit()
        finally:
            self._is_writing = False


def clean_up_steps(
    plane: ImagePlane, classifier: PixelClassifier, how: Refinement, window: Window | None
) -> Steps[Cleaned]:
    """Yield Progress; return the cleaned segmentation of a plane, or of a window of it.

    It is to the bit what the command line writes of the same plane.
    """
    from napari_vitrail.segmentation import probabilities_steps  # loads torch
    from napari_vitrail.store import shared_store

    at = _read_part(plane, window)
    asking = probabilities_steps(plane.read(), classifier, window=at, store=shared_store())
    probabilities = yield from part_of(asking, 0, 2)
    return (yield from part_of(cleaned_steps(plane, classifier, how, probabilities, window), 1, 2))


def cleaned_steps(
    plane: ImagePlane, classifier: PixelClassifier, how: Refinement, probabilities: NDArray[np.float32],
    window: Window | None = None,
) -> Steps[Cleaned]:  # fmt: skip
    """Yield Progress; return what is made of the probabilities of a plane, or of a window of it."""
    from napari_vitrail.image import main_of
    from napari_vitrail.refinement import refine_steps

    image, at = main_of(plane.read()), _read_part(plane, window)
    seen = image if at is None else image[at]
    classes = yield from refine_steps(probabilities, how, image=seen, classes=classifier.classes_)
    return Cleaned(classes.astype(classifier.dtype), ALL if window is None else window, how)


def _read_part(plane: ImagePlane, window: Window | None) -> Window | None:
    """Return which part of what is read of a plane is asked for; None is all of it."""
    return plane.window if window is None else plane.in_read(window)


def spoken(how: Refinement) -> str:
    """Return what a clean-up is called in a sentence."""
    return f"smoothing over {how.sigma:g} px" if isinstance(how, Smoothing) else "the dense CRF"


def _place(plane: ImagePlane) -> tuple[object, ...]:
    """Return what tells planes apart."""
    return plane.layer_name, str(plane.index), plane.shape
