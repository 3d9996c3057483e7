"""Stories in a real viewer: look at features in colours, under the cursor and on a map."""

from __future__ import annotations

import threading

import dask.array as da
import numpy as np
import pytest
from napari.layers import Image
from napari.utils.key_bindings import coerce_keybinding
from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QAbstractButton, QAbstractSpinBox, QApplication, QComboBox, QListWidget

from napari_vitrail import FeatureGrid, Grid, Progress
from napari_vitrail.widgets import FeaturesWidget
from napari_vitrail.widgets._scatter import Scatter
from tests.widgets.driving import button, canvas_of, combo, pixel_of, says

PATCH = 14
SQUARE = (slice(28, 56), slice(14, 42))
IN_SQUARE, OUTSIDE = (41, 27), (70, 70)


@pytest.fixture
def square():
    """Return a dark image of 6 x 6 patches with a bright square on 2 x 2 of them."""
    image = np.zeros((6 * PATCH, 6 * PATCH), np.uint8)
    image[SQUARE] = 200
    return image


@pytest.fixture(autouse=True)
def patches(monkeypatch):
    """Put in place of the network one that sees how bright and how dark each patch is."""

    def steps(image, spec, **_):
        yield Progress(0, 1, "ViT features")
        grey = image.mean(axis=-1) if image.ndim == 3 else image
        grid = Grid.of_tokens(grey.shape, PATCH, PATCH)
        rows, columns = (PATCH * side for side in grid.shape)
        parts = grey[:rows, :columns].reshape(grid.shape[0], PATCH, grid.shape[1], PATCH)
        bright = parts.mean(axis=(1, 3)) / 200
        return FeatureGrid(np.stack([bright, 1 - bright], axis=-1).astype(np.float32), grid)

    monkeypatch.setattr("napari_vitrail.features.extract_features_steps", steps)


@pytest.fixture
def viewer(make_napari_viewer_proxy, square):
    """Return a viewer that shows the square, calibrated."""
    viewer = make_napari_viewer_proxy(show=True)
    viewer.add_image(square, name="square", scale=(0.5, 0.25), translate=(10, 20))
    return viewer


@pytest.fixture
def widget(viewer, qtbot):
    """Return the widget, docked."""
    return dock(viewer, qtbot)


@pytest.fixture
def computed(widget, qtbot):
    """Return the widget after it has computed features."""
    compute(widget, qtbot)
    return widget


def dock(viewer, qtbot) -> FeaturesWidget:
    widget = FeaturesWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Explore features")
    qtbot.wait(20)
    viewer.reset_view()
    return widget


def compute(widget, qtbot):
    button(widget, "Compute features").click()
    qtbot.waitUntil(lambda: says(widget, "Done in"), timeout=20_000)


def tick(widget, name, ticked=True):
    rows = widget.findChild(QListWidget)
    [item] = rows.findItems(name, Qt.MatchFlag.MatchExactly)
    item.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)


class Hand:
    """Holds the key, moves and clicks."""

    def __init__(self, qtbot, viewer, widget):
        self._qtbot, self._viewer, self._widget = qtbot, viewer, widget
        self._canvas = canvas_of(widget)

    def move(self, position):
        """Move to a position in the world and wait for napari, which looks only now and then."""
        self._qtbot.waitUntil(lambda: self._arrives_at(position))

    def _arrives_at(self, position):
        # QTest.mouseMove moves the pointer, which is no event where it rests there already.
        pixel = pixel_of(self._viewer, self._widget, position)
        places = QPointF(pixel), QPointF(self._canvas.mapToGlobal(pixel))
        nothing = Qt.MouseButton.NoButton
        moved = QMouseEvent(QEvent.Type.MouseMove, *places, nothing, nothing, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(self._canvas, moved)
        camera = getattr(self._viewer, "scene", self._viewer).camera
        return np.allclose(self._viewer.cursor.position[-2:], position, atol=1 / camera.zoom)

    def press(self):
        self._qtbot.keyPress(self._canvas, Qt.Key.Key_H)

    def release(self):
        self._qtbot.keyRelease(self._canvas, Qt.Key.Key_H)

    def click(self, position):
        pixel = pixel_of(self._viewer, self._widget, position)
        self._qtbot.mouseClick(self._canvas, Qt.MouseButton.LeftButton, pos=pixel)


@pytest.fixture
def hand(qtbot, viewer, computed):
    """Return the hand of somebody who has computed features."""
    return Hand(qtbot, viewer, computed)


def world(layer, pixel):
    return np.array(layer.data_to_world(pixel))[-2:]


def expected_similarity():
    cells = np.zeros((6, 6))
    cells[2:4, 1:3] = 1
    return cells


def test_similarity_follows_the_cursor_while_the_key_is_held(viewer, hand):
    image = viewer.layers["square"]
    hand.move(world(image, IN_SQUARE))
    assert "square similarity" not in viewer.layers
    hand.press()
    similar = viewer.layers["square similarity"]
    np.testing.assert_allclose(similar.data, expected_similarity(), atol=1e-6)
    hand.move(world(image, OUTSIDE))
    np.testing.assert_allclose(similar.data, 1 - expected_similarity(), atol=1e-6)
    assert similar.contrast_limits == [0, 1]
    hand.release()
    assert [layer.name for layer in viewer.layers] == ["square"]
    hand.move(world(image, IN_SQUARE))
    assert [layer.name for layer in viewer.layers] == ["square"]


@pytest.mark.parametrize(
    ("kind", "geometry"),
    [
        ("grey", {}),
        ("rgb", {"scale": (0.5, 2), "translate": (-3, 100)}),
        ("pyramid", {"scale": (2, 2)}),
        ("grey", {"scale": (2, 3), "rotate": 30, "shear": [0.2], "translate": (1, 2)}),
        ("stack", {"scale": (5, 0.5, 2), "translate": (2, -3, 100)}),
        ("stack", {"affine": np.array([[1, 0, 0, 7], [0, 1, 0.2, 4], [0, 0, 2, -1], [0, 0, 0, 1]])}),
    ],
    ids=[
        "plain",
        "colour, calibrated",
        "pyramid",
        "rotated and sheared",
        "stack, calibrated",
        "stack, affine",
    ],
)
def test_maps_lie_on_what_they_are_of(kind, geometry, qtbot, make_napari_viewer_proxy, square, notes):
    viewer = make_napari_viewer_proxy()
    data = {
        "grey": square,
        "rgb": np.dstack([square] * 3),
        "pyramid": [square, square[::2, ::2]],
        "stack": da.stack([0 * square, square]),
    }[kind]
    image = viewer.add_image(data, name="square", rgb=kind == "rgb", **geometry)
    viewer.dims.set_point(0, viewer.dims.range[0].stop if kind == "stack" else viewer.dims.point[0])
    widget = dock(viewer, qtbot)
    compute(widget, qtbot)
    at = (1,) if kind == "stack" else ()
    viewer.cursor.position = image.data_to_world((*at, *IN_SQUARE))
    similarity = held_map(viewer, "square similarity")
    button(widget, "Show colours").click()
    qtbot.waitUntil(lambda: "square PCA" in viewer.layers)
    for layer in (similarity, viewer.layers["square PCA"]):
        assert layer.ndim == image.ndim
        np.testing.assert_allclose(
            layer.data_to_world((*(0 for _ in at), 1.5, 0.5)), image.data_to_world((*at, 27.5, 13.5))
        )
        np.testing.assert_allclose(
            layer.data_to_world((*(0 for _ in at), 3.5, 2.5)), image.data_to_world((*at, 55.5, 41.5))
        )
    np.testing.assert_allclose(similarity.data.squeeze(), expected_similarity(), atol=1e-6)
    assert notes == []


def held_map(viewer, name) -> Image:
    """Press and release the key through napari's own binding; return the map that was shown meanwhile."""
    held = viewer.keymap[coerce_keybinding("H")](viewer)
    next(held)
    shown = viewer.layers[name]
    assert next(held, "released") == "released"
    return shown


def test_every_ticked_image_is_compared(viewer, hand, computed, qtbot, square):
    viewer.add_image(np.roll(square, 28, axis=1)[:70], name="other", translate=(0, 60))
    tick(computed, "other")
    button(computed, "Compute features").click()
    qtbot.waitUntil(lambda: says(computed, "other, 5 x 6 tokens"))
    hand.move(world(viewer.layers["square"], IN_SQUARE))
    hand.press()
    expected = np.roll(expected_similarity(), 2, axis=1)[:5]
    np.testing.assert_allclose(viewer.layers["other similarity"].data, expected, atol=1e-6)
    hand.release()
    tick(computed, "other", ticked=False)
    hand.press()
    assert "other similarity" not in viewer.layers
    hand.release()


def test_of_images_on_top_of_each_other_the_visible_one_is_looked_at(viewer, hand, computed, qtbot, square):
    geometry = {"scale": (0.5, 0.25), "translate": (10, 20)}
    other = viewer.add_image(square[::-1], name="other", **geometry)
    tick(computed, "other")
    compute_other(computed, qtbot, "other")
    hand.move(world(viewer.layers["square"], IN_SQUARE))
    hand.press()
    assert [layer.name for layer in viewer.layers][2:] == ["square similarity", "other similarity"]
    hand.release()
    other.visible = False
    hand.press()
    assert "other similarity" not in viewer.layers
    hand.release()


def test_the_grid_view_is_said_to_have_no_room(viewer, hand, notes):
    grid = getattr(viewer, "canvas", viewer).grid
    grid.enabled = True
    hand.press()
    hand.release()
    grid.enabled = False
    assert [note.severity for note in notes] == ["info"]
    assert len(viewer.layers) == 1


def test_a_click_keeps_the_map_and_paints_nothing(viewer, hand, computed, qtbot):
    strokes = viewer.add_labels(np.zeros((84, 84), np.uint8), scale=(0.5, 0.25), translate=(10, 20))
    strokes.mode = "paint"
    image = viewer.layers["square"]
    hand.move(world(image, IN_SQUARE))
    hand.press()
    hand.click(world(image, IN_SQUARE))
    hand.move(world(image, OUTSIDE))
    hand.release()
    np.testing.assert_allclose(viewer.layers["square similarity"].data, expected_similarity(), atol=1e-6)
    assert not strokes.data.any()
    assert viewer.layers.selection.active == strokes
    assert strokes.mode == "paint"

    hand.press()
    assert not viewer.layers["square similarity"].visible
    hand.move(world(image, IN_SQUARE))
    hand.release()
    assert len(viewer.layers) == 3


def test_a_kept_map_becomes_labels(viewer, hand, computed, qtbot, square):
    image = viewer.layers["square"]
    make = button(computed, "Make labels")
    assert not make.isEnabled()
    for position in (IN_SQUARE, OUTSIDE):
        hand.move(world(image, position))
        hand.press()
        hand.click(world(image, position))
        hand.release()
        make.click()
        qtbot.waitUntil(lambda: says(computed, "labelled square"))
        qtbot.waitUntil(lambda: "square alike" in viewer.layers)
        next(box for box in computed.findChildren(QAbstractSpinBox) if box.maximum() == 255).setValue(2)
        button(computed, "Show colours").click()
        qtbot.waitUntil(lambda: says(computed, "coloured square"))
    labels = viewer.layers["square alike"]
    np.testing.assert_array_equal(labels.scale, image.scale)
    middle = labels.data[SQUARE][7:-7, 7:-7]
    assert set(np.unique(middle)) == {1}
    assert set(np.unique(labels.data[63:])) == {2}
    assert set(np.unique(labels.data)) == {0, 1, 2}


def test_labels_of_one_plane_leave_the_others_alone(viewer, qtbot, computed, square):
    viewer.add_image(np.stack([square, square]), name="stack")
    tick(computed, "square", ticked=False)
    tick(computed, "stack")
    viewer.dims.set_point(0, 1)
    button(computed, "Compute features").click()
    qtbot.waitUntil(lambda: says(computed, "stack, 6 x 6 tokens"))
    viewer.cursor.position = (1, *IN_SQUARE)
    held = viewer.keymap[coerce_keybinding("H")](viewer)
    next(held)
    viewer.mouse_drag_callbacks[-1](viewer, None)
    next(held, None)
    button(computed, "Make labels").click()
    qtbot.waitUntil(lambda: "stack alike" in viewer.layers)
    labels = viewer.layers["stack alike"].data
    assert labels.shape == (2, 84, 84)
    assert not labels[0].any()
    assert labels[1].any()


def test_colours_are_updated_in_place(viewer, computed, qtbot, square):
    button(computed, "Show colours").click()
    qtbot.waitUntil(lambda: "square PCA" in viewer.layers)
    colours = viewer.layers["square PCA"]
    image = viewer.layers["square"]
    assert viewer.layers.index(colours) == viewer.layers.index(image) + 1
    assert colours.data.shape == (6, 6, 3)
    image.data = np.roll(square, 14, axis=0)[:70]
    image.translate = (0, 0)
    compute(computed, qtbot)
    qtbot.waitUntil(button(computed, "Show colours").isEnabled)
    button(computed, "Show colours").click()
    qtbot.waitUntil(lambda: colours.data.shape == (5, 6, 3))
    assert len(viewer.layers) == 2
    np.testing.assert_allclose(colours.data_to_world((0, 0)), image.data_to_world((6.5, 6.5)))


def test_one_basis_or_one_for_each_image(viewer, computed, qtbot, square):
    viewer.add_image(square // 2, name="dim")
    tick(computed, "dim")
    compute_other(computed, qtbot, "dim")
    shared = button_box(computed, "One basis for all")
    assert shared.isChecked()
    button(computed, "Show colours").click()
    qtbot.waitUntil(lambda: "dim PCA" in viewer.layers)
    square_colours, dim_colours = (viewer.layers[f"{name} PCA"].data for name in ("square", "dim"))
    assert (square_colours[2, 1] != dim_colours[2, 1]).any()
    shared.setChecked(False)
    button(computed, "Show colours").click()
    qtbot.waitUntil(lambda: (viewer.layers["dim PCA"].data == viewer.layers["square PCA"].data).all())


def compute_other(widget, qtbot, name):
    button(widget, "Compute features").click()
    qtbot.waitUntil(lambda: says(widget, f"{name}, 6 x 6 tokens"))


def button_box(widget, text):
    return next(found for found in widget.findChildren(QAbstractButton) if found.text() == text)


def test_results_are_not_offered_as_images(viewer, hand, computed, qtbot):
    hand.move(world(viewer.layers["square"], IN_SQUARE))
    hand.press()
    hand.click(world(viewer.layers["square"], IN_SQUARE))
    hand.release()
    button(computed, "Show colours").click()
    qtbot.waitUntil(lambda: "square PCA" in viewer.layers)
    rows = computed.findChild(QListWidget)
    assert [rows.item(row).text() for row in range(rows.count())] == ["square"]


def test_the_selected_image_is_ticked_at_first(make_napari_viewer_proxy, qtbot, square):
    viewer = make_napari_viewer_proxy()
    for name in ("a", "b", "c"):
        viewer.add_image(square, name=name)
    viewer.layers.selection.active = viewer.layers["b"]
    rows = dock(viewer, qtbot).findChild(QListWidget)
    assert ticks(rows) == {"c": False, "b": True, "a": False}
    viewer.layers["b"].name = "renamed"
    assert ticks(rows) == {"c": False, "renamed": True, "a": False}
    del viewer.layers["renamed"]
    assert sum(ticks(rows).values()) == 1
    viewer.layers.clear()
    assert rows.count() == 0


def ticks(rows):
    items = [rows.item(row) for row in range(rows.count())]
    return {item.text(): item.checkState() == Qt.CheckState.Checked for item in items}


def test_changed_pixels_drop_the_features(viewer, computed, square):
    assert button(computed, "Show colours").isEnabled()
    viewer.layers["square"].data = square[::-1]
    assert not button(computed, "Show colours").isEnabled()
    assert says(computed, "Not yet: press Compute features")


def test_another_plane_is_said_to_have_no_features(viewer, widget, qtbot, square):
    viewer.add_image(np.stack([square, square]), name="stack")
    tick(widget, "square", ticked=False)
    tick(widget, "stack")
    viewer.dims.set_point(0, 1)
    compute(widget, qtbot)
    assert says(widget, "Hold H")
    viewer.dims.set_point(0, 0)
    assert says(widget, "of a plane that is out of view")
    viewer.dims.set_point(0, 1)
    assert says(widget, "Hold H")
    viewer.dims.ndisplay = 3
    assert "switch it to 2-D" in button(widget, "Compute features").toolTip()


def test_a_second_press_computes_only_what_is_missing(viewer, computed, qtbot, square, monkeypatch):
    seen = []

    def steps(image, spec, **_):
        seen.append(image.shape)
        yield Progress(0, 1, "ViT features")
        return FeatureGrid(np.ones((1, 1, 2), np.float32), Grid((1, 1)))

    monkeypatch.setattr("napari_vitrail.features.extract_features_steps", steps)
    viewer.add_image(square[:70], name="other")
    tick(computed, "other")
    button(computed, "Compute features").click()
    qtbot.waitUntil(lambda: says(computed, "other, 1 x 1 tokens"))
    assert seen == [(70, 84)]
    button(computed, "Compute features").click()
    qtbot.waitUntil(lambda: len(seen) == 3)
    qtbot.waitUntil(lambda: says(computed, "square, 1 x 1"))


def test_an_image_removed_meanwhile_is_said_so(viewer, widget, qtbot, monkeypatch, notes):
    started, go = threading.Event(), threading.Event()

    def steps(image, spec, **_):
        started.set()
        while not go.wait(0.01):
            yield Progress(0, 1, "ViT features")
        return FeatureGrid(np.ones((1, 1, 2), np.float32), Grid((1, 1)))

    monkeypatch.setattr("napari_vitrail.features.extract_features_steps", steps)
    button(widget, "Compute features").click()
    qtbot.waitUntil(started.is_set)
    del viewer.layers["square"]
    go.set()
    qtbot.waitUntil(lambda: says(widget, "'square' was changed or removed meanwhile"))
    assert notes == []


def test_cancel_keeps_nothing(viewer, widget, qtbot, monkeypatch):
    started, closed = threading.Event(), threading.Event()

    def steps(image, spec, **_):
        try:
            started.set()
            while True:
                yield Progress(0, 1, "ViT features")
        finally:
            closed.set()

    monkeypatch.setattr("napari_vitrail.features.extract_features_steps", steps)
    button(widget, "Compute features").click()
    qtbot.waitUntil(started.is_set)
    button(widget, "Cancel").click()
    qtbot.waitUntil(lambda: says(widget, "Cancelled"))
    assert closed.is_set()
    assert not button(widget, "Show colours").isEnabled()


def test_an_error_is_one_notification(widget, qtbot, monkeypatch, notes):
    def steps(image, spec, **_):
        yield Progress(0, 1, "ViT features")
        raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr("napari_vitrail.features.extract_features_steps", steps)
    button(widget, "Compute features").click()
    qtbot.waitUntil(lambda: notes != [])
    qtbot.waitUntil(lambda: says(widget, "Stopped by an error"))
    [note] = notes
    assert note.message.startswith("CUDA out of memory")
    qtbot.waitUntil(lambda: not button(widget, "Cancel").isEnabled())


def test_features_of_other_settings_do_not_mix(viewer, computed, qtbot, square):
    viewer.add_image(square, name="other")
    tick(computed, "square", ticked=False)
    tick(computed, "other")
    facets = combo(computed, "Key")
    facets.setCurrentText("Key")
    compute_other(computed, qtbot, "other")
    tick(computed, "square")
    assert "seen with different settings" in " ".join(button(computed, "Show colours").toolTip().split())
    facets.setCurrentText("Token, normalised")
    compute_other(computed, qtbot, "other")
    assert button(computed, "Show colours").isEnabled()


def test_the_key_is_given_back(viewer, hand, computed, qtbot):
    key = coerce_keybinding("H")
    assert key in viewer.keymap
    hand.move(world(viewer.layers["square"], IN_SQUARE))
    hand.press()
    viewer.window.remove_dock_widget(computed)
    assert key not in viewer.keymap
    assert [layer.name for layer in viewer.layers] == ["square"]
    assert viewer.layers.selection.active == viewer.layers["square"]
    computed.deleteLater()


def test_a_key_that_is_taken_is_left_alone(make_napari_viewer_proxy, qtbot, square):
    viewer = make_napari_viewer_proxy()
    viewer.add_image(square, name="square")

    def mine(_):
        pass

    viewer.bind_key("H", mine)
    widget = dock(viewer, qtbot)
    compute(widget, qtbot)
    assert says(widget, "Hold J")
    viewer.window.remove_dock_widget(widget)
    assert viewer.keymap[coerce_keybinding("H")] == mine
    assert coerce_keybinding("J") not in viewer.keymap
    widget.deleteLater()


def test_an_image_removed_while_the_key_is_held(viewer, hand, square, notes):
    hand.move(world(viewer.layers["square"], IN_SQUARE))
    hand.press()
    viewer.layers.clear()
    hand.move((30, 30))
    hand.release()
    assert len(viewer.layers) == 0
    assert notes == []


def test_the_map_shows_labels_and_leads_to_its_tokens(viewer, computed, qtbot, square):
    image = viewer.layers["square"]
    labels = viewer.add_labels(
        np.pad(np.where(square > 0, 3, 0).astype(np.uint8), 4), scale=image.scale, name="truth",
        translate=np.array(image.translate) - 4 * np.array(image.scale),
    )  # fmt: skip
    assert computed.findChild(Scatter) is None
    button(computed, "Map of tokens").click()
    qtbot.waitUntil(lambda: says(computed, "36 tokens on the map"), timeout=20_000)
    combo(computed, "truth").setCurrentText("truth")
    drawn = computed._map._drawn
    colours = computed._map._label_colours(drawn, labels)
    in_square = (drawn.tokens.cells >= (2, 1)).all(axis=1) & (drawn.tokens.cells <= (3, 2)).all(axis=1)
    np.testing.assert_allclose(colours[in_square], np.tile(labels.colormap.map(3), (4, 1)))
    assert len(np.unique(colours[~in_square], axis=0)) == 1

    scatter = computed.findChild(Scatter)
    scatter.picked.emit(0)
    camera = getattr(viewer, "scene", viewer).camera
    np.testing.assert_allclose(camera.center[-2:], world(image, (6.5, 6.5)))
    del viewer.layers["truth"]
    assert combo(computed, "by features").currentText() == "by features"


def test_every_control_has_a_tooltip(widget):
    controls = (QAbstractButton, QAbstractSpinBox, QComboBox, QListWidget)
    found = [part for kind in controls for part in widget.findChildren(kind)]
    assert len(found) > 12
    assert [part for part in found if not (part.toolTip() or part.parent().toolTip())] == []


def test_everything_fits_into_320_pixels(widget):
    assert widget.minimumSizeHint().width() <= 320
