from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_vitrail.tiling import SINGLE_TILE, blend_weights, overlapping, reflected, split


@pytest.mark.parametrize("shape", [(1, 1), (10, 10), (23, 7), (20, 31)], ids=str)
@pytest.mark.parametrize("halo", [0, 3, 50])
def test_inner_parts_cover_the_image_exactly_once(shape, halo):
    times = np.zeros(shape, int)
    for tile in split(shape, 10, halo):
        times[tile.inner] += 1
    assert (times == 1).all()


@pytest.mark.parametrize("halo", [0, 3, 50])
def test_local_finds_the_inner_part_in_the_outer(halo):
    image = np.arange(23 * 17).reshape(23, 17)
    for tile in split(image.shape, 10, halo):
        np.testing.assert_array_equal(image[tile.outer][tile.local], image[tile.inner])


def test_the_halo_is_cut_at_the_border_only():
    first, *_, last = split((30, 30), 10, 4)
    assert first.outer == (slice(0, 14), slice(0, 14))
    assert last.outer == (slice(16, 30), slice(16, 30))
    assert split((30, 30), 10, 4)[4].outer == (slice(6, 24), slice(6, 24))


@given(st.integers(1, 400), st.integers(2, 90), st.data())
def test_windows_cover_a_side_and_overlap_enough(side, size, data):
    overlap = data.draw(st.integers(0, size - 1))
    windows = overlapping(side, size, overlap)
    assert (windows[0].start, windows[-1].stop) == (0, side)
    if len(windows) > 1:
        assert {window.stop - window.start for window in windows} == {size}
    for before, after in pairwise(windows):
        assert before.start < after.start <= before.stop - overlap


@given(st.integers(20, 400), st.integers(2, 9), st.integers(2, 12), st.data())
def test_windows_start_on_one_patch_grid_and_still_overlap_enough(side, n_patches, patch, data):
    size = n_patches * patch
    overlap = data.draw(st.integers(0, size - patch))
    windows = overlapping(side, size, overlap, step=patch)
    assert (windows[0].start, windows[-1].stop) == (0, side)
    assert all(window.start % patch == 0 for window in windows)
    if len(windows) > 1:
        assert all(size - patch < window.stop - window.start <= size for window in windows)
    for before, after in pairwise(windows):
        assert before.start < after.start <= before.stop - overlap


def test_a_side_slightly_longer_than_a_tile_is_seen_whole():
    assert overlapping(int(SINGLE_TILE * 100), 100, 10) == [slice(0, 125)]
    assert len(overlapping(int(SINGLE_TILE * 100) + 1, 100, 10)) == 2


@given(st.integers(60, 300), st.integers(0, 20), st.sampled_from([0.0, 0.25, 0.5]))
def test_weights_sum_to_1_where_at_most_two_windows_overlap(side, overlap, phase):
    windows = overlapping(side, 48, overlap)
    positions = np.arange(side) + phase
    covering = sum((positions >= w.start - 0.5) & (positions < w.stop - 0.5) for w in windows)
    total = sum(blend_weights(window, windows, positions) for window in windows)
    np.testing.assert_allclose(total[covering <= 2], 1, atol=1e-6)
    assert (total > 0).all()


def test_weights_rise_and_fall_over_the_overlap_by_hand():
    windows = [slice(0, 6), slice(2, 8)]
    left, right = (blend_weights(window, windows, np.arange(8.0)) for window in windows)
    assert right.tolist() == [0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1]
    assert left.tolist() == [1, 1, 0.875, 0.625, 0.375, 0.125, 0, 0]


def test_one_window_has_all_the_weight_even_beyond_its_ends():
    assert blend_weights(slice(0, 5), [slice(0, 5)], np.array([-3.0, 2.0, 9.0])).tolist() == [1, 1, 1]


@pytest.mark.parametrize("phase", [0.0, 0.5])
def test_windows_that_only_touch_share_nothing(phase):
    windows = [slice(0, 4), slice(4, 8)]
    positions = np.arange(8) - phase
    left, right = (blend_weights(window, windows, positions) for window in windows)
    np.testing.assert_array_equal(left + right, 1)
    assert set(left) == set(right) == {0, 1}


@pytest.mark.parametrize("side", [1, 2, 3, 7])
@pytest.mark.parametrize(("before", "after"), [(0, 0), (1, 0), (0, 2), (6, 5), (20, 31)])
def test_reflected_is_numpys_padding(side, before, after):
    padded = np.pad(np.arange(side), (before, after), mode="reflect")
    np.testing.assert_array_equal(reflected(-before, side + after, side), padded)


def test_a_reflected_window_may_lie_outside():
    assert reflected(5, 8, 4).tolist() == [1, 0, 1]  # 0 1 2 3 2 [1 0 1]
