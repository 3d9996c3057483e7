"""Frames without napari are those of its layers, to the bit: strokes count where they were painted."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image

from napari_vitrail.widgets._annotations import numbers_of
from napari_vitrail.world import Frame


@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")
@pytest.mark.parametrize("seed", range(12))
def test_a_frame_is_where_napari_puts_a_layer(seed):
    random = np.random.default_rng(seed)
    ndim = 2 + seed % 3
    turn, _ = np.linalg.qr(random.normal(size=(ndim, ndim)))
    affine = np.eye(ndim + 1)
    affine[:ndim] += 0.3 * random.normal(size=(ndim, ndim + 1))
    geometry = {
        "scale": random.choice([0.5, 1 / 3, 2, 0.1], ndim).tolist(),
        "translate": (50 * random.normal(size=ndim)).tolist(),
        "rotate": (turn if np.linalg.det(turn) > 0 else np.eye(ndim)).tolist(),
        "shear": (0.1 * random.normal(size=ndim * (ndim - 1) // 2)).tolist(),
        "affine": affine.tolist(),
    }
    layer, frame = Image(np.zeros((4,) * ndim), **geometry), Frame.of(geometry, ndim)
    for position in 30 * random.normal(size=(5, ndim)):
        np.testing.assert_array_equal(frame.data_to_world(position), layer.data_to_world(position))
        np.testing.assert_array_equal(frame.world_to_data(position), layer.world_to_data(position))


def test_a_frame_of_no_numbers_is_that_of_a_new_layer():
    layer, frame = Image(np.zeros((4, 4, 4))), Frame.of({}, 3)
    np.testing.assert_array_equal(frame.world_to_data((9, 1, 2, 3)), layer.world_to_data((9, 1, 2, 3)))
    assert Frame.of(numbers_of(layer), 3).matrix.tolist() == frame.matrix.tolist()
