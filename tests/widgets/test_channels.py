"""Choosing channels and further layers, in a real viewer."""

from __future__ import annotations

import numpy as np
import pytest

from napari_vitrail.widgets._channels import ChannelsMenu
from tests.widgets.conftest import SIDE
from tests.widgets.driving import button, combo, dock, draw, says

RESULT = "stains segmentation"


@pytest.fixture
def stains(textures):
    """Return an image of three channels, of which only the second tells the halves apart."""
    noise = np.random.default_rng(0).integers(0, 255, (2, SIDE, SIDE)).astype(np.uint16)
    return np.stack([noise[0], np.where(np.arange(SIDE) < SIDE // 2, 90, 4000) + noise[1] // 8, noise[1]])


@pytest.fixture
def viewer(make_napari_viewer_proxy, stains):
    viewer = make_napari_viewer_proxy(show=True)
    viewer.add_image(stains, name="stains")
    return viewer


@pytest.fixture
def widget(viewer):
    return dock(viewer)


@pytest.fixture
def menu(widget) -> ChannelsMenu:
    return widget.findChild(ChannelsMenu)


def choose(menu: ChannelsMenu, text: str) -> None:
    """Open the menu and press an entry."""
    menu._menu.aboutToShow.emit()
    next(action for action in menu._menu.actions() if action.text().startswith(text)).trigger()


def offered(menu: ChannelsMenu) -> list[str]:
    menu._menu.aboutToShow.emit()
    return [action.text() for action in menu._menu.actions() if not action.isSeparator()]


def paint(qtbot, viewer, widget):
    button(widget, "New").click()
    strokes = viewer.layers["stains strokes"]
    strokes.brush_size = 4
    viewer.reset_view()
    draw(viewer, widget, (10, 8), (50, 10))
    strokes.selected_label = 2
    draw(viewer, widget, (10, 50), (50, 54))
    return strokes


def agreement(layer) -> float:
    truth = np.where(np.arange(SIDE) < SIDE // 2, 1, 2) * np.ones((SIDE, 1))
    return float((layer.data[0] == truth).mean())


def test_strokes_on_channels_are_learned_from_and_the_result_is_seen_with_each(qtbot, viewer, widget, menu):
    choose(menu, "Axis 0")
    assert menu.text() == "channels 0, 1, 2"
    strokes = paint(qtbot, viewer, widget)
    assert strokes.data.shape == (1, SIDE, SIDE)
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: says(widget, "Done in"), timeout=60_000)
    result = viewer.layers[RESULT]
    assert agreement(result) > 0.95
    for channel in range(3):
        viewer.dims.set_point(0, channel)
        assert button(widget, "Segment").isEnabled()
        assert result.get_value((channel, 30, 5), world=True) == 1


def test_channels_can_be_left_out_but_for_the_last(widget, menu):
    choose(menu, "Axis 0")
    choose(menu, "Channel 1")
    assert widget._bench.layers.channels.chosen == (0, 2)
    choose(menu, "Channel 0")
    choose(menu, "Channel 2")
    assert widget._bench.layers.channels.chosen == (2,)


def test_without_the_telling_channel_it_cannot_tell(qtbot, viewer, widget, menu):
    choose(menu, "Axis 0")
    choose(menu, "Channel 1")
    paint(qtbot, viewer, widget)
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: says(widget, "Done in"), timeout=60_000)
    assert agreement(viewer.layers[RESULT]) < 0.8


def test_a_further_layer_is_offered_joined_and_forgotten_when_removed(viewer, widget, menu, stains):
    viewer.add_image(stains[1], name="nuclei")
    combo(widget, "stains").setCurrentText("stains")
    assert "nuclei" in offered(menu)
    choose(menu, "nuclei")
    assert menu.text() == "as shown + nuclei"
    viewer.layers.remove("nuclei")
    assert widget._bench.layers.channels.layers == ()
    assert menu.text() == "as shown"


def test_an_axis_that_is_labelled_as_channels_is_chosen_at_once(viewer, widget, menu, stains):
    viewer.add_image(stains, name="labelled", axis_labels=("channel", "y", "x"))
    combo(widget, "labelled").setCurrentText("labelled")
    assert menu.text() == "channels 0, 1, 2"


def test_each_image_keeps_its_choice(viewer, widget, menu, stains):
    choose(menu, "Axis 0")
    viewer.add_image(stains, name="other")
    combo(widget, "other").setCurrentText("other")
    assert menu.text() == "as shown"
    combo(widget, "stains").setCurrentText("stains")
    assert menu.text() == "channels 0, 1, 2"


def test_a_plain_image_alone_has_nothing_to_choose(make_napari_viewer_proxy, textures):
    viewer = make_napari_viewer_proxy()
    viewer.add_image(textures)
    widget = dock(viewer, features=None, update=None)
    assert not widget.findChild(ChannelsMenu).isEnabled()


def test_a_level_of_a_pyramid_is_chosen_and_segmented(qtbot, viewer, widget, menu, textures):
    fine = textures.repeat(2, axis=0).repeat(2, axis=1)
    viewer.add_image([fine, textures], multiscale=True, name="pyramid")
    combo(widget, "pyramid").setCurrentText("pyramid")
    choose(menu, "Level 1")
    assert menu.text() == "as shown, level 1"
    button(widget, "New").click()
    strokes = viewer.layers["pyramid strokes"]
    assert strokes.data.shape == textures.shape
    strokes.data[10:50, 8:12], strokes.data[10:50, 50:54] = 1, 2
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: says(widget, "Done in"), timeout=60_000)
    result = viewer.layers["pyramid segmentation"]
    assert result.data.shape == textures.shape
    np.testing.assert_array_equal(result.scale, (2, 2))


def test_other_channels_than_were_learned_are_said_not_tried(qtbot, viewer, widget, menu, notes):
    combo(widget, "Live").setCurrentText("After stroke")
    choose(menu, "Axis 0")
    strokes = paint(qtbot, viewer, widget)
    qtbot.waitUntil(lambda: widget._live.is_settled, timeout=60_000)
    choose(menu, "Channel 0")
    assert "learned with channel 0, channel 1" in " ".join(button(widget, "Uncertainty").toolTip().split())
    getattr(viewer, "scene", viewer).camera.zoom *= 1.1
    qtbot.wait(600)  # longer than the view rests before what came into it is segmented
    qtbot.waitUntil(lambda: not widget._bench.job.is_busy, timeout=60_000)
    assert strokes.data.any()
    assert notes == []
