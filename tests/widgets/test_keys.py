"""Keys, pressed on the canvas of a real viewer: what they do, and whose they stay."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Labels
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel

from napari_vitrail.widgets._keymap import parse_key
from napari_vitrail.widgets._keys import Keys
from tests.widgets.driving import button, canvas_of, combo, dock, says


@pytest.fixture
def viewer(make_napari_viewer_proxy, textures):
    viewer = make_napari_viewer_proxy()
    viewer.add_image(textures, name="textures")
    return viewer


@pytest.fixture
def widget(viewer):
    widget = dock(viewer)
    button(widget, "New").click()
    strokes = viewer.layers["textures strokes"]
    strokes.data[10:50, 8:12], strokes.data[10:50, 50:54] = 2, 7
    return widget


@pytest.fixture
def segmented(qtbot, widget):
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: says(widget, "Done in"), timeout=60_000)
    return widget


@pytest.fixture
def press(qtbot):
    """Return a function that presses a key over the canvas."""

    def press(widget, key: str) -> None:
        qtbot.keyClick(canvas_of(widget), getattr(Qt.Key, f"Key_{key}"))

    return press


def keys_listed(widget) -> str:
    return widget.findChild(Keys).findChild(QLabel).text()


def is_shown(viewer, kind: str) -> bool:
    name = f"textures {kind}"
    return name in viewer.layers and viewer.layers[name].visible


def test_a_key_shows_each_view_in_turn_and_has_it_computed(qtbot, viewer, segmented, press):
    views = combo(segmented, "Uncertainty")
    assert views.currentText() == "Segmentation"
    for title, kind in (("Probability", "probability of class 2"), ("Uncertainty", "uncertainty")):
        press(segmented, "T")
        qtbot.waitUntil(lambda kind=kind: is_shown(viewer, kind), timeout=60_000)
        qtbot.waitUntil(lambda title=title: views.currentText() == title)
        assert not is_shown(viewer, "segmentation")
    assert not is_shown(viewer, "probability of class 2")
    press(segmented, "T")
    assert views.currentText() == "Image"
    assert not is_shown(viewer, "segmentation")
    assert not is_shown(viewer, "uncertainty")
    press(segmented, "T")
    assert views.currentText() == "Segmentation"
    assert is_shown(viewer, "segmentation")


def test_uncertainty_is_asked_for_again_when_the_classifier_is_another(qtbot, viewer, segmented, press):
    views = combo(segmented, "Uncertainty")
    views.setCurrentText("Uncertainty")
    qtbot.waitUntil(lambda: says(segmented, "on average"), timeout=60_000)
    first = viewer.layers["textures uncertainty"].data.copy()
    views.setCurrentText("Segmentation")
    views.setCurrentText("Uncertainty")
    assert is_shown(viewer, "uncertainty")  # at once: nothing has changed
    viewer.layers["textures strokes"].data[55:60, 20:44] = 9
    button(segmented, "Segment").click()
    found = viewer.layers["textures segmentation"]
    qtbot.waitUntil(lambda: 9 in found.data and says(segmented, "Done in"), timeout=60_000)
    views.setCurrentText("Segmentation")
    views.setCurrentText("Uncertainty")
    qtbot.waitUntil(lambda: says(segmented, "on average"), timeout=60_000)
    assert not np.array_equal(viewer.layers["textures uncertainty"].data, first)


def test_a_view_that_was_left_stays_left_when_its_answer_comes(qtbot, viewer, segmented, press):
    press(segmented, "T")  # asks for probabilities
    press(segmented, "T")  # for uncertainty in their place
    press(segmented, "T")  # and leaves before it is there
    qtbot.waitUntil(lambda: "textures uncertainty" in viewer.layers, timeout=60_000)
    qtbot.waitUntil(lambda: not segmented._bench.job.is_busy, timeout=60_000)
    assert combo(segmented, "Uncertainty").currentText() == "Image"
    assert not is_shown(viewer, "uncertainty")
    assert "textures probability of class 2" not in viewer.layers


@pytest.mark.parametrize(("name", "view"), [("Probabilities", "Probability"), ("Uncertainty", "Uncertainty")])
def test_what_a_button_has_computed_is_not_computed_again(qtbot, viewer, segmented, name, view):
    before = segmented._bench.job._status.text()
    button(segmented, name).click()
    qtbot.waitUntil(
        lambda: not segmented._bench.job.is_busy and segmented._bench.job._status.text() != before,
        timeout=60_000,
    )
    views = combo(segmented, view)
    views.setCurrentText("Image")
    views.setCurrentText(view)
    assert not segmented._bench.job.is_busy
    assert views.currentText() == view


@pytest.mark.parametrize("view", ["Probability", "Uncertainty"])
def test_what_nobody_can_compute_is_no_view(widget, view):
    views = combo(widget, view)
    views.setCurrentText(view)
    assert says(widget, "Not yet: let it learn from strokes")
    assert views.currentText() == "Image"


def test_probabilities_are_computed_again_when_the_classifier_is_another(qtbot, viewer, segmented):
    views = combo(segmented, "Probability")
    views.setCurrentText("Probability")
    qtbot.waitUntil(lambda: says(segmented, "probabilities of 2 classes"), timeout=60_000)
    viewer.layers["textures strokes"].data[55:60, 20:44] = 9
    button(segmented, "Segment").click()
    qtbot.waitUntil(lambda: 9 in viewer.layers["textures segmentation"].data, timeout=60_000)
    views.setCurrentText("Segmentation")
    views.setCurrentText("Probability")
    qtbot.waitUntil(lambda: says(segmented, "probabilities of 3 classes"), timeout=60_000)
    assert is_shown(viewer, "probability of class 9")


def test_the_view_follows_the_eyes_of_the_layer_list(viewer, segmented):
    viewer.layers["textures segmentation"].visible = False
    assert combo(segmented, "Uncertainty").currentText() == "Image"


def test_nothing_to_show_is_said(widget, press):
    press(widget, "T")
    assert says(widget, "nothing to show but the image")


def test_brush_and_eraser_come_from_anywhere(viewer, widget, press):
    strokes, image = viewer.layers["textures strokes"], viewer.layers["textures"]
    for key, mode in (("D", "paint"), ("R", "erase")):
        viewer.layers.selection.active = image
        press(widget, key)
        assert viewer.layers.selection.active.name == strokes.name
        assert strokes.mode == mode


def test_a_brush_without_strokes_says_what_to_do(viewer, press):
    widget = dock(viewer)
    press(widget, "D")
    assert says(widget, "press New")


def test_a_digit_paints_with_a_class(viewer, widget, press):
    press(widget, "7")
    assert viewer.layers["textures strokes"].selected_label == 7


def test_segment_and_the_most_uncertain_spot_have_keys(qtbot, viewer, widget, press):
    press(widget, "S")
    qtbot.waitUntil(lambda: is_shown(viewer, "segmentation"), timeout=60_000)
    qtbot.waitUntil(lambda: says(widget, "Done in"), timeout=60_000)
    press(widget, "U")
    qtbot.waitUntil(lambda: says(widget, "a stroke there says most"), timeout=60_000)


def test_keys_of_the_user_stay_theirs(viewer, press):
    """Bound on the viewer before the widget opens; the list says by whom."""
    pressed = []

    def my_tool(viewer):
        pressed.append("S")

    viewer.bind_key("S", my_tool)
    widget = dock(viewer)
    button(widget, "New").click()
    press(widget, "S")
    assert pressed == ["S"]
    assert "in use: tests: my tool" in keys_listed(widget)
    viewer.window.remove_dock_widget(widget)
    assert parse_key("S") in viewer.keymap
    viewer.bind_key("S", None)


def test_keys_of_labels_layers_stay_theirs(viewer):
    """Bound for all labels layers, in a startup script say, digits too."""

    def my_fill(layer):
        layer.mode = "fill"

    replaced = Labels.class_keymap[parse_key("3")]
    Labels.bind_key("U", my_fill)
    Labels.bind_key("3", my_fill, overwrite=True)
    try:
        widget = dock(viewer)
        button(widget, "New").click()
        assert "in use: tests: my fill" in keys_listed(widget)
        keymap = viewer.layers["textures strokes"].keymap
        assert parse_key("3") not in keymap
        assert "in use: 3, tests: my fill" in keys_listed(widget)
        assert "in use: 4" not in keys_listed(widget)
        assert parse_key("4") in keymap  # napari's own use of digits gives way on this layer
    finally:
        Labels.bind_key("U", None)
        Labels.bind_key("3", replaced, overwrite=True)


def test_two_widgets_share_the_keys(viewer):
    first, second = dock(viewer), dock(viewer)
    assert "in use: napari_vitrail" in keys_listed(second)
    assert "in use" not in keys_listed(first)


def test_keys_are_given_back_when_the_widget_closes(viewer, widget):
    assert {parse_key(key) for key in "TDRUS"} <= set(viewer.keymap)
    viewer.window.remove_dock_widget(widget)
    assert not viewer.keymap


def test_a_key_that_was_taken_meanwhile_is_not_given_back(viewer, widget):
    def my_tool(viewer):
        pass

    viewer.bind_key("T", my_tool, overwrite=True)
    viewer.window.remove_dock_widget(widget)
    assert viewer.keymap[parse_key("T")] is not None
    viewer.bind_key("T", None)


def test_a_key_is_changed_in_preferences(viewer, widget, press):
    settings = pytest.importorskip("napari.settings")
    if not hasattr(settings, "get_plugin_settings"):
        pytest.skip("napari has preferences of plugins from 0.9 on")
    keys = settings.get_plugin_settings("napari-vitrail").keys
    keys.brush = "Ctrl+Shift+F9"
    assert {parse_key("Ctrl+Shift+F9")} == set(viewer.keymap) - {parse_key(key) for key in "TRUS"}
    keys.brush = "nonsense"
    assert "a key must be like" in keys_listed(widget)
    keys.brush = ""
    assert set(viewer.keymap) == {parse_key(key) for key in "TRUS"}


def test_napari_keys_that_one_paints_with_are_listed(widget):
    assert "<b>P</b></td><td>brush (napari)" in keys_listed(widget)
    assert "<b>[</b></td><td>smaller brush (napari)" in keys_listed(widget)


@pytest.mark.parametrize("text", ["", "foo", "T U", "Ctrl"])
def test_what_names_no_key_is_refused(text):
    with pytest.raises(ValueError, match="a key must be like"):
        parse_key(text)


@pytest.mark.parametrize("text", ["t", "F9", "Ctrl+Shift+T", "Alt-T"])
def test_keys_are_read_with_either_sign(text):
    assert str(parse_key(text)).upper() == text.replace("-", "+").upper()


def test_a_menu_key_is_not_taken(viewer, widget):
    from napari_vitrail.widgets._keymap import used_for

    assert used_for(parse_key("Ctrl+W"), viewer, None, widget.window()).startswith("menu: ")
    assert used_for(parse_key("Ctrl+F9"), viewer, None, widget.window()) == ""


def test_the_keys_of_the_viewer_are_not_taken(viewer, widget):
    from napari_vitrail.widgets._keymap import used_for

    assert used_for(parse_key("V"), viewer, None, widget.window()).startswith("napari: ")
