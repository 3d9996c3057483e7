"""Points or boxes given by hand in some frames of a stack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.propagation._stretches import given_frames

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Places = NDArray[np.float64]
    Ids = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class GivenPlaces:
    """Places of some frames, and what each is called by.

    Attributes
    ----------
    places : dict of int to (n, k) float64
        By frames, ascending: row/column, or the four sides of boxes.
    ids : dict of int to (n,) int64
    """

    places: dict[int, Places]
    ids: dict[int, Ids]

    @classmethod
    def of(
        cls, name: str, places: Mapping[int, ArrayLike], ids: Mapping[int, ArrayLike] | None, width: int,
        n_frames: int,
    ) -> GivenPlaces:  # fmt: skip
        """Return places (n, `width`) of a stack, checked; `name` is what errors call them.

        Raises
        ------
        ValueError
            If there are none, a frame is none of the stack's, places have another shape or are not finite,
            or ids are not one whole number for each place of a frame, all different.
        """
        if not isinstance(places, Mapping):
            raise ValueError(
                f"{name} must be a mapping of frames to (n, {width}), got {type(places).__name__}"
            )
        indices = given_frames(name, places, n_frames)
        found = {index: _checked(name, places[index], index, width) for index in indices}
        found = {index: own for index, own in found.items() if len(own)}
        if not found:
            raise ValueError(f"{name} must have at least one in some frame, got none")
        numbers = ids or {}
        astray = sorted(set(numbers) - set(places))
        if astray:
            raise ValueError(f"ids must be of frames that have {name}, got frame {astray[0]}")
        if ids is not None and not set(found) <= set(numbers):
            missing = min(set(found) - set(numbers))
            raise ValueError(f"ids must be given for all frames that have {name}, frame {missing} has none")
        return cls(found, {index: _ids(numbers.get(index), index, len(own)) for index, own in found.items()})

    @property
    def groups(self) -> dict[tuple[int, ...], Ids]:
        """Ids (n,) by the frames that they were given in: they go the same ways."""
        by_id: dict[int, list[int]] = {}
        for index, numbers in self.ids.items():
            for own in numbers.tolist():
                by_id.setdefault(own, []).append(index)
        groups: dict[tuple[int, ...], list[int]] = {}
        for own in sorted(by_id):
            groups.setdefault(tuple(by_id[own]), []).append(own)
        return {frames: np.array(own, np.int64) for frames, own in groups.items()}

    def of_frame(self, index: int, ids: Ids) -> Places:
        """Return where some ids (n,) are in a frame that they were given in (n, k)."""
        rows = {own: row for row, own in enumerate(self.ids[index].tolist())}
        return self.places[index][[rows[own] for own in ids.tolist()]]


def _checked(name: str, places: ArrayLike, index: int, width: int) -> Places:
    own = np.asarray(places, np.float64)
    if own.size == 0:
        return np.zeros((0, width))
    if own.ndim != 2 or own.shape[1] != width:
        raise ValueError(f"{name} of frame {index} must be (n, {width}), got shape {own.shape}")
    if not np.isfinite(own).all():
        broken = own[~np.isfinite(own).all(axis=1)][0]
        raise ValueError(f"{name} of frame {index} must be finite, got {broken.tolist()}")
    return own


def _ids(ids: ArrayLike | None, index: int, count: int) -> Ids:
    numbers = np.arange(count) if ids is None else np.asarray(ids)
    if numbers.shape != (count,) or numbers.dtype.kind not in "iu" or len(np.unique(numbers)) < count:
        raise ValueError(
            f"ids of frame {index} must be {count} different whole numbers, got {numbers.tolist()}"
        )
    return numbers.astype(np.int64)
