"""What the tests of the widgets share."""

from __future__ import annotations

import numpy as np
import pytest
from napari.utils.notifications import notification_manager

SIDE = 64
"""Pixels a side of the `textures`."""


@pytest.fixture(autouse=True)
def unsaved(tmp_path_factory, monkeypatch):
    """Return a folder of this test's own for unsaved strokes."""
    folder = tmp_path_factory.mktemp("data", numbered=True)
    monkeypatch.setenv("VITRAIL_DATA_DIR", str(folder))
    return folder / "unsaved"


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
