"""The classical features restated in plain loops, one pixel after the other, on a tiny image."""

import math

import numpy as np
import pytest
from scipy import ndimage

from napari_vitrail.features._classical import CLASSICAL_CHANNELS, classical_features

SHAPE = (24, 22)
PIXELS = tuple(np.ndindex(SHAPE))
SIGMAS = (1, 2, 4, 8, 16)


@pytest.fixture(scope="module")
def raw():
    rows, columns = np.indices(SHAPE)
    return (11 * rows + 5 * columns**2 + rows * columns * 17) % 256


@pytest.fixture(scope="module")
def features(raw):
    return classical_features(raw.astype(np.uint8))


@pytest.fixture(scope="module")
def images(raw):
    """Name of each scale and its image in [0, 1]."""
    return {"raw": raw / 255} | {f"gaussian_{sigma}": gaussian(raw / 255, sigma) for sigma in SIGMAS}


def assert_channel(features, name, expected):
    actual = features[..., CLASSICAL_CHANNELS.index(name)]
    np.testing.assert_allclose(actual, expected, rtol=2e-5, atol=2e-6, err_msg=name)


def nearest(index, size):
    return min(max(index, 0), size - 1)


def mirrored(index, size):
    """Continue the axis with the edge pixel twice: ... 1 0 | 0 1 2 ..."""
    while not 0 <= index < size:
        index = -1 - index if index < 0 else 2 * size - 1 - index
    return index


def gaussian(image, sigma):
    deviation = 0.4 * sigma
    radius = int(4 * deviation + 0.5)
    weights = {k: math.exp(-0.5 * (k / deviation) ** 2) for k in range(-radius, radius + 1)}
    total = sum(weights.values())
    columns, result = np.zeros(SHAPE), np.zeros(SHAPE)
    for y, x in PIXELS:
        columns[y, x] = sum(w * image[nearest(y + k, SHAPE[0]), x] for k, w in weights.items()) / total
    for y, x in PIXELS:
        result[y, x] = sum(w * columns[y, nearest(x + k, SHAPE[1])] for k, w in weights.items()) / total
    return result


def sobel(image):
    def at(y, x):
        return image[mirrored(y, SHAPE[0]), mirrored(x, SHAPE[1])]

    result = np.zeros(SHAPE)
    for y, x in PIXELS:
        weights = ((-1, 1), (0, 2), (1, 1))
        down = sum(w * (at(y + 1, x + k) - at(y - 1, x + k)) for k, w in weights) / 4
        right = sum(w * (at(y + k, x + 1) - at(y + k, x - 1)) for k, w in weights) / 4
        result[y, x] = math.sqrt((down**2 + right**2) / 2)
    return result


def derivative(image, axis):
    """Half the difference of both neighbours; at a border the difference to the only one."""
    result = np.zeros(SHAPE)
    for y, x in PIXELS:
        here = (y, x)[axis]
        before, after = nearest(here - 1, SHAPE[axis]), nearest(here + 1, SHAPE[axis])
        low, high = ((before, x), (after, x)) if axis == 0 else ((y, before), (y, after))
        result[y, x] = (image[high] - image[low]) / (after - before)
    return result


def hessian_set(image):
    yy = derivative(derivative(image, 0), 0)
    yx = derivative(derivative(image, 0), 1)
    xx = derivative(derivative(image, 1), 1)
    result = {name: np.zeros(SHAPE) for name in ("module", "trace", "determinant")}
    result |= {"eigenvalue_0": np.zeros(SHAPE), "eigenvalue_1": np.zeros(SHAPE)}
    for pixel in PIXELS:
        matrix = np.array([[yy[pixel], yx[pixel]], [yx[pixel], xx[pixel]]])
        result["module"][pixel] = math.sqrt(yy[pixel] ** 2 + yx[pixel] ** 2 + xx[pixel] ** 2)
        result["trace"][pixel] = np.trace(matrix)
        result["determinant"][pixel] = yy[pixel] * xx[pixel] - yx[pixel] ** 2
        result["eigenvalue_1"][pixel], result["eigenvalue_0"][pixel] = np.linalg.eigvalsh(matrix)
    return result


def line_sums(image):
    """Convolve with a line of 19 pixels in each of 30 directions."""
    kernel = np.zeros((19, 19))
    kernel[:, 9] = 1
    sums = np.zeros((30, *SHAPE))
    for total, angle in zip(sums, range(0, 180, 6), strict=True):
        turned = np.rint(ndimage.rotate(kernel, angle, order=3, reshape=True))
        middle_y, middle_x = (side // 2 for side in turned.shape)
        for i, j in np.argwhere(turned):
            for y, x in PIXELS:
                source = mirrored(y + middle_y - i, SHAPE[0]), mirrored(x + middle_x - j, SHAPE[1])
                total[y, x] += turned[i, j] * image[source]
    return sums


def test_raw_channel_keeps_its_scale(features, raw):
    assert_channel(features, "raw", raw)


@pytest.mark.parametrize("sigma", SIGMAS)
def test_gaussians(features, images, sigma):
    assert_channel(features, f"gaussian_{sigma}", images[f"gaussian_{sigma}"])


@pytest.mark.parametrize("name", ["raw", *(f"gaussian_{sigma}" for sigma in SIGMAS)])
def test_sobel_magnitudes(features, images, name):
    assert_channel(features, f"{name}_sobel", sobel(images[name]))


@pytest.mark.parametrize("sigma", SIGMAS)
def test_hessian_sets(features, images, sigma):
    for name, expected in hessian_set(images[f"gaussian_{sigma}"]).items():
        assert_channel(features, f"gaussian_{sigma}_hessian_{name}", expected)


def test_hessian_set_of_the_raw_image_is_on_its_scale(features, raw):
    for name, expected in hessian_set(raw.astype(float)).items():
        np.testing.assert_allclose(
            features[..., CLASSICAL_CHANNELS.index(f"raw_hessian_{name}")],
            expected,
            rtol=1e-5,
            atol=1e-4,
        )


def test_differences_of_gaussians(features, images):
    pairs = [(SIGMAS[j], SIGMAS[i]) for i in range(1, 5) for j in range(i)]
    for small, large in pairs:
        expected = images[f"gaussian_{small}"] - images[f"gaussian_{large}"]
        assert_channel(features, f"gaussian_{small}_minus_{large}", expected)
    assert CLASSICAL_CHANNELS[42:52] == tuple(f"gaussian_{j}_minus_{i}" for j, i in pairs)


def test_membrane_projections(features, raw):
    sums = line_sums(raw / 255)
    for name in ("mean", "max", "min", "sum", "std", "median"):
        assert_channel(features, f"membrane_{name}", getattr(np, name)(sums, axis=0))


def test_order_of_the_channels():
    places = {"raw_sobel": 1, "raw_hessian_module": 2, "gaussian_1": 7, "gaussian_16_sobel": 36}
    places |= {"gaussian_16_hessian_eigenvalue_1": 41, "membrane_mean": 52, "membrane_median": 57}
    assert {name: CLASSICAL_CHANNELS.index(name) for name in places} == places
