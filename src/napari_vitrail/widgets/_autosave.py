"""Keep what is painted while nobody has saved it, so that a crash takes no strokes with it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from weakref import WeakKeyDictionary

from napari.layers import Image, Labels
from napari.utils.notifications import show_warning
from qtpy.QtCore import QEvent, QObject

from napari_vitrail.annotations import Annotations
from napari_vitrail.errors import ProjectError
from napari_vitrail.progress import Progress, Steps, drain
from napari_vitrail.spec import FeatureSpec
from napari_vitrail.unsaved import close_unsaved, open_unsaved
from napari_vitrail.widgets._annotations import Captured, Painting, annotations_steps, is_in_memory
from napari_vitrail.widgets._image_plane import Channels
from napari_vitrail.widgets._keeping import KeptFile
from napari_vitrail.widgets._runner import Job, Runner
from napari_vitrail.widgets._settings import preference
from napari_vitrail.widgets._strokes import StrokesWatch
from napari_vitrail.widgets._timer import timer
from napari_vitrail.widgets._workbench import Workbench


class Autosave(QObject):
    """Writes the strokes of a viewer to a file of its own a moment after each of them.

    Layers are read in another thread. Those that are on disk, or computed, are left out.

    Parameters
    ----------
    bench : Workbench
    """

    def __init__(self, bench: Workbench) -> None:
        super().__init__(bench.job)  # goes with the window
        self._bench = bench
        path = open_unsaved()
        self._file = KeptFile(path)
        self._revision = 0  # counts changes
        self._kept = 0  # the revision that is in the file, or was saved elsewhere
        self._superseded: list[tuple[Path, list[Labels]]] = []  # and what came from each
        self._has_warned = False
        self._channels: WeakKeyDictionary[Image, Channels] = WeakKeyDictionary()  # as they were last seen
        self._soon = timer(self, 0, self._write)
        self._watches: dict[Labels, StrokesWatch] = {}
        self._runner = Runner(
            on_progress=_leave_be, on_error=self._on_error, on_warning=_leave_be, on_idle=_leave_be
        )
        bench.changed.connect(self._follow)
        bench.viewer.layers.events.removing.connect(self._on_removing)
        self.destroyed.connect(self._runner.retire)
        self.destroyed.connect(partial(close_unsaved, path))
        self._follow()

    @property
    def revision(self) -> int:
        """Number of changes so far."""
        return self._revision

    def note(self) -> None:
        """Note that something has been painted; it will be kept in a moment."""
        self._revision += 1
        if not self._soon.isActive() and preference("painting", "autosave"):
            self._soon.start(round(1000 * preference("painting", "autosave_seconds")))

    def forget(self, revision: int, saved: Collection[Labels]) -> None:
        """Keep what was painted on some layers up to a revision no longer: it was saved."""
        self._drop_superseded(saved)
        if revision == self._revision:
            self._soon.stop()
            self._runner.cancel()
            self._kept = revision
            self._file.remove()

    def supersede(self, path: Path, restored: Sequence[Labels]) -> None:
        """Remove a file of unsaved strokes once all that were restored from it are kept here, or saved."""
        self._superseded.append((path, list(restored)))
        self.note()

    def flush(self) -> None:
        """Keep what was painted at once; the viewer is about to go."""
        self._soon.stop()
        if self._kept == self._revision and not any(watch.is_waiting for watch in self._watches.values()):
            return
        if not preference("painting", "autosave"):
            return
        found = self._pairs()
        if not found:
            return
        try:
            self._on_kept(found, self._revision, drain(self._steps(found)))
        except (ProjectError, OSError) as error:
            self._on_error(error)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Keep what was painted when the window closes, of which docks are not told."""
        if event is not None and event.type() == QEvent.Type.Close:
            self.flush()
        return super().eventFilter(watched, event)

    def _on_removing(self) -> None:
        self.flush()  # a viewer that is closed by a script removes its layers first

    def _follow(self) -> None:
        if (window := self._bench.job.window()) is not None:  # another one once the dock is in its place
            window.installEventFilter(self)
        pairs = self._bench.layers.pairs
        self._follow_channels([on for _, on in pairs if isinstance(on, Image)])
        painted = [strokes for strokes, _ in pairs]
        for strokes in self._watches.keys() - set(painted):
            self._watches.pop(strokes).end()
        for strokes in painted:
            if strokes not in self._watches:
                watch = StrokesWatch(self, self._bench.viewer.dims, on_stroke=self.note, on_touch=_leave_be)
                watch.watch(strokes)
                self._watches[strokes] = watch

    def _follow_channels(self, images: Sequence[Image]) -> None:
        """Keep other channels too, where something was painted."""
        now = {image: self._bench.layers.channels_of(image) for image in images}
        others = [image for image in now if self._channels.get(image, now[image]) != now[image]]
        self._channels.update(now)
        if others and self._revision:
            self.note()

    def _write(self) -> None:
        if self._runner.is_busy:
            self._soon.start()
            return
        if found := self._pairs():
            on_done = partial(self._on_kept, found, self._revision)
            self._runner.start(Job(self._steps(found), on_done, "Keeping unsaved strokes"))

    def _pairs(self) -> list[Painting]:
        """Return the strokes that are to be kept."""
        return [pair for pair in self._bench.layers.pairs if is_in_memory(pair[0])]

    def _steps(self, found: Sequence[Painting]) -> Steps[Annotations | None]:
        form = self._bench.form
        captured = self._bench.layers.captured(found)
        return keep_steps(self._file, captured, form.valid_spec, form.estimator)

    def _on_kept(self, found: Sequence[Painting], revision: int, kept: Annotations | None) -> None:
        if kept is None:  # something newer is
            return
        self._kept = revision
        for (_, on), annotation in zip(found, kept.images, strict=True):
            if isinstance(on, Image):
                self._bench.layers.digests.note(on, annotation.image.digest)
        self._drop_superseded({strokes for strokes, _ in found})

    def _drop_superseded(self, kept: Collection[Labels]) -> None:
        """Remove the files of which every strokes layer is kept elsewhere by now."""
        for path, restored in self._superseded.copy():
            if set(restored) <= set(kept):
                self._superseded.remove((path, restored))
                path.unlink(missing_ok=True)

    def _on_error(self, error: Exception) -> None:
        if not self._has_warned:  # every stroke would say it again
            self._has_warned = True
            show_warning(f"Strokes are not kept against a crash meanwhile, save the project: {error}")


def keep_steps(
    file: KeptFile, captured: Sequence[Captured], spec: FeatureSpec | None, estimator: str | None
) -> Steps[Annotations | None]:
    """Yield Progress; write what was painted to a file and return it; None where it holds newer strokes."""
    number = file.number()  # before anything is read
    annotations = yield from annotations_steps(captured, spec, estimator)
    yield Progress(0, 1, "writing")
    return annotations if file.write(annotations, number) else None


def _leave_be(*_: object) -> None:
    """Stand in for a callback of which nobody wants to hear."""
