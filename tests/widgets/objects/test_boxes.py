"""Boxes are accepted, rejected and skipped: by keys over the canvas and by buttons."""

from __future__ import annotations

import numpy as np
import pytest

from napari_vitrail.widgets._keys import Keys
from napari_vitrail.widgets._settings import declared
from tests.widgets.driving import activate, button, press_key, says
from tests.widgets.objects.hands import slide, statuses


@pytest.fixture
def boxes(qtbot, viewer, found):
    """Return the layer of boxes, of which there are several, with the keyboard over the canvas."""
    slide(qtbot, found, 40)
    layer = viewer.layers["photo boxes"]
    assert len(layer.data) > 2
    activate(qtbot, found)
    return layer


def filled(layer) -> list[int]:
    """Return the numbers of the boxes that stand out."""
    return np.flatnonzero(layer.face_color[:, 3]).tolist()


def test_keys_judge_the_box_that_stands_out_and_go_on_to_the_next(viewer, found, boxes):
    count = len(boxes.data)
    assert filled(boxes) == [0]
    press_key(found, "K")
    assert statuses(boxes).count("accepted") == 1
    press_key(found, "N")
    assert statuses(boxes).count("rejected") == 1
    assert statuses(boxes).count("proposed") == count - 2
    assert statuses(boxes)[filled(boxes)[0]] == "proposed"
    assert says(found, f"1 accepted, {count - 2} proposed, 1 rejected")


def test_a_box_that_is_skipped_comes_again_after_the_others(viewer, found, boxes):
    first = boxes.data[filled(boxes)[0]]
    seen = []
    for _ in range(len(boxes.data)):
        seen.append(tuple(boxes.data[filled(boxes)[0]].ravel()))
        press_key(found, "J")
    assert len(set(seen)) == len(boxes.data)
    np.testing.assert_array_equal(boxes.data[filled(boxes)[0]], first)


def test_an_accepted_box_stays_at_every_detail_and_a_rejected_one_only_while_it_is_proposed(
    qtbot, found, boxes
):
    press_key(found, "J")
    press_key(found, "K")
    accepted = boxes.data[statuses(boxes).index("accepted")]
    for place in (4, 0, 40):
        slide(qtbot, found, place)
        own = [shape for shape, is_ in zip(boxes.data, statuses(boxes), strict=True) if is_ == "accepted"]
        assert len(own) == 1
        np.testing.assert_array_equal(own[0], accepted)
    button(found, "Reject all").click()
    assert set(statuses(boxes)) == {"accepted", "rejected"}
    slide(qtbot, found, 4)
    slide(qtbot, found, 40)
    assert set(statuses(boxes)) == {"accepted", "rejected"}
    button(found, "Start over").click()
    assert set(statuses(boxes)) == {"proposed"}


def test_boxes_that_are_selected_are_meant_and_as_a_hand_has_moved_them(viewer, found, boxes):
    viewer.layers.selection.active = boxes
    moved = boxes.data[1] + [1, 2]
    boxes.data = [*boxes.data[:1], moved, *boxes.data[2:]]
    boxes.selected_data = {1}
    button(found, "Accept").click()
    assert statuses(boxes).count("accepted") == 1
    np.testing.assert_allclose(boxes.data[statuses(boxes).index("accepted")], moved)


def test_judged_boxes_are_told_apart_by_eye(found, boxes):
    press_key(found, "K")
    press_key(found, "N")
    own = statuses(boxes)
    widths = np.array(boxes.edge_width)
    assert widths[own.index("accepted")] > widths[own.index("proposed")]
    red, green, blue, _ = boxes.edge_color[own.index("rejected")]
    assert red == green == blue


def test_keys_are_those_of_preferences_and_free_again_when_the_widget_has_gone(viewer, found, boxes):
    keys = declared()["object_keys"]
    assert keys == {"accept": "K", "reject": "N", "skip": "J"}
    text = next(label.text() for label in found.findChild(Keys).children() if hasattr(label, "text"))
    assert all(title in text for title in ("accept a box", "reject a box", "skip a box"))
    assert "not bound" not in text
    bound = len(viewer.keymap)
    viewer.window.remove_dock_widget(found)
    assert len(viewer.keymap) == bound - 3


def test_where_no_box_is_proposed_that_is_said(found, boxes):
    button(found, "Accept all").click()
    press_key(found, "N")
    assert says(found, "no box is proposed")
    assert set(statuses(boxes)) == {"accepted"}
