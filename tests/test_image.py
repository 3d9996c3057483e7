import warnings
from dataclasses import replace

import numpy as np
import pytest

from napari_vitrail.features import classical_features, extract_features
from napari_vitrail.grey_values import to_grey, to_rgb
from napari_vitrail.image import IntensityRange, as_image
from napari_vitrail.spec import FeatureSpec

INTEGERS = [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64]
FLOATS = [np.float16, np.float32, np.float64]
SPEC = FeatureSpec(features="hybrid", backbone="tiny", stride=8)


@pytest.mark.parametrize("dtype", [*INTEGERS, *FLOATS, bool])
def test_grey_of_any_type_is_kept_as_it_is(dtype):
    image = np.eye(4, dtype=dtype)
    np.testing.assert_array_equal(as_image(image), image, strict=True)


def test_colour_is_kept_as_it_is():
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    np.testing.assert_array_equal(as_image(image), image)


def test_a_list_of_lists_is_an_image():
    assert as_image([[0, 1], [2, 3]]).shape == (2, 2)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_opaque_alpha_is_dropped_without_a_word(dtype):
    opaque = 1 if dtype == np.float32 else np.iinfo(dtype).max
    image = np.full((2, 3, 4), opaque, dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert as_image(image).shape == (2, 3, 3)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_translucent_alpha_is_dropped_with_a_warning(dtype):
    image = np.zeros((2, 3, 4), dtype)
    with pytest.warns(UserWarning, match="alpha channel is not opaque"):
        assert as_image(image).shape == (2, 3, 3)


def test_a_single_channel_is_grey():
    assert as_image(np.zeros((4, 5, 1))).shape == (4, 5)


@pytest.mark.parametrize("channel_axis", [0, -3])
def test_named_channel_axis_comes_last(channel_axis):
    image = np.arange(3 * 4 * 5).reshape(3, 4, 5)
    np.testing.assert_array_equal(as_image(image, channel_axis=channel_axis), np.moveaxis(image, 0, 2))


@pytest.mark.parametrize(("channels", "shape"), [((1,), (4, 5)), ((4, 0, 2), (4, 5, 3)), ((-1,), (4, 5))])
def test_named_channels_are_picked(channels, shape):
    image = np.arange(6)[:, None, None] * np.ones((6, 4, 5), int)
    picked = as_image(image, channel_axis=0, channels=channels)
    assert picked.shape == shape
    assert np.atleast_1d(picked[0, 0]).tolist() == [channel % 6 for channel in channels]


@pytest.mark.parametrize(
    ("image", "options", "message"),
    [
        (np.zeros((0, 4)), {}, r"must not be empty, got shape \(0, 4\)"),
        (np.zeros((4, 4, 0)), {}, "must not be empty"),
        (np.zeros(4), {}, r"got shape \(4,\)"),
        (np.float64(3), {}, r"got shape \(\)"),
        (np.zeros((2, 4, 4, 3)), {}, r"got shape \(2, 4, 4, 3\)"),
        (np.zeros((4, 5, 6)), {}, r"1 or 3 channels, or 4 with alpha last and no channel_axis, got 6"),
        (np.zeros((6, 4, 5)), {"channel_axis": 0}, "must have 1 or 3 channels, .* got 6"),
        (np.zeros((4, 5)), {"channel_axis": 0}, r"shape \(4, 5\)"),
        (np.zeros((4, 5)), {"channels": (0,)}, "need an image with channels"),
        (np.zeros((4, 5, 6)), {"channels": (0, 1)}, r"one or three of 6 channels, got \(0, 1\)"),
        (np.zeros((4, 5, 6)), {"channels": (6,)}, r"one or three of 6 channels, got \(6,\)"),
        (np.zeros((4, 5, 3)), {"channel_axis": 3}, "axis"),
        (np.zeros((4, 5), complex), {}, "real numbers, got data type complex128"),
        (np.array([["a", "b"]]), {}, "real numbers"),
        (np.array([[None, 1]]), {}, "real numbers"),
    ],
)
def test_what_is_no_image_is_refused_with_what_came(image, options, message):
    with pytest.raises(ValueError, match=message):
        as_image(image, **options)


@pytest.mark.parametrize(
    ("dtype", "rule", "expected"),
    [
        (np.uint8, "auto", (0, 255)),
        (np.uint8, "dtype", (0, 255)),
        (np.uint16, "dtype", (0, 65535)),
        (np.int16, "dtype", (-32768, 32767)),
        (np.float32, "dtype", (0, 1)),
        (bool, "dtype", (0, 1)),
    ],
)
def test_range_of_a_type(dtype, rule, expected):
    assert IntensityRange.of([np.eye(4, dtype=dtype)], rule) == IntensityRange(*expected)


@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_range_of_other_types_is_the_percentiles_of_all_images(dtype):
    first, second = np.arange(1001).reshape(7, 143), np.arange(1001, 2002).reshape(11, 91)
    fitted = IntensityRange.of([first.astype(dtype), second.astype(dtype)])
    assert (fitted.low, fitted.high) == pytest.approx(np.percentile(np.arange(2002), [0.1, 99.9]), abs=0.6)


def test_percentile_rule_holds_for_uint8_too():
    image = np.arange(50, 151, dtype=np.uint8).reshape(1, 101)
    assert IntensityRange.of([image], "percentile") == IntensityRange(50.1, 149.9)


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_every_channel_of_a_large_image_counts(channel):
    image = np.zeros((1000, 1000, 3), np.uint16)
    image[::2, :, channel] = 900
    assert IntensityRange.of([image]).high == 900


@pytest.mark.parametrize("dtype", [*INTEGERS, *FLOATS])
def test_every_type_ends_between_0_and_1(dtype):
    top = min(2**40, np.iinfo(dtype).max if dtype in INTEGERS else 1000)
    image = np.linspace(0, top, 40).reshape(5, 8).astype(dtype)
    scaled = IntensityRange.of([image], "percentile").scale(image)
    assert scaled.dtype == np.float32
    assert (scaled.min(), scaled.max()) == (0, 1)
    assert (np.diff(scaled.ravel()) >= 0).all()


@pytest.mark.parametrize(
    ("dtype", "offset", "step"), [(np.int32, 2**30, 1), (np.uint64, 2**50, 1), (np.float64, 1e9, 0.01)]
)
def test_small_differences_on_a_large_offset_survive(dtype, offset, step):
    image = (offset + step * np.arange(100).reshape(10, 10)).astype(dtype)
    scaled = IntensityRange.of([image]).scale(image)
    assert len(np.unique(scaled)) >= 98  # the percentiles cut one value at either end


def test_huge_and_tiny_numbers_are_numbers():
    for factor in (1e300, 1e-300):
        image = factor * np.arange(12.0).reshape(3, 4)
        scaled = IntensityRange.of([image]).scale(image)
        np.testing.assert_allclose(scaled, np.arange(12).reshape(3, 4) / 11, atol=0.01)


def test_a_range_fitted_on_one_image_serves_another():
    fitted = IntensityRange.of([np.array([[0.0, 10.0]])], "percentile")
    scaled = IntensityRange(0, 10).scale(np.array([[5.0, 20.0, -3.0]]))
    assert fitted.low == pytest.approx(0, abs=0.1)
    assert scaled.tolist() == [[0.5, 1, 0]]


def test_values_that_are_not_finite_count_as_the_low_end_with_a_warning():
    image = np.array([[np.nan, 2.0, np.inf], [4.0, 3.0, -np.inf]], np.float32)
    fitted = IntensityRange.of([image])
    assert 2 <= fitted.low < 2.01
    with pytest.warns(UserWarning, match="3 pixel values are NaN or infinite"):
        scaled = fitted.scale(image)
    assert np.isfinite(scaled).all()
    assert scaled[0, 0] == scaled[0, 2] == scaled[1, 2] == 0


def test_nothing_but_nan_is_an_error():
    with pytest.raises(ValueError, match="no finite value"):
        IntensityRange.of([np.full((3, 3), np.nan)])


@pytest.mark.parametrize("value", [0, 7, 60000])
def test_constant_image_is_zero_everywhere(value):
    image = np.full((3, 4), value, np.uint16)
    assert (IntensityRange.of([image]).scale(image) == 0).all()


def test_few_bright_pixels_on_a_constant_ground_are_seen():
    image = np.zeros((200, 200), np.uint16)
    image[5, 5] = 1000
    scaled = IntensityRange.of([image]).scale(image)
    assert scaled[5, 5] == scaled.sum() == 1


def test_scaling_leaves_the_image_alone():
    image = np.array([[1.0, np.nan]], np.float32)
    image.setflags(write=False)
    with pytest.warns(UserWarning, match="NaN"):
        IntensityRange(0, 2).scale(image)


def test_grey_is_repeated_and_colour_weighed():
    colour = np.array([[[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]]], np.float32)
    assert to_grey(colour).tolist() == [[76, 150, 29, 255]]
    assert to_grey(np.array([[0, 0.5, 1]], np.float32)).tolist() == [[0, 128, 255]]
    assert to_rgb(np.array([[0.25]], np.float32)).tolist() == [[[0.25, 0.25, 0.25]]]
    assert to_rgb(colour) is colour


@pytest.mark.parametrize("shape", [(2, 2), (3, 2), (2, 40), (7, 9), (9, 17, 3)])
def test_images_of_any_size_have_finite_features(shape, tiny_backbone):
    image = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    features = extract_features(image, SPEC, backbone=tiny_backbone)
    assert features.values.shape == (*shape[:2], 48 + 58)
    assert np.isfinite(features.values).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (1, 9, 3)])
def test_lines_and_single_pixels_have_vit_features_but_no_classical_ones(shape, tiny_backbone):
    image = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    vit = extract_features(image, replace(SPEC, features="vit"), backbone=tiny_backbone)
    assert np.isfinite(vit.values).all()
    with pytest.raises(ValueError, match="at least 2 pixels a side"):
        extract_features(image, SPEC, backbone=tiny_backbone)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_constant_image_has_finite_features(dtype, tiny_backbone):
    features = extract_features(np.full((12, 20), 3, dtype), SPEC, backbone=tiny_backbone)
    assert np.isfinite(features.values).all()


def test_an_image_with_holes_has_finite_features(tiny_backbone):
    image = np.random.default_rng(0).random((16, 16))
    image[3, 4] = np.nan
    with pytest.warns(UserWarning, match="1 pixel values are NaN"):
        features = extract_features(image, SPEC, backbone=tiny_backbone)
    assert np.isfinite(features.values).all()


def test_16_bit_image_has_the_features_of_the_8_bit_one():
    image = np.random.default_rng(0).integers(0, 256, (16, 16), np.uint8)
    scaled = [
        IntensityRange.of([of_type], "dtype").scale(of_type)
        for of_type in (image, image.astype(np.uint16) * 257)
    ]
    first, second = (classical_features(to_grey(values)) for values in scaled)
    np.testing.assert_array_equal(first, second)
