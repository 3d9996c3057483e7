"""Stories in a real viewer: paint, segment, cancel, err, close."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from napari.layers import Layer
from qtpy.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox, QFileDialog, QProgressBar
from skimage.measure import label as connected

from napari_vitrail.backbones import available_source
from napari_vitrail.image import IntensityRange
from napari_vitrail.progress import Progress
from napari_vitrail.samples import histology
from napari_vitrail.spec import DEFAULT_BACKBONE
from napari_vitrail.widgets import histology_strokes
from napari_vitrail.widgets._layers import class_names
from tests.widgets.conftest import SIDE
from tests.widgets.driving import button, combo, dock, draw, says


@pytest.fixture
def viewer(make_napari_viewer_proxy, textures):
    """Return a viewer that shows the textures, calibrated."""
    viewer = make_napari_viewer_proxy()
    viewer.add_image(textures, name="textures", scale=(0.5, 0.5), translate=(10, 20), units="um")
    return viewer


@pytest.fixture
def widget(viewer):
    """Return the widget, docked, on classical features, which take no time."""
    return dock(viewer, update=None)


@pytest.fixture
def painted(widget, viewer):
    """Return a strokes layer with a stroke of either class."""
    button(widget, "New").click()
    strokes = viewer.layers["textures strokes"]
    strokes.data[10:50, 8:12], strokes.data[10:50, 50:54] = 2, 7
    return strokes


@pytest.fixture
def gate(monkeypatch):
    """Put in place of the core a job that waits to be let on, and return its gate."""
    gate = Gate()
    monkeypatch.setattr("napari_vitrail.widgets._segmenting.segment_painted_steps", gate.steps)
    return gate


@pytest.fixture
def dialog(monkeypatch, tmp_path):
    """Return the path that every file dialog answers with."""
    path = tmp_path / "textures.vitrail"
    monkeypatch.setattr(QFileDialog, "exec", lambda dialog: 1)
    monkeypatch.setattr(QFileDialog, "selectedFiles", lambda dialog: [str(path)])
    return path


class Gate:
    """A job that waits at its yields until it is opened or closed."""

    def __init__(self):
        self.started, self.open, self.closed = threading.Event(), threading.Event(), threading.Event()

    def steps(self, plane, *_, **__):
        try:
            self.started.set()
            while not self.open.wait(0.01):
                yield Progress(1, 4, "tiles")
            return Report(), np.ones(plane.shape[:2], np.uint8), None
        finally:
            self.closed.set()


class Report:
    report = "All is one."
    intensity = IntensityRange(0, 255)


def test_strokes_painted_with_the_mouse_become_a_segmentation(
    qtbot, make_napari_viewer_proxy, textures, notes
):
    viewer = make_napari_viewer_proxy(show=True)
    viewer.add_image(textures, name="textures", scale=(0.5, 0.5), translate=(10, 20))
    widget = dock(viewer, update=None)
    button(widget, "New").click()
    strokes = viewer.layers["textures strokes"]
    strokes.brush_size = 4
    viewer.reset_view()
    draw(viewer, widget, (15, 24), (38, 26))
    strokes.selected_label = 2
    draw(viewer, widget, (15, 46), (38, 48))
    assert set(np.unique(strokes.data)) == {0, 1, 2}
    assert connected(strokes.data, background=0).max() == 2  # two strokes, without gaps

    combo(widget, "Live").setCurrentText("Manual")
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: "textures segmentation" in viewer.layers, timeout=60_000)

    result = viewer.layers["textures segmentation"]
    truth = np.where(np.arange(SIDE) < SIDE // 2, 1, 2) * np.ones((SIDE, 1))
    qtbot.waitUntil(lambda: (result.data == truth).mean() > 0.9, timeout=60_000)
    np.testing.assert_array_equal(result.scale, (0.5, 0.5))
    np.testing.assert_array_equal(result.translate, (10, 20))
    assert viewer.layers.selection.active == strokes
    assert notes == []


def test_class_ids_stay_as_painted(qtbot, viewer, widget, painted):
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: "textures segmentation" in viewer.layers, timeout=60_000)
    assert set(np.unique(viewer.layers["textures segmentation"].data)) == {2, 7}
    qtbot.waitUntil(lambda: says(widget, "Done in"))


def test_second_run_updates_the_layer_in_place(qtbot, viewer, widget, painted):
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: "textures segmentation" in viewer.layers, timeout=60_000)
    first = viewer.layers["textures segmentation"]
    painted.data = np.where(painted.data == 7, 9, painted.data)
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: 9 in first.data, timeout=60_000)
    assert len(viewer.layers) == 3


@pytest.mark.parametrize("labels", [(), (3,)], ids=["nothing", "one class"])
def test_too_few_strokes_are_one_notification(labels, qtbot, viewer, widget, notes):
    button(widget, "New").click()
    for label in labels:
        viewer.layers["textures strokes"].data[5:9, 5:9] = label
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: notes != [])
    qtbot.waitUntil(lambda: not button(widget, "Cancel").isEnabled())
    [note] = notes
    assert note.severity == "error"
    assert "at least two classes" in note.message
    assert "textures segmentation" not in viewer.layers


def test_runtime_error_is_one_notification(qtbot, widget, painted, notes, monkeypatch):
    def out_of_memory(*_, **__):
        yield Progress(0, 1, "tiles")
        raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr("napari_vitrail.widgets._segmenting.segment_painted_steps", out_of_memory)
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: notes != [])
    qtbot.waitUntil(lambda: not button(widget, "Cancel").isEnabled())
    [note] = notes
    assert note.message.startswith("CUDA out of memory; a larger stride")


def test_result_that_cannot_be_written_is_one_notification(
    qtbot, widget, painted, gate, notes, monkeypatch, caplog
):
    def fail(*_, **__):
        raise TypeError("no such dtype")

    monkeypatch.setattr("napari_vitrail.widgets._segmenting.write_segmentation", fail)
    gate.open.set()
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: notes != [])
    qtbot.waitUntil(lambda: widget.findChild(QProgressBar).isHidden())
    assert [note.message for note in notes] == ["no such dtype"]
    assert says(widget, "Stopped by an error")
    assert not says(widget, "Segmenting")
    assert not button(widget, "Cancel").isEnabled()


def test_progress_shows_and_goes(qtbot, widget, painted, gate):
    bar = widget.findChild(QProgressBar)
    assert bar.isHidden()
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: bar.value() == 1)
    assert not bar.isHidden()
    assert bar.text() == "Tiles: 1 of 4"
    gate.open.set()
    qtbot.waitUntil(bar.isHidden)
    assert says(widget, "s: All is one.")


def test_cancel_stops_the_job_and_writes_nothing(qtbot, viewer, widget, painted, gate, notes):
    cancel = button(widget, "Cancel")
    assert not cancel.isEnabled()
    button(widget, "Segment").click()
    qtbot.waitUntil(gate.started.is_set)
    cancel.click()
    assert not cancel.isEnabled()
    qtbot.waitUntil(lambda: says(widget, "Cancelled"))
    assert gate.closed.is_set()
    assert "textures segmentation" not in viewer.layers
    assert notes == []


def test_closing_the_dock_cancels_the_job(qtbot, viewer, widget, painted, gate):
    button(widget, "Segment").click()
    qtbot.waitUntil(gate.started.is_set)
    viewer.window.remove_dock_widget(widget)
    qtbot.waitUntil(gate.closed.is_set)
    qtbot.wait(20)
    assert "textures segmentation" not in viewer.layers
    widget.deleteLater()


def test_closing_the_viewer_cancels_the_job(qtbot, make_napari_viewer, textures, gate):
    viewer = make_napari_viewer()
    viewer.add_image(textures)
    widget = dock(viewer, update=None)
    button(widget, "New").click()
    button(widget, "Segment").click()
    qtbot.waitUntil(gate.started.is_set)
    del widget
    viewer.close()
    qtbot.waitUntil(gate.closed.is_set)


@pytest.mark.parametrize(
    ("name", "remark"),
    [("textures", "'textures' was removed meanwhile"), ("textures strokes", "All is one.")],
    ids=["image", "strokes"],
)
def test_removing_a_layer_meanwhile_loses_nothing(name, remark, qtbot, viewer, widget, painted, gate, notes):
    button(widget, "Segment").click()
    qtbot.waitUntil(gate.started.is_set)
    del viewer.layers[name]
    gate.open.set()
    qtbot.waitUntil(lambda: "textures segmentation" in viewer.layers)
    assert says(widget, remark)
    assert notes == []


def test_plane_of_a_stack_is_segmented_where_it_is(qtbot, viewer, widget, textures):
    viewer.add_image(np.stack([textures] * 3), name="stack")
    combo(widget, "stack").setCurrentText("stack")
    button(widget, "New").click()
    strokes = viewer.layers["stack strokes"]
    strokes.data[0, 10:50, 8:12], strokes.data[2, 10:50, 50:54] = 1, 2
    viewer.dims.set_point(0, 1)
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: "stack segmentation" in viewer.layers, timeout=60_000)
    result = viewer.layers["stack segmentation"].data
    assert result.shape == (3, SIDE, SIDE)
    assert [set(np.unique(plane)) for plane in result] == [{0}, {1, 2}, {0}]


@pytest.mark.slow
def test_histology_is_segmented_on_real_weights(
    qtbot, make_napari_viewer_proxy, notes, tmp_path, monkeypatch
):
    monkeypatch.setenv("VITRAIL_CACHE_DIR", str(tmp_path))
    if available_source(DEFAULT_BACKBONE) is None:
        pytest.skip("no weights on this machine")
    sample, viewer = histology(), make_napari_viewer_proxy()
    for data in histology_strokes():
        viewer.add_layer(Layer.create(*data))
    widget = dock(viewer, features=None, update=None)
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: bool(notes) or "histology segmentation" in viewer.layers, timeout=300_000)
    assert notes == []
    known = sample.held_out > 0
    result = viewer.layers["histology segmentation"].data
    assert (result[known] == sample.held_out[known]).mean() > 0.9


def test_buttons_say_what_is_missing(make_napari_viewer_proxy, textures):
    viewer = make_napari_viewer_proxy()
    widget = dock(viewer, update=None)
    new, segment = button(widget, "New"), button(widget, "Segment")
    assert not new.isEnabled()
    assert "open an image" in segment.toolTip()
    viewer.add_image(textures)
    assert new.isEnabled()
    assert "press New" in segment.toolTip()
    viewer.add_labels(np.zeros((3, 4), np.uint8), translate=(500, 0))
    assert "lies elsewhere" in segment.toolTip()
    new.click()
    assert segment.isEnabled()


def test_a_volume_in_view_is_said_to_be_no_plane(viewer, widget, textures):
    viewer.add_image(np.stack([textures] * 3), name="stack")
    combo(widget, "stack").setCurrentText("stack")
    button(widget, "New").click()
    viewer.dims.ndisplay = 3
    assert not button(widget, "Segment").isEnabled()
    assert "switch it to 2-D" in button(widget, "Segment").toolTip()
    viewer.dims.ndisplay = 2
    assert button(widget, "Segment").isEnabled()


def test_strokes_moved_off_the_image_are_noticed(widget, painted):
    assert button(widget, "Segment").isEnabled()
    painted.translate = (0, 500)
    assert not button(widget, "Segment").isEnabled()
    assert "lies elsewhere" in " ".join(button(widget, "Segment").toolTip().split())
    painted.affine = [[1, 0, 0], [0, 1, -480], [0, 0, 1]]
    assert button(widget, "Segment").isEnabled()


def test_a_change_without_a_word_is_said_at_the_click(widget, painted, gate, notes):
    with painted.events.blocker_all():
        painted.translate = (0, 500)
    button(widget, "Segment").click()
    assert says(widget, "Not yet: the strokes layer lies elsewhere")
    assert not gate.started.is_set()
    assert notes == []


def test_strokes_at_half_the_scale_count_where_they_lie(qtbot, viewer, widget, textures):
    fine = np.zeros((2 * SIDE, 2 * SIDE), np.uint8)
    fine[20:100, 16:24], fine[20:100, 100:108] = 1, 2
    viewer.add_labels(fine, name="fine", scale=(0.25, 0.25), translate=(9.875, 19.875))
    combo(widget, "fine").setCurrentText("fine")
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: says(widget, "Done in"), timeout=60_000)
    result = viewer.layers["textures segmentation"]
    assert result.data.shape == (SIDE, SIDE)
    truth = np.where(np.arange(SIDE) < SIDE // 2, 1, 2) * np.ones((SIDE, 1))
    assert (result.data == truth).mean() > 0.9


def test_saved_classifier_segments_another_image(qtbot, viewer, widget, painted, notes, dialog, textures):
    save, apply = button(widget, "Save classifier..."), button(widget, "Apply classifier...")
    assert not save.isEnabled()
    button(widget, "Segment").click()
    qtbot.waitUntil(save.isEnabled, timeout=60_000)
    qtbot.waitUntil(lambda: says(widget, "Done in"))
    save.click()
    assert dialog.is_file()
    assert [note.severity for note in notes] == ["info"]

    viewer.layers.clear()
    assert "open an image" in apply.toolTip()
    viewer.add_image(textures[:, ::-1], name="mirrored")
    apply.click()
    qtbot.waitUntil(lambda: "mirrored segmentation" in viewer.layers, timeout=60_000)
    result = viewer.layers["mirrored segmentation"]
    assert (result.data == np.where(np.arange(SIDE) < SIDE // 2, 7, 2)).mean() > 0.9
    assert class_names(result) == {2: "class 2", 7: "class 7"}
    qtbot.waitUntil(lambda: says(widget, "textures.vitrail, "))


def test_a_damaged_file_is_one_notification(qtbot, viewer, widget, notes, dialog):
    dialog.write_text("no zip")
    button(widget, "Apply classifier...").click()
    qtbot.waitUntil(lambda: notes != [], timeout=60_000)
    qtbot.waitUntil(lambda: not button(widget, "Cancel").isEnabled())
    [note] = notes
    assert note.severity == "error"
    assert "not a .vitrail file" in note.message
    assert says(widget, "Stopped by an error")


def test_a_file_that_cannot_be_written_is_one_notification(qtbot, widget, painted, gate, notes, dialog):
    gate.open.set()
    button(widget, "Segment").click()
    qtbot.waitUntil(button(widget, "Save classifier...").isEnabled)

    def full(*_):
        raise OSError("no space left on the disk")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("napari_vitrail.project.save_classifier", full)
        button(widget, "Save classifier...").click()
    assert [(note.severity, note.message) for note in notes] == [("error", "no space left on the disk")]


def test_a_dialog_dismissed_does_nothing(widget, notes, monkeypatch):
    monkeypatch.setattr(QFileDialog, "exec", lambda dialog: 0)
    button(widget, "Apply classifier...").click()
    assert not button(widget._bench.job, "Cancel").isEnabled()
    assert notes == []


def test_progress_keeps_capitals(qtbot, widget, painted, monkeypatch):
    done = threading.Event()

    def steps(*_, **__):
        yield Progress(1, 4, "ViT features")
        done.wait()
        raise ValueError("enough")

    monkeypatch.setattr("napari_vitrail.widgets._segmenting.segment_painted_steps", steps)
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: widget.findChild(QProgressBar).text() == "ViT features: 1 of 4")
    done.set()
    qtbot.waitUntil(lambda: not button(widget, "Cancel").isEnabled())


def test_settings_that_do_not_go_together_say_so(viewer, widget, painted):
    combo(widget, "stretch").setCurrentText("stretch")
    assert not button(widget, "Segment").isEnabled()
    assert "sampling='strided'" in button(widget, "Segment").toolTip()


def test_choices_follow_the_layers(viewer, widget, painted, textures):
    images, strokes = combo(widget, "textures"), combo(widget, "textures strokes")
    viewer.add_image(textures, name="other")
    assert images.currentText() == "textures"
    assert images.findText("other") >= 0
    viewer.layers["textures"].name = "cells"
    painted.name = "paint"
    assert (images.currentText(), strokes.currentText()) == ("cells", "paint")
    del viewer.layers["cells"]
    assert images.currentText() == "other"


def test_result_is_not_offered_as_strokes(qtbot, viewer, widget, painted, gate):
    gate.open.set()
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: "textures segmentation" in viewer.layers)
    assert combo(widget, "textures strokes").findText("textures segmentation") < 0


def test_every_control_has_a_tooltip(widget):
    controls = (QAbstractButton, QAbstractSpinBox, QComboBox, QProgressBar)
    found = [part for kind in controls for part in widget.findChildren(kind)]
    assert len(found) > 20
    assert [part for part in found if not (part.toolTip() or part.parent().toolTip())] == []


def test_everything_fits_into_320_pixels(widget):
    assert widget.minimumSizeHint().width() <= 320
