"""Segment planes that do not fit into memory, block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_vitrail.blocks import Blocks, overview, read_block
from napari_vitrail.progress import Progress, Steps, drain, part_of
from napari_vitrail.segmentation import segment_steps

if TYPE_CHECKING:
    from napari_vitrail.backbones import Backbone
    from napari_vitrail.classify import PixelClassifier
    from napari_vitrail.features import TokenStore


def segment_blocks_steps(
    image: Any,
    classifier: PixelClassifier,
    result: Any,
    *,
    backbone: Backbone | None = None,
    device: str = "auto",
    store: TokenStore | None = None,
) -> Steps[None]:
    """Yield Progress after every tile, with the window of each block that is done; fill the result."""
    if tuple(result.shape) != tuple(image.shape[:2]):
        raise ValueError(f"result must have the image's shape {image.shape[:2]}, got {result.shape}")
    yield Progress(0, 1, "grey values")
    seen = overview(image)
    blocks = list(Blocks.of(image.shape, classifier.spec))
    for number, block in enumerate(blocks):
        steps = segment_steps(
            read_block(image, block, seen), classifier,
            window=block.local, backbone=backbone, device=device, store=store,
        )  # fmt: skip
        result[block.inner] = yield from part_of(steps, number, len(blocks))
        yield Progress(number + 1, len(blocks), "blocks", block.inner)


def segment_blocks(
    image: Any,
    classifier: PixelClassifier,
    result: Any,
    *,
    backbone: Backbone | None = None,
    device: str = "auto",
    store: TokenStore | None = None,
) -> None:
    """Segment an image that does not fit into memory, block by block.

    Where blocks meet there is no seam, see `napari_vitrail.Blocks`; of the segmentation of everything at once
    it differs by where the tiles lie in which the ViT looks, see docs/explanation/blocks.md.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, 4) array of any kind
        What can be sliced: of dask, zarr, a memory map.
    classifier : PixelClassifier
    result : (H, W) array of any kind
        What can be assigned to in slices, of a type that holds the class ids.
    backbone, device, store
        See `segment`.

    Raises
    ------
    ValueError
        If the result has another shape than the image.
    """
    return drain(
        segment_blocks_steps(image, classifier, result, backbone=backbone, device=device, store=store)
    )
