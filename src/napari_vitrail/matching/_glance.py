"""What the ViT makes of pixels at a glance: a few layers of one pass, and patches anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.features import unit_rows
from napari_vitrail.grid import Grid
from napari_vitrail.matching._seen import with_margin, within

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_vitrail.backbones import Backbone, Context
    from napari_vitrail.matching._spec import MatchingSpec

    Source = tuple[int, str]


PLAIN = 0.02
"""Standard deviation of the grey of a patch, of 0 to 1, that is no more than noise."""


@dataclass(frozen=True)
class Glance:
    """An image as one pass up to the deepest layer that is asked for shows it.

    Cheaper than a `SeenImage`: no later blocks, no saliency, no descriptors between the patches.

    Attributes
    ----------
    shape : (H, W)
    centres : (n, 2) float64, pixels
        Of the patches.
    tokens : dict from (layer, facet) to (n, D) float32
        Of length 1.
    plain : (n,) bool
        The patches that show nothing. What tells one of them from another is its place alone.
    """

    shape: tuple[int, int]
    centres: NDArray[np.float64]
    tokens: dict[Source, NDArray[np.float32]]
    plain: NDArray[np.bool_]
    _backbone: Backbone
    _context: Context
    _dtype: str

    @classmethod
    def at(
        cls, rgb: NDArray[np.float32], sources: Sequence[Source], spec: MatchingSpec, backbone: Backbone
    ) -> Glance:
        """Look at pixels (H, W, 3), 0 to 1, for features of some layers."""
        size = backbone.info.patch_size
        deepest, *others = sorted(set(sources), reverse=True)
        dtype = spec.descriptor.on_device(backbone.device).dtype
        wider = with_margin(rgb, size)
        context = backbone.context(
            wider, margin=size, layer=deepest[0], facet=deepest[1], attention=False, dtype=dtype, also=others
        )
        found = {deepest: context.tokens.patches, **context.further}
        grid = Grid.of_tokens((context.grid[0] * size, context.grid[1] * size), size, size)
        tokens = {source: unit_rows(values.reshape(-1, values.shape[2])) for source, values in found.items()}
        shape, centres = (rgb.shape[0], rgb.shape[1]), grid.centres().astype(np.float64)
        plain = _plain(wider[size:-size, size:-size], size)
        return cls(shape, centres, tokens, plain, backbone, context, dtype)

    @property
    def patch_size(self) -> int:
        """The side of a patch, in pixels."""
        return self._backbone.info.patch_size

    def asked(self, corners: NDArray[np.intp], source: Source) -> NDArray[np.float32]:
        """Return descriptors (..., D) of length 1 of the patches at top left corners (..., 2).

        Those farther out than a patch are moved to where the image, continued by reflection, ends.
        """
        ends = np.array(self.shape) - 1
        corners = np.clip(corners, -self.patch_size, ends)
        once, where = np.unique(corners.reshape(-1, 2), axis=0, return_inverse=True)
        values, _ = self._backbone.query(
            self._context, once, layer=source[0], facet=source[1], dtype=self._dtype
        )
        return unit_rows(values)[where.ravel()].reshape(*corners.shape[:-1], -1)

    def holds(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which points (n, 2) lie on pixels."""
        return within(points, self.shape)


def _plain(rgb: NDArray[np.float32], size: int) -> NDArray[np.bool_]:
    """Return which patches (n,) of an image have hardly any contrast."""
    rows, columns = (side // size for side in rgb.shape[:2])
    patches = rgb.mean(axis=2).reshape(rows, size, columns, size)
    return np.asarray(patches.std(axis=(1, 3)) < PLAIN).ravel()
