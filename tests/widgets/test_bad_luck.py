"""Bad input and bad luck in a real viewer: each is said, nothing hangs, every stroke stays as painted."""

from __future__ import annotations

import errno
import threading
import zipfile

import dask.array as da
import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
import torch
from napari.layers import Labels
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication, QFileDialog, QLineEdit

from napari_vitrail.annotations import load_annotations
from napari_vitrail.progress import Progress
from napari_vitrail.widgets import ClassifierWidget
from napari_vitrail.widgets._segment_files import SegmentFiles
from tests.widgets.conftest import SIDE
from tests.widgets.driving import button, combo, press_key, says

RESULT = "textures segmentation"
BUTTON, BRUSH = "Segment", "the brush"


class Gate:
    """Holds work back at its first step until it is opened; then it goes on as it is."""

    def __init__(self):
        self.started, self.open, self.closed = threading.Event(), threading.Event(), threading.Event()

    def before(self, make):
        def steps(*arguments, **keywords):
            try:
                self.started.set()
                while not self.open.wait(0.01):
                    yield Progress(0, 1, "waiting")
                return (yield from make(*arguments, **keywords))
            finally:
                self.closed.set()

        return steps


@pytest.fixture
def gate(monkeypatch):
    """Hold back what Segment and the brush ask for, and return the gate."""
    from napari_vitrail.widgets import _live, _segmenting

    gate = Gate()
    for module, name in ((_segmenting, "segment_painted_steps"), (_live, "learn_steps")):
        monkeypatch.setattr(module, name, gate.before(getattr(module, name)))
    yield gate
    gate.open.set()


@pytest.fixture
def viewer(make_napari_viewer_proxy, textures):
    viewer = make_napari_viewer_proxy()
    viewer.add_image(textures, name="textures")
    return viewer


@pytest.fixture(params=[BUTTON, BRUSH])
def asked_by(request):
    """Return who asks for a segmentation: the button, or the brush that was lifted."""
    return request.param


@pytest.fixture
def widget(viewer, asked_by):
    return dock(viewer, asked_by)


def dock(viewer, asked_by=BUTTON, features="Classical") -> ClassifierWidget:
    widget = ClassifierWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Paint to segment")
    combo(widget, "Classical").setCurrentText(features)
    combo(widget, "Live").setCurrentText("Manual" if asked_by == BUTTON else "After stroke")
    return widget


def paint(viewer, widget, asked_by, labels=(2, 7), plane=()):
    """Press New, paint a stroke of each label, have them learned from; return the layer and a copy."""
    button(widget, "New").click()
    strokes = viewer.layers.selection.active
    for label, column in zip(labels, (8, 50), strict=False):
        box = np.mgrid[10:50, column : column + 4].reshape(2, -1)
        strokes.data_setitem((*(np.full(box.shape[1], at) for at in plane), *box), label)
    if asked_by == BUTTON:
        button(widget, "Segment").click()
    return strokes, np.array(strokes.data)


def ended(qtbot, widget):
    """Wait until nothing runs, and see that Segment can be pressed again."""
    qtbot.waitUntil(lambda: not widget._bench.job.is_busy, timeout=60_000)
    assert not button(widget, "Cancel").isEnabled()


def messages(notes) -> list[tuple[str, str]]:
    return [(str(note.severity), note.message) for note in notes]


def kept(widget) -> dict[str, np.ndarray]:
    """Return the strokes in the widget's file of unsaved ones, by the name of their layer."""
    found = load_annotations(widget._autosave._file.path)
    return {each.name: each.strokes.dense() for each in found.images}


def segmented(layer) -> bool:
    truth = np.where(np.arange(SIDE) < SIDE // 2, 2, 7) * np.ones((SIDE, 1))
    return bool((np.asarray(layer.data) == truth).mean() > 0.9)


# ---------------------------------------------------------------- strokes that are not enough


def test_an_image_without_a_strokes_layer_says_press_new(qtbot, viewer, widget):
    assert not button(widget, "Segment").isEnabled()
    assert "Not yet: press New" in button(widget, "Segment").toolTip()
    press_key(widget, "S")
    assert says(widget, "Not yet: press New and paint a few strokes of each class.")
    assert not widget._bench.job.is_busy


def test_an_empty_strokes_layer_is_said(qtbot, viewer, notes):
    widget = dock(viewer)
    strokes, _ = paint(viewer, widget, BUTTON, labels=())
    ended(qtbot, widget)
    assert messages(notes) == [
        ("error", "labels must hold strokes of at least two classes; nothing is painted yet")
    ]
    assert strokes in viewer.layers
    assert RESULT not in viewer.layers


def test_a_single_class_is_said_and_stays_painted(qtbot, viewer, widget, asked_by, notes):
    strokes, drawn = paint(viewer, widget, asked_by, labels=(3,))
    if asked_by == BUTTON:
        ended(qtbot, widget)
        assert messages(notes) == [
            ("error", "labels must hold strokes of at least two classes; only class 3 is painted")
        ]
    else:
        qtbot.waitUntil(
            lambda: says(widget, "features are at hand; paint a stroke of another"), timeout=60_000
        )
        ended(qtbot, widget)
        assert says(widget, "paint a stroke of another class")
        assert notes == []
    np.testing.assert_array_equal(strokes.data, drawn)
    assert RESULT not in viewer.layers


def test_strokes_on_another_slice_segment_the_one_in_view(
    qtbot, make_napari_viewer_proxy, textures, notes, asked_by
):
    viewer = make_napari_viewer_proxy()
    viewer.add_image(np.stack([textures] * 3), name="textures")
    viewer.dims.set_point(0, 0)
    widget = dock(viewer, asked_by)
    strokes, drawn = paint(viewer, widget, BUTTON, plane=(2,))
    qtbot.waitUntil(lambda: RESULT in viewer.layers, timeout=60_000)
    ended(qtbot, widget)
    assert viewer.layers[RESULT].data[0].all()
    assert not viewer.layers[RESULT].data[1].any()
    np.testing.assert_array_equal(strokes.data, drawn)
    assert notes == []


def test_one_class_on_another_slice_is_said(qtbot, make_napari_viewer_proxy, textures, notes):
    viewer = make_napari_viewer_proxy()
    viewer.add_image(np.stack([textures] * 3), name="textures")
    viewer.dims.set_point(0, 0)
    widget = dock(viewer)
    strokes, drawn = paint(viewer, widget, BUTTON, labels=(3,), plane=(2,))
    ended(qtbot, widget)
    assert [message for _, message in messages(notes)] == [
        "labels must hold strokes of at least two classes; only class 3 is painted"
    ]
    np.testing.assert_array_equal(strokes.data, drawn)


def test_strokes_that_lack_the_slice_in_view_are_said(qtbot, make_napari_viewer_proxy, textures, notes):
    viewer = make_napari_viewer_proxy()
    viewer.add_image(np.stack([textures] * 3), name="textures")
    own = viewer.add_labels(np.zeros((2, SIDE, SIDE), np.uint8), name="own")
    own.data[1, 10:20, 8:12], own.data[1, 10:20, 50:54] = 2, 7
    widget = dock(viewer)
    combo(widget, "own").setCurrentText("own")
    viewer.dims.set_point(0, 2)
    assert not button(widget, "Segment").isEnabled()
    tooltip = " ".join(button(widget, "Segment").toolTip().split())
    assert "'own' is out of view: move the slider to one of its planes" in tooltip
    viewer.dims.set_point(0, 0)
    assert button(widget, "Segment").isEnabled()
    assert notes == []


# ---------------------------------------------------------------- layers that change meanwhile


def test_strokes_deleted_meanwhile_are_kept_and_their_answer_shown(
    qtbot, viewer, widget, asked_by, gate, notes
):
    strokes, drawn = paint(viewer, widget, asked_by)
    qtbot.waitUntil(gate.started.is_set, timeout=60_000)
    viewer.layers.remove(strokes)
    np.testing.assert_array_equal(kept(widget)["textures strokes"], drawn)
    gate.open.set()
    qtbot.waitUntil(lambda: RESULT in viewer.layers, timeout=60_000)
    ended(qtbot, widget)
    assert segmented(viewer.layers[RESULT])
    assert notes == []
    button(widget, "New").click()  # and painting goes on
    assert "textures strokes" in viewer.layers


def test_an_image_deleted_meanwhile_is_said(qtbot, viewer, widget, asked_by, gate, notes):
    strokes, drawn = paint(viewer, widget, asked_by)
    qtbot.waitUntil(gate.started.is_set, timeout=60_000)
    viewer.layers.remove("textures")
    gate.open.set()
    qtbot.waitUntil(lambda: says(widget, "'textures' was removed meanwhile"), timeout=60_000)
    ended(qtbot, widget)
    assert segmented(viewer.layers[RESULT])
    np.testing.assert_array_equal(strokes.data, drawn)
    assert notes == []


@pytest.mark.parametrize("how", ["data", "another layer of the same name", "another shape"])
def test_an_image_replaced_meanwhile_is_said(how, qtbot, viewer, widget, asked_by, gate, notes, textures):
    strokes, drawn = paint(viewer, widget, asked_by)
    qtbot.waitUntil(gate.started.is_set, timeout=60_000)
    if how == "data":
        viewer.layers["textures"].data = np.flipud(textures).copy()
    else:
        viewer.layers.remove("textures")
        other = textures.copy() if how == "another layer of the same name" else textures[:40, :40].copy()
        viewer.add_image(other, name="textures")
    gate.open.set()
    qtbot.waitUntil(lambda: says(widget, "'textures' has other pixels by now"), timeout=60_000)
    ended(qtbot, widget)
    assert segmented(viewer.layers[RESULT])
    np.testing.assert_array_equal(strokes.data, drawn)
    assert notes == []


def test_the_picture_follows_an_image_whose_data_are_replaced(qtbot, viewer, notes, textures):
    widget = dock(viewer, BRUSH)
    strokes, drawn = paint(viewer, widget, BRUSH)
    qtbot.waitUntil(lambda: widget._live.is_settled, timeout=60_000)
    assert segmented(viewer.layers[RESULT])
    viewer.layers["textures"].data = np.fliplr(textures).copy()
    mirrored = np.where(np.arange(SIDE) < SIDE // 2, 7, 2) * np.ones((SIDE, 1))
    qtbot.waitUntil(lambda: (viewer.layers[RESULT].data == mirrored).mean() > 0.8, timeout=60_000)
    ended(qtbot, widget)
    np.testing.assert_array_equal(strokes.data, drawn)
    assert notes == []


# ---------------------------------------------------------------- windows that close, and two of them


def test_a_viewer_closed_during_a_job_ends_it_and_keeps_the_strokes(
    qtbot, make_napari_viewer, textures, asked_by, gate, notes
):
    viewer = make_napari_viewer(show=True)
    viewer.add_image(textures, name="textures")
    widget = dock(viewer, asked_by)
    path = widget._autosave._file.path
    _, drawn = paint(viewer, widget, asked_by)
    qtbot.waitUntil(gate.started.is_set, timeout=60_000)
    del widget
    viewer.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    qtbot.waitUntil(gate.closed.is_set, timeout=60_000)
    [annotation] = load_annotations(path).images
    np.testing.assert_array_equal(annotation.strokes.dense(), drawn)
    assert notes == []


@pytest.mark.parametrize("closed_first", [0, 1], ids=["the first", "the second"])
def test_of_two_widgets_one_closes_and_the_other_works_on(closed_first, qtbot, viewer, notes, gate):
    widgets = [dock(viewer), dock(viewer)]
    gone, left = widgets[closed_first], widgets[1 - closed_first]
    strokes, drawn = paint(viewer, left, BUTTON)
    qtbot.waitUntil(gate.started.is_set, timeout=60_000)
    viewer.window.remove_dock_widget(gone)
    viewer.layers.selection.active = strokes
    for digit in "19":
        press_key(left, digit)
        assert strokes.selected_label == int(digit)
    press_key(left, "R")
    assert strokes.mode == "erase"
    gate.open.set()
    qtbot.waitUntil(lambda: RESULT in viewer.layers, timeout=60_000)
    ended(qtbot, left)
    assert segmented(viewer.layers[RESULT])
    np.testing.assert_array_equal(strokes.data, drawn)
    assert notes == []
    viewer.window.remove_dock_widget(left)
    assert not strokes.keymap
    assert not viewer.keymap


def test_two_widgets_follow_one_brush_and_end_alike(qtbot, viewer, notes):
    widgets = [dock(viewer, BRUSH), dock(viewer, BRUSH)]
    strokes, drawn = paint(viewer, widgets[0], BRUSH)
    for widget in widgets:
        qtbot.waitUntil(lambda own=widget: own._live.is_settled, timeout=60_000)
    assert segmented(viewer.layers[RESULT])
    np.testing.assert_array_equal(strokes.data, drawn)
    assert [layer.name for layer in viewer.layers] == ["textures", RESULT, "textures strokes"]
    assert notes == []


# ---------------------------------------------------------------- what a machine lacks


@pytest.fixture
def no_weights(monkeypatch, tmp_path):
    """Take all sources of weights away."""
    monkeypatch.setenv("VITRAIL_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("napari_vitrail.backbones._places.hub_cache_path", lambda name: None)
    monkeypatch.setattr("napari_vitrail.backbones._places.offline_path", lambda: None)
    monkeypatch.setattr("napari_vitrail.backbones._load._recent", {})


@pytest.mark.usefixtures("no_weights")
def test_missing_weights_are_said_with_the_ways_to_get_them(qtbot, viewer, asked_by, notes, caplog):
    widget = dock(viewer, asked_by, "Automatic")
    strokes, drawn = paint(viewer, widget, asked_by)
    qtbot.waitUntil(lambda: notes != [], timeout=60_000)
    ended(qtbot, widget)
    assert {severity for severity, _ in messages(notes)} == {"error"}
    for _, message in messages(notes):
        assert message.startswith("no weights for vit_small_patch14_dinov2.lvd142m: ")
        assert "pip install napari-vitrail[offline]" in message
        assert "vitrail models fetch" in message
    assert says(widget, "Stopped by an error")
    np.testing.assert_array_equal(strokes.data, drawn)
    if asked_by == BRUSH:  # the next strokes do not say it again
        for row in (54, 58):
            before = len(caplog.records)
            strokes.data_setitem((np.full(20, row), np.arange(20)), 2)
            qtbot.waitUntil(lambda seen=before: len(caplog.records) > seen, timeout=60_000)
            ended(qtbot, widget)
        assert len(notes) == 1
    combo(widget, "Classical").setCurrentText("Classical")  # and without a network it goes on
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: RESULT in viewer.layers, timeout=60_000)
    ended(qtbot, widget)


@pytest.fixture
def short_of_memory(monkeypatch, default_named_backbone):
    """Let the network be one whose device has no memory, until it is told to have some."""
    short = threading.Event()
    short.set()
    ask = type(default_named_backbone).context

    def context(backbone, *arguments, **keywords):
        if short.is_set():
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return ask(backbone, *arguments, **keywords)

    monkeypatch.setattr(type(default_named_backbone), "context", context)
    for door in ("classify.load_backbone", "live.load_backbone", "trained._load_again"):
        monkeypatch.setattr(f"napari_vitrail.{door}", lambda *_, **__: default_named_backbone)
    return short


def test_a_lack_of_memory_on_the_gpu_is_said_and_the_next_try_works(
    qtbot, viewer, asked_by, short_of_memory, notes
):
    widget = dock(viewer, asked_by, "Automatic")
    strokes, drawn = paint(viewer, widget, asked_by)
    qtbot.waitUntil(lambda: any(note.severity == "error" for note in notes), timeout=60_000)
    ended(qtbot, widget)
    errors = [message for severity, message in messages(notes) if severity == "error"]
    assert all(
        message.startswith("CUDA out of memory. Tried to allocate 2.00 GiB; a larger stride, a smaller tile")
        for message in errors
    )
    assert says(widget, "Stopped by an error")
    assert RESULT not in viewer.layers
    np.testing.assert_array_equal(strokes.data, drawn)
    short_of_memory.clear()
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: says(widget, "Done in"), timeout=60_000)
    assert viewer.layers[RESULT].data.all()


# ---------------------------------------------------------------- a full disk


@pytest.fixture
def full_disk(monkeypatch):
    """Let no file take another byte."""

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(zipfile.ZipFile, "writestr", full)
        patch.setattr(tifffile, "imwrite", full)
        patch.setattr(tifffile.TiffWriter, "write", full)
        yield patch


@pytest.fixture
def chosen(monkeypatch, tmp_path):
    """Return the path that every file dialog answers with; there is an older file."""
    path = tmp_path / "textures.vitrail"
    path.write_bytes(b"older")
    monkeypatch.setattr(QFileDialog, "exec", lambda dialog: 1)
    monkeypatch.setattr(QFileDialog, "selectedFiles", lambda dialog: [str(path)])
    return path


@pytest.mark.parametrize("what", ["Save project...", "Save classifier..."])
def test_a_full_disk_on_saving_is_said_and_leaves_the_older_file(
    what, qtbot, viewer, chosen, notes, full_disk, tmp_path
):
    widget = dock(viewer)
    strokes, drawn = paint(viewer, widget, BUTTON)
    qtbot.waitUntil(lambda: widget._bench.classifier is not None, timeout=60_000)
    ended(qtbot, widget)
    notes.clear()
    widget._autosave._has_warned = True  # which is another test's
    button(widget, what).click()
    qtbot.waitUntil(lambda: notes != [], timeout=60_000)
    [(severity, message)] = messages(notes)
    assert severity == "error"
    assert "No space left on device" in message
    assert chosen.read_bytes() == b"older"
    assert [path.name for path in tmp_path.iterdir()] == [chosen.name]
    np.testing.assert_array_equal(strokes.data, drawn)
    full_disk.undo()
    notes.clear()
    qtbot.waitUntil(button(widget, what).isEnabled)
    button(widget, what).click()
    qtbot.waitUntil(lambda: notes != [], timeout=60_000)
    assert "is saved as" in notes[0].message


def test_a_disk_that_fills_up_during_a_batch_is_said_of_each_file(
    qtbot, viewer, textures, tmp_path, notes, full_disk
):
    (tmp_path / "plate").mkdir()
    for name in "ab":
        iio.imwrite(tmp_path / "plate" / f"{name}.png", textures)
    widget = dock(viewer)
    widget._autosave._has_warned = True
    strokes, drawn = paint(viewer, widget, BUTTON)
    qtbot.waitUntil(lambda: widget._bench.classifier is not None, timeout=60_000)
    ended(qtbot, widget)
    for line, text in zip(
        widget.findChild(SegmentFiles).findChildren(QLineEdit), ("plate", "out"), strict=True
    ):
        line.setText(str(tmp_path / text))
    button(widget, "Segment files").click()
    ended(qtbot, widget)
    [(severity, message)] = messages(notes)
    assert severity == "warning"
    assert message.startswith("2 of 2 images could not be segmented:\n")
    assert message.count("No space left on device") == 2
    assert list((tmp_path / "out").iterdir()) == []
    np.testing.assert_array_equal(strokes.data, drawn)


def test_a_lazy_image_that_cannot_be_read_is_said(qtbot, make_napari_viewer_proxy, textures, notes, asked_by):
    broken = threading.Event()

    def read(block):
        if broken.is_set():
            raise OSError("the share has gone")
        return block

    viewer = make_napari_viewer_proxy()
    lazy = da.from_array(textures, chunks=SIDE).map_blocks(read, dtype=textures.dtype)
    viewer.add_image(lazy, name="textures", contrast_limits=(0, 255))
    widget = dock(viewer, asked_by)
    broken.set()
    strokes, drawn = paint(viewer, widget, asked_by)
    assert isinstance(strokes, Labels)
    qtbot.waitUntil(lambda: notes != [], timeout=60_000)
    ended(qtbot, widget)
    assert {message for _, message in messages(notes)} == {"the share has gone"}
    np.testing.assert_array_equal(np.asarray(strokes.data), drawn)
    broken.clear()
