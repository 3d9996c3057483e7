"""Log-binning, restated cell by cell: Amir et al. (2021), section 3.3, and their released code."""

import numpy as np
import pytest

from napari_vitrail.features import log_bins


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


@pytest.mark.parametrize("shape", [(7, 11), (2, 3), (1, 1)], ids=str)
@pytest.mark.parametrize("hierarchy", [1, 2, 3])
def test_bins_are_those_of_the_loop(shape, hierarchy):
    values = np.random.default_rng(0).random((*shape, 4)).astype(np.float32)
    found = log_bins(values, hierarchy)
    assert found.shape == (*shape, 4 * (1 + 8 * hierarchy))
    np.testing.assert_allclose(found, binned(values, hierarchy), rtol=1e-5)


def test_half_precision_is_that_of_the_result():
    values = np.random.default_rng(0).random((5, 6, 4)).astype(np.float32)
    halves = log_bins(values, 2, dtype=np.float16)
    assert halves.dtype == np.float16
    np.testing.assert_allclose(halves, log_bins(values, 2), atol=1e-3)


def test_no_ring_is_refused():
    with pytest.raises(ValueError, match="hierarchy must be at least 1, got 0"):
        log_bins(np.zeros((3, 3, 2), np.float32), 0)
