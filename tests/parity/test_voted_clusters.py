"""Amir et al. (2021), section 4.2, in plain loops beside ours."""

import numpy as np

from napari_vitrail.cosegmentation import SeenPicture, SeenSet, Votes, cosegment_seen
from napari_vitrail.grid import Grid
from tests.cosegmentation.conftest import TINY


def elbow_in_loops(distortions, elbow=0.975):
    """Return the number of clusters: the first that is not worth while, else the last."""
    for count in range(2, len(distortions) + 1):
        if distortions[count - 1] > elbow * distortions[count - 2]:
            return count
    return len(distortions)


def votes_in_loops(pictures, centres, threshold):
    """Return the votes of all images for each cluster: mean saliency of its cells above the threshold."""
    votes = [0] * len(centres)
    labelled = []
    for picture in pictures:
        sums, counts, labels = [0.0] * len(centres), [0] * len(centres), []
        for row, looked in zip(picture.rows, picture.saliency.ravel(), strict=True):
            squares = [sum((row - centre) ** 2) for centre in centres]
            nearest = squares.index(min(squares))
            labels.append(nearest)
            sums[nearest] += looked
            counts[nearest] += 1
        for cluster in range(len(centres)):
            if counts[cluster] and sums[cluster] / counts[cluster] > threshold:
                votes[cluster] += 1
        labelled.append(labels)
    return votes, labelled


def test_clusters_are_voted_for_as_published(tiny_backbone):
    rng = np.random.default_rng(0)
    kinds = rng.normal(size=(6, 8))
    pictures = []
    for _ in range(5):
        drawn = rng.integers(6, size=(9, 7))
        rows = kinds[drawn] + rng.normal(0, 0.3, (9, 7, 8))
        rows /= np.linalg.norm(rows, axis=-1, keepdims=True)
        saliency = np.where(drawn < 2, 0.3, 0.05) + rng.uniform(0, 0.1, (9, 7))
        grid = Grid((9, 7), (3.5, 3.5), (8.0, 8.0))
        pictures.append(SeenPicture((72, 56), grid, rows.astype(np.float16), saliency.astype(np.float32)))
    seen = SeenSet(tuple(pictures), TINY, tiny_backbone)
    found = cosegment_seen(seen, Votes(saliency_threshold=0.15, sample_interval=2)).shared
    votes, labelled = votes_in_loops(pictures, found.clusters.centres, 0.15)
    assert found.curve.chosen == elbow_in_loops(found.curve.distortions.tolist())
    assert found.votes.tolist() == votes
    assert found.shared.tolist() == [count >= 4 for count in votes]  # 75 % of 5, rounded up
    for picture, labels in zip(pictures, labelled, strict=True):
        shared = [found.shared[label] for label in labels]
        np.testing.assert_array_equal(found.scores(picture).ravel() > 0.5, shared)
