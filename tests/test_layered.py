"""Images with further channels: trained on, asked for again, kept in the file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_vitrail import (
    LayeredImage,
    SpecMismatch,
    drain,
    fit_classifier,
    load_classifier,
    save_classifier,
    segment,
)
from napari_vitrail.features import classical_features, pixel_features_steps
from napari_vitrail.image import IntensityRange
from napari_vitrail.live import LiveSession
from napari_vitrail.spec import FeatureSpec

CLASSICAL = FeatureSpec(features="classical")
SIDE = 48


@pytest.fixture
def noise():
    """Return an image that says nothing."""
    return np.random.default_rng(0).integers(0, 255, (SIDE, SIDE), np.uint8)


@pytest.fixture
def telling():
    """Return a channel whose right half is brighter, of another type and range than the image."""
    return np.where(np.arange(SIDE) < SIDE // 2, -3.0, 900.0) * np.ones((SIDE, 1))


@pytest.fixture
def strokes():
    labels = np.zeros((SIDE, SIDE), np.uint8)
    labels[8:40, 6:9], labels[8:40, 40:43] = 1, 2
    return labels


def truth():
    return np.where(np.arange(SIDE) < SIDE // 2, 1, 2) * np.ones((SIDE, 1))


def test_a_further_channel_tells_what_the_image_does_not(noise, telling, strokes):
    alone = fit_classifier([noise], [strokes], CLASSICAL)
    assert (segment(noise, alone) == truth()).mean() < 0.8
    both = LayeredImage(noise, {"depth": telling})
    classifier = fit_classifier([both], [strokes], CLASSICAL)
    assert (segment(both, classifier) == truth()).mean() > 0.95


def test_each_channel_has_features_of_its_own(noise, telling):
    image = LayeredImage(noise, {"depth": telling})
    intensity = IntensityRange.of([image])
    features = drain(pixel_features_steps(image, CLASSICAL, intensity, None))
    [tile] = features.tiles()
    grid = features.on(tile)
    assert grid.channels == {"classical": slice(0, 58), "extra": slice(58, 116)}
    np.testing.assert_array_equal(grid.values[..., :58], classical_features(noise))
    scaled = np.where(telling > 0, 255, 0).astype(np.uint8)
    np.testing.assert_array_equal(grid.values[..., 58:], classical_features(scaled))


def test_channels_are_known_by_name_not_by_order(noise, telling, strokes):
    first = LayeredImage(noise, {"a": telling, "b": noise})
    second = LayeredImage(noise, {"b": noise, "a": telling})
    classifier = fit_classifier([first], [strokes], CLASSICAL)
    np.testing.assert_array_equal(segment(first, classifier), segment(second, classifier))


@pytest.mark.parametrize("names", [(), ("other",), ("depth", "other")], ids=str)
def test_other_channels_than_those_trained_on_are_refused(names, noise, telling, strokes):
    classifier = fit_classifier([LayeredImage(noise, {"depth": telling})], [strokes], CLASSICAL)
    image = LayeredImage(noise, dict.fromkeys(names, telling)) if names else noise
    with pytest.raises(SpecMismatch, match="extra channels 'depth'"):
        segment(image, classifier)


def test_images_to_train_on_must_have_the_same_channels(noise, telling, strokes):
    with pytest.raises(ValueError, match="same extra channels, got none and depth"):
        fit_classifier([noise, LayeredImage(noise, {"depth": telling})], [strokes, strokes], CLASSICAL)


def test_a_channel_of_another_shape_is_refused(noise):
    with pytest.raises(ValueError, match=r"'depth' must have the image's shape \(48, 48\), got \(48, 47\)"):
        LayeredImage(noise, {"depth": noise[:, :-1]})


def test_the_file_keeps_the_channels(noise, telling, strokes, tmp_path):
    image = LayeredImage(noise, {"depth": telling})
    classifier = fit_classifier([image], [strokes], CLASSICAL)
    save_classifier(tmp_path / "it.vitrail", classifier)
    loaded = load_classifier(tmp_path / "it.vitrail")
    assert loaded.intensity == classifier.intensity
    np.testing.assert_array_equal(segment(image, loaded), segment(image, classifier))


def test_a_live_session_sees_the_channels_too(noise, telling, strokes):
    image = LayeredImage(noise, {"depth": telling})
    session = LiveSession(CLASSICAL)
    window = (slice(0, SIDE), slice(0, SIDE))
    drain(session.learn_steps([image], [strokes], image, window))
    drain(session.settle_steps([image], [strokes]))
    *_, last = session.show_steps(image, window)
    np.testing.assert_array_equal(
        last.so_far.classes, segment(image, fit_classifier([image], [strokes], CLASSICAL))
    )


def test_the_vit_sees_two_stains_as_colours_each_at_its_own_contrast(noise, telling):
    image = LayeredImage.of_channels({"dim": noise // 8, "bright": telling})
    assert image.image.shape == (SIDE, SIDE, 3)
    np.testing.assert_array_equal(image.image[..., 0], image.image[..., 2])
    assert image.image[..., 0].max() == 255
    assert set(np.unique(image.image[..., 1])) == {0, 255}
    assert list(image.extra) == ["bright", "dim"]


@pytest.mark.parametrize("channels", [{}, {"one": np.zeros((4, 4))}], ids=["none", "one"])
def test_channels_are_several(channels):
    with pytest.raises(ValueError, match="two or more of one shape"):
        LayeredImage.of_channels(channels)


def test_vit_features_come_from_the_image_alone(noise, telling, strokes, tiny_backbone):
    spec = FeatureSpec(features="vit", backbone=tiny_backbone.info.name, stride=8)
    image = LayeredImage(noise, {"depth": telling})
    layered = fit_classifier([image], [strokes], spec, backbone=tiny_backbone)
    plain = fit_classifier([noise], [strokes], replace(spec), backbone=tiny_backbone)
    np.testing.assert_array_equal(
        segment(image, layered, backbone=tiny_backbone), segment(noise, plain, backbone=tiny_backbone)
    )
