"""From shares of places to labels of pixels."""

from dataclasses import replace

import numpy as np

from napari_vitrail import GuidedFilter
from napari_vitrail.grid import FeatureGrid, Grid
from napari_vitrail.progress import drain
from napari_vitrail.propagation import PROPAGATION
from napari_vitrail.propagation._pixels import pixel_labels_steps


def test_a_small_thing_as_bright_as_the_ground_survives_refinement():
    rows, columns = np.indices((60, 60))
    is_thing = (rows - 30) ** 2 + (columns - 30) ** 2 <= 25
    is_bright = (rows - 30) ** 2 + (columns - 10) ** 2 <= 25
    image = np.where(is_bright, 200, 60).astype(np.uint8)
    truth = np.where(is_thing, 4, np.where(is_bright, 9, 0))
    shares = np.stack([truth == own for own in (0, 4, 9)], axis=-1).astype(np.float16)
    spec = replace(PROPAGATION, descriptor=replace(PROPAGATION.descriptor, stride=1))
    found = drain(pixel_labels_steps(shares, Grid.of_pixels((60, 60)), (0, 4, 9), image, spec))
    np.testing.assert_array_equal(found, truth)


def test_a_label_is_looked_at_only_round_where_it_is_and_nothing_else_changes():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (60, 80), np.uint8)
    grid = Grid((10, 13), (2.5, 3.0), (6.0, 6.0))
    shares = np.zeros((10, 13, 3), np.float32)
    shares[2:5, 9:, 1], shares[6:9, 3:6, 2] = 0.9, 0.8
    shares[..., 0] = 1 - shares.sum(axis=-1)
    spec = replace(PROPAGATION, refinement=GuidedFilter(3))
    found = drain(pixel_labels_steps(shares.astype(np.float16), grid, (0, 5, 8), image, spec))
    guide = GuidedFilter(round(3 * 6 / spec.descriptor.stride)).guided_by(image)
    whole = FeatureGrid(shares.astype(np.float16).astype(np.float32), grid).on(Grid.of_pixels((60, 80)))
    followed = [guide.followed(own) for own in np.moveaxis(whole.values, -1, 0)]
    np.testing.assert_array_equal(found, np.array([0, 5, 8])[np.argmax(followed, axis=0)])
