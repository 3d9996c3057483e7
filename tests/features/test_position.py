"""What a blank image says of where a token is, and features without it."""

from dataclasses import replace

import numpy as np
import pytest

from napari_vitrail.features import extract_features, features_at, vit_features_steps
from napari_vitrail.features._position import (
    N_DIRECTIONS,
    blank_image,
    cured,
    leading_directions,
    position_directions,
    without,
)
from napari_vitrail.progress import drain
from napari_vitrail.spec import DEFAULT_BACKBONE, FeatureSpec

CURED = FeatureSpec(features="vit", backbone="tiny", stride=8, position_cure="blank")
PLAIN = replace(CURED, position_cure="none")
WINDOW = (slice(0, 48), slice(0, 48))


def spread(values):
    """Return how much features vary over the image, over all channels."""
    return values.reshape(-1, values.shape[-1]).var(axis=0).sum()


def dense(image, spec, backbone):
    """Return the features of an image (H, W, 3) on the grid of their tokens."""
    return drain(vit_features_steps(image, spec, backbone)).values


def read_position(rows0, rows1, places):
    """Return R^2 of the positions that a ridge fitted on some features reads from others."""
    mean, scale = rows0.mean(axis=0), rows0.std(axis=0) + 1e-6
    known, asked = ((rows - mean) / scale for rows in (rows0, rows1))
    penalty = 0.1 * len(known) * np.eye(known.shape[1])
    found = asked @ np.linalg.solve(known.T @ known + penalty, known.T @ places)
    return 1 - ((found - places) ** 2).sum() / (places**2).sum()


# ---------------------------------------------------------------- directions


def test_a_blank_image_is_the_same_every_time_and_has_one_grey():
    first, second = blank_image((30, 40)), blank_image((30, 40))
    np.testing.assert_array_equal(first, second)
    assert first.shape == (30, 40, 3)
    assert np.ptp(first, axis=2).max() == 0
    assert first.mean() == pytest.approx(0.5, abs=0.02)


def test_leading_directions_are_those_of_most_variance():
    """Rows vary by 3 along channel 1, by 2 along channel 3, and little along the rest."""
    rows = np.random.default_rng(0).normal(5, [0.1, 3, 0.1, 2, 0.1], (500, 5))
    directions = leading_directions(rows, 2)
    np.testing.assert_allclose(directions.T @ directions, np.eye(2), atol=1e-5)
    np.testing.assert_allclose(np.abs(directions[[1, 3]]), np.eye(2), atol=0.1)


@pytest.mark.parametrize(("n_rows", "n_directions"), [(1, 0), (2, 1), (3, 2), (50, 4)])
def test_few_rows_span_few_directions(n_rows, n_directions):
    rows = np.random.default_rng(0).normal(size=(n_rows, 6))
    assert leading_directions(rows, 4).shape == (6, n_directions)


def test_rows_that_are_all_equal_have_no_direction():
    assert leading_directions(np.ones((5, 3)), 2).shape == (3, 0)


def test_the_cure_leaves_what_is_orthogonal_to_the_directions():
    rng = np.random.default_rng(0)
    basis, _ = np.linalg.qr(rng.normal(size=(8, 8)))
    directions, others = basis[:, :3].astype(np.float32), basis[:, 3:].astype(np.float32)
    values = rng.normal(size=(4, 5, 8)).astype(np.float32)
    np.testing.assert_allclose(without(directions, values) @ others, values @ others, atol=1e-5)
    np.testing.assert_allclose(without(directions, values) @ directions, 0, atol=1e-5)


# ---------------------------------------------------------------- in the features


@pytest.mark.parametrize("sampling", ["queries", "strided"])
def test_a_blank_image_varies_less_once_cured(sampling, each_backbone):
    spec = replace(CURED, sampling=sampling)
    blank = blank_image((48, 48))
    values, plain = dense(blank, spec, each_backbone), dense(blank, PLAIN, each_backbone)
    directions = position_directions(each_backbone, spec.layer, spec.facet, (48, 48))
    assert directions.shape == (48, N_DIRECTIONS)
    np.testing.assert_allclose(values @ directions, 0, atol=1e-4 * np.abs(plain).max())
    assert spread(values) == pytest.approx(spread(plain) - spread(plain @ directions), rel=1e-3)


def test_a_blank_image_is_constant_once_all_directions_are_removed(tiny_backbone):
    tokens = tiny_backbone.tokens(blank_image((40, 40))).patches
    rows = tokens.reshape(-1, 48)
    values = without(leading_directions(rows, len(rows)), tokens)
    assert np.ptp(values, axis=(0, 1)).max() < 1e-4 * np.abs(tokens).max()


def test_directions_are_computed_once_for_a_size(tiny_backbone, monkeypatch):
    asked = []
    tokens = tiny_backbone.tokens
    monkeypatch.setattr(tiny_backbone, "tokens", lambda *a, **k: asked.append(1) or tokens(*a, **k))
    first = position_directions(tiny_backbone, 0, "value", (56, 64))
    assert position_directions(tiny_backbone, 0, "value", (56, 64)) is first
    assert len(asked) == 1
    position_directions(tiny_backbone, 0, "value", (64, 56))
    position_directions(tiny_backbone, 1, "value", (56, 64))
    position_directions(tiny_backbone, 1, "key", (56, 64))
    assert len(asked) == 4


def test_a_window_counts_up_to_whole_patches(tiny_backbone, monkeypatch):
    sizes = []
    tokens = tiny_backbone.tokens
    monkeypatch.setattr(
        tiny_backbone, "tokens", lambda image, **k: sizes.append(image.shape[:2]) or tokens(image, **k)
    )
    values = np.zeros((1, 1, 48), np.float32)
    cured(values, (slice(5, 6), slice(0, 81)), replace(CURED, layer=0, facet="query"), tiny_backbone)
    assert sizes == [(8, 88)]


def test_cured_features_at_some_pixels_are_those_of_all(tiny_backbone):
    image = np.random.default_rng(0).integers(0, 256, (60, 90), np.uint8)
    positions = np.array([(0, 0), (59, 89), (11, 17), (40, 3)])
    spec = replace(CURED, stride=4, tile=64, halo=16)
    expected = extract_features(image, spec, backbone=tiny_backbone).at(positions)
    found = features_at(image, positions, spec, backbone=tiny_backbone)
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (20, 7)], ids=str)
def test_tiny_images_are_cured_too(shape, tiny_backbone):
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    assert np.isfinite(extract_features(image, CURED, backbone=tiny_backbone).values).all()


def test_attention_is_left_as_it_is(tiny_backbone):
    image = np.random.default_rng(0).random((48, 48, 3), np.float32)
    values, plain = (dense(image, replace(spec, attention=True), tiny_backbone) for spec in (CURED, PLAIN))
    np.testing.assert_array_equal(values[..., 48:], plain[..., 48:])
    assert np.abs(values[..., :48] - plain[..., :48]).max() > 0.1


def test_nothing_is_asked_of_a_blank_where_no_cure_is(toy, monkeypatch):
    backbone = toy(8)
    monkeypatch.setattr(backbone, "tokens", None)
    tokens = np.ones((6, 6, 3), np.float32)
    assert cured(tokens, WINDOW, PLAIN, backbone) is tokens


def test_the_cure_and_the_mean_of_flips_commute(tiny_backbone):
    """Both are linear, and a flipped copy is seen in windows of the same size."""
    image = np.random.default_rng(0).random((48, 48, 3), np.float32)
    spec = replace(CURED, flips="group")
    averaged = dense(image, replace(spec, position_cure="none"), tiny_backbone)
    directions = position_directions(tiny_backbone, -1, "token_norm", (48, 48))
    expected = without(directions, averaged)
    np.testing.assert_allclose(
        dense(image, spec, tiny_backbone), expected, atol=1e-4 * np.abs(expected).max()
    )


def test_a_probe_misses_more_of_the_position_in_real_features_once_cured(real_backbone):
    """Fitted on one picture of noise, asked on another: they share nothing but where tokens are.

    Position is written into more than four directions, so much of it can still be read.
    """
    spec = replace(CURED, backbone=DEFAULT_BACKBONE, stride=14)
    plain = replace(spec, position_cure="none")
    images = [np.random.default_rng(seed).random((224, 224, 3), np.float32) for seed in (0, 1)]
    places = np.argwhere(np.ones((16, 16))) - 7.5
    missed = {
        one: 1
        - read_position(*(dense(image, one, real_backbone).reshape(-1, 384) for image in images), places)
        for one in (plain, spec)
    }
    assert missed[plain] < 0.1
    assert missed[spec] > 2 * missed[plain]


def test_real_features_of_another_blank_lose_most_of_their_variance(real_backbone):
    spec = replace(CURED, backbone=DEFAULT_BACKBONE, stride=14)
    grey = np.full((224, 224, 3), 0.4, np.float32)
    plain = dense(grey, replace(spec, position_cure="none"), real_backbone)
    assert spread(dense(grey, spec, real_backbone)) < 0.5 * spread(plain)
