"""Labels and confidence of all frames as stacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_vitrail.arrayfile import write_planes
from napari_vitrail.grid import FeatureGrid, Grid

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import DTypeLike, NDArray

    from napari_vitrail.propagation import PropagatedFrame
    from napari_vitrail.propagationfiles._kept import KeptFrames
    from napari_vitrail.propagationfiles._run import FrameDone


def write_labels(path: Path, kept: KeptFrames, done: Sequence[FrameDone], count: int) -> None:
    """Write labels (T, H, W) in the smallest type that holds them, 0 in frames that were not labelled."""
    largest = max((id_ for frame in done for id_ in frame.pixels), default=0)
    _write(path, kept, done, count, np.min_scalar_type(largest), lambda frame: frame.labels)


def write_confidence(path: Path, kept: KeptFrames, done: Sequence[FrameDone], count: int) -> None:
    """Write the share of the surest label (T, H, W) as 32-bit float, 0 in frames that were not labelled."""
    _write(path, kept, done, count, np.float32, _confidence)


def _confidence(frame: PropagatedFrame) -> NDArray[np.float32]:
    shape = (frame.labels.shape[0], frame.labels.shape[1])
    return FeatureGrid(frame.confidence[..., None], frame.grid).on(Grid.of_pixels(shape)).values[..., 0]


def _write(
    path: Path, kept: KeptFrames, done: Sequence[FrameDone], count: int, dtype: DTypeLike,
    plane_of: Callable[[PropagatedFrame], NDArray[Any]],
) -> None:  # fmt: skip
    numbers = {frame.frame for frame in done}
    shape = kept[done[0].frame].labels.shape
    nothing = np.zeros(shape, dtype)
    planes = (plane_of(kept[number]) if number in numbers else nothing for number in range(count))
    write_planes(path, planes, (count, *shape), dtype)
