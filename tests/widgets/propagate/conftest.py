"""A movie of a thing that moves, a tiny network, and the widget."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from napari_vitrail.propagation import (
    PROPAGATION,
    propagate_boxes_steps,
    propagate_labels_steps,
    propagate_points_steps,
)
from tests.widgets.propagate.hands import SIDE, dock, propagate, square

PLACES = [(24, 8 + 8 * at) for at in range(5)]
"""Where the square begins in each frame: it moves by one patch of the tiny network."""


@pytest.fixture(scope="session")
def movie():
    """Return a grey movie (5, 72, 96) of a chequered square that moves over a calm ground."""
    rows, columns = np.indices((SIDE, SIDE)) // 4
    made = np.full((len(PLACES), 72, 96), 60, np.uint8)
    for frame, (top, left) in zip(made, PLACES, strict=True):
        frame[top : top + SIDE, left : left + SIDE] = np.where((rows + columns) % 2, 230, 20)
    return made


@pytest.fixture(autouse=True)
def asked(monkeypatch, default_named_backbone):
    """Put a tiny network in place of the real one; return what was asked for, in order."""
    calls = []

    def tiny(steps, stack, given, spec, **options):
        calls.append({"given": given, "spec": spec, **options})
        descriptor = replace(PROPAGATION.descriptor, stride=8)
        own = replace(  # to random weights nothing looks more like itself than like the ground
            spec, descriptor=descriptor, side=None, radius=4.0, window="flat", centred=False, gone_below=0.0
        )
        return steps(stack, given, own, **{**options, "backbone": default_named_backbone, "store": None})

    for steps in (propagate_labels_steps, propagate_points_steps, propagate_boxes_steps):
        monkeypatch.setattr(f"napari_vitrail.propagation.{steps.__name__}", partial(tiny, steps))
    monkeypatch.setattr("napari_vitrail.backbones.load_backbone", lambda name: default_named_backbone)
    return calls


@pytest.fixture
def may_go(monkeypatch, asked):
    """Return an event for which the work waits after the first frame that no hand has labelled."""
    from napari_vitrail import propagation

    may_go = threading.Event()

    def slow(steps, *arguments, **options):
        is_first = True
        for progress in steps(*arguments, **options):
            yield progress
            if is_first and progress.so_far is not None and not _is_given(progress.so_far):
                is_first = False
                may_go.wait(20)

    for name in ("propagate_labels_steps", "propagate_points_steps"):
        monkeypatch.setattr(propagation, name, partial(slow, getattr(propagation, name)))
    yield may_go
    may_go.set()


@pytest.fixture
def viewer(make_napari_viewer_proxy, movie):
    viewer = make_napari_viewer_proxy(show=True)
    viewer.window.resize(1200, 900)
    viewer.add_image(movie, name="movie", scale=(5, 2, 3), translate=(1, 5, 7))
    return viewer


@pytest.fixture
def labels(viewer, movie):
    """Return a layer in which the square of the first frame is labelled."""
    data = np.zeros(movie.shape, np.uint16)
    data[0][square(PLACES[0])] = 3
    return viewer.add_labels(data, name="cell", scale=(5, 2, 3), translate=(1, 5, 7))


@pytest.fixture
def widget(qtbot, viewer, labels):
    return dock(qtbot, viewer)


@pytest.fixture
def done(qtbot, widget):
    """Return the widget after it has propagated the labels."""
    propagate(qtbot, widget)
    return widget


def _is_given(found):
    """Whether what was found in a frame was given by hand: labels are so as a whole, points row by row."""
    return found.given.all() if hasattr(found, "given") else found.is_given
