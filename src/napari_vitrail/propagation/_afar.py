"""Labels that two frames would give each other from afar: whether a label is backed, or gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.features import unit_rows, vote_in_window
from napari_vitrail.grid import FeatureGrid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.propagation._passing import CarriedFrame
    from napari_vitrail.propagation._seen import SeenFrame
    from napari_vitrail.propagation._spec import PropagationSpec


def votes_from_afar(
    giving: CarriedFrame, asking: SeenFrame, spec: PropagationSpec, reach: float = 0.0
) -> NDArray[np.float32]:
    """Return the values (h', w', k) that a frame gives another's voting places, however far apart in time.

    Places are compared by what sets them apart from the mean of their own frame: what a frame as a whole
    looks like changes as things come and go, and would make all its places seem like some one of the other.

    Parameters
    ----------
    giving : CarriedFrame
    asking : SeenFrame
    spec : PropagationSpec
    reach : float, pixels
        How far apart places may be along either axis; 0 is any distance.
    """
    own = giving.frame
    values = giving.values[own.voting][None]
    return vote_in_window(
        _set_apart(asking), asking.voting_grid, _set_apart(own)[None], own.voting_grid, values,
        radius=reach, topk=spec.topk, temperature=spec.temperature, voters=np.asarray(values.any(axis=-1)),
    ).values  # fmt: skip


def without_gone(
    values: NDArray[np.float32], frame: SeenFrame, source: CarriedFrame, spec: PropagationSpec
) -> NDArray[np.float32]:
    """Return values (h, w, k) of a frame without those that its places bear no likeness of.

    Within reach of a place in the middle of a thing there may be nothing but the thing, so that it would go
    on for ever where the thing has vanished. From any distance the labelled frame says what places are
    like: a label that has less than ``spec.gone_below`` of what it was given from there is gone, and what
    its places are like takes them. Things of one kind back each other, which from afar nobody tells apart:
    where there is background, that alone speaks against them.

    Parameters
    ----------
    values : (h, w, k) float32
        What the places of `frame` were given; in mode "dense" those of the background first.
    frame : SeenFrame
    source : CarriedFrame
        The labelled frame that it all came from.
    spec : PropagationSpec
    """
    given = values[frame.voting]
    afar = votes_from_afar(source, frame, spec)
    backing = afar.copy()
    if spec.mode == "dense":
        backing[..., 1:] = afar[..., 1:].sum(axis=-1, keepdims=True)
    backed = np.minimum(given, backing).sum(axis=(0, 1))
    gone = backed < spec.gone_below * given.sum(axis=(0, 1))
    if not gone.any():
        return values
    instead = FeatureGrid(np.where(gone, 0, afar), frame.voting_grid).on(frame.grid).values
    total = instead.sum(axis=-1, keepdims=True)
    instead /= np.where(total > 0, total, 1)
    lost = values[..., gone].sum(axis=-1, keepdims=True)
    return np.asarray(np.where(gone, 0, values) + lost * instead, np.float32)


def _set_apart(frame: SeenFrame) -> NDArray[np.float32]:
    rows = frame.descriptors[frame.voting].astype(np.float32)
    return unit_rows(rows - rows.mean(axis=(0, 1)))
