"""What live update has its worker do: learn, settle, show, on features that stay at hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_vitrail.imports import importing_steps
from napari_vitrail.progress import Result, Steps
from napari_vitrail.spec import FeatureSpec
from napari_vitrail.widgets._cleaning import Cleaned
from napari_vitrail.widgets._image_plane import ImagePlane
from napari_vitrail.widgets._planes import Painted, arrays_of
from napari_vitrail.widgets._runner import Failure, shield

if TYPE_CHECKING:
    from napari_vitrail.classify import PixelClassifier
    from napari_vitrail.live import LiveSession
    from napari_vitrail.tiling import Window

Chosen = tuple[FeatureSpec, str | None]
Found = tuple["PixelClassifier", Cleaned | Failure | None]
"""A classifier, and what came of the clean-up where one was asked for."""
CleanUp = Callable[["PixelClassifier"], Steps[Cleaned]]

FIRST_DRAW_SECONDS, DRAW_SECONDS = 0.04, 0.015
"""Left to the viewer after the first patch, which is waited for, and after each of the others."""


@dataclass
class Sitting:
    """A live session that the first job opens: what it needs takes seconds to import.

    Attributes
    ----------
    chosen : (spec, estimator)
    live : LiveSession or None
    """

    chosen: Chosen
    live: LiveSession | None = None

    def open_steps(self) -> Steps[LiveSession]:
        """Yield Progress; return the session."""
        if self.live is None:
            yield from importing_steps("napari_vitrail.live")
            from napari_vitrail.live import LiveSession  # loads torch
            from napari_vitrail.store import shared_store

            self.live = LiveSession(*self.chosen, store=shared_store())
        return self.live


def prepare_steps(sitting: Sitting, plane: ImagePlane, window: Window) -> Steps[None]:
    """Yield Progress; compute features ahead of the first stroke."""
    session = yield from sitting.open_steps()
    yield from session.prepare_steps(plane.read(), plane.in_read(window))


def show_steps(
    session: LiveSession, plane: ImagePlane, window: Window, around: bool, clean_up: CleanUp | None
) -> Steps[Found]:
    """Yield Progress and patches; return the classifier that was trained last, and what was cleaned up."""
    classifier = yield from session.show_steps(plane.read(), plane.in_read(window), around=around)
    if clean_up is None:
        return classifier, None
    return (yield from clean_look_steps(classifier, clean_up))


def clean_look_steps(classifier: PixelClassifier, clean_up: CleanUp) -> Steps[Found]:
    """Yield Progress; return a classifier and what is cleaned up of its segmentation, or why nothing is."""
    return classifier, (yield from shield(clean_up(classifier)))


def learn_steps(
    sitting: Sitting, painted: Steps[list[Painted]], plane: ImagePlane, window: Window,
    names: dict[int, str],
) -> Steps[PixelClassifier | None]:  # fmt: skip
    """Yield Progress and patches; return a classifier, None while fewer than two classes are painted."""
    images, labels = arrays_of((yield from painted))
    if not _are_several(labels):
        return None
    session = yield from sitting.open_steps()
    learning = session.learn_steps(images, labels, plane.read(), plane.in_read(window), class_names=names)
    return (yield from _drawn_steps(learning))


def _are_several(labels: Sequence[NDArray[np.integer]]) -> bool:
    """Whether two classes or more are painted."""
    painted = [own[own > 0] for own in labels if own.any()]
    return len({int(end) for own in painted for end in (own.min(), own.max())}) > 1


def _drawn_steps(steps: Steps[Result]) -> Steps[Result]:
    """Yield what steps yield; rest after each patch, so that the viewer has the interpreter to draw it."""
    rest = FIRST_DRAW_SECONDS
    while True:
        try:
            progress = next(steps)
        except StopIteration as stop:
            return stop.value
        yield progress
        if progress.so_far is not None:
            time.sleep(rest)
            rest = DRAW_SECONDS


def settle_steps(
    sitting: Sitting, painted: Steps[list[Painted]], plane: ImagePlane, window: Window,
    names: dict[int, str], around: bool, clean_up: CleanUp | None,
) -> Steps[Found | None]:  # fmt: skip
    """Yield Progress and patches; return the classifier that Segment would have trained, see `show_steps`.

    None if fewer than two classes are left: strokes and image may be others than at the last stroke.
    """
    images, labels = arrays_of((yield from painted))
    if not _are_several(labels):
        return None
    session = yield from sitting.open_steps()
    yield from session.settle_steps(images, labels, class_names=names)
    return (yield from show_steps(session, plane, window, around, clean_up))
