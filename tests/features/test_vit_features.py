"""Where features land, with a backbone that can be worked out by hand and with tiny real ones."""

import copy
from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_vitrail.backbones import QUERY_CHUNK, ViTBackbone
from napari_vitrail.errors import ComputeError
from napari_vitrail.features import attention_maps, extract_features, features_at, vit_features_steps
from napari_vitrail.grid import Grid
from napari_vitrail.progress import drain
from napari_vitrail.spec import SEGMENTATION, FeatureSpec

VIT = FeatureSpec(features="vit", backbone="tiny", stride=4)
STRIDED = replace(VIT, sampling="strided")
WAYS = {
    "queries": VIT,
    "nearest": replace(VIT, interpolation="nearest"),
    "strided": STRIDED,
    "crop": replace(STRIDED, fit="crop"),
    "stretch": replace(STRIDED, placement="stretch"),
    "shifts": replace(VIT, shifts="neumann", shift_distance=1),
    "flips": replace(VIT, flips="group"),
    "larger": replace(VIT, magnification=2.0),
    "attention": replace(VIT, attention=True),
    "early": replace(VIT, layer=0, facet="key"),
    "tiles": replace(VIT, tile=64, halo=16, magnification=4.0),
}


def dense(image, spec, backbone):
    """Return features on every pixel."""
    features = drain(vit_features_steps(image, spec, backbone))
    return features.on(Grid.of_pixels(image.shape[:2]), interpolation=spec.interpolation).values


def coordinates(shape):
    """Return an image whose colour says where a pixel is: row, column and nothing."""
    rows, columns = np.indices(shape)
    return np.stack([rows / shape[0], columns / shape[1], 0 * rows], axis=2).astype(np.float32)


@pytest.fixture(scope="module")
def picture():
    """Return 30 x 37 pixels of noise."""
    return np.random.default_rng(0).integers(0, 256, (30, 37), np.uint8)


# ---------------------------------------------------------------- everything is where it belongs


@pytest.mark.parametrize("sampling", ["queries", "strided"])
@pytest.mark.parametrize("shape", [(56, 56), (50, 61), (47, 45)], ids=str)
@pytest.mark.parametrize(("patch_size", "stride"), [(14, 4), (14, 7), (8, 4), (16, 5)])
def test_a_bright_dot_lands_on_its_own_pixel(patch_size, stride, shape, sampling, toy):
    """The dot is as large as the patch's middle, and lies at the middle of a patch."""
    corner = np.array([2 * stride, 3 * stride])
    centre = corner + (patch_size - 1) / 2
    image = np.zeros((*shape, 3), np.float32)
    image[tuple(slice(int(np.floor(c)), int(np.ceil(c)) + 1) for c in centre)] = 1
    spec = FeatureSpec(features="vit", stride=stride, sampling=sampling)
    bright = dense(image, spec, toy(patch_size))[..., 0]
    centroid = (np.indices(shape) * bright).sum(axis=(1, 2)) / bright.sum()
    assert np.abs(centroid - centre).max() <= 0.5
    assert np.abs(np.argwhere(bright == bright.max()) - centre).max(axis=1).min() <= 0.5


@pytest.mark.parametrize(
    "spec",
    [
        VIT,
        STRIDED,
        replace(VIT, stride=7),
        replace(VIT, stride=5, tile=64, halo=20),
        replace(STRIDED, stride=5, tile=64, halo=20),
        replace(VIT, tile=64, halo=0),
        replace(STRIDED, fit="crop"),
        replace(VIT, shifts="moore"),
        replace(STRIDED, shifts="neumann", flips="paper"),
        replace(VIT, flips="group"),
        replace(VIT, magnification=2.0),
        replace(VIT, magnification=0.5, stride=2),
        replace(VIT, magnification=1.7, stride=3),
    ],
    ids=lambda spec: (
        ",".join(f"{k}={v}" for k, v in spec.to_dict().items() if v != VIT.to_dict()[k]) or "plain"
    ),
)
@pytest.mark.parametrize("patch_size", [8, 7])
def test_every_pixel_finds_its_own_coordinates(spec, patch_size, toy):
    """However features are made, inside the image they are read where they belong.

    Enlarging is bicubic, which itself moves a ramp by up to 0.05 pixels.
    """
    image = coordinates((90, 101))
    inside = (slice(20, -20), slice(20, -20))
    found = dense(image, spec, toy(patch_size))
    np.testing.assert_allclose(found[inside] * [90, 101, 1], image[inside] * [90, 101, 1], atol=0.06)


def test_stretching_moves_the_border_outwards(toy):
    """Patch 8 at stride 4: by 2 pixels less what the first cell already is away from the border."""
    image = coordinates((64, 64))
    rows = 64 * dense(image, replace(STRIDED, placement="stretch"), toy(8))[:, 32, 0]
    said = Grid.stretched((15, 15), (64, 64)).centres()[::15, 0]
    expected = np.interp(np.arange(64), said, 3.5 + 4 * np.arange(15))
    np.testing.assert_allclose(rows, expected, atol=1e-3)


@pytest.mark.parametrize(
    ("sampling", "border"), [("queries", "reflect"), ("strided", "reflect"), ("strided", "wrap")]
)
@pytest.mark.parametrize("shifts", ["none", "neumann", "moore"])
@pytest.mark.parametrize("flips", ["none", "paper", "group"])
def test_an_equivariant_backbone_gives_the_exact_map(border, shifts, flips, sampling, toy):
    image = np.random.default_rng(0).random((9, 12, 3), np.float32)
    spec = replace(
        VIT, stride=1, border=border, shifts=shifts, shift_distance=3, flips=flips, sampling=sampling
    )
    np.testing.assert_allclose(dense(image, spec, toy(1)), image, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (1, 7)], ids=str)
def test_shifts_beyond_a_tiny_image_do_no_harm(shape, toy):
    image = np.random.default_rng(0).random((*shape, 3), np.float32)
    spec = replace(VIT, stride=1, shifts="moore", shift_distance=5, flips="group")
    np.testing.assert_allclose(dense(image, spec, toy(1)), image, atol=1e-6)


@pytest.mark.parametrize("magnification", [0.25, 0.5, 1.5, 2.0, 4.0])
def test_magnified_tokens_sit_closer_together(magnification, toy):
    image = coordinates((40, 60))
    grid = drain(vit_features_steps(image, replace(VIT, magnification=magnification), toy(8))).grid
    assert grid.spacing == pytest.approx((4 / magnification, 4 / magnification))
    centres = grid.centres()
    assert centres.min() >= -0.5
    assert (centres.max(axis=0) <= [39.5, 59.5]).all()


# ---------------------------------------------------------------- tiles


@pytest.mark.parametrize("sampling", ["queries", "strided"])
@pytest.mark.parametrize("halo", [0, 8, 32])
def test_tiles_leave_no_seam_in_what_is_local(sampling, halo, toy):
    image = np.random.default_rng(0).random((150, 97, 3), np.float32)
    spec = replace(VIT, sampling=sampling)
    whole = dense(image, replace(spec, tile=4096), toy(8))
    tiled = dense(image, replace(spec, tile=64, halo=halo), toy(8))
    np.testing.assert_allclose(tiled, whole, atol=1e-6)


def test_tiles_are_blended_without_a_jump(tiny_backbone):
    """Across the seam neighbours differ no more than elsewhere, though every tile sees another image."""
    rows, columns = np.indices((64, 200))
    image = (
        np.stack([np.sin(rows / 9), np.cos(columns / 11), np.sin((rows + columns) / 13)], axis=2) / 2 + 0.5
    )
    spec = replace(VIT, stride=1, layer=0, facet="token", tile=64, halo=32)
    features = drain(vit_features_steps(image.astype(np.float32), spec, tiny_backbone)).values
    steps = np.abs(np.diff(features, axis=1)).mean(axis=(0, 2))
    assert steps.max() < 4 * np.median(steps)


def steps_along(features):
    """Return how much neighbouring columns of tokens differ, for each pair of them."""
    return np.linalg.norm(np.diff(features.values, axis=1), axis=2).mean(axis=0)


@pytest.mark.slow
def test_real_weights_show_no_seam_where_tiles_are_blended(real_backbone):
    """Noise looks alike everywhere, so what differs between columns is where tiles meet.

    Untiled is no reference: far beyond its native size the network's features fade. Tiles that only
    touch differ at their seams by two and a half times the usual; overlapping ones by no more than it.
    """
    noise = gaussian_filter(np.random.default_rng(0).normal(size=(224, 672)), 3)
    rgb = np.repeat(((noise - noise.min()) / np.ptp(noise))[..., None], 3, axis=2).astype(np.float32)
    spec = replace(SEGMENTATION, stride=14, tile=224)
    ratios = {}
    for halo in (0, 112):
        steps = steps_along(drain(vit_features_steps(rgb, replace(spec, halo=halo), real_backbone)))
        ratios[halo] = steps[[15, 31]].max() / np.median(steps)  # columns 16 and 32 begin a tile
    assert ratios[0] > 2
    assert ratios[112] < 1.2


# ---------------------------------------------------------------- plain, strided, dense


def test_stride_of_a_patch_is_the_plain_pass(each_backbone):
    image = np.random.default_rng(0).random((40, 56, 3), np.float32)
    plain = each_backbone.tokens(image).patches
    for spec in (replace(VIT, stride=8), replace(STRIDED, stride=8)):
        features = drain(vit_features_steps(image, spec, each_backbone))
        assert features.grid == Grid.of_tokens((40, 56), 8, 8)
        np.testing.assert_allclose(features.values, plain, atol=1e-5 * np.abs(plain).max())


def test_strided_features_are_the_backbones_strided_tokens(tiny_backbone):
    image = np.random.default_rng(0).random((40, 48, 3), np.float32)
    features = drain(vit_features_steps(image, STRIDED, tiny_backbone))
    np.testing.assert_array_equal(features.values, tiny_backbone.tokens(image, stride=4).patches)
    assert features.grid == Grid.of_tokens((40, 48), 8, 4)


@pytest.mark.parametrize("batch", [2, 5, 64])
@pytest.mark.parametrize("changed", [{}, {"attention": True}, {"tile": 64, "halo": 16}], ids=str)
def test_copies_of_a_strided_average_may_pass_together(changed, batch, each_backbone):
    image = np.random.default_rng(0).random((72, 80, 3), np.float32)
    spec = replace(STRIDED, shifts="neumann", shift_distance=1, flips="turn", **changed)
    alone = dense(image, spec, each_backbone)
    together = dense(image, replace(spec, batch=batch), each_backbone)
    np.testing.assert_allclose(together, alone, atol=1e-5 * np.abs(alone).max())


def test_as_many_copies_pass_together_as_the_batch_says(tiny_backbone, monkeypatch):
    passes, batch_tokens = [], tiny_backbone.batch_tokens

    def noted(images, **options):
        passes.append(len(images))
        return batch_tokens(images, **options)

    monkeypatch.setattr(tiny_backbone, "batch_tokens", noted)
    spec = replace(STRIDED, shifts="moore", shift_distance=1, batch=4)
    dense(np.zeros((20, 20, 3), np.float32), spec, tiny_backbone)
    assert passes == [4, 4, 1]


def test_strided_and_dense_features_are_different_things(tiny_backbone):
    image = np.random.default_rng(0).random((40, 48, 3), np.float32)
    strided = dense(image, STRIDED, tiny_backbone)
    queries = dense(image, VIT, tiny_backbone)
    assert np.abs(strided - queries).max() > 0.1


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (3, 7), (7, 20), (20, 7)], ids=str)
@pytest.mark.parametrize("way", WAYS)
def test_images_smaller_than_a_patch_have_features(shape, way, tiny_backbone):
    image = np.random.default_rng(0).random((*shape, 3), np.float32)
    found = dense(image, WAYS[way], tiny_backbone)
    assert found.shape[:2] == shape
    assert np.isfinite(found).all()


@pytest.mark.parametrize("way", WAYS)
def test_features_at_some_pixels_are_those_of_all(way, picture, tiny_backbone):
    spec = WAYS[way]
    positions = np.array([(0, 0), (29, 36), (11, 17), (11, 17), (5, 30)])
    whole = extract_features(picture, spec, backbone=tiny_backbone)
    expected = whole.at(positions, interpolation=spec.interpolation)
    found = features_at(picture, positions, spec, backbone=tiny_backbone)
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("features", ["classical", "hybrid", "auto"])
def test_features_of_both_kinds_at_some_pixels_are_those_of_all(features, picture, tiny_backbone):
    spec = replace(VIT, features=features)
    positions = np.array([(0, 0), (29, 36), (11, 17)])
    expected = extract_features(picture, spec, backbone=tiny_backbone).at(positions)
    found = features_at(picture, positions, spec, backbone=tiny_backbone)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_cells_are_computed_where_nearest_features_are_read(tiny_backbone):
    """At half size and stride 2 a pixel may lie exactly between two cells."""
    image = np.random.default_rng(0).integers(0, 256, (57, 57), np.uint8)
    spec = replace(VIT, stride=2, magnification=0.5, interpolation="nearest")
    positions = np.indices((57, 57)).reshape(2, -1).T[::29]
    expected = extract_features(image, spec, backbone=tiny_backbone).at(positions, interpolation="nearest")
    for position, own in zip(positions, expected, strict=True):
        found = features_at(image, position[None], spec, backbone=tiny_backbone)[0]
        np.testing.assert_allclose(found, own, atol=1e-4 * np.abs(expected).max())


def test_no_position_costs_no_pass_and_gives_no_row(picture, tiny_backbone):
    assert features_at(picture, np.empty((0, 2), int), VIT, backbone=tiny_backbone).shape == (0, 48)


def test_only_the_wanted_cells_are_computed(picture, tiny_backbone):
    rgb = np.repeat(picture[..., None] / np.float32(255), 3, axis=2)
    features = drain(vit_features_steps(rgb, VIT, tiny_backbone, positions=[(10, 10)]))
    computed = (features.values != 0).any(axis=2)
    assert computed.sum() == 4
    np.testing.assert_array_equal(computed, features.grid.read_at([(10, 10)]))


# ---------------------------------------------------------------- channels


def test_hybrid_features_are_both_kinds_on_the_pixels(picture, tiny_backbone):
    features = extract_features(picture, replace(VIT, features="hybrid"), backbone=tiny_backbone)
    assert features.grid == Grid.of_pixels((30, 37))
    assert features.channels == {"vit": slice(0, 48), "classical": slice(48, 106)}
    vit = extract_features(picture, VIT, backbone=tiny_backbone).on(features.grid)
    np.testing.assert_array_equal(features.values[..., :48], vit.values)
    classical = extract_features(picture, replace(VIT, features="classical"))
    np.testing.assert_array_equal(features.values[..., 48:], classical.values)


def test_attention_follows_the_features(picture, tiny_backbone):
    features = extract_features(picture, replace(VIT, attention=True), backbone=tiny_backbone)
    assert features.channels == {"vit": slice(0, 48), "attention": slice(48, 51)}
    maps = attention_maps(picture, VIT, backbone=tiny_backbone)
    assert maps.channels == {"attention": slice(0, 3)}
    np.testing.assert_array_equal(maps.values, features.values[..., 48:])
    assert (maps.values >= 0).all()


def test_attention_on_the_patch_grid_sums_to_less_than_1(tiny_backbone):
    image = np.random.default_rng(0).integers(0, 255, (40, 48), np.uint8)
    maps = attention_maps(image, replace(VIT, stride=8), backbone=tiny_backbone).values
    assert (maps.sum(axis=(0, 1)) < 1).all()
    assert (maps.sum(axis=(0, 1)) > 0.5).all()


@pytest.mark.parametrize("way", ["queries", "strided", "shifts", "larger"])
def test_constant_image_has_constant_features_where_positions_do_not_count(way, tiny_backbone):
    model = copy.deepcopy(tiny_backbone._model)
    model.pos_embed.data.zero_()
    blind = ViTBackbone(model, tiny_backbone.info, "cpu")
    image = np.full((30, 41), 77, np.uint8)
    for backbone, constant in ((blind, True), (tiny_backbone, False)):
        values = extract_features(image, WAYS[way], backbone=backbone).values
        spread = np.ptp(values, axis=(0, 1)).max()
        assert (spread < 1e-4 * np.abs(values).max()) == constant


def test_features_that_are_not_finite_are_an_error(toy, monkeypatch):
    backbone = toy(8)
    monkeypatch.setattr(backbone, "_token", lambda patch: np.full(3, np.nan))
    with pytest.raises(ComputeError, match="toy gave features that are not finite"):
        dense(coordinates((20, 20)), VIT, backbone)


# ---------------------------------------------------------------- progress and cancel


@pytest.mark.parametrize("way", WAYS)
def test_progress_only_goes_forward_and_ends_at_the_end(way, tiny_backbone):
    image = np.random.default_rng(0).random((30, 37, 3), np.float32)
    seen = [step.done / step.total for step in vit_features_steps(image, WAYS[way], tiny_backbone)]
    assert seen == sorted(seen)
    assert seen[-1] == 1


def test_many_queries_report_often(toy):
    image = np.zeros((70, 70, 3), np.float32)
    steps = list(vit_features_steps(image, replace(VIT, stride=1), toy(8)))
    assert len(steps) >= 70 * 70 / QUERY_CHUNK["cpu"]


def test_a_closed_job_asks_the_backbone_no_more(toy, monkeypatch):
    backbone = toy(8)
    asked = []
    query = backbone.query
    monkeypatch.setattr(backbone, "query", lambda *a, **k: asked.append(1) or query(*a, **k))
    steps = vit_features_steps(np.zeros((70, 70, 3), np.float32), replace(VIT, stride=1), backbone)
    next(steps)
    steps.close()
    assert asked == []


def test_the_same_image_has_the_same_features(picture, tiny_backbone):
    first, second = (extract_features(picture, VIT, backbone=tiny_backbone).values for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_features_are_float32(picture, tiny_backbone):
    assert extract_features(picture, VIT, backbone=tiny_backbone).values.dtype == np.float32


def test_a_stride_that_leaves_gaps_is_refused(toy):
    with pytest.raises(ValueError, match="stride must be 1 to 8, the patch size of toy, got 9"):
        drain(vit_features_steps(coordinates((20, 20)), replace(VIT, stride=9), toy(8)))
