"""Long work off the GUI thread: one job at a time, the newest wins (architecture, section 9)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from napari.qt.threading import GeneratorWorker, create_worker

from napari_vitrail.errors import ComputeError, VitrailWarning
from napari_vitrail.progress import Progress, Steps

log = logging.getLogger(__name__)

_UNSETTLED = (
    "The estimator stopped before it had settled on an answer; "
    "more strokes, or another estimator, may give a better segmentation."
)


class Failure(NamedTuple):
    """What a job returns that has failed."""

    error: Exception


def shield(steps: Steps[Any]) -> Steps[Any]:
    """Return what goes wrong as a `Failure` instead of raising it, a lack of memory with what would do.

    Generator workers swallow a RuntimeError, which ``torch.OutOfMemoryError`` is: unshielded, such
    a job would end without a word. Other errors they report, but napari then listens as well, with
    a slot that itself fails under PySide6.
    """
    try:
        return (yield from steps)
    except (RuntimeError, MemoryError) as error:
        from napari_vitrail.backbones import failure_text  # loads torch, which has long been

        shielded = ComputeError(failure_text(error))
        shielded.__cause__ = error
        return Failure(shielded)
    except Exception as error:  # noqa: BLE001  one of the two boundaries that translate
        return Failure(error)


class Job(NamedTuple):
    """What was asked for: the work, what to do with its result, and what to call it."""

    steps: Steps[Any]
    on_done: Callable[[Any], None]
    title: str


class Runner:
    """Runs one job at a time in a worker thread; a newer job replaces an older one.

    All callbacks run in the GUI thread, and only for the job that was asked for last: whatever a
    replaced or cancelled job still has to say is dropped.

    Parameters
    ----------
    on_progress : callable
        Called with each `Progress`.
    on_error : callable
        Called with the exception, at most once for a job; also with that of a job's own `on_done`.
    on_warning : callable
        Called with the text of each VitrailWarning, and once when an estimator did not converge. Libraries'
        warnings are logged, and so are those of other threads, which arrive here too while a job runs.
    on_idle : callable
        Called without arguments when the last job has stopped, however it ended.
    """

    def __init__(
        self,
        *,
        on_progress: Callable[[Progress], None],
        on_error: Callable[[Exception], None],
        on_warning: Callable[[str], None],
        on_idle: Callable[[], None],
    ) -> None:
        self._on_progress = on_progress
        self._on_error = on_error
        self._on_warning = on_warning
        self._on_idle = on_idle
        self._worker: GeneratorWorker | None = None
        self._running: Job | None = None
        self._waiting: Job | None = None  # starts when the running job has stopped
        self._wanted: Job | None = None  # the running job, unless it was cancelled
        self._warned: set[str] = set()  # of the running job: every fold says the same

    @property
    def is_busy(self) -> bool:
        """Whether a job waits, runs, or was cancelled and has not stopped yet."""
        return self._worker is not None

    @property
    def is_wanted(self) -> bool:
        """Whether a job waits or runs whose result will be delivered."""
        return self._wanted is not None or self._waiting is not None

    def start(self, job: Job) -> None:
        """Run `job` as soon as the job that runs now, which is cancelled, has stopped."""
        self.cancel()
        if self._worker is None:
            self._begin(job)
        else:
            self._waiting = job

    def cancel(self) -> None:
        """Drop the job that runs or waits; it stops at its next ``yield`` and is closed."""
        self._waiting = self._wanted = None
        if self._worker is not None:
            self._worker.quit()

    def retire(self) -> None:
        """Cancel and never call back again: those who would listen are gone."""
        self.cancel()
        self._on_idle = _say_nothing

    def _begin(self, job: Job) -> None:
        """Start a worker."""
        self._running = self._wanted = job
        self._warned = set()
        worker = create_worker(_Titled(shield, job.title), job.steps, _start_thread=False)
        worker.yielded.connect(self._on_yielded)
        worker.warned.connect(self._on_warned)
        worker.returned.connect(self._on_returned)
        worker.finished.connect(self._on_finished)
        self._worker = worker
        worker.start()  # never run(): that computes in the calling thread

    def _on_yielded(self, progress: Progress) -> None:
        if self._wanted is None:
            return
        try:
            self._on_progress(progress)
        except Exception as error:  # noqa: BLE001  the same boundary: a preview that cannot be written
            self.cancel()
            self._fail(error)

    def _on_warned(self, warned: tuple[Any, ...]) -> None:
        message, category = warned[:2]
        log.info("%s: %s", category.__name__, message)
        text = _plain(message, category)
        if self._wanted is not None and text and text not in self._warned:
            self._warned.add(text)
            self._on_warning(text)

    def _on_returned(self, result: object) -> None:
        if self._wanted is None:
            return
        if isinstance(result, Failure):
            self._fail(result.error)
            return
        try:
            self._wanted.on_done(result)
        except Exception as error:  # noqa: BLE001  the same boundary: a slot that raises says it elsewhere
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        """Log and tell what went wrong."""
        log.error("%s failed", self._running.title if self._running else "job", exc_info=error)
        self._on_error(error)

    def _on_finished(self) -> None:
        if self._running is not None:
            self._running.steps.close()  # quit() only stops asking: a ``finally`` inside would wait
        job = self._waiting
        self._worker = self._running = self._waiting = self._wanted = None
        if job is not None:
            self._begin(job)
        else:
            self._on_idle()


def _plain(message: Warning | str, category: type[Warning]) -> str:
    """Return what a warning means to those who paint; nothing if it is none of their business."""
    from sklearn.exceptions import ConvergenceWarning  # not while the viewer opens

    if issubclass(category, ConvergenceWarning):
        return _UNSETTLED
    return str(message) if issubclass(category, VitrailWarning) else ""


def _say_nothing() -> None:
    """Stand in for a callback whose widget is gone."""


class _Titled(partial):
    """A callable that says what it does: napari shows its repr to those who quit while it runs."""

    title: str

    def __new__(cls, function: Callable[..., Any], title: str) -> _Titled:
        titled = super().__new__(cls, function)
        titled.title = title
        return titled

    def __repr__(self) -> str:
        return self.title
