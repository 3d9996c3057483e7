"""Areas of a result that stay as they are: those of locked classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import zarr
from napari.layers import Labels
from numpy.typing import NDArray

_FROZEN = "napari-vitrail frozen"  # of a result's metadata


def freeze(result: Labels, locked: set[int]) -> None:
    """Keep the areas of classes of a result as they are now, whatever is written to it; none thaws them."""
    result.metadata.pop(_FROZEN, None)
    if not locked:
        return
    data = result.data
    frozen: Any = np.zeros_like(data) if isinstance(data, np.ndarray) else zarr.zeros_like(data)
    there: set[int] = set()
    for at in range(data.shape[0]):  # one after the other: all of them may not fit into memory
        part = np.asarray(data[at])
        kept = np.where(np.isin(part, sorted(locked)), part, 0)
        frozen[at] = kept
        there |= {int(label) for label in np.unique(kept)} - {0}
    if there:  # what was not found yet has no area to keep
        result.metadata[_FROZEN] = frozen, there


def unfrozen(
    result: Labels, index: tuple[int | slice, ...], classes: NDArray[np.integer]
) -> NDArray[np.integer]:
    """Return what of a segmentation may be written: frozen classes neither lose a pixel nor gain one.

    Parameters
    ----------
    result : Labels
    index : tuple of int and slice
        Where the segmentation will be written in the data of the result.
    classes : int array
        What was found there.
    """
    if _FROZEN not in result.metadata:
        return classes
    frozen, labels = result.metadata[_FROZEN]
    kept, before = np.asarray(frozen[index]), np.asarray(result.data[index])
    gained = np.isin(classes, sorted(labels)) & (before > 0)
    return np.select([kept > 0, gained], [kept, before], classes)
