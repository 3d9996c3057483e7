"""Objects of one image, found without a label."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.backbones import load_backbone
from napari_vitrail.errors import VitrailWarning
from napari_vitrail.image import as_image, main_of
from napari_vitrail.objects._found import FoundObjects
from napari_vitrail.objects._pieces import one_piece
from napari_vitrail.objects._seen import SeenScene, look_steps
from napari_vitrail.objects._spec import OBJECTS, ObjectsSpec
from napari_vitrail.objects._tree import MergeTree
from napari_vitrail.progress import Progress, Steps, drain, part_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from napari_vitrail.backbones import Backbone
    from napari_vitrail.features import TokenStore
    from napari_vitrail.image import LayeredImage, Picture


def find_objects(
    image: ArrayLike | LayeredImage, spec: ObjectsSpec = OBJECTS, *, random_state: int = 0,
    backbone: Backbone | None = None, device: str = "auto", store: TokenStore | None = None,
) -> FoundObjects:  # fmt: skip
    """Find what is in an image: its objects, what they lie on, and which parts belong together.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, 4) array, or LayeredImage
        Of any integer or float type.
    spec : ObjectsSpec
    random_state : int
        Of k-means.
    backbone : Backbone, optional
        A loaded one; else the one that the spec names.
    device : {"auto", "cuda", "mps", "cpu"}
    store : FeatureStore, optional
        Where features are looked up and kept.

    Returns
    -------
    found : FoundObjects
        ``found.cut()`` has labels, objects and boxes; another cut takes milliseconds.

    Raises
    ------
    ValueError
        If the image is empty or has another shape.
    BackboneUnavailable
        If no source has the backbone's weights.

    References
    ----------
    Docherty et al. (2024), Algorithm 2; see docs/explanation/objects.md for what differs.
    """
    steps = find_objects_steps(
        image, spec, random_state=random_state, backbone=backbone, device=device, store=store, coarse=False
    )
    return drain(steps)


def find_objects_steps(
    image: ArrayLike | LayeredImage, spec: ObjectsSpec = OBJECTS, *, random_state: int = 0,
    backbone: Backbone | None = None, device: str = "auto", store: TokenStore | None = None,
    coarse: bool = True,
) -> Steps[FoundObjects]:  # fmt: skip
    """Yield Progress, whose ``so_far`` soon holds coarser objects; return what `find_objects` returns.

    Parameters
    ----------
    image, spec, random_state, backbone, device, store
        See `find_objects`.
    coarse : bool
        Whether coarser objects are wanted first: those of the patch grid, where the spec asks for
        descriptors in between. What is returned is the same.
    """
    picture = as_image(image)
    backbone = backbone or load_backbone(spec.descriptor.backbone, device=device)
    first = _coarser(spec, backbone) if coarse and not _is_blank(picture) else None
    if first is None:
        return (yield from _look_and_find_steps(picture, spec, backbone, store, random_state))
    found = yield from part_of(_look_and_find_steps(picture, first, backbone, store, random_state), 0, 2)
    yield Progress(1, 2, "objects", so_far=found)
    return (yield from part_of(_look_and_find_steps(picture, spec, backbone, store, random_state), 1, 2))


def find_objects_seen(seen: SeenScene, spec: ObjectsSpec = OBJECTS, *, random_state: int = 0) -> FoundObjects:
    """Find the objects of an image that the ViT has seen in another way, without asking it again.

    Parameters
    ----------
    seen : SeenScene
        Of objects that were found: ``found.seen``.
    spec : ObjectsSpec
        Whose descriptor and side do not count any more.
    random_state : int
        Of k-means.

    Returns
    -------
    found : FoundObjects
    """
    return drain(find_objects_seen_steps(seen, spec, random_state=random_state))


def find_objects_seen_steps(
    seen: SeenScene, spec: ObjectsSpec = OBJECTS, *, random_state: int = 0
) -> Steps[FoundObjects]:
    """Yield Progress; return what `find_objects_seen` returns."""
    pieces, tree = yield from spec.how.pieces_steps(seen, random_state)
    return FoundObjects(seen, spec, pieces, tree)


def _look_and_find_steps(
    picture: Picture, spec: ObjectsSpec, backbone: Backbone, store: TokenStore | None, random_state: int
) -> Steps[FoundObjects]:
    """Yield Progress; return the objects of an image; there are none in one that is all the same."""
    seen = yield from part_of(look_steps(picture, spec.descriptor, spec.side, backbone, store), 0, 2)
    if not _is_blank(picture):
        return (yield from part_of(find_objects_seen_steps(seen, spec, random_state=random_state), 1, 2))
    warnings.warn(
        "the image has the same value everywhere: nothing in it is an object", VitrailWarning, stacklevel=2
    )
    return FoundObjects(seen, spec, one_piece(seen), MergeTree(np.zeros((0, 4)), 0.0))


def _is_blank(picture: Picture) -> bool:
    return not np.ptp(main_of(picture)) > 0


def _coarser(spec: ObjectsSpec, backbone: Backbone) -> ObjectsSpec | None:
    """Return a spec that sees the patch grid only, in one pass; None if that is the spec itself."""
    size = backbone.info.patch_size
    plain = replace(spec.descriptor, stride=size, shifts="none", flips="none")
    return None if plain == spec.descriptor else replace(spec, descriptor=plain)
