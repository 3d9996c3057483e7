"""Asking the classifier how sure it is, in a real viewer."""

from __future__ import annotations

import numpy as np
import pytest

from napari_vitrail import class_probabilities, uncertainty
from tests.widgets.conftest import SIDE
from tests.widgets.driving import button, combo, dock, says

LAYER = "textures uncertainty"


@pytest.fixture
def viewer(make_napari_viewer_proxy, textures):
    viewer = make_napari_viewer_proxy()
    viewer.add_image(np.stack([textures] * 3), name="textures", scale=(1, 0.5, 0.5), translate=(0, 10, 20))
    viewer.dims.set_point(0, 1)
    return viewer


@pytest.fixture
def widget(qtbot, viewer):
    """Return the widget after it has segmented one plane of a stack."""
    widget = dock(viewer)
    assert not button(widget, "Uncertainty").isEnabled()
    button(widget, "New").click()
    strokes = viewer.layers["textures strokes"]
    strokes.data[1, 10:50, 8:12], strokes.data[1, 10:50, 50:54] = 2, 7
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: says(widget, "Done in"), timeout=60_000)
    return widget


def test_uncertainty_is_a_layer_in_the_place_of_the_image(qtbot, viewer, widget):
    button(widget, "Uncertainty").click()
    qtbot.waitUntil(lambda: LAYER in viewer.layers, timeout=60_000)
    layer = viewer.layers[LAYER]
    assert layer.data.shape == (3, SIDE, SIDE)
    assert 0 < layer.data[1].max() <= 1
    assert not layer.data[[0, 2]].any()
    np.testing.assert_array_equal(layer.scale, (1, 0.5, 0.5))
    assert viewer.layers.selection.active.name == "textures strokes"


def test_borders_are_less_certain_than_strokes(qtbot, viewer, widget):
    button(widget, "Uncertainty").click()
    qtbot.waitUntil(lambda: LAYER in viewer.layers, timeout=60_000)
    values = viewer.layers[LAYER].data[1]
    assert values[:, 28:36].mean() > 2 * values[10:50, 8:12].mean()


def test_the_view_goes_to_the_spot(qtbot, viewer, widget):
    button(widget, "Most uncertain spot").click()
    qtbot.waitUntil(lambda: says(widget, "a stroke there says most"), timeout=60_000)
    camera = getattr(viewer, "scene", viewer).camera
    row, column = ((camera.center[-2:]) - np.array([10, 20])) / 0.5
    values = viewer.layers[LAYER].data[1]
    around = values[int(row) - 2 : int(row) + 3, int(column) - 2 : int(column) + 3]
    assert around.mean() > np.percentile(values, 80)


def test_the_spot_is_that_of_the_plane_that_was_asked_about(qtbot, viewer, widget):
    button(widget, "Most uncertain spot").click()
    viewer.dims.set_point(0, 2)
    qtbot.waitUntil(lambda: says(widget, "a stroke there says most"), timeout=60_000)
    assert viewer.dims.point[0] == 1


def test_the_layer_follows_its_image(qtbot, viewer, widget):
    button(widget, "Uncertainty").click()
    qtbot.waitUntil(lambda: LAYER in viewer.layers, timeout=60_000)
    qtbot.waitUntil(lambda: not widget._bench.job.is_busy, timeout=60_000)
    for name in ("textures", "textures strokes"):
        viewer.layers[name].translate = (0, 30, 40)
    button(widget, "Uncertainty").click()
    qtbot.waitUntil(lambda: not widget._bench.job.is_busy, timeout=60_000)
    np.testing.assert_array_equal(viewer.layers[LAYER].translate, (0, 30, 40))


def test_asking_again_writes_the_same_layer(qtbot, viewer, widget):
    for _ in range(2):
        button(widget, "Uncertainty").click()
        qtbot.waitUntil(lambda: says(widget, "on average"), timeout=60_000)
        qtbot.waitUntil(lambda: not widget._bench.job.is_busy, timeout=60_000)
    assert sum(layer.name.startswith(LAYER) for layer in viewer.layers) == 1


def test_the_margin_is_another_measure(qtbot, viewer, widget):
    found = []
    for measure in ("Entropy", "Margin"):
        combo(widget, "Margin").setCurrentText(measure)
        button(widget, "Uncertainty").click()
        qtbot.waitUntil(lambda: not widget._bench.job.is_busy, timeout=60_000)
        found.append(viewer.layers[LAYER].data[1].copy())
    probability = class_probabilities(viewer.layers["textures"].data[1], widget._bench.classifier)
    np.testing.assert_allclose(found[0], uncertainty(probability, "entropy"), atol=1e-6)
    np.testing.assert_allclose(found[1], uncertainty(probability, "margin"), atol=1e-6)


def test_it_is_no_image_to_segment(qtbot, viewer, widget):
    button(widget, "Uncertainty").click()
    qtbot.waitUntil(lambda: LAYER in viewer.layers, timeout=60_000)
    names = [combo(widget, "textures").itemText(i) for i in range(combo(widget, "textures").count())]
    assert names == ["textures"]
