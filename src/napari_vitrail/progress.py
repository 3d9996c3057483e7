"""Long work as a generator: it yields Progress and returns its result; closing it cancels."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future
from threading import Event, Lock, Thread
from typing import Any, NamedTuple, TypeVar

Result = TypeVar("Result")

_LOOK_SECONDS = 0.05


class Progress(NamedTuple):
    """How far a piece of long work has come.

    Attributes
    ----------
    done, total : int
    what : str
        What is being done, for people.
    so_far : object, optional
        A result that is good already and will get better, of the kind that the work returns.
    """

    done: int
    total: int
    what: str
    so_far: Any = None


Steps = Generator[Progress, None, Result]
"""Long work: yields `Progress`, returns its result. Closing it is how it is cancelled."""


def drain(steps: Steps[Result]) -> Result:
    """Run ``steps`` to their end and return their result.

    Parameters
    ----------
    steps : generator of Progress
        Long work, such as the return value of `napari_vitrail.segment_steps`.

    Returns
    -------
    result
        What the generator returns.
    """
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


def part_of(steps: Steps[Result], index: int, count: int) -> Steps[Result]:
    """Run `steps` as number `index` (from 0) of `count` equal parts of a longer piece of work.

    A progress of 3 of 4 in part 0 of 2 becomes 3 of 8.
    """
    while True:
        try:
            part = next(steps)
        except StopIteration as stop:
            return stop.value
        yield part._replace(done=index * part.total + part.done, total=count * part.total)


def standing(steps: Steps[Result], done: int, total: int) -> Steps[Result]:
    """Run `steps` as something to be done on the way, which a longer piece of work does not count."""
    while True:
        try:
            part = next(steps)
        except StopIteration as stop:
            return stop.value
        yield Progress(done, total, part.what)


def without_results(steps: Steps[Result]) -> Steps[Result]:
    """Run `steps` without what they have so far, where only the end is of use."""
    while True:
        try:
            part = next(steps)
        except StopIteration as stop:
            return stop.value
        yield part._replace(so_far=None)


def beside_steps(work: Callable[[], Result], what: str, turn: Lock) -> Steps[Result]:
    """Yield Progress until another thread has done work that cannot say how far it is, as a library's.

    Parameters
    ----------
    work : callable
        It is not stopped when the steps are closed: what it then finds is dropped.
    what : str
        What is being done, for people.
    turn : Lock
        Whose turn it is: work that was left alone is not joined by more of its kind.

    Returns
    -------
    result
        What `work` returns; what it raises is raised here.
    """
    found: Future[Result] = Future()
    is_left = Event()
    thread = Thread(target=_take_turn, args=(work, turn, found, is_left), name=what, daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(_LOOK_SECONDS)
            yield Progress(0, 1, what)
    finally:
        is_left.set()
    return found.result()


def _take_turn(work: Callable[[], Result], turn: Lock, found: Future[Result], is_left: Event) -> None:
    with turn:
        if is_left.is_set():
            return
        try:
            found.set_result(work())
        except BaseException as error:  # noqa: BLE001  raised in the thread that waits
            found.set_exception(error)
