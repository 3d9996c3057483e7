"""Sets of images that were seen, made by hand: descriptors on a circle, saliency as one wishes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_vitrail.cosegmentation import COSEGMENTATION, CosegmentationSpec, SeenPicture, SeenSet, Votes
from napari_vitrail.grid import Grid

TINY = CosegmentationSpec(
    replace(COSEGMENTATION.descriptor, layer=2, stride=4, interpolation="nearest"), side=64, n_components=0,
    how=Votes(saliency_threshold=1.0, sample_interval=1, most_clusters=4, vote_fraction=0.5),
)  # fmt: skip


def picture(kinds, salient, noise=0.02, seed=0):
    """Return a picture (48, 40) of 6 x 5 cells, each of a kind, a direction in the plane, and its saliency.

    Parameters
    ----------
    kinds : (6, 5) int array
        What each cell shows: 0, 1, 2 ... lie on a circle.
    salient : dict of int to float
        How salient each kind is.
    """
    kinds = np.asarray(kinds)
    angles = kinds * 2 * np.pi / 5 + np.random.default_rng(seed).normal(0, noise, kinds.shape)
    descriptors = np.stack([np.cos(angles), np.sin(angles)], axis=-1).astype(np.float16)
    saliency = np.vectorize(salient.get)(kinds).astype(np.float32)
    return SeenPicture((48, 40), Grid((6, 5), (3.5, 3.5), (8.0, 8.0)), descriptors, saliency)


def scene(columns):
    """Return kinds (6, 5): the object, kind 3, in rows 2 to 4 of some columns, on ground 0 with sky 1."""
    kinds = np.zeros((6, 5), int)
    kinds[0] = 1
    kinds[2:5, columns] = 3
    return kinds


@pytest.fixture
def make_set(tiny_backbone):
    """Return a function that makes a set of pictures."""
    return lambda pictures, spec=TINY: SeenSet(tuple(pictures), spec, tiny_backbone)


@pytest.fixture
def scenes(make_set):
    """Return four pictures of an object that is three times as salient as ground and sky."""
    places = (slice(0, 2), slice(1, 3), slice(2, 5), slice(1, 5))
    return make_set(
        [picture(scene(place), {0: 0.5, 1: 0.4, 3: 3.0}, seed=n) for n, place in enumerate(places)]
    )


@pytest.fixture(scope="session")
def patches():
    """Return three images of different sizes and kinds with a chequered square on a calm ground."""
    images = []
    for side, top, left in ((64, 16, 24), (80, 32, 8), (72, 24, 24)):
        image = np.full((side, side + 8), 60, np.uint8)
        rows, columns = np.indices((24, 24)) // 4
        image[top : top + 24, left : left + 24] = np.where((rows + columns) % 2, 230, 20)
        images.append(image)
    images[1] = np.repeat(images[1][..., None], 3, axis=2)
    images[2] = np.dstack([images[2]] * 3 + [np.full_like(images[2], 255)])
    return images
