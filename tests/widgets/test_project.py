"""Projects in a real viewer: saved, opened in every way, moved, damaged, and kept through a crash."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import zipfile
from dataclasses import replace

import imageio.v3 as iio
import numpy as np
import pytest
from napari.layers import Image, Labels
from qtpy.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication, QCheckBox, QDoubleSpinBox, QFileDialog

from napari_vitrail.annotations import load_annotations, save_annotations
from napari_vitrail.cleanup import ChosenCleanUp
from napari_vitrail.crf import DenseCRF
from napari_vitrail.progress import drain
from napari_vitrail.project import load_project
from napari_vitrail.widgets._annotations import annotations_steps, capture
from napari_vitrail.widgets._layers import MARK, class_names, colour_class, name_class
from tests.widgets.driving import button, combo, dock, says


@pytest.fixture
def picture(textures, tmp_path):
    """Return the path of the textures as a file."""
    path = tmp_path / "images" / "textures.png"
    path.parent.mkdir()
    iio.imwrite(path, textures)
    return path


@pytest.fixture
def chosen(monkeypatch, tmp_path):
    """Return the path that every file dialog answers with."""
    path = tmp_path / "textures.vitrail"
    monkeypatch.setattr(QFileDialog, "exec", lambda dialog: 1)
    monkeypatch.setattr(QFileDialog, "selectedFiles", lambda dialog: [str(path)])
    return path


def paint(viewer, widget) -> Labels:
    """Press New and paint a stroke of two classes, named and coloured."""
    button(widget, "New").click()
    strokes = viewer.layers["textures strokes"]
    strokes.data_setitem(tuple(np.mgrid[10:50, 8:12].reshape(2, -1)), 2)
    strokes.data_setitem(tuple(np.mgrid[10:50, 50:54].reshape(2, -1)), 7)
    name_class(strokes, 2, "board")
    name_class(strokes, 7, "slope")
    colour_class(strokes, 7, (0.25, 0.5, 0.75, 1))
    return strokes


def clean_up_box(widget) -> QCheckBox:
    return next(box for box in widget.findChildren(QCheckBox) if box.text() == "Clean up every result")


def smoothing_over(widget, sigma):
    next(box for box in widget.findChildren(QDoubleSpinBox) if box.suffix() == " px").setValue(sigma)


@pytest.fixture
def begun(make_napari_viewer_proxy, picture):
    """Return a viewer that shows the picture from its file, and the widget."""
    viewer = make_napari_viewer_proxy()
    viewer.open(picture, plugin="napari", scale=(0.5, 0.5), translate=(10, 20))
    return viewer, dock(viewer)


@pytest.fixture
def saved(qtbot, begun, chosen, notes):
    """Return the path of a project that was saved after Segment, its strokes and its segmentation."""
    viewer, widget = begun
    strokes = paint(viewer, widget)
    button(widget, "Segment").click()
    qtbot.waitUntil(button(widget, "Save classifier...").isEnabled, timeout=60_000)
    qtbot.waitUntil(lambda: says(widget, "Done in"))
    save(qtbot, widget, notes)
    drawn, found = strokes.data.copy(), viewer.layers["textures segmentation"].data.copy()
    viewer.layers.clear()
    notes.clear()
    return chosen, drawn, found


def save(qtbot, widget, notes):
    """Press Save project... and wait until it says that it has done so."""
    notes.clear()
    button(widget, "Save project...").click()
    qtbot.waitUntil(lambda: notes != [], timeout=60_000)
    assert "project is saved as" in notes[0].message, notes[0].message
    qtbot.waitUntil(button(widget, "Save project...").isEnabled)


def one_of(viewer, kind):
    [layer] = [layer for layer in viewer.layers if isinstance(layer, kind)]
    return layer


# ---------------------------------------------------------------- there and back


def test_a_saved_project_holds_all_that_was_painted_and_learned(saved, picture):
    path, drawn, _ = saved
    project = load_project(path)
    [annotation] = project.annotations.images
    np.testing.assert_array_equal(annotation.strokes.dense(), drawn)
    assert annotation.image.path == str(picture)
    assert annotation.geometry["scale"] == [0.5, 0.5]
    assert [(each.id, each.name) for each in project.annotations.classes] == [(2, "board"), (7, "slope")]
    assert project.annotations.classes[1].colour == (0.25, 0.5, 0.75, 1)
    assert project.annotations.spec.features == "classical"
    assert project.classifier.class_names == {2: "board", 7: "slope"}


def test_a_project_opens_as_it_was(qtbot, make_napari_viewer_proxy, saved, textures, notes):
    path, drawn, found = saved
    viewer = make_napari_viewer_proxy()
    viewer.open(path, plugin=None)
    image, strokes = one_of(viewer, Image), one_of(viewer, Labels)
    np.testing.assert_array_equal(image.data, textures)
    np.testing.assert_array_equal(strokes.data, drawn)
    assert strokes.data.dtype == drawn.dtype
    assert class_names(strokes) == {2: "board", 7: "slope"}
    np.testing.assert_allclose(strokes.get_color(7), (0.25, 0.5, 0.75, 1))
    for layer in (image, strokes):
        np.testing.assert_array_equal(layer.scale, (0.5, 0.5))
        np.testing.assert_array_equal(layer.translate, (10, 20))

    widget = dock(viewer, features=None, update=None)
    qtbot.waitUntil(button(widget, "Save classifier...").isEnabled, timeout=60_000)
    qtbot.waitUntil(lambda: says(widget, "textures.vitrail, "))
    assert combo(widget, "Classical").currentText() == "Classical"
    assert combo(widget, "textures strokes").currentText() == "textures strokes"
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: "textures segmentation" in viewer.layers, timeout=60_000)
    qtbot.waitUntil(lambda: says(widget, "Done in") and not says(widget, "textures.vitrail"))
    np.testing.assert_array_equal(viewer.layers["textures segmentation"].data, found)
    assert notes == []


def test_a_project_keeps_its_clean_up(qtbot, begun, make_napari_viewer_proxy, chosen, notes):
    viewer, widget = begun
    paint(viewer, widget)
    smoothing_over(widget, 3.5)
    clean_up_box(widget).setChecked(True)
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: says(widget, "Cleaned up by smoothing over 3.5 px."), timeout=60_000)
    found = viewer.layers["textures segmentation"].data.copy()
    save(qtbot, widget, notes)
    viewer.layers.clear()
    notes.clear()

    viewer = make_napari_viewer_proxy()
    viewer.open(chosen, plugin=None)
    widget = dock(viewer, features=None)
    qtbot.waitUntil(lambda: says(widget, "textures.vitrail, "), timeout=60_000)
    assert clean_up_box(widget).isChecked()
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: says(widget, "Cleaned up by smoothing over 3.5 px."), timeout=60_000)
    np.testing.assert_array_equal(viewer.layers["textures segmentation"].data, found)
    assert notes == []


def test_a_project_without_a_clean_up_switches_it_off_and_an_older_one_leaves_it(qtbot, begun, chosen, notes):
    viewer, widget = begun
    paint(viewer, widget)
    save(qtbot, widget, notes)
    notes.clear()
    cleans_up = clean_up_box(widget)
    cleans_up.setChecked(True)
    smoothing_over(widget, 5)
    widget._project.open(chosen)
    qtbot.waitUntil(lambda: says(widget, "textures.vitrail, strokes on 1 images"), timeout=60_000)
    assert not cleans_up.isChecked()
    assert widget._bench.cleaning.how is None

    cleans_up.setChecked(True)
    save_annotations(chosen, replace(load_annotations(chosen), clean_up=None))
    button(widget, "Open project...").click()
    qtbot.waitUntil(lambda: says(widget, "textures.vitrail, strokes on 1 images"), timeout=60_000)
    assert cleans_up.isChecked()


def test_a_project_whose_dense_crf_is_not_installed_opens_without_it(
    qtbot, begun, chosen, notes, monkeypatch
):
    viewer, widget = begun
    paint(viewer, widget)
    save(qtbot, widget, notes)
    save_annotations(chosen, replace(load_annotations(chosen), clean_up=ChosenCleanUp(DenseCRF())))
    notes.clear()
    monkeypatch.setattr("napari_vitrail.crf.find_spec", lambda name: None)
    button(widget, "Open project...").click()
    qtbot.waitUntil(lambda: says(widget, "textures.vitrail, strokes on 1 images"), timeout=60_000)
    assert combo(widget, "Dense CRF").currentText() == "Dense CRF"
    assert not clean_up_box(widget).isChecked()
    assert "pip install 'napari-vitrail[crf]'" in notes[0].message


def test_the_open_button_takes_the_image_that_is_there(qtbot, begun, saved, picture, notes):
    viewer, widget = begun
    viewer.open(picture, plugin="napari")
    button(widget, "Open project...").click()
    qtbot.waitUntil(lambda: says(widget, "textures.vitrail, "), timeout=60_000)
    assert [layer.name for layer in viewer.layers] == ["textures", "textures strokes"]
    assert notes == []


def test_a_dropped_project_opens(qtbot, make_napari_viewer, saved):
    path, drawn, _ = saved
    viewer = make_napari_viewer(show=True)
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    target = viewer.window._qt_viewer
    QApplication.sendEvent(target, QDragEnterEvent(QPoint(40, 40), copy, mime, left, none))
    QApplication.sendEvent(target, QDropEvent(QPointF(40, 40), copy, mime, left, none))
    qtbot.waitUntil(lambda: len(viewer.layers) == 2)
    np.testing.assert_array_equal(one_of(viewer, Labels).data, drawn)


def test_layers_saved_from_the_menu_open_again(make_napari_viewer_proxy, picture, tmp_path):
    viewer = make_napari_viewer_proxy()
    [image] = viewer.open(picture, plugin="napari")
    labels = viewer.add_labels(np.zeros((64, 64), np.uint16), name="mine")
    labels.data[3, 4:9] = 300
    assert viewer.layers.save(str(tmp_path / "menu.vitrail")) == [str(tmp_path / "menu.vitrail")]
    viewer.layers.clear()
    viewer.open(tmp_path / "menu.vitrail", plugin=None)
    np.testing.assert_array_equal(one_of(viewer, Labels).data, labels.data)
    assert one_of(viewer, Labels).data.dtype == np.uint16
    assert one_of(viewer, Image).name == image.name


def test_strokes_on_sample_data_open_with_the_sample(qtbot, make_napari_viewer_proxy, chosen, notes):
    viewer = make_napari_viewer_proxy()
    viewer.open_sample("napari-vitrail", "histology")
    widget = dock(viewer)
    save(qtbot, widget, notes)
    viewer.layers.clear()
    notes.clear()
    viewer.open(chosen, plugin=None)
    assert [layer.name for layer in viewer.layers] == ["histology", "histology strokes"]
    assert class_names(viewer.layers["histology strokes"])[1] == "epithelium"
    assert notes == []


def test_saving_again_names_the_image_and_not_the_project(
    qtbot, make_napari_viewer_proxy, saved, notes, picture
):
    path, *_ = saved
    viewer = make_napari_viewer_proxy()
    viewer.open(path, plugin=None)
    widget = dock(viewer)
    qtbot.waitUntil(lambda: says(widget, "textures.vitrail, "), timeout=60_000)
    save(qtbot, widget, notes)
    assert load_annotations(path).images[0].image.path == str(picture)


# ---------------------------------------------------------------- what is not as it was


def test_a_project_moved_with_its_images_finds_them(make_napari_viewer_proxy, saved, tmp_path, notes):
    (tmp_path / "elsewhere").mkdir()
    for name in ("images", "textures.vitrail"):
        (tmp_path / name).rename(tmp_path / "elsewhere" / name)
    viewer = make_napari_viewer_proxy()
    viewer.open(tmp_path / "elsewhere" / "textures.vitrail", plugin=None)
    assert len(viewer.layers) == 2
    assert notes == []


def test_an_image_that_has_gone_is_named_and_its_strokes_open(
    make_napari_viewer_proxy, saved, picture, notes
):
    path, drawn, _ = saved
    picture.unlink()
    viewer = make_napari_viewer_proxy()
    viewer.open(path, plugin=None)
    np.testing.assert_array_equal(one_of(viewer, Labels).data, drawn)
    [note] = notes
    assert note.severity == "warning"
    assert f"'textures' is neither at {picture} nor {path.parent / 'textures.png'}" in note.message


def test_changed_pixels_are_said(make_napari_viewer_proxy, saved, picture, textures, notes):
    textures[5, 5] += 1
    iio.imwrite(picture, textures)
    viewer = make_napari_viewer_proxy()
    viewer.open(saved[0], plugin=None)
    assert len(viewer.layers) == 2
    assert [note.message for note in notes] == [
        f"the pixels of {picture} have changed since they were painted on"
    ]


def test_another_shape_is_not_opened_under_the_strokes(make_napari_viewer_proxy, saved, picture, notes):
    iio.imwrite(picture, np.zeros((8, 8), np.uint8))
    viewer = make_napari_viewer_proxy()
    viewer.open(saved[0], plugin=None)
    assert one_of(viewer, Labels).data.shape == (64, 64)
    assert len(viewer.layers) == 1
    assert "has shape (8, 8), and had (64, 64)" in notes[0].message


@pytest.mark.parametrize("kind", ["a pipe", "a header that lies"])
def test_a_file_that_is_no_image_any_more_keeps_no_strokes_back(
    kind, make_napari_viewer_proxy, textures, tmp_path, notes
):
    if kind == "a pipe" and not hasattr(os, "mkfifo"):
        pytest.skip("this system has no pipes with names")
    project, path = tmp_path / "it.vitrail", tmp_path / "it.npy"
    viewer = make_napari_viewer_proxy()
    image = viewer.add_image(textures, name="it", metadata={MARK: {"path": str(path), "sample": None}})
    strokes = viewer.add_labels((textures > 190).astype(np.uint8), name="it strokes")
    save_annotations(project, drain(annotations_steps([capture(strokes, image)])))
    drawn = strokes.data
    viewer.layers.clear()
    if kind == "a pipe":
        os.mkfifo(path)  # nobody will ever write to it
    else:
        with path.open("wb") as file:
            header = {"descr": "|u1", "fortran_order": False, "shape": (10**6, 10**7)}
            np.lib.format.write_array_header_1_0(file, header)
    viewer.open(project, plugin=None)
    np.testing.assert_array_equal(one_of(viewer, Labels).data, drawn)
    [note] = notes
    assert note.severity == "warning"
    assert "its strokes are here: open the image yourself" in note.message


def test_an_image_without_a_file_is_said_and_matched(
    qtbot, make_napari_viewer_proxy, textures, chosen, notes
):
    viewer = make_napari_viewer_proxy()
    viewer.add_image(textures, name="textures")
    widget = dock(viewer)
    strokes = paint(viewer, widget)
    save(qtbot, widget, notes)
    assert "It cannot open 'textures', which has no file" in notes[0].message
    drawn = strokes.data.copy()
    viewer.layers.clear()
    viewer.add_image(textures, name="by another name")
    notes.clear()
    button(widget, "Open project...").click()
    np.testing.assert_array_equal(one_of(viewer, Labels).data, drawn)
    assert notes == []
    viewer.layers.clear()
    viewer.open(chosen, plugin=None)
    assert "'textures' was never in a file" in notes[0].message


def test_a_classifier_alone_says_what_to_do(qtbot, begun, make_napari_viewer_proxy, chosen, notes):
    viewer, widget = begun
    paint(viewer, widget)
    button(widget, "Segment").click()
    qtbot.waitUntil(button(widget, "Save classifier...").isEnabled, timeout=60_000)
    qtbot.waitUntil(lambda: says(widget, "Done in"))
    button(widget, "Save classifier...").click()
    notes.clear()
    count = len(viewer.layers)
    viewer.open(chosen, plugin=None)
    assert len(viewer.layers) == count
    assert "holds no strokes, only a classifier" in notes[0].message


def test_strokes_open_though_the_classifier_is_refused(qtbot, make_napari_viewer_proxy, saved, notes):
    path, drawn, _ = saved
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in (members | {"classifier.skops": b"nonsense"}).items():
            archive.writestr(name, data)
    viewer = make_napari_viewer_proxy()
    viewer.open(path, plugin=None)
    widget = dock(viewer)
    qtbot.waitUntil(lambda: notes != [], timeout=60_000)
    assert "is damaged: its classifier cannot be read" in notes[0].message
    np.testing.assert_array_equal(one_of(viewer, Labels).data, drawn)
    assert button(widget, "Segment").isEnabled()
    qtbot.waitUntil(lambda: not button(widget, "Cancel").isEnabled())


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + b"\0" * 18])
def test_a_file_that_is_no_project_is_one_message(content, begun, chosen, notes):
    viewer, widget = begun
    chosen.write_bytes(content)
    button(widget, "Open project...").click()
    assert [note.severity for note in notes] == ["error"]
    assert "is not a .vitrail file" in notes[0].message
    assert len(viewer.layers) == 1


def test_a_full_disk_on_saving_is_one_message(qtbot, begun, chosen, notes, monkeypatch):
    viewer, widget = begun
    strokes = paint(viewer, widget)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("napari_vitrail.widgets._project.save_annotations", full)
    button(widget, "Save project...").click()
    qtbot.waitUntil(lambda: notes != [])
    assert [note.severity for note in notes] == ["error"]
    assert "No space left" in notes[0].message
    assert strokes.data.any()
    qtbot.waitUntil(button(widget, "Save project...").isEnabled)


# ---------------------------------------------------------------- kept through a crash


def kept(unsaved):
    return sorted(unsaved.glob("[!.]*.vitrail")) if unsaved.is_dir() else []


def test_a_stroke_is_kept_a_moment_later_and_forgotten_when_saved(qtbot, begun, unsaved, chosen, notes):
    viewer, widget = begun
    assert kept(unsaved) == []
    strokes = paint(viewer, widget)
    qtbot.waitUntil(lambda: len(kept(unsaved)) == 1)
    [path] = kept(unsaved)
    qtbot.waitUntil(
        lambda: np.array_equal(load_annotations(path).images[0].strokes.dense(), strokes.data), timeout=5000
    )
    save(qtbot, widget, notes)
    qtbot.waitUntil(lambda: kept(unsaved) == [])


def test_moving_the_slider_keeps_nothing(qtbot, make_napari_viewer_proxy, textures, unsaved):
    viewer = make_napari_viewer_proxy()
    viewer.add_image(np.stack([textures] * 3), name="stack")
    widget = dock(viewer)
    button(widget, "New").click()
    for plane in range(3):
        viewer.dims.set_point(0, plane)
        qtbot.wait(10)
    assert not widget._autosave._soon.isActive()
    qtbot.wait(1200)
    assert kept(unsaved) == []


def test_strokes_of_a_process_that_died_are_offered_and_restored(
    qtbot, make_napari_viewer_proxy, begun, unsaved, notes, monkeypatch
):
    viewer, widget = begun
    drawn = paint(viewer, widget).data.copy()
    qtbot.waitUntil(lambda: len(kept(unsaved)) == 1)
    widget._autosave.flush()
    died = kept(unsaved)[0]
    died = died.rename(unsaved / died.name.replace(f"-{os.getpid()}-", "-999999-"))
    viewer.layers.clear()

    other = make_napari_viewer_proxy()
    again = dock(other)
    assert not again._recovery.isHidden()
    assert says(again._recovery, "Unsaved strokes on textures, from ")
    button(again, "Restore").click()
    np.testing.assert_array_equal(one_of(other, Labels).data, drawn)
    assert class_names(one_of(other, Labels)) == {2: "board", 7: "slope"}
    assert again._recovery.isHidden()
    assert died.exists()  # until they are kept anew
    qtbot.waitUntil(lambda: not died.exists())
    [path] = [each for each in kept(unsaved) if each == again._autosave._file.path]
    np.testing.assert_array_equal(load_annotations(path).images[0].strokes.dense(), drawn)
    assert notes == []


def test_strokes_of_a_closed_viewer_are_offered_and_discarded(make_napari_viewer, textures, unsaved):
    viewer = make_napari_viewer(show=True)
    viewer.add_image(textures, name="textures")
    widget = dock(viewer)
    paint(viewer, widget)  # and closed before a moment has passed
    del widget
    viewer.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    [path] = kept(unsaved)
    assert load_annotations(path).images[0].strokes.dense().any()

    other = dock(make_napari_viewer())
    button(other, "Discard").click()
    assert kept(unsaved) == []
    assert other._recovery.isHidden()


def test_closing_the_window_keeps_the_last_stroke(make_napari_viewer, textures, unsaved):
    viewer = make_napari_viewer(show=True)
    viewer.add_image(textures, name="textures")
    widget = dock(viewer)
    strokes = paint(viewer, widget)
    QApplication.sendEvent(widget.window(), QCloseEvent())
    [path] = kept(unsaved)
    np.testing.assert_array_equal(load_annotations(path).images[0].strokes.dense(), strokes.data)


def test_two_viewers_keep_their_strokes_apart(qtbot, make_napari_viewer_proxy, textures, unsaved):
    drawn = []
    for _ in range(2):
        viewer = make_napari_viewer_proxy()
        viewer.add_image(textures, name="textures")
        widget = dock(viewer)
        assert widget._recovery.isHidden()  # nothing is offered that another viewer still has
        drawn.append((widget, paint(viewer, widget)))
        qtbot.waitUntil(widget._autosave._file.path.exists)
    assert len(kept(unsaved)) == 2


def test_a_full_disk_is_said_once_and_painting_goes_on(qtbot, begun, notes, monkeypatch):
    viewer, widget = begun

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("napari_vitrail.widgets._keeping.save_annotations", full)
    strokes = paint(viewer, widget)
    qtbot.waitUntil(lambda: notes != [], timeout=5000)
    strokes.data_setitem((np.array([1]), np.array([1])), 2)
    qtbot.waitUntil(widget._autosave._soon.isActive)
    qtbot.waitUntil(lambda: not widget._autosave._soon.isActive() and not widget._autosave._runner.is_busy)
    assert [note.severity for note in notes] == ["warning"]
    assert "No space left" in notes[0].message
    assert strokes.data[1, 1] == 2


def test_opening_a_project_waits_for_no_torch():
    program = "import sys, napari_vitrail.widgets._files; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
