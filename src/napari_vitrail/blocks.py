"""Planes too large for memory, in blocks: where they are cut, and what each must know of all the others."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_vitrail.backbones import backbone_info
from napari_vitrail.image import LayeredImage, as_image
from napari_vitrail.tiling import Tile, as_window, tile_pitch, tile_sides

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_vitrail.spec import FeatureSpec
    from napari_vitrail.tiling import Window

WHOLE_PIXELS = 1 << 26
"""Of a plane that is worked on as a whole; its features take 2 GB. Larger ones are cut into blocks."""
BLOCK_SIDE = 3000
"""Pixels a side, about, of what is segmented at once of a larger plane."""
CELL_SIDE = 800
"""Pixels a side, about, of what is learned from at once; what is in view is made of as many as it takes."""
_CLASSICAL_PITCH = 256  # there is no tile to be cut through: any pitch and a margin above the halo will do
_SPREAD, _LOOK = 8, 128  # looks along a side, and pixels a side of each: a million pixels in all
_MOST_TILES = 64  # from one cut to the next


def is_large(shape: tuple[int, ...]) -> bool:
    """Whether a plane of a shape (H, W, ...) is worked on in blocks."""
    return shape[0] * shape[1] > WHOLE_PIXELS


@dataclass(frozen=True)
class Blocks:
    """How a plane is cut into blocks that are each seen with a margin.

    A ViT's answer depends on the tile in which it sees a pixel. So cuts lie in the middle of tiles, and both
    blocks see the whole tile that is cut: it is the same tile, wherever a block begins, and so is what
    comes of it.

    ::

        tiles   ├─────0─────┤       ├─────2─────┤
                        ├─────1─────┤       ├─────3─────┤
        seen    ├───────block 0─────────────┤   ...
        kept    ├───────────────────┤┄┄ cut in the middle of tile 2
        seen                        ├───────block 1─────

    Attributes
    ----------
    shape : (H, W)
        Of the plane.
    tile : int, pixels
        Side of the tiles that are cut.
    cut : (rows, columns) tuples of int
        Where the tiles begin that are cut, along each axis.
    """

    shape: tuple[int, int]
    tile: int
    cut: tuple[tuple[int, ...], tuple[int, ...]]

    @classmethod
    def of(cls, shape: tuple[int, ...], spec: FeatureSpec, side: int = BLOCK_SIDE) -> Blocks:
        """Return blocks of a plane (H, W, ...) that are about `side` pixels long, for features of a spec."""
        tile, pitch = _tile_and_pitch(spec)
        step = pitch * max(round(side / pitch), 1)
        rows, columns = (_cut_tiles(length, tile, step) for length in shape[:2])
        return cls((shape[0], shape[1]), tile, (rows, columns))

    def __iter__(self) -> Iterator[Tile]:
        """Yield the blocks, row by row: what is read, and what of it is kept."""
        yield from self.meeting((slice(None), slice(None)))

    def around(self, window: Window) -> Tile:
        """Return the smallest block that holds a window, of as many of these as it takes."""
        parts = []
        for axis, part in enumerate(as_window(window, self.shape)):
            ends = self._ends(axis)
            start = max(end for end in ends if end <= part.start)
            parts.append(slice(start, min(end for end in ends if end >= part.stop)))
        return self._block(parts[0], parts[1])

    def meeting(self, window: Window) -> list[Tile]:
        """Return the blocks that keep a part of a window."""
        parts = []
        for axis, part in enumerate(as_window(window, self.shape)):
            sides = pairwise(self._ends(axis))
            parts.append([slice(*side) for side in sides if side[0] < part.stop and part.start < side[1]])
        return [self._block(rows, columns) for rows, columns in product(*parts)]

    def _ends(self, axis: int) -> list[int]:
        """Return where blocks begin and end along an axis."""
        return [0, *(start + self.tile // 2 for start in self.cut[axis]), self.shape[axis]]

    def _block(self, rows: slice, columns: slice) -> Tile:
        parts = []
        for part, side in zip((rows, columns), self.shape, strict=True):
            half = self.tile // 2
            start = part.start - half if part.start else 0
            stop = part.stop - half + self.tile if part.stop < side else side
            local = slice(part.start - start, part.stop - start)
            parts.append((slice(start, stop), part, local))
        (outer0, inner0, local0), (outer1, inner1, local1) = parts
        return Tile((outer0, outer1), (inner0, inner1), (local0, local1))


def overview_windows(shape: tuple[int, ...]) -> list[Window]:
    """Return small windows spread evenly over a plane (H, W, ...), a million pixels in all."""
    rows, columns = (_looks(side) for side in shape[:2])
    return list(product(rows, columns))


def overview(image: Any) -> NDArray[np.generic]:
    """Return a million pixels from all over an image, from which its grey values and contrast are known.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, 4) array of any kind
        What can be sliced: of dask, zarr, a memory map. Only what is looked at is read.

    Returns
    -------
    overview : (h, w) or (h, w, 3) array
        The pixels as an image, in no order that would mean anything.
    """
    return as_image(np.concatenate([np.asarray(image[look]) for look in overview_windows(image.shape)]))


def read_block(image: Any, block: Tile, seen: NDArray[np.generic]) -> LayeredImage:
    """Return what is read of an image for a block of it, to be seen as all of the image is.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, 4) array of any kind
    block : Tile
        One of its `Blocks`.
    seen : array
        Its `overview`.
    """
    return LayeredImage(as_image(np.asarray(image[block.outer])), {}, seen)


def _looks(side: int) -> list[slice]:
    length = min(_LOOK, side)
    starts = np.unique(np.linspace(0, side - length, min(_SPREAD, -(-side // length))).astype(int))
    return [slice(int(start), int(start) + length) for start in starts]


def _tile_and_pitch(spec: FeatureSpec) -> tuple[int, int]:
    """Return the side of the tiles of a spec, and by how many pixels cuts may be apart, or a multiple."""
    if not spec.uses_vit:
        return _CLASSICAL_PITCH, _CLASSICAL_PITCH
    patch = backbone_info(spec.backbone).patch_size
    size, overlap = tile_sides(spec.tile, spec.halo, patch)
    pitch = tile_pitch(size, overlap, patch)
    for count in range(1, _MOST_TILES):  # the lattice of tokens must begin alike in every block
        length = count * pitch / spec.magnification
        if count * pitch % spec.stride == 0 and length == int(length):
            return round(size / spec.magnification), int(length)
    return round(size / spec.magnification), round(spec.stride * pitch / spec.magnification)


def _cut_tiles(side: int, tile: int, step: int) -> tuple[int, ...]:
    """Return where the tiles begin that are cut along a side.

    The last block is long enough for the tiles before its end, which are spaced anew, to leave the first
    half of its first one alone.
    """
    return tuple(range(step, side - 3 * tile + 1, step))
