"""Start, watch and cancel long work: the lower part of every widget."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from napari.utils.notifications import show_error, show_warning
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QGridLayout, QLabel, QProgressBar, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from napari_vitrail.progress import Progress, Steps
from napari_vitrail.widgets._form import allow
from napari_vitrail.widgets._runner import Job, Runner
from napari_vitrail.widgets._timer import timer
from napari_vitrail.widgets._torch import load_triton_apart

PATIENCE_MS = 600
_CANCELLING = "Cancelling …"

log = logging.getLogger(__name__)


class JobPanel(QWidget):
    """A button that starts work, one that cancels it, a progress bar and a line that says what came of it.

    Parameters
    ----------
    action : str
        What the starting button says, a verb.
    hint : str
        Its tooltip while it can be pressed.
    advice : str
        What the line says before anything was done; there is no line where it says nothing.
    untouched : str
        What is said of work that was cancelled before anything of it was shown.
    """

    requested = Signal()
    """The starting button was pressed."""
    cancelled = Signal()
    """The cancelling button was pressed: nothing that follows of itself is wanted either."""

    def __init__(
        self, action: str, hint: str, advice: str = "", untouched: str = "no layer was changed"
    ) -> None:
        super().__init__()
        load_triton_apart()
        self._hint, self._untouched = hint, untouched
        self._began = 0.0
        self._on_preview: Callable[[Any], None] | None = None
        self._previewed = False
        self._start = QPushButton(action)
        self._cancel = QPushButton("Cancel")
        self._more = QVBoxLayout()
        self._bar = QProgressBar()
        self._patience = timer(self, PATIENCE_MS, self._on_patience_lost)
        self._in_passing = False
        self._said: set[str] = set()  # of work in passing: every stroke would say it again
        self._status = QLabel()
        self._runner = Runner(
            on_progress=self._on_progress,
            on_error=self._on_error,
            on_warning=self._on_warning,
            on_idle=self._on_idle,
        )
        self._start.clicked.connect(self.requested)
        self._cancel.clicked.connect(self._on_cancel_clicked)
        self.destroyed.connect(self._runner.retire)  # with the window, which sends no close event
        self._bar.setToolTip("How far the running step has come")
        self._status.setToolTip("What was done last, and how long it took")
        self._status.setWordWrap(True)
        policy = self._status.sizePolicy()  # as high as its lines need, whatever is hidden beside it
        policy.setVerticalPolicy(QSizePolicy.Policy.MinimumExpanding)
        self._status.setSizePolicy(policy)
        self._status.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._lay_out()
        self._say(advice)
        self._on_idle()

    def allow(self, obstacle: str = "") -> None:
        """Let the work be started unless something stands in the way, which becomes the tooltip."""
        allow(self._start, self._hint, obstacle)

    def refuse(self, obstacle: str) -> None:
        """Say what stands in the way of work that was asked for."""
        self._say(f"Not yet: {obstacle}.")

    def note(self, text: str) -> None:
        """Say something that came of what was done outside the panel."""
        self._say(text)

    def tell(self, error: Exception) -> None:
        """Notify of an error in a part of the work that the rest did not need."""
        log.error("a part failed", exc_info=error)
        self._tell(show_error, _text_of(error))

    def add_row(self, widget: QWidget) -> None:
        """Put more to do below the buttons, over their whole width."""
        self._more.addWidget(widget)

    def run(
        self,
        steps: Steps[Any],
        *,
        on_done: Callable[[Any], str],
        title: str,
        on_preview: Callable[[Any], None] | None = None,
        in_passing: bool = False,
    ) -> None:
        """Start work, in place of what may be running.

        Parameters
        ----------
        steps : generator of Progress
            The work, done in another thread.
        on_done : callable
            Called with the result in the GUI thread; returns what the status line then says.
        title : str
            What the work is called, for those who quit napari meanwhile.
        on_preview : callable, optional
            Called with every result so far, in the GUI thread too.
        in_passing : bool
            Whether nobody waits for it: the bar is then shown only where it takes long.
        """
        self._on_preview = on_preview
        self._previewed = False
        self._began = time.monotonic()
        self._runner.start(Job(steps, lambda result: self._on_done(on_done(result)), title))
        self._bar.setRange(0, 0)  # busy, until the first progress arrives
        self._allow_cancel(True)
        self._in_passing = in_passing
        if in_passing:
            self._patience.start()
        else:
            self._bar.setVisible(True)
            self._say(f"{title} …")

    def make_way(self) -> None:
        """Drop what runs in passing, without a word: something else will be asked for soon."""
        if self._in_passing:
            self._runner.cancel()

    @property
    def is_busy(self) -> bool:
        """Whether work is under way."""
        return self._runner.is_busy

    def cancel(self) -> None:
        """Cancel what is running, if anything is."""
        if self._runner.is_wanted:
            self._runner.cancel()
            self._say(_CANCELLING)
            self._allow_cancel(False)

    def _lay_out(self) -> None:
        """Put the parts in their places."""
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 8, 0, 8)
        layout.addWidget(self._start, 0, 0)
        layout.addWidget(self._cancel, 0, 1)
        layout.addLayout(self._more, 1, 0, 1, 2)
        layout.addWidget(self._bar, 2, 0, 1, 2)
        layout.addWidget(self._status, 3, 0, 1, 2)
        layout.setColumnStretch(0, 2)
        layout.setColumnStretch(1, 1)

    def _say(self, text: str) -> None:
        self._status.setText(text)
        self._status.setVisible(bool(text))

    def _allow_cancel(self, allowed: bool) -> None:
        """Let the work be cancelled while there is any."""
        self._cancel.setEnabled(allowed)
        self._cancel.setToolTip("Stop at the next step" if allowed else "Nothing is running")

    def _on_cancel_clicked(self) -> None:
        self.cancel()
        self.cancelled.emit()

    def _on_progress(self, progress: Progress) -> None:
        if progress.so_far is not None and self._on_preview is not None:
            self._on_preview(progress.so_far)
            self._previewed = True
        self._bar.setRange(0, progress.total)
        self._bar.setValue(progress.done)
        self._bar.setFormat(f"{progress.what[:1].upper()}{progress.what[1:]}: %v of %m")

    def _on_error(self, error: Exception) -> None:
        self._say("Stopped by an error.")
        self._tell(show_error, _text_of(error))

    def _on_warning(self, text: str) -> None:
        self._tell(show_warning, text)

    def _tell(self, show: Callable[[str], Any], text: str) -> None:
        """Notify, but of what work in passing has said only once, until other work was asked for."""
        if not self._in_passing:
            self._said.clear()
        elif text in self._said:
            return
        else:
            self._said.add(text)
        show(text)

    def _on_done(self, report: str) -> None:
        self._say(f"Done in {time.monotonic() - self._began:.1f} s: {report}")

    def _on_patience_lost(self) -> None:
        self._bar.setVisible(self._runner.is_wanted)

    def _on_idle(self) -> None:
        self._patience.stop()
        self._bar.setVisible(False)
        self._allow_cancel(False)
        if self._status.text() == _CANCELLING:
            left = "what was shown stays" if self._previewed else self._untouched
            self._say(f"Cancelled; {left}.")


def _text_of(error: Exception) -> str:
    return str(error) or type(error).__name__
