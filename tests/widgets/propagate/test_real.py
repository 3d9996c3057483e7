"""The same with real weights, and together with Paint to segment."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.data import coins

from napari_vitrail import backbones, propagation
from tests.widgets import driving
from tests.widgets.driving import button, combo, draw, says
from tests.widgets.propagate.conftest import propagate_labels_steps, propagate_points_steps
from tests.widgets.propagate.hands import dock, frames_of, propagate, settle

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def real(asked, monkeypatch, real_backbone):
    """Put the real network in the place of the tiny one."""
    for steps in (propagate_labels_steps, propagate_points_steps):
        monkeypatch.setattr(propagation, steps.__name__, steps)
    monkeypatch.setattr(backbones, "load_backbone", lambda name: real_backbone)


@pytest.fixture
def table(make_napari_viewer_proxy):
    """Return a viewer with a movie (4, 112, 160) of coins, from which the camera moves away."""
    table = coins()
    frames = [table[60 + 4 * at : 172 + 4 * at, 150 + 6 * at : 310 + 6 * at] for at in range(4)]
    viewer = make_napari_viewer_proxy(show=True)
    viewer.window.resize(1200, 900)
    viewer.add_image(np.stack(frames), name="coins")
    viewer.dims.set_current_step(0, 0)
    return viewer


def test_two_coins_keep_their_labels(qtbot, table):
    movie = table.layers["coins"].data
    labels = np.zeros(movie.shape, np.uint8)
    is_coin = movie[0] > 120
    labels[0, :, :80][is_coin[:, :80]] = 1
    labels[0, :, 80:][is_coin[:, 80:]] = 2
    table.add_labels(labels, name="own")
    widget = dock(qtbot, table)
    combo(widget, "320 pixels").setCurrentText("320 pixels")
    propagate(qtbot, widget)
    found = table.layers["own propagated"].data
    for at, frame in enumerate(movie):
        moved = np.roll(labels[0], (-4 * at, -6 * at), axis=(0, 1))[:-12, :-18]
        inner = found[at][:-12, :-18]
        for label in (1, 2):
            both, either = (inner == label) & (moved == label), (inner == label) | (moved == label)
            assert both.sum() / either.sum() > 0.5, (at, label, frame.shape)


def test_points_stay_on_their_coins(qtbot, table):
    """The camera moves by 4 rows and 6 columns a frame; half a coin is 25 pixels."""
    start = np.array([[60.0, 75], [50, 130]])
    table.add_points(np.column_stack([[0, 0], start]), name="marks", size=4)
    widget = dock(qtbot, table)
    combo(widget, "320 pixels").setCurrentText("320 pixels")
    propagate(qtbot, widget)
    layer = table.layers["marks propagated"]
    for at in range(4):
        found = layer.data[layer.data[:, 0] == at][:, 1:]
        np.testing.assert_allclose(found, start - at * np.array([4, 6]), atol=1)
    assert layer.features["visible"].all()


def test_a_slice_that_was_segmented_labels_the_stack_and_the_stack_teaches_back(qtbot, table):
    painter = driving.dock(table)
    button(painter, "New").click()
    strokes = table.layers["coins strokes"]
    strokes.selected_label = 1
    draw(table, painter, (40, 20), (40, 40))
    strokes.selected_label = 2
    draw(table, painter, (100, 10), (100, 60))
    button(painter, "Segment").click()
    qtbot.waitUntil(lambda: says(painter, "Done in"), timeout=60_000)
    widget = dock(qtbot, table)
    source = widget._propagation.choice._source
    source.value = table.layers["coins segmentation"]
    qtbot.waitUntil(lambda: frames_of(widget) == ["0"])
    combo(widget, "320 pixels").setCurrentText("320 pixels")
    propagate(qtbot, widget)
    found = table.layers["coins segmentation propagated"].data
    assert all({1, 2} <= set(np.unique(frame)) for frame in found)
    table.layers.remove("coins strokes")
    button(widget, "Send to Paint to segment").click()
    settle(qtbot, widget)
    sent = table.layers["coins strokes"].data
    assert (sent > 0).any(axis=(1, 2)).sum() > 1
