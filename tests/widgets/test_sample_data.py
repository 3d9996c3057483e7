"""The sample opens as an image with strokes on it, whose classes have names."""

from __future__ import annotations

import numpy as np
from napari.components import ViewerModel
from napari.layers import Layer

from napari_vitrail.widgets import histology_strokes


def test_sample_is_an_image_and_the_strokes_on_it():
    viewer = ViewerModel()
    for data in histology_strokes():
        viewer.add_layer(Layer.create(*data))
    image, strokes = viewer.layers
    assert (image.name, strokes.name) == ("histology", "histology strokes")
    assert image.data.shape == (*strokes.data.shape, 3)
    assert set(np.unique(strokes.data)) == {0, 1, 2, 3}


def test_class_under_the_cursor_is_named():
    _, (labels, arguments, _) = histology_strokes()
    strokes = Layer.create(labels, arguments, "labels")
    position = tuple(np.argwhere(labels == 2)[0])
    assert "class: stroma" in strokes.get_status(position, view_direction=None)["value"]
