"""Whatever a hand does to the strokes is learned from, and the newest wins; in a real viewer."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_vitrail import FeatureSpec, fit_classifier, segment
from napari_vitrail.live import Patch
from napari_vitrail.progress import Progress
from napari_vitrail.widgets import ClassifierWidget
from napari_vitrail.widgets import _live as live
from tests.widgets.conftest import SIDE
from tests.widgets.driving import button, click, combo, double_click, draw, press_key, says

RESULT = "textures segmentation"
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def viewer(make_napari_viewer_proxy, textures):
    viewer = make_napari_viewer_proxy(show=True)
    viewer.add_image(textures, name="textures")
    return viewer


@pytest.fixture(params=["After stroke", pytest.param("Live", marks=pytest.mark.slow)])
def gear(request):
    return request.param


@pytest.fixture
def widget(viewer):
    """Return the widget, docked, with the brush in hand, while nothing follows it yet."""
    widget = ClassifierWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Paint to segment")
    combo(widget, "Classical").setCurrentText("Classical")
    combo(widget, "Live").setCurrentText("Manual")
    button(widget, "New").click()
    viewer.layers["textures strokes"].brush_size = 4
    viewer.reset_view()
    return widget


@pytest.fixture
def strokes(viewer, widget):
    return viewer.layers["textures strokes"]


@pytest.fixture
def taught(qtbot, viewer, widget, strokes, gear):
    """Shift up, paint three strokes with the mouse, and wait until all is learned from them."""
    combo(widget, "Live").setCurrentText(gear)
    draw(viewer, widget, (10, 8), (50, 10))
    press_key(widget, "2")
    draw(viewer, widget, (10, 50), (50, 54))
    draw(viewer, widget, (58, 40), (58, 60))
    settled(qtbot, widget)
    return viewer.layers[RESULT]


def settled(qtbot, widget) -> None:
    qtbot.waitUntil(lambda: widget._live.is_settled, timeout=60_000)


def undo(viewer, widget, strokes):
    press_key(widget, "Z", CONTROL)


def redo(viewer, widget, strokes):
    press_key(widget, "Z", CONTROL, SHIFT)


def fill(viewer, widget, strokes):
    strokes.mode = "fill"
    strokes.selected_label = 1
    click(viewer, widget, (58, 50))


def polygon(viewer, widget, strokes):
    strokes.mode = "polygon"
    strokes.selected_label = 3
    for corner in ((2, 20), (2, 28), (8, 28)):
        click(viewer, widget, corner)
    double_click(viewer, widget, (8, 20))


def erase(viewer, widget, strokes):
    strokes.mode = "erase"
    draw(viewer, widget, (58, 40), (58, 50))


def another_label_by_key(viewer, widget, strokes):
    press_key(widget, "3")
    draw(viewer, widget, (4, 40), (4, 60))


def another_label_by_picking(viewer, widget, strokes):
    strokes.mode = "pick"
    click(viewer, widget, (30, 9))
    assert strokes.selected_label == 1
    strokes.mode = "paint"
    draw(viewer, widget, (30, 20), (40, 20))


def in_place_then_another_label(viewer, widget, strokes):
    strokes.data[20:30, 40:44] = 2  # a script does so, and no event tells of it
    press_key(widget, "1")


@pytest.mark.parametrize(
    "change",
    [
        undo, redo, fill, polygon, erase, another_label_by_key, another_label_by_picking,
        in_place_then_another_label,
    ],
)  # fmt: skip
def test_it_counts_as_a_stroke_and_ends_as_segment_would(
    change, qtbot, viewer, widget, strokes, taught, textures, notes
):
    if change is redo:
        undo(viewer, widget, strokes)
        settled(qtbot, widget)
    before, drawn = widget._live._live.classifier, strokes.data.copy()
    change(viewer, widget, strokes)
    assert (strokes.data != drawn).any()
    qtbot.waitUntil(lambda: widget._live._live.classifier is not before, timeout=60_000)
    settled(qtbot, widget)
    learned = fit_classifier([textures], [strokes.data], FeatureSpec(features="classical"))
    np.testing.assert_array_equal(taught.data, segment(textures, learned))
    assert notes == []


def test_in_manual_nothing_of_it_counts_until_segment_is_pressed(qtbot, viewer, widget, strokes):
    draw(viewer, widget, (10, 8), (50, 10))
    press_key(widget, "2")
    draw(viewer, widget, (10, 50), (50, 54))
    for change in (undo, redo, fill, polygon, erase):
        change(viewer, widget, strokes)
    qtbot.wait(1200)
    assert RESULT not in viewer.layers
    press_key(widget, "S")
    qtbot.waitUntil(lambda: RESULT in viewer.layers, timeout=60_000)


def test_after_stroke_waits_for_the_brush_to_be_lifted(qtbot, viewer, widget, strokes, textures):
    """The other side of Live, whose test paints on while the picture changes."""
    combo(widget, "Live").setCurrentText("After stroke")
    draw(viewer, widget, (10, 8), (50, 10))
    press_key(widget, "2")
    draw(viewer, widget, (10, 50), (50, 54))
    settled(qtbot, widget)
    before = widget._live._live.classifier
    with strokes.block_history():  # what the brush does between press and release
        strokes.paint((58, 50), 2)
        qtbot.wait(900)
        assert widget._live._live.classifier is before
    qtbot.waitUntil(lambda: widget._live._live.classifier is not before, timeout=60_000)
    settled(qtbot, widget)


# ---------------------------------------------------------------- the newest wins


class Held:
    """Work of which the first waits, and then answers with a class that nobody has painted.

    Parameters
    ----------
    make : callable
        Returns the work that the later ones do.
    """

    def __init__(self, make):
        self.started, self.open, self.closed = threading.Event(), threading.Event(), threading.Event()
        self._make = make

    def steps(self, sitting, painted, plane, window, *others):
        if self.started.is_set():
            return (yield from self._make(sitting, painted, plane, window, *others))
        try:
            self.started.set()
            self.open.wait(30)
            wrong = np.full([part.stop - part.start for part in window], 99, np.uint8)
            for done in range(3):
                yield Progress(done, 3, "prediction", Patch(window, wrong))
        finally:
            self.closed.set()


def test_a_stale_answer_is_never_shown(qtbot, viewer, widget, strokes, taught, monkeypatch, notes):
    held = Held(live.learn_steps)
    monkeypatch.setattr(live, "learn_steps", held.steps)
    shown = []
    widget._bench.shown.connect(lambda: shown.append(99 in taught.data))
    draw(viewer, widget, (4, 40), (4, 60))
    qtbot.waitUntil(held.started.is_set, timeout=60_000)
    press_key(widget, "3")
    draw(viewer, widget, (30, 40), (30, 60))  # while the first answer is still being worked on
    held.open.set()
    qtbot.waitUntil(held.closed.is_set, timeout=60_000)
    settled(qtbot, widget)
    assert 3 in taught.data
    assert shown
    assert not any(shown)
    assert notes == []


def test_cancel_ends_what_follows_the_brush(qtbot, viewer, widget, strokes, taught, monkeypatch, notes):
    held = Held(live.learn_steps)
    monkeypatch.setattr(live, "learn_steps", held.steps)
    before, drawn = taught.data.copy(), strokes.data.copy()
    draw(viewer, widget, (4, 40), (4, 60))
    qtbot.waitUntil(held.started.is_set, timeout=60_000)
    qtbot.waitUntil(lambda: not widget._live._watch.is_waiting)  # live: it may have begun under the brush
    button(widget, "Cancel").click()
    held.open.set()
    qtbot.waitUntil(lambda: says(widget, "Cancelled; "), timeout=1000)
    qtbot.wait(900)  # longer than the brush rests before a thorough fit
    np.testing.assert_array_equal(taught.data, before)
    assert (strokes.data != drawn).any()
    assert notes == []


# ---------------------------------------------------------------- where first, and how finely


@pytest.fixture
def large(qtbot, viewer, widget, textures):
    """Return the patches that are written of an image of which a part is in view."""
    viewer.layers.clear()
    viewer.add_image(np.tile(textures, (10, 10)), name="large")
    button(widget, "New").click()
    viewer.reset_view()
    camera = getattr(viewer, "scene", viewer).camera
    camera.zoom *= 2
    qtbot.wait(200)
    return viewer.layers["large strokes"]


def test_what_is_in_view_comes_first_and_the_rest_after_it(qtbot, viewer, widget, large, monkeypatch):
    written, write = [], live.write_patch

    def note(viewer, plane, window, classes, *arguments, **keywords):
        written.append((window, classes.copy()))
        return write(viewer, plane, window, classes, *arguments, **keywords)

    monkeypatch.setattr(live, "write_patch", note)
    combo(widget, "Live").setCurrentText("After stroke")
    middle = 5 * SIDE
    for label, column in ((1, 8), (2, 50)):
        rows, columns = np.mgrid[middle + 10 : middle + 50, middle + column : middle + column + 4]
        large.data_setitem((rows.ravel(), columns.ravel()), label)
    settled(qtbot, widget)
    view = widget._live._shown()[1]
    side = large.data.shape[0]
    assert view[0].start > 0
    assert view[0].stop < side
    first, coarse = written[0]
    for part, own in zip(
        first, view, strict=True
    ):  # the status line may have moved the canvas a little since
        assert abs(part.start - own.start) + abs(part.stop - own.stop) <= 8
    assert (coarse[: len(coarse) // 2 * 2 : 2, :-1:2] == coarse[1::2, :-1:2][: len(coarse) // 2]).all()
    inside = [_inside(window, view) for window, _ in written]
    assert not any(inside[len(inside) - inside[::-1].index(True) :])  # once outside, never back
    assert not all(inside)
    result = viewer.layers["large segmentation"].data
    assert result.all()


def _inside(window, view) -> bool:
    return all(
        own.start < seen.stop and own.stop > seen.start for own, seen in zip(window, view, strict=True)
    )


def test_visible_area_only_follows_the_camera_and_leaves_the_rest(qtbot, viewer, widget, large):
    widget._live._visible_only.value = True
    combo(widget, "Live").setCurrentText("After stroke")
    middle = 5 * SIDE
    for label, column in ((1, 8), (2, 50)):
        rows, columns = np.mgrid[middle + 10 : middle + 50, middle + column : middle + column + 4]
        large.data_setitem((rows.ravel(), columns.ravel()), label)
    settled(qtbot, widget)
    result = viewer.layers["large segmentation"].data
    assert result[middle, middle]
    assert not result[:20].any()
    assert not result[-20:].any()
    camera = getattr(viewer, "scene", viewer).camera
    camera.center = (0, 40, middle)
    qtbot.waitUntil(lambda: result[5, middle] > 0, timeout=60_000)
    settled(qtbot, widget)
    assert not result[-20:].any()


def test_a_view_that_is_left_while_something_is_worked_on_is_segmented_after_it(
    qtbot, viewer, widget, strokes, taught, monkeypatch, textures
):
    """A move of the slider during the thorough fit, which takes seconds, is not forgotten."""
    begun, opened = threading.Event(), threading.Event()
    monkeypatch.setattr(live, "settle_steps", held_back(begun, opened, live.settle_steps))
    viewer.layers.clear()
    viewer.add_image(np.stack([textures] * 3), name="stack")
    button(widget, "New").click()
    viewer.dims.set_point(0, 0)
    layer = viewer.layers["stack strokes"]
    for label, column in ((1, 8), (2, 50)):
        box = np.mgrid[10:50, column : column + 4].reshape(2, -1)
        layer.data_setitem((np.zeros(box.shape[1], int), *box), label)
    qtbot.waitUntil(begun.is_set, timeout=60_000)
    viewer.dims.set_point(0, 2)
    qtbot.wait(600)
    opened.set()
    qtbot.waitUntil(lambda: viewer.layers["stack segmentation"].data[2].all(), timeout=60_000)
    assert not viewer.layers["stack segmentation"].data[1].any()


def held_back(begun, opened, make):
    """Return work that waits before it begins."""

    def steps(*arguments):
        begun.set()
        while not opened.wait(0.01):
            yield Progress(0, 1, "waiting")
        return (yield from make(*arguments))

    return steps


def test_cancel_also_ends_what_was_put_off(qtbot, viewer, widget, strokes, taught, monkeypatch):
    """A view that was waiting to be segmented does not begin as soon as the running job has stopped."""
    held, begun = Held(live.learn_steps), []
    monkeypatch.setattr(live, "learn_steps", held.steps)
    monkeypatch.setattr(live, "show_steps", lambda *_: begun.append(1))
    draw(viewer, widget, (4, 40), (4, 60))
    qtbot.waitUntil(held.started.is_set, timeout=60_000)
    getattr(viewer, "scene", viewer).camera.zoom *= 1.1
    qtbot.wait(400)
    button(widget, "Cancel").click()
    held.open.set()
    qtbot.waitUntil(lambda: says(widget, "Cancelled; "), timeout=5000)
    qtbot.wait(600)
    assert begun == []
