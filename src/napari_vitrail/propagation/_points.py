"""Points of some frames, followed through a stack or a movie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.backbones import load_backbone
from napari_vitrail.propagation._followed import FollowedFrame, Following
from napari_vitrail.propagation._following import PointPass
from napari_vitrail.propagation._places import GivenPlaces
from napari_vitrail.propagation._seen import SeenFrames, count_frames
from napari_vitrail.propagation._spec import PROPAGATION, PropagationSpec
from napari_vitrail.propagation._stretches import checked_frames
from napari_vitrail.propagation._tracks import Tracks

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from napari_vitrail.backbones import Backbone
    from napari_vitrail.features import TokenStore
    from napari_vitrail.progress import Steps
    from napari_vitrail.propagation._seen import Stack
    from napari_vitrail.propagation._stretches import Direction


def propagate_points(
    stack: Stack, points: Mapping[int, ArrayLike], spec: PropagationSpec = PROPAGATION, *,
    ids: Mapping[int, ArrayLike] | None = None, frames: range | None = None, direction: Direction = "both",
    backbone: Backbone | None = None, device: str = "auto", store: TokenStore | None = None,
) -> Tracks:  # fmt: skip
    """Follow points through a whole stack or movie.

    Parameters
    ----------
    stack : (T, H, W) or (T, H, W, 3) array, or sequence of images
        As in `propagate_labels`.
    points : mapping of int to (n, 2) array
        Row/column pixels by frames, whole or fractional.
    spec : PropagationSpec
        Its descriptor and side; what it says of labels has no meaning here.
    ids : mapping of int to (n,) int array, optional
        What the points of each frame are called by. A point that is given in several frames, to correct it,
        has one id in all. Without ids row i of every frame is the same point.
    frames, direction, backbone, device, store
        As in `propagate_labels`.

    Returns
    -------
    tracks : Tracks
        One row for each point in each frame that is wanted and that it reaches.

    Raises
    ------
    ValueError
        If there are no points, they are no rows and columns, lie outside a frame, ids are not different
        within a frame, frames differ in size, or `frames` reaches beyond the stack.
    BackboneUnavailable
        If no source has the backbone's weights.

    Notes
    -----
    Where the tokens, and the pixels round a point, look most as they did where it was given and where it was
    seen last. Explained in docs/explanation/tracks.md.
    """
    steps = propagate_points_steps(
        stack, points, spec, ids=ids, frames=frames, direction=direction, backbone=backbone, device=device,
        store=store,
    )  # fmt: skip
    return Tracks.joined([progress.so_far for progress in steps if progress.so_far is not None])


def propagate_points_steps(
    stack: Stack, points: Mapping[int, ArrayLike], spec: PropagationSpec = PROPAGATION, *,
    ids: Mapping[int, ArrayLike] | None = None, frames: range | None = None, direction: Direction = "both",
    backbone: Backbone | None = None, device: str = "auto", store: TokenStore | None = None,
) -> Steps[None]:  # fmt: skip
    """Yield Progress, whose ``so_far`` are the `Tracks` of one frame, as soon as it is finished.

    Points that were given in the same frames come together; frames come as in `propagate_labels_steps`.
    """
    count = count_frames(stack)
    given = GivenPlaces.of("points", points, ids, 2, count)
    wanted = checked_frames(frames, direction, count)
    backbone = backbone or load_backbone(spec.descriptor.backbone, device=device)
    spec = replace(spec, centred=False)  # one look is followed, whatever else is in a frame
    seen = SeenFrames(stack, spec, backbone, store)
    _check_inside(given, seen.shape)
    for progress in Following(seen, given, PointPass).steps(wanted, direction):
        own: FollowedFrame | None = progress.so_far
        yield progress if own is None else progress._replace(so_far=_tracks(own))


def _check_inside(given: GivenPlaces, shape: tuple[int, int]) -> None:
    for index, places in given.places.items():
        outside = places[((places < -0.5) | (places > np.array(shape) - 0.5)).any(axis=1)]
        if len(outside):
            raise ValueError(
                f"points must lie in the frame, {shape}, got {outside[0].tolist()} in frame {index}"
            )


def _tracks(own: FollowedFrame) -> Tracks:
    count = len(own.ids)
    return Tracks(
        own.ids, np.full(count, own.frame, np.int64), own.found.confidence,
        np.full(count, own.is_given), own.found.places,
    )  # fmt: skip
