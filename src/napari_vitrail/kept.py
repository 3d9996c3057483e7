"""Planes and their features, kept from one stroke to the next."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.features import PixelFeatures, seen_pixels, vit_features_steps
from napari_vitrail.image import IntensityRange, LayeredImage, Picture, main_of, whole_of
from napari_vitrail.recent import Recent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.backbones import Backbone
    from napari_vitrail.features import TokenStore
    from napari_vitrail.grid import Grid
    from napari_vitrail.progress import Steps
    from napari_vitrail.spec import FeatureSpec
    from napari_vitrail.tiling import Window

MEMORY_BYTES = 1 << 30
"""For classical features of tiles, and again for ViT features of planes."""


@dataclass
class KeptPlane:
    """One image plane and those of its features that were needed so far.

    Attributes
    ----------
    features : PixelFeatures
        ViT features; zero where nobody asked.
    seen : (H, W, 3) float32 or None
        The plane as the ViT sees it.
    known : (rows, columns) bool or None
        Which cells of the ViT features were computed; None before any was.
    """

    features: PixelFeatures
    seen: NDArray[np.float32] | None
    known: NDArray[np.bool_] | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of memory, the classical features aside."""
        vit = None if self.features.vit is None else self.features.vit.values
        parts = [self.features.grey, *self.features.extra, self.seen, self.known, vit]
        return sum(part.nbytes for part in parts if part is not None)

    def knows(self, positions: NDArray[np.intp] | Window) -> bool:
        """Whether the ViT features at pixels, or in a window, are all there."""
        if self.seen is None:
            return True
        if self.features.vit is None or self.known is None:
            return False
        return not (self._read(self.features.vit.grid, positions) & ~self.known).any()

    def ensure_steps(
        self, positions: NDArray[np.intp] | Window, backbone: Backbone | None, store: TokenStore | None
    ) -> Steps[None]:
        """Compute the ViT features at pixels (n, 2), or in a window, unless they are there."""
        if self.seen is None or backbone is None or self.knows(positions):
            return
        spec, kept = self.features.spec, self.features.vit
        found = yield from vit_features_steps(self.seen, spec, backbone, positions=positions, store=store)
        fresh = np.ones(found.grid.shape, bool)
        if spec.sampling == "queries":
            fresh = self._read(found.grid, positions)
        if kept is None or self.known is None:
            kept = replace(found, values=np.zeros(found.values.shape, np.float32))
            self.features = replace(self.features, vit=kept)
            self.known = np.zeros(found.grid.shape, bool)
        kept.values[fresh] = found.values[fresh]
        self.known |= fresh

    def _read(self, grid: Grid, positions: NDArray[np.intp] | Window) -> NDArray[np.bool_]:
        interpolation = self.features.spec.interpolation
        if isinstance(positions, tuple):
            return grid.read_in(positions, interpolation)
        return grid.read_at(positions, interpolation)


@dataclass(frozen=True)
class PlaneTiles:
    """The part of a common memory that belongs to one plane."""

    common: Recent[NDArray[np.float32]]
    name: str

    def get(self, key: str, /) -> NDArray[np.float32] | None:
        """Return the features of a tile, if they are still there."""
        return self.common.get(f"{self.name} {key}")

    def put(self, key: str, value: NDArray[np.float32], /) -> None:
        """Keep the features of a tile."""
        self.common.put(f"{self.name} {key}", value)


@dataclass
class KeptPlanes:
    """As many planes as memory holds, found again by their pixels; what was asked for longest ago goes."""

    _planes: Recent[KeptPlane] = field(default_factory=lambda: Recent(MEMORY_BYTES), init=False)
    _classical: Recent[NDArray[np.float32]] = field(default_factory=lambda: Recent(MEMORY_BYTES), init=False)
    _digests: dict[str, str] = field(default_factory=dict, init=False)  # of one job

    def begin(self) -> None:
        """Look at the pixels of all planes anew: they may have changed in place since the last job."""
        self._digests = {}

    def of(self, plane: Picture, spec: FeatureSpec, intensity: IntensityRange) -> KeptPlane:
        """Return what is kept of a plane, or begin to keep it."""
        key = f"{self._content(plane)} {intensity}"
        kept = self._planes.get(f"{key} {spec.digest}")
        if kept is None:
            pixels = seen_pixels(plane, spec, intensity)
            tiles = PlaneTiles(self._classical, key)
            kept = KeptPlane(PixelFeatures(spec, pixels.grey, None, tiles, pixels.extra), pixels.rgb)
        self._planes.put(f"{key} {spec.digest}", kept)  # again: it may have grown
        return kept

    def _content(self, plane: Picture) -> str:
        """Return a digest of a plane, its further channels, and of what it is a block of."""
        extra = plane.extra.values() if isinstance(plane, LayeredImage) else ()
        whole = whole_of(plane)
        around = () if whole is plane else (self._content(whole),)
        return " ".join([*(self._digest(part) for part in (main_of(plane), *extra)), *around])

    def _digest(self, plane: NDArray[np.generic]) -> str:
        """Return a digest of pixels, computed once in a job, which holds them meanwhile."""
        view = f"{plane.__array_interface__['data'][0]} {plane.strides} {plane.shape} {plane.dtype}"
        if view not in self._digests:
            content = hashlib.sha256(np.ascontiguousarray(plane).data)
            self._digests[view] = f"{content.hexdigest()} {plane.shape} {plane.dtype}"
        return self._digests[view]
