"""Labels of things that are gone: their places look no more like them than like anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.features import product

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_vitrail.propagation._passing import CarriedFrame
    from napari_vitrail.propagation._seen import SeenFrame
    from napari_vitrail.propagation._spec import PropagationSpec

JUDGED = 600
"""Cells that are looked at, of all labels together: more would say the same."""
JUDGED_OF_EACH = 8
"""Cells of each label, however many labels there are."""
BLOCK_VALUES = 1 << 24
"""Distances that are there at a time: 64 MB."""
ROUNDING = 1e-4
"""Of squared distances: what is nearer by less is as near."""


def without_gone(
    values: NDArray[np.float32], frame: SeenFrame, before: Sequence[CarriedFrame], spec: PropagationSpec
) -> NDArray[np.float32]:
    """Return values (h, w, k) of a frame without labels that its cells bear no likeness of.

    Within reach of a cell in the middle of a thing there may be nothing but the thing, so that its label
    would go on for ever where the thing has vanished. So the cells that are surest of a label are compared
    with those of the frames before, however far apart: it is gone if fewer than ``spec.gone_below`` of them
    are nearer to cells of it than to others. Of a centred spec this asks for how far cells are from the mean
    of their frame as well as where to: plain ground is near it. In mode "dense" things of one kind speak for
    each other, which nobody can tell apart from afar: the others are background, and it takes the place.

    Parameters
    ----------
    values : (h, w, k) float32
        What the cells of `frame` were given; in mode "dense" those of the background first.
    frame : SeenFrame
    before : sequence of CarriedFrame
        The labelled frame, of which all cells are asked, and others, of which those are that vote.
    spec : PropagationSpec
    """
    gone = _gone(values, frame, before, spec) if values.size else []
    if not gone:
        return values
    kept = values.copy()
    kept[..., gone] = 0
    if spec.mode == "dense":
        free = 1 - kept[..., 0] - kept[..., 1:].max(axis=-1)  # things in boxes may overlap
        kept[..., 0] += np.clip(values[..., gone].sum(axis=-1), 0, np.maximum(free, 0))
    return kept


def _gone(
    values: NDArray[np.float32], frame: SeenFrame, before: Sequence[CarriedFrame], spec: PropagationSpec
) -> list[int]:
    """Return the labels of which too few cells are nearer to their own than to others."""
    first = int(spec.mode == "dense")
    judged = _judged(values.reshape(-1, values.shape[-1]), first)
    if not judged:
        return []
    asking = frame.offsets(np.unravel_index(np.concatenate(list(judged.values())), frame.grid.shape))
    nearest = _nearest(asking, before, 2 if first else max(values.shape[-1], 2))
    parts = np.split(nearest, np.cumsum([len(cells) for cells in judged.values()])[:-1])
    found = []
    for label, part in zip(judged, parts, strict=True):
        group = first or label
        own, others = part[:, group], np.delete(part, group, axis=1).min(axis=1)
        if np.isfinite([own, others]).all() and np.mean(own < others - ROUNDING) < spec.gone_below:
            found.append(label)
    return found


def _judged(values: NDArray[np.float32], first: int) -> dict[int, NDArray[np.intp]]:
    """Return the cells (m,) that are surest of each label, or some of them, evenly chosen."""
    present = [label for label in range(first, values.shape[-1]) if values[:, label].any()]
    most = max(JUDGED // max(len(present), 1), JUDGED_OF_EACH)
    judged = {}
    for label in present:
        own = values[:, label]
        cells = np.flatnonzero(own >= own.max() / 2)
        cells = cells[own[cells] >= np.median(own[cells])]
        judged[label] = cells[:: -(-len(cells) // most)]
    return judged


def _nearest(
    asking: NDArray[np.float32], before: Sequence[CarriedFrame], n_groups: int
) -> NDArray[np.float32]:
    """Return the squared distance (n, g) of rows (n, D) to the nearest cell of each group, in any frame.

    Groups are labels, by their order; the last one has all labels from there on.
    """
    nearest = np.full((len(asking), n_groups), np.inf, np.float32)
    lengths = np.einsum("ij,ij->i", asking, asking)[:, None]
    step = max(BLOCK_VALUES // len(asking), 1)
    for carried in before:
        frame = carried.frame
        cells = (slice(None), slice(None)) if carried is before[0] else frame.voting
        rows = frame.offsets(cells)
        groups = np.minimum(_surest(carried.values[cells].reshape(len(rows), -1)), n_groups - 1)
        for group in np.unique(groups[groups >= 0]):
            members = rows[groups == group]
            for start in range(0, len(members), step):
                part = members[start : start + step]
                squared = lengths + np.einsum("ij,ij->i", part, part) - 2 * product(asking, part.T)
                np.minimum(nearest[:, group], squared.min(axis=1), out=nearest[:, group])
    return nearest


def _surest(values: NDArray[np.floating]) -> NDArray[np.intp]:
    """Return which value (n,) is largest in each row (n, k); -1 where nothing is known."""
    return np.where(values.any(axis=-1), values.argmax(axis=-1), -1)
