"""Boxes of some frames, followed through a stack or a movie."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.backbones import load_backbone
from napari_vitrail.propagation._boxed import BoxPass
from napari_vitrail.propagation._followed import FollowedFrame, Following
from napari_vitrail.propagation._places import GivenPlaces
from napari_vitrail.propagation._seen import SeenFrames, count_frames
from napari_vitrail.propagation._spec import PROPAGATION, PropagationSpec
from napari_vitrail.propagation._stretches import checked_frames
from napari_vitrail.propagation._tracks import TrackedBoxes

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from napari_vitrail.backbones import Backbone
    from napari_vitrail.features import TokenStore
    from napari_vitrail.progress import Steps
    from napari_vitrail.propagation._seen import Stack
    from napari_vitrail.propagation._stretches import Direction


def propagate_boxes(
    stack: Stack, boxes: Mapping[int, ArrayLike], spec: PropagationSpec = PROPAGATION, *,
    ids: Mapping[int, ArrayLike] | None = None, frames: range | None = None, direction: Direction = "both",
    backbone: Backbone | None = None, device: str = "auto", store: TokenStore | None = None,
) -> TrackedBoxes:  # fmt: skip
    """Follow what is in boxes through a whole stack or movie.

    Parameters
    ----------
    stack : (T, H, W) or (T, H, W, 3) array, or sequence of images
        As in `propagate_labels`.
    boxes : mapping of int to (n, 4) array
        By frames: first row and column, and those after the last. A box holds one object, and little else.
    spec : PropagationSpec
        As in `propagate_labels`, but for what it says of labels on pixels.
    ids : mapping of int to (n,) int array, optional
        What the boxes of each frame are called by. A box that is given in several frames has one id in all.
        Without ids row i of every frame is the same box.
    frames, direction, backbone, device, store
        As in `propagate_labels`.

    Returns
    -------
    boxes : TrackedBoxes
        One row for each box in each frame that is wanted and that it reaches.

    Raises
    ------
    ValueError
        If there are no boxes, one is empty or none of its pixels is in the frame, ids are not different
        within a frame, frames differ in size, or `frames` reaches beyond the stack.
    BackboneUnavailable
        If no source has the backbone's weights.

    Notes
    -----
    What differs from the surroundings in a box is passed on as labels are; a box goes with the middle and
    the spread of it. Explained in docs/explanation/tracks.md.
    """
    steps = propagate_boxes_steps(
        stack, boxes, spec, ids=ids, frames=frames, direction=direction, backbone=backbone, device=device,
        store=store,
    )  # fmt: skip
    return TrackedBoxes.joined([progress.so_far for progress in steps if progress.so_far is not None])


def propagate_boxes_steps(
    stack: Stack, boxes: Mapping[int, ArrayLike], spec: PropagationSpec = PROPAGATION, *,
    ids: Mapping[int, ArrayLike] | None = None, frames: range | None = None, direction: Direction = "both",
    backbone: Backbone | None = None, device: str = "auto", store: TokenStore | None = None,
) -> Steps[None]:  # fmt: skip
    """Yield Progress, whose ``so_far`` are the `TrackedBoxes` of one frame, as soon as it is finished.

    Boxes that were given in the same frames come together; frames come as in `propagate_labels_steps`.
    """
    count = count_frames(stack)
    given = GivenPlaces.of("boxes", boxes, ids, 4, count)
    wanted = checked_frames(frames, direction, count)
    backbone = backbone or load_backbone(spec.descriptor.backbone, device=device)
    seen = SeenFrames(stack, spec, backbone, store)
    _check_sides(given, seen.shape)
    for progress in Following(seen, given, partial(BoxPass, spec=spec)).steps(wanted, direction):
        own: FollowedFrame | None = progress.so_far
        yield progress if own is None else progress._replace(so_far=_tracked(own))


def _check_sides(given: GivenPlaces, shape: tuple[int, int]) -> None:
    for index, boxes in given.places.items():
        low, high = np.maximum(boxes[:, :2], 0), np.minimum(boxes[:, 2:], shape)
        broken = boxes[(high - low < 1).any(axis=1)]
        if len(broken):
            raise ValueError(
                f"boxes must be first row and column and those after the last, with pixels of the frame, "
                f"{shape}, got {broken[0].tolist()} in frame {index}"
            )


def _tracked(own: FollowedFrame) -> TrackedBoxes:
    count = len(own.ids)
    return TrackedBoxes(
        own.ids, np.full(count, own.frame, np.int64), own.found.confidence,
        np.full(count, own.is_given), own.found.places,
    )  # fmt: skip
