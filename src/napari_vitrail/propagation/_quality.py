"""How far labels that were passed on can be trusted: whether they find their way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.features import vote_in_window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_vitrail.propagation._passing import CarriedFrame
    from napari_vitrail.propagation._spec import PropagationSpec


def way_back(source: CarriedFrame, carried: CarriedFrame, ids: Sequence[int], spec: PropagationSpec) -> float:
    """Return how much of a labelled frame a later frame's labels would give back to it, 0 to 1.

    The labelled frame takes its labels from the other one, at once and from any distance. The overlap of
    what comes back with what was given is the cycle consistency: the area of both, where shares of labels
    count, of the area of either, and the mean over labels. A frame without any label gives back nothing,
    which is right where nothing was given.

    Parameters
    ----------
    source : CarriedFrame
        With the shares that were given.
    carried : CarriedFrame
        With those that it was given from there.
    ids : sequence of int
        In the order of the shares; 0 is background and does not count.
    spec : PropagationSpec
    """
    own, voting = source.frame, source.frame.voting
    values = carried.values[voting][None]
    back = vote_in_window(
        own.descriptors[voting], own.voting_grid,
        carried.frame.descriptors[voting][None], carried.frame.voting_grid, values,
        radius=0, topk=spec.topk, temperature=spec.temperature, voters=np.asarray(values.any(axis=-1)),
    ).values  # fmt: skip
    given = source.values[voting].astype(np.float32)
    back = back * given.any(axis=-1, keepdims=True)  # elsewhere nobody knows
    named = [channel for channel, own_id in enumerate(ids) if own_id]
    both = np.minimum(given, back).sum(axis=(0, 1))[named]
    either = np.maximum(given, back).sum(axis=(0, 1))[named]
    return float(np.mean(both[either > 0] / either[either > 0])) if (either > 0).any() else 1.0
