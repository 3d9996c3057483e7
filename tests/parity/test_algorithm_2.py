"""Docherty et al. (2024), Algorithm 2, in plain loops beside ours."""

from dataclasses import replace

import numpy as np
import pytest

from napari_vitrail import DOCHERTY_OBJECTS, DenseClusters, find_objects_seen
from tests.objects.conftest import scene


def unit(row):
    return row / np.linalg.norm(row)


def distance(row0, row1, metric):
    """Return how far two centroids are apart."""
    if metric == "euclidean":
        return float(np.sqrt(sum((row0 - row1) ** 2)))
    return 1 - float(sum(unit(row0) * unit(row1)))


def semantic_distance(centroids, densities, metric):
    """Return the upper edge of the fullest of 20 bins of the distances of objects and ground."""
    mean = sum(densities) / len(densities)
    between = [
        distance(row0, row1, metric)
        for row0, density0 in zip(centroids, densities, strict=True)
        for row1, density1 in zip(centroids, densities, strict=True)
        if density0 > mean > density1
    ]
    low, width = min(between), (max(between) - min(between)) / 20
    counts = [0] * 20
    for value in between:
        counts[min(int((value - low) / width), 19)] += 1
    return low + (counts.index(max(counts)) + 1) * width


def merged(centroids, cutoff, metric, least=1):
    """Return groups of centroids, by complete linkage, until no two groups are below the cutoff."""
    groups = [[index] for index in range(len(centroids))]
    while len(groups) > least:
        best = (np.inf, 0, 0)
        for i in range(len(groups)):
            for j in range(i + 1, len(groups)):
                worst = max(
                    distance(centroids[a], centroids[b], metric) for a in groups[i] for b in groups[j]
                )
                best = min(best, (worst, i, j))
        if best[0] >= cutoff:
            break
        groups[best[1]] += groups.pop(best[2])
    return groups


def density_of(seen, labels, classes):
    """Return how much the pixels of some classes are looked at on average."""
    total, count = 0.0, 0
    for (row, column), label in np.ndenumerate(labels):
        if label in classes:
            total += float(seen.density[row // 8, column // 8])
            count += 1
    return total / count


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("scale", [0.6, 1.0])
def test_clusters_are_merged_and_chosen_as_published(metric, scale):
    rng = np.random.default_rng(3)
    kinds = np.kron(rng.integers(6, size=(5, 6)), np.ones((2, 2), int))
    seen = scene(kinds, [0.2, 0.4, 1.0, 3.0, 2.5, 0.3], noise=0.12, seed=3)
    found = find_objects_seen(seen, replace(DOCHERTY_OBJECTS, how=DenseClusters(14, metric=metric)))
    pieces, cut = found.pieces, found.cut(merge_scale=scale)

    densities = [density_of(seen, pieces.labels, {piece}) for piece in range(found.tree.n_pieces)]
    np.testing.assert_allclose(pieces.densities, densities, rtol=1e-5)
    centroids = pieces.centroids.astype(float)
    typical = semantic_distance(centroids, densities, metric)
    assert found.tree.semantic_distance == pytest.approx(typical, rel=1e-5)
    groups = merged(centroids, scale * typical, metric)
    assert cut.n_classes == len(groups)
    classes = [density_of(seen, pieces.labels, set(group)) for group in groups]
    mean = sum(classes) / len(classes)
    for group, density in zip(groups, classes, strict=True):
        (label,) = set(cut.labels[np.isin(pieces.labels, group)].tolist())
        assert set(pieces.labels[cut.labels == label].tolist()) == set(group)
        assert cut.salient[label - 1] == (density > mean)


def test_with_a_number_of_classes_the_cutoff_does_not_count():
    kinds = np.kron(np.arange(6).reshape(2, 3), np.ones((4, 4), int))
    seen = scene(kinds, [0.2, 0.4, 1.0, 3.0, 2.5, 0.3], noise=0.1)
    found = find_objects_seen(seen, replace(DOCHERTY_OBJECTS, how=DenseClusters(10)))
    for count in (1, 4, 10):
        groups = merged(found.pieces.centroids.astype(float), np.inf, "cosine", least=count)
        labels = found.labels(n_classes=count)
        assert labels.max() == count
        for group in groups:
            assert len(set(labels[np.isin(found.pieces.labels, group)].tolist())) == 1


def test_every_pixel_belongs_to_the_nearest_centroid():
    seen = scene(np.random.default_rng(0).integers(4, size=(5, 6)), [1, 2, 3, 4], noise=0.2)
    found = find_objects_seen(seen, replace(DOCHERTY_OBJECTS, how=DenseClusters(7)))
    for (row, column), piece in np.ndenumerate(found.pieces.labels):
        own = seen.descriptors[row // 8, column // 8].astype(float)
        squares = [sum((own - centroid) ** 2) for centroid in found.pieces.centroids]
        assert squares[piece] == pytest.approx(min(squares), abs=1e-5)


def test_probabilities_are_of_the_published_energies():
    seen = scene(np.random.default_rng(0).integers(4, size=(5, 6)), [1, 2, 3, 4], noise=0.1)
    found = find_objects_seen(seen, replace(DOCHERTY_OBJECTS, how=DenseClusters(9)))
    known, labels = found.probabilities(n_classes=3), found.labels(n_classes=3)
    energies = []
    for label in (1, 2, 3):
        pieces = sorted(set(found.pieces.labels[labels == label].tolist()))
        mean = np.mean([found.pieces.centroids[piece] for piece in pieces], axis=0)
        energies.append(sum(abs(seen.descriptors[2, 3].astype(float) - mean)))
    expected = np.exp(-np.array(energies)) / np.exp(-np.array(energies)).sum()
    np.testing.assert_allclose(known[:, 20, 28], expected, rtol=1e-3)
