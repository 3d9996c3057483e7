"""What goes wrong while points are matched, and what every control says."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from qtpy.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox

from napari_vitrail.errors import BackboneUnavailable
from tests.widgets.driving import (
    activate,
    button,
    click,
    combo,
    says,
    tab_through,
)
from tests.widgets.match.hands import GRID, add, dock, match, set_pairs, settle, world
from tests.widgets.test_keyboard import controls, is_before


def test_a_job_that_is_cancelled_leaves_points_that_are_linked(qtbot, viewer, widget, may_go):
    button(widget, "Match").click()
    button(widget, "Cancel").click()
    may_go.set()
    settle(qtbot, widget)
    assert not button(widget, "Find pairs").isEnabled()
    pairs = add(qtbot, viewer, widget, 0, (60, 60))
    assert len(pairs.ids) == 1
    assert np.isnan(pairs.correspondences.similarity[0])


def test_the_same_image_cannot_be_matched_with_itself(widget):
    for box in (widget._matching.fixed, widget._matching.moving):
        box.value = widget._matching.viewer.layers["left"]
    assert button(widget, "Match").toolTip().replace("\n", " ") == "Not yet: choose two different images"


def test_points_outside_the_image_are_named_and_the_others_matched(viewer, matched):
    viewer.layers["left points"].add([[60, 60], [200, 5], [-9, 40]])
    assert says(matched, "Outside left, so that no partner can be found: row, column (200, 5), (-9, 40)")
    assert np.isnan(matched._matching.pairs.correspondences.similarity[1:]).all()


@pytest.mark.parametrize("level", [0, 128])
def test_images_of_nothing_are_matched_without_pairs_and_it_is_said(
    qtbot, make_napari_viewer_proxy, notes, level
):
    viewer = make_napari_viewer_proxy(show=True)
    for name in ("left", "right"):
        viewer.add_image(np.full((128, 128), level, np.uint8), name=name, contrast_limits=(0, 255))
    widget = dock(qtbot, viewer)
    match(qtbot, widget)
    pairs = add(qtbot, viewer, widget, 0, (60, 60))
    assert len(pairs.ids) == 1
    assert np.isfinite(pairs.correspondences.points1).all()
    button(widget, "Find pairs").click()
    qtbot.waitUntil(lambda: says(widget, "pairs proposed"), timeout=60_000)
    assert not any(note.severity.name == "ERROR" for note in notes)


def test_a_photograph_and_itself_lie_on_each_other(qtbot, make_napari_viewer_proxy, photographs):
    viewer = make_napari_viewer_proxy(show=True)
    viewer.add_image(photographs[0], name="left")
    viewer.add_image(photographs[0].mean(axis=2).astype(np.uint8), name="right")
    widget = dock(qtbot, viewer)
    match(qtbot, widget)
    pairs = add(qtbot, viewer, widget, 0, (60, 60)).correspondences
    np.testing.assert_allclose(pairs.points1, pairs.points0, atol=3)


def test_without_images_the_widget_waits(qtbot, make_napari_viewer_proxy, photographs):
    viewer = make_napari_viewer_proxy(show=True)
    widget = dock(qtbot, viewer)
    assert not button(widget, "Match").isEnabled()
    viewer.add_image(photographs[0], name="one")
    assert not button(widget, "Match").isEnabled()
    viewer.add_image(photographs[1], name="two")
    assert [image.name for image in widget._matching.images] == ["one", "two"]
    assert button(widget, "Match").isEnabled()


def test_an_image_that_is_removed_while_it_is_looked_at_leaves_the_points(qtbot, viewer, widget, may_go):
    button(widget, "Match").click()
    viewer.layers.remove("right")
    may_go.set()
    settle(qtbot, widget)
    assert not button(widget, "Match").isEnabled()
    assert "left points" in viewer.layers
    viewer.layers["left points"].add([[5, 5]])
    assert len(viewer.layers["right points"].data) == 0


def test_other_pixels_have_to_be_seen_anew(qtbot, viewer, matched, photographs):
    viewer.layers["right"].data = photographs[1][:, ::-1]
    assert "press Match" in button(matched, "Find pairs").toolTip().replace("\n", " ")
    pairs = add(qtbot, viewer, matched, 0, (60, 60))
    assert np.isnan(pairs.correspondences.similarity[0])
    match(qtbot, matched)
    settle(qtbot, matched)
    assert matched._matching.pairs.correspondences.similarity[0] > 0


def test_missing_weights_are_said_and_points_can_be_set_by_hand(qtbot, viewer, widget, monkeypatch, notes):
    def no_weights(*_, **__):
        raise BackboneUnavailable("no weights here")
        yield

    monkeypatch.setattr("napari_vitrail.matching.see_pair_steps", no_weights)
    button(widget, "Match").click()
    qtbot.waitUntil(lambda: says(widget, "Stopped by an error"))
    assert notes[0].message == "no weights here"
    click(viewer, widget, world(viewer.layers["left"], (60, 60)))
    assert len(viewer.layers["right points"].data) == 1


def test_closing_during_the_job_cancels_it_and_gives_all_back(qtbot, viewer, widget, may_go):
    button(widget, "Match").click()
    layer = viewer.layers["left points"]
    widget.close()
    may_go.set()
    settle(qtbot, widget)
    np.testing.assert_array_equal(viewer.layers["right"].translate, (0, 0))
    assert widget._matching.seen is None
    assert not layer.keymap.get("Y")


def test_a_layer_of_points_that_is_removed_unlinks_the_other(qtbot, viewer, matched):
    set_pairs(matched, GRID)
    viewer.layers.remove("right points")
    assert matched._matching.pairs is None
    viewer.layers["left points"].add([[5, 5]])
    match(qtbot, matched)
    assert len(matched._matching.pairs.ids) == 0


def test_every_control_says_what_it_does_and_is_narrow(matched):
    parts = [
        part for kind in (QAbstractButton, QComboBox, QAbstractSpinBox) for part in matched.findChildren(kind)
    ]
    assert all(part.toolTip() for part in parts), [part for part in parts if not part.toolTip()]
    assert matched.minimumSizeHint().width() <= 320


def test_tab_reaches_every_control_of_match_points(qtbot, matched):
    activate(qtbot, matched)
    first = combo(matched, "left")
    reached = tab_through(qtbot, matched, first)
    assert controls(matched) - set(reached) == set()
    for one, other in pairwise(reached):
        assert is_before(one, other, matched), (one, other)


def test_an_image_that_is_removed_after_the_match_can_be_followed_by_another(
    qtbot, viewer, matched, photographs
):
    set_pairs(matched, GRID)
    viewer.layers.remove("right")
    assert matched._matching.pairs is None
    for name in ("Match", "Find pairs", "Align images", "Fit", "Warp", "Save …"):
        assert "open two images first" in button(matched, name).toolTip().replace("\n", " "), name
    np.testing.assert_array_equal(viewer.layers["left points"].data, GRID)
    viewer.add_image(photographs[1], name="again")
    match(qtbot, matched)
    assert [image.name for image in matched._matching.images] == ["left", "again"]
    assert len(matched._matching.pairs.ids) == 0
    np.testing.assert_array_equal(viewer.layers["left points"].data, GRID)


def test_an_image_that_is_removed_while_pairs_are_looked_for_leaves_none(qtbot, viewer, matched):
    button(matched, "Find pairs").click()
    viewer.layers.remove("left")
    settle(qtbot, matched)
    assert len(viewer.layers["left points"].data) == 0
    assert not button(matched, "Find pairs").isEnabled()


def test_two_layers_of_the_same_pixels_are_matched(qtbot, make_napari_viewer_proxy, photographs):
    viewer = make_napari_viewer_proxy(show=True)
    for name in ("left", "right"):
        viewer.add_image(photographs[0], name=name)
    widget = dock(qtbot, viewer)
    match(qtbot, widget)
    pairs = add(qtbot, viewer, widget, 1, (60, 60)).correspondences
    np.testing.assert_allclose(pairs.points1, pairs.points0, atol=3)
    assert pairs.similarity[0] > 0.9


def test_rejected_pairs_are_none_that_a_fit_can_take(matched):
    pairs = set_pairs(matched, GRID[:3])
    assert button(matched, "Fit").isEnabled()
    matched._matching.linked.set_status(pairs.ids[:1].tolist(), "rejected")
    for name in ("Fit", "Move layer", "Warp"):
        tip = button(matched, name).toolTip().replace("\n", " ")
        assert "affine takes at least 3 pairs, there are 2" in tip, name
    button(matched, "Undo").click()
    assert button(matched, "Fit").isEnabled()
