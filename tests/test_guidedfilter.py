"""GuidedFilter: probabilities end where colours do."""

import numpy as np
import pytest

from napari_vitrail import GuidedFilter, drain


def in_loops(own, guide, radius, softness):
    """Return He et al., equations 14 to 16, window by window; only where windows lie in the image."""
    height, width = own.shape
    slopes, offsets = np.zeros((height, width, 3)), np.zeros((height, width))
    for row in range(radius, height - radius):
        for column in range(radius, width - radius):
            window = slice(row - radius, row + radius + 1), slice(column - radius, column + radius + 1)
            colours, values = guide[window].reshape(-1, 3), own[window].ravel()
            mean = colours.mean(axis=0)
            covariance = (colours - mean).T @ (colours - mean) / len(colours)
            together = (colours * values[:, None]).mean(axis=0) - mean * values.mean()
            slope = np.linalg.solve(covariance + softness * np.eye(3), together)
            slopes[row, column], offsets[row, column] = slope, values.mean() - slope @ mean
    found = np.zeros((height, width))
    for row in range(2 * radius, height - 2 * radius):
        for column in range(2 * radius, width - 2 * radius):
            window = slice(row - radius, row + radius + 1), slice(column - radius, column + radius + 1)
            found[row, column] = (
                slopes[window].mean(axis=(0, 1)) @ guide[row, column] + offsets[window].mean()
            )
    return found


def test_it_is_the_published_filter():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (14, 16, 3)).astype(np.uint8)
    image[0, :2] = [[0], [255]]
    own = rng.random((14, 16)).astype(np.float32)
    refined = drain(GuidedFilter(2, 0.01).refined_steps(own[None], image))[0]
    expected = in_loops(own, image / 255, 2, 0.01)
    np.testing.assert_allclose(refined[4:-4, 4:-4], expected[4:-4, 4:-4].clip(0, 1), atol=1e-3)


@pytest.mark.parametrize("kind", ["grey", "colour"])
def test_a_border_moves_to_the_edge_of_the_image(kind):
    image = np.zeros((40, 40), np.uint8)
    image[:, 20:] = 200
    if kind == "colour":
        image = np.stack([image, 200 - image, image], axis=-1)
    rough = np.clip((np.arange(40) - 13) / 7, 0, 1) * np.ones((40, 1))  # half at column 16 or 17
    refined = drain(GuidedFilter().refined_steps(np.stack([1 - rough, rough]).astype(np.float32), image))
    np.testing.assert_array_equal(refined.argmax(axis=0), np.arange(40) >= 20 * np.ones((40, 1)))


def test_classes_still_sum_to_one():
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.ones(3), (20, 24)).astype(np.float32)
    steps = GuidedFilter(3).refined_steps(np.moveaxis(shares, -1, 0), rng.random((20, 24)))
    np.testing.assert_allclose(drain(steps).sum(axis=0), 1, atol=0.05)


def test_an_image_of_one_colour_averages():
    own = np.zeros((1, 21, 21), np.float32)
    own[0, 10, 10] = 1
    refined = drain(GuidedFilter(1, 1e-3).refined_steps(own, np.full((21, 21), 5, np.uint8)))[0]
    assert refined[10, 10] == pytest.approx(1 / 9)  # the mean of nine means, of which each has the ninth


@pytest.mark.parametrize(("values", "match"), [({"radius": 0}, "radius"), ({"softness": 0.0}, "softness")])
def test_values_out_of_range_are_refused(values, match):
    with pytest.raises(ValueError, match=match):
        GuidedFilter(**values)


def test_without_an_image_nothing_can_guide():
    with pytest.raises(ValueError, match="image"):
        drain(GuidedFilter().refined_steps(np.ones((1, 4, 4), np.float32)))
