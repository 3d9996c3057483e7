"""Three stages for few images of Amir et al. (2021), section 4.2, in plain loops beside ours."""

import numpy as np
import pytest

from napari_vitrail.clusters import fit_centres
from napari_vitrail.cosegmentation import (
    CommonClusters,
    SeenPicture,
    SeenSet,
    Votes,
    cosegment_parts_seen,
    cosegment_seen,
)
from napari_vitrail.grid import Grid
from tests.cosegmentation.conftest import TINY

ELBOW = 0.94


def nearest_in_loops(row, centres):
    """Return the index of the nearest centre, the first of equals."""
    squares = [
        sum((float(a) - float(b)) ** 2 for a, b in zip(row, centre, strict=True)) for centre in centres
    ]
    return squares.index(min(squares)), min(squares)


def clusters_in_loops(rows):
    """Return the clusters of the first number that is not worth while."""
    earlier = None
    for count in range(1, 15):
        centres = fit_centres(rows, count, n_init=4, random_state=0).centres
        distortion = sum(nearest_in_loops(row, centres)[1] for row in rows) / len(rows)
        if earlier is not None and distortion > ELBOW * earlier:
            break
        earlier = distortion
    return centres


@pytest.fixture
def seen(tiny_backbone):
    """Return three pictures of an object of four kinds of cells; two are without a kind each."""
    rng = np.random.default_rng(0)
    kinds = rng.normal(size=(6, 5))
    pictures = []
    for absent in (3, 4, None):
        drawn = rng.integers(6, size=(8, 6))
        drawn[drawn == absent] = 0
        rows = kinds[drawn] + rng.normal(0, 0.05, (8, 6, 5))
        rows /= np.linalg.norm(rows, axis=-1, keepdims=True)
        saliency = np.where(drawn >= 2, 3.0, 0.2).astype(np.float32)
        grid = Grid((8, 6), (3.5, 3.5), (8.0, 8.0))
        pictures.append(SeenPicture((64, 48), grid, rows.astype(np.float16), saliency))
    return SeenSet(tuple(pictures), TINY, tiny_backbone)


def test_parts_of_the_common_clusters_are_those_of_the_published_stages(seen):
    how = Votes(saliency_threshold=1.0, sample_interval=1, n_clusters=6, vote_fraction=0.5)
    found = cosegment_seen(seen, how)
    objects = [found.shared.scores(picture).ravel() > 0.5 for picture in seen.pictures]  # the first stage

    pooled = np.concatenate([one.rows[own] for one, own in zip(seen.pictures, objects, strict=True)])
    second = clusters_in_loops(pooled)  # the second: the elbow says how many clusters
    labels = [[nearest_in_loops(row, second)[0] for row in one.rows] for one in seen.pictures]
    common = {
        cluster
        for cluster in range(len(second))
        if all(
            any(label == cluster and inside for label, inside in zip(of_one, own, strict=True))
            for of_one, own in zip(labels, objects, strict=True)
        )
    }
    assert 0 < len(common) < len(second)

    kept = [
        [inside and label in common for label, inside in zip(of_one, own, strict=True)]
        for of_one, own in zip(labels, objects, strict=True)
    ]
    rows = np.concatenate([one.rows[own] for one, own in zip(seen.pictures, kept, strict=True)])
    third = fit_centres(rows, 2, n_init=4, random_state=0).centres  # the third: parts of what is left

    parts = cosegment_parts_seen(found, 2, elbow_second=ELBOW, whitening=0)
    assert isinstance(parts.found.shared, CommonClusters)
    assert set(np.flatnonzero(parts.found.shared.common)) == common
    for index, (one, own) in enumerate(zip(seen.pictures, kept, strict=True)):
        np.testing.assert_array_equal(parts.found.mask(index)[4::8, 4::8].ravel(), own)
        ours = parts.labels(index)[4::8, 4::8].ravel()[own]
        theirs = np.array([nearest_in_loops(row, third)[0] for row in one.rows[own]]) + 1
        turned = 3 - theirs  # ours are numbered from top to bottom
        assert (ours == theirs).all() or (ours == turned).all()
