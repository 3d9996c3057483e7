"""Preferences: declared in the manifest, read and followed; defaults where napari has none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from qtpy.QtWidgets import QLabel, QListWidget

from napari_vitrail.backbones import list_backbones
from napari_vitrail.backbones._device import resolve_device
from napari_vitrail.defaults import DEFAULTS, Defaults
from napari_vitrail.store import shared_store
from napari_vitrail.widgets import _settings
from napari_vitrail.widgets._settings import declared, follow, preference
from tests.widgets.driving import button, combo, dock

settings = pytest.importorskip("napari.settings")
needs_preferences = pytest.mark.skipif(
    not hasattr(settings, "get_plugin_settings"), reason="napari has preferences of plugins from 0.9 on"
)


@pytest.fixture(autouse=True)
def same_defaults(monkeypatch):
    for name, value in vars(Defaults()).items():
        monkeypatch.setattr(DEFAULTS, name, value)


@pytest.fixture
def viewer(make_napari_viewer_proxy, noise):
    viewer = make_napari_viewer_proxy()
    viewer.add_image(noise, name="noise")
    return viewer


@pytest.fixture
def widget(viewer):
    return dock(viewer, features=None, update=None)


@needs_preferences
def test_every_preference_has_its_declared_default():
    for group, names in declared().items():
        for name, default in names.items():
            assert preference(group, name) == default


def test_napari_without_preferences_of_plugins_has_the_defaults(monkeypatch):
    monkeypatch.setattr(_settings, "_settings", lambda: None)
    assert preference("keys", "view") == "T"
    assert preference("painting", "autosave") is True
    end = follow("keys", lambda: None)
    end()


def test_the_backbones_to_prefer_are_those_there_are():
    import yaml

    text = (Path(_settings.__file__).parents[1] / "napari.yaml").read_text(encoding="utf-8")
    properties = yaml.safe_load(text)["contributions"]["configurations"]["painting"]["properties"]
    assert properties["backbone"]["enum"] == [info.name for info in list_backbones()]


@needs_preferences
def test_a_change_is_followed_until_nobody_follows():
    heard = []
    end = follow("keys", lambda: heard.append(preference("keys", "view")))
    keys = settings.get_plugin_settings("napari-vitrail").keys
    keys.view = "F9"
    end()
    keys.view = "F8"
    assert heard == ["F9"]


@needs_preferences
def test_the_gear_is_followed(widget):
    gears = combo(widget, "Live")
    assert gears.currentText() == "After stroke"
    settings.get_plugin_settings("napari-vitrail").painting.gear = "Manual"
    assert gears.currentText() == "Manual"


@needs_preferences
def test_device_and_store_are_those_preferred(monkeypatch, widget, tmp_path):
    monkeypatch.delenv("VITRAIL_DEVICE", raising=False)
    before = shared_store()
    computing = settings.get_plugin_settings("napari-vitrail").computing
    computing.device = "cpu"
    computing.store_folder = str(tmp_path / "features")
    computing.store_gigabytes = 0.5
    assert resolve_device() == "cpu"
    assert shared_store() is not before
    assert shared_store().folder == tmp_path / "features"
    assert shared_store().disk_bytes == 1 << 29


@needs_preferences
def test_preferences_show_them(viewer, qtbot):
    from napari._qt.dialogs.preferences_dialog import PreferencesDialog

    dialog = PreferencesDialog()
    qtbot.addWidget(dialog)
    pages = dialog.findChild(QListWidget)
    assert "Vitrail" in [pages.item(row).text() for row in range(pages.count())]
    labels = {label.text() for label in dialog.findChildren(QLabel)}
    assert {"Next view", "Preset", "Size of the feature store (GB)"} <= labels


@needs_preferences
def test_strokes_are_kept_only_where_that_is_preferred(qtbot, viewer, widget, unsaved):
    button(widget, "New").click()
    strokes = viewer.layers["noise strokes"]
    painting = settings.get_plugin_settings("napari-vitrail").painting
    painting.autosave = False
    strokes.data_setitem((np.array([1]), np.array([1])), 1)
    qtbot.wait(500)
    widget._autosave.flush()
    assert not list(unsaved.glob("*.vitrail"))
    painting.autosave, painting.autosave_seconds = True, 0.1
    strokes.data_setitem((np.array([2]), np.array([2])), 1)
    qtbot.waitUntil(lambda: bool(list(unsaved.glob("*.vitrail"))), timeout=30_000)
