"""The slices of a stack, seen one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_vitrail.backbones import load_backbone
from napari_vitrail.matching._seen import see_image
from napari_vitrail.matching._spec import MATCHING, MatchingSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_vitrail.backbones import Backbone
    from napari_vitrail.matching._seen import SeenImage


def see_slices(
    stack: Any, spec: MatchingSpec = MATCHING, *, z_range: slice = slice(None),
    backbone: Backbone | None = None, device: str = "auto",
) -> Iterator[tuple[int, SeenImage]]:  # fmt: skip
    """Let the ViT see slices of a stack, each when it is asked for.

    Parameters
    ----------
    stack : (Z, H, W), (Z, H, W, 3) or (Z, H, W, 4) array, or lazy array
        Only the slices in the range are read, one at a time.
    spec : MatchingSpec
    z_range : slice
        Which slices, as in ``stack[z_range]``: ``slice(10, 20)``, ``slice(None, None, 5)``.
    backbone : Backbone, optional
        A loaded one; else the one that the spec names.
    device : {"auto", "cuda", "mps", "cpu"}

    Returns
    -------
    seen : iterator of (int, SeenImage)
        The place of each slice in the stack, and what was seen. One that is dropped is kept nowhere.

    Raises
    ------
    ValueError
        If the stack has another shape, or no slice is in the range.

    Examples
    --------
    A stack against one image, and two stacks slice by slice, as points with z::

        reference = see_image(image)
        for z, seen in see_slices(stack, z_range=slice(10, 20)):
            found = ImagePair(reference, seen).transfer(points)
        for (z, seen0), (_, seen1) in zip(see_slices(stack0), see_slices(stack1)):
            found = drain(find_steps(ImagePair(seen0, seen1)))
            points0 = np.insert(found.points0, 0, z, axis=1)
    """
    shape = tuple(np.shape(stack))
    if len(shape) not in (3, 4) or (len(shape) == 4 and shape[3] not in (3, 4)):
        raise ValueError(f"stack must be (Z, H, W), (Z, H, W, 3) or (Z, H, W, 4), got shape {shape}")
    if len(shape) == 3 and shape[2] in (3, 4):
        raise ValueError(f"stack must be (Z, H, W), got shape {shape}, which is one image; use see_image")
    places = range(shape[0])[z_range]
    if not places:
        raise ValueError(f"z_range must hold one of {shape[0]} slices at least, got {z_range}")
    return _seen_slices(stack, spec, places, backbone, device)


def _seen_slices(
    stack: Any, spec: MatchingSpec, places: range, backbone: Backbone | None, device: str
) -> Iterator[tuple[int, SeenImage]]:
    backbone = backbone or load_backbone(spec.descriptor.backbone, device=device)
    for z in places:
        yield z, see_image(stack[z], spec, backbone=backbone)
