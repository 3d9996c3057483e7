"""Another network looks at both images: stories in a real viewer."""

from __future__ import annotations

import numpy as np
import pytest

from napari_vitrail import MATCHING
from tests.widgets.driving import button, combo
from tests.widgets.match.hands import add, dock, match, settle

LARGE = "vit_large_patch14_dinov2.lvd142m"


@pytest.fixture
def widget(monkeypatch, qtbot, viewer):
    """Return the widget where a large network is at hand, too."""
    there = (MATCHING.descriptor.backbone, LARGE)
    monkeypatch.setattr(
        "napari_vitrail.widgets._network.available_source", lambda name: "file" if name in there else None
    )
    return dock(qtbot, viewer)


def test_another_network_or_more_pixels_look_again_and_pairs_stay(qtbot, viewer, widget, asked):
    match(qtbot, widget)
    assert asked == [MATCHING]
    add(qtbot, viewer, widget, 0, (60, 60))
    before = widget._matching.pairs
    combo(widget, "DINOv2 L/14").setCurrentText("DINOv2 L/14")
    assert not button(widget, "Find pairs").isEnabled()
    settle(qtbot, widget)
    assert asked[1:] == [MATCHING.for_backbone(LARGE)]
    assert button(widget, "Find pairs").isEnabled()
    combo(widget, "1036 pixels").setCurrentText("1036 pixels")
    settle(qtbot, widget)
    assert (asked[2].side, asked[2].descriptor.layer, asked[2].guide[0], asked[2].fine[0]) == (
        1036,
        23,
        19,
        7,
    )
    after = widget._matching.pairs
    np.testing.assert_array_equal(after.correspondences.points1, before.correspondences.points1)
    button(widget, "Align images").click()
    settle(qtbot, widget)
    assert asked[3] == asked[2]


def test_only_networks_at_hand_are_offered_and_nothing_is_seen_before_match(widget, asked):
    offered = combo(widget, "DINOv2 L/14")
    assert [offered.itemText(row) for row in range(offered.count())] == ["DINOv2 S/14", "DINOv2 L/14"]
    offered.setCurrentText("DINOv2 L/14")
    assert asked == []
    assert not button(widget, "Cancel").isEnabled()
