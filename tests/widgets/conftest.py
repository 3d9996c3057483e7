"""What the tests of the widgets share."""

from __future__ import annotations

import gc
from importlib import import_module

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from npe2 import PluginManifest

SIDE = 64
"""Pixels a side of the `textures`."""


@pytest.fixture(scope="session", autouse=True)
def little_garbage():
    """Let nobody look for garbage among what the libraries hold: napari's fixtures do so in every test."""
    import_module("napari_vitrail.live")
    import_module("timm")
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="session", autouse=True)
def plugins_found_once():
    """Read the manifests of the plugins once: every viewer asks for them anew, twice."""
    found = [*PluginManifest.discover()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PluginManifest, "discover", lambda *args, **options: iter(found))
        yield


@pytest.fixture(autouse=True)
def unsaved(tmp_path_factory, monkeypatch):
    """Return a folder of this test's own for unsaved strokes."""
    folder = tmp_path_factory.mktemp("data", numbered=True)
    monkeypatch.setenv("VITRAIL_DATA_DIR", str(folder))
    return folder / "unsaved"


@pytest.fixture(autouse=True)
def own_preferences(tmp_path_factory, monkeypatch):
    """Give every test preferences of its own: the user's are none of a test's business."""
    from napari import settings

    if not hasattr(settings, "get_plugin_settings"):  # before napari 0.9
        yield
        return
    folder = tmp_path_factory.mktemp("preferences", numbered=True)
    monkeypatch.setattr(settings, "_CFG_PATH", str(folder / "settings.yaml"))
    settings._clear_plugin_settings_cache()
    yield
    settings._clear_plugin_settings_cache()


@pytest.fixture
def dims():
    """Return a function that makes the dims of a viewer which shows the last two of n axes."""
    from napari.components import Dims

    def make(ndim: int = 2, **arguments):
        return Dims(ndim=ndim, range=[(0, 100, 1)] * ndim, **arguments)

    return make


@pytest.fixture
def noise():
    """Return a small image of noise."""
    return np.random.default_rng(0).integers(0, 255, (12, 16), np.uint8)


@pytest.fixture
def textures():
    """Return an image whose left half is a chequer board and whose right half is a slope."""
    rows, columns = np.indices((SIDE, SIDE))
    return np.where(columns < SIDE // 2, (rows // 2 + columns // 2) % 2 * 200, rows * 3).astype(np.uint8)


@pytest.fixture
def notes():
    """Return the notifications that napari shows during a test."""
    notification_manager.records.clear()
    yield notification_manager.records
    notification_manager.records.clear()
