"""Two images are aligned by a button, without a pair set by hand: stories in a real viewer."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtWidgets import QDoubleSpinBox

from napari_vitrail import drain
from tests.widgets.driving import button, combo, says
from tests.widgets.match.hands import GRID, SHIFT, dock, layers_of, set_pairs, settle, world


def align(qtbot, widget, kind="Translation"):
    combo(widget, kind).setCurrentText(kind)
    button(widget, "Align images").click()
    settle(qtbot, widget)


def test_images_are_aligned_and_moved_without_a_pair_set_by_hand(
    qtbot, viewer, widget, aligning, photographs
):
    align(qtbot, widget)
    whole = drain(aligning(photographs[1], photographs[0], "translation"))
    agreed, total = whole.alignment.inliers.sum(), len(whole.pairs)
    assert says(widget, f"{agreed} of {total} pairs agree")
    assert says(widget, f"{total} pairs were found")
    pairs = widget._matching.pairs
    assert set(pairs.status) == {"proposed"}
    assert 10 < len(pairs.ids) <= 50 < total
    assert np.ptp(pairs.correspondences.points0, axis=0).min() > 60
    button(widget, "Move layer").click()
    settle(qtbot, widget)
    assert says(widget, "right lies on left")
    np.testing.assert_allclose(viewer.layers["right"].affine.affine_matrix, whole.alignment.affine)
    np.testing.assert_allclose(world(viewer.layers["right"], (0, 0)), SHIFT, atol=0.3)
    button(widget, "Fit").click()
    qtbot.waitUntil(lambda: says(widget, f"of {len(pairs.ids)} pairs agree"))


def test_pairs_of_an_alignment_come_beside_those_set_by_hand_and_go_in_one_step(qtbot, viewer, widget):
    misses = np.zeros((len(GRID), 2))
    misses[4] = (30, 0)
    before = set_pairs(widget, GRID, misses)
    align(qtbot, widget)
    pairs = widget._matching.pairs
    assert pairs.status[: len(GRID)] == before.status
    np.testing.assert_array_equal(pairs.correspondences.points0[: len(GRID)], GRID)
    colours = viewer.layers["left points"].face_color[:, :3]
    np.testing.assert_allclose(colours[4], 0.5, atol=0.01)
    assert np.ptp(colours[0]) > 0.5
    button(widget, "Undo").click()
    assert widget._matching.pairs.ids.tolist() == before.ids.tolist()
    assert not says(widget, "pairs agree")


def test_an_alignment_on_which_few_pairs_agree_is_not_to_be_believed(
    qtbot, viewer, widget, aligning, monkeypatch
):
    def doubtful_steps(*images, **options):
        aligned = yield from aligning(*images, **options)
        few = np.arange(len(aligned.pairs)) < len(aligned.pairs) // 3
        return aligned._replace(alignment=replace(aligned.alignment, inliers=few))

    monkeypatch.setattr("napari_vitrail.matching.align_steps", doubtful_steps)
    align(qtbot, widget)
    assert says(widget, "do not believe it, less than half of the pairs agree")
    grey = np.ptp(viewer.layers["left points"].face_color[:, :3], axis=1) < 0.01
    assert 0 < grey.sum() < len(grey)


def test_images_of_nothing_are_not_aligned_and_it_is_said(qtbot, make_napari_viewer_proxy, notes):
    viewer = make_napari_viewer_proxy(show=True)
    for name in ("left", "right"):
        viewer.add_image(np.full((128, 128), 128, np.uint8), name=name, contrast_limits=(0, 255))
    widget = dock(qtbot, viewer)
    align(qtbot, widget)
    assert "12 or more places in common" in notes[0].message
    assert len(widget._matching.pairs.ids) == 0


@pytest.mark.parametrize("how", ["cancelled", "removed", "other pixels"])
def test_an_alignment_that_is_cancelled_or_too_late_adds_no_pair(
    qtbot, viewer, widget, aligning, monkeypatch, how
):
    may_go = threading.Event()

    def slow_steps(*images, **options):
        may_go.wait(20)
        return (yield from aligning(*images, **options))

    monkeypatch.setattr("napari_vitrail.matching.align_steps", slow_steps)
    button(widget, "Align images").click()
    if how == "cancelled":
        button(widget, "Cancel").click()
    elif how == "removed":
        viewer.layers.remove("right")
    else:
        viewer.layers["right"].data = viewer.layers["right"].data[::-1].copy()
    may_go.set()
    settle(qtbot, widget)
    assert all(len(layer.data) == 0 for layer in layers_of(viewer))
    assert says(widget, "Cancelled") == (how != "other pixels")
    assert says(widget, "changed or removed meanwhile") == (how == "other pixels")
    assert button(widget, "Align images").isEnabled() == (how != "removed")


def test_a_tolerance_that_was_changed_since_is_fitted_anew(qtbot, viewer, widget):
    align(qtbot, widget)
    found = widget._matching.pairs
    widget.findChild(QDoubleSpinBox).setValue(50)
    button(widget, "Move layer").click()
    settle(qtbot, widget)
    assert says(widget, f"{len(found.ids)} of {len(found.ids)} pairs agree")
