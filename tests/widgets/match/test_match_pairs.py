"""Pairs are found, judged, fitted, warped and saved: stories in a real viewer."""

from __future__ import annotations

import numpy as np
import pytest
from napari.utils.transforms import Affine
from qtpy.QtWidgets import QSpinBox

from napari_vitrail import load_pairs
from tests.widgets.driving import (
    button,
    combo,
    press_key,
    says,
)
from tests.widgets.match.hands import GRID, SHIFT, set_pairs, settle, world


def test_pairs_are_found_judged_by_keys_and_judged_all_at_once(qtbot, viewer, matched):
    matched.findChild(QSpinBox).setValue(6)
    button(matched, "Find pairs").click()
    qtbot.waitUntil(lambda: says(matched, "pairs proposed"), timeout=60_000)
    pairs = matched._matching.pairs
    assert 2 < len(pairs.ids) <= 6
    assert set(pairs.status) == {"proposed"}
    left = viewer.layers["left points"]
    viewer.layers.selection.active = left
    left.selected_data = {1}
    press_key(matched, "N")
    left.selected_data = {0}
    press_key(matched, "Y")
    assert matched._matching.pairs.status[:3] == ("accepted", "rejected", "proposed")
    np.testing.assert_allclose(left.face_color[1, :3], 0.5, atol=0.01)
    button(matched, "Accept all").click()
    assert matched._matching.pairs.status[:3] == ("accepted", "rejected", "accepted")
    button(matched, "Undo").click()
    assert matched._matching.pairs.status[:3] == ("accepted", "rejected", "proposed")
    button(matched, "Reject all").click()
    assert matched._matching.pairs.status[:3] == ("accepted", "rejected", "rejected")
    button(matched, "Find pairs").click()
    settle(qtbot, matched)
    points = matched._matching.pairs.correspondences.points0
    apart = np.linalg.norm(points[:, None] - points, axis=-1)[np.triu_indices(len(points), 1)]
    assert apart.min() > 2


def test_nothing_selected_is_said(matched):
    button(matched, "Accept").click()
    assert says(matched, "Not yet: select points")


def test_a_fit_says_how_good_it_is_and_greys_outliers_until_pairs_change(qtbot, viewer, matched):
    misses = np.zeros((len(GRID), 2))
    misses[4] = (30, 0)
    set_pairs(matched, GRID, misses)
    combo(matched, "Rigid").setCurrentText("Rigid")
    button(matched, "Fit").click()
    qtbot.waitUntil(lambda: says(matched, "5 of 6 pairs agree"))
    left = viewer.layers["left points"]
    np.testing.assert_allclose(left.face_color[4, :3], 0.5, atol=0.01)
    assert np.ptp(left.face_color[0, :3]) > 0.5
    left.add([[20, 20]])
    assert not says(matched, "pairs agree")
    assert np.ptp(left.face_color[4, :3]) > 0.5


def test_the_layer_is_moved_onto_the_other_and_put_back(qtbot, viewer, matched):
    right = viewer.layers["right"]
    right.affine = Affine(translate=(1, 2))
    set_pairs(matched, GRID)
    button(matched, "Move layer").click()
    qtbot.waitUntil(lambda: says(matched, "right lies on left"))
    assert not matched._beside.isChecked()
    np.testing.assert_allclose(world(right, (0, 0)), SHIFT, atol=1e-6)
    np.testing.assert_allclose(world(viewer.layers["right points"], (0, 0)), SHIFT, atol=1e-6)
    button(matched, "Put back").click()
    np.testing.assert_allclose(right.affine.affine_matrix[:2, 2], (1, 2))
    assert not button(matched, "Put back").isEnabled()


@pytest.mark.parametrize("kind", ["Projective", "Thin plate"])
def test_what_no_affine_can_show_is_warped(qtbot, viewer, matched, photographs, kind):
    set_pairs(matched, GRID)
    combo(matched, kind).setCurrentText(kind)
    assert "press Warp" in button(matched, "Move layer").toolTip().replace("\n", " ")
    for _ in range(2):
        button(matched, "Warp").click()
        qtbot.waitUntil(lambda: says(matched, "right warped lies on left"), timeout=20_000)
        settle(qtbot, matched)
        matched._matching.job.refuse("said again")
    warped = viewer.layers["right warped"]
    assert sum(layer.name.startswith("right warped") for layer in viewer.layers) == 1
    part = (slice(20, 120), slice(0, 110))
    difference = np.abs(warped.data[part].astype(int) - photographs[0][part])
    assert np.median(difference) <= 1
    assert viewer.layers.index(warped) < viewer.layers.index(viewer.layers["left points"])


def test_fewer_pairs_than_a_kind_takes_cannot_be_fitted(viewer, matched):
    set_pairs(matched, GRID[:2])
    assert not button(matched, "Fit").isEnabled()
    assert "affine takes at least 3 pairs, there are 2" in button(matched, "Fit").toolTip().replace("\n", " ")
    combo(matched, "Rigid").setCurrentText("Rigid")
    assert button(matched, "Fit").isEnabled()


def test_pairs_on_a_line_are_an_error_that_says_so(qtbot, viewer, matched, notes):
    set_pairs(matched, [[10, 10], [20, 20], [30, 30], [40, 40]])
    button(matched, "Fit").click()
    qtbot.waitUntil(lambda: len(notes) == 1)
    assert "line" in notes[0].message
    assert says(matched, "Stopped by an error")


def choose_files(monkeypatch, folder):
    """Answer every dialog by a file that is called as what is asked for."""

    def path_of(_, title, *rest):
        word = next(word for word in ("fixed", "moving", "pairs") if word in title)
        return str(folder / f"{word}.csv")

    monkeypatch.setattr("napari_vitrail.widgets._pairs_file.ask_path", path_of)


@pytest.mark.parametrize("form", ["Vitrail table", "BigWarp landmarks", "napari points"])
def test_pairs_are_saved_and_loaded(qtbot, viewer, matched, tmp_path, monkeypatch, form):
    viewer.layers["right"].scale = (0.5, 2)
    before = set_pairs(matched, GRID)
    choose_files(monkeypatch, tmp_path)
    combo(matched, form).setCurrentText(form)
    button(matched, "Save …").click()
    button(matched, "Undo").click()
    assert len(matched._matching.pairs.ids) == 0
    button(matched, "Load …").click()
    after = matched._matching.pairs
    np.testing.assert_allclose(after.correspondences.points0, before.correspondences.points0)
    np.testing.assert_allclose(after.correspondences.points1, before.correspondences.points1)
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == (["fixed.csv", "moving.csv"] if form == "napari points" else ["pairs.csv"])
    if form == "Vitrail table":
        assert load_pairs(tmp_path / "pairs.csv").status == before.status


def test_points_of_napari_open_as_layers_and_leave_rejected_pairs_out(viewer, matched, tmp_path, monkeypatch):
    pairs = set_pairs(matched, GRID)
    matched._matching.linked.set_status(pairs.ids[:2].tolist(), "rejected")
    choose_files(monkeypatch, tmp_path)
    combo(matched, "napari points").setCurrentText("napari points")
    button(matched, "Save …").click()
    (layer,) = viewer.open(tmp_path / "moving.csv", plugin="napari")
    np.testing.assert_allclose(layer.data, pairs.correspondences.points1[2:])


def test_a_file_that_holds_no_pairs_is_said_and_changes_nothing(matched, tmp_path, monkeypatch, notes):
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    monkeypatch.setattr("napari_vitrail.widgets._pairs_file.ask_path", lambda *_: str(tmp_path / "other.csv"))
    before = set_pairs(matched, GRID)
    button(matched, "Load …").click()
    assert "row0" in notes[0].message
    assert matched._matching.pairs is before
