import numpy as np

from napari_vitrail.blend import FEW, linear_model, softmax


def clouds(per_class):
    """Return features (n, 40) of two classes that their first column tells apart, and the class ids."""
    rng = np.random.default_rng(0)
    ids = np.repeat([3, 8], per_class)
    rows = rng.normal(size=(len(ids), 40)).astype(np.float32)
    rows[:, 0] += 6 * (ids == 8)
    return rows, ids


def test_few_pixels_are_believed_as_much_as_the_same_ones_many_times():
    rows, ids = clouds(per_class=10)
    once, often = linear_model(rows, ids), linear_model(np.tile(rows, (5, 1)), np.tile(ids, 5))
    np.testing.assert_allclose(once(rows), often(rows), atol=1e-3)


def test_many_pixels_are_believed_the_more_of_them_there_are():
    rows, ids = clouds(per_class=FEW // 2)
    once, often = linear_model(rows, ids), linear_model(np.tile(rows, (5, 1)), np.tile(ids, 5))
    sure = [softmax(model(rows)).max(axis=1).mean() for model in (once, often)]
    assert sure[1] > sure[0] + 0.01
