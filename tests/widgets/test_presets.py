"""Presets that say how long they take, in a real viewer."""

from __future__ import annotations

from dataclasses import replace

import pytest
from qtpy.QtWidgets import QComboBox

from napari_vitrail.forecast import rest_of
from napari_vitrail.presets import preset
from napari_vitrail.spec import SEGMENTATION
from napari_vitrail.speed import kind_of, shared_speeds
from napari_vitrail.widgets._form import backbone_choices
from napari_vitrail.widgets._presets import spoken_time
from tests.widgets.driving import button, combo, dock, says


@pytest.fixture
def viewer(make_napari_viewer_proxy, textures):
    viewer = make_napari_viewer_proxy()
    viewer.add_image(textures, name="textures")
    return viewer


@pytest.fixture
def widget(viewer):
    return dock(viewer, features=None)


def choices(widget) -> list[str]:
    presets = presets_of(widget)
    return [presets.itemText(index) for index in range(presets.count())]


def presets_of(widget) -> QComboBox:
    return next(found for found in widget.findChildren(QComboBox) if found.itemText(0).startswith("Fast"))


@pytest.fixture
def known_machine(monkeypatch):
    """Let this be a machine that needs a second for a patch, and 100 for all pixels of an image."""
    monkeypatch.setenv("VITRAIL_DEVICE", "cpu")
    for what, seconds in (("patch", 1.0), ("query", 0.1)):
        shared_speeds().note(kind_of(what, SEGMENTATION.backbone, "cpu", "float32"), 1, seconds)
    shared_speeds().note(rest_of(SEGMENTATION), 64 * 64, 5)


def test_an_unknown_machine_is_said_to_be_one(widget):
    assert choices(widget) == [f"{name} – time unknown" for name in ("Fast", "Balanced", "Fine")]


def test_the_time_is_there_before_anything_runs(qtbot, known_machine, widget):
    qtbot.waitUntil(lambda: "about" in choices(widget)[0], timeout=60_000)
    assert choices(widget)[0] == "Fast – about 30 s"  # 25 patches and all pixels
    assert presets_of(widget).currentIndex() == 1


def test_a_larger_image_takes_longer(qtbot, known_machine, viewer, widget, textures):
    qtbot.waitUntil(lambda: "about" in choices(widget)[0], timeout=60_000)
    viewer.add_image(textures.repeat(2, axis=0), name="large")
    combo(widget, "large").setCurrentText("large")
    qtbot.waitUntil(lambda: choices(widget)[0] == "Fast – about 60 s", timeout=60_000)


def test_a_preset_fills_the_form(widget):
    presets_of(widget).setCurrentIndex(2)
    assert widget._bench.form.spec == preset("Fine")


def test_a_preset_stays_chosen_when_the_backbone_changes(widget):
    presets_of(widget).setCurrentIndex(0)
    other = "vit_small_patch8_224.dino"
    title = next(title for title, name in backbone_choices() if name == other)
    combo(widget, title).setCurrentText(title)
    assert presets_of(widget).currentText().startswith("Fast")
    assert widget._bench.form.spec == preset("Fast", other)  # of its patches, not of those before


def test_settings_of_an_opened_project_stay_whatever_its_backbone(widget):
    saved = replace(SEGMENTATION, backbone=backbone_choices()[-1][1], stride=3, features="vit")
    widget._bench.form.show(saved, None)
    assert widget._bench.form.spec == saved


def test_a_change_by_hand_is_custom(widget):
    combo(widget, "Classical").setCurrentText("Classical")
    assert presets_of(widget).currentText().startswith("Custom")
    combo(widget, "Classical").setCurrentText("Automatic")
    assert presets_of(widget).currentText().startswith("Balanced")
    assert len(choices(widget)) == 3


def test_the_machine_is_known_after_the_first_segmentation(qtbot, viewer, widget):
    combo(widget, "Classical").setCurrentText("Classical")
    assert choices(widget)[-1] == "Custom – time unknown"
    button(widget, "New").click()
    strokes = viewer.layers["textures strokes"]
    strokes.data[10:50, 8:12], strokes.data[10:50, 50:54] = 2, 7
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: says(widget, "Done in"), timeout=60_000)
    qtbot.waitUntil(lambda: choices(widget)[-1] != "Custom – time unknown", timeout=60_000)


def test_the_preferred_preset_is_followed(viewer):
    settings = pytest.importorskip("napari.settings")
    if not hasattr(settings, "get_plugin_settings"):
        pytest.skip("napari has preferences of plugins from 0.9 on")
    painting = settings.get_plugin_settings("napari-vitrail").painting
    painting.preset = "Fine"
    widget = dock(viewer, features=None)
    assert presets_of(widget).currentText().startswith("Fine")
    painting.preset = "Fast"
    assert presets_of(widget).currentText().startswith("Fast")
    painting.backbone = "vit_small_patch16_224.dino"
    assert widget._bench.form.spec == preset("Fast", "vit_small_patch16_224.dino")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "time unknown"), (0.2, "under 1 s"), (6.4, "about 6 s"), (400, "about 7 min")],
)
def test_times_are_said_roughly(seconds, said):
    assert spoken_time(seconds) == said
