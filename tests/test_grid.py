import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_vitrail.grid import FeatureGrid, Grid

SQUARE = FeatureGrid(np.array([[[0.0], [1.0]], [[2.0], [3.0]]], np.float32), Grid((2, 2), (1, 1), (2, 2)))


@pytest.fixture
def noise():
    """Return three features on a 5 x 4 grid of a 14/4 ViT."""
    grid = Grid.of_tokens((30, 28), patch_size=14, stride=4)
    return FeatureGrid(np.random.default_rng(0).random((*grid.shape, 3), np.float32), grid)


@pytest.mark.parametrize("side", [14, 15, 17, 18, 448, 518])
@pytest.mark.parametrize(("patch_size", "stride"), [(14, 4), (14, 7), (14, 14), (8, 4), (8, 1)])
def test_there_is_a_token_for_every_patch_that_fits(side, patch_size, stride):
    corners = range(0, side - patch_size + 1, stride)
    assert Grid.of_tokens((side, 518), patch_size, stride).shape[0] == len(corners)


@pytest.mark.parametrize(("patch_size", "stride"), [(14, 4), (14, 7), (8, 4), (16, 5), (3, 1)])
def test_a_token_sits_at_the_mean_of_its_pixels(patch_size, stride):
    centres = Grid.of_tokens((40, 40), patch_size, stride).centres()
    rows, columns = np.indices((patch_size, patch_size))
    assert tuple(centres[0]) == (rows.mean(), columns.mean())
    assert tuple(centres[1]) == (rows.mean(), columns.mean() + stride)


def test_centres_are_in_raster_order():
    centres = Grid((2, 3), (10, 20), (1, 5)).centres()
    assert centres.tolist() == [[10, 20], [10, 25], [10, 30], [11, 20], [11, 25], [11, 30]]


@given(st.floats(-9, 9), st.floats(0.1, 9), st.floats(-50, 50))
def test_to_cells_undoes_to_pixels(origin, spacing, cell):
    grid = Grid((4, 4), (origin, -origin), (spacing, 2 * spacing))
    there_and_back = grid.to_cells(grid.to_pixels([[cell, -cell]]))
    np.testing.assert_allclose(there_and_back, [[cell, -cell]], atol=1e-9)


def test_stretching_displaces_the_border_tokens_by_five_pixels():
    true = Grid.of_tokens((518, 518), patch_size=14, stride=4)
    stretched = Grid.stretched(true.shape, (518, 518))
    errors = (stretched.centres() - true.centres())[:: true.shape[1] + 1, 0]  # along the diagonal
    np.testing.assert_allclose(errors[[0, 63, 126]], [-5, 0, 5], atol=0.05)


def test_stretched_cells_share_the_image_equally():
    grid = Grid.stretched((2, 4), (6, 4))
    assert grid.centres()[:2].tolist() == [[1, 0], [1, 1]]  # rows 0 1 2 | 3 4 5, one column each


def test_enlarged_grid_comes_back_to_the_same_place():
    enlarged = Grid.of_pixels((20, 60))  # pixels of an image that was 10 x 20
    back = enlarged.magnified((2, 3))
    assert back.centres()[0].tolist() == pytest.approx([-0.25, -1 / 3])  # the first half, the first third
    assert back.centres().mean(axis=0).tolist() == Grid.of_pixels((10, 20)).centres().mean(axis=0).tolist()


def test_values_must_fit_their_grid():
    with pytest.raises(ValueError, match=r"\(2, 3\), got \(3, 2, 1\)"):
        FeatureGrid(np.zeros((3, 2, 1)), Grid((2, 3)))


def test_features_at_the_centres_are_the_values(noise):
    at_centres = noise.at(noise.grid.centres()).reshape(noise.values.shape)
    np.testing.assert_array_equal(at_centres, noise.values)


@pytest.mark.parametrize(
    ("pixel", "value"),
    [((1, 2), 0.5), ((2, 1), 1.0), ((2, 2), 1.5), ((1.5, 1), 0.5), ((-9, -9), 0.0), ((99, 1), 2.0)],
)
def test_features_between_centres_are_interpolated_and_replicated_outside(pixel, value):
    assert SQUARE.at([pixel]) == pytest.approx(value)


@pytest.mark.parametrize(
    ("pixel", "value"), [((1.9, 1), 0), ((2, 1), 2), ((2.1, 1), 2), ((1, 9), 1), ((-9, 9), 1)]
)
def test_nearest_takes_one_cell_and_the_later_of_two(pixel, value):
    assert SQUARE.at([pixel], interpolation="nearest") == value


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_on_pixels_is_at_every_pixel(noise, interpolation):
    pixels = Grid.of_pixels((30, 28))
    dense = noise.on(pixels, interpolation=interpolation)
    each = noise.at(pixels.centres(), interpolation=interpolation).reshape(dense.values.shape)
    np.testing.assert_allclose(dense.values, each, atol=1e-6)


def test_window_of_pixels_is_part_of_all_pixels(noise):
    window = noise.on(Grid((7, 5), (11.0, 3.0)))
    np.testing.assert_array_equal(window.values, noise.on(Grid.of_pixels((30, 28))).values[11:18, 3:8])


@pytest.mark.parametrize(("patch_size", "stride"), [(14, 4), (14, 7), (8, 4), (16, 5)])
def test_a_ramp_is_a_ramp_between_the_outermost_centres(patch_size, stride):
    grid = Grid.of_tokens((50, 61), patch_size, stride)
    ramp = FeatureGrid(grid.centres().reshape(*grid.shape, 2).astype(np.float32), grid)
    dense = ramp.on(Grid.of_pixels((50, 61))).values
    inside = (slice(patch_size // 2, 50 - patch_size), slice(patch_size // 2, 61 - patch_size))
    np.testing.assert_allclose(dense[inside], np.moveaxis(np.indices((50, 61)), 0, 2)[inside], atol=1e-4)


@pytest.mark.parametrize("size", [(50, 61), (48, 64), (33, 47)])
@pytest.mark.parametrize(("patch_size", "stride"), [(14, 4), (14, 7), (8, 4), (16, 5)])
def test_an_impulse_token_is_centred_on_its_patch(size, patch_size, stride):
    grid = Grid.of_tokens(size, patch_size, stride)
    row, column = grid.shape[0] // 2, grid.shape[1] // 2
    impulse = np.zeros((*grid.shape, 1), np.float32)
    impulse[row, column] = 1
    for interpolation in ("bilinear", "nearest"):
        dense = (
            FeatureGrid(impulse, grid).on(Grid.of_pixels(size), interpolation=interpolation).values[..., 0]
        )
        centroid = (np.indices(size) * dense).sum(axis=(1, 2)) / dense.sum()
        assert np.abs(centroid - grid.to_pixels([row, column])).max() <= 0.5


def test_resampling_on_the_own_grid_changes_nothing(noise):
    assert noise.on(noise.grid) is noise


def test_one_row_is_constant_along_its_columns():
    features = FeatureGrid(np.arange(3, dtype=np.float32).reshape(1, 3, 1), Grid((1, 3), (6.5, 6.5), (7, 7)))
    dense = features.on(Grid.of_pixels((14, 28))).values
    assert (dense == dense[:1]).all()


def test_half_precision_values_are_read_as_float32():
    half = FeatureGrid(SQUARE.values.astype(np.float16), SQUARE.grid)
    assert half.at([(2, 2)]).dtype == half.on(Grid.of_pixels((3, 3))).values.dtype == np.float32


def test_no_position_gives_no_row(noise):
    assert noise.at(np.empty((0, 2))).shape == (0, 3)


def test_concat_moves_the_channels_of_the_second():
    first = FeatureGrid(np.zeros((1, 1, 2)), Grid((1, 1)), {"vit": slice(0, 2)})
    second = FeatureGrid(np.ones((1, 1, 3)), Grid((1, 1)), {"classical": slice(0, 3)})
    both = first.concat(second)
    assert both.channels == {"vit": slice(0, 2), "classical": slice(2, 5)}
    assert both.values.ravel().tolist() == [0, 0, 1, 1, 1]
    assert both.width == 5


def test_concat_refuses_another_grid():
    with pytest.raises(ValueError, match="different grids"):
        SQUARE.concat(FeatureGrid(SQUARE.values, Grid((2, 2))))


@pytest.mark.parametrize("read", [SQUARE.at, SQUARE.grid.read_at])
def test_unknown_interpolation_is_named(read):
    with pytest.raises(ValueError, match="interpolation must be 'bilinear' or 'nearest', got 'cubic'"):
        read([(0, 0)], interpolation="cubic")


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_only_the_cells_that_are_read_matter(noise, interpolation):
    pixels = np.random.default_rng(1).uniform(-5, 40, (4, 2))
    read = noise.grid.read_at(pixels, interpolation)
    others_lost = FeatureGrid(np.where(read[..., None], noise.values, np.nan), noise.grid)
    assert not read.all()
    np.testing.assert_array_equal(
        others_lost.at(pixels, interpolation=interpolation), noise.at(pixels, interpolation=interpolation)
    )
