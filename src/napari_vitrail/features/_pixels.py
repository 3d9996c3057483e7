"""Both kinds of features of one image, ready to be read at any pixel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from napari_vitrail.errors import SpecMismatch
from napari_vitrail.features._classical import CLASSICAL_CHANNELS, CLASSICAL_HALO, classical_features
from napari_vitrail.features._vit import vit_features_steps
from napari_vitrail.grey_values import stretched, to_grey, to_rgb
from napari_vitrail.grid import FeatureGrid, Grid
from napari_vitrail.image import IntensityRange, Picture, main_of, whole_of
from napari_vitrail.tiling import Tile, as_window, split

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


class KeptTiles(Protocol):
    """Where the classical features of an image's tiles are kept, see `napari_vitrail.recent.Recent`."""

    def get(self, key: str, /) -> NDArray[np.float32] | None:
        """Return the features of a tile, if they are still there."""
        ...

    def put(self, key: str, value: NDArray[np.float32], /) -> None:
        """Keep the features of a tile."""
        ...


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
    classical : KeptTiles or None
        Where the classical features of tiles wait to be read again; None computes them every time.
    extra : tuple of (H, W) uint8
        Further channels that the classical features are computed of as well.
    """

    spec: FeatureSpec
    grey: NDArray[np.uint8]
    vit: FeatureGrid | None
    classical: KeptTiles | None = None
    extra: tuple[NDArray[np.uint8], ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (H, W) of the image."""
        return self.grey.shape[0], self.grey.shape[1]

    @property
    def classical_width(self) -> int:
        """Number of classical features: of the image, then of each further channel."""
        return classical_width(len(self.extra))

    def tiles(self, window: Window | None = None) -> list[Tile]:
        """Return tiles that cover the image or a window, small enough to have all features of one."""
        return split(self.shape, PIXEL_TILE, CLASSICAL_HALO, window)

    def vit_at(self, positions: NDArray[np.intp]) -> NDArray[np.float32] | None:
        """Return the ViT features (n, D) at row/column pixels (n, 2)."""
        return None if self.vit is None else self.vit.at(positions, interpolation=self.spec.interpolation)

    def classical_at(self, positions: NDArray[np.intp]) -> NDArray[np.float32] | None:
        """Return the classical features (n, 58 or a multiple) at row/column pixels (n, 2)."""
        if self.spec.features == "vit":
            return None
        rows = np.empty((len(positions), self.classical_width), np.float32)
        for tile in self.tiles():
            start = [part.start for part in tile.inner]
            stop = [part.stop for part in tile.inner]
            here = ((positions >= start) & (positions < stop)).all(axis=1)
            if here.any():
                rows[here] = self.classical_on(tile)[tuple((positions[here] - start).T)]
        return rows

    def within(self, window: Window) -> PixelFeatures:
        """Return these features with only those of the ViT that a window needs."""
        return replace(self, vit=None if self.vit is None else self.vit.within(window))

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
            values = self.classical_on(tile)[::step, ::step]
            parts.append(FeatureGrid(values, pixels, self._classical_channels()))
        return parts[0] if len(parts) == 1 else parts[0].concat(parts[1])

    def sampled(self, window: Window, step: int) -> FeatureGrid:
        """Return all features at every `step`-th row and column of a window, those of the ViT first."""
        shape = [-(-(part.stop - part.start) // step) for part in window]
        origin = (float(window[0].start), float(window[1].start))
        pixels = Grid((shape[0], shape[1]), origin, (float(step), float(step)))
        parts = []
        if self.vit is not None:
            parts.append(self.vit.on(pixels, interpolation=self.spec.interpolation))
        if self.spec.features != "vit":
            values = np.empty((*pixels.shape, self.classical_width), np.float32)
            for tile in self.tiles(window):
                # the first row and column of the tile that are multiples of the step from the window's
                first = [
                    (own.start - part.start) % step for own, part in zip(window, tile.inner, strict=True)
                ]
                own = self.classical_on(tile)[first[0] :: step, first[1] :: step]
                start = [
                    (part.start + skip - own.start) // step
                    for part, skip, own in zip(tile.inner, first, window, strict=True)
                ]
                values[start[0] : start[0] + own.shape[0], start[1] : start[1] + own.shape[1]] = own
            parts.append(FeatureGrid(values, pixels, self._classical_channels()))
        return parts[0] if len(parts) == 1 else parts[0].concat(parts[1])

    def classical_on(self, tile: Tile) -> NDArray[np.float32]:
        """Return the classical features of a tile, or of a part of one, looked up where they are kept."""
        if self.classical is None:
            return self._filtered(tile)
        starts = [part.start // PIXEL_TILE * PIXEL_TILE for part in tile.inner]
        block = (slice(starts[0], starts[0] + PIXEL_TILE), slice(starts[1], starts[1] + PIXEL_TILE))
        [whole] = self.tiles(as_window(block, self.shape))
        features = self.classical.get(str(starts))
        if features is None:
            features = self._filtered(whole)
            self.classical.put(str(starts), features)
        rows, columns = tile.moved((starts[0], starts[1])).inner
        return features[rows, columns]

    def _filtered(self, tile: Tile) -> NDArray[np.float32]:
        """Compute the classical features of a tile, of the image and of each further channel."""
        parts = [classical_features(plane[tile.outer])[tile.local] for plane in (self.grey, *self.extra)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)

    def _classical_channels(self) -> dict[str, slice]:
        own = slice(0, len(CLASSICAL_CHANNELS))
        return {"classical": own} | ({"extra": slice(own.stop, self.classical_width)} if self.extra else {})


def classical_width(n_extra: int) -> int:
    """Return the number of classical features of an image with so many further channels."""
    return (1 + n_extra) * len(CLASSICAL_CHANNELS)


def pixel_features_steps(
    image: Picture,
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
    image : (H, W) or (H, W, 3) array, or LayeredImage
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
    pixels = seen_pixels(image, spec, intensity)
    vit = None
    if pixels.rgb is not None and backbone is not None:
        if backbone.info.name != spec.backbone:
            raise SpecMismatch(f"the spec names the backbone {spec.backbone}, got {backbone.info.name}")
        vit = yield from vit_features_steps(
            pixels.rgb, spec, backbone, positions=positions, projection=projection, store=store
        )
    return PixelFeatures(spec, pixels.grey, vit, extra=pixels.extra)


class SeenPixels(NamedTuple):
    """An image as the classical filters and the ViT see it.

    Attributes
    ----------
    grey : (H, W) uint8
    extra : tuple of (H, W) uint8
        Further channels.
    rgb : (H, W, 3) float32, 0 to 1, or None
        None where no ViT looks.
    """

    grey: NDArray[np.uint8]
    extra: tuple[NDArray[np.uint8], ...]
    rgb: NDArray[np.float32] | None


def seen_pixels(image: Picture, spec: FeatureSpec, intensity: IntensityRange) -> SeenPixels:
    """Return an image as the classical filters see it, and as the ViT does.

    Raises
    ------
    SpecMismatch
        If the image has other further channels than those that the range was fitted on.
    """
    extra = tuple(to_grey(channel) for channel in intensity.scaled_extra(image))
    main = main_of(image)
    scaled = intensity.scale(main)
    grey = to_grey(scaled)
    if not spec.uses_vit:
        return SeenPixels(grey, extra, None)
    shown = scaled if spec.contrast == "fitted" else _own_contrast(image, spec, intensity, scaled)
    return SeenPixels(grey, extra, to_rgb(shown))


def _own_contrast(
    image: Picture, spec: FeatureSpec, intensity: IntensityRange, scaled: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return an image stretched to its own percentiles, a block to those of the image that it is a part of.

    It depends on no other image, so that features made ahead of time are found whatever is trained on.
    """
    main, whole = main_of(image), main_of(whole_of(image))
    own = IntensityRange.of([whole], spec.intensity)
    if (own.low, own.high) != (intensity.low, intensity.high):
        scaled = own.scale(_finite(main, own.low))
    return stretched(scaled, scaled if whole is main else own.scale(_finite(whole, own.low)))


def _finite(image: NDArray[np.generic], black: float) -> NDArray[np.generic]:
    """Return an image whose pixels that are not finite are black; scaling has said so already."""
    return np.nan_to_num(image, nan=black, posinf=black, neginf=black)
