"""An image that the ViT has seen, and that may be asked for descriptors anywhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.backbones import QUERY_CHUNK, load_backbone
from napari_vitrail.features import (
    BinnedGrid,
    DescriptorGrid,
    Descriptors,
    query_lattice,
    saliency,
    unit_rows,
    vit_features_steps,
)
from napari_vitrail.grid import FeatureGrid, Grid
from napari_vitrail.matching._spec import MATCHING, MatchingSpec
from napari_vitrail.progress import Progress, Steps, drain
from napari_vitrail.seen import shown_pixels
from napari_vitrail.tiling import reflected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from napari_vitrail.backbones import Backbone, Context
    from napari_vitrail.image import LayeredImage
    from napari_vitrail.spec import FeatureSpec

    Source = tuple[int, str]


@dataclass(frozen=True)
class SeenImage:
    """An image as the ViT has seen it: its descriptors, and the means to ask for more of them.

    Positions are in pixels of the seen image, which is as large as the spec says; `to_seen` and `to_image`
    lead there and back.

    Attributes
    ----------
    shape : (H, W)
        Of the image as it was given.
    seen_shape : (H, W)
        As the ViT saw it.
    spec : MatchingSpec
    backbone : Backbone
    descriptors : DescriptorGrid or BinnedGrid
        One for each cell of a grid.
    saliency : FeatureGrid
        (h, w, 1): how much the CLS token attends to each place, 0 to 1.
    guide : DescriptorGrid or BinnedGrid or None
        What `MatchingSpec.guide` asks for, on the patch grid.
    context : Context or None
        What queries attend to, up to the fine layer if descriptors are binned; None where they are those of
        overlapping patches.
    """

    shape: tuple[int, int]
    seen_shape: tuple[int, int]
    spec: MatchingSpec
    backbone: Backbone
    descriptors: Descriptors
    saliency: FeatureGrid
    guide: Descriptors | None = None
    context: Context | None = None

    @property
    def _factors(self) -> NDArray[np.float64]:
        return np.array(self.seen_shape) / np.array(self.shape)

    def to_seen(self, points: ArrayLike) -> NDArray[np.float64]:
        """Return where row/column pixels (..., 2) of the image are in the seen image."""
        return (np.asarray(points, float) + 0.5) * self._factors - 0.5

    def to_image(self, points: ArrayLike) -> NDArray[np.float64]:
        """Return where row/column pixels (..., 2) of the seen image are in the image."""
        return (np.asarray(points, float) + 0.5) / self._factors - 0.5

    def holds(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which positions (..., 2) lie on pixels of the seen image."""
        return within(points, self.seen_shape)

    def salience(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the saliency (n,) at positions (n, 2)."""
        return self.saliency.at(points)[:, 0].astype(np.float64)

    def described(self, points: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return descriptors (n, D) of length 1 at positions (n, 2); of their cells if they are binned."""
        if self.context is None or self.spec.bins:
            return self.descriptors.rows(self.descriptors.grid.nearest(points))
        own = self.spec.descriptor
        return self.asked(points, (own.layer, own.facet))[0]

    def asked(
        self, points: NDArray[np.float64], source: Source
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Return descriptors (..., D) of length 1 of patches round positions (..., 2), and their centres.

        Positions outside the image are moved to its border.

        Raises
        ------
        ValueError
            If descriptors are those of overlapping patches, which cannot be asked for at any place, or
            the layer is beyond what is kept of a binned image.
        """
        if self.context is None:
            raise ValueError("descriptors of sampling='strided' cannot be asked for at any place")
        layer, facet = source
        kept, depth = len(self.context.memory), self.backbone.info.depth
        if layer % depth >= kept:
            raise ValueError(f"layer must be below {kept}: of a binned image no more is kept, got {layer}")
        half = (self.backbone.info.patch_size - 1) / 2
        corners = np.floor(np.clip(points, 0, np.array(self.seen_shape) - 1) - half + 0.5).astype(np.intp)
        once, where = np.unique(corners.reshape(-1, 2), axis=0, return_inverse=True)
        values, _ = self.backbone.query(
            self.context, once, layer=layer, facet=facet, dtype=self._on_device.dtype
        )
        rows = unit_rows(values)[where.ravel()]
        return rows.reshape(*corners.shape[:-1], -1), (corners + half).astype(np.float64)

    @property
    def _on_device(self) -> FeatureSpec:
        return self.spec.descriptor.on_device(self.backbone.device)

    def denser_steps(self) -> Steps[SeenImage]:
        """Yield Progress; return this image with descriptors at the stride of its spec."""
        own, size = self._on_device, self.backbone.info.patch_size
        if self.context is None or own.stride >= size:
            yield Progress(1, 1, "descriptors")
            return replace(self, context=self._what_is_asked())
        lattice = query_lattice(self.seen_shape, size, own.stride)
        corners = np.stack(np.meshgrid(lattice.corners(0), lattice.corners(1), indexing="ij"), axis=-1)
        values = np.empty((*lattice.shape, self.backbone.info.width), np.float32)
        rows, flat = values.reshape(-1, values.shape[-1]), corners.reshape(-1, 2)
        step = QUERY_CHUNK[self.backbone.device]
        starts = range(0, len(flat), step)
        for done, start in enumerate(starts, start=1):
            part = slice(start, start + step)
            rows[part], _ = self.backbone.query(
                self.context, flat[part], layer=own.layer, facet=own.facet, dtype=own.dtype
            )
            yield Progress(done, len(starts), "descriptors")
        described = _described(values, lattice.grid, self.spec)
        return replace(self, descriptors=described, context=self._what_is_asked())

    def _what_is_asked(self) -> Context | None:
        """Return what questions to come attend to: binned descriptors are those of cells, all at hand."""
        if self.context is None or not self.spec.bins:
            return self.context
        kept = 0 if self.spec.fine is None else self.spec.fine[0] % self.backbone.info.depth + 1
        return replace(self.context, memory=self.context.memory[:kept], further={})


def see_image_steps(
    image: ArrayLike | LayeredImage, spec: MatchingSpec = MATCHING, *, backbone: Backbone | None = None,
    device: str = "auto",
) -> Steps[SeenImage]:  # fmt: skip
    """Yield Progress; return what `see_image` returns.

    A first answer, with descriptors on the patch grid alone, comes as `Progress.so_far`.
    """
    backbone = backbone or load_backbone(spec.descriptor.backbone, device=device)
    first = yield from look_steps(image, spec, backbone)
    yield Progress(1, 4, "descriptors", so_far=first)
    return (yield from first.denser_steps())


def see_image(
    image: ArrayLike | LayeredImage, spec: MatchingSpec = MATCHING, *, backbone: Backbone | None = None,
    device: str = "auto",
) -> SeenImage:  # fmt: skip
    """Let the ViT see an image once, so that it can be matched with any number of others.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, 4) array, or LayeredImage
    spec : MatchingSpec
    backbone : Backbone, optional
        A loaded one; else the one that the spec names.
    device : {"auto", "cuda", "mps", "cpu"}

    Returns
    -------
    seen : SeenImage
        For `napari_vitrail.ImagePair`. Takes about 46 MB at 518 pixels.

    Raises
    ------
    ValueError
        If the image is empty or has another shape.
    BackboneUnavailable
        If no source has the backbone's weights.
    """
    return drain(see_image_steps(image, spec, backbone=backbone, device=device))


def look_steps(image: ArrayLike | LayeredImage, spec: MatchingSpec, backbone: Backbone) -> Steps[SeenImage]:
    """Yield Progress; return an image with the descriptors that one pass brings: those of the patch grid."""
    rgb, shape = shown_pixels(image, spec.descriptor, spec.side)
    seen_shape = (rgb.shape[0], rgb.shape[1])
    if not spec.uses_queries:
        features, salient = yield from _strided_steps(rgb, spec, backbone)
        return SeenImage(shape, seen_shape, spec, backbone, features, salient)
    own, size = spec.descriptor.on_device(backbone.device), backbone.info.patch_size
    sources = [source for source in (spec.guide,) if source is not None]
    context = backbone.context(
        with_margin(rgb, size), margin=size, layer=own.layer, facet=own.facet, attention=True,
        dtype=own.dtype, also=sources,
    )  # fmt: skip
    yield Progress(1, 1, "looking")
    grid = Grid.of_tokens((context.grid[0] * size, context.grid[1] * size), size, size)
    guide = None
    if spec.guide is not None:  # tokens differ in length: of length 1, each neighbour counts alike
        guide = _described(unit_rows(context.further[spec.guide]), grid, spec)
    assert context.tokens.attention is not None
    salient = _saliency(context.tokens.attention, grid, backbone)
    described = _described(context.tokens.patches, grid, spec)
    context = replace(context, cls_query=None, log_denominator=None)  # or queries walk to the last block
    return SeenImage(shape, seen_shape, spec, backbone, described, salient, guide, context)


def within(points: NDArray[np.float64], shape: Sequence[int]) -> NDArray[np.bool_]:
    """Return which points (..., 2) lie on pixels of an image (H, W, ...)."""
    return np.asarray(((points >= -0.5) & (points <= np.array(shape[:2]) - 0.5)).all(axis=-1))


def _strided_steps(
    rgb: NDArray[np.float32], spec: MatchingSpec, backbone: Backbone
) -> Steps[tuple[Descriptors, FeatureGrid]]:
    """Yield Progress; return descriptors and saliency of overlapping patches."""
    wanted = replace(spec.descriptor, attention=True)
    features = yield from vit_features_steps(rgb, wanted, backbone)
    values = features.values[..., features.channels["vit"]]
    attention = features.values[..., features.channels["attention"]]
    return _described(values, features.grid, spec), _saliency(attention, features.grid, backbone)


def _described(values: NDArray[np.float32], grid: Grid, spec: MatchingSpec) -> Descriptors:
    features = FeatureGrid(values, grid)
    return BinnedGrid.of(features, spec.bins) if spec.bins else DescriptorGrid.of(features)


def _saliency(attention: NDArray[np.float32], grid: Grid, backbone: Backbone) -> FeatureGrid:
    return FeatureGrid(saliency(attention, backbone.info.name)[..., None], grid)


def with_margin(rgb: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Return an image continued to whole patches, and by a patch on all sides, by reflection."""
    rows, columns = (reflected(-size, -(-side // size) * size + size, side) for side in rgb.shape[:2])
    return rgb[rows][:, columns]
