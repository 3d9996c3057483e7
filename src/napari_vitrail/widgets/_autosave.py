"""Keep what is painted while nobody has saved it, so that a crash takes no strokes with it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from weakref import WeakKeyDictionary

from napari.layers import Image
from napari.utils.notifications import show_warning
from qtpy.QtCore import QEvent, QObject

from napari_vitrail.annotations import Annotations, save_annotations
from napari_vitrail.errors import ProjectError
from napari_vitrail.progress import Progress, Steps, drain
from napari_vitrail.spec import FeatureSpec
from napari_vitrail.unsaved import close_unsaved, open_unsaved
from napari_vitrail.widgets._annotations import Captured, Pair, annotations_steps, capture, is_in_memory
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
        self._path = open_unsaved()
        self._revision = 0  # counts changes
        self._kept = 0  # the revision that is in the file, or was saved elsewhere
        self._superseded: list[Path] = []
        self._has_warned = False
        self._digests: WeakKeyDictionary[Image, tuple[int, str]] = WeakKeyDictionary()
        self._soon = timer(self, 0, self._write)
        self._watch = StrokesWatch(self, bench.viewer.dims, on_stroke=self.note, on_touch=_leave_be)
        self._runner = Runner(
            on_progress=_leave_be, on_error=self._on_error, on_warning=_leave_be, on_idle=_leave_be
        )
        bench.changed.connect(self._follow)
        bench.viewer.layers.events.removing.connect(self._on_removing)
        self.destroyed.connect(self._runner.retire)
        self.destroyed.connect(partial(close_unsaved, self._path))
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

    def forget(self, revision: int) -> None:
        """Keep what was painted up to a revision no longer: it was saved."""
        self._drop_superseded()
        if revision == self._revision:
            self._soon.stop()
            self._runner.cancel()
            self._kept = revision
            self._path.unlink(missing_ok=True)

    def supersede(self, path: Path) -> None:
        """Remove a file of unsaved strokes, which were restored, once they are kept here."""
        self._superseded.append(path)
        self.note()

    def flush(self) -> None:
        """Keep what was painted at once; the viewer is about to go."""
        self._soon.stop()
        if self._kept == self._revision and not self._watch.is_waiting:
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
        self._watch.watch(self._bench.layers.strokes)

    def _write(self) -> None:
        if self._runner.is_busy:
            self._soon.start()
            return
        if found := self._pairs():
            on_done = partial(self._on_kept, found, self._revision)
            self._runner.start(Job(self._steps(found), on_done, "Keeping unsaved strokes"))

    def _pairs(self) -> list[Pair]:
        """Return the strokes that are to be kept."""
        return [pair for pair in self._bench.layers.pairs if is_in_memory(pair[0])]

    def _steps(self, found: Sequence[Pair]) -> Steps[Annotations]:
        captured = [capture(strokes, image, self._digest_of(image)) for strokes, image in found]
        form = self._bench.form
        return keep_steps(self._path, captured, form.valid_spec, form.estimator)

    def _digest_of(self, image: Image) -> str:
        """Return the digest of an image that was looked at before."""
        seen, digest = self._digests.get(image, (0, ""))
        return digest if seen == id(image.data) else ""

    def _on_kept(self, found: Sequence[Pair], revision: int, kept: Annotations) -> None:
        self._kept = revision
        for (_, image), annotation in zip(found, kept.images, strict=True):
            self._digests[image] = (id(image.data), annotation.image.digest)
        self._drop_superseded()

    def _drop_superseded(self) -> None:
        while self._superseded:
            self._superseded.pop().unlink(missing_ok=True)

    def _on_error(self, error: Exception) -> None:
        if not self._has_warned:  # every stroke would say it again
            self._has_warned = True
            show_warning(f"Strokes are not kept against a crash meanwhile, save the project: {error}")


def keep_steps(
    path: Path, captured: Sequence[Captured], spec: FeatureSpec | None, estimator: str | None
) -> Steps[Annotations]:
    """Yield Progress; write what was painted to a file and return it."""
    annotations = yield from annotations_steps(captured, spec, estimator)
    yield Progress(0, 1, "writing")
    save_annotations(path, annotations)
    return annotations


def _leave_be(*_: object) -> None:
    """Stand in for a callback of which nobody wants to hear."""
