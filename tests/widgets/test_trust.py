"""The page of trust in a real viewer: assess, look, train without, compare, use."""

from __future__ import annotations

import sys
import threading
import time

import numpy as np
import pytest
from napari.utils.theme import get_theme
from qtpy.QtWidgets import QTabWidget

from napari_vitrail.backbones import available_source
from napari_vitrail.progress import Progress
from napari_vitrail.spec import DEFAULT_BACKBONE
from napari_vitrail.widgets._plot import MISSING
from tests.widgets.driving import button, combo, dock, says

VIEWS = ("Confusion", "Classes", "Feature groups", "Learning curve")


@pytest.fixture
def viewer(make_napari_viewer_proxy, textures):
    viewer = make_napari_viewer_proxy()
    viewer.add_image(textures, name="textures")
    return viewer


@pytest.fixture
def widget(viewer):
    """Return the widget with its page of trust in front, on classical features and a quick estimator."""
    widget = dock(viewer)
    combo(widget, "Ridge regression").setCurrentText("Ridge regression")
    pages = widget.findChild(QTabWidget)
    pages.setCurrentWidget(widget._trust)
    assert not button(widget, "Assess").isEnabled()
    button(widget, "New").click()
    return widget


@pytest.fixture
def strokes(viewer, widget):
    """Return three strokes of each of two classes; one of them is called."""
    layer = viewer.layers["textures strokes"]
    for top in (4, 28, 50):
        layer.data[top : top + 8, 8:12], layer.data[top : top + 8, 50:54] = 2, 7
    layer.features = {"index": [0, 2], "class": ["unlabelled", "board"]}
    return layer


@pytest.fixture
def assessed(qtbot, widget, strokes):
    button(widget, "Assess").click()
    qtbot.waitUntil(lambda: says(widget, "6 strokes of textures held out"), timeout=60_000)
    return widget


def axes_of(widget):
    return widget._trust._plot._canvas.figure.axes[0]


def words_of(axes) -> list[str]:
    return [label.get_text() for label in (*axes.get_xticklabels(), *axes.get_yticklabels())]


def test_the_strokes_are_assessed_and_each_view_is_drawn(assessed):
    assert says(assessed, "right on held-out strokes (")
    assert says(assessed, "6 strokes, 3 fits")
    for view in VIEWS:
        combo(assessed, "Confusion").setCurrentText(view)
        assert assessed._trust._plot.isVisibleTo(assessed)
        assert axes_of(assessed).has_data()
    combo(assessed, "Confusion").setCurrentText("Classes")
    assert {"board (3)", "class 7 (3)"} <= set(words_of(axes_of(assessed)))
    combo(assessed, "Confusion").setCurrentText("Which class")
    assert says(assessed, "board: ")
    assert not assessed._trust._plot.isVisibleTo(assessed)


def test_nothing_is_trained_or_painted_by_it(viewer, assessed):
    assert [layer.name for layer in viewer.layers] == ["textures", "textures strokes"]
    assert assessed._bench.classifier is None


def test_one_click_trains_without_a_group(qtbot, assessed):
    combo(assessed, "Confusion").setCurrentText("Feature groups")
    groups = combo(assessed, "intensity")
    groups.setCurrentText("edges 4")
    before = len(axes_of(assessed).lines)
    button(assessed, "Train without").click()
    qtbot.waitUntil(lambda: says(assessed, "Without edges 4: "), timeout=60_000)
    assert len(axes_of(assessed).lines) == before + 1
    assert "trained without" in axes_of(assessed).get_xlabel()


@pytest.mark.slow
@pytest.mark.skipif(available_source(DEFAULT_BACKBONE) is None, reason="weights are not here")
def test_the_winner_can_be_used(qtbot, assessed):
    button(assessed, "Compare").click()
    qtbot.waitUntil(lambda: assessed._trust._known.comparison is not None, timeout=120_000)
    candidates = assessed._trust._known.comparison.candidates
    assert [str(own) for own in candidates] == ["auto", "hybrid", "vit", "classical"]
    assert words_of(axes_of(assessed))[-4:] == ["Automatic", "Classical + ViT", "ViT", "Classical"]
    chosen = assessed._trust._candidate.native
    assert candidates[chosen.currentIndex()] is assessed._trust._known.comparison.winner
    chosen.setCurrentText("ViT")
    button(assessed, "Use this").click()
    assert (assessed._bench.form.spec.features, assessed._bench.form.estimator) == ("vit", None)


def test_compare_waits_for_an_assessment(widget, strokes):
    assert not button(widget, "Compare").isEnabled()
    assert "press Assess first" in button(widget, "Compare").toolTip()


def test_single_strokes_are_one_notification(qtbot, widget, strokes, notes):
    strokes.data[20:] = 0
    button(widget, "Assess").click()
    qtbot.waitUntil(lambda: notes != [])
    qtbot.waitUntil(lambda: not widget._bench.job.is_busy)
    [note] = notes
    assert "no stroke can be held out" in note.message
    assert "board, class 7" in note.message


def test_a_class_of_a_single_stroke_is_said_not_judged(qtbot, widget, strokes):
    strokes.data[20:, 32:] = 0
    button(widget, "Assess").click()
    qtbot.waitUntil(lambda: says(widget, "3 strokes of textures held out"), timeout=60_000)
    assert says(widget, "class 7 needs more paint: not judged, with a single stroke")
    combo(widget, "Confusion").setCurrentText("Classes")
    assert "a single stroke" in [text.get_text() for text in axes_of(widget).texts]


def test_layers_may_be_removed_meanwhile(qtbot, viewer, widget, strokes, notes):
    button(widget, "Assess").click()
    viewer.layers.remove("textures strokes")
    viewer.layers.remove("textures")
    qtbot.waitUntil(lambda: says(widget, "6 strokes of textures held out"), timeout=60_000)
    assert says(widget, "right on held-out strokes")
    assert notes == []


def test_it_can_be_cancelled_within_a_second(qtbot, widget, strokes, monkeypatch):
    started, closed = threading.Event(), threading.Event()

    def endless(*_):
        started.set()
        try:
            while True:
                time.sleep(0.01)
                yield Progress(1, 4, "strokes held out")
        finally:
            closed.set()

    monkeypatch.setattr("napari_vitrail.widgets._trust.assess_steps", endless)
    button(widget, "Assess").click()
    qtbot.waitUntil(started.is_set)
    button(widget, "Cancel").click()
    qtbot.waitUntil(lambda: says(widget, "Cancelled"), timeout=1000)
    assert closed.wait(1)
    assert button(widget, "Assess").isEnabled()


def test_without_matplotlib_it_says_how_to_get_it(qtbot, widget, strokes, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_qtagg", None)
    button(widget, "Assess").click()
    qtbot.waitUntil(lambda: says(widget, "6 strokes of textures held out"), timeout=60_000)
    assert says(widget, "right on held-out strokes")
    assert says(widget, MISSING)


def test_the_plot_follows_the_theme(qtbot, viewer, assessed):
    for theme in ("light", "dark"):
        viewer.theme = theme
        expected = np.array(get_theme(theme).background.as_rgb_tuple()) / 255
        qtbot.waitUntil(
            lambda expected=expected: np.allclose(
                assessed._trust._plot._canvas.figure.get_facecolor()[:3], expected, atol=0.01
            )
        )


def test_everything_fits_into_320_pixels_in_each_view(assessed):
    for view in (*VIEWS, "Which class", "Comparison"):
        combo(assessed, "Confusion").setCurrentText(view)
        assert assessed.minimumSizeHint().width() <= 320
