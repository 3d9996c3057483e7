"""Frames of a stack as the ViT sees them, one at a time."""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.features import enlarged_pixels, seen_pixels, unit_rows, vit_features_steps
from napari_vitrail.grey_values import to_grey
from napari_vitrail.grid import Grid
from napari_vitrail.image import IntensityRange, as_image, main_of
from napari_vitrail.progress import Progress
from napari_vitrail.scratch import FiledArray, Scratch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from napari_vitrail.backbones import Backbone
    from napari_vitrail.features import TokenStore
    from napari_vitrail.image import LayeredImage, Picture
    from napari_vitrail.progress import Steps
    from napari_vitrail.propagation._spec import PropagationSpec

    Stack = ArrayLike | Sequence[ArrayLike | LayeredImage]

LONGEST = 2.0
"""Times `PropagationSpec.side` that the longer side of a frame is seen at most: a strip would be huge."""
FLAT = 1e-3
"""Length below which what sets a place apart from the mean of its frame is rounding."""
SCRATCH_BYTES = 2 << 30
"""Of descriptors that wait in a file for the way back; frames beyond are seen again."""


@dataclass(frozen=True, eq=False)
class SeenFrame:
    """One frame as the ViT has seen it.

    Attributes
    ----------
    index : int
        Which frame of the stack.
    shape : (H, W)
        Of the frame as it was given.
    grid : Grid
        Where the descriptors sit, in pixels of the frame.
    descriptors : (h, w, D) float16
        Of length 1; of a centred spec, of what sets places apart from the mean of the frame.
    lengths : (h, w) float16
        That they had before.
    voting : (rows, columns) slices
        Cells that vote on other frames, see `PropagationSpec.context`.
    patch : float, pixels
        Side of a patch, in pixels of the frame.
    is_blank : bool
        Whether all its pixels have the same value: nothing is to be seen.
    """

    index: int
    shape: tuple[int, int]
    grid: Grid
    descriptors: NDArray[np.float16]
    lengths: NDArray[np.float16]
    voting: tuple[slice, slice] = (slice(None), slice(None))
    patch: float = 1.0
    is_blank: bool = False

    def offsets(self, cells: tuple[slice, slice] | tuple[NDArray[np.intp], ...]) -> NDArray[np.float32]:
        """Return the descriptors (n, D) of some cells, of the length that they had."""
        rows = self.descriptors[cells] * self.lengths[cells][..., None].astype(np.float32)
        return np.asarray(rows.reshape(-1, rows.shape[-1]))

    @property
    def voting_grid(self) -> Grid:
        """Where the cells that vote sit."""
        rows, columns = (range(side)[part] for part, side in zip(self.voting, self.grid.shape, strict=True))
        origin = self.grid.to_pixels([rows.start, columns.start])
        spacing = self.grid.spacing[0] * rows.step, self.grid.spacing[1] * columns.step
        return Grid((len(rows), len(columns)), (float(origin[0]), float(origin[1])), spacing)


def count_frames(stack: Stack) -> int:
    """Return how many frames a stack has.

    Raises
    ------
    TypeError
        If it does not say.
    ValueError
        If it has none.
    """
    shape: tuple[int, ...] = getattr(stack, "shape", ())  # an array of zarr has one, and no length
    if not shape and not isinstance(stack, Sized):
        raise TypeError(f"stack must be an array or a sequence of images, got {type(stack).__name__}")
    count = len(stack) if isinstance(stack, Sized) else shape[0]
    if not count:
        raise ValueError("stack must have at least one frame, got none")
    return count


def known_or_blank(picture: Picture) -> Picture:
    """Return a frame, or a blank one in its place where it has no finite value."""
    pixels = main_of(picture)
    return picture if np.isfinite(pixels).any() else np.zeros_like(pixels)


@dataclass
class SeenFrames:
    """The frames of a stack, each seen when it is asked for, and not kept in memory.

    Descriptors wait in a scratch file, where no store keeps them: the way back sees the same frames.

    Attributes
    ----------
    stack : sequence of pictures
    spec : PropagationSpec
    backbone : Backbone
    store : TokenStore or None
    """

    stack: Stack
    spec: PropagationSpec
    backbone: Backbone
    store: TokenStore | None = None
    _scratch: Scratch = field(default_factory=Scratch)
    _known: dict[int, tuple[SeenFrame, FiledArray, FiledArray]] = field(default_factory=dict)
    _shape: tuple[int, int] | None = None

    def __len__(self) -> int:
        return count_frames(self.stack)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of every frame."""
        if self._shape is None:
            self.picture(0)
        assert self._shape is not None
        return self._shape

    def picture(self, index: int) -> Picture:
        """Return one frame, read now; one without any finite value is blank.

        Raises
        ------
        ValueError
            If it is no image, or of another size than the frames before it.
        """
        try:
            picture = as_image(self.stack[index])  # type: ignore[index]
        except ValueError as error:
            raise ValueError(f"frame {index}: {error}") from error
        shape = (int(picture.shape[0]), int(picture.shape[1]))
        self._shape = self._shape or shape
        if shape != self._shape:
            raise ValueError(f"all frames must be of one size; frame {index} is {shape}, not {self._shape}")
        return known_or_blank(picture)

    def grey(self, index: int) -> NDArray[np.float32]:
        """Return the grey values (H', W'), 0 to 1, of a frame as the ViT is shown it."""
        return (to_grey(_shown_pixels(self.picture(index), self.spec)) / np.float32(255)).astype(np.float32)

    def see_steps(self, index: int) -> Steps[SeenFrame]:
        """Yield Progress; return a frame as the ViT sees it."""
        if index in self._known:
            frame, *filed = self._known[index]
            yield Progress(1, 1, "frames")
            descriptors, lengths = (own.read() for own in filed)
            return replace(frame, descriptors=descriptors, lengths=lengths)
        frame = yield from _look_steps(index, self.picture(index), self.spec, self.backbone, self.store)
        if self.store is None and (len(self._known) + 1) * frame.descriptors.nbytes <= SCRATCH_BYTES:
            nothing = np.empty((0, 0, 1), np.float16)
            bare = replace(frame, descriptors=nothing, lengths=nothing[..., 0])
            filed = [self._scratch.put(own) for own in (frame.descriptors, frame.lengths)]
            self._known[index] = bare, filed[0], filed[1]
        return frame


def _look_steps(
    index: int, picture: Picture, spec: PropagationSpec, backbone: Backbone, store: TokenStore | None
) -> Steps[SeenFrame]:
    rgb = _shown_pixels(picture, spec)
    shape = (int(picture.shape[0]), int(picture.shape[1]))
    features = yield from vit_features_steps(rgb, spec.descriptor, backbone, store=store)
    factors = (rgb.shape[0] / shape[0], rgb.shape[1] / shape[1])
    rows = unit_rows(features.values)
    if spec.centred:
        rows -= rows.mean(axis=(0, 1))
        rows[np.linalg.norm(rows, axis=-1) < FLAT] = 0
    size = backbone.info.patch_size
    voting = tuple(_voting(features.grid, axis, size, spec) for axis in (0, 1))
    return SeenFrame(
        index, shape, features.grid.magnified(factors), unit_rows(rows).astype(np.float16),
        np.linalg.norm(rows, axis=-1).astype(np.float16), (voting[0], voting[1]),
        size / min(factors), _is_blank(main_of(picture)),
    )  # fmt: skip


def _is_blank(pixels: NDArray[np.generic]) -> bool:
    seen = pixels[np.isfinite(pixels)]
    return bool(seen.min() == seen.max())


def _shown_pixels(picture: Picture, spec: PropagationSpec) -> NDArray[np.float32]:
    """Return the pixels (H', W', 3), 0 to 1, that the ViT is shown of a frame."""
    own = spec.descriptor
    pixels = seen_pixels(picture, own, IntensityRange.of([picture], own.intensity)).rgb
    assert pixels is not None  # the descriptor's features are the ViT's
    return enlarged_pixels(pixels, _factor((pixels.shape[0], pixels.shape[1]), spec.side))


def _voting(grid: Grid, axis: int, patch_size: int, spec: PropagationSpec) -> slice:
    """Return which rows, or columns, of a grid on the image as it is seen vote on other frames."""
    step = patch_size // spec.descriptor.stride
    if spec.context == "all" or step < 2:
        return slice(None)
    stride = grid.spacing[axis]
    first = round((patch_size - 1) / 2 - grid.origin[axis]) // round(stride) % step  # the patch grid's phase
    return slice(min(first, (grid.shape[axis] - 1) % step), None, step)


def _factor(shape: tuple[int, int], side: int | None) -> float:
    """Return by how much a frame is enlarged."""
    return 1.0 if side is None else min(side / min(shape), LONGEST * side / max(shape))
