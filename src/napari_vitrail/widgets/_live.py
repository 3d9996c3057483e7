"""Live update: every stroke is learned from at once, and the picture follows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from magicgui.widgets import CheckBox
from napari import Viewer
from napari.layers import Labels
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QFormLayout, QHBoxLayout

from napari_vitrail.progress import Steps
from napari_vitrail.spec import FeatureSpec
from napari_vitrail.widgets._choice import LayerChoice
from napari_vitrail.widgets._form import choice, label_of, wrapped
from napari_vitrail.widgets._job import JobPanel
from napari_vitrail.widgets._layers import (
    ImagePlane,
    Painted,
    class_names,
    read_plane,
    read_strokes,
    shown_window,
    write_patch,
)
from napari_vitrail.widgets._strokes import StrokesWatch

if TYPE_CHECKING:
    from napari_vitrail.classify import PixelClassifier
    from napari_vitrail.live import LiveSession, Patch
    from napari_vitrail.tiling import Window

MANUAL, AFTER_STROKE, LIVE = "manual", "after", "live"
PAUSE_MS = 150
"""Between two updates while the brush is down."""
REST_MS = 700
"""Without a stroke, after which the thorough classifier is trained."""
LOOK_MS = 250
"""Without a move of camera or slider, after which what came into view is segmented."""

_GEARS = {
    "Manual: press Segment": MANUAL,
    "After each stroke": AFTER_STROKE,
    "Live, while painting": LIVE,
}
_GEAR_HELP = (
    "When the picture follows the strokes. A stroke is learned from hastily, shown in the part of the image "
    "that is in view, and learned from thoroughly when you rest; the next stroke takes over at any time"
)
_VISIBLE_HELP = (
    "Segment only what is in view, and the rest when it comes into view: for large images and slow machines"
)


class LiveUpdate:
    """Learns from strokes as they are painted, and shows what comes of them.

    Parameters
    ----------
    viewer : napari.Viewer
    layers : LayerChoice
        The image and the strokes.
    job : JobPanel
        Runs the work; the newest wins.
    spec, estimator : callable
        Return what to train on, and what, as chosen now; a ValueError stands in the way.
    on_learned : callable
        Called with the plane and the classifier when it has settled; returns what to say of it.
    """

    def __init__(
        self,
        viewer: Viewer,
        layers: LayerChoice,
        job: JobPanel,
        *,
        spec: Callable[[], FeatureSpec],
        estimator: Callable[[], str | None],
        on_learned: Callable[[ImagePlane, PixelClassifier], str],
    ) -> None:
        self._viewer = viewer
        self._layers = layers
        self._job = job
        self._spec = spec
        self._estimator = estimator
        self._on_learned = on_learned
        self._session: LiveSession | None = None
        self._gear = choice("Update", _GEARS.items(), AFTER_STROKE, _GEAR_HELP)
        self._visible_only = CheckBox(text="Visible area only", value=False, tooltip=wrapped(_VISIBLE_HELP))
        self._watch = StrokesWatch(viewer.dims, on_stroke=self._on_stroke, on_touch=self._on_touch)
        self._pause = _timer(PAUSE_MS, self._on_stroke)
        self._rest = _timer(REST_MS, self._on_rest)
        self._look = _timer(LOOK_MS, self._on_look)
        camera = getattr(viewer, "scene", viewer).camera  # napari 0.9 moved it
        for emitter in (camera.events.center, camera.events.zoom, viewer.dims.events.current_step):
            emitter.connect(self._on_moved)

    def add_rows(self, layout: QFormLayout) -> None:
        """Add the choices, as labelled rows."""
        row = QHBoxLayout()
        row.addWidget(self._gear.native, 1)
        row.addWidget(self._visible_only.native)
        layout.addRow(label_of(self._gear), row)

    def follow(self, strokes: Labels | None) -> None:
        """Watch this layer for strokes."""
        self._watch.watch(strokes)

    def stop(self) -> None:
        """Learn from no stroke any more that was painted so far."""
        for timer in (self._pause, self._rest, self._look):
            timer.stop()

    def _on_touch(self) -> None:
        """Make way for the stroke that has begun: what is being done at rest would only hold it up."""
        if self._gear.value == MANUAL:
            return
        self._job.make_way()
        if self._session is not None and not self._session.settled:
            self._rest.start()
        if self._gear.value == LIVE and not self._pause.isActive():
            self._pause.start()

    def _on_stroke(self) -> None:
        self.stop()
        if self._gear.value == MANUAL:
            return
        if obstacle := self._layers.obstacle(self._viewer.dims):
            self._job.refuse(obstacle)
            return
        plane, window, painted, session = self._read()
        self._job.run(
            learn_steps(session, painted, plane, window, class_names(self._layers.strokes)),
            on_done=partial(self._on_hasty, plane),
            on_preview=partial(self._on_patch, plane),
            title=f"Learning from the strokes on {plane.layer_name}",
            in_passing=True,
        )

    def _on_hasty(self, plane: ImagePlane, learned: PixelClassifier | None) -> str:
        if learned is None:
            return "paint a stroke of another class."
        self._rest.start()
        return f"{plane.layer_name}, {learned.report}"

    def _on_rest(self) -> None:
        if self._gear.value == MANUAL or self._layers.obstacle(self._viewer.dims):
            return
        plane, window, painted, session = self._read()
        steps = settle_steps(
            session, painted, plane, window, class_names(self._layers.strokes), not self._visible_only.value
        )
        self._job.run(
            steps,
            on_done=partial(self._on_learned, plane),
            on_preview=partial(self._on_patch, plane),
            title=f"Learning thoroughly from the strokes on {plane.layer_name}",
            in_passing=True,
        )

    def _on_moved(self) -> None:
        if self._gear.value != MANUAL and self._session is not None and self._session.classifier is not None:
            self._look.start()

    def _on_look(self) -> None:
        """Segment what has come into view, unless there is something more important to do."""
        busy = self._job.is_busy or self._pause.isActive() or self._rest.isActive()
        if busy or self._gear.value == MANUAL or self._layers.image_obstacle(self._viewer.dims):
            return
        plane, window = self._shown()
        if self._session is None or self._session.classifier is None:
            return
        self._job.run(
            self._session.show_steps(plane.pixels, window, around=not self._visible_only.value),
            on_done=lambda learned: f"{plane.layer_name}, {learned.report}",
            on_preview=partial(self._on_patch, plane),
            title=f"Segmenting {plane.layer_name}",
            in_passing=True,
        )

    def _read(self) -> tuple[ImagePlane, Window, Steps[list[Painted]], LiveSession]:
        """Return what a job needs, read from the layers as they are now."""
        from napari_vitrail.live import LiveSession  # loads torch
        from napari_vitrail.store import shared_store

        plane, window = self._shown()
        painted = read_strokes(self._layers.strokes, self._layers.image, self._viewer.dims)
        wanted = (self._spec(), self._estimator())
        if self._session is None or (self._session.spec, self._session.estimator) != wanted:
            self._session = LiveSession(*wanted, store=shared_store())
        return plane, window, painted, self._session

    def _shown(self) -> tuple[ImagePlane, Window]:
        plane = read_plane(self._layers.image, self._viewer.dims)
        return plane, shown_window(self._layers.image, plane)

    def _on_patch(self, plane: ImagePlane, patch: Patch) -> None:
        write_patch(self._viewer, plane, patch.window, patch.classes, self._layers.strokes)


def learn_steps(
    session: LiveSession, painted: Steps[list[Painted]], plane: ImagePlane, window: Window,
    names: dict[int, str],
) -> Steps[PixelClassifier | None]:  # fmt: skip
    """Yield Progress and patches; return a classifier, None while fewer than two classes are painted."""
    images, labels = yield from _pairs_steps(painted)
    if len({int(label) for own in labels for label in np.unique(own) if label}) < 2:
        return None
    shown = np.asarray(plane.pixels)
    return (yield from session.learn_steps(images, labels, shown, window, class_names=names))


def settle_steps(
    session: LiveSession, painted: Steps[list[Painted]], plane: ImagePlane, window: Window,
    names: dict[int, str], around: bool,
) -> Steps[PixelClassifier]:  # fmt: skip
    """Yield Progress and patches; return the classifier that Segment would have trained."""
    images, labels = yield from _pairs_steps(painted)
    yield from session.settle_steps(images, labels, class_names=names)
    return (yield from session.show_steps(np.asarray(plane.pixels), window, around=around))


def _pairs_steps(painted: Steps[list[Painted]]) -> Steps[tuple[list[Any], list[Any]]]:
    pairs = yield from painted
    return [np.asarray(image) for image, _ in pairs], [strokes for _, strokes in pairs]


def _timer(milliseconds: int, slot: Callable[[], None]) -> QTimer:
    timer = QTimer()
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    timer.timeout.connect(slot)
    return timer
