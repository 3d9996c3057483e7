import json
from pathlib import Path

import numpy as np
import pytest

from napari_vitrail.features import _classical
from napari_vitrail.features._classical import (
    CLASSICAL_CHANNELS,
    CLASSICAL_HALO,
    classical_features,
)

REFERENCE = Path(__file__).with_name("classical_reference.json")


@pytest.fixture(scope="module")
def texture():
    """Smoothed noise from 0 to 255: every filter finds something in it."""
    noise = np.random.default_rng(0).random((150, 140))
    rows, columns = np.indices(noise.shape)
    return 255 * (noise + np.sin(rows / 9) ** 2 + np.cos(columns / 21) ** 2) / 3


def test_channels_are_58_different_names():
    assert len(CLASSICAL_CHANNELS) == len(set(CLASSICAL_CHANNELS)) == 58


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_one_float32_value_per_pixel_and_channel(dtype):
    features = classical_features(np.arange(35).reshape(5, 7).astype(dtype))
    assert features.shape == (5, 7, 58)
    assert features.dtype == np.float32


def test_integer_and_float_images_have_the_same_features():
    grey = np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)
    np.testing.assert_array_equal(classical_features(grey), classical_features(grey.astype(float)))


def test_image_itself_is_the_first_channel(texture):
    np.testing.assert_array_equal(classical_features(texture)[..., 0], texture.astype(np.float32))


def test_reference_values_have_not_changed():
    reference = json.loads(REFERENCE.read_text())
    rows, columns = np.indices(reference["shape"])
    features = classical_features((7 * rows**2 + 13 * columns + 3 * rows * columns) % 256)
    pixels = tuple(np.transpose(reference["pixels"]))
    assert list(reference["channels"]) == list(CLASSICAL_CHANNELS)
    for index, (name, values) in enumerate(reference["channels"].items()):
        np.testing.assert_allclose(features[..., index][pixels], values, 1e-4, 1e-6, err_msg=name)


@pytest.mark.parametrize("inner", [(slice(40, 90), slice(40, 80)), (slice(0, 30), slice(100, 140))], ids=str)
def test_halo_makes_a_crop_equal_to_the_whole(texture, inner):
    outer = tuple(slice(max(0, part.start - CLASSICAL_HALO), part.stop + CLASSICAL_HALO) for part in inner)
    local = tuple(
        slice(part.start - around.start, part.stop - around.start)
        for part, around in zip(inner, outer, strict=True)
    )
    whole = classical_features(texture)[inner]
    np.testing.assert_allclose(classical_features(texture[outer])[local], whole, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize(("margin", "enough"), [(28, True), (27, False)])
def test_28_pixels_are_the_least_halo(texture, margin, enough):
    whole = classical_features(texture)[60, 60]
    crop = texture[60 - margin : 61 + margin, 60 - margin : 61 + margin]
    assert np.array_equal(classical_features(crop)[margin, margin], whole) == enough
    assert CLASSICAL_HALO >= 28


def test_bands_do_not_show(texture, monkeypatch):
    whole = classical_features(texture)
    monkeypatch.setattr(_classical, "_BAND_ROWS", 11)
    monkeypatch.setattr(_classical, "_BAND_PIXELS", 1)
    np.testing.assert_array_equal(classical_features(texture), whole)


@pytest.mark.parametrize("value", [0, 77, 255])
def test_constant_image_gives_finite_features_without_structure(value):
    features = classical_features(np.full((40, 33), value, np.uint8))
    assert np.isfinite(features).all()
    for name in ("raw_sobel", "gaussian_4_hessian_module", "gaussian_1_minus_16"):
        np.testing.assert_allclose(features[..., CLASSICAL_CHANNELS.index(name)], 0, atol=1e-6)


@pytest.mark.parametrize("shape", [(2, 2), (2, 60), (60, 2)])
def test_two_pixels_a_side_are_enough(shape):
    assert np.isfinite(classical_features(np.arange(np.prod(shape)).reshape(shape))).all()


@pytest.mark.parametrize("shape", [(1, 9), (9, 1), (0, 5), (9,), (9, 9, 3)])
def test_smaller_or_other_arrays_are_refused(shape):
    with pytest.raises(ValueError, match="at least 2 pixels a side"):
        classical_features(np.zeros(shape))
