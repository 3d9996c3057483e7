"""What was painted: checked labels, the pixels to train on, and which stroke each belongs to."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from scipy.ndimage import distance_transform_edt, maximum
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from skimage.measure import label as connected
from skimage.morphology import skeletonize

from napari_vitrail.errors import VitrailWarning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

Whole = TypeVar("Whole", bound=np.integer)

MAX_PER_CLASS = 20_000
LARGEST_ID = 65_535
FOLDS = 4
NEAR = 8
"""Pixels between parts of one class that count as one stroke: another has crossed it, or the eraser."""
BRUSHES_PER_SIDE = 64
"""How many strokes side by side would fill an image."""
SMALLEST_PIECE = 0.01
"""Of an area, as a share of the largest piece of its class, for a stroke to be painted into it."""
MOST_STROKES = 2**40
"""More than an image has pixels: numbers of strokes in several images stay apart."""


@dataclass(frozen=True)
class Painted:
    """The painted pixels of one image.

    Attributes
    ----------
    positions : (n, 2) int array
        Row/column pixels.
    ids : (n,) array
        Class of each, as painted.
    strokes : (n,) int array
        Stroke of each, numbered from 0: connected pixels of one class are one stroke.
    """

    positions: NDArray[np.intp]
    ids: NDArray[np.intp]
    strokes: NDArray[np.intp]

    def only(self, chosen: NDArray[np.intp]) -> Painted:
        """Return some of the pixels."""
        return Painted(self.positions[chosen], self.ids[chosen], self.strokes[chosen])


def as_labels(labels: ArrayLike, image_shape: tuple[int, ...]) -> NDArray[np.integer]:
    """Return labels (H, W) as integers, or raise ValueError saying what is wrong with them."""
    array = np.asarray(labels)
    if array.shape != image_shape[:2]:
        raise ValueError(f"labels must have the image's shape {image_shape[:2]}, got {array.shape}")
    if array.dtype.kind not in "bui":
        raise ValueError(f"labels must hold whole numbers, got data type {array.dtype}")
    if array.size and (array.min() < 0 or array.max() > LARGEST_ID):
        raise ValueError(f"labels must be 0 (unlabelled) to {LARGEST_ID}, got {array.min()} to {array.max()}")
    return array.astype(np.uint8) if array.dtype == bool else array


def painted(labels: NDArray[np.integer], *, told_apart: bool = True) -> Painted:
    """Return the painted pixels of labels (H, W), in raster order.

    Parameters
    ----------
    labels : (H, W) int array
    told_apart : bool
        Whether strokes are told apart, which takes longer than all the rest; else all is stroke 0.
    """
    positions = np.argwhere(labels != 0)
    rows, columns = positions.T
    ids = labels[rows, columns].astype(np.intp)
    if not told_apart or not len(positions):
        return Painted(positions, ids, np.zeros(len(ids), np.intp))
    first, last = positions.min(axis=0), positions.max(axis=0)
    box = labels[first[0] : last[0] + 1, first[1] : last[1] + 1]
    strokes = connected(box, background=0, connectivity=2)
    return Painted(positions, ids, strokes[tuple((positions - first).T)] - 1)


def joined(own: Painted, distance: float = NEAR) -> Painted:
    """Return painted pixels with the parts of a stroke that lie near each other as one stroke.

    A stroke that another crosses, or the eraser, is left in parts that see the same. To train on one and
    to be scored on the other would flatter.

    Parameters
    ----------
    own : Painted
    distance : float, pixels
        Largest gap between parts of one class that belong together.
    """
    numbers, strokes = np.unique(own.strokes, return_inverse=True)
    members = [np.flatnonzero(strokes == number) for number in range(len(numbers))]
    classes = np.array([own.ids[rows[0]] for rows in members])
    boxes = np.array([_box(own.positions[rows]) for rows in members])
    trees = [cKDTree(own.positions[rows]) for rows in members]
    near = np.zeros((len(numbers), len(numbers)), bool)
    for first in range(len(numbers)):
        apart = np.maximum(boxes[:, 0] - boxes[first, 1], boxes[first, 0] - boxes[:, 1]).max(axis=1)
        for second in np.flatnonzero((classes == classes[first]) & (apart <= distance)):
            if second > first:
                gaps, _ = trees[first].query(trees[second].data, distance_upper_bound=distance + 1e-9)
                near[first, second] = np.isfinite(gaps).any()
    _, groups = connected_components(near, directed=False)
    return replace(own, strokes=groups[strokes].astype(np.intp))


def _box(positions: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the first and the last row and column of pixels."""
    return np.stack([positions.min(axis=0), positions.max(axis=0)])


def inner_strokes(areas: NDArray[Whole]) -> NDArray[Whole]:
    """Return strokes such as a hand would paint into areas: along the middle of each piece.

    Borders between areas are doubtful, so strokes keep off them by half of what the piece is wide there;
    they are thinned to a line and thickened to what a brush would paint.

    Parameters
    ----------
    areas : (H, W) array of whole numbers
        Class of each pixel, 0 where there is none.

    Returns
    -------
    strokes : (H, W) int array
        In the data type of the areas. Of every piece of every class at least one pixel is painted, unless it
        is less than a hundredth of the largest of its class.
    """
    strokes = np.zeros_like(areas)
    width = max(1, min(areas.shape) // BRUSHES_PER_SIDE)
    for class_id in np.unique(areas[areas > 0]):
        depths = distance_transform_edt(np.pad(areas == class_id, 1))[1:-1, 1:-1]
        pieces, count = connected(areas == class_id, return_num=True, connectivity=1)
        numbers = np.arange(1, count + 1)
        sizes = np.bincount(pieces.ravel(), minlength=count + 1)[1:]
        deepest = np.concatenate([[np.inf], maximum(depths, pieces, numbers)])
        deepest[1:][sizes < SMALLEST_PIECE * sizes.max()] = np.inf
        core = depths > deepest[pieces] / 2
        line = distance_transform_edt(~skeletonize(core)) <= width / 2
        strokes[line & core] = class_id
    return strokes


def drawn(images: Sequence[Painted], random_state: int, max_per_class: int = MAX_PER_CLASS) -> list[Painted]:
    """Return at most `max_per_class` pixels of each class, an equal share from every image.

    What one image cannot give of its share, the others may.
    """
    rng = np.random.default_rng(random_state)
    kept: list[list[NDArray[np.intp]]] = [[] for _ in images]
    for class_id in np.unique(np.concatenate([image.ids for image in images])):
        members = [np.flatnonzero(image.ids == class_id) for image in images]
        left = max_per_class
        by_size = sorted(range(len(images)), key=lambda index: len(members[index]))
        for done, index in enumerate(by_size):
            share = min(len(members[index]), left // (len(images) - done))
            kept[index].append(rng.choice(members[index], share, replace=False))
            left -= share
    return [image.only(np.sort(np.concatenate(rows))) for image, rows in zip(images, kept, strict=True)]


def held_out_folds(images: Sequence[Painted], n_folds: int = FOLDS) -> NDArray[np.intp]:
    """Return in which fold (n,) each painted pixel of all images is held out.

    Whole images go together where there are at least three and every class is painted in two folds of
    them, whole strokes else: neighbours of a pixel that was trained on say nothing about what a
    classifier knows. The strokes of a class are dealt largest first, each into the fold that has least
    of the class.
    """
    ids = np.concatenate([own.ids for own in images])
    by_image = np.repeat(np.arange(len(images)) % n_folds, [len(own.ids) for own in images])
    spread = all(len(np.unique(by_image[ids == class_id])) > 1 for class_id in np.unique(ids))
    if len(images) >= 3 and spread:
        return by_image
    strokes = np.concatenate([own.strokes + index * MOST_STROKES for index, own in enumerate(images)])
    folds = np.zeros(len(ids), np.intp)
    for class_id in np.unique(ids):
        own, sizes = np.unique(strokes[ids == class_id], return_counts=True)
        dealt = np.zeros(n_folds)
        for index in np.argsort(-sizes, kind="stable"):
            fold = int(dealt.argmin())
            folds[strokes == own[index]] = fold
            dealt[fold] += sizes[index]
    return folds


def check_classes(images: Sequence[Painted], wanted: Sequence[int] = ()) -> None:
    """Raise ValueError unless at least two classes are painted; warn of named ones that are not."""
    there = np.unique(np.concatenate([image.ids for image in images])) if images else np.empty(0)
    if len(there) == 0:
        raise ValueError("labels must hold strokes of at least two classes; nothing is painted yet")
    if len(there) == 1:
        raise ValueError(
            f"labels must hold strokes of at least two classes; only class {there[0]} is painted"
        )
    if missing := sorted(set(wanted) - set(there.tolist())):
        warnings.warn(f"classes without a stroke are left out: {missing}", VitrailWarning, stacklevel=3)
