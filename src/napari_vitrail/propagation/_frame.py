"""One frame of a stack with the labels that it was given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.grid import Grid


@dataclass(frozen=True, eq=False)
class PropagatedFrame:
    """One frame of a stack, labelled.

    Attributes
    ----------
    index : int
        Which frame of the stack.
    labels : (H, W) int array
        Ids as they were given.
    ids : tuple of int
        That may be in this frame: those of the labelled frames that it depends on, ascending.
    shares : (h, w, k) float16
        How much each place is of each id, in the order of `ids`; they sum to 1, or 0 where nothing is known.
        A frame that was labelled by hand is one single place.
    grid : Grid
        Where these places sit, in pixels of the frame.
    sources : tuple of int
        The labelled frames that it depends on.
    key : str
        Names all that the labels follow from, but the stack: the labels of `sources`, the spec, the weights.
    moved : (h', w', 2) float32
        Where what patches of the frame show was in the first of `sources`: offsets in rows and columns, in
        pixels; 0 in a frame that was labelled by hand.
    quality : float, 0 to 1
        How sure its labels are, and how well they find their way back to `sources`; 1 where it was labelled
        by hand.
    """

    index: int
    labels: NDArray[np.integer]
    ids: tuple[int, ...]
    shares: NDArray[np.float16]
    grid: Grid
    sources: tuple[int, ...]
    key: str
    moved: NDArray[np.float32]
    quality: float = 1.0

    @property
    def is_given(self) -> bool:
        """Whether it was labelled by hand; then the labels are those."""
        return self.sources == (self.index,)

    @property
    def confidence(self) -> NDArray[np.float32]:
        """The share (h, w) of the surest id in each place; 1 where it was labelled by hand."""
        if self.is_given:
            return np.ones(self.grid.shape, np.float32)
        return self.shares.max(axis=-1, initial=0).astype(np.float32)
