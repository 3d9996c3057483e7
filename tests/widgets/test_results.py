"""What else can be made of the strokes: probabilities, a cleaner segmentation, objects; in a real viewer."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest
from qtpy.QtWidgets import QCheckBox, QDoubleSpinBox, QFileDialog, QMenu

from napari_vitrail import DenseCRF, Smoothing, class_probabilities, refine
from napari_vitrail import segment as segmented
from napari_vitrail.classify import PixelClassifier
from napari_vitrail.widgets._class_menu import ClassMenu
from napari_vitrail.widgets._layers import name_class
from tests.widgets.driving import button, combo, dock, says

SIDE = 96
RESULT, OBJECTS = "grains segmentation", "grains objects"


@pytest.fixture
def grains():
    """Return noisy dark ground with four bright squares, two of which touch at a neck."""
    rng = np.random.default_rng(0)
    image = rng.normal(60, 40, (SIDE, SIDE))
    for row, column in ((10, 10), (10, 60), (50, 10), (50, 34)):
        image[row : row + 20, column : column + 20] += 90
    image[58:62, 30:34] += 90
    return np.clip(image, 0, 255).astype(np.uint8)


@pytest.fixture
def viewer(make_napari_viewer_proxy, grains):
    viewer = make_napari_viewer_proxy()
    viewer.add_image(grains, name="grains", scale=(0.5, 0.5), units="um")
    return viewer


@pytest.fixture
def bare(viewer):
    """Return the widget, docked, with nothing painted yet."""
    return dock(viewer)


@pytest.fixture
def widget(qtbot, viewer, bare):
    """Return the widget after it has segmented the grains: 7 is a grain, 2 the ground."""
    button(bare, "New").click()
    strokes = viewer.layers["grains strokes"]
    strokes.data[4:8, 5:90], strokes.data[40:44, 5:90] = 2, 2
    strokes.data[12:28, 14:26], strokes.data[52:68, 14:26] = 7, 7
    name_class(strokes, 7, "grain")
    segment(qtbot, bare)
    return bare


def segment(qtbot, widget):
    button(widget, "Segment").click()
    wait(qtbot, widget)


def wait(qtbot, widget):
    qtbot.waitUntil(lambda: not widget._bench.job.is_busy and says(widget, "Done in"), timeout=60_000)


def press(qtbot, widget, text):
    button(widget, text).click()
    wait(qtbot, widget)


def strength(widget) -> QDoubleSpinBox:
    """Return the box that says over how many pixels is smoothed."""
    return next(box for box in widget.findChildren(QDoubleSpinBox) if box.suffix() == " px")


def keeps_on(widget) -> QCheckBox:
    """Return the box that keeps a clean-up on."""
    return next(box for box in widget.findChildren(QCheckBox) if box.text() == "Clean up every result")


def cleaned(widget, sigma):
    """Return what smoothing makes of the image, by way of the library."""
    return cleaned_by(widget, Smoothing(sigma))


def cleaned_by(widget, how):
    image, classifier = widget._bench.layers.image.data, widget._bench.classifier
    probabilities = class_probabilities(image, classifier)
    return refine(probabilities, how, image=image, classes=classifier.classes_)


def rest_after_a_stroke(qtbot, viewer, widget, row=85):
    """Let the picture follow one more stroke, and wait until all is learned from it."""
    combo(widget, "Live").setCurrentText("After stroke")
    viewer.layers["grains strokes"].data_setitem((np.full(30, row), np.arange(60, 90)), 2)
    qtbot.waitUntil(lambda: says(widget, "It is cleaned up when you rest."), timeout=60_000)
    qtbot.waitUntil(lambda: widget._live.is_settled, timeout=60_000)


@pytest.fixture
def broken_crf(tmp_path, monkeypatch):
    """Have a package for the dense CRF that fails in the process that imports it."""
    (tmp_path / "pydensecrf").mkdir()
    (tmp_path / "pydensecrf" / "__init__.py").write_text("raise OSError('built for another machine')")
    monkeypatch.syspath_prepend(tmp_path)


# ---- probabilities --------------------------------------------------------------------------------


def test_each_class_has_a_layer_of_its_probability(qtbot, viewer, widget):
    press(qtbot, widget, "Probabilities")
    layers = [viewer.layers[f"grains probability of {name}"] for name in ("class 2", "grain")]
    np.testing.assert_allclose(layers[0].data + layers[1].data, 1, atol=1e-5)
    found = viewer.layers[RESULT].data
    np.testing.assert_array_equal(layers[1].data > layers[0].data, found == 7)
    colour = viewer.layers["grains strokes"].get_color(7)
    np.testing.assert_allclose(layers[1].colormap.colors[-1][:3], colour[:3], atol=1e-3)
    np.testing.assert_array_equal(layers[0].scale, (0.5, 0.5))
    assert viewer.layers.selection.active.name == "grains strokes"


def test_probabilities_are_written_again_and_are_no_images_to_segment(qtbot, viewer, widget):
    for _ in range(2):
        press(qtbot, widget, "Probabilities")
    assert sum("probability" in layer.name for layer in viewer.layers) == 2
    images = combo(widget, "grains")
    assert [images.itemText(at) for at in range(images.count())] == ["grains"]


def test_a_class_that_is_renamed_keeps_its_layer_under_its_new_name(qtbot, viewer, widget):
    press(qtbot, widget, "Probabilities")
    first = viewer.layers["grains probability of grain"]
    strokes = viewer.layers["grains strokes"]
    name_class(strokes, 7, "class 2")  # the other's name
    name_class(strokes, 2, "ground")
    segment(qtbot, widget)
    press(qtbot, widget, "Probabilities")
    layers = [layer for layer in viewer.layers if "probability" in layer.name]
    assert {layer.metadata["napari-vitrail"]["kind"] for layer in layers} == {
        "probability of class 2",
        "probability of ground",
    }
    assert len(layers) == 2
    found = viewer.layers[RESULT].data
    np.testing.assert_array_equal(first.data > 0.5, found == 7)


# ---- clean up -------------------------------------------------------------------------------------


def test_a_preview_changes_what_is_in_view_and_undo_takes_it_back(qtbot, viewer, widget, monkeypatch):
    window = (slice(0, 48), slice(0, 96))
    monkeypatch.setattr("napari_vitrail.widgets._cleanup.shown_window", lambda *_: window)
    before = viewer.layers[RESULT].data.copy()
    press(qtbot, widget, "Preview")
    after = viewer.layers[RESULT].data
    assert (after[window] != before[window]).any()
    np.testing.assert_array_equal(after[48:], before[48:])
    button(widget, "Undo").click()
    np.testing.assert_array_equal(viewer.layers[RESULT].data, before)
    assert not button(widget, "Undo").isEnabled()


def test_a_clean_up_that_ends_while_another_image_is_chosen_belongs_to_its_own(qtbot, viewer, widget, grains):
    viewer.add_image(grains[::-1].copy(), name="others")
    combo(widget, "others").setCurrentText("others")
    button(widget, "New").click()
    others = viewer.layers["others strokes"]
    others.data[4:8, 5:90], others.data[68:84, 14:26] = 2, 7
    segment(qtbot, widget)
    before = viewer.layers["others segmentation"].data.copy()
    combo(widget, "others").setCurrentText("grains")
    first = viewer.layers[RESULT].data.copy()
    expected = cleaned(widget, strength(widget).value())
    button(widget, "Apply").click()
    combo(widget, "others").setCurrentText("others")
    wait(qtbot, widget)
    np.testing.assert_array_equal(viewer.layers["others segmentation"].data, before)
    np.testing.assert_array_equal(viewer.layers[RESULT].data, expected)
    button(widget, "Undo").click()
    np.testing.assert_array_equal(viewer.layers[RESULT].data, first)


def test_apply_writes_what_the_library_makes(qtbot, viewer, widget):
    before = viewer.layers[RESULT].data.copy()
    strength(widget).setValue(3)
    press(qtbot, widget, "Apply")
    np.testing.assert_array_equal(viewer.layers[RESULT].data, cleaned(widget, 3))
    assert says(widget, "pixels have another class by smoothing over 3 px, in the plane in view")
    button(widget, "Undo").click()
    np.testing.assert_array_equal(viewer.layers[RESULT].data, before)


def test_a_second_preview_starts_from_the_segmentation_not_from_the_first(qtbot, viewer, widget):
    before = viewer.layers[RESULT].data.copy()
    press(qtbot, widget, "Preview")
    strength(widget).setValue(4)
    press(qtbot, widget, "Preview")
    button(widget, "Undo").click()
    np.testing.assert_array_equal(viewer.layers[RESULT].data, before)


def test_undo_does_not_bring_back_an_older_segmentation(qtbot, viewer, widget):
    press(qtbot, widget, "Preview")
    assert button(widget, "Undo").isEnabled()
    segment(qtbot, widget)
    assert not button(widget, "Undo").isEnabled()


def test_a_clean_up_that_is_applied_stays_on_and_undo_switches_it_off(qtbot, viewer, widget):
    press(qtbot, widget, "Apply")
    assert keeps_on(widget).isChecked()
    viewer.layers["grains strokes"].data[80:90, 60:90] = 2
    segment(qtbot, widget)
    np.testing.assert_array_equal(viewer.layers[RESULT].data, cleaned(widget, 2))
    assert says(widget, "Cleaned up by smoothing over 2 px.")
    button(widget, "Undo").click()
    assert not keeps_on(widget).isChecked()
    plain = viewer.layers[RESULT].data.copy()
    assert (plain != cleaned(widget, 2)).any()
    segment(qtbot, widget)
    np.testing.assert_array_equal(viewer.layers[RESULT].data, plain)


def test_segment_predicts_once_for_the_picture_and_its_clean_up(qtbot, viewer, widget, monkeypatch):
    press(qtbot, widget, "Apply")
    asked, predict = [], PixelClassifier.predict_proba
    monkeypatch.setattr(
        PixelClassifier,
        "predict_proba",
        lambda classifier, features: (
            asked.append(features.values.shape[:-1]) or predict(classifier, features)
        ),
    )
    segment(qtbot, widget)
    assert sum(map(math.prod, asked)) == SIDE * SIDE
    monkeypatch.undo()
    np.testing.assert_array_equal(viewer.layers[RESULT].data, cleaned(widget, 2))


def test_a_box_keeps_it_on_and_takes_it_back(qtbot, viewer, widget):
    before = viewer.layers[RESULT].data.copy()
    keeps_on(widget).click()
    wait(qtbot, widget)
    np.testing.assert_array_equal(viewer.layers[RESULT].data, cleaned(widget, 2))
    keeps_on(widget).click()
    np.testing.assert_array_equal(viewer.layers[RESULT].data, before)


def test_a_setting_that_is_turned_is_followed_while_it_is_on(qtbot, viewer, widget):
    before = viewer.layers[RESULT].data.copy()
    press(qtbot, widget, "Apply")
    strength(widget).setValue(4)
    qtbot.waitUntil(lambda: says(widget, "smoothing over 4 px"), timeout=60_000)
    np.testing.assert_array_equal(viewer.layers[RESULT].data, cleaned(widget, 4))
    button(widget, "Undo").click()
    np.testing.assert_array_equal(viewer.layers[RESULT].data, before)


def test_a_clean_up_that_is_switched_off_while_it_runs_changes_nothing(qtbot, viewer, widget):
    before = viewer.layers[RESULT].data.copy()
    button(widget, "Apply").click()
    keeps_on(widget).click()
    wait(qtbot, widget)
    assert says(widget, "switched off meanwhile")
    np.testing.assert_array_equal(viewer.layers[RESULT].data, before)


def test_the_picture_that_follows_the_strokes_is_cleaned_up_at_rest(qtbot, viewer, widget):
    press(qtbot, widget, "Apply")
    rest_after_a_stroke(qtbot, viewer, widget)
    assert says(widget, "Cleaned up by smoothing over 2 px.")
    np.testing.assert_array_equal(viewer.layers[RESULT].data, cleaned(widget, 2))
    button(widget, "Undo").click()
    assert (viewer.layers[RESULT].data != cleaned(widget, 2)).any()


def test_the_dense_crf_follows_the_strokes_at_rest(qtbot, viewer, widget):
    pytest.importorskip("pydensecrf", reason="the extra crf is not installed")
    combo(widget, "Dense CRF").setCurrentText("Dense CRF")
    press(qtbot, widget, "Apply")
    rest_after_a_stroke(qtbot, viewer, widget)
    assert says(widget, "Cleaned up by the dense CRF.")
    np.testing.assert_array_equal(viewer.layers[RESULT].data, cleaned_by(widget, DenseCRF()))


@pytest.mark.usefixtures("broken_crf")
def test_a_clean_up_that_fails_at_rest_leaves_the_thorough_classifier_and_its_picture(
    qtbot, viewer, widget, notes
):
    before = widget._bench.classifier
    combo(widget, "Dense CRF").setCurrentText("Dense CRF")
    keeps_on(widget).click()
    qtbot.waitUntil(lambda: says(widget, "Stopped by an error."), timeout=60_000)
    notes.clear()
    for row in (85, 88):  # the second time nobody need be told again
        rest_after_a_stroke(qtbot, viewer, widget, row)
        assert says(widget, "The clean-up was stopped by an error; this is what was predicted.")
    learned = widget._bench.classifier
    assert learned is widget._live._live.classifier is not before
    np.testing.assert_array_equal(
        viewer.layers[RESULT].data, segmented(viewer.layers["grains"].data, learned)
    )
    assert [note.message for note in notes] == ["the dense CRF failed: OSError: built for another machine"]


@pytest.mark.usefixtures("broken_crf")
def test_a_clean_up_that_fails_after_segment_leaves_the_classifier_and_its_picture(
    qtbot, viewer, widget, notes
):
    before = widget._bench.classifier
    combo(widget, "Dense CRF").setCurrentText("Dense CRF")
    keeps_on(widget).click()
    qtbot.waitUntil(lambda: says(widget, "Stopped by an error."), timeout=60_000)
    notes.clear()
    segment(qtbot, widget)
    learned = widget._bench.classifier
    assert learned is not before
    np.testing.assert_array_equal(
        viewer.layers[RESULT].data, segmented(viewer.layers["grains"].data, learned)
    )
    assert ["the dense CRF failed" in note.message for note in notes] == [True]


def test_a_camera_that_moves_takes_no_clean_up_away(qtbot, viewer, widget):
    press(qtbot, widget, "Apply")
    combo(widget, "Live").setCurrentText("After stroke")
    viewer.layers["grains strokes"].data_setitem((np.full(30, 85), np.arange(60, 90)), 2)
    qtbot.waitUntil(lambda: says(widget, "Cleaned up by") and widget._live.is_settled, timeout=60_000)
    expected, shown = cleaned(widget, 2), []
    camera = getattr(viewer, "scene", viewer).camera  # napari 0.9 moved it
    widget._bench.shown.connect(lambda: shown.append(viewer.layers[RESULT].data.copy()))
    camera.zoom *= 2
    qtbot.waitUntil(
        lambda: not widget._live._look.isActive() and not widget._bench.job.is_busy, timeout=60_000
    )
    assert shown == []
    widget._bench.shown.emit()  # someone may have written
    shown.clear()
    camera.zoom *= 2
    qtbot.waitUntil(lambda: bool(shown), timeout=60_000)
    assert all((data == expected).all() for data in shown)


def test_cancel_leaves_the_plain_picture_and_the_next_result_is_cleaned_up(qtbot, viewer, widget):
    before = viewer.layers[RESULT].data.copy()
    button(widget, "Apply").click()
    button(widget, "Cancel").click()
    qtbot.waitUntil(lambda: says(widget, "Cancelled"), timeout=60_000)
    np.testing.assert_array_equal(viewer.layers[RESULT].data, before)
    segment(qtbot, widget)
    np.testing.assert_array_equal(viewer.layers[RESULT].data, cleaned(widget, 2))


def test_the_dense_crf_is_a_choice(qtbot, viewer, widget):
    pytest.importorskip("pydensecrf", reason="the extra crf is not installed")
    combo(widget, "Dense CRF").setCurrentText("Dense CRF")
    assert strength(widget).isHidden()
    press(qtbot, widget, "Apply")
    assert set(np.unique(viewer.layers[RESULT].data)) == {2, 7}


def test_a_missing_package_is_said_and_nothing_is_changed(qtbot, viewer, widget, monkeypatch, notes):
    monkeypatch.setattr("napari_vitrail.crf.find_spec", lambda name: None)
    before = viewer.layers[RESULT].data.copy()
    combo(widget, "Dense CRF").setCurrentText("Dense CRF")
    button(widget, "Preview").click()
    qtbot.waitUntil(lambda: says(widget, "Stopped by an error"), timeout=60_000)
    assert "pip install 'napari-vitrail[crf]'" in notes[-1].message
    notes.clear()
    button(widget, "Apply").click()
    assert "pip install 'napari-vitrail[crf]'" in notes[-1].message
    assert not keeps_on(widget).isChecked()
    np.testing.assert_array_equal(viewer.layers[RESULT].data, before)


def test_a_segmentation_that_is_removed_meanwhile_is_said(qtbot, viewer, widget):
    button(widget, "Apply").click()
    viewer.layers.remove(RESULT)
    wait(qtbot, widget)
    assert says(widget, "removed meanwhile")
    assert RESULT not in viewer.layers


# ---- objects --------------------------------------------------------------------------------------


def test_objects_are_counted_measured_and_said_under_the_cursor(qtbot, viewer, widget):
    press(qtbot, widget, "Apply")
    press(qtbot, widget, "Find objects")
    assert says(widget, "4 objects.")
    layer = viewer.layers[OBJECTS]
    table = layer.features
    assert table["class"].tolist() == ["grain"] * 4
    areas = np.bincount(layer.data.ravel())[1:]
    np.testing.assert_allclose(table["area_um2"], areas / 4)
    assert 80 < table["area_um2"].mean() < 130
    assert "intensity_mean" in table
    assert layer.get_status((10, 10), world=True)["coordinates"].count("area_um2: ") == 1


def test_touching_objects_stay_one_unless_split(qtbot, viewer, widget):
    press(qtbot, widget, "Apply")
    widget._objects._split.value = False
    press(qtbot, widget, "Find objects")
    assert viewer.layers[OBJECTS].data.max() == 3
    widget._objects._split.value = True
    press(qtbot, widget, "Find objects")
    assert viewer.layers[OBJECTS].data.max() == 4
    assert sum("objects" in layer.name for layer in viewer.layers) == 1


def test_classes_are_chosen_in_a_menu(qtbot, viewer, widget):
    menu = widget.findChild(ClassMenu)
    menu.show_classes()
    assert menu.text() == "grain"
    actions = menu.findChild(QMenu)
    actions.aboutToShow.emit()
    assert [(one.text(), one.isChecked()) for one in actions.actions()] == [
        ("class 2", False),
        ("grain", True),
    ]
    actions.actions()[1].trigger()
    assert menu.text() == "none"
    button(widget, "Find objects").click()
    assert says(widget, "choose a class whose objects are wanted")
    actions.actions()[0].trigger()
    press(qtbot, widget, "Find objects")
    assert set(viewer.layers[OBJECTS].features["class"]) == {"class 2"}


def test_the_measurements_become_a_file(qtbot, viewer, widget, monkeypatch, tmp_path):
    press(qtbot, widget, "Find objects")
    path = tmp_path / "grains.csv"
    monkeypatch.setattr(QFileDialog, "exec", lambda dialog: 1)
    monkeypatch.setattr(QFileDialog, "selectedFiles", lambda dialog: [str(path)])
    button(widget, "Save CSV...").click()
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["area_um2"]) for row in rows] == viewer.layers[OBJECTS].features["area_um2"].tolist()


def test_a_place_that_cannot_be_written_to_is_said(qtbot, viewer, widget, monkeypatch, tmp_path, notes):
    press(qtbot, widget, "Find objects")
    (tmp_path / "folder").write_text("not one")
    path = tmp_path / "folder" / "grains.csv"
    monkeypatch.setattr(QFileDialog, "exec", lambda dialog: 1)
    monkeypatch.setattr(QFileDialog, "selectedFiles", lambda dialog: [str(path)])
    button(widget, "Save CSV...").click()
    assert "folder" in notes[-1].message
    assert notes[-1].severity == "error"


def test_the_table_is_naparis(qtbot, viewer, widget):
    press(qtbot, widget, "Find objects")
    button(widget, "Table").click()
    assert viewer.layers.selection.active.name == OBJECTS
    assert any("Features table" in name for name in viewer.window.dock_widgets)


def test_without_units_a_scale_is_of_the_world_and_without_either_there_are_pixels(qtbot, viewer, widget):
    for scale, name in (((0.5, 0.5), "area_world2"), ((1, 1), "area")):
        for layer in (viewer.layers["grains"], viewer.layers["grains strokes"]):
            layer.units, layer.scale = ("pixel", "pixel"), scale
        segment(qtbot, widget)
        press(qtbot, widget, "Find objects")
        assert name in viewer.layers[OBJECTS].features


# ---- nothing to work on ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Probabilities", "Not yet: let it learn from strokes"),
        ("Preview", "Not yet: let it learn from strokes"),
        ("Apply", "Not yet: let it learn from strokes"),
        ("Undo", "Not yet: nothing was cleaned up"),
        ("Find objects", "Not yet: there is no segmentation"),
        ("Table", "Not yet: find objects first"),
        ("Save CSV...", "Not yet: find objects first"),
    ],
)
def test_before_there_is_a_segmentation_the_buttons_say_what_is_missing(bare, name, reason):
    assert not button(bare, name).isEnabled()
    assert button(bare, name).toolTip().replace("\n", " ").startswith(reason)
