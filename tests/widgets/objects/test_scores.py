"""Scores can be read: dark on what is bright, none on another, and none of a box that was rejected."""

from __future__ import annotations

import numpy as np
import pytest

from tests.widgets.driving import activate, press_key
from tests.widgets.objects.hands import dock, find, slide, statuses


def written(layer) -> list[str]:
    """Return the score beside each box."""
    return np.broadcast_to(layer.text.values, len(layer.data)).tolist()


def test_scores_are_light_on_a_dark_image_and_dark_on_a_bright_one(qtbot, make_napari_viewer_proxy, things):
    viewer = make_napari_viewer_proxy(show=True)
    for name, image in (("dark", things[0]), ("bright", 255 - things[0])):
        viewer.layers.clear()
        viewer.add_image(image, name=name, contrast_limits=(0, 255))
        widget = dock(qtbot, viewer)
        find(qtbot, widget)
        layer = viewer.layers[f"{name} boxes"]
        assert layer.data[0][:, 0].min() > 5  # the score of the square is written on the ground
        assert (layer.text.color.array[0, :3] == (name == "dark")).all()
        viewer.window.remove_dock_widget(widget)


def test_no_score_lies_on_another(qtbot, viewer, found):
    slide(qtbot, found, 40)
    layer = viewer.layers["photo boxes"]
    corners = [shape.min(axis=0) for shape, text in zip(layer.data, written(layer), strict=True) if text]
    apart = np.abs(np.subtract.outer(corners, corners)[:, [0, 1], :, [0, 1]])
    is_apart = (apart[0] >= 96 / 40) | (apart[1] >= 96 / 25)
    assert (is_apart | np.eye(len(corners), dtype=bool)).all()
    assert 0 < len(corners) < len(layer.data)


def test_the_score_of_the_box_that_stands_out_is_there_and_that_of_a_rejected_one_is_not(
    qtbot, viewer, found
):
    slide(qtbot, found, 40)
    layer = viewer.layers["photo boxes"]
    current = np.flatnonzero(layer.face_color[:, 3])[0]
    assert written(layer)[current] == f"{layer.features['score'][current]:.1f}"
    activate(qtbot, found)
    press_key(found, "N")
    assert written(layer)[statuses(layer).index("rejected")] == ""


@pytest.mark.parametrize("place", [0, 40])
def test_a_box_that_is_removed_by_hand_takes_its_score_along(qtbot, viewer, found, place):
    slide(qtbot, found, place)
    layer = viewer.layers["photo boxes"]
    others = written(layer)[1:]
    layer.selected_data = {0}
    layer.remove_selected()
    assert written(layer) == others
