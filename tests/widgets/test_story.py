"""The whole way: paint a z-stack with the mouse, correct, save, close, open again, apply to a folder."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from napari.layers import Labels
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog

from napari_vitrail import cli
from napari_vitrail.backbones import available_source
from napari_vitrail.imagefile import write_tiff
from napari_vitrail.spec import DEFAULT_BACKBONE
from napari_vitrail.widgets._layers import class_names
from tests.widgets.driving import button, canvas_of, dock, draw, says

PLANES, SIDE = 4, 72


@pytest.fixture
def stack():
    """Return a z-stack of three textures, side by side, that shift from plane to plane."""
    rng = np.random.default_rng(0)
    planes, rows, columns = np.indices((PLANES, SIDE, SIDE))
    kind = (columns + 3 * planes) * 3 // (SIDE + 3 * PLANES)
    chequer = (rows // 2 + columns // 2) % 2 * 180
    return np.choose(kind, [chequer, 40 + rows, rng.integers(120, 250, kind.shape)]).astype(np.uint16)


@pytest.fixture
def folder(stack, tmp_path):
    """Return a folder that holds the planes of the stack, each as an image; the stack lies beside it."""
    write_tiff(tmp_path / "stack.tif", stack, "ZYX")
    (tmp_path / "planes").mkdir()
    for index, plane in enumerate(stack):
        tifffile.imwrite(tmp_path / "planes" / f"z{index}.tif", plane)
    return tmp_path / "planes"


def show(viewer, features):
    return dock(viewer, features=features, update=None)


def settled(qtbot, widget) -> None:
    qtbot.waitUntil(lambda: widget._live.is_settled, timeout=120_000)


def planes_of(qtbot, viewer, widget) -> np.ndarray:
    """Move the slider over all planes, and return what is shown once each is segmented."""
    result = viewer.layers["stack segmentation"]
    for index in range(PLANES):
        viewer.dims.set_point(0, index)
        qtbot.waitUntil(lambda: not widget._live._look.isActive())  # what came into view is looked at then
        settled(qtbot, widget)
        qtbot.waitUntil(lambda at=index: result.data[at].all(), timeout=120_000)
    return result.data.copy()


@pytest.mark.slow
@pytest.mark.parametrize("features", ["Classical", "Automatic"])
def test_a_stack_is_painted_saved_opened_and_applied_with_the_same_bits(
    features, qtbot, make_napari_viewer, folder, stack, notes, monkeypatch, tmp_path
):
    if features == "Automatic" and available_source(DEFAULT_BACKBONE) is None:
        pytest.skip("no weights on this machine")
    project = tmp_path / "stack.vitrail"
    monkeypatch.setattr(QFileDialog, "exec", lambda dialog: 1)
    monkeypatch.setattr(QFileDialog, "selectedFiles", lambda dialog: [str(project)])

    # three classes, on two planes, with the mouse and the keys
    viewer = make_napari_viewer(show=True)
    viewer.open(tmp_path / "stack.tif", plugin="napari")
    widget = show(viewer, features)
    viewer.dims.set_point(0, 0)
    button(widget, "New").click()
    strokes = viewer.layers["stack strokes"]
    strokes.brush_size = 4
    viewer.reset_view()
    draw(viewer, widget, (8, 8), (60, 12))
    qtbot.keyClick(canvas_of(widget), Qt.Key.Key_2)
    draw(viewer, widget, (8, 36), (60, 38))
    viewer.dims.set_point(0, 1)
    qtbot.keyClick(canvas_of(widget), Qt.Key.Key_3)
    draw(viewer, widget, (8, 60), (60, 64))
    assert [set(np.unique(plane)) for plane in strokes.data] == [{0, 1, 2}, {0, 3}, {0}, {0}]
    settled(qtbot, widget)

    # a correction on another plane: a stroke too far, undone, and one where it belongs
    viewer.dims.set_point(0, 3)
    draw(viewer, widget, (30, 4), (30, 30))
    strokes.undo()
    draw(viewer, widget, (10, 56), (60, 58))
    assert set(np.unique(strokes.data[3])) == {0, 3}
    settled(qtbot, widget)
    found = planes_of(qtbot, viewer, widget)
    assert set(np.unique(found)) == {1, 2, 3}
    drawn = strokes.data.copy()

    # saved, and the viewer closed
    notes.clear()
    button(widget, "Save project...").click()
    qtbot.waitUntil(lambda: notes != [], timeout=60_000)
    assert "project is saved as" in notes[0].message
    del widget, strokes
    viewer.close()
    notes.clear()

    # opened again: the same strokes, the same classifier, the same picture
    viewer = make_napari_viewer(show=True)
    viewer.open(project, plugin=None)
    widget = dock(viewer, features=None, update=None)
    qtbot.waitUntil(lambda: says(widget, "stack.vitrail, "), timeout=120_000)
    [strokes] = [layer for layer in viewer.layers if isinstance(layer, Labels)]
    np.testing.assert_array_equal(strokes.data, drawn)
    np.testing.assert_array_equal(viewer.layers["stack"].data, stack)
    assert set(class_names(strokes)) <= {1, 2, 3}
    viewer.dims.set_point(0, 2)
    button(widget, "Apply classifier...").click()
    qtbot.waitUntil(lambda: "stack segmentation" in viewer.layers, timeout=120_000)
    qtbot.waitUntil(lambda: says(widget, "Done in") and not widget._bench.job.is_busy, timeout=120_000)
    np.testing.assert_array_equal(viewer.layers["stack segmentation"].data[2], found[2])
    assert notes == []

    # applied to the folder by the command line, without the store of the viewer and with it
    files = sorted(map(str, folder.iterdir()))
    for output, options in (("with", []), ("without", ["--no-store"])):
        words = ["segment", *files, "-m", str(project), "-o", str(tmp_path / output), *options]
        assert cli.main(words) == 0
        written = [tifffile.imread(path) for path in sorted((tmp_path / output).iterdir())]
        np.testing.assert_array_equal(np.stack(written), found)
