"""The sample opens as an image with strokes on it, whose classes have names."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Layer

from napari_vitrail.widgets import coffee_strokes, coins_strokes, histology_strokes


@pytest.mark.parametrize(
    ("opened", "name", "n_classes", "rgb"),
    [
        (histology_strokes, "histology", 3, True),
        (coffee_strokes, "coffee", 6, True),
        (coins_strokes, "coins", 2, False),
    ],
)
def test_sample_is_an_image_and_the_strokes_on_it(opened, name, n_classes, rgb):
    viewer = ViewerModel()
    for data in opened():
        viewer.add_layer(Layer.create(*data))
    image, strokes = viewer.layers
    assert (image.name, strokes.name) == (name, f"{name} strokes")
    assert image.rgb == rgb
    assert image.data.shape[:2] == strokes.data.shape
    assert set(np.unique(strokes.data)) == set(range(n_classes + 1))


def test_class_under_the_cursor_is_named():
    _, (labels, arguments, _) = histology_strokes()
    strokes = Layer.create(labels, arguments, "labels")
    position = tuple(np.argwhere(labels == 2)[0])
    assert "class: stroma" in strokes.get_status(position, view_direction=None)["value"]
