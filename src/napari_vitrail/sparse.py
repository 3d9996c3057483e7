"""Labels that are 0 nearly everywhere, as strokes are: small in memory and in a file."""

from __future__ import annotations

import io
import math
import tokenize
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_vitrail.archive import LARGEST_MEMBER, unpacked
from napari_vitrail.errors import ProjectError
from napari_vitrail.progress import Progress, Steps, drain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

LARGEST_LABELS = 2**42
"""Bytes that labels from a file may be of, which nothing takes: see `SparseLabels.planes`."""
MOST_PAINTED = 2**33
"""Pixels of labels from a file that may be painted."""
MOST_AXES = 16
_ARRAYS = ("shape", "starts", "lengths", "ids")

DAMAGE = (tokenize.TokenError, LookupError, MemoryError, RecursionError, SyntaxError, TypeError, ValueError)
"""What numpy raises at an array whose bytes are damaged."""


@dataclass(frozen=True)
class SparseLabels:
    """Labels as runs of pixels with the same label, in raster order (the last axis fastest).

    Attributes
    ----------
    shape : tuple of int
        Of the whole array.
    starts, lengths : (n,) int64 arrays, in pixels
        Where each run begins, and how long it is. Runs may go on in the next row.
    ids : (n,) int array
        The label of each run, never 0; its data type is that of the whole array.
    """

    shape: tuple[int, ...]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    ids: NDArray[np.integer]

    @classmethod
    def of(cls, labels: NDArray[np.integer]) -> SparseLabels:
        """Return the runs of some labels."""
        return drain(sparse_steps(labels))

    def dense(self) -> NDArray[np.integer]:
        """Return the whole array.

        Raises
        ------
        ValueError
            If there is no memory for it.
        """
        try:
            labels = np.zeros(self.shape, self.ids.dtype)
        except MemoryError as error:
            raise ValueError(f"there is no memory for labels of shape {self.shape}") from error
        flat = labels.reshape(-1)
        runs = zip(self.starts.tolist(), self.lengths.tolist(), self.ids, strict=True)
        for start, length, label in runs:  # no array as long as what is painted
            flat[start : start + length] = label
        return labels

    def planes(self) -> Iterator[tuple[tuple[int, ...], NDArray[np.integer]]]:
        """Yield index and labels (the last two axes) of each plane that is painted."""
        size = math.prod(self.shape[-2:])
        at, plane = -1, np.zeros(size, self.ids.dtype)
        for start, length, label in zip(self.starts.tolist(), self.lengths.tolist(), self.ids, strict=True):
            for number in range(start // size, (start + length - 1) // size + 1):
                if number != at and at >= 0:
                    yield self._placed(at, plane)
                    plane = np.zeros_like(plane)
                at = number
                plane[max(start - at * size, 0) : start + length - at * size] = label
        if at >= 0:
            yield self._placed(at, plane)

    def _placed(self, number: int, plane: NDArray[np.integer]) -> tuple[tuple[int, ...], NDArray[np.integer]]:
        index = tuple(map(int, np.unravel_index(number, self.shape[:-2]))) if self.shape[:-2] else ()
        return index, plane.reshape(self.shape[-2:])

    def to_npz(self) -> bytes:
        """Return the arrays in numpy's ``npz`` format, not compressed."""
        file = io.BytesIO()
        shape = np.array(self.shape, "<i8")
        ids = self.ids.astype(self.ids.dtype.newbyteorder("<"), copy=False)
        np.savez(file, shape=shape, starts=self.starts, lengths=self.lengths, ids=ids)
        return file.getvalue()

    @classmethod
    def from_npz(cls, data: bytes, path: str) -> SparseLabels:
        """Return labels from the bytes of an ``npz`` file that may come from anyone.

        Parameters
        ----------
        data : bytes
        path : str
            What messages call it.

        Raises
        ------
        ProjectError
            If they are damaged, hold anything but whole numbers, or would take too much memory.
        """
        members = unpacked(io.BytesIO(data), path, _most)
        try:
            arrays = {name: _array(members[f"{name}.npy"]) for name in _ARRAYS}
            shape = tuple(int(size) for size in arrays["shape"])
            starts, lengths = (arrays[name].astype("<i8", casting="safe") for name in ("starts", "lengths"))
            _check(shape, starts, lengths, arrays["ids"])
        except DAMAGE as error:
            raise ProjectError(f"{path} is damaged: its strokes cannot be read: {error}") from error
        return cls(shape, starts, lengths, arrays["ids"])


def sparse_steps(labels: Any) -> Steps[SparseLabels]:
    """Yield Progress after every plane; return the runs of labels, which may be lazy or change meanwhile.

    Only one plane is in memory at a time.
    """
    shape, dtype = tuple(labels.shape), np.dtype(labels.dtype)
    planes = list(np.ndindex(shape[:-2]))
    size = math.prod(shape[-2:])
    found = []
    for done, index in enumerate(planes):
        plane = np.array(labels[index], order="C").ravel()  # a copy: the brush may be at work
        if plane.any():
            starts, lengths, ids = _runs(plane)
            found.append((starts + done * size, lengths, ids))
        yield Progress(done + 1, len(planes), "reading strokes")
    if not found:
        none = np.zeros(0, "<i8")
        return SparseLabels(shape, none, none, np.zeros(0, dtype))
    return SparseLabels(shape, *(np.concatenate(parts) for parts in zip(*found, strict=True)))


def _runs(flat: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.integer]]:
    """Return start, length and label of each run of labels that are not 0."""
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    starts = np.concatenate([[0], edges]).astype("<i8")
    lengths = np.diff(starts, append=len(flat))
    painted = flat[starts] != 0
    return starts[painted], lengths[painted], flat[starts[painted]]


def _most(name: str) -> int:
    """Return how many bytes a member of the ``npz`` may have."""
    return LARGEST_MEMBER if name.removesuffix(".npy") in _ARRAYS and name.endswith(".npy") else 0


def _array(data: bytes) -> NDArray[np.integer]:
    """Return the one row of whole numbers in an ``npy``; nothing is allocated on its header's word."""
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise ValueError(f"an array has version {version}")
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    rest = data[file.tell() :]
    if dtype.kind not in "iu" or len(shape) != 1 or shape[0] * dtype.itemsize != len(rest):
        raise ValueError(f"an array of {len(rest)} bytes says it is {dtype} of shape {shape}")
    return np.frombuffer(rest, dtype)


def _check(
    shape: tuple[int, ...],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    ids: NDArray[np.integer],
) -> None:
    """Raise ValueError where runs do not fit each other or the array."""
    size = math.prod(shape)
    if not 1 <= len(shape) <= MOST_AXES or min(shape) < 1:
        raise ValueError(f"labels cannot have shape {shape}")
    if size * ids.dtype.itemsize > LARGEST_LABELS:
        raise ValueError(f"labels of shape {shape} would take more than the {LARGEST_LABELS} bytes allowed")
    if not len(starts) == len(lengths) == len(ids):
        raise ValueError(f"{len(starts)} runs have {len(lengths)} lengths and {len(ids)} labels")
    if not len(starts):
        return
    if starts.min() < 0 or lengths.min() < 1 or starts.max() >= size or lengths.max() > size:
        raise ValueError(f"runs lie outside the {size} pixels")
    if sum(lengths.tolist()) > MOST_PAINTED:
        raise ValueError(f"more than the {MOST_PAINTED} pixels allowed are painted")
    ends = starts + lengths
    if (ends[:-1] > starts[1:]).any() or ends[-1] > size:
        raise ValueError("runs overlap, or lie outside the labels")
    if not ids.all():
        raise ValueError("runs of the label 0")
