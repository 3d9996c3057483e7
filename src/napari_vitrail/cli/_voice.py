"""All that a command says but for its results: messages, a progress bar, the exit code."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeVar

from napari_vitrail.errors import ComputeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_vitrail.progress import Steps

Result = TypeVar("Result")

FAILED, MISUSED, INTERRUPTED = 1, 2, 130
"""Exit codes: some inputs failed, nothing could be done, and stopped by the user (as shells say it)."""


def say(message: str) -> None:
    """Say something about the work, beside its results."""
    print(f"vitrail: {message}", file=sys.stderr)


def show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """Show a warning in the command's own voice, without the line of code that gave it."""
    say(f"warning: {message}")


def with_bar(steps: Steps[Result], title: str, tell: Callable[[Any], None] | None = None) -> Result:
    """Run long work to its end with a progress bar, where someone is watching; tell what comes meanwhile."""
    from tqdm import tqdm

    with closing(steps), tqdm(desc=title, file=sys.stderr, disable=None, leave=False) as bar:
        while True:
            try:
                progress = next(steps)
            except StopIteration as stop:
                result: Result = stop.value
                return result
            except (RuntimeError, MemoryError) as error:  # torch's lack of memory is a RuntimeError
                from napari_vitrail.backbones import failure_text

                raise ComputeError(f"{title}: {failure_text(error)}") from error
            if tell is not None and progress.so_far is not None:
                bar.clear()
                tell(progress.so_far)
            bar.total = progress.total
            bar.set_description(f"{title}: {progress.what}", refresh=False)
            bar.update(progress.done - bar.n)


def megabytes(count: int) -> str:
    """Return a number of bytes for people."""
    return f"{count / 1e6:.1f} MB"
