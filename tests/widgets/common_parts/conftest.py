"""Images of one thing on various grounds, a tiny network, and the widget."""

from __future__ import annotations

import threading
from functools import partial

import numpy as np
import pytest

from napari_vitrail.cosegmentation import CosegmentationSpec, see_set_steps
from napari_vitrail.spec import FeatureSpec
from tests.widgets.common_parts.hands import dock, find

TINY = CosegmentationSpec(FeatureSpec(features="vit", layer=2, facet="key", stride=4), side=64)
PLACES = ((8, 16), (32, 8), (24, 24))
"""Where the square begins in each of the images."""


@pytest.fixture(scope="session")
def images():
    """Return three grey images (64, 72) of a chequered square (24, 24) on a calm ground."""
    rows, columns = np.indices((24, 24)) // 4
    square = np.where((rows + columns) % 2, 230, 20).astype(np.uint8)
    made = []
    for top, left in PLACES:
        image = np.full((64, 72), 60, np.uint8)
        image[top : top + 24, left : left + 24] = square
        made.append(image)
    return made


@pytest.fixture(autouse=True)
def steps(monkeypatch, tiny_backbone):
    """Put a tiny network in place of the real one."""
    steps = partial(see_set_steps, spec=TINY, backbone=tiny_backbone)
    monkeypatch.setattr("napari_vitrail.cosegmentation.see_set_steps", steps)
    return steps


@pytest.fixture
def may_go(monkeypatch, steps):
    """Return an event for which the network waits before it looks."""
    may_go = threading.Event()

    def slow_steps(*arguments, **options):
        may_go.wait(20)
        return (yield from steps(*arguments, **options))

    monkeypatch.setattr("napari_vitrail.cosegmentation.see_set_steps", slow_steps)
    yield may_go
    may_go.set()


@pytest.fixture
def viewer(make_napari_viewer_proxy, images):
    viewer = make_napari_viewer_proxy(show=True)
    viewer.window.resize(1200, 900)
    for number, image in enumerate(images):
        viewer.add_image(image, name=f"photo {number}", scale=(2, 3), translate=(5, number))
    return viewer


@pytest.fixture
def widget(qtbot, viewer):
    return dock(qtbot, viewer)


@pytest.fixture
def found(qtbot, widget):
    """Return the widget after it has found what the images share."""
    find(qtbot, widget)
    return widget
