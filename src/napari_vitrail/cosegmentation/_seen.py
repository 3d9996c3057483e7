"""A set of images as the ViT has seen them: asked for what they share, any number of times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_vitrail.backbones import load_backbone
from napari_vitrail.cosegmentation._look import look_steps
from napari_vitrail.cosegmentation._pictures import ChosenPictures, Pictures
from napari_vitrail.cosegmentation._sampling import spread
from napari_vitrail.cosegmentation._spec import COSEGMENTATION, CosegmentationSpec
from napari_vitrail.features import Projection
from napari_vitrail.progress import Steps, drain, part_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from napari_vitrail.backbones import Backbone
    from napari_vitrail.cosegmentation._picture import SeenPicture
    from napari_vitrail.features import TokenStore
    from napari_vitrail.image import LayeredImage

    Images = Sequence[ArrayLike | LayeredImage]

FITTED_IMAGES = 64
"""Images, evenly spread, that principal components are learned of: only so many are held in full."""
FITTED_ROWS = 20_000
MEMORY_BYTES = 256 << 20
"""What descriptors of a set may take in memory; those of further images lie in a file."""


class Sample(NamedTuple):
    """Some places of a set of images.

    Attributes
    ----------
    rows : (n, D) float32
        Their descriptors.
    saliency : (n,) float32
        How much the network looks at them.
    """

    rows: NDArray[np.float32]
    saliency: NDArray[np.float32]


@dataclass(frozen=True)
class SeenSet:
    """Images whose descriptors are at hand, so that what they share is found again without the network.

    Attributes
    ----------
    pictures : sequence of SeenPicture
        In the order of the images; those that do not fit into memory are read when they are asked for.
    spec : CosegmentationSpec
    backbone : Backbone
        For images that are added later.
    projection : Projection or None
        From descriptors of length 1 to the principal components that are kept.
    views : sequence of SeenPicture
        As many further looks at each picture in turn, of which is learned, too; they do not vote.
    """

    pictures: Sequence[SeenPicture]
    spec: CosegmentationSpec
    backbone: Backbone
    projection: Projection | None = None
    views: Sequence[SeenPicture] = ()

    def __len__(self) -> int:
        return len(self.pictures)

    def see_steps(
        self, image: ArrayLike | LayeredImage, store: TokenStore | None = None
    ) -> Steps[SeenPicture]:
        """Yield Progress; return another image, seen as those of the set are."""
        picture = yield from look_steps(image, self.spec, self.backbone, store)
        return picture if self.projection is None else picture.projected(self.projection)

    @property
    def learned(self) -> Sequence[SeenPicture]:
        """What is learned of: the pictures, and after them further views of them."""
        return [*self.pictures, *self.views] if self.views else self.pictures

    @property
    def sizes(self) -> list[int]:
        """Number of descriptors of each picture that is learned of."""
        return [picture.saliency.size for picture in self.learned]

    def sample(self, interval: int) -> NDArray[np.float32]:
        """Return every `interval`-th descriptor (n, D) of each image."""
        return np.concatenate([picture.rows[::interval] for picture in self.learned])

    def spread(self, most: int) -> Sample:
        """Return so many places of the set, evenly spread, or all where there are fewer."""
        rows, saliency = [], []
        for picture, places in zip(self.learned, spread(self.sizes, most), strict=True):
            rows.append(picture.rows_at(places))
            saliency.append(picture.saliency.ravel()[places])
        return Sample(np.concatenate(rows), np.concatenate(saliency))

    def without(self, left_out: NDArray[np.bool_]) -> SeenSet:
        """Return the set without some of its images."""
        kept = ChosenPictures(self.pictures, np.flatnonzero(~left_out).tolist())
        if not self.views:
            return replace(self, pictures=kept)
        of_views = np.repeat(left_out, len(self.views) // len(self.pictures))
        return replace(
            self, pictures=kept, views=ChosenPictures(self.views, np.flatnonzero(~of_views).tolist())
        )


def see_set_steps(
    images: Images, spec: CosegmentationSpec = COSEGMENTATION, *, backbone: Backbone | None = None,
    device: str = "auto", store: TokenStore | None = None, memory_bytes: int = MEMORY_BYTES,
) -> Steps[SeenSet]:  # fmt: skip
    """Yield Progress; return what `see_set` returns."""
    _refuse_one_image(images)
    count = len(images)
    if not count:
        raise ValueError("images must hold at least one image, got none")
    backbone = backbone or load_backbone(spec.descriptor.backbone, device=device)
    first = np.unique(np.linspace(0, count - 1, min(count, FITTED_IMAGES)).round().astype(int)).tolist()
    projection: Projection | None = None
    pictures = Pictures(count, memory_bytes)
    for done, index in enumerate([*first, *sorted(set(range(count)) - set(first))]):
        picture = yield from part_of(_indexed_steps(images, index, spec, backbone, store), done, count)
        pictures.put(index, picture if projection is None else picture.projected(projection))
        if done == len(first) - 1 and spec.n_components:
            whole = ChosenPictures(pictures, first)
            projection, pictures = _principal(whole, spec.n_components), Pictures(count, memory_bytes)
            for fitted, picture in zip(first, whole, strict=True):
                pictures.put(fitted, picture.projected(projection))
    return SeenSet(pictures, spec, backbone, projection)


def see_set(
    images: Images, spec: CosegmentationSpec = COSEGMENTATION, *, backbone: Backbone | None = None,
    device: str = "auto", store: TokenStore | None = None, memory_bytes: int = MEMORY_BYTES,
) -> SeenSet:  # fmt: skip
    """Let the ViT see some images, so that what they share is found any number of times.

    Parameters
    ----------
    images : sequence of (H, W), (H, W, 3) or (H, W, 4) arrays, or LayeredImage
        Of any sizes and kinds. Each is asked for once, and dropped before the next: a sequence that reads
        a file for each index never holds more than one.
    spec : CosegmentationSpec
    backbone : Backbone, optional
        A loaded one; else the one that the spec names.
    device : {"auto", "cuda", "mps", "cpu"}
    store : FeatureStore, optional
        Where features are looked up and kept: a run that was interrupted goes on where it was.
    memory_bytes : int
        What descriptors may take in memory. Those of further images lie in a file in the folder of caches,
        which goes with the set; results are the same.

    Returns
    -------
    seen : SeenSet
        For `napari_vitrail.cosegment_seen`.

    Raises
    ------
    ValueError
        If there is no image, or one, which is named by its index, is empty or has another shape.
    ComputeError
        If what does not fit into memory cannot be written to the folder of caches.
    BackboneUnavailable
        If no source has the backbone's weights.
    """
    return drain(
        see_set_steps(images, spec, backbone=backbone, device=device, store=store, memory_bytes=memory_bytes)
    )


def _refuse_one_image(images: Images) -> None:
    """Raise ValueError for one image instead of several, whose rows would pass for tiny images."""
    shape = np.shape(images) if isinstance(images, np.ndarray) else ()
    if len(shape) == 2 or (len(shape) == 3 and shape[-1] in (3, 4)):
        raise ValueError(
            f"images must be several images, got one array of shape {shape}, which is one image: "
            "put it into a list"
        )


def _indexed_steps(
    images: Images, index: int, spec: CosegmentationSpec, backbone: Backbone, store: TokenStore | None
) -> Steps[SeenPicture]:
    """Yield Progress; return one image of a sequence, whose index an error names."""
    try:
        return (yield from look_steps(images[index], spec, backbone, store))
    except ValueError as error:
        raise ValueError(f"image {index}: {error}") from error


def _principal(pictures: Sequence[SeenPicture], n_components: int) -> Projection:
    """Return the map to the leading principal components of the pictures' descriptors."""
    total = sum(picture.saliency.size for picture in pictures)
    rows = np.concatenate([picture.rows[:: -(-total // FITTED_ROWS)] for picture in pictures])
    return Projection.of(rows, n_components)
