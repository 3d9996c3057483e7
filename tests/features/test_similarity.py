"""Cosine similarity of one place to all places."""

from __future__ import annotations

import numpy as np
import pytest

from napari_vitrail import DescriptorGrid, FeatureGrid, Grid
from napari_vitrail.features import product, unit_rows

CELLS = Grid((2, 3), origin=(3.5, 3.5), spacing=(8.0, 8.0))


@pytest.fixture
def descriptors():
    values = np.zeros((2, 3, 2), np.float32)
    values[0, :, 0] = [1, 5, -2]
    values[1, 0] = 1, 1
    return DescriptorGrid.of(FeatureGrid(values, CELLS))


def test_similarity_is_the_cosine_of_the_angle(descriptors):
    expected = [[1, 1, -1], [np.sqrt(0.5), 0, 0]]
    np.testing.assert_allclose(descriptors.similarity_at((3.5, 3.5)), expected, rtol=1e-6)


def test_a_zero_vector_is_like_nothing(descriptors):
    assert not descriptors.similarity_at((11, 11)).any()


@pytest.mark.parametrize(
    ("pixel", "cell"), [((3, 3), (0, 0)), ((7, 8), (0, 1)), ((8, 7), (1, 0)), ((-50, 99), (0, 2))]
)
def test_the_nearest_cell_is_asked(pixel, cell, descriptors):
    assert descriptors.cell_at(pixel) == cell


def test_similarity_reaches_other_images(descriptors):
    other = DescriptorGrid.of(FeatureGrid(np.full((1, 1, 2), 7.0, np.float16), Grid((1, 1))))
    assert other.values.dtype == np.float32
    np.testing.assert_allclose(descriptors.similarity(other.at((0, 0)))[1, 0], 1, rtol=1e-6)


def test_descriptors_of_other_features_do_not_compare(descriptors):
    with pytest.raises(ValueError, match="must have 2 values"):
        descriptors.similarity(np.ones(3, np.float32))


def test_unit_rows_have_length_one_or_none():
    lengths = np.linalg.norm(unit_rows(np.array([[3, 4], [0, 0]])), axis=1)
    np.testing.assert_array_equal(lengths, [1, 0])


def test_a_product_is_numpys_also_of_what_lies_transposed():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(3, 4, 5)), rng.normal(size=(3, 6, 5)).astype(np.float32)
    found = product(first, second.transpose(0, 2, 1))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, first @ second.transpose(0, 2, 1), rtol=1e-5)
