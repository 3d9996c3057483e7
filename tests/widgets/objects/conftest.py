"""An image with a thing in it, a tiny network, and the widget."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

from napari_vitrail.objects import OBJECTS, find_objects_steps
from tests.widgets.objects.hands import dock, find

TINY = replace(
    OBJECTS,
    descriptor=replace(OBJECTS.descriptor, stride=4),
    side=96,
    boxes=replace(OBJECTS.boxes, min_area=4),
)
PLACES = ((24, 40), (12, 20))
"""Where the square begins in each of the images."""


@pytest.fixture(scope="session")
def things():
    """Return two grey images (72, 96) of a chequered square (32, 32) on a calm ground."""
    rows, columns = np.indices((32, 32)) // 4
    square = np.where((rows + columns) % 2, 230, 20).astype(np.uint8)
    made = []
    for top, left in PLACES:
        image = np.full((72, 96), 60, np.uint8)
        image[top : top + 32, left : left + 32] = square
        made.append(image)
    return made


@pytest.fixture(autouse=True)
def steps(monkeypatch, default_named_backbone):
    """Put a tiny network in place of the real one; return what was asked for, in order."""
    asked = []

    def tiny_steps(image, spec, **options):
        asked.append(spec)
        return find_objects_steps(image, TINY, backbone=default_named_backbone)

    monkeypatch.setattr("napari_vitrail.objects.find_objects_steps", tiny_steps)
    monkeypatch.setattr("napari_vitrail.backbones.load_backbone", lambda name: default_named_backbone)
    return asked


@pytest.fixture
def may_go(monkeypatch):
    """Return an event for which the network waits before it looks in full; what is coarse is shown before."""
    from napari_vitrail import objects

    may_go, look = threading.Event(), objects.find_objects_steps

    def slow_steps(*arguments, **options):
        steps = look(*arguments, **options)
        is_coarse = False
        while True:
            try:
                progress = next(steps)
            except StopIteration as stop:
                return stop.value
            if is_coarse:
                may_go.wait(20)
            is_coarse = progress.so_far is not None
            yield progress

    monkeypatch.setattr("napari_vitrail.objects.find_objects_steps", slow_steps)
    yield may_go
    may_go.set()


@pytest.fixture
def viewer(make_napari_viewer_proxy, things):
    viewer = make_napari_viewer_proxy(show=True)
    viewer.window.resize(1200, 900)
    viewer.add_image(things[0], name="photo", scale=(2, 3), translate=(5, 7), rotate=15)
    return viewer


@pytest.fixture
def widget(qtbot, viewer):
    return dock(qtbot, viewer)


@pytest.fixture
def found(qtbot, widget):
    """Return the widget after it has found what is in the image."""
    find(qtbot, widget)
    return widget
