"""Long work as a generator: it yields Progress and returns its result; closing it cancels."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, NamedTuple, TypeVar

Result = TypeVar("Result")


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
