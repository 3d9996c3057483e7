"""What stands in the way is said, every control is explained, everything fits, and may go at any time."""

from __future__ import annotations

import numpy as np
from qtpy.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox, QPushButton

from napari_vitrail.widgets import ClassifierWidget
from napari_vitrail.widgets._keys import Keys
from napari_vitrail.widgets._layers import class_names
from napari_vitrail.widgets._quality_curve import Quality
from napari_vitrail.widgets._settings import declared
from tests.widgets.driving import activate, button, says, tab_through
from tests.widgets.propagate.hands import dock, frames_of, propagate, settle
from tests.widgets.test_keyboard import controls


def test_without_a_stack_the_widget_waits(qtbot, make_napari_viewer_proxy, movie):
    viewer = make_napari_viewer_proxy(show=True)
    widget = dock(qtbot, viewer)
    start = button(widget, "Propagate")
    assert start.toolTip() == "Not yet: open a stack or a movie first"
    viewer.add_image(movie[0], name="photo")
    qtbot.waitUntil(lambda: start.toolTip().startswith("Not yet: 'photo' has no slider"))
    viewer.add_image(movie, name="movie")
    qtbot.waitUntil(lambda: start.toolTip() == "Not yet: press New and label a frame")
    button(widget, "New").click()
    qtbot.waitUntil(lambda: start.toolTip() == "Not yet: no frame is labelled: paint on one")
    layer = viewer.layers["movie labels"]
    assert viewer.layers.selection.active == layer
    assert layer.mode == "paint"
    layer.fill((1, 10, 10), 1)
    qtbot.waitUntil(start.isEnabled)
    assert frames_of(widget) == ["1"]


def test_a_volume_is_refused_and_taken_up_again(qtbot, viewer, widget):
    viewer.dims.ndisplay = 3
    qtbot.waitUntil(lambda: "switch it to 2-D" in button(widget, "Propagate").toolTip())
    viewer.dims.ndisplay = 2
    qtbot.waitUntil(button(widget, "Propagate").isEnabled)


def test_every_control_has_a_tooltip(done):
    kinds = (QAbstractButton, QComboBox, QAbstractSpinBox)
    parts = [part for kind in kinds for part in done.findChildren(kind)]
    assert [part for part in parts if not (part.toolTip() or part.parent().toolTip())] == []


def test_everything_fits_into_320_pixels(done):
    assert done.minimumSizeHint().width() <= 320


def test_tab_reaches_every_control(qtbot, done):
    activate(qtbot, done)
    first = done._propagation.choice._image.native
    assert controls(done) <= {first, *tab_through(qtbot, done, first)}


def test_keys_are_those_of_preferences_and_free_again_when_the_widget_has_gone(viewer, widget):
    assert declared()["propagate_keys"] == {
        "worst": "W",
        "correct": "H",
        "go_on": "G",
        "take_back": "Shift+G",
    }
    text = next(label.text() for label in widget.findChild(Keys).children() if hasattr(label, "text"))
    assert "not bound" not in text
    bound = len(viewer.keymap)
    viewer.window.remove_dock_widget(widget)
    assert len(viewer.keymap) == bound - 4


def test_play_is_napari_s_own(qtbot, viewer, done):
    buttons = done.window().findChildren(QPushButton)
    player = next(own for own in buttons if type(own).__name__ == "QtPlayButton" and own.isVisible())
    button(done, "Play").click()
    qtbot.waitUntil(lambda: player.property("playing") == "True")
    qtbot.waitUntil(lambda: viewer.dims.current_step[0] > 0, timeout=10_000)
    button(done, "Play").click()
    qtbot.waitUntil(lambda: player.property("playing") == "False")


def test_the_image_is_removed_while_frames_are_computed(qtbot, viewer, widget, may_go, notes):
    button(widget, "Propagate").click()
    qtbot.waitUntil(lambda: "cell propagated" in viewer.layers, timeout=60_000)
    viewer.layers.remove("movie")
    may_go.set()
    settle(qtbot, widget)
    assert says(widget, "Stopped: the stack or its labels")
    assert not button(widget, "Propagate").isEnabled()
    assert notes == []


def test_the_propagated_layer_is_removed_while_frames_are_computed(qtbot, viewer, widget, may_go, notes):
    button(widget, "Propagate").click()
    qtbot.waitUntil(lambda: "cell propagated" in viewer.layers, timeout=60_000)
    viewer.layers.remove("cell propagated")
    may_go.set()
    settle(qtbot, widget)
    assert says(widget, "Stopped: the stack or its labels")
    propagate(qtbot, widget)
    assert viewer.layers["cell propagated"].data.any(axis=(1, 2)).all()
    assert notes == []


def test_the_viewer_is_closed_while_frames_are_computed(qtbot, viewer, widget, may_go):
    button(widget, "Propagate").click()
    qtbot.waitUntil(lambda: "cell propagated" in viewer.layers, timeout=60_000)
    job = widget._propagation.job
    viewer.close()
    may_go.set()
    qtbot.waitUntil(lambda: not job._runner.is_busy, timeout=20_000)


def test_what_was_propagated_is_sent_to_paint_to_segment_where_it_is_sure(qtbot, viewer, done):
    layer = viewer.layers["cell propagated"]
    button(done, "Send to Paint to segment").click()
    settle(qtbot, done)
    assert says(done, "strokes on 1 image layer")
    strokes = viewer.layers["movie strokes"]
    assert class_names(strokes) == {3: "label 3", 4: "background"}
    np.testing.assert_array_equal(strokes.data[0] == 3, layer.data[0] == 3)
    sent = strokes.data > 0
    assert 1 < sent.any(axis=(1, 2)).sum() <= 5
    assert (layer.data[strokes.data == 3] == 3).all()
    assert (layer.data[strokes.data == 4] == 0).all()
    assert not sent[1:].all()
    painter = done.window().findChild(ClassifierWidget)
    assert painter._bench.layers.strokes == strokes
    assert painter._bench.obstacle() == ""


def test_a_segmentation_of_one_frame_labels_it(qtbot, viewer, labels, done):
    labels.metadata = {"napari-vitrail": {"image": "movie", "kind": "segmentation"}}
    labels.name = "movie segmentation"
    combo = done._propagation.choice._source
    assert labels in combo.choices
    assert viewer.layers["cell propagated"] not in combo.choices


def test_the_worst_frames_are_dips_of_the_curve_one_after_the_other():
    quality = Quality(7, {0: 1.0, 1: 0.9, 2: 0.5, 3: 0.6, 4: 0.8, 5: 0.7, 6: 0.9}, labelled=frozenset({0}))
    assert quality.worst() == 2
    assert quality.worst(shown=2) == 5
    assert quality.worst(shown=5) == 2
    assert Quality(3, {0: 1.0}, labelled=frozenset({0})).worst() is None
