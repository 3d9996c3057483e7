"""From a segmentation to single objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import distance_transform_edt
from skimage.measure import label as connected
from skimage.morphology import local_maxima, reconstruction
from skimage.segmentation import relabel_sequential, watershed

from napari_vitrail.progress import Progress, Steps, drain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

NECK = 1.0
"""Pixels by which a neck must be thinner, on either side, than what it joins: then it is cut."""


def find_instances_steps(
    segmentation: ArrayLike,
    class_ids: int | Sequence[int],
    *,
    min_size: int = 0,
    split: bool = False,
    neck: float = NECK,
) -> Steps[NDArray[np.int32]]:
    """Yield Progress after every class; return what `find_instances` returns."""
    classes = _checked(segmentation, min_size, neck)
    wanted = np.unique(np.atleast_1d(class_ids))
    _check_present(wanted, classes)
    instances = np.zeros(classes.shape, np.int32)
    for done, class_id in enumerate(wanted, start=1):
        members = classes == class_id
        own = (yield from _split_steps(members, neck)) if split else connected(members, connectivity=1)
        own = _without_small(own, min_size)
        instances[own > 0] = own[own > 0] + instances.max()
        yield Progress(done, len(wanted), "objects")
    return instances


def find_instances(
    segmentation: ArrayLike,
    class_ids: int | Sequence[int],
    *,
    min_size: int = 0,
    split: bool = False,
    neck: float = NECK,
) -> NDArray[np.int32]:
    """Give every object of some classes a number of its own.

    Parameters
    ----------
    segmentation : (H, W) or (Z, H, W) int array
    class_ids : int or sequence of int
        The classes whose objects are wanted. Objects of two classes are two objects, also where they
        touch.
    min_size : int, pixels
        Smaller objects are left out.
    split : bool
        Whether objects that touch are cut apart at their necks, by a watershed of the distance from
        the outline.
    neck : float, pixels
        How much thinner, on either side, a neck must be than the thinner of the two parts that it
        joins. More leaves more objects whole.

    Returns
    -------
    instances : int32 array of the same shape
        0 where there is none, 1 to n else; pixels that touch along an edge are of one object.

    Raises
    ------
    ValueError
        If the segmentation is of another shape or type, or has none of a class.
    """
    return drain(find_instances_steps(segmentation, class_ids, min_size=min_size, split=split, neck=neck))


def _split_steps(members: NDArray[np.bool_], neck: float) -> Steps[NDArray[np.intp]]:
    """Yield Progress; return objects, cut apart at necks; those too thin to have one stay whole."""
    depth = np.asarray(distance_transform_edt(np.pad(members, 1)), np.float32)
    depth = depth[tuple(slice(1, -1) for _ in members.shape)]
    yield Progress(1, 4, "splitting objects")
    filled = reconstruction(depth - neck, depth)  # joins what no deep neck parts
    yield Progress(2, 4, "splitting objects")
    hearts = connected(local_maxima(filled) & (filled > 0), connectivity=members.ndim)
    yield Progress(3, 4, "splitting objects")
    parts = np.asarray(watershed(-depth, hearts, mask=members))
    whole = connected(members & (parts == 0), connectivity=1)
    return np.where(whole > 0, whole + parts.max(), parts)


def _without_small(instances: NDArray[np.intp], min_size: int) -> NDArray[np.intp]:
    """Return the objects of at least a size, numbered from 1."""
    areas = np.bincount(instances.ravel())
    large = areas >= min_size
    return np.asarray(relabel_sequential(np.where(large[instances], instances, 0))[0])


def _checked(segmentation: ArrayLike, min_size: int, neck: float) -> NDArray[np.integer]:
    classes = np.asarray(segmentation)
    if classes.ndim not in (2, 3) or not classes.size:
        raise ValueError(f"segmentation must be (H, W) or (Z, H, W), got shape {classes.shape}")
    if classes.dtype.kind not in "bui":
        raise ValueError(f"segmentation must hold whole numbers, got data type {classes.dtype}")
    if min_size < 0:
        raise ValueError(f"min_size must be 0 or more, got {min_size}")
    if not neck > 0:
        raise ValueError(f"neck must be more than 0, got {neck}")
    return classes


def _check_present(wanted: NDArray[np.integer], classes: NDArray[np.integer]) -> None:
    known = np.unique(classes)
    if missing := sorted(set(wanted.tolist()) - set(known.tolist())):
        there = ", ".join(map(str, known))
        raise ValueError(f"class_ids must be classes of the segmentation ({there}), got {missing}")
