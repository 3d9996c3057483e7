"""Values passed on from frame to frame: each cell takes them from those most like it, near it, before."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.features import vote_in_window
from napari_vitrail.propagation._gone import without_gone
from napari_vitrail.propagation._motion import composed, motion_between, no_motion

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from napari_vitrail.grid import FeatureGrid
    from napari_vitrail.propagation._seen import SeenFrame
    from napari_vitrail.propagation._spec import PropagationSpec


@dataclass(frozen=True, eq=False)
class CarriedFrame:
    """A frame and what its cells have to pass on: shares of labels, or any other values.

    Attributes
    ----------
    frame : SeenFrame
    values : (h, w, k) float16
        Of the cells of the frame's grid. A cell of zeros alone knows nothing and has no vote.
    """

    frame: SeenFrame
    values: NDArray[np.float16]


class Pass:
    """Values on their way through a stack, away from one frame.

    Every next frame takes its values from that first one, and from the last few before it with the values
    that they were given themselves. So much is held, however long the way.

    Parameters
    ----------
    source : CarriedFrame
        Where the values start from.
    spec : PropagationSpec
    passed : iterable of CarriedFrame
        The last of the frames that were passed already, in their order; not blank ones.
    moved : FeatureGrid, optional
        What `moved` was after the last of them.

    Attributes
    ----------
    moved : FeatureGrid
        Where what the places of the last frame show was in the first: offsets (h', w', 2), pixels.

    Raises
    ------
    ValueError
        If fewer places may vote than the spec's topk.
    """

    def __init__(
        self, source: CarriedFrame, spec: PropagationSpec, passed: Iterable[CarriedFrame] = (),
        moved: FeatureGrid | None = None,
    ) -> None:  # fmt: skip
        places = int(np.prod(source.frame.voting_grid.shape))
        if spec.topk > places:
            raise ValueError(f"topk must be at most {places}, the places of a frame, got {spec.topk}")
        self.source = source
        self._spec = spec
        self._follows = bool(spec.motion and spec.radius)
        self.moved = no_motion(source.frame)
        self._last = source.frame
        self._recent: deque[tuple[CarriedFrame, FeatureGrid]] = deque(maxlen=spec.n_context)
        for carried in passed:
            self._follow(carried.frame)
            self._recent.append((carried, no_motion(carried.frame)))
        self.moved = moved or self.moved

    def step(self, frame: SeenFrame) -> CarriedFrame:
        """Return the next frame with its values, which the frames after it will ask for.

        In a blank frame nothing is known, and frames after it ask those before it.
        """
        if frame.is_blank:
            nothing = np.zeros((*frame.grid.shape, self.source.values.shape[-1]), np.float16)
            return CarriedFrame(frame, nothing)
        self._follow(frame)
        context, moved = zip((self.source, self.moved), *self._recent, strict=True)
        voting = self.source.frame.voting
        values = np.stack([carried.values[voting] for carried in context])
        reach = self._spec.radius * frame.patch
        found = vote_in_window(
            frame.descriptors, frame.grid,
            np.stack([carried.frame.descriptors[voting] for carried in context]), frame.voting_grid, values,
            radius=reach, topk=self._spec.topk, temperature=self._spec.temperature,
            spread=reach if self._spec.window == "gaussian" else 0.0,
            moved=np.stack([own.on(frame.grid).values for own in moved]) if self._follows else None,
            voters=np.asarray(values.any(axis=-1)),
        )  # fmt: skip
        if self._spec.gone_below:
            found = without_gone(found, frame, context, self._spec)
        carried = CarriedFrame(frame, found.astype(np.float16))
        self._recent.append((carried, no_motion(frame)))
        return carried

    def _follow(self, frame: SeenFrame) -> None:
        """Find out where what the next frame shows was in those that vote on it."""
        if self._follows:
            motion = motion_between(frame, self._last, self._spec.motion)
            self.moved = composed(motion, self.moved)
            for place, (carried, moved) in enumerate(self._recent):
                self._recent[place] = carried, composed(motion, moved)
        self._last = frame
