"""The merge tree: made once, cut at any distance or number of classes."""

import numpy as np
import pytest

from napari_vitrail.objects import MergeTree
from napari_vitrail.objects._tree import distances_of, semantic_distance


def on_a_circle(*degrees):
    angles = np.deg2rad(degrees)
    return np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)


@pytest.fixture
def tree():
    """Return the tree of two objects, 0 and 10 degrees, and of grounds at 90, 100 and 130."""
    objects = np.array([True, True, False, False, False])
    return MergeTree.of(on_a_circle(0, 10, 90, 100, 130), objects, ~objects)


def test_the_most_alike_are_merged_first(tree):
    assert tree.cut(5).tolist() == [0, 1, 2, 3, 4]
    assert tree.cut(3).tolist() == [0, 0, 1, 1, 2]
    assert tree.cut(2).tolist() == [0, 0, 1, 1, 1]
    assert tree.cut(1).tolist() == [0, 0, 0, 0, 0]


def test_classes_are_numbered_by_their_first_piece(tree):
    moved = MergeTree(tree.linkage[:, :], tree.semantic_distance)
    classes = moved.cut(2)
    assert classes[0] == 0
    assert sorted(set(classes)) == [0, 1]


def test_a_larger_scale_never_gives_more_classes(tree):
    counts = [tree.n_classes(scale) for scale in np.linspace(0, 3, 40)]
    assert counts == sorted(counts, reverse=True)
    assert (counts[0], counts[-1]) == (5, 1)


def test_two_at_just_the_cutoff_are_not_merged():
    pair = np.array([True, False])
    tree = MergeTree.of(on_a_circle(0, 90), pair, ~pair)
    assert tree.n_classes(tree.linkage[0, 2] / tree.semantic_distance) == 2
    assert tree.n_classes(1.001 * tree.linkage[0, 2] / tree.semantic_distance) == 1


def test_object_and_ground_are_kept_apart_to_the_last():
    objects = np.array([True, False, True, False])
    rows = on_a_circle(0, 2, 120, 122)
    assert MergeTree.of(rows, objects, ~objects).cut(2).tolist() == [0, 0, 1, 1]
    assert MergeTree.of(rows, objects, ~objects, kept_apart=True).cut(2).tolist() == [0, 1, 0, 1]


def test_cosine_distances_are_half_the_squares_of_euclidean_ones():
    rows = on_a_circle(0, 25, 170)
    np.testing.assert_allclose(
        distances_of(rows, "cosine"), distances_of(rows, "euclidean") ** 2 / 2, atol=1e-6
    )


def test_the_semantic_distance_is_the_upper_edge_of_the_first_fullest_bin():
    distances = np.array([[0.0, 0.02, 1.0], [0.5, 0.52, 0.75]])
    assert semantic_distance(distances) == pytest.approx(0.05)


@pytest.mark.parametrize("count", [0, 6])
def test_there_are_no_more_classes_than_pieces(tree, count):
    with pytest.raises(ValueError, match=rf"n_classes must be 1 to 5, the number of pieces, got {count}"):
        tree.cut(count)
