"""Log-binning, restated cell by cell: Amir et al. (2021), section 3.3, and their released code."""

import numpy as np
import pytest

from napari_vitrail import FeatureGrid, Grid
from napari_vitrail.features import BinnedGrid, nearest_both_ways, nearest_cells


def binned(values, hierarchy):
    """Return the descriptors with their bins as lists, one cell after the other."""
    rows, columns, _ = values.shape

    def mean_round(row, column, reach):
        cells = [
            values[y, x]
            for y in range(row - reach // 2, row + reach // 2 + 1)
            for x in range(column - reach // 2, column + reach // 2 + 1)
            if 0 <= y < rows and 0 <= x < columns
        ]
        return sum(cells) / len(cells)

    def of_cell(row, column):
        parts = []
        for ring in range(hierarchy):
            reach = 3**ring
            for down in (-1, 0, 1):
                for right in (-1, 0, 1):
                    if ring > 0 and down == right == 0:
                        continue
                    y = min(max(row + down * reach, 0), rows - 1)
                    x = min(max(column + right * reach, 0), columns - 1)
                    parts.extend(mean_round(y, x, reach))
        return parts

    return np.array([[of_cell(row, column) for column in range(columns)] for row in range(rows)])


def grid_of(shape, seed=0):
    """Return features of a grid."""
    values = np.random.default_rng(seed).normal(size=(*shape, 4)).astype(np.float32)
    return FeatureGrid(values, Grid(shape))


def written_out(features, hierarchy):
    """Return the binned descriptors (h * w, D) of length 1, by the loop."""
    rows = binned(features.values, hierarchy).reshape(features.grid.shape[0] * features.grid.shape[1], -1)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("shape", [(7, 11), (2, 3), (1, 1)], ids=str)
@pytest.mark.parametrize("hierarchy", [1, 2, 3])
def test_bins_are_those_of_the_loop(shape, hierarchy):
    features = grid_of(shape)
    found = BinnedGrid.of(features, hierarchy)
    cells = np.indices(shape).reshape(2, -1).T
    assert found.width == 4 * (1 + 8 * hierarchy)
    np.testing.assert_allclose(found.rows(cells), written_out(features, hierarchy), atol=1e-6)


@pytest.mark.parametrize("shapes", [((7, 11), (9, 5)), ((12, 4), (2, 3)), ((1, 1), (3, 1))], ids=str)
@pytest.mark.parametrize("hierarchy", [1, 2, 3])
def test_what_is_never_written_out_compares_alike(shapes, hierarchy):
    features = [grid_of(shape, seed) for seed, shape in enumerate(shapes)]
    first, second = (BinnedGrid.of(own, hierarchy) for own in features)
    rows, others = (written_out(own, hierarchy) for own in features)
    found = second.similarities(rows.astype(np.float32))
    np.testing.assert_allclose(found, rows @ others.T, atol=1e-6)
    here = first.grid.shape[0] - 1, 0
    np.testing.assert_allclose(
        second.similarity(first.at(here)).ravel(), found[here[0] * shapes[0][1]], atol=1e-6
    )


@pytest.mark.parametrize("block", [1, 500, 2500, 10**6])
@pytest.mark.parametrize("hierarchy", [1, 2, 3])
def test_blocks_of_any_size_are_all_products(block, hierarchy, monkeypatch):
    monkeypatch.setattr("napari_vitrail.features._binning.BLOCK_VALUES", block)
    features = grid_of((12, 11)), grid_of((8, 5), 1)
    first, second = (BinnedGrid.of(own, hierarchy) for own in features)
    expected = written_out(features[0], hierarchy) @ written_out(features[1], hierarchy).T
    cells, products = zip(*first.blocks(second), strict=True)
    assert all(part.numel() <= max(block, 40) for part in products)
    assert sorted(np.concatenate(cells)) == list(range(132))
    np.testing.assert_allclose(np.concatenate(products), expected[np.concatenate(cells)], atol=1e-6)


def test_best_buddies_of_bins_are_those_of_the_rows():
    features = grid_of((12, 11)), grid_of((8, 5), 1)
    found = nearest_cells(*(BinnedGrid.of(own, 2) for own in features))
    expected = nearest_both_ways(*(written_out(own, 2) for own in features))
    np.testing.assert_array_equal(found.buddies, expected.buddies)
    np.testing.assert_array_equal(found.chosen1, expected.chosen1)


def test_where_there_is_nothing_nothing_is_alike():
    nothing = BinnedGrid.of(FeatureGrid(np.zeros((4, 5, 3), np.float32), Grid((4, 5))), 2)
    assert not nothing.similarity_at((2, 2)).any()


def test_no_ring_is_refused():
    with pytest.raises(ValueError, match="hierarchy must be at least 1, got 0"):
        BinnedGrid.of(grid_of((3, 3)), 0)
