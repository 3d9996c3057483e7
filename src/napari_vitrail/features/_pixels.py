"""Both kinds of features of one image, ready to be read at any pixel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.errors import SpecMismatch
from napari_vitrail.features._classical import CLASSICAL_CHANNELS, CLASSICAL_HALO, classical_features
from napari_vitrail.features._vit import vit_features_steps
from napari_vitrail.grid import FeatureGrid, Grid
from napari_vitrail.image import IntensityRange, stretched, to_grey, to_rgb
from napari_vitrail.tiling import Tile, split

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.backbones import Backbone
    from napari_vitrail.features._known import TokenStore
    from napari_vitrail.features._projection import Projection
    from napari_vitrail.progress import Steps
    from napari_vitrail.spec import Features, FeatureSpec
    from napari_vitrail.tiling import Window

PIXEL_TILE = 256
"""Pixels a side whose features are made at once: 442 of them are 116 MB, and a cancel is prompt."""


@dataclass(frozen=True)
class PixelFeatures:
    """Features of one image, never all of them at once at full size.

    Attributes
    ----------
    spec : FeatureSpec
    grey : (H, W) uint8
        The image that the classical features are computed of, tile by tile as they are read.
    vit : FeatureGrid or None
        ViT features on the grid of their tokens; None where the spec wants none.
    """

    spec: FeatureSpec
    grey: NDArray[np.uint8]
    vit: FeatureGrid | None

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (H, W) of the image."""
        return self.grey.shape[0], self.grey.shape[1]

    def tiles(self, window: Window | None = None) -> list[Tile]:
        """Return tiles that cover the image or a window, small enough to have all features of one."""
        return split(self.shape, PIXEL_TILE, CLASSICAL_HALO, window)

    def vit_at(self, positions: NDArray[np.intp]) -> NDArray[np.float32] | None:
        """Return the ViT features (n, D) at row/column pixels (n, 2)."""
        return None if self.vit is None else self.vit.at(positions, interpolation=self.spec.interpolation)

    def classical_at(self, positions: NDArray[np.intp]) -> NDArray[np.float32] | None:
        """Return the classical features (n, 58) at row/column pixels (n, 2)."""
        if self.spec.features == "vit":
            return None
        rows = np.empty((len(positions), len(CLASSICAL_CHANNELS)), np.float32)
        for tile in self.tiles():
            start = [part.start for part in tile.inner]
            stop = [part.stop for part in tile.inner]
            here = ((positions >= start) & (positions < stop)).all(axis=1)
            if here.any():
                features = classical_features(self.grey[tile.outer])[tile.local]
                rows[here] = features[tuple((positions[here] - start).T)]
        return rows

    def restricted(self, features: Features) -> PixelFeatures:
        """Return these features as a spec with another feature set, of these or fewer, would give them."""
        spec = replace(self.spec, features=features)
        return replace(self, spec=spec, vit=self.vit if spec.uses_vit else None)

    def projected(self, projection: Projection | None) -> PixelFeatures:
        """Return these features with those of the ViT in principal components, or left out."""
        if self.vit is None or projection is None:
            return replace(self, vit=None)
        return replace(self, vit=projection.of_grid(self.vit))

    def on(self, tile: Tile, *, step: int = 1) -> FeatureGrid:
        """Return all features of one tile on its pixels, those of the ViT first.

        Parameters
        ----------
        tile : Tile
        step : int, pixels
            Only every `step`-th row and column, from the tile's first.
        """
        starts = [part.start for part in tile.inner]
        counts = [-(-(part.stop - part.start) // step) for part in tile.inner]
        pixels = Grid(
            (counts[0], counts[1]), (float(starts[0]), float(starts[1])), (float(step), float(step))
        )
        parts = []
        if self.vit is not None:
            parts.append(self.vit.on(pixels, interpolation=self.spec.interpolation))
        if self.spec.features != "vit":
            rows, columns = (slice(part.start, part.stop, step) for part in tile.local)
            parts.append(classical_grid(self.grey[tile.outer], (rows, columns), pixels))
        return parts[0] if len(parts) == 1 else parts[0].concat(parts[1])


def classical_grid(grey: NDArray[np.uint8], window: tuple[slice, slice], pixels: Grid) -> FeatureGrid:
    """Return the classical features in a window of a grey image, which sits on `pixels`."""
    channels = {"classical": slice(0, len(CLASSICAL_CHANNELS))}
    return FeatureGrid(classical_features(grey)[window], pixels, channels)


def pixel_features_steps(
    image: NDArray[np.generic],
    spec: FeatureSpec,
    intensity: IntensityRange,
    backbone: Backbone | None,
    *,
    positions: NDArray[np.intp] | Window | None = None,
    projection: Projection | None = None,
    store: TokenStore | None = None,
) -> Steps[PixelFeatures]:
    """Yield Progress; return the features of an image.

    Parameters
    ----------
    image : (H, W) or (H, W, 3) array
    spec : FeatureSpec
    intensity : IntensityRange
        Grey values that count as 0 and 1.
    backbone : Backbone or None
        None where the spec wants no ViT features.
    positions : (n, 2) int array or (rows, columns) slices, optional
        The only pixels, or the window, in which the features will be read; fewer are then computed.
    projection : Projection, optional
        Applied to the ViT features as they are made.
    store : TokenStore, optional
        Where ViT features are looked up and kept.

    Raises
    ------
    SpecMismatch
        If the backbone is not the one that the spec names.
    """
    scaled = intensity.scale(image)
    grey = to_grey(scaled)
    vit = None
    if spec.uses_vit and backbone is not None:
        if backbone.info.name != spec.backbone:
            raise SpecMismatch(f"the spec names the backbone {spec.backbone}, got {backbone.info.name}")
        seen = to_rgb(scaled if spec.contrast == "fitted" else _own_contrast(image, spec, intensity, scaled))
        del scaled  # of a large image it is a large part of the memory
        vit = yield from vit_features_steps(
            seen, spec, backbone, positions=positions, projection=projection, store=store
        )
    return PixelFeatures(spec, grey, vit)


def _own_contrast(
    image: NDArray[np.generic], spec: FeatureSpec, intensity: IntensityRange, scaled: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return an image stretched to its own percentiles.

    It depends on no other image, so that features made ahead of time are found whatever is trained on.
    """
    own = IntensityRange.of([image], spec.intensity)
    if own != intensity:
        black = own.low  # pixels that are not finite; scaling has said so already
        scaled = own.scale(np.nan_to_num(image, nan=black, posinf=black, neginf=black))
    return stretched(scaled)
