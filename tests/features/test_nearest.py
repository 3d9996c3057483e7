"""Nearest neighbours both ways, block by block."""

import numpy as np
import pytest

from napari_vitrail.features import nearest_both_ways, unit_rows


@pytest.fixture
def rows():
    """Return two sets of descriptors of length 1."""
    rng = np.random.default_rng(0)
    return unit_rows(rng.normal(size=(57, 8))), unit_rows(rng.normal(size=(43, 8)))


@pytest.mark.parametrize("block", [1, 100, 1000, 10**6])
def test_blocks_of_any_size_give_what_all_at_once_give(rows, block, monkeypatch):
    monkeypatch.setattr("napari_vitrail.features._similarity.BLOCK_VALUES", block)
    found = nearest_both_ways(*rows)
    similarity = rows[0] @ rows[1].T
    np.testing.assert_array_equal(found.chosen0, similarity.argmax(axis=1))
    np.testing.assert_array_equal(found.chosen1, similarity.argmax(axis=0))
    np.testing.assert_allclose(found.similarity, similarity.max(axis=1), rtol=1e-6)


def test_buddies_choose_each_other(rows):
    found = nearest_both_ways(*rows)
    assert 0 < len(found.buddies) < 43
    for row in found.buddies:
        assert found.chosen1[found.chosen0[row]] == row


def test_the_first_of_equals_is_chosen(monkeypatch):
    monkeypatch.setattr("napari_vitrail.features._similarity.BLOCK_VALUES", 3)
    same = np.ones((4, 2), np.float32)
    found = nearest_both_ways(same, same[:3])
    np.testing.assert_array_equal(found.chosen0, 0)
    np.testing.assert_array_equal(found.chosen1, 0)
    np.testing.assert_array_equal(found.buddies, [0])


def test_half_precision_is_taken(rows):
    halves = nearest_both_ways(*(values.astype(np.float16) for values in rows))
    np.testing.assert_allclose(halves.similarity, nearest_both_ways(*rows).similarity, atol=2e-3)
