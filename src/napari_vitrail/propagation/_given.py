"""Labels given by hand on some frames of a stack."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.propagation._stretches import given_frames

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from napari_vitrail.grid import Grid

    Given = Mapping[int, ArrayLike] | ArrayLike


@dataclass(frozen=True, eq=False)
class GivenLabels:
    """Labels of some frames, read when they are asked for.

    Attributes
    ----------
    labels : mapping of int to (H, W) int, or (T, H, W) int
    digests : dict of int to str
        SHA-256 of each labelled frame's labels, in the order of the frames.
    dtype : numpy dtype
        That holds all ids.
    """

    labels: Mapping[int, ArrayLike] | Sequence[ArrayLike]
    digests: dict[int, str]
    dtype: np.dtype[np.integer]

    @classmethod
    def of(cls, labels: Given, n_frames: int) -> GivenLabels:
        """Return the labels of a stack, each frame checked once.

        Raises
        ------
        ValueError
            If no frame is labelled, one is none of the stack's, or labels are no ids.
        """
        if isinstance(labels, Mapping):
            indices = given_frames("labels", labels, n_frames)
            known: Mapping[int, ArrayLike] | Sequence[ArrayLike] = labels
        else:
            shape = np.shape(labels)
            if len(shape) != 3 or shape[0] != n_frames:
                raise ValueError(
                    f"labels must be a mapping of frames to (H, W), or ({n_frames}, H, W) as the stack is, "
                    f"got shape {shape}"
                )
            known = labels  # type: ignore[assignment]
            indices = [index for index in range(n_frames) if np.asarray(known[index]).any()]
        if not indices:
            raise ValueError("labels must have at least one labelled frame, got none")
        digests, dtypes = {}, []
        for index in indices:
            own = _checked(known[index], index)
            digests[index] = _digest(own)
            dtypes.append(own.dtype)
        dtype = np.result_type(np.uint8, *dtypes)  # a float of signed and unsigned ones of 64 bits
        return cls(known, digests, dtype if dtype.kind in "ui" else np.dtype(np.int64))

    @property
    def indices(self) -> list[int]:
        """The labelled frames, in their order."""
        return list(self.digests)

    def frame(self, index: int, shape: tuple[int, int]) -> NDArray[np.integer]:
        """Return the labels (H, W) of a labelled frame.

        Raises
        ------
        ValueError
            If they are of another size than the frames.
        """
        own = _checked(self.labels[index], index).astype(self.dtype, copy=False)
        if own.shape != shape:
            raise ValueError(
                f"labels of frame {index} must be as large as the frame, {shape}, got {own.shape}"
            )
        return own


def _checked(labels: ArrayLike, index: int) -> NDArray[np.integer]:
    own = np.asarray(labels)
    if own.dtype.kind not in "bui":
        raise ValueError(f"labels must be whole numbers, frame {index} has data type {own.dtype}")
    if own.size and own.min() < 0:
        raise ValueError(f"labels must be 0 or more, frame {index} has {own.min()}")
    if own.size and own.max() >= 2**63:
        raise ValueError(f"labels must be below 2**63, frame {index} has {own.max()}")
    return own


def _digest(labels: NDArray[np.integer]) -> str:
    own = np.ascontiguousarray(labels, np.int64)
    return hashlib.sha256(str(own.shape).encode() + own.tobytes()).hexdigest()


def shares_of(
    labels: NDArray[np.integer], ids: Sequence[int], grid: Grid, seed: str = "occupancy"
) -> NDArray[np.float16]:
    """Return which share (h, w, k) of the cell round each place belongs to each of some ids.

    Parameters
    ----------
    labels : (H, W) int
    ids : sequence of int
        In the order of the shares. Pixels of no such id are not known: shares are those of the others.
    grid : Grid
        Cells reach half-way to their neighbours.
    seed : {"occupancy", "nearest"}
        The latter asks the pixel at the middle alone.
    """
    shares = np.zeros((*grid.shape, len(ids)), np.float32)
    if seed == "nearest":
        pixels = [
            np.clip(np.floor(grid.along(axis) + 0.5), 0, side - 1).astype(np.intp)
            for axis, side in enumerate(labels.shape)
        ]
        middles = labels[np.ix_(*pixels)]
        return np.stack([middles == own for own in ids], axis=-1).astype(np.float16)
    rows, columns = (_covered(grid, axis, labels.shape[axis]) for axis in (0, 1))
    for channel, own in enumerate(ids):
        shares[..., channel] = rows @ (labels == own).astype(np.float32) @ columns.T
    total = shares.sum(axis=-1, keepdims=True)
    return np.divide(shares, total, out=shares, where=total > 0).astype(np.float16)


def _covered(grid: Grid, axis: int, side: int) -> NDArray[np.float32]:
    """Return how much of each pixel (n, side) along an axis lies in the cell round each place."""
    low = grid.along(axis)[:, None] - grid.spacing[axis] / 2
    pixels = np.arange(side) - 0.5
    shared = np.minimum(low + grid.spacing[axis], pixels + 1) - np.maximum(low, pixels)
    return np.clip(shared, 0, 1).astype(np.float32)
