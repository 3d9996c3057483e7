"""Clusters of whitened descriptors: the small differences count, and distances are those of the basis."""

from functools import partial

import numpy as np
import pytest

from napari_vitrail.clusters import fit_centres
from napari_vitrail.cosegmentation import cosegment_parts_seen
from napari_vitrail.cosegmentation._evened import EvenedClusters, evened
from tests.cosegmentation.test_parts import kinds, scenes_of
from tests.cosegmentation.test_parts import truth as drawn

TWO = partial(fit_centres, count=2, n_init=4, random_state=0)


@pytest.fixture
def rows():
    """Return rows of two kinds that the small second component tells apart, and the large first does not."""
    rng = np.random.default_rng(0)
    return np.column_stack(
        [rng.uniform(-9, 9, 400), np.repeat([-1, 1], 200) + rng.normal(0, 0.05, 400)]
    ).astype(np.float32)


def test_two_kinds_that_differ_little_are_told_apart_once_they_are_whitened(rows):
    truth = np.repeat([0, 1], 200)
    assert abs(np.corrcoef(evened(rows, 0, TWO).nearest(rows), truth)[0, 1]) < 0.2
    assert abs(np.corrcoef(evened(rows, 1, TWO).nearest(rows), truth)[0, 1]) > 0.99


def test_nothing_whitened_is_k_means_of_the_rows_as_they_are(rows):
    np.testing.assert_array_equal(evened(rows, 0, TWO).centres, TWO(rows).centres)


def test_distances_are_those_of_standardised_components_counted_one_by_one(rows):
    turn = np.array([[0.6, -0.8], [0.8, 0.6]], np.float32)
    turned = rows @ turn + 5
    clusters = evened(turned, 0.5, TWO)
    assert isinstance(clusters, EvenedClusters)
    deviations = rows.std(axis=0, dtype=float)
    back = clusters.centres.astype(float) - 5
    for row, squares in zip(turned[::40].astype(float) - 5, clusters.squares(turned[::40]), strict=True):
        for centre, square in zip(back, squares, strict=True):
            off = turn.astype(float) @ (row - centre) / np.sqrt(deviations)  # the power 0.5
            assert square == pytest.approx(np.sum(off**2), rel=0.05, abs=0.05)  # axes are those of the sample


def test_centres_are_the_mean_descriptors_of_their_clusters(rows):
    clusters = evened(rows, 0.75, TWO)
    nearest = clusters.nearest(rows)
    for index, centre in enumerate(clusters.centres):
        np.testing.assert_allclose(centre, rows[nearest == index].mean(axis=0), atol=1e-3)


def test_rounding_is_no_component(rows):
    padded = np.column_stack([rows, 1e-4 * np.random.default_rng(1).normal(size=len(rows))]).astype(
        np.float32
    )
    clusters = evened(padded, 1, TWO)
    assert isinstance(clusters, EvenedClusters)
    assert clusters.basis.shape == (3, 2)


def test_rows_that_are_all_the_same_are_one_cluster():
    same = np.full((5, 3), 0.25, np.float32)
    clusters = evened(same, 1, partial(fit_centres, count=1, n_init=1, random_state=0))
    np.testing.assert_array_equal(clusters.squares(same), 0)


@pytest.mark.parametrize("whitening", [0, 0.5, 1])
def test_parts_that_are_plain_are_found_however_much_is_whitened(make_set, whitening):
    parts = cosegment_parts_seen(scenes_of(make_set), 3, whitening=whitening)
    for column, labels in enumerate(parts.all_labels()):
        np.testing.assert_array_equal(labels, drawn(kinds(column)))
