"""Live update: every stroke is learned from at once, and the picture follows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from magicgui.widgets import CheckBox
from napari.layers import Labels
from napari.utils.events import Event
from qtpy.QtWidgets import QFormLayout

from napari_vitrail.progress import Steps
from napari_vitrail.widgets._cleaning import ALL, clean_up_steps
from napari_vitrail.widgets._form import choice, label_of, wrapped
from napari_vitrail.widgets._image_plane import ImagePlane
from napari_vitrail.widgets._layers import class_names, finish_patches, result_at, write_patch
from napari_vitrail.widgets._packed import finest
from napari_vitrail.widgets._planes import Painted, shown_window
from napari_vitrail.widgets._segmenting import show_cleaned
from napari_vitrail.widgets._settings import follow, preference
from napari_vitrail.widgets._sitting import (
    CleanUp,
    Found,
    Sitting,
    clean_look_steps,
    learn_steps,
    prepare_steps,
    settle_steps,
    show_steps,
)
from napari_vitrail.widgets._strokes import StrokesWatch
from napari_vitrail.widgets._timer import timer
from napari_vitrail.widgets._workbench import Workbench

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

_ONE_CLASS = "paint a stroke of another class."
_GEARS = {"Live": LIVE, "After stroke": AFTER_STROKE, "Manual": MANUAL}
_GEAR_HELP = (
    "When the picture follows the strokes: while you paint (Live), when the brush is lifted, or when you "
    "press Segment (Manual). A stroke is learned from hastily, shown in the part of the image "
    "that is in view, and learned from thoroughly when you rest; the next stroke takes over at any time"
)
_VISIBLE_HELP = (
    "Segment only what is in view, and the rest when it comes into view: for large images and slow machines"
)
_LARGE_HELP = (
    "The planes of this image have more than 64 megapixels: only what is in view is segmented, the rest when "
    "it comes into view, or by Segment all slices on the page Batch"
)


class LiveUpdate:
    """Learns from strokes as they are painted, and shows what comes of them.

    Parameters
    ----------
    bench : Workbench
    """

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._viewer, self._layers, self._job = bench.viewer, bench.layers, bench.job
        self._sitting: Sitting | None = None
        self._gear = choice("Update", _GEARS.items(), _GEARS[preference("painting", "gear")], _GEAR_HELP)
        self._visible_only = CheckBox(text="Visible area only", value=False, tooltip=wrapped(_VISIBLE_HELP))
        self._wished = False  # that it be ticked, of planes of which it need not be
        dims = self._viewer.dims
        self._watch = StrokesWatch(self._job, dims, on_stroke=self._on_stroke, on_touch=self._on_touch)
        self._pause = timer(self._job, PAUSE_MS, self._on_stroke)
        self._rest = timer(self._job, REST_MS, self._on_rest)
        self._look = timer(self._job, LOOK_MS, self._on_look)
        self._job.cancelled.connect(self.stop)
        camera = getattr(self._viewer, "scene", self._viewer).camera  # napari 0.9 moved it
        self._moves = [camera.events.center, camera.events.zoom, dims.events.current_step]
        self._follows = False
        self._preferred = preference("painting", "gear")
        self._unfollow: Callable[[], None] | None = None
        bench.changed.connect(self._allow)

    def add_rows(self, layout: QFormLayout) -> None:
        """Add the choices, as labelled rows."""
        layout.addRow(label_of(self._gear), self._gear.native)
        layout.addRow("", self._visible_only.native)

    def _allow(self) -> None:
        """Let the rest of a plane be chosen to follow where it can."""
        is_large = self._bench.has_large_planes()
        if is_large == self._visible_only.enabled:
            self._visible_only.enabled = not is_large
            self._visible_only.tooltip = wrapped(_LARGE_HELP if is_large else _VISIBLE_HELP)
            self._wished, self._visible_only.value = self._visible_only.value, is_large or self._wished

    def follow(self, strokes: Labels | None) -> None:
        """Watch this layer for strokes, and the camera."""
        self._watch.watch(strokes)
        if not self._follows:
            self._follows = True
            self._preferred = preference("painting", "gear")
            self._unfollow = follow("painting", self._on_preferred)
            for emitter in self._moves:
                emitter.connect(self._on_moved)
            self._viewer.layers.events.connect(self._on_layer_event)

    def leave(self) -> None:
        """Watch nothing any more: the widget is gone, or hidden."""
        self.stop()
        self._watch.watch(None)
        if self._follows:
            self._follows = False
            if self._unfollow is not None:
                self._unfollow()
            for emitter in self._moves:
                emitter.disconnect(self._on_moved)
            self._viewer.layers.events.disconnect(self._on_layer_event)

    @property
    def is_settled(self) -> bool:
        """Whether all strokes were learned from thoroughly and nothing is under way."""
        soon = self._watch.is_waiting or self._pause.isActive() or self._rest.isActive()
        return not soon and not self._job.is_busy and self._live is not None and self._live.settled

    def prepare(self) -> None:
        """Compute features of what is in view ahead of the strokes, while the user takes up the brush."""
        if not self._job.is_busy and self._gear.value != MANUAL and not self._bench.obstacle():
            self._prepare("paint a stroke of each class.")

    def _prepare(self, next_stroke: str) -> None:
        plane, window = self._shown()
        self._job.run(
            prepare_steps(self._current_sitting(), plane, window),
            on_done=lambda _: f"features are at hand; {next_stroke}",
            title=f"Looking at {plane.layer_name}",
            in_passing=True,
        )

    def stop(self) -> None:
        """Learn from no stroke any more that was painted so far."""
        for waiting in (self._pause, self._rest, self._look):
            waiting.stop()

    def _on_preferred(self) -> None:
        """Take the gear that Preferences name now, if it is another."""
        if preference("painting", "gear") != self._preferred:
            self._preferred = preference("painting", "gear")
            self._gear.value = _GEARS[self._preferred]

    def _on_touch(self) -> None:
        """Make way for the stroke that has begun: what is being done at rest would only hold it up."""
        if self._gear.value == MANUAL:
            return
        if self._sitting is None:
            self.prepare()
        elif self._live is not None and self._live.classifier is not None:
            self._job.make_way()
            if not self._live.settled:
                self._rest.start()
        if self._gear.value == LIVE and not self._pause.isActive():
            self._pause.start()

    def _on_stroke(self) -> None:
        self.stop()
        if self._gear.value == MANUAL:
            return
        if obstacle := self._bench.obstacle():
            self._job.refuse(obstacle)
            return
        plane, window, painted, sitting = self._read()
        self._job.run(
            learn_steps(sitting, painted, plane, window, class_names(self._layers.strokes)),
            on_done=partial(self._on_hasty, plane),
            on_preview=partial(self._on_patch, plane),
            title=f"Learning from the strokes on {plane.layer_name}",
            in_passing=True,
        )

    def _on_hasty(self, plane: ImagePlane, learned: PixelClassifier | None) -> str:
        if learned is None:
            if not self._bench.obstacle():
                self._prepare(_ONE_CLASS)  # begins once this job is over
            return _ONE_CLASS
        self._rest.start()
        later = "" if self._bench.cleaning.how is None else " It is cleaned up when you rest."
        return self._bench.report(plane, f"{plane.layer_name}, {learned.report}{later}")

    def _on_rest(self) -> None:
        if self._gear.value == MANUAL or self._bench.obstacle():
            return
        plane, window, painted, sitting = self._read()
        names, finished = class_names(self._layers.strokes), self._finished(plane, window)
        clean_up = self._clean_up(plane, finished)
        self._job.run(
            settle_steps(sitting, painted, plane, window, names, self._goes_on(plane), clean_up),
            on_done=partial(self._on_settled, plane, self._layers.strokes, finished),
            on_preview=partial(self._on_patch, plane),
            title=f"Learning thoroughly from the strokes on {plane.layer_name}",
            in_passing=True,
        )

    def _goes_on(self, plane: ImagePlane) -> bool:
        """Whether the rest of a plane follows what is in view: of a large one it would hardly ever end."""
        return not self._visible_only.value and plane.block is None

    def _finished(self, plane: ImagePlane, window: Window) -> Window:
        """Return what of a plane is segmented at the end of a run at rest in a window."""
        return ALL if self._goes_on(plane) else window

    def _clean_up(self, plane: ImagePlane, finished: Window) -> CleanUp | None:
        """Return what ends a run in some of a plane: the clean-up that is on, if any is."""
        how = self._bench.cleaning.how
        if how is None:
            return None
        return partial(clean_up_steps, plane, how=how, window=None if finished == ALL else finished)

    def _on_settled(
        self, plane: ImagePlane, strokes: Labels | None, finished: Window, found: Found | None
    ) -> str:
        if found is None:
            return _ONE_CLASS
        finish_patches(self._viewer, plane, finished)
        classifier, cleaned = found
        self._bench.keep(classifier, plane.layer_name)
        report = classifier.report + show_cleaned(self._bench, plane, strokes, classifier, cleaned)
        return self._bench.report(plane, report)

    def _on_moved(self) -> None:
        if self._gear.value != MANUAL and self._live is not None and self._live.classifier is not None:
            self._look.start()

    def _on_layer_event(self, event: Event) -> None:
        """Look anew at an image that has got other pixels."""
        if event.type == "data" and list(self._viewer.layers)[event.index] is self._layers.image:
            self._on_moved()

    def _on_look(self) -> None:
        """Segment what has come into view, once there is nothing more important to do."""
        if self._gear.value == MANUAL or self._bench.image_obstacle():
            return
        if self._live is None or self._live.classifier is None or self._is_of_another_kind():
            return
        if self._job.is_busy or self._pause.isActive() or self._rest.isActive():
            self._look.start()  # what is under way may have begun before the view was another one
            return
        plane, window = self._shown()
        if self._bench.cleaning.stands(plane, self._live.classifier):
            return
        finished = self._finished(plane, window)
        clean_up = self._clean_up(plane, finished)
        if clean_up is not None and self._is_filled(plane, window):  # shown until it is there anew
            steps = clean_look_steps(self._live.classifier, clean_up)
        else:
            steps = show_steps(self._live, plane, window, self._goes_on(plane), clean_up)
        self._job.run(
            steps,
            on_done=partial(self._on_looked, plane, self._layers.strokes, finished),
            on_preview=partial(self._on_patch, plane),
            title=f"Segmenting {plane.layer_name}",
            in_passing=True,
        )

    def _is_of_another_kind(self) -> bool:
        """Whether the session has learned other features, or other channels, than are chosen now."""
        chosen = (self._bench.form.valid_spec, self._bench.form.estimator)
        if self._sitting is None or self._live is None or self._sitting.chosen != chosen:
            return True
        return bool(self._live.classifier and self._bench.channels_obstacle(self._live.classifier))

    def _is_filled(self, plane: ImagePlane, window: Window) -> bool:
        """Whether something is shown in all of a window of a plane."""
        result = result_at(self._viewer.layers, plane)
        return result is not None and bool(np.all(finest(result)[plane.within(window)]))

    def _on_looked(self, plane: ImagePlane, strokes: Labels | None, finished: Window, found: Found) -> str:
        finish_patches(self._viewer, plane, finished)
        learned, cleaned = found
        report = learned.report + show_cleaned(self._bench, plane, strokes, learned, cleaned)
        return self._bench.report(plane, f"{plane.layer_name}, {report}")

    def _read(self) -> tuple[ImagePlane, Window, Steps[list[Painted]], Sitting]:
        """Return what a job needs, read from the layers as they are now."""
        plane, window = self._shown()
        return plane, window, self._bench.painted(), self._current_sitting()

    def _current_sitting(self) -> Sitting:
        """Return the session of what is chosen now, a new one if that has changed."""
        chosen = (self._bench.form.spec, self._bench.form.estimator)
        if self._sitting is None or self._sitting.chosen != chosen:
            self._sitting = Sitting(chosen)
        return self._sitting

    @property
    def _live(self) -> LiveSession | None:
        """The session, once a job has begun to use it."""
        return None if self._sitting is None else self._sitting.live

    def _shown(self) -> tuple[ImagePlane, Window]:
        plane = self._bench.plane()
        return plane, shown_window(self._viewer, self._layers.image, plane)

    def _on_patch(self, plane: ImagePlane, patch: Patch) -> None:
        window = plane.of_read(patch.window)
        write_patch(self._viewer, plane, window, patch.classes, self._layers.strokes, is_finished=False)
        self._bench.shown.emit()
