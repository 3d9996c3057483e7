"""From shares of places to labels of pixels."""

from dataclasses import replace

import numpy as np

from napari_vitrail.grid import Grid
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
