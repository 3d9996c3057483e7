"""Objects by the consensus of normalised cuts."""

import warnings

import numpy as np
import pytest

from napari_vitrail import NormalisedCuts, ObjectsSpec, VitrailWarning, find_objects_seen
from napari_vitrail.objects._cuts import cut_vectors
from tests.objects.conftest import scene

SPEC = ObjectsSpec(how=NormalisedCuts(n_pieces=3))


def pixels(cells):
    return np.kron(cells, np.ones((8, 8), bool))


def test_what_is_looked_at_is_found_and_what_it_lies_on_is_not(meadow, seen_meadow):
    cut = find_objects_seen(seen_meadow, SPEC).cut()
    np.testing.assert_array_equal(cut.mask, pixels(meadow >= 2))


def test_the_finest_cut_tells_all_kinds_apart(meadow, seen_meadow):
    found = find_objects_seen(seen_meadow, SPEC)
    labels = found.labels(n_classes=found.tree.n_pieces)
    for kind in range(4):
        own = set(labels[pixels(meadow == kind)].tolist())
        assert not own & set(labels[pixels(meadow != kind)].tolist())


def test_coarser_cuts_keep_the_objects_until_there_are_two_classes(seen_meadow):
    found = find_objects_seen(seen_meadow, SPEC)
    finest = found.cut(n_classes=found.tree.n_pieces)
    for count in range(2, found.tree.n_pieces):
        np.testing.assert_array_equal(found.cut(n_classes=count).mask, finest.mask)
    assert not found.cut(n_classes=1).mask.any()


def test_more_cells_than_the_graph_has_are_scored_by_the_plane(meadow, seen_meadow):
    coarse = ObjectsSpec(how=NormalisedCuts(n_pieces=3, n_cells=70))
    np.testing.assert_array_equal(find_objects_seen(seen_meadow, coarse).cut().mask, pixels(meadow >= 2))


def test_the_same_seed_finds_the_same(seen_meadow):
    first, second = (find_objects_seen(seen_meadow, SPEC, random_state=3) for _ in range(2))
    np.testing.assert_array_equal(first.pieces.labels, second.pieces.labels)
    np.testing.assert_array_equal(first.tree.linkage, second.tree.linkage)


def test_where_all_is_looked_at_alike_nothing_is_an_object(meadow):
    with pytest.warns(VitrailWarning, match="at no part of the image more than at another"):
        cut = find_objects_seen(scene(meadow, [1, 1, 1, 1]), SPEC).cut()
    assert not cut.mask.any()
    assert cut.n_classes == 1
    assert len(cut.boxes) == 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (2, 2), (1, 40)])
def test_few_cells_are_no_error(shape):
    kinds = np.arange(np.prod(shape)).reshape(shape) % 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VitrailWarning)  # they may not be told apart
        cut = find_objects_seen(scene(kinds, [0.5, 2.0], noise=0.01), SPEC).cut()
    assert cut.labels.shape == (8 * shape[0], 8 * shape[1])


def test_the_vectors_solve_the_normalised_cut():
    rng = np.random.default_rng(0)
    edges = rng.uniform(0, 1, (12, 12))
    edges = edges + edges.T
    degrees = np.diag(edges.sum(axis=1))
    vectors = cut_vectors(edges, 3)
    values = []
    for vector in vectors.T:
        left, right = (degrees - edges) @ vector, degrees @ vector
        values.append(left @ right / (right @ right))
        np.testing.assert_allclose(left, values[-1] * right, atol=1e-9)
    assert values == sorted(values)
    np.testing.assert_allclose(vectors.T @ degrees @ np.ones(12), 0, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("counts", (1, 3)), ("counts", ()), ("n_vectors", 0), ("n_cells", 3), ("contrast", 0.0)],
)
def test_cuts_out_of_range_are_refused(name, wrong):
    with pytest.raises(ValueError, match=f"{name} must be"):
        NormalisedCuts(**{name: wrong})


def test_of_dense_queries_those_of_the_patch_grid_make_the_graph(monkeypatch):
    seen = scene(np.zeros((9, 13), int), [1.0])
    taken = []

    def votes(self, rows, looked, random_state):
        taken.extend(rows)
        return np.zeros(len(rows))

    monkeypatch.setattr(NormalisedCuts, "_votes", votes)
    with pytest.warns(VitrailWarning):
        find_objects_seen(seen, ObjectsSpec(how=NormalisedCuts(n_cells=30)))
    expected = seen.descriptors[1::2, 1::2].astype(np.float32).reshape(-1, 12)
    np.testing.assert_array_equal(np.array(taken), expected)
