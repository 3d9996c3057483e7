"""Dense queries of one tile: the plain pass, asked at any patch, averaged over phases and flips."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.backbones import QUERY_CHUNK
from napari_vitrail.features._transforms import View, views
from napari_vitrail.progress import Progress, Steps, part_of
from napari_vitrail.speed import kind_of, shared_speeds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.backbones import Backbone, Context
    from napari_vitrail.features._known import Contexts
    from napari_vitrail.features._lattice import TilePatches
    from napari_vitrail.spec import FeatureSpec


@dataclass(frozen=True)
class QueriedTile:
    """A tile of an image with the margin that its queries may reach into.

    Every view of the image, shifted and flipped, is a context of its own: its patch grid has another
    phase. The queried patches are always the same ones, so no value is interpolated, and none is lost
    at the border, when views are averaged.

    Attributes
    ----------
    patches : TilePatches
    spec : FeatureSpec
    """

    patches: TilePatches
    spec: FeatureSpec

    @property
    def _reach(self) -> int:
        """How far a view may be shifted, in pixels."""
        return 0 if self.spec.shifts == "none" else self.spec.shift_distance

    @property
    def _margin(self) -> int:
        """How far beyond a view queries may reach: half a patch, and what the view was shifted by."""
        return self.patches.size + self._reach

    def _sides(self) -> list[int]:
        """Return the sides of a context, in whole patches."""
        size = self.patches.size
        return [-(-(span.stop - span.start) // size) * size for span in self.patches.window]

    def spans(self) -> list[tuple[int, int]]:
        """Return first and last row, and column, of the image that any view shows."""
        beyond = self._margin + self._reach
        return [
            (span.start - beyond, span.start + side + beyond)
            for span, side in zip(self.patches.window, self._sides(), strict=True)
        ]

    def steps(
        self, seen: NDArray[np.float32], backbone: Backbone, contexts: Contexts | None, digest: str
    ) -> Steps[NDArray[np.float32]]:
        """Yield Progress; return the tokens (n, D) of the wanted patches.

        Parameters
        ----------
        seen : (H, W, 3) float32
            The image within `spans`.
        backbone : Backbone
        contexts : Contexts, optional
            Where contexts are kept for the next question.
        digest : str
            Names what is seen, and by whom.
        """
        first, *others = views(self.spec)
        count = 1 + len(others)
        asking = self._view_steps(first, seen, backbone, contexts, digest)
        tokens = yield from part_of(asking, 0, count)
        if not others:
            return tokens
        total, weight = first.weight * tokens.astype(np.float64), first.weight  # of many small terms
        for index, view in enumerate(others, start=1):
            asking = self._view_steps(view, seen, backbone, contexts, digest)
            total += view.weight * (yield from part_of(asking, index, count))
            weight += view.weight
        return (total / weight).astype(np.float32)

    def _view_steps(
        self,
        view: View,
        seen: NDArray[np.float32],
        backbone: Backbone,
        contexts: Contexts | None,
        digest: str,
    ) -> Steps[NDArray[np.float32]]:
        """Yield Progress; return the tokens (n, D) of the wanted patches in one view."""
        spec = self.spec
        key = f"{digest} {view} {backbone.device}"  # tensors of one device are of no use to another
        context = contexts.get(key) if contexts is not None else None
        if context is None:
            patches = math.prod(side // self.patches.size for side in self._sides())
            kind = kind_of("patch", backbone.info.name, backbone.device, spec.dtype)
            with shared_speeds().noting(kind, patches):
                context = backbone.context(
                    self._shown(seen, view), margin=self._margin,
                    layer=spec.layer, facet=spec.facet, attention=spec.attention, dtype=spec.dtype,
                )  # fmt: skip
            if contexts is not None:
                contexts.put(key, context)
        return (yield from _asked_steps(context, self._moved(self.patches.corners(), view), spec, backbone))

    def _shown(self, seen: NDArray[np.float32], view: View) -> NDArray[np.float32]:
        """Return what a view shows, with its margin."""
        starts = [self._reach - shift for shift in view.shift]
        sides = [side + 2 * self._margin for side in self._sides()]
        shown = seen[starts[0] : starts[0] + sides[0], starts[1] : starts[1] + sides[1]]
        return np.flip(shown, tuple(axis for axis in (0, 1) if view.flips[axis]))

    def _moved(self, corners: NDArray[np.intp], view: View) -> NDArray[np.intp]:
        """Return where a view shows the patches that have these corners in the tile."""
        moved = corners + view.shift
        for axis, side in enumerate(self._sides()):
            if view.flips[axis]:
                moved[:, axis] = side - self.patches.size - moved[:, axis]
        return moved


def _asked_steps(
    context: Context, corners: NDArray[np.intp], spec: FeatureSpec, backbone: Backbone
) -> Steps[NDArray[np.float32]]:
    """Yield Progress; return the tokens at corners (n, 2), those on the patch grid from the plain pass."""
    cells, inside = _on_patch_grid(corners, backbone.info.patch_size, context.grid)
    asked = np.flatnonzero(~inside)
    step = QUERY_CHUNK[backbone.device]  # between two reports of progress, and chances to cancel
    starts = range(0, len(asked), step)
    yield Progress(1, len(starts) + 1, "ViT features")
    plain = side_by_side(context.tokens.patches, context.tokens.attention)
    tokens = np.empty((len(corners), plain.shape[-1]), np.float32)
    tokens[inside] = plain[tuple(cells[inside].T)]
    kind = kind_of("query", backbone.info.name, backbone.device, spec.dtype)
    for done, start in enumerate(starts, start=2):
        part = asked[start : start + step]
        with shared_speeds().noting(kind, len(part)):
            answers = backbone.query(
                context, corners[part], layer=spec.layer, facet=spec.facet, dtype=spec.dtype
            )
        tokens[part] = side_by_side(*answers)
        yield Progress(done, len(starts) + 1, "ViT features")
    return tokens


def _on_patch_grid(
    corners: NDArray[np.intp], size: int, grid: tuple[int, int]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the cells of the patch grid that corners belong to, and which of them lie exactly on it."""
    cells, rest = np.divmod(corners, size)
    return cells, ((rest == 0) & (cells >= 0) & (cells < grid)).all(axis=1)


def side_by_side(features: NDArray[np.float32], attention: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Return features (..., D) with the attention (..., heads), if any, after them."""
    return features if attention is None else np.concatenate([features, attention], axis=-1)
