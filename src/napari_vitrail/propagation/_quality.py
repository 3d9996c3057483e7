"""How far labels that were passed on can be trusted: whether they are sure, and find their way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.features import vote_in_window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_vitrail.propagation._passing import CarriedFrame
    from napari_vitrail.propagation._spec import PropagationSpec


class Quality:
    """How far labels that come from one labelled frame can be trusted in others.

    Parameters
    ----------
    source : CarriedFrame
        The labelled frame, with the shares that were given.
    ids : sequence of int
        In the order of the shares; 0 is background and does not count.
    spec : PropagationSpec
    """

    def __init__(self, source: CarriedFrame, ids: Sequence[int], spec: PropagationSpec) -> None:
        self._source = source
        self._named = [channel for channel, own_id in enumerate(ids) if own_id]
        self._spec = spec
        self._best: dict[float, float] = {}

    def of(self, carried: CarriedFrame) -> float:
        """Return how far a frame's labels can be trusted, 0 to 1: the geometric mean of two shares.

        One is the cycle consistency, see `way_back`. The other is how sure places are of their labels: of all
        that they have of them, what is beyond a tie with the ground or with another label.
        """
        surest = carried.values[..., self._named].astype(np.float32).max(axis=-1, initial=0)
        total = float(surest.sum())
        sure = float(np.maximum(2 * surest - 1, 0).sum()) / total if total else 1.0
        return float(np.sqrt(sure * self.way_back(carried)))

    def way_back(self, carried: CarriedFrame) -> float:
        """Return how much of the labelled frame a later frame's labels would give back to it, 0 to 1.

        The labelled frame takes its labels from the other one at once, from as far as a thing may have moved
        in so many frames: beyond that, another of the same kind would answer for it. The overlap of what
        comes back with what was given is the cycle consistency, as a share of the one that the labelled frame
        would have if it took labels from itself: borders blur, and small things are all border.
        """
        frame = self._source.frame
        farthest = max(self._spec.radius, self._spec.motion) if self._spec.radius else 0.0
        reach = abs(carried.frame.index - frame.index) * farthest * frame.patch
        reach = min(reach, float(max(frame.shape)))  # from there on it is the same
        if reach not in self._best:
            self._best[reach] = self._overlap(self._source, reach)
        return min(self._overlap(carried, reach) / self._best[reach], 1.0)

    def _overlap(self, other: CarriedFrame, reach: float) -> float:
        """Return the overlap of what a frame gives the labelled one with what was given to that.

        It is the area of both, where shares of labels count, of the area of either, and the mean over labels.
        A frame without any label gives back nothing, which is right where nothing was given.
        """
        asking, own, spec = self._source.frame, other.frame, self._spec
        values = other.values[own.voting][None]
        back = vote_in_window(
            asking.descriptors[asking.voting], asking.voting_grid, own.descriptors[own.voting][None],
            own.voting_grid, values,
            radius=reach, topk=spec.topk, temperature=spec.temperature,
            voters=np.asarray(values.any(axis=-1)),
        )  # fmt: skip
        given = self._source.values[asking.voting].astype(np.float32)
        back = back * given.any(axis=-1, keepdims=True)  # elsewhere nobody knows
        both = np.minimum(given, back).sum(axis=(0, 1))[self._named]
        either = np.maximum(given, back).sum(axis=(0, 1))[self._named]
        return float(np.mean(both[either > 0] / either[either > 0])) if (either > 0).any() else 1.0
