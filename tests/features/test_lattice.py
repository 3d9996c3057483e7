import numpy as np
import pytest

from napari_vitrail.features._lattice import Lattice, query_lattice, strided_lattice, tiles
from napari_vitrail.spec import FeatureSpec

PATCHES = [(14, 4), (14, 7), (14, 14), (8, 4), (8, 1), (16, 5), (7, 3)]
SIDES = [1, 2, 5, 13, 14, 15, 30, 57, 100]


@pytest.mark.parametrize(("patch_size", "stride"), PATCHES)
@pytest.mark.parametrize("side", SIDES)
def test_queries_are_centred_in_the_image_and_reach_its_borders(side, patch_size, stride):
    lattice = query_lattice((side, 40), patch_size, stride)
    centres = lattice.corners(0) + (patch_size - 1) / 2
    assert centres.min() >= -0.5
    assert centres.max() <= side - 0.5
    if side > stride:
        assert centres.min() < stride - 0.5
        assert centres.max() > side - 0.5 - stride


@pytest.mark.parametrize(("patch_size", "stride"), PATCHES)
@pytest.mark.parametrize("side", [14, 15, 30, 57, 100])
def test_queries_have_the_patch_grids_phase(side, patch_size, stride):
    corners = query_lattice((side, side), patch_size, stride).corners(0)
    assert (corners % stride == 0).all()
    if patch_size % stride == 0:
        on_the_patch_grid = range(0, side - patch_size + 1, patch_size)
        assert set(on_the_patch_grid) <= set(corners.tolist())


@pytest.mark.parametrize(("patch_size", "stride"), PATCHES)
@pytest.mark.parametrize("side", SIDES)
def test_no_query_leaves_a_margin_of_one_patch(side, patch_size, stride):
    corners = query_lattice((side, side), patch_size, stride).corners(1)
    assert corners.min() >= -patch_size
    assert corners.max() + patch_size <= side + patch_size


@pytest.mark.parametrize("side", [1, 2, 3])
def test_a_tiny_image_is_asked_once_round_its_middle(side):
    lattice = query_lattice((side, side), 16, 16)
    assert lattice.shape == (1, 1)
    assert np.abs(lattice.grid.centres() - (side - 1) / 2).max() <= 0.5


def test_grid_is_at_the_centres_of_the_patches():
    grid = Lattice((2, 3), (-4, 8), 8, 4).grid
    assert grid.centres()[[0, -1]].tolist() == [[-0.5, 11.5], [3.5, 19.5]]


@pytest.mark.parametrize(("patch_size", "stride"), PATCHES)
@pytest.mark.parametrize("side", SIDES)
def test_padding_covers_every_pixel_with_the_fewest_patches(side, patch_size, stride):
    corners = strided_lattice(
        (side, side), patch_size, FeatureSpec(sampling="strided", stride=stride)
    ).corners(0)
    assert corners[0] == 0
    assert corners[-1] + patch_size >= side
    assert len(corners) == 1 or corners[-2] + patch_size < side


@pytest.mark.parametrize(("patch_size", "stride"), PATCHES)
@pytest.mark.parametrize("side", [14, 15, 30, 57, 100])
def test_cropping_keeps_to_the_middle(side, patch_size, stride):
    spec = FeatureSpec(sampling="strided", stride=stride, fit="crop")
    if side < patch_size:
        return
    corners = strided_lattice((side, side), patch_size, spec).corners(0)
    kept = side - side % patch_size
    assert corners[0] == (side % patch_size) // 2
    assert corners[-1] + patch_size <= corners[0] + kept
    assert len(corners) == 1 + (kept - patch_size) // stride


@pytest.mark.parametrize("sampling", ["queries", "strided"])
@pytest.mark.parametrize("halo", [0, 1, 20, 32])
@pytest.mark.parametrize("shape", [(3, 5), (60, 81), (200, 90)])
@pytest.mark.parametrize(("patch_size", "stride"), [(14, 4), (8, 8), (16, 16)])
def test_tiles_cover_the_lattice(sampling, halo, shape, patch_size, stride):
    spec = FeatureSpec(sampling=sampling, stride=stride, tile=64, halo=halo)
    if sampling == "queries":
        lattice = query_lattice(shape, patch_size, stride)
    else:
        lattice = strided_lattice(shape, patch_size, spec)
    total = np.zeros(lattice.shape)
    for tile in tiles(lattice, shape, spec):
        assert all(
            0 <= side.start < side.stop <= length for side, length in zip(tile.window, shape, strict=True)
        )
        assert tile.weights.shape == total[tile.cells].shape
        assert (tile.weights >= 0).all()
        total[tile.cells] += tile.weights
    assert (total > 0).all()


def test_a_tile_answers_for_queries_centred_in_it():
    spec = FeatureSpec(stride=4, tile=64, halo=10)
    lattice = query_lattice((200, 64), 8, 4)
    for tile in tiles(lattice, (200, 64), spec):
        centres = lattice.corners(0)[tile.cells[0]] + 3.5
        assert centres.min() >= tile.window[0].start - 0.5
        assert centres.max() <= tile.window[0].stop - 0.5


def test_an_image_of_one_tile_is_seen_whole():
    [tile] = tiles(query_lattice((70, 70), 8, 4), (70, 70), FeatureSpec(tile=64, halo=10))
    assert tile.window == (slice(0, 70), slice(0, 70))
    assert (tile.weights == 1).all()
