"""Which frames get their labels from which labelled ones."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Direction = Literal["both", "forward", "backward"]


class Stretch(NamedTuple):
    """Frames side by side that depend on the same labelled frames.

    Attributes
    ----------
    before, after : int or None
        The nearest labelled frame on either side, where labels come from it.
    wanted : range
        The frames in between that are asked for.
    """

    before: int | None
    after: int | None
    wanted: range

    @property
    def sources(self) -> tuple[int, ...]:
        """The labelled frames that this stretch depends on."""
        return tuple(index for index in (self.before, self.after) if index is not None)

    @property
    def forward(self) -> range:
        """The frames that a pass from the labelled frame before goes through."""
        return range(0) if self.before is None else range(self.before + 1, self.wanted.stop)

    @property
    def backward(self) -> range:
        """The frames that a pass from the labelled frame after goes through."""
        return range(0) if self.after is None else range(self.after - 1, self.wanted.start - 1, -1)

    def weight_of_before(self, index: int) -> float:
        """Return how much the labels that come from before count in a frame, 0 to 1: the nearer the more."""
        if self.before is None or self.after is None:
            return float(self.after is None)
        return 1 - (index - self.before) / (self.after - self.before)


def given_frames(name: str, frames: Iterable[object], count: int) -> list[int]:
    """Return the frames of a stack that something is given for, ascending; `name` is what errors call it.

    Raises
    ------
    ValueError
        If one is no whole number, or outside the stack.
    """
    found = []
    for frame in frames:
        if not isinstance(frame, int | np.integer):
            raise ValueError(f"{name} must be by frames, whole numbers from 0, got {frame!r}")
        found.append(int(frame))
    outside = [frame for frame in found if not 0 <= frame < count]
    if outside:
        raise ValueError(f"{name} must be of frames 0 to {count - 1}, got {outside[0]}")
    return sorted(found)


def checked_frames(frames: range | None, direction: Direction, count: int) -> range:
    """Return which frames of a stack are wanted; None is all.

    Raises
    ------
    ValueError
        If they are not in the stack, side by side, or the direction is unknown.
    """
    wanted = range(count) if frames is None else frames
    if not isinstance(wanted, range) or wanted.step != 1 or not 0 <= wanted.start < wanted.stop <= count:
        raise ValueError(f"frames must be a range of step 1 within 0 to {count}, got {frames}")
    if direction not in ("both", "forward", "backward"):
        raise ValueError(f"direction must be 'both', 'forward' or 'backward', got {direction!r}")
    return wanted


def stretches(labelled: Sequence[int], wanted: range, direction: Direction) -> Iterator[Stretch]:
    """Yield the stretches between labelled frames; frames that no labels reach are in none.

    Parameters
    ----------
    labelled : sequence of int
        Ascending.
    wanted : range
        Of step 1.
    direction : {"both", "forward", "backward"}
    """
    ends: list[int | None] = [None, *labelled, None]
    for before, after in pairwise(ends):
        first = wanted.start if before is None else max(before + 1, wanted.start)
        stop = wanted.stop if after is None else min(after, wanted.stop)
        own = Stretch(
            before if direction != "backward" else None,
            after if direction != "forward" else None,
            range(first, stop),
        )
        if own.wanted and own.sources:
            yield own
