"""Points or boxes on their ways through a stack, forwards, backwards and blended between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from napari_vitrail.progress import Progress, Steps, part_of
from napari_vitrail.propagation._following import Found, ShownFrame
from napari_vitrail.propagation._stretches import Direction, Stretch, stretches
from napari_vitrail.propagation._tracks import VISIBLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_vitrail.propagation._places import GivenPlaces, Ids, Places
    from napari_vitrail.propagation._seen import SeenFrames


class FollowingPass(Protocol):
    """What goes from frame to frame with places that were given in one."""

    def step(self, shown: ShownFrame) -> Found:
        """Return where they are in the next frame."""


class FollowedFrame(NamedTuple):
    """Where some of the things that are followed are in one frame.

    Attributes
    ----------
    frame : int
        Which of the stack.
    ids : (n,) int64
        Things that were given in the same frames.
    found : Found
        Their places (n, k) and confidence (n,).
    is_given : bool
        Whether these were given by hand.
    """

    frame: int
    ids: Ids
    found: Found
    is_given: bool = False


@dataclass
class Following:
    """One run through a stack.

    Attributes
    ----------
    seen : SeenFrames
    given : GivenPlaces
    start : callable
        Makes a pass of a frame and the places (n, k) that were given in it.
    """

    seen: SeenFrames
    given: GivenPlaces
    start: Callable[[ShownFrame, Places], FollowingPass]
    _done: int = 0
    _total: int = 0

    def steps(self, wanted: range, direction: Direction) -> Steps[None]:
        """Yield Progress, whose `so_far` is each `FollowedFrame` once.

        Raises
        ------
        ValueError
            If none of the frames that are wanted is reached.
        """
        plan = {frames: list(stretches(frames, wanted, direction)) for frames in self.given.groups}
        labelled = {frames: [index for index in frames if index in wanted] for frames in plan}
        ways = [len(own.forward) + len(own.backward) for todo in plan.values() for own in todo]
        self._total = sum(len(own) for own in labelled.values()) + sum(ways)
        if not self._total:
            raise ValueError(
                f"frames must be such that they are reached from {sorted(self.given.places)} with direction "
                f"{direction!r}, got {wanted}"
            )
        for frames, ids in self.given.groups.items():
            for index in labelled[frames]:
                sure = Found(self.given.of_frame(index, ids), np.ones(len(ids)))
                yield self._counted(FollowedFrame(index, ids, sure, is_given=True))
            for stretch in plan[frames]:
                yield from self._stretch_steps(stretch, ids)

    def _stretch_steps(self, stretch: Stretch, ids: Ids) -> Steps[None]:
        """Yield the frames between those that some ids were given in."""
        waiting: dict[int, Found] = {}
        if stretch.before is None or stretch.after is None:
            steps = self._way_steps(stretch.sources[0], stretch.forward or stretch.backward, ids)
        else:
            for progress in self._way_steps(stretch.after, stretch.backward, ids):
                if progress.so_far is not None:
                    waiting[progress.so_far.frame] = progress.so_far.found
                yield progress._replace(so_far=None)
            steps = self._way_steps(stretch.before, stretch.forward, ids)
        for progress in steps:
            own: FollowedFrame | None = progress.so_far
            if own is None or own.frame not in stretch.wanted:
                yield progress._replace(so_far=None)
                continue
            if own.frame in waiting:
                weight = stretch.weight_of_before(own.frame)
                own = own._replace(found=blended(own.found, waiting.pop(own.frame), weight))
            yield progress._replace(so_far=own)

    def _way_steps(self, source: int, way: range, ids: Ids) -> Steps[None]:
        """Yield all frames on the way from one that ids were given in."""
        following = self.start((yield from self._show_steps(source)), self.given.of_frame(source, ids))
        for index in way:
            found = following.step((yield from self._show_steps(index)))
            yield self._counted(FollowedFrame(index, ids, found))

    def _show_steps(self, index: int) -> Steps[ShownFrame]:
        frame = yield from part_of(self.seen.see_steps(index), self._done, self._total)
        return ShownFrame(frame, self.seen.grey(index))

    def _counted(self, frame: FollowedFrame) -> Progress:
        self._done += 1
        return Progress(self._done, self._total, "frames", so_far=frame)


def blended(before: Found, after: Found, weight: float) -> Found:
    """Return what comes from both sides as one; what one side does not see comes from the other alone.

    Parameters
    ----------
    before, after : Found
        Of the same things, in their order.
    weight : float, 0 to 1
        Of what comes from before, where both see it.
    """
    shares = np.column_stack(
        [weight * (before.confidence >= VISIBLE), (1 - weight) * (after.confidence >= VISIBLE)]
    )
    shares[~shares.any(axis=1)] = weight, 1 - weight
    shares /= shares.sum(axis=1, keepdims=True)
    places = shares[:, :1] * before.places + shares[:, 1:] * after.places
    return Found(places, (shares * np.column_stack([before.confidence, after.confidence])).sum(axis=1))
